"""What a course, a term, a grid, a unit or a programme is held by is told before anybody is asked whether to delete it."""

import pytest
from conftest import rows
from hands import do, send, words
from studying import college

from models.courses import Course, Grid
from models.studies import OrgUnit, Programme, Season, Term

HOLDS = {
    "course": "1 grille et 2 inscriptions en dépendent. Utilisez plutôt « Retirer des choix ».",
    "grid": "1 admission en dépend. Utilisez plutôt « Retirer des choix ».",
    "programme": "1 grille et 1 admission en dépendent. Utilisez plutôt « Retirer des choix ».",
    "term": "1 dossier de session et 2 inscriptions en dépendent. Corrigez plutôt cette fiche, ou changez d’abord ce qui en dépend.",
    "org_unit": "1 grille et 1 admission en dépendent. Corrigez plutôt cette fiche, ou changez d’abord ce qui en dépend.",
}
MODELS = {"course": Course, "grid": Grid, "programme": Programme, "term": Term, "org_unit": OrgUnit}


@pytest.fixture
def held(app, schools):
    """The five, held by the registrations of one student; their identifiers."""
    with rows(app) as session:
        made = college(session, schools[1])
        unit, programme = OrgUnit(school_id=schools[1], code="ZZ", name="Essai"), Programme(school_id=schools[1], code="999.Z9", title="Essai")
        grid = Grid(school_id=schools[1], code="ESSAI", programme=programme, org_unit=unit, courses=[made.courses[0]])
        made.admission.programme, made.admission.grid, made.admission.org_unit = programme, grid, unit
        record = made.record()
        made.enrol(record)
        made.enrol(record, course=1, parent_course=made.courses[0])
        found = {"course": made.courses[0], "grid": grid, "programme": programme, "term": made.terms[0], "org_unit": unit}
        session.flush()
        return {name: row.id for name, row in found.items()}


@pytest.mark.parametrize("table", HOLDS)
def test_what_is_used_is_not_deleted_and_what_holds_it_is_told_before_the_question(app, as_, held, table):
    browser, address, key = as_("acc2"), f"/admin/{table}/delete/", str(held[table])
    said = words(send(browser, address, page="/account", id=key))
    assert f"suppression impossible, {HOLDS[table]}" in said
    assert "corbeille" not in said
    assert ("Retirer des choix" in said.replace(HOLDS[table], "")) is (table not in ("term", "org_unit"))
    assert send(browser, address, page="/account", id=key, _asked="1").status_code == 409
    with rows(app) as session:
        assert session.get(MODELS[table], held[table]) is not None


def test_what_was_retired_already_is_not_to_be_retired_and_what_nothing_holds_goes(app, as_, schools, held):
    browser = as_("acc2")
    assert do(browser, "course", "retire", held["course"]).status_code in (302, 303)
    said = words(send(browser, "/admin/course/delete/", page="/account", id=str(held["course"])))
    assert "Cette fiche est déjà hors usage, et cela suffit." in said
    with rows(app) as session:
        free = Term(school_id=schools[1], year=2092, season=Season.winter)
        session.add(free)
        session.flush()
        key = free.id
    assert send(browser, "/admin/term/delete/", page="/account", id=str(key), _asked="1").status_code in (302, 303)
    with rows(app) as session:
        assert session.get(Term, key) is None
