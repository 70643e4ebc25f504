"""The commands of the console: what they write, and what they refuse in one calm sentence with exit code 1."""

from __future__ import annotations

import os
import re
import sqlite3
import zipfile
from pathlib import Path

import pytest
from flask import Flask
from hands import an_old_row
from sqlalchemy import func, select, text

from jobs import catalogues, commands, health, maintenance, schema, serving
from jobs.runner import run_pending
from models import accounts, files, keys, labels
from models.access import Membership, User
from models.codes import CodeValue
from models.config import DEMO_MARK, ConfigError, load_config, refuse_open
from models.db import db, init_db
from models.labels import Noun
from models.people import Guardian, Student
from models.school import School
from models.school_year import SchoolYear
from models.scope import unscoped
from views import i18n

KEY = "a key for tests, long enough to be one"


class Console:
    """One installation under a folder, and a way to give it commands."""

    def __init__(self, folder: Path, **config) -> None:
        self.data = folder
        settings = load_config({"SCOLABRI_SECRET_KEY": KEY}, folder)
        self.app = Flask("console")
        self.app.config.update({**settings, **config})
        keys.configure(KEY.encode())
        files.configure(folder / "files")
        init_db(self.app, self.app.config["DATABASE_URL"])
        i18n.install(self.app, lambda: None, folder)
        commands.register(self.app)

    def __call__(self, *args, code=0):
        """Give a command; its output, error lines included."""
        result = self.app.test_cli_runner(env={"LANG": "fr_FR.UTF-8", "LC_ALL": ""}).invoke(args=[str(arg) for arg in args])
        assert result.exit_code == code, result.output + str(result.exception)
        return result.output.replace("\u00a0", " ").replace("\u202f", " ")

    def look(self, statement):
        """The first column of what is stored."""
        with self.app.app_context(), unscoped("a test looks"):
            return db.session.scalars(statement).all()


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """The catalogues have tests of their own, and take seconds to read."""
    monkeypatch.setattr(catalogues, "check", list)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """An empty database that is up to date, to be copied."""
    made = Console(tmp_path_factory.mktemp("migrated"))
    made("upgrade")
    return maintenance_file(made)


@pytest.fixture
def console(tmp_path, migrated):
    """An installation whose database is up to date."""
    load_config({"SCOLABRI_SECRET_KEY": KEY}, tmp_path / "data")
    maintenance.copy_database(migrated, tmp_path / "data" / "scolabri.sqlite3")
    return Console(tmp_path / "data")


def maintenance_file(console):
    """The database file of an installation."""
    with console.app.app_context():
        return maintenance.database_file(db.engine)


@pytest.fixture
def school(console):
    """The official code of a real school, with its administrator."""
    console("create-school", "--name", "Collège des Saules", "--code", "0752387 m", "--email", "saules@example.org")
    user = ("--email", "A@Example.org", "--given-name", "Ada", "--family-name", "Noël")
    console.link = console("create-user", "--school", "0752387M", "--role", "acc", *user)
    return "0752387M"


def test_an_upgrade_gives_a_school_that_was_there_what_the_version_brings(tmp_path):
    console = Console(tmp_path)
    with console.app.app_context(), db.engine.connect() as connection, connection.begin():
        schema.command.upgrade(schema._config(connection), "202611220653")
        an_old_row(connection, "school", name="Saules", country="FR", official_code="0752387M", language="fr", time_zone="Europe/Paris")
    assert "mise à jour" in console("upgrade")
    assert console.look(select(SchoolYear.current)) == [True]
    assert "Sans objet" in console.look(select(CodeValue.label))
    assert "élève" in console.look(select(Noun.singular).where(Noun.language == "fr"))


def test_upgrade_makes_the_tables_once(tmp_path):
    console = Console(tmp_path)
    assert "mise à jour" in console("upgrade")
    assert "est à jour" in console("upgrade")
    assert maintenance_file(console).stat().st_mode & 0o077 == 0 or os.name != "posix"
    with console.app.app_context():
        assert schema.current(db.engine) == schema.head()


def test_the_demo_is_loaded_once_and_told(console):
    output = console("demo", "--students", 30, "--seed", 3)
    assert "2 établissements, 60 élèves" in output
    assert "scolabri-demo-2026" in output
    assert "acc2" in output
    assert (console.data / DEMO_MARK).is_file()
    assert "déjà chargée" in console("demo", code=1)
    assert load_config({}, console.data)["DEMO"]


