"""The logo and the stamp of a school: pictures drawn again before they are kept, so that nothing of the sent file stays (security 55-61).

A picture is kept under the digest of its content (`models/files.py`): two schools with the same one share a file, and it goes only when no
row of any school, and no value that can still be undone, names it any more.
"""

from __future__ import annotations

import io
import warnings
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from models import files
from models.base import Refusal
from models.words import _

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 20_000_000
LONGEST = 1_200  # pixels of a side as it is kept: 50 mm at 600 dots an inch
FORMATS = ("PNG", "JPEG", "WEBP")
ACCEPT = ".png,.jpg,.jpeg,.webp,image/png,image/jpeg,image/webp"

_EXPORT = _("Only PNG, JPEG and WebP pictures are taken. Open it in a picture editor, save it as PNG, then send that file.")
_BROKEN = _("This picture cannot be read: the file is damaged. Save it again as PNG, then send that file.")
# How other files begin, and what is said of them: the first signs decide, never the name.
_OTHERS: tuple[tuple[bytes, Any], ...] = (
    (b"<svg", _("An SVG drawing is not taken: it may hold programs. Export it as PNG, then send that file.")),
    (b"<!doctype", _("This file is a web page, not a picture. Send a PNG, JPEG or WebP picture.")),
    (b"<html", _("This file is a web page, not a picture. Send a PNG, JPEG or WebP picture.")),
    (b"<?xml", _("An SVG drawing is not taken: it may hold programs. Export it as PNG, then send that file.")),
    (b"%pdf-", _("This file is a PDF, not a picture. Export the page as PNG, then send that file.")),
    (b"gif8", _("A GIF picture is not taken: it may move. Save it as PNG, then send that file.")),
)
_HIDDEN = (b"PK\x03\x04", b"PK\x05\x06", b"%PDF-", b"<script", b"<html", b"<svg", b"<?php", b"<!doctype", b"GIF8", b"Rar!", b"7z\xbc\xaf")


def keep(content: bytes) -> str:
    """Draw the picture again and keep it. Gives the digest that a school stores. Refused as `clean` refuses."""
    return files.keep_by_content(clean(content))


def clean(content: bytes, longest: int = LONGEST, *, photo: bool = False) -> bytes:
    """A new PNG of the picture, upright, without what else the file held (EXIF, ICC, comments), at most 1,200 pixels a side (`longest`).
    With `photo` a JPEG stays one.

    Refused, each with its sentence: an empty file, more than 10 MB, another kind than PNG, JPEG or WebP by content, a second file behind
    the picture, a moving picture, more than 20 megapixels (before a single one is read), a damaged file.
    """
    if not content:
        raise Refusal(_("This file is empty. Choose another one."))
    if len(content) > MOST_BYTES:
        raise Refusal(_("This file is too big: a picture has at most 10 MB. Make it smaller, then send it again."))
    start = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for sign, sentence in _OTHERS:
        if start.startswith(sign):
            raise Refusal(sentence)
    # Recorded rather than raised: the filter of warnings belongs to the whole process, and another request must not fail on it.
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        drawn = _draw(content, longest, photo=photo)
    if any("PIL" in str(warning.filename) for warning in said):
        raise Refusal(_BROKEN)
    return drawn


def _draw(content: bytes, longest: int, *, photo: bool) -> bytes:
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            width, height = picture.size
            if width * height > MOST_PIXELS:
                raise Refusal(_("This picture has more than 20 megapixels. Make it smaller: 1,200 pixels a side are enough."))
            if getattr(picture, "is_animated", False) and picture.format != "MPO":  # (a phone's JPEG with a second, smaller picture)
                raise Refusal(_("A moving picture cannot be printed. Send a still one."))
            if _second_file(content, str(picture.format)):
                raise Refusal(_("This file holds another one behind the picture. Open it in a picture editor, save it as PNG, then send that file."))
            photo = photo and picture.format in ("JPEG", "MPO")
            picture.draft("RGB", (longest, longest))  # a JPEG is read no larger than it needs be
            picture.load()
            plain = ImageOps.exif_transpose(picture).convert("RGBA" if picture.has_transparency_data else "RGB")
            plain.thumbnail((longest, longest))
            bare = Image.frombytes(plain.mode, plain.size, plain.tobytes())  # pixels alone: whatever else the picture carried stays behind
            out = io.BytesIO()
            if photo:
                bare.convert("RGB").save(out, "JPEG", quality=88)
            else:
                bare.save(out, "PNG", optimize=True)
            return out.getvalue()
    except UnidentifiedImageError as problem:
        raise Refusal(_EXPORT) from problem
    except Image.DecompressionBombError as problem:
        raise Refusal(_("This picture has more than 20 megapixels. Make it smaller: 1,200 pixels a side are enough.")) from problem
    except (OSError, SyntaxError, ValueError, EOFError) as problem:  # what Pillow raises for files that lie about themselves
        raise Refusal(_BROKEN) from problem


def _second_file(content: bytes, form: str) -> bool:
    """Whether something that opens as another file stands behind the end of the picture, or in a JPEG's first comment."""
    if form == "PNG":
        end = content.rfind(b"IEND") + 8
    elif form == "WEBP":
        end = 8 + int.from_bytes(content[4:8], "little")
    else:
        end = content.rfind(b"\xff\xd9") + 2
    tail = content[end:]
    # A ZIP is read from its end, a PDF from its first kilobyte: both are looked for where their programs look.
    return any(sign.lower() in tail.lower() for sign in _HIDDEN) or b"PK\x05\x06" in content[-65_600:] or b"%PDF-" in content[:1_100]


def about(digest: str | None) -> tuple[int, int, int] | None:
    """(width, height, bytes) of a kept picture; None without one, or when its file is lost or no picture."""
    content = files.read(digest)
    if content is None:
        return None
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as picture:
            return picture.width, picture.height, len(content)
    except UnidentifiedImageError:
        return None
