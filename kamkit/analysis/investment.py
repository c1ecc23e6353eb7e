"""What key account management costs today, what it would cost, and what it is about: one page for the board (domain S12)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pandas as pd

from kamkit.analysis.allocation import BUDGET, allocate
from kamkit.analysis.existence import key_segment_budget, own_budgets
from kamkit.analysis.portfolio import margin_rate, place_key_accounts
from kamkit.model.codes import Gate, Tier
from kamkit.model.kam_type_rules import ExistenceRules
from kamkit.model.option_rules import RiskLevel
from kamkit.model.portfolio_rules import InvestmentRules, PortfolioRules
from kamkit.model.results import AccountFacts, Allocation, Investment, KeyAccounts, StrategyOptions


def with_investment(
    options: StrategyOptions,
    facts: AccountFacts,
    key_accounts: KeyAccounts,
    rules: PortfolioRules,
    existence: ExistenceRules,
    window_months: int,
) -> StrategyOptions:
    """Step 4 with portfolio, allocation and investment, which rest on the options and on nobody's wish."""
    table = key_accounts.pareto.table.merge(key_accounts.tiers, on="account_id", how="left")
    chosen = table["is_key_account"].astype(bool) | (table["tier"] != Tier.OTHER)
    ids = pd.Index(table.loc[chosen, "account_id"].astype(object), name="account_id")
    allocation = allocate(facts, ids, rules.allocation)
    return replace(
        options,
        portfolio=place_key_accounts(facts, ids, options.cross_selling, rules),
        allocation=allocation,
        investment=assess_investment(
            options, facts, key_accounts, ids, allocation, rules.investment, existence, window_months
        ),
    )


def assess_investment(
    options: StrategyOptions,
    facts: AccountFacts,
    key_accounts: KeyAccounts,
    key_account_ids: pd.Index,
    allocation: Allocation,
    rules: InvestmentRules,
    existence: ExistenceRules,
    window_months: int,
) -> Investment:
    """Cost, what is at risk, what can be won, and the break-even.

    Cost today: the budgets of the key accounts and of key account segments in the period, else FTE × cost per FTE. Cost
    planned: managed accounts × hours per account ÷ net hours × cost per FTE, else the budget that is split. An additional
    cost is told only where both come from people, since budgets and salaries cannot be taken from each other; else the
    break-even is that of the whole cost. At risk and potential: `Investment`.
    """
    accounts = facts.accounts[facts.accounts["account_id"].isin(key_account_ids)]
    rate = margin_rate(accounts)
    cost, missing = _cost(facts, key_accounts, key_account_ids, allocation, existence)
    found = cost | _at_risk(options, rate, rules, window_months) | _potential(options, key_account_ids, rate, rules)
    with_margin = float((accounts["revenue"] * accounts["margin_coverage"].fillna(0.0)).sum())
    enough = with_margin >= rules.margin_coverage.value * float(accounts["revenue"].sum()) and with_margin > 0
    overall = math.fsum(accounts["margin"].dropna()) / with_margin if enough else None
    if overall is None:
        missing.append("transactions.margin")
    return Investment(**found, margin_rate=overall, **_break_even(found, overall), missing=tuple(missing))


def _cost(
    facts: AccountFacts,
    key_accounts: KeyAccounts,
    key_account_ids: pd.Index,
    allocation: Allocation,
    existence: ExistenceRules,
) -> tuple[dict[str, Any], list[str]]:
    capacity = key_accounts.capacity
    fte, net, hours, per_fte = capacity.fte, capacity.net_hours, capacity.hours_per_account, capacity.cost_per_fte
    n_managed = int((key_accounts.tiers["tier"] == Tier.MANAGED).sum())
    segment = key_segment_budget(facts, existence)
    budgets = math.fsum(own_budgets(facts).reindex(key_account_ids).dropna()) + segment
    people = None if fte is None or per_fte is None else fte * per_fte
    planned = None
    if net is not None and hours is not None and per_fte is not None and n_managed:
        planned = n_managed * hours / net * per_fte
    found: dict[str, Any] = {"n_managed": n_managed}
    if people is not None and (planned is not None or not budgets):
        found |= {"cost_today": people, "cost_today_from": "people"}
    elif budgets:
        found |= {"cost_today": budgets, "cost_today_from": "budgets"}
    if planned is not None:
        found |= {"cost_planned": planned, "cost_planned_from": "hours"}
    elif (allocation.table["kind"] == BUDGET).any() and not segment:
        found |= {"cost_planned": budgets, "cost_planned_from": "budgets"}
    figures = {"kam_fte": fte, "net_hours": net, "hours_per_account": hours, "cost_per_fte": per_fte}
    unknown = [f"figures.{code}" for code, value in figures.items() if value is None]
    return found, unknown if "cost_today" in found else ["budgets.actual", *unknown]


