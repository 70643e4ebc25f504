"""Files of SIECLE for the tests, as small as they can be: real tags, invented people."""

import io
import zipfile
from xml.sax.saxutils import escape

UAJ = "0752387M"  # of the empty school of tests/import_desk.py
YEAR = "2026"


def tag(name, value, **attributes):
    """One element; a value that is a list of texts holds others."""
    inner = "".join(value) if isinstance(value, list) else escape(str(value))
    told = "".join(f' {key}="{escape(str(text))}"' for key, text in attributes.items())
    return f"<{name}{told}>{inner}</{name}>"


def tags(values):
    return [tag(name, value) for name, value in values.items()]


def document(root, *parts, uaj=UAJ, year=YEAR, encoding="ISO-8859-15", declared=None, version="3.0", parameters=None):
    """A whole export as bytes."""
    told = tags({"UAJ": uaj, "ANNEE_SCOLAIRE": year, "DATE_EXPORT": "15/09/2026"}) if parameters is None else parameters
    text = tag(root, [tag("PARAMETRES", told), tag("DONNEES", list(parts))], VERSION=version)
    return f'<?xml version="1.0" encoding="{declared or encoding}"?>\n{text}'.encode(encoding, "xmlcharrefreplace")


def pupil(number, family="DA SILVA", given="Zoé", born="14/03/2014", places=(("5A", "D"),), ine="", **more):
    """One student: (element of ELEVES, element of STRUCTURES)."""
    values = {
        "ID_NATIONAL": ine,
        "ELENOET": str(number % 10_000),
        "NOM_DE_FAMILLE": family,
        "PRENOM": given,
        "DATE_NAISS": born,
        "CODE_SEXE": "2",
        "CODE_MEF": "10110001110",
        **more,
    }
    before = tag("SCOLARITE_AN_DERNIER", tags({"CODE_MEF": "10010012110", "CODE_STRUCTURE": "6A", "CODE_RNE": "0140070A"}))
    element = tag("ELEVE", [before, *tags({key: text for key, text in values.items() if text != ""})], ELEVE_ID=number, ELENOET=number % 10_000)
    inside = [tag("STRUCTURE", tags({"CODE_STRUCTURE": code, "TYPE_STRUCTURE": kind})) for code, kind in places]
    return element, tag("STRUCTURES_ELEVE", inside, ELEVE_ID=number) if places else ""


def address(number, line="3, rue des Saules", code="01000", town="VALMONT"):
    return tag("ADRESSE", tags({"LIGNE1_ADRESSE": line, "CODE_POSTAL": code, "LIBELLE_POSTAL": town}), ADRESSE_ID=number)


def students(*pupils, addresses=(), **how):
    elements = [tag("ELEVES", [one for one, _place in pupils]), tag("STRUCTURES", [place for _one, place in pupils])]
    return document("BEE_ELEVES", *elements, tag("ADRESSES", list(addresses)), **how)


def person(number, family="DA SILVA", given="Marie-Ève", **more):
    values = {"LC_CIVILITE": "MME", "NOM_DE_FAMILLE": family, "PRENOM": given, **more}
    return tag("PERSONNE", tags(values), PERSONNE_ID=number)


def tie(student, guardian, **values):
    return tag("RESPONSABLE_ELEVE", tags({"ELEVE_ID": student, "PERSONNE_ID": guardian, "CODE_PARENTE": "10", **values}))


def guardians(people, ties, addresses=(), **how):
    return document(
        "BEE_RESPONSABLES", tag("PERSONNES", list(people)), tag("RESPONSABLES", list(ties)), tag("ADRESSES", list(addresses)), **{"version": "2.1", **how}
    )


def structures(divisions=(), groups=(), **how):
    found = [
        tag(
            "DIVISION",
            [*tags({"LIBELLE_LONG": label}), tag("MEFS_APPARTENANCE", [tag("MEF_APPARTENANCE", tags({"CODE_MEF": "10110001110"}))])],
            CODE_STRUCTURE=code,
        )
        for code, label in divisions
    ]
    return document(
        "BEE_STRUCTURES",
        tag("DIVISIONS", found),
        tag("GROUPES", [tag("GROUPE", tags({"LIBELLE_LONG": label}), CODE_STRUCTURE=code) for code, label in groups]),
        **how,
    )


def nomenclature(*mefs, **how):
    return document(
        "BEE_NOMENCLATURES",
        tag("MEFS", [tag("MEF", tags({"FORMATION": short, "LIBELLE_EDITION": title}), CODE_MEF=code) for code, title, short in mefs]),
        **how,
    )


def zipped(*members, folder=""):
    """An archive of (name, content)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(folder + name, content)
    return out.getvalue()


_GIVEN = ("Zoé", "Maël", "Éloïse", "Rokhaya", "Théo", "Œdipe", "Anaïs", "Noé", "Gwenaëlle", "Jean-Luc")
_FAMILY = ("BÉNARD", "DA SILVA", "D'ALMEIDA", "NGUYEN", "EL AMRANI", "LE GOFF", "ŒUVRARD", "DE SAINT-EXUPÉRY", "MCKENZIE", "LÊ")


def a_school(count, **how):
    """The zips of that many students in classes and groups, and of their two guardians each."""
    pupils, people, ties, homes = [], [], [], []
    for n in range(count):
        family, number = _FAMILY[n % 10], 1_500_000 + n
        born = f"{n % 28 + 1:02d}/{n % 12 + 1:02d}/{2010 + n // 100}"
        places = ((f"{6 - n % 4}{'ABC'[n % 3]}", "D"), *((("LATIN 1", "G"),) if n % 5 == 0 else ()))
        pupils.append(pupil(number, family, _GIVEN[n // 10 % 10], born, places, f"{n:09d}AB", ADRESSE_ID=str(n // 2)))
        homes.append(address(n // 2, f"{n // 2 + 1}, rue de l'Église") if n % 2 == 0 else "")
        for place, (given, title, code) in enumerate((("Marie", "MME", "10"), ("Loïc", "M.", "20"))):
            people.append(
                person(2 * n + place, family, given, LC_CIVILITE=title, MEL=f"{given.lower()}{n}@exemple.org".replace("ï", "i"), ADRESSE_ID=str(n // 2))
            )
            ties.append(tie(number, 2 * n + place, NIVEAU_RESPONSABILITE="1", CODE_PARENTE=code))
    return (
        ("ExportXML_ElevesAvecAdresses.zip", zipped(("ElevesAvecAdresses.xml", students(*pupils, addresses=homes, **how)))),
        ("ExportXML_ResponsablesAvecAdresses.zip", zipped(("ResponsablesAvecAdresses.xml", guardians(people, ties, homes, **how)))),
    )


def unzipped(archive):
    """The content of the only member."""
    with zipfile.ZipFile(io.BytesIO(archive)) as found:
        return found.read(found.namelist()[0])
