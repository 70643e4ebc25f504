"""Cells set right in the preview: one or many at once, on every line that says the same, by two people at once; read again by every check."""

import pytest
from conftest import rows
from hands import words as said
from import_desk import table
from import_dirt import HEADINGS as LIST
from import_dirt import KINDS
from import_dirt import rows as dirty
from import_people import HEADINGS, STUDENTS
from sqlalchemy import func, select
from test_import_pages import Hands

from jobs.runner import run_pending
from models.base import Refusal
from models.imports import Busy, Fix, Import, ImportStatus
from models.people import Group, GroupCategory, Student
from models.school import Level

WRONG = [{**STUDENTS[0], "date_naissance": "31/09/2014"}, *STUDENTS[1:]]


@pytest.fixture
def classes(app, desk):
    """The school has four classes."""
    with rows(app) as session:
        session.add_all([Group(school_id=desk.school_id, name=f"{n}e Bleue", category=GroupCategory.klass) for n in (6, 5, 4, 3)])


def test_twelve_kinds_of_dirt_in_three_hundred_rows_are_set_right_without_the_spreadsheet(app, desk, classes):
    key = desk.send(table(dirty(), LIST))
    assert {line for line, fate in desk.statuses(key).items() if fate == "error"} == {line for dirt in KINDS.values() for line in dirt.lines} | {300}
    for dirt in KINDS.values():
        if dirt.typed is None:
            desk.do(key, "ignore", dirt.lines[0])
        else:
            desk.fix(key, dirt.lines[0], {dirt.field: dirt.typed}, everywhere=len(dirt.lines) > 1)
    counts = desk.counts(key)
    assert (counts["error"], counts["ignored"], counts["created"]) == (0, 1, 299)
    desk.do(key, "confirm")
    people = {(p[0], p[1]): p for p in desk.people()}
    assert len(people) == 299
    assert people["Bénard", "Zoé-Baba"][3] == "2014-09-30"
    assert sorted({p[10] for p in people.values()}) == ["3e Bleue", "4e Bleue", "5e Bleue", "6e Bleue"]


def test_a_value_still_wrong_stays_as_typed_and_says_why(desk):
    key = desk.send(table(WRONG))
    desk.fix(key, 2, {"born_on": "2055-01-01"})
    row = desk.row(key, 2)
    assert row.cells["born_on"] == "2055-01-01"
    assert row.in_file == {"born_on": "31/09/2014"}
    assert [n["code"] for n in row.problems] == ["date_future"]


def test_a_line_without_family_name_is_called_by_the_given_name(desk):
    assert desk.row(desk.send(table([{**STUDENTS[0], "nom": "", "prenom": "Jules"}])), 2).name == "Jules"


def test_once_all_is_corrected_the_tab_of_errors_leads_to_what_is_to_decide(app, as_):
    hands = Hands(app, as_("ac"))
    person = {"nom": "Marchand", "prenom": "Léa", "sexe": "F", "date_naissance": "01/02/2013"}
    likes = [{**person, "date_naissance": day} for day in ("11/02/2013", "01/02/2012")]
    hands.post(hands.check(table([person])).replace("details", "confirm"))
    run_pending(app)
    url = hands.check(table([WRONG[0], *likes]))
    hands.post(url.replace("details", "correct"), **{"c.students.2.born_on": "2014-09-30"})
    run_pending(app)
    page = hands.read(url, tab="error")
    assert "Tout est corrigé : 2 lignes restent à décider" in said(page)
    assert 'tab=unsure">Tout est corrigé' in page.text
    assert "Aucune ligne ici" not in said(page)
    assert "0 ligne en erreur" not in said(page)


def test_a_file_that_had_no_error_says_so_under_its_tab(app, as_):
    hands = Hands(app, as_("ac"))
    assert "Aucune ligne ici" in said(hands.read(hands.check(table(STUDENTS)), tab="error"))


def test_what_the_file_says_anyway_is_no_correction_any_more(app, desk):
    key = desk.send(table(WRONG))
    desk.fix(key, 2, {"born_on": "2014-09-30"})
    desk.fix(key, 2, {"born_on": "31/09/2014"})
    with rows(app) as session:
        assert session.get_one(Import, key).files[0].corrections == {}
    assert desk.counts(key)["error"] == 1


