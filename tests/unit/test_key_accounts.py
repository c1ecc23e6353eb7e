"""Step 2 as a whole: ranking, concentration, membership, and who is managed."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from kamkit.analysis.key_accounts import find_key_accounts
from kamkit.errors import InputError
from kamkit.model.codes import Basis, Grain, Level
from kamkit.model.engagement import Capacity, ParetoSettings, Period
from kamkit.model.results import AccountFacts, KeyAccounts
from kamkit.model.tables import TABLES

YEAR = Period(start=dt.date(2025, 1, 1), end=dt.date(2025, 12, 31))
REVENUE = {"K1": 600.0, "K2": 360.0, "K3": 180.0, "K4": 60.0, "K5": -24.0}


def decisions_of(*rows: Mapping[str, object]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(TABLES["decisions"].columns))


def facts_of(
    revenue: dict[str, float], decisions: pd.DataFrame | None = None, grain: Grain = Grain.MONTH
) -> AccountFacts:
    """Accounts that earn the same in each month of 2025; one more, LOST, has nothing in the period."""
    ids = list(revenue)
    accounts = pd.DataFrame(
        {
            "account_id": [*ids, "LOST"],
            "name": [*ids, "LOST"],
            "in_period": pd.array([True] * len(ids) + [False], dtype="boolean"),
            "revenue": [*revenue.values(), 0.0],
            "margin": math.nan,
            "wallet": [value * 2 for value in revenue.values()] + [9999.0],
        }
    )
    months = pd.DataFrame(
        [
            {"account_id": i, "month": month, "revenue": value / 12, "margin": math.nan, "n_invoices": 1}
            for i, value in revenue.items()
            for month in pd.date_range("2025-01-01", periods=12, freq="MS")
        ]
    )
    empty = pd.DataFrame()
    return AccountFacts(
        period=YEAR,
        history_start=YEAR.start,
        grain=grain,
        level=Level.GROUP,
        item_kind=None,
        accounts=accounts,
        months=months,
        orders=empty,
        purchases=empty,
        product_purchases=empty,
        items=empty,
        members=empty,
        tables={"decisions": decisions_of() if decisions is None else decisions},
    )


def found(facts: AccountFacts, capacity: int | None = None, basis: Basis = Basis.REVENUE) -> KeyAccounts:
    """`find_key_accounts`, and its facts are as they were."""
    before = (facts.accounts.copy(), facts.months.copy(), facts.tables["decisions"].copy())
    result = find_key_accounts(facts, ParetoSettings(basis=basis), Capacity(accounts=capacity), seed=1)
    for now, then in zip((facts.accounts, facts.months, facts.tables["decisions"]), before, strict=True):
        assert_frame_equal(now, then)
    assert isinstance(result, KeyAccounts)
    return result


def tiers(facts: AccountFacts, capacity: int | None = None) -> dict[str, str]:
    table = found(facts, capacity).tiers
    assert table.columns.tolist() == ["account_id", "tier", "proposed_tier"]
    return dict(zip(table["account_id"], table["tier"], strict=True))


def test_who_the_key_accounts_are() -> None:
    result = found(facts_of(REVENUE))
    assert result.pareto.table["account_id"].tolist() == ["K1", "K2", "K3", "K4", "K5"]
    assert (result.pareto.n_accounts, result.pareto.n_key_accounts) == (5, 2)
    assert result.concentration.cr1 == 0.5
    expected = {"account_id": ["K1", "K2", "K3", "K4", "K5"], "membership_probability": [1.0, 1.0, 0.0, 0.0, 0.0]}
    assert_frame_equal(result.membership, pd.DataFrame(expected))


def test_without_a_capacity_key_accounts_are_key() -> None:
    assert tiers(facts_of(REVENUE)) == {"K1": "key", "K2": "key", "K3": "other", "K4": "other", "K5": "other"}


@pytest.mark.parametrize(
    ("capacity", "expected"), [(1, "managed key other"), (2, "managed managed other"), (4, "managed managed other")]
)
def test_what_can_be_managed_is_managed(capacity: int, expected: str) -> None:
    assert list(tiers(facts_of(REVENUE), capacity).values())[:3] == expected.split()


def test_decisions_override_the_tier_and_never_the_set() -> None:
    decisions = decisions_of(
        {"account_id": "K1", "subject": "key_account", "decision": "no"},
        {"account_id": "K4", "subject": "key_account", "decision": " Yes "},
        {"account_id": "K3", "subject": "tier", "decision": "managed"},
        {"account_id": "K2", "subject": "kam_type", "decision": "service"},
        {"account_id": "K2", "subject": "tier", "decision": None},
        {"account_id": "NEW", "subject": "tier", "decision": "key"},
    )
    facts = facts_of(REVENUE, decisions)
    assert tiers(facts, 2) == {"K1": "other", "K2": "managed", "K3": "managed", "K4": "key", "K5": "other"}
    assert found(facts, 2).pareto.table["is_key_account"].tolist() == [True, True, False, False, False]


def test_a_yes_does_not_take_management_away() -> None:
    decisions = decisions_of({"account_id": "K1", "subject": "key_account", "decision": "yes"})
    assert tiers(facts_of(REVENUE, decisions), 1)["K1"] == "managed"


def test_a_tier_weighs_more_than_a_yes_or_no() -> None:
    decisions = decisions_of(
        {"account_id": "K1", "subject": "tier", "decision": "managed"},
        {"account_id": "K1", "subject": "key_account", "decision": "no"},
    )
    assert tiers(facts_of(REVENUE, decisions))["K1"] == "managed"


def test_the_latest_decision_holds_and_an_expired_one_does_not() -> None:
    decisions = decisions_of(
        {"account_id": "K1", "subject": "tier", "decision": "other", "date": pd.Timestamp("2025-06-01")},
        {"account_id": "K1", "subject": "tier", "decision": "managed", "date": pd.Timestamp("2025-03-01")},
        {"account_id": "K1", "subject": "tier", "decision": "key"},
        {"account_id": "K2", "subject": "tier", "decision": "other", "valid_until": pd.Timestamp("2025-12-30")},
        {"account_id": "K3", "subject": "tier", "decision": "key", "valid_until": pd.Timestamp("2025-12-31")},
    )
    held = tiers(facts_of(REVENUE, decisions))
    assert (held["K1"], held["K2"], held["K3"]) == ("other", "key", "key")


def test_an_unknown_answer_is_told() -> None:
    decisions = decisions_of({"account_id": "K1", "subject": "tier", "decision": "vielleicht"})
    with pytest.raises(InputError) as caught:
        found(facts_of(REVENUE, decisions))
    assert str(caught.value) == (
        "decisions: 1 problem found\n- tier: 1 answer not known: 'vielleicht'. Use one of: managed, key, other"
    )


@pytest.mark.parametrize(("grain", "basis"), [(Grain.YEAR, Basis.REVENUE), (Grain.MONTH, Basis.POTENTIAL)])
def test_membership_is_missing_where_nothing_is_dated(grain: Grain, basis: Basis) -> None:
    membership = found(facts_of(REVENUE, grain=grain), basis=basis).membership
    assert membership["account_id"].tolist() == ["K1", "K2", "K3", "K4", "K5"]
    assert membership["membership_probability"].isna().all()


def test_membership_is_missing_where_the_data_only_describe() -> None:
    facts = replace(facts_of(REVENUE), blocked={"statistics": "small_sample"})
    assert found(facts).membership["membership_probability"].isna().all()


def test_one_account() -> None:
    result = found(facts_of({"K1": 10.0}), capacity=15)
    assert result.membership["membership_probability"].tolist() == [1.0]
    assert result.tiers["tier"].tolist() == ["managed"]


def test_all_zero() -> None:
    result = found(facts_of({"K1": 0.0, "K2": -5.0}), capacity=15)
    assert result.pareto.n_key_accounts == 0
    assert result.tiers["tier"].tolist() == ["other", "other"]
    assert result.membership["membership_probability"].tolist() == [0.0, 0.0]
