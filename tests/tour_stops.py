"""Where the tour of test_pseudo and test_glossaries goes: what must stand somewhere first, every screen, every verb, doors, papers, mails."""

import csv
import datetime as dt
import io
import json
import re
from unittest.mock import patch

import openpyxl
import transferring
from conftest import isolated, rows
from hands import DEMO, GOOD
from import_desk import Desk, table
from import_people import GUARDIANS, LINKS, STUDENTS
from small import add_code
from sqlalchemy import Enum, String, select
from sqlalchemy.exc import OperationalError
from tour import Page, Piece, Tour, marked, screens, strings
from tour_messages import messages
from tour_portals import guardians
from tour_second_step import signing_in
from werkzeug.exceptions import abort

from jobs import paper
from jobs.runner import run_pending
from models import passwords
from models.access import Membership, Role, User
from models.activation import new_codes
from models.admissions import Admission
from models.base import Base
from models.catalogue import use
from models.codes import CodeList, CodeValue
from models.courses import Course, RacGroup
from models.custom import CustomField
from models.enrolments import Enrolment
from models.letter_text import LetterText
from models.papers import issue
from models.people import GuardianLink, Student
from models.reminders import Reminder
from models.school import School
from models.session_records import SessionRecord
from models.studies import Programme, Term
from models.work import OutgoingMail

# These want a row; they are opened with one.
ONE = re.compile(r"/admin/(\w+/(details|edit|bulk_edit|merge)|import_/(confirm|columns|rows)|message/(file|left_out|preview|report|report_file))/$")
CODES = (400, 403, 404, 405, 409, 413, 422, 429, 500, 503)


def take(app, words):
    """The whole tour, in one transaction without trace."""
    use(words)
    made = Recorded()
    with isolated(app), marked(), made.listening(), patch("views.refusals.MOST", 100_000), quiet(app):
        passwords.configure(time_cost=1, memory_cost=8)
        tour = Tour(app)
        ids = prepare(app)
        imports(tour, ids["school"])
        every_screen(tour, ids)
        transfers(tour, ids["school"])
        every_verb(tour, ids)
        others(tour, ids)
        doors(tour, ids)
        messages(tour, ids)
        guardians(tour, ids)
        faults(tour)
        sheets(tour)
        run_pending(app)
        tour.walk("acc", "/admin/job/", "/admin/outgoing_mail/", "/admin/journal_event/")
        passwords.configure(time_cost=2, memory_cost=19456)
        tour.words = typed(app)
    tour.pages += made.pages
    return tour


# Tables and columns whose texts are keys, or were written by the application; all others hold what people typed.
KEYS = {
    *("bulk_edit", "column_mapping", "import_row", "job", "journal_change", "journal_event", "label_override", "login_event", "noun", "outgoing_mail"),
    *("reset_token", "right_override", "saved_view", "see_as", "throttle", "two_factor", "recovery_code", "web_session"),
    *("language", "reference", "role", "table_name", "theme", "time_zone", "verb"),
}
WORD = re.compile(r"[^\W\d_]+")
_taken = []


def taken(app):
    """The tour of this run, taken once."""
    if not _taken:
        _taken.append(take(app, app.extensions["words of the tests"]))
    return _taken[0]


def typed(app):
    """Every word that people wrote in a row, without capitals: what a page may show as it is."""
    found = set()
    with rows(app) as session:
        for table in Base.metadata.sorted_tables:
            columns = [c for c in table.columns if isinstance(c.type, String) and not isinstance(c.type, Enum) and c.name not in KEYS]
            if columns and table.name not in KEYS:
                found |= {word.casefold() for row in session.execute(select(*columns)) for value in row if value for word in WORD.findall(value)}
    return found


