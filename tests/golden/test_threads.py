"""The same bits on a machine with one thread and on one with many."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

STEP_2 = """
import hashlib, sys
from kamkit import open_project
from kamkit.telling.results import render_result, result_files

project = open_project("machinery", work=sys.argv[1])
files = result_files(project.imported, project.facts, project.labels, project.key_accounts)
print(hashlib.sha256("".join(render_result(files[name]) for name in ("summary.json", "accounts.csv")).encode()).hexdigest())
"""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "POLARS_MAX_THREADS")


@pytest.mark.slow
def test_key_accounts_are_the_same_for_any_number_of_threads(tmp_path: Path) -> None:
    found = {
        n: subprocess.run(
            [sys.executable, "-c", STEP_2, str(tmp_path / str(n))],
            env=os.environ | dict.fromkeys(THREADS, str(n)),
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for n in (1, 2, 7)
    }
    assert len(set(found.values())) == 1, found
