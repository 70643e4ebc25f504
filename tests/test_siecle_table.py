"""The spreadsheet extraction of SIECLE: recognised by its headings, one student whatever their number of lines."""

import struct

import pytest
from conftest import rows
from import_desk import book, table
from sqlalchemy import select

from jobs.table_child import modest
from models.imports import Import
from models.people import Student

HEADINGS = [
    "Sexe", "Elève No Etab", "Nom de famille", "Nom d'usage", "Prénom", "Prénom 2", "Prénom 3", "Date Naissance", "Id National", "Date Sortie",
    "Code MEF", "Code Structure", "Type Structure", "Lib. Structure", "Tél. Portable", "Email", "Ligne Adresse 1", "Ligne Adresse 2",
    "Lib. Postal", "Code Postal", "Civilité Repr. Lég. 1", "Nom de famille Repr. Lég. 1", "Nom d'usage Repr. Lég. 1", "Prénom Repr. Lég. 1",
    "Lien Parenté Repr. Lég. 1", "Email Repr. Lég. 1", "Nom de famille Repr. Lég. 2", "Prénom Repr. Lég. 2", "Tél. Portable Repr. Lég. 2",
]  # fmt: skip
ZOE = {
    "Sexe": "F",
    "Elève No Etab": "1234",
    "Nom de famille": "DA SILVA",
    "Prénom": "Zoé",
    "Prénom 2": "Ana",
    "Date Naissance": "14/03/2014",
    "Id National": "060375611AC",
    "Code MEF": "10110001110",
    "Code Structure": "5 A",
    "Type Structure": "D",
    "Civilité Repr. Lég. 1": "MME",
    "Nom de famille Repr. Lég. 1": "DA SILVA",
    "Nom d'usage Repr. Lég. 1": "ROCHE",
    "Prénom Repr. Lég. 1": "Ève",
    "Lien Parenté Repr. Lég. 1": "MERE",
    "Email Repr. Lég. 1": "eve@exemple.org",
    "Tél. Portable Repr. Lég. 2": "06 39 98 10 02",
}
LOU = {
    "Nom de famille": "BÉNARD",
    "Prénom": "Lou",
    "Date Naissance": "02/02/2013",
    "Id National": "070876696HA",
    "Code Structure": "5 A",
    "Type Structure": "D",
}


@pytest.mark.parametrize("made", [book, table])
def test_a_student_on_several_lines_is_one_with_class_groups_and_legal_representatives(app, desk, made):
    lines = [ZOE, {**ZOE, "Code Structure": "5LATIN", "Type Structure": "G"}, LOU]
    key = desk.write(("extraction", made(lines, HEADINGS)))
    with rows(app) as session:
        assert session.get_one(Import, key).files[0].detected["kind"] == "siecle"
        zoe = session.scalars(select(Student).where(Student.school_id == desk.school_id, Student.given_name == "Zoé")).one()
        assert (zoe.homeroom.name, zoe.level.name, [g.name for g in zoe.groups], zoe.middle_names, zoe.local_id) == ("5 A", "5e", ["5LATIN"], "Ana", "1234")
        assert [(link.guardian.title, link.guardian.name, link.relation.name, link.authority.name) for link in zoe.links] == [
            ("Mme", "Ève ROCHE", "mother", "legal")
        ]


def test_the_headings_of_today_are_understood_too_and_who_has_left_is_left_out(desk):
    headings = ["Nom de famille", "Prénom 1", "Date de naissance", "Division", "Nom de famille repr. légal", "Prénom autre repr. légal"]
    lines = [["BÉNARD", "Lou", "02/02/2013", "5A", "BÉNARD", ""], ["BÉNARD", "Noé", "09/07/2012", "", "", ""]]
    key = desk.send(("extraction.csv", table(lines, headings)))
    assert desk.counts(key)["created"] == 1
    assert desk.counts(key)["ignored"] == 1


def test_an_old_spreadsheet_that_announces_sixteen_million_cells_is_told_to_be_modest():
    start = b"\xd0\xcf\x11\xe0 and so on \x00\x02\x0e\x00"
    huge, small = struct.pack("<IIHHH", 0, 65_536, 0, 256, 0), struct.pack("<IIHHH", 0, 300, 0, 136, 0)
    assert modest(start + huge) == start + struct.pack("<IIHHH", 0, 1, 0, 1, 0)
    assert modest(start + small) == start + small
