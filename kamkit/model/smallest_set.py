"""The smallest set of amounts that reaches a share of their sum, compared exactly (domain S3)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate

import pandas as pd

EXACT_DIGITS = 6
LARGEST_EXACT = 2**53


def whole_units(values: pd.Series) -> tuple[list[int], int]:
    """Amounts as whole numbers of 10**−digits, and the digits: six, fewer only where an amount would pass 2**53.

    Missing amounts count as 0 units.
    """
    largest = values.abs().max() if values.notna().any() else 0.0
    digits = next((d for d in range(EXACT_DIGITS, 0, -1) if largest * 10**d < LARGEST_EXACT), 0)
    return [round(value * 10**digits) for value in values.fillna(0.0).tolist()], digits


def smallest_set(amounts: Sequence[int], limit: Fraction) -> int:
    """How many of the amounts, largest first, it takes to reach a share of their sum."""
    if not amounts:
        return 0
    needed = limit.numerator * sum(amounts)
    return next(n for n, reached in enumerate(accumulate(amounts), 1) if reached * limit.denominator >= needed)


def key_set(amounts: pd.Series, threshold: float) -> list[str]:
    """The accounts of the smallest set, largest first; ties go by account as text. `amounts` by account_id; the base is
    what is above zero."""
    units, _ = whole_units(amounts)
    ordered = sorted((-unit, str(account)) for account, unit in zip(amounts.index, units, strict=True) if unit > 0)
    n = smallest_set([-unit for unit, _ in ordered], Fraction(str(threshold)))
    return [account for _, account in ordered[:n]]
