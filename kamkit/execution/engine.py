"""Notebooks through Papermill, and the truth about how they ended.

Papermill alone leaves a notebook whose every cell reads "completed" when its kernel was killed or a cell ran out of
time. Here the cell that was running is marked failed and carries the error, later cells read "not run", the banner is
written, and the exception comes out as StepError.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill import execute_notebook
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.utils import merge_kwargs, remove_args

from kamkit.errors import StepError
from kamkit.execution.kernels import PROVISIONER
from kamkit.execution.notebooks import write_notebook

ENGINE = "kamkit"
NOT_RUN = "not-run"
SAVE_EVERY_SECONDS = 3.0

Watch = Callable[[int, int], None]
"""Called with the number of cells done and of all cells."""


@dataclass(frozen=True)
class Limits:
    """How long a cell and a whole notebook may take, in seconds."""

    cell: float = 1800
    notebook: float = 7200


class TruthfulManager(NotebookExecutionManager):  # type: ignore[misc]
    """Papermill's record of an execution, saved atomically and not after every message; it never calls a cell
    completed that did not run to its end."""

    def __init__(self, *args: Any, watch: Watch | None = None, **kwargs: Any) -> None:
        self._watch, self._saved, self._failed = watch, 0.0, False
        super().__init__(*args, **kwargs)

    def save(self, now: bool = False, **kwargs: Any) -> None:
        if self.output_path and (now or time.monotonic() - self._saved > SAVE_EVERY_SECONDS):
            write_notebook(Path(self.output_path), self.nb)
            self._saved = time.monotonic()

    def autosave_cell(self, **kwargs: Any) -> None:
        self.save()

    def cell_complete(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        super().cell_complete(cell, cell_index=cell_index, **kwargs)
        if self._watch and cell_index is not None:
            self._watch(cell_index + 1, len(self.nb.cells))

    def notebook_complete(self, **kwargs: Any) -> None:
        for cell in self.nb.cells:
            if cell.metadata.papermill["status"] == self.PENDING:
                cell.metadata.papermill["status"] = NOT_RUN
        super().notebook_complete(**kwargs)
        self.save(now=True)


class TruthfulClient(PapermillNotebookClient):  # type: ignore[misc]
    """Runs the cells one by one until the first that fails, in whatever way."""

    def __init__(self, *args: Any, limits: Limits, **kwargs: Any) -> None:
        self._limits, self._deadline = limits, float("inf")
        super().__init__(*args, timeout_func=self._seconds_left, shutdown_kernel="immediate", **kwargs)
        self.peak_mb: float | None = None
        self._folder = tempfile.mkdtemp(prefix="kamkit-")

    def create_kernel_manager(self) -> AsyncKernelManager:
        """Kernels always run in this Python, whatever `python3` means to Jupyter here, and talk through files in a
        private folder instead of ports, so that many of them can start at once."""
        spec = get_kernel_dict()
        spec["metadata"] |= {"kernel_provisioner": {"provisioner_name": PROVISIONER}}
        self.km = AsyncKernelManager(kernel_name="python3", connection_file=str(Path(self._folder) / "kernel.json"))
        if sys.platform != "win32":
            self.km.transport, self.km.ip = "ipc", str(Path(self._folder) / "kernel")
        self.km._kernel_spec = KernelSpec(**spec)
        return self.km

    def execute(self, **kwargs: Any) -> Any:
        self.reset_execution_trackers()
        try:
            with self.setup_kernel(**kwargs):
                if self.papermill_execute_cells():
                    reply = self.wait_for_reply(self.kc.kernel_info())
                    self.nb.metadata["language_info"] = reply["content"]["language_info"]
                self.set_widgets_metadata()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
        return self.nb

    def papermill_execute_cells(self) -> bool:
        """Run the cells; whether all of them ran to their end."""
        self._deadline = time.monotonic() + self._limits.notebook
        for index, cell in enumerate(self.nb.cells):
            self.nb_man.cell_start(cell, index)
            try:
                if cell.cell_type == "code" and time.monotonic() > self._deadline:
                    raise CellTimeoutError(f"the notebook ran for more than {self._limits.notebook:g} s")
                self.execute_cell(cell, index)
            except CellExecutionError as error:
                if not _is_early_stop(cell):
                    self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                return False
            except (DeadKernelError, CellTimeoutError) as error:
                cell.execution_count = cell.execution_count or self.code_cells_executed
                cell.outputs.append(_error_output(error, self._limits, self._deadline))
                self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                return False
            except BaseException as error:
                self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                raise
            finally:
                self._note_memory()
                self.nb_man.cell_complete(cell, cell_index=index)
        return True

    def _seconds_left(self, cell: Any) -> float:
        return max(min(self._limits.cell, self._deadline - time.monotonic()), 0.1)

    def _note_memory(self) -> None:
        pid = getattr(self.km.provisioner, "pid", None) if self.km else None
        if pid and (used := peak_memory_mb(pid)):
            self.peak_mb = max(self.peak_mb or 0.0, used)


class KamkitEngine(NBClientEngine):  # type: ignore[misc]
    """The Papermill engine behind `kamkit run`."""

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: str | None = None,
        limits: Limits | None = None,
        watch: Watch | None = None,
        memory: dict[str, float] | None = None,
        kernel_cwd: str | None = None,
        **kwargs: Any,
    ) -> Any:
        safe = remove_args(
            ["progress_bar", "log_output", "autosave_cell_every", "input_path", "start_timeout"], **kwargs
        )
        manager = TruthfulManager(nb, output_path=output_path, progress_bar=False, watch=watch)
        manager.notebook_start()
        client = TruthfulClient(
            manager, **merge_kwargs(safe, limits=limits or Limits(), startup_timeout=120, kernel_name=kernel_name)
        )
        try:
            client.execute(cwd=kernel_cwd)
        except BaseException:
            nb.metadata.papermill["exception"] = True
            raise
        finally:
            if memory is not None and client.peak_mb:
                memory["peak_mb"] = client.peak_mb
            manager.notebook_complete()
        return manager.nb


papermill_engines.register(ENGINE, KamkitEngine)


@dataclass(frozen=True)
class Execution:
    """How a notebook went: seconds, the most memory its kernel took, the error that ended it, and the cell (counted as
    In [n]) in which it stopped itself early, on purpose."""

    seconds: float
    peak_mb: float | None
    error: StepError | None = None
    stopped_in: int | None = None


def run_notebook(
    source: Path,
    output: Path,
    parameters: Mapping[str, Any],
    limits: Limits | None = None,
    watch: Watch | None = None,
    cwd: Path | None = None,
) -> Execution:
    """Execute a notebook with parameters into an output notebook, which is there however the execution ends.

    A failing cell, a dead kernel, a kernel that does not start and time that runs out are told as `error`.
    """
    memory: dict[str, float] = {}
    error, stopped_in, start = None, None, time.monotonic()
    try:
        nb = execute_notebook(
            str(source),
            str(output),
            parameters=dict(parameters),
            engine_name=ENGINE,
            progress_bar=False,
            limits=limits,
            watch=watch,
            memory=memory,
            kernel_cwd=str(cwd) if cwd else None,
        )
        stopped_in = _early_stop(nb)
    except PapermillExecutionError as failure:
        error = StepError(source.stem, failure.ename, failure.evalue, failure.exec_count, failing_line(failure))
    except Exception as failure:
        error = StepError(source.stem, type(failure).__name__, str(failure))
    return Execution(time.monotonic() - start, memory.get("peak_mb"), error, stopped_in)


def failing_line(error: PapermillExecutionError) -> str | None:
    """The line of the cell's own code that failed, as written."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback))
    lines = error.source.splitlines()
    numbers = [int(n) for n in re.findall(r"Cell In\[\d+\], line (\d+)", text) if int(n) <= len(lines)]
    return lines[numbers[-1] - 1].strip() if numbers else None


