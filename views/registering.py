"""Registering many candidates for one course and group: a list that is typed, pasted or chosen, checked line by line, written at once.

The page is the server's: each line that is added posts the whole list, which comes back judged. The script (static/registering.js) does the
same without leaving the page.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from wtforms import StringField
from wtforms.validators import InputRequired

from models.base import Refusal, today
from models.db import db
from models.people import Group, Student
from models.registering import READY, Done, Fate, Line, Place, find_people, judge, present_term, register
from models.studies import Term
from models.work import Job, JobKind
from views.auth import permitted
from views.base import gate
from views.course_lookup import CourseField, CourseLookup
from views.fields import Lookup, RowField
from views.formats import zone
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.i18n import lazy_pgettext as _p
from views.menu import screens
from views.saving import own_path
from views.verbs import MOST_ROWS, ROWID, Selection, verb

if TYPE_CHECKING:
    from views.base import Screen as Base
else:
    Base = object

RIGHT = ("enrolment", "register_many")
KEPT = 50  # lines that stay on the list after the others were registered
LONGEST_LINE = 100
TERM_LOOKUP = (Term, ("season",), None, 300)
CROWD = "crowd"  # the look-up of a group of students on the screen of registrations


def sent() -> Any:
    """What was posted, else what the address says."""
    return request.form if request.method == "POST" else request.args


class PlaceForm(FlaskForm):
    """Which term, course and group."""

    term = RowField(Lookup("term", *TERM_LOOKUP), _p("session_record", "Session"))
    course = CourseField(CourseLookup("course"), _("[Course]"))
    group = StringField(
        _p("enrolment", "[Group]"), validators=[InputRequired()], render_kw={"inputmode": "numeric", "maxlength": 20, "autocomplete": "off", "size": 8}
    )

    def __init__(self, *, given: bool) -> None:
        super().__init__(sent() if given else None)
        if self.term.data is None and not self.term.missing:
            self.term.data = present_term(db.session, today(zone().key))

    def place(self) -> Place | None:
        """The three of them; none while one is missing. Refused: a number of a group that is none, a course that is no longer offered."""
        number = (self.group.data or "").strip()
        if self.term.data is None or self.course.data is None or not number:
            return None
        return Place.of(self.term.data, self.course.data, number)


@dataclass
class Shown:
    """A line of the list as the page has it."""

    key: str
    line: Line
    judged: bool = True

    @property
    def name(self) -> str:
        """Who it is, or what was typed."""
        return self.line.name


@dataclass
class Desk:
    """What the page holds: the form, the place when it is whole, the list, what is wrong."""

    form: PlaceForm
    place: Place | None = None
    lines: list[Shown] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    said: str = ""

    @property
    def ready(self) -> int:
        """How many would be registered now."""
        return sum(one.judged and one.line.fate in READY for one in self.lines)

    def count(self, *fates: Fate) -> int:
        """How many lines of these fates."""
        return sum(one.judged and one.line.fate in fates for one in self.lines)


def _typed() -> tuple[list[str], list[str], dict[int, int]]:
    """(keys of the list in order, texts to add, admission chosen for each student) of the request."""
    dropped = request.form.get("_drop", "")
    keys = [key for key in sent().getlist("line") if key[:2] in ("s:", "t:") and key != dropped]
    if request.method == "POST":  # the page shows the latest line first
        keys.reverse()
    texts = [*request.form.get("who", "").splitlines(), *request.form.get("column", "").splitlines()]
    chosen: dict[int, int] = {}
    for pair in sent().getlist("admission"):
        student, _colon, admission = pair.partition(":")
        if ROWID.match(student) and ROWID.match(admission):
            chosen[int(student)] = int(admission)
    return keys, [text.strip()[:LONGEST_LINE] for text in texts if text.strip()], chosen


def _entries(keys: list[str], texts: list[str], crowd: Group | None, problems: list[str]) -> tuple[list[int | str], dict[str, list[Student]]]:
    """What stands on the list: students by identifier, texts that name nobody or several; and the people of each text."""
    again = [key[2:][:LONGEST_LINE] for key in keys if key.startswith("t:")]
    people = find_people(db.session, list(dict.fromkeys([*again, *texts])))
    entries: list[int | str] = []
    for key in [*keys, *(f"t:{text}" for text in texts)]:
        text = key[2:][:LONGEST_LINE]
        if key.startswith("s:"):
            entries += [int(text)] if ROWID.match(text) else []
        elif text in people:
            entries.append(people[text][0].id if len(people[text]) == 1 else text)
    if crowd is not None:
        members = select(Student.id).where(Student.groups.any(Group.id == crowd.id) | (Student.homeroom_id == crowd.id))
        entries += list(db.session.scalars(members.order_by(Student.search_key).limit(MOST_ROWS + 1)))
    unique = list(dict.fromkeys(entries))
    if len(unique) > MOST_ROWS:
        problems.append(
            gettext("This list holds %(max)d people at most. For more, tick them in the list of [students], then “Register for [a course]”.", max=MOST_ROWS)
        )
    return unique[:MOST_ROWS], people


def _lines(entries: list[int | str], people: dict[str, list[Student]], place: Place | None, chosen: dict[int, int]) -> list[Shown]:
    ids = [entry for entry in entries if isinstance(entry, int)]
    if place is not None:
        judged = {line.student.id: line for line in judge(db.session, place, ids, chosen) if line.student is not None}
    else:
        judged = {one.id: Line(student=one) for one in db.session.scalars(select(Student).where(Student.id.in_(ids)))} if ids else {}
    shown = []
    for entry in entries:
        if isinstance(entry, int):
            if entry in judged:
                shown.append(Shown(f"s:{entry}", judged[entry], judged=place is not None))
        else:
            several = people.get(entry, [])
            line = Line(text=entry, namesakes=several, fate=Fate.choose if several else Fate.refused)
            line.reason = (
                ngettext("%(num)d [student] bears this name or number: choose.", "%(num)d [students] bear this name or number: choose.", len(several))
                if several
                else gettext("[No student] has this name or number. Correct it, or take the line away.")
            )
            shown.append(Shown(f"t:{entry}", line))
    return shown


def desk_of(ids: list[int] | None = None) -> Desk:
    """The page as the request says it; `ids` are the people whom another page has chosen."""
    given = ids is None and bool(request.method == "POST" or request.args)
    desk = Desk(PlaceForm(given=given))
    try:
        desk.place = desk.form.place()
    except Refusal as refusal:
        desk.form.group.errors = [refusal.sentence]
    if desk.form.course.typed and desk.form.course.data is None and request.method == "POST":
        desk.form.course.validate(desk.form)
    keys, texts, chosen = _typed() if ids is None else ([f"s:{i}" for i in ids], [], {})
    crowd = request.form.get(CROWD, "")
    group = screens()["enrolment"].crowd_lookup.get_one(crowd) if crowd else None
    entries, people = _entries(keys, texts, group, desk.problems)
    desk.lines = _lines(entries, people, desk.place, chosen)
    if texts and desk.lines:
        last = desk.lines[-1]
        desk.said = gettext("%(name)s: %(what)s.", name=last.name, what=str(last.line.fate.label) if last.judged else gettext("on the list"))
    return desk


class RegisterPages(Base):
    """The page, mixed into the screen of registrations."""

    crowd_lookup = Lookup(CROWD, Group, ("name",), None, 200)

    @expose("/register_many", methods=("GET", "POST"))
    @gate("register_many")
    def register_many_view(self) -> ResponseReturnValue:
        """The list; a POST adds to it, takes away from it, or registers it."""
        desk = desk_of()
        if "_do" in request.form:
            return self._register(desk)
        return self.register_page(desk)

    def register_page(self, desk: Desk) -> str:
        """The page of a desk."""
        kind = desk.place.kind(db.session) if desk.place is not None else None
        offered = self.crowd_lookup.all_rows() or []
        return self.render(
            "admin/enrolment/register.html",
            desk=desk,
            kind=kind,
            crowds=[(str(one.id), str(one)) for one in offered],
            told=[
                (desk.count(*READY), gettext("to be registered")),
                (desk.count(Fate.there), gettext("registered already")),
                (desk.count(Fate.choose), gettext("to choose")),
                (desk.count(Fate.refused), gettext("left out")),
            ],
            back_url=own_path(request.values.get("url")) or url_for("enrolment.index_view"),
            register_url=url_for("enrolment.register_many_view"),
        )

    def _register(self, desk: Desk) -> ResponseReturnValue:
        if desk.place is None:
            for one in (desk.form.course, desk.form.group):
                if not one.data and not one.errors:
                    one.errors = [gettext("Fill this in, then register.")]
            return self.register_page(desk), 422
        if not desk.ready:
            desk.problems.append(gettext("Nobody on the list can be registered. Type a number or a name, or settle the lines that are left out."))
            return self.register_page(desk), 422
        term, course, group = desk.place.term.id, desk.place.course.id, desk.place.group
        left = [one.key for one in desk.lines if one.line.fate in (Fate.choose, Fate.refused)][:KEPT]
        try:
            done = register(db.session, desk.place, [one.line for one in desk.lines])
            said = " ".join(done_words(done, str(desk.place)))
            db.session.commit()
        except IntegrityError:
            db.session.rollback()
            flash(gettext("Somebody registered one of these [students] at the same moment. Nothing was written: look again."), "danger")
            left = [one.key for one in desk.lines]
            done = Done()
        else:
            group_url = self.get_url(".results_view", term=term, course=course, group=group) if self.may("enter_results") else ""
            links = [{"url": group_url, "label": gettext("See the [group]")}] if group_url else []
            flash({"text": said, "links": links}, "success")  # type: ignore[arg-type]  # the template reads text and links
        if left and done.written:
            flash(
                ngettext("%(num)d line is left out: it stays on the list.", "%(num)d lines are left out: they stay on the list.", len(done.left)),
                "warning",
            )
        back = own_path(request.form.get("url"))
        return redirect(self.get_url(".register_many_view", term=term, course=course, group=group, line=left, url=back), code=303)

    def render(self, template: str, **kwargs: Any) -> str:
        """The list leads to the page."""
        if template == self.list_template and permitted(*RIGHT):
            from views.menu import beside

            button = {"label": gettext("Register several [students]"), "icon": "users", "url": self.get_url(".register_many_view")}
            kwargs["beside"] = [button, *(kwargs.get("beside") or beside(self.endpoint))]
        return str(super().render(template, **kwargs))


def done_words(done: Done, place: str) -> list[str]:
    """What was written, in sentences."""
    told = [ngettext("%(num)d [student] registered: %(place)s.", "%(num)d [students] registered: %(place)s.", done.written, place=place)]
    if done.records:
        told.append(ngettext("%(num)d [session record] made.", "%(num)d [session records] made.", done.records))
    if done.there:
        told.append(ngettext("%(num)d was registered already.", "%(num)d were registered already.", done.there))
    return told


# --- from the list of students --------------------------------------------------------------------------------------------------------


class RegisterVerb:
    """Mixed into the screen of students; brings the look-up of courses for its question."""

    lookups: dict[str, Any]

    def __init__(self) -> None:
        self.lookups = {**self.lookups, "course": CourseLookup("course")}
        super().__init__()

    @verb("register_many", _("Register for [a course]"), icon="book", whole=True, right=RIGHT)
    def register_many(self, selection: Selection) -> ResponseReturnValue | None:
        """The page with these people on its list; of more than it holds, the place is asked and a job does it."""
        if selection.count <= MOST_ROWS:
            return str(screens()["enrolment"].register_page(desk_of(selection.all_ids())))
        form = PlaceForm(given=request.form.get("_asked") == "1")
        if request.form.get("_asked") != "1" or not form.validate():
            return self._ask_place(selection, form)
        try:
            place = form.place()
        except Refusal as refusal:
            form.group.errors = [refusal.sentence]
            place = None
        if place is None:
            return self._ask_place(selection, form)
        params = {"term": place.term.id, "course": place.course.id, "group": place.group, "students": selection.all_ids()}
        job = Job.add(JobKind.register_many, params, total=selection.count, note=str(place))
        db.session.flush()
        return redirect(url_for("job.details_view", id=job.id), code=303)

    def _ask_place(self, selection: Selection, form: PlaceForm) -> str:
        page: str = self.ask_page(  # type: ignore[attr-defined]
            self.verbs["register_many"],  # type: ignore[attr-defined]
            selection,
            form,
            {
                "count_sentence": ngettext("[student] chosen.", "[students] chosen.", selection.count),
                "left_out": gettext("Whoever has no active admission is left out and told. There are many: the work goes on while you do something else."),
            },
        )
        return page
