"""The rules of portfolio, allocation and investment: `rules/portfolio.yml`, typed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from kamkit.model.codes import Evidence
from kamkit.model.option_rules import Indicator
from kamkit.model.rules import Rule, Threshold, load_rules

Unit = Literal["percent", "change", "money", "score"]


class PortfolioAxis(Rule):
    """One axis: a figure on its natural scale, or weighted indicators put together to a score of 0–1."""

    figure: str | None = None
    unit: Unit = "score"
    needs: tuple[str, ...] = ()
    indicators: Mapping[str, Indicator] = {}
    weights: Mapping[str, float] = {}
    cut: Threshold | None = Field(None, description="what parts high from low; without one the median")
    least_spread: Threshold | None = Field(
        None, description="of the middle four fifths; closer together they differ little"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.figure is None) == (not self.indicators):
            raise ValueError("give either figure or indicators")
        if (self.figure is None) != (self.unit == "score"):
            raise ValueError("a figure needs its unit (percent, change or money), indicators make a score")
        if strange := set(self.weights) - set(self.indicators):
            raise ValueError(f"weights: {', '.join(sorted(strange))} is no indicator of this axis")
        if any(weight <= 0 for weight in self.weights.values()):
            raise ValueError("weights must be above zero")
        return self


class PortfolioModel(Rule):
    """One matrix: its axes, where it comes from (empty: common practice), and what it rests on."""

    source: str
    evidence: Evidence
    x: PortfolioAxis
    y: PortfolioAxis


class AllocationRules(Rule):
    """How a budget is split."""

    elasticity: Threshold
    most_change: Threshold
    flat_maximum: Threshold
    split_share: Threshold
    growth_room: Threshold


class InvestmentRules(Rule):
    """What the page on the investment assumes."""

    margin_coverage: Threshold


class PortfolioRules(Rule):
    """The whole table. `main`: the matrices of the main part, of which the first that can be assessed is shown."""

    portfolios: Mapping[str, PortfolioModel]
    main: tuple[str, ...]
    fewest: Threshold
    coverage: Threshold
    same_products: Threshold
    list_prices: Threshold
    allocation: AllocationRules
    investment: InvestmentRules

    @model_validator(mode="after")
    def _main_is_known(self) -> Self:
        if strange := [name for name in self.main if name not in self.portfolios]:
            raise ValueError(f"main: {', '.join(strange)} is none of the portfolios")
        return self


def load_portfolio_rules(engagement_folder: Path | None = None) -> PortfolioRules:
    """The rules of an engagement, its own where it has them. Raises EngagementError when they are wrong."""
    return load_rules(PortfolioRules, "portfolio", engagement_folder)
