"""The form of a registration: what it inherits and who sets that aside, what is told at a field, transmissions, census; its verbs and filters."""

import datetime as dt
import re

import pytest
from conftest import counted, rows
from hands import do, exported, form, form_of, send, words
from sqlalchemy import select

from models.admissions import Admission, AdmissionStatus
from models.codes import CodeList, CodeValue
from models.courses import Course, Grid
from models.enrolments import Enrolment
from models.people import Student
from models.session_records import SessionRecord
from models.studies import Season, Term
from models.transmissions import Telling, Transmission


@pytest.fixture
def desk(app, schools, as_):
    """A registrar at the record of a new student; the courses and the codes by what they are called."""
    with rows(app) as session:
        grid = session.scalar(select(Grid).where(Grid.school_id == schools[1]))
        student = Student(school_id=schools[1], family_name="Leblanc", given_name="Lise")
        admission = Admission(school_id=schools[1], student=student, programme=grid.programme, grid=grid, org_unit=grid.org_unit, status=AdmissionStatus.active)
        term = Term(school_id=schools[1], year=2090, season=Season.winter)
        record = SessionRecord.begin(session, admission, term)
        partner = CodeValue(school_id=schools[1], code_list=CodeList.partner, code="AHU", label="Collège voisin")
        session.add_all([record, partner])
        session.flush()
        codes = {(one.code_list.name, one.code): str(one.id) for one in session.scalars(select(CodeValue).where(CodeValue.school_id == schools[1]))}
        courses = {one.number: str(one.id) for one in session.scalars(select(Course).where(Course.school_id == schools[1]))}
        desk = {"record": record.id, "codes": codes, "courses": courses, "term": term.id, "course": courses["322-409-MV"]}
    return {**desk, "new": f"/admin/enrolment/new/?record={desk['record']}&url=/admin/student/", "browser": as_("registrar2")}


def register(desk, page=None, **fields):
    """The form, sent with a course and a group unless told otherwise."""
    return send(desk["browser"], page or desk["new"], page="/account", **{"course": desk["course"], "group_number": "990", **fields})


def made(app, desk):
    """The registration of the desk's record."""
    with rows(app) as session:
        found = session.scalars(select(Enrolment).where(Enrolment.session_record_id == desk["record"])).all()
        return found[-1].id if found else None


def kept(app, desk, *names):
    with rows(app) as session:
        one = session.get_one(Enrolment, made(app, desk))
        return tuple(getattr(one, name) for name in names)


def test_a_registration_inherits_and_comes_back_to_where_it_was_asked_for(app, desk):
    page = words(desk["browser"].get(desk["new"]))
    assert "Leblanc, Lise" in page
    assert "RA – Reconnaissance des acquis" in page
    assert "Hérité de l’admission" in page
    done = register(desk)
    assert (done.status_code, done.headers["Location"]) == (302, "/admin/student/")
    assert kept(app, desk, "group_number", "rac_type_id", "overrides", "taken") == ("00990", None, {}, True)
    page = words(desk["browser"].get(f"/admin/enrolment/edit/?id={made(app, desk)}"))
    assert "EE – Évaluation Hérité du groupe, par la grille de correspondance" in page


def test_without_a_record_it_is_looked_up_by_the_name_of_the_student(desk):
    browser, page = desk["browser"], "/admin/enrolment/new/"
    assert 'data-combo="/admin/enrolment/ajax/lookup/?name=record"' in browser.get(page).text
    (found,) = browser.get("/admin/enrolment/ajax/lookup/?name=record&query=leblanc lise").json
    assert found == [desk["record"], "Lise Leblanc · H-2090 · JEE0K-17R-RA"]
    assert send(browser, page, page="/account", record="").status_code == 422
    assert send(browser, page, page="/account", record=str(found[0])).headers["Location"].startswith(f"/admin/enrolment/new/?record={found[0]}")
    assert browser.get("/admin/session_record/ajax/lookup/?name=student&query=leblanc").status_code == 200


def test_start_again_stays_in_the_record(app, desk):
    again = register(desk, _add_another="1")
    assert again.headers["Location"] == f"/admin/enrolment/new/?record={desk['record']}&url=/admin/student/"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"course": ""}, "Cours : Choisissez"),
        ({"group_number": ""}, "Tapez le numéro du groupe, ou cochez « choix de cours »."),
        ({"unassigned": "y"}, "Le numéro du groupe est saisi et la case « choix de cours » est cochée."),
        ({"group_number": "9A"}, "Groupe : « 9A »"),
        ({"group_number": "992", "mark": "80"}, "Note : EE SR se donne sans note."),
        ({"mark": "101"}, "101"),
        ({"weighted_mark": "12,3456"}, "Tapez un nombre à trois décimales au plus"),
        ({"r_score": "61"}, "Cote R : "),
    ],
)
def test_what_is_wrong_is_told_at_its_field(app, desk, fields, told):
    refused = register(desk, **fields)
    assert refused.status_code == 422
    assert told in words(refused)
    assert made(app, desk) is None


