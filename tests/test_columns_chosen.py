"""The columns of a list as the person chose them: in the address, kept by its links, followed by the export, at no cost in queries."""

import html
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import counted, rows
from hands import exported, words
from sqlalchemy import select
from test_queries import grow

from models.custom import CustomField
from models.custom_values import FieldKind
from models.people import GuardianLink, Student
from views.base import Screen

LIST = "/admin/student/"


def headings(answer):
    """The headings of a list, in their order, without the ticks and the menu."""
    head = re.search(r"<thead.*?</thead>", answer.text, re.S)[0]
    cells = [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in re.findall(r"<th[^>]*>(.*?)</th>", head, re.S)]
    return [cell.rstrip(" ↑↓") for cell in cells if cell not in ("Sélectionner la page", "Actions")]


def all_of(app, table):
    """Every column that a screen offers, as the address names them."""
    with app.app_context():
        views = {view.endpoint: view for view in app.extensions["admin"][0]._views if isinstance(view, Screen)}
        return ",".join(views[table].own_columns)


def screens_with_lists(app):
    """The endpoints of the screens that show a list of rows."""
    with app.app_context():
        return [view.endpoint for view in app.extensions["admin"][0]._views if isinstance(view, Screen)]


def test_the_list_shows_the_named_columns_in_their_order(as_):
    browser = as_("ac")
    assert headings(browser.get(LIST)) == ["Nom et prénom", "Classe", "Niveau", "Identifiant", "Naissance", "Accès", "Statut"]
    assert headings(browser.get(LIST + "?cols=name,phone,adviser,homeroom_name")) == ["Nom et prénom", "Téléphone", "Conseiller", "Classe"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("phone,password_hash,search_key,school_id,__class__", ["Nom et prénom", "Téléphone"]),
        ("phone,phone,name", ["Téléphone", "Nom et prénom"]),
        ("extra.nothing,level.name,links", ["Nom et prénom", "Classe", "Niveau", "Identifiant", "Naissance", "Accès", "Statut"]),
        (",,%00;' OR 1=1".replace("%00", ""), ["Nom et prénom", "Classe", "Niveau", "Identifiant", "Naissance", "Accès", "Statut"]),
        ("x" * 9000, ["Nom et prénom", "Classe", "Niveau", "Identifiant", "Naissance", "Accès", "Statut"]),
    ],
)
def test_unknown_names_say_nothing_and_the_name_of_the_record_is_always_there(as_, given, shown):
    answer = as_("ac").get(LIST, query_string={"cols": given})
    assert answer.status_code == 200
    assert headings(answer) == shown


def test_every_link_and_form_of_the_list_keeps_them(as_, app):
    chosen = "name,phone,town"
    page = as_("ac").get(LIST, query_string={"cols": chosen, "search": "a", "flt0_identified.Clause": "1", "sort": "0"}).text
    links = {html.unescape(link) for link in re.findall(r'href="(/admin/student/\?[^"]*)"', page)}
    lost = [link for link in links if parse_qs(urlsplit(link).query).get("cols") != [chosen]]
    assert [link for link in lost if "flt0_identified" in link] == [f"{LIST}?search=a&flt0_identified.Clause=1&sort=0"]  # the way back to the usual columns
    assert len(lost) == 1
    assert f"/export/csv/?cols={chosen}&" in page.replace("&amp;", "&").replace("%2C", ",")
    forms = re.findall(r'<form[^>]*method="get" action="/admin/student/".*?</form>', page, re.S)
    assert len(forms) == 2  # searching and filtering
    assert all(f'name="cols" value="{chosen}"' in form for form in forms)


def test_the_menu_ticks_what_is_shown_and_gives_its_address_without_script(as_):
    browser = as_("ac")
    menu = re.search(r'<details class="menu filters columns">.*?</details>', browser.get(LIST + "?search=a&page_size=50").text, re.S)[0]
    assert 'action="/admin/student/columns/"' in menu
    assert re.findall(r'name="col" value="(\w+)" checked', menu) == ["name", "homeroom_name", "level", "national_id", "born_on", "access", "status"]
    assert '<input type="hidden" name="search" value="a">' in menu
    sent = [("search", "a"), ("page_size", "50"), ("page", "3"), ("col", "name"), ("col", "level"), ("col", "phone"), ("col", "town"), ("col", "forged")]
    sent += [("place.name", "1"), ("place.level", "3"), ("place.phone", "2"), ("place.town", ""), ("place.forged", "1")]
    answer = browser.get("/admin/student/columns/", query_string=sent)
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/admin/student/?search=a&page_size=50&cols=name%2Cphone%2Clevel%2Ctown"


@pytest.mark.parametrize("ticked", [[], ["name", "homeroom_name", "level", "national_id", "born_on", "access", "status"], ["forged"]])
def test_the_usual_columns_or_none_leave_the_address_alone(as_, ticked):
    answer = as_("ac").get("/admin/student/columns/", query_string=[("col", name) for name in ticked])
    assert answer.headers["Location"] == LIST


