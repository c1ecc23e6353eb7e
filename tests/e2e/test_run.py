"""A run from validation to manifest, with tiny notebooks in place of the kit's: one per way to succeed or fail."""

from __future__ import annotations

import html
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from kamkit.errors import EngagementError, InputError
from kamkit.execution import folders, notebooks
from kamkit.execution.chain import Progress, run
from kamkit.execution.engine import Limits
from kamkit.execution.manifest import RunOutcome

PARAMETERS = "engagement = 'machinery'\nlanguage = None\nwork = None"
OK = "from pathlib import Path\nfor name in ('tables', 'results', 'deliverables'):\n    Path(work, name).mkdir(exist_ok=True)"
FAILS = "raise ValueError('no good')"
INVALID = "from kamkit import InputError\nraise InputError('a.csv', ['revenue is empty in row 3'])"


def notebook(path: Path, *cells: str) -> Path:
    """A notebook with a parameters cell and some code; cells that begin with `de:` or `en:` are prose."""
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})])
    for source in cells:
        if source[:3] in ("de:", "en:"):
            nb.cells.append(nbformat.v4.new_markdown_cell(source[3:], metadata={"tags": [f"lang-{source[:2]}"]}))
        else:
            nb.cells.append(nbformat.v4.new_code_cell(source))
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, path)
    return path