def test_a_partner_study_needs_its_partner_and_the_help_stands_beside(app, desk):
    situation = desk["codes"]["study_situation", "CR"]
    refused = register(desk, study_situation=situation)
    assert "Organisme partenaire : Choisissez l’organisme partenaire" in words(refused)
    assert "choisissez « CR – Cours à remplacer »" in words(refused)
    assert register(desk, study_situation=situation, partner=desk["codes"]["partner", "AHU"], partner_course="601-AHU").status_code == 302
    assert kept(app, desk, "partner_course") == ("601-AHU",)


def test_a_choice_without_group_and_a_mark_with_a_remark_are_kept_and_the_second_is_warned_of(app, desk):
    assert register(desk, group_number="", unassigned="y").status_code == 302
    assert kept(app, desk, "group_number") == ("",)
    remark = desk["codes"]["remark", "EC"]
    assert (
        form(desk["browser"], f"/admin/enrolment/edit/?id={made(app, desk)}", **changed(desk, app, mark="40", remark=remark, group_number="995")).status_code
        == 302
    )
    page = words(desk["browser"].get("/admin/enrolment/"))
    assert "a une note et une remarque" in page
    assert "n’est pas dans la grille de correspondance du cours : 00990, 00991, 00992." in page


def changed(desk, app, **fields):
    """The fields of the form as it opens, with these instead; a tick that is not named is taken out."""
    shown = form_of(desk["browser"], f"/admin/enrolment/edit/?id={made(app, desk)}")
    return {**{name: value for name, value in shown.items() if name not in ("csrf_token", "row_version", "unassigned")}, **fields}


def test_an_inherited_value_is_set_aside_in_the_form_by_whom_and_when_and_given_back(app, desk):
    register(desk, funding=desk["codes"]["funding_source", "50"])
    ((by, fifty),) = [kept(app, desk, "overrides", "funding_id")]
    assert (by["funding"]["by"], str(fifty)) == ("Line Robitaille", desk["codes"]["funding_source", "50"])
    edit = f"/admin/enrolment/edit/?id={made(app, desk)}"
    page = words(desk["browser"].get(edit))
    assert re.search(r"Redéfini par Line Robitaille, [\d-]+ \d+ h \d+\. Hérité : 10 – Ministère", page)
    assert form(desk["browser"], edit, **changed(desk, app, funding="__None")).status_code == 302
    assert kept(app, desk, "overrides", "funding_id") == ({}, None)


def test_a_transmission_is_set_aside_in_the_form_and_dated_when_it_is_sent(app, desk):
    register(desk)
    edit = f"/admin/enrolment/edit/?id={made(app, desk)}"
    assert form(desk["browser"], edit, **changed(desk, app, enrolment_sent="sent")).status_code == 302
    state, day = kept(app, desk, "enrolment_sent", "enrolment_sent_on")
    assert (state, day is not None) == (Transmission.sent, True)
    refused = form(desk["browser"], edit, **changed(desk, app, result_sent="sent"))
    assert refused.status_code == 422  # nothing to send yet
    assert send(desk["browser"], "/admin/enrolment/delete/", page="/account", id=str(made(app, desk)), _asked="1").status_code == 409


def test_who_may_not_set_aside_sees_the_values_and_forges_nothing(app, desk, as_, schools):
    register(desk)
    with rows(app) as session:
        from models.access import User

        one = session.get_one(Enrolment, made(app, desk))
        one.student.adviser_id = session.scalar(select(User.id).where(User.username == "ec2"))
    teacher, edit = as_("ec2"), f"/admin/enrolment/edit/?id={made(app, desk)}"
    page = teacher.get(edit)
    assert "RA – Reconnaissance des acquis" in words(page)
    assert 'name="funding"' not in page.text
    assert 'name="enrolment_sent"' not in page.text
    forged = {"course": desk["course"], "group_number": "990", "funding": desk["codes"]["funding_source", "50"], "enrolment_sent": "sent", "mark": "77"}
    assert form(teacher, edit, **forged).status_code == 302
    assert kept(app, desk, "funding_id", "enrolment_sent", "mark") == (None, None, 77)


