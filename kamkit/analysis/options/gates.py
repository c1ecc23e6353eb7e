"""The gate of an option that has conditions: what must be met before its score counts, and what is missing to know it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from kamkit.model.codes import Gate, Option


def conditions_gate(
    met: pd.DataFrame, score: pd.Series[Any], coverage: pd.Series[Any], least_score: float, least_coverage: float
) -> pd.Series[Any]:
    """Closed where a condition is known not to be met, or where all are met and the score is known and too low; open where
    all are met and the score is sufficient; else not assessable: what is not known is no yes.

    `met`: boolean by account, a column per condition, missing where not known.
    """
    granted = met.fillna(False).astype(bool).all(axis=1)
    refused = ~met.fillna(True).astype(bool).all(axis=1)
    known = granted & coverage.ge(least_coverage)
    gates = np.select(
        [refused.to_numpy(bool), (known & score.ge(least_score)).to_numpy(bool), known.to_numpy(bool)],
        [Gate.CLOSED.value, Gate.OPEN.value, Gate.CLOSED.value],
        Gate.NOT_ASSESSABLE.value,
    )
    return pd.Series(gates, index=met.index)


def conditions_told(option: Option, met: pd.DataFrame, needs: Mapping[str, tuple[str, ...]]) -> pd.DataFrame:
    """account_id, option, condition, met, missing: one row per account and condition; `needs` is asked for where a
    condition is not known."""
    parts = []
    for condition in met.columns:
        unknown = met[condition].isna()
        missing = [needs[condition] if is_unknown else () for is_unknown in unknown.tolist()]
        parts.append(
            pd.DataFrame(
                {
                    "account_id": met.index,
                    "option": str(option),
                    "condition": condition,
                    "met": met[condition].to_numpy(),
                    "missing": pd.Series(missing, dtype=object),
                }
            )
        )
    return pd.concat(parts, ignore_index=True).astype({"met": "boolean"})


def first_unmet(met: pd.DataFrame) -> pd.Series[Any]:
    """The first condition that is known not to be met, by account; missing where there is none."""
    refused = ~met.fillna(True).astype(bool)
    return refused.idxmax(axis=1).where(refused.any(axis=1)).astype(object)
