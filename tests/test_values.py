"""Cells as values: what is understood, what is doubted, what is refused and with which words."""

import datetime as dt

import pytest

from models.import_words import SENTENCES, BadCell, remedy_of, sentence_of
from models.values import (
    Phone,
    read_date,
    read_email,
    read_name,
    read_phone,
    read_postal_code,
    read_relation,
    read_sex,
    same_spelling,
    split_full_name,
    tidy,
)

NOW = dt.date(2026, 11, 20)


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("14/03/2014", "2014-03-14"),
        ("7/6/2013", "2013-06-07"),
        ("07/06/13", "2013-06-07"),
        ("07.06.2013", "2013-06-07"),
        ("07-06-2013", "2013-06-07"),
        ("2014-03-07", "2014-03-07"),
        ("2014-03-07T00:00:00", "2014-03-07"),
        ("07/03/2014 00:00", "2014-03-07"),
        ("45000", "2023-03-15"),
        ("1er mars 2014", "2014-03-01"),
        ("14 août 2014", "2014-08-14"),
        ("\u00a014/03/2014 ", "2014-03-14"),
        ("01/01/26", "2026-01-01"),
        ("01/01/68", "1968-01-01"),
        ("29/02/2012", "2012-02-29"),
    ],
)
def test_a_date_is_understood_however_it_was_typed(cell, day):
    assert read_date(cell, NOW) == dt.date.fromisoformat(day)


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("31/09/2014", "September has only 30 days."),
        ("31/04/2014", "April has only 30 days."),
        ("30/02/2014", "February 2014 has only 28 days."),
        ("30/02/2012", "February 2012 has only 29 days."),
        ("12/13/2014", "There is no month 13."),
        ("32/01/2014", "A month has at most 31 days."),
        ("hier", "This is not a date."),
        ("2014", "This is not a date."),
        ("14 brumaire 2014", "This is not a date."),
        ("21/11/2026", "This date is in the future."),
        ("01/01/1899", "This date is more than 120 years ago."),
    ],
)
def test_a_date_that_does_not_exist_is_refused_with_its_reason(cell, sentence):
    with pytest.raises(BadCell) as caught:
        read_date(cell, NOW)
    assert caught.value.sentence == sentence
    assert str(caught.value.remedy)


def test_a_year_of_two_digits_that_makes_an_old_person_is_doubted():
    doubts: list[BadCell] = []
    assert read_date("01/01/31", NOW, doubts) == dt.date(1931, 1, 1)
    assert [d.code for d in doubts] == ["date_word"]


@pytest.mark.parametrize(
    ("cell", "sex"),
    [
        ("f", "F"),
        ("Féminin", "F"),
        ("fille", "F"),
        ("2", "F"),
        ("M", "M"),
        ("Garçon", "M"),
        ("G", "M"),
        ("1", "M"),
        ("X", "X"),
        ("Autre", "X"),
    ],
)
def test_a_sex_is_a_letter_a_word_or_a_digit(cell, sex):
    assert read_sex(cell) == sex


def test_a_word_that_says_no_sex_is_refused():
    with pytest.raises(BadCell) as caught:
        read_sex("oui")
    assert caught.value.sentence == "This does not say a sex."


@pytest.mark.parametrize(
    ("cell", "country", "phone"),
    [
        ("0639988129", "FR", Phone("0639988129", "+33639988129")),
        ("06 39 98 81 29", "FR", Phone("06 39 98 81 29", "+33639988129")),
        ("06.39.98.81.29", "FR", Phone("06.39.98.81.29", "+33639988129")),
        ("+33 (0)6 39 98 81 29", "FR", Phone("+33 (0)6 39 98 81 29", "+33639988129")),
        ("+33639988129", "FR", Phone("+33639988129", "+33639988129")),
        ("(418) 555-0101", "CA", Phone("(418) 555-0101", "+14185550101")),
        ("418 555-0101", "CA", Phone("418 555-0101", "+14185550101")),
        ("+1 418 555 0101", "FR", Phone("+1 418 555 0101", "+14185550101")),
    ],
)
def test_a_phone_is_kept_as_typed_and_in_the_international_form(cell, country, phone):
    doubts: list[BadCell] = []
    assert read_phone(cell, country, doubts) == phone
    assert doubts == []


def test_nine_digits_get_their_first_zero_back_and_say_so():
    doubts: list[BadCell] = []
    assert read_phone("639988129", "FR", doubts) == Phone("0639988129", "+33639988129")
    assert doubts[0].sentence == "The first zero was missing: it was put back."


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("6,39981E+08", "The spreadsheet has lost digits of this number."),
        ("0639", "This is not a phone number."),
        ("sans", "This is not a phone number."),
    ],
)
def test_a_phone_that_cannot_ring_is_refused(cell, sentence):
    with pytest.raises(BadCell) as caught:
        read_phone(cell, "FR", [])
    assert caught.value.sentence == sentence


