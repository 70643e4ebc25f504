"""The school's own fields on the screens: their own page, and everywhere a record is typed, shown, listed, filtered and exported."""

import re

import pytest
from conftest import counted, rows
from hands import do, exported, form, form_of, scope_of, send, words
from sqlalchemy import select

from models.custom import CustomField
from models.custom_values import FieldKind
from models.journal import JournalEvent
from models.people import Group, Guardian, GuardianLink, Student

NEW = "/admin/custom_field/new/"
CHOICES = "Externe\nDemi-pensionnaire\n\nInterne\n"


def add(app, school, label="Régime", kind="choice", table="student", **given):
    """The identifier of a field."""
    with rows(app) as session:
        field = CustomField(school_id=school, table_name=table, label=label, kind=FieldKind[kind], **given)
        if kind == "choice":
            field.offer([("", words, False) for words in CHOICES.split()])
        session.add(field)
        session.flush()
        return field.id


def field_of(app, number):
    """A field as plain values."""
    with rows(app) as session:
        return session.get(CustomField, number).spec


def extra_of(app, student):
    """What the school's fields of a student hold."""
    with rows(app) as session:
        return session.get(Student, student).extra


@pytest.fixture
def fields(app, schools):
    """One field of each type on the first school's students, by type."""
    labels = {
        "text": "Ligne de car",
        "long_text": "Remarques de l’intendance",
        "number": "Quotient familial",
        "date": "Visite médicale",
        "yes_no": "Droit à l’image",
        "choice": "Régime",
    }
    return {kind: add(app, schools[0], label, kind) for kind, label in labels.items()}


FILLED = {
    "extra.ligne_de_car": "12 bis",
    "extra.remarques_de_l_intendance": "Allergie\r\naux noix",
    "extra.quotient_familial": "1 234,5",
    "extra.visite_medicale": "2026-03-14",
    "extra.droit_a_l_image": "1",
    "extra.regime": "demi_pensionnaire",
}
PACKED = {
    "ligne_de_car": "12 bis",
    "remarques_de_l_intendance": "Allergie\naux noix",
    "quotient_familial": "1234.5",
    "visite_medicale": "2026-03-14",
    "droit_a_l_image": True,
    "regime": "demi_pensionnaire",
}


# --- the fields' own screen


def test_a_secretary_adds_a_list_of_choices_after_looking_at_it(as_, app, schools):
    browser = as_("acc")
    typed = {"table_name": "student", "label": "Régime", "help": "Vu par la cantine.", "kind": "choice", "in_form": "y", "in_list": "y", "offered-new": CHOICES}
    looked = send(browser, NEW, page=NEW, **typed, _look="preview")
    assert looked.status_code == 200
    seen = words(looked)
    assert "Ce que l’on verra Régime — Externe Demi-pensionnaire Interne Vu par la cantine." in seen
    with rows(app) as session:
        assert session.scalar(select(CustomField.id)) is None
    assert send(browser, NEW, page=NEW, **typed).status_code == 302
    assert "Régime\u00a0: ajout enregistré." in browser.get("/admin/custom_field/").text
    with rows(app) as session:
        field = session.scalar(select(CustomField))
        assert (field.school_id, field.key, field.in_list, field.in_export) == (schools[0], "regime", True, False)
        assert [choice["key"] for choice in field.choices] == ["externe", "demi_pensionnaire", "interne"]
    listed = words(browser.get("/admin/custom_field/"))
    assert "Régime Élèves Liste de choix Non Formulaire, Liste 0 En service" in listed


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"label": " "}, "n’a pas de nom"),
        ({"label": "Nom"}, "déjà un champ"),
        ({"kind": "choice"}, "au moins un"),
        ({"kind": "choice", "offered-new": "Oui\noui"}, "deux fois"),
        ({"required": "y", "in_form": ""}, "dans le formulaire"),
        ({"table_name": "user"}, "Rien n’est enregistré"),
    ],
)
def test_a_field_that_cannot_be_is_422_and_keeps_what_was_typed(as_, app, typed, told):
    given = {"table_name": "student", "label": "Casier", "help": "Au rez-de-chaussée", "kind": "text", "in_form": "y", **typed}
    answer = send(as_("acc"), NEW, page=NEW, **{name: value for name, value in given.items() if value})
    assert answer.status_code == 422
    assert told in words(answer)
    assert "Au rez-de-chaussée" in answer.text
    with rows(app) as session:
        assert session.scalar(select(CustomField.id)) is None


