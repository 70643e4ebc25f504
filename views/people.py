"""Students and their guardians."""

from __future__ import annotations

from typing import Any

from flask import Flask, request, url_for
from flask_admin import Admin
from flask_wtf import FlaskForm
from sqlalchemy.orm import joinedload, selectinload, undefer
from wtforms import SelectField
from wtforms.validators import InputRequired

from models.access import User
from models.account_holder import held_by, holder
from models.activation import missing_clause
from models.base import today
from models.bulk_target import withheld
from models.db import db
from models.duplicates import doubles_clause
from models.followed import access, deletion_problem, with_access
from models.people import Group, Guardian, GuardianLink, Student, StudentStatus
from models.school import Level, School
from models.scope import current_school_id
from models.student_accounts import account_of, with_account
from models.studies import Programme
from views import checks
from views.account import LANGUAGES
from views.activation import CodesVerbs
from views.base import Screen
from views.code_pages import LanguageIs, OpenedFor
from views.colleagues import GUARDIAN_LOOKUP, PROGRAMME_LOOKUP, STAFF_LOOKUP, STUDENT_LOOKUP
from views.fields import Lookup, RowField
from views.filters import Clause, Member, Row
from views.formats import zone
from views.guardian_links import GuardianLinks
from views.i18n import gettext, ngettext, pgettext
from views.i18n import lazy_gettext as _
from views.i18n import lazy_pgettext as _p
from views.merge import MergeVerb
from views.message_student import MessageVerb
from views.papers import PaperVerbs
from views.promote import PromoteVerb
from views.registering import RegisterVerb
from views.reset_letters import ResetLetterVerb
from views.saving import own_path
from views.searching import like, words_of
from views.second_step_verb import SecondStepVerb, offered_on
from views.student_accounts import AccountVerbs, OwnAccountIs, account_fits
from views.student_file import StudentFile
from views.student_lookup import OF_ADMISSION, StudentLookup, lookup_filters, of_admission
from views.student_search import StatusIs, ids_by_class, is_class, offered, tally
from views.transfer_student import TransferVerb
from views.verbs import verb


def in_school_language(form: Any) -> Any:
    """A new person reads the language of the school, unless somebody chooses another."""
    school = db.session.get(School, current_school_id()) if request.method == "GET" else None
    if school is not None:
        form.language.data = school.language
    return form


class AddToGroupForm(FlaskForm):
    """Which group."""

    group = RowField(Lookup("group", Group, ("name",)), _("[Group]"), validators=[InputRequired()])