def _at_risk(
    options: StrategyOptions, rate: pd.Series[Any], rules: InvestmentRules, window_months: int
) -> dict[str, Any]:
    """Revenue and margin of the key accounts at high risk; low: the part of the next months, high: raised risk as well."""
    risk = options.account_risk[options.account_risk["account_id"].isin(rate.index)]
    if risk.empty or risk["level"].isna().all():
        return {}
    red, amber = (risk[risk["level"] == level] for level in (RiskLevel.RED, RiskLevel.AMBER))
    both = pd.concat([red, amber])
    revenue = math.fsum(red["revenue_at_risk"].dropna())
    margin, more = (_margin_of(rows, "revenue_at_risk", rate, rules) for rows in (red, both))
    part = min(window_months / 12, 1.0)
    return {
        "n_at_risk": len(red),
        "revenue_at_risk": revenue,
        "revenue_at_risk_low": revenue * part,
        "revenue_at_risk_high": math.fsum(both["revenue_at_risk"].dropna()),
        "margin_at_risk": margin,
        "margin_at_risk_low": None if margin is None or more is None else min(margin * part, margin, more),
        "margin_at_risk_high": None if margin is None or more is None else max(margin * part, margin, more),
    }


def _potential(
    options: StrategyOptions, key_account_ids: pd.Index, rate: pd.Series[Any], rules: InvestmentRules
) -> dict[str, Any]:
    """Expected revenue and margin of open white spots, with the quartiles of what buyers spend."""
    if options.cross_selling.empty:
        return {}
    spots = options.cross_selling[options.cross_selling["account_id"].isin(key_account_ids)]
    spots = spots[(spots["gate"] == Gate.OPEN) & (spots["expected_revenue"] > 0)]
    found: dict[str, Any] = {
        "n_potential": int(spots["account_id"].nunique()),
        "potential_revenue": math.fsum(spots["expected_revenue"]),
    }
    known = spots["expected_margin"].notna()
    covered = (
        math.fsum(spots.loc[known, "expected_revenue"]) >= rules.margin_coverage.value * found["potential_revenue"]
    )
    if len(spots) and covered:
        found["potential_margin"] = math.fsum(spots.loc[known, "expected_margin"])
    if {"expected_low", "expected_high"} <= {*spots.columns}:
        per_euro = spots["expected_margin"] / spots["expected_revenue"]
        for end in ("low", "high"):
            found[f"potential_revenue_{end}"] = math.fsum(spots[f"expected_{end}"])
            if "potential_margin" in found:
                found[f"potential_margin_{end}"] = math.fsum((spots[f"expected_{end}"] * per_euro).dropna())
    return found


def _margin_of(rows: pd.DataFrame, column: str, rate: pd.Series[Any], rules: InvestmentRules) -> float | None:
    """The margin on an amount of revenue, at each account's own rate; None where too little of it has one."""
    revenue = rows.set_index("account_id")[column].fillna(0.0)
    own = rate.reindex(revenue.index)
    if float(revenue[own.notna()].sum()) < rules.margin_coverage.value * float(revenue.sum()):
        return None
    return math.fsum((revenue * own).dropna())


def _break_even(found: dict[str, Any], rate: float | None) -> dict[str, Any]:
    """What the cost to be earned back takes in revenue, and as a share of the margin at risk."""
    same = found.get("cost_today_from") == "people" and found.get("cost_planned_from") == "hours"
    whole = found.get("cost_planned", found.get("cost_today"))
    if whole is None:
        return {}
    cost = float(whole - found["cost_today"] if same else whole)
    on = {"break_even_on": "additional" if same else "total", "break_even_cost": cost}
    if cost <= 0:
        return on
    secured: float | None = found.get("margin_at_risk")
    return on | {
        "break_even_revenue": cost / rate if rate is not None and rate > 0 else None,
        "break_even_share": cost / secured if secured is not None and secured > 0 else None,
    }
