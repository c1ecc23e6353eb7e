"""How the numbers of a column are written, judged over all its values by their shapes.

A shape is a value with every digit replaced by 9: a million amounts have a dozen shapes, so every value counts and
each shape is judged once. NATIVE marks values that come typed out of a workbook, a Parquet file or a database.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

NATIVE = "\x1f"
SPACES = " \t\r\n\u00a0\u202f\u2009"
WIDEST = 38
_CURRENCY = r"(?:€|\$|£|[A-Z]{3})"
_NUMBER = re.compile(
    rf"{_CURRENCY}? ?(?P<open>\()?(?P<lead>[+-])? ?{_CURRENCY}? ?(?P<core>[9.,'’ ]*9[9.,'’ ]*?) ?(?P<trail>[+-])?"
    rf"(?: ?{_CURRENCY})?(?P<close>\))? ?{_CURRENCY}?(?P<percent> ?%)?"
)
CELL_ERRORS = (
    r"#(NV|N/A|WERT!|VALUE!|BEZUG!|REF!|DIV/[09]!|NAME\?|ZAHL!|NUM!|NULL!|[ÜU]BERLAUF!|SPILL!|CALC!|KALK!|#+)?"
)
"""What spreadsheets write into cells they cannot compute, or that are too narrow to show their number."""
_CELL_ERROR = re.compile(CELL_ERRORS)
_EXPONENT = re.compile(r"[+-]?9+(?:(?P<sign>[.,])9+)?[eE][+-]?9+")


@dataclass(frozen=True)
class Shape:
    """One way of writing numbers: the digits without the signs between them decided yet."""

    core: str
    percent: bool
    exponent: bool
    marks: str
    evidence: str | None
    thousands: str | None
    either: str | None


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of a column are written. `whole` and `digits` count the digits before and after the decimal
    sign over all values; `unreadable` are the shapes that are no numbers in this format."""

    decimal: str | None = None
    thousands: str | None = None
    ambiguous: bool = False
    whole: int = 1
    digits: int = 0
    plain: bool = True
    percent: bool = False
    exponent: bool = False
    trailing: bool = False
    readable: frozenset[str] = frozenset()
    unreadable: frozenset[str] = frozenset()
    contradiction: tuple[str, str] | None = None


def shape_sql(value: str) -> str:
    """SQL for the shape of a text column: digits become 9, a leading zero stays visible."""
    return (
        f"translate({value}, '012345678', '999999999') || "
        f"CASE WHEN {value} LIKE '0%' OR {value} LIKE '-0%' THEN '0' ELSE '' END"
    )


@lru_cache(maxsize=50_000)
def read_shape(key: str) -> Shape | None:
    """What a shape says about decimal and thousands signs; None if it is no number at all.

    A final 0 marks a leading zero, which a number with a thousands sign cannot have.
    """
    native, leading_zero = key.startswith(NATIVE), key.endswith("0")
    text = _plain_spaces(key.removeprefix(NATIVE).removesuffix("0"))
    if found := _EXPONENT.fullmatch(text):
        sign = found["sign"]
        return Shape("9", False, True, "", None if native else sign, None, None)
    found = _NUMBER.fullmatch(text)
    if found is None or bool(found["open"]) != bool(found["close"]) or (found["lead"] and found["trail"]):
        return None
    core = found["core"].strip()
    marks = (found["trail"] or "") + (found["open"] or "")
    signs = [sign for sign in core if sign != "9"]
    evidence = thousands = either = None
    if native:
        evidence = None
    elif len(set(signs)) == 1 and signs[0] in ".,":
        sign = signs[0]
        if len(signs) > 1:
            thousands = sign
        elif len(core.split(sign)[1]) == 3 and 1 <= len(core.split(sign)[0]) <= 3 and not leading_zero:
            either = sign
        else:
            evidence = sign
    elif signs:
        last = signs[-1] if signs[-1] in ".," else None
        others = signs[:-1] if last else signs
        if last in others or len(set(others)) > 1:
            return None
        evidence, thousands = last, others[0]
    if thousands and not _grouped(core.split(evidence)[0] if evidence else core, thousands):
        return None
    if thousands in (".", ","):
        evidence = _other(thousands)
    return Shape(core, bool(found["percent"]), False, marks, evidence, thousands, either)


def is_cell_error(text: str) -> bool:
    """Whether a cell holds the error of a spreadsheet instead of a value.

    >>> is_cell_error("#NV"), is_cell_error("########"), is_cell_error("#1")
    (True, True, False)
    """
    return text.startswith("#") and _CELL_ERROR.fullmatch(text) is not None


def number_evidence(shapes: Iterable[str]) -> set[str]:
    """The decimal signs that the shapes of a column prove."""
    return {shape.evidence for key in shapes if (shape := read_shape(key)) and shape.evidence}


