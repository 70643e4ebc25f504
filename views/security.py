"""What every answer carries and every request must pass: headers, CSRF, arguments, hosts, error pages, the log."""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Request, Response, abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy.exc import DataError
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter

from models.base import Refusal, utcnow
from models.db import db, is_too_big
from views.busy import init_busy
from views.cookie import Cookies
from views.i18n import gettext
from views.i18n import lazy_gettext as _
from views.refusals import init_refusals, note
from views.saving import own_path

log = logging.getLogger("scolabri")
csrf = CSRFProtect()

MAX_BODY = 10 * 1024 * 1024
MAX_IMPORT = 64 * 1024 * 1024
_NUMBER = re.compile(r"^\d{1,18}$")
_PAGE = re.compile(r"^\d{1,6}$")
_SHAPES = {"id": _NUMBER, "rowid": _NUMBER, "page": _PAGE, "page_size": _PAGE, "sort": _PAGE, "desc": _PAGE}
_NEVER = ("endpoint", "_external", "_anchor", "_method", "_scheme", "export_type", "cls", "values")  # what upstream passes on to `url_for`
_SECRET_PATHS = re.compile(r"^/(reset|account/confirm|guest|invigilator|parent/register|student/activate)")


class Sized(Request):
    """A request whose body is as long as its address lets it be: whoever reads the form first (the token's check) reads it within that."""

    def __init__(self, environ: dict[str, Any], *given: Any, **more: Any) -> None:
        super().__init__(environ, *given, **more)
        self.max_content_length = MAX_IMPORT if self.path.startswith(("/admin/import_/", "/admin/message/")) else MAX_BODY


class Number(IntegerConverter):
    """A whole number in an address, as far as a row can have it: beyond, there is no such page."""

    def __init__(self, *given: Any, **limits: Any) -> None:
        super().__init__(*given, **{"max": 2**63 - 1, **limits})


class Sentences(logging.Formatter):
    """One JSON line per record: nothing that a header holds can forge a second one; secrets never get here."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line: dict[str, Any] = {
            "at": utcnow().isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "name": record.name,
            "message": record.getMessage(),
        }
        for key in ("method", "path", "status", "user_id", "table"):
            if hasattr(record, key):
                line[key] = getattr(record, key)
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True)


def init_security(app: Flask) -> None:
    """Wire the walls of the application; called once, before the views."""
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,  # pages of secrets send no referrer at all: over https their forms would all be refused; Origin is checked below
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_NAME="scolabri",
    )
    if str(app.config.get("BASE_URL", "")).startswith("https://"):
        app.config.update(SESSION_COOKIE_SECURE=True, SESSION_COOKIE_NAME="__Host-scolabri", PREFERRED_URL_SCHEME="https")
    if app.config.get("TRUSTED_PROXIES"):
        n = int(app.config["TRUSTED_PROXIES"])
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=0)  # type: ignore[method-assign]
    app.session_interface = Cookies()
    app.request_class = Sized
    app.url_map.converters["int"] = Number
    csrf.init_app(app)
    app.jinja_env.globals["csp_nonce"] = nonce
    app.before_request(_check_arguments)
    init_refusals(app)
    app.after_request(_headers)
    for code in (400, 403, 404, 405, 409, 413, 422, 429, 500, 503):
        app.register_error_handler(code, _http_error)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(Refusal, _refusal)
    app.register_error_handler(DataError, _no_such_number)
    init_busy(app, csrf)
    _init_log(app)


def _init_log(app: Flask) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Sentences())
    root = logging.getLogger("scolabri")
    root.handlers[:] = [handler]
    root.propagate = False
    root.setLevel(app.config.get("LOG_LEVEL", "INFO"))
    app.logger.handlers[:] = [handler]
    app.logger.propagate = False


def nonce() -> str:
    """The nonce of this answer's scripts; another for every answer."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(18)
    return str(g.nonce)


def _check_arguments() -> None:
    """What upstream answers with a 500 is a 400 here (security section 0); redirect targets are own paths only."""
    host = request.host  # raises 400 for a host that is not trusted
    if not host:
        abort(400)
    for name in ("url", "next"):
        for value in (*request.args.getlist(name), *(request.form.getlist(name) if request.form else ())):
            if value and own_path(value) is None:
                abort(400)
    if request.method == "POST" and not _same_site():
        abort(400)
    if not request.path.startswith("/admin/"):
        return
    if any(name != "rowid" and len(request.args.getlist(name)) > 1 for name in _SHAPES):
        abort(400)
    if any(not is_read(name, value) for name, value in request.args.items(multi=True)):
        abort(400)
    if any(not _NUMBER.match(value) for name in ("id", "row") for value in request.form.getlist(name)):
        abort(400)
    if any("\x00" in value for value in (*request.args, *request.form, *(v for _name, v in request.form.items(multi=True)))):
        abort(400)


def is_read(name: str, value: str) -> bool:
    """Whether the address of a staff page may hold this argument; any other is a 400 there."""
    if name in ("url", "next") and value:
        return own_path(value) is not None
    return name not in _NEVER and "\x00" not in value and (name not in _SHAPES or bool(_SHAPES[name].match(value)))


def _same_site() -> bool:
    """The second wall behind the CSRF token: a browser that says it comes from elsewhere is refused."""
    site = request.headers.get("Sec-Fetch-Site")
    if site in ("cross-site", "same-site"):
        return False
    origin = request.headers.get("Origin")
    if origin == "null":  # a page without referrer says so of itself: then only the browser's own word counts
        return site == "same-origin"
    return origin is None or _host_of(origin) == request.host


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # no address at all
        return None


