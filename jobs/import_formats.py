"""The formats and the subjects that imports know: each module registers its own where it is imported."""

from __future__ import annotations

from jobs import import_moved, import_people, import_studies, onde, siecle, siecle_table, staff_import, staff_sts, structures

__all__ = ["import_moved", "import_people", "import_studies", "onde", "siecle", "siecle_table", "staff_import", "staff_sts", "structures"]
