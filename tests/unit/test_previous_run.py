"""An earlier run read from its folder, or a message that says why it is none."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kamkit.errors import EngagementError, InputError
from kamkit.execution.folders import prune_runs
from kamkit.execution.project import open_project
from kamkit.intake.previous_run import read_previous
from kamkit.model.codes import Basis, Level
from kamkit.model.engagement import Engagement, Period, load_engagement

ENGAGEMENT = """client: Muster GmbH
previous: runs/then
sources:
  transactions:
    path: raw/sales.csv
    columns: {customer_id: Kunde, posting_date: Datum, net_revenue: Umsatz}
"""
FILES: dict[str, Any] = {
    "manifest.json": {"state": "ok", "client": "Muster GmbH", "parameters": {"today": "2025-01-15"}},
    "results/summary.json": {
        "period": {"start": "2024-01-01", "end": "2024-12-31"},
        **{"currency": "EUR", "level": "group", "basis": "revenue", "threshold": 0.8},
    },
    "results/existence.json": {"verdict": "real", "tests": [{"test": "E1", "answer": "yes"}], "self_check": {"S1": 3}},
    "results/accounts.csv": "account_id,name,revenue,is_key_account,tier,decision,more\n0007,NA,12.5,true,key,,x\n",
    "results/account_risk.csv": "account_id,level\n0007,red\n",
    "results/actions.csv": "account_id,name,option,first_step,due_date,at_stake\n0007,NA,alliance,Go.,2025-02-03,\n",
}


def write(folder: Path, **changed: Any) -> Engagement:
    """An engagement whose earlier run has these files; None leaves one out."""
    (folder / "engagement.yml").write_text(ENGAGEMENT, encoding="utf-8")
    for name, content in {**FILES, **changed}.items():
        if content is not None:
            path = folder / "runs/then" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return load_engagement(folder)


def test_an_earlier_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = read_previous(write(tmp_path))
    assert run is not None
    assert (run.name, run.made_on, run.currency, run.level, run.basis, run.threshold, run.verdict) == (
        "then", dt.date(2025, 1, 15), "EUR", Level.GROUP, Basis.REVENUE, 0.8, "real",
    )  # fmt: skip
    assert run.period == Period(start=dt.date(2024, 1, 1), end=dt.date(2024, 12, 31))
    assert run.accounts.iloc[0].fillna("").tolist() == ["0007", "NA", 12.5, True, "key", ""]
    assert run.actions["due_date"].tolist() == [pd.Timestamp("2025-02-03")]
    assert dict(run.existence) == {"E1": "yes"}
    assert run.self_check.to_numpy().tolist() == [["S1", 3.0]]


ADVICE = "name the folder of an earlier run, such as runs/2026-01-15T09-00-00Z"


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"manifest.json": None}, f"is not a finished run, it holds no manifest.json: {ADVICE}"),
        ({"manifest.json": {"state": "failed"}}, f"is a run that failed: {ADVICE}"),
        ({"manifest.json": "{"}, "manifest.json cannot be read: bring the folder back as the run left it"),
        (
            {"manifest.json": {"state": "ok", "client": "Andere AG"}},
            f"is a run of 'Andere AG', not of 'Muster GmbH': {ADVICE}",
        ),
        ({"results/actions.csv": None}, "results/actions.csv is missing: only a run of all notebooks can be compared"),
        (
            {"results/account_risk.csv": "account_id\n0007\n"},
            "account_risk.csv has no column level: the run is of another version",
        ),
        (
            {"results/existence.json": {"tests": []}},
            "its summary.json or existence.json was not written by kamkit: 'verdict'",
        ),
    ],
)
def test_what_is_no_earlier_run_says_why(tmp_path: Path, changed: dict[str, Any], problem: str) -> None:
    engagement = write(tmp_path, **changed)
    with pytest.raises(InputError) as failed:
        read_previous(engagement)
    assert str(failed.value) == f"previous: runs/then: 1 problem found\n- {problem}"


def test_a_folder_that_is_not_there_and_one_outside(tmp_path: Path) -> None:
    file = tmp_path / "engagement.yml"
    file.write_text(ENGAGEMENT, encoding="utf-8")
    with pytest.raises(InputError) as failed:
        read_previous(load_engagement(tmp_path))
    assert str(failed.value) == f"previous: runs/then: 1 problem found\n- there is no such folder: {ADVICE}"
    file.write_text(ENGAGEMENT.replace("runs/then", "../other/runs/then"), encoding="utf-8")
    with pytest.raises(EngagementError) as outside:
        load_engagement(tmp_path)
    assert "previous: ../other/runs/then leaves the engagement's folder" in str(outside.value)
    file.write_text(ENGAGEMENT.replace("previous: runs/then\n", ""), encoding="utf-8")
    assert read_previous(load_engagement(tmp_path)) is None


def test_a_changed_earlier_run_makes_a_run_out_of_date_but_no_step(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/sales.csv").write_text("Kunde;Datum;Umsatz\n0007;01.02.2025;10,00\n", encoding="utf-8")
    write(tmp_path)
    before, steps = _hashes(tmp_path)
    write(tmp_path, **{"results/account_risk.csv": "account_id,level\n0007,green\n"})
    after, same_steps = _hashes(tmp_path)
    assert {name for name in before if before[name] != after[name]} == {"runs/then/results/account_risk.csv"}
    assert steps == same_steps


def _hashes(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    project = open_project(folder)
    return dict(project.input_hashes), dict(project._keys)


def test_the_run_that_is_compared_with_is_kept(tmp_path: Path) -> None:
    for name in ("2025-01-01", "2026-01-01", "2026-02-01"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text("{}", encoding="utf-8")
    assert prune_runs(tmp_path, 1, tmp_path / "2025-01-01") == (tmp_path / "2026-01-01",)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2025-01-01", "2026-02-01"]
