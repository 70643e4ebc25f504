"""The default rights a second time, typed by hand from the rights document, role by role; and the answers of the URLs."""

import pytest

from models import rights
from models.access import Role
from models.rights import grant, may, may_give, reach

# role -> screen -> verbs; "@g" the person's groups and advisees, "@o" own rows. What is not here is refused.
EXPECTED = {
    "acc": {
        "letter": "read edit reset",
        "access_data": "read export",
        "student": "read create edit delete export generate_codes add_to_group print_class_list print_labels print_certificate deactivate reactivate merge"
        " transfer promote create_account print_access_cards send_message remove_two_factor",
        "issued_paper": "read export print_again",
        "guardian": "read create edit delete export print_reset_letter merge remove_two_factor",
        "guardian_link": "read create edit delete export suspend reactivate confirm",
        "activation_code": "read export print_letters revoke",
        "group": "read create edit delete export share",
        "user": "read create edit invite disable enable end_sessions remove_two_factor see_as",
        "membership": "read create edit delete export",
        "school": "read edit upload_logo upload_stamp remove_logo remove_stamp",
        "level": "read create edit retire reactivate",
        "programme": "read create edit delete export",
        "course": "read create edit delete export",
        "grid": "read create edit delete export",
        "rac_group": "read create edit delete export",
        "admission": "read create edit delete export activate suspend close sanction create_session_record",
        "session_record": "read create edit delete export copy sanction print_confirmation print_record_sheet",
        "enrolment": "read create edit delete export copy confirm_presence correct_census override inherit set_transmission enter_results"
        " register_many copy_last_term print_group_list",
        "term": "read create edit delete",
        "org_unit": "read create edit delete",
        "school_year": "read create edit change_year",
        "code_value": "read create edit retire reactivate",
        "import_": "read create export check confirm abandon undo import_staff import_structures import_courses import_registrations",
        "transfer": "read create export send receive cancel decline",
        "label": "read create edit delete export reset export_po import_po",
        "noun": "read edit reset",
        "right": "read edit reset",
        "setting": "read edit reset",
        "invitation": "read revoke",
        "custom_field": "read create edit retire reactivate",
        "reminder": "read@o create@o edit@o delete@o done@o reopen@o",
        "job": "read cancel retry download",
        "outgoing_mail": "read export retry cancel download test",
        "message": "read create@o edit@o delete@o export send send_test",
        "journal_event": "read export undo restore",
        "login_event": "read export",
    },
    "ac": {
        "letter": "read edit reset",
        "access_data": "read export",
        "student": "read create edit delete export generate_codes add_to_group print_class_list print_labels print_certificate deactivate reactivate merge"
        " create_account print_access_cards send_message remove_two_factor",
        "issued_paper": "read export print_again",
        "guardian": "read create edit delete export print_reset_letter merge remove_two_factor",
        "guardian_link": "read create edit delete export suspend reactivate confirm",
        "activation_code": "read export print_letters revoke",
        "group": "read create edit delete export share",
        "user": "read create edit invite disable enable end_sessions remove_two_factor",
        "membership": "read create edit delete",
        "school": "read",
        "level": "read",
        "programme": "read create edit export",
        "course": "read create edit export",
        "grid": "read create edit export",
        "rac_group": "read create edit delete export",
        "admission": "read create edit delete export activate suspend close sanction create_session_record",
        "session_record": "read create edit delete export copy sanction print_confirmation print_record_sheet",
        "enrolment": "read create edit delete export copy confirm_presence correct_census override inherit set_transmission enter_results"
        " register_many copy_last_term print_group_list",
        "term": "read create edit",
        "org_unit": "read",
        "school_year": "read",
        "code_value": "read",
        "import_": "read create export check confirm abandon undo import_courses import_registrations",
        "transfer": "read",
        "label": "read",
        "noun": "read",
        "right": "read",
        "setting": "read",
        "invitation": "read revoke",
        "custom_field": "read",
        "reminder": "read@o create@o edit@o delete@o done@o reopen@o",
        "job": "read@o cancel@o retry@o download@o",
        "outgoing_mail": "read retry cancel download",
        "message": "read create@o edit@o delete@o export send send_test",
        "journal_event": "read undo@o restore@o",
        "login_event": "read",
    },
    "ec": {
        "access_data": "read@g",
        "student": "read@g edit@g export@g generate_codes@g add_to_group@g print_class_list@g print_labels@g print_certificate@g"
        " print_access_cards@g send_message@g",
        "issued_paper": "read@g print_again@g",
        "guardian": "read@g",
        "guardian_link": "read@g",
        "activation_code": "read@g print_letters@g revoke@g",
        "invitation": "read@g revoke@g",
        "group": "read@g create@g edit@g delete@o share@o",
        "school": "read",
        "level": "read",
        "programme": "read",
        "course": "read",
        "grid": "read",
        "rac_group": "read",
        "admission": "read@g",
        "session_record": "read@g edit@g copy@g",
        "enrolment": "read@g edit@g confirm_presence@g enter_results@g",
        "term": "read",
        "org_unit": "read",
        "school_year": "read",
        "code_value": "read",
        "reminder": "read@o create@o edit@o delete@o done@o reopen@o",
        "job": "read@o cancel@o retry@o download@o",
        "outgoing_mail": "read@o",
        "message": "read@o create@o edit@o delete@o send@g send_test@g",
        "login_event": "read@g",
        "journal_event": "undo@o restore@o",
    },
    "amp": {
        "access_data": "read",
        "student": "read export generate_codes print_class_list print_labels print_certificate print_access_cards",
        "issued_paper": "read print_again",
        "guardian": "read",
        "guardian_link": "read",
        "activation_code": "read print_letters",
        "invitation": "read",
        "group": "read",
        "school": "read",
        "level": "read",
        "programme": "read",
        "course": "read",
        "grid": "read",
        "rac_group": "read",
        "admission": "read",
        "session_record": "read",
        "enrolment": "read",
        "term": "read",
        "org_unit": "read",
        "school_year": "read",
        "code_value": "read",
        "reminder": "read@o create@o edit@o delete@o done@o reopen@o",
        "job": "read@o cancel@o retry@o download@o",
        "login_event": "read@g",
    },
    "registrar": {
        "access_data": "read",
        "student": "read create edit export add_to_group print_access_cards send_message",
        "issued_paper": "read print_again",
        "guardian": "read",
        "guardian_link": "read",
        "activation_code": "read print_letters",
        "group": "read export",
        "school": "read",
        "level": "read",
        "programme": "read create edit delete export",
        "course": "read create edit delete export",
        "grid": "read create edit delete export",
        "rac_group": "read create edit delete export",
        "admission": "read create edit delete export activate suspend close sanction create_session_record",
        "session_record": "read create edit delete export copy sanction print_confirmation print_record_sheet",
        "enrolment": "read create edit delete export copy confirm_presence correct_census override inherit set_transmission enter_results"
        " register_many copy_last_term print_group_list",
        "term": "read create edit delete",
        "org_unit": "read create edit delete",
        "school_year": "read",
        "code_value": "read create edit retire reactivate",
        "custom_field": "read create edit retire reactivate",
        "import_": "read@o create@o check@o confirm@o abandon@o undo@o import_courses@o import_registrations@o",
        "reminder": "read@o create@o edit@o delete@o done@o reopen@o",
        "job": "read@o cancel@o retry@o download@o",
        "outgoing_mail": "read@o",
        "message": "read@o create@o edit@o delete@o send send_test",
        "journal_event": "undo@o restore@o",
    },
    "head": {
        "letter": "read",
        "access_data": "read",
        "student": "read export print_class_list print_labels print_certificate",
        "issued_paper": "read export print_again",
        "guardian": "read",
        "guardian_link": "read",
        "group": "read",
        "user": "read create invite",
        "membership": "read create edit delete open_inspection close_inspection",
        "school": "read",
        "level": "read",
        "programme": "read",
        "course": "read",
        "grid": "read",
        "rac_group": "read",
        "admission": "read export",
        "session_record": "read export",
        "enrolment": "read export",
        "term": "read",
        "org_unit": "read",
        "school_year": "read",
        "code_value": "read",
        "custom_field": "read",
        "import_": "read",
        "transfer": "read",
        "right": "read",
        "setting": "read",
        "reminder": "read@o create@o edit@o delete@o done@o reopen@o",
        "job": "read@o cancel@o retry@o download@o",
        "outgoing_mail": "read@o",
        "message": "read@o create@o edit@o delete@o send send_test",
        "journal_event": "read export",
        "login_event": "read",
    },
    "inspector": {
        **dict.fromkeys(("student", "issued_paper", "group", "school", "level", "programme", "term", "school_year"), "read"),
        **dict.fromkeys(("course", "grid", "admission", "session_record", "enrolment"), "read"),
    },
    "invigilator": {},
    "guardian": {},
    "student": {},
}


