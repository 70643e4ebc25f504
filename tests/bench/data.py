"""The people of the bench: a school of 10,000 or 100,000 students, written by plain inserts. The same size gives the same rows.

The accounts and the small schools are those of the demonstration; the crowd is added to its first school, with guardians, ties,
classes, accounts, codes, sign-ins and history in the proportions of a school year.
"""

from __future__ import annotations

import csv
import datetime as dt
import itertools
import random
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import studies
from import_people import HEADINGS, many
from sqlalchemy import insert, select

import app as application
from jobs.demo import load_demo
from jobs.demo_people import People, make_people
from models.access import LoginEvent, LoginKind, User
from models.activation import ActivationCode, CodePurpose
from models.base import Base, fold, utcnow
from models.db import db, refresh_statistics
from models.journal import JournalEvent
from models.people import Authority, Group, GroupCategory, Guardian, GuardianLink, LinkStatus, Relation, Sex, Student, StudentStatus, group_member
from models.school import Level, School
from models.scope import unscoped

SECRET = "a key for the bench, long enough to be one"
SEED = 2026
PIECE = 5_000  # rows of one insert
EVENTS = 2  # lines of history and sign-ins for each student
CODES_FOR = {"Bench 1000": 1_000, "Bench 10000": 10_000}  # groups whose members are given codes


def open_app(folder: Path, url: str) -> Any:
    """The application on the database of `url`, its files under `folder`."""
    settings = {
        "DATA": folder,
        "DATABASE_URL": url,
        "SECRET_KEY": SECRET,
        "BASE_URL": "http://localhost",
        "MAIL_URL": "",
        "RUNNER": False,
        "LOG_LEVEL": "ERROR",
    }
    return application.create_app(settings)


def build(folder: Path, url: str, size: int) -> None:
    """Create the tables and write `size` students with all that belongs to them."""
    app = open_app(folder, url)
    with app.app_context(), unscoped("the bench writes its own data"):
        Base.metadata.create_all(db.engine)
        load_demo(db.session, students=30, seed=SEED)
        _Crowd(make_people("FR", size, SEED, 2025), random.Random(SEED)).write()  # noqa: S311 (the same rows each time)
        refresh_statistics(db.session)  # as the application does after an import
        db.session.commit()
        db.engine.dispose()


def people_file(path: Path, count: int) -> Path:
    """A file of `count` students to import, with two guardians each, one line in fifty with an error; other people each time."""
    lines, salt = many(count), time.time_ns() // 1000 % 90_000
    for line in lines:
        line["nom"] += " " + "".join("abcdefghij"[int(digit)] for digit in str(salt))
        line["ine"] = line["ine"] and f"{salt:05d}{line['ine'][5:]}"
    for line in lines[::50]:
        line["date_naissance"] = "31/02/2012"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HEADINGS, delimiter=";", restval="")
        writer.writeheader()
        writer.writerows(lines)
    return path


