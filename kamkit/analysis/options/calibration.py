"""When a score may be called a probability: only where a reliability curve on a later cut-off says so (domain §2, rule v)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from kamkit.analysis.ranking_quality import CONFIDENCE, wilson
from kamkit.model.codes import Severity
from kamkit.model.results import Finding

FEWEST_EVENTS = 20
"""Events, and accounts without one, that a cut-off must have to teach or to test (convention)."""

FEWEST_CUT_OFFS = 2
MOST_BINS, FEWEST_IN_BIN = 5, 20
RELIABILITY = ["task", "cut_off", "bin", "n", "predicted", "observed", "observed_low", "observed_high", "holds"]
EDGE = 1e-3
STEPS, RIDGE = 50, 1e-3


@dataclass(frozen=True)
class Calibration:
    """What may be said about probabilities.

    `reliability`, the latest cut-off by task, accounts in groups of equal size by what was predicted: task, cut_off, bin (1 is
    the lowest), n, predicted (mean), observed (share of events), observed_low and observed_high (Wilson 1927; together
    they hold all groups with 95 %), holds (boolean: the task's predictions lie inside in every group).
    `chances`: chance_stop and chance_fall by account_id, missing where the task's curve does not hold or cannot be drawn.
    `methods`: per task what was found, as codes of the catalogues.
    """

    reliability: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=RELIABILITY))
    chances: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=["chance_stop", "chance_fall"], dtype=float)
    )
    methods: tuple[Finding, ...] = ()


def calibrate(trials: pd.DataFrame, scores: pd.Series[Any], population: str = "key_accounts") -> Calibration:
    """Probabilities for today's `scores` (0–1, by account_id, of the accounts that belong to the population today).

    `trials`: the trial frame of the tasks risk_stop and risk_fall. A logistic curve through the score (Platt 1999) is learned on
    all cut-offs but the last that have 20 events and 20 accounts without one, and tested on the last such one; at least two
    are needed. Where the prediction lies inside the interval of what was observed in every group (convention), the
    curve is learned once more on all cut-offs and gives the chances; where it does not, or rises with falling score,
    there are none.
    """
    curves, chances, methods, too_few = [], {}, [], False
    for task in ("risk_stop", "risk_fall"):
        rows = trials[(trials["task"] == task) & (trials["population"] == population)] if len(trials) else trials
        usable = _usable(rows)
        if usable["cut_off"].nunique() < FEWEST_CUT_OFFS:
            too_few = True
            continue
        last = usable["cut_off"].max()
        tested = usable[usable["cut_off"] == last]
        curve = _fitted(usable[usable["cut_off"] < last])
        found = _reliability(task, last, curve, tested)
        holds = bool(found["holds"].all())
        curves.append(found)
        values = {"task": task, "cut_off": last.date(), "n": len(tested), "n_bins": len(found)}
        methods.append(_finding("chance_holds" if holds else "chance_unreliable", values))
        if holds:
            chances[task.replace("risk", "chance")] = pd.Series(_predicted(_fitted(usable), scores), index=scores.index)
    if too_few:
        methods.append(_finding("chance_few_events", {"fewest": FEWEST_EVENTS}))
    return Calibration(
        pd.concat(curves, ignore_index=True) if curves else Calibration().reliability,
        pd.DataFrame(chances, index=scores.index).reindex(columns=["chance_stop", "chance_fall"]).astype(float),
        tuple(methods),
    )


def _finding(code: str, values: dict[str, Any]) -> Finding:
    return Finding(code, "transactions", Severity.INFO, values=values)


def _usable(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of cut-offs with enough events and enough accounts without one."""
    if rows.empty:
        return rows
    events = rows.groupby("cut_off")["event"].agg(["sum", "size"])
    enough = (events["sum"] >= FEWEST_EVENTS) & (events["size"] - events["sum"] >= FEWEST_EVENTS)
    return rows[rows["cut_off"].isin(events.index[enough])]


def _evidence(score: pd.Series[Any]) -> NDArray[np.float64]:
    steps: NDArray[np.float64] = logit(score.to_numpy(float).clip(EDGE, 1 - EDGE))
    return np.column_stack([np.ones(len(steps)), steps])


def _fitted(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Intercept and slope of the logistic curve, by Newton's steps; a grain of ridge keeps the slope finite."""
    x, y = _evidence(rows["score"]), rows["event"].to_numpy(float)
    found = np.array([logit(y.mean()), 0.0])
    for _ in range(STEPS):
        p = expit(x @ found)
        hessian = (x * (p * (1 - p))[:, None]).T @ x + RIDGE * np.eye(2)
        step = np.linalg.solve(hessian, x.T @ (y - p) - RIDGE * found)
        found = found + step
        if np.abs(step).max() < 1e-10:
            break
    return found


def _predicted(curve: NDArray[np.float64], score: pd.Series[Any]) -> NDArray[np.float64]:
    chances: NDArray[np.float64] = expit(_evidence(score) @ curve)
    return chances


def _reliability(task: str, day: pd.Timestamp, curve: NDArray[np.float64], tested: pd.DataFrame) -> pd.DataFrame:
    tested = tested.assign(predicted=_predicted(curve, tested["score"])).sort_values(["predicted", "account_id"])
    n_bins = max(1, min(MOST_BINS, len(tested) // FEWEST_IN_BIN))
    groups = tested.groupby(np.arange(len(tested)) * n_bins // len(tested) + 1)
    found = groups.agg(n=("event", "size"), predicted=("predicted", "mean"), hits=("event", "sum"))
    limits = [wilson(h, n, 1 - (1 - CONFIDENCE) / n_bins) for h, n in zip(found["hits"], found["n"], strict=True)]
    found = found.assign(
        task=task,
        cut_off=day,
        observed=found["hits"] / found["n"],
        observed_low=[low for low, _ in limits],
        observed_high=[high for _, high in limits],
    )
    inside = found["predicted"].between(found["observed_low"], found["observed_high"]).all() and curve[1] > 0
    return found.assign(holds=bool(inside)).rename_axis("bin").reset_index()[RELIABILITY]
