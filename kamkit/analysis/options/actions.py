"""The 90-day plan: at most ten lines over all accounts, by what is at stake (domain §2.7)."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
    "stake",
]


def plan_actions(
    recommendations: pd.DataFrame, values: Mapping[str, Mapping[str, Any]], key_account_ids: pd.Index, today: dt.date
) -> pd.DataFrame:
    """The plan for key accounts: what is at stake is the revenue at risk where risk is raised, the negative margin where an
    account loses money, the expected yearly revenue of the white spots where something can be sold. Recommendations that
    have no amount (alliance, partnership, market antenna) come after those that have one, by the account's revenue, with
    nothing at stake: what they may bring is not estimated. Other recommendations without an amount have no line. Low and
    high: of risk, the revenue of the next window and the larger of the last two years; of white spots, the lower quartile
    of what first purchases brought and what a buyer of that size spends in a year. Due dates are Mondays after `today`, one a week.
    """
    lines = []
    for row in recommendations[recommendations["account_id"].isin(key_account_ids)].itertuples():
        own = row.values if isinstance(row.values, dict) else dict(values[str(row.account_id)])
        if stake := _at_stake(str(row.recommended_option), str(row.action), own):
            lines.append(
                {
                    "account_id": row.account_id,
                    "option": row.recommended_option,
                    "trigger": stake.trigger,
                    "first_step": row.first_step,
                    "question": row.question,
                    "role": row.role,
                    "at_stake": stake.amount,
                    "at_stake_low": min(stake.low, stake.amount),
                    "at_stake_high": max(stake.high, stake.amount),
                    "stop_criterion": stake.criterion,
                    "values": own,
                    "stake": stake.kind,
                    "revenue": own["revenue"],
                }
            )
    table = pd.DataFrame(lines, columns=[*(c for c in COLUMNS if c not in ("rank", "due_date")), "revenue"])
    order = ["at_stake", "revenue", "account_id"]
    table = table.sort_values(order, ascending=[False, False, True], ignore_index=True).head(MOST)
    table["rank"] = range(1, len(table) + 1)
    table["due_date"] = pd.Series(list(_mondays(today, len(table))), index=table.index, dtype=object)
    return table[COLUMNS]


@dataclass(frozen=True)
class Stake:
    """What a line of the plan is about: what set it off, when to stop, what kind of amount, the amount with its range."""

    trigger: str
    criterion: str
    kind: str
    amount: float = math.nan
    low: float = math.nan
    high: float = math.nan


WITHOUT_AMOUNT = {
    Option.ALLIANCE: "joint_work",
    Option.PARTNERSHIP: "mutual_dependence",
    Option.EARLY_WARNING: "leads",
}
"""Options that may enter the plan without an amount, with what sets them off."""


def _at_stake(option: str, action: str, values: Mapping[str, Any]) -> Stake | None:
    """What is at stake; None where a recommendation has no line."""
    if action == SECURE and values["at_risk"]:
        window, most = values["revenue"] * values["months"] / 12, max(values["revenue"], values["before"])
        return Stake(str(values["risk_evidence"]), SECURE, "revenue_at_risk", values["at_risk"], window, most)
    if action == SECURE and (lost := values["lost_revenue"]):
        return Stake("shrinking", SECURE, "revenue_at_risk", lost, lost / 2, lost * 2)
    if action == REPAIR:
        return Stake("loss_making", REPAIR, "negative_margin", *[-values["margin"]] * 3)
    if option == Option.CROSS_SELLING and values["expected"]:
        amounts = (values["expected"], values["low"], max(values["high"], values["usual"] or 0.0))
        return Stake(str(values["growth_evidence"]), option, "expected_revenue", *amounts)
    if option in WITHOUT_AMOUNT:
        return Stake(WITHOUT_AMOUNT[Option(option)], option, "open")
    return None


def _mondays(today: dt.date, n: int) -> Iterator[dt.date]:
    """n Mondays after today, a week apart, within 90 days."""
    first = today + dt.timedelta(days=WEEK - today.weekday())
    last_week = (DAYS - (first - today).days) // WEEK
    for i in range(n):
        yield first + dt.timedelta(days=WEEK * min(i, last_week))
