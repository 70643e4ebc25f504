"""The change of school year: proposals, the numbers before, the write, its refusals and its undo."""

import datetime as dt
import re

import pytest
from conftest import counted, rows
from hands import send, token, words
from sqlalchemy import func, select

from jobs.runner import run_pending
from models.base import Refusal
from models.changes import JournalChange
from models.db import db
from models.people import Group, GroupCategory, Student, StudentStatus
from models.school import Country, Level, School
from models.school_year import SchoolYear, current_year
from models.scope import Actor, Scope, acting
from models.studies import Programme
from models.year_change import Choices, change_year
from models.year_proposals import LEAVE, STAY, classes_of, next_year, programmes_of, propose_class, propose_levels, taught

OLD = (dt.date(2025, 9, 1), dt.date(2026, 8, 31))
NEW = (dt.date(2026, 9, 1), dt.date(2027, 8, 31))
ACC = Actor(name="acc", roles=frozenset({"acc"}))


@pytest.fixture
def school(app, schools):
    """The first school, whose current year is 2025-2026; the block acts there."""
    with rows(app) as session:
        for year in session.scalars(select(SchoolYear).where(SchoolYear.school_id == schools[0])).all():
            session.delete(year)
        session.flush()
        session.add(SchoolYear(school_id=schools[0], name="2025-2026", begins_on=OLD[0], ends_on=OLD[1], current=True))
    return schools[0]


@pytest.fixture
def inside(app, school):
    """A session that acts as the site administrator of the first school."""
    with app.test_request_context(), acting(ACC, Scope(school), "a-change"):
        yield db.session
        db.session.rollback()


def proposed(session, **more):
    """What the pages propose, unless a test says otherwise."""
    levels = taught(session)
    following = propose_levels(levels, Country.FR)
    known = {level.id: level for level in levels}
    classes = {g.id: propose_class(g.name, known.get(level), following.get(level, STAY), known) for g, n, level in classes_of(session) if n}
    programmes = {one.id: to for one, _n, to in programmes_of(session, following, known)}
    return Choices("2026-2027", *NEW, **{"levels": following, "classes": classes, "programmes": programmes, **more})


def by_level(session, school):
    """Level -> active students."""
    counted_ = select(Level.name, func.count()).join(Student, Student.level_id == Level.id).where(Level.school_id == school)
    return dict(session.execute(counted_.where(Student.status == StudentStatus.active).group_by(Level.name)).all())


@pytest.mark.parametrize(
    ("name", "level", "after", "wanted"),
    [
        ("6e Bleue", "6e", "5e", "5e Bleue"),
        ("6A", "6e", "5e", "5A"),
        ("601", "6e", "5e", "501"),
        ("Les Lilas", "6e", "5e", "Les Lilas"),
        ("3e A", "3e", None, ""),
    ],
)
def test_the_class_that_follows_is_proposed_by_its_name(name, level, after, wanted):
    levels = {1: Level(id=1, name=level, rank=1), **({2: Level(id=2, name=after, rank=2)} if after else {})}
    assert propose_class(name, levels[1], "2" if after else LEAVE, levels) == wanted


def test_levels_follow_by_rank_the_last_leaves_and_programmes_stay():
    years = [Level(id=n, name=name, rank=n) for n, name in enumerate(("6e", "5e", "4e", "3e"), 1)]
    assert propose_levels(years, Country.FR) == {1: "2", 2: "3", 3: "4", 4: LEAVE}
    assert propose_levels([Level(id=1, name="Soins infirmiers", rank=1), Level(id=2, name="Informatique", rank=2)], Country.CA) == {1: STAY, 2: STAY}


def test_a_programme_that_several_levels_follow_stays(inside):
    one = inside.scalar(select(Student).join(Level).where(Level.name == "4e", Student.status == StudentStatus.active))
    one.programme_id = inside.scalar(select(Programme.id).where(Programme.short_title == "6EME"))
    inside.flush()
    levels = {level.id: level for level in taught(inside)}
    said = {str(p): to for p, _n, to in programmes_of(inside, propose_levels(list(levels.values()), Country.FR), levels)}
    assert said["6EME"] == STAY
    assert said["5EME"] == str(inside.scalar(select(Programme.id).where(Programme.short_title == "4EME")))


