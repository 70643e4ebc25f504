"""The letter that a school writes itself: its fields, what it refuses, how it is printed, one to oneself first."""

import re

import pytest
import zxingcpp
from conftest import rows
from hands import do, form, send, token, words
from printed import flat, pictures, product, texts
from sqlalchemy import delete, select

from jobs.runner import run_pending
from models.activation import ActivationCode
from models.base import Refusal
from models.journal import JournalEvent
from models.letter_fields import blocks, line_of
from models.letter_text import PARTS, LetterText, checked, delivered, lines_too_many
from models.people import Student
from models.school import Country
from models.work import Job, JobState
from tests.small import add_code

HERE = "/admin/letter/"
OPENING = next(part for part in PARTS if part.key == "opening")
LITERAL = "{{7*7}} {% raise %} ${x} {0.__class__} {student} {config} %(code)s [eleve] #panic() *x* \\u{41}"


def sent(**changed):
    """The five parts as the form sends them, those of the delivered letter unless another text is given."""
    usual = {"subject": "Votre accès", "opening": "Madame, Monsieur,", "body": "", "closing": "", "sign_off": "Le secrétariat"}
    return {**usual, **changed}


@pytest.fixture(autouse=True)
def _delivered(app):
    """The demonstration's school has written its own: here it begins with the delivered one."""
    with rows(app) as session:
        session.execute(delete(LetterText))


# --- the fields ----------------------------------------------------------------------------------------------------------------------------


def test_a_field_is_typed_by_the_word_of_the_letter_or_of_the_reader_and_kept_by_its_key(app):
    with app.test_request_context():
        assert checked(OPENING, "Pour [[élève]], [[ Élève et classe ]] et [[student]].", "fr") == "Pour [[student]], [[student_class]] et [[student]]."
        assert checked(OPENING, "For [[class]] and [[classe]]", "en") == "For [[class]] and [[class]]"


def test_an_unknown_field_is_named_in_the_refusal(app):
    with app.test_request_context(), pytest.raises(Refusal, match=re.escape("[[surnom]] n’est pas un champ de la lettre")):
        checked(OPENING, "Pour [[surnom]]", "fr")


@pytest.mark.parametrize(("part", "text"), [("subject", "x" * 121), ("opening", "a " * 451), ("opening", "y" * 701), ("opening", "  \n ")])
def test_too_much_and_nothing_at_all_are_refused(app, part, text):
    with app.test_request_context(), pytest.raises(Refusal):
        checked(next(p for p in PARTS if p.key == part), text, "fr")


def test_51_what_looks_like_code_stays_as_it_is_written(app):
    with app.test_request_context():
        assert checked(OPENING, LITERAL, "fr") == LITERAL
        assert line_of(LITERAL, {"student": "Zoé"}) == LITERAL


def test_what_a_field_says_is_never_read_again():
    assert line_of("Pour [[student]]", {"student": "[[code]] Bénard", "code": "SECRET"}) == "Pour [[code]] Bénard"


def test_lines_with_numbers_are_steps_and_a_line_that_says_nothing_is_left_out():
    found = blocks("Un\ndeux\n\n1. Lire\n2) Signer\n[[phone]]\n\nFin", {"phone": ""})
    assert [(block["steps"], ["".join(r["text"] for r in line) for line in block["lines"]]) for block in found] == [
        (False, ["Un", "deux"]),
        (True, ["Lire", "Signer"]),
        (False, ["Fin"]),
    ]


def test_a_text_that_needs_a_second_page_says_by_how_many_lines(app):
    with app.test_request_context():
        usual = delivered("fr", phone=True)
    assert lines_too_many(usual, Country.FR) == lines_too_many(usual, Country.CA) == 0
    assert lines_too_many({**usual, "opening": usual["opening"] + "\n\nUne ligne" * 10}, Country.FR) > 5


# --- the screen ----------------------------------------------------------------------------------------------------------------------------


def test_the_school_writes_its_letter_sees_it_for_a_real_child_and_takes_the_delivered_one_back(app, as_, schools):
    browser = as_("ac")
    assert "Texte fourni" in browser.get(HERE).text
    answer = form(browser, f"{HERE}edit/?language=fr", **sent(opening="[[civilité]]\n\nNous suivons [[élève]] ensemble. {{7*7}}"))
    assert answer.status_code == 303
    page = words(browser.get(HERE))
    assert "Texte de l’établissement" in page
    shown = page.partition("Montrée pour ")[2].split(" ·")[0].partition(" Un autre")[0].strip()
    assert f"Nous suivons {shown} ensemble. {{{{7*7}}}}" in page
    with rows(app) as session:
        row = session.scalar(select(LetterText))
        assert (row.school_id, row.language, row.opening) == (schools[0], "fr", "[[salutation]]\n\nNous suivons [[student]] ensemble. {{7*7}}")
        letter = row.id
    assert "Nous suivons" in words(browser.get(f"{HERE}details/?id={letter}", follow_redirects=True))
    assert do(browser, "letter", "reset", letter).status_code in (302, 303)
    assert "Nous suivons" not in words(browser.get(HERE))


