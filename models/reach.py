"""The criteria of each table under each scope: the SQL behind "which rows exist for this person".

Written with Core tables, so that no criterion is itself limited by another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, select
from sqlalchemy.orm import Mapper

from models import rights
from models.access import LoginEvent, Membership, User
from models.access_data import AccessData
from models.activation import ActivationCode
from models.admissions import Admission
from models.changes import JournalChange
from models.enrolments import Enrolment
from models.invitations import Invitation
from models.journal import JournalEvent, screen_of
from models.messages import Message, MessageFile, MessageRecipient, MessageState
from models.papers import IssuedPaper
from models.people import Group, Guardian, GuardianLink, LinkStatus, Student, StudentStatus, group_member, group_share
from models.reminders import Reminder
from models.saved_view import SavedView
from models.school import Level, School
from models.scope import SchoolScoped, Scope
from models.session_records import SessionRecord

student, guardian, link = Student.__table__, Guardian.__table__, GuardianLink.__table__
group, user, membership = Group.__table__, User.__table__, Membership.__table__
message, recipient = Message.__table__, MessageRecipient.__table__


def _my_groups(scope: Scope) -> Any:
    shared = select(group_share.c.group_id).where(group_share.c.user_id == scope.user_id)
    return select(group.c.id).where(group.c.school_id == scope.school_id, or_(group.c.owner_id == scope.user_id, group.c.id.in_(shared)))


def _my_students(scope: Scope) -> Any:
    """Students of the person's own or shared groups, and those whose adviser they are (features section 0, scope of E/C)."""
    mine = _my_groups(scope)
    members = select(group_member.c.student_id).where(group_member.c.group_id.in_(mine))
    return select(student.c.id).where(
        student.c.school_id == scope.school_id,
        or_(student.c.adviser_id == scope.user_id, student.c.homeroom_id.in_(mine), student.c.id.in_(members)),
    )


def _my_children(scope: Scope) -> Any:
    """Students whom a guardian sees: active links of their own guardian rows, in every school."""
    return (
        select(link.c.student_id)
        .join(guardian, guardian.c.id == link.c.guardian_id)
        .where(guardian.c.user_id == scope.user_id, link.c.status == LinkStatus.active.name)
    )


def _myself(scope: Scope) -> ColumnElement[bool]:
    """The records that are this student's own. One that has left shows nothing, also to who is a student elsewhere with the same login."""
    return and_(student.c.user_id == scope.user_id, student.c.status == StudentStatus.active.name)


def _messages(scope: Scope) -> Any:
    """The messages of which somebody of the staff may know the addressees and the files: those that exist for them."""
    mine, there = message.c.requested_by_id == scope.user_id, message.c.state != MessageState.draft
    found = select(message.c.id).where(message.c.school_id == scope.school_id, there if scope.looking else or_(mine, there))
    return found.where(mine) if scope.reach.get("message") == "o" else found


def _received(scope: Scope) -> ColumnElement[bool]:
    """What somebody received about a child whom they follow now, or about themselves. A link that is suspended hides it at once."""
    about = _my_children(scope) if scope.portal == "guardian" else select(student.c.id).where(_myself(scope))
    sent = select(message.c.id).where(message.c.state == MessageState.sent)
    return and_(recipient.c.user_id == scope.user_id, recipient.c.student_id.in_(about), recipient.c.message_id.in_(sent))


def _inbox(scope: Scope) -> Any:
    return select(recipient.c.message_id).where(_received(scope))


# What hangs from a message exists where the message does.
OF_MESSAGES: dict[type, Callable[[Scope], ColumnElement[bool]]] = {
    MessageRecipient: lambda s: MessageRecipient.message_id.in_(_messages(s)),
    MessageFile: lambda s: MessageFile.message_id.in_(_messages(s)),
}
_PORTAL_MESSAGES: dict[type, Callable[[Scope], ColumnElement[bool]]] = {
    Message: lambda s: Message.id.in_(_inbox(s)),
    MessageRecipient: lambda s: MessageRecipient.id.in_(select(recipient.c.id).where(_received(s))),
    MessageFile: lambda s: MessageFile.message_id.in_(_inbox(s)),
}

