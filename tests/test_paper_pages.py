"""Printing from the screens: what is asked and told before, the job that follows, the papers in the student's file and the register."""

import datetime as dt
import html
import re

import pytest
from conftest import counted, rows
from hands import token, words
from printed import flat, texts
from sqlalchemy import select

from jobs import runner
from models import files
from models.access import User
from models.papers import IssuedPaper, issue
from models.people import Group, GroupCategory, Student
from models.school import School
from models.work import Job, JobKind, JobState


@pytest.fixture(autouse=True)
def _folder(app, tmp_path):
    """The files of a test go with it."""
    files.configure(tmp_path / "files")


def post(browser, path, **fields):
    """Press a button of the list."""
    return browser.post(path, data={"csrf_token": token(browser.get("/account").text), **fields})


def ask(browser, verb, ids, screen="student", **fields):
    """Open the question of a verb, or answer it."""
    return post(browser, f"/admin/{screen}/action/", action=verb, rowid=ids, **fields)


def paper_of(app):
    """Run what waits; the last job and the words of its PDF, page by page."""
    runner.run_pending(app)
    with rows(app) as session:
        job = session.scalar(select(Job).order_by(Job.id.desc()))
        assert job.state is JobState.done, job.error
        return job.id, job.params, [flat(page) for page in texts(files.path_of(job.file_key).read_bytes(), "-layout")]


LIST = {"_asked": "1", "title": "", "columns": ["number", "born_on"], "blanks": "0", "headings": "", "order": "by_name", "landscape": "0"}
LABELS = {"_asked": "1", "to": "guardians", "sheet": "l7160", "first": "1", "right": "0", "down": "0"}
CERTIFICATE = {"_asked": "1", "language": "fr"}


@pytest.fixture
def year(app, schools):
    """The school year that the question offers first."""
    from models.base import today
    from models.papers import school_year

    with rows(app) as session:
        school = session.get_one(School, schools[0])
        return str(school_year(today(school.time_zone), school.country))


def test_a_list_is_asked_for_with_its_usual_answers_then_made_by_a_job_that_opens_it(app, as_, a_student):
    browser = as_("ac")
    question = ask(browser, "print_class_list", [a_student])
    with rows(app) as session:
        assert f"Imprimer une liste de classe {session.get(Student, a_student)} " in words(question)
    assert re.findall(r'name="columns"[^>]*checked[^>]*value="(\w+)"|checked[^>]*name="columns"[^>]*value="(\w+)"', question.text)
    assert "Responsables et leurs téléphones" in words(question)
    answer = ask(browser, "print_class_list", [a_student], **{**LIST, "title": "Sortie au musée", "blanks": "1", "headings": "Présent ; Payé"})
    assert answer.status_code == 303
    assert re.search(r"/admin/job/details/\?id=\d+&open=1$", answer.headers["Location"])
    waiting = browser.get(answer.headers["Location"])
    assert "data-open-now" not in waiting.text
    job, params, (page,) = paper_of(app)
    assert (params["blanks"], params["headings"]) == (2, ["Présent", "Payé"])
    assert "Sortie au musée 1 élève N° Nom Prénom Naissance Présent Payé 1 " in page
    ready = browser.get(answer.headers["Location"])
    assert re.search(rf'href="/admin/job/download/\?id={job}" data-open-now', ready.text)
    assert "data-open-now" not in browser.get(f"/admin/job/details/?id={job}").text


@pytest.mark.parametrize(
    ("verb", "answers", "told"),
    [
        ("print_class_list", {**LIST, "blanks": "13"}, "De 0 à 12 colonnes vides. Tapez un nombre dans cet intervalle."),
        ("print_class_list", {**LIST, "blanks": "9" * 400}, "Ce nombre est trop long. Saisissez au plus 9 chiffres."),
        ("print_class_list", {**LIST, "order": "nothing"}, "Rien n’est enregistré"),
        ("print_labels", {**LABELS, "first": "22"}, "Cette planche a les étiquettes 1 à 21. Tapez un nombre dans cet intervalle."),
        ("print_labels", {**LABELS, "sheet": "us5160", "first": "0"}, "Cette planche a les étiquettes 1 à 30."),
        ("print_labels", {**LABELS, "right": "21"}, "De -20 à 20 mm."),
        ("print_certificate", {**CERTIFICATE, "year": "1999"}, "Rien n’est enregistré"),
        ("print_certificate", {**CERTIFICATE, "year": "x"}, "Rien n’est enregistré"),
    ],
)
def test_a_wrong_answer_is_told_beside_its_question_and_starts_nothing(app, as_, a_student, verb, answers, told):
    answer = ask(as_("ac"), verb, [a_student], **answers)
    assert answer.status_code == 422
    assert told in words(answer)
    with rows(app) as session:
        assert session.scalar(select(Job).where(Job.kind.in_([JobKind.print_class_list, JobKind.print_labels, JobKind.print_certificate]))) is None


