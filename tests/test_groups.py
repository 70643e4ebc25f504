"""Groups, levels: who makes them, shares them, fills them, and what stays."""

import re

from conftest import rows
from hands import send, words
from sqlalchemy import func, select

from models.access import Role, User
from models.journal import JournalEvent
from models.people import Group, GroupCategory, Student, StudentStatus
from models.right_override import RightOverride
from models.school import Level


def owned_by(app, username):
    """The first group that this account owns."""
    with rows(app) as session:
        return session.scalar(select(Group.id).join(User, User.id == Group.owner_id).where(User.username == username).order_by(Group.id.desc()))


def shared_with(app, username):
    """A colleague's group that this account shares."""
    with rows(app) as session:
        return session.scalar(select(Group.id).where(Group.shared_with.any(User.username == username)))


def members_of(app, group):
    """The identifiers of a group's students."""
    with rows(app) as session:
        return {s.id for s in session.get(Group, group).members}


def test_the_list_counts_the_students_of_classes_and_groups(as_, app, schools):
    with rows(app) as session:
        room = session.scalar(select(Group).where(Group.school_id == schools[0], Group.category == GroupCategory.klass))
        n = session.scalar(select(func.count(Student.id)).where(Student.homeroom_id == room.id))
        other = session.scalar(select(Group).where(Group.school_id == schools[0], Group.name == "Chorale"))
        expected = [f"{room.name} Classe {n} Camille", f"Chorale Autre groupe {len(other.members)} Camille"]
    page = words(as_("ac").get("/admin/group/"))
    for line in expected:
        assert line in page


def test_ec_makes_a_group_of_their_own_and_fills_it(as_, app):
    browser = as_("ec")
    answer = send(browser, "/admin/group/new/", page="/admin/group/new/", name="Aide aux devoirs", category="other", owner=1, owner_id=1)
    assert answer.status_code == 302
    with rows(app) as session:
        me = session.scalar(select(User.id).where(User.username == "ec"))
        group = session.scalar(select(Group).where(Group.name == "Aide aux devoirs"))
        assert group.owner_id == me
        number = group.id
        student = session.scalar(select(Student.id).where(Student.adviser_id == me))
    here = f"/admin/group/details/?id={number}"
    added = send(browser, "/admin/group/add/", page=here, id=number, students=[student])
    assert added.status_code == 303
    assert members_of(app, number) == {student}
    assert "1 élève ajouté" in browser.get(added.headers["Location"]).text
    removed = send(browser, "/admin/group/remove/", page=here, id=number, student=student)
    assert removed.status_code == 303
    assert members_of(app, number) == set()
    with rows(app) as session:
        verbs = session.scalars(select(JournalEvent.verb).where(JournalEvent.table_name == "group", JournalEvent.row_id == number)).all()
        assert {"created", "members_added", "members_removed"} <= set(verbs)


def test_ec_edits_a_shared_group_but_neither_shares_nor_deletes_it(as_, app):
    group, browser = shared_with(app, "ec"), as_("ec")
    page = f"/admin/group/edit/?id={group}"
    text = browser.get(page).text
    assert 'name="shared_with"' not in text
    mark = re.search(r'name="row_version"[^>]*value="([^"]+)"', text)[1]
    stranger = owned_by(app, "amp") or 1
    answer = send(browser, page, page=page, name="Renommé", category="other", row_version=mark, shared_with=[stranger])
    assert answer.status_code == 302
    with rows(app) as session:
        row = session.get(Group, group)
        assert row.name == "Renommé"
        assert [user.username for user in row.shared_with] == ["ec"]
    assert send(browser, "/admin/group/delete/", page="/account", id=group, _asked="1").status_code == 403
    assert send(browser, "/admin/group/action/", page="/account", action="share", rowid=group, _asked="1", people=[1]).status_code in (403, 422)
    here = browser.get(f"/admin/group/details/?id={group}").text
    assert "Supprimer" not in here
    assert 'value="share"' not in here
    with rows(app) as session:
        assert session.get(Group, group) is not None


