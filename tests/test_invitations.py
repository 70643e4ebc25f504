"""A student invites a guardian: who may, how often, what leaves, what nobody learns, and what the code does."""

import datetime as dt
import re

import pytest
from conftest import rows
from hands import do, form, words
from sqlalchemy import delete, func, select, update

from models import invitations, redemption
from models.access import User
from models.activation import ActivationCode, missing_clause
from models.base import Refusal, utcnow
from models.db import db
from models.invitations import Held, Invitation, InvitationState, old_enough
from models.people import Guardian, GuardianLink, LinkStatus, Student, StudentStatus, group_member
from models.scope import Actor, Scope, acting, unscoped
from models.settings import Setting
from models.work import MailState, OutgoingMail

PAGE, SCREEN = "/student/invite", "/admin/invitation/"
HOME = "https://ecole.example.org"
HERE = {"address": "127.0.0.1", "agent": "a test"}


@pytest.fixture
def pupil(app, schools):
    """The demo's student, fifteen years old, in the first school, where invitations are on and nobody is invited yet."""
    with rows(app) as session:
        session.execute(delete(Invitation))
        session.execute(delete(Setting))
        session.add(Setting(school_id=schools[0], key="students_invite", value="1"))
        student = session.scalar(select(Student).join(User, User.id == Student.user_id).where(User.username == "student"))
        student.born_on = utcnow().date() - dt.timedelta(days=15 * 366)
        student.email = "eleve@example.org"
        return student.id


@pytest.fixture
def invite(app, pupil):
    """`invite("somebody@example.org")` by that student: (what staff see, the code of the mail or nothing)."""

    def send(email, language="fr"):
        with app.app_context():
            with unscoped("a test looks"):
                student = db.session.get_one(Student, pupil)
                user = student.user_id
            who = Actor(user_id=user, name="Élève", roles=frozenset({"student"}))
            with acting(who, Scope(school_id=None, user_id=user, portal="student"), "a batch"):
                one = invitations.invite(db.session, student, email, language, HOME)
                db.session.commit()
            with unscoped("a test looks"):
                mail = db.session.scalar(select(OutgoingMail).where(OutgoingMail.cause_table == "invitation", OutgoingMail.cause_id == one.id))
                code = re.search(r"\w{4}-\w{4}-\w{4}", mail.text)[0] if mail else ""
                return one.id, code

    return send


def register(code, email="mere@example.org"):
    """Somebody registers with the code of a mail."""
    names = {"given_name": "Ines", "family_name": "Aubry", "password": "trois chats sur un toit"}
    return redemption.register(code, email=email, base_url=HOME, **names, **HERE)


def state_of(app, number):
    """(as staff see it, as the student sees it)."""
    with rows(app) as session:
        one = session.get(Invitation, number)
        return one.state, one.told


# --- who may ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("born", "day", "enough"),
    [
        (None, "2026-11-22", False),
        ("2012-11-22", "2026-11-22", True),
        ("2012-11-23", "2026-11-22", False),
        ("2012-02-29", "2026-02-28", False),
        ("2012-02-29", "2026-03-01", True),
    ],
)
def test_74_nobody_invites_before_fourteen(born, day, enough):
    assert old_enough(dt.date.fromisoformat(born) if born else None, dt.date.fromisoformat(day)) is enough


@pytest.mark.parametrize("why", ["off", "young", "unknown", "left"])
def test_74_the_page_is_not_offered_and_nothing_leaves(app, as_, pupil, invite, why):
    browser = as_("student")
    with rows(app) as session:
        student = session.get(Student, pupil)
        if why == "off":
            session.execute(delete(Setting))
        elif why == "left":
            student.status = StudentStatus.left
        else:
            student.born_on = utcnow().date() - dt.timedelta(days=13 * 365) if why == "young" else None
    with pytest.raises(Refusal):
        invite("mere@example.org")
    answer = browser.get(PAGE)
    assert answer.status_code == (302 if why == "left" else 403), "who has left has no portal at all"
    if why != "left":
        assert 'name="email"' not in answer.text
        assert PAGE not in browser.get("/student/").text
    with rows(app) as session:
        assert session.scalar(select(func.count(Invitation.id))) == 0


# --- inviting ---------------------------------------------------------------------------------------------------------------------


