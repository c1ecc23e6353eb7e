"""The rows behind what is said about one account where its own lines do not say it: comparable accounts, sister companies,
contacts, talks, and what happened after a shock. They come from the functions that the figures come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.options.buffer import shocked_rows
from kamkit.analysis.options.dependence import dependence_base
from kamkit.analysis.options.growth import own_range
from kamkit.analysis.options.history import History, history_until
from kamkit.analysis.options.peers import comparable
from kamkit.analysis.options.potential import usual_buyers
from kamkit.analysis.options.ranking import baskets_of, chosen_accounts
from kamkit.analysis.options.relationship import contact_rows
from kamkit.analysis.options.whitespace import without_partner_items
from kamkit.analysis.patterns import spread_bookings
from kamkit.model.engagement import OptionSettings
from kamkit.model.option_rules import OptionRules
from kamkit.model.results import AccountFacts, StrategyOptions

BY_PRODUCT = frozenset({"cross_deeper", "cross_products"})
"""Claims that are about a product; others that compare accounts are about the items of the history."""
SISTERS = "cross_sister"

TABLES: Mapping[str, tuple[str, ...]] = {
    "peer": (
        *("account_id", "name", "is_peer", "buys", "buys_because", "revenue_ever", "revenue", "purchases", "share"),
        "usual_share",
    ),
    "range": ("account_id", "name", "is_itself", "n_products"),
    "site": ("name", "item_name", "lacks", "revenue", "expected", "low", "high"),
    "weight": ("account_id", "name", "is_itself", "amount"),
    "contact": ("contact_id", "function", "level", "power", "counts", "decides"),
    "visit": ("date", "type", "own_role", "contact_id", "topic", "counts"),
    "shock": ("account_id", "name", "is_itself", "is_matched", "before", "after", "share"),
    "complaint": ("date", "severity", "topic", "solved_on", "counts"),
}
"""The tables of `Support` and their columns, in the order in which they are shown."""
DAYS = ("date", "solved_on")
ANSWERS = ("is_peer", "is_itself", "is_matched", "buys", "buys_because", "lacks", "counts", "decides")


@dataclass(frozen=True)
class Support:
    """What stands behind the figures about an account; a table is left out where nothing is said from it.

    `tables`, money in the engagement's currency, columns in ANSWERS boolean:
    peer: every account that ever bought (the account itself last): whether it is comparable, whether it ever bought the item
    of the white spot and what that follows from (missing without one), its revenue with the item ever and in the last 12
    months, all its purchases of these, the share, and that share once more where it counts for what is usual.
    range: the accounts that are compared by the number of products bought in 12 months, with that number.
    site: companies or delivery sites of the account with the item of the white spot and what a first purchase would bring.
    weight: every account with margin (where it is known well enough, else revenue) above zero in the period.
    contact: people of the account; counts: met within 12 months, or on record where nobody knows who was met.
    visit: talks and visits of the last 12 months; counts: with a role of our own.
    shock: the account and the accounts without a shock in that month (is_matched: of its size), volume before and after,
    after ÷ before, at most 2. complaint: the account's complaints; counts: in the month of the shock.
    `common`: what the peers have in common (all | size | industry | both); `yearly`: the account's revenue of 12 months.
    """

    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    common: str = ""
    yearly: float = 0.0


def support_of(
    account_id: str,
    facts: AccountFacts,
    options: StrategyOptions,
    key_account_ids: pd.Index,
    settings: OptionSettings,
    rules: OptionRules,
) -> Support:
    """The rows behind what `options` says about an account; `key_account_ids` as in assess_options."""
    advice = options.recommendations
    told = advice.loc[advice["account_id"] == account_id, "values"].iloc[0]
    history = history_until(facts)
    sold = without_partner_items(history, facts.items, settings.partner_categories)
    names = facts.accounts.set_index("account_id")["name"]
    found: dict[str, pd.DataFrame] = {}
    common = ""
    if told.get("growth_evidence") == SISTERS:
        found["site"] = _sites(options.sites, account_id, str(told["category"]))
    elif told.get("category") is not None:
        by_product = told["growth_evidence"] in BY_PRODUCT and sold.item_kind != "product"
        some = replace(sold, purchases=sold.product_purchases, item_kind="product") if by_product else sold
        keys = pd.Index([account_id], dtype=object) if by_product else key_account_ids
        found["peer"], common = _peers(some, account_id, told, keys, facts.items, rules)
        if told["growth_evidence"] == "cross_deeper":
            found["range"] = own_range(sold, account_id, rules.cross_selling)
    found["weight"] = _weights(history, account_id)
    found["contact"], found["visit"] = contact_rows(history, account_id)
    if told.get("shock_month") is not None:
        found |= shocked_rows(history_until(spread_bookings(facts)), rules, account_id, told["shock_month"])
    tables = {name: _shown(name, table, names) for name, table in found.items() if len(table)}
    yearly = float(history.yearly_revenue.get(account_id, 0.0))
    return Support({name: tables[name] for name in TABLES if name in tables}, common, yearly)


def _shown(name: str, table: pd.DataFrame, names: pd.Series[Any]) -> pd.DataFrame:
    """A table with its columns in order, accounts by their names, and days and answers typed as such."""
    if "account_id" in TABLES[name]:
        table = table.assign(name=table["account_id"].map(names))
    shown = table.reindex(columns=TABLES[name]).reset_index(drop=True)
    days = {column: pd.to_datetime(shown[column]) for column in DAYS if column in shown}
    answers = {column: shown[column].astype("boolean") for column in ANSWERS if column in shown}
    return shown.assign(**days, **answers)


def _peers(
    history: History,
    account_id: str,
    told: Mapping[str, Any],
    key_account_ids: pd.Index,
    items: pd.DataFrame,
    rules: OptionRules,
) -> tuple[pd.DataFrame, str]:
    """The table `peer`, and what comparable accounts have in common; empty where the item is none of the compared."""
    baskets = baskets_of(history, rules.cross_selling)
    names = items.drop_duplicates("item").set_index("item")["name"].astype("object")
    called = pd.Series(names.reindex(baskets.items).to_numpy(object), index=baskets.items)
    called = called.fillna(pd.Series(baskets.items, index=baskets.items)).astype(str)
    item, because = (called.index[called == str(told.get(name))] for name in ("category", "because"))
    if len(item) != 1:
        return pd.DataFrame(), ""
    ids = chosen_accounts(history).union(key_account_ids.astype(object))
    is_peer, common = comparable(history, baskets, ids, account_id, rules.cross_selling)
    bought = history.purchases[history.purchases["item"] == item[0]]
    ever = bought.groupby("account_id")["revenue"].sum()
    table = usual_buyers(history, item[0], account_id).reindex(baskets.accounts)
    table = table.assign(
        is_peer=is_peer,
        revenue_ever=ever.reindex(table.index).fillna(0.0),
        buys=_bought(baskets.ever, baskets.items.get_loc(item[0])),
        buys_because=_bought(baskets.ever, baskets.items.get_loc(because[0])) if len(because) == 1 else None,
    )
    table = table.rename_axis("account_id").reset_index()
    table["place"] = np.select([table["is_peer"], table["account_id"] != account_id], [0, 1], 2)
    order = ["place", "revenue", "revenue_ever", "account_id"]
    return table.sort_values(order, ascending=[True, False, False, True]), common


def _bought(ever: Any, place: Any) -> Any:
    return ever[:, [int(place)]].toarray().ravel() > 0


def _weights(history: History, account_id: str) -> pd.DataFrame:
    base = dependence_base(history)
    table = base[base > 0].rename("amount").rename_axis("account_id").reset_index()
    table = table.assign(is_itself=table["account_id"] == account_id)
    return table.sort_values(["is_itself", "amount", "account_id"], ascending=[False, False, True])


def _sites(sites: pd.DataFrame, account_id: str, item_name: str) -> pd.DataFrame:
    if sites.empty:
        return sites
    own = sites[(sites["account_id"] == account_id) & (sites["item_name"] == item_name)]
    renamed = {"expected_revenue": "expected", "expected_low": "low", "expected_high": "high"}
    return own.assign(lacks=own["status"] == "never").rename(columns=renamed).drop(columns="account_id")
