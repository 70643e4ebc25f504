"""One field of many rows: judged row by row, done once, what changed meanwhile is left, all of it one batch that is undone."""

import datetime as dt

import pytest
from batches import As
from conftest import counted, rows
from sqlalchemy import func, select

from jobs.runner import run_pending
from jobs.sweep import sweep
from models.access import User
from models.base import Refusal, utcnow
from models.bulk_edit import CHANGED, GONE, NOT_YOURS, BulkEdit, again, apply, ask, claim, plan
from models.bulk_target import Target, withheld
from models.custom import CustomField
from models.custom_values import FieldKind
from models.journal import JournalEvent
from models.people import Group, Guardian, GuardianLink, Relation, Sex, Student
from models.school import Level
from models.scope import WHO
from models.undo import undo
from models.work import Job, JobKind, JobState


@pytest.fixture
def acc(app, schools):
    """The site administrator, one batch at a time."""
    return As(app, schools[0], "acc")


@pytest.fixture
def ec(app, schools):
    """A teacher, who changes the students they follow."""
    return As(app, schools[0], "ec")


def crowd(session, n=4, **given):
    """Students with two towns in turn; their identifiers."""
    made = [Student(family_name="Foule", given_name=f"Zoé {i}", town=("Valmont", "Rive")[i % 2], **given) for i in range(n)]
    session.add_all(made)
    session.flush()
    return [row.id for row in made]


def towns(session, ids):
    """What the rows say now."""
    session.expire_all()
    return [session.scalar(select(Student.town).where(Student.id == i)) for i in ids]


def test_the_plan_counts_by_old_value_and_shows_who_changes_who_not(acc):
    with acc() as session:
        ids = crowd(session)
        edit = ask(session, Student, "town", "Rive", ids)
        shown = plan(session, edit)
        assert (shown.change, shown.same, shown.left) == (2, 2, 0)
        assert dict(shown.tally) == {"Valmont": 2}
        assert [name for name, _one in shown.changing] == ["Foule, Zoé 0", "Foule, Zoé 2"]
        assert towns(session, ids) == ["Valmont", "Rive"] * 2


def test_fifty_rows_are_shown_and_the_others_counted(acc):
    with acc() as session:
        shown = plan(session, ask(session, Student, "town", "Ailleurs", crowd(session, 60)))
        assert (shown.change, len(shown.changing)) == (60, 50)
        assert dict(shown.tally) == {"Valmont": 30, "Rive": 30}


def test_it_is_done_in_one_batch_that_is_undone(acc):
    with acc("b1") as session:
        ids = crowd(session)
        town = ask(session, Student, "town", "Rive", ids).id
    with acc("b2") as session:
        edit, level = session.get(BulkEdit, town), session.scalar(select(Level).order_by(Level.rank))
        apply(session, edit)
        assert edit.done_at is not None
        assert (edit.changed, edit.batch) == (2, "b2")
        apply(session, ask(session, Student, "level", level, ids))
        assert towns(session, ids) == ["Rive"] * 4
        assert session.scalar(select(func.count(Student.id)).where(Student.id.in_(ids), Student.level_id == level.id)) == 4
        edited = select(func.count(JournalEvent.id)).where(JournalEvent.batch == "b2", JournalEvent.verb == "edited", JournalEvent.row_id.in_(ids))
        assert session.scalar(edited) == 2 + 4
    with acc("b3") as session:
        undo(session, "b2")
        assert towns(session, ids) == ["Valmont", "Rive"] * 2
        assert session.scalar(select(func.count(Student.id)).where(Student.id.in_(ids), Student.level_id.is_not(None))) == 0


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [("sex", Sex.X, Sex.X), ("sex", None, None), ("town", None, ""), ("born_on", dt.date(2014, 3, 14), dt.date(2014, 3, 14)), ("adviser", None, None)],
)
def test_choices_dates_texts_and_nothing_are_given(acc, name, value, stored):
    with acc() as session:
        ids = crowd(session, 2, sex=Sex.F, born_on=dt.date(2010, 1, 1), adviser=session.scalar(select(User).where(User.username == "ec")))
        edit = ask(session, Student, name, value, ids)
        assert plan(session, edit).change == 2
        apply(session, edit)
        session.expire_all()
        assert {getattr(session.get(Student, i), name) for i in ids} == {stored}
        assert plan(session, ask(session, Student, name, value, ids)).same == 2


