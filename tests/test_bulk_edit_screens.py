"""Changing a field of many rows in the browser: which field, which value, before and after, done, undone."""

import re

import pytest
from conftest import counted, rows
from hands import send, token, words
from sqlalchemy import func, select

from jobs.runner import run_pending
from models.bulk_edit import BulkEdit
from models.custom import CustomField
from models.custom_values import FieldKind
from models.people import Group, GroupCategory, Student
from models.school import Level
from models.work import Job, JobKind, JobState
from views.menu import screens

ACTION = "/admin/student/action/"


@pytest.fixture
def zoes(app, schools):
    """Four students of a group of their own: two of Valmont, two of Rive."""
    with rows(app) as session:
        klass = Group(school_id=schools[0], name="Classe d’essai", category=GroupCategory.klass)
        made = [Student(school_id=schools[0], family_name="Essai", given_name=f"Zoé {n}", town=("Valmont", "Rive")[n % 2], homeroom=klass) for n in range(4)]
        session.add_all(made)
        session.flush()
        return [row.id for row in made]


def step(browser, ids, *, path=ACTION, **fields):
    """Post one step of the question for ticked rows (or all that match)."""
    chosen = {"all": "1"} if ids == "all" else {"rowid": list(ids)}
    return send(browser, path, page="/account", action="bulk_edit", url="/admin/student/", **chosen, **fields)


def asked(browser, ids, field, path=ACTION, **value):
    """The address of the preview."""
    answer = step(browser, ids, path=path, bulk_field=field, _asked="1", **value)
    assert answer.status_code == 303, words(answer)
    return answer.headers["Location"]


def towns(app, ids):
    """What the rows say."""
    with rows(app) as session:
        return [session.get(Student, i).town for i in ids]


def offered(page):
    """The fields of the first step."""
    return re.findall(r'<option value="([^"]+)"', re.search(r'<select[^>]*name="bulk_field".*?</select>', page.text, re.S)[0])


# --- the steps -------------------------------------------------------------------------------------------------------------------


def test_the_field_then_the_value_then_before_and_after_then_done_and_undone(as_, app, zoes):
    browser = as_("ac")
    first = step(browser, zoes)
    assert first.status_code == 200
    assert "4 fiches choisies" in words(first)
    assert offered(first) == ["level", "programme", "homeroom", "adviser", "language", "sex", "address1", "address2", "postal_code", "town"]
    second = step(browser, zoes, bulk_field="town")
    assert 'name="town"' in second.text
    assert "Vider ce champ" in words(second)
    assert 'name="family_name"' not in second.text
    address = asked(browser, zoes, "town", town="Rive")
    preview = words(browser.get(address))
    for sentence in ("2 fiches passeront à", "2 y sont déjà", "Valmont", "Essai, Zoé 0", "Modifier 2 fiches", "Le tout s’annule en une fois"):
        assert sentence in preview
    assert towns(app, zoes) == ["Valmont", "Rive"] * 2
    done = send(browser, address, page="/account")
    assert (done.status_code, done.headers["Location"]) == (303, "/admin/student/")
    assert towns(app, zoes) == ["Rive"] * 4
    page = browser.get("/admin/student/")
    assert "2 fiches modifiées." in words(page)
    undo = re.search(r'href="(/admin/journal_event/undo[^"]+)"', page.text)[1].replace("&amp;", "&")
    assert send(browser, undo, page="/account").status_code == 303
    assert towns(app, zoes) == ["Valmont", "Rive"] * 2


def test_the_second_click_changes_nothing_more(as_, app, zoes):
    browser = as_("ac")
    address = asked(browser, zoes, "town", town="Rive")
    send(browser, address, page="/account")
    with rows(app) as session:
        session.get(Student, zoes[0]).town = "Ailleurs"
    again = send(browser, address, page="/account")
    assert again.status_code == 303
    assert towns(app, zoes[:1]) == ["Ailleurs"]
    assert "2 fiches modifiées" in words(browser.get(address))


def test_a_row_changed_meanwhile_is_listed_and_asked_again(as_, app, zoes):
    browser = as_("ac")
    address = asked(browser, zoes, "town", town="Ailleurs")
    with rows(app) as session:
        session.get(Student, zoes[0]).phone = "0199001201"
    assert "1 fiche reste telle quelle" in words(browser.get(address))
    done = send(browser, address, page="/account")
    page = browser.get(done.headers["Location"])
    assert "3 fiches modifiées" in words(page)
    assert "Essai, Zoé 0" in words(page)
    assert "/admin/journal_event/undo" in page.text
    more = send(browser, done.headers["Location"], page="/account", again="1")
    assert send(browser, more.headers["Location"], page="/account").status_code == 303
    assert towns(app, zoes) == ["Ailleurs"] * 4


