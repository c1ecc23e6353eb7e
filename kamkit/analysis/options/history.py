"""What was known on a day: the account figures of all options, cut at that day, so that nothing later can leak in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from kamkit.model.codes import Grain
from kamkit.model.results import AccountFacts, no_events

DATED = {
    "interactions": "date",
    "complaints": "date",
    "contracts": "start",
    "projects": "start",
    "privileges": "valid_from",
    "decisions": "date",
    "consultations": "date",
}
"""Further tables whose rows are known from a day on, and the column that says so."""

SOLVED_LATER = {"complaints": "solved_on"}
"""What is entered into a row on a later day."""

SUMMED_LATER = {"projects": ("hours", "spec_in")}
"""What a row says of its whole course, with no day: not known at an earlier day."""

MASTER_DATA = (
    *("account_id", "name", "country", "region", "channel"),
    *("industry_code", "industry_version", "industry_text"),
)
"""What an account is, taken for the same at any time (convention); all else about an account is of the whole period."""

YEAR = 12

HOLIDAYS = 7
"""Data whose first booking is within a month's first days cover the month (convention)."""


@dataclass(frozen=True)
class History:
    """Orders, months and purchases up to and including `cut_off`; the frames are those of AccountFacts. `months` and
    `prices` hold closed months only."""

    cut_off: pd.Timestamp
    start: pd.Timestamp
    grain: Grain
    item_kind: str | None
    accounts: pd.DataFrame
    months: pd.DataFrame
    orders: pd.DataFrame
    purchases: pd.DataFrame
    product_purchases: pd.DataFrame
    tables: Mapping[str, pd.DataFrame]
    events: pd.DataFrame = field(default_factory=no_events)
    prices: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def n_months(self) -> int:
        """Whole months from the start of the data to the cut-off."""
        day_after, start = self.cut_off + pd.Timedelta(days=1), self.start
        first = start.day if start.day > HOLIDAYS else 1
        months = (day_after.year - start.year) * 12 + day_after.month - start.month
        return int(months - (day_after.day < first))

    def first_day(self, n_months: int) -> pd.Timestamp:
        """The first day of the `n_months` that end with the cut-off."""
        return self.cut_off + pd.Timedelta(days=1) - pd.DateOffset(months=n_months)

    def covers(self, n_months: int) -> bool:
        """Whether the data reach back that far."""
        return self.n_months >= n_months

    def until(self, day: pd.Timestamp) -> History:
        """The same, as it was known at the end of an earlier day.

        Rows dated later are gone, and what was entered into a row later. Of the accounts those are left that had bought by
        then, with what they are (MASTER_DATA) and, in place of the period's figures, first_date, last_date and the
        revenue and margin of the last 12 closed months; wallets, classes, shares of contracts and all else that was
        found out at no day are missing. So are tables without a day: ratings, contacts, budgets.
        """
        cut = replace(
            self,
            cut_off=day,
            months=_months_until(self.months, day),
            orders=_until(self.orders, day),
            purchases=_until(self.purchases, day),
            product_purchases=_until(self.product_purchases, day),
            prices=_months_until(self.prices, day),
            tables={name: _rows_until(name, frame, day) for name, frame in self.tables.items()},
        )
        if day >= self.cut_off:
            return cut
        tables = {name: _as_of(name, frame) for name, frame in cut.tables.items() if _is_dated(name, frame)}
        return replace(cut, tables=tables, accounts=cut.accounts_then(), events=_events_until(self.events, day))

    def accounts_then(self) -> pd.DataFrame:
        """The accounts as far as they were known on a day before the period's end."""
        known = self.accounts.reindex(columns=list(MASTER_DATA)).reindex(columns=self.accounts.columns)
        dated = self.orders if len(self.orders) else self.months.rename(columns={"month": "date"})
        seen = {i for frame in (self.months, self.orders, self.purchases) for i in frame["account_id"].unique()}
        known = known[known["account_id"].map(seen.__contains__).astype(bool)].reset_index(drop=True)
        bought = dated[dated["revenue"] > 0].groupby("account_id")["date"]
        year = self.months[self.months["month"] >= self.first_day(YEAR)].groupby("account_id")
        figures = {"first_date": bought.min(), "last_date": bought.max(), "revenue": year["revenue"].sum()}
        if "margin" in self.months:
            figures["margin"] = year["margin"].sum(min_count=1)
        ids = pd.Index(known["account_id"])
        given = {name: by.reindex(ids).to_numpy() for name, by in figures.items() if name in known}
        return known.assign(**given)

    @cached_property
    def dated_by_day(self) -> bool:
        """Whether single orders are known; else rhythms are not."""
        return self.grain is Grain.DAY and not self.orders.empty

    @cached_property
    def given(self) -> frozenset[str]:
        """Columns (table.column) that are there; what they cannot show yet, or of an account that no complaint names, is no
        question of data."""
        there = {
            "posting_date": self.dated_by_day,
            "net_revenue": True,
            "category": not self.purchases.empty,
            "product_id": not self.product_purchases.empty or self.item_kind == "product",
            "margin": bool(self.accounts["margin"].notna().any()),
        }
        columns = {f"transactions.{column}" for column, is_there in there.items() if is_there}
        complaints = self.tables.get("complaints")
        if complaints is not None and "solved_on" in complaints:
            columns |= {"complaints.date", "complaints.solved_on"}
        return frozenset(columns)

    def revenue(self, n_months: int, ending_before: int = 0) -> pd.Series[Any]:
        """Revenue by account_id in a span of whole months that ends `ending_before` months before the cut-off: positive
        orders to the day where they are known, else months (of a yearly list: years)."""
        first, last = self.first_day(n_months + ending_before), self.first_day(ending_before)
        frame, column = (self.orders, "date") if self.dated_by_day else (self.months, "month")
        inside = frame[(frame[column] >= first) & (frame[column] < last)]
        return inside.groupby("account_id")["revenue"].sum()

    @cached_property
    def yearly_revenue(self) -> pd.Series[Any]:
        """Revenue of the last 12 months by account_id, never below zero; what was returned is taken off."""
        booked = self.revenue(12)
        if not self.dated_by_day:
            return booked.clip(lower=0)
        first = self.first_day(12)
        sold = self.orders[self.orders["date"] >= first]
        month = sold["date"].dt.to_period("M").dt.to_timestamp()
        gross = sold.groupby([sold["account_id"], month])["revenue"].sum()
        net = self.months[self.months["month"] >= first].set_index(["account_id", "month"])["revenue"]
        returned = (gross.reindex(net.index).fillna(0.0) - net).clip(lower=0).groupby("account_id").sum()
        return (booked - returned.reindex(booked.index).fillna(0.0)).clip(lower=0)


