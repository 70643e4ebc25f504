"""Merging in the browser: two ticked rows side by side, what is refused, two people at once, and the way back."""

import re

import pytest
from conftest import counted, rows
from hands import send, token, words
from small import add_code
from sqlalchemy import func, select

from models.access import User
from models.activation import ActivationCode, read_code
from models.people import Guardian, GuardianLink, LinkStatus, Student
from models.redemption import UnusableCode, add_child


@pytest.fixture
def twins(app, schools):
    """Two records of Zoé in the first school; each has a guardian, the second a code and another identifier."""
    with rows(app) as session:
        first = Student(school_id=schools[0], family_name="Bénard", given_name="Zoé", national_id="9900000001A", town="Valmont")
        second = Student(school_id=schools[0], family_name="BENARD", given_name="Zoe", national_id="9900000002B", email="zoe@exemple.org")
        for student, name in ((first, "Hélène"), (second, "Paul")):
            guardian = Guardian(school_id=schools[0], family_name="Bénard", given_name=name)
            session.add(GuardianLink(school_id=schools[0], student=student, guardian=guardian))
        session.flush()
        add_code(session, second)
        return first.id, second.id


def page_of(first, second, path="student"):
    """The address of two records side by side."""
    return f"/admin/{path}/merge/?id={first}&with={second}"


def posted(browser, address, **changed):
    """The fields of the page as they would be sent unchanged, with these changes; None leaves a field out."""
    text = browser.get(address).text
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', text))
    data = {**fields, **ticked(text), "typed": "Zoé Bénard", **changed}
    return browser.post(address, data={name: value for name, value in data.items() if value is not None})


RADIO = re.compile(r'<input type="radio"[^>]* name="([^"]+)" value="([^"]*)"[^>]*?( checked)?>')


def ticked(text):
    """Each line's value: the one that is ticked, else the first, which somebody ticks."""
    found = {}
    for name, value, checked in RADIO.findall(text):
        found[name] = value if checked else found.get(name, value)
    return found


def standing(app, *ids):
    """Which of these students still exist."""
    with rows(app) as session:
        return set(session.scalars(select(Student.id).where(Student.id.in_(ids))))


def test_two_ticked_rows_lead_side_by_side_and_one_to_the_choice_of_the_other(as_, twins):
    browser = as_("ac")
    answer = send(browser, "/admin/student/action/", page="/account", action="merge", rowid=list(twins), url="/admin/student/")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/admin/student/merge/?id=")
    assert f"with={twins[1]}" in answer.headers["Location"]
    alone = send(browser, "/admin/student/action/", page="/account", action="merge", rowid=twins[0])
    page = browser.get(alone.headers["Location"])
    assert "Fusionner Bénard, Zoé avec une autre fiche" in words(page)
    chosen = send(browser, alone.headers["Location"], page="/account", other=twins[1])
    assert f"with={twins[1]}" in chosen.headers["Location"]
    itself = send(browser, alone.headers["Location"], page="/account", other=twins[0])
    assert itself.status_code == 422
    assert "deux fiches différentes" in words(itself)


def test_more_than_two_are_refused_with_a_remedy(as_, twins, a_student):
    browser = as_("ac")
    answer = send(browser, "/admin/student/action/", page="/account", action="merge", rowid=[*twins, a_student])
    assert "Cochez-en deux" in words(browser.get(answer.headers["Location"]))


def test_the_page_shows_what_differs_what_follows_and_what_closes(as_, twins):
    page = as_("ac").get(page_of(*twins))
    assert page.status_code == 200
    text = words(page).replace("\u00a0", " ").replace("\u202f", " ")
    for sentence in ("remplis tous les deux", "Liens : 1", "Codes d’activation : 1", "1 code inutilisé de la fiche qui part est révoqué"):
        assert sentence in text
    assert "tapez « Zoé Bénard »" in text
    assert "zoe@exemple.org" in text
    assert "search_key" not in page.text


def test_the_merge_is_done_told_and_undone_from_the_message(as_, app, twins):
    browser = as_("ac")
    answer = posted(browser, page_of(*twins))
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/admin/student/details/?id={twins[0]}"
    assert standing(app, *twins) == {twins[0]}
    page = browser.get(answer.headers["Location"])
    assert "ne fait plus qu’une fiche" in words(page)
    assert "Élèves : fusion" in words(browser.get("/admin/")).replace("\u00a0", " ")
    undo = re.search(r'href="(/admin/journal_event/undo[^"]+)"', page.text)[1].replace("&amp;", "&")
    assert send(browser, undo, page="/account").status_code == 303
    assert standing(app, *twins) == set(twins)
    with rows(app) as session:
        assert session.get(Student, twins[1]).email == "zoe@exemple.org"
        assert len(session.get(Student, twins[1]).links) == 1


