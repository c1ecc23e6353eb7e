"""The figures that people saw: a hidden sheet of inputs.xlsx keeps a fingerprint of each account, section and proposal from the
last time it was written, and of what each decision was taken on. A text or decision belongs to the figures that stood there
before it appeared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from kamkit.intake.input_sheets import Rows, canonical, date_of, read_workbook, sheets_of, text_of
from kamkit.model.snapshots import about, about_decision

_TAKEN = "taken"


@dataclass(frozen=True)
class Seen:
    """A fingerprint (empty where nothing was seen), and since when the figures have it."""

    fingerprint: str
    since: dt.date


def read_snapshots(path: Path) -> Mapping[str, Seen]:
    """What was seen, by what it is about (`kamkit.model.snapshots`); nothing where there is no workbook yet."""
    return snapshots_of(read_workbook(path)[0].get("snapshots")) if path.exists() else {}


def snapshots_of(rows: Rows | None) -> dict[str, Seen]:
    """What was seen, from the rows of the hidden sheet."""
    cells = [canonical(sheets_of()["snapshots"], row) for _, row in rows.rows] if rows else []
    return {
        text_of(cell["about"]): Seen(text_of(cell.get("fingerprint", "")), since.date())
        for cell in cells
        if "about" in cell and (since := date_of(cell.get("since", "")))
    }


def brought_up_to_date(
    before: Mapping[str, Seen], now: Mapping[str, str], taken: pd.DataFrame, today: dt.date
) -> dict[str, Seen]:
    """The fingerprints from today on: of now, of what the decisions were taken on, and of what is not told any more. One
    that did not change keeps its day."""
    answers = {_entry(row): "" if pd.isna(row["snapshot"]) else row["snapshot"] for row in taken.to_dict("records")}
    kept = {name: seen for name, seen in before.items() if name in answers or not name.startswith(_TAKEN)}
    fresh = {
        name: Seen(mark, today)
        for name, mark in {**now, **answers}.items()
        if name not in kept or kept[name].fingerprint != mark
    }
    return kept | fresh


def with_states(decisions: pd.DataFrame, seen: Mapping[str, Seen]) -> pd.DataFrame:
    """The decisions, those that do not name their `snapshot` with the fingerprint of what they were taken on: a decision
    that is not known yet, or was changed, was entered after the workbook was written last."""
    rows = decisions.to_dict("records")
    found = (seen.get(_entry(row)) or seen.get(about_decision(row["subject"], row["account_id"])) for row in rows)
    marks = pd.Series([mark.fingerprint or None if mark else None for mark in found], decisions.index, "string")
    return decisions.assign(snapshot=decisions["snapshot"].fillna(marks))


def _entry(decision: Mapping[Any, Any]) -> str:
    """The name under which is kept what a decision was taken on: it tells the decision from any other one."""
    cells = (decision[name] for name in ("subject", "account_id", "new_account", "decision", "date"))
    return "|".join([_TAKEN, *("" if pd.isna(cell) else str(cell) for cell in cells)])


def with_snapshots(comments: pd.DataFrame, before: Mapping[str, Seen]) -> pd.DataFrame:
    """The comments, those written since the last refresh with the fingerprint of what stood there then."""
    rows = [
        stamped(row, before, {}) for row in comments.astype(object).where(comments.notna(), None).to_dict("records")
    ]
    return comments.assign(snapshot=pd.Series([r.get("snapshot") for r in rows], index=comments.index, dtype="string"))


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
