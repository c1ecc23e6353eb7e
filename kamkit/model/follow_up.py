"""An earlier run as far as a later one is compared with it, and what the comparison finds (domain S5, S6, S13)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from kamkit.model.codes import Basis, Level
from kamkit.model.engagement import Period

COMPARISONS = ("list", "revenue", "warnings", "decisions", "actions", "existence", "self_check")


@dataclass(frozen=True)
class PreviousRun:
    """What an earlier run found.

    `made_on`: the day it counted as today. `accounts`: account_id, name, revenue, is_key_account (boolean), tier, decision
    (`subject: decision; …`). `risk`: account_id, level (red | amber | green). `actions`: account_id, name, option, first_step,
    due_date, at_stake. `existence`: each condition with its answer. `self_check`: statement, score (missing where nobody
    answered).
    """

    name: str
    made_on: dt.date | None
    period: Period
    currency: str
    level: Level
    basis: Basis
    threshold: float
    verdict: str
    existence: Mapping[str, str]
    accounts: pd.DataFrame
    risk: pd.DataFrame
    actions: pd.DataFrame
    self_check: pd.DataFrame


@dataclass(frozen=True)
class FollowUp:
    """What has changed since an earlier run.

    `refused`: comparisons of COMPARISONS that cannot be made, with the reason (code).
    `accounts`, the key accounts then or now, largest first: account_id, name, change (entered | left | kept; missing, and only
    those of then, where lists cannot be compared), reason (revenue | new | decision | grouping; only of entered and left), into (name of the account that it
    belongs to now, if another), revenue_before, revenue_now, revenue_change (share).
    `warnings`, the key accounts of then whose next months are known: account_id, name, level, warned (boolean), came_true
    (boolean: in the window no revenue, or at least 30 % less than in the same months a year before), before and after (the
    revenue of these months). `window`: first and last day of the window.
    `decisions`: account_id, name, subject, before, now, change (kept | changed | withdrawn | new).
    `actions`, the steps of the plan of then and people's own: account_id, name, first_step, owner, due, status (done |
    open | overdue | dropped | untouched), done_on, result.
    `verdict`: then and now; `tests`: test, before, now of the conditions whose answer changed.
    `self_check`: field, statement (missing: the field as a whole), earlier, now, difference.
    """

    name: str
    made_on: dt.date | None
    before: Period
    refused: Mapping[str, str]
    accounts: pd.DataFrame
    warnings: pd.DataFrame
    decisions: pd.DataFrame
    actions: pd.DataFrame
    verdict: tuple[str, str]
    tests: pd.DataFrame
    self_check: pd.DataFrame
    window: tuple[dt.date, dt.date] | None = None
    testable: bool = field(default=False)
    """Whether there are enough events to say how good the warnings were."""
