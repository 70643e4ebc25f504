"""Files of Onde: recognised by their headings, their children tied by names and class, nobody guessed."""

import pytest
from conftest import rows
from sqlalchemy import select

from jobs.onde import recognise
from jobs.tables import Table
from models.imports import ImportFile
from models.people import Guardian, Student

STUDENTS = [
    "Nom élève",
    "Nom d'usage élève",
    "Prénom élève",
    "Date naissance",
    "Sexe",
    "INE",
    "Adresse1",
    "Cp1",
    "Commune1",
    "Pays1",
    "Adresse2",
    "Cp2",
    "Commune2",
    "Pays2",
    " Cycle",
    "Niveau",
    "Classe",
    "Attestation fournie",
    "Autorisations associations",
    "Autorisations photos",
    "Décision de passage",
]
OLD = [heading for heading in STUDENTS if heading != "INE"]
GUARDIANS = [
    "Civilité Responsable",
    "Nom usage responsable",
    "Nom responsable",
    "Prénom responsable",
    "Adresse responsable",
    "CP responsable",
    "Commune responsable",
    "Pays",
    "Courriel",
    "Téléphone domicile",
    "Téléphone travail",
    "Numéro de poste",
    "Téléphone portable",
]
CHILD = ["Nom d'usage enfant", "Nom de famille enfant", "Prénom enfant", "Classes enfants"]

ZOE = {"Nom élève": "BÉNARD", "Prénom élève": "Zoé", "Date naissance": "2016-03-14", "Sexe": "F", "Niveau": "CM1", "Classe": "CM1 Bleue"}
LEO = {**ZOE, "Prénom élève": "Léo", "Date naissance": "2018-05-02", "Sexe": "M", "Niveau": "CP", "Classe": "CP"}
NOE = {**LEO, "Nom élève": "D’ALMEIDA", "Prénom élève": "Noé", "Décision de passage": "Passage en CE1"}
MOTHER = ["Mme", "", "BÉNARD", "Hélène", "3, rue des Saules", "01000", "VALMONT", "FRANCE", "helene@exemple.org", "", "", "", "06 39 98 10 02"]
FATHER = ["M.", "LE GOFF", "BÉNARD", "Paul", "3, rue des Saules", "01000", "VALMONT", "FRANCE", "", "", "", "", "06 39 98 10 03"]


def students(*lines, headings=STUDENTS, encoding="iso-8859-1", quote='"', end="\r\n"):
    cells = [headings, *([line.get(heading, "") for heading in headings] for line in lines)]
    text = end.join(";".join(f"{quote}{cell}{quote}" for cell in line) for line in cells) + end
    return text.replace("’", "'").encode(encoding)


def guardians(*lines, blocks=2, end="\r\n"):
    text = end.join(";".join(line) for line in ([*GUARDIANS, *CHILD * blocks], *lines))
    return (text + end).encode("iso-8859-1")


def child(family, given, klass):
    return ["", family, given, klass]


def ties(app, school_id):
    """(child, guardian) of a school."""
    with rows(app) as session:
        found = session.scalars(select(Student).where(Student.school_id == school_id))
        return sorted((s.given_name, link.guardian.name) for s in found for link in s.links)


@pytest.mark.parametrize(
    "how",
    [{}, {"encoding": "utf-8"}, {"encoding": "utf-8-sig"}, {"quote": "", "end": "\n"}, {"headings": OLD}],
    ids=["as Onde writes it", "UTF-8", "with a mark", "bare, LF", "before the INE"],
)
def test_a_file_of_students_is_read_whatever_wrote_it(app, desk, how):
    key = desk.write(("CSVExtraction.csv", students(ZOE, {**NOE, "Date naissance": "02/05/2018"}, **how)))
    with rows(app) as session:
        file = session.scalar(select(ImportFile).where(ImportFile.import_id == key))
        assert (file.kind.name, file.fixed) == ("students", True)
        assert {heading for heading, field in zip(file.headings, file.mapping, strict=True) if not field} >= {"Cycle", "Décision de passage", "Adresse2"}
    assert [(p[0], p[1], p[3], p[10], p[11]) for p in desk.people()] == [
        ("BÉNARD", "Zoé", "2016-03-14", "CM1 Bleue", "CM1"),
        ("D'ALMEIDA", "Noé", "2018-05-02", "CP", "CP"),
    ]


