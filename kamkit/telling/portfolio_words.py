"""Portfolio, allocation and investment in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from kamkit.model.portfolio_rules import AllocationRules
from kamkit.model.results import Allocation, Investment, KeyAccounts, Portfolio
from kamkit.telling.language import Labels
from kamkit.telling.results import ranking

TALKED_ABOUT = {"price_cost": "low_high", "revenue_margin": "high_low", "revenue_growth": "high_low"}
"""The field that heads each matrix of the main part: where something has to be done first."""


def portfolio_headline(portfolio: Portfolio, key_accounts: KeyAccounts, labels: Labels) -> str:
    """How many key accounts stand in the field that needs a decision first, and with which share of their revenue."""
    if not portfolio.main:
        return labels("portfolio.none")
    positions = portfolio.positions[portfolio.positions["model"] == portfolio.main]
    if close := _close_axes(portfolio, positions, labels):
        return close
    revenue = ranking(key_accounts).set_index("account_id")["revenue"].reindex(positions["account_id"])
    quadrant = TALKED_ABOUT.get(portfolio.main, "low_low")
    there = (positions["quadrant"] == quadrant).to_numpy()
    key = f"portfolio_finding.{portfolio.main}"
    words: dict[str, Any] = {"n": int(there.sum()), "total": len(positions)}
    words |= {"share": math.fsum(revenue[there]) / max(math.fsum(revenue), 1e-9)}
    if not there.any():
        key = f"{key}_none"
    if key not in labels:
        key, words["field"] = "portfolio_finding.any", field_name(portfolio.main, quadrant, labels)
    return labels(key, **words)


def _close_axes(portfolio: Portfolio, positions: pd.DataFrame, labels: Labels) -> str:
    """On which axes the key accounts hardly differ, so that no field is worth a headline; empty where they do."""
    model = portfolio.models[portfolio.models["model"] == portfolio.main].iloc[0]
    found = []
    for axis in ("x", "y"):
        if model[f"{axis}_close"]:
            ends = positions[axis].quantile([0.1, 0.9]).tolist()
            low, high = (written(end, model[f"{axis}_unit"], labels, ends) for end in ends)
            found.append(labels("portfolio.close_axis", axis=axis_name(model, axis, labels), low=low, high=high))
    return labels("portfolio.close", listed=found) if found else ""


def talked_about_first(portfolio: Portfolio, key_accounts: KeyAccounts, labels: Labels) -> str:
    """The largest accounts of the field that needs a decision first, by name; the finding where nobody stands there, or
    where the accounts hardly differ."""
    positions = portfolio.positions[portfolio.positions["model"] == portfolio.main]
    there = positions.loc[positions["quadrant"] == TALKED_ABOUT.get(portfolio.main, "low_low"), "account_id"]
    table = ranking(key_accounts)
    if _close_axes(portfolio, positions, labels):
        return labels("portfolio.close_first")
    names = table.loc[table["account_id"].isin(there), "name"].head(MOST_NAMED).tolist()
    if not names:
        return portfolio_headline(portfolio, key_accounts, labels)
    key = f"portfolio_first.{portfolio.main}"
    return labels(key if key in labels else "portfolio_first.any", names=names)


MOST_NAMED = 3


def model_name(model: str, labels: Labels) -> str:
    """A matrix by its name; one of the engagement's own rules by its code."""
    return labels(f"portfolio_model.{model}") if f"portfolio_model.{model}" in labels else model


def axis_name(model: pd.Series[Any], axis: str, labels: Labels) -> str:
    """What an axis shows."""
    key = f"portfolio_axis.{model['model']}_{axis}"
    return labels(key) if key in labels else axis


def field_name(model: str, quadrant: str, labels: Labels) -> str:
    """A field by the name it was given, else by high and low of its axes."""
    if (key := f"portfolio_field.{model}.{quadrant}") in labels:
        return labels(key)
    x, y = quadrant.split("_")
    return labels("portfolio.field", x=labels(f"portfolio.{x}"), y=labels(f"portfolio.{y}"))


def written(value: float, unit: str, labels: Labels, among: Sequence[float] = ()) -> str:
    """A value on an axis as it is read, with digits more where the values among which it stands are close together."""
    if unit == "money":
        return labels.money_short(value)
    if unit == "score":
        return labels.number(10 * value)
    steps = [abs(b - a) for a, b in pairwise(among)]
    digits = sum(min(steps) < step * (1 - 1e-9) for step in (0.01, 0.001)) if steps else 0
    text = labels.percent(value, digits)
    return f"+{text}" if unit == "change" and value > 0 else text


