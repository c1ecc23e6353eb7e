"""Scores, gates and the whole of step 4 on a small client."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kamkit.analysis.key_accounts import find_key_accounts
from kamkit.analysis.options import assess_options
from kamkit.analysis.options.dependence import dependence
from kamkit.analysis.options.early_warning import antenna_indicators
from kamkit.analysis.options.history import history_until
from kamkit.analysis.options.relationship import contact_facts, relationship_indicators
from kamkit.analysis.options.scoring import anchor, percentile, score_option, share_of_weightings
from kamkit.errors import EngagementError
from kamkit.model.codes import Answer, Gate, KamType, Option, Verdict
from kamkit.model.engagement import AccountRiskSettings, Capacity, OptionSettings, ParetoSettings
from kamkit.model.kam_type_rules import TYPES
from kamkit.model.option_rules import Indicator, OptionRule, load_option_rules
from kamkit.model.results import AccountFacts, Existence, ExistenceTest, KamTypes, StrategyOptions, no_events
from kamkit.telling.language import Labels
from kamkit.telling.results import finding_sentence, told

RULES = load_option_rules()
TODAY = dt.date(2026, 1, 14)
ITEMS = ("Etiketten", "Kartons", "Folie", "Beutel", "Paletten")
Order = tuple[Any, ...]


def every(
    account: str, days: int, item: str, revenue: float, start: str = "2023-01-10", end: str = "2025-12-31"
) -> Iterator[Order]:
    for day in pd.date_range(start, end, freq=f"{days}D"):
        yield account, day.date().isoformat(), revenue, item


def client() -> list[Order]:
    """36 accounts that buy all five categories in their rhythm; S falls silent, W lacks labels, L loses."""
    orders: list[Order] = []
    for i in range(36):
        for k, item in enumerate(ITEMS):
            orders += every(f"A{i:02d}", 12 + i % 7, item, 100.0 + 20 * i + k, f"2023-01-{3 + k:02d}")
    orders += every("S", 14, "Kartons", 9000.0, end="2025-09-20")
    orders += [order for item in ITEMS[1:] for order in every("W", 14, item, 2000.0)]
    orders += [order for item in ITEMS for order in every("L", 14, item, 900.0)]
    return orders


def types_of(facts: AccountFacts, kind: KamType = KamType.TECHNICAL) -> KamTypes:
    table = pd.DataFrame({"account_id": facts.accounts["account_id"], "kam_type": str(kind)})
    existence = Existence(Verdict.NOT_ASSESSABLE, (ExistenceTest("E1", Answer.NOT_ASSESSABLE),))
    return KamTypes(kind, "technical", existence, table, pd.DataFrame())


def assess(
    facts: AccountFacts, kind: KamType = KamType.TECHNICAL, settings: OptionSettings | None = None
) -> StrategyOptions:
    key_accounts = find_key_accounts(facts, ParetoSettings(), Capacity(), seed=1)
    return assess_options(
        facts, key_accounts, types_of(facts, kind), settings or OptionSettings(), AccountRiskSettings(), RULES, TODAY
    )


@pytest.fixture(scope="module")
def assessed(facts_from: Callable[..., AccountFacts]) -> StrategyOptions:
    return assess(facts_from(client(), margin={"L": -900.0, "A01": 500.0}))


def recommended(assessed: StrategyOptions, account: str) -> pd.Series:
    return assessed.recommendations.set_index("account_id").loc[account]


def test_a_decline_inside_an_event_is_no_reason_to_act(facts_from: Callable[..., AccountFacts]) -> None:
    """S buys for 100 a month, 30 from July 2025 on: less than last year, unless a strike from July on explains it."""
    months = [f"{year}-{month:02d}" for year in (2023, 2024, 2025) for month in range(1, 13)]
    orders = [*client(), *(("S", f"{month}-05", 30.0 if month >= "2025-07" else 100.0, "x") for month in months)]
    facts = facts_from(orders)
    strike = {"account_id": "S", "start": pd.Timestamp("2025-07-01"), "end": pd.Timestamp("2025-12-31")}
    events = pd.DataFrame([strike | {"reason": "Streik"}]).astype(no_events().dtypes)
    assert recommended(assess(facts), "S")["rule"] == "secure"
    spared = assess(replace(facts, events=events))
    assert spared.account_risk.set_index("account_id").loc["S", "evidence"] == "risk_event"
    assert recommended(spared, "S")["rule"] not in {"secure", "weaker", "halt"}


def test_few_data_make_no_claim(facts_from: Callable[..., AccountFacts]) -> None:
    facts = facts_from(client())
    assert assess(facts).account_risk["eligible"].any()
    few = assess(replace(facts, blocked={"statistics": "small_sample"}))
    assert not few.account_risk["eligible"].any()
    assert set(few.backtests["metric"]) == {"not_testable"}
    assert few.methods[-1].code == "untested_small_sample"


def test_anchors_are_lines_between_points() -> None:
    rule = Indicator(low=0, high=0.3, points=((0.1, 0.5),), evidence="norm", needs=("transactions.net_revenue",))
    values = pd.Series([-1, 0, 0.05, 0.1, 0.2, 0.3, 9, np.nan])
    assert anchor(values, rule).tolist() == pytest.approx([0, 0, 0.25, 0.5, 0.75, 1, 1, np.nan], nan_ok=True)


def test_percentiles_need_twenty_accounts() -> None:
    assert percentile(pd.Series(range(20))).tolist() == pytest.approx([(i + 0.5) / 20 for i in range(20)])
    assert percentile(pd.Series(range(19))).isna().all()


def test_a_score_is_the_weighted_mean_of_what_is_known() -> None:
    rule = OptionRule(
        mean="arithmetic",
        indicators={
            name: Indicator(low=0, high=1, evidence="convention", needs=(f"table.{name}",)) for name in ("a", "b", "c")
        },
    )
    raw = pd.DataFrame({"a": [0.5, 1.0, np.nan], "b": [1.0, np.nan, np.nan]}, index=["x", "y", "z"])
    scored = score_option(Option.RELATIONSHIP, raw, rule, {"a": 2.0}, given={"table.c"})
    assert scored.table["score"].tolist() == pytest.approx([2 / 3, 1.0, np.nan], nan_ok=True)
    assert scored.table["coverage"].tolist() == pytest.approx([0.75, 0.5, 0.0])
    assert scored.table["missing"].tolist() == [(), ("table.b",), ("table.a", "table.b")]


def test_a_weak_link_counts_in_a_geometric_mean() -> None:
    indicators = {name: Indicator(low=0, high=1, evidence="study", needs=("t.c",)) for name in ("a", "b")}
    raw = pd.DataFrame({"a": [1.0, 0.25], "b": [0.0, 0.25]})
    geometric = score_option(Option.ALLIANCE, raw, OptionRule(mean="geometric", indicators=indicators), {})
    assert geometric.table["score"].tolist() == pytest.approx([0.1, 0.25])  # zero counts as 0.01


def test_weightings_decide_only_where_indicators_disagree() -> None:
    anchored = pd.DataFrame({"a": [0.9, 0.1, 1.0], "b": [0.8, 0.2, 0.0]})
    share = share_of_weightings(anchored, "arithmetic", 0.5)
    assert share[:2].tolist() == [1.0, 0.0]
    assert share[2] == pytest.approx(0.5, abs=0.06)


def test_relationship_from_orders_alone(facts_from: Callable[..., AccountFacts]) -> None:
    found = relationship_indicators(
        history_until(facts_from([*every("A", 10, "x", 5.0, "2025-01-01"), ("B", "2024-12-31", 1.0, "x")]))
    )
    assert found.loc["A", "regularity"] == 1.0
    assert found.loc["A", "active_months"] == 1.0
    assert found.loc["B", "tenure_years"] == pytest.approx(365 / 365.25)
    assert "contact_density" not in found


def test_contacts_and_visits_add_to_the_relationship(facts_from: Callable[..., AccountFacts]) -> None:
    contacts = pd.DataFrame(
        {
            "account_id": ["A"] * 4,
            "contact_id": list("1234"),
            "power": ["Entscheider", "Anwender", None, "Beeinflusser"],
        }
    )
    visits = pd.DataFrame(
        {
            "account_id": ["A"] * 3,
            "date": ["2025-03-01", "2025-04-01", "2024-01-01"],
            "own_role": ["KAM", "Technik", "Chef"],
        }
    )
    facts = facts_from(list(every("A", 10, "x", 5.0)), contacts=contacts, interactions=visits)
    row = relationship_indicators(history_until(facts)).loc["A"]
    assert row[["contact_density", "contact_authority", "own_people"]].tolist() == pytest.approx([4.0, 1 / 3, 2.0])


def test_the_antenna_is_found_and_chance_is_not(facts_from: Callable[..., AccountFacts]) -> None:
    rng = np.random.default_rng(16)
    shocks = np.convolve(rng.normal(size=60), np.ones(4) / 2, "valid")
    orders: list[Order] = []
    for i in range(16):
        lead = 3 if i == 0 else 0
        for t, month in enumerate(pd.period_range("2023-01", "2025-12", freq="M")):
            level = 100 * np.exp(0.35 * shocks[t + lead] + 0.05 * rng.normal())
            orders.append((f"A{i:02d}", month.start_time.date().isoformat(), float(level), "x"))
    ids = pd.Index([f"A{i:02d}" for i in range(16)])
    found = antenna_indicators(history_until(facts_from(orders)), RULES.antenna, ids)
    assert found.index[found["leads"].eq(True)].tolist() == ["A00"]
    assert found.loc["A00", "months_ahead"] == 3
    short = antenna_indicators(history_until(facts_from(orders), dt.date(2025, 11, 30)), RULES.antenna, ids)
    assert short.empty or short["lead"].isna().all()


def test_dependence_is_scaled_before_it_is_compared(facts_from: Callable[..., AccountFacts]) -> None:
    facts = facts_from([("A", "2025-05-01", 300.0, "x"), ("B", "2025-05-01", 700.0, "x")])
    accounts = facts.accounts.assign(wallet=[1000.0, np.nan])
    pair = dependence(history_until(AccountFacts(**{**vars(facts), "accounts": accounts})), RULES)
    assert pair.loc[
        "A", ["our_dependence", "their_dependence", "ours", "theirs", "mutual", "imbalance"]
    ].tolist() == pytest.approx([0.3, 0.3, 1.0, 0.5, 1.5, 0.5])
    assert pair.loc["B", ["their_dependence", "mutual"]].isna().all()


def test_every_account_has_six_options_and_one_recommendation(assessed: StrategyOptions) -> None:
    assert (
        assessed.options.groupby("account_id")["option"].apply(list).map(lambda o: o == [str(x) for x in Option]).all()
    )
    assert assessed.recommendations["account_id"].is_unique
    assert set(assessed.options["account_id"]) == set(assessed.recommendations["account_id"])
    assert assessed.options.loc[assessed.options["option"] == Option.TAKEOVER, "rank"].isna().all()
    ranked = assessed.options.dropna(subset=["rank"])
    first = ranked[ranked["rank"] == 1].set_index("account_id")["option"]
    chosen = assessed.recommendations.set_index("account_id")["recommended_option"]
    assert first.equals(chosen.reindex(first.index)) or (first == chosen.reindex(first.index)).all()


def test_the_planted_accounts_get_the_answer_a_sales_manager_would_give(assessed: StrategyOptions) -> None:
    silent, white, losing = (recommended(assessed, account) for account in "SWL")
    assert (silent["recommended_option"], silent["rule"], silent["first_step"]) == (
        "relationship",
        "secure",
        "secure_item.technical",
    )
    assert pd.isna(silent["supporting_option"])
    assert (white["recommended_option"], white["supporting_option"], white["values"]["category"]) == (
        "cross_selling",
        "relationship",
        "Etiketten",
    )
    assert (losing["recommended_option"], losing["rule"], losing["first_step"]) == (
        "relationship",
        "repair",
        "repair.technical",
    )
    gates = assessed.cross_selling.set_index("account_id")["gate"]
    assert gates["S"].iloc[0] == gates.get("S").iloc[-1] == "closed"


def test_what_is_missing_is_named_and_what_is_there_is_not_asked_for(assessed: StrategyOptions) -> None:
    blocked = assessed.options[assessed.options["gate"] == Gate.NOT_ASSESSABLE]
    asked = {need for needs in blocked["missing"] for need in needs}
    assert {"customers.wallet", "ratings.trust", "contracts.end", "projects.project_id"} <= asked
    of_alliance = {"transactions.posting_date", "transactions.margin"}  # five years, and the margin of all lines
    others = blocked[blocked["option"] != Option.ALLIANCE]["missing"]
    asked_else = {need for needs in others for need in needs if need.startswith("transactions.")}
    assert asked_else == {"transactions.product_id"}
    assert of_alliance <= asked
    assert assessed.recommendations["options_assessed"].between(0, 6).all()


def test_records_of_a_partnership_open_it(facts_from: Callable[..., AccountFacts]) -> None:
    contracts = pd.DataFrame({"account_id": ["W"], "start": ["2023-01-01"], "end": ["2027-12-31"]})
    ratings = pd.DataFrame({"account_id": ["W"] * 2, "item": ["Vertrauen", "Kundennutzen"], "value": [5.0, 5.0]})
    facts = facts_from(client(), margin={"W": 60_000.0}, contracts=contracts, ratings=ratings)
    accounts = facts.accounts.assign(wallet=[200_000.0 if i == "W" else np.nan for i in facts.accounts["account_id"]])
    assessed = assess(AccountFacts(**{**vars(facts), "accounts": accounts}))
    row = recommended(assessed, "W")
    assert (row["recommended_option"], row["supporting_option"]) == ("partnership", "relationship")
    gates = assessed.options.set_index(["account_id", "option"])["gate"]
    assert gates["A00", "partnership"] == "closed"


def test_a_weight_changes_what_it_weighs(facts_from: Callable[..., AccountFacts]) -> None:
    """Only the length of the relationship counts: regular buying then says nothing, and the known part is all there is."""
    facts = facts_from(client()[:6000])
    weightless = [name for name in RULES.options[Option.RELATIONSHIP].indicators if name != "tenure_years"]
    plain = assess(facts)
    weighed = assess(facts, settings=OptionSettings(weights={"relationship": dict.fromkeys(weightless, 0.0)}))
    before, after = (
        found.options[found.options["option"] == Option.RELATIONSHIP].set_index("account_id")
        for found in (plain, weighed)
    )
    known = plain.indicators[plain.indicators["indicator"] == "tenure_years"].set_index("account_id")["anchored"]
    assert after["score"].to_dict() == pytest.approx(known.to_dict())
    assert (before["score"] - after["score"]).abs().max() > 0.01
    assert (before["coverage"] < 1).all()
    assert after["coverage"].tolist() == pytest.approx([1.0] * len(after))


def test_the_plan_is_short_dated_on_mondays_and_by_what_is_at_stake(assessed: StrategyOptions) -> None:
    plan = assessed.actions
    assert 1 <= len(plan) <= 10
    assert plan["at_stake"].is_monotonic_decreasing
    assert (plan["at_stake_low"] <= plan["at_stake"]).all()
    assert (plan["at_stake"] <= plan["at_stake_high"]).all()
    assert all(day.weekday() == 0 and 0 < (day - TODAY).days <= 90 for day in plan["due_date"])
    assert plan["due_date"].iloc[0] == dt.date(2026, 1, 19)
    first = plan.set_index("account_id").loc["S"]
    assert (first["trigger"], first["stop_criterion"], first["option"]) == ("risk_silent", "secure", "relationship")


@pytest.fixture(scope="module")
def by_type(facts_from: Callable[..., AccountFacts]) -> Callable[[KamType], StrategyOptions]:
    """What is found where all accounts are of one type, each type once."""
    return cache(lambda kind: assess(facts_from(client(), margin={"L": -900.0}), kind))


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("kind", list(KamType))
def test_everything_found_can_be_told(
    by_type: Callable[[KamType], StrategyOptions], kind: KamType, language: str
) -> None:
    labels = Labels(language, {"de": "de_DE", "en": "en_GB"}[language], "EUR")
    assessed = by_type(kind)
    for name in ("options", "account_risk", "cross_selling", "recommendations", "actions"):
        words = told(getattr(assessed, name), labels)
        for column in words.columns.intersection(
            ["evidence", "reason", "avoid", "first_step", "question", "role", "trigger"]
        ):
            said = words[column].tolist()
            assert all(isinstance(text, str) and "{" not in text and "None" not in text for text in said), column
            assert not any(word in ("nan", "nan,", "nan.") for text in said for word in text.split()), column
    against = told(assessed.options, labels)
    assert against["counter"].notna().any()
    for column in ("counter", "precondition", "risk"):
        assert all("{" not in text and "None" not in text for text in against[column].dropna()), column
    assert against[["precondition", "risk"]].notna().all(axis=None)
    assert all(finding_sentence(method, labels) for method in assessed.methods)


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_same_recommendation_leads_to_other_first_steps_where_the_type_is_another(
    by_type: Callable[[KamType], StrategyOptions], language: str
) -> None:
    """Same accounts, same options, same reasons and amounts; first step, question and role are the type's own."""
    labels = Labels(language, {"de": "de_DE", "en": "en_GB"}[language], "EUR")
    plans = {kind: told(by_type(kind).actions, labels) for kind in TYPES}
    same = ["account_id", "option", "trigger", "at_stake", "due_date"]
    first, *others = (plan[same] for plan in plans.values())
    assert {"relationship", "cross_selling"} <= set(first["option"])
    for other in others:
        pd.testing.assert_frame_equal(first, other)
    for column in ("first_step", "question", "role"):
        for said in zip(*(plan[column] for plan in plans.values()), strict=True):
            assert len(set(said)) == len(TYPES), said


