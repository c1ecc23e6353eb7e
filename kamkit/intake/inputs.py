"""inputs.xlsx: what people confirm, decide and comment, in a workbook and not in YAML.

The sheets stand in `templates/inputs.yml`. A workbook is written in one language and read in either; a refresh brings
proposals up to date and loses no entry, no row, no column and no sheet of a person.
"""

from __future__ import annotations

import csv
import datetime as dt
import difflib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import xlsxwriter
from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from kamkit.errors import InputError
from kamkit.intake.archives import check_workbook
from kamkit.intake.dialects import CannotReadError
from kamkit.model.codes import Level
from kamkit.model.kit import kit_folder
from kamkit.model.results import AccountFacts, Finding, Imported
from kamkit.model.yaml_files import kit_yaml

HEADING_ROW = 4
"""The row of the headings, counted from 1: above it the sheet's name, what to do, and the workbook's instructions."""

MOST_PROPOSED_KEY_ACCOUNTS = 30

_ENTRY = {"mapping": "confirmed", "groups": "confirmed", "decisions": "decision", "comments": "text"}
"""The column that makes a row an entry of a person; of key accounts any column to fill in does."""


@dataclass(frozen=True)
class Inputs:
    """What people have entered, in canonical columns, codes for words, text unless said otherwise.

    `mapping`: table, column, source, confirmed (boolean), remark. `groups`: group_id, customer_id, confirmed (boolean),
    remark. `key_accounts`: customer_id (or account id), key_label (boolean), key_since (date), kam_owner, remark.
    `privileges`: customer_id, type. `decisions`: the columns of the canonical table. `comments`: section, account_id,
    text, author_role, date.
    """

    mapping: pd.DataFrame
    groups: pd.DataFrame
    key_accounts: pd.DataFrame
    privileges: pd.DataFrame
    decisions: pd.DataFrame
    comments: pd.DataFrame


@dataclass(frozen=True)
class MappingRow:
    """A row of the mapping sheet: what is proposed for a field, how sure that is (0–1, None where nobody said), and what a
    person answered. `place` is sheet and row for a message."""

    place: str
    table: str
    column: str
    source: str
    confidence: float | None
    confirmed: bool | None


@dataclass(frozen=True)
class _Column:
    code: str
    names: Mapping[str, str]
    kind: str = "text"
    words: str | None = None
    fill: bool = False
    required: bool = False
    until_confirmed: bool = False

    @property
    def plain_names(self) -> set[str]:
        """Everything the column may be called, as compared."""
        return {self.code, *map(_plain, self.names.values())}


@dataclass(frozen=True)
class _Sheet:
    code: str
    names: Mapping[str, str]
    help: Mapping[str, str]
    key: tuple[str, ...]
    columns: Mapping[str, _Column]


@dataclass(frozen=True)
class _Rows:
    """The content of one sheet as a person left it: heading → cell per row, with the row's number in the sheet."""

    title: str
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[int, Mapping[str, Any]], ...] = ()


def read_inputs(path: Path) -> Inputs:
    """What people have entered in a workbook; all frames are empty where the file does not exist.

    Raises InputError with sheet, row and value of everything that cannot be understood.
    """
    sheets, _ = _read_workbook(path) if path.exists() else ({}, {})
    problems: list[str] = []
    frames = {code: _entries(sheet, sheets.get(code), problems) for code, sheet in _sheets().items()}
    problems += _twice_confirmed(frames["groups"])
    if problems:
        raise InputError(path.name, problems)
    key_accounts = frames["key_accounts"]
    return Inputs(
        frames["mapping"],
        frames["groups"].drop(columns="revenue"),
        key_accounts.drop(columns="privileges"),
        _privileges(key_accounts),
        frames["decisions"].drop(columns="name"),
        frames["comments"],
    )


def read_mapping(path: Path) -> tuple[MappingRow, ...]:
    """Every row of the mapping sheet, answered or not; none where the file does not exist.

    Raises InputError when the workbook cannot be read or an answer is neither yes nor no.
    """
    sheets, _ = _read_workbook(path) if path.exists() else ({}, {})
    sheet, rows, problems = _sheets()["mapping"], sheets.get("mapping"), list[str]()
    found = []
    for number, row in rows.rows if rows else ():
        cells = _canonical(sheet, row)
        place = f"sheet {rows.title!r}, row {number}" if rows else ""
        answer = _value(sheet.columns["confirmed"], cells.get("confirmed"), cells, place, problems)
        table, column, source = (_text(cells.get(name, "")) for name in ("table", "column", "source"))
        percent = _text(cells.get("confidence", "")).rstrip(" %").replace(",", ".")
        sure = float(percent) / 100 if percent.replace(".", "", 1).isdigit() else None
        table = _code_of(sheet.columns["table"], table) or table
        found.append(MappingRow(place, table, column, source, sure, {"yes": True, "no": False}.get(str(answer))))
    if problems:
        raise InputError(path.name, problems)
    return tuple(row for row in found if row.table and row.column)


