"""Takeover by the customer: an exposure that is shown in confidence, never ranked and never recommended (domain §2.5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.options.history import History
from kamkit.analysis.options.scoring import anchor, weighted_score
from kamkit.model.codes import Gate, Option
from kamkit.model.option_rules import OptionRules, UpgradeRules

TOWARDS = 0.5
"""From here on a side's scaled dependence counts as dependence (convention)."""
INDUSTRY_LEVELS = {2: "division", 3: "group", 4: "class"}
SCALED = 1.5
"""By how much wallets and dependence are varied for the table of sensitivity (convention)."""


def takeover_indicators(history: History, pair: pd.DataFrame) -> pd.DataFrame:
    """Per account_id: our_dependence, their_dependence (raw shares), balance (1 − imbalance of the scaled pair: mutual
    dependence drives acquisitions, imbalance hinders them, Casciaro & Piskorski 2005), specificity (share of projects
    in which we are specified; missing without projects)."""
    found = pair[["our_dependence", "their_dependence"]].assign(balance=1 - pair["imbalance"])
    projects = history.tables.get("projects")
    if projects is not None and "spec_in" in projects and projects["spec_in"].notna().any():
        said = projects.dropna(subset=["spec_in"])
        found["specificity"] = said["spec_in"].astype(float).groupby(said["account_id"]).mean().reindex(pair.index)
    return found


def takeover_gate(raw: pd.DataFrame, coverage: pd.Series[Any], rules: UpgradeRules, least: float) -> pd.Series[Any]:
    """Open means: exposed enough to look at (from 10 % of the margin, or of revenue, on: a convention after
    the disclosure line of IFRS 8.34, which is one of revenue). Below that the exposure is closed; above it, without the
    customer's side, not assessable."""
    exposed = raw["our_dependence"] >= rules.exposure.value
    gates = np.where(
        coverage >= least, np.where(exposed, Gate.OPEN.value, Gate.CLOSED.value), Gate.NOT_ASSESSABLE.value
    )
    return pd.Series(gates, index=raw.index)


def takeover_exposure(history: History, pair: pd.DataFrame, key_ids: pd.Index) -> pd.DataFrame:
    """What a deal with each key account would mean; columns as in StrategyOptions.takeover, the most dependent first.

    In question is the revenue with the other accounts of the buyer's industry, as finely as the buyer's code names it: a
    supplier's common partners tend to withdraw after a deal (Rogan & Greve 2014). The direction is towards a deal only where
    both sides depend; "they are large and we depend" is not the pattern (Casciaro & Piskorski 2005).
    """
    ids = pair.index.intersection(key_ids)
    accounts = history.accounts.set_index("account_id")
    revenue, digits = accounts["revenue"].clip(lower=0), _digits(accounts)
    competing = {level: _by_industry(digits.str[:level], revenue) for level in INDUSTRY_LEVELS}
    level = digits.str.len().clip(upper=4).reindex(ids)
    rows = []
    for account_id in ids:
        n_digits = int(level[account_id]) if pd.notna(level[account_id]) else 0
        row: dict[str, Any] = {"account_id": account_id, "industry": None, "industry_level": None}
        if n_digits >= min(INDUSTRY_LEVELS):
            industry = str(digits[account_id])[:n_digits]
            own, same = float(revenue[account_id]), competing[n_digits]
            counted, total = int(same["size"][industry]), float(same["sum"][industry])
            row |= {"industry": industry, "industry_level": INDUSTRY_LEVELS[n_digits]}
            row |= {"n_competitors": counted - 1, "revenue_questioned": total - own}
        rows.append(row)
    columns = ["account_id", "industry", "industry_level", "n_competitors", "revenue_questioned"]
    found = pd.DataFrame(rows, columns=columns).astype({"n_competitors": "Int64", "revenue_questioned": float})
    found["share_questioned"] = found["revenue_questioned"] / max(float(revenue.sum()), 1e-9)
    sides = pair.loc[ids, ["our_dependence", "their_dependence", "mutual", "imbalance"]].reset_index(drop=True)
    weaker = pair.loc[ids, ["ours", "theirs"]].min(axis=1, skipna=False).to_numpy(float)
    direction = np.select([weaker >= TOWARDS, ~np.isnan(weaker)], ["towards", "against"], "unknown")
    table = pd.concat([found[["account_id"]], sides], axis=1).assign(direction=direction)
    table = table.join(found.drop(columns="account_id"))
    return table.sort_values(["our_dependence", "account_id"], ascending=[False, True], ignore_index=True)


def takeover_sensitivity(raw: pd.DataFrame, rules: OptionRules, key_ids: pd.Index) -> pd.DataFrame:
    """How the exposure of each key account hangs on what is assumed: account_id, assumption, score, exposed. The score is
    missing where less is known than it needs; without the customer's demand the assumptions on it are left out."""
    given = raw.loc[raw.index.intersection(key_ids)]
    parts = [
        pd.DataFrame(
            {
                "account_id": varied.index,
                "assumption": assumption,
                "score": _score(varied, rules),
                "exposed": varied["our_dependence"] >= rules.upgrade.exposure.value,
            }
        )
        for assumption, varied in _assumptions(given, rules)
    ]
    return pd.concat(parts, ignore_index=True)


def _assumptions(given: pd.DataFrame, rules: OptionRules) -> Iterator[tuple[str, pd.DataFrame]]:
    yield "as_given", given
    stated = given[given["their_dependence"].notna()]
    for name, column, factor, accounts in (
        ("we_depend_more", "our_dependence", SCALED, given),
        ("we_depend_less", "our_dependence", 1 / SCALED, given),
        ("demand_smaller", "their_dependence", SCALED, stated),
        ("demand_larger", "their_dependence", 1 / SCALED, stated),
    ):
        changed = accounts.assign(**{column: (accounts[column] * factor).clip(upper=1.0)})
        indicators = rules.options[Option.TAKEOVER].indicators
        ours, theirs = (anchor(changed[side], indicators[side]) for side in ("our_dependence", "their_dependence"))
        yield name, changed.assign(balance=1 - (ours - theirs).abs())
    yield "without_imbalance", stated.assign(balance=np.nan)


def _score(raw: pd.DataFrame, rules: OptionRules) -> pd.Series[Any]:
    rule = rules.options[Option.TAKEOVER]
    known = [name for name in rule.indicators if name in raw]
    anchored = pd.DataFrame({name: anchor(raw[name].astype(float), rule.indicators[name]) for name in known})
    weight = np.array([rule.indicators[name].weight for name in known])
    score = pd.Series(weighted_score(anchored, rule.mean, weight), index=raw.index)
    return score.where(anchored[["our_dependence", "their_dependence"]].notna().all(axis=1))


def _digits(accounts: pd.DataFrame) -> pd.Series[Any]:
    """The digits of each account's industry code, at least two; missing without a code. Codes of another version than
    most accounts' are no industry to compare with."""
    code = accounts["industry_code"].astype("string") if "industry_code" in accounts else None
    if code is None:
        return pd.Series(pd.NA, index=accounts.index, dtype="string")
    digits = code.str.replace(r"\D", "", regex=True)
    version = accounts["industry_version"].astype("string").fillna("") if "industry_version" in accounts else None
    if version is not None and version[digits.notna()].nunique() > 1:
        usual = version[digits.notna()].mode().iloc[0]
        digits = digits.where(version == usual)
    return digits.where(digits.str.len() >= min(INDUSTRY_LEVELS))


def _by_industry(industry: pd.Series[Any], revenue: pd.Series[Any]) -> pd.DataFrame:
    return revenue.groupby(industry).agg(["size", "sum"])
