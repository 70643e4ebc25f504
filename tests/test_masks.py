"""Masks: what one programme calls the fields of its records, on the pages of one record only."""

import html
import re

import pytest
from conftest import rows
from hands import form_of, send, token
from small import writing
from sqlalchemy import func, select
from wording import add_school, create_nouns, db, small_app

from models.admissions import Admission
from models.base import Refusal
from models.changes import JournalChange
from models.courses import Course, Grid
from models.enrolments import Enrolment
from models.journal import JournalEvent
from models.label_packs import own_words
from models.labels import LabelOverride, read_stamp
from models.masks import _PROGRAMMES, Mask, _kept, fields, reset_masks, write_masks
from models.people import Student
from models.school import Country
from models.scope import Actor, Scope, acting
from models.session_records import SessionRecord
from models.studies import Programme, Season, Term
from models.texts import code_of
from views.i18n import force_locale, gettext, pgettext
from views.masks import use_programme

# The fixtures of the models' tests: an application of their own, with two schools that have their words.
MARK = ("enrolment", "Mark")
LEVEL = ("", "Funding source")


def label(key):
    """The label of a field as a page says it now."""
    return pgettext(*key) if key[0] else gettext(key[1])


@pytest.fixture
def small(tmp_path):
    """An application with two schools, a programme in each and a second one in the first."""
    app = small_app(tmp_path)
    with writing(app) as session:
        schools = [add_school(session), add_school(session, name="Lycée", official_code="QC1", country=Country.CA)]
        for school in schools:
            create_nouns(school)
        made = [Programme(school_id=schools[n].id, code=code, title=code) for n, code in ((0, "JEE.0K"), (0, "322.A0"), (1, "ABC.1D"))]
        session.add_all(made)
        session.flush()
        app.known = [school.id for school in schools], [one.id for one in made]
    return app


def mask(app, programme, text, key=MARK, language="fr", school=0):
    """Write one name of a programme, as its page does."""
    with app.app_context(), acting(Actor(), Scope(app.known[0][school])):
        session = db.session
        count = write_masks(session, session.get(Programme, app.known[1][programme]), language, {key: text}, {})
        session.commit()
    return count


def reads(app, programme=None, key=MARK, language="fr", school=0):
    """What a page about a record of a programme (None: any other page) calls the field."""
    with app.test_request_context(), force_locale(language), acting(Actor(), Scope(app.known[0][school])):
        use_programme(None if programme is None else app.known[1][programme])
        return label(key)


# --- what a page says ----------------------------------------------------------------------------------------------------------


def test_a_name_is_read_in_its_programme_school_and_language_only(small):
    usual, english = reads(small), reads(small, language="en")
    mask(small, 0, "Résultat de l’évaluation")
    assert reads(small, 0) == "Résultat de l’évaluation"
    assert reads(small, 0, language="fr_CA") == "Résultat de l’évaluation", "Canadian French reads what French says"
    assert [reads(small), reads(small, 1), reads(small, 2, school=1)] == [usual] * 3
    assert reads(small, 0, school=1) == usual, "the programme of another school says nothing here"
    assert reads(small, 0, language="en") == english


def test_the_programme_comes_before_the_school_which_comes_before_everywhere(small):
    with writing(small) as session:
        session.add(LabelOverride(school_id=None, language="fr", msgctxt=MARK[0], msgid=MARK[1], text="Partout"))
    assert reads(small, 0) == "Partout"
    with writing(small) as session:
        session.add(LabelOverride(school_id=small.known[0][0], language="fr_CA", msgctxt=MARK[0], msgid=MARK[1], text="École"))
        session.add(LabelOverride(school_id=small.known[0][0], language="fr", msgctxt=MARK[0], msgid=MARK[1], text="École"))
    assert reads(small, 0) == "École"
    mask(small, 0, "Programme")
    assert [reads(small, 0), reads(small, 0, language="fr_CA"), reads(small)] == ["Programme", "Programme", "École"]


def test_labels_of_columns_follow_and_the_next_page_says_the_school_s_word(small):
    mask(small, 0, "Cote [of the student]")
    column = Enrolment.__mapper__.attrs["mark"].columns[0].info["label"]
    with small.test_request_context(), acting(Actor(), Scope(small.known[0][0])):
        before = str(column)
        use_programme(small.known[1][0])
        assert str(column) == "Cote de l’élève"
        use_programme(None)
        assert str(column) == before
        use_programme(small.known[1][0])
    assert reads(small) == before


def test_a_changed_name_is_read_at_the_next_page_and_few_programmes_are_remembered(small):
    mask(small, 0, "Un")
    assert reads(small, 0) == "Un"
    mask(small, 0, "Deux")
    assert reads(small, 0) == "Deux"
    for number in range(2 * _PROGRAMMES):
        with small.test_request_context(), acting(Actor(), Scope(small.known[0][0])):
            use_programme(10_000 + number)
            label(MARK)
    assert len(_kept) == _PROGRAMMES
    assert reads(small, 0) == "Deux"


