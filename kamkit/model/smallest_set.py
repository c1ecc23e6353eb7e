"""The smallest set of amounts that reaches a share of their sum, compared exactly (domain S3).

Amounts are whole numbers in int64 arrays; where a sum would pass 2**62 they become Python's, slower and as exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

EXACT_DIGITS = 6
LARGEST_EXACT = 2**53
LARGEST_SUM = 2.0**62

Units = NDArray[Any]
"""Whole numbers: int64, or Python's where sums would not fit."""


def whole_units(values: pd.Series) -> tuple[Units, int]:
    """Amounts as whole numbers of 10**−digits, and the digits: six, fewer only where an amount would pass 2**53.

    Missing amounts count as 0 units.
    """
    amounts = values.to_numpy(float, na_value=0.0)
    sizes = np.abs(amounts)
    largest = float(sizes.max(initial=0.0))
    digits = next((d for d in range(EXACT_DIGITS, 0, -1) if largest * 10**d < LARGEST_EXACT), 0)
    units = np.rint(amounts * 10**digits)
    if float(sizes.sum()) * 10**digits < LARGEST_SUM / 2:
        return units.astype(np.int64), digits
    return np.array([int(unit) for unit in units.tolist()], dtype=object), digits


def smallest_set(amounts: Units, limit: Fraction) -> int:
    """How many of the amounts, largest first and above zero, it takes to reach a share of their sum."""
    if not len(amounts):
        return 0
    reached = np.cumsum(amounts)
    needed = -(-limit.numerator * int(reached[-1]) // limit.denominator)
    return int(np.searchsorted(reached, needed)) + 1


def largest_first(units: Units, names: Sequence[str]) -> NDArray[np.intp]:
    """The order of the amounts, largest first; ties go by name as text."""
    order = np.argsort(-units, kind="stable")
    ranked = units[order]
    same = np.concatenate([[False], ranked[1:] == ranked[:-1], [False]])
    tied = np.flatnonzero(same[1:] | same[:-1])
    by_name = np.array(sorted(order[tied].tolist(), key=names.__getitem__), dtype=np.intp)
    order[tied] = by_name[np.argsort(-units[by_name], kind="stable")]
    return order


def key_set(amounts: pd.Series, threshold: float) -> list[str]:
    """The accounts of the smallest set, largest first; ties go by account as text. `amounts` by account_id; the base is
    what is above zero."""
    above = amounts[amounts > 0]
    units, _ = whole_units(above)
    names = above.index.astype(str).tolist()
    order = [i for i in largest_first(units, names).tolist() if units[i] > 0]
    return [names[i] for i in order[: smallest_set(units[order], Fraction(str(threshold)))]]
