"""The `flask` commands: what the operator of a server does at a console. Thin: each one calls what does the work.

A `Refusal` is told in one line and gives exit code 1. The language is that of the console (LANG), French unless it says otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select

from jobs import catalogues, demo, health, import_console, label_files, maintenance, serving
from jobs.demo_shown import load_shown
from models import accounts, second_step, staff
from models.access import Role
from models.base import Refusal
from models.config import DEMO_MARK, LOOPBACK, ConfigError
from models.db import db
from models.import_fields import STUDY_FIELDS
from models.journal import record
from models.opening import complete_schools, furnish
from models.school import Country, School
from models.scope import Actor, Scope, acting, unscoped
from models.words import N_, _, in_language

CONSOLE = "flask"
ASSIGNED = (Role.guardian, Role.student)  # made with their guardian or student, never here


class Told(click.ClickException):
    """A refusal as the operator reads it: the sentence, nothing before it."""

    def show(self, file: Any = None) -> None:
        """Write the sentence on the error output."""
        click.echo(self.message, err=file is None, file=file)


def console_language(env: dict[str, str] | None = None) -> str:
    """The language of the console: English or Canadian French when its locale says so, else French."""
    found = os.environ if env is None else env
    locale = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := found.get(name, ""))), "")
    return "en" if locale.startswith("en") else "fr_CA" if locale.startswith("fr_CA") else "fr"


def told(work: Callable[..., None]) -> Callable[..., None]:
    """A command in the console's language, whose refusals are sentences."""

    @with_appcontext
    @wraps(work)
    def inside(*args: Any, **options: Any) -> None:
        with in_language(console_language()):
            try:
                work(*args, **options)
            except Refusal as refusal:
                raise Told(refusal.sentence) from refusal
            except ConfigError as problem:
                raise Told(str(problem)) from problem

    return inside


def _app() -> Flask:
    return current_app._get_current_object()  # type: ignore[attr-defined, no-any-return]  # the proxy's own, unknown to Flask's types


def _data() -> Path:
    return Path(current_app.config["DATA"])


@click.command()
@told
def upgrade() -> None:
    """Bring the database to this version, after a copy of it."""
    before, after = _upgrade()
    if before == after:
        click.echo(_("The database is up to date (%(revision)s).", revision=after))


def _upgrade() -> tuple[str | None, str | None]:
    before, after, copy = maintenance.upgrade(db.engine, _data())
    if copy is not None:
        click.echo(_("Copy made before the upgrade: %(file)s", file=copy))
    if before != after:
        click.echo(_("The database was upgraded (%(revision)s).", revision=after))
        with acting(Actor(name=CONSOLE), Scope(school_id=None)), unscoped("every school is given what this version brings"):
            complete_schools(db.session)
            db.session.commit()
    return before, after


@click.command("demo")
@click.option("--students", default=300, show_default=True, help="Students of the first school.")
@click.option("--seed", default=42, show_default=True, help="The same number gives the same people.")
@told
def load_demo(students: int, seed: int) -> None:
    """Load two invented schools. Only into an empty database, only where nobody else can reach it."""
    serving.refuse_stale()
    _load_demo(students, seed)
    click.echo(serving.accounts())


def _load_demo(students: int, seed: int, *, unless_there: bool = False) -> None:
    config = current_app.config
    if config.get("TRUSTED_PROXIES") or not set(config.get("TRUSTED_HOSTS") or LOOPBACK) <= set(LOOPBACK):
        raise Refusal(_("The demonstration is for this machine only: its passwords are public. Remove the settings that open it to others."))
    with unscoped("is there a school already?"):
        codes = set(db.session.scalars(select(School.official_code)))
    if codes - {plan.official_code for plan in demo.PLANS}:
        raise Refusal(_("This database holds a real [school]. Load the demonstration elsewhere: SCOLABRI_DATA=instance/demo"))
    if not codes or not unless_there:
        counts = demo.load_demo(db.session, students, seed)
        load_shown(db.session)
        db.session.commit()
        click.echo(
            _("%(schools)d [schools], %(students)d [students], %(guardians)d [guardians].", **{k: counts[k] for k in ("schools", "students", "guardians")})
        )
    (_data() / DEMO_MARK).touch()
    config["DEMO"] = True


