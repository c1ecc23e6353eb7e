"""Who was right about the key accounts: the model or the people who decided (domain S13).

Nothing later than a decision is seen by the model that it is compared with.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from kamkit.analysis.pareto import BASIS_COLUMN, rank_accounts
from kamkit.model.codes import Basis
from kamkit.model.results import AccountFacts, HitRate, KeyAccounts
from kamkit.model.tables import TABLES

FEWEST_DECISIONS = 20
"""Fewer are listed as cases and prove nothing (convention)."""

LOOK_AHEAD = 12
"""Months before a decision that the model sees, and months after it that tell who was right (convention)."""


def judged_decisions(facts: AccountFacts, key_accounts: KeyAccounts) -> pd.DataFrame:
    """account_id, name, date, decision, model and truth (yes | no): key-account decisions old enough to be judged.

    Model: the set of the twelve months that had ended by the day of the decision. Truth: the set of the twelve months
    that began on that day or after it, all of them inside the period. Decisions before a year of history are left out.
    """
    columns = ["account_id", "name", "date", "decision", "model", "truth"]
    months, column = facts.months, BASIS_COLUMN[key_accounts.pareto.basis]
    if key_accounts.pareto.basis is Basis.POTENTIAL or months.empty or column not in months:
        return pd.DataFrame(columns=columns)
    rows = facts.tables["decisions"].reindex(columns=list(TABLES["decisions"].columns))
    rows = rows[(rows["subject"] == "key_account") & rows["decision"].isin(["yes", "no"])].assign(
        date=pd.to_datetime(rows["date"])
    )
    rows = rows.dropna(subset=["date", "account_id"]).drop_duplicates(["account_id", "date"], keep="last")
    names, threshold = facts.accounts.set_index("account_id")["name"], key_accounts.pareto.threshold
    booked = _without_pool(facts)
    found = []
    for date in rows["date"].drop_duplicates():
        before, after = spans_around(date)
        decided = rows[rows["date"] == date]
        if before[0].start_time < pd.Timestamp(facts.history_start) or after[-1].end_time.date() > facts.period.end:
            continue
        seen, later = (_set_of(booked, column, span, threshold) for span in (before, after))
        for row in decided.to_dict("records"):
            inside = [("yes" if row["account_id"] in members else "no") for members in (seen, later)]
            name = names.get(row["account_id"], row["account_id"])
            found.append([row["account_id"], name, row["date"], row["decision"], *inside])
    return pd.DataFrame(found, columns=columns).sort_values(["date", "account_id"], ignore_index=True)


def spans_around(day: pd.Timestamp) -> tuple[pd.PeriodIndex, pd.PeriodIndex]:
    """The twelve months that had ended by the evening of a day, and the twelve that begin on it or later.

    >>> [f"{span[0]}–{span[-1]}" for span in spans_around(pd.Timestamp("2024-06-15"))]
    ['2023-06–2024-05', '2024-07–2025-06']
    """
    month = day.to_period("M")
    last = month if day.normalize() == month.end_time.normalize() else month - 1
    first = month if day.normalize() == month.start_time else month + 1
    return (
        pd.period_range(last - LOOK_AHEAD + 1, last, freq="M"),
        pd.period_range(first, first + LOOK_AHEAD - 1, freq="M"),
    )


def _without_pool(facts: AccountFacts) -> pd.DataFrame:
    """The months of all accounts but the pool of collective ones, which has bookings in the period and is not in it."""
    ranked = facts.accounts.set_index("account_id")["in_period"].astype(bool)
    start = pd.Timestamp(facts.period.start.replace(day=1))
    booked = set(facts.months.loc[facts.months["month"] >= start, "account_id"])
    pooled = {account_id for account_id in ranked.index[~ranked] if account_id in booked}
    return facts.months[~facts.months["account_id"].isin(pooled)]


def _set_of(months: pd.DataFrame, column: str, span: pd.PeriodIndex, threshold: float) -> set[str]:
    """The accounts of the smallest set that reaches the threshold in these months."""
    inside = months[pd.DatetimeIndex(months["month"]).to_period("M").isin(span)]
    sums = inside.groupby("account_id", as_index=False)[column].sum(min_count=1)
    if sums.empty or sums[column].isna().all():
        return set()
    frame = pd.DataFrame({"account_id": sums["account_id"], "name": sums["account_id"], "revenue": sums[column]})
    table = rank_accounts(frame.assign(margin=np.nan), threshold).table
    return set(table.loc[table["is_key_account"].astype(bool), "account_id"])


def hit_rate(cases: pd.DataFrame) -> HitRate:
    """How often model and people were right, over all cases and where they differed.

    `cases`: decision, model, truth (yes | no). From 20 cases on a sign test on those where they differed (McNemar 1947,
    exact) gives the probability of so uneven a count by chance; fewer prove nothing (convention).
    """
    people, model = cases["decision"] == cases["truth"], cases["model"] == cases["truth"]
    differ = cases["decision"] != cases["model"]
    n_differ, wins = int(differ.sum()), int((people & differ).sum())
    testable = len(cases) >= FEWEST_DECISIONS and n_differ > 0
    return HitRate(
        n=len(cases),
        people_right=int(people.sum()),
        model_right=int(model.sum()),
        n_differ=n_differ,
        people_right_differ=wins,
        model_right_differ=n_differ - wins,
        testable=len(cases) >= FEWEST_DECISIONS,
        p_value=float(binomtest(wins, n_differ).pvalue) if testable else None,
    )


def option_outcomes(facts: AccountFacts) -> pd.DataFrame:
    """account_id, date, decision, change and others: of each choice of an option a year ago or earlier, the change of the
    account's revenue from the twelve months before to the twelve after, and the median of the accounts not chosen."""
    columns = ["account_id", "date", "decision", "change", "others"]
    rows = facts.tables["decisions"].reindex(columns=list(TABLES["decisions"].columns))
    rows = rows[(rows["subject"] == "option") & rows["decision"].notna()].assign(date=pd.to_datetime(rows["date"]))
    rows = rows.dropna(subset=["date", "account_id"]).drop_duplicates(["account_id", "date"], keep="last")
    if rows.empty or facts.months.empty:
        return pd.DataFrame(columns=columns)
    booked = _without_pool(facts)
    month = pd.DatetimeIndex(booked["month"]).to_period("M")
    parts = []
    for date, chosen in rows.groupby("date"):
        before, after = spans_around(pd.Timestamp(str(date)))
        if before[0].start_time < pd.Timestamp(facts.history_start) or after[-1].end_time.date() > facts.period.end:
            continue
        sums = [booked[month.isin(span)].groupby("account_id")["revenue"].sum() for span in (before, after)]
        bought = sums[0][sums[0] > 0]
        change = sums[1].reindex(bought.index).fillna(0.0) / bought - 1
        others = change[~change.index.isin(rows["account_id"])].median()
        known = chosen[chosen["account_id"].isin(change.index)]
        parts.append(known.assign(change=known["account_id"].map(change), others=others))
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    return found[columns].dropna(subset=["change", "others"]).sort_values(["date", "account_id"], ignore_index=True)
