"""What the methods would have got right on the client's own history: rolling cut-offs, figures up to each, targets after."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from kamkit.analysis.options.account_risk import assess_account_risk
from kamkit.analysis.options.cross_selling import Method, Tested
from kamkit.analysis.options.history import History
from kamkit.model.option_rules import OptionRules

FEWEST_EVENTS = 20
"""Fewer events are no statistics (convention)."""

FEWEST_MONTHS, MOST_ORIGINS = 6, 3
FALL = 0.5
LIST_LENGTH = 10
FEW_ITEMS = 20
NOT_TESTABLE = "not_testable"
COLUMNS = [
    "task",
    "cut_off",
    "population",
    "n",
    "events",
    "metric",
    "value",
    "ci_low",
    "ci_high",
    "baseline",
    "baseline_value",
]
TARGETS = ("risk_stop", "risk_fall")
BASELINES = {"small_accounts": "small", "recency": "days_since_last"}


def backtest_options(
    history: History,
    window_months: int,
    cross_selling: Method,
    rules: OptionRules,
    blocked: Collection[str] = (),
) -> pd.DataFrame:
    """Tests on the client's own history: account risk at up to three past cut-offs, cross-selling on the last window.

    Population: accounts that ordered within the 26 weeks before the cut-off, fixed beforehand, and the key accounts
    among them. `risk_stop`: no order within the window; `risk_fall`: revenue at least half below the 12-month mean.
    Metrics: auc, and precision of the ten highest scores with Wilson's 95 % interval, each against a baseline (small
    accounts first, recency, chance). Below 20 events, and where the data would deceive a test
    (account_risk is `blocked`) or are too few for one (statistics), the metric is `not_testable` and the value empty.
    Returns task, cut_off, population, n, events, metric, value, ci_low, ci_high, baseline, baseline_value.
    """
    rows = [
        *_risk_rows(history, window_months, not {"account_risk", "statistics"} & {*blocked}, rules),
        *_cross_selling_rows(cross_selling.tested if "statistics" not in blocked else None, history.cut_off),
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    numbers = dict.fromkeys(("value", "ci_low", "ci_high", "baseline_value"), float)
    return table.astype({**numbers, "n": "int64", "events": "int64"})


def auc(score: NDArray[np.float64], event: NDArray[np.bool_]) -> float:
    """The chance that an event has a higher score than a non-event, ties counted half; missing without either."""
    n_events, n_other = int(event.sum()), int((~event).sum())
    if not n_events or not n_other:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[event].sum() - n_events * (n_events + 1) / 2) / (n_events * n_other))


def wilson(hits: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share (Wilson 1927).

    >>> [round(limit, 2) for limit in wilson(6, 10)]
    [0.31, 0.83]
    """
    if not n:
        return float("nan"), float("nan")
    z = float(norm.ppf(0.5 + confidence / 2))
    share, spread = hits / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class RiskReplay:
    """One cut-off: scores and baselines known then, and what happened after; one row per account (index account_id):
    score, recency, small (minus yearly revenue), is_key, risk_stop, risk_fall."""

    cut_off: pd.Timestamp
    table: pd.DataFrame


def replay_account_risk(
    history: History, cut_off: pd.Timestamp, window_months: int, key_account_ids: pd.Index, rules: OptionRules
) -> RiskReplay:
    """The risk score as of `cut_off`, for accounts that ordered in the 26 weeks before, and what the next window brought."""
    then = history.until(cut_off)
    risk, _ = assess_account_risk(then, window_months, rules.risk)
    table = risk.set_index("account_id")[["risk_score", "days_since_last"]]
    yearly = then.yearly_revenue.reindex(table.index).fillna(0.0)
    later = (
        history.until(cut_off + pd.DateOffset(months=window_months))
        .revenue(window_months)
        .reindex(table.index)
        .fillna(0.0)
    )
    expected = yearly * window_months / min(12, max(then.n_months, 1))
    table = table.assign(small=-yearly, risk_stop=later <= 0, risk_fall=later < FALL * expected)
    table = table[table["days_since_last"] <= 7 * rules.risk.active_weeks.value]
    return RiskReplay(cut_off, table.assign(is_key=table.index.isin(key_account_ids)))


def cut_offs(history: History, window_months: int) -> list[pd.Timestamp]:
    """Up to three month ends, a window apart, the last one a window before the end of the data, each with enough history
    before it; earliest first."""
    day_after = history.cut_off + pd.Timedelta(days=1)
    last = day_after.to_period("M").to_timestamp() if day_after.day > 1 else day_after
    steps = range(1, MOST_ORIGINS + 1)
    days = [last - pd.DateOffset(months=window_months * step) - pd.Timedelta(days=1) for step in steps]
    return [day for day in reversed(days) if history.until(day).n_months >= FEWEST_MONTHS]


