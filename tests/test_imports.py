"""Imports: the same people whatever the file, twice changes nothing, all or nothing, and every kind of dirt with its sentence."""

import csv
import io

import openpyxl
import pytest
from conftest import rows
from import_people import GUARDIANS, HEADINGS, LINKS, STUDENTS, many
from sqlalchemy import func, select

from jobs import import_write
from jobs.runner import run_pending
from models.actors import staff_in
from models.base import Refusal
from models.db import db
from models.import_words import remedy_of, sentence_of
from models.imports import Import, ImportRow, ImportStatus, RowStatus
from models.journal import JournalEvent
from models.people import Group, Guardian, GuardianLink, LinkStatus, Relation, Student, StudentStatus
from models.school import School
from models.scope import acting

UTF8 = "utf-8"


def table(lines, headings=HEADINGS, encoding=UTF8, separator=";"):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\r\n")
    writer.writerow(headings)
    writer.writerows([line.get(h, "") for h in headings] if isinstance(line, dict) else line for line in lines)
    return out.getvalue().encode(encoding)


def book(lines, headings=HEADINGS):
    made = openpyxl.Workbook()
    made.active.append(headings)
    for line in lines:
        made.active.append([line.get(h, "") for h in headings])
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def tie(link):
    guardian = link.guardian
    return guardian.name, guardian.email, guardian.phone_e164, link.relation.name, link.authority.name, link.status.name


class Desk:
    """Somebody who imports into an empty school of their own."""

    def __init__(self, app, school_id, username):
        self.app, self.school_id = app, school_id
        with rows(app) as session:
            from models.access import User

            self.user_id = session.scalar(select(User.id).where(User.username == username))

    def acting(self):
        found = staff_in(db.session, self.user_id, self.school_id)
        assert found is not None
        return acting(*found)

    def send(self, *files):
        with self.app.app_context(), self.acting():
            made = Import.receive([f if isinstance(f, tuple) else ("eleves.csv", f) for f in files])
            db.session.commit()
            key = made.id
        run_pending(self.app)
        return key

    def do(self, key, verb, *args, **kwargs):
        with self.app.app_context(), self.acting():
            one = db.session.get_one(Import, key)
            if verb in ("choose", "correct"):
                args = (one.files[0], *args)
            getattr(one, verb)(*args, **kwargs)
            db.session.commit()
        run_pending(self.app)

    def write(self, *files, **kwargs):
        key = self.send(*files)
        self.do(key, "confirm", **kwargs)
        return key

    def state(self, key):
        with rows(self.app) as session:
            one = session.get_one(Import, key)
            return one.status, dict(one.counts), dict(one.written), one.problem

    def counts(self, key):
        status, counts, _written, problem = self.state(key)
        assert status is ImportStatus.checked, problem
        return {name: counts[name] for name in ("created", "changed", "unchanged", "error", "ignored", "absent")}

    def notes(self, key, kind="problems"):
        """Line -> (field, value, fact, remedy) of what the preview says, in English."""
        from flask_babel import force_locale

        with rows(self.app) as session, force_locale("en"):
            return {
                row.line: [(n["field"], n["value"], sentence_of(n).sentence, remedy_of(n)) for n in getattr(row, kind)]
                for row in session.scalars(select(ImportRow).where(ImportRow.import_id == key).order_by(ImportRow.line))
                if getattr(row, kind)
            }

    def people(self):
        """Everything an import writes, without keys, sorted."""
        with rows(self.app) as session:
            students = session.scalars(select(Student).where(Student.school_id == self.school_id))
            return sorted(
                (
                    s.family_name, s.given_name, s.sex.name if s.sex else "", str(s.born_on), s.national_id or "", s.email, s.phone, s.address1,
                    s.postal_code, s.town, s.homeroom.name if s.homeroom else "", s.level.name if s.level else "", s.status.name,
                    tuple(sorted(tie(link) for link in s.links)),
                )
                for s in students
            )  # fmt: skip