def test_a_dry_run_tells_exact_numbers_and_writes_nothing(inside, school):
    before = by_level(inside, school)
    lost = inside.scalar(select(Student).where(Student.status == StudentStatus.active, Student.level_id.is_not(None)))
    lost.level_id = lost.homeroom_id = None
    inside.flush()
    plan = change_year(inside, proposed(inside))
    assert (plan.without_level, plan.without_class) == (1, 1)
    assert plan.active == sum(before.values())
    assert plan.leaving == by_level(inside, school)["3e"]
    assert plan.by_level["6e", "5e"] == by_level(inside, school)["6e"]
    assert plan.must_type is (plan.leaving > plan.active / 5)
    assert inside.scalar(select(SchoolYear.name).where(SchoolYear.current)) == "2025-2026"


def test_the_change_moves_levels_and_classes_and_those_who_leave_leave_on_the_last_day(inside, school):
    before = by_level(inside, school)
    choices = proposed(inside)
    homes = dict(inside.execute(select(Student.id, Group.name).join(Group, Student.homeroom_id == Group.id)).all())
    leavers = set(inside.scalars(select(Student.id).join(Level).where(Level.name == "3e", Student.status == StudentStatus.active)))
    plan = change_year(inside, choices, dry_run=False, digest=change_year(inside, choices).digest)
    after = by_level(inside, school)
    assert (after["5e"], after["4e"], after["3e"]) == (before["6e"], before["5e"], before["4e"])
    assert "6e" not in after
    left = inside.scalars(select(Student).where(Student.id.in_(leavers))).all()
    assert {(s.status, s.left_on, s.level.name) for s in left} == {(StudentStatus.left, OLD[1], "3e")}
    moved = dict(inside.execute(select(Student.id, Group.name).join(Group, Student.homeroom_id == Group.id)).all())
    assert plan.by_programme["6EME", "5EME"] == before["6e"]
    assert set(inside.scalars(select(Programme.short_title).join(Student).join(Level, Student.level_id == Level.id).where(Level.name == "5e"))) == {"5EME"}
    assert all(moved[i] == name.replace("6e", "5e") for i, name in homes.items() if name.startswith("6e"))
    year = inside.scalar(select(SchoolYear).where(SchoolYear.current))
    assert (year.name, year.begins_on, inside.scalar(select(func.count()).select_from(SchoolYear).where(SchoolYear.current))) == ("2026-2027", NEW[0], 1)
    assert plan.leaving == len(leavers)


def test_whoever_repeats_keeps_the_level_and_waits_for_a_class_and_whoever_is_listed_leaves(inside):
    first, second, third = inside.scalars(select(Student).join(Level).where(Level.name == "6e", Student.status == StudentStatus.active).limit(3)).all()
    level, klass = first.level_id, third.homeroom_id
    choices = proposed(inside, repeating=(first.id,), leaving=(second.id,))
    change_year(inside, choices, dry_run=False, digest=change_year(inside, choices).digest)
    inside.expire_all()
    assert (first.level_id, first.homeroom_id, second.status, third.homeroom_id != klass) == (level, None, StudentStatus.left, True)


def test_a_new_class_is_made_once_and_a_class_may_be_emptied_or_kept(inside):
    (one, _n, _level), (two, *_rest), (three, *_more) = [row for row in classes_of(inside) if row[1]][:3]
    choices = proposed(inside, classes={one.id: "Classe  Neuve", two.id: "classe neuve", three.id: ""})
    plan = change_year(inside, choices)
    assert plan.new_classes == ["Classe Neuve"]
    change_year(inside, choices, dry_run=False, digest=plan.digest)
    made = inside.scalar(select(Group).where(Group.name == "Classe Neuve"))
    assert made.category is GroupCategory.klass
    active = select(func.count()).select_from(Student).where(Student.status == StudentStatus.active)
    assert inside.scalar(active.where(Student.homeroom_id == three.id)) == 0


