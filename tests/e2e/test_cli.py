"""The command line: exit codes, what goes to stdout and to stderr, and no traceback ever."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from typer.testing import CliRunner

from kamkit import __version__
from kamkit.cli import app
from kamkit.execution import lab, notebooks

CSV = "Kunde;Datum;Umsatz\n" + "".join(
    f"{k:04d};0{m}.0{k}.2025;{k * 100},50\n" for k in range(1, 7) for m in range(1, 7)
)
ENGAGEMENT = (
    "client: Muster GmbH\nsources:\n  transactions:\n    path: raw/sales.csv\n"
    "    columns: {customer_id: Kunde, posting_date: Datum, net_revenue: Umsatz}\n"
)


def call(*arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def engagement(tmp_path: Path) -> Path:
    return engagement_in(tmp_path / "client")


def engagement_in(folder: Path) -> Path:
    (folder / "raw").mkdir(parents=True)
    (folder / "raw" / "sales.csv").write_text(CSV, encoding="utf-8")
    (folder / "engagement.yml").write_text(ENGAGEMENT, encoding="utf-8")
    return folder


@pytest.fixture
def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kit of one notebook, which fails for a client called Fails."""
    cells = [
        "engagement = 'machinery'\nlanguage = None\nwork = None",
        "from pathlib import Path\nassert 'Fails' not in Path(engagement).read_text()",
    ]
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nb.cells[0].metadata["tags"] = ["parameters"]
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    folder = tmp_path / "kit" / "notebooks"
    folder.mkdir(parents=True)
    nbformat.write(nb, folder / "01_only.ipynb")
    monkeypatch.setattr(notebooks, "kit_folder", lambda name: tmp_path / "kit" / name)
    return folder


def test_version() -> None:
    assert call("--version")[:2] == (0, f"kamkit {__version__}\n")


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["run"], ["run", "x", "--colour"], ["run", "x", "-p", "threshold"]]
)
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    code, out, _ = call(*arguments)
    assert (code, out) == (2, "")


def test_starting_does_not_import_what_it_does_not_need() -> None:
    heavy = "{'pandas', 'numpy', 'papermill', 'ibis', 'matplotlib'} & set(sys.modules)"
    for arguments in (["--version"], ["--help"], ["run", "--help"]):
        code = f"import sys\nfrom kamkit.cli import app\ntry: app({arguments})\nexcept SystemExit: pass\nprint({heavy})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "set()"


def test_a_run_tells_people_on_stderr_and_machines_on_stdout(kit: Path, engagement: Path) -> None:
    code, out, err = call("run", str(engagement), "--json", "-p", "pareto.threshold=0.7", "--language", "en")
    told = json.loads(out)
    assert code == 0
    assert (told["state"], told["exit_code"]) == ("ok", 0)
    assert told["parameters"]["pareto.threshold"] == 0.7
    assert told["parameters"]["language"] == "en"
    assert "[1/1] 01_only: ok" in err
    assert call("run", str(engagement))[1] == ""


def test_a_failing_run_says_where_without_a_traceback(kit: Path, engagement: Path) -> None:
    (engagement / "engagement.yml").write_text(ENGAGEMENT.replace("Muster", "Fails"), encoding="utf-8")
    code, out, err = call("run", str(engagement), "--json")
    assert code == 1
    assert json.loads(out)["state"] == "failed"
    assert "01_only: AssertionError in cell 3" in err
    assert "Traceback" not in err


def test_invalid_input_is_exit_code_2(kit: Path, engagement: Path) -> None:
    code, out, err = call("run", str(engagement), "--json", "-p", "threshold=0,8")
    message = "parameters: 1 problem found\n- threshold: '0,8' is not a number above 0 and up to 1, such as 0.8"
    assert (code, err.strip()) == (2, message)
    assert json.loads(out)["error"] == {
        "type": "EngagementError",
        "message": message,
        "problems": ["threshold: '0,8' is not a number above 0 and up to 1, such as 0.8"],
    }


def test_interrupting_is_exit_code_130(monkeypatch: pytest.MonkeyPatch, engagement: Path) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kamkit.execution.chain.run", interrupted)
    assert call("run", str(engagement))[0] == 130


