"""White spots inside a group of companies: one member buys what another never bought (domain §2.2: the best whitespace is
often site × category)."""

from __future__ import annotations

import pandas as pd

from kamkit.analysis.options.cross_selling import YEAR, spending_shares
from kamkit.analysis.options.history import History
from kamkit.model.option_rules import CrossSellingRules

COLUMNS = [
    "account_id",
    "item",
    "name",
    "buyer",
    "lacking",
    "n_lacking",
    "expected_revenue",
    "expected_low",
    "expected_high",
]
QUARTERS = {"expected_low": 0.25, "expected_revenue": 0.5, "expected_high": 0.75}


def sister_white_spots(
    history: History, members: pd.DataFrame, items: pd.DataFrame, rules: CrossSellingRules
) -> pd.DataFrame:
    """Items that one company of an account buys and another of its companies never bought.

    The account as a whole does buy them, so they are no rows of cross_selling. Members count when they bought in the
    last 12 months. Expected revenue = share of the members that ever bought the item × the chance of a first purchase
    × the median share buyers spend on it × the member's yearly purchases, low and high by the quartiles (conventions).
    `members`: customer_id, name. Returns account_id, item, name, buyer (the member that buys most of it), lacking
    (names), n_lacking, expected_revenue, expected_low, expected_high; most promising first within an account.
    """
    last = history.purchases[history.purchases["date"] >= history.first_day(YEAR)]
    size = last.groupby(["account_id", "customer_id"])["revenue"].sum().reset_index(name="size")
    size = size[size.groupby("account_id")["customer_id"].transform("size") > 1]
    lacking = _never_bought(history, last, size)
    if lacking.empty:
        return pd.DataFrame(columns=COLUMNS)
    spend = spending_shares(history)
    for column, quarter in QUARTERS.items():
        share = lacking["item"].map(spend[quarter]).fillna(0.0)
        lacking[column] = lacking["bought_by"] * rules.first_purchase.value * share * lacking["size"]
    name_of = members.set_index("customer_id")["name"].astype("object")
    lacking["member"] = lacking["customer_id"].map(name_of).fillna(lacking["customer_id"]).astype(str)
    lacking = lacking.sort_values(["expected_revenue", "customer_id"], ascending=[False, True])
    by_item = lacking.groupby(["account_id", "item"])
    spots = by_item[list(QUARTERS)].sum().assign(n_lacking=by_item.size())
    named = [tuple(str(member) for member in group) for _, group in by_item["member"]]
    spots["lacking"] = pd.Series(named, index=spots.index, dtype=object)
    spots = spots.reset_index().merge(_largest_buyer(last), on=["account_id", "item"])
    spots["buyer"] = spots["customer_id"].map(name_of).fillna(spots["customer_id"]).astype(str)
    names = items.drop_duplicates("item").set_index("item")["name"].astype("object")
    spots["name"] = spots["item"].map(names).fillna(spots["item"]).astype(str)
    order = ["account_id", "expected_revenue", "item"]
    return spots.sort_values(order, ascending=[True, False, True], ignore_index=True)[COLUMNS]


def _never_bought(history: History, last: pd.DataFrame, size: pd.DataFrame) -> pd.DataFrame:
    """account_id, customer_id, size, item, bought_by (share of the members): what an active member never bought and a
    sister bought within the year."""
    now = last.loc[last["customer_id"].isin(size["customer_id"]), ["account_id", "item"]].drop_duplicates()
    ever = history.purchases[["account_id", "customer_id", "item"]].drop_duplicates().assign(ever=True)
    pairs = size.merge(now, on="account_id").merge(ever, on=["account_id", "customer_id", "item"], how="left")
    bought = pairs["ever"].notna()
    pairs["bought_by"] = bought.groupby([pairs["account_id"], pairs["item"]]).transform("mean")
    return pairs[~bought].drop(columns="ever")


def _largest_buyer(last: pd.DataFrame) -> pd.DataFrame:
    """account_id, item, customer_id: the member that buys most of an item."""
    sums = last.groupby(["account_id", "item", "customer_id"])["revenue"].sum().reset_index()
    order = sums.sort_values(["revenue", "customer_id"], ascending=[False, True])
    return order.drop_duplicates(["account_id", "item"])[["account_id", "item", "customer_id"]]