def test_the_fields_of_the_school_are_given_and_checked(acc):
    with acc() as session:
        field = CustomField(table_name="student", label="Badge", kind=FieldKind.number)
        session.add(field)
        session.flush()
        ids = crowd(session, 3, extra={"badge": "7"})
        edit = ask(session, Student, "extra.badge", "12", ids)
        assert dict(plan(session, edit).tally) == {"7": 3}
        apply(session, edit)
        session.expire_all()
        assert {str(session.get(Student, i).extra) for i in ids} == {"{'badge': '12'}"}
        with pytest.raises(Refusal):
            ask(session, Student, "extra.badge", "douze", ids)
        apply(session, ask(session, Student, "extra.badge", None, ids))
        session.expire_all()
        assert {str(session.get(Student, i).extra) for i in ids} == {"{}"}


@pytest.mark.parametrize("name", ["extra.nothing", "search_key.x", "nothing", "__dict__"])
def test_a_field_that_does_not_exist_is_a_fault(name):
    with pytest.raises(KeyError):
        Target(Student, name)


# --- meanwhile -------------------------------------------------------------------------------------------------------------------


def test_a_row_changed_or_gone_meanwhile_is_left_and_told_and_asked_again(acc):
    with acc("b1") as session:
        ids = crowd(session)
        number = ask(session, Student, "town", "Ailleurs", ids).id
    with acc("b2") as session:
        session.get(Student, ids[0]).phone = "0199001201"
        session.delete(session.get(Student, ids[1]))
    with acc("b3") as session:
        edit = session.get(BulkEdit, number)
        shown = plan(session, edit)
        assert {(name, str(one.reason)) for name, one in shown.leaving} == {("Foule, Zoé 0", str(CHANGED)), ("", str(GONE))}
        apply(session, edit)
        assert (edit.changed, edit.left_count) == (2, 2)
        assert [line[1:] for line in edit.left] == [["Foule, Zoé 0", str(CHANGED), True], ["", str(GONE), False]]
        assert towns(session, [ids[0], *ids[2:]]) == ["Valmont", "Ailleurs", "Ailleurs"]
        second = again(session, edit)
        assert [row_id for row_id, _version in second.rows] == [ids[0]]
        apply(session, second)
        assert towns(session, [ids[0]]) == ["Ailleurs"]


def test_a_value_that_the_model_refuses_says_which_row(acc, monkeypatch):
    def no_rive(row, key, value):
        if row.given_name == "Zoé 2":
            raise Refusal("Pas ici.")
        return value

    with acc() as session:
        ids = crowd(session)
        monkeypatch.setattr(Target, "judged_by_model", True)
        monkeypatch.setattr(Target, "give", lambda self, row, value: setattr(row, self.name, no_rive(row, self.name, value)))
        edit = ask(session, Student, "town", "Ailleurs", ids)
        shown = plan(session, edit)
        assert [(name, one.reason) for name, one in shown.leaving] == [("Foule, Zoé 2", "Pas ici.")]
        assert towns(session, ids) == ["Valmont", "Rive"] * 2  # trying it on wrote nothing
        apply(session, edit)
        assert towns(session, ids) == ["Ailleurs", "Ailleurs", "Valmont", "Ailleurs"]
        assert edit.left == [[ids[2], "Foule, Zoé 2", "Pas ici.", False]]


def test_what_was_chosen_and_is_gone_is_a_refusal_of_the_whole(acc):
    with acc("b1") as session:
        ids = crowd(session)
        group = Group(name="De passage")
        session.add(group)
        session.flush()
        number = ask(session, Student, "homeroom", group, ids).id
        session.delete(group)
    with acc("b2") as session:
        with pytest.raises(Refusal, match="n’existe plus"):
            apply(session, session.get(BulkEdit, number))
        session.rollback()


def test_only_the_first_click_counts(acc):
    with acc() as session:
        edit = ask(session, Student, "town", "Ailleurs", crowd(session))
        assert claim(session, edit)
        assert not claim(session, edit)
        apply(session, edit)
        with pytest.raises(Refusal, match="déjà faite"):
            apply(session, edit)


# --- rights ----------------------------------------------------------------------------------------------------------------------


def test_rows_beyond_the_reach_are_left_with_the_reason(app, schools, ec):
    """Somebody with two roles reads every student and changes those of their groups."""
    from models.access import Membership, Role

    with rows(app) as session:
        user = session.scalar(select(User).where(User.username == "ec"))
        session.add(Membership(user=user, school_id=schools[0], role=Role.amp))
    with ec() as session:
        ids = list(session.scalars(select(Student.id).order_by(Student.id)))
        edit = ask(session, Student, "town", "Ailleurs", ids)
        shown = plan(session, edit)
        assert shown.left > 0
        assert shown.change > 0
        assert {str(one.reason) for _name, one in shown.leaving} == {str(NOT_YOURS)}
        apply(session, edit)
        assert edit.changed == shown.change
        assert session.scalar(select(func.count(Student.id)).where(Student.town == "Ailleurs")) == shown.change


