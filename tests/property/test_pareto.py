"""What must hold of the ranking for any accounts."""

from __future__ import annotations

import math
from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamkit.analysis.concentration import measure_concentration
from kamkit.analysis.pareto import rank_accounts
from kamkit.model.results import Pareto

CENTS = st.lists(st.integers(-50_000, 5_000_000) | st.sampled_from([0, 1, 100]), max_size=40)
THRESHOLDS = st.sampled_from([0.01, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0])


def accounts_of(cents: list[int], unit: float = 100.0) -> pd.DataFrame:
    ids = [f"K{i:03d}" for i in range(len(cents))]
    revenue = [amount / unit for amount in cents]
    return pd.DataFrame({"account_id": ids, "name": ids, "revenue": revenue, "margin": math.nan}).astype(
        {"revenue": float}
    )


def decided(pareto: Pareto) -> pd.DataFrame:
    """What is decided about each account, whatever its amounts are called."""
    columns = ["account_id", "rank", "is_key_account", "abc_class", "abc_computed"]
    return pareto.table[columns].astype("str")


@given(CENTS, THRESHOLDS)
def test_no_account_and_no_cent_is_lost(cents: list[int], threshold: float) -> None:
    accounts = accounts_of(cents)
    pareto = rank_accounts(accounts, threshold)
    assert sorted(pareto.table["account_id"]) == accounts["account_id"].tolist()
    assert dict(zip(pareto.table["account_id"], pareto.table["revenue"], strict=True)) == dict(
        zip(accounts["account_id"], accounts["revenue"], strict=True)
    )
    assert pareto.total == sum(cents) / 100
    assert pareto.total_positive == sum(c for c in cents if c > 0) / 100
    assert sum(pareto.abc.values()) == pareto.n_positive == sum(c > 0 for c in cents)
    assert sum(pareto.abc_computed.values()) in (0, pareto.n_positive)


@given(CENTS, THRESHOLDS)
def test_the_set_is_the_smallest_one_that_reaches_the_threshold(cents: list[int], threshold: float) -> None:
    pareto = rank_accounts(accounts_of(cents), threshold)
    largest_first = sorted((c for c in cents if c > 0), reverse=True)
    needed = Fraction(str(threshold)) * sum(largest_first)
    n = pareto.n_key_accounts
    assert sum(largest_first[:n]) >= needed
    assert n == 0 or sum(largest_first[: n - 1]) < needed
    inside = pareto.table.loc[pareto.table["is_key_account"], "revenue"]
    assert sorted(inside) == [c / 100 for c in sorted(largest_first[:n])]


@given(CENTS, THRESHOLDS, st.randoms())
def test_the_order_of_rows_changes_nothing(cents: list[int], threshold: float, random: object) -> None:
    accounts = accounts_of(cents)
    order = list(range(len(cents)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = accounts.iloc[order].reset_index(drop=True)
    first, second = rank_accounts(accounts, threshold), rank_accounts(shuffled, threshold)
    pd.testing.assert_frame_equal(first.table, second.table)
    assert (first.n_key_accounts, first.total) == (second.n_key_accounts, second.total)


@pytest.mark.parametrize("unit", [1.0, 100_000.0])
@given(cents=CENTS, threshold=THRESHOLDS)
def test_the_unit_of_the_currency_changes_nothing(unit: float, cents: list[int], threshold: float) -> None:
    in_euro, in_unit = (rank_accounts(accounts_of(cents, u), threshold) for u in (100.0, unit))
    pd.testing.assert_frame_equal(decided(in_euro), decided(in_unit))
    pd.testing.assert_series_equal(in_euro.table["share"], in_unit.table["share"])


@given(CENTS, THRESHOLDS)
def test_new_names_in_the_same_order_change_nothing(cents: list[int], threshold: float) -> None:
    accounts = accounts_of(cents)
    renamed = accounts.assign(account_id=[name.replace("K", "Kunde ") for name in accounts["account_id"]], name="x")
    first, second = decided(rank_accounts(accounts, threshold)), decided(rank_accounts(renamed, threshold))
    second["account_id"] = [name.replace("Kunde ", "K") for name in second["account_id"]]
    pd.testing.assert_frame_equal(first, second, check_dtype=bool(cents))


@given(CENTS, THRESHOLDS, THRESHOLDS)
def test_a_higher_threshold_never_shrinks_the_set(cents: list[int], one: float, other: float) -> None:
    low, high = (rank_accounts(accounts_of(cents), t).table for t in sorted([one, other]))
    inside = [set(t.loc[t["is_key_account"], "account_id"]) for t in (low, high)]
    assert inside[0] <= inside[1]


@given(CENTS, THRESHOLDS)
def test_an_account_without_revenue_changes_no_other(cents: list[int], threshold: float) -> None:
    accounts = accounts_of(cents)
    zero = pd.DataFrame({"account_id": ["A"], "name": ["A"], "revenue": [0.0], "margin": [math.nan]})
    first = rank_accounts(accounts, threshold)
    second = rank_accounts(pd.concat([accounts, zero], ignore_index=True), threshold)
    others = second.table[second.table["account_id"] != "A"].reset_index(drop=True)
    pd.testing.assert_frame_equal(first.table, others, check_dtype=bool(cents))
    assert (second.n_accounts, second.total) == (first.n_accounts + 1, first.total)
    assert (second.n_key_accounts, second.abc, second.abc_computed) == (
        first.n_key_accounts,
        first.abc,
        first.abc_computed,
    )


@given(CENTS)
def test_the_threshold_of_a_and_b_is_the_class_limit(cents: list[int]) -> None:
    table = rank_accounts(accounts_of(cents), 0.8).table
    assert ((table["abc_class"] == "A") == table["is_key_account"]).all()


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=40))
def test_concentration_stays_within_its_bounds(cents: list[int]) -> None:
    found = measure_concentration(pd.Series(cents, dtype=float))
    n = len(cents)
    assert 0 <= found.gini <= 1 - 1 / n + 1e-12
    assert 1 / n - 1e-12 <= found.hhi <= 1 + 1e-12
    assert found.cr1 <= found.cr3 <= found.cr5 <= found.cr10 <= 1
    assert found.lorenz["cumulative_share"].is_monotonic_increasing
    assert (found.lorenz["cumulative_share"] <= found.lorenz["account_share"] + 1e-12).all()
