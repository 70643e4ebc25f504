"""Students, guardians and their links through the browser's door: what each role sees, what is refused, what is kept."""

import csv
import datetime as dt
import io
import re

import pytest
from conftest import rows
from hands import send, words
from sqlalchemy import func, select

from models.access import Membership, Role, User
from models.activation import ActivationCode, missing_clause
from models.base import utcnow
from models.journal import JournalEvent
from models.people import Group, Guardian, GuardianLink, LinkStatus, Student, StudentStatus
from models.school import School

NEW = "/admin/student/new/"


def ids(app, statement):
    """The identifiers a statement gives."""
    with rows(app) as session:
        return list(session.scalars(statement))


def one(app, statement):
    """The first row's values, as a tuple."""
    with rows(app) as session:
        return session.execute(statement).first()


def scope_of(app, username):
    """(students the person follows, the other students of their school)."""
    with rows(app) as session:
        user = session.scalar(select(User).where(User.username == username))
        school = session.scalar(select(Membership.school_id).where(Membership.user_id == user.id))
        mine = select(Group.id).where((Group.owner_id == user.id) | Group.shared_with.any(User.id == user.id))
        follows = (Student.adviser_id == user.id) | Student.homeroom_id.in_(mine) | Student.groups.any(Group.id.in_(mine))
        inside = set(session.scalars(select(Student.id).where(Student.school_id == school, follows)))
        outside = set(session.scalars(select(Student.id).where(Student.school_id == school))) - inside
    return sorted(inside), sorted(outside)


def form_of(browser, page):
    """The posted fields of a form, as the browser would send them back unchanged."""
    text = browser.get(page).text
    form = re.search(r'<form class="sheet".*?</form>', text, re.S)[0]
    fields = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name:
            fields[name[1]] = value[1] if value else ""
    for name, body in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.S):
        chosen = [re.search(r'value="([^"]*)"', option)[1] for option in re.findall(r"<option[^>]*selected[^>]*>", body)]
        if chosen:
            fields[name] = chosen[-1]
    return fields


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


# --- the form


def test_a_student_is_added_in_sections_and_found_again(as_, app, schools):
    browser = as_("ac")
    level, room = (
        ids(app, select(Student.level_id).where(Student.school_id == schools[0]))[0],
        ids(app, select(Student.homeroom_id).where(Student.school_id == schools[0]))[0],
    )
    page = browser.get(NEW).text
    for legend in ("Identité", "Scolarité", "Coordonnées"):
        assert f"<legend>{legend}</legend>" in page
    answer = send(
        browser,
        NEW,
        page=NEW,
        family_name="Évrard",
        given_name="Maël",
        national_id="0619 002 114 k",
        level=level,
        homeroom=room,
        language="fr",
        born_on="2014-03-14",
    )
    assert answer.status_code == 302
    with rows(app) as session:
        row = session.scalar(select(Student).where(Student.family_name == "Évrard"))
        assert (row.school_id, row.national_id, row.homeroom_id, row.status) == (schools[0], "0619002114K", room, StudentStatus.active)
        assert row.search_key.startswith("evrard mael")
    assert "Évrard, Maël" in browser.get("/admin/student/?search=evrard").text


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("family_name", "", "obligatoire"),
        ("born_on", "2099-01-01", "avenir"),
        ("email", "pas une adresse", "adresse"),
        ("phone", "abc", "téléphone"),
        ("sex", "forged", "n’existe pas"),
        ("homeroom", "999999", "introuvable"),
        ("family_name", "x" * 201, "trop long"),
    ],
)
def test_an_invalid_form_is_422_says_why_and_keeps_what_was_typed(as_, app, field, value, told):
    before = one(app, select(func.count(Student.id)))
    fields = {"family_name": "Garde", "given_name": "Moi", "language": "fr", field: value}
    answer = send(as_("ac"), NEW, page=NEW, **fields)
    assert answer.status_code == 422
    assert told in answer.text
    assert 'value="Moi"' in answer.text
    assert one(app, select(func.count(Student.id))) == before


