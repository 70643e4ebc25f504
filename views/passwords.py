"""The fields where somebody chooses a password: what their school asks for is told before they type."""

from __future__ import annotations

from typing import Any

from flask_login import current_user
from wtforms import PasswordField

from models import settings
from views.i18n import gettext


def shortest() -> int:
    """The shortest password of whoever sends the request: the strictest of their schools; of a stranger, what holds everywhere."""
    if current_user.is_authenticated:
        return int(settings.strictest("password_length", current_user.id))
    return int(settings.everywhere("password_length"))


class NewPassword(PasswordField):
    """A new password. `told`: the rule stands under the field; the second of two says it no more."""

    def __init__(self, *args: Any, told: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.told = told
        self.asks(shortest())

    def asks(self, length: int) -> None:
        """Ask for at least `length` characters: where a link says whose password it is."""
        self.render_kw = {"autocomplete": "new-password", "required": True, "minlength": str(length)}
        if self.told:
            self.description = gettext("%(length)d characters at least; three or four words are easy to remember.", length=length)
