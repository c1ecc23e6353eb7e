"""What all sheets of the workbook share: formats, pages set up for print, and cells whose text stays text."""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from kamkit.model.brand import Palette
from kamkit.telling.canvas import INK
from kamkit.telling.language import Labels
from kamkit.telling.story import Story
from kamkit.telling.tables import ABSENT, Column

LONGEST_TEXT = 32_767
"""What a cell of a workbook can hold."""

USUAL_WIDTH, PAPER_A4, PAPER_A3, WIDTH_A4, WIDTH_A3 = 8.43, 9, 8, 210, 340
"""A column of usual width, papers, and how wide (in characters) what stands on one page across may be, to be readable when made to fit."""

NUMBER_FORMATS = {
    "count": "#,##0",
    "number": "0.00",
    "percent": "0.0%",
    "whole_percent": "0%",
    "change": "+0.0%;−0.0%;0%",
}
EVERYWHERE = "A1:XFD1048576"
"""Where Excel shall not mark numbers that are text: account ids keep their zeros."""
MONEY = frozenset({"money", "money_short", "money_rough"})

PALE, YELLOW, RULE, FILL_IN_TAB = "#F3F6F9", "#FFF8D6", "#DDE3E9", "#F2C94C"
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


@dataclass(frozen=True)
class Book:
    """A workbook that is being written for a story."""

    story: Story
    book: xlsxwriter.Workbook
    _formats: dict[frozenset[tuple[str, Any]], Format] = field(default_factory=dict)
    _guarded: dict[int, Format] = field(default_factory=dict)

    @property
    def labels(self) -> Labels:
        return self.story.labels

    @property
    def palette(self) -> Palette:
        return self.story.brand.palette

    def format(self, **settings: Any) -> Format:
        """A format of the workbook, each made once."""
        if "indent" in settings:
            settings = {"align": "left"} | settings
        key = frozenset(settings.items())
        if key not in self._formats:
            base = {"font_name": "Calibri", "font_size": 10.5, "font_color": INK, "valign": "top"}
            made = self._formats[key] = self.book.add_format(base | settings)
            self._guarded[id(made)] = self.book.add_format(base | settings | {"quote_prefix": True})
        return self._formats[key]

    def heading(self, is_numeric: bool) -> Format:
        side: dict[str, Any] = {"align": "right"} if is_numeric else {"align": "left", "indent": 1}
        return self.format(
            bold=True, font_color="#FFFFFF", bg_color=self.palette.primary, text_wrap=True, valign="vcenter", **side
        )

    def page(self, name: str, tab: str | None = None) -> Worksheet:
        """A sheet in landscape, with client and confidentiality above, date, sheet and page below."""
        page = self.book.add_worksheet(name)
        if tab:
            page.set_tab_color(tab)
        page.hide_gridlines(2)
        page.ignore_errors(dict.fromkeys(("number_stored_as_text", "formula_differs", "formula_range"), EVERYWHERE))
        page.set_landscape()
        page.set_margins(left=0.5, right=0.5, top=0.75, bottom=0.7)
        page.set_header(f"&L{_code(self.story.client)}&R{_code(self.story.confidentiality)}")
        page.set_footer(f"&L{self.labels.date(self.story.date)}&C&A&R{self.labels('workbook.page')}")
        page.set_paper(PAPER_A4)
        page.fit_to_pages(1, 0)
        return page

    def fit(self, page: Worksheet, width: float, first_columns: int) -> None:
        """Print a sheet of a width: on A4, else on A3, else on several pages across that all begin with its first columns."""
        across = max(1, math.ceil(width / WIDTH_A3 - 1e-6))
        page.set_paper(PAPER_A4 if width <= WIDTH_A4 else PAPER_A3)
        page.fit_to_pages(across, 0)
        if across > 1 and first_columns:
            page.repeat_columns(0, first_columns - 1)

    def text(self, page: Worksheet, row: int, column: int, text: str, style: Format) -> None:
        """A text that stays text, also when somebody enters its cell and leaves it again."""
        if text.startswith(_FORMULA_SIGNS):
            style = self._guarded[id(style)]
        page.write_string(row, column, writable(text)[:LONGEST_TEXT], style)

    def cell(
        self, page: Worksheet, row: int, column: int, value: Any, written: str, about: Column, style: Format
    ) -> None:
        """The cell of a table: numbers and dates as such, everything else as it is written."""
        if written == ABSENT:
            page.write_blank(row, column, None, style)
        elif about.is_numeric:
            page.write_number(row, column, float(value), style)
        elif about.kind == "date":
            page.write_datetime(row, column, dt.datetime.combine(pd.Timestamp(value).date(), dt.time()), style)
        else:
            self.text(page, row, column, written, style)

    def style(self, column: Column, **more: Any) -> Format:
        """How the cells of a column look."""
        settings: dict[str, Any] = {"bottom": 1, "bottom_color": RULE}
        if number := self.number_format(column.kind):
            settings["num_format"] = number
        if not column.is_numeric:
            settings |= {"indent": 1, "align": "left"}
        if column.name == "name":
            settings["bold"] = True
        return self.format(**(settings | more))

    def number_format(self, kind: str) -> str:
        """As the country writes it: with a space before the percent sign or without, the currency before or behind."""
        if kind == "money_rough":
            return self._rough_money()
        if kind in MONEY:
            symbol = self.labels.currency_symbol().replace('"', "")
            before = self.labels.locale.currency_formats["standard"].pattern.split(";")[0].split("#")[0]
            if "¤" in before:
                return f'"{before.replace("¤", symbol)}"#,##0'
            return f'#,##0"\u00a0{symbol}"'
        if kind == "date":
            return "dd.mm.yyyy" if self.labels.language == "de" else "d mmm yyyy"
        spaced = self.labels.locale.percent_formats[None].pattern.endswith("\u00a0%")
        found = NUMBER_FORMATS.get(kind, "")
        return found.replace("%", '"\u00a0"%') if spaced else found

    def _rough_money(self) -> str:
        """Estimates no finer than the report tells them: millions and thousands with one digit, below that only so much."""
        labels, parts = self.labels, []
        for least, size, scaled in ((999_500, 1_500_000, "0.0,,"), (999.5, 1500, "0.0,")):
            before, behind = (part.replace('"', "") for part in labels.money_short(size).split(labels.number(1.5)))
            parts.append(f'[>={least}]"{before}"{scaled}"{behind}"')
        below = labels.money_rough(0).replace('"', "")
        return ";".join((*parts, f'"{below}"')).replace('""', "")


def pale(colour: str) -> str:
    """A colour that numbers stand on: a third of it on white."""
    return "#" + "".join(f"{255 - (255 - int(colour[i : i + 2], 16)) // 3:02X}" for i in (1, 3, 5))


def writable(text: str) -> str:
    """A text without signs that no XML file can hold."""
    return _UNWRITABLE.sub("", text)


def _code(text: str) -> str:
    """A text in header or footer, where & begins a code and 255 signs are the limit."""
    return writable(text).replace("&", "&&")[:100]
