"""Which customers are one account."""

from __future__ import annotations

import pandas as pd
import pytest

from kamkit.intake.groups import assign_groups, group_candidates
from kamkit.model.codes import Severity
from kamkit.model.results import Finding


def master(**columns: list[str | None]) -> pd.DataFrame:
    return pd.DataFrame(columns).astype("string")


def accounts(
    ids: list[str], customers: pd.DataFrame | None = None, confirmed: dict[str, str] | None = None
) -> dict[str, tuple[str, str]]:
    answers = pd.DataFrame({"customer_id": list(confirmed or {}), "group_id": list((confirmed or {}).values())})
    members = assign_groups(pd.Series(ids, dtype="string"), customers, answers.astype("string")).members
    return {row.customer_id: (row.account_id, row.group_source) for row in members.itertuples()}


def test_without_a_master_every_customer_is_an_account() -> None:
    assert accounts(["007", "7"]) == {"007": ("007", "none"), "7": ("7", "none")}


def test_confirmed_group_before_group_id_before_parent() -> None:
    customers = master(
        customer_id=["A", "B", "C", "D", "E"],
        group_id=["K1", "K1", None, None, None],
        parent_id=[None, "E", "B", "E", None],
    )
    assert accounts(["A", "B", "C", "D", "E"], customers, {"A": "E"}) == {
        "A": ("E", "confirmed"),
        "B": ("K1", "group_id"),
        "C": ("K1", "parent"),
        "D": ("E", "parent"),
        "E": ("E", "none"),
    }


def test_a_chain_of_parents_ends_at_its_top() -> None:
    customers = master(customer_id=["A", "B", "C", "D"], parent_id=["B", "C", "C", ""])
    customers["parent_id"] = customers["parent_id"].replace("", pd.NA)
    assert accounts(["A"], customers) == {
        "A": ("C", "parent"),
        "B": ("C", "parent"),
        "C": ("C", "none"),
        "D": ("D", "none"),
    }


def test_a_missing_parent_still_holds_its_subsidiaries_together() -> None:
    customers = master(customer_id=["A", "B"], parent_id=["P", "P"])
    groups = assign_groups(pd.Series(["A", "B"], dtype="string"), customers)
    assert groups.members["account_id"].tolist() == ["P", "P"]
    assert groups.findings == (
        Finding("missing_parent", "customers", Severity.WARNING, rows=1, examples=("P",), values={"n": 1}),
    )


@pytest.mark.parametrize("order", [["A", "B", "C", "D"], ["D", "C", "B", "A"]])
def test_a_cycle_is_broken_at_its_smallest_id(order: list[str]) -> None:
    parents = {"A": None, "B": "C", "C": "B", "D": "C"}
    customers = master(customer_id=order, parent_id=[parents[customer] for customer in order])
    groups = assign_groups(pd.Series(order, dtype="string"), customers)
    assert dict(zip(groups.members["customer_id"], groups.members["account_id"], strict=True)) == {
        "A": "A",
        "B": "B",
        "C": "B",
        "D": "B",
    }
    assert [(f.code, f.examples) for f in groups.findings] == [("parent_cycle", ("B → C → B",))]


def test_a_group_with_the_number_of_a_strange_customer_gets_a_prefix() -> None:
    customers = master(customer_id=["10", "20", "30"], group_id=["30", "30", None])
    groups = assign_groups(pd.Series(["10", "20", "30"], dtype="string"), customers)
    assert groups.members["account_id"].tolist() == ["G:30", "G:30", "30"]
    assert [(f.code, f.rows, f.examples) for f in groups.findings] == [("group_id_clash", 1, ("30",))]


def test_a_group_with_the_number_of_its_own_member_is_no_conflict() -> None:
    customers = master(customer_id=["10", "30"], group_id=["30", "30"])
    groups = assign_groups(pd.Series(["10", "30"], dtype="string"), customers)
    assert groups.members["account_id"].tolist() == ["30", "30"]
    assert groups.findings == ()


def test_candidates_are_proposed_by_number_and_by_name() -> None:
    customers = master(
        customer_id=["1", "2", "3", "4", "5", "6"],
        name=["Alpha GmbH", "Beta AG", "Müller & Söhne GmbH", "Mueller", "Muller Söhne KG", "Gamma"],
        vat_id=["DE 123", "DE123", None, None, None, "DE 999999999"],
        postcode=["10115", "20095", "50667", "50667", "50667", "1"],
    )
    members = assign_groups(customers["customer_id"], customers).members
    expected = pd.DataFrame(
        [
            ("1", "1", "Alpha GmbH", "vat_id", 1.0),
            ("1", "2", "Beta AG", "vat_id", 1.0),
            ("3", "3", "Müller & Söhne GmbH", "name", 1.0),
            ("3", "5", "Muller Söhne KG", "name", 1.0),
        ],
        columns=["group_id", "customer_id", "name", "evidence", "similarity"],
    )
    pd.testing.assert_frame_equal(group_candidates(customers, members), expected, check_dtype=False)


def test_what_is_one_account_already_is_no_candidate() -> None:
    customers = master(customer_id=["1", "2"], vat_id=["DE12345", "DE12345"], group_id=["K", "K"])
    members = assign_groups(customers["customer_id"], customers).members
    assert group_candidates(customers, members).empty


def test_a_candidate_is_proposed_into_the_group_that_exists() -> None:
    customers = master(
        customer_id=["1", "2", "3"], lei=["X" * 20, "X" * 20, None], group_id=[None, "K9", "K9"], name=["A", "B", "C"]
    )
    members = assign_groups(customers["customer_id"], customers).members
    proposed = group_candidates(customers, members)
    assert proposed[["group_id", "customer_id", "evidence"]].to_numpy().tolist() == [
        ["K9", "1", "lei"],
        ["K9", "2", "lei"],
    ]
