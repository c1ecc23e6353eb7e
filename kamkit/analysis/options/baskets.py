"""Who bought which items up to a day, ranked lists of what was never bought, and how such a list foresaw first purchases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

Numbers: TypeAlias = NDArray[np.float32]
AT_ONCE = 1000
TOP = 10


@dataclass(frozen=True, eq=False)
class Baskets:
    """Who bought what up to a day: `ever` (accounts × items, 1 where ever bought) and `recent` (the weight of the last
    purchase, 1 on that day and falling by its half-lives). `freshness`, how much of its demand an item still has (0–1): of
    the accounts that ever bought it those that did lately, by a short half-life."""

    accounts: pd.Index
    items: pd.Index
    ever: Any
    recent: Any
    freshness: Numbers

    def popularity(self) -> Numbers:
        """How many accounts ever bought each item."""
        return np.asarray(self.ever.sum(axis=0), dtype=np.float32).ravel()

    def rows(self, accounts: pd.Index) -> Baskets:
        """The baskets of some accounts, in their order; an account without purchases has an empty one."""
        places = self.accounts.get_indexer(accounts)
        known = np.flatnonzero(places >= 0)
        chosen = (np.ones(len(known), dtype=np.float32), (known, places[known]))
        keep = sparse.csr_matrix(chosen, shape=(len(accounts), len(self.accounts)))
        return self._of(accounts, sparse.csr_matrix(keep @ self.ever), sparse.csr_matrix(keep @ self.recent))

    def parts(self) -> Any:
        """The same, some accounts at a time: the slice and its baskets."""
        for start in range(0, len(self.accounts), AT_ONCE):
            rows = slice(start, start + AT_ONCE)
            yield rows, self._of(self.accounts[rows], self.ever[rows], self.recent[rows])

    def _of(self, accounts: pd.Index, ever: Any, recent: Any) -> Baskets:
        return Baskets(accounts, self.items, ever, recent, self.freshness)


Scorer: TypeAlias = Callable[[Baskets], Numbers]
"""The scores of the accounts of some baskets (rows) for all items."""


def fill_baskets(
    purchases: pd.DataFrame,
    cut_off: pd.Timestamp,
    half_lives: Sequence[float],
    most_items: int,
    freshness_days: float,
) -> Baskets:
    """Baskets from purchases (account_id, item, date) up to the cut-off; above `most_items` the items that most accounts
    bought are kept. Accounts and items in the order of their ids. A purchase weighs the mean of 0.5^(days ÷ half-life)
    over `half_lives`; `freshness_days` is the half-life of an item's freshness."""
    last = purchases.groupby(["account_id", "item"], observed=True)["date"].max().reset_index()
    buyers = last["item"].value_counts()
    if len(buyers) > most_items:
        kept = buyers.rename_axis("item").reset_index().sort_values(["count", "item"], ascending=[False, True])["item"]
        last = last[last["item"].isin(kept.head(most_items))]
    accounts, items = pd.Index(last["account_id"].unique()).sort_values(), pd.Index(last["item"].unique()).sort_values()
    place = (accounts.get_indexer(last["account_id"]), items.get_indexer(last["item"]))
    days = (cut_off - last["date"]).dt.days.to_numpy()
    decayed = np.mean([0.5 ** (days / half_life) for half_life in half_lives], axis=0)
    buyers_of = np.maximum(np.bincount(place[1], minlength=len(items)), 1)
    fresh = np.bincount(place[1], weights=0.5 ** (days / freshness_days), minlength=len(items)) / buyers_of
    shape = (len(accounts), len(items))
    recent = sparse.csr_matrix((decayed.astype(np.float32), place), shape=shape)
    ever = sparse.csr_matrix((np.ones(len(last), dtype=np.float32), place), shape=shape)
    return Baskets(accounts, items, ever, recent, fresh.astype(np.float32))


def score_by_popularity(baskets: Baskets) -> Scorer:
    """The same scores for everyone: the share of accounts that ever bought the item."""
    popular = baskets.popularity() / np.float32(max(len(baskets.accounts), 1))
    return lambda some: np.tile(popular, (len(some.accounts), 1))


def never_bought(baskets: Baskets, score: Scorer, most: int = TOP) -> tuple[NDArray[np.int64], Numbers]:
    """Per account the items never bought with the highest scores (accounts × most, −1 where there are fewer), and the
    scores; ties go to the item that comes first."""
    n, most = len(baskets.accounts), min(most, len(baskets.items))
    places = np.full((n, most), -1, dtype=np.int64)
    scores = np.full((n, most), np.nan, dtype=np.float32)
    for rows, part in baskets.parts():
        never = score(part)
        owner = np.repeat(np.arange(len(part.accounts)), np.diff(part.ever.indptr))
        never[owner, part.ever.indices] = -np.inf
        order = _highest(never, most)
        found = np.take_along_axis(never, order, axis=1)
        places[rows] = np.where(np.isfinite(found), order, -1)
        scores[rows] = np.where(np.isfinite(found), found, np.nan)
    return places, scores