class Students(
    OpenedFor,
    CodesVerbs,
    MessageVerb,
    PaperVerbs,
    AccountVerbs,
    MergeVerb,
    TransferVerb,
    PromoteVerb,
    SecondStepVerb,
    RegisterVerb,
    StudentLookup,
    StudentFile,
    Screen,
):
    """Pupils, students, candidates: the list that the whole school works from."""

    model = Student
    name = _("[Students]")
    name_of_one = _("[Student]")
    icon = "student"
    add_label = _("Add [a student]")
    title_column = "name"
    column_list = ("name", "homeroom_name", "level", "national_id", "born_on", "access", "status")
    column_labels = {
        "name": _("Name and given name"),
        "access": _("Access"),
        "account": _("Own account"),
        "national_id": _("Identifier"),
        "born_on": _("Birth"),
        "grid": _("Grid"),
        "programme_number": _p("column", "Prog. no."),
        "programme_title": _p("column", "Prog. title"),
    }
    column_sortable_list = (("name", "search_key"), "homeroom_name", ("level", "level.rank"), "national_id", "born_on", "status")
    column_default_sort = [("search_key", False), ("id", False)]
    column_searchable_list = ("search_key",)
    column_export_list = (
        *("family_name", "given_name", "usage_name", "homeroom_name", "level", "programme", "national_id", "local_id", "sex", "born_on"),
        *("email", "phone", "address1", "address2", "postal_code", "town", "adviser", "access", "account", "status"),
    )
    column_details_list = ("local_id", *OF_ADMISSION)
    nowrap_columns = ("name", "homeroom_name", "national_id", "born_on", "local_id", "grid", "programme_number")
    column_formatters = {
        "name": lambda _v, _c, row, _n: str(row),
        "access": lambda _v, _c, row, _n: access(row),
        "account": lambda _v, _c, row, _n: account_of(row),
        **{name: of_admission(name) for name in OF_ADMISSION},
    }
    form_columns = (
        *("family_name", "given_name", "usage_name", "middle_names", "sex", "born_on", "national_id", "local_id"),
        *("level", "programme", "homeroom", "adviser", "language", "email", "phone", "address1", "address2", "postal_code", "town"),
    )
    form_sections = (
        (
            _("Identity"),
            (("family_name", 6), ("given_name", 6), ("usage_name", 6), ("middle_names", 6), ("sex", 3), ("born_on", 3), ("national_id", 3), ("local_id", 3)),
        ),
        (_("Schooling"), (("level", 3), ("homeroom", 3), ("programme", 6), ("adviser", 3), ("language", 3))),
        (_("How to reach"), (("email", 6), ("phone", 6), ("address1", 6), ("address2", 6), ("postal_code", 3), ("town", 6))),
    )
    form_overrides = {"language": SelectField}
    form_args = {
        "language": {"choices": dict(LANGUAGES)},
        "born_on": {"validators": [checks.past_date]},
        "email": {"validators": [checks.email]},
        "phone": {"validators": [checks.phone]},
        "postal_code": {"validators": [checks.postal_code]},
    }
    bulk_edit_columns = ("level", "programme", "homeroom", "adviser", "language", "sex", "address1", "address2", "postal_code", "town")
    verb_order = (
        *("generate_codes", "send_message", "create_account", "print_access_cards"),
        *("add_to_group", "print_class_list", "print_labels", "print_certificate"),
    )
    lookups = {
        "programme": PROGRAMME_LOOKUP,
        "homeroom": (Group, ("name",), is_class),
        "adviser": STAFF_LOOKUP,
        "group": (Group, ("name",)),
        "other": STUDENT_LOOKUP,
    }

    opened_for = {"codes": ("generate_codes", _("Tick [students], or all of them below the list; then create their codes."))}

    def __init__(self) -> None:
        self.column_filters = (
            Clause(Student.id, _("Without access"), "access", missing_clause),
            OwnAccountIs(Student.id, _("Own account"), "account"),
            Clause(Student.id, _("Possible duplicates"), "doubles", lambda: doubles_clause(Student)),
            Clause(Student.id, _("With a national identifier"), "identified", lambda: Student.national_id.is_not(None)),
            StatusIs(Student.status, _("Status"), "status"),
            Row(Student.level_id, _("[Level]"), "level", Level, lambda: offered("level")),
            Row(Student.programme_id, _("[Programme]"), "programme", Programme, lambda: offered("programme")),
            Row(Student.homeroom_id, _("Class"), "homeroom", Group, lambda: offered("class")),
            Member(Student.groups, _("[Group]"), "groups", Group, lambda: offered("group")),
            Row(Student.adviser_id, _("[Counsellor]"), "adviser", User, lambda: offered("adviser")),
            LanguageIs(Student.language, _("Language"), "language"),
            "born_on",
            *lookup_filters(),
        )
        super().__init__()

    # -- list

    @property
    def empty(self) -> dict[str, Any]:  # type: ignore[override]  # each is told what they can do
        """What an empty list says, by right."""
        sentence = _("The people in charge of the [school]’s records add them. You see here those who concern you.")
        if self.may("create", "import_"):
            sentence = _("Import the list of your [school], or add one [student] at a time.")
        elif self.may("create"):
            sentence = _("Add one [student] at a time.")
        return {"icon": "student", "title": _("[No student] yet"), "sentence": sentence}

    def get_query(self) -> Any:
        """With the class's name and the access, which the row itself does not hold."""
        return super().get_query().options(undefer(Student.homeroom_name), with_access(), with_account())

    def get_list(self, page: Any, sort_column: Any, sort_desc: Any, search: Any, filters: Any, **options: Any) -> tuple[int | None, Any]:
        """The list shows active students unless a status is asked for; the search over everything (no filters) shows all."""
        position = next(i for i, flt in enumerate(self._filters or ()) if isinstance(flt, StatusIs))
        if filters is not None and all(index != position for index, _name, _value in filters):
            filters = [*filters, (position, "", StudentStatus.active.name)]
        return super().get_list(page, sort_column, sort_desc, search, filters, **options)

    def ids_of(self, query: Any, first: int, size: int, *, by: Any, desc: bool) -> list[int]:
        """A long list by class begins with the classes."""
        return ids_by_class(query, first, size, desc=desc) if by == "homeroom_name" and tally().large else super().ids_of(query, first, size, by=by, desc=desc)

    def counted(self, query: Any, search: Any, filters: Any) -> int:
        """The tabs know how many are active, left, or all."""
        flt = self._filters[filters[0][0]] if len(filters or ()) == 1 else None
        if not search and isinstance(flt, StatusIs):
            n, status = tally(), flt.clean(filters[0][2])
            return n.all if status is None else n.active if status is StudentStatus.active else n.left
        return super().counted(query, search, filters)

    def count_text(self, count: int | None) -> str:
        """How many students."""
        return "" if count is None else ngettext("%(num)d [student]", "%(num)d [students]", count)

    @property
    def views(self) -> list[dict[str, Any]]:  # type: ignore[override]  # counted at each request
        """Active, without access, deactivated, all."""
        chosen = {key.partition("_")[2]: value for key, value in request.args.items() if key.startswith("flt")}
        here = ("access", "") if chosen.get("access.Clause") == "1" else ("status", chosen.get("status.Is", "active"))
        n = tally()
        tabs: tuple[tuple[tuple[str, str], str, int | None, dict[str, str]], ...] = (
            (("status", "active"), pgettext("students", "[student|Active|Active]"), n.active, {}),
            (("access", ""), gettext("Without access"), n.unseen, {"flt0_access.Clause": "1"}),
            (("status", "left"), pgettext("students", "[student|Deactivated|Deactivated]"), n.left, {"flt0_status.Is": "left"}),
            (("status", "all"), pgettext("students", "[student|All|All]"), n.all, {"flt0_status.Is": "all"}),
        )
        return [{"label": label, "n": many, "url": self.get_url(".index_view", **args), "current": here == key} for key, label, many, args in tabs]

    # -- form

    def create_form(self, obj: Any = None) -> Any:
        """The school's own language first."""
        return in_school_language(super().create_form(obj))

    def edit_form(self, obj: Any = None) -> Any:
        """Who follows only their own students keeps their profile; class, level and adviser are given by the school."""
        form = super().edit_form(obj)
        for name in withheld("student"):
            del form[name]
        return form

    def delete_refusal(self, row: Student) -> str | None:
        """A student with records is deactivated instead."""
        problem = deletion_problem(db.session, row)
        return problem.sentence if problem else None

    def delete_instead(self, row: Student) -> Any:
        """Deactivated instead: the records stay."""
        return self.verbs["deactivate"] if row.status is StudentStatus.active and self.may("deactivate") else None

    def delete_sentence(self, row: Student) -> str:
        """What goes with the student."""
        links = gettext(
            "The links to [guardians] go too, and come back with it; unused codes, reminders, and messages about this [student] in inboxes, go for good."
        )
        return f"{links} {self.delete_remedy()}"

    # -- verbs

    @verb("add_to_group", _("Add to [a group]"), ask=AddToGroupForm, icon="group")
    def add_to_group(self, record: Student, group: Group) -> None:
        """Join a class or another group."""
        record.add_to_group(group)

    def prepare_add_to_group(self, selection: Any, form: Any) -> dict[str, Any]:
        """How many join."""
        return {
            "count_sentence": ngettext("[student] chosen.", "[students] chosen.", selection.count),
            "left_out": gettext("In a class, they leave the class they are in; in any other [group], they keep their own."),
            "verb_label": ngettext("Add %(num)d [student]", "Add %(num)d [students]", selection.count),
        }

    def verb_fits(self, verb: str, row: Student) -> bool:
        """Who left is not deactivated again."""
        active = row.status is StudentStatus.active
        if verb in ("create_account", "print_access_cards"):
            return account_fits(verb, row)
        if verb == "remove_two_factor":
            return offered_on(row)
        return {"deactivate": active, "reactivate": not active, "promote": active}.get(verb, True)

    @verb("deactivate", _("Deactivate"))
    def deactivate(self, record: Student) -> None:
        """The student leaves; the records stay."""
        record.deactivate(today(zone().key))

    @verb("reactivate", _("Reactivate"))
    def reactivate(self, record: Student) -> None:
        """The student comes back."""
        record.reactivate()