def test_the_other_record_can_be_the_one_that_stays(as_, app, twins):
    browser = as_("ac")
    page = browser.get(page_of(*twins)).text
    other = re.search(r'<a href="([^"]+)">Garder plutôt', page)[1].replace("&amp;", "&")
    assert f"keep={twins[1]}" in other
    assert posted(browser, other, typed="benard zoe").status_code == 303
    assert standing(app, *twins) == {twins[1]}


@pytest.mark.parametrize("typed", ["", "Zoé Bernard", "oui"])
def test_without_the_name_two_identifiers_are_not_joined(as_, app, twins, typed):
    answer = posted(as_("ac"), page_of(*twins), typed=typed)
    assert answer.status_code == 422
    assert "Tapez le nom pour confirmer." in words(answer)
    alert = re.search(r'<div class="alert alert-danger".*?</div>', answer.text, re.S)[0]
    assert "tapez «\u202fZoé Bénard\u202f»" in alert
    assert 'href="#typed"' in alert
    assert 'id="errors"' not in alert  # the field takes the focus instead
    assert re.search(r'<input[^>]* id="typed"[^>]* aria-invalid="true" aria-describedby="typed-error" autofocus>', answer.text)
    assert standing(app, *twins) == set(twins)


def test_a_choice_that_is_missing_or_forged_is_refused_and_the_others_are_kept(as_, app, twins, a_student):
    browser = as_("ac")
    answer = posted(browser, page_of(*twins), pick_town=str(twins[1]), pick_email=str(a_student))
    assert answer.status_code == 422
    assert "Choisissez la valeur qui reste" in words(answer)
    assert posted(browser, page_of(*twins), pick_email="x").status_code == 400
    assert standing(app, *twins) == set(twins)


def test_nothing_is_ticked_where_two_records_name_somebody_otherwise_and_what_is_missing_is_marked(as_, app, twins):
    browser = as_("ac")
    page = browser.get(page_of(*twins))
    chosen = {name for name, _value, checked in RADIO.findall(page.text) if checked}
    assert {"pick_family_name", "pick_given_name", "pick_national_id"}.isdisjoint(chosen)
    assert {"pick_email", "pick_address1"} <= chosen
    assert "choisissez vous-même les noms, la date de naissance et les identifiants" in words(page)
    assert 'class="wrong"' not in page.text
    answer = posted(browser, page_of(*twins), pick_family_name=None, pick_given_name=None)
    assert answer.status_code == 422
    alert = re.search(r'<div class="alert alert-danger".*?</div>', answer.text, re.S)[0]
    assert re.findall(r'href="#(\w+)"', alert) == ["pick_family_name", "pick_given_name"]
    assert len(re.findall('class="wrong"', answer.text)) == 2
    assert 'id="pick_family_name" name="pick_family_name"' in answer.text
    assert standing(app, *twins) == set(twins)


@pytest.mark.parametrize("place", [0, 1])
def test_a_record_changed_meanwhile_is_a_409_that_keeps_the_choices(as_, app, twins, place):
    browser = as_("ac")
    address = page_of(*twins)
    text = browser.get(address).text
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', text))
    with rows(app) as session:
        session.get(Student, twins[place]).phone = "0199001299"
    answer = browser.post(address, data={**fields, "typed": "Zoé Bénard", "pick_family_name": str(twins[0])})
    assert answer.status_code == 409
    assert "Quelqu’un a modifié une de ces fiches entre-temps" in words(answer)
    assert re.search(rf'name="pick_family_name" value="{twins[0]}" checked', answer.text)
    assert "0199001299" in answer.text
    assert standing(app, *twins) == set(twins)


def test_a_second_click_finds_nothing_more_to_do(as_, app, twins):
    browser = as_("ac")
    text = browser.get(page_of(*twins)).text
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', text))
    fields |= ticked(text)
    assert browser.post(page_of(*twins), data={**fields, "typed": "Zoé Bénard"}).status_code == 303
    assert browser.post(page_of(*twins), data={**fields, "typed": "Zoé Bénard"}).status_code == 404
    assert standing(app, *twins) == {twins[0]}


