"""What stands in the wanted columns: how they are written, judged over all values, and the SQL that reads them.

One pass of statistics per file: numbers by shape, dates and flags by distinct text, texts by what must be cleaned.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from kamkit.intake.columns import Base
from kamkit.intake.date_formats import (
    DAY_FIRST,
    MONTH_FIRST,
    DateFormat,
    date_format,
    date_key_sql,
    read_flag,
    slash_evidence,
)
from kamkit.intake.money_words import currencies_in
from kamkit.intake.number_formats import (
    CELL_ERRORS,
    NATIVE,
    SPACES,
    WIDEST,
    NumberFormat,
    is_cell_error,
    number_evidence,
    number_format,
    number_sql,
    read_shape,
    shape_sql,
    sql_text,
)
from kamkit.intake.raw_tables import SPACES_SQL, Copied, RawTable, rows_of
from kamkit.model.codes import Severity
from kamkit.model.engagement import Engagement, FileFormat
from kamkit.model.results import Finding
from kamkit.model.tables import DATE, FLAG, NUMBER

EMPTY_TOKENS = ("", "NULL", "null", "N/A", "n/a", "-", "NaN")
MOST_KEYS = 200_000
MOST_SHAPES = 1_000
_WHAT = {NUMBER: "is not a number", DATE: "is not a date", FLAG: "is neither yes nor no"}
_REMEDY = {
    NUMBER: "correct them or set format.decimal",
    DATE: "correct them or set format.date",
    FLAG: "write ja or nein",
}
_UNREADABLE = {NUMBER: "unreadable_numbers", DATE: "unreadable_dates", FLAG: "unreadable_flags"}


@dataclass(frozen=True)
class Trouble:
    """Values of one column of one file that cannot be read: a problem where the column is required, else a finding."""

    role: str
    file: str
    rows: int
    examples: tuple[tuple[int, str], ...]
    mixed: str | None = None

    def told(self, column: str, name: str) -> str:
        """The sentence for the list of problems."""
        row, value = self.examples[0]
        if self.mixed:
            (_, second), other = self.examples[1], self.examples[1][0]
            what = self.mixed.format(f"{value!r} in row {row}", f"{second!r} in row {other}")
            return f"{self.file}: {column} ({name!r}) {what}: {_REMEDY[self.role].replace('them', 'one of them')}"
        rows = f"{self.rows} row{'s' if self.rows != 1 else ''}"
        return (
            f"{self.file}: {column} ({name!r}) {_WHAT[self.role]} in {rows} (first: row {row} {value!r}): "
            f"{_REMEDY[self.role]}"
        )

    def finding(self, table: str, column: str, name: str) -> Finding:
        """The same as a finding: the values are treated as missing."""
        examples = tuple(f"{row}: {value}" for row, value in self.examples)
        values = {"file": self.file, "column": column, "source": name, "n": self.rows}
        return Finding(_UNREADABLE[self.role], table, Severity.WARNING, self.rows, None, examples, values)


@dataclass(frozen=True)
class Note:
    """Something about how a column is written that a person should know."""

    code: str
    file: str
    rows: int
    examples: tuple[str, ...]
    severity: Severity = Severity.WARNING
    values: Mapping[str, Any] = field(default_factory=dict)
    revenue: float | None = None

    def finding(self, table: str, column: str, name: str) -> Finding:
        """The note as a finding of a canonical column."""
        values = {"file": self.file, "column": column, "source": name, "n": self.rows, **self.values}
        revenue = self.revenue if column == "net_revenue" else None
        return Finding(self.code, table, self.severity, self.rows, revenue, self.examples, values)


@dataclass
class ColumnValues:
    """A wanted column over all files of a part: `column` is its name in SQL; per file, the SQL that reads it.
    `currencies` are those that its cells name, with how many do and the first of them ("file: cell")."""

    column: str
    relations: Sequence[str]
    expressions: list[str] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)
    whole: int | None = None
    digits: int = 0
    format: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    ambiguous: bool = False
    example: str | None = None
    currencies: dict[str, tuple[int, str]] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def sql(self, n: int) -> str:
        """The column as read from file n."""
        return f"{self.expressions[n]} AS {self.column}"

    def join(self, n: int) -> str:
        """The lookup that the column needs in file n, if any."""
        return self.joins[n] if self.joins else ""


@dataclass(frozen=True)
class _Count:
    n: int
    n_data: int
    example: str


Counts = Mapping[str, _Count]


@dataclass(frozen=True)
class _Column:
    """One wanted column in all files of a part, before its values are judged."""

    con: duckdb.DuckDBPyConnection
    base: Base
    cell: str
    copied: Sequence[Copied]
    relations: Sequence[str]
    counts: Sequence[Counts]

    def examples(self, n: int, key: str, found: Iterable[str], most: int = 3) -> tuple[tuple[int, str], ...]:
        """Row and value of the first rows of file n whose key is among those found."""
        listed = ", ".join(sql_text(word) for word in sorted(found)[:5000])
        rows = rows_of(
            self.con,
            f"SELECT source_row, {self.cell} FROM {self.relations[n]} WHERE row_mark = 'data' AND {key} IN ({listed}) "
            f"ORDER BY 1 LIMIT {most}",
        )
        return tuple((row, value.removeprefix(NATIVE)) for row, value in rows)

    def file(self, n: int) -> str:
        return self.copied[n].table.file.name


def read_values(
    con: duckdb.DuckDBPyConnection,
    copied: Sequence[Copied],
    bases: Sequence[Base],
    given: FileFormat,
    engagement: Engagement,
    scratch: Path,
) -> dict[Base, ColumnValues]:
    """Judge every wanted column of one part (files with the same wanted columns w0, w1, …) over all its values."""
    scratch.mkdir(exist_ok=True)
    relations = [one.relation for one in copied]
    counted = [_counts(con, relation, bases, given) for relation in relations]
    columns = {
        base: _Column(con, base, f"w{j}", copied, relations, [counts[j] for counts in counted])
        for j, base in enumerate(bases)
    }
    found: dict[Base, ColumnValues] = {}
    for j, (base, column) in enumerate(columns.items()):
        values = found[base] = ColumnValues(f"b{j}", relations)
        match base.role:
            case "text":
                _read_text(column, values, j)
            case "number":
                _read_numbers(column, values, [c for b, c in columns.items() if b.role == NUMBER], given, engagement)
            case "date":
                others = [c for b, c in columns.items() if b.role == DATE and b != base]
                _read_dates(column, values, others, given, engagement, scratch)
            case _:
                _read_flags(column, values)
        by_frequency = (sorted(counts.values(), key=lambda count: -count.n) for counts in column.counts)
        examples = (count.example for counts in by_frequency for count in counts)
        values.example = next((e.removeprefix(NATIVE) for e in examples if not _empty(e)), None)
    return found


def _key_sql(base: Base, cell: str, given: FileFormat) -> str:
    match base.role:
        case "number":
            return shape_sql(cell)
        case "date":
            return date_key_sql(cell, given.date)
        case "flag":
            return f"lower({cell})"
    tokens = " OR ".join(f"{cell} = {sql_text(token)}" for token in EMPTY_TOKENS if token)
    return (
        f"CASE WHEN ascii({cell}) <= 32 OR ascii({cell}) = 160 OR {cell} LIKE '% ' OR {cell} LIKE '%' || chr(160) "
        f"OR {cell} LIKE '%' || chr(9) THEN 'spaced' WHEN {tokens} THEN 'token' WHEN {_error_sql(cell)} THEN 'error' "
        f"WHEN {cell} LIKE '%.0' AND regexp_full_match({cell}, '-?[0-9]+\\.0') THEN 'point_zero' "
        f"WHEN {cell} LIKE '%E+%' AND regexp_full_match({cell}, '[0-9]([.,][0-9]+)?E\\+[0-9]+') THEN 'power' ELSE 'text' END"
    )


def _counts(
    con: duckdb.DuckDBPyConnection, relation: str, bases: Sequence[Base], given: FileFormat
) -> Sequence[Counts]:
    """For every wanted column of a file: its keys with how often each occurs."""
    query = " UNION ALL ".join(
        f"(SELECT {j} AS j, {_key_sql(base, 'v', given)} AS key, sum(n), sum(n_data), min(v) FROM "
        f"(SELECT w{j} AS v, count(*) AS n, count(*) FILTER (row_mark = 'data') AS n_data FROM {relation} "
        f"WHERE w{j} IS NOT NULL GROUP BY 1) GROUP BY 2 ORDER BY 2 LIMIT {MOST_KEYS})"
        for j, base in enumerate(bases)
    )
    counts: list[dict[str, _Count]] = [{} for _ in bases]
    for j, key, n, n_data, example in sorted(rows_of(con, query)):
        counts[j][key] = _Count(n, n_data, example)
    return counts


def _error_sql(cell: str) -> str:
    return f"(ascii({cell}) = 35 AND regexp_full_match({cell}, {sql_text(CELL_ERRORS)}))"


def _error_notes(column: _Column, values: ColumnValues, n: int) -> None:
    """Tell the cells that hold the error of a spreadsheet: they count as missing."""
    found = [one for key, one in column.counts[n].items() if is_cell_error(key.strip(SPACES)) or key == "error"]
    if rows := sum(one.n_data for one in found):
        examples = tuple(one.example for one in found[:3])
        values.notes.append(Note("cell_errors", column.file(n), rows, examples))


def _empty(key: str) -> bool:
    return key.strip(SPACES + NATIVE) in EMPTY_TOKENS


# ------------------------------------------------------------------------------------------------------------- text


def _read_text(column: _Column, values: ColumnValues, j: int) -> None:
    kinds = {kind for counts in column.counts for kind in counts}
    artefact = "point_zero" in kinds and kinds <= {"point_zero", "token", "error"}
    for n, counts in enumerate(column.counts):
        text = f"r.{column.cell}"
        if "spaced" in counts:
            text = f"trim({text}, {SPACES_SQL})"
        if counts.keys() & {"spaced", "token", "error"}:
            tokens = " OR ".join([*(f"{text} = {sql_text(token)}" for token in EMPTY_TOKENS), _error_sql(text)])
            text = f"CASE WHEN {tokens} THEN NULL ELSE {text} END"
        if artefact:
            text = f"left({text}, -2)"
        values.expressions.append(text)
        _error_notes(column, values, n)
        for kind, code in (("point_zero", "ids_with_point_zero"), ("power", "ids_as_powers")):
            if kind in counts and (artefact or kind == "power"):
                one = counts[kind]
                severity = Severity.INFO if kind == "point_zero" else Severity.WARNING
                values.notes.append(Note(code, column.file(n), one.n_data, (one.example,), severity))


# ---------------------------------------------------------------------------------------------------------- numbers


def _read_numbers(
    column: _Column, values: ColumnValues, numbers: Sequence[_Column], given: FileFormat, engagement: Engagement
) -> None:
    formats = []
    for n, counts in enumerate(column.counts):
        keys = [key for key in counts if not _empty(key)]
        table = column.copied[n].table
        neighbours = _neighbours(column, numbers, n, keys, table) if given.decimal is None else set()
        written = number_format(keys, given.decimal, given.thousands, neighbours, _usual_decimal(table, engagement))
        formats.append(written)
        _number_troubles(column, values, n, written)
        for shape in sorted(written.readable):
            for code in currencies_in(shape):
                rows, first = values.currencies.get(code, (0, f"{column.file(n)}: {counts[shape].example}"))
                values.currencies[code] = (rows + counts[shape].n_data, first)
    values.whole = max(written.whole for written in formats)
    values.digits = max(written.digits for written in formats)
    for n, written in enumerate(formats):
        native = column.copied[n].table.native
        same_width = replace(written, whole=values.whole, digits=values.digits)
        same_width = replace(same_width, unreadable=_misread(column, n, same_width, native))
        values.expressions.append(number_sql(f"r.{column.cell}", same_width, native))
    if values.whole + values.digits > WIDEST:
        values.whole = None
    values.decimal = _one_of(written.decimal for written in formats)
    values.thousands = _one_of(written.thousands for written in formats)
    values.ambiguous = any(written.ambiguous for written in formats)


def _misread(column: _Column, n: int, written: NumberFormat, native: bool) -> frozenset[str]:
    """The unreadable shapes that the SQL of the format would take for numbers; the others need not be kept from it."""
    read = number_sql("v", replace(written, unreadable=frozenset()), native)
    texts = {shape: (column.counts[n][shape].example, shape.removesuffix("0")) for shape in written.unreadable}
    rows = ", ".join(f"({sql_text(shape)}, {sql_text(text)})" for shape, both in texts.items() for text in both)
    if not 0 < len(texts) < MOST_SHAPES:
        return written.unreadable
    return frozenset(
        key for (key,) in rows_of(column.con, f"SELECT k FROM (VALUES {rows}) AS t(k, v) WHERE {read} IS NOT NULL")
    )


def _neighbours(column: _Column, numbers: Sequence[_Column], n: int, keys: Sequence[str], table: RawTable) -> set[str]:
    """The decimal signs proved elsewhere for a column that proves none: by the other number columns of the file, by
    the same column in the other files, by any column of the file."""
    if number_evidence(keys) or not any(shape.either for key in keys if (shape := read_shape(key))):
        return set()
    beside = set[str]().union(*(number_evidence(c.counts[n]) for c in numbers if c is not column))
    if beside:
        return beside
    elsewhere = set[str]().union(*(number_evidence(counts) for i, counts in enumerate(column.counts) if i != n))
    return elsewhere or _evidence_of_file(column.con, table)


def _evidence_of_file(con: duckdb.DuckDBPyConnection, table: RawTable) -> set[str]:
    proofs = {
        ",": r"[+-]?[0-9]+(\.[0-9]{3})*,([0-9]{1,2}|[0-9]{4,})-?",
        ".": r"[+-]?[0-9]+(,[0-9]{3})*\.([0-9]{1,2}|[0-9]{4,})-?",
    }
    tests = [
        " OR ".join(f"coalesce(regexp_full_match(c{i}, {sql_text(proof)}), false)" for i in range(len(table.header)))
        for proof in proofs.values()
    ]
    (found,) = rows_of(con, f"SELECT bool_or({tests[0]}), bool_or({tests[1]}) FROM {table.cells}")
    return {sign for sign, proved in zip(proofs, found, strict=True) if proved}


def _usual_decimal(table: RawTable, engagement: Engagement) -> str:
    if table.dialect is not None and table.dialect.delimiter == ",":
        return "."
    return "," if engagement.report_locale in ("de_DE", "de_AT") else "."


def _number_troubles(column: _Column, values: ColumnValues, n: int, written: NumberFormat) -> None:
    counts, key = column.counts[n], shape_sql(column.cell)
    _error_notes(column, values, n)
    if written.contradiction:
        examples = tuple(e for shape in written.contradiction for e in column.examples(n, key, [shape], 1))
        if len(examples) == 2:
            mixed = "is written with a decimal comma ({}) and with a decimal point ({})"
            values.troubles.append(Trouble(NUMBER, column.file(n), len(examples), examples, mixed))
            return
    unreadable = [s for s in written.unreadable if counts[s].n_data and not is_cell_error(s.strip(SPACES))]
    if rows := sum(counts[shape].n_data for shape in unreadable):
        examples = column.examples(n, key, unreadable)
        values.troubles.append(Trouble(NUMBER, column.file(n), rows, examples))
    if written.ambiguous:
        either = [one for shape, one in counts.items() if (read := read_shape(shape)) and read.either]
        rows, examples_either = sum(one.n_data for one in either), tuple(one.example for one in either[:3])
        as_read, otherwise = _both_ways(column, n, written)
        told = {"sign": written.decimal or "", "read": as_read, "otherwise": otherwise}
        values.notes.append(
            Note("ambiguous_numbers", column.file(n), rows, examples_either, values=told, revenue=as_read)
        )
    if written.exponent or written.whole + written.digits > WIDEST:
        values.troubles += _out_of_range(column, n, written)


def _both_ways(column: _Column, n: int, written: NumberFormat) -> tuple[float, float]:
    """The sum of a column as it was read, and with point and comma the other way round."""
    keys = [key for key in column.counts[n] if not _empty(key)]
    swapped = number_format(keys, "," if written.decimal == "." else ".", None, set(), ".")
    native = column.copied[n].table.native
    sums = ", ".join(
        f"coalesce(CAST(sum({number_sql(column.cell, f, native)}) AS DOUBLE), 0)" for f in (written, swapped)
    )
    ((read, otherwise),) = rows_of(column.con, f"SELECT {sums} FROM {column.relations[n]} WHERE row_mark = 'data'")
    return read, otherwise


def _out_of_range(column: _Column, n: int, written: NumberFormat) -> Iterator[Trouble]:
    """Numbers that are written as numbers but larger than any number can be."""
    shapes = ", ".join(sql_text(shape) for shape in sorted(written.readable)) or "NULL"
    number = number_sql(column.cell, written, column.copied[n].table.native)
    found = rows_of(
        column.con,
        f"SELECT source_row, {column.cell}, count(*) OVER () FROM {column.relations[n]} WHERE row_mark = 'data' AND "
        f"{shape_sql(column.cell)} IN ({shapes}) AND NOT coalesce(isfinite(CAST({number} AS DOUBLE)), false) ORDER BY 1 LIMIT 3",
    )
    if found:
        yield Trouble(NUMBER, column.file(n), found[0][2], tuple((row, value) for row, value, _ in found))


# ------------------------------------------------------------------------------------------------------------ dates


def _read_dates(
    column: _Column,
    values: ColumnValues,
    others: Sequence[_Column],
    given: FileFormat,
    engagement: Engagement,
    scratch: Path,
) -> None:
    usual = MONTH_FIRST if engagement.report_locale == "en_US" else DAY_FIRST
    formats: list[DateFormat] = []
    for n, counts in enumerate(column.counts):
        keys = [key for key in counts if not _empty(key)]
        beside = set[str]().union(*(slash_evidence(c.counts[n]) for c in others))
        elsewhere = set[str]().union(*(slash_evidence(one) for i, one in enumerate(column.counts) if i != n))
        written = date_format(keys, given.date, _first_day(column.copied[n], given), beside or elsewhere, usual)
        formats.append(written)
        target = scratch / f"{values.column}-{n}.parquet"
        _write_lookup(written, counts, target)
        lookup, alias = f"read_parquet({sql_text(str(target))})", f"d_{values.column}"
        key = date_key_sql(f"r.{column.cell}", given.date)
        if len(counts) < MOST_KEYS and _reads_alike(column.con, written, lookup):
            values.expressions.append(_at_once(key, written))
            values.joins.append("")
        else:
            values.expressions.append(f"{alias}.value")
            values.joins.append(f"LEFT JOIN {lookup} AS {alias} ON {alias}.key = {key}")
        _date_troubles(column, values, n, written, given)
    values.format = _one_of(" ".join(written.formats) for written in formats)
    values.ambiguous = any(written.ambiguous for written in formats)


def _first_day(copied: Copied, given: FileFormat) -> dt.date | None:
    """Where the year of dates begins that are written without one: as the engagement says, else as the file says."""
    if given.year is not None:
        return dt.date(given.year, 1, 1)
    return copied.table.dialect.first_day if copied.table.dialect else None


def _reads_alike(con: duckdb.DuckDBPyConnection, written: DateFormat, lookup: str) -> bool:
    """Whether DuckDB, told the one format, reads every distinct text exactly as the lookup has it."""
    if len(written.formats) != 1 or not written.formats[0].startswith("%"):
        return False
    try:
        query = f"SELECT bool_and({_at_once('key', written)} IS NOT DISTINCT FROM value) FROM {lookup}"
        return bool(rows_of(con, query)[0][0])
    except duckdb.Error:  # a pattern of Python's that DuckDB does not know
        return False


def _at_once(key: str, written: DateFormat) -> str:
    return f"CAST(try_strptime({key}, {sql_text(written.formats[0])}) AS DATE)"


def _write_lookup(written: DateFormat, texts: Iterable[str], target: Path) -> None:
    """Every distinct text with its date, missing where it is empty or cannot be read."""
    columns: dict[str, Any] = {"key": list(texts), "value": [written.values.get(text) for text in texts]}
    pq.write_table(pa.table(columns, schema=pa.schema([("key", pa.string()), ("value", pa.date32())])), target)


def _date_troubles(column: _Column, values: ColumnValues, n: int, written: DateFormat, given: FileFormat) -> None:
    counts, key = column.counts[n], date_key_sql(column.cell, given.date)
    if written.contradiction:
        examples = tuple(e for text in written.contradiction for e in column.examples(n, key, [text], 1))
        if len(examples) == 2:
            mixed = "is written with the day first ({}) and with the month first ({})"
            values.troubles.append(Trouble(DATE, column.file(n), len(examples), examples, mixed))
            return
    _error_notes(column, values, n)
    for code, texts, severity in (
        ("months_as_dates", written.months, Severity.INFO),
        ("dates_as_serials", written.serials, Severity.WARNING),
    ):
        if rows := sum(counts[text].n_data for text in texts):
            values.notes.append(Note(code, column.file(n), rows, tuple(sorted(texts)[:3]), severity))
    unreadable = [text for text in written.unreadable if counts[text].n_data and not is_cell_error(text.strip(SPACES))]
    if rows := sum(counts[text].n_data for text in unreadable):
        examples = column.examples(n, key, unreadable)
        values.troubles.append(Trouble(DATE, column.file(n), rows, examples))
    if written.ambiguous:
        slashed = [one for text, one in counts.items() if "/" in text]
        order = {"order": "month_first" if MONTH_FIRST in written.formats else "day_first"}
        rows, examples_slash = sum(one.n_data for one in slashed), tuple(one.example for one in slashed[:3])
        note = Note("ambiguous_dates", column.file(n), rows, examples_slash, values=order)
        values.notes.append(note)


# ------------------------------------------------------------------------------------------------------------ flags


def _read_flags(column: _Column, values: ColumnValues) -> None:
    for n, counts in enumerate(column.counts):
        meaning = {key: read_flag(key) for key in counts if not _empty(key)}
        lowered = f"lower(r.{column.cell})"
        cases = " ".join(
            f"WHEN {lowered} = {sql_text(key)} THEN {str(yes).lower()}"
            for key, yes in meaning.items()
            if yes is not None
        )
        values.expressions.append(f"CASE {cases} END" if cases else "CAST(NULL AS BOOLEAN)")
        unknown = [key for key, yes in meaning.items() if yes is None and not is_cell_error(key.upper())]
        rows = sum(counts[key].n_data for key in unknown)
        if rows:
            examples = column.examples(n, f"lower({column.cell})", [key for key in unknown if counts[key].n_data])
            values.troubles.append(Trouble(FLAG, column.file(n), rows, examples))


def _one_of(words: Iterator[str | None]) -> str | None:
    return " ".join(dict.fromkeys(word for word in words if word)) or None
