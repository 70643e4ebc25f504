"""What is told about files of the studies: facts and remedies, joined to those of models/import_words.py."""

from __future__ import annotations

from typing import Any

from models.words import _

_ASK = _("Ask the site administrator.")

STUDY_SENTENCES: dict[str, tuple[Any, Any]] = {
    # cells
    "term_form": (_("This is not a term."), _("Write it like A-2026, H-2027 or É-2027.")),
    "whole_number": (_("This is not a whole number."), _("Write digits only, for example 78.")),
    "decimal_number": (_("This is not a number."), _("Write digits, for example 72.5.")),
    "status_word": (
        _("This does not say where an admission stands."),
        _("Write active, demande (applicant), suspendue, fermée or sanctionnée."),
    ),
    "sanction_word": (_("This does not say what [the programme] leads to."), _("Write DEC, AEC or one of the list, or empty the cell.")),
    "taken_word": (_("This says neither yes nor no."), _("Write yes or no.")),
    "code_unknown": (
        _("“%(name)s” is not in the list “%(list)s”."),
        _("Choose a code of the list, or have it added under Code lists."),
    ),
    # rows
    "cell_needed": (_("This cell is empty, and the line needs it."), _("Fill it in.")),
    "student_needed": (_("Nothing says which [student] this line is about."), _("Fill in the local number or the permanent code.")),
    "student_other": (_("The local number is that of %(name)s, and the permanent code somebody else’s."), _("Correct one of the two.")),
    "students_many": (_("%(num)d [students] have this local number."), _("Fill in the permanent code of the right one.")),
    "course_missing": (
        _("[The course] %(number)s is not in the catalogue."),
        _("Correct the number, or add the file of the [courses] to this import."),
    ),
    "grid_missing": (_("The grid %(name)s does not exist."), _("Correct the code, or add the file of the grids to this import.")),
    "programme_missing": (
        _("“%(name)s” is not [a programme] of the [school]."),
        _("Correct the code, or have the file of the [programmes] imported first."),
    ),
    "grid_other": (
        _("The grid %(grid)s belongs to the [programme] %(programme)s."),
        _("Correct [the programme] or the grid of this line."),
    ),
    "grid_two": (_("Line %(line)d says something else for the same grid."), _("Correct one of the two lines.")),
    "title_missing": (_("[The course] is new and has no title."), _("Fill in its title.")),
    "kind_missing": (_("The line is new and does not say which kind it stands for."), _("Fill in EE, EE SR or FM.")),
    "term_unknown": (_("The term %(name)s does not exist, and your role does not allow you to create it."), _ASK),
    "unit_unknown": (
        _("The organisational unit “%(name)s” does not exist, and your role does not allow you to create it."),
        _("Correct it, or ask the site administrator."),
    ),
    "partner_unknown": (
        _("The partner organisation “%(name)s” does not exist, and your role does not allow you to create it."),
        _("Correct it, or ask the site administrator."),
    ),
    "row_again": (_("Line %(line)d says the same thing."), _("Ignore one of the two lines.")),
    "admission_none": (
        _("This [student] has no admission to %(name)s."),
        _("Correct the grid, or add the file of the admissions to this import."),
    ),
    "admission_which": (
        _("This [student] has several admissions: nothing says under which one the line is."),
        _("Fill in the grid or [the programme]."),
    ),
    "record_which": (
        _("This [student] has %(num)d [session records] of this term to the same grid: the line goes to the last active one."),
        _("Correct one of the admissions if it is there twice."),
    ),
    "sanction_day": (
        _("A sanction needs its day, which this file does not say."),
        _("Add the column date_fin, or record the sanction in [the student]’s file."),
    ),
    "never_applicant": (_("An admission does not become an application again."), _("Correct the word.")),
    "status_not_yours": (_("Your role does not allow you to change where an admission stands: it stays as it is."), _ASK),
    "moved_no_student": (_("Its [student] is not taken in: the line is left out."), ""),
    "moved_no_admission": (_("Its admission is not taken in: the line is left out."), ""),
    "moved_no_record": (_("Its [session record] is not taken in: the line is left out."), ""),
    "moved_no_course": (_("Its [course] is not taken in: the line is left out."), ""),
    "moved_no_grid": (_("The grid is not taken in: the admission arrives without it."), ""),
    "moved_grid_other": (_("This grid belongs to another [programme] here: it is left out."), ""),
    "moved_not_taken": (_("A [course] that is not taken has neither [group] nor mark, and the remark EQ, DI or SU."), _("Correct the line, or ignore it.")),
    "moved_no_mark": (_("No mark is recorded for the kind EE SR."), _("Empty the mark, or ignore the line.")),
    "moved_partner": (_("A situation of studies and its partner organisation come together."), _("Correct the line, or ignore it.")),
    "row_no_create": (_("Your role does not allow you to create this: the line is left out."), _ASK),
    "row_no_edit": (_("Your role does not allow you to change this: the line is left out."), _ASK),
    "census_taken_back": (
        _("The presence is confirmed already; a correction of the census needs its reason."),
        _("Correct the census on [the student]’s page of registrations, or empty this cell."),
    ),
    "census_not_yours": (_("Your role does not allow you to confirm presences: the census is left out."), _ASK),
    "group_which": (
        _("[The course] is registered several times in this [session record], in the [groups] %(groups)s: nothing says which one the line means."),
        _("Fill in [the group]."),
    ),
    "group_again": (
        _("Line %(line)d is about the same [course], one with [a group] and one without."),
        _("Fill in [the group], or ignore one of the two lines."),
    ),
    "term_far": (
        _("The term %(name)s does not exist, and it is more than ten years from today."),
        _("Correct it, or add it under Terms first."),
    ),
    # doubts
    "group_none": (
        _("[The course] is registered in [group] %(groups)s too: the line is about the registration without [group]."),
        _("Fill in [the group] if that one is meant."),
    ),
    "group_beside": (_("Registered in [group] %(groups)s already: this adds another."), _("Correct [the group] if that registration is meant.")),
    "group_beside_choice": (
        _("Registered without [group] already: this adds another."),
        _("Give that registration its [group] in [the student]’s file instead, and ignore this line."),
    ),
    "census_day_kept": (
        _("The presence is confirmed already, on %(day)s: that day is kept."),
        _("Correct the census on [the student]’s page of registrations if it is wrong."),
    ),
    "column_twice": (
        _("Two columns say this: “%(first)s” (column %(at)d) counts, “%(second)s” (column %(other)d) says “%(text)s”."),
        _("Choose the columns if the other one is right."),
    ),
    "units_differ": (_("[The course] has %(units)s units in the catalogue: those are kept."), _("Correct one of the two if it is wrong.")),
    # files
    "admissions_columns": (_("This file holds admissions and lacks a column that they need: %(columns)s."), _("Choose the columns, or add it to the file.")),
    "enrolments_columns": (_("This file holds registrations and lacks a column that they need: %(columns)s."), _("Choose the columns, or add it to the file.")),
    "right_import_courses": (
        _("This file holds [courses], grids or the correspondence, which your role does not import."),
        _("Ask the site administrator, or send the other files alone."),
    ),
    "right_import_registrations": (
        _("This file holds admissions or registrations, which your role does not import."),
        _("Ask the site administrator, or send the other files alone."),
    ),
}
