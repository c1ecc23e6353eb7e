"""How a figure about an account follows from its booked lines: each as a live formula and the value it has now.

A `Term` is both at once, so that the workbook and the check of its figures cannot disagree. Names in formulas are those of
the columns of `account_lines`, which the workbook defines.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.options.buffer import MOST as MOST_KEPT

HALF_YEAR, YEAR, DAYS_OF_YEAR = 6, 12, 365.25
WINDOWS = ("last_12_months", "months_13_to_24", "last_6_months", "same_6_months_before", "window")
LINES = ["document", "date", "customer", "product", "category", "site", "amount", "margin", *WINDOWS]
LINES += ["is_purchase", "order_amount", "order_gap", "first_of_month"]


def account_lines(rows: pd.DataFrame, item_kind: str | None, cut_off: dt.date, window_months: int) -> pd.DataFrame:
    """The lines of one account as they are traced to, by date: LINES, and item.

    `rows`: canonical transaction lines of the account up to `cut_off` (customer_id, posting_date, net_revenue, …). The
    windows end with `cut_off`. is_purchase: what is bought of the item that day, less what is returned, is above zero;
    order_amount: the document's sum, on its first line, where above zero; order_gap: days since the order day before, on the
    first line of an order day; first_of_month: the first line of a month with an order.
    """
    day = pd.to_datetime(rows["posting_date"])
    given = {
        "document": rows.get("invoice_id"),
        "date": day,
        "customer": rows["customer_id"],
        "product": rows.get("product_name", rows.get("product_id")),
        "category": rows.get("category"),
        "site": rows.get("site"),
        "amount": rows["net_revenue"].astype(float),
        "margin": _margin(rows),
        "item": rows.get(f"{item_kind}_id" if item_kind == "product" else "category") if item_kind else None,
    }
    empty = pd.Series(None, index=rows.index, dtype=object)
    lines = pd.DataFrame({name: empty if values is None else values for name, values in given.items()})
    lines = lines.sort_values(["date", "document"], kind="stable", ignore_index=True)
    first = pd.Timestamp(cut_off) + pd.Timedelta(days=1)
    for name, back, length in (
        ("last_12_months", 0, YEAR),
        ("months_13_to_24", YEAR, YEAR),
        ("last_6_months", 0, HALF_YEAR),
        ("same_6_months_before", YEAR, HALF_YEAR),
        ("window", 0, window_months),
    ):
        start, end = first - pd.DateOffset(months=back + length), first - pd.DateOffset(months=back)
        lines[name] = (lines["date"] >= start) & (lines["date"] < end)
    return _with_orders(_with_purchases(lines))


def _margin(rows: pd.DataFrame) -> pd.Series[Any] | None:
    if "margin" in rows:
        return rows["margin"].astype(float)
    return rows["net_revenue"].astype(float) - rows["cost"].astype(float) if "cost" in rows else None


def _with_purchases(lines: pd.DataFrame) -> pd.DataFrame:
    bought = lines.groupby(["customer", "item", "date"], dropna=False)["amount"].transform("sum").round(6) > 0
    return lines.assign(is_purchase=bought & lines["item"].notna())


def _with_orders(lines: pd.DataFrame) -> pd.DataFrame:
    document = lines["document"].astype(object).where(lines["document"].notna(), lines["date"])
    total = lines["amount"].groupby(document).transform("sum").round(6)
    date = lines["date"].groupby(document).transform("min")
    is_order = (total > 0) & ~document.duplicated()
    days = pd.Series(sorted(date[is_order].unique()))
    gaps = dict(zip(days, days.diff().dt.days, strict=True))
    first_of_day = is_order & ~date.where(is_order).duplicated()
    month = date.where(is_order).dt.to_period("M")
    return lines.assign(
        order_amount=total.where(is_order),
        order_gap=date.map(gaps).where(first_of_day),
        first_of_month=is_order & ~month.duplicated(),
    )


@dataclass(frozen=True)
class Term:
    """A part of a formula and the value it has."""

    formula: str
    value: float

    def __add__(self, other: Term | float) -> Term:
        return _joined(self, other, "+", lambda a, b: a + b)

    def __sub__(self, other: Term | float) -> Term:
        return _joined(self, other, "-", lambda a, b: a - b)

    def __mul__(self, other: Term | float) -> Term:
        return _joined(self, other, "*", lambda a, b: a * b)

    def __truediv__(self, other: Term | float) -> Term:
        return _joined(self, other, "/", lambda a, b: a / b if b else float("nan"))


def _joined(left: Term, right: Term | float, sign: str, compute: Callable[[float, float], float]) -> Term:
    other = right if isinstance(right, Term) else Term(repr(float(right)), float(right))
    return Term(f"({left.formula}{sign}{other.formula})", compute(left.value, other.value))


@dataclass(frozen=True)
class Rows:
    """A table of the workbook, to be summed and counted by formulas; `table` begins the names of its columns there."""

    table: str
    frame: pd.DataFrame

    def _mask(self, flags: Mapping[str, Any]) -> pd.Series[bool]:
        mask = pd.Series(True, index=self.frame.index)
        for column, wanted in flags.items():
            mask &= self.frame[column].eq(wanted).fillna(False).astype(bool)
        return mask

    def name(self, column: str) -> str:
        """What a column is called in formulas."""
        return f"{self.table}_{column}"

    def criteria(self, flags: Mapping[str, Any]) -> str:
        """The conditions of a formula for the rows that are as said."""
        return ",".join(f"{self.name(column)},{_criterion(wanted)}" for column, wanted in flags.items())

    def total(self, column: str, **flags: Any) -> Term:
        """The sum of a column over the rows that are as said."""
        value = float(self.frame.loc[self._mask(flags), column].astype(float).sum())
        name = self.name(column)
        return Term(f"SUMIFS({name},{self.criteria(flags)})" if flags else f"SUM({name})", value)

    def count(self, **flags: Any) -> Term:
        """How many rows are as said."""
        return Term(f"COUNTIFS({self.criteria(flags)})", float(self._mask(flags).sum()))

    def n(self, column: str) -> Term:
        """How many rows there are; the column has one cell of each."""
        return Term(f"ROWS({self.name(column)})", float(len(self.frame)))

    def median(self, column: str) -> Term:
        """The median of a column, empty cells left out."""
        return Term(f"MEDIAN({self.name(column)})", float(self.frame[column].astype(float).median()))


@dataclass(frozen=True)
class Lines:
    """The lines of an account, to be summed and counted by formulas; `usual_interval`: of all accounts, given beside them."""

    frame: pd.DataFrame
    cut_off: dt.date
    names: Mapping[str, str]
    values: Mapping[str, Any]
    usual_interval: float
    shrinkage: float
    one_off: float

    @property
    def rows(self) -> Rows:
        return Rows("line", self.frame)

    def total(self, column: str = "amount", **flags: Any) -> Term:
        """The sum of a column over the lines that are as said."""
        return self.rows.total(column, **flags)

    def count(self, **flags: Any) -> Term:
        """How many lines are as said."""
        return self.rows.count(**flags)

    def largest_order(self, window: str) -> Term:
        """The largest document of a window."""
        value = self.frame.loc[self.frame[window], "order_amount"].max()
        return Term(f"SUMPRODUCT(MAX({_name(window)}*{_name('order_amount')}))", float(value))

    def of_gaps(self, function: str) -> Term:
        """MEDIAN, AVERAGE, STDEVP, MAX or COUNT of the days between orders."""
        gaps = self.frame["order_gap"].dropna().astype(float)
        compute: Mapping[str, Callable[[], float]] = {
            "MEDIAN": gaps.median,
            "AVERAGE": gaps.mean,
            "STDEVP": lambda: float(np.std(gaps)) if len(gaps) else float("nan"),
            "MAX": gaps.max,
            "COUNT": lambda: float(len(gaps)),
        }
        return Term(f"{function}({_name('order_gap')})", float(compute[function]()))

    def order_day(self, which: str) -> Term:
        """The first (MIN) or last (MAX) day with an order."""
        days = self.frame.loc[self.frame["order_amount"].notna(), "date"]
        day = days.min() if which == "MIN" else days.max()
        sign = "" if which == "MAX" else "1/"
        inner = f"SUMPRODUCT(MAX(({_name('order_amount')}>0)*{sign}{_name('date')}))"
        return Term(inner if which == "MAX" else f"1/{inner}", float((day - EPOCH).days))

    @property
    def last_day(self) -> Term:
        number = float((pd.Timestamp(self.cut_off) - EPOCH).days)
        return Term("cut_off", number)

    def item(self, name: str) -> str | None:
        """The client's own code of an item that a sentence names."""
        return next((code for code, called in self.names.items() if called == name), None)


