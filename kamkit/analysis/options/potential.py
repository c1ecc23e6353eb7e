"""What first purchases bring: what proposals brought in a past window, and what those of today may be expected to bring
within twelve months.

An account that gave an item a miss for years is unlikely to begin with it, and a large account has looked at nearly
everything. So what is expected is measured: how often proposals became first purchases in a past window and what these
brought within it, for large accounts apart from others. What is promised for a year is never more than that, and less where
it faded from one window to the next: in the first years of data many purchases only look like first ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kamkit.analysis.options.history import History
from kamkit.model.option_rules import CrossSellingRules

YEAR = 12
LARGE = 0.8
FEWEST_BUYERS = 5
QUARTERS = {"expected_low": 0.25, "expected_revenue": 0.5, "expected_high": 0.75}


@dataclass(frozen=True, eq=False)
class Conversion:
    """What proposals of a past window of `months` became.

    `by_rank`: share of proposals on each rank that became first purchases, where items were ranked by item weights;
    else `per_penetration`: first purchases per unit of peer penetration. `brought`: revenue within the window ÷ what these
    chances and buyers' usual spend would have brought, of large accounts (True) and of others (False).
    """

    months: int
    by_rank: NDArray[np.float64] | None
    per_penetration: float
    brought: Mapping[bool, float]

    def chance(self, proposals: pd.DataFrame) -> NDArray[np.float64]:
        """The chance of a first purchase within the window (rank, penetration)."""
        if self.by_rank is None:
            return np.minimum(proposals["penetration"].to_numpy(float) * self.per_penetration, 1.0)
        rank = proposals["rank"].to_numpy() - 1
        of_rank: NDArray[np.float64] = self.by_rank[np.minimum(rank, len(self.by_rank) - 1)]
        return of_rank


def large_accounts(history: History) -> pd.Index:
    """The smallest set of accounts that had four fifths of the last 12 months' purchases."""
    yearly = history.yearly_revenue.sort_values(ascending=False, kind="stable")
    before = yearly.cumsum() - yearly
    return yearly.index[(before < LARGE * yearly.sum()) & (yearly > 0)]


def usual_spend(proposals: pd.DataFrame, history: History) -> pd.DataFrame:
    """What buyers of the account's size spend on the item in a year (proposals × quartiles 0.25, 0.5, 0.75): the share of
    their purchases × the account's revenue of the last 12 months. The share is that of large buyers for a large account and
    of the others for another where there are at least five, else that of all."""
    size = proposals["account_id"].map(history.yearly_revenue).astype(float).fillna(0.0)
    of_all, large_ids = spending_shares(history), large_accounts(history)
    large = proposals["account_id"].isin(large_ids)
    of_size = {is_large: _share_of(history, is_large, large_ids) for is_large in (True, False)}
    spend = {}
    for quarter in QUARTERS.values():
        like = {is_large: proposals["item"].map(shares[quarter]) for is_large, shares in of_size.items()}
        share = like[True].where(large, like[False]).fillna(proposals["item"].map(of_all[quarter]))
        spend[quarter] = share.astype(float).fillna(0.0) * size
    return pd.DataFrame(spend)


def usual_buyers(history: History, item: str, account_id: str) -> pd.DataFrame:
    """What the usual spend of an account on an item is the median of (`usual_spend`), by account_id of all that bought within
    a year: revenue (with the item), purchases, share (revenue ÷ purchases, missing without the item), usual_share (the share
    where it counts: of accounts as large, where at least five buy)."""
    last = history.purchases[history.purchases["date"] >= history.first_day(YEAR)]
    table = pd.DataFrame(
        {
            "revenue": last[last["item"] == item].groupby("account_id")["revenue"].sum(),
            "purchases": last.groupby("account_id")["revenue"].sum(),
        }
    )
    table["share"] = table["revenue"] / table["purchases"]
    large = large_accounts(history)
    alike = table["share"].where(table.index.isin(large) == (account_id in large))
    usual = alike if alike.count() >= FEWEST_BUYERS else table["share"]
    return table.assign(usual_share=usual, revenue=table["revenue"].fillna(0.0))


def _share_of(history: History, is_large: bool, large_ids: pd.Index) -> pd.DataFrame:
    """`spending_shares` of large accounts or of the others, of items that enough of them buy."""
    bought = history.purchases
    some = replace(history, purchases=bought[bought["account_id"].isin(large_ids) == is_large])
    last = some.purchases[some.purchases["date"] >= history.first_day(YEAR)]
    buyers = last.groupby("item", observed=True)["account_id"].nunique()
    shares = spending_shares(some)
    return shares[shares.index.isin(buyers.index[buyers >= FEWEST_BUYERS])]


