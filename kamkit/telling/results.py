"""What stands in the result files of a run (design §4): numbers and codes for machines, sentences in the run's language.

Everything that is shown to people, in notebooks, report and workbook, is taken from these frames, so that no two places
can disagree.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.decisions import standing_decisions
from kamkit.analysis.self_reports import rate_self_check
from kamkit.model.codes import Answer, DecisionStatus, Tier
from kamkit.model.follow_up import FollowUp
from kamkit.model.questionnaire import questionnaires
from kamkit.model.results import (
    AccountFacts,
    Existence,
    ExistenceTest,
    Finding,
    Imported,
    KamTypes,
    KeyAccounts,
    Portfolio,
    Said,
    StrategyOptions,
)
from kamkit.telling.language import Labels
from kamkit.telling.questions import client_questions

ResultFile = pd.DataFrame | dict[str, Any]


def columns_of(text: str) -> tuple[str, ...]:
    """Names that are written in one line."""
    return tuple(text.split())


ACCOUNT_COLUMNS = columns_of(
    "account_id name revenue share cumulative_share rank is_key_account tier abc_class abc_computed "
    "membership_probability kam_type kam_type_margin kam_status recommended_option supporting_option options_assessed "
    "reason decision region field_rep kam_owner"
)
"""Of `accounts.csv`, first and in this order; `kam_status_reason` and others follow."""
OPTION_COLUMNS = columns_of("account_id option score coverage gate rank evidence action")
RISK_COLUMNS = columns_of(
    "account_id risk_score eligible days_since_last own_interval_days revenue_change revenue_at_risk evidence "
    "chance_stop chance_fall"
)
CROSS_SELLING_COLUMNS = columns_of(
    "account_id category rank score expected_revenue expected_margin gate peers_buying peers evidence"
)
WHITESPACE_COLUMNS = columns_of(
    "account_id kind item name status revenue last_bought revenue_then peers_buying peers penetration expected_revenue "
    "expected_margin evidence"
)
SITES_COLUMNS = columns_of(
    "account_id customer_id site name item item_name status revenue last_bought buyer buyer_revenue expected_revenue "
    "expected_low expected_high"
)
PLAIN_FILES = {
    "sites": SITES_COLUMNS,
    "risk_signs": columns_of("account_id sign side value before"),
    "reliability": columns_of("task cut_off bin n predicted observed observed_low observed_high holds"),
    "pilots": columns_of("option n_accounts n_pilot n_hold_out n_compared measure start months detectable enough"),
    "pilot_accounts": columns_of("option account_id arm forced"),
}
"""Frames of StrategyOptions that are written as they are, with their columns."""
ACTION_COLUMNS = columns_of(
    "rank account_id name option trigger first_step question role due_date at_stake at_stake_low at_stake_high "
    "stop_criterion"
)
VALUE_COLUMNS = ["account_id", "revenue_class", "margin_rank", "margin_share", "margin_class", "wallet", "wallet_low"]
VALUE_COLUMNS += ["wallet_high", "wallet_source", "share_of_wallet"]
PORTFOLIO_COLUMNS = columns_of(
    "model account_id x y x_low x_high y_low y_high quadrant quadrant_share x_unit y_unit x_cut y_cut in_main_part"
)
ALLOCATION_COLUMNS = columns_of("kind account_id today optimum proposed change limited")
SUMMARY_COLUMNS = columns_of("top20_share gini hhi n_effective cr1 cr3 cr5 cr10")
IMPORT_COLUMNS = columns_of(
    "rows_in rows_kept revenue_in revenue_kept n_customers first_date last_date grain currency level"
)
TOLD_COLUMNS = {
    name: name for name in columns_of("evidence reason action trigger first_step stop_criterion role avoid")
}
TOLD_COLUMNS |= {"question": "client_question", "close_by": "close_call", "counter": "counter_evidence"}
TOLD_COLUMNS |= {"precondition": "precondition", "risk": "option_risk"}
"""Columns whose codes are told as sentences, with their section of the catalogues; every other code stays a code."""


def result_files(
    imported: Imported,
    facts: AccountFacts,
    labels: Labels,
    key_accounts: KeyAccounts | None = None,
    kam_types: KamTypes | None = None,
    options: StrategyOptions | None = None,
    follow_up: FollowUp | None = None,
) -> Mapping[str, ResultFile]:
    """The content of every result file that the steps so far allow, by file name."""
    content: dict[str, ResultFile] = {"import.json": import_summary(imported, labels)}
    if key_accounts is not None:
        content["summary.json"] = summary(imported, facts, key_accounts, kam_types)
        content["accounts.csv"] = accounts_frame(facts, key_accounts, labels, kam_types, options)
    if kam_types is not None:
        content["existence.json"] = existence_summary(kam_types, labels) | {"self_check": _self_check(facts)}
    if options is not None:
        content["options.csv"] = told(options.options, labels, OPTION_COLUMNS)
        content["account_risk.csv"] = told(options.account_risk, labels, RISK_COLUMNS)
        content["cross_selling.csv"] = told(options.cross_selling, labels, CROSS_SELLING_COLUMNS)
        content["whitespace.csv"] = told(options.whitespace, labels).reindex(columns=[*WHITESPACE_COLUMNS])
        for name, columns in PLAIN_FILES.items():
            content[f"{name}.csv"] = getattr(options, name).reindex(columns=[*columns])
        content["backtests.csv"] = options.backtests
        content["portfolio.csv"] = portfolio_frame(options.portfolio)
        content["allocation.csv"] = options.allocation.table.reindex(columns=[*ALLOCATION_COLUMNS])
        content["investment.json"] = dataclasses.asdict(options.investment)
        if key_accounts is not None:
            content["actions.csv"] = actions_frame(options, key_accounts, labels)
    if follow_up is not None:
        content["follow_up.json"] = follow_up_summary(follow_up)
        content["changes.csv"] = follow_up.accounts
    content["questions.csv"] = client_questions(imported, facts, labels, key_accounts, kam_types, options)
    return content


def summary(
    imported: Imported, facts: AccountFacts, key_accounts: KeyAccounts, kam_types: KamTypes | None = None
) -> dict[str, Any]:
    """The figures of `summary.json`; `kam_programme` is null before step 3."""
    pareto, concentration = key_accounts.pareto, key_accounts.concentration
    revenue = pareto.table["revenue"]
    figures: dict[str, Any] = {
        "n_customers": imported.n_customers,
        "n_accounts": pareto.n_accounts,
        "n_key_accounts": pareto.n_key_accounts,
        "revenue_total": math.fsum(revenue),
        "revenue_positive": math.fsum(revenue[revenue > 0]),
        "key_account_share": pareto.key_account_share,
    }
    figures |= {name: getattr(concentration, name) for name in SUMMARY_COLUMNS}
    figures |= {
        "abc": dict(pareto.abc),
        "abc_computed": dict(pareto.abc_computed),
        "period": {"start": facts.period.start, "end": facts.period.end},
        "currency": imported.currency,
        "threshold": pareto.threshold,
        "kam_programme": None,
        "basis": pareto.basis,
        "level": facts.level,
    }
    if kam_types is not None:
        figures["kam_programme"] = {
            "verdict": kam_types.existence.verdict,
            "type": kam_types.programme_type,
            "source_label": kam_types.source_label,
        }
    return figures | {
        "consolidation": _consolidation(key_accounts),
        "value": _value(key_accounts),
        "exposure": _exposure(key_accounts),
        "list_history": _list_history(key_accounts),
    }


def _value(key_accounts: KeyAccounts) -> dict[str, Any]:
    """How the margins add up; null where it cannot be told."""
    found = key_accounts.value
    names = columns_of("margin_total peak erosion gained lost n_at_peak n_loss_makers n_without_margin")
    return {name: getattr(found, name) for name in names} | {"missing": list(found.missing)}


def _exposure(key_accounts: KeyAccounts) -> dict[str, Any]:
    """What would be lost with the largest accounts, and who reaches the disclosure line."""
    found = key_accounts.exposure
    figures = {name: getattr(found, name) for name in columns_of("revenue margin fixed_costs cover")}
    losses, disclosed = _records(found.losses.drop(columns="names", errors="ignore")), _records(found.disclosed)
    return figures | {"losses": losses, "disclosed": disclosed, "missing": list(found.missing)}


LIST_HISTORY = columns_of(
    "reason n_before n_now n_both overlap chance_low chance_high within_chance kendall rank_biased_overlap n_fallen "
    "fallen_low fallen_high n_years"
)


def _list_history(key_accounts: KeyAccounts) -> dict[str, Any]:
    """The list beside that of the equally long span before; `reason` says why nothing is compared."""
    found = key_accounts.history
    before = None if found.before is None else {"start": found.before.start, "end": found.before.end}
    figures = {"before": before, **{name: getattr(found, name) for name in LIST_HISTORY}}
    lists = {"changes": _records(found.changes), "transitions": _records(found.transitions)}
    return figures | lists | {"kept": _records(found.kept)}


def _consolidation(key_accounts: KeyAccounts) -> dict[str, Any] | None:
    """The set before and after groups are put together; null where it was not compared."""
    found = key_accounts.consolidation
    if not found.n_before:
        return None
    changed = {
        c: found.changes.loc[found.changes["change"] == c, "account_id"] for c in ("entered", "merged", "dropped")
    }
    figures = {"n_before": found.n_before, "n_after": found.n_after, "coverage": found.coverage}
    return figures | {change: ids.tolist() for change, ids in changed.items()}


def ranking(key_accounts: KeyAccounts) -> pd.DataFrame:
    """The ranked accounts with membership_probability, tier and `chosen`: in the set that reaches the threshold, or
    named a key account by decision."""
    table = key_accounts.pareto.table.merge(key_accounts.membership, on="account_id", how="left")
    table = table.merge(key_accounts.tiers, on="account_id", how="left")
    return table.assign(chosen=table["is_key_account"].astype(bool) | (table["tier"] != Tier.OTHER))


def of_key_accounts(frame: pd.DataFrame, key_accounts: KeyAccounts) -> pd.DataFrame:
    """The rows of a frame that concern key accounts, by rank, with name, account_revenue and tier of each."""
    table = ranking(key_accounts)
    table = table[table["chosen"]].rename(columns={"revenue": "account_revenue", "rank": "account_rank"})
    table = table[["account_id", "name", "account_revenue", "account_rank", "tier"]]
    return table.merge(frame, on="account_id", how="inner")


def accounts_frame(
    facts: AccountFacts,
    key_accounts: KeyAccounts,
    labels: Labels,
    kam_types: KamTypes | None = None,
    options: StrategyOptions | None = None,
) -> pd.DataFrame:
    """One row per account of the period, by rank, with everything that the steps so far say about it."""
    frame = ranking(key_accounts).drop(columns="chosen")
    if len(key_accounts.value.table):
        frame = frame.merge(key_accounts.value.table[VALUE_COLUMNS], on="account_id", how="left")
    people = ["account_id", "region", "field_rep", "kam_owner"]
    frame = frame.merge(facts.accounts[people], on="account_id", how="left")
    frame = frame.merge(_decisions(facts), on="account_id", how="left")
    if kam_types is not None:
        frame = frame.merge(status_told(kam_types.table, labels), on="account_id", how="left")
        if len(kam_types.intensity):
            index = kam_types.intensity[["account_id", "intensity", "stage"]]
            frame = frame.merge(index.rename(columns=INTENSITY), on="account_id", how="left")
    if options is not None:
        frame = frame.merge(told(options.recommendations, labels), on="account_id", how="left")
    return _ordered(frame.drop(columns=["values", "missing"], errors="ignore"), ACCOUNT_COLUMNS)


INTENSITY = {"intensity": "cooperation_intensity", "stage": "cooperation_stage"}


def status_told(table: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """The table of KamTypes with kam_status_reason: why each account has its status, in a sentence."""
    if "status_reason" not in table:
        return table
    sentences = [
        status_sentence(reason, values, labels)
        for reason, values in zip(table["status_reason"], table["status_values"], strict=True)
    ]
    plain = table.drop(columns=["status_reason", "status_values"])
    return plain.assign(kam_status_reason=pd.Series(sentences, index=table.index, dtype="string"))


def status_sentence(reason: str, values: Mapping[str, Any], labels: Labels) -> str:
    """Why an account has its status: privileges, its budget against that of others, and the 80 % circle. A budget that
    nobody else has is compared with nothing."""
    alone = reason.endswith(("_budget", "_both")) and values["beside"] is None
    sentence = labels(f"kam_status_reason.{reason}{'_alone' if alone else ''}", **values)
    if reason.startswith(("real", "pseudo", "de_facto")):
        place = labels(f"kam_status_reason.{'inside' if values['in_circle'] else 'outside'}")
        return f"{sentence} {place}"
    return sentence


def _decisions(facts: AccountFacts) -> pd.DataFrame:
    """account_id, decision, decision_status: the latest decision per subject, as `subject: decision`, and how it stands."""
    rows = standing_decisions(facts).dropna(subset=["account_id"])
    said = {"decision": rows["decision"], "decision_status": rows["status"]}
    told = [
        (rows["subject"] + ": " + words.astype("string")).groupby(rows["account_id"]).agg("; ".join).rename(column)
        for column, words in said.items()
    ]
    return pd.concat(told, axis=1).rename_axis("account_id").reset_index().astype("string")


def beside_decisions(frame: pd.DataFrame, key_accounts: KeyAccounts, **proposed: str) -> pd.DataFrame:
    """A frame (account_id, …) with proposal, decision and decision_status where a decision is in force.

    `proposed`: subject and the column that holds its proposal; where several are decided, the last one is shown.
    """
    decided = key_accounts.decided[key_accounts.decided["status"] != DecisionStatus.EXPIRED]
    columns = ["proposal", "decision", "decision_status"]
    found = frame.assign(**dict.fromkeys(columns, pd.Series(pd.NA, index=frame.index, dtype="string")))
    for subject, column in proposed.items():
        rows = decided[decided["subject"] == subject].set_index("account_id")
        taken = found["account_id"].isin(rows.index)
        words = found[column].map({True: "yes", False: "no"}) if found[column].dtype == bool else found[column]
        said = (words, found["account_id"].map(rows["decision"]), found["account_id"].map(rows["status"]))
        for name, values in zip(columns, said, strict=True):
            found[name] = found[name].mask(taken, values.astype("string"))
    return found.assign(**{name: found[name].astype(object).where(found[name].notna(), None) for name in columns})


def actions_frame(options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels) -> pd.DataFrame:
    """The 90-day plan in words, one row per line of the plan."""
    names = key_accounts.pareto.table[["account_id", "name"]]
    return told(options.actions.merge(names, on="account_id", how="left"), labels, ACTION_COLUMNS)


def step_code(option: str, first_step: str) -> str:
    """What tells a step of the plan from others of the same account, in inputs.xlsx too."""
    return f"{option} · {first_step}"


def proposed_steps(
    options: StrategyOptions, key_accounts: KeyAccounts, plan: dt.date, labels: Labels
) -> list[dict[str, Any]]:
    """The lines of the plan as rows of the sheet of actions in inputs.xlsx; `plan` is the last day of the data."""
    codes = options.actions.sort_values("rank")[["option", "first_step"]].itertuples(index=False)
    told_rows = actions_frame(options, key_accounts, labels).sort_values("rank").to_dict("records")
    return [
        {
            **{name: row[name] for name in ("account_id", "name", "trigger", "first_step")},
            "option": labels(f"option.{row['option']}"),
            "proposed_due": row["due_date"],
            "plan": plan,
            "code": step_code(*code),
        }
        for row, code in zip(told_rows, codes, strict=True)
    ]


def tracked_steps(actions: pd.DataFrame, plan: dt.date) -> pd.DataFrame:
    """What people entered about the lines of a plan: account_id, code, owner, due (as proposed where they gave none),
    status (open where they gave none), done_on, result."""
    rows = actions[(actions["plan"] == pd.Timestamp(plan)) & actions["code"].notna()]
    columns = ["account_id", "code", "owner", "due", "status", "done_on", "result"]
    return rows.assign(due=rows["due"].fillna(rows["proposed_due"]), status=rows["status"].fillna("open"))[columns]


def portfolio_frame(portfolio: Portfolio) -> pd.DataFrame:
    """The content of `portfolio.csv`: the key accounts on every matrix that can be assessed, with its units and cuts."""
    if portfolio.positions.empty:
        return pd.DataFrame(columns=[*PORTFOLIO_COLUMNS])
    frame = portfolio.positions.merge(portfolio.models, on="model", how="left")
    return frame.assign(in_main_part=frame["model"] == portfolio.main)[[*PORTFOLIO_COLUMNS]]


def existence_summary(kam_types: KamTypes, labels: Labels) -> dict[str, Any]:
    """The content of `existence.json`: the verdict, and every condition with its outcome, figures and gaps."""
    existence = kam_types.existence
    return {
        "verdict": existence.verdict,
        "type": kam_types.programme_type,
        "source_label": kam_types.source_label,
        "self_reported": existence.self_reported,
        "n_self_reported": existence.n_self_reported,
        "tests": [
            {
                "test": test.test,
                "condition": labels(f"existence.{test.test}"),
                "answer": test.answer,
                "sentence": existence_sentence(test, labels),
                "values": dict(test.values),
                "missing": list(test.missing),
                "self_reported": test.self_reported,
                "contradicted": test.contradicted,
                "said": [vars(said) for said in test.said],
            }
            for test in told_conditions(existence)
        ],
    }


def _self_check(facts: AccountFacts) -> dict[str, float]:
    """The mean score of each statement of the self-check that somebody rated."""
    rated = rate_self_check(facts.tables.get("self_check"), questionnaires()["self_check"])
    return dict(zip(rated["statement"], rated["score"], strict=True))


def told_conditions(existence: Existence) -> tuple[ExistenceTest, ...]:
    """The conditions to be told; whether anybody is called a key account only where somebody was asked and answered."""
    programme = existence.programme
    answered = programme is not None and (programme.said or programme.incomplete or programme.disputed)
    return (programme, *existence.tests) if programme is not None and answered else existence.tests


def follow_up_summary(found: FollowUp) -> dict[str, Any]:
    """The content of `follow_up.json`."""
    warned, others = (found.warnings[found.warnings["warned"].astype(bool) == told] for told in (True, False))
    return {
        "previous": found.name,
        "made_on": found.made_on,
        "period": {"start": found.before.start, "end": found.before.end},
        "refused": dict(found.refused),
        "list": {
            c: found.accounts.loc[found.accounts["change"] == c, "account_id"].tolist()
            for c in ("entered", "left", "kept")
        },
        "warnings": {
            "window": None if found.window is None else {"start": found.window[0], "end": found.window[1]},
            "n": len(warned),
            "came_true": int(warned["came_true"].sum()),
            "n_others": len(others),
            "others": int(others["came_true"].sum()),
            "testable": found.testable,
        },
        "decisions": {str(k): int(n) for k, n in found.decisions["change"].value_counts().sort_index().items()},
        "actions": {str(k): int(n) for k, n in found.actions["status"].value_counts().sort_index().items()},
        "verdict": {"before": found.verdict[0], "now": found.verdict[1]},
        "tests": found.tests.to_dict("records"),
        "self_check": found.self_check.to_dict("records"),
    }


def existence_sentence(test: ExistenceTest, labels: Labels) -> str | None:
    """What was seen or said of a condition, who said it and when; nothing where nobody knows anything."""
    parts = []
    if test.self_reported:
        parts.append(labels("self_report.said", by=said_by(test.said, labels), answers=_answers(test, labels)))
    elif test.answer != Answer.NOT_ASSESSABLE:
        parts.append(labels(f"existence_{test.answer}.{test.test}", **test.values))
    if test.contradicted:
        parts.append(labels("self_report.contradicted", by=said_by(test.said, labels), answers=_answers(test, labels)))
    for key, codes in (("incomplete", test.incomplete), ("disputed", test.disputed)):
        if codes:
            names = [topic_of("organisation", code, labels) for code in codes]
            parts.append(labels(f"self_report.{key}", names=names))
    return " ".join(parts) or None


def said_by(said: Iterable[Said], labels: Labels) -> str:
    """Who said something and when: the roles with their dates, each once."""
    people = {
        f"{s.said_by}, {labels.date(s.date)}" if s.date else labels("self_report.undated", role=s.said_by) for s in said
    }
    return "; ".join(sorted(people))


def topic_of(sheet: str, code: str, labels: Labels) -> str:
    """What a question, figure or statement of inputs.xlsx is about."""
    return questionnaires()[sheet][code].topic[labels.language]


def _answers(test: ExistenceTest, labels: Labels) -> str:
    return ", ".join(
        labels("self_report.answer", topic=topic_of("organisation", said.question, labels), answer=said.answer)
        for said in test.said
    )


def import_summary(imported: Imported, labels: Labels) -> dict[str, Any]:
    """The content of `import.json`: what came in, what each rule did, how it reconciles, what was noticed."""
    return {
        "period": {"start": imported.period.start, "end": imported.period.end},
        **{name: getattr(imported, name) for name in IMPORT_COLUMNS},
        "tables": list(imported.tables),
        "rules": _records(imported.rules),
        "reconciliation": _records(imported.reconciliation),
        "files": _records(imported.files),
        "columns": _records(imported.columns),
        "findings": [_finding(finding, labels) for finding in imported.findings],
    }


def _finding(finding: Finding, labels: Labels) -> dict[str, Any]:
    return {
        "code": finding.code,
        "table": finding.table,
        "severity": finding.severity,
        "rows": finding.rows,
        "revenue": finding.revenue,
        "examples": list(finding.examples),
        "text": finding_sentence(finding, labels),
    }


def finding_sentence(finding: Finding, labels: Labels) -> str:
    """A finding of the import or a note of a method, as a sentence."""
    values = {"rows": finding.rows, "revenue": finding.revenue, "table": finding.table, **finding.values}
    if "missing" in finding.values:
        values["missing"] = labels.lacking(finding.values["missing"])
    return labels(f"finding.{finding.code}", **values)


def render_result(content: ResultFile) -> str:
    """A result file as text: CSV with `.` decimals, `true|false` and empty fields, or JSON.

    >>> render_result(pd.DataFrame({"account_id": ["007"], "eligible": [True], "score": [None]}))
    'account_id,eligible,score\\n007,true,\\n'
    """
    if isinstance(content, dict):
        return json.dumps(_plain(content), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    frame = content.copy()
    for column in frame.columns:
        frame[column] = frame[column].map(_field, na_action="ignore").astype(object)
    return frame.to_csv(index=False, lineterminator="\n")


def _field(value: Any) -> Any:
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, tuple | list | dict | np.ndarray):
        return json.dumps(_plain(value), ensure_ascii=False)
    return _plain(value)


def _plain(value: Any) -> Any:
    """A value as JSON can hold it: no NaN, no NumPy, dates as ISO text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list | np.ndarray):
        return [_plain(item) for item in value]
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    return value.item() if isinstance(value, np.generic) else value


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): _plain(value) for key, value in row.items()} for row in frame.to_dict("records")]


def told(frame: pd.DataFrame, labels: Labels, columns: Sequence[str] = ()) -> pd.DataFrame:
    """The frame with its sentences in words, the named columns first."""
    order = [column for column in frame.columns if column != "values"]
    words = {
        column: [
            _sentence(labels, section, code, values)
            for code, values in zip(frame[column], frame["values"], strict=True)
        ]
        for column, section in TOLD_COLUMNS.items()
        if column in frame
    }
    plain = frame.drop(columns=[*words, "values"], errors="ignore")
    return _ordered(pd.concat([plain, pd.DataFrame(words, index=frame.index)], axis=1)[order], columns)


def _sentence(labels: Labels, section: str, code: Any, values: Any) -> str | None:
    if labels.missing(code):
        return None
    return labels(f"{section}.{code}", **(values if isinstance(values, Mapping) else {}))


def _ordered(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The columns of the contract first, missing ones empty; what else is there follows."""
    return frame.reindex(columns=[*columns, *(c for c in frame.columns if c not in columns)])
