"""SQL that only one of the two databases speaks stands in the few modules that are for it, each named here with its reason."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = [*sorted(p for folder in ("models", "views", "jobs") for p in (ROOT / folder).glob("**/*.py")), ROOT / "app.py"]

# Nothing of this kind stands anywhere else. A new line needs a reason that holds on both databases.
ALLOWED = {
    "models/db.py": "the manners of each engine: pragmas, how a transaction begins, how long it waits, which faults pass",
    "models/folding.py": "one function, written for both",
    "models/among.py": "many identifiers as one parameter, compiled for each",
    "models/journal.py": "the triggers that keep the history append-only, written for both",
    "models/labels.py": "an index that is unique over some rows only, said to both",
    "models/people.py": "indexes of those who have an account, said to both",
    "jobs/schema.py": "migrations run in one transaction on both",
    "jobs/maintenance.py": "backup and restore of the file of SQLite; refused on PostgreSQL, which has its own tools",
    "jobs/health.py": "the pragmas and triggers that `flask check` looks at",
    "views/base.py": "a row that will be saved is locked where readers and writers do not exclude each other",
}

# Functions that one of them lacks, or understands in its own way.
FUNCTIONS = re.compile(
    r"array_agg|char_length|concat|concat_ws|date|date_part|date_trunc|datetime|gen_random_uuid|generate_series|glob|greatest|group_concat|hex"
    r"|ifnull|iif|instr|json|json_each|json_extract|json_group_array|json_object|jsonb|jsonb_each|jsonb_extract_path|julianday|last_insert_rowid"
    r"|least|left|now|nvl|position|printf|random|regexp_matches|regexp_replace|right|row_to_json|similarity|split_part|strftime|string_agg|strpos"
    r"|to_char|to_date|to_json|to_timestamp|typeof|unaccent|unixepoch|unnest"
)
METHODS = frozenset({"ilike", "regexp_match", "regexp_replace", "op", "bool_op", "on_conflict_do_nothing", "on_conflict_do_update"})
MODULES = ("sqlalchemy.dialects", "sqlite3", "psycopg")
WORDS = re.compile(
    r"\bPRAGMA\b|\bILIKE\b|\bON CONFLICT\b|\bINSERT OR\b|\bAUTOINCREMENT\b|\bVACUUM\b|\bplpgsql\b|\bBIGSERIAL\b|\bJSONB\b|\bBEGIN (IMMEDIATE|DEFERRED)\b"
    r"|::(text|int|jsonb?|date)\b|\bsqlite_\w+|\bpg_\w+|\bRETURNING \w|\binformation_schema\b|\bGLOB '|\bsetval\("
)


def texts(tree):
    """The strings of a module that are not its explanations."""
    told = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body and isinstance(node.body[0], ast.Expr)
    }
    return [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told]


def own_words(source):
    """What a source says that only one database understands: (line, word)."""
    tree = ast.parse(source)
    found = [(node.lineno, match[0]) for node in texts(tree) if (match := WORDS.search(node.value))]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, a.name) for a in node.names if a.name.startswith(MODULES)]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(MODULES):
            found.append((node.lineno, str(node.module)))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            whose = node.func.value
            if node.func.attr in METHODS and not (isinstance(whose, ast.Name) and whose.id == "re"):
                found.append((node.lineno, node.func.attr))
            elif isinstance(whose, ast.Name) and whose.id == "func" and FUNCTIONS.fullmatch(node.func.attr):
                found.append((node.lineno, f"func.{node.func.attr}"))
            elif node.func.attr == "exec_driver_sql":
                found.append((node.lineno, node.func.attr))
            elif node.func.attr == "distinct" and node.args:
                found.append((node.lineno, "distinct on"))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "compiles" and len(node.args) > 1:
            found.append((node.lineno, "compiles for one"))
        elif isinstance(node, ast.Attribute) and node.attr == "dialect":
            found.append((node.lineno, "dialect"))
        elif isinstance(node, ast.keyword) and node.arg in ("sqlite_where", "postgresql_where", "postgresql_using", "postgresql_ops", "sqlite_on_conflict"):
            found.append((node.value.lineno, str(node.arg)))
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_both_databases_understand_it(path):
    name = path.relative_to(ROOT).as_posix()
    found = own_words(path.read_text(encoding="utf-8"))
    assert name in ALLOWED or found == []


def test_every_module_that_may_speak_to_one_of_them_does():
    assert {name for name in ALLOWED if not own_words((ROOT / name).read_text(encoding="utf-8"))} == set()


@pytest.mark.parametrize(
    "source",
    [
        "import sqlite3",
        "from sqlalchemy.dialects.postgresql import insert",
        "session.execute(text('PRAGMA foreign_keys=OFF'))",
        "select(func.group_concat(Student.given_name))",
        "Student.family_name.ilike('a%')",
        "statement.distinct(Student.id)",
        "connection.exec_driver_sql('SELECT 1')",
        "if db.engine.dialect.name == 'sqlite': pass",
        "Index('x', 'y', postgresql_where=clause)",
        "@compiles(folded, 'postgresql')\ndef f(): ...",
        "statement.on_conflict_do_nothing()",
        "select(cast(x, Text)).where(text('a::text = 1'))",
    ],
)
def test_the_test_sees(source):
    assert own_words(source)


@pytest.mark.parametrize("source", ['"""PRAGMA is a word."""', "re.op('x')", "select(func.count()).distinct()", "func.lower(x)", "today.strftime('%d')"])
def test_the_test_leaves_alone(source):
    assert own_words(source) == []
