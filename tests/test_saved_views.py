"""Saved views: a list's own address under a name, as tabs; whose they are, what they keep, what they leave out."""

import html
import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from conftest import counted, rows
from hands import send, user_of, words
from sqlalchemy import select

from models.custom import CustomField
from models.people import Student
from models.saved_view import MOST_VIEWS, SavedView, may_share
from models.school import Level

LIST, VIEWS = "/admin/student/", "/admin/student/views/"
QUERY = "search=a&flt3_level.Row={level}&flt7_identified.Clause=1&sort=4&desc=1&page=2&page_size=50&cols=name,born_on&url=/admin/&saved=9"


@pytest.fixture
def level(app, schools):
    """A level of the first school."""
    with rows(app) as session:
        return session.scalar(select(Level.id).where(Level.school_id == schools[0]))


def save(browser, name="Sans classe", query="search=a", **more):
    """Save a view of the students' list."""
    return send(browser, VIEWS, page=LIST + "?saved=0", do="save", name=name, query=query, **more)


def change(browser, deed, number, address=VIEWS, **more):
    """Do something to a view."""
    return send(browser, address, page=LIST + "?saved=0", do=deed, id=number, **more)


def made(app, who="ac", name="Sans classe", query="search=a", table="student", shared=False, is_default=False, school=None):
    """The identifier of a view of somebody."""
    owner = user_of(app, who)
    with rows(app) as session:
        school = school or session.scalar(select(Student.school_id).order_by(Student.id))
        view = SavedView(school_id=school, owner_id=owner, table_name=table, name=name, query=query, shared=shared, is_default=is_default)
        session.add(view)
        session.flush()
        return view.id


def view_of(app, number):
    """(name, query, shared, is_default), or None."""
    with rows(app) as session:
        view = session.get(SavedView, number)
        return view and (view.name, view.query, view.shared, view.is_default)


def tabs(answer):
    """{words: (address, current)} of the tabs above a list that lead to the list."""
    found = re.search(r'<nav class="views".*?</nav>', answer.text, re.S)
    cells = re.findall(r'<a href="([^"]*)"( aria-current="page")?>(.*?)</a>', found[0] if found else "", re.S)
    found = {" ".join(re.sub(r"<[^>]+>", " ", label).split()): (html.unescape(to), bool(mark)) for to, mark, label in cells}
    return {name: tab for name, tab in found.items() if re.fullmatch(r"/admin/\w+/(\?.*)?", tab[0])}


def test_a_view_keeps_search_filters_order_size_and_columns_and_nothing_else(as_, app, level):
    answer = save(as_("ac"), "6e nés tard", QUERY.format(level=level))
    assert answer.status_code == 303
    with rows(app) as session:
        view = session.scalar(select(SavedView))
        assert (view.owner_id, view.table_name, view.shared, view.is_default) == (user_of(app, "ac"), "student", False, False)
        assert dict(parse_qsl(view.query)) == {
            "flt0_level.Row": str(level),
            "flt1_identified.Clause": "1",
            "cols": "name,born_on",
            "desc": "1",
            "page_size": "50",
            "search": "a",
            "sort": "born_on",
        }


def test_a_saved_view_is_a_tab_that_opens_the_list_as_it_was(as_, app, level):
    browser = as_("ac")
    save(browser, "6e nés tard", QUERY.format(level=level))
    shown = tabs(browser.get(LIST))
    assert list(shown)[-1] == "6e nés tard"
    address, current = shown["6e nés tard"]
    assert not current
    args = dict(parse_qsl(urlsplit(address).query))
    assert (args["sort"], args["desc"], args["cols"], args["search"]) == ("4", "1", "name,born_on", "a")
    opened = browser.get(address)
    assert [name for name, (_to, here) in tabs(opened).items() if here] == ["6e nés tard"]
    assert 'aria-sort="descending"' in opened.text
    assert "Enregistrer les changements" not in words(opened)
    assert browser.get(f"{LIST}?saved={args['saved']}").headers["Location"] == address  # what one sends to a colleague


def test_a_screen_without_tabs_of_its_own_gets_the_way_back_to_the_whole_list(as_, app):
    made(app, table="guardian", name="Sans téléphone")
    shown = tabs(as_("ac").get("/admin/guardian/"))
    assert list(shown) == ["Toute la liste", "Sans téléphone"]
    assert shown["Toute la liste"] == ("/admin/guardian/", True)


@pytest.mark.parametrize(
    ("name", "told"),
    [("", "un champ est à corriger"), ("   ", "pas de nom"), ("x" * 61, "60"), ("Sans classe", "Choisissez un autre nom"), ("SANS CLASSE", "déjà une vue")],
)
def test_a_bad_name_is_422_and_keeps_what_was_chosen(as_, app, name, told):
    browser = as_("ac")
    made(app)
    answer = save(browser, name, "search=b", is_default="y")
    assert answer.status_code == 422
    assert told in words(answer)
    assert 'name="query" value="search=b"' in answer.text
    assert re.search(r'name="is_default"[^>]*checked|checked[^>]*name="is_default"', answer.text)
    with rows(app) as session:
        assert len(session.scalars(select(SavedView)).all()) == 1


