"""Students who change schools, inside the installation: what each school sees, what travels, what becomes of those who leave."""

import datetime as dt

import pytest
from conftest import rows
from sqlalchemy import func, select
from transferring import ELSEWHERE, acting_in, family, file_for, latest, send, switch_on

from jobs.runner import run_pending
from models.base import Refusal, utcnow
from models.custom import CustomField
from models.custom_values import FieldKind
from models.imports import FileKind, Import, ImportRow, RowStatus
from models.journal import JournalEvent, record
from models.people import GuardianLink, Student, StudentStatus
from models.school import School
from models.scope import BATCH
from models.transfer import Transfer, TransferStatus, purge
from models.transfer_rules import receiver, settle, this_school, without_identifier
from models.undo import Act, plan, undo


@pytest.fixture
def on(app, schools):
    switch_on(app, schools)


def look(app, school_id):
    """Check what waits; the import."""
    one = latest(app, "received", school_id)
    with acting_in(app, school_id, "acc2") as session:
        made = session.get_one(Transfer, one.id).look().id
    run_pending(app)
    return made


def take_in(app, school_id):
    """Check and write what waits; the import."""
    made = look(app, school_id)
    with acting_in(app, school_id, "acc2") as session:
        found = session.get_one(Import, made)
        assert found.problem is None, found.problem
        found.confirm()
    run_pending(app)
    return made


def told_of(student):
    """Who a student is, with their guardians; the programme by its code."""
    ties = sorted((link.guardian.name, link.relation.name, link.authority.name, link.status.name) for link in student.links)
    return student.family_name, student.given_name, student.born_on, student.programme.code if student.programme else "", ties


def by_code(app, school_id, codes):
    with rows(app) as session:
        found = session.scalars(select(Student).where(Student.school_id == school_id, Student.national_id.in_(codes)))
        return {student.national_id: told_of(student) for student in found}


@pytest.mark.usefixtures("on")
def test_guardians_and_links_arrive_with_the_students_and_the_students_leave(app, schools):
    ids = family(app, schools[0])
    with rows(app) as session:
        codes = list(session.scalars(select(Student.national_id).where(Student.id.in_(ids))))
        session.scalars(select(GuardianLink).where(GuardianLink.student_id == ids[0])).first().suspend("une décision de justice")
    before = by_code(app, schools[0], codes)
    assert all(row[3] for row in before.values())
    sent = send(app, schools, ids)
    assert (sent.status, sent.count, sent.inside) == (TransferStatus.waiting, 2, True)
    with rows(app) as session:
        left = session.execute(select(Student.status, Student.left_on).where(Student.id.in_(ids))).all()
        assert {(status, day is not None) for status, day in left} == {(StudentStatus.left, True)}
    take_in(app, schools[1])
    checked = {"suspended": "to_check"}
    expected = {code: (*row[:4], sorted((*tie[:3], checked.get(tie[3], tie[3])) for tie in row[4])) for code, row in before.items()}
    assert by_code(app, schools[1], codes) == expected
    assert latest(app, "received", schools[1]).status is TransferStatus.done
    assert latest(app, "sent", schools[0]).status is TransferStatus.done
    with rows(app) as session:
        arrived = select(GuardianLink.suspended_reason).join(Student, Student.id == GuardianLink.student_id).where(Student.national_id.in_(codes))
        assert set(session.scalars(arrived.where(GuardianLink.school_id == schools[1]))) == {""}


def states(app, schools):
    """Where the transfer stands, as the sender and as the receiver read it."""
    return latest(app, "sent", schools[0]).status.name, latest(app, "received", schools[1]).status.name


def status_of(app, ids):
    with rows(app) as session:
        return {status.name for status in session.scalars(select(Student.status).where(Student.id.in_(ids)))}


def test_both_schools_switch_transfers_on_and_what_is_missing_is_named(app, schools):
    ids = family(app, schools[0])
    with acting_in(app, schools[0]), pytest.raises(Refusal, match="ne sont pas activés dans votre établissement"):
        Transfer.send(ids, "QC999001")
    with acting_in(app, schools[0]) as session:
        this_school().email = ""
        with pytest.raises(Refusal) as refusal:
            settle(this_school(), "RT-1", on=True)
        assert "Adresse électronique" in refusal.value.sentence
        session.rollback()
        settle(this_school(), "RT-1", on=True)
        with pytest.raises(Refusal, match="n’a pas activé les transferts"):
            Transfer.send(ids, "QC999001")
        session.rollback()


