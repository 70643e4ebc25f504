"""Levels by what their names say: what follows what, where a new one stands, what promoting proposes."""

import pytest
from conftest import rows
from hands import send
from import_desk import Desk, table
from sqlalchemy import select

from models.known_levels import place_of
from models.people import Student, StudentStatus
from models.school import Country, Level
from models.year_proposals import LEAVE, STAY, propose_levels


def said(*names, country=Country.FR):
    """Name -> the name of what is proposed, for levels in this order."""
    levels = [Level(id=n, name=name, rank=n) for n, name in enumerate(names, 1)]
    by_id = {str(level.id): level.name for level in levels}
    return {level.name: by_id.get(to, to) for level, to in zip(levels, propose_levels(levels, country).values(), strict=True)}


def test_levels_follow_by_what_their_names_say_wherever_they_stand():
    assert said("6e", "5e", "4e", "3e", "CM2") == {"6e": "5e", "5e": "4e", "4e": "3e", "3e": LEAVE, "CM2": "6e"}
    assert said("CE1", "CP", "10310019110", "Quatrième") == {"CE1": LEAVE, "CP": "CE1", "10310019110": LEAVE, "Quatrième": "10310019110"}
    assert said("6e", "6e SEGPA", "5e", "5e SEGPA", "ULIS") == {"6e": "5e", "6e SEGPA": "5e SEGPA", "5e": LEAVE, "5e SEGPA": LEAVE, "ULIS": STAY}
    assert said("CE2", "CM2") == {"CE2": STAY, "CM2": LEAVE}
    assert said("Petits", "Grands") == {"Petits": "Grands", "Grands": LEAVE}
    assert said("1re année", "2e année", country=Country.CA) == {"1re année": "2e année", "2e année": LEAVE}


@pytest.mark.parametrize(
    ("one", "other"), [("6ÈME", "6e"), ("Sixième", "6"), ("2de", "Seconde"), ("1ère", "Première"), ("Tle", "Terminale"), ("CE 1", "ce1"), ("10010012110", "6e")]
)
def test_a_level_is_known_however_it_is_written(one, other):
    assert place_of(one)[:2] == place_of(other)[:2]


@pytest.mark.parametrize("name", ["1re année", "CM1-CM2", "MPSI", "60", "Soins infirmiers"])
def test_a_name_that_tells_no_level_or_two_tells_none(name):
    assert place_of(name) is None


def test_a_level_that_comes_with_an_import_takes_its_place_among_the_known_ones(app, schools):
    desk = Desk(app, schools[0], "acc")
    desk.write(table([{**STUDENT, "nom": family, "niveau": name, "classe": f"{name} Bleue"} for family, name in COMING], HEADINGS))
    with rows(app) as session:
        taught = session.scalars(select(Level).where(Level.school_id == schools[0]).order_by(Level.rank)).all()
        assert [level.name for level in taught] == ["CM2", "6e", "5e", "4e", "3e", "2nde", "ULIS"]
        assert len({level.rank for level in taught}) == 7


STUDENT = {"prenom": "Un", "sexe": "F", "date_naissance": "14/03/2014"}
COMING = (("Premier", "2nde"), ("Deuxième", "ULIS"), ("Dernier", "CM2"))
HEADINGS = ["nom", "prenom", "sexe", "date_naissance", "niveau", "classe"]


def test_promoting_proposes_the_next_level_and_leaving_the_class_unless_levels_differ(app, as_, schools):
    with rows(app) as session:
        active = select(Student.id, Level.name).join(Level, Student.level_id == Level.id).where(Student.status == StudentStatus.active)
        by_level = {name: number for number, name in session.execute(active.where(Student.school_id == schools[0]))}
        fifth = session.scalar(select(Level.id).where(Level.school_id == schools[0], Level.name == "5e"))
    browser = as_("acc")
    alike = send(browser, "/admin/student/action/", "/account", action="promote", rowid=[by_level["6e"]]).text
    assert f'<option selected value="{fifth}">' in alike or f'<option value="{fifth}" selected>' in alike
    box = alike.partition('name="leave_class"')
    assert "checked" in box[0].rpartition("<input")[2] + box[2].partition(">")[0]
    mixed = send(browser, "/admin/student/action/", "/account", action="promote", rowid=[by_level["6e"], by_level["4e"]]).text
    assert f'<option selected value="{fifth}">' not in mixed
    assert '<option value="" selected>' in mixed or '<option selected value="">' in mixed
    nothing = send(browser, "/admin/student/action/", "/account", action="promote", rowid=[by_level["4e"]], _asked="1", level="", leave_class="y")
    assert nothing.status_code == 422
