"""How surely an account is among the key accounts: bootstrap over months."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from kamkit.analysis import resampling
from kamkit.analysis.resampling import in_the_set
from kamkit.analysis.stability import certainty, membership_probability
from kamkit.model.engagement import Period

YEAR = Period(start=dt.date(2025, 1, 1), end=dt.date(2025, 12, 31))


def months_of(amounts: dict[str, list[float]], first: str = "2025-01-01") -> pd.DataFrame:
    """A row per account and month from `first` on."""
    rows = [
        {"account_id": account, "month": month, "revenue": value}
        for account, values in amounts.items()
        for month, value in zip(pd.date_range(first, periods=len(values), freq="MS"), values, strict=True)
    ]
    return pd.DataFrame(rows, columns=["account_id", "month", "revenue"])


def probabilities(
    months: pd.DataFrame,
    ids: list[str],
    period: Period = YEAR,
    threshold: float = 0.8,
    seed: int = 1,
    draws: int = 1000,
) -> dict[str, float]:
    before = months.copy(deep=True)
    result = membership_probability(months, "revenue", pd.Series(ids), period, threshold, seed, draws)
    assert_frame_equal(months, before)
    assert result.columns.tolist() == ["account_id", "membership_probability"]
    assert result["account_id"].tolist() == ids
    return dict(zip(result["account_id"], result["membership_probability"], strict=True))


def test_a_steady_dominant_account_is_always_in_and_a_steady_small_one_never() -> None:
    months = months_of({"K1": [100.0] * 12, "K2": [5.0] * 12, "K3": [4.0] * 12})
    assert probabilities(months, ["K1", "K2", "K3"]) == {"K1": 1.0, "K2": 0.0, "K3": 0.0}


def test_one_account_is_always_in() -> None:
    assert probabilities(months_of({"K1": [1.0, 2.0, 3.0]}), ["K1"]) == {"K1": 1.0}


def test_equal_accounts_are_equally_likely_whoever_the_ranking_places_first() -> None:
    # two of four make half: which two is a matter of their ids in the list, and of nothing in a draw
    months = months_of({name: [10.0] * 4 for name in ("D", "C", "B", "A")})
    assert probabilities(months, list("ABCD"), threshold=0.5) == dict.fromkeys("ABCD", 0.5)


def test_an_account_with_one_big_month_in_three_is_as_sure_as_the_chance_to_draw_it() -> None:
    # K1 has 10 each month: 30. K2 earns 100 in one of three months: in a draw of three it appears with
    # 1 − (2/3)³ = 0.704, and then it alone is at least 100/130 = 77 % and the whole set under a threshold of 75 %.
    months = months_of({"K1": [10.0] * 3, "K2": [0.0, 100.0, 0.0]})
    found = probabilities(months, ["K2", "K1"], threshold=0.75, draws=20_000)
    assert abs(found["K2"] - (1 - (2 / 3) ** 3)) < 0.015
    assert abs(found["K1"] - (2 / 3) ** 3) < 0.015


def test_a_credit_note_account_is_never_in_and_does_not_stop_the_others() -> None:
    months = months_of({"K1": [10.0] * 6, "K2": [-50.0] * 6})
    assert probabilities(months, ["K1", "K2"]) == {"K1": 1.0, "K2": 0.0}


def test_all_zero() -> None:
    assert probabilities(months_of({"K1": [0.0] * 6}), ["K1"]) == {"K1": 0.0}


def test_history_does_not_count() -> None:
    before = months_of({"K2": [1000.0] * 12}, first="2024-01-01")
    months = pd.concat([before, months_of({"K1": [10.0] * 12, "K2": [1.0] * 12})], ignore_index=True)
    assert probabilities(months, ["K1", "K2"]) == {"K1": 1.0, "K2": 0.0}


def test_a_month_without_a_booking_counts_zero() -> None:
    # K1 has one month of twelve and the draws miss it now and then; K2 fills the year
    months = pd.concat([months_of({"K2": [1.0] * 12}), months_of({"K1": [500.0]})], ignore_index=True)
    found = probabilities(months, ["K1", "K2"], draws=20_000)
    assert abs(found["K1"] - (1 - (11 / 12) ** 12)) < 0.015


def test_fewer_than_three_months_say_nothing() -> None:
    for months in (months_of({"K1": [10.0, 10.0]}), months_of({})):
        assert np.isnan(probabilities(months, ["K1"])["K1"])


def test_the_same_seed_gives_the_same_answer_whatever_the_order_of_rows_and_ids() -> None:
    rng = np.random.default_rng(7)
    months = months_of({f"K{i}": list(rng.lognormal(3, 1.2, 12)) for i in range(20)})
    ids = [f"K{i}" for i in range(20)]
    first = probabilities(months, ids, seed=3)
    assert first == probabilities(months.sample(frac=1, random_state=1), ids, seed=3)
    assert first == probabilities(months, ids[::-1], seed=3)
    assert first != probabilities(months, ids, seed=4)
    assert any(0.05 <= p < 0.95 for p in first.values())


def test_an_account_without_revenue_changes_no_other() -> None:
    rng = np.random.default_rng(7)
    months = months_of({f"K{i}": list(rng.lognormal(3, 1.2, 12)) for i in range(8)})
    with_zero = pd.concat([months, months_of({"A0": [0.0] * 12})], ignore_index=True)
    ids = [f"K{i}" for i in range(8)]
    assert probabilities(with_zero, ["A0", *ids]) == {"A0": 0.0} | probabilities(months, ids)


def test_draws_taken_in_pieces_are_as_likely(monkeypatch: pytest.MonkeyPatch) -> None:
    months = months_of({"K1": [3.0, 1.0, 2.0], "K2": [1.0, 3.0, 1.0]})
    whole = probabilities(months, ["K1", "K2"], threshold=0.5, draws=4000)
    monkeypatch.setattr(resampling, "CELLS_AT_ONCE", 2 * 700)
    monkeypatch.setattr(resampling, "PICKS_AT_ONCE", 1)
    in_pieces = probabilities(months, ["K1", "K2"], threshold=0.5, draws=4000)
    assert in_pieces != whole
    assert all(abs(in_pieces[i] - whole[i]) < 0.03 for i in whole)


def test_names_the_unit_of_the_currency_and_the_order_of_months_change_nothing() -> None:
    rng = np.random.default_rng(7)
    amounts = {f"K{i}": [round(x, 2) for x in rng.lognormal(3, 1.2, 12)] for i in range(12)}
    first = list(probabilities(months_of(amounts), list(amounts)).values())
    renamed = {f"X{99 - i}": values for i, values in enumerate(amounts.values())}
    assert list(probabilities(months_of(renamed), list(renamed)).values()) == first
    for unit in (100, 0.001):
        other = {name: [x * unit for x in values] for name, values in amounts.items()}
        assert list(probabilities(months_of(other), list(other)).values()) == first
    turned = {name: values[::-1] for name, values in amounts.items()}
    assert list(probabilities(months_of(turned), list(turned)).values()) == first


def test_a_tie_within_a_draw_takes_as_many_as_there_are_places() -> None:
    # 6 + 2 + 2 + 2 = 12: half of it is one account, three quarters (9) need two of the three equal ones as well
    totals = np.array([[6, 2, 2, 2], [2, 2, 6, 2]])
    found = in_the_set(totals, Fraction(3, 4))
    assert found.tolist() == [[True, True, True, False], [True, True, True, False]]
    assert in_the_set(totals, Fraction(1, 2)).tolist() == [[True, False, False, False], [False, False, True, False]]
    assert not in_the_set(np.array([[0, -3]]), Fraction(1, 2)).any()


@pytest.mark.parametrize(
    ("probability", "expected"),
    [(0.95, "clear"), (0.949, "borderline"), (0.05, "borderline"), (0.049, "outside"), (np.nan, None)],
)
def test_how_certain_a_share_of_draws_is(probability: float, expected: str | None) -> None:
    assert certainty(probability) == expected
