"""Hostile and damaged files of SIECLE: each refused with its sentence, or read right, in a limited process."""

import stat
import zipfile
from io import BytesIO

import pytest
import siecle_files as siecle

import jobs.siecle  # noqa: F401 (registers its formats)
from jobs.sources import read_sources
from models.import_words import BadFile

PUPILS = siecle.students(siecle.pupil(1, given="Zoé"))


@pytest.fixture
def read(tmp_path):
    def send(data):
        path = tmp_path / "sent"
        path.write_bytes(data)
        return read_sources(path)

    return send


def refused(read, data):
    with pytest.raises(BadFile) as caught:
        read(data)
    return caught.value.code, caught.value.params


def named(read, data):
    """The given name of the first student."""
    table = read(data)[0].table
    return dict(zip(table.header, table.rows[0][1], strict=True))["PRENOM"]


def archive(*members):
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for info, content in members:
            made.writestr(info, content)
    return out.getvalue()


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize("encoding", ["ISO-8859-15", "ISO-8859-1", "UTF-8", "windows-1252", "UTF-16"])
def test_a_name_is_read_in_the_encoding_that_the_file_declares(read, encoding):
    assert named(read, siecle.students(siecle.pupil(1, given="Zoé"), encoding=encoding)) == "Zoé"


def test_oe_and_the_euro_sign_are_those_of_latin_9(read):
    assert named(read, siecle.students(siecle.pupil(1, given="Œdipe"))) == "Œdipe"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_file_saved_again_as_utf_8_under_its_old_declaration_is_read_as_what_it_is(read, mark):
    far = [siecle.pupil(n, given="Lou") for n in range(2, 700)]  # the first accent stands far from the beginning
    data = siecle.students(*far, siecle.pupil(1, given="Zoé"), encoding="utf-8", declared="ISO-8859-15")
    table = read(mark + data)[0].table
    assert [row[5] for _line, row in table.rows][-1] == "Zoé"


def test_accents_damaged_all_over_refuse_the_file(read):
    damaged = [siecle.pupil(n, given="ZoÃ©") for n in range(1, 5)]
    assert refused(read, siecle.students(*damaged, encoding="utf-8")) == ("xml_damaged", {})
    lost = [siecle.pupil(n, given="Zo�") for n in range(1, 5)]
    assert refused(read, siecle.students(*lost, encoding="utf-8")) == ("xml_damaged", {})


def test_an_encoding_that_nobody_knows_is_named(read):
    assert refused(read, PUPILS.replace(b"ISO-8859-15", b"x-macthai")) == ("xml_encoding", {"name": "x-macthai"})
    assert refused(read, PUPILS.replace(b"ISO-8859-15", b"rot13")) == ("xml_encoding", {"name": "rot13"})


def test_what_is_not_well_formed_is_told_with_its_line(read):
    broken = PUPILS.replace(b"</PRENOM>", b"\n\n</PRENON>")
    assert refused(read, broken) == ("xml_broken", {"line": 4})
    assert refused(read, PUPILS[:-40])[0] == "xml_broken"


BOMB = b'<?xml version="1.0"?><!DOCTYPE BEE_ELEVES [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><BEE_ELEVES>&b;</BEE_ELEVES>'


@pytest.mark.parametrize(
    "data",
    [
        BOMB,
        b'<?xml version="1.0"?><!DOCTYPE BEE_ELEVES><BEE_ELEVES/>',
        b'<?xml version="1.0"?><!DOCTYPE BEE_ELEVES SYSTEM "http://127.0.0.1:9/x.dtd"><BEE_ELEVES/>',
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><BEE_ELEVES>&x;</BEE_ELEVES>',
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><BEE_ELEVES/>',
    ],
)
def test_a_document_type_of_any_kind_is_refused(read, data):
    assert refused(read, data) == ("xml_dtd", {})


def test_another_root_says_what_to_export_and_an_empty_export_says_so(read):
    assert refused(read, b"<BEE_COMMUN/>") == ("xml_root", {"root": "BEE_COMMUN"})
    assert refused(read, siecle.students()) == ("xml_empty", {})


def test_too_deep_and_too_many_are_refused(read):
    inner = b"<A>" * 60 + b"</A>" * 60
    assert refused(read, b"<BEE_ELEVES>" + inner + b"</BEE_ELEVES>") == ("xml_deep", {})
    many = b"<ELEVE/>" * 50_001
    assert refused(read, b"<BEE_ELEVES><DONNEES><ELEVES>" + many + b"</ELEVES></DONNEES></BEE_ELEVES>") == ("too_big", {})


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ([("../ElevesSansAdresses.xml", PUPILS)], "zip_path"),
        ([("..\\ElevesSansAdresses.xml", PUPILS)], "zip_path"),
        ([("/etc/ElevesSansAdresses.xml", PUPILS)], "zip_path"),
        ([("C:\\ElevesSansAdresses.xml", PUPILS)], "zip_path"),
        ([(link("ElevesSansAdresses.xml"), b"/etc/passwd")], "zip_link"),
        ([("a.xml", PUPILS), ("b.zip", b"PK")], "zip_in_zip"),
        ([("a.xml", PUPILS), ("b.xml", PUPILS)], "zip_several"),
        ([("a.xml", b"<BEE_ELEVES>" + b" " * 5_000_000 + b"</BEE_ELEVES>")], "zip_heavy"),
        ([("lisez-moi.txt", b"rien")], "archive"),
        ([("a.xml", BOMB)], "xml_dtd"),
    ],
)
def test_an_archive_that_is_not_as_siecle_makes_it_is_refused(read, members, code):
    assert refused(read, archive(*members))[0] == code


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_with_a_name_twice_is_refused(read):
    assert refused(read, archive(("a.xml", PUPILS), ("a.xml", PUPILS)))[0] == "zip_twice"


def test_what_a_mac_adds_to_an_archive_is_passed_over(read):
    assert named(read, archive(("__MACOSX/._a.xml", b"junk"), (".DS_Store", b"junk"), ("export/a.xml", PUPILS))) == "Zoé"


def test_a_damaged_archive_is_refused(read):
    data = bytearray(archive(("a.xml", PUPILS)))
    data[60] ^= 0xFF
    assert refused(read, bytes(data))[0] in {"zip_broken", "xml_broken"}
    assert refused(read, bytes(data[:200]))[0] == "zip_broken"


def test_a_real_export_weighs_twenty_times_its_archive_and_is_taken(read):
    pupils = [siecle.pupil(n, given="Lou", places=(("5A", "D"),)) for n in range(400)]
    data = siecle.students(*pupils)
    packed = archive(("a.xml", data))
    assert len(data) > 20 * len(packed)
    assert len(read(packed)[0].table.rows) == 400
