"""Engagement folders: made, copied from a bundled case, and tidied."""

from __future__ import annotations

import shutil
from pathlib import Path

from kamkit.errors import EngagementError
from kamkit.execution.chain import is_run, prune_runs, remove_abandoned
from kamkit.execution.project import home_of
from kamkit.model.engagement import find_engagement
from kamkit.model.kit import kit_folder


def copy_case(case: str, folder: Path) -> Path:
    """A bundled case in a folder of its own; files that are there already stay as they are.

    Raises EngagementError when the folder cannot be written.
    """
    source = kit_folder("data") / case
    try:
        for path in sorted(source.rglob("*")):
            target = folder / path.relative_to(source)
            if path.is_file() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
    except OSError as error:
        raise EngagementError(str(folder), [f"cannot be written: {error.strerror}"]) from None
    return folder


def clean(engagement: str | Path) -> list[Path]:
    """Remove what can be made again: all runs but the latest good one, copies of client data in work/, and what killed
    runs left behind. Notebooks in work/lab/ stay. What was removed.

    Raises EngagementError when there is no such engagement.
    """
    home = home_of(find_engagement(engagement))
    runs, work = home / "runs", home / "work"
    removed = list(prune_runs(runs, keep=1))
    if runs.is_dir():
        failed = [path for path in runs.glob("*.failed") if is_run(path)]
        removed += [*failed, *(path for path in runs.glob(".*") if remove_abandoned(path))]
    removed += [work / name for name in ("steps", "tables", "results") if (work / name).is_dir()]
    for path in removed:
        shutil.rmtree(path, ignore_errors=True)
    return removed
