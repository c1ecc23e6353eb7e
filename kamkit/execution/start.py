"""The way in without terminal or YAML: choose an export, confirm its columns in Excel, read the report.

The flow knows no window: it asks a `Dialog`, so that tests answer it from a script. Nothing is ever lost: whoever stops
finds the engagement folder as it was left, and starting on it again goes on from there.
"""

from __future__ import annotations

import locale
import os
import re
import subprocess
import sys
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from kamkit.errors import KamkitError
from kamkit.execution.chain import Progress, run
from kamkit.execution.engagements import create_engagement
from kamkit.execution.lab import open_lab, prepare_lab
from kamkit.execution.manifest import RunOutcome
from kamkit.model.engagement import ENGAGEMENT_FILE, LOCALES
from kamkit.telling.language import Labels

Answer = TypeVar("Answer")
Tell = Callable[[str, float | None], None]
"""Called with what is going on and how much of it is done (0–1, None where nobody knows)."""


class Dialog(Protocol):
    """How a person is asked; None, an empty list or the last button is always the way out."""

    def choose_files(self, title: str) -> Sequence[Path]: ...

    def ask(self, title: str, text: str, proposed: str) -> str | None: ...

    def choose(self, title: str, text: str, buttons: Sequence[str]) -> int:
        """The number of the button that was pressed."""

    def working(self, title: str, work: Callable[[Tell], Answer]) -> Answer:
        """Do the work while its progress is shown; what it raises is raised."""


@dataclass(frozen=True)
class Desk:
    """What the flow does to the machine, so that tests can watch: opens files, runs an engagement, opens the notebooks."""

    open_file: Callable[[Path], object]
    run: Callable[..., RunOutcome] = run
    lab: Callable[[Path], object] = lambda folder: open_lab(prepare_lab(folder))


def start(given: Sequence[Path], dialog: Dialog, desk: Desk, language: str, home: Path) -> Path | None:
    """Lead a person from an export to the report, or on with an engagement; the report, None where they stopped.

    `given`: exports, or an engagement's folder or file. New engagements are made in `home`, named after the client.
    """
    labels = Labels(language, LOCALES[language], "EUR")
    folder = _known(given) or _new(given, dialog, labels, home)
    return _to_the_report(folder, dialog, desk, labels) if folder else None


def system_language() -> str:
    """German where the system speaks German, else English."""
    name = locale.getlocale()[0] or os.environ.get("LANG", "")
    return "de" if name.lower().startswith(("de", "german")) else "en"


def open_with_system(path: Path) -> None:
    """Open a file in the program the system has for it."""
    if sys.platform == "win32":
        os.startfile(path)
    elif path.suffix == ".html":
        webbrowser.open(path.as_uri())
    else:
        subprocess.run(["open" if sys.platform == "darwin" else "xdg-open", str(path)], check=False)


def _known(given: Sequence[Path]) -> Path | None:
    """The engagement that was given, if one was."""
    folders = [
        path if path.is_dir() else path.parent for path in given if path.is_dir() or path.name == ENGAGEMENT_FILE
    ]
    return next((folder.absolute() for folder in folders if (folder / ENGAGEMENT_FILE).is_file()), None)


def _new(given: Sequence[Path], dialog: Dialog, labels: Labels, home: Path) -> Path | None:
    """An engagement made from exports and a client's name; what is wrong with them is told, and asked for again."""
    files = given
    while True:
        files = files or dialog.choose_files(labels("start.files"))
        if not files:
            return None
        if known := _known(files):
            return known
        client = dialog.ask(labels("start.client_title"), labels("start.client"), _name_from(files[0]))
        if not client or not client.strip():
            return None
        folder = home / _folder_name(client)
        if (folder / ENGAGEMENT_FILE).is_file():
            said = labels("start.exists", folder=folder)
            answer = dialog.choose(client, said, _buttons(labels, "go_on", "other_name", "stop"))
            if answer == 0:
                return folder
            if answer == 2:
                return None
            continue
        try:
            dialog.working(labels("start.looking"), partial(_create, folder, client, files, labels))
        except KamkitError as error:
            said = labels("start.problem", problem=error)
            if dialog.choose(labels("start.problem_title"), said, _buttons(labels, "other_file", "stop")):
                return None
            files = ()
            continue
        return folder


