"""What must hold for any accounts: of the whale curve, of the resampled set, of the list against the year before."""

from __future__ import annotations

import datetime as dt
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from kamkit.analysis.list_history import compare_years
from kamkit.analysis.pareto import rank_accounts
from kamkit.analysis.resampling import in_the_set
from kamkit.analysis.stability import membership_probability
from kamkit.analysis.value import value_accounts
from kamkit.model.codes import Grain, Level
from kamkit.model.engagement import Period
from kamkit.model.results import AccountFacts, ListHistory
from kamkit.model.smallest_set import smallest_set

YEAR = Period(start=dt.date(2025, 1, 1), end=dt.date(2025, 12, 31))
CENTS = st.integers(-20_000, 500_000) | st.sampled_from([0, 0, 100, 10_000])
LISTS = st.lists(CENTS, max_size=25)
FEW = settings(max_examples=20)
LIMITS = st.sampled_from([Fraction(1, 2), Fraction(4, 5), Fraction(19, 20), Fraction(1)])


def months_table(n_months: int) -> st.SearchStrategy[list[list[int]]]:
    """Cents by account and month."""
    return st.lists(st.lists(CENTS, min_size=n_months, max_size=n_months), min_size=1, max_size=8)


def months_of(table: list[list[int]], names: list[str], unit: float = 100.0) -> pd.DataFrame:
    last = pd.Timestamp("2025-12-01")
    firsts = [last - pd.DateOffset(months=len(table[0]) - 1 - i) for i in range(len(table[0]))]
    rows = [
        (n, m, cents / unit) for n, row in zip(names, table, strict=True) for m, cents in zip(firsts, row, strict=True)
    ]
    return pd.DataFrame(rows, columns=["account_id", "month", "revenue"]).astype({"revenue": float})


def names_of(table: list[Any], prefix: str = "K") -> list[str]:
    return [f"{prefix}{i:02d}" for i in range(len(table))]


def probabilities(
    table: list[list[int]], names: list[str], unit: float = 100.0, shuffle: int | None = None
) -> list[float]:
    months = months_of(table, names, unit)
    if shuffle is not None:
        months = months.sample(frac=1, random_state=shuffle)
    found = membership_probability(months, "revenue", pd.Series(names), YEAR, 0.8, seed=5, draws=60)
    return [float(p) for p in found["membership_probability"]]


@given(LISTS)
def test_the_whale_ends_at_the_total_and_peaks_once(cents: list[int]) -> None:
    ids = names_of(cents)
    accounts = pd.DataFrame({"account_id": ids, "name": ids, "revenue": 1.0, "margin": [c / 100 for c in cents]})
    accounts = accounts.astype({"revenue": float, "margin": float})
    found = value_accounts(accounts, rank_accounts(accounts), YEAR)
    assert sorted(found.whale["account_id"] if len(cents) else []) == ids
    if not cents:
        return
    assert found.whale["cumulated"].iloc[-1] == found.margin_total == sum(cents) / 100
    assert found.gained == sum(c for c in cents if c > 0) / 100
    assert found.lost == -sum(c for c in cents if c < 0) / 100
    assert found.n_loss_makers == sum(c < 0 for c in cents)
    rising = found.whale["cumulated"].diff().dropna().tolist()
    assert [step >= 0 for step in rising] == sorted((step >= 0 for step in rising), reverse=True)
    if sum(cents) > 0:
        assert found.whale["cumulated_share"].iloc[-1] == 1.0
        assert found.peak >= 1.0
        assert math.isclose(found.peak, 1 + found.erosion)
        shares = found.table["margin_share"].dropna()
        assert math.isclose(math.fsum(shares), 1.0)
    else:
        assert math.isnan(found.peak)