def test_corrections_are_kept_when_columns_are_called_otherwise_and_when_the_check_runs_again(desk):
    headings = ["surnom" if h == "nom" else h for h in HEADINGS]
    key = desk.send(table([[s.get(h, "") for h in HEADINGS] for s in WRONG], headings))
    desk.fix(key, 2, {"born_on": "2014-09-30"})
    desk.do(key, "choose", {}, {0: "family_name"})
    desk.do(key, "check")
    assert desk.counts(key)["error"] == 0
    assert desk.row(key, 2).cells["born_on"] == "2014-09-30"


def test_one_answer_sets_every_line_right_that_says_the_same(app, desk):
    lines = [{**s, "sexe": "garçonne"} for s in STUDENTS]
    key = desk.send(table(lines))
    assert [n["times"] for n in desk.row(key, 2).problems] == [5]
    desk.fix(key, 3, {"sex": "F"}, everywhere=True)
    assert desk.counts(key)["error"] == 0
    desk.fix(key, 4, {"sex": "M"})  # a line of its own goes before what holds everywhere
    desk.do(key, "confirm")
    with rows(app) as session:
        found = session.execute(select(Student.given_name, Student.sex).where(Student.school_id == desk.school_id)).all()
    assert {name: sex.name for name, sex in found} == {"Zoé": "F", "Éva": "F", "Œdipe": "M", "Léo": "F", "Lou": "F"}


@pytest.mark.parametrize("field", ["family_name", "national_id"])
def test_a_name_or_an_identifier_is_never_set_for_others(app, desk, field):
    key = desk.send(table(STUDENTS))
    desk.fix(key, 2, {field: "Nouveau"}, everywhere=True)
    with rows(app) as session:
        file = session.get_one(Import, key).files[0]
        assert (file.replacements, file.corrections) == ({}, {"2": {field: "Nouveau"}})


def test_the_second_of_two_people_is_told_and_nothing_is_lost(desk):
    key = desk.send(table(WRONG))
    assert desk.fix(key, 2, {"born_on": "2014-09-30"}, seen="31/09/2014") == []
    clashes = desk.do(key, "correct", [Fix("students", 2, "born_on", "2014-10-01", "31/09/2014"), Fix("students", 3, "town", "Ailleurs", "")])
    assert [(clash.now, clash.fix.text) for clash in clashes] == [("2014-09-30", "2014-10-01")]
    assert desk.row(key, 2).cells["born_on"] == "2014-09-30"
    assert desk.row(key, 3).cells["town"] == "Ailleurs"


def test_the_same_answer_of_two_people_is_no_clash(desk):
    key = desk.send(table(WRONG))
    desk.fix(key, 2, {"born_on": "2014-09-30"}, seen="31/09/2014")
    assert desk.fix(key, 2, {"born_on": "2014-09-30"}, seen="31/09/2014") == []


def test_what_is_decided_during_a_check_is_read_by_it(app, desk, monkeypatch):
    from jobs import imports as work

    key = desk.send(table(WRONG))
    read, asked = work._read, []

    def read_and_be_late(one, sent, *, shown):
        asked.append(one.revision)
        found = read(one, sent, shown=shown)
        if len(asked) == 1:
            with rows(app) as session:
                late = session.get_one(Import, key)
                late.files[0].corrections = {"2": {"born_on": "2014-09-30"}}
                late.revision += 1
        return found

    monkeypatch.setattr(work, "_read", read_and_be_late)
    desk.do(key, "check")
    assert len(asked) == 2
    assert desk.counts(key)["error"] == 0


def test_corrections_are_taken_while_a_check_is_under_way_and_refused_while_it_is_written(app, desk):
    key = desk.send(table(WRONG))
    with rows(app) as session:
        one = session.get_one(Import, key)
        one.status = ImportStatus.checking
        session.flush()
    desk.fix(key, 2, {"born_on": "2014-09-30"})
    assert desk.counts(key)["error"] == 0
    with app.app_context(), desk.acting():
        from models.db import db

        db.session.get_one(Import, key).confirm()
        db.session.commit()
        with pytest.raises(Refusal, match="en cours"):
            db.session.get_one(Import, key).correct([Fix("students", 2, "town", "Ailleurs")])
        db.session.rollback()
    run_pending(app)
    with pytest.raises(Refusal):
        desk.fix(key, 2, {"town": "Ailleurs"})


ELSEWHERE = (("students", 2, "role"), ("students", 999, "town"), ("guardians", 2, "town"), ("staff", 2, "town"))


@pytest.mark.parametrize("cell", ELSEWHERE)
def test_a_cell_that_the_file_does_not_have_is_refused(desk, cell):
    key = desk.send(table(STUDENTS))
    with pytest.raises(Refusal):
        desk.do(key, "correct", [Fix(*cell, "x")])