def _create(folder: Path, client: str, files: Sequence[Path], labels: Labels, tell: Tell) -> None:
    tell(", ".join(path.name for path in files), None)
    create_engagement(folder, client.strip(), list(files), language=labels.language)


def _name_from(path: Path) -> str:
    """A client's name as a file's name lets one guess it.

    >>> _name_from(Path("Umsatz_Muster-Bau GmbH_2023-2025.csv"))
    'Muster Bau GmbH'
    """
    noise = r"(?i)\b(?:umsatz|umsätze|umsaetze|export|sales|revenue|rechnung(?:en)?|invoices?|\d+)\b"
    words = re.sub(noise, " ", re.sub(r"[_\-.]+", " ", path.name.partition(".")[0] if path.is_file() else path.name))
    return " ".join(words.split())


def _folder_name(client: str) -> str:
    """The client's name as every system allows it for a folder."""
    return " ".join(re.sub(r'[<>:"/\\|?*\x00-\x1f]', " ", client).split())[:80].strip(" .") or "client"


def _to_the_report(folder: Path, dialog: Dialog, desk: Desk, labels: Labels) -> Path | None:
    """Columns confirmed, run, report; around again as long as there are problems and patience."""
    inputs = folder / "inputs.xlsx"
    said = labels("start.confirm", folder=folder)
    to_open: Path | None = inputs
    while True:
        if to_open is not None and to_open.exists():
            desk.open_file(to_open)
        answer = dialog.choose(labels("start.confirm_title"), said, _buttons(labels, "go_on", "open_again", "stop"))
        if answer == 2:
            return None
        to_open = inputs if answer == 1 else None
        if answer == 0 and _is_open(inputs):
            said = labels("start.still_open")
        elif answer == 0:
            outcome, problem = _run(folder, dialog, desk, labels)
            if outcome is not None:
                return _show(outcome, folder, dialog, desk, labels)
            said, to_open = labels("start.problem", problem=problem), _to_mend(problem, folder)


def _run(folder: Path, dialog: Dialog, desk: Desk, labels: Labels) -> tuple[RunOutcome | None, KamkitError | None]:
    """A good run, or what was wrong."""

    def work(tell: Tell) -> RunOutcome:
        def watch(at: Progress) -> None:
            step = labels(f"start.step_{at.step}") if f"start.step_{at.step}" in labels else at.step
            tell(step, (at.index - 1 + at.cell / max(at.n_cells, 1)) / at.n_steps)

        return desk.run(folder, progress=watch)

    try:
        outcome = dialog.working(labels("start.running"), work)
    except KamkitError as error:
        return None, error
    return (None, outcome.error) if outcome.error else (outcome, None)


def _show(outcome: RunOutcome, folder: Path, dialog: Dialog, desk: Desk, labels: Labels) -> Path:
    """The report in the browser; the notebooks for those who want them."""
    report = next((outcome.out / "deliverables").glob("*_report.html"))
    desk.open_file(report)
    said = "\n\n".join([labels("start.done", folder=report.parent), *outcome.warnings])
    if dialog.choose(labels("start.done_title"), said, _buttons(labels, "notebooks", "close")) == 0:
        desk.lab(folder)
    return report


def _to_mend(problem: KamkitError | None, folder: Path) -> Path | None:
    """The workbook, where its entries are the problem; other files are named in the text."""
    where = str(getattr(problem, "where", ""))
    return folder / "inputs.xlsx" if where == "inputs.xlsx" else None


def _is_open(workbook: Path) -> bool:
    """Whether Excel or LibreOffice still has a workbook open: each leaves a file of its own beside it."""
    return any((workbook.parent / name).exists() for name in (f"~${workbook.name}", f".~lock.{workbook.name}#"))


def _buttons(labels: Labels, *names: str) -> list[str]:
    return [labels(f"start.{name}") for name in names]