EPOCH = pd.Timestamp("1899-12-30")
"""Day 0 of spreadsheets."""


def _name(column: str) -> str:
    return f"line_{column}"


def _criterion(wanted: Any) -> str:
    if isinstance(wanted, bool):
        return "TRUE" if wanted else "FALSE"
    text = str(wanted).replace("~", "~~").replace("*", "~*").replace("?", "~?").replace('"', '""')
    return f'"={text}"'


def _days(lines: Lines) -> Term:
    return lines.last_day - lines.order_day("MAX")


def _interval(lines: Lines) -> Term:
    gaps = lines.of_gaps("COUNT")
    usual = Term("usual_interval", lines.usual_interval)
    return (lines.of_gaps("MEDIAN") * gaps + usual * lines.shrinkage) / (gaps + lines.shrinkage)


def _change(lines: Lines) -> Term:
    now = lines.total("order_amount", last_6_months=True)
    before = lines.total("order_amount", same_6_months_before=True)
    largest = lines.largest_order("same_6_months_before")
    if largest.value > lines.one_off * before.value:
        before = before - largest
    return now / before - 1.0


def _regularity(lines: Lines) -> Term:
    even = Term("1", 1.0) - lines.of_gaps("STDEVP") / lines.of_gaps("AVERAGE")
    return Term(f"MAX(0,{even.formula})", max(0.0, even.value))


