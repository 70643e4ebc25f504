"""Small files of fictional people for the tests of imports."""

HEADINGS = [
    "nom", "prenom", "sexe", "date_naissance", "ine", "identifiant", "telephone", "courriel", "adresse", "code_postal", "ville", "classe",
    "responsable1_nom", "responsable1_prenom", "responsable1_courriel", "responsable1_telephone", "responsable1_lien",
    "responsable2_nom", "responsable2_prenom", "responsable2_courriel", "responsable2_telephone", "responsable2_lien",
]  # fmt: skip

_HELENE = {
    "responsable1_nom": "Bénard",
    "responsable1_prenom": "Hélène",
    "responsable1_courriel": "helene@exemple.org",
    "responsable1_telephone": "06 39 98 10 02",
    "responsable1_lien": "mère",
}
_PAUL = {"responsable2_nom": "Bénard", "responsable2_prenom": "Paul", "responsable2_courriel": "paul@exemple.org", "responsable2_lien": "père"}

STUDENTS = [
    {
        "nom": "de La Tour d’Auvergne",
        "prenom": "Zoé",
        "sexe": "F",
        "date_naissance": "14/03/2014",
        "ine": "060375611AC",
        "identifiant": "e1",
        "telephone": "06 39 98 10 01",
        "courriel": "zoe@exemple.org",
        "adresse": "3, rue des Saules",
        "code_postal": "01000",
        "ville": "Valmont",
        "classe": "5e Bleue",
        **_HELENE,
        **_PAUL,
    },
    {"nom": "Bénard", "prenom": "Éva", "sexe": "F", "date_naissance": "02/02/2013", "ine": "070876696HA", "identifiant": "e2", "classe": "5e Bleue", **_HELENE},
    {"nom": "Bénard", "prenom": "Œdipe", "sexe": "M", "date_naissance": "05/05/2012", "identifiant": "e3", "classe": "4e Verte", **_HELENE},
    {
        "nom": "Ozturk",
        "prenom": "Léo",
        "sexe": "M",
        "date_naissance": "14/08/2013",
        "ine": "9912345678F",
        "identifiant": "e4",
        "classe": "4e Verte",
        "responsable1_nom": "Öztürk",
        "responsable1_prenom": "Maëlys",
        "responsable1_courriel": "maelys@exemple.org",
        "responsable1_lien": "tutrice",
    },
    {"nom": "Ozturk", "prenom": "Lou", "sexe": "F", "date_naissance": "14/08/2013", "ine": "9900000001S", "identifiant": "e5", "classe": "4e Verte"},
]
GUARDIANS = [
    {"identifiant": "g1", "nom": "Bénard", "prenom": "Hélène", "courriel": "helene@exemple.org", "telephone": "06 39 98 10 02"},
    {"identifiant": "g2", "nom": "Bénard", "prenom": "Paul", "courriel": "paul@exemple.org", "telephone": ""},
    {"identifiant": "g3", "nom": "Öztürk", "prenom": "Maëlys", "courriel": "maelys@exemple.org", "telephone": ""},
]
LINKS = [
    {"eleve": "e1", "responsable": "g1", "lien": "mère"},
    {"eleve": "e1", "responsable": "g2", "lien": "père"},
    {"eleve": "e2", "responsable": "g1", "lien": "10"},
    {"eleve": "e3", "responsable": "g1", "lien": "mère"},
    {"eleve": "e4", "responsable": "g3", "lien": "50"},
]

_GIVEN = ("Zoé", "Maël", "Éloïse", "Rokhaya", "Théo", "Œdipe", "Anaïs", "Noé", "Gwenaëlle", "Jean-Luc")
_FAMILY = ("Bénard", "Da Silva", "D’Almeida", "Nguyen", "El Amrani", "Le Goff", "Œuvrard", "de Saint-Exupéry", "McKenzie", "Lê")


def many(count: int) -> list[dict[str, str]]:
    """That many students, each with two guardians; every third pair of students are siblings."""
    made = []
    for n in range(count):
        family, given = _FAMILY[n % 10], _GIVEN[n // 10 % 10]
        home = n - n % 2 if n % 3 else n
        made.append(
            {
                "nom": family,
                "prenom": given,
                "sexe": "FMX"[n % 3],
                "date_naissance": f"{n % 28 + 1:02d}/{n % 12 + 1:02d}/{2010 + n // 100}",
                "ine": f"{n:09d}AB" if n % 10 else "",
                "telephone": f"06 39 98 {n // 100:02d} {n % 100:02d}",
                "adresse": f"{n + 1}, rue de l’Église",
                "code_postal": "01000",
                "ville": "Valmont",
                "classe": f"{6 - n % 4}e {'ABC'[n % 3]}",
                "responsable1_nom": family,
                "responsable1_prenom": f"Marie-Ève {chr(65 + home % 26)}",
                "responsable1_courriel": f"mere{home}@exemple.org",
                "responsable1_lien": "mère",
                "responsable2_nom": family,
                "responsable2_prenom": f"Loïc {chr(65 + home % 26)}",
                "responsable2_telephone": f"01 99 00 {home // 100:02d} {home % 100:02d}",
                "responsable2_lien": "père",
            }
        )
    return made
