"""The columns an import understands: their keys, the headings of the model file, their words on screen.

A mapping may only name these keys: anything else (`role`, `school_id`, `password_hash`) is refused. The same list serves the
reader, the preview and the model file. A key "g2.email" is the e-mail of the second guardian of the row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models.custom_import import key_of, own_specs
from models.custom_values import FieldKind, Spec
from models.import_moved_fields import MOVED
from models.import_study_fields import ADMISSIONS, CLOSED_LISTS, COURSES, DAYS, ENROLMENTS, GRIDS, RAC_GROUPS
from models.words import _

GUARDIANS_PER_ROW = 3
CHILDREN_PER_ROW = 8  # whom a line of guardians may name (Onde)


@dataclass(frozen=True)
class Field:
    """One understood column: its key, the heading the model file gives it, its words; `number` is the guardian's place in the row."""

    key: str
    heading: str
    label: Any
    number: int = 0
    own: Spec | None = None  # the school's own field, if it is one

    @property
    def bare(self) -> str:
        """The key without the guardian's place."""
        return self.key.partition(".")[2] or self.key

    @property
    def control(self) -> str:
        """How a person sets such a cell right: "date", "choice" (a closed list, models/import_choices.py) or "text"."""
        if self.key in CHILDREN:  # their class may come with the same import
            return "text"
        if self.own is not None:
            return {FieldKind.date: "date", FieldKind.choice: "choice", FieldKind.yes_no: "choice"}.get(self.own.kind, "text")
        return CONTROLS.get(self.bare, "text")


CONTROLS = {
    **dict.fromkeys(("born_on", "left_on", *DAYS), "date"),
    **dict.fromkeys(("level", "programme", "homeroom", "sex", "relation", "authority", "language", "role"), "choice"),
    **dict.fromkeys(CLOSED_LISTS, "choice"),
}
# What is one person's own: the same wrong text on two lines is not put right by one answer.
OWN = frozenset(
    {"family_name", "given_name", "full_name", "national_id", "local_id", "file_id", "source_ref", "student_ref", "guardian_ref", "username", "mark"}
)

_STUDENT = (
    ("family_name", "nom", _("Family name")),
    ("given_name", "prenom", _("Given name")),
    ("full_name", "nom_prenom", _("Family name, then given name")),
    ("usage_name", "nom_usage", _("Name in use")),
    ("middle_names", "autres_prenoms", _("Other given names")),
    ("sex", "sexe", _("Sex")),
    ("born_on", "date_naissance", _("Date of birth")),
    ("national_id", "ine", _("National identifier (INE, permanent code)")),
    ("local_id", "numero_da", _("Local number")),
    ("file_id", "identifiant", _("Identifier in the file")),
    ("source_ref", "numero_siecle", _("Number in SIECLE")),
    ("level", "niveau", _("[Level]")),
    ("programme", "formation", _("[Programme]")),
    ("homeroom", "classe", _("Class")),
    ("groups", "groupes", _("[Groups]")),
    ("email", "courriel", _("E-mail")),
    ("phone", "telephone", _("Phone")),
    ("mobile", "portable", _("Mobile phone")),
    ("address1", "adresse", _("Address")),
    ("address2", "adresse_suite", _("Address, continued")),
    ("postal_code", "code_postal", _("Postal code")),
    ("town", "ville", _("Town")),
    ("language", "langue_correspondance", _("Language")),
    ("left_on", "date_sortie", _("Left on")),
    ("school_code", "uai", _("Code of [the school]")),
)
_GUARDIAN = (
    ("title", "civilite", _("Title (Mr, Ms)")),
    ("family_name", "nom", _("Family name")),
    ("given_name", "prenom", _("Given name")),
    ("email", "courriel", _("E-mail")),
    ("phone", "telephone", _("Phone")),
    ("mobile", "portable", _("Mobile phone")),
    ("address1", "adresse", _("Address")),
    ("address2", "adresse_suite", _("Address, continued")),
    ("postal_code", "code_postal", _("Postal code")),
    ("town", "ville", _("Town")),
    ("language", "langue_correspondance", _("Language")),
    ("relation", "lien", _("Tie")),
    ("authority", "niveau_responsabilite", _("Authority")),
)
_LINK = (
    ("student_ref", "eleve", _("Identifier of [the student]")),
    ("guardian_ref", "responsable", _("Identifier or e-mail of [the guardian]")),
    ("relation", "lien", _("Tie")),
    ("authority", "niveau_responsabilite", _("Authority")),
    ("link_state", "etat_du_lien", _("Link")),
)

