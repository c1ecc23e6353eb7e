"""One language and one locale, set once: whole sentences from the catalogues, numbers as the country writes them.

A catalogue sentence says how its values are written, so results stay numbers until the last moment:
`"{n:count} von {total:count} Kunden bringen {share:percent} des Umsatzes"`. Formats: count · number (one decimal) · percent ·
change (percent with sign) · money · money_short · money_rough · date · month · months · names · needs
(table.column, in words) · word:<section> (a code, through the
catalogue). Plural: two keys `….one` and `….other`, chosen by the value `n`.
"""

from __future__ import annotations

import datetime as dt
import string
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import pandas as pd
from babel import Locale
from babel.dates import format_date
from babel.lists import format_list
from babel.numbers import (
    NumberPattern,
    format_currency,
    format_decimal,
    format_percent,
    get_currency_symbol,
    parse_pattern,
)

MINUS, NARROW = "−", "\u00a0"


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All sentences of a language by dotted key. Raises FileNotFoundError for a language without catalogue."""
    tree = tomllib.loads(files("kamkit.telling").joinpath("locales", f"{language}.toml").read_text(encoding="utf-8"))
    return dict(_flat(tree))


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _swiss(sentence: str) -> str:
    """Swiss German writes ss for ß, « » for quotes and 80% for 80 %. Done before filling, so names keep their letters."""
    return sentence.replace("ß", "ss").replace("„", "«").replace("“", "»").replace(f"{NARROW}%", "%")


@cache
def _pattern(text: str) -> NumberPattern:
    """A number pattern read once: a report writes twenty thousand numbers in a dozen patterns."""
    return parse_pattern(text)


class Labels(string.Formatter):
    """Words and numbers for people.

    >>> labels = Labels("de", "de_DE", "EUR")
    >>> labels.money(1234567.5), labels.percent(0.816)
    ('1.234.568\\xa0€', '82\\xa0%')
    """

    def __init__(self, language: str, locale: str, currency: str) -> None:
        self.language, self.locale, self.currency = language, Locale.parse(locale), currency
        swiss = self.locale.territory == "CH" and language == "de"
        self._sentences = (
            {key: _swiss(text) for key, text in catalogue(language).items()} if swiss else catalogue(language)
        )

    def __repr__(self) -> str:
        return f"<Labels {self.language}, {self.locale}, {self.currency}>"

    def __call__(self, key: str, **values: Any) -> str:
        """The sentence of a key, filled. Raises KeyError for an unknown key."""
        return self.vformat(self.sentence(self.key_of(key, values)), (), values)

    def key_of(self, key: str, values: Mapping[str, Any]) -> str:
        """The key itself, or its singular or plural, chosen by the value `n`."""
        if key in self._sentences:
            return key
        return f"{key}.one" if values.get("n") == 1 else f"{key}.other"

    def sentence(self, key: str) -> str:
        """A sentence with its placeholders. Raises KeyError for an unknown key."""
        return self._sentences[key]

    def forms(self, key: str) -> Iterator[tuple[str, str]]:
        """The keys and sentences of a key, with their placeholders: itself, or its singular and plural."""
        yield from ((k, self._sentences[k]) for k in (key, f"{key}.one", f"{key}.other") if k in self._sentences)

    def __contains__(self, key: str) -> bool:
        return key in self._sentences or f"{key}.other" in self._sentences

    def format_field(self, value: Any, format_spec: str) -> str:
        kind, _, section = format_spec.partition(":")
        match kind:
            case "":
                return str(value)
            case "word":
                return self(f"{section}.{value}")
            case _:
                return str(getattr(self, kind)(value))

    def count(self, value: float) -> str:
        return format_decimal(round(value), format=_pattern("#,##0"), locale=self.locale).replace("-", MINUS)

    def number(self, value: float, digits: int = 1) -> str:
        pattern = "#,##0." + "0" * digits if digits else "#,##0"
        return format_decimal(value, format=_pattern(pattern), locale=self.locale).replace("-", MINUS)

    def percent(self, value: float, digits: int = 0) -> str:
        """A share as percent. What is above 0 never reads 0 %, what is below 1 never 100 %."""
        if 0 < value < 0.0005:
            return f"<{NARROW}{self.percent(0.001)}"
        if 0.9995 <= value < 1:
            return f">{NARROW}{self.percent(0.999)}"
        if digits == 0 and (0 < abs(value) < 0.005 or 0.995 <= value < 1):
            digits = 1
        pattern = self.locale.percent_formats[None].pattern
        whole = pattern.replace("#,##0", "#,##0." + "0" * digits) if digits else pattern
        return format_percent(value, format=_pattern(whole), locale=self.locale).replace("-", MINUS)

    def change(self, value: float) -> str:
        """A change in percent with its sign: +12 %, −30 %."""
        return ("+" if value > 0 else "") + self.percent(value)

    def money(self, value: float) -> str:
        """An amount in whole units of the currency."""
        return self._currency(round(value), "#,##0")

    def money_short(self, value: float) -> str:
        """An amount with at most three significant digits, in thousands or millions: 28,5 Mio. €."""
        for unit, word in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
            if abs(value) >= unit * 0.9995:
                scaled = value / unit
                digits = 0 if abs(scaled) >= 99.95 else 1
                return self._currency(scaled, "#,##0.0" if digits else "#,##0", self._sentences[f"unit.{word}"])
        return self.money(value)

    def money_rough(self, value: float) -> str:
        """An estimated amount as `money_short`; below a thousand no more than that, as no estimate is that fine."""
        return self.money_short(value) if abs(value) >= 999.5 else self("unit.under", money=self.money(1000))

    def currency_symbol(self) -> str:
        return get_currency_symbol(self.currency, self.locale)

    def date(self, value: dt.date) -> str:
        return format_date(value, "dd.MM.yyyy" if self.language == "de" else "d MMM yyyy", locale=self.locale)

    def month(self, value: dt.date) -> str:
        return format_date(value, "MMMM yyyy", locale=self.locale)

    def months(self, values: Iterable[dt.date]) -> str:
        return self.names(self.month(value) for value in values)

    def names(self, values: Iterable[object]) -> str:
        return format_list([str(value) for value in values], locale=self.locale)

    def lacking(self, names: Iterable[str]) -> list[str]:
        """What is missing in words, by table.column; a column that only an engagement's own rules ask for by its name."""
        return [self._lacking(name) for name in names]

    def needs(self, names: Iterable[str]) -> str:
        """What is missing, as a list in words."""
        return self.names(self.lacking(names))

    def _lacking(self, name: str) -> str:
        table, _, column = name.partition(".")
        if (key := f"missing.{name}") in self:
            return self(key)
        return self("missing.column", table=self(f"table_name.{table}"), column=column)

    def period(self, start: dt.date, end: dt.date, fiscal_year_start: int = 1) -> str:
        """A range of dates as people say it: a whole fiscal year by its name, everything else from – to."""
        next_day = end + dt.timedelta(days=1)
        whole_year = (start.month, start.day) == (next_day.month, next_day.day) == (fiscal_year_start, 1)
        if whole_year and next_day.year - start.year == 1:
            return self("unit.fiscal_year" if fiscal_year_start != 1 else "unit.year", year=str(end.year))
        return f"{self.date(start)} – {self.date(end)}"

    def missing(self, value: Any) -> bool:
        return value is None or bool(pd.isna(value))

    def _currency(self, value: float, digits: str, unit: str = "") -> str:
        number = self.locale.currency_formats["standard"].pattern.split(";")[0].replace("#,##0.00", digits)
        if unit and number.endswith("¤"):
            number = number.replace(f"{NARROW}¤", f"'{NARROW}{unit}{NARROW}'¤")
        elif unit:
            number = f"{number}'{unit if self.language == 'en' else NARROW + unit}'"
        text = format_currency(value, self.currency, format=_pattern(number), locale=self.locale, currency_digits=False)
        return text.replace("-", MINUS)