def test_a_bug_shows_no_traceback(monkeypatch: pytest.MonkeyPatch, engagement: Path) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("kamkit.execution.chain.run", broken)
    code, _, err = call("run", str(engagement))
    assert (code, err) == (
        1,
        "ZeroDivisionError: oops\nThis should not have happened. Set KAMKIT_DEBUG=1 to see where.\n",
    )


def test_check_lists_what_the_import_would_find(engagement: Path) -> None:
    code, out, err = call("check", str(engagement), "--json")
    assert code == 0
    told = json.loads(out)
    assert (told["rows_in"], told["rows_kept"]) == (36, 36)
    assert err.splitlines() == told["lines"]
    assert sorted(path.name for path in engagement.iterdir()) == ["engagement.yml", "raw"]


def test_check_lists_every_problem(engagement: Path) -> None:
    text = ENGAGEMENT.replace("client:", "clint:").replace("net_revenue", "revenue")
    (engagement / "engagement.yml").write_text(text, encoding="utf-8")
    code, out, err = call("check", str(engagement))
    assert (code, out) == (2, "")
    assert err.startswith("engagement.yml: 4 problems found\n")


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_weight_of_nothing_is_refused_before_anything_starts(engagement: Path, command: str) -> None:
    text = ENGAGEMENT + "options: {weights: {relationship: {tenure_year: 2}}}\n"
    (engagement / "engagement.yml").write_text(text, encoding="utf-8")
    assert call(command, str(engagement)) == (
        2,
        "",
        "options: 1 problem found\n"
        "- options.weights.relationship: unknown setting 'tenure_year'. Did you mean 'tenure_years'?\n",
    )
    assert sorted(path.name for path in engagement.iterdir()) == ["engagement.yml", "raw"]


def test_a_folder_in_place_of_a_rule_table_is_not_passed_over(engagement: Path) -> None:
    (engagement / "rules" / "options.yml").mkdir(parents=True)
    code, out, err = call("check", str(engagement))
    assert (code, out) == (2, "")
    assert err.startswith("rules/options.yml: 1 problem found\n- cannot be read: ")


def test_new_makes_an_engagement_that_says_what_is_missing(tmp_path: Path) -> None:
    code, out, err = call("new", str(tmp_path / "acme"), "--client", 'A: "B" & C', "--industry", "28.30", "--json")
    assert code == 0
    assert {"engagement.yml", "inputs.xlsx"} <= set(json.loads(out)["files"])
    text = (tmp_path / "acme" / "engagement.yml").read_text(encoding="utf-8")
    assert 'client: "A: \\"B\\" & C"\n' in text
    assert 'supplier_industry: {code: "28.30", version: nace2}\n' in text
    assert "no file matches" in err


def test_new_from_an_export_is_ready_to_check(tmp_path: Path) -> None:
    (tmp_path / "Umsatz 2025.csv").write_text(CSV.replace("Kunde;", "Kundennr;"), encoding="cp1252")
    assert call("new", str(tmp_path / "acme"), "--from", str(tmp_path / "Umsatz 2025.csv"), "--language", "en")[0] == 0
    text = (tmp_path / "acme" / "engagement.yml").read_text(encoding="utf-8")
    assert (
        '  transactions:\n    path: "raw/Umsatz 2025.csv"\n    columns:\n      customer_id: "Kundennr"  # 92%\n'
        '      posting_date: "Datum"  # 95%\n      net_revenue: "Umsatz"  # 95%\n\n'
    ) in text
    assert "\nlanguage: en " in text
    assert call("check", str(tmp_path / "acme"))[0] == 0


def test_new_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "engagement.yml").write_text("mine", encoding="utf-8")
    code, _, err = call("new", str(tmp_path / "acme"))
    assert (code, err) == (
        2,
        f"{tmp_path / 'acme'}: 1 problem found\n- engagement.yml is there already: nothing is overwritten\n",
    )
    assert [path.name for path in (tmp_path / "acme").iterdir()] == ["engagement.yml"]


def test_new_from_what_cannot_be_read(tmp_path: Path) -> None:
    code, _, err = call("new", str(tmp_path / "acme"), "--from", str(tmp_path / "none.csv"))
    assert (code, err) == (
        2,
        f"{tmp_path / 'none.csv'}: 1 problem found\n- there is no such file: give the path of a sales export\n",
    )
    assert not (tmp_path / "acme").exists()


