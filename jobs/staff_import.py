"""Staff as a subject of imports: the rows of a spreadsheet or of an STS-web file, what they would change, the writing."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from jobs.import_parse import Fixes, Parsed, cells_of, is_total, read_into
from jobs.import_subjects import Absent, Outcome, Subject, Work, subject
from jobs.staff_known import load_staff
from jobs.staff_plan import StaffPlan
from jobs.staff_write import write_staff
from jobs.tables import Table
from models.import_cells import Context
from models.staff_words import propose

KIND = "staff"


def parse(kind: str, table: Table, keys: list[str], context: Context, fixes: Fixes) -> Iterator[Parsed]:
    """The rows of a file of staff."""
    for row in cells_of(table, keys, kind, fixes):
        if is_total(row.cells):
            row.skip = row.skip or "total_row"
        else:
            read_into(row, context)
        yield row


def plan(session: Session, work: Work, parsed: dict[str, list[Parsed]], _before: dict[str, Outcome]) -> Outcome:
    """What the file would change among the staff of the school."""
    rows = parsed[KIND]
    emails = {row.values["email"] for row in rows if row.values.get("email")}
    names = {row.values["username"] for row in rows if row.values.get("username")}
    names |= {propose(row.values.get("given_name", ""), row.values.get("family_name", ""), ()) for row in rows}
    known = load_staff(session, work.school_id, work.official_code, emails, names)
    made = StaffPlan(known, rows)

    def absent() -> Iterator[Absent]:
        for person in made.absent:
            cells = {"role": ",".join(role.name for role in person.open_roles), "email": person.email, "username": person.username}
            yield Absent(KIND, f"{person.family_name}, {person.given_name}", cells)

    return Outcome(made.counts(), made.digest(), [(KIND, one) for one in made.planned], absent, made.places, made)


def write(session: Session, _work: Work, outcome: Outcome, deactivate: bool, _before: dict[str, Outcome]) -> dict[str, int]:
    """Write accounts, roles and shared groups."""
    return write_staff(session, outcome.plan, deactivate=deactivate)


STAFF = subject(Subject("staff", {KIND: frozenset({"family_name"})}, parse, plan, write, rank=3))
