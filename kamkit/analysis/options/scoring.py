"""From indicators to a score per option: two normalisations side by side, weights, and how much of it is known
(domain §2, common rules). Scores order accounts within an option; they are no probabilities and are never compared
across options."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kamkit.model.codes import Option
from kamkit.model.option_rules import Indicator, OptionRule

LEAST_COVERAGE = 0.5
"""Less than half of the weight known: not assessable (convention)."""

FEWEST_FOR_PERCENTILES = 20
DRAWS = 1000
SEED = 20_05
FLOOR = 0.01
"""The least value a geometric mean takes an indicator for, so that one zero does not wipe out all differences."""


@dataclass(frozen=True)
class Scored:
    """One option for all accounts. `table` by account_id: score, coverage, missing (tuple of table.column);
    `indicators`: account_id, option, indicator, value, anchored, percentile, weight, only what is known; `anchored` by
    account_id, a column per indicator."""

    option: Option
    table: pd.DataFrame
    indicators: pd.DataFrame
    anchored: pd.DataFrame


def anchor(values: pd.Series[Any], rule: Indicator) -> pd.Series[Any]:
    """0 at the low anchor, 1 at the high one, straight lines between them and the points; missing stays missing."""
    points = sorted([(rule.low, 0.0), *rule.points, (rule.high, 1.0)])
    scaled = np.interp(values.to_numpy(float), [x for x, _ in points], [y for _, y in points])
    return pd.Series(scaled, index=values.index).where(values.notna())


def percentile(values: pd.Series[Any]) -> pd.Series[Any]:
    """(rank − 0.5)/n among the accounts that have the figure; missing with fewer than twenty of them."""
    n = int(values.count())
    return (values.rank() - 0.5) / n if n >= FEWEST_FOR_PERCENTILES else pd.Series(np.nan, index=values.index)


def score_option(
    option: Option, raw: pd.DataFrame, rule: OptionRule, weights: Mapping[str, float], given: Collection[str] = ()
) -> Scored:
    """Weighted mean of the anchored indicators that are known (geometric where a weak link counts), with coverage =
    their share of all weight. `raw` by account_id, a column per indicator that could be computed; `given`: columns that
    are there, so that nobody is asked for them again."""
    names = list(rule.indicators)
    raw = raw.reindex(columns=names).astype(float)
    anchored = pd.DataFrame({name: anchor(raw[name], rule.indicators[name]) for name in names}, index=raw.index)
    weight = np.array([max(float(weights.get(name, rule.indicators[name].weight)), 0.0) for name in names])
    known = anchored.notna().to_numpy()
    coverage = (known * weight).sum(axis=1) / max(weight.sum(), 1e-12)
    table = pd.DataFrame({"score": weighted_score(anchored, rule.mean, weight), "coverage": coverage}, index=raw.index)
    table["missing"] = pd.Series(_missing(known, rule, given), index=raw.index, dtype=object)
    return Scored(option, table, _long(option, raw, anchored, dict(zip(names, weight, strict=True))), anchored)


def weighted_score(anchored: pd.DataFrame, mean: str, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over what is known, per row; missing where nothing is. `weight`: one number per indicator."""
    values = anchored.to_numpy(float)
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    if mean == "geometric":
        filled = np.where(known, np.log(np.maximum(filled, FLOOR)), 0.0)
    total = (known * weight).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        result: NDArray[np.float64] = (filled * weight).sum(axis=-1) / total
    result = np.exp(result) if mean == "geometric" else result
    return np.where(total > 0, result, np.nan)


def share_of_weightings(anchored: pd.DataFrame, mean: str, least_score: float) -> NDArray[np.float64]:
    """In which share of 1,000 random weightings (Dirichlet, all equally likely; convention) each account reaches a
    score; on uncertain weights in general: OECD/JRC Handbook on Constructing Composite Indicators 2008."""
    rng = np.random.default_rng(SEED)
    draws = rng.dirichlet(np.ones(anchored.shape[1]), DRAWS)
    reached = np.zeros(len(anchored))
    for weight in draws:
        reached += weighted_score(anchored, mean, weight) >= least_score
    result: NDArray[np.float64] = reached / DRAWS
    return result


def _missing(known: NDArray[np.bool_], rule: OptionRule, given: Collection[str]) -> list[tuple[str, ...]]:
    """What to ask for, per account: the needs of all indicators that are not known, without what is given."""
    needs = [indicator.needs for indicator in rule.indicators.values()]
    patterns, inverse = np.unique(known, axis=0, return_inverse=True)
    asked = [
        tuple(
            dict.fromkeys(
                need
                for has, group in zip(pattern, needs, strict=True)
                if not has
                for need in group
                if need not in given
            )
        )
        for pattern in patterns
    ]
    return [asked[i] for i in np.ravel(inverse)]


def _long(option: Option, raw: pd.DataFrame, anchored: pd.DataFrame, weights: Mapping[str, float]) -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {
                "account_id": raw.index,
                "option": str(option),
                "indicator": name,
                "value": raw[name].to_numpy(),
                "anchored": anchored[name].to_numpy(),
                "percentile": percentile(raw[name]).to_numpy(),
                "weight": weights[name],
            }
        ).dropna(subset=["value"])
        for name in raw.columns
    ]
    return pd.concat(parts, ignore_index=True)