def test_serving_the_demo_again_loads_nothing_even_when_its_mark_was_lost(console, monkeypatch):
    served = []
    monkeypatch.setattr(serving, "serve", lambda app, host, port: served.append((app.config["DEMO"], host, port)))
    assert "60 élèves" in console("demo", "--students", 30)
    (console.data / DEMO_MARK).unlink()
    console.app.config["DEMO"] = False
    assert "élèves" not in console("serve", "--upgrade", "--demo", "--port", 8765)
    assert (console.data / DEMO_MARK).is_file()
    assert served == [(True, "127.0.0.1", 8765)]
    assert console.look(select(func.count()).select_from(Student)) == [60]


def test_the_demo_never_joins_a_real_school(console, school):
    assert "réel" in console("demo", code=1)
    assert console.look(select(func.count()).select_from(Student)) == [0]


@pytest.mark.parametrize("config", [{"TRUSTED_HOSTS": ["ecole.example.org"]}, {"TRUSTED_PROXIES": 1}])
def test_the_demo_refuses_settings_that_open_it_to_others(tmp_path, config):
    console = Console(tmp_path, **config)
    console("upgrade")
    assert "publics" in console("demo", code=1)


def test_create_school_writes_the_school_and_its_words(console, school):
    row = console.look(select(School))[0]
    assert (row.name, row.official_code, row.language, row.time_zone) == ("Collège des Saules", "0752387M", "fr", "Europe/Paris")
    assert console.look(select(func.count()).select_from(Noun))[0] >= 24
    assert "a déjà ce code" in console("create-school", "--name", "Autre", "--code", "0752387M", code=1)
    assert len(console.look(select(School))) == 1


def test_a_wrong_official_code_is_refused_with_its_remedy(console):
    output = console("create-school", "--name", "Autre", "--code", "0752387A", code=1)
    assert "0752387A" in output
    assert console.look(select(School)) == []


def test_create_user_gives_a_role_and_a_link_that_works_once(console, school):
    user = console.look(select(User))[0]
    assert (user.email, user.username, user.password_hash) == ("a@example.org", None, "")
    assert [m.role.name for m in console.look(select(Membership))] == ["acc"]
    secret = re.search(r"/reset/(\S+)", console.link)[1]
    with console.app.app_context():
        accounts.reset(secret, "trois chats gris dorment", address="127.0.0.1", agent="test")
        assert accounts.find_token(secret) is None
        assert accounts.find_user("a@example.org").password_hash.startswith("$argon2")
    again = ("--email", "a@example.org", "--given-name", "Ada", "--family-name", "Noël")
    assert "/reset/" not in console("create-user", "--school", school, "--role", "ac", *again), "she has a password already"
    console("create-user", "--school", school, "--role", "ac", *again, code=1)
    assert "code officiel" in console("create-user", "--school", "9990001X", "--role", "ac", *again, code=1)
    assert "--role" in console("create-user", "--school", school, "--role", "guardian", *again, code=2), "guardians come with their student"


STUDENTS = "nom;prenom;date_naissance;sexe;classe;responsable1_nom;responsable1_prenom;responsable1_courriel\n"
ZOE = "Bénard;Zoé;14/03/2014;F;5e Bleue;Bénard;Hélène;helene.benard@example.org\n"


def test_import_writes_all_the_rows_and_says_how_many(console, school, tmp_path):
    file = tmp_path / "eleves.csv"
    file.write_bytes((STUDENTS + ZOE + "Cœur;Léo;02/01/2014;M;5e Bleue;;;\n").encode("cp1252"))
    assert "Rien n’a été écrit" in console("import", file, "--school", school, "--dry-run")
    assert console.look(select(Student.id)) == []
    output = console("import", file, "--school", school)
    assert re.search(r"^ +2  ", output, re.MULTILINE), "two rows in one state"
    assert "écrit" in output
    assert sorted(console.look(select(Student.family_name))) == ["Bénard", "Cœur"]
    assert console.look(select(Guardian.email)) == ["helene.benard@example.org"]
    assert not list((console.data / "files").iterdir()), "the file of minors is gone"


def test_import_with_an_error_writes_nothing_and_names_the_line(console, school, tmp_path):
    file = tmp_path / "eleves.csv"
    file.write_text(STUDENTS + ZOE + "Petit;Ana;31/02/2014;F;5e Bleue;;;\n", encoding="utf-8")
    output = console("import", file, "--school", school, code=1)
    assert "ligne 3" in output
    assert "2014" in output
    assert "28" in output
    assert console.look(select(Student.id)) == []
    assert "administrateur" not in output


