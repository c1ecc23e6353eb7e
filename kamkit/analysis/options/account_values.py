"""What the sentences about an account may name: figures and names by account_id, missing ones as None."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.options.dependence import ratings
from kamkit.analysis.options.found import Found
from kamkit.analysis.options.gates import first_unmet
from kamkit.analysis.options.partnership import contract_years
from kamkit.model.codes import Option

GROWTH_VALUES = (
    *("category", "n", "peers", "because", "lift", "both", "penetration", "usual"),
    *("expected", "low", "high", "own", "typical", "buyer"),
)
MOST_NEEDS = 3
"""How much of what would have to be known a sentence names."""
SHARED = 3.0
"""Forecasts count as shared from the middle of the scale on (convention)."""


def values_of(found: Found, points: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """What the sentences about an account may name, by account_id; `points` are its talking points."""
    accounts = found.history.accounts.set_index("account_id").reindex(found.ids)
    risk = found.risk.set_index("account_id").reindex(found.ids)
    told = pd.DataFrame(risk["values"].map(lambda v: v if isinstance(v, dict) else {}).tolist(), index=found.ids)
    relationship = found.scored[Option.RELATIONSHIP]
    raw = relationship.indicators.pivot(index="account_id", columns="indicator", values="value").reindex(found.ids)
    half_before = found.pattern.revenue(6, 12).reindex(found.ids).fillna(0.0)
    half = found.pattern.revenue(6).reindex(found.ids).fillna(0.0)
    frame = told.assign(
        name=accounts["name"].astype("object"),
        risk_evidence=risk["evidence"].astype("object"),
        at_risk=risk["revenue_at_risk"].fillna(0.0),
        revenue=found.history.yearly_revenue.reindex(found.ids).fillna(0.0),
        before=found.history.revenue(12, 12).reindex(found.ids).fillna(0.0),
        lost_revenue=(half_before - half).clip(lower=0),
        months=found.window_months,
        trend_change=risk["revenue_change"],
        margin=accounts["margin"].astype(float),
        share=found.pair["our_dependence"],
        their_share=found.pair["their_dependence"],
        tenure=raw.get("tenure_years"),
        regularity=raw.get("regularity"),
        active=raw.get("active_months"),
        needs=relationship.table["missing"].map(lambda needs: needs[:MOST_NEEDS] or None).astype("object"),
        growth_evidence=found.growth["evidence"],
        because_revenue=_because_revenue(found),
        lead=found.antenna["lead"],
        ahead=found.antenna["months_ahead"],
        band=found.antenna["lead_band"],
        adoption=found.antenna["early_adoption"],
        n_new=found.antenna["n_new_items"],
        talks=found.antenna["market_talks"],
        level=risk["level"].astype("object"),
        history_months=found.history.n_months,
        not_buying=found.growth["peers"].astype(float) - found.growth["n"].astype(float),
        returned=_returned(found),
        contacts=found.contacts["contact_density"],
        deciders=found.contacts["deciders"],
        top_share=found.contacts["top_own_share"],
        top_role=found.contacts["top_own_role"],
        projects=found.projects["joint_projects"],
        hours=found.projects["joint_hours"],
        mutual=found.pair["mutual"],
        imbalance=found.pair["imbalance"],
        alliance_unmet=first_unmet(found.met[Option.ALLIANCE]).fillna("score"),
        partnership_unmet=first_unmet(found.met[Option.PARTNERSHIP]).fillna("score"),
        **{str(column): found.shocks[column] for column in found.shocks},
        **_partnership_values(found),
    ).join([found.growth[list(GROWTH_VALUES)], points.reindex(found.ids)])
    columns = list(frame.columns)
    values = {
        str(i): {c: _plain(v) for c, v in zip(columns, row, strict=True)}
        for i, row in zip(frame.index, frame.to_numpy(object).tolist(), strict=True)
    }
    for account_id, spots in found.sisters.groupby("account_id"):
        if str(account_id) in values:
            first = spots.iloc[0]
            values[str(account_id)] |= {
                "sister_whitespace": tuple(spots["name"].astype(str)),
                "sister_item": str(first["name"]),
                "sister_buyer": str(first["buyer"]),
                "sister_lacking": tuple(first["lacking"]),
                "sister_expected": float(first["expected_revenue"]),
            }
    return values


def _partnership_values(found: Found) -> dict[str, pd.Series[Any]]:
    rated = ratings(found.history.tables.get("ratings")).reindex(index=found.ids, columns=["information"])
    shared = np.select([rated["information"] >= SHARED, rated["information"].notna()], ["yes", "no"], "unknown")
    years = contract_years(found.history.tables.get("contracts"), found.history.cut_off)
    return {
        "contract_years": pd.Series(np.nan, index=found.ids) if years is None else years.reindex(found.ids),
        "forecast": pd.Series(shared, index=found.ids),
    }


def _returned(found: Found) -> pd.Series[Any]:
    """The share of twelve months' purchases that was returned or credited; missing where single orders are not known."""
    history = found.history
    if not history.dated_by_day:
        return pd.Series(np.nan, index=found.ids)
    bought = history.revenue(12).reindex(found.ids)
    return 1 - history.yearly_revenue.reindex(found.ids) / bought.where(bought > 0)


def _because_revenue(found: Found) -> pd.Series[Any]:
    """What the account spent in twelve months on the item that its white spot follows from."""
    bought = found.history.purchases
    if bought.empty:
        return pd.Series(np.nan, index=found.ids)
    names = found.items.drop_duplicates("item").set_index("item")["name"].astype("object")
    last = bought[bought["date"] >= found.history.first_day(12)]
    item = last["item"].astype("object")
    name = item.map(names).astype("object").fillna(item).rename("name")
    spent = last.groupby(["account_id", name])["revenue"].sum()
    pairs = pd.MultiIndex.from_arrays([found.ids, found.growth["because"].reindex(found.ids)])
    return pd.Series(spent.reindex(pairs).to_numpy(), index=found.ids)


def _plain(value: Any) -> Any:
    """A number, text, date or None; what is missing is None."""
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value
