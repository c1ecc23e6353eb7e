"""Partnership system: balanced dependence, a gain on both sides, and a contract that lasts (domain §2.6)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.options.dependence import HIGHEST, LOWEST, ratings
from kamkit.analysis.options.history import History
from kamkit.model.codes import Gate
from kamkit.model.option_rules import UpgradeRules

DAYS_OF_YEAR = 365.25


def partnership_indicators(history: History, pair: pd.DataFrame, rules: UpgradeRules) -> pd.DataFrame:
    """Per account_id: balanced_dependence (harmonic mean), win_win (our margin rate against the hurdle and the rated
    benefit for the customer, the smaller of the two), trust (rated 1–5), integration (years of the longest contract in
    force; missing without the table). That joint dependence helps: Gulati & Sytch 2007; that imbalance
    harms is a convention, the counter-evidence is Geyskens et al. 1996."""
    rated = ratings(history.tables.get("ratings")).reindex(index=pair.index, columns=["trust", "benefit"])
    accounts = history.accounts.set_index("account_id").reindex(pair.index)
    revenue = accounts["revenue"].where(accounts["revenue"] > 0)
    ours = (accounts["margin"].astype(float) / revenue / (2 * rules.margin_rate.value)).clip(0, 1)
    theirs = ((rated["benefit"] - LOWEST) / (HIGHEST - LOWEST)).clip(0, 1)
    win_win = pd.concat([ours, theirs], axis=1).min(axis=1, skipna=False)
    found = pd.DataFrame({"balanced_dependence": pair["balanced"], "win_win": win_win, "trust": rated["trust"]})
    years = contract_years(history.tables.get("contracts"), history.cut_off)
    return found if years is None else found.assign(integration=years.reindex(pair.index).fillna(0.0))


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


def partnership_gate(
    raw: pd.DataFrame, score: pd.Series[Any], coverage: pd.Series[Any], rules: UpgradeRules, least: float
) -> pd.Series[Any]:
    """Open with a contract of at least two years and a sufficient score; closed where contracts are on record and this
    account has none of that length, or where the score is known and too low."""
    years = raw["integration"] if "integration" in raw else pd.Series(np.nan, index=raw.index)
    known = coverage.ge(least) & years.notna()
    return pd.Series(
        np.select(
            [years.lt(rules.contract_years.value), known & score.ge(rules.score.value), known],
            [Gate.CLOSED.value, Gate.OPEN.value, Gate.CLOSED.value],
            Gate.NOT_ASSESSABLE.value,
        ),
        index=raw.index,
    )
