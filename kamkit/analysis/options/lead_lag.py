"""Whether one account's changes run ahead of all others': lagged correlations against what chance would give.

Short series that wander for themselves correlate with anything, and a series that moves together with the others
correlates with what they do next month as well. So chance is what the account would show if it moved with the others of
the same month and wandered otherwise, as much and as lastingly as it does, and no less lastingly than most accounts of
the portfolio (a convention)."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kamkit.model.option_rules import AntennaRules

YEAR, SMOOTHING, LONGEST_LEAD = 12, 3, 6
DRAWS, FIRST_DRAWS, WORTH_MORE = 9999, 999, 0.05
SEED = 1986
MEMORY = np.linspace(0.0, 1.0, 11)
"""How much of a month's deviation is left a month later: from none to a wandering that never returns."""
SETTLING, FITTED = 30, 3

Floats = NDArray[np.float64]


def yearly_changes(amounts: Floats) -> Floats:
    """Change of the logarithm of three months against the same months of the year before; the last axis is months and
    becomes 14 shorter. Not finite where there was no revenue."""
    width = amounts.shape[-1] - SMOOTHING + 1
    rolling = sum(amounts[..., i : i + width] for i in range(SMOOTHING))
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(rolling)
        changes: Floats = logs[..., YEAR:] - logs[..., :-YEAR]
    return changes


def find_leads(amounts: Floats, rest: Floats, account_ids: pd.Index, rules: AntennaRules) -> pd.DataFrame:
    """By account: lead (the highest correlation of its changes with those of the rest one to six months later, both
    without their straight trend), months_ahead, lead_band (what 95 % of chance series stay below), leads (boolean).

    `amounts` and `rest`: revenue, accounts × months. A lead holds if it is higher than what the account shows in the same
    month and behind, and in so few chance series that, over all accounts, not more than the tolerated share of findings is
    false (Benjamini & Hochberg 1995). Accounts are left out where there is no wave that could run ahead: without
    revenue in some three months, where the yearly change hardly varies, or where a single month, a one-off order or a step
    as a new contract or a price rise makes it, carries half of what changes, in their own series or the rest's.
    """
    changes, others = yearly_changes(amounts), yearly_changes(rest)
    varied = _has_waves(amounts, changes, rules) & _has_waves(rest, others, rules)
    account_ids, own = account_ids[varied], _without_trend(changes[varied])
    others = _without_trend(others[varied])
    together = (own * others).sum(axis=-1, keepdims=True) / (others**2).sum(axis=-1, keepdims=True) * others
    persistence = _persistence(own - together)
    least = float(np.median(persistence)) if len(own) else 0.0
    chance = _chance(changes.shape[-1])
    rows = [
        _lead(series, other, moved + chance.like(series - moved, max(float(lasting), least)))
        for series, other, moved, lasting in zip(own, others, together, persistence, strict=True)
    ]
    columns = ["lead", "months_ahead", "lead_band", "p"]
    table = pd.DataFrame(rows, columns=columns, index=account_ids, dtype=float)
    held = not_by_chance(table["p"].to_numpy(float), rules.false_discovery.value)
    return table.assign(leads=held).drop(columns="p")


def not_by_chance(p: Floats, false_discovery: float) -> NDArray[np.bool_]:
    """Benjamini & Hochberg: those p values that hold at this rate of false discoveries."""
    order = np.argsort(p, kind="stable")
    limits = false_discovery * np.arange(1, len(p) + 1) / len(p)
    below = np.flatnonzero(p[order] <= limits)
    held = np.zeros(len(p), dtype=bool)
    if len(below):
        held[order[: below[-1] + 1]] = True
    return held


class _Chance:
    """Series that wander, smoothed and compared with the year before as the accounts' are; mean 0, spread 1."""

    def __init__(self, n_months: int) -> None:
        rng = np.random.default_rng(SEED)
        shocks = rng.normal(size=(DRAWS, n_months + YEAR + SMOOTHING - 1 + SETTLING))
        self._series = [_standardised(_changes_of(shocks, memory)) for memory in MEMORY]
        self._persistence = np.maximum.accumulate([float(_persistence(drawn).mean()) for drawn in self._series])

    def like(self, series: Floats, persistence: float) -> Floats:
        """Draws that persist so much and vary as a series does, from which trend and common movement were taken."""
        memory = int(np.searchsorted(self._persistence, persistence).clip(max=len(MEMORY) - 1))
        drawn: Floats = self._series[memory] * np.sqrt((series**2).sum() / (len(series) - FITTED))
        return drawn


