"""The school's own fields in an import: columns known by their name, cells read by their type, wrong ones told and set right like others."""

import pytest
from conftest import rows
from hands import exported
from hands import words as said
from import_desk import table
from import_people import GUARDIANS, HEADINGS, LINKS, STUDENTS
from sqlalchemy import select
from test_import_kept import edit
from test_import_pages import Hands

from models.custom import CustomField
from models.custom_values import FieldKind
from models.imports import ImportRow, RowStatus
from models.people import Guardian, Student

OWN = ["Régime", "Ligne de car", "Droit à l'image", "Quotient familial", "VISITE MEDICALE"]
CELLS = {"Régime": "demi-pensionnaire", "Ligne de car": "12 bis", "Droit à l'image": "oui", "Quotient familial": "1 234,5", "VISITE MEDICALE": "4/3/2026"}
PACKED = {"regime": "demi_pensionnaire", "ligne_de_car": "12 bis", "droit_a_l_image": True, "quotient_familial": "1234.5", "visite_medicale": "2026-03-04"}


def add(app, school, label, kind=FieldKind.text, table="student", **given):
    """A field of the school."""
    with rows(app) as session:
        field = CustomField(school_id=school, table_name=table, label=label, kind=kind, **given)
        if kind is FieldKind.choice:
            field.offer([("", "Externe", False), ("", "Demi-pensionnaire", False)])
        session.add(field)


@pytest.fixture
def fields(app, schools, desk):
    """Five fields on the students of the desk's school; another school has one of its own."""
    school = desk.school_id
    add(app, school, "Régime", FieldKind.choice)
    add(app, school, "Ligne de car")
    add(app, school, "Droit à l’image", FieldKind.yes_no)
    add(app, school, "Quotient familial", FieldKind.number)
    add(app, school, "Visite médicale", FieldKind.date)
    add(app, schools[0], "Cohorte")


def extra(app, desk, given_name, model=Student):
    """What the own fields of somebody hold."""
    with rows(app) as session:
        return session.scalar(select(model.extra).where(model.school_id == desk.school_id, model.given_name == given_name))


def test_a_column_with_the_name_of_a_field_is_understood_whatever_its_accents(app, desk, fields):
    key = desk.send(table([{**STUDENTS[0], **CELLS}, *STUDENTS[1:]], [*HEADINGS, *OWN, "Cohorte"]))
    with rows(app) as session:
        row = session.scalar(select(ImportRow).where(ImportRow.import_id == key, ImportRow.line == 2))
        assert {name: row.cells[f"student:{name}"] for name in PACKED} == dict(zip(PACKED, CELLS.values(), strict=True))
        assert not any("ohorte" in cell for cell in row.cells)
    assert desk.counts(key)["error"] == 0
    desk.do(key, "confirm")
    assert extra(app, desk, "Zoé") == PACKED
    assert extra(app, desk, "Léo") == {}


def test_a_second_file_changes_what_it_says_and_erases_nothing(app, desk, fields):
    first = [{**STUDENTS[0], **CELLS}, *STUDENTS[1:]]
    desk.write(table(first, [*HEADINGS, *OWN]))
    assert desk.counts(desk.send(table(first, [*HEADINGS, *OWN])))["unchanged"] == len(STUDENTS)
    other = {**STUDENTS[0], "Régime": "Externe", "Droit à l'image": "NON", "Quotient familial": "", "Ligne de car": "12 bis"}
    key = desk.send(table([other, *STUDENTS[1:]], [*HEADINGS, *OWN]))
    with rows(app) as session:
        diff = session.scalar(select(ImportRow.diff).where(ImportRow.import_id == key, ImportRow.status == RowStatus.changed))
    assert [(d["field"], d["before"], d["after"]) for d in diff] == [
        ("student:regime", "Demi-pensionnaire", "Externe"),
        ("student:droit_a_l_image", "oui", "non"),
    ]
    desk.do(key, "confirm")
    assert extra(app, desk, "Zoé") == {**PACKED, "regime": "externe", "droit_a_l_image": False}


WRONG = [
    ("Régime", "Interne", "regime", "“Interne” is not one of the choices.", "Write one of the choices as the form shows it."),
    ("Droit à l'image", "bof", "droit_a_l_image", "“bof” says neither yes nor no.", "Write yes or no."),
    ("Quotient familial", "douze", "quotient_familial", "“douze” is not a number.", "Write digits, for example 12 or 4.5."),
    ("VISITE MEDICALE", "31/02/2026", "visite_medicale", "“31/02/2026” is not a date.", "Write it as day/month/year, for example 14/03/2014."),
    ("Ligne de car", "x" * 201, "ligne_de_car", "This text is too long: 200 characters at most.", "Shorten it."),
]


@pytest.mark.parametrize(("heading", "cell", "key", "fact", "remedy"), WRONG, ids=[w[0] for w in WRONG])
def test_a_wrong_value_is_told_with_its_line_and_remedy(desk, fields, heading, cell, key, fact, remedy):
    sent = desk.send(table([{**STUDENTS[0], heading: cell}, *STUDENTS[1:]], [*HEADINGS, *OWN]))
    assert desk.statuses(sent)[2] == "error"
    assert desk.notes(sent)[2] == [(f"student:{key}", cell[:80], fact, remedy)]


