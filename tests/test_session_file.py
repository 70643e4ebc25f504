"""The part "Session records / registrations" of the student's file: who sees and may what, what is chosen by the address, empty states, the banner."""

import datetime as dt
import html
import re
from urllib.parse import unquote

import pytest
from conftest import counted, rows
from hands import send, words
from sqlalchemy import select

from models.access import User
from models.admissions import Admission, AdmissionStatus
from models.codes import CodeList, known_code
from models.courses import Course, Grid
from models.custom import CustomField
from models.custom_values import FieldKind
from models.enrolments import Enrolment
from models.masks import write_masks
from models.people import Student
from models.session_records import SessionRecord
from models.studies import Programme, Season, Term
from models.transmissions import Telling, Transmission

HERE = "/admin/student/details/?id={}&part=session_records"


def a_term(session, year, season):
    """A college's term of the second school."""
    school = session.scalar(select(Grid.school_id).where(Grid.code == "JEE0K-17R-RA"))
    found = session.scalar(select(Term).where(Term.school_id == school, Term.year == year, Term.season == Season[season]))
    return found or Term(school_id=school, year=year, season=Season[season])


def enrol(session, record, number, group="", **values):
    """One registration."""
    course = session.scalar(select(Course).where(Course.number == number, Course.school_id == record.school_id))
    made = Enrolment(school_id=record.school_id, session_record=record, course=course, group_number=group, **values)
    session.add(made)
    session.flush()
    return made


@pytest.fixture
def lise(app, schools):
    """The candidate of the users' document: A-2017 with its three registrations, H-2017, and A-2006 under an admission that is closed."""
    with rows(app) as session:
        grid = session.scalar(select(Grid).where(Grid.code == "JEE0K-17R-RA"))
        student = Student(school_id=schools[1], family_name="Leblanc", given_name="Lise", local_id="123-4567")
        now = Admission(school_id=schools[1], student=student, programme=grid.programme, grid=grid, org_unit=grid.org_unit)
        nurse = session.scalar(select(Programme).where(Programme.school_id == schools[1], Programme.code == "180.A0"))
        past = Admission(school_id=schools[1], student=student, programme=nurse, status=AdmissionStatus.closed)
        session.add_all([student, now, past])
        session.flush()
        winter = SessionRecord.begin(session, now, a_term(session, 2017, "winter"))
        session.flush()
        autumn = SessionRecord.begin(session, now, a_term(session, 2017, "autumn"))
        old = SessionRecord(school_id=schools[1], student=student, admission=past, term=a_term(session, 2006, "autumn"))
        session.add(old)
        assessment = known_code(session, CodeList.rac_type, "EE", schools[1])
        for number, group, mark, average, kind in (
            ("322-409-MV", "00992", 94, 71, assessment),
            ("350-710-MV", "00990", 87, 77, None),
            ("350-711-MV", "00991", 81, 73, None),
        ):
            enrol(session, autumn, number, group, mark=mark, group_average=average, rac_type=kind).confirm_presence("Line Robitaille", dt.date(2017, 9, 20))
        session.flush()
        return {"student": student.id, "autumn": autumn.id, "winter": winter.id, "old": old.id, "now": now.id, "page": HERE.format(student.id)}


def buttons(page):
    """What the page lets somebody do: the acts of its two tables."""
    return set(re.findall(r'data-(?:add|do)="?(\w+)" data-for="(\w+)"', page.text)) | {("add", name) for name in re.findall(r'data-add="(\w+)"', page.text)}


def test_the_page_shows_the_records_and_the_registrations_of_the_latest_one(as_, lise):
    page = words(as_("registrar2").get(lise["page"]))
    assert re.search(r"A-2017 JEE0K-17R-RA JEE\.0K RA 3 \d+ 0,00 5,66 0,00 SO", page)
    assert "H-2017 JEE0K-17R-RA JEE.0K RA 0 0 0,00 0,00 0,00 SO" in page
    below = page.split("Inscriptions A-2017")[1]
    for line in ("00992 94 — — 71 SP 10 EE SO", "00990 87 — — 77 SP 10 EE SO", "00991 81 — — 73 SP 10 FM SO"):
        assert line in below
    assert below.count("Présence confirmée 2017-09-20") == 3


EVERYTHING = {(act, table) for act in ("add", "edit", "copy", "delete") for table in ("records", "registrations")}


@pytest.mark.parametrize(
    ("who", "acts"),
    [
        ("acc2", EVERYTHING),
        ("registrar2", EVERYTHING),
        ("ec2", {("edit", "records"), ("edit", "registrations"), ("copy", "records")}),
        ("amp2", set()),
        ("inspector2", set()),
    ],
)
def test_each_role_finds_the_buttons_of_its_rights_and_no_others(as_, app, schools, lise, who, acts):
    with rows(app) as session:
        session.get(Student, lise["student"]).adviser_id = session.scalar(select(Student.adviser_id).where(Student.id == _advised(session)))
    page = as_(who).get(lise["page"])
    assert page.status_code == 200
    assert {pair for pair in buttons(page) if pair[0] != "fields"} == acts
    assert ("data-add-not-taken" in page.text) == (("add", "registrations") in acts)