def read_decisions(path: Path) -> pd.DataFrame:
    """The decisions of a further file: a workbook with the decisions sheet, or a CSV file with its headings.

    Raises InputError when the file is missing or cannot be understood.
    """
    if not path.is_file():
        raise InputError(path.name, ["the file with decisions does not exist: check the path under decisions"])
    sheet = _sheets()["decisions"]
    rows = (
        _read_csv(path, sheet) if path.suffix.lower() in {".csv", ".txt"} else _read_workbook(path)[0].get("decisions")
    )
    if rows is None:
        names = " or ".join(repr(name) for name in sheet.names.values())
        raise InputError(path.name, [f"has no sheet {names}"])
    problems: list[str] = []
    frame = _entries(sheet, rows, problems)
    if problems:
        raise InputError(path.name, problems)
    return frame.drop(columns="name")


def refresh_inputs(
    path: Path,
    language: str,
    imported: Imported | None = None,
    facts: AccountFacts | None = None,
    mapping: Sequence[Mapping[str, Any]] | None = None,
) -> tuple[Finding, ...]:
    """Write inputs.xlsx new, or bring its proposals up to date; the file appears whole or stays as it was. `mapping` are
    rows of the mapping sheet to propose before anything is imported.

    Every entry, row, column and sheet of a person stays. Gives a finding when the file is open in Excel and cannot be
    replaced. Raises InputError when the present file cannot be read.
    """
    present, foreign = _read_workbook(path) if path.exists() else ({}, {})
    proposals = _proposals(imported, facts) | ({"mapping": [dict(row) for row in mapping]} if mapping else {})
    handle, scratch = tempfile.mkstemp(suffix=".xlsx", dir=path.parent)
    os.close(handle)
    try:
        with xlsxwriter.Workbook(scratch, {"strings_to_formulas": False, "strings_to_urls": False}) as workbook:
            formats = {name: workbook.add_format(look) for name, look in _LOOKS.items()}
            words = _word_lists(language)
            ranges = {
                name: f"='{_WORDS_SHEET}'!${chr(ord('A') + x)}$1:${chr(ord('A') + x)}${len(words[name])}"
                for x, name in enumerate(words)
            }
            for code, sheet in _sheets().items():
                old = present.get(code, _Rows(sheet.names[language]))
                _write_sheet(workbook, formats, ranges, sheet, language, *_merged(sheet, old, proposals.get(code)))
            for title, cells in foreign.items():
                _write_foreign(workbook.add_worksheet(title), formats, cells)
            _write_words(workbook.add_worksheet(_WORDS_SHEET), words)
        Path(scratch).chmod(0o644)
        Path(scratch).replace(path)
    except PermissionError:
        return (Finding("inputs_locked", "inputs", values={"file": path.name}),)
    finally:
        Path(scratch).unlink(missing_ok=True)
    return ()


@cache
def _definition() -> Mapping[str, Any]:
    return MappingProxyType(kit_yaml(kit_folder("templates") / "inputs.yml"))


@cache
def _sheets() -> Mapping[str, _Sheet]:
    found = {}
    for code, sheet in _definition()["sheets"].items():
        columns = {
            column: _Column(column, {"de": spec.pop("de"), "en": spec.pop("en")}, **spec)
            for column, spec in ((column, dict(spec)) for column, spec in sheet["columns"].items())
        }
        names = {"de": sheet["de"], "en": sheet["en"]}
        found[code] = _Sheet(code, names, sheet["help"], tuple(sheet["key"]), columns)
    return found


def _words(list_name: str) -> Mapping[str, Mapping[str, str]]:
    return dict(_definition()["words"][list_name])


# --- reading ------------------------------------------------------------------------------------------------------


