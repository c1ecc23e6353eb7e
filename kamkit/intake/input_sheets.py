"""The sheets that people fill in: their definitions in `templates/inputs.yml`, their words in both languages, and the
rows of a workbook as a person left them."""

from __future__ import annotations

import csv
import datetime as dt
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from kamkit.errors import InputError
from kamkit.intake.archives import check_workbook
from kamkit.intake.dialects import CannotReadError
from kamkit.model.kit import kit_folder
from kamkit.model.questionnaire import questionnaires
from kamkit.model.yaml_files import kit_yaml

HEADING_ROW = 4
"""The row of the headings, counted from 1: above it the sheet's name, what to do, and the workbook's instructions."""

WORDS_SHEET = "_words"
"""A hidden sheet: the words of the drop-downs."""

_ENTRY = {
    **{"mapping": "confirmed", "groups": "confirmed", "decisions": "decision", "comments": "text"},
    **{"organisation": "answer", "figures": "value", "self_check": "score"},
    **{"selection": "chosen", "consultation": "opinion"},
}
"""The column that makes a row an entry of a person; of key accounts and actions any column to fill in does."""

_OWN_ENTRY = {"actions": "first_step"}
"""The column that makes a row an entry that a person added: rows of kamkit have an id on these sheets."""


@dataclass(frozen=True)
class Column:
    """A column: its code, its headings, what its cells hold (`words`: a drop-down), and whether a person fills it in;
    `until_confirmed` ones are kamkit's until the row is an entry, `required` ones must not be empty `unless` another
    column is filled, `wide` ones have room for a sentence."""

    code: str
    names: Mapping[str, str]
    kind: str = "text"
    words: str | None = None
    fill: bool = False
    required: bool = False
    until_confirmed: bool = False
    unless: str | None = None
    wide: bool = False

    @property
    def plain_names(self) -> set[str]:
        """Everything the column may be called, as compared."""
        return {self.code, *map(plain_text, self.names.values())}


@dataclass(frozen=True)
class Sheet:
    """A sheet: its code, its titles, what to do on it, the columns that tell one row from another, and the `lines` of
    a name and one cell above the headings."""

    code: str
    names: Mapping[str, str]
    help: Mapping[str, str]
    key: tuple[str, ...]
    columns: Mapping[str, Column]
    lines: Mapping[str, Column]
    hidden: bool = False

    @cached_property
    def codes(self) -> Mapping[str, str]:
        """The code of each column by everything it may be called, as compared."""
        return {name: column.code for column in self.columns.values() for name in column.plain_names}

    @property
    def takes_rows(self) -> bool:
        """Whether people may add rows of their own."""
        return self.code in _OWN_ENTRY or any(self.columns[name].fill for name in self.key)

    @property
    def heading_row(self) -> int:
        """The row of the headings in a sheet that is written, counted from 1: below the lines and an empty row."""
        return HEADING_ROW + (len(self.lines) + 1 if self.lines else 0)


@dataclass(frozen=True)
class Rows:
    """The content of one sheet as a person left it: heading → cell per row, with the row's number in the sheet, and the
    cells of its lines by code."""

    title: str
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[int, Mapping[str, Any]], ...] = ()
    lines: Mapping[str, Any] = field(default_factory=dict)


@cache
def definition() -> Mapping[str, Any]:
    """The content of `templates/inputs.yml`, its words together with the topics of the questionnaires."""
    content = kit_yaml(kit_folder("templates") / "inputs.yml")
    topics = {name: {code: a.topic for code, a in asked.items()} for name, asked in questionnaires().items()}
    return MappingProxyType(content | {"words": content["words"] | topics})


@cache
def sheets_of(book: str = "inputs") -> Mapping[str, Sheet]:
    """The sheets of a workbook by code: `inputs`, or what else `templates/inputs.yml` defines."""
    found = {}
    for code, sheet in definition()[book].items():
        names = {"de": sheet["de"], "en": sheet["en"]}
        parts = (_columns(sheet["columns"]), _columns(sheet.get("lines", {})))
        found[code] = Sheet(code, names, sheet["help"], tuple(sheet["key"]), *parts, sheet.get("hidden", False))
    return found


def _columns(specs: Mapping[str, Mapping[str, Any]]) -> dict[str, Column]:
    given = {code: dict(spec) for code, spec in specs.items()}
    return {code: Column(code, {"de": spec.pop("de"), "en": spec.pop("en")}, **spec) for code, spec in given.items()}


