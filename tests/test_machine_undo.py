"""Imports, edits, deletions and undoing in any order against a model of them: what is undone is as before, what somebody changed since stays,
and nobody else's record is ever touched (security R15)."""

import datetime as dt
from contextlib import ExitStack
from dataclasses import dataclass, field
from unittest.mock import patch

import pytest
from conftest import clock_at, isolated
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from small import add_person, add_school, small_app, writing
from sqlalchemy import func, select, text

from jobs import imports
from jobs.runner import run_pending
from jobs.sources import Source
from jobs.tables import Table
from models.access import Role
from models.actors import staff_in
from models.base import Refusal
from models.changes import JournalChange
from models.db import db
from models.imports import Import, ImportStatus
from models.journal import JournalEvent, new_batch
from models.people import Student
from models.scope import acting, unscoped
from models.undo import Act, plan, revert, undo
from models.work import Job, JobState

START = dt.datetime(2026, 11, 22, 9, tzinfo=dt.UTC)
HEADER = ["nom", "prenom", "date_naissance", "ine", "ville", "adresse"]
PEOPLE = {"060375611AC": "Bénard", "070876696HA": "Ozturk", "9912345678F": "Le Goff", "9900000001S": "Nguyen"}
TOWNS = ["", "Valmont", "Brumes", "Sablons"]
picks = st.integers(0, 10_000)
lines = st.dictionaries(st.sampled_from(sorted(PEOPLE)), st.tuples(st.sampled_from(TOWNS), st.sampled_from(TOWNS)), min_size=1, max_size=3)


@pytest.fixture(scope="module", autouse=True)
def _school(tmp_path_factory):
    """One real file with a school and its administrator."""
    app = small_app(tmp_path_factory.mktemp("machine"))
    with writing(app) as session:
        school = add_school(session)
        History.acc = add_person(session, school, Role.acc, username="acc").id
        History.app, History.school = app, school.id
    return app


@dataclass(eq=False)
class Person:
    """A student as one knows them, whatever number the database gives; `id` is that of today, None once deleted."""

    ine: str
    id: int | None
    town: str = ""
    address1: str = ""

    @property
    def here(self):
        """In the school now."""
        return self.id is not None


@dataclass(eq=False)
class Work:
    """One batch: an import, somebody's own work ("hand"), or the undo of another (`of`). Whom it made, whom it deleted, which values it
    changed: (person, field) -> [before, after]; `ids` are the numbers that these people had then."""

    name: str
    kind: str
    made: list = field(default_factory=list)
    lost: list = field(default_factory=list)
    changed: dict = field(default_factory=dict)
    of: object = None
    undone: bool = False
    ids: dict = field(default_factory=dict)


