"""The five notebooks of the machinery case: `kamkit run` beside a plain loop of papermill over the same notebooks."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import measure, table


def with_kamkit(case: Path, out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    command = Path(sys.executable).with_name("kamkit")
    done = subprocess.run([command, "run", case, "--out", out, "--json"], check=True, capture_output=True)
    assert [step["state"] for step in json.loads(done.stdout)["steps"]] == ["ok"] * 5


def with_papermill(case: Path, out: Path) -> None:
    import papermill

    from kamkit.model.kit import kit_folder

    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    for notebook in sorted(kit_folder("notebooks").glob("[0-9]*.ipynb")):
        papermill.execute_notebook(
            notebook,
            out / notebook.name,
            {"engagement": str(case / "engagement.yml"), "work": str(out / "work")},
            progress_bar=False,
        )


def main() -> str:
    from kamkit.model.kit import kit_folder

    with tempfile.TemporaryDirectory() as name:
        case = Path(name) / "machinery"
        shutil.copytree(kit_folder("data") / "machinery", case)
        measured = {
            "kamkit run": measure(with_kamkit, case, Path(name) / "kamkit"),
            "plain papermill loop": measure(with_papermill, case, Path(name) / "papermill"),
        }
    return table("chain: five notebooks, machinery case", measured, "plain papermill loop")
