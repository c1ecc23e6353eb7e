"""The smallest set that reaches the threshold, ABC and computed ABC, on tables small enough for a pencil."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from kamkit.analysis.pareto import computed_limits, rank_accounts
from kamkit.errors import InputError
from kamkit.model.codes import Basis
from kamkit.model.results import Pareto
from kamkit.model.smallest_set import smallest_set, whole_units


def accounts_of(revenues: list[float], **columns: list[object]) -> pd.DataFrame:
    """Accounts K1, K2, … with the given revenues."""
    ids = [f"K{i}" for i in range(1, len(revenues) + 1)]
    table = pd.DataFrame(
        {"account_id": ids, "name": [f"Name {i}" for i in ids], "revenue": revenues, "margin": math.nan}
    )
    return table.astype({"revenue": float}).assign(**columns)


def ranked(accounts: pd.DataFrame, threshold: float = 0.80, basis: Basis = Basis.REVENUE) -> Pareto:
    """`rank_accounts`, and its input is as it was."""
    before = accounts.copy(deep=True)
    pareto = rank_accounts(accounts, threshold, basis)
    assert_frame_equal(accounts, before)
    assert isinstance(pareto, Pareto)
    return pareto


def test_a_credit_note_stands_last_without_rank_share_and_class() -> None:
    pareto = ranked(accounts_of([-50, 60, 900, 0, 40], margin=[1.0, 2.0, 3.0, 4.0, 5.0]))
    none = math.nan
    expected = pd.DataFrame(
        {
            "account_id": ["K3", "K2", "K5", "K4", "K1"],
            "name": ["Name K3", "Name K2", "Name K5", "Name K4", "Name K1"],
            "revenue": [900.0, 60.0, 40.0, 0.0, -50.0],
            "margin": [3.0, 2.0, 5.0, 4.0, 1.0],
            "value": [900.0, 60.0, 40.0, 0.0, -50.0],
            "share": [0.9, 0.06, 0.04, none, none],
            "cumulative_share": [0.9, 0.96, 1.0, none, none],
            "rank": pd.array([1, 2, 3, None, None], dtype="Int64"),
            "is_key_account": [True, False, False, False, False],
            "abc_class": pd.array(["A", "B", "C", None, None], dtype="str"),
            # mean 333: the break-even point is the first account, and so is the point nearest to E = 0, Y = 1
            "abc_computed": pd.array(["A", "C", "C", None, None], dtype="str"),
        }
    )
    assert_frame_equal(pareto.table, expected)
    assert (pareto.n_accounts, pareto.n_positive, pareto.n_key_accounts) == (5, 3, 1)
    assert (pareto.total, pareto.total_positive, pareto.key_account_share) == (950.0, 1000.0, 0.9)
    assert pareto.abc == {"A": 1, "B": 1, "C": 1}
    assert pareto.abc_computed == {"A": 1, "B": 0, "C": 2}


@pytest.mark.parametrize(
    ("case", "revenues", "threshold", "n_key", "abc"),
    [
        ("no_account", [], 0.8, 0, (0, 0, 0)),
        ("one_account", [5], 0.8, 1, (1, 0, 0)),
        ("all_zero", [0, 0], 0.8, 0, (0, 0, 0)),
        ("all_negative", [-1, -2], 0.8, 0, (0, 0, 0)),
        ("all_equal", [10] * 10, 0.8, 8, (8, 2, 0)),
        ("dominant", [990, 5, 5], 0.8, 1, (1, 0, 2)),
        ("crossing_account", [50, 29, 21], 0.8, 3, (3, 0, 0)),
        ("exact_hit", [50, 30, 15, 5], 0.8, 2, (2, 1, 1)),
        ("exact_hit_in_cents", [0.1, 0.7, 0.2], 0.9, 2, (2, 1, 0)),
        ("whole_threshold", [50, 30, 20], 1.0, 3, (2, 1, 0)),
        ("everyone_above_zero_for_all", [50, 30, 20, 0, -5], 1.0, 3, (2, 1, 0)),
    ],
)
def test_the_smallest_set(case: str, revenues: list[float], threshold: float, n_key: int, abc: tuple[int, ...]) -> None:
    pareto = ranked(accounts_of(revenues), threshold)
    assert pareto.n_key_accounts == pareto.table["is_key_account"].sum() == n_key
    assert tuple(pareto.abc.values()) == abc
    assert math.isnan(pareto.key_account_share) == (n_key == 0)


def test_ties_go_by_account_id_as_text() -> None:
    accounts = accounts_of([10, 10, 10, 10]).assign(account_id=["9", "10", "010", "2"])
    assert ranked(accounts, 0.5).table["account_id"].tolist() == ["010", "10", "2", "9"]


def test_what_floats_get_wrong_is_compared_exactly() -> None:
    # 0.1 + 0.2 is above 0.3 as a float, and 1.1 + 2.2 above 3.3: here both are exact hits
    assert ranked(accounts_of([0.3, 0.3, 0.2, 0.1, 0.1]), 0.8).n_key_accounts == 3
    assert ranked(accounts_of([2.2, 1.1, 0.825]), 0.8).n_key_accounts == 2
    # what is left of 100.10 + 200.20 − 300.30 is dust, not revenue
    assert ranked(accounts_of([5.0, 100.10 + 200.20 - 300.30])).n_positive == 1


def test_amounts_too_large_for_six_digits_get_fewer() -> None:
    def exact(values: list[float]) -> tuple[list[int], int]:
        units, digits = whole_units(pd.Series(values, dtype=float))
        return units.tolist(), digits

    assert exact([1.5, math.nan]) == ([1_500_000, 0], 6)
    assert exact([9_007_199_254.0]) == ([9_007_199_254_000_000], 6)
    assert exact([9_007_199_255.0]) == ([900_719_925_500_000], 5)
    assert exact([1e17]) == ([10**17], 0)
    assert exact([]) == ([], 6)


def test_sums_beyond_64_bits_stay_exact() -> None:
    # three times 2**62 is above what 64 bits hold; 2/3 of it is an exact hit of two accounts
    pareto = ranked(accounts_of([2.0**62, 2.0**62, 2.0**62]), 0.666666)
    assert (pareto.n_key_accounts, pareto.total) == (2, 3 * 2**62)
    assert pareto.table["share"].tolist() == [1 / 3] * 3
    assert smallest_set(np.array([2**62] * 3, dtype=object), Fraction(2, 3)) == 2


def test_margin_as_basis_keeps_revenue_and_leaves_out_what_has_no_margin() -> None:
    pareto = ranked(
        accounts_of([100, 200, 300], margin=[30.0, None, 10.0]).astype({"margin": float}), 0.8, Basis.MARGIN
    )
    assert pareto.table["account_id"].tolist() == ["K1", "K3", "K2"]
    assert pareto.table["revenue"].tolist() == [100.0, 300.0, 200.0]
    assert pareto.table["share"].tolist()[:2] == [0.75, 0.25]
    assert pareto.table["value"].isna().tolist() == [False, False, True]
    assert (pareto.n_accounts, pareto.n_positive, pareto.total) == (3, 2, 40.0)


def test_potential_as_basis_is_the_wallet() -> None:
    pareto = ranked(accounts_of([100, 200], wallet=[900.0, 100.0]), 0.8, Basis.POTENTIAL)
    assert pareto.table["value"].tolist() == [900.0, 100.0]


@pytest.mark.parametrize(
    ("basis", "problem"),
    [
        (
            Basis.MARGIN,
            "margin is missing for all 2 accounts: map margin or cost in sources.transactions, "
            "or set pareto.basis: revenue",
        ),
        (
            Basis.POTENTIAL,
            "wallet is missing for all 2 accounts: map wallet in sources.customers, or set pareto.basis: revenue",
        ),
    ],
)
def test_a_basis_that_no_account_has_is_told(basis: Basis, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        rank_accounts(accounts_of([1, 2], wallet=[math.nan, math.nan]), 0.8, basis)
    assert str(caught.value) == f"key accounts: 1 problem found\n- {problem}"


def test_computed_abc_on_the_discrete_polygon() -> None:
    # n = 5, sum 100: Y = .60 .80 .90 .96 1. Squared distances to (0, 1): .04+.16=.20, .16+.04=.20, …: the first of the
    # two equal ones. Mean 20: the break-even point is account 2. A ends at 1; B nearest to (2/5, 1): account 2 has .04,
    # account 3 has .04 + .01, so B ends at 2.
    assert computed_limits(np.array([60, 20, 10, 6, 4])) == [1, 2]


def test_computed_abc_is_withheld_from_accounts_that_are_nearly_equal() -> None:
    pareto = ranked(accounts_of([12, 11, 10, 9, 8]))
    assert pareto.abc_computed == {}
    assert pareto.table["abc_computed"].isna().all()


def test_smallest_set_of_nothing() -> None:
    assert smallest_set(np.zeros(0, dtype=np.int64), Fraction(4, 5)) == 0
