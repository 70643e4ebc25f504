"""Migrations: an empty database becomes what the models say, history cannot be rewritten, an interrupted upgrade leaves nothing."""

from __future__ import annotations

import datetime as dt
import sqlite3
import subprocess
import sys
import threading

import pytest
from flask import Flask
from hands import an_old_row
from sqlalchemy import delete, text, update
from sqlalchemy.exc import IntegrityError

from jobs import maintenance, schema
from models import keys
from models.base import Refusal, utcnow
from models.db import db, init_db
from models.journal import JournalEvent
from models.scope import unscoped


@pytest.fixture
def app(tmp_path):
    """An application on a database that nobody has made yet."""
    keys.configure(b"a key for tests, long enough")
    app = Flask("migrations")
    init_db(app, f"sqlite:///{tmp_path / 'school.sqlite3'}")
    with app.app_context():
        yield app


def tables():
    with db.engine.connect() as connection:
        return set(connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")))


def test_the_migrations_give_exactly_what_the_models_say(app):
    assert schema.upgrade(db.engine) == (None, schema.head())
    assert schema.differences(db.engine) == []


def test_there_is_one_newest_revision_and_a_dated_file_for_each():
    assert schema.head() is not None
    assert all(path.name[:8].isdigit() for path in (schema.FOLDER / "versions").glob("*.py"))


def test_a_migrated_database_has_the_triggers_that_create_all_makes(app, tmp_path):
    schema.upgrade(db.engine)
    other = Flask("models")
    init_db(other, f"sqlite:///{tmp_path / 'other.sqlite3'}")

    def triggers():
        with db.engine.connect() as connection:
            return dict(connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all())

    migrated = triggers()
    with other.app_context():
        from models.base import Base

        Base.metadata.create_all(db.engine)
        assert triggers() == migrated
        assert len(migrated) >= 2


def test_a_line_of_the_history_cannot_be_changed_and_only_goes_after_a_year(app):
    schema.upgrade(db.engine)
    with unscoped("a test"):
        db.session.add(JournalEvent(verb="edited", table_name="student", at=utcnow()))
        db.session.add(JournalEvent(verb="old", table_name="student", at=utcnow() - dt.timedelta(days=400)))
        db.session.commit()
        for statement in (update(JournalEvent).values(verb="nothing"), delete(JournalEvent).where(JournalEvent.verb == "edited")):
            with pytest.raises(IntegrityError, match="append-only"):
                db.session.execute(statement)
            db.session.rollback()
        db.session.execute(delete(JournalEvent).where(JournalEvent.verb == "old"))
        db.session.commit()
        assert [row.verb for row in db.session.query(JournalEvent)] == ["edited"]


def test_a_second_upgrade_changes_nothing_and_makes_no_copy(app, tmp_path):
    assert maintenance.upgrade(db.engine, tmp_path) == (None, schema.head(), None)
    assert maintenance.upgrade(db.engine, tmp_path) == (schema.head(), schema.head(), None)
    assert not (tmp_path / "backups").exists()


@pytest.fixture
def next_version(app, monkeypatch, tmp_path):
    """A version with one more migration, whose body a test chooses."""
    schema.upgrade(db.engine)
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    for path in [*schema.FOLDER.glob("*.*"), *(schema.FOLDER / "versions").glob("*.py")]:
        target = folder / path.relative_to(schema.FOLDER)
        target.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")

    def write(body: str):
        before = schema.head()
        (folder / "versions" / "20991231_next.py").write_text(
            f'import sqlalchemy as sa\nfrom alembic import op\nrevision = "209912310000"\ndown_revision = {before!r}\n\n\ndef upgrade():\n    {body}\n'
        )
        monkeypatch.setattr(schema, "FOLDER", folder)

    return write


def test_an_upgrade_copies_the_database_first(next_version, tmp_path):
    next_version('op.create_table("more", sa.Column("id", sa.Integer(), primary_key=True))')
    before, after, copy = maintenance.upgrade(db.engine, tmp_path)
    assert (before != after, after) == (True, "209912310000")
    assert copy.stat().st_mode & 0o077 == 0
    with sqlite3.connect(copy) as old:
        assert old.execute("SELECT version_num FROM alembic_version").fetchone() == (before,)
    assert "more" in tables()


def test_an_upgrade_that_fails_half_way_leaves_the_database_as_it_was(next_version, tmp_path):
    next_version('op.create_table("more", sa.Column("id", sa.Integer(), primary_key=True)); op.execute("SELECT nothing FROM nowhere")')
    before = schema.current(db.engine)
    with pytest.raises(Exception, match="nowhere"):
        maintenance.upgrade(db.engine, tmp_path)
    assert schema.current(db.engine) == before
    assert "more" not in tables()


def test_an_upgrade_that_breaks_a_link_is_refused_whole(next_version, tmp_path):
    next_version('op.execute("INSERT INTO student_group_member (group_id, student_id) VALUES (99, 99)")')
    with pytest.raises(Refusal):
        schema.upgrade(db.engine)
    with db.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM student_group_member")) == 0
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1, "links are watched again"


def test_rebuilding_a_table_keeps_the_rows_that_depend_on_it(next_version):
    with db.engine.begin() as connection:
        connection.execute(text(SCHOOL))
        connection.execute(text("INSERT INTO level (id, school_id, name, rank, version) VALUES (1, 1, '6e', 1, 1)"))
    next_version('batch = op.batch_alter_table("school", recreate="always")\n    with batch as b:\n        b.add_column(sa.Column("more", sa.Integer()))')
    schema.upgrade(db.engine)
    with db.engine.connect() as connection:
        assert connection.scalar(text("SELECT name FROM level")) == "6e"


SCHOOL = """INSERT INTO school (id, name, country, official_code, email, phone, support_email, address1, address2, postal_code, town, language,
    time_zone, created_at, updated_at, version)
    VALUES (1, 'A', 'FR', '9990001X', '', '', '', '', '', '', '', 'fr', 'Europe/Paris', '2026-01-01', '2026-01-01', 1)"""


def test_two_upgrades_at_once_do_the_work_once(app):
    found, problems = [], []

    def work():
        try:
            with app.app_context():
                found.append(schema.upgrade(db.engine))
        except BaseException as problem:  # told to the test's own thread
            problems.append(problem)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    assert sorted(before is None for before, _after in found) == [False, False, True]
    assert schema.differences(db.engine) == []


def test_going_back_is_refused_with_its_remedy(app):
    schema.upgrade(db.engine)
    scripts = [path.read_text(encoding="utf-8") for path in (schema.FOLDER / "versions").glob("*.py")]
    assert all("restore the backup" in script for script in scripts)


def test_the_migrations_are_checked_from_the_command_line():
    done = subprocess.run([sys.executable, "-m", "jobs.schema", "check"], capture_output=True, text=True, check=False, cwd=schema.FOLDER.parent)
    assert (done.returncode, done.stdout) == (0, "")


def test_people_who_were_there_get_the_key_that_tells_doubles(app):
    with db.engine.connect() as connection, connection.begin():
        schema.command.upgrade(schema._config(connection), "202611220001")
        an_old_row(connection, "school", name="Tilleuls", country="FR", official_code="9990001X")
        an_old_row(connection, "student", school_id=1, family_name="Le Goff", given_name="Jean-Œnone")
    schema.upgrade(db.engine)
    with db.engine.connect() as connection:
        assert connection.execute(text("SELECT name_key, extra FROM student")).one() == ("goff jean le oenone", "{}")


def test_the_life_of_a_code_that_a_school_had_chosen_becomes_its_option(app):
    names = "email, phone, support_email, address1, address2, postal_code, town, website, support_phone, siret, dpo_name, dpo_email, sales_email"
    blank = ", ".join(["''"] * len(names.split(",")))
    with db.engine.connect() as connection:
        schema._pragma(connection, "foreign_keys=OFF")
        with connection.begin():
            schema.command.upgrade(schema._config(connection), "202611220928")
            for number, days in ((1, 180), (2, 90)):
                insert = f"""INSERT INTO school (id, name, country, official_code, {names}, language, time_zone, code_days, created_at, updated_at, version)
                    VALUES ({number}, 'A', 'FR', 'C{number}', {blank}, 'fr', 'Europe/Paris', {days}, '2026-01-01', '2026-01-01', 1)"""  # noqa: S608
                connection.execute(text(insert))
        schema._pragma(connection, "foreign_keys=ON")
    schema.upgrade(db.engine)
    with db.engine.connect() as connection:
        assert connection.execute(text("SELECT school_id, key, value FROM setting")).all() == [(2, "code_days", "90")]
        assert connection.scalar(text("SELECT count(*) FROM school")) == 2


@pytest.fixture
def second_version(app):
    """A database as part 2 left it, with a row in each table that has numbers, and a history that names rows that are gone."""
    with db.engine.connect() as connection:
        schema._pragma(connection, "foreign_keys=OFF")
        with connection.begin():
            schema.command.upgrade(schema._config(connection), "202611220653")
            for table in with_numbers(connection):
                if table not in ("journal_event", "journal_change", "label_stamp"):
                    an_old_row(connection, table)
            said = [("created", "student", 41), ("deleted", "group", 7), ("refused", "guardian", 9_000_000_000_000_000_000), ("created", "import_", 12)]
            for number, (verb, table, row) in enumerate(said, 1):
                values = {"id": number, "at": "2026-11-22 00:00:00", "verb": verb, "table": table, "row": row}
                connection.execute(text(EVENT), values)
            connection.execute(text(CHANGE))
        schema._pragma(connection, "foreign_keys=ON")
    return app


EVENT = "INSERT INTO journal_event VALUES (NULL, :at, NULL, '', '', :verb, :table, :row, 1, 'b', :id)"
CHANGE = """INSERT INTO journal_change (id, at, batch, table_name, row_id, field, title)
    VALUES (5, '2026-11-22 00:00:00', 'b', 'guardian_link', 30, '*', '')"""


def with_numbers(connection):
    """The tables whose key is `id`, that of the structure's own version left out."""
    return list(connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%PRIMARY KEY (id)%' ORDER BY name")))


def everything(connection, names):
    """The rows of these tables by column, and what stands beside them: indexes, those of some rows only, triggers."""
    rows = {name: [dict(row._mapping) for row in connection.execute(text(f'SELECT * FROM "{name}" ORDER BY id'))] for name in names}  # noqa: S608
    beside = connection.execute(text("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"))
    return rows, {tuple(line) for line in beside}


def upgrade_to_numbers():
    """The one step that this is about: later versions may change tables."""
    with db.engine.connect() as connection:
        schema._pragma(connection, "foreign_keys=OFF")
        with connection.begin():
            schema.command.upgrade(schema._config(connection), "202611220815")
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        schema._pragma(connection, "foreign_keys=ON")


def test_the_upgrade_to_numbers_keeps_rows_indexes_and_triggers(second_version):
    with db.engine.connect() as connection:
        names = with_numbers(connection)
        before = everything(connection, names)
    upgrade_to_numbers()
    with db.engine.connect() as connection:
        assert everything(connection, names) == before
        assert len(names) > 25
        assert all(rows for name, rows in before[0].items() if name != "label_stamp")
        assert with_numbers(connection) == ["label_stamp"]
        with pytest.raises(IntegrityError, match="append-only"):
            connection.execute(text("UPDATE journal_event SET verb = 'nothing'"))


def test_after_the_upgrade_no_number_is_given_twice_not_even_one_that_only_the_history_names(second_version):
    upgrade_to_numbers()
    expected = {"student": 42, "student_group": 8, "import": 13, "guardian_link": 31, "guardian": 2, "level": 2}
    with db.engine.connect() as connection:
        schema._pragma(connection, "foreign_keys=OFF")
        for table, number in expected.items():
            row = dict(connection.execute(text(f'SELECT * FROM "{table}"')).one()._mapping)  # noqa: S608
            connection.execute(text(f'DELETE FROM "{table}"'))  # noqa: S608
            columns = [name for name in row if name != "id"]
            again = text(f'INSERT INTO "{table}" ({", ".join(columns)}) VALUES ({", ".join(f":{c}" for c in columns)}) RETURNING id')  # noqa: S608
            assert (table, connection.scalar(again, row)) == (table, number)
        schema._pragma(connection, "foreign_keys=ON")


def test_an_upgrade_to_numbers_that_is_interrupted_leaves_everything_as_it_was(second_version):
    with db.engine.connect() as connection, connection.begin():
        connection.execute(text("CREATE TABLE zzz (id TEXT, CONSTRAINT pk_zzz PRIMARY KEY (id))"))  # all others are rebuilt by then
        names = with_numbers(connection)
        before = everything(connection, names)
    with pytest.raises(RuntimeError, match="zzz"):
        schema.upgrade(db.engine)
    with db.engine.connect() as connection:
        assert schema.current(db.engine) == "202611220653"
        assert everything(connection, names) == before
        assert with_numbers(connection) == names


def test_a_table_that_a_later_version_rebuilds_counts_on(next_version):
    with db.engine.begin() as connection:
        connection.execute(text(SCHOOL))
        connection.execute(text("INSERT INTO level (id, school_id, name, rank, version) VALUES (9, 1, '6e', 1, 1)"))
        connection.execute(text("DELETE FROM level"))
    next_version('batch = op.batch_alter_table("level", recreate="always")\n    with batch as b:\n        b.add_column(sa.Column("more", sa.Integer()))')
    schema.upgrade(db.engine)
    with db.engine.begin() as connection:
        connection.execute(text("INSERT INTO level (school_id, name, rank, version) VALUES (1, '5e', 1, 1)"))
        assert connection.scalar(text("SELECT id FROM level")) == 10
    assert "level" not in [line[1] for line in schema.differences(db.engine) if line[0] == "sqlite_autoincrement"]


def test_a_table_whose_numbers_could_come_again_is_told_by_the_check(next_version):
    next_version('op.drop_table("throttle"); op.create_table("throttle", sa.Column("id", sa.Integer(), primary_key=True))')
    schema.upgrade(db.engine)
    assert ("sqlite_autoincrement", "throttle") in schema.differences(db.engine)
