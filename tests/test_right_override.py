"""What a school changes in the table of rights: what it opens and closes, how far, for whom at once, and what no change can touch."""

import pytest
from conftest import counted, rows
from hands import do, form_of, send, user_of, words
from sqlalchemy import func, select

from jobs.runner import run_pending
from models.access import STAFF, Membership, Role, User
from models.actors import staff_in
from models.base import Refusal
from models.db import db
from models.journal import JournalEvent, screen_of
from models.people import Group, Guardian, Student
from models.reach import GROUP_RULES
from models.right_override import Change, ChangedMeanwhile, RightOverride, apply, cells, changed_cells, fixed, offered
from models.rights import LETTERS, POLICY, VERBS, grant, in_force, may, nature, reach
from models.scope import Actor, Overrides, Scope, acting
from models.work import Job, JobKind, JobState


@pytest.fixture
def change(app, schools):
    """`change("ec", "student", "export", False)` in the first school, by its site administrator."""

    def write(role, table, verb, granted, *, was=None, who="acc", place=0):
        with app.app_context():
            actor, scope = staff_in(db.session, user_of(app, who), schools[place])
            with acting(actor, scope, batch="a test"):
                done = apply(db.session, [Change(role, table, verb, granted, was)])
                db.session.commit()
                return [row.id for row in done]

    return write


def with_changes(**of):
    """Overrides of one role: `with_changes(ec={("student", "read"): False})`."""
    found = {}
    for role, changes in of.items():
        for (table, verb), granted in changes.items():
            found.setdefault((table, role), {})[verb] = granted
    return Overrides((1,), found)


# --- how far a changed right reaches (rule 11) ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "table", "verb", "far"),
    [
        ("ec", "student", "create", "g"),
        ("ec", "student", "delete", "g"),
        ("ec", "guardian", "edit", "g"),
        ("ec", "activation_code", "export", "g"),
        ("ec", "group", "export", "g"),
        ("ec", "import_", "read", "o"),
        ("ec", "user", "read", "all"),
        ("ec", "outgoing_mail", "cancel", "o"),
        ("amp", "outgoing_mail", "read", "o"),
        ("amp", "student", "edit", "all"),
        ("amp", "login_event", "export", "g"),
        ("registrar", "login_event", "read", "g"),
        ("registrar", "import_", "export", "o"),
        ("inspector", "guardian", "read", "all"),
        ("inspector", "job", "read", "o"),
        ("head", "job", "cancel", "o"),
        ("ac", "job", "read", "o"),
        ("ac", "label", "edit", "all"),
    ],
)
def test_11_a_right_that_is_given_reaches_as_far_as_the_role_does_on_that_table(role, table, verb, far):
    changes = {(table, verb): True, (table, "read"): True}
    assert reach([role], table, verb, with_changes(**{role: changes})) == far


def test_11_a_scope_cannot_be_edited_and_a_default_right_keeps_its_reach():
    everything = {role: {(table, verb): True for table in POLICY for verb in (*LETTERS.values(), *VERBS[table])} for role in STAFF}
    given = with_changes(**everything)
    for table in POLICY:
        for role in STAFF:
            for verb, far in grant(table, role).verbs.items():
                assert in_force(table, role, given).verbs[verb] == far, (table, role, verb)
            assert {far for verb, far in in_force(table, role, given).verbs.items() if verb not in grant(table, role).verbs} <= {nature(table, role)}


def test_11_every_table_that_a_teacher_reads_by_groups_has_its_rule():
    by_groups = {table for table in POLICY for role in POLICY[table] if "g" in grant(table, role).verbs.values()}
    # About whom a teacher writes is the audience's business (models/message_audience.py): the message is their own.
    assert by_groups == {screen_of(cls.__mapper__) for cls in GROUP_RULES} | {"login_event", "message"}


def test_11_the_portals_are_not_in_the_matrix():
    for role in Role:
        if role not in STAFF:
            assert offered(role.name) == {}
            assert in_force("student", role.name, with_changes(**{role.name: {("student", "read"): True}})).verbs == {}


