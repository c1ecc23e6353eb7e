"""One raw file as text cells with the row numbers people count: text through DuckDB, workbooks through calamine.

A text file whose rows do not all fit its header is read again row by row: text with unquoted delimiters is put
together where that is certain, and everything else is told.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
    WorksheetNotFound,
)

from kamkit.errors import shorten
from kamkit.intake.archives import check_workbook
from kamkit.intake.dialects import HEADER_WITHIN, Dialect, find_headings, names_in, read_dialect
from kamkit.intake.dialects import CannotReadError as CannotReadError
from kamkit.intake.number_formats import NATIVE, sql_text
from kamkit.intake.plain_lists import Remark
from kamkit.intake.sources import RawFile, nearest
from kamkit.model.codes import Severity
from kamkit.model.engagement import FileFormat

_BATCH = 20_000
SPACES_SQL = "' ' || chr(9) || chr(10) || chr(13) || chr(31) || chr(160) || chr(8201) || chr(8239)"
_STRONG_TOTAL = (
    r"(zwischen|end|gesamt)?summen?\b|gesamtergebnis\b|(grand |sub)?total\s*[:.]?\s*$|gesamt\s*[:.]?\s*$|\*+\s*$"
)
_WEAK_TOTAL = r"(gesamt|total|sub-?total)\b"
_FOOTER = (
    r"(?i)^\s*([0-9.]+ (datens[aä]tze?|zeilen?|eintr[aä]ge?|records?|rows?|entries)\b|"
    r"(anzahl|stand|quelle|hinweis|anmerkung|erstellt|exportiert|filter|source|note|as of|created|exported)\b)"
)
csv.field_size_limit(1 << 22)


def rows_of(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    """All rows of a query, fetched at once: DuckDB keeps a connection busy until its last row is taken."""
    return con.execute(query).fetchall()


@dataclass(frozen=True)
class RawTable:
    """A raw file with its header found. `cells` is SQL that yields c0, c1, … as text (and source_row, where DuckDB
    does not count it); `offset` is added to DuckDB's count. `lines` are the header's where it has more than one, `above`
    those above it. `native`: typed cells are marked with NATIVE."""

    file: RawFile
    header: tuple[str, ...]
    header_row: int
    cells: str
    offset: int | None
    native: bool = False
    sheet: str | None = None
    dialect: Dialect | None = None
    remarks: tuple[Remark, ...] = ()
    lines: tuple[tuple[str, ...], ...] = ()
    above: tuple[str, ...] = ()


@dataclass(frozen=True)
class Copied:
    """The wanted cells of a raw table: `relation` is SQL with w0, w1, …, source_row, row_mark (data | excluded |
    total_line | repeated_header; blank rows and notes are left out). `repaired` and `padded` are rows that did not fit the
    header, `notes` those that hold nothing but a note."""

    table: RawTable
    relation: str
    rows: int
    repaired: tuple[tuple[int, str], ...] = ()
    padded: tuple[int, ...] = ()
    notes: Remark | None = None


def open_raw_table(
    con: duckdb.DuckDBPyConnection,
    file: RawFile,
    wanted: Sequence[str],
    given: FileFormat,
    sheet: str | None,
    scratch: Path,
) -> RawTable:
    """Find out how a file is written and where its header is. Raises CannotReadError."""
    match file.kind:
        case "text":
            return _open_text(file, wanted, given, scratch)
        case "workbook":
            return _open_workbook(file, wanted, given, sheet, scratch)
        case _:
            return open_parquet(con, file)


def copy_wanted(
    con: duckdb.DuckDBPyConnection,
    table: RawTable,
    wanted: Sequence[int],
    key: int | None,
    date: int | None,
    excluded: Sequence[tuple[int, Sequence[str]]],
    name: str,
    scratch: Path,
) -> Copied:
    """Load the wanted columns of a raw table into the DuckDB table `name`, in the order of the file, every row marked.

    `key` and `date` are the positions in the header that tell total lines: a row without key, or with a total's name
    for a key, in which some cell says total. `excluded`: positions with the values that exclude a row. Raises CannotReadError where rows would lose a wanted column.
    """
    marks = _mark_sql(table.header, key, date, [i for i in wanted if i != key], table.lines or (table.header,))
    cells = ", ".join(f"c{i} AS w{j}" for j, i in enumerate(wanted))
    repaired: tuple[tuple[int, str], ...] = ()
    padded: tuple[int, ...] = ()
    rows = None
    if table.offset is not None:
        rows = _try_load(con, table, f"SELECT {cells}, {marks} AS row_mark FROM {table.cells}", name)
    if rows is None:
        if table.dialect is not None:
            table, repaired, padded = _read_row_by_row(table, table.dialect, wanted, scratch / f"{name}.cells")
        rows_of(
            con,
            f"CREATE OR REPLACE TABLE {name} AS SELECT {cells}, source_row, {marks} AS row_mark FROM {table.cells}",
        )
    number = "source_row" if table.offset is None else f"rowid + {table.offset} AS source_row"
    names = "".join(f"w{j}, " for j in range(len(wanted)))
    tests = " OR ".join(among_sql(f"w{wanted.index(i)}", values) for i, values in excluded)
    mark = f"CASE WHEN row_mark = 'data' AND ({tests}) THEN 'excluded' ELSE row_mark END" if tests else "row_mark"
    relation = f"(SELECT {names}{number}, {mark} AS row_mark FROM {name} WHERE row_mark NOT IN ('blank', 'note'))"
    left_out = "count(*) FILTER (row_mark = 'note')"
    ((count, n_notes),) = rows_of(
        con, f"SELECT count(*) FILTER (row_mark NOT IN ('blank', 'note')), {left_out} FROM {name}"
    )
    notes = _notes(con, name, number, len(wanted), n_notes) if n_notes else None
    return Copied(table, relation, count, repaired, padded, notes)


def filled_down(con: duckdb.DuckDBPyConnection, copied: Copied, positions: Sequence[int]) -> tuple[Copied, int]:
    """The rows with the cells w of `positions` taken from the row above where they are empty, as lists in blocks and
    merged cells leave them; and how many rows that filled. Totals neither give nor take."""
    given = {i: f"CASE WHEN row_mark = 'data' THEN nullif(trim(w{i}, {SPACES_SQL}), '') END" for i in positions}
    above = {
        i: f"CASE WHEN row_mark = 'data' THEN last_value({cell} IGNORE NULLS) OVER (ORDER BY source_row) ELSE w{i} END"
        for i, cell in given.items()
    }
    filled = f"(SELECT * REPLACE ({', '.join(f'{cell} AS w{i}' for i, cell in above.items())}) FROM {copied.relation})"
    empty = " OR ".join(f"({cell}) IS NULL" for cell in given.values())
    ((n,),) = rows_of(con, f"SELECT count(*) FROM {copied.relation} WHERE row_mark = 'data' AND ({empty})")
    return replace(copied, relation=filled), int(n)


def _try_load(con: duckdb.DuckDBPyConnection, table: RawTable, query: str, name: str) -> int | None:
    """Rows loaded by DuckDB alone; None when the file's rows do not fit or do not stand one to a line."""
    try:
        ((rows,),) = rows_of(con, f"CREATE OR REPLACE TABLE {name} AS {query}")
    except duckdb.Error as error:
        if table.dialect is None:
            raise CannotReadError("is damaged or not what its name says: export it again") from None
        if not isinstance(error, duckdb.InvalidInputException):
            raise
        return None
    if table.dialect is not None and rows != table.dialect.n_lines - table.dialect.data_after:
        return None
    return int(rows)


