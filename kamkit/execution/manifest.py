"""What a run says about itself: manifest.json and the outcome that Python users and the command line get."""

from __future__ import annotations

import datetime as dt
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import kamkit
from kamkit.errors import StepError
from kamkit.execution.store import key_of, kit_hash, source_hash
from kamkit.model.codes import StepState

PACKAGES = ("pandas", "numpy", "duckdb", "ibis-framework", "scipy", "matplotlib", "papermill", "nbclient", "ipykernel")


@dataclass(frozen=True)
class StepRecord:
    """What became of one notebook of a run."""

    name: str
    state: StepState = StepState.NOT_RUN
    seconds: float | None = None
    peak_mb: float | None = None
    error: StepError | None = None

    def as_json(self) -> dict[str, Any]:
        error = self.error
        return {
            "name": self.name,
            "state": str(self.state),
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "peak_mb": None if self.peak_mb is None else round(self.peak_mb, 1),
            "error": error
            and {"type": error.error_type, "message": error.message, "cell": error.cell, "line": error.line},
        }


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended and where it lies. `state` is ok or failed; a run that was current already has cached steps."""

    state: str
    out: Path
    engagement: Path
    client: str
    steps: tuple[StepRecord, ...]
    parameters: Mapping[str, Any]
    inputs: Mapping[str, str]
    versions: Mapping[str, str]
    overrides: tuple[str, ...]
    warnings: tuple[str, ...]
    seconds: float

    @property
    def error(self) -> StepError | None:
        """What ended the run, if it failed."""
        return next((step.error for step in self.steps if step.error), None)

    @property
    def exit_code(self) -> int:
        """0 done, 2 where a notebook found invalid input, 1 for every other failure."""
        if self.state == "ok":
            return 0
        return 2 if self.error and self.error.error_type in ("EngagementError", "InputError") else 1

    def manifest(self) -> dict[str, Any]:
        """The content of manifest.json."""
        return {
            "state": self.state,
            "engagement": self.engagement.as_posix(),
            "parameters": dict(self.parameters),
            "inputs": dict(self.inputs),
            "versions": dict(self.versions),
            "steps": [step.as_json() for step in self.steps],
            "warnings": list(self.warnings),
            "overrides": list(self.overrides),
            "client": self.client,
        }

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "out": self.out.as_posix(),
            "exit_code": self.exit_code,
            "seconds": round(self.seconds, 3),
        } | self.manifest()


def versions() -> dict[str, str]:
    """What figures depend on besides the data: Python, packages, and kamkit down to its source."""
    found = {"kamkit": kamkit.__version__, "kamkit_source": key_of(source_hash(), kit_hash("."))}
    found["python"] = platform.python_version()
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found


def run_name(now: dt.datetime | None = None) -> str:
    """The name of a run's folder, from the time in UTC: sorts by age and is valid on every system."""
    return (now or dt.datetime.now(dt.UTC)).strftime("%Y-%m-%dT%H-%M-%SZ")