@click.command()
@click.option("--name", required=True)
@click.option("--code", required=True, help="UAI in France, organisation code in Québec.")
@click.option("--country", type=click.Choice([country.name for country in Country]), default="FR", show_default=True)
@click.option("--email", default="")
@told
def create_school(name: str, code: str, country: str, email: str) -> None:
    """Create a school with its words. Then create its first account: create-user."""
    serving.refuse_stale()
    quebec = country == "CA"
    with acting(Actor(name=CONSOLE), Scope(school_id=None)), unscoped("the command line makes a school"):
        school = School(country=Country[country], name=name, official_code=code, email=email.strip())
        school.language, school.time_zone = ("fr_CA", "America/Toronto") if quebec else ("fr", "Europe/Paris")
        if db.session.scalar(select(School.id).where(School.official_code == school.official_code)):
            raise Refusal(_("A [school] has this official code already. Check --code."))
        db.session.add(school)
        furnish(db.session, school)
        db.session.commit()
        click.echo(_("%(name)s was created.", name=school.name))


@click.command()
@click.option("--school", "code", required=True, help="Official code of the school.")
@click.option("--role", required=True, type=click.Choice([role.name for role in Role if role not in ASSIGNED]))
@click.option("--email", default="")
@click.option("--username", default="")
@click.option("--given-name", required=True)
@click.option("--family-name", required=True)
@told
def create_user(code: str, role: str, email: str, username: str, given_name: str, family_name: str) -> None:
    """Give somebody a role in a school. A new person gets a one-time link to choose a password; nobody else ever knows it."""
    serving.refuse_stale()
    school_id, school = _school(code)
    with acting(Actor(name=CONSOLE, roles=frozenset({Role.acc.name})), Scope(school_id=school_id)):
        # Not asked of the console: the first administrator is made here, and it is they who complete the page of the school.
        user, fresh = staff.add_person(given_name, family_name, email, username, Role[role], asked=False)
        missing = ", ".join(str(label) for _name, label in db.session.get_one(School, school_id).missing_for("users"))
        secret = accounts.new_token(user, "shown") if fresh else ""
        db.session.commit()
        click.echo(_("%(name)s now has the role “%(role)s” in %(school)s.", name=user.name, role=Role[role].label, school=school))
    if missing:
        click.echo(_("The page of the [school] still lacks: %(missing)s. Nobody can be added in the application before it is filled in.", missing=missing))
    if secret:
        base = current_app.config.get("BASE_URL") or "http://127.0.0.1:8000"
        click.echo(_("To choose a password, once, within 7 days: %(link)s", link=f"{base}/reset/{secret}"))


@click.command()
@click.option("--username", "typed", required=True, help="User name or e-mail.")
@told
def remove_two_factor(typed: str) -> None:
    """Let somebody sign in with the password alone again: the only administrator has lost phone and recovery codes."""
    serving.refuse_stale()
    user = accounts.find_user(typed)
    if user is None:
        raise Refusal(_("Nobody has the user name or e-mail “%(name)s”. Check --username.", name=typed))
    with acting(Actor(name=CONSOLE), Scope(school_id=None)), unscoped("a second step belongs to a person, not to a school"):
        second_step.remove(user)
        for school_id in sorted({membership.school_id for membership in user.memberships}):
            record(db.session, "remove_two_factor", "user", user.id, school_id=school_id)
        db.session.commit()
        click.echo(_("%(name)s signs in with the password alone.", name=user.name))


def _school(code: str) -> tuple[int, str]:
    """The school that the command line names: its number and its name."""
    with unscoped("the command line names the school"):
        wanted = select(School.id, School.name).where(School.official_code == "".join(code.split()).upper())
        found = db.session.execute(wanted).first()
    if found is None:
        raise Refusal(_("No [school] has the official code %(code)s. Check --school.", code=code))
    return found[0], found[1]