@pytest.fixture
def empty(app, schools):
    """A third school with nobody but its administrator and registrar, who are those of the first."""
    from models.access import Membership, Role, User

    with rows(app) as session:
        school = School(name="École vide", official_code="0752387M")
        session.add(school)
        session.flush()
        for name, role in (("ac", Role.ac), ("registrar", Role.registrar)):
            user_id = session.scalar(select(User.id).where(User.username == name))
            session.add(Membership(user_id=user_id, school_id=school.id, role=role))
        return school.id


@pytest.fixture
def desk(app, empty):
    return Desk(app, empty, "ac")


def test_three_hundred_students_are_the_same_in_every_format(app, desk):
    lines = many(300)
    desk.write(table(lines, encoding="cp1252"))
    first = desk.people()
    assert len(first) == 300
    with rows(app) as session:
        assert session.scalar(select(func.count()).select_from(GuardianLink).where(GuardianLink.school_id == desk.school_id)) == 600
    for again in (table(lines), table(lines, encoding="utf-8-sig", separator=","), table(lines, separator="\t", encoding="utf-16"), book(lines)):
        key = desk.send(("eleves", again))
        assert desk.counts(key) == {"created": 0, "changed": 0, "unchanged": 300, "error": 0, "ignored": 0, "absent": 0}
        desk.do(key, "abandon")
    assert desk.people() == first


def test_a_student_comes_with_names_as_written_and_guardians_tied(desk):
    desk.write(table(STUDENTS))
    zoe = next(p for p in desk.people() if p[1] == "Zoé")
    assert zoe[:7] == ("de La Tour d'Auvergne", "Zoé", "F", "2014-03-14", "060375611AC", "zoe@exemple.org", "06 39 98 10 01")
    assert zoe[10] == "5e Bleue"
    assert zoe[13] == (
        ("Hélène Bénard", "helene@exemple.org", "+33639981002", "mother", "legal", "active"),
        ("Paul Bénard", "paul@exemple.org", "", "father", "legal", "active"),
    )


def test_siblings_share_one_guardian_and_twins_stay_two(app, desk):
    desk.write(table(STUDENTS))
    with rows(app) as session:
        helene = session.scalars(select(Guardian).where(Guardian.school_id == desk.school_id, Guardian.given_name == "Hélène")).all()
        assert [len(g.links) for g in helene] == [3]
    assert [p[1] for p in desk.people() if p[0] == "Ozturk"] == ["Lou", "Léo"]


def test_the_search_key_of_an_imported_student_finds_the_guardians_phone(app, desk):
    desk.write(table(STUDENTS))
    with rows(app) as session:
        keys = session.scalars(select(Student.search_key).where(Student.school_id == desk.school_id, Student.search_key.like("%+33639981002%")))
        assert len(list(keys)) == 3


def test_the_same_file_again_changes_nothing_and_has_nothing_to_write(desk):
    desk.write(table(STUDENTS))
    key = desk.send(table(STUDENTS))
    assert desk.counts(key) == {"created": 0, "changed": 0, "unchanged": len(STUDENTS), "error": 0, "ignored": 0, "absent": 0}
    with pytest.raises(Refusal, match="changes nothing"):
        desk.do(key, "confirm")


def test_every_written_row_leaves_a_line_of_one_batch_in_the_history(app, desk):
    desk.write(table(STUDENTS))
    with rows(app) as session:
        lines = session.execute(
            select(JournalEvent.table_name, func.count(), func.count(JournalEvent.batch.distinct()))
            .where(JournalEvent.school_id == desk.school_id, JournalEvent.verb == "created", JournalEvent.batch.like("job-%"))
            .group_by(JournalEvent.table_name)
        ).all()
    found = {name: (count, batches) for name, count, batches in lines}
    assert found["student"] == (len(STUDENTS), 1)
    assert found["guardian"] == (3, 1)
    assert found["guardian_link"] == (5, 1)


