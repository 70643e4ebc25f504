"""Two records of one person become one: everything follows, the stricter link wins, codes close, undoing brings all of it back."""

import datetime as dt

import pytest
from batches import As
from merging import guardian, join, link, pair, picks
from small import add_code
from sqlalchemy import func, select

from models import following
from models.access import User
from models.activation import ActivationCode, CodeState
from models.base import Base, Refusal, utcnow
from models.custom import CustomField
from models.custom_values import FieldKind
from models.duplicates import StudentsApart
from models.imports import Import, ImportRow, RowStatus
from models.journal import JournalEvent
from models.merge import NameNeeded, compare, merge, preview
from models.people import Authority, Group, Guardian, GuardianLink, LinkStatus, Relation, Student, StudentStatus
from models.scope import unscoped
from models.work import OutgoingMail


@pytest.fixture
def acc(app, schools):
    """The site administrator, one batch at a time."""
    return As(app, schools[0], "acc")


# --- what is chosen --------------------------------------------------------------------------------------------------------------


def test_the_only_value_is_proposed_of_two_that_of_the_record_that_stays_and_none_of_who_somebody_is(acc):
    with acc() as session:
        kept, gone = pair(session, phone="0199001202", local_id="12", usage_name="Roux")
        kept.local_id = "11"
        lines = {line.key: line for line in compare(session, kept, gone)}
        proposed = {key: {kept.id: "kept", gone.id: "gone", None: None}[line.proposed] for key, line in lines.items() if not line.same}
        assert proposed == {
            "family_name": None,
            "given_name": None,
            "local_id": None,
            "usage_name": "gone",
            "email": "gone",
            "phone": "kept",
            "address1": "kept",
        }
        assert lines["email"].alone
        assert not lines["address1"].alone
        assert lines["language"].same
        assert {"search_key", "name_key", "user_id", "version", "extra", "left_on", "town"} & set(lines) == set()


def test_the_chosen_values_stay_and_an_address_stays_whole(acc):
    with acc() as session:
        kept, gone = pair(session, address1="3, quai Neuf", postal_code="00001")
        kept.address1 = "1, rue du Lac"
        session.flush()
        join(session, kept, gone, family_name="kept", given_name="kept", address1="gone")
        assert (kept.name, kept.email, kept.phone) == ("Zoé Bénard", "zoe@exemple.org", "0199001201")
        assert kept.address_lines == ["3, quai Neuf", "00001 Rive"]
        assert session.scalar(select(func.count(Student.id)).where(Student.given_name.in_(["Zoe", "Zoé"]), Student.family_name.ilike("b_nard"))) == 1


def test_a_choice_that_is_missing_is_refused_and_says_which(acc):
    with acc() as session:
        kept, gone = pair(session)
        chosen = {**picks(session, kept, gone), "email": 0}
        with pytest.raises(Refusal, match="Adresse électronique"):
            merge(session, kept, gone, chosen)
        session.rollback()


def test_the_fields_of_the_school_are_chosen_and_withdrawn_ones_follow(acc):
    with acc() as session:
        session.add_all(CustomField(table_name="student", label=name, kind=FieldKind.text) for name in ("Badge", "Casier", "Ancien"))
        session.flush()
        session.scalar(select(CustomField).where(CustomField.key == "ancien")).retire()
        kept, gone = pair(session, extra={"badge": "B2", "casier": "12", "ancien": "oui"})
        kept.extra = {"badge": "B1"}
        session.flush()
        join(session, kept, gone, **{"extra.badge": "kept"})
        session.expire_all()
        assert kept.extra == {"badge": "B1", "casier": "12", "ancien": "oui"}


def test_two_national_identifiers_ask_for_the_name(acc):
    with acc() as session:
        kept, gone = pair(session, national_id="9900000002B")
        kept.national_id = "9900000001A"
        session.flush()
        assert preview(session, kept, gone).name_needed
        for typed in ("", "Zoé Bernard"):
            with pytest.raises(NameNeeded):
                join(session, kept, gone, typed)
        join(session, kept, gone, "benard zoé", national_id="gone")
        assert kept.national_id == "9900000002B"


def test_a_left_and_an_active_record_are_one_state_with_its_day(acc):
    with acc() as session:
        kept, gone = pair(session)
        kept.deactivate(dt.date(2026, 3, 2))
        session.flush()
        join(session, kept, gone, status="gone")
        assert (kept.status, kept.left_on) == (StudentStatus.active, None)


# --- what follows ----------------------------------------------------------------------------------------------------------------


