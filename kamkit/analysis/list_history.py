"""How the list of key accounts changes from one year to the next, and how much of that chance alone would do (domain S5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from kamkit.analysis.pareto import ABC_LIMITS, BASIS_COLUMN
from kamkit.analysis.resampling import (
    Inside,
    Whole,
    account_months,
    by_amounts,
    in_the_set,
    month_numbers,
    sums_of_picks,
    whole_amounts,
)
from kamkit.model.codes import AbcClass, Basis, Grain
from kamkit.model.engagement import Period
from kamkit.model.results import AccountFacts, ListHistory, Pareto

DRAWS = 1000
LEAST_MONTHS = 24
"""Fewer dated months hold no year and the one before it."""

BAND = (5, 95)
"""Percentiles between which chance alone leaves the overlap in nine of ten cases (convention)."""

STAYS_WITHIN = Fraction("0.05")
"""How much further than the threshold a key account may stand before its years below count (convention: P80, P85)."""

FELL = Fraction("0.80")
"""An account that has less than this of the year before has fallen (convention)."""

PERSISTENCE = 0.9
"""p of the rank-biased overlap (convention): the first ten ranks carry 86 % of the weight."""

MOST_UNKNOWN = 0.05
"""Share of revenue without a margin above which margins of two years cannot be compared (convention)."""

Places = NDArray[np.intp]
NONE = "none"
SWAPPED_TOGETHER = 6


def compare_years(facts: AccountFacts, pareto: Pareto, seed: int, draws: int = DRAWS) -> ListHistory:
    """The set of the period against the set of the equally long span before it: who came, who went, and how far chance
    alone would have moved the list.

    Chance: each account's month is swapped with the same month of the other year or not, at random; season and size
    stay, and if nothing has changed every such pair of years is as likely as the real one (a permutation test, exact).
    Overlap: |both| / |either| (Jaccard). Rank: Kendall's τ-b over accounts above zero in either year, and
    rank-biased overlap with p = .9, extrapolated (Webber, Moffat & Zobel 2010, ACM TOIS).
    Hysteresis over all years back: in from the threshold, out only after two years running below the threshold plus five
    percentage points (convention).

    Where only years are known the lists are compared, and what chance would do is not.

    `reason` says why nothing is compared: year_on_year (as `blocked` says), basis (potential has no history, or margins
    are missing), not_whole_years, short_history.
    """
    if reason := _why_not(facts, pareto.basis):
        return ListHistory(reason=reason)
    limit, n_months = Fraction(str(pareto.threshold)), facts.period.whole_months
    last = pd.Period(facts.period.end, "M")
    n_years = (last.ordinal - _first_month(facts).ordinal + 1) // n_months
    booked = facts.accounts.loc[~_pooled(facts), "account_id"]
    amounts, ids = account_months(facts.months, BASIS_COLUMN[pareto.basis], booked, last - n_years * n_months + 1, last)
    whole = whole_amounts(amounts, limit)
    order = np.argsort(ids.astype(str), kind="stable")  # equal amounts go by id, as in the ranking
    ids = ids[order]
    years = whole.reshape(len(ids), n_years, n_months).sum(axis=2)[order].T
    inside = in_the_set(years, limit)
    now, before = inside[-1], inside[-2]
    changed, kept = now != before, _kept_longer(years, inside, limit)
    told = facts.accounts[facts.accounts["account_id"].isin(ids[changed | kept])]
    names = dict(zip(told["account_id"], told["name"], strict=True))
    unit = _unit(amounts, whole)
    changes = pd.DataFrame(
        {
            "account_id": ids[changed],
            "name": [names[i] for i in ids[changed]],
            "change": np.where(now[changed], "entered", "left"),
            "before": years[-2][changed] * unit,
            "now": years[-1][changed] * unit,
        }
    ).astype({"account_id": "string", "name": "string", "change": "string"})
    changes["size"] = -changes[["before", "now"]].max(axis=1)
    changes = changes.sort_values(["change", "size", "account_id"], ignore_index=True).drop(columns="size")
    start = (last - 2 * n_months + 1).start_time.date()
    end = (last - n_months).end_time.date()
    found = ListHistory(
        before=Period(start=start, end=end),
        n_before=int(before.sum()),
        n_now=int(now.sum()),
        n_both=int((now & before).sum()),
        overlap=float(_overlap(now[None], before[None])[0]),
        changes=changes,
        transitions=_transitions(years[-2], years[-1]),
        kendall=_kendall(years[-2], years[-1]),
        rank_biased_overlap=rank_biased_overlap(_ranked(years[-2]), _ranked(years[-1])),
        n_fallen=int(_fallen(years[-2:-1], years[-1:], inside[-2:-1])[0]),
        n_years=n_years,
        kept=pd.DataFrame({"account_id": ids[kept], "name": [names[i] for i in ids[kept]]}).astype("string"),
    )
    return (
        found
        if "statistics" in facts.blocked or not draws or facts.grain is Grain.YEAR
        else _beside_chance(found, whole, n_months, limit, seed, draws)
    )


def rank_biased_overlap(one: Sequence[str] | Places, other: Sequence[str] | Places, p: float = PERSISTENCE) -> float:
    """How alike two rankings are, the first ranks weighing most: 1 for the same, 0 for nothing in common (Webber, Moffat
    & Zobel 2010, extrapolated beyond the shorter one). Missing (NaN) where one of them is empty."""
    short, long = sorted((one, other), key=len)
    if not len(short):
        return float("nan")
    code = pd.factorize(np.concatenate([np.asarray(short), np.asarray(long)]))[0]
    place = np.full(len(code), len(code))
    place[code[: len(short)]] = np.arange(len(short))
    both_from = np.maximum(place[code[len(short) :]], np.arange(len(long)))
    both_from = both_from[both_from < len(code)]
    depth = np.arange(1, len(long) + 1)
    shared = np.cumsum(np.bincount(both_from, minlength=len(long))).astype(float)
    s, x_s, x_l = len(short), shared[len(short) - 1], shared[-1]
    weights = p ** depth.astype(float)
    beyond = depth[s:]
    total = (shared / depth * weights).sum() + (x_s * (beyond - s) / (s * beyond) * weights[s:]).sum()
    return float((1 - p) / p * total + ((x_l - x_s) / len(long) + x_s / s) * p ** len(long))


def _why_not(facts: AccountFacts, basis: Basis) -> str | None:
    if "year_on_year" in facts.blocked:
        return "year_on_year"
    if basis is Basis.POTENTIAL:
        return "basis"
    n_months = facts.period.whole_months
    if not n_months or n_months % 12:
        return "not_whole_years"
    last = pd.Period(facts.period.end, "M")
    if last.ordinal - _first_month(facts).ordinal + 1 < max(LEAST_MONTHS, 2 * n_months):
        return "short_history"
    if basis is Basis.REVENUE:
        return None
    unknown = facts.months[BASIS_COLUMN[basis]].isna().to_numpy()
    size = np.where(month_numbers(facts.months) > last.ordinal - 2 * n_months, facts.months["revenue"].abs(), 0.0)
    return "basis" if size[unknown].sum() > MOST_UNKNOWN * size.sum() else None


def _first_month(facts: AccountFacts) -> pd.Period:
    """The first month that history covers whole."""
    start = pd.Timestamp(facts.history_start)
    return start.to_period("M") + int(start.day > 1)


def _pooled(facts: AccountFacts) -> pd.Series:
    """The pool of collective accounts: it has revenue in the period and yet is not ranked."""
    accounts = facts.accounts
    return ~accounts["in_period"].astype(bool) & (accounts["revenue"].fillna(0.0) != 0)


def _unit(amounts: NDArray[np.float64], whole: Whole) -> float:
    """What a whole number is worth in the currency."""
    n = int(np.abs(whole).sum())
    return float(np.abs(amounts).sum()) / n if n else 1.0


def _overlap(one: Inside, other: Inside) -> NDArray[np.float64]:
    """|both| / |either| per row; 1 where both are empty, since nothing differs."""
    both, either = (one & other).sum(axis=1), (one | other).sum(axis=1)
    overlap: NDArray[np.float64] = np.where(either > 0, both / np.maximum(either, 1), 1.0)
    return overlap


def _fallen(before: Whole, now: Whole, inside: Inside) -> NDArray[np.int64]:
    """How many accounts in the set of the first year have fallen in the second, per row."""
    count: NDArray[np.int64] = (inside & (now * FELL.denominator <= before * FELL.numerator)).sum(axis=1)
    return count


def _transitions(before: Whole, now: Whole) -> pd.DataFrame:
    """How many accounts went from which class (rows) to which (columns); none: at or below zero."""
    classes = [c.value for c in AbcClass] + [NONE]
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (_class_codes(before), _class_codes(now)), 1)
    counts[-1, -1] = 0  # neither in this year nor in the one before
    table = pd.DataFrame(counts, columns=classes)
    table.insert(0, "class_before", pd.Series(classes, dtype="string"))
    return table


def _class_codes(year: Whole) -> NDArray[np.int64]:
    """0 for A, 1 for B, 2 for C, 3 for none."""
    a, b = (in_the_set(year[None], limit)[0] for limit in ABC_LIMITS)
    codes: NDArray[np.int64] = np.select([a, b, year > 0], [0, 1, 2], default=3)
    return codes


def _kendall(before: Whole, now: Whole) -> float:
    """τ-b over the accounts above zero in either year, 0 standing for everything at or below zero; missing (NaN) for fewer
    than three."""
    either = (before > 0) | (now > 0)
    if either.sum() < 3:
        return float("nan")
    ranks = [stats.rankdata(np.maximum(year[either], 0), method="dense") for year in (before, now)]
    return float(stats.kendalltau(*ranks, method="asymptotic").statistic)


def _ranked(year: Whole) -> Places:
    """The accounts above zero, as places in the frame, largest first."""
    order = np.argsort(-year, kind="stable")
    return order[year[order] > 0]


def _kept_longer(years: Whole, inside: Inside, limit: Fraction) -> NDArray[np.bool_]:
    """The accounts that hysteresis keeps today although they are not in the set."""
    near = in_the_set(years, min(limit + STAYS_WITHIN, Fraction(1)))
    member: NDArray[np.bool_] = inside[0]
    for year in range(1, len(years)):
        member = inside[year] | (member & (near[year] | near[year - 1]))
    kept: NDArray[np.bool_] = member & ~inside[-1]
    return kept


def _beside_chance(
    found: ListHistory, whole: Whole, n_months: int, limit: Fraction, seed: int, draws: int
) -> ListHistory:
    """The same with the bands of the overlap and of the number of fallen accounts that chance leaves."""
    pair = whole[:, -2 * n_months :]
    pair = pair[(pair != 0).any(axis=1)]
    if not len(pair):
        return found
    pair = pair[by_amounts(pair)]
    old, new = pair[:, :n_months], pair[:, n_months:]
    both = pair.sum(axis=1)[None]
    overlaps, fallen = [], []
    for drawn in sums_of_picks(new.sum(axis=1), _swaps(old - new), draws, np.random.default_rng(seed)):
        before = in_the_set(both - drawn, limit)
        overlaps.append(_overlap(in_the_set(drawn, limit), before))
        fallen.append(_fallen(both - drawn, drawn, before) / np.maximum(before.sum(axis=1), 1))
    low, high = (float(edge) for edge in np.percentile(np.concatenate(overlaps), BAND))
    few, many = (round(found.n_before * float(edge)) for edge in np.percentile(np.concatenate(fallen), BAND))
    within = low <= found.overlap <= high
    return replace(found, chance_low=low, chance_high=high, within_chance=within, fallen_low=few, fallen_high=many)


def _swaps(differences: Whole) -> list[Whole]:
    """What swapping any of six months at a time adds to the later year: per account all 2⁶ sums of the differences."""
    n_months = differences.shape[1]
    choices = []
    for first in range(0, n_months, SWAPPED_TOGETHER):
        sums = np.zeros((len(differences), 1), dtype=np.int64)
        for month in range(first, min(first + SWAPPED_TOGETHER, n_months)):
            sums = np.concatenate([sums, sums + differences[:, month : month + 1]], axis=1)
        choices.append(sums)
    return choices
