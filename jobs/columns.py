"""Headings as people write them, as the keys of `models/import_fields.py`.

A heading is folded to its letters and digits ("Né(e) le *" is "neele"), then looked up among its synonyms (formats.md
sections 4 and 7). A guardian's heading is one word of a guardian, perhaps a number, and an ordinary word: "Nom responsable 1",
"responsable1_nom", "Courriel de la mère", "Repr. Lég. 2 - Tél." are cut into those parts.
"""

from __future__ import annotations

import re

from jobs.study_columns import LOCAL_NUMBER, STUDIES, study_kind
from models.base import fold
from models.custom_import import key_of as own_key
from models.custom_import import own_specs
from models.import_fields import CHILD_FIELDS, FIELDS, GUARDIANS_PER_ROW

_PERSON = {
    "family_name": "nom nomdefamille nomfamille nomdenaissance nomnaissance nomeleve nomdeleleve nomdelapprenant lastname familyname surname birthname",
    "given_name": "prenom prenoms premierprenom prenomusuel prenomeleve prenomdeleleve prenom1 firstname givenname",
    "email": "courriel email mail mel adresseemail adressemail adresseelectronique adressecourriel adressedecourriel courrielpersonnel emailaddress",
    "phone": "telephone tel phone telephonedomicile telephonefixe teldomicile telfixe telephonepersonnel telpersonnel homephone numerodetelephone",
    "mobile": "portable mobile cellulaire telportable telephoneportable telmobile telephonemobile cell mobilephone telcellulaire telephonecellulaire",
    "address1": "adresse adresse1 address rue ligne1adresse adresseligne1 adressepostale address1 adresseeleve",
    "address2": "adresse2 adressesuite complement complementadresse complementdadresse ligne2adresse address2",
    "postal_code": "codepostal cp cp1 postalcode zip zipcode postcode codepostaleleve",
    "language": "languecorrespondance languedecorrespondance preferredlanguage correspondencelanguage",
    "town": "ville commune commune1 municipalite localite town city communeeleve libellepostal",
}
_STUDENT = {
    **_PERSON,
    "full_name": "eleve eleves nomprenom nometprenom nomprenomeleve etudiant etudiants nomcomplet fullname apprenant",
    "usage_name": "nomusage nomdusage nomusageeleve nomdusageeleve usagename preferredname",
    "middle_names": "autresprenoms prenom2 prenomssuivants middlename middlenames",
    "sex": "sexe genre sex gender codesexe civilite",
    "born_on": "datenaissance datedenaissance nele neele nee naissance ddn datenaiss birthdate dateofbirth dob nelel",
    "national_id": "ine idnational identifiantnational inernie inebea numeroine codepermanent codeperm cp12 nationalid inea numeroidentifiantnational codeine",
    "local_id": f"numeroda noda da {LOCAL_NUMBER} numerodetablissement numeroetablissement elenoet fiche numerofiche matricule localid idetab numeroetudiant",
    "file_id": "identifiant id identifiantunique externalid eleveid ideleve sourcedid identifiantexterne",
    "level": "niveau annee level gradelevel grade anneedetudes niveaudeclasse libelleniveau",
    "programme": "formation mef codemef libellemef codeformation programme programmedetudes programmeetudes codeprogramme prog noprog noprogramme "
    "numeroprogramme numeroduprogramme titreprogramme titreduprogramme program programcode",
    "homeroom": "classe division class homeroom groupereper grouperepere foyer codestructure codeclasse libelleclasse classename",
    "source_ref": "numerosiecle",
    "groups": "groupes",
    "left_on": "datesortie datedesortie datedepart datededepart lefton sortiele",
    "school_code": "uai rne codeuai codeetablissement codeorganisme coderne uaj etablissement schoolcode numeroetablissementuai",
}
_GUARDIAN = {
    **_PERSON,
    "title": "civilite titre title",
    "relation": "lien lienparente liendeparente parente codeparente relation lieneleve qualite tie",
    "authority": "niveauresponsabilite niveauderesponsabilite autorite responsabilite authority",
}
_LINK = {
    "student_ref": "eleve ideleve eleveid identifianteleve student studentid etudiant ineeleve ine codepermanent enfant numeroda childexternalid",
    "guardian_ref": "responsable idresponsable responsableid identifiantresponsable personneid guardian guardianid parent idparent repondant "
    "courrielresponsable",
    "relation": _GUARDIAN["relation"],
    "authority": _GUARDIAN["authority"],
    "link_state": "etatdulien",
}
_STAFF = {
    **{key: _PERSON[key] for key in ("family_name", "given_name")},
    "email": f"{_PERSON['email']} courrielprofessionnel emailprofessionnel adresseprofessionnelle",
    "username": "identifiant nomutilisateur nomdutilisateur login username loginname compte",
    "role": "fonction role profil type poste emploi function profile statut",
    "born_on": _STUDENT["born_on"],
    "classes": "classe classes division divisions groupe groupes classesenseignees classesetgroupes",
    "school_code": _STUDENT["school_code"],
}


def _table(words: dict[str, str]) -> dict[str, str]:
    return {word: key for key, synonyms in words.items() for word in synonyms.split()}


STUDENT, GUARDIAN, LINK, STAFF = _table(_STUDENT), _table(_GUARDIAN), _table(_LINK), _table(_STAFF)
# In the file of the guardians itself the headings may say "responsable" or not.
GUARDIAN_FILE = {
    **GUARDIAN,
    **dict.fromkeys(_STUDENT["file_id"].split(), "file_id"),
    **{field.heading.replace("_", ""): field.key for field in CHILD_FIELDS},
    "personneid": "file_id",
    "idresponsable": "file_id",
}

