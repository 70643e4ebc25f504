"""The levels and the groups of the school."""

from __future__ import annotations

from typing import Any

from flask import Flask, abort, flash, g, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_wtf import FlaskForm
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload, undefer
from wtforms.validators import InputRequired

from models.access import User
from models.base import Refusal
from models.db import db
from models.journal import record
from models.people import Group, GroupCategory, Student, StudentStatus, group_member
from models.rights import reach
from models.school import Level
from models.scope import WHO
from views.base import Screen, gate
from views.colleagues import STAFF_LOOKUP, STUDENT_LOOKUP, staff_of_school
from views.fields import Lookup, RowsField
from views.filters import Row
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.menu import screens
from views.papers import PAPERS
from views.retiring import RetireVerbs
from views.saving import own_path
from views.verbs import verb

SHOWN = 500  # members on a group's page


class Levels(RetireVerbs, Screen):
    """The years of study, in the order the school teaches them."""

    model = Level
    name = _("[Levels]")
    name_of_one = _("[Level]")
    icon = "book"
    add_label = _("Add [a level]")
    empty = {"icon": "book", "title": _("[No level] yet"), "sentence": _("[Levels] come with the import of [students], or one at a time.")}
    column_list = ("name", "rank", "students", "in_use")
    column_labels = {"students": _("[Students]"), "in_use": _("Status")}
    column_sortable_list = ("name", "rank")
    column_default_sort = [("rank", False), ("name", False)]
    column_searchable_list = ("name",)
    column_formatters = {"students": lambda _v, _c, row, _n: g.in_level.get(row.id, 0)}
    column_details_list = ("name", "rank", "in_use", "retired_at")
    column_export_list = ("name", "rank", "students", "in_use")
    number_columns = ("rank", "students")
    form_columns = ("name", "rank")
    bulk_edit_columns = ()
    details_template = "admin/level/details.html"

    def prepare_rows(self, rows: list[Any]) -> None:
        """How many active students are in each level of the page."""
        counted = select(Student.level_id, func.count()).where(Student.level_id.in_([row.id for row in rows]), Student.status == StudentStatus.active)
        g.in_level = dict(db.session.execute(counted.group_by(Student.level_id)).all())


class ShareForm(FlaskForm):
    """With whom."""

    people = RowsField(Lookup("shared_with", *STAFF_LOOKUP), _("Colleagues"), validators=[InputRequired()])


class MembersForm(FlaskForm):
    """Whom to add."""

    students = RowsField(Lookup("students", *STUDENT_LOOKUP), _("[Students]"))