def test_who_follows_only_their_own_does_not_give_class_level_or_adviser(ec):
    with ec() as session:
        assert withheld("student") == ("level", "programme", "homeroom", "adviser")
        assert withheld("guardian") == ()
        ids = list(session.scalars(select(Student.id)))
        with pytest.raises(Refusal, match="revient pas"):
            ask(session, Student, "level", None, ids)


def test_a_right_that_was_lost_meanwhile_leaves_every_row(app, schools, acc):
    with acc("b1") as session:
        ids = crowd(session)
        number = ask(session, Student, "town", "Ailleurs", ids).id
    with As(app, schools[0], "head")("b2") as session:
        assert "acc" not in WHO.get().roles
        edit = session.get(BulkEdit, number)
        apply(session, edit)
        assert (edit.changed, edit.left_count) == (0, 4)


# --- many ------------------------------------------------------------------------------------------------------------------------


def test_a_job_does_the_same_and_says_how_many(app, acc):
    with acc() as session:
        ids = crowd(session, 510)
        edit = ask(session, Student, "town", "Rive", ids)
        job = Job.add(JobKind.bulk_edit, {"table": "student", "verb": "edit", "edit_id": edit.id}, total=len(ids))
        session.flush()
        edit.job_id = job.id
        number, edit_id = job.id, edit.id
    run_pending(app)
    with rows(app) as session:
        job = session.get(Job, number)
        assert (job.state, job.note) == (JobState.done, "255 fiches modifiées.")
        assert session.get(BulkEdit, edit_id).batch == f"job-{number}"
        assert session.scalar(select(func.count(Student.id)).where(Student.id.in_(ids), Student.town == "Rive")) == 510


def test_a_job_of_somebody_else_or_of_nothing_fails_with_a_sentence(app, acc, ec):
    with ec() as session:
        foreign = ask(session, Student, "town", "Rive", list(session.scalars(select(Student.id)))).id
    with acc() as session:
        numbers = []
        for edit_id in (foreign, 99_999):
            job = Job.add(JobKind.bulk_edit, {"table": "student", "verb": "edit", "edit_id": edit_id})
            session.flush()
            numbers.append(job.id)
    run_pending(app)
    with rows(app) as session:
        assert {session.get(Job, number).state for number in numbers} == {JobState.failed}
        assert session.scalar(select(func.count(Student.id)).where(Student.town == "Rive", Student.family_name == "Foule")) == 0


def test_the_statements_grow_by_pieces_not_by_rows(app, acc):
    with acc() as session:
        few, many = crowd(session, 20), crowd(session, 900)
        costs = []
        for ids in (few, many):
            edit = ask(session, Student, "town", "Ailleurs", ids)
            session.flush()
            with counted(app) as seen:
                plan(session, edit)
            with counted(app) as wrote:
                apply(session, edit)
            costs.append((len(seen), sum(not statement.startswith("UPDATE student") for statement in wrote)))
        assert costs[0][0] <= 5
        assert costs[1][0] <= costs[0][0] + 4
        assert costs[1][1] <= costs[0][1] * 2 + 2


def test_links_and_guardians_are_changed_too(acc):
    with acc() as session:
        links = list(session.scalars(select(GuardianLink.id).limit(5)))
        edit = ask(session, GuardianLink, "relation", Relation.tutor, links)
        assert all(" – " in name for name, _one in plan(session, edit).changing)
        apply(session, edit)
        guardians = list(session.scalars(select(Guardian.id).limit(5)))
        apply(session, ask(session, Guardian, "language", "en", guardians))
        session.expire_all()
        assert {row.relation for row in session.scalars(select(GuardianLink).where(GuardianLink.id.in_(links)))} == {Relation.tutor}
        assert {row.language for row in session.scalars(select(Guardian).where(Guardian.id.in_(guardians)))} == {"en"}


def test_what_was_asked_for_is_forgotten_after_seven_days(app, acc):
    with acc() as session:
        old, young = (ask(session, Student, "town", "Rive", crowd(session, 1)) for _n in range(2))
        old.created_at = utcnow() - dt.timedelta(days=8)
        ids = old.id, young.id
    with app.app_context():
        assert sweep()["old_bulk_edits"] == 1
    with rows(app) as session:
        assert session.get(BulkEdit, ids[0]) is None
        assert session.get(BulkEdit, ids[1]) is not None