def test_a_row_of_another_school_in_a_form_is_not_found(as_, app, schools, a_student):
    foreign = ids(app, select(Group.id).where(Group.school_id == schools[1]))[0]
    guardian = ids(app, select(User.id).join(Guardian, Guardian.user_id == User.id).where(Guardian.school_id == schools[0]))[0]
    browser = as_("ac")
    fields = form_of(browser, f"/admin/student/edit/?id={a_student}")
    for name, value in (("homeroom", foreign), ("adviser", guardian)):
        answer = browser.post(f"/admin/student/edit/?id={a_student}", data={**fields, name: value})
        assert answer.status_code == 422, name
    with rows(app) as session:
        row = session.get(Student, a_student)
        assert row.homeroom_id != foreign
        assert row.adviser_id != guardian


def test_26_columns_that_the_form_does_not_show_are_not_written(as_, app, schools, a_student):
    browser = as_("ac")
    fields = form_of(browser, f"/admin/student/edit/?id={a_student}")
    forged = {
        "school_id": schools[1],
        "user_id": 1,
        "status": "left",
        "search_key": "x",
        "version": 99,
        "id": 77,
        "created_at": "2000-01-01",
        "links": 1,
        "groups": 1,
        "students[1][x]": "y",
    }
    answer = browser.post(f"/admin/student/edit/?id={a_student}", data={**fields, "town": "Ailleurs", **forged})
    assert answer.status_code == 302
    with rows(app) as session:
        row = session.get(Student, a_student)
        assert (row.town, row.school_id, row.status) == ("Ailleurs", schools[0], StudentStatus.active)
        assert row.search_key != "x"
        assert row.version < 99


def test_ec_keeps_the_profile_but_class_level_and_adviser_stay(as_, app):
    inside, _outside = scope_of(app, "ec")
    with rows(app) as session:
        before = session.execute(select(Student.level_id, Student.homeroom_id, Student.adviser_id).where(Student.id == inside[0])).one()
    browser = as_("ec")
    fields = form_of(browser, f"/admin/student/edit/?id={inside[0]}")
    assert not {"level", "homeroom", "adviser"} & set(fields)
    answer = browser.post(
        f"/admin/student/edit/?id={inside[0]}", data={**fields, "phone": "01 99 00 55 66", "level": "", "homeroom": "__None", "adviser": "__None"}
    )
    assert answer.status_code == 302
    with rows(app) as session:
        row = session.get(Student, inside[0])
        assert row.phone == "01 99 00 55 66"
        assert (row.level_id, row.homeroom_id, row.adviser_id) == tuple(before)


def test_r9_the_second_of_two_people_gets_both_values_and_overwrites_nothing(as_, app, a_student):
    first, second = as_("ac"), as_("acc")
    page = f"/admin/student/edit/?id={a_student}"
    early, late = form_of(first, page), form_of(second, page)
    assert first.post(page, data={**early, "town": "Première"}).status_code == 302
    answer = second.post(page, data={**late, "town": "Seconde"})
    assert answer.status_code == 409
    assert "Première" in answer.text
    assert "Seconde" in answer.text
    assert one(app, select(Student.town).where(Student.id == a_student))[0] == "Première"
    again = re.search(r'name="row_version"[^>]*value="([^"]+)"', answer.text)[1]
    assert second.post(page, data={**late, "town": "Seconde", "row_version": again}).status_code == 302
    assert one(app, select(Student.town).where(Student.id == a_student))[0] == "Seconde"


def test_a_forged_version_is_a_conflict_not_a_way_around(as_, app, a_student):
    browser = as_("ac")
    page = f"/admin/student/edit/?id={a_student}"
    fields = form_of(browser, page)
    assert browser.post(page, data={**fields, "town": "Forcée", "row_version": "forged"}).status_code == 409
    assert one(app, select(Student.town).where(Student.id == a_student))[0] != "Forcée"


