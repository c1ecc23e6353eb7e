"""Raw files looked at as a whole: every column with what its values are like, before anybody has said what it means."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

import duckdb
import pandas as pd
from python_calamine import CalamineError, CalamineWorkbook

from kamkit.intake.columns import Base
from kamkit.intake.dialects import CannotReadError
from kamkit.intake.money_words import CURRENCIES, SIGNS
from kamkit.intake.raw_tables import Copied, RawTable, copy_wanted, open_raw_table
from kamkit.intake.sources import find_files
from kamkit.intake.values import read_values
from kamkit.model.engagement import Engagement, FileFormat
from kamkit.model.tables import DATE, NUMBER, TEXT

MOST_SHAPED = 2000
_ROLES = (TEXT, NUMBER, DATE)


@dataclass(frozen=True)
class Profile:
    """What the values of a column are like: `traits` by name (shares 0–1 of the filled cells, distinct, repeats = rows
    per distinct value), the first different values, and the values as text, number (NaN where none) and date."""

    heading: str
    traits: Mapping[str, float]
    examples: tuple[str, ...]
    texts: pd.Series = field(repr=False)
    numbers: pd.Series = field(repr=False)

    @property
    def known(self) -> set[str]:
        """The distinct values."""
        return set(self.texts.dropna().unique())


@dataclass(frozen=True)
class RawSheet:
    """A table of raw data: its path as given (several for files with the same columns), its sheet of a workbook, its rows,
    the columns with a name of their own, the lines above their names, and the columns that are filled down in blocks."""

    paths: tuple[str, ...]
    sheet: str | None
    rows: int
    columns: Mapping[str, Profile]
    above: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What people call it."""
        shown = self.paths[0] if len(self.paths) == 1 else f"{self.paths[0]} (+{len(self.paths) - 1})"
        return f"{shown}, {self.sheet}" if self.sheet else shown


def look_at(
    paths: Sequence[str], folder: Path, wanted: Sequence[str], shapes: Mapping[str, str], most: int, scratch: Path
) -> tuple[list[RawSheet], dict[str, str]]:
    """Every table in the files at `paths` below `folder`, those with the same columns as one, and what keeps the others
    from being read. `wanted` are headings that tell a header; `most` bounds the rows that are looked at."""
    found: list[RawSheet] = []
    trouble: dict[str, str] = {}
    with duckdb.connect() as con:
        for number, path in enumerate(paths):
            place = scratch / str(number)
            place.mkdir(parents=True)
            files, problems = find_files([path], folder, place)
            if problems:
                trouble[path] = "; ".join(problem.removeprefix(f"{path}: ") for problem in problems)
            for file in files:
                sheets = _filled_sheets(file.path) if file.kind == "workbook" else [None]
                for sheet in sheets:
                    try:
                        table = open_raw_table(con, file, wanted, FileFormat(), sheet, place)
                        many = sheet if len(sheets) > 1 else None
                        found.append(_profiled(con, path, many, _copied(con, table, most, place), shapes, most, place))
                    except CannotReadError as error:
                        trouble[path if sheet is None else f"{path}, {sheet}"] = str(error)
    return _merged(found), trouble


def _filled_sheets(path: Path) -> list[str | None]:
    """The sheets of a workbook that hold something; one without a name where it cannot be opened, for the reader to say why."""
    try:
        book = CalamineWorkbook.from_path(str(path))
        return [t for t in book.sheet_names if book.get_sheet_by_name(t).end is not None] or [None]
    except (CalamineError, OSError):
        return [None]


def _copied(con: duckdb.DuckDBPyConnection, table: RawTable, most: int, place: Path) -> Copied:
    """All columns with a name of their own, three times: as text, as number and as date. Of a long table the first
    `most` rows and as many spread over the others: what a column means shows in a part, and the import reads it all."""
    counts = Counter(table.header)
    positions = [i for i, name in enumerate(table.header) if name.strip() and counts[name] == 1]
    if not positions:
        raise CannotReadError("has no row of column names")
    copied = copy_wanted(con, table, positions, None, None, (), f"raw_{uuid4().hex}", place)
    cells = ", ".join(f"w{i // len(_ROLES)} AS w{i}" for i in range(len(positions) * len(_ROLES)))
    part = f"source_row <= {most} OR source_row % {max(1, copied.rows // most)} = 0"
    return replace(copied, relation=f"(SELECT {cells}, source_row, row_mark FROM {copied.relation} WHERE {part})")


