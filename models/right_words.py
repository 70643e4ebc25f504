"""The table of rights in sentences: "A teacher or adviser can create activation codes for the students whom they follow."

A phrase is an infinitive in which the rows stand as their reach makes them: all of the school, those of the people one follows, one's own.
Every (table, verb) of `models/rights.py` has its phrase here; `tests/test_right_words.py` looks for the missing ones.
"""

from __future__ import annotations

from typing import Any

from models.access import Role
from models.words import _, _p, fill

# A role as the subject of a sentence.
SUBJECTS: dict[str, Any] = {
    "acc": _("A site administrator"),
    "ac": _("An administrator or [counsellor] of [the school]"),
    "ec": _("[A teacher] or [counsellor]"),
    "amp": _("A member of the other staff"),
    "registrar": _("A registrar"),
    "head": _("The head of [the school]"),
    "inspector": _("An inspector"),
}

# A role in one word, for a row of tabs.
SHORT: dict[str, Any] = {
    "acc": _p("right", "Site"),
    "ac": _p("right", "Administrator"),
    "ec": _("[Teacher]"),
    "amp": _("Other staff"),
    "registrar": _("Registrar"),
    "head": _p("right", "Head"),
    "inspector": _("Inspector"),
}

# The letters without their rows, for a line that names the rows once.
BARE: dict[str, Any] = {"create": _p("right", "add"), "edit": _p("right", "change"), "delete": _p("right", "delete"), "export": _p("right", "export")}

# The rows of a table with their article: table -> reach -> words.
ROWS: dict[str, dict[str, Any]] = {
    "student": {"all": _("the [students]"), "g": _("the [students] of their [groups]")},
    "issued_paper": {"all": _("the papers already issued"), "g": _("the papers already issued for their [students]")},
    "guardian": {"all": _("the [guardians]"), "g": _("the [guardians] of their [students]")},
    "guardian_link": {"all": _("the links between [guardians] and [students]"), "g": _("the links between [guardians] and their [students]")},
    "activation_code": {"all": _("the activation codes"), "g": _("the activation codes of their [students]")},
    "group": {"all": _("the [groups]"), "g": _("their own [groups] and those shared with them"), "o": _("their own [groups]")},
    "user": {"all": _("the accounts of the staff")},
    "membership": {"all": _("the roles held")},
    "school": {"all": _("the page of the [school]")},
    "level": {"all": _("the [levels]")},
    "programme": {"all": _("the [programmes]")},
    "course": {"all": _("the [courses]")},
    "grid": {"all": _("the grids")},
    "rac_group": {"all": _("the correspondence of [groups] (RAC)")},
    "admission": {"all": _("the admissions"), "g": _("the admissions of their [students]")},
    "session_record": {"all": _("the [session records]"), "g": _("the [session records] of their [students]")},
    "enrolment": {"all": _("the registrations for [courses]"), "g": _("the registrations of their [students]")},
    "term": {"all": _("the terms")},
    "org_unit": {"all": _("the organisational units")},
    "school_year": {"all": _("the school years")},
    "code_value": {"all": _("the code lists")},
    "import_": {"all": _("the imports"), "o": _("the imports that they made")},
    "transfer": {"all": _("the transfers between [schools]")},
    "label": {"all": _("the texts of the application")},
    "noun": {"all": _("the vocabulary")},
    "letter": {"all": _("the letter to the [guardians]")},
    "access_data": {"all": _("the access of the [guardians]"), "g": _("the access of the [guardians] of their [students]")},
    "right": {"all": _("the rights of each role")},
    "setting": {"all": _("the settings of the [school]")},
    "invitation": {"all": _("the invitations that [students] send"), "g": _("the invitations that their [students] send")},
    "job": {"all": _("the operations"), "o": _("the operations that they asked for")},
    "outgoing_mail": {"all": _("the mails that leave"), "o": _("the mails that they caused")},
    "message": {"all": _("the messages"), "g": _("the messages about their [students]"), "o": _("the messages that they write")},
    "reminder": {"all": _("the reminders"), "o": _("their own reminders")},
    "journal_event": {"all": _("what everybody did"), "o": _("what they did themselves")},
    "login_event": {"all": _("the sign-ins"), "g": _("the sign-ins of the [students] whom they see")},
    "custom_field": {"all": _("the fields that the [school] has added")},
}

# What the letters mean everywhere, unless a table says it otherwise below.
LETTERS: dict[str, Any] = {
    "read": _("see %(rows)s"),
    "create": _("add %(rows)s"),
    "edit": _("change %(rows)s"),
    "delete": _("delete %(rows)s"),
    "export": _("export %(rows)s"),
}