def test_an_identifier_that_another_student_has_is_refused_without_sql(as_, app, schools, a_student):
    taken = one(app, select(Student.national_id).where(Student.school_id == schools[0], Student.national_id.is_not(None)))[0]
    answer = send(as_("ac"), NEW, page=NEW, family_name="Double", given_name="Un", language="fr", national_id=taken)
    assert answer.status_code == 422
    assert "UNIQUE" not in answer.text
    assert "INSERT" not in answer.text
    assert one(app, select(Student.id).where(Student.family_name == "Double")) is None


# --- deleting, deactivating


def test_a_student_with_records_is_deactivated_instead_of_deleted(as_, app, schools):
    with rows(app) as session:
        kept = session.scalar(select(GuardianLink.student_id).join(Guardian).where(GuardianLink.school_id == schools[0], Guardian.user_id.is_not(None)))
    browser = as_("ac")
    asked = send(browser, "/admin/student/delete/", page="/account", id=kept)
    assert asked.status_code == 200
    assert "Désactivez plutôt" in asked.text
    assert send(browser, "/admin/student/delete/", page="/account", id=kept, _asked="1").status_code == 409
    assert one(app, select(Student.id).where(Student.id == kept)) is not None


def test_a_student_without_records_goes_after_the_question(as_, app, schools):
    with rows(app) as session:
        student = Student(school_id=schools[0], family_name="Erreur", given_name="Saisie")
        session.add(student)
        session.flush()
        number = student.id
    browser = as_("ac")
    assert "définitif" in send(browser, "/admin/student/delete/", page="/account", id=number).text
    assert one(app, select(Student.id).where(Student.id == number)) is not None
    assert send(browser, "/admin/student/delete/", page="/account", id=number, _asked="1").status_code == 302
    assert one(app, select(Student.id).where(Student.id == number)) is None


def test_deactivate_and_reactivate_are_told_in_the_history(as_, app, a_student):
    browser = as_("ac")
    for verb, status in (("deactivate", StudentStatus.left), ("reactivate", StudentStatus.active)):
        assert send(browser, "/admin/student/action/", page="/account", action=verb, rowid=a_student).status_code == 303
        with rows(app) as session:
            row = session.get(Student, a_student)
            assert (row.status, row.left_on is None) == (status, status is StudentStatus.active)
            assert session.scalar(select(func.count(JournalEvent.id)).where(JournalEvent.verb == verb, JournalEvent.row_id == a_student)) == 1
    again = send(browser, "/admin/student/action/", page="/account", action="reactivate", rowid=a_student)
    assert "déjà active" in browser.get(again.headers["Location"]).text


def test_students_join_a_group_or_change_class_after_a_question(as_, app, schools):
    students = ids(app, select(Student.id).where(Student.school_id == schools[0]).limit(2))
    with rows(app) as session:
        other = session.scalar(select(Group).where(Group.school_id == schools[0], Group.name == "Chorale"))
        room = session.scalar(
            select(Group).where(Group.school_id == schools[0], Group.id != session.get(Student, students[0]).homeroom_id, Group.category == "klass")
        )
        foreign = session.scalar(select(Group.id).where(Group.school_id == schools[1]))
        choir, new_class = other.id, room.id
    browser = as_("ac")
    asked = send(browser, "/admin/student/action/", page="/account", action="add_to_group", rowid=students)
    assert asked.status_code == 200
    assert "élèves choisis" in words(asked)
    refused = send(browser, "/admin/student/action/", page="/account", action="add_to_group", rowid=students, _asked="1", group=foreign)
    assert refused.status_code == 422
    for group in (choir, new_class):
        done = send(browser, "/admin/student/action/", page="/account", action="add_to_group", rowid=students, _asked="1", group=group)
        assert done.status_code == 303
    with rows(app) as session:
        for number in students:
            row = session.get(Student, number)
            assert row.homeroom_id == new_class
            assert choir in [g.id for g in row.groups]


# --- exports


def exported(browser, path):
    """The lines of a CSV export."""
    answer = browser.get(path, buffered=True)
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig")), delimiter=";"))


