from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from kamkit.execution.store import read_result, write_result
from kamkit.model.results import Investment, StrategyOptions


def budgets(*rows: tuple[str | None, str | None, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["account_id", "segment", "actual"])
    text = {"account_id": "string", "segment": "string"}
    return frame.astype(text).assign(year=2025, plan=np.nan, cost_type="Vertrieb")


def test_people_and_hours_give_the_cost_and_the_break_even(told, assessed) -> None:  # type: ignore[no-untyped-def]
    people = {"fte": 1.0, "net_hours": 1000.0, "hours_per_account": 400.0, "cost_per_fte": 100.0}
    found = assessed(told(), people).investment
    # 3 managed × 400 h ÷ 1,000 h × 100 = 120 against 1 × 100 today: 20 more
    assert (found.cost_today, found.cost_today_from, found.cost_planned, found.cost_planned_from) == (
        100, "people", pytest.approx(120), "hours",
    )  # fmt: skip
    # key accounts 1–5: margin −40 + 150 + 90 + 60 + 36 = 296 on 2,020 revenue
    assert found.margin_rate == pytest.approx(296 / 2020)
    assert (found.break_even_on, found.break_even_cost) == ("additional", pytest.approx(20))
    assert found.break_even_revenue == pytest.approx(20 / (296 / 2020))
    # red is account 1 alone, with 90 at risk at a rate of −40/900: nothing to be secured, so no share of it
    assert found.margin_at_risk == pytest.approx(-4)
    assert found.break_even_share is None
    assert found.missing == ()


def test_at_risk_and_potential_carry_their_ranges(told, assessed) -> None:  # type: ignore[no-untyped-def]
    client = told()
    spots = client.options.cross_selling.assign(expected_low=[15.0, 8.0], expected_high=[60.0, 44.0])
    margin = client.facts.accounts["margin"].mask(lambda m: m == -40, 270.0)
    found = assessed(replace(client, options=replace(client.options, cross_selling=spots)), margin=margin).investment
    # red: 90 of account 1; amber: 50 of account 2; a quarter of a year is 22.5. Rates: 270/900 and 150/500, both .3
    assert (found.n_at_risk, found.revenue_at_risk, found.revenue_at_risk_low, found.revenue_at_risk_high) == (
        1,
        90,
        22.5,
        140,
    )
    assert (found.margin_at_risk, found.margin_at_risk_low, found.margin_at_risk_high) == pytest.approx((27, 6.75, 42))
    # the spot of account 1 is closed; that of account 2 brings 20 with 6 margin
    assert (found.n_potential, found.potential_revenue, found.potential_margin) == (1, 20, 6)
    assert (found.potential_revenue_low, found.potential_revenue_high) == (8, 44)
    assert (found.potential_margin_low, found.potential_margin_high) == pytest.approx((8 * 0.3, 44 * 0.3))


def test_budgets_stand_for_the_cost_where_no_salaries_are_known(told, assessed) -> None:  # type: ignore[no-untyped-def]
    rows = budgets(("0001", None, 50), ("0002", None, 30), ("0009", None, 500), (None, "Außendienst Nord", 900))
    found = assessed(told(), tables={"budgets": rows})
    assert (found.investment.cost_today, found.investment.cost_today_from) == (80, "budgets")
    assert (found.investment.cost_planned, found.investment.cost_planned_from) == (80, "budgets")
    assert (found.investment.break_even_on, found.investment.break_even_cost) == ("total", 80)
    assert found.investment.missing == tuple(
        f"figures.{c}" for c in ("kam_fte", "net_hours", "hours_per_account", "cost_per_fte")
    )
    # account 1 loses money: all of its share would go to account 2, and the cap lets 12.5 go, of which 7.5 find a place
    split = found.allocation.table.set_index("account_id")["proposed"]
    assert split.to_dict() == pytest.approx({"0001": 37.5, "0002": 37.5})
    assert found.allocation.totals.set_index("kind").loc["budget", "unallocated"] == pytest.approx(5)
    programme = assessed(told(), tables={"budgets": budgets((None, "Key Account Management", 70), ("0001", None, 10))})
    assert (programme.investment.cost_today, programme.investment.cost_planned) == (80, None)


def test_nothing_known_is_nothing_said(told, assessed) -> None:  # type: ignore[no-untyped-def]
    client = told()
    blank = replace(
        client.options,
        cross_selling=client.options.cross_selling.head(0),
        account_risk=client.options.account_risk.head(0),
    )
    found = assessed(replace(client, options=blank), margin=np.nan, margin_coverage=0.0).investment
    assert found == Investment(
        n_managed=3,
        missing=(
            "budgets.actual", "figures.kam_fte", "figures.net_hours", "figures.hours_per_account", "figures.cost_per_fte",
            "transactions.margin",
        ),
    )  # fmt: skip


def test_revenue_stays_told_where_margins_are_missing(told, assessed) -> None:  # type: ignore[no-untyped-def]
    rows = budgets(("0001", None, 50), ("0002", None, 30))
    found = assessed(told(), tables={"budgets": rows}, margin=np.nan, margin_coverage=0.0).investment
    assert (found.revenue_at_risk, found.margin_at_risk, found.margin_rate) == (90, None, None)
    assert (found.break_even_cost, found.break_even_revenue, found.break_even_share) == (80, None, None)
    assert found.missing[-1] == "transactions.margin"


def test_the_result_comes_back_from_the_store_as_it_was(told, assessed, tmp_path) -> None:  # type: ignore[no-untyped-def]
    found = assessed(told(), tables={"budgets": budgets(("0001", None, 50), ("0002", None, 30))})
    write_result(tmp_path, found)
    again = read_result(tmp_path, StrategyOptions)
    assert again.investment == found.investment
    assert (again.portfolio.main, again.portfolio.notes) == (found.portfolio.main, found.portfolio.notes)
    pd.testing.assert_frame_equal(again.portfolio.models, found.portfolio.models)
    pd.testing.assert_frame_equal(again.allocation.totals, found.allocation.totals)
