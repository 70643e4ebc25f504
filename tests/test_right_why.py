"""Why may somebody, or why not: in plain sentences, and nothing that the reader does not see already."""

import datetime as dt

import pytest
from conftest import rows
from hands import do, send, user_of, words
from sqlalchemy import select
from test_right_screen import save

from models.access import Membership, Role, User
from models.actors import staff_in
from models.base import today
from models.db import db
from models.people import Group, Student
from models.scope import acting


def why(browser, app, who, right="", address=""):
    """What the page answers about this person."""
    query = {"user": user_of(app, who), "right": right, "address": address}
    return browser.get("/admin/right/why/", query_string={key: value for key, value in query.items() if value})


def followed(app, school, username="ec"):
    """Students within the reach of a teacher, and outside it."""
    with app.app_context(), acting(*staff_in(db.session, user_of(app, username), school)):
        inside = db.session.scalars(select(Student.id)).all()
    with rows(app) as session:
        outside = session.scalars(select(Student.id).where(Student.school_id == school, Student.id.not_in(inside))).all()
    return inside, outside


def test_a_right_by_default_is_told_with_its_role_and_how_far_it_goes(as_, app):
    page = words(why(as_("acc"), app, "ec", "student.export"))
    assert "peut exporter les élèves de ses groupes." in page
    assert "travaille ici avec ces rôles : Enseignant ou conseiller." in page
    assert "Un enseignant ou conseiller peut exporter les élèves de ses groupes : par défaut." in page


def test_a_right_that_was_withdrawn_says_by_whom_and_when(as_, app):
    browser = as_("acc")
    save(browser, "ec", untick=["student.export"])
    page = words(why(browser, app, "ec", "student.export"))
    assert "ne peut pas exporter les élèves" in page
    day = today().strftime("%d/%m/%Y")
    assert f"modifié par Hélène Marchand le {day}" in page
    assert "par défaut, c’est l’inverse." in page


def test_a_right_that_rests_says_on_what(as_, app):
    browser = as_("acc")
    save(browser, "amp", untick=["student.read"])
    page = words(why(browser, app, "amp", "student.export"))
    assert "Ce droit est sans effet, car ce rôle ne peut pas voir les élèves" in page


def test_several_roles_are_each_told(as_, app, schools):
    with rows(app) as session:
        session.add(Membership(user_id=user_of(app, "ec"), school_id=schools[0], role=Role.amp))
    page = words(why(as_("acc"), app, "ec", "student.deactivate"))
    assert "Un enseignant ou conseiller ne peut pas désactiver" in page
    assert "Un membre de l’autre personnel ne peut pas désactiver" in page
    assert "Avec plusieurs rôles" in words(why(as_("acc"), app, "ec", "student.read"))


@pytest.mark.parametrize(
    ("window", "sentence"),
    [
        ((None, None), "n’agit que d’un jour à un autre, et aucun jour n’est fixé"),
        ((5, 9), "s’ouvre le"),
        ((-9, -5), "s’est terminé le"),
    ],
)
def test_a_role_that_is_closed_today_says_why(as_, app, window, sentence):
    day = today()
    with rows(app) as session:
        held = session.scalar(select(Membership).join(User, User.id == Membership.user_id).where(User.username == "inspector"))
        held.open_from, held.open_until = (None if n is None else day + dt.timedelta(days=n) for n in window)
    page = words(why(as_("acc"), app, "inspector", "student.read"))
    assert "n’a aujourd’hui aucun rôle du personnel ouvert" in page
    assert f"Le rôle « Inspecteur » {sentence}" in page


def test_a_disabled_role_says_so(as_, app):
    do(as_("acc"), "user", "disable", user_of(app, "amp"))
    assert "Le rôle « Autre personnel » est désactivé." in words(why(as_("acc"), app, "amp", "student.read"))


def test_a_role_with_pages_of_its_own_is_told_apart(as_, app):
    page = words(why(as_("acc"), app, "invigilator", "student.read"))
    assert "Le rôle « Surveillant » a ses propres pages" in page


def test_what_nobody_changes_is_said(as_, app):
    page = words(why(as_("acc"), app, "ac", "right.edit"))
    assert "Seul l’administrateur du site modifie les droits." in page
    assert "personne ne modifie ses propres rôles" in words(why(as_("acc"), app, "ac", "user.disable"))


