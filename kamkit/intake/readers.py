"""A raw table, however it comes, as one typed canonical table; every problem told at once, originals never touched."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ibis.expr.types as ir

from kamkit.errors import InputError, shorten
from kamkit.intake.column_meaning import recognition_rules
from kamkit.intake.columns import (
    Base,
    Field,
    Number,
    field_of,
    fields_of,
    match_columns,
    missing_column,
    number_of,
    text_of,
)
from kamkit.intake.dialects import CannotReadError, same_name
from kamkit.intake.money_words import currencies_in, multiple_in
from kamkit.intake.number_formats import sql_text
from kamkit.intake.numbered_names import MOST_LOOKED_AT, NAME_FIELD, are_numbered, is_number_sql, name_sql, number_sql
from kamkit.intake.presets import names_wanted, settle
from kamkit.intake.raw_tables import (
    Copied,
    RawTable,
    among_sql,
    copy_wanted,
    filled_down,
    open_parquet,
    open_raw_table,
    rows_of,
)
from kamkit.intake.sources import RawFile, find_files, open_database
from kamkit.intake.values import ColumnValues, read_values
from kamkit.model.codes import Severity
from kamkit.model.engagement import Engagement, FileFormat, Source
from kamkit.model.presets import presets, shown
from kamkit.model.results import Finding
from kamkit.model.tables import DATE, FLAG, INTEGER, MONEY, NUMBER, TABLES, TEXT, YEAR, TableSpec

MONEY_TYPE = "DECIMAL(18, 6)"
MOST_WHOLE = 12
MOST_FILES = 3
_RAW = "raw_"
_MARKS = "ENUM('data', 'excluded', 'total_line', 'repeated_header')"
_SHOWN_DELIMITERS = {"\t": "tab"}


@dataclass(frozen=True)
class TypedTable:
    """One canonical table. `table`: the canonical columns given, `source_file`, `source_row` (as people count) and
    `row_mark` (data | excluded | total_line | repeated_header), its rows in the order of source_file, source_row and,
    of a wide list, period. `files` and `columns` are rows of Imported's; `source` is the source with what its preset
    filled in; `unread` are headings of the files that nothing uses."""

    table: ir.Table
    files: tuple[dict[str, Any], ...]
    columns: tuple[dict[str, Any], ...]
    findings: tuple[Finding, ...]
    source: Source
    unread: tuple[str, ...] = ()


@dataclass
class _Part:
    """The item files, or the files of one header table, with what is wanted of them; a header table is found by `key`
    from the part `holder`, the items or an earlier header table."""

    given: FileFormat
    tables: list[RawTable]
    key: Base | None = None
    holder: int = 0
    bases: list[Base] = field(default_factory=list)
    copied: list[Copied] = field(default_factory=list)
    values: dict[Base, ColumnValues] = field(default_factory=dict)


@dataclass(frozen=True)
class _Reading:
    """What stays the same while one table is read."""

    backend: Any
    name: str
    source: Source
    engagement: Engagement
    scratch: Path
    origins: Mapping[str, str] | None = None

    @property
    def spec(self) -> TableSpec:
        return TABLES[self.name]

    @property
    def con(self) -> Any:
        return self.backend.con

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return rows_of(self.con, query)

    def fail(self, problems: Sequence[str]) -> None:
        """Raise all problems together, if there are any."""
        if problems:
            raise InputError(f"sources.{self.name}", list(dict.fromkeys(problems)))


def read_table(backend: Any, name: str, source: Source, engagement: Engagement, scratch: Path) -> TypedTable:
    """Read the raw files or the database table of a source into one typed table of the backend.

    `scratch` takes what cannot be read in place. `backend` is an Ibis DuckDB backend. Raises EngagementError for wrong expressions and InputError with every
    problem of the data: files, columns, values.
    """
    folder = scratch / name
    folder.mkdir(parents=True, exist_ok=True)
    reading = _Reading(backend, name, source, engagement, folder)
    fields = fields_of(name, source)
    periods = [field_of(key, MONEY, text) for key, text in source.periods.items()]
    parts = _open(reading, [*fields, *periods])
    if source.preset:
        reading, fields, periods = _settled(reading, parts)
    fields = fields or _fields_of_header(reading, parts[0])
    _share_out(reading, parts, [*fields, *periods])
    findings = [*_copy(reading, parts, [*fields, *periods]), *_read_values(reading, parts, [*fields, *periods])]
    findings = [*_merged(findings), *_prepare_headers(reading, parts), *_of_preset(reading)]
    target = _write(reading, parts, fields, periods)
    findings += _numbers_in_names(reading, fields, target)
    _drop_raw(reading)
    return TypedTable(
        backend.table(target),
        tuple(_file_row(name, copied) for part in parts for copied in part.copied),
        tuple(_column_rows(reading, parts, fields, periods, target)),
        tuple(findings),
        reading.source,
        tuple(_unread(parts)),
    )


def _of_preset(reading: _Reading) -> Iterator[Finding]:
    """What is to be said of data that came in by a preset."""
    preset = presets()[reading.source.preset] if reading.source.preset else None
    if preset and preset.finding and "net_revenue" not in (reading.origins or {}):
        yield Finding(preset.finding, reading.name, Severity.WARNING)


# ------------------------------------------------------------------------------------------------ files and columns


def _settled(reading: _Reading, parts: Sequence[_Part]) -> tuple[_Reading, tuple[Field, ...], list[Field]]:
    """The columns as the preset finds them in the headers. Fails where one that is required is missing."""
    common = [name for name in parts[0].tables[0].header if all(name in table.header for table in parts[0].tables)]
    headers = [common, *(part.tables[0].header for part in parts[1:])]
    source = settle(reading.name, reading.source, headers)
    settled = replace(reading, source=source, origins=dict.fromkeys(reading.source.columns, "engagement"))
    for part, join in zip(parts[1:], source.join, strict=True):
        part.key = Base(join.on, TEXT)
    wide = source.layout == "wide"
    needed = reading.spec.required - set(source.columns) - ({"posting_date", "net_revenue"} if wide else set())
    candidates = presets()[str(source.preset)].candidates()
    file, named = parts[0].tables[0].file.name, [next(iter(candidates.get(c, ())), c) for c in sorted(needed)]
    problems = [
        f"{file}: {missing_column(column, name if name[:1] != '=' else column, _all_columns(parts))}"
        for column, name in zip(sorted(needed), named, strict=True)
    ]
    if wide and not source.periods:
        problems.append(
            f"{file}: no heading names a year or month of revenue: write periods, such as {{'2025': Umsatz 2025}}"
        )
    reading.fail(problems)
    periods = [field_of(key, MONEY, text) for key, text in source.periods.items()]
    return settled, fields_of(reading.name, source), periods


def _open(reading: _Reading, fields: Sequence[Field]) -> list[_Part]:
    source, problems = reading.source, list[str]()
    wanted = list(dict.fromkeys(base.name for f in fields for base in f.bases))
    wanted += names_wanted(presets()[source.preset]) if source.preset else [] if wanted else list(reading.spec.columns)
    wanted += [exclusion.column for exclusion in source.exclude]
    keys = [Base(join.on, TEXT) for join in source.join]
    if source.connection is not None:
        parts = [_Part(source.format, [_from_database(reading, [*wanted, *(key.name for key in keys)])])]
    else:
        names = [*wanted, *(key.name for key in keys)]
        parts = [_Part(source.format, _opened(reading, source.patterns, names, source.format, source.sheet, problems))]
    for join, key in zip(source.join, keys, strict=True):
        names = [join.on, *wanted, *(other.name for other in keys)]
        tables = _opened(reading, [join.path], names, join.format, join.sheet, problems)
        parts.append(_Part(join.format, tables, key))
    reading.fail(problems)
    return parts


def _opened(
    reading: _Reading,
    patterns: Sequence[str],
    wanted: Sequence[str],
    given: FileFormat,
    sheet: str | None,
    problems: list[str],
) -> list[RawTable]:
    engagement = reading.engagement
    files, missing = find_files(patterns, engagement.folder, reading.scratch, engagement.allow_outside)
    problems += missing
    tables = []
    for file in files:
        try:
            tables.append(open_raw_table(reading.con, file, wanted, given, sheet, reading.scratch))
        except CannotReadError as error:
            problems += [f"{file.name}: {line}" for line in str(error).splitlines()]
    return tables


def _from_database(reading: _Reading, wanted: Sequence[str]) -> RawTable:
    table = open_database(reading.source)
    known = {same_name(name) for name in wanted}
    columns = [column for column in table.columns if same_name(column) in known] or list(table.columns)
    target = reading.scratch / "database.parquet"
    try:
        table.select(columns).to_parquet(str(target))
    except Exception as error:  # every driver raises its own; the text may hold the connection
        problem = (
            f"{reading.source.table}: cannot be read ({type(error).__name__}): check the rights and the connection"
        )
        raise InputError(f"sources.{reading.name}", [problem]) from None
    try:
        return open_parquet(reading.con, RawFile(str(reading.source.table), target, "parquet"))
    except CannotReadError:
        raise InputError(f"sources.{reading.name}", [f"{reading.source.table}: has no rows"]) from None


def _fields_of_header(reading: _Reading, items: _Part) -> tuple[Field, ...]:
    """Every canonical column that the file has under its canonical name."""
    table = items.tables[0]
    here = {same_name(column): column for column in table.header}
    columns = {name: here[same_name(name)] for name in reading.spec.columns if same_name(name) in here}
    problems = [
        f"{table.file.name}: {missing_column(name, name, table.header)}"
        for name in sorted(reading.spec.required - set(columns))
    ]
    problems += [
        f"{table.file.name}: one of {', '.join(sorted(choice))} is needed: name a column for it"
        for choice in reading.spec.one_of
        if not choice & set(columns)
    ]
    reading.fail(problems)
    return fields_of(reading.name, reading.source, columns)


def _share_out(reading: _Reading, parts: list[_Part], fields: Sequence[Field]) -> None:
    """Say for every wanted column which part has it: the items before the header tables, in their order."""
    names = {base: f.column for f in fields for base in f.bases}
    names |= {Base(e.column, TEXT): "exclude" for e in reading.source.exclude}
    problems = []
    for base, column in names.items():
        holders = [part for part in parts if _has(part, base.name)]
        if holders:
            holders[0].bases.append(base)
        else:
            table = parts[0].tables[0]
            problems.append(f"{table.file.name}: {missing_column(column, base.name, _all_columns(parts))}")
    for p, part in enumerate(parts[1:], start=1):
        assert part.key is not None
        part.holder = next((h for h, earlier in enumerate(parts[:p]) if _has(earlier, part.key.name)), 0)
        for both in (parts[part.holder], part):
            if part.key not in both.bases:
                both.bases.append(part.key)
    for part in parts:
        for table in part.tables:
            positions, repeated = match_columns([base.name for base in part.bases], table.header)
            problems += [
                f"{table.file.name}: there are {n} columns {name!r}: rename one of them" for name, n in repeated.items()
            ]
            problems += [
                f"{table.file.name}: {missing_column(names.get(base, 'join'), base.name, table.header)}"
                for base in part.bases
                if base.name not in positions and base.name not in repeated
            ]
    reading.fail(problems)


def _unread(parts: Sequence[_Part]) -> Iterator[str]:
    """Headings that no column and no exclusion is taken from."""
    used = {same_name(base.name) for part in parts for base in part.bases}
    yield from (heading for heading in _all_columns(parts) if same_name(heading) not in used)


def _has(part: _Part, column: str) -> bool:
    return any(any(match_columns([column], table.header)) for table in part.tables)


def _all_columns(parts: Sequence[_Part]) -> list[str]:
    return list(dict.fromkeys(column for part in parts for column in part.tables[0].header))


def _copy(reading: _Reading, parts: Sequence[_Part], fields: Sequence[Field]) -> Iterator[Finding]:
    """Bring the wanted cells of every file into DuckDB, rows marked; tell rows that did not fit."""
    problems: list[str] = []
    findings: list[Finding] = []
    exclude = reading.source.exclude
    first = {f.column: f.bases[0] for f in fields}
    down = {same_name(column) for column in reading.source.fill_down}
    used = {same_name(base.name) for part in parts for base in part.bases}
    problems += [
        f"fill_down: {c!r} is no column that is used" for c in reading.source.fill_down if same_name(c) not in used
    ]
    for p, part in enumerate(parts):
        names = [base.name for base in part.bases]
        keys = [first.get("customer_id"), first.get("account_id"), *(part.key for part in parts[1:])]
        key = next((base.name for base in keys if base in part.bases), names[0])
        date = next((first[c].name for c in ("posting_date", "date") if first.get(c) in part.bases), None)
        for t, table in enumerate(part.tables):
            positions, _ = match_columns(names, table.header)
            wanted = [positions[name] for name in names]
            here = exclude if part is parts[0] else ()
            excluded = [(positions[e.column], e.values) for e in here if Base(e.column, TEXT) in part.bases]
            here_date = positions[date] if date else None
            raw = f"{_RAW}{reading.name}_{p}_{t}"
            try:
                copied = copy_wanted(
                    reading.con, table, wanted, positions[key], here_date, excluded, raw, reading.scratch
                )
            except CannotReadError as error:
                problems += [f"{table.file.name}: {line}" for line in str(error).splitlines()]
                continue
            below = [j for j, name in enumerate(names) if same_name(name) in down]
            if below:
                copied, n = filled_down(reading.con, copied, below)
                told = ", ".join(dict.fromkeys(names[j] for j in below))
                values = {"file": table.file.name, "source": told, "n": n}
                findings.append(Finding("filled_down", reading.name, Severity.INFO, n, values=values))
            if copied.rows == 0:
                problems.append(f"{table.file.name}: has a header but no rows: export it again")
            part.copied.append(copied)
            findings += _misfits(reading.name, copied)
        findings += _idle_exclusions(reading, part)
    reading.fail(problems)
    yield from findings


def _misfits(name: str, copied: Copied) -> Iterator[Finding]:
    file = copied.table.file.name
    if copied.repaired:
        examples = tuple(f"{file} {row}: {text}" for row, text in copied.repaired[:3])
        yield Finding("repaired_rows", name, Severity.WARNING, len(copied.repaired), None, examples, {"file": file})
    if copied.padded:
        examples = tuple(f"{file} {row}" for row in copied.padded[:3])
        yield Finding("short_rows", name, Severity.INFO, len(copied.padded), None, examples, {"file": file})
    for remark in (*copied.table.remarks, *([copied.notes] if copied.notes else [])):
        examples = tuple(f"{file} {example}" for example in remark.examples)
        values = {"file": file, "n": remark.rows, **dict(remark.values)}
        yield Finding(remark.code, name, remark.severity, remark.rows, None, examples, values)


def _idle_exclusions(reading: _Reading, part: _Part) -> Iterator[Finding]:
    """Exclusions that meet no row at all: a wrong spelling keeps in what should be out."""
    names = [base.name for base in part.bases if base.role == TEXT]
    for exclusion in reading.source.exclude:
        if exclusion.column in names:
            cell = f"w{part.bases.index(Base(exclusion.column, TEXT))}"
            test = among_sql(cell, exclusion.values)
            if not any(reading.rows(f"SELECT bool_or({test}) FROM {copied.relation}")[0][0] for copied in part.copied):
                values = {"source": exclusion.column, "values": list(exclusion.values)}
                yield Finding("exclusion_idle", reading.name, Severity.WARNING, 0, None, (), values)


def _merged(findings: Sequence[Finding]) -> Iterator[Finding]:
    """One finding for the same thing in several files: rows added up, the files named."""
    groups: dict[tuple[str, Any], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.code, finding.values.get("source")), []).append(finding)
    for same in groups.values():
        files = [f.values["file"] for f in same if "file" in f.values]
        rows = sum(f.rows or 0 for f in same)
        examples = tuple(example for f in same for example in f.examples)[:3]
        shown = files if len(files) <= MOST_FILES else [*files[:MOST_FILES], "…"]
        values = {**same[0].values, "files": shown, "n": rows}
        yield replace(same[0], rows=rows, examples=examples, values=values)


# ------------------------------------------------------------------------------------------------------------ values


def _read_values(reading: _Reading, parts: Sequence[_Part], fields: Sequence[Field]) -> list[Finding]:
    """Find out how every wanted column is written, over all its values; unreadable ones are problems or findings."""
    needed = reading.spec.required | {f.column for f in fields if f.column in reading.source.periods}
    problems: list[str] = []
    findings: list[Finding] = []
    for p, part in enumerate(parts):
        part.values = read_values(
            reading.con,
            part.copied,
            part.bases,
            part.given,
            reading.engagement,
            reading.scratch / f"values-{p}",
        )
        findings += _in_multiples(reading, part, fields)
        for base, values in part.values.items():
            users = [f for f in fields if base in f.bases]
            problems += _foreign(reading, base, values, users)
            for trouble in values.troubles:
                column = users[0].column if users else base.name
                if any(f.column in needed for f in users):
                    problems.append(trouble.told(column, base.name))
                else:
                    findings.append(trouble.finding(reading.name, column, base.name))
            findings += [
                note.finding(reading.name, users[0].column if users else base.name, base.name) for note in values.notes
            ]
    reading.fail(problems)
    return findings


def _foreign(reading: _Reading, base: Base, values: ColumnValues, users: Sequence[Field]) -> Iterator[str]:
    """Amounts whose heading or cells name another currency than the engagement's, where no column does."""
    known, ours = reading.spec.columns, reading.engagement.currency
    if base.role != NUMBER or "currency" not in known or "currency" in reading.source.columns:
        return
    named = {code: f"{code} by its heading" for code in sorted(currencies_in(base.name))}
    written = {c: f"{c} in {n} row{'s' if n != 1 else ''} ({first})" for c, (n, first) in values.currencies.items()}
    found = written or named
    if set(found) - {ours} and (users := [f for f in users if f.kind == MONEY]):
        one = f"set currency: {next(iter(found))}, or " if len(found) == 1 else ""
        yield (
            f"{users[0].column} ({base.name!r}) is in {' and '.join(found.values())}, the engagement in {ours}: {one}"
            f"take {base.name!r} for currency too and give exchange_rates"
        )


