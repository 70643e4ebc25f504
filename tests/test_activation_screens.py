"""Codes in the browser: made, listed, printed, revoked (story C), and who may."""

import json
import re

import pytest
from conftest import counted, rows
from hands import token, words
from sqlalchemy import func, select

from models.activation import ActivationCode, CodePurpose
from models.base import utcnow
from models.db import db
from models.people import Student, StudentStatus
from models.school import School
from models.scope import unscoped
from models.work import Job

OURS = ActivationCode.purpose != CodePurpose.invitation
MISSING = "/admin/student/action/?flt0_access.Clause=1"


def generate_by(browser, path=MISSING, **answers):
    """Ask for codes for all the rows that match, or answer the question."""
    return browser.post(
        path, data={"csrf_token": token(browser.get("/account").text), "action": "generate_codes", "all": "1", "url": "/admin/student/", **answers}
    )


def codes(app, *clauses):
    """The codes of the first school; those of invitations have a screen of their own."""
    with rows(app) as session:
        school = session.scalar(select(func.min(School.id)))
        found = list(session.scalars(select(ActivationCode).where(ActivationCode.school_id == school, OURS, *clauses).order_by(ActivationCode.id)))
        session.expunge_all()
        return found


def usable():
    """The clause of the default list."""
    return (OURS, ActivationCode.used_at.is_(None), ActivationCode.revoked_at.is_(None), ActivationCode.expires_at > utcnow())


def test_c_count_first_then_create_then_letters_then_their_job(as_, app):
    browser = as_("ac")
    before = {code.id for code in codes(app)}
    asked = generate_by(browser)
    n = int(re.search(r'class="big-count"><b>(\d+)</b>', asked.text)[1])
    assert n > 0
    assert {code.id for code in codes(app)} == before
    assert f"Créer {n} codes" in words(asked)
    counts = json.loads(re.search(r"data-counts=\"([^\"]+)\"", asked.text)[1].replace("&#34;", '"').replace("&quot;", '"'))
    assert counts["1|2"][0] == 2 * n
    assert counts["1|2"][2] == f"Créer {2 * n} codes"
    done = generate_by(browser, _asked="1", only_missing="1", quantity="2")
    assert done.status_code == 303
    made = [code for code in codes(app) if code.id not in before]
    assert len(made) == 2 * n
    question = browser.get(done.headers["Location"])
    assert f"{2 * n} codes créés." in words(question)
    assert f"Oui, imprimer {2 * n} lettres" in words(question)
    assert "Non, revenir à la liste" in words(question)
    yes = browser.post("/admin/activation_code/letters/", data={"csrf_token": token(question.text), "batch": made[0].batch, "url": "/admin/student/"})
    assert yes.status_code == 303
    with rows(app) as session:
        job = session.scalars(select(Job).order_by(Job.id.desc())).first()
        assert sorted(job.params["codes"]) == [code.id for code in made]
        assert yes.headers["Location"] == f"/admin/job/details/?id={job.id}"
    assert browser.get(yes.headers["Location"]).status_code == 200


def test_c_the_same_again_has_nobody_left_and_creates_nothing(as_, app):
    browser = as_("ac")
    generate_by(browser, _asked="1", only_missing="1", quantity="1")
    before = len(codes(app))
    again = generate_by(browser, path="/admin/student/action/", _asked="1", only_missing="1", quantity="1")
    assert again.status_code == 422
    assert "Aucun code n’est nécessaire" in words(again)
    assert len(codes(app)) == before


@pytest.mark.parametrize("quantity", ["0", "5", "deux", ""])
def test_c_a_wrong_number_is_refused_beside_its_field(as_, app, quantity):
    browser = as_("ac")
    before = len(codes(app))
    answer = generate_by(browser, _asked="1", only_missing="1", quantity=quantity)
    assert answer.status_code == 422
    assert "field-error" in answer.text
    assert len(codes(app)) == before


def test_c_the_whole_selection_gets_codes_when_asked(as_, app, schools):
    browser = as_("ac")
    before = len(codes(app))
    generate_by(browser, path="/admin/student/action/", _asked="1", only_missing="0", quantity="1")
    with rows(app) as session:
        active = session.scalar(select(func.count(Student.id)).where(Student.school_id == schools[0], Student.status == StudentStatus.active))
    assert len(codes(app)) == before + active


