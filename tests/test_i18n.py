"""From an English msgid to what a person reads: files, overrides, nouns, plurals, places; in requests, jobs and packages."""

import os

import flask_admin.babel
import pytest
import wording
from flask import flash, get_flashed_messages, render_template_string
from flask_admin.form import BaseForm
from flask_wtf import FlaskForm
from small import add_school, writing
from sqlalchemy import select
from wording import HEADER, rename, rewrite, write
from wtforms import StringField
from wtforms.validators import Length

from models.base import Refusal
from models.catalogue import MESSAGES, ROOT, BrokenCatalogue, Catalogues
from models.db import db
from models.labels import LabelOverride, LabelStamp, Noun, create_nouns, read_stamp
from models.school import Country
from models.scope import Actor, Scope, acting, unscoped
from models.words import N_, _, _p, in_language
from views import i18n
from views.i18n import gettext, language_for, language_name, ngettext, pgettext, reader, speaking_for

# The fixtures of these tests: texts need an application of their own, not that of the screens.
data, app, schools, say = wording.data, wording.app, wording.schools, wording.say


# -- files ----------------------------------------------------------------------------------------------------------------------


def test_the_school_s_own_file_wins_over_ours_and_fr_ca_leans_on_fr(say):
    assert say("Add [a student]") == "Inscrire un élève"
    assert say("Home") == "Entrée"
    assert say("Home", "fr_CA") == "Bienvenue"
    assert say("Send", "fr_CA") == "Envoyer un courriel"
    assert say("Add [a student]", "fr_CA") == "Inscrire un étudiant"


def test_a_text_without_translation_is_its_msgid_with_its_nouns(say):
    assert say("No [group] here", "en") == "No group here"
    assert say("Unknown %(x)s 100 %", "en") == "Unknown %(x)s 100 %"


def test_a_language_has_one_name_with_its_capital_and_an_unknown_one_is_shown_as_it_is():
    assert [language_name(one) for one in ("fr", "fr_CA", "en", "es", "", "??")] == ["Français", "Français (Québec)", "English", "Español", "", "??"]


def test_plurals_follow_the_language(app, say):
    def count(language, num):
        return say(lambda: ngettext("%(num)d code for %(name)s", "%(num)d codes for %(name)s", num, name="[student] %(num)d"), language)

    assert [count("fr", n) for n in (0, 1, 2)] == [f"{n} code{s} pour [student] %(num)d" for n, s in ((0, ""), (1, ""), (2, "s"))]
    assert count("fr_CA", 2).startswith("2 codes pour")
    assert [count("en", n) for n in (0, 1)] == ["0 codes for [student] %(num)d", "1 code for [student] %(num)d"]


def test_a_context_tells_two_words_apart(say):
    assert say(lambda: pgettext("course", "Code")) == "Sigle"
    assert say(lambda: str(_p("course", "Code"))) == "Sigle"


def test_an_edited_file_acts_within_a_second_and_a_broken_one_keeps_its_last_reading(data, caplog):
    clock = [0.0]
    found = Catalogues([data / "translations"], clock=lambda: clock[0])
    path = write(data, "fr", 'msgid "Home"\nmsgstr "Maison"\n', "more")
    assert found.get(MESSAGES, "fr").text("", "Home") == "Entrée"
    clock[0] += 1
    assert found.get(MESSAGES, "fr").text("", "Home") == "Maison"
    for broken in ('msgid "Home"\nmsgstr "Mais\n', "msgstr oops\n", "rien"):
        path.write_text(HEADER + broken, encoding="utf-8")
        clock[0] += 1
        assert found.get(MESSAGES, "fr").text("", "Home") == "Maison"
    path.write_bytes(b'msgid "Home"\nmsgstr "\xff"\n')
    clock[0] += 1
    assert found.get(MESSAGES, "fr").text("", "Home") == "Maison"
    assert f"catalogue {path} is broken" in caplog.text
    path.unlink()
    clock[0] += 1
    assert found.get(MESSAGES, "fr").text("", "Home") == "Home"


def test_an_unchanged_catalogue_stays_the_same_object(data):
    clock = [0.0]
    found = Catalogues([data / "translations"], clock=lambda: clock[0])
    before = found.get(MESSAGES, "fr")
    clock[0] += 5
    assert found.get(MESSAGES, "fr") is before


@pytest.mark.parametrize("body", ['msgid "a"\nmsgstr "b\n', "rien du tout\n", 'msgid "a"\nmsgid_plural "c"\nmsgstr[0] "b"\nmsgstr[7] "c"\n'])
def test_a_broken_file_stops_the_start(tmp_path, body):
    path = write(tmp_path, "fr", body)
    with pytest.raises(BrokenCatalogue, match=str(path)):
        Catalogues([tmp_path / "translations"])


