"""kamkit: from a client's raw sales export to a defensible key-account strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kamkit.errors import DeliverableError, EngagementError, InputError, KamkitError, StepError

if TYPE_CHECKING:
    from kamkit.execution.chain import run as run
    from kamkit.execution.project import open_project as open_project

__version__ = "0.1.0"

__all__ = [
    "DeliverableError",
    "EngagementError",
    "InputError",
    "KamkitError",
    "StepError",
    "__version__",
    "open_project",
    "run",
]


def __getattr__(name: str) -> Any:
    """Load the working parts on first use: importing kamkit stays fast."""
    if name == "open_project":
        from kamkit.execution.project import open_project

        return open_project
    if name == "run":
        from kamkit.execution.chain import run

        return run
    raise AttributeError(f"module 'kamkit' has no attribute {name!r}")