# --- what is written -----------------------------------------------------------------------------------------------------------


WRONG = (("x" * 121, MARK, "120"), ("Cote %(x)s", MARK, "%(x)s"), ("a\u202eb", MARK, "signe invisible"), ("Accueil", ("", "Home"), "aucun champ"))


def test_a_wrong_name_is_refused_with_a_sentence_and_nothing_is_written(small):  # (one application for all of them: it is slow to build)
    for text, key, sentence in WRONG:
        with pytest.raises(Refusal) as refused:
            mask(small, 0, text, key)
        with writing(small) as session:
            assert sentence in refused.value.sentence, text
            assert session.scalar(select(func.count(Mask.id))) == 0


def test_any_other_name_is_literal(small):
    for text in ("%s", "100 %", "{{7*7}}", "{0.__class__}", "[x]", "<b>x</b>"):
        mask(small, 0, text)
        assert reads(small, 0) == text


def test_nothing_typed_is_no_name_and_the_arrow_takes_all_of_them_back(small):
    assert mask(small, 0, "Un") == 1
    assert mask(small, 0, "Un") == 0
    assert mask(small, 0, "  ") == 1
    usual = reads(small, 0)
    mask(small, 0, "Un")
    mask(small, 0, "One", language="en")
    mask(small, 0, "Argent", LEVEL)
    mask(small, 1, "Autre")
    with small.app_context(), acting(Actor(), Scope(small.known[0][0])):
        session = db.session
        assert reset_masks(session, session.get(Programme, small.known[1][0]), {LEVEL}, "fr") == 1
        assert reset_masks(session, session.get(Programme, small.known[1][0])) == 2
        session.commit()
    assert [reads(small, 0), reads(small, 1)] == [usual, "Autre"]


def test_every_field_of_session_records_and_registrations_may_be_named_once():
    keys = [field.key for _tables, known in fields() for field in known]
    assert len(keys) == len(set(keys)) > 40
    assert {MARK, LEVEL, ("session_record", "IC"), ("", "Deemed full-time")} <= set(keys)
    assert ("", "[School]") not in keys


def test_names_of_a_programme_are_none_of_the_texts_that_are_taken_out(small):
    mask(small, 0, "Un")
    with writing(small) as session:
        assert own_words(session, small.known[0][0], ["fr"]) == []
        assert read_stamp(session) != 0


# --- the page ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def programme(app, schools):
    """A programme of the first school that nobody follows."""
    with rows(app) as session:
        made = Programme(school_id=schools[0], code="MASQUE", title="Essai")
        session.add(made)
        session.flush()
        return made.id


def page_of(programme, language="fr"):
    """The address of the page of a programme."""
    return f"/admin/label/masks/?programme={programme}&language={language}"


def save(browser, programme, **typed):
    """Type these names (code of the field -> text) and save."""
    sent = form_of(browser, page_of(programme))
    return browser.post(page_of(programme), data={**sent, **typed})


def input_of(key):
    """The name of the input of a field."""
    return f"mask_{code_of('messages', *key)}"


def test_a_programme_is_chosen_its_fields_appear_and_are_named_then_given_back(app, as_, programme):
    acc = as_("acc")
    assert "Masques de saisie par" in acc.get("/admin/label/").text, "a button of the labels"
    assert f'<option value="{programme}">' in acc.get("/admin/label/masks/").text
    page = acc.get(page_of(programme)).text
    assert f'name="{input_of(LEVEL)}" value="" placeholder="Source de financement"' in page
    assert save(acc, programme, **{input_of(LEVEL): "Qui paie", input_of(MARK): "Cote"}).status_code == 303
    page = html.unescape(acc.get(page_of(programme)).text)
    assert 'value="Qui paie" placeholder="Source de financement"' in page
    assert "2 libellés sont modifiés" in page
    assert "(2 libellés propres)" in page
    reset = {"csrf_token": token(page)}
    assert acc.post(page_of(programme), data={**reset, "_reset": code_of("messages", *LEVEL)}).status_code == 303
    assert 'value="Qui paie"' not in acc.get(page_of(programme)).text
    acc.post(page_of(programme), data={**reset, "_reset": ""})
    with rows(app) as session:
        assert session.scalar(select(func.count(Mask.id))) == 0
        verbs = session.scalars(select(JournalEvent.verb).where(JournalEvent.table_name == "label_mask")).all()
        assert {"created", "reset", "deleted"} <= set(verbs)


