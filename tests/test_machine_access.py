"""Codes, links, groups and rights against a model that knows them as a person would: whatever is done in whatever order, the database says
the same, sees the same, and the history holds one line for each change (security R15)."""

import datetime as dt
from contextlib import ExitStack
from typing import ClassVar
from zoneinfo import ZoneInfo

import pytest
from conftest import clock_at, isolated
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from small import add_person, add_school, add_student, small_app, writing
from sqlalchemy import delete, exists, func, literal, select, text, union_all

from models import portal, right_override, suspensions
from models.access import Role, Throttle, User
from models.activation import ActivationCode, CodeState, generate
from models.actors import staff_in
from models.base import Base, Refusal
from models.db import db
from models.followed import deletion_problem
from models.journal import JournalEvent, new_batch
from models.people import Group, GroupCategory, Guardian, GuardianLink, LinkStatus, Student, StudentStatus
from models.redemption import UnusableCode, add_child
from models.right_override import Change, apply
from models.rights import may
from models.school import School
from models.scope import Actor, SchoolScoped, Scope, acting, unscoped

PARIS = ZoneInfo("Europe/Paris")
START = dt.datetime(2026, 11, 22, 9, tzinfo=dt.UTC)
VALID = 180  # days of a code
MAY_HAVE_NO_SCHOOL = {"job", "outgoing_mail", "label_override", "noun"}
SCOPED = [m.local_table for m in Base.registry.mappers if issubclass(m.class_, SchoolScoped) and m.local_table.name not in MAY_HAVE_NO_SCHOOL]
WITHOUT_SCHOOL = union_all(*(select(literal(table.name)).where(exists().where(table.c.school_id.is_(None))) for table in SCOPED))
TWICE = select(JournalEvent.row_id).where(JournalEvent.verb == "redeem").group_by(JournalEvent.row_id).having(func.count() > 1)
picks = st.integers(0, 10_000)


@pytest.fixture(scope="module", autouse=True)
def _school(tmp_path_factory):
    """One real file with a school, its administrator, a teacher with a group, and three people with an account."""
    app = small_app(tmp_path_factory.mktemp("machine"))
    with writing(app) as session:
        school = add_school(session)
        Access.acc = add_person(session, school, Role.acc, username="acc").id
        Access.teacher = add_person(session, school, Role.ec, username="ec").id
        group = Group(school_id=school.id, name="Club", category=GroupCategory.other, owner_id=Access.teacher)
        people = [User(given_name=f"Parent{n}", family_name="Bénard", email=f"p{n}@exemple.org") for n in range(3)]
        session.add_all([group, *people])
        session.flush()
        Access.app, Access.school, Access.group, Access.people = app, school.id, group.id, [user.id for user in people]
        Access.portals = {user.id: Scope(school_id=None, user_id=user.id, portal="guardian") for user in people}
    return app