class History(RuleBasedStateMachine):
    """What is known of the students and of what was done to them, beside the school."""

    def __init__(self):
        super().__init__()
        self.stack = ExitStack()
        self.stack.enter_context(isolated(self.app))
        self.now = START
        self.people, self.works = [], []
        self.undos = 0

    def teardown(self):
        self.stack.close()

    # -- how things are done

    def do(self, work):
        """One request of the administrator: (batch, what it gave or the Refusal)."""
        self.now += dt.timedelta(seconds=1)
        batch = new_batch()
        with clock_at(self.now), self.app.app_context():
            try:
                actor, scope = staff_in(db.session, self.acc, self.school)
                with acting(actor, scope, batch):
                    given = work(db.session)
                    db.session.commit()
            except Refusal as refusal:
                db.session.rollback()
                return batch, refusal
            return batch, given

    def by_ine(self, ine):
        return next((person for person in self.people if person.here and person.ine == ine), None)

    def here(self):
        return sorted((person for person in self.people if person.here), key=lambda person: person.ine)

    # -- files

    @initialize(given=lines)
    def begin(self, given):
        self.send_a_file(given)

    @rule(given=lines)
    def send_a_file(self, given):
        rows = [(at, [PEOPLE[ine], "Zoé", f"1{sorted(PEOPLE).index(ine)}/03/2014", ine, *values]) for at, (ine, values) in enumerate(given.items(), 2)]

        def table(_path, _choices):
            return [Source("", Table(HEADER, 1, list(rows), {"kind": "csv"}))]

        with patch.object(imports, "read_sources", table):
            _batch, key = self.do(lambda session: self.receive(session))
            self.run()
            _batch, confirmed = self.do(lambda session: session.get_one(Import, key).confirm())
            work = self.expected(given)
            if isinstance(confirmed, Refusal):
                assert not work.made
                assert not work.changed
                self.do(lambda session: session.get_one(Import, key).abandon())
                return
            self.run()
        with self.app.app_context(), unscoped("a test looks"):
            one = db.session.get(Import, key)
            assert one.status is ImportStatus.done
            work.name = f"job-{one.job_id}"
            numbers = dict(db.session.execute(select(Student.national_id, Student.id)).all())
            db.session.rollback()
        for person in work.made:
            person.id = numbers[person.ine]
        self.people += work.made
        self.carry_out(work)

    @staticmethod
    def receive(session):
        made = Import.receive([("eleves.csv", b"nom;prenom")])
        session.flush()
        return made.id

    def run(self):
        self.now += dt.timedelta(seconds=1)
        with clock_at(self.now):
            run_pending(self.app)

    def expected(self, given):
        """What a file does: an empty cell erases nothing, and what somebody corrected since the last import stays."""
        work = Work("", "import")
        for ine, (town, address) in given.items():
            person = self.by_ine(ine)
            if person is None:
                work.made.append(Person(ine, 0, town, address))
                continue
            for name, value in (("town", town), ("address1", address)):
                if value and getattr(person, name) != value and not self.corrected(person, name):
                    work.changed[person, name] = [getattr(person, name), value]
        return work

    def same(self, work, person):
        """Whether the person is there under the number they had then: somebody deleted and sent again by a file is a new record."""
        return person.id == work.ids[person]

    def corrected(self, person, name):
        """Whether somebody gave it another value by hand since the last import that stands."""
        last = max((at for at, work in enumerate(self.works) if work.kind == "import" and not work.undone), default=-1)
        hands = [work for work in self.works[last + 1 :] if work.kind == "hand" and (person, name) in work.changed and work.ids[person] == person.id]
        return bool(hands) and hands[0].changed[person, name][0] != getattr(person, name)

    def carry_out(self, work):
        for (person, name), (_before, after) in work.changed.items():
            setattr(person, name, after)
        work.ids |= {person: person.id for person in (*work.made, *(person for person, _name in work.changed))}
        self.works.append(work)

    # -- people at work

    @precondition(lambda self: self.here())
    @rule(at=picks, name=st.sampled_from(["town", "address1"]), value=st.sampled_from(TOWNS))
    def edit(self, at, name, value):
        person = self.here()[at % len(self.here())]

        def work(session):
            setattr(session.get_one(Student, person.id), name, value)

        batch, _given = self.do(work)
        if getattr(person, name) != value:
            self.carry_out(Work(batch, "hand", changed={(person, name): [getattr(person, name), value]}))

    @precondition(lambda self: self.here())
    @rule(at=picks)
    def delete(self, at):
        person = self.here()[at % len(self.here())]
        batch, _given = self.do(lambda session: session.delete(session.get_one(Student, person.id)))
        self.works.append(Work(batch, "hand", lost=[person], ids={person: person.id}))
        person.id = None

    # -- undoing

    @precondition(lambda self: self.works)
    @rule(at=picks)
    def take_back(self, at):
        work = self.works[at % len(self.works)] if at % 3 else self.works[-1]  # the last one more often than the others
        done, kept = self.foreseen(work)
        total = len({person for person, _name in done.changed}) + len(done.made) + len(done.lost)
        _batch, shown = self.do(lambda session: plan(session, work.name))
        assert (shown.total, shown.kept) == (total, kept), "what is shown first is not what it would do"
        batch, given = self.do(lambda session: undo(session, work.name))
        assert isinstance(given, Refusal) == (total == 0)
        if not total:
            return
        assert (given.total, given.kept) == (total, kept)
        assert len(given.of(Act.remove)) == len(done.lost)
        with self.app.app_context(), unscoped("a test looks"):
            numbers = dict(db.session.execute(select(Student.national_id, Student.id)).all())
            db.session.rollback()
        done.ids = {person: person.id for person in done.lost}
        for person in done.lost:
            person.id = None
        for person in done.made:
            person.id = numbers[person.ine]
        done.name = batch
        self.undos += 1
        work.lost = [person for person in work.lost if person not in done.made]  # brought back once
        self.carry_out(done)
        if work.kind == "import":
            work.undone = True
        elif work.of is not None and work.of.kind == "import":
            work.of.undone = False

    def foreseen(self, work):
        """The work that undoing this one would be now, and how many records it would leave as they are."""
        done, kept = Work("", "undo", of=work), set()
        for (person, name), (before, after) in work.changed.items():
            if not self.same(work, person) or getattr(person, name) not in (before, after):
                kept.add(person)
            elif getattr(person, name) != before:
                done.changed[person, name] = [after, before]
        gone = [person for person in work.made if self.same(work, person) and self.untouched(work, person)]
        stay = [person for person in work.made if self.same(work, person) and person not in gone]
        for person in work.lost:
            taken = self.by_ine(person.ine)
            (done.made if taken is None or taken in gone else stay).append(person)
        done.lost += gone
        return done, len(kept) + len(stay)

    def untouched(self, work, person):
        """Whether nobody changed since somebody whom this work made, or only there and back."""
        first = {}
        for later in self.works[self.works.index(work) + 1 :]:
            for (other, name), (before, _after) in later.changed.items():
                if other is person:
                    first.setdefault(name, before)
        return all(getattr(person, name) == before for name, before in first.items())

    # -- what always holds

    @invariant()
    def the_database_says_the_same(self):
        with self.app.app_context(), unscoped("a test looks"):
            rows = db.session.execute(select(Student.id, Student.national_id, Student.town, Student.address1)).all()
            assert sorted(map(tuple, rows)) == sorted((p.id, p.ine, p.town, p.address1) for p in self.people if p.here)
            assert db.session.scalars(select(Job.state).where(Job.state != JobState.done)).all() == []
            lines = db.session.scalar(select(func.count()).where(JournalEvent.verb == "undo", JournalEvent.table_name == "journal_event"))
            assert lines == self.undos
            assert db.session.execute(text("PRAGMA foreign_key_check")).all() == []
            db.session.rollback()


