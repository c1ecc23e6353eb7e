"""What is worth a recommendation: a convincing white spot that would matter if the account bought as others do."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from kamkit.analysis.options.growth import find_growth
from kamkit.analysis.options.history import history_until
from kamkit.analysis.options.sites import SPOT_COLUMNS
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts

RULES = load_option_rules().cross_selling


@pytest.mark.parametrize(("usual", "growth"), [(2.0, "worthwhile"), (1.9, "small")])
def test_a_category_is_worth_it_from_two_percent_of_the_revenue_on(
    facts_from: Callable[..., AccountFacts], usual: float, growth: str
) -> None:
    facts = facts_from([("K", "2025-03-01", 60.0, "Stahl"), ("K", "2025-04-01", 40.0, "Stahl")])
    cross = pd.DataFrame(
        {
            "account_id": ["K"],
            "category": ["Öl"],
            "rank": [1],
            "gate": ["open"],
            "expected_revenue": [0.5],
            "expected_low": [0.4],
            "expected_high": [0.6],
            "expected_margin": [0.1],
            "usual_revenue": [usual],
            "penetration": [0.8],
            "confidence": [0.8],
            "evidence": ["cross_peers"],
            "values": [{"category": "Öl", "n": 8, "peers": 10, "usual": usual}],
        }
    )
    risk = pd.DataFrame({"account_id": ["K"], "level": ["green"]})
    keys = pd.Index(["K"], name="account_id")
    none = pd.DataFrame(columns=SPOT_COLUMNS)
    found = find_growth(history_until(facts), cross, none, risk, keys, keys, facts.items, RULES)
    assert found.loc["K", "growth"] == growth
