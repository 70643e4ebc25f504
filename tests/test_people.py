"""The list of students and who sees whom: search, filters, views, sorting, the scope of each role."""

import re

import pytest
from conftest import rows
from hands import ids, one, scope_of, send, words
from sqlalchemy import func, select

from models.access import User
from models.activation import ActivationCode, missing_clause
from models.base import utcnow
from models.people import Group, Guardian, GuardianLink, LinkStatus, Student, StudentStatus

NEW = "/admin/student/new/"


# --- the list


def test_the_list_shows_active_students_by_name_whatever_their_accents(as_, app, schools):
    with rows(app) as session:
        for family in ("Écart", "Zèle", "Eau"):
            session.add(Student(school_id=schools[0], family_name=family, given_name="Tri"))
    page = as_("ac").get("/admin/student/?search=tri&page_size=50").text
    found = re.findall(r">(\w+), Tri<", page)
    assert found == ["Eau", "Écart", "Zèle"]


@pytest.mark.parametrize("typed", ["benard", "BÉNARD zoe", "9999999999x", "06 39 98 55 01", "0639985501", "+33639985501", "oeuvrard"])
def test_the_search_finds_by_name_number_and_guardian_without_accents(as_, app, schools, typed):
    with rows(app) as session:
        student = Student(school_id=schools[0], family_name="Bénard", given_name="Zoé", national_id="9999999999X")
        guardian = Guardian(school_id=schools[0], family_name="Œuvrard", given_name="Anaïs", phone="06 39 98 55 01", phone_e164="+33639985501")
        session.add(GuardianLink(school_id=schools[0], student=student, guardian=guardian))
    page = as_("ac").get("/admin/student/", query_string={"search": typed}).text
    assert "Bénard, Zoé" in page


@pytest.mark.parametrize(
    ("by", "typed", "found"),
    [
        ("name", "ben*", True),
        ("name", "bén?rd", True),
        ("name", "en*", False),
        ("name", "zo?", True),
        ("name", "enar", True),
        ("name", "%", False),
        ("name", "œuvrard", False),
        ("identifier", "99 99 99 99 99 x", True),
        ("identifier", "9999999999?", True),
        ("identifier", "9999*", True),
        ("identifier", "benard", False),
        ("guardian", "oeuv*", True),
        ("guardian", "06 39 98 55 01", True),
        ("guardian", "06.39*", True),
        ("guardian", "bénard", False),
    ],
)
def test_a_chosen_field_takes_stars_and_question_marks(as_, app, schools, by, typed, found):
    with rows(app) as session:
        student = Student(school_id=schools[0], family_name="Bénard", given_name="Zoé", national_id="9999999999X")
        guardian = Guardian(school_id=schools[0], family_name="Œuvrard", given_name="Anaïs", phone="06 39 98 55 01", phone_e164="+33639985501")
        session.add(GuardianLink(school_id=schools[0], student=student, guardian=guardian))
    page = as_("ac").get("/admin/student/", query_string={"search": typed, "by": by}).text
    assert ("Bénard, Zoé" in page) is found


def test_the_views_count_and_the_deactivated_stand_apart(as_, app, schools, a_student):
    with rows(app) as session:
        gone = session.get(Student, a_student)
        gone.status, gone.family_name = StudentStatus.left, "Parti"
        name = str(gone)
        unseen = session.scalar(select(func.count(Student.id)).where(Student.school_id == schools[0], Student.status == StudentStatus.active, missing_clause()))
        everybody = session.scalar(select(func.count(Student.id)).where(Student.school_id == schools[0]))
    browser = as_("ac")
    page = words(browser.get("/admin/student/"))
    assert f"Actifs {everybody - 1} Sans accès {unseen} Désactivés 1 Tous {everybody}" in page
    assert name not in words(browser.get("/admin/student/?page_size=100"))
    assert name in words(browser.get("/admin/student/?flt0_status.Is=left"))
    assert name in words(browser.get("/admin/student/?flt0_status.Is=all&page_size=100"))


