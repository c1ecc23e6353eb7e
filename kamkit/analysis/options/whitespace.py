"""The whitespace matrix: what each account buys, no longer buys, never bought, and what partners would supply."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.options.history import History
from kamkit.analysis.options.peers import find_peers, penetration
from kamkit.analysis.options.potential import YEAR
from kamkit.analysis.options.ranking import baskets_of
from kamkit.model.option_rules import CrossSellingRules

COLUMNS = [
    "account_id",
    "kind",
    "item",
    "name",
    "status",
    "revenue",
    "last_bought",
    "revenue_then",
    "peers_buying",
    "peers",
    "penetration",
    "expected_revenue",
    "expected_margin",
    "evidence",
    "values",
]
ORDER = ("bought", "lapsed", "never", "partner", "not_relevant")


def without_partner_items(history: History, items: pd.DataFrame, partner_categories: Collection[str]) -> History:
    """The history without what partners supply: it is no item to be scored. `partner_categories`: codes or names of
    categories; `items`: item, name, category."""
    partners = {*partner_categories}
    theirs = items[items["item"].isin(partners) | items["name"].isin(partners) | items["category"].isin(partners)]
    if theirs.empty:
        return history
    bought, products = history.purchases, history.product_purchases
    return replace(
        history,
        purchases=bought[~bought["item"].isin(theirs["item"])],
        product_purchases=products[~products["item"].isin(theirs["item"])],
    )


def whitespace_matrix(
    history: History,
    cross: pd.DataFrame,
    key_account_ids: pd.Index,
    items: pd.DataFrame,
    partner_categories: Collection[str],
    rules: CrossSellingRules,
) -> pd.DataFrame:
    """What stands between each key account and the range: a row per account and item, by account and status.

    `history` holds what is not a partner's (`without_partner_items`); `cross`: the rows of cross_selling; `items`: item,
    name. Status:
    bought (in the last 12 months) · lapsed (bought before, but not in the last `lapsed_months`; between the two it still
    counts as bought, with no revenue) · never (in all history) · partner (a category that partners supply: the key
    account manager judges, nothing is scored) · not_relevant (never bought, and fewer of at least ten comparable
    accounts than the share `relevant` buy it; convention). Of products only those are listed that the account bought (beside
    categories: gave up), those that the share `penetration` of at least ten comparable accounts buys, and those of cross.

    Returns account_id, kind (category | product), item, name, status, revenue (last 12 months; missing for partners),
    last_bought, revenue_then (of the 12 months up to the last purchase, where it lapsed), peers_buying, peers, penetration,
    expected_revenue and expected_margin (where a never bought item is among the account's ten of cross_selling), evidence
    (code), values.
    """
    if history.item_kind is None or history.purchases.empty:
        table = pd.DataFrame(columns=COLUMNS)
    else:
        table = _matrix(history, cross, key_account_ids, rules)
        if history.item_kind == "category" and len(history.product_purchases):
            products = replace(history, purchases=history.product_purchases, item_kind="product")
            found = _matrix(products, cross, key_account_ids, rules)
            table = pd.concat([table, found[found["status"] != "bought"]], ignore_index=True)
    table = pd.concat([table, _partner_rows(key_account_ids, partner_categories)], ignore_index=True)
    table = table.reindex(columns=COLUMNS).drop(columns=["expected_revenue", "expected_margin"])
    expected = cross[["account_id", "category", "expected_revenue", "expected_margin"]]
    table = table.merge(expected.rename(columns={"category": "item"}), on=["account_id", "item"], how="left")
    table.loc[table["status"] != "never", ["expected_revenue", "expected_margin"]] = np.nan
    names = items.drop_duplicates("item").set_index("item")["name"].astype("object")
    table["name"] = table["item"].map(names).astype("object").fillna(table["item"]).astype(str)
    place = table["status"].map({status: i for i, status in enumerate(ORDER)})
    worth = table["expected_revenue"].astype(float).fillna(-1.0)
    table = table.assign(place=place, worth=worth).sort_values(
        ["account_id", "kind", "place", "worth", "revenue", "penetration", "item"],
        ascending=[True, True, True, False, False, False, True],
        ignore_index=True,
    )
    return _told(table)[COLUMNS]


def _matrix(history: History, cross: pd.DataFrame, account_ids: pd.Index, rules: CrossSellingRules) -> pd.DataFrame:
    own = history.purchases[history.purchases["account_id"].isin(account_ids)]
    last = own.groupby(["account_id", "item"], observed=True)["date"].max().rename("last_bought")
    recent = own[own["date"] >= history.first_day(YEAR)]
    revenue = recent.groupby(["account_id", "item"], observed=True)["revenue"].sum()
    baskets, ids = baskets_of(history, rules), pd.Index(account_ids.astype(object)).sort_values()
    peers = find_peers(history, baskets, ids, rules)
    if history.item_kind == "category":
        pairs = pd.MultiIndex.from_product([ids, baskets.items], names=["account_id", "item"]).to_frame(index=False)
    else:
        wide = peers.widely_bought(ids, baskets.items, rules.penetration.value, rules.fewest_peers.value)
        proposed = cross.rename(columns={"category": "item"})[["account_id", "item"]]
        proposed = proposed[proposed["account_id"].isin(ids) & proposed["item"].isin(baskets.items)]
        pairs = pd.concat([last.reset_index()[["account_id", "item"]], wide, proposed]).astype(object).drop_duplicates()
    table = penetration(peers, baskets, pairs.reset_index(drop=True)).assign(kind=history.item_kind)
    key = pd.MultiIndex.from_frame(table[["account_id", "item"]])
    table["last_bought"] = last.reindex(key).to_numpy()
    table["revenue"] = revenue.reindex(key).fillna(0.0).to_numpy()
    ever = table["last_bought"].notna()
    lapsed = ever & (table["last_bought"] < history.first_day(int(rules.lapsed_months.value)))
    rare = (table["penetration"] < rules.relevant.value) & (table["peers"] >= rules.fewest_peers.value)
    rare &= history.item_kind == "category"
    table["status"] = np.select([lapsed, ever, rare], ["lapsed", "bought", "not_relevant"], "never")
    then = own.merge(table.loc[lapsed, ["account_id", "item", "last_bought"]], on=["account_id", "item"])
    then = then[then["date"] > then["last_bought"] - pd.DateOffset(months=YEAR)]
    before = then.groupby(["account_id", "item"], observed=True)["revenue"].sum()
    table["revenue_then"] = before.reindex(key).to_numpy(dtype=float)
    return table


def _partner_rows(account_ids: pd.Index, partner_categories: Collection[str]) -> pd.DataFrame:
    pairs = pd.MultiIndex.from_product([account_ids, sorted({*partner_categories})], names=["account_id", "item"])
    return pairs.to_frame(index=False).assign(kind="category", status="partner")


def _told(table: pd.DataFrame) -> pd.DataFrame:
    """evidence and values: the code of the sentence about a row and what it names; nothing is said of what is bought."""
    values: list[dict[str, Any]] = [
        {
            "category": name,
            "month": None if pd.isna(last) else last,
            "then": None if pd.isna(then) else float(then),
            "n": 0 if pd.isna(n) else int(n),
            "peers": 0 if pd.isna(peers) else int(peers),
        }
        for name, last, then, n, peers in zip(
            table["name"],
            table["last_bought"],
            table["revenue_then"],
            table["peers_buying"],
            table["peers"],
            strict=True,
        )
    ]
    code = "spot_" + table["status"].astype("object")
    return table.assign(
        evidence=code.where(table["status"] != "bought", None),
        values=pd.Series(values, index=table.index, dtype=object),
    )