def test_the_reason_reads_as_a_consultant_writes(assessed: StrategyOptions) -> None:
    labels = Labels("de", "de_DE", "EUR")
    silent = told(assessed.account_risk[assessed.account_risk["account_id"] == "S"], labels)["evidence"].item()
    assert silent.replace("\u00a0", " ") == (
        "Letzte Bestellung vor 106 Tagen – das 7,9-Fache des üblichen Abstands; eine so lange Pause gab es noch nie, und in "
        "denselben Monaten des Vorjahres wurde bestellt."
    )


def test_weights_of_what_does_not_exist_are_refused(facts_from: Callable[..., AccountFacts]) -> None:
    settings = OptionSettings(weights={"relationshp": {}, "relationship": {"tenur_years": 2, "regularity": -1}})
    with pytest.raises(EngagementError) as caught:
        assess(facts_from(client()[:400]), settings=settings)
    assert str(caught.value) == (
        "options: 3 problems found\n"
        "- options.weights: unknown setting 'relationshp'. Did you mean 'relationship'?\n"
        "- options.weights.relationship: unknown setting 'tenur_years'. Did you mean 'tenure_years'?\n"
        "- options.weights.relationship.regularity: a weight cannot be negative"
    )


def test_transactions_without_items_still_get_a_recommendation(facts_from: Callable[..., AccountFacts]) -> None:
    facts = facts_from(client())
    assessed = assess(
        AccountFacts(
            **{**vars(facts), "item_kind": None, "purchases": facts.purchases.head(0), "items": facts.items.head(0)}
        )
    )
    assert assessed.cross_selling.empty
    assert [method.code for method in assessed.methods] == [
        "risk_silence",
        "chance_few_events",
        "risk_signs_missing",
        "cross_none",
    ]
    assert set(assessed.recommendations["recommended_option"]) == {"relationship"}
    gates = assessed.options[assessed.options["option"] == Option.CROSS_SELLING]
    assert set(gates["gate"]) == {"not_assessable"}
    assert set(gates["missing"]) == {("transactions.category",)}


