"""The 90-day plan: at most ten lines over all accounts, by what is at stake (domain §2.7)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from kamkit.model.codes import Option
from kamkit.model.option_rules import REPAIR, SECURE

MOST, DAYS, WEEK = 10, 90, 7
COLUMNS = [
    "rank",
    "account_id",
    "option",
    "trigger",
    "first_step",
    "question",
    "role",
    "due_date",
    "at_stake",
    "at_stake_low",
    "at_stake_high",
    "stop_criterion",
    "values",
]


def plan_actions(
    recommendations: pd.DataFrame, values: Mapping[str, Mapping[str, Any]], key_account_ids: pd.Index, today: dt.date
) -> pd.DataFrame:
    """The plan for key accounts: what is at stake is the revenue at risk where risk is raised, else the expected yearly
    revenue of the white spots; recommendations without an amount have no line. Low and high: of risk, the revenue of
    the next window and the larger of the last two years; of white spots, the quartiles of what buyers spend. Due dates
    are Mondays after `today`, one a week.
    """
    lines = []
    for row in recommendations[recommendations["account_id"].isin(key_account_ids)].itertuples():
        stake = _at_stake(str(row.recommended_option), str(row.action), values[str(row.account_id)])
        if stake is not None:
            trigger, criterion, amount, low, high = stake
            lines.append(
                {
                    "account_id": row.account_id,
                    "option": row.recommended_option,
                    "trigger": trigger,
                    "first_step": row.first_step,
                    "question": row.question,
                    "role": row.role,
                    "at_stake": amount,
                    "at_stake_low": min(low, amount),
                    "at_stake_high": max(high, amount),
                    "stop_criterion": criterion,
                    "values": row.values if isinstance(row.values, dict) else dict(values[str(row.account_id)]),
                }
            )
    table = pd.DataFrame(lines, columns=[c for c in COLUMNS if c not in ("rank", "due_date")])
    table = table.sort_values(["at_stake", "account_id"], ascending=[False, True], ignore_index=True).head(MOST)
    table["rank"] = range(1, len(table) + 1)
    table["due_date"] = pd.Series(list(_mondays(today, len(table))), index=table.index, dtype=object)
    return table[COLUMNS]


def _at_stake(option: str, action: str, values: Mapping[str, Any]) -> tuple[str, str, float, float, float] | None:
    """Trigger, stop criterion, amount, low and high; None where there is no amount."""
    if action == SECURE and values["at_risk"]:
        window = values["revenue"] * values["months"] / 12
        return str(values["risk_evidence"]), SECURE, values["at_risk"], window, max(values["revenue"], values["before"])
    if action == SECURE and values["lost_revenue"]:
        return "shrinking", SECURE, values["lost_revenue"], values["lost_revenue"] / 2, values["lost_revenue"] * 2
    if action == REPAIR:
        return "loss_making", REPAIR, -values["margin"], -values["margin"], -values["margin"]
    if option == Option.CROSS_SELLING and values["expected"]:
        return str(values["growth_evidence"]), option, values["expected"], values["low"], values["high"]
    return None


def _mondays(today: dt.date, n: int) -> Iterator[dt.date]:
    """n Mondays after today, a week apart, within 90 days."""
    first = today + dt.timedelta(days=WEEK - today.weekday())
    last_week = (DAYS - (first - today).days) // WEEK
    for i in range(n):
        yield first + dt.timedelta(days=WEEK * min(i, last_week))
