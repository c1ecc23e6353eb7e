"""What putting groups together does to the list: before and after, on customers whose answer one can check by hand."""

from __future__ import annotations

import pandas as pd

from kamkit.analysis.consolidation import compare_levels
from kamkit.model.codes import Basis


def customers_of(*rows: tuple[str, float, str, str]) -> pd.DataFrame:
    """account_id, revenue, group_id, group_source."""
    frame = pd.DataFrame(rows, columns=["account_id", "revenue", "group_id", "group_source"])
    return frame.assign(name="Kunde " + frame["account_id"], margin=float("nan"), wallet=float("nan"))


NO_NAMES = pd.DataFrame({"account_id": [], "name": []})


def test_a_group_of_small_customers_enters_and_a_large_one_drops_out() -> None:
    customers = customers_of(
        ("A", 50, "A", "none"),
        ("B", 20, "B", "none"),
        ("C", 12, "G", "group_id"),
        ("D", 11, "G", "group_id"),
        ("E", 7, "G", "group_id"),
    )
    found = compare_levels(customers, pd.DataFrame({"account_id": ["G"], "name": ["Konzern G"]}))
    assert (found.n_before, found.n_after) == (3, 2)  # 50 + 20 + 12 = 82; then 50 + 30 = 80
    assert found.coverage == 0.3
    assert found.changes[["account_id", "change", "revenue"]].to_numpy().tolist() == [
        ["C", "merged", 12],
        ["B", "dropped", 20],
    ]
    assert found.changes["group_name"].fillna("").tolist() == ["Konzern G", ""]


def test_a_group_none_of_whose_members_was_in_enters_by_its_own_name() -> None:
    customers = customers_of(
        ("A", 60, "A", "none"), ("B", 21, "B", "none"), ("C", 10, "G", "parent"), ("D", 9, "G", "parent")
    )
    found = compare_levels(customers, NO_NAMES, threshold=0.95)
    assert found.changes[["account_id", "change"]].to_numpy().tolist() == [["C", "merged"], ["D", "merged"]]
    entered = compare_levels(customers, NO_NAMES, threshold=0.81)
    assert (entered.n_before, entered.n_after, len(entered.changes)) == (2, 2, 0)
    small = customers_of(("A", 55, "A", "none"), *((f"C{i}", 5, "G" if i < 5 else f"C{i}", "parent") for i in range(9)))
    grown = compare_levels(small, NO_NAMES, threshold=0.7)
    assert (grown.n_before, grown.n_after) == (4, 2)  # 55 + 3 × 5 = 70; then 55 + 25 = 80
    assert "G" not in set(grown.changes["account_id"])  # its first members were in the set already


def test_without_groups_nothing_changes_and_nothing_is_covered() -> None:
    found = compare_levels(customers_of(("A", 50, "A", "none"), ("B", 50, "B", "none")), NO_NAMES)
    assert (found.n_before, found.n_after, found.coverage, len(found.changes)) == (2, 2, 0.0, 0)


def test_a_basis_that_nobody_knows_is_not_compared() -> None:
    assert compare_levels(customers_of(("A", 50, "A", "none")), NO_NAMES, basis=Basis.MARGIN).n_before == 0