def test_05_without_reading_no_verb_is_left_and_what_is_given_waits_for_it():
    closed = with_changes(amp={("student", "read"): False})
    assert in_force("student", "amp", closed).verbs == {}
    waiting = with_changes(ec={("user", "disable"): True})
    assert in_force("user", "ec", waiting).verbs == {}
    assert set(in_force("user", "ec", with_changes(ec={("user", "disable"): True, ("user", "read"): True})).verbs) == {"disable", "read"}


def test_02_two_roles_have_the_union_as_the_school_has_changed_it():
    changed = with_changes(amp={("student", "export"): False}, ec={("student", "delete"): True})
    assert reach(["ec", "amp"], "student", "export", changed) == "g"
    assert reach(["amp"], "student", "export", changed) is None
    assert reach(["ec", "amp"], "student", "delete", changed) == "g"


def test_a_table_that_is_no_longer_read_stays_as_narrow_in_forms(app, schools, change):
    change("ec", "student", "read", False)
    with app.app_context():
        _actor, scope = staff_in(db.session, user_of(app, "ec"), schools[0])
    assert scope.reach["student"] == "g"


# --- what nobody changes -------------------------------------------------------------------------------------------------------

FIXED = [
    ("acc", "right", "read", False),
    ("acc", "right", "edit", False),
    ("acc", "right", "reset", False),
    ("ac", "right", "edit", True),
    ("head", "right", "reset", True),
    ("ac", "user", "see_as", True),
    ("head", "user", "see_as", True),
    ("acc", "membership", "open_inspection", True),
    ("ac", "membership", "close_inspection", True),
    ("inspector", "student", "edit", True),
    ("inspector", "student", "generate_codes", True),
    ("guardian", "student", "read", True),
    ("student", "student", "read", True),
    ("invigilator", "student", "read", True),
    ("ec", "school", "delete", True),
    ("ec", "journal_event", "create", True),
    ("ec", "student", "no_such_verb", True),
    ("ec", "no_such_table", "read", True),
    ("nobody", "student", "read", True),
]


@pytest.mark.parametrize(("role", "table", "verb", "granted"), FIXED)
def test_08_11_what_is_fixed_is_refused_with_a_sentence_and_writes_nothing(app, change, role, table, verb, granted):
    with app.test_request_context(), pytest.raises(Refusal) as told:
        change(role, table, verb, granted)
    assert len(told.value.sentence) > 20
    with rows(app) as session:
        assert session.scalar(select(func.count(RightOverride.id))) == 0


def test_a_row_that_is_fixed_counts_for_nothing_even_when_it_stands_in_the_database(app, schools, as_, change):
    change("ec", "student", "export", False)
    with rows(app) as session:
        values = {"school_id": schools[0], "role": Role.amp, "table": "right", "verb": "edit", "granted": True}
        session.execute(RightOverride.__table__.insert().values(**values))
        session.execute(RightOverride.__table__.insert().values(**{**values, "role": Role.acc, "verb": "read", "granted": False}))
    assert as_("amp").get("/admin/right/").status_code == 403
    assert as_("acc").get("/admin/right/").status_code == 200


def test_nobody_gives_a_right_above_their_own(app, schools, change, monkeypatch):
    monkeypatch.setitem(POLICY["level"], "head", "RD")
    grant.cache_clear()
    try:
        with app.test_request_context(), pytest.raises(Refusal, match="n’a pas"):
            change("ac", "level", "delete", True)
        assert change("head", "level", "delete", False), "what is withdrawn is nobody's gain"
        assert change("head", "level", "delete", None), "nor is the default"
    finally:
        grant.cache_clear()


def test_who_may_not_edit_rights_writes_none_through_the_page(as_, app):
    for who in ("ac", "head", "ec", "amp", "registrar", "inspector"):
        answer = send(as_(who), "/admin/right/save/", page="/account", role="amp", shown="student.export=1")
        assert answer.status_code == 403, who
    with rows(app) as session:
        assert session.scalar(select(func.count(RightOverride.id))) == 0