def test_the_choices_stand_under_the_type_and_their_refusal_leads_to_them(as_):
    browser = as_("acc")
    shown = words(browser.get(NEW))
    assert shown.index("Aide sous le champ") < shown.index("Nouveaux choix") < shown.index("Où il s’affiche")
    answer = send(browser, NEW, page=NEW, table_name="student", label="Régime", kind="choice", in_form="y")
    assert answer.status_code == 422
    assert answer.text.count("en demande au moins un") == 2  # in the summary, and beside the box
    assert 'href="#offered"' in answer.text
    assert re.search(r'<textarea[^>]* id="offered"[^>]* aria-invalid="true" aria-describedby="offered-error">', answer.text)


def test_the_type_no_longer_changes_once_filled_in_and_the_page_says_why(as_, app, schools, a_student):
    number = add(app, schools[0], "Car", "text")
    with rows(app) as session:
        session.get(Student, a_student).extra = {"car": "12"}
    browser, page = as_("acc"), f"/admin/custom_field/edit/?id={number}"
    assert "Rempli sur 1 fiche : le type ne change plus" in words(browser.get(page))
    answer = form(browser, page, label="Car scolaire", kind="number", in_form="y", rank="1")
    assert answer.status_code == 422
    assert "son type ne change plus" in words(answer)
    assert field_of(app, number).label == "Car"
    assert form(browser, page, label="Car scolaire", kind="text", in_form="y", rank="1").status_code == 302
    assert (field_of(app, number).label, field_of(app, number).key) == ("Car scolaire", "car")


def test_choices_are_counted_renamed_put_in_order_and_withdrawn(as_, app, schools, a_student):
    number = add(app, schools[0])
    with rows(app) as session:
        session.get(Student, a_student).extra = {"regime": "interne"}
    browser, page = as_("acc"), f"/admin/custom_field/edit/?id={number}"
    assert re.search(r"Interne.*?<td[^>]*class=\"num\">1</td>", browser.get(page).text, re.S)
    sent = {
        "offered-key": ["externe", "demi_pensionnaire", "interne"],
        "offered-words": ["Externe", "Demi-pensionnaire 4 jours", ""],
        "offered-place": ["9", "1", "2"],
        "offered-new": "Demi-pensionnaire 5 jours",
    }
    assert form(browser, page, label="Régime", kind="choice", in_form="y", rank="1", **sent).status_code == 302
    assert [(o.key, o.label, o.retired) for o in field_of(app, number).options] == [
        ("demi_pensionnaire", "Demi-pensionnaire 4 jours", False),
        ("externe", "Externe", False),
        ("demi_pensionnaire_5_jours", "Demi-pensionnaire 5 jours", False),
        ("interne", "Interne", True),  # emptied, but a student holds it
    ]


def test_the_second_of_two_people_sees_both_lists_of_choices(as_, app, schools):
    number = add(app, schools[0])
    browser, page = as_("acc"), f"/admin/custom_field/edit/?id={number}"
    fields = {name: value for name, value in form_of(browser, page).items() if name in ("csrf_token", "row_version", "rank")}
    with rows(app) as session:
        session.get(CustomField, number).offer([("externe", "Externe", False), ("", "Garderie", False)])
    sent = {**fields, "label": "Régime", "kind": "choice", "offered-key": "interne", "offered-words": "Internat", "offered-place": "1", "offered-new": ""}
    answer = browser.post(page, data=sent)
    assert answer.status_code == 409
    assert "Choix Externe, Garderie Internat" in words(answer)
    assert [option.label for option in field_of(app, number).options] == ["Externe", "Garderie"]


