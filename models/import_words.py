"""What is told about a file, a cell or a row: each code has one fact and one remedy, in the reader's language.

Problems are stored as a code and its parameters, never as a sentence: whoever reads the preview gets it in their own
language, with the school's own nouns. A *problem* keeps the row out; a *doubt* is only shown.
"""

from __future__ import annotations

from typing import Any

from models.base import Refusal
from models.import_study_words import STUDY_SENTENCES
from models.words import _, msgid_of

# code -> (the fact, the way out); an empty remedy where the fact says enough.
SENTENCES: dict[str, tuple[Any, Any]] = {
    # cells
    "days_28": (_("February %(year)d has only 28 days."), _("Correct the day.")),
    "days_29": (_("February %(year)d has only 29 days."), _("Correct the day.")),
    "days_04": (_("April has only 30 days."), _("Correct the day.")),
    "days_06": (_("June has only 30 days."), _("Correct the day.")),
    "days_09": (_("September has only 30 days."), _("Correct the day.")),
    "days_11": (_("November has only 30 days."), _("Correct the day.")),
    "days_31": (_("A month has at most 31 days."), _("Write the date as day/month/year, for example 14/03/2014.")),
    "month_12": (_("There is no month %(month)d."), _("Write the date as day/month/year, for example 14/03/2014.")),
    "date_form": (_("This is not a date."), _("Write it as day/month/year, for example 14/03/2014.")),
    "date_future": (_("This date is in the future."), _("Correct the year.")),
    "date_old": (_("This date is more than 120 years ago."), _("Correct the year.")),
    "sex_word": (_("This does not say a sex."), _("Write F, M or X.")),
    "phone_form": (_("This is not a phone number."), _("Write all its digits, for example 06 39 98 12 34.")),
    "digits_lost": (
        _("The spreadsheet has lost digits of this number."),
        _("Type all its digits."),
    ),
    "email_form": (_("This is not an e-mail address."), _("Correct it, or empty the cell.")),
    "postal_form": (_("This is not a postal code."), _("Five digits are expected, for example 01000.")),
    "postal_form_ca": (_("This is not a postal code."), _("Letters and digits by turns are expected, for example H2X 1Y4.")),
    "name_empty": (_("The name is missing."), _("Fill it in.")),
    "given_name_empty": (_("The given name is missing."), _("Fill it in.")),
    "name_digits": (_("A name holds no digits."), _("Correct the name, or choose another column for it.")),
    "too_long": (_("This text is too long: %(limit)d characters at most."), _("Shorten it.")),
    "damaged": (_("The accents of this text are damaged."), _("Save the file again as UTF-8 from the original, or type this cell again.")),
    "relation_word": (_("This tie is not known: it becomes “Other tie”."), _("Write for example mother, father or legal tutor.")),
    "authority_word": (
        _("This authority is not known: it becomes “Contact”."),
        _("Write 1 (legal representative), 2 (in charge of the child) or 3 (contact)."),
    ),
    "language_word": (_("This is not one of the languages of our letters."), _("Choose one of them, or empty the cell.")),
    "date_word": (_("The year has two digits: %(year)d was understood."), ""),
    # cells of the school's own fields (models/custom_values.py)
    "field_required": (_("This field must be filled in."), _("Fill it in.")),
    "field_text": (_("“%(value)s” is not a text."), _("Type it again.")),
    "field_long_text": (_("“%(value)s” is not a text."), _("Type it again.")),
    "field_number": (_("“%(value)s” is not a number."), _("Write digits, for example 12 or 4.5.")),
    "field_date": (_("“%(value)s” is not a date."), _("Write it as day/month/year, for example 14/03/2014.")),
    "field_yes_no": (_("“%(value)s” says neither yes nor no."), _("Write yes or no.")),
    "field_choice": (_("“%(value)s” is not one of the choices."), _("Write one of the choices as the form shows it.")),
    # doubts about a cell
    "phone_zero": (_("The first zero was missing: it was put back."), ""),
    "phone_unknown": (_("This number is in no known range: it is kept as it is."), _("Check it.")),
    "postal_zero": (_("The first zero was missing: it was put back."), ""),
    "postal_foreign": (_("This postal code is from another country: it is kept as it is."), ""),
    "ine_form": (_("This identifier does not have the form of an INE."), _("Check it; it is imported as it is.")),
    "ine_key": (_("The last letter of this INE does not match its digits."), _("Check it; it is imported as it is.")),
    "permanent_form": (_("This identifier does not have the form of a permanent code."), _("Check it; it is imported as it is.")),
    "permanent_date": (_("This permanent code says another date of birth."), _("Check both; they are imported as they are.")),
    "permanent_sex": (_("This permanent code says another sex."), _("Check both; they are imported as they are.")),
    # rows
    "born_missing": (_("The date of birth is missing."), _("Fill it in: without it nobody is recognised for certain.")),
    "id_taken": (_("Already that of %(name)s."), _("Correct the identifier, or the date of birth if it is the same person.")),
    "id_twice": (_("The same identifier stands on line %(line)d."), _("Correct one of the two lines, or ignore one.")),
    "row_twice": (_("The same [student] stands on line %(line)d."), _("Ignore one of the two lines.")),
    "twin_name": (
        _("Line %(line)d has the same name and the same date of birth."),
        _("If they are two people, give the identifier of each."),
    ),
    "several": (_("%(num)d [students] have this name and this date of birth."), _("Give the identifier of the right one.")),
    "other_id": (
        _("%(name)s, with the same name and the same date of birth, has another identifier."),
        _("If it is the same person, correct the identifier before you continue."),
    ),
    "class_near": (_("“%(name)s” is not a class of the [school]: is it “%(near)s”?"), _("Choose the class, or create the missing one.")),
    "level_near": (_("“%(name)s” is not a [level] of the [school]: is it “%(near)s”?"), _("Choose [the level], or create the missing one.")),
    "programme_near": (_("“%(name)s” is not [a programme] of the [school]: is it “%(near)s”?"), _("Choose [the programme], or create the missing one.")),
    "programme_unknown": (_("“%(name)s” is not [a programme] of the [school]."), _("Choose one of the list, or ask the administration to add it.")),
    "group_name": (_("“%(name)s” is already [a group] that is not a class."), _("Rename [the group] or the class.")),
    "other_school": (_("This line is of another [school] (%(uai)s)."), _("Import it in that [school].")),
    "guardian_nameless": (_("This [guardian] has no name."), _("Fill in the family name, or empty the other cells of this [guardian].")),
    "guardian_differs": (
        _("Line %(line)d says something else for the same [guardian]: line %(line)d is kept."),
        _("Correct one of the two lines."),
    ),
    "homonym": (_("%(name)s already has this name: another person is created, for nothing else is alike."), ""),
    "no_student": (_("No [student] matches this line."), _("Check the identifier, or add the file of the [students] to this import.")),
    "programme_left_out": (
        _("[The school] does not have this [programme]: the code is left out."),
        _("Ask the site administrator to import “Nomenclature”, then send this file again."),
    ),
    "no_student_here": (
        _("No [student] of these files or of [the school] has this number this year: the line is left out."),
        _("If one is missing, send the export of the [students] together with that of the [guardians]."),
    ),
    "two_local_ids": (_("The file also says %(other)s for the same [student]."), ""),
    "group_is_class": (_("“%(name)s” is a class: it is not joined as a [group]."), ""),
    "group_missing": (_("“%(name)s” is not a [group] of [the school]: it is left out."), _("Ask whoever may create [groups] to add it.")),
    "class_name": (_("“%(name)s” is already a class."), _("Rename the class or [the group].")),
    "category_word": (_("This is neither D (class) nor G (group)."), _("Write D or G.")),
    "code_empty": (_("The code is missing."), _("Fill it in.")),
    "title_empty": (_("The title is missing."), _("Fill it in.")),
    "no_guardian": (_("No [guardian] matches this line."), _("Check the identifier, or add the file of the [guardians] to this import.")),
    "child_unknown": (
        _("No [student] has these names in this class."),
        _("Correct the names or the class, add the file of the [students] to this import, or ignore this line."),
    ),
    "child_left": (_("No [student] has these names in this class: this tie is left out."), _("Correct the names or the class if the tie is needed.")),
    "unused_guardian": (_("No [student] is tied to this [guardian]: the line is left out."), _("Add the file of the ties to this import.")),
    "ref_twice": (_("The same identifier stands on line %(line)d."), _("Correct one of the two lines, or ignore one.")),
    "gone": (_("Has left and is not in the [school]: the line is left out."), ""),
    "no_create": (_("Your role does not allow you to create [students]: the line is left out."), _("Ask the site administrator.")),
    "no_edit": (_("Your role does not allow you to change [students]: the line is left out."), _("Ask the site administrator.")),
    "no_deactivate": (_("Your role does not allow you to deactivate [students]: the leaving date is left out."), _("Ask the site administrator.")),
    "no_reactivate": (_("Has left. Your role does not allow you to reactivate [students]: they stay as they are."), _("Ask the site administrator.")),
    "total_row": (_("This line is a total, not a person: it is left out."), ""),
    "ignored_by_hand": (_("You chose to ignore this line."), ""),
    # questions: may two records be one person? (jobs/import_doubts.py)
    "same_names": (_("The names of somebody of the [school], with another date of birth."), ""),
    "same_names_unborn": (_("The names of somebody of the [school]; one of the two has no date of birth."), ""),
    "same_id": (_("The identifier and the names of somebody of the [school], with another date of birth."), ""),
    "near_name": (_("The same date of birth, and nearly the same name."), ""),
    "near_date": (_("The same names, and nearly the same date of birth."), ""),
    "child_several": (_("Several [students] have these names in this class: which one is meant?"), _("Until you say so, the tie is left out.")),
    "child_class": (_("These names are found in another class: is it the same [student]?"), _("Until you say so, the tie is left out.")),
    "namesake": (_("%(name)s has the same name: is it the same [guardian]?"), _("Until you say so, they are two people.")),
    # lines of staff (jobs/staff_plan.py)
    "role_word": (_("This function says no role for certain: what is their role here?"), _("Choose the role, or do not import them.")),
    "role_missing": (_("Nothing says what they do: what is their role here?"), _("Choose the role, or do not import them.")),
    "role_above": (_("Your role does not allow you to give this role, or to change who holds it."), _("Ask the site administrator, or ignore this line.")),
    "role_left": (_("You chose not to import this function."), ""),
    "username_form": (_("A user name has neither spaces nor @, and at most 60 characters."), _("Write it like given.family.")),
    "username_taken": (_("This user name is somebody else’s."), _("Choose another one.")),
    "email_other": (_("This e-mail is that of somebody with another name."), _("Correct the e-mail, or ignore this line.")),
    "staff_by_name": (_("Recognised by the name alone: %(login)s."), ""),
    "staff_email": (_("The e-mail of the file is not added to their account."), _("Add it on the screen of users if it is right.")),
    "staff_namesake": (
        _("%(login)s has the same name."),
        _("If it is the same person, write their e-mail or user name as the account has it. If not, give the new person another user name."),
    ),
    "staff_twice": (
        _("The same person stands on line %(line)d."),
        _("Ignore one of the two lines. If they are two people, give the e-mail or the user name of each."),
    ),
    "staff_self": (_("Nobody changes their own rights: your line is left as it is."), ""),
    "staff_elsewhere": (_("This e-mail already has an account: it gets the role here, and stays as it is."), ""),
    "staff_classes": (_("[The school] has no class or [group] of this name: %(names)s."), _("Import the classes first, then send this file again.")),
    # files
    "empty": (_("This file is empty."), _("Choose another file.")),
    "no_rows": (_("This file has a heading and no lines."), _("Choose another file.")),
    "too_big": (_("This file is too large: 50,000 lines and 200 columns at most."), _("Cut it into several files.")),
    "too_heavy": (_("This file is too heavy to be read safely."), _("Save it again as CSV, or cut it into several files.")),
    "archive": (_("This file is an archive, not a table."), _("Take the spreadsheet or the CSV file out of it and send that.")),
    "zip_bomb": (_("This file unpacks to more than it should."), _("Save it again from the spreadsheet, or as CSV.")),
    "zip_nested": (_("This file holds another archive."), _("Save it again from the spreadsheet, or as CSV.")),
    "xml": (_("This file is XML, not a table."), _("Export the same list as CSV or XLSX.")),
    "html": (_("This file is a web page saved under the name of a table."), _("Open it in a spreadsheet and save it as XLSX or CSV.")),
    "not_a_table": (_("This file is not a table."), _("Send a CSV or XLSX file, or the XML or ZIP of an official export.")),
    "broken_book": (
        _("This spreadsheet cannot be read: it is damaged or protected by a password."),
        _("Open it, remove the password, and save it again."),
    ),
    "no_sheet": (_("This spreadsheet has no visible sheet with data."), _("Show the sheet, or save it as CSV.")),
    "nul": (_("Line %(line)d holds a character that no text holds."), _("Save the file again from the spreadsheet.")),
    "open_quote": (_("The quotation mark opened on line %(line)d is never closed."), _("Close it or remove it, then send the file again.")),
    "bad_quote": (_("A quotation mark is out of place on line %(line)d."), _("Remove it or double it, then send the file again.")),
    "encoding": (_("This encoding does not fit the file."), _("Choose another one.")),
    "no_columns": (
        _("This file is a table, but no column is called Family name, and none holds the full name."),
        _("Choose the columns."),
    ),
    "mixed_subjects": (_("These files are about different things: staff and [students]."), _("Send the file of the staff by itself.")),
    "right_import_staff": (_("This file holds staff, whom only the site administrator imports."), _("Ask them to send it, or send the other files alone.")),
    "right_import_structures": (
        _("This file holds classes and [groups], which only the site administrator imports."),
        _("Ask them to send it, or send the other files alone."),
    ),
    "right_nomenclature": (
        _("This file is the nomenclature of the [programmes], which only the site administrator imports."),
        _("Ask them to send it, or send the other files alone."),
    ),
    "right_programmes": (
        _("This file holds [programmes], which your role does not import."),
        _("Ask the site administrator, or send the other files alone."),
    ),
    "file_of_other_school": (
        _("This file is of [the school] %(uai)s; this one is %(ours)s."),
        _("Export it again from the right [school], or change [school] here."),
    ),
    "xml_root": (
        _("This XML file is not one that can be imported (it is called <%(root)s> inside)."),
        _("In SIECLE, export Élèves, Responsables, Structures or Nomenclature as XML."),
    ),
    "xml_broken": (_("This XML file is broken on line %(line)d."), _("Export it again, and send it without opening it.")),
    "xml_dtd": (_("This XML file holds a document type or entities, which no official export does."), _("Export it again, and send it without opening it.")),
    "xml_encoding": (_("The encoding that this XML file announces, %(name)s, is not known."), _("Export it again, and send it without opening it.")),
    "xml_damaged": (
        _("The accents of this file are damaged: somebody opened it and saved it in another encoding."),
        _("Export it again, and send it without opening it."),
    ),
    "xml_empty": (_("This export holds no line that is imported."), _("Look in SIECLE whether the right year and school are open, and export it again.")),
    "xml_deep": (_("This XML file is nested deeper than any official export."), _("Export it again, and send it without opening it.")),
    "zip_path": (_("This archive holds a name that leads elsewhere: %(name)s."), _("Send the archive as the official application gave it.")),
    "zip_link": (_("This archive holds a link, not a file: %(name)s."), _("Send the archive as the official application gave it.")),
    "zip_twice": (_("This archive holds the same name twice: %(name)s."), _("Send the archive as the official application gave it.")),
    "zip_in_zip": (_("This archive holds another archive."), _("Take the archives out of it and send them together, as several files.")),
    "zip_several": (_("This archive holds several files: %(names)s."), _("Take them out of it and send them together, as several files.")),
    "zip_empty": (_("This archive is empty."), _("Put the file into it, or send the file itself.")),
    "zip_heavy": (_("This archive unpacks to more than it should."), _("Send the archive as the official application gave it.")),
    "zip_locked": (_("This archive is protected by a password."), _("Send it without a password.")),
    "zip_broken": (_("This archive is damaged."), _("Export it again, and send it without opening it.")),
    "two_of_a_kind": (_("Two files of this import hold the same kind of lines."), _("Send one file of each kind.")),
    "crash": (_("This file could not be read."), _("Save it again as CSV, and send that.")),
    "changed_since": (_("The database changed since this check. Nothing was written."), _("Read the new check, then confirm again.")),
    "file_gone": (_("The file of this import is no longer kept."), _("Send it again.")),
    **STUDY_SENTENCES,
}
RULE = "rule"  # the code of what a model refuses: its own sentence, remedy included, stands among the parameters


