"""How the means for key accounts would be spread: in proportion to what they earn, in small steps (domain S12).

The optimum gives each account b = B·(DB·ε·g)/Σ (Albers 1998; Fischer, Albers, Wagner & Frie 2011; a short form of ours). One
elasticity ε for all cancels out, so the split is in proportion to margin. The optimum is flat: how much is spent in all
matters less than on whom.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kamkit.analysis.existence import own_budgets
from kamkit.analysis.options.history import History, history_until
from kamkit.model.portfolio_rules import AllocationRules
from kamkit.model.results import AccountFacts, Allocation

BUDGET, TIME = "budget", "time"
YEAR = 12
TABLE = ["kind", "account_id", "today", "optimum", "proposed", "change", "limited"]
TOTALS = ["kind", "total", "unallocated", "n", "n_without", "missing"]


def allocate(facts: AccountFacts, key_account_ids: pd.Index, rules: AllocationRules) -> Allocation:
    """The proposed split of the key accounts' budgets and of the time for them, which is the share of contacts in the last
    12 months since hours are not known.

    An account whose margin or today's share is not known, or that has nothing today, is left as it is: no percentage leads
    there, only a decision. Without margins, or without budgets or contacts of at least two key accounts, not assessable.
    """
    accounts = facts.accounts.set_index("account_id").reindex(key_account_ids)
    margin = accounts["margin"].astype("float64")
    room, uses_growth = _growth_room(accounts, rules)
    history = history_until(facts)
    today = {BUDGET: own_budgets(facts).reindex(key_account_ids), TIME: _contacts(history, key_account_ids)}
    asked = {BUDGET: "budgets.account_id", TIME: "interactions.date"}
    tables, totals = [], []
    for kind, now in today.items():
        rows = (margin.notna() & (now > 0)).to_numpy()
        missing = [asked[kind]] if not (now > 0).any() else []
        if margin.isna().all() or not (margin > 0).any():
            missing.append("transactions.margin")
        total = float(now.sum()) if now.notna().any() else np.nan
        if missing or rows.sum() < 2:
            totals.append((kind, total, np.nan, 0, len(now), tuple(missing)))
            continue
        optimum, proposed, limited = split(
            now.to_numpy()[rows], (margin * rules.elasticity.value * room).to_numpy()[rows], rules.most_change.value
        )
        tables.append(
            pd.DataFrame(
                {
                    "kind": kind,
                    "account_id": key_account_ids[rows],
                    "today": now.to_numpy()[rows],
                    "optimum": optimum,
                    "proposed": proposed,
                    "change": proposed / now.to_numpy()[rows] - 1,
                    "limited": limited,
                }
            )
        )
        spread = float(now.to_numpy()[rows].sum())
        totals.append((kind, total, max(spread - float(proposed.sum()), 0.0), int(rows.sum()), int((~rows).sum()), ()))
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=TABLE)
    return Allocation(table, pd.DataFrame(totals, columns=TOTALS), uses_growth)


def split(
    today: NDArray[np.float64], worth: NDArray[np.float64], most_change: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """The same total in proportion to worth, no amount changed by more than `most_change` of today's (all above zero).

    Returns the optimum without that limit, the proposal, and where the limit holds it back. What the limit takes from some
    goes to the others in proportion, as far as their limits allow, so that the proposal adds up to today's total. Worth
    below zero counts as none; at least one must be above.
    """
    worth, total = np.maximum(worth, 0.0), float(today.sum())
    optimum = total * worth / worth.sum()
    low, high = today * (1 - most_change), today * (1 + most_change)

    def proposed(level: float) -> NDArray[np.float64]:
        amounts: NDArray[np.float64] = np.clip(level * optimum, low, high)
        return amounts

    below, above = 0.0, 1.0
    while proposed(above).sum() < total * (1 - 1e-12) and np.any(above * optimum[optimum > 0] < high[optimum > 0]):
        above *= 2
    for _ in range(200):
        level = (below + above) / 2
        below, above = (level, above) if proposed(level).sum() < total else (below, level)
    found = proposed(above)
    free = (found > low * (1 + 1e-9)) & (found < high * (1 - 1e-9))
    if free.any():
        found[free] += (total - found.sum()) * found[free] / found[free].sum()
    return optimum, found, ~free


def _growth_room(accounts: pd.DataFrame, rules: AllocationRules) -> tuple[pd.Series[Any], bool]:
    """g per account: demand ÷ own revenue, at most the room of the rules (convention); 1 for all unless every demand is
    known, since a known one alone would be preferred for being known."""
    wallet = accounts["wallet"].astype("float64")
    revenue = accounts["revenue"].astype("float64")
    if not len(accounts) or not ((wallet > 0) & (revenue > 0)).all():
        return pd.Series(1.0, index=accounts.index), False
    return (wallet / revenue).clip(1.0, rules.growth_room.value), True


def _contacts(history: History, key_account_ids: pd.Index) -> pd.Series[Any]:
    """Each account's share of the contacts with key accounts in the last 12 months; 0 where the table is filled and names
    none, missing where it is not."""
    visits = history.tables.get("interactions")
    if visits is None or visits.empty:
        return pd.Series(np.nan, index=key_account_ids)
    last = visits[pd.to_datetime(visits["date"]) >= history.first_day(YEAR)]
    n = last.groupby("account_id").size().reindex(key_account_ids).fillna(0.0)
    return n / n.sum() if n.sum() else n