@pytest.fixture
def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kit of two notebooks."""
    folder = tmp_path / "kit" / "notebooks"
    notebook(folder / "01_first.ipynb", "de:Zuerst", "en:First", OK, "(language, Path(engagement).name)")
    notebook(folder / "02_second.ipynb", OK, "Path(work, 'results', 'second.csv').write_text('a\\n1\\n')")
    monkeypatch.setattr(notebooks, "kit_folder", lambda name: tmp_path / "kit" / name)
    return folder


@pytest.fixture
def engagement(tmp_path: Path) -> Path:
    folder = tmp_path / "client"
    (folder / "raw").mkdir(parents=True)
    rows = "".join(f"{k};0{m}.0{k}.2025;{k * 100},50\n" for k in range(1, 7) for m in range(1, 7))
    (folder / "raw" / "sales.csv").write_text("Kunde;Datum;Umsatz\n" + rows, encoding="utf-8")
    (folder / "engagement.yml").write_text(
        "client: Muster GmbH\nsources:\n  transactions:\n    path: raw/sales.csv\n"
        "    columns: {customer_id: Kunde, posting_date: Datum, net_revenue: Umsatz}\n",
        encoding="utf-8",
    )
    return folder


def states(outcome: RunOutcome) -> list[str]:
    return [f"{step.name}: {step.state}" for step in outcome.steps]


def manifest(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "manifest.json").read_text(encoding="utf-8")))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_run_leaves_a_folder_that_says_what_it_is(kit: Path, engagement: Path) -> None:
    seen: list[Progress] = []
    outcome = run(engagement, progress=seen.append)
    assert (outcome.state, outcome.exit_code, outcome.error) == ("ok", 0, None)
    assert outcome.out.parent == engagement / "runs"
    assert names(outcome.out) == ["deliverables", "manifest.json", "notebooks", "results", "run.log", "tables"]
    assert (engagement / "runs" / "latest.txt").read_text() == f"{outcome.out.name}\n"
    assert names(engagement / "runs") == sorted([outcome.out.name, "latest.txt"])
    told = manifest(outcome.out)
    assert list(told) == [
        "state",
        "engagement",
        "parameters",
        "inputs",
        "versions",
        "steps",
        "warnings",
        "overrides",
        "client",
    ]
    assert told["state"] == "ok"
    assert [list(step) for step in told["steps"]] == [["name", "state", "seconds", "peak_mb", "error"]] * 2
    assert {"engagement.yml", "raw/sales.csv", "inputs.xlsx"} <= set(told["inputs"])
    assert [p.record.state for p in seen if p.record] == ["ok", "ok"]
    assert (engagement / "inputs.xlsx").exists()


def test_executed_notebooks_keep_one_language_and_fold_their_code(kit: Path, engagement: Path) -> None:
    for language, prose in (("de", "Zuerst"), ("en", "First")):
        outcome = run(engagement, out=engagement / language, language=language)
        nb = nbformat.read(outcome.out / "notebooks" / "01_first.ipynb", as_version=4)
        assert [cell.source for cell in nb.cells if cell.cell_type == "markdown"] == [prose]
        assert all(cell.metadata.jupyter.source_hidden for cell in nb.cells if cell.cell_type == "code")
        assert nb.cells[-1].outputs[0].data["text/plain"] == repr((language, "engagement.yml"))


def test_executed_notebooks_become_pages_when_asked_for(kit: Path, engagement: Path) -> None:
    outcome = run(engagement, out=engagement / "here", parameters={"deliverables": ["notebooks"]})
    shown = ["01_first.html", "01_first.ipynb", "02_second.html", "02_second.ipynb"]
    assert names(outcome.out / "notebooks") == shown
    page = (outcome.out / "notebooks" / "01_first.html").read_text(encoding="utf-8")
    assert "<p>Zuerst</p>" in page
    assert repr(("de", "engagement.yml")) in html.unescape(page)
    assert str(engagement) not in page


def test_executed_notebooks_run_again_and_name_no_machine(kit: Path, engagement: Path) -> None:
    outcome = run(engagement, out=engagement / "here", parameters={"threshold": 0.7, "period": "2025"})
    path = outcome.out / "notebooks" / "01_first.ipynb"
    assert str(engagement) not in path.read_text(encoding="utf-8")
    injected = nbformat.read(path, as_version=4).cells[1]
    assert injected.source == (
        "# Parameters\nengagement = '../../engagement.yml'\nlanguage = 'de'\nthreshold = 0.7\n"
        "period = '2025-01-01/2025-12-31'"
    )


def test_a_failed_run_is_kept_apart_and_the_earlier_one_stays(kit: Path, engagement: Path) -> None:
    out = engagement / "out"
    good = run(engagement, out=out)
    before = manifest(out)
    notebook(kit / "01_first.ipynb", OK)
    notebook(kit / "02_second.ipynb", FAILS)
    notebook(kit / "03_third.ipynb", OK)
    outcome = run(engagement, out=out)
    assert (good.state, outcome.state, outcome.exit_code) == ("ok", "failed", 1)
    assert outcome.out == engagement / "out.failed"
    assert states(outcome) == ["01_first: ok", "02_second: failed", "03_third: not_run"]
    assert manifest(out) == before
    told = manifest(outcome.out)["steps"][1]["error"]
    assert told == {"type": "ValueError", "message": "no good", "cell": 3, "line": FAILS}
    assert names(outcome.out / "notebooks") == ["01_first.ipynb", "02_second.ipynb"]
    assert "02_second: failed" in (outcome.out / "run.log").read_text(encoding="utf-8")


def test_a_good_run_takes_the_failed_one_away(kit: Path, engagement: Path) -> None:
    notebook(kit / "01_first.ipynb", FAILS)
    run(engagement, out=engagement / "out")
    assert (engagement / "out.failed").is_dir()
    notebook(kit / "01_first.ipynb", OK)
    run(engagement, out=engagement / "out")
    assert not (engagement / "out.failed").exists()


def test_invalid_input_that_a_notebook_finds_is_exit_code_2(kit: Path, engagement: Path) -> None:
    notebook(kit / "01_first.ipynb", INVALID)
    outcome = run(engagement)
    assert outcome.exit_code == 2
    assert outcome.error is not None
    assert outcome.error.message == "a.csv: 1 problem found\n- revenue is empty in row 3"


def test_a_dead_kernel_and_a_timeout_reach_the_manifest(kit: Path, engagement: Path) -> None:
    notebook(kit / "01_first.ipynb", "import os\nos._exit(1)")
    assert manifest(run(engagement, out=engagement / "a").out)["steps"][0]["error"]["type"] == "DeadKernelError"
    notebook(kit / "01_first.ipynb", "while True: pass")
    outcome = run(engagement, out=engagement / "b", limits=Limits(cell=0.5, notebook=60))
    assert manifest(outcome.out)["steps"][0]["error"]["type"] == "CellTimeoutError"
    assert states(outcome) == ["01_first: failed", "02_second: not_run"]


def test_an_early_end_is_told(kit: Path, engagement: Path) -> None:
    notebook(kit / "01_first.ipynb", "import sys\nsys.exit()", "1")
    outcome = run(engagement)
    assert outcome.state == "ok"
    assert outcome.warnings == ("01_first stopped itself in cell 3: later cells were not run",)


def test_own_notebooks_replace_and_join_the_kits(kit: Path, engagement: Path) -> None:
    notebook(engagement / "notebooks" / "02_second.ipynb", "import os", "os.path.basename(os.getcwd())")
    notebook(engagement / "notebooks" / "015_between.ipynb", OK)
    notebook(engagement / "notebooks" / "scratch.ipynb", FAILS)
    outcome = run(engagement)
    assert states(outcome) == ["01_first: ok", "015_between: ok", "02_second: ok"]
    assert manifest(outcome.out)["overrides"] == ["015_between", "02_second"]
    nb = nbformat.read(outcome.out / "notebooks" / "02_second.ipynb", as_version=4)
    assert nb.cells[-1].outputs[0].data["text/plain"] == "'notebooks'"


def test_one_step_alone(kit: Path, engagement: Path) -> None:
    for word in ("02_second", "second", "2", "02"):
        outcome = run(engagement, out=engagement / "one", step=word)
        assert states(outcome) == ["01_first: not_run", "02_second: ok"] or outcome.steps[1].state == "cached"
        assert names(outcome.out / "notebooks") == ["02_second.ipynb"]


def test_what_is_current_is_not_run_again(kit: Path, engagement: Path) -> None:
    out = engagement / "out"
    assert [step.state for step in run(engagement, out=out).steps] == ["ok", "ok"]
    before = manifest(out)
    assert [step.state for step in run(engagement, out=out).steps] == ["cached", "cached"]
    assert manifest(out) == before
    assert [step.state for step in run(engagement, out=out, force=True).steps] == ["ok", "ok"]
    assert [step.state for step in run(engagement, out=out, parameters={"threshold": 0.7}).steps] == ["ok", "ok"]
    with (engagement / "raw" / "sales.csv").open("a", encoding="utf-8") as file:
        file.write("9;01.02.2025;1,00\n")
    assert [step.state for step in run(engagement, out=out, parameters={"threshold": 0.7}).steps] == ["ok", "ok"]


def test_old_runs_go_and_nothing_else(kit: Path, engagement: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (engagement / "engagement.yml").open("a", encoding="utf-8") as file:
        file.write("keep_runs: 2\n")
    (engagement / "runs" / "0000-mine").mkdir(parents=True)
    made = []
    for number in range(3):
        monkeypatch.setattr(folders, "run_name", lambda number=number: f"2025-01-0{number + 1}T00-00-00Z")
        made.append(run(engagement, step="1").out.name)
    assert names(engagement / "runs") == ["0000-mine", *made[1:], "latest.txt"]


def test_two_runs_in_one_second_have_two_folders(kit: Path, engagement: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "run_name", lambda: "2025-01-01T00-00-00Z")
    assert [run(engagement, step="1").out.name for _ in range(2)] == ["2025-01-01T00-00-00Z", "2025-01-01T00-00-00Z-2"]


def nothing_ran(engagement: Path) -> bool:
    return not (engagement / "runs").exists() or not list((engagement / "runs").glob("*Z"))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"thresold": 0.7}, "parameters: 1 problem found\n- unknown setting 'thresold'. Did you mean 'threshold'?"),
        (
            {"threshold": "0,8", "basis": "revenu"},
            "parameters: 2 problems found\n- basis: 'revenu' is none of revenue, margin, potential. Did you mean "
            "'revenue'?\n- threshold: '0,8' is not a number above 0 and up to 1, such as 0.8",
        ),
        (
            {"pareto.treshold": 0.7},
            "engagement.yml: 1 problem found\n- pareto: unknown setting 'treshold'. Did you mean 'threshold'?",
        ),
        (
            {"language": "fr"},
            "parameters: 1 problem found\n- language: 'fr' is none of de, en.",
        ),
    ],
)
def test_wrong_parameters_start_nothing(kit: Path, engagement: Path, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(EngagementError) as caught:
        run(engagement, parameters=parameters)
    assert str(caught.value) == message
    assert nothing_ran(engagement)


def test_a_step_that_does_not_exist_starts_nothing(kit: Path, engagement: Path) -> None:
    with pytest.raises(EngagementError) as caught:
        run(engagement, step="02_secnd")
    assert str(caught.value) == (
        "--step: 1 problem found\n- there is no notebook '02_secnd'. Did you mean '02_second'? "
        "The steps are: 01_first, 02_second"
    )
    assert nothing_ran(engagement)


def test_a_missing_raw_file_starts_nothing(kit: Path, engagement: Path) -> None:
    (engagement / "raw" / "sales.csv").unlink()
    with pytest.raises(InputError, match=r"^engagement.yml: 1 problem found\n- sources.transactions: raw/sales.csv"):
        run(engagement)
    assert nothing_ran(engagement)


def test_a_folder_of_somebody_else_is_not_touched(kit: Path, engagement: Path) -> None:
    (engagement / "mine" / "results").mkdir(parents=True)
    with pytest.raises(EngagementError) as caught:
        run(engagement, out=engagement / "mine")
    assert str(caught.value) == (
        f"--out: 1 problem found\n- {engagement / 'mine'} holds folders that are not from a run of kamkit: "
        "name another folder"
    )
    (engagement / "file").write_text("x")
    with pytest.raises(EngagementError, match="is a file: name a folder"):
        run(engagement, out=engagement / "file")


def test_a_broken_own_notebook_is_told(kit: Path, engagement: Path) -> None:
    (engagement / "notebooks").mkdir()
    (engagement / "notebooks" / "03_own.ipynb").write_text("not json")
    with pytest.raises(EngagementError, match=r"^notebooks/03_own.ipynb: 1 problem found\n- is not a notebook"):
        run(engagement)
    assert nothing_ran(engagement)


def died(pid: int) -> bool:
    """Whether a process ends within ten seconds; one that only its new parent has not yet taken note of is dead too."""
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(kit: Path, engagement: Path, tmp_path: Path, number: int) -> None:
    notebook(
        engagement / "notebooks" / "01_import.ipynb",
        "import os, time",
        "open('pid', 'w').write(str(os.getpid()))",
        "time.sleep(99)",
    )
    process = subprocess.Popen([sys.executable, "-c", "from kamkit.cli import main; main()", "run", str(engagement)])
    pid = engagement / "notebooks" / "pid"
    while not pid.exists() or not pid.read_text():
        time.sleep(0.1)
    process.send_signal(number)
    assert process.wait(20) == 130
    assert names(engagement / "runs") == []
    assert died(int(pid.read_text()))


@pytest.mark.slow
def test_a_killed_run_takes_its_kernel_along_and_the_next_one_tidies_up(kit: Path, engagement: Path) -> None:
    notebook(
        engagement / "notebooks" / "01_import.ipynb",
        "import os, time",
        "open('pid', 'w').write(str(os.getpid()))",
        "time.sleep(99)",
    )
    arguments = ["run", str(engagement), "--out", str(engagement / "out")]
    process = subprocess.Popen([sys.executable, "-c", "from kamkit.cli import main; main()", *arguments])
    pid = engagement / "notebooks" / "pid"
    while not pid.exists() or not pid.read_text():
        time.sleep(0.1)
    process.kill()
    process.wait(20)
    assert len(list(engagement.glob(".out-*"))) == 1
    assert died(int(pid.read_text()))
    (engagement / "notebooks" / "01_import.ipynb").unlink()
    run(engagement, out=engagement / "out")
    assert list(engagement.glob(".out-*")) == []
