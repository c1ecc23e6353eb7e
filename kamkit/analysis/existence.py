"""Whether the client's key account management is real: the conditions of the source text, tested (domain S6).

What no table speaks about is what people say of it, marked as such; what nobody says is not assessable. A verdict is given
only where it holds whatever the missing tables and answers would say, so leaving out one of them never leads to another
verdict, unless tables and answers contradict each other: then the tables hold, and it is told.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import permutation_test

from kamkit.analysis.decisions import standing_decisions
from kamkit.analysis.intensity import measure_intensity
from kamkit.analysis.ranking_quality import wilson
from kamkit.analysis.self_reports import SelfReport, read_answers
from kamkit.model.codes import Answer, DecisionStatus, Grain, KamStatus, Level, Verdict
from kamkit.model.engagement import Period
from kamkit.model.kam_type_rules import ExistenceRules, KamTypeRules
from kamkit.model.questionnaire import PROGRAMME
from kamkit.model.results import AccountFacts, Existence, ExistenceTest, KeyAccounts
from kamkit.model.words import plain, word_pattern

SEED = 19640806
"""Fixed, so that the same tables always give the same p-values and intervals."""


def check_existence(
    facts: AccountFacts, key_accounts: KeyAccounts, rules: KamTypeRules, intensity: pd.DataFrame
) -> Existence:
    """The conditions E1–E5 with their answers, figures and gaps, and the verdict on the programme (domain S6).

    pseudo: accounts are called key accounts, and privileges (E1) or budgets of their own (E2) are shown to be absent ·
    real: E1, E2 and E3 hold · partial: anything between · no_kam: nobody is called a key account. E4 and E5 inform and do
    not decide. Where no table speaks of a condition the answers of the sheet Organisation do. `intensity`: as in KamTypes.
    Thresholds: conventions of `rules`.
    """
    labelled = labels_of(facts)
    table = key_accounts.pareto.table
    circle = table.loc[table["is_key_account"].astype(bool), "account_id"]
    of_tables = (_programme(labelled), *_conditions(facts, labelled, circle, rules.existence, intensity))
    answers = read_answers(facts.tables.get("organisation"), rules.questions)
    programme, *tests = (_with_answers(test, answers.get(test.test, SelfReport())) for test in of_tables)
    verdict = _verdict(programme, tests)
    resting = sum(test.self_reported for test in (programme, *tests) if test.test in DECIDING)
    alone = verdict != _verdict(of_tables[0], of_tables[1:])
    return Existence(verdict, tuple(tests), alone, resting if alone else 0, programme)


DECIDING = (PROGRAMME, "E1", "E2", "E3a", "E3b")
"""The conditions on which the verdict rests."""


def measured_intensity(facts: AccountFacts, rules: KamTypeRules) -> pd.DataFrame:
    """Cooperation intensity by account, with the substantive privileges counted as service (domain S9)."""
    return measure_intensity(facts, _treatment(facts, rules.existence)["n_privileges"], rules.intensity)


def asked_for(rules: KamTypeRules) -> dict[str, tuple[str, ...]]:
    """What each condition asks for (table.column) where only names and revenue are known; the conditions say it
    themselves, tried on a client of whom nothing else is known."""
    columns = ["account_id", "revenue", "key_label", "region", "field_rep"]
    accounts = pd.DataFrame([["1", 1.0, None, None, None]], columns=columns)
    none, day = pd.DataFrame(), dt.date(2000, 12, 31)
    period = Period(start=day, end=day)
    frames = (none, none, none, none, none, none)
    facts = AccountFacts(period, day, Grain.DAY, Level.CUSTOMER, None, accounts, *frames, tables={})
    intensity = measured_intensity(facts, rules)
    tests = _conditions(facts, labels_of(facts), accounts["account_id"], rules.existence, intensity)
    return {test.test: test.missing for test in tests}


def _conditions(
    facts: AccountFacts,
    labelled: pd.Series[Any],
    circle: pd.Series[Any],
    rules: ExistenceRules,
    intensity: pd.DataFrame,
) -> tuple[ExistenceTest, ...]:
    """The conditions as the tables tell them."""
    return (
        _privileges(facts, labelled, rules),
        _budgets(facts, labelled, rules),
        _field_sales(facts, labelled, rules),
        _field_priorities(facts, labelled, rules),
        _consultation(facts, labelled, circle, rules),
        _intensity(intensity, labelled, rules),
    )


def account_status(facts: AccountFacts, key_accounts: KeyAccounts, rules: ExistenceRules) -> pd.DataFrame:
    """kam_status, status_reason and status_values of each account, in the order of the accounts (domain S6).

    Treated as a key account: a substantive privilege, or a budget of its own above that of other accounts. Not treated
    only where both tables are filled and neither says so. What people answer about the organisation says nothing of a
    single account.
    """
    care, labelled = _treatment(facts, rules), labels_of(facts)
    table = key_accounts.pareto.table
    in_circle = care.index.isin(table.loc[table["is_key_account"].astype(bool), "account_id"])
    yes, no = _yes(labelled), _no(labelled)
    privileged, funded = _yes(care["privileged"]), _yes(care["funded"])
    treated = care["privileged"] | care["funded"]
    special, plain_care = _yes(treated), _no(treated)
    kind = np.select([privileged & funded, privileged], ["both", "privilege"], "budget")
    lacking = np.select(
        [care["budget"].fillna(0) > 0, care["formal"].map(len) > 0], ["low_budget", "formal"], "nothing"
    )
    known = np.where(plain_care, "", "_unknown")
    outcomes: list[tuple[Any, KamStatus, Any]] = [
        (yes & special, KamStatus.REAL, np.char.add("real_", kind)),
        (yes & plain_care, KamStatus.PSEUDO, np.char.add("pseudo_", lacking)),
        (no & special, KamStatus.DE_FACTO, np.char.add("de_facto_", kind)),
        (no & in_circle, KamStatus.GAP, np.char.add("gap", known)),
        (no, KamStatus.NONE, np.char.add("none", known)),
        (yes, KamStatus.NOT_ASSESSABLE, np.full(len(care), "no_treatment")),
    ]
    conditions = [condition.to_numpy(dtype=bool) for condition, _, _ in outcomes]
    status = np.select(conditions, [str(status) for _, status, _ in outcomes], str(KamStatus.NOT_ASSESSABLE))
    reason = np.select(conditions, [reasons for _, _, reasons in outcomes], "no_label")
    values = [
        {"privileges": privileges, "formal": formal, "budget": budget, "beside": beside, "in_circle": inside}
        for privileges, formal, budget, beside, inside in zip(
            care["privileges"], care["formal"], _or_none(care["budget"]), _or_none(care["beside"]), in_circle.tolist(),
            strict=True,
        )
    ]  # fmt: skip
    return pd.DataFrame(
        {
            "kam_status": pd.Series(status, index=care.index).astype("string"),
            "status_reason": pd.Series(reason, index=care.index).astype("string"),
            "status_values": pd.Series(values, index=care.index, dtype=object),
        }
    )


def _or_none(amounts: pd.Series[Any]) -> list[float | None]:
    return [None if math.isnan(amount) else amount for amount in amounts.tolist()]


def labels_of(facts: AccountFacts) -> pd.Series[Any]:
    """Whether the client calls each account a key account; missing where nobody said.

    A column that holds marks only (X or nothing) is a list: who is not on it is not called one.
    """
    label = facts.accounts.set_index(facts.accounts["account_id"].astype("string"))["key_label"].astype("boolean")
    only_marks = bool(label.any()) and bool(label.dropna().all())
    return label.fillna(False) if only_marks else label


def _yes(flags: pd.Series[Any]) -> pd.Series[Any]:
    return flags.fillna(False).astype(bool)


def _no(flags: pd.Series[Any]) -> pd.Series[Any]:
    return (~flags).fillna(False).astype(bool)


def _programme(labelled: pd.Series[Any]) -> ExistenceTest:
    """Whether anybody is called a key account at all."""
    if not labelled.notna().any():
        return _not_assessable(PROGRAMME, ["customers.key_label"])
    named = int(labelled.sum())
    return ExistenceTest(
        PROGRAMME,
        Answer.YES if named else Answer.NO,
        {"n": named, "n_other": len(labelled) - named, "absent": not named},
    )


def _with_answers(test: ExistenceTest, said: SelfReport) -> ExistenceTest:
    """A condition with what people say of it: they decide where the tables do not speak, else a contradiction is marked."""
    degrees = said.degrees
    test = replace(test, said=said.said, incomplete=said.incomplete, disputed=said.disputed)
    if test.answer != Answer.NOT_ASSESSABLE:
        return replace(test, contradicted=degrees.isdisjoint(_degrees(test)))
    if test.test == PROGRAMME and degrees == {"in_part"}:
        degrees = frozenset({"yes"})
    if "yes" in degrees and len(degrees) > 1:
        return test
    absent = degrees == {"absent"} if len(degrees) == 1 else None
    answer = Answer.YES if "yes" in degrees else Answer.NO
    return replace(test, answer=answer, values={"absent": absent}, missing=(), self_reported=True)


def _verdict(programme: ExistenceTest, tests: Sequence[ExistenceTest]) -> Verdict:
    """The verdict that every completion of what is unknown leads to, else not assessable."""
    if programme.answer != Answer.YES:
        return Verdict.NO_KAM if programme.answer == Answer.NO else Verdict.NOT_ASSESSABLE
    by_name = {test.test: test for test in tests}
    field = _both(by_name["E3a"].answer, by_name["E3b"].answer)
    options = [
        _degrees(by_name["E1"]),
        _degrees(by_name["E2"]),
        {Answer.YES: ["yes"], Answer.NO: ["no"]}.get(field, ["yes", "no"]),
    ]
    verdicts = {_verdict_on(*known) for known in itertools.product(*options)}
    return verdicts.pop() if len(verdicts) == 1 else Verdict.NOT_ASSESSABLE


def _verdict_on(privileges: str, budgets: str, field: str) -> Verdict:
    if "absent" in (privileges, budgets):
        return Verdict.PSEUDO
    return Verdict.REAL if privileges == budgets == field == "yes" else Verdict.PARTIAL


def _degrees(test: ExistenceTest) -> list[str]:
    """What a condition may be: yes, in part, absent; all of them where it is not assessable."""
    match test.answer:
        case Answer.YES:
            return ["yes"]
        case Answer.NO:
            match test.values.get("absent"):
                case None:
                    return ["in_part", "absent"]
                case absent:
                    return ["absent" if absent else "in_part"]
        case _:
            return ["yes", "in_part", "absent"]


def _both(one: Answer, other: Answer) -> Answer:
    if Answer.NO in (one, other):
        return Answer.NO
    return Answer.YES if one == other == Answer.YES else Answer.NOT_ASSESSABLE


def _privileges(facts: AccountFacts, labelled: pd.Series[Any], rules: ExistenceRules) -> ExistenceTest:
    """E1 special priorities and advantages: most key accounts have one, and more of them than of the others.

    Difference of shares with a score interval (Newcombe 1998, method 10).
    """
    missing = [] if labelled.any() else ["customers.key_label"]
    has = _privileged(facts, rules)["privileged"]
    if has.isna().all():
        missing.append("privileges.type")
    if missing:
        return _not_assessable("E1", missing)
    if not _no(labelled).any():
        return _not_assessable("E1", [])
    surely, perhaps = has.fillna(False).astype(bool), has.fillna(True).astype(bool)
    answers = {_prevalence(flags, labelled, rules)[0] for flags in (surely, perhaps)}
    if len(answers) > 1:
        return _not_assessable("E1", ["privileges.type"])
    answer, values = _prevalence(surely, labelled, rules)
    return ExistenceTest("E1", answer, values)


def _prevalence(has: pd.Series[Any], labelled: pd.Series[Any], rules: ExistenceRules) -> tuple[Answer, dict[str, Any]]:
    key, other = has[_yes(labelled)], has[_no(labelled)]
    share, beside = float(key.mean()), float(other.mean())
    low, high = newcombe_interval(int(key.sum()), len(key), int(other.sum()), len(other), rules.confidence.value)
    yes = share > rules.privileged_share.value and share > beside
    values = {
        "n_key": len(key),
        "n_key_with": int(key.sum()),
        "share_key": share,
        "n_other": len(other),
        "n_other_with": int(other.sum()),
        "share_other": beside,
        "difference": share - beside,
        "ci_low": low,
        "ci_high": high,
        "absent": share <= beside,
    }
    return Answer.YES if yes else Answer.NO, values


def newcombe_interval(hits: int, n: int, other_hits: int, other_n: int, confidence: float) -> tuple[float, float]:
    """Confidence interval of a difference of two independent shares from their Wilson intervals (Newcombe 1998).

    >>> [round(limit, 4) for limit in newcombe_interval(56, 70, 48, 80, 0.95)]
    [0.0524, 0.3339]
    """
    (low, high), (other_low, other_high) = (
        wilson(hits, n, confidence),
        wilson(other_hits, other_n, confidence),
    )
    share, other = hits / n, other_hits / other_n
    down = math.hypot(share - low, other_high - other)
    up = math.hypot(high - share, other - other_low)
    return share - other - down, share - other + up


def _privileged(facts: AccountFacts, rules: ExistenceRules) -> pd.DataFrame:
    """By account, of the period: privileged (boolean: has a substantive privilege; missing where the table is not there or
    empty, and where only privileges of an unknown kind are named), privileges and formal (tuples of what is named), and
    n_privileges (different substantive ones)."""
    ids = pd.Index(facts.accounts["account_id"].astype("string"))
    table = facts.tables.get("privileges")
    none = pd.Series([()] * len(ids), index=ids, dtype=object)
    if table is None or table.empty:
        unknown = pd.Series(pd.NA, index=ids, dtype="boolean")
        return pd.DataFrame({"privileged": unknown, "privileges": none, "formal": none, "n_privileges": np.nan})
    held = table
    if "valid_from" in held:
        held = held[held["valid_from"].isna() | (held["valid_from"] <= pd.Timestamp(facts.period.end))]
    if "valid_to" in held:
        held = held[held["valid_to"].isna() | (held["valid_to"] >= pd.Timestamp(facts.period.start))]
    formal, substantive = word_pattern(rules.formal), word_pattern(rules.substantive)
    kinds = {}
    for kind in held["type"].dropna().unique():
        words = plain(str(kind))
        kinds[kind] = "formal" if formal.search(words) else "real" if substantive.search(words) else "unknown"
    named: dict[str, dict[str, set[str]]] = {"real": {}, "formal": {}, "unknown": {}}
    for account, kind in held[["account_id", "type"]].dropna().itertuples(index=False):
        named[kinds[kind]].setdefault(account, set()).add(kind)
    real, formally, unclear = (
        pd.Series([tuple(sorted(named[kind].get(i, ()))) for i in ids], index=ids, dtype=object) for kind in named
    )
    number = real.map(len).astype("float64").mask((real.map(len) == 0) & (unclear.map(len) > 0))
    privileged = (number > 0).astype("boolean").mask(number.isna(), pd.NA)
    return pd.DataFrame({"privileged": privileged, "privileges": real, "formal": formally, "n_privileges": number})


def _budgets(facts: AccountFacts, labelled: pd.Series[Any], rules: ExistenceRules) -> ExistenceTest:
    """E2 budgets of their own: key accounts have budgets that others have not, or other ones where all have some.

    Whether they are higher is reported with a permutation test, and not required: few key accounts prove little.
    """
    missing = [] if labelled.any() else ["customers.key_label"]
    rows = _budget_rows(facts)
    if rows is None or rows["amount"].isna().all():
        missing.append("budgets.plan")
    if missing or rows is None:
        return _not_assessable("E2", missing)
    own = own_budgets(facts)
    key, other = own[_yes(labelled)], own[_no(labelled)]
    in_segment = _in_key_segments(rows, rules)
    with_key, with_other = key[key > 0], other[other > 0]
    share, beside = len(with_key) / len(key), len(with_other) / len(other) if len(other) else 0.0
    higher = bool(len(with_key)) and (not len(with_other) or bool(with_key.mean() > with_other.mean()))
    yes = len(in_segment) > 0 or (share > 0 and (share > beside or higher))
    values = {
        "n_key": len(key),
        "n_key_with": len(with_key),
        "n_other": len(other),
        "n_other_with": len(with_other),
        "key_segment_budget": float(in_segment["amount"].sum()) if len(in_segment) else None,
        "mean_key": _mean(with_key),
        "mean_other": _mean(with_other),
        "per_account_key": float(key.mean()) if key.notna().all() else None,
        "per_account_other": float(other.mean()) if len(other) and other.notna().all() else None,
        "is_higher": higher,
        "p_value": _permutation_p(with_key, with_other, rules),
        **_per_revenue(facts, with_key, with_other),
        **_plan_and_actual(rows, labelled),
        "absent": not yes,
    }
    return ExistenceTest("E2", Answer.YES if yes else Answer.NO, values)


def _budget_rows(facts: AccountFacts) -> pd.DataFrame | None:
    """The budgets of the period's years (else of the latest year before its end): actual, where missing plan."""
    table = facts.tables.get("budgets")
    if table is None or table.empty:
        return None
    full = table.reindex(columns=["account_id", "segment", "year", "plan", "actual"])
    years = full["year"].between(facts.period.start.year, facts.period.end.year)
    if not years.any():
        years = full["year"] == full.loc[full["year"] <= facts.period.end.year, "year"].max()
    rows = full[years.fillna(False).astype(bool)]
    plan, actual = rows["plan"].astype("float64"), rows["actual"].astype("float64")
    return rows.assign(plan=plan, actual=actual, amount=actual.fillna(plan)) if len(rows) else None