def test_a_wrong_value_is_set_right_in_the_preview_on_every_line(app, desk, fields):
    lines = [{**s, "Régime": "demi", "Quotient familial": "12"} for s in STUDENTS]
    key = desk.send(table(lines, [*HEADINGS, *OWN]))
    assert desk.counts(key)["error"] == len(STUDENTS)
    desk.fix(key, 2, {"student:regime": "Demi-pensionnaire"}, everywhere=True)
    assert desk.counts(key)["error"] == 0
    desk.do(key, "confirm")
    assert extra(app, desk, "Œdipe") == {"regime": "demi_pensionnaire", "quotient_familial": "12"}


def test_a_field_that_takes_no_imports_or_is_withdrawn_is_an_unknown_column(app, desk, fields):
    add(app, desk.school_id, "Secret", in_import=False)
    with rows(app) as session:
        session.scalar(select(CustomField).where(CustomField.label == "Ligne de car")).retire()
    key = desk.write(table([{**STUDENTS[0], "Secret": "x", **CELLS}], [*HEADINGS, "Secret", *OWN]))
    assert desk.state(key)[2]["created"] == 1
    assert extra(app, desk, "Zoé") == {name: value for name, value in PACKED.items() if name != "ligne_de_car"}


def test_the_fields_of_guardians_come_with_their_own_file(app, desk, fields):
    add(app, desk.school_id, "Profession", table="guardian")
    add(app, desk.school_id, "Interprète", FieldKind.yes_no, table="guardian")
    people = [{**GUARDIANS[0], "Profession": "Luthière", "Interprète": "non"}, *GUARDIANS[1:]]
    head = [*GUARDIANS[0], "Profession", "Interprète"]
    bare = [{key: value for key, value in s.items() if not key.startswith("responsable")} for s in STUDENTS]

    def files(guardians):
        return ("eleves.csv", table(bare)), ("responsables.csv", table(guardians, head)), ("liens.csv", table(LINKS, list(LINKS[0])))

    desk.write(*files(people))
    assert extra(app, desk, "Hélène", Guardian) == {"profession": "Luthière", "interprete": False}
    assert extra(app, desk, "Paul", Guardian) == {}
    key = desk.send(*files([{**people[0], "Profession": "Facteur"}, *people[1:]]))
    assert desk.counts(key)["changed"]
    desk.do(key, "confirm")
    assert extra(app, desk, "Hélène", Guardian) == {"profession": "Facteur", "interprete": False}


def test_a_value_that_the_school_corrected_since_the_last_import_is_kept_and_told(app, desk, fields):
    first = [{**STUDENTS[0], **CELLS}, *STUDENTS[1:]]
    desk.write(table(first, [*HEADINGS, *OWN]))
    edit(desk, Student, "Zoé", extra={**PACKED, "ligne_de_car": "7"})
    key = desk.send(table(first, [*HEADINGS, *OWN]))
    assert [(d["field"], d["before"], d["after"], d["kept"]) for d in desk.row(key, 2).diff] == [("student:ligne_de_car", "7", "12 bis", True)]
    desk.do(key, "keep", edits=False)
    desk.do(key, "confirm")
    assert extra(app, desk, "Zoé") == PACKED


def test_what_we_export_is_read_again_as_it_was(app, as_, schools, a_student):
    add(app, schools[0], "Régime", FieldKind.choice)
    add(app, schools[0], "Quotient familial", FieldKind.number)
    add(app, schools[0], "Droit à l’image", FieldKind.yes_no)
    given = {"regime": "externe", "quotient_familial": "1234.5", "droit_a_l_image": False}
    with rows(app) as session:
        session.get(Student, a_student).extra = given
    browser = as_("ac")
    lines = exported(browser, "/admin/student/export/csv/?flt0_extra.regime.Extra=externe")
    with rows(app) as session:
        session.get(Student, a_student).extra = {}
    hands = Hands(app, browser)
    url = hands.check(table(lines[1:], lines[0]))
    page = said(browser.get(url))
    assert "Modifiés 1" in page
    assert "Externe" in page
    hands.post(url.replace("details", "confirm"))
    from jobs.runner import run_pending

    run_pending(app)
    with rows(app) as session:
        assert session.get(Student, a_student).extra == given


def test_the_preview_offers_the_choices_and_the_page_of_columns_names_the_field(app, as_, schools):
    add(app, schools[0], "Régime", FieldKind.choice)
    hands = Hands(app, as_("ac"))
    assert "Régime" in said(hands.browser.get("/admin/import_/new/"))
    assert "Régime" in hands.browser.get("/admin/import_/model/").get_data(as_text=True)
    page = hands.browser.get(hands.check(table([{**STUDENTS[0], "Régime": "demi"}, *STUDENTS[1:]], [*HEADINGS, "Régime"])))
    assert "« demi » n’est pas un des choix." in said(page).replace("\u202f", " ")
    assert '<option value="Demi-pensionnaire">Demi-pensionnaire</option>' in page.text
