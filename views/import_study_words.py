"""What an import of studies does, counted in words."""

from __future__ import annotations

from collections.abc import Callable

from models.admissions import AdmissionStatus
from models.studies import ProgrammeKind
from views.i18n import ngettext

Words = Callable[[int], str]

STUDIES: tuple[tuple[str, Words], ...] = (
    ("new_enrolments", lambda n: ngettext("%(num)d registration created", "%(num)d registrations created", n)),
    ("enrolments_changed", lambda n: ngettext("%(num)d registration changed", "%(num)d registrations changed", n)),
    ("new_admissions", lambda n: ngettext("%(num)d admission created", "%(num)d admissions created", n)),
    ("admissions_changed", lambda n: ngettext("%(num)d admission changed", "%(num)d admissions changed", n)),
    ("new_records", lambda n: ngettext("%(num)d [session record] created", "%(num)d [session records] created", n)),
    ("new_courses", lambda n: ngettext("%(num)d [course] created", "%(num)d [courses] created", n)),
    ("courses_changed", lambda n: ngettext("%(num)d [course] changed", "%(num)d [courses] changed", n)),
    ("new_grids", lambda n: ngettext("%(num)d grid created", "%(num)d grids created", n)),
    ("grids_changed", lambda n: ngettext("%(num)d grid changed", "%(num)d grids changed", n)),
    ("new_grid_courses", lambda n: ngettext("%(num)d [course] added to a grid", "%(num)d [courses] added to grids", n)),
    ("new_rac_groups", lambda n: ngettext("%(num)d line of the correspondence created", "%(num)d lines of the correspondence created", n)),
    ("rac_groups_changed", lambda n: ngettext("%(num)d line of the correspondence changed", "%(num)d lines of the correspondence changed", n)),
    ("new_terms", lambda n: ngettext("%(num)d term created", "%(num)d terms created", n)),
    ("new_org_units", lambda n: ngettext("%(num)d organisational unit created", "%(num)d organisational units created", n)),
    ("new_partners", lambda n: ngettext("%(num)d partner organisation created", "%(num)d partner organisations created", n)),
)
NAMED = {"new_terms": "term", "new_org_units": "org_unit", "new_partners": "partner"}
CHOICES = {"admission_status": AdmissionStatus, "sanction": ProgrammeKind}
# The columns of the preview, by kind of file.
SHOWN = {
    "courses": ("units", "hours", "course_category"),
    "grids": ("programme", "org_unit", "units"),
    "rac_groups": ("rac_type",),
    "admissions": ("grid", "programme", "org_unit", "admission_status", "start_term"),
    "enrolments": ("term", "course", "group", "rac_type", "mark"),
}