def test_thirty_views_of_a_list_are_enough(as_, app):
    for number in range(MOST_VIEWS):
        made(app, name=f"Vue {number}")
    answer = save(as_("ac"), "De trop")
    assert answer.status_code == 422
    assert "Supprimez-en une" in words(answer)
    assert save(as_("acc"), "À une autre personne").status_code == 303


def test_a_list_opens_with_the_default_view_and_there_is_a_way_back(as_, app):
    browser = as_("ac")
    assert save(browser, "Les A", "search=a&flt0_status.Is=all", is_default="y").status_code == 303
    with rows(app) as session:
        number = session.scalar(select(SavedView.id))
    opened = browser.get(LIST)
    assert opened.status_code == 302
    assert opened.headers["Location"].endswith(f"&saved={number}")
    page = browser.get(opened.headers["Location"])
    shown = tabs(page)
    assert shown["Les A"][1]
    back = next(to for name, (to, _here) in shown.items() if name.startswith("Actifs"))
    assert back == LIST + "?saved=0"
    assert browser.get(back).status_code == 200
    assert as_("acc").get(LIST).status_code == 200  # nobody else's list
    save(browser, "Les B", "search=b", is_default="y")
    with rows(app) as session:
        assert session.scalars(select(SavedView.name).where(SavedView.is_default)).all() == ["Les B"]


def test_a_default_view_of_the_whole_list_does_not_turn_in_circles(as_, app):
    made(app, query="", is_default=True)
    assert as_("ac").get(LIST).status_code == 200


def test_a_view_is_renamed_overwritten_made_default_and_deleted_by_its_owner(as_, app):
    browser, number = as_("ac"), made(app)
    assert change(browser, "rename", number, name="Sans classe ni niveau").status_code == 303
    assert change(browser, "overwrite", number, query="search=zo&saved=3&page=1").status_code == 303
    assert change(browser, "default", number).status_code == 303
    assert change(browser, "share", number).status_code == 303
    assert view_of(app, number) == ("Sans classe ni niveau", "search=zo", True, True)
    assert change(browser, "not_default", number).status_code == 303
    assert change(browser, "unshare", number).status_code == 303
    assert view_of(app, number) == ("Sans classe ni niveau", "search=zo", False, False)
    made(app, name="Autre")
    refused = change(browser, "rename", number, name="autre")
    assert "déjà une vue" in words(browser.get(refused.headers["Location"]))
    asked = change(browser, "delete", number)
    assert asked.status_code == 200
    assert "Supprimer la vue « Sans classe ni niveau »" in words(asked).replace("\u202f", " ")
    assert view_of(app, number)
    assert change(browser, "delete", number, _asked="1").status_code == 303
    assert view_of(app, number) is None


def test_a_changed_list_offers_to_keep_the_change_in_the_view(as_, app):
    number = made(app, query="search=a&sort=born_on")
    page = as_("ac").get(f"{LIST}?search=zo&saved={number}")
    assert "Enregistrer les changements dans cette vue" in words(page)
    assert 'name="query" value="search=zo"' in page.text


# --- whose


@pytest.mark.parametrize("deed", ["rename", "overwrite", "share", "unshare", "default", "not_default", "delete"])
def test_a_colleague_s_own_view_is_not_there_and_a_shared_one_is_not_theirs(as_, app, deed):
    own, shared = made(app, "acc", "À moi"), made(app, "acc", "À tous", shared=True)
    browser = as_("ac")
    assert change(browser, deed, own, name="Volée", query="search=x", _asked="1").status_code == 404
    assert change(browser, deed, shared, name="Volée", query="search=x", _asked="1").status_code == 403
    assert (view_of(app, own), view_of(app, shared)) == (("À moi", "search=a", False, False), ("À tous", "search=a", True, False))
    seen = tabs(browser.get(LIST))
    assert "À tous" in seen
    assert "À moi" not in seen
    assert browser.get(f"{LIST}?saved={own}").status_code == 404
    assert browser.get(f"{LIST}?saved={shared}").status_code == 302
    assert "Partagée par" in words(browser.get(f"{LIST}?search=a&saved={shared}"))


def test_the_site_administrator_deletes_a_shared_view_and_changes_none(as_, app):
    own, shared = made(app, "ac", "À moi"), made(app, "ac", "À tous", shared=True)
    browser = as_("acc")
    assert change(browser, "rename", shared, name="Autre").status_code == 403
    assert change(browser, "delete", own, _asked="1").status_code == 404
    assert "Vos collègues ne la voient plus" in words(change(browser, "delete", shared))
    assert change(browser, "delete", shared, _asked="1").status_code == 303
    assert (view_of(app, shared), view_of(app, own)[0]) == (None, "À moi")