def _advised(session):
    """A student of the second school's teacher."""
    user = session.scalar(select(User.id).where(User.username == "ec2"))
    return session.scalar(select(Student.id).where(Student.adviser_id == user).limit(1))


def test_records_of_closed_admissions_are_shown_when_asked_or_chosen(as_, lise):
    browser = as_("registrar2")
    page = words(browser.get(lise["page"]))
    assert "Tout afficher (1 d’une admission close)" in page
    assert "180.A0" not in page
    for more in ("&all=1", f"&record={lise['old']}"):
        page = words(browser.get(lise["page"] + more))
        assert "A-2006" in page
        assert "180.A0" in page
    assert "Inscriptions A-2006" in page


def test_what_is_chosen_stands_in_the_address(as_, lise):
    browser = as_("registrar2")
    assert "Inscriptions H-2017" in words(browser.get(f"{lise['page']}&record={lise['winter']}"))
    for foreign in ("1", "abc", "99999999999999999999", ""):  # somebody else's, or none: the latest
        assert "Inscriptions A-2017" in words(browser.get(f"{lise['page']}&record={foreign}"))


def test_one_comes_back_to_the_row_that_was_just_made(as_, app, lise):
    browser = as_("registrar2")
    page = browser.get(lise["page"]).text
    add = re.search(r'href="(/admin/enrolment/new/[^"]+)"', page)[1]
    back = re.search(r"url=([^&]+)", add)[1]
    with rows(app) as session:
        made = enrol(session, session.get(SessionRecord, lise["autumn"]), "109-101-MQ", "00001")
        session.flush()
        made = made.id
    text = browser.get(unquote(back)).text
    assert re.search(rf'id="registration-{made}"[^>]*class="on"', text)
    assert 'data-focus="registrations"' in text


def test_course_choices_are_hidden_until_the_tick_and_what_is_not_taken_says_so(as_, app, lise):
    with rows(app) as session:
        record = session.get(SessionRecord, lise["autumn"])
        enrol(session, record, "601-103-MQ")
        enrol(session, record, "340-101-MQ", "", taken=False, remark=known_code(session, CodeList.remark, "EQ", record.school_id))
    browser = as_("registrar2")
    page = words(browser.get(lise["page"]))
    assert "Afficher les inscriptions non assignées (choix de cours) : 1" in page
    assert "601-103-MQ" not in page
    assert re.search(r"340-101-MQ [^0-9]+ Non suivi — EQ", page)
    assert re.search(r"601-103-MQ [^0-9]+ Choix de cours", words(browser.get(lise["page"] + "&unassigned=1")))


def test_the_banner_tells_the_chosen_record_here_and_the_latest_elsewhere(as_, app, lise):
    browser = as_("registrar2")

    def banner(more):
        return re.sub(r"\s+", " ", words(browser.get(f"/admin/student/details/?id={lise['student']}{more}")).split("Parties du dossier")[0])

    told = banner("")
    assert re.search("Programme JEE.0K [^0-9]+ Session A-2017 Grille JEE0K-17R-RA Unité org. RA Langue FR SPE 2", told)  # (the student's own row names none)
    assert "Langue FR SPE 2" in told.split("Plus de renseignements")[1]  # what a narrow window folds
    assert "Session H-2017 Grille JEE0K-17R-RA Unité org. RA Langue FR SPE 1" in banner(f"&part=session_records&record={lise['winter']}")
    assert "Session A-2006 Langue" in banner(f"&part=session_records&record={lise['old']}")
    with rows(app) as session:
        session.get(Admission, lise["now"]).sanction(dt.date(2019, 5, 1), dt.date(2020, 1, 1))
        past = session.get(SessionRecord, lise["old"]).admission
        past.activate(dt.date(2019, 6, 1))
    assert "Sanctionné JEE.0K" in banner("")


def test_the_undo_of_a_copied_record_names_what_goes_by_kind(as_, app, lise):
    with rows(app) as session:
        term = a_term(session, 2018, "autumn")
        session.add(term)
        session.flush()
        term = term.id
    browser = as_("registrar2")
    send(browser, f"/admin/session_record/action/?rowid={lise['autumn']}", page="/account", action="copy", _asked="1", term=str(term))
    undo = html.unescape(re.search(r'href="(/admin/journal_event/undo[^"]+)"', browser.get("/account").text)[1])
    page = words(browser.get(undo))
    assert "Ajout : 1 dossier de session et 3 inscriptions" in page
    assert "1 dossier de session et 3 inscriptions en moins" in page


