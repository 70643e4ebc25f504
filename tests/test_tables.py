"""Files as tables: every encoding and separator that schools send, and every hostile file refused with a sentence."""

import datetime as dt
import io
import subprocess
import sys
import zipfile

import openpyxl
import pytest

from jobs import table_child
from jobs.tables import read_table
from models.import_words import BadFile

LINES = [["nom", "prenom", "né le"], ["Bénard", "Zoé", "14/03/2014"], ["Œuvrard", "D’Arc", "07/06/2013"]]


def text(separator=";", end="\r\n"):
    return "".join(separator.join(row) + end for row in LINES)


@pytest.fixture
def read(tmp_path):
    def send(data, **choices):
        path = tmp_path / "sent"
        path.write_bytes(data)
        return read_table(path, choices)

    return send


def refused(read, data, **choices):
    with pytest.raises(BadFile) as caught:
        read(data, **choices)
    assert str(caught.value.remedy)
    return caught.value


def book(rows, **sheets):
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    for name, (state, extra) in sheets.items():
        sheet = made.create_sheet(name)
        sheet.sheet_state = state
        for row in extra:
            sheet.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("cp1252", "cp1252"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_the_encoding_is_found_by_the_bytes(read, encoding, told):
    table = read(text().encode(encoding))
    assert table.header == LINES[0]
    assert [cells for _, cells in table.rows] == LINES[1:]
    assert table.detected["encoding"] == told


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_the_separator_and_the_line_ends_are_found(read, separator, end):
    table = read(text(separator, end).encode())
    assert table.detected["separator"] == separator
    assert [line for line, _ in table.rows] == [2, 3]


def test_mixed_line_ends_are_one_table(read):
    assert len(read(b"nom;prenom\r\nA;B\nC;D\rE;F\n").rows) == 3


def test_commas_inside_quotes_do_not_make_a_separator(read):
    table = read(b'nom;adresse\n"A, B, C";"3, rue, X"\n"D";"4, rue, Y"\n')
    assert table.detected["separator"] == ";"
    assert table.rows[0][1] == ["A, B, C", "3, rue, X"]


def test_a_cell_may_hold_line_breaks_and_later_lines_keep_their_number(read):
    table = read(b'nom;adresse\n"A";"3 rue\nX"\nB;C\n')
    assert table.rows == [(2, ["A", "3 rue\nX"]), (4, ["B", "C"])]


def test_the_choice_of_the_person_wins_over_the_guess(read):
    table = read(text(",").encode("cp1252"), encoding="mac_roman", separator=";")
    assert table.header == ["nom,prenom,nÈ le"]


def test_an_unknown_choice_is_refused(read):
    assert refused(read, text().encode(), encoding="idna").code == "encoding"
    assert refused(read, "é".encode("cp1252"), encoding="utf-8").code == "encoding"


def test_blank_lines_are_left_out_and_a_title_line_is_no_header(read):
    table = read("Liste des élèves;;\r\n\r\nnom;prenom\r\n;;\r\nA;B\r\n".encode())
    assert (table.header, table.header_line, table.rows) == (["nom", "prenom"], 3, [(5, ["A", "B"])])


def test_a_workbook_gives_its_stored_values_as_typed(read):
    table = read(book([["nom", "né le", "tél", "ine", "x"], ["Bénard", dt.date(2014, 3, 14), 639988129, "0615224908B", 1.5]]))
    assert table.detected["kind"] == "xlsx"
    assert table.rows == [(2, ["Bénard", "2014-03-14", "639988129", "0615224908B", "1.5"])]


def test_a_workbook_sent_as_csv_is_read_as_a_workbook(read):
    assert read(book(LINES)).detected == {"kind": "xlsx", "sheet": "Sheet", "sheets": ["Sheet"]}


def test_a_formula_gives_its_stored_value_and_is_never_computed(read):
    assert read(book([["nom", "prenom"], ["=1+1", "B"]])).rows == [(2, ["", "B"])]


def test_hidden_sheets_are_not_read(read):
    data = book(LINES, Cachée=("hidden", [["secret", "x"]]), Autre=("visible", [["a", "b"], ["1", "2"]]))
    assert read(data).detected["sheets"] == ["Sheet", "Autre"]
    assert read(data, sheet="Autre").rows == [(2, ["1", "2"])]
    assert read(data, sheet="Cachée").header == LINES[0]


def test_a_quotation_mark_never_closed_is_refused_with_its_line(read):
    problem = refused(read, b'nom;prenom\nA;B\nC;"D\nE;F\nG;H\n')
    assert problem.sentence == "The quotation mark opened on line 3 is never closed."


def test_a_quotation_mark_out_of_place_is_refused_with_its_line(read):
    assert refused(read, b'nom;prenom\nA;"B" C\n').sentence == "A quotation mark is out of place on line 2."


def test_a_nul_character_is_refused_with_its_line(read):
    assert refused(read, b"nom;prenom\n" + b"A;B\n" * 3 + b"C;\0D\n").sentence == "Line 5 holds a character that no text holds."


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b" \r\n ", "empty"),
        (b"nom;prenom\n", "no_rows"),
        (b"%PDF-1.7 x", "not_a_table"),
        (b"\x89PNG\r\n\x1a\n", "not_a_table"),
        (b"<?xml version='1.0'?><BEE_ELEVES/>", "xml"),
        (b"<html><table><tr><td>nom</td></tr></table>", "html"),
        (b"PK\x03\x04 broken", "broken_book"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 locked", "broken_book"),
        (b";".join([b"a"] * 201) + b"\n" + b";".join([b"b"] * 201), "too_big"),
        (b"nom;prenom\n" + b"a;b\n" * 50_001, "too_big"),
    ],
    ids=["nothing", "spaces", "heading only", "pdf", "png", "siecle", "html", "broken", "locked", "columns", "rows"],
)
def test_what_is_not_a_readable_table_is_refused(read, data, code):
    assert refused(read, data).code == code


