"""Account figures and indices beside one pandas group-by-sum over the same frame, the bootstrap in draws per second, and how
each step grows up to 200,000 accounts.

A step is everything that step 2 computes of a kind, without random draws; the yardstick is the revenue per account over all
months. A step that grows as n log n has 1 in brackets, a linear one less; what grows faster has more at each further size.
"""

from __future__ import annotations

import datetime as dt
import math
import os
from typing import Any

import numpy as np

from benchmarks.measure import Clock, Measurement, measure

MONTHS = 36
ACCOUNTS = 20_000
SIZES = (2_000, 20_000, 200_000)
BOOTSTRAP = (5_000, 36, 1_000)
"""Accounts, months in the period, draws."""
RUNS = 5


def generate(n: int, months_in_period: int = 12) -> Any:
    """The facts of n accounts with 36 months of revenue and margin in cents, some months empty, a few losing money."""
    import pandas as pd

    from kamkit.model.codes import Grain, Level
    from kamkit.model.engagement import Period
    from kamkit.model.results import AccountFacts

    rng = np.random.default_rng(20260101)
    end = dt.date(2025, 12, 31)
    firsts = pd.date_range("2023-01-01", periods=MONTHS, freq="MS")
    size = rng.lognormal(7, 1.5, n)[:, None] * rng.lognormal(0, 0.6, (n, MONTHS)) * (rng.random((n, MONTHS)) < 0.8)
    revenue = np.round(size, 2)
    margin = np.round(revenue * rng.normal(0.25, 0.12, n)[:, None], 2)
    ids = pd.array([f"{i:07d}" for i in rng.permutation(n)], dtype="string")
    booked = revenue.ravel() > 0
    months = pd.DataFrame(
        {
            "account_id": ids.repeat(MONTHS)[booked],
            "month": np.tile(firsts.to_numpy(), n)[booked],
            "revenue": revenue.ravel()[booked],
            "margin": margin.ravel()[booked],
        }
    )
    accounts = pd.DataFrame(
        {
            "account_id": ids,
            "name": ids,
            "in_period": True,
            "revenue": revenue[:, -months_in_period:].sum(axis=1),
            "margin": margin[:, -months_in_period:].sum(axis=1),
            "wallet": np.nan,
            "industry_code": pd.array(rng.integers(10, 97, n).astype(str), dtype="string"),
        }
    )
    empty = pd.DataFrame()
    start = firsts[-months_in_period].date()
    return AccountFacts(
        period=Period(start=start, end=end),
        history_start=firsts[0].date(),
        grain=Grain.MONTH,
        level=Level.GROUP,
        item_kind=None,
        accounts=accounts,
        months=months,
        tables={},
        **dict.fromkeys(("orders", "purchases", "product_purchases", "items", "members"), empty),
    )


def account_figures(n: int) -> Clock:
    """Every step once, after a first call on few accounts has loaded what is loaded once."""
    from kamkit.analysis.concentration import measure_concentration
    from kamkit.analysis.exposure import measure_exposure
    from kamkit.analysis.list_history import compare_years
    from kamkit.analysis.pareto import rank_accounts
    from kamkit.analysis.value import value_accounts

    def steps(facts: Any, clock: Clock) -> None:
        with clock.phase("group-by-sum"):
            facts.months.groupby("account_id")["revenue"].sum()
        with clock.phase("ranking, ABC twice"):
            ranking = rank_accounts(facts.accounts)
        with clock.phase("Gini, HHI, CR"):
            measure_concentration(ranking.table["value"].head(ranking.n_positive))
        with clock.phase("three bases, whale"):
            value_accounts(facts.accounts, ranking, facts.period)
        with clock.phase("exposure"):
            measure_exposure(facts)
        with clock.phase("list history"):
            compare_years(facts, ranking, seed=1, draws=0)

    steps(generate(100), Clock())
    clock = Clock()
    steps(generate(n), clock)
    return clock


def bootstrap() -> Clock:
    """Membership of 5,000 accounts, their data generated before."""
    from kamkit.analysis.stability import membership_probability

    accounts, months, draws = BOOTSTRAP
    facts = generate(accounts, months)
    clock = Clock()
    with clock.phase("draws"):
        ids = facts.accounts["account_id"]
        membership_probability(facts.months, "revenue", ids, facts.period, 0.8, seed=1, draws=draws)
    return clock


def year_by_chance() -> Clock:
    """The list against the year before with its band of chance."""
    from kamkit.analysis.list_history import compare_years
    from kamkit.analysis.pareto import rank_accounts

    facts = generate(BOOTSTRAP[0])
    ranking = rank_accounts(facts.accounts)
    clock = Clock()
    with clock.phase("draws"):
        compare_years(facts, ranking, seed=1, draws=BOOTSTRAP[2])
    return clock


def main() -> str:
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    measured = {n: measure(account_figures, n, runs=RUNS) for n in SIZES}
    accounts, months, draws = BOOTSTRAP
    lines = [*_figures(measured[ACCOUNTS]), "", *_growth(measured), ""]
    for name, work in (("membership", bootstrap), ("list against chance", year_by_chance)):
        found = measure(work, runs=RUNS)
        seconds = found.phases["draws"][0]
        lines.append(
            f"{name}: {accounts:,} accounts × {months if work is bootstrap else 24} months, {draws:,} draws in "
            f"{seconds:.2f} s = {draws / seconds:,.0f} draws per second, peak {found.peak_mib:.0f} MiB (medians of {RUNS})"
        )
    return "\n".join(lines)


def _figures(found: Measurement) -> list[str]:
    yardstick = found.phases["group-by-sum"]
    steps = {name: times for name, times in found.phases.items() if name != "group-by-sum"}
    rows = {**found.phases, "all steps": tuple(sum(times[i] for times in steps.values()) for i in (0, 1))}
    lines = [f"account figures: {ACCOUNTS:,} accounts × {MONTHS} months, medians of {RUNS}; no random draws"]
    lines.append(f"{'':24}{'wall ms':>10}{'CPU ms':>10}{'÷ sum, wall':>14}{'÷ sum, CPU':>14}")
    for name, times in rows.items():
        wall, cpu = (1000 * seconds for seconds in times)
        ratios = (seconds / base for seconds, base in zip(times, yardstick, strict=True))
        lines.append(f"{name:24}{wall:10.1f}{cpu:10.1f}" + "".join(f"{ratio:14.2f}" for ratio in ratios))
    return lines


def _growth(measured: dict[int, Measurement]) -> list[str]:
    lines = ["growth: CPU ms per step, and in brackets the ratio to the size before it over that of n log n"]
    lines.append(f"{'accounts':24}" + "".join(f"{n:>16,}" for n in SIZES))
    for name in measured[ACCOUNTS].phases:
        seconds = [measured[n].phases[name][1] for n in SIZES]
        cells = [f"{1000 * seconds[0]:16.1f}"]
        for before, after, small, large in zip(seconds, seconds[1:], SIZES, SIZES[1:], strict=False):
            expected = large * math.log(large) / (small * math.log(small))
            cells.append(f"{1000 * after:9.1f} ({after / before / expected:4.2f})")
        lines.append(f"{name:24}" + "".join(cells))
    return lines
