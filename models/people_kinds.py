"""The closed lists of words about people: who they are, what they are to each other, where they stand."""

from __future__ import annotations

from models.base import Choice
from models.words import _, _p


class Sex(Choice):
    """As the school's official files say it; X where the law knows it."""

    F = "F", _("Female"), "mute"
    M = "M", _("Male"), "mute"
    X = "X", _("Other"), "mute"


class StudentStatus(Choice):
    """A student who has left keeps their records."""

    active = "active", _p("student", "[student|Active|Active]"), "ok"
    left = "left", _p("student", "[student|Deactivated|Deactivated]"), "mute"


class GroupCategory(Choice):
    """The four kinds of group of the certification tool; a class is one of them."""

    klass = "klass", _("Class"), "info"
    client = "client", _("Client"), "mute"
    exam_session = "exam_session", _("Exam session"), "note"
    other = "other", _("Other [group]"), "mute"


class Relation(Choice):
    """What a guardian is to the student (SIECLE's codes of kinship, in words)."""

    mother = "mother", _("Mother"), "mute"
    father = "father", _("Father"), "mute"
    sibling = "sibling", _("Brother or sister"), "mute"
    grandparent = "grandparent", _("Grandparent"), "mute"
    other_family = "other_family", _("Other relative"), "mute"
    educator = "educator", _("Educator"), "mute"
    foster = "foster", _("Foster carer"), "mute"
    tutor = "tutor", _("Legal tutor"), "mute"
    child_welfare = "child_welfare", _("Child welfare service"), "mute"
    self_ = "self_", _("[The student] in person"), "mute"
    other = "other", _("Other tie"), "mute"


class Authority(Choice):
    """What the guardian may decide (SIECLE's levels 1, 2, 3)."""

    legal = "legal", _("Legal representative"), "info"
    in_charge = "in_charge", _("In charge of the child"), "mute"
    contact = "contact", _("Contact"), "mute"


class Account(Choice):
    """Whether a guardian has signed up; the rows hold only the login they point to."""

    registered = "registered", _("Registered"), "ok"
    none = "none", _("No account"), "mute"


class LinkStatus(Choice):
    """A suspended link sees and receives nothing; one to check sees nothing until staff confirm it."""

    active = "active", _p("guardian_link", "Active"), "ok"
    suspended = "suspended", _("Suspended"), "bad"
    to_check = "to_check", _("To check"), "warn"
