"""The rules of the strategy options: `rules/options.yml`, typed.

Thresholds and anchors carry their origin. The table of recommendations is read from the top: the first row that holds
decides, and the last row has no condition, so every account gets one answer. Takeover can never be recommended.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from kamkit.errors import EngagementError
from kamkit.model.codes import BASIC_CARE, Evidence, Gate, KamType, Option
from kamkit.model.engagement import unknown
from kamkit.model.rules import Rule, Threshold, load_rules

CONDITIONS: Mapping[str, tuple[str, ...]] = {
    "risk": ("red", "amber", "green"),
    "margin": ("loss", "positive", "unknown"),
    "partnership": tuple(Gate),
    "alliance": tuple(Gate),
    "growth": ("worthwhile", "small", "none", "closed", "not_assessable"),
    "antenna": tuple(Gate),
    "relationship": tuple(Gate),
    "size": ("exposed", "ordinary"),
    "trend": ("growing", "steady", "shrinking", "unknown"),
}
"""What a row of the table may ask for, and the answers there are."""

SECURE, REPAIR = "secure", "repair"
"""How relationship management is done where revenue or margin is lost: ways of acting, not options of their own."""

ACTIONS = (SECURE, REPAIR, *(option.value for option in Option if option is not Option.TAKEOVER), BASIC_CARE)
"""What a first step, a question and a role are written for."""


class RiskLevel(StrEnum):
    """How an account's risk of falling or stopping is shown."""

    RED = "red"
    AMBER = "amber"
    GREEN = "green"


class RiskRules(Rule):
    """Thresholds of account risk."""

    fall: Threshold
    weaker: Threshold
    overdue: Threshold
    fewest_orders: Threshold
    one_off: Threshold
    shrinkage: Threshold
    history_months: Threshold
    active_weeks: Threshold
    lost_share: Threshold
    discount_creep: Threshold
    credit_rise: Threshold
    complaints: Threshold
    contract_share: Threshold


class CrossSellingRules(Rule):
    """Thresholds of cross-selling."""

    half_life_days: Threshold
    long_half_life_days: Threshold
    freshness_days: Threshold
    popularity: Threshold
    shrinkage: Threshold
    most_items: Threshold
    fewest_accounts: Threshold
    fewest_items: Threshold
    fewest_firsts: Threshold
    fewest_peers: Threshold
    penetration: Threshold
    worthwhile: Threshold
    first_purchase: Threshold
    false_discovery: Threshold
    returns: Threshold
    wallet_left: Threshold
    lapsed_months: Threshold
    relevant: Threshold


class AntennaRules(Rule):
    """Thresholds of the market antenna."""

    history_months: Threshold
    active_months: Threshold
    adoption_months: Threshold
    false_discovery: Threshold
    largest_step: Threshold
    least_variation: Threshold
    fewest_new_items: Threshold


class UpgradeRules(Rule):
    """Thresholds of alliance, partnership and takeover."""

    tenure_years: Threshold
    margin_fall: Threshold
    contract_years: Threshold
    margin_rate: Threshold
    score: Threshold
    exposure: Threshold


class DecisionRules(Rule):
    """What counts as a steady trend, and when a recommendation is a close call: the share of weightings that would change
    it, and how near a figure may lie to its threshold (as a share of the threshold)."""

    steady: Threshold
    close_call: Threshold
    near: Threshold


class BufferRules(Rule):
    """What counts as a shock, and from how many on volume after shocks is looked at."""

    price_rise: Threshold
    months: Threshold
    fewest_shocks: Threshold
    fewest_matched: Threshold
    fewest_for_claim: Threshold
    held: Threshold


class PilotRules(Rule):
    """How long a pilot runs, and what difference it would have to show to count as a proof."""

    months: Threshold
    power: Threshold
    revenue: Threshold
    first_purchases: Threshold


