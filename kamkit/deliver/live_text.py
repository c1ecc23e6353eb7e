"""Sentences of the catalogues as formulas of a spreadsheet: numbers in them are written as `Labels` writes them, wherever
the workbook is opened. Only functions that Excel 2010 and LibreOffice know."""

from __future__ import annotations

import string
from collections.abc import Mapping

from kamkit.telling.language import Labels

_NEARLY = 12
"""Digits after the comma to which shares are compared with 1: sums of floats reach it only nearly."""


def sentence_term(sentence: str, terms: Mapping[str, str]) -> str:
    """A sentence with placeholders as a term that joins its words and the `terms` of its placeholders (cells, or terms
    that give text). Raises KeyError for a placeholder without term.

    >>> sentence_term("{n:count} Kunden", {"n": "A1"})
    'A1&" Kunden"'
    """
    parts: list[str] = []
    for words, field, _, _ in string.Formatter().parse(sentence):
        if words:
            parts.append(quoted(words))
        if field:
            parts.append(terms[field])
    return "&".join(parts)


def quoted(text: str) -> str:
    """A text as it stands in a formula; formulas hold at most 255 signs between quotes."""
    pieces = [text[i : i + 255] for i in range(0, len(text), 255)] or [""]
    return "&".join('"' + piece.replace('"', '""') + '"' for piece in pieces)


def count_term(cell: str, labels: Labels) -> str:
    """A whole number below a million as `Labels.count` writes it. TEXT() would take the viewer's separators."""
    separator = labels.count(1000).removeprefix("1").removesuffix("000")
    return f'IF({cell}<1000,{cell}&"",INT({cell}/1000)&{quoted(separator)}&TEXT(MOD({cell},1000),"000"))'


def percent_term(cell: str, labels: Labels) -> str:
    """A share from 1 % to 100 % as `Labels.percent` writes it: whole per cents, halves to the even one, and above 99.5 %
    finer, so that less than all never reads as all."""
    unit, point = quoted(labels.percent(0.5).removeprefix("50")), labels.number(1.5)[1]
    share = f"ROUND({cell},{_NEARLY})"
    tenths = _half_even(f"{share}*1000")
    fine = f"INT(({tenths})/10)&{quoted(point)}&MOD({tenths},10)&{unit}"
    finer = f"IF({share}<0.9995,{fine},{quoted(labels.percent(0.9999))})"
    return f"IF(AND({share}>=0.995,{share}<1),{finer},({_half_even(f'{share}*100')})&{unit})"


def _half_even(term: str) -> str:
    """Rounded to whole numbers, halves to the even one; ROUND() alone takes halves up."""
    exact = f"ROUND({term},8)"
    return f"ROUND({exact},0)-(MOD({exact},2)=0.5)"
