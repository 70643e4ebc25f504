"""The student's file: a banner kept on every page, a menu of parts, one part at a time. Each domain declares its part."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import abort, g, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, undefer
from werkzeug.datastructures import MultiDict

from models.access import LoginEvent
from models.account_holder import holder
from models.db import db
from models.followed import access, with_access
from models.people import Group, Guardian, GuardianLink, Student, group_member
from models.student_accounts import account_of, with_account, with_user_name
from views.auth import permitted
from views.formats import show
from views.guardian_links import born_from
from views.i18n import gettext, language_name
from views.i18n import lazy_gettext as _
from views.lists import MOST_FILTERS
from views.menu import screens
from views.saving import own_path

WALKED = 2_000  # rows of the last search that "previous" and "next" walk through
_FILTER = re.compile(r"flt\d*_(.+)")


@dataclass(frozen=True)
class Part:
    """A part of the file.

    `right` opens it, where `only` agrees about this student; `context` gives its template what it shows; `count` is a scalar sub-query on the student's
    id, shown in the menu (all of them are asked together); `place` orders the menu, `heading` opens a group of it.
    """

    key: str
    label: Any
    template: str
    context: Callable[[Student], dict[str, Any]]
    right: tuple[str, str] = ("student", "read")
    count: Callable[[int], Any] | None = None
    place: int = 50
    heading: Any = ""
    only: Callable[[Student], bool] | None = None


@dataclass(frozen=True)
class Facts:
    """What a domain adds to the banner: (label, value, whether a narrow window leaves it out), and the words of a stamp. A fact takes the place of
    the file's own one of the same label.
    """

    facts: list[tuple[str, str, bool]] = field(default_factory=list)
    stamp: str = ""


PARTS: list[Part] = []
BANNER: list[Callable[[Student], Facts]] = []


def declare_banner(facts: Callable[[Student], Facts]) -> None:
    """Add facts to the banner of every file."""
    BANNER.append(facts)


def declare_part(part: Part) -> None:
    """Add a part to the file; the last declared of a key wins."""
    PARTS[:] = sorted([*(p for p in PARTS if p.key != part.key), part], key=lambda p: p.place)


class StudentFile:
    """What makes a screen's details page the file; mixed into the screen of students."""

    may: Any
    get_url: Any
    get_one: Any
    need_id: Any
    render: Any
    row_actions: Any
    verb_fits: Any
    _filters: Any
    _filter_args: Any

    @expose("/details/")
    def details_view(self) -> ResponseReturnValue:
        """One part of one file; the summary first."""
        self.need_id()
        student: Student = self.get_one(request.args["id"])
        open_parts = [part for part in PARTS if permitted(*part.right) and (part.only is None or part.only(student))]
        known = {part.key: part for part in PARTS}
        chosen = known.get(request.args.get("part", "summary"))
        if chosen is None:
            abort(404)
        if chosen not in open_parts:
            self.refused("read", student.id)  # type: ignore[attr-defined]
            abort(403)
        back = own_path(request.args.get("url")) or self.get_url(".index_view")
        here = request.full_path.rstrip("?")
        verbs = [action for action in self.row_actions() if self.verb_fits(action[0], student)]
        return str(
            self.render(
                chosen.template,
                student=student,
                banner=self.banner(student, back),
                parts=self.parts_menu(student, open_parts, chosen, back),
                list_url=back,
                return_url=back,
                here=here,
                verbs=verbs,
                **chosen.context(student),
            )
        )

    def get_save_return_url(self, model: Any, is_created: bool = False) -> str:
        """Whoever adds a student goes on with the file: an admission, guardians, codes."""
        back = super().get_save_return_url(model, is_created)  # type: ignore[misc]  # (the screen stands behind)
        return str(self.get_url(".details_view", id=model.id, url=back) if is_created else back)

    def detail_options(self) -> tuple[Any, ...]:
        """What the banner shows, in the same query."""
        relations = (Student.level, Student.programme, Student.adviser, Student.homeroom)
        return (*map(joinedload, relations), undefer(Student.homeroom_name), with_access(), with_account(), with_user_name())

    def parts_menu(self, student: Student, open_parts: list[Part], chosen: Part, back: str) -> list[dict[str, Any]]:
        """The parts that the person may open, with their counts."""
        counted = [part for part in open_parts if part.count]
        row = db.session.execute(select(*(part.count(student.id) for part in counted if part.count))).one() if counted else ()
        counts = dict(zip((part.key for part in counted), row, strict=True))
        return [
            {
                "label": str(part.label),
                "url": self.get_url(".details_view", id=student.id, part=None if part.key == "summary" else part.key, url=back),
                "n": counts.get(part.key),
                "current": part is chosen,
                "heading": str(part.heading),
            }
            for part in open_parts
        ]

    def banner(self, student: Student, back: str) -> dict[str, Any]:
        """Who it is, on every page of the file; the neighbours in the list that the file was opened from."""
        facts = [
            (gettext("Identifier"), student.national_id, False),
            (gettext("Local number"), student.local_id, True),
            (gettext("[Level]"), student.level, False),
            (gettext("Class"), student.homeroom_name, False),
            (gettext("[Programme]"), student.programme, False),
            (gettext("[Counsellor]"), student.adviser, False),
            (gettext("Born on"), show(student.born_on), True),
            (gettext("Language"), language_name(student.language), True),
        ]
        facts = [fact for fact in facts if fact[1] or fact[0] not in (gettext("Local number"), gettext("[Programme]"))]
        more = [told(student) for told in BANNER]
        told_better = {fact[0] for one in more for fact in one.facts}
        facts = [fact for fact in facts if fact[0] not in told_better] + [fact for one in more for fact in one.facts]
        neighbours = self.neighbours(student, back)
        return {
            "name": str(student),
            "badges": [student.status],
            "note": student.usage_name,
            "stamp": next((one.stamp for one in more if one.stamp), ""),
            "facts": [(a, str(b or ""), c) for a, b, c in facts],
            **neighbours,
        }

    def neighbours(self, student: Student, back: str) -> dict[str, Any]:
        """Previous, next and place of the student in the list that `back` shows; nothing when the file was opened otherwise."""
        target = urlsplit(back)
        if target.path != self.get_url(".index_view") or "url" not in request.args:
            return {}
        g.list_args = MultiDict(parse_qsl(target.query))
        try:
            ids = self.listed(g.list_args)
        finally:
            g.list_args = None
        if student.id not in ids:
            return {}
        place = ids.index(student.id)

        def url(position: int) -> str:
            if not 0 <= position < len(ids):
                return ""
            return str(self.get_url(".details_view", id=ids[position], part=request.args.get("part"), url=back))

        total = len(ids) if len(ids) < WALKED else f"{WALKED}+"
        words = gettext("%(place)d of %(total)s", place=place + 1, total=total)
        return {"previous_url": url(place - 1), "next_url": url(place + 1), "place": words}

    def listed(self, args: MultiDict[str, str], most: int | None = WALKED) -> list[int]:
        """The identifiers of a list, in its order, as its address says; the first `most` of them."""
        filters = []
        for key, value in args.items():
            found = _FILTER.fullmatch(key)
            index, flt = (self._filter_args or {}).get(found[1] if found else "", (None, None))
            if index is not None and flt.validate(value):
                filters.append((index, "", value))
        del filters[MOST_FILTERS:]
        sort = args.get("sort", type=int)
        column = self._get_column_by_idx(sort) if sort is not None else None  # type: ignore[attr-defined]
        _count, query = self.get_list(  # type: ignore[attr-defined]
            None, column[0] if column else None, bool(args.get("desc")), args.get("search"), filters, execute=False, page_size=False
        )
        return [row[0] for row in query.with_entities(Student.id).limit(most)]


