"""BG/NBD against the published CDNOW estimates, and by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kamkit.analysis.bgnbd import BgNbd, fit_bgnbd, repeat_orders


def test_cdnow_gives_the_published_estimates(real_data: Path) -> None:
    cdnow = pd.read_csv(real_data / "cdnow" / "cdnow_customers_summary.csv")
    model = fit_bgnbd(cdnow["frequency"].to_numpy(), cdnow["recency"].to_numpy(), cdnow["T"].to_numpy())
    assert model is not None
    assert [round(value, 4) for value in (model.r, model.alpha, model.a, model.b)] == [0.2426, 4.4135, 0.7929, 2.4258]
    assert model.log_likelihood == pytest.approx(-9582.43, abs=0.01)
    alive = model.alive(np.array([2.0]), np.array([30.43]), np.array([38.86]))
    assert alive[0] == pytest.approx(0.7266, abs=5e-5)


def test_the_unit_of_time_changes_nothing_but_alpha() -> None:
    rng = np.random.default_rng(1)
    age = np.full(300, 52.0)
    rate = rng.gamma(2.0, 0.1, 300)
    x = rng.poisson(rate * age).astype(float)
    t_x = np.where(x > 0, age * rng.random(300) ** (1 / np.maximum(x, 1)), 0.0)
    weeks, days = fit_bgnbd(x, t_x, age), fit_bgnbd(x, t_x * 7, age * 7)
    assert weeks is not None
    assert days is not None
    assert days.alpha == pytest.approx(7 * weeks.alpha, rel=1e-3)
    assert days.silent(x, t_x * 7, age * 7, 91.0) == pytest.approx(weeks.silent(x, t_x, age, 13.0), abs=1e-4)


def test_silence_is_leaving_or_pausing() -> None:
    model = BgNbd(r=1.0, alpha=4.0, a=1.0, b=3.0, log_likelihood=0.0)
    x, t_x, age = np.array([0.0, 1.0]), np.array([0.0, 4.0]), np.array([4.0, 4.0])
    # one-time: alive by construction, pause (8/12)^1 = 2/3; one repeat order today: alive 1/(1 + 1/3) = 3/4,
    # pause (8/12)^2 = 4/9, silent 1 − 3/4 · 5/9 = 7/12
    assert model.alive(x, t_x, age) == pytest.approx([1.0, 0.75])
    assert model.silent(x, t_x, age, 4.0) == pytest.approx([2 / 3, 7 / 12])


def test_where_nobody_leaves_there_is_a_model_all_the_same() -> None:
    """The chance to leave runs into its bound, and the search stops without better points: at the top, not astray."""
    for seed in range(40):
        rng = np.random.default_rng(seed)
        age, rate = rng.uniform(8, 26, 400), rng.gamma(0.8, 0.25, 400)
        x = rng.poisson(rate * age).astype(float)
        t_x = np.where(x > 0, age * rng.random(400) ** (1 / np.maximum(x, 1)), 0.0)
        model = fit_bgnbd(x, t_x, age)
        assert model is not None, seed
        assert model.r / model.alpha == pytest.approx(x.sum() / age.sum(), rel=0.1)
        assert np.median(model.alive(x, t_x, age)) > 0.9


def test_too_few_accounts_that_came_back_give_no_model() -> None:
    x = np.array([0.0] * 50 + [1.0] * 9)
    assert fit_bgnbd(x, x, np.full(59, 10.0)) is None


def test_repeat_orders_count_days_up_to_the_cut_off() -> None:
    orders = pd.DataFrame(
        {
            "account_id": ["a", "a", "a", "a", "b", "c"],
            "date": pd.to_datetime(
                ["2025-01-01", "2025-01-01", "2025-01-15", "2025-02-12", "2025-01-29", "2025-03-01"]
            ),
        }
    )
    expected = pd.DataFrame(
        {"x": [2.0, 0.0], "t_x": [6.0, 0.0], "age": [8.0, 4.0]}, index=pd.Index(["a", "b"], name="account_id")
    )
    counted = repeat_orders(orders, pd.Timestamp("2025-02-26"))
    pd.testing.assert_frame_equal(counted, expected, check_index_type=False)