def peak_memory_mb(pid: int) -> float | None:
    """The most resident memory a process has had so far, in MB; None where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]
    except (OSError, TypeError):
        pass
    try:
        info = psutil.Process(pid).memory_info()
        return float(getattr(info, "peak_wset", info.rss)) / 2**20
    except psutil.Error:
        return None


def _is_early_stop(cell: Any) -> bool:
    """sys.exit() without a reason ends a notebook early and on purpose, as in plain Papermill."""
    return any(o.output_type == "error" and o.ename == "SystemExit" and o.evalue in ("", "0") for o in cell.outputs)


def _early_stop(nb: Any) -> int | None:
    return next((c.execution_count for c in nb.cells if c.cell_type == "code" and _is_early_stop(c)), None)


def _error_output(error: Exception, limits: Limits, deadline: float) -> Any:
    if isinstance(error, DeadKernelError):
        message = "the kernel died while this cell was running: killed, out of memory, or ended by the code itself"
    elif time.monotonic() >= deadline:
        message = f"the notebook ran for more than {limits.notebook:g} s"
    else:
        message = f"the cell ran for more than {limits.cell:g} s"
    name = type(error).__name__
    output = {"output_type": "error", "ename": name, "evalue": message, "traceback": [f"{name}: {message}"]}
    return NotebookNode(output)  # type: ignore[no-untyped-call]
