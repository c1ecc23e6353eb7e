"""Which booked lines count: named rules in a fixed order, each removing or reporting, nothing lost (domain §7).

A line that is removed leaves with the first rule that removes it, so lines in = lines kept + lines removed, and revenue
likewise to the cent. Everything is an Ibis expression and runs where the table is.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import ibis
import pandas as pd
from ibis import _
from ibis.util import gen_name

from kamkit.intake.documents import Documents, DocumentWords
from kamkit.intake.history_checks import Checks, HistoryLimits
from kamkit.intake.line_traps import (
    POOLED,
    Event,
    Words,
    among,
    any_of,
    charge_kind,
    charge_kinds,
    fetched,
    flagged,
    named,
    project_orders,
    unlikely_margin,
    with_originals,
)
from kamkit.intake.reconciliation import ReconciliationLimits
from kamkit.model.codes import Evidence
from kamkit.model.rules import Rule, Threshold, load_rules, read_rules

Always = Literal["remove"]
Treatment = Literal["remove", "report", "off"]
Pooling = Literal["pool", "remove", "report", "off"]
ChargeKind = Literal["freight", "energy", "deposit", "metal", "surcharge"]

MOST_EXAMPLES = 5
LINE_KEY = ("source_file", "source_row", "posting_date")
"""Tells one booked line from another: of a wide list a cell of its row is a line."""


class Treatments(Rule):
    """What is done with the lines of each rule, in the order in which the rules act."""

    excluded: Always
    repeated_header: Always
    total_line: Always
    no_customer: Always
    no_date: Always
    implausible_date: Always
    no_amount: Always
    credit_sign: Literal["flip", "report", "off"]
    special_period: Literal["map", "report", "off"]
    other_end_customer: Literal["report", "off"]
    gross_amount: Literal["net", "remove", "report", "off"]
    pro_forma: Treatment
    intercompany: Treatment
    test_customer: Treatment
    after_period: Always
    cancelled_pair: Treatment
    possible_cancellation: Treatment
    unknown_document: Treatment
    negative_line: Treatment
    repeated_line: Treatment
    referenced_credit: Literal["net", "report", "off"]
    one_off: Treatment
    one_time_account: Pooling
    collective_account: Pooling
    own_account: Treatment
    not_in_master: Treatment
    unlikely_margin: Literal["report", "off"]
    extra_charge: Treatment
    event_window: Treatment
    yearly_booking: Literal["spread", "report", "off"]
    cost_jump: Literal["report", "off"]


_MERGED = ("treatments", "checks", "history", "reconciliation")
"""Tables of which an engagement names single entries only."""

RULES: tuple[str, ...] = tuple(Treatments.model_fields)
_SET_RIGHT = ("credit_sign", "special_period", "other_end_customer", "gross_amount")


class CancellationSigns(Rule):
    """How a cancellation is recognised besides its document type: a prefix before the number of what it cancels."""

    prefixes: tuple[str, ...]


class OwnCompanies(Rule):
    """Customers that are the client itself: numbers of groups, parents or customers, and VAT numbers."""

    ids: tuple[str, ...]
    vat_ids: tuple[str, ...]


class PlausibleYears(Rule):
    """The first and the last calendar year in which a line can have been booked."""

    first: Threshold
    last: Threshold

    def hold(self, date: Any) -> Any:
        """Whether a date lies in these years."""
        return date.between(dt.date(int(self.first.value), 1, 1), dt.date(int(self.last.value), 12, 31))


class GrossLimits(Rule):
    """Which factors between two amounts are taken for VAT, and how exactly they must be met."""

    rates: tuple[float, ...]
    evidence: Evidence
    tolerance: Threshold


class ListPriceLimits(Rule):
    """How much less one reading of list prices must deviate than the other, and how much of net revenue and discounts
    list prices of whole lines must come to."""

    clearly: Threshold
    covers: Threshold


class YearlyBookingLimits(Rule):
    """From which share of all revenue a line may be a year's contract."""

    share_of_revenue: Threshold


class CostJumpLimits(Rule):
    """By how much of revenue a margin must change with the year."""

    step: Threshold


class OneOffLimits(Rule):
    """From which share of a customer's three-year revenue, and of all revenue, a single line is a one-off."""

    share_of_customer: Threshold
    share_of_revenue: Threshold


