"""The chart of the live Pareto sheet: its data as formulas over the ranking, its title linked to the finding.

Bars and line are shares on one axis from 0 to 100 %, so that nothing drifts when amounts change. Accounts have names by
rank; where there are too many, one place stands for the further key accounts and the last one for all others. How many
places there are is settled when the sheet is written, what stands in them is not: as long as no more accounts are key
accounts than have names, the place of the further ones shows one more account.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xlsxwriter.chart import Chart
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from kamkit.deliver.live_text import count_term, sentence_term
from kamkit.deliver.xlsx_book import RULE, Book, writable
from kamkit.telling.canvas import INK, MUTE, clean_name
from kamkit.telling.live_pareto import LivePareto
from kamkit.telling.tables import DisplayTable

CHART_COLUMNS, CHART_ROWS, WIDTH, HEIGHT = 12, 29, 760, 560
"""What the chart covers: columns and rows of usual size, pixels."""
LONGEST_NAME = 28
"""Signs of a name below the chart."""
BARS = {"key": "primary", "other": "neutral", "rest": "neutral"}
"""The series that are bars and the place of their colour: key accounts, other accounts, all the rest together."""
DATA = ("place", "row", "label", *BARS, "cumulated", "cut", "threshold")
"""The columns of the data: rank, row of the account in the ranking, what stands below its bar, shares; `cut` is what is
reached with the last key account, and nothing elsewhere."""


@dataclass(frozen=True)
class Live:
    """A formula, without its sign of equality, and its value now."""

    formula: str
    value: float | str


Content = Live | str | float
"""What a cell holds."""
_EMPTY: dict[str, Content] = dict.fromkeys(DATA, 0.0)


@dataclass(frozen=True)
class Cells:
    """Where the ranking stands, as formulas name it: the sheet, the finding, the cells of each column, the cell of each
    figure (threshold, n_key, key_share), and of figures as text by the placeholder that they fill."""

    sheet: str
    finding: str
    columns: Mapping[str, str]
    figures: Mapping[str, str]
    told: Mapping[str, str]


def write_chart(
    book: Book, page: Worksheet, cells: Cells, table: DisplayTable, live: LivePareto, at: tuple[int, int, int]
) -> None:
    """The chart below row `at[0]` in column `at[1]`; its data with their head in that row, from column `at[2]` on."""
    top, column, first = at
    chart = _ParetoChart(book, cells, table, live, top, first)
    muted = book.format(font_color=MUTE)
    percent = book.format(font_color=MUTE, num_format=book.number_format("percent"))
    page.write_string(top - 1, first, book.labels("live_pareto.chart_data"), muted)
    places = list(chart.places())
    for y, place in enumerate((chart.heads(), *places), start=top):
        for i, name in enumerate(DATA):
            style = muted if y == top or name in {"place", "row", "label"} else percent
            content = place[name]
            if isinstance(content, Live):
                page.write_formula(y, first + i, f"={content.formula}", style, content.value)
            elif isinstance(content, str):
                page.write_string(y, first + i, content, style)
            else:
                page.write_number(y, first + i, content, style)
    drawn = chart.draw(len(places))
    page.insert_chart(top + 1, column, drawn, {"object_position": 3, "description": live.alt_text})


@dataclass(frozen=True)
class _ParetoChart:
    book: Book
    cells: Cells
    table: DisplayTable
    live: LivePareto
    top: int
    first: int

    def heads(self) -> dict[str, Content]:
        """The names of the columns, which are those of the series."""
        labels, sentence = self.book.labels, self.live.sentences["threshold"]
        names: dict[str, Content] = {
            "place": labels("column.rank"),
            "row": labels("live_pareto.row"),
            "label": labels("column.name"),
            "key": labels("live_pareto.n_key"),
            "other": labels("live_pareto.other_accounts"),
            "rest": labels("live_pareto.rest"),
            "cumulated": labels("chart.cumulative"),
            "cut": labels("live_pareto.key_share"),
        }
        told = Live(sentence_term(sentence, self.cells.told), labels("chart.threshold", threshold=self.live.threshold))
        return names | {"threshold": told}

    def places(self) -> Iterator[dict[str, Content]]:
        """The data of each place: accounts, then the further key accounts, then all others."""
        for k in range(1, self.live.n_named + 1):
            yield _EMPTY | {"place": k} | self._account(k)
        if self.live.has_rest:
            k = self.live.n_named + 1
            yield _EMPTY | {"place": k} | self._further(k)
            yield _EMPTY | {"place": k + 1} | self._rest(k + 1)

    def _account(self, k: int) -> dict[str, Live]:
        """The account of rank k."""
        columns, row, n_key = self.cells.columns, self._at("row", k), self.cells.figures["n_key"]
        name, share, reached = (f"INDEX({columns[c]},{row})" for c in ("name", "share", "cumulative_share"))
        is_key, now = k <= self.live.n_key_accounts, self._now(k)
        short = f'IF(LEN({name})>{LONGEST_NAME},LEFT({name},{LONGEST_NAME - 1})&"…",{name})'
        return {
            "row": Live(f"IFERROR(MATCH({k},{columns['rank']},0),0)", k),
            "label": Live(f'IF({row}=0,"",{short})', _shortened(now["name"], now["account_id"])),
            "key": Live(f"IF(AND({row}>0,{k}<={n_key}),{share},0)", now["share"] if is_key else 0),
            "other": Live(f"IF(AND({row}>0,{k}>{n_key}),{share},0)", 0 if is_key else now["share"]),
            "cumulated": Live(f"IF({row}=0,1,{reached})", now["cumulative_share"]),
            "cut": Live(
                f"IF({k}={n_key},{self._at('cumulated', k)},0)",
                now["cumulative_share"] if k == self.live.n_key_accounts else 0,
            ),
            "threshold": Live(self.cells.figures["threshold"], self.live.threshold),
        }

    def _further(self, k: int) -> dict[str, Live]:
        """What is left of the key accounts from rank k on, or the account of rank k where nothing more is left than that."""
        account, n_key, key_share = self._account(k), self.cells.figures["n_key"], self.cells.figures["key_share"]
        is_block, n = self.live.n_key_accounts > k, self.live.n_key_accounts - k + 1
        term = count_term(f"({n_key}-{k - 1})", self.book.labels)
        words = sentence_term(self.live.sentences["further"], {"n": term})
        reached, before = self._at("cumulated", k), self._at("cumulated", k - 1)
        now = self.live.key_share - self._now(k - 1)["cumulative_share"]
        block = {
            "label": Live(words, self.book.labels("chart.further_key_accounts", n=n)),
            "key": Live(f"{key_share}-{before}", now),
            "other": Live("0", 0),
            "cumulated": Live(key_share, self.live.key_share),
            "cut": Live(reached, self.live.key_share),
        }
        for name, part in block.items():
            formula = f"IF({n_key}>{k},{part.formula},{account[name].formula})"
            account[name] = Live(formula, part.value if is_block else account[name].value)
        return account

    def _rest(self, k: int) -> dict[str, Content]:
        """All accounts that have no place of their own."""
        n_key, ranks = self.cells.figures["n_key"], self.cells.columns["rank"]
        left = f"(MAX({ranks})-MAX({n_key},{k - 1}))"
        n = self.live.n_positive - max(self.live.n_key_accounts, k - 1)
        before = self._at("cumulated", k - 1)
        reached = float(self._further(k - 1)["cumulated"].value)
        label = sentence_term(self.live.sentences["rest"], {"n": count_term(left, self.book.labels)})
        told = self.book.labels("chart.rest", n=n) if n else ""
        return {
            "label": Live(f'IF({left}>0,{label},"")', told),
            "rest": Live(f"IF({left}>0,1-{before},0)", 1 - reached if n else 0),
            "cumulated": 1.0,
            "threshold": Live(self.cells.figures["threshold"], self.live.threshold),
        }

    def _at(self, name: str, k: int) -> str:
        """A cell of the data."""
        return f"${xl_col_to_name(self.first + DATA.index(name))}${self.top + 1 + k}"

    def _now(self, k: int) -> dict[str, Any]:
        """The account of rank k as the ranking was written."""
        names = (column.name for column in self.table.columns)
        return dict(zip(names, self.table.rows[k - 1], strict=True))

    def draw(self, n: int) -> Chart:
        """The chart over `n` places."""
        sheet, percent = self.cells.sheet, self.book.number_format("percent")
        small = {"name": "Calibri", "size": 9, "color": INK}

        def series(name: str, **look: Any) -> dict[str, Any]:
            cells = {part: f"='{sheet}'!{self._at(part, 1)}:{self._at(part, n)}" for part in ("label", name)}
            return {
                "name": f"='{sheet}'!{self._at(name, 0)}",
                "categories": cells["label"],
                "values": cells[name],
                **look,
            }

        bars = self.book.book.add_chart({"type": "column"})
        written = {"value": True, "position": "outside_end", "num_format": f"{percent};;;", "font": small | {"size": 8}}
        for name, place in BARS.items():
            colour = getattr(self.book.palette, place)
            fill = {"pattern": {"pattern": "wide_upward_diagonal", "fg_color": colour, "bg_color": "#FFFFFF"}}
            look = fill if name == "rest" else {"fill": {"color": colour}}
            bars.add_series(series(name, **look, border={"none": True}, overlap=100, gap=45, data_labels=written))
        lines = self.book.book.add_chart({"type": "line"})
        lines.add_series(series("cumulated", line={"color": INK, "width": 1.75}, marker={"type": "none"}))
        lines.add_series(
            series(
                "threshold",
                line={"color": self.book.palette.accent, "width": 1.25, "dash_type": "dash"},
                marker={"type": "none"},
            )
        )
        cut = {
            "value": True,
            "position": "above",
            "num_format": f"{percent};;;",
            "font": small | {"bold": True, "size": 10},
        }
        lines.add_series(series("cut", line={"none": True}, marker={"type": "none"}, data_labels=cut))
        bars.combine(lines)
        bars.set_title(
            {
                "name": f"='{sheet}'!{self.cells.finding}",
                "name_font": small | {"size": 13, "bold": True, "color": self.book.palette.primary},
            }
        )
        bars.set_x_axis({"num_font": small | {"rotation": -90}, "line": {"color": MUTE}, "major_tick_mark": "none"})
        whole = self.book.number_format("whole_percent")
        axis = {"min": 0, "max": 1, "major_unit": 0.2, "num_format": whole, "num_font": small, "line": {"none": True}}
        bars.set_y_axis(axis | {"major_gridlines": {"visible": True, "line": {"color": RULE, "width": 0.75}}})
        bars.set_legend({"position": "bottom", "font": small, "delete_series": [5]})
        bars.set_size({"width": WIDTH, "height": HEIGHT})
        bars.set_chartarea({"border": {"color": RULE}})
        bars.show_hidden_data()
        return bars


def _shortened(name: object, account_id: str) -> str:
    """A name as the formula shortens it, on one line."""
    name = writable(clean_name(name, account_id))
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
