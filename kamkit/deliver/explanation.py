"""The workbook that explains one account: its sentences, the figures in them as live formulas, the lines they rest on, what
is the result of a method, and the rows of comparable accounts, contacts and talks. Every text stays text, whatever it begins
with."""

from __future__ import annotations

import datetime as dt
import io
import math
from dataclasses import dataclass
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from kamkit.model.brand import Palette
from kamkit.telling.canvas import INK, MUTE
from kamkit.telling.explanation import Explanation
from kamkit.telling.language import Labels
from kamkit.telling.trace import EPOCH, LINES, Rows

LONGEST_TEXT = 32_767
LINE_HEIGHT = 15
FIRST_LINE = 3
"""The row in which the lines begin, counted from 0, below title and heads."""

WIDTHS = {"sentences": (6, 26, 24, 100), "figures": (6, 60, 60, 16, 16, 16, 10), "comparison": (6, 60, 60, 20)}
COLUMN_NUMBERS = {"share": "0.0%", "usual_share": "0.0%", "n_products": "#,##0", "order_gap": "#,##0"}
NUMBERS = {"percent": "0.0%", "change": "+0.0%;-0.0%;0.0%", "count": "#,##0.##", "number": "0.00"}


def render_explanation(explained: Explanation, made_on: dt.date, labels: Labels, palette: Palette) -> bytes:
    """The workbook of one account. The same explanation gives the same bytes."""
    out = io.BytesIO()
    settings = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, settings) as book:
        book.set_properties(
            {
                "title": labels("explained.title", name=explained.name),
                "created": dt.datetime.combine(made_on, dt.time()),
            }
        )
        writer = _Writer(explained, book, labels, palette)
        writer.write_sentences()
        writer.write_figures()
        writer.write_lines()
        writer.write_comparison()
        writer.write_tables()
    return out.getvalue()