def _in_key_segments(rows: pd.DataFrame, rules: ExistenceRules) -> pd.DataFrame:
    segments = word_pattern(rules.key_segments)
    is_key_segment = [bool(segments.search(plain(str(segment)))) for segment in rows["segment"].fillna("")]
    return rows[np.array(is_key_segment, dtype=bool) & (rows["amount"] > 0).to_numpy()]


def key_segment_budget(facts: AccountFacts, rules: ExistenceRules) -> float:
    """The budgets of the period's years that are named after key accounts and belong to no single account."""
    rows = _budget_rows(facts)
    return 0.0 if rows is None else float(_in_key_segments(rows[rows["account_id"].isna()], rules)["amount"].sum())


def own_budgets(facts: AccountFacts) -> pd.Series[Any]:
    """Each account's own budget; 0 where the table is filled and names no budget of it, missing where it is not."""
    ids = pd.Index(facts.accounts["account_id"].astype("string"))
    rows = _budget_rows(facts)
    if rows is None or rows["amount"].isna().all():
        return pd.Series(np.nan, index=ids)
    named = rows.dropna(subset=["account_id"]).groupby("account_id")["amount"].sum(min_count=1)
    blank = set(named.index[named.isna()])
    found = pd.Series(named.reindex(ids).to_numpy(dtype="float64"), index=ids)
    return found.where(found.notna() | ids.isin(blank), 0.0)


