"""The dialogs of `kamkit start`: windows where there is a screen and tkinter, else plain questions in the console."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kamkit.telling.language import Labels

if TYPE_CHECKING:
    from kamkit.execution.start import Answer, Dialog, Tell

POLL_MS, WRAP = 100, 560


def dialog_for(labels: Labels, say: Callable[[str], object]) -> Dialog:
    """Windows, or the console (whose lines `say` writes) where no window can be opened."""
    try:
        return WindowDialog(labels)
    except Exception:  # without tkinter or a screen; each system says so in its own way
        return ConsoleDialog(labels, say)


class ConsoleDialog:
    """The same questions as lines of text."""

    def __init__(self, labels: Labels, say: Callable[[str], object], read: Callable[[str], str] = input) -> None:
        self.labels, self._say, self._read = labels, say, read

    def choose_files(self, title: str) -> Sequence[Path]:
        self._say(title)
        entered = self._read(f"{self.labels('start.path')}: ").strip().strip("\"'")
        return [Path(entered)] if entered else []

    def ask(self, title: str, text: str, proposed: str) -> str | None:
        return self._read(f"{text} [{proposed}] ").strip() or proposed

    def choose(self, title: str, text: str, buttons: Sequence[str]) -> int:
        self._say(f"\n{title}\n{text}")
        for number, button in enumerate(buttons, start=1):
            self._say(f"  {number}  {button}")
        while True:
            entered = self._read(f"{self.labels('start.number')}: ").strip()
            if entered.isdigit() and 1 <= int(entered) <= len(buttons):
                return int(entered) - 1

    def working(self, title: str, work: Callable[[Tell], Answer]) -> Answer:
        self._say(title)
        told: dict[str, None] = {}

        def tell(what: str, done: float | None) -> None:
            if what not in told:
                self._say(f"  {what}")
            told[what] = None

        return work(tell)


class WindowDialog:
    """One window that shows one question at a time; work runs beside it in a thread, so that the window stays alive.

    Raises ImportError or TclError where there is no tkinter or no screen.
    """

    def __init__(self, labels: Labels) -> None:
        import tkinter
        from tkinter import ttk

        self.labels, self._ttk = labels, ttk
        self.root = tkinter.Tk()
        self.root.title("kamkit")
        self.root.minsize(620, 220)
        self.root.protocol("WM_DELETE_WINDOW", self._close)
        self._answer = tkinter.IntVar(self.root, -1)
        self._frame = ttk.Frame(self.root)
        self._is_busy = False

    def choose_files(self, title: str) -> Sequence[Path]:
        from tkinter import filedialog

        self._fresh(title)
        self.root.update()
        return [Path(name) for name in filedialog.askopenfilenames(parent=self.root, title=title)]

    def ask(self, title: str, text: str, proposed: str) -> str | None:
        frame = self._fresh(title, text)
        entry = self._ttk.Entry(frame, width=50)
        entry.insert(0, proposed)
        entry.pack(anchor="w", pady=(0, 12))
        entry.focus_set()
        entry.bind("<Return>", lambda _: self._answer.set(0))
        answer = self._wait([self.labels("start.go_on"), self.labels("start.stop")])
        return entry.get() if answer == 0 else None

    def choose(self, title: str, text: str, buttons: Sequence[str]) -> int:
        self._fresh(title, text)
        return self._wait(buttons)

    def working(self, title: str, work: Callable[[Tell], Answer]) -> Answer:
        frame = self._fresh(title)
        what = self._ttk.Label(frame)
        what.pack(anchor="w")
        bar = self._ttk.Progressbar(frame, length=WRAP, mode="indeterminate")
        bar.pack(anchor="w", pady=12)
        bar.start(20)
        state: dict[str, Any] = {"told": ("", None)}

        def do() -> None:
            try:
                state["result"] = work(lambda text, done: state.update(told=(text, done)))
            except BaseException as error:
                state["error"] = error

        worker = threading.Thread(target=do)
        self._is_busy = True
        worker.start()

        def look() -> None:
            text, done = state["told"]
            what.configure(text=text)
            if done is not None:
                bar.stop()
                bar.configure(mode="determinate", value=100 * done)
            if worker.is_alive():
                self.root.after(POLL_MS, look)
            else:
                self._answer.set(0)

        self._answer.set(-1)
        look()
        if worker.is_alive():
            self.root.wait_variable(self._answer)
        worker.join()
        self._is_busy = False
        if "error" in state:
            raise state["error"]
        result: Answer = state["result"]
        return result

    def _fresh(self, title: str, text: str = "") -> Any:
        """An empty window with a heading and a text that can be selected and scrolled."""
        self._frame.destroy()
        self._frame = self._ttk.Frame(self.root, padding=20)
        self._frame.pack(fill="both", expand=True)
        self._ttk.Label(self._frame, text=title, font=("TkDefaultFont", 14, "bold")).pack(anchor="w", pady=(0, 12))
        if text:
            self._ttk.Label(self._frame, text=text, wraplength=WRAP, justify="left").pack(anchor="w", pady=(0, 12))
        self.root.lift()
        return self._frame

    def _wait(self, buttons: Sequence[str]) -> int:
        """Show the buttons and wait for one; closing the window is the last of them."""
        row = self._ttk.Frame(self._frame)
        row.pack(anchor="e", side="bottom")
        for number, name in enumerate(buttons):
            button = self._ttk.Button(row, text=name, command=lambda n=number: self._answer.set(n))  # type: ignore[misc]
            button.pack(side="left", padx=(8, 0))
        self._answer.set(-1)
        self.root.wait_variable(self._answer)
        answer = self._answer.get()
        return len(buttons) - 1 if answer < 0 else answer

    def _close(self) -> None:
        if not self._is_busy:
            self._answer.set(-1)