def _read_workbook(path: Path) -> tuple[dict[str, _Rows], dict[str, list[list[Any]]]]:
    """The known sheets by code, and the cells of the others by name."""
    try:
        check_workbook(path)
        workbook = CalamineWorkbook.from_path(path)
        cells = {
            title: workbook.get_sheet_by_name(title).to_python(skip_empty_area=False) for title in workbook.sheet_names
        }
    except PasswordError:
        raise InputError(path.name, ["is protected by a password: save it without one"]) from None
    except CannotReadError as error:
        raise InputError(path.name, [str(error)]) from None
    except (CalamineError, OSError) as error:
        raise InputError(
            path.name, [f"cannot be read as a workbook: {error}. Move it away to have a new one made"]
        ) from None
    known, foreign = {}, {}
    for title, rows in cells.items():
        sheet = next((s for s in _sheets().values() if _plain(title) in {s.code, *map(_plain, s.names.values())}), None)
        if sheet:
            known[sheet.code] = _rows_of(sheet, title, rows)
        elif title != _WORDS_SHEET:
            foreign[title] = rows
    return known, foreign


def _rows_of(sheet: _Sheet, title: str, cells: Sequence[Sequence[Any]]) -> _Rows:
    """The rows below the headings: the first row in which at least two headings of the sheet stand."""
    headings = {name for column in sheet.columns.values() for name in column.plain_names}
    found = (y for y, row in enumerate(cells) if sum(_plain(cell) in headings for cell in row) >= 2)
    top = next(found, None)
    if top is None:
        return _Rows(title)
    names = [str(cell).strip() for cell in cells[top]]
    rows = [
        (number, {name: cell for name, cell in zip(names, line, strict=False) if name and cell not in ("", None)})
        for number, line in enumerate(cells[top + 1 :], start=top + 2)
    ]
    return _Rows(title, tuple(name for name in names if name), tuple((n, r) for n, r in rows if r))


def _read_csv(path: Path, sheet: _Sheet) -> _Rows:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise InputError(path.name, ["cannot be read: save it as CSV in UTF-8"]) from None
    first = text.split("\n", 1)[0]
    delimiter = max(";,\t", key=first.count)
    return _rows_of(sheet, path.name, list(csv.reader(text.splitlines(), delimiter=delimiter)))


def _entries(sheet: _Sheet, rows: _Rows | None, problems: list[str]) -> pd.DataFrame:
    """The entries of a sheet in canonical columns; what cannot be understood is added to the problems."""
    found = []
    for number, row in rows.rows if rows else ():
        cells = _canonical(sheet, row)
        if not _is_entry(sheet, cells):
            continue
        place = f"sheet {rows.title!r}, row {number}" if rows else ""
        values = {}
        for code, column in sheet.columns.items():
            name = next((h for h in rows.headings if _plain(h) in column.plain_names), code) if rows else code
            values[code] = _value(column, cells.get(code), cells, f"{place}, {name}", problems)
            if column.required and values[code] is None and code not in cells:
                problems.append(f"{place}: {name} is empty: fill it in")
        found.append(values)
    frame = pd.DataFrame(found, columns=list(sheet.columns))
    for code, column in sheet.columns.items():
        if column.words == "answer":
            frame[code] = frame[code].map({"yes": True, "no": False})
    return frame.astype(
        {code: _DTYPES["answer" if c.words == "answer" else c.kind] for code, c in sheet.columns.items()}
    )


_DTYPES: Mapping[str, str] = {
    "text": "string",
    "answer": "boolean",
    "number": "float64",
    "money": "float64",
    "date": "datetime64[us]",
}


def _canonical(sheet: _Sheet, row: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: column.code for column in sheet.columns.values() for name in column.plain_names}
    return {known[_plain(name)]: cell for name, cell in row.items() if _plain(name) in known}


def _is_entry(sheet: _Sheet, cells: Mapping[str, Any]) -> bool:
    if sheet.code in _ENTRY:
        return _ENTRY[sheet.code] in cells
    return any(c.fill and c.code in cells and c.code not in sheet.key for c in sheet.columns.values())


def _value(column: _Column, cell: Any, row: Mapping[str, Any], place: str, problems: list[str]) -> Any:
    """A cell as the canonical column holds it; a problem and nothing where it cannot be understood."""
    if cell is None:
        return None
    if column.words:
        return _code(column, _text(cell), row, place, problems)
    if column.kind == "date":
        date = _date(cell)
        if date is None:
            problems.append(f"{place}: {_text(cell)!r} is not a date: write it as 31.12.2025 or 2025-12-31")
        return date
    if column.kind in {"number", "money"}:
        return float(cell) if isinstance(cell, int | float) else None
    return _text(cell)


