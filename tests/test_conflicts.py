"""Two people at the same record: the second is told, sees both values, keeps what they typed, and overwrites nothing (security R9).

Every screen with a form is walked: two editors, two tabs, an edit against a deletion, a deletion against an edit, an edit against an import.
"""

import datetime as dt
import threading
from html.parser import HTMLParser

import pytest
from conftest import build, rows, signed_in
from hands import send, words
from sqlalchemy import select
from test_imports import Desk, table

from jobs.demo import load_demo
from models.access import Membership, Role, User
from models.admissions import Admission
from models.codes import CodeList, CodeValue
from models.courses import Course, Grid, RacGroup
from models.custom import CustomField
from models.custom_values import FieldKind
from models.db import db
from models.enrolments import Enrolment
from models.labels import LabelOverride, Noun
from models.people import Group, GroupCategory, Guardian, GuardianLink, Student
from models.reminders import Reminder
from models.school import Level, School
from models.school_year import SchoolYear
from models.scope import unscoped
from models.session_records import SessionRecord
from models.studies import OrgUnit, Programme, Season, Term
from views.base import Screen

ROUNDS = 3


# endpoint -> (the model, the field that is changed, what each types, in turn)
FORMS = {
    "student": (Student, "family_name", ("Premier", "Second", "Tiers")),
    "guardian": (Guardian, "family_name", ("Premier", "Second", "Tiers")),
    "guardian_link": (GuardianLink, "relation", ("father", "tutor", "sibling")),
    "user": (User, "given_name", ("Premier", "Second", "Tiers")),
    "membership": (Membership, "open_until", ("2031-01-01", "2032-02-02", "2033-03-03")),
    "group": (Group, "name", ("Premier", "Second", "Tiers")),
    "level": (Level, "name", ("Premier", "Second", "Tiers")),
    "programme": (Programme, "title", ("Premier", "Second", "Tiers")),
    "admission": (Admission, "admitted_on", ("2011-01-01", "2012-02-02", "2013-03-03")),
    "session_record": (SessionRecord, "programme_session", ("5", "6", "7")),
    "enrolment": (Enrolment, "absences", ("5", "6", "7")),
    "course": (Course, "title", ("Premier", "Second", "Tiers")),
    "grid": (Grid, "title", ("Premier", "Second", "Tiers")),
    "rac_group": (RacGroup, "number", ("00011", "00012", "00013")),
    "term": (Term, "year", ("2011", "2012", "2013")),
    "org_unit": (OrgUnit, "name", ("Premier", "Second", "Tiers")),
    "school_year": (SchoolYear, "name", ("Premier", "Second", "Tiers")),
    "code_value": (CodeValue, "label", ("Premier", "Second", "Tiers")),
    "school": (School, "town", ("Premier", "Second", "Tiers")),
    "custom_field": (CustomField, "label", ("Premier", "Second", "Tiers")),
    "label": (LabelOverride, "text", ("Premier", "Second", "Tiers")),
    "noun": (Noun, "singular", ("apprenti", "écolier", "interne")),
    "reminder": (Reminder, "text", ("Premier", "Second", "Tiers")),
}
DELETED = ("student", "guardian", "guardian_link", "membership", "group", "label")


class Form(HTMLParser):
    """The fields of the form that saves a record, as the browser would send them."""

    def __init__(self, page):
        super().__init__()
        self.fields, self._inside, self._select, self._area = {}, False, "", ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self._inside = (not given.get("action") and given.get("method") == "post") or "/edit/" in (given.get("action") or "")
        name = given.get("name") or ""
        if not self._inside:
            return
        if tag == "select":
            self._select, self._area = name, ""
        elif tag == "option" and self._select and "selected" in given:
            self.fields.setdefault(self._select, given.get("value", ""))
        elif tag == "textarea":
            self._area, self.fields[name] = name, ""
        elif tag == "input" and name and (given.get("type") not in ("checkbox", "radio", "submit") or "checked" in given):
            self.fields.setdefault(name, given.get("value") or "")

    def handle_endtag(self, tag):
        if tag == "form":
            self._inside = False
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""

    def handle_data(self, data):
        if self._area:
            self.fields[self._area] += data


def a_record(session, school):
    """A session record of a fresh student under a fresh admission."""
    student = Student(school_id=school, family_name="Avant", given_name="Zoé")
    admission = Admission(school_id=school, student=student, programme=session.scalar(select(Programme).where(Programme.school_id == school)))
    return SessionRecord(school_id=school, student=student, admission=admission, term=Term(school_id=school, year=2010, season=Season.summer))


