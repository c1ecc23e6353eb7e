"""A small client with hand-made answers for everything that is told: sixteen accounts, five of them key accounts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kamkit.analysis.concentration import measure_concentration
from kamkit.analysis.decisions import standing_decisions
from kamkit.analysis.exposure import measure_exposure
from kamkit.analysis.investment import with_investment
from kamkit.analysis.pareto import rank_accounts
from kamkit.analysis.value import value_accounts
from kamkit.model.codes import Answer, Grain, KamType, Level, Option, Verdict
from kamkit.model.engagement import Engagement, Period
from kamkit.model.kam_type_rules import load_kam_type_rules
from kamkit.model.portfolio_rules import load_portfolio_rules
from kamkit.model.results import (
    AccountFacts,
    Existence,
    ExistenceTest,
    Finding,
    Imported,
    KamTypes,
    KeyAccounts,
    ListHistory,
    ManagedCapacity,
    StrategyOptions,
)
from kamkit.model.tables import TABLES
from kamkit.telling.language import Labels
from kamkit.telling.story import Story, build_story

REVENUE = [900.0, 500, 300, 200, 120, 90, 80, 70, 60, 50, 40, 30, 20, 10, 5, -15]
MARGIN = [-40.0, 150, 90, 60, 36, 27, 24, 21, 18, 15, 12, 9, 6, 3, 1, -5]
PERIOD = Period(start=dt.date(2025, 1, 1), end=dt.date(2025, 12, 31))
IDS = [f"{i:04d}" for i in range(1, 17)]
SENTENCES = {
    "evidence.seen": "Gesehen bei {x:percent}.",
    "action.do": "Tun.",
    "reason.why": "Weil {x:percent}.",
    "trigger.seen": "Anlass.",
    "first_step.call": "Anrufen.",
    "client_question.ask": "Fragen?",
    "role.kam": "Key-Account-Manager",
    "stop_criterion.stop": "Keine Antwort.",
    "avoid.none": "Nichts.",
    "rule.no_customer": "Ohne Kunde",
    "treatment.remove": "entfernt",
    "finding.seen": "Aufgefallen: {rows:count} Zeilen.",
}


@dataclass(frozen=True)
class Told:
    """All results of a hand-made client."""

    engagement: Engagement
    imported: Imported
    facts: AccountFacts
    key_accounts: KeyAccounts
    kam_types: KamTypes
    options: StrategyOptions
    labels: Labels

    def story(
        self,
        audience: str = "sales_management",
        comments: pd.DataFrame | None = None,
        actions: pd.DataFrame | None = None,
        **settings: Any,
    ) -> Story:
        engagement = self.engagement.model_copy(update={"audience": audience, **settings})
        return build_story(
            engagement,
            self.imported,
            self.facts,
            self.key_accounts,
            self.kam_types,
            self.options,
            self.labels,
            dt.date(2026, 1, 15),
            comments,
            actions,
        )


@pytest.fixture
def told() -> Callable[..., Told]:
    """Makes the client: `names` replaces the accounts' names, `language` its language."""
    return told_client


@pytest.fixture
def assessed() -> Callable[..., StrategyOptions]:
    """Step 4 of a client with portfolio, allocation and investment: `figures` of its capacity, further `tables`, and
    columns of its accounts that are other than told."""
    return _assessed


def _assessed(
    client: Told, figures: dict[str, float] | None = None, tables: dict[str, pd.DataFrame] | None = None, **changed: Any
) -> StrategyOptions:
    capacity = ManagedCapacity(**{"accounts": 3, **(figures or {})})  # type: ignore[arg-type]
    key_accounts = replace(client.key_accounts, capacity=capacity)
    empty = {name: pd.DataFrame(columns=["account_id", "date", "revenue"]) for name in ("orders", "purchases")}
    accounts = client.facts.accounts.assign(wallet=np.nan, **changed)
    months = accounts[["account_id"]].assign(month=pd.Timestamp("2025-06-01"), revenue=1.0)
    given = {**client.facts.tables, **(tables or {})}
    facts = replace(client.facts, accounts=accounts, months=months, tables=given, **empty)
    existence = load_kam_type_rules().existence
    return with_investment(client.options, facts, key_accounts, load_portfolio_rules(), existence, window_months=3)


def told_client(names: list[str] | None = None, language: str = "de") -> Told:
    labels = Labels(language, {"de": "de_DE", "en": "en_GB"}[language], "EUR")
    labels._sentences = {**SENTENCES, **labels._sentences}
    facts = _facts(names or [f"Kunde {i}" for i in range(1, 17)])
    key_accounts = _key_accounts(facts)
    return Told(_engagement(language), _imported(), facts, key_accounts, _kam_types(), _options(), labels)