def as_set(words: str) -> dict[str, str]:
    """ "read@g" -> {"read": "g"}."""
    return {name: far or "all" for name, _at, far in (word.partition("@") for word in words.split())}


@pytest.mark.parametrize("role", [role.name for role in Role])
@pytest.mark.parametrize("table", sorted({*rights.POLICY, *(t for row in EXPECTED.values() for t in row)}))
def test_a_role_may_do_exactly_what_the_document_says(table, role):
    assert grant(table, role).verbs == as_set(EXPECTED[role].get(table, ""))


def test_the_table_names_no_unknown_role_or_verb():
    assert rights.problems() == []


def test_two_roles_together_may_do_what_either_may_and_the_wider_reach_wins():
    assert reach(["ec", "amp"], "student") == "all"
    assert reach(["ec"], "student") == "g"
    assert may(["ec", "amp"], "activation_code", "revoke")
    assert not may(["amp"], "activation_code", "revoke")
    assert not may([], "student", "read")


@pytest.mark.parametrize(
    ("giver", "given"),
    [
        ("acc", "acc ac ec amp registrar head inspector invigilator guardian student"),
        ("ac", "ec amp registrar invigilator guardian student"),
        ("head", "inspector"),
        ("ec", ""),
        ("amp", ""),
        ("registrar", ""),
        ("inspector", ""),
        ("invigilator", ""),
        ("guardian", ""),
        ("student", ""),
    ],
)
def test_nobody_gives_a_role_above_their_own(giver, given):
    assert {role.name for role in Role if may_give([giver], role)} == set(given.split())
