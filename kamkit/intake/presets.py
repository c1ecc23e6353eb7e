"""What a preset means for the files at hand: the first of its headings that stands there, periods read from headings."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from kamkit.intake.columns import field_of, match_columns
from kamkit.intake.dialects import same_name
from kamkit.model.engagement import Exclusion, Join, Source
from kamkit.model.presets import Preset, known_headings, presets
from kamkit.model.tables import TABLES

_YEAR = r"(?<!\d)(?P<year>(?:19|20)\d\d)"
_FISCAL = re.compile(_YEAR + r"\s*/\s*(?P<next>(?:(?:19|20)\d\d)|\d\d)(?!\d)")
_YEAR_MONTH = re.compile(_YEAR + r"\s*[-/._]\s*(?P<month>0[1-9]|1[0-2]|[1-9])(?!\d)")
_MONTH_YEAR = re.compile(r"(?<!\d)(?P<month>0[1-9]|1[0-2]|[1-9])\s*[-/._]\s*(?P<year>(?:19|20)\d\d)(?!\d)")
_YEAR_ALONE = re.compile(_YEAR + r"(?!\d)")


def names_wanted(preset: Preset) -> list[str]:
    """Every column name that may stand for something in a preset."""
    names = list(preset.join)
    for column, candidates in preset.candidates().items():
        for text in candidates:
            names += _names(preset, column, text)
    return list(dict.fromkeys(names))


def settle(name: str, source: Source, headers: Sequence[Sequence[str]]) -> Source:
    """A source with columns, periods, exclusions and join keys as its preset finds them in the headers (of the items, then
    of each joined file), wherever the engagement does not say otherwise. What no header has is left out."""
    preset = presets()[str(source.preset)]
    every = [column for header in headers for column in dict.fromkeys(header)]
    columns = dict(source.columns)
    for column, candidates in preset.candidates().items():
        if column not in columns and _may_have(name, source, column):
            found = (_written(preset, column, text, headers) for text in candidates)
            if (text := next((t for t in found if t and t not in columns.values()), None)) is not None:
                columns[column] = text
    return source.model_copy(
        update={
            "columns": {column: text for column, text in columns.items() if text},
            "periods": source.periods or (periods_in(headers[0]) if source.layout == "wide" else {}),
            "exclude": source.exclude or tuple(Exclusion(**e) for e in preset.exclude if _has(every, e["column"])),
            "join": tuple(
                _keyed(preset, join, headers[0], h) for join, h in zip(source.join, headers[1:], strict=True)
            ),
        }
    )


def _names(preset: Preset, column: str, text: str) -> list[str]:
    if not text.startswith("="):
        return [text]
    kind = TABLES[preset.table].columns.get(column)
    return [base.name for base in field_of(column, kind, text).bases] if kind else []


def _may_have(name: str, source: Source, column: str) -> bool:
    return column in TABLES[name].columns and not (
        source.layout == "wide" and column in ("posting_date", "net_revenue", "order_date")
    )


def _written(preset: Preset, column: str, text: str, headers: Sequence[Sequence[str]]) -> str | None:
    """A candidate as the first header that has it writes it; None where it is not there, or stands there twice."""
    if text.startswith("="):
        return text if all(any(_has(h, name) for h in headers) for name in _names(preset, column, text)) else None
    for compared in (same_name, plain_name):
        for header in headers:
            found = [name for name in header if compared(name) == compared(text)]
            if found:
                return found[0] if len(found) == 1 else None
    return None


def plain_name(heading: str) -> str:
    """A heading without case, blanks and signs.

    >>> plain_name("Kunden-Nr. "), plain_name("Umsatz (netto)")
    ('kundennr', 'umsatznetto')
    """
    return re.sub(r"[\W_]+", "", same_name(heading)) or same_name(heading)


def _has(header: Sequence[str], name: str) -> bool:
    return any(match_columns([name], header))


def _keyed(preset: Preset, join: Join, items: Sequence[str], header: Sequence[str]) -> Join:
    """A join with its key: the first of the preset's that both files have; without any the preset's first."""
    if join.on:
        return join
    both = (key for key in preset.join if _has(items, key) and _has(header, key))
    return join.model_copy(update={"on": next(both, next(iter(preset.join), ""))})


def period_of(heading: str) -> tuple[str, str] | None:
    """The year (2024) or month (2024-03) that a heading names, and what else stands there.

    >>> period_of("Umsatz 2024"), period_of("Jan 24"), period_of("GJ 2023/24"), period_of("01/2025"), period_of("Kunde")
    (('2024', 'umsatz'), ('2024-01', ''), ('2024', 'gj'), ('2025-01', ''), None)
    """
    text = same_name(heading)
    for found, key in _periods(text):
        rest = " ".join(re.sub(r"[^\w%]+", " ", text[: found.start()] + " " + text[found.end() :]).split())
        return key, rest
    return None


def _periods(text: str) -> Iterator[tuple[re.Match[str], str]]:
    if (found := _FISCAL.search(text)) and (int(found["year"]) + 1) % 100 == int(found["next"]) % 100:
        yield found, str(int(found["year"]) + 1)
    if found := _YEAR_MONTH.search(text) or _MONTH_YEAR.search(text):
        yield found, f"{found['year']}-{int(found['month']):02d}"
    for number, names in enumerate(known_headings()["months"], start=1):
        if found := re.search(
            rf"(?<![^\W_])(?:{'|'.join(names)})(?![^\W\d_])[ .'’/_-]*(?P<year>(?:(?:19|20)\d\d)|\d\d)(?!\d)", text
        ):
            year = found["year"]
            yield found, f"{year if len(year) == 4 else '20' + year}-{number:02d}"
    if found := _YEAR_ALONE.search(text):
        yield found, found["year"]


def periods_in(header: Sequence[str]) -> dict[str, str]:
    """Period → heading of the columns that hold revenue by year or month, in order; empty where there is none or where it
    is not certain which of several figures is revenue. Months where a list has both and they cover the same years."""
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    for heading in header:
        if found := period_of(heading):
            groups[found[1]].setdefault(found[0], heading)
    named = {rest: periods for rest, periods in groups.items() if _is_revenue(rest)}
    revenue = named or {rest: periods for rest, periods in groups.items() if not set(rest.split()) - _NEUTRAL}
    merged: dict[str, str] = {}
    for periods in revenue.values():
        for key, heading in periods.items():
            if merged.setdefault(key, heading) != heading:
                return {}
    years, months = ({k: h for k, h in sorted(merged.items()) if ("-" in k) == by_month} for by_month in (False, True))
    covered = {key[:4] for key in months}
    return months if months and set(years) <= covered else years or months


_NEUTRAL = {"gj", "fy", "jahr", "year", "wj", "geschäftsjahr", "ist", "actual", "eur", "tsd", "in", "€", "chf"}


def _is_revenue(rest: str) -> bool:
    words: Mapping[str, list[str]] = known_headings()["parts"]["transactions"]
    never: list[str] = known_headings()["not"]["net_revenue"]
    return any(word in rest for word in words["net_revenue"]) and not any(word in rest for word in never)
