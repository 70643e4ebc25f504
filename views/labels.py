"""The Labels screen, where any text is found by what it says and changed, and the Nouns screen, the school's glossary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from sqlalchemy import select
from wtforms import Form, TextAreaField

from models.base import Refusal
from models.catalogue import ADMIN, MESSAGES, WTFORMS, default_noun, installed
from models.db import db
from models.folding import folded
from models.journal import record
from models.labels import LabelOverride, Noun, override
from models.texts import Shown, find, preview, tokens_of
from models.tokens import DETERMINERS, problems
from views.base import Screen, gate, own_path
from views.i18n import added_languages, gettext, language_name, languages, ngettext, reader_in
from views.i18n import lazy_gettext as _
from views.label_languages import LanguagePages
from views.label_packs import PackPages
from views.label_texts import UNTRANSLATED, chosen_language, reading_language, texts_in
from views.masks import MaskPages, masks_door, use_programme
from views.page_labels import MOST, texts_of_codes
from views.text_places import every_place, places_of, stands_in
from views.verbs import verb

PARTS = {MESSAGES: _("Application"), ADMIN: _("Lists and forms"), WTFORMS: _("Form checks")}
ON_A_PAGE = 50


def cell(words: Callable[[Any], Any]) -> Callable[..., Any]:
    """A column formatter that says something of the row."""
    return lambda _view, _context, row, _name: words(row)


class Labels(MaskPages, PackPages, LanguagePages, Screen):
    """Every text of the application, and those that the school has written itself."""

    model = LabelOverride
    name = _("Labels")
    icon = "pencil"
    name_of_one = _("label")
    column_list = ("text", "msgid", "catalogue", "language", "updated_at")
    column_default_sort = "text"
    column_formatters = column_formatters_export = {
        "language": cell(lambda row: language_name(row.language)),
        "catalogue": cell(lambda row: PARTS[row.catalogue]),
    }
    column_labels = {"updated_at": _("Changed on")}
    form_columns = ("text",)
    empty = {
        "icon": "pencil",
        "title": _("No text of your own yet"),
        "sentence": _("Find a text by what you read on a page, then write it your way."),
    }

    @verb("reset", _("Take the default text back"))
    def reset(self, row: LabelOverride) -> None:
        """The catalogue's text holds again at the next request."""
        row.reset()

    @property
    def can_create(self) -> bool:
        """A text is never invented: it is chosen in the list of texts."""
        return False

    @property
    def views(self) -> list[dict[str, Any]]:  # type: ignore[override]  # counted at each request
        """All texts, or the school's own."""
        mine, language = request.args.get("view") == "mine", chosen_language()
        only = request.args.get("only") == UNTRANSLATED
        count = db.session.query(LabelOverride.id).count()
        found = [{"label": gettext("All texts"), "url": self.get_url(".index_view", language=language), "current": not mine and not only, "n": None}]
        if language in added_languages():
            lacking = self.get_url(".index_view", language=language, only=UNTRANSLATED)
            found.append({"label": gettext("Not translated"), "url": lacking, "current": only, "n": None})
        return [*found, {"label": gettext("Texts of [the school]"), "url": self.get_url(".index_view", view="mine"), "current": mine, "n": count}]

    def row_url(self, row: LabelOverride) -> str:
        """The page of the text, when the person may change it."""
        shown = next((t for t in texts_in(row.language) if (t.catalogue, *t.message.key) == (row.catalogue, row.msgctxt, row.msgid)), None)
        return self.text_url(shown, row.language) if shown and self.may("edit") else super().row_url(row)

    # -- every text

    def text_url(self, text: Shown, language: str, back: str | None = None) -> str:
        """The page where a text is changed; it leads back to this list, or to `back`."""
        return str(self.get_url(".text_view", code=text.code, language=language, url=back or self.list_url(language)))

    def list_url(self, language: str, **more: Any) -> str:
        """The list of texts as it is being read."""
        kept = {name: request.args.get(name) or None for name in ("search", "place", "only")}
        return str(self.get_url(".index_view", language=language, **{**kept, **more}))

    @expose("/")
    def index_view(self) -> ResponseReturnValue:
        """Find a text by what it says, by where it stands, or because nobody has translated it yet."""
        if request.args.get("view") == "mine":
            return super().index_view()
        language, search, place, only = chosen_language(), request.args.get("search", "").strip()[:200], request.args.get("place", ""), request.args.get("only")
        offered = every_place()
        if place and place not in {known.name for known in offered}:
            abort(404)
        texts = [text for text in texts_in(language) if not place or stands_in(place, text.catalogue, text.message.key)]
        found = find([text for text in texts if only != UNTRANSLATED or text.is_untranslated], search)
        return self.texts_page(found, language, search=search, place=place, places=offered, only=only)

    def doors(self) -> list[dict[str, Any]]:
        """The pages beside this one."""
        if not self.may("import_po"):
            return masks_door()
        return [
            *masks_door(),
            {"label": gettext("Packs of texts"), "icon": "import", "url": self.get_url(".packs_view")},
            {"label": gettext("Languages"), "icon": "book", "url": self.get_url(".languages_view")},
        ]

    def texts_page(self, found: list[Shown], language: str, **more: Any) -> str:
        """A page of a list of texts."""
        pages = max(1, -(-len(found) // ON_A_PAGE))
        page = request.args.get("page", 0, type=int)
        if not 0 <= page < pages:
            abort(404)
        rest: dict[str, Any] = {"search": "", "place": "", "places": [], "only": None}
        return self.render(
            "admin/labels/texts.html",
            texts=found[page * ON_A_PAGE : (page + 1) * ON_A_PAGE],
            parts=PARTS,
            count_text=ngettext("%(num)d text", "%(num)d texts", len(found)),
            language=language,
            languages=[(name, language_name(name)) for name in languages()],
            page=page,
            num_pages=pages,
            pager_url=lambda number: self.list_url(language, page=number),
            may_change=self.may("edit"),
            places_of=places_of,
            doors=self.doors(),
            **{**rest, **more},
        )

    @expose("/new/")
    def create_view(self) -> ResponseReturnValue:
        """Texts are not added: they are found."""
        return redirect(self.get_url(".index_view"))

    @expose("/text/", methods=("GET", "POST"))
    @gate("edit")
    def text_view(self) -> ResponseReturnValue:
        """Write a text of the school, see what it gives, or take the default back."""
        language = chosen_language()
        text = next((t for t in texts_in(language) if t.code == request.args.get("code")), None)
        if text is None:
            abort(404)
        rows = self.rows(text, language)
        form = text_form(text, request.form if request.method == "POST" else None)
        back = own_path(request.args.get("url")) or self.list_url(language)
        status = 200
        if request.method == "POST" and "_preview" not in request.form:
            if request.form.get("marks", "") != marks(rows):
                flash(gettext("Somebody changed this text while you were writing. What they wrote stands below yours; compare, then save."), "warning")
                status = 409
            else:
                try:
                    self.write(text, language, form, rows)
                except Refusal as refusal:
                    db.session.rollback()
                    next(iter(form)).errors = [refusal.sentence]
                    status = 422
                else:
                    return redirect(back, code=303)
        typed = [field.data or "" for field in form]
        page = self.render(
            "admin/labels/text.html",
            text=text,
            form=form,
            form_groups=[("", [(field, 12) for field in form])],
            part=PARTS[text.catalogue],
            language=language,
            language_words=language_name(language),
            marks=marks(rows),
            defaults=[text.reader.default(text.message, number) for number in text.forms],
            today=text.seen,
            previews=[preview(text.reader, words, number) for number, words in enumerate(typed)],
            unknown=[bracket for words in typed for bracket in problems(words)],
            tokens=tokens_of(text.reader, text.message, typed),
            may_reset=self.may("reset") and bool(rows),
            places=places_of(text.catalogue, text.message.key),
            return_url=back,
        )
        return page, status

    @expose("/page/", methods=("POST",))
    @gate("edit")
    def page_view(self) -> ResponseReturnValue:
        """The texts of a page that answered to a form and cannot be shown again: it sends their codes."""
        found = texts_of_codes(request.form.get("codes", "").split()[:MOST])
        return self.texts_page(found, reading_language(), sent=True)

    def rows(self, text: Shown, language: str) -> list[LabelOverride]:
        """The school's rows for a text."""
        return text_rows(text, language)

    def write(self, text: Shown, language: str, form: Form, rows: list[LabelOverride]) -> None:
        """Save or reset, wholly or not at all. A text that is the default again needs no row."""
        known = {row.form: row for row in rows}
        reset = "_reset" in request.form
        if reset and not self.may("reset"):
            self.refused("reset")
            abort(403)
        for number, field in enumerate(form):
            same = (field.data or "") == text.reader.default(text.message, number)
            if not reset and not same:
                override(db.session, text.message, text.catalogue, language, number, field.data)
            elif number in known:
                record(db.session, "reset", self.table, known[number].id)
                known[number].reset()
        db.session.commit()
        flash(gettext("The default text is back.") if reset else gettext("The text is saved. It holds from the next page on."), "success")

    def delete_sentence(self, row: Any) -> str:
        """A deleted text is the default one again."""
        return gettext("The default text comes back.")


def text_form(text: Shown, formdata: Any = None) -> Form:
    """A form with one field for each form of a text, in their order, holding what is in force."""
    reader, message = text.reader, text.message
    fields = {}
    for number in text.forms:
        label = _("Text") if not message.plural else _("Text for several") if number else _("Text for one")
        own = reader.own(*message.key, number)
        fields[f"text_{number}"] = TextAreaField(label, default=reader.default(message, number) if own is None else own, render_kw={"rows": 3})
    form: Form = type("TextForm", (Form,), fields)(formdata)
    return form


def text_rows(text: Shown, language: str) -> list[LabelOverride]:
    """The school's rows for a text."""
    where = {"language": language, "catalogue": text.catalogue, "msgctxt": text.message.context, "msgid": text.message.msgid}
    return list(db.session.scalars(select(LabelOverride).filter_by(**where).order_by(LabelOverride.form)))


def marks(rows: list[LabelOverride]) -> str:
    """What the page was opened on, so that the second of two people is told."""
    return " ".join(f"{row.id}.{row.version}" for row in rows)


class Nouns(Screen):
    """The twelve nouns that every sentence agrees with."""

    model = Noun
    name = _("Vocabulary")
    icon = "pencil"
    name_of_one = _("noun")
    column_list = ("singular", "plural", "gender", "vowel_sound", "key", "language")
    column_default_sort = "id"  # the glossary's own order
    column_searchable_list = ("singular", "plural")
    column_formatters = column_formatters_export = {
        "language": cell(lambda row: language_name(row.language)),
        "key": cell(lambda row: default_noun(installed().get(MESSAGES, row.language), row.key).singular),
    }
    column_labels = {"key": _("Default noun")}
    column_details_list = column_list
    form_columns = ("singular", "plural", "gender", "vowel_sound")
    form_args = {
        "vowel_sound": {"description": _("Ticked for “élève” or “hour”, not for “candidat”, “héros” or “user”: it decides l’ or le, an or a.")},
    }
    form_template = "admin/labels/noun.html"
    list_template = "admin/labels/nouns.html"

    @property
    def views(self) -> list[dict[str, Any]]:  # type: ignore[override]  # by request
        """A list for each language."""
        chosen = chosen_language()
        return [{"label": language_name(n), "url": self.get_url(".index_view", language=n), "current": n == chosen, "n": None} for n in languages()]

    def get_query(self) -> Any:
        """The nouns of the chosen language."""
        return super().get_query().filter(Noun.language == chosen_language())

    def _order_by(self, query: Any, joins: Any, sort_joins: Any, sort_field: Any, sort_desc: bool) -> Any:
        """By the folded words: "élève" before "responsable"."""
        if sort_field.key in ("singular", "plural"):
            by = folded(sort_field)
            return query.order_by(by.desc() if sort_desc else by), joins
        return super()._order_by(query, joins, sort_joins, sort_field, sort_desc)

    @verb("reset", _("Take the default noun back"))
    def reset(self, row: Noun) -> None:
        """The catalogue's word holds again at the next request."""
        row.reset()

    def row_url(self, row: Noun) -> str:
        """Straight to the form, for whoever may write in it."""
        return str(self.get_url(".edit_view", id=row.id, url=self.get_url(".index_view", language=row.language))) if self.can_edit else super().row_url(row)

    def edit_form(self, obj: Any = None) -> Any:
        """The tick follows the first letter while the person types (static/app.js); they may correct it."""
        form = super().edit_form(obj)
        letters = "aeiouh" if obj.language.startswith("fr") else "aeiou"
        form.singular.render_kw = {**(form.singular.render_kw or {}), "data-ticks": "vowel_sound", "data-letters": letters}
        return form

    def render(self, template: str, **kwargs: Any) -> str:
        """Show what the noun gives in sentences today."""
        row = kwargs.get("model")
        if isinstance(row, Noun):
            reader = reader_in(MESSAGES, row.language)
            found = [f"[{row.key}]", f"[{row.key}s]", *(f"[{word} {row.key}]" for word in DETERMINERS), f"[of {row.key}s]"]
            kwargs["samples"] = [reader.write(token) for token in found]
        return super().render(template, **kwargs)


def register(app: Flask, admin: Admin) -> None:
    """Add the screens; a request begins with the school's words."""
    app.before_request(lambda: use_programme(None))
    admin.add_view(Labels())
    admin.add_view(Nouns())


__all__ = ["Labels", "Nouns", "register"]
