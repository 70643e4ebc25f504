"""The demonstration: two invented schools with their people, one account for each role, one password for all.

The people come from `jobs/demo_people.py`, what happened to them from `jobs/demo_life.py`.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from jobs import demo_pictures
from jobs.demo_courses import load_admissions, load_courses
from jobs.demo_invitations import load_invitation
from jobs.demo_letter import load_letter, load_sign_ins
from jobs.demo_life import Row, load_codes, load_history, load_reminders, store
from jobs.demo_messages import load_messages
from jobs.demo_people import LEVELS, Adult, Child, Home, People, Tie, make_people, slug
from jobs.demo_records import load_records
from jobs.demo_studies import others_of, programmes_of
from models.access import Membership, Role, User
from models.base import Refusal, today, utcnow
from models.labels import LabelStamp, create_nouns
from models.passwords import hash_password
from models.people import (
    Authority,
    Group,
    GroupCategory,
    Guardian,
    GuardianLink,
    LinkStatus,
    Relation,
    Sex,
    Student,
    group_member,
    group_share,
    guardian_search_key,
    student_search_key,
)
from models.school import Country, Level, School
from models.scope import unscoped
from models.words import _

PASSWORD = "scolabri-demo-2026"  # noqa: S105 (published: the demonstration listens on this machine only)
ROLES = ("acc", "ac", "ec", "amp", "registrar", "head", "inspector", "invigilator")
ACCOUNTS = (*ROLES, "parent", "student")
PARENT_MAIL = "parent{}@example.org"


@dataclass(frozen=True)
class Plan:
    """One school of the demonstration; `staff` are given and family names in the order of ROLES, then teachers without sign-in."""

    country: str
    suffix: str
    name: str
    official_code: str
    domain: str
    phone: str
    home: Home
    language: str
    time_zone: str
    staff: tuple[tuple[str, str], ...]
    head_title: str
    own_group: str
    shared_group: str


PLANS = (
    Plan(
        country="FR",
        suffix="",
        name="Collège des Tilleuls",
        official_code="9990001X",
        domain="tilleuls.example.org",
        phone="01 99 00 12 00",
        home=Home("2 place du Marché", "", "99100", "Valmont-les-Tilleuls"),
        language="fr",
        time_zone="Europe/Paris",
        staff=(
            ("Hélène", "Marchand"),
            ("Camille", "Roussel"),
            ("Julien", "Vasseur"),
            ("Mireille", "Pons"),
            ("Odile", "Le Tallec"),
            ("Agnès", "Castaing"),
            ("Philippe", "d'Aubrac"),
            ("Rémi", "Soulier"),
            ("Élodie", "Hamon"),
            ("Karim", "Belkacem"),
            ("Solène", "Œillet"),
        ),
        head_title="principale",
        own_group="Latin",
        shared_group="UNSS",
    ),
    Plan(
        country="CA",
        suffix="2",
        name="Cégep de la Rive",
        official_code="QC999001",
        domain="cegeprive.example.org",
        phone="418 555-0100",
        home=Home("100, quai aux Fleurs", "", "G1A 0A2", "La Rive"),
        language="fr_CA",
        time_zone="America/Toronto",
        staff=(
            ("Geneviève", "Thibodeau"),
            ("Martin", "Desrosiers"),
            ("Chantal", "Lafrenière"),
            ("Réjean", "Bolduc"),
            ("Line", "Robitaille"),
            ("Hélène", "Sansregret"),
            ("Yvon", "Charlebois"),
            ("Sylvie", "Gendron"),
            ("Annick", "Lemay"),
            ("Pascal", "Guénette"),
        ),
        head_title="directrice générale",
        own_group="Tutorat",
        shared_group="Club de robotique",
    ),
)


def load_demo(session: Session, students: int = 300, seed: int = 42) -> dict[str, int]:
    """Write both schools into the session's database; the caller commits. How many rows of each kind were written.

    `students` are those of the first school (12 at least); the second has half as many, but as many up to 30. The same seed
    gives the same people. Refused when one of the two schools exists already.
    """
    if students < 12:
        raise Refusal(_("The demonstration needs at least 12 [students]. Ask for more with --students."))
    counts: dict[str, int] = {}
    with unscoped("the demonstration writes two schools"):
        if session.scalar(select(School.id).where(School.official_code.in_([plan.official_code for plan in PLANS]))):
            raise Refusal(_("The demonstration is already loaded. To begin again, remove its data folder."))
        password = hash_password(PASSWORD)
        followed: tuple[Adult, User] | None = None
        for plan in PLANS:
            size = students if plan.country == "FR" else max(students // 2, min(students, 30))
            followed = _Loader(session, plan, seed, password, counts).load(size, followed)
    return counts


class _Loader:
    """Writes one school. Every row is built whole, then stored with its kind, in the order of the foreign keys."""

    def __init__(self, session: Session, plan: Plan, seed: int, password: str, counts: dict[str, int]) -> None:
        self.session, self.plan, self.seed, self.password, self.counts = session, plan, seed, password, counts
        self.random = random.Random(f"life-{plan.country}-{seed}")  # noqa: S311 (a demonstration must repeat itself)
        self.began = utcnow() - dt.timedelta(days=62)
        self.day = today(plan.time_zone)
        self.staff: dict[str, User] = {}
        self.teachers: list[User] = []
        self.accounts: dict[int, User] = {}  # by position in People.adults

    def load(self, size: int, followed: tuple[Adult, User] | None) -> tuple[Adult, User]:
        """The whole school. `followed` is the guardian who has a child in the school before; gives this school's own."""
        people = make_people(self.plan.country, size, self.seed, self.day.year - (self.day.month < 8))
        self.school = self._load_school()
        self._load_staff()
        parent = self._load_accounts(people, followed)
        guardians = self._load_guardians(people)
        students = self._load_students(people, guardians)
        links = self._load_links(people, students, guardians)
        known = {guardians[index].id: user.id for index, user in self.accounts.items()}
        load_codes(self.session, self.random, self.school, students, links, known)
        load_history(self.session, self.random, self.school, self.staff, students, guardians)
        load_reminders(self.session, self.school, self.staff["registrar"], students, self.day)
        load_sign_ins(self.session, known.values())
        self.counts["messages"] = self.counts.get("messages", 0) + load_messages(self.session, self.school, self.staff, parent[1])
        if self.plan.country == "FR":
            load_letter(self.session, self.school)
            self.counts["invitations"] = load_invitation(self.session, self.school, self.student)
        return parent

    def _store(self, kind: str, rows: Sequence[Row]) -> Sequence[Row]:
        self.counts[kind] = self.counts.get(kind, 0) + len(rows)
        return store(self.session, rows)

    def _load_school(self) -> School:
        plan, home = self.plan, self.plan.home
        row = School(
            country=Country[plan.country],
            name=plan.name,
            official_code=plan.official_code,
            email=f"secretariat@{plan.domain}",
            phone=plan.phone,
            support_email=f"aide@{plan.domain}",
            address1=home.address1,
            postal_code=home.postal_code,
            town=home.town,
            language=plan.language,
            time_zone=plan.time_zone,
            head_name=" ".join(plan.staff[ROLES.index("head")]),
            head_title=plan.head_title,
            support_phone=plan.phone,
            website=f"https://{plan.domain}/",
            sales_email="commandes@example.org",
            logo_digest=demo_pictures.logo() if plan.country == "FR" else None,
            stamp_digest=demo_pictures.stamp(plan.name, home.town) if plan.country == "FR" else None,
        )
        school = self.session.get_one(School, self._store("schools", [row])[0].id)
        nouns = create_nouns(school)
        for noun in nouns:
            self.session.expunge(noun)
        store(self.session, nouns)
        # Past the listener that does it elsewhere: words read before this school are out of date.
        self.session.merge(LabelStamp(id=1, value=self.random.getrandbits(62)))
        return school

    def _user(self, username: str | None, given: str, family: str, email: str | None, *, sign_in: bool = True) -> User:
        seen = utcnow() - dt.timedelta(days=self.random.randint(1, 20), minutes=self.random.randint(1, 600)) if sign_in else None
        return User(
            username=username,
            email=email,
            given_name=given,
            family_name=family,
            password_hash=self.password if sign_in else "",
            language=self.plan.language,
            email_confirmed_at=self.began if sign_in else None,
            last_seen_at=seen,
        )

    def _load_staff(self) -> None:
        """One person for each role, then teachers who are advisers but have no sign-in. The inspector's window opens today."""
        users = []
        for rank, (given, family) in enumerate(self.plan.staff):
            sign_in = rank < len(ROLES)
            username = f"{ROLES[rank]}{self.plan.suffix}" if sign_in else None
            users.append(self._user(username, given, family, f"{slug(given)}.{slug(family)}@{self.plan.domain}", sign_in=sign_in))
        self._store("users", users)
        self.staff = dict(zip(ROLES, users, strict=False))
        self.teachers = [self.staff["ec"], *users[len(ROLES) :]]
        rows = []
        for role, user in [*self.staff.items(), *(("ec", user) for user in self.teachers[1:])]:
            window = (self.day, self.day + dt.timedelta(days=30)) if role == "inspector" else (None, None)
            rows.append(Membership(school_id=self.school.id, user_id=user.id, role=Role[role], active=True, open_from=window[0], open_until=window[1]))
        self._store("memberships", rows)

    def _load_accounts(self, people: People, followed: tuple[Adult, User] | None) -> tuple[Adult, User]:
        """About half of the families have signed in. `parent` is the first mother or father of a family that lives together."""
        email = PARENT_MAIL.format(self.plan.suffix)
        child, tie = _first_parent(people)
        people.adults[tie.adult] = mine = replace(people.adults[tie.adult], email=email)
        users = {tie.adult: self._user(f"parent{self.plan.suffix}", mine.given_name, mine.family_name, email)}
        for kid in people.children:
            registered = kid.family != child.family and random.Random(f"{self.seed}-{self.plan.country}-{kid.family}").random() < 0.5  # noqa: S311 (as above)
            for other in kid.ties if registered else ():
                adult = people.adults[other.adult]
                if adult.email and other.authority == "legal" and other.adult not in users:
                    users[other.adult] = self._user(None, adult.given_name, adult.family_name, adult.email)
        self._store("users", list(users.values()))
        self.accounts = users
        if followed:
            young = [kid for kid in people.children if kid.family != child.family and kid.klass]
            second = min(young, key=lambda kid: (len(kid.ties), -kid.born_on.toordinal()))
            people.adults.append(replace(followed[0], home=second.home))
            second.ties.append(Tie(len(people.adults) - 1, "mother" if followed[0].sex == "F" else "father", "legal"))
            self.accounts[len(people.adults) - 1] = followed[1]
        return mine, users[tie.adult]

    def _load_guardians(self, people: People) -> Sequence[Guardian]:
        rows = []
        for index, adult in enumerate(people.adults):
            row = Guardian(
                school_id=self.school.id,
                title="Mme" if adult.sex == "F" else "M.",
                family_name=adult.family_name,
                given_name=adult.given_name,
                email=adult.email,
                phone=adult.phone,
                phone_e164=adult.phone_e164,
                **vars(adult.home),
                language=self.plan.language,
                user_id=self.accounts[index].id if index in self.accounts else None,
            )
            row.search_key = guardian_search_key(row)
            rows.append(row)
        return self._store("guardians", rows)

    def _load_students(self, people: People, guardians: Sequence[Guardian]) -> Sequence[Student]:
        names = LEVELS[self.plan.country]
        levels = self._store("levels", [Level(school_id=self.school.id, name=name, rank=rank) for rank, name in enumerate(names, 1)])
        programmes = self._store("programmes", programmes_of(self.school))
        taught = {kind: self._store(kind, found) for kind, found in others_of(self.school, self.day).items()}
        grid = load_courses(self.session, self._store, self.school, programmes, taught)
        classes = sorted({kid.klass for kid in people.children if kid.klass}, key=lambda name: (names.index(name.rpartition(" ")[0]), name))
        rooms = dict(zip(classes, self._groups(classes, GroupCategory.klass, "ac"), strict=True))
        others = self.teachers[1:]
        advisers = {name: others[rank % len(others)] if rank else self.staff["ec"] for rank, name in enumerate(classes)}
        account = min((kid for kid in people.children if kid.level == len(names) - 1 and kid.ties), key=lambda kid: kid.born_on, default=people.children[-1])
        user = self._user(f"student{self.plan.suffix}", account.given_name, account.family_name, None)
        self._store("users", [user])
        self.student = user
        rows = []
        for kid in people.children:
            row = Student(
                school_id=self.school.id,
                family_name=kid.family_name,
                given_name=kid.given_name,
                middle_names=kid.middle_names,
                sex=Sex[kid.sex],
                born_on=kid.born_on,
                national_id=kid.national_id,
                local_id=kid.local_id,
                email=kid.email,
                phone=kid.phone,
                **vars(kid.home),
                language=self.plan.language,
                level_id=levels[kid.level].id,
                programme_id=programmes[kid.level].id,
                homeroom_id=rooms[kid.klass].id if kid.klass else None,
                adviser_id=advisers[kid.klass].id if kid.klass else self.teachers[-1].id,
                user_id=user.id if kid is account else None,
                created_at=self.began,
                updated_at=self.began,
            )
            row.search_key = student_search_key(row, [guardians[tie.adult] for tie in kid.ties])
            rows.append(row)
        students = self._store("students", rows)
        admissions = load_admissions(self._store, self.school, students, grid, taught["terms"])
        registrar = self.staff["registrar"]
        by = f"{registrar.given_name} {registrar.family_name}"
        load_records(self.session, self._store, self.school, admissions, {**taught, "programmes": programmes}, by, self.day)
        self._load_groups(people.children, students, names)
        return students

    def _groups(self, names: Sequence[str], category: GroupCategory, owner: str) -> Sequence[Group]:
        rows = [Group(school_id=self.school.id, name=name, category=category, owner_id=self.staff[owner].id) for name in names]
        return self._store("groups", rows)

    def _load_groups(self, children: Sequence[Child], students: Sequence[Student], names: Sequence[str]) -> None:
        """A group of the teacher's own, one shared with them (some forty students in all at 300), and candidates by programme."""
        size = max(3, min(22, len(students) // 14))
        own = self._groups([self.plan.own_group], GroupCategory.other, "ec")[0]
        shared, other = self._groups([self.plan.shared_group, "Chorale"], GroupCategory.other, "ac")
        older = [student.id for kid, student in zip(children, students, strict=True) if kid.level > 0]
        everyone = [student.id for student in students]
        members = {
            own.id: self.random.sample(older, min(size, len(older))),
            shared.id: self.random.sample(everyone, size),
            other.id: self.random.sample(everyone, size),
        }
        candidates = [rank for rank, name in enumerate(names) if any(kid.candidate and kid.level == rank for kid in children)]
        for rank, group in zip(candidates, self._groups([f"RAC – {names[rank]}" for rank in candidates], GroupCategory.client, "ac"), strict=True):
            members[group.id] = [s.id for kid, s in zip(children, students, strict=True) if kid.candidate and kid.level == rank]
        pairs = [{"group_id": group_id, "student_id": student_id} for group_id, ids in members.items() for student_id in ids]
        self.session.execute(insert(group_member), pairs)
        self.session.execute(insert(group_share), [{"group_id": shared.id, "user_id": self.staff["ec"].id}])

    def _load_links(self, people: People, students: Sequence[Student], guardians: Sequence[Guardian]) -> Sequence[GuardianLink]:
        """All active, but one suspended (a separated parent) and two that staff are to check."""
        rows = [
            GuardianLink(
                school_id=self.school.id,
                student_id=student.id,
                guardian_id=guardians[tie.adult].id,
                relation=Relation[tie.relation],
                authority=Authority[tie.authority],
                status=LinkStatus.active,
                suspended_reason="",
            )
            for kid, student in zip(people.children, students, strict=True)
            for tie in kid.ties
        ]
        apart = next(row for row in rows if row.relation is Relation.father and row.student_id == students[_apart(people)].id)
        apart.status, apart.suspended_reason = LinkStatus.suspended, "Décision du juge, copie au secrétariat"
        doubtful = sorted((row for row in rows if row is not apart), key=lambda row: row.authority is not Authority.contact)
        for row in doubtful[:2]:
            row.status = LinkStatus.to_check
        return self._store("links", rows)


def _first_parent(people: People) -> tuple[Child, Tie]:
    """A mother or father of an ordinary family: neither the twins' nor the separated one when another exists."""
    found = [(kid, tie) for kid in people.children for tie in kid.ties if tie.relation in ("mother", "father") and tie.authority == "legal"]
    return min(found, key=lambda pair: pair[0].family < 3)


def _apart(people: People) -> int:
    """The position of the child whose parents always live apart (the second family)."""
    return next(index for index, kid in enumerate(people.children) if kid.family == 1 and any(t.relation == "father" for t in kid.ties))