class CleaningRules(Rule):
    """The table `templates/rules/cleaning.yml`."""

    treatments: Treatments
    plausible_years: PlausibleYears
    documents: tuple[DocumentWords, ...]
    own_companies: OwnCompanies
    cancellation: CancellationSigns
    partner_role: Literal["sold_to", "end_customer"]
    gross_amount: GrossLimits
    list_price: ListPriceLimits
    one_off: OneOffLimits
    return_share: Threshold
    collective_words: Words
    one_time_groups: Words
    own_account_words: Words
    charges: Mapping[ChargeKind, Words]
    events: tuple[Event, ...] = ()
    yearly_booking: YearlyBookingLimits
    cost_jump: CostJumpLimits
    reconciliation: ReconciliationLimits
    checks: Checks
    history: HistoryLimits
    personal_data: Literal["remove", "report", "off"]
    personal_headings: Mapping[Literal["email", "phone", "iban", "birth"], tuple[str, ...]]
    sole_trader_words: tuple[str, ...]
    role_words: tuple[str, ...]

    def with_codes(self, codes: Callable[[Iterable[str]], Mapping[str, str]]) -> CleaningRules:
        """The rules with the codes that stand for customers' numbers in the data."""
        own = self.own_companies.model_copy(update={"ids": tuple(codes(self.own_companies.ids).values())})
        events = [e.model_copy(update={"customer_ids": tuple(codes(e.customer_ids).values())}) for e in self.events]
        return self.model_copy(update={"own_companies": own, "events": tuple(events)})

    def treatment(self, rule: str) -> str:
        """remove, report or off, or how the rule sets something right."""
        return str(getattr(self.treatments, rule))

    def looks_for(self, *rules: str) -> bool:
        """Whether one of these rules is not off."""
        return any(self.treatment(rule) != "off" for rule in rules)


def load_cleaning_rules(engagement_folder: Path | None = None) -> CleaningRules:
    """The cleaning rules: the kit's, with those treatments and tables that the engagement's own file names.

    Raises EngagementError with every problem of the engagement's file, unknown rules with the nearest known one.
    """
    kit, own = read_rules("cleaning"), read_rules("cleaning", engagement_folder)
    merged = {table: kit[table] | own[table] for table in _MERGED if isinstance(own.get(table), Mapping)}
    if own != kit and isinstance(own.get("documents"), list):
        merged["documents"] = own["documents"] + kit["documents"]
    return load_rules(CleaningRules, "cleaning", engagement_folder, **{**kit, **own, **merged})


def mark_certain_lines(
    lines: Any, customers: pd.DataFrame | None, rules: CleaningRules, documents: Documents | None = None
) -> Any:
    """The lines with `reason`: the first rule up to the period's end that removes them, missing where they stay.

    `lines` has the canonical columns and source_file, source_row, row_mark; `customers` is the customer master,
    `documents` what is known of the document types. Every rule that can apply leaves the column `is_<rule>`.
    """
    conditions = {
        "excluded": _.row_mark == "excluded",
        "repeated_header": _.row_mark == "repeated_header",
        "total_line": _.row_mark == "total_line",
        "no_customer": _.customer_id.isnull(),
        "no_date": _.posting_date.isnull(),
        "implausible_date": ~rules.plausible_years.hold(_.posting_date),
        "no_amount": _.net_revenue.isnull(),
        **{rule: _[f"is_{rule}"] for rule in _SET_RIGHT if f"is_{rule}" in lines.columns},
        "pro_forma": documents.among("pro_forma") if documents else None,
        "intercompany": any_of(
            among(flagged(customers, "is_intercompany")),
            among(_own_companies(customers, rules.own_companies)),
            documents.among("intercompany", "intercompany_credit") if documents else None,
        ),
        "test_customer": among(flagged(customers, "is_test")),
    }
    return _mark(lines.mutate(reason=ibis.null("string")), conditions, rules)


