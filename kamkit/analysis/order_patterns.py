"""Evidence for a KAM type from how an account orders and is bound: contracts, service levels, projects, sites, rhythm.

The patterns are those of domain §3; their points and thresholds are conventions of `rules/kam_types.yml`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.kam_evidence import evidence_frame, evidence_rows, strongest
from kamkit.analysis.patterns import spread_bookings
from kamkit.model.codes import Grain
from kamkit.model.kam_type_rules import Block, KamTypeRules, Pattern, SharePattern
from kamkit.model.results import AccountFacts
from kamkit.model.words import plain, word_pattern

MONTHS, WEEKS, STRONGEST_WEEKS = 12, 52, 3


def pattern(facts: AccountFacts, rules: KamTypeRules) -> pd.DataFrame:
    """Evidence from how an account orders and is bound: contracts and service levels, projects and specifications, sites,
    equal months, large orders, promotions.

    Rhythms need twelve whole months of history dated by month or finer; everything else needs its columns only.
    """
    accounts, patterns = facts.accounts, rules.patterns
    found = [
        _share_of_revenue(accounts, "contract_share", patterns.contract),
        _share_of_revenue(accounts, "project_share", patterns.project),
        *_contracts(facts, rules),
        _specified(facts, rules),
        _many_sites(accounts, rules),
        _trade_terms(facts, rules),
    ]
    window = whole_months(facts)
    if window is not None:
        found += [*_monthly(facts, window, rules), _promotions(facts, window, rules)]
    return strongest(pd.concat([evidence_frame([]), *found], ignore_index=True))


def _share_of_revenue(accounts: pd.DataFrame, column: str, rule: SharePattern) -> pd.DataFrame:
    return _where(accounts, accounts[column] >= rule.share - 1e-9, accounts[column], rule, column)


def _contracts(facts: AccountFacts, rules: KamTypeRules) -> Iterator[pd.DataFrame]:
    """What the contracts that run at the period's end say: how much of the revenue they cover, and a service level."""
    contracts, accounts = facts.tables.get("contracts"), facts.accounts
    if contracts is None:
        return
    end = pd.Timestamp(facts.period.end)
    running = contracts[contracts["start"] <= end]
    if "end" in running:
        running = running[running["end"].isna() | (running["end"] >= end)]
    if "recurring_value" in running:
        rule = rules.patterns.contract
        value = accounts["account_id"].map(running.groupby("account_id")["recurring_value"].sum(min_count=1))
        part = (value / accounts["revenue"].where(accounts["revenue"] > 0)).clip(upper=1)
        yield _where(accounts, part >= rule.share - 1e-9, part, rule, "recurring_contracts")
    if "sla" in running:
        none = word_pattern(rules.patterns.sla.none)
        agreed = [bool(words) and not none.match(words) for words in running["sla"].fillna("").map(plain)]
        yield _told(running[agreed], "sla", rules.patterns.sla, "service_level", accounts)


def _specified(facts: AccountFacts, rules: KamTypeRules) -> pd.DataFrame:
    """Projects begun by the period's end in which our product is specified."""
    projects = facts.tables.get("projects")
    if projects is None or "spec_in" not in projects:
        return evidence_frame([])
    begun = projects[projects["spec_in"].fillna(False).astype(bool)]
    if "start" in begun:
        begun = begun[begun["start"].isna() | (begun["start"] <= pd.Timestamp(facts.period.end))]
    return _told(begun, "project_id", rules.patterns.specified, "specified", facts.accounts)


def _many_sites(accounts: pd.DataFrame, rules: KamTypeRules) -> pd.DataFrame:
    if "n_sites" not in accounts:
        return evidence_frame([])
    rule = rules.patterns.sites
    ratio = accounts["n_sites"].astype("float64") / accounts["n_customers"].where(accounts["n_customers"] > 0)
    return _where(accounts, ratio >= rule.sites_per_customer - 1e-9, ratio, rule, "sites")


def _trade_terms(facts: AccountFacts, rules: KamTypeRules) -> pd.DataFrame:
    terms, rule = facts.tables.get("terms"), rules.patterns.trade_terms
    if terms is None or terms.empty or "kind" not in terms:
        return evidence_frame([])
    words = word_pattern(rule.words)
    kinds = terms.dropna(subset=["kind", "account_id"])
    kinds = kinds[[bool(words.search(plain(str(kind)))) for kind in kinds["kind"]]]
    return _told(kinds, "kind", rule, "trade_terms", facts.accounts)