def test_contacts_complaints_and_trust_add_to_the_relationship(facts_from: Callable[..., AccountFacts]) -> None:
    contacts = pd.DataFrame(
        {"account_id": "A", "contact_id": list("1234"), "power": ["Entscheider", "Anwender", "Entscheider", "Anwender"]}
    )
    rows = [
        ("2025-03-01", "KAM", "1"),
        ("2025-04-01", "KAM", "2"),
        ("2025-05-01", "Technik", "1"),
        ("2024-01-01", "Chef", "3"),
    ]
    visits = pd.DataFrame(rows, columns=["date", "own_role", "contact_id"]).assign(account_id="A")
    solved = [("2025-01-01", "2025-01-11"), ("2025-02-01", "2025-02-21"), ("2025-10-02", None), ("2025-12-20", None)]
    complaints = pd.DataFrame(solved, columns=["date", "solved_on"]).assign(account_id="A")
    trust = pd.DataFrame({"account_id": ["A", "A"], "item": ["Vertrauen", "trust"], "value": [5.0, 4.0]})
    tables = {"contacts": contacts, "interactions": visits, "complaints": complaints, "ratings": trust}
    history = history_until(facts_from(list(every("A", 10, "x", 5.0)), **tables))
    row = relationship_indicators(history).loc["A"]
    known = ["contact_density", "contact_authority", "own_people", "top_own_share", "recovery_days", "trust"]
    # two contacts met within a year; settled after 10 and 20 days, one open for 90 days, one too young to count
    assert row[known].tolist() == pytest.approx([2.0, 0.5, 2.0, 2 / 3, 20.0, 4.5])
    facts = contact_facts(history).loc["A"]
    assert facts[["deciders", "top_own_role"]].tolist() == [1.0, "KAM"]


