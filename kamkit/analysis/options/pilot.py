"""A pilot for each recommended option: who starts, who waits, what is measured, and what so few accounts can show. That
a method was right on the past is no effect of acting on it; only accounts that are left to wait can show one."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from kamkit.analysis.options.history import History
from kamkit.model.codes import Grain, Option
from kamkit.model.option_rules import PilotRules

PILOT, HOLD_OUT = "pilot", "hold_out"
CHANGE, FIRST = "revenue_change", "first_purchases"
SIGNIFICANCE = 0.05
MOST_SPANS, FEWEST_CHANGES = 4, 10
"""The spread of changes is taken from at most four past spans, and from at least ten changes (conventions)."""
LEAST_CHANGE, MOST_CHANGE = 0.1, 10.0
"""A fall to less than a tenth and a rise to more than tenfold count as these (convention)."""
PILOT_COLUMNS = ["option", "n_accounts", "n_pilot", "n_hold_out", "n_compared"]
PILOT_COLUMNS += ["measure", "start", "months", "detectable", "enough"]
ARM_COLUMNS = ["option", "account_id", "arm", "forced"]


def propose_pilots(
    recommendations: pd.DataFrame,
    history: History,
    key_ids: pd.Index,
    at_high_risk: pd.Index,
    rules: PilotRules,
    today: dt.date,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`pilots` and `pilot_accounts` of StrategyOptions: for each option recommended to at least two key accounts.

    Accounts of neighbouring size are paired, and in each pair a number drawn from both ids decides who starts, so that the
    order of rows changes nothing. An account at high risk starts in any case: to leave it alone for a trial would be wrong.
    Measured is the change of revenue in the six months from the start against the same months of the year before, of
    cross-selling the number of items bought for the first time. `detectable` is the difference between the arms that
    would be seen in four of five trials (two-sided, 5 %), from how much the same measure differed between key accounts in
    the past; accounts at high risk have no counterpart and are left out of it.
    """
    advice = recommendations[recommendations["account_id"].isin(key_ids)]
    size, spread = history.yearly_revenue, {CHANGE: _spread_of_changes(history, key_ids, rules)}
    spread[FIRST] = _spread_of_firsts(history, key_ids, rules)
    start = (pd.Timestamp(today).to_period("M") + 1).to_timestamp().date()
    pilots, arms = [], []
    for option in Option:
        ids = sorted(advice.loc[advice["recommended_option"] == option, "account_id"].astype(str))
        if len(ids) < 2:
            continue
        assigned = _arms(ids, size, set(at_high_risk.astype(str)))
        waiting = sum(arm == HOLD_OUT for arm, _ in assigned.values())
        compared = sum(arm == PILOT and not forced for arm, forced in assigned.values())
        measure = FIRST if option is Option.CROSS_SELLING and np.isfinite(spread[FIRST]) else CHANGE
        detectable = _detectable(compared, waiting, spread[measure], rules.power.value)
        if measure == CHANGE:
            detectable = float(np.expm1(detectable))
        needed = rules.first_purchases.value if measure == FIRST else rules.revenue.value
        values = [len(ids), len(ids) - waiting, waiting, compared, measure, start, int(rules.months.value), detectable]
        pilots.append([str(option), *values, bool(detectable <= needed)])
        arms += [[str(option), i, *assigned[i]] for i in ids]
    table = pd.DataFrame(pilots, columns=PILOT_COLUMNS)
    accounts = pd.DataFrame(arms, columns=ARM_COLUMNS)
    return table.astype({"detectable": float, "enough": bool}), accounts.astype({"forced": bool})


def _arms(ids: list[str], size: pd.Series[Any], at_high_risk: set[str]) -> dict[str, tuple[str, bool]]:
    arms = {i: (PILOT, True) for i in ids if i in at_high_risk}
    free = sorted((i for i in ids if i not in at_high_risk), key=lambda i: (-float(size.get(i, 0.0)), i))
    for pair in zip(free[::2], free[1::2], strict=False):
        starts = int(hashlib.sha256("|".join(sorted(pair)).encode()).hexdigest(), 16) % 2
        arms |= {account: (PILOT if i == starts else HOLD_OUT, False) for i, account in enumerate(sorted(pair))}
    return arms | {i: (PILOT, False) for i in free if i not in arms}


def _detectable(n_pilot: int, n_hold_out: int, spread: float, power: float) -> float:
    """The smallest difference of two means that is seen with this power."""
    freedom = n_pilot + n_hold_out - 2
    if min(n_pilot, n_hold_out) < 1 or freedom < 1:
        return float("nan")
    quantiles = student.ppf(1 - SIGNIFICANCE / 2, freedom) + student.ppf(power, freedom)
    return float(quantiles * spread * np.sqrt(1 / n_pilot + 1 / n_hold_out))


def _spread_of_changes(history: History, key_ids: pd.Index, rules: PilotRules) -> float:
    """Standard deviation of the logarithm of a half-year's revenue over that of the same months a year before, else of the
    half-year before, within each past span; of key accounts that bought in both."""
    if history.grain is Grain.YEAR:
        return float("nan")
    months = int(rules.months.value)
    gap = 12 if history.covers(12 + months) else months
    changes = []
    for back in range(0, MOST_SPANS * months, months):
        if not history.covers(back + gap + months):
            break
        now, before = (history.revenue(months, n).reindex(key_ids).fillna(0.0) for n in (back, back + gap))
        share = (now / before.where(before > 0)).dropna()
        logs = np.log(share.clip(LEAST_CHANGE, MOST_CHANGE))
        changes.append(logs - logs.mean())
    return _spread(changes)


def _spread_of_firsts(history: History, key_ids: pd.Index, rules: PilotRules) -> float:
    """Standard deviation of the number of items bought for the first time in half a year, within each past span that has
    at least a year before it."""
    bought = history.purchases
    if bought.empty:
        return float("nan")
    first = bought.groupby(["account_id", "item"], observed=True)["date"].min().reset_index()
    months = int(rules.months.value)
    counts = []
    for back in range(0, MOST_SPANS * months, months):
        if not history.covers(back + months + 12):
            break
        inside = first[first["date"].between(history.first_day(back + months), history.first_day(back), "left")]
        number = inside.groupby("account_id").size().reindex(key_ids).fillna(0.0).astype(float)
        counts.append(number - number.mean())
    return _spread(counts)


def _spread(deviations: list[pd.Series[Any]]) -> float:
    values = np.concatenate([part.to_numpy(float) for part in deviations]) if deviations else np.empty(0)
    freedom = len(values) - len(deviations)
    return (
        float(np.sqrt((values**2).sum() / freedom)) if len(values) >= FEWEST_CHANGES and freedom > 0 else float("nan")
    )