@dataclass(frozen=True)
class _Writer:
    explained: Explanation
    book: xlsxwriter.Workbook
    labels: Labels
    palette: Palette

    def _format(self, **settings: Any) -> Format:
        base = {"font_name": "Calibri", "font_size": 10.5, "font_color": INK, "valign": "top"}
        return self.book.add_format(base | settings)

    def _head(self, **settings: Any) -> Format:
        look = {
            "bold": True,
            "font_color": "#FFFFFF",
            "bg_color": self.palette.primary,
            "text_wrap": True,
            "valign": "vcenter",
        }
        return self._format(**look, **settings)

    def _page(self, key: str, heads: list[str], title: str, names: str = "explained") -> Worksheet:
        page = self.book.add_worksheet(self.labels(f"{names}.{key}"))
        page.hide_gridlines(2)
        page.set_landscape()
        page.fit_to_pages(1, 0)
        page.write_string(
            0, 0, title[:LONGEST_TEXT], self._format(bold=True, font_size=14, font_color=self.palette.primary)
        )
        for i, text in enumerate(heads):
            page.write_string(FIRST_LINE - 1, i, text, self._head())
        for i, width in enumerate(WIDTHS.get(key, ())):
            page.set_column(i, i, width)
        page.freeze_panes(FIRST_LINE, 0)
        page.repeat_rows(FIRST_LINE - 1)
        return page

    def _write_texts(
        self, page: Worksheet, row: int, texts: tuple[str, ...], widths: tuple[float, ...], wrap: Format
    ) -> None:
        """Texts from the second column on, in a row that is high enough for the longest of them."""
        for column, text in enumerate(texts, start=1):
            page.write_string(row, column, text[:LONGEST_TEXT], wrap)
        lines = max(math.ceil(len(text) / (widths[column] - 2)) for column, text in enumerate(texts, start=1))
        page.set_row(row, LINE_HEIGHT * lines)

    @property
    def _title(self) -> str:
        return self.labels("explained.title", name=self.explained.name)

    def _heads(self, *names: str) -> list[str]:
        return [self.labels(f"explained.{name}") for name in names]

    def write_sentences(self) -> None:
        page = self._page("sentences", self._heads("number", "kind", "option", "sentence"), self._title)
        wrap = self._format(text_wrap=True)
        if self.explained.lines is not None:
            page.write_string(1, 0, self.labels("explained.until", day=self.explained.lines.cut_off), self._format())
        else:
            page.write_string(1, 0, self.labels("explained.no_lines"), self._format(font_color=MUTE))
        if self.explained.lines is not None and self.explained.n_cancelled:
            said = self.labels("explained.cancelled", n=self.explained.n_cancelled)
            page.write_string(1, 3, said, self._format(font_color=MUTE))
        for i, told in enumerate(self.explained.told, start=1):
            row = FIRST_LINE - 1 + i
            option = self.labels(f"option.{told.option}") if told.option else self.labels("explained.account")
            page.write_number(row, 0, i, wrap)
            texts = (self.labels(f"explained_kind.{told.kind}"), option, told.text)
            self._write_texts(page, row, texts, WIDTHS["sentences"], wrap)

    def write_figures(self) -> None:
        names = ("number", "sentence", "how", "printed", "value", "live", "same")
        page = self._page("figures", self._heads(*names), self._title)
        wrap = self._format(text_wrap=True)
        compared = 0
        for i, figure in enumerate(self.explained.figures):
            row = FIRST_LINE + i
            number = self._format(num_format=NUMBERS.get(figure.kind, "#,##0.00"))
            told = self.explained.told[figure.sentence - 1]
            page.write_number(row, 0, figure.sentence, wrap)
            self._write_texts(page, row, (told.text, figure.how, figure.printed), WIDTHS["figures"], wrap)
            page.write_number(row, 4, figure.value, number)
            if figure.term is not None:
                formula, value = f"={figure.term.formula}", figure.term.value
            else:
                formula, value = f"='{self.labels('explained.comparison')}'!D{FIRST_LINE + 1 + compared}", figure.value
                compared += 1
            page.write_formula(row, 5, formula, number, value)
            yes, no = self.labels("explained.yes"), self.labels("explained.no")
            same = f'=IF(ABS(E{row + 1}-F{row + 1})<=0.000001*MAX(1,ABS(E{row + 1})),"{yes}","{no}")'
            page.write_formula(row, 6, same, wrap, yes)

    def write_lines(self) -> None:
        heads = [self.labels(f"line.{name}") for name in (*LINES, "item")]
        page = self._page("lines", heads, self._title)
        page.set_column(0, len(heads) - 1, 14)
        lines = self.explained.lines
        if lines is None:
            page.write_string(1, 0, self.labels("explained.no_lines"), self._format(font_color=MUTE))
            return
        self._write_rows(page, lines.rows, [*LINES, "item"])

    def write_tables(self) -> None:
        """What figures rest on beside the lines: a sheet for each table, with what to know about it below the title."""
        for name, rows in self.explained.tables.items():
            columns = [str(c) for c in rows.frame if rows.frame[c].notna().any()]
            heads = [self.labels(f"support.{column}", **self.explained.values) for column in columns]
            page = self._page(name, heads, self._title, "support")
            page.set_row(FIRST_LINE - 1, 3 * LINE_HEIGHT)
            note = self._format(font_color=MUTE, text_wrap=True)
            page.merge_range(1, 0, 1, max(len(columns) - 1, 1), self.explained.notes[name], note)
            page.set_row(1, 2 * LINE_HEIGHT)
            for i, column in enumerate(columns):
                if rows.frame[column].dtype.kind in "bf":
                    align = "center" if rows.frame[column].dtype.kind == "b" else "right"
                    page.write_string(FIRST_LINE - 1, i, heads[i], self._head(align=align))
            page.set_column(0, len(columns) - 1, 17)
            for text in ("name", "item_name"):
                if text in columns:
                    page.set_column(columns.index(text), columns.index(text), 40)
            self._write_rows(page, rows, columns)

    def _write_rows(self, page: Worksheet, rows: Rows, columns: list[str]) -> None:
        """The rows of a table; formulas find its columns by their names."""
        plain, answer, frame = self._format(), self._format(align="center"), rows.frame
        day = self._format(num_format="dd.mm.yyyy" if self.labels.language == "de" else "d mmm yyyy")
        last = FIRST_LINE + max(len(frame), 1)
        for column, name in enumerate(columns):
            number = self._format(num_format=COLUMN_NUMBERS.get(name, "#,##0.00"))
            is_day = pd.api.types.is_datetime64_any_dtype(frame[name])
            for i, value in enumerate(frame[name].tolist()):
                form = answer if isinstance(value, bool) else plain
                self._write_cell(page, FIRST_LINE + i, column, value, day if is_day else number, form)
            letter = xlsxwriter.utility.xl_col_to_name(column)
            area = f"='{page.name}'!${letter}${FIRST_LINE + 1}:${letter}${last}"
            self.book.define_name(rows.name(name), area)
        page.autofilter(FIRST_LINE - 1, 0, FIRST_LINE - 1 + len(frame), len(columns) - 1)

    def _write_cell(self, page: Worksheet, row: int, column: int, value: Any, number: Format, plain: Format) -> None:
        if isinstance(value, bool):
            page.write_boolean(row, column, value, plain)
        elif value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
            page.write_blank(row, column, None, plain)
        elif isinstance(value, pd.Timestamp):
            page.write_number(row, column, (value - EPOCH).days, number)
        elif isinstance(value, int | float):
            page.write_number(row, column, float(value), number)
        else:
            page.write_string(row, column, str(value)[:LONGEST_TEXT], plain)

    def write_comparison(self) -> None:
        """What is the result of a method or a setting, in the order of the figures; then what formulas use."""
        page = self._page("comparison", self._heads("number", "sentence", "how", "value"), self._title)
        wrap, row = self._format(text_wrap=True), FIRST_LINE
        for figure in self.explained.figures:
            if figure.term is None:
                page.write_number(row, 0, figure.sentence, wrap)
                told = self.explained.told[figure.sentence - 1]
                self._write_texts(page, row, (told.text, figure.how), WIDTHS["comparison"], wrap)
                page.write_number(row, 3, figure.value, self._format(num_format=NUMBERS.get(figure.kind, "#,##0.00")))
                row += 1
        lines = self.explained.lines
        if lines is None:
            return
        given = {"usual_interval": lines.usual_interval, "cut_off": lines.last_day.value}
        for name, value in given.items():
            page.write_string(row, 2, self.labels(f"explained.{name}"), wrap)
            if not math.isnan(value):
                page.write_number(
                    row, 3, value, self._format(num_format="0.0" if name == "usual_interval" else "dd.mm.yyyy")
                )
            self.book.define_name(name, f"='{self.labels('explained.comparison')}'!$D${row + 1}")
            row += 1
