"""Whether there is something worth selling to an account, and what: white spots boiled down to one claim per account."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.options.cross_selling import rank_cross_selling
from kamkit.analysis.options.history import History
from kamkit.analysis.options.peers import LEVELS, peer_groups
from kamkit.analysis.options.ranking import FEWEST_INVOICES
from kamkit.model.codes import Gate
from kamkit.model.option_rules import CrossSellingRules

COLUMNS = [
    "growth",
    "evidence",
    "item",
    "category",
    "n",
    "peers",
    "because",
    "lift",
    "both",
    "usual",
    "penetration",
    "expected",
    "low",
    "high",
    "own",
    "typical",
    "buyer",
    "potential_share",
    "open_items",
]
TEXTS = ("growth", "evidence", "item", "category", "because", "buyer")


def find_growth(
    history: History,
    cross: pd.DataFrame,
    sisters: pd.DataFrame,
    risk: pd.DataFrame,
    key_account_ids: pd.Index,
    account_ids: pd.Index,
    items: pd.DataFrame,
    rules: CrossSellingRules,
) -> pd.DataFrame:
    """Per account_id of `account_ids`: growth (worthwhile | small | none | closed | not_assessable) and what it rests on.

    A category is worthwhile when two of five comparable accounts buy it and so do two of five of those who buy what the
    account buys, it would not lose money, and what a buyer of that size spends on it is a share of the account's revenue; the one with the
    most margin to expect is claimed. Where nothing of this kind is left, what one company of the group buys and a sister never bought is worthwhile, and else, where products
    are known, the products never bought speak if the account buys fewer of them than the middle of its peers. Where products take the
    place of categories, the ten together must promise a share of the account's revenue (thresholds: rules).
    `expected` with `low` and `high` is the yearly revenue to be expected, `own` and `typical` numbers of products.
    """
    table = pd.DataFrame(index=account_ids, columns=COLUMNS).astype({c: float for c in COLUMNS if c not in TEXTS})
    table["growth"] = _without_claim(history, cross, account_ids, key_account_ids)
    if cross.empty:
        return table
    by_category = history.item_kind == "category"
    claims = _category_claims(cross, history, rules) if by_category else _product_claims(cross, history, rules)
    _enter(table, claims)
    _enter(table, _sister_claims(sisters, _undecided(table)))
    if by_category and len(history.product_purchases):
        open_ids = _undecided(table).intersection(key_account_ids)
        _enter(table, _deeper_claims(history, risk, open_ids, items, rules))
    top = cross[cross["rank"] == 1].set_index("account_id")
    table["penetration"] = table["penetration"].fillna(top["penetration"].reindex(table.index))
    n_items = history.purchases["item"].nunique()
    table["open_items"] = 1 - history.purchases.groupby("account_id")["item"].nunique().reindex(table.index) / n_items
    total = cross.groupby("account_id")["expected_revenue"].sum().reindex(table.index)
    revenue = history.yearly_revenue.reindex(table.index)
    table["potential_share"] = total / revenue.where(revenue > 0)
    return table


def _undecided(table: pd.DataFrame) -> pd.Index:
    return table.index[table["growth"].isin(["none", "small"])]


def _sister_claims(sisters: pd.DataFrame, account_ids: pd.Index) -> pd.DataFrame:
    """The most promising item of each group that a sister company buys."""
    best = sisters[sisters["account_id"].isin(account_ids) & (sisters["expected_revenue"] > 0)]
    best = best.drop_duplicates("account_id").set_index("account_id")
    return pd.DataFrame(
        {
            "growth": "worthwhile",
            "evidence": "cross_sister",
            "item": best["item"],
            "category": best["name"],
            "n": best["n_lacking"],
            "buyer": best["buyer"],
            "expected": best["expected_revenue"],
            "low": best["expected_low"],
            "high": best["expected_high"],
        },
        index=best.index,
    )


def _without_claim(
    history: History, cross: pd.DataFrame, account_ids: pd.Index, key_account_ids: pd.Index
) -> pd.Series[Any]:
    """What is said where nothing is claimed: none where all was bought, small where the rest does not convince, closed
    by the gate, not_assessable where nobody could look."""
    invoices = history.orders["account_id"].value_counts().reindex(account_ids).fillna(0)
    looked = (invoices >= FEWEST_INVOICES) | account_ids.isin(key_account_ids)
    known = account_ids.isin(history.purchases["account_id"])
    found = pd.Series(np.where(looked & known, "none", "not_assessable"), index=account_ids, dtype="str")
    if cross.empty:
        return pd.Series("not_assessable", index=account_ids, dtype="str")
    gate = cross.groupby("account_id")["gate"].first().reindex(account_ids)
    found = found.mask(gate == Gate.OPEN, "small")
    return found.mask(gate == Gate.CLOSED, "closed").mask(gate == Gate.NOT_ASSESSABLE, "not_assessable")


def _category_claims(cross: pd.DataFrame, history: History, rules: CrossSellingRules) -> pd.DataFrame:
    """The category with the best expected margin that convinces, and that would be worth it if the account bought it as
    buyers of its size do."""
    least = rules.penetration.value
    revenue = cross["account_id"].map(history.yearly_revenue).astype(float)
    convincing = (cross["gate"] == Gate.OPEN) & (cross["expected_revenue"] > 0)
    convincing &= (cross["penetration"] >= least) & (cross["confidence"] >= least)
    convincing &= ~(cross["expected_margin"].astype(float) <= 0)
    convincing &= cross["usual_revenue"].astype(float) >= rules.worthwhile.value * revenue
    order = ["account_id", "expected_margin", "expected_revenue", "category"]
    best = cross[convincing].sort_values(order, ascending=[True, False, False, True])
    return _claims(best.drop_duplicates("account_id"), best["evidence"])


def _product_claims(cross: pd.DataFrame, history: History, rules: CrossSellingRules) -> pd.DataFrame:
    open_rows = cross[cross["gate"] == Gate.OPEN]
    total = open_rows.groupby("account_id")[["expected_revenue", "expected_low", "expected_high"]].sum()
    share = total["expected_revenue"] / history.yearly_revenue.reindex(total.index).replace(0.0, np.nan)
    worth = total[share >= rules.worthwhile.value]
    best = open_rows[open_rows["account_id"].isin(worth.index)].sort_values(["account_id", "rank"])
    claims = _claims(best.drop_duplicates("account_id"), pd.Series("cross_products", index=best.index))
    return claims.assign(expected=worth["expected_revenue"], low=worth["expected_low"], high=worth["expected_high"])


def _deeper_claims(
    history: History, risk: pd.DataFrame, account_ids: pd.Index, items: pd.DataFrame, rules: CrossSellingRules
) -> pd.DataFrame:
    """Claims about products, for accounts that buy fewer of them than the middle of their peers.

    This is another ranking than the one find_growth was given: that one is of categories, this one of products, with a
    method of its own that is chosen and tested on first purchases of products.
    """
    by_product, own, groups = _ranges(history, rules)
    medians = pd.concat([own.groupby(groups[level]).median() for level in LEVELS])
    typical = groups["group"].map(medians)
    narrow = own.index[own < typical].intersection(account_ids)
    if narrow.empty:
        return pd.DataFrame(columns=COLUMNS)
    cross, _, _ = rank_cross_selling(by_product, risk, narrow, items, rules)
    rows = cross[cross["account_id"].isin(narrow) & (cross["gate"] == Gate.OPEN) & (cross["expected_revenue"] > 0)]
    best = rows.sort_values(["account_id", "rank"]).drop_duplicates("account_id")
    claims = _claims(best, pd.Series("cross_deeper", index=best.index)).assign(own=own, typical=typical)
    of_item = items.drop_duplicates("item").set_index("item")["category"].astype("object")
    return claims.assign(because=claims["item"].map(of_item))


def own_range(history: History, account_id: str, rules: CrossSellingRules) -> pd.DataFrame:
    """The accounts whose numbers of products an account's is compared with, itself among them: account_id, is_itself,
    n_products (bought within 12 months), most first. `typical` is their median."""
    _, own, groups = _ranges(history, rules)
    if account_id not in own.index:
        return pd.DataFrame(columns=["account_id", "is_itself", "n_products"])
    alike = groups[list(LEVELS)].isin([str(groups.at[account_id, "group"])]).any(axis=1)
    table = own[alike.reindex(own.index)].rename("n_products").rename_axis("account_id").reset_index()
    table = table.assign(is_itself=table["account_id"] == account_id)
    return table.sort_values(["n_products", "account_id"], ascending=[False, True])


def _ranges(history: History, rules: CrossSellingRules) -> tuple[History, pd.Series[Any], pd.DataFrame]:
    """The history by product, how many an account bought within 12 months, and who is comparable."""
    by_product = replace(history, purchases=history.product_purchases, item_kind="product")
    last = by_product.purchases[by_product.purchases["date"] >= history.first_day(12)]
    own = last.groupby("account_id")["item"].nunique()
    return by_product, own, peer_groups(by_product, own.index, rules)


def _claims(rows: pd.DataFrame, evidence: pd.Series[Any]) -> pd.DataFrame:
    """One claim per row, by account_id."""
    told = pd.DataFrame(list(rows["values"]), index=rows["account_id"]).reindex(
        columns=["category", "n", "peers", "because", "lift", "both", "usual"]
    )
    money = rows.set_index("account_id")[["penetration", "expected_revenue", "expected_low", "expected_high"]]
    money.columns = pd.Index(["penetration", "expected", "low", "high"])
    return told.join(money).assign(
        growth="worthwhile", item=rows["category"].to_numpy(), evidence=evidence.reindex(rows.index).to_numpy()
    )


def _enter(table: pd.DataFrame, claims: pd.DataFrame) -> None:
    inside = claims.index.intersection(table.index)
    for column in claims.columns:
        if column in table:
            values = claims.loc[inside, column]
            table.loc[inside, column] = values.astype(object if column in TEXTS else float)
