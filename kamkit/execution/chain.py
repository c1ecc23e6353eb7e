"""A run: one engagement through all notebooks, from validation to a folder that is whole or absent.

Everything is checked before a kernel starts. The notebooks run in a private scratch folder beside the target; what they
leave is moved in by renaming, `manifest.json` last. A failed run goes to `<target>.failed`, and an earlier target stays
as it was.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import logging
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kamkit.deliver.notebook import write_notebooks
from kamkit.errors import EngagementError, InputError
from kamkit.execution import kernels
from kamkit.execution.engine import Execution, Limits, run_notebook
from kamkit.execution.explain import find_accounts, write_explanations
from kamkit.execution.files import hash_files, write_json, write_text
from kamkit.execution.folders import check_target, failed_folder, new_run, prune_runs, publish, scratch_beside
from kamkit.execution.manifest import RunOutcome, StepRecord, versions
from kamkit.execution.notebooks import (
    Step,
    chain_of,
    find_step,
    read_notebook,
    relative_reference,
    tidy_executed,
    write_prepared,
)
from kamkit.execution.project import SETTINGS_FILE, Project, rules_in_force
from kamkit.execution.refresh import refresh_entries
from kamkit.execution.settings import dotted_settings, engagement_with, runs_of, today_from
from kamkit.intake.previous_run import read_previous
from kamkit.intake.sources import PACKED_SUFFIXES, find_files
from kamkit.model.codes import StepState
from kamkit.model.engagement import Engagement, unknown

NOTEBOOK_PARAMETERS = ("threshold", "basis", "level", "period")
FIRST_EXPLAINED = "04_strategy_options"
"""The first notebook after which accounts can be explained."""


@dataclass(frozen=True)
class Progress:
    """Where a run is: step `index` of `n_steps` (counted from 1), `cell` of `n_cells`; with `record` once it ended."""

    step: str
    index: int
    n_steps: int
    cell: int = 0
    n_cells: int = 0
    record: StepRecord | None = None


def run(
    engagement: str | Path,
    out: str | Path | None = None,
    step: str | None = None,
    force: bool = False,
    parameters: Mapping[str, Any] | None = None,
    language: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    limits: Limits | None = None,
    explain: Sequence[str] = (),
) -> RunOutcome:
    """Run an engagement through its notebooks.

    `engagement` is the file, its folder, or the name of a bundled case. `out` defaults to runs/<UTC time>/ beside the
    engagement file; where `out` holds a run of the same inputs, settings and versions already, nothing is done unless
    `force`. `step` runs one notebook only. `parameters` are settings by their dotted names ("pareto.threshold") or the
    short names of the notebooks (threshold, basis, level, period). `explain` names accounts, by id or name: for each a
    workbook in `explain/` says where every figure of its sentences comes from.

    Raises EngagementError and InputError before any kernel starts. A notebook that fails does not raise: the outcome's
    `state` is "failed" and its `error` says where.
    """
    kernels.warm_up()
    started = time.monotonic()
    plan = _plan(engagement, out, step, parameters, language, explain)
    with scratch_beside(plan.out) as scratch:
        project = Project(plan.engagement, scratch, plan.today)
        plan = dataclasses.replace(plan, inputs={**project.input_hashes, **_own_notebooks(plan)})
        if not force and (current := _current(plan)):
            return current
        explained = find_accounts(project, explain) if explain else ()
        log = _Log(scratch / "run.log")
        with _quiet_libraries(log):
            records = tuple(_run_steps(plan, scratch, log, progress, limits or Limits()))
        warnings = [*plan.warnings, *_early_stops(records)]
        state = "failed" if any(record.error for record, _ in records) else "ok"
        if state == "ok":
            warnings += refresh_entries(project)
            if "notebooks" in plan.engagement.deliverables:
                write_notebooks(scratch / "notebooks", project.labels, plan.engagement.look)
            for path in write_explanations(project, explained):
                log.line(f"{path.parent.name}/{path.name}")
        outcome = _outcome(plan, state, tuple(record for record, _ in records), warnings, started)
        log.line(f"{outcome.state} in {outcome.seconds:.1f} s")
        publish(outcome, scratch)
    _tell_latest(plan, outcome)
    return outcome


@dataclass(frozen=True)
class _Plan:
    """What will be run, once everything that can be checked without a kernel has been."""

    engagement: Engagement
    out: Path
    chain: tuple[Step, ...]
    wanted: tuple[Step, ...]
    settings: Mapping[str, Any]
    parameters: Mapping[str, Any]
    today: dt.date
    warnings: tuple[str, ...]
    dated: bool
    inputs: Mapping[str, str] = dataclasses.field(default_factory=dict)


def _plan(
    reference: str | Path,
    out: str | Path | None,
    step: str | None,
    parameters: Mapping[str, Any] | None,
    language: str | None,
    explain: Sequence[str] = (),
) -> _Plan:
    given = {**(parameters or {}), **({"language": language} if language else {})}
    known = [*Engagement.model_fields, *NOTEBOOK_PARAMETERS]
    if strange := [name for name in given if name.partition(".")[0] not in known]:
        raise EngagementError("parameters", [unknown(name, known) for name in strange])
    if open_secrets := [name for name, value in given.items() if _shows_connection(name, value)]:
        advice = "a run keeps a record of its parameters: write it as ${NAME} and set the environment variable NAME"
        raise EngagementError("parameters", [f"{name} holds a connection: {advice}" for name in open_secrets])
    settings = dotted_settings(given)
    engagement = engagement_with(reference, settings)
    check_files(engagement)
    read_previous(engagement)
    rules_in_force(engagement)
    chain = chain_of(engagement.folder)
    for notebook in chain:
        read_notebook(notebook.source)
    wanted = (find_step(step, chain),) if step else chain
    if explain and wanted[-1].name < FIRST_EXPLAINED:
        where = f"{wanted[-1].name} comes before it; leave out --step, or name {FIRST_EXPLAINED}"
        raise EngagementError("--explain", [f"what is explained is found out in {FIRST_EXPLAINED}: {where}"])
    target = Path(out).absolute() if out else new_run(runs_of(engagement.file))
    check_target(target)
    today = today_from(None)
    shown = {"language": engagement.language, "today": today.isoformat(), **_as_text(settings)}
    return _Plan(
        engagement=engagement,
        out=target,
        chain=chain,
        wanted=wanted,
        settings=_as_text(settings),
        parameters=shown | ({"step": wanted[0].name} if step else {}) | ({"explain": [*explain]} if explain else {}),
        today=today,
        warnings=engagement.left_out(),
        dated=out is None,
    )


def _shows_connection(name: str, value: Any) -> bool:
    """Whether a setting is a database connection, or holds one, that is not hidden behind a variable."""
    if isinstance(value, Mapping):
        return any(_shows_connection(str(key), inner) for key, inner in value.items())
    return name.rpartition(".")[2] == "connection" and not re.fullmatch(r"\$\{\w+\}", str(value))


def check_plan(engagement: str | Path, out: str | Path | None = None) -> None:
    """Everything that a run would find wrong before its first kernel. Raises EngagementError or InputError."""
    _plan(engagement, out, None, None, None)


def check_files(engagement: Engagement) -> None:
    """Look whether the raw files are there and readable, before anything is started.

    Raises InputError with every problem.
    """
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="kamkit-") as scratch:
        for name, source in engagement.sources.given():
            patterns = [*source.patterns, *(join.path for join in source.join)]
            plain = [pattern for pattern in patterns if not pattern.endswith(PACKED_SUFFIXES)]
            found = find_files(plain, engagement.folder, Path(scratch), engagement.allow_outside)[1]
            problems += [f"sources.{name}: {problem}" for problem in found]
    if problems:
        raise InputError(engagement.file.name, problems)


def _as_text(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as JSON holds them; dates become ISO text, which the engagement reads as well."""
    return dict(json.loads(json.dumps(settings, default=str)))


