"""The rules of cooperation intensity: `rules/intensity.yml`, typed. All anchors, weights and bands are conventions."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from kamkit.model.codes import Stage
from kamkit.model.option_rules import Indicator
from kamkit.model.rules import Rule, Threshold, load_rules


class Dimension(StrEnum):
    """The dimensions of cooperation intensity (domain S9)."""

    CONTACT_FREQUENCY = "contact_frequency"
    CONTACT_BREADTH = "contact_breadth"
    SERVICE = "service"
    INTEGRATION = "integration"
    INFORMATION = "information"
    JOINT_PROJECTS = "joint_projects"
    CUSTOMISATION = "customisation"
    FORMALISATION = "formalisation"


class Weighted(Indicator):
    """An indicator with its weight in the index."""

    weight: float = Field(gt=0)


class IntensityRules(Rule):
    """Dimensions with anchors and weights, and the bands of the stages from the lowest up."""

    dimensions: Mapping[Dimension, Weighted]
    fewest_accounts: Threshold
    stages: Mapping[Stage, Threshold]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        problems = [f"dimensions: {name} is missing" for name in Dimension if name not in self.dimensions]
        problems += [f"stages: {name} is missing" for name in Stage if name not in self.stages]
        starts = [self.stages[name].value for name in Stage if name in self.stages]
        if starts != sorted(set(starts)) or starts[:1] != [0]:
            problems.append("stages must begin at 0 and rise, from exploratory to integrated")
        if problems:
            raise ValueError("\n".join(problems))
        return self


def load_intensity_rules(engagement_folder: Path | None = None) -> IntensityRules:
    """The rules of cooperation intensity: the engagement's own `rules/intensity.yml`, else the kit's.

    Raises EngagementError with every problem of the table.
    """
    return load_rules(IntensityRules, "intensity", engagement_folder)
