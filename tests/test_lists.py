"""How many rows a list says it has, where it ends, in which order rows stand, and how a beginning is found."""

import re

import pytest
from conftest import counted, rows
from hands import words
from sqlalchemy import insert, select, update

from models import overview
from models.base import fold
from models.people import Guardian, Student, StudentStatus
from models.school import Level
from views import lists


@pytest.fixture(autouse=True)
def _nothing_kept():
    """No number of one test is another's."""
    overview.forget()
    yield
    overview.forget()


@pytest.fixture
def few(monkeypatch):
    """More than twenty rows are more than a list counts."""
    monkeypatch.setattr(lists, "MOST_COUNTED", 20)


@pytest.fixture
def crowd(app, schools):
    """Sixty students whose name begins alike, and one who bears that name in the middle."""
    with rows(app) as session:
        level = session.scalar(select(Level.id).where(Level.school_id == schools[0]))
        named = [(f"Zyx-Grand{n:02d}", f"zyx-grand{n:02d} zoe") for n in range(60)] + [("De Zyx", "de zyx zoe")]
        session.execute(
            insert(Student),
            [{"school_id": schools[0], "family_name": name, "given_name": "Zoé", "level_id": level, "search_key": key} for name, key in named],
        )


def names(answer):
    """The names in the order of the page."""
    return re.findall(r'role="rowheader"[^>]*><a [^>]+>([^<]+)</a>', answer.text)


def test_a_short_search_is_counted_exactly(as_, crowd):
    assert "61 élèves" in words(as_("ac").get("/admin/student/?search=zyx"))


def test_a_search_that_finds_more_than_is_counted_says_so(as_, crowd, few):
    page = as_("ac").get("/admin/student/?search=zyx")
    text = words(page)
    assert "Plus de 20 lignes" in text
    assert "1 à 20 sur plus de 20" in text
    assert "Toutes les lignes qui correspondent (plus de 20)" in text
    assert re.search(r'rel="next"', page.text)
    assert "61" not in re.sub(r"\D61\d|\d61", "", re.search(r"sheet-foot.*", page.text, re.S)[0])


def test_the_last_page_of_a_long_search_has_no_next_one_and_says_how_many_there_were(as_, crowd, few):
    page = as_("ac").get("/admin/student/?search=zyx&page=3")
    assert names(page) == ["Zyx-Grand59, Zoé"]
    assert "61 à 61 sur 61" in words(page)
    assert 'rel="next"' not in page.text


@pytest.mark.parametrize("page", [4, 5, 100_000])
def test_a_page_after_the_last_one_is_not_there(as_, crowd, few, page):
    assert as_("ac").get(f"/admin/student/?search=zyx&page={page}").status_code == 404


def test_the_whole_list_is_counted_exactly_however_long(as_, crowd, few):
    browser = as_("ac")
    assert re.search(r"\d{2} élèves", words(browser.get("/admin/student/")))
    assert "Plus de" not in words(browser.get("/admin/student/?flt0_status.Is=all"))
    assert "Plus de" not in words(browser.get("/admin/guardian/"))


def test_a_verb_on_all_rows_counts_them_exactly(as_, crowd, few):
    browser = as_("ac")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/account").text)[1]
    answer = browser.post("/admin/student/action/?search=zyx", data={"csrf_token": token, "action": "add_to_group", "all": "1"})
    assert "61 élèves choisis" in words(answer)


def test_the_search_over_everything_says_more_than_it_counts(as_, crowd, few):
    assert "Tout voir (plus de 20)" in words(as_("ac").get("/admin/search?q=zyx"))


def test_a_beginning_is_found_with_or_without_accents(as_, crowd):
    browser = as_("ac")
    for typed in ("^zÿx-grand0", "^ZYX-GRAND0", "^zyx-gr*d0", "^zyx-grand0 zoe"):
        assert len(names(browser.get("/admin/student/", query_string={"search": typed}))) == 10, typed
    assert "De Zyx, Zoé" not in names(browser.get("/admin/student/?search=^zyx&page_size=100"))
    assert "De Zyx, Zoé" in names(browser.get("/admin/student/?search=zyx&page_size=100"))


def test_a_beginning_holds_no_wildcards_of_the_database(as_, crowd):
    browser = as_("ac")
    for typed in ("^%", "^_", "^zyx_", "^zyx%"):
        assert names(browser.get("/admin/student/", query_string={"search": typed})) == []


