"""What putting groups together does to the list: the set before and after, and who entered only through it (S2)."""

from __future__ import annotations

import pandas as pd

from kamkit.analysis.pareto import BASIS_COLUMN, rank_accounts
from kamkit.model.codes import Basis
from kamkit.model.results import Consolidation

_CHANGE_COLUMNS = ("account_id", "name", "change", "revenue", "group_name")


def compare_levels(
    customers: pd.DataFrame, accounts: pd.DataFrame, threshold: float = 0.80, basis: Basis = Basis.REVENUE
) -> Consolidation:
    """The set that reaches the threshold among single customers and among groups (companies under common control are
    one customer: IFRS 8.34, norm).

    `customers` as in AccountFacts; `accounts` (account_id, name) names the groups, else their largest member does.
    Without customers, or where the basis is known for none, nothing is compared.
    """
    if customers.empty or customers[BASIS_COLUMN[basis]].isna().all():
        return Consolidation()
    groups = groups_of(customers, accounts)
    before, after = (rank_accounts(level, threshold, basis).table for level in (customers, groups))
    chosen = before.loc[before["is_key_account"], "account_id"]
    was_in = customers["account_id"].isin(chosen)
    now_in = customers["group_id"].isin(after.loc[after["is_key_account"], "account_id"])
    entered = groups[
        groups["account_id"].isin(set(customers.loc[now_in, "group_id"]) - set(customers.loc[was_in, "group_id"]))
    ]
    joint = customers["group_id"].duplicated(keep=False)
    merged, dropped = customers[was_in & now_in & joint], customers[was_in & ~now_in]
    names = groups.set_index("account_id")["name"]
    of_group = {"merged": merged["group_id"].map(names), "dropped": dropped["group_id"].map(names).where(joint)}
    changed = {"entered": entered, "merged": merged, "dropped": dropped}
    parts = [
        frame.assign(change=change, group_name=of_group.get(change, pd.Series(index=frame.index, dtype="string")))
        for change, frame in changed.items()
    ]
    changes: pd.DataFrame = pd.concat(parts, ignore_index=True)
    kind = changes["change"].map({"entered": 0, "merged": 1, "dropped": 2})
    changes = changes.assign(kind=kind, size=-changes["revenue"]).sort_values(["kind", "size", "account_id"])
    return Consolidation(
        n_before=len(chosen),
        n_after=int(after["is_key_account"].sum()),
        coverage=_coverage(customers, joint),
        changes=changes[list(_CHANGE_COLUMNS)].astype({"group_name": "string"}).reset_index(drop=True),
    )


def groups_of(customers: pd.DataFrame, accounts: pd.DataFrame) -> pd.DataFrame:
    """The customers of each group put together: account_id (the group's), revenue, margin, wallet as sums of what is
    known, and name."""
    by_size = customers.sort_values(["revenue", "account_id"], ascending=[False, True])
    largest = by_size.drop_duplicates("group_id").set_index("group_id")["name"]
    sums = customers.groupby("group_id")[["revenue", "margin", "wallet"]].sum(min_count=1)
    names = sums.index.to_series().map(accounts.set_index("account_id")["name"]).astype("string").fillna(largest)
    return sums.assign(name=names).rename_axis("account_id").reset_index()


def _coverage(customers: pd.DataFrame, joint: pd.Series) -> float:
    """The share of positive revenue with a group or parent known; a parent is known by its subsidiaries."""
    positive = customers["revenue"].clip(lower=0)
    total = float(positive.sum())
    return float(positive[joint | (customers["group_source"] != "none")].sum()) / total if total else float("nan")
