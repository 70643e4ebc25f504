"""Columns that somebody chose are understood at once in the next file with the same headings, and can be forgotten."""

import io
import re

import pytest
from conftest import rows
from hands import words as said
from import_desk import Desk, table
from import_people import HEADINGS, STUDENTS
from sqlalchemy import func, select
from test_import_pages import Hands

from jobs.runner import run_pending
from models.base import Refusal
from models.column_mapping import ColumnMapping, mark_of
from models.imports import Import

OTHERS = ["Surnom", "Petit nom", *HEADINGS[2:]]


def sheet(headings=OTHERS, people=STUDENTS):
    return table([[s.get(h, "") for h in HEADINGS] for s in people], headings)


def mapping(app, key):
    with rows(app) as session:
        file = session.get_one(Import, key).files[0]
        return file.mapping[:2], file.remembered_at is not None


def known(app):
    with rows(app) as session:
        return session.scalar(select(func.count()).select_from(ColumnMapping))


@pytest.fixture
def taught(app, desk):
    """An import whose columns somebody chose was written."""
    key = desk.send(sheet())
    assert desk.state(key)[3] == {"code": "no_columns", "params": {}} or desk.counts(key)["error"] == len(STUDENTS)
    desk.do(key, "choose", {}, {0: "family_name", 1: "given_name"})
    desk.do(key, "confirm")
    return desk


def test_the_next_file_with_these_headings_is_understood_at_once(app, taught):
    key = taught.send(sheet(["SURNOM *", "petit nom", *HEADINGS[2:]]))
    assert taught.counts(key)["unchanged"] == len(STUDENTS)
    assert mapping(app, key) == (["family_name", "given_name"], True)


def test_other_headings_or_another_order_are_another_file(app, taught):
    key = taught.send(sheet(["Petit nom", "Surnom", *HEADINGS[2:]]))
    assert mapping(app, key)[1] is False


def test_only_chosen_columns_of_a_written_import_are_kept(app, desk):
    desk.write(table(STUDENTS))
    key = desk.send(sheet())
    desk.do(key, "choose", {}, {0: "family_name", 1: "given_name"})
    desk.do(key, "abandon")
    assert known(app) == 0


def test_a_later_choice_for_the_same_headings_takes_the_place_of_the_first(app, taught):
    key = taught.send(sheet(people=[{**STUDENTS[0], "ville": "Ailleurs"}]))
    taught.do(key, "choose", {}, {0: "family_name", 1: "given_name", 9: ""})
    taught.do(key, "choose", {}, {6: ""})
    taught.do(key, "confirm")
    assert known(app) == 1
    with rows(app) as session:
        assert session.scalars(select(ColumnMapping.fields)).one()[9] == ""


def test_forgotten_columns_are_understood_by_their_names_again(app, taught):
    key = taught.send(sheet())
    taught.do(key, "forget")
    assert known(app) == 0
    assert mapping(app, key) == (["", ""], False)


def test_a_column_that_no_longer_exists_is_not_trusted(app, taught):
    with rows(app) as session:
        kept = session.scalars(select(ColumnMapping)).one()
        kept.fields = ["password_hash", *kept.fields[1:]]
    assert mapping(app, taught.send(sheet()))[1] is False


def test_another_school_does_not_know_them(app, taught, schools):
    other = Desk(app, schools[1], "ac2")
    assert mapping(app, other.send(sheet()))[1] is False


def test_headings_are_one_whatever_their_accents_and_signs():
    assert mark_of(["Né(e) le *", "NOM"]) == mark_of(["nee le", "Nom "])
    assert mark_of(["nom", "prenom"]) != mark_of(["prenom", "nom"])


def test_the_page_says_as_last_time_and_forgets_when_asked(app, as_):
    hands = Hands(app, as_("ac"))
    url = hands.check(sheet())
    hands.post(url.replace("details", "columns"), column_0="family_name", column_1="given_name")
    run_pending(app)
    hands.post(url.replace("details", "confirm"))
    run_pending(app)
    again = hands.check(sheet())
    page = hands.browser.get(again)
    assert "Ses colonnes sont comprises comme la dernière fois (" in said(page)
    new = hands.browser.get("/admin/import_/new/")
    assert "Oublier ces colonnes Surnom, Petit nom" in said(new)
    theirs = said(as_("registrar").get("/admin/import_/new/"))
    assert "Surnom, Petit nom" in theirs
    assert "Oublier ces colonnes" not in theirs
    file = re.search(r'name="file" value="(\d+)"', page.text)[1]
    assert hands.post(again.replace("details", "forget"), file=file).status_code == 303
    run_pending(app)
    assert "comme la dernière fois" not in said(hands.browser.get(again))
    assert "Surnom, Petit nom" not in said(hands.browser.get("/admin/import_/new/"))


def test_columns_are_forgotten_from_the_page_of_the_files_by_their_own_school(app, as_, taught):
    with rows(app) as session:
        number = session.scalar(select(ColumnMapping.id))
    address = "/admin/import_/forget_mapping/"
    assert Hands(app, as_("ac2")).post(address, mapping=str(number)).status_code == 404
    assert Hands(app, as_("amp")).post(address, mapping=str(number)).status_code == 403
    assert Hands(app, as_("registrar")).post(address, mapping=str(number)).status_code == 403
    assert Hands(app, as_("ac")).post(address, mapping="x").status_code == 404
    assert known(app) == 1


def test_whoever_imports_for_themselves_only_does_not_have_the_school_forget(app, taught):
    registrar = Desk(app, taught.school_id, "registrar")
    key = registrar.send(("eleves.csv", sheet()))
    with pytest.raises(Refusal, match="remembered"):
        registrar.do(key, "forget")
    assert known(app) == 1


def test_nobody_says_that_a_file_is_what_only_a_transfer_or_an_official_format_brings(desk):
    key = desk.send(sheet())
    for kind in ("moved_enrolments", "groups"):
        with pytest.raises(Refusal, match="kind of file"):
            desk.do(key, "choose", {"kind": kind}, {})


def test_a_file_is_sent_and_understood_by_its_chosen_kind(app, taught):
    hands = io.BytesIO(sheet()).getvalue()
    key = taught.send(("responsables.csv", hands))
    assert mapping(app, key) == (["family_name", "given_name"], True)