def test_links_groups_codes_mails_and_lines_of_imports_follow(acc):
    with acc() as session:
        kept, gone = pair(session)
        mother, father = guardian(session), guardian(session, "Paul")
        link(session, kept, mother)
        link(session, gone, father)
        chorus, chess = Group(name="Grand chœur"), Group(name="Échecs du lundi")
        kept.groups.append(chorus)
        gone.groups += [chorus, chess]
        used = add_code(session, gone)
        used.used_at = utcnow()
        one = Import(name="a.csv")
        session.add(one)
        session.flush()
        session.add(ImportRow(import_id=one.id, status=RowStatus.created, student_id=gone.id))
        mail = OutgoingMail.queue("a@exemple.org", "Bonjour", "Texte", cause=gone)
        session.flush()
        shown = preview(session, kept, gone)
        assert {f.pointer.table: f.moved for f in shown.found if f.count} == {"guardian_link": 1, "activation_code": 1, "import_row": 1, "outgoing_mail": 1}
        assert shown.groups == 1
        join(session, kept, gone)
        session.expire_all()
        assert {row.guardian_id for row in kept.links} == {mother.id, father.id}
        assert {group.name for group in kept.groups} == {"Grand chœur", "Échecs du lundi"}
        assert session.get(ActivationCode, used.id).student_id == kept.id
        assert session.scalar(select(ImportRow.student_id).where(ImportRow.import_id == one.id)) == kept.id
        assert (mail.cause_table, mail.cause_id) == ("student", kept.id)
        assert "paul benard" in kept.search_key
        assert session.get(Student, gone.id) is None


def test_every_table_that_points_to_people_is_followed():
    for model in (Student, Guardian):
        assert following.unfollowed(model) == []
        seen = {(p.mapper.class_, p.key) for p in following.pointers(model)}
        for mapper in Base.registry.mappers:
            for column in mapper.local_table.columns:
                if any(fk.column.table is model.__table__ for fk in column.foreign_keys):
                    assert (mapper.class_, mapper.get_property_by_column(column).key) in seen


@pytest.mark.parametrize(
    ("mine", "theirs", "left"),
    [
        (LinkStatus.active, LinkStatus.suspended, LinkStatus.suspended),
        (LinkStatus.suspended, LinkStatus.active, LinkStatus.suspended),
        (LinkStatus.to_check, LinkStatus.active, LinkStatus.to_check),
        (LinkStatus.active, LinkStatus.to_check, LinkStatus.to_check),
        (LinkStatus.active, LinkStatus.active, LinkStatus.active),
    ],
)
def test_of_two_links_of_one_adult_the_stricter_stays(acc, mine, theirs, left):
    with acc() as session:
        kept, gone = pair(session)
        mother = guardian(session)
        for student, status in ((kept, mine), (gone, theirs)):
            link(session, student, mother, status, suspended_reason="Jugement" if status is LinkStatus.suspended else "")
        join(session, kept, gone)
        (only,) = session.scalars(select(GuardianLink).where(GuardianLink.guardian_id == mother.id))
        assert (only.student_id, only.status) == (kept.id, left)
        assert only.suspended_reason == ("Jugement" if left is LinkStatus.suspended else "")


def test_of_two_suspensions_the_one_without_an_end_counts_and_both_reasons_stay(acc):
    with acc() as session:
        kept, gone = pair(session)
        mother = guardian(session)
        link(session, kept, mother, LinkStatus.suspended, suspended_reason="Jugement", suspended_until=dt.date(2027, 1, 1))
        link(session, gone, mother, LinkStatus.suspended, suspended_reason="Demande du père")
        join(session, kept, gone)
        (only,) = session.scalars(select(GuardianLink).where(GuardianLink.guardian_id == mother.id))
        assert (only.suspended_reason, only.suspended_until) == ("Jugement / Demande du père", None)


def test_the_least_claim_of_a_code_yields_to_what_the_school_said(acc):
    with acc() as session:
        kept, gone = pair(session)
        mother = guardian(session)
        link(session, kept, mother, relation=Relation.other, authority=Authority.contact)
        link(session, gone, mother, relation=Relation.mother, authority=Authority.legal)
        join(session, kept, gone)
        (only,) = session.scalars(select(GuardianLink).where(GuardianLink.guardian_id == mother.id))
        assert (only.relation, only.authority) == (Relation.mother, Authority.legal)


