"""Code lists: the short codes that records hold (SP, 10, EE SR...), each with its label, which a school may add to.

A list is declared here; its codes are rows of the school. A code is never deleted: what is retired stays readable on the records that
hold it and is offered no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Index, String, UniqueConstraint, event, inspect, select
from sqlalchemy.orm import Mapped, Session, mapped_column, object_session, validates

from models.base import Base, Choice, Identified, Refusal, Stamped, Versioned, choice_column
from models.code_words import OF_THE_NETWORK, WORDS, Source
from models.custom import Extensible
from models.retiring import Retirable
from models.rights import STUDIES_ONLY, may
from models.school import Country
from models.scope import SchoolScoped, current_school_id
from models.transaction_cache import forget_with
from models.values import tidy
from models.words import _, _p, in_language

if TYPE_CHECKING:
    from models.school import School

LONGEST_CODE = 20

# Codes that the application reads: the rules of registrations hang from them (models/enrolment_rules.py), so that they are never renamed.
READ: dict[str, frozenset[str]] = {
    "rac_type": frozenset({"EE SR"}),
    "census_status": frozenset({"0", "1"}),
    "remark": frozenset({"EQ", "DI", "SU", "EC", "IT", "IN", "AE"}),
}


class CodeList(Choice):
    """The lists that the application knows; those of the studies are kept by the registrar too."""

    course_category = "course_category", _("Category of [the course]"), "mute"
    funding_source = "funding_source", _("Funding source"), "mute"
    rac_type = "rac_type", _("Kind of recognition (RAC)"), "mute"
    delivery_mode = "delivery_mode", _("Distance learning"), "mute"
    teaching_language = "teaching_language", _("Language of the activity"), "mute"
    prerequisites = "prerequisites", _("Prerequisites"), "mute"
    assignment_state = "assignment_state", _("State of assignment"), "mute"
    substitution = "substitution", _("Meant as a substitution"), "mute"
    retake = "retake", _("Right to a re-sit"), "mute"
    remark = "remark", _("Remark on a result"), "mute"
    full_time = "full_time", _("Deemed full-time"), "mute"
    study_situation = "study_situation", _("Situation of studies"), "mute"
    census_status = "census_status", _("Census status"), "mute"
    partner = "partner", _("Partner organisation"), "mute"
    leaving_reason = "leaving_reason", _("Reason for leaving"), "mute"

    @property
    def of_studies(self) -> bool:
        """Whether the registrar keeps it (rights: study lists)."""
        return self is not CodeList.leaving_reason


class CodeValue(Base, Identified, SchoolScoped, Stamped, Versioned, Extensible, Retirable):
    """One code of one list. `source` says where it comes from, so that a school knows what it may trust."""

    __tablename__ = "code_value"
    __table_args__ = (UniqueConstraint("school_id", "code_list", "code"), Index("ix_code_value_order", "school_id", "code_list", "rank", "code"))

    code_list: Mapped[CodeList] = mapped_column(choice_column(CodeList), info={"label": _("Code list")})
    code: Mapped[str] = mapped_column(String(LONGEST_CODE), info={"label": _p("code_value", "Code")})
    label: Mapped[str] = mapped_column(String(120), info={"label": _p("code_value", "Label")})
    help: Mapped[str] = mapped_column(String(400), default="", info={"label": _("What it means")})
    rank: Mapped[int] = mapped_column(default=0, info={"label": _("Order")})
    source: Mapped[Source] = mapped_column(choice_column(Source), default=Source.school, info={"label": _("Comes from")})

    def __str__(self) -> str:
        return f"{self.code} – {self.label}"

    @validates("code", "label")
    def _need_text(self, key: str, value: str | None) -> str:
        """Both are needed; a code is in capitals, as records write it."""
        text = tidy(value or "", limit=LONGEST_CODE if key == "code" else 120)
        if not text:
            raise Refusal(_("A code needs its code and its label. Fill in both."))
        return text.upper() if key == "code" else _curly(text)

    @validates("help")
    def _tidy_help(self, _key: str, value: str | None) -> str:
        return _curly(tidy(value or "", limit=400))


def _curly(text: str) -> str:
    """Words as they are printed: `tidy` makes every apostrophe straight, for names that are compared."""
    return text.replace("'", "’")


_CACHE = "codes of the school"


def read_codes(session: Session, school_id: int | None = None) -> dict[tuple[CodeList, str], CodeValue]:
    """The codes of a school (the current one) by list and code, in the order of the lists: one statement a transaction.

    They stay in the session meanwhile, so that the codes of a thousand registrations ask for nothing more.
    """
    cache: dict[int | None, dict[tuple[CodeList, str], CodeValue]] = session.info.setdefault(_CACHE, {})
    school = school_id or current_school_id()
    if school not in cache:
        wanted = select(CodeValue).where(CodeValue.school_id == school).order_by(CodeValue.code_list, CodeValue.rank, CodeValue.code)
        with session.no_autoflush:
            cache[school] = {(one.code_list, one.code): one for one in session.scalars(wanted)}
    return cache[school]


def default_code(session: Session, code_list: CodeList, school_id: int | None = None) -> CodeValue | None:
    """The usual code of a list: the first that is still offered, as the school has ordered them; None for an empty list."""
    codes = read_codes(session, school_id)
    return next((one for (of, _code), one in codes.items() if of is code_list and one.retired_at is None), None)


def known_code(session: Session, code_list: CodeList, code: str, school_id: int | None = None) -> CodeValue | None:
    """The code of a list, also one that is no longer offered; None when the school has none such."""
    return read_codes(session, school_id).get((code_list, code))


forget_with(_CACHE, CodeValue)


@event.listens_for(CodeValue, "before_update")
def _keep_what_is_read(_mapper: Any, _connection: Any, row: CodeValue) -> None:
    """Refused: another code, or another list, for one that a rule reads."""
    attrs = inspect(row).attrs
    code_list, code = ((attrs[key].history.deleted or [getattr(row, key)])[0] for key in ("code_list", "code"))
    if code in READ.get(CodeList(code_list).name, ()) and (code, code_list) != (row.code, row.code_list):
        raise Refusal(_("The application reads the code %(code)s: it keeps it. Change its label, or retire it and add another code."), code=code)


def may_keep(roles: Iterable[str], code_list: CodeList) -> bool:
    """Whether a list is theirs to keep, as far as these roles may edit codes at all."""
    return code_list.of_studies or may([role for role in roles if role not in STUDIES_ONLY], "code_value", "edit")


def kept_lists(roles: Iterable[str]) -> list[CodeList]:
    """The lists that these roles keep."""
    held = list(roles)
    return [one for one in CodeList if may_keep(held, one)]


def create_codes(school: School) -> int:
    """Give a school the codes it lacks, in its language; how many were added. Those that it changed or retired are left alone."""
    session = object_session(school)
    if session is None:
        raise ValueError("the school must be in a session")
    session.flush()
    known = {tuple(row) for row in session.execute(select(CodeValue.code_list, CodeValue.code).where(CodeValue.school_id == school.id))}
    rows = [row for row in rows_of(school) if (row["code_list"], row["code"]) not in known]
    session.add_all(CodeValue(**row) for row in rows)
    return len(rows)


def rows_of(school: School) -> list[dict[str, Any]]:
    """The usual codes of its country as the columns of rows, labels in the school's language."""
    with in_language(school.language):
        return [
            {
                "school_id": school.id,
                "code_list": CodeList[key],
                "code": code,
                "label": str(label),
                "help": str(help_),
                "rank": rank,
                "source": source,
            }
            for key, words in WORDS.items()
            if school.country is Country.CA or key not in OF_THE_NETWORK
            for rank, (code, label, help_, source) in enumerate(words, 1)
        ]
