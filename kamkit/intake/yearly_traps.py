"""What returns with the year in the booked lines: contracts booked in one line, and standard costs set anew (domain §7).

Both are found after the other rules, among the lines that count, and change no line. What a year's contract is for
patterns, its months side by side, is worked out from `service_terms`.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import ibis
import pandas as pd
from ibis import _

from kamkit.intake.cleaning import LINE_KEY, CleaningRules
from kamkit.intake.line_traps import unlikely_margin

MOST_EXAMPLES = 5
MONTHS = 3
PLACES = 6
_YEAR = 12


def with_yearly_traps(
    report: pd.DataFrame, kept: Any, yearly: pd.DataFrame | None, rules: CleaningRules
) -> pd.DataFrame:
    """The report of the rules with rows, revenue and examples of `yearly_booking` and `cost_jump`.

    `kept`: the marked lines that count, dated by day; `yearly` as from `yearly_bookings`.
    """
    found = {} if yearly is None else {"yearly_booking": yearly}
    if rules.looks_for("cost_jump") and {"product_id"} < {"product_id", "cost", "margin"} & {*kept.columns}:
        found["cost_jump"] = _cost_jumps(kept, rules.cost_jump.step.value)
    rows = report.to_dict("records")
    for row in rows:
        if (lines := found.get(row["rule"])) is not None:
            told = tuple(lines["told"].drop_duplicates().head(MOST_EXAMPLES))
            row |= {"rows": int(lines["rows"].sum()), "revenue": float(lines["revenue"].sum()), "examples": told}
    return pd.DataFrame(rows)


def yearly_bookings(kept: Any, revenue: float, rules: CleaningRules) -> pd.DataFrame | None:
    """The lines of which a customer has one a year, of one contract or, for the same amount, of one product; without
    products the amount alone tells. None where the rule is off.

    `kept` as above, `revenue` their sum. Returns source_file, source_row, posting_date, customer_id, revenue, rows, told.
    """
    if not rules.looks_for("yearly_booking"):
        return None
    enough = revenue * rules.yearly_booking.share_of_revenue.value
    item = [c for c in ("product_id",) if c in kept.columns]
    contract = [c for c in ("contract_id",) if c in kept.columns]
    amount = _.net_revenue.cast("float64")
    large = kept.filter((_.net_revenue > 0) & (amount >= enough))
    large = large.select(*LINE_KEY, "customer_id", *item, *contract, revenue=amount)
    lines: pd.DataFrame = large.order_by(*LINE_KEY).to_pyarrow().to_pandas()
    date = pd.to_datetime(lines["posting_date"])
    lines["month"] = date.dt.year * _YEAR + date.dt.month
    lines["told"] = lines["source_file"] + ":" + lines["source_row"].astype(str) + " " + lines["customer_id"]
    by_amount = lines.groupby(["customer_id", *(item or ["revenue"])])["revenue"].transform("nunique").eq(1)
    yearly = by_amount & _once_a_year(lines, item or ["revenue"])
    if contract:
        yearly |= _once_a_year(lines, contract)
    return lines.loc[yearly, [*LINE_KEY, "customer_id", "revenue", "told"]].assign(rows=1)


def _once_a_year(lines: pd.DataFrame, key: list[str]) -> pd.Series[bool]:
    """Which lines return a year later, or a year before, and never sooner: by customer and key."""
    named = lines.dropna(subset=key).sort_values("month", kind="stable")
    apart = named.groupby(["customer_id", *key])["month"].diff()
    each = apart.groupby([named["customer_id"], *(named[c] for c in key)])
    regular = each.transform("count").ge(1) & each.transform("min").ge(_YEAR - 1) & each.transform("max").le(_YEAR + 1)
    return regular.reindex(lines.index, fill_value=False)


def lines_with_terms(kept: Any, yearly: pd.DataFrame, contracts: pd.DataFrame | None) -> Any:
    """The yearly lines among the kept ones with service_start and service_end, the days they stand for."""
    terms = pd.concat([yearly[list(LINE_KEY)], service_terms(yearly, contracts)], axis=1)
    kinds = {column: kept[column].type() for column in LINE_KEY} | {"service_start": "date", "service_end": "date"}
    return kept.inner_join(ibis.memtable(terms, schema=kinds), list(LINE_KEY)).order_by(*LINE_KEY)


def service_terms(yearly: pd.DataFrame, contracts: pd.DataFrame | None) -> pd.DataFrame:
    """service_start, service_end of lines (customer_id, posting_date): the year of the one contract that the customer has
    on that day, at most to its end; with several contracts, none, or no end, the twelve months from the booking (convention)."""
    day = pd.to_datetime(yearly["posting_date"])
    terms = pd.DataFrame({"service_start": day, "service_end": _year_after(day)})
    if contracts is not None and "end" in contracts:
        running = yearly.assign(line=yearly.index, day=day)[["line", "customer_id", "day"]].merge(
            contracts.dropna(subset=["customer_id", "start", "end"]), on="customer_id"
        )
        running = running[running["day"].between(running["start"], running["end"])]
        only = running.drop_duplicates("line", keep=False).set_index("line")
        for line, today, start, end in only[["day", "start", "end"]].itertuples():
            years = today.year - start.year - (start + pd.DateOffset(years=today.year - start.year) > today)
            begun = start + pd.DateOffset(years=years)
            terms.loc[line] = [begun, min(begun + pd.DateOffset(years=1) - pd.Timedelta(days=1), end)]
    return terms.assign(service_start=terms["service_start"].dt.date, service_end=terms["service_end"].dt.date)


def spread_over_months(lines: pd.DataFrame, until: dt.date) -> pd.DataFrame:
    """What turns booked lines into months of their term, for patterns: each line taken off where it is booked, and its
    equal parts put on, one a month from the term's first day; parts after `until` are not there yet.

    `lines`: account_id, invoice_id, posting_date, net_revenue, margin (decimals), service_start, service_end. Returns the
    same without the last two. All parts of a line add up to it.
    """
    rows: list[tuple[Any, ...]] = []
    for account, invoice, booked, revenue, margin, start, end in lines.itertuples(index=False):
        days = pd.date_range(start, end, freq=pd.DateOffset(months=1)).date
        rows.append((account, invoice, booked, -revenue, None if margin is None else -margin))
        parts = zip(days, _equal_parts(revenue, len(days)), _equal_parts(margin, len(days)), strict=True)
        rows += [(account, None, *part) for part in parts if part[0] <= until]
    return pd.DataFrame(rows, columns=["account_id", "invoice_id", "posting_date", "net_revenue", "margin"])


def _equal_parts(amount: Decimal | None, n: int) -> list[Decimal | None]:
    """An amount in n parts that differ by no more than the last of its six places, and add up to it."""
    if amount is None:
        return [None] * n
    part, left = divmod(int(amount.scaleb(PLACES)), n)
    return [Decimal(part + (i < left)).scaleb(-PLACES) for i in range(n)]


def _year_after(day: pd.Series[Any]) -> pd.Series[Any]:
    return day + pd.DateOffset(years=1) - pd.Timedelta(days=1)


def _cost_jumps(kept: Any, step: float) -> pd.DataFrame:
    """rows, revenue (of the three months from the new year on), told: products whose margin jumps with the year."""
    unlikely = unlikely_margin(kept.columns)
    margin = _.margin if "margin" in kept.columns else _.net_revenue - _.cost
    sold = kept.filter(_.product_id.notnull() & (_.net_revenue > 0) & ~unlikely.fill_null(False) & margin.notnull())
    near_new_year = sold.filter((_.posting_date.month() <= MONTHS) | (_.posting_date.month() > _YEAR - MONTHS))
    sums = near_new_year.group_by("product_id", month=_.posting_date.truncate("M")).aggregate(
        rows=_.count(), revenue=_.net_revenue.sum().cast("float64"), margin=margin.sum().cast("float64")
    )
    months: pd.DataFrame = sums.order_by("product_id", "month").to_pyarrow().to_pandas()
    month = pd.to_datetime(months["month"])
    months["after"] = month.dt.month <= MONTHS
    months["year"] = month.dt.year + (~months["after"]).astype(int)
    months["rate"] = months["margin"] / months["revenue"]
    sides = (
        months.groupby(["product_id", "year", "after"])["rate"].agg(["median", "min", "max", "count"]).unstack("after")
    )
    if sides.empty or not {True, False} <= {*sides.columns.get_level_values("after")}:
        return months.assign(told="").head(0)
    change = (sides["median"][True] - sides["median"][False]).abs()
    spread = pd.DataFrame(sides["max"] - sides["min"])
    steady = (spread <= step / 2).all(axis=1) & (pd.DataFrame(sides["count"]) == MONTHS).all(axis=1)
    jumped = change.index[(change >= step) & steady]
    after = months[months["after"]].set_index(["product_id", "year"])
    after = after[after.index.isin(jumped)]
    return after.assign(told=[f"{product} ({year})" for product, year in after.index])