def test_a_class_to_which_nobody_goes_is_not_made(inside):
    third = inside.scalar(select(Level.id).where(Level.name == "3e"))
    leaving = {g.id: "Classe Fantôme" for g, n, level in classes_of(inside) if n and level == third}
    plan = change_year(inside, proposed(inside, classes=leaving))
    assert (len(leaving) > 0, plan.new_classes) == (True, [])


@pytest.mark.parametrize("what", ["level", "class", "status", "year"])
def test_what_was_changed_since_the_numbers_were_read_stops_the_write(inside, what):
    choices = proposed(inside)
    digest = change_year(inside, choices).digest
    student = inside.scalar(select(Student).where(Student.status == StudentStatus.active, Student.level_id.is_not(None)))
    if what == "level":
        student.level_id = inside.scalar(select(Level.id).where(Level.id != student.level_id))
    elif what == "class":
        student.homeroom_id = None
    elif what == "status":
        student.deactivate(OLD[1])
    else:
        change_year(inside, choices, dry_run=False, digest=digest)
    inside.flush()
    with pytest.raises(Refusal):
        change_year(inside, choices, dry_run=False, digest=digest)


@pytest.mark.parametrize(
    "days", [(dt.date(2026, 8, 1), dt.date(2027, 7, 1)), (dt.date(2026, 9, 1), dt.date(2026, 9, 30)), (dt.date(2024, 9, 1), dt.date(2025, 8, 31))]
)
def test_a_year_that_overlaps_is_too_short_or_is_past_is_refused(inside, days):
    with pytest.raises(Refusal):
        change_year(inside, Choices("2026-2027", *days))


def test_a_name_of_a_group_that_is_no_class_is_refused_with_the_class(inside):
    other = inside.scalar(select(Group).where(Group.category != GroupCategory.klass))
    klass = next(g for g, n, _level in classes_of(inside) if n)
    with pytest.raises(Refusal) as refused:
        change_year(inside, proposed(inside, classes={klass.id: other.name}))
    assert klass.name in refused.value.sentence


def test_two_thousand_students_take_a_bounded_number_of_statements(inside, school, app):
    level = inside.scalar(select(Level.id).where(Level.name == "6e"))
    klass = inside.scalar(select(Group.id).where(Group.category == GroupCategory.klass, Group.name.like("6e%")))
    names = {"family_name": "Nombreux", "given_name": "Un", "search_key": "nombreux", "status": StudentStatus.active}
    from sqlalchemy import insert

    inside.execute(insert(Student), [{**names, "school_id": school, "level_id": level, "homeroom_id": klass} for _n in range(2_000)])
    choices = proposed(inside)
    digest = change_year(inside, choices).digest
    with counted(app) as statements:
        change_year(inside, choices, dry_run=False, digest=digest)
    assert len(statements) < 90
    assert inside.scalar(select(func.count()).select_from(JournalChange).where(JournalChange.batch == "a-change", JournalChange.field == "level_id")) >= 2_000


# -- through the door


def choices_in(text):
    """What the page carries."""
    import html

    return html.unescape(re.search(r'name="choices" value="([^"]*)"', text)[1])


def fields_of(text):
    """Selects and inputs of the step of levels and classes, as they stand."""
    found = {m[1]: m[2] for m in re.finditer(r'<input[^>]*name="(class_\d+)" value="([^"]*)"', text)}
    for name, inner in re.findall(r'<select[^>]*name="((?:level|programme)_\d+)">(.*?)</select>', text, re.S):
        found[name] = re.search(r'value="([^"]*)" selected', inner)[1]
    return found


def walk(browser, **more):
    """To the numbers: the page of the last step."""
    url = "/admin/school_year/change_year/"
    first = browser.get(url)
    second = browser.post(url, data={"csrf_token": token(first.text), "step": "year", "name": "2026-2027", "begins_on": "2026-09-01", "ends_on": "2027-08-31"})
    assert second.status_code == 200
    assert f'action="{url}"' in second.text
    data = {"csrf_token": token(second.text), "step": "places", "choices": choices_in(second.text), **fields_of(second.text), **more}
    return browser.post(url, data=data)


def confirm(browser, page, **more):
    """The last button."""
    digest = re.search(r'name="digest" value="(\w+)"', page.text)[1]
    return send(browser, "/admin/school_year/change_year/", "/account", step="check", choices=choices_in(page.text), digest=digest, **more)