def words_of(list_name: str) -> Mapping[str, Mapping[str, str]]:
    """The words of a drop-down by code: de, en, and for some the code they belong to (`of`)."""
    return dict(definition()["words"][list_name])


def read_workbook(path: Path, book: str = "inputs") -> tuple[dict[str, Rows], dict[str, list[list[Any]]]]:
    """The known sheets by code, and the cells of the others by name; a sheet that is only called like one of ours is a
    person's own."""
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
        sheet = next(
            (s for s in sheets_of(book).values() if plain_text(title) in {s.code, *map(plain_text, s.names.values())}),
            None,
        )
        found = _rows_of(sheet, title, rows) if sheet and sheet.code not in known else None
        is_ours = found is not None and (bool(found.headings) or not any(cell for row in rows for cell in row))
        if sheet and found is not None and is_ours:
            known[sheet.code] = found
        elif title != WORDS_SHEET:
            foreign[title] = rows
    return known, foreign


def _rows_of(sheet: Sheet, title: str, cells: Sequence[Sequence[Any]]) -> Rows:
    """The rows below the headings: the first row in which at least two headings of the sheet stand."""
    found = (y for y, row in enumerate(cells) if sum(plain_text(cell) in sheet.codes for cell in row) >= 2)
    top = next(found, None)
    if top is None:
        return Rows(title)
    names = [str(cell).strip() for cell in cells[top]]
    rows = [
        (number, {name: cell for name, cell in zip(names, line, strict=False) if name and cell not in ("", None)})
        for number, line in enumerate(cells[top + 1 :], start=top + 2)
    ]
    lines = {
        column.code: row[1]
        for row in cells[:top]
        for column in sheet.lines.values()
        if len(row) > 1 and plain_text(row[0]) in column.plain_names and row[1] not in ("", None)
    }
    return Rows(title, tuple(name for name in names if name), tuple((n, r) for n, r in rows if r), lines)


def read_rows(path: Path, sheet: Sheet) -> Rows:
    """The rows of a CSV file with the headings of a sheet. Raises InputError where it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise InputError(path.name, ["cannot be read: save it as CSV in UTF-8"]) from None
    first = text.split("\n", 1)[0]
    delimiter = max(";,\t", key=first.count)
    return _rows_of(sheet, path.name, list(csv.reader(text.splitlines(), delimiter=delimiter)))


def canonical(sheet: Sheet, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row by the codes of the columns, without a person's own ones."""
    known = sheet.codes
    return {known[plain_text(name)]: cell for name, cell in row.items() if plain_text(name) in known}


def is_own(sheet: Sheet, cells: Mapping[str, Any]) -> bool:
    """Whether a person added a row to a sheet on which kamkit's rows have an id."""
    return "code" in sheet.columns and "code" not in cells


def is_entry(sheet: Sheet, cells: Mapping[str, Any]) -> bool:
    """Whether a person has answered in a row."""
    if sheet.code in _ENTRY:
        return _ENTRY[sheet.code] in cells
    if sheet.code in _OWN_ENTRY and is_own(sheet, cells) and _OWN_ENTRY[sheet.code] in cells:
        return True
    return any(c.fill and c.code in cells and c.code not in sheet.key for c in sheet.columns.values())


def entries(sheet: Sheet, rows: Rows | None, problems: list[str]) -> pd.DataFrame:
    """The entries of a sheet in canonical columns; what cannot be understood is added to the problems."""
    found = []
    for number, row in rows.rows if rows else ():
        cells = canonical(sheet, row)
        if not is_entry(sheet, cells):
            continue
        place = f"sheet {rows.title!r}, row {number}" if rows else ""
        values = {}
        for code, column in sheet.columns.items():
            name = next((h for h in rows.headings if plain_text(h) in column.plain_names), code) if rows else code
            values[code] = value_of(column, cells.get(code), cells, f"{place}, {name}", problems)
            if column.required and values[code] is None and code not in cells and column.unless not in cells:
                problems.append(f"{place}: {name} is empty: fill it in")
        found.append(values)
    frame = pd.DataFrame(found, columns=list(sheet.columns))
    for code, column in sheet.columns.items():
        if column.words == "answer":
            frame[code] = frame[code].map({"yes": True, "no": False})
    return frame.astype(
        {code: _DTYPES["answer" if c.words == "answer" else c.kind] for code, c in sheet.columns.items()}
    )


