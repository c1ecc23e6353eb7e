"""Null controls: nothing is claimed where nothing can be known, and something is where there is something to know.

The orders of the SAP sample are drawn at random (`../shared/data/README.md`); so are those of the accounts made here.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from kamkit.analysis.backtest import cut_offs, told_together
from kamkit.analysis.judging import judge
from kamkit.analysis.key_accounts import find_key_accounts
from kamkit.analysis.options import assess_options
from kamkit.analysis.options.account_risk import risk_trials
from kamkit.analysis.options.history import history_until
from kamkit.intake.facts import account_facts
from kamkit.intake.importing import import_engagement
from kamkit.model.codes import Answer, KamType, Verdict
from kamkit.model.engagement import AccountRiskSettings, Capacity, OptionSettings, ParetoSettings, load_engagement
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts, Existence, ExistenceTest, KamTypes

pytestmark = pytest.mark.slow
RULES = load_option_rules()


def engagements() -> ModuleType:
    """The engagements of test_real_engagements.py."""
    file = Path(__file__).with_name("test_real_engagements.py")
    spec = importlib.util.spec_from_file_location("real_engagements", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sap_items(data: Path) -> dict[str, Any]:
    """The SAP sample by its items, so that there are products to propose."""
    settings = engagements().sap(data)
    folder = data / "sap_sample" / "SAP_Sample_Content" / "CSV" / "Sales"
    columns = {"net_revenue": "NETAMOUNT", "product_id": "PRODUCTID", "quantity": "QUANTITY"}
    transactions = settings["sources"]["transactions"]
    transactions["columns"] |= columns
    transactions["path"] = str(folder / "SalesOrderItems.csv")
    transactions["join"] = [{"path": str(folder / "SalesOrders.csv"), "on": "SALESORDERID"}]
    return settings


def facts_of(settings: dict[str, Any], folder: Path) -> AccountFacts:
    (folder / "engagement.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    engagement = load_engagement(folder)
    return account_facts(folder / "work", engagement, import_engagement(engagement, folder / "work"))


def backtests(facts: AccountFacts) -> pd.DataFrame:
    """The tests on history of a whole step 4."""
    key_accounts = find_key_accounts(facts, ParetoSettings(), Capacity(), seed=1)
    table = pd.DataFrame({"account_id": facts.accounts["account_id"], "kam_type": "technical"})
    existence = Existence(Verdict.NOT_ASSESSABLE, (ExistenceTest("E1", Answer.NOT_ASSESSABLE),))
    kam_types = KamTypes(KamType.TECHNICAL, "technical", existence, table, pd.DataFrame())
    today = dt.date(2026, 1, 14)
    options = assess_options(facts, key_accounts, kam_types, OptionSettings(), AccountRiskSettings(), RULES, today)
    return options.backtests


@pytest.mark.parametrize("year", [2017, 2018, 2019])
def test_on_random_orders_no_option_claims_a_signal(year: int, real_data: Path, tmp_path: Path) -> None:
    settings = sap_items(real_data) | {"period": {"start": f"{year}-01-01", "end": f"{year}-12-31"}}
    table = backtests(facts_of(settings, tmp_path))
    assert set(table.loc[table["p_value"].notna(), "task"]) >= {"risk_stop", "risk_fall", "cross_selling"}
    assert not table["claims"].any()


def test_on_real_orders_stops_and_falls_are_foreseen(real_data: Path, tmp_path: Path) -> None:
    real = engagements()
    history = history_until(facts_of(real.online_retail(real_data, real.POSITIVE, True), tmp_path))
    table = told_together(judge(risk_trials(history, cut_offs(history, 3), 3, RULES.risk), draws=100))
    tested = table[table["p_value"].notna()]
    assert set(tested["task"]) == {"risk_stop", "risk_fall"}
    assert tested["claims"].all()
    assert (tested["ci_low"] > 0.6).all()


def random_orders(seed: int, n: int = 120) -> list[tuple[str, str, float, str]]:
    """Accounts that all buy at the same rate, at random, amounts of one distribution."""
    rng = np.random.default_rng(seed)
    days = pd.date_range("2023-01-01", "2025-12-31")
    orders = []
    for i in range(n):
        chosen = days[np.sort(rng.integers(0, len(days), rng.poisson(len(days) / 45)))]
        amounts = rng.lognormal(4, 1, len(chosen))
        orders += [(f"A{i:03d}", str(day.date()), float(v), "x") for day, v in zip(chosen, amounts, strict=True)]
    return orders


def test_accounts_that_buy_at_random_are_claimed_in_five_of_a_hundred_runs_at_most(
    facts_from: Callable[..., AccountFacts],
) -> None:
    claimed = []
    for seed in range(40):
        history = history_until(facts_from(random_orders(seed)))
        table = told_together(judge(risk_trials(history, cut_offs(history, 3), 3, RULES.risk), draws=0))
        assert table["p_value"].notna().any()
        claimed.append(table["claims"].any())
    assert sum(claimed) <= 2