class Groups(Screen):
    """Classes and other groups: a set of students to write to, print or give work at once."""

    model = Group
    name = _("[Groups]")
    name_of_one = _("[Group]")
    icon = "group"
    add_label = _("Add [a group]")
    empty = {"icon": "group", "title": _("[No group] yet"), "sentence": _("[A group] serves to write, print or give work at once.")}
    column_list = ("name", "category", "size", "owner", "shared_with")
    column_labels = {"size": _("[Students]")}
    column_sortable_list = ("name", "category")
    column_default_sort = [("category", False), ("name", False)]
    column_searchable_list = ("name",)
    column_formatters = {"size": lambda _v, _c, row, _n: g.sizes.get(row.id, 0)}
    column_details_list = ("name", "long_name", "category", "owner", "shared_with")
    column_export_list = ("name", "long_name", "category", "size", "owner")
    number_columns = ("size",)
    form_columns = ("name", "category", "long_name", "shared_with")
    form_sections = (("", (("name", 6), ("category", 6), ("long_name", 12), ("shared_with", 12))),)
    bulk_edit_columns = ("category",)
    lookups = {"shared_with": STAFF_LOOKUP, "students": STUDENT_LOOKUP}
    details_template = "admin/group/details.html"

    def __init__(self) -> None:
        self.column_filters = ("category", Row(Group.owner_id, _("Owner"), "owner", User, staff_of_school))
        super().__init__()

    # -- list

    def get_query(self) -> Any:
        """With the colleagues it is shared with, one query for the page."""
        return super().get_query().options(selectinload(Group.shared_with))

    def detail_options(self) -> tuple[Any, ...]:
        """With the colleagues it is shared with."""
        return (*super().detail_options(), selectinload(Group.shared_with))

    def count_text(self, count: int | None) -> str:
        """How many groups."""
        return "" if count is None else ngettext("%(num)d [group]", "%(num)d [groups]", count)

    def prepare_rows(self, rows: list[Any]) -> None:
        """How many active students each group of the page holds, in one query."""
        ids = [row.id for row in rows]
        joined = select(Group.id.label("id"), Student.id.label("student")).join(Group.members).where(Group.id.in_(ids), Student.status == StudentStatus.active)
        at_home = select(Student.homeroom_id, Student.id).where(Student.homeroom_id.in_(ids), Student.status == StudentStatus.active)
        both = joined.union(at_home).subquery()
        g.sizes = dict(db.session.execute(select(both.c.id, func.count()).group_by(both.c.id)).all())

    # -- form

    def may_share(self, group: Group) -> bool:
        """Whether the person may say who else uses the group: everybody's for some roles, their own for others."""
        return self.may("share") and (reach(WHO.get().roles, "group", "share") != "o" or self.is_own(group))

    def may_delete(self, group: Group) -> bool:
        """Whether the delete button leads anywhere: their own groups only, for some roles."""
        return self.may("delete") and (reach(WHO.get().roles, "group", "delete") != "o" or self.is_own(group))

    def edit_form(self, obj: Any = None) -> Any:
        """A colleague's group is not shared further by those with whom it is shared."""
        form = super().edit_form(obj)
        if obj is not None and not self.may_share(obj):
            del form.shared_with
        return form

    def on_model_change(self, form: Any, model: Group, is_created: bool) -> None:
        """Who makes a group owns it."""
        if is_created:
            model.owner_id = WHO.get().user_id

    def delete_refusal(self, row: Group) -> str | None:
        """A class with students in it stays."""
        problem = row.deletion_problem()
        return problem.sentence if problem else None

    def delete_sentence(self, row: Group) -> str:
        """What goes with the group."""
        return gettext("The [students] stay: only the [group] goes.") + " " + self.delete_remedy()

    # -- members

    def render(self, template: str, **kwargs: Any) -> str:
        """The page of a group shows its members, to whoever reads students."""
        if template == self.details_template:
            group: Group = kwargs["model"]
            members = self.members(group) if self.may("read", "student") else None
            kwargs.update(members=members, members_form=MembersForm(formdata=None), own=self.is_own(group), may_share=self.may_share(group))
        return super().render(template, **kwargs)

    def members(self, group: Group) -> list[Student]:
        """The students of the group, as far as they exist for this person, by name."""
        joined = Student.id.in_(select(group_member.c.student_id).where(group_member.c.group_id == group.id))
        inside = Student.homeroom_id == group.id if group.category is GroupCategory.klass else joined
        statement = select(Student).where(inside).options(undefer(Student.homeroom_name)).order_by(Student.search_key, Student.id).limit(SHOWN)
        return list(db.session.scalars(statement))

    @expose("/add/", methods=("POST",))
    @gate("edit")
    def add_view(self) -> ResponseReturnValue:
        """Add the chosen students."""
        group = self.posted_group()
        form = MembersForm()
        if not form.validate() or not form.students.data:
            flash(next(iter(form.students.errors), gettext("Choose [a student] in the list.")), "danger")
            db.session.rollback()
            return self.to_group(group.id, 422)
        screens()["student"].check_reach("add_to_group", [student.id for student in form.students.data])
        for student in form.students.data:
            student.add_to_group(group)
        n = len(form.students.data)
        record(db.session, "members_added", self.table, group.id, rows=n)
        db.session.commit()
        flash(ngettext("%(num)d [student] added.", "%(num)d [students] added.", n), "success")
        return self.to_group(group.id)

    @expose("/remove/", methods=("POST",))
    @gate("edit")
    def remove_view(self) -> ResponseReturnValue:
        """Take one student out."""
        group = self.posted_group()
        identifier = request.form.get("student", "")
        if not identifier.isdecimal() or len(identifier) > 18:
            abort(400)
        student = db.session.scalar(select(Student).where(Student.id == int(identifier)))
        if student is None:
            abort(404)
        try:
            group.remove(student)
        except Refusal as refusal:
            db.session.rollback()
            flash(refusal.sentence, "danger")
            return self.to_group(group.id)
        record(db.session, "members_removed", self.table, group.id)
        db.session.commit()
        flash(gettext("%(name)s is no longer in this [group].", name=str(student)), "success")
        return self.to_group(group.id)

    def posted_group(self) -> Group:
        """The group that the form is about."""
        group: Group = self.get_one(request.form.get("id", ""))
        self.check_row("edit", group)
        return group

    def paper_verbs(self) -> list[tuple[str, Any]]:
        """The papers that the person may print for a group, as the list of students names them."""
        verbs = screens()["student"].verbs
        return [(name, verbs[name].text) for name in PAPERS if self.may(name, "student")]

    def to_group(self, group_id: int, status: int = 303) -> ResponseReturnValue:
        """Back to the group's page; after a mistake the page is shown with it."""
        back = own_path(request.form.get("url")) or None
        if status == 303:
            return redirect(self.get_url(".details_view", id=group_id, url=back), code=303)
        page = self.render(
            self.details_template,
            model=self.get_one(group_id),
            details_columns=self._details_columns,
            get_value=self.get_detail_value,
            return_url=back or self.get_url(".index_view"),
        )
        return page, status

    # -- verbs

    @verb("share", _("Share"), ask=ShareForm, icon="users")
    def share(self, record: Group, people: list[User]) -> None:
        """Let colleagues see and use the group."""
        record.share(people)

    def prepare_share(self, selection: Any, form: Any) -> dict[str, Any]:
        """What it means."""
        return {
            "count_sentence": ngettext("[group] chosen.", "[groups] chosen.", selection.count),
            "left_out": gettext("[Teachers] and [counsellors] who share [a group] follow its [students]: they see their files and may change them."),
        }


def register(app: Flask, admin: Admin) -> None:
    """Both screens."""
    for screen in (Groups(), Levels()):
        admin.add_view(screen)
