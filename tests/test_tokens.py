"""Nouns inside sentences: the table of the specification, then what must hold for every text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tokens import NOUNS, NounForms, fill, places_in, problems, resolve, tokens_in, vowel_sound

FRENCH = {
    "élève": NounForms("élève", "élèves", "masculine", True),
    "étudiante": NounForms("étudiante", "étudiantes", "feminine", True),
    "hôtesse": NounForms("hôtesse", "hôtesses", "feminine", True),
    "candidat": NounForms("candidat", "candidats", "masculine", False),
}
TABLE = {
    "Ajouter [a student]": ("Ajouter un élève", "Ajouter une étudiante", "Ajouter une hôtesse", "Ajouter un candidat"),
    "[No student] trouvé[student||e]": (
        "Aucun élève trouvé",
        "Aucune étudiante trouvée",
        "Aucune hôtesse trouvée",
        "Aucun candidat trouvé",
    ),
    "[The student] a été supprimé[student||e].": (
        "L’élève a été supprimé.",
        "L’étudiante a été supprimée.",
        "L’hôtesse a été supprimée.",
        "Le candidat a été supprimé.",
    ),
    "Fiche [of the student]": ("Fiche de l’élève", "Fiche de l’étudiante", "Fiche de l’hôtesse", "Fiche du candidat"),
    "Liste [of students]": ("Liste d’élèves", "Liste d’étudiantes", "Liste d’hôtesses", "Liste de candidats"),
    "Écrire [to the student]": ("Écrire à l’élève", "Écrire à l’étudiante", "Écrire à l’hôtesse", "Écrire au candidat"),
    "[This student]": ("Cet élève", "Cette étudiante", "Cette hôtesse", "Ce candidat"),
    "[Student|Tous|Toutes] les [students]": (
        "Tous les élèves",
        "Toutes les étudiantes",
        "Toutes les hôtesses",
        "Tous les candidats",
    ),
    "%(num)d [students] sélectionné[student|s|es]": (
        "%(num)d élèves sélectionnés",
        "%(num)d étudiantes sélectionnées",
        "%(num)d hôtesses sélectionnées",
        "%(num)d candidats sélectionnés",
    ),
    "numéro [of student]": ("numéro d’élève", "numéro d’étudiante", "numéro d’hôtesse", "numéro de candidat"),
    "voici [the student]": ("voici l’élève", "voici l’étudiante", "voici l’hôtesse", "voici le candidat"),
}
HERO = NounForms("héros", "héros", "masculine", False)
COURSE = NounForms("formation", "formations", "feminine", False)
ENGLISH = {"student": NounForms("apprentice", "apprentices", "feminine", True), "guardian": NounForms("parent", "parents")}


@pytest.mark.parametrize("word", FRENCH)
@pytest.mark.parametrize("text", TABLE)
def test_a_french_sentence_agrees_with_its_noun(text, word):
    expected = TABLE[text][list(FRENCH).index(word)]
    assert resolve(text, {"student": FRENCH[word]}, "fr") == expected
    assert resolve(text, {"student": FRENCH[word]}, "fr_CA") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Add [a student]", "Add an apprentice"),
        ("Add [a guardian]", "Add a parent"),
        ("[The student] and [this guardian]", "The apprentice and this parent"),
        ("File [of the student], list [of students]", "File of the apprentice, list of apprentices"),
        ("Write [to the student]", "Write to the apprentice"),
        ("[No guardian] found for [students]", "No parent found for apprentices"),
        ("[student|his|her] [guardians]", "her parents"),
    ],
)
def test_an_english_sentence_chooses_its_article(text, expected):
    assert resolve(text, ENGLISH, "en") == expected


def test_a_noun_without_elision_keeps_the_full_article():
    assert resolve("[The student], [of the student], [this student], [of students]", {"student": HERO}, "fr") == "Le héros, du héros, ce héros, de héros"
    assert resolve("[The course], [of the course], [to the course]", {"course": COURSE}, "fr") == "La formation, de la formation, à la formation"


def test_a_capital_in_the_token_gives_a_capital():
    nouns = {"student": FRENCH["élève"], "session record": NounForms("dossier de session", "dossiers de session")}
    assert resolve("[Students]", nouns, "fr") == "Élèves"
    assert resolve("[Of the student]", nouns, "fr") == "De l’élève"
    assert resolve("[Session records] [of session records]", nouns, "fr") == "Dossiers de session de dossiers de session"
    assert resolve("[THE STUDENT]", nouns, "fr") == "L’élève"


def test_a_double_bracket_is_a_bracket():
    assert resolve("[[student] [student]", {"student": HERO}, "fr") == "[student] héros"
    assert resolve("[[[student]", {"student": HERO}, "fr") == "[héros"


def test_an_unknown_bracket_stays_literal_and_is_reported():
    text = "[studnet] [an student] [new student] [of the students] [student|one] [student] ["
    assert resolve(text, {"student": HERO}, "fr") == "[studnet] [an student] [new student] [of the students] [student|one] héros ["
    assert problems(text) == ["[studnet]", "[an student]", "[new student]", "[of the students]", "[student|one]", "["]
    assert problems("[[ok] [a student] [Student|Tous|Toutes] [session record]") == []


def test_a_noun_nobody_declared_stays_literal():
    assert resolve("[a plan]", {"student": HERO}, "fr") == "[a plan]"


def test_a_language_without_rules_knows_the_bare_noun_only():
    nouns = {"student": NounForms("Schüler", "Schüler")}
    assert resolve("[Student] [students] [student|er|sie] [the student]", nouns, "de") == "Schüler Schüler er [the student]"


def test_the_tokens_of_a_text_name_their_nouns():
    found = tokens_in("[[x [The student] [of session records] [guardian|a|b] [plans] [level]")
    assert [(t.noun, t.determiner, t.number) for t in found] == [
        ("student", "the", "one"),
        ("session record", "of", "many"),
        ("guardian", "", "agreement"),
        ("plan", "", "many"),
        ("level", "", "one"),
    ]


def test_each_of_the_twelve_nouns_is_a_token():
    assert len(NOUNS) == 12
    for noun in NOUNS:
        assert [t.noun for t in tokens_in(f"[{noun}] [{noun}s] [a {noun}] [of {noun}s] [{noun}|x|y]")] == [noun] * 5


def test_places_are_filled_once_and_unknown_ones_stay():
    assert fill("%(a)s %(b)d %(c)s 100 %", {"a": "%(b)d", "b": 3}) == "%(b)d 3 %(c)s 100 %"
    assert fill("100 % %s %n %(x", {"x": 1}) == "100 % %s %n %(x"
    assert places_in("%(num)d of %(all)s, 100 %, %s") == {"num", "all"}


@pytest.mark.parametrize(
    ("word", "language", "expected"),
    [
        ("élève", "fr", True),
        ("Œuvre", "fr_CA", True),
        ("hôtesse", "fr", True),
        ("candidat", "fr", False),
        ("apprentice", "en", True),
        ("hour", "en", False),
        ("", "fr", False),
    ],
)
def test_the_vowel_sound_is_guessed_from_the_first_letter(word, language, expected):
    assert vowel_sound(word, language) is expected


word = st.text("aeéhxyz -'", min_size=1, max_size=12)
forms = st.builds(NounForms, word, word, st.sampled_from(["masculine", "feminine"]), st.booleans())


@given(st.text(), st.dictionaries(st.sampled_from(NOUNS), forms), st.sampled_from(["fr", "en", "fr_CA", "de"]))
def test_any_text_resolves_without_a_fault(text, nouns, language):
    result = resolve(text, nouns, language)
    if "[" not in text:
        assert result == text


@given(st.text())
def test_data_inserted_last_stays_literal(data):
    text = resolve("%(name)s, [the student]", {"student": FRENCH["élève"]}, "fr")
    assert fill(text, {"name": data}) == f"{data}, l’élève"


@given(st.sampled_from(["[student]", "%(other)s", "[[", "%s", "100 %", "%(name)s"]))
def test_a_person_named_like_a_token_stays_literal(data):
    text = resolve("[The student] %(name)s", {"student": FRENCH["candidat"]}, "fr")
    assert fill(text, {"name": data, "other": "x"}) == f"Le candidat {data}"


@given(st.text(st.characters(blacklist_characters="[")), forms)
def test_text_around_a_token_is_kept(text, noun):
    assert resolve(f"{text}[student]", {"student": noun}, "fr") == text + noun.singular
    assert problems(text) == []
