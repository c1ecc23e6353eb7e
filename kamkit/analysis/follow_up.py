"""What has changed since an earlier run, and what became of what it said.

A change of revenue between two runs proves no effect: accounts were chosen because they were large, and large ones fall
back on average (regression to the mean, domain S5).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from kamkit.analysis.decisions import latest_decisions
from kamkit.analysis.patterns import spread_bookings
from kamkit.analysis.self_reports import compare_self_checks
from kamkit.model.codes import Grain, Tier
from kamkit.model.engagement import Period
from kamkit.model.follow_up import FollowUp, PreviousRun
from kamkit.model.questionnaire import questionnaires
from kamkit.model.results import AccountFacts, Existence, KeyAccounts

FALL = 0.30
"""A warning came true where an account lost this much of the same months a year before (domain §2.1, convention)."""

FEWEST_EVENTS = 20
"""Fewer are listed as cases and prove nothing (convention)."""

WARNED = ("red", "amber")


def compare_runs(
    previous: PreviousRun,
    facts: AccountFacts,
    key_accounts: KeyAccounts,
    existence: Existence,
    actions: pd.DataFrame,
    currency: str,
    window_months: int,
    today: dt.date,
) -> FollowUp:
    """The earlier run against the present one.

    `actions` are the entries of inputs.xlsx (account_id, first_step, owner, due, proposed_due, status, done_on, result,
    plan, code). What cannot be compared, since level, threshold, basis, currency or the length of the period are others or
    nothing has happened since, is refused with the reason.
    """
    refused = _refused(previous, facts, key_accounts, currency, window_months)
    frames: dict[str, pd.DataFrame] = {
        "accounts": _accounts(previous, facts, key_accounts),
        "warnings": _warnings(previous, facts, window_months) if "warnings" not in refused else _NO_WARNINGS,
        "decisions": _decisions(previous, facts),
        "actions": _actions(previous, facts, actions, today),
    }
    if "list" in refused:
        then = frames["accounts"]["change"] != "entered"
        frames["accounts"] = frames["accounts"][then].assign(change=None, reason=None)
    if "revenue" in refused:
        frames["accounts"] = frames["accounts"].assign(revenue_before=float("nan"), revenue_change=float("nan"))
    for name in ("decisions", "actions"):
        frames[name] = frames[name].head(0) if name in refused else frames[name]
    if refused.get("list") == "level":
        frames["accounts"] = frames["accounts"].head(0)
    answers = {test.test: str(test.answer) for test in existence.tests}
    tests = [(t, previous.existence[t], now) for t, now in answers.items() if previous.existence.get(t, now) != now]
    checks = compare_self_checks(previous.self_check, facts.tables.get("self_check"), questionnaires()["self_check"])
    warnings = frames["warnings"]
    return FollowUp(
        name=previous.name,
        made_on=previous.made_on,
        before=previous.period,
        refused=refused,
        verdict=(previous.verdict, str(existence.verdict)),
        tests=pd.DataFrame(tests, columns=["test", "before", "now"]),
        self_check=checks,
        window=_window(previous.period, window_months) if len(warnings) else None,
        testable=int(warnings["came_true"].sum()) >= FEWEST_EVENTS,
        **frames,
    )


def _refused(
    previous: PreviousRun, facts: AccountFacts, key_accounts: KeyAccounts, currency: str, window_months: int
) -> dict[str, str]:
    """Why comparisons cannot be made, the plainest reason of each."""
    now, pareto = facts.period, key_accounts.pareto
    same_length = previous.period.whole_months == now.whole_months
    reasons: list[tuple[str, str, bool]] = [
        *(
            (what, "level", previous.level != facts.level)
            for what in ("list", "revenue", "warnings", "decisions", "actions")
        ),
        *((what, "later", previous.period.end > now.end) for what in ("list", "revenue", "warnings", "actions")),
        ("list", "basis", previous.basis != pareto.basis),
        ("list", "threshold", abs(previous.threshold - pareto.threshold) > 1e-9),
        *((what, "length", not same_length) for what in ("list", "revenue")),
        ("revenue", "currency", previous.currency != currency),
        ("warnings", "too_soon", _window(previous.period, window_months)[1] > now.end),
        ("warnings", "not_dated", facts.grain is Grain.YEAR),
        ("self_check", "not_answered", previous.self_check.empty or "self_check" not in facts.tables),
    ]
    refused: dict[str, str] = {}
    for what, reason, holds in reasons:
        if holds:
            refused.setdefault(what, reason)
    return refused


def _window(period: Period, months: int) -> tuple[dt.date, dt.date]:
    """The first whole months after a period."""
    first = pd.Period(period.end + dt.timedelta(days=1), "M")
    if (period.end + dt.timedelta(days=1)).day > 1:
        first += 1
    return first.start_time.date(), (first + months - 1).end_time.date()


def _accounts(previous: PreviousRun, facts: AccountFacts, key_accounts: KeyAccounts) -> pd.DataFrame:
    then = previous.accounts.assign(was_key=_chosen(previous.accounts))
    now = key_accounts.pareto.table[["account_id", "name", "revenue", "is_key_account"]]
    now = now.merge(key_accounts.tiers[["account_id", "tier"]], on="account_id", how="left")
    now = now.assign(is_key=_chosen(now))
    both = then.merge(now, on="account_id", how="outer", suffixes=("_then", "_now"))
    for column in ("was_key", "is_key", "is_key_account_then", "is_key_account_now"):
        both[column] = both[column].fillna(False).astype(bool)
    both = both[both["was_key"] | both["is_key"]]
    moved = _moved(facts)
    rows = []
    for row in both.to_dict("records"):
        change = "kept" if row["was_key"] and row["is_key"] else "entered" if row["is_key"] else "left"
        into = moved.get(row["account_id"])
        before = 0.0 if pd.isna(row["revenue_then"]) else float(row["revenue_then"])
        after = 0.0 if pd.isna(row["revenue_now"]) else float(row["revenue_now"])
        rows.append(
            {
                "account_id": row["account_id"],
                "name": row["name_then"] if pd.isna(row["name_now"]) else row["name_now"],
                "change": change,
                "reason": None if change == "kept" else _reason(row, change, previous, facts, into),
                "into": None if into is None else into[1],
                "revenue_before": before,
                "revenue_now": float("nan") if into else after,
                "revenue_change": after / before - 1 if before > 0 and into is None else float("nan"),
            }
        )
    columns = ["account_id", "name", "change", "reason", "into", "revenue_before", "revenue_now", "revenue_change"]
    frame = pd.DataFrame(rows, columns=columns).astype({"revenue_before": "float64", "revenue_now": "float64"})
    order = frame.assign(size=frame[["revenue_before", "revenue_now"]].max(axis=1))
    return order.sort_values(["size", "account_id"], ascending=[False, True])[columns].reset_index(drop=True)


def _chosen(table: pd.DataFrame) -> pd.Series[bool]:
    """Key accounts: in the set that reaches the threshold and not decided against, or chosen by decision."""
    tier = table["tier"].fillna(str(Tier.OTHER)).astype(str)
    return tier != str(Tier.OTHER)


def _moved(facts: AccountFacts) -> Mapping[str, tuple[str, str]]:
    """Customers that are part of another account now, with its id and name."""
    names = dict(zip(facts.accounts["account_id"], facts.accounts["name"], strict=True))
    inside = facts.members[facts.members["customer_id"] != facts.members["account_id"]]
    own = set(facts.accounts["account_id"])
    pairs = zip(inside["customer_id"], inside["account_id"], strict=True)
    return {c: (a, names.get(a, a)) for c, a in pairs if c not in own}


def _reason(
    row: Mapping[Any, Any], change: str, previous: PreviousRun, facts: AccountFacts, into: tuple[str, str] | None
) -> str:
    if into is not None:
        return "grouping"
    if row["is_key"] != row["is_key_account_now"] or row["was_key"] != row["is_key_account_then"]:
        return "decision"
    if change == "left":
        return "revenue"
    members = facts.members.loc[facts.members["account_id"] == row["account_id"], "customer_id"]
    gone = set(previous.accounts["account_id"]) - set(facts.accounts["account_id"])
    if gone.intersection(members):
        return "grouping"
    return "new" if pd.isna(row["revenue_then"]) else "revenue"


_NO_WARNINGS = pd.DataFrame(
    {
        "account_id": pd.Series(dtype="string"),
        "name": pd.Series(dtype="string"),
        "level": pd.Series(dtype="string"),
        "warned": pd.Series(dtype=bool),
        "came_true": pd.Series(dtype=bool),
        "before": pd.Series(dtype=float),
        "after": pd.Series(dtype=float),
    }
)


def _warnings(previous: PreviousRun, facts: AccountFacts, window_months: int) -> pd.DataFrame:
    """The key accounts of then with a risk level, and their revenue of the window beside that of a year before. Accounts
    that are part of another one now are left out: theirs is not known."""
    first, last = _window(previous.period, window_months)
    keys = previous.accounts[_chosen(previous.accounts)]
    rated = keys.merge(previous.risk.dropna(subset=["level"]), on="account_id")
    rated = rated[rated["account_id"].isin(facts.accounts["account_id"])]
    if rated.empty:
        return _NO_WARNINGS
    months = spread_bookings(facts).months
    year = pd.DateOffset(years=1)
    after = _between(months, pd.Timestamp(first), pd.Timestamp(last))
    before = _between(months, pd.Timestamp(first) - year, pd.Timestamp(last) - year)
    rated = rated.assign(
        after=rated["account_id"].map(after).fillna(0.0).astype(float),
        before=rated["account_id"].map(before).fillna(0.0).astype(float),
        warned=rated["level"].isin(WARNED),
    )
    fell = (rated["before"] > 0) & (rated["after"] <= (1 - FALL) * rated["before"])
    rated["came_true"] = fell | (rated["after"] <= 0)
    rated = rated.sort_values(["warned", "before", "account_id"], ascending=[False, False, True])
    return rated[list(_NO_WARNINGS.columns)].reset_index(drop=True)


def _between(months: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp) -> pd.Series[float]:
    inside = months[(months["month"] >= first) & (months["month"] <= last)]
    return inside.groupby("account_id")["revenue"].sum()


def _decisions(previous: PreviousRun, facts: AccountFacts) -> pd.DataFrame:
    """The latest decisions then and now, of the same account and subject."""
    then = dict(_said(previous.accounts))
    latest = latest_decisions(facts.tables["decisions"]).dropna(subset=["account_id", "subject"])
    now = {(str(r["account_id"]), str(r["subject"])): str(r["decision"]) for r in latest.to_dict("records")}
    names = dict(zip(previous.accounts["account_id"], previous.accounts["name"], strict=True))
    names |= dict(zip(facts.accounts["account_id"], facts.accounts["name"], strict=True))
    rows = []
    for key in sorted({*then, *now}):
        was, is_now = then.get(key), now.get(key)
        change = "new" if was is None else "withdrawn" if is_now is None else "kept" if was == is_now else "changed"
        rows.append((key[0], names.get(key[0], key[0]), key[1], was, is_now, change))
    return pd.DataFrame(rows, columns=["account_id", "name", "subject", "before", "now", "change"])


def _said(accounts: pd.DataFrame) -> Iterator[tuple[tuple[str, str], str]]:
    """The decisions of accounts.csv: (account, subject) and what was decided."""
    for account_id, text in accounts[["account_id", "decision"]].dropna().itertuples(index=False):
        for part in str(text).split("; "):
            subject, _, decision = part.partition(": ")
            yield (str(account_id), subject), decision


def _actions(previous: PreviousRun, facts: AccountFacts, entered: pd.DataFrame, today: dt.date) -> pd.DataFrame:
    """The steps of the plan of then with what people entered, and the steps that they added."""
    names = dict(zip(previous.accounts["account_id"], previous.accounts["name"], strict=True))
    names |= dict(zip(facts.accounts["account_id"], facts.accounts["name"], strict=True))
    plan = entered["plan"] == pd.Timestamp(previous.period.end)
    tracked = {row["account_id"]: row for row in entered[plan & entered["code"].notna()].to_dict("records")}
    rows = []
    for line in previous.actions.to_dict("records"):
        said: Mapping[Any, Any] = tracked.get(line["account_id"], {})
        proposed = said.get("proposed_due", pd.NaT)
        rows.append(_step(line, said, line["due_date"] if pd.isna(proposed) else proposed, today))
    rows += [_step(row, row, pd.NaT, today) for row in entered[entered["code"].isna()].to_dict("records")]
    columns = ["account_id", "name", "first_step", "owner", "due", "status", "done_on", "result"]
    frame = pd.DataFrame(rows, columns=[c for c in columns if c != "name"])
    return frame.assign(name=frame["account_id"].map(names).fillna(frame["account_id"]))[columns]


def _step(line: Mapping[Any, Any], said: Mapping[Any, Any], proposed: Any, today: dt.date) -> dict[str, Any]:
    due = said.get("due", pd.NaT)
    due = proposed if pd.isna(due) else due
    status = said.get("status")
    if not said:
        status = "untouched"
    elif pd.isna(status) or status == "open":
        status = "overdue" if not pd.isna(due) and due.date() < today else "open"
    step = {"account_id": line["account_id"], "first_step": line["first_step"], "due": due, "status": status}
    return step | {name: said.get(name) for name in ("owner", "done_on", "result")}
