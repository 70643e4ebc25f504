"""A school's own fields on the models: keys, types, choices, what may change, and looking inside the JSON column."""

import datetime as dt
from decimal import Decimal

import pytest
from batches import As
from conftest import counted, rows
from sqlalchemy import inspect as sa_inspect
from sqlalchemy import select

from models.base import Refusal
from models.custom import CustomField, FieldState, extensible, filled, kept_tables, may_keep, read_specs
from models.custom_json import has_exactly, has_text, has_value
from models.custom_values import FieldKind, slug
from models.import_words import BadCell
from models.labels import read_stamp
from models.people import Group, Student
from models.undo import Act, plan, undo
from models.words import in_language

CHOICES = [("", "Externe", False), ("", "Demi-pensionnaire", False), ("", "Interne", False)]


def add(session, school, label="Régime", kind=FieldKind.choice, table="student", **given):
    """A field, with the three usual choices when it is a list."""
    field = CustomField(school_id=school, table_name=table, label=label, kind=kind, **given)
    if kind is FieldKind.choice:
        field.offer(CHOICES)
    session.add(field)
    session.flush()
    return field


def refused(session, act):
    """The sentence in French with which something is refused; what it began is undone."""
    with in_language("fr"):
        try:
            with session.begin_nested(), session.no_autoflush:
                act()
                session.flush()
        except Refusal as refusal:
            return refusal.sentence
    raise AssertionError("nothing was refused")


def some(session, school, number):
    """That many students of a school."""
    return list(session.scalars(select(Student).where(Student.school_id == school).order_by(Student.id).limit(number)))


# --- the field itself


def test_three_tables_take_fields():
    assert {"student", "guardian", "group"} <= set(extensible())


def test_the_fields_of_the_studies_are_the_registrar_s_too():
    assert may_keep(["registrar"], "enrolment")
    assert not may_keep(["registrar"], "student")
    assert may_keep(["registrar", "acc"], "student")
    assert not may_keep(["registrar", "ac"], "student")
    assert may_keep(["registrar", "ac"], "student", "read")
    assert {"session_record", "enrolment", "programme", "course", "term"} <= set(kept_tables(["registrar"])) < set(extensible())


def test_a_key_is_made_of_the_name_and_stays_when_the_name_changes(app, schools):
    with rows(app) as session:
        first, second, odd = (add(session, schools[0], label, FieldKind.text) for label in ("Ligne de car", "Ligne-de-car", "2e prénom"))
        other = add(session, schools[1], "Ligne de car", FieldKind.text)
        assert [f.key for f in (first, second, odd, other)] == ["ligne_de_car", "ligne_de_car_2", "f_2e_prenom", "ligne_de_car"]
        first.label = "Numéro du car"
        session.flush()
        assert first.key == "ligne_de_car"
        assert [f.rank for f in (first, second, odd)] == [1, 2, 3]


@pytest.mark.parametrize(("words", "key"), [("Œuvre d’art", "oeuvre_d_art"), ("é" * 90, "e" * 40), ("!!!", "f"), ("12", "f_12")])
def test_a_key_holds_letters_digits_and_underscores(words, key):
    assert slug(words, ()) == key


def test_a_name_is_needed_and_taken_once_in_a_list(app, schools):
    with rows(app) as session:
        add(session, schools[0], "Casier", FieldKind.text)
        assert "pas de nom" in refused(session, lambda: add(session, schools[0], "  ", FieldKind.text))
        assert "nommé" in refused(session, lambda: add(session, schools[0], "casier", FieldKind.text))
        assert "déjà un champ" in refused(session, lambda: add(session, schools[0], "Date de naissance", FieldKind.text))
        add(session, schools[0], "Casier", FieldKind.text, table="group")
        add(session, schools[1], "Casier", FieldKind.text)


