"""The rule table `templates/rules/margin_levels.yml`: which cost types of the budgets come off which level of the margin."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field

from kamkit.model.codes import Evidence
from kamkit.model.kam_type_rules import Words
from kamkit.model.rules import Rule, load_rules
from kamkit.model.words import plain, word_pattern

CostStep = Literal["selling", "service"]
COST_STEPS: tuple[CostStep, ...] = get_args(CostStep)


class CostTypes(Rule):
    """Words that name the cost types of one step."""

    words: Words = Field(min_length=1)
    evidence: Evidence

    def finds(self, cost_type: str) -> bool:
        """Whether one of the words stands in the name of a cost type."""
        return bool(self._pattern.search(plain(cost_type)))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return word_pattern(self.words)


class MarginRules(Rule):
    """The cost types of each step, in the order in which they are tried."""

    cost_types: Mapping[CostStep, CostTypes]

    def step_of(self, cost_type: str) -> CostStep | None:
        """The first step whose words name a cost type."""
        return next((step for step, types in self.cost_types.items() if types.finds(cost_type)), None)


def load_margin_rules(engagement_folder: Path | None = None) -> MarginRules:
    """The cost types, the engagement's own where it has them. Raises EngagementError when they are wrong."""
    return load_rules(MarginRules, "margin_levels", engagement_folder)
