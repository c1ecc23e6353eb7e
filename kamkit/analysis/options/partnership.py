"""Partnership system: balanced dependence, a gain on both sides, and a contract that lasts (domain §2.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from kamkit.analysis.options.dependence import HIGHEST, LOWEST, ratings
from kamkit.analysis.options.history import History
from kamkit.model.option_rules import UpgradeRules

DAYS_OF_YEAR = 365.25
PARTNERSHIP_NEEDS: Mapping[str, tuple[str, ...]] = {"long_contract": ("contracts.start", "contracts.end")}
"""What is asked for where a condition of the partnership is not known."""


def partnership_indicators(history: History, pair: pd.DataFrame, rules: UpgradeRules) -> pd.DataFrame:
    """Per account_id: balanced_dependence (harmonic mean), win_win (our margin rate against the hurdle and the rated
    benefit for the customer, the smaller of the two), trust (rated 1–5), integration (0–1, the mean of what is known of
    EDI or VMI, shared forecasts, and the contract in force against the two years asked for).

    That joint dependence helps: Gulati & Sytch 2007; that imbalance harms is a convention, the counter-evidence is
    Geyskens et al. 1996.
    """
    columns = ["trust", "benefit", "integration", "information"]
    rated = ratings(history.tables.get("ratings")).reindex(index=pair.index, columns=columns)
    scaled = ((rated - LOWEST) / (HIGHEST - LOWEST)).clip(0, 1)
    accounts = history.accounts.set_index("account_id").reindex(pair.index)
    revenue = accounts["revenue"].where(accounts["revenue"] > 0)
    ours = (accounts["margin"].astype(float) / revenue / (2 * rules.margin_rate.value)).clip(0, 1)
    win_win = pd.concat([ours, scaled["benefit"]], axis=1).min(axis=1, skipna=False)
    ties = scaled[["integration", "information"]].astype(float)
    years = contract_years(history.tables.get("contracts"), history.cut_off)
    if years is not None:
        lasting = (years.reindex(pair.index).fillna(0.0) / rules.contract_years.value).clip(0, 1)
        ties = ties.assign(contract=lasting)
    return pd.DataFrame(
        {
            "balanced_dependence": pair["balanced"],
            "win_win": win_win,
            "trust": rated["trust"],
            "integration": ties.mean(axis=1),
        }
    )


def partnership_conditions(history: History, ids: pd.Index, rules: UpgradeRules) -> pd.DataFrame:
    """By account, true, false or missing: long_contract (a contract in force over at least two years)."""
    years = contract_years(history.tables.get("contracts"), history.cut_off)
    if years is None:
        return pd.DataFrame({"long_contract": pd.Series(pd.NA, index=ids, dtype="boolean")})
    lasting = years.reindex(ids).fillna(0.0) >= rules.contract_years.value
    return pd.DataFrame({"long_contract": lasting.astype("boolean")})


def contract_years(given: pd.DataFrame | None, on: pd.Timestamp) -> pd.Series[Any] | None:
    """Length in years of the longest contract in force on a day, by account_id; None without the table `contracts`. A
    contract without an end counts to that day."""
    if given is None or given.empty:
        return None
    start = pd.to_datetime(given["start"])
    end = pd.to_datetime(given["end"]) if "end" in given else start.where(start.isna())
    running = given[(start <= on) & ~(end < on)]
    until = end.reindex(running.index).fillna(on)
    years = (until - start.reindex(running.index)).dt.days / DAYS_OF_YEAR
    return years.groupby(running["account_id"]).max()
