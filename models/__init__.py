"""What the school knows and the verbs it allows. Importing this package maps every table."""

from models import (
    access,
    activation,
    custom,
    duplicates,
    imports,
    journal,
    labels,
    papers,
    people,
    reach,
    right_override,
    saved_view,
    school,
    search,
    seeing,
    work,
)

__all__ = [
    "access",
    "activation",
    "custom",
    "duplicates",
    "imports",
    "journal",
    "labels",
    "papers",
    "people",
    "reach",
    "right_override",
    "saved_view",
    "school",
    "search",
    "seeing",
    "work",
]