def test_fuzzy_and_empty_entries_are_not_used(tmp_path):
    write(tmp_path, "fr", '#, fuzzy\nmsgid "Home"\nmsgstr "Maison"\n\nmsgid "Send"\nmsgstr ""\n\n#~ msgid "Old"\n#~ msgstr "Vieux"\n')
    texts = Catalogues([tmp_path / "translations"]).get(MESSAGES, "fr")
    assert [texts.text("", msgid) for msgid in ("Home", "Send", "Old")] == ["Home", "Send", "Old"]


def test_a_new_language_is_a_new_folder(tmp_path):
    write(tmp_path, "es", 'msgid "Home"\nmsgstr "Inicio"\n')
    found = Catalogues([ROOT, tmp_path / "translations"])
    assert found.languages() == ["fr", "fr_CA", "en", "es"]
    assert found.get(MESSAGES, "es").text("", "Home") == "Inicio"


# -- overrides and nouns --------------------------------------------------------------------------------------------------------


def test_a_renamed_noun_agrees_everywhere_at_the_next_request(app, say, schools):
    assert say("Add [a student]", school=schools[0]) == "Inscrire un élève"
    rename(app, schools[0], singular="apprenante", plural="apprenantes", vowel_sound=True)
    assert say("Add [a student]", school=schools[0]) == "Inscrire une apprenante"
    assert say("Add [a student]", school=schools[1]) == "Inscrire un élève"
    assert say("Add [a student]", "en", schools[0]) == "Add a student"
    assert say("Add [a student]", "fr_CA", schools[0]) == "Inscrire un étudiant"
    with writing(app) as session:
        session.scalars(select(Noun).filter_by(school_id=schools[0], key="student", language="fr")).one().reset()
    assert say("Add [a student]", school=schools[0]) == "Inscrire un élève"


def test_an_override_holds_in_its_school_and_language_only(app, say, schools):
    rewrite(app, schools[0], "Home", "Chez nous, [students]")
    assert say("Home", school=schools[0]) == "Chez nous, élèves"
    assert say("Home", school=schools[1]) == "Entrée"
    assert say("Home") == "Entrée"
    assert say("Home", "en", schools[0]) == "Home"
    assert say("Home", "fr_CA", schools[0]) == "Chez nous, étudiants"


def test_the_precedence_is_school_then_everywhere_then_files(app, say, schools):
    rewrite(app, None, "Home", "Partout")
    assert [say("Home", school=school) for school in (*schools, None)] == ["Partout"] * 3
    rewrite(app, schools[0], "Home", "Ici")
    rewrite(app, None, "Home", "Partout au Québec", language="fr_CA")
    assert [say("Home", school=school) for school in schools] == ["Ici", "Partout"]
    assert say("Home", "fr_CA", schools[0]) == "Ici"
    assert say("Home", "fr_CA", schools[1]) == "Partout au Québec"
    with writing(app) as session:
        session.scalars(select(LabelOverride).filter_by(school_id=schools[0])).one().reset()
    assert say("Home", school=schools[0]) == "Partout"


def test_one_plural_form_may_be_overridden_alone(app, say, schools):
    rewrite(app, schools[0], "%(num)d code for %(name)s", "%(name)s : des codes, %(num)d en tout", form=1)
    read = lambda n: say(lambda: ngettext("%(num)d code for %(name)s", "%(num)d codes for %(name)s", n, name="Zoé"), school=schools[0])  # noqa: E731
    assert (read(1), read(2)) == ("1 code pour Zoé", "Zoé : des codes, 2 en tout")


def test_an_installation_with_one_school_speaks_its_words_before_sign_in(app, say):
    with writing(app) as session:
        create_nouns(add_school(session))
    rename(app, 1, singular="apprenante", plural="apprenantes")
    with app.test_request_context():
        assert gettext("Add [a student]") == "Inscrire une apprenante"
    with writing(app) as session:
        create_nouns(add_school(session, name="Lycée", official_code="QC1", country=Country.CA))
    with app.test_request_context():
        assert gettext("Add [a student]") == "Inscrire un élève"