def test_import_of_something_else_is_refused(console, school, tmp_path):
    file = tmp_path / "eleves.csv"
    file.write_text("<html><body>rien</body></html>")
    assert "Rien n’a été écrit" in console("import", file, "--school", school, code=1)
    assert "code officiel" in console("import", file, "--school", "9990001X", code=1)


def test_backup_and_restore_bring_back_rows_files_and_keys(console, school, tmp_path):
    key = files.keep(b"a letter")
    (console.data / "secret.key").write_text(KEY)
    zipped = tmp_path / "out" / "school.zip"
    console("backup", zipped)
    assert zipped.stat().st_mode & 0o077 == 0 or os.name != "posix"
    with zipfile.ZipFile(zipped) as archive:
        assert {"database.sqlite3", "manifest.json", "secret.key", f"files/{key}"} <= set(archive.namelist())
    console("create-school", "--name", "Collège de trop", "--code", "9990001X")
    files.drop(key)
    assert "à remplacer" in console("restore", zipped, code=1), "asks first"
    output = console("restore", zipped, "--yes")
    assert "restaurée" in output
    assert console.look(select(School.name)) == ["Collège des Saules"]
    assert files.path_of(key).read_bytes() == b"a letter"
    kept = next((console.data / "backups").glob("replaced-*/*.sqlite3"))
    assert sqlite3.connect(kept).execute("SELECT count(*) FROM school").fetchone() == (2,)


def test_a_backup_is_never_written_over_another_and_a_broken_one_never_restored(console, school, tmp_path):
    zipped = tmp_path / "school.zip"
    console("backup", zipped)
    assert "existe déjà" in console("backup", zipped, code=1)
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(zipped) as old, zipfile.ZipFile(broken, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"Saules", b"Ormeau"))
    before = console.look(select(School.name))
    assert "n’est pas une sauvegarde" in console("restore", broken, "--yes", code=1)
    (tmp_path / "text.zip").write_text("no")
    assert "n’est pas une sauvegarde" in console("restore", tmp_path / "text.zip", "--yes", code=1)
    assert console.look(select(School.name)) == before


def test_a_backup_cannot_write_outside_the_data_folder(console, school, tmp_path):
    zipped, evil = tmp_path / "school.zip", tmp_path / "evil.zip"
    console("backup", zipped)
    with zipfile.ZipFile(zipped) as old, zipfile.ZipFile(evil, "w") as new:
        manifest = old.read("manifest.json").decode().replace('"database.sqlite3"', '"../outside.txt": "00", "database.sqlite3"')
        new.writestr("database.sqlite3", old.read("database.sqlite3"))
        new.writestr("../outside.txt", "x")
        new.writestr("manifest.json", manifest)
    console("restore", evil, "--yes", code=1)
    assert not (tmp_path / "outside.txt").exists()


def test_a_database_of_a_newer_version_is_left_alone(console, school, tmp_path):
    with console.app.app_context(), db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '999912310000'"))
    assert "plus récente" in console("upgrade", code=1)
    zipped = tmp_path / "new.zip"
    console("backup", zipped)
    assert "plus récente" in console("restore", zipped, "--yes", code=1)
    assert "✗" in console("check", code=1)


def test_check_says_what_is_wrong_and_how_to_repair_it(console, monkeypatch):
    assert "Tout va bien" in console("check")
    monkeypatch.setattr(catalogues, "check", lambda: [f"text {n} is missing" for n in range(30)])
    output = console("check", code=1)
    assert "text 9 is missing" in output
    assert "text 10 " not in output, "the first ones are enough"
    monkeypatch.setattr(catalogues, "check", list)
    if os.name == "posix":
        console.data.chmod(0o755)
        output = console("check", code=1)
        assert "chmod 700" in output
        assert "1 point demande" in output
        console.data.chmod(0o700)
    with console.app.app_context(), db.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER journal_event_no_update"))
    assert "L’historique n’est pas protégé" in console("check", code=1)


def test_check_sees_a_record_that_points_nowhere(console):
    with sqlite3.connect(maintenance_file(console)) as raw:
        raw.execute("INSERT INTO student_group_member (group_id, student_id) VALUES (99, 99)")
    assert "renvoient à d’autres" in console("check", code=1)


