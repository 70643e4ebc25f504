"""The catalogues are complete, fresh and well written; the check that says so finds each kind of mistake."""

import subprocess
import sys

import pytest

from jobs.catalogues import ROOT, check, extract, missing, plain_nouns, stanza, typography, vocabulary

HEADER = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'


def entry(msgid, *texts, plural="", context=""):
    """One .po entry."""
    lines = [f'msgctxt "{context}"'] * bool(context) + [f'msgid "{msgid}"'] + [f'msgid_plural "{plural}"'] * bool(plural)
    lines += [f'msgstr[{i}] "{text}"' for i, text in enumerate(texts)] if plural else [f'msgstr "{texts[0]}"']
    return "\n".join(lines) + "\n\n"


GOOD = [
    entry("Add [a student]", "Ajouter [a student]"),
    entry("Code", "Sigle", context="course"),
    entry("%(num)d code", "%(num)d code", "%(num)d codes", plural="%(num)d codes"),
    entry("Hello %(name)s", "Bonjour %(name)s"),
]


@pytest.fixture
def project(tmp_path):
    """A small project with complete catalogues in three languages; `project(fr=[...])` writes others."""
    (tmp_path / "babel.cfg").write_text((ROOT / "babel.cfg").read_text(encoding="utf-8"), encoding="utf-8")
    for folder in ("models", "views", "jobs", "templates/admin", ".venv/models"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "views" / "x.py").write_text('_("Add [a student]"); _p("course", "Code"); ngettext("%(num)d code", "%(num)d codes", n)\n')
    (tmp_path / "templates" / "admin" / "x.html").write_text("{{ _('Hello %(name)s', name=name) }}\n")
    (tmp_path / ".venv" / "models" / "x.py").write_text('_("Not ours")\n')

    def write(**languages):
        for language, entries in {"fr": GOOD, "en": GOOD, "fr_CA": [], **languages}.items():
            folder = tmp_path / "translations" / language / "LC_MESSAGES"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "x.po").write_text(HEADER + "".join(entries), encoding="utf-8")
            for name in ("nouns", "flask_admin", "wtforms"):
                source = ROOT / "translations" / language / "LC_MESSAGES" / f"{name}.po"
                if source.exists():
                    (folder / f"{name}.po").write_bytes(source.read_bytes())
        return check(tmp_path)

    write.root = tmp_path
    return write


@pytest.fixture(scope="module")
def ours():
    """What is wrong with our own catalogues."""
    return check(ROOT)


def test_our_catalogues_are_complete_fresh_and_well_written(ours):
    assert not ours, "\n".join(ours)


def test_good_catalogues_have_no_problem(project):
    assert project() == []


def test_texts_are_found_in_code_and_templates_but_not_beside_them(project):
    project()
    found = extract(project.root)
    assert {key for key in found if not key[0].startswith("noun")} == {
        ("", "Add [a student]"),
        ("course", "Code"),
        ("", "%(num)d code"),
        ("", "Hello %(name)s"),
    }
    assert found["", "%(num)d code"].plural == "%(num)d codes"
    assert found["", "Hello %(name)s"].where == ["templates/admin/x.html:1"]
    assert ("noun", "session record") in found


BAD = {
    "a missing text": (GOOD[1:], '"Add [a student]", shown by views/x.py:1, is missing'),
    "a text that stands twice": ([*GOOD, GOOD[0]], "stands already in translations/fr/LC_MESSAGES/x.po:4"),
    "a text shown nowhere": ([*GOOD, entry("Old", "Vieux")], '"Old" is shown nowhere'),
    "an obsolete entry": ([*GOOD, '#~ msgid "Old"\n#~ msgstr "Vieux"\n'], '"Old" is obsolete'),
    "an unknown bracket": ([entry("Add [a student]", "Ajouter [un student] [student]"), *GOOD[1:]], "[un student] is no token"),
    "another noun": ([entry("Add [a student]", "Ajouter [a guardian]"), *GOOD[1:]], "names guardian, the msgid names student"),
    "a lost place": ([*GOOD[:3], entry("Hello %(name)s", "Bonjour")], "has the places nothing, the msgid has name"),
    "an invented place": ([*GOOD[:3], entry("Hello %(name)s", "Bonjour %(name)s %(x)s")], "has the places name, x"),
    "a lost number": ([*GOOD[:2], entry("%(num)d code", "un code", "codes", plural="%(num)d codes"), GOOD[3]], "has the places nothing"),
    "a fuzzy entry": (["#, fuzzy\n" + GOOD[0], *GOOD[1:]], "is fuzzy"),
    "an empty entry": ([entry("Add [a student]", ""), *GOOD[1:]], "is not translated"),
    "a plural left out": ([*GOOD[:2], entry("%(num)d code", "%(num)d code"), GOOD[3]], 'needs msgid_plural "%(num)d codes"'),
    "a noun written plainly": ([*GOOD[:3], entry("Hello %(name)s", "Bonjour les élèves de %(name)s")], "says “élèves” plainly"),
    "typography": ([entry("Add [a student]", "Ajouter [a student]!"), *GOOD[1:]], "a ; ! or ? without U+202F before it"),
    "an unreadable file": (["msgid oops\n"], "cannot be read: line 4"),
}