def test_labels_tell_how_many_each_choice_makes_and_who_has_no_address(app, as_, schools):
    with rows(app) as session:
        nowhere = Student(school_id=schools[0], family_name="Sansrue", given_name="Nil")
        here = Student(school_id=schools[0], family_name="Avecrue", given_name="Lou", address1="3, rue Longue", postal_code="99100", town="Bourg")
        session.add_all([nowhere, here])
        session.flush()
        ids = [nowhere.id, here.id]
    browser = as_("ac")
    question = words(ask(browser, "print_labels", ids))
    assert "1 n’a pas d’adresse et n’aura pas d’étiquette. Sansrue, Nil" in question
    assert question.count("1 étiquette ") == 3
    assert ask(browser, "print_labels", ids, **LABELS).status_code == 303
    _job, _params, (page,) = paper_of(app)
    assert page == "Aux responsables de l’élève Lou Avecrue 3 rue Longue 99100 BOURG"
    alone = words(ask(browser, "print_labels", ids[:1]))
    assert "Aucune des personnes choisies n’a d’adresse. Complétez d’abord les adresses." in alone
    assert ask(browser, "print_labels", ids[:1], **LABELS).status_code == 422


def test_certificates_tell_before_printing_what_they_could_not_say(app, as_, schools, a_student, year):
    with rows(app) as session:
        session.get_one(Student, a_student).born_on = dt.date(2014, 3, 14)
        school = session.get_one(School, schools[0])
        school.head_name, school.stamp_digest = "", None
        unborn = Student(school_id=schools[0], family_name="Sansdate", given_name="Nil")
        session.add(unborn)
        session.flush()
        ids = [a_student, unborn.id]
    browser = as_("amp")
    question = words(ask(browser, "print_certificate", ids))
    assert "1 document sera délivré, avec son numéro." in question
    assert "1 n’a pas de date de naissance et n’aura pas de document. Sansdate, Nil" in question
    assert "ne dit pas qui en est le chef" in question
    assert "cachet" not in question.split("Année scolaire")[1].split("Délivrer")[0]
    assert ask(browser, "print_certificate", ids, **CERTIFICATE, year=year).status_code == 303
    _job, _params, (page,) = paper_of(app)
    assert "Certificat de scolarité" in page
    again = words(ask(browser, "print_certificate", ids))
    assert "1 a déjà un document de cette année scolaire" in again
    none = ask(browser, "print_certificate", ids[1:], **CERTIFICATE, year=year)
    assert none.status_code == 422
    assert "Personne dans cette sélection ne peut recevoir ce document." in words(none)


def test_the_file_lists_the_papers_of_the_student_and_prints_one_again(app, as_, a_student, year):
    with rows(app) as session:
        session.get_one(Student, a_student).born_on = dt.date(2014, 3, 14)
    browser = as_("head")
    part = f"/admin/student/details/?id={a_student}&part=papers"
    assert "Aucun document délivré pour l’instant" in words(browser.get(part))
    assert ask(browser, "print_certificate", [a_student], **CERTIFICATE, year=year).status_code == 303
    paper_of(app)
    with rows(app) as session:
        paper = session.scalar(select(IssuedPaper))
        name = str(session.scalar(select(User).where(User.username == "head")))
        assert (paper.student_id, paper.issued_by, paper.printed_count) == (a_student, name, 1)
        key, reference = paper.id, paper.reference
    page = words(browser.get(part))
    assert f"{reference} Certificat de scolarité {year}-{int(year) + 1}" in page
    assert name in page
    assert "Réimprimer" in page
    question = words(ask(browser, "print_again", [key], screen="issued_paper"))
    assert "Réimprimer 1 document" in question
    assert ask(browser, "print_again", [key], screen="issued_paper", _asked="1").status_code == 303
    _job, _params, (page,) = paper_of(app)
    assert "Duplicata imprimé le" in page
    assert reference in page
    reader = words(as_("registrar").get(part))
    assert reference in reader
    assert "Réimprimer" not in reader
    assert "Imprimer un certificat" not in reader


