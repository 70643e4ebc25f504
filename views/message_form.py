"""The form of a message: what is typed, to whom it goes in fields and in words, and how a draft is made of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.orm import load_only
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField, MultipleFileField, RadioField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import Length, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from models.db import db
from models.message_files import ACCEPT, MOST_BYTES, MOST_FILES
from models.message_html import from_text, is_empty, plain
from models.messages import LONGEST_BODY, LONGEST_SUBJECT, NOBODY, AudienceKind, Message, MessageTo
from models.people import Group, Student
from models.rights import reach
from models.school import Level
from models.scope import WHO
from models.words import listed
from views.colleagues import STUDENT_LOOKUP
from views.doors import options
from views.fields import Lookup, RowsField, VersionField
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.i18n import lazy_pgettext as _p
from views.lists import MOST_FILTERS
from views.menu import screens

NAMED = 30  # chosen students that stand in the form one by one; of more, their number
SCOPES = ("all", "group", "level", "students")  # the kinds of audience that the form itself can give
_MEGABYTE = 1024 * 1024


class MessageForm(FlaskForm):
    """Subject, text, recipients, files. `mine` says whether the writer reaches their own students only."""

    subject = StringField(
        _p("message", "Subject"), validators=[Length(max=LONGEST_SUBJECT)], render_kw={"required": True, "maxlength": LONGEST_SUBJECT, "autocomplete": "off"}
    )
    text = TextAreaField(_("Text of the message"), validators=[Length(max=LONGEST_BODY)])
    kind = HiddenField(default="text")  # "html" when the editor was there
    to = RadioField(_("To whom?"), default="", validate_choice=False, render_kw={"required": True})  # nothing is chosen in the writer's place: see `complete`
    scope = RadioField(_("Of which [students]?"), default="", validate_choice=False, render_kw={"required": True})
    groups = RowsField(
        Lookup("groups", Group, ("name",), few=NAMED), _("[Groups] and classes"), description=_("Type the first letters, then choose. Several are possible.")
    )
    levels = SelectMultipleField(_("[Levels]"), widget=ListWidget(prefix_label=False), option_widget=CheckboxInput())
    students = RowsField(Lookup("students", *STUDENT_LOOKUP), _("[Students]"), description=_("Type a part of the name, then choose. Several are possible."))
    files = MultipleFileField(_("Add files"), render_kw={"accept": ACCEPT})
    row_version = VersionField()

    def __init__(self, audience: dict[str, Any] | None = None, **more: Any) -> None:
        super().__init__(**more)
        self.audience = audience or NOBODY
        self.mine = reach(WHO.get().roles, "message", "send") == "g"
        self.to.choices = options((to.name, to_words(to)) for to in (MessageTo.guardians, MessageTo.students, MessageTo.both))
        self.to.hints = {MessageTo.students.name: gettext("The [students] who have an account of their own.")}  # type: ignore[attr-defined]  # read by forms.html
        every = gettext("All the [students] whom you follow") if self.mine else gettext("All the [students]")
        kept = {
            "filter": gettext("The [students] that the list showed"),
            "chosen": gettext("The [students] that you chose"),
            "unread": gettext("Those alone who have not read it"),
        }
        labels = {"all": every, "group": gettext("[Groups] or classes"), "level": gettext("[Levels]"), "students": gettext("Chosen [students]")}
        found = [(key, kept[key]) for key in kept if key == self.stands] + [(key, labels[key]) for key in SCOPES]
        self.scope.choices = options(found)
        self.levels.choices = options(
            (str(level.id), str(level)) for level in db.session.scalars(select(Level).where(Level.retired_at.is_(None)).order_by(Level.rank))
        )
        self.files.description = gettext(
            "%(count)d files at most, %(size)d MB each: PDF, pictures, documents of an office suite. One reads them in the application.",
            count=MOST_FILES,
            size=MOST_BYTES // _MEGABYTE,
        )

    @property
    def stands(self) -> str:
        """An audience that came from elsewhere, which the form keeps but cannot make: "filter", "chosen" (too many to name), "unread" (of an
        earlier message), or nothing.
        """
        kind = self.audience.get("kind")
        if "unread_of" in self.audience:
            return "unread"
        if kind == "filter":
            return "filter"
        return "chosen" if kind == "students" and len(self.audience.get("ids", ())) > NAMED else ""

    def validate_to(self, field: Any) -> None:
        """One of those offered, or none yet."""
        self.check_offered(field)

    def validate_scope(self, field: Any) -> None:
        """One of those offered, or none yet."""
        self.check_offered(field)

    @staticmethod
    def check_offered(field: Any) -> None:
        """A draft may wait for the choice; a forged one is none."""
        if field.data and field.data not in {key for key, *_rest in field.iter_choices()}:
            raise ValidationError(gettext("Choose one of the answers of the page."))

    def validate_groups(self, field: Any) -> None:
        """One at least, where groups are asked for."""
        if self.scope.data == "group" and not field.data:
            raise ValidationError(gettext("Choose one [group] at least."))

    def validate_levels(self, field: Any) -> None:
        """One at least, where levels are asked for."""
        if self.scope.data == "level" and not field.data:
            raise ValidationError(gettext("Tick one [level] at least."))

    def validate_students(self, field: Any) -> None:
        """One at least, where students are asked for."""
        if self.scope.data == "students" and not field.data:
            raise ValidationError(gettext("Choose one [student] at least."))

    def complete(self) -> bool:
        """Whether it can be sent: a subject, a text, recipients; what is missing is said at its field."""
        if not (self.subject.data or "").strip():
            self.subject.errors = [*self.subject.errors, gettext("Give the message a subject.")]
        if not self.text.errors and is_empty(self.html()):
            self.text.errors = [*self.text.errors, gettext("Write the text of the message.")]
        if not self.to.data:
            self.to.errors = [*self.to.errors, gettext("Choose to whom the message goes.")]
        if not self.scope.data:
            self.scope.errors = [*self.scope.errors, gettext("Choose which [students] the message is about.")]
        return not (self.subject.errors or self.text.errors or self.to.errors or self.scope.errors)

    def html(self, before: str = "") -> str:
        """The text as HTML: of the editor as it came, of a plain field its paragraphs.

        A plain text that says what `before` says leaves it as it was, with its bold words.
        """
        typed = (self.text.data or "").replace("\r\n", "\n")
        if self.kind.data == "html":
            return typed
        return before if typed.strip() == plain(before).strip() else from_text(typed)

    def chosen_audience(self) -> dict[str, Any]:
        """Whom the message is about, as its row keeps it."""
        scope = self.scope.data
        if scope == "group":
            return {"kind": "group", "ids": [row.id for row in self.groups.data or ()]}
        if scope == "level":
            return {"kind": "level", "ids": [int(key) for key in self.levels.data or ()]}
        if scope == "students":
            return {"kind": "students", "ids": [row.id for row in self.students.data or ()]}
        return self.audience if scope and scope == self.stands else {"kind": "all"} if scope == "all" else NOBODY

    def chosen_words(self) -> str:
        """The same in words."""
        with db.session.no_autoflush:
            return audience_words(Message(audience=self.chosen_audience(), requested_by_id=WHO.get().user_id))

    @property
    def huge(self) -> bool:
        """Whether the text is far too long: it is refused as it came."""
        return len(self.text.data or "") > 4 * LONGEST_BODY

    @property
    def blank(self) -> bool:
        """Whether nothing at all was typed."""
        return not (self.subject.data or "").strip() and not self.huge and is_empty(self.html()) and not self.sent_files

    @property
    def sent_files(self) -> list[Any]:
        """The files that came with the form."""
        return [file for file in self.files.data or () if getattr(file, "filename", "")]


def form_of(message: Message) -> MessageForm:
    """The form as a draft stands."""
    ids, kind = message.audience.get("ids", []), message.audience["kind"]
    form = MessageForm(audience=message.audience, formdata=None, data={"subject": message.subject, "text": plain(message.body), "to": message.to.name})
    form.scope.data = form.stands or (kind if kind in SCOPES and message.audience != NOBODY else "")
    fill_rows(form, kind, ids)
    return form


def fill_rows(form: MessageForm, kind: str, ids: list[int]) -> None:
    """The rows that the form names, as far as they exist for this person."""
    if kind == "group":
        form.groups.data = list(db.session.scalars(select(Group).where(Group.id.in_(ids)).order_by(Group.name)))
    elif kind == "level":
        form.levels.data = [str(key) for key in ids]
    elif kind == "students" and not form.stands:
        form.students.data = list(db.session.scalars(select(Student).where(Student.id.in_(ids)).order_by(Student.search_key)))


def to_words(to: MessageTo) -> str:
    """The recipients as the form offers them (seed 1: « Envoyé aux parents/gardiens », « Les deux »)."""
    words = {
        MessageTo.guardians: gettext("The [guardians]"),
        MessageTo.students: gettext("The [students] themselves"),
        MessageTo.both: gettext("Both: the [students] and their [guardians]"),
    }
    return words[to]


# --- the audience in words ---------------------------------------------------------------------------------------------------------------


def audience_words(message: Message) -> str:
    """Whom a message is about: "All the students", "6e A, Chess club", "12 students, by this list: Level: 6e"."""
    found, kind = message.audience, AudienceKind[message.audience["kind"]]
    ids = found.get("ids", [])
    if found == NOBODY:
        return gettext("No [student] is chosen yet")
    if "unread_of" in found:
        earlier = db.session.scalar(select(Message).where(Message.id == found["unread_of"]).options(load_only(Message.subject)))
        return gettext("Those who have received “%(subject)s” and have not read it", subject=str(earlier or ""))
    if kind is AudienceKind.group:
        return named(Group, Group.name, ids) or gettext("[Groups] that no longer exist")
    if kind is AudienceKind.level:
        return named(Level, Level.rank, ids)
    if kind is AudienceKind.filter:
        words = filter_words(found.get("query", ""))
        many = ngettext("%(num)d [student]", "%(num)d [students]", len(ids))
        return gettext("%(many)s, as their list showed: %(filters)s", many=many, filters=", ".join(words)) if words else many
    if kind is AudienceKind.students:
        return student_names(ids)
    who = WHO.get()
    if message.requested_by_id != who.user_id:
        return gettext("All the [students] to whom the sender may write")
    return gettext("All the [students] whom you follow") if reach(who.roles, "message", "send") == "g" else gettext("All the [students]")


def named(model: Any, order: Any, ids: list[int]) -> str:
    """Rows by name, those that still exist for this person."""
    return listed(str(row) for row in db.session.scalars(select(model).where(model.id.in_(ids)).order_by(order).limit(50)))


def student_names(ids: list[int]) -> str:
    """A few students by name; of more, their number."""
    if len(ids) > 3:
        return ngettext("%(num)d chosen [student]", "%(num)d chosen [students]", len(ids))
    rows = db.session.scalars(
        select(Student).where(Student.id.in_(ids)).options(load_only(Student.family_name, Student.given_name)).order_by(Student.search_key)
    )
    return listed(row.name for row in rows) or gettext("[Students] who no longer exist")


def filter_words(query: str) -> list[str]:
    """What the address of a list of students says, as its chips do."""
    screen = screens().get("student")
    args = MultiDict(parse_qsl(query))
    if screen is None:
        return []
    words = [gettext("“%(text)s”", text=args["search"])] if args.get("search") else []
    for name, value in list(args.items())[:MOST_FILTERS]:
        _place, flt = (screen._filter_args or {}).get(name.partition("_")[2], (None, None)) if name.startswith("flt") else (None, None)
        if flt is not None and flt.validate(value):
            operation = "" if flt.kind == "select" else f" {flt.operation()}"
            words.append(gettext("%(name)s: %(value)s", name=f"{flt.name}{operation}", value=flt.words(value)))
    return words
