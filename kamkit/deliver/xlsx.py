"""The workbook: the story's tables to filter, sort and fill in. Every text stays text, whatever it begins with."""

from __future__ import annotations

import datetime as dt
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from kamkit.intake.input_sheets import HEADING_ROW, sheets_of, words_of
from kamkit.intake.live_selection import live_figures
from kamkit.telling.canvas import INK, LINE, MUTE, A
from kamkit.telling.language import Labels
from kamkit.telling.sections import Section
from kamkit.telling.story import Places, Sheet, Story
from kamkit.telling.tables import ABSENT, Column, DisplayTable

NARROWEST, WIDEST, LINE_HEIGHT = 9, 46, 14.5
A4, A3, A4_WIDTH = 9, 8, 190
BAR = "#BFDDF2"
"""Light, so that the number in the cell stays readable on its bar."""
LONGEST_TEXT = 32_767
"""What a cell of a workbook can hold."""

_GIVEN = {"account_id", "name", "share", "proposal", "snapshot", "decision_status", "moved"}
"""Columns of a sheet to fill in that are filled in already."""

NUMBER_FORMATS = {
    "count": "#,##0",
    "number": "0.00",
    "percent": "0.0%",
    "change": "+0.0%;−0.0%;0%",
}

_FREE_ROWS, _SENTENCE = 200, 32
"""Rows below the table of decisions that its live figures count too; the room for a reason that is still to be written."""


def render_xlsx(story: Story) -> bytes:
    """The story as an Excel workbook. The same story gives the same bytes."""
    out = io.BytesIO()
    settings = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, settings) as book:
        book.set_properties(
            {
                "title": story.title,
                "subject": story.period,
                "author": story.footer or "kamkit",
                "company": story.client,
                "created": dt.datetime.combine(story.date, dt.time()),
            }
        )
        writer = _Writer(story, book)
        for section in story.main:
            if section.key == "at_a_glance":
                writer.write_glance(section)
        for sheet in story.sheets:
            writer.write_sheet(sheet)
    return out.getvalue()