def test_what_makes_no_sense_is_refused(app, schools):
    with rows(app) as session:
        assert "ne prend pas" in refused(session, lambda: add(session, schools[0], "X", FieldKind.text, table="user"))
        assert "dans le formulaire" in refused(session, lambda: add(session, schools[0], "X", FieldKind.text, required=True, in_form=False))
        assert "au moins un" in refused(session, lambda: session.add(CustomField(school_id=schools[0], table_name="student", label="X", kind=FieldKind.choice)))


def test_a_list_takes_sixty_fields_and_no_more(app, schools):
    with rows(app) as session:
        for number in range(60):
            session.add(CustomField(school_id=schools[0], table_name="student", label=f"Champ {number}"))
        session.flush()
        assert "60 champs" in refused(session, lambda: add(session, schools[0], "De trop", FieldKind.text))


def test_a_changed_field_renews_the_stamp_of_the_words(app, schools):
    with rows(app) as session:
        field = add(session, schools[0])
        before = read_stamp(session)
        field.help = "Pour la cantine"
        session.flush()
        assert read_stamp(session) != before


# --- values


READ = [
    (FieldKind.text, "  Ligne  12\u200b bis ", "Ligne 12 bis"),
    (FieldKind.long_text, "Un\r\ndeux ", "Un\ndeux"),
    (FieldKind.number, "1 234,50", "1234.5"),
    (FieldKind.number, "1\u202f234", "1234"),
    (FieldKind.number, "-0", "0"),
    (FieldKind.number, "100", "100"),
    (FieldKind.number, ".5", "0.5"),
    (FieldKind.date, "14/3/2026", "2026-03-14"),
    (FieldKind.date, "2026-03-14", "2026-03-14"),
    (FieldKind.yes_no, "OUI", True),
    (FieldKind.yes_no, "n", False),
    (FieldKind.choice, "DEMI-pensionnaire", "demi_pensionnaire"),
    *((kind, "  ", None) for kind in FieldKind),
]


@pytest.mark.parametrize(("kind", "typed", "packed"), READ)
def test_a_value_is_read_as_people_write_it(app, schools, kind, typed, packed):
    with rows(app) as session:
        spec = add(session, schools[0], "Essai", kind).spec
        assert spec.read(typed) == packed
        spec.check(packed)


BAD = [
    (FieldKind.text, "x" * 201),
    (FieldKind.long_text, "x" * 2001),
    (FieldKind.number, "douze"),
    (FieldKind.number, "1e5"),
    (FieldKind.number, "1234567890123"),
    (FieldKind.number, "NaN"),
    (FieldKind.date, "31/02/2026"),
    (FieldKind.yes_no, "peut-être"),
    (FieldKind.choice, "Pensionnaire"),
    (FieldKind.choice, "demi_pensionnaire"),  # the key is ours, people write the words
]


@pytest.mark.parametrize(("kind", "typed"), BAD)
def test_a_value_of_another_type_is_refused_with_its_remedy(app, schools, kind, typed):
    with rows(app) as session, in_language("fr"):
        spec = add(session, schools[0], "Essai", kind).spec
        with pytest.raises(BadCell) as caught:
            spec.read(typed)
        assert str(caught.value.remedy)
        assert typed[:80] in caught.value.sentence or "trop long" in caught.value.sentence


FORGED = [
    (FieldKind.number, "1,5"),
    (FieldKind.number, 3),
    (FieldKind.date, "14/03/2026"),
    (FieldKind.yes_no, "oui"),
    (FieldKind.choice, "x"),
    (FieldKind.text, 3),
]


@pytest.mark.parametrize(("kind", "packed"), FORGED)
def test_a_row_refuses_what_the_field_does_not_take_and_names_both(app, schools, kind, packed):
    with rows(app) as session:
        spec = add(session, schools[0], "Essai", kind).spec
        (student,) = some(session, schools[0], 1)
        sentence = refused(session, lambda: student.put(spec, packed))
        assert sentence.startswith("Essai")
        assert str(packed) in sentence
        assert student.extra == {}


