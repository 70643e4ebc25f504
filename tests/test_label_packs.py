"""A school's own words as one file: previewed line by line, applied in one batch, hostile ones refused."""

import html
import io
import json
import re

import pytest
from conftest import rows
from sqlalchemy import func, select
from test_labels import write_text
from test_page_labels import token

from models.base import Refusal
from models.catalogue import installed
from models.label_packs import CHANGED, LARGEST, NEW, READY_PACKS, REFUSED, SAME, Pack, apply, as_po, own_words, plan, read_pack, ready_pack, written
from models.labels import LabelOverride, Noun, read_stamp
from models.scope import Actor, Scope, acting

OURS = ("fr", "fr_CA", "en")
HEAD = 'msgid ""\nmsgstr ""\n"Language: fr\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'


def po(*entries, head=HEAD):
    """A .po file with these (msgid, msgstr) pairs."""
    return (head + "\n".join(f'msgid "{msgid}"\nmsgstr "{text}"\n' for msgid, text in entries)).encode()


@pytest.fixture
def desk(app, schools):
    """The rows of the first school, as its administrator reaches them."""
    with app.app_context(), acting(Actor(1, "Hélène", frozenset({"acc"})), Scope(schools[0], 1), "a-batch"):
        from models.db import db

        yield db.session
        db.session.rollback()


def states(found):
    """What becomes of each word, with the reason."""
    return [(line.state, line.word.msgid, line.reason) for line in found.lines]


def own(browser, path="/admin/label/export_pack/"):
    """The words of the school as a file."""
    answer = browser.get(path)
    assert answer.status_code == 200
    return answer.data


def send(browser, **fields):
    """Send a pack to be previewed."""
    return browser.post("/admin/label/pack/", data={"csrf_token": token(browser), **fields}, content_type="multipart/form-data")


def apply_form(page):
    """What the preview's button sends."""
    form = page.text.partition('action="/admin/label/apply/"')[2]
    return {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)}


# --- reading and comparing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", READY_PACKS, ids=lambda pack: pack.key)
def test_a_ready_pack_is_wholly_acceptable_and_says_something_new(desk, schools, pack):
    found = plan(desk, schools[0], read_pack(ready_pack(pack.key), OURS))
    assert [line for line in states(found) if line[0] == REFUSED] == []
    assert len(found.of(NEW, CHANGED)) >= 8
    assert {line.word.msgid for line in found.lines} >= {"student", "school", "teacher", "group", "level", "programme"} or pack.key == "cegep"


def test_applied_then_exported_then_previewed_again_everything_is_the_same(desk, schools):
    before = read_stamp(desk)
    found = plan(desk, schools[0], read_pack(ready_pack("centre_examen"), OURS))
    count = apply(desk, schools[0], found)
    assert count == len(found.of(NEW, CHANGED))
    assert read_stamp(desk) != before
    words = own_words(desk, schools[0])
    again = plan(desk, schools[0], read_pack(written(words).encode(), OURS))
    assert {line.state for line in again.lines} == {SAME}
    assert len(again.lines) == len(words) > 15
    in_french = plan(desk, schools[0], read_pack(as_po("fr", [w for w in words if w.language == "fr"]), OURS))
    assert {line.state for line in in_french.lines} == {SAME}
    assert any(line.word.noun is not None for line in in_french.lines)


def test_new_changed_same_and_back_to_the_default_are_told_apart(desk, schools):
    desk.add(LabelOverride(school_id=schools[0], language="fr", msgid="Add [a student]", text="Inscrire [a student]"))
    desk.flush()
    lines = plan(desk, schools[0], read_pack(po(("Add [a student]", "Créer [a student]"), ("Town", "Ville"), ("Save", "Enregistrer")), OURS))
    assert states(lines) == [(CHANGED, "Add [a student]", ""), (NEW, "Town", ""), (SAME, "Save", "")]
    assert lines.lines[0].before == ("Inscrire [a student]",)
    default = installed().get("messages", "fr").text("", "Add [a student]")
    apply(desk, schools[0], plan(desk, schools[0], read_pack(po(("Add [a student]", default)), OURS)))
    desk.flush()
    assert desk.scalar(select(func.count(LabelOverride.id)).where(LabelOverride.school_id == schools[0])) == 0


