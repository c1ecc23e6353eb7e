"""From conditions to one recommendation."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from kamkit.analysis.options.conditions import THREADS, trend
from kamkit.analysis.options.recommendation import recommend_options
from kamkit.model.codes import Gate, KamType, Option
from kamkit.model.option_rules import CONDITIONS, load_option_rules

RULES = load_option_rules()
CALM = (
    {"risk": "green", "margin": "positive", "growth": "small", "size": "ordinary", "trend": "steady"}
    | dict.fromkeys(("partnership", "alliance", "antenna"), "not_assessable")
    | {"relationship": "open"}
)


def recommend(
    gates: dict[str, str] | None = None,
    thread: tuple[Any, ...] | None = None,
    kind: KamType = KamType.SERVICE,
    known: dict[str, Any] | None = None,
    **found: str,
) -> pd.Series:
    answers = {name: {**CALM, **found}[name] for name in CONDITIONS}
    own = dict.fromkeys(Option, Gate.NOT_ASSESSABLE.value) | {Option.RELATIONSHIP: "open"} | (gates or {})
    conditions = pd.DataFrame([answers], index=["A"])
    seen = {"risk_evidence": "risk_silent", "growth_evidence": "cross_because"} | (known or {})
    threads = pd.DataFrame([("A", *thread)] if thread else [], columns=THREADS)
    kinds = pd.Series({"A": kind})
    table = recommend_options(conditions, pd.DataFrame([own], index=["A"]), kinds, {"A": seen}, RULES, threads)
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
    ("found", "thread", "other"),
    [
        ({"partnership": "open"}, ("partnership", "closed", "weights", 0.4, 0.3), "relationship"),
        ({"partnership": "closed"}, ("partnership", "open", "weights", 0.4, 0.3), "partnership"),
        ({"partnership": "closed"}, None, None),
        ({"partnership": "closed", "risk": "red"}, ("partnership", "open", "weights", 0.4, 0.3), None),  # secured first
        ({"growth": "worthwhile"}, ("growth", "small", "growth", 0.41, 0.4), "relationship"),
        ({"risk": "amber", "growth": "worthwhile"}, ("risk", "green", "risk", -0.31, 0.3), "cross_selling"),
        ({"trend": "steady"}, ("trend", "shrinking", "trend", -0.14, 0.15), None),  # relationship either way
    ],
)
def test_a_close_call_is_one_that_other_weights_or_a_near_threshold_would_change(
    found: dict[str, str], thread: tuple[Any, ...] | None, other: str | None
) -> None:
    row = recommend(thread=thread, **found)
    assert row["close_call"] == (other is not None)
    assert row["values"].get("close_option") == other
    if other is not None and thread is not None:
        assert row["close_by"] == thread[2]
        assert (row["values"]["close_figure"], row["values"]["close_threshold"]) == thread[3:]
    else:
        assert pd.isna(row["close_by"])


def test_a_first_step_is_about_what_the_account_itself_shows() -> None:
    lost = {"lost_item": "Kartons", "weakest_month": pd.Timestamp("2025-08-01")}
    assert recommend(risk="red", known=lost)["first_step"] == "secure_item.service"
    assert recommend(risk="red", known=lost)["question"] == "secure_month.service"
    assert recommend(risk="red", known=lost | {"lost_site": "Werk"})["first_step"] == "secure_site.service"
    assert recommend(known={"main_item": "Kartons"})["first_step"] == "relationship_item.service"
    assert recommend(growth="worthwhile", known={"buyer": "Werk"})["first_step"] == "cross_selling_sister.service"
    assert recommend(growth="worthwhile", known={"main_item": "Folie"})["first_step"] == "cross_selling_main.service"
    assert recommend(risk="red", known={"main_item": "Folie"})["first_step"] == "secure_main.service"


def test_basic_care_says_what_would_have_to_be_known_if_anything() -> None:
    assert recommend(relationship="closed", known={"needs": ("contacts.power",)})["reason"] == "to_be_known"
    assert recommend(relationship="closed", known={"needs": None})["reason"] == "too_little_bought"


def test_something_to_sell_goes_before_a_fall_without_an_alarm() -> None:
    assert recommend(growth="worthwhile", trend="shrinking")["recommended_option"] == "cross_selling"
    assert recommend(trend="shrinking")["rule"] == "halt"


def test_the_trend_has_a_steady_middle() -> None:
    changes = pd.Series([0.5, 0.1, -0.1, -0.2, None])
    assert trend(changes, 0.15).tolist() == ["growing", "steady", "steady", "shrinking", "unknown"]