def mark_all_lines(
    lines: Any,
    customers: pd.DataFrame | None,
    rules: CleaningRules,
    period_end: dt.date,
    by_day: bool = True,
    documents: Documents | None = None,
) -> Any:
    """The lines of `mark_certain_lines` with the rules that need the period: `reason`, and `is_<rule>` per rule.

    Cancellations are looked for up to the period's end only, so what is booked later changes nothing before it. Sums
    of months or years (not `by_day`) are no single lines, so none of them is a one-off.
    """
    lines = _mark(lines, {"after_period": _.posting_date > period_end}, rules)
    if rules.looks_for("cancelled_pair", "possible_cancellation"):
        lines = _with_cancellations(_settled(lines), rules.cancellation, documents)
        pair = {"cancelled_pair": _.is_cancelled_pair, "possible_cancellation": _.is_reversal & ~_.is_cancelled_pair}
        lines = _settled(_mark(lines, pair, rules).drop("is_reversal"))
    found = {}
    if rules.looks_for("repeated_line"):
        found["is_repeated_line"] = _repeats(lines)
    if rules.looks_for("one_off") and by_day:
        found["is_one_off"] = _one_offs(lines, rules.one_off, period_end)
    lines = _flagged_lines(lines, found)
    if rules.looks_for("referenced_credit") and {"reference_id", "invoice_id"} <= {*lines.columns}:
        lines = _settled(with_originals(lines, rules.treatment("referenced_credit") == "net"))
    if rules.looks_for("extra_charge") and (kind := charge_kind(charge_kinds(lines, rules.charges))) is not None:
        lines = lines.mutate(charge=kind)
    given = {*lines.columns}
    unlikely = unlikely_margin(given)
    projects = _large_projects(lines, rules.one_off, period_end) if "is_one_off" in given else None
    conditions = {
        "unknown_document": documents.unknown() if documents else None,
        "negative_line": _.net_revenue < 0,
        "repeated_line": _.is_repeated_line if "is_repeated_line" in given else None,
        "referenced_credit": _.is_referenced_credit if "is_referenced_credit" in given else None,
        "one_off": any_of(_.is_one_off, projects) if "is_one_off" in given else None,
        "one_time_account": among(_one_time_accounts(customers, rules.one_time_groups)),
        "collective_account": among(named(customers, rules.collective_words, ("name",))),
        "own_account": among(named(customers, rules.own_account_words)),
        "not_in_master": None if customers is None or customers.empty else ~among(customers["customer_id"]),
        "unlikely_margin": None if unlikely is None else unlikely & (_.net_revenue != 0),
        "extra_charge": _.charge.notnull() if "charge" in given else None,
        "event_window": any_of(*(event.condition() for event in rules.events)),
    }
    return _pooled(_mark(lines, conditions, rules), rules)


def rule_report(marked: Any, rules: CleaningRules) -> tuple[pd.DataFrame, Mapping[str, Decimal]]:
    """What each rule did: rule, treatment, rows, revenue, examples; and the exact sums.

    A removing rule counts the lines that left with it, any other those that it concerns among the kept. The sums are
    `rows_in`, `rows_kept`, `revenue_in`, `revenue_kept`; a line without amount counts as zero.
    """
    kept = marked.reason.isnull()
    hits = {
        rule: marked.reason == rule if rules.treatment(rule) == "remove" else kept & marked[f"is_{rule}"]
        for rule in RULES
        if f"is_{rule}" in marked.columns
    }
    counted = {"in": None, "kept": kept} | hits
    measures = {f"rows_{name}": marked.count(where=where) for name, where in counted.items()}
    measures |= {f"revenue_{name}": marked.net_revenue.sum(where=where) for name, where in counted.items()}
    sums = {name: column[0] or 0 for name, column in marked.aggregate(**measures).to_pyarrow().to_pydict().items()}
    report = pd.DataFrame(
        [
            {
                "rule": rule,
                "treatment": rules.treatment(rule),
                "rows": int(sums.get(f"rows_{rule}", 0)),
                "revenue": float(sums.get(f"revenue_{rule}", 0)),
                "examples": _examples(rule, marked.filter(hits[rule])) if sums.get(f"rows_{rule}") else (),
            }
            for rule in RULES
        ]
    )
    totals = ("rows_in", "rows_kept", "revenue_in", "revenue_kept")
    return report, {name: Decimal(sums[name]) for name in totals}


def _mark(lines: Any, conditions: Mapping[str, Any], rules: CleaningRules) -> Any:
    """Note where a rule applies to lines still kept, then let each removing rule take its lines, in order.

    A rule without condition, or that is off, leaves no mark and costs nothing.
    """
    applied = {r: where for r, where in conditions.items() if where is not None and rules.looks_for(r)}
    lines = lines.drop(*[f"is_{r}" for r in conditions if r not in applied and f"is_{r}" in lines.columns])
    lines = lines.mutate(
        **{f"is_{rule}": _.reason.isnull() & where.fill_null(False) for rule, where in applied.items()}
    )
    removing = [(lines[f"is_{rule}"], ibis.literal(rule)) for rule in applied if rules.treatment(rule) == "remove"]
    if not removing:
        return lines
    return lines.mutate(reason=ibis.coalesce(lines.reason, ibis.cases(*removing)))


