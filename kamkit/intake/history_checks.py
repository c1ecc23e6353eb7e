"""Traps that no single line shows, only its history or the structure of the data (domain §7): found, told, never mended.

Everything is asked of one table of months per customer and of sums per category and product, never of the lines again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Literal

import ibis
import numpy as np
import pandas as pd
from ibis import _

from kamkit.intake.group_candidates import plain_name
from kamkit.intake.groups import NONE
from kamkit.intake.line_traps import POOLED
from kamkit.intake.periods import covered_months, span_before
from kamkit.intake.reconciliation import Booked
from kamkit.model.codes import Grain, Level, Severity
from kamkit.model.engagement import Engagement, Period
from kamkit.model.results import Finding
from kamkit.model.rules import Rule, Threshold

MOST_EXAMPLES = 5
ACCOUNT_RISK, CROSS_SELLING, YEAR_ON_YEAR, STATISTICS = "account_risk", "cross_selling", "year_on_year", "statistics"
BLOCKS: Mapping[str, str] = {
    "customer_renumbering": ACCOUNT_RISK,
    "survivorship": ACCOUNT_RISK,
    "category_reorganisation": CROSS_SELLING,
    "short_year": YEAR_ON_YEAR,
    "small_sample": STATISTICS,
}
"""What may not be tested or compared where a check finds something; without statistics everything only describes."""

_OWNERS = {"sales_rep": "field_rep", "region": "region"}
"""Columns of the lines that say whose customer it is, and what they are called."""

Switch = Literal["report", "off"]


class Checks(Rule):
    """Which traps of history and structure are looked for; groups over time are found where groups are made."""

    customer_succession: Switch
    customer_renumbering: Switch
    history_restated: Switch
    validity_gap: Switch
    group_candidates: Switch
    survivorship: Switch
    label_from_period: Switch
    class_from_period: Switch
    territory_recut: Switch
    category_reorganisation: Switch
    group_coverage: Switch
    short_year: Switch
    partial_month: Switch
    missing_month: Switch
    price_volume_mix: Switch
    seasonality: Switch
    small_sample: Switch
    constant_rates: Switch
    terms_missing: Switch

    def told(self, code: str) -> bool:
        """Whether a finding is to be told."""
        return str(getattr(self, code, "report")) == "report"


class HistoryLimits(Rule):
    """From where on a check speaks; each number with its evidence."""

    succession_months: Threshold
    edge_months: Threshold
    moved_share: Threshold
    moved_least: Threshold
    peak: Threshold
    survivors_least: Threshold
    class_agreement: Threshold
    largest_customers: Threshold
    low_month: Threshold
    quantity_coverage: Threshold
    peak_quarter: Threshold
    few_accounts: Threshold
    few_months: Threshold
    bonus_divisions: tuple[str, ...]


@dataclass(frozen=True)
class Noticed:
    """The findings, and which stage (account_risk | cross_selling | year_on_year | statistics) must not be tested or
    compared, with the code of the finding that says why."""

    findings: tuple[Finding, ...]
    blocked: Mapping[str, str]


def check_history(
    kept: Any,
    booked: Sequence[Booked],
    dates: list[dt.date],
    customers: pd.DataFrame | None,
    members: pd.DataFrame,
    period: Period,
    grain: Grain,
    engagement: Engagement,
    checks: Checks,
    limits: HistoryLimits,
) -> Noticed:
    """What history and structure say about the kept lines.

    `kept` are the lines that count (canonical columns, with booked_currency and booked_revenue where currencies were
    converted); `booked` the sums of all lines by month and reason; `dates` the days with a booking;
    `members` customer_id, account_id, group_source.
    """
    history = _History(kept, booked, dates, customers, members, period, grain, engagement, limits)
    wanted = [name for name in CHECKS if checks.told(name)]
    findings = tuple(finding for name in wanted for finding in CHECKS[name](history))
    return Noticed(findings, {BLOCKS[f.code]: f.code for f in reversed(findings) if f.code in BLOCKS})


def month_number(date: Any) -> int:
    """Months since year 0, so that months can be counted."""
    return int(date.year) * 12 + int(date.month) - 1


def first_day(month: int) -> dt.date:
    """The first day of a numbered month."""
    return dt.date(month // 12, month % 12 + 1, 1)


@dataclass(frozen=True)
class _History:
    """The lines that count, asked once, and what follows from the answer."""

    kept: Any
    booked: Sequence[Booked]
    dates: list[dt.date]
    customers: pd.DataFrame | None
    members: pd.DataFrame
    period: Period
    grain: Grain
    engagement: Engagement
    limits: HistoryLimits

    @cached_property
    def months(self) -> pd.DataFrame:
        """customer_id, month (numbered), revenue, and per owner column its only value of the month, else missing."""
        owner = {c: _only(c) for c in _OWNERS if c in self.kept.columns}
        sums = self.kept.group_by("customer_id", date=_.posting_date.truncate("M")).aggregate(
            revenue=_.net_revenue.sum().cast("float64"), **owner
        )
        frame: pd.DataFrame = sums.order_by("customer_id", "date").to_pyarrow().to_pandas()
        date = pd.to_datetime(frame.pop("date"))
        return frame.assign(month=date.dt.year * 12 + date.dt.month - 1)

    @property
    def monthly(self) -> bool:
        return self.grain != Grain.YEAR

    @cached_property
    def closed(self) -> tuple[int, int]:
        """The first and the last month that the data cover whole, as far as the period."""
        start, end = covered_months(self.dates)
        last = min(month_number(end), month_number(self.period.end))
        return month_number(start), last

    @property
    def n_months(self) -> int:
        return max(self.closed[1] - self.closed[0] + 1, 0)

    def within(self, period: Period | None) -> pd.Series[bool]:
        """Which rows of `months` lie in a period, to the month."""
        if period is None:
            return pd.Series(False, index=self.months.index)
        return self.months["month"].between(month_number(period.start), month_number(period.end))

    @cached_property
    def revenue(self) -> pd.Series[Any]:
        """Revenue of the period by customer_id."""
        return self.months[self.within(self.period)].groupby("customer_id")["revenue"].sum()

    @cached_property
    def before(self) -> Period | None:
        """The span before the period, where the data cover it whole."""
        prior = span_before(self.period)
        return prior if self.monthly and month_number(prior.start) >= self.closed[0] else None

    @cached_property
    def spans(self) -> pd.DataFrame:
        """Per customer_id the first and the last month with positive revenue."""
        return _spans(self.months, "customer_id")

    def sum_of(self, customer_ids: Any) -> float:
        """The period's revenue of some customers."""
        return float(self.revenue.reindex(pd.Index(customer_ids).unique()).sum())

    @cached_property
    def accounts(self) -> pd.Series[Any]:
        """account_id by customer_id, as the engagement counts accounts."""
        ids = self.members.set_index("customer_id")["account_id"]
        return ids if self.engagement.pareto.level == Level.GROUP else pd.Series(ids.index, index=ids.index)

    def master(self, *columns: str) -> pd.DataFrame | None:
        """The customer master where it has all these columns."""
        if self.customers is None or not set(columns) <= set(self.customers.columns):
            return None
        return self.customers


