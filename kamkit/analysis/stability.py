"""How surely an account belongs to the key accounts: bootstrap over its months (domain S5)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kamkit.analysis.resampling import (
    Whole,
    account_months,
    by_amounts,
    in_the_set,
    month_numbers,
    sums_of_picks,
    whole_amounts,
)
from kamkit.model.codes import Certainty
from kamkit.model.engagement import Period

DRAWS = 1000
LEAST_MONTHS = 3
"""Fewer months say nothing about how a year could have gone (convention)."""

CLEAR_FROM, OUTSIDE_BELOW = 0.95, 0.05
"""Share of draws in the set from which an account is clearly in, and below which it is not (convention)."""

MOST_TOGETHER = 1500
"""Entries per account in a table of months drawn together."""


def certainty(probability: float) -> Certainty | None:
    """In at least 95 % of the draws: clear; in 5–95 %: borderline; else outside (domain S5, convention)."""
    if pd.isna(probability):
        return None
    if probability >= CLEAR_FROM:
        return Certainty.CLEAR
    return Certainty.BORDERLINE if probability >= OUTSIDE_BELOW else Certainty.OUTSIDE


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
    without a booking counting 0 (bootstrap: Efron 1979). Computed in whole numbers:
    the same for any order of rows, names, unit of the currency and number of threads. Accounts with the same amounts
    are as likely as each other, even where the ranking has to place one of them first.

    Returns account_id, membership_probability, in the order of `account_ids`; all missing when the period has fewer
    than three months.
    """
    booked = _booked_months(months, period)
    if booked is None or booked[1].ordinal - booked[0].ordinal + 1 < LEAST_MONTHS:
        return pd.DataFrame({"account_id": account_ids.to_numpy(), "membership_probability": np.nan})
    limit = Fraction(str(threshold))
    amounts, simulated = account_months(months, column, account_ids, *booked)
    whole = np.sort(whole_amounts(amounts, limit), axis=1)
    order = by_amounts(whole)
    whole = whole[order]
    hits = np.zeros(len(whole), dtype=np.int64)
    if len(whole):
        rng = np.random.default_rng(seed)
        for totals in sums_of_picks(np.zeros(len(whole), dtype=np.int64), _month_choices(whole), draws, rng):
            hits += in_the_set(totals, limit).sum(axis=0)
    probability = pd.Series(_shared_by_equals(whole, hits) / draws, index=simulated[order], dtype=float)
    probability = probability.reindex(account_ids.astype(object)).fillna(0.0)
    return pd.DataFrame({"account_id": account_ids.to_numpy(), "membership_probability": probability.to_numpy()})


def _booked_months(months: pd.DataFrame, period: Period) -> tuple[pd.Period, pd.Period] | None:
    """The first and the last month of the period with a booking."""
    numbers = month_numbers(months)
    first, last = (pd.Period(day, "M").ordinal for day in (period.start, period.end))
    inside = numbers[(numbers >= first) & (numbers <= last)]
    if not len(inside):
        return None
    return pd.Period(ordinal=int(inside.min()), freq="M"), pd.Period(ordinal=int(inside.max()), freq="M")


def _month_choices(whole: Whole) -> list[Whole]:
    """A year of drawn months as a sum of few picks: two or three months drawn with replacement are one entry, each as
    likely, of the table of all sums of two or three months."""
    n_months = whole.shape[1]
    together = 1
    while n_months ** (together + 1) <= MOST_TOGETHER:
        together += 1
    times, rest = divmod(n_months, together)
    return [_all_sums(whole, together)] * times + ([_all_sums(whole, rest)] if rest else [])


def _all_sums(whole: Whole, together: int) -> Whole:
    sums = whole
    for _ in range(together - 1):
        sums = (sums[:, :, None] + whole[:, None, :]).reshape(len(whole), -1)
    return sums


def _shared_by_equals(whole: Whole, hits: Whole) -> NDArray[np.float64]:
    """The mean over accounts with the same months, which stand side by side: chance alone tells them apart."""
    differs = np.concatenate([[True], (whole[1:] != whole[:-1]).any(axis=1)]) if len(whole) else np.zeros(0, bool)
    group = np.cumsum(differs) - 1
    mean: NDArray[np.float64] = (np.bincount(group, hits) / np.bincount(group))[group]
    return mean
