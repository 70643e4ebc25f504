"""A student invites a guardian by e-mail (features S1-10, security case 74): the code stands in one mail and nowhere else.

Off until the school switches it on; from fourteen years of age; few a day. The answer never tells whether an address is known. What staff
have closed stays closed: an address of somebody whom the school has suspended for this child gets nothing, and only staff see that.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ForeignKey, Index, String, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, contains_eager, joinedload, mapped_column, object_session, relationship

from models import keys
from models.access import User
from models.activation import ActivationCode, CodePurpose, CodeState, last_moment, new_codes, show_code, state_clause
from models.base import Base, Choice, Identified, Refusal, Versioned, choice_column, today, utcnow
from models.import_words import BadCell
from models.people import Guardian, GuardianLink, LinkStatus, Student, StudentStatus
from models.school import School
from models.scope import BATCH, WHO, SchoolScoped, Scope, acting, unscoped
from models.settings import value
from models.values import read_email
from models.words import N_, _, _p, in_figures, in_language
from models.work import MailState, OutgoingMail

AGE = 14
SAME_ADDRESS = 5  # invitations that one address gets from a whole school in a day
_DAY = dt.timedelta(days=1)


class InvitationState(Choice):
    """What became of an invitation: by its code, but for one that never left."""

    waiting = "waiting", _p("invitation", "Waiting"), "info"
    accepted = "accepted", _p("invitation", "Accepted"), "ok"
    expired = "expired", _p("invitation", "Expired"), "mute"
    revoked = "revoked", _p("invitation", "Revoked"), "bad"
    held = "held", _p("invitation", "Not sent"), "warn"


class Held(Choice):
    """Why an invitation never left; staff alone see it."""

    suspended = "suspended", _("This address is that of [a guardian] whom you have suspended for [this student]."), "warn"
    too_many = "too_many", _("This address was invited too often today."), "warn"


_OF_CODE = {
    CodeState.usable: InvitationState.waiting,
    CodeState.used: InvitationState.accepted,
    CodeState.expired: InvitationState.expired,
    CodeState.revoked: InvitationState.revoked,
}


class Invitation(Base, Identified, SchoolScoped, Versioned):
    """One address invited by one student. `requested_by_id` is the student's login."""

    __tablename__ = "invitation"
    __table_args__ = (Index("ix_invitation_school", "school_id", "created_at"), Index("ix_invitation_email", "school_id", "email", "created_at"))

    student_id: Mapped[int] = mapped_column(ForeignKey("student.id", ondelete="CASCADE"), index=True, info={"label": _("[Student]")})
    code_id: Mapped[int] = mapped_column(ForeignKey("activation_code.id", ondelete="CASCADE"), unique=True)
    requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    email: Mapped[str] = mapped_column(String(254), info={"label": _("Address invited")})
    language: Mapped[str] = mapped_column(String(10), default="fr", info={"label": _("Language")})
    held: Mapped[Held | None] = mapped_column(choice_column(Held), info={"label": _("Why it was not sent")})
    created_at: Mapped[dt.datetime] = mapped_column(default=utcnow, info={"label": _("Invited on")})

    student: Mapped[Student] = relationship(info={"label": _("[Student]")})
    code: Mapped[ActivationCode] = relationship()
    requested_by: Mapped[User | None] = relationship()

    def __str__(self) -> str:
        return self.email

    @property
    def state(self) -> InvitationState:
        """As staff see it."""
        found = _OF_CODE[self.code.state]
        return InvitationState.held if self.held and found is not InvitationState.revoked else found

    @property
    def told(self) -> InvitationState:
        """As the student sees it: an address that staff have closed answers like any other that does not answer."""
        return _OF_CODE[self.code.state]

    @property
    def expires_at(self) -> dt.datetime:
        """Until when it can be accepted."""
        return self.code.expires_at

    def revoke(self) -> None:
        """Close it for ever; a mail that has not left yet stays here. Refused once accepted, revoked or expired."""
        if self.told is InvitationState.accepted:
            raise Refusal(_("This invitation has been accepted. To close the access, suspend the [guardian]'s link."))
        if self.told is not InvitationState.waiting:
            raise Refusal(_("This invitation opens nothing any more: there is nothing to revoke."))
        self.code.revoke()
        session = object_session(self)
        if session is not None:
            unsent = (OutgoingMail.cause_table == "invitation", OutgoingMail.cause_id == self.id, OutgoingMail.state.in_((MailState.waiting, MailState.failed)))
            with unscoped("the mail is the invitation's, whoever reads mails"):
                stopped = update(OutgoingMail).where(*unsent).values(state=MailState.cancelled, next_try_at=None)
                session.execute(stopped.execution_options(synchronize_session=False))


