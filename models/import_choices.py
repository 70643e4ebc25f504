"""The values that a cell with a closed list may take, as the preview offers them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access import Role
from models.admissions import AdmissionStatus
from models.codes import CodeList, CodeValue
from models.custom_import import NO, YES, options_of, spec_of
from models.import_study_fields import CODE_COLUMNS, STUDY_PLACES
from models.people import Authority, Group, GroupCategory, Relation, Sex
from models.rights import may_give
from models.school import Level
from models.scope import WHO
from models.staff_words import options
from models.studies import OrgUnit, Programme, ProgrammeKind, Term
from models.words import _

LANGUAGES = (("fr", "Français"), ("fr_CA", "Français (Québec)"), ("en", "English"))  # languages name themselves
CHOICES: dict[str, type[Any]] = {
    "sex": Sex,
    "relation": Relation,
    "authority": Authority,
    "admission_status": AdmissionStatus,
    "sanction": ProgrammeKind,
}

# The lists that the school itself makes: what they lack may come with the import.
PLACES = ("level", "programme", "homeroom")


def values_of(session: Session, school_id: int, bare: str) -> list[tuple[str, Any]] | None:
    """(text of the cell, words) of a field, in the order of the lists; None for a field without one. Asks once for levels, programmes and classes."""
    if bare == "level":
        return [(name, name) for name in session.scalars(select(Level.name).where(Level.school_id == school_id).order_by(Level.rank, Level.name))]
    if bare == "programme":
        offered = select(Programme).where(Programme.school_id == school_id, Programme.retired_at.is_(None))
        return [(one.code, str(one)) for one in session.scalars(offered.order_by(Programme.code))]
    if bare == "homeroom":
        classes = select(Group.name).where(Group.school_id == school_id, Group.category == GroupCategory.klass)
        return [(name, name) for name in session.scalars(classes.order_by(Group.name))]
    if bare in CODE_COLUMNS:
        codes = select(CodeValue).where(CodeValue.school_id == school_id, CodeValue.code_list == CODE_COLUMNS[bare], CodeValue.retired_at.is_(None))
        return [(one.code, str(one)) for one in session.scalars(codes.order_by(CodeValue.rank, CodeValue.code))]
    if bare == "taken":
        return [(YES, _("Yes")), (NO, _("No"))]
    if bare in STUDY_PLACES:
        return _study_places(session, school_id, bare)
    if bare == "language":
        return list(LANGUAGES)
    if bare == "role":
        return options({role for role in Role if may_give(WHO.get().roles, role.name)})
    if (own := spec_of(bare)) is not None:
        return options_of(own)
    choice = CHOICES.get(bare)
    return None if choice is None else [(member.name, member.label) for member in choice]


def _study_places(session: Session, school_id: int, bare: str) -> list[tuple[str, Any]]:
    """The terms, latest first, the organisational units, or the partners of a school."""
    if bare == "term":
        terms = session.scalars(select(Term).where(Term.school_id == school_id).order_by(Term.place.desc()))
        return [(one.short, str(one)) for one in terms]
    if bare == "org_unit":
        return [(one.code, str(one)) for one in session.scalars(select(OrgUnit).where(OrgUnit.school_id == school_id).order_by(OrgUnit.code))]
    partners = select(CodeValue).where(CodeValue.school_id == school_id, CodeValue.code_list == CodeList.partner, CodeValue.retired_at.is_(None))
    return [(one.label, str(one)) for one in session.scalars(partners.order_by(CodeValue.rank, CodeValue.code))]
