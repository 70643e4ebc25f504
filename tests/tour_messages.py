"""Messages for the tour: writing, what is missing, whom it reaches and whom not, on its way, read, written again."""

import io

from conftest import rows
from sqlalchemy import delete, select, update

from jobs.runner import run_pending
from models.message_audience import LeftOut, NoCopy
from models.messages import Message, MessageRecipient, MessageState
from models.people import Group, GuardianLink, LinkStatus, Student
from models.work import MailState, OutgoingMail

NEW, TYPED = "/admin/message/new/", {"subject": "Tilleuls", "text": "Tilleuls", "to": "both", "scope": "all"}


def messages(tour, ids):
    """From the empty form to the report, with each refusal on the way."""
    for missing in ({"scope": "group"}, {"scope": "level"}, {"scope": "students"}, {"subject": "", "text": ""}):
        tour.look("acc", NEW, **{**TYPED, **missing}, _go="preview")
    tour.look("acc", NEW, subject="", text="", to="both", scope="all", _go="save")
    tour.look("acc", NEW, **TYPED, _go="files", files=[(io.BytesIO(b"%PDF-1.7\n"), "r.pdf"), (io.BytesIO(b"MZ"), "r.exe")])
    _some_are_left_out(tour.app, ids)
    tour.look("acc", NEW, **TYPED, _go="preview")
    number = _last(tour.app)
    preview = tour.look("acc", f"/admin/message/preview/?id={number}")
    for reason in (*LeftOut, *NoCopy):
        tour.look("acc", f"/admin/message/left_out/?id={number}&why={reason.name}")
    tour.look("acc", f"/admin/message/edit/?id={number}", **TYPED, row_version="0", _go="save")
    hidden = {name: preview.answers[name] for name in ("rowid", "row_version", "reached", "digest")}
    tour.look("acc", "/admin/message/action/", action="send_test", rowid=str(number))
    tour.look("acc", "/admin/message/action/", **{**hidden, "reached": "0"}, action="send")
    tour.look("acc", "/admin/message/action/", **hidden, action="send")
    tour.look("acc", f"/admin/message/edit/?id={number}", **TYPED, _go="save")
    run_pending(tour.app)
    with rows(tour.app) as session:
        copies = select(OutgoingMail.id).where(OutgoingMail.cause_table == "message").order_by(OutgoingMail.id)
        first, second, *_rest = session.scalars(copies)
        session.execute(update(OutgoingMail).where(OutgoingMail.id == first).values(state=MailState.failed))
        session.execute(update(OutgoingMail).where(OutgoingMail.id == second).values(state=MailState.sent))
        one = select(MessageRecipient.id).where(MessageRecipient.message_id == number).limit(1).scalar_subquery()
        session.execute(
            update(MessageRecipient).where(MessageRecipient.id == one).values(read_at=select(Message.created_at).where(Message.id == number).scalar_subquery())
        )
    _read(tour, number, ids)
    with rows(tour.app) as session:
        session.execute(update(Message).where(Message.id == number).values(state=MessageState.failed))
    tour.look("acc", f"/admin/message/details/?id={number}")
    with rows(tour.app) as session:
        session.execute(update(Message).where(Message.id == number).values(state=MessageState.sent))
    _audiences(tour, ids)


def _read(tour, number, ids):
    """The message once it has left: its page, its report, drafts made of it, the student's file."""
    tour.look("acc", f"/admin/message/details/?id={number}")
    for more in ("", "&read=1", "&read=0", "&read=1&klass=999"):
        tour.look("acc", f"/admin/message/report/?id={number}{more}")
    tour.look("acc", f"/admin/message/report_file/?id={number}&kind=csv")
    tour.look("acc", "/admin/message/delete/", id=str(number))
    tour.look("acc", "/admin/message/copy/", id=str(number), unread="1")
    tour.look("acc", "/admin/message/copy/", id=str(number))
    tour.look("acc", f"/admin/student/details/?id={ids['student']}&part=messages")
    with rows(tour.app) as session:
        session.execute(
            update(MessageRecipient)
            .where(MessageRecipient.message_id == number)
            .values(read_at=select(Message.created_at).where(Message.id == number).scalar_subquery())
        )
    tour.look("acc", "/admin/message/copy/", id=str(number), unread="1")
    with rows(tour.app) as session:
        session.execute(delete(MessageRecipient).where(MessageRecipient.message_id == number))
    tour.look("acc", f"/admin/student/details/?id={ids['student']}&part=messages")


def _audiences(tour, ids):
    """Every way to say whom a message is about, in words."""
    with rows(tour.app) as session:
        draft = Message(school_id=ids["school"], subject="Tilleuls", body="Tilleuls", requested_by_id=session.scalar(select(Message.requested_by_id)))
        session.add(draft)
        session.flush()
        number = draft.id
        group = session.scalar(select(Group.id).where(Group.school_id == ids["school"]))
        students = list(session.scalars(select(Student.id).where(Student.school_id == ids["school"]).limit(40)))
        level = session.scalar(select(Student.level_id).where(Student.id == students[0]))
    query = f"search=a&flt0_level.Row={level}&flt1_born_on.Since=2000-01-01"
    for audience in (
        *({"kind": "group", "ids": [one]} for one in (group, 999_999)),
        {"kind": "level", "ids": [level]},
        *({"kind": "students", "ids": some} for some in (students, students[:2], [999_999])),
        *({"kind": "filter", "ids": students, "query": one} for one in (query, "")),
    ):
        with rows(tour.app) as session:
            session.get(Message, number).audience = audience
        tour.look("acc", f"/admin/message/edit/?id={number}")
        tour.look("acc", f"/admin/message/preview/?id={number}")
    tour.walk("ec", "/admin/message/", NEW)
    tour.look("ec", NEW, **TYPED, _go="preview")


def _last(app):
    with rows(app) as session:
        return session.scalar(select(Message.id).order_by(Message.id.desc()))


def _some_are_left_out(app, ids):
    """A link of each state, somebody without a guardian."""
    with rows(app) as session:
        links = list(session.scalars(select(GuardianLink).where(GuardianLink.school_id == ids["school"]).order_by(GuardianLink.id).limit(3)))
        links[0].status, links[1].status = LinkStatus.to_check, LinkStatus.suspended
        session.delete(links[2])
