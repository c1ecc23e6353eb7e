"""What first purchases are expected to bring is what they brought: for large accounts apart, less where it faded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from kamkit.analysis.options.cross_selling import rank_cross_selling
from kamkit.analysis.options.history import History, history_until
from kamkit.analysis.options.potential import (
    Conversion,
    expected_revenue,
    faded,
    large_accounts,
    measure_conversion,
    usual_spend,
)
from kamkit.analysis.options.ranking import choose_method
from kamkit.analysis.options.reasons import discoveries, fisher_bound, with_counter_evidence
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts

RULES = load_option_rules().cross_selling
NO_RISK = pd.DataFrame({"account_id": pd.Series(dtype=str), "level": pd.Series(dtype=str)})


@pytest.fixture
def history(facts_from: Callable[..., AccountFacts]) -> History:
    """L spends 2,000 a year on A, S 100 each on A and B, T 100 on A: buyers of B spend half their money on it."""
    orders = [("L", "2025-03-01", 2000.0, "A"), ("S", "2025-03-01", 100.0, "A"), ("S", "2025-03-02", 100.0, "B")]
    return history_until(facts_from([*orders, ("T", "2025-03-01", 100.0, "A")]))


@pytest.fixture
def proposals() -> pd.DataFrame:
    return pd.DataFrame({"account_id": ["L", "T"], "item": "B", "rank": 1, "penetration": 0.5})


def test_usual_spend_is_what_buyers_of_that_size_spend(history: History, proposals: pd.DataFrame) -> None:
    assert list(large_accounts(history)) == ["L"]
    assert usual_spend(proposals, history)[0.5].tolist() == [1000.0, 50.0]


def test_what_proposals_brought_is_measured_by_size(history: History, proposals: pd.DataFrame) -> None:
    found = measure_conversion(proposals, np.array([0.0, 30.0]), history, 12, is_ranked=False)
    # one first purchase per unit of penetration, so a chance of .5 each: 500 expected of L, 25 of T
    assert found.per_penetration == 1.0
    # one usual first purchase (1,000 and 50) is added to what was seen and expected
    assert found.brought == {True: pytest.approx(1000 / 1500), False: pytest.approx((30 + 50) / (25 + 50))}


def test_one_large_order_counts_no_more_than_a_years_usual_spend(history: History, proposals: pd.DataFrame) -> None:
    found = measure_conversion(proposals, np.array([0.0, 9000.0]), history, 12, is_ranked=False)
    assert found.brought[False] == pytest.approx((50 + 50) / (25 + 50))


def test_chances_by_rank_never_rise() -> None:
    history_of_hits = pd.DataFrame({"account_id": "X", "item": "B", "rank": [1, 2, 3, 4, 5], "penetration": 0.1})
    by_rank = Conversion(12, np.array([0.4, 0.2, 0.2, 0.1]), 0.0, {}).chance(history_of_hits)
    assert by_rank.tolist() == [0.4, 0.2, 0.2, 0.1, 0.1]


@pytest.mark.parametrize(("months", "windows"), [(12, 0.5), (3, 0.5 + 0.25 + 0.125 + 0.0625)])
def test_each_further_window_brings_less_where_it_faded(
    history: History, proposals: pd.DataFrame, months: int, windows: float
) -> None:
    measured = Conversion(months, None, 1.0, {True: 0.4, False: 1.0})
    found = expected_revenue(proposals, history, measured, 0.5, RULES)
    assert found["expected_revenue"].tolist() == pytest.approx([0.5 * 0.4 * 1000 * windows, 0.5 * 50 * windows])
    assert found["usual_revenue"].tolist() == [1000.0, 50.0]


def test_without_a_measurement_a_cautious_convention_holds(history: History, proposals: pd.DataFrame) -> None:
    found = expected_revenue(proposals, history, None, 1.0, RULES)
    assert found["expected_revenue"].tolist() == pytest.approx([0.5 * 0.02 * 1000, 0.5 * 0.02 * 50])


def test_the_wallet_caps_what_is_expected(history: History, proposals: pd.DataFrame) -> None:
    measured = Conversion(12, None, 1.0, {True: 1.0, False: 1.0})
    wallets = history.accounts.assign(wallet=[2100.0, np.nan, 90.0])
    found = expected_revenue(proposals, replace(history, accounts=wallets), measured, 1.0, RULES)
    # L could be sold 500 but buys only 100 elsewhere; T already buys more than its wallet
    assert found["expected_revenue"].tolist() == pytest.approx([100.0, 0.0])


@given(expected=st.floats(0, 1e6), brought=st.floats(0, 1e6), n=st.floats(0, 1e3))
def test_nothing_fades_to_nothing_or_grows(expected: float, brought: float, n: float) -> None:
    assert 0 < faded(expected, brought, n) <= 1


def late_discoverers(n: int = 60) -> list[tuple[str, str, float, str]]:
    """Accounts that buy six of seven categories, the rarer ones at longer intervals: in the first year of data many a
    purchase looks like a first one, though nobody ever takes up anything new."""
    rng = np.random.default_rng(11)
    orders = []
    for i in range(n):
        left_out = rng.integers(7)
        for k in range(7):
            if k == left_out:
                continue
            gap, start = 30 * (1 + 2 * k), int(rng.integers(0, 30 * (1 + 2 * k)))
            for day in range(start, 3 * 365, gap):
                date = pd.Timestamp("2023-01-01") + pd.Timedelta(days=day)
                orders.append((f"A{i:02d}", date.date().isoformat(), float(100 * (1 + i % 5)), f"I{k}"))
    return orders


@pytest.mark.parametrize("end", ["2023-12-31", "2024-12-31", "2025-12-31"])
def test_short_histories_do_not_promise_what_will_not_come(facts_from: Callable[..., AccountFacts], end: str) -> None:
    facts = facts_from(late_discoverers(), end="2026-06-30")
    then = history_until(facts, pd.Timestamp(end))
    table, _, _ = rank_cross_selling(then, NO_RISK, pd.Index([]), facts.items, RULES)
    bought = facts.purchases
    later = bought[(bought["date"] > end) & (bought["date"] <= pd.Timestamp(end) + pd.DateOffset(years=1))]
    key = pd.MultiIndex.from_frame(table[["account_id", "category"]])
    came = later.groupby(["account_id", "item"])["revenue"].sum().reindex(key).fillna(0.0).sum()
    assert table["expected_revenue"].sum() <= came + 0.025 * then.yearly_revenue.sum()
    assert (table["expected_revenue"] <= table["usual_revenue"] + 1e-9).all()


def test_the_test_says_what_was_expected_and_what_came(facts_from: Callable[..., AccountFacts]) -> None:
    method = choose_method(history_until(facts_from(late_discoverers()), pd.Timestamp("2023-12-31")), RULES)
    tested = method.tested
    assert tested is not None
    assert set(tested.by_method) == {"popularity", "peers"}
    assert tested.expected > tested.brought >= 0
    assert method.fading < 0.75


def test_rules_are_held_to_fishers_test_and_a_false_discovery_rate() -> None:
    both, one, other = np.array([5.0, 9.0, 6.0]), np.array([6.0, 20.0, 30.0]), np.array([8.0, 12.0, 20.0])
    exact = hypergeom.sf(both - 1, 100, one, other)
    bound = fisher_bound(both, one, other, 100)
    assert (bound >= exact * (1 - 1e-9)).all()
    assert bound[:2] == pytest.approx(exact[:2], rel=0.05)
    assert bound[2] == 1.0  # 6 of 6 expected: no more than chance
    assert discoveries(np.array([0.04, 0.001, 0.9]), 0.1).tolist() == [True, True, False]
    assert discoveries(np.array([]), 0.1).tolist() == []


def counter(history: History, table: pd.DataFrame, **changed: Any) -> list[Any]:
    known = replace(history, accounts=history.accounts.assign(**changed))
    return list(with_counter_evidence(table, known, NO_RISK, RULES)["counter"])


def test_what_speaks_against_a_white_spot_is_named(history: History, proposals: pd.DataFrame) -> None:
    table = proposals.assign(peers=12, peers_buying=6)
    assert counter(history, table) == [None, None]
    assert counter(history, table, margin=[-1.0, np.nan, 5.0]) == ["loss_making", None]
    assert counter(history, table, wallet=[2100.0, np.nan, 1000.0]) == ["wallet_used", None]
    assert counter(history, table.assign(peers=[3, 12])) == ["few_peers", None]
    assert counter(history, table.assign(penetration=[0.5, 0.05])) == [None, "rare"]
    red = pd.DataFrame({"account_id": ["T"], "level": ["red"]})
    assert list(with_counter_evidence(table, history, red, RULES)["counter"]) == [None, "at_risk"]
    returned = history.months.assign(revenue=history.months["revenue"].where(history.months["account_id"] != "T", 80.0))
    gave_back = with_counter_evidence(table, replace(history, months=returned), NO_RISK, RULES)
    assert list(gave_back["counter"]) == [None, "returns"]
    assert gave_back["returned"].tolist() == pytest.approx([0.0, 0.2])
