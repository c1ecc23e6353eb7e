"""What headings, titles and cells say about money beside its amount: the currency, and thousands or millions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

SIGNS: Mapping[str, str] = {"€": "EUR", "EURO": "EUR", "£": "GBP", "$": "USD", "FR.": "CHF", "SFR": "CHF"}
"""Currencies by other names than their codes; a dollar without a country is the American one."""

CURRENCIES = frozenset(
    [
        "EUR",
        "USD",
        "GBP",
        "CHF",
        "SEK",
        "NOK",
        "DKK",
        "PLN",
        "CZK",
        "HUF",
        "RON",
        "BGN",
        "TRY",
        "JPY",
        "CNY",
        "CAD",
        "AUD",
        "BRL",
        "MXN",
        "INR",
        "RUB",
        "ZAR",
        "SGD",
        "HKD",
        "KRW",
    ]
)
"""Codes that are taken for currencies where they stand among other words; rarer ones are words or units as often."""

_WORD = re.compile(r"(?<![^\W\d_])[TtKk]?([A-Z]{3}|E[Uu][Rr][Oo]|F[Rr]\.|[€£$])(?![^\W\d_])")
_MULTIPLES = (
    (re.compile(r"(?i)(?<!\w)(?<!\d )([tk](€|eur|chf|usd|gbp)|tsd|tausend|thousands?|in 1[.,]?000)(?!\w)"), 1_000),
    (re.compile(r"(?i)(?<!\w)(?<!\d )(mio|millionen|millions?|m(€|eur|chf|usd|gbp))(?!\w)"), 1_000_000),
)


def currencies_in(text: str) -> set[str]:
    """The codes of the currencies that a heading or a cell names, codes in capitals.

    >>> currencies_in("Umsatz TEUR"), currencies_in("($1,234.50)"), currencies_in("Absatz STK")
    ({'EUR'}, {'USD'}, set())
    """
    named = {SIGNS.get(word.upper(), word) for word in _WORD.findall(text)}
    return named & CURRENCIES


def multiple_in(texts: Iterable[str]) -> int:
    """What amounts are counted in: 1000 or 1000000 where a heading or a title says so, else 1. Behind a number the word
    belongs to that ("Kunden ab 1 Mio. Umsatz").

    >>> multiple_in(["Umsatz T€"]), multiple_in(["Umsatz", "Angaben in Mio. EUR"]), multiple_in(["Umsatz EUR"])
    (1000, 1000000, 1)
    """
    return next((factor for text in texts for words, factor in _MULTIPLES if words.search(text)), 1)
