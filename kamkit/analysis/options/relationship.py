"""How firm the relationship is: what orders show of it, and what contacts and visits add (domain §2.3)."""

from __future__ import annotations

from typing import Any

import pandas as pd

from kamkit.analysis.options.history import History
from kamkit.model.codes import Grain
from kamkit.model.words import plain, word_pattern

YEAR, DAYS_OF_YEAR = 12, 365.25
FEWEST_ORDERS = 4
DECIDES = word_pattern(["entscheider*", "*entscheider*", "decision*", "decider*", "hoch", "high"])


def relationship_indicators(history: History) -> pd.DataFrame:
    """Per account_id: tenure_years (since the first order seen), regularity (1 − coefficient of variation of the
    intervals; of the months where days are not known), active_months (share of the last twelve), contact_density
    (contacts known), contact_authority (share of them who decide), own_people (own roles in contact within a year);
    Palmatier 2008 for density and authority. Missing where the data do not say."""
    contacts, visits = history.tables.get("contacts"), history.tables.get("interactions")
    found: dict[str, pd.Series[Any]] = {
        "tenure_years": tenure_years(history),
        "regularity": _regularity(history),
        "active_months": _active_months(history),
    }
    if contacts is not None and len(contacts):
        found["contact_density"] = contacts.groupby("account_id")["contact_id"].nunique().astype(float)
        if "power" in contacts:
            said = contacts.dropna(subset=["power"])
            decides = said["power"].map(lambda text: bool(DECIDES.search(plain(str(text)))))
            found["contact_authority"] = decides.groupby(said["account_id"]).mean().astype(float)
    if visits is not None and "own_role" in visits and len(visits):
        last = visits[pd.to_datetime(visits["date"]) >= history.first_day(YEAR)]
        found["own_people"] = last.groupby("account_id")["own_role"].nunique().astype(float)
    return pd.DataFrame(found)


def tenure_years(history: History) -> pd.Series[Any]:
    """Years since the first order that the data hold, by account_id."""
    frame, column = (history.orders, "date") if history.dated_by_day else (history.months, "month")
    bought = frame[frame["revenue"] > 0]
    years: pd.Series[Any] = (history.cut_off - bought.groupby("account_id")[column].min()).dt.days / DAYS_OF_YEAR
    return years


def _regularity(history: History) -> pd.Series[Any]:
    if history.grain is Grain.YEAR:
        return pd.Series(dtype=float)
    if not history.dated_by_day:
        last = history.months[history.months["month"] >= history.first_day(YEAR)]
        by_account = last.pivot_table(
            index="account_id", columns="month", values="revenue", aggfunc="sum", fill_value=0.0
        )
        mean = by_account.mean(axis=1)
        even: pd.Series[Any] = (1 - by_account.std(axis=1, ddof=0) / mean.where(mean > 0)).clip(lower=0)
        return even
    days = history.orders[["account_id", "date"]].drop_duplicates().sort_values(["account_id", "date"])
    gaps = days["date"].diff().dt.days.where(days["account_id"] == days["account_id"].shift())
    by_rhythm = gaps.groupby(days["account_id"])
    variation = by_rhythm.std(ddof=0) / by_rhythm.mean()
    regular: pd.Series[Any] = (1 - variation.where(by_rhythm.count() >= FEWEST_ORDERS - 1)).clip(lower=0)
    return regular


def _active_months(history: History) -> pd.Series[Any]:
    if history.grain is Grain.YEAR:
        return pd.Series(dtype=float)
    frame, column = (history.orders, "date") if history.dated_by_day else (history.months, "month")
    last = frame[(frame[column] >= history.first_day(YEAR)) & (frame["revenue"] > 0)]
    n_months = min(YEAR, max(history.n_months, 1))
    months = last[column].dt.to_period("M").groupby(last["account_id"]).nunique()
    share: pd.Series[Any] = (months / n_months).clip(upper=1.0)
    return share
