"""Tests on the client's own history: counted right, silent where there is too little to count, and never about the future."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu

from kamkit.analysis.backtest import COLUMNS, backtest_options, cut_offs, past_risks, told_together
from kamkit.analysis.judging import NOT_TESTABLE, judge, judge_buffer, judge_directions, judge_lists
from kamkit.analysis.options import ranking
from kamkit.analysis.options.baskets import Hits
from kamkit.analysis.options.history import History, history_until
from kamkit.analysis.options.ranking import Method
from kamkit.analysis.ranking_quality import auc, chance_test, draw_weights, holm, ranked_figures, wilson
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts

RULES = load_option_rules()
UNTESTED = Method("peers", "few")
MARCH, JUNE = pd.Timestamp("2025-03-31"), pd.Timestamp("2025-06-30")


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


def trials(scores: list[float], events: list[int], cut_off: pd.Timestamp = JUNE, **columns: list[Any]) -> pd.DataFrame:
    """One cut-off of a hand-made test; accounts are numbered."""
    about = {"task": "risk_stop", "cut_off": cut_off, "population": "all"}
    ids = [f"A{i:03d}" for i in range(len(scores))]
    frame = pd.DataFrame({"account_id": ids, "score": scores, "event": [bool(e) for e in events], **columns})
    return frame.assign(**about)


def random_trials(seed: int, n: int = 120, rate: float = 0.3, days: int = 3) -> pd.DataFrame:
    """Scores and events that have nothing to do with each other, but both stay with the account."""
    rng = np.random.default_rng(seed)
    own_score, own_rate = rng.normal(size=n), rng.uniform(0, 2 * rate, size=n)
    frames = []
    for i in range(days):
        score = own_score + 0.3 * rng.normal(size=n)
        event = rng.random(n) < own_rate
        frames.append(trials(score.tolist(), event.tolist(), MARCH + pd.DateOffset(months=3 * i)))
    return pd.concat(frames, ignore_index=True)


def figures_of(frame: pd.DataFrame, score: str = "score") -> dict[str, float]:
    together, _ = ranked_figures(frame, score=score)
    return {name: float(values[0]) for name, values in together.items()}


def row(table: pd.DataFrame, metric: str, baseline: str = "chance") -> pd.Series:
    """The row of all cut-offs together."""
    found = table[(table["metric"] == metric) & (table["baseline"] == baseline)]
    return found.iloc[-1]


def test_auc_counts_pairs_and_ties_half() -> None:
    assert auc(np.array([3.0, 1.0, 2.0, 2.0]), np.array([True, False, True, False])) == 3.5 / 4
    assert np.isnan(auc(np.array([1.0, 2.0]), np.array([True, True])))


def test_wilson_of_six_of_ten() -> None:
    assert [round(limit, 2) for limit in wilson(6, 10)] == [0.31, 0.83]
    assert wilson(0, 10)[0] == 0.0


def test_holm_raises_the_smallest_most_and_keeps_their_order() -> None:
    assert holm([0.01, 0.04, 0.03, 0.5]) == [0.04, 0.09, 0.09, 0.5]
    assert holm([]) == []


def test_draws_are_the_data_first_and_then_as_many_accounts_with_replacement() -> None:
    weights = draw_weights(50, 200, seed=1)
    assert (weights[0] == 1).all()
    assert (weights[1:].sum(axis=1) == 50).all()
    assert weights[1:].max() > 2


def test_the_figures_of_one_cut_off_can_be_counted_by_hand() -> None:
    """Twenty accounts, best first: the ones on places 1, 2, 4 and 12 stop."""
    events = [1, 1, 0, 1, *[0] * 7, 1, *[0] * 8]
    frame = trials(
        [float(20 - i) for i in range(20)], events, amount=[100.0] * 20, lead_days=[30.0, 60.0, 0, 15, *[0] * 16]
    )
    found = figures_of(frame)
    assert found["auc"] == (16 + 16 + 15 + 8) / (4 * 16)
    assert found["average_precision"] == pytest.approx((1 / 1 + 2 / 2 + 3 / 4 + 4 / 12) / 4)
    assert (found["precision_at_10"], found["recall_at_10"]) == (0.3, 0.75)
    assert (found["precision_at_20_percent"], found["recall_at_20_percent"]) == (0.75, 0.75)
    assert found["lift_at_10"] == pytest.approx(0.3 / 0.2)
    assert found["revenue_caught"] == 0.75
    assert found["lead_time"] == pytest.approx((30 + 60 + 15) / 3)


def test_equal_scores_share_the_places_that_are_left() -> None:
    """Nine sure places, and four equal scores for the tenth, one of them an event: a quarter of a hit."""
    frame = trials([9.0] * 9 + [5.0] * 4 + [1.0] * 7, [0] * 9 + [1, 0, 0, 0] + [0] * 7)
    assert figures_of(frame)["precision_at_10"] == pytest.approx(0.25 / 10)


def test_scores_of_different_days_are_not_compared() -> None:
    """Each day ranks perfectly, but the scores of June are all lower: put in one list they would not."""
    march = trials([float(i) + 100 for i in range(12)], [0] * 8 + [1] * 4, MARCH)
    june = trials([float(i) for i in range(12)], [0] * 2 + [1] * 10, JUNE)
    both = pd.concat([march, june])
    assert figures_of(both)["auc"] == 1.0
    assert figures_of(both)["precision_at_10"] == (4 + 10) / 20
    assert auc(both["score"].to_numpy(), both["event"].to_numpy()) < 0.9


def test_the_test_against_chance_is_the_rank_sum_test_on_one_day() -> None:
    rng = np.random.default_rng(3)
    score, event = rng.integers(0, 9, 60).astype(float), rng.random(60) < 0.4
    frame = trials(score.tolist(), event.tolist())
    known = mannwhitneyu(score[event], score[~event], alternative="greater", method="asymptotic", use_continuity=False)
    assert chance_test(frame) == pytest.approx(known.pvalue)


def test_the_same_accounts_on_three_days_are_no_three_times_as_many() -> None:
    rng = np.random.default_rng(3)
    score = rng.normal(size=80)
    event = rng.random(80) < 1 / (1 + np.exp(-score))
    once = trials(score.tolist(), event.tolist())
    thrice = pd.concat([once.assign(cut_off=day) for day in (MARCH, JUNE, pd.Timestamp("2025-09-30"))])
    others = pd.concat(
        [once.assign(cut_off=day, account_id=once["account_id"] + str(day)) for day in thrice["cut_off"].unique()]
    )
    assert chance_test(once) < 0.01
    assert chance_test(thrice) > chance_test(once) / 10
    assert chance_test(others) < chance_test(once) / 50
    wide, narrow = (row(told_together(judge(frame, draws=300)), "auc") for frame in (thrice, others))
    assert wide["ci_high"] - wide["ci_low"] > 1.5 * (narrow["ci_high"] - narrow["ci_low"])


def test_a_row_for_each_cut_off_and_one_for_all() -> None:
    frame = pd.concat([random_trials(1, days=2), random_trials(1, days=2).assign(population="key_accounts")])
    table = told_together(judge(frame.assign(baseline_recency=frame["score"].to_numpy()[::-1]), draws=50))
    assert list(table.columns) == COLUMNS
    area = table[(table["metric"] == "auc") & (table["baseline"] == "recency")]
    assert area["population"].tolist() == ["all"] * 3 + ["key_accounts"] * 3
    assert area["cut_off"].isna().tolist() == [False, False, True] * 2
    assert area["p_value"].notna().tolist() == [False, False, True] * 2
    assert area["n"].tolist() == [120, 120, 240] * 2
    assert (table["ci_low"] <= table["value"]).all()
    assert (table["value"] <= table["ci_high"]).all()


def test_nothing_depends_on_the_order_of_rows_or_on_the_run() -> None:
    frame = random_trials(2).assign(amount=0.1, baseline_recency=lambda f: f["score"].round())
    key = ["cut_off", "metric", "baseline"]
    one, same, other = (
        told_together(judge(part, draws=100)).sort_values(key, ignore_index=True)
        for part in (frame, frame, frame.sample(frac=1, random_state=7))
    )
    pd.testing.assert_frame_equal(one, same, rtol=0, atol=0)
    pd.testing.assert_frame_equal(one, other, rtol=0, atol=0)


def test_ten_hits_of_ten_are_no_certainty() -> None:
    frame = trials([float(60 - i) for i in range(60)], [1] * 30 + [0] * 30)
    found = row(told_together(judge(frame, draws=100)), "precision_at_10")
    assert (found["value"], found["ci_high"]) == (1.0, 1.0)
    assert found["ci_low"] == pytest.approx(wilson(10, 10)[0])


def test_under_twenty_events_or_others_nothing_is_claimed() -> None:
    few, most = [1] * 19 + [0] * 41, [1] * 41 + [0] * 19
    for events, reason in ((few, "few_events"), (most, "few_others")):
        table = told_together(judge(trials([float(-i) for i in range(60)], events), draws=50))
        assert table[["n", "events", "metric", "reason"]].to_numpy().tolist() == [
            [60, sum(events), NOT_TESTABLE, reason]
        ]
        assert table[["value", "ci_low", "ci_high", "baseline_value", "p_value"]].isna().all(axis=None)
        assert not table["claims"].any()


def test_few_events_on_one_day_may_be_enough_together() -> None:
    frame = pd.concat([trials([float(-i) for i in range(40)], [1] * 12 + [0] * 28, day) for day in (MARCH, JUNE)])
    table = told_together(judge(frame, draws=50))
    assert table["cut_off"].isna().to_numpy().nonzero()[0].min() == 2
    assert table["metric"].head(2).tolist() == [NOT_TESTABLE, NOT_TESTABLE]
    assert row(table, "auc")["claims"]


def test_a_signal_is_claimed_but_a_better_simple_rule_is_named() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=200)
    event = (truth + rng.normal(size=200) > 0.8).tolist()
    frame = trials((truth + rng.normal(size=200)).tolist(), event, baseline_recency=truth.tolist())
    found = row(told_together(judge(frame, draws=100)), "auc")
    assert found["claims"]
    assert not found["beats_baselines"]
    assert found["p_holm"] == found["p_value"]


def test_holm_is_over_all_tests_of_the_run() -> None:
    frame = random_trials(4, days=1)
    many = pd.concat([frame.assign(population=f"p{i}") for i in range(5)])
    table = told_together(judge(many, draws=20))
    tested = table[table["p_value"].notna()]
    assert tested["p_holm"].tolist() == pytest.approx([min(5 * p, 1.0) for p in tested["p_value"]])


def test_shuffled_events_are_not_foreseen() -> None:
    rng = np.random.default_rng(0)
    frame = random_trials(5, days=1)
    areas = [figures_of(frame.assign(event=rng.permutation(frame["event"])))["auc"] for _ in range(300)]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.01)


def test_random_scores_are_rarely_claimed_although_they_stay_with_the_account() -> None:
    claimed = [chance_test(random_trials(seed)) <= 0.05 for seed in range(400)]
    assert 0.02 < np.mean(claimed) < 0.08


def lists(hits: list[list[int]], firsts: list[int]) -> Hits:
    return Hits(np.array(hits, dtype=bool), np.array(firsts), pd.Index(range(len(firsts))))


def proposals(own: list[list[int]], popular: list[list[int]], n_items: int = 50) -> Method:
    firsts = [2] * len(own)
    simple = lists(popular, firsts)
    by_method = {"popularity": simple, "peers": simple, "ease": lists(own, firsts)}
    found = ranking.Tested(JUNE, 3, len(own), n_items, "ease", by_method, expected=10.0, brought=9.0)
    return Method("ease", "best", 20.0, tested=found)


def test_proposals_are_counted_by_account_and_held_against_popularity() -> None:
    """Twenty accounts with two first purchases: ten are hit on place 1 and three of those on place 3 as well; what is
    popular hits two of them on place 2."""
    own = [[1, 0, 1]] * 3 + [[1, 0, 0]] * 7 + [[0, 0, 0]] * 10
    popular = [[0, 1, 0]] * 2 + [[0, 0, 0]] * 18
    table = told_together(judge_lists(proposals(own, popular), JUNE))
    hit = row(table, "hit_at_10", "popularity")
    assert (hit["n"], hit["events"], hit["value"], hit["baseline_value"]) == (20, 40, 0.5, 0.1)
    assert hit["p_value"] == pytest.approx(0.5**8)
    assert hit["claims"]
    assert row(table, "recall_at_10", "popularity")["value"] == (3 * 2 + 7 * 1) / 40
    assert row(table, "map_at_10", "popularity")["value"] == pytest.approx((3 * (1 + 2 / 3) / 2 + 7 * 1 / 2) / 20)
    small = told_together(judge_lists(proposals(own, popular, n_items=12), JUNE))
    assert row(small, "hit_at_1", "popularity")["value"] == 0.5


def test_a_list_drawn_at_random_is_a_baseline_of_proposals() -> None:
    """Fifty items of which ten were bought: two first purchases among forty, three places."""
    own = [[1, 0, 1]] * 10 + [[0, 0, 0]] * 10
    bought = pd.Series(10, index=range(20))
    table = told_together(judge_lists(proposals(own, own), JUNE, bought=bought))
    assert row(table, "hit_at_10")["baseline_value"] == pytest.approx(1 - (38 / 40) * (37 / 39) * (36 / 38))
    assert row(table, "recall_at_10")["baseline_value"] == pytest.approx(3 / 40)
    assert "chance" not in set(table.loc[table["metric"] == "map_at_10", "baseline"])


def test_proposals_like_everyones_claim_nothing() -> None:
    same = [[1, 0]] * 15 + [[0, 0]] * 5
    table = told_together(judge_lists(proposals(same, same), JUNE))
    assert not table["claims"].any()
    assert row(table, "hit_at_10", "popularity")["p_value"] == 1.0


def directions(n_days: int, right: int, seasonal_right: int) -> pd.DataFrame:
    """Three antennas a day that foretell the same; of the days so many right, by the method and as last year."""
    days = [MARCH + pd.DateOffset(months=3 * i) for i in range(n_days)]
    up = [i % 2 == 0 for i in range(n_days)]

    def signs(n: int) -> list[float]:
        return [(1.0 if rises == (i < n) else -1.0) for i, rises in enumerate(up)]

    frame = pd.DataFrame(
        {"cut_off": days, "event": up, "score": signs(right), "baseline_seasonal": signs(seasonal_right)}
    )
    frame["baseline_persistence"] = signs(n_days // 2)
    return pd.concat([frame.assign(account_id=name) for name in "ABC"], ignore_index=True)


def test_directions_are_counted_by_forecast_and_tested_by_day() -> None:
    table = told_together(judge_directions(directions(8, right=8, seasonal_right=2)))
    found = row(table, "direction_hits", "seasonal")
    assert (found["n"], found["events"], found["value"], found["baseline_value"]) == (24, 12, 1.0, 0.25)
    assert found["p_value"] == pytest.approx(0.5**4)  # against "as lately", which missed four of the eight days
    assert not found["claims"]
    assert table["baseline"].tolist() == ["chance", "seasonal", "persistence"]
    many = told_together(judge_directions(directions(16, right=16, seasonal_right=8)))
    assert many["claims"].all()


def test_few_forecasts_are_not_tested() -> None:
    (found,) = judge_directions(directions(6, right=6, seasonal_right=0))
    assert (found["metric"], found["reason"], found["n"]) == (NOT_TESTABLE, "few_forecasts", 18)
    (found,) = judge_directions(directions(6, right=6, seasonal_right=0).head(0))
    assert found["reason"] == "no_antenna"


def shocks(rng: np.random.Generator, steady_anyway: bool) -> pd.DataFrame:
    """Sixty shocks and sixty calm months, each on another day: firm accounts hold their volume after a shock, and
    without one only where they do so anyway."""
    firm = rng.random(120)
    calm = np.arange(120) >= 60
    tied = ~calm | steady_anyway
    event = np.where(tied, firm + 0.3 * rng.normal(size=120) > 0.5, rng.random(120) < 0.5)
    frame = trials(firm.tolist(), event.tolist())
    days = pd.Timestamp("2024-01-31") + pd.to_timedelta(np.arange(120) % 60, unit="D")
    task = np.where(calm, "buffer_placebo", "buffer")
    return frame.assign(task=task, population=np.where(calm, "calm_accounts", "shocked_accounts"), cut_off=days)


def test_a_buffer_is_claimed_only_where_calm_months_do_not_show_it_as_well() -> None:
    for steady_anyway in (False, True):
        table = told_together(judge_buffer(shocks(np.random.default_rng(8), steady_anyway)))
        assert table["cut_off"].isna().all()
        assert row(table[table["task"] == "buffer"], "auc")["value"] > 0.7
        assert table.loc[table["task"] == "buffer", "claims"].all() != steady_anyway
        assert not table.loc[table["task"] == "buffer_placebo", "claims"].any()


def test_a_buffer_without_calm_months_is_not_tested() -> None:
    rows = shocks(np.random.default_rng(8), steady_anyway=False)
    (found,) = judge_buffer(rows[(rows["task"] == "buffer") | (rows["account_id"] < "A070")])
    assert (found["task"], found["reason"]) == ("buffer", "few_calm")
    (found,) = judge_buffer(rows.head(0))
    assert found["reason"] == "no_shocks"


def test_cut_offs_are_month_ends_a_window_apart(facts_from: Callable[..., AccountFacts]) -> None:
    history = history_until(facts_from([("A", "2025-12-09", 1.0, "x")], end="2025-12-09", start="2025-01-01"))
    assert [day.date().isoformat() for day in cut_offs(history, 1)] == ["2025-08-31", "2025-09-30", "2025-10-31"]
    assert [day.date().isoformat() for day in cut_offs(history, 3)] == ["2025-08-31"]


def judged_history(history: History, blocked: Mapping[str, str] | None = None) -> pd.DataFrame:
    """All tests on a history, three months ahead."""
    risks = past_risks(history, 3, RULES, blocked or {})
    return backtest_options(history, 3, UNTESTED, RULES, risks, blocked or {})


def test_leavers_are_foreseen_better_than_by_chance(facts_from: Callable[..., AccountFacts]) -> None:
    table = judged_history(history_until(facts_from(buyers(150, 60))))
    stop = table[(table["task"] == "risk_stop") & (table["population"] == "active_26_weeks")]
    area = row(stop, "auc")
    assert area["claims"]
    assert area["value"] > 0.75
    assert area["ci_low"] < area["value"] < area["ci_high"]
    warned = stop[stop["metric"] == "precision_at_10"]
    assert {"chance", "account_size", "small_accounts", "recency"} <= set(warned["baseline"])
    chance = warned[warned["baseline"] == "chance"]
    assert (chance["baseline_value"] == chance["events"] / chance["n"]).all()


def test_what_cannot_be_counted_at_one_client_says_so(facts_from: Callable[..., AccountFacts]) -> None:
    table = judged_history(history_until(facts_from(buyers(40, 0))))
    rare = table.set_index("task").loc[["alliance", "takeover", "partnership"], ["metric", "reason"]]
    assert rare.to_numpy().tolist() == [
        [NOT_TESTABLE, "too_rare"],
        [NOT_TESTABLE, "one_client"],
        [NOT_TESTABLE, "too_rare"],
    ]


def test_a_short_history_is_not_tested(facts_from: Callable[..., AccountFacts]) -> None:
    orders = [order for order in buyers(40, 0) if order[1] >= "2025-06-01"]
    table = judged_history(history_until(facts_from(orders, start="2025-06-01")))
    assert table[["task", "n", "metric", "reason"]].head(3).to_numpy().tolist() == [
        ["risk_stop", 0, NOT_TESTABLE, "short_history"],
        ["risk_fall", 0, NOT_TESTABLE, "short_history"],
        ["cross_selling", 0, NOT_TESTABLE, "few_items"],
    ]


def test_what_the_data_would_deceive_is_not_tested(facts_from: Callable[..., AccountFacts]) -> None:
    history = history_until(facts_from(buyers(150, 60)))
    assert set(judged_history(history)["metric"]) > {"auc", "precision_at_10"}
    for blocked in ({"account_risk": "survivorship"}, {"statistics": "small_sample"}):
        table = judged_history(history, blocked)
        assert set(table["metric"]) == {NOT_TESTABLE}
        assert set(table.loc[table["task"].str.startswith("risk"), "reason"]) == set(blocked.values())


def test_of_a_hundred_runs_with_nothing_to_find_five_claim_something() -> None:
    """Four tests a run, on scores and events that have nothing to do with each other."""
    claimed = 0
    for seed in range(150):
        parts = [random_trials(4 * seed + i, n=60).assign(population=f"p{i}") for i in range(4)]
        rows = [
            {"task": "risk_stop", "population": f"p{i}", "p_value": chance_test(part)} for i, part in enumerate(parts)
        ]
        empty = {"n": 180, "events": 54, "metric": "auc", "cut_off": pd.NaT}
        claimed += int(told_together([row | empty for row in rows])["claims"].any())
    assert 1 <= claimed <= 15
