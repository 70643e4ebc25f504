"""How fields are called in one programme: the page where that is written, and what makes a page about one record speak so.

A page calls `use_programme` before it renders; a screen of such records is a `ProgrammeWords` and does it by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_babel.speaklater import LazyString
from sqlalchemy import select

from models.base import Refusal
from models.catalogue import MESSAGES, Key
from models.db import db
from models.masks import LONGEST_MASK, Field, fields, label_of, masked_programmes, masks_of, programme_of, reset_masks, write_masks
from models.studies import Programme
from models.words import key_of
from views.auth import permitted
from views.base import gate
from views.fields import Lookup
from views.i18n import gettext, language_name, languages, ngettext, reader_in, speak_of
from views.i18n import lazy_gettext as _
from views.label_texts import chosen_language, reading_language

if TYPE_CHECKING:
    from views.base import Screen as Base
    from views.verbs import Selection
else:
    Base = object

MASKS = _("Field names by [programme]")
LISTED = 1_000  # programmes of the drop-down, by code; the page of any other opens by its address


def use_programme(programme_id: int | None) -> None:
    """Say the fields of this request as a programme of the current school calls them; None: as the school does.

    For pages about one record. Lists, exports and everything after the request say the school's words.
    """
    speak_of(programme_id)


def own_name(label: Any) -> str:
    """What the programme of this page calls a field (its lazy label); empty where it says nothing of its own."""
    key, said = key_of(label), str(label)
    return said if key is not None and said != reader_in(MESSAGES, reading_language()).text(*key) else ""


class ProgrammeWords(Base):
    """A screen whose pages about one record speak with its programme's words; stands before `Screen` among the bases.

    A column may have a short label of the screen's own: it gives way to the name that the programme writes for the whole one.
    """

    def __init__(self) -> None:
        self.column_labels = {name: _short(label, label_of(self.model, name)) for name, label in (self.column_labels or {}).items()}
        super().__init__()

    def get_one(self, id: Any) -> Any:
        """The row; what is shown of it is called as its programme calls it."""
        row = super().get_one(id)
        use_programme(programme_of(row))
        return row

    def check_each(self, verb: str, selection: Selection) -> None:
        """Before a verb asks its questions: those about one record are worded like its pages."""
        super().check_each(verb, selection)
        if selection.count == 1:
            use_programme(next((programme_of(row) for row in selection.records()), None))


@dataclass
class Line:
    """One field on the page: what the school calls it, what the programme does (or somebody just typed), why that is refused."""

    field: Field
    said: str
    value: str
    changed: bool

    @property
    def name(self) -> str:
        """The name of its input."""
        return f"mask_{self.field.code}"


def _short(label: Any, whole: Any) -> Any:
    return label if whole is None else LazyString(lambda: own_name(whole) or str(label))


class MaskPages(Base):
    """The page of the masks, on the screen of labels."""

    @expose("/masks/", methods=("GET", "POST"))
    @gate("read")
    def masks_view(self) -> ResponseReturnValue:
        """Choose a programme, read what its fields are called, write it otherwise, take the school's words back."""
        language = chosen_language()
        programme = self.mask_programme()
        if request.method == "GET":
            return self.masks_page(programme, language)
        verb = "reset" if "_reset" in request.form else "edit"
        if programme is None:
            abort(404)
        if not self.may(verb):
            self.refused(verb)
            abort(403)
        if verb == "reset":
            return self.reset_masks(programme, language, request.form["_reset"])
        said = self.mask_words(language)
        typed = {field.key: request.form[f"mask_{field.code}"] for _tables, known in fields() for field in known if f"mask_{field.code}" in request.form}
        if request.form.get("marks", "") != self.mask_marks(programme, language):
            flash(gettext("Somebody changed these names while you were writing. What you typed stands below; compare, then save."), "warning")
            return self.masks_page(programme, language, typed), 409
        try:
            count = write_masks(db.session, programme, language, typed, said)
        except Refusal as refusal:
            db.session.rollback()
            programme = self.mask_programme()
            return self.masks_page(programme, language, typed, refusal.sentence), 422
        db.session.commit()
        if count:
            flash(ngettext("%(num)d name is changed.", "%(num)d names are changed.", count), "success")  # (the way back is added beside it)
        return redirect(self.masks_url(programme, language), code=303)

    def reset_masks(self, programme: Programme, language: str, what: str) -> ResponseReturnValue:
        """One field in this language, or all of them in all languages (`what` empty)."""
        keys = {field.key for _tables, known in fields() for field in known if field.code == what} if what else None
        if keys is not None and not keys:
            abort(404)
        count = reset_masks(db.session, programme, keys, language if what else None)
        db.session.commit()
        if count:
            flash(ngettext("%(num)d name of [the school] is back.", "%(num)d names of [the school] are back.", count), "success")
        return redirect(self.masks_url(programme, language), code=303)

    def masks_page(self, programme: Programme | None, language: str, typed: dict[Key, str] | None = None, refusal: str = "") -> str:
        """The page; with what was typed and why it was refused."""
        known = {row.key: row.text for row in masks_of(db.session, programme.id, language)} if programme is not None else {}
        said = self.mask_words(language)
        groups = [
            (
                " · ".join(str(table.label) for table in tables),
                [Line(field, said[field.key], (typed or {}).get(field.key, known.get(field.key, "")), field.key in known) for field in shown],
            )
            for tables, shown in fields()
            if shown
        ]
        counts = masked_programmes(db.session, language)
        return self.render(
            "admin/masks/page.html",
            programme=programme,
            programmes=[(row.id, str(row), counts.get(row.id, 0)) for row in self.mask_programmes(programme)],
            language=language,
            language_words=language_name(language),
            languages=[(name, language_name(name)) for name in languages()],
            groups=groups if programme is not None else [],
            longest=LONGEST_MASK,
            marks=self.mask_marks(programme, language) if programme is not None else "",
            refusal=refusal,
            may_change=self.may("edit"),
            may_reset=self.may("reset") and programme is not None and bool(masks_of(db.session, programme.id)),
        )

    def mask_programme(self) -> Programme | None:
        """The programme that the address names; None without one, 404 for one that does not exist for the person."""
        wanted = request.args.get("programme", "")
        if not wanted:
            return None
        row: Programme | None = Lookup("programme", Programme, ("code",)).get_one(wanted)
        return row or abort(404)

    def mask_programmes(self, chosen: Programme | None) -> list[Programme]:
        """Those of the drop-down, also those that are no longer offered: their records are read on."""
        rows = list(db.session.scalars(select(Programme).order_by(Programme.code).limit(LISTED)))
        return rows if chosen is None or chosen in rows else [chosen, *rows]

    def mask_words(self, language: str) -> dict[Key, str]:
        """What the school calls the fields."""
        reader = reader_in(MESSAGES, language)
        return {field.key: reader.text(*field.key) for _tables, known in fields() for field in known}

    def mask_marks(self, programme: Programme, language: str) -> str:
        """What the page was opened on, so that the second of two people is told."""
        return " ".join(f"{row.id}.{row.version}" for row in masks_of(db.session, programme.id, language))

    def masks_url(self, programme: Programme, language: str) -> str:
        """The page of a programme."""
        return str(self.get_url(".masks_view", programme=programme.id, language=language))


def masks_door(programme_id: int | None = None) -> list[dict[str, Any]]:
    """The button that leads to the page of the masks, for whom the labels are open; straight to a programme where one is known."""
    if not permitted("label", "read"):
        return []
    return [{"label": str(MASKS), "icon": "pencil", "url": url_for("label.masks_view", programme=programme_id)}]
