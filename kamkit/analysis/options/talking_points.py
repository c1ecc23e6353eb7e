"""What a talk with an account is about: what it buys less of and where, what earns nothing, what it buys most."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd

from kamkit.analysis.options.history import History
from kamkit.model.codes import Grain

HALF_YEAR, YEAR = 6, 12
MOST_OF_IT = 0.5
"""A site is named when at least half of what is missing is missing there (convention)."""

POINTS = ["lost_item", "lost_before", "lost_now", "lost_site", "lost_customer"]
POINTS += ["weakest_month", "weakest_lost"]
POINTS += ["last_order", "main_item", "main_revenue", "loss_item", "loss_margin"]


def talking_points(
    history: History, members: pd.DataFrame, items: pd.DataFrame, spread: Collection[str] = ()
) -> pd.DataFrame:
    """By account_id, each missing where the data do not say:

    lost_item (name of the item that lost most revenue against the same months of last year), lost_before and lost_now (its
    revenue then and now), lost_site and lost_customer (name and number of the company of the account where most of the loss is; lost_item
    is then the one of that company), weakest_month and weakest_lost (in which the gap of that item to last year is largest, and the gap), last_order (day), main_item and
    main_revenue (bought most in twelve months), loss_item and loss_margin (the lowest margin in twelve months, where below
    zero). Compared are the last six months, in a list of years the last twelve. Accounts in `spread`, for which a year is
    booked in one line, are not compared. `members`: customer_id, name; `items`: item, name.
    """
    names = items.drop_duplicates("item").set_index("item")["name"].astype("object") if len(items) else pd.Series()
    found = pd.DataFrame(index=pd.Index(history.accounts["account_id"].astype(object), name="account_id"))
    parts: list[pd.DataFrame | pd.Series[Any]] = [_last_order(history)]
    if len(history.purchases):
        item = history.purchases["item"].astype("object")
        bought = history.purchases.assign(name=item.map(names).astype("object").fillna(item))
        parts += [_lost(bought, history, members), _bought_most(bought, history)]
    for part in parts:
        found = found.join(part)
    found = found.reindex(columns=POINTS)
    compared = [column for column in POINTS if column.startswith(("lost", "weakest"))]
    found.loc[found.index.isin([*spread]), compared] = None
    return found


def _lost(bought: pd.DataFrame, history: History, members: pd.DataFrame) -> pd.DataFrame:
    n_months = YEAR if history.grain is Grain.YEAR else HALF_YEAR
    if not history.covers(n_months + YEAR):
        return pd.DataFrame(columns=POINTS[:7])
    keys = ["account_id", "customer_id", "name"]
    sums = {
        column: _between(bought, history, n_months + back, back).groupby(keys)["revenue"].sum()
        for column, back in (("lost_before", YEAR), ("lost_now", 0))
    }
    change = pd.DataFrame(sums).fillna(0.0).reset_index()
    by_site = change.groupby(["account_id", "customer_id"])[["lost_before", "lost_now"]].sum().reset_index()
    by_site = by_site.assign(lost=(by_site["lost_before"] - by_site["lost_now"]).clip(lower=0))
    sites = by_site.groupby("account_id")["lost"].agg(["sum", "size"])
    largest = by_site.sort_values(["lost", "customer_id"], ascending=[False, True]).drop_duplicates("account_id")
    largest = largest.merge(sites, left_on="account_id", right_index=True)
    largest = largest[(largest["size"] > 1) & (largest["lost"] > 0) & (largest["lost"] >= MOST_OF_IT * largest["sum"])]
    site = largest.set_index("account_id")["customer_id"]
    here = change[~change["account_id"].isin(site.index) | (change["customer_id"] == change["account_id"].map(site))]
    by_item = here.groupby(["account_id", "name"])[["lost_before", "lost_now"]].sum().reset_index()
    by_item = by_item.assign(lost=by_item["lost_before"] - by_item["lost_now"])
    worst = by_item[by_item["lost"] > 0].sort_values(["lost", "name"], ascending=[False, True])
    worst = worst.drop_duplicates("account_id").set_index("account_id").rename(columns={"name": "lost_item"})
    called = members.drop_duplicates("customer_id").set_index("customer_id")["name"].astype("object")
    lost_site = site.map(called).fillna(site).reindex(worst.index)
    worst = worst.assign(lost_site=lost_site, lost_customer=site.reindex(worst.index)).drop(columns="lost")
    return worst.join(_weakest_month(bought, history, worst["lost_item"], site))


def _weakest_month(bought: pd.DataFrame, history: History, item: pd.Series[Any], site: pd.Series[Any]) -> pd.DataFrame:
    """weakest_month and weakest_lost: the month of the last six in which most of an account's item is missing against last
    year, at its site if named, and how much."""
    empty = pd.DataFrame({"weakest_month": pd.Series(dtype=object), "weakest_lost": pd.Series(dtype=float)})
    if history.grain is Grain.YEAR:
        return empty
    last = bought[bought["date"] >= history.first_day(HALF_YEAR + YEAR)]
    own = last[last["name"] == last["account_id"].map(item)]
    own = own[~own["account_id"].isin(site.index) | (own["customer_id"] == own["account_id"].map(site))]
    end = (history.cut_off + pd.Timedelta(days=1)).to_period("M")
    months = pd.period_range(end - HALF_YEAR, end - 1, freq="M")
    by_month = own.pivot_table(
        index="account_id", columns=own["date"].dt.to_period("M"), values="revenue", aggfunc="sum", fill_value=0.0
    )
    now, before = (by_month.reindex(columns=span, fill_value=0.0) for span in (months, months - YEAR))
    gap = pd.DataFrame(before.to_numpy() - now.to_numpy(), index=by_month.index, columns=months)
    gap = gap[gap.max(axis=1) > 0]
    if gap.empty:
        return empty
    month = gap.idxmax(axis=1).map(lambda month: month.to_timestamp()).astype(object)
    return pd.DataFrame({"weakest_month": month, "weakest_lost": gap.max(axis=1)})


def _between(frame: pd.DataFrame, history: History, from_months: int, to_months: int) -> pd.DataFrame:
    return frame[(frame["date"] >= history.first_day(from_months)) & (frame["date"] < history.first_day(to_months))]


def _bought_most(bought: pd.DataFrame, history: History) -> pd.DataFrame:
    by_item = _between(bought, history, YEAR, 0).groupby(["account_id", "name"])
    sums = by_item[["revenue", "margin"]].sum(min_count=1).reset_index()
    most = sums.sort_values(["revenue", "name"], ascending=[False, True]).drop_duplicates("account_id")
    worst = sums[sums["margin"] < 0].sort_values(["margin", "name"]).drop_duplicates("account_id")
    columns = {"name": "main_item", "revenue": "main_revenue"}
    most = most.set_index("account_id")[["name", "revenue"]].rename(columns=columns)
    worst = worst.set_index("account_id")[["name", "margin"]]
    return most.join(worst.rename(columns={"name": "loss_item", "margin": "loss_margin"}))


def _last_order(history: History) -> pd.Series[Any]:
    if not history.dated_by_day:
        return pd.Series(dtype=object, name="last_order")
    return history.orders.groupby("account_id")["date"].max().rename("last_order").astype(object)