def test_18_an_export_has_the_scope_of_the_person_and_one_line_in_the_history(as_, app):
    inside, _outside = scope_of(app, "ec")
    exports = select(JournalEvent).where(JournalEvent.verb == "exported", JournalEvent.table_name == "student").order_by(JournalEvent.id)
    before = len(ids(app, exports))
    lines = exported(as_("ec"), "/admin/student/export/csv/?flt0_status.Is=all")
    assert len(lines) == len(inside) + 1
    with rows(app) as session:
        events = session.scalars(exports).all()
        assert len(events) == before + 1
        assert (events[-1].rows, events[-1].who) == (len(inside), "Julien Vasseur")


def test_18_an_export_keeps_filters_and_order(as_, app):
    lines = exported(as_("ac"), "/admin/student/export/csv/?search=a&sort=0&desc=1")
    names = [(line[0], line[1]) for line in lines[1:]]
    with rows(app) as session:
        keys = {(s.family_name, s.given_name): s.search_key for s in session.scalars(select(Student))}
    found = [keys[name] for name in names]
    assert found == sorted(found, reverse=True)


def test_76_formulas_are_neutral_in_exports(as_, app, schools):
    with rows(app) as session:
        for start in ("=1+1", "+33", "-2+3", "@SUM(A1)", "＝x"):
            session.add(Student(school_id=schools[0], family_name="Formule", given_name=start))
    cells = [line[1] for line in exported(as_("ac"), "/admin/student/export/csv/?search=formule")[1:]]
    assert sorted(cells) == sorted(["'=1+1", "+33", "'-2+3", "'@SUM(A1)", "'＝x"])
    answer = as_("ac").get("/admin/student/export/xlsx/?search=formule", buffered=True)
    assert answer.get_data().startswith(b"PK")


# --- look-ups


@pytest.mark.parametrize("query", ["", "a", "%", "__", "%%", " "])
def test_16_a_look_up_wants_two_letters_and_knows_no_wildcards(as_, query):
    answer = as_("ac").get("/admin/guardian_link/ajax/lookup/", query_string={"name": "student", "query": query})
    assert answer.json == []


@pytest.mark.parametrize("limit", ["-1", "100000", "x"])
def test_16_a_look_up_gives_at_most_twenty_rows_of_the_own_school(as_, app, schools, limit):
    with rows(app) as session:
        session.add_all([Student(school_id=schools[0], family_name="Beaucoup", given_name=f"N{i}") for i in range(30)])
        session.add(Student(school_id=schools[1], family_name="Beaucoup", given_name="Ailleurs"))
    browser = as_("ac")
    found = browser.get("/admin/guardian_link/ajax/lookup/", query_string={"name": "student", "query": "beaucoup", "limit": limit, "offset": "0"})
    assert found.status_code in (200, 400)
    rows_given = found.json if found.status_code == 200 else []
    assert len(rows_given) <= 20
    assert all("Ailleurs" not in row[1] for row in rows_given)


def test_a_look_up_finds_students_by_their_own_names_without_accents_and_tells_namesakes_apart(as_, app, schools):
    with rows(app) as session:
        one, two = (
            Student(school_id=schools[0], family_name="Çelik", given_name="Zoé", national_id=f"99999999{n}XX", born_on=dt.date(2013, 2, n)) for n in (1, 2)
        )
        guardian = Guardian(school_id=schools[0], family_name="Œuvrard", given_name="Anaïs")
        session.add_all([one, two, GuardianLink(school_id=schools[0], student=one, guardian=guardian)])
    browser = as_("ac")

    def found(query):
        return [row[1] for row in browser.get("/admin/guardian_link/ajax/lookup/", query_string={"name": "student", "query": query}).json]

    assert found("celik zoe") == ["Çelik, Zoé · 999999991XX · 01/02/2013", "Çelik, Zoé · 999999992XX · 02/02/2013"]
    assert found("999999992") == ["Çelik, Zoé · 999999992XX · 02/02/2013"]
    assert found("oeuvrard") == []


