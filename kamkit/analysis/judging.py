"""How a test on history is judged: every kind of trial gives rows of backtests.csv with an interval, baselines and one test.

What is tried, and on which days, stands in `backtest`; what one ranking is worth, in `ranking_quality`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest, hypergeom, norm

from kamkit.analysis.people_and_model import FEWEST_DECISIONS, hit_rate, judged_decisions, option_outcomes
from kamkit.analysis.ranking_quality import (
    METRICS,
    Figures,
    chance_figures,
    chance_test,
    draw_weights,
    interval,
    ranked_figures,
    wilson,
)
from kamkit.model.results import AccountFacts, KeyAccounts

if TYPE_CHECKING:
    from kamkit.analysis.options.baskets import Hits
    from kamkit.analysis.options.ranking import Method, Tested

FEWEST_EVENTS = 20
"""Fewer events, or fewer accounts without one, are no statistics (convention)."""

DRAWS, SEED = 1000, 1979
FEW_ITEMS = 20
NOT_TESTABLE = "not_testable"
UNTESTED_LISTS = {
    "few": "few_items",
    "few_firsts": "few_firsts",
    "no_items": "no_items",
    "reorganised": "category_reorganisation",
}
"""Why a ranking of items has no test, by its own reason; else the history is too short."""


def judge(trials: pd.DataFrame, draws: int = DRAWS, seed: int = SEED, one_list: bool = False) -> list[dict[str, Any]]:
    """Rows of backtests.csv for a trial frame, per task and population: each cut-off by itself, and all together.

    `trials`, one row per account and cut-off: task, cut_off, population, account_id, score (higher = more expected),
    event (boolean), optionally amount and lead_days (see ranking_quality), and a column baseline_<name> for each score to
    be beaten. A row per metric and baseline (chance first); cut_off is missing where several are put together.
    Intervals: bootstrap, all rows of an account drawn together. `p_value`, on the row of the AUC over all cut-offs only:
    against chance. `beats_baselines`: the value lies above those of all baselines. Below 20 events or non-events the
    one row is `not_testable`, its reason few_events or few_others. The order of the rows means nothing.
    `one_list`: scores of all days are compared with each other, where a day has too few accounts for a list of its own.
    """
    ordered = trials.sort_values(["cut_off", "account_id"], kind="stable")
    found: list[dict[str, Any]] = []
    for (task, population), dated in ordered.groupby(["task", "population"]):
        about = {"task": task, "population": population}
        several = dated["cut_off"].nunique() > 1
        rows = dated.assign(cut_off=dated["cut_off"].max()) if one_list else dated
        rows = rows.drop(columns=[name for name in ("amount", "lead_days") if name in rows and rows[name].isna().all()])
        names = [str(column) for column in rows if str(column).startswith("baseline_")]
        together, by_day = ranked_figures(rows, draws, seed)
        baselines = {name.removeprefix("baseline_"): ranked_figures(rows, score=name) for name in names}
        for day in by_day if len(by_day) > 1 else ():
            others = {name: figures[day] for name, (_, figures) in baselines.items()}
            found += _judged(about | {"cut_off": day}, by_day[day], others, math.nan)
        others = {name: figures for name, (figures, _) in baselines.items()}
        whole = about | {"cut_off": pd.NaT if several else dated["cut_off"].iloc[0]}
        found += _judged(whole, together, others, chance_test(rows))
    return found


def _judged(
    about: Mapping[str, Any], figures: Figures, baselines: Mapping[str, Figures], p_value: float
) -> Iterator[dict[str, Any]]:
    n, events = int(figures["n"][0]), int(figures["events"][0])
    if min(events, n - events) < FEWEST_EVENTS:
        reason = "few_events" if events < FEWEST_EVENTS else "few_others"
        yield untestable(about["task"], about["population"], reason, about["cut_off"], n, events)
        return
    others = {name: {metric: float(values[0]) for metric, values in found.items()} for name, found in baselines.items()}
    for metric in (name for name in METRICS if name in figures):
        value = float(figures[metric][0])
        low, high = interval(metric, figures)
        compared = {
            name: other[metric]
            for name, other in {"chance": chance_figures(figures), **others}.items()
            if metric in other
        }
        for baseline, baseline_value in compared.items():
            yield {
                **about,
                **_figure(n, events, metric, value, low, high, baseline, baseline_value),
                "p_value": p_value if metric == "auc" else math.nan,
                "beats_baselines": value > max(compared.values()),
            }


def judge_buffer(trials: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of backtests.csv for the tasks `buffer`, whether accounts with a firmer relationship hold their volume after a
    shock, and `buffer_placebo`, whether they do so anyway.

    Shocks of all days make one list. The p-value of buffer is the larger of two: against chance, and against the placebo
    (areas under the curve, normal approximation), since a firm relationship buffers a shock only if it does more after
    one than in calm months. Without a placebo that can be tested there is no test.
    """
    by_task = {task: judge(rows, one_list=True) for task, rows in trials.groupby("task")}
    shocks, calm = by_task.get("buffer", []), by_task.get("buffer_placebo", [])
    areas = [next((row for row in rows if row["metric"] == "auc"), None) for rows in (shocks, calm)]
    if not shocks or areas[0] is None:
        return shocks or [untestable("buffer", "shocked_accounts", "no_shocks", None)]
    if areas[1] is None:
        first = shocks[0]
        return [untestable("buffer", first["population"], "few_calm", first["cut_off"], first["n"], first["events"])]
    errors = [(area["ci_high"] - area["ci_low"]) / (2 * norm.ppf(0.975)) for area in areas if area is not None]
    larger = float(norm.sf((areas[0]["value"] - areas[1]["value"]) / max(math.hypot(*errors), 1e-9)))
    judged = [row | {"p_value": np.maximum(row["p_value"], larger)} for row in shocks]
    return [*judged, *(row | {"p_value": math.nan} for row in calm)]


