"""What was known on a day: hand-made facts, cut in the middle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from kamkit.analysis.options.history import History, history_until
from kamkit.model.results import AccountFacts, no_events

DAY = "2025-06-30"


@pytest.fixture
def facts(facts_from: Callable[..., AccountFacts]) -> AccountFacts:
    """A buys before and after the day, B only after it, C before it and never again."""
    sold = [
        *(("A", f"{year}-{month:02d}-10", 10.0, "x") for year in (2024, 2025) for month in range(1, 13)),
        ("B", "2025-09-01", 99.0, "x"),
        ("C", "2024-03-05", 7.0, "x"),
    ]
    tables = {
        "complaints": {"date": ["2025-05-01", "2025-08-01"], "solved_on": ["2025-07-15", "2025-08-02"]},
        "contracts": {"start": ["2025-01-01", "2025-07-01"], "end": ["2027-01-01", "2027-07-01"]},
        "projects": {"start": ["2025-02-01", None], "project_id": ["P1", "P2"], "hours": [400.0, 20.0]},
        "ratings": {"item": ["trust", "fit"], "value": [5.0, 4.0]},
    }
    days = ("date", "solved_on", "start", "end")
    given = {
        name: pd.DataFrame(
            {"account_id": ["A", "A"]} | {c: pd.to_datetime(v) if c in days else v for c, v in columns.items()}
        )
        for name, columns in tables.items()
    }
    facts = facts_from(sold, margin={"A": -50.0, "B": 1.0}, industry={"A": "28.1"}, **given)
    accounts = facts.accounts.assign(wallet=1000.0, contract_share=0.5, last_date=pd.Timestamp("2025-12-10"))
    strike = {"account_id": pd.NA, "start": "2025-06-20", "end": "2025-07-20", "reason": "Streik"}
    return replace(
        facts,
        accounts=accounts,
        months=facts.months.assign(margin=facts.months["revenue"] / 5),
        events=pd.DataFrame([strike]).astype(no_events().dtypes),
    )


@pytest.fixture
def then(facts: AccountFacts) -> History:
    return history_until(facts, pd.Timestamp(DAY))


def test_accounts_are_those_of_the_day_with_its_figures(then: History) -> None:
    accounts = then.accounts.set_index("account_id")
    assert accounts.index.tolist() == ["A", "C"]
    assert accounts.loc["A", "revenue"] == 120.0
    assert accounts.loc["A", "margin"] == 24.0
    assert pd.isna(accounts.loc["C", "margin"])
    assert accounts.loc["A", "last_date"] == pd.Timestamp("2025-06-10")
    assert accounts.loc["A", "industry_code"] == "28.1"
    assert accounts[["wallet", "contract_share", "margin_coverage", "in_period"]].isna().all(axis=None)


def test_tables_end_with_the_day_and_say_nothing_that_was_entered_later(then: History) -> None:
    assert set(then.tables) == {"complaints", "contracts", "projects", "decisions"}
    assert then.tables["complaints"]["date"].tolist() == [pd.Timestamp("2025-05-01")]
    assert then.tables["complaints"]["solved_on"].isna().all()
    assert then.tables["contracts"]["start"].tolist() == [pd.Timestamp("2025-01-01")]
    assert then.tables["projects"].columns.tolist() == ["account_id", "start", "project_id"]
    assert then.tables["projects"]["project_id"].tolist() == ["P1"]
    assert then.events["end"].tolist() == [pd.Timestamp(DAY)]


def test_at_the_end_of_the_period_nothing_is_taken_away(facts: AccountFacts) -> None:
    now = history_until(facts)
    pd.testing.assert_frame_equal(now.accounts, facts.accounts)
    assert set(now.tables) == set(facts.tables)
    for name in ("ratings", "projects", "complaints"):
        pd.testing.assert_frame_equal(now.tables[name], facts.tables[name])
    assert now.events["end"].tolist() == [pd.Timestamp("2025-07-20")]


def test_a_day_after_a_day_is_cut_again(then: History) -> None:
    earlier = then.until(pd.Timestamp("2025-03-31"))
    assert earlier.accounts.set_index("account_id").loc["A", "revenue"] == 120.0
    assert earlier.until(pd.Timestamp("2023-12-31")).accounts.empty