def test_a_missing_class_is_made_when_somebody_says_so_or_read_as_another(app, desk, classes):
    lines = [{**STUDENTS[0], "classe": "5e Bleu"}, {**STUDENTS[1], "classe": "5e Bleus"}, {**STUDENTS[2], "classe": "2nde Verte"}]
    key = desk.send(table(lines))
    told = desk.notes(key)
    assert told[2][0][2] == "“5e Bleu” is not a class of the school: is it “5e Bleue”?"
    assert list(told) == [2, 3]
    desk.do(key, "settle", "homeroom", "5e Bleu", "5e Bleue")
    desk.do(key, "settle", "homeroom", "5e Bleus", None)
    assert desk.counts(key)["error"] == 0
    with rows(app) as session:
        assert sorted(place["text"] for place in session.get_one(Import, key).places if place["comes"]) == ["2nde Verte", "5e Bleus"]
        assert session.scalar(select(func.count()).select_from(Group).where(Group.school_id == desk.school_id)) == 4
    desk.do(key, "confirm")
    assert {p[1]: p[10] for p in desk.people()} == {"Zoé": "5e Bleue", "Éva": "5e Bleus", "Œdipe": "2nde Verte"}


def test_the_second_who_settles_a_class_otherwise_is_told(desk, classes):
    key = desk.send(table([{**STUDENTS[0], "classe": "5e Bleu"}]))
    desk.do(key, "settle", "homeroom", "5e Bleu", "5e Bleue", "")
    desk.do(key, "settle", "homeroom", "5e Bleu", "5e Bleue", "")  # the same answer
    with pytest.raises(Busy):
        desk.do(key, "settle", "homeroom", "5e Bleu", None, "")
    desk.do(key, "settle", "homeroom", "5e Bleu", None, "=5e Bleue")
    with pytest.raises(Refusal):
        desk.do(key, "settle", "homeroom", "Inconnue", None)


def test_a_level_nearly_known_is_asked_about_too(app, desk):
    with rows(app) as session:
        session.add(Level(school_id=desk.school_id, name="Terminale", rank=1))
    key = desk.send(table([{**STUDENTS[0], "niveau": "Terminal"}], [*HEADINGS, "niveau"]))
    assert desk.notes(key)[2][0][2] == "“Terminal” is not a level of the school: is it “Terminale”?"
    with pytest.raises(Refusal):
        desk.do(key, "settle", "town", "Valmont", None)


def test_short_names_and_other_numbers_are_other_classes(app, desk):
    with rows(app) as session:
        session.add_all([Group(school_id=desk.school_id, name=name, category=GroupCategory.klass) for name in ("5e A", "5e Bleue 1")])
    key = desk.send(table([{**STUDENTS[0], "classe": "5e B"}, {**STUDENTS[1], "classe": "5e Bleue 2"}]))
    assert desk.counts(key)["error"] == 0


# -- on the page


@pytest.fixture
def hands(app, as_):
    return Hands(app, as_("ac"))


def test_many_cells_are_saved_with_one_button_and_only_those_that_changed(app, hands):
    url = hands.check(table([{**STUDENTS[0], "date_naissance": "31/09/2014", "sexe": "?", "courriel": "néant"}, *STUDENTS[1:]]))
    page = hands.browser.get(url).text
    assert 'type="date"' in page
    assert '<option value="F">Féminin</option>' in page
    cells = {"c.students.2.born_on": "2014-09-30", "s.students.2.born_on": "31/09/2014", "o.students.2.born_on": ""}
    cells |= {"c.students.2.sex": "?", "s.students.2.sex": "?", "c.students.2.email": "", "s.students.2.email": "néant"}
    assert hands.post(url.replace("details", "correct"), **cells).status_code == 303
    assert "Vos corrections sont en cours de vérification." in said(hands.browser.get(url))
    run_pending(app)
    with rows(app) as session:
        file = session.get_one(Import, int(url.rpartition("=")[2])).files[0]
        assert file.corrections == {"2": {"born_on": "2014-09-30", "email": ""}}


def test_the_lines_stay_on_the_page_while_they_are_checked_again(app, hands):
    url = hands.check(table([{**STUDENTS[0], "date_naissance": "31/09/2014", "sexe": "?"}, *STUDENTS[1:]]))
    hands.post(url.replace("details", "correct"), **{"c.students.2.born_on": "2055-09-30"})
    page = hands.browser.get(url)
    assert 'value="2055-09-30"' in page.text
    assert "En erreur 1" in said(page)
    assert "Continuer avec" not in said(page)


