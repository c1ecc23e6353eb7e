"""Whether a lead is told from chance: waves that run ahead, series that move together, steps, and pure noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from kamkit.analysis.options.early_warning import direction_trials
from kamkit.analysis.options.history import history_until
from kamkit.analysis.options.lead_lag import Floats, find_leads, not_by_chance, yearly_changes
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts

RULES = load_option_rules()
MONTHS = 36


def waves(seed: int, n: int = 16, lead: int = 3, months: int = MONTHS) -> Floats:
    """Accounts that share a wave, the first one `lead` months ahead of the others."""
    rng = np.random.default_rng(seed)
    wave = np.convolve(rng.normal(size=months + 10), np.ones(4) / 2, "valid")
    shifted = np.stack([wave[lead if i == 0 else 0 :][:months] for i in range(n)])
    return 100 * np.exp(0.35 * shifted + 0.05 * rng.normal(size=shifted.shape))


def looked_at(amounts: Floats) -> pd.DataFrame:
    return find_leads(amounts, amounts.sum(axis=0) - amounts, pd.Index(range(len(amounts))), RULES.antenna)


def leading(amounts: Floats) -> list[int]:
    found = looked_at(amounts)
    return [int(i) for i in found.index[found["leads"]]]


def test_a_change_is_that_of_three_months_against_the_same_of_last_year() -> None:
    amounts = np.array([*[10.0] * 12, *[20.0] * 4])
    assert yearly_changes(amounts).tolist() == pytest.approx([np.log(2)] * 2)


def test_the_account_that_runs_ahead_is_found_whatever_the_unit() -> None:
    amounts = waves(21)
    assert leading(amounts) == leading(amounts * 1000) == [0]


def test_those_that_move_together_do_not_lead() -> None:
    assert [leading(waves(seed, lead=0)) for seed in range(5)] == [[]] * 5


def test_a_step_is_no_wave() -> None:
    """The first account's contract ends three months before the others' do: one event, however well it correlates."""
    month = np.arange(MONTHS)
    amounts = np.stack([np.where(month >= (20 if i == 0 else 23), 60.0, 100.0 + i) for i in range(8)])
    assert looked_at(amounts).empty


def test_what_hardly_varies_or_hangs_on_one_order_is_not_tested() -> None:
    amounts = waves(21, lead=0)
    amounts[0] = 100.0
    amounts[1] = 100 * np.exp(0.01 * np.random.default_rng(1).normal(size=MONTHS))
    amounts[2] = np.where(np.arange(MONTHS) == 20, 500.0, amounts[1])
    amounts[3, 5:8] = 0.0
    assert looked_at(amounts).index.tolist() == list(range(5, 16))  # the fifth makes a step by chance


def test_false_discoveries_are_held() -> None:
    assert not_by_chance(np.array([0.2, 0.01, 0.04, 0.03]), 0.05).tolist() == [False, True, False, False]
    assert not_by_chance(np.array([0.2, 0.01, 0.02, 0.03]), 0.05).tolist() == [False, True, True, True]


def noise(rng: np.random.Generator, n: int) -> Floats:
    return 1000 * np.exp(0.4 * rng.normal(size=(n, MONTHS)))


def season(rng: np.random.Generator, n: int) -> Floats:
    return noise(rng, n) * (1 + 0.5 * np.sin(2 * np.pi * np.arange(MONTHS) / 12))


@pytest.mark.slow
@pytest.mark.parametrize("portfolio", [noise, season])
def test_chance_alone_finds_a_leader_in_at_most_one_run_of_twenty(
    portfolio: Callable[[np.random.Generator, int], Floats],
) -> None:
    found = [bool(leading(portfolio(np.random.default_rng([0, run]), 25))) for run in range(200)]
    assert sum(found) / len(found) <= 0.05


def orders_of(amounts: Floats, first: str) -> list[tuple[str, str, float, str]]:
    months = pd.period_range(first, periods=amounts.shape[1], freq="M")
    return [
        (f"A{i:02d}", month.start_time.date().isoformat(), float(amount), "x")
        for i, row in enumerate(amounts)
        for month, amount in zip(months, row, strict=True)
    ]


def test_antennas_are_chosen_and_judged_without_looking_ahead(facts_from: Callable[..., AccountFacts]) -> None:
    amounts = waves(27, months=60)
    facts = facts_from(orders_of(amounts, "2021-01"), start="2021-01-01")
    history = history_until(facts)
    ids = pd.Index(facts.accounts["account_id"])
    trials = direction_trials(history, RULES, ids)
    assert set(trials["account_id"]) == {"A00"}
    assert set(trials["task"]) == {"direction"}
    assert set(trials["population"]) == {"antenna_candidates"}
    assert trials["cut_off"].max() <= pd.Timestamp("2025-06-30")
    earlier = direction_trials(history.until(pd.Timestamp("2025-09-30")), RULES, ids)
    both = earlier.merge(trials, on=["cut_off", "account_id"], suffixes=("", "_all"))
    assert len(both) == len(earlier) > 0
    for column in ("score", "event", "baseline_persistence", "baseline_seasonal"):
        assert both[column].tolist() == both[f"{column}_all"].tolist()


def test_the_baseline_of_a_direction_is_last_years_season(facts_from: Callable[..., AccountFacts]) -> None:
    amounts = waves(27, months=60)
    facts = facts_from(orders_of(amounts, "2021-01"), start="2021-01-01")
    trials = direction_trials(history_until(facts), RULES, pd.Index(facts.accounts["account_id"]))
    row = trials.iloc[-1]
    assert row["cut_off"] == pd.Timestamp("2025-03-31")
    rest = amounts[1:].sum(axis=0)
    now, last_year = (
        rest[48:51].sum(),
        rest[39:42].sum(),
    )  # to March 2025; April to June 2024, as the wave is three months ahead
    assert row["baseline_seasonal"] == pytest.approx(np.log(last_year / now))
    assert row["event"] == (rest[51:54].sum() > now)


def test_three_years_are_no_test_of_directions(facts_from: Callable[..., AccountFacts]) -> None:
    facts = facts_from(orders_of(waves(27), "2023-01"))
    trials = direction_trials(history_until(facts), RULES, pd.Index(facts.accounts["account_id"]))
    assert trials.empty
    assert trials["event"].dtype == bool
