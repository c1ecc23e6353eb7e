"""inputs.xlsx written and refreshed: proposals brought up to date, and no entry, row, column or sheet of a person lost."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.utility import xl_range_abs

from kamkit.intake.input_sheets import (
    HEADING_ROW,
    WORDS_SHEET,
    Column,
    Rows,
    Sheet,
    canonical,
    code_of,
    date_of,
    definition,
    entries,
    is_empty,
    is_entry,
    is_own,
    plain_text,
    read_workbook,
    sheets_of,
    text_of,
    words_of,
)
from kamkit.intake.inputs import decided
from kamkit.intake.live_selection import Live, live_figures
from kamkit.intake.snapshots import brought_up_to_date, snapshots_of, stamped
from kamkit.model.codes import Level
from kamkit.model.questionnaire import QUESTIONNAIRES, questionnaires
from kamkit.model.results import AccountFacts, Finding, Imported

MOST_PROPOSED_KEY_ACCOUNTS = 30
LONGEST_TITLE = 31


@dataclass(frozen=True)
class Meeting:
    """What the meeting on the key accounts decides about. `accounts`, the candidates: account_id, new_account, name,
    revenue, share, in_set, certainty, opinions, proposal, decided, tier. `capacity`: how many accounts can be managed."""

    accounts: pd.DataFrame
    capacity: int | None = None


def refresh_inputs(
    path: Path,
    language: str,
    imported: Imported | None = None,
    facts: AccountFacts | None = None,
    mapping: Sequence[Mapping[str, Any]] | None = None,
    actions: Sequence[Mapping[str, Any]] | None = None,
    figures: tuple[Mapping[str, str], dt.date] | None = None,
    meeting: Meeting | None = None,
    elsewhere: Sequence[pd.DataFrame] = (),
) -> tuple[Finding, ...]:
    """Write inputs.xlsx new, or bring its proposals up to date; the file appears whole or stays as it was. `mapping` are
    rows of the mapping sheet to propose before anything is imported, `actions` the lines of the plan. `figures` are the
    fingerprints of what people see from a day on; comments and decisions entered since the last time keep those of then,
    decisions of further files, `elsewhere`, too.

    Every entry, row, column and sheet of a person stays. Gives a finding when the file is open in Excel and cannot be
    replaced. Raises InputError when the present file cannot be read.
    """
    present, foreign = read_workbook(path) if path.exists() else ({}, {})
    proposals = _proposals(language, imported, facts)
    proposals |= {
        name: [*map(dict, rows)] for name, rows in (("mapping", mapping), ("actions", actions)) if rows is not None
    }
    before = snapshots_of(present.get("snapshots"))
    seen = before
    if figures:
        taken = decided(path.name, present, _entries(present))
        seen = brought_up_to_date(before, figures[0], pd.concat([taken, *elsewhere]), figures[1])
        proposals["snapshots"] = [{"about": name, **vars(seen[name])} for name in sorted(seen)]
        present = {
            code: _with_snapshots(rows, taken) if code == "decisions" else rows for code, rows in present.items()
        }
    if meeting is not None:
        proposals["selection"] = _records(meeting.accounts)
    lines = {"selection": {"capacity": meeting.capacity if meeting else None}}
    stamp = partial(stamped, before=before, now=seen if figures else {})
    return refresh_workbook(path, language, "inputs", (present, foreign), proposals, lines, stamp)


def _entries(present: Mapping[str, Rows]) -> dict[str, pd.DataFrame]:
    """The decisions as they were read before the run; what cannot be read has stopped it."""
    return {code: entries(sheets_of()[code], present.get(code), []) for code in ("decisions", "selection")}


def _with_snapshots(rows: Rows, taken: pd.DataFrame) -> Rows:
    """The decisions with the snapshot that each was taken on, under its heading."""
    sheet = sheets_of()["decisions"]
    heading = next((h for h in rows.headings if plain_text(h) in sheet.columns["snapshot"].plain_names), "snapshot")
    entered = [number for number, row in rows.rows if is_entry(sheet, canonical(sheet, row))]
    found = dict(zip(entered, taken["snapshot"].tolist()[: len(entered)], strict=True))
    shown = {number: snapshot for number, snapshot in found.items() if not pd.isna(snapshot)}
    filled = tuple((n, {**row, heading: shown[n]} if n in shown else row) for n, row in rows.rows)
    return replace(rows, rows=filled)


def refresh_workbook(
    path: Path,
    language: str,
    book: str,
    before: tuple[Mapping[str, Rows], Mapping[str, list[list[Any]]]],
    proposals: Mapping[str, list[dict[str, Any]]],
    lines: Mapping[str, Mapping[str, Any]],
    stamp: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None,
) -> tuple[Finding, ...]:
    """Write the sheets of a book anew: `before`, what stands there with the sheets of a person, brought up to date with
    proposals; `lines` are the cells above the headings by sheet and code, `stamp` marks comments. Whole or not at
    all; a finding where the file is open elsewhere."""
    present, foreign = before
    handle, scratch = tempfile.mkstemp(suffix=".xlsx", dir=path.parent)
    os.close(handle)
    try:
        with xlsxwriter.Workbook(
            scratch, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        ) as workbook:
            formats = {name: workbook.add_format(look) for name, look in _looks(language).items()}
            words = _word_lists(language)
            ranges = {
                name: f"='{WORDS_SHEET}'!{xl_range_abs(0, x, len(words[name]) - 1, x)}" for x, name in enumerate(words)
            }
            for code, sheet in sheets_of(book).items():
                old = present.get(code, Rows(sheet.names[language]))
                own, rows = _merged(sheet, old, proposals.get(code))
                if code == "comments" and stamp:
                    rows = [stamp(row) for row in rows]
                told = {**old.lines, **lines.get(code, {})}
                _write_sheet(workbook, formats, ranges, sheet, language, own, rows, told)
            for title, cells in foreign.items():
                _write_foreign(workbook.add_worksheet(_free_title(workbook, title)), formats, cells)
            _write_words(workbook.add_worksheet(WORDS_SHEET), words)
        Path(scratch).chmod(0o644)
        Path(scratch).replace(path)
    except PermissionError:
        return (Finding("inputs_locked", "inputs", values={"file": path.name}),)
    finally:
        Path(scratch).unlink(missing_ok=True)
    return ()


def _free_title(workbook: Any, title: str) -> str:
    """The title of a person's own sheet, with a number where a sheet of ours is called the same."""
    taken = {page.name.casefold() for page in workbook.worksheets()}
    numbered = (f"{title[: LONGEST_TITLE - 4]} ({n})" for n in itertools.count(2))
    return next(name for name in itertools.chain([title], numbered) if name.casefold() not in taken)