def _in_multiples(reading: _Reading, part: _Part, fields: Sequence[Field]) -> Iterator[Finding]:
    """Amounts that a heading or a title says are thousands or millions, taken as they stand."""
    above = [line for table in part.tables for line in table.above]
    plain = {f.source: multiple_in([f.source, *above]) for f in fields if f.kind == MONEY and f.node is None}
    taken = [base.name for base in part.bases if base.role == NUMBER and plain.get(base.name, 1) > 1]
    if taken:
        values = {"source": taken[0], "factor": plain[taken[0]]}
        yield Finding("amounts_in_multiples", reading.name, examples=tuple(taken[:3]), values=values)


# ------------------------------------------------------------------------------------------------------ typed table


def _prepare_headers(reading: _Reading, parts: Sequence[_Part]) -> Iterator[Finding]:
    """Write every header table with one row per key; tell repeated keys and items without header."""
    for p, part in enumerate(parts[1:], start=1):
        assert part.key is not None
        key, path = part.values[part.key].column, sql_text(str(_header_path(reading, p)))
        columns = ", ".join(values.column for values in part.values.values())
        rows = f"(SELECT * FROM ({_relation(part)}) WHERE row_mark = 'data' AND {key} IS NOT NULL)"
        reading.rows(
            f"COPY (SELECT {columns} FROM {rows} "
            f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY source_file, source_row) = 1) TO {path} (FORMAT parquet)"
        )
        file, on = part.tables[0].file.name, part.key.name
        repeated = reading.rows(
            f"SELECT {key}, count(*), count(DISTINCT row({columns})) FROM {rows} GROUP BY 1 HAVING count(*) > 1 ORDER BY 1"
        )
        same = [(value, n) for value, n, different in repeated if different == 1]
        differing = [(value, n) for value, n, different in repeated if different > 1]
        for code, severity, found in (
            ("headers_repeated", Severity.INFO, same),
            ("headers_differ", Severity.WARNING, differing),
        ):
            if found:
                examples, values = (
                    tuple(str(value) for value, _ in found[:3]),
                    {"file": file, "on": on, "n": len(found)},
                )
                yield Finding(code, reading.name, severity, sum(n - 1 for _, n in found), None, examples, values)
        yield from _items_without_header(reading, parts, part, path)


