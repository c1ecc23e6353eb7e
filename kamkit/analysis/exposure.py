"""What would be lost with the largest accounts, and which of them are to be disclosed (domain S4)."""

from __future__ import annotations

import math

import pandas as pd

from kamkit.analysis.capacity import latest_figures
from kamkit.analysis.consolidation import groups_of
from kamkit.model.codes import Level
from kamkit.model.results import AccountFacts, Exposure

NAN = math.nan

DISCLOSED_FROM = 0.10
"""From 10 % of revenue on listed companies have to tell of a single customer, without a name (IFRS 8.34, ASC 280-10-50-42;
norm)."""

LOSSES = (1, 3)
"""How many of the largest accounts are taken away (convention)."""


def measure_exposure(facts: AccountFacts) -> Exposure:
    """What revenue, margin and cover of the fixed costs would be without the largest account and the three largest, and
    which accounts reach the 10 % of revenue that IFRS 8.34 names (companies under common control are one customer).

    Costs that go with an account are taken to go with its margin, fixed ones to stay. The fixed costs per year are the
    figure `fixed_costs` in `facts.tables["figures"]`, taken for as many years as the period has.
    """
    ranked = facts.accounts[facts.accounts["in_period"].astype(bool)]
    if not (ranked["revenue"] > 0).any():
        return Exposure()
    total = math.fsum(facts.accounts["revenue"])
    revenue = total if total > 0 else NAN
    known = ranked["margin"].notna().any()
    margin = math.fsum(ranked["margin"].dropna()) if known else NAN
    fixed = _fixed_costs(facts) * facts.period.years
    rows = []
    largest = _by_revenue(ranked[ranked["revenue"] > 0].nlargest(max(LOSSES), "revenue", keep="all"))
    for n in LOSSES:
        top = largest.head(n)
        if len(top) < n:
            continue
        lost = math.fsum(top["revenue"])
        margin_lost = math.fsum(top["margin"]) if top["margin"].notna().all() else NAN
        left = {
            "margin_lost": margin_lost,
            "margin_left": margin - margin_lost,
            "cover_left": (margin - margin_lost) / fixed,
        }
        names = tuple(str(name) for name in top["name"])
        rows.append({"n_lost": n, "names": names, "revenue_lost": lost, "revenue_lost_share": lost / revenue, **left})
    needed = (("transactions.margin", known), ("figures.fixed_costs", fixed == fixed))
    return Exposure(
        losses=pd.DataFrame(rows),
        disclosed=_disclosed(facts, revenue),
        revenue=revenue,
        margin=margin,
        fixed_costs=fixed,
        cover=margin / fixed,
        missing=tuple(name for name, there in needed if not there),
    )


def _by_revenue(accounts: pd.DataFrame) -> pd.DataFrame:
    return accounts.sort_values(["revenue", "account_id"], ascending=[False, True], ignore_index=True)


def _disclosed(facts: AccountFacts, revenue: float) -> pd.DataFrame:
    accounts = facts.accounts[facts.accounts["in_period"].astype(bool)]
    if facts.level is Level.CUSTOMER and len(facts.customers):
        accounts = groups_of(facts.customers, facts.accounts)
    large = _by_revenue(accounts[accounts["revenue"] >= DISCLOSED_FROM * revenue])
    return large[["account_id", "name", "revenue"]].assign(share=large["revenue"] / revenue)


def _fixed_costs(facts: AccountFacts) -> float:
    """Per year; missing (NaN) where nobody has said them, or something at or below zero."""
    return float(latest_figures(facts.tables.get("figures"))["value"].get("fixed_costs", NAN))
