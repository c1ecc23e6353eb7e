"""The folders of runs: a private one to work in, the published one that is whole or absent, and old ones to remove."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from kamkit.errors import EngagementError
from kamkit.execution.files import write_json
from kamkit.execution.manifest import RunOutcome, run_name

FOLDERS = ("notebooks", "tables", "results", "deliverables", "explain")


def new_run(runs: Path) -> Path:
    """A folder for a run that begins now; nobody has taken it."""
    name = run_name()
    taken = (runs / f"{name}{suffix}" for suffix in ["", *(f"-{n}" for n in range(2, 1000))])
    return next(path.absolute() for path in taken if not path.exists() and not failed_folder(path).exists())


def check_target(out: Path) -> None:
    """A run replaces an earlier run, never anything else. Raises EngagementError."""
    if out.is_file():
        raise EngagementError("--out", [f"{out} is a file: name a folder"])
    if not is_run(out) and any((out / name).exists() for name in FOLDERS):
        raise EngagementError("--out", [f"{out} holds folders that are not from a run of kamkit: name another folder"])


def is_run(folder: Path) -> bool:
    """Whether kamkit made this folder."""
    return (folder / "manifest.json").is_file() or (folder / "run.log").is_file()


def failed_folder(out: Path) -> Path:
    """Where a failed run goes."""
    return out.with_name(f"{out.name}.failed")


def publish(outcome: RunOutcome, scratch: Path) -> None:
    """Move a finished run into its place: folders and log by renaming, the manifest last, as the sign that all is there."""
    out = outcome.out
    with _only_one_publishes(out):
        out.mkdir(parents=True, exist_ok=True)
        (out / "manifest.json").unlink(missing_ok=True)
        (scratch / "run.log").replace(out / "run.log")
        for name in FOLDERS:
            if (out / name).exists():
                (out / name).rename(scratch / f"old-{name}")
            if (scratch / name).exists():
                (scratch / name).rename(out / name)
        write_json(out / "manifest.json", outcome.manifest())
        if outcome.state == "ok" and is_run(failed_folder(out)):
            shutil.rmtree(failed_folder(out), ignore_errors=True)


def prune_runs(runs: Path, keep: int, compared: Path | None = None) -> tuple[Path, ...]:
    """Remove the oldest runs beyond `keep`, done and failed ones each; only folders that kamkit made, and never the one that
    later runs are `compared` with."""
    made = [path for path in sorted(runs.iterdir()) if (path / "manifest.json").is_file()] if runs.is_dir() else []
    made = [path for path in made if compared is None or path.resolve() != compared.resolve()]
    failed = [path for path in made if path.name.endswith(".failed")]
    done = [path for path in made if path not in failed]
    old = [*done[: max(len(done) - keep, 0)], *failed[: max(len(failed) - keep, 0)]]
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
    return tuple(old)


@contextmanager
def scratch_beside(out: Path) -> Iterator[Path]:
    """A private folder on the same disk as the target; leftovers of runs that were killed go."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        for other in out.parent.glob(f".{out.name}-*"):
            remove_abandoned(other)
        scratch = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent)).resolve()
    except OSError as error:
        raise EngagementError("--out", [f"{out.parent} cannot be written: {error.strerror}"]) from None
    lock = FileLock(scratch / ".running")
    try:
        with lock:
            yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def remove_abandoned(scratch: Path) -> bool:
    """Remove the scratch folder of a run that no longer lives; whether there was one."""
    if not (scratch / ".running").exists():
        return False
    try:
        with FileLock(scratch / ".running", timeout=0):
            shutil.rmtree(scratch, ignore_errors=True)
    except Timeout:
        return False
    return True


@contextmanager
def _only_one_publishes(out: Path) -> Iterator[None]:
    name = "".join(char if char.isalnum() else "-" for char in str(out))[-100:]
    with FileLock(Path(tempfile.gettempdir()) / f"kamkit-{name}.lock"):
        yield