def _items_without_header(reading: _Reading, parts: Sequence[_Part], part: _Part, path: str) -> Iterator[Finding]:
    """Rows whose header is missing; of an earlier header table each of its rows is one."""
    assert part.key is not None
    items = parts[part.holder]
    item_key, key = items.values[part.key].column, part.values[part.key].column
    rows = f"SELECT *, 'data' AS row_mark FROM read_parquet({sql_text(str(_header_path(reading, part.holder)))})"
    lost = (
        f"FROM ({rows if part.holder else _relation(items)}) AS i ANTI JOIN read_parquet({path}) AS h "
        f"ON i.{item_key} = h.{key} WHERE i.row_mark = 'data'"
    )
    n = reading.rows(f"SELECT count(*) {lost}")[0][0]
    if not n:
        return
    values = [str(v) for (v,) in reading.rows(f"SELECT DISTINCT {item_key} {lost} ORDER BY 1 LIMIT 3")]
    file, on = part.tables[0].file.name, part.key.name
    if n == sum(copied.rows for copied in items.copied):
        reading.fail(
            [f"{file}: no row of {items.tables[0].file.name} finds its header by {on!r} (first: {shorten(values)})"]
        )
    yield Finding(
        "items_without_header",
        reading.name,
        Severity.WARNING,
        n,
        None,
        tuple(values),
        {"file": file, "on": on, "n": n},
    )