def test_a_value_comes_back_as_people_know_it(app, schools):
    with rows(app) as session:
        specs = {kind: add(session, schools[0], f"Essai {kind.name}", kind).spec for kind in FieldKind}
        assert specs[FieldKind.number].value("4.5") == Decimal("4.5")
        assert specs[FieldKind.date].value("2026-03-14") == dt.date(2026, 3, 14)
        assert specs[FieldKind.choice].value("interne") == "Interne"
        assert specs[FieldKind.choice].value("gone") == "gone"
        assert specs[FieldKind.yes_no].value(False) is False
        assert specs[FieldKind.date].value("illisible") == "illisible"


def test_putting_a_value_leaves_the_others_and_is_seen_as_a_change(app, schools):
    with rows(app) as session:
        bus, lunch = add(session, schools[0], "Car", FieldKind.text).spec, add(session, schools[0]).spec
        (student,) = some(session, schools[0], 1)
        student.put(bus, "12")
        session.flush()
        before = student.extra
        student.put(lunch, "interne")
        assert sa_inspect(student).attrs.extra.history.deleted == [before]
        session.flush()
        assert student.extra == {"car": "12", "regime": "interne"}
        student.put(bus, None)
        assert student.extra == {"regime": "interne"}
        session.flush()
        student.put(bus, "")
        assert not session.is_modified(student)


def test_a_needed_value_is_refused_empty(app, schools):
    with rows(app) as session:
        spec = add(session, schools[0], "Car", FieldKind.text, required=True).spec
        (student,) = some(session, schools[0], 1)
        assert "obligatoire" in refused(session, lambda: student.put(spec, None))


# --- what may change once there are values


def test_the_type_changes_until_somebody_has_filled_it_in(app, schools):
    with rows(app) as session:
        field = add(session, schools[0], "Car", FieldKind.text)
        field.kind = FieldKind.number
        session.flush()
        one, two = some(session, schools[0], 2)
        one.put(field.spec, "12")
        two.put(field.spec, "13")
        session.flush()
        sentence = refused(session, lambda: setattr(field, "kind", FieldKind.date))
        assert "2 fiches" in sentence
        assert "Retirez ce champ" in sentence


def test_the_list_of_a_field_never_changes(app, schools):
    with rows(app) as session:
        field = add(session, schools[0])
        assert "ne change pas" in refused(session, lambda: setattr(field, "table_name", "group"))


def test_a_withdrawn_field_keeps_its_values_and_comes_back_with_them(app, schools):
    with rows(app) as session:
        field = add(session, schools[0])
        (student,) = some(session, schools[0], 1)
        student.put(field.spec, "interne")
        field.retire()
        session.flush()
        assert (field.state, field.spec.retired, student.extra) == (FieldState.withdrawn, True, {"regime": "interne"})
        assert "déjà retiré" in refused(session, field.retire)
        same = add(session, schools[0])
        assert same.key == "regime_2"  # the values of the first are not its own
        assert "déjà un champ" in refused(session, field.reactivate)
        same.retire()
        session.flush()
        field.reactivate()
        session.flush()
        assert field.state is FieldState.in_use
        assert "pas retiré" in refused(session, field.reactivate)


def test_choices_are_renamed_by_their_key_and_one_in_use_is_only_withdrawn(app, schools):
    with rows(app) as session:
        field = add(session, schools[0])
        (student,) = some(session, schools[0], 1)
        student.put(field.spec, "interne")
        session.flush()
        field.offer([("externe", "Externe libre", False), ("", "Interne externé", False)])
        assert [(c["key"], c["label"], c["retired"]) for c in field.choices] == [
            ("externe", "Externe libre", False),
            ("interne_externe", "Interne externé", False),
            ("interne", "Interne", True),  # a student holds it; nobody held the third one
        ]
        session.flush()
        spec = field.spec
        student.put(spec, "interne")  # what stands there stays
        (other,) = some(session, schools[0], 2)[1:]
        assert "pas un des choix" in refused(session, lambda: other.put(spec, "interne"))


