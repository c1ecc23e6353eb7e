"""An earlier run of the same engagement, read from its folder: what it found, as far as a later run is compared with it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from kamkit.errors import InputError
from kamkit.model.codes import Basis, Level
from kamkit.model.engagement import Engagement, Period
from kamkit.model.follow_up import PreviousRun

MANIFEST = "manifest.json"
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "accounts.csv": ("account_id", "name", "revenue", "is_key_account", "tier", "decision"),
    "account_risk.csv": ("account_id", "level"),
    "actions.csv": ("account_id", "name", "option", "first_step", "due_date", "at_stake"),
}
"""The result files that are compared, with the columns needed of each."""

FILES = (MANIFEST, *(f"results/{name}" for name in (*COLUMNS, "summary.json", "existence.json")))
"""Everything of an earlier run that a comparison depends on."""


def read_previous(engagement: Engagement) -> PreviousRun | None:
    """The earlier run that an engagement names, or None where it names none.

    Raises InputError where the folder is no finished run of this client.
    """
    if engagement.previous is None:
        return None
    folder, where = engagement.folder / engagement.previous, f"previous: {engagement.previous}"
    advice = "name the folder of an earlier run, such as runs/2026-01-15T09-00-00Z"
    if not folder.is_dir():
        raise InputError(where, [f"there is no such folder: {advice}"])
    if not (folder / MANIFEST).is_file():
        raise InputError(where, [f"is not a finished run, it holds no {MANIFEST}: {advice}"])
    manifest = _read_json(folder / MANIFEST, where)
    if manifest.get("state") != "ok":
        raise InputError(where, [f"is a run that {manifest.get('state', 'did not finish')}: {advice}"])
    if (client := manifest.get("client", engagement.client)) != engagement.client:
        raise InputError(where, [f"is a run of {client!r}, not of {engagement.client!r}: {advice}"])
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        run_all = "only a run of all notebooks can be compared"
        raise InputError(where, [f"{name} is missing: {run_all}" for name in missing])
    tables = {name: _read_table(folder / "results" / name, columns, where) for name, columns in COLUMNS.items()}
    try:
        summary = _read_json(folder / "results" / "summary.json", where)
        existence = _read_json(folder / "results" / "existence.json", where)
        return PreviousRun(
            name=Path(engagement.previous).name,
            made_on=_date(manifest.get("parameters", {}).get("today")),
            period=Period.model_validate(summary["period"]),
            currency=str(summary["currency"]),
            level=Level(summary["level"]),
            basis=Basis(summary["basis"]),
            threshold=float(summary["threshold"]),
            verdict=str(existence["verdict"]),
            existence={str(test["test"]): str(test["answer"]) for test in existence["tests"]},
            accounts=_accounts(tables["accounts.csv"]),
            risk=tables["account_risk.csv"],
            actions=_actions(tables["actions.csv"]),
            self_check=_self_check(existence.get("self_check") or {}),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(where, [f"its summary.json or existence.json was not written by kamkit: {error}"]) from None


def _read_json(path: Path, where: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise InputError(where, [f"{path.name} cannot be read: bring the folder back as the run left it"])
    return content


def _read_table(path: Path, columns: tuple[str, ...], where: str) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path, dtype="string", keep_default_na=False, na_values=[""])
    except (OSError, ValueError):
        raise InputError(where, [f"{path.name} cannot be read: bring the folder back as the run left it"]) from None
    if missing := [column for column in columns if column not in frame]:
        raise InputError(where, [f"{path.name} has no column {', '.join(missing)}: the run is of another version"])
    return frame[list(columns)]


def _accounts(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(
        revenue=pd.to_numeric(table["revenue"]).astype("float64"), is_key_account=table["is_key_account"] == "true"
    )


def _actions(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(
        due_date=pd.to_datetime(table["due_date"], errors="coerce"),
        at_stake=pd.to_numeric(table["at_stake"]).astype("float64"),
    )


def _self_check(scores: Mapping[str, Any]) -> pd.DataFrame:
    rows = [(str(code), float(score)) for code, score in scores.items() if score is not None]
    return pd.DataFrame(rows, columns=["statement", "score"])


def _date(text: Any) -> dt.date | None:
    try:
        return dt.date.fromisoformat(str(text))
    except ValueError:
        return None
