"""The Pareto chart: names, bars, cumulated share and classes on one axis of rows, whether for 2 accounts or 3,000."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamkit.analysis.stability import certainty
from kamkit.model.codes import AbcClass, Basis, Certainty
from kamkit.model.results import KeyAccounts, Pareto
from kamkit.telling.canvas import (
    INK,
    MUTE,
    PAPER,
    SIZES,
    TINT,
    Chart,
    Page,
    clean_name,
    fitted,
    text_width,
)
from kamkit.telling.chart_data import PAGE_WIDTH, Frame, ParetoData, ParetoRow, Unit, unit_for
from kamkit.telling.language import Labels

MOST_ROWS, NAMED_WITH_REST, NAMED_WITH_BLOCK = 25, 20, 15
BLOCK_ROWS, REST_ROWS = 2.8, 4.6
MOST_STEPS, MOST_SEPARATE = 120, 15
BORDERLINE_MARK = "◊"
GAP, LEAST_BAR = 0.10, 0.65


def pareto_headline(pareto: Pareto, labels: Labels) -> str:
    """How many accounts bring which share: the client's own pair, as a sentence without full stop."""
    if not pareto.n_positive:
        return labels("pareto.headline_none", measure=_measure(pareto, labels))
    return labels(
        "pareto.headline_only" if pareto.n_accounts == 1 else _headline_key(pareto.basis),
        n=pareto.n_key_accounts,
        total=pareto.n_accounts,
        share=pareto.key_account_share,
        of=_of(pareto, labels),
    )


def open_headlines(basis: Basis, labels: Labels) -> tuple[str, str]:
    """The headline for one and for several key accounts, with {n}, {total} and {share} open: whoever moves the threshold
    fills them."""
    one, other = (labels.sentence(f"{_headline_key(basis)}.{form}") for form in ("one", "other"))
    of = labels(f"chart.of_{basis}")
    return one.replace("{of}", of), other.replace("{of}", of)


def n_named(n: int, n_key: int) -> int:
    """How many of `n` accounts above zero the chart shows by name; the others are drawn as blocks."""
    return n if n <= MOST_ROWS else NAMED_WITH_REST if n_key <= NAMED_WITH_REST else NAMED_WITH_BLOCK


def plot_pareto(key_accounts: KeyAccounts, labels: Labels, frame: Frame, show_margin: bool = True) -> Chart:
    """The ranking as names, bars, cumulated share and class along one axis of rows.

    Up to 25 accounts all are named. Beyond, the first are named and the others drawn as they are, but narrow: a block of
    the further key accounts and a hatched one of all below the cut, on the same scale. Accounts at or below zero are
    told in a note. `show_margin` is for audiences that may see margins.
    """
    return _ParetoChart(key_accounts, labels, frame, show_margin).chart()


@dataclass(frozen=True)
class _Row:
    """One row of the chart, or a block of accounts: which accounts (from, up to), where, how it reads."""

    first: int
    last: int
    top: float
    bottom: float
    name: str
    is_rest: bool = False

    @property
    def is_block(self) -> bool:
        return self.bottom - self.top > 1

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


