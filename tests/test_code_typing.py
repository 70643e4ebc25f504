"""How a code is typed: what is forgiven, what is named, and how it comes back after signing in."""

import pytest
from conftest import rows
from hands import DEMO, send, sign_in, words
from small import add_code
from sqlalchemy import select

from models.activation import ActivationCode, new_codes, read_code, show_code
from models.base import Refusal
from models.people import Guardian, GuardianLink, LinkStatus, Student, StudentStatus

REGISTER = "/parent/register"


@pytest.fixture
def letter(app, schools):
    """The code of a student whom nobody follows, with the student's number and name."""
    code = new_codes(1)[0]
    with rows(app) as session:
        linked = select(GuardianLink.student_id)
        student = session.scalars(select(Student).where(Student.status == StudentStatus.active, Student.id.not_in(linked)).order_by(Student.id)).first()
        if student is None:
            student = Student(school_id=schools[0], family_name="Seule", given_name="Zoé")
            session.add(student)
            session.flush()
        add_code(session, student, code=code)
        return code, student.id, student.name


@pytest.mark.parametrize("written", ["{0}-{1}-{2}", " {0} {1}  {2}\n", "{0}.{1}.{2}", "{0}–{1}—{2}", "{0}\u00a0{1}\u202f{2}\u200b", "{0}_{1}·{2}"])
def test_35_groups_written_in_any_way_are_one_code(written):
    code = new_codes(1)[0]
    parts = (code[:4], code[4:8], code[8:])
    assert read_code(written.format(*parts)) == code
    assert read_code(written.format(*parts).lower()) == code


@pytest.mark.parametrize(
    ("typed", "place", "sign"), [("o234", 1, "O"), ("2 0 3", 2, "0"), ("ABCD-EFG1", 8, "1"), ("abi", 3, "I"), ("234567L", 7, "L"), ("\x00", 1, "?")]
)
def test_35_a_sign_that_no_code_holds_is_named_with_its_place(typed, place, sign):
    with pytest.raises(Refusal) as told:
        read_code(typed)
    assert told.value.params == {"place": place, "sign": sign}


def test_an_error_keeps_all_that_was_typed_but_the_password(client):
    person = {"given_name": "Hélène", "family_name": "Bénard", "email": "helene@exemple.org", "password": "trois chevaux verts ailleurs"}
    answer = send(client, REGISTER, page=REGISTER, code="O234", **person)
    assert answer.status_code == 422
    assert "Le signe numéro 1 est" in words(answer)
    assert all(f'value="{person[name]}"' in answer.text for name in ("given_name", "family_name", "email"))
    assert 'value="O234"' in answer.text
    assert person["password"] not in answer.text


@pytest.mark.parametrize("scanned", [True, False], ids=["scanned", "typed with the e-mail of an account"])
def test_37b_a_code_comes_back_after_signing_in_and_adds_the_child(app, client, letter, scanned):
    code, _number, name = letter
    if scanned:
        page = client.get(f"{REGISTER}?code={code}")
        assert 'href="/login?next=/parent/register"' in page.text
    else:
        with rows(app) as session:
            from models.access import User

            session.scalar(select(User).where(User.username == "parent")).email = "parent@exemple.org"
        person = {"given_name": "A", "family_name": "B", "email": "parent@exemple.org", "password": "trois chevaux verts ailleurs"}
        assert send(client, REGISTER, page=REGISTER, code=code, **person).status_code == 409
    answer = sign_in(client, "parent", DEMO, next=REGISTER)
    assert answer.headers["Location"] == REGISTER
    page = client.get(REGISTER)
    assert f'value="{show_code(code)}"' in page.text
    assert code not in str(client.get_cookie("session"))
    assert send(client, REGISTER, page=REGISTER, code=show_code(code)).status_code == 303
    assert name in words(client.get("/parent/"))
    assert show_code(code) not in client.get(REGISTER).text


def test_a_code_that_waits_goes_to_nobody_who_signs_in_for_something_else(client, letter):
    client.get(f"{REGISTER}?code={letter[0]}")
    sign_in(client, "parent", DEMO)
    assert show_code(letter[0]) not in client.get(REGISTER).text


def test_an_added_child_that_is_to_be_checked_is_told_so(app, as_, letter, schools):
    code, number, name = letter
    with rows(app) as session:
        student = session.get(Student, number)
        other = Guardian(school_id=student.school_id, family_name="Autre")
        session.add(other)
        session.flush()
        session.add(GuardianLink(school_id=student.school_id, student_id=number, guardian_id=other.id, status=LinkStatus.suspended))
    browser = as_("parent")
    answer = send(browser, REGISTER, page=REGISTER, code=code)
    assert answer.status_code == 303
    home = words(browser.get("/parent/"))
    assert "en cours de vérification" in home
    assert "L’enfant est ajouté" not in home
    assert name not in home
    with rows(app) as session:
        assert session.scalar(select(ActivationCode.used_at).where(ActivationCode.student_id == number, ActivationCode.used_at.is_not(None))) is not None