def _only(column: str) -> Any:
    """The value of a column if a group has but one."""
    return ibis.cases((_[column].min() == _[column].max(), _[column].min()))


def _spans(months: pd.DataFrame, key: str) -> pd.DataFrame:
    by_key = months[months["revenue"] > 0].groupby(key)
    return by_key.agg(first=("month", "min"), last=("month", "max"))


def _told(
    code: str,
    rows: int,
    revenue: float,
    values: Mapping[str, Any],
    examples: Iterable[Any] = (),
    table: str = "transactions",
    severity: Severity = Severity.WARNING,
) -> Finding:
    """What a check found, with the first of its examples."""
    shown = tuple(str(example) for example in islice(examples, MOST_EXAMPLES))
    return Finding(code, table, severity, rows, revenue, shown, values)


def _number(limit: Threshold) -> int:
    return int(limit.value)


# --- customers that end, begin and change ----------------------------------------------------------------------------


def _customer_succession(history: _History) -> Iterator[Finding]:
    """One customer stops and another with the same VAT id, LEI, or name and postcode starts in the same months."""
    master = history.master("customer_id")
    if master is None or not history.monthly:
        return
    window, (start, end) = _number(history.limits.succession_months), history.closed
    spans = history.spans
    gone = spans[spans["last"] <= end - window].reset_index()
    new = spans[spans["first"] >= start + window].reset_index()
    keys = _identities(master[master["customer_id"].isin(set(gone["customer_id"]) | set(new["customer_id"]))])
    pairs = gone.merge(keys, on="customer_id").merge(
        new.merge(keys, on="customer_id"), on="identity", suffixes=("", "_new")
    )
    pairs = pairs[(pairs["customer_id"] != pairs["customer_id_new"]) & (pairs["first"] < pairs["first_new"])]
    pairs = pairs[(pairs["first_new"] - pairs["last"]).between(1 - window, window)]
    pairs = pairs.drop_duplicates(["customer_id", "customer_id_new"])
    pairs = pairs[
        pairs["customer_id"].map(history.accounts).to_numpy()
        != pairs["customer_id_new"].map(history.accounts).to_numpy()
    ]
    if pairs.empty:
        return
    as_was = history.sum_of(pairs["customer_id_new"])
    restated = history.sum_of([*pairs["customer_id"], *pairs["customer_id_new"]])
    examples = sorted(f"{row.customer_id} → {row.customer_id_new}" for row in pairs.itertuples())
    values = {"n": len(pairs), "as_was": as_was, "restated": restated}
    yield _told("customer_succession", len(pairs), restated, values, examples, "customers")


