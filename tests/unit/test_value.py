"""What accounts are worth: three bases side by side, the whale curve, wallets with source and range."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from kamkit.analysis.pareto import rank_accounts
from kamkit.analysis.value import estimate_wallets, quantile_of_others, value_accounts
from kamkit.model.engagement import Period
from kamkit.model.results import CustomerValue

YEAR = Period(start=dt.date(2025, 1, 1), end=dt.date(2025, 12, 31))
NAN = math.nan


def accounts_of(revenue: list[float], margin: list[float] | None = None, **columns: list[object]) -> pd.DataFrame:
    ids = [f"K{i}" for i in range(1, len(revenue) + 1)]
    frame = pd.DataFrame({"account_id": ids, "name": ids, "revenue": revenue, "margin": margin or [NAN] * len(ids)})
    return frame.astype({"revenue": float, "margin": float}).assign(**columns)


def valued(accounts: pd.DataFrame, period: Period = YEAR) -> CustomerValue:
    """`value_accounts`, and its input is as it was."""
    before = accounts.copy(deep=True)
    result = value_accounts(accounts, rank_accounts(accounts), period)
    assert_frame_equal(accounts, before)
    assert isinstance(result, CustomerValue)
    return result


def test_three_bases_stand_side_by_side() -> None:
    # by revenue 500 of 1000 (A), 300 (A, reaches 80 %), 150 (B, reaches 95 %), 50 (C); by margin 60 of 100 and 20 make
    # 80 %: K3 and K4 are A, K2 with 15 is B, K1 loses 10 and has no rank; only K2 has a wallet
    accounts = accounts_of([500, 300, 150, 50], [-10, 15, 60, 25], wallet=[NAN, 900.0, NAN, NAN])
    table = valued(accounts).table.set_index("account_id")
    assert table["revenue_class"].tolist() == ["A", "A", "B", "C"]
    assert table["margin_class"].tolist() == ["loss", "B", "A", "A"]
    assert table["margin_rank"].tolist() == [pd.NA, 3, 1, 2]
    assert table["margin_share"].tolist()[1:] == [0.15, 0.6, 0.25]
    assert table["wallet_class"].isna().tolist() == [True, False, True, True]
    assert table.loc["K2", ["wallet", "share_of_wallet", "wallet_source"]].tolist() == [900.0, 300 / 900, "stated"]
    assert valued(accounts).missing == ()


def test_the_whale_curve_peaks_before_the_loss_makers() -> None:
    # 80, 40, 20, 0, −10, −30 add up to 100: 140 % is reached after three accounts, 40 % goes again
    result = valued(accounts_of([10] * 6, [20, -30, 80, 0, 40, -10]))
    assert result.whale["margin"].tolist() == [80, 40, 20, 0, -10, -30]
    assert result.whale["cumulated"].tolist() == [80, 120, 140, 140, 130, 100]
    assert result.whale["cumulated_share"].tolist() == [0.8, 1.2, 1.4, 1.4, 1.3, 1.0]
    assert (result.peak, result.erosion, result.n_at_peak, result.n_loss_makers) == (1.4, 0.4, 3, 2)
    assert (result.margin_total, result.gained, result.lost) == (100.0, 140.0, 40.0)


@pytest.mark.parametrize(("margins", "total"), [([30.0, -50.0], -20.0), ([50.0, -50.0], 0.0)])
def test_without_a_total_above_zero_shares_are_undefined_and_money_is_not(margins: list[float], total: float) -> None:
    result = valued(accounts_of([10, 20], margins))
    assert math.isnan(result.peak)
    assert math.isnan(result.erosion)
    assert result.whale["cumulated_share"].isna().all()
    assert (result.margin_total, result.gained, result.lost) == (total, margins[0], 50.0)


def test_all_lose_money() -> None:
    result = valued(accounts_of([10, 20], [-5.0, -1.0]))
    assert (result.n_at_peak, result.gained, result.lost, result.n_loss_makers) == (0, 0.0, 6.0, 2)


def test_accounts_without_a_margin_are_counted_and_no_zero() -> None:
    result = valued(accounts_of([10, 20, 30], [5.0, NAN, -1.0]))
    assert (result.n_without_margin, len(result.whale), result.n_loss_makers) == (1, 2, 1)
    assert result.table["margin_class"].isna().sum() == 1


def test_what_cannot_be_assessed_names_what_is_missing() -> None:
    result = valued(accounts_of([10, 20]))
    assert result.missing == ("transactions.margin", "customers.wallet")
    assert result.whale.empty
    assert math.isnan(result.margin_total)


def test_one_account_and_none() -> None:
    result = valued(accounts_of([10], [4.0]))
    assert (result.peak, result.erosion, result.n_at_peak) == (1.0, 0.0, 1)
    assert valued(accounts_of([])).table.empty


@pytest.mark.parametrize(
    ("said", "source", "low", "high"),
    [
        ("Angabe des Kunden", "customer", 900, 1100),
        ("Customer statement", "customer", 900, 1100),
        ("Schätzung KAM", "kam", 750, 1250),
        ("KAM estimate; customer statement", "kam", 750, 1250),
        ("Marktstudie", "stated", 750, 1250),
        (None, "stated", 750, 1250),
    ],
)
def test_a_wallet_has_a_source_and_a_range(said: str | None, source: str, low: float, high: float) -> None:
    found = estimate_wallets(accounts_of([100], wallet=[1000.0], wallet_source=[said])).iloc[0]
    assert found[["wallet", "wallet_low", "wallet_high", "wallet_source"]].tolist() == [1000, low, high, source]


def test_a_wallet_below_the_own_revenue_is_told_and_no_share() -> None:
    result = valued(accounts_of([100, 100], wallet=[80.0, 400.0]))
    assert result.n_wallet_below_revenue == 1
    assert result.table["share_of_wallet"].isna().tolist() == [True, False]


def test_a_wallet_is_per_year_whatever_the_period() -> None:
    half = Period(start=dt.date(2025, 1, 1), end=dt.date(2025, 6, 30))
    assert valued(accounts_of([100], wallet=[400.0]), half).table["share_of_wallet"].tolist() == [0.5]


def test_the_quantile_model_leaves_the_account_itself_out() -> None:
    # revenue 1 … 31: without 1 the others are 2 … 31, thirty of them: place .8 · 29 = 23.2 is 25.2, .9 · 29 = 26.1 is
    # 28.1; the middle is 26.65. Without 31 the others are 1 … 30: 24.2 and 27.1, less than its own 31: not assessable.
    # 27 has the others 1 … 26, 28 … 31: 24.2 and 26 + 1 − 1 + … place 26.1 is 28.1: at least its own 27, so 27 to 28.1.
    accounts = accounts_of(list(range(1, 32)), industry_code=["28.1"] * 31)
    found = estimate_wallets(accounts)
    assert found["wallet_source"].isna().sum() == 4
    assert found.loc[0, ["wallet_low", "wallet_high", "wallet"]].tolist() == pytest.approx([25.2, 28.1, 26.65])
    assert found.loc[26, ["wallet_low", "wallet_high"]].tolist() == pytest.approx([27, 28.1])
    assert found.loc[30, ["wallet", "wallet_low", "wallet_high"]].isna().all()


def test_the_quantile_model_needs_thirty_others_of_the_division() -> None:
    few = accounts_of(list(range(1, 31)), industry_code=["28.1"] * 30)
    assert estimate_wallets(few)["wallet"].isna().all()
    mixed = accounts_of(list(range(1, 32)), industry_code=["28.1"] * 30 + ["25"])
    assert estimate_wallets(mixed)["wallet"].isna().all()
    versions = accounts_of(list(range(1, 32)), industry_code=["28"] * 31, industry_version=["nace2"] * 30 + ["nace2.1"])
    assert estimate_wallets(versions)["wallet"].isna().all()


def test_a_named_wallet_goes_before_the_model() -> None:
    accounts = accounts_of(list(range(1, 33)), industry_code=["C28"] * 32, wallet=[50.0, *[NAN] * 31])
    found = estimate_wallets(accounts)
    assert found.loc[0, ["wallet", "wallet_source"]].tolist() == [50.0, "stated"]
    assert found.loc[1, "wallet_source"] == "model"


@pytest.mark.parametrize("q", [0.0, 0.25, 0.8, 0.9, 1.0])
def test_quantiles_of_the_others_are_those_of_the_list_without_oneself(q: float) -> None:
    values = np.array([5.0, 1.0, 9.0, 5.0, 7.0, 2.0, 9.0])
    expected = [np.quantile(np.delete(values, i), q) for i in range(len(values))]
    assert quantile_of_others(values, q) == pytest.approx(expected, abs=1e-12)