def _engagement(language: str) -> Engagement:
    columns = {"customer_id": "k", "posting_date": "d", "net_revenue": "u"}
    return Engagement.model_validate(
        {
            "client": "Müller & Söhne Großhandel GmbH",
            "language": language,
            "sources": {"transactions": {"path": "u.csv", "columns": columns}},
            "capacity": {"accounts": 3},
        }
    )


def _imported() -> Imported:
    return Imported(
        period=PERIOD,
        grain=Grain.DAY,
        currency="EUR",
        level=Level.GROUP,
        first_date=dt.date(2023, 1, 2),
        last_date=dt.date(2025, 12, 30),
        rows_in=1000,
        rows_kept=990,
        revenue_in=2500.0,
        revenue_kept=2460.0,
        n_customers=18,
        tables=("transactions", "customers"),
        files=pd.DataFrame(
            [{"table": "transactions", "file": "u.csv", "sheet": None, "encoding": "cp1252", "rows": 1000}]
        ),
        columns=pd.DataFrame([{"table": "transactions", "column": "net_revenue", "source": "u", "kind": "money"}]),
        rules=pd.DataFrame(
            [{"rule": "no_customer", "treatment": "remove", "rows": 10, "revenue": 40.0, "examples": ("Zeile 7",)}]
        ),
        reconciliation=pd.DataFrame(
            [
                {
                    "fiscal_year": 2025,
                    "stated": 2460.0,
                    "imported": 2460.0,
                    "difference": 0.0,
                    "difference_share": 0.0,
                    "within_tolerance": True,
                }
            ]
        ),
        findings=(Finding("seen", "transactions", rows=3, revenue=12.0, examples=("a", "b")),),
    )


def _facts(names: list[str]) -> AccountFacts:
    accounts = pd.DataFrame(
        {
            "account_id": IDS,
            "name": names,
            "in_period": True,
            "revenue": REVENUE,
            "margin": MARGIN,
            "margin_coverage": 1.0,
            "region": ["Nord", "Süd"] * 8,
            "field_rep": "Frau Weiß",
            "kam_owner": None,
        }
    )
    members = pd.DataFrame(
        {
            "customer_id": IDS,
            "account_id": IDS,
            "name": names,
            "revenue": REVENUE,
            "group_source": ["parent", *["none"] * 15],
        }
    )
    decisions = pd.DataFrame(
        [{"account_id": "0002", "subject": "key_account", "decision": "yes", "date": pd.Timestamp("2025-11-01")}]
    ).reindex(columns=list(TABLES["decisions"].columns))
    return AccountFacts(
        period=PERIOD,
        history_start=dt.date(2023, 1, 1),
        grain=Grain.DAY,
        level=Level.GROUP,
        item_kind="category",
        accounts=accounts,
        months=pd.DataFrame(),
        orders=pd.DataFrame(),
        purchases=pd.DataFrame(),
        product_purchases=pd.DataFrame(),
        items=pd.DataFrame(),
        members=members,
        tables={"decisions": decisions},
    )


def _key_accounts(facts: AccountFacts) -> KeyAccounts:
    pareto = rank_accounts(facts.accounts)
    ids = pareto.table["account_id"]
    tiers = np.where(
        pareto.table["rank"].fillna(99) <= 3, "managed", np.where(pareto.table["is_key_account"], "key", "other")
    )
    membership = [1.0, 1, 1, 0.97, 0.61, 0.4, 0.04, *[0.0] * 9]
    return KeyAccounts(
        pareto=pareto,
        concentration=measure_concentration(pareto.table["value"]),
        membership=pd.DataFrame({"account_id": ids, "membership_probability": membership}),
        tiers=pd.DataFrame({"account_id": ids, "tier": tiers, "proposed_tier": tiers}),
        decided=standing_decisions(facts)[["account_id", "subject", "decision", "status"]],
        capacity=ManagedCapacity(accounts=3),
        value=value_accounts(facts.accounts, pareto, facts.period),
        exposure=measure_exposure(facts),
        history=_history(),
    )


def _history() -> ListHistory:
    changes = [["0005", "Kunde 5", "entered", 80.0, 120.0], ["0006", "Kunde 6", "left", 130.0, 90.0]]
    transitions = [["A", 4, 1, 0, 0], ["B", 1, 4, 1, 0], ["C", 0, 1, 3, 0], ["none", 0, 0, 0, 0]]
    return ListHistory(
        before=Period(start=dt.date(2024, 1, 1), end=dt.date(2024, 12, 31)),
        n_before=5,
        n_now=5,
        n_both=4,
        overlap=4 / 6,
        chance_low=0.5,
        chance_high=0.9,
        within_chance=True,
        changes=pd.DataFrame(changes, columns=["account_id", "name", "change", "before", "now"]),
        transitions=pd.DataFrame(transitions, columns=["class_before", "A", "B", "C", "none"]),
        kendall=0.8,
        rank_biased_overlap=0.9,
        n_fallen=1,
        fallen_low=0,
        fallen_high=2,
        n_years=2,
        kept=pd.DataFrame({"account_id": ["0006"], "name": ["Kunde 6"]}),
    )