def test_a_column_moved_to_a_taken_place_goes_before_the_one_that_had_it(as_):
    given = ["name", "homeroom_name", "level", "status"]
    places = {"name": "1", "homeroom_name": "2", "level": "3", "status": "2"}
    sent = [*(("col", name) for name in given), *((f"place.{name}", place) for name, place in places.items()), ("cols", ",".join(given))]
    assert as_("ac").get("/admin/student/columns/", query_string=sent).headers["Location"].endswith("cols=name%2Cstatus%2Chomeroom_name%2Clevel")


def test_a_place_of_sorting_means_the_same_column_whichever_are_shown(as_, app):
    browser = as_("ac")
    page = browser.get(LIST + "?cols=name,born_on,phone&sort=4&page_size=100")
    assert re.search(r'aria-sort="ascending"[^<]*<a[^>]*>Naissance', page.text)
    with rows(app) as session:
        days = dict(session.execute(select(Student.id, Student.born_on)).all())
    found = [days[int(value)] for value in re.findall(r'name="rowid" value="(\d+)"', page.text)]
    assert found == sorted(found)
    assert re.search(r'href="[^"]*sort=4[^"]*desc=1[^"]*">Naissance|href="[^"]*desc=1[^"]*sort=4[^"]*">Naissance', page.text)


def test_the_export_has_the_chosen_columns_and_never_a_private_one(as_, app, schools):
    browser = as_("ac")
    assert exported(browser, "/admin/student/export/csv/?cols=name,town,level")[0] == ["Nom et prénom", "Commune", "Niveau"]
    assert "Courriel" not in exported(browser, "/admin/student/export/csv/")[0][:5]
    with rows(app) as session:
        link = session.scalar(select(GuardianLink).where(GuardianLink.school_id == schools[0]))
        link.suspended_reason = "Décision du juge"
    lines = exported(browser, "/admin/guardian_link/export/csv/?cols=student,suspended_reason")
    assert lines[0] == ["Élève"]
    assert "Décision du juge" not in str(lines)
    assert "Décision du juge" not in browser.get("/admin/guardian_link/?cols=student,suspended_reason&page_size=100").text


def test_the_school_s_fields_are_chosen_like_any_column_and_shown_at_once_where_the_school_says_so(as_, app, schools):
    with rows(app) as session:
        for label, in_list in (("Casier", False), ("Car", True)):
            session.add(CustomField(school_id=schools[0], table_name="student", label=label, kind=FieldKind.text, in_list=in_list))
    browser = as_("ac")
    assert headings(browser.get(LIST))[-1] == "Car"
    assert headings(browser.get(LIST + "?cols=extra.casier,name")) == ["Casier", "Nom et prénom"]
    assert 'value="extra.casier">' in browser.get(LIST).text


def test_a_reader_without_the_right_gets_no_columns(as_):
    assert as_("inspector").get("/admin/guardian/columns/?col=name").status_code == 403


def test_who_neither_exports_nor_edits_is_offered_what_the_pages_show(as_):
    browser = as_("inspector")
    assert "Téléphone" not in words(browser.get(LIST))
    assert headings(browser.get(LIST + "?cols=name,phone,address1,born_on")) == ["Nom et prénom", "Naissance"]


def test_every_column_of_every_screen_can_be_shown(as_, app):
    browser = as_("acc")
    for table in screens_with_lists(app):
        chosen = all_of(app, table)
        if chosen:
            answer = browser.get(f"/admin/{table}/?cols={chosen}", follow_redirects=True)
            assert answer.status_code == 200, table


def test_all_columns_together_cost_no_more_queries_for_2000_rows_than_for_20(as_, app, schools):
    browser = as_("acc")
    with rows(app) as session:
        for n in range(5):
            session.add(CustomField(school_id=schools[0], table_name="student", label=f"Champ {n}"))
    addresses = {
        table: f"/admin/{table}/?page_size=20&cols={all_of(app, table)}&search={search}"
        for table, search in (("student", "grandnombre"), ("guardian", "tuteur"), ("guardian_link", "grandnombre"), ("group", ""))
    }
    addresses["student"] = addresses["student"].replace("&search", ",extra.champ_0,extra.champ_1,extra.champ_4&search")
    asked = {}
    for first, size in ((0, 20), (20, 2000)):
        grow(app, schools[0], first, size)
        browser.get(LIST)
        for table, address in addresses.items():
            with counted(app) as seen:
                assert "Foule" in words(browser.get(address))
            asked.setdefault(table, []).append(len(seen))
    assert {table: n for table, n in asked.items() if n[0] != n[1] or n[1] > 10} == {}


def test_a_relation_that_is_not_shown_is_not_joined(as_, app):
    browser = as_("ac")
    browser.get(LIST)
    with counted(app) as seen:
        browser.get(LIST + "?cols=name,phone")
    assert not any("LEFT OUTER JOIN level" in statement for statement in seen)
