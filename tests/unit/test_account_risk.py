"""Who is at risk: the planted cases of a workshop, each with the answer a sales manager would give."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd
import pytest

from kamkit.analysis.options.account_risk import assess_account_risk, risk_signs
from kamkit.analysis.options.history import history_until
from kamkit.model.codes import Grain
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts

Order = tuple[str, str, float, str]
RULES = load_option_rules().risk


def every(
    account: str, days: int, start: str = "2023-01-10", end: str = "2025-12-31", revenue: float = 100.0
) -> Iterator[Order]:
    for day in pd.date_range(start, end, freq=f"{days}D"):
        yield account, day.date().isoformat(), revenue, "Pumpen"


def portfolio() -> list[Order]:
    """Twelve ordinary accounts with rhythms from one to six weeks, so that there is something to compare with."""
    return [order for i in range(12) for order in every(f"P{i:02d}", 7 + 3 * i, f"2023-01-{3 + i:02d}")]


@pytest.fixture
def risk_of(facts_from: Callable[..., AccountFacts]) -> Callable[..., pd.Series]:
    def risk(orders: list[Order], account: str = "X", **settings: str) -> pd.Series:
        history = history_until(facts_from([*portfolio(), *orders], **settings))
        table, _ = assess_account_risk(history, 3, RULES)
        return table.set_index("account_id").loc[account]

    return risk


def test_a_silent_churner_is_red(risk_of: Callable[..., pd.Series]) -> None:
    found = risk_of(list(every("X", 14, end="2025-09-20")))
    assert (found["level"], found["evidence"], found["eligible"]) == ("red", "risk_silent", True)
    assert found["days_since_last"] == 106
    assert found["revenue_at_risk"] == 1900.0  # nineteen orders of 100 since 1 January


def test_a_seasonal_buyer_raises_no_alarm(risk_of: Callable[..., pd.Series]) -> None:
    seasons = [order for year in (2023, 2024, 2025) for order in every("X", 14, f"{year}-03-01", f"{year}-08-31")]
    found = risk_of(seasons)
    assert (found["level"], found["evidence"]) == ("green", "risk_usual_pause")
    assert found["revenue_at_risk"] == 0.0


def test_the_end_of_a_project_is_no_churn(risk_of: Callable[..., pd.Series]) -> None:
    orders = [*every("X", 30), ("X", "2024-09-10", 50_000.0, "Anlagen")]
    found = risk_of(orders)
    assert found["level"] == "green"
    assert found["revenue_change"] < -0.9  # the plain comparison would have rung the bell


def test_a_large_order_of_the_year_is_named_not_alarmed(risk_of: Callable[..., pd.Series]) -> None:
    found = risk_of([*every("X", 30), ("X", "2025-05-10", 50_000.0, "Anlagen")])
    assert (found["level"], found["evidence"]) == ("green", "risk_one_off")
    assert found["risk_score"] > 0.5


def test_an_account_that_halves_is_red_and_one_that_slackens_is_amber(risk_of: Callable[..., pd.Series]) -> None:
    def slackening(factor: float) -> list[Order]:
        return [*every("X", 14, end="2025-06-30"), *every("X", 14, "2025-07-01", revenue=100 * factor)]

    halved, weaker, steady = (risk_of(slackening(factor)) for factor in (0.4, 0.65, 0.9))
    assert (halved["level"], halved["evidence"]) == ("red", "risk_halved")
    assert (weaker["level"], weaker["evidence"]) == ("amber", "risk_weaker")
    assert steady["level"] == "green"
    assert 0 < halved["revenue_at_risk"] < halved["values"]["revenue"]  # it still buys
    assert weaker["values"]["change"] == pytest.approx(-0.35, abs=0.06)
    assert weaker["revenue_at_risk"] == pytest.approx(weaker["values"]["revenue"] * -weaker["values"]["change"])


def test_without_the_same_months_of_last_year_nothing_is_red(risk_of: Callable[..., pd.Series]) -> None:
    found = risk_of(list(every("X", 14, "2025-01-10", "2025-08-20")), start="2025-01-01")
    assert (found["level"], found["evidence"], found["eligible"]) == ("amber", "risk_overdue", False)
    assert pd.isna(found["revenue_change"])


def test_few_orders_make_no_claim_but_a_score(risk_of: Callable[..., pd.Series]) -> None:
    found = risk_of([("X", "2025-02-03", 900.0, "Pumpen")])
    assert (found["level"], found["evidence"], found["eligible"]) == ("green", "risk_few_orders", False)
    assert 0 <= found["risk_score"] <= 1
    assert "alive" not in " ".join(found["values"])


def test_the_own_rhythm_is_shrunk_to_the_portfolio(facts_from: Callable[..., AccountFacts]) -> None:
    orders = [
        *every("A", 10, "2025-11-01"),
        ("B", "2025-01-01", 1.0, "x"),
        ("B", "2025-04-11", 1.0, "x"),
        ("C", "2025-06-01", 1.0, "x"),
    ]
    signs = risk_signs(history_until(facts_from(orders)), 3, RULES)
    # medians 10 (A, six intervals) and 100 (B, one): the portfolio's is 55
    assert signs["own_interval"].to_dict() == pytest.approx(
        {"A": (10 * 6 + 3 * 55) / 9, "B": (100 * 1 + 3 * 55) / 4, "C": 55.0}
    )


def test_every_account_with_revenue_in_the_last_year_has_a_row(facts_from: Callable[..., AccountFacts]) -> None:
    orders = [*portfolio(), ("OLD", "2024-12-30", 5.0, "x"), ("NEW", "2025-12-31", 5.0, "x")]
    table, (method,) = assess_account_risk(history_until(facts_from(orders)), 3, RULES)
    assert set(table["account_id"]) == {f"P{i:02d}" for i in range(12)} | {"NEW"}
    assert table["risk_score"].notna().all()
    assert method.code == "risk_silence"


def test_too_few_rhythms_are_ranked_by_recency(facts_from: Callable[..., AccountFacts]) -> None:
    orders = [("A", "2025-03-01", 10.0, "x"), ("B", "2025-12-01", 10.0, "x")]
    table, (method,) = assess_account_risk(history_until(facts_from(orders)), 3, RULES)
    assert method.code == "risk_recency"
    assert table.set_index("account_id")["risk_score"].idxmax() == "A"


@pytest.mark.parametrize("grain", [Grain.MONTH, Grain.YEAR])
def test_lists_without_days_are_judged_by_the_change_of_revenue(
    facts_from: Callable[..., AccountFacts], grain: Grain
) -> None:
    falling = [
        ("A", f"{year}-{month:02d}-15", 100.0 if year < 2025 else 30.0, "x")
        for year in (2024, 2025)
        for month in range(1, 13)
    ]
    rising = [("B", f"{year}-{month:02d}-15", 100.0, "x") for year in (2024, 2025) for month in range(1, 13)]
    facts = facts_from([*falling, *rising], start="2024-01-01")
    months = facts.months
    if grain is Grain.YEAR:
        months = months.assign(month=[pd.Timestamp(month.year, 12, 1) for month in months["month"]])
        months = months.groupby(["account_id", "month"], as_index=False)["revenue"].sum()
    facts = AccountFacts(
        **{
            **vars(facts),
            "grain": grain,
            "months": months,
            "orders": facts.orders.head(0),
            "purchases": facts.purchases.head(0),
        }
    )
    table, (method,) = assess_account_risk(history_until(facts), 3, RULES)
    table = table.set_index("account_id")
    assert method.code == {"month": "risk_months", "year": "risk_years"}[grain]
    assert table["level"].to_dict() == {"A": {"month": "red", "year": "amber"}[grain], "B": "green"}
    assert table["risk_score"].idxmax() == "A"
    assert table["days_since_last"].isna().all()
    assert not table["eligible"].any()
