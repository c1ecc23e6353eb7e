"""Decisions beside proposals: a log computed by hand, who was right, and nothing of the future in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kamkit.analysis.backtest import told_together
from kamkit.analysis.decisions import candidates, decision_log, snapshots, standing_decisions
from kamkit.analysis.judging import judge_people
from kamkit.analysis.key_accounts import find_key_accounts
from kamkit.analysis.people_and_model import hit_rate
from kamkit.model.engagement import Capacity, ParetoSettings
from kamkit.model.results import AccountFacts, DecisionLog, KeyAccounts

Make = Callable[..., AccountFacts]
SHARES = {"A": 600.0, "B": 250.0, "C": 100.0, "D": 50.0}
"""The set of 80 %: A and B (850 of 1,000)."""


def orders_of(year: int, shares: dict[str, float] = SHARES) -> list[tuple[str, str, float, str]]:
    """The same amount in each month of a year."""
    return [(i, f"{year}-{month:02d}-15", amount / 12, "x") for i, amount in shares.items() for month in range(1, 13)]


def decided(*rows: dict[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows))
    for column in ("date", "valid_until"):
        if column in frame:
            frame[column] = pd.to_datetime(frame[column])
    return frame


def client(
    facts_from: Make, *decisions: dict[str, Any], reps: dict[str, str] | None = None, **tables: Any
) -> AccountFacts:
    facts = facts_from(orders_of(2025), decisions=decided(*decisions), **tables)
    return replace(facts, accounts=facts.accounts.assign(field_rep=facts.accounts["account_id"].map(reps or {})))


def ranked(facts: AccountFacts, capacity: int | None = 1) -> KeyAccounts:
    return find_key_accounts(facts, ParetoSettings(), Capacity(accounts=capacity), seed=1)


def log_of(facts: AccountFacts) -> DecisionLog:
    return decision_log(facts, ranked(facts))


YES_B = {"account_id": "B", "subject": "key_account", "decision": "yes"}


def test_a_log_computed_by_hand(facts_from: Make) -> None:
    facts = client(
        facts_from,
        {"account_id": "A", "subject": "key_account", "decision": "yes", "consulted": "Frau Weiß", "opinion": "agree"},
        {"account_id": "B", "subject": "key_account", "decision": "no", "reason_code": "risk", "date": "2025-05-01"},
        {"account_id": "C", "subject": "key_account", "decision": "no", "date": "2024-01-01"},
        {"account_id": "C", "subject": "key_account", "decision": "yes", "date": "2025-06-01", "consulted": "Kern"},
        {"account_id": "A", "subject": "tier", "decision": "key", "valid_until": "2025-12-31"},
        {"account_id": "D", "subject": "tier", "decision": "managed", "valid_until": "2025-12-30"},
        {"new_account": "Neukunde AG", "subject": "key_account", "decision": "yes", "decided_by": "VL"},
        reps={"A": "Weiß, Anna", "C": "Huber"},
    )
    log = log_of(facts)
    shown = (
        log.table[["name", "subject", "proposal", "decision", "status", "direction", "size"]].round(9).astype(object)
    )
    assert shown.where(shown.notna(), None).to_numpy().tolist() == [
        ["Kunde A", "key_account", "yes", "yes", "confirmed", None, None],
        ["Kunde A", "tier", "managed", "key", "unconfirmed", "lowered", 0.6],
        ["Kunde B", "key_account", "yes", "no", "unconfirmed", "removed", 0.25],
        ["Kunde C", "key_account", "no", "yes", "unconfirmed", "added", 0.1],
        ["Kunde D", "tier", "other", "managed", "expired", None, None],
        ["Neukunde AG", "key_account", None, "yes", "unconfirmed", None, None],
    ]
    # two of three decisions on key accounts differ, 250 + 100 of 1,000; the wanted account has no proposal
    counts = ["subject", "n", "n_overrides", "rate", "added", "removed", "raised", "lowered", "size"]
    assert log.overrides[counts].to_numpy().tolist() == [
        ["key_account", 3, 2, pytest.approx(2 / 3), 1, 1, 0, 0, pytest.approx(0.35)],
        ["tier", 1, 1, 1.0, 0, 0, 0, 1, pytest.approx(0.6)],
    ]


def test_what_nobody_decided_is_open(facts_from: Make) -> None:
    table = log_of(client(facts_from, YES_B)).table
    assert table.set_index("account_id")["status"].to_dict() == {"A": "open", "B": "unconfirmed"}


@pytest.mark.parametrize(
    ("said", "rep", "status"),
    [
        ({}, None, "unconfirmed"),
        ({"consulted": "Herr Kern"}, None, "confirmed"),
        ({"consulted": "Herr Kern"}, "Jan Kern", "unconfirmed"),
        ({"consulted": "Herr Kern", "opinion": "disagree"}, "Jan Kern", "confirmed"),
        ({"consulted": "Herr Huber", "opinion": "agree"}, "Herr Kern", "unconfirmed"),
        ({"opinion": "agree"}, "Jan Kern", "unconfirmed"),
    ],
)
def test_without_consultation_a_decision_stays_unconfirmed(
    facts_from: Make, said: dict[str, str], rep: str | None, status: str
) -> None:
    facts = client(facts_from, YES_B | said, reps={"B": rep} if rep else {})
    assert standing_decisions(facts)["status"].tolist() == [status]


def test_an_unconfirmed_decision_overrides_all_the_same(facts_from: Make) -> None:
    found = ranked(client(facts_from, {"account_id": "C", "subject": "key_account", "decision": "yes"}))
    assert found.tiers.set_index("account_id").loc["C"].tolist() == ["key", "other"]
    assert found.decided.to_numpy().tolist() == [["C", "key_account", "yes", "unconfirmed"]]


def test_a_decision_is_marked_once_its_figures_have_moved(facts_from: Make) -> None:
    facts = client(facts_from, YES_B)
    seen = snapshots(ranked(facts))
    mark = seen.loc[(seen["account_id"] == "B") & (seen["subject"] == "key_account"), "snapshot"].item()
    taken = decided(YES_B | {"snapshot": mark})
    assert log_of(replace(facts, tables={"decisions": taken})).table["moved"].tolist() == [pd.NA, False]
    later = facts_from(orders_of(2025, SHARES | {"B": 260.0}), decisions=taken)
    assert log_of(later).table.set_index("account_id").loc["B", "moved"]


def test_a_snapshot_says_nothing_of_the_name_and_all_of_the_figures(facts_from: Make) -> None:
    marks = snapshots(ranked(client(facts_from, YES_B))).set_index(["account_id", "subject"])["snapshot"]
    renamed = facts_from([(f"X{i}", *rest) for i, *rest in orders_of(2025)])
    again = snapshots(ranked(renamed)).set_index(["account_id", "subject"])["snapshot"]
    assert marks.tolist() == again.tolist()
    assert marks.nunique() == len(marks)


def test_who_is_asked(facts_from: Make) -> None:
    named = pd.DataFrame([{"account_id": "D", "opinion": "missing", "reason": "wächst", "addressee": "Kern"}])
    facts = client(facts_from, consultations=named)
    facts = replace(facts, accounts=facts.accounts.assign(key_label=facts.accounts["account_id"] == "C"))
    found = candidates(facts, ranked(facts))
    assert found["account_id"].tolist() == ["A", "B", "C", "D"]  # the set, one that is led today, one that is missed
    assert found["share"].round(2).tolist() == [0.6, 0.25, 0.1, 0.05]
    assert found.columns.tolist() == [
        *["account_id", "name", "region", "field_rep", "revenue", "share", "change", "is_key_account"],
        *["membership_probability", "proposed_tier", "decided"],
    ]  # nothing on margins, exposure or verdicts


def answers(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    """account, who, opinion on being a key account, why."""
    frame = pd.DataFrame(rows, columns=["account_id", "addressee", "opinion", "reason"])
    return frame.assign(proposal="yes")


def test_conflicts_are_listed_by_name(facts_from: Make) -> None:
    said = answers(
        ("A", "Kern", "agree", "wächst"),
        ("A", "Region Süd", "disagree", "verkauft bald"),
        ("B", "Weiß", "agree", "treu"),
        ("C", "Weiß", "abstain", ""),
    )
    no_b = {"account_id": "B", "subject": "key_account", "decision": "no"}
    tier = {"account_id": "A", "subject": "tier", "decision": "key", "consulted": "Kern", "opinion": "disagree"}
    found = log_of(client(facts_from, no_b, tier, consultations=said)).conflicts
    assert found.astype(object).where(found.notna(), None).to_numpy().tolist() == [
        ["A", "Kunde A", "key_account", None, "Kern", "Region Süd", "wächst; verkauft bald"],
        ["A", "Kunde A", "tier", "key", None, "Kern", None],
        ["B", "Kunde B", "key_account", "no", "Weiß", None, "treu"],
    ]


def test_how_many_key_accounts_field_sales_were_asked_about(facts_from: Make) -> None:
    heard = {"decided_by": "VL", "consulted": "Weiß", "opinion": "agree"}
    facts = client(facts_from, {"account_id": "A", "subject": "key_account", "decision": "yes"} | heard, YES_B)
    facts = replace(facts, accounts=facts.accounts.assign(region=["Nord", "Süd", "Süd", "Nord"]))
    assert log_of(facts).consultation.to_numpy().tolist() == [["Nord", 1, 1, 1, 1.0], ["Süd", 1, 1, 0, 0.0]]


TURNED = {"A": 600.0, "B": 100.0, "C": 250.0, "D": 50.0}
"""2025: C takes the place of B."""


def two_years(facts_from: Make, *decisions: dict[str, Any], later: dict[str, float] = TURNED) -> AccountFacts:
    return facts_from([*orders_of(2024), *orders_of(2025, later)], decisions=decided(*decisions))


def test_who_was_right(facts_from: Make) -> None:
    day = {"subject": "key_account", "date": "2024-12-31"}
    facts = two_years(
        facts_from,
        {"account_id": "A", "decision": "yes"} | day,  # both say yes, both right
        {"account_id": "B", "decision": "no"} | day,  # the model says yes from 2024: people right
        {"account_id": "C", "decision": "no"} | day,  # both say no, both wrong
        {"account_id": "D", "decision": "yes"} | day,  # the model says no: model right
        {"account_id": "B", "decision": "yes", "subject": "key_account", "date": "2025-01-02"},  # not yet a year ago
    )
    log = log_of(facts)
    assert log.cases[["account_id", "decision", "model", "truth"]].to_numpy().tolist() == [
        ["A", "yes", "yes", "yes"],
        ["B", "no", "yes", "no"],
        ["C", "no", "no", "yes"],
        ["D", "yes", "no", "no"],
    ]
    hits = log.hits
    assert (hits.n, hits.people_right, hits.model_right) == (4, 2, 2)
    assert (hits.n_differ, hits.people_right_differ, hits.model_right_differ) == (2, 1, 1)
    assert (hits.testable, hits.p_value) == (False, None)


def test_the_model_sees_nothing_of_the_future(facts_from: Make) -> None:
    rows = [{"account_id": i, "decision": "yes", "subject": "key_account", "date": "2024-12-31"} for i in SHARES]
    before = log_of(two_years(facts_from, *rows)).cases
    after = log_of(two_years(facts_from, *rows, later={"A": 1.0, "B": 2.0, "C": 3.0, "D": 9000.0, "E": 50000.0})).cases
    assert before["model"].tolist() == after["model"].tolist() == ["yes", "yes", "no", "no"]
    assert before["truth"].tolist() != after["truth"].tolist()


def test_decisions_without_a_year_on_both_sides_are_not_judged(facts_from: Make) -> None:
    rows = [
        {"account_id": "A", "decision": "yes", "subject": "key_account", "date": day}
        for day in ("2024-11-30", "2025-02-01")
    ]
    facts = replace(two_years(facts_from, *rows), history_start=pd.Timestamp("2024-01-01").date())
    assert log_of(facts).cases.empty


def cases(*rows: str) -> pd.DataFrame:
    """decision, model, truth, each y or n."""
    return pd.DataFrame(
        [[{"y": "yes", "n": "no"}[c] for c in row] for row in rows], columns=["decision", "model", "truth"]
    )


def test_twenty_decisions_can_be_tested() -> None:
    # 8 differ, people right in 7 of them: 2 · (C(8,7) + C(8,8)) / 2⁸ = 18 / 256
    found = hit_rate(cases(*["yyy"] * 12, *["yny"] * 7, "ynn"))
    assert (found.n, found.people_right, found.model_right) == (20, 19, 13)
    assert (found.people_right_differ, found.model_right_differ) == (7, 1)
    assert found.p_value == pytest.approx(18 / 256)
    assert hit_rate(cases(*["yyy"] * 20)).p_value is None
    assert not hit_rate(cases(*["yny"] * 19)).testable


@given(st.lists(st.sampled_from(["yyy", "yyn", "yny", "ynn", "nyy", "nyn", "nny", "nnn"]), max_size=30))
def test_counts_of_hits_add_up(rows: list[str]) -> None:
    found = hit_rate(cases(*rows))
    assert found.people_right_differ + found.model_right_differ == found.n_differ <= found.n == len(rows)
    assert found.people_right - found.people_right_differ == found.model_right - found.model_right_differ


def test_the_order_of_entries_makes_no_difference(facts_from: Make) -> None:
    rows = [
        YES_B | {"date": "2025-01-01"},
        YES_B | {"decision": "no", "date": "2025-03-01", "consulted": "Kern"},
        {"account_id": "C", "subject": "tier", "decision": "managed"},
        {"new_account": "Neu", "subject": "key_account", "decision": "yes"},
        {"account_id": "A", "subject": "key_account", "decision": "no", "valid_until": "2025-01-01"},
    ]
    facts = client(facts_from, *rows)
    expected = standing_decisions(facts)

    @settings(max_examples=20)
    @given(st.permutations(rows))
    def same(mixed: list[dict[str, Any]]) -> None:
        found = standing_decisions(replace(facts, tables={"decisions": decided(*mixed)}))
        pd.testing.assert_frame_equal(found, expected)

    same()


def many(subject: str, decision: str, n: int, date: str = "2024-06-30") -> list[dict[str, Any]]:
    return [{"account_id": f"K{i:02d}", "subject": subject, "decision": decision, "date": date} for i in range(n)]


def growing(n_chosen: int) -> list[tuple[str, str, float, str]]:
    """Forty accounts of 100 a month; from July 2024 on the first ones buy 130, the others 110."""
    months = pd.date_range("2023-01-15", "2025-12-15", freq=pd.DateOffset(months=1))
    later = {True: 130.0, False: 110.0}
    return [
        (f"K{i:02d}", str(day.date()), later[i < n_chosen] if day >= pd.Timestamp("2024-07-01") else 100.0, "x")
        for i in range(40)
        for day in months
    ]


def test_people_are_scored_like_the_model(facts_from: Make) -> None:
    """Twenty-two accounts named as key accounts, of which the set of the following year holds all that the model names."""
    facts = facts_from(growing(22), decisions=decided(*many("key_account", "yes", 22)))
    (row,) = judge_people(facts, ranked(facts))
    told = told_together([row]).iloc[0]
    assert (told["task"], told["n"], told["metric"], told["baseline"]) == (
        "key_account_decisions",
        22,
        "people_right",
        "model",
    )
    assert told["value"] == told["events"] / 22
    assert told["ci_low"] <= told["value"] <= told["ci_high"]


def test_what_followed_a_choice_of_an_option_is_described_beside_the_others(facts_from: Make) -> None:
    facts = facts_from(growing(20), decisions=decided(*many("option", "cross_selling", 20)))
    (row,) = judge_people(facts, ranked(facts))
    assert (row["task"], row["n"], row["events"], row["metric"]) == ("option_decisions", 20, 20, "revenue_change")
    assert (row["value"], row["baseline_value"]) == (pytest.approx(0.3), pytest.approx(0.1))
    assert "p_value" not in row


def test_few_or_recent_decisions_are_not_scored(facts_from: Make) -> None:
    few = facts_from(growing(20), decisions=decided(*many("option", "cross_selling", 19)))
    (row,) = judge_people(few, ranked(few))
    assert (row["metric"], row["reason"], row["n"]) == ("not_testable", "few_decisions", 19)
    recent = facts_from(growing(20), decisions=decided(*many("option", "cross_selling", 20, "2025-02-01")))
    assert judge_people(recent, ranked(recent)) == []