def test_a_change_is_shown_before_and_after_and_an_empty_cell_erases_nothing(app, desk):
    desk.write(table(STUDENTS))
    changed = [
        {**STUDENTS[0], "classe": "5e Rouge", "adresse": "18, allée du Moulin", "courriel": "", "responsable1_telephone": "06 39 98 77 77"},
        *STUDENTS[1:],
    ]
    key = desk.send(table(changed))
    assert desk.counts(key)["changed"] == 1
    with rows(app) as session:
        diff = session.scalar(select(ImportRow.diff).where(ImportRow.import_id == key, ImportRow.status == RowStatus.changed))
    assert [(d["field"], d["before"], d["after"]) for d in diff] == [
        ("address1", "3, rue des Saules", "18, allée du Moulin"),
        ("homeroom", "5e Bleue", "5e Rouge"),
        ("g1.phone", "06 39 98 10 02", "06 39 98 77 77"),
    ]
    desk.do(key, "confirm")
    zoe = next(p for p in desk.people() if p[1] == "Zoé")
    assert (zoe[5], zoe[7], zoe[10]) == ("zoe@exemple.org", "18, allée du Moulin", "5e Rouge")
    assert zoe[13][0][2] == "+33639987777"


def test_bare_capitals_do_not_replace_a_better_spelling(desk):
    desk.write(table(STUDENTS))
    shouting = [{**s, "nom": "DE LA TOUR D’AUVERGNE", "prenom": "ZOE"} if s["prenom"] == "Zoé" else s for s in STUDENTS]
    assert desk.counts(desk.send(table(shouting)))["unchanged"] == len(STUDENTS)


DIRT = [
    ({"date_naissance": "31/09/2014"}, "born_on", "September has only 30 days."),
    ({"date_naissance": "2014"}, "born_on", "This is not a date."),
    ({"date_naissance": ""}, "born_on", "The date of birth is missing."),
    ({"date_naissance": "01/01/2055"}, "born_on", "This date is in the future."),
    ({"nom": ""}, "family_name", "The name is missing."),
    ({"prenom": "Zo\u00c3\u00a9"}, "given_name", "The accents of this text are damaged."),
    ({"nom": "A" * 300}, "family_name", "This text is too long: 200 characters at most."),
    ({"sexe": "peut-être"}, "sex", "This does not say a sex."),
    ({"courriel": "arobase.exemple.org"}, "email", "This is not an e-mail address."),
    ({"telephone": "6,39981E+08"}, "phone", "The spreadsheet has lost digits of this number."),
    ({"code_postal": "75"}, "postal_code", "This is not a postal code."),
    ({"ine": "6,39981E+10"}, "national_id", "The spreadsheet has lost digits of this number."),
    ({"ine": "070876696HA"}, "national_id", "The same identifier stands on line 3."),
    ({"uai": "9990001X"}, "school_code", "This line is of another [school] (9990001X)."),
    ({"responsable1_nom": "", "responsable1_prenom": "Jo"}, "g1.family_name", "This [guardian] has no name."),
]


@pytest.mark.parametrize(("dirt", "field", "sentence"), DIRT, ids=[d[2][:40] for d in DIRT])
def test_each_kind_of_dirt_is_told_with_its_line_field_value_and_remedy(desk, dirt, field, sentence):
    lines = [{**STUDENTS[0], **dirt}, *STUDENTS[1:]]
    key = desk.send(table(lines, [*HEADINGS, "uai"]))
    told = desk.notes(key)[2]
    nouns = sentence.replace("[school]", "school").replace("[guardian]", "guardian")
    assert [(f, s) for f, _v, s, _r in told] == [(field, nouns)]
    assert told[0][3]
    assert desk.counts(key)["error"] == (2 if "stands on line" in sentence else 1)
    assert desk.counts(key)["absent"] == 0


