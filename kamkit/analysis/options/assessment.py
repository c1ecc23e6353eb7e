"""Step 4: the six options and account risk for every account, one recommendation, and the plan for the next 90 days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis import backtest
from kamkit.analysis.judging import judge_people
from kamkit.analysis.options.account_risk import KEY_SHARE, assess_account_risk
from kamkit.analysis.options.account_values import values_of
from kamkit.analysis.options.actions import plan_actions
from kamkit.analysis.options.buffer import study_buffer
from kamkit.analysis.options.calibration import Calibration, calibrate
from kamkit.analysis.options.conditions import conditions_of, threads_of
from kamkit.analysis.options.cross_selling import rank_cross_selling
from kamkit.analysis.options.evidence import counter_evidence_of, evidence_of, precondition_of
from kamkit.analysis.options.found import UPGRADES, Found
from kamkit.analysis.options.gates import conditions_told
from kamkit.analysis.options.growth import find_growth
from kamkit.analysis.options.history import History, history_until
from kamkit.analysis.options.pilot import propose_pilots
from kamkit.analysis.options.recommendation import recommend_options
from kamkit.analysis.options.risk_signs import risk_signs
from kamkit.analysis.options.sites import sister_white_spots, site_matrix
from kamkit.analysis.options.takeover import takeover_exposure, takeover_indicators, takeover_sensitivity
from kamkit.analysis.options.talking_points import talking_points
from kamkit.analysis.options.whitespace import whitespace_matrix, without_partner_items
from kamkit.analysis.patterns import spread_bookings
from kamkit.model.codes import Gate, Option, Severity, Tier
from kamkit.model.engagement import AccountRiskSettings, OptionSettings
from kamkit.model.option_rules import OptionRules, RiskLevel
from kamkit.model.results import AccountFacts, Finding, KamTypes, KeyAccounts, StrategyOptions
from kamkit.model.smallest_set import key_set

OPTION_COLUMNS = [
    "account_id",
    "option",
    "score",
    "coverage",
    "gate",
    "rank",
    "missing",
    "evidence",
    "action",
    "counter",
    "precondition",
    "risk",
    "values",
]


def assess_options(
    facts: AccountFacts,
    key_accounts: KeyAccounts,
    kam_types: KamTypes,
    settings: OptionSettings,
    account_risk: AccountRiskSettings,
    rules: OptionRules,
    today: dt.date,
) -> StrategyOptions:
    """Everything step 4 finds out, for every account with a line in the period.

    Raises EngagementError when the settings weigh an option or indicator that does not exist.
    """
    rules.check_weights(settings.weights)
    history, pattern = history_until(facts), history_until(spread_bookings(facts))
    accounts = facts.accounts[facts.accounts["in_period"].astype(bool)]
    ids = pd.Index(accounts["account_id"].astype(object), name="account_id")
    keys = key_account_ids(key_accounts)
    risk, risk_method = assess_account_risk(pattern, account_risk.window_months, rules.risk)
    if "statistics" in facts.blocked:
        risk = risk.assign(eligible=False)
    partners = settings.partner_categories
    sold = without_partner_items(history, facts.items, partners)
    cross, method, cross_methods = rank_cross_selling(
        sold, risk, keys, facts.items, rules.cross_selling, "cross_selling" not in facts.blocked
    )
    sites = site_matrix(sold, facts.sites, facts.members, facts.items, rules.cross_selling)
    sisters = sister_white_spots(sites)
    growth = find_growth(sold, cross, sisters, risk, keys, ids, facts.items, rules.cross_selling)
    found = Found(
        history=history,
        pattern=pattern,
        rules=rules,
        settings=settings,
        ids=ids,
        keys=keys,
        risk=risk,
        growth=growth,
        cross=cross,
        items=facts.items,
        sisters=sisters,
        window_months=account_risk.window_months,
        stages=kam_types.intensity.set_index("account_id")["stage"] if len(kam_types.intensity) else None,
        buffer=study_buffer(pattern, rules, "statistics" not in facts.blocked),
    )
    values = values_of(found, talking_points(history, facts.members, facts.items, _spread(facts)))
    conditions = conditions_of(found)
    types = kam_types.table.set_index("account_id")["kam_type"]
    recommendations = recommend_options(conditions, found.gates, types, values, rules, threads_of(found, conditions))
    people = judge_people(facts, key_accounts)
    past = backtest.past_risks(pattern, account_risk.window_months, rules, facts.blocked)
    tested = backtest.backtest_options(
        pattern, account_risk.window_months, method, rules, past, facts.blocked, keys, people
    )
    signs, sign_methods = risk_signs(pattern, account_risk.window_months, rules.risk)
    calibrated = _calibrated(pattern, risk, past, facts.blocked)
    red = pd.Index(risk.loc[risk["level"] == str(RiskLevel.RED), "account_id"])
    pilots, pilot_accounts = propose_pilots(recommendations, pattern, keys, red, rules.pilot, today)
    return StrategyOptions(
        options=_options(found, recommendations, values, conditions["trend"], tested, types),
        indicators=pd.concat([scored.indicators for scored in found.scored.values()], ignore_index=True),
        account_risk=risk.merge(
            calibrated.chances.rename_axis("account_id").reset_index(), on="account_id", how="left"
        ),
        cross_selling=cross,
        recommendations=recommendations,
        actions=plan_actions(recommendations, values, keys, today),
        backtests=tested,
        methods=(*risk_method, *calibrated.methods, *sign_methods, *cross_methods, *_untested(facts.blocked)),
        risk_signs=signs,
        reliability=calibrated.reliability,
        whitespace=whitespace_matrix(sold, cross, keys, facts.items, partners, rules.cross_selling),
        sites=sites[sites["account_id"].isin(keys)].reset_index(drop=True),
        buffer=found.buffer,
        conditions=pd.concat([conditions_told(o, found.met[o], UPGRADES[o]) for o in UPGRADES], ignore_index=True),
        takeover=takeover_exposure(history, found.pair, keys),
        pilots=pilots,
        pilot_accounts=pilot_accounts,
        takeover_sensitivity=takeover_sensitivity(takeover_indicators(history, found.pair), rules, keys),
    )


def key_account_ids(key_accounts: KeyAccounts) -> pd.Index:
    """The accounts that step 4 looks at as key accounts: those of the list, and those that were put on a tier."""
    chosen = key_accounts.tiers.loc[key_accounts.tiers["tier"] != Tier.OTHER, "account_id"]
    table = key_accounts.pareto.table
    listed = pd.Index(table.loc[table["is_key_account"].astype(bool), "account_id"].astype(object))
    ids: pd.Index = listed.union(pd.Index(chosen.astype(object)))
    return ids


def _spread(facts: AccountFacts) -> frozenset[str]:
    """The accounts for which a year's contract is booked in one line."""
    months = facts.spread.get("months", pd.DataFrame())
    return frozenset(months["account_id"]) if len(months) else frozenset()


