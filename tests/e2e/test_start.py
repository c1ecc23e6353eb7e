"""`kamkit start` in a real window on a virtual screen: buttons are pressed, the run is a real one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

DRIVEN = """
import sys, tkinter
from pathlib import Path
from tkinter import ttk
from kamkit.execution.dialogs import WindowDialog, dialog_for
from kamkit.execution.start import Desk, start
from kamkit.telling.language import Labels

export, home, *wanted = sys.argv[1:]
dialog = dialog_for(Labels("de", "de_DE", "EUR"), print)
assert isinstance(dialog, WindowDialog)
opened = []

def widgets(parent):
    for child in parent.winfo_children():
        yield child
        yield from widgets(child)

def press():
    for widget in list(widgets(dialog.root)):
        if wanted and isinstance(widget, ttk.Button) and widget["text"] == wanted[0]:
            wanted.pop(0)
            dialog.root.after(50, press)
            widget.invoke()
            return
    dialog.root.after(50, press)

dialog.root.after(50, press)
report = start((Path(export),), dialog, Desk(lambda path: opened.append(path.name)), "de", Path(home))
assert wanted == [], wanted
print(opened[0], report.name, report.stat().st_size > 50_000)
"""


@pytest.fixture
def screen() -> Iterator[str]:
    pytest.importorskip("tkinter", reason="this Python has no tkinter (Debian: python3-tk)")
    if not shutil.which("Xvfb"):
        pytest.skip("Xvfb is not installed")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "900x600x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as pipe:
        yield f":{pipe.readline().strip()}"
    server.terminate()
    server.wait(10)


def test_the_window_leads_from_an_export_to_the_report(screen: str, tmp_path: Path) -> None:
    export = tmp_path / "Umsatz_Muster Bau_2025.csv"
    rows = (f"{10000 + i % 12};{1 + i % 27:02}.{1 + i % 12:02}.{2023 + i % 3};{100 + i},50\n" for i in range(900))
    export.write_text("Kundennr;Buchungsdatum;Nettoumsatz\n" + "".join(rows), encoding="cp1252")
    arguments = [str(export), str(tmp_path / "home"), "Weiter", "Weiter", "Schließen"]
    done = subprocess.run(
        [sys.executable, "-c", DRIVEN, *arguments],
        env={**os.environ, "DISPLAY": screen},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "inputs.xlsx Muster-Bau_2025_report.html True\n"


def test_without_a_screen_the_console_asks(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    command = [sys.executable, "-c", "from kamkit.cli import main; main()", "start", "--language", "en", "--home"]
    done = subprocess.run(
        [*command, str(tmp_path)], env=environment, input="\n", capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "Path: ")
    assert "Choose the sales export" in done.stderr
    assert list(tmp_path.iterdir()) == []
