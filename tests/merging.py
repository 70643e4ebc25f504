"""Two records of one person, and the merge as the page proposes it, for tests."""

import datetime as dt

from models.base import utcnow
from models.merge import compare, merge
from models.people import Guardian, GuardianLink, LinkStatus, Student


def pair(session, **theirs):
    """Two records of Zoé: the one that stays and the one that goes, changed last."""
    kept = Student(family_name="Bénard", given_name="Zoé", town="Valmont", phone="0199001201")
    gone = Student(**{"family_name": "BENARD", "given_name": "Zoe", "town": "Rive", "email": "zoe@exemple.org", **theirs})
    session.add_all([kept, gone])
    session.flush()
    kept.updated_at = utcnow() - dt.timedelta(days=2)
    session.flush()
    return kept, gone


def guardian(session, name="Hélène", **given):
    """An adult without an account."""
    row = Guardian(family_name="Bénard", given_name=name, **given)
    session.add(row)
    session.flush()
    return row


def link(session, student, adult, status=LinkStatus.active, **given):
    """A link between the two."""
    row = GuardianLink(student=student, guardian=adult, status=status, **given)
    session.add(row)
    session.flush()
    return row


def picks(session, kept, gone, **chosen):
    """What is proposed, the kept record's value where nothing is; `family_name="gone"` takes the other's."""
    ids = {"kept": kept.id, "gone": gone.id}
    return {line.key: ids.get(chosen.get(line.key), line.proposed or kept.id) for line in compare(session, kept, gone)}


def join(session, kept, gone, typed="", **chosen):
    """The merge with these choices."""
    merge(session, kept, gone, picks(session, kept, gone, **chosen), typed)
