"""What the look promises: tokens, icons, no inline code, templates that compile, text that stays text."""

import re
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from wtforms import Form, StringField
from wtforms.validators import InputRequired

from views.rows import cells, fill, mark

ROOT = Path(__file__).parent.parent
CSS = (ROOT / "static/app.css").read_text(encoding="utf-8")
JS = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "static").glob("*.js")))
TOKENS, _, RULES = CSS.partition("/* 2. Base")
PAGES = sorted(p for p in (ROOT / "templates").rglob("*.html") if p.relative_to(ROOT / "templates").parts[0] not in ("mail", "print"))
NAMES = [str(p.relative_to(ROOT / "templates")) for p in PAGES]

# (text, ground): README of the look, section 3; 4.5 is WCAG's bar for text
PAIRS = [
    ("ink", "surface"), ("ink-2", "surface"), ("ink-2", "bg"), ("ink-2", "accent-soft"), ("accent", "surface"), ("accent", "bg"),
    ("on-accent", "accent"), ("side-ink", "side"), ("side-ink-2", "side"), ("side-ink", "side-on"), ("ok", "ok-bg"), ("warn", "warn-bg"),
    ("bad", "bad-bg"), ("info", "info-bg"), ("mute", "mute-bg"), ("note", "note-bg"), ("bad", "surface"),
]  # fmt: skip


def lists() -> dict[str, dict[str, str]]:
    """The three lists of tokens: light, dark by choice, dark by the system."""
    bodies = re.findall(r"(:root|\[data-theme=\"dark\"\]|:root:not\(\[data-theme\]\)) \{(.*?)\n *\}", TOKENS, re.DOTALL)
    return {selector: dict(re.findall(r"--([\w-]+): ([^;]+);", body)) for selector, body in bodies}


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(c * 2 for c in digits) if len(digits) == 3 else digits
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def environment() -> Environment:
    """The templates with words left in English and addresses made up."""

    def words(text: str, **values: object) -> str:
        return re.sub(r"%\((\w+)\)[sd]", lambda m: str(values[m[1]]), text)

    found = Environment(loader=FileSystemLoader(ROOT / "templates"), autoescape=True)
    found.globals.update(
        _=words,
        ngettext=lambda one, many, num, **values: words(one if num == 1 else many, num=num, **values),
        url_for=lambda endpoint, filename="": f"/{endpoint}/{filename}",
        csrf_token=lambda: "token",
        csp_nonce=lambda: "nonce",
    )
    return found


def test_the_dark_list_stands_twice_and_is_the_same() -> None:
    found = lists()
    assert found['[data-theme="dark"]'] == found[":root:not([data-theme])"]
    assert set(found['[data-theme="dark"]']) <= set(found[":root"])


def test_every_token_that_is_used_is_defined() -> None:
    assert set(re.findall(r"var\(--([\w-]+)", CSS)) <= set(lists()[":root"])


def test_no_rule_outside_the_tokens_names_a_colour() -> None:
    rules = re.sub(r"/\*.*?\*/", "", RULES, flags=re.DOTALL)
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)|\b(?:rgb|hsl)a?\(|:\s*(?:white|black|red|green|blue|gr[ae]y)\b", rules) == []


@pytest.mark.parametrize("theme", [":root", '[data-theme="dark"]'])
def test_text_is_readable_on_its_ground_in_both_themes(theme: str) -> None:
    tokens = {**lists()[":root"], **lists()[theme]}
    for ink, ground in PAIRS:
        light, dark = sorted((luminance(tokens[ink]), luminance(tokens[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)


@pytest.mark.parametrize("name", NAMES)
def test_a_template_compiles_and_holds_no_inline_code(name: str) -> None:
    text = (ROOT / "templates" / name).read_text(encoding="utf-8")
    environment().get_template(name)
    assert not re.search(r"\sstyle\s*=|<style|\son[a-z]+\s*=\s*[\"']|javascript:", text)
    assert all("src=" in tag and "nonce=" in tag for tag in re.findall(r"<script[^>]*>", text))
    assert not re.search(r"\|\s*safe\b|\bMarkup\b|autoescape\s+false", text)


def test_every_icon_that_is_named_is_drawn() -> None:
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', (ROOT / "static/icons.svg").read_text(encoding="utf-8")))
    used = {key for page in PAGES for key in re.findall(r"\b(?:icon|empty)\('([\w-]+)'", page.read_text(encoding="utf-8"))}
    views = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "views").glob("*.py"))
    used |= set(re.findall(r"""\bicon\b["']?\s*[=:]\s*["']([\w-]+)["']""", views))
    assert used <= drawn


def test_the_script_builds_no_markup_and_runs_no_text() -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|\.style\b", JS)


def test_a_hostile_name_stays_text_in_its_row() -> None:
    skeleton = Markup('<tr data-menu="{}"><td aria-label="Select {}"></td><th>{}</th></tr>').format(mark("#pk"), mark("#title"), mark("#name"))
    name = '<img src=x onerror="a()">'
    row = fill(skeleton, [{"#pk": "7", "#title": name, "#name": cells(environment().get_template("macros.html").module.cell)(name)}])
    assert "<img" not in row
    assert row.count("&lt;img src=x onerror=&#34;a()&#34;&gt;") == 2
    assert '<tr data-menu="7">' in row


def test_the_menu_of_a_row_holds_its_actions_once() -> None:
    menu = environment().get_template("admin/model/row_actions.html").module.row_menu("?url=/a&", True, False, True, [("go", "Go <b>")])
    assert 'href="details/?url=/a&amp;id=~pk~"' in menu
    assert 'formaction="action/?rowid=~pk~"' in menu
    assert "Go &lt;b&gt;" in menu
    assert "edit/" not in menu


def test_a_field_says_its_error_to_everybody() -> None:
    class Card(Form):
        name = StringField("Name", [InputRequired("Type a name.")], description="As on the card.")

    form = Card()
    form.validate()
    html = environment().get_template("forms.html").module.field(form["name"])
    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="name-help name-error"' in html
    assert 'id="name-error"' in html
    assert "Type a name." in html
    summary = environment().get_template("forms.html").module.errors(form)
    assert 'href="#name"' in summary
    assert 'role="alert"' in summary


def test_an_empty_cell_is_a_dash_and_markup_in_a_cell_is_text() -> None:
    cell = environment().get_template("macros.html").module.cell
    assert "—" in cell("")
    assert "—" in cell(None)
    assert cell(0) == "0"
    assert cell("<b>") == "&lt;b&gt;"
    assert cell(["a", "<i>"]) == "a, &lt;i&gt;"