def allocation_sentences(allocation: Allocation, rules: AllocationRules, labels: Labels) -> Iterator[str]:
    """What moving budgets and time in proportion to margin would change; what is missing where it cannot be said."""
    for row in allocation.totals.to_dict("records"):
        kind = row["kind"]
        if row["missing"]:
            yield labels(f"allocation.missing_{kind}", names=labels.lacking(row["missing"]))
            continue
        table = allocation.table[allocation.table["kind"] == kind]
        more = table["proposed"] > table["today"]
        moved = math.fsum((table["proposed"] - table["today"])[more])
        words = {"n": row["n"], "total": row["total"], "moved": moved, "limit": rules.most_change.value}
        words |= {"limited": int(table["limited"].sum())}
        yield labels(f"allocation.{kind}", **words)
        if row["unallocated"] > 0.005 * math.fsum(table["today"]):
            yield labels(f"allocation.unallocated_{kind}", left=row["unallocated"])
        if row["n_without"]:
            yield labels(f"allocation.without_{kind}", n=row["n_without"])


def flat_maximum(rules: AllocationRules, labels: Labels) -> str:
    """Why the total needs no decimals, and what the split rests on."""
    words = {"flat": rules.flat_maximum.value, "part": rules.split_share.value}
    return labels("allocation.flat", **words, elasticity=labels.number(rules.elasticity.value, 2))


def investment_headline(found: Investment, labels: Labels) -> str:
    """The page in one sentence: what it costs and when that pays, or what is not known yet."""
    cost, words = found.break_even_cost, {"n": found.n_managed}
    if cost is None:
        at_stake = found.margin_at_risk if found.margin_at_risk is not None else found.revenue_at_risk
        of = "margin" if found.margin_at_risk is not None else "revenue"
        return labels(f"investment.unknown_{of}" if at_stake and at_stake > 0 else "investment.unknown", money=at_stake)
    if cost <= 0:
        return labels("investment.saving" if cost < 0 else "investment.same", **words, cost=-cost)
    opening = labels(f"investment.{found.break_even_on}", **words, cost=cost)
    return f"{opening} {_pays(found, labels)}"


def _pays(found: Investment, labels: Labels) -> str:
    share, revenue = found.break_even_share, found.break_even_revenue
    if share is not None and share <= 1:
        return labels("investment.pays_share", share=share)
    if revenue is not None:
        return labels("investment.pays_revenue", revenue=revenue)
    return labels("investment.pays_unknown")


def break_even_points(found: Investment, labels: Labels) -> Iterator[str]:
    """What would earn the cost back, each way by itself; what is undefined is said to be."""
    if found.break_even_cost is None or found.break_even_cost <= 0:
        yield labels("investment.even_none" if found.break_even_cost is not None else "investment.even_unknown")
        return
    yield labels(f"investment.even_on_{found.break_even_on}", cost=found.break_even_cost)
    if found.break_even_revenue is not None:
        yield labels("investment.even_revenue", revenue=found.break_even_revenue, rate=found.margin_rate)
    else:
        yield labels("investment.even_revenue_undefined")
    if found.break_even_share is None:
        yield labels("investment.even_share_undefined")
    else:
        yield labels(
            "investment.even_share" if found.break_even_share <= 1 else "investment.even_share_over",
            share=found.break_even_share,
        )


def derivations(found: Investment, window_months: int, labels: Labels) -> Iterator[str]:
    """How each figure comes about."""
    if found.cost_today is not None:
        yield labels(f"investment.from_{found.cost_today_from}")
    if found.cost_planned is not None:
        yield labels(f"investment.planned_{found.cost_planned_from}", n=found.n_managed)
    if found.revenue_at_risk is not None:
        yield labels("investment.risk_how", months=window_months)
    if found.potential_revenue is not None:
        yield labels("investment.potential_how")
    yield labels("investment.never_added")


def missing_sentence(found: Investment, labels: Labels) -> str:
    """What would tell more; nothing where nothing is missing."""
    return labels("investment.missing", names=labels.lacking(found.missing)) if found.missing else ""
