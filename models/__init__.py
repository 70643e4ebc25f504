"""What the school knows and the verbs it allows. Importing this package maps every table."""

from models import access, activation, custom, imports, journal, labels, people, reach, saved_view, school, search, work

__all__ = ["access", "activation", "custom", "imports", "journal", "labels", "people", "reach", "saved_view", "school", "search", "work"]