@pytest.fixture
def row_of(app, schools):
    """`row_of("student")`: the identifier of a fresh record that the administrator may change, and delete where the screen deletes."""

    def make(endpoint):
        with rows(app) as session:
            school = schools[0]
            made = {
                "student": lambda: Student(school_id=school, family_name="Avant", given_name="Zoé"),
                "guardian": lambda: Guardian(school_id=school, family_name="Avant", given_name="Zoé"),
                "guardian_link": lambda: GuardianLink(
                    school_id=school,
                    student=Student(school_id=school, family_name="Avant", given_name="Zoé"),
                    guardian=Guardian(school_id=school, family_name="Avant"),
                ),
                "user": lambda: session.scalar(select(User).where(User.username == "amp")),
                "membership": lambda: session.scalar(select(Membership).join(User).where(User.username == "ec", Membership.role == Role.ec)),
                "group": lambda: Group(school_id=school, name="Avant", category=GroupCategory.other),
                "level": lambda: Level(school_id=school, name="Avant", rank=90),
                "programme": lambda: Programme(school_id=school, code="AVANT", title="Avant"),
                "admission": lambda: Admission(
                    school_id=school,
                    student=Student(school_id=school, family_name="Avant", given_name="Zoé"),
                    programme=session.scalar(select(Programme).where(Programme.school_id == school)),
                ),
                "session_record": lambda: a_record(session, school),
                "enrolment": lambda: Enrolment(
                    school_id=school, session_record=a_record(session, school), course=Course(school_id=school, number="AVANT", title="Avant"), group_number="1"
                ),
                "course": lambda: Course(school_id=school, number="AVANT", title="Avant"),
                "grid": lambda: Grid(school_id=school, code="AVANT", programme=session.scalar(select(Programme).where(Programme.school_id == school))),
                "rac_group": lambda: RacGroup(
                    school_id=school,
                    number="990",
                    course=session.scalar(select(Course).where(Course.school_id == school)),
                    rac_type=CodeValue(school_id=school, code_list=CodeList.rac_type, code="EE", label="Évaluation"),
                ),
                "term": lambda: Term(school_id=school, year=2010, season=Season.winter),
                "org_unit": lambda: OrgUnit(school_id=school, code="AVANT", name="Avant"),
                "school_year": lambda: SchoolYear(school_id=school, name="Avant", begins_on=dt.date(1999, 9, 1), ends_on=dt.date(2000, 8, 31)),
                "code_value": lambda: CodeValue(school_id=school, code_list=CodeList.remark, code="AVANT", label="Avant"),
                "school": lambda: session.get(School, school),
                "custom_field": lambda: CustomField(school_id=school, table_name="student", key="avant", label="Avant", kind=FieldKind.text),
                "label": lambda: LabelOverride(school_id=school, language="fr", msgid="Family name", text="Avant"),
                "reminder": lambda: Reminder(
                    school_id=school, requested_by=session.scalar(select(User).where(User.username == "acc")), text="Avant", due_on=dt.date(2026, 3, 2)
                ),
                "noun": lambda: session.scalar(select(Noun).where(Noun.school_id == school)) or session.scalar(select(Noun)),
            }[endpoint]()
            session.add(made)
            session.flush()
            return made.id

    return make


def opened(browser, endpoint, row_id):
    """The form as it is open in one tab."""
    page = browser.get(f"/admin/{endpoint}/edit/?id={row_id}")
    assert page.status_code == 200, endpoint
    form = Form(page.text).fields
    assert form.get("row_version"), endpoint
    return form


def save(browser, endpoint, row_id, form, **typed):
    return browser.post(f"/admin/{endpoint}/edit/?id={row_id}", data={**form, **typed})


def value(app, endpoint, row_id):
    """What the row holds, as text."""
    model, name, _typed = FORMS[endpoint]
    with rows(app) as session:
        found = getattr(session.get(model, row_id), name)
        return getattr(found, "name", None) or str(found)


def shown(endpoint, text):
    """What people read of a value."""
    if endpoint == "guardian_link":
        return {"father": "Père", "tutor": "Tuteur légal", "sibling": "Frère ou sœur"}[text]
    return "/".join(reversed(text.split("-"))) if endpoint in ("membership", "admission") else text


def test_every_screen_with_a_form_is_walked(app):
    screens = [view for view in app.extensions["admin"][0]._views if isinstance(view, Screen)]
    assert {view.endpoint for view in screens if view.form_columns} == set(FORMS)
    assert all(hasattr(FORMS[name][0], "version") for name in FORMS)


@pytest.mark.parametrize("tabs", [1, 2], ids=["two people", "two tabs"])
@pytest.mark.parametrize("endpoint", FORMS)
def test_the_second_of_two_is_told_and_keeps_what_they_typed(app, as_, row_of, endpoint, tabs):
    _model, name, typed = FORMS[endpoint]
    row_id = row_of(endpoint)
    one = as_("acc")
    two = as_("acc") if tabs == 1 else one
    for turn in range(ROUNDS):
        first, second = typed[2 * turn % 3], typed[(2 * turn + 1) % 3]  # neither stands there yet
        theirs, mine = opened(one, endpoint, row_id), opened(two, endpoint, row_id)
        assert save(one, endpoint, row_id, theirs, **{name: first}).status_code == 302, endpoint
        told = save(two, endpoint, row_id, mine, **{name: second})
        assert told.status_code == 409
        assert value(app, endpoint, row_id) == first, "overwritten"
        said = words(told)
        assert "Quelqu’un a modifié cette fiche" in said or "a modifié cette fiche" in said
        assert shown(endpoint, first) in said
        assert shown(endpoint, second) in said
        kept = Form(told.text).fields
        assert kept[name] == second, "what was typed is lost"
        assert save(two, endpoint, row_id, kept).status_code == 302  # having compared, one may still decide
        assert value(app, endpoint, row_id) == second


