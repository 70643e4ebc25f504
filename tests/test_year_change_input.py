"""What the pages of the change of school year carry along is read strictly, whoever wrote it."""

import html
import re

from conftest import rows
from hands import send, token, words
from sqlalchemy import select

from models.school import Level

PAGE = "/admin/school_year/change_year/"

TAMPERED = (
    f'"levels": {{"1": "{"9" * 5000}"}}',
    '"programmes": {"1": "²"}',
    f'"classes": {{"{"9" * 5000}": "5A"}}',
    '"leaving": [Infinity]',
    '"leaving": [1, true]',
    f'"leaving": [{10**25}]',
    '"name": "\\ud800"',
    '"name": "a\\u0000"',
    '"name": 7',
    '"ends_on": "x"',
    '"levels": []',
)


def test_what_the_page_carries_is_read_strictly(as_):
    good = (
        '"name": "2040-2041", "begins_on": "2040-09-01", "ends_on": "2041-08-31", "levels": {}, "classes": {}, "programmes": {}, "leaving": [], "repeating": []'
    )
    browser = as_("acc")
    csrf = token(browser.get("/account").text)
    for place, part in enumerate(TAMPERED):
        more = ({"step": "check", "_back": "1"}, {"step": "check", "digest": "x"}, {"step": "places"})[place % 3]
        answer = browser.post(PAGE, data={"csrf_token": csrf, "choices": f"{{{good}, {part}}}", **more})
        assert answer.status_code == 400, part[:30]
        assert "recommencez le changement d’année scolaire." in words(answer)


def test_a_level_that_is_no_number_is_refused_with_a_sentence(app, as_, schools):
    with rows(app) as session:
        level = session.scalar(select(Level.id).where(Level.school_id == schools[0]))
    browser = as_("acc")
    page = send(browser, PAGE, "/account", step="year", name="2040-2041", begins_on="2040-09-01", ends_on="2041-08-31")
    kept = html.unescape(re.search(r'name="choices" value="([^"]*)"', page.text)[1])
    for field in (f"level_{level}", "programme_1"):
        answer = send(browser, PAGE, "/account", step="places", choices=kept, **{field: "9" * 5000})
        assert answer.status_code == 422
        assert "recommencez le changement d’année scolaire." in words(answer)