@pytest.mark.usefixtures("on")
def test_a_code_is_checked_and_only_the_name_of_the_other_school_is_told(app, schools):
    with acting_in(app, schools[0]):
        assert receiver(this_school(), " qc999001 ")[1] == latest_name(app, schools[1])
        for typed, told in (("9990001X", "propre établissement"), ("", "manque"), ("9990001A", "ne correspond pas"), ("chez nous", "ni un code UAI")):
            with pytest.raises(Refusal, match=told):
                receiver(this_school(), typed)


def latest_name(app, school_id):
    with rows(app) as session:
        return session.get_one(School, school_id).name


@pytest.mark.usefixtures("on")
def test_who_has_no_identifier_is_named_and_stays(app, schools):
    ids = family(app, schools[0])
    with rows(app) as session:
        lost = session.get_one(Student, ids[0])
        lost.national_id = None
        name = str(lost)
    with acting_in(app, schools[0]) as session:
        assert without_identifier(session, ids) == [name]
        with pytest.raises(Refusal, match="n’a d’identifiant national"):
            Transfer.send(ids[:1], "QC999001")
    assert send(app, schools, ids).count == 1
    assert status_of(app, ids[:1]) == {"active"}
    assert status_of(app, ids[1:]) == {"left"}


@pytest.mark.usefixtures("on")
def test_a_cancelled_transfer_leaves_the_other_list_and_brings_the_students_back(app, schools):
    ids = family(app, schools[0])
    sent = send(app, schools, ids)
    with acting_in(app, schools[0]) as session:
        session.get_one(Transfer, sent.id).cancel()
    assert states(app, schools) == ("cancelled", "cancelled")
    assert status_of(app, ids) == {"active"}
    assert latest(app, "received", schools[1]).file_key == ""
    with acting_in(app, schools[1], "acc2") as session, pytest.raises(Refusal, match="plus rien à reprendre"):
        session.get_one(Transfer, latest(app, "received", schools[1]).id).look()


@pytest.mark.usefixtures("on")
def test_a_transfer_that_the_other_school_checks_is_no_longer_cancelled(app, schools):
    sent = send(app, schools, family(app, schools[0]))
    made = look(app, schools[1])
    assert states(app, schools) == ("opened", "opened")
    with acting_in(app, schools[0]) as session, pytest.raises(Refusal, match="ne peut plus être annulé"):
        session.get_one(Transfer, sent.id).cancel()
    with acting_in(app, schools[1], "acc2") as session:
        session.get_one(Import, made).abandon()
    assert states(app, schools) == ("waiting", "waiting")


@pytest.mark.usefixtures("on")
def test_declining_says_so_to_the_sender(app, schools):
    send(app, schools, family(app, schools[0]))
    with acting_in(app, schools[1], "acc2") as session:
        session.get_one(Transfer, latest(app, "received", schools[1]).id).decline()
    assert states(app, schools) == ("declined", "declined")


@pytest.mark.usefixtures("on")
def test_what_was_taken_in_is_undone_like_any_import_and_both_sides_say_so(app, schools):
    ids = family(app, schools[0])
    with rows(app) as session:
        before = session.scalar(select(func.count(Student.id)).where(Student.school_id == schools[1]))
    send(app, schools, ids)
    made = take_in(app, schools[1])
    with acting_in(app, schools[1], "acc2") as session:
        undo(session, session.get_one(Import, made).batch)
    assert states(app, schools) == ("undone", "undone")
    with rows(app) as session:
        assert session.scalar(select(func.count(Student.id)).where(Student.school_id == schools[1])) == before


@pytest.mark.usefixtures("on")
def test_nobody_is_absent_from_a_transfer_and_who_comes_back_is_active_again(app, schools):
    ids = family(app, schools[0])
    send(app, schools, ids)
    with rows(app) as session:
        one = session.get_one(Student, ids[0])
        known = {key: getattr(one, key) for key in ("family_name", "given_name", "born_on", "national_id")}
        session.add(Student(school_id=schools[1], status=StudentStatus.left, left_on=dt.date(2025, 7, 4), **known))
    made = take_in(app, schools[1])
    with rows(app) as session:
        counts = session.get_one(Import, made).counts
        back = session.scalar(select(Student).where(Student.school_id == schools[1], Student.national_id == known["national_id"]))
        assert (counts["absent"], counts["created"], counts["changed"]) == (0, 1, 1)
        assert (back.status, back.left_on) == (StudentStatus.active, None)


