"""Whether kamkit can work on this machine: versions, fonts, write access, kernels, and a sample report."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kamkit.execution import kernels
from kamkit.execution.engine import run_notebook
from kamkit.execution.files import write_json
from kamkit.execution.manifest import versions
from kamkit.execution.project import open_project
from kamkit.model.engagement import AVAILABLE_DELIVERABLES
from kamkit.model.kit import bundled_cases, kit_folder


@dataclass(frozen=True)
class Checkup:
    """One thing looked at."""

    name: str
    ok: bool
    detail: str


def examine(folder: Path) -> Iterator[Checkup]:
    """Look at everything a run needs; `folder` is where the user wants to work."""
    checks: dict[str, Callable[[], str]] = {
        "versions": _versions,
        "kit": _kit,
        "write access": lambda: _write_access(folder),
        "fonts": _fonts,
        "kernel": _kernel,
        "sample report": _sample_report,
    }
    for name, check in checks.items():
        try:
            yield Checkup(name, True, check())
        except Exception as error:
            yield Checkup(name, False, f"{type(error).__name__}: {error}")


def _versions() -> str:
    found = versions()
    missing = [name for name, version in found.items() if version == "missing"]
    if missing:
        raise ModuleNotFoundError(f"not installed: {', '.join(missing)}")
    return ", ".join(f"{name} {version}" for name, version in found.items() if name != "kamkit_source")


def _kit() -> str:
    notebooks = sorted(path.stem for path in kit_folder("notebooks").glob("*.ipynb"))
    if not notebooks:
        raise FileNotFoundError("the kit's notebooks are missing: reinstall kamkit")
    return f"{len(notebooks)} notebooks, cases: {', '.join(bundled_cases())}"


def _write_access(folder: Path) -> str:
    with tempfile.TemporaryDirectory(prefix=".kamkit-", dir=folder):
        return str(folder)


def _fonts() -> str:
    from matplotlib import font_manager

    from kamkit.telling.charts import plot_pareto  # noqa: F401 - registers the fonts that charts use

    names = {font.name for font in font_manager.fontManager.ttflist}
    if "Lato" not in names:
        raise FileNotFoundError("Lato is missing: reinstall font-lato")
    return "Lato"


def _kernel() -> str:
    with tempfile.TemporaryDirectory(prefix="kamkit-") as folder:
        spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        cell = {"cell_type": "code", "id": "only", "metadata": {}, "source": "import kamkit", "outputs": []}
        cells = [cell | {"execution_count": None}]
        nb = {"cells": cells, "metadata": spec, "nbformat": 4, "nbformat_minor": 5}
        write_json(Path(folder) / "kernel.ipynb", nb)
        done = run_notebook(Path(folder) / "kernel.ipynb", Path(folder) / "done.ipynb", {})
    if done.error:
        raise done.error
    return f"starts in {done.seconds:.1f} s, {'forked' if kernels.forking_is_safe() else 'launched the normal way'}"


def _sample_report() -> str:
    from kamkit.deliver import write_deliverables
    from kamkit.telling.story import story_of

    with tempfile.TemporaryDirectory(prefix="kamkit-") as folder:
        project = open_project("machinery", work=folder)
        files = write_deliverables(story_of(project), Path(folder) / "deliverables", AVAILABLE_DELIVERABLES)
        return ", ".join(f"{path.name} {path.stat().st_size // 1024} kB" for path in files)
