"""What a school may write in place of our texts and nouns, and what is refused with a sentence."""

import flask_admin.babel
import pytest
import wording
from small import writing
from sqlalchemy import select
from wording import rename, rewrite

from models.base import Refusal
from models.db import db
from models.labels import LabelOverride, Noun, NounGender, create_nouns
from models.school import School
from models.scope import unscoped
from views.i18n import ngettext

# The fixtures of these tests: texts need an application of their own, not that of the screens.
data, app, schools, say = wording.data, wording.app, wording.schools, wording.say

CODES = "%(num)d code for %(name)s"


@pytest.mark.parametrize(
    ("msgid", "form", "text", "sentence"),
    [
        (CODES, 1, "%(num)d codes", "%(name)s"),
        (CODES, 1, "codes pour %(name)s", "%(num)s"),
        (CODES, 1, "%(num)d %(name)s %(x)s", "%(x)s"),
        ("Home", 0, "%(x)s", "%(x)s"),
        ("Home", 0, "", ""),
        ("Home", 0, " \n \u202f", ""),
        ("Home", 0, "x" * 2001, "2000"),
        ("Home", 0, "abc\u202edef", ""),
        ("Home", 0, "abc\x00", ""),
    ],
)
def test_a_wrong_text_is_refused_with_a_sentence_and_nothing_is_written(app, schools, msgid, form, text, sentence):
    with pytest.raises(Refusal) as refused:
        rewrite(app, schools[0], msgid, text, form=form)
    with app.app_context(), unscoped("a test looks"):
        assert sentence in refused.value.sentence
        assert db.session.query(LabelOverride).count() == 0


@pytest.mark.parametrize("text", ["%s", "100 %", "%n", "%", "%(", "{{7*7}}", "{% x %}", "${x}", "{0.__class__}", "{config}", "[x]", "<b>x</b>", "x" * 2000])
def test_any_other_text_is_literal(app, say, schools, text):
    rewrite(app, schools[0], "Home", text)
    assert say("Home", school=schools[0]) == text
    assert say(lambda: flask_admin.babel.gettext("Save"), school=schools[0]) == "Enregistrer"


def test_the_form_for_one_may_leave_its_number_out(app, say, schools):
    rewrite(app, schools[0], CODES, "Un code pour %(name)s")
    assert say(lambda: ngettext(CODES, "%(num)d codes for %(name)s", 1, name="Zoé"), school=schools[0]) == "Un code pour Zoé"


@pytest.mark.parametrize("where", [{"msgid": "Nothing says this"}, {"language": "xx"}, {"catalogue": "nowhere"}, {"msgctxt": "x"}])
def test_a_text_that_does_not_exist_is_refused(app, schools, where):
    with pytest.raises(Refusal), writing(app) as session:
        session.add(LabelOverride(**{"school_id": schools[0], "language": "fr", "msgid": "Home", "text": "x", **where}))


@pytest.mark.parametrize("word", ["apprenant·e", "élève (e)", "aujourd’hui", "a/b", "St. Jean", "6e-5e", "d'élève"])
def test_a_noun_may_hold_these_signs(app, say, schools, word):
    rename(app, schools[0], singular=word, vowel_sound=False, gender=NounGender.masculine)
    assert say("[Student]", school=schools[0]) == word[0].upper() + word[1:]


@pytest.mark.parametrize("word", ["", "  ", "x" * 41, "<b>", "a%s", "[student]", "a|b", "a_b", "élève\u202e", "😀", "{x}", None])
def test_a_noun_with_other_signs_is_refused(app, schools, word):
    with pytest.raises(Refusal):
        rename(app, schools[0], singular=word)


def test_a_school_is_created_with_its_nouns_once(app, schools):
    with writing(app) as session:
        found = session.scalars(select(Noun).filter_by(school_id=schools[0])).all()
        assert len(found) == 12 * 3
        assert {(n.language, n.singular) for n in found if n.key == "student"} == {("fr", "élève"), ("fr_CA", "étudiant"), ("en", "student")}
        assert {n.singular: n.vowel_sound for n in found if n.language == "fr_CA" and n.key in ("school", "group")} == {"école": True, "groupe": False}
        assert create_nouns(session.get(School, schools[0])) == []