@pytest.fixture
def story():
    """The same school, for a story told by hand."""
    told = History()
    yield told
    told.teardown()


def test_nobody_is_given_the_number_of_somebody_deleted_so_that_undoing_leaves_them_alone(story):
    story.send_a_file({"060375611AC": ("Valmont", "")})
    story.delete(at=0)
    story.send_a_file({"9900000001S": ("Valmont", "")})
    first, second = story.people
    assert story.works[0].ids[first] < second.id
    _batch, refusal = story.do(lambda session: undo(session, story.works[0].name))
    assert isinstance(refusal, Refusal)
    story.the_database_says_the_same()


def test_a_value_is_not_put_back_into_the_record_of_somebody_else(story):
    story.send_a_file({"060375611AC": ("Valmont", "")})
    story.edit(at=0, name="town", value="Brumes")
    with story.app.app_context(), unscoped("a test looks"):
        change = db.session.scalar(select(JournalChange.id).where(JournalChange.field == "town", JournalChange.batch == story.works[1].name))
        db.session.rollback()
    story.delete(at=0)
    story.send_a_file({"9900000001S": ("Brumes", "")})
    _batch, refusal = story.do(lambda session: revert(session, change))
    assert isinstance(refusal, Refusal)
    story.the_database_says_the_same()


COMMON = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


class TestHistory(History.TestCase):
    """In every run: always the same twenty stories of thirty steps."""

    settings = settings(max_examples=20, stateful_step_count=30, derandomize=True, **COMMON)


@pytest.mark.slow
class TestHistoryAtLength(History.TestCase):
    """With `make test-all`: five hundred of fifty, others each time."""

    settings = settings(max_examples=500, stateful_step_count=50, print_blob=True, **COMMON)