def test_the_list_shows_unused_codes_and_the_tabs_the_others(as_, app):
    browser = as_("ac")
    free, all_of_them = codes(app, *usable()), codes(app)
    assert f"{len(free)} codes" in words(browser.get("/admin/activation_code/"))
    assert all(f"····-····-{code.tail}" in browser.get("/admin/activation_code/?page_size=100").text for code in free)
    used = next(code for code in all_of_them if code.used_at)
    assert used.tail not in browser.get("/admin/activation_code/?page_size=100").text
    assert used.tail in browser.get("/admin/activation_code/?flt0_state.InState=used&page_size=100").text
    assert f"{len(all_of_them)} codes" in words(browser.get("/admin/activation_code/?flt0_state.InState=any"))


def test_the_list_is_filtered_by_level_class_and_batch(as_, app):
    browser = as_("ac")
    with rows(app) as session:
        school = session.scalar(select(func.min(School.id)))
        level_id, homeroom_id = session.execute(select(Student.level_id, Student.homeroom_id).where(Student.school_id == school)).first()
        statement = select(func.count(ActivationCode.id)).join(Student, Student.id == ActivationCode.student_id).where(Student.school_id == school, *usable())
        in_level = session.scalar(statement.where(Student.level_id == level_id))
        in_class = session.scalar(statement.where(Student.homeroom_id == homeroom_id))
        batch = session.scalar(select(ActivationCode.batch).where(ActivationCode.school_id == school))
    for query, n in (
        (f"flt0_level.OfStudent={level_id}", in_level),
        (f"flt0_homeroom.OfStudent={homeroom_id}", in_class),
        (f"flt0_batch.OfBatch={batch}", None),
    ):
        page = browser.get(f"/admin/activation_code/?{query}&page_size=100")
        assert page.status_code == 200
        if n is not None:
            assert page.text.count('name="rowid"') == n


def test_the_list_costs_the_same_for_few_and_many_codes(as_, app):
    browser = as_("acc")
    browser.get("/admin/activation_code/")
    with counted(app) as few:
        browser.get("/admin/activation_code/")
    generate_by(browser, path="/admin/student/action/", _asked="1", only_missing="0", quantity="4")
    with counted(app) as many:
        browser.get("/admin/activation_code/?page_size=100")
    assert len(many) == len(few) <= 10


def test_there_is_no_form_and_no_delete(as_, app):
    browser = as_("acc")
    code = codes(app)[0]
    assert browser.get("/admin/activation_code/new/").status_code == 403
    assert browser.get(f"/admin/activation_code/edit/?id={code.id}").status_code == 403
    answer = browser.post("/admin/activation_code/delete/", data={"csrf_token": token(browser.get("/account").text), "id": code.id})
    assert answer.status_code == 403


def act(browser, verb, *ids, **more):
    """A verb on chosen codes."""
    return browser.post("/admin/activation_code/action/", data={"csrf_token": token(browser.get("/account").text), "action": verb, "rowid": list(ids), **more})


def test_c_a_code_is_revoked_after_a_question_and_never_when_it_has_served(as_, app):
    browser = as_("ac")
    free, used = codes(app, *usable())[0], codes(app, ActivationCode.used_at.is_not(None))[0]
    with rows(app) as session:
        child = str(session.get(Student, free.student_id))
    asked = words(act(browser, "revoke", free.id))
    assert f"Révoquer ce code ? {child} –" in asked, "one row is told by its name"
    assert f"– ····-····-{free.tail}" in asked
    assert "choisi" not in asked
    assert codes(app, ActivationCode.id == free.id)[0].revoked_at is None
    assert act(browser, "revoke", free.id, _asked="1").status_code in (302, 303)
    gone = codes(app, ActivationCode.id == free.id)[0]
    assert gone.revoked_at is not None
    assert gone.sealed == ""
    refused = act(browser, "revoke", used.id, _asked="1")
    assert "suspendez le lien" in words(browser.get(refused.headers["Location"]))
    assert codes(app, ActivationCode.id == used.id)[0].revoked_at is None


def test_c_letters_are_printed_again_for_the_codes_that_still_can(as_, app):
    browser = as_("amp")
    free, used = codes(app, *usable())[:2], codes(app, ActivationCode.used_at.is_not(None))[0]
    asked = act(browser, "print_letters", used.id, *(code.id for code in free))
    assert "Imprimer 2 lettres" in words(asked)
    assert "1 code choisi est laissé de côté" in words(asked)
    answer = act(browser, "print_letters", used.id, *(code.id for code in free), _asked="1")
    assert answer.status_code == 303
    with rows(app) as session:
        job = session.scalars(select(Job).order_by(Job.id.desc())).first()
        assert sorted(job.params["codes"]) == sorted(code.id for code in free)
    nothing = act(browser, "print_letters", used.id)
    assert "Aucun de ces codes ne peut être imprimé" in words(nothing) or "ne peut" in words(nothing)