@dataclass(frozen=True)
class _ParetoChart:
    key_accounts: KeyAccounts
    labels: Labels
    frame: Frame
    show_margin: bool

    @cached_property
    def pareto(self) -> Pareto:
        return self.key_accounts.pareto

    @cached_property
    def ranked(self) -> pd.DataFrame:
        table = self.pareto.table.merge(self.key_accounts.membership, on="account_id", how="left")
        return table.head(self.pareto.n_positive).assign(
            borderline=lambda t: t["membership_probability"].map(certainty) == Certainty.BORDERLINE
        )

    @cached_property
    def unit(self) -> Unit:
        named = self.ranked["value"].iloc[: sum(not row.is_block for row in self.rows)]
        return unit_for(named.max(), named.min(), self.labels) if len(named) else unit_for(0.0, 0.0, self.labels)

    @cached_property
    def rows(self) -> list[_Row]:
        n, n_key = self.pareto.n_positive, self.pareto.n_key_accounts
        named = n_named(n, n_key)
        rows = [_Row(i, i + 1, i, i + 1, self._name(i)) for i in range(named)]
        if n_key > named:
            name = self.labels("chart.further_key_accounts", n=n_key - named)
            rows.append(_Row(named, n_key, named, named + BLOCK_ROWS, name))
        if (first := rows[-1].last if rows else 0) < n:
            top = rows[-1].bottom
            rows.append(_Row(first, n, top, top + REST_ROWS, self.labels("chart.rest", n=n - first), is_rest=True))
        return rows

    def _name(self, i: int) -> str:
        row = self.ranked.iloc[i]
        return clean_name(row["name"], str(row["account_id"]))

    def edge(self, i: int) -> float:
        """Where the row of account i begins, in rows from above."""
        for row in self.rows:
            if i <= row.last:
                return row.top + (row.bottom - row.top) * (i - row.first) / (row.last - row.first)
        return self.rows[-1].bottom

    def chart(self) -> Chart:
        title = pareto_headline(self.pareto, self.labels)
        told: dict[str, Any] = {"subtitle": self._subtitle(), "notes": tuple(self._notes())}
        if not self.rows:
            return Chart.within(self.frame, self.labels, title, **told)
        height = self.rows[-1].bottom
        row_height = min(0.42, max(0.19, 4.6 / height))
        return Chart.within(
            self.frame,
            self.labels,
            title,
            self._alt_text(),
            **told,
            data=self._data(),
            body=0.55 + height * row_height,
            paint=lambda page: _Panels(self, page, row_height).draw(),
        )

    def _data(self) -> ParetoData:
        table = self.ranked
        rows = []
        for row in self.rows:
            part = table.iloc[row.first : row.last]
            classes = part["abc_class"].unique().tolist()
            rows.append(
                ParetoRow(
                    name=row.name,
                    value=float(part["value"].sum()),
                    share=float(part["share"].sum()),
                    cumulated=float(part["cumulative_share"].iloc[-1]),
                    abc_class=str(classes[0]) if len(classes) == 1 else None,
                    is_key=row.last <= self.pareto.n_key_accounts,
                    is_borderline=not row.is_block and bool(part["borderline"].iloc[0]),
                    n_accounts=row.last - row.first,
                    margin_rate=self.margin_rate(part),
                    revenue=float(part["revenue"].sum()),
                )
            )
        values = tuple(table["value"].astype(float).tolist())
        measure = _measure(self.pareto, self.labels)
        shown = (tuple(rows), self.pareto.threshold, measure, self.unit, values, self.pareto.n_accounts)
        return ParetoData(*shown, self.head, open_headlines(self.pareto.basis, self.labels))

    @property
    def head(self) -> str:
        """What stands above the bars."""
        return self.labels("chart.head", measure=_measure(self.pareto, self.labels), unit=self.unit.name)

    def margin_rate(self, part: pd.DataFrame) -> float | None:
        """Margin over revenue of some accounts; None where it is not to be shown, or not known of every one."""
        known = self._has_margin() and part["margin"].notna().all() and part["revenue"].sum() > 0
        return float(part["margin"].sum() / part["revenue"].sum()) if known else None

    def _subtitle(self) -> str:
        return self.labels(
            "chart.pareto_subtitle",
            measure=_measure(self.pareto, self.labels),
            unit=self.unit.name,
            period=self.frame.period_words(self.labels),
            total=self.pareto.n_accounts,
        )

    def _notes(self) -> list[str]:
        table, measure = self.pareto.table.iloc[self.pareto.n_positive :], _measure(self.pareto, self.labels)
        below, unknown = table[table["value"].notna()], table["value"].isna().sum()
        notes = []
        if self.rows and self.pareto.n_key_accounts < self.pareto.n_positive:
            notes.append(
                self.labels("chart.note_bold", threshold=self.pareto.threshold, of=_of(self.pareto, self.labels))
            )
        if self._has_margin():
            notes.append(self.labels("chart.note_margin"))
        if self._borderline_shown():
            notes.append(self.labels("chart.note_borderline", mark=BORDERLINE_MARK))
        if hidden := int(self.ranked["borderline"].sum()) - self._borderline_shown():
            notes.append(self.labels("chart.note_borderline_hidden", n=hidden))
        if len(below):
            notes.append(self.labels("chart.note_below", n=len(below), measure=measure, sum=below["value"].sum()))
        if unknown:
            notes.append(self.labels("chart.note_unknown", n=int(unknown), measure=measure))
        return notes

    def _borderline_shown(self) -> int:
        return int(self.ranked["borderline"].iloc[: sum(not row.is_block for row in self.rows)].sum())

    def _has_margin(self) -> bool:
        return self.show_margin and self.pareto.basis is not Basis.MARGIN and bool(self.ranked["margin"].notna().any())

    def _alt_text(self) -> str:
        largest = [f"{self._name(i)} {self.labels.money_short(v)}" for i, v in enumerate(self.ranked["value"].head(3))]
        return self.labels(
            "chart.pareto_alt" if len(self.ranked) > 1 else "chart.pareto_alt_one",
            n=self.pareto.n_key_accounts,
            total=self.pareto.n_positive,
            measure=_measure(self.pareto, self.labels),
            largest=largest,
            share=self.pareto.key_account_share,
            low=self.ranked["value"].min(),
            high=self.ranked["value"].max(),
        )