def test_the_adviser_look_up_offers_the_staff_of_the_school_only(as_, app, schools):
    with rows(app) as session:
        session.add(
            Guardian(school_id=schools[0], family_name="Œdipe", given_name="Père", user=User(username="oedipe", family_name="Œdipe", given_name="Père"))
        )
        staff = session.scalar(
            select(User).join(Membership, Membership.user_id == User.id).where(Membership.school_id == schools[0], Membership.role == Role.ec)
        )
        family = staff.family_name
    browser = as_("ac")
    look = "/admin/student/ajax/lookup/"
    assert browser.get(look, query_string={"name": "adviser", "query": "oedipe"}).json == []
    assert family in str(browser.get(look, query_string={"name": "adviser", "query": family}).json)
    assert browser.get(look, query_string={"name": "nothing", "query": "ab"}).status_code in (400, 404)


# --- guardians and links


def test_a_guardian_is_added_with_a_phone_that_can_be_dialled_and_then_linked(as_, app, schools, a_student):
    browser = as_("ac")
    page = f"/admin/guardian/new/?student={a_student}"
    answer = send(browser, page, page=page, family_name="Nouvelle", given_name="Mère", phone="06 39 98 77 66", email="Mere@Example.org", language="fr")
    assert answer.status_code == 302
    with rows(app) as session:
        row = session.scalar(select(Guardian).where(Guardian.family_name == "Nouvelle"))
        assert (row.phone_e164, row.email) == ("+33639987766", "mere@example.org")
        number = row.id
    assert f"guardian={number}" in answer.headers["Location"]
    form = form_of(browser, answer.headers["Location"])
    assert (form["student"], form["guardian"]) == (str(a_student), str(number))
    assert browser.post(answer.headers["Location"], data={**form, "relation": "mother", "authority": "legal"}).status_code == 302
    with rows(app) as session:
        link = session.scalar(select(GuardianLink).where(GuardianLink.guardian_id == number))
        assert (link.student_id, link.school_id, link.relation.name) == (a_student, schools[0], "mother")
        assert "nouvelle" in session.get(Student, a_student).search_key
    again = browser.post("/admin/guardian_link/new/", data={**form, "relation": "father", "authority": "legal"})
    assert again.status_code == 422
    assert "a déjà un lien" in again.text


def test_a_guardian_with_an_account_is_not_deleted(as_, app, schools):
    kept = ids(app, select(Guardian.id).where(Guardian.school_id == schools[0], Guardian.user_id.is_not(None)))[0]
    answer = send(as_("ac"), "/admin/guardian/delete/", page="/account", id=kept, _asked="1")
    assert answer.status_code == 409
    assert "suspendez le lien" in answer.text
    assert ids(app, select(Guardian.id).where(Guardian.id == kept)) == [kept]


def test_the_filter_with_an_account_is_the_one_that_home_counts(as_, app, schools):
    with rows(app) as session:
        count = session.scalar(select(func.count(Guardian.id)).where(Guardian.school_id == schools[0], Guardian.user_id.is_not(None)))
    page = words(as_("ac").get("/admin/guardian/?flt0_account.Clause=1"))
    assert f"{count} responsable" in page


def test_a_link_is_suspended_with_its_reason_then_reactivated(as_, app, schools):
    link = ids(app, select(GuardianLink.id).where(GuardianLink.school_id == schools[0], GuardianLink.status == LinkStatus.active))[0]
    browser = as_("ac")
    action = "/admin/guardian_link/action/"
    assert "Motif" in send(browser, action, page="/account", action="suspend", rowid=link).text
    assert send(browser, action, page="/account", action="suspend", rowid=link, _asked="1", reason="").status_code == 422
    assert send(browser, action, page="/account", action="suspend", rowid=link, _asked="1", reason="Décision du juge", until="2030-01-31").status_code == 303
    with rows(app) as session:
        row = session.get(GuardianLink, link)
        assert (row.status, row.suspended_reason, str(row.suspended_until)) == (LinkStatus.suspended, "Décision du juge", "2030-01-31")
        assert not session.scalar(select(func.count(JournalEvent.id)).where(JournalEvent.verb.contains("juge")))
    assert send(browser, action, page="/account", action="reactivate", rowid=link).status_code == 303
    assert one(app, select(GuardianLink.status).where(GuardianLink.id == link))[0] is LinkStatus.active


