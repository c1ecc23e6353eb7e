"""Industry codes in the customer master that no edition of NACE has, told with the import (domain §3): the classifier
takes nothing from them, and the client can set them right."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from kamkit.model.industry_codes import IMPOSSIBLE, UNKNOWN_EDITION, read_code
from kamkit.model.kam_type_rules import KamTypeRules
from kamkit.model.results import Finding

MOST_CODES = 5


def industry_findings(customers: pd.DataFrame, master: pd.DataFrame | None, rules: KamTypeRules) -> Iterator[Finding]:
    """Customers of the master with a division that does not exist, and those with a code of another edition or system.

    `customers` as from `sums_by_customer`: customer_id, revenue. Each finding counts the customers, sums their revenue
    and names the most frequent codes (editions), each with the number of customers that carry it.
    """
    if master is None or "industry_code" not in master.columns:
        return
    columns = ["customer_id", "industry_code", "industry_version"]
    given = master.reindex(columns=columns).astype("string").fillna("").drop_duplicates("customer_id")
    given = given.assign(revenue=given["customer_id"].map(customers.set_index("customer_id")["revenue"]).astype(float))
    pairs = list(zip(given["industry_code"], given["industry_version"], strict=True))
    read = {pair: read_code(*pair, "account", rules) for pair in set(pairs)}
    reason = pd.Series([found.reason if (found := read[pair]) else "" for pair in pairs], index=given.index)
    if len(told := given[reason == IMPOSSIBLE]):
        codes, sums = _most_frequent(told["industry_code"]), float(told["revenue"].sum())
        values = {"n": len(told), "codes": codes}
        yield Finding("impossible_industries", "customers", revenue=sums, examples=codes, values=values)
    if len(told := given[reason == UNKNOWN_EDITION]):
        editions = _most_frequent(told["industry_version"])
        values, sums = {"n": len(told), "editions": editions}, float(told["revenue"].sum())
        yield Finding("unknown_industry_edition", "customers", revenue=sums, examples=editions, values=values)


def _most_frequent(written: pd.Series[str]) -> tuple[str, ...]:
    """The most frequent texts, each with how often it stands there: 44.1 (3×)."""
    counts = written.value_counts().rename_axis("text").reset_index(name="n")
    counts = counts.sort_values(["n", "text"], ascending=[False, True], kind="stable").head(MOST_CODES)
    return tuple(f"{text} ({n}×)" for text, n in zip(counts["text"], counts["n"], strict=True))