def test_rows_in_error_are_left_out_and_the_others_are_written(desk):
    desk.write(table([{**STUDENTS[0], "date_naissance": "31/09/2014"}, *STUDENTS[1:]]))
    assert "Zoé" not in [p[1] for p in desk.people()]
    assert len(desk.people()) == len(STUDENTS) - 1


def test_a_name_whose_letters_were_lost_is_refused_when_new_and_harmless_when_known(desk):
    polish = {"nom": "Wałęga", "prenom": "Zofia", "date_naissance": "01/02/2013", "ine": "070832327JA"}
    lost = {**polish, "nom": "Wa??ga"}
    key = desk.send(table([lost]))
    assert [(f, s) for f, _v, s, _r in desk.notes(key)[2]] == [("family_name", "The accents of this text are damaged.")]
    desk.do(key, "abandon")
    desk.write(table([polish]))
    assert desk.counts(desk.send(table([lost])))["unchanged"] == 1


def test_the_identifier_of_somebody_else_is_refused_with_their_name(desk):
    desk.write(table(STUDENTS))
    stranger = {"nom": "Nguyen", "prenom": "Alix", "date_naissance": "04/12/2013", "ine": "060375611AC"}
    key = desk.send(table([*STUDENTS, stranger]))
    told = desk.notes(key)
    assert list(told) == [len(STUDENTS) + 2]
    assert told[len(STUDENTS) + 2][0][2] == "Already that of Zoé de La Tour d'Auvergne."


def test_homonyms_without_identifier_are_never_merged_by_a_guess(desk):
    one = {"nom": "Martin", "prenom": "Léa", "date_naissance": "01/02/2013", "ine": "070832327JA"}
    two = {**one, "ine": "060446577EA"}
    desk.write(table([one, two]))
    assert len(desk.people()) == 2
    key = desk.send(table([{**one, "ine": ""}]))
    assert desk.notes(key)[2][0][2] == "2 students have this name and this date of birth."
    assert desk.counts(key)["absent"] == 0
    desk.do(key, "abandon")
    assert desk.counts(desk.send(table([one, two])))["unchanged"] == 2


def test_a_namesake_with_another_identifier_is_created_and_told(desk):
    one = {"nom": "Martin", "prenom": "Léa", "date_naissance": "01/02/2013", "ine": "070832327JA"}
    desk.write(table([one]))
    key = desk.send(table([one, {**one, "ine": "060446577EA"}]))
    assert desk.counts(key)["created"] == 1
    assert "has another identifier" in desk.notes(key, "doubts")[3][0][2]


def test_two_parents_with_one_email_stay_two_people(app, desk):
    lines = [{**STUDENTS[0], "responsable2_courriel": "helene@exemple.org"}]
    desk.write(table(lines))
    with rows(app) as session:
        names = session.scalars(select(Guardian.given_name).where(Guardian.school_id == desk.school_id, Guardian.email == "helene@exemple.org"))
        assert sorted(names) == ["Hélène", "Paul"]


def test_a_later_line_that_says_otherwise_of_a_guardian_is_told_and_not_written(desk):
    lines = [STUDENTS[0], {**STUDENTS[1], "responsable1_telephone": "06 39 98 55 55"}]
    key = desk.write(table(lines))
    assert any("Line 2 says something else" in s for _f, _v, s, _r in desk.notes(key, "doubts")[3])
    assert desk.counts(desk.send(table(lines)))["unchanged"] == 2


def test_three_files_of_one_import_say_the_same_as_one(desk):
    alone = [{h: v for h, v in s.items() if not h.startswith("responsable")} for s in STUDENTS]
    headings = [h for h in HEADINGS if not h.startswith("responsable")]
    files = [("eleves.csv", table(alone, headings)), ("responsables.csv", table(GUARDIANS, list(GUARDIANS[0]))), ("liens.csv", table(LINKS, list(LINKS[0])))]
    key = desk.write(*files)
    assert desk.state(key)[2]["new_links"] == 5
    joined = desk.people()
    assert desk.counts(desk.send(table(STUDENTS))) == {"created": 0, "changed": 0, "unchanged": len(STUDENTS), "error": 0, "ignored": 0, "absent": 0}
    assert desk.people() == joined