def judge_directions(trials: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of backtests.csv for forecasts of a direction: direction_hits, the share whose sign came true.

    Antennas of one day foretell the same market, so days are drawn, not accounts, and the p-value is a sign test over days
    (exact, one-sided) against the baseline that is harder to beat. Below 20 forecasts there is no test.
    """
    if len(trials) < FEWEST_EVENTS:
        n, events = len(trials), int(trials["event"].sum())
        return [untestable("direction", "antenna_candidates", "few_forecasts" if n else "no_antenna", None, n, events)]
    ordered = trials.sort_values(["cut_off", "account_id"], kind="stable")
    names = [str(name) for name in ordered if str(name).startswith("baseline_")]
    right = (
        ordered[["score", *names]].gt(0).eq(ordered["event"], axis=0).groupby(ordered["cut_off"]).agg(["sum", "size"])
    )
    size, hits = right["score", "size"].to_numpy(float), right["score", "sum"].to_numpy(float)
    drawn = draw_weights(len(right), DRAWS, SEED)[1:].astype(float)
    low, high = (float(limit) for limit in np.quantile((drawn @ hits) / (drawn @ size), [0.025, 0.975]))
    value, n, events = float(hits.sum() / size.sum()), len(trials), int(trials["event"].sum())
    least, most = wilson(hits.sum(), n)
    others = {name.removeprefix("baseline_"): right[name, "sum"].to_numpy(float) for name in names}
    compared = {"chance": 0.5, **{name: float(other.sum() / size.sum()) for name, other in others.items()}}
    p_value = max(_sign_test(hits - other) for other in [size / 2, *others.values()])
    day = ordered["cut_off"].iloc[0] if len(right) == 1 else pd.NaT
    return [
        {"task": "direction", "population": "antenna_candidates", "cut_off": day, "p_value": p_value}
        | _figure(n, events, "direction_hits", value, min(low, least), max(high, most), baseline, other)
        | {"beats_baselines": value > max(compared.values())}
        for baseline, other in compared.items()
    ]


def _sign_test(difference: NDArray[np.float64]) -> float:
    won, lost = int((difference > 0).sum()), int((difference < 0).sum())
    return float(binomtest(won, won + lost, alternative="greater").pvalue) if won + lost else 1.0


def judge_lists(
    method: Method, day: pd.Timestamp, blocked: str | None = None, bought: pd.Series[Any] | None = None
) -> list[dict[str, Any]]:
    """Rows of backtests.csv for proposals of items: hit_at_10, recall_at_10 and map_at_10 (of at most 20 items hit_at_1
    in place of the first) against what everyone buys (popularity) and what comparable accounts buy (peers).

    `p_value`: accounts hit by the method alone against accounts hit by popularity alone (McNemar 1947, exact, one-sided),
    since hits without any knowledge of the account are no achievement. The population is every account with a first
    purchase in the window. `bought`: how many items each account had bought before, by account_id; with it stands what a
    draw from all others would have hit (chance).
    """
    tested = method.tested
    if tested is None or blocked:
        reason = blocked or UNTESTED_LISTS.get(method.reason, "short_history")
        return [untestable("cross_selling", "new_buyers", reason, day)]
    n, events = len(tested.hits.by_rank), tested.hits.firsts
    if events < FEWEST_EVENTS:
        return [untestable("cross_selling", "new_buyers", "few_events", tested.cut_off, n, events)]
    about = {"task": "cross_selling", "population": "new_buyers", "cut_off": tested.cut_off, "months": tested.months}
    weights = draw_weights(n, DRAWS, SEED).astype(float)
    figures = _of_lists(tested.hits, tested)
    others = {"popularity": _of_lists(tested.popular, tested), "peers": _of_lists(tested.peers, tested)}
    lead = next(iter(figures))
    if bought is not None:
        others["chance"] = _drawn_lists(tested, bought)
    p_value = _sign_test(figures[lead] - others["popularity"][lead])
    found = []
    for metric, by_account in figures.items():
        value, drawn = float(by_account.mean()), weights[1:] @ by_account / n
        low, high = (float(limit) for limit in np.quantile(drawn, [0.025, 0.975]))
        if metric == lead:
            least, most = wilson(value * n, n)
            low, high = min(low, least), max(high, most)
        compared = {name: float(other[metric].mean()) for name, other in others.items() if metric in other}
        for baseline, baseline_value in compared.items():
            row = _figure(n, events, metric, value, low, high, baseline, baseline_value)
            test = {"p_value": p_value if metric == lead else math.nan}
            found.append({**about, **row, **test, "beats_baselines": value > max(compared.values())})
    return found


def _drawn_lists(tested: Tested, bought: pd.Series[Any]) -> dict[str, Any]:
    """The metrics of a list drawn from what the account had not bought, by account: expected values (hypergeometric)."""
    before = bought.reindex(tested.hits.accounts).fillna(0).to_numpy(int)
    firsts, length = tested.hits.n_firsts, tested.hits.by_rank.shape[1]
    open_items = np.maximum(tested.n_items - before, firsts)
    length = np.minimum(length, open_items)
    return {
        "hit_at_10": 1 - hypergeom.pmf(0, open_items, firsts, length),
        "hit_at_1": firsts / open_items,
        "recall_at_10": length / open_items,
    }


def _of_lists(hits: Hits, tested: Tested) -> dict[str, Any]:
    """The metrics of proposed lists by account, the one that is tested first."""
    by_rank = hits.by_rank.astype(float)
    precision = np.cumsum(by_rank, axis=1) / np.arange(1, by_rank.shape[1] + 1)
    at_most = np.minimum(hits.n_firsts, by_rank.shape[1])
    first = {"hit_at_10": by_rank.max(axis=1)} if tested.n_items > FEW_ITEMS else {"hit_at_1": by_rank[:, 0]}
    return first | {
        "recall_at_10": by_rank.sum(axis=1) / hits.n_firsts,
        "map_at_10": (by_rank * precision).sum(axis=1) / at_most,
    }


def judge_people(facts: AccountFacts, key_accounts: KeyAccounts) -> list[dict[str, Any]]:
    """Rows of backtests.csv for a decision log that is old enough; none where nothing was decided a year ago.

    `key_account_decisions`: people_right, the share of decisions that the following twelve months bore out, with the
    model's as baseline and McNemar's test of both (two-sided); accounts are drawn together. `option_decisions`:
    revenue_change, the median change of revenue from the twelve months before a choice of an option to those after it,
    beside that of accounts without such a choice over the same months. It describes and has no test: options are chosen
    for accounts that were going to grow or to fall anyway. Below 20 decisions neither is told.
    """
    return [*_judged_choices(judged_decisions(facts, key_accounts)), *_judged_options(facts)]


def _judged_choices(cases: pd.DataFrame) -> list[dict[str, Any]]:
    hits = hit_rate(cases)
    about = {"task": "key_account_decisions", "population": "decided_accounts", "cut_off": pd.NaT}
    if not hits.testable:
        few = untestable("key_account_decisions", "decided_accounts", "few_decisions", None, hits.n, hits.people_right)
        return [few] if hits.n else []
    right = (cases["decision"] == cases["truth"]).to_numpy(float)
    people, model = hits.people_right / hits.n, hits.model_right / hits.n
    row = _figure(
        hits.n,
        hits.people_right,
        "people_right",
        people,
        *_interval(cases["account_id"], right, np.mean),
        "model",
        model,
    )
    return [about | row | {"p_value": 1.0 if hits.p_value is None else hits.p_value, "beats_baselines": people > model}]


def _judged_options(facts: AccountFacts) -> list[dict[str, Any]]:
    followed = option_outcomes(facts)
    n, better = len(followed), int((followed["change"] > followed["others"]).sum())
    if n < FEWEST_DECISIONS:
        few = untestable("option_decisions", "chosen_accounts", "few_decisions", None, n, better)
        return [few] if n else []
    change, others = float(followed["change"].median()), float(followed["others"].median())
    limits = _interval(followed["account_id"], followed["change"].to_numpy(float), np.median)
    about = {"task": "option_decisions", "population": "chosen_accounts", "cut_off": pd.NaT}
    row = _figure(n, better, "revenue_change", change, *limits, "other_accounts", others)
    return [about | row | {"beats_baselines": change > others}]


def _interval(account_ids: pd.Series[Any], values: Any, statistic: Any) -> tuple[float, float]:
    """95 % of the statistic over draws of accounts, all rows of one together."""
    codes, accounts = pd.factorize(account_ids.astype(str), sort=True)
    order = np.argsort(codes, kind="stable")
    drawn = draw_weights(len(accounts), DRAWS, SEED)[1:, codes[order]]
    low, high = np.quantile([statistic(np.repeat(values[order], times)) for times in drawn], [0.025, 0.975])
    return float(low), float(high)


def untestable(
    task: str, population: str, reason: str, day: pd.Timestamp | None, n: int = 0, events: int = 0
) -> dict[str, Any]:
    """The row of a task that cannot be tested, with the code of the reason."""
    about = {"task": task, "population": population, "cut_off": pd.NaT if day is None else day, "reason": reason}
    return about | _figure(n, events, NOT_TESTABLE, math.nan, math.nan, math.nan, None, math.nan)


def _figure(
    n: int,
    events: int,
    metric: str,
    value: float,
    low: float,
    high: float,
    baseline: str | None,
    baseline_value: float,
) -> dict[str, Any]:
    """The part of a row that holds one metric beside one baseline."""
    return {
        "n": n,
        "events": events,
        "metric": metric,
        "value": value,
        "ci_low": low,
        "ci_high": high,
        "baseline": baseline,
        "baseline_value": baseline_value,
    }
