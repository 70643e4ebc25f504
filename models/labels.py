"""The school's own words: overrides of single texts, and the nouns of its glossary.

Every change gives the installation a new stamp; whoever shows texts reads the stamp once a request and throws its snapshot
away when the stamp is another. The stamp is drawn at random, so that a rolled back change or a restored backup can never
pass for a stamp seen before.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Collection
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, event, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, object_session, validates

from models.base import Base, Choice, Identified, Refusal, Stamped, Versioned, choice_column, fold
from models.catalogue import CATALOGUES, DEFAULT_LANGUAGE, MESSAGES, Message, default_noun, installed
from models.label_languages import SchoolLanguage, read_languages
from models.overlay import Override, Snapshot
from models.school import School
from models.scope import SchoolScoped, current_school_id
from models.tokens import NOUNS, Gender, NounForms, places_in
from models.values import one_line
from models.words import _

LONGEST_TEXT = 2000
LONGEST_NOUN = 40
_NOUN = re.compile(r"(?:[^\W_]|[ \-'’.·()/])+")
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn"}  # control, direction and unassigned signs


class NounGender(Choice):
    """What decides how a sentence agrees with its noun."""

    masculine = "masculine", _("Masculine"), "mute"
    feminine = "feminine", _("Feminine"), "mute"


class LabelStamp(Base):
    """One row: a number that is another after every change of a label or a noun."""

    __tablename__ = "label_stamp"
    __journal__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger, default=0)


class LabelOverride(Base, Identified, SchoolScoped, Stamped, Versioned):
    """A text that a school has written in place of the catalogue's; without a school it holds everywhere.

    Refused: an empty text, one longer than 2,000 signs, one that loses a `%(name)s` place or invents one.
    """

    __tablename__ = "label_override"
    __table_args__ = (UniqueConstraint("school_id", "language", "catalogue", "msgctxt", "msgid", "form", name="uq_label_override_text"),)

    school_id: Mapped[int | None] = mapped_column(  # type: ignore[assignment]  # the one table where no school means everywhere
        ForeignKey("school.id", ondelete="CASCADE"), index=True, info={"label": _("[School]")}
    )
    language: Mapped[str] = mapped_column(String(10), info={"label": _("Language")})
    catalogue: Mapped[str] = mapped_column(String(20), default=MESSAGES, info={"label": _("Part of the application")})
    msgctxt: Mapped[str] = mapped_column(default="", info={"label": _("Context")})
    msgid: Mapped[str] = mapped_column(String(1000), info={"label": _("Text in English")})
    form: Mapped[int] = mapped_column(default=0, info={"label": _("Plural form")})
    text: Mapped[str] = mapped_column(String(LONGEST_TEXT), info={"label": _("Your text")})

    def __str__(self) -> str:
        return self.text

    @validates("text")
    def _check_text(self, _key: str, value: str | None) -> str:
        return clean_text(value)

    def check(self, added: Collection[str] = ()) -> None:
        """Refuse a text for nothing, or whose places are not those of the original. What was one line stays one: it may be the
        name of a file or the subject of a mail. `added`: the languages that the school has added.
        """
        message = original(self.catalogue or MESSAGES, self.language, self.msgctxt or "", self.msgid, added)
        if "\n" not in message.msgid:
            self.text = one_line(self.text)
        check_places(self.text, message, self.form or 0)

    def reset(self) -> None:
        """Take the catalogue's text back."""
        session = object_session(self)
        if session is not None:
            session.delete(self)


Index(  # a unique constraint takes two empty schools for two different ones
    "uq_label_override_everywhere",
    *(LabelOverride.language, LabelOverride.catalogue, LabelOverride.msgctxt, LabelOverride.msgid, LabelOverride.form),
    unique=True,
    sqlite_where=LabelOverride.school_id.is_(None),
    postgresql_where=LabelOverride.school_id.is_(None),
)


