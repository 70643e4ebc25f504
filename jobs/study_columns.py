"""Headings of files about the studies, and which of them a file is: programmes, courses, grids, correspondence, admissions, registrations.

Headings come folded to their letters and digits, as `jobs/columns.py` folds them.
"""

from __future__ import annotations

import re

from models.base import fold

# "No de demande d'admission": with or without what stands before it
LOCAL_NUMBER = "nodedemandedadmission numerodedemandedadmission demandedadmission numerodemandedadmission nodemandedadmission numerodemande nodemande"
_WHO = {
    "student_ref": f"numeroda noda da numerodadmission {LOCAL_NUMBER} matricule numeroetudiant noetudiant localid studentnumber numerolocal localnumber",
    "national_id": "codepermanent codeperm cp12 ine numeroine nationalid identifiantnational",
}
_PROGRAMME = "programme codeprogramme noprogramme numeroprogramme programmedetudes programmeetudes formation prog noprog program programcode"
_GRID = "grille codegrille grilledecours nogrille numerogrille grid versiongrille"
_UNIT = "uniteorg organisationalunit organizationalunit uniteorganisationnelle unite codeunite uniteorganisation orgunit service"
_COURSE = "cours numerocours nocours numerodecours numeroducours codecours sigle siglecours coursenumber course matiere"
_UNITS = "unites nbunites nombreunites nombredunites units unitesducours"
_GROUP = "groupe numerogroupe nogroupe numerodegroupe numerodugroupe group groupnumber gr"
_RAC = "rac typedereconnaissancerac kindofrecognitionrac type typerac racreconnaissance typedereconnaissance reconnaissance ractype typereconnaissance"

_WORDS: dict[str, dict[str, str]] = {
    "programmes": {
        "code": f"code {_PROGRAMME}",
        "title": "titre libelle titreprogramme libelleprogramme titreduprogramme title nom",
        "short_title": "libellecourt titrecourt titreabrege shorttitle",
        "sanction": "sanction diplome typesanction typediplome menea meneaudiplome leadsto",
    },
    "courses": {
        "course": f"numero no code number {_COURSE}",
        "course_title": "titre titrecours titreducours libelle title intitule titrelong",
        "discipline": "discipline titrediscipline titredeladiscipline",
        "units": f"{_UNITS}",
        "hours": "heures heuressemaine heuresparsemaine hours weeklyhours nbheures",
        "course_category": "categorie category categoriecours",
        "official_number": "numeroofficiel noofficiel officialnumber",
        "sobec_number": "numerosobec nosobec sobec",
        "objective": "objectif numeroobjectif noobjectif numerodelobjectif competence codecompetence objective",
    },
    "grids": {
        "programme": _PROGRAMME,
        "grid": _GRID,
        "grid_title": "titregrille titredelagrille libellegrille",
        "org_unit": _UNIT,
        "course": _COURSE,
        "units": _UNITS,
    },
    "rac_groups": {"course": _COURSE, "group": _GROUP, "rac_type": _RAC},
    "admissions": {
        **_WHO,
        "programme": _PROGRAMME,
        "grid": _GRID,
        "org_unit": _UNIT,
        "admission_status": "statut etat statutadmission etatadmission status",
        "start_term": "sessiondebut sessiondedebut sessiondadmission sessionadmission premieresession debut firstterm session",
        "applied_on": "datedemande datedelademande",
        "admitted_on": "dateadmission datedadmission datedeladmission",
        "ended_on": "datefin datedefin datefermeture datesanction datedesanction dateobtention",
    },
    "enrolments": {
        **_WHO,
        "programme": _PROGRAMME,
        "grid": _GRID,
        "term": "session trimestre term sessioninscription",
        "course": _COURSE,
        "units": _UNITS,
        "group": _GROUP,
        "taken": "suivi courssuivi taken",
        "org_unit": _UNIT,
        "rac_type": _RAC,
        "mark": "note notefinale resultat mark",
        "remark": "remarque remark coderemarque rem",
        "funding": "financement sourcefinancement sourcedefinancement funding fundingsource",
        "census": "recensement statutrecensement statutderecensement statutdurecensement rec census censusstatus",
        "census_on": "daterecensement datederecensement datedurecensement dayofthecensus",
        "study_situation": "situationetudes situationdetudes situationdesetudes situationofstudies",
        "partner": "organismepartenaire organisme partenaire partner partnerorganisation",
        "partner_course": "courspartenaire coursorganismepartenaire coursdanslorganismepartenaire matieredanslorganismepartenaire partnercourse "
        "courseinthepartnerorganisation",
        "activity_language": "langueactivite langueenseignement langue language",
        "course_category": "categorie categoriecours cat category",
        "delivery_mode": "modeenseignement modedenseignement modedenseignementadistance enseignementadistance distancelearning",
        "absences": "absences abs heuresabsence",
        "weighted_mark": "noteponderee ponderee weightedmark weighted",
        "group_average": "moyennegroupe moyennedugroupe moyenne averageofthegroup",
        "r_score": "coter cotederendement rscore",
    },
}
STUDIES = {kind: {word: key for key, words in table.items() for word in words.split()} for kind, table in _WORDS.items()}
_PEOPLE = frozenset({"nom", "nomdefamille", "prenom", "prenoms", "nomprenom", "nomcomplet", "familyname", "givenname"})
_REGISTRATIONS_ALONE = frozenset({"group", "mark", "rac_type", "census", "census_on", "study_situation", "partner_course"})
_COURSES_ALONE = frozenset({"units", "hours", "objective", "discipline", "official_number", "sobec_number"})


def _is_registrations(found: dict[str, set[str]], who: bool, people: bool) -> bool:
    """Whether a file is one of registrations: by the student, the term and the course, or by two of them and what only a registration has; it is
    told then which one is missing.
    """
    told = found["enrolments"]
    keys = sum((who, "term" in told, "course" in told))
    only = len(told & _REGISTRATIONS_ALONE)
    if keys == 2 and not who and not told & {"mark", "census", "census_on"} and found["rac_groups"] >= {"course", "group", "rac_type"}:
        return False  # the correspondence, with a term
    return keys == 3 or (keys == 2 and only > (1 if people else 0))


def study_kind(words: list[str], name: str = "") -> str:
    """Which file of the studies has these headings; "" for any other. `name` is that of the file."""
    found = {kind: {table[word] for word in words if word in table} for kind, table in STUDIES.items()}
    who = bool(found["admissions"] & {"student_ref", "national_id"})
    people = bool(_PEOPLE & set(words))
    if _is_registrations(found, who, people):
        return "enrolments"
    told = found["admissions"]
    if who and told & {"admission_status", "start_term"} and ("grid" in told or ("programme" in told and not people)):
        return "admissions"
    if who or people:
        return ""
    if {"grid", "admission_status", "start_term"} <= told and "course" not in found["enrolments"]:
        return "admissions"  # which lacks its students: it is told so
    if {"grid", "course"} <= found["grids"]:
        return "grids"
    if found["rac_groups"] == {"course", "group", "rac_type"}:
        return "rac_groups"
    if {"course", "course_title"} <= found["courses"] and (found["courses"] & _COURSES_ALONE or re.search(r"\bcours|course", fold(name))):
        return "courses"
    leads = "sanction" in found["programmes"] or set(words) & set(_PROGRAMME.split()) or re.search(r"programme|formation", fold(name))
    return "programmes" if {"code", "title"} <= found["programmes"] and leads else ""