def _code(column: _Column, text: str, row: Mapping[str, Any], place: str, problems: list[str]) -> str | None:
    """The code of a word in either language; of decisions only those that belong to the row's subject."""
    subject = None
    if column.code == "decision":
        subject = _code_of(_sheets()["decisions"].columns["subject"], _text(row.get("subject", "")))
    if (found := _code_of(column, text, subject)) is not None:
        return found
    words = {code: word for code, word in _words(str(column.words)).items() if subject in (None, word.get("of"))}
    known = list(dict.fromkeys(word[language] for word in words.values() for language in ("de", "en")))
    near = difflib.get_close_matches(text, known, n=1, cutoff=0.6)
    hint = f"Did you mean {near[0]!r}?" if near else f"Use one of: {', '.join(known)}"
    problems.append(f"{place}: {text!r} is not known. {hint}")
    return None


def _code_of(column: _Column, text: str, subject: str | None = None) -> str | None:
    """The code that a word in either language, or the code itself, stands for."""
    for code, word in _words(str(column.words)).items():
        if subject in (None, word.get("of")) and _plain(text) in {code, _plain(word["de"]), _plain(word["en"])}:
            return code
    return None


def _date(cell: Any) -> dt.datetime | None:
    if isinstance(cell, dt.datetime):
        return cell
    if isinstance(cell, dt.date):
        return dt.datetime(cell.year, cell.month, cell.day)
    for pattern in ("%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y"):
        try:
            return dt.datetime.strptime(_text(cell), pattern)
        except ValueError:
            continue
    return None


def _text(cell: Any) -> str:
    """A cell as text; Excel keeps a number typed into a text column as 1234.0."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat()
    return str(cell).strip()


def _plain(text: object) -> str:
    return " ".join(str(text).casefold().split())


def _twice_confirmed(groups: pd.DataFrame) -> Iterator[str]:
    confirmed = groups[groups["confirmed"].fillna(False).astype(bool)].drop_duplicates(["customer_id", "group_id"])
    if (missing := int(confirmed["group_id"].isna().sum())) > 0:
        yield f"groups: {missing} confirmed row{'s' if missing != 1 else ''} without a group number: fill it in"
    for customer, rows in confirmed.groupby("customer_id"):
        if len(rows) > 1:
            yield f"groups: customer {customer} is confirmed in {' and '.join(sorted(rows['group_id'].dropna()))}: keep one"


def _privileges(key_accounts: pd.DataFrame) -> pd.DataFrame:
    """customer_id, type: one row per privilege of a cell that lists several."""
    listed = key_accounts[["customer_id", "privileges"]].dropna()
    types = listed.assign(type=listed["privileges"].str.split(r"[;\n]", regex=True)).explode("type")
    types["type"] = types["type"].astype("string").str.strip()
    return types.loc[types["type"].fillna("") != "", ["customer_id", "type"]].reset_index(drop=True)


# --- writing ------------------------------------------------------------------------------------------------------

_LOOKS: Mapping[str, Mapping[str, Any]] = {
    "title": {"bold": True, "font_size": 14},
    "help": {"italic": True, "font_color": "#555555"},
    "heading": {"bold": True, "bottom": 1, "bg_color": "#E8ECF0", "text_wrap": True, "valign": "top"},
    "fill_heading": {"bold": True, "bottom": 1, "bg_color": "#FFE9A8", "text_wrap": True, "valign": "top"},
    "text": {"num_format": "@", "valign": "top"},
    "fill": {"num_format": "@", "bg_color": "#FFFBEA", "valign": "top", "text_wrap": True},
    "date": {"num_format": "yyyy-mm-dd", "valign": "top", "align": "left"},
    "money": {"num_format": "#,##0", "valign": "top"},
    "fill_date": {"num_format": "yyyy-mm-dd", "bg_color": "#FFFBEA", "valign": "top", "align": "left"},
}
_WORDS_SHEET = "_words"
_EMPTY_ROWS = 200
"""Rows below the last entry that are formatted and have drop-downs."""


def _proposals(imported: Imported | None, facts: AccountFacts | None) -> dict[str, list[dict[str, Any]]]:
    """What kamkit puts into each sheet for people to confirm; sheets without proposals are left out."""
    proposed: dict[str, list[dict[str, Any]]] = {}
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
    return [dict(zip(map(str, frame.columns), row, strict=True)) for row in frame.itertuples(index=False)]


def _merged(
    sheet: _Sheet, old: _Rows, proposed: list[dict[str, Any]] | None
) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    """The headings of a person's own columns, and all rows by code or own heading: present ones in their order with
    proposals brought up to date, then new proposals. Proposals that fell away go unless a person wrote into them."""
    known = {name for column in sheet.columns.values() for name in column.plain_names}
    own = tuple(heading for heading in old.headings if _plain(heading) not in known)
    fresh = {tuple(_key(sheet.columns[k], row.get(k)) for k in sheet.key): row for row in proposed or ()}
    rows = []
    for _, row in old.rows:
        cells = _canonical(sheet, row) | {heading: row[heading] for heading in own if heading in row}
        proposal = fresh.pop(tuple(_key(sheet.columns[k], cells.get(k)) for k in sheet.key), None)
        if proposal is not None:
            cells = _brought_up_to_date(sheet, cells, proposal)
        elif proposed is not None and _fell_away(sheet, cells, own):
            continue
        rows.append(cells)
    return own, rows + list(fresh.values())


def _brought_up_to_date(sheet: _Sheet, cells: Mapping[str, Any], proposal: Mapping[str, Any]) -> dict[str, Any]:
    """A present row with what kamkit proposes now: a person's cells stay, and once it is confirmed those that were kamkit's
    until then. How sure an earlier proposal was says nothing of another column."""
    settled = _is_entry(sheet, cells)
    open_cells = {k for k, c in sheet.columns.items() if not c.fill or (c.until_confirmed and not settled)}
    if any(c.until_confirmed and k in proposal and cells.get(k) != proposal[k] for k, c in sheet.columns.items()):
        cells = {k: v for k, v in cells.items() if settled or k not in ("confidence", "why")}
    return {**cells, **{k: v for k, v in proposal.items() if k in open_cells}}


def _key(column: _Column, cell: Any) -> str:
    """A key cell as compared: a code for a word in either language, else the text."""
    return (_code_of(column, _text(cell)) if column.words else None) or _text(cell)


def _fell_away(sheet: _Sheet, cells: Mapping[str, Any], own: Sequence[str]) -> bool:
    """Kamkit's own row that it no longer proposes; what was recognised before the import stays to be answered."""
    if "confidence" in cells:
        return False
    entered = [c.code for c in sheet.columns.values() if c.fill and not c.until_confirmed and c.code not in sheet.key]
    written = any(code in cells for code in entered)
    from_kamkit = any(not c.fill and c.code in cells and c.code != "name" for c in sheet.columns.values())
    return from_kamkit and not written and not any(heading in cells for heading in own)