class Access(RuleBasedStateMachine):
    """What is known of the school, beside the school."""

    scopes: ClassVar[dict[str, Scope]] = {}  # what a scope adds to each query is worked out once, as in the server

    def __init__(self):
        super().__init__()
        self.stack = ExitStack()
        self.stack.enter_context(isolated(self.app))
        right_override._known.clear()  # the last example's rows were rolled back
        self.now = START
        self.students = {}  # id -> {"here", "grouped", "advised"}
        self.codes = {}  # id -> {"student", "made", "used", "revoked", "clear"}
        self.links = {}  # (student, user) -> [status, until]
        self.known = set()  # users who are a guardian of the school
        self.cell = None  # what the school has said of teachers reading students
        self.lines = {}  # (table, verb) -> lines of the history since the beginning
        self.past = self.count_lines()

    def teardown(self):
        self.stack.close()

    # -- how things are done

    def do(self, work):
        """One request of the administrator: committed, or refused with nothing changed. What it gave, or the Refusal."""
        self.now += dt.timedelta(seconds=1)
        with clock_at(self.now), self.app.app_context():
            try:
                actor, scope = staff_in(db.session, self.acc, self.school)
                with acting(actor, self.scopes.setdefault(repr(scope), scope), new_batch()):
                    given = work(db.session)
                    db.session.commit()
            except Refusal as refusal:
                db.session.rollback()
                return refusal
            return given

    def told(self, table, verb, number=1):
        self.lines[table, verb] = self.lines.get((table, verb), 0) + number

    def count_lines(self):
        with self.app.app_context(), unscoped("a test counts"):
            e = JournalEvent
            found = db.session.execute(select(e.table_name, e.verb, func.count()).group_by(e.table_name, e.verb)).all()
            db.session.rollback()
        return {(table, verb): number for table, verb, number in found}

    def day(self):
        return self.now.astimezone(PARIS).date()

    def pick(self, among, at):
        return sorted(among)[at % len(among)]

    def usable(self, code):
        return code["used"] is None and not code["revoked"] and self.day() <= code["made"] + dt.timedelta(days=VALID)

    # -- students

    @initialize()
    def begin(self):
        for grouped in (False, True):
            self.add_student(grouped=grouped, advised=False)
        for at in range(2):
            self.make_codes(at=at, quantity=2)
        self.redeem(at=0, user=0)

    @rule(grouped=st.booleans(), advised=st.booleans())
    def add_student(self, grouped, advised):
        def work(session):
            student = add_student(session, session.get_one(School, self.school), classroom="", adviser_id=self.teacher if advised else None)
            if grouped:
                student.add_to_group(session.get_one(Group, self.group))
            session.flush()
            return student.id

        self.students[self.do(work)] = {"here": True, "grouped": grouped, "advised": advised}
        self.told("student", "created")

    @precondition(lambda self: self.students)
    @rule(at=picks)
    def leave_or_come_back(self, at):
        key = self.pick(self.students, at)
        here = self.students[key]["here"]

        def work(session):
            student = session.get_one(Student, key)
            student.deactivate() if here else student.reactivate()

        assert self.do(work) is None
        self.students[key]["here"] = not here

    @precondition(lambda self: self.students)
    @rule(at=picks)
    def delete_student(self, at):
        key = self.pick(self.students, at)

        def work(session):
            student = session.get_one(Student, key)
            problem = deletion_problem(session, student)
            if problem:
                raise problem
            session.delete(student)

        has_records = any(student == key for student, _user in self.links) or any(c["student"] == key and c["used"] for c in self.codes.values())
        assert isinstance(self.do(work), Refusal) == has_records
        if not has_records:
            del self.students[key]
            self.codes = {code_id: code for code_id, code in self.codes.items() if code["student"] != key}
            self.told("student", "deleted")

    @precondition(lambda self: self.students)
    @rule(at=picks, inside=st.booleans())
    def regroup(self, at, inside):
        key = self.pick(self.students, at)

        def work(session):
            group, student = session.get_one(Group, self.group), session.get_one(Student, key)
            student.add_to_group(group) if inside else group.remove(student)

        refused = isinstance(self.do(work), Refusal)
        assert refused == (not inside and not self.students[key]["grouped"])
        self.students[key]["grouped"] = inside

    # -- codes

    @precondition(lambda self: self.students)
    @rule(at=picks, quantity=st.integers(1, 2))
    def make_codes(self, at, quantity):
        key = self.pick(self.students, at)

        def work(session):
            made = generate(session, [key], quantity, False)
            return {code.id: code.reveal() for code in session.scalars(select(ActivationCode).where(ActivationCode.id.in_(made.ids)))}

        made = self.do(work)
        assert len(made) == (quantity if self.students[key]["here"] else 0)
        self.codes |= {code_id: {"student": key, "made": self.day(), "used": None, "revoked": False, "clear": clear} for code_id, clear in made.items()}
        self.told("student", "generate_codes", bool(made))

    @precondition(lambda self: self.codes)
    @rule(at=picks, user=st.integers(0, 2))
    def redeem(self, at, user):
        key, user = self.pick(self.codes, at), self.people[user]
        code = self.codes[key]
        self.now += dt.timedelta(seconds=1)
        with clock_at(self.now), self.app.app_context():
            try:
                add_child(code["clear"], user, address="10.0.0.1")
                won = True
            except UnusableCode:
                won = False
                with unscoped("the brake on guessing is another test's"):
                    db.session.execute(delete(Throttle))
                    db.session.commit()
        pair = (code["student"], user)
        assert won == (self.usable(code) and self.students[code["student"]]["here"] and pair not in self.links)
        if won:
            doubt = any(status == "suspended" for (student, _user), (status, _until) in self.links.items() if student == code["student"])
            self.links[pair] = ["to_check" if doubt else "active", None]
            code["used"] = user
            self.told("activation_code", "redeem")
            self.told("guardian_link", "created")
            self.told("guardian", "created", user not in self.known)
            self.known.add(user)

    @precondition(lambda self: self.codes)
    @rule(at=picks)
    def revoke(self, at):
        key = self.pick(self.codes, at)
        code = self.codes[key]
        refused = isinstance(self.do(lambda session: session.get_one(ActivationCode, key).revoke()), Refusal)
        assert refused == (code["used"] is not None or code["revoked"])
        if not refused:
            code["revoked"] = True
            self.told("activation_code", "edited")

    # -- links

    def change_link(self, at, verb, allowed, becomes, until=None):
        student, user = self.pick(self.links, at)

        def work(session):
            link = session.scalar(select(GuardianLink).join(Guardian).where(GuardianLink.student_id == student, Guardian.user_id == user))
            getattr(link, verb)(*(("Décision du juge", until) if verb == "suspend" else ()))

        refused = isinstance(self.do(work), Refusal)
        assert refused == (self.links[student, user][0] not in allowed)
        if not refused:
            self.links[student, user] = [becomes, until]
            self.told("guardian_link", "edited")

    @precondition(lambda self: self.links)
    @rule(at=picks, days=st.one_of(st.none(), st.integers(0, 3)))
    def suspend(self, at, days):
        until = None if days is None else self.day() + dt.timedelta(days=days)
        self.change_link(at, "suspend", ("active", "to_check"), "suspended", until)

    @precondition(lambda self: self.links)
    @rule(at=picks)
    def open_again(self, at):
        self.change_link(at, "reactivate", ("suspended",), "active")

    @precondition(lambda self: self.links)
    @rule(at=picks)
    def confirm(self, at):
        self.change_link(at, "confirm", ("to_check",), "active")

    @precondition(lambda self: self.links)
    @rule(at=picks)
    def leave_child(self, at):
        student, user = self.pick(self.links, at)
        self.now += dt.timedelta(seconds=1)
        actor = Actor(user_id=user, roles=frozenset({Role.guardian.name}))
        with clock_at(self.now), self.app.app_context(), acting(actor, self.portals[user], new_batch()):
            try:
                portal.leave(db.session, student)
                db.session.commit()
                left = True
            except Refusal:
                db.session.rollback()
                left = False
        assert left == (self.links[student, user][0] == "active")
        if left:
            self.links[student, user] = ["suspended", None]
            self.told("guardian_link", "edited")
            self.told("guardian_link", "leave")

    @precondition(lambda self: self.links)
    @rule(at=picks)
    def delete_link(self, at):
        student, user = self.pick(self.links, at)

        def work(session):
            session.delete(session.scalar(select(GuardianLink).join(Guardian).where(GuardianLink.student_id == student, Guardian.user_id == user)))

        assert self.do(work) is None
        del self.links[student, user]
        self.told("guardian_link", "deleted")

    # -- time and rights

    @rule(days=st.sampled_from([0, 1, 2, 100]))
    def time_passes(self, days):
        self.now += dt.timedelta(days=days, hours=7)

    @rule()
    def sweep(self):
        over = [pair for pair, (status, until) in self.links.items() if status == "suspended" and until is not None and until < self.day()]
        self.now += dt.timedelta(seconds=1)
        with clock_at(self.now), self.app.app_context(), unscoped("nightly work"):
            assert suspensions.lift_ended(db.session) == len(over)
            db.session.commit()
        for pair in over:
            self.links[pair] = ["active", None]
        self.told("guardian_link", "edited", len(over))
        self.told("guardian_link", "suspension_ended", len(over))

    @rule(granted=st.sampled_from([True, False, None]))
    def change_the_right(self, granted):
        changed = self.do(lambda session: bool(apply(session, [Change("ec", "student", "read", granted)])))
        wanted = None if granted is True else granted  # what the default says is no exception
        assert changed == (wanted != self.cell)
        self.cell = wanted

    # -- what always holds

    @invariant()
    def the_database_says_the_same(self):
        with clock_at(self.now), self.app.app_context(), unscoped("a test looks"):
            students = dict(db.session.execute(select(Student.id, Student.status)).all())
            assert {key: status is StudentStatus.active for key, status in students.items()} == {key: one["here"] for key, one in self.students.items()}
            codes = {code.id: (code.state, code.used_by_id, bool(code.sealed)) for code in db.session.scalars(select(ActivationCode))}
            assert codes == {key: self.code_as_stored(code) for key, code in self.codes.items()}
            link = select(GuardianLink.student_id, Guardian.user_id, GuardianLink.status, GuardianLink.suspended_until).join(Guardian)
            assert {(s, u): [status.name, until] for s, u, status, until in db.session.execute(link)} == self.links
            db.session.rollback()

    def code_as_stored(self, code):
        if code["used"]:
            return CodeState.used, code["used"], False
        if code["revoked"]:
            return CodeState.revoked, None, False
        return (CodeState.usable if self.usable(code) else CodeState.expired), None, True

    @invariant()
    def everybody_sees_what_is_theirs(self):
        with clock_at(self.now), self.app.app_context():
            for user, scope in self.portals.items():
                with acting(Actor(user_id=user), scope):
                    seen = set(db.session.scalars(select(Student.id)))
                assert seen == {student for (student, who), (status, _until) in self.links.items() if who == user and status == LinkStatus.active.name}
            actor, scope = staff_in(db.session, self.teacher, self.school)
            with acting(actor, self.scopes.setdefault(repr(scope), scope)):
                assert may(actor.roles, "student", "read") == (self.cell is not False)
                assert set(db.session.scalars(select(Student.id))) == {key for key, one in self.students.items() if one["grouped"] or one["advised"]}
            db.session.rollback()

    @invariant()
    def each_change_has_its_line(self):
        now = self.count_lines()
        for key in {key for key in (*now, *self.lines) if key[0] in ("guardian", "guardian_link", "activation_code") or key == ("student", "generate_codes")}:
            assert now.get(key, 0) - self.past.get(key, 0) == self.lines.get(key, 0), key
        for verb in ("created", "deleted"):
            assert now.get(("student", verb), 0) - self.past.get(("student", verb), 0) == self.lines.get(("student", verb), 0)

    @invariant()
    def no_row_is_without_a_school_or_points_nowhere_and_no_code_is_used_twice(self):
        with self.app.app_context(), unscoped("a test counts"):
            assert db.session.scalars(WITHOUT_SCHOOL).all() == []
            assert db.session.execute(text("PRAGMA foreign_key_check")).all() == []
            assert db.session.scalars(TWICE).all() == []
            db.session.rollback()


COMMON = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


class TestAccess(Access.TestCase):
    """In every run: always the same thirty stories of thirty steps."""

    settings = settings(max_examples=30, stateful_step_count=30, derandomize=True, **COMMON)


@pytest.mark.slow
class TestAccessAtLength(Access.TestCase):
    """With `make test-all`: five hundred of fifty, others each time."""

    settings = settings(max_examples=500, stateful_step_count=50, print_blob=True, **COMMON)