def test_orders_alone_are_half_of_the_relationship(facts_from: Callable[..., AccountFacts]) -> None:
    history = history_until(facts_from(list(every("A", 10, "x", 5.0))))
    scored = score_option(
        Option.RELATIONSHIP, relationship_indicators(history), RULES.options[Option.RELATIONSHIP], {}, history.given
    )
    assert scored.table.loc["A", "coverage"] == pytest.approx(0.5)
    assert set(scored.table.loc["A", "missing"]) == {
        *("contacts.contact_id", "contacts.power", "interactions.own_role", "ratings.trust"),
        *("complaints.date", "complaints.solved_on"),
    }


def test_where_less_is_better_the_anchors_fall() -> None:
    rule = Indicator(low=60, high=7, evidence="convention", needs=("complaints.date",))
    assert anchor(pd.Series([90.0, 60, 33.5, 7, 0]), rule).tolist() == pytest.approx([0, 0, 0.5, 1, 1])


def test_innovation_projects_and_market_talks_are_counted_by_year(facts_from: Callable[..., AccountFacts]) -> None:
    rows = [("P1", "Entwicklung", "2025-02-01"), ("P2", "Wartung", "2025-02-01"), ("P3", "Ausschreibung", "2023-02-01")]
    projects = pd.DataFrame(rows, columns=["project_id", "kind", "start"]).assign(account_id="A")
    notes = [("2025-02-01", "Wettbewerber Preise"), ("2025-03-01", "Liefertermin"), ("2025-04-01", "Markttrend")]
    visits = pd.DataFrame(notes, columns=["date", "topic"]).assign(account_id="A")
    facts = facts_from([*every("A", 10, "x", 5.0), *every("B", 10, "x", 5.0)], projects=projects, interactions=visits)
    found = antenna_indicators(history_until(facts), RULES.antenna, pd.Index([]))
    assert found.loc[["A", "B"], "innovation_projects"].tolist() == [1.0, 0.0]
    assert found.loc["A", "market_talks"] == 2.0


