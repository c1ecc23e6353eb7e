"""Revenue over time as patterns are read from it: a year's contract in one booking stands in its months (domain §7)."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from kamkit.model.results import AccountFacts


def spread_bookings(facts: AccountFacts) -> AccountFacts:
    """The facts with months and orders in which yearly bookings are spread over their term. Only for how an account buys
    over time, never for how much: what is due after the period's end is not in them."""
    if not facts.spread:
        return facts
    months, orders = facts.spread["months"], facts.spread["orders"]
    concerned = months["account_id"].unique()

    def replaced(booked: pd.DataFrame, spread: pd.DataFrame, by: str) -> pd.DataFrame:
        both = pd.concat([booked[~booked["account_id"].isin(concerned)], spread], ignore_index=True)
        return both.sort_values(["account_id", by], kind="stable", ignore_index=True)

    return replace(facts, months=replaced(facts.months, months, "month"), orders=replaced(facts.orders, orders, "date"))