def among_sql(cell: str, values: Sequence[str]) -> str:
    """SQL that tests whether a cell is one of some values but for case and white space around it.

    A list function, not IN: DuckDB makes a long IN a join, and a join does not keep the order of the rows.
    """
    listed = ", ".join(sql_text(value.strip().lower()) for value in values)
    return f"coalesce(list_contains([{listed}], lower(trim({cell}, {SPACES_SQL}))), false)"


def _notes(con: duckdb.DuckDBPyConnection, name: str, number: str, width: int, rows: int) -> Remark:
    text = f"trim(concat_ws(' ', {', '.join(f'w{j}' for j in range(width))}), {SPACES_SQL})"
    found = rows_of(con, f"SELECT {number}, {text} FROM {name} WHERE row_mark = 'note' ORDER BY 1 LIMIT 3")
    return Remark("notes_left_out", rows, tuple(f"{row}: {text[:80]}" for row, text in found), Severity.INFO)


def _mark_sql(
    header: Sequence[str], key: int | None, date: int | None, others: Sequence[int], lines: Sequence[Sequence[str]]
) -> str:
    """SQL for row_mark. Whatever costs is asked only of rows without key or date: in a good file there are few."""
    every = ", ".join(f"c{i}" for i in range(len(header)))
    text = f"concat_ws(chr(30), {every})"
    blank = f"NOT regexp_matches({text}, '[^-\\s\\x1e\\x1f\\xa0=_+|]')"
    if key is None:
        return f"CASE WHEN {blank} THEN 'blank' ELSE 'data' END"
    any_total = _STRONG_TOTAL.replace("$", r"(\x1e|$)")
    some = f"regexp_matches({text}, '(?i)summe|gesamt|total|[*]')"
    strong = f"{some} AND regexp_matches({text}, '(?i)(^|\\x1e)\\s*({any_total})')"
    weak = f"{some} AND regexp_matches({text}, '(?i)(^|\\x1e)\\s*({_WEAK_TOTAL})')"
    starred = f"(contains({text}, '*') AND regexp_matches({text}, '[0-9]\\s*[*]{{1,6}}\\s*(\\x1e|$)'))"
    alone = f"regexp_full_match({text}, '[\\x1e\\s]*[^\\x1e]*[\\x1e\\s]*')"
    note = f"({alone} AND regexp_matches({text}, '\\pL{{4}}'))"
    cell = f"c{key}"
    no_key = f"coalesce(trim({cell}), '') = ''"
    dated = date is not None and date != key
    undated = f"coalesce(trim(c{date}), '') = ''" if dated else no_key
    named = f"regexp_matches({cell}, '(?i)^\\s*({_STRONG_TOTAL})')"
    named_weakly = f"regexp_matches({cell}, '(?i)^\\s*({_WEAK_TOTAL})')"
    repeated = [_repeated(line, [key, *others[:2]]) for line in lines]
    below = " OR ".join(again for line, again in zip(lines, repeated, strict=True) if not line[key].strip()) or "false"
    footer = "true" if dated else f"regexp_matches(ltrim({text}, chr(30) || ' '), {sql_text(_FOOTER)})"
    cases = [
        f"WHEN {no_key} THEN CASE WHEN {blank} THEN 'blank' WHEN {below} THEN 'repeated_header' "
        f"WHEN ({strong}) OR ({undated} AND {weak}) THEN 'total_line' WHEN {note} AND {footer} THEN 'note' ELSE 'data' END"
    ]
    if not header[0].strip() and key != 0:
        cases.append("WHEN starts_with(ltrim(c0), '*') AND regexp_full_match(trim(c0), '[*]+') THEN 'total_line'")
    if dated:
        cases.append(
            f"WHEN {undated} THEN CASE WHEN {named} OR {named_weakly} OR {starred} THEN 'total_line' "
            f"WHEN {note} THEN 'note' WHEN {blank} THEN 'blank' ELSE 'data' END"
        )
    else:
        cases.append(f"WHEN regexp_matches({cell}, {sql_text(_FOOTER)}) AND {note} THEN 'note'")
    cases += [
        f"WHEN ascii({cell}) BETWEEN 48 AND 57 THEN 'data' WHEN {named} THEN 'total_line'",
        f"WHEN {' OR '.join(repeated)} THEN 'repeated_header'",
        f"WHEN starts_with(ltrim({cell}), '-') AND {blank} THEN 'blank'",
    ]
    return f"CASE {' '.join(cases)} ELSE 'data' END"