_MARK = re.compile(
    r"\b(?:representants? ?legaux|representant ?legal|responsables? ?legaux|responsable ?legal|resp(?:onsable)?\.? ?leg(?:al)?\.?|repr\.? ?leg\.?"
    r"|responsable|repondant|representant|tuteur|gardien|guardian|parent|mere|pere|mother|father)s?[ ._-]*(?:n[o°] ?)?([1-9])?(?![a-z])"
)
_NUMBERED = re.compile(r"^\s*(?:n[°ºo]\.?\s|n[°º]|num(?:[ée]ro)?\.?\s)\s*(?:d['’]\s*|de\s+|du\s+)?", re.IGNORECASE)  # "N° INE" is "INE"
_JOINS = re.compile(r"\b(?:de|du|des|la|le|les|l|d|of|the|a|au)\b")
_IMPLIED = {"mere": "mother", "mother": "mother", "pere": "father", "father": "father"}


def squash(heading: str) -> str:
    """A heading reduced to its letters and digits."""
    return re.sub(r"[^a-z0-9]", "", fold(heading).replace("n°", "no").replace("n°", "no"))


def guardian_heading(heading: str) -> tuple[int, str, str] | None:
    """The place (1 to 3), the key and the implied tie ("" = none) of a guardian's heading; None when it is not one."""
    plain = fold(heading).replace("_", " ").replace("'", " ")
    found = _MARK.search(plain)
    if not found:
        return None
    word = found[0]
    tie = next((implied for mark, implied in _IMPLIED.items() if word.startswith(mark)), "")
    number = int(found[1] or (2 if tie == "father" else 1))
    rest = plain[: found.start()] + " " + plain[found.end() :]
    trailing = re.search(r"[ ._-]([1-9])$", rest.strip())
    if not found[1] and trailing:
        number, rest = int(trailing[1]), rest.strip()[:-1]
    key = GUARDIAN.get(squash(_JOINS.sub(" ", rest)))
    if key is None or number > GUARDIANS_PER_ROW:
        return None
    return number, key, tie


def key_of(heading: str, kind: str) -> str:
    """The key of one heading in a file of this kind, or "" when it says nothing to us."""
    return _own_key(heading, kind) or _key_of(heading, kind) or _key_of(_NUMBERED.sub("", heading), kind)


def _own_key(heading: str, kind: str) -> str:
    """A field that the school has added, by its own name: it says more than any synonym."""
    word = squash(heading)
    return next((own_key(spec) for spec in own_specs(kind) if word and squash(spec.label) == word), "")


def _key_of(heading: str, kind: str) -> str:
    word = squash(heading)
    if kind in STUDIES:
        return STUDIES[kind].get(word, "")
    if kind in ("links", "staff"):
        return {"links": LINK, "staff": STAFF}[kind].get(word, "")
    if kind == "guardians":
        if word in GUARDIAN_FILE:
            found = GUARDIAN_FILE[word]
        else:
            marked = guardian_heading(heading)
            found = marked[1] if marked else ""
        return found if found in FIELDS["guardians"] else ""
    if word in STUDENT:
        return STUDENT[word]
    marked = guardian_heading(heading)
    return f"g{marked[0]}.{marked[1]}" if marked else ""


def kind_of(header: list[str], name: str = "") -> str:
    """What a file holds by its columns: one of the studies, "links", "guardians", "staff", or "students"."""
    if found := study_kind([squash(_NUMBERED.sub("", heading)) for heading in header], name):
        return found
    links = {key_of(h, "links") for h in header}
    if {"student_ref", "guardian_ref"} <= links and "family_name" not in {key_of(h, "students") for h in header}:
        return "links"
    students = {key_of(h, "students") for h in header}
    staff = {key_of(h, "staff") for h in header}
    says = any(squash(heading) in ("fonction", "role", "function", "emploi") for heading in header)
    if says and {"family_name", "given_name", "role"} <= staff and not students & {"national_id", "level", "local_id", "sex", "g1.family_name"}:
        return "staff"
    if students & {"born_on", "national_id", "homeroom", "level", "full_name", "local_id"}:
        return "students"
    guardians = {key_of(h, "guardians") for h in header}
    hints = "title" in guardians or re.search(r"respons|parent|guardian|repondant", fold(name)) or any(guardian_heading(h) for h in header)
    return "guardians" if "family_name" in guardians and hints and "g2.family_name" not in students else "students"


def map_columns(header: list[str], kind: str) -> list[str]:
    """The key of each column, "" where none; the first of two columns with the same key keeps it."""
    keys: list[str] = []
    second_address = any(squash(heading) == "cp2" for heading in header)  # Onde: "Adresse2" is another home, not a second line
    for heading in header:
        key = key_of(heading, kind)
        keys.append("" if key in keys or (key == "address2" and second_address) else key)
    return keys


def implied_ties(header: list[str], keys: list[str]) -> dict[int, str]:
    """Guardian's place -> tie, where the headings say it ("Nom de la mère")."""
    ties: dict[int, str] = {}
    for heading, key in zip(header, keys, strict=False):
        marked = guardian_heading(heading)
        if marked and marked[2] and key == f"g{marked[0]}.{marked[1]}":
            ties.setdefault(marked[0], marked[2])
    return ties
