"""Access data: one row for each guardian and child, where each stands, what is done from there."""

import datetime as dt
import re

import pytest
from conftest import counted, rows
from hands import do, scope_of, words
from sqlalchemy import func, select, update

from models.access import LoginEvent, LoginKind, User
from models.access_data import AccessData as Rows
from models.access_data import AccessState, lines, state_of_rows
from models.activation import ActivationCode
from models.people import GuardianLink, LinkStatus, Student, StudentStatus
from tests.small import add_code, add_guardian, add_student

HERE = "/admin/access_data/"
NOW = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)


@pytest.fixture
def family(app, schools):
    """Zoé Zylber and her brother Noé, whom nobody follows: mother with an account, father with a code of his own, uncle suspended, aunt to check."""
    with rows(app) as session:
        from models.school import School

        school = session.get_one(School, schools[0])
        zoe = add_student(session, school, family_name="Zylber", classroom=None)
        noe = add_student(session, school, "Noé", "Zylber", classroom=None)
        mother, father, uncle, aunt = (add_guardian(session, school, given_name=name, family_name="Zylber") for name in ("Mia", "Paul", "Oscar", "Tania"))
        mother.user = User(given_name="Mia", family_name="Zylber", email="mia@exemple.org", email_confirmed_at=NOW)
        statuses = (LinkStatus.active, LinkStatus.active, LinkStatus.suspended, LinkStatus.to_check)
        for adult, status in zip((mother, father, uncle, aunt), statuses, strict=True):
            session.add(GuardianLink(school_id=school.id, student_id=zoe.id, guardian_id=adult.id, status=status))
        code = add_code(session, zoe, father)
        code.printed_at, code.printed_count = NOW, 1
        session.flush()
        session.add(LoginEvent(user_id=mother.user_id, kind=LoginKind.signed_in, at=NOW))
        return {"zoe": zoe.id, "noe": noe.id, "mother": mother.id, "code": code.id}


def listed(page):
    """(guardian, state) of each row of a page, as people read them."""
    body = re.search(r"<tbody.*?</tbody>", page.text, re.S)[0]
    found = []
    for row in re.findall(r"<tr.*?</tr>", body, re.S):
        cells = [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td role=\"cell\"[^>]*>(.*?)</td>", row, re.S)]
        found.append((cells[1], cells[2]))
    return found


def row_ids(app, student_id):
    """guardian's given name (empty without one) -> number of the row."""
    with rows(app) as session:
        found = lines(session, list(session.scalars(select(Rows.id).where(Rows.student_id == student_id))))
        return {row.guardian.given_name if row.guardian else "": row.id for row in found}


def test_each_guardian_stands_once_for_each_child_and_a_child_alone_too(as_, family):
    browser = as_("ac")
    found = listed(browser.get(f"{HERE}?search=zylber"))
    assert sorted(found) == [
        ("Zylber, Mia", "A un compte"),
        ("Zylber, Oscar", "Suspendu"),
        ("Zylber, Paul", "Code utilisable"),
        ("Zylber, Tania", "À vérifier"),
        ("—", "Rien encore"),
    ]
    page = words(browser.get(f"{HERE}?search=zylber&flt0_state.InAccess=account"))
    assert "02/11/2026" in page
    assert "Oui" in page


@pytest.mark.parametrize(("state", "who"), [("account", "Mia"), ("code", "Paul"), ("nothing", "—"), ("to_check", "Tania"), ("suspended", "Oscar")])
def test_the_filter_by_state_says_the_same_as_the_rows(as_, family, state, who):
    ((guardian, _state),) = listed(as_("amp").get(f"{HERE}?search=zylber&flt0_state.InAccess={state}"))
    assert who in guardian


def test_the_tabs_count_what_the_rows_say(app, schools, family):
    with rows(app) as session:
        ids = list(session.scalars(select(Rows.id).where(Rows.school_id == schools[0], Rows.student_status == StudentStatus.active)))
        by_sql = dict(session.execute(select(state_of_rows(), func.count()).where(Rows.id.in_(ids)).group_by(state_of_rows())).all())
        by_row = {}
        for row in lines(session, ids):
            by_row[row.state.name] = by_row.get(row.state.name, 0) + 1
    assert by_sql == by_row
    assert set(by_row) == set(AccessState.__members__)