def _mean(values: pd.Series[Any]) -> float | None:
    return float(values.mean()) if len(values) else None


def _permutation_p(key: pd.Series[Any], other: pd.Series[Any], rules: ExistenceRules) -> float | None:
    """One-sided p of "key accounts have higher budgets", by permutation; None with fewer than two on a side."""
    if len(key) < 2 or len(other) < 2:
        return None
    found = permutation_test(
        (key.to_numpy(), other.to_numpy()),
        lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
        vectorized=True,
        n_resamples=int(rules.draws.value),
        alternative="greater",
        random_state=np.random.default_rng(SEED),
    )
    return float(found.pvalue)


def _per_revenue(facts: AccountFacts, key: pd.Series[Any], other: pd.Series[Any]) -> dict[str, float | None]:
    revenue = pd.Series(facts.accounts["revenue"].to_numpy(), index=facts.accounts["account_id"].astype("string"))
    found: dict[str, float | None] = {}
    for name, budgets in (("key", key), ("other", other)):
        base = float(revenue.reindex(budgets.index).sum())
        found[f"per_revenue_{name}"] = float(budgets.sum()) / base if base > 0 else None
    return found


def _plan_and_actual(rows: pd.DataFrame, labelled: pd.Series[Any]) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for kind in ("plan", "actual"):
        sums = rows.dropna(subset=["account_id", kind]).groupby("account_id")[kind].sum()
        flags = labelled.reindex(sums.index)
        found[f"{kind}_key"] = _mean(sums[_yes(flags)])
        found[f"{kind}_other"] = _mean(sums[_no(flags)])
    return found


