"""Engagement folders: made, copied from a bundled case, and tidied."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from kamkit.errors import EngagementError, InputError, KamkitError
from kamkit.execution.chain import check_files
from kamkit.execution.files import write_text
from kamkit.execution.folders import is_run, prune_runs, remove_abandoned
from kamkit.execution.settings import runs_of, work_of
from kamkit.intake.dialects import same_name
from kamkit.intake.inputs import refresh_inputs
from kamkit.intake.raw_tables import CannotReadError, open_raw_table
from kamkit.intake.sources import find_files
from kamkit.model.engagement import ENGAGEMENT_FILE, LANGUAGES, FileFormat, find_engagement, load_engagement
from kamkit.model.kit import kit_folder
from kamkit.model.presets import known_headings


@dataclass(frozen=True)
class NewEngagement:
    """A folder made, the files in it, and what a person has to do before it can run."""

    folder: Path
    files: tuple[str, ...]
    to_do: tuple[str, ...]


def create_engagement(
    folder: Path,
    client: str | None = None,
    export: Path | None = None,
    industry: str | None = None,
    language: str = "de",
) -> NewEngagement:
    """Make an engagement folder from the template; a sales export is copied into raw/, and its columns are filled in as
    far as their headings are certain. Nothing that is there already is touched.

    Raises EngagementError when something is in the way, InputError when the export cannot be read.
    """
    if language not in LANGUAGES:
        raise EngagementError("--language", [f"{language!r} is none of {', '.join(LANGUAGES)}"])
    folder = folder.absolute()
    with tempfile.TemporaryDirectory(prefix="kamkit-") as scratch:
        fresh = Path(scratch) / "engagement"
        shutil.copytree(kit_folder("templates") / "engagement", fresh)
        (fresh / "raw").mkdir(exist_ok=True)
        text = (fresh / ENGAGEMENT_FILE).read_text(encoding="utf-8")
        text = _with_settings(text, client or folder.name, language, industry)
        if export:
            columns = recognised_columns(export)
            shutil.copyfile(export, fresh / "raw" / export.name)
            text = _with_export(text, f"raw/{export.name}", columns)
        write_text(fresh / ENGAGEMENT_FILE, text)
        refresh_inputs(fresh / "inputs.xlsx", language)
        files = _move_in(fresh, folder)
    return NewEngagement(folder, files, tuple(_to_do(folder)))


def recognised_columns(export: Path) -> Mapping[str, str]:
    """The canonical columns whose heading in an export is known and stands there once.

    Raises InputError when the export cannot be read.
    """
    if not export.is_file():
        raise InputError(str(export), ["there is no such file: give the path of a sales export"])
    known: Mapping[str, list[str]] = known_headings()["transactions"]
    wanted = [heading for headings in known.values() for heading in headings]
    with tempfile.TemporaryDirectory(prefix="kamkit-") as scratch, duckdb.connect() as connection:
        files, problems = find_files([export.name], export.absolute().parent, Path(scratch))
        if problems or not files:
            raise InputError(export.name, problems or ["holds no table"])
        try:
            header = open_raw_table(connection, files[0], wanted, FileFormat(), None, Path(scratch)).header
        except CannotReadError as error:
            raise InputError(export.name, [str(error)]) from None
    seen = [same_name(name) for name in header]
    once = {name: written for name, written in zip(seen, header, strict=True) if seen.count(name) == 1}
    found = {c: next((once[n] for n in map(same_name, headings) if n in once), None) for c, headings in known.items()}
    return {column: heading for column, heading in found.items() if heading}


def _with_settings(text: str, client: str, language: str, industry: str | None) -> str:
    text = _replaced(text, r"^client:.*$", f"client: {_quoted(client)}")
    text = _replaced(text, r"^language:\s*\w+", f"language: {language}")
    if industry:
        line = f"supplier_industry: {{code: {_quoted(industry)}, version: nace2}}"
        text = _replaced(text, r"^#?\s*supplier_industry:.*$", line)
    return text


def _with_export(text: str, path: str, columns: Mapping[str, str]) -> str:
    """The template with the transactions of an export in place of its example."""
    lines = [f"    path: {_quoted(path)}", "    columns:"]
    lines += [f"      {column}: {_quoted(heading)}" for column, heading in columns.items()] or ["      {}"]
    block = "  transactions:\n" + "\n".join(lines) + "\n\n"
    return _replaced(text, r"^  transactions:\n(?:(?:    .*)?\n)*(?=\S|  \S|\Z)", block)


def _replaced(text: str, pattern: str, replacement: str) -> str:
    return re.sub(pattern, lambda _: replacement, text, count=1, flags=re.MULTILINE)


def _quoted(text: str) -> str:
    """A text as YAML reads it back, whatever signs it holds."""
    return json.dumps(text, ensure_ascii=False)


def _move_in(fresh: Path, folder: Path) -> tuple[str, ...]:
    names = sorted(path.relative_to(fresh).as_posix() for path in fresh.rglob("*") if path.is_file())
    if taken := [name for name in names if (folder / name).exists()]:
        problems = [f"{name} is there already: nothing is overwritten" for name in taken]
        raise EngagementError(str(folder), problems)
    try:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(fresh / name, folder / name)
        (folder / "raw").mkdir(exist_ok=True)
    except OSError as error:
        raise EngagementError(str(folder), [f"cannot be written: {error.strerror}"]) from None
    return tuple(names)


def _to_do(folder: Path) -> list[str]:
    """What still keeps a new engagement from running, and where to go on."""
    try:
        check_files(load_engagement(folder))
    except KamkitError as error:
        return [*getattr(error, "problems", ()), f"then: kamkit check {folder.name}"]
    return [
        "look through engagement.yml: are all columns what they are taken for?",
        f"then: kamkit check {folder.name}",
    ]


def copy_case(case: str, folder: Path) -> Path:
    """A bundled case in a folder of its own; files that are there already stay as they are.

    Raises EngagementError when the folder cannot be written.
    """
    source = kit_folder("data") / case
    try:
        for path in sorted(source.rglob("*")):
            target = folder / path.relative_to(source)
            if path.is_file() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
    except OSError as error:
        raise EngagementError(str(folder), [f"cannot be written: {error.strerror}"]) from None
    return folder


def clean(engagement: str | Path) -> list[Path]:
    """Remove what can be made again: all runs but the latest good one, copies of client data in work/, and what killed
    runs left behind. Notebooks in work/lab/ stay. What was removed.

    Raises EngagementError when there is no such engagement.
    """
    file = find_engagement(engagement)
    runs, work = runs_of(file), work_of(file)
    removed = list(prune_runs(runs, keep=1))
    if runs.is_dir():
        failed = [path for path in runs.glob("*.failed") if is_run(path)]
        removed += [*failed, *(path for path in runs.glob(".*") if remove_abandoned(path))]
    removed += [work / name for name in ("steps", "tables", "results") if (work / name).is_dir()]
    for path in removed:
        shutil.rmtree(path, ignore_errors=True)
    return removed