def spending_shares(history: History) -> pd.DataFrame:
    """What share of its purchases an account that buys an item spends on it within a year: quartiles by item."""
    last = history.purchases[history.purchases["date"] >= history.first_day(YEAR)]
    by_item = last.groupby(["account_id", "item"], observed=True)["revenue"].sum()
    share = by_item / by_item.groupby("account_id").transform("sum")
    return pd.DataFrame({quarter: share.groupby("item").quantile(quarter) for quarter in QUARTERS.values()})


def measure_conversion(
    proposals: pd.DataFrame, brought: NDArray[np.float64], history: History, months: int, is_ranked: bool
) -> Conversion:
    """What proposals of a past day became: `brought` is the revenue of the window after it with each (0 where nothing was
    bought); `history` ends on that day; `is_ranked`: ranked by item weights, so that the rank says how likely.

    One first purchase as expected is added to what was seen, so that a few accounts without any are not taken for
    impossible, and one single large order counts no more than the upper quartile of a year's spend.
    """
    hit = brought > 0
    by_rank = _by_rank(proposals["rank"].to_numpy(), hit) if is_ranked else None
    exposure = float(proposals["penetration"].sum())
    of_penetration = Conversion(months, by_rank, float(hit.sum()) / exposure if exposure else 0.0, {})
    spend = usual_spend(proposals, history)
    chance = of_penetration.chance(proposals)
    expected = chance * spend[0.5].to_numpy()
    capped = np.minimum(brought, spend[0.75].to_numpy())
    large = proposals["account_id"].isin(large_accounts(history)).to_numpy()
    ratio = {}
    for size in (True, False):
        of_size = large == size
        ratio[size] = _with_one(capped[of_size].sum(), expected[of_size].sum(), chance[of_size].sum())
    return Conversion(months, by_rank, of_penetration.per_penetration, ratio)


def faded(expected: float, brought: float, n_expected: float) -> float:
    """How much less than expected came in a window, at most 1 (nothing faded)."""
    return min(1.0, _with_one(brought, expected, n_expected))


def expected_revenue(
    proposals: pd.DataFrame,
    history: History,
    conversion: Conversion | None,
    fading: float,
    rules: CrossSellingRules,
    months: int = YEAR,
) -> pd.DataFrame:
    """What proposals (account_id, item, rank, penetration) may be expected to bring within `months`: expected_low,
    expected_revenue, expected_high, usual_revenue (a year's usual spend of a buyer of that size) and chance.

    Chance and revenue as measured in a past window; each further window of the same length brings `fading` of the one before.
    Without a measurement the chance is a convention, and low. Low and high take the quartiles of what buyers spend.
    Where the account's wallet is known, its proposals together bring no more than what is left of it.
    """
    spend = usual_spend(proposals, history)
    if conversion is None:
        chance = proposals["penetration"].to_numpy(float) * rules.first_purchase.value
        factor = chance
    else:
        windows = max(round(months / conversion.months), 1)
        steps = math.fsum(fading**step for step in range(1, windows + 1))
        large = proposals["account_id"].isin(large_accounts(history)).to_numpy()
        brought = np.where(large, conversion.brought[True], conversion.brought[False])
        within = conversion.chance(proposals)
        factor, chance = within * brought * steps, np.minimum(within * steps, 1.0)
    found = pd.DataFrame({column: spend[quarter] * factor for column, quarter in QUARTERS.items()})
    left = _left_of_wallet(history).reindex(proposals["account_id"]).to_numpy()
    total = found["expected_revenue"].groupby(proposals["account_id"]).transform("sum").to_numpy()
    cut = np.where(np.isnan(left) | (total <= left), 1.0, left / np.maximum(total, 1e-9))
    return found.mul(cut, axis=0).assign(usual_revenue=spend[0.5], chance=chance)


def _left_of_wallet(history: History) -> pd.Series[Any]:
    """What an account still buys elsewhere, by account_id: its wallet less its revenue, never below 0; missing without a
    wallet."""
    wallet = history.accounts.set_index("account_id")["wallet"].astype(float)
    return (wallet - history.yearly_revenue.reindex(wallet.index).fillna(0.0)).clip(lower=0.0)


def _with_one(seen: float, expected: float, n_expected: float) -> float:
    """seen ÷ expected, drawn to 1 as by one first purchase more of the usual amount."""
    if not expected or not n_expected:
        return 1.0
    usual = expected / n_expected
    return float((seen + usual) / (expected + usual))


def _by_rank(rank: NDArray[np.int64], hit: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The share of hits on the first rank, the next two, and the others; never rising."""
    n = np.bincount(rank - 1, minlength=1).astype(float)
    hits = np.bincount(rank - 1, weights=hit, minlength=len(n))
    places = np.split(np.arange(len(n)), [1, 3])
    level = [np.full(len(step), hits[step].sum() / max(n[step].sum(), 1.0)) for step in places if len(step)]
    found: NDArray[np.float64] = np.minimum.accumulate(np.concatenate(level))
    return found
