"""What would be lost with the largest accounts, and the 10 % line of IFRS 8.34."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest

from kamkit.analysis.exposure import measure_exposure
from kamkit.model.codes import Level
from kamkit.model.results import AccountFacts

NAN = math.nan


@pytest.fixture
def facts(facts_from: object) -> AccountFacts:
    """Five accounts with 400, 300, 200, 80 and 20 in the year, each with a quarter of it as margin."""
    revenue = {"K1": 400.0, "K2": 300.0, "K3": 200.0, "K4": 80.0, "K5": 20.0}
    orders = [(name, "2025-03-01", amount, "Pumpen") for name, amount in revenue.items()]
    return facts_from(orders, margin={name: amount / 4 for name, amount in revenue.items()})  # type: ignore[operator]


def with_figures(facts: AccountFacts, figure: str, value: float) -> AccountFacts:
    figures = pd.DataFrame({"figure": [figure], "value": [value], "said_by": "Leitung", "date": pd.NaT})
    return replace(facts, tables={**facts.tables, "figures": figures})


def test_the_loss_of_the_largest_and_of_the_three_largest(facts: AccountFacts) -> None:
    # margin 250; fixed costs 200: 125 % covered today; without K1 150 are left (75 %), without K1 to K3 25 (12.5 %)
    found = measure_exposure(with_figures(facts, "fixed_costs", 200.0))
    assert (found.revenue, found.margin, found.fixed_costs, found.cover, found.missing) == (1000, 250, 200, 1.25, ())
    assert found.losses.to_dict("records") == [
        {
            "n_lost": 1,
            "names": ("Kunde K1",),
            "revenue_lost": 400.0,
            "revenue_lost_share": 0.4,
            "margin_lost": 100.0,
            "margin_left": 150.0,
            "cover_left": 0.75,
        },
        {
            "n_lost": 3,
            "names": ("Kunde K1", "Kunde K2", "Kunde K3"),
            "revenue_lost": 900.0,
            "revenue_lost_share": 0.9,
            "margin_lost": 225.0,
            "margin_left": 25.0,
            "cover_left": 0.125,
        },
    ]


def test_fixed_costs_that_nobody_has_said_are_named(facts: AccountFacts) -> None:
    for given in (
        facts,
        with_figures(facts, "kam_fte", 3.0),
        with_figures(facts, "fixed_costs", NAN),
    ):
        found = measure_exposure(given)
        assert found.missing == ("figures.fixed_costs",)
        assert math.isnan(found.cover)
        assert found.losses["cover_left"].isna().all()
        assert found.losses["margin_left"].tolist() == [150, 25]


def test_without_margins_only_revenue_is_told(facts: AccountFacts) -> None:
    found = measure_exposure(replace(facts, accounts=facts.accounts.assign(margin=NAN)))
    assert found.missing == ("transactions.margin", "figures.fixed_costs")
    assert found.losses["revenue_lost_share"].tolist() == [0.4, 0.9]
    assert found.losses["margin_lost"].isna().all()


def test_ten_percent_is_on_the_line(facts: AccountFacts) -> None:
    accounts = facts.accounts.assign(revenue=[600.0, 190.0, 110.0, 100.0, 0.0])
    found = measure_exposure(replace(facts, accounts=accounts)).disclosed
    assert found["account_id"].tolist() == ["K1", "K2", "K3", "K4"]
    assert found["share"].tolist() == [0.6, 0.19, 0.11, 0.1]


def test_a_group_is_one_customer_on_every_level(facts: AccountFacts) -> None:
    # K4 and K5 have 8 % and 2 %: together they are on the line
    customers = facts.accounts.assign(group_id=["K1", "K2", "K3", "G", "G"], group_source="group_id")
    found = measure_exposure(replace(facts, level=Level.CUSTOMER, customers=customers)).disclosed
    assert found["account_id"].tolist() == ["K1", "K2", "K3", "G"]
    assert found["share"].tolist()[-1] == 0.1


def test_fewer_than_three_accounts_have_no_loss_of_three(facts: AccountFacts) -> None:
    two = replace(facts, accounts=facts.accounts.head(2))
    assert measure_exposure(two).losses["n_lost"].tolist() == [1]
    nothing = replace(facts, accounts=facts.accounts.assign(revenue=0.0))
    assert measure_exposure(nothing).losses.empty
