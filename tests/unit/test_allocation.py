from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamkit.analysis.allocation import allocate, split
from kamkit.model.portfolio_rules import load_portfolio_rules
from kamkit.model.results import AccountFacts, Allocation

RULES = load_portfolio_rules().allocation


def test_the_split_is_in_proportion_to_worth_within_the_limit() -> None:
    # 300 in all, worth 3:2:1 → optimum 150, 100, 50; ±25 % allows 75–125 each.
    # 150 is held at 125, 50 at 75; what is left for the middle one is 300 − 125 − 75 = 100, which is its optimum.
    optimum, proposed, limited = split(np.array([100.0, 100, 100]), np.array([3.0, 2, 1]), 0.25)
    assert optimum.tolist() == [150, 100, 50]
    assert proposed == pytest.approx([125, 100, 75])
    assert limited.tolist() == [True, False, True]


def test_what_the_limit_takes_from_one_goes_to_the_others_in_proportion() -> None:
    # 400 in all, worth 10:4:4:2 → optimum 200, 80, 80, 40. The first stops at 125, the last at 75; the two others share
    # the other 200 equally.
    _, proposed, _ = split(np.array([100.0, 100, 100, 100]), np.array([10.0, 4, 4, 2]), 0.25)
    assert proposed == pytest.approx([125, 100, 100, 75])


def test_what_no_limit_allows_to_spend_is_left_over() -> None:
    # only the first earns anything: it takes 125, the two others keep at least 75 each: 275 of 300
    _, proposed, limited = split(np.array([100.0, 100, 100]), np.array([1.0, 0, -5]), 0.25)
    assert proposed == pytest.approx([125, 75, 75])
    assert limited.all()


amounts = st.lists(st.tuples(st.integers(1, 10_000), st.integers(-2_000, 50_000)), min_size=2, max_size=30)


@given(rows=amounts, unit=st.sampled_from([0.001, 1.0, 1e6]), most=st.sampled_from([0.1, 0.25, 0.5]))
def test_no_amount_leaves_its_limit_and_nothing_is_lost(rows: list[tuple[int, int]], unit: float, most: float) -> None:
    today = np.array([float(a) for a, _ in rows]) * unit
    worth = np.array([float(b) for _, b in rows])
    worth[0] = abs(worth[0]) + 1
    _, proposed, limited = split(today, worth, most)
    assert (np.abs(proposed / today - 1) <= most + 1e-9).all()
    assert proposed.sum() <= today.sum() * (1 + 1e-9)
    earning = worth > 0
    allowed = today[earning].sum() * (1 + most) + today[~earning].sum() * (1 - most)
    assert proposed.sum() == pytest.approx(min(today.sum(), allowed), rel=1e-9)
    order = np.random.default_rng(1).permutation(len(rows))
    again = split(today[order] / unit, worth[order] * 7, most)[1]  # another order, currency, and elasticity
    assert again * unit == pytest.approx(proposed[order], rel=1e-7)
    assert not (limited & (np.abs(np.abs(proposed / today - 1) - most) > 1e-6)).any()


def facts_with(facts_from, margin: dict[str, float], **tables: pd.DataFrame) -> AccountFacts:  # type: ignore[no-untyped-def]
    orders = [(i, f"2025-{m:02d}-10", 100.0, "I") for i in "ABCD" for m in range(1, 13)]
    return facts_from(orders, margin=margin, **tables)  # type: ignore[no-any-return]


def budgets_of(**amounts: float) -> pd.DataFrame:
    rows = pd.DataFrame({"account_id": pd.Series(list(amounts), dtype="string"), "actual": list(amounts.values())})
    return rows.assign(segment=pd.NA, year=2025, plan=np.nan, cost_type="Vertrieb")


KEYS = pd.Index(["A", "B", "C", "D"], name="account_id")


def test_budget_and_time_are_split_and_what_is_left_alone_is_counted(facts_from) -> None:  # type: ignore[no-untyped-def]
    visits = pd.DataFrame({"account_id": [*"AAAB", "X"], "date": pd.Timestamp("2025-06-01")})
    facts = facts_with(facts_from, {"A": 300.0, "B": 100.0, "C": 50.0}, budgets=budgets_of(A=100, B=100, D=40), interactions=visits)  # fmt: skip
    found = allocate(facts, KEYS, RULES)
    totals = found.totals.set_index("kind")
    # D has no margin, C no budget: A and B share their 200 as 3:1 → 150 and 50, held at 125 and 75
    assert totals.loc["budget", ["total", "unallocated", "n", "n_without"]].tolist() == [240, 0, 2, 2]
    budget = found.table[found.table["kind"] == "budget"].set_index("account_id")
    assert budget["proposed"].to_dict() == pytest.approx({"A": 125, "B": 75})
    # of 4 contacts with key accounts 3 went to A; the optimum of A and B is 3:1 as well, so nothing changes
    time = found.table[found.table["kind"] == "time"].set_index("account_id")
    assert time["today"].to_dict() == {"A": 0.75, "B": 0.25}
    assert time["change"].to_dict() == pytest.approx({"A": 0, "B": 0})
    assert not found.uses_growth


def test_room_for_growth_counts_where_every_demand_is_known(facts_from) -> None:  # type: ignore[no-untyped-def]
    facts = facts_with(facts_from, dict.fromkeys("ABCD", 100.0), budgets=budgets_of(A=100, B=100, C=100, D=100))
    # revenue is 1,200 each: g = 1, 1.1, 2 and 2 (capped at 2) → optimum 400·g/6.1
    wallet = facts.accounts.assign(wallet=[600.0, 1320, 2400, 9999])
    grown = allocate(replace_accounts(facts, wallet), KEYS, RULES)
    budget = grown.table[grown.table["kind"] == "budget"]
    assert grown.uses_growth
    assert budget["optimum"].tolist() == pytest.approx([400 * g / 6.1 for g in (1, 1.1, 2, 2)])
    known_of_three = allocate(replace_accounts(facts, wallet.assign(wallet=[600.0, np.nan, 2400, 9999])), KEYS, RULES)
    assert not known_of_three.uses_growth


def replace_accounts(facts: AccountFacts, accounts: pd.DataFrame) -> AccountFacts:
    from dataclasses import replace

    return replace(facts, accounts=accounts)


@pytest.mark.parametrize(
    ("margin", "budgets", "missing"),
    [
        ({"A": 1.0, "B": 1.0}, None, ("budgets.account_id",)),
        ({}, budgets_of(A=1, B=2), ("transactions.margin",)),
        ({}, None, ("budgets.account_id", "transactions.margin")),
        ({"A": -1.0, "B": -2.0}, budgets_of(A=1, B=2), ("transactions.margin",)),
    ],
    ids=["no_budgets", "no_margins", "neither", "only_losses"],
)
def test_what_is_missing_is_named(facts_from, margin, budgets, missing) -> None:  # type: ignore[no-untyped-def]
    tables = {} if budgets is None else {"budgets": budgets}
    found: Allocation = allocate(facts_with(facts_from, margin, **tables), KEYS, RULES)
    assert found.totals.set_index("kind").loc["budget", "missing"] == missing
    assert found.table.empty