def test_ties_to_nobody_are_told_in_their_own_file(desk):
    wrong = [*LINKS, {"eleve": "nobody", "responsable": "g1", "lien": "mère"}]
    headings = [h for h in HEADINGS if not h.startswith("responsable")]
    key = desk.send(
        ("eleves.csv", table(STUDENTS, headings)), ("responsables.csv", table(GUARDIANS, list(GUARDIANS[0]))), ("liens.csv", table(wrong, list(LINKS[0])))
    )
    assert [s for notes in desk.notes(key).values() for _f, _v, s, _r in notes] == ["No student matches this line."]


def test_a_guardian_added_beside_a_suspended_link_waits_to_be_checked(app, desk):
    desk.write(table([{h: v for h, v in STUDENTS[0].items() if not h.startswith("responsable2")}]))
    with rows(app) as session:
        link = session.scalars(select(GuardianLink).where(GuardianLink.school_id == desk.school_id)).one()
        link.suspend("jugement")
    desk.write(table([STUDENTS[0]]))
    with rows(app) as session:
        found = session.execute(select(GuardianLink.relation, GuardianLink.status).where(GuardianLink.school_id == desk.school_id)).all()
    assert set(found) == {(Relation.mother, LinkStatus.suspended), (Relation.father, LinkStatus.to_check)}


def test_absent_students_are_only_deactivated_when_asked_and_never_deleted(app, desk):
    desk.write(table(many(10)))
    key = desk.send(table(many(9)))
    assert desk.counts(key)["absent"] == 1
    with pytest.raises(Refusal):
        desk.do(key, "confirm")
    desk.do(key, "confirm", deactivate=True)
    assert [p[12] for p in desk.people()].count("left") == 1
    back = desk.send(table(many(10)))
    assert desk.counts(back)["changed"] == 1
    desk.do(back, "confirm")
    assert {p[12] for p in desk.people()} == {"active"}


def test_more_than_one_in_five_absent_needs_the_number_typed(desk):
    desk.write(table(many(10)))
    key = desk.send(table(many(7)))
    for typed in ("", "2", "oui"):
        with pytest.raises(Refusal, match="3"):
            desk.do(key, "confirm", deactivate=True, typed=typed)
    desk.do(key, "confirm", deactivate=True, typed="3")
    assert [p[12] for p in desk.people()].count("left") == 3


def test_a_student_with_a_leaving_date_leaves_and_a_stranger_who_left_is_left_out(desk):
    desk.write(table(STUDENTS))
    headings = [*HEADINGS, "date_sortie"]
    gone = [
        {**STUDENTS[0], "date_sortie": "01/09/2025"},
        *STUDENTS[1:],
        {"nom": "Parti", "prenom": "Yan", "date_naissance": "01/01/2012", "date_sortie": "01/09/2025"},
    ]
    key = desk.send(table(gone, headings))
    assert desk.counts(key) == {"created": 0, "changed": 1, "unchanged": len(STUDENTS) - 1, "error": 0, "ignored": 1, "absent": 0}
    desk.do(key, "confirm")
    assert next(p for p in desk.people() if p[1] == "Zoé")[12] == StudentStatus.left.name


def test_unknown_classes_and_levels_come_with_the_import_and_are_counted(app, desk):
    lines = [{**s, "niveau": "5ème"} for s in STUDENTS]
    key = desk.send(table(lines, [*HEADINGS, "niveau"]))
    counts = desk.state(key)[1]
    assert (counts["new_groups"], counts["new_levels"]) == (2, 1)
    desk.do(key, "confirm")
    again = [{**s, "niveau": "5e", "classe": s["classe"].upper()} for s in STUDENTS]
    assert desk.counts(desk.send(table(again, [*HEADINGS, "niveau"])))["unchanged"] == len(STUDENTS)


