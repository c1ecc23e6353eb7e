"""Traps that single booked lines fall into and a rule only has to see: whose line it is, what is sold, when (domain §7).

Each function gives a condition over the lines, or None where the export cannot show it, so that the rule costs nothing.
"""

from __future__ import annotations

import datetime as dt
import functools
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Self

import ibis
import pandas as pd
from ibis import _
from pydantic import model_validator

from kamkit.model.codes import Evidence
from kamkit.model.results import no_events
from kamkit.model.rules import Rule

POOLED = "Diverse"
"""The account under which collective accounts are put together. It is never ranked."""

CHARGED = ("product_id", "product_name", "category")
NAMED = ("name", "account_group", "customer_class")


class Words(Rule):
    """Whole words that mark something in a client's texts; case does not count."""

    words: tuple[str, ...]
    evidence: Evidence

    def among(self, texts: pd.Series) -> pd.Series:
        """Which of the texts hold one of the words."""
        pattern = r"(?<!\w)(?:" + "|".join(re.escape(word) for word in self.words) + r")(?!\w)"
        return texts.str.contains(pattern, case=False, na=False, regex=True)


class Event(Rule):
    """Days in which purchases say little about a customer: a supply shortage, a block, a strike. `customer_ids` empty
    means all customers."""

    start: dt.date
    end: dt.date
    reason: str
    customer_ids: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start > self.end:
            raise ValueError(f"start {self.start} is after end {self.end}")
        return self

    def condition(self) -> Any:
        """Whether a line falls into it."""
        inside = _.posting_date.between(self.start, self.end)
        return inside & _.customer_id.isin(list(self.customer_ids)) if self.customer_ids else inside


def event_table(events: Iterable[Event]) -> pd.DataFrame:
    """customer_id (missing: all customers), start, end, reason."""
    rows = [(i, e.start, e.end, e.reason) for e in events for i in (e.customer_ids or (None,))]
    columns = no_events("customer_id").dtypes
    return pd.DataFrame(rows, columns=list(columns.index)).astype(columns.to_dict())


def any_of(*conditions: Any) -> Any:
    """Conditions joined by or, those that are None left out; None where all are."""
    given = [condition for condition in conditions if condition is not None]
    return functools.reduce(operator.or_, given) if given else None


def among(customer_ids: pd.Series) -> Any:
    """Whether a line's customer is one of these; None where there are none."""
    if customer_ids.empty:
        return None
    ids = customer_ids.dropna().drop_duplicates().astype(object).to_frame("id")
    return _.customer_id.isin(ibis.memtable(ids, schema={"id": "string"}).id)


def flagged(customers: pd.DataFrame | None, flag: str) -> pd.Series:
    """The ids of customers with a flag of the master."""
    if customers is None or flag not in customers.columns:
        return pd.Series(dtype="string")
    return customers["customer_id"][customers[flag].fillna(False).astype(bool)]


def named(customers: pd.DataFrame | None, words: Words, columns: Sequence[str] = NAMED) -> pd.Series:
    """The ids of customers with one of the words in these columns of the master."""
    given = [] if customers is None else [c for c in columns if c in customers.columns]
    if customers is None or not given:
        return pd.Series(dtype="string")
    hits: pd.Series = functools.reduce(operator.or_, (words.among(customers[c]) for c in given))
    return customers["customer_id"][hits]


def unlikely_margin(columns: Iterable[str]) -> Any:
    """Whether a line's margin is 0 or 100 % without a cost: not entered rather than earned. None without margins."""
    given = {"cost", "margin"} & {*columns}
    if not given:
        return None
    unknown_cost = _.cost.isnull() | (_.cost == 0) if "cost" in given else ibis.literal(True)
    if "margin" not in given:
        return _.cost == 0
    entered = _.margin.isnull() & (_.cost == 0) if "cost" in given else ibis.literal(False)
    return (unknown_cost & ((_.margin == 0) | (_.margin == _.net_revenue))) | entered


