"""Whether key account management is real: four key accounts and six others, every share countable by hand."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pandas as pd
import pytest

from kamkit.analysis.existence import account_status, check_existence, measured_intensity, newcombe_interval
from kamkit.model.codes import Answer, Basis, Grain, Level, Verdict
from kamkit.model.engagement import Period
from kamkit.model.kam_type_rules import KamTypeRules, load_kam_type_rules
from kamkit.model.results import AccountFacts, Concentration, Existence, ExistenceTest, KeyAccounts, Pareto, Said
from kamkit.telling.language import Labels

KEYS, OTHERS = list("ABCD"), list("EFGHIJ")
IDS = KEYS + OTHERS
IN_CIRCLE = list("ABCEF")


@pytest.fixture(scope="module")
def rules() -> KamTypeRules:
    return load_kam_type_rules()


def facts_of(labels: list[bool | None] | None = None, revenue: float = 100.0, **tables: pd.DataFrame) -> AccountFacts:
    """Ten accounts in one region with a rep; A–D are called key accounts unless the test says otherwise."""
    accounts = pd.DataFrame({"account_id": pd.Series(IDS, dtype="string"), "name": IDS, "revenue": revenue})
    accounts["region"], accounts["field_rep"] = "Nord", pd.Series([None] * len(IDS), dtype="string")
    called = [i in KEYS for i in IDS] if labels is None else labels
    accounts["key_label"] = pd.Series(called, dtype="boolean")
    nothing = pd.DataFrame()
    return AccountFacts(
        period=Period(start=dt.date(2025, 1, 1), end=dt.date(2025, 12, 31)),
        history_start=dt.date(2023, 1, 1),
        grain=Grain.DAY,
        level=Level.GROUP,
        item_kind=None,
        accounts=accounts,
        months=nothing,
        orders=nothing,
        purchases=nothing,
        product_purchases=nothing,
        items=nothing,
        members=pd.DataFrame({"customer_id": [f"{i}1" for i in IDS], "account_id": IDS}),
        tables={"decisions": pd.DataFrame(columns=["account_id", "subject", "decision"])} | tables,
    )


def key_accounts() -> KeyAccounts:
    table = pd.DataFrame({"account_id": IDS, "is_key_account": [i in IN_CIRCLE for i in IDS]})
    pareto = Pareto(table, Basis.REVENUE, 0.8, 10, 10, 5, 0.5, 1.0, 1.0, {}, {})
    return KeyAccounts(pareto, Concentration(0, 0, 0, 0, 0, 0, 0, 0, pd.DataFrame()), pd.DataFrame(), pd.DataFrame())


def privileges(**kinds: str) -> pd.DataFrame:
    """privileges(A="Sonderpreis", …)"""
    return pd.DataFrame({"account_id": list(kinds), "customer_id": list(kinds), "type": list(kinds.values())})


def budgets(segments: dict[str, float] | None = None, **own: float) -> pd.DataFrame:
    rows = [(account, None, 2025, amount) for account, amount in own.items()]
    rows += [(None, segment, 2025, amount) for segment, amount in (segments or {}).items()]
    return pd.DataFrame(rows, columns=["account_id", "segment", "year", "plan"])


def organisation(
    region: str = "Nord", target: float | None = 1e6, priorities: tuple[str | None, ...] = ("E1", "F1")
) -> pd.DataFrame:
    field = [("Außendienst", region, "Rep 1", target, customer) for customer in priorities]
    rows = [("Key Account Manager", None, "Rep 9", 5e6, "A1"), *field]
    return pd.DataFrame(rows, columns=["role", "region", "field_rep", "revenue_target", "priority_customer_id"])


REAL = {
    "privileges": privileges(A="Sonderpreis", B="eigener Ansprechpartner", C="bevorzugte Lieferung", E="Sonderpreis"),
    "budgets": budgets(A=50.0, B=40.0, C=30.0, E=10.0),
    "sales_organisation": organisation(),
}
NO_PRIVILEGE = {"privileges": privileges(E="Sonderpreis", F="Jahresplanung")}
SOME_PRIVILEGES = {"privileges": privileges(A="Sonderpreis", B="Bonus")}
NO_BUDGET = {"budgets": budgets(E=10.0, F=20.0)}
NO_FIELD = {"sales_organisation": organisation(region="Süd")}


def check(rules: KamTypeRules, labels: list[bool | None] | None = None, **tables: pd.DataFrame) -> Existence:
    facts = facts_of(labels, **tables)
    found = check_existence(facts, key_accounts(), rules, measured_intensity(facts, rules))
    assert [test.test for test in found.tests] == ["E1", "E2", "E3a", "E3b", "E4", "E5"]
    json.dumps([dict(test.values) for test in found.tests], allow_nan=False)
    return found


def one(found: Existence, name: str) -> ExistenceTest:
    return next(test for test in found.tests if test.test == name)


def answers(found: Existence) -> dict[str, str]:
    return {test.test: str(test.answer) for test in found.tests}


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        pytest.param({}, Verdict.REAL, id="all_three"),
        pytest.param(NO_FIELD, Verdict.PARTIAL, id="no_field_sales"),
        pytest.param(SOME_PRIVILEGES, Verdict.PARTIAL, id="half_of_them_privileged"),
        pytest.param(NO_PRIVILEGE, Verdict.PSEUDO, id="privileges_of_others_only"),
        pytest.param(NO_BUDGET, Verdict.PSEUDO, id="budgets_of_others_only"),
        pytest.param(NO_PRIVILEGE | NO_BUDGET | NO_FIELD, Verdict.PSEUDO, id="nothing_but_the_name"),
    ],
)
def test_the_verdict(changes: dict[str, pd.DataFrame], verdict: Verdict, rules: KamTypeRules) -> None:
    assert check(rules, **(REAL | changes)).verdict == verdict


@pytest.mark.parametrize("left_out", ["privileges", "budgets", "sales_organisation"])
def test_a_missing_table_is_never_a_no(left_out: str, rules: KamTypeRules) -> None:
    found = check(rules, **{name: table for name, table in REAL.items() if name != left_out})
    assert found.verdict == Verdict.NOT_ASSESSABLE
    missing = [name for test in found.tests for name in test.missing]
    assert any(name.startswith(f"{left_out}.") for name in missing)


@pytest.mark.parametrize("table", ["privileges", "budgets", "sales_organisation"])
def test_an_empty_table_is_a_missing_table(table: str, rules: KamTypeRules) -> None:
    assert check(rules, **(REAL | {table: REAL[table].iloc[:0]})).verdict == Verdict.NOT_ASSESSABLE


def test_one_condition_shown_absent_is_enough_for_pseudo(rules: KamTypeRules) -> None:
    assert check(rules, **NO_PRIVILEGE).verdict == Verdict.PSEUDO
    assert check(rules, **NO_BUDGET).verdict == Verdict.PSEUDO


ALL_YES = {
    "advantages": "yes", "own_budget": "yes", "field_sales": "yes", "regional_targets": "yes", "other_priorities": "yes",
}  # fmt: skip


def answers_of(said_by: str | None = "Vertriebsleitung", date: str | None = "2025-10-01", **said: str) -> pd.DataFrame:
    """answers_of(advantages="yes", …)"""
    table = pd.DataFrame({"question": list(said), "answer": list(said.values())}, dtype="string")
    table["said_by"] = pd.Series([said_by] * len(said), dtype="string")
    return table.assign(date=pd.to_datetime(pd.Series([date] * len(said), dtype="string")))


@pytest.mark.parametrize(
    ("said", "verdict", "resting"),
    [
        pytest.param(ALL_YES, Verdict.REAL, 4, id="everything_yes"),
        pytest.param(ALL_YES | {"regional_targets": "no"}, Verdict.PARTIAL, 4, id="no_targets"),
        pytest.param(ALL_YES | {"advantages": "partly", "priority": "no"}, Verdict.PARTIAL, 4, id="some_advantages"),
        pytest.param(ALL_YES | {"advantages": "no", "priority": "no"}, Verdict.PSEUDO, 4, id="no_advantage"),
        pytest.param({"own_budget": "no"}, Verdict.PSEUDO, 1, id="no_budget"),
        pytest.param(ALL_YES | {"advantages": "no"}, Verdict.NOT_ASSESSABLE, 0, id="priority_left_blank"),
        pytest.param({"advantages": "yes", "own_budget": "yes"}, Verdict.NOT_ASSESSABLE, 0, id="field_sales_blank"),
        pytest.param({"higher_budget": "no"}, Verdict.NOT_ASSESSABLE, 0, id="what_only_informs"),
        pytest.param({}, Verdict.NOT_ASSESSABLE, 0, id="nothing"),
    ],
)
def test_without_tables_the_answers_decide(
    said: dict[str, str], verdict: Verdict, resting: int, rules: KamTypeRules
) -> None:
    found = check(rules, organisation=answers_of(**said))
    assert (found.verdict, found.self_reported, found.n_self_reported) == (verdict, resting > 0, resting)


def test_an_answer_is_kept_with_who_gave_it_and_when(rules: KamTypeRules) -> None:
    found = one(check(rules, organisation=answers_of(own_budget="yes", higher_budget="partly")), "E2")
    assert (found.answer, found.missing, found.self_reported) == (Answer.YES, (), True)
    day = dt.date(2025, 10, 1)
    assert found.said == (
        Said("own_budget", "yes", "Vertriebsleitung", day),
        Said("higher_budget", "partly", "Vertriebsleitung", day),
    )


def test_where_no_account_is_labelled_the_answer_says_whether_there_are_key_accounts(rules: KamTypeRules) -> None:
    unknown: list[bool | None] = [None] * 10
    named = check(rules, unknown, organisation=answers_of(programme="yes", **ALL_YES))
    assert (named.verdict, named.n_self_reported) == (Verdict.REAL, 5)
    assert check(rules, unknown, organisation=answers_of(programme="no")).verdict == Verdict.NO_KAM
    assert check(rules, unknown, organisation=answers_of(**ALL_YES)).verdict == Verdict.NOT_ASSESSABLE


def test_tables_hold_against_answers_and_the_contradiction_is_marked(rules: KamTypeRules) -> None:
    denied = answers_of(programme="no", own_budget="no", regional_targets="no", **{"advantages": "partly"})
    found = check(rules, organisation=denied, **REAL)
    assert (found.verdict, found.self_reported, found.n_self_reported) == (Verdict.REAL, False, 0)
    assert {test.test for test in found.tests if test.contradicted} == {"E2", "E3a"}  # E1: the blank may be a yes
    assert found.programme is not None
    assert found.programme.contradicted
    agreed = check(rules, organisation=answers_of(**ALL_YES), **REAL)
    assert not any(test.contradicted or test.self_reported for test in agreed.tests)


def test_tables_and_answers_complete_each_other(rules: KamTypeRules) -> None:
    tables = {"privileges": REAL["privileges"], "budgets": REAL["budgets"]}
    found = check(rules, organisation=answers_of(**ALL_YES), **tables)
    assert (found.verdict, found.self_reported, found.n_self_reported) == (Verdict.REAL, True, 2)
    shown = check(rules, organisation=answers_of(**ALL_YES), **NO_PRIVILEGE)
    assert (shown.verdict, shown.self_reported, shown.n_self_reported) == (Verdict.PSEUDO, False, 0)


def test_an_answer_without_a_role_is_told_and_not_used(rules: KamTypeRules) -> None:
    found = check(rules, organisation=answers_of(said_by=None, own_budget="no"))
    assert found.verdict == Verdict.NOT_ASSESSABLE
    assert one(found, "E2").incomplete == ("own_budget",)


def test_of_one_role_the_latest_answer_counts_and_two_that_disagree_count_nothing(rules: KamTypeRules) -> None:
    earlier, later = answers_of(own_budget="no"), answers_of(date="2025-11-01", own_budget="yes")
    changed = one(check(rules, organisation=pd.concat([later, earlier])), "E2")
    assert (changed.answer, changed.disputed) == (Answer.YES, ())
    other = answers_of(said_by="Außendienst", date=None, own_budget="no")
    disputed = one(check(rules, organisation=pd.concat([later, other])), "E2")
    assert (disputed.answer, disputed.said, disputed.disputed) == (Answer.NOT_ASSESSABLE, (), ("own_budget",))


def test_labels(rules: KamTypeRules) -> None:
    nobody: list[bool | None] = [False] * 10
    unknown: list[bool | None] = [None] * 10
    marks: list[bool | None] = [True, True, True, True, *[None] * 6]
    assert check(rules, nobody, **REAL).verdict == Verdict.NO_KAM
    assert check(rules, unknown, **REAL).verdict == Verdict.NOT_ASSESSABLE
    assert one(check(rules, unknown, **REAL), "E1").missing == ("customers.key_label",)
    assert check(rules, marks, **REAL).verdict == Verdict.REAL


def test_e1_counts_substantive_privileges_and_compares(rules: KamTypeRules) -> None:
    found = one(check(rules, **REAL), "E1")
    low, high = newcombe_interval(3, 4, 1, 6, 0.95)
    assert found.answer == Answer.YES
    assert found.values == {
        "n_key": 4,
        "n_key_with": 3,
        "share_key": 0.75,
        "n_other": 6,
        "n_other_with": 1,
        "share_other": 1 / 6,
        "difference": 0.75 - 1 / 6,
        "ci_low": low,
        "ci_high": high,
        "absent": False,
    }


def test_newcombe_interval_gives_the_published_example() -> None:
    """Newcombe 1998, Statistics in Medicine 17, 873–890, table II, method 10: 56/70 − 48/80 and 10/10 − 0/20."""
    assert newcombe_interval(56, 70, 48, 80, 0.95) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert newcombe_interval(10, 10, 0, 20, 0.95) == pytest.approx((0.6791, 1.0), abs=5e-5)


@pytest.mark.parametrize("kind", ["Newsletter", "Weihnachtskarte", "Kundenmagazin", "Christmas card", "Status Platin"])
def test_formalities_are_no_privilege(kind: str, rules: KamTypeRules) -> None:
    found = one(check(rules, privileges=privileges(A=kind, B=kind, C=kind, D=kind)), "E1")
    assert (found.answer, found.values["n_key_with"], found.values["absent"]) == (Answer.NO, 0, True)


@pytest.mark.parametrize(
    "kind",
    ["Sonderkonditionen", "eigener KAM", "Bevorzugte Belieferung", "Gemeinsame Jahresplanung", "Priority delivery"],
)
def test_substantive_privileges(kind: str, rules: KamTypeRules) -> None:
    assert one(check(rules, privileges=privileges(A=kind, B=kind, C=kind)), "E1").answer == Answer.YES


def test_privileges_of_an_unknown_kind_neither_prove_nor_disprove(rules: KamTypeRules) -> None:
    found = check(rules, privileges=privileges(A="Xyz", B="Xyz", C="Xyz"))
    assert one(found, "E1") == ExistenceTest("E1", Answer.NOT_ASSESSABLE, {}, ("privileges.type",))
    assert found.verdict == Verdict.NOT_ASSESSABLE


def test_privileges_count_while_they_are_valid(rules: KamTypeRules) -> None:
    table = privileges(A="Sonderpreis", B="Sonderpreis", C="Sonderpreis", D="Sonderpreis")
    dated = table.assign(
        valid_from=pd.to_datetime([None, "2025-12-31", "2026-01-01", None]),
        valid_to=pd.to_datetime([None, None, None, "2024-12-31"]),
    )
    assert one(check(rules, privileges=dated), "E1").values["n_key_with"] == 2


def test_e2_reports_what_key_accounts_and_others_get(rules: KamTypeRules) -> None:
    table = REAL["budgets"].assign(actual=[60.0, None, None, None])
    found = one(check(rules, budgets=table), "E2")
    assert found.answer == Answer.YES
    assert found.values == {
        "n_key": 4,
        "n_key_with": 3,
        "n_other": 6,
        "n_other_with": 1,
        "key_segment_budget": None,
        "mean_key": pytest.approx(130 / 3),
        "mean_other": 10.0,
        "per_account_key": 130 / 4,
        "per_account_other": 10 / 6,
        "is_higher": True,
        "p_value": None,
        "per_revenue_key": pytest.approx(130 / 300),
        "per_revenue_other": 0.1,
        "plan_key": 40.0,
        "plan_other": 10.0,
        "actual_key": 60.0,
        "actual_other": None,
        "absent": False,
    }


@pytest.mark.parametrize(
    ("table", "answer"),
    [
        pytest.param(budgets({"Key Account Management": 500.0, "Fläche": 900.0}), Answer.YES, id="segment"),
        pytest.param(budgets({"Region Nord": 500.0, "Messen": 900.0}), Answer.NO, id="other_segments"),
        pytest.param(budgets(**dict.fromkeys(IDS, 10.0)), Answer.NO, id="the_same_for_all"),
        pytest.param(
            budgets(**dict.fromkeys(OTHERS, 10.0) | dict.fromkeys(KEYS, 9.0)), Answer.NO, id="less_than_others"
        ),
        pytest.param(budgets(**dict.fromkeys(OTHERS, 10.0) | dict.fromkeys(KEYS, 11.0)), Answer.YES, id="higher"),
        pytest.param(budgets(A=5.0, B=5.0).assign(plan=None), Answer.NOT_ASSESSABLE, id="no_amounts"),
        pytest.param(budgets(A=5.0).assign(year=2019), Answer.YES, id="latest_year"),
    ],
)
def test_e2_budgets_of_their_own(table: pd.DataFrame, answer: Answer, rules: KamTypeRules) -> None:
    assert one(check(rules, budgets=table), "E2").answer == answer


def test_e2_permutation_p_is_exact_where_there_are_few(rules: KamTypeRules) -> None:
    found = one(check(rules, budgets=budgets(A=50.0, B=40.0, E=10.0, F=5.0, G=1.0)), "E2")
    assert found.values["p_value"] == pytest.approx(1 / 10)  # 1 of 5 over 2 = 10 splits is as far apart


@pytest.mark.parametrize(
    ("table", "test", "answer", "missing"),
    [
        pytest.param(organisation(), "E3a", Answer.YES, (), id="all_in_a_region_with_a_target"),
        pytest.param(organisation(region="Süd"), "E3a", Answer.NO, (), id="other_region"),
        pytest.param(
            organisation(target=None),
            "E3a",
            Answer.NOT_ASSESSABLE,
            ("sales_organisation.revenue_target",),
            id="no_targets",
        ),
        pytest.param(organisation().iloc[:1], "E3a", Answer.NO, (), id="key_account_managers_only"),
        pytest.param(organisation(), "E3b", Answer.YES, (), id="other_priorities"),
        pytest.param(organisation(priorities=("A1", "B1", "C1", "D1")), "E3b", Answer.NO, (), id="same_priorities"),
        pytest.param(
            organisation(priorities=(None,)),
            "E3b",
            Answer.NOT_ASSESSABLE,
            ("sales_organisation.priority_customer_id",),
            id="no_priorities",
        ),
    ],
)
def test_e3_field_sales(
    table: pd.DataFrame, test: str, answer: Answer, missing: tuple[str, ...], rules: KamTypeRules
) -> None:
    found = one(check(rules, sales_organisation=table), test)
    assert (found.answer, found.missing) == (answer, missing)


def test_e3a_needs_to_know_where_accounts_are(rules: KamTypeRules) -> None:
    facts = facts_of(sales_organisation=organisation())
    facts.accounts["region"] = pd.Series([None] * 10, dtype="string")
    found = one(check_existence(facts, key_accounts(), rules, measured_intensity(facts, rules)), "E3a")
    assert (found.answer, found.missing) == (Answer.NOT_ASSESSABLE, ("customers.region",))


def decisions(consulted: list[str | None]) -> pd.DataFrame:
    return pd.DataFrame(
        {"account_id": KEYS, "subject": "key_account", "decision": "yes", "decided_by": "VL", "consulted": consulted}
    )


def test_e3a_revenue_without_a_region_may_be_covered_or_not(rules: KamTypeRules) -> None:
    """Six others of 100 each, all in a region with a target: without a place for two of them 4/6 are sure and 6/6 may be."""
    for unplaced, answer in ((1, Answer.YES), (2, Answer.NOT_ASSESSABLE)):
        facts = facts_of(sales_organisation=organisation())
        facts.accounts.loc[facts.accounts.index[-unplaced:], "region"] = None
        found = one(check_existence(facts, key_accounts(), rules, measured_intensity(facts, rules)), "E3a")
        assert (found.answer, found.missing) == (answer, () if answer == Answer.YES else ("customers.region",))


def test_e4_consultation_with_field_sales(rules: KamTypeRules) -> None:
    assert one(check(rules), "E4").missing == ("decisions.decision",)
    assert one(check(rules, decisions=decisions(["X"] * 4)), "E4").answer == Answer.YES
    half = one(check(rules, decisions=decisions(["X", "X", "X", None])), "E4")
    assert (half.answer, half.values) == (Answer.NO, {"n_key": 4, "n_consulted": 3, "share": 0.75})


def test_e5_band_of_cooperation(rules: KamTypeRules) -> None:
    """Contacts, each with another person, and one privilege: weights 1.5 · n/52 + 1.5 · min(n/10, 1) + 3 · 1/3 over 6."""
    labels: list[bool | None] = [i in "ABCDE" for i in IDS]
    counts = {"A": 1, "B": 13, "C": 26, "D": 39, "E": 52, "F": 5, "G": 5, "H": 5, "I": 5, "J": 5}
    rows = [(account, pd.Timestamp("2025-03-03"), f"{i}") for account, n in counts.items() for i in range(n)]
    tables = {
        "interactions": pd.DataFrame(rows, columns=["account_id", "date", "contact_id"]),
        "privileges": privileges(**dict.fromkeys(IDS, "Sonderpreis")),
    }
    found = one(check(rules, labels, **tables), "E5")
    index = [(1.5 * n / 52 + 1.5 * min(n / 10, 1) + 1) / 6 for n in (1, 13, 26, 39, 52)]
    low, high = index[0] + 0.4 * (index[1] - index[0]), index[3] + 0.6 * (index[4] - index[3])
    assert found.answer == Answer.YES
    assert found.values["band_key"] == pytest.approx(high - low)
    assert found.values["band_other"] == pytest.approx(0)
    assert (found.values["n_key"], found.values["n_other"]) == (5, 5)
    assert found.values["ci_low"] <= found.values["difference"] <= found.values["ci_high"]
    few = one(check(rules, **tables), "E5")
    assert (few.answer, few.missing) == (Answer.NOT_ASSESSABLE, ())
    unknown = one(check(rules, labels, interactions=tables["interactions"]), "E5")
    assert (unknown.answer, unknown.missing) == (Answer.NOT_ASSESSABLE, ("privileges.type",))


def statuses(rules: KamTypeRules, labels: list[bool | None] | None = None, **tables: pd.DataFrame) -> dict[str, str]:
    found = account_status(facts_of(labels, **tables), key_accounts(), rules.existence)
    return {str(account): str(status) for account, status in found["kam_status"].items()}


def test_the_status_of_each_account(rules: KamTypeRules) -> None:
    """A–C privileged or funded; D called so only; E privileged unlabelled; F in the circle; the rest others."""
    assert statuses(rules, **REAL) == {
        **dict.fromkeys("ABC", "real"),
        "D": "pseudo",
        "E": "de_facto",
        "F": "gap",
        **dict.fromkeys("GHIJ", "none"),
    }


def test_the_reason_of_each_status(rules: KamTypeRules) -> None:
    """A: 50 against a mean of 10 of the one other account with a budget; C: a budget only; D: nothing but a newsletter."""
    tables = REAL | {"privileges": privileges(A="Sonderpreis", B="Bonus", D="Newsletter", E="Sonderpreis")}
    found = account_status(facts_of(**tables), key_accounts(), rules.existence)
    assert found["status_reason"].to_dict() == {
        "A": "real_both",
        "B": "real_both",
        "C": "real_budget",
        "D": "pseudo_formal",
        "E": "de_facto_privilege",
        "F": "gap",
        **dict.fromkeys("GHIJ", "none"),
    }
    assert found.loc["A", "status_values"] == {
        "privileges": ("Sonderpreis",), "formal": (), "budget": 50.0, "beside": 10.0, "in_circle": True,
    }  # fmt: skip
    assert found.loc["D", "status_values"]["formal"] == ("Newsletter",)
    bare = account_status(facts_of(), key_accounts(), rules.existence)["status_reason"]
    assert bare.to_dict() == {
        **dict.fromkeys("ABCD", "no_treatment"),
        **dict.fromkeys("EF", "gap_unknown"),
        **dict.fromkeys("GHIJ", "none_unknown"),
    }
    unlabelled = account_status(facts_of([None] * 10, **REAL), key_accounts(), rules.existence)["status_reason"]
    assert set(unlabelled) == {"no_label"}


def test_status_without_the_tables_is_never_pseudo(rules: KamTypeRules) -> None:
    expected = dict.fromkeys("ABCD", "not_assessable") | dict.fromkeys("EF", "gap") | dict.fromkeys("GHIJ", "none")
    assert statuses(rules) == expected


def test_status_with_one_table_proves_but_does_not_disprove(rules: KamTypeRules) -> None:
    found = statuses(rules, privileges=REAL["privileges"])
    assert (found["A"], found["D"]) == ("real", "not_assessable")


def test_status_without_labels_is_not_assessable(rules: KamTypeRules) -> None:
    assert set(statuses(rules, [None] * 10, **REAL).values()) == {"not_assessable"}


def test_an_account_called_so_with_a_budget_like_the_others_is_not_treated_so(rules: KamTypeRules) -> None:
    table = budgets(A=50.0, D=10.0, E=10.0, F=10.0)
    found = statuses(rules, privileges=privileges(B="Bonus"), budgets=table)
    assert (found["A"], found["B"], found["D"]) == ("real", "real", "pseudo")
    assert (found["E"], found["G"]) == ("gap", "none")


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize(
    "tables", [REAL, NO_PRIVILEGE | NO_BUDGET | {"sales_organisation": organisation(region="Süd")}]
)
def test_every_answer_has_a_sentence(language: str, tables: dict[str, Any], rules: KamTypeRules) -> None:
    labels = Labels(language, {"de": "de_DE", "en": "en_GB"}[language], "EUR")
    for test in check(rules, **tables, decisions=decisions(["X", None, "X", "X"])).tests:
        assert labels(f"existence.{test.test}")
        assert labels(f"existence_short.{test.test}")
        if test.answer != Answer.NOT_ASSESSABLE:
            assert "{" not in labels(f"existence_{test.answer}.{test.test}", **test.values)