def test_what_is_not_taken_holds_its_remark_only(app, desk):
    page = f"{desk['new']}&taken=0"
    assert 'name="group_number"' not in desk["browser"].get(page).text
    refused = register(desk, page)
    assert "Choisissez la remarque qui reconnaît le cours : EQ, DI ou SU." in words(refused)
    shown = re.search(r'<select[^>]*name="remark".*?</select>', desk["browser"].get(page).text, re.S)[0]
    assert sorted(re.findall(r">(\w\w) – ", shown)) == ["DI", "EQ", "SU"]  # nothing is offered that is refused
    assert "EQ, DI ou SU" in words(register(desk, page, remark=desk["codes"]["remark", "IN"]))
    assert register(desk, page, remark=desk["codes"]["remark", "EQ"]).status_code == 302
    assert kept(app, desk, "taken", "group_number") == (False, "")


def test_presences_are_confirmed_on_ticked_rows_and_corrected_with_a_reason(app, desk):
    register(desk)
    browser, one = desk["browser"], made(app, desk)
    assert do(browser, "enrolment", "confirm_presence", one).status_code == 303
    by, day = kept(app, desk, "census_by", "census_on")
    assert (by, day is not None) == ("Line Robitaille", True)
    assert do(browser, "enrolment", "correct_census", one, reason="").status_code == 422
    assert do(browser, "enrolment", "correct_census", one, reason="Jamais venue").status_code == 303
    assert kept(app, desk, "census_on", "census_reason") == (None, "Jamais venue")


def test_no_inherited_value_is_set_aside_for_one_that_is_no_longer_offered(app, desk):
    register(desk)
    browser, one = desk["browser"], made(app, desk)
    fifty = desk["codes"]["funding_source", "50"]

    def retire(offered):
        with rows(app) as session:
            code = session.get_one(CodeValue, int(fifty))
            code.reactivate() if offered else code.retire()

    retire(False)
    assert do(browser, "enrolment", "override", one, field="funding", value=fifty).status_code == 422
    assert do(browser, "enrolment", "override", one, field="funding", value=f"unit-{fifty}").status_code == 422
    retire(True)
    assert do(browser, "enrolment", "override", one, field="funding", value=fifty).status_code == 303
    retire(False)
    assert do(browser, "enrolment", "override", one, field="funding", value=fifty).status_code == 303  # it holds it
    assert kept(app, desk, "funding_id") == (int(fifty),)


def test_the_verbs_on_one_registration(app, desk, schools):
    register(desk)
    browser, one = desk["browser"], made(app, desk)
    fifty = desk["codes"]["funding_source", "50"]
    assert do(browser, "enrolment", "override", one, field="funding", value=desk["codes"]["rac_type", "EE"]).status_code == 422  # of another list
    assert do(browser, "enrolment", "override", one, field="funding", value=fifty).status_code == 303
    assert do(browser, "enrolment", "inherit", one, field="language").status_code == 422  # nothing is set aside there
    assert do(browser, "enrolment", "inherit", one, field="funding").status_code == 303
    assert kept(app, desk, "funding_id") == (None,)
    assert do(browser, "enrolment", "set_transmission", one, kind="funding", state="excluded").status_code == 303
    assert kept(app, desk, "funding_sent") == (Transmission.excluded,)
    with rows(app) as session:
        admission = session.get_one(SessionRecord, desk["record"]).admission
        other = SessionRecord.begin(session, admission, Term(school_id=schools[1], year=2091, season=Season.winter))
        session.flush()
        other_id = other.id
    assert do(browser, "enrolment", "copy", one, session_record=str(other_id)).status_code == 303
    assert do(browser, "enrolment", "copy", one, session_record=str(other_id)).status_code == 422  # it is there already
    with rows(app) as session:
        copied = session.scalar(select(Enrolment).where(Enrolment.session_record_id == other_id))
        assert (copied.group_number, copied.funding_sent) == ("00990", None)


