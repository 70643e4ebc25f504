"""What an address may hold and how much a form may bring, before anybody reads either."""

import io

import pytest
from hands import form, send

PDF = b"%PDF-1.4 "
MEGABYTE = 1024 * 1024


@pytest.mark.parametrize("number", [2**63, 10**30])
def test_no_address_holds_a_number_that_no_row_can_have(app, as_, number):
    rules = [rule for rule in app.url_map.iter_rules() if any(type(c).__mro__[1].__name__ == "IntegerConverter" for c in rule._converters.values())]
    assert {"/parent/messages/<int:message_id>", "/student/messages/<int:message_id>"} <= {rule.rule for rule in rules}
    parent, student = as_("parent"), as_("student")
    for rule in rules:
        browser = student if rule.rule.startswith("/student/") else parent
        address = rule.rule
        for name in rule._converters:
            address = address.replace(f"<int:{name}>", str(number))
        answer = browser.get(address) if "GET" in rule.methods else send(browser, address, page="/account")
        assert answer.status_code == 404, rule.rule


def test_two_files_of_six_megabytes_and_one_of_exactly_ten_go_with_a_message(as_):
    ac = as_("ac")
    for sizes in ((6, 6), (10,)):
        files = [(io.BytesIO(PDF.ljust(size * MEGABYTE, b"x")), f"{number}.pdf") for number, size in enumerate(sizes)]
        answer = form(ac, "/admin/message/new/", subject="Gros fichiers", kind="text", text="Bonjour", to="guardians", scope="all", files=files)
        answer.request.environ["wsgi.input"].close()  # (the client's own file)
        assert answer.status_code == 303, sizes
