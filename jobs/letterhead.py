"""What every printed paper of a school shares: who writes, with which logo and stamp; how its file is named and bound."""

from __future__ import annotations

import io
import logging
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import force_locale

from jobs import paper
from jobs.registry import Product
from models import files
from models.base import Base
from models.reach import narrower
from models.school import School
from models.scope import SCOPE, WHO
from models.words import _

log = logging.getLogger("scolabri.jobs")
LONGEST_NAME = 80
_NOT_IN_NAMES = re.compile(r'[\\/:*?"<>|\x00-\x1f]')
LOGO, STAMP = "logo.png", "stamp.png"


@dataclass(frozen=True)
class Letterhead:
    """The data of a template's `sender`, and the pictures to lay beside it."""

    sender: dict[str, Any]
    pictures: dict[str, bytes] = field(default_factory=dict)


def short(text: str) -> str:
    """A name as a paper can hold it: one line, clipped."""
    return paper.clean(text, LONGEST_NAME).strip()


def lines_of(school: School) -> tuple[str, ...]:
    """Where the school is and how to reach it, below its name."""
    contact = " · ".join(part for part in (school.phone, school.email) if part)
    return tuple(line for line in (", ".join(school.address_lines), contact) if line)


def logo_alt(school: School) -> str:
    """What the logo is, for whoever hears the paper read: in the language of the school."""
    with force_locale(school.language):
        return str(_("Logo of the [school]"))


def letterhead(school: School, logo_alt: str, *, stamp: bool = False) -> Letterhead:
    """The school's block. A picture whose file is lost is left out and told in the log: the paper is made all the same."""
    pictures = {}
    for name, digest in ((LOGO, school.logo_digest), (STAMP, school.stamp_digest if stamp else None)):
        content = files.read(digest)
        if content is not None:
            pictures[name] = content
        elif digest:
            log.error("the picture %s of school %d is missing", name, school.id)
    sender = {"name": short(school.name), "lines": [short(line) for line in lines_of(school)], "logo": LOGO if LOGO in pictures else None, "logo_alt": logo_alt}
    return Letterhead(sender, pictures)


def within(model: type[Base], verb: str) -> Any:
    """The clause of a verb that reaches less far than the asker reads, asked again when the work runs; None where there is none."""
    return narrower(model.__mapper__, SCOPE.get(), WHO.get().roles, verb)


def bind(title: str, parts: Sequence[bytes]) -> Product:
    """One PDF as it is, several as an archive; the title becomes the file's name, without what no file system takes."""
    name = _NOT_IN_NAMES.sub(" ", title)
    if len(parts) == 1:
        return Product(f"{name}.pdf", "application/pdf", parts[0])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for number, part in enumerate(parts, 1):
            archive.writestr(f"{name} {number}.pdf", part)
    return Product(f"{name}.zip", "application/zip", out.getvalue())
