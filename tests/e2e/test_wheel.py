"""The wheel alone is a working kit: installed in an empty environment, away from the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.install


def test_wheel_alone_runs_the_demo(repository: Path, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, repository], check=True
    )
    (wheel,) = tmp_path.glob("kamkit-*.whl")
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    lock = repository / "requirements.lock"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", wheel], check=True)

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    clean = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(
        [python.with_name("kamkit"), "demo", "--json"],
        cwd=elsewhere,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    out = Path(json.loads(done.stdout)["out"])
    assert out.is_relative_to(elsewhere)
    assert json.loads((out / "manifest.json").read_text(encoding="utf-8"))["state"] == "ok"
    assert {path.suffix for path in (out / "deliverables").iterdir()} == {".html", ".pdf", ".pptx", ".xlsx"}


def test_what_runs_leave_beside_the_notebooks_stays_out_of_the_wheel(repository: Path, tmp_path: Path) -> None:
    ignored = [".venv", ".git", ".mypy_cache", ".ruff_cache", ".pytest_cache", "runs", "kamkit-demo"]
    copy = shutil.copytree(repository, tmp_path / "copy", ignore=shutil.ignore_patterns(*ignored))
    left = copy / "notebooks" / "work" / "machinery" / "results"
    left.mkdir(parents=True, exist_ok=True)
    (left / "accounts.csv").write_text("a client's figures", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", tmp_path, copy], check=True)
    (wheel,) = tmp_path.glob("kamkit-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "kamkit/kit/notebooks/01_import.ipynb" in names
    assert "kamkit/py.typed" in names
    assert [name for name in names if "/work/" in name] == []
