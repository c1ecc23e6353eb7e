"""Many engagements side by side, each in a run of its own; one that fails, or whose process dies, stops no other."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from kamkit.errors import EngagementError, KamkitError
from kamkit.execution import kernels
from kamkit.execution.files import write_json
from kamkit.model.engagement import ENGAGEMENT_FILE, find_engagement

RUNS_PER_WORKER = 8
"""A worker process is replaced after so many engagements: whatever memory libraries keep goes with it."""

_CONTEXT = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class BatchRow:
    """How one engagement of a batch ended."""

    engagement: str
    state: str
    exit_code: int
    out: str
    seconds: float
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class BatchOutcome:
    """How a batch ended, engagements in the order they were found."""

    out: Path
    rows: tuple[BatchRow, ...]
    seconds: float

    @property
    def exit_code(self) -> int:
        """0 when all are done, 3 when some failed."""
        return 3 if any(row.state != "ok" for row in self.rows) else 0

    def as_json(self) -> dict[str, Any]:
        """The content of batch.json."""
        return {
            "state": "failed" if self.exit_code else "ok",
            "out": self.out.as_posix(),
            "seconds": round(self.seconds, 3),
            "engagements": [vars(row) for row in self.rows],
        }


def run_batch(
    paths: Sequence[str | Path],
    out: str | Path = "kamkit-batch",
    workers: int | None = None,
    force: bool = False,
    progress: Callable[[BatchRow, int, int], None] | None = None,
) -> BatchOutcome:
    """Run every engagement under some paths; a folder means every engagement.yml in it and one level down.

    Output goes to `out`/<folder>/, `batch.json` lists what became of each. `workers` defaults to the number of
    processors. An engagement that is current already is not run again unless `force`.

    Raises EngagementError before anything runs, with every problem of every engagement.
    """
    from kamkit.execution.chain import check_plan

    started = time.monotonic()
    target = Path(out).absolute()
    engagements = find_engagements(paths)
    places = {file: target / name for file, name in folder_names(engagements).items()}
    problems = list(_problems(engagements, lambda file: check_plan(file, places[file])))
    if problems:
        raise EngagementError("batch", problems)
    target.mkdir(parents=True, exist_ok=True)
    count = max(1, min(workers or os.cpu_count() or 1, len(engagements)))
    rows: dict[Path, BatchRow] = {}
    with _workers(count) as pool, ThreadPoolExecutor(count) as threads:
        try:
            tasks = {threads.submit(pool.run, file, places[file], force): file for file in engagements}
            for task in as_completed(tasks):
                rows[tasks[task]] = task.result()
                if progress:
                    progress(task.result(), len(rows), len(engagements))
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            pool.stop()
            raise
    outcome = BatchOutcome(target, tuple(rows[file] for file in engagements), time.monotonic() - started)
    write_json(target / "batch.json", outcome.as_json())
    return outcome


def find_engagements(paths: Sequence[str | Path]) -> list[Path]:
    """The engagement files meant by paths, each once, in the order given; those of a folder by name.

    Raises EngagementError for paths that lead to none.
    """
    found: list[Path] = []
    problems: list[str] = []
    for path in map(Path, paths):
        if path.is_dir():
            files = [*path.glob(ENGAGEMENT_FILE), *sorted(path.glob(f"*/{ENGAGEMENT_FILE}"))]
            if not files:
                problems.append(f"{path}: there is no {ENGAGEMENT_FILE} in this folder or one level down")
            found += [file.resolve() for file in files]
        else:
            try:
                found.append(find_engagement(path))
            except EngagementError as error:
                problems += [f"{path}: {problem}" for problem in error.problems]
    if problems:
        raise EngagementError("batch", problems)
    return list(dict.fromkeys(found))


def folder_names(files: Sequence[Path]) -> dict[Path, str]:
    """A folder name for the output of each engagement: its own folder's, made unique where two would be the same."""
    names: dict[Path, str] = {}
    for file in files:
        own = file.parent.name
        choices = [own, f"{file.parent.parent.name}-{own}", *(f"{own}-{n}" for n in range(2, len(files) + 2))]
        taken = {name.casefold() for name in names.values()}
        names[file] = next(choice for choice in choices if choice.casefold() not in taken)
    return names


def _problems(files: Sequence[Path], check: Callable[[Path], object]) -> Iterator[str]:
    for file in files:
        try:
            check(file)
        except KamkitError as error:
            for problem in getattr(error, "problems", (str(error),)):
                yield f"{file.parent.name}/{file.name}: {problem}"


class _Worker:
    """One process that runs engagements, one after the other, until it is replaced."""

    def __init__(self) -> None:
        self._connection, theirs = _CONTEXT.Pipe()
        self.process: BaseProcess = _CONTEXT.Process(target=_work, args=(theirs,), daemon=False)
        self.process.start()
        theirs.close()
        self.runs = 0

    def run(self, file: Path, out: Path, force: bool) -> dict[str, Any]:
        """What became of an engagement. Raises EOFError when the process died over it."""
        self.runs += 1
        self._connection.send((str(file), str(out), force))
        return dict(self._connection.recv())

    def close(self) -> None:
        self._connection.close()
        self.process.join(timeout=30)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class _workers:  # noqa: N801 - reads as a function: with _workers(4) as pool
    """Worker processes, as many as there are threads to feed them."""

    def __init__(self, count: int) -> None:
        self._idle: SimpleQueue[_Worker | None] = SimpleQueue()
        self._all: list[_Worker] = []
        for _ in range(count):
            self._idle.put(None)

    def __enter__(self) -> _workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._all:
            worker.close()

    def stop(self) -> None:
        """End all workers now; their kernels end with them and their scratch folders are tidied away."""
        for worker in self._all:
            worker.process.terminate()

    def run(self, file: Path, out: Path, force: bool) -> BatchRow:
        started = time.monotonic()
        worker = self._idle.get() or self._new()
        try:
            result = worker.run(file, out, force)
        except (EOFError, OSError):
            worker.process.join()
            message = f"the process that ran this engagement died (exit code {worker.process.exitcode})"
            result = {"state": "failed", "exit_code": 1, "out": str(out)}
            result["error"] = {"type": "WorkerDied", "message": message, "cell": None, "line": None}
        spent = worker.runs >= RUNS_PER_WORKER or not worker.process.is_alive()
        if spent:
            worker.close()
            self._all.remove(worker)
        self._idle.put(None if spent else worker)
        return BatchRow(engagement=file.as_posix(), seconds=round(time.monotonic() - started, 3), **result)

    def _new(self) -> _Worker:
        worker = _Worker()
        self._all.append(worker)
        return worker


def _work(connection: Connection) -> None:
    """The life of a worker process: run what comes, answer, end when the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    try:
        while True:
            file, out, force = connection.recv()
            connection.send(_run_one(file, out, force))
    except (EOFError, KeyboardInterrupt):
        return


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _run_one(file: str, out: str, force: bool) -> dict[str, Any]:
    kernels.start_early()
    from kamkit.execution.chain import run

    try:
        outcome = run(file, out=out, force=force)
    except KamkitError as error:
        told = {"type": type(error).__name__, "message": str(error), "cell": None, "line": None}
        return {"state": "failed", "exit_code": error.exit_code, "out": out, "error": told}
    except Exception as error:
        told = {"type": type(error).__name__, "message": str(error), "cell": None, "line": None}
        return {"state": "failed", "exit_code": 1, "out": out, "error": told}
    failed = next((step.as_json()["error"] for step in outcome.steps if step.error), None)
    return {"state": outcome.state, "exit_code": outcome.exit_code, "out": outcome.out.as_posix(), "error": failed}
