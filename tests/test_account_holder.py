"""Who holds the account of a guardian whose record names somebody else: shown where staff look, found by name and e-mail."""

import pytest
from conftest import rows
from hands import words
from sqlalchemy import select

from models.access import User
from models.account_holder import opened_by
from models.people import Guardian, GuardianLink, LinkStatus

OPENED = "Compte ouvert par Zoé Nouvelle (zn@ailleurs.example)"


@pytest.fixture
def taken(app, schools):
    """(guardian, student): a record of the first school whose account somebody else has opened."""
    with rows(app) as session:
        found = (
            select(GuardianLink)
            .join(Guardian)
            .where(GuardianLink.school_id == schools[0], Guardian.user_id.is_(None), GuardianLink.status == LinkStatus.active)
        )
        link = session.scalar(found.order_by(GuardianLink.id).limit(1))
        session.add(user := User(given_name="Zoé", family_name="Nouvelle", email="zn@ailleurs.example"))
        session.flush()
        link.guardian.user_id = user.id
        return link.guardian_id, link.student_id


@pytest.mark.parametrize(("record", "same"), [("Nouvelle Zoé", True), ("zoe NOUVELLE", True), ("Zoé-Nouvelle", True), ("Anne Nouvelle", False), ("", False)])
def test_the_same_name_written_otherwise_is_the_same(app, record, same):
    with app.test_request_context():
        assert (opened_by(record, "Zoé Nouvelle", None) == "") is same


def test_whoever_opened_the_account_stands_beside_the_name_of_the_record(as_, taken):
    browser = as_("ac")
    guardian, student = taken
    for page in (f"guardian/details/?id={guardian}", f"student/details/?id={student}&part=contacts", "access_data/?page_size=100&flt0_state.InAccess=account"):
        assert OPENED in words(browser.get(f"/admin/{page}")), page


@pytest.mark.parametrize("typed", ["zoe nouvelle", "ZOÉ", "zn@ailleurs", "Nouv*"])
def test_staff_find_the_record_by_the_name_or_e_mail_of_the_account(as_, taken, typed):
    page = as_("ac").get("/admin/guardian/", query_string={"search": typed})
    assert OPENED in words(page)


def test_a_search_for_nobody_finds_nobody(as_, taken):
    assert OPENED not in words(as_("ac").get("/admin/guardian/?search=zoe+ancienne"))