def _kam_types() -> KamTypes:
    table = pd.DataFrame({"account_id": IDS, "kam_type": "technical", "kam_type_margin": 2.0, "inherited": True})
    table.loc[1, ["kam_type", "inherited"]] = ["service", False]
    table.loc[4, "kam_type"] = "unclear"
    return KamTypes(
        programme_type=KamType.TECHNICAL,
        source_label="technical",
        existence=Existence(
            Verdict.PARTIAL,
            (
                ExistenceTest("E1", Answer.YES, {"n_key_with": 4, "n_key": 5, "share_key": 0.8, "share_other": 0.1}),
                ExistenceTest("E2", Answer.NO),
                ExistenceTest("E3a", Answer.NOT_ASSESSABLE, missing=("sales_organisation",)),
            ),
        ),
        table=table.assign(
            kam_status=["pseudo", "real", "gap", *["none"] * 13],
            status_reason=["pseudo_nothing", "real_privilege", "gap_unknown", *["none_unknown"] * 13],
            status_values=[{"privileges": ("Sonderpreis",), "beside": None, "in_circle": i < 5} for i in range(16)],
        ),
        evidence=pd.DataFrame(columns=["account_id", "block", "kam_type", "points", "reason", "detail"]),
        intensity=pd.DataFrame(
            {
                "account_id": IDS,
                "intensity": [0.6, 0.3, *[None] * 14],
                "coverage": [0.75, 0.5, *[0.25] * 14],
                "stage": ["interdependent", "cooperative", *[None] * 14],
                "missing": [(), (), *[("privileges.type",)] * 14],
            }
        ).astype({"intensity": "float64", "stage": "string"}),
    )


def _options() -> StrategyOptions:
    values = {"x": 0.25}
    options = pd.DataFrame(
        [
            {
                "account_id": account_id,
                "option": option.value,
                "score": 0.5 if option == Option.CROSS_SELLING else np.nan,
                "coverage": 1.0 if option == Option.CROSS_SELLING else 0.0,
                "gate": "open" if option == Option.CROSS_SELLING else "not_assessable",
                "rank": 1 if option == Option.CROSS_SELLING else None,
                "missing": () if option == Option.CROSS_SELLING else ("contracts.end", "customers.wallet"),
                "evidence": "seen" if option == Option.CROSS_SELLING else None,
                "action": "do" if option == Option.CROSS_SELLING else None,
                "values": values,
            }
            for account_id in IDS
            for option in Option
        ]
    )
    risk = pd.DataFrame(
        {
            "account_id": IDS,
            "risk_score": np.linspace(1, 0, 16),
            "eligible": True,
            "days_since_last": 40,
            "own_interval_days": 20.0,
            "revenue_change": -0.3,
            "revenue_at_risk": [r / 10 for r in REVENUE],
            "level": ["red", "amber", *["green"] * 14],
            "evidence": "seen",
            "values": [values] * 16,
        }
    )
    spots = pd.DataFrame(
        [
            ["0001", "Pumpen", 1, 0.9, 30.0, 9.0, "closed", 8, 12, "seen", values],
            ["0002", "Ventile", 1, 0.8, 20.0, 6.0, "open", 9, 12, "seen", values],
        ],
        columns=(
            [
                "account_id",
                "category",
                "rank",
                "score",
                "expected_revenue",
                "expected_margin",
                "gate",
                "peers_buying",
                "peers",
                "evidence",
                "values",
            ]
        ),
    )
    recommendations = pd.DataFrame(
        {
            "account_id": IDS,
            "recommended_option": ["relationship", "cross_selling", *["basic_care"] * 14],
            "supporting_option": ["cross_selling", *[None] * 15],
            "avoid": "none",
            "first_step": "call",
            "reason": "why",
            "rule": "base",
            "options_assessed": 1,
            "close_call": False,
            "close_by": None,
            "values": [values] * 16,
        }
    )
    actions = pd.DataFrame(
        [
            {
                "rank": 1,
                "account_id": "0001",
                "option": "relationship",
                "trigger": "seen",
                "first_step": "call",
                "question": "ask",
                "role": "kam",
                "stop_criterion": "stop",
                "due_date": dt.date(2026, 2, 1),
                "at_stake": 90.0,
                "at_stake_low": 50.0,
                "at_stake_high": 120.0,
                "values": values,
                "stake": "revenue_at_risk",
            }
        ]
    )
    columns = [
        "task",
        "cut_off",
        "population",
        "n",
        "events",
        "metric",
        "value",
        "ci_low",
        "ci_high",
        "baseline",
        "baseline_value",
    ]
    return StrategyOptions(
        options=options,
        indicators=pd.DataFrame(),
        account_risk=risk,
        cross_selling=spots,
        recommendations=recommendations,
        actions=actions,
        backtests=pd.DataFrame(columns=columns),
    )
