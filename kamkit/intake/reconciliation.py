"""Does what was imported agree with the revenue that the client states, and what explains the difference?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pandas as pd

from kamkit.errors import InputError
from kamkit.intake.periods import fiscal_year
from kamkit.model.codes import Severity
from kamkit.model.results import Finding
from kamkit.model.rules import Rule, Threshold

COLUMNS = (
    *("fiscal_year", "stated", "imported", "difference", "difference_share", "within_tolerance", "without_customer"),
    *("months", "explained_by", "explained_detail", "explained"),
)
BRIDGE_COLUMNS = ("fiscal_year", "step", "rows", "revenue")
IN_FILES, IMPORTED, STATED, DIFFERENCE = "in_files", "imported", "stated", "difference"
CURRENCY, UNEXPLAINED = "currency", "unexplained"
AFTER_PERIOD, NO_CUSTOMER = "after_period", "no_customer"

FACTORS: Mapping[str, Decimal] = {
    "value_added_tax": Decimal("1.19"),
    "reduced_tax": Decimal("1.07"),
    "swiss_tax": Decimal("1.081"),
    "austrian_tax": Decimal("1.20"),
    "everything_twice": Decimal(2),
    "thousands": Decimal(1000),
}
"""By what imported and stated revenue differ where one of the two means something else (rates in force: norm)."""


class ReconciliationLimits(Rule):
    """`tolerance`: how far imported may lie from stated revenue, as a share of it. `explained`: how much of a difference
    an explanation may leave open, as a share of the difference."""

    tolerance: Threshold
    explained: Threshold


@dataclass(frozen=True)
class Booked:
    """The lines of one month (first day; None without a date) that one rule removed, or that count (reason None); those
    after the period's end count as imported. `set_right`: what each correction (a rule, or the conversion of currencies)
    has changed about their revenue, in the order of the corrections."""

    month: dt.date | None
    reason: str | None
    rows: int
    revenue: Decimal
    set_right: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def counts(self) -> bool:
        return self.reason is None or self.reason == AFTER_PERIOD

    def year(self, fiscal_year_start: int) -> int | None:
        """The fiscal year of the lines."""
        return None if self.month is None else fiscal_year(self.month, fiscal_year_start)


@dataclass(frozen=True)
class Effect:
    """What would have to be added to a year's imported revenue if the client counts differently."""

    fiscal_year: int
    code: str
    revenue: Decimal
    detail: str = ""


@dataclass(frozen=True)
class Reconciled:
    """`table`: fiscal_year, stated, imported, difference, difference_share, within_tolerance (missing where nothing is
    stated), without_customer (revenue of the year's lines that name no customer), months (with a line that counts),
    explained_by (a code of `explanation.<code>`), explained_detail, explained (its revenue).
    `bridge`: fiscal_year (missing for lines without a date), step, rows, revenue: from `in_files` over what was set
    right and each removing rule to `imported`; of that `after_period`; then `stated`, `difference` and,
    where that is out of tolerance, what remains `unexplained`."""

    table: pd.DataFrame
    bridge: pd.DataFrame
    findings: tuple[Finding, ...]