def test_an_unknown_field_keeps_what_was_typed_and_writes_nothing(app, as_):
    answer = form(as_("acc"), f"{HERE}edit/?language=fr", **sent(opening="Pour [[surnom]]"))
    assert answer.status_code == 422
    assert "[[surnom]] n’est pas un champ" in words(answer)
    assert "Pour [[surnom]]" in answer.text
    with rows(app) as session:
        assert session.scalar(select(LetterText)) is None


def test_the_second_of_two_writers_is_told(as_):
    first, second = as_("acc"), as_("ac")
    page = second.get(f"{HERE}edit/?language=fr").text
    form(first, f"{HERE}edit/?language=fr", **sent())
    answer = second.post(f"{HERE}edit/?language=fr", data={"csrf_token": token(page), "row_version": "", **sent(closing="À moi")})
    assert answer.status_code == 409
    assert "À moi" in answer.text


def test_the_preview_follows_what_is_typed_without_saving(app, as_):
    answer = form(as_("ac"), f"{HERE}edit/?language=en", _preview="1", **sent(subject="About [[student]]", closing="[[nickname]]"))
    assert answer.status_code == 200
    assert re.search(r"<h3>About \w", answer.text)
    with rows(app) as session:
        assert session.scalar(select(LetterText)) is None


@pytest.mark.parametrize("language", ["fr_CA", "de", "x"])
def test_a_language_in_which_no_letter_is_written_is_not_there(as_, language):
    assert as_("ac").get(f"{HERE}?language={language}").status_code == 404


# --- on paper ------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def letter(app, schools):
    """The school's own French letter, and a code of a student for all their guardians."""
    with rows(app) as session:
        student = session.scalar(select(Student).where(Student.school_id == schools[0], Student.language == "fr").order_by(Student.id))
        row = LetterText(school_id=schools[0], language="fr")
        row.write(sent(opening=f"[[salutation]]\n\nAvec [[student]], avant le [[until]]. {LITERAL}", body="1. Ouvrez [[address]]."))
        session.add(row)
        return add_code(session, student).id


def printed(app):
    """The product of the last job, done now."""
    run_pending(app)
    with rows(app) as session:
        job = session.scalars(select(Job).order_by(Job.id.desc())).first()
        assert job.state is JobState.done, job.error
        return product(job)


def test_the_letters_are_printed_with_the_text_of_the_school(app, as_, letter):
    do(as_("amp"), "activation_code", "print_letters", letter)
    page = flat(texts(printed(app))[0])
    assert "{{7*7}} {% raise %} ${x} {0.__class__} {student} {config} %(code)s" in page
    assert "Ouvrez localhost/parent/register." in page.replace("\u200b", "")
    assert "[[" not in page


def test_one_to_myself_first_is_a_specimen_that_opens_nothing_and_counts_nothing(app, as_, letter, tmp_path):
    browser = as_("amp")
    asked = browser.post("/admin/activation_code/action/", data={"csrf_token": token(browser.get("/account").text), "action": "print_letters", "rowid": letter})
    assert "Une pour moi d’abord" in asked.text
    answer = do(browser, "activation_code", "print_letters", letter, _specimen="1")
    assert "/admin/job/details/" in answer.headers["Location"]
    pdf = printed(app)
    assert "Spécimen : ce code n’ouvre rien." in flat(texts(pdf)[0])
    assert "0000-0000-0000" in texts(pdf)[0]
    assert [found.text for found in zxingcpp.read_barcodes(pictures(pdf, tmp_path)[0])] in ([], ["http://localhost/parent/register?code=000000000000"])
    with rows(app) as session:
        assert session.get(ActivationCode, letter).printed_count == 0
        line = session.scalar(select(JournalEvent).where(JournalEvent.verb == "specimen"))
        assert (line.table_name, line.row_id) == ("student", session.get(ActivationCode, letter).student_id)


def test_a_letter_not_yet_saved_can_be_printed_as_a_specimen(app, as_):
    answer = form(as_("ac"), f"{HERE}edit/?language=en", _specimen="1", **sent(subject="Not yet", opening="Dear [[guardian]],"))
    assert "/admin/job/details/" in answer.headers["Location"]
    assert "Not yet" in texts(printed(app))[0]
    with rows(app) as session:
        assert session.scalar(select(LetterText)) is None


def test_a_changed_letter_is_put_back_by_its_undo_and_a_reset_too(app, as_):
    browser = as_("acc")
    form(browser, f"{HERE}edit/?language=fr", **sent(subject="Un"))
    form(browser, f"{HERE}edit/?language=fr", **sent(subject="Deux"))
    with rows(app) as session:
        letter = session.scalar(select(LetterText.id))
        edited = session.scalar(select(JournalEvent.batch).where(JournalEvent.table_name == "letter", JournalEvent.verb == "edited"))
    assert send(browser, f"/admin/journal_event/undo?batch={edited}", page="/account").status_code == 303
    with rows(app) as session:
        assert session.get(LetterText, letter).subject == "Un"
    do(browser, "letter", "reset", letter)
    with rows(app) as session:
        assert session.get(LetterText, letter) is None
        deleted = session.scalar(select(JournalEvent.batch).where(JournalEvent.table_name == "letter", JournalEvent.verb == "deleted"))
    assert send(browser, f"/admin/journal_event/undo?batch={deleted}", page="/account").status_code == 303
    with rows(app) as session:
        assert session.get(LetterText, letter).subject == "Un"
