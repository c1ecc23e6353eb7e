"""The 90-day plan from recommendations, on hand-made accounts."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pandas as pd

from kamkit.analysis.options.actions import plan_actions
from kamkit.telling.language import Labels
from kamkit.telling.prose import plan_headline

TODAY = dt.date(2026, 1, 14)
NOTHING = {
    "at_risk": 0.0,
    "lost_revenue": 0.0,
    "months": 3,
    "expected": None,
    "usual": None,
    "before": 0.0,
    "margin": 10.0,
}


def account(name: str, option: str, revenue: float, action: str = "", **values: Any) -> dict[str, Any]:
    return {
        "account_id": name,
        "recommended_option": option,
        "action": action or option,
        "first_step": f"{action or option}.unclear",
        "question": f"{action or option}.unclear",
        "role": "field_sales",
        "values": NOTHING | {"revenue": revenue} | values,
    }


def plan(*accounts: dict[str, Any]) -> pd.DataFrame:
    table = pd.DataFrame(accounts)
    values = dict(zip(table["account_id"], table["values"], strict=True))
    return plan_actions(table, values, pd.Index(table["account_id"]), TODAY)


MIXED = (
    account("partner", "partnership", 900.0),
    account("ally", "alliance", 950.0),
    account("calm", "relationship", 999.0),
    account("silent", "relationship", 400.0, "secure", at_risk=400.0, risk_evidence="risk_silent"),
    account("loses", "relationship", 300.0, "repair", margin=-50.0),
    account(
        "white", "cross_selling", 200.0, expected=80.0, low=60.0, high=99.0, usual=700.0, growth_evidence="cross_peers"
    ),
)


def test_amounts_come_first_then_what_has_none_by_revenue_and_calm_accounts_have_no_line() -> None:
    lines = plan(*MIXED)
    assert lines["account_id"].tolist() == ["silent", "white", "loses", "ally", "partner"]
    assert lines["stake"].tolist() == ["revenue_at_risk", "expected_revenue", "negative_margin", "open", "open"]
    assert lines["at_stake"].tolist()[:3] == [400.0, 80.0, 50.0]
    assert lines["at_stake"].isna().tolist() == [False, False, False, True, True]
    assert lines["trigger"].tolist()[3:] == ["joint_work", "mutual_dependence"]
    assert lines["stop_criterion"].tolist() == ["secure", "cross_selling", "repair", "alliance", "partnership"]


def test_the_range_of_a_white_spot_reaches_to_what_buyers_of_that_size_spend() -> None:
    white, products = (
        MIXED[-1],
        account("P", "cross_selling", 1.0, expected=8.0, low=6.0, high=9.0, growth_evidence="x"),
    )
    lines = plan(white, products)
    assert lines[["at_stake_low", "at_stake", "at_stake_high"]].to_numpy().tolist() == [
        [60.0, 80.0, 700.0],
        [6.0, 8.0, 9.0],
    ]


def test_at_most_ten_lines_and_a_monday_each() -> None:
    many = [
        account(f"{i:02d}", "relationship", 100.0 + i, "secure", at_risk=100.0 + i, risk_evidence="x")
        for i in range(12)
    ]
    lines = plan(*many)
    assert lines["account_id"].tolist() == [f"{i:02d}" for i in range(11, 1, -1)]
    assert lines["due_date"].iloc[0] == dt.date(2026, 1, 19)
    assert lines["due_date"].is_unique


def test_what_differs_in_kind_is_never_added_up() -> None:
    class Options:
        actions = plan(*MIXED)

    labels = Labels("de", "de_DE", "EUR")
    said = plan_headline(Options, labels)  # type: ignore[arg-type]
    assert said.replace("\u00a0", " ") == (
        "5 Schritte für die nächsten 90 Tage: 400 € Umsatz sind zu sichern, 80 € Umsatz sind zu erwarten, "
        "50 € negativer Deckungsbeitrag sind abzubauen und 2 Schritte haben keinen geschätzten Betrag."
    )


def test_revenue_to_secure_says_at_which_risk_it_is_counted() -> None:
    """One line at high, one at raised risk, and a fall without an alarm; where all are at high risk, no amount is said twice."""
    lines = [
        account("a", "relationship", 400.0, "secure", at_risk=300.0, risk_evidence="risk_silent", level="red"),
        account("b", "relationship", 300.0, "secure", at_risk=50.0, risk_evidence="risk_weaker", level="amber"),
        account("c", "relationship", 200.0, "secure", lost_revenue=20.0, level="green"),
    ]
    said = {}
    for n in (1, 3):
        options: Any = SimpleNamespace(actions=plan(*lines[:n]))
        said[n] = plan_headline(options, Labels("de", "de_DE", "EUR")).replace("\u00a0", " ")
    assert said == {
        1: "Ein Schritt für die nächsten 90 Tage: 300 € Umsatz sind zu sichern (mit hohem Risiko).",
        3: "3 Schritte für die nächsten 90 Tage: 370 € Umsatz sind zu sichern (davon 300 € mit hohem Risiko).",
    }