def reconcile(
    booked: Sequence[Booked],
    stated: Mapping[int, float],
    limits: ReconciliationLimits,
    fiscal_year_start: int = 1,
    accept_difference: str | None = None,
    more_effects: Callable[[], Iterable[Effect]] = tuple,
) -> Reconciled:
    """Imported against stated revenue by fiscal year, and the way from the files to both.

    `more_effects` is asked only where a year is off. An explanation is named only if it brings both figures together
    within the tolerance and leaves little of the difference.
    Raises InputError when a year is further off than the tolerance and no reason is given for it.
    """
    years: dict[int | None, list[Booked]] = {}
    for lines in booked:
        years.setdefault(lines.year(fiscal_year_start), []).append(lines)
    imported = {year for year, lines in years.items() if any(part.counts for part in lines)} - {None}
    tolerance = Decimal(str(limits.tolerance.value))
    table_years = sorted({*years, *stated} - {None})  # type: ignore[type-var]
    rows = [_year(int(year or 0), years.get(year, []), stated, tolerance) for year in table_years]
    if off := [row for row in rows if row["within_tolerance"] is False]:
        effects = [*_effects(booked, fiscal_year_start), *more_effects()]
        for row in off:
            row |= _explanation(row, effects, tolerance, Decimal(str(limits.explained.value)))
    if off and accept_difference is None:
        raise InputError("control_totals", [_problem(row, tolerance) for row in off])
    findings = [
        Finding(
            "difference_accepted",
            "transactions",
            revenue=row["difference"],
            values={"year": str(row["fiscal_year"]), "reason": accept_difference},
        )
        for row in off
    ]
    if unseen := [str(year) for year in sorted(set(stated) - imported)]:
        findings.append(Finding("control_total_unused", "transactions", Severity.INFO, values={"years": unseen}))
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"within_tolerance": "boolean"})
    steps = [(year, *step) for year in [*table_years, None] for step in _steps(years.get(year, []))]
    return Reconciled(table, _bridge(steps, rows), tuple(findings))


def _revenue(lines: Iterable[Booked]) -> Decimal:
    return sum((part.revenue for part in lines), Decimal(0))


def _change(lines: Iterable[Booked], name: str) -> Decimal:
    return sum((part.set_right.get(name, Decimal(0)) for part in lines), Decimal(0))


def _year(year: int, lines: list[Booked], stated: Mapping[int, float], tolerance: Decimal) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    counted = [part for part in lines if part.counts]
    revenue = _revenue(counted)
    row |= {
        "fiscal_year": year,
        "stated": stated.get(year),
        "imported": float(revenue) if counted else None,
        "without_customer": float(_revenue(part for part in lines if part.reason == NO_CUSTOMER)),
        "months": len({part.month for part in counted}),
    }
    if not counted or year not in stated:
        return row
    exact = Decimal(str(stated[year]))
    difference = revenue - exact
    share = difference / abs(exact) if exact else None
    within = abs(share) <= tolerance if share is not None else difference == 0
    return row | {
        "difference": float(difference),
        "difference_share": None if share is None else float(share),
        "within_tolerance": within,
    }


def _effects(booked: Sequence[Booked], fiscal_year_start: int) -> Iterator[Effect]:
    """What the months and the removed lines can explain: lines left out, months without a line, another fiscal year."""
    dated = [(lines.year(fiscal_year_start) or 0, lines) for lines in booked if lines.month is not None]
    for year, reason in sorted({(year, str(lines.reason)) for year, lines in dated if not lines.counts}):
        left = _revenue(lines for y, lines in dated if (y, lines.reason) == (year, reason))
        yield Effect(year, "rule", left, reason)
    counted = [(year, lines) for year, lines in dated if lines.counts]
    for year, name in sorted({(year, name) for year, lines in counted for name in lines.set_right if name != CURRENCY}):
        yield Effect(year, "set_right", -_change((lines for y, lines in counted if y == year), name), name)
    for year in sorted({year for year, _ in counted}):
        own = _revenue(lines for y, lines in counted if y == year)
        n = len({lines.month for y, lines in counted if y == year})
        if n < 12:
            yield Effect(year, "missing_months", own / n * (12 - n), str(12 - n))
        for start in sorted(set(range(1, 13)) - {fiscal_year_start}):
            other = [lines for _, lines in counted if lines.year(start) == year]
            if len({lines.month for lines in other}) == 12:
                yield Effect(year, "fiscal_year_start", _revenue(other) - own, str(start))


