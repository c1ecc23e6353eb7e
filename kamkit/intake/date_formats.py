"""How the dates and flags of a column are written, judged over all its distinct texts."""

from __future__ import annotations

import calendar
import contextlib
import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from kamkit.intake.number_formats import NATIVE, SPACES
from kamkit.model.presets import known_headings

TRUE = frozenset({"ja", "j", "yes", "y", "x", "1", "true", "wahr"})
FALSE = frozenset({"nein", "n", "no", "0", "false", "falsch"})
_DATE_SHAPES = (
    (re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})"), "%Y-%m-%d"),
    (re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})"), "%Y/%m/%d"),
    (re.compile(r"(\d{4})(\d{2})(\d{2})"), "%Y%m%d"),
    (re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})"), "%d.%m.%Y"),
    (re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{2})"), "%d.%m.%y"),
    (re.compile(r"(\d{1,2})-(\d{1,2})-(\d{4})"), "%d-%m-%Y"),
    (re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})"), "%d/%m/%Y"),
)
_WITHOUT_YEAR = ((re.compile(r"\d{1,2}\.\d{1,2}\.?"), "%d.%m"), (re.compile(r"\d{3,4}"), "%d%m"))
_TIME = re.compile(r"99?:99(:99(\.9+)?)?( ?[AaPp][Mm])?( ?Z| ?[+-]99:?99)?|")
_NO_DATE = re.compile(r"0{1,4}([./-]?)0{1,2}\1(0{2}|0{4})|0")
_MONTH = ((re.compile(r"(\d{4})[-/.](\d{1,2})"), 1, 2, "%Y-%m"), (re.compile(r"(\d{1,2})[-/.](\d{4})"), 2, 1, "%m.%Y"))
_OPEN_END = frozenset({"99991231", "31.12.9999", "9999-12-31", "12/31/9999", "31/12/9999", "9999/12/31", "31-12-9999"})
_SERIAL = re.compile(r"(\d{5})([.,]\d+)?")
EARLIEST_SERIAL, LATEST_SERIAL = 32_874, 73_050
"""Excel's numbers of 1990-01-01 and 2099-12-31: numbers of five digits between them that stand for days (convention)."""
DAY_FIRST, MONTH_FIRST = "%d/%m/%Y", "%m/%d/%Y"


@dataclass(frozen=True)
class DateFormat:
    """How the dates of a column are written, and what each distinct text means; `unreadable` texts are no dates. A month
    without a day, told in `months`, stands for its last day; `serials` are days that a spreadsheet has left as numbers."""

    formats: tuple[str, ...] = ()
    ambiguous: bool = False
    values: Mapping[str, dt.date | None] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()
    contradiction: tuple[str, str] | None = None
    months: frozenset[str] = frozenset()
    serials: frozenset[str] = frozenset()


def date_key_sql(value: str, given: str | None) -> str:
    """SQL for the date as written, with its time, if it has one, reduced to a shape."""
    if _spaced(given):
        return value
    first = f"split_part(translate(trim({value}), 'T', ' '), ' ', 1)"
    rest = f"translate(substr(trim({value}), length({first}) + 2), '012345678', '999999999')"
    usual = f"regexp_full_match({value}, '[0-9]{{4}}.{{6}}[ T][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}([.]0+)?)?')"
    named = f"regexp_matches({value}, '\\pL{{3}}')"
    return (
        f"CASE WHEN length({value}) <= 10 THEN {value} WHEN {usual} THEN left({value}, 10) WHEN {named} THEN {value} "
        f"ELSE {first} || ' ' || {rest} END"
    )


def slash_evidence(keys: Iterable[str]) -> set[str]:
    """Whether the dates with slashes prove that the day or the month stands first."""
    return set(_slashes(keys))


def date_format(
    keys: Iterable[str], given: str | None, first_day: dt.date | None, neighbours: set[str], default: str
) -> DateFormat:
    """The format of a date column from all its distinct texts; days and months are told apart over all of them.

    `given` is believed and everything that does not fit it is unreadable. `first_day` begins the year of dates written
    without one. 00.00.0000 and 00000000 are empty, and so is 31.12.9999, which systems write for an open end.
    """
    keys = list(keys)
    proofs = _slashes(keys)
    contradiction = (proofs[DAY_FIRST], proofs[MONTH_FIRST]) if len(proofs) == 2 and given is None else None
    slash = next(iter(proofs)) if len(proofs) == 1 else None
    undecided = slash is None and any(_DATE_SHAPES[-1][0].fullmatch(_date_part(key)) for key in keys)
    ambiguous = undecided and len(neighbours) != 1 and given is None
    if slash is None:
        slash = next(iter(neighbours)) if len(neighbours) == 1 else default
    values: dict[str, dt.date | None] = {}
    used: Counter[str] = Counter()
    unreadable, months, serials = set(), set(), set()
    for key in keys:
        text, time = (key.strip(SPACES), "") if _spaced(given) else (_date_part(key), _time_part(key))
        pattern = _pattern(key, text, given, first_day, slash)
        if _NO_DATE.fullmatch(text) or text in _OPEN_END:
            values[key] = None
        elif (date := _date(text, pattern, first_day)) is not None and _TIME.fullmatch(time):
            values[key] = date
            used[pattern] += 1
        elif given is None and (month := _month(key)):
            values[key], pattern = month
            months.add(key)
            used[pattern] += 1
        elif given is None and (date := _named(key)):
            values[key] = date
            used["%d %b %Y"] += 1
        elif given is None and (date := _serial(text)):
            values[key] = date
            serials.add(key)
            used["serial"] += 1
        else:
            unreadable.add(key)
    formats = tuple(pattern for pattern, _ in used.most_common())
    return DateFormat(
        formats, ambiguous, values, frozenset(unreadable), contradiction, frozenset(months), frozenset(serials)
    )


