"""Which customers are one account: companies under common control count as one customer (IFRS 8.34; norm).

Confirmed group, else group id, else the top of the parent chain, else the customer itself. Links may be valid for a
time only: analysis restates history to the group of today, and what an account was at the time is told beside it
(domain S2, section 7). State-owned bodies and buying groups are no control by themselves, so neither is judged here.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
from ibis import _

from kamkit.model.codes import Severity
from kamkit.model.engagement import Period
from kamkit.model.results import Finding
from kamkit.model.rules import Rule, Threshold, load_rules

CONFIRMED, GROUP_ID, PARENT, NONE = "confirmed", "group_id", "parent", "none"
PREFIX = "G:"
"""Before a group's id where a customer outside the group has the same id."""

LINK_COLUMNS = ("customer_id", "group_id", "parent_id", "valid_from", "valid_to")
AS_WAS_COLUMNS = ("customer_id", "account_id", "account_was", "start", "end")

_DAY = dt.timedelta(days=1)


class GroupRules(Rule):
    """The table `templates/rules/groups.yml`."""

    name_similarity: Threshold
    deepest_chain: Threshold


def load_group_rules(engagement_folder: Path | None = None) -> GroupRules:
    """The rules for groups, the engagement's own where it has them. Raises EngagementError when they are wrong."""
    return load_rules(GroupRules, "groups", engagement_folder)


@dataclass(frozen=True)
class Groups:
    """`members`, one row per customer: customer_id, account_id, group_source (confirmed | group_id | parent | none).

    `as_was`, the spans in which a customer belonged to another account than today: customer_id, account_id,
    account_was, start, end (days, both inclusive). `gaps`, the spans from the first validity of a customer's links on
    in which none is valid: customer_id, start, end.
    """

    members: pd.DataFrame
    findings: tuple[Finding, ...]
    as_was: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(AS_WAS_COLUMNS)))
    gaps: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["customer_id", "start", "end"]))


def group_links(customers: pd.DataFrame | None, hierarchy: pd.DataFrame | None) -> pd.DataFrame:
    """All links of customers to groups and parents: customer_id, group_id, parent_id, valid_from, valid_to.

    `customers` is the master with all its rows. Its validities count as soon as it holds several rows for a customer;
    with one row each they say how long the customer exists, not to whom it belongs. A customer that stands in the
    hierarchy takes its parents from there.
    """
    kinds = {c: "datetime64[us]" if c.startswith("valid") else "string" for c in LINK_COLUMNS}
    own, dated = (
        pd.DataFrame(columns=list(LINK_COLUMNS), dtype=object).astype(kinds)
        if table is None
        else table.reindex(columns=list(LINK_COLUMNS)).astype(kinds)
        for table in (customers, hierarchy)
    )
    if not own["customer_id"].duplicated().any():
        open_ended = pd.Series(pd.NaT, index=own.index, dtype="datetime64[us]")
        own = own.assign(valid_from=open_ended, valid_to=open_ended)
    elsewhere = own["customer_id"].isin(dated["customer_id"])
    own["parent_id"] = own["parent_id"].mask(elsewhere)
    own.loc[elsewhere & own["group_id"].isna(), ["valid_from", "valid_to"]] = pd.NaT
    links = pd.concat([own, dated], ignore_index=True).astype(kinds)
    return links.drop_duplicates(ignore_index=True)