@pytest.mark.parametrize(
    ("msgid", "text", "reason"),
    [
        ("No such text", "Rien", "pas un texte de l’application"),
        ("%(name)s has records: an account, or a code that was used. Deactivate [the student] instead: the records are kept.", "Non", "doit garder"),
        ("Town", "x" * 10_000, "au plus 2000"),
        ("Town", "50 %n", "«\u202f%n\u202f»"),
        ("Town", "Ville %(x)s", "%(x)s"),
        ("Town", "Ville <img src=x onerror=alert(1)>", "balise"),
        ("Town", "Ville [nobody]", "[nobody]"),
        ("Town", "a\u202eb", "invisible"),
    ],
)
def test_a_hostile_entry_is_refused_by_name_and_the_rest_stands(desk, schools, msgid, text, reason):
    found = plan(desk, schools[0], read_pack(po((msgid, text), ("Class", "Division")), OURS))
    assert [line[:2] for line in states(found)] == [(REFUSED, msgid), (NEW, "Class")]
    assert reason in states(found)[0][2]
    assert apply(desk, schools[0], found) == 1


def test_hostile_nouns_are_refused_by_name(desk, schools):
    nouns = {
        "student": {"singular": "<b>", "plural": "x", "gender": "masculine"},
        "teacher": {"singular": "prof", "plural": "profs", "gender": "neuter"},
        "king": {"singular": "roi", "plural": "rois", "gender": "masculine"},
        "level": {"singular": "a%(x)s", "plural": "b", "gender": "feminine"},
        "school": {"singular": "()", "plural": "b", "gender": "feminine"},
    }
    pack = json.dumps({"format": "scolabri-words", "version": 1, "languages": {"fr": {"nouns": nouns}}}).encode()
    found = plan(desk, schools[0], read_pack(pack, OURS))
    assert {line.state for line in found.lines} == {REFUSED}
    assert all(line.reason for line in found.lines)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x00" * (LARGEST + 1), "trop gros"),
        (b"PK\x03\x04 a zip \xff\xfe", "la ligne 1 n’est pas lisible"),
        (b"Bonjour, voici mes textes", "la ligne 1 n’est pas lisible"),
        (b'msgid "Town"\nmsgstr "Ville"\n', "ne dit pas sa langue"),
        (po(("Town", "Ciudad"), head=HEAD.replace("Language: fr", "Language: es")), "dans une langue que"),
        (po(("Town", "Ville"), head=HEAD.replace("Language: fr", "Language: klingon_XX")), "n’est pas une langue"),
        (b'{"format": "other"}', "ni un lot de textes ni un fichier .po"),
        (b'{"format": "scolabri-words", "version": 99, "languages": {}}', "autre version"),
        (b'{"format": "scolabri-words", "version": 1, "languages": {"fr": {"texts": [{"text": 3, "forms": [1]}]}}}', "abîmé"),
        (b'{"format": "scolabri-words", "version": 1, "languages": {"fr": []}}', "abîmé"),
        (b'{"format": "scolabri-words", "version": 1, "languages": {"fr": {"texts": [{"text": "\\ud800", "forms": ["a"]}]}}}', "ni un lot"),
        (b'{"format": "scolabri-words", "version": 1, "languages": {"\\ud800": {"texts": [{"text": "Town", "forms": ["a"]}]}}}', "ni un lot"),
        (po(("Town", "Ville")).replace(b"\n\n", "\n\n#: \u2068a b\n".encode(), 1), ": la ligne 6 est fautive"),
        ('msgid ""\nmsgstr ""\n"Language: fr\\n"\n\nmsgid "Town"\nmsgstr "Cité"\n'.encode("latin-1"), "Les lettres de la ligne 6"),
        (b'msgid ""\nmsgstr ""\n"Language: fr\\n"\n\nmsgid "a"\nmsgid_plural "b"\nmsgid_plural "c"\nmsgstr[9] "d"\n', "n’est pas lisible comme"),
        (b"[" * 100_000, "la ligne 1 n’est pas lisible"),
        (b'{"a":' * 50_000, "ni un lot de textes ni un fichier .po"),
        (po(("Town", "Ville"), head=HEAD.replace("charset=UTF-8", "charset=rot13")), ""),
    ],
    ids=range(18),
)
def test_a_file_that_is_no_pack_is_refused_whole(app, content, sentence):
    with app.test_request_context():
        if not sentence:  # what the header says of the bytes is not followed
            assert read_pack(content, OURS).words[0].forms == ("Ville",)
            return
        with pytest.raises(Refusal) as refusal:
            read_pack(content, OURS)
        assert sentence in refusal.value.sentence


def test_who_may_not_change_the_vocabulary_leaves_it_out(desk, schools):
    found = plan(desk, schools[0], read_pack(ready_pack("centre_examen"), OURS), nouns=False)
    assert not any(line.word.noun for line in found.of(NEW, CHANGED))
    assert plan(desk, schools[0], Pack("", ())).digest != found.digest


