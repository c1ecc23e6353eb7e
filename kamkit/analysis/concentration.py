"""How unevenly revenue is spread over the accounts (domain S3, S4)."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from kamkit.model.results import Concentration

NO_ANSWER = math.nan


def gini(values: pd.Series) -> float:
    """Gini coefficient of amounts above zero, uncorrected: Σ(2i − n − 1)·x₍ᵢ₎ / (n·Σx), x ascending (domain S3).

    0 where all are equal, missing (NaN) where there is no amount.
    """
    x = np.sort(values.to_numpy(float))
    n = len(x)
    if n == 0:
        return NO_ANSWER
    weights = 2.0 * np.arange(1, n + 1) - n - 1
    return max(0.0, math.fsum(weights * x) / (n * math.fsum(x)))


def lorenz_curve(values: pd.Series) -> pd.DataFrame:
    """The Lorenz curve of amounts above zero from the smallest up: account_share, cumulative_share, from 0, 0 to 1, 1."""
    x = np.sort(values.to_numpy(float))
    cumulated = np.concatenate([[0.0], np.cumsum(x)])
    steps = np.arange(len(cumulated)) / max(len(x), 1)
    return pd.DataFrame({"account_share": steps, "cumulative_share": cumulated / (cumulated[-1] or 1.0)})


def measure_concentration(values: pd.Series) -> Concentration:
    """How far few accounts make the total: Gini, Herfindahl-Hirschman index, CR-n and the share of the top fifth.

    `values`: the basis per account; amounts of zero and below and missing ones are left out. With fewer than n
    accounts CR-n is the share of all, 1. Every figure is missing (NaN) where no account is above zero.
    """
    positive = values[values > 0].astype(float).sort_values(ascending=False, ignore_index=True)
    if positive.empty:
        names = ("gini", "hhi", "n_effective", "cr1", "cr3", "cr5", "cr10", "top20_share")
        return Concentration(**dict.fromkeys(names, NO_ANSWER), lorenz=lorenz_curve(positive))
    shares = (positive / math.fsum(positive)).tolist()
    top_fifth = -(-len(shares) // 5)  # ⌈0.2 n⌉ in whole numbers: as floats 0.2 * 35 is above 7
    hhi = math.fsum(share * share for share in shares)
    cr1, cr3, cr5, cr10, top20 = (min(1.0, math.fsum(shares[:n])) for n in (1, 3, 5, 10, top_fifth))
    return Concentration(gini(positive), hhi, 1 / hhi, cr1, cr3, cr5, cr10, top20, lorenz_curve(positive))