def test_rows_that_are_equal_stand_in_the_usual_order_on_one_page_only(as_, crowd):
    browser = as_("ac")
    pages = [names(browser.get(f"/admin/student/?search=zyx&sort=6&page={page}")) for page in range(4)]
    found = [name for page in pages for name in page]
    assert found == ["De Zyx, Zoé", *(f"Zyx-Grand{n:02d}, Zoé" for n in range(60))]


def test_a_search_in_a_related_table_finds_rows_by_either_side(app, as_, schools):
    with rows(app) as session:
        guardian = session.scalar(select(Guardian).where(Guardian.school_id == schools[0], Guardian.links.any()))
        session.execute(update(Guardian).where(Guardian.id == guardian.id).values(search_key="zzyzx unique"))
        several = len(guardian.links)
    assert len(names(as_("ac").get("/admin/guardian_link/?search=zzyzx&page_size=100"))) == several


# --- the numbers of a large school -------------------------------------------------------------------------------------------------


@pytest.fixture
def large(monkeypatch):
    """Ten students make a large school."""
    monkeypatch.setattr(overview, "LARGE", 10)


def test_the_numbers_of_a_large_school_are_kept_for_a_minute_and_for_all_who_see_it(app, as_, large, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(overview, "_clock", lambda: now[0])
    first, second = as_("ac"), as_("head")
    first.get("/admin/")
    now[0] += 6
    with counted(app) as asked:
        second.get("/admin/")
    assert not any("count(student.id)" in statement for statement in asked)
    now[0] += 60
    with counted(app) as asked:
        second.get("/admin/")
    assert any("count(student.id)" in statement for statement in asked)


def test_who_writes_sees_their_own_change_at_once(app, as_, a_student, large, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(overview, "_clock", lambda: now[0])
    clerk, other = as_("ac"), as_("head")

    def active(browser):
        return int(re.search(r"<b>(\d+)</b><span>élèves actifs", browser.get("/admin/").text)[1])

    before = active(clerk)
    now[0] += 10
    assert active(other) == before
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', clerk.get("/account").text)[1]
    clerk.post(f"/admin/student/action/?rowid={a_student}", data={"csrf_token": token, "action": "deactivate"})
    assert active(clerk) == before - 1
    assert active(other) == before - 1  # what was counted for one is everybody's


def test_who_sees_only_their_own_students_never_reads_the_schools_numbers(as_, large):
    tabs = {who: re.search(r'<span class="n">(\d+)</span>', as_(who).get("/admin/student/").text)[1] for who in ("ac", "ec", "ac2")}
    assert int(tabs["ec"]) < int(tabs["ac"])
    assert {who: re.search(r'<span class="n">(\d+)</span>', as_(who).get("/admin/student/").text)[1] for who in tabs} == tabs


@pytest.mark.parametrize("desc", ["", "&desc=1"])
def test_a_long_list_by_class_is_that_of_a_short_one_and_those_without_a_class_come_last(app, as_, crowd, schools, monkeypatch, desc):
    browser = as_("ac")

    def listed(path):
        found = []
        for page in range(8):
            answer = browser.get(f"{path}&page={page}")
            found += names(answer) if answer.status_code == 200 else []
        return found

    short = listed(f"/admin/student/?sort=1{desc}")
    with rows(app) as session:
        outside = {str(row) for row in session.scalars(select(Student).where(Student.school_id == schools[0], Student.homeroom_id.is_(None)))}
    overview.forget()
    monkeypatch.setattr(overview, "LARGE", 10)
    long = listed(f"/admin/student/?sort=1{desc}")
    assert [name for name in long if name not in outside] == [name for name in short if name not in outside]
    assert sorted(long) == sorted(short)
    assert set(long[-len(outside) :]) == outside


def test_a_small_school_keeps_no_number(app, as_, schools):
    browser = as_("ac")
    browser.get("/admin/")
    with rows(app) as session:
        session.execute(update(Student).where(Student.school_id == schools[0]).values(status=StudentStatus.left))
    assert "0 élève actif" in words(browser.get("/admin/")).replace("\u202f", " ") or "0 élève" in words(browser.get("/admin/student/"))


@pytest.mark.parametrize(
    ("text", "plain"),
    [("Évrard-Nœud  Zoé", "evrard-noeud zoe"), ("L’ÎLE", "l'ile"), ("E\u0301mile", "emile"), ("Łukasz Strauß", "lukasz strauss"), ("Gül Işık", "gul isik")],
)
def test_a_name_is_found_without_its_accents_ligatures_and_capitals(text, plain):
    assert fold(text) == plain