def test_ec_does_not_see_a_group_that_is_neither_theirs_nor_shared(as_, app, schools):
    with rows(app) as session:
        strange = session.scalar(select(Group.id).where(Group.school_id == schools[0], Group.name == "Chorale"))
    browser = as_("ec")
    for path in (f"/admin/group/details/?id={strange}", f"/admin/group/edit/?id={strange}"):
        assert browser.get(path).status_code == 404
    assert send(browser, "/admin/group/add/", page="/account", id=strange, students=[1]).status_code == 404
    assert send(browser, "/admin/group/remove/", page="/account", id=strange, student=1).status_code == 404
    assert send(browser, "/admin/group/delete/", page="/account", id=strange, _asked="1").status_code == 404
    assert "Chorale" not in browser.get("/admin/group/").text


def test_ec_deletes_and_shares_their_own_group(as_, app):
    group, browser = owned_by(app, "ec"), as_("ec")
    with rows(app) as session:
        colleague, guardian = (session.scalar(select(User.id).where(User.username == name)) for name in ("ac", "parent"))
    action = "/admin/group/action/"
    assert "suivent les élèves" in words(send(browser, action, page="/account", action="share", rowid=group))
    assert send(browser, action, page="/account", action="share", rowid=group, _asked="1", people=[guardian]).status_code == 422
    assert send(browser, action, page="/account", action="share", rowid=group, _asked="1", people=[colleague]).status_code == 303
    with rows(app) as session:
        assert [user.id for user in session.get(Group, group).shared_with] == [colleague]
    assert send(browser, "/admin/group/delete/", page="/account", id=group, _asked="1").status_code == 302
    with rows(app) as session:
        assert session.get(Group, group) is None


def test_a_shared_group_opens_its_students_and_a_withdrawn_one_closes_them_at_once(as_, app, schools):
    with rows(app) as session:
        choir = session.scalar(select(Group).where(Group.school_id == schools[0], Group.name == "Chorale"))
        me = session.scalar(select(User).where(User.username == "ec"))
        student = next(
            s
            for s in choir.members
            if s.adviser_id != me.id and not {g.owner_id for g in s.groups} & {me.id} and "ec" not in {u.username for g in s.groups for u in g.shared_with}
        )
        number, group, person = student.id, choir.id, me.id
    browser = as_("ec")
    assert browser.get(f"/admin/student/details/?id={number}").status_code == 404
    assert send(as_("ac"), "/admin/group/action/", page="/account", action="share", rowid=group, _asked="1", people=[person]).status_code == 303
    assert browser.get(f"/admin/student/details/?id={number}").status_code == 200
    with rows(app) as session:
        choir = session.get(Group, group)
        choir.shared_with.clear()
    assert browser.get(f"/admin/student/details/?id={number}").status_code == 404


def test_a_class_with_students_is_not_deleted_and_an_empty_one_is(as_, app, schools):
    with rows(app) as session:
        room = session.scalar(select(Student.homeroom_id).where(Student.school_id == schools[0]))
        empty = Group(school_id=schools[0], name="6e Vide", category=GroupCategory.klass)
        session.add(empty)
        session.flush()
        number = empty.id
    browser = as_("ac")
    answer = send(browser, "/admin/group/delete/", page="/account", id=room, _asked="1")
    assert answer.status_code == 409
    assert "y sont encore" in words(answer) or "y est encore" in words(answer)
    assert send(browser, "/admin/group/delete/", page="/account", id=number, _asked="1").status_code == 302
    with rows(app) as session:
        assert session.get(Group, room) is not None
        assert session.get(Group, number) is None


