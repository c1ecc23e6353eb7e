"""What has changed since an earlier run: computed by hand, and nothing where a run is compared with itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamkit.analysis.follow_up import compare_runs
from kamkit.analysis.key_accounts import assign_tiers
from kamkit.analysis.pareto import rank_accounts
from kamkit.model.codes import Answer, Basis, Level, Verdict
from kamkit.model.engagement import Capacity, Period
from kamkit.model.follow_up import FollowUp, PreviousRun
from kamkit.model.questionnaire import questionnaires
from kamkit.model.results import AccountFacts, Existence, ExistenceTest, KeyAccounts
from kamkit.telling.follow_up import change_sentences, changes_headline, list_changes_table, refused_sentence
from kamkit.telling.language import Labels

NO_ACTIONS = pd.DataFrame(
    columns=["account_id", "first_step", "proposed_due", "owner", "due", "status", "done_on", "result", "plan", "code"]
).astype(
    {"proposed_due": "datetime64[us]", "due": "datetime64[us]", "done_on": "datetime64[us]", "plan": "datetime64[us]"}
)
EXISTENCE = Existence(Verdict.REAL, (ExistenceTest("E1", Answer.YES), ExistenceTest("E2", Answer.NO)))
TODAY = dt.date(2026, 1, 15)

ORDERS = [
    *[
        ("A", f"{year}-{month:02d}-10", amount, None)
        for year, amount in ((2024, 100.0), (2025, 50.0))
        for month in range(1, 13)
    ],
    *[("B", f"{year}-{month:02d}-10", 60.0, None) for year in (2024, 2025) for month in range(1, 13)],
    *[("C", f"2025-{month:02d}-10", 80.0, None) for month in range(1, 13)],
    ("D", "2024-03-10", 700.0, None),
    ("E", "2024-05-10", 20.0, None),
    ("E", "2025-05-10", 20.0, None),
]
"""Revenue 2024: A 1200, D 700, B 720, E 20 (80 % of 2640 is 2112: A, B, D); 2025: C 960, B 720, A 600, E 20 (of 2300
1840: C, B, A)."""


@pytest.fixture
def facts(facts_from: Callable[..., AccountFacts]) -> AccountFacts:
    return facts_from(ORDERS)


def ranked(facts: AccountFacts) -> KeyAccounts:
    pareto = rank_accounts(facts.accounts[facts.accounts["in_period"]])
    return KeyAccounts(
        pareto=pareto,
        concentration=None,  # type: ignore[arg-type]
        membership=pd.DataFrame(),
        tiers=assign_tiers(pareto, Capacity(), facts.tables["decisions"], facts.period.end),
    )


def previous(rows: list[tuple[Any, ...]], **changed: Any) -> PreviousRun:
    """The run of a year before: account, revenue, in the set, tier, decision, level."""
    columns = ["account_id", "revenue", "is_key_account", "tier", "decision", "level"]
    table = pd.DataFrame(rows, columns=columns).assign(name=lambda t: "Kunde " + t["account_id"])
    run = PreviousRun(
        name="2025-01-15T09-00-00Z",
        made_on=dt.date(2025, 1, 15),
        period=Period(start=dt.date(2024, 1, 1), end=dt.date(2024, 12, 31)),
        currency="EUR",
        level=Level.GROUP,
        basis=Basis.REVENUE,
        threshold=0.8,
        verdict="partial",
        existence={"E1": "no", "E2": "no"},
        accounts=table.drop(columns="level"),
        risk=table[["account_id", "level"]],
        actions=pd.DataFrame(
            [["A", "Kunde A", "relationship", "Anrufen.", pd.Timestamp("2025-02-03"), 100.0]],
            columns=["account_id", "name", "option", "first_step", "due_date", "at_stake"],
        ),
        self_check=pd.DataFrame(columns=["statement", "score"]),
    )
    return replace(run, **changed)


THEN = [
    ("A", 1200.0, True, "key", "key_account: yes; tier: managed", "red"),
    ("B", 720.0, True, "key", None, "green"),
    ("D", 700.0, True, "key", "key_account: yes", "amber"),
    ("E", 20.0, False, "other", None, "green"),
]


def compared(
    facts: AccountFacts, run: PreviousRun, actions: pd.DataFrame = NO_ACTIONS, today: dt.date = TODAY
) -> FollowUp:
    return compare_runs(run, facts, ranked(facts), EXISTENCE, actions, "EUR", 3, today)


def test_who_came_and_who_went_with_revenue_of_then_and_now(facts: AccountFacts) -> None:
    found = compared(facts, previous(THEN))
    rows = found.accounts.set_index("account_id")
    assert rows[["change", "reason"]].astype(object).where(rows["reason"].notna(), None).to_dict("index") == {
        "A": {"change": None, "reason": None},
        "B": {"change": None, "reason": None},
        "C": {"change": "entered", "reason": "new"},
        "D": {"change": "left", "reason": "revenue"},
    }
    assert rows.loc[["A", "B"], "change"].tolist() == ["kept", "kept"]
    assert rows.loc["A", ["revenue_before", "revenue_now", "revenue_change"]].tolist() == [1200.0, 600.0, -0.5]
    assert rows.loc["D", ["revenue_now", "revenue_change"]].tolist() == [0.0, -1.0]
    labels = Labels("de", "de_DE", "EUR")
    assert (
        changes_headline(found, labels) == "Liste der Key Accounts: 1 kam hinzu, 1 ist nicht mehr dabei und 2 blieben."
    )


def test_a_decision_is_the_reason_where_the_set_is_not(facts: AccountFacts) -> None:
    decided = facts.tables["decisions"].head(0)
    decided = pd.DataFrame(
        [["E", "key_account", "yes", pd.Timestamp("2025-03-01"), pd.NaT], ["B", "key_account", "no", pd.NaT, pd.NaT]],
        columns=["account_id", "subject", "decision", "date", "valid_until"],
    )
    facts = replace(facts, tables={**facts.tables, "decisions": decided})
    rows = compared(facts, previous(THEN)).accounts.set_index("account_id")
    assert rows.loc[["E", "B"], ["change", "reason"]].to_numpy().tolist() == [
        ["entered", "decision"],
        ["left", "decision"],
    ]


def test_an_account_inside_another_one_now_is_no_loss(facts: AccountFacts) -> None:
    members = pd.concat(
        [facts.members, pd.DataFrame({"customer_id": ["D1"], "account_id": ["C"], "revenue": [0.0], "name": ["Werk"]})]
    )
    run = previous([*THEN, ("D1", 500.0, True, "key", None, "red")])
    found = compared(replace(facts, members=members), run)
    rows = found.accounts.set_index("account_id")
    assert rows.loc["D1", ["change", "reason", "into"]].tolist() == ["left", "grouping", "Kunde C"]
    assert rows.loc["C", "reason"] == "grouping"
    assert rows.loc["D1", ["revenue_now", "revenue_change"]].isna().all()
    assert "D1" not in set(found.warnings["account_id"])


def test_warnings_came_true_or_not_against_the_other_key_accounts(facts: AccountFacts) -> None:
    """January to March 2025 against 2024: A 150 after 300, D nothing after 700, B 180 after 180."""
    found = compared(facts, previous(THEN))
    assert found.window == (dt.date(2025, 1, 1), dt.date(2025, 3, 31))
    assert found.warnings[["account_id", "warned", "came_true", "before", "after"]].to_numpy().tolist() == [
        ["D", True, True, 700.0, 0.0],
        ["A", True, True, 300.0, 150.0],
        ["B", False, False, 180.0, 180.0],
    ]
    assert not found.testable
    said = "\n".join(change_sentences(found, Labels("de", "de_DE", "EUR"))).replace("\u00a0", " ")
    assert "Von 2 Warnungen des früheren Laufs trafen 2 zu" in said
    assert "Beim einen Key Account ohne Warnung geschah dasselbe in 0 von 1 Fall." in said
    assert "Mit 2 Fällen lässt sich über die Güte der Warnungen nichts sagen" in said
    assert (
        "(−50 %; 2 verloren ein Fünftel oder mehr), und ein Rückgang wäre auch ohne jede Veränderung zu erwarten"
        in said
    )


def test_decisions_kept_changed_and_withdrawn(facts: AccountFacts) -> None:
    decided = pd.DataFrame(
        [
            ["A", "key_account", "yes", pd.Timestamp("2025-01-01"), pd.NaT],
            ["A", "tier", "key", pd.Timestamp("2025-06-01"), pd.NaT],
            ["A", "tier", "managed", pd.Timestamp("2025-01-01"), pd.NaT],
            ["B", "option", "alliance", pd.NaT, pd.NaT],
        ],
        columns=["account_id", "subject", "decision", "date", "valid_until"],
    )
    found = compared(replace(facts, tables={**facts.tables, "decisions": decided}), previous(THEN))
    assert found.decisions[["account_id", "subject", "change"]].to_numpy().tolist() == [
        ["A", "key_account", "kept"],
        ["A", "tier", "changed"],
        ["B", "option", "new"],
        ["D", "key_account", "withdrawn"],
    ]


@pytest.mark.parametrize(
    ("status", "due", "expected"),
    [
        ("done", None, "done"),
        ("dropped", None, "dropped"),
        ("open", "2026-01-14", "overdue"),
        (None, "2026-01-15", "open"),
        (None, None, "overdue"),  # as proposed: 3 February 2025
    ],
)
def test_how_a_step_of_then_stands(facts: AccountFacts, status: str | None, due: str | None, expected: str) -> None:
    row = {"account_id": "A", "owner": "Frau Weiß", "status": status, "due": pd.Timestamp(due) if due else pd.NaT}
    row |= {
        "plan": pd.Timestamp("2024-12-31"),
        "code": "relationship · secure",
        "proposed_due": pd.Timestamp("2025-02-03"),
    }
    own = {"account_id": "B", "first_step": "Messe.", "status": "done"}
    entered = pd.DataFrame([row, own]).reindex(columns=NO_ACTIONS.columns).astype(NO_ACTIONS.dtypes)
    steps = compared(facts, previous(THEN), entered).actions
    assert steps[["account_id", "first_step", "status"]].to_numpy().tolist() == [
        ["A", "Anrufen.", expected],
        ["B", "Messe.", "done"],
    ]
    assert compared(facts, previous(THEN)).actions["status"].tolist() == ["untouched"]


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({"currency": "CHF"}, {"revenue": "currency"}),
        ({"threshold": 0.7}, {"list": "threshold"}),
        ({"basis": Basis.MARGIN}, {"list": "basis"}),
        ({"level": Level.CUSTOMER}, dict.fromkeys(("list", "revenue", "warnings", "decisions", "actions"), "level")),
        (
            {"period": Period(start=dt.date(2024, 7, 1), end=dt.date(2024, 12, 31))},
            {"list": "length", "revenue": "length"},
        ),
        ({"period": Period(start=dt.date(2024, 11, 1), end=dt.date(2025, 10, 31))}, {"warnings": "too_soon"}),
        (
            {"period": Period(start=dt.date(2026, 1, 1), end=dt.date(2026, 12, 31))},
            dict.fromkeys(("list", "revenue", "warnings", "actions"), "later"),
        ),
    ],
)
def test_what_cannot_be_compared_is_refused_and_says_why(
    facts: AccountFacts, changed: dict[str, Any], refused: dict[str, str]
) -> None:
    found = compared(facts, previous(THEN, **changed))
    assert {k: v for k, v in found.refused.items() if k != "self_check"} == refused
    labels = Labels("de", "de_DE", "EUR")
    assert all(labels(f"changes.why_{reason}") in refused_sentence(found, labels) for reason in refused.values())
    if "list" in refused:
        assert found.accounts["change"].isna().all()
        assert len(list_changes_table(found, labels)) == 0
    if "revenue" in refused:
        assert found.accounts["revenue_change"].isna().all()


def test_the_self_check_statement_by_statement(facts: AccountFacts) -> None:
    """Then 2 and 3, now 3 (the mean of 2 and 4) and 2; a statement that only one side rated is left out."""
    codes = list(questionnaires()["self_check"])[:3]
    now = [(codes[0], 2.0), (codes[0], 4.0), (codes[1], 2.0), (codes[2], 4.0)]
    facts = replace(facts, tables={**facts.tables, "self_check": pd.DataFrame(now, columns=["statement", "score"])})
    then = pd.DataFrame([(codes[0], 2.0), (codes[1], 3.0)], columns=["statement", "score"])
    found = compared(facts, previous(THEN, self_check=then))
    by_statement = found.self_check.dropna(subset=["statement"])
    assert by_statement[["earlier", "now", "difference"]].to_numpy().tolist() == [[2.0, 3.0, 1.0], [3.0, 2.0, -1.0]]
    assert "Selbsteinschätzung: 1 von 2 Aussagen höher bewertet als damals, 1 niedriger." in change_sentences(
        found, Labels("de", "de_DE", "EUR")
    )


def test_refused_in_whole_sentences(facts: AccountFacts) -> None:
    found = compared(facts, previous(THEN, currency="CHF", threshold=0.7))
    assert refused_sentence(found, Labels("de", "de_DE", "EUR")) == (
        "Nicht vergleichbar: Liste; die Schwelle war eine andere. "
        "Nicht vergleichbar: Umsatz; die Beträge standen in einer anderen Währung."
    )


@given(
    revenue=st.lists(st.integers(-50, 1000), min_size=1, max_size=8),
    order=st.randoms(use_true_random=False),
)
def test_a_run_compared_with_itself_shows_no_change(
    facts_from: Callable[..., AccountFacts], revenue: list[int], order: Any
) -> None:
    facts = facts_from([(f"{i:02d}", "2025-05-10", float(r), None) for i, r in enumerate(revenue)])
    keys = ranked(facts)
    table = keys.pareto.table.merge(keys.tiers, on="account_id").assign(decision=None, level="green")
    rows = table[["account_id", "revenue", "is_key_account", "tier", "decision", "level"]].values.tolist()
    run = previous(rows, period=facts.period, verdict="real", existence={"E1": "yes", "E2": "no"})
    run = replace(run, actions=run.actions.head(0))
    found = compared(facts, run)
    assert set(found.accounts["change"]) <= {"kept"}
    assert (found.accounts["revenue_now"] == found.accounts["revenue_before"]).all()
    assert found.refused["warnings"] == "too_soon"
    assert (len(found.decisions), len(found.actions), len(found.tests)) == (0, 0, 0)
    order.shuffle(rows)
    shuffled = compared(facts, replace(run, accounts=previous(rows).accounts, risk=previous(rows).risk))
    pd.testing.assert_frame_equal(shuffled.accounts, found.accounts)
