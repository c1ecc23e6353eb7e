"""Gini, Lorenz, CR-n, HHI and the top fifth against figures done by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal

from kamkit.analysis.concentration import gini, measure_concentration
from kamkit.model.results import Concentration

FIGURES = ("gini", "hhi", "n_effective", "cr1", "cr3", "cr5", "cr10", "top20_share")


def measured(values: list[float]) -> Concentration:
    series = pd.Series(values, dtype=float)
    before = series.copy(deep=True)
    found = measure_concentration(series)
    assert_series_equal(series, before)
    return found


@pytest.mark.parametrize(
    ("case", "values", "expected"),
    [
        ("one_account", [7], (0, 1, 1, 1, 1, 1, 1, 1)),
        ("all_equal", [5] * 4, (0, 0.25, 4, 0.25, 0.75, 1, 1, 0.25)),
        # (2·1−3−1)·10 + (4−4)·30 + (6−4)·60 = −20 + 0 + 120 = 100, over 3·100
        ("three", [30, 60, 10], (1 / 3, 0.46, 1 / 0.46, 0.6, 1, 1, 1, 0.6)),
        # zero, negative and missing amounts are no part of it
        ("credit_note", [30, -5, 60, 0, 10, math.nan], (1 / 3, 0.46, 1 / 0.46, 0.6, 1, 1, 1, 0.6)),
        ("dominant", [997, 1, 1, 1], (0.747, 0.994012, 1 / 0.994012, 0.997, 0.999, 1, 1, 0.997)),
    ],
)
def test_by_hand(case: str, values: list[float], expected: tuple[float, ...]) -> None:
    found = measured(values)
    assert tuple(getattr(found, name) for name in FIGURES) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("values", [[], [0, 0], [-3, 0], [math.nan]])
def test_without_an_amount_above_zero_nothing_is_known(values: list[float]) -> None:
    found = measured(values)
    assert all(math.isnan(getattr(found, name)) for name in FIGURES)
    assert found.lorenz.to_dict("list") == {"account_share": [0.0], "cumulative_share": [0.0]}


def test_the_lorenz_curve_runs_from_the_smallest_account_up() -> None:
    expected = pd.DataFrame({"account_share": [0, 1 / 3, 2 / 3, 1], "cumulative_share": [0, 0.1, 0.4, 1.0]})
    assert_frame_equal(measured([30, 60, 10]).lorenz, expected)


def test_the_top_fifth_is_rounded_up_in_whole_numbers() -> None:
    assert measured([1] * 35).top20_share == pytest.approx(7 / 35)  # 0.2 * 35 is 7.000000000000001 as a float
    assert measured([1] * 36).top20_share == pytest.approx(8 / 36)


def test_gini_is_never_below_zero() -> None:
    assert gini(pd.Series([0.1] * 7)) == 0.0