def test_choices_that_cannot_be_told_apart_are_refused(app, schools):
    with rows(app) as session:
        field = add(session, schools[0])
        assert "deux fois" in refused(session, lambda: field.offer([*CHOICES, ("", "EXTERNE", False)]))
        assert "trop long" in refused(session, lambda: field.offer([("", "x" * 81, False)]))
        assert "n’existe pas" in refused(session, lambda: field.offer([("forged", "Forgé", False)]))
        assert "200 choix" in refused(session, lambda: field.offer([("", f"Choix {n}", False) for n in range(201)]))


def test_undoing_a_new_field_removes_it_unless_somebody_has_filled_it_in(app, schools, a_student):
    acc = As(app, schools[0], "acc")
    for batch, label in (("b1", "Car"), ("b2", "Casier")):
        with acc(batch) as session:
            session.add(CustomField(table_name="student", label=label))
    with acc("b3") as session:
        spec = read_specs(session, schools[0])["student"][1]
        session.get_one(Student, a_student).put(spec, "12")
    with acc("b4") as session:
        undo(session, "b1")
        found = plan(session, "b2")
        assert [(line.act, str(line.reason)) for line in found.lines] == [(Act.keep, "Quelque chose y a été ajouté depuis.")]
        assert [spec.label for spec in read_specs(session, schools[0])["student"]] == ["Casier"]


# --- counting and finding


def test_filled_fields_are_counted_school_by_school_in_one_query_for_each_list(app, schools):
    with rows(app) as session:
        bus, lunch = add(session, schools[0], "Car", FieldKind.text), add(session, schools[0])
        room = add(session, schools[0], "Salle", FieldKind.text, table="group")
        for student in some(session, schools[0], 3):
            student.put(bus.spec, "12")
        (stranger,) = some(session, schools[1], 1)
        stranger.extra = {"car": "99"}
        group = session.scalar(select(Group).where(Group.school_id == schools[0]))
        group.put(room.spec, "B12")
        session.flush()
        with counted(app) as seen:
            found = filled(session, [bus, lunch, room])
        assert found == {bus.id: 3, lunch.id: 0, room.id: 1}
        assert len(seen) == 2


def test_a_value_is_found_exactly_whatever_the_database(app, schools):
    with rows(app) as session:
        one, two, three = some(session, schools[0], 3)
        one.extra = {"car": "Été 12", "image": True, "qf": "12.5"}
        two.extra = {"car": "ete 120", "image": False}
        three.extra = {"car": "%", "image": None}
        session.flush()

        def found(clause):
            return set(session.scalars(select(Student.id).where(Student.school_id == schools[0], clause)))

        extra = Student.extra
        assert found(has_text(extra, "car", "ETE 12")) == {one.id}
        assert found(has_text(extra, "car", "%")) == {three.id}
        assert found(has_exactly(extra, "qf", "12.5")) == {one.id}
        assert found(has_exactly(extra, "image", True)) == {one.id}
        assert found(has_exactly(extra, "image", False)) == {two.id}
        assert found(has_value(extra, "image")) == {one.id, two.id}
        assert one.id not in found(~has_value(extra, "car"))


def test_the_fields_of_a_school_are_read_in_their_order_withdrawn_ones_last(app, schools):
    with rows(app) as session:
        last, first, gone = (add(session, schools[0], label, FieldKind.text) for label in ("Deux", "Un", "Zéro"))
        first.rank, last.rank = 1, 2
        gone.rank = 0
        gone.retire()
        add(session, schools[1], "Ailleurs", FieldKind.text)
        session.flush()
        assert [spec.label for spec in read_specs(session, schools[0])["student"]] == ["Un", "Deux", "Zéro"]
