"""How many key accounts can be managed: the engagement's word, else people and hours (domain S12)."""

from __future__ import annotations

import math

import pandas as pd

from kamkit.model.engagement import Capacity
from kamkit.model.results import ManagedCapacity

FIGURES = {
    "fte": "kam_fte",
    "net_hours": "net_hours",
    "hours_per_account": "hours_per_account",
    "cost_per_fte": "cost_per_fte",
}
"""What can be said in inputs.xlsx, by the code of its figure there."""
NEEDED = ("fte", "net_hours", "hours_per_account")


def capacity_in_force(settings: Capacity, figures: pd.DataFrame | None = None) -> ManagedCapacity:
    """The capacity: `settings.accounts` where it is said, else FTE × net hours ÷ hours per account, rounded down.

    `figures` (figure, value, said_by, date; of several the latest holds) fill what the settings leave open and never
    overrule them. Without all three figures the number is not known; none is assumed.
    """
    told = latest_figures(figures)
    by_hand = settings.visits.hours if settings.visits else settings.hours_per_account
    known = {name: getattr(settings, name) for name in FIGURES} | {"hours_per_account": by_hand}
    taken = {name: code for name, code in FIGURES.items() if known[name] is None and code in told.index}
    known |= {name: float(told["value"][code]) for name, code in taken.items()}
    missing = tuple(f"figures.{FIGURES[name]}" for name in NEEDED if known[name] is None)
    accounts = settings.accounts
    if accounts is None and not missing:
        accounts = math.floor(known["fte"] * known["net_hours"] / known["hours_per_account"] + 1e-9)
    said = told.loc[list(taken.values())].rename_axis("figure").reset_index()
    return ManagedCapacity(accounts, **known, missing=() if accounts is not None else missing, said=said)


def latest_figures(figures: pd.DataFrame | None) -> pd.DataFrame:
    """value, said_by, date by figure of inputs.xlsx: the latest positive one of each."""
    given = pd.DataFrame() if figures is None else figures
    given = given.reindex(columns=["figure", "value", "said_by", "date"])
    rows = given.assign(
        value=pd.to_numeric(given["value"], errors="coerce").astype("float64"),
        date=pd.to_datetime(given["date"]),
        figure=given["figure"].astype("string").str.strip(),
    )
    rows = rows[rows["value"] > 0].sort_values("date", kind="stable", na_position="first")
    return rows.drop_duplicates("figure", keep="last").set_index("figure")
