"""Step 4: the six options and account risk for every account, one recommendation, and the plan for the next 90 days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis import backtest
from kamkit.analysis.options import scoring
from kamkit.analysis.options.account_risk import KEY_SHARE, assess_account_risk, risk_trials
from kamkit.analysis.options.actions import plan_actions
from kamkit.analysis.options.alliance import ALLIANCE_NEEDS, alliance_conditions, alliance_indicators
from kamkit.analysis.options.buffer import last_shocks, study_buffer
from kamkit.analysis.options.calibration import Calibration, calibrate
from kamkit.analysis.options.cross_selling import rank_cross_selling
from kamkit.analysis.options.dependence import dependence, ratings
from kamkit.analysis.options.early_warning import antenna_gate, antenna_indicators
from kamkit.analysis.options.events import without_events
from kamkit.analysis.options.gates import conditions_gate, conditions_told, first_unmet
from kamkit.analysis.options.growth import find_growth
from kamkit.analysis.options.history import History, history_until
from kamkit.analysis.options.partnership import (
    PARTNERSHIP_NEEDS,
    contract_years,
    partnership_conditions,
    partnership_indicators,
)
from kamkit.analysis.options.pilot import propose_pilots
from kamkit.analysis.options.purchasing import net_change
from kamkit.analysis.options.recommendation import recommend_options, trend
from kamkit.analysis.options.relationship import contact_facts, relationship_indicators
from kamkit.analysis.options.risk_signs import risk_signs
from kamkit.analysis.options.scoring import LEAST_COVERAGE, Scored, score_option
from kamkit.analysis.options.sites import sister_white_spots, site_matrix
from kamkit.analysis.options.takeover import (
    takeover_exposure,
    takeover_gate,
    takeover_indicators,
    takeover_sensitivity,
)
from kamkit.analysis.options.whitespace import whitespace_matrix, without_partner_items
from kamkit.analysis.patterns import spread_bookings
from kamkit.errors import EngagementError
from kamkit.model.codes import Gate, Option, Severity, Tier
from kamkit.model.engagement import AccountRiskSettings, OptionSettings, unknown
from kamkit.model.option_rules import OptionRules, RiskLevel
from kamkit.model.results import AccountFacts, BufferStudy, Finding, KamTypes, KeyAccounts, StrategyOptions
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
    "values",
]
UPGRADES: Mapping[Option, Mapping[str, tuple[str, ...]]] = {
    Option.PARTNERSHIP: PARTNERSHIP_NEEDS,
    Option.ALLIANCE: ALLIANCE_NEEDS,
}
"""The options with conditions of their own, and what is asked for where one is not known."""
SHARED = 3.0
"""Forecasts count as shared from the middle of the scale on (convention)."""


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
    _check_weights(settings, rules)
    history, pattern = history_until(facts), history_until(spread_bookings(facts))
    accounts = facts.accounts[facts.accounts["in_period"].astype(bool)]
    ids = pd.Index(accounts["account_id"].astype(object), name="account_id")
    chosen = key_accounts.tiers.loc[key_accounts.tiers["tier"] != Tier.OTHER, "account_id"]
    table = key_accounts.pareto.table
    keys = pd.Index(table.loc[table["is_key_account"].astype(bool), "account_id"].astype(object)).union(
        pd.Index(chosen.astype(object))
    )
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
    stages = kam_types.intensity.set_index("account_id")["stage"] if len(kam_types.intensity) else None
    buffer = study_buffer(pattern, rules, "statistics" not in facts.blocked)
    found = _Found(
        history, pattern, rules, settings, ids, keys, risk, growth, sisters, account_risk.window_months, stages, buffer
    )
    signs, sign_methods = risk_signs(pattern, account_risk.window_months, rules.risk)
    calibrated = _calibrated(pattern, risk, account_risk.window_months, rules, facts.blocked)
    values = found.values
    recommendations = recommend_options(
        found.conditions, found.gates, kam_types.table.set_index("account_id")["kam_type"], values, rules
    )
    red = pd.Index(risk.loc[risk["level"] == str(RiskLevel.RED), "account_id"])
    pilots, pilot_accounts = propose_pilots(recommendations, pattern, keys, red, rules.pilot, today)
    return StrategyOptions(
        options=found.options(recommendations),
        indicators=pd.concat([scored.indicators for scored in found.scored.values()], ignore_index=True),
        account_risk=risk.merge(
            calibrated.chances.rename_axis("account_id").reset_index(), on="account_id", how="left"
        ),
        cross_selling=cross,
        recommendations=recommendations,
        actions=plan_actions(recommendations, values, keys, today),
        backtests=backtest.backtest_options(pattern, account_risk.window_months, method, rules, facts.blocked, keys),
        methods=(*risk_method, *calibrated.methods, *sign_methods, *cross_methods, *_untested(facts.blocked)),
        risk_signs=signs,
        reliability=calibrated.reliability,
        whitespace=whitespace_matrix(sold, cross, keys, facts.items, partners, rules.cross_selling),
        sites=sites[sites["account_id"].isin(keys)].reset_index(drop=True),
        buffer=buffer,
        conditions=pd.concat([conditions_told(o, found.met[o], UPGRADES[o]) for o in UPGRADES], ignore_index=True),
        takeover=takeover_exposure(history, found.pair, keys),
        pilots=pilots,
        pilot_accounts=pilot_accounts,
        takeover_sensitivity=takeover_sensitivity(takeover_indicators(history, found.pair), rules, keys),
    )


def _calibrated(
    history: History, risk: pd.DataFrame, window_months: int, rules: OptionRules, blocked: Mapping[str, str]
) -> Calibration:
    """Probabilities for the key accounts by revenue, as far as past cut-offs bear them out."""
    if {"statistics", "account_risk"} & blocked.keys() or not history.dated_by_day:
        return Calibration()
    days = backtest.cut_offs(history, window_months)
    scores = risk.set_index("account_id")["risk_score"]
    keys = scores.index.intersection(key_set(history.yearly_revenue, KEY_SHARE))
    return calibrate(risk_trials(history, days, window_months, rules.risk), scores.loc[keys])


def _untested(blocked: Mapping[str, str]) -> Iterator[Finding]:
    """Why account risk, or anything, was not tested on the client's own history."""
    for reason in (blocked[stage] for stage in ("statistics", "account_risk") if stage in blocked):
        yield Finding(f"untested_{reason}", "transactions", Severity.WARNING)


