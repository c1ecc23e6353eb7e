"""Takeover by the customer: an exposure that is shown, never ranked and never recommended (domain §2.5)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.options.history import History
from kamkit.model.codes import Gate
from kamkit.model.option_rules import UpgradeRules


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
    the disclosure line of IFRS 8.34, which is one of revenue). Below that the exposure is closed; above it, without the customer's side, not assessable."""
    exposed = raw["our_dependence"] >= rules.exposure.value
    gates = np.where(
        coverage >= least, np.where(exposed, Gate.OPEN.value, Gate.CLOSED.value), Gate.NOT_ASSESSABLE.value
    )
    return pd.Series(gates, index=raw.index)
