"""What accounts bought lately, beside the same months of last year and their own rhythm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.options.history import History
from kamkit.model.codes import Grain
from kamkit.model.option_rules import RiskRules

HALF_YEAR, YEAR = 6, 12


def compare_purchases(history: History, window_months: int, rules: RiskRules) -> pd.DataFrame:
    """What was bought and what was usual, per account_id with revenue in the last 12 months.

    yearly (revenue of 12 months), window (revenue of the last window), window_before (same months of last year, without
    a one-off order), half, half_before (the same for six months), change (six months net, against the same of last
    year; missing where history does not cover them), fall (share of half_before that is gone), one_off (share of the
    largest order), n_orders, n_before (orders in half_before), pause (days since the last order), interval (median), own_interval (shrunk to the
    portfolio's), longest (longest pause so far), lost_items.
    """
    yearly = history.revenue(YEAR)
    if not history.dated_by_day:
        yearly = yearly[yearly > 0]
    signs = pd.DataFrame({"yearly": history.yearly_revenue.reindex(yearly.index).fillna(0.0), "bought": yearly})
    signs["change"] = net_change(history).reindex(signs.index)
    compared = compare_years(history, signs.index, window_months, rules)
    return signs.join([compared, rhythms(history, rules), _lost_items(history)])


def compare_years(history: History, accounts: pd.Index, window_months: int, rules: RiskRules) -> pd.DataFrame:
    """window, half, window_before, half_before and fall of `compare_purchases`: two years, side by side."""
    signs = pd.DataFrame(index=accounts)
    for name, n_months in (("window", window_months), ("half", HALF_YEAR)):
        signs[name] = history.revenue(n_months).reindex(accounts).fillna(0.0)
        signs[f"{name}_before"] = _same_months(history, n_months, rules).reindex(accounts)
    now, before = signs["half"], signs["half_before"]
    if history.grain is Grain.YEAR:
        now = history.yearly_revenue.reindex(accounts).fillna(0.0)
        before = history.revenue(YEAR, YEAR).reindex(accounts)
    return signs.assign(fall=1 - now / before.where(before > 0))


def _same_months(history: History, n_months: int, rules: RiskRules) -> pd.Series[Any]:
    """Revenue of the same months of last year without an order that alone makes up most of it; missing where history
    does not cover them, 0 where nothing was bought."""
    covered = history.covers(n_months + YEAR) and history.grain is not Grain.YEAR
    if not covered:
        return pd.Series(dtype=float)
    accounts = history.accounts["account_id"]
    total = history.revenue(n_months, YEAR).reindex(accounts).fillna(0.0)
    if not history.dated_by_day:
        return total
    inside = orders_between(history, n_months + YEAR, YEAR)
    largest = inside.groupby("account_id")["revenue"].max().reindex(total.index).fillna(0.0)
    return total.where(largest <= rules.one_off.value * total, total - largest)


def orders_between(history: History, from_months: int, to_months: int) -> pd.DataFrame:
    orders = history.orders
    return orders[(orders["date"] >= history.first_day(from_months)) & (orders["date"] < history.first_day(to_months))]


def net_change(history: History) -> pd.Series[Any]:
    """Net revenue of the last six closed months against the same months of last year."""
    if history.grain is Grain.YEAR or history.months.empty:
        return pd.Series(dtype=float)
    day_after = history.cut_off + pd.Timedelta(days=1)
    end = day_after.to_period("M").to_timestamp()
    start_before = end - pd.DateOffset(months=YEAR + HALF_YEAR)
    if start_before < history.start.to_period("M").to_timestamp():
        return pd.Series(dtype=float)
    month, revenue = history.months["month"], history.months
    now = revenue[(month >= end - pd.DateOffset(months=HALF_YEAR)) & (month < end)]
    then = revenue[(month >= start_before) & (month < end - pd.DateOffset(months=YEAR))]
    before = then.groupby("account_id")["revenue"].sum()
    before = before[before > 0]
    return now.groupby("account_id")["revenue"].sum().reindex(before.index).fillna(0.0) / before - 1


def rhythms(history: History, rules: RiskRules) -> pd.DataFrame:
    """n_orders, n_before, one_off, pause, interval, own_interval, longest by account_id; missing without single orders.

    The own interval is shrunk: (median·x + 3·portfolio median) ÷ (x + 3) with x intervals seen.
    """
    names = ["n_orders", "n_before", "one_off", "pause", "interval", "own_interval", "longest"]
    if not history.dated_by_day:
        largest = (
            history.months[history.months["month"] >= history.first_day(YEAR)].groupby("account_id")["revenue"].max()
        )
        one_off = largest / history.yearly_revenue.reindex(largest.index).replace(0.0, np.nan)
        return (
            pd.DataFrame({"one_off": one_off}).reindex(columns=names)
            if history.grain is Grain.MONTH
            else pd.DataFrame(columns=names, dtype=float)
        )
    days = history.orders[["account_id", "date"]].drop_duplicates().sort_values(["account_id", "date"])
    gaps = days["date"].diff().dt.days.where(days["account_id"] == days["account_id"].shift())
    by_account = gaps.groupby(days["account_id"])
    median, n_gaps = by_account.median(), by_account.count()
    usual = median.median()
    k = rules.shrinkage.value
    last_year = orders_between(history, YEAR, 0).groupby("account_id")["revenue"]
    return pd.DataFrame(
        {
            "n_orders": (n_gaps + 1).astype(float),
            "n_before": orders_between(history, YEAR + HALF_YEAR, YEAR).groupby("account_id")["date"].nunique(),
            "one_off": last_year.max() / last_year.sum(),
            "pause": (history.cut_off - days.groupby("account_id")["date"].max()).dt.days.astype(float),
            "interval": median,
            "own_interval": (median.fillna(0.0) * n_gaps + k * usual) / (n_gaps + k),
            "longest": by_account.max(),
        }
    ).reindex(columns=names)


def _lost_items(history: History) -> pd.Series[Any]:
    """How many categories an account bought in the year before the last six months, and not since."""
    if history.item_kind != "category" or history.purchases.empty:
        return pd.Series(dtype=float, name="lost_items")
    bought = history.purchases[["account_id", "item", "date"]]
    since, before = history.first_day(HALF_YEAR), history.first_day(YEAR + HALF_YEAR)
    last = bought[bought["date"] >= before].groupby(["account_id", "item"])["date"].max()
    return (last < since).groupby("account_id").sum().astype(float).rename("lost_items")
