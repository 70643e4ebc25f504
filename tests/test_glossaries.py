"""The glossaries of a school: every text of every page agrees with its nouns, and no noun is written plainly.

The nouns of the tour's pages are still open, so that one tour is written out with each glossary; the catalogues are read whole as well,
for what no page showed.
"""

import re

import pytest
import tour_stops
from agreement import faults
from tour import CLOSE, OPEN
from wording import rename

from models.catalogue import MESSAGES, default_nouns, installed
from models.tokens import NOUNS, NounForms, places_in, problems, resolve, tokens_in


def nouns(gender, vowel, words):
    """A glossary whose nouns are all of one kind, in the order of NOUNS; a plural is the singular with an s on each word."""
    found = (word.strip() for word in words.split(","))
    return {key: NounForms(word, " ".join(f"{part}s" for part in word.split()), gender, vowel) for key, word in zip(NOUNS, found, strict=True)}


# Of each kind, all twelve: whatever a sentence does with a noun, it does it with each of these.
GLOSSARIES = {
    "étudiante": nouns("feminine", True, "étudiante, adulte, école, intervenante, aide, équipe, étape, offre, inscription, option, attestation, échéance"),
    "stagiaire": nouns(
        "feminine", False, "stagiaire, famille, maison, monitrice, tutrice, section, promotion, filière, feuille, leçon, reconnaissance, charte"
    ),
    "candidat": nouns("masculine", False, "candidat, contact, centre, formateur, tuteur, pôle, degré, diplôme, bilan, module, titre, projet"),
    "apprenant": nouns(
        "masculine", True, "apprenant, aidant, organisme, expert, accompagnateur, atelier, échelon, itinéraire, historique, exercice, examen, objectif"
    ),
}


@pytest.fixture(scope="module")
def tour(whole_app):
    """The tour of this run."""
    return tour_stops.taken(whole_app)


@pytest.fixture(scope="module", params=["élève", *GLOSSARIES])
def glossary(request, whole_app):
    """The nouns of a school: those of the application, then others."""
    return GLOSSARIES.get(request.param) or default_nouns(installed().get(MESSAGES, "fr"))


def told(text, glossary):
    """What disagrees in a text with open tokens, once this school's nouns are written."""
    named = {token.noun for token in tokens_in(text)}
    return faults(resolve(text, glossary, "fr"), [glossary[name] for name in named]) if named else []


def test_every_text_of_every_page_agrees(tour, glossary):
    texts = {(page.address, piece.text.replace(OPEN, "").replace(CLOSE, "")) for page in tour.pages for piece in page.pieces if "[" in piece.text}
    assert len(texts) > 500
    assert {text: (address, found) for address, text in texts if (found := told(text, glossary))} == {}


@pytest.mark.parametrize("language", ["fr", "fr_CA"])
def test_every_text_of_the_catalogues_agrees(whole_app, glossary, language):
    messages = installed().get(MESSAGES, language).messages.values()
    assert {form: found for m in messages for form in m.forms if (found := told(form, glossary))} == {}


def test_no_page_shows_a_token(tour):
    """A bracket left in a page is a token nobody knows; a place left is a value nobody gave."""
    shown = [
        (page.address, piece.text)
        for page in tour.pages
        for piece in page.pieces
        if OPEN in piece.text and not re.search("/admin/label/|labels=1", page.address)
    ]
    assert [(address, text) for address, text in shown if problems(text.replace("[[", "")) or places_in(text)] == []


@pytest.mark.parametrize("name", GLOSSARIES)
def test_the_pages_of_a_school_speak_its_words(app, as_, schools, name):
    old = default_nouns(installed().get(MESSAGES, "fr"))
    for key, noun in GLOSSARIES[name].items():
        rename(app, schools[0], key, singular=noun.singular, plural=noun.plural, gender=noun.gender, vowel_sound=noun.vowel_sound)
    browser = as_("acc")
    for key, path in (("student", "student"), ("guardian", "guardian"), ("group", "group"), ("level", "level")):
        page = browser.get(f"/admin/{path}/").text
        assert f"<h1>{GLOSSARIES[name][key].plural.capitalize()}</h1>" in page
        menu = page[page.index("<nav") : page.index("</nav>")]
        assert not re.search(rf"\b({old[key].singular}|{old[key].plural})\b", menu, re.IGNORECASE)


@pytest.mark.parametrize(
    "text",
    [
        "le étudiante", "la étudiante", "du étudiante", "un étudiante", "cet étudiante", "aucun étudiante", "tous les étudiantes", "Tous étudiantes",
        "que étudiante", "d’un étudiante", "L’étudiante a été supprimé.", "les étudiantes choisis sont choisi", "3 étudiantes retirés",
        "Si l’étudiante n’est pas lié", "au étudiante", "les étudiantes : étudiante qui est inscrit le", "étudiantes, étudiante désactivé",
        "pas plus de une étudiante", "celui de la étudiante", "son étudiante et sa étudiante",
    ],
)  # fmt: skip
def test_what_disagrees_is_told(text):
    assert faults(text, [GLOSSARIES["étudiante"]["student"]])


@pytest.mark.parametrize(
    "text",
    [
        "L’étudiante a été supprimée.", "toutes les étudiantes", "cette étudiante", "12 étudiantes choisies", "une étudiante que personne ne suit",
        "Le code de l’étudiante est révoqué.", "d’étudiantes", "Étudiantes retirées", "chaque étudiante", "l’année de l’étudiante",
    ],
)  # fmt: skip
def test_what_agrees_passes(text):
    assert faults(text, [GLOSSARIES["étudiante"]["student"]]) == []
