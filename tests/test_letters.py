"""Access letters as they lie on the table: read back from the PDF, the QR scanned from the picture of the page."""

import datetime as dt
import subprocess
import zipfile

import pytest
import zxingcpp
from printed import POPPLER, flat, pictures, product, texts

from jobs import letters, paper, runner
from models import files
from models.activation import ActivationCode
from models.db import db
from models.journal import JournalEvent
from models.labels import LabelOverride
from models.school import Country, School
from models.work import Job, JobState
from tests.small import add_code, add_guardian, add_person, add_school, add_student, as_staff, small_app, writing


@pytest.fixture
def app(tmp_path):
    return small_app(tmp_path)


def ask(app, user_id, school_id, ids, language="fr"):
    """Ask for letters as somebody, run the job, give it back."""
    with app.app_context(), as_staff(user_id, school_id, language=language):
        job = Job.add("print_letters", {"codes": ids}, total=len(ids))
        db.session.commit()
        job_id = job.id
    runner.run_pending(app)
    with writing(app) as session:
        job = session.get(Job, job_id)
        session.expunge(job)
    return job


@pytest.fixture
def valmont(app):
    """A school, a member of its staff, Zoé with her mother and her father, who live apart, and a code for each."""
    with writing(app) as session:
        school = add_school(session)
        user = add_person(session, school)
        zoe = add_student(session, school, address1="3, rue des Écoles", postal_code="00001", town="Bourg")
        mother = add_guardian(session, school)
        father = add_guardian(session, school, title="M.", given_name="Marc", family_name="O’Neil", address1="7 High Street", language="en")
        codes = [add_code(session, zoe, who, code) for who, code in ((mother, "7KQ4M2WXH9DS"), (father, "222222222225"), (None, "333333333337"))]
        return {"school": school.id, "user": user.id, "codes": [c.id for c in codes]}


def test_each_code_has_its_page_and_its_envelope(app, valmont):
    job = ask(app, valmont["user"], valmont["school"], valmont["codes"])
    mother, father, family = map(flat, texts(product(job), "-layout"))
    assert "Mme Hélène Bénard 18 allée du Moulin 00000 VALMONT" in mother
    assert "Votre accès en ligne pour suivre Zoé Bénard Madame," in mother
    assert "7KQ4-M2WX-H9DS" in mother
    assert "tilleuls.exemple/parent/register" in mother
    assert "01 99 00 12 00" in mother
    assert "classe 5e Bleue" in mother
    assert "M. Marc O’Neil 7 High Street" in father
    assert "Your activation code 2222-2222-2225" in father
    assert "Sir," in father
    assert "Aux responsables de l’élève Zoé Bénard 3 rue des Écoles 00001 BOURG" in family
    assert "Madame, Monsieur," in family


def test_a_guardian_without_an_address_is_written_to_at_the_students(app, valmont):
    with writing(app) as session:
        father = session.get(ActivationCode, valmont["codes"][1]).guardian
        father.address1 = father.town = father.postal_code = ""
    job = ask(app, valmont["user"], valmont["school"], valmont["codes"][1:2])
    letter = flat(texts(product(job), "-layout")[0])
    assert "M. Marc O’Neil 3 rue des Écoles 00001 BOURG" in letter
    assert "Your activation code" in letter


def test_an_address_in_quebec_is_written_as_its_post_reads_it(app, valmont):
    with writing(app) as session:
        mother = session.get(ActivationCode, valmont["codes"][0]).guardian
        mother.address1, mother.postal_code, mother.town = "100, quai aux Fleurs", "g1a0a2", "La Rive"
    job = ask(app, valmont["user"], valmont["school"], valmont["codes"][:1])
    letter = " ".join(texts(product(job), "-layout")[0].split())
    assert "Mme Hélène Bénard 100, quai aux Fleurs La Rive (Québec) G1A 0A2" in letter


def test_the_expiry_is_written_in_words(app, valmont):
    with writing(app) as session:
        session.get(ActivationCode, valmont["codes"][0]).expires_at = dt.datetime(2099, 5, 1, 10, tzinfo=dt.UTC)
    job = ask(app, valmont["user"], valmont["school"], valmont["codes"][:1])
    assert "avant le 1er mai 2099." in flat(texts(product(job))[0])


def test_every_qr_opens_the_registration_page_with_its_code(app, valmont, tmp_path):
    job = ask(app, valmont["user"], valmont["school"], valmont["codes"])
    read = [[found.text for found in zxingcpp.read_barcodes(page)] for page in pictures(product(job), tmp_path)]
    base = "https://tilleuls.exemple/parent/register?code="
    assert read == [[base + "7KQ4M2WXH9DS"], [base + "222222222225"], [base + "333333333337"]]


