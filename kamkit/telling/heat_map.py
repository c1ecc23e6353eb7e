"""The heat map accounts × options: gate and score of every field, each column on a scale of its own. Scores of different
options are never compared, so no colour may be compared across columns; and colour is never the only cue."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from kamkit.model.codes import Gate, Option
from kamkit.model.engagement import Period
from kamkit.model.results import KeyAccounts, StrategyOptions
from kamkit.telling.canvas import (
    INK,
    LINE,
    MUTE,
    PAGE_WIDTH,
    PAPER,
    SIZES,
    A,
    C,
    Chart,
    Page,
    clean_name,
    drawing,
    fitted,
    text_width,
    wrapped,
)
from kamkit.telling.language import Labels
from kamkit.telling.results import of_key_accounts

ROW, HEAD, GAP = 0.29, 0.42, 0.22
MOST_ACCOUNTS = 25
PALEST, DARKEST, WHITE_FROM = 0.10, 0.75, 0.45
"""Shares of the full colour: of the lowest and the highest score of a column, and from where on figures are white."""


def heat_map_finding(options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels) -> str:
    """How many fields are open, and how many cannot be assessed."""
    return labels("heat_map.title", **_counts(of_key_accounts(options.options, key_accounts)))


def _counts(fields: pd.DataFrame) -> dict[str, int]:
    unknown, n_open = (int((fields["gate"] == gate).sum()) for gate in (Gate.NOT_ASSESSABLE, Gate.OPEN))
    return {"n": fields["account_id"].nunique(), "total": len(fields), "unknown": unknown, "open": n_open}


def plot_heat_map(
    options: StrategyOptions,
    key_accounts: KeyAccounts,
    labels: Labels,
    period: Period,
    *,
    fiscal_year_start: int = 1,
    source: str | None = None,
    width: float = PAGE_WIDTH,
) -> Chart:
    """Every key account (the largest) against every option: an open field has its score (0–100) on a colour of its column,
    a closed one its score in brackets without colour, one that cannot be assessed is hatched; a frame marks what is
    recommended. Takeover stands apart, since it is an exposure."""
    fields = of_key_accounts(options.options, key_accounts)
    shown = [option for option in Option if option is not Option.TAKEOVER and (fields["option"] == option).any()]
    exposure = [Option.TAKEOVER] if (fields["option"] == Option.TAKEOVER).any() else []
    ids = fields["account_id"].drop_duplicates().tolist()
    top = ids[:MOST_ACCOUNTS]
    counts = _counts(fields)
    title = labels("heat_map.title", **counts) if len(fields) else labels("heat_map.nothing")
    span = {"period": labels.period(period.start, period.end, fiscal_year_start), "shown": len(top)}
    from_source = labels("chart.source", source=source or labels("chart.default_source"))
    if not len(fields):
        with drawing():
            return Chart(Page(title, "", [], from_source, 0.1, width).figure, title)
    notes = [labels("heat_map.legend"), labels("heat_map.never_across")]
    with drawing():
        body = HEAD + ROW * len(top) + 0.1
        page = Page(title, labels("heat_map.subtitle", **counts, **span), notes, from_source, body, width)
        board = _Board(page, labels, fields, top, [*shown, *exposure], bool(exposure))
        board.draw(options.recommendations.set_index("account_id")["recommended_option"])
        listed = [labels(f"option.{option}") for option in (*shown, *exposure)]
        return Chart(page.figure, labels("heat_map.alt", listed=listed, **counts))


class _Board:
    """The fields on their page, in inches from the upper left corner."""

    def __init__(
        self,
        page: Page,
        labels: Labels,
        fields: pd.DataFrame,
        ids: list[str],
        columns: list[Option],
        apart: bool,
    ) -> None:
        self.page, self.labels, self.ids, self.columns, self.apart = page, labels, ids, columns, apart
        self.fields = fields.set_index(["account_id", "option"])
        names = fields.drop_duplicates("account_id").set_index("account_id")["name"]
        self.names = {i: clean_name(names[i], i) for i in ids}
        room = max(text_width(name, SIZES["text"]) for name in self.names.values())
        self.left = page.left + min(room, 0.32 * page.width) + 0.12
        self.step = (page.right - self.left - (GAP if apart else 0)) / len(columns)
        self.top = page.top + HEAD
        self.axes = page.axes(0, page.width, 0, page.height, "fields")
        self.axes.set_xlim(0, page.width)
        self.axes.set_ylim(page.height, 0)

    def _x(self, column: int) -> float:
        is_last = self.apart and column == len(self.columns) - 1
        return self.left + self.step * column + (GAP if is_last else 0)

    def draw(self, recommended: pd.Series[Any]) -> None:
        for column, option in enumerate(self.columns):
            exposure = option is Option.TAKEOVER
            words = self.labels(f"heat_map_option.{option}")
            lines = wrapped(words, self.step - 0.06, SIZES["note"], bold=True)[:2]
            for i, line in enumerate(lines):
                y = self.top - 0.07 - 0.155 * (len(lines) - 1 - i)
                x, colour = self._x(column) + self.step / 2, MUTE if exposure else INK
                self.page.text(x, y, line, "note", bold=True, color=colour, ha="center", va="bottom")
            self._draw_column(column, option, recommended)
        for row, account_id in enumerate(self.ids):
            name = fitted(self.names[account_id], self.left - self.page.left - 0.12, SIZES["text"])
            self.page.text(self.left - 0.10, self.top + ROW * (row + 0.5), name, ha="right", va="center_baseline")

    def _draw_column(self, column: int, option: Option, recommended: pd.Series[Any]) -> None:
        own = self.fields.xs(option, level="option").reindex(self.ids)
        scores = own["score"].astype(float)
        scale = scores[own["gate"] == Gate.OPEN]
        low, span = scale.min(), scale.max() - scale.min()
        for row, (account_id, gate, score) in enumerate(zip(self.ids, own["gate"], scores, strict=True)):
            place = 1.0 if not span > 0 else (score - low) / span
            colour = A if option is not Option.TAKEOVER else LINE
            self._draw_field(column, row, str(gate), score, place, colour)
            if recommended.get(account_id) == option:
                self._box(column, row, edgecolor=LINE, facecolor="none", linewidth=2.0, zorder=3)

    def _draw_field(self, column: int, row: int, gate: str, score: float, place: float, colour: str) -> None:
        figure = "" if score != score else self.labels.count(100 * score)
        style: dict[str, Any] = {"color": MUTE}
        if gate == Gate.OPEN:
            strength = PALEST + (DARKEST - PALEST) * place
            self._box(column, row, facecolor=_mixed(colour, strength), edgecolor=PAPER, linewidth=1.5)
            style = {"color": PAPER if strength >= WHITE_FROM else INK, "bold": True}
        elif gate == Gate.CLOSED:
            self._box(column, row, facecolor=PAPER, edgecolor=C, linewidth=0.6)
            figure = f"({figure})" if figure else "–"
        else:
            self._box(column, row, facecolor=PAPER, edgecolor=C, linewidth=0.0, hatch="////")
            return
        x, y = self._x(column) + self.step / 2, self.top + ROW * (row + 0.5)
        self.page.text(x, y, figure, ha="center", va="center_baseline", **style)

    def _box(self, column: int, row: int, **style: Any) -> None:
        inset = 0.02
        corner = (self._x(column) + inset, self.top + ROW * row + inset)
        self.axes.add_patch(Rectangle(corner, self.step - 2 * inset, ROW - 2 * inset, **style))


def _mixed(colour: str, strength: float) -> tuple[float, float, float]:
    """A colour thinned with white."""
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(colour))
    return red, green, blue