def test_the_arrow_is_undone_and_a_programme_comes_back_with_its_names(app, as_, programme):
    acc = as_("acc")
    save(acc, programme, **{input_of(MARK): "Cote"})
    acc.post(page_of(programme), data={"csrf_token": token(acc.get(page_of(programme)).text), "_reset": ""})
    undo = re.search(r'/admin/journal_event/undo[^"]*', html.unescape(acc.get(page_of(programme)).text))[0]
    assert acc.post(undo, data=form_of(acc, undo)).status_code in (302, 303)
    with rows(app) as session:
        assert session.scalars(select(Mask.text)).all() == ["Cote"]
    assert send(acc, "/admin/programme/delete/", page="/account", id=programme, _asked="1").status_code in (302, 303)
    with rows(app) as session:
        assert session.scalar(select(func.count(Mask.id))) == 0
        deleted = select(JournalChange.id).where(JournalChange.table_name == "programme", JournalChange.row_id == programme, JournalChange.field == "")
        change = session.scalar(deleted)
    assert send(acc, "/admin/journal_event/restore", page="/account", id=change).status_code == 303
    with rows(app) as session:
        assert session.execute(select(Mask.programme_id, Mask.text)).all() == [(programme, "Cote")]


def test_the_second_writer_is_told_and_a_wrong_name_is_refused_on_the_page(app, as_, programme):
    acc = as_("acc")
    early = form_of(acc, page_of(programme))
    save(acc, programme, **{input_of(MARK): "Cote"})
    answer = acc.post(page_of(programme), data={**early, input_of(MARK): "Note finale"})
    assert answer.status_code == 409
    assert 'value="Note finale"' in answer.text
    answer = save(acc, programme, **{input_of(MARK): "Rien %(x)s"})
    assert answer.status_code == 422
    assert "Rien ne peut venir à la place de %(x)s" in html.unescape(answer.text)
    with rows(app) as session:
        assert session.scalars(select(Mask.text)).all() == ["Cote"]


def test_who_only_reads_labels_reads_the_names_and_changes_none(app, as_, programme):
    save(as_("acc"), programme, **{input_of(MARK): "Cote"})
    ac = as_("ac")
    page = ac.get(page_of(programme)).text
    assert "Cote" in page
    assert input_of(MARK) not in re.findall(r'<input[^>]* name="([^"]+)"', page)
    for sent in ({input_of(MARK): "Autre"}, {"_reset": ""}):
        assert ac.post(page_of(programme), data={"csrf_token": token(page), **sent}).status_code == 403
    assert as_("acc2").get(page_of(programme)).status_code == 404
    assert as_("registrar").get(page_of(programme)).status_code == 403
    with rows(app) as session:
        assert session.scalars(select(Mask.text)).all() == ["Cote"]


# --- where it is read ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def registered(app, schools):
    """In the Québec school, two registrations of two students in two programmes; the first programme says two fields its own way."""
    with rows(app) as session:
        grid = session.scalar(select(Grid).where(Grid.school_id == schools[1]))
        course = session.scalar(select(Course).where(Course.school_id == schools[1]))
        students = session.scalars(select(Student).where(Student.school_id == schools[1]).limit(2)).all()
        term = Term(school_id=schools[1], year=1998, season=Season.autumn)
        plain, made = Programme(school_id=schools[1], code="ABC.1D", title="Autre"), []
        for student, programme in zip(students, (grid.programme, plain), strict=True):
            held = Admission(school_id=schools[1], student=student, programme=programme)
            record = SessionRecord(school_id=schools[1], admission=held, student=student, term=term)
            made.append(Enrolment(school_id=schools[1], session_record=record, course=course, group_number="990"))
            session.add_all([held, record, made[-1]])
        session.flush()
        write_masks(
            session,
            grid.programme,
            "fr_CA",
            {MARK: "Cote de la démarche", ("", "Kind of recognition (RAC)"): "Voie de la démarche", ("", "Language"): "Langue de la démarche"},
            {},
        )
        return [(one.id, one.session_record_id, one.student_id) for one in made]


PAGES = (
    "/admin/enrolment/details/?id={0}",
    "/admin/enrolment/edit/?id={0}",
    "/admin/student/details/?id={2}&part=session_records&record={1}",
)


def test_pages_of_one_record_say_its_programme_s_names_and_nothing_else_does(app, as_, registered):
    browser, named, plain = as_("registrar2"), *registered
    for page in PAGES:
        text = html.unescape(browser.get(page.format(*named)).text)
        assert "Cote de la démarche" in text, page
        assert "Voie de la démarche" in text, page
        text = html.unescape(browser.get(page.format(*plain)).text)
        assert "de la démarche" not in text, page
    for page in (*PAGES[:2], "/admin/session_record/edit/?id={1}"):
        assert "Langue de la démarche" in html.unescape(browser.get(page.format(*named)).text), page
        for other in ("/admin/enrolment/", "/admin/session_record/", f"/admin/student/details/?id={named[2]}"):
            assert "de la démarche" not in html.unescape(browser.get(other).text), other
    asked = send(browser, "/admin/enrolment/action/", page="/account", action="override", rowid=named[0])
    assert "Voie de la démarche" in html.unescape(asked.text)
    assert "de la démarche" not in browser.get("/admin/enrolment/export/csv/", buffered=True).text
