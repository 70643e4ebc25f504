"""What the school knows and the verbs it allows. Importing this package maps every table."""

from models import access, activation, imports, journal, labels, people, reach, school, search, work

__all__ = ["access", "activation", "imports", "journal", "labels", "people", "reach", "school", "search", "work"]
