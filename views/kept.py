"""What somebody typed until their session ended: it waits in their own browser, sealed, and comes back when they sign in again."""

from __future__ import annotations

import base64
import json
import zlib

from flask import request, session

from models import accounts, keys
from views.base import own_path

_ROOM = 3000  # signs in the cookie, which holds 4,096 in all
_SECRET = ("password", "current", "again")  # parts of names of fields that are typed anew


def mark(user_id: int) -> None:
    """Remember whose browser session this is, without saying it."""
    session["person"] = accounts.device_mark(user_id)


def typed() -> list[tuple[str, str]]:
    """The posted fields that may be shown again: passwords never."""
    return [(name, value) for name, value in request.form.items(multi=True) if name != "csrf_token" and not is_secret(name)]


def is_secret(name: str) -> bool:
    """Whether a field holds a password."""
    return any(part in name for part in _SECRET)


def has_files() -> bool:
    """Whether files came with the form: they cannot be sent again. A field for files that was left empty brings none."""
    return any(file.filename for file in request.files.values())


def keep() -> None:
    """Keep the posted fields when somebody was signed in before and they fit; passwords and files never."""
    path = own_path(request.full_path.rstrip("?"))
    if "person" not in session or path is None or has_files():
        return
    packed = base64.b64encode(zlib.compress(json.dumps([session["person"], path, typed()]).encode(), 9)).decode()
    if len(packed) < _ROOM * 3 // 4:
        session["kept"] = keys.seal("kept input", packed)


def take() -> str:
    """What waits in this browser, still sealed."""
    return str(session.get("kept", ""))


def put_back(sealed: str, user_id: int) -> bool:
    """Keep it on in the new session, when it was typed by the same person."""
    found = _open(sealed)
    if found is None or found[0] != accounts.device_mark(user_id):
        return False
    session["kept"] = sealed
    return True


def spend() -> tuple[str, list[tuple[str, str]]] | None:
    """The address and the fields to send again; they wait no longer."""
    found = _open(str(session.pop("kept", "")))
    return None if found is None else (found[1], found[2])


def _open(sealed: str) -> tuple[str, str, list[tuple[str, str]]] | None:
    try:
        person, path, fields = json.loads(zlib.decompress(base64.b64decode(keys.unseal("kept input", sealed))))
    except ValueError:
        return None
    return person, path, [(name, value) for name, value in fields]


# --- an activation code, while its reader goes to sign in -------------------------------------------------------------------------


def keep_code(code: str) -> None:
    """Keep an activation code in this browser, sealed, until the child is added: never in an address, which a log would hold."""
    session["code"] = keys.seal("typed code", code)


def take_code() -> str:
    """The code that waits in this browser, still sealed."""
    return str(session.get("code", ""))


def put_code_back(sealed: str) -> None:
    """Keep it on in the new session."""
    if sealed:
        session["code"] = sealed


def read_kept_code() -> str:
    """The code that waits, or nothing."""
    try:
        return keys.unseal("typed code", take_code())
    except ValueError:
        return ""


def forget_code() -> None:
    """It has served."""
    session.pop("code", None)