def test_lab_works_on_copies_and_keeps_what_was_tried(
    kit: Path, engagement: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[list[str]] = []
    monkeypatch.setattr(lab.subprocess, "call", lambda command: launched.append(list(command)) or 0)
    assert call("lab", str(engagement), "--no-browser", "--port=9999")[0] == 0
    copy = engagement / "work" / "lab" / "01_only.ipynb"
    assert launched[0][1:] == ["-m", "jupyterlab", f"--notebook-dir={copy.parent}", "--no-browser", "--port=9999"]
    cells = nbformat.read(copy, as_version=4).cells
    assert cells[1].source == '# Parameters\nengagement = "../../engagement.yml"\nlanguage = "de"\n'
    copy.write_text(copy.read_text().replace("Fails", "Tried"))
    _, _, err = call("lab", str(engagement))
    assert "Kept as they were: 01_only" in err
    assert "Tried" in copy.read_text()


def test_clean_leaves_the_latest_run_and_what_an_analyst_made(kit: Path, engagement: Path) -> None:
    for _ in range(2):
        call("run", str(engagement))
    for name in ("steps", "tables", "lab"):
        (engagement / "work" / name).mkdir(parents=True)
    code, out, _ = call("clean", str(engagement), "--json")
    assert code == 0
    assert len(json.loads(out)["removed"]) == 3
    assert [path.name for path in (engagement / "work").iterdir()] == ["lab"]
    latest = (engagement / "runs" / "latest.txt").read_text().strip()
    assert sorted(path.name for path in (engagement / "runs").iterdir()) == [latest, "latest.txt"]


def batch_json(folder: Path) -> list[dict[str, Any]]:
    return list(json.loads((folder / "batch.json").read_text(encoding="utf-8"))["engagements"])


@pytest.mark.slow
def test_one_failure_in_a_batch_stops_no_other(engagement: Path, tmp_path: Path) -> None:
    many = tmp_path / "many"
    for name, code in (
        ("a", "1"),
        ("b", "raise ValueError('no')"),
        ("c", "1"),
        ("d", "import os, time; os.kill(os.getppid(), 9); time.sleep(9)"),
    ):
        folder = engagement_in(many / name)
        (folder / "notebooks").mkdir()
        for kit_notebook in notebooks.chain_of(folder):
            nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
            nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
            nbformat.write(nb, folder / "notebooks" / kit_notebook.source.name)
    code, out, _ = call("batch", str(many), "--workers", "2", "--out", str(tmp_path / "out"), "--json")
    assert code == 3
    rows = batch_json(tmp_path / "out")
    assert json.loads(out)["engagements"] == rows
    assert [(Path(row["engagement"]).parent.name, row["state"], row["exit_code"]) for row in rows] == [
        ("a", "ok", 0),
        ("b", "failed", 1),
        ("c", "ok", 0),
        ("d", "failed", 1),
    ]
    assert rows[1]["error"]["type"] == "ValueError"
    assert sorted(p.name for p in (tmp_path / "out").iterdir() if p.name[0] != ".") == [
        "a",
        "b.failed",
        "batch.json",
        "c",
        "d.failed",
    ]


def test_a_batch_lists_every_problem_of_every_engagement_first(tmp_path: Path) -> None:
    many = tmp_path / "many"
    engagement_in(many / "good")
    (engagement_in(many / "bad") / "engagement.yml").write_text("client: ''\nlanguage: fr\n", encoding="utf-8")
    (engagement_in(many / "gone") / "raw" / "sales.csv").unlink()
    code, out, err = call("batch", str(many), "--out", str(tmp_path / "out"))
    assert (code, out) == (2, "")
    assert err.splitlines()[:5] == [
        "batch: 4 problems found",
        "- bad/engagement.yml: client: string should have at least 1 character, not ''",
        "- bad/engagement.yml: language: input should be 'de' or 'en', not 'fr'",
        "- bad/engagement.yml: sources is missing",
        err.splitlines()[4],
    ]
    assert err.splitlines()[4].startswith("- gone/engagement.yml: sources.transactions: raw/sales.csv")
    assert not (tmp_path / "out").exists()


def test_a_folder_without_engagements_is_told(tmp_path: Path) -> None:
    code, _, err = call("batch", str(tmp_path))
    assert (code, err) == (
        2,
        f"batch: 1 problem found\n- {tmp_path}: there is no engagement.yml in this folder or one level down\n",
    )
