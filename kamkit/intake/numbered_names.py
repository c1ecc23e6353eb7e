"""Cells that hold a customer's number and name together: "Muster AG (10023)", "10023 Muster AG", "Muster AG - 10023"."""

from __future__ import annotations

import re
from collections.abc import Collection

from kamkit.intake.number_formats import sql_text

MOST_LOOKED_AT = 2000
"""Different cells that are looked at to find out whether a column is written so."""
NAME_FIELD = "name"

_NUMBER = r"([A-Za-z]{0,3}[-.]?[0-9]+(?:[-./][0-9]+)*)"
_NAME = r"(.*[A-Za-zÀ-ɏͰ-ӿ]{2}.*?)"
_IN_BRACKETS = rf"^{_NAME}\s*[(\[]\s*{_NUMBER}\s*[)\]]$"
_IN_FRONT = rf"^[(\[]?{_NUMBER}[)\]]?(?:\s*[-–|:,;/]\s*|\s+){_NAME}$"
_BEHIND = rf"^{_NAME}(?:\s+[-–]|\s*[|:,;/])\s*{_NUMBER}$"
_FORMS = ((_IN_BRACKETS, 1, 2), (_IN_FRONT, 2, 1), (_BEHIND, 1, 2))
"""Pattern, group of the name, group of the number; the first that fits counts. Python and DuckDB read them alike."""


def number_sql(text: str) -> str:
    """SQL of the number in a cell; the whole cell where there is none."""
    return _first(text, [(pattern, number) for pattern, _, number in _FORMS])


def name_sql(text: str) -> str:
    """SQL of the name in a cell; the whole cell where there is no number."""
    return _first(text, [(pattern, name) for pattern, name, _ in _FORMS])


def is_number_sql(text: str) -> str:
    """SQL: whether a text is what `number_sql` takes for a number."""
    return f"regexp_full_match(CAST({text} AS VARCHAR), {sql_text(_NUMBER)})"


def number_in(cell: str) -> str | None:
    """The number in a cell.

    >>> [number_in(c) for c in ("Muster AG (10023)", "10023 - Muster AG", "Hotel 2000", "10023")]
    ['10023', '10023', None, None]
    """
    found = ((re.match(pattern, cell), number) for pattern, _, number in _FORMS)
    return next((str(match[number]) for match, number in found if match), None)


def are_numbered(cells: Collection[str], fits: float) -> bool:
    """Whether so great a share of different cells hold a name and a number, and as many numbers as cells."""
    numbers = {number_in(cell) for cell in cells} - {None}
    return len(cells) > 1 and len(numbers) >= fits * len(cells)


def _first(text: str, groups: list[tuple[str, int]]) -> str:
    cell = f"CAST({text} AS VARCHAR)"
    found = [f"nullif(regexp_extract({cell}, {sql_text(pattern)}, {group}), '')" for pattern, group in groups]
    return f"coalesce({', '.join(found)}, {cell})"
