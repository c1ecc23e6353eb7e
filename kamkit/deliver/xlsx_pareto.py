"""The live Pareto sheet: rank, share, class, finding and chart follow the threshold and the amounts.

Every formula looks at its own row and at whole columns only, so that the rows may be sorted. RANK, SUMIF, SUMPRODUCT, INDEX
and MATCH are old enough for every Excel and for LibreOffice, and each formula carries the value that Python found. An
account belongs to a limit while `cumulated share − own share < limit − 1e-9`, so the one that crosses it does; equal amounts
go by `tie_order`, the place of account_id as text. Ranking n accounts takes n² comparisons, but only when an amount changes:
moving the threshold touches marks, finding and chart alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from kamkit.deliver.live_text import count_term, percent_term, quoted, sentence_term
from kamkit.deliver.xlsx_book import FILL_IN_TAB, USUAL_WIDTH, YELLOW, Book
from kamkit.deliver.xlsx_pareto_chart import CHART_COLUMNS, CHART_ROWS, Cells, Live, write_chart
from kamkit.deliver.xlsx_tables import place_table, title
from kamkit.telling.canvas import MUTE
from kamkit.telling.live_pareto import HIGHEST, LOWEST, TOLERANCE, LivePareto
from kamkit.telling.story import Sheet
from kamkit.telling.tables import DisplayTable

FINDING, FIGURES, TOP = 2, 4, 10
"""Rows (counted from 0) of the finding, of the figures, and of the head of the table."""
FIGURE_KINDS = {
    "threshold": "percent",
    "n_key": "count",
    "n_accounts": "count",
    "key_share": "percent",
    "total": "money",
}
ROOM = {"name": 36, "value": 15}
"""The least widths of columns, which the figures above share."""


def write_pareto(book: Book, sheet: Sheet, live: LivePareto) -> Worksheet:
    """The ranking with its threshold, finding and chart."""
    page = book.page(sheet.name, FILL_IN_TAB)
    title(book, page, sheet.table.caption, book.labels("live_pareto.change_here"))
    table_width = place_table(book, page, sheet.table, TOP, room=ROOM).width
    page.freeze_panes(TOP + 1, 0)
    writer = _Pareto(book, page, sheet.name, sheet.table, live)
    writer.write_figures()
    writer.write_ranking()
    beside = len(sheet.table.columns) + 1
    if live.n_positive:
        write_chart(book, page, writer.cells, sheet.table, live, (TOP, beside, writer.data))
    writer.write_notes(beside)
    page.print_area(
        0, 0, max(TOP + len(sheet.table), TOP + CHART_ROWS + 2 + 2 * len(live.notes)), beside + CHART_COLUMNS - 1
    )
    book.fit(page, table_width + CHART_COLUMNS * USUAL_WIDTH, 0)
    page.set_zoom(85)
    return page


@dataclass(frozen=True)
class _Pareto:
    book: Book
    page: Worksheet
    name: str
    table: DisplayTable
    live: LivePareto

    # Where things stand

    @cached_property
    def at(self) -> dict[str, int]:
        return {column.name: i for i, column in enumerate(self.table.columns)}

    @cached_property
    def columns(self) -> dict[str, str]:
        """The cells of each column of the table, as a formula names them."""
        first, last = TOP + 2, TOP + 1 + max(1, len(self.table))
        letters = {name: xl_col_to_name(i) for name, i in self.at.items()}
        return {name: f"${letter}${first}:${letter}${last}" for name, letter in letters.items()}

    @cached_property
    def figures(self) -> dict[str, str]:
        """The cell of each figure above the table, in the column of the amounts."""
        letter = xl_col_to_name(self.at["value"])
        return {key: f"${letter}${FIGURES + i + 1}" for i, key in enumerate(FIGURE_KINDS)}

    @property
    def data(self) -> int:
        """The column in which the chart's data begin, right of the chart."""
        return len(self.table.columns) + CHART_COLUMNS + 2

    @cached_property
    def told(self) -> dict[str, str]:
        """The cell of each figure as text, by the placeholder that it fills."""
        letter = xl_col_to_name(self.data + 1)
        return {field: f"${letter}${FIGURES + i + 1}" for i, field in enumerate(("threshold", "n", "total", "share"))}

    @property
    def cells(self) -> Cells:
        return Cells(self.name, f"$A${FINDING + 1}", self.columns, self.figures, self.told)

    def _put(self, row: int, column: int, live: Live, style: Format) -> None:
        self.page.write_formula(row, column, f"={live.formula}", style, live.value)

    # The figures and the finding

    def write_figures(self) -> None:
        """Threshold, counts, share and total beside their names, the same as text, and the finding."""
        live, labels, book = self.live, self.book.labels, self.book
        name, value = self.at["name"], self.at["value"]
        for row, (key, kind) in enumerate(FIGURE_KINDS.items(), start=FIGURES):
            look: dict[str, Any] = {"num_format": book.number_format(kind), "bold": True, "align": "right"}
            self.page.write_string(row, name, labels(f"live_pareto.{key}"), book.format(indent=1))
            if key == "threshold":
                field = book.format(**look, bg_color=YELLOW, border=1, border_color=MUTE)
                self.page.write_number(row, value, live.threshold, field)
            else:
                self._put(row, value, self._figure(key), book.format(**look))
        book.book.define_name(labels("live_pareto.threshold_name"), f"='{self.name}'!{self.figures['threshold']}")
        self._hold_threshold(FIGURES, value)
        self._write_told()
        self._put(FINDING, 0, Live(self._finding(), live.finding), book.format(bold=True, font_size=13))
        self.page.set_row(FINDING, 21)

    def _figure(self, key: str) -> Live:
        live, columns, yes = self.live, self.columns, quoted(self.book.labels("answer.yes"))
        return {
            "n_key": Live(f"COUNTIF({columns['is_key_account']},{yes})", live.n_key_accounts),
            "n_accounts": Live(f"COUNTA({columns['account_id']})", live.n_accounts),
            "key_share": Live(f"SUMIF({columns['is_key_account']},{yes},{columns['share']})", live.key_share),
            "total": Live(f'SUMIF({columns["value"]},">0")', live.total),
        }[key]

    def _hold_threshold(self, row: int, column: int) -> None:
        name, told = (
            self.book.labels(f"live_pareto.{key}", low=LOWEST, high=HIGHEST) for key in ("threshold", "wrong")
        )
        rule = {"validate": "decimal", "criteria": "between", "minimum": LOWEST, "maximum": HIGHEST}
        said = {"input_title": name, "input_message": told, "error_title": name, "error_message": told}
        self.page.data_validation(row, column, row, column, rule | said)

    def _write_told(self) -> None:
        """Figures as the sentences write them, right of the chart."""
        live, labels, figures = self.live, self.book.labels, self.figures
        muted = self.book.format(font_color=MUTE)
        self.page.write_string(FIGURES - 1, self.data, labels("live_pareto.told"), muted)
        told = (
            Live(percent_term(figures["threshold"], labels), labels.percent(live.threshold)),
            Live(count_term(figures["n_key"], labels), labels.count(live.n_key_accounts)),
            Live(count_term(figures["n_accounts"], labels), labels.count(live.n_accounts)),
            Live(percent_term(figures["key_share"], labels), labels.percent(live.key_share)),
        )
        for i, (key, text) in enumerate(zip(FIGURE_KINDS, told, strict=False), start=FIGURES):
            self.page.write_string(i, self.data, labels(f"live_pareto.{key}"), muted)
            self._put(i, self.data + 1, text, muted)

    def _finding(self) -> str:
        """The sentence by its cases: nobody above zero, a single account, one key account, several."""
        none, only, one, other = (
            sentence_term(self.live.sentences[case], self.told) for case in ("none", "only", "one", "other")
        )
        n_key, n_accounts = self.figures["n_key"], self.figures["n_accounts"]
        return f"IF({n_key}=0,{none},IF({n_accounts}=1,{only},IF({n_key}=1,{one},{other})))"

    # The ranking

    def write_ranking(self) -> None:
        """Rank, share, cumulated share, class and mark of every account as formulas over their values."""
        styles = {column.name: self.book.style(column) for column in self.table.columns}
        muted = self.book.style(self.table.columns[self.at["tie_order"]], font_color=MUTE)
        for i, row in enumerate(self.table.rows):
            y = TOP + 1 + i
            is_ranked = not self.book.labels.missing(row[self.at["rank"]])
            for name, formula in self._ranking(y + 1).items():
                column = self.at[name]
                value = self.table.cells[i][column] if name == "is_key_account" else row[column]
                self._put(y, column, Live(formula, value if is_ranked else ""), styles[name])
            self.page.write_number(y, self.at["tie_order"], row[self.at["tie_order"]], muted)
        self._mark()

    def _ranking(self, y: int) -> dict[str, str]:
        """The formulas of the account in row `y` (counted from 1)."""
        own = {name: f"{xl_col_to_name(i)}{y}" for name, i in self.at.items()}
        cells, (limit_a, limit_b) = self.columns, map(str, self.live.limits)
        yes, no = (quoted(self.book.labels(f"answer.{answer}")) for answer in ("yes", "no"))
        ties = f"SUMPRODUCT(({cells['value']}={own['value']})*({cells['tie_order']}<{own['tie_order']}))"
        before = f"{own['cumulative_share']}-{own['share']}"
        ranked = {
            "share": f"{own['value']}/{self.figures['total']}",
            "cumulative_share": f'SUMIF({cells["rank"]},"<="&{own["rank"]},{cells["share"]})',
            "abc_class": f'IF({_is_below(before, limit_a)},"A",IF({_is_below(before, limit_b)},"B","C"))',
            "is_key_account": f"IF({_is_below(before, self.figures['threshold'])},{yes},{no})",
        }
        rank = {"rank": f'IF(N({own["value"]})>0,RANK({own["value"]},{cells["value"]})+{ties},"")'}
        return rank | {name: f'IF({own["rank"]}="","",{formula})' for name, formula in ranked.items()}

    def _mark(self) -> None:
        """Key accounts in bold blue, wherever the rows are sorted to."""
        if self.table.rows:
            first, last = TOP + 1, TOP + len(self.table)
            mark = f"${xl_col_to_name(self.at['is_key_account'])}{first + 1}"
            rule = {"type": "formula", "criteria": f"={mark}={quoted(self.book.labels('answer.yes'))}"}
            look = self.book.book.add_format({"font_color": self.book.palette.primary, "bold": True})
            for name in ("rank", "abc_class", "is_key_account"):
                self.page.conditional_format(first, self.at[name], last, self.at[name], rule | {"format": look})

    def write_notes(self, column: int) -> None:
        """How to read the sheet, below the chart."""
        row, style = TOP + CHART_ROWS + 2, self.book.format(font_color=MUTE, text_wrap=True)
        for i, note in enumerate(self.live.notes):
            at = row + 2 * i
            self.page.merge_range(at, column, at + 1, column + CHART_COLUMNS - 1, "", style)
            self.book.text(self.page, at, column, note, style)


def _is_below(share: str, limit: str) -> str:
    return f"{share}<{limit}-{TOLERANCE:.9f}"