def _identities(master: pd.DataFrame) -> pd.DataFrame:
    """customer_id, identity: VAT id, LEI, and name with postcode; what many customers share identifies none."""
    parts = []
    for column in ("vat_id", "lei"):
        if column in master.columns:
            number = master[column].str.replace(r"[^0-9A-Za-z]", "", regex=True).str.upper()
            parts.append(master.assign(identity=number.where(number.str.len() >= 5)))
    if "name" in master.columns:
        plain = master["name"].fillna("").map(plain_name)
        postcode = master["postcode"].fillna("").astype(str) if "postcode" in master.columns else ""
        parts.append(master.assign(identity=(plain + " " + postcode).where(plain.str.len() >= 3)))
    if not parts:
        return pd.DataFrame({"customer_id": [], "identity": []}, dtype="string")
    keys = pd.concat(parts)[["customer_id", "identity"]].dropna().astype(object).drop_duplicates()
    return keys[keys.groupby("identity")["customer_id"].transform("size") <= 20]


def _turnover(spans: pd.DataFrame, active: pd.Series[Any], history: _History) -> tuple[int, int, int] | None:
    """The month in which far more ends and begins than in others: (month, ended, begun); None where there is none.

    `spans` has first and last month, `active` how many had revenue in each month. What begins in the first months or
    ends in the last ones is no sign, since it may have been there before or come again.
    """
    limits, (start, end) = history.limits, history.closed
    edge, window = _number(limits.edge_months), _number(limits.succession_months)
    cuts = np.arange(start + edge, end - edge + 2)
    if len(cuts) < 2:
        return None
    ended = np.array([spans["last"].between(cut - 1, cut).sum() for cut in cuts])
    begun = np.array([spans["first"].between(cut, cut + 1).sum() for cut in cuts])
    usual = np.array([active.reindex(range(cut - window, cut)).max() for cut in cuts])
    both, at_once = np.minimum(ended, begun), np.array([(spans["first"] == cut).sum() for cut in cuts])
    largest = int(np.lexsort((at_once, both))[-1])
    least = max(limits.moved_least.value, limits.moved_share.value * usual[largest])
    others_ended, others_begun = (float(np.median(np.delete(counts, largest))) for counts in (ended, begun))
    peaks = ended[largest] >= limits.peak.value * others_ended and begun[largest] >= limits.peak.value * others_begun
    return (int(cuts[largest]), int(ended[largest]), int(begun[largest])) if both[largest] >= least and peaks else None