def _looks(language: str) -> dict[str, dict[str, Any]]:
    date, percent = ("dd.mm.yyyy", '0.0"\u00a0"%') if language == "de" else ("yyyy-mm-dd", "0.0%")
    heading = {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}
    fill = {"bg_color": "#FFFBEA", "valign": "top"}
    number = {"valign": "top", "align": "right", "indent": 1}
    return {
        "title": {"bold": True, "font_size": 14},
        "help": {"italic": True, "font_color": "#555555"},
        "heading": {**heading, "bg_color": "#E8ECF0"},
        "number_heading": {**heading, "bg_color": "#E8ECF0", "align": "right", "indent": 1},
        "fill_heading": {**heading, "bg_color": "#FFE9A8"},
        "text": {"num_format": "@", "valign": "top"},
        "prose": {"num_format": "@", "valign": "top", "text_wrap": True},
        "date": {"num_format": date, "valign": "top", "align": "left"},
        "money": {"num_format": "#,##0", **number},
        "percent": {"num_format": percent, **number},
        "change": {"num_format": f"+{percent};−{percent};{percent}", **number},
        "line": {"bold": True},
        "figure": {"num_format": "0", "bold": True, "align": "left"},
        "figure_percent": {"num_format": percent, "bold": True, "align": "left"},
        "fill": {"num_format": "@", "text_wrap": True, **fill},
        "fill_date": {"num_format": date, "align": "left", **fill},
        "fill_number": {"num_format": "#,##0.##", **fill},
    }


