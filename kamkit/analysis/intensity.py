"""How intensely a client works together with each account: what is known of contacts, service, projects, products and
contracts, on one scale from 0 to 1 (domain S9). A description with conventions for anchors, weights and bands, no
measured quantity; what is not known is left out and named, never taken for nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kamkit.analysis.options.dependence import ratings
from kamkit.analysis.options.partnership import contract_years
from kamkit.analysis.options.scoring import LEAST_COVERAGE, anchor, weighted_score
from kamkit.model.codes import Grain
from kamkit.model.intensity_rules import Dimension, IntensityRules, Weighted
from kamkit.model.results import AccountFacts


def measure_intensity(facts: AccountFacts, service: pd.Series[Any], rules: IntensityRules) -> pd.DataFrame:
    """account_id (in the order of the accounts), intensity (0–1), coverage (share of the weight that is known), stage,
    missing (tuple of table.column: the shortest way to half of the weight), and a column per dimension (0–1, missing where not known).

    `service`: the number of substantive privileges by account, missing where not known. With less than half of the weight
    known, intensity and stage are missing. Weights follow Ryals & Davies 2013, a hint from nine relationships; stage names
    McDonald & Woodburn; everything else is a convention.
    """
    ids = pd.Index(facts.accounts["account_id"].astype("string"), name="account_id")
    raw = pd.DataFrame(_figures(facts, service, rules), index=ids).reindex(columns=list(Dimension)).astype("float64")
    scores = pd.DataFrame({str(name): anchor(raw[name], rule) for name, rule in _rules(rules)}, index=ids)
    weights = np.array([rule.weight for _, rule in _rules(rules)])
    known = scores.notna().to_numpy()
    coverage = known @ weights / weights.sum()
    enough = coverage >= LEAST_COVERAGE - 1e-9
    index = pd.Series(np.where(enough, weighted_score(scores, "arithmetic", weights), np.nan), index=ids)
    names, starts = list(rules.stages), [stage.value for stage in rules.stages.values()]
    stage = pd.cut(index + 1e-9, [*starts, np.inf], right=False, labels=list(map(str, names))).astype("string")
    found = pd.DataFrame({"intensity": index, "coverage": coverage, "stage": stage})
    patterns, inverse = np.unique(known, axis=0, return_inverse=True)
    missing = [_missing(pattern, rules) for pattern in patterns]
    found["missing"] = pd.Series([missing[i] for i in np.ravel(inverse)], index=ids, dtype=object)
    return found.join(scores).reset_index()


def _missing(known: NDArray[np.bool_], rules: IntensityRules) -> tuple[str, ...]:
    """What would make half of the weight known, the heaviest dimensions first; nothing where it is."""
    dimensions = _rules(rules)
    total = sum(rule.weight for _, rule in dimensions)
    weight = sum(rule.weight for has, (_, rule) in zip(known, dimensions, strict=True) if has)
    needs: dict[str, None] = {}
    unknown = [rule for has, (_, rule) in zip(known, dimensions, strict=True) if not has]
    for rule in sorted(unknown, key=lambda rule: -rule.weight):
        if weight >= LEAST_COVERAGE * total - 1e-9:
            break
        needs |= dict.fromkeys(rule.needs)
        weight += rule.weight
    return tuple(needs)


def _rules(rules: IntensityRules) -> list[tuple[Dimension, Weighted]]:
    return [(name, rules.dimensions[name]) for name in Dimension]


def _figures(facts: AccountFacts, service: pd.Series[Any], rules: IntensityRules) -> dict[str, pd.Series[Any]]:
    """What is known of each dimension, by account; accounts that are not in a series are not known."""
    end = pd.Timestamp(facts.period.end)
    rated = ratings(facts.tables.get("ratings"))
    found = {str(name): rated[name] for name in ("integration", "information") if name in rated}
    found |= _contacts(facts, end) | {"service": service}
    if (hours := _project_hours(facts, end)) is not None:
        found["joint_projects"] = hours
    if (years := contract_years(facts.tables.get("contracts"), end)) is not None:
        found["formalisation"] = years.reindex(facts.accounts["account_id"]).fillna(0.0)
    if (own := _own_products(facts, rules)) is not None:
        found["customisation"] = own
    return found


def _contacts(facts: AccountFacts, end: pd.Timestamp) -> dict[str, pd.Series[Any]]:
    """contact_frequency and contact_breadth in the year before the period's end, of accounts with contacts on record."""
    table = facts.tables.get("interactions")
    if table is None or table.empty:
        return {}
    recent = table[(table["date"] <= end) & (table["date"] > end - pd.DateOffset(years=1))]
    by_account = recent.dropna(subset=["account_id"]).groupby("account_id")
    found: dict[str, pd.Series[Any]] = {"contact_frequency": by_account.size()}
    if "contact_id" in recent and recent["contact_id"].notna().any():
        found["contact_breadth"] = by_account["contact_id"].nunique().astype("float64").replace(0.0, float("nan"))
    return found


def _project_hours(facts: AccountFacts, end: pd.Timestamp) -> pd.Series[Any] | None:
    """Hours in projects that began in the year before the period's end; 0 for accounts that a filled table does not name."""
    table = facts.tables.get("projects")
    if table is None or "hours" not in table or table["hours"].isna().all():
        return None
    if "start" in table:
        table = table[
            table["start"].isna() | ((table["start"] <= end) & (table["start"] > end - pd.DateOffset(years=1)))
        ]
    hours = table.groupby("account_id")["hours"].sum(min_count=1)
    unknown = set(hours.index[hours.isna()])
    found = hours.reindex(facts.accounts["account_id"])
    return found.where(found.notna() | found.index.isin(unknown), 0.0)


def _own_products(facts: AccountFacts, rules: IntensityRules) -> pd.Series[Any] | None:
    """The share of the period's purchases in products that only this account buys, and on more than one day: what was
    bought once may be anybody's. None without product numbers or with too few buyers."""
    bought = facts.purchases if facts.item_kind == "product" else facts.product_purchases
    if facts.grain != Grain.DAY or bought.empty:
        return None
    start, end = pd.Timestamp(facts.period.start), pd.Timestamp(facts.period.end)
    inside = bought[bought["date"].between(start, end)]
    if inside["account_id"].nunique() < rules.fewest_accounts.value:
        return None
    by_item = bought.groupby("item")
    own = (by_item["account_id"].nunique() == 1) & (by_item["date"].nunique() > 1)
    revenue = inside["revenue"].clip(lower=0)
    total = revenue.groupby(inside["account_id"]).sum()
    custom = revenue.where(inside["item"].map(own).astype(bool), 0.0).groupby(inside["account_id"]).sum()
    return custom / total.where(total > 0)