@pytest.mark.parametrize(
    ("cell", "address"),
    [
        (" Rokhaya.Dasilva0 @ Eleve.Example.ORG ", "rokhaya.dasilva0@eleve.example.org"),
        ("a+b@exemple.fr", "a+b@exemple.fr"),
        ("zoé@exemple.fr", "zoé@exemple.fr"),
    ],
)
def test_an_email_is_tidied(cell, address):
    assert read_email(cell) == address


@pytest.mark.parametrize("cell", ["zoe", "zoe@", "@exemple.fr", "zoe@exemple", "zoe@exemple..fr", "a b@c@d.fr", "zoe@exemple.fr\r\nBcc: x@y.fr"])
def test_what_is_not_an_email_is_refused(cell):
    with pytest.raises(BadCell) as caught:
        read_email(cell)
    assert caught.value.sentence == "This is not an e-mail address."


@pytest.mark.parametrize(
    ("cell", "country", "code", "doubt"),
    [
        ("01000", "FR", "01000", None),
        ("1000", "FR", "01000", "postal_zero"),
        ("97 400", "FR", "97400", None),
        ("h1a1a1", "CA", "H1A 1A1", None),
        ("H1A 1A1", "FR", "H1A 1A1", "postal_foreign"),
        ("L-1234", "FR", "L-1234", "postal_foreign"),
    ],
)
def test_a_postal_code_is_read_by_the_country_of_the_school(cell, country, code, doubt):
    doubts: list[BadCell] = []
    assert read_postal_code(cell, country, doubts) == code
    assert [d.code for d in doubts] == ([doubt] if doubt else [])


@pytest.mark.parametrize("cell", ["123", "123456", "Lyon", "7,54E+04"])
def test_a_postal_code_of_wrong_form_is_refused(cell):
    with pytest.raises(BadCell):
        read_postal_code(cell, "FR", [])


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("  DE  LA\u00a0TOUR ", "DE LA TOUR"),
        ("D’Agostino", "D'Agostino"),
        ("McKenzie", "McKenzie"),
        ("FArid", "FArid"),
        ("FRANCIS--FROUFROU", "FRANCIS--FROUFROU"),
        ("Jean - Luc", "Jean-Luc"),
        ("Zo\u200bé", "Zoé"),
        ("\u202eevE", "evE"),
        ("Œuvrard", "Œuvrard"),
    ],
)
def test_a_name_keeps_its_spelling_and_loses_only_stray_signs(cell, name):
    assert read_name(cell) == name


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("ZoÃ©", "The accents of this text are damaged."),
        ("Zo\ufffd", "The accents of this text are damaged."),
        ("", "The name is missing."),
        ("\u00a0", "The name is missing."),
        ("R2D2", "A name holds no digits."),
        ("A" * 201, "This text is too long: 200 characters at most."),
    ],
)
def test_what_cannot_be_a_name_is_refused(cell, sentence):
    with pytest.raises(BadCell) as caught:
        read_name(cell)
    assert caught.value.sentence == sentence


@pytest.mark.parametrize("cell", ["=1+1", "+33 6 39 98 12 34", "-", "@home"])
def test_the_apostrophe_of_our_own_exports_is_taken_off(cell):
    assert tidy("'" + cell) == cell
    assert tidy("'s-Gravenhage") == "'s-Gravenhage"


def test_portuguese_names_are_not_taken_for_damage():
    assert read_name("JOÃO Conceição") == "JOÃO Conceição"


def test_a_full_name_is_cut_after_its_capitals():
    assert split_full_name("DE LA TOUR Jean-Luc") == ("DE LA TOUR", "Jean-Luc")
    with pytest.raises(BadCell):
        split_full_name("Jean-Luc de la Tour")


def test_a_tie_in_words_or_in_siecle_digits():
    doubts: list[BadCell] = []
    assert [read_relation(w, doubts) for w in ("Mère", "père", "20", "tuteur")] == ["mother", "father", "father", "tutor"]
    assert doubts == []
    assert read_relation("voisin", doubts) == "other"
    assert doubts[0].code == "relation_word"


def test_capitals_never_replace_a_better_spelling():
    assert same_spelling("Béatrice", "BEATRICE")
    assert same_spelling("D'Agostino", "D'AGOSTINO")
    assert not same_spelling("Beatrice", "Béatrice")


def test_question_marks_in_place_of_letters_do_not_replace_the_name():
    assert same_spelling("Wałęga", "Wa??ga")
    assert not same_spelling("Wanda", "Wa??ga")


def test_markup_is_an_ordinary_text():
    assert tidy("<img src=x onerror=alert(1)>") == "<img src=x onerror=alert(1)>"


def test_every_note_can_be_told():
    params = {"value": "x", "near": "y", "line": 3, "name": "Zoé", "num": 2, "limit": 9, "uai": "X", "ours": "Y", "year": 2014, "month": 13}
    params |= {"other": "z", "names": "Zoé", "login": "zoe", "root": "BEE", "at": 2, "most": 9}
    words = ("list", "number", "grid", "programme", "units", "groups", "columns", "day", "first", "second", "text", "course", "term")
    params |= dict.fromkeys(words, "x")
    for code in SENTENCES:
        note = {"code": code, "params": params}
        assert "%(" not in sentence_of(note).sentence + remedy_of(note)
