"""The chain, held to the answer keys of the bundled cases: every planted fact stands where its key says."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import operator
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kamkit.analysis.kam_types import classify_accounts
from kamkit.analysis.key_accounts import find_key_accounts
from kamkit.analysis.options import assess_options
from kamkit.intake.facts import account_facts
from kamkit.intake.group_candidates import group_candidates
from kamkit.intake.importing import import_engagement
from kamkit.model.codes import Verdict
from kamkit.model.engagement import load_engagement
from kamkit.model.kam_type_rules import load_kam_type_rules
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts, Imported, KeyAccounts
from kamkit.telling.language import Labels
from kamkit.telling.results import ResultFile, result_files

DATA = Path(__file__).resolve().parents[2] / "data"
KEYS = {
    path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(DATA.glob("*/answer_key.json"))
}
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
CHECKS = [
    pytest.param(
        (case, check.get("level", "group")),
        check,
        id=f"{case}-{fact['fact']}-{number}",
        marks=[pytest.mark.slow] if "level" in check else [],
    )
    for case, key in KEYS.items()
    for fact in key["facts"]
    for number, check in enumerate(fact["where"])
]
BY_CASE = pytest.mark.parametrize("run", [(case, "group") for case in KEYS], indirect=True, ids=list(KEYS))


@dataclass(frozen=True)
class Run:
    """What a run of a case on one level says: the result files, the kept transactions, the master and the groups."""

    case: str
    imported: Imported
    files: dict[str, ResultFile]
    transactions: pd.DataFrame
    customers: pd.DataFrame
    members: pd.DataFrame
    facts: AccountFacts
    key_accounts: KeyAccounts


@pytest.fixture(scope="session")
def runs() -> dict[tuple[str, str], Run | Exception]:
    return {}


@pytest.fixture
def run(
    request: pytest.FixtureRequest,
    runs: dict[tuple[str, str], Run | Exception],
    tmp_path_factory: pytest.TempPathFactory,
) -> Run:
    """The run of a case on a level, made once; a chain that fails is not tried again for every fact."""
    case, level = request.param
    if request.param not in runs:
        try:
            runs[request.param] = run_chain(case, level, tmp_path_factory.mktemp(f"{case}-{level}"))
        except Exception as error:
            runs[request.param] = error
    found = runs[request.param]
    if isinstance(found, Exception):
        raise found
    return found


def run_chain(case: str, level: str, work: Path) -> Run:
    engagement = load_engagement(DATA / case, {"pareto.level": level})
    imported = import_engagement(engagement, work)
    facts = account_facts(work, engagement, imported)
    key_accounts = find_key_accounts(facts, engagement.pareto, engagement.capacity, seed=1)
    labels = Labels(engagement.language, engagement.report_locale, engagement.currency)
    found: dict[str, Any] = {"key_accounts": key_accounts}
    if level == "group":
        kam_types = classify_accounts(facts, key_accounts, engagement.supplier_industry, load_kam_type_rules())
        settings = engagement.options, engagement.account_risk, load_option_rules(), dt.date(2026, 1, 12)
        options = assess_options(facts, key_accounts, kam_types, *settings)
        found |= {"kam_types": kam_types, "options": options}
    files = dict(result_files(imported, facts, labels, **found))
    tables = [pd.read_parquet(work / "tables" / f"{name}.parquet") for name in ("transactions", "customers")]
    return Run(case, imported, files, *tables, facts.members, facts, key_accounts)


def rows_matching(frame: pd.DataFrame, match: dict[str, str]) -> pd.DataFrame:
    for column, value in match.items():
        frame = frame[frame[column].astype(object) == value]
    return frame


@pytest.mark.parametrize(("run", "check"), CHECKS, indirect=["run"])
def test_the_planted_fact_is_found(run: Run, check: dict[str, Any]) -> None:
    name = check["file"].split("/")[-1]
    if "n_rows" in check:
        op, number = check["n_rows"]
        assert OPERATORS[op](len(rows_matching(run.transactions, check["match"])), number), check
        return
    content = run.files[name]
    if isinstance(content, dict):
        found = content[check["column"]]
    else:
        rows = rows_matching(content, check["match"])
        assert len(rows) == 1, f"{name} has {len(rows)} rows for {check['match']}"
        found = rows[check["column"]].iloc[0]
    assert OPERATORS[check["op"]](found, check["value"]), (
        f"{name}: {check['column']} is {found!r}, not {check['op']} {check['value']!r}"
    )


@BY_CASE
def test_the_import_reconciles_to_the_cent(run: Run) -> None:
    reconciliation = run.imported.reconciliation
    assert list(reconciliation["fiscal_year"]) == [2023, 2024, 2025]
    assert reconciliation["difference"].abs().max() < 0.005
    assert reconciliation["within_tolerance"].all()


@BY_CASE
def test_key_accounts_are_the_planted_set_and_no_cash_account(run: Run) -> None:
    accounts, summary = run.files["accounts.csv"], run.files["summary.json"]
    key = accounts[accounts["is_key_account"].astype(bool)]
    assert 0.10 <= len(key) / summary["n_accounts"] <= 0.30
    assert "0099999" not in set(key["account_id"])
    assert key["recommended_option"].notna().all()


@BY_CASE
def test_alarms_are_few(run: Run) -> None:
    accounts, risk = run.files["accounts.csv"], run.files["account_risk.csv"]
    key = set(accounts.loc[accounts["is_key_account"].astype(bool), "account_id"])
    red = set(risk.loc[risk["level"] == "red", "account_id"]) & key
    assert len(red) <= max(3, 0.25 * len(key))


@BY_CASE
def test_the_shared_vat_id_is_a_candidate_for_a_person(run: Run) -> None:
    fact = next(fact for fact in KEYS[run.case]["facts"] if fact["fact"] == "same_vat_id")
    candidates = group_candidates(run.customers, run.members)
    assert list(candidates.loc[candidates["evidence"] == "vat_id", "customer_id"]) == fact["customer_ids"]


@pytest.mark.parametrize("run", [("pseudo-kam", "group")], indirect=True)
def test_without_its_lists_the_pseudo_case_is_pseudo_by_its_own_account(run: Run) -> None:
    """The same company with nothing but its bookings, its master, and sales management's answers."""
    no = ("advantages", "priority", "own_budget")
    answers = pd.DataFrame({"question": no, "answer": "no", "said_by": "Vertriebsleitung", "date": pd.NaT})
    lists = ("privileges", "budgets", "sales_organisation")
    bare = {name: table for name, table in run.facts.tables.items() if name not in lists}
    found = {}
    for case, tables in {
        "lists": run.facts.tables,
        "answers": bare | {"organisation": answers},
        "nothing": bare,
    }.items():
        facts = dataclasses.replace(run.facts, tables=tables)
        existence = classify_accounts(facts, run.key_accounts, None, load_kam_type_rules()).existence
        found[case] = (existence.verdict, existence.self_reported, existence.n_self_reported)
    assert found == {
        "lists": (Verdict.PSEUDO, False, 0),
        "answers": (Verdict.PSEUDO, True, 2),
        "nothing": (Verdict.NOT_ASSESSABLE, False, 0),
    }
