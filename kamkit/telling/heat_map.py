"""The heat map accounts × options: gate and score of every field, each column on a scale of its own. Scores of different
options are never compared, so no colour may be compared across columns; and colour is never the only cue."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from kamkit.model.codes import Gate, Option
from kamkit.model.results import KeyAccounts, StrategyOptions
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
from kamkit.telling.chart_data import Frame, HeatMapCell, HeatMapData, HeatMapRow
from kamkit.telling.language import Labels
from kamkit.telling.results import of_key_accounts

ROW, HEAD, GAP = 0.29, 0.42, 0.22
MOST_ACCOUNTS = 25
PALEST, DARKEST, WHITE_FROM = 0.10, 0.75, 0.45
"""Shares of the full colour: of the lowest and the highest score of a column, and from where on figures are white."""


def _counts(fields: pd.DataFrame) -> dict[str, int]:
    unknown, n_open = (int((fields["gate"] == gate).sum()) for gate in (Gate.NOT_ASSESSABLE, Gate.OPEN))
    return {"n": fields["account_id"].nunique(), "total": len(fields), "unknown": unknown, "open": n_open}


def plot_heat_map(options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels, frame: Frame) -> Chart:
    """Every key account (the largest) against every option: an open field has its score (0–100) on a colour of its column,
    a closed one its score in brackets without colour, one that cannot be assessed is hatched; a frame marks what is
    recommended. Takeover stands apart, since it is an exposure."""
    fields = of_key_accounts(options.options, key_accounts)
    if not len(fields):
        return Chart.within(frame, labels, labels("heat_map.nothing"))
    shown = [option for option in Option if option is not Option.TAKEOVER and (fields["option"] == option).any()]
    apart = bool((fields["option"] == Option.TAKEOVER).any())
    columns = [*shown, *([Option.TAKEOVER] if apart else [])]
    ids = fields["account_id"].drop_duplicates().tolist()[:MOST_ACCOUNTS]
    recommended = options.recommendations.set_index("account_id")["recommended_option"]
    data = _fields(fields, ids, columns, recommended, labels)
    counts = _counts(fields)
    return Chart.within(
        frame,
        labels,
        labels("heat_map.title", **counts),
        labels("heat_map.alt", listed=[labels(f"option.{option}") for option in columns], **counts),
        subtitle=labels("heat_map.subtitle", period=frame.period_words(labels), shown=len(ids), **counts),
        notes=(labels("heat_map.legend"), labels("heat_map.never_across")),
        data=data,
        body=HEAD + ROW * len(ids) + 0.1,
        paint=lambda page: _Board(page, data, apart).draw(),
    )


def _fields(
    fields: pd.DataFrame, ids: list[str], columns: list[Option], recommended: pd.Series[Any], labels: Labels
) -> HeatMapData:
    """What stands in each field; how strong an open one is goes from the lowest to the highest of its column."""
    names = fields.drop_duplicates("account_id").set_index("account_id")["name"]
    by_column = []
    for option in columns:
        own = fields[fields["option"] == option].set_index("account_id").reindex(ids)
        scores = own["score"].astype(float)
        scale = scores[own["gate"] == Gate.OPEN]
        low, span = scale.min(), scale.max() - scale.min()
        by_column.append(
            [
                HeatMapCell(
                    _written(str(gate), score, labels),
                    str(gate),
                    (1.0 if not span > 0 else float((score - low) / span)) if gate == Gate.OPEN else None,
                    recommended.get(account_id) == option,
                )
                for account_id, gate, score in zip(ids, own["gate"], scores, strict=True)
            ]
        )
    rows = zip(ids, zip(*by_column, strict=True), strict=True)
    return HeatMapData(
        tuple(labels(f"heat_map_option.{option}") for option in columns),
        tuple(HeatMapRow(clean_name(names[i], i), tuple(cells)) for i, cells in rows),
    )


def _written(gate: str, score: float, labels: Labels) -> str:
    """A score as written: bare where the field is open, in brackets where it is closed, nothing where it is unknown."""
    figure = "" if score != score else labels.count(100 * score)
    if gate == Gate.CLOSED:
        return f"({figure})" if figure else "–"
    return figure if gate == Gate.OPEN else ""


class _Board:
    """The fields on their page, in inches from the upper left corner."""

    def __init__(self, page: Page, data: HeatMapData, apart: bool) -> None:
        self.page, self.data, self.apart = page, data, apart
        room = max(text_width(row.name, SIZES["text"]) for row in data.rows)
        self.left = page.left + min(room, 0.32 * page.width) + 0.12
        self.step = (page.right - self.left - (GAP if apart else 0)) / len(data.columns)
        self.top = page.top + HEAD
        self.axes = page.axes(0, page.width, 0, page.height, "fields")
        self.axes.set_xlim(0, page.width)
        self.axes.set_ylim(page.height, 0)

    def _is_exposure(self, column: int) -> bool:
        return self.apart and column == len(self.data.columns) - 1

    def _x(self, column: int) -> float:
        return self.left + self.step * column + (GAP if self._is_exposure(column) else 0)

    def draw(self) -> None:
        for column, words in enumerate(self.data.columns):
            lines = wrapped(words, self.step - 0.06, SIZES["note"], bold=True)[:2]
            for i, line in enumerate(lines):
                y = self.top - 0.07 - 0.155 * (len(lines) - 1 - i)
                x, colour = self._x(column) + self.step / 2, MUTE if self._is_exposure(column) else INK
                self.page.text(x, y, line, "note", bold=True, color=colour, ha="center", va="bottom")
        for row, told in enumerate(self.data.rows):
            name = fitted(told.name, self.left - self.page.left - 0.12, SIZES["text"])
            self.page.text(self.left - 0.10, self.top + ROW * (row + 0.5), name, ha="right", va="center_baseline")
            for column, cell in enumerate(told.cells):
                self._draw_field(column, row, cell)

    def _draw_field(self, column: int, row: int, cell: HeatMapCell) -> None:
        style: dict[str, Any] = {"color": MUTE}
        if cell.strength is not None:
            strength = PALEST + (DARKEST - PALEST) * cell.strength
            palette = self.page.palette
            colour = palette.accent if self._is_exposure(column) else palette.primary
            self._box(column, row, facecolor=_mixed(colour, strength), edgecolor=PAPER, linewidth=1.5)
            style = {"color": PAPER if strength >= WHITE_FROM else INK, "bold": True}
        elif cell.gate == Gate.CLOSED:
            self._box(column, row, facecolor=PAPER, edgecolor=self.page.palette.neutral, linewidth=0.6)
        else:
            self._box(column, row, facecolor=PAPER, edgecolor=self.page.palette.neutral, linewidth=0.0, hatch="////")
        if cell.is_recommended:
            self._box(column, row, edgecolor=self.page.palette.accent, facecolor="none", linewidth=2.0, zorder=3)
        if cell.text:
            x, y = self._x(column) + self.step / 2, self.top + ROW * (row + 0.5)
            self.page.text(x, y, cell.text, ha="center", va="center_baseline", **style)

    def _box(self, column: int, row: int, **style: Any) -> None:
        inset = 0.02
        corner = (self._x(column) + inset, self.top + ROW * row + inset)
        self.axes.add_artist(Rectangle(corner, self.step - 2 * inset, ROW - 2 * inset, **style))


def _mixed(colour: str, strength: float) -> tuple[float, float, float]:
    """A colour thinned with white."""
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(colour))
    return red, green, blue
