"""The registrar keeps the school's own fields of the studies, and of nothing else."""

import re

from hands import do, send
from test_custom_screens import NEW, add, field_of


def test_the_registrar_keeps_the_fields_of_the_studies_only(as_, app, schools):
    locker, unit = add(app, schools[0], "Casier", "text"), add(app, schools[0], "Salle", "text", table="course")
    browser = as_("registrar")
    page = browser.get("/admin/custom_field/").text
    assert "Salle" in page
    assert "Casier" not in page
    assert "Casier" in as_("head").get("/admin/custom_field/").text
    for address in ("details", "edit"):
        assert browser.get(f"/admin/custom_field/{address}/?id={locker}").status_code == 404
        assert browser.get(f"/admin/custom_field/{address}/?id={unit}").status_code == 200
    offered = re.search(r'<select[^>]*name="table_name".*?</select>', browser.get(NEW).text, re.S)[0]
    assert 'value="course"' in offered
    assert 'value="student"' not in offered
    typed = {"label": "Cote", "kind": "text", "in_form": "y"}
    assert send(browser, NEW, page="/account", table_name="student", **typed).status_code == 422
    assert send(browser, NEW, page="/account", table_name="course", **typed).status_code == 302
    assert send(browser, "/admin/custom_field/action/", page="/account", action="retire", rowid=locker).status_code == 404
    do(browser, "custom_field", "retire", unit)
    assert field_of(app, unit).retired
    assert not field_of(app, locker).retired
