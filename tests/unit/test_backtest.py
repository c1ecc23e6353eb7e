"""Tests on the client's own history: counted right, and silent where there is too little to count."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from kamkit.analysis.backtest import COLUMNS, auc, backtest_options, cut_offs, replay_account_risk, wilson
from kamkit.analysis.options.cross_selling import Method
from kamkit.analysis.options.history import history_until
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts

RULES = load_option_rules()
UNTESTED = Method("peers", "few")


def buyers(n: int, leavers: int, seed: int = 5) -> list[tuple[str, str, float, str]]:
    """n accounts with random rhythms; the first `leavers` stop at some day within the last half-year."""
    rng = np.random.default_rng(seed)
    orders = []
    for i in range(n):
        day, end = pd.Timestamp("2023-01-03"), pd.Timestamp("2025-12-31")
        if i < leavers:
            end = pd.Timestamp("2025-06-10") + pd.Timedelta(days=int(rng.integers(0, 120)))
        while day <= end:
            orders.append((f"A{i:03d}", day.date().isoformat(), float(rng.lognormal(4, 0.3)), "x"))
            day += pd.Timedelta(days=int(rng.integers(8, 22)))
    return orders


def test_auc_counts_pairs_and_ties_half() -> None:
    assert auc(np.array([3.0, 1.0, 2.0, 2.0]), np.array([True, False, True, False])) == 3.5 / 4
    assert np.isnan(auc(np.array([1.0, 2.0]), np.array([True, True])))


def test_wilson_of_six_of_ten() -> None:
    assert [round(limit, 2) for limit in wilson(6, 10)] == [0.31, 0.83]
    assert wilson(0, 10)[0] == 0.0


def test_cut_offs_are_month_ends_a_window_apart(facts_from: Callable[..., AccountFacts]) -> None:
    history = history_until(facts_from([("A", "2025-12-09", 1.0, "x")], end="2025-12-09", start="2025-01-01"))
    assert [day.date().isoformat() for day in cut_offs(history, 1)] == ["2025-08-31", "2025-09-30", "2025-10-31"]
    assert [day.date().isoformat() for day in cut_offs(history, 3)] == ["2025-08-31"]


def test_the_target_lies_after_and_the_score_before(facts_from: Callable[..., AccountFacts]) -> None:
    orders = [
        *buyers(20, 0),
        ("S", "2025-08-20", 50.0, "x"),
        ("N", "2025-10-02", 50.0, "x"),
        ("OLD", "2025-01-20", 50.0, "x"),
    ]
    day = pd.Timestamp("2025-09-30")
    replay = replay_account_risk(history_until(facts_from(orders)), day, 3, pd.Index(["A000"]), RULES)
    assert replay.table["risk_stop"].to_dict() == {f"A{i:03d}": False for i in range(20)} | {"S": True}
    assert replay.table.index[replay.table["is_key"]].tolist() == ["A000"]


def test_leavers_are_foreseen_better_than_by_chance(facts_from: Callable[..., AccountFacts]) -> None:
    table = backtest_options(history_until(facts_from(buyers(150, 60))), 3, UNTESTED, RULES)
    assert list(table.columns) == COLUMNS
    stop = table[(table["task"] == "risk_stop") & (table["population"] == "active_26_weeks")]
    best = stop[stop["metric"] == "auc"].sort_values("events").iloc[-1]
    assert best["value"] > 0.75
    assert best["ci_low"] < best["value"] < best["ci_high"]
    assert set(stop[stop["metric"] == "precision_at_10"]["baseline"]) == {"chance", "small_accounts", "recency"}
    chance = stop[(stop["metric"] == "precision_at_10") & (stop["baseline"] == "chance")]
    assert (chance["baseline_value"] == chance["events"] / chance["n"]).all()


def test_shuffled_targets_are_not_foreseen(facts_from: Callable[..., AccountFacts]) -> None:
    history = history_until(facts_from(buyers(200, 80)))
    replay = replay_account_risk(history, pd.Timestamp("2025-09-30"), 3, pd.Index([]), RULES)
    rng = np.random.default_rng(0)
    event = replay.table["risk_stop"].to_numpy(bool)
    score = replay.table["risk_score"].to_numpy(float)
    shuffled = [auc(score, rng.permutation(event)) for _ in range(200)]
    assert np.mean(shuffled) == pytest.approx(0.5, abs=0.02)


def test_under_twenty_events_nothing_is_claimed(facts_from: Callable[..., AccountFacts]) -> None:
    table = backtest_options(history_until(facts_from(buyers(40, 3))), 3, UNTESTED, RULES)
    assert set(table["metric"]) == {"not_testable"}
    assert table[["value", "ci_low", "ci_high", "baseline_value"]].isna().all().all()


def test_a_short_history_is_not_tested(facts_from: Callable[..., AccountFacts]) -> None:
    orders = [order for order in buyers(40, 0) if order[1] >= "2025-06-01"]
    table = backtest_options(history_until(facts_from(orders, start="2025-06-01")), 3, UNTESTED, RULES)
    assert table[["task", "n", "metric"]].to_numpy().tolist() == [
        ["risk_stop", 0, "not_testable"],
        ["risk_fall", 0, "not_testable"],
        ["cross_selling", 0, "not_testable"],
    ]


def test_what_the_data_would_deceive_is_not_tested(facts_from: Callable[..., AccountFacts]) -> None:
    history = history_until(facts_from(buyers(150, 60)))
    assert set(backtest_options(history, 3, UNTESTED, RULES)["metric"]) > {"auc", "precision_at_10"}
    for blocked in ({"account_risk": "survivorship"}, {"statistics": "small_sample"}):
        assert set(backtest_options(history, 3, UNTESTED, RULES, blocked)["metric"]) == {"not_testable"}
