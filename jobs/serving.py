"""The server and the runner as processes: what they print, how they stop."""

from __future__ import annotations

import gc
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import click
from flask import Flask
from waitress import create_server

from jobs import demo, schema
from jobs.runner import Runner
from models import setup
from models.base import Refusal
from models.config import refuse_open
from models.db import db
from models.words import _

THREADS = 8
CONNECTIONS = 1_000  # browsers keep theirs open: waitress's hundred would make the hundred and first person wait for nothing


def serve(app: Flask, host: str, port: int) -> None:
    """Serve until somebody stops it (Ctrl-C, SIGTERM): requests under way end, then the runner's present step.

    Refused: an address open to others without base URL and host names, the demonstration on such an address, a database that is
    not up to date, a port already taken.
    """
    refuse_open(app.config, host)
    refuse_stale()
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    app.config["BASE_URL"] = app.config.get("BASE_URL") or url
    server = _listen(app, host, port)
    _stop_on_sigterm(lambda: sys.exit(0))
    settle()
    runner = Runner(app).start() if app.config.get("RUNNER", True) else None
    try:
        _welcome(app, url)
        server.run()
    finally:
        server.close()
        if runner is not None:
            runner.stop()


def settle() -> None:
    """What is there by now stays for good: Python need not look through it whenever it looks for what can be forgotten."""
    gc.collect()
    gc.freeze()


def _listen(app: Flask, host: str, port: int) -> Any:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        door = socket.create_server((host.strip("[]"), port), family=family, backlog=1024)
    except OSError as problem:
        raise Refusal(_("The port %(port)d of %(host)s is taken. Choose another one: --port, or make demo PORT=8001."), port=port, host=host) from problem
    return create_server(
        app,
        sockets=[door],
        threads=THREADS,
        connection_limit=CONNECTIONS,
        ident=None,
        # The forwarded headers of strangers never reach the application; those of a declared proxy do.
        clear_untrusted_proxy_headers=not app.config.get("TRUSTED_PROXIES"),
    )


def refuse_stale() -> None:
    """Refuse to work on a database whose structure is not this version's."""
    current = schema.current(db.engine)
    schema.refuse_newer(current)
    if current != schema.head():
        raise Refusal(_("The database is not up to date. Run: flask --app app upgrade"))


def _welcome(app: Flask, url: str) -> None:
    click.echo(f"\nScolabri  {url}")
    if app.config.get("DEMO"):
        click.echo(accounts())
    elif setup.is_empty():
        key = setup.new_setup_key(Path(app.config["DATA"]))
        click.echo(_("No [school] yet. Open %(url)s/setup and type this one-time key: %(key)s", url=url, key=key))
    click.echo(_("To stop: Ctrl-C"))
    db.session.rollback()


def accounts() -> str:
    """The demonstration's accounts, for the console."""
    first, second = (plan.name for plan in demo.PLANS)
    lines = [
        str(_("Demonstration, password of every account: %(password)s", password=demo.PASSWORD)),
        f"  {first} : {', '.join(demo.ACCOUNTS)}",
        f"  {second} : {', '.join(name + demo.PLANS[1].suffix for name in demo.ACCOUNTS)}",
    ]
    return "\n".join(lines)


def run_jobs(app: Flask) -> None:
    """Do the waiting work of this database until stopped: one more runner, here or on another machine."""
    refuse_stale()
    runner = Runner(app).start()
    _stop_on_sigterm(lambda: sys.exit(0))
    click.echo(_("The runner works. To stop: Ctrl-C"))
    try:
        runner.wait()
    except KeyboardInterrupt:
        click.echo("")
    finally:
        runner.stop()


def _stop_on_sigterm(stop: Callable[[], Any]) -> None:
    """waitress would end without its `finally` otherwise."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop()

    signal.signal(signal.SIGTERM, handle)
