"""Site × category inside a group of companies: one site buys what a sister never bought or no longer buys (domain §2.2:
the best whitespace is often found there)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kamkit.analysis.options.history import History
from kamkit.analysis.options.potential import QUARTERS, YEAR, spending_shares
from kamkit.model.option_rules import CrossSellingRules

COLUMNS = [
    "account_id",
    "customer_id",
    "site",
    "name",
    "item",
    "item_name",
    "status",
    "revenue",
    "last_bought",
    "buyer",
    "buyer_revenue",
    "expected_revenue",
    "expected_low",
    "expected_high",
]
SPOT_COLUMNS = [
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
SITE = ["account_id", "customer_id", "site"]


def site_matrix(
    history: History, sites: pd.DataFrame, members: pd.DataFrame, items: pd.DataFrame, rules: CrossSellingRules
) -> pd.DataFrame:
    """What each site of an account buys of all that its sites bought in the last 12 months.

    A site is a delivery site where the lines name one, else a company of the group; it counts when it bought in the
    last 12 months, and the account when it has two such sites. `sites`: account_id, customer_id, site, item, revenue
    (last 12 months), last_bought, as in AccountFacts; where it is empty the members' purchases stand for it.
    `members`: customer_id, name.

    Returns account_id, customer_id, site (missing where members stand for sites), name (of the site), item, item_name,
    status (bought | lapsed: bought, but not in the last 12 months | never), revenue (last 12 months, 0 unless bought),
    last_bought, and where it is not bought: buyer (name of the site that buys most of it) with buyer_revenue, and what a
    first purchase is expected to bring: share of the sites that ever bought it × the chance of a first purchase × the
    median share that buyers spend on it × the site's yearly purchases, low and high by the quartiles (conventions);
    missing where it lapsed. By account, then the most promising item first.
    """
    bought = sites if len(sites) else _of_members(history)
    size = bought.groupby(SITE, dropna=False)["revenue"].sum().reset_index(name="size")
    size = size[size["size"] > 0]
    size = size[size.groupby("account_id")["customer_id"].transform("size") > 1]
    now = bought[(bought["revenue"] > 0) & bought["account_id"].isin(size["account_id"])]
    pairs = size.merge(now[["account_id", "item"]].drop_duplicates(), on="account_id")
    table = pairs.merge(bought, on=[*SITE, "item"], how="left")
    if table.empty:
        return pd.DataFrame(columns=COLUMNS)
    ever = table["last_bought"].notna()
    table["revenue"] = table["revenue"].astype(float).fillna(0.0)
    table["status"] = np.select([table["revenue"] > 0, ever], ["bought", "lapsed"], "never")
    name_of = members.drop_duplicates("customer_id").set_index("customer_id")["name"].astype("object")
    company = table["customer_id"].map(name_of).astype("object").fillna(table["customer_id"]).astype(str)
    table["name"] = company.where(table["site"].isna(), company + " · " + table["site"].astype(str))
    item_names = items.drop_duplicates("item").set_index("item")["name"].astype("object")
    table["item_name"] = table["item"].map(item_names).fillna(table["item"]).astype(str)
    largest = table.sort_values(["revenue", "customer_id", "site"], ascending=[False, True, True])
    largest = largest.drop_duplicates(["account_id", "item"])[["account_id", "item", "name", "revenue"]]
    renamed = largest.rename(columns={"name": "buyer", "revenue": "buyer_revenue"})
    table = table.merge(renamed, on=["account_id", "item"])
    lacking = table["status"] != "bought"
    table["buyer"] = table["buyer"].where(lacking)
    table["buyer_revenue"] = table["buyer_revenue"].where(lacking)
    bought_by = ever.groupby([table["account_id"], table["item"]]).transform("mean")
    chance = (bought_by * rules.first_purchase.value).where(table["status"] == "never")
    spend = spending_shares(history)
    for column, quarter in QUARTERS.items():
        share = table["item"].map(spend[quarter]).astype(float).fillna(0.0)
        table[column] = chance * share * table["size"]
    promising = table.groupby(["account_id", "item"])["expected_revenue"].transform("sum")
    order = ["account_id", "promising", "item", "revenue", "customer_id", "site"]
    return table.assign(promising=promising).sort_values(
        order, ascending=[True, False, True, False, True, True], ignore_index=True
    )[COLUMNS]


def sister_white_spots(sites: pd.DataFrame) -> pd.DataFrame:
    """Items of `site_matrix` that one site of an account buys and another never bought; the account as a whole does buy
    them, so they are no rows of cross_selling.

    Returns account_id, item, name, buyer, lacking (names of the sites), n_lacking, expected_revenue, expected_low,
    expected_high (sums over the sites that lack it); most promising first within an account.
    """
    lacking = sites[sites["status"] == "never"].sort_values(
        ["expected_revenue", "customer_id"], ascending=[False, True]
    )
    if lacking.empty:
        return pd.DataFrame(columns=SPOT_COLUMNS)
    by_item = lacking.groupby(["account_id", "item"])
    spots = by_item[list(QUARTERS)].sum().assign(n_lacking=by_item.size())
    spots["name"], spots["buyer"] = by_item["item_name"].first(), by_item["buyer"].first()
    named = [tuple(str(site) for site in group) for _, group in by_item["name"]]
    spots["lacking"] = pd.Series(named, index=spots.index, dtype=object)
    order = ["account_id", "expected_revenue", "item"]
    return spots.reset_index().sort_values(order, ascending=[True, False, True], ignore_index=True)[SPOT_COLUMNS]


def _of_members(history: History) -> pd.DataFrame:
    """The purchases of each company of an account, as `sites`."""
    bought = history.purchases.assign(site=pd.Series(pd.NA, index=history.purchases.index, dtype="string"))
    last = bought["date"] >= history.first_day(YEAR)
    bought = bought.assign(revenue=bought["revenue"].where(last, 0.0))
    sums = bought.groupby([*SITE, "item"], dropna=False, observed=True)
    return sums.agg(revenue=("revenue", "sum"), last_bought=("date", "max")).reset_index()