def _explanation(
    row: Mapping[str, Any], effects: Iterable[Effect], tolerance: Decimal, open_share: Decimal
) -> dict[str, Any]:
    """The explanation that leaves least, if it leaves little enough."""
    year, revenue, stated = row["fiscal_year"], Decimal(str(row["imported"])), Decimal(str(row["stated"]))
    factors = [
        Effect(year, code, revenue * by - revenue, way)
        for code, factor in FACTORS.items()
        for way, by in (("client", factor), ("export", 1 / factor))
    ]
    found = [effect for effect in (*effects, *factors) if effect.fiscal_year == year and effect.revenue]
    best = min(found, key=lambda effect: abs(revenue + effect.revenue - stated), default=None)
    if best is None:
        return {}
    left = abs(revenue + best.revenue - stated)
    if left > tolerance * abs(stated) or left > open_share * abs(revenue - stated):
        return {}
    explained = float(round(best.revenue, 2))
    return {"explained_by": best.code, "explained_detail": best.detail, "explained": explained}


def _steps(lines: list[Booked]) -> Iterator[tuple[str, int | None, Decimal]]:
    """The way of a year's lines from the files to the imported revenue: step, rows, revenue."""
    if not lines:
        return
    changes = {name: _change(lines, name) for name in dict.fromkeys(name for part in lines for name in part.set_right)}
    yield IN_FILES, sum(part.rows for part in lines), _revenue(lines) - sum(changes.values(), Decimal(0))
    for name, change in changes.items():
        if change:
            yield name, None, change
    for reason in dict.fromkeys(part.reason for part in lines if not part.counts):
        left = [part for part in lines if part.reason == reason]
        yield str(reason), -sum(part.rows for part in left), -_revenue(left)
    counted = [part for part in lines if part.counts]
    yield IMPORTED, sum(part.rows for part in counted), _revenue(counted)
    if later := [part for part in counted if part.reason == AFTER_PERIOD]:
        yield AFTER_PERIOD, sum(part.rows for part in later), _revenue(later)


def _bridge(steps: list[tuple[int | None, str, int | None, Decimal]], years: list[dict[str, Any]]) -> pd.DataFrame:
    """The steps of all years, those of the client's figure after each year's own; without a date last."""
    told: list[tuple[int | None, str, int | None, float]] = [(y, s, n, float(amount)) for y, s, n, amount in steps]
    for row in years:
        told += [(row["fiscal_year"], step, None, row[step]) for step in (STATED, DIFFERENCE) if row[step] is not None]
        if row["within_tolerance"] is False:
            left = round(row["difference"] + (row["explained"] or 0.0), 2)
            told.append((row["fiscal_year"], UNEXPLAINED, None, left))
    told.sort(key=lambda step: step[0] if step[0] is not None else 10_000)
    return pd.DataFrame(told, columns=list(BRIDGE_COLUMNS)).astype({"fiscal_year": "Int64", "rows": "Int64"})


_TOLD = {
    "rule": "the lines removed as {detail}",
    "reported": "the lines reported as {detail}",
    "set_right": "what was set right as {detail}",
    "missing_months": "months without a line ({detail} of the year), at the mean of the others",
    "fiscal_year_start": "a fiscal year that starts in month {detail}",
    "file_twice": "{detail} being a copy of another file",
}


def _problem(row: Mapping[str, Any], tolerance: Decimal) -> str:
    share = row["difference_share"]
    percent = f" ({share:+.1%})" if isinstance(share, float) else ""
    without = row["without_customer"]
    hint = f"; lines without a customer add up to {without:,.2f}" if without else ""
    if code := row["explained_by"]:
        told = _TOLD.get(code, code.replace("_", " ") + " (factor {factor})")
        words = told.format(detail=row["explained_detail"], factor=FACTORS.get(code))
        hint += f"; would be explained by {words}: {row['explained']:+,.2f}"
    return (
        f"{row['fiscal_year']}: imported {row['imported']:,.2f}, stated {row['stated']:,.2f}: "
        f"{row['difference']:+,.2f}{percent}, more than ±{tolerance:.0%}{hint}. "
        "Check the export, or give the reason as accept_difference"
    )