@given(st.lists(LISTS.filter(bool), min_size=1, max_size=4), LIMITS)
def test_every_draw_has_the_smallest_set(rows: list[list[int]], limit: Fraction) -> None:
    width = max(map(len, rows))
    totals = np.array([row + [0] * (width - len(row)) for row in rows], dtype=np.int64)
    for row, inside in zip(totals, in_the_set(totals, limit), strict=True):
        positive = np.sort(row[row > 0])[::-1]
        n = smallest_set(positive, limit)
        assert sorted(row[inside], reverse=True) == positive[:n].tolist()


@FEW
@given(months_table(6), st.integers(0, 99))
def test_order_names_and_unit_change_no_membership(table: list[list[int]], shuffle: int) -> None:
    first = probabilities(table, names_of(table))
    assert first == probabilities(table, names_of(table))
    assert first == probabilities(table, names_of(table), shuffle=shuffle)
    assert first == probabilities(table, names_of(table, "Z")[::-1])
    assert first == probabilities(table, names_of(table), unit=1.0)
    assert first == probabilities(table, names_of(table), unit=100_000.0)


@FEW
@given(months_table(6))
def test_an_account_without_revenue_changes_no_membership(table: list[list[int]]) -> None:
    with_zero = [[0] * 6, *table]
    assert probabilities(with_zero, ["A", *names_of(table)]) == [0.0, *probabilities(table, names_of(table))]


@FEW
@given(months_table(6))
def test_a_dominant_account_is_always_in(table: list[list[int]]) -> None:
    dominant = [sum(max(cents, 0) for row in table for cents in row) * 6 + 1] * 6
    assert probabilities([*table, dominant], names_of([*table, dominant]))[-1] == 1.0


def compared(table: list[list[int]], names: list[str], unit: float = 100.0) -> ListHistory:
    months = months_of(table, names, unit)
    inside = months[months["month"] >= "2025-01-01"].groupby("account_id")["revenue"].sum().reindex(names)
    accounts = pd.DataFrame({"account_id": names, "name": names, "in_period": True, "revenue": inside.to_numpy()})
    accounts["margin"] = math.nan
    empty = pd.DataFrame()
    facts = AccountFacts(
        period=YEAR,
        history_start=dt.date(2024, 1, 1),
        grain=Grain.MONTH,
        level=Level.GROUP,
        item_kind=None,
        accounts=accounts,
        months=months,
        orders=empty,
        purchases=empty,
        product_purchases=empty,
        items=empty,
        members=empty,
        tables={},
    )
    return compare_years(facts, rank_accounts(accounts), seed=3, draws=40)


@FEW
@given(months_table(24))
def test_the_list_against_last_year_adds_up(table: list[list[int]]) -> None:
    found = compared(table, names_of(table))
    changes = found.changes["change"].value_counts()
    assert found.n_before - found.n_both == changes.get("left", 0)
    assert found.n_now - found.n_both == changes.get("entered", 0)
    old, new = (np.array([sum(row[i : i + 12]) for row in table]) for i in (0, 12))
    counts = found.transitions.set_index("class_before")
    assert counts.to_numpy().sum() == ((old > 0) | (new > 0)).sum()
    assert counts.loc[["A", "B", "C"]].to_numpy().sum() == (old > 0).sum()
    if any(map(any, table)):
        assert 0 <= found.chance_low <= found.chance_high <= 1
    assert not set(found.kept["account_id"]) - set(found.changes["account_id"])


@FEW
@given(months_table(24))
def test_names_and_unit_change_nothing_against_last_year(table: list[list[int]]) -> None:
    def figures(found: ListHistory) -> tuple[object, ...]:
        band = (found.overlap, found.chance_low, found.chance_high, found.fallen_low, found.fallen_high)
        return (found.n_before, found.n_now, found.n_fallen, *map(str, band))

    first = figures(compared(table, names_of(table)))
    assert first == figures(compared(table, names_of(table), unit=1.0))
    assert first == figures(compared([*table, [0] * 24], names_of([*table, []])))
    assert first[0] == compared(table, names_of(table, "Z")[::-1]).n_before