def _at_risk(lines: Lines) -> Term:
    yearly = lines.total(last_12_months=True)
    if lines.values.get("risk_evidence") == "risk_silent":
        return yearly
    least = float(lines.values["months"]) / YEAR
    fall = Term("0", 0.0) - _change(lines)
    share = Term(f"MIN(1,MAX({least!r},{fall.formula}))", min(1.0, max(least, fall.value)))
    return yearly * share


def _of_item(name: str, column: str = "amount", at_site: bool = False, **flags: Any) -> Callable[[Lines], Term | None]:
    def traced(lines: Lines) -> Term | None:
        code = lines.item(str(lines.values.get(name)))
        if code is None:
            return None
        where = dict(flags) | {"item": code, "is_purchase": True}
        if at_site and lines.values.get("lost_customer") is not None:
            where["customer"] = lines.values["lost_customer"]
        return lines.total(column, **where)

    return traced


def _weakest_lost(lines: Lines) -> Term | None:
    month, code = lines.values.get("weakest_month"), lines.item(str(lines.values.get("lost_item")))
    if month is None or code is None:
        return None
    sums = []
    for year in (1, 0):
        start = pd.Timestamp(month) - pd.DateOffset(years=year)
        end = start + pd.DateOffset(months=1)
        flags = {"item": code, "is_purchase": True}
        if lines.values.get("lost_customer") is not None:
            flags["customer"] = lines.values["lost_customer"]
        inside = lines.frame["date"].between(start, end, inclusive="left")
        value = Rows("line", lines.frame[inside]).total("amount", **flags).value
        days = f'line_date,">={(start - EPOCH).days}",line_date,"<{(end - EPOCH).days}"'
        sums.append(Term(f"SUMIFS(line_amount,{days},{lines.rows.criteria(flags)})", value))
    return sums[0] - sums[1]


