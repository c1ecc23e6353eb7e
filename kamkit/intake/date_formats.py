"""How the dates and flags of a column are written, judged over all its distinct texts."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kamkit.intake.number_formats import NATIVE, SPACES

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
DAY_FIRST, MONTH_FIRST = "%d/%m/%Y", "%m/%d/%Y"


@dataclass(frozen=True)
class DateFormat:
    """How the dates of a column are written, and what each distinct text means; `unreadable` texts are no dates."""

    formats: tuple[str, ...] = ()
    ambiguous: bool = False
    values: Mapping[str, dt.date | None] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()
    contradiction: tuple[str, str] | None = None


def date_key_sql(value: str, given: str | None) -> str:
    """SQL for the date as written, with its time, if it has one, reduced to a shape."""
    if _spaced(given):
        return value
    first = f"split_part(translate(trim({value}), 'T', ' '), ' ', 1)"
    rest = f"translate(substr(trim({value}), length({first}) + 2), '012345678', '999999999')"
    usual = f"regexp_full_match({value}, '[0-9]{{4}}.{{6}}[ T][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}([.]0+)?)?')"
    return f"CASE WHEN length({value}) <= 10 THEN {value} WHEN {usual} THEN left({value}, 10) ELSE {first} || ' ' || {rest} END"


def slash_evidence(keys: Iterable[str]) -> set[str]:
    """Whether the dates with slashes prove that the day or the month stands first."""
    return set(_slashes(keys))


def date_format(
    keys: Iterable[str], given: str | None, year: int | None, neighbours: set[str], default: str
) -> DateFormat:
    """The format of a date column from all its distinct texts; days and months are told apart over all of them.

    `given` is believed and everything that does not fit it is unreadable. 00.00.0000 and 00000000 are empty.
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
    unreadable = set()
    for key in keys:
        text, time = (key.strip(SPACES), "") if _spaced(given) else (_date_part(key), _time_part(key))
        pattern = _pattern(key, text, given, year, slash)
        if _NO_DATE.fullmatch(text):
            values[key] = None
        elif (date := _date(text, pattern, year)) is None or not _TIME.fullmatch(time):
            unreadable.add(key)
        else:
            values[key] = date
            used[pattern] += 1
    formats = tuple(pattern for pattern, _ in used.most_common())
    return DateFormat(formats, ambiguous, values, frozenset(unreadable), contradiction)


def _spaced(given: str | None) -> bool:
    """Whether a given pattern has blanks inside the date itself, as in 31 Dec 2025."""
    return given is not None and " " in given and "%H" not in given and "%I" not in given


def _pattern(key: str, text: str, given: str | None, year: int | None, slash: str) -> str:
    if given is not None and not key.startswith(NATIVE):
        return given if _spaced(given) else re.split("[ T]", given)[0]
    for shape, pattern in _DATE_SHAPES:
        if shape.fullmatch(text):
            return slash if pattern == DAY_FIRST else pattern
    if year is not None:
        for shape, pattern in _WITHOUT_YEAR:
            if shape.fullmatch(text):
                return pattern
    if key.startswith(NATIVE) and text.isdigit() and len(text) == 5:
        return "serial"
    return ""


def _date(text: str, pattern: str, year: int | None) -> dt.date | None:
    if pattern == "serial":
        return dt.date(1899, 12, 30) + dt.timedelta(days=int(text))
    if pattern in ("%d.%m", "%d%m"):
        text = text.removesuffix(".").zfill(4 if pattern == "%d%m" else 0)
    if year is not None and pattern and not re.search("%[yYGcx]", pattern):
        text, pattern = f"{text} {year}", f"{pattern} %Y"
    try:
        return dt.datetime.strptime(text, pattern).date() if pattern else None
    except ValueError:
        return None


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
