"""What to ask the client next: every gap that keeps something from being said, by the revenue that hangs on it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from kamkit.model.codes import Answer, Gate, Grain, KamType, Option
from kamkit.model.questionnaire import questionnaires
from kamkit.model.results import AccountFacts, Imported, KamTypes, KeyAccounts, StrategyOptions
from kamkit.telling.language import Labels

QUESTION_COLUMNS = ("rank", "question", "why", "effect")
ANSWERS = "organisation.answer"
"""What is asked for beside the tables where nobody has answered the questions on a condition either."""
UNTOLD = f"option.{Option.TAKEOVER}"
"""What no question names, since the client's departments read it."""


@dataclass(frozen=True)
class Question:
    """`about` is its code, or the table or column that is missing, `lacking` the columns by name; `unlocks` are the keys
    of what that keeps from being assessed. `effect` is the period's revenue that the answer concerns."""

    question: str
    why: str
    effect: float | None
    about: str
    lacking: tuple[str, ...] = ()
    unlocks: tuple[str, ...] = ()


def client_questions(
    imported: Imported,
    facts: AccountFacts,
    labels: Labels,
    key_accounts: KeyAccounts | None = None,
    kam_types: KamTypes | None = None,
    options: StrategyOptions | None = None,
) -> pd.DataFrame:
    """rank, question, why, effect: the open questions, the one with the most revenue behind it first."""
    ordered = open_questions(imported, facts, labels, key_accounts, kam_types, options)
    rows = [(rank, q.question, q.why, q.effect) for rank, q in enumerate(ordered, start=1)]
    return pd.DataFrame(rows, columns=list(QUESTION_COLUMNS))


def open_questions(
    imported: Imported,
    facts: AccountFacts,
    labels: Labels,
    key_accounts: KeyAccounts | None = None,
    kam_types: KamTypes | None = None,
    options: StrategyOptions | None = None,
) -> list[Question]:
    """The same questions with what they are about: the one source of questions.csv, of the report's list of what is
    missing, and of the next data request."""
    found = [*_about_the_import(imported, facts, labels)]
    if key_accounts is not None:
        found += _about_capacity(key_accounts, options, labels)
        found += _about_gaps(facts, key_accounts, kam_types, options, labels)
        if kam_types is not None:
            found += _about_types(kam_types, key_accounts, labels)
    ordered = sorted(found, key=lambda q: (-(q.effect or 0.0), -max(len(q.unlocks), 1), q.question))
    distinct = {question.question: question for question in reversed(ordered)}
    return [question for question in ordered if distinct[question.question] is question]


def _about_the_import(imported: Imported, facts: AccountFacts, labels: Labels) -> Iterator[Question]:
    for rule in imported.rules.to_dict("records"):
        if rule["rule"] == "no_customer" and rule["rows"] > 0:
            yield _question(labels, "no_customer", abs(rule["revenue"]), n=rule["rows"])
    if imported.reconciliation.empty or imported.reconciliation["stated"].isna().all():
        yield _question(labels, "control_totals", imported.revenue_kept)
    else:
        for year in imported.reconciliation.dropna(subset=["stated"]).to_dict("records"):
            if not year["within_tolerance"]:
                yield _question(labels, "difference", abs(year["difference"]), year=str(year["fiscal_year"]))
    if imported.grain == Grain.YEAR:
        yield _question(labels, "invoice_lines", imported.revenue_kept)
    yield from _about_findings(imported, labels)
    accounts = facts.accounts[facts.accounts["in_period"].astype(bool)]
    without_margin = float((accounts["revenue"] * (1 - accounts["margin_coverage"].fillna(0))).clip(lower=0).sum())
    if without_margin > 0.005 * accounts["revenue"].clip(lower=0).sum():
        yield _question(labels, "margin", without_margin)
    is_asked = any(finding.code == "group_coverage" for finding in imported.findings)
    if not is_asked and (facts.members.empty or (facts.members["group_source"] == "none").all()):
        yield _question(labels, "groups", float(accounts["revenue"].clip(lower=0).sum()))


def _about_findings(imported: Imported, labels: Labels) -> Iterator[Question]:
    """Every finding for which the catalogues have a question, unless it concerns nobody."""
    for finding in imported.findings:
        if f"question.{finding.code}" in labels and finding.values.get("n") != 0:
            effect = abs(finding.revenue) if finding.revenue else None
            yield _question(labels, finding.code, effect, **finding.values)