def _header_path(reading: _Reading, part: int) -> Path:
    return reading.scratch / f"header-{part}.parquet"


def _relation(part: _Part) -> str:
    """SQL for all files of a part one below the other, in the order of their names, every wanted column read."""
    names = sorted({copied.table.file.name for copied in part.copied})
    kind = f"ENUM({', '.join(map(sql_text, names))})"
    return " UNION ALL ".join(
        f"SELECT CAST({sql_text(copied.table.file.name)} AS {kind}) AS source_file, source_row, row_mark, "
        + ", ".join(values.sql(n) for values in part.values.values())
        + f" FROM {next(iter(part.values.values())).relations[n]} AS r "
        + " ".join(values.join(n) for values in part.values.values())
        for n, copied in sorted(enumerate(part.copied), key=lambda one: one[1].table.file.name)
    )


def _write(reading: _Reading, parts: Sequence[_Part], fields: Sequence[Field], periods: Sequence[Field]) -> str:
    """Make the typed table and say its name; amounts beyond twelve digits before the decimal sign are a problem.

    What is read from single files alone comes in their order without sorting: DuckDB keeps the order of a scan, not that of a join.
    """
    aliases = ["i", *(f"h{p}" for p in range(1, len(parts)))]
    numbers, texts, others = dict[Base, Number](), dict[str, str](), dict[Base, str]()
    for alias, part in zip(aliases, parts, strict=True):
        for base, values in part.values.items():
            if alias != "i" and base == part.key:
                continue
            place = f"{alias}.{values.column}"
            others.setdefault(base, place)
            if base.role == NUMBER:
                numbers.setdefault(base, Number(place, values.whole, values.digits))
            elif base.role == TEXT:
                texts.setdefault(base.name, place)
    origin = f"({_relation(parts[0])}) AS i" + "".join(
        f" LEFT JOIN read_parquet({sql_text(str(_header_path(reading, p)))}) AS h{p} "
        f"ON {aliases[part.holder]}.{parts[part.holder].values[part.key].column} = h{p}.{part.values[part.key].column}"
        for p, part in enumerate(parts[1:], start=1)
        if part.key is not None
    )
    later = [e for e in reading.source.exclude if Base(e.column, TEXT) not in parts[0].bases]
    marked = " OR ".join(among_sql(texts[e.column], e.values) for e in later)
    mark = (
        f"CASE WHEN i.row_mark = 'data' AND ({marked}) THEN 'excluded' ELSE i.row_mark END" if marked else "i.row_mark"
    )
    compiled = {f: _typed(f, numbers, texts, others) for f in (*fields, *periods)}
    for f in filter(lambda f: _is_numbered(reading, f), fields):
        compiled[f] = (name_sql if f.column == NAME_FIELD else number_sql)(compiled[f])
    reading.fail([*_too_large(reading, origin, [f for f in compiled if f.kind == MONEY], numbers, texts)])
    columns = [f'{compiled[f]} AS "{f.column}"' for f in fields]
    ends = f"i.source_file, i.source_row, CAST({mark} AS {_MARKS}) AS row_mark"
    if not periods:
        query = f"SELECT {', '.join(columns)}, {ends} FROM {origin}"
    else:
        cells = [f"{compiled[f]} AS p{n}" for n, f in enumerate(periods)]
        names = ", ".join(f.column for f in fields)
        days = [period_end(f.column, reading.engagement.fiscal_year_start) for f in periods]
        query = (
            f"WITH wide AS MATERIALIZED (SELECT {', '.join([*columns, *cells])}, {ends} FROM {origin}) "
            + " UNION ALL ".join(
                f"SELECT {names}, DATE '{day}' AS posting_date, p{n} AS net_revenue, source_file, source_row, row_mark "
                f"FROM wide WHERE p{n} IS NOT NULL"
                for n, day in enumerate(days)
            )
        )
    if "JOIN" in origin or periods or reading.source.fill_down:
        query += f" ORDER BY source_file, source_row{', posting_date' if periods else ''}"
    target = f"typed_{reading.name}"
    reading.rows(f"CREATE OR REPLACE TABLE {target} AS {query}")
    return target


