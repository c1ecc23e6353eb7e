"""What must hold of the options for any orders: nothing later leaks in, order of rows means nothing, ranges hold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kamkit.analysis.key_accounts import find_key_accounts
from kamkit.analysis.options import assess_options
from kamkit.model.codes import BASIC_CARE, Answer, Gate, KamType, Option, Verdict
from kamkit.model.engagement import AccountRiskSettings, Capacity, OptionSettings, ParetoSettings
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts, Existence, ExistenceTest, KamTypes, StrategyOptions

RULES = load_option_rules()
QUICK = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
THOROUGH = settings(QUICK, max_examples=15)
Order = tuple[str, str, float, str]

order = st.tuples(
    st.integers(0, 11).map("K{:02d}".format),
    st.dates(dt.date(2023, 1, 1), dt.date(2025, 12, 31)).map(str),
    st.integers(1, 50_000).map(lambda cents: cents / 4),
    st.integers(0, 6).map("I{}".format),
)
orders = st.lists(order, min_size=30, max_size=150).map(lambda rows: [*rows, ("K00", "2025-12-01", 10.0, "I0")])


def assess(facts: AccountFacts) -> StrategyOptions:
    key_accounts = find_key_accounts(facts, ParetoSettings(), Capacity(), seed=1)
    table = pd.DataFrame({"account_id": facts.accounts["account_id"], "kam_type": "technical"})
    existence = Existence(Verdict.NOT_ASSESSABLE, (ExistenceTest("E1", Answer.NOT_ASSESSABLE),))
    kam_types = KamTypes(KamType.TECHNICAL, "technical", existence, table, pd.DataFrame())
    return assess_options(
        facts, key_accounts, kam_types, OptionSettings(), AccountRiskSettings(), RULES, dt.date(2026, 1, 14)
    )


@given(rows=orders)
@QUICK
def test_ranges_hold_and_takeover_is_never_recommended(
    facts_from: Callable[..., AccountFacts], rows: list[Order]
) -> None:
    facts = facts_from(rows)
    found = assess(facts)
    assert found.account_risk["risk_score"].between(0, 1).all()
    assert found.account_risk["account_id"].is_unique
    assert set(found.account_risk["level"]) <= {"red", "amber", "green"}
    assert (found.account_risk["revenue_at_risk"] >= 0).all()
    assert found.options["score"].dropna().between(0, 1).all()
    assert found.options["coverage"].between(0, 1).all()
    assert set(found.options["gate"]) <= set(Gate)
    assert set(found.recommendations["recommended_option"]) <= {*Option, BASIC_CARE} - {Option.TAKEOVER}
    assert not (found.recommendations["supporting_option"] == Option.TAKEOVER).any()
    assert len(found.actions) <= 10
    ever = set(zip(facts.purchases["account_id"], facts.purchases["item"], strict=True))
    assert ever.isdisjoint(zip(found.cross_selling["account_id"], found.cross_selling["category"], strict=True))
    assert (found.cross_selling.groupby("account_id")["rank"].max() <= 10).all()
    in_period = facts.accounts.loc[facts.accounts["in_period"], "account_id"]
    assert set(found.recommendations["account_id"]) == set(in_period)


@pytest.mark.slow
@given(rows=orders, seed=st.integers(0, 99))
@THOROUGH
def test_the_order_of_rows_means_nothing(facts_from: Callable[..., AccountFacts], rows: list[Order], seed: int) -> None:
    facts = facts_from(rows)
    rng = np.random.default_rng(seed)
    mixed = {
        name: getattr(facts, name).sample(frac=1, random_state=rng.integers(1 << 30))
        for name in ("accounts", "months", "orders", "purchases", "members", "items")
    }
    one, other = assess(facts), assess(AccountFacts(**{**vars(facts), **mixed}))
    for name, key in (
        ("account_risk", ["account_id"]),
        ("cross_selling", ["account_id", "rank"]),
        ("recommendations", ["account_id"]),
    ):
        frames = (
            getattr(result, name).sort_values(key, ignore_index=True).drop(columns="values") for result in (one, other)
        )
        pd.testing.assert_frame_equal(*frames, rtol=1e-6)


@pytest.mark.slow
@given(rows=orders, factor=st.sampled_from([0.01, 100.0]))
@THOROUGH
def test_the_unit_of_money_changes_no_rank_and_no_recommendation(
    facts_from: Callable[..., AccountFacts], rows: list[Order], factor: float
) -> None:
    one, other = (assess(facts_from([(a, d, r * f, i) for a, d, r, i in rows])) for f in (1.0, factor))
    assert one.account_risk["risk_score"].tolist() == pytest.approx(other.account_risk["risk_score"].tolist())
    columns = ["account_id", "recommended_option", "supporting_option", "rule"]
    pd.testing.assert_frame_equal(one.recommendations[columns], other.recommendations[columns])
