"""A list as somebody wants to find it again: its search, filters, order and columns under a name. And who may do what with it.

Every person who reads a list keeps views of their own. Sharing one puts a tab before the eyes of all colleagues who read the list:
it asks for the right to create or edit on that table in the whole school. Only the owner changes a view; a site administrator may
delete one that is shared. These rules stand here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ForeignKey, Index, Select, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, validates

from models import rights
from models.access import Role, User
from models.base import Base, Identified, Refusal, Stamped, Versioned
from models.scope import WHO, SchoolScoped
from models.values import one_line, visible
from models.words import _

MOST_VIEWS = 30  # of one person on one list
LONGEST_QUERY = 4000
LONGEST_NAME = 60


class SavedView(Base, Identified, SchoolScoped, Stamped, Versioned):
    """One view: `query` is the list's own query string, its order by the column's name (views/saved_views.py reads and writes it)."""

    __tablename__ = "saved_view"
    __journal__ = False  # a habit of reading, not a fact of the school
    __table_args__ = (UniqueConstraint("school_id", "owner_id", "table_name", "name"), Index("ix_saved_view_list", "school_id", "table_name"))

    owner_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    table_name: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    query: Mapped[str] = mapped_column(String(LONGEST_QUERY), default="")
    shared: Mapped[bool] = mapped_column(default=False)
    is_default: Mapped[bool] = mapped_column(default=False)

    owner: Mapped[User] = relationship()

    def __str__(self) -> str:
        return self.name

    @validates("name")
    def _need_name(self, _key: str, value: str | None) -> str:
        tidy = " ".join(visible(one_line(value or "")).split())
        if not tidy:
            raise Refusal(_("The view has no name. Type one."))
        if len(tidy) > LONGEST_NAME:
            raise Refusal(_("The name of a view has at most %(longest)d characters. Shorten it."), longest=LONGEST_NAME)
        return tidy

    @validates("query")
    def _short_query(self, _key: str, value: str | None) -> str:
        if len(value or "") > LONGEST_QUERY:
            raise Refusal(_("This list has too many filters to be kept as a view. Remove some."))
        return value or ""


def may_share(roles: Iterable[str], table: str) -> bool:
    """Whether somebody with these roles may share views of this list: they create or edit there, in the whole school."""
    own = list(roles)
    return any(rights.reach(own, table, verb) == "all" for verb in ("create", "edit"))


def may_change(view: SavedView) -> bool:
    """Whether the person may rename it, save it again, share it or open the list with it: it is theirs."""
    return view.owner_id == WHO.get().user_id


def may_delete(view: SavedView) -> bool:
    """Whether the person may delete it: it is theirs, or it is shared and they are a site administrator."""
    return may_change(view) or (view.shared and Role.acc in WHO.get().roles)


def views_of(session: Session, table: str) -> list[SavedView]:
    """The views of a list that exist for the person (models/reach.py): their own, then their colleagues' shared ones."""
    found = session.scalars(select(SavedView).where(SavedView.table_name == table).order_by(func.lower(SavedView.name), SavedView.id))
    return sorted(found, key=lambda view: not may_change(view))


def save(session: Session, table: str, name: str, query: str, *, shared: bool = False, default: bool = False) -> SavedView:
    """Keep a new view of the person's own. Refused: a name they use already, too many views, sharing without the right to."""
    view = SavedView(owner_id=WHO.get().user_id, table_name=table, name=name, query=query)
    own = list(session.scalars(_own(table)))
    if len(own) >= MOST_VIEWS:
        raise Refusal(_("You have %(num)d views of this list already. Delete one first."), num=len(own))
    _refuse_same_name(view, own)
    session.add(view)
    if shared:
        share(view, on=True)
    if default:
        make_default(session, view, on=True)
    return view


def rename(session: Session, view: SavedView, name: str) -> None:
    """Give a view another name. Refused: one that the person uses already."""
    before, view.name = view.name, name
    if view.name != before:
        _refuse_same_name(view, session.scalars(_own(view.table_name)))


def share(view: SavedView, *, on: bool) -> None:
    """Show a view to the colleagues who read the list, or no longer. Refused to whoever may not change that list for everybody."""
    if on and not may_share(WHO.get().roles, view.table_name):
        raise Refusal(_("Only those who may change this list for the whole [school] share a view of it. Keep it for yourself."))
    view.shared = on


def make_default(session: Session, view: SavedView, *, on: bool) -> None:
    """Open the list with this view, or with no view; one default at most."""
    for other in session.scalars(_own(view.table_name).where(SavedView.is_default)):
        other.is_default = False
    view.is_default = on


def _own(table: str) -> Select[SavedView]:
    return select(SavedView).where(SavedView.table_name == table, SavedView.owner_id == WHO.get().user_id)


def _refuse_same_name(view: SavedView, own: Iterable[SavedView]) -> None:
    if any(other is not view and other.name.casefold() == view.name.casefold() for other in own):
        raise Refusal(_("You already have a view called “%(name)s” of this list. Choose another name."), name=view.name)
