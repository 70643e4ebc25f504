"""Secrets of the server: a keyed digest for look-ups, a seal for what must be shown again. The key is outside the database."""

from __future__ import annotations

import base64
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

_KEY: list[bytes] = []
_derived: dict[str, bytes] = {}  # by purpose: thousands of codes are made at a time
_ciphers: dict[str, ChaCha20Poly1305] = {}


def configure(secret: bytes) -> None:
    """Set the server's secret once, at start. Refuses fewer than 16 bytes."""
    if len(secret) < 16:
        raise ValueError("the server key needs at least 16 bytes")
    _KEY[:] = [secret]
    _derived.clear()
    _ciphers.clear()


def _derive(purpose: str) -> bytes:
    if not _KEY:
        raise RuntimeError("the server key is not configured")
    if purpose not in _derived:
        _derived[purpose] = hmac.digest(_KEY[0], purpose.encode(), "sha256")
    return _derived[purpose]


def _cipher(purpose: str) -> ChaCha20Poly1305:
    if purpose not in _ciphers:
        _ciphers[purpose] = ChaCha20Poly1305(_derive("seal " + purpose))
    return _ciphers[purpose]


def digest(purpose: str, value: str) -> str:
    """A keyed digest: two equal values are found, none can be guessed without the server's key."""
    return hmac.digest(_derive("digest " + purpose), value.encode(), "sha256").hex()


def seal(purpose: str, value: str) -> str:
    """Encrypt a value so that only this server can read it again."""
    nonce = secrets.token_bytes(12)
    return base64.b64encode(nonce + _cipher(purpose).encrypt(nonce, value.encode(), None)).decode()


def unseal(purpose: str, sealed: str) -> str:
    """Read a sealed value. Raises ValueError when the key is another or the text was altered."""
    raw = base64.b64decode(sealed)
    try:
        return _cipher(purpose).decrypt(raw[:12], raw[12:], None).decode()
    except InvalidTag as problem:
        raise ValueError("sealed with another key, or altered") from problem
