"""Cooperation intensity: every dimension of a few accounts countable by hand, and nothing taken for nothing."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from kamkit.analysis.intensity import measure_intensity
from kamkit.model.codes import Grain, Level, Stage
from kamkit.model.engagement import Period
from kamkit.model.intensity_rules import Dimension, IntensityRules, load_intensity_rules
from kamkit.model.results import AccountFacts

IDS = ["A", "B", "C"]


@pytest.fixture(scope="module")
def rules() -> IntensityRules:
    return load_intensity_rules()


def facts_of(bought: pd.DataFrame | None = None, **tables: pd.DataFrame) -> AccountFacts:
    nothing = pd.DataFrame()
    return AccountFacts(
        period=Period(start=dt.date(2025, 1, 1), end=dt.date(2025, 12, 31)),
        history_start=dt.date(2023, 1, 1),
        grain=Grain.DAY,
        level=Level.GROUP,
        item_kind="product",
        accounts=pd.DataFrame({"account_id": pd.Series(IDS, dtype="string"), "revenue": 100.0}),
        months=nothing,
        orders=nothing,
        purchases=nothing if bought is None else bought,
        product_purchases=nothing,
        items=nothing,
        members=nothing,
        tables=tables,
    )


def measured(rules: IntensityRules, service: list[float] | None = None, **given: Any) -> pd.DataFrame:
    held = pd.Series([np.nan] * 3 if service is None else service, index=IDS)
    return measure_intensity(facts_of(**given), held, rules).set_index("account_id")


def visits(**n: int) -> pd.DataFrame:
    rows = [(account, pd.Timestamp("2025-06-02"), str(i)) for account, times in n.items() for i in range(times)]
    return pd.DataFrame(rows, columns=["account_id", "date", "contact_id"])


def test_the_index_is_the_weighted_mean_of_what_is_known(rules: IntensityRules) -> None:
    """A: 26 contacts of a full 52 (.5), with 26 of 10 persons (1), 3 privileges of 3 (1), a contract of 3 years (1):
    (1.5 · .5 + 1.5 + 3 + 1) / 7 = .893 with 7 of 11. B: no contract and one privilege, no contact on record: 4 of 11."""
    contracts = pd.DataFrame(
        {"account_id": ["A"], "start": [pd.Timestamp("2023-07-01")], "end": [pd.Timestamp("2026-07-01")]}
    )
    found = measured(rules, [3, 1, np.nan], interactions=visits(A=26), contracts=contracts)
    assert found.loc["A", "intensity"] == pytest.approx(6.25 / 7, abs=1e-3)
    assert found.loc["A", ["coverage", "stage", "missing"]].tolist() == [pytest.approx(7 / 11), "interdependent", ()]
    assert found.loc["A", [str(d) for d in Dimension]].to_dict() == pytest.approx(
        {
            "contact_frequency": 0.5,
            "contact_breadth": 1.0,
            "service": 1.0,
            "formalisation": 1.0,
            **dict.fromkeys(("integration", "information", "joint_projects", "customisation"), np.nan),
        },
        nan_ok=True,
        abs=1e-3,
    )
    assert found.loc["B", ["coverage", "missing"]].tolist() == [
        pytest.approx(4 / 11),
        ("interactions.date",),
    ]
    assert found.loc[["B", "C"], ["intensity", "stage"]].isna().all(axis=None)
    assert found.loc["C", "missing"] == ("privileges.type", "interactions.date")


def test_where_nothing_is_known_nothing_is_said(rules: IntensityRules) -> None:
    found = measured(rules)
    assert found["intensity"].isna().all()
    assert found["coverage"].tolist() == [0, 0, 0]
    assert set(found["missing"]) == {("privileges.type", "interactions.date", "interactions.contact_id")}


def test_only_contacts_of_the_last_year_count(rules: IntensityRules) -> None:
    table = visits(A=4)
    table["date"] = pd.to_datetime(["2024-12-31", "2025-01-01", "2025-12-31", "2026-01-01"])
    assert measured(rules, interactions=table).loc["A", "contact_frequency"] == pytest.approx(2 / 52)


def test_ratings_and_project_hours(rules: IntensityRules) -> None:
    ratings = pd.DataFrame(
        {"account_id": ["A", "A", "B"], "item": ["EDI", "Informationsaustausch", "edi"], "value": [3.0, 5.0, 1.0]}
    )
    projects = pd.DataFrame(
        {
            "account_id": ["A", "A", "B", "C"],
            "hours": [40.0, 60.0, 900.0, np.nan],
            "start": pd.to_datetime(["2025-02-01", "2025-03-01", "2019-01-01", "2025-03-01"]),
        }
    )
    found = measured(rules, ratings=ratings, projects=projects)
    assert found["integration"].tolist() == pytest.approx([0.5, 0, np.nan], nan_ok=True)
    assert found["information"].tolist() == pytest.approx([1, np.nan, np.nan], nan_ok=True)
    assert found["joint_projects"].tolist() == pytest.approx([0.5, 0, np.nan], nan_ok=True)  # hours of C are not known


def test_customisation_counts_products_that_only_one_account_buys_again(rules: IntensityRules) -> None:
    """A: 30 of 100 on a product of its own, 20 on one bought once, 50 on one that all buy: .3 of a full .5."""
    days = pd.to_datetime(["2025-01-02", "2025-02-03"])
    rows = [("A", "own", days[0], 10.0), ("A", "own", days[1], 20.0), ("A", "once", days[0], 20.0)]
    rows += [(a, "all", days[0], 50.0) for a in ("A", "B", *map(str, range(18)))]
    bought = pd.DataFrame(rows, columns=["account_id", "item", "date", "revenue"])
    found = measured(rules, bought=bought)
    assert found["customisation"].tolist() == pytest.approx([0.6, 0, np.nan], nan_ok=True)
    few = bought[~bought["account_id"].isin(["17"])]
    assert measured(rules, bought=few)["customisation"].isna().all()  # 19 buyers: alone means little


@pytest.mark.parametrize(
    ("service", "stage"),
    [(0.0, "exploratory"), (0.29, "exploratory"), (0.3, "basic"), (0.75, "cooperative"), (1.65, "interdependent"), (2.7, "integrated")],
)  # fmt: skip
def test_stages_begin_at_their_band(service: float, stage: str, rules: IntensityRules) -> None:
    """With one dimension alone the index is the number of privileges over 3."""
    only = rules.model_copy(
        update={
            "dimensions": {
                d: r.model_copy(update={"weight": 3.0 if d == "service" else 1e-9}) for d, r in rules.dimensions.items()
            }
        }
    )
    assert measured(only, [service] * 3)["stage"].tolist() == [stage] * 3


def test_a_table_without_a_dimension_or_with_falling_bands_is_refused(rules: IntensityRules) -> None:
    table = rules.model_dump()
    table["dimensions"].pop(Dimension.SERVICE)
    table["stages"][Stage.BASIC] = {"value": 0.9, "evidence": "convention"}
    with pytest.raises(ValidationError) as error:
        IntensityRules.model_validate(table)
    assert str(error.value.errors()[0]["ctx"]["error"]) == (
        "dimensions: service is missing\nstages must begin at 0 and rise, from exploratory to integrated"
    )
