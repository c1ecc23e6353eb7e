"""The risk score: its parts against simulated purchases and by hand, and what it must not depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kamkit.analysis.bgnbd import fit_bgnbd, repeat_orders
from kamkit.analysis.options.account_risk import assess_account_risk
from kamkit.analysis.options.history import History, history_until
from kamkit.analysis.options.purchasing import compare_purchases
from kamkit.analysis.options.risk_score import HALF_LIFE, score_risk, silence
from kamkit.model.codes import Grain
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts

Order = tuple[str, str, float, str]
RULES = load_option_rules().risk


def buyers(n: int = 60, seed: int = 3) -> list[Order]:
    """n accounts with random rates and order sizes over two years."""
    rng = np.random.default_rng(seed)
    orders = []
    for i, rate in enumerate(rng.gamma(2.0, 0.5, n)):
        for day in rng.choice(730, size=min(max(int(rng.poisson(24 * rate)), 1), 700), replace=False):
            date = pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(day))
            orders.append((f"A{i:03d}", date.date().isoformat(), float(rng.lognormal(5, 0.6)), "x"))
    return orders


@pytest.fixture
def history(facts_from: Callable[..., AccountFacts]) -> History:
    return history_until(facts_from(buyers(), start="2024-01-01"))


def test_the_chance_of_a_fall_is_what_a_simulation_of_the_same_purchases_counts(history: History) -> None:
    """For three accounts: rates drawn from the halved-in-weight past, then orders, then gamma sizes of the own scatter."""
    found = silence(history, 3)
    assert found is not None
    counts = repeat_orders(history.orders, history.cut_off)
    model = fit_bgnbd(*(counts[name].to_numpy() for name in ("x", "t_x", "age")))
    assert model is not None
    weeks = (pd.Timestamp("2026-03-31") - pd.Timestamp("2025-12-31")).days / 7
    by_account = dict(list(history.orders[history.orders["date"] >= "2025-01-01"].groupby("account_id")["revenue"]))
    scatters = {a: (len(r), float(r.var() / r.mean() ** 2) if len(r) > 1 else 0.0) for a, r in by_account.items()}
    usual = sum((n - 1) * s for n, s in scatters.values()) / sum(n - 1 for n, _ in scatters.values())
    rng = np.random.default_rng(0)
    for account in ("A000", "A007", "A031"):
        days = history.orders.loc[history.orders["account_id"] == account, "date"]
        ages = (history.cut_off - days.sort_values().iloc[1:]).dt.days / 7
        shape = model.r + (0.5 ** (ages / HALF_LIFE)).sum()
        decay = np.log(2) / HALF_LIFE
        rate = model.alpha + (1 - np.exp(-decay * counts.loc[account, "age"])) / decay
        n, own = scatters[account]
        scatter = ((n - 1) * own + 2 * usual) / (n + 1)
        bought = rng.poisson(rng.gamma(shape, 1 / rate, 100_000) * weeks)
        sizes = np.where(bought > 0, rng.gamma(np.maximum(bought, 1) / scatter, scatter), 0.0)
        assert found.loc[account, "p_fall"] == pytest.approx((sizes < 0.5 * n * 3 / 12).mean(), abs=0.02)
        assert found.loc[account, "p_fall"] > (bought == 0).mean() - 0.005


def test_the_score_is_the_weighted_mean_of_ranks(facts_from: Callable[..., AccountFacts]) -> None:
    """Three accounts, too few for a model. Pause 91 days, 30 and 0; months with a purchase 1, 2, 3; last window ÷ year 1, 3/5
    and 2/3; largest order 1, 3/5, 1/2 of the year: ranks 5/6, 3/6, 1/6 of the first, second and fourth (weights 2, 2, 1),
    and 1/6, 5/6, 3/6 of the third (weight 1)."""
    orders = [
        ("A", "2025-10-01", 100.0, "x"),
        *(("B", "2025-09-01", 40.0, "x"), ("B", "2025-09-02", 40.0, "x"), ("B", "2025-12-01", 120.0, "x")),
        *(("C", "2025-09-30", 50.0, "x"), ("C", "2025-10-20", 25.0, "x"), ("C", "2025-12-31", 75.0, "x")),
    ]
    history = history_until(facts_from(orders, start="2025-01-01"))
    score, method = score_risk(history, compare_purchases(history, 3, RULES), 3, None)
    assert method.code == "risk_recency"
    assert score.to_dict() == pytest.approx(
        {
            "A": (5 / 6 * 5 + 1 / 6) / 6,
            "B": (3 / 6 * 4 + 5 / 6 + 3 / 6) / 6,
            "C": (1 / 6 * 4 + 3 / 6 + 1 / 6) / 6,
        }
    )


def test_what_happens_later_changes_no_score(facts_from: Callable[..., AccountFacts]) -> None:
    day = pd.Timestamp("2025-06-30")
    orders = buyers()
    known = [order for order in orders if pd.Timestamp(order[1]) <= day]
    end = {"start": "2024-01-01", "end": "2025-06-30"}
    alone = assess_account_risk(history_until(facts_from(known, **end)), 3, RULES)[0]
    then = assess_account_risk(history_until(facts_from(orders, start="2024-01-01"), day), 3, RULES)[0]
    pd.testing.assert_frame_equal(alone, then)


@given(seed=st.integers(0, 50), factor=st.sampled_from([0.01, 1.1, 7.0, 1e4]))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_neither_currency_nor_the_order_of_rows_changes_the_score(history: History, seed: int, factor: float) -> None:
    orders = history.orders.sample(frac=1, random_state=seed).assign(revenue=lambda rows: rows["revenue"] * factor)
    months = history.months.assign(revenue=history.months["revenue"] * factor)
    one, other = (
        assess_account_risk(h, 3, RULES)[0] for h in (history, replace(history, orders=orders, months=months))
    )
    assert one["risk_score"].tolist() == pytest.approx(other["risk_score"].tolist())


def test_lists_by_month_count_the_months_with_revenue(history: History) -> None:
    empty = history.orders.head(0)
    monthly = replace(history, grain=Grain.MONTH, orders=empty)
    table, (method,) = assess_account_risk(monthly, 3, RULES)
    assert method.code == "risk_months"
    assert table["risk_score"].between(0, 1).all()
    months = monthly.months[(monthly.months["month"] >= "2025-01-01")].groupby("account_id").size()
    few = table.set_index("account_id")["risk_score"].groupby(months).mean()
    assert few.loc[:6].mean() > few.loc[10:].mean()
