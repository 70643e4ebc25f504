"""A contender in a process of its own, asked over a pipe: two applications never share an interpreter, its caches or its memory."""

from __future__ import annotations

import multiprocessing
import statistics
import time
import traceback
from pathlib import Path
from typing import Any

from werkzeug.test import create_environ

SPAWN = multiprocessing.get_context("spawn")


def memory(peak: bool = False) -> int:
    """KiB of memory this process holds, or has held at most since `forget_peak`. Linux; 0 elsewhere."""
    status = Path("/proc/self/status")
    name = "VmHWM" if peak else "VmRSS"
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)


def forget_peak() -> None:
    """Let `memory(peak=True)` begin again."""
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")


class Client:
    """Requests straight into the WSGI application, as a browser that takes compressed answers."""

    def __init__(self, app: Any, cookie: str = "") -> None:
        self.app, self.cookie = app, cookie

    def _environ(self, path: str, body: str | None = None) -> dict[str, Any]:
        form = {} if body is None else {"method": "POST", "data": body, "content_type": "application/x-www-form-urlencoded"}
        environ = create_environ(path, "http://localhost", **form)
        environ["HTTP_COOKIE"], environ["HTTP_ACCEPT_ENCODING"] = self.cookie, "gzip"
        return environ

    def ask(self, path: str, body: str | None = None) -> tuple[float, float, str, bytes, dict[str, str]]:
        """(seconds, seconds to the first byte, status, body, headers)."""
        environ, told, began = self._environ(path, body), {}, time.perf_counter()

        def start(status: str, headers: list[tuple[str, str]], _exc: Any = None) -> Any:
            told.update(status=status, headers=dict(headers))

        answer, first, pieces = self.app(environ, start), 0.0, []
        for piece in answer:
            if piece:
                first = first or time.perf_counter() - began
                pieces.append(piece)
        if hasattr(answer, "close"):
            answer.close()
        return time.perf_counter() - began, first, told["status"], b"".join(pieces), told["headers"]

    def time(self, path: str, times: int) -> list[float]:
        """Milliseconds of each of `times` requests. Raises unless each of them succeeds."""
        found = []
        for _n in range(times):
            seconds, _first, status, _body, _headers = self.ask(path)
            if not status.startswith("200"):
                raise RuntimeError(f"{path}: {status}")
            found.append(seconds * 1000)
        return found

    def stream(self, path: str) -> dict[str, Any]:
        """A long answer whose pieces are thrown away: seconds, seconds to the first byte, bytes, KiB of memory more than before."""
        environ, status, before = self._environ(path), [], memory()
        environ.pop("HTTP_ACCEPT_ENCODING")
        forget_peak()
        began = time.perf_counter()
        answer, first, size, lines = self.app(environ, lambda s, _h, _e=None: status.append(s)), 0.0, 0, 0
        for piece in answer:
            first = first or time.perf_counter() - began
            size += len(piece)
            lines += piece.count(b"\n")
        if hasattr(answer, "close"):
            answer.close()
        seconds = time.perf_counter() - began
        return {"status": status[0], "s": seconds, "first": first, "bytes": size, "lines": lines, "more": max(memory(peak=True) - before, 0)}


class Contender:
    """The other end of the pipe. `start(*arguments)` in the child gives the object whose methods are called."""

    def __init__(self, start: Any, *arguments: Any) -> None:
        self.pipe, theirs = SPAWN.Pipe()
        self.process = SPAWN.Process(target=_serve, args=(theirs, start, arguments), daemon=False)
        self.process.start()
        self._answer()

    def _answer(self) -> Any:
        good, value = self.pipe.recv()
        if not good:
            raise RuntimeError(value)
        return value

    def call(self, name: str, *arguments: Any) -> Any:
        """The answer of a method of the child's object. Raises RuntimeError with the child's trace."""
        self.pipe.send((name, arguments))
        return self._answer()

    def close(self) -> None:
        """End the child."""
        if self.process.is_alive():
            self.pipe.send(None)
        self.process.join(20)

    def __enter__(self) -> Contender:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def _serve(pipe: Any, start: Any, arguments: tuple[Any, ...]) -> None:
    try:
        subject = start(*arguments)
        pipe.send((True, None))
        while (asked := pipe.recv()) is not None:
            name, values = asked
            try:
                pipe.send((True, getattr(subject, name)(*values)))
            except Exception:
                pipe.send((False, traceback.format_exc()))
    except EOFError:
        return
    except Exception:
        pipe.send((False, traceback.format_exc()))


def in_turn(contenders: dict[str, tuple[Contender, str]], rounds: int = 6, times: int = 5) -> dict[str, float]:
    """The median milliseconds of each contender's page, asked in turn so that a noisy machine is noisy for all."""
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for contender, path in contenders.values():
        contender.call("time", path, 2)  # (the first requests read texts and templates)
    for _n in range(rounds):
        for name, (contender, path) in contenders.items():
            found[name] += contender.call("time", path, times)
    return {name: statistics.median(values) for name, values in found.items()}