def test_each_empty_state_says_the_next_step(as_, app, schools, lise):
    browser = as_("registrar2")
    with rows(app) as session:
        new = Student(school_id=schools[1], family_name="Nouveau", given_name="Paul")
        session.add(new)
        session.flush()
        page = HERE.format(new.id)
        new = new.id
    shown = browser.get(page)
    assert "aucune admission pour l’instant" in words(shown)
    assert f"/admin/admission/new/?student={new}" in shown.text
    with rows(app) as session:
        grid = session.scalar(select(Grid).where(Grid.code == "JEE0K-17R-RA"))
        made = Admission(school_id=schools[1], student_id=new, programme=grid.programme, grid=grid, status=AdmissionStatus.suspended)
        session.add(made)
        session.flush()
        made = made.id
    assert "est suspendue" in words(browser.get(page))
    with rows(app) as session:
        session.get(Admission, made).activate(dt.date(2017, 1, 9))
    shown = browser.get(page).text
    assert shown.count(f"/admin/session_record/new/?student={new}") == 2
    assert "Inscrire à un cours" in words(browser.get(f"{lise['page']}&record={lise['winter']}")).split("Aucune inscription")[1]
    assert "Inscrire à un cours" not in words(as_("inspector2").get(f"{lise['page']}&record={lise['winter']}"))


def test_what_was_transmitted_is_not_deleted_and_says_why(as_, app, lise):
    browser = as_("registrar2")
    with rows(app) as session:
        one = session.scalars(select(Enrolment).where(Enrolment.session_record_id == lise["autumn"]).order_by(Enrolment.id)).first()
        one.set_transmission(Telling.enrolment, Transmission.sent, dt.date(2017, 10, 1))
        sent = one.id
    asked = send(browser, "/admin/enrolment/delete/", page="/account", id=sent, url=lise["page"], _asked="1")
    assert (asked.status_code, "a été transmise au ministère" in words(asked)) == (409, True)
    asked = send(browser, "/admin/session_record/delete/", page="/account", id=lise["autumn"], url=lise["page"], _asked="1")
    assert (asked.status_code, "1 inscription a été transmise" in words(asked)) == (409, True)
    gone = send(browser, "/admin/session_record/delete/", page="/account", id=lise["winter"], url=lise["page"], _asked="1")
    assert gone.headers["Location"] == lise["page"]
    with rows(app) as session:
        assert session.get(SessionRecord, lise["winter"]) is None


def test_the_button_of_custom_fields_leads_to_them_and_a_link_adds_one_to_every_record(as_, app, schools, lise):
    browser = as_("registrar2")
    page = browser.get(lise["page"])
    assert "Ajouter un champ à tous les dossiers de session" in words(page)
    assert "Ajouter un champ à toutes les inscriptions" in words(page)
    assert re.search(r'class="add-field" href="/admin/custom_field/new/\?table=session_record', page.text)
    assert not re.search('data-do="fields"|data-act="fields"', page.text)  # never on a row: it is no field of this one alone
    assert "add-field" not in as_("amp2").get(lise["page"]).text
    assert 'data-do="fields"' not in as_("amp2").get(lise["page"]).text
    with rows(app) as session:
        for table in ("session_record", "enrolment"):
            session.add(CustomField(school_id=schools[1], table_name=table, label="Casier", kind=FieldKind.text))
    page = browser.get(lise["page"]).text
    assert "add-field" not in page
    for table in ("session_record", "enrolment"):
        form, anchor = re.search(rf'href="(/admin/{table}/edit/[^"#]+)#([^"]+)" data-act="fields"', page).groups()
        assert f'id="{anchor}"' in browser.get(form.replace("&amp;", "&")).text
    assert 'data-do="fields"' not in as_("amp2").get(lise["page"]).text


def test_a_narrow_column_says_its_whole_name_where_the_programme_has_one_of_its_own(as_, app, lise):
    browser = as_("registrar2")
    assert ">Rem.</abbr>" in browser.get(lise["page"]).text
    with rows(app) as session:
        write_masks(session, session.get(Admission, lise["now"]).programme, "fr_CA", {("enrolment", "Remark"): "Mention du jury"}, {})
    page = browser.get(lise["page"]).text
    assert ">Mention du jury</th>" in page
    assert "Mention du jury" not in browser.get(f"{lise['page']}&record={lise['old']}").text


def test_the_page_asks_as_many_questions_for_200_registrations_as_for_three(as_, app, lise):
    browser = as_("registrar2")

    def asked():
        with counted(app) as seen:
            assert browser.get(lise["page"]).status_code == 200
        return len(seen)

    browser.get(lise["page"])
    few = asked()
    with rows(app) as session:
        record = session.get(SessionRecord, lise["autumn"])
        for place in range(200):
            enrol(session, record, "109-101-MQ", f"{place + 1:05d}")
        for year in range(1995, 2005):
            SessionRecord.begin(session, record.admission, a_term(session, year, "autumn"))
            session.flush()
    assert (asked(), few) == (few, few)
    assert few <= 10