def test_a_field_is_withdrawn_and_comes_back_by_its_verbs(as_, app, schools, fields, a_student):
    browser = as_("acc")
    with rows(app) as session:
        session.get(Student, a_student).extra = PACKED
    record, listed = f"/admin/student/details/?id={a_student}", "/admin/student/?cols=name,extra.ligne_de_car"
    assert do(browser, "custom_field", "retire", fields["text"]).status_code == 303
    assert "Ligne de car : " in words(browser.get("/admin/custom_field/")), "what was done, by its name"
    for page in (record, f"/admin/student/edit/?id={a_student}", listed, "/admin/student/?flt0_extra.ligne_de_car.Extra=12+bis"):
        answer = browser.get(page)
        assert answer.status_code == 200
        assert "Ligne de car" not in words(answer).replace("Ligne de car est", "Ligne de car")
    assert "Ligne de car" not in exported(browser, "/admin/student/export/csv/?cols=name,extra.ligne_de_car")[0]
    assert extra_of(app, a_student) == PACKED
    assert do(browser, "custom_field", "reactivate", fields["text"]).status_code == 303
    assert "Ligne de car 12 bis" in words(browser.get(record))
    assert "Ligne de car" in words(browser.get(listed))


def test_the_counts_of_the_list_cost_one_query_for_each_table(as_, app, schools, fields):
    add(app, schools[0], "Salle", "text", table="group")
    browser = as_("acc")
    browser.get("/admin/custom_field/")
    with counted(app) as seen:
        page = browser.get("/admin/custom_field/?page_size=100")
    assert page.status_code == 200
    assert sum("JSON_EXTRACT" in statement or "->>" in statement for statement in seen) == 2
    assert len(seen) <= 10


# --- on the records


def test_every_type_is_typed_kept_and_shown(as_, app, a_student, fields):
    browser, page = as_("ac"), f"/admin/student/edit/?id={a_student}"
    before = form_of(browser, page)
    answer = browser.post(page, data={**before, **FILLED})
    assert answer.status_code == 302
    assert extra_of(app, a_student) == PACKED
    shown = words(browser.get(f"/admin/student/details/?id={a_student}"))
    for pair in ("Ligne de car 12 bis", "Quotient familial 1234,5", "Visite médicale 14/03/2026", "Droit à l’image Oui", "Régime Demi-pensionnaire"):
        assert pair in shown
    again = form_of(browser, page)
    assert {name: again[name] for name in FILLED if name in again and "remarques" not in name} == {
        **{name: value for name, value in FILLED.items() if "remarques" not in name},
        "extra.quotient_familial": "1234,5",
    }
    with rows(app) as session:
        told = session.scalars(select(JournalEvent.verb).where(JournalEvent.row_id == a_student, JournalEvent.table_name == "student")).all()
    assert told[-1] == "edited"


def test_the_form_has_a_part_for_them_and_marks_what_must_be_filled_in(as_, app, schools, a_student):
    add(app, schools[0], "Casier", "text", required=True, help="Le numéro gravé.")
    add(app, schools[0], "Réservé à l’import", "text", in_form=False)
    page = as_("ac").get("/admin/student/new/").text
    part = page[page.index("Champs de l’établissement") :]
    assert '<label for="extra.casier">Casier <span class="req"' in part
    assert "Le numéro gravé." in part
    assert "Réservé à l’import" not in page


@pytest.mark.parametrize(
    ("name", "typed", "told"),
    [
        ("extra.quotient_familial", "douze", "n’est pas un nombre"),
        ("extra.visite_medicale", "31/02/2026", "n’est pas une date"),
        ("extra.regime", "forgé", "pas un des choix"),
        ("extra.ligne_de_car", "x" * 201, "trop long"),
    ],
)
def test_a_wrong_value_is_422_with_its_reason_and_everything_typed_stays(as_, app, a_student, fields, name, typed, told):
    browser, page = as_("ac"), f"/admin/student/edit/?id={a_student}"
    answer = browser.post(page, data={**form_of(browser, page), **FILLED, "usage_name": "Gardé", name: typed})
    assert answer.status_code == 422
    assert told in words(answer)
    assert 'value="Gardé"' in answer.text
    assert extra_of(app, a_student) == {}


