from __future__ import annotations

import datetime as dt

import pytest

from kamkit.telling.language import Labels


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


@pytest.mark.parametrize(
    ("language", "locale", "currency", "money", "short", "percent"),
    [
        ("de", "de_DE", "EUR", "1.234.568 €", "28,5 Mio. €", "82 %"),
        ("de", "de_AT", "EUR", "€ 1.234.568", "€ 28,5 Mio.", "82 %"),
        ("de", "de_CH", "CHF", "CHF 1’234’568", "CHF 28.5 Mio.", "82%"),
        ("en", "en_GB", "GBP", "£1,234,568", "£28.5M", "82%"),
        ("en", "en_US", "USD", "$1,234,568", "$28.5M", "82%"),
    ],
)
def test_each_country_writes_numbers_its_own_way(
    language: str, locale: str, currency: str, money: str, short: str, percent: str
) -> None:
    labels = Labels(language, locale, currency)
    assert plain(labels.money(1234567.5)) == money
    assert plain(labels.money_short(28_512_345)) == short
    assert plain(labels.percent(0.816)) == percent


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (999, "999 €"),
        (999_600, "1,0 Mio. €"),
        (471_300, "471 Tsd. €"),
        (-1_500, "−1,5 Tsd. €"),
        (0, "0 €"),
        (2.5e9, "2,5 Mrd. €"),
    ],
)
def test_short_amounts_keep_three_digits(amount: float, text: str) -> None:
    assert plain(Labels("de", "de_DE", "EUR").money_short(amount)) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (1e-5, "< 0,1 %"),
        (0.002, "0,2 %"),
        (0.8, "80 %"),
        (0.998, "99,8 %"),
        (0.99999, "> 99,9 %"),
        (1, "100 %"),
    ],
)
def test_a_share_above_zero_never_reads_zero(share: float, text: str) -> None:
    assert plain(Labels("de", "de_DE", "EUR").percent(share)) == text


def test_changes_carry_their_sign() -> None:
    labels = Labels("de", "de_DE", "EUR")
    assert [plain(labels.change(x)) for x in (0.12, -0.3, 0)] == ["+12 %", "−30 %", "0 %"]


def test_periods_read_as_people_say_them() -> None:
    labels = Labels("de", "de_DE", "EUR")
    assert labels.period(dt.date(2025, 1, 1), dt.date(2025, 12, 31)) == "2025"
    assert labels.period(dt.date(2024, 7, 1), dt.date(2025, 6, 30), 7) == "GJ 2025"
    assert labels.period(dt.date(1996, 7, 4), dt.date(1998, 5, 6)) == "04.07.1996 – 06.05.1998"


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        Labels("de", "de_DE", "EUR")("no.such.key")


def test_a_column_of_ones_own_rules_is_told_by_its_name() -> None:
    labels = Labels("de", "de_DE", "EUR")
    assert labels.lacking(["transactions.list_price", "ratings.charme"]) == [
        "Listenpreise",
        "Spalte charme der Tabelle Einschätzungen",
    ]


@pytest.mark.parametrize(("amount", "text"), [(1_500, "1,5 Tsd. €"), (999, "unter 1.000 €"), (20, "unter 1.000 €")])
def test_an_estimate_below_a_thousand_is_told_no_finer_than_that(amount: float, text: str) -> None:
    assert plain(Labels("de", "de_DE", "EUR").money_rough(amount)) == text