_PROSE_WIDTH, _LINE_HEIGHT = 80, 15
"""Letters of a line of a question, and a line's height in points: not every program makes room for wrapped texts itself."""
_NARROWEST, _SENTENCE, _WIDEST, _A4_WIDTH = 12, 32, 50, 190
_A4, _A3 = 9, 8
_FILLED = {"date": "fill_date", "number": "fill_number"}
_NUMBERS = frozenset({"money", "percent", "change"})
_EMPTY_ROWS, _EMPTY_ANSWERS = 200, 40
"""Rows below the last entry that are formatted and have drop-downs; fewer where only a second person's answers follow."""


def _proposals(language: str, imported: Imported | None, facts: AccountFacts | None) -> dict[str, list[dict[str, Any]]]:
    """What kamkit puts into each sheet for people to confirm or answer; sheets without proposals are left out."""
    proposed: dict[str, list[dict[str, Any]]] = {
        sheet: [{QUESTIONNAIRES[sheet]: code, "text": a.text[language]} for code, a in asked.items()]
        for sheet, asked in questionnaires().items()
    }
    if imported is not None:
        proposed["mapping"] = _records(imported.columns[["table", "column", "source", "example"]])
        if imported.level == Level.GROUP:
            proposed["groups"] = _records(imported.group_candidates)
    if facts is not None:
        proposed["key_accounts"] = _todays_key_accounts(facts)
    return proposed


def _todays_key_accounts(facts: AccountFacts) -> list[dict[str, Any]]:
    """The customers that the master calls key accounts; where it calls none so, the largest accounts of the period."""
    customers = facts.tables.get("customers", pd.DataFrame())
    if "key_label" in customers.columns and customers["key_label"].fillna(False).any():
        labelled = customers[customers["key_label"].fillna(False).astype(bool)].reindex(columns=["customer_id", "name"])
        return _records(labelled.assign(in_master="yes").sort_values("customer_id"))
    largest = facts.accounts.sort_values(["revenue", "account_id"], ascending=[False, True])
    largest = largest.head(MOST_PROPOSED_KEY_ACCOUNTS).rename(columns={"account_id": "customer_id"})
    return _records(largest[["customer_id", "name"]])


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows by column; what is missing is None."""
    plain = frame.astype(object).where(frame.notna(), None)
    return [dict(zip(map(str, plain.columns), row, strict=True)) for row in plain.itertuples(index=False)]


def _merged(
    sheet: Sheet, old: Rows, proposed: list[dict[str, Any]] | None
) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    """The headings of a person's own columns, and all rows by code or own heading: present ones in their order with
    proposals brought up to date, then new proposals. Proposals that fell away go unless a person wrote into them."""
    own = tuple(heading for heading in old.headings if plain_text(heading) not in sheet.codes)
    fresh = {tuple(_key(sheet.columns[k], row.get(k)) for k in sheet.key): row for row in proposed or ()}
    rows = []
    for _, row in old.rows:
        cells = canonical(sheet, row) | {heading: row[heading] for heading in own if heading in row}
        proposal = fresh.pop(tuple(_key(sheet.columns[k], cells.get(k)) for k in sheet.key), None)
        if proposal is not None:
            cells = _brought_up_to_date(sheet, cells, proposal)
        elif proposed is not None and _fell_away(sheet, cells, own):
            continue
        rows.append(cells)
    return own, rows + list(fresh.values())


def _brought_up_to_date(sheet: Sheet, cells: Mapping[str, Any], proposal: Mapping[str, Any]) -> dict[str, Any]:
    """A present row with what kamkit proposes now: a person's cells stay, and once it is confirmed those that were kamkit's
    until then. How sure an earlier proposal was says nothing of another column."""
    settled = is_entry(sheet, cells)
    open_cells = {k for k, c in sheet.columns.items() if (not settled if c.until_confirmed else not c.fill)}
    if any(c.until_confirmed and k in proposal and cells.get(k) != proposal[k] for k, c in sheet.columns.items()):
        cells = {k: v for k, v in cells.items() if settled or k not in ("confidence", "why")}
    return {**cells, **{k: v for k, v in proposal.items() if k in open_cells}}


def _key(column: Column, cell: Any) -> str:
    """A key cell as compared: a code for a word in either language, else the text; nothing for an empty one."""
    if is_empty(cell):
        return ""
    return (code_of(column, text_of(cell)) if column.words else None) or text_of(cell)


def _fell_away(sheet: Sheet, cells: Mapping[str, Any], own: Sequence[str]) -> bool:
    """Kamkit's own row that it no longer proposes; what was recognised before the import stays to be answered."""
    if "confidence" in cells or is_own(sheet, cells):
        return False
    entered = [c.code for c in sheet.columns.values() if c.fill and not c.until_confirmed and c.code not in sheet.key]
    written = any(code in cells for code in entered)
    from_kamkit = any(not c.fill and c.code in cells and c.code != "name" for c in sheet.columns.values())
    return from_kamkit and not written and not any(heading in cells for heading in own)