def test_two_accounts_are_told_on_the_page_and_there_is_no_button(as_, app, schools):
    with rows(app) as session:
        users = [User(username=name) for name in ("un.deux", "deux.un")]
        session.add_all(users)
        session.flush()
        both = [Guardian(school_id=schools[0], family_name="Bénard", given_name="Hélène", user_id=user.id) for user in users]
        session.add_all(both)
        session.flush()
        ids = [row.id for row in both]
    browser = as_("ac")
    page = browser.get(page_of(*ids, "guardian"))
    assert "ont chacune un compte" in words(page)
    assert "Fusionner les deux fiches</button>" not in page.text
    assert posted(browser, page_of(*ids, "guardian")).status_code in (409, 422)
    with rows(app) as session:
        assert session.scalar(select(func.count(Guardian.id)).where(Guardian.id.in_(ids))) == 2


def test_guardians_are_merged_and_the_page_says_whom_the_account_will_reach(as_, app, schools):
    with rows(app) as session:
        registered = (Guardian.user_id.is_not(None), GuardianLink.school_id == schools[0], GuardianLink.status == LinkStatus.active)
        link = session.scalars(select(GuardianLink).join(Guardian).where(*registered)).first()
        holder = link.guardian
        other = Guardian(school_id=schools[0], family_name=holder.family_name, given_name=holder.given_name)
        child = Student(school_id=schools[0], family_name="Bénard", given_name="Noé")
        session.add(GuardianLink(school_id=schools[0], student=child, guardian=other))
        session.flush()
        ids, child_id = (holder.id, other.id), child.id
    browser = as_("ac")
    assert "suivra aussi : Bénard, Noé" in words(browser.get(page_of(*ids, "guardian"))).replace("\u00a0", " ")
    assert posted(browser, page_of(*ids, "guardian")).status_code == 303
    with rows(app) as session:
        assert session.scalar(select(GuardianLink.guardian_id).where(GuardianLink.student_id == child_id)) == ids[0]


WHO = {"acc": 200, "ac": 200, "ec": 403, "amp": 403, "registrar": 403, "head": 403, "inspector": 403, "ac2": 404}


@pytest.mark.parametrize(("who", "status"), WHO.items())
def test_who_merges(as_, app, twins, who, status):
    browser = as_(who)
    assert browser.get(page_of(*twins)).status_code == status
    form = {"csrf_token": token(browser.get("/account").text), "first": twins[0], "second": twins[1]}
    assert browser.post("/admin/student/duplicates/apart/", data=form).status_code == (303 if status == 200 else status)
    answer = browser.post(page_of(*twins), data={"csrf_token": form["csrf_token"]})
    assert answer.status_code == (409 if status == 200 else status)  # no mark of the versions
    assert standing(app, *twins) == set(twins)


@pytest.mark.parametrize("address", ["?id=x", "?id=1&with=abc", "", "?with=3"])
def test_an_address_without_a_number_is_a_400(as_, address):
    assert as_("ac").get(f"/admin/student/merge/{address}").status_code == 400


def test_33_a_code_of_the_student_that_went_is_refused_like_any_other(as_, app, twins, schools):
    with rows(app) as session:
        code = session.scalar(select(ActivationCode).where(ActivationCode.student_id == twins[1])).reveal()
        parent = session.scalar(select(User.id).where(User.username == "parent"))
    assert posted(as_("ac"), page_of(*twins)).status_code == 303
    assert read_code(code)
    with app.app_context(), pytest.raises(UnusableCode):
        add_child(code, parent, address="10.0.0.9")


def test_the_page_asks_as_much_for_few_and_for_many_links(as_, app, twins, schools):
    browser = as_("ac")
    browser.get(page_of(*twins))
    with rows(app) as session:
        paul = session.scalar(select(GuardianLink).where(GuardianLink.student_id == twins[0]))
        paul.suspend("Jugement")  # then each link of the other record waits for a check
    with counted(app) as few:
        browser.get(page_of(*twins))
    with rows(app) as session:
        for n in range(60):
            guardian = Guardian(school_id=schools[0], family_name="Foule", given_name=f"Anne {n}")
            session.add(GuardianLink(school_id=schools[0], student_id=twins[1], guardian=guardian))
            add_code(session, session.get(Student, twins[1]))
    with counted(app) as many:
        browser.get(page_of(*twins))
    assert len(many) == len(few) <= 26  # one for each table that points to students