def assign_groups(
    customer_ids: pd.Series,
    links: pd.DataFrame | None = None,
    confirmed: pd.DataFrame | None = None,
    period: Period | None = None,
    since: dt.date = dt.date.min,
    revenue: pd.Series | None = None,
    deepest: float = 10,
) -> Groups:
    """The account of every customer on group level, as it is at the end of the period.

    `customer_ids` are those with lines; `links` as of `group_links` (validities may be left out); `confirmed` what a
    person has confirmed (customer_id, group_id), at any time; `since` the day of the first line; `revenue` of the
    period by customer, for the findings; `deepest` the number of parents above which a chain is told. A member follows
    its parent into the parent's group. Of several parents at one time the one begun last holds, then the smallest id;
    a cycle of parents is broken at its smallest id. A group id that is the number of a customer outside the group gets
    the prefix `G:`.
    """
    given = group_links(None, links)
    known = set(customer_ids.dropna()) | set(given["customer_id"].dropna())
    chain = _Chain(known, _confirmed(confirmed), _timed(given))
    on = period.end if period else dt.date.max
    ends = {customer: chain.end(customer, on) for customer in sorted(known)}
    spans = [span for customer in ends for span in chain.spans(customer, since, on)]
    group_ids = {account for account, is_group, _ in [*ends.values(), *(end for *_, end in spans)] if is_group}
    clashes = _clashes(group_ids, ends, known | chain.parents)

    def written(end: _End) -> str:
        account, is_group, _source = end
        return f"{PREFIX}{account}" if is_group and account in clashes else account

    accounts = {customer: written(end) for customer, end in ends.items()}
    members = pd.DataFrame(
        [(customer, accounts[customer], end[2]) for customer, end in ends.items()],
        columns=["customer_id", "account_id", "group_source"],
        dtype="string",
    )
    before = [(customer, accounts[customer], written(end), first, last) for customer, first, last, end in spans]
    as_was = pd.DataFrame([row for row in before if row[1] != row[2]], columns=list(AS_WAS_COLUMNS))
    gaps = pd.DataFrame(
        [(customer, *gap) for customer in ends for gap in chain.gaps(customer, on)],
        columns=["customer_id", "start", "end"],
    )
    return Groups(members, tuple(_findings(chain, clashes, deepest, revenue)), as_was, gaps)


_End = tuple[str, bool, str]
"""An account, whether it is the id of a group rather than of a customer, and the source of the first link."""


@dataclass(frozen=True)
class _Link:
    """One link of a customer while it is valid, both days inclusive; to nobody where the customer is the top."""

    start: dt.date
    end: dt.date
    is_parent: bool
    target: str | None

    def holds(self, on: dt.date) -> bool:
        return self.start <= on <= self.end

    @property
    def is_dated(self) -> bool:
        return self.start > dt.date.min or self.end < dt.date.max


def _timed(links: pd.DataFrame) -> dict[str, list[_Link]]:
    """The links of each customer, group ids before parents, then those begun last first, then by id. A row without
    group and parent says from when to when a customer stands on its own; without validity it says nothing."""
    found: dict[str, set[_Link]] = defaultdict(set)
    for customer, group, parent, start, end in links.astype(object).itertuples(index=False):
        if pd.isna(customer):
            continue
        dates = (dt.date.min if pd.isna(start) else start.date(), dt.date.max if pd.isna(end) else end.date())
        if not pd.isna(group):
            found[customer].add(_Link(*dates, False, group))
        if not pd.isna(parent) and parent != customer:
            found[customer].add(_Link(*dates, True, parent))
        elif pd.isna(group) and dates != (dt.date.min, dt.date.max):
            found[customer].add(_Link(*dates, True, None))
    return {
        customer: sorted(own, key=lambda link: (link.is_parent, -link.start.toordinal(), link.target or ""))
        for customer, own in found.items()
    }


def _confirmed(confirmed: pd.DataFrame | None) -> dict[str, str]:
    if confirmed is None:
        return {}
    given = confirmed.dropna(subset=["customer_id", "group_id"])
    return dict(zip(given["customer_id"].astype(object), given["group_id"].astype(object), strict=True))


