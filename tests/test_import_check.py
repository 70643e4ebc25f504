"""What the check of an import says: every kind of dirt with its sentence, who is who, what the columns are."""

import pytest
from conftest import rows
from import_desk import table
from import_people import GUARDIANS, HEADINGS, LINKS, STUDENTS
from sqlalchemy import select

from models.base import Refusal
from models.imports import ImportRow, ImportStatus, RowStatus
from models.people import Group, Guardian, StudentStatus


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


WORSE = [
    ("nom", "De la tour d'Auvergne"),
    ("nom", "de-La-Tour d\u2019 Auvergne"),
    ("prenom", "Zoe"),
    ("nom_usage", "Benard Le-Goff"),
    ("autres_prenoms", "helene"),
    ("responsable1_nom", "Benard"),
    ("responsable1_prenom", "Helene"),
]
WELL = {**STUDENTS[0], "nom_usage": "Bénard Le Goff", "autres_prenoms": "Hélène"}
NAMED = [*HEADINGS, "nom_usage", "autres_prenoms"]


@pytest.mark.parametrize(("heading", "text"), WORSE, ids=[text for _heading, text in WORSE])
def test_a_name_that_differs_by_its_spelling_only_stays_as_the_school_writes_it(desk, heading, text):
    desk.write(table([WELL], NAMED))
    key = desk.send(table([{**WELL, heading: text}], NAMED))
    assert desk.counts(key)["unchanged"] == 1
    assert desk.notes(key, "doubts") == {}


def test_a_name_kept_in_capitals_or_small_letters_takes_the_spelling_of_a_file_that_has_both(app, desk):
    desk.write(table([{**WELL, "nom": "DE LA TOUR D'AUVERGNE", "prenom": "zoe", "responsable1_nom": "BENARD", "responsable1_prenom": "helene"}], NAMED))
    key = desk.send(table([WELL], NAMED))
    with rows(app) as session:
        diff = session.scalar(select(ImportRow.diff).where(ImportRow.import_id == key, ImportRow.status == RowStatus.changed))
    assert [(d["field"], d["before"], d["after"]) for d in diff] == [
        ("family_name", "DE LA TOUR D'AUVERGNE", "de La Tour d'Auvergne"),
        ("given_name", "zoe", "Zoé"),
        ("g1.family_name", "BENARD", "Bénard"),
        ("g1.given_name", "helene", "Hélène"),
    ]


def test_another_name_is_a_change_whatever_its_spelling(desk):
    desk.write(table([WELL], NAMED))
    assert desk.counts(desk.send(table([{**WELL, "nom_usage": "MARCHAND"}], NAMED)))["changed"] == 1


DIRT = [
    ({"date_naissance": "31/09/2014"}, "born_on", "September has only 30 days."),
    ({"date_naissance": "2014"}, "born_on", "This is not a date."),
    ({"date_naissance": ""}, "born_on", "The date of birth is missing."),
    ({"date_naissance": "01/01/2055"}, "born_on", "This date is in the future."),
    ({"nom": ""}, "family_name", "The name is missing."),
    ({"prenom": ""}, "given_name", "The given name is missing."),
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
    assert [(why, len(refs)) for why, refs in desk.questions(key)[2]] == [("several", 2)]
    counts = desk.counts(key)
    assert (counts["unsure"], counts["created"], counts["absent"]) == (1, 0, 0)
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


def test_ties_to_nobody_are_told_in_their_own_file(desk):
    wrong = [*LINKS, {"eleve": "nobody", "responsable": "g1", "lien": "mère"}]
    headings = [h for h in HEADINGS if not h.startswith("responsable")]
    key = desk.send(
        ("eleves.csv", table(STUDENTS, headings)), ("responsables.csv", table(GUARDIANS, list(GUARDIANS[0]))), ("liens.csv", table(wrong, list(LINKS[0])))
    )
    assert [s for notes in desk.notes(key).values() for _f, _v, s, _r in notes] == ["No student matches this line."]


def test_a_student_with_a_leaving_date_leaves_and_a_stranger_who_left_is_left_out(desk):
    desk.write(table(STUDENTS))
    headings = [*HEADINGS, "date_sortie"]
    gone = [
        {**STUDENTS[0], "date_sortie": "01/09/2025"},
        *STUDENTS[1:],
        {"nom": "Parti", "prenom": "Yan", "date_naissance": "01/01/2012", "date_sortie": "01/09/2025"},
    ]
    key = desk.send(table(gone, headings))
    assert desk.counts(key) == {"created": 0, "changed": 1, "unchanged": len(STUDENTS) - 1, "error": 0, "unsure": 0, "ignored": 1, "absent": 0}
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
        desk.fix(key, 2, {forged: "x"})


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
