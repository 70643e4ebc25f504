"""The logo and the stamp on the page of the school: sending, looking at papers that carry them, removing; and who is shown the logo.

The stamp is never served: it is seen on a sample paper only (security 75).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from sqlalchemy import select

from models import files, school_files
from models.db import db
from models.journal import JournalEvent, record_rows
from models.people import Student
from models.school import School
from models.work import JobKind
from views.base import gate
from views.formats import day_of, show_date
from views.i18n import gettext
from views.i18n import lazy_gettext as _
from views.papers import start
from views.verbs import Selection, verb

bp = Blueprint("school_logo", __name__)


PICTURE_HELP = _("PNG, JPEG or WebP, at most 10 MB and 20 megapixels. It is converted to PNG; nothing else of the file is kept.")


class PictureForm(FlaskForm):
    """The file of a picture."""

    file = FileField(
        _("Picture"),
        validators=[FileRequired(_("Choose a file."))],
        description=PICTURE_HELP,
        render_kw={"accept": school_files.ACCEPT},
    )


def pictures_of(school: School) -> list[dict[str, Any]]:
    """What the page says of both: whether there is one, since when, how large; the address of the logo alone."""
    at = _since(school.id)
    known: Sequence[tuple[str, Any, Any, str | None]] = (
        ("logo", gettext("Logo"), gettext("At the head of letters, certificates and class lists, and on the pages of [guardians]."), school.logo_digest),
        ("stamp", gettext("Stamp"), gettext("Beside the signature of certificates, when it is asked for. It is seen on papers only."), school.stamp_digest),
    )
    found = []
    for key, title, sentence, digest in known:
        about = school_files.about(digest)
        facts = ""
        if about is not None:
            size = gettext("%(width)d × %(height)d pixels, %(size)d kB", width=about[0], height=about[1], size=-(-about[2] // 1024))
            when, who = at.get(f"upload_{key}", ("", ""))
            facts = gettext("%(size)s, sent on %(date)s by %(who)s", size=size, date=when, who=who) if when else size
        found.append(
            {
                "key": key,
                "title": title,
                "sentence": sentence,
                "kept": bool(digest),
                "facts": facts,
                "lost": gettext("The file is lost on the server: send it again.") if digest and about is None else "",
                "url": url_for("school.logo_view", v=digest[:8]) if key == "logo" and digest and about else "",
            }
        )
    return found


def _since(school_id: int) -> dict[str, tuple[str, str]]:
    """verb -> (day, who) of the last time each picture was sent."""
    e = JournalEvent
    look = select(e.verb, e.at, e.who).where(e.table_name == "school", e.row_id == school_id, e.verb.in_(("upload_logo", "upload_stamp"))).order_by(e.id)
    return {name: (show_date(day_of(at)), who) for name, at, who in db.session.execute(look)}


class PictureVerbs:
    """The verbs of both pictures, mixed into the page of the school."""

    get_url: Any
    table: str

    def verb_fits(self, verb: str, row: School) -> bool:
        """What is there can be removed, what is not cannot."""
        return {"remove_logo": bool(row.logo_digest), "remove_stamp": bool(row.stamp_digest)}.get(verb, True)

    @verb("upload_logo", _("Send a logo"), ask=PictureForm, icon="import", whole=True)
    def upload_logo(self, selection: Selection, file: Any) -> ResponseReturnValue:
        """In the place of the one before."""
        return self.on_papers(selection, "upload_logo", lambda school: school.upload_logo(_content(file)), gettext("The logo is on all papers from now on."))

    @verb("upload_stamp", _("Send a stamp"), ask=PictureForm, icon="import", whole=True)
    def upload_stamp(self, selection: Selection, file: Any) -> ResponseReturnValue:
        """In the place of the one before."""
        return self.on_papers(selection, "upload_stamp", lambda school: school.upload_stamp(_content(file)), gettext("The stamp can be printed from now on."))

    @verb("remove_logo", _("Remove the logo"), whole=True)
    def remove_logo(self, selection: Selection) -> ResponseReturnValue:
        """Papers go without."""
        return self.on_papers(selection, "remove_logo", School.remove_logo, gettext("Papers no longer show a logo."))

    @verb("remove_stamp", _("Remove the stamp"), whole=True)
    def remove_stamp(self, selection: Selection) -> ResponseReturnValue:
        """Papers go without."""
        return self.on_papers(selection, "remove_stamp", School.remove_stamp, gettext("Papers no longer show a stamp."))

    @verb("print_sample", _("See a sample paper"), right=("school", "edit"), icon="print", whole=True)
    def print_sample(self, selection: Selection) -> ResponseReturnValue:
        """A certificate or a letter (`paper`) about nobody, drawn as the real ones are."""
        paper = "letter" if request.form.get("paper") == "letter" else "certificate"
        return start(JobKind.print_sample, {"paper": paper}, 1, gettext("Sample"))

    def prepare_upload_logo(self, selection: Selection, form: PictureForm) -> dict[str, Any]:
        """One school: nothing to count."""
        return {"count": None, "back_label": gettext("Back without sending")}

    prepare_upload_stamp = prepare_upload_logo

    def on_papers(self, selection: Selection, name: str, work: Callable[[School], None], sentence: str) -> ResponseReturnValue:
        """Do it for the school, write it down, say it, and back to the papers."""
        for school in selection.records():
            work(school)
        db.session.flush()
        record_rows(db.session, name, self.table, selection.all_ids())
        flash(sentence, "success")
        return redirect(self.get_url(".edit_view", id=selection.all_ids()[0], part="papers"), code=303)

    def refusal_page(self, refusal: Any) -> ResponseReturnValue:
        """Back to the papers, with the reason."""
        return redirect(self.get_url(".edit_view", id=request.form.get("rowid") or request.args.get("rowid"), part="papers"), code=303)

    @expose("/logo/")
    @gate("read")
    def logo_view(self) -> ResponseReturnValue:
        """The logo of the school where one works; 404 without one."""
        return picture(db.session.scalar(select(School.logo_digest)))


def _content(file: Any) -> bytes:
    """What was sent, no more than one byte above what is taken."""
    return bytes(file.read(school_files.MOST_BYTES + 1))


def picture(digest: str | None) -> Response:
    """A kept picture, shown inside pages only; 404 when there is none, or its file is no longer what was kept."""
    content = files.read(digest)
    if content is None:
        abort(404)
    return Response(content, mimetype="image/png", headers={"Content-Disposition": "inline"})


def logo_url(school: School) -> str:
    """Where a guardian sees the logo of their child's school; nothing where it has none."""
    return url_for("school_logo.guardian", school_id=school.id, v=school.logo_digest[:8]) if school.logo_digest else ""


@bp.get("/parent/school/<int:school_id>/logo", endpoint="guardian")
@bp.get("/student/school/<int:school_id>/logo", endpoint="student")
def portal_logo(school_id: int) -> ResponseReturnValue:
    """The logo of a school where one follows a child, or studies; 404 for every other."""
    look = select(School.logo_digest).where(School.id == school_id, School.id.in_(select(Student.school_id)))
    return picture(db.session.scalar(look))