@pytest.mark.parametrize(("field", "given"), [("town", ""), ("level", ""), ("sex", ""), ("sex", "W"), ("level", "999999"), ("homeroom", "999999")])
def test_a_value_that_is_missing_or_wrong_is_refused_beside_its_field(as_, app, zoes, field, given):
    answer = step(as_("ac"), zoes, bulk_field=field, _asked="1", **{field: given})
    assert answer.status_code == 422
    assert "field-error" in answer.text
    with rows(app) as session:
        assert session.scalar(select(func.count(BulkEdit.id))) == 0


def test_nothing_is_given_only_when_it_is_ticked(as_, app, zoes):
    browser = as_("ac")
    address = asked(browser, zoes, "town", town="", bulk_empty="y")
    assert "4 fiches passeront à : vide" in words(browser.get(address)).replace("\u00a0", " ")
    send(browser, address, page="/account")
    assert towns(app, zoes) == [""] * 4
    assert "Vider ce champ" not in words(step(browser, zoes, bulk_field="language"))


@pytest.mark.parametrize("field", ["family_name", "national_id", "search_key", "user_id", "status", "school_id", "__class__", "row_version"])
def test_a_field_that_is_not_offered_is_a_400(as_, zoes, field):
    assert step(as_("acc"), zoes, bulk_field=field).status_code == 400


def test_rows_choices_and_languages_are_said_in_words(as_, app, zoes, schools):
    browser = as_("ac")
    with rows(app) as session:
        levels = session.scalars(select(Level).where(Level.school_id == schools[0]).order_by(Level.rank)).all()
        session.get(Student, zoes[0]).level = levels[0]
        ids, names = [level.id for level in levels], [level.name for level in levels]
        klass = session.scalar(select(Group.id).where(Group.school_id == schools[0], Group.category == GroupCategory.klass, Group.name != "Classe d’essai"))
    page = words(browser.get(asked(browser, zoes, "level", level=ids[1]))).replace("\u00a0", " ")
    assert f"4 fiches passeront à : {names[1]}" in page
    assert f"{names[0]} : 1" in page
    assert "vide : 3" in page
    page = words(browser.get(asked(browser, zoes, "language", language="en"))).replace("\u00a0", " ")
    assert "passeront à : English" in page
    assert "Français : 4" in page
    address = asked(browser, zoes, "homeroom", homeroom=klass)
    assert "Classe d’essai : 4" in words(browser.get(address)).replace("\u00a0", " ")
    assert "passeront à : Féminin" in words(browser.get(asked(browser, zoes, "sex", sex="F"))).replace("\u00a0", " ")


def test_a_look_up_works_without_script(as_, zoes):
    page = step(as_("ac"), zoes, bulk_field="homeroom", _asked="1", _look="homeroom", **{"look-homeroom": "essai"})
    assert page.status_code == 200
    assert "Classe d’essai</option>" in page.text


def test_the_fields_of_the_school_are_offered_and_changed(as_, app, zoes, schools):
    with rows(app) as session:
        session.add(CustomField(school_id=schools[0], table_name="student", label="Casier", kind=FieldKind.number))
    browser = as_("ac")
    assert offered(step(browser, zoes))[-1] == "extra.casier"
    assert step(browser, zoes, bulk_field="extra.casier", _asked="1", **{"extra.casier": "douze"}).status_code == 422
    address = asked(browser, zoes, "extra.casier", **{"extra.casier": "12"})
    assert "4 fiches passeront à" in words(browser.get(address))
    send(browser, address, page="/account")
    with rows(app) as session:
        assert {str(session.get(Student, i).extra) for i in zoes} == {"{'casier': '12'}"}


# --- many ------------------------------------------------------------------------------------------------------------------------


def test_all_that_match_beyond_five_hundred_become_a_job(as_, app, schools):
    with rows(app) as session:
        klass = Group(school_id=schools[0], name="Grande classe", category=GroupCategory.klass)
        session.add_all(Student(school_id=schools[0], family_name="Foule", given_name=f"Zoé {n}", homeroom=klass) for n in range(510))
        session.flush()
        number = klass.id
    browser = as_("ac")
    address = asked(browser, "all", "town", path=f"{ACTION}?flt0_homeroom.Row={number}", town="Rive")
    page = browser.get(address)
    assert "510 fiches passeront à" in words(page)
    assert "et 460 autres" in words(page)
    assert page.text.count("<ins>") == 50
    answer = send(browser, address, page="/account")
    assert answer.headers["Location"].startswith("/admin/job/details/?id=")
    assert send(browser, address, page="/account").status_code == 303  # a second click asks for nothing more
    assert browser.get(address).headers["Location"] == answer.headers["Location"]
    with rows(app) as session:
        assert session.scalar(select(func.count(Job.id)).where(Job.kind == JobKind.bulk_edit)) == 1
    with rows(app) as session:
        session.scalars(select(Student).where(Student.homeroom_id == number).order_by(Student.id)).first().phone = "0199001201"
    run_pending(app)
    done = browser.get(answer.headers["Location"])
    assert "509 fiches modifiées." in words(done)
    result = re.search(r'href="([^"]+bulk_edit[^"]+)"', done.text)[1]
    assert "Foule, Zoé 0" in words(browser.get(result))
    assert "bulk_edit" not in as_("acc").get(answer.headers["Location"]).text
    assert "/admin/journal_event/undo" in done.text
    with rows(app) as session:
        assert session.scalar(select(func.count(Student.id)).where(Student.homeroom_id == number, Student.town == "Rive")) == 509
        assert session.scalar(select(Job.state).where(Job.kind == JobKind.bulk_edit)) is JobState.done