# --- on the screen -------------------------------------------------------------------------------------------------------------


def test_a_ready_pack_is_previewed_applied_seen_and_undone(app, as_, schools):
    acc = as_("acc")
    preview = send(acc, ready="centre_examen")
    assert preview.status_code == 200
    assert "candidat" in preview.text
    assert "Appliquer" in preview.text
    with rows(app) as session:
        assert session.scalar(select(func.count(LabelOverride.id))) == 0
    done = acc.post("/admin/label/apply/", data=apply_form(preview), content_type="multipart/form-data")
    assert done.status_code == 303
    page = as_("ac").get("/admin/student/").text
    assert "<h1>Candidats</h1>" in page
    assert "Numéro de candidat" in page
    assert "<h1>Candidats</h1>" not in as_("ac2").get("/admin/student/").text
    told = acc.get("/admin/label/packs/").text
    undo = html.unescape(re.search(r'href="(/admin/journal_event/undo[^"]+)"', told)[1])
    shown = acc.get(undo).text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', shown.partition("<main")[2]))
    assert acc.post(undo, data={**fields, "csrf_token": token(acc)}).status_code in (302, 303)
    assert "<h1>Élèves</h1>" in as_("ac").get("/admin/student/").text
    with rows(app) as session:
        assert session.scalar(select(func.count(LabelOverride.id))) == 0
        assert session.scalar(select(Noun.singular).filter_by(school_id=schools[0], key="student", language="fr")) == "élève"


def test_what_changed_since_the_preview_is_shown_again_and_nothing_is_written(app, as_):
    acc = as_("acc")
    form = apply_form(send(acc, file=(io.BytesIO(po(("Town", "Ville"))), "mots.po")))
    assert json.loads(form["content"])["languages"]["fr"]["texts"][0]["forms"] == ["Ville"]
    write_text(acc, "Town", "Localité")
    again = acc.post("/admin/label/apply/", data=form, content_type="multipart/form-data")
    assert again.status_code == 409
    assert "Localité" in again.text
    with rows(app) as session:
        assert session.scalars(select(LabelOverride.text)).all() == ["Localité"]
    assert acc.post("/admin/label/apply/", data=apply_form(again), content_type="multipart/form-data").status_code == 303


def test_a_pack_travels_from_one_school_to_another_and_only_there(app, as_):
    acc, other = as_("acc"), as_("acc2")
    write_text(acc, "Ajouter un élève", "Inscrire [a student]")
    pack = own(acc)
    assert b"Inscrire [a student]" not in own(other)
    assert b"Inscrire [a student]" in own(acc, "/admin/label/export_pack/?language=fr")
    form = apply_form(send(other, file=(io.BytesIO(pack), "mots.json")))
    assert other.post("/admin/label/apply/", data=form, content_type="multipart/form-data").status_code == 303
    assert b"Inscrire [a student]" in own(other)


def test_a_refused_file_is_told_on_the_page_of_packs_and_nobody_else_may_send_one(app, as_):
    acc = as_("acc")
    answer = send(acc, file=(io.BytesIO(b"\x00" * 400_000), "gros.po"))
    assert answer.status_code == 422
    assert "trop gros" in answer.text
    assert send(acc).status_code == 422
    assert send(acc, ready="../../etc/passwd").status_code == 422
    reader = as_("ac")
    for page in ("/admin/label/packs/", "/admin/label/export_pack/", "/admin/label/languages/", "/admin/label/languages/file/"):
        assert reader.get(page).status_code == 403
    assert send(reader, ready="cegep").status_code == 403
    assert reader.post("/admin/label/apply/", data={"csrf_token": token(reader), "ready": "cegep"}).status_code == 403
    with rows(app) as session:
        assert session.scalar(select(func.count(LabelOverride.id))) == 0


def test_a_vowel_sound_before_a_consonant_is_refused_and_spelled_letters_are_not(app, schools):
    pack = {"format": "scolabri-words", "version": 1, "languages": {"fr": {"nouns": {}, "texts": []}}}
    for key, word in (("student", "participante"), ("course", "SMS"), ("teacher", "héros"), ("group", "yaourt")):
        pack["languages"]["fr"]["nouns"][key] = {"singular": word, "plural": word, "gender": "feminine", "vowel_sound": True}
    with rows(app) as session:
        found = plan(session, schools[0], read_pack(json.dumps(pack).encode(), OURS))
    assert [line.word.noun.singular for line in found.of("refused")] == ["participante"]
