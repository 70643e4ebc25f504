"""The bar under the pages of guardians and of students: one registry, to which each domain adds its own tab."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import request, url_for
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError

from models.db import db

log = logging.getLogger("scolabri.views")


@dataclass(frozen=True)
class Tab:
    """One entry of the bar. `place`: its rank. `also`: endpoints of pages under it. `count`: how many things wait there, asked at each page."""

    portal: str
    endpoint: str
    label: Any
    icon: str
    place: int
    also: tuple[str, ...] = ()
    count: Callable[[], int] | None = None


_TABS: dict[tuple[str, str], Tab] = {}


def declare_tab(portal: str, endpoint: str, label: Any, icon: str, place: int, *, also: tuple[str, ...] = (), count: Callable[[], int] | None = None) -> None:
    """Add a tab to a portal ("guardian" or "student"); `label` is lazy. Declared again, the same endpoint keeps one tab."""
    _TABS[portal, endpoint] = Tab(portal, endpoint, label, icon, place, also, count)


def tabs() -> list[dict[str, Any]]:
    """The bar for who is signed in, as templates show it; nothing for those whose home is elsewhere."""
    if not current_user.is_authenticated or current_user.portal is None:
        return []
    found = []
    for tab in sorted((one for one in _TABS.values() if one.portal == current_user.portal), key=lambda one: one.place):
        n = _number(tab)
        current = request.endpoint == tab.endpoint or request.endpoint in tab.also
        found.append({"label": str(tab.label), "url": url_for(tab.endpoint), "icon": tab.icon, "current": current, "count": n})
    return found


def _number(tab: Tab) -> int:
    """What waits under the tab. A page about a fault is shown also when it is the database that fails: then without it."""
    if tab.count is None:
        return 0
    try:
        return tab.count()
    except SQLAlchemyError:
        db.session.rollback()
        log.warning("the number of a tab could not be read")
        return 0
