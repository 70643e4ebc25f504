"""Hands of the tests of texts: a data folder with files of its own, two schools, a noun renamed, a text rewritten."""

import pytest
from small import add_school, small_app, writing
from sqlalchemy import select

from models.catalogue import MESSAGES, installed
from models.db import db
from models.labels import Noun, NounGender, create_nouns, override
from models.school import Country
from models.scope import Actor, Scope, acting, unscoped
from views import i18n
from views.i18n import gettext

HEADER = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'


@pytest.fixture
def data(tmp_path):
    """A data folder with .po files of the school's own."""
    write(tmp_path, "fr", 'msgid "Add [a student]"\nmsgstr "Inscrire [a student]"\n\n')
    write(
        tmp_path,
        "fr",
        'msgid "Home"\nmsgstr "Entrée"\n\nmsgid "%(num)d code for %(name)s"\nmsgid_plural "%(num)d codes for %(name)s"\n'
        'msgstr[0] "%(num)d code pour %(name)s"\nmsgstr[1] "%(num)d codes pour %(name)s"\n\n'
        'msgctxt "course"\nmsgid "Code"\nmsgstr "Sigle"\n\nmsgid "Send"\nmsgstr "Envoyer un courriel"\n',
        "more",
    )
    write(tmp_path, "fr_CA", 'msgid "Home"\nmsgstr "Bienvenue"\n')
    return tmp_path


def write(folder, language, body, name="own"):
    """A .po file in a data folder."""
    path = folder / "translations" / language / f"{name}.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + body, encoding="utf-8")
    return path


@pytest.fixture
def app(data):
    """An application without a school, on a real file."""
    return small_app(data)


@pytest.fixture
def schools(app):
    """Two schools with their nouns."""
    with writing(app) as session:
        first, second = add_school(session), add_school(session, name="Lycée", official_code="QC1", country=Country.CA)
        create_nouns(first)
        create_nouns(second)
        return first.id, second.id


@pytest.fixture
def say(app):
    """`say(text, language, school)` as a request of that person would read it."""

    def read(text, language="fr", school=None, **params):
        with app.test_request_context(), i18n.force_locale(language), acting(Actor(), Scope(school)):
            return text() if callable(text) else gettext(text, **params)

    return read


def rename(app, school, key="student", language="fr", **forms):
    """Change a noun, as the Nouns screen does."""
    with writing(app) as session:
        noun = session.scalars(select(Noun).filter_by(school_id=school, key=key, language=language)).one()
        for name, value in {"gender": NounGender.feminine, **forms}.items():
            setattr(noun, name, value)


def rewrite(app, school, msgid, text, catalogue=MESSAGES, language="fr", form=0, context=""):
    """Write a text in place of the catalogue's, for a school or (None) everywhere."""
    with app.app_context(), acting(Actor(), Scope(school)) if school else unscoped("a text for everybody"):
        override(db.session, installed().get(catalogue, "fr").messages[context, msgid], catalogue, language, form, text)
        db.session.commit()
