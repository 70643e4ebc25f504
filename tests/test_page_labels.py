"""Labels of this page: any page lists the texts that it used, and whoever may write labels changes them there."""

import html
import re
from urllib.parse import urlencode

import pytest
from conftest import counted, rows
from sqlalchemy import func, select
from test_labels import write_text
from test_see_as import look

from models.labels import LabelOverride
from models.texts import code_of

ADD = code_of("messages", "", "Add [a student]")
STUDENTS = "/admin/student/"
PROFILE = {"part": "profile", "given_name": "Hélène", "family_name": "Marchand", "language": "fr", "theme": ""}
PAGES = ["/admin/", "/admin/search?q=e", "/admin/import_/new/", "/admin/student/duplicates/", "/admin/right/", "/account", "/admin/label/"]


def token(browser):
    """The CSRF token of this browser."""
    return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/account").text)[1]


def panel(browser, page, **more):
    """The panel of a page, as HTML; the status goes with it."""
    answer = browser.get(f"{page}{'&' if '?' in page else '?'}{urlencode({'labels': '1', **more})}")
    return html.unescape(answer.text.partition('<aside class="labels"')[2].partition("</aside>")[0])


def listed(browser, page, **more):
    """The texts that the panel shows, in its order."""
    return re.findall(r'data-seen="([^"]*)"', panel(browser, page, **more))


def open_text(browser, page, code=ADD):
    """The form of a text in the panel: where it is sent, with what."""
    shown = panel(browser, page, labels_text=code)
    form = re.search(r'<form class="label-edit" method="post" action="([^"]+)"', shown)[1]
    return form, {"csrf_token": token(browser), "marks": re.search(r'name="marks" value="([^"]*)"', shown)[1]}


@pytest.fixture
def acc(as_):
    """The site administrator of the first school."""
    return as_("acc")


# --- what is listed ------------------------------------------------------------------------------------------------------------


def test_a_list_shows_its_title_columns_buttons_messages_and_what_it_gives_to_scripts_then_the_menu(acc):
    found = listed(acc, STUDENTS)
    assert found[0] == "Élèves"
    assert {"Ajouter un élève", "Nom et prénom", "Classe", "Chercher", "Créer des codes", "Enregistrer cette vue"} <= set(found)
    assert found.index("Ajouter un élève") < found.index("Vie scolaire"), "the menu's texts come last"
    assert "Textes de cette page" not in [text for text in found if text.startswith("Fermer les textes")]
    assert "Fermer les textes de cette page" not in found, "the panel does not list its own texts"
    assert len(found) == len(set(re.findall(r'id="label-(\w+)"', panel(acc, STUDENTS))))


def test_plural_forms_contexts_and_the_packages_texts_are_listed_too(acc):
    shown = panel(acc, STUDENTS)
    assert ">… élève · … élèves</a>" in shown
    codes = set(re.findall(r'id="label-(\w+)"', shown))
    assert {code_of("messages", "students", "[student|Active|Active]"), code_of("admin", "", "View Record")} <= codes


@pytest.mark.parametrize(
    "page", ["/admin/", "/admin/search?q=e", "/admin/import_/new/", "/admin/student/duplicates/", "/admin/right/", "/account", "/admin/label/"]
)
def test_every_kind_of_page_has_the_button_and_the_panel(acc, page):
    plain = acc.get(page).text
    address = html.unescape(re.search(r'href="([^"]*labels=1#labels)"', plain)[1])
    assert len(listed(acc, page)) > 15
    assert acc.get(address.partition("#")[0]).text.count('<aside class="labels"') == 1


def test_an_error_page_keeps_its_status_and_lists_its_own_texts_only(acc):
    answer = acc.get("/admin/nowhere?labels=1")
    assert answer.status_code == 404
    shown = answer.text.partition("<aside")[2]
    assert "Page introuvable" in shown
    assert "Pas avec votre rôle" not in shown
    assert acc.get("/admin/student/details/?id=999999&labels=1").status_code == 404


def test_the_page_is_the_same_with_and_without_the_panel(acc):
    def main(text):
        return re.sub(r'(nonce|value)="[^"]{20,}"', "", text.partition("<main")[2].partition("</main>")[0])

    address = f"{STUDENTS}?search=a&page_size=20&sort=0"
    assert main(acc.get(address).text) == main(acc.get(f"{address}&labels=1&labels_search=zz").text) != ""


def test_the_search_narrows_the_panel_without_a_script(acc):
    assert listed(acc, STUDENTS, labels_search="ajouter eleve") == ["Ajouter un élève"]
    assert "Aucun texte de cette page ne dit cela." in panel(acc, STUDENTS, labels_search="zzqx")


# --- changing ------------------------------------------------------------------------------------------------------------------