def _repeated(line: Sequence[str], positions: Sequence[int]) -> str:
    tests = [f"coalesce(lower(trim(c{i})), '') = {sql_text(line[i].strip().lower())}" for i in positions]
    return f"({' AND '.join(tests)})"


# ----------------------------------------------------------------------------------------------------------- text


def _open_text(file: RawFile, wanted: Sequence[str], given: FileFormat, scratch: Path) -> RawTable:
    folder = scratch / "text" / str(len(list((scratch / "text").glob("*"))))
    folder.mkdir(parents=True)
    dialect = read_dialect(file.path, wanted, given, folder)
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(dialect.header)))
    cells = (
        f"read_csv({sql_text(str(dialect.path))}, auto_detect = false, header = false, skip = {dialect.data_after}, "
        f"delim = {sql_text(dialect.delimiter)}, quote = '\"', escape = '\"', columns = {{{columns}}})"
    )
    return RawTable(
        file,
        dialect.header,
        dialect.header_row,
        cells,
        dialect.data_after + 1,
        dialect=dialect,
        remarks=dialect.remarks,
        lines=dialect.lines,
        above=_first_lines(dialect.path, dialect.header_row - 1),
    )


def _first_lines(path: Path, n: int) -> tuple[str, ...]:
    with path.open(encoding="utf-8-sig") as lines:
        return tuple(line.strip() for line in islice(lines, n))


