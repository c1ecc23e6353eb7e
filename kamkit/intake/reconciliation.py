"""Does what was imported agree with the revenue that the client states?"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pandas as pd

from kamkit.errors import InputError
from kamkit.model.codes import Severity
from kamkit.model.results import Finding

TOLERANCE = Decimal("0.01")
"""How far imported revenue may lie from the stated one, as a share of it (convention)."""

COLUMNS = ("fiscal_year", "stated", "imported", "difference", "difference_share", "within_tolerance")


def reconcile(
    revenue: Mapping[int, Decimal],
    without_customer: Mapping[int, Decimal],
    stated: Mapping[int, float],
    accept_difference: str | None = None,
) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """Imported against stated revenue: fiscal_year, stated, imported, difference, difference_share, within_tolerance
    (missing where nothing is stated), without_customer (revenue of the year's lines that name no customer).

    `revenue` is that of the lines kept, those after the period's end included, by fiscal year; `stated` the control
    totals. Raises InputError when a year is more than 1 % off (convention) and no reason is given for it.
    """
    rows = [_year(year, revenue.get(year), stated.get(year), without_customer) for year in sorted({*revenue, *stated})]
    table = pd.DataFrame(rows, columns=[*COLUMNS, "without_customer"]).astype({"within_tolerance": "boolean"})
    off = [row for row in rows if row["within_tolerance"] is False]
    if off and accept_difference is None:
        raise InputError("control_totals", [_problem(row) for row in off])
    findings = [
        Finding(
            "difference_accepted",
            "transactions",
            revenue=row["difference"],
            values={"year": str(row["fiscal_year"]), "reason": accept_difference},
        )
        for row in off
    ]
    unseen = [str(year) for year in sorted(set(stated) - set(revenue))]
    if unseen:
        findings.append(Finding("control_total_unused", "transactions", Severity.INFO, values={"years": unseen}))
    return table, tuple(findings)


def _year(
    year: int, revenue: Decimal | None, stated: float | None, without_customer: Mapping[int, Decimal]
) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= {"fiscal_year": year, "stated": stated, "imported": None if revenue is None else float(revenue)}
    row["without_customer"] = float(without_customer.get(year, 0))
    if revenue is None or stated is None:
        return row
    exact = Decimal(str(stated))
    difference = revenue - exact
    share = difference / abs(exact) if exact else None
    within = abs(share) <= TOLERANCE if share is not None else difference == 0
    return row | {
        "difference": float(difference),
        "difference_share": None if share is None else float(share),
        "within_tolerance": within,
    }


def _problem(row: Mapping[str, Any]) -> str:
    share = row["difference_share"]
    percent = f" ({share:+.1%})" if isinstance(share, float) else ""
    without = row["without_customer"]
    hint = f"; lines without a customer add up to {without:,.2f}" if without else ""
    return (
        f"{row['fiscal_year']}: imported {row['imported']:,.2f}, stated {row['stated']:,.2f}: "
        f"{row['difference']:+,.2f}{percent}, more than ±{TOLERANCE:.0%}{hint}. "
        "Check the export, or give the reason as accept_difference"
    )
