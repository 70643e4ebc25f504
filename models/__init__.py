"""What the school knows and the verbs it allows. Importing this package maps every table."""

from models import access, activation, journal, people, reach, school, search

__all__ = ["access", "activation", "journal", "people", "reach", "school", "search"]
