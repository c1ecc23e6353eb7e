"""JupyterLab on copies of the notebooks, so that the kit's stay as they are and nothing an analyst tries is lost."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kamkit.execution.notebooks import chain_of, relative_reference, write_with_parameters
from kamkit.execution.settings import work_of
from kamkit.model.engagement import load_engagement

Launcher = Callable[[Sequence[str]], int]


@dataclass(frozen=True)
class LabFolder:
    """Where the copies lie; those that were there before are kept with what an analyst did to them."""

    folder: Path
    copied: tuple[str, ...]
    kept: tuple[str, ...]


def prepare_lab(engagement: str | Path, language: str | None = None) -> LabFolder:
    """Copy the engagement's notebooks to work/lab/, parameters set.

    Raises EngagementError when the engagement is wrong.
    """
    opened = load_engagement(engagement)
    folder = work_of(opened.file) / "lab"
    folder.mkdir(parents=True, exist_ok=True)
    parameters = {"engagement": relative_reference(opened.file, folder), "language": language or opened.language}
    copied: list[str] = []
    kept: list[str] = []
    for step in chain_of(opened.folder):
        target = folder / step.source.name
        (kept if target.exists() else copied).append(step.name)
        if not target.exists():
            write_with_parameters(step.source, target, parameters)
    return LabFolder(folder, tuple(copied), tuple(kept))


def open_lab(lab: LabFolder, arguments: Sequence[str] = (), launch: Launcher | None = None) -> int:
    """Start JupyterLab in the folder of the copies and wait until it ends; its exit code. Ctrl-C is left to it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return (launch or subprocess.call)(
            [sys.executable, "-m", "jupyterlab", f"--notebook-dir={lab.folder}", *arguments]
        )
    finally:
        signal.signal(signal.SIGINT, before)
