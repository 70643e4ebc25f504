"""Writing what a transfer brings of the studies: one transaction of the caller, rows one after the other so that each can be undone.

What is made for this history alone (a course, a grid, a code that the school lacked) is offered to nobody else: it stands as no longer offered, and
can be offered again. Nothing of it is to be told to the ministry by this school: the other one did.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.import_plan import Planned
from jobs.import_subjects import Outcome, Work
from models.admissions import Admission
from models.base import fold, utcnow
from models.class_lists import pieces
from models.codes import CodeList, CodeValue
from models.courses import Course, Grid
from models.enrolments import Enrolment
from models.people import Student
from models.session_records import SessionRecord
from models.studies import Programme, Season, Term
from models.transfer import Transfer
from models.transmissions import Telling, Transmission
from models.travel_studies import CODE_LISTS, EFFECTIVE, OWN_CODES

if TYPE_CHECKING:
    from jobs.import_moved import Moving

_PLAIN = ("mark", "weighted_mark", "group_average", "absences", "r_score", "r_mean", "alternative_number", "partner_course", "census_on")
_TOLD = ("created", "changed", "new_grids", "new_courses", "new_admissions", "new_records", "new_enrolments")


def write(session: Session, work: Work, outcome: Outcome, _deactivate: bool, _before: dict[str, Outcome]) -> dict[str, int]:
    """Write the studies; the students of the same import are written already."""
    writer = _Writer(session, work, outcome.plan)
    writer.catalogue()
    writer.admissions()
    writer.records()
    writer.enrolments()
    return {key: outcome.counts[key] for key in _TOLD}


class _Writer:
    def __init__(self, session: Session, work: Work, plan: Moving) -> None:
        self.session, self.plan, self.mine = session, plan, work.school_id
        self.at = utcnow()
        sender = session.execute(select(Transfer.other_name, Transfer.other_code).where(Transfer.import_id == work.id)).first()
        self.sender = (sender.other_name or sender.other_code) if sender else ""
        self.programmes: dict[str, Programme] = {}
        self.grids: dict[str, Grid] = {}
        self.courses: dict[str, Course] = {}
        self.terms: dict[tuple[int, Season], Term] = {}
        self.codes: dict[tuple[CodeList, str, str], CodeValue] = {}
        self.open: dict[str, Admission] = {}
        self.under: dict[str, SessionRecord] = {}

    def _fresh(self, kind: str) -> list[Planned]:
        return [one for one in self.plan.planned[kind] if one.status == "created"]

    def _kept(self, kind: str, model: Any) -> dict[str, Any]:
        """What the rows that are here already point to, by the key of the transfer."""
        known = {key: one.values["id"] for key, one in self.plan.by[kind].items() if one.status == "unchanged"}
        found: dict[int, Any] = {}
        for piece in pieces(sorted(set(known.values()))):
            found |= {row.id: row for row in self.session.scalars(select(model).where(model.id.in_(piece)))}
        return {key: found[number] for key, number in known.items()}

    def _add(self, rows: Iterable[Any]) -> None:
        self.session.add_all(rows)
        self.session.flush()

    # -- what rows name

    def catalogue(self) -> None:
        """The programmes, grids, courses, terms and codes that the school lacks."""
        self._programmes()
        made = {
            one.values["grid"]: Grid(
                school_id=self.mine,
                code=one.values["grid"],
                title=one.values.get("title", ""),
                programme=self.programmes[one.values["programme"]],
                retired_at=self.at,
            )
            for one in self._fresh("moved_grids")
        }
        self._terms()
        self._codes()
        self.grids = {**self._kept("moved_grids", Grid), **{key: made[one.values["grid"]] for key, one in self._by("moved_grids")}}
        taught = {key: self._course(one.values) for key, one in self._by("moved_courses")}
        self.courses = {**self._kept("moved_courses", Course), **taught}
        self._add([*made.values(), *taught.values()])

    def _by(self, kind: str) -> list[tuple[str, Planned]]:
        return [(key, one) for key, one in self.plan.by[kind].items() if one.status == "created"]

    def _programmes(self) -> None:
        titles = {one.values["programme"]: one.values.get("programme_title", "") for one in self._fresh("moved_admissions")}
        needed = {**dict.fromkeys((one.values["programme"] for one in self._fresh("moved_grids")), ""), **titles}
        self.programmes = {one.code: one for one in self.session.scalars(select(Programme).where(Programme.school_id == self.mine))}
        for code, title in needed.items():
            known = self.programmes.get(code)
            if known is None:
                self.programmes[code] = Programme(school_id=self.mine, code=code, title=title or code)
                self.session.add(self.programmes[code])
            elif title and known.title == code and code not in self.plan.programmes:  # it came with its student a moment ago, without its title
                known.title = title
        self.session.flush()

    def _course(self, values: dict[str, Any]) -> Course:
        return Course(
            school_id=self.mine,
            number=values["course"],
            title=values["title"],
            unit_thirds=values.get("units"),
            weekly_hours=values.get("hours"),
            category=self._code("category", values),
            retired_at=self.at,
            **{key: values.get(key, "") for key in ("discipline", "official_number", "sobec_number", "objective")},
        )

    def _terms(self) -> None:
        named = {one.values["term"] for one in self._fresh("moved_records")}
        named |= {one.values["first_term"] for one in self._fresh("moved_admissions") if one.values.get("first_term")}
        self.terms = {(one.year, one.season): one for one in self.session.scalars(select(Term).where(Term.school_id == self.mine))}
        fresh = {key: Term(school_id=self.mine, year=key[0], season=key[1]) for key in named if key not in self.terms}
        self._add(fresh.values())
        self.terms |= fresh

    # -- codes

    def _named(self) -> Iterable[tuple[CodeList, tuple[str, str]]]:
        for kind in ("moved_courses", "moved_records", "moved_enrolments"):
            for one in self._fresh(kind):
                yield from ((CODE_LISTS[key], one.values[key]) for key in CODE_LISTS if key in one.values)

    def _codes(self) -> None:
        """A code of the network is the same everywhere; a partner is the school's own, so that its name tells."""
        known = list(self.session.scalars(select(CodeValue).where(CodeValue.school_id == self.mine)))
        taken = {(one.code_list, one.code) for one in known}
        by_code: dict[tuple[CodeList, str], CodeValue] = {(one.code_list, one.code): one for one in known if one.code_list is not CodeList.partner}
        partners = {fold(one.label): one for one in known if one.code_list is CodeList.partner}
        last: dict[CodeList, int] = {}
        for one in known:
            last[one.code_list] = max(last.get(one.code_list, 0), one.rank)
        fresh: list[CodeValue] = []
        for of, (code, label) in dict.fromkeys(self._named()):
            found = partners.get(fold(label)) if of is CodeList.partner else by_code.get((of, code))
            if found is None:
                free, number = code, 2
                while (of, free) in taken:
                    free, number = f"{code[:17]}-{number}", number + 1
                taken.add((of, free))
                last[of] = last.get(of, 0) + 1
                found = CodeValue(school_id=self.mine, code_list=of, code=free, label=label, rank=last[of], retired_at=self.at)
                fresh.append(found)
                by_code[of, free] = found
                if of is CodeList.partner:
                    partners[fold(label)] = found
            self.codes[of, code, label] = found
        self._add(fresh)

    def _code(self, key: str, values: dict[str, Any]) -> CodeValue | None:
        said = values.get(key)
        return self.codes[CODE_LISTS[key], *said] if said else None

    # -- the records

    def admissions(self) -> None:
        """As they stand in the other school, whatever that is."""
        numbers = {code: number for code, (number, _name) in self.plan.students.items() if number}
        coming = [code for code, (number, _name) in self.plan.students.items() if not number]
        for piece in pieces(coming):
            wanted = select(Student.national_id, Student.id).where(Student.school_id == self.mine, Student.national_id.in_(piece))
            numbers |= {code or "": number for code, number in self.session.execute(wanted)}
        for ref, one in self._by("moved_admissions"):
            values = one.values
            self.open[ref] = Admission(
                school_id=self.mine,
                student_id=numbers[values["student_ref"]],
                programme=self.programmes[values["programme"]],
                grid=self.grids[values["grid"]] if values.get("grid") else None,
                term=self.terms[values["first_term"]] if values.get("first_term") else None,
                status=values["admission_status"],
                **{key: values.get(key) for key in ("applied_on", "admitted_on", "ended_on", "sanctioned_on")},
            )
        self._add(self.open.values())
        self.open |= self._kept("moved_admissions", Admission)

    def records(self) -> None:
        """The session records, each under its admission."""
        for ref, one in self._by("moved_records"):
            admission = self.open[one.values["admission_ref"]]
            self.under[ref] = SessionRecord(
                school_id=self.mine,
                student_id=admission.student_id,
                admission=admission,
                term=self.terms[one.values["term"]],
                full_time=self._code("full_time", one.values),
                language=self._code("language", one.values),
                programme_session=one.values.get("programme_session"),
            )
        self._add(self.under.values())
        self.under |= self._kept("moved_records", SessionRecord)

    def enrolments(self) -> None:
        """The registrations: what they hold inherits nothing here, and this school has nothing of them to tell to the ministry."""
        said = {"by": self.sender, "at": self.at.isoformat()}
        states = {one.state: Transmission.excluded for one in Telling}
        rows = []
        for one in self._fresh("moved_enrolments"):
            values = one.values
            codes = {key: self._code(key, values) for key in (*EFFECTIVE, *OWN_CODES)}
            parent = values.get("parent_course")
            row = Enrolment(
                school_id=self.mine,
                session_record=self.under[values["record_ref"]],
                course=self.courses[values["course"]],
                parent_course=self.courses[parent] if parent else None,
                group_number=values.get("group", ""),
                taken=values["taken"],
                census_by=self.sender if values.get("census_on") else "",
                r_thirds=values.get("r_units"),
                overrides=dict.fromkeys((*(key for key in EFFECTIVE if codes[key] is not None), *states), said),
                **{key: code for key, code in codes.items() if code is not None},
                **{key: values[key] for key in _PLAIN if key in values},
                **states,
            )
            rows.append(row)
        self._add(rows)