def _risk_rows(history: History, window_months: int, is_testable: bool, rules: OptionRules) -> Iterator[dict[str, Any]]:
    if not (history.dated_by_day and is_testable):
        yield from (_untestable(task, history.cut_off, "active_26_weeks", 0, 0) for task in TARGETS)
        return
    days = cut_offs(history, window_months)
    if not days:
        yield from (_untestable(task, history.cut_off, "active_26_weeks", 0, 0) for task in TARGETS)
    for day in days:
        tested = replay_account_risk(history, day, window_months, _largest(history.until(day)), rules)
        for population, table in (
            ("active_26_weeks", tested.table),
            ("key_accounts", tested.table[tested.table["is_key"]]),
        ):
            for task in TARGETS:
                yield from _risk_metrics(task, day, population, table)


def _largest(history: History, share: float = 0.8) -> pd.Index:
    """The smallest set of accounts that had 80 % of the last 12 months' revenue, as known then."""
    yearly = history.yearly_revenue.sort_values(ascending=False, kind="stable")
    before = yearly.cumsum() - yearly
    return yearly.index[(before < share * yearly.sum()) & (yearly > 0)]


def _risk_metrics(task: str, day: pd.Timestamp, population: str, table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    event = table[task].to_numpy(bool)
    n, events = len(table), int(event.sum())
    if events < FEWEST_EVENTS or n - events < FEWEST_EVENTS:
        yield _untestable(task, day, population, n, events)
        return
    score = table["risk_score"].to_numpy(float)
    row = {"task": task, "cut_off": day, "population": population, "n": n, "events": events}
    for baseline, column in BASELINES.items():
        value = auc(table[column].to_numpy(float), event)
        yield row | _metric(
            "auc", auc(score, event), baseline, value, *_auc_interval(auc(score, event), events, n - events)
        )
    hits = round(_precision(score, event) * LIST_LENGTH)
    others = {"chance": events / n} | {
        name: _precision(table[column].to_numpy(float), event) for name, column in BASELINES.items()
    }
    for baseline, value in others.items():
        yield row | _metric("precision_at_10", hits / LIST_LENGTH, baseline, value, *wilson(hits, LIST_LENGTH))


def _precision(score: NDArray[np.float64], event: NDArray[np.bool_]) -> float:
    return float(event[np.argsort(-score, kind="stable")[:LIST_LENGTH]].mean())


def _auc_interval(value: float, n_events: int, n_other: int) -> tuple[float, float]:
    """95 % interval of the area under the curve (Hanley & McNeil 1982)."""
    both, twice = value / (2 - value), 2 * value**2 / (1 + value)
    variance = value * (1 - value) + (n_events - 1) * (both - value**2) + (n_other - 1) * (twice - value**2)
    half = 1.96 * math.sqrt(max(variance, 0.0) / (n_events * n_other))
    return max(0.0, value - half), min(1.0, value + half)


def _cross_selling_rows(tested: Tested | None, end: pd.Timestamp) -> Iterator[dict[str, Any]]:
    if tested is None:
        yield _untestable("cross_selling", end, "new_buyers", 0, 0)
        return
    n, events = len(tested.hits.by_rank), tested.hits.firsts
    if events < FEWEST_EVENTS:
        yield _untestable("cross_selling", tested.cut_off, "new_buyers", n, events)
        return
    row = {
        "task": "cross_selling",
        "cut_off": tested.cut_off,
        "population": "new_buyers",
        "n": n,
        "events": events,
    }
    for baseline, other in (("popularity", tested.popular), ("peers", tested.peers)):
        if tested.n_items > FEW_ITEMS:
            hits = int(tested.hits.by_rank.any(axis=1).sum())
            yield row | _metric(
                "hit_at_10", tested.hits.hit_rate, baseline, other.hit_rate, *wilson(hits, len(tested.hits.by_rank))
            )
        else:
            hits = int(tested.hits.by_rank[:, 0].sum())
            first = other.by_rank[:, 0].mean()
            yield row | _metric(
                "hit_at_1", hits / len(tested.hits.by_rank), baseline, first, *wilson(hits, len(tested.hits.by_rank))
            )
        yield row | _metric("map_at_10", tested.hits.average_precision, baseline, other.average_precision)


def _metric(
    metric: str, value: float, baseline: str, baseline_value: float, low: float = math.nan, high: float = math.nan
) -> dict[str, Any]:
    return {
        "metric": metric,
        "value": value,
        "ci_low": low,
        "ci_high": high,
        "baseline": baseline,
        "baseline_value": baseline_value,
    }


def _untestable(task: str, day: pd.Timestamp, population: str, n: int, events: int) -> dict[str, Any]:
    row = {"task": task, "cut_off": day, "population": population, "n": n, "events": events}
    return row | {
        "metric": NOT_TESTABLE,
        "value": math.nan,
        "ci_low": math.nan,
        "ci_high": math.nan,
        "baseline": None,
        "baseline_value": math.nan,
    }