def _treatment(facts: AccountFacts, rules: ExistenceRules) -> pd.DataFrame:
    """By account: what `_privileged` says, budget (its own), beside (the mean budget of the others that have one), and
    funded (boolean: its budget is above that; for an account not called key account also no lower than the key accounts'
    mean)."""
    labelled, own = labels_of(facts), own_budgets(facts)
    yes, no = _yes(labelled), _no(labelled)
    others = own[no & (own > 0)].mean()
    keys = own[yes & (own > 0)].mean()
    above = own > (0.0 if math.isnan(others) else others)
    like_key = (own >= keys) & above if not math.isnan(keys) else pd.Series(False, index=own.index)
    funded = above.where(yes.astype(bool), like_key).astype("boolean").mask(own.isna(), pd.NA)
    return _privileged(facts, rules).assign(budget=own, beside=others, funded=funded)


def _organisation(facts: AccountFacts, rules: ExistenceRules) -> pd.DataFrame | None:
    """The field sales rows of the sales organisation with all their columns; None where the table says nothing."""
    table = facts.tables.get("sales_organisation")
    if table is None or table.empty:
        return None
    full = table.reindex(columns=["role", "region", "field_rep", "revenue_target", "priority_customer_id"])
    key, field = word_pattern(rules.key_roles), word_pattern(rules.field_roles)
    roles = [plain(str(role)) for role in full["role"]]
    return full[[bool(field.search(role)) and not key.search(role) for role in roles]]