class Indicator(Rule):
    """One indicator: its anchors, the points between them, its weight beside the others, and what is missing when it is.
    Where less is better, `low` is the larger number."""

    low: float
    high: float
    points: tuple[tuple[float, float], ...] = ()
    weight: float = Field(default=1.0, gt=0)
    evidence: Evidence
    needs: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        values = [self.low, *(value for value, _ in self.points), self.high]
        if values not in (sorted(set(values)), sorted(set(values), reverse=True)):
            raise ValueError("anchors must rise or fall: low, then the points, then high")
        return self


class OptionRule(Rule):
    """The indicators of one option, and how they are put together."""

    mean: Literal["arithmetic", "geometric"]
    indicators: Mapping[str, Indicator] = Field(min_length=1)


def _recommendable(option: str) -> str:
    if option == Option.TAKEOVER or option not in {*Option, BASIC_CARE}:
        raise ValueError(f"{option!r} cannot be recommended")
    return option


Recommendable = Annotated[str, AfterValidator(_recommendable)]


class Recommendation(Rule):
    """One row of the table: when it holds, and what it says."""

    rule: str
    when: Mapping[str, tuple[str, ...]]
    recommend: Recommendable
    action: Literal["secure", "repair"] | None = None
    support: tuple[Recommendable, ...] = ()
    reason: str
    avoid: str

    def holds(self, found: Mapping[str, str]) -> bool:
        """Whether all conditions of the row are met."""
        return all(found[condition] in answers for condition, answers in self.when.items())

    @model_validator(mode="after")
    def _known_conditions(self) -> Self:
        problems = [f"condition {name!r} is not known" for name in self.when if name not in CONDITIONS]
        for name, answers in self.when.items():
            strange = [answer for answer in answers if answer not in CONDITIONS.get(name, answers)]
            problems += [f"{name}: {answer!r} is none of {', '.join(CONDITIONS[name])}" for answer in strange]
        if self.recommend in self.support:
            problems.append(f"{self.recommend} cannot support itself")
        if problems:
            raise ValueError("\n".join(problems))
        return self


class OptionRules(Rule):
    """All rules of step 4."""

    risk: RiskRules
    cross_selling: CrossSellingRules
    antenna: AntennaRules
    upgrade: UpgradeRules
    decision: DecisionRules
    buffer: BufferRules
    pilot: PilotRules
    options: Mapping[Option, OptionRule]
    recommendations: tuple[Recommendation, ...] = Field(min_length=1)
    roles: Mapping[str, Mapping[KamType, str]]

    def check_weights(self, weights: Mapping[str, Mapping[str, float]]) -> None:
        """Raise EngagementError with every weight (option, indicator) of something that does not exist or below zero."""
        problems = []
        for option, own in weights.items():
            if option not in self.options:
                problems.append(f"options.weights: {unknown(option, {str(o): None for o in Option})}")
                continue
            known = self.options[Option(option)].indicators
            problems += [f"options.weights.{option}: {unknown(name, known)}" for name in own if name not in known]
            problems += [
                f"options.weights.{option}.{name}: a weight cannot be negative" for name, w in own.items() if w < 0
            ]
        if problems:
            raise EngagementError("options", problems)

    def recommend(self, found: Mapping[str, str]) -> Recommendation:
        """The first row that holds for what was found (one answer per condition)."""
        return next(row for row in self.recommendations if row.holds(found))

    @model_validator(mode="after")
    def _complete(self) -> Self:
        problems = [f"options: {option} is missing" for option in Option if option not in self.options]
        if self.recommendations[-1].when:
            problems.append("recommendations: the last row must have no condition, so that every account has an answer")
        names = [row.rule for row in self.recommendations]
        problems += [
            f"recommendations: rule {name} is given twice" for name in sorted({n for n in names if names.count(n) > 1})
        ]
        for action in ACTIONS:
            for kam_type in KamType:
                if kam_type not in self.roles.get(action, {}):
                    problems.append(f"roles: {action}.{kam_type} is missing")
        if problems:
            raise ValueError("\n".join(problems))
        return self


def load_option_rules(engagement_folder: Path | None = None) -> OptionRules:
    """The rules of the options: the engagement's own `rules/options.yml`, else the kit's.

    Raises EngagementError with every problem of the table.
    """
    return load_rules(OptionRules, "options", engagement_folder)