@cache
def _chance(n_months: int) -> _Chance:
    """The same draws for every account and day, made once."""
    return _Chance(n_months)


def _changes_of(shocks: Floats, memory: float) -> Floats:
    level = shocks.copy()
    for month in range(1, shocks.shape[1]):
        level[:, month] += memory * level[:, month - 1]
    level = level[:, SETTLING:]
    width = level.shape[1] - SMOOTHING + 1
    smooth: Any = sum(level[:, i : i + width] for i in range(SMOOTHING))
    changes: Floats = smooth[:, YEAR:] - smooth[:, :-YEAR]
    return changes


def _lead(own: Floats, others: Floats, drawn: Floats) -> tuple[float, float, float, float]:
    ahead, behind = _lagged(own[None, :], others)
    best = float(ahead.max())
    p, strongest = 1.0, np.empty(0)
    for n_draws in (FIRST_DRAWS, DRAWS):
        by_chance, in_step = _lagged(drawn[:n_draws], others)
        strongest = by_chance.max(axis=0)
        reached = (strongest >= best) & (strongest > in_step.max(axis=0))
        p = (1 + int(reached.sum())) / (1 + n_draws) if best > behind.max() else 1.0
        if p > WORTH_MORE:
            break
    return best, float(ahead.argmax()) + 1.0, float(np.quantile(strongest, 0.95)), p


def _lagged(series: Floats, others: Floats) -> tuple[Floats, Floats]:
    """Correlations of each series with the others one to six months later, and with the same and earlier months:
    months × series."""
    ahead = [_correlation(series[:, :-lag], others[lag:]) for lag in range(1, LONGEST_LEAD + 1)]
    behind = [_correlation(series[:, lag:], others[: len(others) - lag]) for lag in range(LONGEST_LEAD + 1)]
    return np.stack(ahead), np.stack(behind)


def _correlation(left: Floats, right: Floats) -> Floats:
    """Of each row with one series."""
    a, b = left - left.mean(axis=1, keepdims=True), right - right.mean()
    spread = np.sqrt((a**2).sum(axis=1) * (b**2).sum())
    result: Floats = (a @ b) / np.where(spread > 0, spread, np.inf)
    return result


def _without_trend(series: Floats) -> Floats:
    time = np.arange(series.shape[-1]) - (series.shape[-1] - 1) / 2
    centred = series - series.mean(axis=-1, keepdims=True)
    result: Floats = centred - (centred @ time / (time @ time))[..., None] * time
    return result


def _standardised(series: Floats) -> Floats:
    straight = _without_trend(series)
    result: Floats = straight / straight.std(axis=-1, keepdims=True)
    return result


def _persistence(series: Floats) -> Any:
    """Correlation with the month before."""
    return (series[..., 1:] * series[..., :-1]).sum(axis=-1) / np.maximum((series**2).sum(axis=-1), 1e-300)


def _has_waves(amounts: Floats, changes: Floats, rules: AntennaRules) -> NDArray[np.bool_]:
    finite = np.asarray(np.isfinite(changes).all(axis=-1))
    straight = _without_trend(np.where(finite[:, None], changes, 0.0))
    usual = (amounts - np.median(amounts, axis=-1, keepdims=True)) ** 2
    one_off = usual.max(axis=-1) / np.maximum(usual.sum(axis=-1), 1e-300)
    largest = np.maximum(one_off, _largest_step(straight))
    varies = changes.std(axis=-1, where=np.isfinite(changes)) >= rules.least_variation.value
    return np.asarray(finite & varies & (largest <= rules.largest_step.value))


def _largest_step(series: Floats) -> Floats:
    """The share of all squared month-to-month change that one month carries, with the smoothing that spreads it over three;
    1 where nothing changes."""
    steps = np.diff(series, axis=-1) ** 2
    width = steps.shape[-1] - SMOOTHING + 1
    within: Any = sum(steps[..., i : i + width] for i in range(SMOOTHING))
    total = steps.sum(axis=-1)
    share: Floats = np.where(total > 1e-12, within.max(axis=-1) / np.where(total > 0, total, 1.0), 1.0)
    return share