@cache
def _month_numbers() -> Mapping[str, int]:
    """The names of months in German and English, by number."""
    return {name: n for n, names in enumerate(known_headings()["months"], start=1) for name in names}


def _words(key: str) -> list[str]:
    return re.findall(r"[^\W\d_]+|\d+", key.casefold())


def _month(key: str) -> tuple[dt.date, str] | None:
    """The last day of a month that is written without a day: 2025-03, 03.2025, März 2025, Mar-25."""
    text = key.strip(SPACES)
    for shape, year, month, pattern in _MONTH:
        if (found := shape.fullmatch(text)) and 1 <= int(found[month]) <= 12 and int(found[year]):
            return _last_day(int(found[year]), int(found[month])), pattern
    words = _words(text)
    if len(words) != 2:
        return None
    number, name = words if words[0].isdecimal() else reversed(words)
    if name in _month_numbers() and number.isdecimal() and len(number) in (2, 4):
        return _last_day(_century(number), _month_numbers()[name]), "%b %Y"
    return None


def _last_day(year: int, month: int) -> dt.date:
    return dt.date(year, month, calendar.monthrange(year, month)[1])


def _century(number: str) -> int:
    return max(int(number), 1 if len(number) == 4 else 0) + (
        0 if len(number) == 4 else 2000 if int(number) < 69 else 1900
    )


def _named(key: str) -> dt.date | None:
    """A day whose month is a word: 1. März 2025, 31-Dec-25, Dec 31, 2025."""
    words = _words(key)
    if len(words) != 3:
        return None
    day, name, year = words if words[0].isdecimal() else (words[1], words[0], words[2])
    if name in _month_numbers() and day.isdecimal() and len(day) <= 2 and year.isdecimal() and len(year) in (2, 4):
        with contextlib.suppress(ValueError):
            return dt.date(_century(year), _month_numbers()[name], int(day))
    return None


def _serial(text: str) -> dt.date | None:
    """A day that a spreadsheet has left as its number."""
    found = _SERIAL.fullmatch(text)
    if not found or not EARLIEST_SERIAL <= int(found[1]) <= LATEST_SERIAL:
        return None
    return dt.date(1899, 12, 30) + dt.timedelta(days=int(found[1]))


def _spaced(given: str | None) -> bool:
    """Whether a given pattern has blanks inside the date itself, as in 31 Dec 2025."""
    return given is not None and " " in given and "%H" not in given and "%I" not in given


def _pattern(key: str, text: str, given: str | None, first_day: dt.date | None, slash: str) -> str:
    if given is not None and not key.startswith(NATIVE):
        return given if _spaced(given) else re.split("[ T]", given)[0]
    for shape, pattern in _DATE_SHAPES:
        if shape.fullmatch(text):
            return slash if pattern == DAY_FIRST else pattern
    if first_day is not None:
        for shape, pattern in _WITHOUT_YEAR:
            if shape.fullmatch(text):
                return pattern
    if key.startswith(NATIVE) and text.isdigit() and len(text) == 5:
        return "serial"
    return ""


def _date(text: str, pattern: str, first_day: dt.date | None) -> dt.date | None:
    if pattern == "serial":
        return dt.date(1899, 12, 30) + dt.timedelta(days=int(text))
    if pattern in ("%d.%m", "%d%m"):
        text = text.removesuffix(".").zfill(4 if pattern == "%d%m" else 0)
    if first_day is None or not pattern or re.search("%[yYGcx]", pattern):
        return _parsed(text, pattern) if pattern else None
    within = (_parsed(f"{text} {year}", f"{pattern} %Y") for year in (first_day.year, first_day.year + 1))
    return next((date for date in within if date and first_day <= date < _a_year_after(first_day)), None)


def _parsed(text: str, pattern: str) -> dt.date | None:
    try:
        return dt.datetime.strptime(text, pattern).date()
    except ValueError:
        return None


def _a_year_after(day: dt.date) -> dt.date:
    return dt.date(day.year + 1, day.month, min(day.day, 28))


def _slashes(keys: Iterable[str]) -> dict[str, str]:
    proofs: dict[str, str] = {}
    for key in keys:
        if found := _DATE_SHAPES[-1][0].fullmatch(_date_part(key)):
            if int(found[1]) > 12:
                proofs.setdefault(DAY_FIRST, key)
            elif int(found[2]) > 12:
                proofs.setdefault(MONTH_FIRST, key)
    return proofs


def _date_part(key: str) -> str:
    return key.removeprefix(NATIVE).strip(SPACES).split(" ")[0]


def _time_part(key: str) -> str:
    return key.strip(SPACES).partition(" ")[2].strip()


def read_flag(text: str) -> bool | None:
    """Yes or no as systems and people write it; None for everything else.

    >>> read_flag("Ja"), read_flag("0"), read_flag("vielleicht")
    (True, False, None)
    """
    word = text.removeprefix(NATIVE).strip(SPACES).casefold()
    return True if word in TRUE else False if word in FALSE else None