def _is_numbered(reading: _Reading, f: Field) -> bool:
    """Whether a field is taken from a column whose cells hold number and name together."""
    numbered = {same_name(column) for column in reading.source.numbers_in}
    return f.kind == TEXT and f.node is None and same_name(f.source) in numbered


def _numbers_in_names(reading: _Reading, fields: Sequence[Field], target: str) -> Iterator[Finding]:
    """Tell customer numbers that are still part of a name, and cells without a number where there should be one."""
    used = {same_name(f.source) for f in fields if _is_numbered(reading, f)}
    unused = [column for column in reading.source.numbers_in if same_name(column) not in used]
    reading.fail(
        [f"numbers_in: customer_id and name are not taken from {column!r}: name it there" for column in unused]
    )
    ids = next((f for f in fields if f.column == "customer_id" and f.node is None), None)
    if ids is None:
        return
    of, numbered = f"FROM {target} WHERE row_mark = 'data' AND customer_id IS NOT NULL", _is_numbered(reading, ids)
    if numbered:
        of += f" AND NOT {is_number_sql('customer_id')}"
    cells = reading.rows(f"SELECT DISTINCT CAST(customer_id AS VARCHAR) {of} ORDER BY 1 LIMIT {MOST_LOOKED_AT}")
    examples = tuple(str(cell) for (cell,) in cells)
    if (numbered and examples) or are_numbered(examples, recognition_rules().fits.value):
        ((n,),) = reading.rows(f"SELECT count(*) {of}")
        code = "no_number_in_name" if numbered else "number_in_name"
        values = {"source": ids.source, "n": n}
        yield Finding(code, reading.name, Severity.WARNING, n, None, examples[:3], values)


