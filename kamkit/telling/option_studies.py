"""What is said about the buffer, the pilots and the exposure to a takeover, beside the options of each account."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from kamkit.model.results import BufferStudy
from kamkit.telling.language import Labels

DIVISION = "division"
FIRSTS = "first_purchases"


def buffer_sentence(study: BufferStudy, labels: Labels) -> str:
    """Whether firm relationships held volume after price rises and severe complaints, and whether that is more than in calm
    months; or why it cannot be assessed."""
    n = study.n_high + study.n_low
    if study.reason is not None:
        if study.reason == "few_shocks":
            n = int(study.shocks["volume_after"].notna().sum())
        return labels(f"buffer.{study.reason}", n=n)
    code = "described" if study.holds is None else "holds" if study.holds else "not_held"
    if code == "not_held" and study.difference_low > 0:
        code = "calm_too"
    figures = ("high", "low", "difference", "difference_low", "difference_high", "placebo")
    return labels(f"buffer.{code}", n=n, what=study.measured_by, **{name: getattr(study, name) for name in figures})


def pilot_sentences(pilots: pd.DataFrame, arms: pd.DataFrame, labels: Labels) -> Iterator[str]:
    """Per pilot: who starts, what is measured, what difference would be seen, and why nobody at high risk waits."""
    forced = set(arms.loc[arms["forced"], "option"]) if len(arms) else set()
    for row in pilots.to_dict("records"):
        values = {str(name): value for name, value in row.items()} | {"option": labels(f"option.{row['option']}")}
        parts = [labels("pilot.arms" if row["n_hold_out"] else "pilot.arms_all", **values)]
        if row["n_hold_out"]:
            parts.append(labels(f"pilot.{_detectable(row)}", **values))
        if row["option"] in forced:
            parts.append(labels("pilot.forced"))
        yield " ".join(parts)


def takeover_sentence(row: Mapping[str, Any], labels: Labels) -> str:
    """What a takeover by a key account would put in question, and what its direction speaks for; confidential."""
    values = {str(name): value for name, value in row.items()} | {"industry": _industry(row["industry"])}
    others = None if pd.isna(row["n_competitors"]) else int(row["n_competitors"])
    if others is None:
        code = "unknown"
    elif not others:
        code = "alone"
    else:
        code = "questioned_division" if row["industry_level"] == DIVISION else "questioned"
    direction = labels(f"takeover_direction.{row['direction']}")
    return f"{labels(f'takeover_told.{code}', n=others, **values)} {direction}"


def _industry(digits: Any) -> str:
    """A code as the classifications write it: 28.22, 28.2 or 28."""
    return "" if pd.isna(digits) else f"{digits[:2]}.{digits[2:]}".rstrip(".")


def _detectable(row: Mapping[Any, Any]) -> str:
    if math.isnan(row["detectable"]):
        return "unknown"
    measure = "firsts" if row["measure"] == FIRSTS else "revenue"
    return f"{measure}_{'enough' if row['enough'] else 'trial'}"
