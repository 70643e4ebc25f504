"""A student is found by one field or several, with * and ?; a school of Québec reads grid and programme beside the name (S2-02 to S2-04)."""

import re

import pytest
from conftest import counted, rows
from hands import words
from sqlalchemy import select

from models.admissions import Admission, AdmissionStatus, counting
from models.courses import Grid
from models.people import Guardian, GuardianLink, Student
from models.session_records import SessionRecord
from models.studies import Programme, Term


@pytest.fixture
def julie(app, schools):
    """A candidate of the college, her guardian, her two admissions (the later one is closed) and a session record; her identifier."""
    with rows(app) as session:
        school = schools[1]
        one = Programme(school_id=school, code="YYY.9Z", title="Techniques rares")
        other = Programme(school_id=school, code="XXX.8Z", title="Autre chose")
        grid = Grid(school_id=school, code="YYY9Z-99", programme=one)
        student = Student(
            school_id=school,
            family_name="Lebœuf-Quirion",
            given_name="Juliette",
            national_id="LEBJ99990001",
            local_id="9912345",
            phone="514 555-0142",
        )
        guardian = Guardian(school_id=school, family_name="Quirion", given_name="Zéphirine", phone="418 555-0177", phone_e164="+14185550177")
        session.add(GuardianLink(school_id=school, student=student, guardian=guardian))
        active = Admission(school_id=school, student=student, programme=one, grid=grid, status=AdmissionStatus.active)
        session.add_all([active, Admission(school_id=school, student=student, programme=other, status=AdmissionStatus.closed)])
        session.flush()
        session.add(SessionRecord(school_id=school, student=student, admission=active, term=session.scalar(select(Term).where(Term.school_id == school))))
        session.flush()
        return student.id


def found(browser, query):
    """The identifiers of the rows that the list shows."""
    return [int(n) for n in re.findall(r'<th role="rowheader"><a href="[^"]*id=(\d+)"', browser.get(f"/admin/student/?{query}").text)]


@pytest.mark.parametrize(
    ("field", "text", "other"),
    [
        ("identifier", "LEBJ 9999*", "*0002"),
        ("family", "leboeuf*", "quirion*"),
        ("family", "quirion", "juliette"),
        ("name", "Lebœuf-Quirion, Juliette", "Lebœuf, Zéphirine"),
        ("name", "juliette leboeuf", "zephirine leboeuf"),
        ("number", "991-2345", "991-2346"),
        ("number", "99123?5", "99123?"),
        ("phone", "(514) 555-0142", "leboeuf"),
        ("phone", "418?550177", "*0178"),
        ("programme_number", "yyy9z", "yyz"),
        ("programme_number", "XXX*", "*XXX"),
        ("given", "julie*", "leboeuf*"),
        ("programme_title", "techniques r*", "rares techniques"),
        ("guardian", "zephirine", "juliette"),
    ],
)
def test_each_field_finds_by_its_own_words_and_no_others(as_, julie, field, text, other):
    browser = as_("registrar2")
    assert found(browser, f"by={field}&search={text}") == [julie]
    assert julie not in found(browser, f"by={field}&search={other}")


def test_several_fields_narrow_together_in_one_address(app, as_, julie):
    with rows(app) as session:
        grid = session.scalar(select(Grid.id).where(Grid.code == "YYY9Z-99"))
        term = session.scalar(select(SessionRecord.term_id).where(SessionRecord.student_id == julie))
    browser = as_("registrar2")
    both = f"flt0_given.Typed=jul*&flt1_grid.AdmittedTo={grid}&flt2_admission.AdmissionIs=active&flt3_term.RecordOf={term}"
    assert found(browser, both) == [julie]
    assert found(browser, both + "&flt4_family.Typed=zz*") == []
    page = browser.get(f"/admin/student/search/?{both}")
    assert 'value="jul*"' in page.text
    assert f'value="{grid}" selected' in page.text
    assert "Prénom : jul*" in words(browser.get(f"/admin/student/?{both}"))