def invitation_state_clause(state: InvitationState) -> Any:
    """The SQL of a state, as staff see it."""
    codes = {shown: code for code, shown in _OF_CODE.items()}
    if state is InvitationState.held:
        return Invitation.held.is_not(None) & Invitation.code_id.not_in(select(ActivationCode.id).where(ActivationCode.revoked_at.is_not(None)))
    inside = Invitation.code_id.in_(select(ActivationCode.id).where(ActivationCode.purpose == CodePurpose.invitation, state_clause(codes[state])))
    return inside if state is InvitationState.revoked else inside & Invitation.held.is_(None)


def behind(session: Session, links: Sequence[GuardianLink]) -> dict[int, Invitation]:
    """Link -> the student's invitation that it was born from, the latest one; with their guardians loaded, in one statement."""
    owners = {(link.student_id, link.guardian.user_id): link.id for link in links if link.guardian.user_id is not None}
    if not owners:
        return {}
    used = (Invitation.student_id.in_({student for student, _user in owners}), ActivationCode.used_by_id.in_({user for _student, user in owners}))
    found = session.scalars(select(Invitation).join(Invitation.code).where(*used).options(contains_eager(Invitation.code)).order_by(Invitation.id))
    return {owners[key]: one for one in found if (key := (one.student_id, one.code.used_by_id)) in owners}


# --- who may invite ---------------------------------------------------------------------------------------------------------------


def old_enough(born_on: dt.date | None, day: dt.date) -> bool:
    """Whether somebody is fourteen on that day; an unknown birth date is not enough. Born on 29 February: on 1 March."""
    return born_on is not None and day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day)) >= AGE


def may_invite(session: Session, student: Student) -> bool:
    """Whether the page is offered: the school has switched it on, and the student is there and fourteen at the school's day."""
    on = value("students_invite", student.school_id, session)
    return bool(on) and student.status is StudentStatus.active and old_enough(student.born_on, today(student.school.time_zone))


def inviting(session: Session) -> list[Student]:
    """The records of the person of the present scope (a student's portal) that may invite."""
    found = session.scalars(select(Student).options(joinedload(Student.school)).order_by(Student.school_id, Student.id))
    return [student for student in found if may_invite(session, student)]


def sent_by(session: Session, students: Sequence[Student]) -> list[Invitation]:
    """What these students have sent, the latest first, with their codes' states; for the students themselves."""
    theirs = select(Invitation).where(Invitation.student_id.in_([student.id for student in students]))
    with unscoped("one's own invitations: a portal sees no code, but what became of it"):
        return list(session.scalars(theirs.options(joinedload(Invitation.code)).order_by(Invitation.id.desc()).limit(50)))


# --- inviting ---------------------------------------------------------------------------------------------------------------------


class WrongAddress(Refusal):
    """What was typed is no address to invite; for the field."""


def invite(session: Session, student: Student, typed: str, language: str, base_url: str) -> Invitation:
    """Invite an address, in the caller's transaction; the mail with its code waits in the same one.

    Refused: who may not (`may_invite`), what is no e-mail address or the student's own (`WrongAddress`), more than the school allows in a
    day, an address that this student has invited and that may still answer. Never told: whether the address is known.
    """
    session.execute(select(Student.id).where(Student.id == student.id).with_for_update())  # two pages at once count one another
    if not may_invite(session, student):
        raise Refusal(_("Your [school] does not offer invitations to you. Ask it for an activation code."))
    email = _address(student, typed)
    with unscoped("a student's own invitations, and whom their school has suspended for them"):
        _check_number(session, student, email)
        held = _held(session, student, email)
    with acting(WHO.get(), Scope(school_id=student.school_id, user_id=WHO.get().user_id), BATCH.get()):
        secret = new_codes(1)[0]
        code = ActivationCode(
            student_id=student.id,
            purpose=CodePurpose.invitation,
            digest=keys.digest("activation", secret),
            tail=secret[-4:],
            expires_at=last_moment(student.school),
            sent_count=0 if held else 1,
            sent_at=None if held else utcnow(),
        )
        one = Invitation(student_id=student.id, code=code, email=email, language=language, held=held, requested_by_id=WHO.get().user_id)
        session.add(one)
        session.flush()
        if not held:
            _write(one, student, show_code(secret), base_url)
        session.flush()
    return one