def _customer_renumbering(history: _History) -> Iterator[Finding]:
    """Many customers stop and many start in one month: numbers were migrated."""
    if not history.monthly or history.spans.empty:
        return
    active = history.months[history.months["revenue"] > 0].groupby("month").size()
    if (found := _turnover(history.spans, active, history)) is None:
        return
    cut, ended, begun = found
    new = sorted(history.spans.index[history.spans["first"].between(cut, cut + 1)])
    values = {"month": first_day(cut), "ended": ended, "begun": begun}
    yield _told("customer_renumbering", ended + begun, history.sum_of(new), values, new)


def _survivorship(history: _History) -> Iterator[Finding]:
    """No customer of the years before has ended: the export holds active customers only."""
    if not history.monthly or history.n_months < history.limits.few_months.value:
        return
    last_year = history.closed[1] - 12
    old = history.spans[history.spans["first"] <= last_year]
    if len(old) < history.limits.survivors_least.value or (old["last"] <= last_year).any():
        return
    values = {"n": len(old), "since": first_day(last_year + 1)}
    yield _told("survivorship", len(old), history.sum_of(old.index), values)


# --- labels, owners, groups ------------------------------------------------------------------------------------------


def _label_from_period(history: _History) -> Iterator[Finding]:
    """Key accounts named in the period or later: the label already knows the revenue it is compared with."""
    master = history.master("key_label", "key_since")
    if master is None:
        return
    labelled = master["key_label"].fillna(False).astype(bool)
    late = master[labelled & (master["key_since"] >= pd.Timestamp(history.period.start))]
    if late.empty:
        return
    ids = sorted(late["customer_id"])
    values = {"n": len(ids), "total": int(labelled.sum())}
    yield _told("label_from_period", len(ids), history.sum_of(ids), values, ids, "customers")


def _class_from_period(history: _History) -> Iterator[Finding]:
    """Stored A/B/C classes that repeat this period's revenue classes better than those of the year before."""
    master = history.master("customer_class")
    if master is None or history.before is None:
        return
    classes = master.dropna(subset=["customer_class"]).set_index("customer_id")["customer_class"]
    classes = classes.str.strip().str.upper()
    if set(classes) - {"A", "B", "C"} or len(classes) < history.limits.few_accounts.value:
        return
    before = history.months[history.within(history.before)].groupby("customer_id")["revenue"].sum()
    now, then = (_agreement(classes, _abc(revenue)) for revenue in (history.revenue, before))
    if now < history.limits.class_agreement.value or now <= then:
        return
    values = {"share": now, "before": then}
    yield _told("class_from_period", len(classes), history.sum_of(classes.index), values, table="customers")


def _abc(revenue: pd.Series[Any]) -> pd.Series[Any]:
    """A up to 80 %, B up to 95 % of the revenue, the customer that crosses a limit in the upper class."""
    ordered = revenue[revenue > 0].sort_values(ascending=False)
    before = (ordered.cumsum() - ordered) / ordered.sum()
    return pd.Series(np.select([before < 0.8, before < 0.95], ["A", "B"], "C"), index=ordered.index)


def _agreement(classes: pd.Series[Any], computed: pd.Series[Any]) -> float:
    both = computed.reindex(classes.index).dropna()
    return float((classes.reindex(both.index) == both).mean()) if len(both) else 0.0


def _territory_recut(history: _History) -> Iterator[Finding]:
    """Sales people or regions of customers changed; in one month for many: territories were cut anew."""
    if not history.monthly:
        return
    for column in _OWNERS:
        if column not in history.months.columns:
            continue
        changes = _handovers(history.months, column, _number(history.limits.succession_months))
        if changes.empty:
            continue
        by_month = changes.groupby("month").size()
        month, n_at_once = int(by_month.to_numpy().argmax()), int(by_month.max())
        month = int(by_month.index[month])
        active = history.months["month"].eq(month).sum()
        limits = history.limits
        at_once = n_at_once >= max(limits.moved_least.value, limits.moved_share.value * active)
        ids = sorted(changes["customer_id"].unique())
        values = {"n": len(ids), "at_once": n_at_once, "month": first_day(month), "what": _OWNERS[column]}
        code, severity = ("territory_recut", Severity.WARNING) if at_once else ("owner_changes", Severity.INFO)
        yield _told(code, len(ids), history.sum_of(ids), values, ids, severity=severity)


