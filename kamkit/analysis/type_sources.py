"""What the type of an account rests on: which kinds of evidence can speak about it, and what keeps the others silent."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from kamkit.analysis.order_patterns import whole_months
from kamkit.model.kam_type_rules import Block
from kamkit.model.results import AccountFacts

NEEDS: Mapping[Block, tuple[str, ...]] = {
    Block.SUPPLIER_INDUSTRY: ("engagement.supplier_industry",),
    Block.ACCOUNT_INDUSTRY: ("customers.industry_code",),
    Block.PRODUCT_CATEGORY: ("transactions.category",),
    Block.PATTERN: ("transactions.posting_date", "transactions.contract_id"),
}
"""What makes each kind of evidence speak, as table.column."""

_INDUSTRY = ("industry_code", "industry_text", "channel", "customer_class")
_BOUND = ("contracts", "projects", "terms")


def blocks_that_can_speak(facts: AccountFacts, stated: bool) -> pd.DataFrame:
    """By account_id, in the order of the accounts, a boolean column for each block: whether its columns are there and
    say something about the account. A blank cell says nothing; `stated`: the client's industry is known and readable.

    Patterns can speak where twelve whole months are dated by month or finer and the account bought in them, where lines
    name contracts, projects or sites, or where a table of contracts, projects or terms is given.
    """
    accounts = facts.accounts
    ids = pd.Index(accounts["account_id"].astype("string"), name="account_id")
    texts = [accounts[column].astype("string").fillna("").str.strip() != "" for column in _INDUSTRY]
    goods = facts.purchases if facts.product_purchases.empty else facts.product_purchases
    bought = goods[goods["date"].between(pd.Timestamp(facts.period.start), pd.Timestamp(facts.period.end))]
    columns = [column for column in ("contract_share", "project_share", "n_sites") if column in accounts]
    bound = accounts[columns].notna().any(axis=1) | any(name in facts.tables for name in _BOUND)
    window = whole_months(facts)
    dated = facts.months[facts.months["month"].isin(window)] if window is not None else facts.months.iloc[:0]
    return pd.DataFrame(
        {
            str(Block.SUPPLIER_INDUSTRY): stated,
            str(Block.ACCOUNT_INDUSTRY): pd.concat(texts, axis=1).any(axis=1).to_numpy(),
            str(Block.PRODUCT_CATEGORY): ids.isin(bought["account_id"].unique()),
            str(Block.PATTERN): bound.to_numpy() | ids.isin(dated["account_id"].unique()),
        },
        index=ids,
    )


def type_sources(can_speak: pd.DataFrame, evidence: pd.DataFrame) -> pd.DataFrame:
    """block, n_covered (accounts about which it can speak), n_speaking (accounts for which it gives points), missing
    (tuple of table.column that would make it speak: of industries where an account has none, of what is bought and how
    where that is known of no account, since some accounts just buy nothing)."""
    said = evidence[evidence["points"] > 0].groupby("block")["account_id"].nunique()
    rows = [
        {
            "block": str(block),
            "n_covered": int(can_speak[str(block)].sum()),
            "n_speaking": int(said.get(str(block), 0)),
            "missing": needs if _lacks(can_speak[str(block)], block) else (),
        }
        for block, needs in NEEDS.items()
    ]
    return pd.DataFrame(rows)


def _lacks(can_speak: pd.Series[bool], block: Block) -> bool:
    bought = block in (Block.PRODUCT_CATEGORY, Block.PATTERN)
    return not (can_speak.any() if bought else can_speak.all())