def _write_sheet(
    workbook: Any,
    formats: Mapping[str, Any],
    ranges: Mapping[str, str],
    sheet: _Sheet,
    language: str,
    own: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    page = workbook.add_worksheet(sheet.names[language])
    page.write_string(0, 0, sheet.names[language], formats["title"])
    page.write_string(1, 0, sheet.help[language], formats["help"])
    page.write_string(2, 0, _definition()["instructions"][language], formats["help"])
    columns = [*sheet.columns.values(), *(_Column(h, {language: h}, fill=True) for h in own)]
    last = HEADING_ROW - 1 + len(rows) + _EMPTY_ROWS
    for x, column in enumerate(columns):
        name = column.names[language]
        page.write_string(HEADING_ROW - 1, x, name, formats["fill_heading" if column.fill else "heading"])
        look = column.kind if column.kind in {"date", "money"} else "text"
        look = {"date": "fill_date"}.get(look, "fill") if column.fill else look
        texts = [_shown(column, row.get(column.code), language) for row in rows]
        for y in range(HEADING_ROW, last):
            value = texts[y - HEADING_ROW] if y - HEADING_ROW < len(rows) else None
            _write_cell(page, y, x, value, formats[look])
        longest = max((len(str(t).split(" 00:")[0]) for t in texts if t is not None), default=0)
        page.set_column(x, x, min(max(len(name) + 3, longest + 2, 12), 50))
        if column.words and column.fill:
            source = {"validate": "list", "source": ranges[column.words], "error_type": "warning"}
            page.data_validation(HEADING_ROW, x, last, x, source)
    page.freeze_panes(HEADING_ROW, min(2, len(columns)))
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)


def _shown(column: _Column, cell: Any, language: str) -> Any:
    """A cell as it is written: words in the workbook's language, dates as dates, all else as text."""
    if cell is None or (not isinstance(cell, str) and pd.isna(cell)):
        return None
    if column.kind == "date" and (date := _date(cell)) is not None:
        return date
    if column.kind == "money" and isinstance(cell, int | float):
        return float(cell)
    if column.words:
        code = _code_of(column, _text(cell))
        return _words(column.words)[code][language] if code else _text(cell)
    return _text(cell)


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
        name: list(dict.fromkeys(word[language] for word in _words(name).values())) for name in _definition()["words"]
    }


def _write_words(page: Any, lists: Mapping[str, Sequence[str]]) -> None:
    """The words of the drop-downs, a column each, on a hidden sheet: a list typed into a cell ends at 255 letters."""
    for x, words in enumerate(lists.values()):
        for y, word in enumerate(words):
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
