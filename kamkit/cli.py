"""The command line: `kamkit demo | new | start | check | run | lab | batch | doctor | clean`.

Human text goes to stderr, `--json` prints the outcome on stdout. Exit codes: 0 done · 1 a run failed · 2 wrong usage or
invalid input · 3 batch done, with engagements that failed · 130 interrupted. Everything heavy is imported only by the
command that needs it.
"""

from __future__ import annotations

import functools
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from kamkit import KamkitError, __version__

if TYPE_CHECKING:
    from kamkit.execution.batch import BatchRow
    from kamkit.execution.chain import Progress
    from kamkit.execution.manifest import RunOutcome

INTERRUPTED = 130
_DEBUG = "KAMKIT_DEBUG"

app = typer.Typer(
    name="kamkit",
    help="From a client's raw sales export to a defensible key-account strategy.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(stderr=True, highlight=False, soft_wrap=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print the outcome as JSON on stdout.")]
Language = Annotated[str | None, typer.Option(help="de or en; default: as the engagement says.")]
Engagement = Annotated[str, typer.Argument(help="The engagement file, its folder, or the name of a bundled case.")]


def main() -> None:
    """The console script."""
    app()


def _command(work: Callable[..., int], **settings: Any) -> Callable[..., int]:
    """Register a command whose return value is its exit code. No error shows a traceback unless KAMKIT_DEBUG is set."""

    @functools.wraps(work)
    def guarded(*args: Any, **kwargs: Any) -> None:
        with _terminable():
            raise typer.Exit(_exit_code(lambda: work(*args, **kwargs), as_json=kwargs.get("as_json", False)))

    app.command(**settings)(guarded)
    return work


def _exit_code(work: Callable[[], int], as_json: bool) -> int:
    try:
        return work()
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except KamkitError as error:
        if as_json:
            _print_json(_error_as_json(error))
        say(str(error), style="red")
        return error.exit_code
    except (typer.Exit, typer.BadParameter):
        raise
    except Exception as error:
        if os.environ.get(_DEBUG):
            raise
        say(f"{type(error).__name__}: {error}", style="red")
        say(f"This should not have happened. Set {_DEBUG}=1 to see where.")
        return 1


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    if version:
        typer.echo(f"kamkit {__version__}")
        raise typer.Exit


@_command
def demo(language: Language = None, as_json: AsJson = False) -> int:
    """Run the bundled machinery case end to end, into ./kamkit-demo/."""
    from kamkit.execution import kernels

    kernels.start_early()
    from kamkit.execution.chain import run
    from kamkit.execution.engagements import copy_case

    folder = copy_case("machinery", Path("kamkit-demo"))
    with _progress() as watch:
        outcome = run(folder, language=language, progress=watch)
    return _report(outcome, as_json)


@_command
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make.")],
    client: Annotated[str | None, typer.Option(help="The client's name.")] = None,
    source: Annotated[
        list[Path] | None,
        typer.Option(
            "--from", metavar="FILE", help="The export to begin with: a file, a folder; several times for several."
        ),
    ] = None,
    industry: Annotated[str | None, typer.Option(help="The client's industry code (NACE Rev. 2, WZ 2008).")] = None,
    language: Annotated[str, typer.Option(help="de or en.")] = "de",
    as_json: AsJson = False,
) -> int:
    """Make an engagement folder, ready to fill in."""
    from kamkit.execution.engagements import create_engagement

    made = create_engagement(folder, client, source, industry, language)
    if as_json:
        _print_json(made.as_json())
    say(f"Made {made.folder}: {', '.join(made.files)}")
    for line in made.told():
        say(line)
    for line in made.to_do:
        say(f"- {line}")
    return 0


@_command
def start(
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE...]", help="Exports, or an engagement.")] = None,
    language: Annotated[str | None, typer.Option(help="de or en; default: the system's.")] = None,
    home: Annotated[Path | None, typer.Option(metavar="DIR", help="Where engagements are made: ~/kamkit.")] = None,
) -> int:
    """From an export to the report with dialogs: no terminal, no settings file."""
    from kamkit.errors import EngagementError
    from kamkit.execution import kernels
    from kamkit.model.engagement import LOCALES

    kernels.start_early()
    from kamkit.execution.dialogs import dialog_for
    from kamkit.execution.start import Desk, open_with_system, start, system_language
    from kamkit.telling.language import Labels

    chosen = language or system_language()
    if chosen not in LOCALES:
        raise EngagementError("--language", [f"{chosen!r} is none of {', '.join(LOCALES)}"])
    dialog = dialog_for(Labels(chosen, LOCALES[chosen], "EUR"), say)
    start(files or (), dialog, Desk(open_with_system), chosen, home or Path.home() / "kamkit")
    return 0


@_command
def check(engagement: Engagement, as_json: AsJson = False) -> int:
    """List everything wrong with configuration and data, without a kernel."""
    from kamkit.execution.check import check

    result = check(engagement)
    if as_json:
        _print_json(result.as_json())
    for line in result.lines:
        say(line)
    return 0


@_command
def run(
    engagement: Engagement,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Default: runs/<UTC time>/ beside the file.")] = None,
    step: Annotated[str | None, typer.Option(metavar="NAME", help="Run this notebook only.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Run although nothing has changed.")] = False,
    explain: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ACCOUNT", help="Trace every figure about an account (id or name) to its lines; repeatable."
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("-p", metavar="KEY=VALUE", help="A setting, such as pareto.threshold=0.7.")
    ] = None,
    language: Language = None,
    as_json: AsJson = False,
) -> int:
    """Run an engagement: notebooks, result files, report and workbook."""
    given = dict(_parameter(text) for text in parameter or ())
    from kamkit.execution import kernels

    kernels.start_early()
    from kamkit.execution.chain import run

    with _progress() as watch:
        outcome = run(engagement, out, step, force, given, language, watch, explain=explain or ())
    return _report(outcome, as_json)


