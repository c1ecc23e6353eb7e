"""What speaks against what was found: the most serious first, on one account at a time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from kamkit.analysis.options.evidence import counter_evidence_of, precondition_of
from kamkit.model.codes import Option
from kamkit.model.option_rules import load_option_rules

IDS = pd.Index(["A"], name="account_id")
KNOWN = [
    "level",
    "trend_change",
    "talks",
    "history_months",
    "peers",
    "not_buying",
    "returned",
    "buyer",
    "contacts",
    "deciders",
    "top_share",
    "regularity",
    "share",
    "their_share",
    "projects",
    "imbalance",
    "contract_years",
]
TESTED = pd.DataFrame({"task": ["cross_selling"], "value": [0.6], "claims": [True]})


def counter(
    option: Option, gate: str = "open", trend: str = "steady", tested: pd.DataFrame = TESTED, **known: Any
) -> Any:
    found: Any = SimpleNamespace(
        ids=IDS,
        gates=pd.DataFrame({option: [gate]}, index=IDS),
        growth=pd.DataFrame({"growth": ["worthwhile"]}, index=IDS),
        antenna=pd.DataFrame({"leads": [known.pop("leads", None)]}, index=IDS),
        rules=load_option_rules(),
    )
    told = pd.DataFrame({name: pd.Series([known.get(name)], dtype=object) for name in KNOWN}).set_axis(IDS)
    return counter_evidence_of(found, option, pd.Series([trend], index=IDS), tested, told)["A"]


PEERS = {"peers": 40, "not_buying": 20}


@pytest.mark.parametrize(
    ("known", "code"),
    [
        (PEERS | {"level": "amber", "returned": 0.5}, "cross_selling_risk"),
        (PEERS | {"trend": "shrinking", "trend_change": -0.2, "returned": 0.5}, "cross_selling_shrinking"),
        (PEERS | {"returned": 0.1}, "cross_selling_returns"),
        ({"buyer": "Werk", "peers": 4}, "cross_selling_sister"),
        ({"peers": 19, "not_buying": 10}, "cross_selling_few_peers"),
        (PEERS, "cross_selling_not_all"),
        ({"peers": 40, "not_buying": 3, "tested": TESTED.assign(claims=False)}, "cross_selling_not_better"),
        ({"peers": 40, "not_buying": 3, "tested": TESTED.assign(value=None)}, "cross_selling_untested"),
        ({"peers": 40, "not_buying": 3}, "cross_selling_not_all"),
        ({"peers": 40, "not_buying": 0}, None),
        (PEERS | {"gate": "closed"}, None),
    ],
)
def test_against_selling_more(known: dict[str, Any], code: str | None) -> None:
    assert counter(Option.CROSS_SELLING, **known) == code


@pytest.mark.parametrize(
    ("known", "code"),
    [
        ({"level": "red", "top_share": 1.0, "contacts": 1, "deciders": 0}, "relationship_risk"),
        ({"level": "green", "top_share": 0.8, "contacts": 1, "deciders": 0}, "relationship_one_person"),
        ({"contacts": 2, "deciders": 0}, "relationship_no_decider"),
        ({"contacts": 2, "deciders": 1, "trend": "shrinking", "trend_change": -0.2}, "relationship_shrinking"),
        ({"regularity": 0.9}, "relationship_contacts_unknown"),
        ({"contacts": 2, "deciders": 1, "regularity": 0.2}, "relationship_irregular"),
        ({"contacts": 2, "deciders": 1, "regularity": 0.9}, None),
        ({"gate": "not_assessable"}, None),
    ],
)
def test_against_a_good_relationship(known: dict[str, Any], code: str | None) -> None:
    assert counter(Option.RELATIONSHIP, **known) == code


@pytest.mark.parametrize(
    ("option", "known", "code"),
    [
        (Option.EARLY_WARNING, {"leads": True, "history_months": 36}, "early_warning_short"),
        (Option.EARLY_WARNING, {"leads": True, "history_months": 72}, "early_warning_one"),
        (Option.EARLY_WARNING, {"leads": False}, "early_warning_offered"),
        (Option.EARLY_WARNING, {"gate": "closed", "talks": 2}, "early_warning_talks"),
        (Option.EARLY_WARNING, {"gate": "closed"}, "early_warning_talks_unknown"),
        (Option.ALLIANCE, {"share": 0.1}, "alliance_lock_in"),
        (Option.ALLIANCE, {"share": 0.01}, "alliance_judged"),
        (Option.ALLIANCE, {"gate": "closed", "projects": 2}, "alliance_projects"),
        (Option.PARTNERSHIP, {"imbalance": 0.5}, "partnership_imbalance"),
        (Option.PARTNERSHIP, {"gate": "closed", "contract_years": 3}, "partnership_contract"),
        (Option.TAKEOVER, {"imbalance": 0.5, "share": 0.2, "their_share": 0.1}, "takeover_imbalance"),
        (Option.TAKEOVER, {"gate": "not_assessable", "share": 0.2}, "takeover_one_side"),
        (Option.TAKEOVER, {"imbalance": 0.1, "share": 0.2, "their_share": 0.5}, "takeover_intent"),
    ],
)
def test_against_the_other_options(option: Option, known: dict[str, Any], code: str) -> None:
    assert counter(option, **known) == code


def test_what_to_settle_first_depends_on_the_type_where_it_matters() -> None:
    types = pd.Series({"A": "service"})
    assert precondition_of(Option.CROSS_SELLING, types, IDS)["A"] == "cross_selling.service"
    assert precondition_of(Option.RELATIONSHIP, types.head(0), IDS)["A"] == "relationship.unclear"
    assert precondition_of(Option.ALLIANCE, types, IDS)["A"] == "alliance"
