"""From list prices to the margin after bonuses: what each step takes away, and for how much of revenue it is known.

The way is gross − discounts = net revenue − bonuses, allowances and cash discounts outside invoices (`terms`) = net-net
revenue. Net revenue less cost is the margin (DB I), net-net revenue less cost the one after terms (DB II), and what selling
and service cost the account comes off after that (DB III, DB IV; the levels are a convention).
Net revenue is always what was booked; gross and discounts explain it and never replace it.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any, TypeVar

import ibis
import pandas as pd
from ibis import _

from kamkit.intake.periods import fiscal_year, months_before
from kamkit.model.codes import Severity
from kamkit.model.engagement import MARGIN_STEPS, MarginStep, Period
from kamkit.model.results import Finding

Key = TypeVar("Key", int, str)
MOST_EXAMPLES = 5
MOST_KINDS = 6
NO_REVENUE, OUTSIDE_DATA = "no_revenue", "outside_data"
_CELLS = ("customer_id", "account_id", "month", "inside", "bought", "terms", "terms_with_margin")
_PARTS = {
    "net_net": ("terms",),
    "margin_after_terms": ("margin", "terms"),
    "margin_after_selling": ("margin", "terms", "selling"),
    "margin_after_service": ("margin", "terms", "selling", "service"),
}
"""Without which steps a level cannot be assessed."""
_MISSING = {
    "gross": ("transactions.list_price", "transactions.quantity"),
    "discount": ("transactions.discount",),
    "terms": ("terms.amount",),
    "cost": ("transactions.cost",),
    "margin": ("transactions.margin",),
}
_COLUMNS = {
    "net_revenue": ("revenue", "size"),
    "terms": ("terms", "size"),
    "net_net": ("net_net", "size"),
    "margin": ("margin_before_terms", "size_margin"),
    "margin_after_terms": ("margin_after_terms", "size_margin"),
    "selling": ("selling", "size"),
    "margin_after_selling": ("margin_after_selling", "size_margin"),
    "service": ("service", "size"),
    "margin_after_service": ("margin_after_service", "size_margin"),
}
"""Where a step stands in the accounts, and the size of the revenue that has it, where they are not called like it."""


@dataclass(frozen=True)
class PlacedTerms:
    """Terms where the revenue is that earned them.

    `cells`: customer_id, account_id, month (first day), inside (the period), bought (positive revenue), terms,
    terms_with_margin (the part that falls on revenue whose margin is known). `left`, what found no place: customer_id,
    year, amount, reason (no_revenue | outside_data). `years`: the fiscal years for which terms are given, of anybody;
    `absent`: those of the period for which none are. `kinds`: what falls into the period by kind as the client writes it,
    the largest first, without a name where none is given.
    """

    cells: pd.DataFrame
    left: pd.DataFrame
    years: frozenset[int]
    absent: tuple[int, ...]
    fiscal_year_start: int
    kinds: pd.Series

    def given(self, days: pd.Series) -> pd.Series:
        """Whether days fall into fiscal years with terms."""
        later = (days.dt.month >= self.fiscal_year_start) & (self.fiscal_year_start > 1)
        found: pd.Series = (days.dt.year + later).isin(self.years)
        return found


def place_terms(
    terms: pd.DataFrame,
    lines: Any,
    members: pd.DataFrame,
    period: Period,
    data_start: dt.date,
    fiscal_year_start: int,
) -> PlacedTerms:
    """Spread each customer's terms of a fiscal year over its positive revenue of that year, to the cent.

    `terms`: customer_id, year, amount (a deduction is positive) and perhaps kind. `lines`: customer_id, posting_date, net_revenue and
    perhaps margin. `members`: customer_id, account_id. A customer without revenue of its own that heads a group passes
    its terms on to the group. Of a fiscal year that the data cover in part (from `data_start` to the period's end), terms
    count by the share of its days (convention).
    """
    first, last = (fiscal_year(day, fiscal_year_start) for day in (period.start, period.end))
    years = frozenset(terms["year"].astype(int))
    absent = tuple(year for year in range(first, last + 1) if year not in years)
    booked = _revenue_by_month(terms, lines, members, period, fiscal_year_start)
    own, group = dict(list(booked.groupby(["customer_id", "year"]))), dict(list(booked.groupby(["account_id", "year"])))
    accounts = members.set_index("customer_id")["account_id"].to_dict()
    placed, left = [], []
    owed: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    counted: dict[tuple[str, int], Decimal] = {}
    for customer, year, money in zip(terms["customer_id"], terms["year"], terms["amount"], strict=True):
        owed[customer, int(year)] += Decimal(repr(float(money)))
    for (customer, year), exact in sorted(owed.items()):
        amount = exact.quantize(Decimal("0.01"))
        share = covered_share(year, data_start, period.end, fiscal_year_start)
        inside = Decimal(round(amount * 100 * share.numerator / share.denominator)) / 100
        key = (accounts.get(customer, customer), year)
        cells = own.get((customer, year), group.get(key)) if share else None
        if inside and cells is None:
            left.append((customer, year, inside, NO_REVENUE))
        elif cells is not None:
            parts = spread_exactly(inside, dict(enumerate(cells["bought"])))
            placed.append(cells.assign(terms=pd.Series(parts).to_numpy()))
            counted[customer, year] = sum(placed[-1].loc[cells["inside"].astype(bool), "terms"], Decimal(0))
        if amount != inside:
            left.append((customer, year, amount - inside, OUTSIDE_DATA))
    found = pd.concat(placed, ignore_index=True) if placed else booked.head(0).assign(terms=None)
    found = found.assign(terms_with_margin=found["terms"] * found["with_margin"] / found["bought"])
    unplaced = pd.DataFrame(left, columns=["customer_id", "year", "amount", "reason"])
    kinds = _by_kind(terms, owed, counted)
    return PlacedTerms(found[list(_CELLS)], unplaced, years, absent, fiscal_year_start, kinds)


def _by_kind(
    terms: pd.DataFrame, owed: Mapping[tuple[str, int], Decimal], counted: Mapping[tuple[str, int], Decimal]
) -> pd.Series:
    """What counts of each kind: the same part of all that a customer was granted for a year."""
    named = terms.reindex(columns=["customer_id", "year", "amount", "kind"])
    kind = named["kind"].astype("string").str.strip().fillna("")
    keys = [(customer, int(year)) for customer, year in zip(named["customer_id"], named["year"], strict=True)]
    part = [float(counted.get(key, 0) / owed[key]) if owed[key] else 0.0 for key in keys]
    amounts = named["amount"].astype("float64") * part
    spelled = kind.groupby(kind.str.casefold()).transform("first")
    sums: pd.Series = amounts.groupby(spelled).sum()
    return sums[sums.round(2) != 0].sort_values(ascending=False, kind="stable")


def spread_exactly(amount: Decimal, weights: Mapping[Key, Decimal]) -> dict[Key, Decimal]:
    """Whole cents in proportion to positive weights that add up to the amount: the cents that rounding down leaves go to
    the largest remainders (Hare), of equal ones to the first keys in order.

    >>> spread_exactly(Decimal("1.00"), {"a": Decimal(1), "b": Decimal(1), "c": Decimal(1)})
    {'a': Decimal('0.34'), 'b': Decimal('0.33'), 'c': Decimal('0.33')}
    """
    cents, sign = int(abs(amount) * 100), 1 if amount >= 0 else -1
    total = sum((Fraction(weight) for weight in weights.values()), Fraction(0))
    exact = {key: cents * Fraction(weight) / total for key, weight in weights.items()}
    whole = {key: math.floor(part) for key, part in exact.items()}
    first = sorted(sorted(exact), key=lambda key: whole[key] - exact[key])  # the largest remainder first
    for key in first[: cents - sum(whole.values())]:
        whole[key] += 1
    return {key: sign * Decimal(part) / 100 for key, part in whole.items()}


def terms_findings(placed: PlacedTerms) -> Iterator[Finding]:
    """Terms that could not be placed, and fiscal years of the period without any."""
    for reason, severity in ((NO_REVENUE, Severity.WARNING), (OUTSIDE_DATA, Severity.INFO)):
        left = placed.left[placed.left["reason"] == reason]
        if len(left):
            values = {"amount": float(sum(left["amount"])), "n": int(left["customer_id"].nunique())}
            examples = tuple(dict.fromkeys(left["customer_id"]))[:MOST_EXAMPLES]
            yield Finding(f"terms_{reason}", "terms", severity, len(left), examples=examples, values=values)
    if placed.absent:
        years = tuple(map(str, placed.absent))
        yield Finding("terms_absent", "terms", values={"years": years})


def less_terms(accounts: pd.DataFrame, placed: PlacedTerms | None) -> pd.DataFrame:
    """Accounts with terms, net_net and margin_before_terms; margin is after terms where they are given for every fiscal
    year of the period, else as it was, and a missing margin stays missing."""
    accounts = accounts.assign(terms=float("nan"), net_net=float("nan"), margin_before_terms=accounts["margin"])
    if placed is None or placed.absent:
        return accounts
    terms, with_margin = (
        _in_period(placed, column, "account_id", accounts) for column in ("terms", "terms_with_margin")
    )
    return accounts.assign(terms=terms, net_net=accounts["revenue"] - terms, margin=accounts["margin"] - with_margin)


def customers_less_terms(customers: pd.DataFrame, placed: PlacedTerms | None) -> pd.DataFrame:
    """Customers (customer_id, margin) with the margin that their accounts have, so that it adds up to theirs."""
    if placed is None or placed.absent:
        return customers
    part = _in_period(placed, "terms_with_margin", "customer_id", customers)
    return customers.assign(margin=customers["margin"] - part)


def months_less_terms(months: pd.DataFrame, placed: PlacedTerms | None) -> pd.DataFrame:
    """The months with their part of the terms taken off the margin; it is missing in fiscal years without terms."""
    if placed is None or placed.absent:
        return months
    cells = placed.cells.assign(terms_with_margin=placed.cells["terms_with_margin"].astype(float))
    parts = cells.groupby(["account_id", "month"], as_index=False)["terms_with_margin"].sum()
    part = months[["account_id", "month"]].merge(parts, on=["account_id", "month"], how="left")["terms_with_margin"]
    after = months["margin"] - part.fillna(0.0).to_numpy()
    return months.assign(margin=after.where(placed.given(months["month"])))


def purchases_less_terms(purchases: pd.DataFrame, placed: PlacedTerms | None) -> pd.DataFrame:
    """Purchases (customer_id, date, revenue, margin) less what their customer got back on the revenue of the month; the
    margin is missing in fiscal years without terms."""
    if placed is None or placed.absent:
        return purchases
    key = ["customer_id", "month"]
    sums = placed.cells[[*key, "terms", "bought"]].astype({"terms": float, "bought": float}).groupby(key).sum()
    rates = (sums["terms"] / sums["bought"]).rename("rate").reset_index()
    month = purchases["date"] - pd.to_timedelta(purchases["date"].dt.day - 1, unit="D")
    rate = purchases[["customer_id"]].assign(month=month).merge(rates, on=key, how="left")["rate"].fillna(0.0)
    after = purchases["margin"] - rate.to_numpy() * purchases["revenue"]
    return purchases.assign(margin=after.where(placed.given(purchases["date"])))


def margin_base(
    accounts: pd.DataFrame,
    names: Mapping[MarginStep, str],
    kinds: pd.Series | None = None,
    missing: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> pd.DataFrame:
    """The steps of the whole client: step, client_name, amount, coverage, missing (tuple of table.column).

    `accounts` as `less_terms` gives them, with gross, discount, cost, selling, service, revenue and, per step, size_<step>:
    the absolute revenue of the lines that carry it, of `size` altogether. `kinds` of the terms, `missing` for the steps from
    budgets. A step that cannot be computed has no amount; costs of an account count as its terms do, as far as they fall on
    revenue with a margin.
    """
    levels = _levels(accounts)
    lacking = _MISSING | dict(missing)
    rows: list[tuple[str, str | None, float, float, tuple[str, ...]]] = []
    known = set()
    for step in MARGIN_STEPS:
        column, size = _COLUMNS.get(step, (step, f"size_{step}"))
        amounts = levels[column]
        of_step = levels[size].where(amounts.notna())
        if amounts.notna().any():
            known.add(step)
            coverage = float(of_step.sum() / levels["size"].sum())
            rows.append((step, names.get(step), math.fsum(amounts.dropna()), coverage, ()))
        else:
            parts = _PARTS.get(step, (step,))
            short = [part for part in parts if part not in known] or parts
            columns = tuple(dict.fromkeys(column for part in short for column in lacking.get(part, ())))
            rows.append((step, names.get(step), float("nan"), 0.0, columns))
        if step == "terms" and step in known and kinds is not None:
            rows += [(*kind, rows[-1][3], ()) for kind in _told_kinds(kinds)]
    return pd.DataFrame(rows, columns=["step", "client_name", "amount", "coverage", "missing"])


def _levels(accounts: pd.DataFrame) -> pd.DataFrame:
    """The accounts with the levels after terms, selling and service, each missing where one of its parts is."""
    booked = accounts["size"] > 0
    part = accounts["size_margin"].fillna(0.0) / accounts["size"].where(booked)
    selling, service = (accounts[step].astype("float64").where(booked) for step in ("selling", "service"))
    after_terms = accounts["margin"].where(accounts["terms"].notna())
    after_selling = after_terms - selling * part
    return accounts.assign(
        selling=selling,
        service=service,
        margin_after_terms=after_terms,
        margin_after_selling=after_selling,
        margin_after_service=after_selling - service * part,
    )


def _told_kinds(kinds: pd.Series) -> Iterator[tuple[str, str | None, float]]:
    """The largest kinds by name, the others and those without a name together; none where no kind is named."""
    named = kinds[kinds.index != ""]
    yield from (("terms_kind", str(kind), float(amount)) for kind, amount in named.head(MOST_KINDS).items())
    rest = [*named.iloc[MOST_KINDS:], *kinds[kinds.index == ""]]
    if rest and len(named):
        yield "terms_other", None, math.fsum(rest)


def _in_period(placed: PlacedTerms, column: str, key: str, rows: pd.DataFrame) -> pd.Series:
    """The sum of a column of the period's cells by account or customer, 0 where there is none."""
    cells = placed.cells[placed.cells["inside"].astype(bool)]
    sums = cells.groupby(key)[column].agg(lambda parts: float(sum(parts)))
    return rows[key].map(sums.to_dict()).astype("float64").fillna(0.0)


def _revenue_by_month(
    terms: pd.DataFrame, lines: Any, members: pd.DataFrame, period: Period, fiscal_year_start: int
) -> pd.DataFrame:
    """customer_id, account_id, year, month, inside, bought, with_margin: positive revenue of the customers with terms and
    of the members of their groups, in one order."""
    named = members["customer_id"].isin(terms["customer_id"])
    concerned = members[members["account_id"].isin({*members.loc[named, "account_id"], *terms["customer_id"]})]
    margin_known = _.margin.notnull() if "margin" in lines.columns else ibis.literal(False)
    sums = (
        lines.filter((_.net_revenue > 0) & _.customer_id.isin(concerned["customer_id"].tolist()))
        .group_by(
            "customer_id",
            month=_.posting_date.truncate("M").cast("timestamp"),
            inside=_.posting_date.between(period.start, period.end),
        )
        .aggregate(bought=_.net_revenue.sum(), with_margin=_.net_revenue.sum(where=margin_known).fill_null(0))
    )
    frame: pd.DataFrame = sums.order_by("customer_id", "month", "inside").to_pyarrow().to_pandas()
    frame["account_id"] = frame["customer_id"].map(concerned.set_index("customer_id")["account_id"].to_dict())
    frame["year"] = [fiscal_year(month, fiscal_year_start) for month in frame["month"]]
    return frame.astype({"year": "int64"})


def covered_share(year: int, start: dt.date, end: dt.date, fiscal_year_start: int) -> Fraction:
    """The share of a fiscal year's days that lie between two days, both inclusive."""
    first = dt.date(year - (fiscal_year_start > 1), fiscal_year_start, 1)
    after = months_before(first, -12)
    covered = (min(after, end + dt.timedelta(days=1)) - max(first, start)).days
    return Fraction(max(covered, 0), (after - first).days)
