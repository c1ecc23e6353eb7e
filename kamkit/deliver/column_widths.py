"""How the width of a printed page is divided among the columns of a table."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from kamkit.telling.canvas import advance
from kamkit.telling.tables import DisplayTable

USUAL = 0.9
"""Of the entries of a column so many are no longer than the one that it is measured by; of figures all."""
HEAD, BROKEN_HEAD, BROKEN_WORD, FRAMED_WORD, LONGEST_HEAD = 0.92, 7.0, 6.0, 12.0, 11.5
"""In ems: the size of column titles, and up to which length a word of a title, an entry and a frame is kept whole, and a title
on one line."""
GAP, FRAME, RAGGED = 1.3, 0.9, 1.8
"""In ems: between columns, around a word in a frame, and what is lost at the end of lines."""


def column_widths(table: DisplayTable, framed: Sequence[bool], room: float) -> list[float]:
    """The widths of a table's columns in ems of its text, together at most `room`; `framed` says which hold words in frames.

    A table that fits stays as narrow as it is. Otherwise figures have room for the longest, words for the longest word, and
    the rest is divided so that a usual entry takes as many lines in each column.
    """
    limits = [_limits(table, i, frame) for i, frame in enumerate(framed)]
    narrow, wide = [least for least, _ in limits], [most for _, most in limits]
    if sum(narrow) > room:
        return [least * room / sum(narrow) for least in narrow]
    lines, widths = 1.0, wide
    while sum(widths) > room:
        lines *= 1.05
        widths = [max(least, min(most, most / lines + RAGGED)) for least, most in limits]
        if lines > 1000:
            return [least + (room - sum(narrow)) / len(narrow) for least in narrow]
    return widths


def title_fits(title: str, width: float) -> bool:
    """Whether a column of so many ems has room for each word of its title."""
    return all(_width(word) * HEAD + GAP <= width + 1e-9 for word in _words(title))


def _words(title: str) -> list[str]:
    return re.split("[ \u00ad-]", title)


def _limits(table: DisplayTable, i: int, framed: bool) -> tuple[float, float]:
    """How narrow a column may become, and how wide it would be with its entries on one line."""
    column, entries = table.columns[i], sorted((row[i] for row in table.cells), key=len) or [""]
    around = GAP + (FRAME if framed else 0)
    usual = _width(entries[-1 if column.is_numeric else math.ceil(USUAL * (len(entries) - 1))])
    heads = [min(_width(head) * HEAD, BROKEN_HEAD) for head in _words(column.title)]
    words = max((word for entry in entries for word in entry.split(" ")), key=len)
    word = usual if column.is_numeric else min(_width(words), FRAMED_WORD if framed else BROKEN_WORD)
    least = max(word, *heads) + around
    return least, max(least, usual + around, min(_width(column.title) * HEAD, LONGEST_HEAD) + around)


def _width(text: str) -> float:
    """How wide a text is in bold, in ems."""
    return sum(advance(sign, bold=True) for sign in text)