class Guardians(ResetLetterVerb, MergeVerb, SecondStepVerb, Screen):
    """Parents and other adults; whether they have signed up, and for which children."""

    model = Guardian
    name = _("[Guardians]")
    name_of_one = _("[Guardian]")
    icon = "users"
    add_label = _("Add [a guardian]")
    empty = {"icon": "users", "title": _("[No guardian] yet"), "sentence": _("They come with the import of [students], or one at a time.")}
    title_column = "name"
    column_list = ("name", "children", "phone", "email", "town", "account")
    column_labels = {"name": _("Name and given name"), "children": _("Children"), "account": _("Account")}
    column_sortable_list = (("name", "search_key"), "email", "town")
    column_default_sort = [("search_key", False), ("id", False)]
    column_searchable_list = ("search_key",)
    column_details_list = ("title", "family_name", "given_name", "account", "email", "phone", "address1", "address2", "postal_code", "town")
    column_export_list = ("title", "family_name", "given_name", "children", "email", "phone", "address1", "address2", "postal_code", "town", "account")
    nowrap_columns = ("phone",)
    column_formatters = {
        "name": lambda _v, _c, row, _n: str(row),
        "children": lambda _v, _c, row, _n: children_of(row),
        "account": lambda _v, _c, row, _n: holder(row) or row.account,
    }
    column_formatters_detail: dict[str, Any] = {}  # (the page of the record tells it above)
    form_columns = ("title", "family_name", "given_name", "language", "email", "phone", "address1", "address2", "postal_code", "town")
    form_sections = (
        (_("Identity"), (("title", 3), ("family_name", 6), ("given_name", 6), ("language", 3))),
        (_("How to reach"), (("email", 6), ("phone", 6), ("address1", 6), ("address2", 6), ("postal_code", 3), ("town", 6))),
    )
    form_overrides = {"language": SelectField}
    form_args = {
        "language": {"choices": dict(LANGUAGES)},
        **{name: {"validators": [getattr(checks, name)]} for name in ("email", "phone", "postal_code")},
    }
    bulk_edit_columns = ("title", "language", "address1", "address2", "postal_code", "town")
    lookups = {"other": GUARDIAN_LOOKUP}
    details_template = "admin/student/guardian.html"

    def __init__(self) -> None:
        self.column_filters = (
            Clause(Guardian.id, _("With an account"), "account", lambda: Guardian.user_id.is_not(None)),
            Clause(Guardian.id, _("Possible duplicates"), "doubles", lambda: doubles_clause(Guardian)),
            "town",
        )
        super().__init__()

    def get_query(self) -> Any:
        """With the children, two queries for the whole page."""
        return super().get_query().options(selectinload(Guardian.links).joinedload(GuardianLink.student), joinedload(Guardian.user))

    def _apply_search(self, query: Any, count_query: Any, joins: Any, count_joins: Any, search: str) -> Any:
        """By the record's words, or those of the account, which may be somebody else's."""
        for word in words_of(search):
            own = self._word_clause(Guardian.search_key, (), word)
            clause = own if word.startswith("^") else own | held_by(like(word))
            query, count_query = query.filter(clause), count_query.filter(clause) if count_query is not None else None
        return query, count_query, joins, count_joins

    def detail_options(self) -> tuple[Any, ...]:
        """The children come with the guardian."""
        return (
            *super().detail_options(),
            joinedload(Guardian.user),
            selectinload(Guardian.links).joinedload(GuardianLink.student).undefer(Student.homeroom_name),
        )

    def holder(self, row: Guardian) -> str:
        """Who opened the account, where the record names somebody else."""
        return holder(row)

    def count_text(self, count: int | None) -> str:
        """How many guardians."""
        return "" if count is None else ngettext("%(num)d [guardian]", "%(num)d [guardians]", count)

    def create_form(self, obj: Any = None) -> Any:
        """The school's own language first."""
        return in_school_language(super().create_form(obj))

    def on_model_change(self, form: Any, model: Guardian, is_created: bool) -> None:
        """The dialled form of the phone follows what was typed."""
        model.phone_e164 = checks.dialled(model.phone)

    def get_save_return_url(self, model: Any, is_created: bool = False) -> str:
        """A guardian added from a student's file is linked next."""
        student = request.args.get("student", "")
        if is_created and student.isdecimal() and self.may("create", "guardian_link"):
            return url_for("guardian_link.create_view", student=student, guardian=model.id, url=own_path(request.args.get("url")))
        return str(super().get_save_return_url(model, is_created))

    def delete_refusal(self, row: Guardian) -> str | None:
        """A guardian with an account is not deleted: the person would lose sight of what they joined."""
        if row.user_id is None:
            return None
        return gettext("%(name)s has an account: it cannot be deleted. To close the access, suspend the link with each child.", name=str(row))

    def delete_sentence(self, row: Guardian) -> str:
        """What goes with the guardian."""
        return gettext("The links to [students] go too, and come back with it.") + " " + self.delete_remedy()


def children_of(guardian: Guardian) -> str:
    """The children's names, as far as they exist for this person; the family name only where it is another."""
    children = [link.student for link in guardian.links if link.student is not None]
    return ", ".join(sorted(child.given_name if child.family_name == guardian.family_name else child.name for child in children))


def register(app: Flask, admin: Admin) -> None:
    """The screens of people."""
    for screen in (Students(), Guardians(), GuardianLinks()):
        admin.add_view(screen)