TRACES: Mapping[str, Callable[[Lines], Term | None]] = {
    "days": _days,
    "interval": _interval,
    "ratio": lambda lines: _days(lines) / Term(f"MAX(1,{_interval(lines).formula})", max(1.0, _interval(lines).value)),
    "longest": lambda lines: lines.of_gaps("MAX"),
    "n_orders": lambda lines: lines.of_gaps("COUNT") + 1.0,
    "change": _change,
    "one_off": lambda lines: lines.largest_order("last_12_months") / lines.total("order_amount", last_12_months=True),
    "revenue": lambda lines: lines.total(last_12_months=True),
    "at_risk": _at_risk,
    "trend_change": lambda lines: lines.total(last_6_months=True) / lines.total(same_6_months_before=True) - 1.0,
    "margin": lambda lines: lines.total("margin", last_12_months=True),
    "tenure": lambda lines: (lines.last_day - lines.order_day("MIN")) / DAYS_OF_YEAR,
    "regularity": _regularity,
    "active": lambda lines: lines.count(last_12_months=True, first_of_month=True) / float(YEAR),
    "returned": lambda lines: (
        Term("1", 1.0) - lines.total(last_12_months=True) / lines.total("order_amount", last_12_months=True)
    ),
    "lost_before": _of_item("lost_item", at_site=True, same_6_months_before=True),
    "lost_now": _of_item("lost_item", at_site=True, last_6_months=True),
    "weakest_lost": _weakest_lost,
    "main_revenue": _of_item("main_item", last_12_months=True),
    "because_revenue": _of_item("because", last_12_months=True),
    "loss_margin": _of_item("loss_item", "margin", last_12_months=True),
}
"""The figures that follow from the account's own lines."""


@dataclass(frozen=True)
class Compared:
    """What figures about an account rest on beside its own lines: `tables` as of `Support`, `values` of the sentences, and
    its revenue of 12 months."""

    tables: Mapping[str, Rows]
    values: Mapping[str, Any]
    revenue: Term


def _buying(compared: Compared) -> Term | None:
    if (sites := compared.tables.get("site")) is not None:
        return sites.count(lacks=True)
    peers = compared.tables.get("peer")
    return None if peers is None else peers.count(is_peer=True, buys=True)


def _of_sites(column: str) -> Callable[[Compared], Term | None]:
    def traced(compared: Compared) -> Term | None:
        sites = compared.tables.get("site")
        return None if sites is None else sites.total(column, lacks=True)

    return traced


def _from(table: str, compute: Callable[[Rows, Compared], Term]) -> Callable[[Compared], Term | None]:
    def traced(compared: Compared) -> Term | None:
        rows = compared.tables.get(table)
        return None if rows is None else compute(rows, compared)

    return traced


def _lift(peers: Rows) -> Term:
    both, n = peers.count(buys=True, buys_because=True), peers.n("buys")
    return both * n / (peers.count(buys=True) * peers.count(buys_because=True))


def _top_share(visits: Rows, compared: Compared) -> Term:
    return visits.count(counts=True, own_role=compared.values.get("top_role")) / visits.count(counts=True)


def _kept(shocks: Rows) -> Term:
    """Volume after ÷ before, between 0 and 2."""
    share = shocks.total("after", is_itself=True) / shocks.total("before", is_itself=True)
    return Term(f"MAX(0,MIN({MOST_KEPT},{share.formula}))", max(0.0, min(MOST_KEPT, share.value)))


COMPARISONS: Mapping[str, Callable[[Compared], Term | None]] = {
    "n": _buying,
    "peers": _from("peer", lambda peers, _: peers.count(is_peer=True)),
    "not_buying": _from("peer", lambda peers, _: peers.count(is_peer=True, buys=False)),
    "both": _from("peer", lambda peers, _: peers.count(buys=True, buys_because=True)),
    "lift": _from("peer", lambda peers, _: _lift(peers)),
    "usual": _from("peer", lambda peers, compared: peers.median("usual_share") * compared.revenue),
    "expected": _of_sites("expected"),
    "low": _of_sites("low"),
    "high": _of_sites("high"),
    "own": _from("range", lambda ranges, _: ranges.total("n_products", is_itself=True)),
    "typical": _from("range", lambda ranges, _: ranges.median("n_products")),
    "share": _from("weight", lambda weights, _: weights.total("amount", is_itself=True) / weights.total("amount")),
    "contacts": _from("contact", lambda people, _: people.count(counts=True)),
    "deciders": _from("contact", lambda people, _: people.count(counts=True, decides=True)),
    "top_share": _from("visit", _top_share),
    "shock_kept": _from("shock", lambda shocks, _: _kept(shocks)),
    "shock_matched": _from(
        "shock", lambda shocks, _: shocks.total("share", is_matched=True) / shocks.count(is_matched=True)
    ),
}
"""The figures that follow from other rows than the account's own lines."""
