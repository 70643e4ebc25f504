"""Answers compressed on the wire: pages, styles, scripts, JSON and CSV, for browsers that take gzip. A stream stays one.

Compression tells an onlooker how alike two parts of a page are: who can make somebody's browser ask for pages again and again, with
words of their own choosing, may guess a secret that stands in them (BREACH). So what another site makes the browser ask for is never
compressed, nor are the pages whose address or text is a secret. (The session's cookie does not travel with such requests either, and a
form's token is signed anew every second.)
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache

from flask import Flask, Response, request

LEAST = 1_000  # bytes: a smaller answer is one packet anyway
QUICK = 1  # of pages and streams: a seventh of the size in a quarter of a millisecond; the best level takes six times as long for a tenth less
BEST = 9  # of our own files, once
_GZIP = 31  # zlib's word for the gzip format
_TEXTS = re.compile(r"(text/(html|css|csv|plain|javascript)|application/(json|javascript)|image/svg\+xml)\b")
_SECRETS = re.compile(r"/(reset|account|guest|invigilator|parent/register|student/activate|admin/activation_code/letters)\b")


def init_compress(app: Flask) -> None:
    """Compress what leaves the application."""
    app.after_request(compress)


def compress(response: Response) -> Response:
    """The answer as it travels to this browser."""
    if not _TEXTS.match(response.mimetype or "") or "Content-Encoding" in response.headers:
        return response
    response.vary.add("Accept-Encoding")
    if response.status_code != 200 or request.method == "HEAD" or not _wanted():
        return response
    if response.is_streamed and not response.direct_passthrough:
        response.response = _stream(response.response)
        response.headers.pop("Content-Length", None)
    else:
        response.direct_passthrough = False  # (a file of ours: it is short)
        whole = response.get_data()
        if len(whole) < LEAST:
            return response
        ours = request.path.startswith(("/static/", "/admin/static/"))
        response.set_data(_file(whole) if ours else _gzip(whole, QUICK))
    response.headers["Content-Encoding"] = "gzip"
    tag, weak = response.get_etag()
    if tag is not None and not weak:
        response.set_etag(tag, weak=True)  # the same text, not the same bytes
    return response


def _wanted() -> bool:
    """The browser takes gzip, asks of its own accord, and the page holds no secret."""
    if request.accept_encodings["gzip"] <= 0 or request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return False
    return not _SECRETS.match(request.path)


def _gzip(whole: bytes, level: int) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
    return packer.compress(whole) + packer.flush()


@lru_cache(maxsize=64)
def _file(whole: bytes) -> bytes:
    return _gzip(whole, BEST)


def _stream(pieces: Iterable[str] | Iterable[bytes]) -> Iterator[bytes]:
    """Each piece leaves at once."""
    packer = zlib.compressobj(QUICK, zlib.DEFLATED, _GZIP)
    try:
        for piece in pieces:
            packed = packer.compress(piece.encode() if isinstance(piece, str) else piece)
            yield packed + packer.flush(zlib.Z_SYNC_FLUSH)
        yield packer.flush()
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()