def _about_capacity(key_accounts: KeyAccounts, options: StrategyOptions | None, labels: Labels) -> Iterator[Question]:
    """How many key accounts can be managed and what that costs, where nobody has said so and no figures tell."""
    if not key_accounts.pareto.n_key_accounts:
        return
    if key_accounts.capacity.accounts is None:
        yield _question(labels, "capacity", math.fsum(_key_revenue(key_accounts)))
    if options is not None and any(name.startswith("figures.") for name in options.investment.missing):
        yield _question(labels, "kam_cost", math.fsum(_key_revenue(key_accounts)))


def _about_types(kam_types: KamTypes, key_accounts: KeyAccounts, labels: Labels) -> Iterator[Question]:
    unclear = kam_types.table[kam_types.table["kam_type"] == KamType.UNCLEAR]
    revenue = _key_revenue(key_accounts).reindex(unclear["account_id"]).dropna()
    if len(revenue):
        yield _question(labels, "kam_type", float(revenue.sum()), n=len(revenue))
    if "engagement.supplier_industry" in kam_types.programme_missing:
        yield _question(labels, "supplier_industry", math.fsum(_key_revenue(key_accounts)))


def _about_gaps(
    facts: AccountFacts,
    key_accounts: KeyAccounts,
    kam_types: KamTypes | None,
    options: StrategyOptions | None,
    labels: Labels,
) -> Iterator[Question]:
    """One question per missing table (or column of the two main tables), with all that it would make assessable."""
    revenue = _key_revenue(key_accounts)
    concerned: dict[str, set[str]] = {}
    unlocked: dict[str, dict[str, None]] = {}
    lacking: dict[str, dict[str, None]] = {}
    for missing, thing, account_ids in _needs(kam_types, options, revenue):
        need = need_of(missing)
        concerned.setdefault(need, set()).update(account_ids)
        unlocked.setdefault(need, {})[thing] = None
        lacking.setdefault(need, {})[missing] = None
    for need, things in unlocked.items():
        table, _, column = need.partition(".")
        key = f"question.{table}_{column}" if column else f"question.{table}"
        words = [labels(thing) for thing in things if thing != UNTOLD]
        question = (
            labels(key) if key in labels else labels("question.any", table=labels(f"table_name.{table}"), column=column)
        )
        effect = round(math.fsum(revenue[sorted(concerned[need])]), 2)
        why = labels("question_why.unlocks", names=words) if words else ""
        yield Question(question, why, effect, need, tuple(lacking[need]), tuple(things))


def _needs(
    kam_types: KamTypes | None, options: StrategyOptions | None, revenue: pd.Series[Any]
) -> Iterator[tuple[str, str, list[str]]]:
    """What is missing, the key of what it keeps from being assessed, and the key accounts concerned."""
    if options is not None:
        blocked = options.options[options.options["gate"] == Gate.NOT_ASSESSABLE]
        blocked = blocked[blocked["account_id"].isin(revenue.index)]
        for row in blocked.to_dict("records"):
            for missing in row["missing"]:
                yield missing, f"option.{row['option']}", [row["account_id"]]
        budgets = [name for name in options.investment.missing if name.startswith("budgets.")]
        yield from ((name, "analysis.investment", list(revenue.index)) for name in budgets)
        models = options.portfolio.models
        wanted = models.loc[models["model"] == "price_cost", "missing"] if len(models) else ()
        yield from ((name, "analysis.portfolio", list(revenue.index)) for of in wanted for name in of)
    if kam_types is not None:
        for missing in kam_types.programme_missing:
            if not missing.startswith("engagement."):
                yield missing, "analysis.kam_types", list(revenue.index)
        programme = kam_types.existence.programme
        for test in (*((programme,) if programme else ()), *kam_types.existence.tests):
            if test.answer == Answer.NOT_ASSESSABLE:
                asked = any(question.of == test.test for question in questionnaires()["organisation"].values())
                for missing in (*test.missing, *((ANSWERS,) if asked else ())):
                    yield missing, f"existence_short.{test.test}", list(revenue.index)


def need_of(missing: str) -> str:
    """Columns of the two main tables are asked for one by one, other tables as a whole."""
    table, _, _ = missing.partition(".")
    return missing if table in {"transactions", "customers"} else table


def _key_revenue(key_accounts: KeyAccounts) -> pd.Series[Any]:
    table = key_accounts.pareto.table
    return table[table["is_key_account"].astype(bool)].set_index("account_id")["revenue"]


def _question(labels: Labels, code: str, effect: float | None, **values: Any) -> Question:
    return Question(labels(f"question.{code}", **values), labels(f"question_why.{code}", **values), effect, code)
