"""Files of staff for the tests, and the administrator who sends them into an empty school."""

from conftest import rows
from import_desk import Desk, table
from sqlalchemy import select

from models.access import Membership, Role, User
from models.people import Group, GroupCategory
from models.school import School

HEADINGS = ["nom", "prenom", "courriel", "identifiant", "fonction", "date_naissance", "classes"]
STAFF = [
    {"nom": "Bénard", "prenom": "Hélène", "courriel": "helene.benard@exemple.org", "fonction": "ENS", "classes": "5e Bleue, 4e Verte"},
    {"nom": "Le Goff", "prenom": "Jean-Pierre", "fonction": "Professeur", "classes": "4e Verte"},
    {"nom": "Nguyen", "prenom": "An", "courriel": "an.nguyen@exemple.org", "fonction": "DIR"},
]


def staff_file(lines, headings=HEADINGS):
    return ("personnel.csv", table(lines, headings))


class StaffDesk(Desk):
    """The site administrator of an empty school that says who it is."""

    def roles(self):
        """(name, login, roles that act) of who works here."""
        with rows(self.app) as session:
            held = session.scalars(select(Membership).where(Membership.school_id == self.school_id, Membership.user_id != self.user_id))
            found = {}
            for one in held:
                found.setdefault((one.user.name, one.user.email or one.user.username), []).extend([one.role.name] if one.active else [])
            return {(*who, *sorted(roles)) for who, roles in found.items() if who[0] not in ("",)} - self.before

    def shares(self):
        """(group, who sees it) of the school."""
        with rows(self.app) as session:
            groups = session.scalars(select(Group).where(Group.school_id == self.school_id))
            return sorted((group.name, user.name) for group in groups for user in group.shared_with)


def staff_desk(app, school_id):
    with rows(app) as session:
        school = session.get_one(School, school_id)
        school.email = "bureau@exemple.org"
        acc = session.scalar(select(User.id).where(User.username == "acc"))
        session.add(Membership(user_id=acc, school_id=school_id, role=Role.acc))
        session.add_all([Group(name=name, category=GroupCategory.klass, school_id=school_id) for name in ("5e Bleue", "4e Verte")])
    desk = StaffDesk(app, school_id, "acc")
    desk.before = frozenset()
    desk.before = frozenset(desk.roles())
    return desk