def test_a_new_link_beside_a_suspended_one_waits_for_a_check(as_, app, schools):
    with rows(app) as session:
        student = session.scalar(select(GuardianLink.student_id).where(GuardianLink.school_id == schools[0], GuardianLink.status == LinkStatus.suspended))
        fresh = Guardian(school_id=schools[0], family_name="Tante", given_name="Odile")
        session.add(fresh)
        session.flush()
        number = fresh.id
    browser = as_("ac")
    page = f"/admin/guardian_link/new/?student={student}&guardian={number}"
    assert browser.post(page, data={**form_of(browser, page), "relation": "other_family", "authority": "contact"}).status_code == 302
    with rows(app) as session:
        link = session.scalar(select(GuardianLink).where(GuardianLink.guardian_id == number))
        assert link.status is LinkStatus.to_check
        made = link.id
    assert send(browser, "/admin/guardian_link/action/", page="/account", action="confirm", rowid=made).status_code == 303
    assert one(app, select(GuardianLink.status).where(GuardianLink.id == made))[0] is LinkStatus.active


def test_a_link_never_moves_to_another_child(as_, app, schools):
    link, student = one(app, select(GuardianLink.id, GuardianLink.student_id).where(GuardianLink.school_id == schools[0]))
    other = ids(app, select(Student.id).where(Student.school_id == schools[0], Student.id != student))[0]
    browser = as_("ac")
    page = f"/admin/guardian_link/edit/?id={link}"
    fields = form_of(browser, page)
    assert browser.post(page, data={**fields, "relation": "tutor", "student": other, "status": "suspended"}).status_code == 302
    with rows(app) as session:
        row = session.get(GuardianLink, link)
        assert (row.student_id, row.relation.name, row.status is LinkStatus.suspended) == (student, "tutor", False)


def test_ec_and_amp_read_links_and_change_none(as_, app):
    inside, _outside = scope_of(app, "ec")
    link = ids(app, select(GuardianLink.id).where(GuardianLink.student_id.in_(inside)))[0]
    for who in ("ec", "amp", "registrar", "head"):
        browser = as_(who)
        assert browser.get(f"/admin/guardian_link/details/?id={link}").status_code == 200
        assert browser.get(f"/admin/guardian_link/edit/?id={link}").status_code == 403
        assert send(browser, "/admin/guardian_link/action/", page="/account", action="suspend", rowid=link, _asked="1", reason="non").status_code == 403
    assert one(app, select(GuardianLink.status).where(GuardianLink.id == link))[0] is not LinkStatus.suspended


def test_the_school_screen_is_the_school_itself(as_, app, schools):
    browser = as_("acc")
    answer = browser.get("/admin/school/")
    assert answer.headers["Location"].endswith(f"/admin/school/details/?id={schools[0]}")
    page = f"/admin/school/edit/?id={schools[0]}"
    fields = form_of(browser, page)
    assert browser.post(page, data={**fields, "town": "Valneuve", "time_zone": "Pacific/Noumea"}).status_code == 302
    assert one(app, select(School.town, School.time_zone).where(School.id == schools[0])) == ("Valneuve", "Pacific/Noumea")
    assert browser.get(f"/admin/school/edit/?id={schools[1]}").status_code == 404
    assert browser.get("/admin/school/new/").status_code == 403
    assert send(browser, "/admin/school/delete/", page="/account", id=schools[0], _asked="1").status_code == 403
    assert as_("ac").get(page).status_code == 403
    assert browser.post(page, data={**form_of(browser, page), "official_code": "1234567A"}).status_code == 422