def test_a_text_is_changed_on_the_page_and_reset_there(app, acc, as_):
    action, data = open_text(acc, f"{STUDENTS}?page_size=20")
    answer = acc.post(action, data={**data, "text_0": "Inscrire [a student]"})
    assert answer.status_code == 303
    back = acc.get(answer.headers["Location"].partition("#")[0]).text
    assert "Inscrire un élève" in back.partition("<aside")[0]
    assert "labels=1" in answer.headers["Location"]
    assert f"#label-{ADD}" in answer.headers["Location"]
    assert "Inscrire un élève" in as_("ac").get(STUDENTS).text
    assert "Inscrire un élève" not in as_("ac2").get(STUDENTS).text
    action, data = open_text(acc, STUDENTS)
    assert acc.post(action, data={**data, "text_0": "x", "_reset": "1"}).status_code == 303
    assert "Ajouter un élève" in acc.get(STUDENTS).text
    with rows(app) as session:
        assert session.scalar(select(func.count(LabelOverride.id))) == 0


def test_the_open_text_shows_its_tokens_what_they_give_its_original_and_where_else_it_stands(acc):
    shown = panel(acc, STUDENTS, labels_text=ADD)
    assert ">Ajouter [a student]</textarea>" in shown
    assert "<p>Ajouter un élève</p>" in shown
    assert re.search(r"<code data-insert>\[to the student\]</code></dt><dd>à l’élève<", shown)
    assert '<dd lang="en">Add [a student]</dd>' in shown
    assert re.search(r'Apparaît sur.*<a href="/admin/student/">Élèves</a>.*Accueil', shown, re.DOTALL)


def test_a_refused_text_is_told_with_what_was_typed_and_the_way_back_to_the_page(acc):
    action, data = open_text(acc, STUDENTS)
    answer = acc.post(action, data={**data, "text_0": "Ajouter %(nom)s"})
    assert answer.status_code == 422
    assert "Ajouter %(nom)s" in answer.text
    assert "/admin/student/?labels=1" in html.unescape(answer.text)


def test_the_texts_of_the_last_message_can_be_changed_on_the_page_that_showed_it(app, acc, schools):
    write_text(acc, "Ajouter un élève", "Un")  # the messages of this screen are not listed
    saved = acc.post("/account", data={"csrf_token": token(acc), **PROFILE})
    assert saved.status_code == 302
    acc.get("/account")
    shown = panel(acc, "/account")
    assert "Dans le dernier message" in shown
    assert re.search(r"Dans le dernier message.*?Votre profil est enregistré", shown, re.DOTALL)


def test_a_page_that_answers_to_a_form_sends_the_list_of_its_texts(acc):
    answer = acc.post("/account", data={"csrf_token": token(acc), **PROFILE, "given_name": ""})
    assert answer.status_code == 422
    codes = re.search(r'name="codes" value="([^"]+)"', answer.text)[1]
    assert '<button class="top-link" type="submit" form="labels-form"' in answer.text
    page = acc.post("/admin/label/page/", data={"csrf_token": token(acc), "codes": f"{codes} nothing"})
    assert page.status_code == 200
    assert code_of("messages", "", "Type a name of at most 100 characters.") in page.text
    assert len(re.findall(r'href="/admin/label/text/', page.text)) > 10


# --- who, and at what cost -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", ["ac", "ec", "registrar", "head", "parent"])
def test_who_may_not_write_labels_sees_no_button_and_is_refused(as_, person):
    browser = as_(person)
    page = "/parent/" if person == "parent" else "/admin/"
    assert "labels=1" not in browser.get(page).text
    assert browser.get(f"{page}?labels=1").status_code == 403
    assert browser.post("/admin/label/page/", data={"csrf_token": token(browser), "codes": ADD}).status_code == 403


def test_a_stranger_is_led_to_the_login_page_and_that_page_has_no_panel(client):
    assert client.get(f"{STUDENTS}?labels=1").status_code == 302
    page = client.get("/login?labels=1")
    assert page.status_code == 200
    assert "<aside" not in page.text


def test_whoever_looks_as_somebody_else_only_reads(app, acc):
    assert look(acc, app).status_code == 303
    assert "labels=1" not in acc.get("/admin/").text
    assert acc.get("/admin/?labels=1").status_code == 403


def test_the_words_of_another_school_are_not_in_the_panel(acc, as_):
    write_text(as_("acc2"), "Add [a student]", "Secret de l’autre")
    assert "Secret de l’autre" not in panel(acc, STUDENTS, labels_text=ADD)


def test_ordinary_pages_ask_nothing_more_and_the_panel_asks_little(app, acc, as_):
    def asked(browser, page):
        browser.get(page)
        with counted(app) as seen:
            browser.get(page)
        return len(seen)

    plain = asked(as_("ac"), STUDENTS)
    assert asked(acc, STUDENTS) <= plain + 1  # (the mails that wait, for whom they are)
    assert asked(acc, f"{STUDENTS}?labels=1") == asked(acc, STUDENTS)
    assert asked(acc, f"{STUDENTS}?labels=1&labels_text={ADD}") == asked(acc, STUDENTS) + 1


def test_texts_are_found_by_the_place_where_they_stand_portals_and_papers_too(acc):
    def found(place, search=""):
        page = acc.get("/admin/label/", query_string={"place": place, "search": search})
        assert page.status_code == 200
        return html.unescape(page.text)

    assert "Ajouter un élève" in found("student", "ajouter un eleve")
    assert "Ajouter un élève" not in found("portal", "ajouter un eleve")
    for place in ("portal", "sign_in", "papers", "models"):
        assert 'href="/admin/label/text/' in found(place)
    assert acc.get("/admin/label/?place=nowhere").status_code == 404