def _told(table: pd.DataFrame, column: str, rule: Pattern, reason: str, accounts: pd.DataFrame) -> pd.DataFrame:
    """Evidence for every account that has a row in a table, with the first of its words in a column."""
    rows = table[table["account_id"].isin(accounts["account_id"])].drop_duplicates("account_id")
    rows = rows[["account_id"]].assign(detail=rows[column], value=np.nan, kam_type=rule.type, points=rule.points)
    return evidence_rows(rows, Block.PATTERN, reason)


def whole_months(facts: AccountFacts) -> pd.DatetimeIndex | None:
    """The last twelve whole months up to the period's end, if history reaches back that far."""
    if facts.grain == Grain.YEAR:
        return None
    end = pd.Timestamp(facts.period.end)
    last = (end if end.is_month_end else end - pd.offsets.MonthEnd(1)).replace(day=1)
    window = pd.date_range(end=last, periods=MONTHS, freq="MS")
    return window if pd.Timestamp(facts.history_start).replace(day=1) <= window[0] else None


def _monthly(facts: AccountFacts, window: pd.DatetimeIndex, rules: KamTypeRules) -> list[pd.DataFrame]:
    months = spread_bookings(facts).months
    months = months[months["month"].isin(window)]
    if months.empty:
        return []
    table = months.pivot_table(index="account_id", columns="month", values="revenue", aggfunc="sum", fill_value=0.0)
    revenue = table.reindex(columns=window, fill_value=0.0).astype("float64")
    total = revenue.sum(axis=1).where(lambda sums: sums > 0)
    variation = revenue.std(axis=1, ddof=0) / (total / MONTHS)
    share = revenue.min(axis=1).clip(lower=0) * MONTHS / total
    invoices = months.groupby("account_id")["n_invoices"].sum().astype("float64").reindex(revenue.index)
    orders = invoices.where(invoices > 0, (revenue > 0).sum(axis=1))
    lumpy = rules.patterns.lumpy
    size = total / orders
    large = size >= lumpy.order_size * size.median()
    known = facts.accounts.set_index("account_id")["first_date"].reindex(revenue.index) < window[1]
    few = orders.between(lumpy.fewest_orders, lumpy.most_orders)
    is_lumpy = (variation > lumpy.variation_above) & few & large & known
    frame = revenue.index.to_frame(index=False, name="account_id")
    found = [_where(frame, is_lumpy.to_numpy(), orders.to_numpy(), lumpy, "lumpy")]
    for reason, rule in (("instalments", rules.patterns.instalments), ("recurring", rules.patterns.recurring)):
        even = (share >= rule.share - 1e-9) & (variation < rule.variation_below)
        even &= orders <= rule.most_orders_per_month * MONTHS
        found.append(_where(frame, even.to_numpy(), share.to_numpy(), rule, reason))
    return found


def _promotions(facts: AccountFacts, window: pd.DatetimeIndex, rules: KamTypeRules) -> pd.DataFrame:
    rule = rules.patterns.promotions
    end = window[-1] + pd.offsets.MonthEnd(1)
    days = (end - facts.orders["date"]).dt.days
    orders = facts.orders.assign(week=days // 7)[(days >= 0) & (days < WEEKS * 7)]
    if facts.grain != Grain.DAY or orders.empty:
        return evidence_frame([])
    weeks = orders.groupby(["account_id", "week"])["revenue"].sum().reset_index()
    strongest_weeks = (
        weeks.sort_values("revenue", ascending=False, kind="stable").groupby("account_id").head(STRONGEST_WEEKS)
    )
    table = weeks.groupby("account_id").agg(active=("week", "size"), total=("revenue", "sum"))
    table["value"] = strongest_weeks.groupby("account_id")["revenue"].sum() / table["total"]
    table = table.reset_index()
    weekly = table["active"] >= rule.active_weeks * WEEKS
    return _where(
        table, weekly & table["value"].between(rule.share_from, rule.share_to), table["value"], rule, "promotions"
    )


def _where(accounts: pd.DataFrame, holds: Any, value: Any, rule: Pattern, reason: str) -> pd.DataFrame:
    mask = pd.Series(holds, index=accounts.index).astype("boolean").fillna(False).astype(bool)
    rows = accounts.loc[mask, ["account_id"]].assign(
        value=pd.Series(value, index=accounts.index)[mask].astype("float64"),
        detail=None,
        kam_type=rule.type,
        points=rule.points,
    )
    return evidence_rows(rows, Block.PATTERN, reason)
