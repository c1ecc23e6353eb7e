"""White spots: what an account never bought and is likely to buy, what it is worth, what speaks for it and what against
(domain §2.2).

Items are ranked by item weights on recent purchases where a test on an earlier window shows that this beats popularity, else
by what comparable accounts buy (`ranking`). Inside a group of companies a category that one member buys and another never did
is told apart (`sites`): the account as a whole does buy it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kamkit.analysis.options.baskets import Baskets, never_bought
from kamkit.analysis.options.history import History
from kamkit.analysis.options.peers import find_peers
from kamkit.analysis.options.potential import expected_revenue
from kamkit.analysis.options.ranking import Method, as_proposals, baskets_of, choose_method, chosen_accounts
from kamkit.analysis.options.reasons import because, explained, with_counter_evidence
from kamkit.model.codes import Gate, Severity
from kamkit.model.option_rules import CrossSellingRules, RiskLevel
from kamkit.model.results import Finding

COLUMNS = [
    "account_id",
    "category",
    "rank",
    "score",
    "expected_revenue",
    "expected_margin",
    "gate",
    "peers_buying",
    "peers",
    "evidence",
    "values",
    "expected_low",
    "expected_high",
    "penetration",
    "confidence",
    "usual_revenue",
    "counter",
]


def rank_cross_selling(
    history: History,
    risk: pd.DataFrame,
    key_account_ids: pd.Index,
    items: pd.DataFrame,
    rules: CrossSellingRules,
    is_testable: bool = True,
) -> tuple[pd.DataFrame, Method, tuple[Finding, ...]]:
    """Up to ten items per account, by likelihood of a first purchase, for key accounts and for all with at least three
    invoices of positive amount; the method with its test; and what was done, for the report.

    `risk`: account_id, level. `items`: item, name. Expected revenue, with low and high, is what the next twelve months may
    bring as first purchases brought it in the past (`potential`), usual_revenue what a buyer of that size spends in a year. The
    gate is closed where risk is red or the account loses money, and not_assessable below the least numbers of accounts
    and items; gates order the report's list and never remove rows. `counter`: code of what speaks against it most. Where
    items were re-organised (not `is_testable`) first purchases are none, so comparable accounts decide, untested.
    """
    if history.purchases.empty:
        return pd.DataFrame(columns=COLUMNS), Method("none", "no_items"), (_told("cross_none", 0),)
    method = choose_method(history, rules) if is_testable else Method("peers", "reorganised")
    baskets = baskets_of(history, rules, method.half_lives)
    subset = baskets.rows(chosen_accounts(history).union(key_account_ids.astype(object)).sort_values())
    peers = find_peers(history, baskets, subset.accounts, rules)
    score, weights = method.scorer(baskets, peers, rules)
    places, scores = never_bought(subset, score)
    table, account, item = as_proposals(places, baskets, subset.accounts, peers)
    table["score"] = scores[account, table["rank"] - 1].astype(float)
    table = table.join(expected_revenue(table, history, method.conversion, method.fading, rules))
    table["expected_margin"] = table["expected_revenue"] * table["item"].map(_margin_rates(history)).astype(float)
    table["gate"] = _gates(table["account_id"], history, risk, baskets, rules)
    table = with_counter_evidence(table, history, risk, rules)
    cause = because(subset, baskets, places, weights)[account, table["rank"] - 1]
    table = explained(table, cause, item, baskets, items, rules)
    told = [_told(f"cross_{method.name}_{method.reason}", len(table), n=len(subset.accounts)), *_tested(method)]
    n_items = history.purchases["item"].nunique()
    if n_items > len(baskets.items):
        told.append(_told("cross_items_capped", n_items, n=len(baskets.items), total=n_items))
    return table.rename(columns={"item": "category"})[COLUMNS], method, tuple(told)


def _tested(method: Method) -> Iterator[Finding]:
    """How the method was chosen, and what its proposals were expected to bring and brought."""
    if method.chosen_on is not None and method.is_by_weights:
        first, last = method.chosen_on
        yield _told("cross_chosen_fresh" if method.is_fresh else "cross_chosen", 0, first=first, last=last)
    tested = method.tested
    if tested is None:
        yield _told("cross_potential_untested", 0)
    else:
        sums = {"expected": tested.expected, "brought": tested.brought}
        yield _told("cross_potential_tested", 0, n=tested.months, day=tested.cut_off, **sums)


def _margin_rates(history: History) -> pd.Series[Any]:
    """Margin ÷ revenue of each item, of purchases with a margin."""
    sums = history.purchases.dropna(subset=["margin"]).groupby("item", observed=True)[["margin", "revenue"]].sum()
    return sums["margin"] / sums["revenue"]


def _gates(
    account_ids: pd.Series[Any], history: History, risk: pd.DataFrame, baskets: Baskets, rules: CrossSellingRules
) -> NDArray[np.object_]:
    few = len(baskets.accounts) < rules.fewest_accounts.value or len(baskets.items) < rules.fewest_items.value
    red = risk.loc[risk["level"] == RiskLevel.RED, "account_id"]
    loss = history.accounts.loc[history.accounts["margin"] < 0, "account_id"]
    closed = account_ids.isin(red) | account_ids.isin(loss)
    return np.where(closed, Gate.CLOSED.value, Gate.NOT_ASSESSABLE.value if few else Gate.OPEN.value).astype(object)


def _told(code: str, rows: int, **values: Any) -> Finding:
    return Finding(code, "transactions", Severity.INFO, rows=rows, values=values)
