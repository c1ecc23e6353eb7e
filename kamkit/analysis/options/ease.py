"""Which item an account is likely to buy first: EASE^R on recency-decayed purchases (Steck 2019, WWW)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import lapack

Numbers: TypeAlias = NDArray[np.float32]
LAMBDAS = (20.0, 150.0)
"""Regularisation strengths that are tried on an earlier cut-off."""
AT_ONCE = 1000
TOP = 10


@dataclass(frozen=True, eq=False)
class Baskets:
    """Who bought what up to a day: `ever` (accounts × items, 1 where ever bought) and `recent` (0.5^(days since the
    last purchase ÷ half-life))."""

    accounts: pd.Index
    items: pd.Index
    ever: Any
    recent: Any

    def popularity(self) -> Numbers:
        """How many accounts ever bought each item."""
        return np.asarray(self.ever.sum(axis=0), dtype=np.float32).ravel()

    def rows(self, accounts: pd.Index) -> Baskets:
        """The baskets of some accounts, in their order; an account without purchases has an empty one."""
        places = self.accounts.get_indexer(accounts)
        known = np.flatnonzero(places >= 0)
        chosen = (np.ones(len(known), dtype=np.float32), (known, places[known]))
        keep = sparse.csr_matrix(chosen, shape=(len(accounts), len(self.accounts)))
        return Baskets(accounts, self.items, sparse.csr_matrix(keep @ self.ever), sparse.csr_matrix(keep @ self.recent))


Scorer: TypeAlias = Callable[[Baskets], Numbers]
"""The scores of the accounts of some baskets (rows) for all items."""


def fill_baskets(purchases: pd.DataFrame, cut_off: pd.Timestamp, half_life_days: float, most_items: int) -> Baskets:
    """Baskets from purchases (account_id, item, date) up to the cut-off; above `most_items` the items that most accounts
    bought are kept. Accounts and items in the order of their ids."""
    last = purchases.groupby(["account_id", "item"], observed=True)["date"].max().reset_index()
    buyers = last["item"].value_counts()
    if len(buyers) > most_items:
        kept = buyers.rename_axis("item").reset_index().sort_values(["count", "item"], ascending=[False, True])["item"]
        last = last[last["item"].isin(kept.head(most_items))]
    accounts, items = pd.Index(last["account_id"].unique()).sort_values(), pd.Index(last["item"].unique()).sort_values()
    place = (accounts.get_indexer(last["account_id"]), items.get_indexer(last["item"]))
    decayed = 0.5 ** ((cut_off - last["date"]).dt.days.to_numpy() / half_life_days)
    shape = (len(accounts), len(items))
    recent = sparse.csr_matrix((decayed.astype(np.float32), place), shape=shape)
    ever = sparse.csr_matrix((np.ones(len(last), dtype=np.float32), place), shape=shape)
    return Baskets(accounts, items, ever, recent)


def item_weights(baskets: Baskets, regularisation: float) -> Numbers:
    """The item weights of EASE^R: W = −P/diag(P) with P = (XᵀX + λI)⁻¹, the diagonal zero; items × items."""
    gram = (baskets.recent.T @ baskets.recent).toarray().astype(np.float32)
    gram[np.diag_indices_from(gram)] += np.float32(regularisation)
    factor, problem = lapack.spotrf(gram, lower=1, overwrite_a=1)
    if problem:
        raise np.linalg.LinAlgError("the item matrix is not positive definite")
    inverse, _ = lapack.spotri(factor, lower=1, overwrite_c=1)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    weights: Numbers = np.asarray(-inverse / np.diag(inverse)[None, :], dtype=np.float32)
    np.fill_diagonal(weights, 0.0)
    return weights


def score_by_weights(weights: Numbers) -> Scorer:
    """Scores from item weights: what was bought lately speaks for what goes with it."""
    return lambda baskets: np.asarray(baskets.recent @ weights, dtype=np.float32)


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
    for start in range(0, n, AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        part = Baskets(baskets.accounts[rows], baskets.items, baskets.ever[rows], baskets.recent[rows])
        never = np.where(part.ever.toarray() > 0, np.float32(-np.inf), score(part))
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
    """How the first purchases of a window were foreseen: per account (with at least one) whether each rank hit."""

    by_rank: NDArray[np.bool_]
    n_firsts: NDArray[np.int64]

    @property
    def firsts(self) -> int:
        return int(self.n_firsts.sum())

    @property
    def hit_rate(self) -> float:
        """Share of the accounts with at least one hit among the ten (hit@10)."""
        return float(self.by_rank.any(axis=1).mean()) if len(self.by_rank) else float("nan")

    @property
    def average_precision(self) -> float:
        """MAP@10: precision at each hit, averaged over min(first purchases, 10), then over accounts."""
        if not len(self.by_rank):
            return float("nan")
        precision = np.cumsum(self.by_rank, axis=1) / np.arange(1, self.by_rank.shape[1] + 1)
        return float(((self.by_rank * precision).sum(axis=1) / np.minimum(self.n_firsts, self.by_rank.shape[1])).mean())


def foreseen(baskets: Baskets, score: Scorer, later: pd.DataFrame) -> Hits:
    """Compare the ranking with the first purchases of a later window (account_id, item): only items known before the
    window and never bought by the account count, and only accounts that have such a purchase."""
    pairs = later[["account_id", "item"]].drop_duplicates()
    rows = baskets.accounts.get_indexer(pd.Index(pairs["account_id"]))
    columns = baskets.items.get_indexer(pd.Index(pairs["item"]))
    known = (rows >= 0) & (columns >= 0)
    ones = np.ones(int(known.sum()), dtype=np.float32)
    bought = sparse.csr_matrix((ones, (rows[known], columns[known])), shape=baskets.ever.shape)
    firsts = sparse.csr_matrix(bought - bought.multiply(baskets.ever))
    firsts.eliminate_zeros()
    n_firsts = np.diff(firsts.indptr).astype(np.int64)
    those = np.flatnonzero(n_firsts)
    places, _ = never_bought(baskets.rows(baskets.accounts[those]), score)
    new = firsts[those].toarray() > 0
    by_rank = np.take_along_axis(new, np.maximum(places, 0), axis=1) & (places >= 0)
    return Hits(by_rank, n_firsts[those])