def test_a_required_field_left_empty_is_422(as_, app, schools, a_student):
    add(app, schools[0], "Casier", "text", required=True)
    browser, page = as_("ac"), f"/admin/student/edit/?id={a_student}"
    answer = browser.post(page, data={**form_of(browser, page), "extra.casier": " "})
    assert answer.status_code == 422
    assert "Casier" in words(answer)


def test_a_value_is_emptied_and_a_withdrawn_choice_stays_where_it_is(as_, app, schools, a_student, fields):
    with rows(app) as session:
        session.get(Student, a_student).extra = {"regime": "interne", "ligne_de_car": "12"}
        session.get(CustomField, fields["choice"]).offer([("externe", "Externe", False)])
    browser, page = as_("ac"), f"/admin/student/edit/?id={a_student}"
    before = form_of(browser, page)
    assert before["extra.regime"] == "interne"
    assert browser.post(page, data={**before, "extra.ligne_de_car": "", "extra.droit_a_l_image": ""}).status_code == 302
    assert extra_of(app, a_student) == {"regime": "interne"}


def test_the_second_of_two_people_sees_both_values_of_a_field(as_, app, a_student, fields):
    browser, page = as_("ac"), f"/admin/student/edit/?id={a_student}"
    mine = form_of(browser, page)
    other = as_("acc")
    assert other.post(page, data={**form_of(other, page), "extra.regime": "interne"}).status_code == 302
    answer = browser.post(page, data={**mine, "extra.regime": "externe"})
    assert answer.status_code == 409
    assert "Régime Interne Externe" in words(answer)
    assert extra_of(app, a_student) == {"regime": "interne"}


def test_groups_and_guardians_have_theirs_too(as_, app, schools):
    add(app, schools[0], "Salle", "text", table="group")
    add(app, schools[0], "Profession", "text", table="guardian")
    with rows(app) as session:
        group = session.scalar(select(Group.id).where(Group.school_id == schools[0]))
        guardian = session.scalar(select(Guardian.id).where(Guardian.school_id == schools[0]))
    browser = as_("ac")
    for table, row, name, value in (("group", group, "extra.salle", "B12"), ("guardian", guardian, "extra.profession", "Luthière")):
        page = f"/admin/{table}/edit/?id={row}"
        assert browser.post(page, data={**form_of(browser, page), name: value}).status_code == 302
        assert value in words(browser.get(f"/admin/{table}/details/?id={row}"))
        assert value in words(browser.get(f"/admin/{table}/?cols=name,{name}&flt0_{name}.Extra={value.lower()}"))


# --- lists, filters, files


def test_a_field_is_a_column_a_filter_and_a_column_of_the_export(as_, app, schools, fields, a_student):
    with rows(app) as session:
        student = session.get(Student, a_student)
        student.extra, name = PACKED, str(student)
    browser = as_("ac")
    page = words(browser.get("/admin/student/?cols=name,extra.regime,extra.quotient_familial&search=" + name.split(",")[0]))
    assert f"{name} Demi-pensionnaire 1234,5" in page
    asked = {
        "extra.ligne_de_car.Extra": ("12 BIS", "12"),
        "extra.quotient_familial.Extra": ("1 234,50", "1234"),
        "extra.visite_medicale.Extra": ("2026-03-14", "2026-03-15"),
        "extra.droit_a_l_image.Extra": ("1", "0"),
        "extra.regime.Extra": ("demi_pensionnaire", "interne"),
    }
    for arg, (right, wrong) in asked.items():
        found = browser.get("/admin/student/", query_string={f"flt0_{arg}": right})
        assert re.findall(r'name="rowid" value="(\d+)"', found.text) == [str(a_student)], arg
        assert re.findall(r'name="rowid"', browser.get("/admin/student/", query_string={f"flt0_{arg}": wrong}).text) == []
    empty = browser.get("/admin/student/?flt0_extra.regime.Extra=-&page_size=100").text
    assert f'value="{a_student}"' not in re.findall(r'name="rowid" value="\d+"', empty)
    assert "ne convient pas : douze" in words(browser.get("/admin/student/?flt0_extra.quotient_familial.Extra=douze"))
    lines = exported(browser, "/admin/student/export/csv/?flt0_extra.regime.Extra=demi_pensionnaire")
    line = dict(zip(lines[0], lines[1], strict=True))
    assert {name: line[name] for name in ("Ligne de car", "Quotient familial", "Visite médicale", "Droit à l’image", "Régime")} == {
        "Ligne de car": "12 bis",
        "Quotient familial": "1234,5",
        "Visite médicale": "14/03/2026",
        "Droit à l’image": "Oui",
        "Régime": "Demi-pensionnaire",
    }