def test_a_guardian_s_page_speaks_the_words_of_the_child_s_school(app, schools):
    rename(app, schools[1], singular="apprenante", plural="apprenantes")
    with app.test_request_context(), acting(Actor(), Scope(None, 1, portal="guardian")):
        assert gettext("Add [a student]") == "Inscrire un élève"
        with speaking_for(schools[1]):
            assert gettext("Add [a student]") == "Inscrire une apprenante"
        assert gettext("Add [a student]") == "Inscrire un élève"


def test_a_job_reads_in_the_language_it_says(app, schools):
    rewrite(app, schools[0], "Home", "Chez nous")
    with app.app_context(), acting(Actor(), Scope(schools[0])):
        lazy = _("Home")
        assert (str(lazy), gettext("Home")) == ("Chez nous", "Chez nous")
        with in_language("en"):
            assert str(lazy) == "Home"
        with in_language("fr_CA"):
            assert str(_("Add [a student]")) == "Inscrire un étudiant"
        assert str(lazy) == "Chez nous"


def test_the_stamp_is_read_once_a_request(app, schools):
    seen = []
    with app.app_context():
        engine = db.engine

    from sqlalchemy import event

    event.listen(engine, "before_cursor_execute", lambda _c, _k, statement, *_rest: seen.append(statement))
    for expected in (5, 1):  # the first request reads the labels and the languages of the school too
        seen.clear()
        with app.test_request_context(), acting(Actor(), Scope(schools[0])):
            for _number in range(3):
                gettext("Home")
                flask_admin.babel.gettext("Save")
        assert len([s for s in seen if s.startswith("SELECT")]) == expected


def test_every_change_gives_another_stamp_and_a_rollback_takes_it_back(app, schools):
    def stamp():
        with app.app_context(), unscoped("a test looks"):
            return read_stamp(db.session)

    first = stamp()
    rename(app, schools[0], singular="apprenante")
    second = stamp()
    rewrite(app, schools[0], "Home", "Chez nous")
    assert len({first, second, stamp(), 0}) == 4
    with app.app_context(), unscoped("a test rolls back"):
        before = read_stamp(db.session)
        db.session.add(LabelOverride(school_id=schools[1], language="fr", msgid="Home", text="x"))
        db.session.flush()
        assert read_stamp(db.session) != before
        db.session.rollback()
        assert read_stamp(db.session) == before
        assert db.session.query(LabelStamp).count() == 1


def test_an_error_page_still_speaks_when_labels_cannot_be_read(app, schools, caplog):
    with app.app_context():
        LabelStamp.__table__.drop(db.engine)
    with app.test_request_context():
        assert gettext("Home") == "Entrée"
    assert "labels could not be read: OperationalError" in caplog.text


def test_a_text_may_be_asked_in_the_middle_of_a_writing_transaction(app, schools):
    with app.app_context(), unscoped("a test writes"):
        db.session.add(LabelOverride(school_id=schools[0], language="fr", msgid="Home", text="Chez nous"))
        db.session.flush()
        i18n.forget()
        assert gettext("Home") == "Entrée"  # another session: it reads what is committed
        db.session.commit()
        i18n.forget()
        with speaking_for(schools[0]):
            assert gettext("Home") == "Chez nous"


# -- plain text everywhere ------------------------------------------------------------------------------------------------------

BOLD = "<b>100 %</b>"
ESCAPED = "&lt;b&gt;100 %&lt;/b&gt;"


def test_an_override_is_escaped_in_a_template_a_lazy_label_and_a_flash(app, schools):
    app.secret_key = "x"
    rewrite(app, schools[0], "Home", BOLD)
    rewrite(app, schools[0], "Save", BOLD, catalogue="admin")
    with app.test_request_context(), acting(Actor(), Scope(schools[0])):
        flash(gettext("Home"))
        page = render_template_string(
            "{{ _('Home') }}|{{ gettext('Home') }}|{{ label }}|{{ label ~ '' }}|{{ get_flashed_messages()[0] }}|{{ admin }}",
            label=_("Home"),
            admin=flask_admin.babel.lazy_gettext("Save"),
            get_flashed_messages=get_flashed_messages,
        )
        assert page == "|".join([ESCAPED] * 6)
        assert type(gettext("Home")) is str
        assert type(str(_("Home"))) is str


def test_data_never_acts_as_a_token_a_place_or_markup(app):
    with app.test_request_context():
        page = render_template_string("{{ ngettext('%(num)d code for %(name)s', '%(num)d codes for %(name)s', 2, name=name) }}", name="<i>%(num)d [student]")
    assert page == "2 codes pour &lt;i&gt;%(num)d [student]"


