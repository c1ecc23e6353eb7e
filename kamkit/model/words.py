"""Word lists of the rule tables: what a client writes, found by patterns a consultant can read and extend.

A pattern is one or more words; `*` stands for any letters, so `*handel` is a word that ends in handel and `it` is only
the word it. Texts and patterns are compared in small letters, umlauts as ae oe ue ss, everything else as a space.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "&": " "})


def plain(text: str) -> str:
    """A text as the word lists see it.

    >>> plain("Möbel-Großhandel & Café (Süd)")
    'moebel grosshandel cafe sued'
    """
    composed = unicodedata.normalize("NFC", text).lower().translate(_UMLAUTS)
    letters = "".join(c for c in unicodedata.normalize("NFKD", composed) if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^0-9a-z]+", " ", letters).split())


def word_pattern(words: Iterable[str]) -> re.Pattern[str]:
    """One expression that finds any of the word patterns in a plain text; no words find nothing.

    >>> bool(word_pattern(["*handel", "real estate"]).search(plain("Stahl-Handel")))
    True
    """
    forms = [r"\w*".join(plain(part) for part in word.split("*")) for word in words]
    return re.compile(rf"\b(?:{'|'.join(forms)})\b" if forms else r"(?!)")