def _pooled(lines: Any, rules: CleaningRules) -> Any:
    """The lines of collective accounts under one number, where they are to be pooled."""
    rows = [f"is_{rule}" for rule in ("one_time_account", "collective_account") if rules.treatment(rule) == "pool"]
    pooled = any_of(*(_[column] for column in rows if column in lines.columns))
    return lines if pooled is None else lines.mutate(customer_id=ibis.ifelse(pooled, POOLED, _.customer_id))


def _one_time_accounts(customers: pd.DataFrame | None, groups: Words) -> pd.Series:
    """The ids of customers flagged as one-time accounts, or in an account group of such."""
    ids: pd.Series = pd.concat([flagged(customers, "is_one_time"), named(customers, groups, ("account_group",))])
    return ids


def _large_projects(lines: Any, limits: OneOffLimits, period_end: dt.date) -> Any:
    return project_orders(
        lines, _three_years_before(period_end), limits.share_of_customer.value, limits.share_of_revenue.value
    )


def _three_years_before(day: dt.date) -> dt.date:
    return (pd.Timestamp(day) - pd.DateOffset(years=3)).date()


def _own_companies(customers: pd.DataFrame | None, own: OwnCompanies) -> pd.Series:
    """The ids of customers that are named as the client's own, and of those in a group, under a parent or with a VAT
    number that is."""
    ids = [pd.Series(own.ids, dtype="string")]
    for column, known in (("group_id", own.ids), ("parent_id", own.ids), ("vat_id", own.vat_ids)):
        if customers is not None and column in customers.columns and known:
            plain = customers[column].str.replace(r"\W", "", regex=True).str.upper()
            ids.append(customers.loc[plain.isin([re.sub(r"\W", "", k).upper() for k in known]), "customer_id"])
    return pd.concat(ids, ignore_index=True)


def _with_cancellations(lines: Any, signs: CancellationSigns, documents: Documents | None) -> Any:
    """Adds is_reversal and is_cancelled_pair: documents that another of the same customer takes back to the cent.

    A reversal names the document it takes back: under a document type of its own by reference_id, else by carrying its
    number; or by its number behind a prefix. Certain only if both have as many lines and opposite, nonzero sums.
    """
    if "invoice_id" not in lines.columns:
        return _flagged_lines(lines, {"is_reversal": None, "is_cancelled_pair": None})
    typed = documents.among("cancellation", "credit_cancellation") if documents else None
    by_type = ibis.literal(False) if typed is None else typed.fill_null(False)
    prefix = "(?i)^(?:" + "|".join(re.escape(p) for p in sorted(signs.prefixes, key=len, reverse=True)) + r")(\d+)$"
    behind_prefix = _.invoice_id.re_extract(prefix, 1).nullif("")
    counts = _.reason.isnull() & _.invoice_id.notnull()
    referred = ibis.ifelse(by_type, _.reference_id, None) if "reference_id" in lines.columns else ibis.null("string")
    booked = lines.filter(counts).mutate(
        is_reversal=by_type | ((_.net_revenue < 0) & behind_prefix.notnull()),
        document=ibis.coalesce(referred, behind_prefix, _.invoice_id),
    )
    booked = booked.mutate(document=ibis.ifelse(booked.is_reversal, booked.document, booked.invoice_id))
    named = fetched(booked.filter(_.is_reversal).select("customer_id", "document").distinct())
    if named is None:
        return _flagged_lines(lines, {"is_reversal": None, "is_cancelled_pair": None})
    columns = (*LINE_KEY, "customer_id", "document", "is_reversal", "net_revenue")
    involved = fetched(booked.semi_join(named, ["customer_id", "document"]).select(*columns))
    in_pairs = involved.semi_join(_pairs(involved), ["customer_id", "document"])
    return _flagged_lines(lines, {"is_reversal": involved.filter(_.is_reversal), "is_cancelled_pair": in_pairs})


def _pairs(booked: Any) -> Any:
    """Customer and number of the documents that are taken back to the cent."""
    sums = booked.group_by("customer_id", "document").aggregate(
        back=_.count(where=_.is_reversal),
        forth=_.count(where=~_.is_reversal),
        total=_.net_revenue.sum(),
        amount=_.net_revenue.sum(where=_.is_reversal),
    )
    return sums.filter((_.back > 0) & (_.back == _.forth) & (_.total == 0) & (_.amount != 0))