@dataclass
class _Misfits:
    """Rows that do not fit the header, by what became of them."""

    repaired: list[tuple[int, str]] = field(default_factory=list)
    padded: list[int] = field(default_factory=list)
    long: list[int] = field(default_factory=list)
    short: list[int] = field(default_factory=list)


def _read_row_by_row(
    table: RawTable, dialect: Dialect, wanted: Sequence[int], target: Path
) -> tuple[RawTable, tuple[tuple[int, str], ...], tuple[int, ...]]:
    misfits = _Misfits()
    _write_cells(_fitting_rows(dialect, wanted, misfits), len(dialect.header), target)
    problems = []
    width = len(dialect.header)
    if misfits.long:
        problems.append(
            f"{_rows(misfits.long)} more cells than the {width} columns of the header: put text that contains "
            f"{dialect.delimiter!r} in quotes, or set format.delimiter"
        )
    if misfits.short:
        problems.append(
            f"{_rows(misfits.short)} fewer cells than the {width} columns of the header and would lose a needed "
            "column: correct them or set format.delimiter"
        )
    if problems:
        raise CannotReadError("\n".join(problems))
    cells = f"read_parquet({sql_text(str(target))})"
    return replace(table, cells=cells, offset=None), tuple(misfits.repaired), tuple(misfits.padded)


def _rows(lines: Sequence[int]) -> str:
    n = len(lines)
    return f"{n} row{'s' if n != 1 else ''} ({shorten_numbers(lines)}) {'have' if n != 1 else 'has'}"


def shorten_numbers(lines: Sequence[int]) -> str:
    """The first few row numbers, for a message.

    >>> shorten_numbers([3, 9, 12, 40])
    'first: rows 3, 9, 12'
    """
    shown = ", ".join(str(line) for line in lines[:3])
    return f"{'first: ' if len(lines) > 3 else ''}row{'s' if len(lines) != 1 else ''} {shown}"


def _fitting_rows(dialect: Dialect, wanted: Sequence[int], misfits: _Misfits) -> Iterator[tuple[int, list[str]]]:
    width = len(dialect.header)
    for line, cells in _records(dialect, width):
        if len(cells) == width:
            yield line, cells
        elif len(cells) > width:
            fitted = _fewer(cells, width, dialect.delimiter)
            if fitted is None:
                misfits.long.append(line)
            else:
                if any(cells[width:]):
                    misfits.repaired.append((line, dialect.delimiter.join(cells)))
                yield line, fitted
        elif any(cell.strip() for cell in cells):
            if any(position >= len(cells) for position in wanted) and not _is_note(cells):
                misfits.short.append(line)
            else:
                if sum(bool(cell.strip()) for cell in cells) > 1:
                    misfits.padded.append(line)
                yield line, cells + [""] * (width - len(cells))


def _is_note(cells: Sequence[str]) -> bool:
    """A line of text below or between the rows: one filled cell, or a total."""
    filled = [cell.strip().casefold() for cell in cells if cell.strip()]
    return len(filled) == 1 or any(
        cell.startswith(("summe", "gesamt", "total", "zwischensumme", "endsumme", "*")) for cell in filled
    )


def _fewer(cells: list[str], width: int, delimiter: str) -> list[str] | None:
    """A row with too many cells made to fit: empty cells at its end go, and a cell that begins with a blank right
    after the delimiter belongs to the text before it; None where that does not give the header's width."""
    if not any(cell.strip() for cell in cells[width:]):
        return cells[:width]
    joined = cells[:1]
    for cell in cells[1:]:
        if cell.startswith(" "):
            joined[-1] += delimiter + cell
        else:
            joined.append(cell)
    return joined if len(joined) == width else None