# The way out where somebody fills in a form, which has no cells.
FORM_REMEDIES: dict[str, Any] = {"email_form": _("Correct it, or empty the field.")}


def _rule(params: dict[str, Any]) -> Any:
    msgid: str = params["said"]
    return _(msgid)


class BadCell(Refusal):
    """A cell that cannot be taken: a code of `SENTENCES`, with what fills its places. `remedy` says the way out, `form_remedy` that of a form."""

    def __init__(self, code: str, /, **params: Any) -> None:
        sentence, remedy = (_rule(params), "") if code == RULE else SENTENCES[code]
        super().__init__(sentence, **params)
        self.code = code
        self.remedy = remedy
        self.form_remedy = FORM_REMEDIES.get(code, remedy)


class BadFile(BadCell):
    """A file that cannot be read at all; nothing of it is kept."""


def refused(refusal: Refusal) -> BadCell:
    """What a model refuses as the problem of a cell or a row: kept as its English text, so that each reader gets it in their language."""
    said = msgid_of(refusal.told)
    if not said:
        return BadCell(RULE, said="%(text)s", text=refusal.sentence)
    return BadCell(RULE, **{key: value if isinstance(value, int) else str(value) for key, value in refusal.params.items()}, said=said)


def sentence_of(note: dict[str, Any]) -> Refusal:
    """The fact of a stored note (`code`, `params`) as a sentence of the reader's language."""
    params = note.get("params", {})
    return Refusal(_rule(params) if note["code"] == RULE else SENTENCES[note["code"]][0], **params)


def remedy_of(note: dict[str, Any]) -> str:
    """The way out of a stored note, or an empty text."""
    return "" if note["code"] == RULE else str(Refusal(SENTENCES[note["code"]][1], **note.get("params", {})))
