"""What a talk with an account is about, on hand-sized purchases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from kamkit.analysis.options.history import history_until
from kamkit.analysis.options.talking_points import talking_points
from kamkit.model.results import AccountFacts

Facts = Callable[..., AccountFacts]
MONTHS = pd.period_range("2023-01", "2025-12", freq="M")


def monthly(account: str, item: str, amount: float, until: str = "2025-12") -> list[tuple[str, str, float, str]]:
    return [(account, f"{month}-10", amount, item) for month in MONTHS if str(month) <= until]


def points(facts: AccountFacts, spread: tuple[str, ...] = ()) -> pd.DataFrame:
    return talking_points(history_until(facts), facts.members, facts.items, spread)


def test_the_item_that_lost_most_its_figures_and_its_month(facts_from: Facts) -> None:
    """Boxes for 100 a month stop after June 2025; labels for 40 stop after October: 600 against 80 are missing."""
    orders = [*monthly("A", "Kartons", 100, "2025-06"), *monthly("A", "Etiketten", 40, "2025-10")]
    orders += monthly("A", "Folie", 90)
    found = points(facts_from([*orders, ("A", "2024-09-11", 7.0, "Kartons")])).loc["A"]
    assert (found["lost_item"], found["lost_before"], found["lost_now"]) == ("Kartons", 607.0, 0.0)
    assert (found["weakest_month"], found["weakest_lost"]) == (pd.Timestamp("2025-09-01"), 107.0)
    assert found["last_order"] == pd.Timestamp("2025-12-10")
    assert (found["main_item"], found["main_revenue"]) == ("Folie", 1080.0)


def test_nothing_is_lost_where_more_is_bought(facts_from: Facts) -> None:
    found = points(facts_from([*monthly("A", "Kartons", 100), ("A", "2025-12-11", 50.0, "Kartons")])).loc["A"]
    assert found[["lost_item", "lost_before", "weakest_month"]].isna().all()


def test_a_short_history_and_yearly_bookings_compare_nothing(facts_from: Facts) -> None:
    stops = monthly("A", "Kartons", 100, "2025-06")
    facts = facts_from([*stops, ("B", "2025-12-20", 1.0, "Folie")])
    young = replace(facts, history_start=dt.date(2024, 8, 1))
    assert pd.isna(points(young).loc["A", "lost_item"])
    assert points(facts).loc["A", "lost_item"] == "Kartons"
    assert pd.isna(points(facts, spread=("A",)).loc["A", "lost_item"])