def _drop_raw(reading: _Reading) -> None:
    """Give back the memory of the cells as they came."""
    tables = reading.rows(f"SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, '{_RAW}')")
    for (table,) in tables:
        reading.rows(f'DROP TABLE "{table}"')


def _typed(f: Field, numbers: Mapping[Base, Number], texts: Mapping[str, str], others: Mapping[Base, str]) -> str:
    match f.kind:
        case "text":
            return texts[f.source] if f.node is None else text_of(f.node, numbers, texts)
        case "date":
            return others[Base(f.source, DATE)]
        case "flag" if f.node is None:
            return others[Base(f.source, FLAG)]
    number = number_of(f.node, f.source, numbers, texts).sql
    if f.kind == MONEY:
        return f"TRY_CAST({number} AS {MONEY_TYPE})"
    if f.kind == FLAG:
        return f"({number} <> 0)"
    return f"TRY_CAST({number} AS BIGINT)" if f.kind in (INTEGER, YEAR) else f"CAST({number} AS DOUBLE)"


def _too_large(
    reading: _Reading, origin: str, fields: Sequence[Field], numbers: Mapping[Base, Number], texts: Mapping[str, str]
) -> Iterator[str]:
    """Amounts that a DECIMAL(18,6) cannot hold, looked for only where the columns are wide enough."""
    for f in fields:
        number = number_of(f.node, f.source, numbers, texts)
        if number.whole is not None and number.whole <= MOST_WHOLE:
            continue
        beyond = f"FROM {origin} WHERE i.row_mark = 'data' AND abs({number.sql}) >= 1e{MOST_WHOLE}"
        found = reading.rows(
            f"SELECT i.source_file, i.source_row, {number.sql}, count(*) OVER () {beyond} ORDER BY 1, 2 LIMIT 1"
        )
        for file, row, value, n in found:
            yield (
                f"{file}: {f.column} ({f.source!r}) is 1,000,000,000,000 or more in {n} row{'s' if n != 1 else ''} "
                f"(first: row {row} '{value}'): correct them or set format.decimal"
            )


