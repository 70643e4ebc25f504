"""Files that an answer names itself: the header by which a browser keeps the name, accents included."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

from flask import Response

# What stands bare in `filename*` (RFC 8187, attr-char), letters and digits apart; an apostrophe, a star and brackets do not.
_BARE = "!#$&+-.^_`|~"


def attach(answer: Response, name: str) -> Response:
    """Have the answer kept as a file of this name, as `send_file` does: a header of HTTP holds ASCII only, so the name is told twice.

    Chromium drops a name sent raw and keeps `download.csv`.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    names = {"filename": plain} if plain == name else {"filename": plain, "filename*": f"UTF-8''{quote(name, safe=_BARE)}"}
    answer.headers.set("Content-Disposition", "attachment", **names)
    return answer
