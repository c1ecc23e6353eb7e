"""The portfolio chart: bubbles on two axes, numbered where they are managed, with a key beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from kamkit.model.codes import Tier
from kamkit.model.results import KeyAccounts, Portfolio
from kamkit.telling.canvas import (
    INK,
    MUTE,
    PAPER,
    SIZES,
    Chart,
    Page,
    clean_name,
    fitted,
    text_width,
    wrapped,
)
from kamkit.telling.chart_data import Axis, Frame, PortfolioData, PortfolioPoint
from kamkit.telling.language import Labels
from kamkit.telling.portfolio_words import axis_name, field_name, portfolio_headline, written
from kamkit.telling.results import ranking

BODY, KEY_WIDTH, KEY_ROW = 4.7, 2.6, 0.205
LINE_HEIGHT = 0.145
LARGEST = 0.62
"""Inches across the bubble of the largest account, less where there are many."""
CROWDED = 20
STEP = 0.02
"""Bubbles have diameters in steps of so many inches: pages with many of them stay small."""
NUMBERED, FEWEST_NUMBERED = 20, 15
FAR_OUT = 3.0
"""Interquartile ranges beyond the middle half from which a bubble is drawn at the border (convention)."""
Box = tuple[float, float, float, float]


def plot_portfolio(portfolio: Portfolio, key_accounts: KeyAccounts, labels: Labels, frame: Frame) -> Chart:
    """The matrix of the main part: area in proportion to revenue, lines where the axes are cut, ranges as thin crosses.

    Managed accounts (the first fifteen where none are) carry their rank, at most twenty of them; the others are pale.
    Bubbles far outside the middle stand at the border, which a note says. Without a matrix the finding stands alone.
    """
    return _PortfolioChart(portfolio, key_accounts, labels, frame).chart()


@dataclass(frozen=True)
class _PortfolioChart:
    portfolio: Portfolio
    key_accounts: KeyAccounts
    labels: Labels
    frame: Frame

    @cached_property
    def model(self) -> pd.Series[Any]:
        models = self.portfolio.models
        return models[models["model"] == self.portfolio.main].iloc[0]

    @cached_property
    def placed(self) -> pd.DataFrame:
        """The accounts of the matrix by rank, with name, revenue, rank, and `is_numbered`."""
        positions = self.portfolio.positions[self.portfolio.positions["model"] == self.portfolio.main]
        table = ranking(self.key_accounts)[["account_id", "name", "revenue", "rank", "tier"]]
        placed = table.merge(positions, on="account_id", how="inner")
        managed = placed["tier"] == Tier.MANAGED
        most = NUMBERED if managed.any() else FEWEST_NUMBERED
        wanted = managed if managed.any() else pd.Series(True, index=placed.index)
        return placed.assign(is_numbered=wanted & (wanted.cumsum() <= most), is_managed=managed)

    def chart(self) -> Chart:
        labels = self.labels
        title = portfolio_headline(self.portfolio, self.key_accounts, labels)
        if not self.portfolio.main:
            return Chart.within(self.frame, labels, title.rstrip("."), title)
        names = {axis: axis_name(self.model, axis, labels) for axis in ("x", "y")}
        period = self.frame.period_words(labels)
        scales = {axis: _Scale.over(self.placed[axis], str(self.model[f"{axis}_unit"])) for axis in ("x", "y")}

        def paint(page: Page) -> None:
            axes = self._axes(page, scales, names)
            self._bubbles(page, axes, scales)
            self._key(page)

        return Chart.within(
            self.frame,
            labels,
            title.rstrip("."),
            self._alt(names),
            subtitle=labels("portfolio.subtitle", **names, period=period, n=len(self.placed)),
            notes=tuple(self._notes(scales)),
            data=self._data(scales, names),
            body=BODY,
            paint=paint,
        )

    def _data(self, scales: dict[str, _Scale], names: dict[str, str]) -> PortfolioData:
        placed = self.placed
        points = tuple(
            PortfolioPoint(
                clean_name(row["name"], str(row["account_id"])),
                None if pd.isna(row["rank"]) else int(row["rank"]),
                float(row["x"]),
                float(row["y"]),
                float(row["revenue"]),
                bool(row["is_managed"]),
                bool(row["is_numbered"]),
            )
            for row in placed.to_dict("records")
        )
        axes = (
            Axis(names[axis], scale.unit, float(self.model[f"{axis}_cut"]), scale.low, scale.high)
            for axis, scale in scales.items()
        )
        return PortfolioData(points, *axes)

    def _axes(self, page: Page, scales: dict[str, _Scale], names: dict[str, str]) -> Axes:
        right = page.right - KEY_WIDTH - 0.25
        axes = page.axes(page.left + 0.62, right, page.top + 0.62, page.bottom - 0.48, "portfolio")
        axes.set_axis_on()
        axes.set_xlim(scales["x"].low, scales["x"].high)
        axes.set_ylim(scales["y"].low - 0.07 * (scales["y"].high - scales["y"].low), scales["y"].high)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            axes.spines[side].set_color(page.palette.neutral)
        for axis, line in (("x", axes.axvline), ("y", axes.axhline)):
            scale = scales[axis]
            line(
                scale.at(float(self.model[f"{axis}_cut"])),
                color=page.palette.accent,
                linewidth=1.0,
                linestyle=(0, (4, 3)),
                zorder=1,
            )
            ticks = scale.ticks()
            writes = {"x": axes.set_xticks, "y": axes.set_yticks}[axis]
            writes([scale.at(t) for t in ticks], [written(t, scale.unit, self.labels, ticks) for t in ticks])
        axes.tick_params(length=0, labelsize=SIZES["note"], labelcolor=MUTE, pad=4)
        page.text(page.left, page.top + 0.05, names["y"], "note", bold=True, color=MUTE, va="top")
        page.text(right, page.bottom - 0.12, names["x"], "note", bold=True, color=MUTE, ha="right", va="bottom")
        return axes

    def _bubbles(self, page: Page, axes: Axes, scales: dict[str, _Scale]) -> None:
        placed = self.placed
        x, y = (scales[axis].inside(placed[axis]) for axis in ("x", "y"))
        size = placed["revenue"].clip(lower=0) / max(float(placed["revenue"].max()), 1e-9)
        largest = LARGEST * min(1.0, math.sqrt(CROWDED / max(len(placed), 1)))
        across = np.maximum((largest * np.sqrt(size) / STEP).round().to_numpy(), 2.0) * STEP
        numbered = placed["is_numbered"].to_numpy()
        for chosen, label in ((~numbered, "others"), (numbered, "numbered")):
            style: dict[str, Any] = (
                {"c": page.palette.primary, "alpha": 0.78}
                if label == "numbered"
                else {"c": page.palette.neutral, "alpha": 0.35}
            )
            for wide in sorted({*across[chosen].tolist()}, reverse=True):
                there = chosen & (across == wide)
                spots = axes.scatter(
                    x[there],
                    y[there],
                    s=(wide * 72) ** 2,
                    edgecolors=PAPER,
                    linewidths=0.8,
                    zorder=3,
                    clip_on=False,
                    **style,
                )
                spots.set_label(label)
        for axis, draw in (("x", axes.hlines), ("y", axes.vlines)):
            low, high = (scales[axis].inside(placed[f"{axis}_{end}"]) for end in ("low", "high"))
            ranged = numbered & ~np.isnan(low)
            if ranged.any():
                draw((y if axis == "x" else x)[ranged], low[ranged], high[ranged], color=MUTE, linewidth=0.8, zorder=2)
        self._field_names(page, axes)
        self._numbers(page, axes, x, y, across)

    def _field_names(self, page: Page, axes: Axes) -> None:
        """What the four fields are called, in their corners."""
        box = axes.get_position()
        left, right = (edge * page.width for edge in (box.x0, box.x1))
        top, bottom = ((1 - edge) * page.height for edge in (box.y1, box.y0))
        room = (right - left) / 2 - 0.1
        corners = {
            "low_high": (left + 0.06, top - 0.05, "left"),
            "high_high": (right, top - 0.05, "right"),
            "low_low": (left + 0.06, bottom - 0.06, "left"),
            "high_low": (right, bottom - 0.06, "right"),
        }
        for quadrant, (x, y, ha) in corners.items():
            lines = wrapped(field_name(self.portfolio.main, quadrant, self.labels), room, SIZES["note"])
            for n, line in enumerate(reversed(lines)):
                style: dict[str, Any] = {"style": "italic", "color": MUTE, "ha": ha, "va": "bottom"}
                page.text(x, y - n * LINE_HEIGHT, line, "note", zorder=4, **style)

    def _numbers(
        self, page: Page, axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64], across: NDArray[np.float64]
    ) -> None:
        """The rank in each bubble that can hold it, else beside it, where no other number stands."""
        box = axes.get_position()
        (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
        centres = [
            ((box.x0 + (x[i] - x0) / (x1 - x0) * box.width) * page.width,
             (1 - box.y0 - (y[i] - y0) / (y1 - y0) * box.height) * page.height)
            for i in range(len(x))
        ]  # fmt: skip
        bubbles = [(cx - r, cy - r, cx + r, cy + r) for (cx, cy), r in zip(centres, across * 0.4, strict=True)]
        taken: list[Box] = []
        for i in np.flatnonzero(self.placed["is_numbered"].to_numpy()).tolist():
            cx, cy = centres[i]
            others = [*taken, *(b for j, b in enumerate(bubbles) if j != i and self.placed["is_numbered"].iloc[j])]
            text = self._number(i)
            wide, high = text_width(text, SIZES["note"], bold=True) + 0.03, 0.125
            fits = across[i] >= math.hypot(wide, high)
            places = [
                ((dx, dy), (cx + dx - wide / 2, cy + dy - high / 2, cx + dx + wide / 2, cy + dy + high / 2))
                for dx, dy in _around(across[i] / 2, wide, high, fits)
            ]
            free = [p for avoided in (others, taken) for p in places if not any(_overlap(p[1], o) for o in avoided)]
            (dx, dy), spot = (free or places)[0]
            taken.append(spot)
            inside = fits and dx == dy == 0
            if math.hypot(dx, dy) > across[i] / 2 + 0.2:
                end = (cx + dx, cy + dy)
                line = [(cx / page.width, 1 - cy / page.height), (end[0] / page.width, 1 - end[1] / page.height)]
                axes.plot(
                    *zip(*line, strict=True), transform=page.figure.transFigure, color=MUTE, linewidth=0.6, zorder=4
                )
            style: dict[str, Any] = {"color": PAPER if inside else INK, "ha": "center", "va": "center_baseline"}
            page.text(cx + dx, cy + dy, text, "note", bold=True, zorder=6, **style)

    def _number(self, i: int) -> str:
        rank = self.placed["rank"].iloc[i]
        return "–" if pd.isna(rank) else self.labels.count(rank)

    def _key(self, page: Page) -> None:
        left = page.right - KEY_WIDTH
        head = "portfolio.key_managed" if self.placed["is_managed"].any() else "portfolio.key_first"
        page.text(left, page.top + 0.05, self.labels(head), "note", bold=True, color=MUTE, va="top")
        rows = np.flatnonzero(self.placed["is_numbered"].to_numpy()).tolist()
        for n, i in enumerate(rows):
            y = page.top + 0.40 + n * KEY_ROW
            name = clean_name(self.placed["name"].iloc[i], str(self.placed["account_id"].iloc[i]))
            page.text(
                left + 0.24,
                y,
                self._number(i),
                "note",
                bold=True,
                color=page.palette.primary,
                ha="right",
                va="center_baseline",
            )
            page.text(left + 0.34, y, fitted(name, KEY_WIDTH - 0.36, SIZES["note"]), "note", va="center_baseline")

    def _notes(self, scales: dict[str, _Scale]) -> list[str]:
        labels, model = self.labels, self.model
        notes = [labels("portfolio.note_area")]
        for axis in ("x", "y"):
            at = float(model[f"{axis}_cut"])
            cut = written(at, scales[axis].unit, labels, (0.0, at / 10) if at else ())
            name = axis_name(model, axis, labels)
            notes[0] += " " + labels(f"portfolio.note_cut_{model[f'{axis}_cut_kind']}", axis=name, cut=cut)
        notes += [
            labels(f"portfolio_note.{note}") for note in self.portfolio.notes if self.portfolio.main == "price_cost"
        ]
        outside = scales["x"].outside(self.placed["x"]) | scales["y"].outside(self.placed["y"])
        if outside.any():
            notes.append(labels("portfolio.note_border", n=int(outside.sum())))
        if unplaced := int((ranking(self.key_accounts)["chosen"]).sum()) - len(self.placed):
            notes.append(labels("portfolio.note_unplaced", n=unplaced))
        if unnumbered := int((self.placed["is_managed"] & ~self.placed["is_numbered"]).sum()):
            notes.append(labels("portfolio.note_unnumbered", n=unnumbered))
        return notes

    def _alt(self, names: dict[str, str]) -> str:
        counts = self.placed["quadrant"].value_counts()
        listed = [
            f"{field_name(self.portfolio.main, str(q), self.labels)}: {self.labels.count(n)}" for q, n in counts.items()
        ]
        return self.labels("portfolio.alt", **names, n=len(self.placed), listed=listed)


@dataclass(frozen=True)
class _Scale:
    """One axis: its unit and limits, both as drawn (money in powers of ten)."""

    unit: str
    low: float
    high: float

    @classmethod
    def over(cls, values: pd.Series[Any], unit: str) -> _Scale:
        """Limits around the values, without those far outside; scores run from 0 to 1."""
        if unit == "score":
            return cls(unit, 0.0, 1.0)
        bare = cls(unit, 0.0, 1.0)
        drawn = np.array([bare.at(v) for v in values if bare.drawable(v)] or [0.0])
        first, third = np.quantile(drawn, [0.25, 0.75])
        kept = drawn[(drawn >= first - FAR_OUT * (third - first)) & (drawn <= third + FAR_OUT * (third - first))]
        span = float(kept.max() - kept.min()) or abs(float(kept.max())) or 1.0
        return cls(unit, float(kept.min()) - 0.10 * span, float(kept.max()) + 0.10 * span)

    def drawable(self, value: float) -> bool:
        return self.unit != "money" or not value <= 0

    def at(self, value: float) -> float:
        return math.log10(value) if self.unit == "money" else float(value)

    def inside(self, values: pd.Series[Any]) -> NDArray[np.float64]:
        """Where values are drawn: those beyond a limit at the border."""
        drawn = [self.at(v) if self.drawable(v) else self.low for v in values.astype("float64")]
        kept: NDArray[np.float64] = np.clip(np.array(drawn), self.low, self.high)
        return kept

    def outside(self, values: pd.Series[Any]) -> NDArray[np.bool_]:
        drawn = np.array([self.at(v) if self.drawable(v) else -np.inf for v in values.astype("float64")])
        return (drawn < self.low) | (drawn > self.high)

    def ticks(self) -> list[float]:
        if self.unit != "money":
            return [
                t
                for t in MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(self.low, self.high)
                if self.low <= t <= self.high
            ]
        powers = range(math.floor(self.low), math.ceil(self.high) + 1)
        steps = (1, 2, 5) if self.high - self.low < 2.5 else (1,)
        values = [factor * 10.0**power for power in powers for factor in steps]
        return [v for v in values if self.low <= math.log10(v) <= self.high]


def _around(radius: float, wide: float, high: float, fits: bool) -> Sequence[tuple[float, float]]:
    """Where a number may stand, best first: in its bubble, beside it, and further and further out."""
    found: list[tuple[float, float]] = [(0.0, 0.0)] if fits else []
    for out in (0.02, 0.12, 0.24, 0.38, 0.54):
        for angle in (0, 180, 90, 270, 45, 135, 225, 315):
            c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            found.append((c * (radius + out + wide / 2), s * (radius + out + high / 2)))
    return found


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
