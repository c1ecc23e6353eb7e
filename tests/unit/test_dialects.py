"""How text files are written: encoding over the whole file, delimiter, header line."""

from __future__ import annotations

from pathlib import Path

import pytest

from kamkit.intake.dialects import CannotReadError, find_encoding, find_header, read_dialect
from kamkit.model.engagement import FileFormat

WANTED = ["Kunde", "Umsatz"]
LINES = "Kunde;Datum;Umsatz\nMüller;31.12.2025;1,50\nKöln Öfen;30.11.2025;2,50\n"


def dialect_of(tmp_path: Path, content: str | bytes, written: str = "utf-8", **given: object) -> tuple[object, ...]:
    raw = content if isinstance(content, bytes) else content.encode(written)
    (tmp_path / "raw.csv").write_bytes(raw)
    (tmp_path / "scratch").mkdir(exist_ok=True)
    found = read_dialect(tmp_path / "raw.csv", WANTED, FileFormat.model_validate(given), tmp_path / "scratch")
    assert found.path.read_bytes().decode("utf-8-sig") == raw.decode(found.encoding)
    return found.encoding, found.delimiter, found.header_row, found.data_after, found.n_lines


@pytest.mark.parametrize(
    ("encoding", "detected"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("cp1252", "cp1252"),
        ("cp850", "cp850"),
        ("mac_roman", "mac_roman"),
    ],
)
def test_german_letters_survive_every_encoding(tmp_path: Path, encoding: str, detected: str) -> None:
    assert dialect_of(tmp_path, LINES, encoding) == (detected, ";", 1, 1, 3)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("1;Müller;12,50\n", "cp1252"),
        ("1;12,50 €;Größe\n", "cp1252"),
        ("1;Société Générale;Orléans;Côte d’Azur – été\n", "cp1252"),
        ("1;Łódź Spółka;Żółw;Kraków\n", "cp1250"),
        ("1;Магазин Москва\n", "cp1251"),
    ],
)
def test_a_code_page_is_told_by_the_letters_of_words(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "raw.csv").write_bytes(text.encode(encoding))
    assert find_encoding(tmp_path / "raw.csv") == encoding


def test_a_special_character_at_the_end_of_a_large_file_counts(tmp_path: Path) -> None:
    (tmp_path / "raw.csv").write_bytes(
        b"Kunde;Umsatz\n" + b"Maier;1,50\n" * 300_000 + "Schröder;2,50\n".encode("cp1252")
    )
    assert find_encoding(tmp_path / "raw.csv") == "cp1252"


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_the_delimiter_is_the_one_that_shows_the_columns(tmp_path: Path, delimiter: str) -> None:
    text = 'Kunde;Name;Umsatz\n1;"Müller, Maier; Co | KG";1.5\n'.replace(";", delimiter)
    assert dialect_of(tmp_path, text)[1] == delimiter


def test_lines_above_the_header_are_skipped(tmp_path: Path) -> None:
    text = f'sep=;\n\nUmsatzliste; Stand 01.01.2026\n"Muster; GmbH\nWerk 2";;\n{LINES}\n\n'
    assert dialect_of(tmp_path, text) == ("utf-8", ";", 6, 6, 8)


def test_the_first_line_with_most_wanted_names_is_the_header() -> None:
    rows = [["Kunde", ""], ["KUNDE ", " umsatz"], ["Kunde", "Umsatz"], ["1", "2"]]
    assert find_header(rows, WANTED) == 1
    assert find_header([["Liste"], ["a", "b", "c"], ["1", "2", "3"]], WANTED) == 1


def test_what_is_given_is_believed(tmp_path: Path) -> None:
    text = "Kunde,Umsatz\nKunde;Datum;Umsatz\nMüller;x;1,50\n"
    given = {"delimiter": ";", "encoding": "latin-1", "header_row": 2}
    assert dialect_of(tmp_path, text, "cp1252", **given) == ("iso8859-1", ";", 2, 2, 3)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"encoding": "utf-8"}, "is not utf-8 text throughout: set format.encoding or save it as UTF-8"),
        ({"encoding": "dos"}, "format.encoding 'dos' is not known: use utf-8 or cp1252"),
        ({"header_row": 9}, "has no column names in line 9: correct format.header_row"),
        ({"header_row": 3}, "has a header in line 3 but no rows: export it again"),
    ],
)
def test_what_is_given_wrongly_is_told(tmp_path: Path, given: dict[str, object], problem: str) -> None:
    with pytest.raises(CannotReadError) as caught:
        dialect_of(tmp_path, LINES, "cp1252", **given)
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            b"Kunde;Umsatz\n\0\0;1\n",
            "is no text file (it holds zero bytes, first in line 2): export it as CSV or as a workbook",
        ),
        (b"<html><table>", "is a web page or XML under another name: open it in Excel and save it as .xlsx"),
    ],
)
def test_what_is_no_text_table_is_told(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(CannotReadError) as caught:
        dialect_of(tmp_path, content)
    assert str(caught.value) == problem


def test_lines_may_end_as_on_an_old_macintosh(tmp_path: Path) -> None:
    assert dialect_of(tmp_path, LINES.replace("\n", "\r")) == ("utf-8", ";", 1, 1, 3)
