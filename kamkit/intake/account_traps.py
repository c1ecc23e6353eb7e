"""What the traps of single lines mean for the ranking: who would enter or leave the 80-% set, who is at or below zero,
and which charges and windows stand behind the figures (domain §7)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from ibis import _

from kamkit.intake.cleaning import CleaningRules
from kamkit.intake.line_traps import POOLED
from kamkit.model.codes import Level, Severity
from kamkit.model.engagement import Period
from kamkit.model.results import Finding
from kamkit.model.smallest_set import key_set

MOST_NAMES = 5
_MARKS = ("one_off", "collective_account")


def line_findings(kept: Any, report: pd.DataFrame, revenue: float, rules: CleaningRules) -> Iterator[Finding]:
    """What is behind single rules: the share of returns, the files with VAT, charges by kind, each event's lines.

    `kept` are the marked lines that count, `revenue` their sum. They are asked again only where the report of the rules
    shows a case; an event is told also where nothing was booked in it.
    """
    rows = dict(zip(report["rule"], report["rows"].astype(int), strict=True))
    n, returned = rows["negative_line"], float(report["revenue"][report["rule"] == "negative_line"].sum())
    stays = rules.treatment("negative_line") != "remove" and revenue > 0
    share = -returned / (revenue - returned) if stays else 0.0
    if share >= rules.return_share.value:
        yield Finding("returns", "transactions", rows=n, revenue=returned, values={"n": n, "share": share})
    if (n := rows["gross_amount"]) and rules.treatment("gross_amount") == "report":
        told = report[report["rule"] == "gross_amount"]
        amount, files = float(told["revenue"].sum()), tuple(told["examples"].iloc[0])
        yield Finding("gross_amounts", "transactions", rows=n, revenue=amount, examples=files, values={"n": n})
    if rows["extra_charge"] and "charge" in kept.columns:
        sums = kept.filter(_.charge.notnull()).group_by("charge")
        sums = sums.aggregate(rows=_.count(), revenue=_.net_revenue.sum().cast("float64")).order_by("charge")
        for row in sums.to_pyarrow().to_pylist():
            values = {"kind": row["charge"], "n": row["rows"]}
            yield Finding(
                "extra_charges", "transactions", Severity.INFO, rows=row["rows"], revenue=row["revenue"], values=values
            )
    if rows["yearly_booking"] and rules.treatment("yearly_booking") == "spread":
        n, spread = rows["yearly_booking"], float(report["revenue"][report["rule"] == "yearly_booking"].sum())
        yield Finding("yearly_spread", "transactions", Severity.INFO, rows=n, revenue=spread, values={"n": n})
    if rules.treatment("event_window") == "report":
        for event in rules.events:
            inside = kept.filter(event.condition())
            (sums,) = inside.aggregate(rows=_.count(), revenue=_.net_revenue.sum()).to_pyarrow().to_pylist()
            values = {"reason": event.reason, "start": event.start, "end": event.end, "n": sums["rows"]}
            yield Finding(
                "event_window",
                "transactions",
                Severity.INFO,
                rows=sums["rows"],
                revenue=float(sums["revenue"] or 0),
                values=values,
            )


def sums_by_customer(kept: Any, period: Period) -> pd.DataFrame:
    """customer_id, rows, revenue, one_off, collective_account (revenue under these marks) of the lines in the period."""
    inside = kept.filter(_.posting_date.between(period.start, period.end))
    marked = {
        mark: _.net_revenue.sum(where=_[f"is_{mark}"]).cast("float64")
        for mark in _MARKS
        if f"is_{mark}" in kept.columns
    }
    sums = inside.group_by("customer_id").aggregate(
        rows=_.count(), revenue=_.net_revenue.sum().cast("float64"), **marked
    )
    frame: pd.DataFrame = sums.order_by("customer_id").to_pyarrow().to_pandas()
    frame = frame.reindex(columns=["customer_id", "rows", "revenue", *_MARKS])
    return frame.fillna(dict.fromkeys(_MARKS, 0.0))


def account_findings(
    customers: pd.DataFrame, names: pd.DataFrame | None, members: pd.DataFrame, level: Level, threshold: float
) -> Iterator[Finding]:
    """What the ranking should be read with: accounts at or below zero, collective accounts in the set that reaches the
    threshold, and the accounts that enter or leave it without one-off business.

    `customers` as from `sums_by_customer`; `names`: the customer master; `members`: customer_id, account_id.
    """
    ranked = customers[customers["customer_id"] != POOLED]
    account = ranked["customer_id"]
    if level == Level.GROUP:
        account = account.map(members.set_index("customer_id")["account_id"]).fillna(account)
    accounts = ranked.drop(columns="customer_id").groupby(account.to_numpy()).sum()
    called = _names(names)

    def told(ids: list[str]) -> tuple[str, ...]:
        return tuple(f"{i} {called[i]}" if i in called else i for i in ids[:MOST_NAMES])

    below = accounts[accounts["revenue"] <= 0].sort_values("revenue", kind="stable")
    if len(below) and (accounts["revenue"] > 0).any():
        yield Finding(
            "accounts_not_positive",
            "customers",
            Severity.INFO,
            rows=int(below["rows"].sum()),
            revenue=float(below["revenue"].sum()),
            examples=told(below.index.tolist()),
            values={"n": len(below)},
        )
    chosen = key_set(accounts["revenue"], threshold)
    collective = accounts.loc[chosen, "collective_account"]
    if (collective := collective[collective > 0]).size:
        yield Finding(
            "collective_in_set",
            "customers",
            revenue=float(collective.sum()),
            examples=told(collective.index.tolist()),
            values={"n": len(collective)},
        )
    if (accounts["one_off"] != 0).any():
        without = key_set(accounts["revenue"] - accounts["one_off"], threshold)
        leaving, entering = ([i for i in a if i not in set(b)] for a, b in ((chosen, without), (without, chosen)))
        if without and (leaving or entering):
            kind = "both" if leaving and entering else "left" if leaving else "entered"
            values = {"n": len(chosen), "without": len(without), "left": told(leaving), "entered": told(entering)}
            yield Finding(
                f"without_one_offs_{kind}", "transactions", revenue=float(accounts["one_off"].sum()), values=values
            )


def lost_zeros(customers: pd.DataFrame, master: pd.DataFrame | None) -> Iterator[Finding]:
    """Customers that the master has only with leading zeros, or only without: one of the two exports lost them.

    `customers` as from `sums_by_customer`. Looked for among numbers of digits alone, where those of one side are all of
    one length; nothing is put right. Codes in place of numbers show nothing of this.
    """
    if master is None or customers.empty:
        return
    known, booked = (ids[ids.str.fullmatch("[0-9]+")] for ids in (master["customer_id"], customers["customer_id"]))
    if known.str.len().nunique() != 1 and booked.str.len().nunique() != 1:
        return
    by_number = dict(zip(known.str.lstrip("0"), known, strict=True))
    missing = customers.loc[booked.index[~booked.isin(known)]]
    found = missing.assign(known=missing["customer_id"].str.lstrip("0").map(by_number)).dropna(subset=["known"])
    if len(found):
        largest = found.sort_values("revenue", ascending=False, kind="stable")
        pairs = zip(largest["customer_id"], largest["known"], strict=True)
        yield Finding(
            "lost_zeros",
            "transactions",
            rows=int(found["rows"].sum()),
            revenue=float(found["revenue"].sum()),
            examples=tuple(f"{one} → {other}" for one, other in pairs)[:MOST_NAMES],
            values={"n": len(found)},
        )


def _names(customers: pd.DataFrame | None) -> dict[str, str]:
    if customers is None or "name" not in customers.columns:
        return {}
    named = customers.dropna(subset=["name"])
    return dict(zip(named["customer_id"].astype(str), named["name"].astype(str), strict=True))
