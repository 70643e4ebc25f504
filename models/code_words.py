"""The codes that a new school receives: list -> (code, label, meaning, source), in the order of the forms.

What is `recorded` was read in records of a college; what is `usual` is the network's usage and is to be checked by the registrar.
"""

from __future__ import annotations

from typing import Any

from models.base import Choice
from models.words import _, _p


class Source(Choice):
    """Where a code comes from."""

    recorded = "recorded", _("Seen in real records"), "info"
    usual = "usual", _("Usual, to be checked"), "warn"
    school = "school", _("Added by [the school]"), "mute"


# The lists that are those of Québec's college network; a school elsewhere is given the others, and may add codes to any.
OF_THE_NETWORK = frozenset(
    {
        *("course_category", "funding_source", "rac_type", "prerequisites", "assignment_state", "substitution", "retake", "remark"),
        *("full_time", "study_situation", "census_status"),
    }
)

_SEEN, _USUAL = Source.recorded, Source.usual
_NOT_APPLICABLE = _("Not applicable")
_NO, _YES = _p("code_value", "No"), _p("code_value", "Yes")

WORDS: dict[str, tuple[tuple[str, Any, Any, Source], ...]] = {
    "course_category": (
        ("SP", _("Specific education"), _("A [course] of the [programme] itself."), _SEEN),
        ("FC", _("Common general education"), "", _USUAL),
        ("FP", _("Specific general education"), "", _USUAL),
        ("FO", _("Complementary general education"), "", _USUAL),
    ),
    "funding_source": (
        ("10", _("Ministry of Education"), _("Who pays for [the course]."), _SEEN),
        ("50", _("Other source"), _("Seen in records without its meaning: write yours here."), _SEEN),
    ),
    "rac_type": (
        ("SO", _NOT_APPLICABLE, "", _SEEN),
        ("EE", _("Assessment"), _("An assessment activity that ends with a result."), _SEEN),
        ("EE SR", _("Assessment without a result"), _("An assessment activity whose mark is not recorded."), _SEEN),
        ("FM", _("Missing training"), _("Training given for what the assessment found missing."), _SEEN),
    ),
    "delivery_mode": (
        ("SO", _NOT_APPLICABLE, _("Taught on site."), _SEEN),
        ("AD", _("At a distance"), "", _USUAL),
        ("HY", _("Partly at a distance"), "", _USUAL),
    ),
    "teaching_language": (
        ("FR", _p("code_value", "French"), "", _SEEN),
        ("AN", _p("code_value", "English"), "", _USUAL),
    ),
    "prerequisites": (
        ("1", _("Check prerequisites"), _("Prerequisites are checked when the registration is made."), _SEEN),
        ("0", _("Do not check"), "", _USUAL),
    ),
    "assignment_state": (
        ("0", _("Change accepted"), _("The timetable may move this registration to another [group]."), _SEEN),
        ("1", _("Change refused"), _("The registration stays in its [group]."), _USUAL),
    ),
    "substitution": (
        ("N", _NO, "", _SEEN),
        ("O", _YES, _("[The course] is taken in the place of another."), _USUAL),
    ),
    "retake": (
        ("N", _NO, "", _SEEN),
        ("O", _YES, "", _USUAL),
    ),
    "remark": (
        ("EQ", _("Equivalence"), "", _USUAL),
        ("SU", _("Substitution"), "", _USUAL),
        ("DI", _("Exemption"), "", _USUAL),
        ("IN", _("Incomplete"), "", _USUAL),
        ("IT", _("Temporarily incomplete"), "", _USUAL),
        ("EC", _("Failure"), "", _USUAL),
        ("AE", _("Withdrawal without failure"), "", _USUAL),
    ),
    "full_time": (
        ("SO", _NOT_APPLICABLE, "", _SEEN),
        ("O", _YES, _("Full-time for the fees although few [courses] are left."), _USUAL),
        ("N", _NO, "", _USUAL),
    ),
    "study_situation": (
        ("CR", _("[Course] to replace"), _("The [student] takes it in another college, for us."), _SEEN),
        ("CS", _("[Course] to follow"), _("Another college sends us the [student]."), _SEEN),
    ),
    "census_status": (
        ("0", _("Not counted"), "", _SEEN),
        ("1", _("Presence confirmed"), _("The [student] really attended on the day of the census."), _SEEN),
    ),
    "leaving_reason": (
        ("FIN", _("End of studies"), "", _USUAL),
        ("CHG", _("Change of [school]"), "", _USUAL),
        ("DEM", _("Moving house"), "", _USUAL),
        ("AUT", _("Other reason"), "", _USUAL),
    ),
}