def test_the_register_finds_a_paper_by_number_or_name_and_belongs_to_its_school(app, as_, a_student, year):
    with rows(app) as session:
        student = session.get_one(Student, a_student)
        student.born_on = dt.date(2014, 3, 14)
        name = str(student)
    browser = as_("acc")
    ask(browser, "print_certificate", [a_student], **CERTIFICATE, year=year)
    paper_of(app)
    with rows(app) as session:
        key, reference = session.execute(select(IssuedPaper.id, IssuedPaper.reference)).one()
    for sought in (reference, name.split(",")[0]):
        page = words(browser.get(f"/admin/issued_paper/?search={sought}"))
        assert reference in page, sought
        assert name.split(",")[0] in page, sought
    assert "Certificat de scolarité" in words(browser.get(f"/admin/issued_paper/details/?id={key}"))
    assert reference in browser.get("/admin/issued_paper/export/csv/", buffered=True).text
    other = as_("acc2")
    assert reference not in words(other.get("/admin/issued_paper/"))
    assert other.get(f"/admin/issued_paper/details/?id={key}").status_code == 404
    assert ask(other, "print_again", [key], screen="issued_paper").status_code == 404


def test_a_student_with_a_paper_is_deactivated_not_deleted(app, as_, schools, year):
    with rows(app) as session:
        student = Student(school_id=schools[0], family_name="Gardée", given_name="Une", born_on=dt.date(2014, 3, 14))
        session.add(student)
        session.flush()
        key = student.id
    browser = as_("acc")
    ask(browser, "print_certificate", [key], **CERTIFICATE, year=year)
    paper_of(app)
    answer = post(browser, "/admin/student/delete/", id=key, _asked="1", confirm="1")
    assert "un document délivré par l’établissement. Désactivez plutôt l’élève" in words(
        answer if answer.status_code != 303 else browser.get("/admin/student/")
    )
    with rows(app) as session:
        assert session.get(Student, key) is not None


def test_a_teacher_prints_for_their_own_students_only(app, as_, schools, year):
    with rows(app) as session:
        teacher = session.scalar(select(User.id).where(User.username == "ec"))
        group = session.scalar(select(Group).where(Group.owner_id == teacher, Group.school_id == schools[0]))
        mine = group.members[0].id
        session.get_one(Student, mine).born_on = dt.date(2014, 3, 14)
        foreign = Student(school_id=schools[0], family_name="Dailleurs", given_name="Un", born_on=dt.date(2014, 3, 14))
        session.add(foreign)
        session.flush()
        ids = [mine, foreign.id]
    browser = as_("ec")
    for verb in ("print_class_list", "print_labels", "print_certificate"):
        assert ask(browser, verb, ids).status_code == 404
        assert ask(browser, verb, ids[:1]).status_code == 200
    ask(as_("acc"), "print_certificate", ids, **CERTIFICATE, year=year)
    paper_of(app)
    register = words(browser.get("/admin/issued_paper/"))
    assert "Dailleurs" not in register
    assert register.count("Certificat de scolarité") == 1


def test_a_group_is_printed_from_its_page(app, as_, schools):
    with rows(app) as session:
        room = session.scalar(select(Group).where(Group.school_id == schools[0], Group.category == GroupCategory.klass))
        other = Group(
            school_id=schools[0], name="Chorale du soir", members=[Student(school_id=schools[0], family_name=f"Voix{n}", given_name="Une") for n in range(3)]
        )
        session.add(other)
        session.flush()
        inside = session.scalars(select(Student.search_key).where(Student.homeroom_id == room.id)).all()
        groups = {room.id: (room.name, len(inside)), other.id: ("Chorale du soir", 3)}
    browser = as_("ac")
    for key, (name, n) in groups.items():
        page = browser.get(f"/admin/group/details/?id={key}").text
        form = re.search(r'<form class="inline" method="post" action="(/admin/student/action/\?[^"]+)">(.*?)</form>', page, re.S)
        assert 'value="print_class_list"' in form[2]
        question = post(browser, form[1], action="print_class_list", all="1", title=name)
        assert f"{n} élèves sur la liste." in words(question)
        assert f'value="{name}"' in question.text
        assert post(browser, form[1], all="1", action="print_class_list", **{**LIST, "title": name}).status_code == 303
        _job, params, (sheet,) = paper_of(app)
        assert len(params["ids"]) == n
        assert f"{name} {n} élèves" in sheet
    assert 'value="print_class_list"' not in as_("registrar").get(f"/admin/group/details/?id={key}").text