STUDENT_FIELDS = tuple(Field(key, heading, label) for key, heading, label in _STUDENT)
ROW_GUARDIAN_FIELDS = tuple(
    Field(f"g{number}.{key}", f"responsable{number}_{heading}", label, number)
    for number in range(1, GUARDIANS_PER_ROW + 1)
    for key, heading, label in _GUARDIAN
)
# A child is known by names and class where a file of guardians has no identifier (Onde).
CHILD_FIELDS = tuple(
    Field(f"c{number}.{key}", f"enfant{number}_{heading}", label, number)
    for number in range(1, CHILDREN_PER_ROW + 1)
    for key, heading, label in _STUDENT
    if key in {"family_name", "usage_name", "given_name", "homeroom"}
)
CHILDREN = frozenset(field.key for field in CHILD_FIELDS)
GUARDIAN_FIELDS = (
    Field("file_id", "identifiant", _("Identifier in the file")),
    *(Field(key, heading, label) for key, heading, label in _GUARDIAN if key not in {"relation", "authority"}),
    *CHILD_FIELDS,
)
LINK_FIELDS = tuple(Field(key, heading, label) for key, heading, label in _LINK)
STAFF_FIELDS = (
    Field("family_name", "nom", _("Family name")),
    Field("given_name", "prenom", _("Given name")),
    Field("email", "courriel", _("E-mail")),
    Field("username", "identifiant", _("User name")),
    Field("role", "fonction", _("Function or role")),
    Field("born_on", "date_naissance", _("Date of birth")),
    Field("classes", "classes", _("Classes and [groups]")),
    Field("school_code", "uai", _("Code of [the school]")),
)
GROUP_FIELDS = (
    Field("name", "code", _("Name of [the group]")),
    Field("long_name", "libelle", _("Full name")),
    Field("category", "categorie", _("Category")),
)
PROGRAMME_FIELDS = (
    Field("code", "code", _("Code of [the programme]")),
    Field("title", "libelle", _("Title of [the programme]")),
    Field("short_title", "libelle_court", _("Short title of [the programme]")),
    Field("sanction", "sanction", _("Leads to")),
)
STUDY_FIELDS = {"courses": COURSES, "grids": GRIDS, "rac_groups": RAC_GROUPS, "admissions": ADMISSIONS, "enrolments": ENROLMENTS}
# What a file may be by its headings; the other kinds come with an official format or with a transfer, and nobody chooses them.
BY_HEADINGS = ("students", "guardians", "links", "staff", "programmes", *STUDY_FIELDS)


class Kinds(dict[str, dict[str, Field]]):
    """Kind of a file -> its columns by key: those of every school, then the fields that the present one has added."""

    def __getitem__(self, kind: str) -> dict[str, Field]:
        found, specs = super().__getitem__(kind), own_specs(kind)
        return {**found, **{field.key: field for field in map(own_field, specs)}} if specs else found


def own_field(spec: Spec) -> Field:
    """The column of one of the school's own fields: headed as the field is called."""
    return Field(key_of(spec), spec.label, spec.label, own=spec)


FIELDS = Kinds(
    students={field.key: field for field in (*STUDENT_FIELDS, *ROW_GUARDIAN_FIELDS)},
    guardians={field.key: field for field in GUARDIAN_FIELDS},
    links={field.key: field for field in LINK_FIELDS},
    staff={field.key: field for field in STAFF_FIELDS},
    groups={field.key: field for field in GROUP_FIELDS},
    programmes={field.key: field for field in PROGRAMME_FIELDS},
    **{kind: {key: Field(key, heading, label) for key, heading, label in columns} for kind, columns in STUDY_FIELDS.items()},
    **{kind: {key: Field(key, key, label) for key, label in columns} for kind, columns in MOVED.items()},
)


def model_headings() -> list[str]:
    """The headings of the model file that people may fill: students with their guardians in the same row."""
    left_out = {"full_name", "file_id", "source_ref", "groups", "school_code", "title", "mobile", "authority", "address2", "middle_names", "language"}
    return [field.heading for field in FIELDS["students"].values() if field.bare not in left_out]
