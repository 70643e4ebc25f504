"""The languages that a school adds by a file, what each of them lacks, and the file to translate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from models import label_upload
from models.base import Refusal
from models.catalogue import DEFAULT_LANGUAGE, MESSAGES, Catalogue, Message, installed
from models.db import db
from models.label_languages import LANGUAGE_LINE, read_languages
from models.label_packs import GENDER, NOUN
from models.label_po import written_po
from models.label_upload import Result
from models.school import School
from models.scope import current_school_id
from models.tokens import NOUNS
from views.attachments import attach
from views.base import gate
from views.i18n import added_languages, forget, gettext, language_name, reader_in
from views.label_texts import UNTRANSLATED, reading_language, texts_in
from views.text_places import places_of

if TYPE_CHECKING:
    from views.base import Screen as Base
else:
    Base = object

SHOWN = 300  # entries that were left out


def vocabulary_lacking(catalogue: Catalogue | None) -> list[Message]:
    """The nouns and their genders that a language (None: a new one) does not say."""
    known = installed().get(MESSAGES, DEFAULT_LANGUAGE).messages
    wanted = [(context, key) for key in NOUNS for context in (NOUN, GENDER)]
    return [known[key] for key in wanted if catalogue is None or key not in catalogue.messages]


class LanguagePages(Base):
    """The pages of added languages, on the screen of labels."""

    @expose("/languages/", methods=("GET", "POST"))
    @gate("import_po")
    def languages_view(self) -> ResponseReturnValue:
        """The added languages; a file adds one, or brings its translations anew."""
        if request.method == "GET":
            return self.languages_page()
        school, file = db.session.get(School, current_school_id() or abort(404)), request.files.get("file")
        try:
            if school is None or file is None or not file.filename:
                raise Refusal(gettext("No file was chosen. Choose one, then send it."))
            result = label_upload.add_language(db.session, school, file.read(label_upload.LARGEST + 1))
        except Refusal as refusal:
            db.session.rollback()
            return self.languages_page(refusal=refusal.sentence), 422
        db.session.commit()
        forget()
        return self.languages_page(result)

    def languages_page(self, result: Result | None = None, refusal: str = "") -> str:
        """That page, with what became of a file."""
        rows, sent = [], {code: sum(map(len, one.messages.values())) for code, one in read_languages(db.session, current_school_id()).items()}
        for language in added_languages():
            texts = texts_in(language)
            lacking = sum(text.is_untranslated for text in texts)
            url = self.get_url(".index_view", language=language, only=UNTRANSLATED)
            numbers = {"done": len(texts) - lacking, "all": len(texts), "lacking": lacking, "sent": sent.get(language, 0)}
            rows.append({"code": language, "name": language_name(language), "url": url, **numbers})
        return self.render(
            "admin/labels/languages.html",
            rows=rows,
            result=result,
            result_name=language_name(result.language) if result else "",
            shown=SHOWN,
            refusal=refusal,
            language_line=LANGUAGE_LINE,
        )

    @expose("/languages/remove/", methods=("POST",))
    @gate("import_po")
    def remove_language_view(self) -> ResponseReturnValue:
        """Take a language away."""
        language = request.form.get("language", "")
        try:
            label_upload.remove_language(db.session, current_school_id() or abort(404), language)
        except Refusal as refusal:
            db.session.rollback()
            flash(refusal.sentence, "danger")
        else:
            db.session.commit()
            forget()
            flash(gettext("The language is removed. Who read in it reads the application's language."), "success")
        return redirect(self.get_url(".languages_view"), code=303)

    @expose("/languages/file/")
    @gate("export_po")
    def translate_view(self) -> ResponseReturnValue:
        """The texts that a language lacks, or all of them for a new one, as a .po file to fill; each says where it stands."""
        language = request.args.get("language", "")
        if language and language not in added_languages():
            abort(404)
        texts = [text for text in texts_in(language or reading_language()) if not language or text.is_untranslated]
        comments = {(GENDER, key): "masculine / feminine" for key in NOUNS}
        comments |= {text.message.key: ", ".join(place.words for place in places_of(text.catalogue, text.message.key)) for text in texts}
        messages = [*vocabulary_lacking(reader_in(MESSAGES, language).catalogue if language else None), *(text.message for text in texts)]
        empty = [Message(m.context, m.msgid, m.plural, ("", "") if m.plural else ("",), m.source) for m in messages]
        name = f"scolabri-{language or 'language'}.po"
        return attach(Response(written_po(language, empty, comments), mimetype="text/x-gettext-translation"), name)
