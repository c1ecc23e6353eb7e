from __future__ import annotations

import pandas as pd
import pytest

from kamkit.analysis.capacity import capacity_in_force
from kamkit.errors import EngagementError
from kamkit.model.engagement import Capacity, load_engagement


def figures(*rows: tuple[str, float | None, str | None]) -> pd.DataFrame:
    return pd.DataFrame(
        [(figure, value, "Vertriebsleitung", pd.Timestamp(date) if date else pd.NaT) for figure, value, date in rows],
        columns=["figure", "value", "said_by", "date"],
    )


def test_the_number_that_is_said_holds() -> None:
    found = capacity_in_force(Capacity(accounts=15, fte=1), figures(("net_hours", 10, None)))
    assert (found.accounts, found.missing) == (15, ())


def test_people_and_hours_give_the_number() -> None:
    # 4 people × 1,200 h = 4,800 h; an account takes 12 × (2 + 4 + 3) + 100 = 208 h; 4,800 / 208 = 23.08
    visits = {"per_year": 12, "preparation_hours": 2, "travel_hours": 4, "talk_hours": 3, "coordination_hours": 100}
    found = capacity_in_force(Capacity(fte=4, net_hours=1200, visits=visits))  # type: ignore[arg-type]
    assert (found.accounts, found.hours_per_account) == (23, 208)
    assert capacity_in_force(Capacity(fte=0.1, net_hours=1000, hours_per_account=208)).accounts == 0
    assert (
        capacity_in_force(Capacity(fte=0.3, net_hours=1000, hours_per_account=100)).accounts == 3
    )  # 0.3 × 10 in floats


def test_figures_fill_what_the_engagement_leaves_open_the_latest_holds() -> None:
    said = figures(
        ("kam_fte", 9, "2025-01-01"), ("net_hours", 1000, "2024-01-01"), ("net_hours", 1200, "2025-05-01"),
        ("hours_per_account", 300, None), ("cost_per_fte", 110_000, None), ("hours_per_account", None, "2025-06-01"),
        ("fixed_costs", 5, None),
    )  # fmt: skip
    found = capacity_in_force(Capacity(fte=2), said)
    assert (found.accounts, found.fte, found.net_hours, found.cost_per_fte) == (8, 2, 1200, 110_000)  # 2,400 / 300
    assert found.said["figure"].tolist() == ["net_hours", "hours_per_account", "cost_per_fte"]


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        (None, ("figures.kam_fte", "figures.net_hours", "figures.hours_per_account")),
        (figures(("net_hours", 1200, None), ("kam_fte", 0, None)), ("figures.kam_fte", "figures.hours_per_account")),
    ],
    ids=["nothing_said", "one_figure"],
)
def test_without_all_figures_the_number_is_not_known(said: pd.DataFrame | None, missing: tuple[str, ...]) -> None:
    found = capacity_in_force(Capacity(), said)
    assert (found.accounts, found.missing) == (None, missing)


def test_what_is_wrong_with_the_settings_is_told_at_once(tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "engagement.yml"
    file.write_text(
        "client: X\nsources: {transactions: {path: u.csv, columns: {customer_id: k, posting_date: d, net_revenue: u}}}\n"
        "capacity: {fte: -1, visits: {per_year: 12, travel_hours: 4}}\n"
    )
    with pytest.raises(EngagementError) as problem:
        load_engagement(file)
    assert str(problem.value) == (
        "engagement.yml: 3 problems found\n- capacity.fte: input should be greater than 0, not -1\n"
        "- capacity.visits.preparation_hours is missing\n- capacity.visits.talk_hours is missing"
    )
    file.write_text(
        file.read_text().replace(
            "fte: -1, visits: {per_year: 12, travel_hours: 4}",
            ("hours_per_account: 9, visits: {per_year: 1, preparation_hours: 1, travel_hours: 1, talk_hours: 1}"),
        )
    )
    with pytest.raises(EngagementError) as problem:
        load_engagement(file)
    assert str(problem.value) == (
        "engagement.yml: 1 problem found\n- capacity: give either hours_per_account or visits, which says how they come about"
    )
