"""The cookie of a browser's session, signed by Flask. A clock that is set back signs nobody out (security R11).

Flask refuses a signature of the future, so that for an hour nobody's cookie would be read. How long a sign-in lasts is decided by
its row (models/sessions.py), not here.
"""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer


class _Signer(TimestampSigner):
    """A signature of the future is as good as one of this moment."""

    def unsign(self, signed_value: str | bytes, max_age: int | None = None, return_timestamp: bool = False) -> Any:
        """The value, its time when asked for. Raises BadSignature, or SignatureExpired when it is older than `max_age` seconds."""
        value, signed_at = super().unsign(signed_value, None, True)
        age = self.get_timestamp() - int(signed_at.timestamp())
        if max_age is not None and age > max_age:
            raise SignatureExpired(f"Signature age {age} > {max_age} seconds", payload=value, date_signed=signed_at)
        return (value, signed_at) if return_timestamp else value


class Cookies(SecureCookieSessionInterface):
    """Flask's own, with that signer."""

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """The serializer of the session's cookie."""
        serializer = super().get_signing_serializer(app)
        if serializer is not None:
            serializer.signer = _Signer
        return serializer
