"""What is found out about every account before anything is recommended: scores and gates of the six options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.options.alliance import ALLIANCE_NEEDS, alliance_conditions, alliance_indicators
from kamkit.analysis.options.buffer import last_shocks
from kamkit.analysis.options.dependence import dependence
from kamkit.analysis.options.early_warning import antenna_gate, antenna_indicators
from kamkit.analysis.options.gates import conditions_gate
from kamkit.analysis.options.history import History
from kamkit.analysis.options.partnership import (
    PARTNERSHIP_NEEDS,
    partnership_conditions,
    partnership_indicators,
)
from kamkit.analysis.options.relationship import contact_facts, relationship_indicators
from kamkit.analysis.options.scoring import LEAST_COVERAGE, Scored, score_option
from kamkit.analysis.options.takeover import takeover_gate, takeover_indicators
from kamkit.model.codes import Gate, Option
from kamkit.model.engagement import OptionSettings
from kamkit.model.option_rules import OptionRules
from kamkit.model.results import BufferStudy

UPGRADES: Mapping[Option, Mapping[str, tuple[str, ...]]] = {
    Option.PARTNERSHIP: PARTNERSHIP_NEEDS,
    Option.ALLIANCE: ALLIANCE_NEEDS,
}
"""The options with conditions of their own, and what is asked for where one is not known."""


@dataclass(frozen=True)
class Found:
    """Scores and gates of all accounts (`ids`) and what they rest on; `pattern` is the history with yearly bookings
    spread over their months, `keys` the key accounts, `risk`, `growth`, `cross` and `sisters` are the results of
    their modules, `items` names what is bought (item, name)."""

    history: History
    pattern: History
    rules: OptionRules
    settings: OptionSettings
    ids: pd.Index
    keys: pd.Index
    risk: pd.DataFrame
    growth: pd.DataFrame
    cross: pd.DataFrame
    items: pd.DataFrame
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