def test_a_student_invites_from_their_page_and_sees_no_code(app, as_, pupil):
    browser = as_("student")
    assert PAGE in browser.get("/student/").text
    answer = form(browser, PAGE, email=" Mere@Example.org ", language="en")
    assert answer.status_code == 303
    page = browser.get(PAGE)
    assert "Aucun courriel ne part encore d’ici" in words(page), "no mail server is set: it is not on its way"
    assert "mere@example.org" in words(page)
    assert "En attente" in words(page)
    with rows(app) as session:
        one = session.scalars(select(Invitation)).one()
        mail = session.scalars(select(OutgoingMail).where(OutgoingMail.cause_id == one.id, OutgoingMail.cause_table == "invitation")).one()
        assert (mail.to_address, mail.language, mail.sealed) == ("mere@example.org", "en", True)
        assert "invites you" in mail.subject
        secret = re.search(r"\w{4}-\w{4}-\w{4}", mail.text)[0]
        assert f"/parent/register?code={secret}" in mail.text
        assert one.code.sealed == "", "nothing is left to print"
    assert secret not in page.text
    assert secret[-4:] not in page.text


def test_what_is_no_address_to_invite_is_told_on_the_field(as_, pupil):
    browser = as_("student")
    for typed in ("nobody", "a@b", "eleve@example.org"):
        answer = form(browser, PAGE, email=typed)
        assert answer.status_code == 422, typed
        assert 'aria-invalid="true"' in answer.text
    form(browser, PAGE, email="mere@example.org")
    assert form(browser, PAGE, email="MERE@example.org").status_code == 422, "invited already"


def test_74_five_a_day_by_the_school_s_clock_the_revoked_ones_too(app, invite, wound):
    wound("2026-11-22T12:00:00")
    sent = [invite(f"a{n}@example.org")[0] for n in range(5)]
    with rows(app) as session:
        session.get(Invitation, sent[0]).revoke()
    with pytest.raises(Refusal, match="5"):
        invite("b@example.org")
    wound("2026-11-22T23:05:00")  # the next day in Paris
    invite("b@example.org")


def test_74_an_address_gets_few_invitations_from_a_whole_school_and_the_student_learns_nothing(app, invite, pupil):
    with rows(app) as session:
        others = session.scalars(select(Student).where(Student.id != pupil).limit(5)).all()
        first, _code = invite("mere@example.org")
        code = session.get(Invitation, first).code
        for n, other in enumerate(others):
            copy = ActivationCode(school_id=code.school_id, student_id=other.id, purpose=code.purpose, digest=f"d{n}", tail="", expires_at=code.expires_at)
            session.add(Invitation(school_id=code.school_id, student_id=other.id, code=copy, email="pere@example.org"))
    number, secret = invite("pere@example.org")
    assert secret == ""
    assert state_of(app, number) == (InvitationState.held, InvitationState.waiting)


def test_74_nothing_leaves_to_somebody_whom_the_school_has_suspended_for_this_student(app, as_, schools, invite, pupil):
    with rows(app) as session:
        guardian = Guardian(school_id=schools[0], family_name="Aubry", email="Pere@example.org")
        session.add(guardian)
        session.flush()
        session.add(GuardianLink(school_id=schools[0], student_id=pupil, guardian_id=guardian.id, status=LinkStatus.suspended, suspended_reason="juge"))
    number, secret = invite("pere@example.org")
    assert secret == ""
    assert state_of(app, number) == (InvitationState.held, InvitationState.waiting)
    student = as_("student").get(PAGE)
    assert "En attente" in words(student)
    assert "Non envoy" not in words(student)
    assert "Non envoy" in words(as_("ac").get(f"{SCREEN}?flt0_state.InState=held"))
    _number, other = invite("ailleurs@example.org")
    with app.app_context(), pytest.raises(redemption.UnusableCode):
        register(other, "pere@example.org")  # another way in, under the address that is suspended


# --- what the code does -----------------------------------------------------------------------------------------------------------


def test_whoever_accepts_sees_nothing_until_staff_confirm(app, as_, invite, pupil, cheap_hashes):
    number, secret = invite("mere@example.org")
    with app.app_context():
        entry = register(secret)
    with rows(app) as session:
        link = session.scalar(select(GuardianLink).join(Guardian).where(Guardian.user_id == entry.user_id))
        assert (link.student_id, link.status) == (pupil, LinkStatus.to_check)
        link_id = link.id
    assert state_of(app, number) == (InvitationState.accepted, InvitationState.accepted)
    for page in (f"/admin/guardian_link/details/?id={link_id}", f"/admin/student/details/?id={pupil}&part=contacts"):
        seen = as_("ac").get(page)
        assert "à cette adresse : mere@example.org" in words(seen), "whoever confirms sees where the link comes from"
    assert 'class="btn btn-primary">Confirmer</button>' in as_("ac").get(f"/admin/guardian_link/details/?id={link_id}").text
    home = as_("ac").get("/admin/")
    assert "status.Is=to_check" in home.text, "home counts it"
    assert do(as_("ac"), "guardian_link", "confirm", link_id).status_code in (302, 303)
    with rows(app) as session:
        assert session.get(GuardianLink, link_id).status is LinkStatus.active
    with app.app_context(), pytest.raises(redemption.UnusableCode):
        register(secret, "autre@example.org")


