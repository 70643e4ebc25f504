"""No page says a word that did not come from a catalogue: the tour's texts stand between marks, everything else must be data.

What stands outside the marks is data when each of its words was written by people in a row, belongs to a date, or is named here.
"""

import re

import pytest
import tour_stops
from babel.dates import get_day_names, get_month_names
from babel.lists import format_list
from import_people import GUARDIANS, HEADINGS, LINKS, STUDENTS
from tour import screens
from tour_stops import WORD

from models.catalogue import MESSAGES, ROOT, installed

# Words that no row holds and no catalogue either, with what they are.
NAMED = {
    "the name of the application": "Scolabri",
    "languages, each in its own words": "Français français English Québec Canada",
    "encodings of files": "UTF Windows ISO Mac Roman",
    "a letter of a name": "M Mme",
    "files of an import": "eleves csv image r l vide",
    "where a link of a mail leads": "http localhost reset account confirm",
    "browsers": "Mozilla demonstration Werkzeug",
}
# Pages that show texts, or the words of the vocabulary, as the rows of a table (and the history of these).
TEXTS_AS_ROWS = re.compile(r"/admin/(label|noun)/|labels=1|\bnoun\b|journal_event(/$|\.csv)")
# GET addresses that the tour does not see, with the reason.
UNSEEN = {
    r"/static/.*|/admin/static/.*|/healthz": "files, and an answer for machines",
    r".*/ajax/lookup/": "names of rows, for a field that searches",
    r"/admin/enrolment/groups/": "numbers of groups and their codes, for the form's script",
    r"/admin/message/(file|report_file)/|/(parent|student)/messages/.*/file/.*": "files that go with a message, the read report as a file",
    r"/admin/(job|outgoing_mail)/download/|/admin/import_/(file|model|rows)/": "files: papers and mails are caught on their way, tables have columns' names",
    r"/admin/label/(languages/file|packs/export|packs/file)/|.*/logo|.*/picture/": "files of texts, pictures",
    r"/admin/(label|right|transfer)/(details|edit)/": "screens whose rows have pages of their own",
    r"/(account/confirm|reset)/<token>": "opened by the link of a mail; its form is that of /account and /login",
    r"/admin/\w+/export/<export_type>/": "refused: nobody exports this table",
    r"/admin/\w+/bulk_edit/": "one page for all screens, seen with students",
    r"/admin/activation_code/letters/": "a redirection to the question of a verb",
    r"/admin/setting/(details|edit)/": "no page: settings are shown and saved on one page, section by section",
    r"/admin/(letter|access_data)/details/": "a redirection to the letter of a language, to the file of a student",
}


@pytest.fixture(scope="session")
def tour(whole_app):
    """The tour of this run."""
    return tour_stops.taken(whole_app)


@pytest.fixture(scope="module")
def known(whole_app, tour):
    """The words that are data."""
    found = set(tour.words)
    for value in (*NAMED.values(), *HEADINGS, *(v for row in (*STUDENTS, *GUARDIANS, *LINKS) for v in (*row, *row.values()))):
        found |= words(value)
    for language in ("fr",):
        for width in ("wide", "abbreviated"):
            for name in (*get_day_names(width, locale=language).values(), *get_month_names(width, locale=language).values()):
                found |= words(name)
        found |= words(format_list(["1", "2"], locale=language))
    return found


def words(text):
    """The words of a text, without capitals."""
    return {word.casefold() for word in WORD.findall(text)}


def strangers(piece, known):
    """The words of a text that are neither marked nor data; a single letter or something with a digit is no word."""
    rest = re.sub(r"\b[A-Z\d]{4}(-[A-Z\d]{4})+\b|\w*\d\w*|\S+@\S+|https?://\S+|/\S*|\b[A-Z]\w+/[A-Z]\w+", " ", piece.outside())
    if piece.where == "summary/span" and len(rest) <= 3:  # the initials of whoever is signed in
        return set()
    return {word for word in words(rest) if len(word) > 1 and word not in known}


def test_every_text_of_every_page_comes_from_a_catalogue(tour, known):
    everything = texts_of_the_catalogues()
    found = {}
    for page in tour.pages:
        for piece in page.pieces:
            if strangers(piece, known) and not (TEXTS_AS_ROWS.search(page.address) and words(piece.outside()) <= everything):
                found.setdefault(piece.text, f"{page}: {piece.where}: {piece.text!r}")
    assert not found, "\n".join(sorted(found.values()))


def texts_of_the_catalogues():
    """Every word of every text, for the screens that show the texts themselves."""
    catalogues = [installed().get(MESSAGES, language) for language in ("fr", "fr_CA", "en")]
    return {word for one in catalogues for m in one.messages.values() for text in (m.context, m.msgid, m.plural, *m.forms) for word in words(text)}


def test_every_address_was_seen(app, tour):
    rules = [str(rule) for rule in app.url_map.iter_rules() if "GET" in rule.methods]
    assert [rule for rule in rules if not tour.rules[rule] and not any(re.fullmatch(pattern, rule) for pattern in UNSEEN)] == []


def test_every_screen_showed_a_row(app, tour):
    shown = {page.address.split("/")[2] for page in tour.pages if page.status == 200 and "/details/?" in page.address}
    assert set(screens(app)) - shown <= {"label", "right", "setting", "letter", "access_data"}


def test_every_fault_has_its_page(tour):
    for who in ("acc", "parent", ""):
        assert {page.status for page in tour.pages if page.who == who} >= set(tour_stops.CODES), who


def test_the_tour_caught_mails_papers_and_sheets(tour):
    for who, least in (("mail", 2), ("paper", 4), ("sheet", 8)):
        assert len([page for page in tour.pages if page.who == who]) >= least, who


def test_no_page_broke(tour):
    """Beside those that were broken on purpose."""
    assert [str(page) for page in tour.pages if page.status >= 500 and page.address not in ("/admin/", "/parent/", "/login")] == []


def test_scripts_and_drawings_hold_no_sentence():
    """What a script says comes from the page; a paper's template holds the drawing only."""
    found = []
    for path in (*(ROOT.parent / "static").glob("*.js"), *(ROOT.parent / "templates" / "print").glob("*.typ")):
        code = re.sub(r"/\*.*?\*/|(?m:^\s*//.*$)|\s//\s.*", "", path.read_text(encoding="utf-8"), flags=re.S)
        for text in re.findall(r'"([^"\n]*)"', code):
            said = re.search(r"[^\W\d_]{2,} [^\W\d_]{2,}", text) and not re.search(r"[\[#.>=:]", text)
            found += [f"{path.name}: {text}"] if said and text not in HARMLESS else []
    assert found == []


# Quoted words that nobody reads.
HARMLESS = {"use strict", "said said-no", "Libertinus Serif", "DejaVu Sans Mono"}
