"""One command or function in a process of its own: seconds, CPU seconds and peak memory; several runs, medians, ratios."""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Clock:
    """Wall and CPU seconds of the named phases of a measured function, which returns its clock."""

    phases: dict[str, tuple[float, float]] = field(default_factory=lambda: defaultdict(lambda: (0.0, 0.0)))

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add what passes inside to the phase of that name."""
        seconds, cpu = time.perf_counter(), time.process_time()
        yield
        before = self.phases[name]
        self.phases[name] = (before[0] + time.perf_counter() - seconds, before[1] + time.process_time() - cpu)


@dataclass(frozen=True)
class Measurement:
    """Medians over the runs: wall seconds, CPU seconds (children included), peak MiB of the largest process; per phase,
    where the function tells them, its wall and CPU seconds."""

    seconds: float
    cpu: float
    peak_mib: float
    phases: dict[str, tuple[float, float]]


def _child(work: Callable[..., Any], arguments: tuple[Any, ...], answers: Any) -> None:
    started = time.perf_counter()
    clock = work(*arguments)
    seconds = time.perf_counter() - started
    times = os.times()
    phases = dict(clock.phases) if isinstance(clock, Clock) else {}
    answers.put((seconds, sum(times[:4]), _peak_mib(), phases))


def _peak_mib() -> float:
    """The peak of the largest process. Linux starts `ru_maxrss` of a new process at its parent's peak, so that what the
    benchmark itself once held would count: the process's own mark does not."""
    status = Path("/proc/self/status")
    own = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.exists() else None
    kilobytes = int(own[1]) if own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return max(kilobytes, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


def measure(work: Callable[..., Any], *arguments: Any, runs: int = 3) -> Measurement:
    """Run `work(*arguments)` `runs` times, each in a fresh spawned process; imports count as a user's would."""
    context = multiprocessing.get_context("spawn")
    rows = []
    for _ in range(runs):
        answers = context.SimpleQueue()
        process = context.Process(target=_child, args=(work, arguments, answers))
        process.start()
        process.join()
        if process.exitcode:
            raise RuntimeError(f"{work.__name__} failed with exit code {process.exitcode}")
        rows.append(answers.get())
    *whole, phases = zip(*rows, strict=True)
    medians = {name: tuple(map(statistics.median, zip(*(p[name] for p in phases), strict=True))) for name in phases[0]}
    return Measurement(*(statistics.median(column) for column in whole), phases=medians)


def table(title: str, measured: dict[str, Measurement], base: str) -> str:
    """The measurements as text, each beside its ratio to the row `base`."""
    lines = [title, f"{'':34}{'wall s':>9}{'CPU s':>9}{'peak MiB':>10}{'wall ratio':>12}"]
    for name, row in measured.items():
        ratio = row.seconds / measured[base].seconds
        lines.append(f"{name:34}{row.seconds:9.2f}{row.cpu:9.2f}{row.peak_mib:10.0f}{ratio:12.2f}")
    return "\n".join(lines)