def _handovers(months: pd.DataFrame, column: str, least: int) -> pd.DataFrame:
    """customer_id, month: where one owner of at least some months ends for good before the next such one begins; a
    customer that several look after in turn has no owner."""
    known = months.dropna(subset=[column])
    owned = known.groupby(["customer_id", column])["month"].agg(first="min", last="max", n="size").reset_index()
    owned = owned.sort_values(["customer_id", "first"])
    by_customer = owned.groupby("customer_id")
    owned = owned.assign(gap=owned["first"] - by_customer["last"].shift(), fewest=by_customer["n"].transform("min"))
    changes = owned[(owned["gap"] > 0) & (owned["fewest"] >= least)]
    return changes.rename(columns={"first": "month"})[["customer_id", "month"]]


def _category_reorganisation(history: _History) -> Iterator[Finding]:
    """Many product categories end and many begin in one month: the tree was re-organised."""
    if not history.monthly or "category" not in history.kept.columns:
        return
    named = history.kept.filter(_.category.notnull())
    sums = named.group_by("category", date=_.posting_date.truncate("M")).aggregate(
        revenue=_.net_revenue.sum().cast("float64"),
        in_period=_.net_revenue.sum(where=_.posting_date >= history.period.start).cast("float64"),
    )
    frame = sums.to_pyarrow().to_pandas()
    date = pd.to_datetime(frame["date"])
    frame = frame.assign(month=date.dt.year * 12 + date.dt.month - 1)
    spans, active = _spans(frame, "category"), frame[frame["revenue"] > 0].groupby("month").size()
    if spans.empty or (found := _turnover(spans, active, history)) is None:
        return
    cut, ended, begun = found
    new = sorted(spans.index[spans["first"].between(cut, cut + 1)])
    revenue = float(frame.loc[frame["category"].isin(new), "in_period"].sum())
    values = {"month": first_day(cut), "ended": ended, "begun": begun}
    yield _told("category_reorganisation", ended + begun, revenue, values, new)


def _group_coverage(history: _History) -> Iterator[Finding]:
    """How much revenue belongs to customers of which nobody has said whether they are part of a group."""
    if history.engagement.pareto.level != Level.GROUP:
        return
    members = history.members
    sizes = members.groupby("account_id")["customer_id"].transform("size")
    mapped = set(members.loc[(members["group_source"] != NONE) | (sizes > 1), "customer_id"])
    revenue = history.revenue[history.revenue > 0].sort_values(ascending=False, kind="stable")
    open_ids = [customer for customer in revenue.index if customer not in mapped]
    most = _number(history.limits.largest_customers)
    largest = [customer for customer in revenue.index[:most] if customer not in mapped]
    if not open_ids:
        return
    unmapped = float(revenue.reindex(open_ids).sum())
    values = {"n": len(largest), "most": min(most, len(revenue)), "share": 1 - unmapped / float(revenue.sum())}
    severity = Severity.WARNING if largest else Severity.INFO
    yield _told("group_coverage", len(open_ids), unmapped, values, largest, "customers", severity)


# --- months and years ------------------------------------------------------------------------------------------------


def _by_month(history: _History) -> pd.DataFrame:
    """rows and revenue by numbered month, of all lines that count, those after the period's end included."""
    counted = [lines for lines in history.booked if lines.counts and lines.month is not None]
    frame = pd.DataFrame(
        [(month_number(lines.month), lines.rows, float(lines.revenue)) for lines in counted],
        columns=["month", "rows", "revenue"],
    )
    return frame.groupby("month").sum()


def _partial_month(history: _History) -> Iterator[Finding]:
    """Months at either end that bookings do not cover whole; the ranking is cut to closed months."""
    if history.grain != Grain.DAY:
        return
    start, end = covered_months(history.dates)
    sums = _by_month(history)
    for code, month in (("partial_first_month", history.dates[0]), ("partial_last_month", history.dates[-1])):
        if not start <= month <= end and month_number(month) in sums.index:
            rows, revenue = (sums[name].to_dict()[month_number(month)] for name in ("rows", "revenue"))
            yield _told(code, int(rows), float(revenue), {"day": month}, severity=Severity.INFO)


