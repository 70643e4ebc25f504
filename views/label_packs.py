"""Packs of words: taken out, previewed line by line, put in; those that come with the application the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from models import label_packs as packs
from models.base import Refusal
from models.catalogue import MESSAGES
from models.db import BEGIN, db
from models.journal import record
from models.label_packs import CHANGED, NEW, READY_PACKS, REFUSED, SAME, Line, Pack, Plan
from models.scope import current_school_id
from views.attachments import attach
from views.auth import permitted
from views.base import gate
from views.i18n import added_languages, gettext, language_name, languages, ngettext, reader_in
from views.i18n import lazy_gettext as _

if TYPE_CHECKING:
    from views.base import Screen as Base
else:
    Base = object

STATES = {
    NEW: (_("Replaces the default"), "ok"),
    CHANGED: (_("Replaces what [the school] wrote"), "info"),
    SAME: (_("Already so"), "mute"),
    REFUSED: (_("Left out"), "bad"),
}
SHOWN = 500  # lines of one state


def reads(line: Line) -> str:
    """A text as it is read today, its nouns written out; where nothing is known of it, as the file names it."""
    before = line.before[0] if line.before else line.word.msgid
    return before if line.word.noun is not None else reader_in(line.word.catalogue or MESSAGES, line.word.language).write(before)


class PackPages(Base):
    """The pages of packs, on the screen of labels."""

    @expose("/packs/")
    @gate("import_po")
    def packs_view(self) -> ResponseReturnValue:
        """The ready packs, a file of one's own, what may be taken out."""
        return self.packs_page()

    def packs_page(self, refusal: str = "") -> str:
        """That page, with why a file was refused."""
        return self.render(
            "admin/labels/packs.html",
            ready=READY_PACKS,
            languages=[(name, language_name(name)) for name in languages()],
            may_export=self.may("export_po"),
            refusal=refusal,
        )

    @expose("/pack/", methods=("POST",))
    @gate("import_po")
    def pack_view(self) -> ResponseReturnValue:
        """What a pack would change. Nothing is written."""
        try:
            pack = self.sent_pack()
        except Refusal as refusal:
            return self.packs_page(refusal.sentence), 422
        return self.pack_page(pack, self.pack_plan(pack))

    @expose("/apply/", methods=("POST",))
    @gate("import_po")
    def apply_view(self) -> ResponseReturnValue:
        """Write what was shown; when that is no longer what it would do, it is shown again."""
        try:
            pack = self.sent_pack()
        except Refusal as refusal:
            return self.packs_page(refusal.sentence), 422
        found = self.pack_plan(pack)
        if found.digest != request.form.get("digest"):
            flash(gettext("Somebody changed these words in the meantime. Read what the pack does now, then apply it."), "warning")
            return self.pack_page(pack, found), 409
        count = packs.apply(db.session, self.school_id(), found)
        db.session.commit()
        flash(ngettext("%(num)d wording is in place.", "%(num)d wordings are in place.", count), "success")  # (the way back is added beside it)
        return redirect(self.get_url(".packs_view"), code=303)

    @expose("/export_pack/")
    @gate("export_po")
    def export_pack_view(self) -> ResponseReturnValue:
        """The school's own words: all languages as a pack, or one as a .po file."""
        language = request.args.get("language", "")
        if language and language not in languages():
            abort(404)
        words = packs.own_words(db.session, self.school_id(), [language] if language else None)
        body = packs.as_po(language, words) if language else packs.written(words).encode()
        self.told("export_po", len(words))
        kind, name = ("text/x-gettext-translation", f"scolabri-{language}.po") if language else ("application/json", "scolabri-words.json")
        return attach(Response(body, mimetype=kind), name)

    def told(self, verb: str, count: int) -> None:
        """One line of the history for what leaves; a GET only reads otherwise."""
        db.session.rollback()
        token = BEGIN.set("IMMEDIATE")
        try:
            record(db.session, verb, self.table, rows=count)
            db.session.commit()
        finally:
            BEGIN.reset(token)

    def school_id(self) -> int:
        """The current school; 404 without one."""
        return current_school_id() or abort(404)

    def sent_pack(self) -> Pack:
        """The pack that the form sends: a ready one, a file, or the words that a preview has shown."""
        ready, file = request.form.get("ready", ""), request.files.get("file")
        if ready:
            title = next((str(pack.title) for pack in READY_PACKS if pack.key == ready), "")
            return packs.read_pack(packs.ready_pack(ready), languages(), title)
        if file is not None and file.filename:
            return packs.read_pack(file.read(packs.LARGEST + 1), languages(), file.filename[:200])
        if request.form.get("content"):
            return packs.read_pack(request.form["content"].encode(), languages(), request.form.get("name", "")[:200])
        raise Refusal(_("No file was chosen. Choose one, then send it."))

    def pack_plan(self, pack: Pack) -> Plan:
        """What it would do."""
        return packs.plan(db.session, self.school_id(), pack, added_languages(), nouns=permitted("noun", "edit"))

    def pack_page(self, pack: Pack, found: Plan) -> str:
        """The preview."""
        groups = [{"state": state, "words": STATES[state][0], "tone": STATES[state][1], "lines": found.of(state)} for state in (REFUSED, CHANGED, NEW, SAME)]
        ready = request.form.get("ready", "")
        content = "" if ready else packs.written(line.word for line in found.of(NEW, CHANGED))
        count = len(found.of(NEW, CHANGED))
        rest: dict[str, Any] = {"ready": ready, "content": content, "digest": found.digest, "count": count}
        return self.render(
            "admin/labels/pack.html",
            pack=pack,
            groups=[group for group in groups if group["lines"]],
            shown=SHOWN,
            language_name=language_name,
            reads=reads,
            apply_text=ngettext("Apply %(num)d change", "Apply %(num)d changes", count),
            **rest,
        )
