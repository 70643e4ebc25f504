"""A real Chromium before a real server. The site is a copy of the tests' own schools; the server listens on this machine only."""

import os
import shutil
import sqlite3
import threading
from dataclasses import dataclass
from functools import wraps
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import signed_in
from playwright.sync_api import Locator, Page, sync_playwright
from sizes import DESK
from werkzeug.serving import make_server

import app as application
from jobs.demo import PASSWORD

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"

# Without Chromium these tests are not collected; a build server says CI=true and then misses nothing silently.
collect_ignore_glob = [] if Path(CHROMIUM).exists() or os.environ.get("CI") == "true" else ["test_*.py"]


@dataclass
class Site:
    """The served application and its address."""

    app: object
    url: str


def at_once(app):
    """The same application, each answer whole before it is sent: when a browser leaves in the middle of a file, the little server of
    the tests would forget to close it."""

    def whole(environ, start_response):
        answer = app(environ, start_response)
        try:
            return [b"".join(answer)]
        finally:
            answer.close()

    return whole


@pytest.fixture(scope="session")
def site(whole_app, tmp_path_factory):
    """The two demo schools, served; what a browser test writes stays in this copy."""
    folder = tmp_path_factory.mktemp("site")
    with sqlite3.connect(Path(whole_app.config["DATA"]) / "test.sqlite3") as source, sqlite3.connect(folder / "test.sqlite3") as copy:
        source.backup(copy)
    settings = {name: whole_app.config[name] for name in ("SECRET_KEY", "MAIL_URL", "RUNNER", "LOG_LEVEL")}
    app = application.create_app(
        {**settings, "DATA": folder, "DATABASE_URL": f"sqlite:///{folder / 'test.sqlite3'}", "BASE_URL": "", "TRUSTED_HOSTS": ["127.0.0.1", "localhost"]}
    )
    server = make_server("127.0.0.1", 0, at_once(app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Site(app, f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()


def scripts_first(act):
    """The same action between two whole pages: the scripts of the one that holds the element have run, and those of the page that it opened.
    Nobody types or reads within the milliseconds before; the driver does.
    """

    @wraps(act)
    def later(self, *given, **named):
        self.first.wait_for(state="attached", timeout=named.get("timeout"))
        self.page.wait_for_load_state("domcontentloaded")
        done = act(self, *given, **named)
        self.page.wait_for_load_state("domcontentloaded")
        return done

    return later


@pytest.fixture(scope="session")
def patient():
    """Whatever acts on a page waits for its scripts."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("click", "fill", "check", "uncheck", "select_option", "press", "press_sequentially", "set_input_files"):
            patch.setattr(Locator, name, scripts_first(getattr(Locator, name)))
        for name in ("click", "fill", "check", "select_option", "press"):
            patch.setattr(Page, name, lambda page, selector, *given, _name=name, **named: getattr(page.locator(selector).first, _name)(*given, **named))
        yield


@pytest.fixture(scope="session")
def chromium(patient):
    """One browser for the whole run."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Shelf:
    """Browsers that are laid aside after a test and taken up by the next one, empty: a new one costs as much as three pages.

    An empty page stays in each, so that its process and the style sheets it has read stay as well; sessions, cookies and what scripts store
    do not. What a tab keeps goes with the tab.
    """

    def __init__(self, chromium, url: str):
        self.chromium, self.url, self.idle, self.known = chromium, url, {}, {}

    def take(self, **settings):
        """A browser of these settings that knows nobody."""
        key = tuple(sorted(settings.items()))
        if self.idle.get(key):
            return self.idle[key].pop()
        context = self.chromium.new_context(base_url=self.url, reduced_motion="reduce", locale="fr-FR", **settings)
        self.known[context] = key, context.new_cdp_session(context.new_page())
        return context

    def lay_down(self, context):
        """Empty a browser for the next test."""
        key, broom = self.known[context]
        for page in context.pages[1:]:
            page.close()
        context.clear_cookies()
        broom.send("Storage.clearDataForOrigin", {"origin": self.url, "storageTypes": "local_storage,indexeddb,service_workers,cache_storage"})
        self.idle.setdefault(key, []).append(context)


@pytest.fixture(scope="session")
def shelf(site, chromium):
    """The browsers of the run."""
    return Shelf(chromium, site.url)


@pytest.fixture
def open_page(site, shelf):
    """`open_page("ac", size=PHONE, dark=True, script=False)`: a page of an empty browser that holds the session of that account;
    with `form=True` it is at home, signed in through the login form.

    Any error that the browser reports (refused by the content policy, missing file, broken script) fails the test at its end.
    """
    contexts, faults = [], []

    def note(message):
        # The status of the page itself is what a test asks for; everything else that is red is a fault.
        if message.type == "error" and "the server responded with a status of 4" not in message.text:
            faults.append(message.text)

    def open_(who: str = "", *, size: tuple[int, int] = DESK, dark: bool = False, script: bool = True, axe: bool = False, form: bool = False) -> Page:
        context = shelf.take(java_script_enabled=script, bypass_csp=axe)
        contexts.append(context)
        page = context.new_page()
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.set_default_timeout(10_000)
        page.on("console", note)
        page.on("pageerror", lambda error: faults.append(str(error)))
        if who and not form:
            name = site.app.config["SESSION_COOKIE_NAME"]
            context.add_cookies([{"name": name, "value": signed_in(site.app, who).get_cookie(name).value, "url": site.url}])
        elif who:
            page.goto("/login")
            page.fill("[name=username]", who)
            page.fill("[name=password]", PASSWORD)
            page.click("button.btn-primary")
        return page

    yield open_
    for context in contexts:
        shelf.lay_down(context)
    assert faults == []


@pytest.fixture
def axe():
    """`axe(page)`: what axe-core finds serious or critical, as (rule, where) pairs."""

    def run(page: Page) -> list[tuple[str, str]]:
        page.wait_for_load_state("load")
        found = Axe().run(page).response["violations"]
        return [(v["id"], str(node["target"])) for v in found if v["impact"] in ("serious", "critical") for node in v["nodes"]]

    return run
