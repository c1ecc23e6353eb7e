"""Which accounts buy less or stop: a score that ranks everyone, and an alarm that rings only where the account's own past
does not explain the silence (domain §2.1, 1b)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.options.events import days_in_events, windows, without_events
from kamkit.analysis.options.history import History, window_end
from kamkit.analysis.options.purchasing import YEAR, compare_purchases, compare_years, rhythms
from kamkit.analysis.options.risk_score import FALL, score_risk, silence
from kamkit.model.codes import Grain, Severity
from kamkit.model.option_rules import RiskLevel, RiskRules
from kamkit.model.results import Finding
from kamkit.model.smallest_set import key_set

WITHHELD = "risk_event"
_ALARM = {str(level): rank for rank, level in enumerate((RiskLevel.GREEN, RiskLevel.AMBER, RiskLevel.RED))}
COLUMNS = [
    "account_id",
    "risk_score",
    "eligible",
    "days_since_last",
    "own_interval_days",
    "revenue_change",
    "revenue_at_risk",
    "level",
    "evidence",
    "values",
    "p_alive",
    "p_silent",
]
TRIAL_COLUMNS = [
    "task",
    "cut_off",
    "population",
    "account_id",
    "score",
    "event",
    "amount",
    "baseline_account_size",
    "baseline_small_accounts",
    "baseline_recency",
    "baseline_gap_ratio",
    "baseline_previous_quarter",
]
ACTIVE_WEEKS = 26
"""Who ordered within these weeks is in a trial as an active account: fixed, as the population's code says (convention)."""

KEY_SHARE = 0.8
"""Key accounts of a trial are the smallest set with this share of the revenue of 12 months (source text)."""


def assess_account_risk(
    history: History, window_months: int, rules: RiskRules
) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """One row for every account with revenue in the last 12 months, and the method used.

    `risk_score` (0–1, always a number; see `score_risk`) ranks and is no probability. `level` is red only where the account's own longest pause and the
    same months of last year say that something has changed, one-off orders left aside. It must say so without the days of
    the account's events as well (a strike, a shortage): they are no part of the pause, nor of either year that is
    compared. An alarm that does not hold without them is withheld or lowered, and the evidence names the event; the
    score and the figures shown stay as they are. `revenue_at_risk` is the
    revenue of the last 12 months of an account that fell silent, the missing part of it where it buys less, else 0.
    Returns account_id, risk_score, eligible, days_since_last, own_interval_days, revenue_change, revenue_at_risk,
    level, evidence, values, and of the model, where it says something, p_alive and p_silent.
    """
    signs = compare_purchases(history, window_months, rules)
    modelled = silence(history, window_months)
    score, method = score_risk(history, signs, window_months, modelled)
    level, evidence = _levels(history, signs, rules)
    if len(history.events):
        level, evidence = _where_it_holds(history, signs, level, evidence, window_months, rules)
    missing_part = signs["fall"].fillna(0.0).clip(window_months / YEAR, 1)
    share = missing_part.mask(evidence == "risk_silent", 1.0).where(level != RiskLevel.GREEN, 0.0)
    table = pd.DataFrame(
        {
            "risk_score": score,
            "eligible": _eligible(history, signs, rules),
            "days_since_last": signs["pause"],
            "own_interval_days": signs["own_interval"],
            "revenue_change": signs["change"],
            "revenue_at_risk": (signs["yearly"] * share).clip(lower=0),
            "level": level.astype("str"),
            "evidence": evidence.astype("str"),
        }
    ).join(_shown(modelled, history, rules).reindex(signs.index))
    values = pd.Series(_values(signs, table, window_months), index=table.index, dtype=object)
    withheld = table.index[table["evidence"] == WITHHELD]
    for window in windows(history):
        for account_id in withheld[window.concerns(withheld)]:
            values[account_id] |= {"event": window.reason, "start": window.start.date(), "end": window.end.date()}
    methods = [method]
    if len(withheld):
        methods.append(
            Finding("risk_events", "transactions", Severity.INFO, len(withheld), values={"n": len(withheld)})
        )
    return table.assign(values=values).rename_axis("account_id").reset_index()[COLUMNS], tuple(methods)