def test_08_rights_given_on_users_and_roles_give_no_role_above_ones_own(as_, app, schools, change):
    for verb in ("read", "create", "edit", "invite", "disable"):
        change("registrar", "user", verb, True)
    for verb in ("read", "create", "edit", "delete"):
        change("registrar", "membership", verb, True)
    browser = as_("registrar")
    assert browser.get("/admin/user/").status_code == 200
    assert 'value="acc"' not in browser.get("/admin/user/new/").text
    do(browser, "user", "disable", user_of(app, "amp"))
    with rows(app) as session:
        held = session.scalar(select(Membership).join(User, User.id == Membership.user_id).where(User.username == "amp"))
        assert held.active
    fields = {"given_name": "Zoé", "family_name": "Nouvel", "email": "zoe@tilleuls.exemple", "role": "amp"}
    assert send(browser, "/admin/user/new/", page="/account", **fields).status_code == 422


# --- at the next request -------------------------------------------------------------------------------------------------------


def test_a_change_acts_on_an_open_session_at_its_next_request_and_so_does_taking_it_back(as_, change):
    teacher = as_("ec")
    assert teacher.get("/admin/student/export/csv/").status_code == 200
    assert teacher.get("/admin/user/").status_code == 403
    change("ec", "student", "export", False)
    assert teacher.get("/admin/student/export/csv/").status_code == 403
    assert "Exporter" not in words(teacher.get("/admin/student/"))
    change("ec", "user", "read", True)
    assert teacher.get("/admin/user/").status_code == 200
    assert "Utilisateurs" in words(teacher.get("/admin/"))
    change("ec", "user", "read", None)
    assert teacher.get("/admin/user/").status_code == 403
    change("ec", "student", "export", None)
    assert teacher.get("/admin/student/export/csv/").status_code == 200


def test_what_one_school_changes_is_not_changed_in_another(as_, change):
    change("ec", "student", "read", False)
    assert as_("ec").get("/admin/student/").status_code == 403
    assert as_("ec2").get("/admin/student/").status_code == 200


def test_a_given_verb_reaches_the_teachers_own_students_only(as_, app, schools, change):
    change("ec", "student", "deactivate", True)
    teacher = user_of(app, "ec")
    with app.app_context():
        actor, scope = staff_in(db.session, teacher, schools[0])
        with acting(actor, scope):
            inside = db.session.scalars(select(Student.id)).all()
    with rows(app) as session:
        outside = session.scalar(select(Student.id).where(Student.school_id == schools[0], Student.id.not_in(inside)))
    browser = as_("ec")
    assert do(browser, "student", "deactivate", outside, left_on="2026-01-01").status_code == 404
    assert do(browser, "student", "deactivate", inside[0], left_on="2026-01-01").status_code in (200, 303)


def test_07_a_job_asked_for_before_the_right_was_withdrawn_is_not_done(app, schools, as_, change):
    with rows(app) as session:
        teacher = session.scalar(select(User.id).where(User.username == "ec"))
        group = session.scalar(select(Group).where(Group.owner_id == teacher))
        students = [s.id for s in group.members]
        number = group.id
    with app.app_context(), acting(*staff_in_app(app, teacher, schools[0])):
        params = {"table": "student", "verb": "add_to_group", "ids": students, "answers": {"group": {"row": ["group", number]}}}
        job = Job.add(JobKind.bulk_verb, params, total=len(students))
        db.session.commit()
        waiting = job.id
    change("ec", "student", "add_to_group", False)
    run_pending(app)
    with rows(app) as session:
        job = session.get_one(Job, waiting)
        assert job.state is JobState.failed
        assert "n’en a plus le droit" in job.error
    change("ec", "student", "add_to_group", None)
    with rows(app) as session:
        session.get_one(Job, waiting).retry()
    run_pending(app)
    with rows(app) as session:
        assert session.get_one(Job, waiting).state is JobState.done


def staff_in_app(app, user, school):
    with app.app_context():
        return staff_in(db.session, user, school)


