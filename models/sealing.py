"""One file that only who has its passphrase can read, and that nobody can change unseen (security 87, 88).

A first line in clear says what it is and its version; then come salt, nonce and the sealed bytes. The key is scrypt's of the passphrase;
the seal (ChaCha20-Poly1305) covers the first line too. Costs belong to the version, never to the file: no file can ask for more.
"""

from __future__ import annotations

import re
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from models.activation import ALPHABET
from models.base import Refusal
from models.words import _

MARK = b"SCOLABRI-TRANSFER "
VERSION = b"1"
COST = 2**15  # scrypt's n: 32 MB of memory, a tenth of a second
SALT, NONCE = 16, 12
GROUPS, SIGNS = 5, 4  # 20 signs of 30: 98 bits
_FIRST = re.compile(rb"SCOLABRI-TRANSFER ([0-9]{1,4})\n")


def new_passphrase() -> str:
    """Five groups of four signs that nobody confuses, to be told by telephone."""
    return "-".join("".join(secrets.choice(ALPHABET) for _sign in range(SIGNS)) for _group in range(GROUPS))


def _key(passphrase: str, salt: bytes) -> bytes:
    typed = "".join(c for c in passphrase.upper() if c.isalnum()).encode()
    return Scrypt(salt=salt, length=32, n=COST, r=8, p=1).derive(typed)


def seal(text: str, passphrase: str) -> bytes:
    """The file."""
    salt, nonce = secrets.token_bytes(SALT), secrets.token_bytes(NONCE)
    head = MARK + VERSION + b"\n" + salt + nonce
    return head + ChaCha20Poly1305(_key(passphrase, salt)).encrypt(nonce, text.encode(), head)


def unseal(content: bytes, passphrase: str) -> str:
    """What it holds. Refused: another kind of file, another version; and in one sentence a wrong passphrase or a file that was altered."""
    first = _FIRST.match(content)
    if first is None:
        raise Refusal(_("This is not a transfer file. Choose the file that the other [school] sent; its name ends with .scolabri."))
    if first[1] != VERSION:
        raise Refusal(_("This file was made by another version of Scolabri. Ask both [schools] to install the latest version, then have the file made again."))
    at = first.end()
    salt, nonce, sealed = content[at : at + SALT], content[at + SALT : at + SALT + NONCE], content[at + SALT + NONCE :]
    try:
        return ChaCha20Poly1305(_key(passphrase[:200], salt)).decrypt(nonce, sealed, content[: at + SALT + NONCE]).decode()
    except (InvalidTag, ValueError) as problem:
        raise Refusal(
            _("The passphrase is not the one of this file, or the file was altered on its way. Type the passphrase again; if it is right, ask for a new file.")
        ) from problem
