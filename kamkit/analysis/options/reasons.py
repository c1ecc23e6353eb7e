"""Why an item is proposed to an account, and what speaks against it: both sides of a white spot."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import gammaln

from kamkit.analysis.options.baskets import Baskets, Numbers
from kamkit.analysis.options.history import History
from kamkit.model.option_rules import CrossSellingRules, RiskLevel

FEWEST_TOGETHER = 5
LEAST_LIFT = 1.05


def because(subset: Baskets, baskets: Baskets, places: NDArray[np.int64], weights: Numbers | None) -> NDArray[np.int64]:
    """The bought item that speaks most for each proposed one (−1: none), the shape of `places`: the largest part of its
    score, or, without item weights, the item most often bought together beyond chance."""
    found = np.full(places.shape, -1, dtype=np.int64)
    popular = np.maximum(baskets.popularity(), 1)
    together = None if weights is not None else (baskets.ever.T @ baskets.ever).toarray()
    for i in range(len(places)):
        row = subset.recent.indices[subset.recent.indptr[i] : subset.recent.indptr[i + 1]]
        shown = places[i][places[i] >= 0]
        if not len(row) or not len(shown):
            continue
        if weights is not None:
            bought = subset.recent.data[subset.recent.indptr[i] : subset.recent.indptr[i + 1]]
            parts = bought[:, None] * weights[np.ix_(row, shown)]
        else:
            assert together is not None
            parts = together[np.ix_(row, shown)] / popular[row][:, None]
        found[i, : len(shown)] = row[parts.argmax(axis=0)]
    return found


def explained(
    table: pd.DataFrame,
    cause: NDArray[np.int64],
    item: NDArray[np.int64],
    baskets: Baskets,
    items: pd.DataFrame,
    rules: CrossSellingRules,
) -> pd.DataFrame:
    """The proposals with evidence and values (how many comparable accounts buy the item, what was bought together how often)
    and confidence, the share of those who bought the cause that bought the item as well.

    `cause` and `item`: places of the items of each row. A rule is claimed from five accounts that bought both, where they
    are more than chance would make them: Fisher's exact test, one-sided (Fisher 1935), over all rules shown at once with the
    rules' false discovery rate (Benjamini & Hochberg 1995).
    """
    pairs = pd.DataFrame({"cause": np.maximum(cause, 0), "item": item})
    rule = pairs.drop_duplicates()
    ever = baskets.ever.tocsc()
    together = ever[:, rule["cause"].to_numpy()].multiply(ever[:, rule["item"].to_numpy()]).sum(axis=0)
    popular, n = np.maximum(baskets.popularity().astype(float), 1.0), len(baskets.accounts)
    both = np.asarray(together, dtype=float).ravel()
    of_cause, of_item = popular[rule["cause"]], popular[rule["item"]]
    lift = both * n / (of_cause * of_item)
    tested = (both >= FEWEST_TOGETHER) & (lift > LEAST_LIFT)
    chance = np.where(tested, fisher_bound(both, of_cause, of_item, n), 1.0)
    real = discoveries(chance, rules.false_discovery.value)
    found = pairs.merge(
        rule.assign(both=both, lift=lift, real=real, of_cause=of_cause), on=["cause", "item"], how="left"
    )
    reasoned = (cause >= 0) & found["real"].to_numpy(bool)
    names = items.drop_duplicates("item").set_index("item")["name"].astype("object").reindex(baskets.items)
    labels = names.fillna(pd.Series(baskets.items, index=baskets.items)).astype(str).to_numpy(object)
    told = pd.DataFrame(
        {
            "category": labels[item],
            "n": table["peers_buying"].to_numpy(),
            "peers": table["peers"].to_numpy(),
            "because": pd.Series(labels[np.maximum(cause, 0)]).where(reasoned, None),
            "lift": found["lift"].to_numpy(),
            "both": found["both"].to_numpy(dtype=np.int64),
            "expected": table["expected_revenue"].to_numpy(),
            "low": table["expected_low"].to_numpy(),
            "high": table["expected_high"].to_numpy(),
            "usual": table["usual_revenue"].to_numpy(),
            "returned": table["returned"].to_numpy(),
        }
    )
    known = (cause >= 0) & (found["both"] >= FEWEST_TOGETHER).to_numpy()
    return table.assign(
        evidence=np.where(reasoned, "cross_because", "cross_peers"),
        confidence=(found["both"] / found["of_cause"]).where(known, 0.0).to_numpy(),
        values=pd.Series(told.astype(object).to_dict("records"), index=table.index, dtype=object),
    )


def fisher_bound(
    both: NDArray[np.float64], one: NDArray[np.float64], other: NDArray[np.float64], n: int
) -> NDArray[np.float64]:
    """An upper bound of Fisher's one-sided p for at least `both` of n accounts buying two items that `one` and `other` buy:
    the first term of the tail, and the rest as if it fell as slowly as at its beginning. Above the mean it is close.

    >>> fisher_bound(np.array([5.0]), np.array([5.0]), np.array([5.0]), 10).round(4)  # 1 of 252 draws
    array([0.004])
    """
    first = np.exp(
        _log_choose(one, both) + _log_choose(n - one, other - both) - _log_choose(np.full(len(both), float(n)), other)
    )
    falls = (one - both) * (other - both) / ((both + 1) * np.maximum(n - one - other + both + 1, 1e-9))
    return np.where(falls < 1, np.minimum(first / np.maximum(1 - falls, 1e-9), 1.0), 1.0)


def _log_choose(n: NDArray[np.float64], k: NDArray[np.float64]) -> NDArray[np.float64]:
    possible = (k >= 0) & (k <= n)
    k = np.where(possible, k, 0.0)
    found = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return np.where(possible, found, -np.inf)


def discoveries(p_values: NDArray[np.float64], rate: float) -> NDArray[np.bool_]:
    """Which of many tests hold at a false discovery rate (Benjamini & Hochberg 1995).

    >>> discoveries(np.array([0.04, 0.001, 0.9]), 0.1)
    array([ True,  True, False])
    """
    order = np.sort(p_values)
    below = order <= rate * np.arange(1, len(order) + 1) / max(len(order), 1)
    limit = order[below][-1] if below.any() else -1.0
    held: NDArray[np.bool_] = p_values <= limit
    return held


def with_counter_evidence(
    table: pd.DataFrame, history: History, risk: pd.DataFrame, rules: CrossSellingRules
) -> pd.DataFrame:
    """The proposals with `counter`, the code of what speaks against each most (None: nothing seen), and `returned`, the share
    of its last 12 months' purchases that the account gave back.

    In this order: at_risk (red), loss_making, returns, wallet_used (hardly anything is left of the wallet), few_peers, rare
    (hardly any comparable account buys it).
    """
    accounts = history.accounts.set_index("account_id")
    booked = history.revenue(12)
    returned = 1 - history.yearly_revenue.reindex(booked.index).fillna(0.0) / booked.where(booked > 0)
    wallet, revenue = accounts["wallet"].astype(float), history.yearly_revenue.reindex(accounts.index).fillna(0.0)
    ids = table["account_id"]
    table = table.assign(returned=ids.map(returned).astype(float).fillna(0.0))
    conditions = {
        "at_risk": ids.isin(risk.loc[risk["level"] == RiskLevel.RED, "account_id"]),
        "loss_making": ids.isin(accounts.index[accounts["margin"] < 0]),
        "returns": table["returned"] >= rules.returns.value,
        "wallet_used": ids.isin(accounts.index[revenue >= (1 - rules.wallet_left.value) * wallet]),
        "few_peers": table["peers"] < rules.fewest_peers.value,
        "rare": table["penetration"] < rules.relevant.value,
    }
    codes = np.select([held.to_numpy(bool) for held in conditions.values()], [*conditions], "")
    return table.assign(counter=pd.Series(codes, index=table.index, dtype=object).where(codes != "", None))
