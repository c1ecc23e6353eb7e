"""What speaks for which type of key account management, account by account (domain §3).

Evidence frames have the columns account_id, block, kam_type, points, reason, detail, value, division: `detail` as the
client writes it, `value` the share of revenue (or the figure) behind it, `division` the NACE division where there is
one. Rows with 0 points say why something is no evidence. The points are a convention, the thresholds stand in
`rules/kam_types.yml`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from kamkit.model.codes import KamType
from kamkit.model.industry_codes import Reading, read_code, reading_of
from kamkit.model.kam_type_rules import Block, KamTypeRules
from kamkit.model.results import AccountFacts

COLUMNS = ["account_id", "block", "kam_type", "points", "reason", "detail", "value", "division"]


def text_reader(rules: KamTypeRules, reason: str) -> Callable[[str], Reading | None]:
    """A function that reads an industry written in words, German or English; None where no word is known.

    An industry text that names goods alone (teddy bears, brake systems) is that of a company that makes them, and it buys
    as an industry does, whatever the goods are (domain §3: every division of manufacturing). A channel or a customer class
    is read without that, and not where it names a grade or a way of selling.
    """
    is_industry = reason == "industry_text"

    def read(text: str) -> Reading | None:
        if not is_industry and rules.is_no_industry(text):
            return None
        rule = rules.industry_in(text)
        if rule is None:
            makes = is_industry and rules.goods_in(text) in (KamType.CONSUMER, KamType.TECHNICAL)
            return Reading(KamType.TECHNICAL, rules.industry_points.ambiguous, reason) if makes else None
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
    return evidence_rows(found[found["points"] > 0], Block.PRODUCT_CATEGORY, "product_category")


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


def evidence_rows(found: pd.DataFrame, block: Block, reason: str) -> pd.DataFrame:
    """Evidence rows of one block and reason from a frame with account_id, kam_type, points, detail and value."""
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
