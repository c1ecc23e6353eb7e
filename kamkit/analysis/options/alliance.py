"""Customer alliance or joint venture: only where joint work, a long or close cooperation and trust are on record
(domain §2.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from kamkit.analysis.options.dependence import LEAST_MARGIN_COVERAGE, ratings
from kamkit.analysis.options.history import History
from kamkit.analysis.options.relationship import DAYS_OF_YEAR, YEAR, complaints_until, tenure_years
from kamkit.model.codes import Stage
from kamkit.model.option_rules import UpgradeRules

CLOSE = (Stage.INTERDEPENDENT, Stage.INTEGRATED)
ALLIANCE_NEEDS: Mapping[str, tuple[str, ...]] = {
    "long_or_close": ("transactions.posting_date",),
    "margin_stable": ("transactions.margin",),
    "joint_project": ("projects.project_id",),
    "no_dispute": ("complaints.severity", "complaints.solved_on"),
}
"""What is asked for where a condition of the alliance is not known."""


def alliance_indicators(history: History, pair: pd.DataFrame) -> pd.DataFrame:
    """Per account_id: fit, complementarity, trust (rated 1–5), joint_projects (number begun so far) and joint_hours (in
    projects begun within twelve months), both missing without the table, mutual_dependence (Lambert & Knemeyer 2004;
    Casciaro & Piskorski 2005)."""
    rated = ratings(history.tables.get("ratings")).reindex(columns=["fit", "complementarity", "trust"])
    found = rated.reindex(pair.index).assign(mutual_dependence=pair["mutual"])
    projects = projects_until(history)
    if projects is None:
        return found
    counted = projects.groupby("account_id")["project_id"].nunique()
    found["joint_projects"] = counted.reindex(pair.index).fillna(0).astype(float)
    if "hours" in projects and projects["hours"].notna().any():
        recent = projects[projects["start"].isna() | (projects["start"] >= history.first_day(YEAR))]
        hours = recent.groupby("account_id")["hours"].sum(min_count=1)
        unknown = hours.index[hours.isna()]
        found["joint_hours"] = hours.reindex(pair.index).fillna(0.0).where(~pair.index.isin(unknown))
    return found


def projects_until(history: History) -> pd.DataFrame | None:
    """The joint projects begun by the cut-off, those without a start included; None without the table."""
    given = history.tables.get("projects")
    if given is None or given.empty:
        return None
    start = pd.to_datetime(given["start"]) if "start" in given else pd.Series(pd.NaT, index=given.index)
    return given.assign(start=start)[~(start > history.cut_off)]


def alliance_conditions(
    history: History, ids: pd.Index, stages: pd.Series[Any] | None, rules: UpgradeRules
) -> pd.DataFrame:
    """By account, each true, false or missing: long_or_close (five years together, or a cooperation that is at least
    interdependent), margin_stable (twelve months against the twelve before), joint_project, no_dispute (no severe complaint
    that is still open).

    History that does not reach back far enough is no evidence of a short relationship. `stages`: by account_id, as
    step 3 found them.
    """
    met = {
        "long_or_close": _long_or_close(history, ids, stages, rules),
        "margin_stable": _margin_stable(history, rules.margin_fall.value).reindex(ids),
        "joint_project": _joint_project(history, ids),
        "no_dispute": _no_dispute(history, ids),
    }
    return pd.DataFrame({name: values.astype("boolean") for name, values in met.items()}, index=ids)


def _long_or_close(
    history: History, ids: pd.Index, stages: pd.Series[Any] | None, rules: UpgradeRules
) -> pd.Series[Any]:
    tenure, years = tenure_years(history).reindex(ids), rules.tenure_years.value
    reach = (history.cut_off - history.start).days / DAYS_OF_YEAR
    young = tenure.lt(years) & (tenure.lt(reach - 1) | (reach >= years))
    is_long = pd.Series(pd.NA, index=ids, dtype="boolean").mask(tenure.ge(years), True).mask(young, False)
    stage = pd.Series(pd.NA, index=ids, dtype="string") if stages is None else stages.reindex(ids).astype("string")
    is_close = stage.isin([str(close) for close in CLOSE]).astype("boolean").mask(stage.isna())
    return is_long | is_close


def _margin_stable(history: History, fall: float) -> pd.Series[Any]:
    known = history.accounts.set_index("account_id")["margin_coverage"].fillna(0.0) >= LEAST_MARGIN_COVERAGE
    if not history.covers(2 * YEAR):
        return pd.Series(pd.NA, index=known.index, dtype="boolean")
    last, before = (
        history.months[history.months["month"].between(history.first_day(n), history.first_day(n - YEAR), "left")]
        .groupby("account_id")["margin"]
        .sum(min_count=1)
        .reindex(known.index)
        for n in (YEAR, 2 * YEAR)
    )
    stable = (last > 0) & (last >= (1 - fall) * before)
    return stable.astype("boolean").mask(~known | last.isna() | before.isna())


def _joint_project(history: History, ids: pd.Index) -> pd.Series[Any]:
    projects = projects_until(history)
    if projects is None:
        return pd.Series(pd.NA, index=ids, dtype="boolean")
    return pd.Series(ids.isin(projects["account_id"]), index=ids, dtype="boolean")


def _no_dispute(history: History, ids: pd.Index) -> pd.Series[Any]:
    complaints = complaints_until(history)
    if complaints is None:
        return pd.Series(pd.NA, index=ids, dtype="boolean")
    still_open = complaints[complaints["solved_on"].isna()]
    severe = still_open["severe"].groupby(still_open["account_id"]).agg(_any_of)
    return ~severe.reindex(ids).where(ids.isin(severe.index), False).astype("boolean")


def _any_of(answers: pd.Series[Any]) -> Any:
    """Whether one of the answers is yes; missing where none is, and not all are known."""
    return answers.any(skipna=False) if not answers.fillna(False).any() else True