class Recorded:
    """Mails as they are written, papers as the compiler gets them."""

    def __init__(self):
        self.pages = []

    def listening(self):
        """Both are caught on their way; a paper is not compiled."""
        queue = OutgoingMail.queue.__func__

        def written(cls, to_address, subject, body, **more):
            self.pages.append(Page("mail", subject, 200, [Piece("subject", subject), Piece("body", body)]))
            return queue(cls, to_address, subject, body, **more)

        def compiled(folder, *_limits):
            data = json.loads((folder / "data.json").read_text(encoding="utf-8"))
            self.pages.append(Page("paper", str(data.get("title")), 200, [Piece("json", text) for text in strings(data) if text]))
            (folder / "out.pdf").write_bytes(b"%PDF-1.7")

        both = patch.object(OutgoingMail, "queue", classmethod(written)), patch.object(paper, "_compile", compiled)

        class Both:
            def __enter__(self):
                return [one.__enter__() for one in both]

            def __exit__(self, *error):
                return [one.__exit__(*error) for one in both] and None

        return Both()


def prepare(app):
    """Rows that the demonstration has not, and the identifiers of what the verbs work on."""
    with rows(app) as session:
        school = session.scalars(select(School).order_by(School.id)).first()
        student = session.scalar(select(Student).join(GuardianLink).where(Student.school_id == school.id).order_by(Student.id.desc()))
        student.born_on = student.born_on or dt.date(2014, 3, 14)
        issue(session, [student.id], school=school, job_id=1, language="fr", start=2026)
        session.add_all(CustomField(school_id=school.id, table_name=name, label="Casier") for name in ("student", "guardian"))
        kind = CodeValue(school_id=school.id, code_list=CodeList.rac_type, code="EE", label="Tilleuls")
        session.add(RacGroup(school_id=school.id, course=session.scalar(select(Course)), number="990", rac_type=kind))
        studied = studies(session, school, student)
        session.add(OutgoingMail(school_id=school.id, to_address="a@example.org", subject="Tilleuls", body="Tilleuls"))
        acc = session.scalar(select(User.id).where(User.username == "acc"))
        session.add(Reminder(school_id=school.id, requested_by_id=acc, student_id=student.id, text="Tilleuls", due_on=dt.date(2026, 3, 1)))
        code = new_codes(1)[0]
        add_code(session, student, code=code)
        amp = session.scalar(select(User).where(User.username == "amp"))
        membership = session.scalar(select(Membership.id).where(Membership.user_id == amp.id))
        found = {"school": school.id, "student": student.id, "user": amp.id, "membership": membership, "code": code}
        return {**found, **studied, **_letters(session, school, student)}


def studies(session, school, student):
    """An admission with a session record, and under it a registration and a course choice."""
    admission = Admission(school_id=school.id, student=student, programme=session.scalar(select(Programme)))
    record = SessionRecord(school_id=school.id, student=student, admission=admission, term=session.scalar(select(Term)))
    session.add_all([admission, record])
    for course, group in zip(session.scalars(select(Course).limit(2)), ("00990", ""), strict=True):
        session.add(Enrolment(school_id=school.id, session_record=record, course=course, group_number=group))
    session.flush()
    return {"session_record": record.id}  # its list leads to the file of the student


def _letters(session, school, student):
    """The rows whose lists show no link to them. The letter is taken back on the way: a second one keeps its words among what people typed."""
    letter = session.scalar(select(LetterText).where(LetterText.school_id == school.id))
    session.add(LetterText(school_id=school.id, language="en", **letter.texts))
    return {"letter": letter.id, "access_data": session.scalar(select(GuardianLink.id).where(GuardianLink.student_id == student.id)) * 2}


def one_of(tour, screen, ids):
    """A row of a screen that its administrator sees: a named one, or the one whose details its list leads to."""
    if screen.table in ids:
        return ids[screen.table]
    page = tour.look("acc", f"/admin/{screen.table}/")
    found = re.search(rf"/admin/{screen.table}/(?:details|edit)/\?(?:[^ ]*&)?id=(\d+)", " ".join(page.links))
    return int(found[1]) if found else None