def test_formulas_and_markup_of_a_field_are_harmless(as_, app, schools, a_student):
    add(app, schools[0], "=1+1 <b>gras</b>", "text", in_list=True)
    with rows(app) as session:
        session.get(Student, a_student).extra = {field.key: "=2+2<i>" for field in session.scalars(select(CustomField))}
    browser = as_("ac")
    for page in ("/admin/student/?page_size=100", f"/admin/student/details/?id={a_student}", f"/admin/student/edit/?id={a_student}"):
        text = browser.get(page).text
        assert "<b>gras" not in text
        assert "&lt;b&gt;gras" in text
    lines = exported(browser, "/admin/student/export/csv/")
    assert lines[0][-1] == "'=1+1 <b>gras</b>"
    assert "'=2+2<i>" in [line[-1] for line in lines[1:]]


def test_a_long_text_is_cut_in_the_list_and_whole_in_the_export(as_, app, schools, a_student, fields):
    long = "Très " * 100
    with rows(app) as session:
        session.get(Student, a_student).extra = {"remarques_de_l_intendance": long.strip()}
    browser = as_("ac")
    listed = browser.get("/admin/student/?cols=name,extra.remarques_de_l_intendance&page_size=100").text
    assert "Très Très…" in listed
    lines = exported(browser, "/admin/student/export/csv/?cols=name,extra.remarques_de_l_intendance")
    assert long.strip() in [line[1] for line in lines]


# --- who


def test_ec_fills_in_the_fields_of_those_they_follow_only(as_, app, fields):
    inside, outside = scope_of(app, "ec")
    browser = as_("ec")
    page = f"/admin/student/edit/?id={inside[0]}"
    assert browser.post(page, data={**form_of(browser, page), "extra.ligne_de_car": "7"}).status_code == 302
    assert extra_of(app, inside[0]) == {"ligne_de_car": "7"}
    with rows(app) as session:
        session.get(Student, outside[0]).extra = {"ligne_de_car": "7"}
    found = browser.get("/admin/student/?flt0_extra.ligne_de_car.Extra=7&flt1_status.Is=all").text
    assert re.findall(r'name="rowid" value="(\d+)"', found) == [str(inside[0])]


def test_another_school_has_its_own_fields_and_no_other(as_, app, schools, fields):
    add(app, schools[1], "Cohorte", "text", in_list=True)
    browser = as_("ac2")
    for page in ("/admin/student/?cols=name,extra.regime", "/admin/student/new/", "/admin/custom_field/"):
        seen = words(browser.get(page))
        assert "Régime" not in seen
        assert "Cohorte" in seen
    assert browser.get(f"/admin/custom_field/details/?id={fields['text']}").status_code == 404


def test_families_never_see_them(as_, app, schools, fields):
    with rows(app) as session:
        mine = select(GuardianLink.student_id).join(Guardian).where(Guardian.user_id.is_not(None), GuardianLink.school_id == schools[0])
        followed = session.scalar(mine)
        session.get(Student, followed).extra = {"ligne_de_car": "Secret de l’école"}
    for who, home in (("parent", "/parent/"), ("student", "/student/")):
        browser = as_(who)
        pages = [home, *re.findall(r'href="(/(?:parent|student)/[^"]*)"', browser.get(home).text)]
        for page in pages:
            seen = browser.get(page, follow_redirects=True).text
            assert "Ligne de car" not in seen
            assert "Secret" not in seen
