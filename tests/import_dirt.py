"""A school's own list of three hundred students with twelve kinds of dirt, and what sets each right in the preview."""

from typing import NamedTuple

FAMILIES = ("Bénard", "Da Silva", "D’Almeida", "Nguyen", "El Amrani", "Le Goff", "Œuvrard", "de Saint-Exupéry", "McKenzie", "Lê")
GIVEN = ("Zoé", "Maël", "Éloïse", "Rokhaya", "Théo", "Œdipe", "Anaïs", "Noé", "Gwenaëlle", "Jean-Luc")
SYLLABLES = ("ba", "do", "ki", "lu", "mé", "no", "pa", "ri", "su", "vé")
HEADINGS = ["nom", "prenom", "sexe", "date_naissance", "ine", "courriel", "telephone", "code_postal", "ville", "classe", "uai"]


class Dirt(NamedTuple):
    """One kind: the column, what the file says, on which lines, what is typed instead (None: the lines are ignored, or somebody decides)."""

    column: str
    says: str
    lines: tuple[int, ...]
    field: str
    typed: str | None


KINDS = {
    "a day that does not exist": Dirt("date_naissance", "31/09/2014", (2,), "born_on", "2014-09-30"),
    "no date of birth": Dirt("date_naissance", "", (3,), "born_on", "2013-05-06"),
    "a birth in the future": Dirt("date_naissance", "07/08/2055", (4,), "born_on", "2015-08-07"),
    "damaged accents": Dirt("prenom", "Zo\u00c3\u00a9", (5,), "given_name", "Zoé"),
    "a name with a digit": Dirt("nom", "Gara1n", (6,), "family_name", "Garain"),
    "the identifier of another line": Dirt("ine", "970000300AB", (7,), "national_id", "970000307AB"),
    "an identifier whose digits are lost": Dirt("ine", "9,7E+10", (8,), "national_id", "970000308AB"),
    "a sex in no known word": Dirt("sexe", "à préciser", (9, 10, 11, 12, 13), "sex", "X"),
    "an e-mail that is none": Dirt("courriel", "néant", (14, 15, 16, 17), "email", ""),
    "a phone too short": Dirt("telephone", "0639", (18,), "phone", "06 39 98 00 18"),
    "a class that is nearly one": Dirt("classe", "5e Bleu", (19, 20, 21), "homeroom", "5e Bleue"),
    "a line of another school": Dirt("uai", "0660864F", (22,), "school_code", None),
}


def rows(count: int = 300) -> list[dict[str, str]]:
    """The list: line 2 is the first; the dirt stands on lines 2 to 22, one kind after the other."""
    made = []
    for n in range(count):
        line = n + 2
        made.append(
            {
                "nom": FAMILIES[n % 10],
                "prenom": f"{GIVEN[n // 10 % 10]}-{SYLLABLES[n // 100].capitalize()}{SYLLABLES[n % 7]}",
                "sexe": "FM"[n % 2],
                "date_naissance": f"{n % 28 + 1:02d}/{n // 28 % 12 + 1:02d}/{2012 + n % 3}",
                "ine": f"97{line:07d}AB",
                "courriel": f"eleve{line}@exemple.org",
                "telephone": f"06 39 98 {line // 100:02d} {line % 100:02d}",
                "code_postal": "01000",
                "ville": "Valmont",
                "classe": f"{6 - n % 4}e Bleue",
                "uai": "",
            }
        )
    for dirt in KINDS.values():
        for line in dirt.lines:
            made[line - 2][dirt.column] = dirt.says
    made[300 - 2]["ine"] = "970000300AB"
    return made
