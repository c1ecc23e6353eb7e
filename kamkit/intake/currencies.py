"""Amounts in several currencies, turned into the engagement's by the rate of their month (domain §7)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
from ibis import _

from kamkit.errors import InputError, shorten
from kamkit.intake.cleaning import PlausibleYears
from kamkit.intake.frames import checked_frame
from kamkit.intake.money_words import SIGNS
from kamkit.intake.readers import read_table
from kamkit.model.codes import Severity
from kamkit.model.engagement import Engagement, ExchangeRates, Source
from kamkit.model.results import Finding
from kamkit.model.tables import MONEY, TABLES

_HEADINGS = (
    {"month": "month", "currency": "currency", "rate": "rate"},
    {"month": "Monat", "currency": "Währung", "rate": "Kurs"},
)


def read_exchange_rates(backend: Any, rates: ExchangeRates, engagement: Engagement, scratch: Path) -> pd.DataFrame:
    """month (first day), currency, rate: one unit of the currency in the engagement's.

    The table has the headings month, currency, rate (or Monat, Währung, Kurs). Raises InputError for missing columns,
    months that cannot be read, rates that are not above zero, and two rates for one month and currency.
    """
    errors = []
    for headings in _HEADINGS:
        source = Source(path=rates.path, sheet=rates.sheet, format=rates.format, columns=headings)
        try:
            frame = checked_frame("exchange_rates", read_table(backend, "exchange_rates", source, engagement, scratch))
            break
        except InputError as error:
            errors.append(error)
    else:
        raise errors[0]
    months = frame["month"].map(_first_of_month)
    problems = []
    if bad := frame.loc[months.isna(), "month"].tolist():
        problems.append(f"month cannot be read in {_rows(len(bad))} ({shorten(bad)}): write it as 2025-03")
    if (low := frame["rate"] <= 0).any():
        problems.append(f"rate is not above zero in {_rows(int(low.sum()))}")
    table = frame.assign(month=pd.to_datetime(months), currency=frame["currency"].map(_code))
    table = table.drop_duplicates()
    if (twice := table[table.duplicated(["month", "currency"])]).size:
        problems.append(
            f"two rates for {shorten([f'{m:%Y-%m} {c}' for m, c in zip(twice['month'], twice['currency'], strict=True)])}"
        )
    if problems:
        raise InputError("exchange_rates", problems)
    return table


def convert_currencies(
    lines: Any, rates: pd.DataFrame | None, currency: str, years: PlausibleYears
) -> tuple[Any, tuple[Finding, ...]]:
    """The lines with all money in `currency`. Lines without a currency count as being in it; a
    currency may stand beside the amount in one cell.

    A line without a date in `years` never counts and has no month whose rate could be asked for: its amount stays as
    booked, which is told. Raises InputError with currencies, rows and what to give where a rate is missing.
    """
    if "currency" not in lines.columns:
        return lines, ()
    named = _.currency.strip().upper()
    beside_amount = named.re_extract(r"([A-Z]{3}|[€£$])", 1)
    code = ibis.ifelse(named.re_search("[0-9]"), beside_amount, named)
    lines = lines.mutate(currency=code.substitute(SIGNS).nullif(""))
    counts = lines.filter((_.row_mark == "data") & _.net_revenue.notnull())
    month = ibis.ifelse(years.hold(_.posting_date), _.posting_date.truncate("M"), None)
    months = counts.group_by("currency", month=month).aggregate(rows=_.count())
    found = months.to_pyarrow().to_pandas()
    in_other = found["currency"].notna() & (found["currency"] != currency)
    found, undated = found.dropna(subset=["month"]), found[in_other & found["month"].isna()]
    findings = []
    if len(undated):
        n = int(undated["rows"].sum())
        values = {"n": n, "currencies": sorted(undated["currency"])}
        findings.append(Finding("currency_without_month", "transactions", rows=n, values=values))
    foreign = found[in_other[found.index]]
    if foreign.empty:
        return lines, tuple(findings)
    if rates is None:
        raise InputError("transactions", [_without_rates(foreign, currency)])
    needed = foreign.assign(month=pd.to_datetime(foreign["month"])).merge(rates, on=["month", "currency"], how="left")
    if (missing := needed[needed["rate"].isna()]).size:
        wanted = [f"{c} {m:%Y-%m}" for c, m in sorted(zip(missing["currency"], missing["month"], strict=True))]
        n = int(missing["rows"].sum())
        raise InputError(
            "exchange_rates", [f"no rate for {shorten(wanted)}, needed for {_rows(n)}: add it to the table"]
        )
    n_foreign = int(foreign["rows"].sum())
    converted = {"n": n_foreign, "currencies": sorted(foreign["currency"].unique())}
    findings.append(Finding("currency_converted", "transactions", Severity.INFO, rows=n_foreign, values=converted))
    if (blank := int(found.loc[found["currency"].isna(), "rows"].sum())) > 0:
        findings.append(
            Finding("currency_missing", "transactions", rows=blank, values={"n": blank, "currency": currency})
        )
    return _at_rates(lines, rates, currency), tuple(findings)


def _at_rates(lines: Any, rates: pd.DataFrame, currency: str) -> Any:
    """Every amount times the rate of its month and currency, at the precision that the column has; the currency and the
    net revenue as booked stay as booked_currency and booked_revenue."""
    table = ibis.memtable(
        rates.loc[rates["currency"] != currency]
        .assign(rate=rates["rate"].map(lambda rate: f"{rate:.8f}"))
        .astype({"currency": object}),
        schema={"month": "timestamp", "currency": "string", "rate": "string"},
    )
    table = table.select(rate_month=_.month.date(), rate_currency="currency", rate=_.rate.cast("decimal(18, 8)"))
    month = lines.posting_date.truncate("M").cast("date")
    joined = lines.left_join(table, [month == table.rate_month, lines.currency == table.rate_currency])
    kinds = TABLES["transactions"].columns
    money = [c for c in lines.columns if kinds.get(c) == MONEY]
    joined = joined.mutate(booked_currency=_.currency, booked_revenue=_.net_revenue)
    at_rate = {c: ibis.coalesce((_[c] * _.rate).cast(lines[c].type()), _[c]) for c in money}
    return joined.mutate(**at_rate, currency=ibis.literal(currency)).drop("rate_month", "rate_currency", "rate")


def _without_rates(foreign: pd.DataFrame, currency: str) -> str:
    rows = foreign.groupby("currency")["rows"].sum()
    told = ", ".join(f"{code} in {_rows(int(n))}" for code, n in rows.items())
    return (
        f"amounts are not all in {currency}: {told}. Give exchange_rates (a table of month, currency, rate), "
        "or set currency where all amounts are in one"
    )


def _rows(n: int) -> str:
    return f"{n} row{'s' if n != 1 else ''}"


def _code(currency: str) -> str:
    code = str(currency).strip().upper()
    return SIGNS.get(code, code)


def _first_of_month(text: str) -> pd.Timestamp | None:
    """2025-03, 03.2025, 3/2025 and every day of the month mean its first day."""
    for pattern, year, month in ((r"(\d{4})-(\d{1,2})(?:-\d+)?", 1, 2), (r"(?:\d{1,2}\.)?(\d{1,2})[./](\d{4})", 2, 1)):
        if (found := re.match(pattern + r"(?:\D.*)?$", str(text).strip())) and 1 <= int(found[month]) <= 12:
            return pd.Timestamp(int(found[year]), int(found[month]), 1)
    return None