def charge_kinds(lines: Any, kinds: Mapping[Any, Words]) -> dict[str, dict[str, str]]:
    """Which products and categories are charges beside the goods: by column, the value and its kind.

    Looks once at every distinct product, not at every line.
    """
    found: dict[str, dict[str, str]] = {}
    for column in (c for c in CHARGED if c in lines.columns):
        values = lines.filter(_[column].notnull()).select(column).distinct().to_pyarrow()
        texts = pd.Series(values[column].to_pandas(), dtype="string")
        for kind, words in reversed([*kinds.items()]):
            found.setdefault(column, {}).update(dict.fromkeys(texts[words.among(texts)], kind))
    return found


def charge_kind(found: Mapping[str, Mapping[str, str]]) -> Any:
    """The kind of charge that a line is, missing for goods; None where there is none."""
    cases = [
        (_[column].isin([value for value, k in values.items() if k == kind]), ibis.literal(kind))
        for column, values in found.items()
        for kind in sorted(set(values.values()))
    ]
    return ibis.cases(*cases) if cases else None


def project_orders(lines: Any, start: dt.date, share_of_customer: float, share_of_revenue: float) -> Any:
    """Whether a line belongs to a project above a share of its customer's positive revenue since `start`; None where no
    project is named."""
    if "project_id" not in lines.columns:
        return None
    counts = _.reason.isnull() & (_.net_revenue > 0) & (_.posting_date > start)
    sums = lines.filter(counts).group_by("customer_id", "project_id").aggregate(amount=_.net_revenue.sum())
    sums = sums.mutate(bought=_.amount.sum().over(group_by="customer_id"), total=_.amount.sum().over())
    large = (_.amount > _.bought * _exact(share_of_customer)) & (_.amount >= _.total * _exact(share_of_revenue))
    found = sums.filter(_.project_id.notnull() & large).select("customer_id", "project_id").to_pyarrow().to_pylist()
    keys = sorted(f"{row['customer_id']}|{row['project_id']}" for row in found)
    return counts & _.customer_id.concat("|", _.project_id).isin(keys) if keys else None


def in_counting_month(lines: Any) -> Any:
    """The lines on the date on which they count: that of the document a credit note refers to, where it is found."""
    if "counts_on" not in lines.columns:
        return lines
    return lines.mutate(posting_date=ibis.coalesce(_.counts_on, _.posting_date)).drop("counts_on")


def with_originals(lines: Any, move: bool) -> Any:
    """Adds is_referenced_credit: a negative line whose document refers to an earlier one; and to `move` them counts_on,
    the date of that one."""
    credit = _.reason.isnull() & (_.net_revenue < 0) & _.reference_id.notnull()
    wanted = lines.filter(credit).select(buyer="customer_id", original="reference_id").distinct()
    booked = lines.filter(_.reason.isnull() & (_.net_revenue > 0) & _.invoice_id.notnull())
    dates = booked.group_by("customer_id", "invoice_id").aggregate(original_on=_.posting_date.min())
    same = [dates.customer_id == wanted.buyer, dates.invoice_id == wanted.original]
    originals = fetched(wanted.inner_join(dates, same).select("buyer", "original", "original_on"))
    if originals is None:
        return lines.mutate(is_referenced_credit=ibis.literal(False))
    of_credit = [lines.customer_id == originals.buyer, lines.reference_id == originals.original]
    joined = lines.left_join(originals, of_credit)
    joined = joined.mutate(is_referenced_credit=(credit & (_.original_on < _.posting_date)).fill_null(False))
    if move:
        joined = joined.mutate(counts_on=ibis.ifelse(_.is_referenced_credit, _.original_on, None))
    return joined.drop("buyer", "original", "original_on")


def fetched(found: Any) -> Any:
    """The few rows that an expensive rule is about, computed once, so that the many lines need not be asked again;
    None where there are none."""
    rows = found.to_pyarrow()
    return ibis.memtable(rows, schema=found.schema()) if rows.num_rows else None


def _exact(share: float) -> Any:
    return ibis.literal(Decimal(str(share)), type="decimal(9, 6)")
