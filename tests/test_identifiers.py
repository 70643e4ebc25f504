"""Official numbers: public and synthetic examples, and what each key may decide."""

import datetime as dt

import pytest

from models import identifiers as ids

UAI_GOOD = ["0752387M", "0140070A", "0660864F", "0750680G", "0180002E", "0180004G", "0180013S", "9990001X", "6200001G", "7200009X"]
UAI_WRONG_KEY = ["0752387A", "0180002F", "9990001A"]
UAI_WRONG_FORM = ["752387M", "0752387", "075238 7M", "0752387I"]
SIRET = {
    "13002526500013": True,
    "11004301500012": True,
    "73282932000074": True,
    "11000007200014": True,
    "35600000000048": True,
    "35600000049837": True,
    "73282932000075": False,
}
PERMANENT = {
    "TREM09569801": ("1998-06-09", "F"),
    "STOG63510801": ("2008-01-01", "F"),
    "DAME31129901": ("1999-12-31", "M"),
    "ROYZ93600501": ("2005-10-31", "F"),
    "BELN76020101": ("2001-02-14", "M"),
    "LEXM76020101": ("2001-02-14", "M"),
}
PERMANENT_WRONG = ["TREM09569", "TRE109569801", "TREM09009801", "TREM94569801", "TREM09639801", "TREM31529801"]


@pytest.mark.parametrize("code", UAI_GOOD)
def test_a_real_uai_is_accepted(code):
    assert ids.is_uai(code)
    assert ids.uai_problem(code) is None


@pytest.mark.parametrize("code", UAI_WRONG_KEY + UAI_WRONG_FORM)
def test_a_uai_with_a_wrong_key_or_form_is_refused(code):
    assert not ids.is_uai(code)
    assert ids.uai_problem(code) is not None


def test_the_refusal_of_a_uai_tells_the_key_from_the_form():
    assert "letter at the end" in str(ids.uai_problem("0752387A"))
    assert "seven digits and one letter" in str(ids.uai_problem("0752387"))


@pytest.mark.parametrize(("typed", "stored"), [("075 2387 m", "0752387M"), ("752387M", "0752387M"), ("180002e", "0180002E"), ("0752387", "0752387")])
def test_a_uai_is_tidied_before_it_is_judged(typed, stored):
    assert ids.clean_uai(typed) == stored


@pytest.mark.parametrize(("number", "good"), SIRET.items())
def test_a_siret_is_judged_by_its_key_la_poste_included(number, good):
    assert (ids.siret_problem(number) is None) is good


def test_a_siret_may_be_typed_with_spaces():
    assert ids.siret_problem("732 829 320 00074") is None


@pytest.mark.parametrize("code", ["0906018155T", "0113014881M", "9900000001S", "9912345678F", "9999999999S"])
def test_an_old_ine_with_its_key_raises_no_doubt(code):
    assert ids.ine_kind(code) == "bea"
    assert ids.ine_doubt(code) is None


def test_an_old_ine_with_a_wrong_key_is_only_doubted():
    assert ids.ine_doubt("0906018155A") == "ine_key"


@pytest.mark.parametrize("code", ["070832327JA", "060375611AC", "060446577EA", "070876696HA"])
def test_a_new_ine_is_known_by_its_form_alone(code):
    assert ids.ine_kind(code) == "rnie"
    assert ids.ine_doubt(code) is None


def test_an_apprentice_has_a_third_form_of_ine():
    assert ids.ine_kind("1234A56789Z") == "apprentice"
    assert ids.ine_doubt("1234A56789Z") is None


def test_a_text_that_is_no_ine_is_doubted_not_refused():
    assert ids.ine_doubt("ABC") == "ine_form"


@pytest.mark.parametrize(("code", "born"), PERMANENT.items())
def test_a_permanent_code_tells_birth_and_sex(code, born):
    on, sex = born
    assert ids.decode_permanent(code) == ids.Born(dt.date.fromisoformat(on), sex)
    assert ids.permanent_doubt(code, dt.date.fromisoformat(on), sex) is None


@pytest.mark.parametrize("code", PERMANENT_WRONG)
def test_a_permanent_code_of_wrong_structure_says_nothing(code):
    assert ids.decode_permanent(code) is None


def test_a_printed_code_with_an_impossible_month_is_doubted_never_refused():
    assert ids.permanent_doubt("LEBL12345678") == "permanent_form"


def test_a_permanent_code_is_compared_with_the_record():
    assert ids.permanent_doubt("TREM 0956 9801", dt.date(1998, 6, 10), "F") == "permanent_date"
    assert ids.permanent_doubt("TREM09569801", dt.date(1998, 6, 9), "M") == "permanent_sex"
    assert ids.permanent_doubt("TREM09569801", dt.date(1998, 6, 9), "X") is None


def test_a_college_number_is_shown_in_two_parts():
    assert ids.show_local_number("1234567") == "123-4567"
    assert ids.show_local_number("E12") == "E12"
