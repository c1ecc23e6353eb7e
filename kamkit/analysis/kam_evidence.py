"""What speaks for which type of key account management, account by account (domain §3).

Evidence frames have the columns account_id, block, kam_type, points, reason, detail, value, division: `detail` as the
client writes it, `value` the share of revenue (or the figure) behind it, `division` the NACE division where there is
one. Rows with 0 points say why something is no evidence. The points are a convention, the thresholds stand in
`rules/kam_types.yml`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.patterns import spread_bookings
from kamkit.model.codes import Grain, KamType
from kamkit.model.industry_codes import Reading, read_code, reading_of
from kamkit.model.kam_type_rules import Block, KamTypeRules, Pattern
from kamkit.model.results import AccountFacts
from kamkit.model.words import plain, word_pattern

COLUMNS = ["account_id", "block", "kam_type", "points", "reason", "detail", "value", "division"]
MONTHS, WEEKS, STRONGEST_WEEKS = 12, 52, 3


def text_reader(rules: KamTypeRules, reason: str) -> Callable[[str], Reading | None]:
    """A function that reads an industry written in words, German or English; None where no word is known."""

    def read(text: str) -> Reading | None:
        rule = rules.industry_in(text)
        if rule is None:
            return None
        if rule.type is not None:
            return Reading(rule.type, rules.industry_points.ambiguous, reason)
        found = reading_of(str(rule.code), "account", rules)
        return Reading(found.kam_type, found.points, reason, found.division)

    return read


def account_industry(accounts: pd.DataFrame, rules: KamTypeRules) -> pd.DataFrame:
    """Evidence from the customer master: industry code, industry text, channel and customer class.

    Per account and type the strongest source counts once, in that order. A name is never evidence.
    """
    version = accounts["industry_version"].astype("string").fillna("")
    pairs = pd.Series(
        list(zip(accounts["industry_code"].astype("string").fillna(""), version, strict=True)), index=accounts.index
    )
    readers = {
        name: text_reader(rules, reason)
        for name, reason in (
            ("industry_code", "industry_text"),
            ("industry_text", "industry_text"),
            ("channel", "channel"),
            ("customer_class", "customer_class"),
        )
    }
    found = [
        _evidence_of(
            accounts["account_id"],
            accounts["industry_code"],
            pairs,
            lambda pair: (
                read_code(pair[0], pair[1], "account", rules)
                or readers["industry_code"](pair[0])
                or (Reading(KamType.UNCLEAR, 0, "unreadable_code") if pair[0].strip() else None)
            ),
        )
    ]
    for column in ("industry_text", "channel", "customer_class"):
        texts = accounts[column].astype("string").fillna("")
        found.append(_evidence_of(accounts["account_id"], accounts[column], texts, readers[column]))
    return strongest(pd.concat(found, ignore_index=True))


def _evidence_of(
    account_ids: pd.Series[Any], details: pd.Series[Any], texts: pd.Series[Any], read: Callable[[Any], Reading | None]
) -> pd.DataFrame:
    readings: Mapping[Any, Reading | None] = {text: read(text) for text in texts.unique()}
    rows = [
        (account_id, Block.ACCOUNT_INDUSTRY, found.kam_type, found.points, found.reason, detail, None, found.division)
        for account_id, detail, text in zip(account_ids, details, texts, strict=True)
        if (found := readings[text]) is not None
    ]
    return evidence_frame(rows)


def product_category(facts: AccountFacts, rules: KamTypeRules) -> pd.DataFrame:
    """Evidence from what an account buys in the period: the revenue share of the goods of each type, told by their
    category, else by their name.

    Revenue in goods that no word knows counts in the total, so little knowledge gives few points.
    """
    goods = facts.purchases if facts.product_purchases.empty else facts.product_purchases
    bought = goods[goods["date"].between(pd.Timestamp(facts.period.start), pd.Timestamp(facts.period.end))]
    said = _said_of_goods(facts, rules)
    sums = bought.groupby(["account_id", "item"], as_index=False)["revenue"].sum()
    sums = sums.assign(item=sums["item"].astype("string"))
    totals = sums.groupby("account_id")["revenue"].sum()
    known = sums.merge(said, on="item").groupby(["account_id", "kam_type", "detail"], as_index=False)["revenue"].sum()
    if known.empty:
        return evidence_frame([])
    known = known.sort_values(["revenue", "detail"], ascending=[False, True], kind="stable")
    found = known.groupby(["account_id", "kam_type"], as_index=False).agg(
        revenue=("revenue", "sum"), detail=("detail", "first")
    )
    found["value"] = found["revenue"] / found["account_id"].map(totals)
    found["points"] = 0
    for step in sorted(rules.category_points, key=lambda step: step.share):
        found.loc[found["value"] >= step.share - 1e-9, "points"] = step.points
    return _rows(found[found["points"] > 0], Block.PRODUCT_CATEGORY, "product_category")


def _said_of_goods(facts: AccountFacts, rules: KamTypeRules) -> pd.DataFrame:
    """item, kam_type, detail of the goods that words know: what the category says, else what the name says.

    Where both exist, `items` holds categories and products; a category is named by itself.
    """
    items = facts.items
    is_category = (items["item"] == items["category"]) & (items["item"] == items["name"])
    if facts.item_kind == "category":
        items = items[is_category if facts.product_purchases.empty else ~is_category.fillna(False).astype(bool)]
    texts = pd.concat([items["category"], items["name"]]).dropna().astype(str).unique()
    said = {text: kind for text in texts if (kind := rules.goods_in(text)) is not None}
    category, name = items["category"].astype(object), items["name"].astype(object)
    detail = category.where(category.isin(list(said)), name.where(name.isin(list(said))))
    found = pd.DataFrame({"item": items["item"], "kam_type": detail.map(said), "detail": detail})
    return found[detail.notna()].drop_duplicates("item").astype({"item": "string"})


def pattern(facts: AccountFacts, rules: KamTypeRules) -> pd.DataFrame:
    """Evidence from how an account orders and is bound: contracts, equal months, projects, large orders, promotions.

    Rhythms need twelve whole months of history dated by month or finer; contract and project shares and trade terms
    need their columns only.
    """
    patterns = rules.patterns
    found = [
        *_bound_by_contract(facts, patterns.contract.share, patterns.contract),
        _where(
            facts.accounts,
            facts.accounts["project_share"] >= patterns.project.share - 1e-9,
            facts.accounts["project_share"],
            patterns.project,
            "project_share",
        ),
        _trade_terms(facts, rules),
    ]
    window = _whole_months(facts)
    if window is not None:
        found += [*_monthly(facts, window, rules), _promotions(facts, window, rules)]
    return strongest(pd.concat([evidence_frame([]), *found], ignore_index=True))


def _bound_by_contract(facts: AccountFacts, share: float, rule: Pattern) -> list[pd.DataFrame]:
    accounts = facts.accounts
    found = [
        _where(accounts, accounts["contract_share"] >= share - 1e-9, accounts["contract_share"], rule, "contract_share")
    ]
    contracts = facts.tables.get("contracts")
    if contracts is not None and "recurring_value" in contracts:
        end = pd.Timestamp(facts.period.end)
        running = contracts[(contracts["start"] <= end)]
        if "end" in running:
            running = running[running["end"].isna() | (running["end"] >= end)]
        value = accounts["account_id"].map(running.groupby("account_id")["recurring_value"].sum(min_count=1))
        part = (value / accounts["revenue"].where(accounts["revenue"] > 0)).clip(upper=1)
        found.append(_where(accounts, part >= share - 1e-9, part, rule, "recurring_contracts"))
    return found


def _trade_terms(facts: AccountFacts, rules: KamTypeRules) -> pd.DataFrame:
    terms, rule = facts.tables.get("terms"), rules.patterns.trade_terms
    if terms is None or terms.empty or "kind" not in terms:
        return evidence_frame([])
    words = word_pattern(rule.words)
    kinds = terms.dropna(subset=["kind", "account_id"])
    kinds = kinds[[bool(words.search(plain(str(kind)))) for kind in kinds["kind"]]]
    kinds = kinds.drop_duplicates("account_id")
    rows = kinds[["account_id"]].assign(detail=kinds["kind"], value=np.nan, kam_type=rule.type, points=rule.points)
    return _rows(rows[rows["account_id"].isin(facts.accounts["account_id"])], Block.PATTERN, "trade_terms")


def _whole_months(facts: AccountFacts) -> pd.DatetimeIndex | None:
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
    return _rows(rows, Block.PATTERN, reason)


def _rows(found: pd.DataFrame, block: Block, reason: str) -> pd.DataFrame:
    return evidence_frame(found.assign(block=block, reason=reason, division=None)[COLUMNS])


def evidence_frame(rows: Any) -> pd.DataFrame:
    """Evidence rows as a frame with the types of the result files."""
    text = dict.fromkeys(("account_id", "block", "kam_type", "reason", "detail", "division"), "string")
    return pd.DataFrame(rows, columns=COLUMNS).astype(text | {"points": "int64", "value": "float64"})


def strongest(evidence: pd.DataFrame) -> pd.DataFrame:
    """One row per account, block and type: the one with most points, the first of equals. Rows without points stay."""
    said = evidence[evidence["points"] > 0].sort_values("points", ascending=False, kind="stable")
    said = said.drop_duplicates(["account_id", "block", "kam_type"])
    return pd.concat([said, evidence[evidence["points"] == 0].drop_duplicates()], ignore_index=True)