def test_a_registration_is_copied_among_the_records_of_its_student_only_and_the_target_is_told(app, desk, schools):
    register(desk)
    browser, one = desk["browser"], made(app, desk)
    with rows(app) as session:
        admission = session.get_one(SessionRecord, desk["record"]).admission
        other = Student(school_id=schools[1], family_name="Gabriel", given_name="Luc")
        theirs = Admission(school_id=schools[1], student=other, programme=admission.programme, status=AdmissionStatus.active)
        found = [SessionRecord.begin(session, admission, Term(school_id=schools[1], year=year, season=Season.winter)) for year in (2089, 2092, 2091)]
        found.append(SessionRecord.begin(session, theirs, admission.term or found[0].term))
        session.flush()
        earlier, later, following, foreign = (record.id for record in found)
    asked = send(browser, "/admin/enrolment/action/", page="/account", action="copy", rowid=str(one))
    shown = re.search(r'<select[^>]*name="session_record".*?</select>', asked.text, re.S)[0]
    assert [int(value) for value in re.findall(r'value="(\d+)"', shown)] == [following, later, earlier]
    refused = do(browser, "enrolment", "copy", one, session_record=str(foreign))
    assert refused.status_code == 422
    assert "se copie seulement dans un autre dossier de session de Lise Leblanc : inscrivez plutôt Luc Gabriel." in words(refused)
    done = do(browser, "enrolment", "copy", one, session_record=str(following))
    assert f"record={following}&enrolment=" in done.headers["Location"]
    assert "322-409-MV 00990 : copie faite dans le dossier de session H-2091 · JEE0K-17R-RA." in words(browser.get(done.headers["Location"]))


def test_the_same_course_with_another_group_is_told_after_it_is_saved(app, desk):
    register(desk)
    assert register(desk, group_number="991").status_code == 302
    assert "322-409-MV figure déjà dans ce dossier de session, avec le groupe 00990." in words(desk["browser"].get("/admin/enrolment/"))


def test_a_partner_that_is_not_in_the_list_is_added_in_its_own_list(desk, as_):
    (address,) = re.findall(r'href="(/admin/code_value/new/[^"]*)"', desk["browser"].get(desk["new"]).text)
    assert '<option selected value="partner">' in desk["browser"].get(address.replace("&amp;", "&")).text
    assert "demandez à qui tient les listes de codes" in words(as_("ac2").get(desk["new"]))


def test_a_course_proposes_its_groups_to_who_reads_the_correspondence(as_, desk):
    answer = desk["browser"].get(f"/admin/enrolment/groups/?course={desk['course']}").json
    assert [(line["number"], line["kind"].split(" – ")[0]) for line in answer["lines"]] == [("00990", "EE"), ("00991", "FM"), ("00992", "EE SR")]
    assert answer["category"].startswith("SP – ")
    assert as_("registrar").get(f"/admin/enrolment/groups/?course={desk['course']}").status_code == 404  # of another school


def test_the_filters_mean_what_counts(app, desk):
    register(desk)
    first = made(app, desk)
    with rows(app) as session:
        one = session.get_one(Enrolment, first)
        one.census_on, one.mark = dt.date(2020, 2, 1), 80
        tellings = {telling.name: one.transmission(telling).name for telling in Telling}
        session.add(Enrolment(school_id=one.school_id, session_record=one.session_record, course=session.get_one(Course, int(desk["courses"]["601-103-MQ"]))))
    assert set(tellings.values()) == {"to_send"}
    kinds = desk["codes"]

    def found(*filters):
        query = "&".join(f"flt{place}_{text}" for place, text in enumerate(filters))
        heading, *lines = exported(desk["browser"], f"/admin/enrolment/export/csv/?flt19_term.Row={desk['term']}&{query}")
        return [line[heading.index("Cours")] for line in lines]

    assert found(f"rac_type.OfKind={kinds['rac_type', 'EE']}") == ["322-409-MV"]
    assert found(f"rac_type.OfKind={kinds['rac_type', 'SO']}") == ["601-103-MQ"]
    assert found("unassigned.Clause=1") == ["601-103-MQ"]
    assert found("to_send.ToSend=result") == found("to_send.ToSend=any") == found("group.InGroup=990") == found("course.OfCourse=322409") == ["322-409-MV"]
    assert found("group.InGroup=9%25") == []


def test_the_lists_ask_as_much_for_twenty_rows_as_for_a_hundred(app, desk):
    for screen in ("enrolment", "session_record"):
        desk["browser"].get(f"/admin/{screen}/")
        seen = []
        for size in (20, 100):
            with counted(app) as statements:
                desk["browser"].get(f"/admin/{screen}/?page_size={size}")
            seen.append(len(statements))
        assert seen[1] <= seen[0] <= 12


def test_the_form_tells_what_the_codes_mean_as_the_school_has_written_it(app, desk):
    with rows(app) as session:
        session.get(CodeValue, int(desk["codes"]["rac_type", "FM"])).help = "Ce que l’évaluation a trouvé manquant."
    page = desk["browser"].get(desk["new"]).text
    assert "<dt>FM – Formation manquante</dt><dd>Ce que l’évaluation a trouvé manquant.</dd>" in page
