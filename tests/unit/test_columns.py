"""Which column means what, and how its values are written: judged over all values, never guessed cell by cell."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pytest

from kamkit.errors import EngagementError, InputError
from kamkit.intake.columns import field_of
from kamkit.intake.date_formats import date_format, read_flag
from kamkit.intake.number_formats import number_format, read_shape
from kamkit.intake.readers import TypedTable, read_table
from kamkit.model.engagement import Engagement
from kamkit.model.tables import MONEY

COLUMNS = {"customer_id": "Kunde", "posting_date": "Datum", "net_revenue": "Umsatz"}


def read(folder: Path, header: str, *lines: str, locale: str = "de_DE", **source: Any) -> TypedTable:
    """Read a small file of transactions with the columns Kunde, Datum, Umsatz and others."""
    (folder / "sales.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    transactions = {"path": "sales.csv", "columns": COLUMNS} | source
    engagement = Engagement.model_validate(
        {"client": "Test", "language": locale[:2], "locale": locale, "sources": {"transactions": transactions}}
    )
    engagement._file = folder / "engagement.yml"
    return read_table(
        ibis.duckdb.connect(), "transactions", engagement.sources.transactions, engagement, folder / "scratch"
    )


def amounts(folder: Path, *values: str, columns: dict[str, str] | None = None, **source: Any) -> list[Any]:
    """The values read as amounts, written in quotes one per row."""
    lines = [f'K;31.12.2025;"{value}"' for value in values]
    typed = read(folder, "Kunde;Datum;Umsatz", *lines, columns=COLUMNS | (columns or {}), **source)
    return list(typed.table.order_by("source_row").to_pyarrow()["net_revenue"].to_pylist())


def days(folder: Path, *values: str, **source: Any) -> TypedTable:
    return read(folder, "Kunde;Datum;Umsatz", *(f'K;"{value}";1' for value in values), **source)


def dates_of(typed: TypedTable) -> list[dt.date | None]:
    return list(typed.table.order_by("source_row").to_pyarrow()["posting_date"].to_pylist())


def problems_of(folder: Path, header: str, *lines: str, **source: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        read(folder, header, *lines, **source)
    return list(caught.value.problems)


def findings_of(typed: TypedTable) -> list[tuple[str, int | None, tuple[str, ...]]]:
    return [(finding.code, finding.rows, finding.examples) for finding in typed.findings]


# ------------------------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.234,56", "1234.56"),
        ("1.234,56-", "-1234.56"),
        ("-1.234,56", "-1234.56"),
        ("+1234,5", "1234.5"),
        ("1 234,56", "1234.56"),
        ("1\u00a0234,56", "1234.56"),
        ("1'234.56", "1234.56"),
        ("1’234’567", "1234567"),
        ("1,234.56", "1234.56"),
        ("1.234.567", "1234567"),
        ("(12,50)", "-12.5"),
        ("12,50 €", "12.5"),
        ("EUR 12,50", "12.5"),
        ("-€ 12,50", "-12.5"),
        ("−12,50", "-12.5"),
        ("12,5 %", "0.125"),
        ("0,001", "0.001"),
        (",5", "0.5"),
        ("1,5E+03", "1500"),
        (" 12,50 ", "12.5"),
        ("0001,5", "1.5"),
    ],
)
def test_one_number_is_enough_where_its_form_is_certain(tmp_path: Path, text: str, expected: str) -> None:
    assert amounts(tmp_path, text) == [Decimal(expected).quantize(Decimal("0.000001"))]


@pytest.mark.parametrize("token", ["", "NULL", "null", "#N/A", "N/A", "n/a", "-", "NaN", " ", "\u00a0"])
def test_empty_is_missing_and_never_zero(tmp_path: Path, token: str) -> None:
    assert amounts(tmp_path, "1,50", token) == [Decimal("1.500000"), None]


def test_numbers_that_cannot_be_read_are_told_with_row_value_and_count(tmp_path: Path) -> None:
    lines = ["a;31.12.2025;1,50", "b;31.12.2025;1.234,5x", "c;31.12.2025;zwei", "d;31.12.2025;1.23.4"]
    assert problems_of(tmp_path, "Kunde;Datum;Umsatz", *lines) == [
        "sales.csv: net_revenue ('Umsatz') is not a number in 3 rows (first: row 3 '1.234,5x'): correct them or set "
        "format.decimal"
    ]


def test_problems_of_all_columns_are_told_together(tmp_path: Path) -> None:
    assert problems_of(tmp_path, "Kunde;Datum;Umsatz", "a;31.02.2025;eins", "b;1.2.25 abends;2,5") == [
        "sales.csv: posting_date ('Datum') is not a date in 2 rows (first: row 2 '31.02.2025'): correct them or set "
        "format.date",
        "sales.csv: net_revenue ('Umsatz') is not a number in 1 row (first: row 2 'eins'): correct them or set "
        "format.decimal",
    ]


def test_in_optional_columns_unreadable_values_are_missing_and_told(tmp_path: Path) -> None:
    columns = COLUMNS | {"cost": "Kosten", "order_date": "Bestellt", "quantity": "Menge"}
    typed = read(
        tmp_path,
        "Kunde;Datum;Umsatz;Kosten;Bestellt;Menge",
        "a;31.12.2025;1,50;2,5;gestern;1",
        "b;31.12.2025;1,50;k.A.;30.12.2025;viele",
        columns=columns,
    )
    frame = typed.table.order_by("source_row").to_pyarrow()
    assert frame["cost"].to_pylist() == [Decimal("2.500000"), None]
    assert frame["order_date"].to_pylist() == [None, dt.date(2025, 12, 30)]
    assert frame["quantity"].to_pylist() == [1.0, None]
    assert findings_of(typed) == [
        ("unreadable_numbers", 1, ("3: k.A.",)),
        ("unreadable_dates", 1, ("2: gestern",)),
        ("unreadable_numbers", 1, ("3: viele",)),
    ]


def test_a_column_with_proof_of_both_signs_is_a_contradiction(tmp_path: Path) -> None:
    assert problems_of(tmp_path, "Kunde;Datum;Umsatz", "a;31.12.2025;1.234,50", "b;31.12.2025;1,234.50") == [
        "sales.csv: net_revenue ('Umsatz') is written with a decimal comma ('1.234,50' in row 2) and with a decimal point "
        "('1,234.50' in row 3): correct one of them or set format.decimal"
    ]


def test_all_values_decide_what_one_cannot(tmp_path: Path) -> None:
    assert amounts(tmp_path, "1.234", "2.500", "0,5") == [Decimal(1234), Decimal(2500), Decimal("0.5")]
    assert amounts(tmp_path, "1.234", "2.500", "0.5") == [Decimal("1.234"), Decimal("2.5"), Decimal("0.5")]


def test_an_ambiguous_column_takes_the_sign_that_its_neighbours_prove(tmp_path: Path) -> None:
    wanted, unwanted = COLUMNS | {"quantity": "Menge"}, COLUMNS
    for columns in (wanted, unwanted):
        typed = read(
            tmp_path, "Kunde;Datum;Umsatz;Menge", "a;31.12.2025;1.234;0.5", "b;31.12.2025;2.500;7", columns=columns
        )
        assert typed.table.net_revenue.sum().to_pyarrow().as_py() == Decimal("3.734")
        assert (typed.columns[2]["decimal"], typed.columns[2]["ambiguous"]) == (".", False)


def test_what_stays_ambiguous_is_read_as_the_country_writes_and_flagged(tmp_path: Path) -> None:
    for locale, total, sign in (("de_DE", "3734", ","), ("de_CH", "3.734", "."), ("en_GB", "3.734", ".")):
        typed = read(tmp_path, "Kunde;Datum;Umsatz", "a;31.12.2025;1.234", "b;31.12.2025;2.500", locale=locale)
        assert typed.table.net_revenue.sum().to_pyarrow().as_py() == Decimal(total)
        assert (typed.columns[2]["decimal"], typed.columns[2]["ambiguous"]) == (sign, True)
        assert [(f.code, f.rows, f.values["sign"]) for f in typed.findings] == [("ambiguous_numbers", 2, sign)]


def test_given_signs_are_believed_and_verified(tmp_path: Path) -> None:
    assert amounts(tmp_path, "1.234", format={"decimal": "."}) == [Decimal("1.234")]
    assert amounts(tmp_path, "1.234", format={"thousands": "."}) == [Decimal(1234)]
    assert problems_of(
        tmp_path, "Kunde;Datum;Umsatz", "a;31.12.2025;1.5", "b;31.12.2025;1,50", format={"decimal": "."}
    ) == [
        "sales.csv: net_revenue ('Umsatz') is not a number in 1 row (first: row 3 '1,50'): correct them or set "
        "format.decimal"
    ]


def test_an_amount_beyond_the_range_is_a_problem_not_a_silent_gap(tmp_path: Path) -> None:
    assert problems_of(tmp_path, "Kunde;Datum;Umsatz", "a;31.12.2025;1", "b;31.12.2025;1234567890123,5") == [
        "sales.csv: net_revenue ('Umsatz') is 1,000,000,000,000 or more in 1 row (first: row 3 '1234567890123.5'): correct "
        "them or set format.decimal"
    ]


@pytest.mark.parametrize(
    "shape", ["99.99.9999", "9,9,9", "9999.999.999", "9-9", "(9", "+9-", "9.999,999,9", "", ".", "9 9 9"]
)
def test_what_is_no_number_has_no_reading(shape: str) -> None:
    assert read_shape(shape) is None


def test_a_column_of_whole_numbers_needs_no_decimal_sign() -> None:
    found = number_format(["99", "9", "-999"], None, None, set(), ",")
    assert (found.decimal, found.ambiguous, found.whole, found.digits) == (None, False, 3, 0)


# -------------------------------------------------------------------------------------------------------- expressions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("= Preis * Menge * (1 - Rabatt)", "-18.9"),
        ("= -(Preis - 1.05) + 2", "0.95"),
        ("= Preis / Menge", "-0.7"),
        ("= CASE WHEN Art IN ('S1', 'G2') THEN -Preis ELSE Preis END", "-2.1"),
        ("= CASE Art WHEN 'G2' THEN 0 - Preis WHEN 'F2' THEN Preis END", "-2.1"),
        ("= CASE WHEN Menge < 0 AND (Preis >= 2 OR Art <> 'G2') THEN 1.5 END", "1.5"),
        ("= CASE WHEN Menge > 0 THEN 1 END", None),
        ('= "Preis €" * 0.000001', "0.000002"),
        ("= Preis / (Menge + 3)", None),
    ],
)
def test_arithmetic_is_exact(tmp_path: Path, text: str, expected: str | None) -> None:
    typed = read(
        tmp_path,
        "Kunde;Datum;Preis;Menge;Rabatt;Art;Preis €",
        "a;31.12.2025;2,1;-3;-2;G2;2,4",
        columns=COLUMNS | {"net_revenue": text},
    )
    assert typed.table.net_revenue.to_pyarrow().to_pylist() == [
        Decimal(expected).quantize(Decimal("0.000001")) if expected else None
    ]


def test_cents_survive_where_floats_would_lose_them(tmp_path: Path) -> None:
    lines = ["a;31.12.2025;0,1"] * 1000 + ["a;31.12.2025;123456789012,345678"]
    typed = read(tmp_path, "Kunde;Datum;Umsatz", *lines)
    assert typed.table.net_revenue.sum().to_pyarrow().as_py() == Decimal("123456789112.345678")


def test_a_product_too_wide_for_a_decimal_falls_back_to_float(tmp_path: Path) -> None:
    columns = COLUMNS | {"net_revenue": "= a * b * c"}
    value = "0,00000000000000001"
    typed = read(
        tmp_path, "Kunde;Datum;a;b;c", f"x;31.12.2025;{value};{value};3", "x;31.12.2025;2;3;4", columns=columns
    )
    assert typed.table.net_revenue.sum().to_pyarrow().as_py() == Decimal("24.000000")


def test_text_and_flags_may_come_from_case(tmp_path: Path) -> None:
    columns = COLUMNS | {"region": "= CASE WHEN Land IN ('DE', 'AT') THEN 'DACH' ELSE Land END"}
    typed = read(tmp_path, "Kunde;Datum;Umsatz;Land", "a;31.12.2025;1;AT", "b;31.12.2025;1;FR", columns=columns)
    assert sorted(typed.table.region.to_pyarrow().to_pylist()) == ["DACH", "FR"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("= sum(Umsatz)", "'= sum(Umsatz)' holds 'SUM(Umsatz)': only columns, + - * / and CASE are allowed"),
        ("= (SELECT 1)", "'= (SELECT 1)' holds '(SELECT 1)': only columns, + - * / and CASE are allowed"),
        ("= Umsatz > 1", "'= Umsatz > 1' compares outside of CASE: write CASE WHEN … THEN … END"),
        ("= 1 + 2", "'= 1 + 2' names no column"),
        (
            "= Umsatz + 'x'",
            "\"= Umsatz + 'x'\" mixes numbers, texts and conditions: CASE WHEN … THEN … END gives one kind",
        ),
        (
            "= Umsatz +",
            "'= Umsatz +' is not arithmetic: put column names with blanks or signs in double quotes",
        ),
        ("= a.b * 2", "'= a.b * 2' holds 'a.b': put column names with dots in double quotes"),
        (
            "= CASE WHEN Art IN (Umsatz) THEN 1 END",
            "'= CASE WHEN Art IN (Umsatz) THEN 1 END': IN takes a list of values",
        ),
    ],
)
def test_anything_but_arithmetic_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(EngagementError) as caught:
        read(tmp_path, "Kunde;Datum;Umsatz", columns=COLUMNS | {"net_revenue": text, "posting_date": "= Datum"})
    assert caught.value.problems == (
        "sources.transactions.columns: posting_date: '= Datum' is arithmetic, which cannot make a date: name a column",
        f"sources.transactions.columns: net_revenue: {problem}",
    )


# --------------------------------------------------------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("31.12.2025", "%d.%m.%Y"),
        ("31.12.2025 13:05", "%d.%m.%Y"),
        ("31.12.25", "%d.%m.%y"),
        ("2025-12-31", "%Y-%m-%d"),
        ("2025-12-31T13:05:00", "%Y-%m-%d"),
        ("2025-12-31 00:00:00.000", "%Y-%m-%d"),
        ("2025-12-31T13:05:00Z", "%Y-%m-%d"),
        ("20251231", "%Y%m%d"),
        ("31/12/2025", "%d/%m/%Y"),
        ("12/31/2025 1:05:00 PM", "%m/%d/%Y"),
        ("31-12-2025", "%d-%m-%Y"),
        (" 31.12.2025 ", "%d.%m.%Y"),
    ],
)
def test_a_date_is_told_by_its_form(tmp_path: Path, text: str, expected: str) -> None:
    typed = days(tmp_path, text, "00.00.0000", "00000000", "", "NULL")
    assert dates_of(typed) == [dt.date(2025, 12, 31), None, None, None, None]
    assert (typed.columns[1]["format"], typed.columns[1]["ambiguous"]) == (expected, False)


def test_days_and_months_are_told_apart_over_all_values(tmp_path: Path) -> None:
    assert dates_of(days(tmp_path, "01/02/2025", "13/02/2025")) == [dt.date(2025, 2, 1), dt.date(2025, 2, 13)]
    assert dates_of(days(tmp_path, "01/02/2025", "02/13/2025")) == [dt.date(2025, 1, 2), dt.date(2025, 2, 13)]
    assert problems_of(tmp_path, "Kunde;Datum;Umsatz", "a;13/02/2025;1", "b;02/13/2025;1") == [
        "sales.csv: posting_date ('Datum') is written with the day first ('13/02/2025' in row 2) and with the month first "
        "('02/13/2025' in row 3): correct one of them or set format.date"
    ]


def test_dates_that_stay_ambiguous_are_flagged(tmp_path: Path) -> None:
    for locale, expected, order in (
        ("de_DE", dt.date(2025, 2, 1), "day_first"),
        ("en_US", dt.date(2025, 1, 2), "month_first"),
    ):
        typed = days(tmp_path, "01/02/2025", locale=locale)
        assert (dates_of(typed), typed.columns[1]["ambiguous"]) == ([expected], True)
        assert [(f.code, f.rows, f.values["order"]) for f in typed.findings] == [("ambiguous_dates", 1, order)]


def test_a_given_date_format_is_believed_and_verified(tmp_path: Path) -> None:
    assert dates_of(days(tmp_path, "02/01/2025", format={"date": "%m/%d/%Y"})) == [dt.date(2025, 2, 1)]
    assert dates_of(days(tmp_path, "31 Dec 2025", format={"date": "%d %b %Y"})) == [dt.date(2025, 12, 31)]
    assert dates_of(days(tmp_path, "31.12.", "1.2.", format={"year": 2025})) == [
        dt.date(2025, 12, 31),
        dt.date(2025, 2, 1),
    ]
    assert dates_of(days(tmp_path, "3112", "102", format={"year": 2025})) == [
        dt.date(2025, 12, 31),
        dt.date(2025, 2, 1),
    ]
    assert problems_of(
        tmp_path, "Kunde;Datum;Umsatz", "a;2025-12-31;1", "b;31.12.2025;1", format={"date": "%d.%m.%Y"}
    ) == [
        "sales.csv: posting_date ('Datum') is not a date in 1 row (first: row 2 '2025-12-31'): correct them or set format.date"
    ]


def test_a_day_that_does_not_exist_is_no_date() -> None:
    assert date_format(["29.02.2024", "29.02.2025"], None, None, set(), "%d/%m/%Y").unreadable == {"29.02.2025"}


# ------------------------------------------------------------------------------------------------------ ids and flags


def test_ids_keep_zeros_and_lose_only_what_a_spreadsheet_added(tmp_path: Path) -> None:
    columns = COLUMNS | {"invoice_id": "Beleg", "product_id": "Artikel", "region": "Gebiet"}
    typed = read(
        tmp_path,
        "Kunde;Datum;Umsatz;Beleg;Artikel;Gebiet",
        "17850.0;31.12.2025;1; 007 ;1.0;\u00a0Nord\u00a0",
        ";31.12.2025;1;NULL;A1;-",
        "017.0;31.12.2025;1;4,5E+05;2.0;Süd",
        columns=columns,
    )
    frame = typed.table.order_by("source_row").to_pyarrow()
    assert frame["customer_id"].to_pylist() == ["17850", None, "017"]
    assert frame["invoice_id"].to_pylist() == ["007", None, "4,5E+05"]
    assert frame["product_id"].to_pylist() == ["1.0", "A1", "2.0"]
    assert frame["region"].to_pylist() == ["Nord", None, "Süd"]
    assert [(f.code, f.rows, f.values["source"]) for f in typed.findings] == [
        ("ids_with_point_zero", 2, "Kunde"),
        ("ids_as_powers", 1, "Beleg"),
    ]


def test_flags_are_read_in_every_usual_form(tmp_path: Path) -> None:
    for word in ("ja", "Yes", "x", "X", "1", "TRUE", "J", "wahr"):
        assert read_flag(word) is True
    for word in ("nein", "No", "0", "false", "N", "Falsch"):
        assert read_flag(word) is False
    assert read_flag("vielleicht") is None


@pytest.mark.parametrize(
    "text",
    ["= a" + " + a" * 10_000, "= a" + "+a" * 500, "= " + "(" * 4_000 + "a" + ")" * 4_000, "= " + "- " * 4_000 + "a"],
)
def test_arithmetic_without_end_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is too long or nested too deeply: add up fewer columns"):
        field_of("net_revenue", MONEY, text)


def test_a_sum_of_many_columns_is_read(tmp_path: Path) -> None:
    days = [f"T{n}" for n in range(366)]
    assert [base.name for base in field_of("net_revenue", MONEY, "= " + " + ".join(days)).bases] == days
    weeks = days[:52]
    columns = COLUMNS | {"net_revenue": "= " + " + ".join(weeks)}
    typed = read(tmp_path, ";".join(["Kunde", "Datum", *weeks]), "K;31.12.2025" + ";0,25" * 52, columns=columns)
    assert typed.table.net_revenue.to_pyarrow().to_pylist() == [Decimal("13")]