def test_the_address_lies_in_the_window_of_the_envelope(app, valmont):
    job = ask(app, valmont["user"], valmont["school"], valmont["codes"][:1])
    done = subprocess.run([POPPLER["pdftotext"], "-bbox", "-", "-"], input=product(job), capture_output=True, check=True)
    word = next(line for line in done.stdout.decode().splitlines() if ">Hélène<" in line)
    place = {key: float(word.split(f'{key}="')[1].split('"')[0]) / 72 * 25.4 for key in ("xMin", "yMin")}
    assert 100 < place["xMin"] < 130
    assert 45 < place["yMin"] < 80


def test_the_pdf_is_tagged_named_and_keeps_its_codes_to_the_server(app, valmont):
    job = ask(app, valmont["user"], valmont["school"], valmont["codes"])
    path = files.path_of(job.file_key)
    facts = subprocess.run([POPPLER["pdfinfo"], str(path)], capture_output=True, check=True, text=True).stdout
    assert "Tagged:          yes" in facts
    assert "Lettres d’accès" in facts
    assert "A4" in facts
    assert path.stat().st_mode & 0o777 == 0o600
    assert job.file_name.startswith("Lettres d’accès – Collège des Tilleuls – ")
    assert job.file_type == "application/pdf"


def test_a_school_of_quebec_prints_on_its_own_paper_in_its_own_french(app):
    with writing(app) as session:
        school = add_school(session, name="Cégep de la Rive", country=Country.CA, official_code="CA9001", language="fr_CA", phone="")
        user = add_person(session, school)
        ids = [add_code(session, add_student(session, school, classroom="")).id]
        who = user.id, school.id
    pdf = product(ask(app, *who, ids))
    assert "Un autre enfant? Choisissez" in flat(texts(pdf)[0])
    assert "le secrétariat vous aide sur place." in flat(texts(pdf)[0])
    facts = subprocess.run([POPPLER["pdfinfo"], "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    assert "612 x 792" in facts


def test_a_letter_speaks_with_the_words_of_its_school(app, valmont):
    with writing(app) as session:
        session.add(
            LabelOverride(school_id=valmont["school"], language="fr", catalogue="messages", msgctxt="", form=0, msgid="The office", text="La vie scolaire")
        )
    job = ask(app, valmont["user"], valmont["school"], valmont["codes"][:1])
    assert "La vie scolaire" in texts(product(job))[0]


HOSTILE = ['#import "x"', "] #panic() [", "C:\\new \\u{41}", "$x^2$ @ref <lab> *b*", '#read("/etc/passwd")', "<img src=file:///etc/passwd>", "{{7*7}} %(code)s"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_printed_as_it_is_written(app, valmont, name):
    with writing(app) as session:
        ids = [add_code(session, add_student(session, session.get_one(School, valmont["school"]), given_name=name)).id]
    page = flat(texts(product(ask(app, valmont["user"], valmont["school"], ids)))[0])
    assert name.replace(" ", "") in page.replace(" ", "")
    assert "root:" not in page


def test_an_endless_name_stays_on_its_page(app, valmont, tmp_path):
    with writing(app) as session:
        school = session.get_one(School, valmont["school"])
        zoe = add_student(session, school, given_name="W" * 4000, family_name="Mot " * 900)
        ids = [add_code(session, zoe, add_guardian(session, school, given_name="X" * 4000, address1="Y" * 4000)).id]
    pdf = product(ask(app, valmont["user"], valmont["school"], ids))
    assert len(texts(pdf)) == 1
    assert len(zxingcpp.read_barcodes(pictures(pdf, tmp_path)[0])) == 1


def test_a_name_with_a_sign_no_font_draws_still_gets_its_letter(app, valmont):
    with writing(app) as session:
        ids = [add_code(session, add_student(session, session.get_one(School, valmont["school"]), given_name="Zoé 😀")).id]
    job = ask(app, valmont["user"], valmont["school"], ids)
    assert job.state is JobState.done
    assert "Zoé" in texts(product(job))[0]


def test_marks_that_reverse_a_line_are_taken_out():
    assert paper.clean("Zo\u202eé\x00 Bé\nnard\u2066\ufeff") == "Zoé Bé nard"


def test_printing_counts_once_and_leaves_a_line_in_the_history(app, valmont):
    ask(app, valmont["user"], valmont["school"], valmont["codes"])
    ask(app, valmont["user"], valmont["school"], valmont["codes"][:1])
    with writing(app) as session:
        counts = [session.get(ActivationCode, key).printed_count for key in valmont["codes"]]
        lines = session.query(JournalEvent).filter_by(verb="print_letters").order_by(JournalEvent.id).all()
        assert counts == [2, 1, 1]
        assert [(line.rows, line.who, line.school_id) for line in lines] == [(3, "Inès Aubry", valmont["school"]), (1, "Inès Aubry", valmont["school"])]


def test_codes_that_were_used_revoked_or_expired_are_left_out_and_said(app, valmont):
    with writing(app) as session:
        session.get(ActivationCode, valmont["codes"][0]).revoke()
        session.get(ActivationCode, valmont["codes"][1]).expires_at = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    job = ask(app, valmont["user"], valmont["school"], valmont["codes"])
    assert job.note == "2 codes sont laissés de côté\u00a0: utilisés, révoqués ou expirés."
    assert len(texts(product(job))) == 1


def test_no_code_left_to_print_is_said_and_makes_no_file(app, valmont):
    with writing(app) as session:
        for key in valmont["codes"]:
            session.get(ActivationCode, key).revoke()
    job = ask(app, valmont["user"], valmont["school"], valmont["codes"])
    assert job.state is JobState.failed
    assert job.error.startswith("Aucun de ces codes ne peut être imprimé")
    assert job.tries == 1
    assert job.file_key == ""


def test_a_code_of_another_school_is_never_printed(app, valmont):
    with writing(app) as session:
        other = add_school(session, name="Ailleurs", country=Country.CA, official_code="CA9002")
        foreign = add_code(session, add_student(session, other), code="444444444449").id
    job = ask(app, valmont["user"], valmont["school"], [valmont["codes"][0], foreign])
    assert "4444-4444-4449" not in "".join(texts(product(job)))
    with writing(app) as session:
        assert session.get(ActivationCode, foreign).printed_count == 0


def test_letters_come_class_by_class_and_name_by_name(app, valmont):
    with writing(app) as session:
        school = session.get_one(School, valmont["school"])
        people = [("6e A", "Zola", "Émile"), ("5e Bleue", "Azur", "Léa"), ("6e A", "Abel", "Tom")]
        ids = [add_code(session, add_student(session, school, given, family, room)).id for room, family, given in people]
    pages = texts(product(ask(app, valmont["user"], valmont["school"], ids)))
    assert [next(n for n in ("Léa Azur", "Tom Abel", "Émile Zola") if n in flat(page)) for page in pages] == ["Léa Azur", "Tom Abel", "Émile Zola"]


def test_more_letters_than_one_pdf_holds_come_in_an_archive(app, valmont, monkeypatch, tmp_path):
    monkeypatch.setattr(letters, "PART", 2)
    job = ask(app, valmont["user"], valmont["school"], valmont["codes"])
    target = tmp_path / "letters.zip"
    target.write_bytes(product(job))
    with zipfile.ZipFile(target) as archive:
        parts = [texts(archive.read(name)) for name in archive.namelist()]
    assert [len(part) for part in parts] == [2, 1]
    assert job.file_name.endswith(".zip")


# --- the limited child -----------------------------------------------------------------------------------------------------------


def template(folder, monkeypatch, source):
    """A template of the test's own."""
    (folder / "trial.typ").write_text(f'#set document(title: "t")\n{source}', encoding="utf-8")
    monkeypatch.setattr(paper, "TEMPLATES", folder)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('#read("/etc/passwd")', "not found"),
        ('#read("../../../etc/passwd")', "project root"),
        ('#import "@preview/cetz:0.3.1": canvas', "return code"),
        ("#let f(n) = f(n + 1)\n#f(0)", "return code"),
        ("#let s = range(200000000).map(i => str(i) * 100)\n#s.len()", "return code"),
        ('#set text(font: "No Such Font")\nx', "warning"),
    ],
    ids=["absolute file", "file above", "package", "recursion", "memory", "unknown font"],
)
def test_a_template_reads_nothing_fetches_nothing_and_ends(tmp_path, monkeypatch, source, said):
    template(tmp_path, monkeypatch, source)
    with pytest.raises(paper.PaperError, match=said):
        paper.render("trial", {}, timeout=10)


def test_endless_work_is_stopped_and_the_parent_keeps_beating(tmp_path, monkeypatch):
    template(tmp_path, monkeypatch, "#for i in range(100000) { for j in range(100000) { let x = calc.sqrt(i * j) } }")
    monkeypatch.setattr(paper, "BEAT", 0.05)
    beats = []
    with pytest.raises(paper.PaperError):
        paper.render("trial", {}, timeout=1, beat=lambda: beats.append(1))
    assert len(beats) > 3


def test_the_child_sees_no_secret_of_the_server(monkeypatch):
    monkeypatch.setenv("SCOLABRI_SECRET_KEY", "never to be seen")
    assert not any(name.startswith("SCOLABRI") for name in paper.environment())
