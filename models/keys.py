"""Secrets of the server: a keyed digest for look-ups, a seal for what must be shown again. The key is outside the database."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

_KEY: list[bytes] = []


def configure(secret: bytes) -> None:
    """Set the server's secret once, at start. Refuses fewer than 16 bytes."""
    if len(secret) < 16:
        raise ValueError("the server key needs at least 16 bytes")
    _KEY[:] = [secret]


def _derive(purpose: str) -> bytes:
    if not _KEY:
        raise RuntimeError("the server key is not configured")
    return hmac.new(_KEY[0], purpose.encode(), hashlib.sha256).digest()


def digest(purpose: str, value: str) -> str:
    """A keyed digest: two equal values are found, none can be guessed without the server's key."""
    return hmac.new(_derive("digest " + purpose), value.encode(), hashlib.sha256).hexdigest()


def seal(purpose: str, value: str) -> str:
    """Encrypt a value so that only this server can read it again."""
    nonce = secrets.token_bytes(12)
    return base64.b64encode(nonce + ChaCha20Poly1305(_derive("seal " + purpose)).encrypt(nonce, value.encode(), None)).decode()


def unseal(purpose: str, sealed: str) -> str:
    """Read a sealed value. Raises ValueError when the key is another or the text was altered."""
    raw = base64.b64decode(sealed)
    try:
        return ChaCha20Poly1305(_derive("seal " + purpose)).decrypt(raw[:12], raw[12:], None).decode()
    except InvalidTag as problem:
        raise ValueError("sealed with another key, or altered") from problem