def _shown(modelled: pd.DataFrame | None, history: History, rules: RiskRules) -> pd.DataFrame:
    """p_alive and p_silent as they may be read: not of accounts that ordered once, which the model takes for alive
    whatever happens, and not of those that buy under contract."""
    names = ["p_alive", "p_silent"]
    if modelled is None:
        return pd.DataFrame(columns=names, dtype=float)
    accounts = history.accounts.set_index("account_id").reindex(modelled.index)
    share = accounts.get("contract_share", pd.Series(np.nan, index=modelled.index)).astype(float)
    return modelled.loc[modelled["n_orders"].gt(1) & ~share.ge(rules.contract_share.value), names]


def _eligible(history: History, signs: pd.DataFrame, rules: RiskRules) -> pd.Series[Any]:
    """Whether a claim may be made: enough history, enough orders, and still buying lately."""
    if not history.dated_by_day or not history.covers(int(rules.history_months.value)):
        return pd.Series(False, index=signs.index)
    return (signs["n_orders"] >= rules.fewest_orders.value) & (signs["pause"] <= 7 * rules.active_weeks.value)


def _levels(history: History, signs: pd.DataFrame, rules: RiskRules) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Level and evidence code: every alarm must hold against the account's own past, else it is named but not raised."""
    fell = signs["half_before"].gt(0) & signs["fall"].ge(rules.weaker.value)
    if history.grain is Grain.YEAR:
        fell = signs["fall"].ge(rules.weaker.value)
    window_fall = 1 - signs["window"] / signs["window_before"].where(signs["window_before"] > 0)
    if history.dated_by_day:
        rhythmic = signs["n_orders"].ge(rules.fewest_orders.value)
        overdue = (
            rhythmic
            & signs["pause"].gt(signs["longest"])
            & signs["pause"].gt(rules.overdue.value * signs["own_interval"])
        )
        fell &= rhythmic & signs["n_before"].ge(rules.fewest_orders.value)
    else:
        rhythmic, overdue = signs["yearly"].gt(0), pd.Series(False, index=signs.index)
    silent = overdue & signs["window"].eq(0)
    expected = signs["window_before"].gt(0)
    halved = fell & signs["fall"].ge(rules.fall.value) & window_fall.ge(rules.fall.value)
    weaker = fell & (window_fall.ge(rules.weaker.value) | (history.grain is Grain.YEAR))
    usual_pause = rhythmic & signs["window"].eq(0) & ~overdue
    one_off = signs["one_off"].ge(rules.one_off.value) & signs["n_orders"].fillna(0).gt(1)
    conditions = [
        (silent & expected, RiskLevel.RED, "risk_silent"),
        (halved, RiskLevel.RED, "risk_halved"),
        (overdue, RiskLevel.AMBER, "risk_overdue"),
        (weaker, RiskLevel.AMBER, "risk_weaker" if history.grain is not Grain.YEAR else "risk_weaker_year"),
        (~rhythmic, RiskLevel.GREEN, "risk_few_orders"),
        (one_off, RiskLevel.GREEN, "risk_one_off"),
        (usual_pause & history.dated_by_day, RiskLevel.GREEN, "risk_usual_pause"),
        (signs["change"].ge(0), RiskLevel.GREEN, "risk_growing"),
    ]
    held = [condition.fillna(False).to_numpy(bool) for condition, _, _ in conditions]
    other = "risk_steady" if history.dated_by_day else "risk_steady_months"
    level = np.select(held, [str(level) for _, level, _ in conditions], str(RiskLevel.GREEN))
    evidence = np.select(held, [code for _, _, code in conditions], other)
    return pd.Series(level, index=signs.index), pd.Series(evidence, index=signs.index)