def _field_sales(facts: AccountFacts, labelled: pd.Series[Any], rules: ExistenceRules) -> ExistenceTest:
    """E3a field sales in parallel: the share of the other accounts' revenue in a region with a rep and a target. Revenue
    without region and rep may be covered or not: there is an answer only where that makes no difference."""
    field = _organisation(facts, rules)
    accounts = facts.accounts[~_yes(labelled).to_numpy()]
    revenue = accounts["revenue"].astype("float64").clip(lower=0).fillna(0.0)
    total, least = float(revenue.sum()), rules.field_share.value - 1e-9
    placed = accounts["region"].notna() | accounts["field_rep"].notna()
    unplaced = float(revenue[~placed].sum()) / total if total > 0 else 1.0
    missing = [] if labelled.any() else ["customers.key_label"]
    if field is None:
        missing.append("sales_organisation.role")
    elif len(field) and field["revenue_target"].isna().all():
        missing.append("sales_organisation.revenue_target")
    if 1 - unplaced < least:
        missing.append("customers.region")
    if field is None or missing:
        return _not_assessable("E3a", missing)
    led = field[field["revenue_target"].astype("float64") > 0]
    by_region = accounts["region"].isin(led["region"].dropna())
    owned = accounts["field_rep"].notna() | accounts["region"].isin(
        led.loc[led["field_rep"].notna(), "region"].dropna()
    )
    covered = (by_region & owned) | accounts["field_rep"].isin(led["field_rep"].dropna())
    share = float(revenue[covered].sum()) / total
    if share < least <= share + unplaced:
        return _not_assessable("E3a", ["customers.region"])
    values = {"share": share, "known_share": 1 - unplaced, "n_field": len(field), "n_with_target": len(led)}
    return ExistenceTest("E3a", Answer.YES if share >= least else Answer.NO, values)


