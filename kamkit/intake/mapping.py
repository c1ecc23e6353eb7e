"""What people answered in the mapping sheet of inputs.xlsx, put in force before any file is read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kamkit.errors import InputError
from kamkit.intake.column_meaning import recognition_rules
from kamkit.intake.inputs import MappingRow, read_mapping
from kamkit.intake.sources import nearest
from kamkit.model.engagement import UNKNOWN, Engagement, Source
from kamkit.model.tables import TABLES

_PERIOD = re.compile(r"\d{4}(-(0[1-9]|1[0-2]))?|\?")


def with_confirmed_mapping(engagement: Engagement) -> tuple[Engagement, frozenset[tuple[str, str]]]:
    """The engagement with the columns that people confirmed or took out in place of its own, and which fields these are.

    Raises InputError, naming sheet and row, where an answer cannot be followed, and where a required column that was only
    guessed still waits for one.
    """
    path = engagement.folder / engagement.inputs
    rows = read_mapping(path)
    problems: list[str] = []
    changed: dict[str, Source] = {}
    for name, source in engagement.sources.given():
        mine = [row for row in rows if row.table == name]
        changed[name] = _followed(name, source, [row for row in mine if row.confirmed is not None], problems)
        problems += _still_open(name, changed[name], [row for row in mine if row.confirmed is None])
    if problems:
        raise InputError(path.name, problems)
    sources = engagement.sources.model_copy(update=changed)
    settled = engagement.model_copy(update={"sources": sources})
    return settled, frozenset((row.table, row.column) for row in rows if row.confirmed)


def _followed(name: str, source: Source, rows: list[MappingRow], problems: list[str]) -> Source:
    columns, periods = dict(source.columns), dict(source.periods)
    for row in rows:
        if source.layout == "wide" and _PERIOD.fullmatch(row.column):
            periods = {key: text for key, text in periods.items() if key != row.column and text != row.source}
            periods |= {row.column: row.source} if row.confirmed and row.column != UNKNOWN else {}
        elif row.column not in TABLES[name].columns:
            problems.append(
                f"{row.place}: {row.column!r} is no field of {name}{nearest(row.column, list(TABLES[name].columns))}"
            )
        elif row.confirmed and row.source in ("", UNKNOWN):
            problems.append(f"{row.place}: {row.column} is confirmed without a column: name it")
        elif row.confirmed:
            if row.source != f"(preset {source.preset})":
                columns[row.column] = row.source
        elif row.column in _required(name, source):
            problems.append(
                f"{row.place}: {row.column} is needed: name the right column in place of {row.source!r} and answer yes"
            )
        elif source.preset:
            columns[row.column] = ""
        else:
            columns.pop(row.column, None)
    return source.model_copy(update={"columns": columns, "periods": periods})


def _still_open(name: str, source: Source, rows: list[MappingRow]) -> Iterator[str]:
    """What only a person can say: required columns that were guessed and stand as proposed, and what nobody recognised."""
    use = recognition_rules().use.value
    asked = {row.column: row for row in rows}
    for column, text in source.columns.items():
        row = asked.get(column)
        place = f"{row.place}: " if row else f"sources.{name}: "
        if text == UNKNOWN:
            yield f"{place}no column was recognised for {column}: name it and answer yes"
        elif (
            row
            and column in _required(name, source)
            and row.source == text
            and (1 if row.confidence is None else row.confidence) < use
        ):
            yield (
                f"{place}{column} is only {row.confidence:.0%} certain to be {text!r}: "
                "answer yes, or name the right column and answer yes"
            )
    if UNKNOWN in source.periods:
        place = f"{asked[UNKNOWN].place}: " if UNKNOWN in asked else f"sources.{name}: "
        yield (
            f"{place}no heading names the year of {source.periods[UNKNOWN]!r}: write it in place of "
            f"{UNKNOWN!r}, such as 2024, and answer yes"
        )


def _required(name: str, source: Source) -> frozenset[str]:
    return TABLES[name].required - ({"posting_date", "net_revenue"} if source.layout == "wide" else set())