def test_a_class_tells_its_level_only_when_one_level_fits(app, desk):
    from models.school import Level

    with rows(app) as session:
        session.add_all([Level(school_id=desk.school_id, name="5e", rank=1), Level(school_id=desk.school_id, name="4e", rank=2)])
    desk.write(table(STUDENTS))
    assert {p[11] for p in desk.people() if p[10] == "5e Bleue"} == {"5e"}


def test_a_group_that_is_no_class_is_not_taken_for_one(app, desk):
    with rows(app) as session:
        session.add(Group(school_id=desk.school_id, name="5e Bleue"))
    key = desk.send(table(STUDENTS[:1]))
    assert "already a group that is not a class" in desk.notes(key)[2][0][2]


def test_a_failure_in_the_middle_writes_nothing_at_all(app, desk, monkeypatch):
    whole = import_write._Writer._create
    calls = []

    def fail_later(self, piece):
        calls.append(len(piece))
        if len(calls) % 2 == 0:  # at each of the three tries
            raise OSError("disk full")
        whole(self, piece)

    monkeypatch.setattr(import_write, "PIECE", 100)
    key = desk.send(table(many(300)))
    monkeypatch.setattr(import_write._Writer, "_create", fail_later)
    desk.do(key, "confirm")
    assert desk.people() == []
    with rows(app) as session:
        assert session.scalar(select(func.count()).select_from(Guardian).where(Guardian.school_id == desk.school_id)) == 0
        assert session.scalar(select(func.count()).select_from(Group).where(Group.school_id == desk.school_id)) == 0


def test_a_school_that_changed_since_the_check_gets_a_new_check_and_no_write(app, desk):
    key = desk.send(table(STUDENTS))
    with rows(app) as session:
        session.add(Student(school_id=desk.school_id, family_name="Bénard", given_name="Éva", national_id="070876696HA"))
    with app.app_context(), desk.acting():
        db.session.get_one(Import, key).confirm()
        db.session.commit()
    run_pending(app)
    status, _counts, written, problem = desk.state(key)
    assert (status, written, problem["code"]) == (ImportStatus.checked, {}, "changed_since")
    with rows(app) as session:
        shown = session.scalars(select(ImportRow).where(ImportRow.import_id == key))
        assert "Zoé" in [row.cells["given_name"] for row in shown]
    assert len(desk.people()) == 1


def test_one_import_of_a_school_is_under_way_at_a_time(app, desk):
    with app.app_context(), desk.acting():
        Import.receive([("a.csv", table(STUDENTS))])
        db.session.commit()
        with pytest.raises(Refusal, match=r"a\.csv"):
            Import.receive([("b.csv", table(STUDENTS))])
        db.session.rollback()
    run_pending(app)
    desk.send(table(STUDENTS))


def test_a_correction_in_the_preview_is_read_in_place_of_the_cell(desk):
    key = desk.send(table([{**STUDENTS[0], "date_naissance": "31/09/2014"}, *STUDENTS[1:]]))
    desk.do(key, "correct", 2, {"born_on": "30/09/2014"})
    assert desk.counts(key)["error"] == 0
    desk.do(key, "confirm")
    assert next(p for p in desk.people() if p[1] == "Zoé")[3] == "2014-09-30"


def test_an_ignored_line_is_left_out_and_can_be_taken_again(desk):
    key = desk.send(table([{**STUDENTS[0], "date_naissance": "31/09/2014"}, *STUDENTS[1:]]))
    desk.do(key, "ignore", 2)
    assert desk.counts(key)["error"] == 0
    assert desk.counts(key)["ignored"] == 1
    desk.do(key, "ignore", 2)
    assert desk.counts(key)["error"] == 1


