"""The way in without a terminal, answered from a script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kamkit.errors import InputError, StepError
from kamkit.execution.chain import Progress
from kamkit.execution.dialogs import ConsoleDialog
from kamkit.execution.start import Desk, start
from kamkit.telling.language import Labels

CSV = "Kundennr;Buchungsdatum;Nettoumsatz\n" + "".join(
    f"{10000 + i % 5};{1 + i % 27:02}.{1 + i % 12:02}.2025;{100 + i},50\n" for i in range(60)
)


@dataclass
class Script:
    """Answers in their order; what was asked is kept."""

    answers: list[Any]
    asked: list[str] = field(default_factory=list)
    told: list[tuple[str, float | None]] = field(default_factory=list)

    def choose_files(self, title: str) -> Sequence[Path]:
        return self._next("files")

    def ask(self, title: str, text: str, proposed: str) -> str | None:
        answer = self._next(f"client? {proposed}")
        return proposed if answer is True else answer

    def choose(self, title: str, text: str, buttons: Sequence[str]) -> int:
        return list(buttons).index(self._next(f"{title}: {text}"))

    def working(self, title: str, work: Callable[..., Any]) -> Any:
        return work(lambda what, done: self.told.append((what, done)))

    def _next(self, question: str) -> Any:
        self.asked.append(question)
        return self.answers.pop(0)


@dataclass
class Outcome:
    out: Path
    error: Exception | None = None
    warnings: tuple[str, ...] = ()


@pytest.fixture
def desk(tmp_path: Path):  # type: ignore[no-untyped-def]
    """A machine on which nothing opens; its runs go as `runs` says: an error to raise or return, else a report."""

    class Fake(Desk):
        opened: list[str]
        runs: list[Any]
        labs: list[Path]

    (tmp_path / "run" / "deliverables").mkdir(parents=True)
    (tmp_path / "run" / "deliverables" / "x_2025_report.html").write_text("")
    opened: list[str] = []
    runs: list[Any] = []
    labs: list[Path] = []

    def run(folder: Path, progress: Callable[[Progress], None]) -> Any:
        progress(Progress("02_key_accounts", 2, 4, cell=1, n_cells=2))
        how = runs.pop(0) if runs else None
        if isinstance(how, InputError):
            raise how
        return Outcome(tmp_path / "run", how)

    fake = Fake(lambda path: opened.append(path.name), run, labs.append)  # type: ignore[arg-type]
    for name, value in {"opened": opened, "runs": runs, "labs": labs}.items():
        object.__setattr__(fake, name, value)
    return fake


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "Umsatz_Muster Bau_2025.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def test_five_steps_lead_from_an_export_to_the_report(tmp_path: Path, export: Path, desk) -> None:  # type: ignore[no-untyped-def]
    script = Script([[export], True, "Weiter", "Schließen"])
    report = start((), script, desk, "de", tmp_path / "home")
    assert report == tmp_path / "run" / "deliverables" / "x_2025_report.html"
    assert desk.opened == ["inputs.xlsx", "x_2025_report.html"]
    assert script.asked[:2] == ["files", "client? Muster Bau"]
    assert (tmp_path / "home" / "Muster Bau" / "raw" / export.name).read_text(encoding="utf-8") == CSV
    assert script.told[-1] == ("Key Accounts", 0.375)


def test_a_dropped_export_needs_no_choosing(tmp_path: Path, export: Path, desk) -> None:  # type: ignore[no-untyped-def]
    script = Script(["Müller & Söhne", "Continue", "Open notebooks"])
    assert start((export,), script, desk, "en", tmp_path) is not None
    assert desk.labs == [tmp_path / "Müller & Söhne"]


def test_problems_are_told_and_tried_again(tmp_path: Path, export: Path, desk) -> None:  # type: ignore[no-untyped-def]
    desk.runs += [
        InputError("inputs.xlsx", ["mapping row 3: wrong"]),
        StepError("01_import", "InputError", "too bad"),
        None,
    ]
    script = Script([True, "Weiter", "Weiter", "Weiter", "Schließen"])
    assert start((export,), script, desk, "de", tmp_path / "home") is not None
    assert desk.opened == ["inputs.xlsx", "inputs.xlsx", "x_2025_report.html"]
    asked = [question for question in script.asked if "nichts verloren" in question]
    assert [question.split("\n\n")[-1] for question in asked] == [
        "inputs.xlsx: 1 problem found\n- mapping row 3: wrong",
        "01_import: InputError: too bad",
    ]


def test_a_workbook_that_is_still_open_is_waited_for(tmp_path: Path, export: Path, desk) -> None:  # type: ignore[no-untyped-def]
    lock = tmp_path / "home" / "Muster Bau" / "~$inputs.xlsx"

    class Closing(Script):
        def choose(self, title: str, text: str, buttons: Sequence[str]) -> int:
            if "noch geöffnet" in text:
                lock.unlink()
            elif "Excel öffnet" in text:
                lock.write_text("")
            return super().choose(title, text, buttons)

    script = Closing([True, "Weiter", "Weiter", "Schließen"])
    assert start((export,), script, desk, "de", tmp_path / "home") is not None
    assert "noch geöffnet" in script.asked[2]


def test_an_engagement_that_is_there_goes_on(tmp_path: Path, export: Path, desk) -> None:  # type: ignore[no-untyped-def]
    home = tmp_path / "home"
    assert start((export,), Script([True, "Abbrechen"]), desk, "de", home) is None
    for given in ((home / "Muster Bau",), (home / "Muster Bau" / "engagement.yml",)):
        assert start(given, Script(["Weiter", "Schließen"]), desk, "de", home) is not None
    script = Script([True, "Anderer Name", "Muster Bau 2", "Weiter", "Schließen"])
    assert start((export,), script, desk, "de", home) is not None
    assert (home / "Muster Bau 2" / "engagement.yml").is_file()
    assert start((export,), Script([True, "Weiter", "Weiter", "Schließen"]), desk, "de", home) is not None


def test_a_file_that_cannot_be_read_is_told_and_another_one_taken(tmp_path: Path, export: Path, desk) -> None:  # type: ignore[no-untyped-def]
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"no workbook")
    script = Script([[broken], "Muster", "Andere Datei", [export], "Muster", "Weiter", "Schließen"])
    assert start((), script, desk, "de", tmp_path / "home") is not None
    assert "broken.xlsx" in script.asked[2]


@pytest.mark.parametrize("answers", [[[]], [["export"], None], [["export"], " "], [["export"], True, "Stop"]])
def test_whoever_stops_loses_nothing(tmp_path: Path, export: Path, desk, answers: list[Any]) -> None:  # type: ignore[no-untyped-def]
    answers = [[export] if answer == ["export"] else answer for answer in answers]
    assert start((), Script(answers), desk, "en", tmp_path / "home") is None
    assert export.read_text(encoding="utf-8") == CSV


def test_names_become_folders_without_tricks(tmp_path: Path, export: Path, desk) -> None:  # type: ignore[no-untyped-def]
    start((export,), Script(['../A/B: "C"?', "Continue", "Close"]), desk, "en", tmp_path / "home")
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["A B C"]


def test_the_console_asks_the_same(tmp_path: Path) -> None:
    said: list[str] = []
    entered = iter(["'/data/x y.csv'", "", "7", "2"])
    console = ConsoleDialog(Labels("en", "en_GB", "EUR"), said.append, lambda _: next(entered))
    assert console.choose_files("Choose") == [Path("/data/x y.csv")]
    assert console.ask("New", "Client?", "Muster") == "Muster"
    assert console.choose("Confirm", "Look.", ["Continue", "Stop"]) == 1
    assert console.working("Working", lambda tell: tell("Import", 0.1) or tell("Import", 0.2) or 7) == 7
    assert said == ["Choose", "\nConfirm\nLook.", "  1  Continue", "  2  Stop", "Working", "  Import"]