def _headers(response: Response) -> Response:
    headers = response.headers
    headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'nonce-{nonce()}'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'; manifest-src 'self'"
    )
    if (response.mimetype or "").startswith("image/") or headers.get("Content-Disposition", "").startswith("attachment"):
        headers["Content-Security-Policy"] += "; sandbox"  # a picture, or a file that is opened all the same, runs nothing (security 59)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "no-referrer" if _SECRET_PATHS.match(request.path) else "same-origin"
    headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=()"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if request.is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if request.path.startswith(("/static/", "/admin/static/")):
        headers.setdefault("Cache-Control", "public, max-age=3600")
    else:
        headers["Cache-Control"] = "no-store"
        headers.add("Vary", "Cookie")
    headers.pop("Server", None)
    path = f"/{request.path.split('/')[1]}/…" if _SECRET_PATHS.match(request.path) else request.path
    if not request.path.startswith(("/static/", "/admin/static/")):
        log.info("request", extra={"method": request.method, "path": path, "status": response.status_code})
    return response


def error_page(code: int, title: str, sentence: str, remedy: str = "") -> tuple[str, int]:
    """The one error page, for strangers and for people signed in."""
    from views.rights_why import why_url

    signed_in = bool(current_user) and bool(current_user.is_authenticated) if g.get("loaded") else False
    why = why_url(request.full_path.rstrip("?")) if code == 403 and signed_in else ""
    body = render_template(
        "errors/error.html", code=code, title=title, sentence=sentence, remedy=remedy, home_url=url_for("auth.home"), signed_in=signed_in, why_url=why
    )
    return body, code


def _http_error(error: HTTPException) -> ResponseReturnValue:
    db.session.rollback()
    code = note(error.code or 500)
    if code == 405:
        answer = _sentences(405)
        response = error_page(405, *answer)
        return response[0], 405, {"Allow": ", ".join(sorted(getattr(error, "valid_methods", None) or ("GET",)))}
    if code == 500:
        log.error("fault", extra={"path": request.path}, exc_info=getattr(error, "original_exception", None))
    headers = {"Retry-After": str(error.retry_after)} if getattr(error, "retry_after", None) else {}  # type: ignore[attr-defined]
    body, status = error_page(code, *_sentences(code))
    return body, status, headers


def _no_such_number(error: DataError) -> ResponseReturnValue:
    """An identifier that no row can have is not found, on both databases."""
    if not is_too_big(error):
        raise error
    return _http_error(NotFound())


def _sentences(code: int) -> tuple[str, str, str]:
    table: dict[int, tuple[Any, Any, Any]] = {  # lazy: only those of the page are looked up, and listed among its texts
        400: (_("This request cannot be read"), _("The address or the form is not complete."), _("Go back and try again from the page.")),
        403: (
            _("Not with your role"),
            _("Your role does not allow this. Nothing was changed."),
            _("Ask the site administrator of your [school] for this right if you need it."),
        ),
        404: (
            _("Page not found"),
            _("This page does not exist, or it is about somebody whom you do not follow."),
            _("Go back, or search by name."),
        ),
        405: (
            _("Not in this way"),
            _("This address is not used in this way. Nothing was changed."),
            _("Go back and use the page's buttons."),
        ),
        409: (
            _("Changed in the meantime"),
            _("Somebody changed this while you were working. Nothing was overwritten."),
            _("Open the page again and compare."),
        ),
        413: (_("Too big"), _("This file is too big. Nothing was received."), _("Files hold up to 10 MB, imports up to 64 MB.")),
        422: (_("Something needs correcting"), _("What was sent cannot be accepted. Nothing was changed."), _("Go back and correct it.")),
        429: (_("Too many tries"), _("There were too many tries in a short time."), _("Wait a few minutes, then try again.")),
        503: (_("Busy for a moment"), _("The application is busy writing. Nothing was lost."), _("Try again in a minute.")),
    }
    if _in_portal():
        table[403] = (_("Not for this account"), _("This page is not for your account. Nothing was changed."), _("Go back to the home page."))
        table[404] = (table[404][0], _("This page does not exist, or you no longer have access to it."), _("Go back to the home page, or call the [school]."))
    title, sentence, remedy = table.get(code) or (
        _("This did not work"),
        _("A fault stopped the page. It is written in the log, and nothing was half-saved."),
        _("Try again; if it comes back, tell the person who looks after Scolabri the time and the page."),
    )
    return str(title), str(sentence), str(remedy)


def _in_portal() -> bool:
    """Whether the reader's home is a portal: families search nobody by name and have no role to ask for."""
    return bool(g.get("loaded")) and bool(current_user.is_authenticated) and current_user.portal is not None


def _csrf_error(_error: CSRFError) -> ResponseReturnValue:
    db.session.rollback()
    return error_page(
        400,
        gettext("The page was open for too long"),
        gettext("This form belongs to another session. Nothing was changed."),
        gettext("Go back with your browser: your text is still there. Open the page again in another tab, then send it."),
    )


def _refusal(refusal: Refusal) -> ResponseReturnValue:
    db.session.rollback()
    return error_page(422, gettext("Not possible"), refusal.sentence)


def to_login() -> ResponseReturnValue:
    """A stranger goes to the login page, which leads back to where they wanted to go."""
    target = own_path(request.full_path.rstrip("?")) if request.method == "GET" else None
    return redirect(url_for("auth.login", next=target if target and target != "/" else None))