def test_the_filter_without_access_keeps_those_whom_nobody_sees(as_, app, schools):
    with rows(app) as session:
        wanted = set(session.scalars(select(Student.id).where(Student.school_id == schools[0], missing_clause())))
    page = as_("amp").get("/admin/student/?flt0_access.Clause=1&page_size=100").text
    assert {int(v) for v in re.findall(r'name="rowid" value="(\d+)"', page)} == wanted
    assert "Sans accès" in page


def test_the_access_badge_says_who_sees_the_student(as_, app, schools, a_student):
    with rows(app) as session:
        school = schools[0]
        followed = session.scalar(
            select(GuardianLink.student_id)
            .join(Guardian)
            .where(GuardianLink.school_id == school, Guardian.user_id.is_not(None), GuardianLink.status == LinkStatus.active)
        )
        lonely = Student(school_id=school, family_name="Seul", given_name="Tout")
        late = Student(school_id=school, family_name="Tard", given_name="Trop")
        session.add_all([lonely, late])
        session.flush()
        session.add(ActivationCode(school_id=school, student_id=late.id, digest="d", tail="XXXX", expires_at=utcnow()))
        name = session.get(Student, followed).family_name
    browser = as_("ac")
    assert "Responsable inscrit" in words(browser.get("/admin/student/", query_string={"search": name}))
    assert "Aucun accès" in words(browser.get("/admin/student/?search=seul+tout"))
    assert "Code expiré" in words(browser.get("/admin/student/?search=tard+trop"))


def test_filters_by_level_class_group_adviser_and_birth_keep_what_they_say(as_, app, schools):
    with rows(app) as session:
        student = session.scalars(select(Student).where(Student.school_id == schools[0], Student.homeroom_id.is_not(None), Student.groups.any())).first()
        given = {
            "level.Row": student.level_id,
            "homeroom.Row": student.homeroom_id,
            "groups.Member": student.groups[0].id,
            "adviser.Row": student.adviser_id,
            "born_on.Since": student.born_on.isoformat(),
            "born_on.Until": student.born_on.isoformat(),
        }
        number = student.id
    browser = as_("ac")
    for arg, value in given.items():
        page = browser.get("/admin/student/", query_string={f"flt0_{arg}": value, "page_size": 100}).text
        assert f'name="rowid" value="{number}"' in page, arg
    everything = {f"flt{i}_{arg}": value for i, (arg, value) in enumerate(given.items())}
    assert f'name="rowid" value="{number}"' in browser.get("/admin/student/", query_string=everything).text


def test_a_heading_sorts_the_list_both_ways(as_, app, schools):
    browser = as_("ac")
    for column, field in ((0, Student.search_key), (4, Student.born_on)):
        with rows(app) as session:
            keys = dict(session.execute(select(Student.id, field)).all())
        for desc in ("", "&desc=1"):
            page = browser.get(f"/admin/student/?page_size=100&sort={column}{desc}").text
            found = [keys[int(v)] for v in re.findall(r'name="rowid" value="(\d+)"', page)]
            assert found == sorted(found, reverse=bool(desc))
            assert f'aria-sort="{"descending" if desc else "ascending"}"' in page


# --- scope


def test_ec_sees_only_the_students_they_follow(as_, app):
    inside, outside = scope_of(app, "ec")
    assert inside
    assert outside
    page = as_("ec").get("/admin/student/?flt0_status.Is=all&page_size=100").text
    assert {int(v) for v in re.findall(r'name="rowid" value="(\d+)"', page)} == set(inside)


@pytest.mark.parametrize("door", ["details", "edit"])
def test_ec_gets_404_on_the_page_of_a_student_they_do_not_follow(as_, app, door):
    inside, outside = scope_of(app, "ec")
    browser = as_("ec")
    assert browser.get(f"/admin/student/{door}/?id={inside[0]}").status_code == 200
    strange = browser.get(f"/admin/student/{door}/?id={outside[0]}")
    unknown = browser.get(f"/admin/student/{door}/?id=999999")
    assert (strange.status_code, unknown.status_code) == (404, 404)
    assert re.sub(r"nonce-?[^\s]*", "", words(strange)) == re.sub(r"nonce-?[^\s]*", "", words(unknown))