@pytest.mark.parametrize("name", BAD)
def test_the_check_finds(project, name):
    entries, words = BAD[name]
    found = project(fr=entries)
    assert any(words in line for line in found), found
    assert all(line.startswith("translations/fr") for line in found)


def test_a_bracket_in_the_code_must_begin_a_token(project):
    (project.root / "views" / "x.py").write_text('_("Press [Enter]")\n')
    assert any(line == 'views/x.py:1: "Press [Enter]": [Enter] is no token; write a token or [[' for line in project())


def test_a_text_may_stand_in_one_file_only(project):
    project()
    other = project.root / "translations" / "fr" / "LC_MESSAGES" / "y.po"
    other.write_text(HEADER + GOOD[0], encoding="utf-8")
    assert [line for line in check(project.root) if "stands already in" in line and "y.po:4" in line]


def test_english_must_be_complete_and_canadian_french_need_not(project):
    found = project(en=GOOD[1:], fr_CA=[])
    assert found == ['translations/en: "Add [a student]", shown by views/x.py:1, is missing; add it to the .po of its domain']


def test_the_form_for_one_may_be_a_word(project):
    assert project(fr=[*GOOD[:2], entry("%(num)d code", "Un code", "%(num)d codes", plural="%(num)d codes"), GOOD[3]]) == []


@pytest.mark.parametrize(
    "text",
    ["Prêt\u202f?", "Fini\u202f; va\u202f!", "Code\u00a0: 4", "100\u202f%", "«\u202fa\u202f»", "l’an…", "https://x", "à 09:12", "%(a)s", "Ben* ou Zo?"],
)
def test_well_set_french_passes(text):
    assert list(typography(text)) == []


@pytest.mark.parametrize("text", ["Prêt?", "Prêt ?", "Fini; va", "Code : 4", "Code\u202f: 4", "100 %", "« a »", "«a»", "l'an", "a...", '"a"', "Va !"])
def test_badly_set_french_is_told(text):
    assert len(list(typography(text))) == 1


@pytest.mark.parametrize("text", ["Prêt?", "Fini; va!", "Code\u00a0: 4", "100\u202f%", "«\u202fa\u202f»", "«\u202f?\u202f»"])
def test_well_set_canadian_french_passes(text):
    assert list(typography(text, canadian=True)) == []


@pytest.mark.parametrize("text", ["Prêt\u202f?", "Fini ; va", "Va\u00a0!", "Code:", "« a »"])
def test_badly_set_canadian_french_is_told(text):
    assert len(list(typography(text, canadian=True))) == 1


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("fr", "Le groupe et [the student] : un élève, deux niveaux", ["groupe", "élève", "niveaux"]),
        ("fr", "[Students] de %(group)s, demi-groupe, groupement, « élève »", []),
        ("fr_CA", "Les étudiants et l’école", ["étudiants", "école"]),
        ("en", "The school year of a student, --school", ["student"]),
    ],
)
def test_a_noun_of_the_vocabulary_stands_in_a_token(language, text, expected):
    assert plain_nouns(text, vocabulary(ROOT, language)) == expected


def test_missing_texts_are_given_ready_to_paste(project):
    project(fr=[], en=[])
    texts = {text.msgid: text for text in missing("fr", root=project.root) if not text.context.startswith("noun")}
    assert stanza(texts["Add [a student]"], "fr") == '#: views/x.py:1\nmsgid "Add [a student]"\nmsgstr ""\n'
    assert stanza(texts["%(num)d code"], "en").endswith('msgstr[0] "%(num)d code"\nmsgstr[1] "%(num)d codes"\n')
    assert stanza(texts["Code"], "fr") == '#: views/x.py:1\nmsgctxt "course"\nmsgid "Code"\nmsgstr ""\n'
    assert missing("fr_CA", root=project.root) == []


def test_the_command_says_what_check_says(ours):
    run = subprocess.run([sys.executable, "-m", "jobs.catalogues"], capture_output=True, text=True, encoding="utf-8", cwd=ROOT, check=False)
    assert run.stdout.splitlines() == ours
    assert run.returncode == (1 if ours else 0)