def _low_months(history: _History) -> list[int]:
    """Months inside the data with next to nothing in them, also against the same months of other years."""
    start, end = history.closed
    if not history.monthly or end - start < 5:
        return []
    revenue = _by_month(history)["revenue"].reindex(range(start, end + 1), fill_value=0.0)
    floor = history.limits.low_month.value * float(revenue.median())
    low = []
    for month in revenue.index[revenue < floor]:
        same = revenue[(revenue.index % 12 == month % 12) & (revenue.index != month)]
        if same.empty or same.mean() >= floor:
            low.append(int(month))
    return low


def _missing_month(history: _History) -> Iterator[Finding]:
    """Months without the usual revenue: probably a file or a month is missing in the export."""
    if not (low := _low_months(history)):
        return
    usual, months = float(_by_month(history)["revenue"].median()), [first_day(month) for month in low]
    examples = [f"{month:%Y-%m}" for month in months]
    values = {"n": len(low), "months": months, "usual": usual}
    yield _told("missing_month", len(low), round(usual * len(low), 2), values, examples)


def _short_year(history: _History) -> Iterator[Finding]:
    """The twelve months before the period are not all there: no comparison of years (an equally long span that is no
    year is never called one)."""
    prior = span_before(history.period)
    start, end = month_number(prior.start), month_number(prior.end)
    if not history.monthly or end - start != 11 or prior.start.day != 1:
        return
    there = {month for month in _by_month(history).index if start <= month <= end} - set(_low_months(history))
    if not there or (len(there) == 12 and start >= history.closed[0]):
        return
    revenue = float(history.revenue.sum())
    n = 12 - len(there - set(range(history.closed[0])))
    values = {"n": n, "before": 12 - n, "start": prior.start, "end": prior.end}
    yield _told("short_year", n, revenue, values)


def _seasonality(history: _History) -> Iterator[Finding]:
    """Three months that carry far more than a quarter of the year."""
    inside = history.months[history.within(history.period)]
    by_month = inside.groupby("month")["revenue"].sum()
    if not history.monthly or len(by_month) != 12 or by_month.sum() <= 0 or history.n_months < 12:
        return
    shares = (by_month / by_month.sum()).sort_values(ascending=False, kind="stable")
    top = shares.head(3)
    if top.sum() < history.limits.peak_quarter.value:
        return
    profile = tuple(
        f"{first_day(m):%Y-%m}: {share:.1%}" for m, share in zip(shares.index.tolist(), shares, strict=True)
    )
    first, second, third = (first_day(month) for month in top.index.tolist())
    values = {"first": first, "second": second, "third": third, "share": float(top.sum())}
    yield Finding(
        "seasonality",
        "transactions",
        Severity.INFO,
        rows=None,
        revenue=float(by_month.reindex(top.index).sum()),
        examples=profile,
        values=values,
    )


def _small_sample(history: _History) -> Iterator[Finding]:
    """Too few accounts or months for statistics: everything is description. The pool of collective accounts is none."""
    limits = history.limits
    ids = history.revenue.index
    accounts = int(history.accounts.reindex(ids[ids != POOLED]).nunique())
    years = sum(day <= history.period.end for day in history.dates)
    months = history.n_months if history.monthly else 12 * years
    if accounts >= limits.few_accounts.value and months >= limits.few_months.value:
        return
    values = {"accounts": accounts, "months": months}
    values |= {"few_accounts": _number(limits.few_accounts), "few_months": _number(limits.few_months)}
    yield _told("small_sample", accounts, float(history.revenue.sum()), values)


# --- prices, currencies, terms ---------------------------------------------------------------------------------------


def _in(period: Period) -> Any:
    return _.posting_date.between(period.start, period.end)