def _where_it_holds(
    history: History,
    signs: pd.DataFrame,
    level: pd.Series[Any],
    evidence: pd.Series[Any],
    window_months: int,
    rules: RiskRules,
) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Level and evidence as far as they hold without the days of events; what remains is never more of an alarm."""
    calm = signs.assign(**dict(compare_years(without_events(history), signs.index, window_months, rules)))
    last_order = history.cut_off - pd.to_timedelta(signs["pause"], unit="D")
    calm["pause"] = signs["pause"] - days_in_events(history, last_order)
    calm_level, calm_evidence = _levels(history, calm, rules)
    lower = calm_level.map(_ALARM) < level.map(_ALARM)
    calm_evidence = calm_evidence.mask(calm_level == RiskLevel.GREEN, WITHHELD)
    return level.mask(lower, calm_level), evidence.mask(lower, calm_evidence)


def _values(signs: pd.DataFrame, table: pd.DataFrame, window_months: int) -> list[dict[str, Any]]:
    """What the evidence sentences are filled with."""
    frame = pd.DataFrame(
        {
            "days": signs["pause"],
            "interval": signs["own_interval"],
            "ratio": signs["pause"] / signs["own_interval"].clip(lower=1),
            "longest": signs["longest"],
            "n_orders": signs["n_orders"],
            "change": -signs["fall"],
            "one_off": signs["one_off"],
            "lost": signs["lost_items"].fillna(0.0),
            "revenue": signs["yearly"],
            "at_risk": table["revenue_at_risk"],
            "months": window_months,
        }
    )
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.to_numpy(float).tolist()]


def risk_trials(
    history: History, cut_offs: Iterable[pd.Timestamp], window_months: int, rules: RiskRules
) -> pd.DataFrame:
    """What the score said at each cut-off (the last day known), and what the window after it brought.

    Tasks: `risk_stop`, no order within the window; `risk_fall`, revenue less than half of the 12-month mean (of all
    months before the cut-off, where there are fewer). Populations, both fixed before the window begins:
    `active_26_weeks`, every account that ordered in that time; `key_accounts`, the smallest set with 80 % of the revenue
    of 12 months among all accounts that had any, whether or not they ordered lately.
    Baselines, higher = more expected: account_size (large first: they carry the revenue that can be lost),
    small_accounts (small first: they stop more often), recency (longest pause first), gap_ratio (the pause as a multiple
    of the own median interval, or the portfolio's after a single order), previous_quarter (fell most against the window
    before). `amount` is the revenue that the window lacks to the 12-month mean.
    Cut-offs whose window is not over are left out, and without single orders there are no trials. Returns task, cut_off,
    population, account_id, score, event, amount and the baselines; task by task, cut-off by cut-off.
    """
    days = [day for day in cut_offs if window_end(day, window_months) <= history.cut_off]
    if not (history.dated_by_day and days):
        return pd.DataFrame(columns=TRIAL_COLUMNS)
    trials = [_trials_of(history, day, window_months, rules) for day in days]
    return pd.concat(
        [frame[frame["task"] == task] for task in ("risk_stop", "risk_fall") for frame in trials], ignore_index=True
    )


def _trials_of(history: History, day: pd.Timestamp, window_months: int, rules: RiskRules) -> pd.DataFrame:
    then, after = history.until(day), history.until(window_end(day, window_months))
    table = assess_account_risk(then, window_months, rules)[0].set_index("account_id")
    yearly = then.yearly_revenue.reindex(table.index).fillna(0.0)
    later = after.revenue(window_months).reindex(table.index).fillna(0.0)
    usual = yearly * window_months / min(YEAR, max(then.n_months, 1))
    rhythm = rhythms(then, rules)
    pause = table["days_since_last"]
    known = pd.DataFrame(
        {
            "cut_off": day,
            "score": table["risk_score"],
            "amount": (usual - later).clip(lower=0),
            "baseline_account_size": yearly,
            "baseline_small_accounts": -yearly,
            "baseline_recency": pause,
            "baseline_gap_ratio": pause / rhythm["interval"].fillna(rhythm["interval"].median()).reindex(table.index),
            "baseline_previous_quarter": _fall_against_last_window(then, window_months)
            .reindex(table.index)
            .fillna(0.0),
        }
    )
    events = {"risk_stop": later <= 0, "risk_fall": later < FALL * usual}
    populations = {
        "active_26_weeks": table.index[pause <= 7 * ACTIVE_WEEKS],
        "key_accounts": table.index.intersection(key_set(yearly, KEY_SHARE)),
    }
    return pd.concat(
        [
            known.loc[ids].assign(task=task, population=population, event=event.loc[ids])
            for task, event in events.items()
            for population, ids in populations.items()
        ]
    ).reset_index()[TRIAL_COLUMNS]


def _fall_against_last_window(history: History, window_months: int) -> pd.Series[Any]:
    """The share of the window before that the last window lacks, by account_id; negative where it brought more, −1 where
    there was nothing before."""
    now, before = history.revenue(window_months), history.revenue(window_months, window_months)
    both = pd.DataFrame({"now": now, "before": before}).fillna(0.0)
    return (both["before"] - both["now"]) / both.max(axis=1).replace(0.0, 1.0)
