"""The same notebook serves plain papermill and kamkit's runner, in both languages; JupyterLab and nbval are tested in
test_cli.py and by the nbval run over notebooks/."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
import pandas as pd
import papermill
import pytest

import kamkit
from kamkit.execution.manifest import RunOutcome
from kamkit.model.kit import kit_folder

pytestmark = pytest.mark.slow

STEPS = ["01_import", "02_key_accounts", "03_kam_types", "04_strategy_options", "05_report"]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The machinery case, copied."""
    folder = tmp_path_factory.mktemp("case") / "machinery"
    shutil.copytree(kit_folder("data") / "machinery", folder)
    return folder


@pytest.fixture(scope="module", params=["de", "en"])
def outcome(case: Path, request: pytest.FixtureRequest) -> RunOutcome:
    return kamkit.run(case, out=case / f"run-{request.param}", language=request.param)


def test_the_chain_runs_in_both_languages(outcome: RunOutcome) -> None:
    assert outcome.error is None
    assert [(step.name, str(step.state)) for step in outcome.steps] == [(name, "ok") for name in STEPS]
    assert sorted(path.name for path in outcome.out.iterdir()) == [
        "deliverables", "manifest.json", "notebooks", "results", "run.log", "tables",
    ]  # fmt: skip
    assert {path.suffix for path in (outcome.out / "deliverables").iterdir()} == {".html", ".pdf", ".pptx", ".xlsx"}


def test_executed_notebooks_hold_one_language_and_no_path(outcome: RunOutcome, case: Path) -> None:
    other = {"de": "lang-en", "en": "lang-de"}[str(outcome.parameters["language"])]
    for name in STEPS:
        path = outcome.out / "notebooks" / f"{name}.ipynb"
        tags = {tag for cell in nbformat.read(path, as_version=4).cells for tag in cell.metadata.get("tags", [])}
        assert other not in tags
        assert str(case) not in path.read_text(encoding="utf-8"), name


def test_figures_are_there(outcome: RunOutcome) -> None:
    path = outcome.out / "notebooks" / "02_key_accounts.ipynb"
    outputs = [o for c in nbformat.read(path, as_version=4).cells for o in c.get("outputs", ())]
    assert sum(any(kind.startswith("image/") for kind in o.get("data", {})) for o in outputs) >= 2


RESULTS = [
    "account_risk.csv", "accounts.csv", "actions.csv", "allocation.csv", "backtests.csv", "cross_selling.csv",
    "existence.json", "import.json", "investment.json", "options.csv", "pilot_accounts.csv", "pilots.csv", "portfolio.csv",
    "questions.csv", "reliability.csv", "risk_signs.csv", "sites.csv", "summary.json", "whitespace.csv",
]  # fmt: skip


def refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def test_published_files_are_what_the_contract_says(outcome: RunOutcome) -> None:
    results = outcome.out / "results"
    assert sorted(path.name for path in results.iterdir()) == RESULTS
    for path in results.glob("*.csv"):
        assert not path.read_bytes().startswith(b"\xef\xbb\xbf")
        assert b"\r\n" not in path.read_bytes(), path.name
        assert len(pd.read_csv(path).columns) > 3
    for path in results.glob("*.json"):
        json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_plain_papermill_leaves_the_same_result_files(case: Path, tmp_path: Path) -> None:
    outcome = kamkit.run(case, out=case / "run-plain", language="de")
    for name in STEPS:
        papermill.execute_notebook(
            kit_folder("notebooks") / f"{name}.ipynb",
            tmp_path / f"{name}.ipynb",
            {"engagement": str(case), "work": str(tmp_path / "work")},
            progress_bar=False,
        )
    for path in (outcome.out / "results").iterdir():
        assert (tmp_path / "work" / "results" / path.name).read_text() == path.read_text(), path.name


def test_each_notebook_runs_alone_without_any_step_before_it(case: Path, tmp_path: Path) -> None:
    papermill.execute_notebook(
        kit_folder("notebooks") / "04_strategy_options.ipynb",
        tmp_path / "out.ipynb",
        {"engagement": str(case), "work": str(tmp_path / "work")},
        progress_bar=False,
    )
    assert (tmp_path / "work" / "results" / "options.csv").is_file()


def test_a_wrong_value_stops_plain_papermill_too(case: Path, tmp_path: Path) -> None:
    with pytest.raises(papermill.PapermillExecutionError) as caught:
        papermill.execute_notebook(
            kit_folder("notebooks") / "02_key_accounts.ipynb",
            tmp_path / "out.ipynb",
            {"engagement": str(case), "work": str(tmp_path / "work"), "threshold": "0,8"},
            progress_bar=False,
        )
    assert caught.value.ename == "EngagementError"
    assert "threshold: '0,8' is not a number above 0 and up to 1, such as 0.8" in caught.value.evalue