def history_until(facts: AccountFacts, cut_off: dt.date | pd.Timestamp | None = None) -> History:
    """The facts as they stood at the end of `cut_off` (default: the period's end)."""
    history = History(
        cut_off=pd.Timestamp(facts.period.end),
        start=pd.Timestamp(facts.history_start),
        grain=facts.grain,
        item_kind=facts.item_kind,
        accounts=facts.accounts,
        months=facts.months,
        orders=facts.orders,
        purchases=facts.purchases,
        product_purchases=facts.product_purchases,
        tables=facts.tables,
        events=facts.events,
        prices=facts.prices,
    )
    return history.until(pd.Timestamp(cut_off or facts.period.end))


def window_end(cut_off: pd.Timestamp, n_months: int) -> pd.Timestamp:
    """The last day of the months that begin on the day after `cut_off`."""
    return cut_off + pd.Timedelta(days=1) + pd.DateOffset(months=n_months) - pd.Timedelta(days=1)


def _months_until(frame: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    return frame[frame["month"] + pd.offsets.MonthEnd(0) <= day] if len(frame) else frame


def _until(frame: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    return frame[frame["date"] <= day] if len(frame) else frame


def _is_dated(name: str, frame: pd.DataFrame) -> bool:
    return DATED.get(name) in frame


def _rows_until(name: str, frame: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """The rows that happened by a day, or on no day that is told; without what was entered into them later."""
    if not (_is_dated(name, frame) and len(frame)):
        return frame
    kept = frame[~(pd.to_datetime(frame[DATED[name]]) > day)]
    later = SOLVED_LATER.get(name)
    if later not in kept:
        return kept
    entered = pd.to_datetime(kept[later])
    return kept.assign(**{str(later): entered.where(entered <= day)})


def _as_of(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """What a table says at an earlier day: rows with a day of their own, without what they say of their whole course."""
    given = frame[frame[DATED[name]].notna()]
    return given.drop(columns=[column for column in SUMMED_LATER.get(name, ()) if column in given])


def _events_until(events: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """The events that had begun, as long as they lasted by then."""
    if events.empty:
        return events
    begun = events[events["start"] <= day]
    return begun.assign(end=begun["end"].where(begun["end"] <= day, day))
