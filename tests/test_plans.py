"""Which index the database walks for a list, its orders, its filters and its search: a long list is never read to its end for one page."""

import re

import pytest
from conftest import rows
from sqlalchemy import event, text
from test_queries import grow

from models.db import db, refresh_statistics

MANY = 3_000
BY_NAME = "ix_student_(school_status|search)"  # the first holds the active ones alone; PostgreSQL may take either


@pytest.fixture
def school(app, schools):
    """A school of some size whose database knows how much it holds."""
    places = grow(app, schools[0], 0, MANY)
    with rows(app) as session:
        refresh_statistics(session)
    return places


def plan_of(app, browser, path, table):
    """How the database finds the identifiers of a page, as it tells it."""
    asked = []

    def note(_connection, _cursor, statement, parameters, *_rest):
        if re.match(rf"SELECT {table}\.id AS {table}_id\s+FROM {table}\b", statement):
            asked.append((statement, parameters))

    with app.app_context():
        engine = db.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            assert browser.get(path).status_code == 200
        finally:
            event.remove(engine, "before_cursor_execute", note)
    (statement, parameters) = asked[0]
    with rows(app) as session:
        connection = session.connection()
        if connection.dialect.name == "sqlite":
            return "\n".join(line[3] for line in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters))
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        return "\n".join(line[0] for line in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters))


@pytest.mark.parametrize(
    ("path", "table", "index"),
    [
        ("/admin/student/", "student", BY_NAME),
        ("/admin/student/?page=20", "student", BY_NAME),
        ("/admin/student/?sort=0&desc=1", "student", BY_NAME),
        ("/admin/student/?search=^grandnombre5005", "student", BY_NAME),
        ("/admin/student/?search=bre5005", "student", BY_NAME),
        ("/admin/student/?flt0_status.Is=all", "student", "ix_student_search"),
        ("/admin/student/?sort=4", "student", "ix_student_school_born"),
        ("/admin/guardian/", "guardian", "ix_guardian_search"),
        ("/admin/guardian/?search=^tuteur5005", "guardian", "ix_guardian_search"),
        ("/admin/guardian/?sort=4", "guardian", "ix_guardian_school_town"),
        ("/admin/guardian_link/", "guardian_link", "ix_student_search"),
    ],
)
def test_a_page_of_a_long_list_is_found_by_an_index(app, as_, school, path, table, index):
    plan = plan_of(app, as_("ac"), path.format(**school), table)
    assert re.search(index, plan), plan
    assert not re.search(rf"\bSCAN {table}\b|Seq Scan on {table}\b", plan), plan


@pytest.mark.parametrize("path", ["/admin/student/", "/admin/student/?search=^grandnombre5005", "/admin/student/?search=bre5005", "/admin/guardian/"])
def test_the_usual_order_comes_from_the_index_without_sorting(app, as_, school, path):
    plan = plan_of(app, as_("ac"), path, "guardian" if "guardian" in path else "student")
    assert not re.search(r"TEMP B-TREE|\bSort\b", plan), plan


def test_who_sees_only_their_own_students_asks_for_theirs_first(app, as_, school):
    plan = plan_of(app, as_("ec"), "/admin/student/", "student")
    assert not re.search(r"\bSCAN student\b|Seq Scan on student\b", plan), plan