def archive(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members.items():
            made.writestr(name.replace("__", "/"), data)
    return out.getvalue()


def test_an_archive_that_is_no_workbook_is_refused(read):
    assert refused(read, archive(**{"eleves.csv": text()})).code == "archive"


def test_an_empty_archive_is_said_to_be_empty(read):
    assert refused(read, archive()).code == "zip_empty"


def test_an_archive_in_a_workbook_is_refused(read):
    assert refused(read, archive(**{"[Content_Types].xml": "x", "xl__a.xml": "x", "xl__b.zip": "x"})).code == "zip_nested"


def test_a_zip_bomb_is_refused_before_it_is_unpacked(read):
    bomb = archive(**{"[Content_Types].xml": "x", "xl__worksheets__sheet1.xml": b"0" * 30_000_000})
    assert len(bomb) < 100_000
    assert refused(read, bomb).code == "zip_bomb"


def test_a_workbook_of_a_thousand_members_is_refused(read):
    members = {f"xl__{n}.xml": "x" for n in range(1_001)}
    assert refused(read, archive(**{"[Content_Types].xml": "x", **members})).code == "zip_bomb"


def test_a_cell_of_a_megabyte_is_cut(read):
    table = read(b"nom;prenom\n" + b"a" * 1_000_000 + b";b\n")
    assert len(table.rows[0][1][0]) == table_child.MAX_CELL


def test_the_reader_ends_at_its_memory_limit(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import table_child\n"
        "table_child.limit()\n"
        "try:\n    b = bytearray(600 * 1024 * 1024)\nexcept MemoryError:\n    print('stopped')\n"
    )
    done = subprocess.run([sys.executable, "-c", code, table_child.__file__.rpartition("/")[0]], capture_output=True, check=True, text=True)
    assert done.stdout == "stopped\n"


def test_formulas_and_markup_are_ordinary_texts(read):
    cells = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "<img src=x onerror=alert(1)>"]
    assert read("\n".join(f"{c};x" for c in ["nom", *cells]).encode()).rows == [(n, [c, "x"]) for n, c in enumerate(cells, 2)]