def test_an_adult_who_was_never_beside_a_suspended_link_waits_for_a_check(acc):
    """Nobody passes by a suspension with a second record of the child."""
    with acc() as session:
        kept, gone = pair(session)
        father, mother, other = guardian(session, "Paul"), guardian(session), guardian(session, "Paul-Marie")
        link(session, kept, father, LinkStatus.suspended, suspended_reason="Jugement")
        link(session, kept, mother)
        link(session, gone, mother)
        link(session, gone, other)
        assert [row.guardian_id for row in preview(session, kept, gone).to_check] == [other.id]
        join(session, kept, gone)
        session.expire_all()
        assert {row.guardian_id: row.status.name for row in kept.links} == {father.id: "suspended", mother.id: "active", other.id: "to_check"}


def test_33_the_unused_codes_of_the_student_that_goes_open_nothing_any_more(acc):
    with acc() as session:
        kept, gone = pair(session)
        mine, theirs = add_code(session, kept), add_code(session, gone)
        assert preview(session, kept, gone).revoked == 1
        join(session, kept, gone)
        session.expire_all()
        assert mine.state is CodeState.usable
        assert (theirs.state, theirs.sealed, theirs.student_id) == (CodeState.revoked, "", kept.id)
        assert session.scalar(select(JournalEvent.row_id).where(JournalEvent.verb == "revoke")) == theirs.id


def test_the_history_of_the_kept_record_says_merge(acc):
    with acc("b7") as session:
        kept, gone = pair(session)
        join(session, kept, gone)
        line = session.scalars(select(JournalEvent).where(JournalEvent.verb == "merge")).one()
        name = session.scalar(select(User).where(User.username == "acc")).name
        assert (line.table_name, line.row_id, line.batch, line.who) == ("student", kept.id, "b7", name)


def test_pairs_set_apart_follow_and_the_pair_itself_is_forgotten(acc):
    with acc() as session:
        kept, gone = pair(session)
        third = Student(family_name="Bénard", given_name="Zoé")
        session.add(third)
        session.flush()
        for a, b in ((kept, gone), (kept, third), (gone, third)):
            session.add(StudentsApart(first_id=a.id, second_id=b.id))
        session.flush()
        join(session, kept, gone)
        assert [(row.first_id, row.second_id) for row in session.scalars(select(StudentsApart))] == [(kept.id, third.id)]


# --- guardians -------------------------------------------------------------------------------------------------------------------


def test_guardians_join_their_children_and_the_account_reaches_them_all(acc):
    with acc() as session:
        with unscoped("a parent signs up"):
            user = User(username="helene", given_name="Hélène", family_name="Bénard")
            session.add(user)
            session.flush()
            kept = guardian(session, school_id=acc.school_id, phone="0199001201")
            gone = guardian(session, school_id=acc.school_id, email="helene@exemple.org", user_id=user.id)
        zoe, noe = Student(family_name="Bénard", given_name="Zoé"), Student(family_name="Bénard", given_name="Noé")
        session.add_all([zoe, noe])
        link(session, zoe, kept)
        link(session, noe, gone)
        code = add_code(session, noe, gone)
        assert [row.given_name for row in preview(session, kept, gone).reached] == ["Zoé"]
        join(session, kept, gone)
        session.expire_all()
        assert {row.student_id for row in kept.links} == {zoe.id, noe.id}
        assert (kept.user_id, kept.email, kept.phone) == (user.id, "helene@exemple.org", "0199001201")
        assert session.get(ActivationCode, code.id).guardian_id == kept.id
        assert code.usable
        assert "helene benard" in noe.search_key
        assert noe.search_key.count("helene benard") == 1


def test_two_accounts_of_guardians_are_refused_with_a_remedy_and_one_shared_is_not(acc):
    with acc() as session:
        with unscoped("two people sign up"):
            users = [User(username=name) for name in ("un", "deux")]
            session.add_all(users)
            session.flush()
            kept, gone = (Guardian(school_id=acc.school_id, family_name="Bénard", given_name="Zoé", user_id=user.id) for user in users)
            session.add_all([kept, gone])
            session.flush()
        with pytest.raises(Refusal, match="ont chacune un compte") as told:
            preview(session, kept, gone)
        assert "Suspendez" in str(told.value)
        with pytest.raises(Refusal):
            merge(session, kept, gone, {})
        gone.user_id = kept.user_id
        join(session, kept, gone)
        assert kept.user_id == users[0].id


def test_a_record_is_not_merged_with_itself_nor_with_another_list(acc):
    with acc() as session:
        kept, gone = pair(session)
        for other in (kept, guardian(session)):
            with pytest.raises(Refusal):
                merge(session, kept, other, {})
        assert session.get(Student, gone.id) is not None
