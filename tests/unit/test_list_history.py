"""How the list changes from year to year, beside what chance alone would do."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from kamkit.analysis.list_history import compare_years, rank_biased_overlap
from kamkit.analysis.pareto import rank_accounts
from kamkit.model.codes import Basis, Grain
from kamkit.model.engagement import Period
from kamkit.model.results import AccountFacts, ListHistory


@pytest.fixture
def history(facts_from: Callable[..., AccountFacts]) -> Callable[..., ListHistory]:
    """Compares years of which the yearly amounts of each account are given, in equal months, the last year 2025."""

    def compared(
        yearly: dict[str, list[float]], basis: Basis = Basis.REVENUE, draws: int = 200, **changes: object
    ) -> ListHistory:
        n = len(next(iter(yearly.values())))
        orders = [
            (name, f"{2026 - n + i}-{month:02d}-10", amount / 12, "Pumpen")
            for name, amounts in yearly.items()
            for i, amount in enumerate(amounts)
            for month in range(1, 13)
            if amount
        ]
        facts = facts_from(orders, start=f"{2026 - n}-01-01")
        facts = replace(facts, **changes)  # type: ignore[arg-type]
        ranked = rank_accounts(facts.accounts[facts.accounts["in_period"].astype(bool)])
        return compare_years(facts, replace(ranked, basis=basis), seed=1, draws=draws)

    return compared


YEARS = {"K1": [6000, 6000], "K2": [2400, 1200], "K3": [1200, 3600], "K4": [600, 600], "K5": [600, 0], "K6": [0, 600]}
"""2024: 10,800, of which 8,640 are needed: K1, K2, K3 (8,400 are not enough). 2025: 12,000, 9,600: K1, K3 exactly."""


def test_who_came_and_who_went(history: Callable[..., ListHistory]) -> None:
    found = history(YEARS)
    assert found.before == Period(start=dt.date(2024, 1, 1), end=dt.date(2024, 12, 31))
    assert (found.n_before, found.n_now, found.n_both, found.overlap) == (3, 2, 2, 2 / 3)
    assert found.changes.to_dict("records") == [
        {"account_id": "K2", "name": "Kunde K2", "change": "left", "before": 2400.0, "now": 1200.0}
    ]
    # K2 has half of what it had; K1 and K3 have no less
    assert found.n_fallen == 1


def test_transitions_count_every_account_once(history: Callable[..., ListHistory]) -> None:
    # 2024: A K1 K2 K3 (9,600), B up to 10,260: K4 and, since 10,200 is not enough, K5. 2025: A K1 K3, B up to 11,400:
    # K2 (10,800) and K4 (11,400 exactly), C K6
    found = history(YEARS).transitions
    assert found.set_index("class_before").to_dict("index") == {
        "A": {"A": 2, "B": 1, "C": 0, "none": 0},
        "B": {"A": 0, "B": 1, "C": 0, "none": 1},
        "C": {"A": 0, "B": 0, "C": 0, "none": 0},
        "none": {"A": 0, "B": 0, "C": 1, "none": 0},
    }


def test_kendalls_tau_by_hand(history: Callable[..., ListHistory]) -> None:
    # 4 accounts, 3 2 1 1 and 3 1 2 1: of six pairs 1–2, 1–3, 1–4 agree, 2–3 disagrees, 2–4 and 3–4 are tied in one of the
    # years: τ-b = (3 − 1) / √(5 · 5) = .4
    found = history({"K1": [3600, 3600], "K2": [2400, 1200], "K3": [1200, 2400], "K4": [1200, 1200]})
    assert found.kendall == pytest.approx(0.4)


def test_rank_biased_overlap_by_hand() -> None:
    # equal lists agree at every depth; a b c and b a c share 0, 2, 3: (1 − p)/p · (2/2 · p² + 3/3 · p³) + p³ with p = .9
    # is .171 + .729
    assert rank_biased_overlap(list("abc"), list("abc")) == pytest.approx(1)
    assert rank_biased_overlap(list("abc"), list("bac")) == pytest.approx(0.1 / 0.9 * (0.81 + 0.729) + 0.729)
    assert rank_biased_overlap(list("ab"), list("cd")) == 0
    # a and a b: shared 1, 1. s = 1, l = 2: sum p + p²/2, beyond the end of the short list 1 · (2 − 1)/(1 · 2) · p²,
    # and ((1 − 1)/2 + 1/1) · p²: .1/.9 · (.9 + .405 + .405) + .81 = 1: nothing speaks against it
    assert rank_biased_overlap(["a"], ["a", "b"]) == pytest.approx(1)
    assert rank_biased_overlap(list("ab"), ["a"]) == rank_biased_overlap(["a"], list("ab"))
    assert math.isnan(rank_biased_overlap([], ["a"]))


def test_if_nothing_has_changed_chance_changes_nothing(history: Callable[..., ListHistory]) -> None:
    found = history({f"K{i}": [1200.0 * i, 1200.0 * i] for i in range(1, 9)})
    assert (found.overlap, found.chance_low, found.chance_high, found.within_chance) == (1, 1, 1, True)
    assert (found.n_fallen, found.fallen_low, found.fallen_high) == (0, 0, 0)
    assert (found.kendall, found.rank_biased_overlap) == pytest.approx((1, 1))


def test_a_change_of_the_whole_list_is_beyond_chance(history: Callable[..., ListHistory]) -> None:
    # two halves change places: what was large is small. Swapping single months leaves everybody about equal, and of
    # accounts that are about equal most are in both sets
    old = {f"K{i:02d}": [12_000.0 + 12 * i, 120.0 + 12 * i] for i in range(10)}
    new = {f"L{i:02d}": [120.0 + 12 * i, 12_000.0 + 12 * i] for i in range(10)}
    found = history(old | new)
    assert found.overlap == 0
    assert found.chance_low > 0.3
    assert found.within_chance is False
    assert found.fallen_high is not None
    assert found.n_fallen == found.n_before > found.fallen_high


def test_chance_is_the_same_for_any_names_and_unit(history: Callable[..., ListHistory]) -> None:
    rng = np.random.default_rng(3)
    amounts = [[round(x, 2) * 12 for x in rng.lognormal(5, 1, 2)] for _ in range(15)]
    bands = []
    for prefix, step, unit in (("K", 1, 1), ("Z", -1, 1), ("K", 1, 100)):
        found = history({f"{prefix}{20 + step * i}": [x * unit for x in row] for i, row in enumerate(amounts)})
        bands.append((found.overlap, found.chance_low, found.chance_high, found.fallen_low, found.fallen_high))
    assert bands[0] == bands[1] == bands[2]
    assert bands[0][1] < bands[0][2]


def test_hysteresis_keeps_for_a_second_year(history: Callable[..., ListHistory]) -> None:
    # K2 is in the set of 2023 only (700 + 200 of 1,000). In 2024 and 2025 K1 alone reaches 80 %, and with 85 % K3 comes
    # before K2: out for two years running in 2025, but kept in 2024. K4 is in the set of 2024 in the second example.
    two_years_out = {"K1": [7200, 9840, 9840], "K2": [2160, 600, 600], "K3": [1440, 1560, 1560]}
    assert history(two_years_out).kept.empty
    one_year_out = {"K1": [7200, 7200, 9840], "K2": [2160, 2160, 600], "K3": [1440, 1440, 1560]}
    found = history(one_year_out)
    assert found.kept["account_id"].tolist() == ["K2"]
    assert found.n_years == 3
    near = {"K1": [7200, 9840, 9840], "K2": [2160, 1560, 1560], "K3": [1440, 600, 600]}
    assert history(near).kept["account_id"].tolist() == ["K2"]


def test_years_alone_are_compared_and_nothing_is_said_of_chance(history: Callable[..., ListHistory]) -> None:
    found = history(YEARS, grain=Grain.YEAR)
    assert (found.reason, found.overlap, found.within_chance) == (None, 2 / 3, None)
    assert math.isnan(found.chance_low)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"blocked": {"year_on_year": "gap"}}, "year_on_year"),
        ({"basis": Basis.POTENTIAL}, "basis"),
        ({"basis": Basis.MARGIN}, "basis"),
        ({"history_start": dt.date(2024, 1, 2)}, "short_history"),
        ({"period": Period(start=dt.date(2025, 1, 1), end=dt.date(2025, 6, 30))}, "not_whole_years"),
        ({"period": Period(start=dt.date(2025, 1, 2), end=dt.date(2025, 12, 31))}, "not_whole_years"),
    ],
)
def test_what_cannot_be_compared_is_not(
    history: Callable[..., ListHistory], changes: dict[str, object], reason: str
) -> None:
    found = history(YEARS, **changes)
    assert (found.reason, found.before, found.changes.empty) == (reason, None, True)


def test_where_the_data_only_describe_nothing_is_said_of_chance(history: Callable[..., ListHistory]) -> None:
    found = history(YEARS, blocked={"statistics": "small_sample"})
    assert found.overlap == 2 / 3
    assert found.within_chance is None
    assert math.isnan(found.chance_low)
    assert found.fallen_high is None


def test_the_pool_of_collective_accounts_is_no_account(
    history: Callable[..., ListHistory], facts_from: Callable[..., AccountFacts]
) -> None:
    orders = [
        (name, f"{year}-05-01", amount, "x")
        for name, amount in (("K1", 10.0), ("Diverse", 90.0))
        for year in (2024, 2025)
    ]
    facts = facts_from(orders, start="2024-01-01")
    facts = replace(facts, accounts=facts.accounts.assign(in_period=facts.accounts["account_id"] != "Diverse"))
    found = compare_years(facts, rank_accounts(facts.accounts[facts.accounts["in_period"]]), seed=1, draws=10)
    assert (found.n_before, found.n_now, found.transitions["A"].sum()) == (1, 1, 1)
    assert isinstance(found.changes, pd.DataFrame)
