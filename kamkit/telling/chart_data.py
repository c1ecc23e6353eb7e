"""What a chart shows, as plain values: drawn as a picture, built as a native chart of an office file, or moved by a slider.

Money is in full units of the currency, shares and strengths run from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from kamkit.model.brand import Palette
from kamkit.model.engagement import Period
from kamkit.telling.language import Labels

PAGE_WIDTH, REPORT_WIDTH = 9.2, 7.0
"""Inches: a chart that stands alone, and one in the report."""

Tone = Literal["primary", "secondary", "neutral", "accent"]
"""A colour by its place in the palette."""


@dataclass(frozen=True)
class Frame:
    """What surrounds every chart of an engagement: the period shown, where the data are from, how wide it is in inches, and
    the colours."""

    period: Period
    fiscal_year_start: int = 1
    source: str | None = None
    width: float = PAGE_WIDTH
    palette: Palette = field(default_factory=Palette)

    def period_words(self, labels: Labels) -> str:
        return labels.period(self.period.start, self.period.end, self.fiscal_year_start)


@dataclass(frozen=True)
class Unit:
    """One unit for all amounts of a chart: its name, its size, and how many digits are written behind the comma."""

    name: str
    size: float
    digits: int
    labels: Labels

    def write(self, value: float) -> str:
        scaled = value / self.size
        least = 10**-self.digits
        if 0 < scaled < least / 2:
            return f"< {self.labels.number(least, self.digits)}"
        return self.labels.number(scaled, self.digits if scaled < 100 else 0)


def unit_for(largest: float, smallest: float, labels: Labels) -> Unit:
    """The unit in which amounts from `smallest` to `largest` read best."""
    sizes = ((1e9, "billion"), (1e6, "million"), (1e3, "thousand"), (1.0, "one"))
    size, word = next(((s, w) for s, w in sizes if largest >= s), sizes[-1])
    digits = 0 if largest / size >= 100 or size == 1.0 else 1 if smallest / size >= 0.1 or largest / size >= 10 else 2
    return Unit(labels(f"chart.unit_{word}", currency=labels.currency_symbol()), size, digits, labels)


@dataclass(frozen=True)
class ParetoRow:
    """One account, or a block of several: its amount and share, what is reached with it, its class where it has one.

    `is_key` and `is_borderline` are about an account or all accounts of a block; `margin_rate` is None where unknown."""

    name: str
    value: float
    share: float
    cumulated: float
    abc_class: str | None
    is_key: bool
    is_borderline: bool
    n_accounts: int
    margin_rate: float | None
    revenue: float = 0.0


@dataclass(frozen=True)
class ParetoData:
    """The ranking as it is shown, and the amounts of all accounts above zero by rank. `measure` is what is ranked by, `head`
    names the amounts, `n_accounts` counts those at or below zero as well. `finding`: the sentence for one and for several
    key accounts, with {n}, {total} and {share} still open, for who moves the threshold."""

    rows: tuple[ParetoRow, ...]
    threshold: float
    measure: str
    unit: Unit
    values: tuple[float, ...]
    n_accounts: int
    head: str
    finding: tuple[str, str]

    def shortened(self, most: int, labels: Labels) -> ParetoData:
        """The same with at most so many accounts by name; further key accounts are one block, all below the cut another."""
        if len(self.rows) <= most + 2 and sum(row.n_accounts == 1 for row in self.rows) <= most:
            return self
        named = self.rows[: max(most, 1)]
        rest = self.rows[len(named) :]
        blocks = (
            ("chart.further_key_accounts", tuple(row for row in rest if row.is_key)),
            ("chart.rest", tuple(row for row in rest if not row.is_key)),
        )
        return replace(self, rows=(*named, *(_together(rows, key, labels) for key, rows in blocks if rows)))


def _together(rows: tuple[ParetoRow, ...], name: str, labels: Labels) -> ParetoRow:
    """Neighbouring rows as one block; a single one stays what it is."""
    if len(rows) == 1:
        return rows[0]
    classes = {row.abc_class for row in rows}
    n, revenue = sum(row.n_accounts for row in rows), sum(row.revenue for row in rows)
    margins = [row.margin_rate * row.revenue for row in rows if row.margin_rate is not None]
    known = len(margins) == len(rows) and revenue > 0
    return ParetoRow(
        labels(name, n=n),
        sum(row.value for row in rows),
        sum(row.share for row in rows),
        rows[-1].cumulated,
        classes.pop() if len(classes) == 1 else None,
        rows[0].is_key,
        any(row.is_borderline for row in rows),
        n,
        sum(margins) / revenue if known else None,
        revenue,
    )


@dataclass(frozen=True)
class WhaleData:
    """What the accounts add up to, the most profitable first: shares of the total, or money where it is not above zero.
    The curve peaks with account number `n_at_peak`."""

    names: tuple[str, ...]
    cumulated: tuple[float, ...]
    in_shares: bool
    n_at_peak: int


@dataclass(frozen=True)
class Axis:
    """One axis of a matrix: its name, unit (money, percent, score, …), where it is cut, and its limits as drawn (money in
    powers of ten)."""

    title: str
    unit: str
    cut: float
    low: float
    high: float


@dataclass(frozen=True)
class PortfolioPoint:
    """One account on the matrix, in the units of the axes."""

    name: str
    rank: int | None
    x: float
    y: float
    revenue: float
    is_managed: bool
    is_numbered: bool


@dataclass(frozen=True)
class PortfolioData:
    points: tuple[PortfolioPoint, ...]
    x: Axis
    y: Axis


@dataclass(frozen=True)
class HeatMapCell:
    """Gate and score of an option for an account: what is written, and for an open one how strong within its column."""

    text: str
    gate: str
    strength: float | None
    is_recommended: bool


@dataclass(frozen=True)
class HeatMapRow:
    name: str
    cells: tuple[HeatMapCell, ...]


@dataclass(frozen=True)
class HeatMapData:
    columns: tuple[str, ...]
    rows: tuple[HeatMapRow, ...]


@dataclass(frozen=True)
class Bar:
    """One bar: name, length, what is written beside it, and which colour of the palette it has."""

    name: str
    value: float
    label: str
    tone: Tone


@dataclass(frozen=True)
class BarsData:
    bars: tuple[Bar, ...]


ChartData = ParetoData | WhaleData | PortfolioData | HeatMapData | BarsData
