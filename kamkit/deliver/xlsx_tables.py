"""Sheets of one table: a frozen head, a filter, columns as wide as their content, numbers as numbers."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from kamkit.deliver.xlsx_book import MONEY, WIDTH_A3, YELLOW, Book, pale
from kamkit.telling.canvas import MUTE
from kamkit.telling.story import Sheet
from kamkit.telling.tables import Column, DisplayTable

NARROWEST, WIDEST, WIDEST_HEAD, FULL_PAGE = 9, 46, 16, 150
"""Widths in characters: of columns, of a head on one line, of a page."""
NARROW_SENTENCE, WIDE_SENTENCE = 30, 90
"""How far the column of a sentence gives way on a crowded page, and how far it goes where there is room."""
LINE_HEIGHT, MOST_LINES = 14.5, 12
BARRED = frozenset({"revenue", "account_revenue", "at_stake", "value"})
ROOM = {"owner": 20, "status": 12}
"""The least room (in characters) of columns that people fill."""
ON_ONE_LINE = frozenset({"accounts"})
"""Sheets to scan and filter: their rows have one line, and sentences stand last."""


def write_table(book: Book, sheet: Sheet) -> Worksheet:
    """A sheet of one table, with what its signs mean above."""
    page = book.page(sheet.name, book.palette.primary if sheet.is_main else None)
    title(book, page, sheet.table.caption, sheet.table.more)
    place_table(book, page, sheet.table, 2 + bool(sheet.table.more), one_line=sheet.key in ON_ONE_LINE)
    return page


def title(book: Book, page: Worksheet, caption: str, note: str = "") -> None:
    """What a sheet shows, and a line on how to read it or what to do."""
    book.text(page, 0, 0, caption, book.format(bold=True, font_size=14, font_color=book.palette.primary))
    page.set_row(0, 22)
    if note:
        book.text(page, 1, 0, note, book.format(font_color=MUTE))


@dataclass(frozen=True)
class Placed:
    """How the columns of a table look, and how wide they are together (in characters)."""

    styles: list[Format]
    width: float


def place_table(
    book: Book,
    page: Worksheet,
    table: DisplayTable,
    top: int,
    *,
    fields: Collection[str] = (),
    room: Mapping[str, float] = ROOM,
    one_line: bool = False,
) -> Placed:
    """A table with its head in row `top` (counted from 0), frozen, filtered and set up for print.
    `fields` are columns to fill in, `room` is the least width of some (in characters)."""
    columns = table.columns
    widths = _widths(table, room)
    styles = [book.style(column, **_look(column, column.name in fields, one_line)) for column in columns]
    for i, column in enumerate(columns):
        page.set_column(i, i, widths[i])
        book.text(page, top, i, column.title, book.heading(column.is_numeric))
    page.set_row(top, LINE_HEIGHT * _lines([c.title for c in columns], widths, bold=True) + 6)
    for r, (row, cells) in enumerate(zip(table.rows, table.cells, strict=True), start=top + 1):
        page.set_row(r, LINE_HEIGHT * (1 if one_line else _lines(cells, widths)))
        for i, (value, written) in enumerate(zip(row, cells, strict=True)):
            book.cell(page, r, i, value, written, columns[i], styles[i])
    n_frozen = _frozen(columns)
    page.freeze_panes(top + 1, n_frozen)
    page.repeat_rows(top)
    book.fit(page, sum(widths), n_frozen)
    if table.rows:
        last = top + len(table.rows)
        page.autofilter(top, 0, last, len(columns) - 1)
        for i, column in enumerate(columns):
            if column.kind in MONEY and column.name in BARRED:
                bar = {"type": "data_bar", "bar_color": pale(book.palette.secondary), "bar_solid": True}
                bar["bar_negative_color"] = book.palette.accent
                page.conditional_format(top + 1, i, last, i, bar)
    return Placed(styles, sum(widths))


def _look(column: Column, is_field: bool, one_line: bool) -> dict[str, Any]:
    look: dict[str, Any] = {} if column.is_numeric or one_line else {"text_wrap": True}
    return look | ({"bg_color": YELLOW} if is_field else {})


def _frozen(columns: Sequence[Column]) -> int:
    """How many columns stay in sight: up to and with the name, if it stands early."""
    names = [column.name for column in columns]
    return names.index("name") + 1 if "name" in names[:3] else 0


def _widths(table: DisplayTable, room: Mapping[str, float]) -> list[float]:
    """As wide as the content; sentences share what is left of the page, or give way where a page is too narrow."""
    cells = [[row[i] for row in table.cells] for i in range(len(table.columns))]
    widths = [max(_width(c, texts), room.get(c.name, 0)) for c, texts in zip(table.columns, cells, strict=True)]
    long = [i for i, texts in enumerate(cells) if max(map(len, texts), default=0) > WIDEST]
    total = sum(widths)
    spare = (max(0, FULL_PAGE - total) + min(0, WIDTH_A3 - total)) / max(1, len(long))
    fitted = (min(WIDE_SENTENCE, max(NARROW_SENTENCE, width + spare)) for width in widths)
    return [fit if i in long else width for i, (width, fit) in enumerate(zip(widths, fitted, strict=True))]


def _width(column: Column, cells: Sequence[str]) -> float:
    """As wide as the longest cell and the longest word of the head; a head breaks before it widens a column of numbers."""
    longest = max(map(len, cells), default=0)
    word = max(map(len, column.title.split()), default=0)
    head = max(word, min(len(column.title), WIDEST_HEAD)) * 1.15 + 3
    if column.is_numeric:
        return max(NARROWEST, longest * 1.1 + 3, head)
    return max(NARROWEST, min(WIDEST, longest * 1.0 + 2.5), head)


def _lines(cells: Sequence[str], widths: Sequence[float], bold: bool = False) -> int:
    """How many lines the fullest cell of a row takes, within limits."""
    size = 1.12 if bold else 0.95
    needed = (math.ceil(len(cell) * size / (width - 2)) for cell, width in zip(cells, widths, strict=True))
    return min(MOST_LINES, max(needed, default=1))
