"""How surely an account belongs to the key accounts: bootstrap over its months (domain S5)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kamkit.model.engagement import Period

DRAWS = 1000
LEAST_MONTHS = 3
"""Fewer months say nothing about how a year could have gone (convention)."""

CELLS_AT_ONCE = 4_000_000
TOLERANCE = 1e-12


def membership_probability(
    months: pd.DataFrame,
    column: str,
    account_ids: pd.Series,
    period: Period,
    threshold: float,
    seed: int,
    draws: int = DRAWS,
) -> pd.DataFrame:
    """In which share of resampled years each account is in the smallest set that reaches the threshold.

    `months`: account_id, month (first day) and the amount `column`. The months of the period are those from the first
    to the last with a booking; an account's months are drawn with replacement, each account for itself, a month
    without a booking counting 0. From 95 % membership is clear, below 5 % it is not given, between lie the borderline
    cases (bootstrap: Efron 1979; the limits are a convention).

    Returns account_id, membership_probability, in the order of `account_ids`; all missing when the period has fewer
    than three months.
    """
    amounts, simulated = _months_of_the_period(months, column, account_ids, period)
    if amounts.shape[1] < LEAST_MONTHS:
        return pd.DataFrame({"account_id": account_ids.to_numpy(), "membership_probability": np.nan})
    hits = np.zeros(len(amounts))
    rng = np.random.default_rng(seed)
    at_once = max(1, CELLS_AT_ONCE // max(amounts.size, 1))
    for first in range(0, draws if len(amounts) else 0, at_once):
        hits += _in_the_set(_resampled(amounts, min(at_once, draws - first), rng), threshold).sum(axis=0)
    probability = pd.Series(hits / draws, index=simulated, dtype=float).reindex(account_ids).fillna(0.0)
    return pd.DataFrame({"account_id": account_ids.to_numpy(), "membership_probability": probability.to_numpy()})


def _months_of_the_period(
    months: pd.DataFrame, column: str, account_ids: pd.Series, period: Period
) -> tuple[NDArray[np.float64], pd.Index]:
    """Amounts by account and month, for the accounts with an amount, in the order of their ids."""
    numbers = pd.DatetimeIndex(pd.to_datetime(months["month"])).to_period("M")
    inside = (numbers >= pd.Period(period.start, "M")) & (numbers <= pd.Period(period.end, "M"))
    booked, numbers = months[inside], numbers[inside]
    if booked.empty:
        return np.zeros((0, 0)), pd.Index([])
    first, last = numbers.min(), numbers.max()
    table = (
        booked.assign(month=numbers, amount=booked[column].astype(float).fillna(0.0))
        .pivot_table(index="account_id", columns="month", values="amount", aggfunc="sum", fill_value=0.0)
        .reindex(columns=pd.period_range(first, last, freq="M"), fill_value=0.0)
    )
    table = table[(table != 0).any(axis=1) & table.index.isin(account_ids)].sort_index()
    return table.to_numpy(float), table.index


def _resampled(amounts: NDArray[np.float64], draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Totals of `draws` years, each account's months drawn with replacement: draws × accounts."""
    n, n_months = amounts.shape
    picks = rng.integers(0, n_months, size=(draws, n, n_months), dtype=np.int32)
    picks += (np.arange(n, dtype=np.int32) * n_months)[None, :, None]
    total: NDArray[np.float64] = amounts.ravel().take(picks).sum(axis=2)
    return total


def _in_the_set(totals: NDArray[np.float64], threshold: float) -> NDArray[np.bool_]:
    """Which accounts each draw (row) has in the smallest set; equal amounts go by the order of the columns."""
    positive = np.maximum(totals, 0.0)
    order = np.argsort(-positive, axis=1, kind="stable")
    ranked = np.take_along_axis(positive, order, axis=1)
    reached = np.cumsum(ranked, axis=1)
    before = reached - ranked
    ranked_in = (ranked > 0) & (before < threshold * reached[:, -1:] * (1 - TOLERANCE))
    inside: NDArray[np.bool_] = np.empty_like(ranked_in)
    np.put_along_axis(inside, order, ranked_in, axis=1)
    return inside
