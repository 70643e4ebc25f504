"""Transfers on screen: the list both ways, one transfer and its next step, a file to take in, the settings, who cannot travel, how it works."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, abort, flash, redirect, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_wtf import FlaskForm
from sqlalchemy import func, select
from sqlalchemy.orm import undefer
from wtforms import RadioField, StringField
from wtforms.validators import InputRequired, Length

from models import files
from models.base import Refusal
from models.db import db
from models.journal import record
from models.parcel import KEPT
from models.people import Student
from models.school import School
from models.transfer import Direction, Transfer, TransferStatus
from models.transfer_rules import settle, this_school, unidentified
from models.work import KEPT_DAYS
from views.auth import permitted
from views.base import Screen, gate
from views.doors import options
from views.formats import show_date
from views.history_undo import job_undo_url
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.saving import in_words
from views.school_settings import Tab, declare_tab, tab_of
from views.todos import filtered
from views.verbs import Selection, verb
from views.version_mark import VersionField, mark_is_current, version_mark

OVER = (TransferStatus.declined, TransferStatus.expired)  # nobody takes the students in: who left by it comes back by an undo
SHOWN = 100  # students without an identifier on their page


class SettingsForm(FlaskForm):
    """The reference, and yes or no."""

    register_reference = StringField(
        _("Reference in the processing register"),
        validators=[Length(max=200)],
        description=_("Where your register of processing activities speaks of this application; it was once the number of the declaration to the CNIL."),
    )
    on = RadioField(_("Send and receive [students]"), validators=[InputRequired()])
    row_version = VersionField()

    def __init__(self, **defaults: Any) -> None:
        super().__init__(**defaults)
        self.on.choices = options((("1", gettext("Yes")), ("0", gettext("No"))))


class Transfers(Screen):
    """Students sent to other schools and received from them."""

    model = Transfer
    name = _("Transfers")
    name_of_one = _("Transfer")
    icon = "export"
    add_label = _("Take in a file")
    empty = {
        "icon": "export",
        "title": _("No transfer yet"),
        "sentence": _("To send: choose [students] in their list, then “Transfer to another [school]”. What other [schools] send you is listed here."),
    }
    title_column = "other"
    column_list = ("other", "direction", "count", "status", "created_at", "requested_by")
    column_labels = {"other": _("Other [school]")}
    column_sortable_list = (("other", "other_name"), "count", "status", "created_at")
    column_default_sort = ("id", True)
    column_searchable_list = ("other_name", "other_code")
    column_filters = ("direction", "status")
    column_details_list = ("direction", "other", "count", "created_at", "requested_by", "reference", "reason", "leave")
    column_export_list = ("direction", "other_name", "other_code", "count", "status", "created_at", "requested_by")
    number_columns = ("count",)
    nowrap_columns = ("created_at",)
    list_template = "admin/transfer/list.html"
    details_template = "admin/transfer/details.html"
    verb_order = ("look", "decline", "cancel")

    @property
    def can_create(self) -> bool:
        """A file to take in; the page of its own takes the place of a form."""
        return self.may("receive")

    @property
    def views(self) -> list[dict[str, Any]]:  # type: ignore[override]  # said in the reader's language
        """All, received, sent."""
        here = next((value for key, value in request.args.items() if key.endswith("_direction.Is")), "")
        ways = [("", gettext("All transfers")), *((way.name, str(way.label)) for way in (Direction.received, Direction.sent))]
        return [
            {"label": label, "n": None, "url": filtered(self.table, **({"direction__Is": key} if key else {})), "current": here == key} for key, label in ways
        ]

    def count_text(self, count: int | None) -> str:
        """How many."""
        return "" if count is None else ngettext("%(num)d transfer", "%(num)d transfers", count)

    def detail_options(self) -> tuple[Any, ...]:
        """With the names."""
        return (*super().detail_options(), undefer(Transfer.people))

    def refuse(self, refusal: Refusal) -> int:
        """Nothing was changed; says why, and writes it in the history."""
        self.refused("receive")
        flash(refusal.sentence, "danger")
        return 422

    # -- one transfer

    def render(self, template: str, **kwargs: Any) -> str:
        """On its own page: where it stands, the next step, whom it speaks of."""
        one = kwargs.get("model")
        if template == self.details_template and isinstance(one, Transfer):
            sent = one.direction is Direction.sent
            may_send, may_receive = self.may("send"), self.may("receive")
            kwargs |= {
                "badge": one.status,
                "can_fetch": sent and bool(one.file_key) and may_send,
                "can_tell": sent and bool(one.secret) and may_send,
                "can_look": self.verb_fits("look", one) and may_receive,
                "import_url": url_for("import_.details_view", id=one.import_id) if one.import_id and self.may("read", "import_") else "",
                "undo_url": job_undo_url(one.job) if one.job is not None and one.status in OVER else "",
                "kept_days": KEPT_DAYS,
                "until": show_date((one.made_at + KEPT).date()),
                "students": self.students_of(one) if sent else {},
            }
            kwargs.setdefault("passphrase", "")
            if not sent:
                kwargs["details_columns"] = [column for column in kwargs["details_columns"] if column[0] in ("direction", "other", "count", "created_at")]
        return super().render(template, **kwargs)

    @staticmethod
    def students_of(one: Transfer) -> dict[int, str]:
        """The addresses of the files of those whom this person still sees."""
        ids = [person["id"] for person in one.people[:2000]]
        if not ids or not permitted("student", "read"):
            return {}
        return {i: url_for("student.details_view", id=i) for i in db.session.scalars(select(Student.id).where(Student.id.in_(ids)))}

    def verb_fits(self, verb: str, row: Transfer) -> bool:
        """By its direction and where it stands."""
        sent = row.direction is Direction.sent
        waits = not sent and row.status in (TransferStatus.waiting, TransferStatus.undone) and bool(row.file_key)
        return {"look": waits, "decline": waits, "cancel": row.can_cancel}[verb]

    @verb("look", _("Check what arrives"), right=("transfer", "receive"), whole=True)
    def look(self, selection: Selection) -> ResponseReturnValue:
        """Open the import in which it is checked, corrected and written."""
        if selection.count != 1:
            raise Refusal(_("One transfer is checked at a time. Choose one line."))
        return redirect(self.open_import(next(iter(selection.records()))), code=303)

    def open_import(self, one: Transfer) -> str:
        """The address of the import of a transfer that waits; says which of the sender's own fields have no place here. 403 without the right to import."""
        if not self.may("create", "import_"):
            self.refused("receive", one.id)
            abort(403)
        made = one.look()
        db.session.flush()
        if one.left_here:
            flash(gettext("Left out, for your [school] has no such field: %(names)s.", names=", ".join(one.left_here)), "warning")
        return url_for("import_.details_view", id=made.id)

    @verb(
        "cancel",
        _("Cancel this transfer"),
        confirm=_(
            "The other [school] no longer receives it. The [students] who left by it are active again. If you have already handed the file over, "
            "tell that [school] not to use it."
        ),
        danger=True,
    )
    def cancel(self, row: Transfer) -> None:
        """Before the other school has begun."""
        row.cancel()

    @verb("decline", _("Decline"), confirm=_("Nothing is taken in, the data are removed and the other [school] is told if it works here too."), danger=True)
    def decline(self, row: Transfer) -> None:
        """Nothing is taken in."""
        row.decline()

    @expose("/file/", methods=("POST",))
    @gate("send")
    def file_view(self) -> Response:
        """The sealed file; each fetch is a line in the history."""
        one: Transfer = self.get_one(request.form.get("id", ""))
        path = files.path_of(one.hand_over())
        if not path.is_file():
            abort(404)
        record(db.session, "download", self.table, one.id)
        name = f"transfert-{one.other_code}-{one.created_at:%Y-%m-%d}.scolabri"
        db.session.commit()
        return send_file(path, mimetype="application/octet-stream", as_attachment=True, download_name=name, max_age=0)

    @expose("/passphrase/", methods=("POST",))
    @gate("send")
    def passphrase_view(self) -> ResponseReturnValue:
        """The passphrase, once."""
        one: Transfer = self.get_one(request.form.get("id", ""))
        try:
            told = one.tell_passphrase()
        except Refusal as refusal:
            db.session.rollback()
            flash(refusal.sentence, "danger")
            return redirect(self.get_url(".details_view", id=request.form["id"]), code=303)
        record(db.session, "passphrase", self.table, one.id)
        db.session.commit()
        model = self.get_one(request.form["id"])
        return self.render(
            self.details_template,
            model=model,
            details_columns=self._details_columns,
            get_value=self.get_detail_value,
            return_url=self.get_url(".index_view"),
            passphrase=told,
        )

    # -- a file from another school

    @expose("/new/", methods=("GET", "POST"))
    @gate("receive")
    def create_view(self) -> ResponseReturnValue:
        """Take in a file with its passphrase; it is then checked like any import."""
        code = 200
        if request.method == "POST":
            sent = request.files.get("file")
            try:
                number = Transfer.receive(sent.read() if sent is not None else b"", request.form.get("passphrase", "")[:200]).id
                db.session.commit()
            except Refusal as refusal:
                code = self.refuse(refusal)
            else:
                return redirect(self.after_receiving(number), code=303)
        return self.render("admin/transfer/new.html", kept_days=KEPT.days), code

    def after_receiving(self, number: int) -> str:
        """To the check; when another import is under way, to the transfer, which waits."""
        try:
            address = self.open_import(self.get_one(number))
            db.session.commit()
        except Refusal as refusal:
            db.session.rollback()
            flash(refusal.sentence, "warning")
            return self.get_url(".details_view", id=number)
        return address

    # -- beside

    @expose("/settings/", methods=("GET", "POST"))
    @gate("edit", "school")
    def settings_view(self) -> ResponseReturnValue:
        """The reference and the switch (features S3-04): a tab of the page of the school, where nothing is wrong."""
        school = this_school()
        tab = url_for("school.edit_view", id=school.id, part=TAB)
        if request.method == "GET":
            return redirect(tab)
        context = settings_of(school)
        form, context["problem"] = context["settings"], ""
        if not mark_is_current(request.form.get("row_version"), school):
            return self.settings_conflict(school, context), 409
        if form.validate():
            try:
                settle(school, form.register_reference.data or "", form.on.data == "1")
                db.session.commit()
            except Refusal as refusal:
                db.session.rollback()
                context["problem"] = refusal.sentence
            else:
                flash(gettext("Transfers are on.") if school.transfers_on else gettext("Transfers are off."), "success")
                return redirect(tab, code=303)
        return self.render("admin/transfer/settings.html", **context), 422

    def settings_conflict(self, school: School, context: dict[str, Any]) -> str:
        """Somebody saved the page of the school meanwhile: what they wrote beside what is sent here; saving again is a choice."""
        form = context["settings"]
        saved = settings_of(school, formdata=None)["settings"]
        context["conflict"] = [
            {"label": field.label.text, "theirs": in_words(saved[field.short_name], saved[field.short_name].data), "yours": in_words(field, field.data)}
            for field in (form.register_reference, form.on)
            if saved[field.short_name].data != field.data
        ]
        form.row_version.data, form.row_version.raw_data = version_mark(school), None
        return self.render("admin/transfer/settings.html", **context)

    @expose("/without_identifier/")
    @gate("read")
    def without_identifier_view(self) -> ResponseReturnValue:
        """The active students who cannot be transferred, and the remedy (features S3-06, S3-07)."""
        count = db.session.scalar(select(func.count(Student.id)).where(unidentified())) or 0
        shown = select(Student).where(unidentified()).options(undefer(Student.homeroom_name)).order_by(Student.search_key, Student.id).limit(SHOWN)
        return self.render(
            "admin/transfer/without_identifier.html",
            people=list(db.session.scalars(shown)),
            count=count,
            sentence=ngettext("%(num)d [student] cannot be transferred", "%(num)d [students] cannot be transferred", count),
            all_url=filtered("student", identified__Clause="0") if count > SHOWN else "",
            may_import=self.may("create", "import_"),
            show_date=show_date,
        )

    @expose("/help/")
    @gate("read")
    def help_view(self) -> ResponseReturnValue:
        """How a transfer works (features S3-08)."""
        return self.render("admin/transfer/help.html", kept_days=KEPT_DAYS, days=KEPT.days)


def settings_of(school: School, **more: Any) -> dict[str, Any]:
    """The form, and what the page of the school lacks."""
    missing = [(name, label) for name, label in school.missing_for("transfers") if name != "register_reference"]
    return {
        "settings": SettingsForm(
            data={"register_reference": school.register_reference, "on": "1" if school.transfers_on else "0", "row_version": version_mark(school)}, **more
        ),
        "missing": [label for _name, label in missing],
        "school_url": url_for("school.edit_view", id=school.id, part=tab_of(missing[0][0]), _anchor=missing[0][0]) if missing else "",
    }


TAB = "transfers"
declare_tab(Tab(TAB, _("Transfers"), template="admin/transfer/settings_form.html", context=settings_of, place=60))


def register(_app: Flask, admin: Admin) -> None:
    """The screen of transfers."""
    admin.add_view(Transfers())