def _field_priorities(facts: AccountFacts, labelled: pd.Series[Any], rules: ExistenceRules) -> ExistenceTest:
    """E3b other customer priorities: 1 − Jaccard of the field's priority accounts and the key accounts."""
    field = _organisation(facts, rules)
    missing = [] if labelled.any() else ["customers.key_label"]
    if field is None:
        missing.append("sales_organisation.role")
    elif field["priority_customer_id"].isna().all():
        missing.append("sales_organisation.priority_customer_id")
    if field is None or missing:
        return _not_assessable("E3b", missing)
    account_of = dict(zip(facts.members["customer_id"], facts.members["account_id"], strict=True))
    wanted = {account_of.get(customer, customer) for customer in field["priority_customer_id"].dropna()}
    keys = set(labelled.index[_yes(labelled).to_numpy()])
    difference = 1 - len(wanted & keys) / len(wanted | keys)
    values = {"difference": difference, "n_priorities": len(wanted), "n_key": len(keys), "n_both": len(wanted & keys)}
    return ExistenceTest("E3b", Answer.YES if difference >= rules.other_priorities.value - 1e-9 else Answer.NO, values)


def _consultation(
    facts: AccountFacts, labelled: pd.Series[Any], circle: pd.Series[Any], rules: ExistenceRules
) -> ExistenceTest:
    """E4 named by sales management in consultation with field sales: key accounts with a decision that names both.

    Asked for the accounts called key accounts, or, where no labels are known, for those in the 80 % circle.
    """
    decisions = standing_decisions(facts)
    decisions = decisions[(decisions["subject"] == "key_account") & (decisions["status"] != DecisionStatus.EXPIRED)]
    if decisions.empty:
        return _not_assessable("E4", ["decisions.decision"])
    named = decisions[decisions["decided_by"].notna() & decisions["consulted"].notna()]
    keys = set(labelled.index[_yes(labelled).to_numpy()]) or set(circle)
    if not keys:
        return _not_assessable("E4", ["customers.key_label"])
    hits = len(keys & set(named["account_id"]))
    values = {"n_key": len(keys), "n_consulted": hits, "share": hits / len(keys)}
    return ExistenceTest(
        "E4", Answer.YES if hits / len(keys) >= rules.consulted_share.value - 1e-9 else Answer.NO, values
    )


