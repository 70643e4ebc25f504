"""The columns of files about the studies: courses, grids, the correspondence between groups and kinds of recognition, admissions, registrations.

(key, heading of the model file, words) of each; `models/import_fields.py` makes fields of them.
"""

from __future__ import annotations

from typing import Any

from models.codes import CodeList
from models.words import _, _p

Column = tuple[str, str, Any]

_STUDENT: tuple[Column, ...] = (
    ("student_ref", "numero_da", _("Local number")),
    ("national_id", "code_permanent", _("National identifier (INE, permanent code)")),
)
_PLACE: tuple[Column, ...] = (
    ("programme", "programme", _("[Programme]")),
    ("grid", "grille", _("Grid")),
)
_UNIT: Column = ("org_unit", "unite_org", _("Organisational unit"))
_COURSE: Column = ("course", "cours", _("[Course]"))
_UNITS: Column = ("units", "unites", _("Units"))

COURSES: tuple[Column, ...] = (
    ("course", "numero", _p("course", "Number")),
    ("course_title", "titre", _p("course", "Title")),
    ("discipline", "discipline", _("Title of the discipline")),
    _UNITS,
    ("hours", "heures", _("Hours a week")),
    ("course_category", "categorie", _("Category")),
    ("official_number", "numero_officiel", _("Official number")),
    ("sobec_number", "numero_sobec", _("SOBEC number")),
    ("objective", "objectif", _("Number of the objective")),
)
GRIDS: tuple[Column, ...] = (*_PLACE, ("grid_title", "titre_grille", _p("grid", "Title")), _UNIT, _COURSE, _UNITS)
RAC_GROUPS: tuple[Column, ...] = (
    _COURSE,
    ("group", "groupe", _("Number of [the group]")),
    ("rac_type", "type_rac", _("Kind of recognition (RAC)")),
)
ADMISSIONS: tuple[Column, ...] = (
    *_STUDENT,
    *_PLACE,
    _UNIT,
    ("admission_status", "statut", _p("admission", "Status")),
    ("start_term", "session_debut", _("First term")),
    ("applied_on", "date_demande", _("Applied on")),
    ("admitted_on", "date_admission", _("Admitted on")),
    ("ended_on", "date_fin", _("Closed on")),
)
ENROLMENTS: tuple[Column, ...] = (
    *_STUDENT,
    *_PLACE,
    ("term", "session", _p("session_record", "Session")),
    _COURSE,
    _UNITS,
    ("group", "groupe", _("Number of [the group]")),
    ("taken", "suivi", _("Taken")),
    _UNIT,
    ("rac_type", "type_rac", _("Kind of recognition (RAC)")),
    ("mark", "note", _p("enrolment", "Mark")),
    ("remark", "remarque", _p("enrolment", "Remark")),
    ("funding", "financement", _("Funding source")),
    ("census", "recensement", _("Census status")),
    ("census_on", "date_recensement", _("Day of the census")),
    ("study_situation", "situation_etudes", _("Situation of studies")),
    ("partner", "organisme_partenaire", _("Partner organisation")),
    ("partner_course", "cours_partenaire", _("[Course] in the partner organisation")),
    ("activity_language", "langue_activite", _("Language")),
    ("course_category", "categorie", _("Category")),
    ("delivery_mode", "mode_enseignement", _("Distance learning")),
    ("absences", "absences", _p("enrolment", "Absences")),
    ("weighted_mark", "note_ponderee", _("Weighted mark")),
    ("group_average", "moyenne_groupe", _("Average of [the group]")),
    ("r_score", "cote_r", _("R score")),
)

# key of a column -> the list whose codes it holds
CODE_COLUMNS: dict[str, CodeList] = {
    "rac_type": CodeList.rac_type,
    "remark": CodeList.remark,
    "funding": CodeList.funding_source,
    "census": CodeList.census_status,
    "study_situation": CodeList.study_situation,
    "activity_language": CodeList.teaching_language,
    "course_category": CodeList.course_category,
    "delivery_mode": CodeList.delivery_mode,
}
DAYS = ("applied_on", "admitted_on", "ended_on", "census_on")
CLOSED_LISTS = (*CODE_COLUMNS, "admission_status", "sanction", "taken")
# What such a file may bring with it, like classes and levels: the columns that name it.
STUDY_PLACES: dict[str, tuple[str, ...]] = {"term": ("term", "start_term"), "org_unit": ("org_unit",), "partner": ("partner",)}