def every_screen(tour, ids):
    """List, nothing found, new, details with its tabs, edit, what a form says of what is missing."""
    tour.walk("acc", "/admin/")
    panel = tour.look("acc", "/admin/student/?labels=1")
    for address in [link for link in panel.links if "labels_text=" in link][:1]:
        tour.look("acc", address)
    for rule in sorted(tour.app.url_map.iter_rules(), key=str):
        if "GET" in rule.methods and not rule.arguments and not ONE.search(str(rule)):
            tour.walk("acc", str(rule))
    for name, screen in screens(tour.app).items():
        tour.look("acc", f"/admin/{name}/?search=zzqq")
        row = one_of(tour, screen, ids)
        if row is not None:
            tour.walk("acc", f"/admin/{name}/details/?id={row}", f"/admin/{name}/edit/?id={row}")
            if screen.form_columns:
                tour.look("acc", f"/admin/{name}/edit/?id={row}", row_version="0", family_name="", name="")
        if screen.form_columns:
            tour.look("acc", f"/admin/{name}/new/", name="")


def every_verb(tour, ids):
    """Each verb of each screen: its question, then done; what it says on the way; deleting and changing a field of many too."""
    for name, screen in screens(tour.app).items():
        row = one_of(tour, screen, ids)
        if row is None:
            continue
        for verb in screen.verbs:
            ask_and_do(tour, f"/admin/{name}/action/", action=verb, rowid=str(row))
        if screen.bulk_edit_columns != () and screen.form_columns:
            bulk(tour, f"/admin/{name}/action/", row)
        tour.look("acc", f"/admin/{name}/delete/", id=str(row))
    run_pending(tour.app)


def ask_and_do(tour, address, **chosen):
    """The question page of a verb as it stands, then the same with its answers."""
    page = tour.look("acc", address, **chosen)
    if page.status == 200 and page.answers.get("_asked"):
        return tour.look("acc", address, **{**page.answers, **chosen})
    return page


def bulk(tour, address, row):
    """A field of many rows: which one, its value, what would change."""
    page = tour.look("acc", address, action="bulk_edit", rowid=str(row))
    for field in re.findall(r'option value="(\w+)"', page.html)[:1]:
        tour.look("acc", address, action="bulk_edit", rowid=str(row), bulk_field=field)
        tour.look("acc", address, action="bulk_edit", rowid=str(row), bulk_field=field, _asked="1", bulk_empty="1", **{field: "1"})


def imports(tour, school):
    """An import at each of its states: refused, with errors and questions, columns to choose, to confirm, written, undone."""
    desk = Desk(tour.app, school, "acc")
    wrong = [{**STUDENTS[0], "date_naissance": "31/09/2014", "ine": "12"}, *STUDENTS[1:], {**STUDENTS[1], "identifiant": "e9"}]
    full = [("eleves.csv", table(wrong))]
    tour.look("acc", "/admin/import_/new/", files=[(io.BytesIO(b""), "vide.csv")])
    for files in (
        [("image.csv", b"\x89PNG\r\n\x1a\n" + bytes(40))],
        full,
        [("eleves.csv", table([{"a": "1", "b": "2"}], headings=["a", "b"]))],
        [("eleves.csv", table(STUDENTS)), ("r.csv", table(GUARDIANS, list(GUARDIANS[0]))), ("l.csv", table(LINKS, list(LINKS[0])))],
        [("eleves.csv", table(STUDENTS))],
    ):
        key = desk.send(*files)
        look_at_import(tour, key, 12 if files == full else 4)
        ask_and_do(tour, "/admin/import_/action/", action="abandon", rowid=str(key))
    key = desk.write(("eleves.csv", table(STUDENTS)))
    look_at_import(tour, key, 6)
    tour.walk("acc", "/admin/import_/")


def look_at_import(tour, key, most):
    """The pages of one import."""
    tour.seen = {shape for shape in tour.seen if "/import_/" not in shape[1]}
    tour.walk("acc", f"/admin/import_/details/?id={key}", f"/admin/import_/columns/?id={key}", f"/admin/import_/confirm/?id={key}", most=most)


def transfers(tour, school):
    """Students sent to another school of this installation and to one elsewhere, who receives them, the file and its passphrase."""
    with rows(tour.app) as session:
        schools = list(session.scalars(select(School.id).order_by(School.id).limit(2)))
    transferring.switch_on(tour.app, schools)
    students = transferring.family(tour.app, school, 2)
    for number, student in enumerate(students):
        sent = transferring.send(tour.app, schools, [student], transferring.ELSEWHERE if number else None, leave=False)
        tour.look("acc", f"/admin/transfer/details/?id={sent.id}")
    tour.look("acc", "/admin/transfer/passphrase/", id=str(sent.id))
    tour.walk("acc", "/admin/transfer/settings/")
    tour.look("acc2", "/admin/transfer/")


