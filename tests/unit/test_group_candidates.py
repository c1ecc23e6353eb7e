"""Customers that may be one company: proposed with their revenue, never merged, asked once."""

from __future__ import annotations

import random
from typing import Any

import pandas as pd
import pytest
from rapidfuzz import process

from kamkit.intake.group_candidates import LONGEST_STRETCH, group_candidates, plain_name
from kamkit.intake.groups import assign_groups


def master(**columns: list[str | None]) -> pd.DataFrame:
    return pd.DataFrame(columns).astype("string")


def proposed(customers: pd.DataFrame, **further: object) -> list[list[object]]:
    members = assign_groups(customers["customer_id"], customers).members
    found = group_candidates(customers, members, **further)  # type: ignore[arg-type]
    return found[["group_id", "customer_id", "evidence", "similarity"]].to_numpy().tolist()


def test_candidates_are_proposed_by_number_and_by_name() -> None:
    customers = master(
        customer_id=["1", "2", "3", "4", "5", "6", "7"],
        name=["Alpha GmbH", "Beta AG", "Müller & Söhne GmbH", "Mueller", "Muller Söhne KG", "Gamma", "Delta"],
        vat_id=["DE 123", "DE123", None, None, None, "DE 999999999", None],
        duns=[None, None, None, None, None, "31-502-0001", "315020001"],
        postcode=["10115", "20095", "50667", "50667", "50667", "1", "2"],
    )
    assert proposed(customers) == [
        ["1", "1", "vat_id", 1.0],
        ["1", "2", "vat_id", 1.0],
        ["3", "3", "name", 1.0],
        ["3", "5", "name", 1.0],
        ["6", "6", "duns", 1.0],
        ["6", "7", "duns", 1.0],
    ]


def test_names_that_begin_differently_are_found_by_their_postcode_and_umlauts_either_way() -> None:
    customers = master(
        customer_id=["1", "2", "3", "4"],
        name=[
            "Der Maschinenbau Niederrhein",
            "Maschinenbau Niederrhein",
            "Österreichische Mühlenwerke",
            "Oesterreichische Muehlenwerke",
        ],
        postcode=["47798", "47798", "4020", "4020"],
    )
    assert [row[:3] for row in proposed(customers)] == [
        ["1", "1", "name"],
        ["1", "2", "name"],
        ["3", "3", "name"],
        ["3", "4", "name"],
    ]
    assert proposed(customers, name_similarity=0.99) == []


def test_what_is_one_account_already_is_no_candidate() -> None:
    assert proposed(master(customer_id=["1", "2"], vat_id=["DE12345", "DE12345"], group_id=["K", "K"])) == []


def test_a_candidate_is_proposed_into_the_group_that_exists() -> None:
    customers = master(
        customer_id=["1", "2", "3"], lei=["X" * 20, "X" * 20, None], group_id=[None, "K9", "K9"], name=["A", "B", "C"]
    )
    assert [row[:3] for row in proposed(customers)] == [["K9", "1", "lei"], ["K9", "2", "lei"]]


def test_the_group_with_the_most_revenue_comes_first() -> None:
    customers = master(customer_id=["1", "2", "3", "4"], vat_id=["DE11111", "DE11111", "DE22222", "DE22222"])
    members = assign_groups(customers["customer_id"], customers).members
    found = group_candidates(customers, members, pd.Series({"1": 5.0, "3": 100.0, "4": 20.0}))
    assert found[["group_id", "customer_id", "revenue"]].to_numpy().tolist() == [
        ["3", "3", 100.0],
        ["3", "4", 20.0],
        ["1", "1", 5.0],
        ["1", "2", 0.0],
    ]


def test_a_no_is_remembered_and_what_is_left_is_asked() -> None:
    customers = master(customer_id=["1", "2", "3"], vat_id=["DE11111", "DE11111", "DE11111"])
    no = master(group_id=["1"], customer_id=["2"])
    assert [row[:2] for row in proposed(customers, refused=no)] == [["1", "1"], ["1", "3"]]
    both = master(group_id=["1", "1"], customer_id=["2", "3"])
    assert proposed(customers, refused=both) == []


def test_a_no_holds_when_the_account_it_was_about_has_become_a_group() -> None:
    customers = master(customer_id=["1", "2"], vat_id=["DE11111", "DE11111"], group_id=["K", None])
    assert proposed(customers, refused=master(group_id=["1"], customer_id=["2"])) == []


@pytest.mark.slow
def test_twenty_thousand_alike_are_compared_in_bounded_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    compare = process.cdist

    def noting(part: list[str], other: list[str], **how: Any) -> Any:
        sizes.append(len(part))
        return compare(part, other, **how)

    monkeypatch.setattr(process, "cdist", noting)
    draw = random.Random(7)
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = [f"Muster {''.join(draw.choices(letters, k=12))} GmbH" for _ in range(20_000)]
    names[19_999] = names[3].replace("GmbH", "KG")
    customers = master(customer_id=[f"{n:05d}" for n in range(20_000)], name=[*names])
    members = assign_groups(customers["customer_id"]).members
    found = group_candidates(customers, members)
    assert max(sizes) == LONGEST_STRETCH <= 2000
    assert len(sizes) == 2 * 20_000 // LONGEST_STRETCH - 1
    assert found["customer_id"].tolist() == ["00003", "19999"]


def test_plain_names() -> None:
    assert plain_name("Müller & Söhne GmbH & Co. KG") == "muller sohne"