@functools.partial(_command, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context, engagement: Engagement, language: Language = None) -> int:
    """Open JupyterLab on copies of the notebooks; further options go to JupyterLab."""
    from kamkit.execution.lab import open_lab, prepare_lab

    prepared = prepare_lab(engagement, language)
    say(f"Notebooks in {prepared.folder}")
    if prepared.kept:
        say(f"Kept as they were: {', '.join(prepared.kept)}")
    return open_lab(prepared, context.args)


@_command
def batch(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Engagement files, or folders of them.")],
    workers: Annotated[int | None, typer.Option(min=1, help="Default: the number of processors.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Run although nothing has changed.")] = False,
    out: Annotated[Path, typer.Option(metavar="DIR")] = Path("kamkit-batch"),
    as_json: AsJson = False,
) -> int:
    """Run many engagements side by side; a folder means every engagement.yml in it and one level down."""
    from kamkit.execution.batch import run_batch

    outcome = run_batch(paths, out, workers, force, _tell_row)
    if as_json:
        _print_json(outcome.as_json())
    failed = sum(row.state != "ok" for row in outcome.rows)
    say(f"{len(outcome.rows)} engagements, {failed} failed, {outcome.seconds:.1f} s: {outcome.out / 'batch.json'}")
    return outcome.exit_code


@_command
def doctor(as_json: AsJson = False) -> int:
    """Look whether kamkit can work here: versions, fonts, write access, kernel, a sample report."""
    from kamkit.execution.doctor import examine

    found = []
    for checkup in examine(Path.cwd()):
        found.append(vars(checkup))
        say(f"{'ok  ' if checkup.ok else 'FAIL'} {checkup.name}: {checkup.detail}", style=None if checkup.ok else "red")
    if as_json:
        _print_json({"state": "ok" if all(c["ok"] for c in found) else "failed", "checks": found})
    return 0 if all(c["ok"] for c in found) else 1


@_command
def clean(engagement: Engagement, as_json: AsJson = False) -> int:
    """Remove old runs, copies of client data in work/, and what killed runs left behind."""
    from kamkit.execution.engagements import clean

    removed = [path.as_posix() for path in clean(engagement)]
    if as_json:
        _print_json({"removed": removed})
    for path in removed:
        say(f"removed {path}")
    say(f"{len(removed)} removed")
    return 0


def say(text: str, style: str | None = None) -> None:
    """A line for people, on stderr."""
    console.print(text, style=style, markup=False)


def _print_json(content: Any) -> None:
    typer.echo(json.dumps(content, ensure_ascii=False, indent=2))


def _error_as_json(error: KamkitError) -> dict[str, Any]:
    problems = list(getattr(error, "problems", ()))
    about = {"type": type(error).__name__, "message": str(error), "problems": problems}
    return {"state": "failed", "exit_code": error.exit_code, "error": about}


def _parameter(text: str) -> tuple[str, Any]:
    import yaml

    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise typer.BadParameter(f"{text}: write key=value, such as pareto.threshold=0.7")
    try:
        return name.strip(), yaml.safe_load(value)
    except yaml.YAMLError:
        return name.strip(), value


def _report(outcome: RunOutcome, as_json: bool) -> int:
    """Say where everything is, or what failed and where."""
    if as_json:
        _print_json(outcome.as_json())
    for warning in outcome.warnings:
        say(f"Note: {warning}", style="yellow")
    if outcome.error:
        say(str(outcome.error), style="red")
        say(f"The failing cell is marked in {outcome.out / 'notebooks' / outcome.error.step}.ipynb")
    elif all(step.state != "ok" for step in outcome.steps):
        say("Nothing has changed since this run; --force runs it again.")
    for title, pattern in (
        ("Report", "deliverables/*_report.html"),
        ("PDF", "deliverables/*_report.pdf"),
        ("Deck", "deliverables/*_deck.pptx"),
        ("Workbook", "deliverables/*_workbook.xlsx"),
        ("Explained", "explain/*.xlsx"),
    ):
        for path in sorted(outcome.out.glob(pattern)):
            say(f"{title + ':':<11}{_near(path)}")
    for folder in ("notebooks", "results"):
        if (outcome.out / folder).is_dir():
            say(f"{folder.title() + ':':<11}{_near(outcome.out / folder)}")
    return outcome.exit_code


def _near(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _tell_row(row: BatchRow, done: int, n: int) -> None:
    error = f": {row.error['type']}: {row.error['message']}" if row.error else ""
    say(f"[{done}/{n}] {row.state} {row.engagement} ({row.seconds:.1f} s){error}")


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal, else a line per notebook."""
    if not console.is_terminal:
        yield _tell_step
        return
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description:<22}"), BarColumn(), TimeElapsedColumn())
    with Bars(*columns, console=console) as bars:
        shown: dict[str, Any] = {}

        def watch(progress: Progress) -> None:
            if progress.step not in shown:
                shown[progress.step] = bars.add_task(progress.step, total=None)
            done = progress.n_cells or 1
            if progress.record:
                bars.update(shown[progress.step], total=done, completed=done)
                bars.stop_task(shown[progress.step])
            elif progress.n_cells:
                bars.update(shown[progress.step], total=progress.n_cells, completed=progress.cell)

        yield watch


def _tell_step(progress: Progress) -> None:
    if progress.record:
        seconds = progress.record.seconds or 0.0
        say(f"[{progress.index}/{progress.n_steps}] {progress.step}: {progress.record.state} ({seconds:.1f} s)")


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends a command as Ctrl-C does: kernels are stopped and nothing is left half-written."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