def places_of(sheet: Sheet, rows: Rows | None) -> list[str]:
    """Sheet and row of each entry, for a message."""
    numbered = rows.rows if rows else ()
    return [f"sheet {rows.title!r}, row {n}" for n, row in numbered if rows and is_entry(sheet, canonical(sheet, row))]


_DTYPES: Mapping[str, str] = {
    "text": "string",
    "prose": "string",
    "answer": "boolean",
    "number": "float64",
    "money": "float64",
    "percent": "float64",
    "change": "float64",
    "date": "datetime64[us]",
}


def value_of(column: Column, cell: Any, row: Mapping[str, Any], place: str, problems: list[str]) -> Any:
    """A cell as the canonical column holds it; a problem and nothing where it cannot be understood."""
    if cell is None:
        return None
    if column.words:
        return _code(column, text_of(cell), row, place, problems)
    if column.kind == "date":
        date = date_of(cell)
        if date is None:
            problems.append(f"{place}: {text_of(cell)!r} is not a date: write it as 31.12.2025 or 2025-12-31")
        return date
    if column.kind in {"number", "money", "percent", "change"}:
        return _number(column, cell, place, problems)
    return text_of(cell)


def _number(column: Column, cell: Any, place: str, problems: list[str]) -> float | None:
    """A cell as a number, where it is typed as text too; what kamkit proposes (a share, a sum) is not read back."""
    if isinstance(cell, int | float) or not column.fill:
        return float(cell) if isinstance(cell, int | float) else None
    text = re.sub(r"\s", "", text_of(cell))
    if found := _PLAIN_NUMBER.fullmatch(text):
        return float(f"{found[1]}.{found[2] or 0}")
    if re.fullmatch(r"\d{1,3}([.,’'])\d{3}(\1\d{3})+", text):
        return float(re.sub(r"\D", "", text))
    problems.append(
        f"{place}: {text_of(cell)!r} is not clear as a number: write digits only, without units, as in 250000"
    )
    return None


_PLAIN_NUMBER = re.compile(r"(-?\d+)(?:[.,](\d{1,2}))?")
"""Digits with at most two decimals: 250.000 may be a quarter of a million or a quarter of a thousand."""


def _code(column: Column, text: str, row: Mapping[str, Any], place: str, problems: list[str]) -> str | None:
    """The code of a word in either language; of decisions only those that belong to the row's subject."""
    subject = None
    if column.code == "decision":
        subject = code_of(sheets_of()["decisions"].columns["subject"], text_of(row.get("subject", "")))
    if (found := code_of(column, text, subject)) is not None:
        return found
    known_words = {
        code: word for code, word in words_of(str(column.words)).items() if subject in (None, word.get("of"))
    }
    known = list(dict.fromkeys(word[language] for word in known_words.values() for language in ("de", "en")))
    near = difflib.get_close_matches(text, known, n=1, cutoff=0.6)
    hint = f"Did you mean {near[0]!r}?" if near else f"Use one of: {', '.join(known)}"
    problems.append(f"{place}: {text!r} is not known. {hint}")
    return None


def code_of(column: Column, text: str, subject: str | None = None) -> str | None:
    """The code that a word in either language, or the code itself, stands for."""
    for code, word in words_of(str(column.words)).items():
        if subject in (None, word.get("of")) and plain_text(text) in {
            code,
            plain_text(word["de"]),
            plain_text(word["en"]),
        }:
            return code
    return None


def date_of(cell: Any) -> dt.datetime | None:
    """A cell as a day, however a person writes it; None where it is none."""
    if isinstance(cell, dt.datetime):
        return cell
    if isinstance(cell, dt.date):
        return dt.datetime(cell.year, cell.month, cell.day)
    for pattern in ("%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y"):
        try:
            return dt.datetime.strptime(text_of(cell), pattern)
        except ValueError:
            continue
    return None


def text_of(cell: Any) -> str:
    """A cell as text; Excel keeps a number typed into a text column as 1234.0."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat()
    return str(cell).strip()


def is_empty(cell: Any) -> bool:
    """Whether nothing stands in a cell."""
    return not cell.strip() if isinstance(cell, str) else bool(pd.isna(cell))


def plain_text(text: object) -> str:
    """A text as compared: small letters, single spaces."""
    return " ".join(str(text).casefold().split())