GROUP_RULES: dict[type, Callable[[Scope], ColumnElement[bool]]] = {
    Student: lambda s: Student.id.in_(_my_students(s)),
    GuardianLink: lambda s: GuardianLink.student_id.in_(_my_students(s)),
    ActivationCode: lambda s: ActivationCode.student_id.in_(_my_students(s)),
    Admission: lambda s: Admission.student_id.in_(_my_students(s)),
    SessionRecord: lambda s: SessionRecord.student_id.in_(_my_students(s)),
    Enrolment: lambda s: Enrolment.student_id.in_(_my_students(s)),
    IssuedPaper: lambda s: IssuedPaper.student_id.in_(_my_students(s)),
    Invitation: lambda s: Invitation.student_id.in_(_my_students(s)),
    AccessData: lambda s: AccessData.student_id.in_(_my_students(s)),
    Guardian: lambda s: Guardian.id.in_(select(link.c.guardian_id).where(link.c.student_id.in_(_my_students(s)))),
    Group: lambda s: Group.id.in_(_my_groups(s)),
}

PORTAL_RULES: dict[str, dict[type, Callable[[Scope], ColumnElement[bool]]]] = {
    "guardian": {
        **_PORTAL_MESSAGES,
        Student: lambda s: Student.id.in_(_my_children(s)),
        Guardian: lambda s: Guardian.user_id == s.user_id,
        GuardianLink: lambda s: GuardianLink.guardian_id.in_(select(guardian.c.id).where(guardian.c.user_id == s.user_id)),
        School: lambda s: School.id.in_(select(guardian.c.school_id).where(guardian.c.user_id == s.user_id)),
        Level: lambda s: Level.id.in_(select(student.c.level_id).where(student.c.id.in_(_my_children(s)))),
        Group: lambda s: Group.id.in_(select(student.c.homeroom_id).where(student.c.id.in_(_my_children(s)))),
        User: lambda s: or_(User.id == s.user_id, User.id.in_(select(student.c.adviser_id).where(student.c.id.in_(_my_children(s))))),
    },
    "student": {
        **_PORTAL_MESSAGES,
        Student: lambda s: and_(Student.user_id == s.user_id, Student.status == StudentStatus.active),
        Invitation: lambda s: Invitation.student_id.in_(select(student.c.id).where(_myself(s))),
        School: lambda s: School.id.in_(select(student.c.school_id).where(_myself(s))),
        Level: lambda s: Level.id.in_(select(student.c.level_id).where(_myself(s))),
        Group: lambda s: Group.id.in_(select(student.c.homeroom_id).where(_myself(s))),
        User: lambda s: or_(User.id == s.user_id, User.id.in_(select(student.c.adviser_id).where(_myself(s)))),
    },
    # A bare page of their own (invigilators, until their sitting exists): nothing but oneself.
    "nobody": {User: lambda s: User.id == s.user_id, School: lambda s: School.id == s.school_id},
}


DRAFTS = (Message.__tablename__, MessageFile.__tablename__)

# Rows that only their author reads (rights.md, rule 4): class -> (whose they are, which of them others read too). Nobody else sees them,
# whatever their role, nor does whoever looks at the screens as their author.
AUTHOR_ONLY: dict[type, tuple[Any, Any]] = {
    SavedView: (SavedView.owner_id, SavedView.shared),
    Message: (Message.requested_by_id, Message.state != MessageState.draft),
    Reminder: (Reminder.requested_by_id, false()),
}


