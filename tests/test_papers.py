"""Class lists as they lie on the table: what they say, who stands on them, what a name can do to them."""

import datetime as dt

import pytest
from printed import ask, facts, flat, product, texts

from models.access import Role
from models.class_lists import ListColumn, class_order, open_columns
from models.journal import JournalEvent
from models.people import GuardianLink, LinkStatus, Relation, Sex
from models.school import Country, Level, School
from models.work import JobState
from tests.small import add_guardian, add_person, add_school, add_student, small_app, writing

USUAL = {
    "title": "",
    "columns": ["number", "born_on", "klass"],
    "blanks": 0,
    "headings": [],
    "order": "by_name",
    "landscape": False,
    "apart": False,
}


@pytest.fixture
def app(tmp_path):
    return small_app(tmp_path)


@pytest.fixture
def school(app):
    """A school, a member of its staff and four students of two classes."""
    with writing(app) as session:
        row = add_school(session)
        user = add_person(session, row)
        sixth, fifth = Level(school_id=row.id, name="6e", rank=1), Level(school_id=row.id, name="5e", rank=2)
        session.add_all([sixth, fifth])
        people = [
            add_student(session, row, "Zoé", "Bénard", "5e Bleue", born_on=dt.date(2014, 3, 14), sex=Sex.F, level=fifth, phone="06 99 00 00 01"),
            add_student(session, row, "Anne", "Œillet", "5e Bleue", sex=Sex.X, level=fifth),
            add_student(session, row, "Tom", "Abel", "6e 10", sex=Sex.M, level=sixth),
            add_student(session, row, "Léo", "Zola", "6e 2", level=sixth, national_id="0906018155T"),
        ]
        return {"id": row.id, "user": user.id, "students": [s.id for s in people]}


def listed(app, school, **answers):
    """The pages of a list of all the students."""
    return [
        flat(page)
        for page in texts(product(ask(app, school["user"], school["id"], "print_class_list", {"ids": school["students"], **USUAL, **answers})), "-layout")
    ]


def test_a_list_says_who_prints_it_and_names_everybody_once_in_order(app, school):
    (page,) = listed(app, school)
    assert page.startswith("Collège des Tilleuls 2, place du Marché, 00000 Valmont 01 99 00 12 00")
    assert "Liste de classe 4 élèves" in page
    assert "N° Nom Prénom Naissance Classe" in page
    assert "1 Abel Tom 6e 10 2 Bénard Zoé 14/03/2014 5e Bleue 3 Œillet Anne 5e Bleue 4 Zola Léo 6e 2" in page
    assert page.endswith("Page 1 sur 1")


def test_every_column_can_be_asked_for_and_no_other_is_printed(app, school):
    (page,) = listed(app, school, columns=["sex", "level", "identifier", "phone", "email"], landscape=True)
    assert "Nom Prénom Sexe Niveau Identifiant Téléphone" in page
    assert "Abel Tom M 6e" in page
    assert "Bénard Zoé F 5e 06 99 00 00 01" in page
    assert "Œillet Anne Autre 5e" in page
    assert "Zola Léo 6e 0906018155T" in page
    assert "14/03/2014" not in page


def test_empty_columns_bear_the_headings_that_were_typed(app, school):
    (page,) = listed(app, school, columns=[], blanks=3, headings=["Présent", "Payé"])
    assert "Nom Prénom Présent Payé Abel Tom" in page


def test_a_page_for_each_class_in_the_order_of_the_levels(app, school):
    pages = listed(app, school, apart=True, title="Appel du 23 novembre", columns=["number"])
    assert [page.split("Appel du 23 novembre – ")[1].split(" N°")[0] for page in pages] == ["6e 2 1 élève", "6e 10 1 élève", "5e Bleue 2 élèves"]
    assert [page[-len("Page 1 sur 3") :] for page in pages] == ["Page 1 sur 3", "Page 2 sur 3", "Page 3 sur 3"]
    assert "1 Bénard Zoé 2 Œillet Anne" in pages[2]


def test_by_class_numbers_in_the_names_of_classes_count_as_numbers(app, school):
    (page,) = listed(app, school, order="by_class", columns=["klass"])
    assert "Zola Léo 6e 2 Abel Tom 6e 10 Bénard Zoé 5e Bleue Œillet Anne 5e Bleue" in page
    assert class_order(1, "6e 2", "z", 1) < class_order(1, "6e 10", "a", 2) < class_order(None, None, "a", 3)


def test_guardians_are_those_of_active_links_with_their_phones(app, school):
    with writing(app) as session:
        row = session.get_one(School, school["id"])
        for name, relation, status in (("Hélène", "mother", "active"), ("Marc", "father", "suspended"), ("Paul", "tutor", "to_check")):
            guardian = add_guardian(session, row, given_name=name, phone="06 99 00 00 02")
            session.add(
                GuardianLink(school_id=row.id, student_id=school["students"][0], guardian=guardian, relation=Relation[relation], status=LinkStatus[status])
            )
    (page,) = listed(app, school, columns=["guardians"], landscape=True)
    assert "Hélène Bénard (mère) 06 99 00 00 02" in page
    assert "Marc Bénard" not in page
    assert "Paul" not in page