class Noun(Base, Identified, SchoolScoped, Stamped, Versioned):
    """One of the twelve nouns as a school says it in one language. Refused: signs that no noun holds."""

    __tablename__ = "noun"
    __table_args__ = (UniqueConstraint("school_id", "language", "key"),)

    language: Mapped[str] = mapped_column(String(10), info={"label": _("Language")})
    key: Mapped[str] = mapped_column(String(20), info={"label": _("Noun")})
    singular: Mapped[str] = mapped_column(String(LONGEST_NOUN), info={"label": _("Singular")})
    plural: Mapped[str] = mapped_column(String(LONGEST_NOUN), info={"label": _("Plural")})
    gender: Mapped[NounGender] = mapped_column(choice_column(NounGender), default=NounGender.masculine, info={"label": _("Gender")})
    vowel_sound: Mapped[bool] = mapped_column(default=False, info={"label": _("Begins with a vowel sound")})

    def __str__(self) -> str:
        return self.singular

    @validates("singular", "plural")
    def _check_word(self, _key: str, value: str | None) -> str:
        return clean_noun(value)

    @property
    def forms(self) -> NounForms:
        """What a rule table needs to write the noun."""
        return noun_forms(self.singular, self.plural, self.gender, self.vowel_sound)

    def take(self, forms: NounForms) -> None:
        """Say the noun like this."""
        self.singular, self.plural, self.vowel_sound = forms.singular, forms.plural, forms.vowel_sound
        self.gender = NounGender[forms.gender]

    def reset(self) -> None:
        """Take the catalogue's word back."""
        words = installed().get(MESSAGES, self.language)
        session = object_session(self)
        if session is not None and self.language not in installed().languages():  # one that the school has added
            added = read_languages(session, self.school_id).get(self.language)
            words = added.over(words) if added is not None else words
            if added is not None and ("noun", self.key) not in words.messages:
                words = installed().get(MESSAGES, added.fallback)
        self.take(default_noun(words, self.key))


_CONSONANTS = frozenset("bcdfgjklmnpqrstvwxz")  # h and y sound either way


def check_sound(singular: str, vowel_sound: bool) -> None:
    """Refuse a vowel sound before a consonant: it would give "l’participante". Letters that are spelled (an SMS) may have one."""
    if vowel_sound and fold(singular)[:1] in _CONSONANTS and not singular[:2].isupper():
        raise Refusal(_("“%(word)s” begins with a consonant, not with a vowel sound. Untick the box."), word=singular)


@event.listens_for(Noun, "before_insert")
@event.listens_for(Noun, "before_update")
def _check_noun(_mapper: Any, _connection: Any, row: Noun) -> None:
    check_sound(row.singular, bool(row.vowel_sound))


def noun_forms(singular: str, plural: str, gender: NounGender, vowel_sound: bool) -> NounForms:
    """The forms that a row of the glossary says."""
    plain: Gender = "feminine" if gender is NounGender.feminine else "masculine"
    return NounForms(singular, plural, plain, vowel_sound)


def create_nouns(school: School) -> list[Noun]:
    """Give a school its glossary: the rows it lacks, one for each noun and language, as the catalogues write them."""
    session = object_session(school)
    if session is None:
        raise ValueError("the school must be in a session")
    session.flush()
    known = {tuple(row) for row in session.execute(select(Noun.language, Noun.key).where(Noun.school_id == school.id))}
    rows = []
    for language in installed().languages():
        for key in NOUNS:
            if (language, key) not in known:
                rows.append(Noun(school_id=school.id, language=language, key=key))
                rows[-1].reset()
    session.add_all(rows)
    return rows


def clean_noun(value: str | None) -> str:
    """A noun without useless spaces. Refused: empty, longer than 40 signs, without a letter, signs that break a sentence (architecture 5b)."""
    word = " ".join(unicodedata.normalize("NFC", value or "").split())
    if not word:
        raise Refusal(_("The noun is empty. Type a word, or take the default word back."))
    if len(word) > LONGEST_NOUN:
        raise Refusal(_("A noun has at most %(longest)d characters. Shorten it."), longest=LONGEST_NOUN)
    if not any(sign.isalpha() for sign in word):
        raise Refusal(_("“%(word)s” holds no letter. Type a word."), word=word)
    if not _NOUN.fullmatch(word):
        raise Refusal(_("“%(word)s” cannot be a noun. Use letters, digits, spaces and these signs: - ' . · ( ) /"), word=word)
    return word


def clean_text(value: str | None) -> str:
    """A text of a label. Refused: empty or blank, longer than 2,000 signs, signs that nobody sees."""
    text = unicodedata.normalize("NFC", value or "").replace("\r\n", "\n")
    if not text.strip():
        raise Refusal(_("The text is empty. Type one, or take the default text back."))
    if len(text) > LONGEST_TEXT:
        raise Refusal(_("A text has at most %(longest)d characters. Shorten it."), longest=LONGEST_TEXT)
    if any(unicodedata.category(sign) in _UNSEEN and sign not in "\n\t\u200d" for sign in text):
        raise Refusal(_("The text holds a sign that nobody can see. Type the text again."))
    return text