@pytest.mark.parametrize("endpoint", DELETED)
def test_who_saves_what_somebody_deleted_meanwhile_keeps_what_they_typed(app, as_, row_of, endpoint):
    model, name, (_first, second, _third) = FORMS[endpoint]
    row_id = row_of(endpoint)
    one, two = as_("acc"), as_("acc")
    mine = opened(two, endpoint, row_id)
    assert send(one, f"/admin/{endpoint}/delete/", page="/account", id=row_id, _asked="1").status_code == 302
    told = save(two, endpoint, row_id, mine, **{name: second})
    assert told.status_code == 409
    assert "Quelqu’un a supprimé cette fiche pendant votre saisie." in words(told)
    assert shown(endpoint, second) in words(told)
    with rows(app) as session:
        assert session.get(model, row_id) is None


@pytest.mark.parametrize("mark", ["", "forged"])
def test_a_row_that_one_never_opened_stays_a_404(as_, row_of, mark):
    browser = as_("acc")
    form = opened(browser, "student", row_of("student"))
    assert save(browser, "student", 99_999_999, {**form, "row_version": mark or form["row_version"]}).status_code == 404


@pytest.mark.parametrize("endpoint", DELETED)
def test_who_deletes_what_somebody_saved_meanwhile_is_asked_again(app, as_, row_of, endpoint):
    model, name, (first, _second, _third) = FORMS[endpoint]
    row_id = row_of(endpoint)
    one, two = as_("acc"), as_("acc")
    question = send(two, f"/admin/{endpoint}/delete/", page="/account", id=row_id)
    mark = Form(question.text.replace("/delete/", "/edit/")).fields["row_version"]
    assert save(one, endpoint, row_id, opened(one, endpoint, row_id), **{name: first}).status_code == 302
    again = send(two, f"/admin/{endpoint}/delete/", page="/account", id=row_id, _asked="1", row_version=mark)
    assert again.status_code == 409
    assert "Quelqu’un a modifié cette fiche entre-temps." in words(again)
    assert value(app, endpoint, row_id) == first
    mark = Form(again.text.replace("/delete/", "/edit/")).fields["row_version"]
    assert send(two, f"/admin/{endpoint}/delete/", page="/account", id=row_id, _asked="1", row_version=mark).status_code == 302
    with rows(app) as session:
        assert session.get(model, row_id) is None


def test_a_choice_is_shown_by_its_words(as_, row_of):
    one, two = as_("acc"), as_("acc")
    row_id = row_of("student")
    theirs, mine = opened(one, "student", row_id), opened(two, "student", row_id)
    assert save(one, "student", row_id, theirs, language="en").status_code == 302
    said = words(save(two, "student", row_id, mine, language="fr_CA"))
    assert "english" in said.split("Ce qui diffère", 1)[1].split("Identité")[0].lower()
    assert "français (québec)" in said.split("Ce qui diffère", 1)[1].split("Identité")[0].lower()


def test_who_saves_what_an_import_wrote_meanwhile_is_told(app, as_, schools):
    with rows(app) as session:
        session.add(Student(school_id=schools[0], family_name="Ozturk", given_name="Lou", national_id="9900000001S", town="Avant"))
        session.flush()
        row_id = session.scalar(select(Student.id).where(Student.national_id == "9900000001S"))
    browser = as_("acc")
    for turn in range(ROUNDS):
        form = opened(browser, "student", row_id)
        line = {"nom": "Ozturk", "prenom": "Lou", "ine": "9900000001S", "ville": f"Import{turn}"}
        Desk(app, schools[0], "acc").write(table([line], headings=list(line)))
        told = save(browser, "student", row_id, form, town=f"Saisie{turn}")
        assert told.status_code == 409
        assert f"Import{turn}" in words(told)
        assert Form(told.text).fields["town"] == f"Saisie{turn}"
        with rows(app) as session:
            assert session.get(Student, row_id).town == f"Import{turn}"


def test_of_six_who_save_at_the_same_moment_one_wins_and_five_are_told(tmp_path):
    app = build(tmp_path)
    with app.app_context(), unscoped("the tests' own data"):
        load_demo(db.session, students=30, seed=7)
        db.session.commit()
    with rows(app) as session:
        row_id = session.scalar(select(Student.id).where(Student.school_id == 1))
    for turn in range(ROUNDS):
        people = [signed_in(app, "acc") for _six in range(6)]
        forms = [opened(browser, "student", row_id) for browser in people]
        answers, start = [0] * 6, threading.Barrier(6)

        def post(at, turn=turn, people=people, forms=forms, answers=answers, start=start):
            start.wait()
            answers[at] = save(people[at], "student", row_id, forms[at], family_name=f"Tour{turn}n{at}").status_code

        threads = [threading.Thread(target=post, args=(at,)) for at in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(answers) == [302, 409, 409, 409, 409, 409]
        assert value(app, "student", row_id) == f"Tour{turn}n{answers.index(302)}"