def test_what_is_known_of_contacts_and_shocks_is_said(facts_from: Callable[..., AccountFacts]) -> None:
    contacts = pd.DataFrame({"account_id": "W", "contact_id": ["1", "2"], "power": ["Entscheider", "Anwender"]})
    visits = pd.DataFrame({"account_id": "W", "contact_id": ["1", "2", "1"], "own_role": ["KAM", "KAM", "Technik"]})
    visits = visits.assign(date=["2025-03-01", "2025-04-01", "2025-05-01"])
    complaints = pd.DataFrame(
        {"account_id": ["W"], "date": ["2025-04-10"], "severity": ["hoch"], "solved_on": ["2025-04-12"]}
    )
    assessed = assess(facts_from(client(), contacts=contacts, interactions=visits, complaints=complaints))
    words = told(assessed.options, Labels("de", "de_DE", "EUR")).set_index(["account_id", "option"])
    assert words.loc[("W", "relationship"), "evidence"].replace("\u00a0", " ") == (
        "2 aktive Kontakte, davon Entscheider: 1; 67 % der Kontakte laufen über KAM. Nach der schweren Reklamation im April "
        "2025 blieb der Umsatz bei 100 % (Vergleichskunden 98 %)."
    )
    assert "Nach der" not in words.loc[("A00", "relationship"), "evidence"]
    assert assessed.conditions.set_index(["account_id", "condition"]).loc[("W", "no_dispute"), "met"]
    assert assessed.buffer.reason == "few_shocks"
    assert set(assessed.pilots["option"]) <= set(assessed.recommendations["recommended_option"])
    assert set(assessed.takeover["account_id"]) == set(assessed.takeover_sensitivity["account_id"])


def test_items_without_names_are_called_by_their_numbers(facts_from: Callable[..., AccountFacts]) -> None:
    facts = facts_from(client())
    nameless = facts.items.assign(name=pd.Series(pd.NA, index=facts.items.index, dtype="string"))
    found = assess(replace(facts, items=nameless))
    assert set(found.whitespace["name"]) <= set(facts.items["item"])