def test_the_school_says_who_signs_and_never_shows_its_stamp(app, as_, schools):
    browser = as_("acc")
    form = browser.get(f"/admin/school/edit/?id={schools[0]}&part=papers")
    assert "Nom du chef d’établissement" in words(form)
    assert "digest" not in form.text
    with rows(app) as session:
        school = session.get_one(School, schools[0])
        school.head_name, school.head_title = "Agnès Castaing", "principale"
        school.stamp_digest = files.keep_by_content(b"a stamp")
    page = browser.get(f"/admin/school/details/?id={schools[0]}")
    assert "Agnès Castaing" in words(page)
    with rows(app) as session:
        assert session.get_one(School, schools[0]).stamp_digest not in page.text


def test_the_stamp_is_asked_about_only_where_the_school_has_one(app, as_, schools, a_student):
    browser = as_("ac")
    with rows(app) as session:
        session.get_one(School, schools[0]).stamp_digest = None
    assert "Imprimer le cachet" not in words(ask(browser, "print_certificate", [a_student]))
    with rows(app) as session:
        session.get_one(School, schools[0]).stamp_digest = files.keep_by_content(b"a stamp")
    question = ask(browser, "print_certificate", [a_student])
    assert "Imprimer le cachet de l’établissement" in words(question)
    assert re.search(r'<input[^>]*checked[^>]*name="stamp"|<input[^>]*name="stamp"[^>]*checked', question.text)


def test_the_questions_ask_the_database_no_more_for_many_than_for_few(app, as_, schools):
    with rows(app) as session:
        crowd = [Student(school_id=schools[0], family_name=f"Foule{n}", given_name="Un", address1="3, rue Longue", town="Bourg") for n in range(300)]
        session.add_all(crowd)
        session.flush()
        ids = [student.id for student in crowd]
    browser = as_("ac")
    for verb in ("print_class_list", "print_labels", "print_certificate"):
        ask(browser, verb, ids[:2])
        told = []
        for some in (ids[:20], ids):
            with counted(app) as seen:
                assert ask(browser, verb, some).status_code == 200
            told.append(len(seen))
        assert told[0] == told[1], verb


def test_44_names_that_are_markup_stay_names_in_the_questions_the_file_and_the_register(app, as_, schools, year):
    canary = '"><img src=x onerror=alert(1)>'
    with rows(app) as session:
        people = [Student(school_id=schools[0], family_name=canary, given_name=canary, born_on=born) for born in (dt.date(2014, 3, 14), None)]
        session.add_all(people)
        session.flush()
        ids = [student.id for student in people]
    browser = as_("acc")
    pages = [ask(browser, verb, ids) for verb in ("print_class_list", "print_labels", "print_certificate")]
    assert all(canary in words_of(page) for page in pages[1:])
    ask(browser, "print_certificate", ids, **CERTIFICATE, year=year)
    job, _params, (page,) = paper_of(app)
    assert canary in page
    pages += [browser.get(path) for path in (f"/admin/student/details/?id={ids[0]}&part=papers", "/admin/issued_paper/", f"/admin/job/details/?id={job}")]
    for page in pages:
        assert page.status_code == 200
        assert "<img src=x" not in page.text
    assert canary in words_of(pages[-2])


def words_of(answer):
    """What a person reads, when what they read looks like markup."""
    return html.unescape(answer.text)


def test_the_register_asks_as_much_for_many_papers_as_for_few(app, as_, schools):
    browser, told = as_("acc"), []
    for first, last in ((1, 20), (21, 300)):
        with rows(app) as session:
            crowd = [Student(school_id=schools[0], family_name=f"Foule{n}", given_name="Un", born_on=dt.date(2014, 3, 14)) for n in range(first, last + 1)]
            session.add_all(crowd)
            session.flush()
            issue(session, [s.id for s in crowd], school=session.get_one(School, schools[0]), job_id=9000 + first, language="fr", start=2026)
        browser.get("/admin/issued_paper/")
        with counted(app) as seen:
            assert "Foule" in words(browser.get("/admin/issued_paper/?search=foule&page_size=20"))
        told.append(len(seen))
    assert told[0] == told[1] <= 10