def _repeats(lines: Any) -> Any:
    """The later lines of an invoice equal to an earlier one in every canonical column, where lines have no numbers of
    their own; None where there are none."""
    if "line_id" in lines.columns or "invoice_id" not in lines.columns:
        return None
    own = {"reason", "row_mark", "source_file", "source_row"}
    same = ["reason", *(c for c in lines.columns if c not in own and not c.startswith("is_"))]
    hashed = lines.filter(_.invoice_id.notnull()).mutate(print=_fingerprint(lines, same))
    twice = fetched(hashed.group_by("print").aggregate(n=_.count()).filter(_.n > 1).select("print"))
    if twice is None:
        return None
    numbered = ibis.row_number().over(group_by=same, order_by=["source_file", "source_row"])
    return hashed.semi_join(twice, "print").mutate(nth=numbered).filter(_.nth > 0)


def _one_offs(lines: Any, limits: OneOffLimits, period_end: dt.date) -> Any:
    """The lines above a share of their customer's positive revenue in the three years to the period's end; None where
    there are none."""
    start = _three_years_before(period_end)
    counts = _.reason.isnull() & (_.net_revenue > 0) & (_.posting_date > start)
    buyers = lines.group_by(buyer=_.customer_id).aggregate(
        bought=_.net_revenue.sum(where=counts).cast("decimal(38, 8)"),
        largest=_.net_revenue.max(where=counts),
        revenue=_.net_revenue.sum(where=_.reason.isnull()),
    )
    enough = (_.revenue.sum().over() * _decimal(limits.share_of_revenue.value)).cast("decimal(38, 12)")
    dominated = buyers.mutate(enough=enough).filter(
        (_.largest > _.bought * _decimal(limits.share_of_customer.value)) & (_.largest >= _.enough)
    )
    found = fetched(dominated.select("buyer", "bought", "enough"))
    if found is None:
        return None
    theirs = lines.filter(counts).inner_join(found, lines.customer_id == found.buyer)
    return theirs.filter(
        (_.net_revenue > _.bought * _decimal(limits.share_of_customer.value)) & (_.net_revenue >= _.enough)
    )


def _settled(lines: Any) -> Any:
    """The lines as a view: what is asked of them next is compiled without all the steps that led here."""
    return lines.get_backend().create_view(gen_name("lines"), lines)


def _fingerprint(lines: Any, columns: Iterable[str]) -> Any:
    """A number that is equal for lines that are equal in every column, and seldom for others."""
    return ibis.struct({column: lines[column] for column in columns}).hash() % 2**62


def _flagged_lines(lines: Any, found: Mapping[str, Any]) -> Any:
    """The lines with a column per flag, true for those found: by the key of the line, as that costs least."""
    for flag, those in found.items():
        keys = None if those is None else fetched(those.select(**{f"of_{c}": c for c in LINE_KEY}).distinct())
        if keys is None:
            lines = lines.mutate(**{flag: ibis.literal(False)})
        else:
            joined = lines.left_join(keys, [lines[column] == keys[f"of_{column}"] for column in LINE_KEY])
            lines = joined.mutate(**{flag: _.of_source_row.notnull()}).drop(*keys.columns)
    return lines


def _decimal(share: float) -> Any:
    return ibis.literal(Decimal(str(share)), type="decimal(9, 6)")


def _examples(rule: str, lines: Any) -> tuple[str, ...]:
    """Up to five lines as people find them again: file, row, and the ids; files where a rule speaks of a whole export."""
    if rule == "gross_amount":
        return _by_file(lines)
    ids = [c for c in ("invoice_id", "customer_id", "product_id") if c in lines.columns]
    first = lines.order_by("source_file", "source_row").select("source_file", "source_row", *ids).limit(MOST_EXAMPLES)
    return tuple(
        f"{row['source_file']}:{row['source_row']}" + "".join(f" {row[c]}" for c in ids if row[c] is not None)
        for row in first.to_pyarrow().to_pylist()
    )


def _by_file(lines: Any) -> tuple[str, ...]:
    """Up to five files with their number of lines, those with most first."""
    files = lines.group_by("source_file").aggregate(rows=_.count()).order_by(_.rows.desc(), "source_file")
    return tuple(f"{row['source_file']} ({row['rows']})" for row in files.limit(MOST_EXAMPLES).to_pyarrow().to_pylist())