PHRASES: dict[tuple[str, str], Any] = {
    ("student", "create"): _("add new [students]"),
    ("student", "send_message"): _("write messages about %(rows)s"),
    ("student", "generate_codes"): _("create activation codes for %(rows)s"),
    ("student", "add_to_group"): _("put %(rows)s into [a group]"),
    ("student", "print_class_list"): _("print class lists with %(rows)s"),
    ("student", "print_labels"): _("print address labels for %(rows)s"),
    ("student", "print_certificate"): _("issue certificates of enrolment for %(rows)s"),
    ("student", "merge"): _("merge double records of %(rows)s"),
    ("student", "deactivate"): _("deactivate %(rows)s who leave"),
    ("student", "reactivate"): _("reactivate %(rows)s who come back"),
    ("student", "create_account"): _("open accounts for %(rows)s, so that they sign in themselves"),
    ("student", "print_access_cards"): _("print access cards for %(rows)s"),
    ("issued_paper", "print_again"): _("print %(rows)s again"),
    ("student", "remove_two_factor"): _("remove the second step of the sign-in of %(rows)s who have lost their phone"),
    ("guardian", "remove_two_factor"): _("remove the second step of the sign-in of %(rows)s who have lost their phone"),
    ("guardian", "create"): _("add new [guardians]"),
    ("guardian", "merge"): _("merge double records of %(rows)s"),
    ("guardian", "print_reset_letter"): _("print a letter to choose a new password for %(rows)s"),
    ("guardian_link", "create"): _("add a link between [a guardian] and [a student]"),
    ("guardian_link", "suspend"): _("suspend %(rows)s"),
    ("guardian_link", "reactivate"): _("reopen %(rows)s that are suspended"),
    ("guardian_link", "confirm"): _("confirm %(rows)s that are to check"),
    ("activation_code", "print_letters"): _("print the letters that carry %(rows)s"),
    ("activation_code", "revoke"): _("revoke %(rows)s"),
    ("group", "create"): _("add new [groups]"),
    ("group", "share"): _("share %(rows)s with colleagues"),
    ("user", "create"): _("invite somebody to work here"),
    ("user", "invite"): _("send colleagues a one-time link to choose a password"),
    ("user", "disable"): _("disable the access of colleagues"),
    ("user", "enable"): _("enable the access of colleagues again"),
    ("user", "end_sessions"): _("sign colleagues out everywhere"),
    ("user", "remove_two_factor"): _("remove the second step of the sign-in of colleagues who have lost their phone"),
    ("user", "see_as"): _("see the application as somebody else, without changing anything"),
    ("membership", "create"): _("give a role that is theirs to give"),
    ("membership", "edit"): _("change a role that is theirs to give"),
    ("membership", "delete"): _("withdraw a role that is theirs to give"),
    ("membership", "open_inspection"): _("open an inspection"),
    ("membership", "close_inspection"): _("close an inspection"),
    ("school", "upload_logo"): _("send the logo of the [school]"),
    ("school", "upload_stamp"): _("send the stamp of the [school]"),
    ("school", "remove_logo"): _("remove the logo of the [school]"),
    ("school", "remove_stamp"): _("remove the stamp of the [school]"),
    ("level", "create"): _("add new [levels]"),
    ("level", "retire"): _("stop offering %(rows)s that are no longer taught"),
    ("level", "reactivate"): _("offer again %(rows)s that are taught again"),
    ("programme", "create"): _("add new [programmes]"),
    ("course", "create"): _("add new [courses]"),
    ("grid", "create"): _("add new grids"),
    ("rac_group", "create"): _("add lines to %(rows)s"),
    ("admission", "create"): _("admit [students] to [a programme]"),
    ("admission", "activate"): _("activate %(rows)s"),
    ("admission", "suspend"): _("suspend %(rows)s"),
    ("admission", "close"): _("close %(rows)s"),
    ("admission", "sanction"): _("write down that the diploma was awarded"),
    ("admission", "create_session_record"): _("begin [a session record] under an admission"),
    ("session_record", "create"): _("begin [session records]"),
    ("session_record", "copy"): _("copy %(rows)s to another term"),
    ("session_record", "sanction"): _("write down that the diploma of [a session record] was awarded"),
    ("session_record", "print_confirmation"): _("print confirmations of registration"),
    ("session_record", "print_record_sheet"): _("print the sheets of [session records]"),
    ("enrolment", "create"): _("register [students] for [courses]"),
    ("enrolment", "copy"): _("copy %(rows)s to another [session record]"),
    ("enrolment", "confirm_presence"): _("confirm presences for the census"),
    ("enrolment", "correct_census"): _("take a confirmed presence back"),
    ("enrolment", "override"): _("set aside what %(rows)s inherit"),
    ("enrolment", "inherit"): _("give %(rows)s their inherited values back"),
    ("enrolment", "set_transmission"): _("say what was sent to the ministry"),
    ("enrolment", "enter_results"): _("enter the results of a [group]"),
    ("enrolment", "register_many"): _("register many [students] for [a course] at once"),
    ("enrolment", "copy_last_term"): _("take up the registrations of the term before"),
    ("enrolment", "print_group_list"): _("print the list of the [students] of [a course]"),
    ("term", "create"): _("add new terms"),
    ("org_unit", "create"): _("add new organisational units"),
    ("school_year", "create"): _("add new school years"),
    ("school_year", "change_year"): _("change the school year: promote the [students], deactivate those who leave"),
    ("code_value", "create"): _("add new codes"),
    ("code_value", "retire"): _("stop offering codes of %(rows)s"),
    ("code_value", "reactivate"): _("offer codes of %(rows)s again"),
    ("import_", "create"): _("send files to import"),
    ("import_", "check"): _("check the files of an import"),
    ("import_", "confirm"): _("write an import"),
    ("import_", "abandon"): _("give up an import"),
    ("import_", "undo"): _("undo an import"),
    ("import_", "import_staff"): _("import the staff"),
    ("import_", "import_structures"): _("import the classes, the [groups] and the nomenclature of SIECLE"),
    ("import_", "import_courses"): _("import the [programmes], the [courses], the grids and the correspondence of [groups]"),
    ("import_", "import_registrations"): _("import the admissions and the registrations"),
    ("student", "promote"): _("promote %(rows)s to another [level]"),
    ("student", "transfer"): _("transfer %(rows)s to another [school]"),
    ("transfer", "create"): _("begin a transfer"),
    ("transfer", "send"): _("fetch the file of a transfer and its passphrase"),
    ("transfer", "receive"): _("take in [students] whom another [school] transfers"),
    ("transfer", "cancel"): _("cancel a transfer that waits"),
    ("transfer", "decline"): _("decline what another [school] transfers"),
    ("custom_field", "create"): _("add a field to the records"),
    ("custom_field", "retire"): _("withdraw %(rows)s"),
    ("custom_field", "reactivate"): _("bring %(rows)s back"),
    ("label", "create"): _("write a text of [the school] in place of ours"),
    ("label", "reset"): _("take the default texts back"),
    ("label", "export_po"): _("download the texts of [the school]"),
    ("label", "import_po"): _("load texts from a file"),
    ("noun", "reset"): _("take the default vocabulary back"),
    ("letter", "reset"): _("take the delivered letter back"),
    ("right", "reset"): _("take the default rights back"),
    ("setting", "reset"): _("take the default settings back"),
    ("invitation", "revoke"): _("revoke %(rows)s"),
    ("job", "cancel"): _("stop %(rows)s"),
    ("job", "retry"): _("start %(rows)s again"),
    ("job", "download"): _("download the files made by %(rows)s"),
    ("outgoing_mail", "retry"): _("send %(rows)s once more"),
    ("outgoing_mail", "cancel"): _("cancel %(rows)s"),
    ("outgoing_mail", "download"): _("download %(rows)s"),
    ("outgoing_mail", "test"): _("test the mail server"),
    ("message", "create"): _("write messages"),
    ("message", "send"): _("send %(rows)s"),
    ("message", "send_test"): _("send themselves %(rows)s as a test"),
    ("reminder", "create"): _("write down reminders for themselves"),
    ("reminder", "done"): _("tick off %(rows)s"),
    ("reminder", "reopen"): _("put %(rows)s back among what is to do"),
    ("journal_event", "read"): _("see, in the history, %(rows)s"),
    ("journal_event", "export"): _("export the history"),
    ("journal_event", "undo"): _("undo %(rows)s"),
    ("journal_event", "restore"): _("bring deleted records back from the trash"),
}


