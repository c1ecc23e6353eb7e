"""What an account costs beyond its goods, from the budgets: selling and service (DB III and DB IV, domain S1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from kamkit.intake.margin_base import covered_share
from kamkit.intake.periods import fiscal_year
from kamkit.model.codes import Severity
from kamkit.model.engagement import Period
from kamkit.model.margin_rules import COST_STEPS, MarginRules
from kamkit.model.results import Finding

MOST_EXAMPLES = 5
_NEEDED = ("account_id", "cost_type", "actual")


@dataclass(frozen=True)
class AccountCosts:
    """`amounts`: account_id with a column per step, what was spent in the period, missing where it is not known.
    `missing`: what the budgets lack (table.column), for the steps that are known of no account."""

    amounts: pd.DataFrame
    missing: Mapping[str, tuple[str, ...]]


def account_costs(
    budgets: pd.DataFrame | None, period: Period, fiscal_year_start: int, rules: MarginRules
) -> AccountCosts:
    """What was spent on each account (`actual`), by the words of its cost types; plans are no costs.

    Known is a step of an account where every fiscal year of the period has an amount for it, of which the share of days in
    the period counts (convention). Budgets of segments belong to no account.
    """
    given = pd.DataFrame() if budgets is None else budgets
    given = given.reindex(columns=[*_NEEDED, "year"])
    absent = tuple(f"budgets.{column}" for column in _NEEDED if given[column].isna().all())
    if absent:
        return AccountCosts(pd.DataFrame(columns=["account_id", *COST_STEPS]), dict.fromkeys(COST_STEPS, absent))
    first, last = (fiscal_year(day, fiscal_year_start) for day in (period.start, period.end))
    shares = {y: float(covered_share(y, period.start, period.end, fiscal_year_start)) for y in range(first, last + 1)}
    rows = given.dropna(subset=["account_id", "cost_type"])
    rows = rows.assign(
        step=rows["cost_type"].map(rules.step_of), spent=rows["actual"].astype("float64") * rows["year"].map(shares)
    )
    amounts: dict[str, pd.Series] = {}
    missing: dict[str, tuple[str, ...]] = {}
    for step in COST_STEPS:
        own = rows[rows["step"] == step]
        inside = own[own["year"].isin(shares)].groupby("account_id")
        complete = (inside["year"].nunique() == len(shares)) & (inside["spent"].count() == inside.size())
        amounts[step] = inside["spent"].sum().where(complete)
        if amounts[step].isna().all():
            missing[step] = ("budgets.actual",) if len(own) else ("budgets.cost_type",)
    return AccountCosts(pd.DataFrame(amounts).rename_axis("account_id").reset_index(), missing)


def cost_type_findings(budgets: pd.DataFrame | None, rules: MarginRules) -> Iterator[Finding]:
    """Cost types of accounts that no level of the margin takes off."""
    if budgets is None or not {"account_id", "cost_type"} <= {*budgets.columns}:
        return
    types = budgets.dropna(subset=["account_id", "cost_type"])["cost_type"]
    left = types[[rules.step_of(cost_type) is None for cost_type in types]]
    if len(left):
        names = tuple(sorted(set(left)))
        values = {"n": len(names)}
        yield Finding(
            "cost_types_left", "budgets", Severity.INFO, len(left), examples=names[:MOST_EXAMPLES], values=values
        )