def others(tour, ids):
    """What other roles, other portals and a school without anybody see."""
    for who in ("ac", "ec", "amp", "registrar", "head", "inspector"):
        tour.look(who, "/admin/")
        tour.walk(who, "/admin/student/", f"/admin/student/details/?id={ids['student']}", most=2)
    for rule in sorted({str(rule) for rule in tour.app.url_map.iter_rules() if "GET" in rule.methods and not rule.arguments} - set(tour.rules)):
        if not ONE.search(rule):
            tour.walk("head", rule, most=1)  # what only the head opens
    tour.walk("parent", "/parent/")
    tour.walk("student", "/student/")
    tour.walk("invigilator", "/invigilator/")
    with rows(tour.app) as session:
        school = School(name="École vide", official_code="0752387M")
        user = User(username="alone", given_name="Inès", family_name="Aubry", language="fr")
        session.add_all([school, user])
        session.flush()
        session.add(Membership(user_id=user.id, school_id=school.id, role=Role.acc))
    tour.walk("alone", "/admin/", most=25)
    look = tour.look("acc", f"/admin/user/see_as/?id={ids['user']}", password=DEMO)
    assert look.status == 200
    tour.walk("acc", "/admin/search?q=a")
    del tour.browsers["token of acc"]  # another session began
    tour.look("acc", "/see_as/leave", _="1")
    del tour.browsers["token of acc"]


def doors(tour, ids):
    """The pages of strangers: signing in, a forgotten password and its mail, the code of a letter; one's own account."""
    tour.look("", "/login")
    tour.look("", "/login", username="acc", password="wrong")
    tour.look("", "/forgot", username="ac")
    tour.look("", "/parent/register", code="")
    person = {"given_name": "Hélène", "family_name": "Bénard", "email": "helene@exemple.org"}
    tour.look("", "/parent/register", code=ids["code"], password="court", **person)
    tour.look("", "/parent/register", code=ids["code"], password=GOOD, **person)
    with patch("views.doors.no_school", return_value=True):
        tour.look("", "/setup")
    tour.look("acc", "/account", language="fr", given_name="", family_name="")
    tour.look("acc", "/account", current="wrong", password="court", again="autre")
    signing_in(tour)


def faults(tour):
    """Every error page, for somebody signed in and for a stranger; a busy database; a form of another session."""
    for who in ("acc", "parent", ""):
        for code in CODES:

            def broken(*_given, code=code, **_named):
                abort(code) if code != 503 else busy()

            with patch.dict(tour.app.view_functions, {"admin.index": broken, "portal.home": broken, "auth.login": broken}):
                tour.look(who, {"acc": "/admin/", "parent": "/parent/", "": "/login"}[who])
    tour.look("acc", "/account", csrf_token="wrong")


def busy():
    """What a database without time says."""
    raise OperationalError("", {}, Exception("database is locked"))


def quiet(app):
    """Faults answer with their page here too."""
    return patch.dict(app.config, {"PROPAGATE_EXCEPTIONS": False})


def sheets(tour):
    """Every export: headings and cells; one spreadsheet, its name and that of its sheet."""
    for name in screens(tour.app):
        answer = tour.browser("acc").get(f"/admin/{name}/export/csv/", buffered=True)
        if answer.status_code == 200:
            lines = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig")), delimiter=";"))
            tour.count(f"/admin/{name}/export/csv/")
            tour.pages.append(Page("sheet", f"{name}.csv", 200, [Piece(f"line {n}", cell) for n, line in enumerate(lines[:30]) for cell in line if cell]))
    answer = tour.browser("acc").get("/admin/student/export/xlsx/", buffered=True)
    book = openpyxl.load_workbook(io.BytesIO(answer.get_data()))
    pieces = [Piece("heading", str(cell.value)) for cell in next(book.active.iter_rows())]
    tour.pages.append(Page("sheet", "student.xlsx", 200, [Piece("sheet", book.active.title), *pieces]))
