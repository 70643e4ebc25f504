"""Address labels: who is written to, how the post reads it, where each lies on its sheet."""

import pytest
from printed import ask, facts, flat, product, texts, words_at

from jobs import address_labels
from models.addresses import LabelSheet, LabelTo, Place, mailing, postal_lines
from models.db import db
from models.journal import JournalEvent
from models.people import Authority, GuardianLink, LinkStatus, Relation, Student
from models.school import Country, School
from models.work import JobState
from tests.small import add_guardian, add_person, add_school, add_student, as_staff, small_app, writing

USUAL = {"to": "guardians", "sheet": "l7160", "first": 1, "right": 0, "down": 0}
MOULIN = {"address1": "18, allée du Moulin", "postal_code": "00000", "town": "Valmont"}


@pytest.fixture
def app(tmp_path):
    return small_app(tmp_path)


@pytest.fixture
def school(app):
    """A school, a member of its staff, and Zoé who lives at her mother's."""
    with writing(app) as session:
        row = add_school(session)
        user = add_person(session, row)
        zoe = add_student(session, row, **MOULIN)
        return {"id": row.id, "user": user.id, "students": [zoe.id]}


def tie(app, school, student=0, relation="mother", authority="legal", status="active", known=None, **given):
    """Give a student a guardian; the identifier of the guardian."""
    with writing(app) as session:
        row = session.get_one(School, school["id"])
        guardian = known or add_guardian(session, row, **given).id
        link = GuardianLink(school_id=row.id, student_id=school["students"][student], guardian_id=guardian, relation=Relation[relation])
        link.authority, link.status = Authority[authority], LinkStatus[status]
        session.add(link)
        return guardian


def sibling(app, school, given_name="Paul", **given):
    """One more student of the family; its place in the list."""
    with writing(app) as session:
        row = session.get_one(School, school["id"])
        school["students"].append(add_student(session, row, given_name, **{**MOULIN, **given}).id)
    return len(school["students"]) - 1


def labels(app, school, to="guardians"):
    """The text of each label, lines joined by a bar; who has no address."""
    with app.app_context(), as_staff(school["user"], school["id"]):
        row = db.session.get_one(School, school["id"])
        found = mailing(db.session, school["students"], LabelTo[to])
        return [" | ".join(address_labels.text_of(label, row)) for label in found.labels], found.without


HOME = "18 allée du Moulin | 00000 VALMONT"


def test_two_parents_at_one_address_receive_one_label_however_it_is_spelt(app, school):
    tie(app, school)
    tie(app, school, relation="father", given_name="Marc", title="M.", address1="18 Allee du moulin", town="VALMONT")
    assert labels(app, school) == ([f"Parents de Zoé Bénard | {HOME}"], [])


def test_parents_who_live_apart_receive_one_each_by_name(app, school):
    tie(app, school)
    tie(app, school, relation="father", given_name="Marc", family_name="O’Neil", title="M.", address1="7, chemin Vert", town="Bourg")
    assert labels(app, school)[0] == [f"Mme Hélène Bénard | {HOME}", "M. Marc O’Neil | 7 chemin Vert | 00000 BOURG"]


def test_two_who_are_not_both_parents_are_not_called_parents(app, school):
    tie(app, school)
    tie(app, school, relation="grandparent", given_name="Odette")
    assert labels(app, school)[0] == [f"Responsables de Zoé Bénard | {HOME}"]


@pytest.mark.parametrize(("status", "authority"), [("suspended", "legal"), ("to_check", "legal"), ("active", "contact")])
def test_neither_a_suspended_link_nor_a_contact_is_written_to(app, school, status, authority):
    tie(app, school)
    tie(app, school, relation="father", given_name="Marc", address1="7, chemin Vert", status=status, authority=authority)
    assert labels(app, school)[0] == [f"Mme Hélène Bénard | {HOME}"]


