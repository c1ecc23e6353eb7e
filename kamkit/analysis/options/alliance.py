"""Customer alliance or joint venture: only where joint work, tenure and trust are on record (domain §2.4)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.options.dependence import ratings
from kamkit.analysis.options.history import History
from kamkit.analysis.options.relationship import tenure_years
from kamkit.model.codes import Gate
from kamkit.model.option_rules import UpgradeRules


def alliance_indicators(history: History, pair: pd.DataFrame) -> pd.DataFrame:
    """Per account_id: fit, complementarity, trust (rated 1–5), joint_projects (number; missing without the table),
    mutual_dependence (Lambert & Knemeyer 2004; Casciaro & Piskorski 2005)."""
    rated = ratings(history.tables.get("ratings")).reindex(columns=["fit", "complementarity", "trust"])
    found = rated.reindex(pair.index).assign(mutual_dependence=pair["mutual"])
    projects = history.tables.get("projects")
    if projects is not None and len(projects):
        counted = projects.groupby("account_id")["project_id"].nunique()
        found["joint_projects"] = counted.reindex(pair.index).fillna(0).astype(float)
    return found


def alliance_gate(
    history: History,
    raw: pd.DataFrame,
    score: pd.Series[Any],
    coverage: pd.Series[Any],
    rules: UpgradeRules,
    least: float,
) -> pd.Series[Any]:
    """Open with at least one joint project, five years together and a sufficient score; closed where the records say
    that one of them is absent. History that does not reach back far enough is no evidence of a short relationship."""
    tenure = tenure_years(history).reindex(raw.index)
    reach = (history.cut_off - history.start).days / 365.25
    young = tenure.lt(rules.tenure_years.value) & (tenure.lt(reach - 1) | (reach >= rules.tenure_years.value))
    projects = raw["joint_projects"] if "joint_projects" in raw else pd.Series(np.nan, index=raw.index)
    known = coverage.ge(least) & projects.notna() & tenure.ge(rules.tenure_years.value)
    return pd.Series(
        np.select(
            [projects.eq(0) | young, known & score.ge(rules.score.value), known],
            [Gate.CLOSED.value, Gate.OPEN.value, Gate.CLOSED.value],
            Gate.NOT_ASSESSABLE.value,
        ),
        index=raw.index,
    )