def _own_notebooks(plan: _Plan) -> dict[str, str]:
    """Notebooks count as inputs: the kit's by name, the engagement's own by their place in its folder."""
    return {
        (f"notebooks/{step.source.name}" if step.own else f"kit/notebooks/{step.source.name}"): next(
            iter(hash_files([step.source], step.source.parent).values())
        )
        for step in plan.chain
    }


def _current(plan: _Plan) -> RunOutcome | None:
    """The run that lies in the target already, if nothing that it depends on has changed since."""
    try:
        manifest = json.loads((plan.out / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    same = {"parameters": plan.parameters, "inputs": plan.inputs, "versions": versions()}
    if manifest.get("state") != "ok" or any(manifest.get(name) != value for name, value in same.items()):
        return None
    ran = {record["name"] for record in manifest["steps"] if record["state"] == StepState.OK}
    records = tuple(StepRecord(s.name, StepState.CACHED if s.name in ran else StepState.NOT_RUN) for s in plan.chain)
    return dataclasses.replace(_outcome(plan, "ok", records, manifest["warnings"], time.monotonic()), out=plan.out)


def _run_steps(
    plan: _Plan, scratch: Path, log: _Log, progress: Callable[[Progress], None] | None, limits: Limits
) -> Iterator[tuple[StepRecord, Execution | None]]:
    """Run the wanted notebooks one after the other; after a failure the rest is not run."""
    write_json(scratch / SETTINGS_FILE, {"settings": plan.settings, "today": plan.today.isoformat()})
    tell, failed = progress or (lambda _: None), False
    for step in plan.chain:
        if step not in plan.wanted or failed:
            yield StepRecord(step.name), None
            continue
        place = Progress(step.name, plan.wanted.index(step) + 1, len(plan.wanted))
        tell(place)
        execution = _run_step(step, plan, scratch, place, tell, limits)
        state = StepState.FAILED if execution.error else StepState.OK
        record = StepRecord(step.name, state, execution.seconds, execution.peak_mb, execution.error)
        failed = failed or record.error is not None
        log.line(f"{step.name}: {state} in {execution.seconds:.1f} s" + (f": {record.error}" if record.error else ""))
        tell(dataclasses.replace(place, record=record))
        yield record, execution


def _run_step(
    step: Step, plan: _Plan, scratch: Path, place: Progress, tell: Callable[[Progress], None], limits: Limits
) -> Execution:
    prepared = scratch / "prepared" / step.source.name
    executed = scratch / "notebooks" / step.source.name
    write_prepared(step.source, prepared, plan.engagement.language)
    executed.parent.mkdir(exist_ok=True)
    execution = run_notebook(
        prepared,
        executed,
        {"engagement": str(plan.engagement.file), "language": plan.engagement.language, "work": str(scratch)},
        limits,
        lambda cell, n: tell(dataclasses.replace(place, cell=cell, n_cells=n)),
        step.source.parent if step.own else scratch,
    )
    if executed.exists():
        tidy_executed(executed, _shown_parameters(plan))
    return execution


def _shown_parameters(plan: _Plan) -> dict[str, Any]:
    """The parameters with which an executed notebook runs again from where it is published."""
    given = plan.engagement
    changed = {name: plan.settings.get(f"pareto.{name}", plan.settings.get(name)) for name in NOTEBOOK_PARAMETERS}
    period = f"{given.period.start}/{given.period.end}" if changed["period"] and given.period else None
    reference = relative_reference(given.file, plan.out / "notebooks")
    return {"engagement": reference, "language": given.language, **changed, "period": period}


def _early_stops(records: tuple[tuple[StepRecord, Execution | None], ...]) -> list[str]:
    return [
        f"{record.name} stopped itself in cell {execution.stopped_in}: later cells were not run"
        for record, execution in records
        if execution and execution.stopped_in
    ]


def _outcome(
    plan: _Plan, state: str, records: tuple[StepRecord, ...], warnings: list[str], started: float
) -> RunOutcome:
    return RunOutcome(
        state=state,
        out=plan.out if state == "ok" else failed_folder(plan.out),
        engagement=plan.engagement.file,
        client=plan.engagement.client,
        steps=records,
        parameters=plan.parameters,
        inputs=plan.inputs,
        versions=versions(),
        overrides=tuple(step.name for step in plan.chain if step.own),
        warnings=tuple(warnings),
        seconds=time.monotonic() - started,
    )


def _tell_latest(plan: _Plan, outcome: RunOutcome) -> None:
    if plan.dated:
        if outcome.state == "ok":
            write_text(plan.out.parent / "latest.txt", f"{plan.out.name}\n")
        compared = plan.engagement.folder / plan.engagement.previous if plan.engagement.previous else None
        prune_runs(plan.out.parent, plan.engagement.keep_runs, compared)


class _Log:
    """run.log: one line per event, with the time in UTC."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def line(self, text: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ} {text}\n")


@contextmanager
def _quiet_libraries(log: _Log) -> Iterator[None]:
    """What Papermill and nbclient have to say goes to run.log."""
    handler = logging.FileHandler(log.path, encoding="utf-8", delay=True)
    logger = logging.getLogger("papermill")
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = before
        logger.removeHandler(handler)
        handler.close()