@click.command()
@told
def check() -> None:
    """Look at settings, folders, database, rights and texts; exit code 1 when something is wrong."""
    lines = health.check(current_app.config, db.engine)
    for line in lines:
        click.echo(str(line))
    wrong = sum(not line.good for line in lines)
    if wrong:
        raise Told(str(N_("%(num)d thing needs attention.", "%(num)d things need attention.", wrong)))
    click.echo(_("All is well."))


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--upgrade", "first", is_flag=True, help="Upgrade the database first.")
@click.option("--demo", "with_demo", is_flag=True, help="Load the demonstration first, unless it is there.")
@told
def serve(host: str, port: int, first: bool, with_demo: bool) -> None:
    """Serve the application, with its runner, until stopped."""
    if first:
        _upgrade()
    if with_demo and not current_app.config.get("DEMO"):
        serving.refuse_stale()
        _load_demo(students=300, seed=42, unless_there=True)
    serving.serve(_app(), host, port)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@told
def backup(file: Path) -> None:
    """Write database, files and keys into one zip. It opens everything: keep it as you keep keys."""
    made = maintenance.backup(db.engine, _data(), file)
    click.echo(_("Backup written: %(file)s (%(size)d kB). It holds the keys: keep it locked away.", file=made, size=made.stat().st_size // 1024))


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@told
def restore(file: Path, yes: bool) -> None:
    """Put a backup in the place of the present data. Stop the server first."""
    if not yes:
        click.confirm(str(_("The server is stopped, and %(folder)s is to be replaced?", folder=_data())), abort=True)
    kept = maintenance.restore(db.engine, _data(), file)
    click.echo(_("The backup was restored."))
    if kept is not None:
        click.echo(_("What was there before is in %(folder)s.", folder=kept))
    click.echo(_("If the version changed: flask --app app upgrade. Then: flask --app app check"))


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE...")
@click.option("--school", "code", required=True, help="Official code of the school.")
@click.option("--kind", type=click.Choice(["auto", "students", "guardians", "links", *STUDY_FIELDS]), default="auto", show_default=True)
@click.option("--dry-run", is_flag=True, help="Check only.")
@told
def import_people(files: tuple[Path, ...], code: str, kind: str, dry_run: bool) -> None:
    """Import students (with their guardians, or three files at once). A file in error writes nothing."""
    serving.refuse_stale()
    school_id, _name = _school(code)
    if not import_console.import_files(_app(), list(files), school_id, kind, dry_run=dry_run):
        raise SystemExit(1)


jobs_group = AppGroup("jobs", help="Long work: letters, imports, mails.")
labels_group = AppGroup("labels", help="The texts of the application.")


@jobs_group.command("run", with_appcontext=False)
@told
def run_jobs() -> None:
    """Do the waiting work until stopped; the server does it too, so this is for a second process or machine."""
    serving.run_jobs(_app())


@labels_group.command("missing", with_appcontext=False)
@click.option("--school", "code", default="", help="Official code: the languages that this school has added, instead of the application's.")
@told
def missing_labels(code: str) -> None:
    """The texts that a language lacks, ready to paste into its .po file; exit code 1 when there are some."""
    if label_files.tell_missing(db.session, _school(code)[0]) if code else catalogues.main(["--missing"]):
        raise SystemExit(1)
    click.echo(_("Every text is translated."))


@labels_group.command("export", with_appcontext=False)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--language", default="fr", show_default=True)
@click.option("--school", "code", default="", help="Official code; without it, the texts that hold in every school.")
@told
def export_labels(file: Path, language: str, code: str) -> None:
    """Write the texts that were changed into a .po file."""
    school_id = _school(code)[0] if code else None
    with unscoped("the command line names the school"):
        count = label_files.export_texts(db.session, language, school_id, file)
    click.echo(N_("%(num)d text written.", "%(num)d texts written.", count))


@labels_group.command("import", with_appcontext=False)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--language", default="fr", show_default=True)
@told
def import_labels(file: Path, language: str) -> None:
    """Put the texts of a .po file in place of the application's, in every school; wholly or not at all."""
    serving.refuse_stale()
    with acting(Actor(name=CONSOLE), Scope(school_id=None)), unscoped("these texts hold in every school"):
        count = label_files.import_texts(db.session, language, file)
        db.session.commit()
    click.echo(N_("%(num)d text written.", "%(num)d texts written.", count))


def register(app: Flask) -> None:
    """Give the application its commands."""
    for command in (upgrade, load_demo, create_school, create_user, remove_two_factor, check, serve, backup, restore, import_people, jobs_group, labels_group):
        app.cli.add_command(command)
