"""The sheet of decisions: fields with choices, free rows for wanted customers, and what the answers come to while people
give them. `decisions:` of the engagement file names the filled-in workbook, and the next run reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xlsxwriter.worksheet import Worksheet

from kamkit.deliver.xlsx_book import FILL_IN_TAB, Book
from kamkit.deliver.xlsx_tables import place_table, title
from kamkit.intake.input_sheets import HEADING_ROW, sheets_of, words_of
from kamkit.intake.live_selection import live_figures
from kamkit.telling.story import Places, Sheet
from kamkit.telling.tables import DisplayTable

GIVEN = frozenset({"account_id", "name", "share", "proposal", "snapshot", "decision_status", "moved"})
"""Columns that are filled in already."""
ROOM = {"decision": 16, "reason_code": 24, "decision_reason": 32, "decided_by": 20, "consulted": 20, "opinion": 18}
ROOM |= {"date": 13, "valid_until": 13, "new_account": 24}
"""The least room (in characters) of what is still to be written."""

FREE_ROWS, COUNTED_ROWS = 10, 200
"""Rows below the table that invite wanted customers, and how many the live figures count."""


def write_decisions(book: Book, sheet: Sheet) -> Worksheet:
    """The decisions so far, and a field for every one that is open."""
    page, table = book.page(sheet.name, FILL_IN_TAB), sheet.table
    title(book, page, table.caption, book.labels("workbook.fill_in"))
    top = sheets_of()["selection"].heading_row - 1 if sheet.places else 3
    names = [column.name for column in table.columns]
    room = ROOM if sheet.places is None else ROOM | {names[0]: _write_live(book, page, table, sheet.places, top + 2)}
    styles = place_table(book, page, table, top, fields=set(names) - GIVEN, room=room).styles
    last = top + len(table.rows)
    if sheet.places:
        for row in range(last + 1, last + FREE_ROWS + 1):
            for i, name in enumerate(names):
                if name not in GIVEN:
                    page.write_blank(row, i, None, styles[i])
        last += FREE_ROWS
    _offer_choices(book, page, sheet, top + 1, last)
    return page


def _write_live(book: Book, page: Worksheet, table: DisplayTable, places: Places, first: int) -> float:
    """What the decisions in the rows from `first` on (counted from 1) come to, above their headings, as on the meeting's
    sheet of inputs.xlsx; gives the width of the names."""
    codes = [column.name for column in table.columns]
    rows = [dict(zip(codes, row, strict=True)) for row in table.rows]
    last = first + len(rows) + COUNTED_ROWS - 1
    live = live_figures(codes, rows, first, last, places.capacity, places.day)
    names = {code: line.names[book.labels.language] for code, line in sheets_of()["selection"].lines.items()}
    for y, (code, name) in enumerate(names.items(), HEADING_ROW - 1):
        kind = "percent" if code == "share_chosen" else "count"
        style = book.format(bold=True, align="left", num_format=book.number_format(kind))
        page.write_string(y, 0, name, book.format(bold=True))
        if code in live:
            page.write_formula(y, 1, live[code].formula, style, live[code].value)
        elif places.capacity is not None:
            page.write_number(y, 1, places.capacity, style)
    return max(map(len, names.values())) * 1.15 + 1


def _offer_choices(book: Book, page: Worksheet, sheet: Sheet, first: int, last: int) -> None:
    """Drop-downs; those of a decision depend on what the row is about; free rows are for key accounts."""
    names = [column.name for column in sheet.table.columns]
    for name, words in (sheet.choices or {}).items():
        if name in names and last >= first:
            page.data_validation(first, names.index(name), last, names.index(name), _listed(words))
    of = {row: sheet.table.raw(row, "subject") for row in range(len(sheet.table))}
    at, language = names.index("decision"), book.labels.language
    answers = {
        subject: [word[language] for word in words_of("decision").values() if word["of"] == subject]
        for subject in dict.fromkeys((*of.values(), "key_account"))
    }
    for subject in dict.fromkeys(of.values()):
        rows = [first + row for row, about in of.items() if about == subject]
        ranges = [[start, at, end, at] for start, end in _runs(rows)]
        page.data_validation(*ranges[0], {**_listed(answers[subject]), "other_cells": ranges[1:]})
    if (free := first + len(of)) <= last:
        page.data_validation(free, at, last, at, _listed(answers["key_account"]))


def _runs(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Rows that follow one another, as first and last."""
    runs: list[tuple[int, int]] = []
    for row in rows:
        if runs and runs[-1][1] == row - 1:
            runs[-1] = (runs[-1][0], row)
        else:
            runs.append((row, row))
    return runs


def _listed(words: Sequence[str]) -> dict[str, Any]:
    return {"validate": "list", "source": list(words), "error_type": "warning"}
