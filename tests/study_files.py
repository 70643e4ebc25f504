"""Small files of the studies of a fictional college, and its desk, for the tests of imports."""

import pytest
from conftest import rows
from import_desk import Desk
from sqlalchemy import select

from models.access import Membership, Role, User
from models.admissions import Admission, AdmissionStatus
from models.codes import CodeList, create_codes, read_codes
from models.courses import Course, Grid, RacGroup
from models.people import Student
from models.school import Country, School
from models.studies import OrgUnit, Programme, Season, Term

PROGRAMMES = "code,titre,sanction\n322.A0,Techniques d'éducation à l'enfance,DEC\nJEE.0K,Éducation à l'enfance,AEC\n"
COURSES = 'numero,titre,unites\n601-101-MQ,Écriture et littérature,"2,33"\n350-711-MV,Psychologie du développement,"1,33"\n322-409-MV,Observation,"2,00"\n'
GRIDS = (
    "programme,grille,unite_org,cours,unites\n"
    '322.A0,322A0-10A-RA,RA,601-101-MQ,"2,33"\n322.A0,322A0-10A-RA,RA,350-711-MV,"1,33"\nJEE.0K,JEE0K-17R-RA,RA,322-409-MV,"2,00"\n'
)
RAC = "cours,type,groupe,competence\n350-711-MV,EE,00998,4EP0\n350-711-MV,EE SR,00993,4EP0\n350-711-MV,FM,00997,4EP0\n"
STUDENTS = (
    "numero_da,nom,prenom,sexe,date_naissance,code_permanent,programme,mode\n"
    "2500001,Ben Salah,Gabriel,M,2008-07-06,BENG68070801,322.A0,RAC\n1600002,Tremblay,Rose,F,1998-09-25,TRER25599801,322.A0,RAC\n"
)
ADMISSIONS = (
    "numero_da,code_permanent,programme,grille,unite_org,statut,session_debut\n"
    "2500001,BENG68070801,322.A0,322A0-10A-RA,RA,active,A-2025\n"
    "1600002,TRER25599801,322.A0,322A0-10A-RA,RA,sanctionnée,A-2016\n"
    "1600002,TRER25599801,JEE.0K,JEE0K-17R-RA,RA,active,H-2026\n"
)
HEADINGS = (
    "numero_da,grille,session,cours,unites,groupe,unite_org,type_rac,note,remarque,financement,recensement,date_recensement,"
    "situation_etudes,organisme_partenaire,cours_partenaire"
)
ENROLMENTS = (
    f"{HEADINGS}\n"
    '2500001,322A0-10A-RA,H-2026,350-711-MV,"1,33",00997,RA,FM,,,10,,,,,\n'
    '2500001,322A0-10A-RA,A-2025,350-711-MV,"1,33",998,RA,EE,88,,10,1,2025-09-20,,,\n'
    '2500001,322A0-10A-RA,A-2025,601-101-MQ,"2,33",00012,EN,SO,,,10,0,,CS,Collège fictif du Plateau,601-101-PF\n'
)
FILES = (
    ("inscriptions.csv", ENROLMENTS),
    ("admissions.csv", ADMISSIONS),
    ("correspondance.csv", RAC),
    ("grilles.csv", GRIDS),
    ("cours.csv", COURSES),
    ("programmes.csv", PROGRAMMES),
    ("etudiants.csv", STUDENTS),
)


def sent(*files):
    """(name, text) as a browser sends them."""
    return [(name, text.encode()) for name, text in files]


def lines(headings, *texts):
    """A file of these lines."""
    return "\n".join((headings, *texts, ""))


def empty_college(app):
    """A school of Québec with its codes and nobody but the demonstration's staff of the second school; its identifier."""
    with rows(app) as session:
        school = School(name="Cégep vide", country=Country.CA, official_code="999987", language="fr_CA")
        session.add(school)
        session.flush()
        create_codes(school)
        for name, role in (("acc2", Role.acc), ("ac2", Role.ac), ("registrar2", Role.registrar)):
            user_id = session.scalar(select(User.id).where(User.username == name))
            session.add(Membership(user_id=user_id, school_id=school.id, role=role))
        return school.id


class College(Desk):
    """The desk of an empty college."""

    def catalogue(self):
        """Everything but registrations is there, as the files say it."""
        mine = {"school_id": self.school_id}
        with rows(self.app) as session:
            codes = read_codes(session, self.school_id)
            unit = OrgUnit(code="RA", name="Reconnaissance des acquis", **mine)
            terms = {key: Term(year=key[0], season=key[1], **mine) for key in ((2025, Season.autumn), (2016, Season.autumn), (2026, Season.winter))}
            care, child = Programme(code="322.A0", title="Éducation", **mine), Programme(code="JEE.0K", title="Enfance", **mine)
            texts = (("601-101-MQ", "Écriture et littérature", 7), ("350-711-MV", "Psychologie", 4), ("322-409-MV", "Observation", 6))
            courses = [Course(number=number, title=title, unit_thirds=thirds, **mine) for number, title, thirds in texts]
            first = Grid(code="322A0-10A-RA", programme=care, org_unit=unit, courses=courses[:2], **mine)
            second = Grid(code="JEE0K-17R-RA", programme=child, org_unit=unit, courses=courses[2:], **mine)
            kinds = (("00998", "EE"), ("00993", "EE SR"), ("00997", "FM"))
            groups = [RacGroup(course=courses[1], number=number, rac_type=codes[CodeList.rac_type, kind], **mine) for number, kind in kinds]
            people = [
                Student(family_name="Ben Salah", given_name="Gabriel", local_id="2500001", national_id="BENG68070801", **mine),
                Student(family_name="Tremblay", given_name="Rose", local_id="1600002", national_id="TRER25599801", **mine),
            ]
            session.add_all([unit, *terms.values(), care, child, *courses, first, second, *groups, *people])
            session.flush()
            ends = ((people[0], first, "active", 2025), (people[1], first, "sanctioned", 2016), (people[1], second, "active", 2026))
            by_year = {key[0]: term for key, term in terms.items()}
            for student, grid, status, year in ends:
                made = Admission(student=student, programme=grid.programme, grid=grid, org_unit=unit, term=by_year[year], **mine)
                made.status = AdmissionStatus[status]
                session.add(made)
                session.flush()

    def look(self, model, *options):
        """The rows of a table, in their order."""
        with rows(self.app) as session:
            found = session.scalars(select(model).where(model.school_id == self.school_id).order_by(model.id).options(*options)).unique().all()
            session.expunge_all()
            return found


@pytest.fixture
def college(app, schools):
    """The site administrator of an empty college."""
    return College(app, empty_college(app), "acc2")