def test_without_a_legal_representative_those_in_charge_are_written_to(app, school):
    tie(app, school, relation="foster", authority="in_charge", given_name="Odette")
    assert labels(app, school)[0] == [f"Mme Odette Bénard | {HOME}"]


def test_a_guardian_without_an_address_is_written_to_at_the_students(app, school):
    tie(app, school, address1="", postal_code="", town="")
    assert labels(app, school)[0] == [f"Mme Hélène Bénard | {HOME}"]


def test_a_student_without_any_guardian_still_has_a_label(app, school):
    assert labels(app, school)[0] == [f"Aux responsables de l’élève | Zoé Bénard | {HOME}"]


def test_brothers_and_sisters_have_a_label_each_or_one_together(app, school):
    mother = tie(app, school)
    father = tie(app, school, relation="father", given_name="Marc", title="M.")
    place = sibling(app, school)
    tie(app, school, place, known=mother)
    tie(app, school, place, relation="father", known=father)
    assert labels(app, school)[0] == [f"Parents de Paul Bénard | {HOME}", f"Parents de Zoé Bénard | {HOME}"]
    assert labels(app, school, "families")[0] == [f"Parents de Paul Bénard et Zoé Bénard | {HOME}"]


def test_to_the_students_themselves_and_who_has_no_address_is_named(app, school):
    sibling(app, school, "Paul", address1="", town="", postal_code="")
    assert labels(app, school, "students") == ([f"Zoé Bénard | {HOME}"], ["Bénard, Paul"])


def test_whoever_no_label_reaches_is_told_by_name_in_the_end(app, school):
    place = sibling(app, school, "Paul", address1="", town="", postal_code="")
    tie(app, school, place, address1="", postal_code="", town="")
    job = ask(app, school["user"], school["id"], "print_labels", {"ids": school["students"], **USUAL})
    assert job.note == "1 sans adresse est laissé de côté\u00a0: Bénard, Paul (Hélène Bénard)"
    assert len(texts(product(job))) == 1


def test_nobody_with_an_address_is_said_and_makes_no_file(app, school):
    with writing(app) as session:
        zoe = session.get_one(Student, school["students"][0])
        zoe.address1 = zoe.town = zoe.postal_code = ""
    job = ask(app, school["user"], school["id"], "print_labels", {"ids": school["students"], **USUAL})
    assert job.state is JobState.failed
    assert job.error.startswith("Aucune des personnes choisies n’a d’adresse")


@pytest.mark.parametrize(
    ("place", "country", "language", "lines"),
    [
        (("18, allée du Moulin", "Bât. B", "01000", "Bourg-en-Bresse"), "FR", "fr", ("18 allée du Moulin", "Bât. B", "01000 BOURG-EN-BRESSE")),
        (("1 rue É. Zola", "", "75012", "Paris cedex 12"), "FR", "fr", ("1 rue É. Zola", "75012 PARIS CEDEX 12")),
        (("100, quai aux Fleurs", "", "g1a0a2", "Québec"), "CA", "fr_CA", ("100, quai aux Fleurs", "Québec (Québec)\u00a0\u00a0G1A 0A2")),
        (("7 Elgin St", "Apt 3", "K1P 5K7", "Ottawa"), "CA", "en", ("7 Elgin St", "Apt 3", "Ottawa ON\u00a0\u00a0K1P 5K7")),
        (("1 rue du Nord", "", "X0A 0H0", "Iqaluit"), "FR", "fr", ("1 rue du Nord", "Iqaluit (Nunavut)\u00a0\u00a0X0A 0H0")),
        (("Rang 4", "", "", "Saint-Éloi"), "CA", "fr_CA", ("Rang 4", "Saint-Éloi")),
        (("", "", "", ""), "FR", "fr", ()),
    ],
)
def test_an_address_is_written_as_the_post_of_its_country_reads_it(place, country, language, lines):
    assert postal_lines(Place(*place), Country[country], language) == lines


