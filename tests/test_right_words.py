"""Every cell of the table of rights has its sentence, in both languages."""

import pytest

from models import right_words
from models.access import Role
from models.right_override import WORKING, cells
from models.rights import POLICY, natural
from views.i18n import force_locale


def test_every_cell_has_words_of_its_own():
    assert right_words.missing({table: cells(table) for table in POLICY}) == []


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_sentence_is_whole_for_every_role_that_has_the_right(app, language):
    with app.test_request_context(), force_locale(language):
        for table in POLICY:
            for role in WORKING:
                for verb in cells(table):
                    far = natural(table, role.name, verb)
                    text = right_words.sentence(role.name, table, verb, granted=True, reach=far)
                    assert "%(" not in text, text
                    assert "_" not in text, text
                    assert not text.endswith(" "), text
                    assert far in right_words.ROWS[table] or far == "all" or "%(rows)s" not in str(right_words.PHRASES.get((table, verb), "%(rows)s")), (
                        table,
                        verb,
                        far,
                    )


def test_the_sentence_of_a_teacher_names_the_students_of_their_groups(app):
    with app.test_request_context():
        assert right_words.sentence("ec", "student", "generate_codes", granted=True, reach="g") == (
            "Un enseignant ou conseiller peut créer des codes d’activation pour les élèves de ses groupes"
        )
        assert right_words.sentence("amp", "student", "edit", granted=False) == "Un membre de l’autre personnel ne peut pas modifier les élèves"
        assert right_words.sentence("head", "membership", "open_inspection", granted=True) == "La direction de l’établissement peut ouvrir une inspection"
        assert right_words.sentence("ec", "student", "export", granted=None).startswith("Un enseignant ou conseiller\u00a0: comme par défaut")


def test_a_verb_that_came_without_words_says_its_name_rather_than_nothing(app):
    with app.test_request_context():
        assert right_words.phrase("student", "blow_out_candles") == "blow out candles: les élèves"
        assert right_words.rows_of("unknown_table") == "unknown table"


def test_every_working_role_is_a_subject_and_a_tab():
    assert set(right_words.SUBJECTS) == set(right_words.SHORT) == {role.name for role in WORKING}
    assert {Role.guardian, Role.student, Role.invigilator}.isdisjoint(WORKING)
