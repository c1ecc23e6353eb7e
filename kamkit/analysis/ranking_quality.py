"""How good a ranking was: figures with intervals that draw all rows of an account together, and a test against chance.

A trial frame holds one row per account and cut-off: cut_off, account_id, score (higher = more expected), event, and, where
there are any, amount (what hangs on the event) and lead_days (from the cut-off to the day the event shows by itself).
Several cut-offs are put together without comparing scores of different days: pairs, hits and amounts are counted within
each cut-off and added up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

Floats: TypeAlias = NDArray[np.float64]
Figures: TypeAlias = Mapping[str, Floats]
"""Metrics by name: the figure, and after it those of the draws."""
TOP, TOP_SHARE = 10, 0.2
"""How long the lists are that are counted: ten, and a fifth of all (conventions)."""
CONFIDENCE = 0.95
CELLS_AT_ONCE = 120_000
METRICS = (
    "auc",
    "average_precision",
    "precision_at_10",
    "recall_at_10",
    "precision_at_20_percent",
    "recall_at_20_percent",
    "lift_at_10",
    "revenue_caught",
    "lead_time",
)
SHARES = {"precision_at_10": "listed", "precision_at_20_percent": "listed_share"}
"""Metrics that are a share of a short list, and the sum that counts it."""


def auc(score: Floats, event: NDArray[np.bool_]) -> float:
    """The chance that an event has a higher score than a non-event, ties counted half; missing without either.

    >>> auc(np.array([3.0, 1.0, 2.0, 2.0]), np.array([True, False, True, False]))
    0.875
    """
    n_events, n_other = int(event.sum()), int((~event).sum())
    if not n_events or not n_other:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[event].sum() - n_events * (n_events + 1) / 2) / (n_events * n_other))


def wilson(hits: float, n: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's interval of a share (Wilson 1927).

    >>> [round(limit, 2) for limit in wilson(6, 10)]
    [0.31, 0.83]
    """
    if not n:
        return float("nan"), float("nan")
    z = float(norm.ppf(0.5 + confidence / 2))
    share, spread = hits / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values of a family of tests, raised so that the chance of any false claim stays below the level (Holm 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    raised = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    found = np.empty(len(p))
    found[order] = raised
    return [float(value) for value in found]


def draw_weights(n: int, draws: int, seed: int) -> NDArray[np.uint8]:
    """How often each of n accounts is drawn, with replacement: (1 + draws) × n; the first row is the data as they are."""
    rng = np.random.default_rng(seed)
    weights = np.ones((1 + draws, n), dtype=np.uint8)
    for row in weights[1:]:
        row[:] = np.bincount(rng.integers(0, n, n), minlength=n)
    return weights


def ranked_figures(
    trials: pd.DataFrame, draws: int = 0, seed: int = 0, score: str = "score"
) -> tuple[dict[str, Floats], dict[Any, dict[str, Floats]]]:
    """The metrics of a trial frame, all cut-offs together, and of each cut-off: by name the figure, and after it those of
    the draws.

    auc; average_precision; precision, recall and lift of the ten highest scores of each cut-off, precision and recall of
    the highest fifth; revenue_caught (share of the amount lost that is in the highest fifth); lead_time (mean lead_days
    of the events among the ten). Equal scores share the places that are left to them. A missing score is the lowest.
    """
    codes, accounts = pd.factorize(trials["account_id"].astype(str), sort=True)
    weights = draw_weights(len(accounts), draws, seed)
    by_day = {}
    for day, places in trials.groupby("cut_off", sort=True).indices.items():
        cut = _CutOff(trials.iloc[places], score)
        at_once = max(1, CELLS_AT_ONCE // len(places))
        parts = [cut.counted(weights[:1, codes[places]].astype(float))]
        for start in range(1, 1 + draws, at_once):
            parts.append(cut.counted(weights[start : start + at_once, codes[places]].astype(np.float32)))
        by_day[day] = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    names = next(iter(by_day.values()))
    together = {name: np.sum([sums[name] for sums in by_day.values()], axis=0) for name in names}
    return _figures(together), {day: _figures(sums) for day, sums in by_day.items()}


class _CutOff:
    """The ranking of one cut-off, highest score first."""

    def __init__(self, rows: pd.DataFrame, score: str) -> None:
        scores = rows[score].to_numpy(float, na_value=np.nan)
        scores = np.where(np.isnan(scores), -np.inf, scores)
        self.order = np.argsort(-scores, kind="stable")
        ranked = scores[self.order]
        self.starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
        self.event = rows["event"].to_numpy(bool)[self.order]
        given = {name: rows[name].to_numpy(float, na_value=np.nan) for name in ("amount", "lead_days") if name in rows}
        self.values = {name: np.nan_to_num(values[self.order]) * self.event for name, values in given.items()}

    def _by_score(self, drawn: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Summed over equal scores."""
        if len(self.starts) == len(self.order):
            return drawn
        result: NDArray[np.floating[Any]] = np.add.reduceat(drawn, self.starts, axis=1)
        return result

    def counted(self, weights: NDArray[np.floating[Any]]) -> dict[str, Floats]:
        """Numerators and denominators of the metrics, for each row of weights (draws × rows)."""
        drawn = weights[:, self.order]
        happened = drawn * self.event.astype(drawn.dtype)
        total, hits = self._by_score(drawn), self._by_score(happened)
        seen, found = total.cumsum(axis=1), hits.cumsum(axis=1)
        n, events = seen[:, -1].astype(float), found[:, -1].astype(float)
        below = (n - events).astype(drawn.dtype)[:, None] - (seen - found) + (total - hits) / 2
        counted = {
            "n": n,
            "events": events,
            "pairs": events * (n - events),
            "won": np.einsum("ij,ij->i", hits, below, dtype=float),
            "precisions": np.einsum("ij,ij->i", hits, found / np.maximum(seen, 1), dtype=float),
        }
        for name, length in (
            ("", np.minimum(TOP, n)),
            ("_share", np.minimum(np.maximum(1.0, np.floor(TOP_SHARE * n)), n)),
        ):
            width = int(np.argmax(seen >= length.astype(drawn.dtype)[:, None], axis=1).max()) + 1
            upto = slice(0, width)
            before = seen[:, upto] - total[:, upto]
            taken = np.clip(length.astype(drawn.dtype)[:, None] - before, 0, total[:, upto])
            size = np.maximum(total[:, upto], 1)
            counted |= {f"listed{name}": length, f"hits{name}": (taken * hits[:, upto] / size).sum(axis=1, dtype=float)}
            column = "amount" if name else "lead_days"
            if column in self.values:
                value = self.values[column]
                listed = self._by_score(drawn * value.astype(drawn.dtype))[:, upto]
                counted[column] = drawn.astype(float) @ value
                counted[f"{column}_listed"] = (taken * listed / size).sum(axis=1, dtype=float)
        return counted


def _figures(sums: Figures) -> dict[str, Floats]:
    def ratio(above: str, below: str) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            result: Floats = np.where(sums[below] > 0, sums[above] / sums[below], np.nan)
        return result

    figures = {
        "auc": ratio("won", "pairs"),
        "average_precision": ratio("precisions", "events"),
        "precision_at_10": ratio("hits", "listed"),
        "recall_at_10": ratio("hits", "events"),
        "precision_at_20_percent": ratio("hits_share", "listed_share"),
        "recall_at_20_percent": ratio("hits_share", "events"),
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        figures["lift_at_10"] = figures["precision_at_10"] / ratio("events", "n")
    if "amount" in sums and sums["amount"][0] > 0:
        figures["revenue_caught"] = ratio("amount_listed", "amount")
    if "lead_days" in sums and sums["hits"][0] > 0:
        figures["lead_time"] = ratio("lead_days_listed", "hits")
    return figures | {name: sums[name] for name in ("listed", "listed_share", "events", "n")}


def interval(metric: str, figures: Figures) -> tuple[float, float]:
    """The 95 % interval of a metric over the draws; of a share of a short list never narrower than Wilson's, since ten
    hits of ten in every draw are no certainty."""
    drawn = figures[metric][1:]
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return float("nan"), float("nan")
    low, high = (float(limit) for limit in np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]))
    if metric in SHARES:
        n = float(figures[SHARES[metric]][0])
        least, most = wilson(float(figures[metric][0]) * n, n)
        low, high = min(low, least), max(high, most)
    return low, high


def chance_figures(figures: Figures) -> dict[str, float]:
    """What a random order would reach on average."""
    n, events, listed, share = (float(figures[name][0]) for name in ("n", "events", "listed", "listed_share"))
    return {
        "auc": 0.5,
        "average_precision": events / n,
        "precision_at_10": events / n,
        "recall_at_10": listed / n,
        "precision_at_20_percent": events / n,
        "recall_at_20_percent": share / n,
        "lift_at_10": 1.0,
        "revenue_caught": share / n,
    }


def chance_test(trials: pd.DataFrame) -> float:
    """One-sided p-value of the pooled area under the curve against .5.

    The rank-sum test of each cut-off with its exact variance under chance, ties included (Mann & Whitney 1947), added up
    over the cut-offs; what an account has in common with itself on other days adds its covariance, never less than none.
    """
    parts, variance, won = [], 0.0, 0.0
    for _, rows in trials.groupby("cut_off", sort=True):
        rank = rankdata(rows["score"].to_numpy(float))
        event = rows["event"].to_numpy(float)
        off, happened = rank - rank.mean(), event - event.mean()
        if len(rows) < 2 or not off.any() or not happened.any():
            continue
        product = off * happened
        won += product.sum()
        variance += (off**2).sum() * (happened**2).sum() / (len(rows) - 1)
        parts.append(pd.Series(product - product.mean(), index=rows["account_id"].astype(str).to_numpy()))
    if not variance:
        return 1.0
    together: pd.Series[Any] = pd.concat(parts)
    shared = float((together.groupby(level=0).sum() ** 2).sum() - (together**2).sum())
    return float(norm.sf(won / math.sqrt(variance + max(shared, 0.0))))
