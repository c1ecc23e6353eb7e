"""Windows in which purchases say little about a customer, a strike or a shortage: a history without them (domain §7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from kamkit.analysis.options.history import History
from kamkit.model.codes import Grain


@dataclass(frozen=True)
class Window:
    """The days of one event, and whom it concerns; nobody named means all accounts."""

    start: pd.Timestamp
    end: pd.Timestamp
    reason: str
    account_ids: frozenset[str]

    def concerns(self, account_ids: pd.Series[Any] | pd.Index) -> pd.Series[bool]:
        """Which of these accounts it concerns, by their place."""
        ids = account_ids.to_series() if isinstance(account_ids, pd.Index) else account_ids
        return ids.isin(self.account_ids) if self.account_ids else pd.Series(True, index=ids.index)


def windows(history: History) -> Iterator[Window]:
    """The events known on the day of the history, by their start."""
    known = history.events[history.events["start"] <= history.cut_off]
    for _key, rows in known.groupby(["start", "end", "reason"]):
        first = rows.iloc[0]
        ids = frozenset() if rows["account_id"].isna().any() else frozenset(rows["account_id"])
        yield Window(first["start"], first["end"], first["reason"], ids)


def without_events(history: History) -> History:
    """The history without what lies in an event's window, or in the same days a year before or after, so that what is
    left of two years can still be compared. Of lists by month or year, what touches a window goes whole."""
    reach = pd.DateOffset(months=11 if history.grain is Grain.YEAR else 0)
    months, orders = history.months, history.orders
    return replace(
        history,
        months=months[~_inside(history, months["account_id"], months["month"] - reach, _month_end(months["month"]))],
        orders=orders[~_inside(history, orders["account_id"], orders["date"], orders["date"])],
    )


def days_in_events(history: History, last_order: pd.Series[Any]) -> pd.Series[Any]:
    """How many days since the last order (by account_id) lie in events' windows, each day counted once."""
    days, counted = pd.Series(0.0, index=last_order.index), last_order
    for window in windows(history):
        concerned, end = window.concerns(last_order.index), min(window.end, history.cut_off)
        before = counted.where(counted >= window.start, window.start - pd.Timedelta(days=1))
        days += (end - before).dt.days.clip(lower=0).where(concerned, 0)
        counted = counted.mask(concerned & (counted < end), end)
    return days


def _inside(
    history: History, account_ids: pd.Series[Any], first: pd.Series[Any], last: pd.Series[Any]
) -> pd.Series[bool]:
    inside = pd.Series(False, index=account_ids.index)
    for window in windows(history):
        for years in (-1, 0, 1):
            shift = pd.DateOffset(years=years)
            touched = (first <= window.end + shift) & (last >= window.start + shift)
            inside |= touched & window.concerns(account_ids)
    return inside


def _month_end(month: pd.Series[Any]) -> pd.Series[Any]:
    return month + pd.offsets.MonthEnd(0)