def test_c_the_students_file_lists_unused_codes_with_print_and_revoke(as_, app):
    browser = as_("ac")
    code = codes(app, *usable())[0]
    used = codes(app, ActivationCode.used_at.is_not(None))[0]
    part = browser.get(f"/admin/student/details/?id={code.student_id}&part=codes")
    assert f"····-····-{code.tail}" in part.text
    assert f"Révoquer ····-····-{code.tail}" in words(part)
    other = browser.get(f"/admin/student/details/?id={used.student_id}&part=codes")
    assert "Codes utilisés, expirés et révoqués" in words(other)
    assert f"····-····-{used.tail}" in other.text


def test_37_no_page_and_no_export_shows_a_whole_code(as_, app):
    browser = as_("ac")
    with rows(app) as session:
        row = session.scalars(select(ActivationCode).where(*usable())).first()
        clear = row.reveal()
        row_id, student_id = row.id, row.student_id
    pages = [f"/admin/activation_code/details/?id={row_id}", "/admin/activation_code/", f"/admin/student/details/?id={student_id}&part=codes"]
    pages += ["/admin/activation_code/export/csv/", f"/admin/student/details/?id={student_id}&part=history"]
    for page in pages:
        answer = browser.get(page, buffered=True)
        assert answer.status_code == 200, page
        text = answer.text.replace("-", "")
        assert clear not in text
        assert clear[:8] not in text


# --- rights ------------------------------------------------------------------------------------------------------------------------

LIST = {"acc": 200, "ac": 200, "ec": 200, "amp": 200, "registrar": 200, "head": 403, "inspector": 403, "ac2": 200}
REVOKE = {"acc": 200, "ac": 200, "amp": 403, "registrar": 403, "head": 403, "inspector": 403, "ac2": 404}
PRINT = {"acc": 200, "ac": 200, "amp": 200, "registrar": 200, "head": 403, "inspector": 403, "ac2": 404}
GENERATE = {"acc": 200, "ac": 200, "amp": 200, "registrar": 403, "head": 403, "inspector": 403, "ac2": 200}


@pytest.mark.parametrize(("who", "status"), LIST.items())
def test_who_reads_the_list(as_, who, status):
    assert as_(who).get("/admin/activation_code/").status_code == status


@pytest.mark.parametrize(("who", "status"), REVOKE.items())
def test_who_revokes(as_, app, who, status):
    code = codes(app, *usable())[0]
    assert act(as_(who), "revoke", code.id).status_code == status


@pytest.mark.parametrize(("who", "status"), PRINT.items())
def test_who_prints(as_, app, who, status):
    code = codes(app, *usable())[0]
    assert act(as_(who), "print_letters", code.id).status_code == status


@pytest.mark.parametrize(("who", "status"), GENERATE.items())
def test_who_generates(as_, app, who, status):
    assert generate_by(as_(who), path="/admin/student/action/").status_code == status


def test_ec_sees_and_makes_codes_for_their_own_students_only(as_, app, schools):
    browser = as_("ec")
    with rows(app) as session:
        everybody = set(session.scalars(select(Student.id).where(Student.school_id == schools[0], Student.status == StudentStatus.active)))
    before = {code.id for code in codes(app)}
    generate_by(browser, path="/admin/student/action/", _asked="1", only_missing="0", quantity="1")
    given = {code.student_id for code in codes(app) if code.id not in before}
    assert given
    assert given < everybody
    for code in codes(app, *usable()):
        status = browser.get(f"/admin/activation_code/details/?id={code.id}").status_code
        assert status == (200 if code.student_id in given else 404)
        if status == 404:
            assert act(browser, "revoke", code.id).status_code == 404
            break


def test_a_batch_of_another_school_has_no_letters(as_, app):
    code = codes(app, *usable())[0]
    with rows(app) as session:
        session.get(ActivationCode, code.id).batch = "of-the-first-school"
    assert as_("ac2").get("/admin/activation_code/letters/?batch=of-the-first-school").status_code == 404
    assert as_("ac").get("/admin/activation_code/letters/?batch=of-the-first-school").status_code == 200
    assert as_("ac").get("/admin/activation_code/letters/").status_code == 404
    with app.app_context(), unscoped("nothing was asked"):
        assert db.session.scalar(select(func.count(Job.id))) == 0