def test_a_column_can_be_called_otherwise_and_the_file_is_checked_again(desk):
    headings = ["surnom" if h == "nom" else h for h in HEADINGS]
    data = table([[s.get(h, "") for h in HEADINGS] for s in STUDENTS], headings)
    key = desk.send(data)
    assert desk.counts(key)["error"] == len(STUDENTS)
    desk.do(key, "choose", {}, {0: "family_name"})
    assert desk.counts(key)["created"] == len(STUDENTS)


@pytest.mark.parametrize("forged", ["role", "school_id", "password_hash", "id", "g4.email", "links", "__class__"])
def test_a_forged_column_is_refused(desk, forged):
    key = desk.send(table(STUDENTS))
    with pytest.raises(Refusal):
        desk.do(key, "choose", {}, {0: forged})
    with pytest.raises(Refusal):
        desk.do(key, "correct", 2, {forged: "x"})


def test_two_columns_cannot_be_the_same(desk):
    key = desk.send(table(STUDENTS))
    with pytest.raises(Refusal):
        desk.do(key, "choose", {}, {0: "given_name"})


def test_another_encoding_and_separator_can_be_chosen(desk):
    key = desk.send(table(STUDENTS, encoding="mac_roman"))
    assert desk.counts(key)["created"] == len(STUDENTS)
    desk.do(key, "choose", {"encoding": "mac_roman", "separator": ";"}, {})
    desk.do(key, "confirm")
    assert "Zoé" in [p[1] for p in desk.people()]


def test_a_file_that_is_no_list_of_people_says_so(desk):
    assert desk.state(desk.send(b"couleur;taille\nrouge;3\n"))[3] == {"code": "no_columns", "params": {}}


def test_an_unreadable_file_says_why_and_can_be_abandoned(desk):
    key = desk.send(b'nom;prenom\n"Zo;e\n')
    status, _counts, _written, problem = desk.state(key)
    assert (status, problem) == (ImportStatus.failed, {"code": "open_quote", "params": {"line": 2}})
    desk.do(key, "abandon")
    assert desk.state(key)[0] is ImportStatus.abandoned


def test_the_file_goes_once_written_or_abandoned(app, desk, tmp_path):
    from models import files

    key = desk.send(table(STUDENTS))
    with rows(app) as session:
        path = files.path_of(session.get_one(Import, key).files[0].file_key)
    assert path.exists()
    desk.do(key, "confirm")
    assert not path.exists()


def test_a_formula_is_stored_as_it_is(desk):
    desk.write(table([{**STUDENTS[0], "adresse": "=cmd|' /C calc'!A0", "ville": "@SUM(A1)"}]))
    assert desk.people()[0][7:10:2] == ("=cmd|' /C calc'!A0", "@SUM(A1)")


def test_a_registrar_imports_students_without_their_guardians(app, empty):
    desk = Desk(app, empty, "registrar")
    key = desk.write(table(STUDENTS))
    assert len(desk.people()) == len(STUDENTS)
    assert all(person[13] == () for person in desk.people())
    assert desk.state(key)[1]["guardians_left_out"] == 5


def test_what_a_registrar_may_not_import_keeps_no_line_out(app, empty):
    desk = Desk(app, empty, "registrar")
    key = desk.write(table([{**STUDENTS[0], "responsable1_portable": "?"}]))
    assert len(desk.people()) == 1
    assert desk.state(key)[1]["error"] == 0


def test_the_right_is_asked_again_when_the_work_is_done(app, desk):
    from models.access import Membership

    key = desk.send(table(STUDENTS))
    with app.app_context(), desk.acting():
        db.session.get_one(Import, key).confirm()
        db.session.commit()
    with rows(app) as session:
        for membership in session.scalars(select(Membership).where(Membership.school_id == desk.school_id)):
            session.delete(membership)
    run_pending(app)
    assert desk.people() == []
