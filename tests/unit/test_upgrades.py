"""Alliance, partnership and takeover: conditions that must be known, and what a takeover would put in question."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from kamkit.analysis.options.alliance import alliance_conditions, alliance_indicators
from kamkit.analysis.options.dependence import dependence
from kamkit.analysis.options.gates import conditions_gate, conditions_told, first_unmet
from kamkit.analysis.options.history import History, history_until
from kamkit.analysis.options.partnership import partnership_conditions, partnership_indicators
from kamkit.analysis.options.takeover import takeover_exposure, takeover_indicators, takeover_sensitivity
from kamkit.model.codes import Option
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts
from kamkit.telling.language import Labels
from kamkit.telling.option_studies import takeover_sentence

RULES = load_option_rules()
AB = pd.Index(["A", "B"], name="account_id")
Make = Callable[..., AccountFacts]


def orders(years: range = range(2019, 2026), **revenue: float) -> list[tuple[str, str, float, str]]:
    return [
        (account, f"{year}-{month:02d}-10", amount, "x")
        for account, amount in (revenue or {"A": 100.0, "B": 100.0}).items()
        for year in years
        for month in range(1, 13)
    ]


def answers(met: pd.DataFrame, account: str) -> list[bool | None]:
    return [None if pd.isna(value) else bool(value) for value in met.loc[account]]


def test_a_condition_that_is_not_known_opens_nothing() -> None:
    met = pd.DataFrame({"a": [True, True, None, None], "b": [True, True, True, False]}, dtype="boolean")
    score, coverage = pd.Series([0.6, 0.4, 0.6, 0.6]), pd.Series(1.0, index=range(4))
    assert conditions_gate(met, score, coverage, 0.5, 0.5).tolist() == [*("open", "closed", "not_assessable", "closed")]
    assert conditions_gate(met, score, coverage * 0.4, 0.5, 0.5).tolist() == [
        *("not_assessable", "not_assessable", "not_assessable", "closed")
    ]
    assert first_unmet(met).isna().tolist() == [True, True, True, False]
    assert first_unmet(met).iloc[3] == "b"
    told = conditions_told(Option.ALLIANCE, met, {"a": ("t.a",), "b": ("t.b",)})
    assert told["missing"].tolist() == [(), (), ("t.a",), ("t.a",), (), (), (), ()]
    assert told["met"].dtype == "boolean"


def conditions(facts: AccountFacts, stages: pd.Series | None = None) -> pd.DataFrame:
    return alliance_conditions(history_until(facts), AB, stages, RULES.upgrade)


def test_of_an_alliance_nothing_is_taken_for_granted(facts_from: Make) -> None:
    facts = facts_from(orders(), start="2019-01-01")
    met = conditions(facts)
    assert list(met) == ["long_or_close", "margin_stable", "joint_project", "no_dispute"]
    assert answers(met, "A") == [True, None, None, None]


def test_a_close_cooperation_stands_in_for_a_long_one(facts_from: Make) -> None:
    facts = facts_from(orders(range(2023, 2026)))
    assert answers(conditions(facts), "A")[0] is None  # three years of data are no evidence of a short relationship
    stages = pd.Series({"A": "interdependent", "B": "basic"})
    assert conditions(facts, stages)["long_or_close"].isna().tolist() == [False, True]
    late = facts_from([*orders(range(2019, 2026), A=1.0), *orders(range(2025, 2026), B=1.0)], start="2019-01-01")
    assert [answers(conditions(late, stages), i)[0] for i in AB] == [True, False]


def test_a_severe_complaint_that_is_open_is_a_dispute(facts_from: Make) -> None:
    rows = [
        ("A", "2025-06-01", "kritisch", None),
        ("B", "2025-06-01", "hoch", "2025-07-01"),
        ("B", "2025-08-01", "gering", None),
    ]
    complaints = pd.DataFrame(rows, columns=["account_id", "date", "severity", "solved_on"])
    met = conditions(facts_from(orders(), start="2019-01-01", complaints=complaints))
    assert met["no_dispute"].tolist() == [False, True]
    unsaid = complaints.assign(severity=[None, "hoch", None])
    assert conditions(facts_from(orders(), start="2019-01-01", complaints=unsaid))["no_dispute"].isna().all()


def test_projects_and_hours_count_as_far_as_they_are_known(facts_from: Make) -> None:
    rows = [("A", "P1", "2025-03-01", 120.0), ("A", "P2", "2023-03-01", 500.0)]
    projects = pd.DataFrame(rows, columns=["account_id", "project_id", "start", "hours"])
    history = history_until(facts_from(orders(), start="2019-01-01", projects=projects))
    found = alliance_indicators(history, dependence(history, RULES))
    assert found["joint_projects"].tolist() == [2.0, 0.0]
    assert found["joint_hours"].tolist() == [120.0, 0.0]
    assert alliance_conditions(history, AB, None, RULES.upgrade)["joint_project"].tolist() == [True, False]


def test_a_margin_that_falls_is_not_stable(facts_from: Make) -> None:
    facts = facts_from(orders(), start="2019-01-01")
    month = facts.months["month"]
    fell = facts.months["account_id"].eq("B") & month.ge(pd.Timestamp("2025-01-01"))
    months = facts.months.assign(margin=np.where(fell, 20.0, 25.0))
    known = replace(facts, months=months, accounts=facts.accounts.assign(margin=300.0, margin_coverage=1.0))
    assert conditions(known)["margin_stable"].tolist() == [True, False]  # 80 % of the year before; 85 % would do
    assert conditions(replace(known, accounts=known.accounts.assign(margin_coverage=0.5)))["margin_stable"].isna().all()


def test_integration_is_the_mean_of_what_is_known(facts_from: Make) -> None:
    contracts = pd.DataFrame({"account_id": ["A"], "start": ["2025-01-01"], "end": ["2025-12-31"]})
    rows = [("A", "EDI", 5.0), ("A", "Forecast", 3.0), ("B", "EDI", 2.0)]
    ratings = pd.DataFrame(rows, columns=["account_id", "item", "value"])
    history = history_until(facts_from(orders(), start="2019-01-01", contracts=contracts, ratings=ratings))
    found = partnership_indicators(history, dependence(history, RULES), RULES.upgrade)
    assert found["integration"].tolist() == pytest.approx([(1.0 + 0.5 + 364 / 365.25 / 2) / 3, (0.25 + 0.0) / 2])
    assert partnership_conditions(history, AB, RULES.upgrade)["long_contract"].tolist() == [False, False]
    without = history_until(facts_from(orders(), start="2019-01-01"))
    assert partnership_conditions(without, AB, RULES.upgrade)["long_contract"].isna().all()


@pytest.fixture
def industries(facts_from: Make) -> History:
    """A buys for 6,000 a year and needs 10,000; C, D, E share parts of its industry code."""
    facts = facts_from(
        orders(A=500.0, B=100.0, C=200.0, D=300.0, E=50.0),
        start="2019-01-01",
        industry={"A": "28.22", "B": "28", "C": "28.22", "D": "28.93", "E": "C28.22"},
    )
    return history_until(replace(facts, accounts=facts.accounts.assign(wallet=[10_000.0, *[np.nan] * 4])))


def test_a_takeover_questions_the_revenue_of_the_buyers_industry(industries: History) -> None:
    pair = dependence(industries, RULES)
    found = takeover_exposure(industries, pair, pd.Index(["A", "B"])).set_index("account_id")
    assert found.loc["A", ["industry", "industry_level", "n_competitors", "revenue_questioned"]].tolist() == [
        *("2822", "class", 2, 3000.0)
    ]
    assert found.loc["A", "share_questioned"] == pytest.approx(3000 / 13_800)
    assert found.loc["B", ["industry", "industry_level", "n_competitors", "revenue_questioned"]].tolist() == [
        *("28", "division", 4, 12_600.0)
    ]
    assert found["direction"].tolist() == ["towards", "unknown"]


def test_one_sided_dependence_speaks_against_a_takeover(industries: History) -> None:
    wallet = industries.accounts["wallet"].where(industries.accounts["account_id"] != "A", 100_000.0)
    history = replace(industries, accounts=industries.accounts.assign(wallet=wallet))
    pair = dependence(history, RULES)
    assert takeover_exposure(history, pair, pd.Index(["A"]))["direction"].tolist() == ["against"]
    mutual, one_sided = (
        takeover_sensitivity(takeover_indicators(h, dependence(h, RULES)), RULES, pd.Index(["A"])).set_index(
            "assumption"
        )["score"]["as_given"]
        for h in (industries, history)
    )
    assert mutual > one_sided


def test_assumptions_move_the_exposure(industries: History) -> None:
    raw = takeover_indicators(industries, dependence(industries, RULES))
    table = takeover_sensitivity(raw, RULES, pd.Index(["A", "B"]))
    known = table[table["account_id"] == "A"]
    assert known["assumption"].tolist() == [
        *("as_given", "we_depend_more", "we_depend_less", "demand_smaller", "demand_larger", "without_imbalance")
    ]
    unknown = table[table["account_id"] == "B"]
    assert unknown["assumption"].tolist() == ["as_given", "we_depend_more", "we_depend_less"]
    assert unknown["score"].isna().all()
    assert unknown["exposed"].tolist() == [False, True, False]  # 8.7 %, 13 %, 5.8 % of the margin


def test_the_exposure_is_told_without_a_recommendation(industries: History) -> None:
    labels = Labels("de", "de_DE", "EUR")
    rows = takeover_exposure(industries, dependence(industries, RULES), pd.Index(["A", "B"])).to_dict("records")
    told = [takeover_sentence(row, labels).replace("\u00a0", " ") for row in rows]
    assert told == [
        "Steht für 43 % unseres Geschäfts; bei einer Übernahme stünden 3,0 Tsd. € Umsatz mit 2 weiteren Kunden desselben "
        "Wirtschaftszweigs (28.22) infrage. Beide Seiten hängen voneinander ab: Das ist das Muster, bei dem Übernahmen häufiger "
        "sind (Casciaro & Piskorski 2005).",
        "Steht für 9 % unseres Geschäfts; bei einer Übernahme stünden bis zu 12,6 Tsd. € Umsatz mit 4 weiteren Kunden derselben "
        "Abteilung der Wirtschaftszweige (28) infrage, denn genauer ist die Branche nicht bekannt. In welche Richtung das weist, "
        "ist ohne den Bedarf des Kunden nicht beurteilbar.",
    ]


def test_what_began_later_is_no_project_yet(facts_from: Make) -> None:
    projects = pd.DataFrame({"account_id": ["A"], "project_id": ["P1"], "start": ["2025-03-01"]})
    facts = facts_from(orders(), start="2019-01-01", projects=projects)
    then = history_until(facts, dt.date(2025, 2, 28))
    assert not alliance_conditions(then, AB, None, RULES.upgrade)["joint_project"].eq(True).any()