@pytest.mark.usefixtures("on")
def test_two_namesakes_already_there_are_put_to_a_person(app, schools):
    ids = family(app, schools[0], 1)
    send(app, schools, ids)
    with rows(app) as session:
        one = session.get_one(Student, ids[0])
        for number in ("1", "2"):
            session.add(Student(school_id=schools[1], family_name=one.family_name, given_name=one.given_name, born_on=one.born_on, local_id=number))
    made = look(app, schools[1])
    with rows(app) as session:
        row = session.scalars(select(ImportRow).where(ImportRow.import_id == made)).one()
        assert (row.status, len(row.questions[0]["refs"])) == (RowStatus.unsure, 2)


@pytest.mark.usefixtures("on")
def test_own_fields_travel_where_the_other_school_has_them_and_notes_never(app, schools):
    ids = family(app, schools[0], 1)
    with rows(app) as session:
        for label, kind, where in (("Cantine", FieldKind.text, schools), ("Casier", FieldKind.text, schools[:1]), ("Remarques", FieldKind.long_text, schools)):
            session.add_all([CustomField(school_id=number, table_name="student", label=label, kind=kind) for number in where])
        session.flush()
        session.get_one(Student, ids[0]).programme_id = None
        session.get_one(Student, ids[0]).extra = {"cantine": "externe", "casier": "12", "remarques": "à ne pas dire"}
    code = send(app, schools, ids).people[0]["code"]
    take_in(app, schools[1])
    with rows(app) as session:
        assert session.scalar(select(Student.extra).where(Student.school_id == schools[1], Student.national_id == code)) == {"cantine": "externe"}
    assert latest(app, "received", schools[1]).left_here == ["Casier"]


@pytest.mark.usefixtures("on")
def test_the_other_school_learns_the_name_of_ours_and_nobody_of_our_staff(app, schools):
    send(app, schools, family(app, schools[0]))
    with rows(app) as session:
        one = session.get_one(Transfer, latest(app, "received", schools[1]).id)
        line = session.scalars(select(JournalEvent).where(JournalEvent.table_name == "transfer", JournalEvent.row_id == one.id)).one()
        assert (line.school_id, line.who, line.user_id) == (schools[1], latest_name(app, schools[0]), None)
        assert (one.requested_by_id, one.reason, one.reference) == (None, "", "")


@pytest.mark.usefixtures("on")
def test_a_transfer_that_fails_in_its_job_says_why_and_nobody_has_left(app, schools):
    ids = family(app, schools[0])
    with acting_in(app, schools[0]):
        Transfer.send(ids, "QC999001")
    with rows(app) as session:
        session.get_one(School, schools[1]).transfers_on = False
    run_pending(app)
    sent = latest(app, "sent", schools[0])
    assert sent.status is TransferStatus.failed
    assert "n’a pas activé les transferts" in sent.problem
    assert status_of(app, ids) == {"active"}


@pytest.mark.usefixtures("on")
def test_what_nobody_took_in_goes_after_its_time(app, schools):
    send(app, schools, family(app, schools[0], 1))
    file_for(app, schools, family(app, schools[0], 1))
    with rows(app) as session:
        session.execute(Transfer.__table__.update().values(created_at=utcnow() - dt.timedelta(days=8), made_at=utcnow() - dt.timedelta(days=31)))
        assert purge(session) == 2
    assert latest(app, "sent", schools[0]).file_key == ""
    one = latest(app, "received", schools[1])
    assert (one.status, one.file_key) == (TransferStatus.expired, "")
    assert latest(app, "sent", schools[0]).other_code == ELSEWHERE


@pytest.mark.usefixtures("on")
def test_phones_of_another_country_can_be_dialled_where_they_arrive(app, schools):
    ids = family(app, schools[1], 3)
    with acting_in(app, schools[1], "acc2"):
        Transfer.send(ids, "9990001X")
    run_pending(app)
    with acting_in(app, schools[0]) as session:
        made = session.get_one(Transfer, latest(app, "received", schools[0]).id).look().id
    run_pending(app)
    with rows(app) as session:
        lines = session.scalars(select(ImportRow).where(ImportRow.import_id == made)).all()
        assert [row.problems for row in lines if row.kind is FileKind.students] == [[]] * 3
        assert not any(row.problems for row in lines)
        assert all(phone.startswith("+1") for row in lines if (phone := row.cells.get("phone")))