def original(catalogue: str, language: str, msgctxt: str, msgid: str, added: Collection[str] = ()) -> Message:
    """The catalogue's text that an override replaces; `added`: languages that a school has added.

    Refused: a text, language or catalogue that does not exist.
    """
    if catalogue in CATALOGUES and (language in installed().languages() or language in added):
        for name in (language, DEFAULT_LANGUAGE):
            message = installed().get(catalogue, name).messages.get((msgctxt, msgid))
            if message:
                return message
    raise Refusal(_("This text is not one of the application's. Choose it in the list of texts."))


def check_places(text: str, message: Message, form: int) -> None:
    """Refuse a text that loses or invents a `%(name)s` place; the form for one thing may leave its number out."""
    known = places_in(message.msgid) | places_in(message.plural)
    optional = {"num"} | (places_in(message.plural) - places_in(message.msgid)) if message.plural and form == 0 else set()
    missing, unknown = known - optional - places_in(text), places_in(text) - known
    if missing:
        raise Refusal(_("The text must keep %(places)s: a value stands there."), places=_spell(missing))
    if unknown:
        raise Refusal(_("Nothing can stand at %(places)s in this text. Take it out."), places=_spell(unknown))


def _spell(places: set[str]) -> str:
    return ", ".join(f"%({name})s" for name in sorted(places))


def override(session: Session, message: Message, catalogue: str, language: str, form: int, text: str) -> LabelOverride:
    """Write a text of the current school, or everywhere without one, in place of the catalogue's (rules: `LabelOverride`)."""
    where: dict[str, Any] = {
        "school_id": current_school_id(),
        "language": language,
        "catalogue": catalogue,
        "msgctxt": message.context,
        "msgid": message.msgid,
        "form": form,
    }
    text = clean_text(text)
    check_places(text, message, form)
    row = session.scalar(select(LabelOverride).filter_by(**where))
    if row is None:
        row = LabelOverride(**where, text=text)
        session.add(row)
    row.text = text
    return row


for _table in (LabelOverride.__table__, Noun.__table__):
    _table.add_is_dependent_on(SchoolLanguage.__table__)  # type: ignore[attr-defined]  # undoing removes them before the language that they are written in


@event.listens_for(LabelOverride, "before_insert")
@event.listens_for(LabelOverride, "before_update")
def _check_override(_mapper: Any, connection: Any, row: LabelOverride) -> None:
    table = SchoolLanguage.__table__.c
    known = row.language in installed().languages()
    row.check([] if known else connection.scalars(select(table.language).where(table.school_id == row.school_id)).all())


@event.listens_for(Session, "before_flush")
def _renew_stamp(session: Session, _context: Any, _instances: Any) -> None:
    """A changed label or noun, or a row of a class that says so, gives the installation a new stamp, in the same transaction."""
    changed = (row for rows in (session.new, session.dirty, session.deleted) for row in rows)
    if not any(isinstance(row, LabelOverride | Noun) or getattr(row, "__renews_stamp__", False) for row in changed):
        return
    renew_stamp(session)


def renew_stamp(session: Session) -> None:
    """Another stamp, for what a statement has written past the listener."""
    with session.no_autoflush:
        stamp = session.get(LabelStamp, 1)
    if stamp is None:
        stamp = LabelStamp(id=1)
        session.add(stamp)
    stamp.value = secrets.randbits(62)


def read_stamp(session: Session) -> int:
    """The present stamp of the installation; 0 before the first label."""
    return session.scalar(select(LabelStamp.value).where(LabelStamp.id == 1)) or 0


def only_school(session: Session) -> int | None:
    """The installation's school when there is exactly one: pages without a school speak with its words."""
    ids = session.scalars(select(School.id).limit(2)).all()
    return ids[0] if len(ids) == 1 else None


def read_snapshot(session: Session, school_id: int | None, stamp: int) -> Snapshot:
    """The overrides and nouns that a school sees; without a school, those that hold everywhere."""
    o, n = LabelOverride, Noun
    texts = select(o.school_id, o.catalogue, o.language, o.msgctxt, o.msgid, o.form, o.text)
    texts = texts.where(or_(o.school_id.is_(None), o.school_id == school_id))
    overrides = tuple(Override(row[0] is None, row[1], row[2], row[3], row[4], row[5], row[6]) for row in session.execute(texts))
    nouns: dict[str, dict[str, NounForms]] = {}
    if school_id is not None:
        words = select(n.language, n.key, n.singular, n.plural, n.gender, n.vowel_sound).where(n.school_id == school_id)
        for language, key, singular, plural, gender, sound in session.execute(words):
            nouns.setdefault(language, {})[key] = noun_forms(singular, plural, gender, sound)
    return Snapshot(stamp, overrides, nouns, read_languages(session, school_id))