def _highest(scores: Numbers, most: int) -> NDArray[np.int64]:
    """The places of the highest scores per row, in order."""
    if scores.shape[1] > 50 * most:
        candidates = np.sort(np.argpartition(-scores, 2 * most, axis=1)[:, : 2 * most], axis=1)
    else:
        candidates = np.tile(np.arange(scores.shape[1]), (len(scores), 1))
    order = np.argsort(-np.take_along_axis(scores, candidates, axis=1), axis=1, kind="stable")[:, :most]
    result: NDArray[np.int64] = np.take_along_axis(candidates, order, axis=1)
    return result


@dataclass(frozen=True, eq=False)
class Hits:
    """How the first purchases of a window were foreseen, per account with at least one: whether each rank of its list hit
    (accounts × at most ten), how many first purchases there were, and whose they are."""

    by_rank: NDArray[np.bool_]
    n_firsts: NDArray[np.int64]
    accounts: pd.Index

    @property
    def firsts(self) -> int:
        return int(self.n_firsts.sum())

    @property
    def hit_rate(self) -> float:
        """Share of the accounts with at least one hit among the ten (hit@10)."""
        return float(self.by_rank.any(axis=1).mean()) if len(self.by_rank) else float("nan")

    @property
    def precision(self) -> NDArray[np.float64]:
        """Average precision at ten of each account: precision at each hit, averaged over min(first purchases, 10)."""
        ranks = np.arange(1, self.by_rank.shape[1] + 1)
        at_hits = self.by_rank * np.cumsum(self.by_rank, axis=1) / ranks
        found: NDArray[np.float64] = at_hits.sum(axis=1) / np.minimum(self.n_firsts, self.by_rank.shape[1])
        return found

    @property
    def average_precision(self) -> float:
        """MAP@10: the mean of `precision` over accounts."""
        return float(self.precision.mean()) if len(self.by_rank) else float("nan")


def first_purchases(baskets: Baskets, later: pd.DataFrame) -> Any:
    """Revenue of a later window (account_id, item, revenue) with what the account never bought before, accounts × items
    (sparse): only accounts and items known before the window count."""
    sums = later.groupby(["account_id", "item"], observed=True)["revenue"].sum().reset_index()
    rows = baskets.accounts.get_indexer(pd.Index(sums["account_id"]))
    columns = baskets.items.get_indexer(pd.Index(sums["item"]))
    known = (rows >= 0) & (columns >= 0)
    place, revenue = (rows[known], columns[known]), sums["revenue"].to_numpy(float)[known]
    bought = sparse.csr_matrix((revenue, place), shape=baskets.ever.shape)
    firsts = sparse.csr_matrix(bought - bought.multiply(baskets.ever))
    firsts.eliminate_zeros()
    return firsts


def foreseen(baskets: Baskets, score: Scorer, later: pd.DataFrame, most_accounts: int | None = None) -> Hits:
    """Compare the ranking with the first purchases of a later window (account_id, item, revenue), of accounts that have
    any; of more than `most_accounts` every second, third, … is looked at."""
    firsts = first_purchases(baskets, later)
    those = np.flatnonzero(np.diff(firsts.indptr))
    if most_accounts is not None and len(those) > most_accounts:
        those = those[:: -(-len(those) // most_accounts)]
    places, _ = never_bought(baskets.rows(baskets.accounts[those]), score)
    return hits_of(places, firsts[those], baskets.accounts[those])


def hits_of(places: NDArray[np.int64], firsts: Any, accounts: pd.Index) -> Hits:
    """The hits of lists (`places` as of `never_bought`) among first purchases, rows of both being `accounts`; those without a
    first purchase are left out."""
    n_firsts = np.diff(firsts.indptr).astype(np.int64)
    by_rank = (at_places(firsts, places) > 0)[n_firsts > 0]
    return Hits(by_rank, n_firsts[n_firsts > 0], accounts[n_firsts > 0])


def at_places(amounts: Any, places: NDArray[np.int64]) -> NDArray[np.float64]:
    """The amounts (sparse, accounts × items) of the items of each account's list; 0 where there is none."""
    rows = np.repeat(np.arange(len(places)), places.shape[1])
    picked = np.asarray(amounts[rows, np.maximum(places, 0).ravel()], dtype=float).reshape(places.shape)
    return np.where(places >= 0, picked, 0.0)