class _Crowd:
    """Rows as dictionaries, with keys counted here, so that each table is one kind of insert."""

    def __init__(self, people: People, chance: random.Random) -> None:
        self.people, self.random = people, chance
        self.school = db.session.scalars(select(School.id).order_by(School.id)).first()
        self.now = utcnow()
        self.levels = db.session.scalars(select(Level.id).where(Level.school_id == self.school).order_by(Level.rank)).all()
        self.advisers = db.session.scalars(select(User.id).where(User.username.in_(("ac", "ec", "registrar"))).order_by(User.id)).all()
        # Far above the demonstration's own keys.
        self.first = 1_000_000

    def insert(self, table: Any, rows: Iterable[dict[str, Any]]) -> None:
        """Insert past every listener."""
        rows = iter(rows)
        while piece := list(itertools.islice(rows, PIECE)):
            db.session.connection().execute(insert(table), piece)

    def write(self) -> None:
        """Every table in the order of its keys."""
        users = {i: self.first + i for i, adult in enumerate(self.people.adults) if adult.email and self.random.random() < 0.4}
        stamp = {"created_at": self.now, "updated_at": self.now}
        self.insert(User.__table__, (self._user(i, key) for i, key in users.items()))
        self.insert(Guardian.__table__, ({**self._guardian(i), "user_id": users.get(i), **stamp} for i in range(len(self.people.adults))))
        rooms = {name: self.first + n for n, name in enumerate(dict.fromkeys(kid.klass for kid in self.people.children if kid.klass))}
        self.insert(Group.__table__, (self._group(key, f"{name} ({key % self.first})", GroupCategory.klass) for name, key in rooms.items()))
        self.insert(Student.__table__, ({**self._student(i, rooms), **stamp} for i in range(len(self.people.children))))
        ties = ((i, tie) for i, kid in enumerate(self.people.children) for tie in kid.ties)
        self.insert(GuardianLink.__table__, ({**self._link(n, i, tie), **stamp} for n, (i, tie) in enumerate(ties)))
        self._groups()
        self._life([*users.values()])
        studies.write(self.insert, self.school, self.first, [self.first + i for i in range(len(self.people.children))])

    def _user(self, i: int, key: int) -> dict[str, Any]:
        adult = self.people.adults[i]
        return {"id": key, "email": f"bench.{adult.email}", "given_name": adult.given_name, "family_name": adult.family_name, "password_hash": ""}

    def _guardian(self, i: int) -> dict[str, Any]:
        adult = self.people.adults[i]
        words = (f"{adult.family_name} {adult.given_name}", adult.email, adult.phone_e164, "".join(c for c in adult.phone if c.isdigit()))
        named = {name: getattr(adult, name) for name in ("family_name", "given_name", "email", "phone", "phone_e164")}
        key = fold(" | ".join(word for word in words if word))
        return {"id": self.first + i, "school_id": self.school, "title": "", **named, **vars(adult.home), "language": "fr", "search_key": key}

    def _group(self, key: int, name: str, category: GroupCategory) -> dict[str, Any]:
        return {"id": key, "school_id": self.school, "name": name, "category": category, "owner_id": self.advisers[0]}

    def _student(self, i: int, rooms: dict[str, int]) -> dict[str, Any]:
        kid = self.people.children[i]
        words = [f"{kid.family_name} {kid.given_name}", kid.national_id, kid.local_id]
        for tie in kid.ties:
            adult = self.people.adults[tie.adult]
            words += [f"{adult.given_name} {adult.family_name}", adult.phone_e164, "".join(c for c in adult.phone if c.isdigit())]
        named = {name: getattr(kid, name) for name in ("family_name", "given_name", "middle_names", "born_on", "local_id", "email", "phone")}
        return {
            "id": self.first + i,
            "school_id": self.school,
            **named,
            **vars(kid.home),
            "language": "fr",
            "sex": Sex[kid.sex],
            "national_id": kid.national_id or None,
            "level_id": self.levels[kid.level],
            "homeroom_id": rooms.get(kid.klass),
            "status": StudentStatus.left if i % 20 == 19 else StudentStatus.active,
            "adviser_id": self.advisers[i % len(self.advisers)],
            "search_key": fold(" | ".join(word for word in words if word)),
        }

    def _link(self, n: int, i: int, tie: Any) -> dict[str, Any]:
        return {
            "id": self.first + n,
            "school_id": self.school,
            "student_id": self.first + i,
            "guardian_id": self.first + tie.adult,
            "relation": Relation[tie.relation],
            "authority": Authority[tie.authority],
            "status": LinkStatus.to_check if n % 5_000 == 4_999 else LinkStatus.active,
        }

    def _groups(self) -> None:
        """Twenty groups of forty students each, and those whose members are given codes."""
        key = self.first + 500_000
        active = [self.first + i for i in range(len(self.people.children)) if i % 20 != 19]
        sizes = [(f"Atelier {n + 1}", 40) for n in range(20)] + [(name, size) for name, size in CODES_FOR.items() if size <= len(active)]
        self.insert(Group.__table__, (self._group(key + n, name, GroupCategory.other) for n, (name, _size) in enumerate(sizes)))
        for n, (_name, size) in enumerate(sizes):
            self.insert(group_member, ({"group_id": key + n, "student_id": i} for i in self.random.sample(active, size)))

    def _life(self, users: list[int]) -> None:
        """Codes for one student in five, sign-ins, history."""
        count, hour = len(self.people.children), dt.timedelta(hours=1)
        until = self.now + dt.timedelta(days=90)
        self.insert(
            ActivationCode.__table__,
            (
                {"id": self.first + n, "school_id": self.school, "student_id": self.first + n * 5, "purpose": CodePurpose.guardian, "digest": f"bench-{n}",
                 "tail": f"{n % 10_000:04d}", "created_at": self.now - hour, "expires_at": until, "batch": "bench"}
                for n in range(count // 5)
            ),
        )  # fmt: skip
        self.insert(
            LoginEvent.__table__,
            (
                {"user_id": users[n % len(users)], "at": self.now - hour * (n % 5_000), "kind": LoginKind.signed_in, "address": "127.0.0.1"}
                for n in range(count)
            ),
        )
        self.insert(
            JournalEvent.__table__,
            (
                {"school_id": self.school, "at": self.now - hour * (n % 5_000), "user_id": self.advisers[n % 3], "who": "Camille Roussel", "verb": "edited",
                 "table_name": "student", "row_id": self.first + n % count, "batch": f"bench-{n // 20}"}
                for n in range(count * EVENTS)
            ),
        )  # fmt: skip