def test_a_code_for_all_guardians_counts_for_each_of_them_who_has_no_account(app, as_, family):
    with rows(app) as session:
        session.execute(update(ActivationCode).where(ActivationCode.id == family["code"]).values(guardian_id=None))
    found = dict(listed(as_("ac").get(f"{HERE}?search=zylber")))
    assert found["Zylber, Paul"] == "Code utilisable"
    assert found["Zylber, Mia"] == "A un compte"


def test_who_has_left_stands_behind_the_filter(app, as_, family):
    with rows(app) as session:
        session.get(Student, family["noe"]).deactivate()
    browser = as_("ac")
    assert len(listed(browser.get(f"{HERE}?search=zylber"))) == 4
    assert len(listed(browser.get(f"{HERE}?search=zylber&flt0_status.Is=all"))) == 5


def test_a_teacher_sees_the_families_of_their_students_only(app, as_, family):
    _mine, others = scope_of(app, "ec")
    page = as_("ec").get(f"{HERE}?search=zylber")
    assert "Zylber, Mia" not in page.text
    number = row_ids(app, family["zoe"])["Paul"]
    assert do(as_("ec"), "access_data", "generate_codes", number, only_missing="0", quantity="1").status_code == 404
    assert family["zoe"] in others


def test_codes_are_made_from_the_rows_for_their_students(app, as_, family):
    chosen = [row_ids(app, family["noe"])[""], *row_ids(app, family["zoe"]).values()]
    answer = do(as_("amp"), "access_data", "generate_codes", *chosen, only_missing="1", quantity="1")
    assert "/admin/activation_code/letters/" in answer.headers["Location"]
    with rows(app) as session:
        assert session.scalar(select(func.count(ActivationCode.id)).where(ActivationCode.student_id == family["noe"])) == 1
        assert session.scalar(select(func.count(ActivationCode.id)).where(ActivationCode.student_id == family["zoe"])) == 1


def test_letters_are_printed_from_the_rows_that_have_a_code(app, as_, family):
    numbers = row_ids(app, family["zoe"])
    answer = do(as_("registrar"), "access_data", "print_letters", *numbers.values())
    assert "/admin/job/details/" in answer.headers["Location"]
    from models.work import Job

    with rows(app) as session:
        assert session.scalars(select(Job).order_by(Job.id.desc())).first().params == {"codes": [family["code"]]}


def test_a_reset_letter_goes_to_who_has_an_account_and_is_refused_where_nobody_has(app, as_, family):
    numbers = row_ids(app, family["zoe"])
    from models.work import Job

    assert "/admin/job/details/" in do(as_("ac"), "access_data", "print_reset_letter", numbers["Mia"], numbers["Paul"]).headers["Location"]
    with rows(app) as session:
        assert session.scalars(select(Job).order_by(Job.id.desc())).first().params == {"guardians": [family["mother"]]}
    refused = do(as_("ac"), "access_data", "print_reset_letter", numbers["Paul"])
    assert refused.status_code in (302, 303)
    assert do(as_("amp"), "access_data", "print_reset_letter", numbers["Mia"]).status_code == 403


def test_the_export_says_yes_and_when_and_nothing_more(app, as_, family):
    answer = as_("acc").get(f"{HERE}export/csv/?search=zylber", buffered=True)
    text = answer.get_data().decode("utf-8-sig")
    assert "A un compte" in text
    assert "mia@exemple.org" not in text
    assert as_("amp").get(f"{HERE}export/csv/").status_code == 403


def test_the_inspector_reads_nothing_of_it(as_):
    assert as_("inspector").get(HERE).status_code == 403


def test_the_row_leads_to_the_file_of_the_student(app, as_, family):
    number = row_ids(app, family["noe"])[""]
    assert f"/admin/student/details/?id={family['noe']}" in as_("ac").get(f"{HERE}details/?id={number}").headers["Location"]


def test_the_list_asks_as_much_for_100_rows_as_for_20(app, as_):
    browser = as_("ac")
    browser.get(HERE)
    with counted(app) as few:
        browser.get(f"{HERE}?page_size=20")
    with counted(app) as many:
        browser.get(f"{HERE}?page_size=100")
    assert len(few) == len(many) <= 12