@dataclass(frozen=True)
class _Writer:
    story: Story
    book: xlsxwriter.Workbook

    @property
    def labels(self) -> Labels:
        return self.story.labels

    def _format(self, **settings: Any) -> Format:
        return self.book.add_format(
            {"font_name": "Calibri", "font_size": 10.5, "font_color": INK, "valign": "top"} | settings
        )

    def _page(self, name: str, landscape: bool = True) -> Worksheet:
        page = self.book.add_worksheet(name)
        page.hide_gridlines(2)
        page.set_paper(A4)
        if landscape:
            page.set_landscape()
        page.fit_to_pages(1, 0)
        page.set_margins(left=0.5, right=0.5, top=0.7, bottom=0.7)
        page.set_header(f"&L{_code(self.story.client)}&R{_code(self.story.confidentiality)}")
        page.set_footer(f"&L{self.labels.date(self.story.date)}&R{self.labels('workbook.page')}")
        return page

    def write_glance(self, section: Section) -> None:
        """The first page: title, the tiles in a row, the lists below."""
        page = self._page(self.labels("workbook.glance"))
        page.set_column(0, 3, 30)
        page.set_row(0, 28)
        page.write_string(0, 0, self.story.title, self._format(bold=True, font_size=18, font_color=A))
        place = f"{self.story.client} · {self.story.period}"
        page.write_string(1, 0, place[:LONGEST_TEXT], self._format(font_color=MUTE))
        styles = {
            "value": self._format(bold=True, font_size=18, font_color=A, bg_color="#F3F6F9"),
            "title": self._format(bg_color="#F3F6F9", text_wrap=True),
            "note": self._format(bg_color="#F3F6F9", font_color=MUTE, text_wrap=True),
        }
        page.write_string(2, 0, section.banner, self._format(bold=True))
        page.set_row(3, 26)
        page.set_row(4, 30)
        for i, tile in enumerate(section.tiles):
            for row, part in enumerate(("value", "title", "note"), start=3):
                page.write_string(row, i, getattr(tile, part), styles[part])
        row = 7
        for points in section.lists:
            page.write_string(row, 0, points.title, self._format(bold=True, font_color=A, font_size=12))
            for line in points.lines():
                row += 1
                page.merge_range(row, 0, row, 3, "", self._format(text_wrap=True))
                page.write_string(row, 0, line[:LONGEST_TEXT], self._format(text_wrap=True))
                page.set_row(row, 15 * (1 + len(line) // 115))
            row += 2

    def write_sheet(self, sheet: Sheet) -> None:
        """One table: title, frozen heads, filter, numbers as numbers, bars behind shares, fields to fill in."""
        page = self._page(sheet.name)
        table = sheet.table
        top = sheets_of()["selection"].heading_row - 1 if sheet.places else 3 if sheet.choices else 2
        page.write_string(0, 0, table.caption, self._format(bold=True, font_size=14, font_color=A))
        if sheet.choices:
            page.write_string(1, 0, self.labels("workbook.fill_in"), self._format(font_color=MUTE))
        head = {"bold": True, "font_color": "#FFFFFF", "bg_color": A, "text_wrap": True, "valign": "vcenter"}
        widths = [_width([c.title, *(row[i] for row in table.cells)], c) for i, c in enumerate(table.columns)]
        if sheet.choices:
            names = [column.name for column in table.columns]
            widths = [max(w, _SENTENCE) if n == "decision_reason" else w for w, n in zip(widths, names, strict=True)]
        if sheet.places:
            widths[0] = max(widths[0], self._write_live(page, sheet.table, sheet.places, top + 2))
        if sum(widths) > A4_WIDTH:
            page.set_paper(A3)
        for i, column in enumerate(table.columns):
            page.write_string(
                top,
                i,
                column.title,
                self._format(**head, **({"align": "right"} if column.is_numeric else {"align": "left", "indent": 1})),
            )
            page.set_column(i, i, widths[i])
        styles = [self._style(column, bool(sheet.choices)) for column in table.columns]
        for r, row in enumerate(table.rows, start=top + 1):
            page.set_row(r, LINE_HEIGHT * _lines(table.cells[r - top - 1], widths))
            for i, (value, cell) in enumerate(zip(row, table.cells[r - top - 1], strict=True)):
                self._write(page, r, i, value, cell, table.columns[i], styles[i])
        last = top + len(table.rows)
        page.set_row(top, 32)
        page.freeze_panes(top + 1, _frozen(table.columns))
        page.repeat_rows(top)
        if table.rows:
            page.autofilter(top, 0, last, len(table.columns) - 1)
            self._dress(page, sheet, top + 1, last)

    def _style(self, column: Column, fill_in: bool) -> Format:
        settings: dict[str, Any] = {"bottom": 1, "bottom_color": "#DDE3E9", "text_wrap": not column.is_numeric}
        if not column.is_numeric:
            settings |= {"indent": 1, "align": "left"}
        if column.kind in NUMBER_FORMATS:
            settings["num_format"] = self._number_format(column.kind)
        elif column.kind in {"money", "money_short", "money_rough"}:
            symbol = self.labels.currency_symbol().replace('"', "")
            after = self.labels.locale.currency_formats["standard"].pattern.endswith("¤")
            settings["num_format"] = f'#,##0"\u00a0{symbol}"' if after else f'"{symbol}"#,##0'
        elif column.kind == "date":
            settings["num_format"] = "dd.mm.yyyy" if self.labels.language == "de" else "d mmm yyyy"
        if fill_in and column.name not in _GIVEN:
            settings["bg_color"] = "#FFF8D6"
        if column.name == "name":
            settings["bold"] = True
        return self._format(**settings)

    def _number_format(self, kind: str) -> str:
        """As the language writes it: with a space before the percent sign or without."""
        spaced = self.labels.locale.percent_formats[None].pattern.endswith("\u00a0%")
        return NUMBER_FORMATS[kind].replace("%", '"\u00a0"%') if spaced else NUMBER_FORMATS[kind]

    def _write_live(self, page: Worksheet, table: DisplayTable, places: Places, first: int) -> float:
        """What the decisions in the rows from `first` on (counted from 1) come to, above their headings, as on the meeting's
        sheet of inputs.xlsx; gives the width of the names."""
        codes = [column.name for column in table.columns]
        rows = [dict(zip(codes, row, strict=True)) for row in table.rows]
        last = first + len(rows) + _FREE_ROWS - 1
        live = live_figures(codes, rows, first, last, places.capacity, places.day)
        names = {code: line.names[self.labels.language] for code, line in sheets_of()["selection"].lines.items()}
        for y, (code, name) in enumerate(names.items(), HEADING_ROW - 1):
            kind = "percent" if code == "share_chosen" else "count"
            style = self._format(bold=True, align="left", num_format=self._number_format(kind))
            page.write_string(y, 0, name, self._format(bold=True))
            if code in live:
                page.write_formula(y, 1, live[code].formula, style, live[code].value)
            elif places.capacity is not None:
                page.write_number(y, 1, places.capacity, style)
        return max(map(len, names.values())) * 1.15 + 1

    def _write(
        self, page: Worksheet, row: int, column: int, value: Any, cell: str, about: Column, style: Format
    ) -> None:
        if cell == ABSENT:
            page.write_blank(row, column, None, style)
        elif about.is_numeric:
            page.write_number(row, column, float(value), style)
        elif about.kind == "date":
            page.write_datetime(row, column, dt.datetime.combine(pd.Timestamp(value).date(), dt.time()), style)
        else:
            page.write_string(row, column, cell[:LONGEST_TEXT], style)

    def _dress(self, page: Worksheet, sheet: Sheet, first: int, last: int) -> None:
        for i, column in enumerate(sheet.table.columns):
            if column.kind in {"money", "money_short", "money_rough"} and column.name in {
                "revenue",
                "account_revenue",
                "at_stake",
            }:
                bar = {"type": "data_bar", "bar_color": BAR, "bar_solid": True, "bar_negative_color": LINE}
                page.conditional_format(first, i, last, i, bar)
            if sheet.choices and column.name in sheet.choices:
                page.data_validation(first, i, last, i, _listed(sheet.choices[column.name]))
            elif sheet.choices and column.name == "decision":
                at = [c.name for c in sheet.table.columns].index("subject")
                for r, row in enumerate(sheet.table.rows, first):
                    words = [w[self.labels.language] for w in words_of("decision").values() if w["of"] == row[at]]
                    page.data_validation(r, i, r, i, _listed(words))


def _listed(words: Sequence[str]) -> dict[str, Any]:
    return {"validate": "list", "source": list(words), "error_type": "warning"}


def _frozen(columns: tuple[Column, ...]) -> int:
    """How many columns stay in sight: up to and with the name, if it stands early."""
    names = [column.name for column in columns]
    return names.index("name") + 1 if "name" in names[:3] else 0


def _width(texts: list[str], column: Column) -> float:
    """As wide as the longest text, the bold head counting more, within limits."""
    longest = max(len(texts[0]) * 1.15 + 1, *map(len, texts[1:]), 0)
    return float(min(max(longest * 0.95 + 2.5, NARROWEST), 18 if column.is_numeric else WIDEST))


def _lines(cells: tuple[str, ...], widths: list[float]) -> int:
    """How many lines the fullest cell of a row takes, at most eight."""
    needed = (math.ceil(len(cell) * 0.95 / (width - 2)) for cell, width in zip(cells, widths, strict=True))
    return min(8, max(needed, default=1))


def _code(text: str) -> str:
    """A text in header or footer, where & begins a code and 255 signs are the limit."""
    return text.replace("&", "&&")[:100]
