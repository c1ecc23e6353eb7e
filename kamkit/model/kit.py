"""Where the kit's own files lie: in the wheel inside the package, in a checkout beside it."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def kit_folder(name: str) -> Path:
    """The folder `notebooks`, `templates` or `data` of the kit.

    Raises FileNotFoundError when the installation is damaged.
    """
    for place in (_PACKAGE / "kit" / name, _PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"kamkit's folder {name!r} is missing: reinstall kamkit")


def bundled_cases() -> tuple[str, ...]:
    """The names of the bundled synthetic cases, sorted."""
    return tuple(sorted(path.parent.name for path in kit_folder("data").glob("*/engagement.yml")))