def _intensity(intensity: pd.DataFrame, labelled: pd.Series[Any], rules: ExistenceRules) -> ExistenceTest:
    """E5 a wider band of cooperation: P90 − P10 of cooperation intensity (domain S9), key accounts against others, with a
    bootstrap interval."""
    index = intensity.set_index("account_id")["intensity"].dropna()
    flags = labelled.reindex(index.index)
    key, other = index[_yes(flags)], index[_no(flags)]
    missing = [] if labelled.any() else ["customers.key_label"]
    if missing or min(len(key), len(other)) < rules.fewest_accounts.value:
        unknown = intensity.loc[intensity["intensity"].isna(), "missing"]
        return _not_assessable("E5", [*missing, *dict.fromkeys(name for names in unknown for name in names)])
    difference = _band(key.to_numpy()) - _band(other.to_numpy())
    rng, draws = np.random.default_rng(SEED), int(rules.draws.value)
    drawn = [rng.choice(side.to_numpy(), (draws, len(side))) for side in (key, other)]
    tail = (1 - rules.confidence.value) / 2
    low, high = np.quantile(_band(drawn[0]) - _band(drawn[1]), [tail, 1 - tail])
    values = {
        "band_key": float(_band(key.to_numpy())),
        "band_other": float(_band(other.to_numpy())),
        "difference": float(difference),
        "ci_low": float(low),
        "ci_high": float(high),
        "n_key": len(key),
        "n_other": len(other),
    }
    return ExistenceTest("E5", Answer.YES if difference > 0 else Answer.NO, values)


def _band(values: Any) -> Any:
    low, high = np.quantile(values, [0.1, 0.9], axis=-1)
    return high - low


def _not_assessable(test: str, missing: Sequence[str]) -> ExistenceTest:
    return ExistenceTest(test, Answer.NOT_ASSESSABLE, {}, tuple(missing))
