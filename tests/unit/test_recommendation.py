"""From conditions to one recommendation."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from kamkit.analysis.options.recommendation import recommend_options, trend
from kamkit.model.codes import Gate, KamType, Option
from kamkit.model.option_rules import CONDITIONS, load_option_rules

RULES = load_option_rules()
CALM = (
    {"risk": "green", "margin": "positive", "growth": "small", "size": "ordinary", "trend": "steady"}
    | dict.fromkeys(("partnership", "alliance", "antenna"), "not_assessable")
    | {"relationship": "open"}
)


def recommend(
    gates: dict[str, str] | None = None, flipped: str | None = None, kind: KamType = KamType.SERVICE, **found: str
) -> pd.Series:
    answers = {name: {**CALM, **found}[name] for name in CONDITIONS}
    own = dict.fromkeys(Option, Gate.NOT_ASSESSABLE.value) | {Option.RELATIONSHIP: "open"} | (gates or {})
    conditions = pd.DataFrame([answers], index=["A"]).assign(flipped=pd.Series([flipped], index=["A"], dtype=object))
    values: dict[str, dict[str, Any]] = {"A": {"risk_evidence": "risk_silent", "growth_evidence": "cross_because"}}
    table = recommend_options(conditions, pd.DataFrame([own], index=["A"]), pd.Series({"A": kind}), values, RULES)
    return table.iloc[0]


def test_what_was_seen_is_the_reason() -> None:
    assert recommend(risk="red")["reason"] == "risk_silent"
    assert recommend(growth="worthwhile")["reason"] == "cross_because"
    assert recommend()["reason"] == "base"


def test_the_first_step_follows_action_and_type() -> None:
    assert [recommend(kind=kind)["first_step"] for kind in KamType] == [f"relationship.{kind}" for kind in KamType]
    assert recommend(risk="red", kind=KamType.CONSUMER)["first_step"] == "secure.consumer"
    assert recommend(growth="worthwhile", kind=KamType.TECHNICAL)["role"] == "application_engineer"
    assert recommend(growth="worthwhile", kind=KamType.CONSUMER)["role"] == "category_manager"


def test_only_what_is_open_may_stand_beside() -> None:
    gates = {Option.CROSS_SELLING: "open"}
    assert recommend(gates, risk="amber", growth="worthwhile")["supporting_option"] == "cross_selling"
    assert pd.isna(recommend(gates, risk="amber", growth="small")["supporting_option"])
    assert recommend(growth="worthwhile")["supporting_option"] == "relationship"
    assert recommend({Option.EARLY_WARNING: "open"}, growth="worthwhile")["supporting_option"] == "early_warning"


def test_how_many_options_could_be_assessed_is_counted() -> None:
    assert recommend()["options_assessed"] == 1
    assert recommend({Option.CROSS_SELLING: "closed", Option.TAKEOVER: "open"})["options_assessed"] == 3


@pytest.mark.parametrize(
    ("found", "flipped", "close"),
    [
        ({"partnership": "open"}, "partnership", True),
        ({"partnership": "closed"}, "partnership", True),
        ({"partnership": "closed"}, None, False),
        ({"partnership": "closed", "risk": "red"}, "partnership", False),  # secured first, whatever the weights
    ],
)
def test_a_close_call_is_one_that_other_weightings_would_change(
    found: dict[str, str], flipped: str | None, close: bool
) -> None:
    assert recommend(flipped=flipped, **found)["close_call"] == close


def test_the_trend_has_a_steady_middle() -> None:
    changes = pd.Series([0.5, 0.1, -0.1, -0.2, None])
    assert trend(changes).tolist() == ["growing", "steady", "steady", "shrinking", "unknown"]
