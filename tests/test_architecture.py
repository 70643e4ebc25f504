"""The rules of placement and the bans, read from the source."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = [p for folder in ("models", "views", "jobs") for p in sorted((ROOT / folder).glob("**/*.py"))]
TEMPLATES = sorted((ROOT / "templates").glob("**/*.html"))

# importer -> what it must not import
BANNED = {"models": {"views", "jobs", "app"}, "views": {"jobs", "app"}, "jobs": {"views", "app"}}
# The few modules of models/ that may know Flask or its family, each with its reason.
MAY_KNOW_FLASK = {"db.py": "the one shim over the session of the request", "words.py": "the lazy texts"}
# jobs/ read texts in the language of a job through the views' catalogue of words.
WORDS_ONLY = {"views.i18n"}


def imports(path):
    """Every module that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path):
    package = path.relative_to(ROOT).parts[0]
    wrong = [m for m in imports(path) if m.split(".")[0] in BANNED[package] and not (package == "jobs" and m in WORDS_ONLY)]
    assert wrong == []


@pytest.mark.parametrize("path", [p for p in SOURCES if p.parent.name == "models"], ids=lambda p: p.name)
def test_models_do_not_know_flask(path):
    if path.name in MAY_KNOW_FLASK:
        return
    assert [m for m in imports(path) if m.split(".")[0].startswith("flask")] == []


@pytest.mark.parametrize("path", [*SOURCES, ROOT / "app.py", *sorted((ROOT / "static").glob("*.js"))], ids=lambda p: str(p.relative_to(ROOT)))
def test_no_source_file_is_longer_than_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


BANS = {
    r"render_template_string": "templates are files",
    r"\bpickle\b": "data is never code",
    r"yaml\.load": "data is never code",
    r"(?<![\w.])eval\(": "data is never code",
    r"shell=True": "no shell",
    r"csrf\.exempt": "every form carries its token",
    r"text\(f\"": "no SQL from strings",
    r"datetime\.now\(\)": "instants are aware, from models.base.utcnow",
    r"time\.sleep": "nobody waits by sleeping",
    r"except Exception:\s*pass": "no fault is swallowed",
}


@pytest.mark.parametrize("pattern", BANS, ids=lambda p: BANS[p] + " " + p)
def test_banned_words_stand_in_no_source(pattern):
    found = [str(p.relative_to(ROOT)) for p in [*SOURCES, ROOT / "app.py"] if re.search(pattern, p.read_text(encoding="utf-8"))]
    assert found == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT)))
def test_templates_hold_no_script_style_or_unescaped_data(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\|\s*safe\b", text)
    assert not re.search(r"\son\w+=[\"']", text)
    assert path.parent.name == "mail" or not re.search(r"\sstyle\s*=", text)  # (readers of mail know no style sheet)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert "autoescape false" not in text


def test_views_write_through_models_only():
    found = {
        str(p.relative_to(ROOT))
        for p in SOURCES
        if p.parent.name == "views" and re.search(r"(?<![.\w])(insert|update|delete)\(", p.read_text(encoding="utf-8"))
    }
    assert found == set()


def test_every_public_class_and_function_has_a_docstring():
    missing = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for child in ast.iter_child_nodes(node):  # functions inside functions are nobody's interface
                if isinstance(node, ast.FunctionDef):
                    continue
                if isinstance(child, ast.ClassDef | ast.FunctionDef) and not child.name.startswith("_") and not ast.get_docstring(child):
                    missing.append(f"{path.relative_to(ROOT)}:{child.lineno} {child.name}")
    assert missing == []
