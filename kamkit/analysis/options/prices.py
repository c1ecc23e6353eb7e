"""What an account pays for the same items over time, and how much it buys at constant prices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kamkit.analysis.options.history import History

BEFORE, RUN = 6, 3
"""Prices of a month are held against those of the six months before; a rise has to last for three (conventions)."""
LEAST_COVERED = 0.5
"""An index speaks for a month if the items bought before as well make up half of its revenue (convention)."""
LEAST_KNOWN = 0.8
"""Quantities count as known if they are there for 80 % of revenue (convention)."""

Floats = NDArray[np.float64]


def items_by_month(history: History) -> pd.DataFrame | None:
    """account_id, item, month (a number that rises by one), revenue, quantity of the products bought; None without
    quantities by product."""
    bought = history.product_purchases
    if bought.empty and history.item_kind == "product":
        bought = history.purchases
    if bought.empty:
        return None
    counted = bought[bought["quantity"].fillna(0.0) > 0]
    if counted["revenue"].sum() < LEAST_KNOWN * bought["revenue"].sum():
        return None
    month = counted["date"].dt.year * 12 + counted["date"].dt.month - 1
    key = [counted["account_id"], counted["item"], month.rename("month")]
    return counted.groupby(key, observed=True)[["revenue", "quantity"]].sum().reset_index()


def price_rises(
    items: pd.DataFrame, ids: pd.Index, months: NDArray[np.int64], least: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """By how much an account's prices rose in a month for good (accounts × months, missing where they did not), and
    where they are known not to have risen: not to know is no calm.

    An index is Σ revenue ÷ Σ quantity at the item's mean price for this account in the six months before, over the items
    bought in both. A rise: the index of the month and that of the three months from it on are at least `least` above one.
    """
    first, then = _indices(items, ids, months)
    risen = (first >= 1 + least) & (then >= 1 + least)
    rises: Floats = np.where(risen, then - 1, np.nan)
    return rises, then < 1 + least


def constant_price_volume(items: pd.DataFrame, ids: pd.Index, months: NDArray[np.int64]) -> Floats:
    """What was bought, every item at its mean price over all accounts and all of history: accounts × months."""
    total = items.groupby("item")[["revenue", "quantity"]].sum()
    price = (total["revenue"] / total["quantity"]).reindex(items["item"]).to_numpy()
    return _Cells(items, ids, months).sums(items["quantity"].to_numpy() * price)


def _indices(items: pd.DataFrame, ids: pd.Index, months: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """The index of each month, and of the three months from it on, each against the six months before the month."""
    ordered = items.sort_values(["account_id", "item", "month"], kind="stable")
    group = ordered.groupby(["account_id", "item"], sort=False, observed=True).ngroup().to_numpy()
    month, span = ordered["month"].to_numpy(np.int64), 10_000
    place = group.astype(np.int64) * span * 10 + month
    sums = {name: np.concatenate([[0.0], np.cumsum(ordered[name].to_numpy(float))]) for name in ("revenue", "quantity")}
    cells, own = _Cells(ordered, ids, months), ordered["revenue"].to_numpy(float)
    paid, expected, total = [], [], []
    for later in range(RUN):
        start = np.searchsorted(place, place - later - BEFORE)
        end = np.searchsorted(place, place - later)
        revenue, quantity = (sums[name][end] - sums[name][start] for name in ("revenue", "quantity"))
        with np.errstate(invalid="ignore", divide="ignore"):
            price = np.where(quantity > 1e-12, revenue / quantity, np.nan)
        known = np.isfinite(price)
        paid.append(_shifted(cells.sums(np.where(known, own, 0.0)), later))
        at_old = np.where(known, ordered["quantity"].to_numpy(float) * np.nan_to_num(price), 0.0)
        expected.append(_shifted(cells.sums(at_old), later))
        total.append(_shifted(cells.sums(own), later))
    return _index(paid[0], expected[0], total[0]), _index(sum(paid), sum(expected), sum(total))


def _index(paid: Any, expected: Any, total: Any) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        covered = (paid >= LEAST_COVERED * total) & (expected > 0)
        index: Floats = np.where(covered, paid / expected, np.nan)
    return index


class _Cells:
    """Where rows of items stand among accounts × months; what lies outside of both is left out."""

    def __init__(self, items: pd.DataFrame, ids: pd.Index, months: NDArray[np.int64]) -> None:
        rows = ids.get_indexer(pd.Index(items["account_id"].astype(object)))
        columns = items["month"].to_numpy(np.int64) - months[0]
        self._shape = (len(ids), len(months))
        self._inside = (rows >= 0) & (columns >= 0) & (columns < len(months))
        self._cell = (rows * len(months) + columns)[self._inside]

    def sums(self, values: Floats) -> Floats:
        """The values summed by cell."""
        size = self._shape[0] * self._shape[1]
        placed = np.bincount(self._cell, weights=values[self._inside], minlength=size)
        return placed.reshape(self._shape).astype(float)


def _shifted(values: Floats, months: int) -> Floats:
    """Each month with the value of so many months later; 0 behind the end."""
    moved: Floats = np.zeros_like(values)
    moved[:, : values.shape[1] - months] = values[:, months:]
    return moved