def _write_sheet(
    workbook: Any,
    formats: Mapping[str, Any],
    ranges: Mapping[str, str],
    sheet: Sheet,
    language: str,
    own: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    lines: Mapping[str, Any],
) -> None:
    page = workbook.add_worksheet(sheet.names[language])
    page.write_string(0, 0, sheet.names[language], formats["title"])
    page.write_string(1, 0, sheet.help[language], formats["help"])
    page.write_string(2, 0, definition()["instructions"][language], formats["help"])
    columns = [*sheet.columns.values(), *(Column(h, {language: h}, fill=True) for h in own)]
    top = sheet.heading_row
    free = _EMPTY_ANSWERS if sheet.code in QUESTIONNAIRES else _EMPTY_ROWS if sheet.takes_rows else 0
    end = top + len(rows) + free
    n_lines: dict[int, int] = {top - 1: 2}
    widths: list[int] = []
    for x, column in enumerate(columns):
        name = column.names[language]
        kind = "text" if column.words else column.kind
        heading = "fill_heading" if column.fill else "number_heading" if kind in _NUMBERS else "heading"
        page.write_string(top - 1, x, name, formats[heading])
        look = _FILLED.get(kind, "fill") if column.fill else kind if kind in formats else "text"
        texts = [_shown(column, row.get(column.code), language) for row in rows]
        for y in range(top, end):
            value = texts[y - top] if y - top < len(rows) else None
            _write_cell(page, y, x, value, formats[look])
        room = [_NARROWEST, _heading_width(name), *(_length(text) + 2 for text in texts), *([_SENTENCE] * column.wide)]
        if x == 0:
            room += [len(line.names[language]) + 4 for line in sheet.lines.values()]
        widths.append(min(max(room), _PROSE_WIDTH if column.kind == "prose" else _WIDEST))
        page.set_column(x, x, widths[-1])
        for y, text in enumerate(texts if column.kind == "prose" else (), top):
            n_lines[y] = max(n_lines.get(y, 1), -(-len(str(text or "")) // _PROSE_WIDTH))
        if column.words and column.fill:
            source = {"validate": "list", "source": ranges[column.words], "error_type": "warning"}
            page.data_validation(top, x, max(top, end - 1), x, source)
    for y, n in n_lines.items():
        page.set_row(y, _LINE_HEIGHT * n)
    page.freeze_panes(top, min(2, len(columns)))
    if sheet.code == "selection":
        lines = {**lines, **live_figures([c.code for c in columns], rows, top + 1, end, lines.get("capacity"))}
    for y, line in enumerate(sheet.lines.values(), HEADING_ROW - 1):
        page.write_string(y, 0, line.names[language], formats["line"])
        _write_line(page, y, line, lines.get(line.code), formats)
    if sheet.hidden:
        page.hide()
    page.set_landscape()
    page.set_paper(_A3 if sum(widths) > _A4_WIDTH else _A4)
    page.fit_to_pages(1, 0)
    page.repeat_rows(top - 1)


def _heading_width(name: str) -> int:
    """Room for a heading in two lines at most."""
    words = name.split()
    halves = ((" ".join(words[:i]), " ".join(words[i:])) for i in range(1, len(words)))
    return 3 + min((max(map(len, pair)) for pair in halves), default=len(name))


def _length(cell: Any) -> int:
    """The letters of a cell as it is shown."""
    return 10 if isinstance(cell, dt.datetime) else len(f"{cell:,.0f}" if isinstance(cell, float) else str(cell or ""))


def _write_line(page: Any, y: int, line: Column, value: Any, formats: Mapping[str, Any]) -> None:
    """The cell of a line above the headings: a person's, a text or number, or a formula with its present value."""
    look = formats["figure_percent" if line.kind == "percent" else "figure"]
    if isinstance(value, Live):
        page.write_formula(y, 1, value.formula, look, value.value)
    elif line.fill:
        _write_cell(page, y, 1, _shown(line, value, ""), formats["fill_date" if line.kind == "date" else "fill"])
    else:
        _write_cell(page, y, 1, float(value) if isinstance(value, int) else value, look)


def _shown(column: Column, cell: Any, language: str) -> Any:
    """A cell as it is written: words in the workbook's language, dates as dates, all else as text."""
    if is_empty(cell):
        return None
    if column.kind == "date" and (date := date_of(cell)) is not None:
        return date
    if column.kind in _NUMBERS or (column.kind == "number" and column.fill and not column.words):
        return float(cell) if isinstance(cell, int | float) else text_of(cell)
    if column.words:
        code = code_of(column, text_of(cell))
        return words_of(column.words)[code][language] if code else text_of(cell)
    return text_of(cell)


def _write_cell(page: Any, y: int, x: int, value: Any, look: Any) -> None:
    if value is None:
        page.write_blank(y, x, None, look)
    elif isinstance(value, dt.datetime):
        page.write_datetime(y, x, value, look)
    elif isinstance(value, float):
        page.write_number(y, x, value, look)
    else:
        page.write_string(y, x, str(value), look)


def _word_lists(language: str) -> dict[str, list[str]]:
    return {
        name: list(dict.fromkeys(word[language] for word in words_of(name).values())) for name in definition()["words"]
    }


def _write_words(page: Any, lists: Mapping[str, Sequence[str]]) -> None:
    """The words of the drop-downs, a column each, on a hidden sheet: a list typed into a cell ends at 255 letters."""
    for x, column in enumerate(lists.values()):
        for y, word in enumerate(column):
            page.write_string(y, x, word)
    page.hide()


def _write_foreign(page: Any, formats: Mapping[str, Any], cells: Sequence[Sequence[Any]]) -> None:
    """A person's own sheet: its values, as they are."""
    for y, row in enumerate(cells):
        for x, cell in enumerate(row):
            if isinstance(cell, bool):
                page.write_boolean(y, x, cell)
            elif isinstance(cell, int | float):
                page.write_number(y, x, cell)
            elif isinstance(cell, dt.datetime | dt.date):
                page.write_datetime(y, x, cell, formats["date"])
            elif cell not in ("", None):
                page.write_string(y, x, str(cell))