def test_what_is_typed_beside_the_list_stands_in_the_advanced_search(as_, julie):
    page = as_("registrar2").get("/admin/student/?search=jul*&by=given")
    link = re.search(r'href="(/admin/student/search/[^"]*)"', page.text)[1].replace("&amp;", "&")
    assert re.search(r'name="flt\d+_given.Typed" type="text" value="jul\*"', as_("registrar2").get(link).text)


def test_one_found_opens_its_file_and_the_way_back_is_the_list(as_, julie):
    browser = as_("registrar2")
    answer = browser.get("/admin/student/?search=9912345&by=number&go=1", follow_redirects=True)
    assert answer.request.path == "/admin/student/details/"
    assert answer.request.args["url"] == "/admin/student/?search=9912345&by=number"
    assert "1 sur 1" in words(answer)
    many = browser.get("/admin/student/?search=a&by=name&go=1")
    assert many.headers["Location"] == "/admin/student/?search=a&by=name"


def test_what_finds_nobody_here_is_looked_for_among_those_who_left(app, as_, julie):
    with rows(app) as session:
        session.get_one(Student, julie).deactivate()
    page = as_("registrar2").get("/admin/student/?search=leboeuf*&by=family")
    wider = re.search(r'href="([^"]*)">Chercher aussi parmi les fiches désactivées', page.text)[1].replace("&amp;", "&")
    assert as_("registrar2").get(wider).headers["Location"].startswith(f"/admin/student/details/?id={julie}&")


def test_who_does_not_read_guardians_finds_nobody_by_them(as_, julie):
    inspector = as_("inspector2")
    for query in ("by=guardian&search=zephirine", "flt0_guardian.Typed=zephirine", "by=phone&search=4185550177", "search=zephirine"):
        assert found(inspector, query) == []
    assert found(inspector, "by=given&search=juliette") == [julie]


def test_a_college_reads_number_grid_and_programme_of_the_admission_that_counts(app, as_, julie):
    with rows(app) as session:
        assert {i: str(one) for i, one in counting(session, [julie]).items()} == {julie: "YYY9Z-99"}
    page = as_("registrar2").get("/admin/student/?search=9912345&by=number")
    heads = re.findall(r'<th role="columnheader" scope="col"[^>]*>(?:<a[^>]*>)?([^<]+)', page.text)
    assert heads[:7] == ["Nom et prénom", "Numéro DA", "Code permanent", "Naissance", "Grille", "Nº prog.", "Titre prog."]
    row = words(page)
    assert "9912345 LEBJ99990001" in row
    assert "YYY9Z-99 YYY.9Z Techniques rares" in row
    france = as_("registrar").get("/admin/student/").text
    assert "Grille</th>" not in france


def test_the_columns_of_admissions_ask_one_question_for_all_rows(app, as_):
    browser = as_("registrar2")
    browser.get("/admin/student/")
    with counted(app) as seen:
        browser.get("/admin/student/?page_size=50")
    assert len([one for one in seen if "FROM admission" in one and "count(" not in one]) == 1
    assert len(seen) <= 10


def test_the_search_of_the_frame_walks_through_what_it_found(app, as_, schools):
    with rows(app) as session:
        made = [Student(school_id=schools[0], family_name="Zyxwv", given_name=name) for name in ("Ada", "Bo", "Cy")]
        session.add_all(made)
        session.flush()
        ids = [row.id for row in made]
    browser = as_("acc")
    hits = browser.get("/admin/search?q=zyxwv").text
    link = re.search(rf'href="(/admin/student/details/[^"]*\bid={ids[1]})"', hits)[1].replace("&amp;", "&")
    page = browser.get(f"{link}&part=admissions")
    assert "2 sur 3" in words(page)
    following = re.search(r'rel="next" href="([^"]*)"', page.text)[1]
    assert f"id={ids[2]}" in following
    assert "part=admissions" in following