# -- the parts of this domain


def _summary(student: Student) -> dict[str, Any]:
    def group(*names: str) -> list[tuple[str, Any]]:
        return [(str(getattr(Student, name).info["label"]), str(show(getattr(student, name)))) for name in names]

    schooling = [
        (gettext("[Level]"), str(student.level or "")),
        (gettext("Class"), student.homeroom_name),
        (gettext("[Programme]"), str(student.programme or "")),
        (gettext("[Counsellor]"), str(student.adviser or "")),
        (gettext("Language"), language_name(student.language)),
        (gettext("Status"), student.status),
        *([(gettext("Left on"), show(student.left_on))] if student.left_on else []),
    ]
    return {
        "detail_groups": [
            (gettext("Identity"), group("family_name", "given_name", "usage_name", "middle_names", "sex", "born_on", "national_id", "local_id")),
            (gettext("Schooling"), schooling),
        ],
        "access": access(student),
        "account": account_of(student),
        "user_name": student.user_name,
        "links": _links(student) if permitted("guardian_link", "read") else None,
    }


def _links(student: Student) -> list[GuardianLink]:
    statement = (
        select(GuardianLink)
        .where(GuardianLink.student_id == student.id)
        .options(joinedload(GuardianLink.guardian).joinedload(Guardian.user))
        .order_by(GuardianLink.id)
    )
    return list(db.session.scalars(statement))


