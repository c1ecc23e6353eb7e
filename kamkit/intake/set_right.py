"""What is set right on booked lines before any rule counts them: signs, special periods, the partner, VAT (domain §7).

Each correction is a rule of `cleaning.yml` that says how (`flip`, `map`, `net`), marks the lines it concerns with
`is_<rule>` and costs nothing where the columns it needs are not given.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import ibis
from ibis import _

from kamkit.intake.cleaning import CleaningRules
from kamkit.intake.documents import Documents, documents_of

SPECIAL_PERIOD = r"^(?:\d{4}[/. -]?)?0?1[3-6](?:[/. -]\d{4})?$"
"""013 to 016, also with the year before or behind (norm: SAP posting periods)."""

BOOKED_BY = 6
"""A line of a special period dated up to so many months into a fiscal year belongs to the year before (convention)."""


def set_right(lines: Any, rules: CleaningRules, fiscal_year_start: int = 1) -> tuple[Any, Documents | None]:
    """The lines as they are to be counted, and the kinds of their documents (None where no type is given).

    `lines`: canonical columns with source_file, source_row, row_mark; all money in one currency. Columns are changed,
    rows never.
    """
    documents = documents_of(lines, rules.documents)
    if documents and rules.looks_for("credit_sign"):
        lines = documents.turn_signs(lines, flip=rules.treatment("credit_sign") == "flip")
    if "posting_period" in lines.columns and rules.looks_for("special_period"):
        lines = _in_last_month(lines, fiscal_year_start, rules.treatment("special_period") == "map")
    if "end_customer_id" in lines.columns:
        lines = _with_partner(lines, rules)
    if rules.looks_for("gross_amount"):
        lines = _without_vat(lines, rules)
    return lines, documents


def _in_last_month(lines: Any, fiscal_year_start: int, move: bool) -> Any:
    """Lines of special periods on the last day of the fiscal year they close; posting_period stays as it is."""
    lines = lines.mutate(is_special_period=_.posting_period.strip().re_search(SPECIAL_PERIOD).fill_null(False))
    if not move:
        return lines
    start = dt.date(2000, fiscal_year_start, 1)
    months_in = (_.posting_date.month() - start.month + 12) % 12
    year = _.posting_date.year() - ibis.ifelse(_.posting_date.month() < start.month, 1, 0)
    first_year = year + ibis.ifelse(months_in < BOOKED_BY, 0, 1)
    next_start = ibis.date(first_year.cast("int32"), start.month, 1)
    return lines.mutate(
        posting_date=ibis.ifelse(
            _.is_special_period, (next_start - ibis.interval(days=1)).cast("timestamp").cast("date"), _.posting_date
        )
    )


def _with_partner(lines: Any, rules: CleaningRules) -> Any:
    """Lines whose end customer is another than the sold-to party, on the partner that the analysis stands on."""
    other = _.end_customer_id.notnull() & (_.end_customer_id != _.customer_id).fill_null(True)
    if rules.looks_for("other_end_customer"):
        lines = lines.mutate(is_other_end_customer=other)
    if rules.partner_role == "end_customer":
        lines = lines.mutate(customer_id=ibis.coalesce(_.end_customer_id, _.customer_id))
    return lines


def _without_vat(lines: Any, rules: CleaningRules) -> Any:
    """Lines whose amount is the amount implied by their other columns times a rate of VAT, without it under `net`."""
    net = _implied_net(lines)
    if net is None:
        return lines
    amount, implied = _.net_revenue.cast("float64").abs(), net.abs()
    tolerance = rules.gross_amount.tolerance.value
    rates = [float(rate) for rate in rules.gross_amount.rates]
    at_rate = [(implied > 0) & ((amount / implied.nullif(0) / rate - 1).abs() <= tolerance) for rate in rates]
    lines = lines.mutate(vat=ibis.cases(*[(hit, rate) for hit, rate in zip(at_rate, rates, strict=True)]))
    lines = lines.mutate(is_gross_amount=_.vat.notnull())
    if rules.treatment("gross_amount") == "net":
        kind = lines.net_revenue.type()
        by_rate = [(_.vat == rate, (_.net_revenue / ibis.literal(Decimal(str(rate)))).cast(kind)) for rate in rates]
        lines = lines.mutate(net_revenue=ibis.cases(*by_rate, else_=_.net_revenue))
    return lines


def _implied_net(lines: Any) -> Any:
    """The net amount that a line's other columns imply: cost plus margin, else quantity times list price less discount;
    None where the columns are not given."""
    given = []
    if {"cost", "margin"} <= {*lines.columns}:
        given.append((_.cost + _.margin).cast("float64"))
    if {"quantity", "list_price"} <= {*lines.columns}:
        discount = _.discount.cast("float64").abs().fill_null(0) if "discount" in lines.columns else 0.0
        given.append(_.quantity.abs() * _.list_price.cast("float64") - discount)
    return ibis.coalesce(*given) if given else None
