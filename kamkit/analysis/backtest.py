"""The one place where options are tested on the client's own history: figures up to a cut-off, targets after it, a baseline
beside every figure, and no claim that chance explains as well (domain §2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from kamkit.analysis.judging import judge, judge_buffer, judge_directions, judge_lists, untestable
from kamkit.analysis.options.account_risk import risk_trials
from kamkit.analysis.options.buffer import buffer_trials
from kamkit.analysis.options.early_warning import direction_trials
from kamkit.analysis.options.history import History
from kamkit.analysis.options.lead_lag import LONGEST_LEAD
from kamkit.analysis.options.ranking import Method
from kamkit.analysis.ranking_quality import holm
from kamkit.model.codes import Option
from kamkit.model.option_rules import OptionRules

CLAIMED_AT = 0.05
FEWEST_MONTHS, MOST_ORIGINS = 6, 3
COLUMNS = [
    "task",
    "cut_off",
    "population",
    "n",
    "events",
    "metric",
    "value",
    "ci_low",
    "ci_high",
    "baseline",
    "baseline_value",
    "p_value",
    "p_holm",
    "claims",
    "beats_baselines",
    "reason",
    "months",
]
RISK_TASKS = ("risk_stop", "risk_fall")
ORDER = (
    *RISK_TASKS,
    "cross_selling",
    "direction",
    "buffer",
    "buffer_placebo",
    "key_account_decisions",
    "option_decisions",
)
"""In which order tasks are told; all others after them."""

UNTESTABLE_OPTIONS = {Option.ALLIANCE: "too_rare", Option.TAKEOVER: "one_client", Option.PARTNERSHIP: "too_rare"}
"""Options whose events are too rare at one client ever to be counted, and why."""


def past_risks(
    history: History, window_months: int, rules: OptionRules, blocked: Mapping[str, str] | Iterable[str] = ()
) -> pd.DataFrame:
    """What the score of account risk said at up to three past cut-offs and what followed, as of `risk_trials`; no rows where
    `blocked` names what the data would deceive (account_risk) or are too few for (statistics), or history is too short."""
    days = [] if {"statistics", "account_risk"} & {*blocked} else cut_offs(history, window_months)
    return risk_trials(history, days, window_months, rules.risk)


def backtest_options(
    history: History,
    window_months: int,
    cross_selling: Method,
    rules: OptionRules,
    risks: pd.DataFrame,
    blocked: Mapping[str, str] | Iterable[str] = (),
    key_account_ids: pd.Index | None = None,
    decisions: Iterable[Mapping[str, Any]] = (),
) -> pd.DataFrame:
    """Tests on the client's own history of every option that allows one, and why the others do not.

    Account risk (`risks`: as of `past_risks`, with the same `blocked`) for accounts that ordered within the 26 weeks before and for the key
    accounts of the 12 months before, lately active or not; both fixed beforehand (`risk_stop`: no order within the window;
    `risk_fall`: revenue at least half below the 12-month mean); cross-selling on the last window; where the antennas among `key_account_ids` pointed; whether firm
    relationships held their volume after shocks, with calm months as a placebo. `blocked`: what the data would deceive
    (account_risk, cross_selling) or are too few for (statistics), with the reason. `decisions`: rows that tell how people
    did (judge_people). Returns the rows of all judges, with the months of the window where there is one; Holm's
    correction is over all tests of the run.
    """
    reasons = dict(blocked) if isinstance(blocked, Mapping) else dict.fromkeys(blocked, "blocked")
    small = reasons.get("statistics")
    if len(risks):
        judged = judge(_with_lead(risks, window_months))
    else:
        short = "short_history" if history.dated_by_day else "not_by_day"
        reason = small or reasons.get("account_risk") or short
        judged = [untestable(task, "active_26_weeks", reason, history.cut_off) for task in RISK_TASKS]
    rows: list[Mapping[str, Any]] = [row | {"months": window_months} for row in judged]
    rows += judge_lists(
        cross_selling, history.cut_off, small or reasons.get("cross_selling"), _bought_before(history, cross_selling)
    )
    if small or not history.covers(int(rules.antenna.history_months.value) + LONGEST_LEAD):
        rows.append(untestable("direction", "antenna_candidates", small or "short_history", history.cut_off))
    else:
        ids = pd.Index([]) if key_account_ids is None else key_account_ids
        rows += judge_directions(direction_trials(history, rules, ids))
    if small or not history.covers(2 * int(rules.buffer.months.value) + 1):
        rows.append(untestable("buffer", "shocked_accounts", small or "short_history", history.cut_off))
    else:
        rows += judge_buffer(buffer_trials(history, rules))
    rows += decisions
    rows += [untestable(str(option), "all", reason, None) for option, reason in UNTESTABLE_OPTIONS.items()]
    return told_together(rows)


def _bought_before(history: History, method: Method) -> pd.Series[Any] | None:
    """How many items each account had bought before the window of the test, by account_id."""
    if method.tested is None:
        return None
    bought = history.purchases[history.purchases["date"] <= method.tested.cut_off]
    counted: pd.Series[Any] = bought.groupby("account_id")["item"].nunique()
    return counted


def _with_lead(trials: pd.DataFrame, window_months: int) -> pd.DataFrame:
    """Days from the warning to the day on which a silence shows by itself: when it has lasted a whole window. Only of stops;
    when a fall would have been noticed without a warning, no data say."""
    end = trials["cut_off"] + pd.DateOffset(months=window_months)
    days = (end - trials["cut_off"]).dt.days - trials["baseline_recency"]
    return trials.assign(lead_days=days.clip(lower=0).where(trials["task"] == "risk_stop"))


def cut_offs(history: History, window_months: int) -> list[pd.Timestamp]:
    """Up to three month ends, a window apart, the last one a window before the end of the data, each with enough history
    before it; earliest first."""
    day_after = history.cut_off + pd.Timedelta(days=1)
    last = day_after.to_period("M").to_timestamp() if day_after.day > 1 else day_after
    steps = range(1, MOST_ORIGINS + 1)
    days = [last - pd.DateOffset(months=window_months * step) - pd.Timedelta(days=1) for step in steps]
    return [day for day in reversed(days) if history.until(day).n_months >= FEWEST_MONTHS]


def told_together(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """All rows of a run as one frame: `p_holm` over all its tests, and `claims` for every row of a task and population
    whose test holds at 5 % after that."""
    place = {task: i for i, task in enumerate(ORDER)}
    ordered = sorted(rows, key=lambda row: place.get(row["task"], len(ORDER)))
    table = pd.DataFrame(ordered, columns=COLUMNS)
    numbers = ("value", "ci_low", "ci_high", "baseline_value", "p_value", "p_holm", "months")
    table = table.astype({**dict.fromkeys(numbers, float), "n": "int64", "events": "int64"})
    table["cut_off"] = pd.to_datetime(table["cut_off"])
    by = [table["task"], table["population"]]
    p_values = table["p_value"].groupby(by, sort=False).max().dropna()
    held = pd.Series(holm(p_values.to_list()), index=p_values.index, dtype=float)
    raised = pd.Series(held.reindex(pd.MultiIndex.from_arrays(by)).to_numpy(), index=table.index)
    return table.assign(
        p_holm=raised.where(table["p_value"].notna()),
        claims=raised.le(CLAIMED_AT),
        beats_baselines=table["beats_baselines"].astype("boolean"),
    )
