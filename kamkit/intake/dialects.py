"""How a text file is written: its encoding over the whole file, its delimiter, the line of the column names."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from charset_normalizer import from_bytes

from kamkit.model.engagement import FileFormat

DELIMITERS = (";", ",", "\t", "|")
CODE_PAGES = ("cp1252", "cp1250", "iso8859_15", "cp850", "mac_roman")
OTHER_PAGES = ("cp1251", "cp1253", "cp1254", "cp1257", "iso8859_2", "iso8859_7", "koi8_r")
HEADER_WITHIN = 50
_SAMPLE = 1 << 16
_MARKUP = ("<html", "<!doctype", "<table", "<?xml", "<meta")
_ASCII = bytes(range(128))
_WESTERN = frozenset("äöüÄÖÜßéèêëàáâãçîïíìñóòôõúùûæøåœÉÈÀÁÂÇÎÍÑÓÔÚØÅÆ’´")
_EASTERN = frozenset("ąćęłńśźżĄĆĘŁŃŚŹŻčďěňřšťůýžČĎĚŇŘŠŤŮÝŽőűŐŰ")
_SIGNS = frozenset("€£§°²³µ®©™–—…„“”‚‘’«»·•×±½¼¾¿¡¹ªº\u00a0\u00ad")
_CHUNK = 1 << 20
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class Dialect:
    """A text file as UTF-8 at `path`. `header_row` is the line of the column names, counted from 1; data begin in the
    line after `data_after`; `n_lines` counts up to the last line that is not blank."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    header_row: int
    data_after: int
    n_lines: int


class CannotReadError(Exception):
    """What keeps one file from being read, for the list of problems."""


def read_dialect(path: Path, wanted: Sequence[str], given: FileFormat, scratch: Path) -> Dialect:
    """How the text file at `path` is written; anything but UTF-8 is transcoded once into `scratch`.

    `wanted` are the column names that make a line the header. Raises CannotReadError.
    """
    encoding = _known(given.encoding) if given.encoding else find_encoding(path)
    plain = path if encoding in ("utf-8", "utf-8-sig") else scratch / f"{path.name}.utf8"
    n_lines = _check(path, encoding) if plain == path else _transcode(path, plain, encoding)
    with plain.open(encoding="utf-8-sig", newline="") as opened:
        top = [line for _, line in zip(range(HEADER_WITHIN + (given.header_row or 0)), opened, strict=False)]
    if "".join(top).lstrip().lower().startswith(_MARKUP):
        raise CannotReadError("is a web page or XML under another name: open it in Excel and save it as .xlsx")
    delimiter = given.delimiter or max(DELIMITERS, key=lambda sign: _fit(_rows(top, sign), wanted))
    rows = _rows(top, delimiter)
    if given.header_row is None:
        header = rows[find_header([row.cells for row in rows], wanted)]
    elif (header := next((row for row in rows if row.line == given.header_row), rows[0])).line != given.header_row:
        raise CannotReadError(f"has no column names in line {given.header_row}: correct format.header_row")
    if n_lines <= header.last_line:
        raise CannotReadError(f"has a header in line {header.line} but no rows: export it again")
    return Dialect(plain, encoding, delimiter, header.cells, header.line, header.last_line, n_lines)


def find_header(rows: Sequence[Sequence[str]], wanted: Sequence[str]) -> int:
    """Index of the header: the first row that holds most of the wanted names; without any, the first full row."""
    fits = [_names_in(row, wanted) for row in rows]
    if max(fits) > 0:
        return fits.index(max(fits))
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    return filled.index(max(filled))


@lru_cache(maxsize=1 << 14)
def same_name(name: str) -> str:
    """A column name without what people do not see: case and white space."""
    return " ".join(name.replace("\ufeff", "").casefold().split())


def find_encoding(path: Path) -> str:
    """The encoding of a whole file: by its byte-order mark, UTF-8 if every byte allows it, else a Western code page."""
    with path.open("rb") as opened:
        start = opened.read(4096)
    for mark, name in _BOMS:
        if start.startswith(mark):
            return name
    if b"\0" in start:
        return _without_mark(start)
    try:
        _check(path, "utf-8")
    except CannotReadError:
        return _code_page(path)
    return "utf-8"


