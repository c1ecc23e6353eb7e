"""Which accounts bring most of the revenue: the ranking, the smallest set reaching the threshold, ABC (domain S3).

Everything is compared exactly. Amounts are restored to whole numbers of a millionth of the currency, the threshold is
the fraction that its decimal text says, so neither the order of rows nor the unit of the currency can move an account.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pandas as pd

from kamkit.analysis.concentration import gini
from kamkit.errors import InputError
from kamkit.model.codes import AbcClass, Basis
from kamkit.model.results import Pareto
from kamkit.model.smallest_set import Units, largest_first, smallest_set, whole_units

ABC_LIMITS = (Fraction("0.80"), Fraction("0.95"))
"""Where A and B end, always (convention)."""

LEAST_GINI_FOR_COMPUTED_ABC = 0.3
"""Below, accounts are too equal for computed limits to mean anything (convention)."""

BASIS_COLUMN = {Basis.REVENUE: "revenue", Basis.MARGIN: "margin", Basis.POTENTIAL: "wallet"}
BASIS_SOURCE = {
    Basis.REVENUE: "map net_revenue in sources.transactions",
    Basis.MARGIN: "map margin or cost in sources.transactions, or set pareto.basis: revenue",
    Basis.POTENTIAL: "map wallet in sources.customers, or set pareto.basis: revenue",
}


def rank_accounts(accounts: pd.DataFrame, threshold: float = 0.80, basis: Basis = Basis.REVENUE) -> Pareto:
    """Rank accounts by the basis and find the smallest set that reaches the threshold.

    `accounts`: account_id, name, revenue, margin, and wallet where the basis is potential; money in one currency.
    The account that crosses a limit belongs to the upper side. Ties go by account_id as text. The base is the accounts
    above zero; those at or below zero, or without a figure, stand last without rank, share and class.
    Raises InputError when the basis is missing for every account.
    """
    values = accounts[BASIS_COLUMN[basis]].astype(float)
    if len(values) and values.isna().all():
        problem = f"{BASIS_COLUMN[basis]} is missing for all {len(values)} accounts: {BASIS_SOURCE[basis]}"
        raise InputError("key accounts", [problem])
    units, digits = whole_units(values)
    ids = accounts["account_id"].astype(str).tolist()
    order = largest_first(units, ids)
    order = order[np.argsort(values.isna().to_numpy()[order], kind="stable")]
    amounts = units[order][units[order] > 0]
    n, reached = len(amounts), np.cumsum(amounts)
    total = int(reached[-1]) if n else 0
    n_key = smallest_set(amounts, Fraction(str(threshold)))
    table = accounts.iloc[order][["account_id", "name", "revenue", "margin"]].reset_index(drop=True)
    table["value"] = values.iloc[order].to_numpy()
    table["share"] = pd.Series((amounts / total).astype(float) if n else [], dtype=float)
    table["cumulative_share"] = pd.Series((reached / total).astype(float) if n else [], dtype=float)
    table["rank"] = pd.Series(range(1, n + 1), dtype="Int64")
    table["is_key_account"] = table.index < n_key
    limits = [smallest_set(amounts, limit) for limit in ABC_LIMITS]
    table["abc_class"] = _classes(limits, n)
    table["abc_computed"] = _classes(computed_limits(amounts), n)
    return Pareto(
        table=table,
        basis=basis,
        threshold=threshold,
        n_accounts=len(table),
        n_positive=n,
        n_key_accounts=n_key,
        key_account_share=int(reached[n_key - 1]) / total if total else float("nan"),
        total=int(units.sum()) / 10**digits,
        total_positive=total / 10**digits,
        abc=_counts(table["abc_class"]),
        abc_computed=_counts(table["abc_computed"]) if table["abc_computed"].notna().any() else {},
    )


CLOSE = 1e-12
"""Squared distances as floats are right to 1e-14: what is not this close to the smallest is not the smallest."""


def computed_limits(units: Units) -> list[int]:
    """The last account of A and of B after Ultsch & Lötsch (2015, PLoS ONE 10(6): e0129767), on the discrete polygon.

    `units`: above zero, largest first. With E = i/n and Y the share cumulated up to account i: the Pareto point is
    nearest to E = 0, Y = 1; the break-even point is the last account with at least the mean; A ends at the earlier of
    the two, B at the point nearest to Y = 1 above the later one. Decided in whole numbers, so that ties are ties. Empty
    where the accounts are too equal (Gini below 0.3, convention).
    """
    n, total = len(units), int(units.sum())
    if n == 0 or gini(pd.Series(units, dtype=float)) < LEAST_GINI_FOR_COMPUTED_ABC:
        return []
    reached = np.cumsum(units)
    places, missing = np.arange(1, n + 1), ((total - reached) / total).astype(float)

    def distance(i: int, start: int) -> int:
        return int(((i - start) * total) ** 2 + (n * (total - int(reached[i - 1]))) ** 2)

    def nearest(start: int) -> int:
        about = ((places - start) / n) ** 2 + missing**2
        close = places[about <= about.min() * (1 + CLOSE)].tolist()
        return int(min(close, key=lambda i: distance(i, start)))

    pareto_point = nearest(0)
    break_even = int(np.searchsorted(-units, -total // n, side="right"))
    return [min(pareto_point, break_even), nearest(max(pareto_point, break_even))]


def _classes(limits: Sequence[int], n: int) -> pd.Series:
    if not limits:
        return pd.Series(dtype="str")
    sizes = (limits[0], limits[1] - limits[0], n - limits[1])
    return pd.Series(np.repeat([c.value for c in AbcClass], sizes), dtype="str")


def _counts(classes: pd.Series) -> dict[str, int]:
    return {c.value: int((classes == c.value).sum()) for c in AbcClass}