def _records(dialect: Dialect, width: int) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every record. Where a quotation mark that is never closed has swallowed lines, they
    are read one by one without quotation."""
    with dialect.path.open(encoding="utf-8-sig", newline="") as opened:
        lines: list[str] = []

        def kept() -> Iterator[str]:
            for line in opened:
                lines.append(line)
                yield line

        reader = csv.reader(kept(), delimiter=dialect.delimiter)
        number = dialect.data_after
        for _ in islice(opened, dialect.data_after):
            pass
        while True:
            lines.clear()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                cells = []
                reader = csv.reader(kept(), delimiter=dialect.delimiter)
            if len(lines) > 1 and len(cells) != width:
                for i, line in enumerate(lines):
                    yield number + i + 1, [c.strip('"') for c in line.rstrip("\r\n").split(dialect.delimiter)]
            else:
                yield number + 1, cells
            number += len(lines)


def _write_cells(rows: Iterator[tuple[int, list[str]]], width: int, target: Path) -> None:
    """Write rows as c0, c1, … and source_row, some thousands at a time."""
    schema = pa.schema([(f"c{i}", pa.string()) for i in range(width)] + [("source_row", pa.int64())])
    with pq.ParquetWriter(target, schema) as writer:
        while batch := list(islice(rows, _BATCH)):
            columns: list[Any] = [list(column) for column in zip(*(cells for _, cells in batch), strict=True)]
            writer.write_table(pa.table([*columns, [line for line, _ in batch]], schema=schema))


# ------------------------------------------------------------------------------------------------------ workbooks


def _open_workbook(
    file: RawFile, wanted: Sequence[str], given: FileFormat, sheet: str | None, scratch: Path
) -> RawTable:
    """A sheet of a workbook. Cells with an error value (#NV, #DIV/0!) come from the reader as empty ones, so they are told
    as missing values, not as errors of the spreadsheet; those of text files are."""
    found, remarks = _sheet(file.path, sheet, wanted)
    rows = ([_cell_text(cell) for cell in row] for row in found.iter_rows())
    top = list(islice(rows, HEADER_WITHIN + (given.header_row or 0)))
    plain = [[cell.removeprefix(NATIVE) for cell in row] for row in top]
    index, header = (given.header_row - 1, ()) if given.header_row else find_headings(plain, wanted)
    if index >= len(top):
        raise CannotReadError(f"has no row {index + 1} for a header: correct format.header_row")
    header = header or tuple(plain[index])
    last = index + (header != tuple(plain[index]))
    if last >= _last_row(found):
        raise CannotReadError(f"has a header in row {index + 1} but no rows: export it again")
    folder = scratch / "workbooks"
    folder.mkdir(exist_ok=True)
    target = folder / f"{len(list(folder.glob('*')))}.parquet"
    _write_cells(enumerate(chain(top[last + 1 :], rows), start=last + 2), len(header), target)
    cells = f"read_parquet({sql_text(str(target))})"
    lines = tuple(map(tuple, plain[index : last + 1])) if last > index else ()
    table = RawTable(file, header, index + 1, cells, None, native=True, sheet=found.name, remarks=remarks, lines=lines)
    return replace(table, above=tuple(" ".join(filter(None, row)) for row in plain[:index]))


def _sheet(path: Path, name: str | None, wanted: Sequence[str]) -> tuple[CalamineSheet, tuple[Remark, ...]]:
    """The sheet so named, else the one whose header has most of the wanted names: a visible one and the first of equals.
    Where that is not simply the first, or others have the same columns, it is told."""
    check_workbook(path)
    try:
        book = CalamineWorkbook.from_path(str(path))
        if name is not None:
            found = book.get_sheet_by_name(name)
            if _last_row(found) < 0:
                raise CannotReadError(f"sheet {name!r} is empty")
            return found, ()
        if chosen := _best_sheet(book, wanted):
            return chosen
    except PasswordError:
        raise CannotReadError("is password-protected: save it without a password") from None
    except WorksheetNotFound:
        near = nearest(name or "", book.sheet_names)
        raise CannotReadError(f"has no sheet {name!r}{near}; its sheets are {shorten(book.sheet_names, 8)}") from None
    except (CalamineError, OSError):
        raise CannotReadError("is damaged or no workbook: open it in Excel and save it again") from None
    raise CannotReadError("has no filled sheet: export it again")


def _best_sheet(book: CalamineWorkbook, wanted: Sequence[str]) -> tuple[CalamineSheet, tuple[Remark, ...]] | None:
    best, fits, first = None, list[tuple[tuple[int, bool], str]](), None
    for about in book.sheets_metadata:
        if about.typ != SheetTypeEnum.WorkSheet or _last_row(sheet := book.get_sheet_by_name(about.name)) < 0:
            continue
        fit = (_fit_of(sheet, wanted), about.visible == SheetVisibleEnum.Visible)
        first = first or about.name
        if best is None or fit > max(fits)[0]:
            best = sheet
        fits.append((fit, about.name))
    if best is None:
        return None
    most = max(fits)[0]
    alike = [title for (names, _), title in fits if names == most[0] > 0 and title != best.name]
    values = (("sheet", best.name), ("others", ", ".join(alike)))
    if alike:
        return best, (Remark("sheets_alike", len(alike), tuple(alike[:5]), values=values),)
    return best, (Remark("sheet_chosen", 1, (), Severity.INFO, values),) if best.name != first else ()


def _fit_of(sheet: CalamineSheet, wanted: Sequence[str]) -> int:
    """How many of the wanted names the header of a sheet has."""
    top = [[_cell_text(cell).removeprefix(NATIVE) for cell in row] for row in islice(sheet.iter_rows(), HEADER_WITHIN)]
    return names_in(find_headings(top, wanted)[1], wanted)


def _last_row(sheet: CalamineSheet) -> int:
    """Index of the last filled row, −1 for an empty sheet."""
    return -1 if sheet.end is None else sheet.end[0]


def _cell_text(cell: Any) -> str:
    """A cell as text; what is typed in the workbook is marked, so that it need not be guessed."""
    match cell:
        case str():
            return cell
        case bool():
            return "true" if cell else "false"
        case int():
            return f"{NATIVE}{cell}"
        case float():
            return NATIVE + (str(int(cell)) if cell.is_integer() else f"{Decimal(f'{cell:.15g}'):f}")
        case dt.datetime() if cell.time() == dt.time():
            return f"{NATIVE}{cell.date().isoformat()}"
        case dt.datetime():
            return f"{NATIVE}{cell.isoformat(sep=' ', timespec='seconds')}"
        case dt.date():
            return f"{NATIVE}{cell.isoformat()}"
        case _:
            return str(cell)


# -------------------------------------------------------------------------------------------------- typed sources


def open_parquet(con: duckdb.DuckDBPyConnection, file: RawFile) -> RawTable:
    """A Parquet file, its typed values marked; rows are counted from 1. Raises CannotReadError."""
    source = f"read_parquet({sql_text(str(file.path))})"
    try:
        described = rows_of(con, f"DESCRIBE SELECT * FROM {source}")
        ((count,),) = rows_of(con, f"SELECT count(*) FROM {source}")
    except duckdb.Error:
        raise CannotReadError("is damaged or no Parquet file: export it again") from None
    if count == 0:
        raise CannotReadError("has columns but no rows: export it again")
    cells = ", ".join(f"{_typed_text(name, kind)} AS c{i}" for i, (name, kind, *_) in enumerate(described))
    header = tuple(name for name, *_ in described)
    return RawTable(file, header, 0, f"(SELECT {cells} FROM {source})", 1, native=True)


def _typed_text(name: str, kind: str) -> str:
    column = '"' + name.replace('"', '""') + '"'
    if kind == "VARCHAR":
        return column
    if kind in ("FLOAT", "DOUBLE"):
        return f"chr(31) || regexp_replace(format('{{:.9f}}', {column}), '\\.?0+$', '')"
    if kind == "BOOLEAN":
        return f"CAST({column} AS VARCHAR)"
    return f"chr(31) || CAST({column} AS VARCHAR)"


def repeated_names(header: Sequence[str]) -> list[str]:
    """Column names that stand more than once in a header."""
    return [name for name, count in Counter(header).items() if count > 1 and name]