@pytest.mark.parametrize("verb", ["add_to_group", "generate_codes"])
def test_a_verb_on_own_and_foreign_students_together_is_404_and_changes_nothing(as_, app, verb):
    inside, outside = scope_of(app, "ec")
    before = one(app, select(func.count(ActivationCode.id)))
    answer = send(as_("ec"), "/admin/student/action/", page="/account", action=verb, rowid=[inside[0], outside[0]], _asked="1", quantity=1)
    assert answer.status_code == 404
    assert one(app, select(func.count(ActivationCode.id))) == before


def test_ec_finds_nobody_else_by_look_up_and_cannot_post_them(as_, app):
    _inside, outside = scope_of(app, "ec")
    with rows(app) as session:
        name = session.get(Student, outside[0]).search_key.split("|")[0].strip()
        group = session.scalar(select(Group.id).join(User, User.id == Group.owner_id).where(User.username == "ec"))
    browser = as_("ec")
    found = browser.get("/admin/group/ajax/lookup/", query_string={"name": "students", "query": name}).json
    assert outside[0] not in [row[0] for row in found]
    answer = send(browser, "/admin/group/add/", page="/account", id=group, students=[outside[0]])
    assert answer.status_code == 422
    assert "introuvable" in answer.text
    with rows(app) as session:
        assert outside[0] not in [s.id for s in session.get(Group, group).members]


@pytest.mark.parametrize(("table", "model"), [("student", Student), ("guardian", Guardian), ("guardian_link", GuardianLink), ("group", Group)])
def test_ac2_gets_404_on_every_row_of_the_first_school(as_, app, schools, table, model):
    foreign = ids(app, select(model.id).where(model.school_id == schools[0]).order_by(model.id).limit(3))
    browser = as_("ac2")
    for row_id in foreign:
        assert browser.get(f"/admin/{table}/details/?id={row_id}").status_code == 404
        assert browser.get(f"/admin/{table}/edit/?id={row_id}").status_code == 404
        assert send(browser, "/admin/" + table + "/delete/", page="/account", id=row_id, _asked="1").status_code == 404
    assert ids(app, select(model.id).where(model.id.in_(foreign)).order_by(model.id)) == foreign


def test_amp_reads_and_exports_but_cannot_write(as_, a_student):
    browser = as_("amp")
    assert browser.get(f"/admin/student/details/?id={a_student}").status_code == 200
    assert browser.get("/admin/student/export/csv/", buffered=True).status_code == 200
    for path in (NEW, f"/admin/student/edit/?id={a_student}"):
        assert browser.get(path).status_code == 403
        assert send(browser, path, page="/account", family_name="X", given_name="Y").status_code == 403
    assert send(browser, "/admin/student/delete/", page="/account", id=a_student).status_code == 403
    page = browser.get("/admin/student/").text
    assert "Ajouter un élève" not in page
    assert "Désactiver" not in page


@pytest.mark.parametrize(
    ("who", "path", "status"),
    [
        ("inspector", "/admin/student/", 200),
        ("inspector", "/admin/student/export/csv/", 403),
        ("inspector", "/admin/guardian/", 403),
        ("inspector", "/admin/guardian_link/", 403),
        ("head", "/admin/guardian/", 200),
        ("head", "/admin/guardian/export/csv/", 403),
        ("registrar", "/admin/student/new/", 200),
        ("registrar", "/admin/guardian/new/", 403),
        ("ec", "/admin/student/new/", 403),
        ("ec", "/admin/guardian/", 200),
        ("ec", "/admin/guardian/export/csv/", 403),
    ],
)
def test_each_role_opens_what_the_rights_say(as_, who, path, status):
    assert as_(who).get(path, buffered=True).status_code == status