@dataclass(frozen=True)
class _Panels:
    """Where the columns of the Pareto chart stand on the page, and what is drawn in each."""

    chart: _ParetoChart
    page: Page
    row_height: float

    @cached_property
    def top(self) -> float:
        return self.page.top + 0.30

    @cached_property
    def height(self) -> float:
        return self.chart.rows[-1].bottom

    @cached_property
    def names_right(self) -> float:
        """Names take what they need, three tenths of the page at most, and never the room that the bars need."""
        widest = max(text_width(row.name, SIZES["text"], bold=True) for row in self.chart.rows)
        head = text_width(self.chart.head, SIZES["head"], bold=True) + 0.12
        label = max(text_width(text, SIZES["text"]) for text in self._bar_labels())
        free = self.bars_right - max(head, label + LEAST_BAR) - (self.bars_left_gap + self.page.left)
        return self.page.left + min(widest, 0.29 * self.page.width, free)

    @cached_property
    def bars_left_gap(self) -> float:
        return GAP + (0.10 if self.chart._borderline_shown() else 0.0)

    @cached_property
    def bars_left(self) -> float:
        return self.names_right + self.bars_left_gap

    @cached_property
    def class_texts(self) -> dict[AbcClass, tuple[str, str]]:
        texts = {}
        for abc in AbcClass:
            part = self.chart.ranked[self.chart.ranked["abc_class"] == abc.value]
            if len(part):
                share = self.chart.labels.percent(part["share"].sum())
                of = f" {_of(self.chart.pareto, self.chart.labels)}" if self.page.width >= PAGE_WIDTH else ""
                texts[abc] = (self.chart.labels("chart.customers", n=len(part)), share + of)
        return texts

    @cached_property
    def class_left(self) -> float:
        head = text_width(self.chart.labels("chart.class"), SIZES["head"], bold=True)
        widest = max(text_width(line, SIZES["text"]) for lines in self.class_texts.values() for line in lines)
        return self.page.right - max(head, 0.36 + widest)

    @cached_property
    def line(self) -> tuple[float, float]:
        right = self.class_left - text_width(self.chart.labels.percent(1), SIZES["text"], bold=True) - 0.16
        head = text_width(self.chart.labels("chart.cumulative"), SIZES["head"], bold=True)
        return right - max(0.135 * self.page.width, head - 0.3), right

    @cached_property
    def bars_right(self) -> float:
        """The right end of bars and their labels; between it and the line stands the margin, where there is one."""
        margin = text_width(self.chart.labels("chart.margin_rate"), SIZES["head"], bold=True) + 0.14
        return self.line[0] - 0.22 - (margin if self.chart._has_margin() else 0.0)

    def draw(self) -> None:
        bottom = self.top + self.height * self.row_height
        bars = self._axes(self.bars_left, self.bars_left + self._longest_bar(), bottom, "bars")
        bars.set_xlim(0, self.chart.ranked["value"].max())
        line = self._axes(*self.line, bottom, "cumulative")
        line.set_xlim(0, 1)
        classes = self._axes(self.class_left, self.page.right, bottom, "classes")
        classes.set_xlim(0, self.page.right - self.class_left)
        self._draw_zones()
        self._draw_heads()
        self._draw_names()
        self._draw_bars(bars)
        self._draw_line(line, bottom)
        self._draw_classes(classes)
        self._draw_cut()

    def _longest_bar(self) -> float:
        """How long the longest bar may be for every bar to have its label beside it, in inches."""
        largest, room = float(self.chart.ranked["value"].iloc[0]), self.bars_right - self.bars_left - 0.08
        return min(
            (room - text_width(label, SIZES["text"])) * largest / float(self.chart.ranked["value"].iloc[row.first])
            for row, label in zip(self.chart.rows, self._bar_labels(), strict=True)
        )

    def _axes(self, left: float, right: float, bottom: float, label: str) -> Axes:
        axes = self.page.axes(left, right, self.top, bottom, label)
        axes.set_ylim(self.height, 0)
        return axes

    def _y(self, rows: float) -> float:
        return self.top + rows * self.row_height

    def _draw_zones(self) -> None:
        """A tint behind the blocks, where rows are narrower than elsewhere."""
        for row in (row for row in self.chart.rows if row.is_block):
            zone = self._axes(self.page.left, self.class_left - 0.1, self._y(self.height), f"zone {row.first}")
            zone.set_zorder(-1)
            zone.axhspan(row.top + 0.1, row.bottom - 0.1, color=TINT, linewidth=0)

    def _draw_heads(self) -> None:
        labels, y = self.chart.labels, self.page.top + 0.16
        self.page.text(self.bars_left, y, self.chart.head, "head", bold=True, va="center")
        self.page.text(
            self.line[0], y, labels("chart.cumulative"), "head", bold=True, color=self.page.palette.accent, va="center"
        )
        self.page.text(self.class_left, y, labels("chart.class"), "head", bold=True, va="center")
        if self.chart._has_margin():
            x = self.line[0] - 0.22
            self.page.text(x, y, labels("chart.margin_rate"), "head", bold=True, va="center", ha="right")

    def _draw_names(self) -> None:
        room = self.names_right - self.page.left
        for row in self.chart.rows:
            is_key = row.last <= self.chart.pareto.n_key_accounts
            name = fitted(row.name, room, SIZES["text"], bold=True)
            style: dict[str, Any] = {"ha": "right", "va": "center_baseline"}
            self.page.text(self.names_right, self._y(row.middle), name, bold=is_key, **style)
            if not row.is_block and self.chart.ranked["borderline"].iloc[row.first]:
                x = (self.names_right + self.bars_left) / 2
                self.page.text(x, self._y(row.middle), BORDERLINE_MARK, ha="center", va="center_baseline", color=MUTE)

    def _bar_labels(self) -> list[str]:
        labels, unit, values = self.chart.labels, self.chart.unit, self.chart.ranked["value"]
        return [
            labels("chart.together", value=unit.write(values.iloc[row.first : row.last].sum()))
            if row.is_block
            else unit.write(values.iloc[row.first])
            for row in self.chart.rows
        ]

    def _draw_bars(self, axes: Axes) -> None:
        table = self.chart.ranked
        points = axes.get_xlim()[1] / (axes.get_position().width * self.page.width) * 0.06
        for row, label in zip(self.chart.rows, self._bar_labels(), strict=True):
            part = table.iloc[row.first : row.last]
            if row.is_rest:
                _profile(
                    axes,
                    part["value"],
                    row.top,
                    row.bottom - 0.15,
                    PAPER,
                    hatch="/////",
                    edgecolor=MUTE,
                    label=row.name,
                )
            elif row.is_block:
                for abc, same in part.groupby("abc_class"):
                    start = self.chart.edge(int(same["rank"].iloc[0]) - 1)
                    end = self.chart.edge(int(same["rank"].iloc[-1]))
                    _profile(
                        axes,
                        same["value"],
                        start + 0.08,
                        end - 0.08,
                        self.page.palette.of_class[str(abc)],
                        label=row.name,
                    )
            else:
                colour = self.page.palette.of_class[str(part["abc_class"].iloc[0])]
                axes.barh(row.middle, part["value"].iloc[0], height=0.68, color=colour, label=row.name)
            axes.text(
                part["value"].max() + points, row.middle, label, fontsize=SIZES["text"], color=INK, va="center_baseline"
            )
            if self.chart._has_margin():
                self._draw_margin(part, row)
        axes.axvline(0, color=MUTE, linewidth=0.8)

    def _draw_margin(self, part: pd.DataFrame, row: _Row) -> None:
        rate = self.chart.margin_rate(part)
        text = "–" if rate is None else self.chart.labels.percent(rate)
        loss = rate is not None and rate < 0
        style: dict[str, Any] = {
            "ha": "right",
            "va": "center_baseline",
            "color": self.page.palette.accent if loss else INK,
            "gid": "margin",
        }
        self.page.text(self.line[0] - 0.22, self._y(row.middle), text, bold=loss, **style)

    def _draw_line(self, axes: Axes, bottom: float) -> None:
        table, pareto, labels = self.chart.ranked, self.chart.pareto, self.chart.labels
        reached = table["cumulative_share"].to_numpy(float)
        named = [row for row in self.chart.rows if not row.is_block]
        x, y = [reached[row.first] for row in named], [row.middle for row in named]
        for row in (row for row in self.chart.rows if row.is_block):
            ends = _steps(row.first, row.last)[1:]
            x += [reached[end - 1] for end in ends]
            y += [self.chart.edge(end) for end in ends]
        axes.axvline(pareto.threshold, color=MUTE, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
        axes.plot(
            x, y, color=self.page.palette.accent, linewidth=1.6, zorder=3, clip_on=False, label="cumulative_share"
        )
        axes.plot(
            x[: len(named)],
            y[: len(named)],
            "o",
            color=self.page.palette.accent,
            markersize=4.2,
            zorder=4,
            clip_on=False,
        )
        for i in {0, pareto.n_key_accounts - 1, len(reached) - 1}:
            at = named[i].middle if i < len(named) else self.chart.edge(i + 1) - 0.5
            self._label_point(axes, reached[i], at, labels.percent(reached[i]), PAPER if i < len(named) else TINT)
        x_inch = self.line[0] + (self.line[1] - self.line[0]) * pareto.threshold
        text = labels("chart.threshold", threshold=pareto.threshold)
        self.page.text(x_inch, bottom + 0.06, text, "note", color=MUTE, ha="center", va="top")

    def _label_point(self, axes: Axes, x: float, y: float, text: str, ground: str) -> None:
        box = {"facecolor": ground, "edgecolor": "none", "pad": 0.8}
        x += 0.09 / (self.line[1] - self.line[0])
        style: dict[str, Any] = {
            "fontsize": SIZES["text"],
            "fontweight": "bold",
            "color": self.page.palette.accent,
            "bbox": box,
            "zorder": 2,
        }
        axes.text(x, y, text, va="center_baseline", **style)

    def _draw_classes(self, axes: Axes) -> None:
        need = 0.40 / self.row_height
        tops, spans = [], []
        for abc in self.class_texts:
            ranks = self.chart.ranked.loc[self.chart.ranked["abc_class"] == abc.value, "rank"]
            spans.append((self.chart.edge(int(ranks.min()) - 1), self.chart.edge(int(ranks.max()))))
            tops.append(spans[-1][0])
        for (abc, lines), (start, end), top in zip(
            self.class_texts.items(), spans, _spread(tops, need, self.height), strict=True
        ):
            colour = self.page.palette.of_class[abc.value]
            axes.barh((start + end) / 2, 0.07, height=max(end - start - 0.14, 0.06), color=colour, label=abc.value)
            style: dict[str, Any] = {"va": "center_baseline"}
            y = self._y(top)
            self.page.text(self.class_left + 0.13, y + 0.11, abc.value, "title", bold=True, color=colour, **style)
            self.page.text(self.class_left + 0.36, y + 0.10, lines[0], **style)
            self.page.text(self.class_left + 0.36, y + 0.28, lines[1], **style)

    def _draw_cut(self) -> None:
        if self.chart.pareto.n_key_accounts == self.chart.pareto.n_positive:
            return
        y = 1 - self._y(self.chart.edge(self.chart.pareto.n_key_accounts)) / self.page.height
        ends = (self.page.left / self.page.width, self.page.right / self.page.width)
        axes = self.page.figure.add_axes((ends[0], y, ends[1] - ends[0], 0.0001), label="cut")
        axes.set_axis_off()
        axes.axhline(0, color=INK, linewidth=1.0, clip_on=False)


def _headline_key(basis: Basis) -> str:
    return "pareto.potential" if basis is Basis.POTENTIAL else "pareto.headline"


def _measure(pareto: Pareto, labels: Labels) -> str:
    return labels(f"basis.{pareto.basis}")


def _of(pareto: Pareto, labels: Labels) -> str:
    return labels(f"chart.of_{pareto.basis}")


def _steps(first: int, last: int) -> list[int]:
    """Boundaries of at most so many steps that a block of accounts is drawn in."""
    return [round(step) for step in np.linspace(first, last, min(last - first, MOST_STEPS) + 1).tolist()]


def _profile(axes: Axes, values: pd.Series, top: float, bottom: float, colour: str, **style: Any) -> None:
    """Bars so narrow that they become one outline: the accounts of a block, largest above."""
    steps = _steps(0, len(values))
    heights = [float(values.iloc[a:b].mean()) for a, b in pairwise(steps)]
    edges = top + (bottom - top) * np.array(steps) / len(values)
    axes.stairs(heights, edges, orientation="horizontal", fill=True, facecolor=colour, **style)
    if len(heights) <= MOST_SEPARATE and "hatch" not in style:
        axes.hlines(edges[1:-1], 0, heights[1:], color=PAPER, linewidth=0.8)


def _spread(tops: Sequence[float], need: float, end: float) -> list[float]:
    """Places for labels near where they belong, each with the room it needs, none beyond the end."""
    placed: list[float] = []
    for top in tops:
        placed.append(max(top, placed[-1] + need) if placed else top)
    limit = end
    for i in reversed(range(len(placed))):
        placed[i] = max(0.0, min(placed[i], limit - need))
        limit = placed[i]
    return placed