class _Chain:
    """The way from a customer to its account, one link after the other, on any day."""

    def __init__(self, known: set[str], confirmed: Mapping[str, str], links: Mapping[str, list[_Link]]) -> None:
        self.known, self._confirmed, self.links = known, confirmed, links
        self.parents = {link.target for own in links.values() for link in own if link.is_parent and link.target}
        self.cycles: dict[tuple[str, ...], set[str]] = defaultdict(set)
        self.depths: dict[str, int] = {}
        self._dated = {customer for customer, own in links.items() if any(link.is_dated for link in own)}

    def end(self, customer: str, on: dt.date) -> _End:
        """Where the way ends on a day; cycles and the length of the way are noted."""
        way, source = [customer], NONE
        while True:
            here = way[-1]
            if here in self._confirmed:
                link, following = CONFIRMED, self._confirmed[here]
            elif (valid := self._valid(here, on)) is None or valid.target is None:
                return here, False, source
            elif valid.is_parent:
                link, following = PARENT, valid.target
            else:
                return valid.target, True, GROUP_ID if source == NONE else source
            source = link if source == NONE else source
            if following == here:
                return here, False, source
            if link == CONFIRMED and following not in self.known:
                return following, True, source
            if following in way:
                cycle = tuple(sorted(way[way.index(following) :]))
                self.cycles[cycle].add(customer)
                return cycle[0], False, source
            way.append(following)
            self.depths[customer] = max(self.depths.get(customer, 0), len(way) - 1)

    def _valid(self, customer: str, on: dt.date) -> _Link | None:
        return next((link for link in self.links.get(customer, ()) if link.holds(on)), None)

    def spans(self, customer: str, since: dt.date, on: dt.date) -> list[tuple[str, dt.date, dt.date, _End]]:
        """customer, first and last day, end of the way, for all spans between two changes on any way that it may have
        gone; none where no link of these ways is dated."""
        if not self._dated or customer in self._confirmed:
            return []
        starts = sorted(
            {
                since,
                *(day for day in self._changes(customer) if since < day <= on),
                on + _DAY if on < dt.date.max else on,
            }
        )
        if len(starts) == 2:
            return []
        return [(customer, first, following - _DAY, self.end(customer, first)) for first, following in pairwise(starts)]

    def _changes(self, customer: str) -> set[dt.date]:
        """The days on which a link that the customer's way may take begins, or is over."""
        reached, ahead, days = {customer}, [customer], set()
        while ahead:
            for link in self.links.get(ahead.pop(), ()):
                days |= {link.start, link.end + _DAY if link.end < dt.date.max else dt.date.max}
                if link.is_parent and link.target and link.target not in reached:
                    reached.add(link.target)
                    ahead.append(link.target)
        return days

    def gaps(self, customer: str, on: dt.date) -> Iterator[tuple[dt.date, dt.date]]:
        """The spans from the first validity to a day in which no link of the customer is valid."""
        if customer not in self._dated or customer in self._confirmed:
            return
        covered = None
        ever = (link for link in self.links[customer] if link.start <= link.end)
        for link in sorted(ever, key=lambda link: link.start):
            if covered is not None and covered < on and link.start > covered + _DAY:
                yield covered + _DAY, min(link.start - _DAY, on)
            covered = link.end if covered is None else max(covered, link.end)
        if covered is not None and covered < on:
            yield covered + _DAY, on


def _clashes(group_ids: set[str], ends: Mapping[str, _End], numbers: set[str]) -> set[str]:
    """Group ids that are also the number of a customer that does not belong to the group."""
    return {group for group in group_ids & numbers if group not in ends or ends[group][:2] != (group, True)}