def _address(student: Student, typed: str) -> str:
    try:
        email = read_email(typed.strip()).lower()
    except BadCell as wrong:
        raise WrongAddress("%(fact)s %(remedy)s", fact=wrong.sentence, remedy=str(wrong.form_remedy)) from wrong
    if email in _own_addresses(student):
        raise WrongAddress(_("This address is your own. Type that of your [guardian]."))
    return email


def _own_addresses(student: Student) -> set[str]:
    """The addresses of the student in person."""
    session = object_session(student)
    user = session.get(User, student.user_id) if session is not None and student.user_id else None
    return {found.lower() for found in (student.email, user.email if user else "") if found}


def _check_number(session: Session, student: Student, email: str) -> None:
    zone = ZoneInfo(student.school.time_zone)
    midnight = dt.datetime.combine(today(student.school.time_zone), dt.time.min, zone)
    mine = (Invitation.student_id == student.id,)
    most = int(value("invitations_per_day", student.school_id, session))
    if (session.scalar(select(func.count(Invitation.id)).where(*mine, Invitation.created_at >= midnight)) or 0) >= most:
        raise Refusal(
            N_(
                "You have sent %(num)d invitation today, as many as your [school] allows. Go on tomorrow.",
                "You have sent %(num)d invitations today, as many as your [school] allows. Go on tomorrow.",
                most,
            )
        )
    open_still = select(Invitation.id).join(ActivationCode).where(*mine, Invitation.email == email, state_clause(CodeState.usable))
    if session.scalar(open_still.limit(1)):
        raise WrongAddress(_("You have already invited this address, and the invitation can still be accepted. Ask the person to look among unwanted mails."))


def _held(session: Session, student: Student, email: str) -> Held | None:
    """Why nothing leaves to this address; the student is told nothing of it."""
    known = or_(func.lower(Guardian.email) == email, Guardian.user_id.in_(select(User.id).where(User.email == email)))
    closed = (GuardianLink.student_id == student.id, GuardianLink.status == LinkStatus.suspended, known)
    if session.scalar(select(GuardianLink.id).join(Guardian).where(*closed).limit(1)):
        return Held.suspended
    lately = (Invitation.school_id == student.school_id, Invitation.email == email, Invitation.created_at > utcnow() - _DAY)
    often = session.scalar(select(func.count(Invitation.id)).where(*lately)) or 0
    return Held.too_many if often >= SAME_ADDRESS else None


def _write(one: Invitation, student: Student, code: str, base_url: str) -> None:
    school: School = student.school
    with in_language(one.language):
        subject = str(_("%(name)s invites you to follow their schooling", name=student.name))
        body = _(
            "Hello,\n\n%(name)s invites you to follow their schooling at %(school)s, on Scolabri.\n\n"
            "1. Open this address:\n%(link)s\n\n"
            "2. Create your account, or sign in if you already have one. Your activation code is there already; if not, type it: %(code)s\n\n"
            "3. The [school] checks who you are, then opens your access.\n\n"
            "The code serves once, until %(date)s. If you do not know this person, do nothing.\n",
            name=student.name,
            school=school.name,
            link=f"{base_url.rstrip('/')}/parent/register?code={code}",
            code=code,
            date=in_figures(one.code.expires_at.astimezone(ZoneInfo(school.time_zone)).date(), one.language),
        )
        OutgoingMail.queue(one.email, subject, str(body), cause=one, language=one.language, secret=True)