def test_the_preview_asks_as_much_for_few_and_for_many_rows(as_, app, schools):
    with rows(app) as session:
        made = [Student(school_id=schools[0], family_name="Foule", given_name=f"Zoé {n}") for n in range(400)]
        session.add_all(made)
        session.flush()
        ids = [row.id for row in made]
    browser = as_("ac")
    few, many = asked(browser, ids[:20], "town", town="Rive"), asked(browser, ids, "town", town="Rive")
    browser.get(few)
    costs = []
    for address in (few, many):
        with counted(app) as seen:
            assert browser.get(address).status_code == 200
        costs.append(len(seen))
    assert costs[0] == costs[1] <= 10


# --- who -------------------------------------------------------------------------------------------------------------------------

WHO = {"acc": 200, "ac": 200, "registrar": 200, "amp": 403, "head": 403, "inspector": 403, "ac2": 404}


@pytest.mark.parametrize(("who", "status"), WHO.items())
def test_who_changes_many(as_, zoes, who, status):
    browser = as_(who)
    assert step(browser, zoes).status_code == status
    button = 'value="bulk_edit"' in browser.get("/admin/student/").text
    assert button == (who not in ("amp", "head", "inspector"))


def test_a_teacher_is_not_offered_what_the_school_gives_and_reaches_their_own_only(as_, app, schools):
    browser = as_("ec")
    mine = re.search(r'name="rowid" value="(\d+)"', browser.get("/admin/student/").text)[1]
    fields = offered(step(browser, [mine]))
    assert not {"level", "homeroom", "adviser"} & set(fields)
    assert step(browser, [mine], bulk_field="level").status_code == 400
    with rows(app) as session:
        strange = Student(school_id=schools[0], family_name="Ailleurs", given_name="Zoé")
        session.add(strange)
        session.flush()
        other = strange.id
    assert step(browser, [mine, other]).status_code == 404


def test_the_preview_is_its_authors_and_its_screens_own(as_, app, zoes):
    browser = as_("ac")
    address = asked(browser, zoes, "town", town="Rive")
    assert as_("acc").get(address).status_code == 404
    assert as_("ac2").get(address).status_code == 404
    assert as_("amp").get(address).status_code == 403
    assert browser.get(address.replace("/student/", "/guardian/")).status_code == 404
    assert browser.get("/admin/student/bulk_edit/?id=99999999").status_code == 404
    assert browser.get(f"/admin/student/bulk_edit/?id={'9' * 30}").status_code == 400
    assert browser.get("/admin/student/bulk_edit/").status_code == 400
    assert as_("acc").get("/admin/journal_event/bulk_edit/?id=1").status_code == 403
    form = {"csrf_token": token(as_("acc").get("/account").text)}
    assert as_("acc").post(address, data=form).status_code in (400, 404)
    assert towns(app, zoes) == ["Valmont", "Rive"] * 2


def test_every_screen_with_a_form_offers_fields_that_tell_no_rows_apart(app):
    found = {}
    with app.test_request_context("/admin/"):
        for name, screen in screens().items():
            if screen.form_columns:
                found[name] = screen.bulk_edit_columns if screen.bulk_edit_columns is not None else screen._worked_out()
    assert found["guardian_link"] == ("relation", "authority")
    assert found["group"] == ("category",)
    assert found["user"] == ()
    assert found["membership"] == ()
    for name, fields in found.items():
        assert not {"name", "family_name", "given_name", "email", "username", "national_id", "official_code", "user", "student", "guardian"} & set(fields), name


def test_a_single_record_has_its_form_instead(as_, zoes):
    browser = as_("ac")
    assert "Modifier un champ" not in words(browser.get(f"/admin/student/details/?id={zoes[0]}"))
    page = browser.get("/admin/student/").text
    assert page.count('value="bulk_edit"') == 1
