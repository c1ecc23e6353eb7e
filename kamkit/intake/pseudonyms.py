"""Stable codes in place of what tells who a customer is, and the one file that leads from the codes back.

The key lies beside the engagement file and never in a run: `pseudonyms.xlsx` with code, kind, original and name. A code
once given stays; new customers get new codes, numbered in an order that says nothing. Everything that leaves the import
has passed here, so that nothing after it can show a name.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import secrets
import tempfile
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd
import xlsxwriter
from filelock import FileLock
from python_calamine import CalamineError, CalamineWorkbook

from kamkit.errors import EngagementError, InputError
from kamkit.intake.groups import PREFIX
from kamkit.intake.privacy import ENTERED_PEOPLE, WRITTEN, distinct_values, with_values
from kamkit.model.engagement import Engagement
from kamkit.model.kit import kit_folder
from kamkit.model.results import AccountFacts, Finding, Imported

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Entries = TypeVar("Entries", bound="DataclassInstance")

KEY_FILE = "pseudonyms.xlsx"

KINDS: Mapping[str, str] = {
    "account": "K",
    "site": "S",
    "vat_id": "U",
    "lei": "L",
    "duns": "D",
    "contact": "A",
    "contract": "V",
    "project": "P",
}
"""What gets codes, each with the letter that its codes begin with."""

ACCOUNT_COLUMNS = (
    *("customer_id", "end_customer_id", "account_id", "parent_id", "group_id", "priority_customer_id"),
    "new_account",
)
"""Columns that tell which account is meant; a wanted one has no number, and its name gets a code."""

CODED: Mapping[str, str] = {
    **dict.fromkeys(ACCOUNT_COLUMNS, "account"),
    "site": "site",
    "vat_id": "vat_id",
    "lei": "lei",
    "duns": "duns",
    "contact_id": "contact",
    "contract_id": "contract",
    "project_id": "project",
}
"""Columns whose values are replaced as a whole, with their kind."""

_NOT_SEARCHED = frozenset(
    {
        *("invoice_id", "line_id", "product_id", "doc_type", "currency", "company_code", "reason_code"),
        *("source_file", "row_mark"),
    }
)
"""Text columns in which a name is not looked for: numbers and codes of the client's system."""

_WRITTEN = WRITTEN | ENTERED_PEOPLE
"""Columns that people fill in by hand: there names are found shortened as well."""

_NAMES = {"de": "Kunde", "en": "Account"}
_HEADINGS = {"de": ("Code", "Art", "Original", "Name"), "en": ("Code", "Kind", "Original", "Name")}
_CODE = re.compile(rf"(?<![\w-])(?:([{''.join(KINDS.values())}])-|(?:{'|'.join(_NAMES.values())}) )(\d{{4,}})(?!\w)")
_WORD = re.compile(r"[^\W_]+")
_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_LEGAL_FORM = re.compile(
    r"gmbh|mbh|ag|kgaa|kg|ohg|gbr|se|ev|eg|ug|co|cie|inc|llc|ltd|limited|plc|corp|sas?|sarl|srl|spa|[bn]v|ab|as|oy|[ekv]"
)
_JOINING = frozenset({"und", "and"})
"""Words that are as often written as a sign."""

_EXAMPLE = re.compile(r"'[^']*'|(?<=\bcustomer )[^\s,:]*\d[^\s,:]*")
_WHERE_SHOWN = " (kamkit check shows the values)"

_SHORTEST_NAME, _SHORTEST_NUMBER, _FIRST_WORD = 4, 5, 5


