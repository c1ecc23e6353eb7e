"""How a text file is written: its encoding over the whole file, its delimiter, the line of the column names."""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from charset_normalizer import from_bytes

from kamkit.intake.plain_lists import (
    Remark,
    column_starts,
    cut,
    is_quoted_as_a_whole,
    repair_double_encoding,
    rewritten,
    seems_encoded_twice,
    unquoted_line,
)
from kamkit.model.engagement import FileFormat

DELIMITERS = (";", ",", "\t", "|")
CODE_PAGES = ("cp1252", "cp1250", "iso8859_15", "cp850", "mac_roman")
OTHER_PAGES = ("cp1251", "cp1253", "cp1254", "cp1257", "iso8859_2", "iso8859_7", "koi8_r")
HEADER_WITHIN = 50
LONGEST_LINE = 2_000_000
"""Characters of one line, the limit of the reader below: more is no table."""
MOST_COLUMNS = 16_384
"""Columns of one table: what a sheet of Excel holds."""
MIXED = "utf-8 + cp1252"
BLANKS, FIXED = "blanks", "fixed width"
_SAMPLE = 1 << 16
_MARKUP = ("<html", "<!doctype", "<table", "<?xml", "<meta")
_ASCII = bytes(range(128))
_WESTERN = frozenset("äöüÄÖÜßéèêëàáâãçîïíìñóòôõúùûæøåœÉÈÀÁÂÇÎÍÑÓÔÚØÅÆ’´")
_EASTERN = frozenset("ąćęłńśźżĄĆĘŁŃŚŹŻčďěňřšťůýžČĎĚŇŘŠŤŮÝŽőűŐŰ")
_SIGNS = frozenset("€£§°²³µ®©™–—…„“”‚‘’«»·•×±½¼¾¿¡¹ªº\u00a0\u00ad")
_CHUNK = 1 << 20
_UTF8_LETTER = re.compile(rb"\xc3[\x80-\xbf]|\xc2[\xa0-\xbf]")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class Dialect:
    """A text file as UTF-8 at `path`. `header_row` is the line of the column names, counted from 1; data begin in the
    line after `data_after`; `n_lines` counts up to the last line that is not blank. `shown` is the delimiter for people.
    `first_day` begins the year of dates without one, where the file says so (DATEV). `lines` are the header's where it
    has two."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    header_row: int
    data_after: int
    n_lines: int
    shown: str = ""
    first_day: dt.date | None = None
    remarks: tuple[Remark, ...] = ()
    lines: tuple[tuple[str, ...], ...] = ()


class CannotReadError(Exception):
    """What keeps one file from being read, for the list of problems."""


def read_dialect(path: Path, wanted: Sequence[str], given: FileFormat, scratch: Path) -> Dialect:
    """How the text file at `path` is written; anything but UTF-8 is transcoded once into `scratch`.

    `wanted` are the column names that make a line the header. Raises CannotReadError.
    """
    remarks: list[Remark] = []
    encoding = _known(given.encoding) if given.encoding else _marked(path)
    seen = None
    if encoding is None and (seen := _utf8(path)) is None:
        encoding = _code_page(path)
    encoding = encoding or "utf-8"
    plain = path if encoding in ("utf-8", "utf-8-sig") else scratch / f"{path.name}.utf8"
    if plain != path:
        seen = _transcode(path, plain, encoding)
    seen = seen or _scanned(_decoded(path, encoding))
    if encoding == MIXED:
        remarks.append(_mixed_lines(path))
    if seen.encoded_twice:
        plain, remark = repair_double_encoding(plain, scratch / f"{path.name}.once")
        remarks += [remark] if remark else []
    with plain.open(encoding="utf-8-sig", newline="") as opened:
        top = [line for _, line in zip(range(HEADER_WITHIN + (given.header_row or 0)), opened, strict=False)]
    if "".join(top).lstrip().lower().startswith(_MARKUP):
        raise CannotReadError("is a web page or XML under another name: open it in Excel and save it as .xlsx")
    first_day = _datev_year(top[0]) if top else None
    if not given.delimiter and is_quoted_as_a_whole(top, DELIMITERS):
        plain = _rewritten_text(plain, scratch / f"{path.name}.unquoted")
        top = [unquoted_line(line.strip()) + "\n" for line in top]
    delimiter = given.delimiter or max(DELIMITERS, key=lambda sign: _fit(_rows(top, sign), wanted))
    shown = delimiter
    if given.delimiter in (None, " ") and (list_row := _list_header(top, wanted, delimiter, given)):
        plain, shown = _as_tabs(plain, top, list_row, wanted, scratch / f"{path.name}.tabs")
        delimiter = "\t"
        with plain.open(encoding="utf-8") as opened:
            top = [line for _, line in zip(range(HEADER_WITHIN + list_row), opened, strict=False)]
    rows = _rows(top, delimiter)
    if given.header_row is None:
        index, names = find_headings([row.cells for row in rows], wanted)
        first, last = rows[index], rows[index + (names != rows[index].cells)]
    else:
        first = last = next((row for row in rows if row.line == given.header_row), rows[0])
        names = first.cells
        if first.line != given.header_row:
            raise CannotReadError(f"has no column names in line {given.header_row}: correct format.header_row")
    if len(names) > MOST_COLUMNS:
        raise CannotReadError(f"has {len(names):,} columns, more than the {MOST_COLUMNS:,} of a sheet: export fewer")
    if seen.n_lines <= last.last_line:
        raise CannotReadError(f"has a header in line {first.line} but no rows: export it again")
    lines = (first.cells, last.cells) if last is not first else ()
    return Dialect(
        plain,
        encoding,
        delimiter,
        names,
        first.line,
        last.last_line,
        seen.n_lines,
        shown,
        first_day,
        tuple(remarks),
        lines,
    )


def find_headings(rows: Sequence[Sequence[str]], wanted: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """Index and column names of the header; where names stand over two lines and only together are the wanted ones, the
    names of both lines put together. A line with amounts, dates or numbers in it is no second line of a header."""
    index = find_header(rows, wanted)
    best, found = names_in(rows[index], wanted), (index, tuple(rows[index]))
    for i, (upper, lower) in enumerate(pairwise(rows)):
        if len(upper) == len(lower) > 1 and not any(_VALUE.search(cell) for cell in lower):
            both = tuple(_put_together(a, b, wanted) for a, b in zip(upper, lower, strict=True))
            if (fit := names_in(both, wanted)) > best and both != tuple(upper):
                best, found = fit, (i, both)
    return found


_VALUE = re.compile(r"\d[.,:/-]\d|(?<!\d)(?!(?:19|20)\d\d(?!\d))\d{3,}")
"""Amounts, dates and numbers; years may stand in a heading."""


def _put_together(upper: str, lower: str, wanted: Sequence[str]) -> str:
    above, below = upper.strip(), lower.strip()
    known = {same_name(name) for name in wanted}
    spelled = [above.removesuffix("-") + below, f"{above} {below}".strip(), above + below, above]
    return next((name for name in spelled if same_name(name) in known), spelled[1])


def find_header(rows: Sequence[Sequence[str]], wanted: Sequence[str]) -> int:
    """Index of the header: the first row that holds most of the wanted names; without any, the first full row."""
    fits = [names_in(row, wanted) for row in rows]
    if max(fits) > 0:
        return fits.index(max(fits))
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    return filled.index(max(filled))


@lru_cache(maxsize=1 << 14)
def same_name(name: str) -> str:
    """A column name without what people do not see: case and white space."""
    return " ".join(name.replace("\ufeff", "").casefold().split())


def find_encoding(path: Path) -> str:
    """The encoding of a whole file: by its byte-order mark, UTF-8 if every byte allows it, else a Western code page, or
    UTF-8 with single bytes of one."""
    return _marked(path) or ("utf-8" if _utf8(path) else _code_page(path))


def _marked(path: Path) -> str | None:
    """The encoding that the first bytes tell, if they do."""
    with path.open("rb") as opened:
        start = opened.read(4096)
    for mark, name in _BOMS:
        if start.startswith(mark):
            return name
    return _without_mark(start) if b"\0" in start else None


def _without_mark(start: bytes) -> str | None:
    """UTF-16 without a mark shows in Western text as a zero in every second byte."""
    for encoding, first in (("utf-16-le", 1), ("utf-16-be", 0)):
        every_second = start[first::2]
        if 2 * every_second.count(0) > len(every_second) and not start[1 - first :: 2].count(0):
            return encoding
    return None


def _utf8(path: Path) -> _Seen | None:
    try:
        return _scanned(_decoded(path, "utf-8"))
    except _OtherEncodingError:
        return None


def _mixed_lines(path: Path) -> Remark:
    lines = []
    with path.open("rb") as opened:
        for number, line in enumerate(opened, start=1):
            if not line.isascii() and not _decodes(line, "utf-8"):
                lines.append((number, line))
    shown = tuple(f"{n}: {line.decode('utf-8', 'kamkit-cp1252').strip()[:80]}" for n, line in lines[:3])
    return Remark("mixed_encodings", len(lines), shown)


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
            if (b"\xc3" in chunk or b"\xc2" in chunk) and _UTF8_LETTER.search(chunk):
                return MIXED
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


class _OtherEncodingError(CannotReadError):
    """The bytes do not allow the encoding they are read with."""


@dataclass
class _Seen:
    """What a file holds as a whole: lines up to the last one that is not blank, and signs of a double encoding."""

    n_lines: int = 0
    encoded_twice: bool = False


def _transcode(path: Path, target: Path, encoding: str) -> _Seen:
    with target.open("w", encoding="utf-8", newline="") as written:

        def copied() -> Iterator[str]:
            for text in _decoded(path, encoding):
                written.write(text)
                yield text

        return _scanned(copied())


def _decoded(path: Path, encoding: str) -> Iterator[str]:
    name, errors = ("utf-8-sig", "kamkit-cp1252") if encoding == MIXED else (encoding, "strict")
    try:
        with path.open(encoding=name, errors=errors, newline="") as opened:
            while text := opened.read(_CHUNK):
                yield text
    except UnicodeError:
        raise _OtherEncodingError(
            f"is not {encoding} text throughout: set format.encoding or save it as UTF-8"
        ) from None


def _scanned(texts: Iterator[str]) -> _Seen:
    """Read a whole file without keeping it. Raises CannotReadError for zero bytes and for lines that never end."""
    seen = _Seen()
    lines = pending = unbroken = 0
    ending = ""
    for text in texts:
        ending = ending or ("\n" if "\n" in text or "\r" not in text else "\r")
        if "\0" in text:
            line = lines + pending + text.count(ending, 0, text.index("\0")) + 1
            raise CannotReadError(
                f"is no text file (it holds zero bytes, first in line {line}): export it as CSV or as a workbook"
            )
        last = text.rfind(ending)
        unbroken = len(text) - last if last >= 0 else unbroken + len(text)
        if unbroken > LONGEST_LINE:
            raise CannotReadError(
                f"has a line of more than {LONGEST_LINE:,} characters (line {lines + pending + 1}): it is no table"
            )
        seen.encoded_twice = seen.encoded_twice or seems_encoded_twice(text)
        kept = text.rstrip("\r\n \t")
        if kept:
            lines += pending + kept.count(ending)
            pending = 0
        pending += text.count(ending, len(kept))
    seen.n_lines = lines + bool(ending)
    return seen


# ----------------------------------------------------------------------------------------- lists without a delimiter


def _list_header(lines: Sequence[str], wanted: Sequence[str], delimiter: str, given: FileFormat) -> int | None:
    """The line of the column names where they stand between blanks only; None where a delimiter shows as many."""
    known = [f" {same_name(name)} " for name in set(wanted)]
    fits = [sum(name in f" {same_name(line)} " for name in known) for line in lines]
    row = given.header_row - 1 if given.header_row else fits.index(max(fits)) if fits else 0
    if row >= len(lines) or fits[row] < 2 or fits[row] <= _fit(_rows(lines, delimiter), wanted)[0]:
        return None
    return row + 1


def _as_tabs(plain: Path, top: Sequence[str], header: int, wanted: Sequence[str], target: Path) -> tuple[Path, str]:
    """The list with tabs between its cells: cut at blanks where no cell holds one, else where its columns begin."""
    width = len(top[header - 1].split())
    filled = [line for line in top[header:] if re.search(r"\w", line)]
    if filled and all(len(line.split()) == width for line in filled):
        return rewritten(plain, target, lambda n, line: line.split() if n >= header else [line.strip()]), BLANKS
    starts = column_starts(plain, header)
    if names_in(cut(top[header - 1], starts), wanted) < 2:
        raise CannotReadError(
            "is a list with fixed widths whose columns run into each other: export it with a delimiter, or correct the lines "
            "that are longer than the others"
        )
    return rewritten(plain, target, lambda n, line: cut(line, starts) if n >= header else [line.strip()]), FIXED


def _rewritten_text(plain: Path, target: Path) -> Path:
    with plain.open(encoding="utf-8-sig") as lines, target.open("w", encoding="utf-8", newline="") as out:
        out.writelines(unquoted_line(line.strip()) + "\n" for line in lines)
    return target


def _datev_year(line: str) -> dt.date | None:
    """The first day of the year that a DATEV file is about: fields 13 and 15 of its first line (DATEV format, norm)."""
    if not re.match('"?(EXTF|DTVF)"?;', line):
        return None
    fields = next(csv.reader([line], delimiter=";"), [])
    days = [dt.datetime.strptime(f, "%Y%m%d").date() for f in (fields[12:13] + fields[14:15]) if _is_day(f)]
    return min(days, default=None)


def _is_day(text: str) -> bool:
    try:
        return bool(dt.datetime.strptime(text, "%Y%m%d"))
    except ValueError:
        return False


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
    return names_in(header, wanted), alike


def names_in(row: Sequence[str], wanted: Sequence[str]) -> int:
    """How many of the wanted names stand in a row."""
    here = {same_name(cell) for cell in row}
    return sum(same_name(name) in here for name in set(wanted))
