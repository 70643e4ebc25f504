"""Eight processes type the same codes at the same moment: each code opens one link, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contender import SPAWN
from data import open_app
from sqlalchemy import func, select

from models.access import User
from models.activation import ActivationCode, CodePurpose, last_moment, new_codes
from models.db import db
from models.keys import digest, seal
from models.people import Guardian, GuardianLink, Student, StudentStatus
from models.redemption import UnusableCode, redeem
from models.school import School
from models.scope import unscoped


def _one(folder: str, url: str, who: int, codes: list[str], ready: Any, gate: Any, answers: Any) -> None:
    app, ends = open_app(Path(folder), url), []
    with app.app_context(), unscoped("a guardian types a code"):
        db.session.get(User, who)
        db.session.rollback()
        ready.release()
        gate.wait()
        for code in codes:
            try:
                redeem(db.session, code, db.session.get_one(User, who))
                db.session.commit()
                ends.append("won")
            except UnusableCode:
                db.session.rollback()
                ends.append("calm")
            except Exception as fault:
                db.session.rollback()
                ends.append(repr(fault))
    answers.put(ends)


def _prepare(folder: Path, url: str, processes: int, codes: int) -> tuple[list[int], list[str]]:
    """Guardians without a child, and codes of as many students."""
    clear = new_codes(codes)
    with open_app(folder, url).app_context(), unscoped("the bench prepares"):
        school = db.session.scalars(select(School).order_by(School.id)).first()
        people = [User(given_name="Course", family_name=f"Bench{n}", email=f"race{n}.{clear[0]}@example.org") for n in range(processes)]
        db.session.add_all(people)
        students = db.session.scalars(
            select(Student.id).where(Student.id >= 1_000_000, Student.status == StudentStatus.active).order_by(Student.id).limit(codes)
        ).all()
        for code, student in zip(clear, students, strict=True):
            made = {"digest": digest("activation", code), "sealed": seal("activation", code), "tail": code[-4:], "batch": "race"}
            db.session.add(ActivationCode(school_id=school.id, student_id=student, purpose=CodePurpose.guardian, expires_at=last_moment(school), **made))
        db.session.flush()
        ids = [one.id for one in people]
        db.session.commit()
        db.engine.dispose()
    return ids, clear


def run(folder: Path, url: str, processes: int, codes: int) -> dict[str, int]:
    """Codes used twice, codes that nobody had, faults."""
    people, clear = _prepare(folder, url, processes, codes)
    ready, gate, answers = SPAWN.Semaphore(0), SPAWN.Event(), SPAWN.Queue()
    children = [SPAWN.Process(target=_one, args=(str(folder), url, who, clear, ready, gate, answers)) for who in people]
    for child in children:
        child.start()
    for _child in children:
        ready.acquire(timeout=120)
    gate.set()
    ends = [answers.get(timeout=240) for _child in children]
    for child in children:
        child.join()
    wins = [sum(row[n] == "won" for row in ends) for n in range(codes)]
    with open_app(folder, url).app_context(), unscoped("the bench counts"):
        links = db.session.scalar(select(func.count(GuardianLink.id)).join(Guardian).where(Guardian.user_id.in_(people)))
        db.engine.dispose()
    doubles = sum(n > 1 for n in wins) + max(links - codes, 0)
    lost = sum(n == 0 for n in wins) + max(sum(wins) - links, 0)
    return {"codes": codes, "doubles": doubles, "lost": lost, "errors": sum(end not in ("won", "calm") for row in ends for end in row)}
