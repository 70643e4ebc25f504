"""The settings of the application, section by section, in the words of whoever sets them."""

from __future__ import annotations

from models.settings import Section, declare, declare_section
from models.words import _

declare_section(Section("guardians", _("[Guardians] and their access"), _("How [guardians] come to follow [a student]."), "key"))
declare(
    "students_invite",
    "guardians",
    "bool",
    False,
    label=_("[Students] may invite their [guardians]"),
    help=_("From the age of 14, [a student] invites by e-mail from their own page. You see whom, you may revoke it, and the link waits until you confirm it."),
)
declare(
    "invitations_per_day",
    "guardians",
    "int",
    5,
    label=_("Invitations that [a student] sends in a day"),
    help=_("What was sent and then revoked counts too."),
    low=1,
    high=10,
    unit=_("a day"),
)
declare(
    "code_days",
    "guardians",
    "int",
    180,
    label=_("Life of an activation code"),
    help=_("For codes made from now on, invitations included. Those already made keep their date."),
    low=1,
    high=730,
    unit=_("days"),
)

declare_section(Section("messages", _("Messages"), _("What leaves the [school] in number."), "mail"))
declare(
    "messages_per_day",
    "messages",
    "int",
    5000,
    label=_("People whom one sender reaches in a day"),
    help=_("Beyond that the message waits for the next day. It holds a stolen account back, and keeps your mail server out of trouble."),
    low=50,
    high=50_000,
    unit=_("people"),
)

declare_section(
    Section("security", _("Security"), _("For somebody who belongs to several [schools] of this installation, the strictest value counts."), "lock"),
)
declare(
    "password_length",
    "security",
    "int",
    12,
    label=_("Shortest password"),
    help=_("Asked the next time that somebody chooses a password; those in use keep working."),
    low=12,
    high=32,
    unit=_("characters"),
    stricter="high",
)
declare(
    "idle_minutes",
    "security",
    "int",
    60,
    label=_("Signed out after"),
    help=_("Time without any use. What was typed in a form is kept until the next sign-in."),
    low=10,
    high=240,
    unit=_("minutes"),
    stricter="low",
)
declare(
    "two_factor",
    "security",
    "choice",
    "off",
    label=_("Second step of the sign-in"),
    help=_("After the password, a code of six digits shown by an application of one’s phone."),
    choices=(
        ("off", _("Nobody uses it"), _("The password is enough.")),
        ("optional", _("Whoever wants"), _("Everybody may switch it on for themselves, on their account page.")),
        ("staff", _("Compulsory for the staff"), _("[Guardians] and [students] may use it too.")),
    ),
    stricter="high",
)
declare(
    "sign_in_tries",
    "security",
    "int",
    10,
    label=_("Wrong passwords before a wait"),
    help=_(
        "For one account from one place; then the wait grows to 15 minutes."
        " Where [schools] share the installation, the number goes down once each [school] lowers it."
    ),
    low=5,
    high=20,
    unit=_("tries"),
    stricter="low",
)
declare(
    "code_tries",
    "security",
    "int",
    10,
    label=_("Wrong activation codes in an hour"),
    help=_("For one person and for one place. Where [schools] share the installation, the number goes down once each [school] lowers it."),
    low=5,
    high=30,
    unit=_("tries"),
    stricter="low",
)

declare_section(Section("studies", _("Studies"), _("How results of [courses] are read."), "book"))
declare(
    "pass_mark",
    "studies",
    "int",
    60,
    label=_("Pass mark"),
    help=_("Out of 100. It counts for the results entered from now on; those already there keep their units."),
    low=1,
    high=100,
    unit=_("out of 100"),
)
