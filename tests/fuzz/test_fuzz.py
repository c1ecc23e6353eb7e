"""What the fuzzer has found stays found: every kept input through the same entry point, and a short run of atheris."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).resolve().parent
SEEDS = sorted((HERE / "seeds").iterdir())


@pytest.fixture(scope="module")
def harness() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_readers", HERE / "fuzz_readers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
def test_every_kept_input_ends_in_a_result_or_a_clear_error(seed: Path, harness: ModuleType) -> None:
    assert harness.read_bytes(seed.read_bytes()) in ("result", "InputError", "EngagementError")


@pytest.mark.slow
def test_a_short_run_of_the_fuzzer_finds_nothing(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris (a fuzzer) is not installed: no wheel for this Python or system")
    script = [sys.executable, str(HERE / "fuzz_readers.py"), "-max_total_time=15", f"-artifact_prefix={tmp_path}/"]
    seeds = [str(tmp_path), str(HERE / "seeds")]
    # By way of a shell: Linux starts the peak memory of a process at that of its parent, and the fuzzer stops at 2 GB.
    apart = ["sh", "-c", '"$@"; exit $?', "sh"]
    run = subprocess.run(
        [*apart, *script, *seeds], capture_output=True, text=True, check=False, env=os.environ, timeout=300
    )
    assert run.returncode == 0, run.stderr[-3000:]