def _findings(chain: _Chain, clashes: set[str], deepest: float, revenue: pd.Series | None) -> Iterator[Finding]:
    """What is wrong with the links, each with the revenue of the customers concerned."""

    def finding(code: str, examples: Iterable[str], customers: Iterable[str]) -> Iterator[Finding]:
        if shown := tuple(sorted(examples)):
            n, booked = len(shown), None if revenue is None else float(revenue.reindex(sorted(customers)).sum())
            yield Finding(code, "customers", rows=n, revenue=booked, examples=shown[:5], values={"n": n})

    cycles = {" → ".join((*cycle, cycle[0])): customers for cycle, customers in chain.cycles.items()}
    yield from finding("parent_cycle", cycles, set().union(*cycles.values()))
    missing = {parent for parent in chain.parents if parent not in chain.known}
    orphans = {c for c, own in chain.links.items() if any(link.is_parent and link.target in missing for link in own)}
    yield from finding("missing_parent", missing, orphans)
    yield from finding("group_id_clash", clashes, ())
    several = {c for c, own in chain.links.items() if _overlaps(own, same_target=False)}
    yield from finding("several_parents", several, several)
    overlapping = {c for c, own in chain.links.items() if _overlaps(own, same_target=True)} - several
    yield from finding("overlapping_validity", overlapping, overlapping)
    never = {c for c, own in chain.links.items() if any(link.start > link.end for link in own)}
    yield from finding("validity_reversed", never, never)
    deep = {customer for customer, depth in chain.depths.items() if depth > deepest}
    yield from finding("deep_chain", deep, deep)


def _overlaps(own: list[_Link], same_target: bool) -> bool:
    """Whether two links of one kind, to the same target or to different ones, are valid on the same day."""
    return any(
        a.is_parent == b.is_parent
        and (a.target == b.target) == same_target
        and max(a.start, b.start) <= min(a.end, b.end)
        for i, a in enumerate(own)
        for b in own[i + 1 :]
    )


def booked_in_spans(lines: Any, spans: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The spans with the lines booked in them: rows, revenue, and revenue_period of the lines in the period.

    `lines` has customer_id, posting_date, net_revenue; only the customers of the spans are looked at. Spans without a
    line are left out.
    """
    if spans.empty:
        return spans.assign(rows=pd.Series(dtype="int64"), revenue=0.0, revenue_period=0.0)
    numbered = spans.reset_index(drop=True)
    keys = numbered[["customer_id", "start", "end"]].astype(object).assign(span=range(len(numbered)))
    kinds = {"member": "string", "first": "date", "last": "date", "span": "int64"}
    table = ibis.memtable(keys.set_axis(list(kinds), axis=1), schema=kinds)
    inside = [lines.customer_id == table.member, lines.posting_date >= table.first, lines.posting_date <= table.last]
    in_period = _.posting_date.between(period.start, period.end)
    sums = (
        lines.inner_join(table, inside)
        .group_by("span")
        .aggregate(
            rows=_.count(),
            revenue=_.net_revenue.sum().cast("float64"),
            revenue_period=_.net_revenue.sum(where=in_period).fill_null(0).cast("float64"),
        )
    )
    booked = sums.to_pyarrow().to_pandas().set_index("span").sort_index()
    return numbered.join(booked, how="inner").reset_index(drop=True)


def history_findings(as_was: pd.DataFrame, gaps: pd.DataFrame) -> Iterator[Finding]:
    """What of the booked lines belonged to another account at the time, and what falls into no validity.

    Both frames as of `booked_in_spans`.
    """
    if len(as_was):
        by_size = as_was.assign(size=as_was["revenue"].abs()).sort_values(
            ["size", "customer_id"], ascending=[False, True]
        )
        examples = [f"{row.customer_id}: {row.account_was} → {row.account_id}" for row in by_size.itertuples()]
        values = {"n": as_was["customer_id"].nunique(), "in_period": float(as_was["revenue_period"].sum())}
        yield _told("history_restated", Severity.INFO, as_was, examples, values)
    if len(gaps):
        examples = [f"{row.customer_id}: {row.start} – {row.end}" for row in gaps.itertuples()]
        yield _told("validity_gap", Severity.WARNING, gaps, examples, {"n": gaps["customer_id"].nunique()})


def _told(code: str, severity: Severity, spans: pd.DataFrame, examples: list[str], values: dict[str, Any]) -> Finding:
    shown = tuple(dict.fromkeys(examples))[:5]
    revenue = float(spans["revenue"].sum())
    return Finding(code, "customers", severity, int(spans["rows"].sum()), revenue, shown, values)