def _check_weights(settings: OptionSettings, rules: OptionRules) -> None:
    problems = []
    for option, weights in settings.weights.items():
        if option not in rules.options:
            problems.append(f"options.weights: {unknown(option, {str(o): None for o in Option})}")
            continue
        known = rules.options[Option(option)].indicators
        problems += [f"options.weights.{option}: {unknown(name, known)}" for name in weights if name not in known]
        problems += [
            f"options.weights.{option}.{name}: a weight cannot be negative" for name, w in weights.items() if w < 0
        ]
    if problems:
        raise EngagementError("options", problems)


@dataclass(frozen=True)
class _Found:
    """Scores, gates and conditions of all accounts, and the values of their sentences; `pattern` is the history with
    yearly bookings spread over their months."""

    history: History
    pattern: History
    rules: OptionRules
    settings: OptionSettings
    ids: pd.Index
    keys: pd.Index
    risk: pd.DataFrame
    growth: pd.DataFrame
    sisters: pd.DataFrame
    window_months: int
    stages: pd.Series[Any] | None
    buffer: BufferStudy

    @cached_property
    def pair(self) -> pd.DataFrame:
        return dependence(self.history, self.rules).reindex(self.ids)

    @cached_property
    def antenna(self) -> pd.DataFrame:
        columns = (
            "lead months_ahead lead_band leads early_adoption n_new_items adopts_early market_talks innovation_projects "
            "contact_functions"
        )
        return antenna_indicators(self.pattern, self.rules.antenna, self.keys).reindex(
            self.ids, columns=columns.split()
        )

    @cached_property
    def scored(self) -> Mapping[Option, Scored]:
        upgrade = self.rules.upgrade
        raw = {
            Option.EARLY_WARNING: self.antenna,
            Option.CROSS_SELLING: self.growth[["potential_share", "penetration", "open_items"]],
            Option.RELATIONSHIP: relationship_indicators(self.pattern),
            Option.ALLIANCE: alliance_indicators(self.history, self.pair),
            Option.TAKEOVER: takeover_indicators(self.history, self.pair),
            Option.PARTNERSHIP: partnership_indicators(self.history, self.pair, upgrade),
        }
        given = self.history.given
        weights = self.settings.weights
        return {
            option: score_option(
                option, frame.reindex(self.ids), self.rules.options[option], weights.get(option, {}), given
            )
            for option, frame in raw.items()
        }

    @cached_property
    def contacts(self) -> pd.DataFrame:
        return contact_facts(self.history).reindex(self.ids)

    @cached_property
    def projects(self) -> pd.DataFrame:
        found = alliance_indicators(self.history, self.pair)
        return found.reindex(columns=["joint_projects", "joint_hours"])

    @cached_property
    def shocks(self) -> pd.DataFrame:
        return last_shocks(self.buffer, self.ids)

    def _partnership_values(self) -> dict[str, pd.Series[Any]]:
        rated = ratings(self.history.tables.get("ratings")).reindex(index=self.ids, columns=["information"])
        shared = np.select([rated["information"] >= SHARED, rated["information"].notna()], ["yes", "no"], "unknown")
        years = contract_years(self.history.tables.get("contracts"), self.history.cut_off)
        return {
            "contract_years": pd.Series(np.nan, index=self.ids) if years is None else years.reindex(self.ids),
            "forecast": pd.Series(shared, index=self.ids),
        }

    @cached_property
    def met(self) -> Mapping[Option, pd.DataFrame]:
        """The conditions of the upgrades, by account: true, false or missing."""
        upgrade = self.rules.upgrade
        return {
            Option.PARTNERSHIP: partnership_conditions(self.history, self.ids, upgrade),
            Option.ALLIANCE: alliance_conditions(self.history, self.ids, self.stages, upgrade),
        }

    @cached_property
    def gates(self) -> pd.DataFrame:
        """The gate of each option, by account_id."""
        upgrade = self.rules.upgrade
        coverage = {option: scored.table["coverage"] for option, scored in self.scored.items()}
        upgrades = {
            option: conditions_gate(
                met, self.scored[option].table["score"], coverage[option], upgrade.score.value, LEAST_COVERAGE
            )
            for option, met in self.met.items()
        }
        relationship = np.where(
            coverage[Option.RELATIONSHIP] >= LEAST_COVERAGE, Gate.OPEN.value, Gate.NOT_ASSESSABLE.value
        )
        sellable = self.growth["growth"].map(
            {"worthwhile": Gate.OPEN, "small": Gate.OPEN, "none": Gate.CLOSED, "closed": Gate.CLOSED}
        )
        return pd.DataFrame(
            {
                Option.EARLY_WARNING: antenna_gate(self.antenna, coverage[Option.EARLY_WARNING], LEAST_COVERAGE),
                Option.CROSS_SELLING: sellable.fillna(Gate.NOT_ASSESSABLE).astype(str),
                Option.RELATIONSHIP: relationship,
                Option.TAKEOVER: takeover_gate(self.pair, coverage[Option.TAKEOVER], upgrade, LEAST_COVERAGE),
                **upgrades,
            },
            index=self.ids,
        ).astype(str)

    @cached_property
    def conditions(self) -> pd.DataFrame:
        """The answer to every condition of the rule table, and the gate that other weightings would turn; the trend is
        the one without the days of events."""
        accounts = self.history.accounts.set_index("account_id").reindex(self.ids)
        risk = self.risk.set_index("account_id").reindex(self.ids)
        margin = accounts["margin"].astype(float)
        calm_change = net_change(without_events(self.pattern)).reindex(self.ids)
        exposed = self.pair["our_dependence"] >= self.rules.upgrade.exposure.value
        table = pd.DataFrame(
            {
                "risk": risk["level"].astype("object").fillna(str(RiskLevel.GREEN)),
                "margin": np.select([margin < 0, margin.notna()], ["loss", "positive"], "unknown"),
                "partnership": self.gates[Option.PARTNERSHIP],
                "alliance": self.gates[Option.ALLIANCE],
                "growth": self.growth["growth"],
                "antenna": self.gates[Option.EARLY_WARNING],
                "relationship": self.gates[Option.RELATIONSHIP],
                "size": np.where(exposed, "exposed", "ordinary"),
                "trend": trend(calm_change.where(risk["revenue_change"].notna())),
            },
            index=self.ids,
        ).astype(str)
        return table.assign(flipped=self._flipped())

    def _flipped(self) -> pd.Series[Any]:
        """The upgrade whose gate hangs on the score and would turn in more weightings than tolerated; else missing."""
        upgrade = self.rules.upgrade
        flipped = pd.Series(None, index=self.ids, dtype="object")
        for option in UPGRADES:
            scored, gate = self.scored[option], self.gates[option]
            near = self.ids[(scored.table["coverage"] >= LEAST_COVERAGE) & (gate != Gate.NOT_ASSESSABLE)]
            if near.empty:
                continue
            mean = self.rules.options[option].mean
            share = scoring.share_of_weightings(scored.anchored.loc[near], mean, upgrade.score.value)
            turned = np.where(gate[near] == Gate.OPEN, 1 - share, share) > upgrade.close_call.value
            flipped[near[turned & flipped[near].isna().to_numpy()]] = str(option)
        return flipped

    @cached_property
    def values(self) -> dict[str, dict[str, Any]]:
        """What the sentences about an account may name."""
        accounts = self.history.accounts.set_index("account_id").reindex(self.ids)
        risk = self.risk.set_index("account_id").reindex(self.ids)
        told = pd.DataFrame(risk["values"].map(lambda v: v if isinstance(v, dict) else {}).tolist(), index=self.ids)
        relationship = self.scored[Option.RELATIONSHIP].indicators
        raw = relationship.pivot(index="account_id", columns="indicator", values="value").reindex(self.ids)
        revenue = self.history.yearly_revenue.reindex(self.ids).fillna(0.0)
        before = self.history.revenue(12, 12).reindex(self.ids).fillna(0.0)
        half_before = self.pattern.revenue(6, 12).reindex(self.ids).fillna(0.0)
        half = self.pattern.revenue(6).reindex(self.ids).fillna(0.0)
        frame = told.assign(
            name=accounts["name"].astype("object"),
            risk_evidence=risk["evidence"].astype("object"),
            at_risk=risk["revenue_at_risk"].fillna(0.0),
            revenue=revenue,
            before=before,
            lost_revenue=(half_before - half).clip(lower=0),
            months=self.window_months,
            trend_change=risk["revenue_change"],
            margin=accounts["margin"].astype(float),
            share=self.pair["our_dependence"],
            their_share=self.pair["their_dependence"],
            tenure=raw.get("tenure_years"),
            regularity=raw.get("regularity"),
            active=raw.get("active_months"),
            need=self._needs(),
            growth_evidence=self.growth["evidence"],
            **{column: self.growth[column] for column in GROWTH_VALUES},
            lead=self.antenna["lead"],
            ahead=self.antenna["months_ahead"],
            band=self.antenna["lead_band"],
            adoption=self.antenna["early_adoption"],
            n_new=self.antenna["n_new_items"],
            contacts=self.contacts["contact_density"],
            deciders=self.contacts["deciders"],
            top_share=self.contacts["top_own_share"],
            top_role=self.contacts["top_own_role"],
            projects=self.projects["joint_projects"],
            hours=self.projects["joint_hours"],
            mutual=self.pair["mutual"],
            imbalance=self.pair["imbalance"],
            alliance_unmet=first_unmet(self.met[Option.ALLIANCE]).fillna("score"),
            partnership_unmet=first_unmet(self.met[Option.PARTNERSHIP]).fillna("score"),
            **{str(column): self.shocks[column] for column in self.shocks},
            **self._partnership_values(),
        )
        columns = list(frame.columns)
        values = {
            str(i): {c: _plain(v) for c, v in zip(columns, row, strict=True)}
            for i, row in zip(frame.index, frame.to_numpy(object).tolist(), strict=True)
        }
        for account_id, spots in self.sisters.groupby("account_id"):
            if str(account_id) in values:
                first = spots.iloc[0]
                values[str(account_id)] |= {
                    "sister_whitespace": tuple(spots["name"].astype(str)),
                    "sister_item": str(first["name"]),
                    "sister_buyer": str(first["buyer"]),
                    "sister_lacking": tuple(first["lacking"]),
                    "sister_expected": float(first["expected_revenue"]),
                }
        return values

    def options(self, recommendations: pd.DataFrame) -> pd.DataFrame:
        """Accounts × six: score, coverage, gate, rank (recommended first, then supporting, then other open ones in the
        order of the rule table; takeover never), what is missing, evidence and action."""
        first = recommendations.set_index("account_id")
        order = [str(row.recommend) for row in self.rules.recommendations]
        parts = []
        for option, scored in self.scored.items():
            gate = self.gates[option]
            place = np.select(
                [
                    first["recommended_option"].reindex(self.ids).eq(option),
                    first["supporting_option"].reindex(self.ids).eq(option),
                    gate.eq(Gate.OPEN),
                ],
                [0, 1, 2 + (order.index(option) if option in order else 0)],
                99,
            )
            parts.append(
                scored.table.assign(
                    missing=self._missing(option),
                    option=str(option),
                    gate=gate,
                    place=np.where(option is Option.TAKEOVER, 99, place),
                    evidence=self._evidence(option, gate),
                    action=str(option),
                )
            )
        table = pd.concat(parts).rename_axis("account_id").reset_index()
        table["position"] = table["option"].map({str(option): i for i, option in enumerate(Option)})
        standing = table["place"].where(table["place"] < 99)
        table["rank"] = standing.groupby(table["account_id"]).rank(method="first").astype("Int64")
        table = table.sort_values(["account_id", "position"], ignore_index=True)
        told = [
            {**self.values[str(account_id)], "coverage": coverage}
            for account_id, coverage in zip(table["account_id"], table["coverage"].astype(float), strict=True)
        ]
        table["values"] = pd.Series(told, index=table.index, dtype=object)
        return table[OPTION_COLUMNS]

    def _evidence(self, option: Option, gate: pd.Series[Any]) -> pd.Series[Any]:
        """The code of the sentence that says what was seen."""
        growth, antenna = self.growth, self.antenna
        by_account = {
            Option.EARLY_WARNING: np.select(
                [
                    antenna["leads"].eq(True),
                    antenna["adopts_early"].eq(True),
                    antenna["lead"].notna(),
                ],
                ["antenna_leads", "antenna_adopts", "antenna_no_lead"],
                "antenna_unknown",
            ),
            Option.CROSS_SELLING: np.select(
                [
                    growth["growth"].eq("worthwhile"),
                    growth["growth"].eq("small"),
                    growth["growth"].eq("none"),
                    growth["growth"].eq("closed"),
                ],
                [growth["evidence"].fillna("cross_small"), "cross_small", "cross_all_bought", "cross_closed"],
                "cross_unknown",
            ),
            Option.RELATIONSHIP: self._relationship_evidence(gate),
            Option.TAKEOVER: np.select(
                [self.pair["their_dependence"].notna(), self.pair["our_dependence"].notna()],
                ["takeover_pair", "takeover_share"],
                "takeover_unknown",
            ),
        }
        default = np.select(
            [gate.eq(Gate.OPEN) & self._in_full(option), gate.eq(Gate.OPEN), gate.eq(Gate.CLOSED)],
            [f"{option}_open_full", f"{option}_open", f"{option}_closed"],
            f"{option}_unknown",
        )
        return pd.Series(by_account.get(option, default), index=self.ids, dtype="object").astype(str)

    def _relationship_evidence(self, gate: pd.Series[Any]) -> Any:
        """What contacts say comes before what orders say; what happened after a shock is added where there was one."""
        contacts = self.contacts[["contact_density", "deciders", "top_own_share"]].notna().all(axis=1)
        orders = gate.eq(Gate.OPEN) & self._known("regularity") & self._known("active_months")
        shock = self.shocks["shock_kept"].notna()
        return np.select(
            [contacts & shock, contacts, orders & shock, orders, self._known("tenure_years")],
            [
                *("relationship_contacts_shock", "relationship_contacts", "relationship_orders_shock"),
                *("relationship_orders", "relationship_tenure"),
            ],
            "relationship_unknown",
        )

    def _in_full(self, option: Option) -> pd.Series[bool]:
        """Whether all that the longer sentence about an upgrade names is known."""
        names = {Option.ALLIANCE: self.projects["joint_hours"], Option.PARTNERSHIP: self.pair["their_dependence"]}
        return names[option].notna() if option in names else pd.Series(False, index=self.ids)

    def _missing(self, option: Option) -> pd.Series[Any]:
        """What is missing for the score, and for the conditions that are not known."""
        missing = self.scored[option].table["missing"]
        if option not in UPGRADES:
            return missing
        conditions, unknown = list(UPGRADES[option]), self.met[option].isna().to_numpy()
        needs = [
            tuple(dict.fromkeys([*asked, *(n for i in np.flatnonzero(row) for n in UPGRADES[option][conditions[i]])]))
            for asked, row in zip(missing, unknown, strict=True)
        ]
        return pd.Series(needs, index=missing.index, dtype=object)

    def _needs(self) -> pd.Series[Any]:
        """The first thing that would have to be known to look after the relationship by more than habit."""
        missing = self.scored[Option.RELATIONSHIP].table["missing"]
        return missing.map(lambda needs: next(iter(needs), None)).astype("object")

    def _known(self, indicator: str) -> pd.Series[Any]:
        return self.scored[Option.RELATIONSHIP].anchored[indicator].notna()


GROWTH_VALUES = (
    *("category", "n", "peers", "because", "lift", "both", "penetration", "usual"),
    *("expected", "low", "high", "own", "typical", "buyer"),
)


def _plain(value: Any) -> Any:
    """A number, text or None; what is missing is None."""
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value
