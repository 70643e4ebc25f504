"""JSON that somebody sent."""

from __future__ import annotations

import json
from typing import Any


def read_json(text: str | bytes) -> Any:
    """What it says. Raises `ValueError` or `RecursionError` for what is no JSON, or holds half a sign (a lone surrogate), which no page can show."""
    found = json.loads(text)
    json.dumps(found, ensure_ascii=False).encode()
    return found
