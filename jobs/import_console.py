"""`flask import`: the check and the write of an import, done here and told on the console."""

from __future__ import annotations

import threading
from pathlib import Path

import click
from flask import Flask
from sqlalchemy import func, select

from jobs import runner
from models.access import Membership, Role
from models.actors import staff_in
from models.base import Refusal
from models.db import db
from models.import_words import remedy_of, sentence_of
from models.imports import FileKind, Import, ImportRow, ImportStatus, RowStatus
from models.journal import new_batch
from models.scope import acting, unscoped
from models.words import N_, _

SHOWN = 20  # lines in error told on the console; the page of the import shows them all


def import_files(app: Flask, paths: list[Path], school_id: int, kind: str, *, dry_run: bool) -> bool:
    """Check the files and, unless `dry_run`, write them; whether nothing was in error. A file with errors writes nothing.

    It is done in the name of the school's site administrator. Refused: a school without administrator, what the
    import itself refuses.
    """
    user_id = _administrator(school_id)
    found = staff_in(db.session, user_id, school_id) if user_id else None
    if found is None:
        raise Refusal(_("This [school] has no active site administrator. Create one: flask --app app create-user"))
    with acting(*found, batch=new_batch()):
        one = Import.receive([(path.name, path.read_bytes()) for path in paths])
        if kind != "auto":
            for file in one.files:
                file.kind, file.choices = FileKind[kind], {"kind": kind}
        db.session.commit()
        one = _finish(app, one.id)
        _tell(one)
        good = one.status is ImportStatus.checked and not one.counts.get("error") and not one.counts.get("unsure")
        wanted = good and not dry_run and bool(one.counts.get("created") or one.counts.get("changed"))
        if wanted:
            one.confirm()
            db.session.commit()
            one = _finish(app, one.id)
            good = one.status is ImportStatus.done
            click.echo(_("Written.") if good else _("Nothing was written: the [school] changed meanwhile. Start again."))
        if one.status is ImportStatus.done:  # whoever sits at the console has the file: no second copy of it is kept
            one.let_files_go()
            db.session.commit()
        if one.status in (ImportStatus.checked, ImportStatus.failed):
            one.abandon()
            db.session.commit()
            click.echo(_("Nothing was written."))
    return good


def _administrator(school_id: int) -> int | None:
    with unscoped("the command line acts for the school's administrator"):
        who = select(Membership.user_id).where(Membership.school_id == school_id, Membership.role == Role.acc, Membership.active)
        return db.session.scalar(who.order_by(Membership.id).limit(1))


def _finish(app: Flask, import_id: int) -> Import:
    """Do waiting work, here, until the import is no longer under way; the server's own runner may do it just as well."""
    me, pause = runner.new_name(), threading.Event()
    while True:
        db.session.rollback()
        one = db.session.get_one(Import, import_id, populate_existing=True)
        if not one.under_way:
            return one
        db.session.rollback()
        if not runner.run_one(app, me):
            pause.wait(0.2)


def _tell(one: Import) -> None:
    if one.status is not ImportStatus.checked:
        click.echo(f"{sentence_of(one.problem)} {remedy_of(one.problem)}" if one.problem else one.status.label)
        return
    counts = dict(db.session.execute(select(ImportRow.status, func.count()).where(ImportRow.import_id == one.id).group_by(ImportRow.status)).all())
    for status in RowStatus:
        click.echo(f"{counts.get(status, 0):>7}  {status.label}")
    held = (RowStatus.error, RowStatus.unsure)
    wrong = select(ImportRow).where(ImportRow.import_id == one.id, ImportRow.generation == one.generation, ImportRow.status.in_(held))
    for row in db.session.scalars(wrong.order_by(ImportRow.line).limit(SHOWN)):
        for note in row.problems or [{"code": question["why"], "params": question} for question in row.questions if question["held"]]:
            click.echo(_("line %(line)d, %(name)s: %(fact)s %(remedy)s", line=row.line, name=row.name, fact=sentence_of(note), remedy=remedy_of(note)))
    left = sum(counts.get(status, 0) for status in held) - SHOWN
    if left > 0:
        click.echo(N_("and %(num)d more line in error", "and %(num)d more lines in error", left))