def run_jobs(app):
    run_pending(app)


def test_the_whole_story_from_the_page_to_the_undo(app, as_, school):
    browser = as_("acc")
    page = walk(browser)
    assert "2026-2027" in words(page)
    with rows(app) as session:
        before = by_level(session, school)
        states = dict(session.execute(select(Student.id, Student.level_id).where(Student.school_id == school)).all())
    asked = re.search(r"nombre de départs : (\d+)", words(page))
    refused = confirm(browser, page, typed="0") if asked else None
    assert refused is None or refused.status_code == 422
    done = confirm(browser, page, typed=asked[1] if asked else "")
    assert done.status_code == 303
    again = confirm(browser, page, typed=asked[1] if asked else "")
    assert again.headers["Location"] == done.headers["Location"]  # a second click
    run_jobs(app)
    result = browser.get(done.headers["Location"])
    assert "L’année scolaire en cours est 2026-2027" in words(result)
    with rows(app) as session:
        assert by_level(session, school)["5e"] == before["6e"]
        kept = session.scalar(select(Student).where(Student.school_id == school, Student.status == StudentStatus.active, Student.level_id.is_not(None)))
        kept.level_id, number = None, kept.id
    late = confirm(browser, page, typed=asked[1] if asked else "")
    assert late.status_code in (303, 409)
    undo = re.search(r'href="(/admin/journal_event/undo[^"]*)"', result.text)[1].replace("&amp;", "&")
    question = browser.get(undo)
    assert question.status_code == 200
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', question.text))
    answer = browser.post(undo, data=fields)
    run_jobs(app)
    assert answer.status_code in (200, 303)
    with rows(app) as session:
        after = dict(session.execute(select(Student.id, Student.level_id).where(Student.school_id == school)).all())
        assert {i for i in states if states[i] != after[i]} == {number}
        assert session.scalars(select(SchoolYear.name).where(SchoolYear.school_id == school)).all() == ["2025-2026"]
        assert session.scalar(select(SchoolYear.current).where(SchoolYear.school_id == school))


@pytest.mark.parametrize(("day", "early"), [(dt.date(2026, 6, 1), True), (dt.date(2026, 8, 20), False)])
def test_a_year_that_is_far_from_its_end_is_told(as_, school, monkeypatch, day, early):
    monkeypatch.setattr("views.year_change.today", lambda _zone: day)
    assert ("ne finit que le 31/08/2026" in words(walk(as_("acc")))) is early


def test_a_page_that_was_tampered_with_is_a_bad_request(as_, school):
    browser = as_("acc")
    assert send(browser, "/admin/school_year/change_year/", "/account", step="check", choices="{}", digest="x").status_code == 400
    assert send(browser, "/admin/school_year/change_year/", "/account", step="elsewhere").status_code == 400


def test_the_first_year_that_covers_today_is_current_and_two_never_overlap(app, schools, monkeypatch):
    monkeypatch.setattr("models.school_year.today", lambda _zone: dt.date(2026, 10, 1))
    with rows(app) as session:
        for year in session.scalars(select(SchoolYear).where(SchoolYear.school_id == schools[0])).all():
            session.delete(year)
    with app.test_request_context(), acting(ACC, Scope(schools[0]), "b"):
        first = SchoolYear(name="2026-2027", begins_on=NEW[0], ends_on=NEW[1])
        first.settle(db.session)
        db.session.add(first)
        db.session.flush()
        assert first.current
        with pytest.raises(Refusal):
            SchoolYear(name="2027", begins_on=dt.date(2027, 8, 1), ends_on=dt.date(2028, 7, 1)).settle(db.session)
        db.session.rollback()


def test_the_notice_stands_a_month_before_the_end_for_whom_may(app, as_, school, monkeypatch):
    monkeypatch.setattr("views.todos.today", lambda _zone: dt.date(2026, 8, 1))
    assert "L’année scolaire se termine" in words(as_("acc").get("/admin/"))
    assert "L’année scolaire se termine" not in words(as_("ac").get("/admin/"))
    monkeypatch.setattr("views.todos.today", lambda _zone: dt.date(2026, 7, 31))
    assert "L’année scolaire se termine" not in words(as_("acc").get("/admin/"))


