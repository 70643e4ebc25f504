"""Code lists: the short codes that records hold (SP, 10, EE SR...), each with its label, which a school may add to.

A list is declared here; its codes are rows of the school. A code is never deleted: what is retired stays readable on the records that
hold it and is offered no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Index, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column, object_session, validates

from models.access import Role
from models.base import Base, Choice, Identified, Refusal, Stamped, Versioned, choice_column
from models.code_words import OF_THE_NETWORK, WORDS, Source
from models.custom import Extensible
from models.retiring import Retirable
from models.rights import may
from models.school import Country
from models.scope import SchoolScoped
from models.values import tidy
from models.words import _, _p, in_language

if TYPE_CHECKING:
    from models.school import School

LONGEST_CODE = 20


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


# Whose right to edit and retire codes reaches the lists of the studies only (rights: "study lists").
STUDIES_ONLY = frozenset({Role.registrar.name})


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
