"""Students' own accounts on the list of students: opening them, printing the cards that let students choose their password, finding who has none."""

from __future__ import annotations

from typing import Any

from flask import flash
from flask.typing import ResponseReturnValue
from wtforms import RadioField
from wtforms.validators import Optional

from models import access_cards
from models.base import Refusal
from models.db import db
from models.people import Student, StudentStatus
from models.student_accounts import OwnAccount, account_clause, look_at, open_accounts
from models.work import JobKind
from views.doors import options
from views.filters import ScreenFilter
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.papers import start, told
from views.question_forms import QuestionForm
from views.verbs import Selection, verb


class OwnAccountIs(ScreenFilter):
    """Where the student's own account stands."""

    kind = "select"

    def choices(self) -> list[tuple[str, str]]:
        """The three states."""
        return [(state.name, str(state.label)) for state in OwnAccount]

    def clean(self, value: str) -> OwnAccount:
        """A name becomes its state; ValueError otherwise."""
        if value not in OwnAccount.__members__:
            raise ValueError(value)
        return OwnAccount[value]

    def apply(self, query: Any, value: OwnAccount, alias: Any = None) -> Any:
        """Add the clause."""
        return query.filter(account_clause(value))


class CardsForm(QuestionForm):
    """For whom among the chosen. Where that is no question it is not asked, and everybody gets a card (`make_cards`, None)."""

    only_unused = RadioField(_("For whom?"), filters=[lambda said: said or None], validators=[Optional()])

    def __init__(self) -> None:
        super().__init__()
        self.only_unused.choices = options([("1", ""), ("0", "")])


class AccountVerbs:
    """The verbs `create_account` and `print_access_cards`, mixed into the screen of students."""

    back: Any

    @verb("create_account", _("Open accounts"), confirm=_("Each receives a user name."), icon="user", whole=True, one=_("Open the account"))
    def create_account(self, selection: Selection) -> ResponseReturnValue:
        """An account for each who has none. Refused when nobody needs one."""
        made = open_accounts(db.session, look_at(db.session, selection.all_ids()).ready)
        if not made:
            raise Refusal(_("No account is needed: all of them have one, or have left."))
        flash(
            ngettext("%(num)d account is open. Its access card can be printed.", "%(num)d accounts are open. Their access cards can be printed.", len(made)),
            "success",
        )
        answer: ResponseReturnValue = self.back()
        return answer

    def prepare_create_account(self, selection: Selection, form: Any) -> dict[str, Any]:
        """How many accounts, how many have one."""
        found = look_at(db.session, selection.all_ids())
        n = len(found.ready)
        left_out = [
            *([ngettext("%(num)d has an account already.", "%(num)d have an account already.", found.have)] if found.have else []),
            *([ngettext("%(num)d is deactivated and gets none.", "%(num)d are deactivated and get none.", found.left)] if found.left else []),
        ]
        return {
            "title": _title(n),
            "count": n,
            "count_sentence": ngettext(
                "account will be opened, with its user name and no password.", "accounts will be opened, each with its user name and no password.", n
            ),
            "left_out": " ".join(left_out),
            "verb_label": ngettext("Open %(num)d account", "Open %(num)d accounts", n),
            "after": gettext("[Students] choose their password themselves, with the access card that is printed next. Nobody else ever knows it."),
            "refusal": "" if n else gettext("No account is needed: all of them have one, or have left."),
        }

    @verb("print_access_cards", _("Print access cards"), ask=CardsForm, icon="print", whole=True, one=_("Print the access card"))
    def print_access_cards(self, selection: Selection, only_unused: str | None) -> ResponseReturnValue:
        """The codes now, the drawing by a job. Refused when nobody can be given a card."""
        made = access_cards.make_cards(db.session, selection.all_ids(), only_unused=None if only_unused is None else only_unused == "1")
        return start(JobKind.print_access_cards, {"codes": made}, len(made), ngettext("%(num)d card", "%(num)d cards", len(made)))

    def prepare_print_access_cards(self, selection: Selection, form: CardsForm) -> dict[str, Any]:
        """Who gets a card, who gets an account with it, who gets none."""
        found = access_cards.look_at(db.session, selection.all_ids())
        opens = access_cards.may_open()
        first = len(found.unused) + (len(found.without) if opens else 0)
        every = first + len(found.used)
        form.only_unused.choices = options(
            [
                ("1", gettext("Only those who have never signed in (%(num)d)", num=first)),
                ("0", gettext("The whole selection (%(num)d)", num=every)),
            ]
        )
        known = ngettext(
            "%(num)d signs in already: the card lets them choose a new password if it is forgotten. They are told at their next sign-in.",
            "%(num)d sign in already: the card lets them choose a new password if it is forgotten. They are told at their next sign-in.",
            len(found.used),
        )
        form.only_unused.hints = {"1": gettext("Their first access."), "0": known}  # type: ignore[attr-defined]  # read by forms.html
        asked = bool(first and found.used)
        form.usual(only_unused="1" if first else "0")
        return {
            "count": selection.count if asked else every,
            "count_sentence": ngettext("[student] chosen.", "[students] chosen.", selection.count)
            if asked
            else ngettext("card will be printed.", "cards will be printed.", every),
            "left_out": " ".join(part for part in (known if found.used and not asked else "", _left_out(found, opens)) if part),
            "verb_label": gettext("Print the cards"),
            "form_groups": [("", [(form.only_unused, 12)] if asked else [])],
            "told": [told(_shared(len(found.shared)), found.shared)] if found.shared else [],
            "after": gettext("Hand each card over in person: whoever holds it chooses the password. An earlier card that was not used opens nothing any more."),
            "refusal": "" if every else _nobody(found, opens),
        }


def _left_out(found: access_cards.Candidates, opens: bool) -> str:
    sentences = []
    n = len(found.without)
    if n and opens:
        sentences.append(ngettext("%(num)d has no account yet: it is opened with the card.", "%(num)d have no account yet: they are opened with the cards.", n))
    elif n:
        sentences.append(
            ngettext(
                "%(num)d has no account and gets no card: an administrator opens it first.",
                "%(num)d have no account and get no card: an administrator opens them first.",
                n,
            )
        )
    if found.left:
        sentences.append(ngettext("%(num)d is deactivated and gets none.", "%(num)d are deactivated and get none.", found.left))
    return " ".join(sentences)


def _title(n: int) -> str:
    """What is asked: of one alone, the name follows."""
    if n == 1:
        return gettext("Open this account?")
    return ngettext("Open the account of %(num)d [student]?", "Open the accounts of %(num)d [students]?", n) if n else gettext("Open accounts")


def _shared(n: int) -> str:
    return ngettext(
        "%(num)d also works in a [school], or follows a child: no card opens that account. “Forgotten password” does, by mail.",
        "%(num)d also work in a [school], or follow a child: no card opens those accounts. “Forgotten password” does, by mail.",
        n,
    )


def _nobody(found: access_cards.Candidates, opens: bool) -> str:
    if found.without and not opens:
        return gettext("None of the chosen has an account. An administrator of the [school] opens them first.")
    return gettext("Nobody in this selection can be given a card.")


def account_fits(name: str, row: Student) -> bool:
    """Whether the row is in a state that a verb of accounts takes."""
    active = row.status is StudentStatus.active
    return active and row.user_id is None if name == "create_account" else active