def _contacts(student: Student) -> dict[str, Any]:
    screen = screens()["guardian_link"]
    verbs = screen.row_actions()
    links = _links(student)
    rows = [(link, [action for action in verbs if screen.verb_fits(action[0], link)]) for link in links]
    shown = {"links": rows, "origins": born_from(links)}
    return {**shown, "link_screen": screen, "show": show, "holder": holder, "may_open_guardian": permitted("guardian", "read")}


def _joined(student_id: int) -> Any:
    """The groups, other than the class, that a student is in."""
    return Group.id.in_(select(group_member.c.group_id).where(group_member.c.student_id == student_id))


def _groups(student: Student) -> dict[str, Any]:
    statement = select(Group).where(_joined(student.id) | (Group.id == student.homeroom_id)).options(joinedload(Group.owner))
    return {"groups": list(db.session.scalars(statement.order_by(Group.category, Group.name)))}


def _sign_ins(student: Student) -> dict[str, Any]:
    if student.user_id is None:
        return {"events": []}
    statement = select(LoginEvent).where(LoginEvent.user_id == student.user_id).order_by(LoginEvent.at.desc()).limit(50)
    return {"events": [(show(event.at), event.kind, event.address) for event in db.session.scalars(statement)]}


def _history(student: Student) -> dict[str, Any]:
    from views.history import timeline

    return {"history": timeline(screens()["student"], student)}


def _may_see_history(student: Student) -> bool:
    from views.history import may_see

    return may_see(screens()["student"], student)


def _count_links(student_id: int) -> Any:
    return select(func.count(GuardianLink.id)).where(GuardianLink.student_id == student_id).scalar_subquery()


def _count_groups(student_id: int) -> Any:
    homeroom = select(Student.homeroom_id).where(Student.id == student_id).scalar_subquery()
    inside = _joined(student_id) | (Group.id == homeroom)
    return select(func.count(Group.id)).where(inside).scalar_subquery()


declare_part(Part("summary", _("Summary"), "admin/student/summary.html", _summary, place=10))
declare_part(Part("contacts", _("Contacts and [guardians]"), "admin/student/contacts.html", _contacts, ("guardian_link", "read"), _count_links, place=20))
declare_part(Part("groups", _("[Groups]"), "admin/student/groups.html", _groups, ("group", "read"), _count_groups, place=40))
declare_part(Part("sign_ins", _("Sign-ins"), "admin/student/sign_ins.html", _sign_ins, ("login_event", "read"), place=80, heading=_("Follow-up")))
declare_part(Part("history", _("History"), "admin/student/history.html", _history, place=90, only=_may_see_history))

__all__ = ["PARTS", "Part", "StudentFile", "declare_part"]