def _without_mark(start: bytes) -> str:
    """UTF-16 without a mark shows in Western text as a zero in every second byte."""
    for encoding, first in (("utf-16-le", 1), ("utf-16-be", 0)):
        every_second = start[first::2]
        if 2 * every_second.count(0) > len(every_second) and not start[1 - first :: 2].count(0):
            return encoding
    raise CannotReadError("is no text file (it holds zero bytes): export it as CSV or as a workbook")


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise CannotReadError(f"format.encoding {encoding!r} is not known: use utf-8 or cp1252") from None


def _code_page(path: Path) -> str:
    """The Western code page in which most special characters stand as words have them, cp1252 among equals; where
    none makes sense, what charset-normalizer thinks of other scripts."""
    sample, used = bytearray(), set[int]()
    with path.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            special = chunk.translate(None, _ASCII)
            used.update(special)
            if special and len(sample) < _SAMPLE:
                sample += b"".join(line for line in chunk.splitlines(keepends=True) if not line.isascii())[:_SAMPLE]
    raw = bytes(sample)
    fits = {page: _sense(raw.decode(page, "replace")) for page in CODE_PAGES if _decodes(bytes(used), page)}
    best = max(fits, key=lambda page: fits[page], default=None)
    if best is not None and fits[best] >= 0.5:
        return best
    other = from_bytes(raw, cp_isolation=list(OTHER_PAGES)).best()
    return other.encoding if other is not None else best or "latin_1"


def _sense(text: str) -> float:
    """The share of special characters that are letters of words (Western ones before Eastern) or signs beside them."""
    good = special = 0.0
    for before, sign, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if sign.isascii():
            continue
        special += 1
        letters = [near for near in (before, after) if near.isalpha()]
        if letters and not (len(letters) == 2 and not before.isascii() and not after.isascii()):
            good += 1 if sign in _WESTERN else 0.75 if sign in _EASTERN else 0
        if sign in _SIGNS and len(letters) < 2:
            good += 1
    return good / special if special else 0.0


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _check(path: Path, encoding: str) -> int:
    """Decode the whole file without keeping it; the number of its lines."""
    return _count_lines(_decoded(path, encoding))


def _transcode(path: Path, target: Path, encoding: str) -> int:
    with target.open("w", encoding="utf-8", newline="") as written:

        def copied() -> Iterator[str]:
            for text in _decoded(path, encoding):
                written.write(text)
                yield text

        return _count_lines(copied())


def _decoded(path: Path, encoding: str) -> Iterator[str]:
    try:
        with path.open(encoding=encoding, newline="") as opened:
            while text := opened.read(_CHUNK):
                yield text
    except UnicodeError:
        raise CannotReadError(f"is not {encoding} text throughout: set format.encoding or save it as UTF-8") from None


def _count_lines(texts: Iterator[str]) -> int:
    """Lines up to the last one that is not blank."""
    lines = pending = 0
    ending = ""
    for text in texts:
        ending = ending or ("\n" if "\n" in text or "\r" not in text else "\r")
        kept = text.rstrip("\r\n \t")
        if kept:
            lines += pending + kept.count(ending)
            pending = 0
        pending += text.count(ending, len(kept))
    return lines + bool(ending)


@dataclass(frozen=True)
class _Row:
    cells: tuple[str, ...]
    line: int
    last_line: int


def _rows(lines: Sequence[str], delimiter: str) -> list[_Row]:
    reader = csv.reader(io.StringIO("".join(lines), newline=""), delimiter=delimiter)
    rows, before = [], 0
    try:
        for cells in reader:
            rows.append(_Row(tuple(cells), before + 1, reader.line_num))
            before = reader.line_num
    except csv.Error:
        pass
    return [row for row in rows if any(cell.strip() for cell in row.cells)] or [_Row(("",), 1, 1)]


def _fit(rows: Sequence[_Row], wanted: Sequence[str]) -> tuple[int, int]:
    """How well a delimiter explains the first lines: wanted names found, rows as wide as the header if it is wide."""
    cells = [row.cells for row in rows]
    header = cells[find_header(cells, wanted)]
    alike = sum(len(row) == len(header) for row in cells) if len(header) > 1 else 0
    return _names_in(header, wanted), alike


def _names_in(row: Sequence[str], wanted: Sequence[str]) -> int:
    here = {same_name(cell) for cell in row}
    return sum(same_name(name) in here for name in set(wanted))