def _price_volume_mix(history: _History) -> Iterator[Finding]:
    """The change against the year before, as price at today's quantities, quantity at yesterday's prices, assortment.

    Items with positive revenue and quantity in both spans: price Σ(p1−p0)q1, quantity Σ(q1−q0)p0; the rest is what
    other items, new and dropped, brought or cost. The three add up to the change (convention).
    """
    before, now = history.before, history.period
    if before is None or not {"product_id", "quantity"} <= set(history.kept.columns):
        return
    measures = {}
    for name, span in (("0", before), ("1", now)):
        measures[f"r{name}"] = _.net_revenue.sum(where=_in(span)).cast("float64")
        measures[f"q{name}"] = _.quantity.cast("float64").sum(where=_in(span))
    items = history.kept.group_by("product_id").aggregate(**measures).to_pyarrow().to_pandas()
    items = items.astype(dict.fromkeys(measures, float)).fillna(0.0)
    both = items[(items[list(measures)] > 0).all(axis=1) & items["product_id"].notna()]
    total = float(items["r1"].sum())
    if total <= 0 or both["r1"].sum() < history.limits.quantity_coverage.value * total:
        return
    old_price = both["r0"] / both["q0"]
    price = float((both["r1"] - old_price * both["q1"]).sum())
    volume = float((old_price * (both["q1"] - both["q0"])).sum())
    change = total - float(items["r0"].sum())
    values = {"price": price, "volume": volume, "mix": change - price - volume, "change": change, "n": len(both)}
    yield _told("price_volume_mix", len(both), change, values, severity=Severity.INFO)


def _constant_rates(history: _History) -> Iterator[Finding]:
    """Growth as booked, and with both years at this period's rates."""
    if "booked_currency" not in history.kept.columns or history.engagement.exchange_rates is None:
        return
    measures = {}
    for name, span in (("0", history.before), ("1", history.period)):
        where = _in(span) if span else _.posting_date < dt.date.min
        measures[f"own{name}"] = _.booked_revenue.sum(where=where).cast("float64")
        measures[f"r{name}"] = _.net_revenue.sum(where=where).cast("float64")
    sums = history.kept.group_by(currency=_.booked_currency).aggregate(rows=_.count(), **measures)
    table = sums.order_by("currency").to_pyarrow().to_pandas().fillna(dict.fromkeys(measures, 0.0))
    foreign = table[table["currency"].notna() & (table["currency"] != history.engagement.currency)]
    rate = (table["r1"] / table["own1"].where(table["own1"] != 0)).fillna(1.0)
    constant = float((table["own0"] * rate).sum())
    reported, revenue = float(table["r0"].sum()), float(table["r1"].sum())
    rates = tuple(f"{c} {rate[i]:.4f}" for i, c in foreign["currency"].items())
    values: dict[str, Any] = {"rates": rates, "source": str(history.engagement.exchange_rates.path)}
    values |= {"currency": history.engagement.currency}
    n, told = int(foreign["rows"].sum()), float(foreign["r1"].sum())
    if history.before is None or reported <= 0 or constant <= 0:
        yield _told("rates_used", n, told, values, rates, severity=Severity.INFO)
        return
    values |= {"growth": revenue / reported - 1, "constant": revenue / constant - 1}
    yield _told("constant_rates", n, told, values, rates, severity=Severity.INFO)


def _terms_missing(history: _History) -> Iterator[Finding]:
    """No bonuses and allowances outside invoices are given; where they are usual, margins look too good."""
    if history.engagement.sources.terms is not None:
        return
    industry = history.engagement.supplier_industry
    usual = industry is not None and str(industry.code)[:2] in history.limits.bonus_divisions
    severity = Severity.WARNING if usual else Severity.INFO
    yield Finding("terms_missing", "terms", severity, revenue=float(history.revenue.clip(lower=0).sum()))


CHECKS: Mapping[str, Callable[[_History], Iterator[Finding]]] = {
    "small_sample": _small_sample,
    "survivorship": _survivorship,
    "customer_renumbering": _customer_renumbering,
    "customer_succession": _customer_succession,
    "missing_month": _missing_month,
    "short_year": _short_year,
    "partial_month": _partial_month,
    "seasonality": _seasonality,
    "label_from_period": _label_from_period,
    "class_from_period": _class_from_period,
    "territory_recut": _territory_recut,
    "category_reorganisation": _category_reorganisation,
    "group_coverage": _group_coverage,
    "price_volume_mix": _price_volume_mix,
    "constant_rates": _constant_rates,
    "terms_missing": _terms_missing,
}
"""The checks in the order in which they are told."""