def crowd(app, school, count):
    """Students with a home each."""
    with writing(app) as session:
        row = session.get_one(School, school["id"])
        school["students"] = [
            add_student(session, row, f"E{n:03d}", "Foule", address1=f"{n}, rue Longue", town="Bourg", postal_code="00001").id for n in range(count)
        ]


@pytest.mark.parametrize("sheet", list(LabelSheet))
def test_every_label_lies_inside_its_own_on_the_sheet(app, school, sheet):
    grid = sheet.grid
    crowd(app, school, grid.count + 2)
    params = {"ids": school["students"], **USUAL, "to": "students", "sheet": sheet.name}
    pdf = product(ask(app, school["user"], school["id"], "print_labels", params))
    assert int(facts(pdf)["Pages"]) == 2
    found = [(x, y) for word, x, y in words_at(pdf) if word.startswith("E")]
    for place, (x, y) in enumerate(found[: grid.count]):
        left = grid.left + place % grid.columns * grid.step_x
        top = grid.top + place // grid.columns * grid.step_y
        assert left + 3 < x < left + grid.width
        assert top < y < top + grid.height
    # the sheet's own arithmetic: margins, labels and gaps fill the paper
    across, down = (210, 297) if grid.paper == "a4" else (215.9, 279.4)
    assert 2 * grid.left + (grid.columns - 1) * grid.step_x + grid.width == pytest.approx(across)
    assert 2 * grid.top + (grid.rows - 1) * grid.step_y + grid.height == pytest.approx(down)


def test_a_sheet_already_begun_and_a_printer_not_quite_straight(app, school):
    def first(**params):
        pdf = product(ask(app, school["user"], school["id"], "print_labels", {"ids": school["students"], **USUAL, "to": "students", **params}))
        return next((x, y) for word, x, y in words_at(pdf) if word == "Zoé")

    usual, later, moved = first(), first(first=5), first(right=2, down=-1)
    assert later[0] - usual[0] == pytest.approx(66, abs=0.1)
    assert later[1] - usual[1] == pytest.approx(38.1, abs=0.1)
    assert (moved[0] - usual[0], moved[1] - usual[1]) == (pytest.approx(2, abs=0.1), pytest.approx(-1, abs=0.1))


HOSTILE = ['#read("/etc/passwd")', "$x^2$ *b* @ref", "<img src=file:///etc/passwd>", "x' OR 1=1--", "%(names)s {0}", "כהן", "W" * 200, "Mot " * 50]


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: name[:12])
def test_30_77_a_hostile_name_stays_text_and_inside_its_label(app, school, name):
    with writing(app) as session:
        zoe = session.get_one(Student, school["students"][0])
        zoe.given_name, zoe.address2 = name, name
    pdf = product(ask(app, school["user"], school["id"], "print_labels", {"ids": school["students"], **USUAL, "to": "students"}))
    page = flat(texts(pdf, "-layout")[0])
    assert "root:" not in page
    assert len(texts(pdf)) == 1
    if len(name) < 30 and name.isascii():
        assert page.replace(" ", "").count(name.replace(" ", "")) == 2


def test_more_labels_than_one_pdf_holds_come_in_an_archive_and_leave_one_line_in_the_history(app, school, monkeypatch):
    monkeypatch.setattr(address_labels, "SHEETS", 1)
    crowd(app, school, 40)
    job = ask(app, school["user"], school["id"], "print_labels", {"ids": school["students"], **USUAL, "to": "students", "first": 4})
    assert job.file_name.endswith(".zip")
    with writing(app) as session:
        (line,) = session.query(JournalEvent).filter_by(verb="print_labels").all()
        assert (line.table_name, line.rows) == ("student", 40)


def test_a_student_of_another_school_gets_no_label(app, school):
    with writing(app) as session:
        other = add_school(session, name="Ailleurs", country=Country.CA, official_code="CA9002")
        school["students"].append(add_student(session, other, "Étranger", **MOULIN).id)
    assert labels(app, school, "students")[0] == [f"Zoé Bénard | {HOME}"]