def test_papers_follow_the_current_school_year(app, school):
    from models.year_proposals import year_ending

    with app.test_request_context(), acting(ACC, Scope(school), "c"):
        assert year_ending(db.session, db.session.get_one(School, school)).start == 2025


# -- promoting some students


def test_promoting_empties_the_class_unless_it_is_kept_and_can_be_undone(app, as_, school):
    browser = as_("acc")
    with rows(app) as session:
        wanted = select(Student).join(Level, Student.level_id == Level.id).where(Level.school_id == school, Level.name == "6e")
        first, second = session.scalars(wanted.where(Student.status == StudentStatus.active, Student.homeroom_id.is_not(None)).limit(2)).all()
        level = session.scalar(select(Level.id).where(Level.school_id == school, Level.name == "5e"))
        ids, home = [first.id, second.id], first.homeroom_id
    question = send(browser, "/admin/student/action/", "/account", action="promote", rowid=ids)
    assert "2 élèves choisis" in words(question)
    answers = {"action": "promote", "_asked": "1", "level": str(level)}
    assert send(browser, "/admin/student/action/", "/account", rowid=ids[:1], leave_class="y", **answers).status_code == 303
    assert send(browser, "/admin/student/action/", "/account", rowid=ids[1:], **answers).status_code == 303
    with rows(app) as session:
        one, two = (session.get_one(Student, i) for i in ids)
        assert (one.level_id, one.homeroom_id, two.level_id, two.homeroom_id is None) == (level, None, level, False)
        batch = session.scalar(select(JournalChange.batch).where(JournalChange.row_id == ids[0], JournalChange.field == "homeroom_id"))
    page = browser.get(f"/admin/journal_event/undo?batch={batch}")
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    assert browser.post(f"/admin/journal_event/undo?batch={batch}", data=fields).status_code in (200, 303)
    with rows(app) as session:
        assert session.get_one(Student, ids[0]).homeroom_id == home


def test_who_has_left_is_not_promoted_and_nobody_to_a_level_that_is_not_offered():
    level = Level(id=2, name="5e", rank=2)
    with pytest.raises(Refusal):
        Student(family_name="A", given_name="B", status=StudentStatus.left).promote(level)
    level.retire()
    with pytest.raises(Refusal):
        Student(family_name="A", given_name="B", status=StudentStatus.active).promote(level)


def test_a_change_that_breaks_in_the_middle_leaves_nothing(app, as_, school, monkeypatch):
    from models import year_change

    browser = as_("acc")
    page = walk(browser)
    asked = re.search(r"nombre de départs : (\d+)", words(page))
    calls = []

    def breaking(*args, real=year_change._write):
        calls.append(args)
        if len(calls) % 3 == 0:
            raise RuntimeError("the machine stopped")
        return real(*args)

    monkeypatch.setattr(year_change, "_write", breaking)
    with rows(app) as session:
        before = session.execute(select(Student.id, Student.level_id, Student.status, Student.version).order_by(Student.id)).all()
    confirm(browser, page, typed=asked[1] if asked else "")
    run_pending(app)
    with rows(app) as session:
        assert session.execute(select(Student.id, Student.level_id, Student.status, Student.version).order_by(Student.id)).all() == before
        assert session.scalars(select(SchoolYear.name).where(SchoolYear.school_id == school)).all() == ["2025-2026"]
    assert calls


def test_the_year_that_is_proposed_follows_the_current_one_also_when_a_far_one_is_recorded(inside, school):
    row, now = inside.get_one(School, school), current_year(inside)
    inside.add(SchoolYear(school_id=school, name="2040-2041", begins_on=dt.date(2040, 9, 1), ends_on=dt.date(2041, 8, 31)))
    inside.flush()
    assert next_year(inside, row, now).name == "2026-2027"
    inside.add(SchoolYear(school_id=school, name="An suivant", begins_on=dt.date(2026, 9, 2), ends_on=dt.date(2027, 8, 30)))
    inside.flush()
    assert next_year(inside, row, now).name == "An suivant"