def number_format(
    shapes: Iterable[str], decimal: str | None, thousands: str | None, neighbours: set[str], default: str
) -> NumberFormat:
    """The format of a number column from all its shapes.

    `decimal` and `thousands` as given in the engagement are believed, and shapes against them are unreadable. A column
    that proves nothing takes the only sign its `neighbours` prove, else the `default`, and is flagged ambiguous where
    that matters. Proof of both signs is a contradiction.
    """
    read = {key: read_shape(key) for key in shapes}
    proofs = {shape.evidence: key for key, shape in read.items() if shape and shape.evidence}
    undecided = any(shape and shape.either for shape in read.values())
    ambiguous, contradiction = False, None
    if decimal is None and thousands in (".", ","):
        decimal = _other(thousands)
    if decimal is None and len(proofs) == 2:
        contradiction = (proofs[","], proofs["."])
    chosen = decimal or (next(iter(proofs)) if len(proofs) == 1 else None)
    if chosen is None and undecided:
        ambiguous = len(neighbours) != 1
        chosen = default if ambiguous else next(iter(neighbours))
    readable: dict[str, Shape] = {}
    for key, shape in read.items():
        against = shape and (
            (shape.evidence or chosen) != chosen or (thousands and shape.thousands not in (None, thousands))
        )
        if shape is not None and not against:
            readable[key] = shape
    used = Counter(shape.thousands or (shape.either if shape.either != chosen else None) for shape in readable.values())
    used.pop(None, None)
    sizes = [(_whole(shape, chosen), _digits(shape, chosen)) for shape in readable.values()]
    return NumberFormat(
        chosen,
        used.most_common(1)[0][0] if used else None,
        ambiguous,
        max((whole for whole, _ in sizes), default=1),
        max((digits for _, digits in sizes), default=0),
        all(key.startswith(NATIVE) or set(key.removesuffix("0")) <= set("9.,-+") for key in readable),
        any(shape.percent for shape in readable.values()),
        any(shape.exponent for shape in readable.values()),
        any(shape.marks for shape in readable.values()),
        frozenset(readable),
        frozenset(read) - frozenset(readable),
        contradiction,
    )


def number_sql(value: str, written: NumberFormat, native: bool) -> str:
    """SQL that reads a text column as DECIMAL(whole + digits, digits), DOUBLE where that would be wider than 38."""
    width = max(written.whole + written.digits, 1)
    exact = width <= WIDEST
    kind = f"DECIMAL({width}, {written.digits})" if exact else "DOUBLE"
    text = value
    if not written.plain:
        text = f"regexp_replace(replace({value}, '−', '-'), '[^0-9.,()+-]', '', 'g')"
    if written.decimal is not None:
        text = f"replace({text}, '{_other(written.decimal)}', '')"
    if written.decimal == ",":
        text = f"replace({text}, ',', '.')"
    if written.trailing:
        bare = f"regexp_replace({text}, '[()+-]', '', 'g')"
        text = f"CASE WHEN regexp_matches({text}, '[(-]') THEN '-' || {bare} ELSE {bare} END"
    number = f"TRY_CAST({text} AS {kind})"
    if not exact:
        number = f"nullif(nullif({number}, 'inf'::DOUBLE), '-inf'::DOUBLE)"
    if written.percent:
        number = f"CASE WHEN contains({value}, '%') THEN CAST({number} * 0.01 AS {kind}) ELSE {number} END"
    if written.exponent:
        power = f"TRY_CAST(replace(trim({value}), ',', '.') AS {kind})"
        number = f"CASE WHEN regexp_matches({value}, '[0-9][eE][+-]?[0-9]') THEN {power} ELSE {number} END"
    if written.unreadable:
        shapes = ", ".join(sql_text(key) for key in sorted(written.readable)) or "NULL"
        number = f"CASE WHEN {shape_sql(value)} IN ({shapes}) THEN {number} END"
    if native:
        typed = f"TRY_CAST(substr({value}, 2) AS {kind})"
        number = f"CASE WHEN starts_with({value}, chr(31)) THEN {typed} ELSE {number} END"
    return number


def sql_text(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _whole(shape: Shape, decimal: str | None) -> int:
    return 18 if shape.exponent else max(sum(sign == "9" for sign in _split(shape, decimal)[0]), 1)


def _digits(shape: Shape, decimal: str | None) -> int:
    return 12 if shape.exponent else len(_split(shape, decimal)[1]) + (2 if shape.percent else 0)


def _split(shape: Shape, decimal: str | None) -> tuple[str, str]:
    """The digits before and after the decimal sign; native numbers have a point whatever the column's text has."""
    sign = shape.evidence or (decimal if shape.either == decimal else None)
    if sign is None and shape.either is None and "." in shape.core and shape.thousands is None:
        sign = "."
    if sign is None or sign not in shape.core:
        return shape.core, ""
    whole, _, digits = shape.core.rpartition(sign)
    return whole, digits


def _grouped(whole: str, sign: str) -> bool:
    first, *others = whole.split(sign)
    return 1 <= len(first) <= 3 and all(len(group) == 3 for group in others)


def _other(sign: str) -> str:
    return "." if sign == "," else ","


def _plain_spaces(text: str) -> str:
    return re.sub(r"[\u00a0\u202f\u2009\t]", " ", text).strip().replace("−", "-")