def test_a_script_is_told_at_once_what_is_wrong(app, hands):
    url = hands.check(table(WRONG))
    body = {"c.students.2.born_on": "2055-09-30", "s.students.2.born_on": "31/09/2014", "o.students.2.born_on": ""}
    page = hands.browser.get(url).text
    from hands import token

    answer = hands.browser.post(url.replace("details", "correct"), data={"csrf_token": token(page), **body}, headers={"Accept": "application/json"})
    assert answer.json["cells"] == {"students.2.born_on": {"problem": "Cette date est dans l’avenir.", "remedy": "Corrigez l’année.", "seen": "2055-09-30"}}


def test_a_clash_is_shown_with_what_was_typed(app, hands, as_):
    url = hands.check(table(WRONG))
    correct = url.replace("details", "correct")
    hands.post(correct, **{"c.students.2.born_on": "2014-09-30", "s.students.2.born_on": "31/09/2014"})
    run_pending(app)
    other = Hands(app, as_("acc"))
    answer = other.post(correct + "&tab=created", **{"c.students.2.born_on": "2014-10-01", "s.students.2.born_on": "31/09/2014"})
    assert answer.status_code == 409
    assert "Quelqu’un a écrit ici « 30/09/2014 » entre-temps." in said(answer)
    assert 'value="2014-10-01"' in answer.text
    assert 'name="s.students.2.born_on" value="2014-09-30"' in answer.text


def test_any_line_opens_whole_to_be_set_right(app, hands):
    url = hands.check(table(STUDENTS))
    page = hands.read(url, tab="created", line="students.3").text
    assert 'name="c.students.3.town"' in page
    assert 'name="c.students.2.town"' not in page
    hands.post(url.replace("details", "correct") + "&tab=created", **{"c.students.3.town": "Chênebourg", "s.students.3.town": ""})
    run_pending(app)
    with rows(app) as session:
        assert session.get_one(Import, int(url.rpartition("=")[2])).files[0].corrections == {"3": {"town": "Chênebourg"}}


def test_an_ignored_line_is_taken_again(app, hands):
    url = hands.check(table(WRONG))
    correct = url.replace("details", "correct")
    hands.post(correct, ignore="students.2")
    run_pending(app)
    assert "Reprendre la ligne" in said(hands.read(url, tab="ignored"))
    hands.post(correct, take="students.2")
    run_pending(app)
    assert "En erreur 1" in said(hands.browser.get(url))


def test_missing_classes_are_named_and_settled_on_the_page(app, hands, schools):
    url = hands.check(table([{**STUDENTS[0], "classe": "5e Bleu"}, {**STUDENTS[1], "classe": "5e Verte"}]))
    text = said(hands.browser.get(url))
    assert "1 classe créée : 5e Verte" in text
    assert "« 5e Bleu » n’est pas une classe de l’établissement" in text
    places = {"said.0": "homeroom:5e Bleu", "was.0": "", "to.0": "=5e Bleue", "said.1": "homeroom:5e Verte", "was.1": "+", "to.1": "+"}
    hands.post(url.replace("details", "correct"), **places)
    run_pending(app)
    assert "En erreur 0" in said(hands.browser.get(url))


def test_dates_are_shown_as_the_reader_writes_them_beside_what_was_typed(hands):
    url = hands.check(table([{**STUDENTS[0], "date_naissance": "14 mars 2014"}, {**STUDENTS[1], "date_naissance": "2013-02-02"}]))
    text = said(hands.read(url, tab="created"))
    assert "14/03/2014 14 mars 2014" in text
    assert "02/02/2013" in text
    assert "2013-02-02" not in text


def test_unchanged_lines_are_not_among_those_to_continue_with(app, hands):
    first = hands.check(table(STUDENTS))
    hands.post(first.replace("details", "confirm"))
    run_pending(app)
    url = hands.check(table([{**STUDENTS[0], "ville": "Ailleurs"}, *STUDENTS[1:]]))
    assert "Continuer avec 1 ligne" in said(hands.browser.get(url))


@pytest.mark.parametrize("name", ["c.students.x.born_on", "c.everybody.2.born_on", "c.students.2", "c.students.99999999999.town"])
def test_a_cell_with_an_odd_name_is_refused(hands, name):
    url = hands.check(table(STUDENTS))
    assert hands.post(url.replace("details", "correct"), **{name: "x"}).status_code == 400
