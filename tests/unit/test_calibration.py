"""Probabilities only where the past bears them out: curves with known answers, and every reason to say nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kamkit.analysis.options.calibration import RELIABILITY, calibrate

DAYS = tuple(pd.Timestamp(day) for day in ("2025-03-31", "2025-06-30", "2025-09-30"))
SCORES = pd.Series({f"A{i:03d}": (i + 0.5) / 200 for i in range(200)})


def trials(
    chance: dict[pd.Timestamp, float], slope: float = 1.0, seed: int = 4, task: str = "risk_stop"
) -> pd.DataFrame:
    """200 accounts a day: an event with the odds of the score (to the power of `slope`) around a chance of the middle one."""
    rng = np.random.default_rng(seed)
    frames = []
    for day, middle in chance.items():
        odds = (SCORES / (1 - SCORES)) ** slope * middle / (1 - middle)
        frames.append(
            pd.DataFrame(
                {
                    "task": task,
                    "cut_off": day,
                    "population": "key_accounts",
                    "account_id": SCORES.index,
                    "score": SCORES.to_numpy(),
                    "event": rng.random(200) < (odds / (1 + odds)).to_numpy(),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def test_a_curve_that_holds_gives_chances() -> None:
    found = calibrate(trials(dict.fromkeys(DAYS, 0.3)), SCORES)
    curve = found.reliability
    assert list(curve.columns) == RELIABILITY
    assert curve["bin"].tolist() == [1, 2, 3, 4, 5]
    assert curve["n"].tolist() == [40] * 5
    assert set(curve["cut_off"]) == {DAYS[-1]}
    assert curve["holds"].all()
    assert curve["predicted"].is_monotonic_increasing
    # the middle account's odds are 3 : 7, those of the account at .8 four times as high
    assert found.chances.loc["A099", "chance_stop"] == pytest.approx(0.3, abs=0.08)
    assert found.chances.loc["A159", "chance_stop"] == pytest.approx(12 / 19, abs=0.08)
    assert found.chances["chance_fall"].isna().all()
    assert [(m.code, m.values.get("task")) for m in found.methods] == [
        ("chance_holds", "risk_stop"),
        ("chance_few_events", None),
    ]


def test_the_last_cut_off_teaches_nothing_that_it_tests() -> None:
    past = trials(dict.fromkeys(DAYS, 0.3))
    one = calibrate(past, SCORES)
    past.loc[past["cut_off"] == DAYS[-1], "event"] = ~past.loc[past["cut_off"] == DAYS[-1], "event"]
    turned = calibrate(past, SCORES)
    assert turned.reliability["predicted"].tolist() == one.reliability["predicted"].tolist()
    assert not turned.reliability["holds"].any()


def test_where_the_last_cut_off_turns_out_otherwise_there_are_no_chances() -> None:
    """A season: twice as many stop as the earlier cut-offs taught."""
    found = calibrate(trials({DAYS[0]: 0.2, DAYS[1]: 0.2, DAYS[2]: 0.5}), SCORES)
    assert not found.reliability["holds"].any()
    assert found.chances.isna().all(axis=None)
    assert [method.code for method in found.methods] == ["chance_unreliable", "chance_few_events"]


def test_a_score_that_says_nothing_gives_no_chances() -> None:
    falling = calibrate(trials(dict.fromkeys(DAYS, 0.3), slope=-0.3), SCORES)
    assert not falling.reliability["holds"].any()


@pytest.mark.parametrize(
    "rows",
    [
        trials(dict.fromkeys(DAYS, 0.3)).iloc[:0],
        trials(dict.fromkeys(DAYS[:1], 0.3)),
        trials(dict.fromkeys(DAYS, 0.3)).assign(population="active_26_weeks"),
        trials(dict.fromkeys(DAYS, 0.3)).assign(event=lambda rows: rows["account_id"] < "A019"),
        trials(dict.fromkeys(DAYS, 0.3)).assign(event=lambda rows: rows["account_id"] >= "A019"),
    ],
    ids=["nothing", "one cut-off", "other population", "19 events", "19 others"],
)
def test_too_few_cases_draw_no_curve(rows: pd.DataFrame) -> None:
    found = calibrate(rows, SCORES)
    assert found.reliability.empty
    assert found.chances.isna().all(axis=None)
    assert found.chances.index.equals(SCORES.index)
    assert [method.code for method in found.methods] == ["chance_few_events"]