def test_05_what_a_role_no_longer_reads_is_not_read_in_the_history_either(as_, app, schools, change):
    with rows(app) as session:
        guardian = session.scalar(select(Guardian).where(Guardian.school_id == schools[0]))
        number, name = guardian.id, guardian.family_name
    counsellor = as_("ac")
    fields = form_of(counsellor, f"/admin/guardian/edit/?id={number}")
    assert send(counsellor, f"/admin/guardian/edit/?id={number}", page="/account", **{**fields, "town": "Villesecrète"}).status_code == 302
    with rows(app) as session:
        last = select(JournalEvent.batch).where(JournalEvent.table_name == "guardian", JournalEvent.row_id == number).order_by(JournalEvent.id.desc())
        address = f"/admin/journal_event/undo?batch={session.scalar(last)}"
    administrator = as_("acc")
    assert "Villesecrète" in words(administrator.get(address))
    change("acc", "guardian", "read", False)
    for page in (address, "/admin/journal_event/", "/admin/journal_event/trash", "/admin/"):
        shown = words(administrator.get(page))
        assert "Villesecrète" not in shown, page
        assert name not in shown, page
    assert send(administrator, address, page="/account").status_code == 409
    with rows(app) as session:
        assert session.get_one(Guardian, number).town == "Villesecrète"


# --- cost ----------------------------------------------------------------------------------------------------------------------


def test_an_unchanged_table_costs_no_query_and_a_change_costs_one_once(as_, app, change):
    browser = as_("ec")
    browser.get("/admin/student/")

    def asked():
        with counted(app) as seen:
            assert browser.get("/admin/student/").status_code == 200
        return len(seen)

    before = asked()
    change("amp", "student", "export", False)
    assert asked() == before + 1, "the first request after a change reads the rows"
    assert asked() == before


# --- what is written -----------------------------------------------------------------------------------------------------------


def test_each_cell_is_an_event_with_who_and_the_row_says_it_in_words(app, schools, change):
    with app.test_request_context():
        number = change("ec", "student", "export", False)[0]
        assert change("ec", "student", "export", False) == [], "what is so already is not written again"
    with rows(app) as session:
        row = session.get_one(RightOverride, number)
        assert row.by_id == user_of(app, "acc")
        lines = session.scalars(select(JournalEvent).where(JournalEvent.table_name == "right", JournalEvent.row_id == number)).all()
        assert [(line.verb, line.user_id, line.school_id) for line in lines] == [("created", user_of(app, "acc"), schools[0])]
    with app.test_request_context(), rows(app) as session:
        assert str(session.get_one(RightOverride, number)).startswith("Un enseignant ou conseiller ne peut pas exporter les élèves")
    change("ec", "student", "export", True)
    with rows(app) as session:
        assert session.get_one(RightOverride, number).granted is None, "the default needs no word, even after an upgrade that changes it"
        verbs = session.scalars(select(JournalEvent.verb).where(JournalEvent.table_name == "right", JournalEvent.row_id == number).order_by(JournalEvent.id))
        assert list(verbs) == ["created", "edited"]


def test_the_second_of_two_people_is_told(app, change):
    change("ec", "student", "export", False, was=True)
    with app.test_request_context(), pytest.raises(ChangedMeanwhile, match="pendant que vous lisiez"):
        change("ec", "student", "export", False, was=True)


def test_a_rolled_back_change_is_never_seen(app, schools, as_):
    browser = as_("amp")
    assert browser.get("/admin/student/").status_code == 200
    with app.app_context(), acting(Actor(user_id=1, roles=frozenset({"acc"})), Scope(school_id=schools[0])):
        apply(db.session, [Change("amp", "student", "read", False)])
        db.session.rollback()
    assert browser.get("/admin/student/").status_code == 200


def test_differences_are_listed_in_the_order_of_roles_and_screens(app, schools, change):
    change("amp", "guardian", "read", False)
    change("ec", "student", "export", False)
    change("ec", "user", "read", True)
    change("amp", "guardian", "export", None)
    with app.app_context(), acting(*staff_in(db.session, user_of(app, "acc"), schools[0])):
        found = [(row.role.name, row.table, row.verb) for row in changed_cells(db.session)]
    assert found == [("ec", "student", "export"), ("ec", "user", "read"), ("amp", "guardian", "read")]


def test_the_matrix_holds_exactly_what_some_role_has_by_default():
    for table in POLICY:
        assert set(cells(table)) == {verb for role in POLICY[table] for verb in grant(table, role).verbs}
    assert fixed("ec", "student", "export") is None
    assert may(["ec"], "student", "export")