def rows_of(table: str, reach: str = "all") -> str:
    """The rows of a table as a reach makes them, with their article; without words for that reach, all of them."""
    known = ROWS.get(table, {})
    return str(known.get(reach) or known.get("all") or table.replace("_", " "))


def phrase(table: str, verb: str, reach: str = "all") -> str:
    """What a right allows, as an infinitive: "create activation codes for the students"."""
    template = PHRASES.get((table, verb)) or LETTERS.get(verb)
    if template is None:  # a verb that came without its words: its name, rather than nothing
        return f"{verb.replace('_', ' ')}: {rows_of(table, reach)}"
    return fill(str(template), {"rows": rows_of(table, reach)})


def sentence(role: str, table: str, verb: str, granted: bool | None, reach: str = "all") -> str:
    """What a role may or may not do, or that the default holds again, as a whole sentence without its full stop."""
    subject, what = str(SUBJECTS.get(role) or Role[role].label), phrase(table, verb, reach)
    if granted is None:
        return str(_("%(role)s: as by default, %(what)s", role=subject, what=what))
    return str(_("%(role)s can %(what)s", role=subject, what=what) if granted else _("%(role)s cannot %(what)s", role=subject, what=what))


def missing(cells: dict[str, tuple[str, ...]]) -> list[str]:
    """The cells (table -> verbs) without words of their own. A table of the matrix needs its rows, a verb that is no letter its phrase."""
    tables = [table for table in cells if table not in ROWS]
    verbs = [f"{table}.{verb}" for table, found in cells.items() for verb in found if verb not in LETTERS and (table, verb) not in PHRASES]
    return [*tables, *verbs]
