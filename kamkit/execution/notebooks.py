"""The notebooks of a run: the kit's, the engagement's own, and what is done to them before and after."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from papermill.parameterize import parameterize_notebook

from kamkit.errors import EngagementError
from kamkit.execution.files import write_text
from kamkit.model.engagement import LANGUAGES
from kamkit.model.kit import kit_folder

_INJECTED = "injected-parameters"


@dataclass(frozen=True)
class Step:
    """One notebook of the chain; `own` where it is the engagement's, in place of the kit's or beside them."""

    name: str
    source: Path
    own: bool


def chain_of(engagement_folder: Path) -> tuple[Step, ...]:
    """The numbered notebooks in their order: the kit's, replaced and joined by those of the engagement."""
    steps = {}
    for folder, own in ((kit_folder("notebooks"), False), (engagement_folder / "notebooks", True)):
        for path in folder.glob("*.ipynb"):
            if re.match(r"\d", path.name):
                steps[path.stem] = Step(path.stem, path, own)
    return tuple(steps[name] for name in sorted(steps, key=_order))


def _order(name: str) -> tuple[str, str]:
    """By number, read as decimals: 02, 025, 03; a single digit stands for its two-digit number."""
    digits = re.match(r"\d*", name)[0]  # type: ignore[index]
    return digits.zfill(2), name[len(digits) :]


def find_step(wanted: str, steps: tuple[Step, ...]) -> Step:
    """The step of a name, with or without its number ("02_key_accounts", "key_accounts", "2").

    Raises EngagementError for any other word.
    """
    for step in steps:
        number, _, word = step.name.partition("_")
        if wanted.removesuffix(".ipynb") in (step.name, number, number.lstrip("0"), word):
            return step
    names = [step.name for step in steps]
    near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise EngagementError("--step", [f"there is no notebook {wanted!r}.{hint} The steps are: {', '.join(names)}"])


def write_prepared(source: Path, target: Path, language: str) -> None:
    """A copy to execute: prose in one language, code folded.

    Raises EngagementError when the notebook cannot be read.
    """
    nb = read_notebook(source)
    other = {f"lang-{code}" for code in LANGUAGES if code != language}
    nb.cells = [cell for cell in nb.cells if not other & set(cell.metadata.get("tags", ()))]
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.metadata.setdefault("jupyter", {})["source_hidden"] = True
    write_notebook(target, nb)


def tidy_executed(path: Path, parameters: Mapping[str, Any]) -> None:
    """Leave nothing of the machine in an executed notebook: its parameters become those with which it runs again."""
    nb = read_notebook(path)
    shown = {name: value for name, value in parameters.items() if value is not None}
    for cell in nb.cells:
        if _INJECTED in cell.metadata.get("tags", ()):
            cell.source = "\n".join(["# Parameters", *(f"{name} = {value!r}" for name, value in shown.items())])
            cell.metadata.setdefault("jupyter", {})["source_hidden"] = True
    about = nb.metadata.get("papermill", {})
    about.update({"input_path": path.name, "output_path": path.name, "parameters": shown})
    about.pop("environment_variables", None)
    write_notebook(path, nb)


def write_with_parameters(source: Path, target: Path, parameters: Mapping[str, Any]) -> None:
    """A copy to work on in JupyterLab, its parameters set.

    Raises EngagementError when the notebook cannot be read.
    """
    nb = read_notebook(source)
    for cell in nb.cells:
        cell.metadata.setdefault("tags", [])
    nb.metadata["papermill"] = {}
    nb = parameterize_notebook(nb, dict(parameters))
    del nb.metadata["papermill"]
    write_notebook(target, nb)


def relative_reference(engagement: Path, folder: Path) -> str:
    """An engagement file as seen from a notebook's folder; absolute where there is no way from one to the other."""
    try:
        return Path(os.path.relpath(engagement, folder)).as_posix()
    except ValueError:
        return engagement.as_posix()


def read_notebook(path: Path) -> Any:
    """A notebook as nbformat holds it. Raises EngagementError when it cannot be read."""
    try:
        return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, nbformat.ValidationError, nbformat.reader.NotJSONError) as error:
        raise EngagementError(f"notebooks/{path.name}", [f"is not a notebook: {error}"]) from None


def write_notebook(path: Path, nb: Any) -> None:
    """Write a notebook whole or not at all."""
    write_text(path, nbformat.writes(nb))  # type: ignore[no-untyped-call]