def test_a_student_added_to_a_class_leaves_the_other_one(as_, app, schools):
    with rows(app) as session:
        student = session.scalar(select(Student).where(Student.school_id == schools[0], Student.homeroom_id.is_not(None)))
        old, number = student.homeroom_id, student.id
        new = session.scalar(select(Group.id).where(Group.school_id == schools[0], Group.category == GroupCategory.klass, Group.id != old))
    browser = as_("ac")
    assert send(browser, "/admin/group/add/", page=f"/admin/group/details/?id={new}", id=new, students=[number]).status_code == 303
    with rows(app) as session:
        assert session.get(Student, number).homeroom_id == new
    assert send(browser, "/admin/group/remove/", page=f"/admin/group/details/?id={old}", id=old, student=number).status_code == 303
    with rows(app) as session:
        assert session.get(Student, number).homeroom_id == new
    assert send(browser, "/admin/group/remove/", page=f"/admin/group/details/?id={new}", id=new, student=number).status_code == 303
    with rows(app) as session:
        assert session.get(Student, number).homeroom_id is None


def test_a_student_of_another_school_never_joins(as_, app, schools):
    group = owned_by(app, "ac")
    with rows(app) as session:
        foreign = session.scalar(select(Student.id).where(Student.school_id == schools[1]))
        before = session.scalar(select(func.count()).select_from(Student).where(Student.homeroom_id == group))
    browser = as_("ac")
    answer = send(browser, "/admin/group/add/", page=f"/admin/group/details/?id={group}", id=group, students=[foreign])
    assert answer.status_code == 422
    assert send(browser, "/admin/group/remove/", page="/account", id=group, student=foreign).status_code == 404
    assert send(browser, "/admin/group/remove/", page="/account", id=group, student="1 OR 1=1").status_code == 400
    with rows(app) as session:
        assert session.scalar(select(func.count()).select_from(Student).where(Student.homeroom_id == group)) == before
        assert foreign not in {s.id for s in session.get(Group, group).members}


def test_amp_reads_groups_and_changes_none(as_, app):
    group, browser = owned_by(app, "ac"), as_("amp")
    page = browser.get(f"/admin/group/details/?id={group}")
    assert page.status_code == 200
    assert "Retirer" not in page.text
    assert send(browser, "/admin/group/add/", page="/account", id=group, students=[1]).status_code == 403
    assert send(browser, "/admin/group/new/", page="/account", name="X", category="other").status_code == 403


def test_the_page_of_a_group_names_its_students_only_to_whoever_reads_students(as_, app, schools):
    with rows(app) as session:
        in_a_class = (Student.school_id == schools[0], Student.homeroom_id.is_not(None), Student.status == StudentStatus.active)
        student = session.scalars(select(Student).where(*in_a_class)).first()
        group, name = student.homeroom_id, student.family_name
        session.add(RightOverride(school_id=schools[0], role=Role.amp, table="student", verb="read", granted=False))
    page = as_("amp").get(f"/admin/group/details/?id={group}")
    assert page.status_code == 200
    assert name not in page.text
    assert name in as_("ac").get(f"/admin/group/details/?id={group}").text


def test_two_groups_of_a_school_do_not_have_one_name(as_, app):
    answer = send(as_("ac"), "/admin/group/new/", page="/admin/group/new/", name="Chorale", category="other")
    assert answer.status_code == 422
    assert "UNIQUE" not in answer.text


def test_levels_stand_in_the_schools_order_and_only_acc_changes_them(as_, app, schools):
    browser = as_("acc")
    assert send(browser, "/admin/level/new/", page="/admin/level/new/", name="CM2", rank=0).status_code == 302
    found = re.findall(r'<th role="rowheader"[^>]*><a[^>]*>([^<]+)<', browser.get("/admin/level/").text)
    with rows(app) as session:
        names = session.scalars(select(Level.name).where(Level.school_id == schools[0]).order_by(Level.rank)).all()
    assert found == names
    assert names[0] == "CM2"
    level = str(len(names))
    assert as_("ac").get("/admin/level/new/").status_code == 403
    assert send(browser, "/admin/level/delete/", page="/account", id=level, _asked="1").status_code == 403