@pytest.mark.parametrize(("address", "proved"), [("Mere@example.org", True), ("autre@example.org", False)])
def test_the_code_of_an_invitation_proves_the_address_it_was_mailed_to_and_no_other(app, invite, pupil, cheap_hashes, address, proved):
    _number, secret = invite("mere@example.org")
    with app.app_context():
        entry = register(secret, address)
    with rows(app) as session:
        assert (session.get(User, entry.user_id).email_confirmed_at is not None) is proved
        assert session.scalar(
            select(func.count(OutgoingMail.id)).where(OutgoingMail.to_address == address.lower(), OutgoingMail.cause_table != "invitation")
        ) == (0 if proved else 1)


def test_an_invitation_does_not_count_as_a_code_of_the_school(app, as_, invite, pupil):
    with rows(app) as session:
        session.execute(delete(ActivationCode).where(ActivationCode.student_id == pupil))
        session.execute(delete(GuardianLink).where(GuardianLink.student_id == pupil))
    number, _secret = invite("mere@example.org")
    with rows(app) as session:
        assert pupil in session.scalars(select(Student.id).where(missing_clause())).all(), "the school's letter is still due"
        code = session.get(Invitation, number).code
        with pytest.raises(Refusal):
            code.reveal()
        tail, code_id = code.tail, code.id
    browser = as_("acc")
    assert tail not in browser.get("/admin/activation_code/?page_size=100&flt0_state.InState=any").text
    assert "/admin/job/" not in do(browser, "activation_code", "print_letters", code_id).headers["Location"], "no letter is printed"


# --- staff ------------------------------------------------------------------------------------------------------------------------


def test_staff_see_and_revoke_and_the_mail_that_waits_stays_here(app, as_, invite, pupil, cheap_hashes):
    number, secret = invite("mere@example.org")
    browser = as_("ac")
    page = browser.get(SCREEN)
    assert "mere@example.org" in page.text
    assert secret not in page.text
    assert secret not in browser.get(f"{SCREEN}details/?id={number}").text
    assert do(browser, "invitation", "revoke", number).status_code in (302, 303)
    assert state_of(app, number) == (InvitationState.revoked, InvitationState.revoked)
    with rows(app) as session:
        assert session.scalar(select(OutgoingMail.state).where(OutgoingMail.cause_table == "invitation")) is MailState.cancelled
        with pytest.raises(Refusal):
            session.get(Invitation, number).revoke()
    with app.app_context(), pytest.raises(redemption.UnusableCode):
        register(secret)


@pytest.mark.parametrize("state", InvitationState)
def test_the_list_is_filtered_by_state_as_a_row_says_it(app, invite, state):
    kept = [invite(f"{name}@example.org")[0] for name in ("waiting", "used", "expired", "revoked", "held")]
    with rows(app) as session:
        found = {name: session.get(Invitation, number) for name, number in zip(("waiting", "used", "expired", "revoked", "held"), kept, strict=True)}
        found["used"].code.used_at = utcnow()
        found["expired"].code.expires_at = utcnow() - dt.timedelta(days=1)
        found["revoked"].code.revoked_at = utcnow()
        found["held"].held = Held.too_many
        session.flush()
        listed = set(session.scalars(select(Invitation.id).where(invitations.invitation_state_clause(state))))
        assert listed == {one.id for one in found.values() if one.state is state}
        assert len(listed) == 1


def test_a_teacher_sees_the_invitations_of_their_own_students_only(app, as_, invite, pupil):
    number, _secret = invite("mere@example.org")
    with rows(app) as session:
        ec = session.scalar(select(User.id).where(User.username == "ec"))
        session.execute(update(Student).where(Student.id == pupil).values(adviser_id=None, homeroom_id=None))
        session.execute(delete(group_member).where(group_member.c.student_id == pupil))
    assert as_("ec").get(f"{SCREEN}details/?id={number}").status_code == 404
    with rows(app) as session:
        session.get(Student, pupil).adviser_id = ec
    assert as_("ec").get(f"{SCREEN}details/?id={number}").status_code == 200