def person_of_school(user_id: Any, school_id: int | None) -> ColumnElement[bool]:
    """Whether a membership, guardian or student of the school points to this user. The short table first: colleagues are known by it,
    and the two long ones are then not read at all.
    """
    guardians = select(guardian.c.user_id).where(guardian.c.school_id == school_id, guardian.c.user_id.is_not(None))
    students = select(student.c.user_id).where(student.c.school_id == school_id, student.c.user_id.is_not(None))
    return or_(user_id.in_(select(membership.c.user_id).where(membership.c.school_id == school_id)), user_id.in_(guardians), user_id.in_(students))


def _login_events(scope: Scope) -> ColumnElement[bool]:
    if scope.reach.get("login_event") == "g":
        people = select(student.c.user_id).where(student.c.id.in_(_my_students(scope)), student.c.user_id.is_not(None))
        if scope.reach.get("student") != "g":  # AMP: all the students of the school, but only students
            people = select(student.c.user_id).where(student.c.school_id == scope.school_id, student.c.user_id.is_not(None))
        return LoginEvent.user_id.in_(people)
    return person_of_school(LoginEvent.user_id, scope.school_id)


def criterion(mapper: Mapper[Any], scope: Scope) -> ColumnElement[bool] | None:
    """The clause of a table under a scope; None where the table needs none (sessions, throttle: no screen reads them)."""
    cls = mapper.class_
    if scope.portal:
        rule = PORTAL_RULES[scope.portal].get(cls)
        if rule is not None:
            return rule(scope)
        own = issubclass(cls, SchoolScoped) or cls in (LoginEvent, JournalEvent, JournalChange, AccessData)
        return false() if own else None
    if cls is User:
        return or_(User.id == scope.user_id, person_of_school(User.id, scope.school_id))
    if cls is School:
        return School.id == scope.school_id
    if cls is LoginEvent:
        return _login_events(scope)
    if cls is JournalChange:  # what a draft said is its author's alone, in the history and in the trash too
        mine = false() if scope.looking else JournalChange.user_id == scope.user_id
        return and_(JournalChange.school_id == scope.school_id, or_(JournalChange.table_name.not_in(DRAFTS), mine))
    if cls is JournalEvent:
        return JournalEvent.school_id == scope.school_id
    if not issubclass(cls, SchoolScoped) and cls is not AccessData:
        return None
    clause: ColumnElement[bool] = cls.school_id == scope.school_id
    if cls in AUTHOR_ONLY and not scope.whole:
        author, shared = AUTHOR_ONLY[cls]
        clause = clause & (shared if scope.looking else or_(author == scope.user_id, shared))
    if cls in OF_MESSAGES:
        clause = clause & OF_MESSAGES[cls](scope)
    how = scope.reach.get(screen_of(mapper))
    if how == "g" and cls in GROUP_RULES:
        clause = clause & GROUP_RULES[cls](scope)
    elif how == "o":
        owner = getattr(cls, "requested_by_id", None)
        clause = clause & (owner == scope.user_id) if owner is not None else clause & false()
    return clause


def narrower(mapper: Mapper[Any], scope: Any, roles: Iterable[str], verb: str, right_of: str | None = None) -> ColumnElement[bool] | None:
    """The clause of a verb that reaches less far than the person reads; None where it reaches every row that exists for them.

    A teacher who is also other staff reads every student and still changes only those whom they follow: of two roles, each verb
    keeps its own reach (rights.md, rule 2). `right_of` is the table of the verb's right, where it is another than that of the rows.
    """
    table, rule = screen_of(mapper), GROUP_RULES.get(mapper.class_)
    if rule is None or not isinstance(scope, Scope) or scope.reach.get(table) == "g" or rights.reach(roles, right_of or table, verb) != "g":
        return None
    return rule(scope)


def is_own(row: Any, user_id: int | None) -> bool:
    """Whether a row is the person's own: they own it, asked for it, or it is about them ("o" in rights.md)."""
    return user_id is not None and user_id in (getattr(row, "owner_id", None), getattr(row, "requested_by_id", None), getattr(row, "user_id", None))