class Pseudonyms:
    """The codes of one engagement, given as they are needed.

    >>> key = Pseudonyms({}, {}, "de")
    >>> key.codes("account", ["10023"]), key.codes("account", ["10023"])
    ({'10023': 'K-0001'}, {'10023': 'K-0001'})
    """

    def __init__(self, codes: Mapping[str, Mapping[str, str]], names: Mapping[str, str], language: str) -> None:
        self._codes = {kind: dict(codes.get(kind, {})) for kind in KINDS}
        self._names, self._language, self.changed = dict(names), language, False
        self._finders: dict[str, _Finder] = {}

    def codes(self, kind: str, originals: Iterable[str]) -> dict[str, str]:
        """The code of every original; those without one get the next numbers, in an order of chance."""
        known, wanted = self._codes[kind], {text: text.removeprefix(PREFIX) for text in originals}
        if new := sorted({original for original in wanted.values() if original not in known}):
            random.Random(secrets.randbits(64)).shuffle(new)
            last = max((int(code.rpartition("-")[2]) for code in known.values()), default=0)
            known |= {original: f"{KINDS[kind]}-{n:04d}" for n, original in enumerate(new, start=last + 1)}
            self._note_change()
        return {text: text[: len(text) - len(own)] + known[own] for text, own in wanted.items()}

    def learn_names(self, customers: pd.DataFrame) -> None:
        """Note the names of customers (customer_id, name; ids are codes already)."""
        if "name" not in customers.columns:
            return
        named = customers.dropna(subset=["customer_id", "name"])
        for code, name in zip(named["customer_id"], named["name"], strict=True):
            if self._names.get(code) != name:
                self._names[code] = str(name)
                self._note_change()

    def name(self, code: str) -> str:
        """What an account is called: `Kunde 0001`, in the language of the engagement."""
        return f"{_NAMES[self._language]} {code.rpartition('-')[2]}"

    def hide_ids(self, frame: pd.DataFrame, columns: Iterable[str] = ACCOUNT_COLUMNS) -> pd.DataFrame:
        """The frame with codes in the columns given, as far as it has them."""
        here = [column for column in columns if column in frame.columns]
        return frame.assign(
            **{c: frame[c].map(self.codes(CODED[c], frame[c].dropna().unique())).astype("string") for c in here}
        )

    def hide_entries(self, entries: Entries) -> Entries:
        """What people entered, a dataclass of frames, with codes for account ids."""
        tables = {field.name: getattr(entries, field.name) for field in fields(entries)}
        frames = {name: table for name, table in tables.items() if isinstance(table, pd.DataFrame)}
        return replace(entries, **{name: self.hide_ids(frame) for name, frame in frames.items()})

    def hide(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A table whose account ids are codes already, without anything else that tells who a customer is: names, other
        numbers, and names inside texts."""
        hidden = self.hide_ids(frame, (column for column in CODED if column not in ACCOUNT_COLUMNS))
        if "name" in frame.columns and "customer_id" in frame.columns:
            names = frame["customer_id"].map(self.name, na_action="ignore")
            hidden["name"] = names.where(frame["name"].notna()).astype("string")
        for column in _texts(frame):
            if column not in CODED and column not in _NOT_SEARCHED and column != "name":
                hide = self.hide_written if column in _WRITTEN else self.hide_names
                hidden[column] = frame[column].map(hide, na_action="ignore").astype(frame[column].dtype)
        return hidden

    def hide_lines(self, lines: Any) -> Any:
        """An Ibis table of booked lines with codes in place of everything that tells who a customer is."""
        for column, kind in lines.schema().items():
            if column in CODED:
                lines = with_values(lines, column, self.codes(CODED[column], distinct_values(lines, column)))
            elif kind.is_string() and column not in _NOT_SEARCHED:
                changed = {old: self.hide_names(old) for old in distinct_values(lines, column)}
                lines = with_values(lines, column, {old: new for old, new in changed.items() if old != new})
        return lines

    def hide_names(self, text: str) -> str:
        """A text of the client's system with whole names replaced."""
        return self._finder("names").replaced(text)

    def hide_text(self, text: str) -> str:
        """A text made of data with whole names and customer numbers replaced."""
        return self._finder("text").replaced(text)

    def hide_written(self, text: str) -> str:
        """A text that a person wrote, with names replaced also where they are shortened as people do."""
        return self._finder("written").replaced(text)

    def hide_imported(self, imported: Imported) -> Imported:
        """What the import found out, with no name or number in examples and values."""
        columns = imported.columns
        examples = [self._example(c, text) for c, text in zip(columns["column"], columns["example"], strict=True)]
        return replace(
            imported,
            columns=columns.assign(example=pd.Series(examples, index=columns.index, dtype=columns["example"].dtype)),
            rules=imported.rules.assign(examples=[self._deep(e) for e in imported.rules["examples"]]),
            findings=tuple(self._finding(finding) for finding in imported.findings),
            group_candidates=self.hide(imported.group_candidates),
            events=self.hide(imported.events),
        )

    def _example(self, column: str, text: Any) -> Any:
        if not isinstance(text, str):
            return text
        return self._codes[CODED[column]].get(text, "…") if column in CODED else self.hide_text(text)

    def hide_error(self, error: InputError) -> InputError:
        """An error with the data, whose examples show no name: what stands in quotes in a line on customers goes."""
        about_customers = re.compile("|".join([*ACCOUNT_COLUMNS, "name", "customer"]))
        told = [
            _EXAMPLE.sub("'…'", text) + _WHERE_SHOWN if about_customers.search(text) and _EXAMPLE.search(text) else text
            for text in map(self.hide_text, error.problems)
        ]
        return InputError(error.where, told)

    def reveal(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A table with the real ids and names again, for the people who know their customers by them."""
        return frame.assign(
            **{
                column: frame[column].map(self.reveal_text, na_action="ignore").astype(frame[column].dtype)
                for column in frame.columns
                if column in CODED or column == "name"
            }
        )

    def reveal_text(self, text: str) -> str:
        """A code, or the name made of one, as what it stands for."""
        return _CODE.sub(lambda found: self._original(found[1], found[2], found[0]), text)

    def _original(self, letter: str | None, number: str, text: str) -> str:
        if letter is None:
            return self._names.get(f"{KINDS['account']}-{number}", text)
        return self._originals.get(f"{letter}-{number}", text)

    @property
    def _originals(self) -> dict[str, str]:
        return {code: original for codes in self._codes.values() for original, code in codes.items()}

    def _finder(self, kind: str) -> _Finder:
        if not self._finders:
            names = {name: self.name(code) for code, name in sorted(self._names.items(), reverse=True)}
            numbers = {number: code for number, code in self._codes["account"].items() if _is_telling(number)}
            self._finders["names"] = _Finder(names)
            self._finders["text"] = _Finder({**numbers, **names})
            self._finders["written"] = _Finder({**numbers, **_shortened(names), **names})
        return self._finders[kind]

    def _note_change(self) -> None:
        self.changed = True
        self._finders.clear()

    def _finding(self, finding: Finding) -> Finding:
        return replace(finding, examples=self._deep(finding.examples), values=self._deep(finding.values))

    def _deep(self, value: Any) -> Any:
        match value:
            case str():
                return self.hide_text(value)
            case list() | tuple():
                return type(value)(self._deep(item) for item in value)
            case Mapping():
                return {
                    k: self.hide_written(v) if k in _WRITTEN and isinstance(v, str) else self._deep(v)
                    for k, v in value.items()
                }
        return value

    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        """code, kind, original and name of everything that has a code."""
        for kind, codes in self._codes.items():
            for original, code in codes.items():
                yield code, kind, original, self._names.get(code, "") if kind == "account" else ""


class _Finder:
    """Finds names in texts word by word: case, punctuation and the spelling of umlauts make no difference."""

    def __init__(self, replacements: Mapping[str, str]) -> None:
        by_first: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
        for name, said in replacements.items():
            words = tuple(_words(name))
            if sum(map(len, words)) >= _SHORTEST_NAME:
                by_first[words[0]].append((words, said))
        self._by_first = {first: sorted(found, key=lambda f: -len(f[0])) for first, found in by_first.items()}

    def replaced(self, text: str) -> str:
        text = unicodedata.normalize("NFC", text)
        places = [place for place in _WORD.finditer(text) if place[0].casefold() not in _JOINING]
        words = [_spelled(place[0]) for place in places]
        done, out, at = 0, "", 0
        while at < len(words):
            for name, said in self._by_first.get(words[at], ()):
                if tuple(words[at : at + len(name)]) == name:
                    out += text[done : places[at].start()] + said
                    at += len(name)
                    done = places[at - 1].end()
                    break
            else:
                at += 1
        return out + text[done:]


@contextmanager
def pseudonyms_of(engagement: Engagement) -> Iterator[Pseudonyms | None]:
    """The key of an engagement, alone until it is done with; None unless names are to be replaced.

    `write_key` keeps what was added. Raises InputError when the key cannot be read, EngagementError where it has no place.
    """
    if not engagement.pseudonymise:
        yield None
        return
    if engagement.file.is_relative_to(kit_folder("data").resolve()):
        raise EngagementError(
            engagement.file.name,
            ["pseudonymise: nothing is written beside a bundled case, so its key has no place: copy its folder first"],
        )
    file = str(engagement.folder / KEY_FILE)
    name = hashlib.blake2b(file.encode(), digest_size=8).hexdigest()
    with FileLock(Path(tempfile.gettempdir()) / f"kamkit-key-{name}.lock"):
        yield read_key(engagement)


def read_key(engagement: Engagement) -> Pseudonyms:
    """The key of an engagement, empty where there is none yet. Raises InputError when it cannot be read."""
    codes: dict[str, dict[str, str]] = defaultdict(dict)
    names = {}
    for code, kind, original, name in _read_rows(engagement.folder / KEY_FILE):
        codes[kind][original] = code
        if name:
            names[code] = name
    return Pseudonyms(codes, names, engagement.language)


def write_key(key: Pseudonyms, engagement: Engagement) -> None:
    """Keep the key beside the engagement, whole or not at all. Raises EngagementError when it cannot be written."""
    if not key.changed:
        return
    path = engagement.folder / KEY_FILE
    try:
        handle, scratch = tempfile.mkstemp(suffix=".xlsx", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise EngagementError(KEY_FILE, [f"cannot be written: {error.strerror}"]) from None
    try:
        with xlsxwriter.Workbook(scratch, {"strings_to_formulas": False, "strings_to_urls": False}) as workbook:
            page, text = workbook.add_worksheet("Pseudonyms"), workbook.add_format({"num_format": "@"})
            page.set_column(0, 3, 30, text)
            for y, row in enumerate([_HEADINGS[engagement.language], *sorted(key.rows())]):
                for x, cell in enumerate(row):
                    page.write_string(y, x, cell, text)
        Path(scratch).chmod(0o600)
        Path(scratch).replace(path)
    except PermissionError:
        raise EngagementError(KEY_FILE, ["is open elsewhere and new codes have to be kept in it: close it"]) from None
    finally:
        Path(scratch).unlink(missing_ok=True)
    key.changed = False


def revealed(engagement: Engagement, imported: Imported, facts: AccountFacts) -> tuple[Imported, AccountFacts]:
    """Results with the real ids and names of accounts, for what lies beside the raw data and not in a run."""
    key = read_key(engagement)
    tables = {name: key.reveal(frame) for name, frame in facts.tables.items()}
    columns = imported.columns
    coded = columns["column"].isin([*CODED, "name"])
    real = columns["example"].map(lambda text: key.reveal_text(text) if isinstance(text, str) else text)
    return (
        replace(
            imported,
            columns=columns.assign(example=columns["example"].mask(coded, real)),
            group_candidates=key.reveal(imported.group_candidates),
        ),
        replace(facts, accounts=key.reveal(facts.accounts), members=key.reveal(facts.members), tables=tables),
    )


def _texts(frame: pd.DataFrame) -> list[str]:
    return [c for c in frame.columns if isinstance(frame[c].dtype, pd.StringDtype) or frame[c].dtype == object]


def _words(text: str) -> list[str]:
    found = _WORD.findall(unicodedata.normalize("NFC", text))
    return [_spelled(word) for word in found if word.casefold() not in _JOINING]


def _spelled(word: str) -> str:
    return word.casefold().translate(_SPELLED)


def _shortened(names: Mapping[str, str]) -> dict[str, str]:
    """Names without their legal form, and their first words as far as these belong to one customer only."""
    bare = {tuple(words): said for name, said in names.items() if (words := _without_legal_form(name))}
    firsts = Counter(words[0] for words in bare)
    alone = {words[:1]: said for words, said in bare.items() if firsts[words[0]] == 1 and len(words[0]) >= _FIRST_WORD}
    return {" ".join(words): said for words, said in {**alone, **bare}.items()}


def _without_legal_form(name: str) -> list[str]:
    words = _words(name)
    while words and _LEGAL_FORM.fullmatch(words[-1]):
        words.pop()
    return words


def _is_telling(number: str) -> bool:
    """Whether a customer number in a text is recognised as one: short ones could be any number."""
    return len(number) >= _SHORTEST_NUMBER or (len(number) >= _SHORTEST_NAME and any(c.isalpha() for c in number))


def _read_rows(path: Path) -> Iterator[tuple[str, str, str, str]]:
    if not path.exists():
        return
    advice = "bring it back from a copy: without it every customer would get another code"
    try:
        rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    except (CalamineError, OSError):
        raise InputError(path.name, [f"cannot be read as the key of the pseudonyms: {advice}"]) from None
    kinds = {letter: kind for kind, letter in KINDS.items()}
    seen: set[str] = set()
    for number, row in enumerate(rows[1:], start=2):
        code, kind, original, name = ["" if cell is None else _text(cell) for cell in [*row, "", "", "", ""][:4]]
        if not any((code, kind, original, name)):
            continue
        if not _CODE.fullmatch(code) or kinds.get(code[:1]) != kind or not original or code in seen:
            raise InputError(path.name, [f"row {number} is not a row of the key of the pseudonyms: {advice}"])
        seen.add(code)
        yield code, kind, original, name


def _text(cell: object) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()