def test_the_address_of_a_page_about_a_record_says_whether_it_is_within_reach(as_, app, schools):
    inside, outside = followed(app, schools[0])
    browser = as_("acc")
    assert "en fait partie." in words(why(browser, app, "ec", address=f"/admin/student/details/?id={inside[0]}"))
    page = words(why(browser, app, "ec", address=f"http://localhost/admin/student/edit/?id={outside[0]}&url=/admin/"))
    assert "n’en fait pas partie : pour cette personne, la page n’existe pas." in page
    assert "ne peut pas modifier les élèves de ses groupes" in page


def test_a_record_that_is_read_but_not_changed_says_so(as_, app, schools):
    _inside, outside = followed(app, schools[0])
    with rows(app) as session:
        session.add(Membership(user_id=user_of(app, "ec"), school_id=schools[0], role=Role.amp))
        group = Group(school_id=schools[0], name="De la direction", owner_id=user_of(app, "head"))
        session.add(group)
        session.flush()
        number = group.id
    page = words(why(as_("acc"), app, "ec", address=f"/admin/student/edit/?id={outside[0]}"))
    assert "se lit, mais ce droit n’atteint que les élèves de ses groupes." in page
    assert "se lit, mais" in words(why(as_("acc"), app, "ec", address=f"/admin/group/edit/?id={number}"))


def test_nothing_is_said_of_a_record_that_the_reader_does_not_see(as_, app, schools):
    with rows(app) as session:
        foreign = session.scalar(select(Student).where(Student.school_id == schools[1]))
        number, name = foreign.id, foreign.family_name
    unknown, there = (why(as_("acc"), app, "ec", address=f"/admin/student/details/?id={n}") for n in (99_999_999, number))
    assert "Rien n’est dit de la fiche de cette adresse" in words(there)
    assert name not in words(there)
    assert words(unknown).replace("99999999", "#") == words(there).replace(str(number), "#")


def test_a_reader_who_lost_a_screen_hears_nothing_of_its_records(as_, app, schools):
    inside, _outside = followed(app, schools[0])
    save(as_("acc"), "head", untick=["student.read"])
    page = words(why(as_("head"), app, "ec", address=f"/admin/student/details/?id={inside[0]}"))
    assert "Rien n’est dit de la fiche" in page


@pytest.mark.parametrize("address", ["/nowhere", "javascript:alert(1)", "/account", "/admin/", "/parent/", "'"])
def test_an_address_that_is_no_page_of_the_matrix_is_told_apart(as_, app, address):
    answer = as_("acc").get("/admin/right/why/", query_string={"address": address})
    assert answer.status_code == 200
    assert "Cette adresse n’est celle d’aucun écran" in words(answer)


def test_14_nobody_of_another_school_and_no_guardian_is_asked_about(as_, app):
    browser = as_("acc")
    for who in ("ec2", "acc2", "parent"):
        assert why(browser, app, who, "student.read").status_code == 404, who
    assert browser.get("/admin/right/why/?user=x").status_code == 400
    assert browser.get("/admin/right/why/?right=student.nothing").status_code == 404
    assert browser.get("/admin/right/why/?right=nothing.read").status_code == 404


def test_whoever_reads_rights_but_not_users_asks_about_themselves_only(as_, app):
    save(as_("acc"), "registrar", tick=["right.read"])
    browser = as_("registrar")
    assert "peut exporter les élèves" in words(browser.get("/admin/right/why/?right=student.export"))
    assert why(browser, app, "ec", "student.export").status_code == 403
    for who in ("ec", "amp", "inspector"):
        assert as_(who).get("/admin/right/why/?right=student.export").status_code == 403


def test_a_refusal_leads_to_its_reason_for_whoever_may_read_rights_and_for_nobody_else(as_, app):
    told = as_("head").get("/admin/label/")
    assert told.status_code == 403
    assert 'href="/admin/right/why/?address=/admin/label/"' in told.text
    assert "La direction de l’établissement ne peut pas voir les textes" in words(as_("head").get("/admin/right/why/?address=/admin/label/"))
    for who in ("ec", "amp", "registrar", "inspector"):
        assert "/admin/right/why/" not in as_(who).get("/admin/label/").text
    assert "/admin/right/why/" not in as_("acc").get("/admin/student/details/?id=99999999").text, "a page that does not exist stays so"


def test_the_record_of_a_user_leads_to_what_they_may(as_, app):
    number = user_of(app, "ec")
    assert f"/admin/right/why/?user={number}" in as_("acc").get(f"/admin/user/details/?id={number}").text
    save(as_("acc"), "head", untick=["right.read"])
    assert "/admin/right/why/" not in as_("head").get(f"/admin/user/details/?id={number}").text
    assert send(as_("acc"), "/admin/right/why/", page="/account").status_code == 405
