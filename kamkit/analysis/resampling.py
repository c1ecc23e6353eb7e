"""Years that could have been: random totals per account in whole numbers, and who each of them has in the set.

Everything is exact: amounts are whole numbers, so neither the order of rows nor the unit of the currency nor the number of
threads can move a draw. Accounts are drawn in an order of their amounts, never of their names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kamkit.model.smallest_set import whole_units

Whole = NDArray[np.int64]
Inside = NDArray[np.bool_]

CELLS_AT_ONCE = 5_000_000
"""Draws × accounts that are in memory at once."""

PICKS_AT_ONCE = 200_000
ROOM = 2**61
"""What a sum over all accounts, times the denominator of any limit, may reach."""
DENOMINATOR = 20
"""Of the limits of A, B and of what is near the set: twentieths."""


def month_numbers(months: pd.DataFrame) -> NDArray[np.int64]:
    """The months of a frame as numbers that follow each other (as `pd.Period.ordinal`)."""
    code, different = pd.factorize(pd.to_datetime(months["month"]))
    numbers: NDArray[np.int64] = np.asarray(different).astype("datetime64[M]").astype(np.int64)[code]
    return numbers


def account_months(
    months: pd.DataFrame, column: str, account_ids: pd.Series, first: pd.Period, last: pd.Period
) -> tuple[NDArray[np.float64], pd.Index]:
    """Amounts by account and month from `first` to `last`, and the accounts: those of `account_ids` with an amount.

    `months`: account_id, month (first day) and the amount `column`; a month without a booking counts 0.
    """
    number = month_numbers(months) - first.ordinal
    code, booked = pd.factorize(months["account_id"])
    ids = pd.Index(account_ids.astype(object).unique(), dtype=object)
    row = ids.get_indexer(pd.Index(booked, dtype=object))[code]
    n_months = last.ordinal - first.ordinal + 1
    inside = (row >= 0) & (number >= 0) & (number < n_months)
    amounts = months[column].to_numpy(float, na_value=0.0)
    if not inside.all():
        row, number, amounts = row[inside], number[inside], amounts[inside]
    cell = row * n_months + number
    table = np.bincount(cell, amounts, minlength=len(ids) * n_months).astype(float, copy=False).reshape(-1, n_months)
    used = (table != 0).any(axis=1)
    return (table, ids) if used.all() else (table[used], ids[used])


def whole_amounts(amounts: NDArray[np.float64], limit: Fraction) -> Whole:
    """Amounts as whole numbers of the largest unit that all of them are multiples of, small enough to be summed over
    twice as many in 64 bits: beyond, the last binary places go."""
    units, _ = whole_units(pd.Series(amounts.ravel()))
    divisor = int(np.gcd.reduce(units)) if units.size else 1
    units = units // divisor if divisor > 1 else units
    widest = int(np.abs(units).reshape(amounts.shape).max(axis=1, initial=0).sum()) * amounts.shape[1]
    beyond = (2 * widest * max(limit.denominator, DENOMINATOR)) // ROOM
    units = units // 2 ** beyond.bit_length() if beyond else units
    whole: Whole = units.reshape(amounts.shape).astype(np.int64, copy=False)
    return whole


def by_amounts(amounts: Whole) -> NDArray[np.intp]:
    """The accounts in an order that their amounts alone decide: largest total first, then by single amounts."""
    return np.lexsort((*amounts.T[::-1], -amounts.sum(axis=1)))


def sums_of_picks(base: Whole, choices: Sequence[Whole], draws: int, rng: np.random.Generator) -> Iterator[Whole]:
    """Random totals in pieces of draws × accounts: `base` plus, from each of the `choices` (accounts × entries), one
    entry per account and draw, each as likely as the others."""
    n = len(base)
    at_once = max(1, CELLS_AT_ONCE // max(n, 1))
    for first in range(0, draws, at_once):
        n_draws = min(at_once, draws - first)
        totals = np.empty((n, n_draws), dtype=np.int64)
        step = max(1, PICKS_AT_ONCE // n_draws)
        for start in range(0, n, step):
            part = slice(start, min(start + step, n))
            total = np.repeat(base[part, None], n_draws, axis=1)
            for entries in choices:
                n_entries = entries.shape[1]
                picks = rng.integers(0, n_entries, size=total.shape, dtype=np.uint16).astype(np.intp)
                picks += np.arange(len(total))[:, None] * n_entries
                total += entries[part].ravel().take(picks)
            totals[part] = total
        yield np.ascontiguousarray(totals.T)


def in_the_set(totals: Whole, limit: Fraction) -> Inside:
    """Which accounts each draw (row) has in the smallest set that reaches a share of what is above zero; equal amounts
    go by the order of the columns."""
    if not totals.size:
        return np.zeros(totals.shape, dtype=bool)
    positive = np.maximum(totals, 0)
    ranked = -np.sort(-positive, axis=1)
    reached = np.cumsum(ranked, axis=1)
    needed = -(-limit.numerator * reached[:, -1:] // limit.denominator)
    last = np.argmax(reached >= needed, axis=1)[:, None]
    cut = np.take_along_axis(ranked, last, axis=1)
    inside: Inside = positive > np.maximum(cut, 0)
    places = last[:, 0] + 1 - inside.sum(axis=1)
    at_cut = (positive == cut) & (cut > 0)
    several = at_cut.sum(axis=1) > places
    inside[~several] |= at_cut[~several]
    inside[several] |= at_cut[several] & (np.cumsum(at_cut[several], axis=1) <= places[several, None])
    return inside