def test_lazy_plurals_and_params_work(app):
    text = N_("%(num)d code for %(name)s", "%(num)d codes for %(name)s", 3, name="Zoé")
    with app.test_request_context():
        assert str(text) == "3 codes pour Zoé"
        assert Refusal(_("Unknown %(x)s"), x="%(y)s [student]").sentence == "Unknown %(y)s [student]"


# -- packages -------------------------------------------------------------------------------------------------------------------


def test_flask_admin_and_wtforms_speak_our_french(app, schools):
    with app.test_request_context():
        assert flask_admin.babel.gettext("Record was successfully saved.") == "Enregistré."
        assert (
            flask_admin.babel.ngettext("Record was successfully deleted.", "%(count)s records were successfully deleted.", 3, count=3) == "3 lignes supprimées."
        )
        assert flask_admin.babel.Translations().gettext("This field is required.") == "Ce champ est nécessaire."
        with i18n.force_locale("en"):
            assert flask_admin.babel.gettext("Record was successfully saved.") == "Saved."
            assert flask_admin.babel.Translations().gettext("This field is required.") == "This field is required."


def test_an_override_of_a_package_s_text_is_literal_and_keeps_its_places(app, schools):
    rewrite(app, schools[0], "Failed to create record. %(error)s", "100 % raté : %(error)s", catalogue="admin")
    with app.test_request_context(), acting(Actor(), Scope(schools[0])):
        assert flask_admin.babel.gettext("Failed to create record. %(error)s", error="%(x)s [student]") == "100 % raté : %(x)s [student]"
        assert str(flask_admin.babel.lazy_gettext("Failed to create record. %(error)s", error="5 %")) == "100 % raté : 5 %"


@pytest.mark.parametrize("base", [BaseForm, FlaskForm])
def test_a_form_check_reads_the_override(app, schools, base):
    app.secret_key = "x"
    app.config["WTF_CSRF_ENABLED"] = False
    rewrite(app, schools[0], "Field cannot be longer than %(max)d character.", "100 % trop long (%(max)d au plus)", catalogue="wtforms", form=1)

    class Small(base):
        name = StringField(validators=[Length(max=3)])

    with app.test_request_context(method="POST", data={"name": "abcd"}), acting(Actor(), Scope(schools[0])):
        from flask import request

        form = Small(request.form)
        assert not form.validate()
        assert form.name.errors == ["100 % trop long (3 au plus)"]


def test_text_fills_in_order_too():
    assert i18n.Text("a %s b %s 100 %") % ("x", "%s") == "a x b %s 100 %"
    assert i18n.Text("a %s") % "x" == "a x"
    assert i18n.Text("%s %s") % "x" == "x %s"


# -- languages ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "cookie", "accept", "expected"),
    [
        (None, None, [], "fr"),
        ("en", "fr_CA", ["fr"], "en"),
        (None, "fr_CA", ["en"], "fr_CA"),
        ("xx", "../etc", ["de", "en-GB", "fr"], "en"),
        (None, None, ["fr-CA", "en"], "fr_CA"),
        (None, None, ["fr-BE"], "fr"),
        (None, None, ["<svg>", "x" * 500, "*"], "fr"),
    ],
)
def test_the_language_is_the_person_s_then_the_cookie_s_then_the_browser_s(app, user, cookie, accept, expected):
    assert language_for(user, cookie, accept) == expected


def test_the_reader_keeps_what_it_resolved_until_something_changes(app, schools):
    readers = []
    for _number in range(2):
        with app.test_request_context(), acting(Actor(), Scope(schools[0])):
            readers.append(reader())
    assert readers[0] is readers[1]
    rename(app, schools[1], singular="apprenante")
    with app.test_request_context(), acting(Actor(), Scope(schools[0])):
        assert reader() is not readers[0]


def test_another_process_sees_a_change_at_its_next_request(app, schools, data):
    import subprocess
    import sys

    program = (
        "import sys, pathlib; sys.path[:0] = ['tests', '.']\n"
        "from small import small_app; from models.scope import *; from views.i18n import gettext\n"
        "app = small_app(pathlib.Path(sys.argv[1]))\n"
        "for line in sys.stdin:\n"
        "    with app.test_request_context(), acting(Actor(), Scope(int(line))): print(gettext('Add [a student]'), flush=True)\n"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", program, str(data)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    try:

        def ask():
            worker.stdin.write(f"{schools[0]}\n")
            worker.stdin.flush()
            return worker.stdout.readline().strip()

        assert ask() == "Inscrire un élève"
        rename(app, schools[0], singular="apprenante", plural="apprenantes")
        assert ask() == "Inscrire une apprenante"
    finally:
        worker.communicate("")
