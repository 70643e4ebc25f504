"""Registering more candidates than a person can wait for, and copying the last term for as many: each in one transaction, as the person who asked."""

from __future__ import annotations

from sqlalchemy import select

from jobs.registry import Product, handler
from jobs.runner import Task
from models.base import Refusal
from models.courses import Course
from models.db import db
from models.last_term import copy_last_term
from models.registering import Place, judge, register
from models.studies import Term
from models.words import N_, _
from models.work import JobKind

TOLD = 20  # people who are named in the note of the job


@handler(JobKind.register_many, table="enrolment", verb="register_many")
def register_many(task: Task) -> Product | None:
    """Register whoever can be, tell the others with their reason. Refused: when the term or the course has gone since."""
    term = db.session.scalar(select(Term).where(Term.id == task.params["term"]))
    course = db.session.scalar(select(Course).where(Course.id == task.params["course"]))
    if term is None or course is None:
        raise Refusal(_("The term or [the course] no longer exists. Nothing was written: start again from the list."))
    place = Place.of(term, course, task.params["group"])
    done = register(db.session, place, judge(db.session, place, task.params["students"]))
    told = [str(N_("%(num)d [student] registered: %(place)s.", "%(num)d [students] registered: %(place)s.", done.written, place=str(place)))]
    if done.there:
        told.append(str(N_("%(num)d was registered already.", "%(num)d were registered already.", done.there)))
    task.note = _with_left(told, done.left)
    return None


@handler(JobKind.copy_last_term, table="enrolment", verb="copy_last_term")
def copy_the_last_term(task: Task) -> Product | None:
    """Copy what was not passed into each record, tell who got nothing."""
    done = copy_last_term(db.session, task.params["records"])
    task.note = _with_left([str(N_("%(num)d registration copied.", "%(num)d registrations copied.", done.registrations))], done.left)
    return None


def _with_left(told: list[str], left: list[tuple[str, str]]) -> str:
    """The sentences, then who was left out and why, the first by name."""
    told += [str(_("%(name)s: %(reason)s", name=name, reason=reason)) for name, reason in left[:TOLD]]
    if len(left) > TOLD:
        told.append(str(N_("and %(num)d other", "and %(num)d others", len(left) - TOLD)))
    return "\n".join(told)