def test_views_stay_in_their_school_and_on_their_list(as_, app, schools):
    other = made(app, "ac2", shared=True, school=schools[1])
    guardians = made(app, "ac", table="guardian")
    browser = as_("ac")
    assert list(tabs(browser.get(LIST))) == [name for name in tabs(browser.get(LIST)) if name != "Sans classe"]
    assert change(browser, "rename", other, name="x").status_code == 404
    assert change(browser, "rename", guardians, name="x").status_code == 404
    assert change(browser, "rename", guardians, address="/admin/guardian/views/", name="x").status_code == 303
    assert change(browser, "nothing", guardians).status_code == 400
    assert change(browser, "rename", "x").status_code == 400
    assert change(browser, "rename", 10**17).status_code == 404


MAY_SHARE = {"student": "acc ac registrar", "guardian": "acc ac", "group": "acc ac", "level": "acc", "job": "", "custom_field": "acc registrar"}


@pytest.mark.parametrize("role", ["acc", "ac", "ec", "amp", "registrar", "head", "inspector", "guardian", "student"])
def test_sharing_asks_for_the_right_to_change_that_list_in_the_whole_school(role):
    assert {table for table in MAY_SHARE if may_share([role], table)} == {table for table, roles in MAY_SHARE.items() if role in roles.split()}


@pytest.mark.parametrize("who", ["ec", "amp", "inspector"])
def test_who_may_not_share_keeps_views_of_their_own_and_is_offered_no_more(as_, app, who):
    browser = as_(who)
    assert "La partager" not in words(browser.get(LIST))
    assert save(browser, "À moi", "search=a", shared="y").status_code == 303
    with rows(app) as session:
        view = session.scalar(select(SavedView))
        number = view.id
        assert (view.owner_id, view.shared) == (user_of(app, who), False)
    refused = change(browser, "share", number)
    assert "Gardez-la pour vous" in words(browser.get(refused.headers["Location"]))
    assert view_of(app, number)[2] is False


def test_who_does_not_read_a_list_has_no_views_of_it(as_, app):
    browser = as_("inspector")
    assert send(browser, "/admin/guardian/views/", page=LIST, do="save", name="x", query="").status_code == 403
    with rows(app) as session:
        assert session.scalars(select(SavedView)).all() == []


def test_a_shared_view_shows_each_colleague_their_own_rows(as_, app):
    made(app, "ac", "Toutes les fiches", "flt0_status.Is=all&page_size=100", shared=True)
    counts = {}
    for who in ("ac", "ec"):
        browser = as_(who)
        counts[who] = browser.get(tabs(browser.get(LIST))["Toutes les fiches"][0]).text.count('name="rowid"')
    assert 0 < counts["ec"] < counts["ac"]


# --- what no longer exists


def test_a_view_of_a_withdrawn_field_opens_and_says_what_it_leaves_out(as_, app, schools):
    with rows(app) as session:
        session.add(CustomField(school_id=schools[0], table_name="student", label="Ligne de car"))
    number = made(app, query="flt0_extra.ligne_de_car.Extra=12&flt1_status.Is=all&cols=name,extra.ligne_de_car,phone&sort=born_on&search=a")
    browser = as_("ac")
    assert "s’ouvre sans" not in words(browser.get(tabs(browser.get(LIST))["Sans classe"][0]))
    with rows(app) as session:
        session.scalar(select(CustomField)).retire()
    address = tabs(browser.get(LIST))["Sans classe"][0]
    opened = browser.get(address)
    assert opened.status_code == 200
    assert "Cette vue s’ouvre sans Ligne de car." in words(opened)
    assert dict(parse_qsl(urlsplit(address).query)) == {"flt1_status.Is": "all", "cols": "name,phone", "sort": "4", "search": "a", "saved": str(number)}
    assert change(browser, "overwrite", number, query=urlsplit(address).query).status_code == 303
    assert "s’ouvre sans" not in words(browser.get(address))


def test_a_view_of_columns_and_filters_that_never_were_opens_all_the_same(as_, app):
    made(app, query="flt0_gone.Row=3&flt1_level.Row=x&cols=forgotten,name&sort=forgotten&page_size=7&search=a")
    browser = as_("ac")
    opened = browser.get(tabs(browser.get(LIST))["Sans classe"][0])
    assert opened.status_code == 200
    assert "Cette vue s’ouvre sans gone, Niveau, forgotten." in words(opened)


def test_an_unknown_view_in_an_address_is_ignored_calmly(as_):
    browser = as_("ac")
    for given in ("saved=999&search=a", "saved=x&search=a", "saved=&search=a"):
        assert browser.get(f"{LIST}?{given}").status_code == 200
    assert browser.get(f"{LIST}?saved=x").status_code == 404


# --- cost


def test_any_number_of_views_costs_one_query(as_, app):
    browser = as_("ac")
    browser.get(LIST)
    asked = []
    for number in (1, 2, 25):
        while True:
            with rows(app) as session:
                if len(session.scalars(select(SavedView.id)).all()) >= number:
                    break
            made(app, name=f"Vue {number} {len(asked)} {view_count(app)}")
        with counted(app) as seen:
            browser.get(LIST)
        asked.append(len(seen))
        assert sum("saved_view" in statement for statement in seen) == 1
    assert len(set(asked)) == 1


def view_count(app):
    """How many views there are."""
    with rows(app) as session:
        return len(session.scalars(select(SavedView.id)).all())