def test_who_reads_no_guardian_prints_none():
    assert ListColumn.guardians in open_columns(["amp"])
    assert ListColumn.guardians not in open_columns(["inspector"])
    assert len(open_columns(["inspector"])) == len(ListColumn) - 1


def test_a_long_list_repeats_its_head_and_counts_its_pages(app, school):
    with writing(app) as session:
        row = session.get_one(School, school["id"])
        ids = [add_student(session, row, f"Élève{n:03d}", "Foule").id for n in range(90)]
    job = ask(app, school["user"], school["id"], "print_class_list", {"ids": ids, **USUAL})
    pages = [flat(page) for page in texts(product(job), "-layout")]
    assert len(pages) == 3
    assert all("N° Nom Prénom" in page for page in pages)
    assert pages[1].endswith("Page 2 sur 3")
    assert sum(page.count("Foule") for page in pages) == 90
    assert job.file_name.startswith("Liste de classe – ")


def test_in_quebec_a_list_is_on_letter_paper_with_its_own_dates(app):
    with writing(app) as session:
        row = add_school(session, name="Cégep de la Rive", country=Country.CA, official_code="CA9001", language="fr_CA")
        user = add_person(session, row)
        ids = [add_student(session, row, born_on=dt.date(2007, 5, 1)).id]
        who = {"id": row.id, "user": user.id, "students": ids}
    pdf = product(ask(app, who["user"], who["id"], "print_class_list", {"ids": ids, **USUAL, "landscape": True}, language="fr_CA"))
    assert "792 x 612" in facts(pdf)["Page size"]
    assert facts(pdf)["Tagged"].strip() == "yes"
    assert "2007-05-01" in texts(pdf)[0]


HOSTILE = ['#import "x"', "] #panic() [", "$x^2$ @ref <lab> *b*", '#read("/etc/passwd")', "<img src=file:///etc/passwd>", "{{7*7}} %(title)s", "x' OR 1=1--"]


@pytest.mark.parametrize("name", HOSTILE)
def test_30_77_a_hostile_name_title_or_heading_is_printed_as_it_is_written(app, school, name):
    with writing(app) as session:
        school["students"].append(add_student(session, session.get_one(School, school["id"]), name, name, f"Classe {name}").id)
    (page,) = listed(app, school, title=name, columns=["klass"], blanks=1, headings=[name], landscape=True)
    # title, heading, both names and the class, whatever the breaks inside a column
    assert page.replace(" ", "").count(name.split()[0][:8].replace(" ", "")) >= 3
    assert "root:" not in page


def test_a_name_of_any_script_or_length_breaks_inside_its_cell_and_nothing_is_lost(app, school):
    with writing(app) as session:
        row = session.get_one(School, school["id"])
        school["students"] += [
            add_student(session, row, "יעל", "כהן").id,
            add_student(session, row, "ليلى", "منصور").id,
            add_student(session, row, "W" * 200, "Mot " * 40).id,
            add_student(session, row, "Zo\u202eé", "Retournée").id,
        ]
    job = ask(app, school["user"], school["id"], "print_class_list", {"ids": school["students"], **USUAL, "columns": ["number"]})
    pages = texts(product(job))
    whole = flat(" ".join(pages))
    for name in ("כהן", "منصور", "Retournée", "Zola", "Zoé"):
        assert name in whole or name[::-1] in whole, name
    assert whole.count("W") == 200
    assert whole.count("Mot") == 40
    assert len(pages) <= 3


def test_a_list_leaves_a_line_in_the_history(app, school):
    listed(app, school)
    with writing(app) as session:
        (line,) = session.query(JournalEvent).filter_by(verb="print_class_list").all()
        assert (line.table_name, line.rows, line.who, line.school_id) == ("student", 4, "Inès Aubry", school["id"])


def test_a_student_of_another_school_stands_on_no_list(app, school):
    with writing(app) as session:
        other = add_school(session, name="Ailleurs", country=Country.CA, official_code="CA9002")
        foreign = add_student(session, other, "Étranger", "Ailleurs").id
    school["students"].append(foreign)
    assert "Étranger" not in listed(app, school)[0]


def test_nobody_left_is_said_and_makes_no_file(app, school):
    job = ask(app, school["user"], school["id"], "print_class_list", {**USUAL, "ids": [999_999]})
    assert job.state is JobState.failed
    assert job.error == "Il ne reste personne de cette sélection. Choisissez de nouveau."


def test_who_lost_the_right_in_the_meantime_prints_nothing(app, school):
    with writing(app) as session:
        registrar = add_person(session, session.get_one(School, school["id"]), role=Role.registrar).id
    for kind in ("print_class_list", "print_labels", "print_certificate"):
        job = ask(app, registrar, school["id"], kind, {**USUAL, "ids": school["students"]})
        assert job.state is JobState.failed
        assert "n’en a plus le droit" in job.error


def test_more_students_than_a_list_holds_are_refused(app, school, monkeypatch):
    monkeypatch.setattr("jobs.class_lists.MOST_ROWS", 3)
    job = ask(app, school["user"], school["id"], "print_class_list", {"ids": school["students"], **USUAL})
    assert job.error == "Une liste contient au plus 3 élèves. Filtrez la liste, puis imprimez-la par parties."