def period_end(period: str, fiscal_year_start: int) -> dt.date:
    """The last day of a month (2025-03) or of a fiscal year, which is named by the calendar year in which it ends.

    >>> period_end("2025", 1), period_end("2025", 10), period_end("2024-02", 1)
    (datetime.date(2025, 12, 31), datetime.date(2025, 9, 30), datetime.date(2024, 2, 29))
    """
    year, _, month = period.partition("-")
    last = int(month) if month else (fiscal_year_start + 10) % 12 + 1
    return dt.date(int(year), last, calendar.monthrange(int(year), last)[1])


# ------------------------------------------------------------------------------------------------------------ report


def _file_row(name: str, copied: Copied) -> dict[str, Any]:
    table, dialect = copied.table, copied.table.dialect
    return {
        "table": name,
        "file": table.file.name,
        "sheet": table.sheet,
        "encoding": dialect.encoding if dialect else None,
        "delimiter": _SHOWN_DELIMITERS.get(dialect.shown, dialect.shown) if dialect else None,
        "header_row": table.header_row or None,
        "rows": copied.rows,
    }


def _column_rows(
    reading: _Reading, parts: Sequence[_Part], fields: Sequence[Field], periods: Sequence[Field], target: str
) -> Iterator[dict[str, Any]]:
    known = {base: values for part in reversed(parts) for base, values in part.values.items()}
    empty = ", ".join(f'count(*) - count("{f.column}")' for f in fields)
    (counts,) = reading.rows(f"SELECT {empty} FROM {target} WHERE row_mark = 'data'")
    for f, n_empty in [*zip(fields, counts, strict=True), *((period, 0) for period in periods)]:
        values = [known[base] for base in f.bases]
        yield {
            "table": reading.name,
            "column": f.column,
            "source": shown(reading.source.preset, f.source) if reading.source.preset else f.source,
            "kind": f.kind,
            "format": _told(v.format for v in values),
            "decimal": _told(v.decimal for v in values),
            "thousands": _told(v.thousands for v in values),
            "n_empty": n_empty,
            "ambiguous": any(v.ambiguous for v in values),
            "example": values[0].example if f.node is None or f in periods else _first_value(reading, f, target),
            "origin": "engagement" if reading.origins is None else reading.origins.get(f.column, "preset"),
        }


def _first_value(reading: _Reading, f: Field, target: str) -> str | None:
    """What arithmetic gave in the first row that it gave anything in."""
    own = f'"{f.column}"'
    column = f"CAST({own} AS DOUBLE)" if f.kind in (MONEY, NUMBER) else own
    rows = reading.rows(
        f"SELECT CAST({column} AS VARCHAR) FROM {target} WHERE row_mark = 'data' AND {own} IS NOT NULL "
        "ORDER BY source_file, source_row LIMIT 1"
    )
    return str(rows[0][0]) if rows else None


def _told(words: Iterator[str | None]) -> str | None:
    return " ".join(dict.fromkeys(word for word in words if word)) or None
