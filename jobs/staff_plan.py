"""What a file of staff would change: each line against the accounts and roles of the school, without writing anything.

Somebody is known by e-mail, also from another school (they keep their account); else by the user name they have here; else by their names
when one person of the staff has them and nothing speaks against it. Their date of birth is kept nowhere: it tells two lines apart, no more.
A role is added, never withdrawn; a function that says none for certain is a question of the whole file (`places`).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter

from jobs.import_match import group_key, name_key
from jobs.import_parse import Parsed
from jobs.import_plan import Place, Planned
from jobs.staff_known import Person, StaffKnown
from models import rights
from models.access import Role
from models.identifiers import clean_uai
from models.scope import WHO
from models.staff_words import LEFT_OUT, classes_of, propose

GROUPS, PERSON, REOPEN = "groups", "person", "reopen"  # keys of `Planned.values` beside "role", "username", "email" and the names


def _may_be_one(one: Parsed, two: Parsed) -> bool:
    """Whether nothing tells two lines of the same names apart."""
    pairs = [(one.values.get(key), two.values.get(key)) for key in ("email", "username", "born_on")]
    return not any(here and there and here != there for here, there in pairs)


class StaffPlan:
    """The fate of every line, and who of the staff the file does not hold."""

    def __init__(self, known: StaffKnown, rows: list[Parsed]) -> None:
        self.known, self.rows = known, rows
        self.me, self.roles = WHO.get().user_id, WHO.get().roles
        self.seen: dict[int, int] = {}  # account -> its line
        self.spared: set[int] = set()  # of whom a line that is not taken may speak
        self.fresh: dict[tuple[str, str], list[Parsed]] = {}  # names of new people -> their lines
        self.logins: dict[str, Parsed] = {}  # what new people sign in with -> their line
        self.taken = set(known.taken)
        self.proposed = 0  # user names that the file does not say
        self.named = Counter(self._names(row) for row in rows if not row.skip)
        self.planned = [self._plan(row) for row in rows]
        self.places = self._places()
        self.absent = self._absent()

    @staticmethod
    def _names(row: Parsed) -> tuple[str, str]:
        return name_key(row.values.get("family_name", ""), row.values.get("given_name", ""))

    def _plan(self, row: Parsed) -> Planned:
        values = row.values
        code = values.get("school_code")
        if values.get("role") == LEFT_OUT:
            row.skip = row.skip or "role_left"
        if row.skip:
            self._spare(row)
            return Planned(row, "ignored")
        if code and clean_uai(code) != self.known.official_code:
            row.problem("school_code", "other_school", uai=code)
        for key in ("family_name", "given_name"):
            if not values.get(key) and not any(note["field"] == key for note in row.problems):
                row.problem(key, "given_name_empty" if key == "given_name" else "name_empty")
        if "role" not in values and not any(note["field"] == "role" for note in row.problems):
            row.problem("role", "role_missing")
        elif "role" in values and not rights.may_give(self.roles, values["role"]):
            row.problem("role", "role_above")
        person = self._find(row)
        planned = self._known(row, person) if person is not None else self._new(row)
        if row.problems:
            self._spare(row)
            planned.status = "error"
        return planned

    def _spare(self, row: Parsed) -> None:
        """Whoever a line that is not taken may speak of is not absent from the file."""
        for user_id in (
            self.known.by_email.get(row.values.get("email", "")),
            self.known.by_username.get(row.values.get("username", "")),
            *self.known.by_names.get(self._names(row), ()),
        ):
            if user_id is not None:
                self.spared.add(user_id)

    def _find(self, row: Parsed) -> Person | None:
        """Whom a line speaks of; None for somebody new, or when a problem says that it cannot be told."""
        email, username = row.values.get("email", ""), row.values.get("username", "")
        if email in self.known.by_email:
            person = self.known.person(self.known.by_email[email])
            family, given = name_key(person.family_name, person.given_name)
            if self._names(row)[0] != family and self._names(row)[1] != given and not row.problems:
                row.problem("email", "email_other")
            return person
        if username in self.known.by_username:
            return self.known.staff[self.known.by_username[username]]
        if username and username in self.known.taken:
            row.problem("username", "username_taken")
            return None
        found = [] if username else self.known.by_names.get(self._names(row), [])
        if not found:
            return None
        person = self.known.staff[found[0]]
        if len(found) == 1 and self.named[self._names(row)] == 1 and not (email and person.email):
            row.doubt("family_name", "staff_by_name", login=person.username or person.email)
            if email:
                row.doubt("email", "staff_email")
            return person
        row.problem("username", "staff_namesake", login=person.username or person.email)
        return None

    def _new(self, row: Parsed) -> Planned:
        """Somebody who has no account yet; without an e-mail they get a user name, which the preview shows."""
        values = row.values
        planned = Planned(row, "created", values={key: values.get(key, "") for key in ("given_name", "family_name", "email", "role", "username")})
        namesakes = self.fresh.setdefault(self._names(row), [])
        logins = [self.logins[key] for key in (values.get("email"), values.get("username")) if key in self.logins]
        twice = next((other for other in (*logins, *namesakes) if other in logins or _may_be_one(row, other)), None)
        if twice is not None and not row.problems:
            row.problem("family_name", "staff_twice", line=twice.line)
        if not row.problems:
            if not values.get("email") and not values.get("username"):
                planned.values["username"] = row.cells["username"] = propose(values["given_name"], values["family_name"], self.taken)
                self.proposed += 1
            self.taken.add(planned.values["username"])
            namesakes.append(row)
            self.logins |= {key: row for key in (planned.values["email"], planned.values["username"]) if key}
            planned.values[GROUPS] = self._groups(row, None)
        return planned

    def _known(self, row: Parsed, person: Person) -> Planned:
        """Somebody who has an account: what this line adds to it here."""
        planned = Planned(row, "unchanged", values={PERSON: person.id})
        if person.id in self.seen and not row.problems:
            row.problem("family_name", "staff_twice", line=self.seen[person.id])
            return planned
        self.seen[person.id] = row.line
        if row.problems:
            return planned
        if any(not rights.may_give(self.roles, role.name) for role in person.roles):
            row.problem("role", "role_above")
            return planned
        role = Role[row.values["role"]]
        if person.id == self.me:
            if role not in person.open_roles:
                row.doubt("role", "staff_self")
            return planned
        if role not in person.open_roles:
            before = ", ".join(one.name for one in person.open_roles)
            planned.values |= {"role": role.name, REOPEN: role in person.roles}
            planned.status = "changed" if person.roles else "created"
            planned.diff.append({"field": "role", "before": before, "after": ", ".join(filter(None, (before, role.name)))})
            if not person.roles:
                row.doubt("email", "staff_elsewhere")
        planned.values[GROUPS] = groups = self._groups(row, person.id)
        if groups and planned.status == "unchanged":
            planned.status = "changed"
        if groups and planned.status == "changed":
            planned.diff.append({"field": "classes", "before": "", "after": ", ".join(name for _id, name in groups)})
        return planned

    def _groups(self, row: Parsed, user_id: int | None) -> list[tuple[int, str]]:
        """The groups to share, so that a teacher sees their students; other roles see the whole school anyway."""
        if row.values.get("role") != Role.ec.name or not rights.may(self.roles, "group", "share"):
            return []
        names = classes_of(row.values.get("classes", ""))
        missing = [name for name in names if group_key(name) not in self.known.groups]
        if missing:
            row.doubt("", "staff_classes", names=", ".join(missing)[:80])
        found = dict(self.known.groups[group_key(name)] for name in names if group_key(name) in self.known.groups)
        return [(group_id, name) for group_id, name in found.items() if user_id is None or (group_id, user_id) not in self.known.shares]

    def _places(self) -> list[Place]:
        """The functions of the file, "" for the lines without any: on how many lines, and the role that each says for certain."""
        found: dict[str, Place] = {}
        for row in self.rows:
            if row.skip in ("", "role_left"):
                text = row.in_file.get("role", row.cells.get("role", ""))
                place = found.setdefault(text, Place("role", text))
                place.lines += 1
                place.near = place.near or str(row.values.get("role", ""))
        return sorted(found.values(), key=lambda place: (bool(place.near), place.text))

    def _absent(self) -> list[Person]:
        """Who holds a role that the file gives and does not stand in it. Never whoever imports, nor somebody with a role that is not theirs to
        withdraw: a file of teachers says nothing about the office.
        """
        read = [one.row.values for one in self.planned if one.status in {"created", "changed", "unchanged"}]
        self.given = given = {Role[values["role"]] for values in read if "role" in values}
        found = []
        for person in self.known.staff.values():
            closing = given & set(person.open_roles)
            if person.id in self.seen or person.id in self.spared or person.id == self.me or not closing:
                continue
            if all(rights.may_give(self.roles, role.name) for role in person.roles):
                found.append(person)
        return found

    def closing(self, person: Person) -> list[int]:
        """The memberships that end for somebody absent: those of the roles that the file is about."""
        return [person.roles[role][0] for role in person.open_roles if role in self.given]

    def counts(self) -> dict[str, int]:
        """The numbers of the preview."""
        statuses = Counter(one.status for one in self.planned)
        taken = [one for one in self.planned if one.status in {"created", "changed"}]
        return {
            **{status: statuses[status] for status in ("created", "changed", "unchanged", "error", "unsure", "ignored")},
            "asked": 0,
            "absent": len(self.absent),
            "leaving": 0,
            "active": sum(1 for person in self.known.staff.values() if self.given & set(person.open_roles)),
            "lines": len(self.planned),
            "students_created": 0,
            "students_changed": 0,
            "staff_created": statuses["created"],
            "staff_changed": statuses["changed"],
            "new_accounts": sum(1 for one in taken if PERSON not in one.values),
            "proposed": self.proposed,
            "new_admins": sum(1 for one in taken if one.values.get("role") == Role.acc.name),
            "new_shares": sum(len(one.values.get(GROUPS, ())) for one in taken),
        }

    def digest(self) -> str:
        """A mark of the whole plan."""
        mark = hashlib.sha256()
        for one in self.planned:
            wrong = [(note["field"], note["code"]) for note in one.row.problems]
            mark.update(json.dumps([one.row.line, one.status, one.diff, sorted(one.values.items()), wrong], ensure_ascii=False, default=str).encode())
        mark.update(json.dumps([self.closing(person) for person in self.absent]).encode())
        return mark.hexdigest()