def batch_of(session, school_id):
    """The batch of the job that sent."""
    return f"job-{session.scalar(select(Transfer.job_id).where(Transfer.school_id == school_id).order_by(Transfer.id.desc()).limit(1))}"


@pytest.mark.usefixtures("on")
def test_undoing_the_sending_cancels_it_in_both_schools_and_is_not_taken_back(app, schools):
    ids = family(app, schools[0])
    send(app, schools, ids)
    with acting_in(app, schools[0]) as session:
        batch = batch_of(session, schools[0])
        assert [str(note) for note in plan(session, batch).notes] == ["Le transfert est annulé\N{NO-BREAK SPACE}: l’autre établissement ne le reçoit plus."]
        undo(session, batch)
        undoing = BATCH.get()
    assert status_of(app, ids) == {"active"}
    assert states(app, schools) == ("cancelled", "cancelled")
    with acting_in(app, schools[0]) as session:
        assert {str(line.reason) for line in plan(session, undoing).of(Act.keep)} == {"Le transfert est annulé et le reste. Envoyez-le à nouveau."}
        with pytest.raises(Refusal):
            undo(session, undoing)
        session.rollback()


@pytest.mark.usefixtures("on")
def test_undoing_the_sending_leaves_away_whom_the_other_school_has(app, schools):
    ids = family(app, schools[0])
    send(app, schools, ids)
    look(app, schools[1])
    with acting_in(app, schools[0]) as session:
        batch = batch_of(session, schools[0])
        assert {str(line.reason).partition(".")[0] for line in plan(session, batch).of(Act.keep)} == {"L’autre établissement dispose déjà de ce transfert"}
        with pytest.raises(Refusal):
            undo(session, batch)
        session.rollback()
    assert status_of(app, ids) == {"left"}
    assert states(app, schools) == ("opened", "opened")


@pytest.mark.usefixtures("on")
def test_a_cancelled_transfer_is_not_half_restored_by_an_undo(app, schools):
    ids = family(app, schools[0])
    sent = send(app, schools, ids)
    with acting_in(app, schools[0]) as session:
        session.get_one(Transfer, sent.id).cancel()
        record(session, "cancel", "transfer", sent.id)  # as the verb does
        cancelling = BATCH.get()
    with acting_in(app, schools[0]) as session:
        assert plan(session, cancelling).counts == {(Act.keep, "student"): 2}
        with pytest.raises(Refusal):
            undo(session, cancelling)
        session.rollback()
    assert status_of(app, ids) == {"active"}


@pytest.mark.usefixtures("on")
def test_cancelling_brings_back_only_departures_that_nobody_touched(app, schools):
    ids = family(app, schools[0], 3)
    sent = send(app, schools, ids)
    with acting_in(app, schools[0]) as session:
        for number in ids[:2]:
            session.get_one(Student, number).reactivate()
    with acting_in(app, schools[0]) as session:
        session.get_one(Student, ids[0]).deactivate(dt.date(2026, 9, 30))
        day = session.get_one(Student, ids[2]).left_on
        session.get_one(Student, ids[1]).deactivate(day)  # the same day, but by hand
    with acting_in(app, schools[0]) as session:
        session.get_one(Transfer, sent.id).cancel()
    assert [status_of(app, [number]) for number in ids] == [{"left"}, {"left"}, {"active"}]


@pytest.mark.usefixtures("on")
def test_nobody_is_in_two_transfers_that_wait(app, schools):
    ids = family(app, schools[0], 3)
    with acting_in(app, schools[0]):
        Transfer.send(ids[:2], "QC999001")
        with pytest.raises(Refusal, match="Déjà dans un transfert en attente"):
            Transfer.send(ids[:2], "QC999001")
    run_pending(app)
    assert send(app, schools, ids).count == 1
    with acting_in(app, schools[1], "acc2") as session:
        for one in session.scalars(select(Transfer).where(Transfer.school_id == schools[1])).all():
            one.decline()
    assert send(app, schools, ids).count == 3


@pytest.mark.usefixtures("on")
def test_who_left_before_travels_too_and_keeps_the_day(app, schools):
    ids = family(app, schools[0], 1)
    with rows(app) as session:
        one = session.get_one(Student, ids[0])
        one.status, one.left_on = StudentStatus.left, dt.date(2026, 9, 1)
    sent = send(app, schools, ids)
    with acting_in(app, schools[0]) as session:
        session.get_one(Transfer, sent.id).cancel()
    with rows(app) as session:
        assert session.get_one(Student, ids[0]).left_on == dt.date(2026, 9, 1)