def test_children_are_tied_by_names_and_class_and_the_same_parents_twice_are_one(app, desk):
    both = [*child("BÉNARD", "Zoé", "CM1 Bleue"), *child("BENARD", "Leo", "CP")]
    lines = [MOTHER + both, MOTHER + child("BÉNARD", "Léo", "CP"), FATHER + both]
    desk.write(("eleves.csv", students(ZOE, LEO, NOE)), ("responsables.csv", guardians(*lines)))
    assert ties(app, desk.school_id) == [("Léo", "Hélène BÉNARD"), ("Léo", "Paul LE GOFF"), ("Zoé", "Hélène BÉNARD"), ("Zoé", "Paul LE GOFF")]
    with rows(app) as session:
        assert len(list(session.scalars(select(Guardian).where(Guardian.school_id == desk.school_id)))) == 2


def test_a_line_longer_than_the_headings_keeps_all_its_children(app, desk):
    third = {**LEO, "Prénom élève": "Ana", "Classe": "CE1"}
    line = MOTHER + child("BÉNARD", "Zoé", "CM1 Bleue") + child("BÉNARD", "Léo", "CP") + child("BÉNARD", "Ana", "CE1")
    desk.write(("eleves.csv", students(ZOE, LEO, third)), ("responsables.csv", guardians(line, blocks=1)))
    assert [who for who, _guardian in ties(app, desk.school_id)] == ["Ana", "Léo", "Zoé"]


def test_the_guardians_alone_are_tied_to_the_children_of_the_school(app, desk):
    desk.write(("eleves.csv", students(ZOE, LEO)))
    key = desk.send(("responsables.csv", guardians(MOTHER + child("BÉNARD", "Zoé", "CM1 Bleue") + child("BÉNARD", "Léo", "CP"))))
    counts = desk.counts(key)
    assert (counts["changed"], counts["absent"]) == (2, 0)
    desk.do(key, "confirm")
    assert ties(app, desk.school_id) == [("Léo", "Hélène BÉNARD"), ("Zoé", "Hélène BÉNARD")]
    again = desk.send(("responsables.csv", guardians(MOTHER + child("BÉNARD", "Zoé", "CM1 Bleue") + child("BÉNARD", "Léo", "CP"))))
    assert desk.counts(again)["unchanged"] == 2


def test_homonyms_of_one_class_are_put_to_people_and_tied_as_they_answer(app, desk):
    twin = {**ZOE, "Date naissance": "2016-09-01"}
    sent = ("eleves.csv", students(ZOE, twin)), ("responsables.csv", guardians(MOTHER + child("BÉNARD", "Zoé", "CM1 Bleue"), blocks=1))
    key = desk.send(*sent)
    assert desk.questions(key) == {2: [("child_several", ["r2", "r3"])]}
    assert (desk.counts(key)["created"], desk.counts(key)["unsure"]) == (2, 1)
    desk.do(key, "decide", 2, "2.c1", "r3")
    desk.do(key, "confirm")
    with rows(app) as session:
        tied = [s.born_on.isoformat() for s in session.scalars(select(Student).where(Student.school_id == desk.school_id)) if s.links]
    assert tied == ["2016-09-01"]


def test_a_child_found_in_another_class_is_asked_and_one_not_found_is_told(desk):
    lines = [
        MOTHER + child("BÉNARD", "Zoé", "CM2"),
        FATHER + child("BÉNARD", "Zoé", "CM1 Bleue") + child("BÉNARD", "Ida", "CP"),
        ["M.", "", "NGUYEN", "Hugo", *[""] * 9, *child("NGUYEN", "An", "CP")],
    ]
    key = desk.send(("eleves.csv", students(ZOE)), ("responsables.csv", guardians(*lines)))
    assert desk.questions(key) == {2: [("child_class", ["r2"])]}
    assert desk.notes(key)[4][0][:3] == ("c1.family_name", "NGUYEN", "No student has these names in this class.")
    assert "this tie is left out" in desk.notes(key, "doubts")[3][0][2]


def test_an_ordinary_list_is_not_taken_for_one_of_onde():
    assert recognise(Table(["Nom élève", "Prénom élève", "Date naissance", "Classe"], 1, [])) is None
    assert recognise(Table(["Nom responsable", "Prénom responsable", "Courriel"], 1, [])) is None