def _calibrated(history: History, risk: pd.DataFrame, trials: pd.DataFrame, blocked: Mapping[str, str]) -> Calibration:
    """Probabilities for the key accounts by revenue, as far as past cut-offs (`trials`) bear them out."""
    if {"statistics", "account_risk"} & blocked.keys() or not history.dated_by_day:
        return Calibration()
    scores = risk.set_index("account_id")["risk_score"]
    keys = scores.index.intersection(key_set(history.yearly_revenue, KEY_SHARE))
    return calibrate(trials, scores.loc[keys])


def _untested(blocked: Mapping[str, str]) -> Iterator[Finding]:
    """Why account risk, or anything, was not tested on the client's own history."""
    for reason in (blocked[stage] for stage in ("statistics", "account_risk") if stage in blocked):
        yield Finding(f"untested_{reason}", "transactions", Severity.WARNING)


def _options(
    found: Found,
    recommendations: pd.DataFrame,
    values: Mapping[str, Mapping[str, Any]],
    trend: pd.Series[Any],
    tested: pd.DataFrame,
    types: pd.Series[Any],
) -> pd.DataFrame:
    """Accounts × six: score, coverage, gate, rank (recommended first, then supporting, then other open ones in the
    order of the rule table; takeover never), what is missing, evidence, action, counter-evidence, precondition, risk."""
    first = recommendations.set_index("account_id")
    order = [str(row.recommend) for row in found.rules.recommendations]
    told = pd.DataFrame.from_dict({account_id: dict(own) for account_id, own in values.items()}, orient="index")
    told = told.reindex(found.ids)
    parts = []
    for option, scored in found.scored.items():
        gate = found.gates[option]
        place = np.select(
            [
                first["recommended_option"].reindex(found.ids).eq(option),
                first["supporting_option"].reindex(found.ids).eq(option),
                gate.eq(Gate.OPEN),
            ],
            [0, 1, 2 + (order.index(option) if option in order else 0)],
            99,
        )
        parts.append(
            scored.table.assign(
                missing=_missing(found, option),
                option=str(option),
                gate=gate,
                place=np.where(option is Option.TAKEOVER, 99, place),
                evidence=evidence_of(found, option),
                action=str(option),
                counter=counter_evidence_of(found, option, trend, tested, told),
                precondition=precondition_of(option, types, found.ids),
                risk=str(option),
            )
        )
    table = pd.concat(parts).rename_axis("account_id").reset_index()
    table["position"] = table["option"].map({str(option): i for i, option in enumerate(Option)})
    standing = table["place"].where(table["place"] < 99)
    table["rank"] = standing.groupby(table["account_id"]).rank(method="first").astype("Int64")
    table = table.sort_values(["account_id", "position"], ignore_index=True)
    filled = [
        {**values[str(account_id)], "coverage": coverage}
        for account_id, coverage in zip(table["account_id"], table["coverage"].astype(float), strict=True)
    ]
    table["values"] = pd.Series(filled, index=table.index, dtype=object)
    return table[OPTION_COLUMNS]


def _missing(found: Found, option: Option) -> pd.Series[Any]:
    """What is missing for the score, and for the conditions that are not known."""
    missing = found.scored[option].table["missing"]
    if option not in UPGRADES:
        return missing
    conditions, unknown = list(UPGRADES[option]), found.met[option].isna().to_numpy()
    needs = [
        tuple(dict.fromkeys([*asked, *(n for i in np.flatnonzero(row) for n in UPGRADES[option][conditions[i]])]))
        for asked, row in zip(missing, unknown, strict=True)
    ]
    return pd.Series(needs, index=missing.index, dtype=object)
