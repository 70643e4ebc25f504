"""Guardians, their links to students, and the school's own page."""

from conftest import rows
from hands import form_of, ids, one, scope_of, send, words
from sqlalchemy import func, select

from models.journal import JournalEvent
from models.people import Guardian, GuardianLink, LinkStatus, Student
from models.school import School


def test_a_guardian_is_added_with_a_phone_that_can_be_dialled_and_then_linked(as_, app, schools, a_student):
    browser = as_("ac")
    page = f"/admin/guardian/new/?student={a_student}"
    answer = send(browser, page, page=page, family_name="Nouvelle", given_name="Mère", phone="06 39 98 77 66", email="Mere@Example.org", language="fr")
    assert answer.status_code == 302
    with rows(app) as session:
        row = session.scalar(select(Guardian).where(Guardian.family_name == "Nouvelle"))
        assert (row.phone_e164, row.email) == ("+33639987766", "mere@example.org")
        number = row.id
    assert f"guardian={number}" in answer.headers["Location"]
    form = form_of(browser, answer.headers["Location"])
    assert (form["student"], form["guardian"]) == (str(a_student), str(number))
    assert browser.post(answer.headers["Location"], data={**form, "relation": "mother", "authority": "legal"}).status_code == 302
    with rows(app) as session:
        link = session.scalar(select(GuardianLink).where(GuardianLink.guardian_id == number))
        assert (link.student_id, link.school_id, link.relation.name) == (a_student, schools[0], "mother")
        assert "nouvelle" in session.get(Student, a_student).search_key
    again = browser.post("/admin/guardian_link/new/", data={**form, "relation": "father", "authority": "legal"})
    assert again.status_code == 422
    assert "a déjà un lien" in again.text


def test_a_guardian_with_an_account_is_not_deleted(as_, app, schools):
    kept = ids(app, select(Guardian.id).where(Guardian.school_id == schools[0], Guardian.user_id.is_not(None)))[0]
    answer = send(as_("ac"), "/admin/guardian/delete/", page="/account", id=kept, _asked="1")
    assert answer.status_code == 409
    assert "suspendez le lien" in answer.text
    assert ids(app, select(Guardian.id).where(Guardian.id == kept)) == [kept]


def test_the_filter_with_an_account_is_the_one_that_home_counts(as_, app, schools):
    with rows(app) as session:
        count = session.scalar(select(func.count(Guardian.id)).where(Guardian.school_id == schools[0], Guardian.user_id.is_not(None)))
    page = words(as_("ac").get("/admin/guardian/?flt0_account.Clause=1"))
    assert f"{count} responsable" in page


def test_a_link_is_suspended_with_its_reason_then_reactivated(as_, app, schools):
    link = ids(app, select(GuardianLink.id).where(GuardianLink.school_id == schools[0], GuardianLink.status == LinkStatus.active))[0]
    browser = as_("ac")
    action = "/admin/guardian_link/action/"
    assert "Motif" in send(browser, action, page="/account", action="suspend", rowid=link).text
    assert send(browser, action, page="/account", action="suspend", rowid=link, _asked="1", reason="").status_code == 422
    assert send(browser, action, page="/account", action="suspend", rowid=link, _asked="1", reason="Décision du juge", until="2030-01-31").status_code == 303
    with rows(app) as session:
        row = session.get(GuardianLink, link)
        assert (row.status, row.suspended_reason, str(row.suspended_until)) == (LinkStatus.suspended, "Décision du juge", "2030-01-31")
        assert not session.scalar(select(func.count(JournalEvent.id)).where(JournalEvent.verb.contains("juge")))
    assert send(browser, action, page="/account", action="reactivate", rowid=link).status_code == 303
    assert one(app, select(GuardianLink.status).where(GuardianLink.id == link))[0] is LinkStatus.active


def test_a_new_link_beside_a_suspended_one_waits_for_a_check(as_, app, schools):
    with rows(app) as session:
        student = session.scalar(select(GuardianLink.student_id).where(GuardianLink.school_id == schools[0], GuardianLink.status == LinkStatus.suspended))
        fresh = Guardian(school_id=schools[0], family_name="Tante", given_name="Odile")
        session.add(fresh)
        session.flush()
        number = fresh.id
    browser = as_("ac")
    page = f"/admin/guardian_link/new/?student={student}&guardian={number}"
    assert browser.post(page, data={**form_of(browser, page), "relation": "other_family", "authority": "contact"}).status_code == 302
    with rows(app) as session:
        link = session.scalar(select(GuardianLink).where(GuardianLink.guardian_id == number))
        assert link.status is LinkStatus.to_check
        made = link.id
    assert send(browser, "/admin/guardian_link/action/", page="/account", action="confirm", rowid=made).status_code == 303
    assert one(app, select(GuardianLink.status).where(GuardianLink.id == made))[0] is LinkStatus.active


def test_a_link_never_moves_to_another_child(as_, app, schools):
    link, student = one(app, select(GuardianLink.id, GuardianLink.student_id).where(GuardianLink.school_id == schools[0]))
    other = ids(app, select(Student.id).where(Student.school_id == schools[0], Student.id != student))[0]
    browser = as_("ac")
    page = f"/admin/guardian_link/edit/?id={link}"
    fields = form_of(browser, page)
    assert browser.post(page, data={**fields, "relation": "tutor", "student": other, "status": "suspended"}).status_code == 302
    with rows(app) as session:
        row = session.get(GuardianLink, link)
        assert (row.student_id, row.relation.name, row.status is LinkStatus.suspended) == (student, "tutor", False)


def test_ec_and_amp_read_links_and_change_none(as_, app):
    inside, _outside = scope_of(app, "ec")
    link = ids(app, select(GuardianLink.id).where(GuardianLink.student_id.in_(inside)))[0]
    for who in ("ec", "amp", "registrar", "head"):
        browser = as_(who)
        assert browser.get(f"/admin/guardian_link/details/?id={link}").status_code == 200
        assert browser.get(f"/admin/guardian_link/edit/?id={link}").status_code == 403
        assert send(browser, "/admin/guardian_link/action/", page="/account", action="suspend", rowid=link, _asked="1", reason="non").status_code == 403
    assert one(app, select(GuardianLink.status).where(GuardianLink.id == link))[0] is not LinkStatus.suspended


def test_the_school_screen_is_the_school_itself(as_, app, schools):
    browser = as_("acc")
    answer = browser.get("/admin/school/")
    assert answer.headers["Location"].endswith(f"/admin/school/edit/?id={schools[0]}")
    assert as_("ec").get("/admin/school/").headers["Location"].endswith(f"/admin/school/details/?id={schools[0]}")
    page = f"/admin/school/edit/?id={schools[0]}"
    fields = form_of(browser, page)
    assert browser.post(page, data={**fields, "town": "Valneuve", "time_zone": "Pacific/Noumea"}).status_code == 302
    assert one(app, select(School.town, School.time_zone).where(School.id == schools[0])) == ("Valneuve", "Pacific/Noumea")
    assert browser.get(f"/admin/school/edit/?id={schools[1]}").status_code == 404
    assert browser.get("/admin/school/new/").status_code == 403
    assert send(browser, "/admin/school/delete/", page="/account", id=schools[0], _asked="1").status_code == 403
    assert as_("ac").get(page).status_code == 403
    assert browser.post(page, data={**form_of(browser, page), "official_code": "1234567A"}).status_code == 422