def test_check_before_the_first_upgrade_tells_to_upgrade(tmp_path):
    console = Console(tmp_path)
    assert "flask --app app upgrade" in console("check", code=1)
    for command in (["demo"], ["serve"], ["create-school", "--name", "A", "--code", "9990001X"]):
        assert "flask --app app upgrade" in console(*command, code=1)


def test_serve_refuses_addresses_open_to_others_without_names(console):
    assert "SCOLABRI_BASE_URL" in console("serve", "--host", "0.0.0.0", code=1)  # noqa: S104 (refused)
    (console.data / DEMO_MARK).touch()
    open_demo = {**load_config({"SCOLABRI_SECRET_KEY": KEY}, console.data), "BASE_URL": "https://a.example.org", "TRUSTED_HOSTS": ["a.example.org"]}
    with pytest.raises(ConfigError, match="publics"):
        refuse_open(open_demo, "192.168.1.10")
    refuse_open({**open_demo, "DEMO": False}, "192.168.1.10")


def test_serve_prints_the_setup_key_of_an_empty_installation_and_the_accounts_of_the_demo(console, capsys):
    with console.app.app_context():
        serving._welcome(console.app, "http://127.0.0.1:8000")
        told = capsys.readouterr().out
        assert "http://127.0.0.1:8000/setup" in told
        assert (console.data / "setup.key").is_file()
        console.app.config["DEMO"] = True
        serving._welcome(console.app, "http://127.0.0.1:8000")
        told = capsys.readouterr().out
        assert "invigilator" in told
        assert "setup" not in told


def test_a_taken_port_is_told(console):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "pris" in console("serve", "--port", taken.getsockname()[1], code=1)


def test_labels_missing_prints_what_to_paste(console, monkeypatch):
    monkeypatch.setattr(catalogues, "missing", lambda *_args: [])
    assert "traduits" in console("labels", "missing")
    monkeypatch.setattr(catalogues, "missing", lambda *_args: [catalogues.Text("", "Brand new")])
    assert 'msgid "Brand new"' in console("labels", "missing", code=1)


def test_texts_travel_from_a_school_to_every_school(console, school, tmp_path):
    po, bad = tmp_path / "textes.po", tmp_path / "bad.po"
    with console.app.app_context(), unscoped("a test writes a text"):
        message = labels.original("messages", "fr", "", "%(num)d thing needs attention.")
        row = labels.override(db.session, message, "messages", "fr", 1, "%(num)d soucis.")
        row.school_id = db.session.scalar(select(School.id))
        db.session.commit()
    assert "0 texte" in console("labels", "export", tmp_path / "none.po")
    assert "1 texte" in console("labels", "export", po, "--school", school)
    assert "existe déjà" in console("labels", "export", po, code=1)
    for _time in ("first", "again, which changes nothing"):
        assert "1 texte" in console("labels", "import", po)
        rows = console.look(select(labels.LabelOverride))
        assert sorted((row.school_id is None, row.text) for row in rows) == [(False, "%(num)d soucis."), (True, "%(num)d soucis.")]
    bad.write_text(po.read_text(encoding="utf-8").replace("%(num)d soucis", "%(many)d soucis"), encoding="utf-8")
    assert "%(num)s" in console("labels", "import", bad, code=1)
    bad.write_text('msgid ""\nmsgstr ""\n\nmsgid "Nobody says this"\nmsgstr "Personne"\n')
    assert "Nobody says this" in console("labels", "import", bad, code=1)
    bad.write_text('msgid "open')
    assert ".po" in console("labels", "import", bad, code=1)
    assert "pas de catalogue" in console("labels", "import", po, "--language", "xx", code=1)
    assert len(console.look(select(labels.LabelOverride))) == 2


@pytest.mark.parametrize(
    ("env", "language"), [({"LANG": "en_GB.UTF-8"}, "en"), ({"LANG": "fr_CA"}, "fr_CA"), ({"LANG": "C"}, "fr"), ({"LC_ALL": "de_DE", "LANG": "en"}, "fr")]
)
def test_the_console_speaks_its_own_language(env, language):
    assert commands.console_language(env) == language


def test_nothing_waits_after_the_commands(console, school):
    with console.app.app_context():
        assert run_pending(console.app) == 0
    assert all(isinstance(line, health.Line) for line in health._settings(console.app.config))
