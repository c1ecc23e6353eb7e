"""The figures that people saw: a hidden sheet of inputs.xlsx keeps a fingerprint of each account and each section from the
last time it was written. A text belongs to the figures that stood there before it appeared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from python_calamine import CalamineError, CalamineWorkbook

from kamkit.intake.input_sheets import SNAPSHOTS_SHEET, date_of, text_of
from kamkit.model.snapshots import about


@dataclass(frozen=True)
class Seen:
    """A fingerprint, and since when the figures have it."""

    fingerprint: str
    since: dt.date


def read_snapshots(path: Path) -> Mapping[str, Seen]:
    """What was seen, by what it is about (`kamkit.model.snapshots`); nothing where the workbook has none yet."""
    try:
        rows = CalamineWorkbook.from_path(path).get_sheet_by_name(SNAPSHOTS_SHEET).to_python()
    except (CalamineError, OSError):
        return {}
    found = {}
    for row in rows:
        if len(row) >= 3 and (since := date_of(row[2])):
            found[text_of(row[0])] = Seen(text_of(row[1]), since.date())
    return found


def with_snapshots(comments: pd.DataFrame, before: Mapping[str, Seen]) -> pd.DataFrame:
    """The comments, those written since the last refresh with the fingerprint of what stood there then."""
    rows = [
        stamped(row, before, {}) for row in comments.astype(object).where(comments.notna(), None).to_dict("records")
    ]
    return comments.assign(snapshot=pd.Series([r.get("snapshot") for r in rows], index=comments.index, dtype="string"))


def brought_up_to_date(before: Mapping[str, Seen], now: Mapping[str, str], today: dt.date) -> dict[str, Seen]:
    """The fingerprints of today; one that did not change keeps its day."""
    old = {name: seen for name, seen in before.items() if now.get(name) == seen.fingerprint}
    return {name: old.get(name, Seen(fingerprint, today)) for name, fingerprint in now.items()}


def stamped(row: Mapping[Any, Any], before: Mapping[str, Seen], now: Mapping[str, Seen]) -> dict[str, Any]:
    """A comment with the fingerprint of what its author saw, and the day since which the figures are others.

    A comment that has no fingerprint yet was written since the workbook was last refreshed.
    """
    name = about(row.get("section"), row.get("account_id"))
    seen = row.get("snapshot") or next((s[name].fingerprint for s in (before, now) if name in s), None)
    stamp = {**row, **({"snapshot": seen} if seen else {})}
    if name in now:
        stamp.pop("moved_on", None)
        if seen != now[name].fingerprint:
            stamp["moved_on"] = row.get("moved_on") or now[name].since
    return stamp
