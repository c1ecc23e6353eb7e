"""Word lists of the rule tables: what a client writes, found by patterns a consultant can read and extend.

A pattern is one or more words; `*` stands for any letters, so `*handel` is a word that ends in handel and `it` is only
the word it. Texts and patterns are compared in small letters, umlauts as ae oe ue ss, everything else as a space.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator

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
    forms = [form.replace("*", r"\w*") for form in _forms(words)]
    return re.compile(rf"\b(?:{'|'.join(forms)})\b" if forms else r"(?!)")


def _forms(words: Iterable[str]) -> Iterator[str]:
    """The patterns in plain letters, their stars kept; one without a letter finds nothing."""
    for word in words:
        form = re.sub(r"\*+", "*", "*".join(plain(part) for part in word.split("*")))
        if form:
            yield form


class WordIndex:
    """Many lists of word patterns asked at once: which of them find something in a text.

    The answers are those of `word_pattern`, list by list; but the words of the text are looked up instead of every
    pattern being tried, and what is known of a word is kept, since words recur.

    >>> sorted(WordIndex([["*handel"], ["real estate", "bau*"]]).lists_in(plain("Stahl-Handel und Baustoffe")))
    [0, 1]
    """

    def __init__(self, lists: Iterable[Iterable[str]]) -> None:
        self._alone: dict[str, set[int]] = defaultdict(set)
        self._in_a_row: dict[str, set[tuple[tuple[str, ...], int]]] = defaultdict(set)
        for number, words in enumerate(lists):
            for first, *rest in (form.split() for form in _forms(words)):
                if rest:
                    self._in_a_row[first].add(((first, *rest), number))
                else:
                    self._alone[first].add(number)
        forms = {*self._alone, *(form for rows in self._in_a_row.values() for row, _ in rows for form in row)}
        self._odd = {form: re.compile(form.replace("*", r"\w*")) for form in forms if "*" in form.strip("*")}
        self._forms = forms - set(self._odd)
        self._longest = max((len(form.strip("*")) for form in self._forms), default=0)
        self._known: dict[str, frozenset[str]] = {}

    def lists_in(self, plain_text: str) -> set[int]:
        """The numbers of the lists that find something in a plain text."""
        words = [self._forms_of(word) for word in plain_text.split()]
        found: set[int] = set()
        for place, forms in enumerate(words):
            for form in forms:
                found |= self._alone.get(form, frozenset())
                for row, number in self._in_a_row.get(form, ()):
                    beside = words[place : place + len(row)]
                    if len(beside) == len(row) and all(part in of for part, of in zip(row, beside, strict=True)):
                        found.add(number)
        return found

    def _forms_of(self, word: str) -> frozenset[str]:
        """The patterns of one word that fit a word."""
        known = self._known.get(word)
        if known is None:
            odd = (form for form, pattern in self._odd.items() if pattern.fullmatch(word))
            known = self._known[word] = frozenset({*self._forms.intersection(self._candidates(word)), *odd})
        return known

    def _candidates(self, word: str) -> Iterator[str]:
        """Every pattern with a star at its ends only that fits a word."""
        yield from (word, "*")
        for start in range(len(word)):
            for end in range(start + 1, min(len(word), start + self._longest) + 1):
                part = word[start:end]
                yield f"*{part}*"
                if start == 0:
                    yield f"{part}*"
                if end == len(word):
                    yield f"*{part}"
