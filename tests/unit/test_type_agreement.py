"""Proposed types against the labels of people, on counts that can be checked by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from kamkit.analysis.type_agreement import type_agreement
from kamkit.model.kam_type_rules import load_kam_type_rules

RULES = load_kam_type_rules()


def proposals(**of_kind: int) -> pd.DataFrame:
    kinds = [kind for kind, n in of_kind.items() for _ in range(n)]
    return pd.DataFrame({"account_id": [f"{n:02d}" for n in range(len(kinds))], "kam_type": kinds}, dtype="string")


def decisions(*labels: str, subject: str = "kam_type", date: str | None = None) -> pd.DataFrame:
    ids = [f"{n:02d}" for n in range(len(labels))]
    return pd.DataFrame(
        {"account_id": ids, "subject": subject, "decision": labels, "date": pd.Timestamp(date or "NaT")}
    )


def test_the_matrix_its_accuracy_and_its_interval() -> None:
    """30 labels: 20 technical (18 told so, 2 unclear), 10 service (6 told so, 4 technical): 24 of 30 agree."""
    proposed = proposals(technical=18, unclear=2, service=6)
    proposed = pd.concat([proposed, proposals(technical=4).assign(account_id=["26", "27", "28", "29"])])
    found = type_agreement(proposed, decisions(*["technical"] * 20, *["service"] * 10), RULES)
    assert found.table.to_numpy().tolist() == [
        ["service", "service", 6],
        ["service", "technical", 4],
        ["technical", "technical", 18],
        ["technical", "unclear", 2],
    ]
    assert (found.n, found.n_same, found.accuracy, found.fewest) == (30, 24, 0.8, 30)
    assert (found.ci_low, found.ci_high) == pytest.approx((0.627, 0.905), abs=5e-4)
    assert (found.baseline, found.baseline_type) == (pytest.approx(20 / 30), "technical")


def test_fewer_labels_are_counted_and_nothing_is_claimed() -> None:
    found = type_agreement(proposals(technical=29), decisions(*["technical"] * 29), RULES)
    assert (found.n, found.fewest, found.accuracy, len(found.table)) == (29, 30, None, 0)


@pytest.mark.parametrize("none", [None, decisions(*["technical"] * 30, subject="tier"), decisions(*["unclear"] * 30)])
def test_what_is_no_label(none: pd.DataFrame | None) -> None:
    assert type_agreement(proposals(technical=30), none, RULES).n == 0


def test_the_latest_label_of_an_account_counts_once() -> None:
    earlier, later = decisions(*["service"] * 30, date="2025-01-01"), decisions(*["technical"] * 30, date="2025-06-01")
    found = type_agreement(proposals(technical=30), pd.concat([later, earlier]), RULES)
    assert (found.n, found.accuracy) == (30, 1.0)