def _profiled(
    con: duckdb.DuckDBPyConnection,
    path: str,
    sheet: str | None,
    copied: Copied,
    shapes: Mapping[str, str],
    most: int,
    place: Path,
) -> RawSheet:
    counts = Counter(copied.table.header)
    names = [name for name in copied.table.header if name.strip() and counts[name] == 1]
    bases = [Base(name, role) for name in names for role in _ROLES]
    values = read_values(con, [copied], bases, FileFormat(), _NOBODY, place / "values")
    columns = ", ".join(
        f"CAST({read.expressions[0]} AS DOUBLE) AS {read.column}" if base.role == NUMBER else read.sql(0)
        for base, read in values.items()
    )
    first = next(iter(values.values()))
    joins = " ".join(read.join(0) for read in values.values())
    query = f"SELECT {columns} FROM {first.relations[0]} AS r {joins} WHERE row_mark = 'data' ORDER BY source_row LIMIT {most}"
    frame = con.execute(query).df()
    cells = {base: frame[values[base].column] for base in bases}
    profiles = {
        n.strip(): _profile(n, cells[Base(n, TEXT)], cells[Base(n, NUMBER)], cells[Base(n, DATE)], shapes)
        for n in names
    }
    return RawSheet((path,), sheet, copied.rows, profiles, copied.table.above)


_NOBODY = Engagement.model_validate(
    {
        "client": "-",
        "sources": {
            "transactions": {"path": "-", "columns": dict.fromkeys(("customer_id", "posting_date", "net_revenue"), "-")}
        },
    }
)


def _profile(name: str, texts: pd.Series, numbers: pd.Series, dates: pd.Series, shapes: Mapping[str, str]) -> Profile:
    filled = texts.dropna().astype(str)
    n, different = len(filled), filled.unique()
    count = numbers.notna() & texts.notna()
    amounts = numbers[count]
    traits = {
        "filled": n / max(len(texts), 1),
        "distinct": float(len(different)),
        "repeats": n / max(len(different), 1),
        "numbers": count.sum() / max(n, 1),
        "decimals": float((amounts % 1 != 0).mean()) if len(amounts) else 0.0,
        "negatives": float((amounts < 0).mean()) if len(amounts) else 0.0,
        "dates": (dates.notna() & texts.notna()).sum() / max(n, 1),
        "codes": float(filled.str.match(r"0\d").mean()) if n else 0.0,
    }
    sample = pd.Series(different[:MOST_SHAPED], dtype=str)
    traits["currencies"] = float(sample.str.strip().str.upper().isin([*CURRENCIES, *SIGNS]).mean()) if n else 0.0
    traits["words"] = float(sample.str.contains(r"[^\W\d_]{2}.*\s\S").mean()) if n else 0.0
    for shape, pattern in shapes.items():
        fits = sample.str.fullmatch(pattern, flags=re.IGNORECASE)
        traits[shape] = float(fits.mean()) if len(sample) else 0.0
    return Profile(name.strip(), traits, tuple(different[:3]), texts, numbers)


def with_blocks_filled(sheet: RawSheet, headings: Iterable[str], shapes: Mapping[str, str]) -> RawSheet:
    """The table with columns filled down whose values stand on top of blocks: the first row has one, more than a third of
    the rows have none, and none stands there twice."""
    columns, blocks = dict(sheet.columns), []
    for heading in headings:
        texts, traits = columns[heading].texts, columns[heading].traits
        if len(texts) and pd.notna(texts.iloc[0]) and traits["repeats"] == 1 and traits["filled"] < 2 / 3:
            numbers, dates = columns[heading].numbers.where(texts.notna()).ffill(), pd.Series(pd.NaT, texts.index)
            columns[heading] = _profile(heading, texts.ffill(), numbers, dates, shapes)
            blocks.append(heading)
    return replace(sheet, columns=columns, blocks=tuple(blocks))


def _merged(sheets: Sequence[RawSheet]) -> list[RawSheet]:
    """Files of the same kind, with the same columns in the same order, as one: an export is often split by month."""
    alike: dict[tuple[str, ...], list[RawSheet]] = {}
    for sheet in sheets:
        alike.setdefault((*sheet.columns, str(sheet.sheet)), []).append(sheet)
    return [_together(group) for group in alike.values()]


def _together(group: Sequence[RawSheet]) -> RawSheet:
    largest = max(group, key=lambda sheet: sheet.rows)
    paths = tuple(dict.fromkeys(path for sheet in group for path in sheet.paths))
    return replace(largest, paths=paths, rows=sum(sheet.rows for sheet in group))
