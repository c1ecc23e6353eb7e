"""Engagement folders: made, copied from a bundled case, and tidied."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kamkit.deliver.data_request import first_requests
from kamkit.errors import EngagementError, InputError, KamkitError
from kamkit.execution.chain import check_files
from kamkit.execution.files import write_text
from kamkit.execution.folders import is_run, prune_runs, remove_abandoned
from kamkit.execution.settings import runs_of, today_from, work_of
from kamkit.intake.column_meaning import ColumnProposal, recognition_rules
from kamkit.intake.input_writing import refresh_inputs
from kamkit.intake.mapping import with_confirmed_mapping
from kamkit.intake.recognition import FileRole, Proposal, recognise
from kamkit.intake.sources import READABLE
from kamkit.model.engagement import ENGAGEMENT_FILE, LANGUAGES, find_engagement, load_engagement
from kamkit.model.kit import kit_folder


@dataclass(frozen=True)
class NewEngagement:
    """A folder made, the files in it, what was recognised in the raw data (None without any), and what a person has to do
    before it can run."""

    folder: Path
    files: tuple[str, ...]
    to_do: tuple[str, ...]
    proposal: Proposal | None = None

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        found = self.proposal or Proposal({}, (), (), None)
        return {
            "folder": self.folder.as_posix(),
            "files": list(self.files),
            "to_do": list(self.to_do),
            "recognised": [asdict(column) for column in found.columns],
            "roles": [asdict(file) for file in found.files],
        }

    def told(self) -> list[str]:
        """What was recognised, a line for every file and every column."""
        found = self.proposal or Proposal({}, (), (), None)
        files = [f"  {file.name}: {_ROLES[file.role]}{_reason(file)}" for file in found.files]
        width = max((len(f"{c.table}.{c.column}") for c in found.columns), default=0)
        return files + [f"  {f'{c.table}.{c.column}':{width}}  {c.confidence:4.0%}  {c.source}" for c in found.columns]


_ROLES = {
    "transactions": "transactions",
    "header": "their headers",
    "lookup": "further columns by number",
    "customers": "customer master",
    "aside": "left aside",
}
_REASONS = {
    "unknown": "nothing in it that the others need",
    "other_sums": "its amounts do not add up to those of their headers",
}


def _reason(file: FileRole) -> str:
    return f" ({_REASONS.get(file.reason, file.reason)})" if file.reason else ""


def create_engagement(
    folder: Path,
    client: str | None = None,
    export: Path | Sequence[Path] | None = None,
    industry: str | None = None,
    language: str = "de",
) -> NewEngagement:
    """Make an engagement folder from the template; raw data (a file, several, or folders of them) are copied into raw/ and
    what their columns seem to mean is filled in, and listed in inputs.xlsx to be confirmed. Nothing that is there already
    is touched.

    Raises EngagementError when something is in the way, InputError when no export can be read.
    """
    if language not in LANGUAGES:
        raise EngagementError("--language", [f"{language!r} is none of {', '.join(LANGUAGES)}"])
    folder = folder.absolute()
    given = _raw_files([export] if isinstance(export, Path) else list(export or ()))
    with tempfile.TemporaryDirectory(prefix="kamkit-") as scratch:
        fresh = Path(scratch) / "engagement"
        shutil.copytree(kit_folder("templates") / "engagement", fresh)
        (fresh / "raw").mkdir(exist_ok=True)
        text = (fresh / ENGAGEMENT_FILE).read_text(encoding="utf-8")
        text = _with_settings(text, client or folder.name, language, industry)
        proposal = None
        if given:
            for name, path in given.items():
                (fresh / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, fresh / name)
            proposal = _recognised(list(given), fresh)
            text = _with_proposal(text, proposal)
        write_text(fresh / ENGAGEMENT_FILE, text)
        rows = [_mapping_row(column) for column in proposal.columns] if proposal else None
        refresh_inputs(fresh / "inputs.xlsx", language, mapping=rows)
        for name, page in first_requests(client or folder.name, today_from(None)).items():
            write_text(fresh / name, page)
        files = _move_in(fresh, folder)
    return NewEngagement(folder, files, tuple(_to_do(folder, proposal)), proposal)


def _raw_files(exports: Sequence[Path]) -> dict[str, Path]:
    """The files to copy by their place in the engagement; of a folder everything that can be read, with its subfolders.

    Raises InputError for a path that is not there and a folder without a file that can be read.
    """
    found: dict[str, Path] = {}
    for export in exports:
        if not export.exists():
            raise InputError(str(export), ["there is no such file: give the path of a sales export"])
        inside = sorted(path for path in export.rglob("*") if path.is_file() and path.suffix.lower() in READABLE)
        if export.is_dir() and not inside:
            raise InputError(str(export), [f"holds no file that can be read: known are {' '.join(READABLE)}"])
        found |= {f"raw/{path.relative_to(export).as_posix()}": path for path in inside} or {
            f"raw/{export.name}": export
        }
    return found


def _recognised(paths: Sequence[str], folder: Path) -> Proposal:
    proposal = recognise(paths, folder)
    if not proposal.sources:
        raise InputError(
            ", ".join(paths[:3]),
            [f"{file.name}: {line}" for file in proposal.files for line in file.reason.splitlines()],
        )
    return proposal


def _mapping_row(column: ColumnProposal) -> dict[str, str]:
    return {
        "table": column.table,
        "column": column.column,
        "source": column.source,
        "example": " · ".join(column.examples),
        "confidence": f"{column.confidence * 100:.0f}",
        "why": column.why,
    }


def _with_settings(text: str, client: str, language: str, industry: str | None) -> str:
    text = _replaced(text, r"^client:.*$", f"client: {_quoted(client)}")
    text = _replaced(text, r"^language:\s*\w+", f"language: {language}")
    if industry:
        line = f"supplier_industry: {{code: {_quoted(industry)}, version: nace2}}"
        text = _replaced(text, r"^#?\s*supplier_industry:.*$", line)
    return text


def _with_proposal(text: str, proposal: Proposal) -> str:
    """The template with what was recognised in place of its examples."""
    sure = {(c.table, c.column): c for c in proposal.columns}
    for table, source in proposal.sources.items():
        block = f"  {table}:\n" + "".join(f"    {line}\n" for line in _source_lines(table, source, sure)) + "\n"
        pattern = (
            r"^  transactions:\n(?:(?:    .*)?\n)*(?=\S|  \S|\Z)"
            if table == "transactions"
            else r"^  # customers:\n(?:  #     ?.*\n|  #   .*\n)*\n?"
        )
        text = _replaced(text, pattern, block)
    if proposal.currency:
        text = _replaced(text, r"^currency:\s*\w+", f"currency: {proposal.currency}")
    return text


def _source_lines(
    table: str, source: Mapping[str, Any], sure: Mapping[tuple[str, str], ColumnProposal]
) -> Iterator[str]:
    """A source as YAML; behind each column how sure it is."""
    for key, value in source.items():
        if not isinstance(value, Mapping):
            yield f"{key}: {json.dumps(value, ensure_ascii=False)}"
            continue
        yield f"{key}:" if value else f"{key}: {{}}"
        for column, written in value.items():
            found = sure.get((table, column))
            yield f"  {_key(column)}: {_quoted(written)}" + (f"  # {found.confidence:.0%}" if found else "")


def _key(column: str) -> str:
    return column if column.isidentifier() else _quoted(column)


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


def _to_do(folder: Path, proposal: Proposal | None) -> list[str]:
    """What still keeps a new engagement from running, and where to go on."""
    last = f"then: kamkit check {folder.name}"
    try:
        engagement = load_engagement(folder)
        check_files(engagement)
        if proposal:
            with_confirmed_mapping(engagement)
    except KamkitError as error:
        return [*getattr(error, "problems", ()), last]
    if proposal is None:
        return ["look through engagement.yml: are all columns what they are taken for?", last]
    use = recognition_rules().use.value
    unsure = [f"{c.table}.{c.column}" for c in proposal.columns if c.confidence < use]
    waiting = [f"not used until you say yes in inputs.xlsx: {', '.join(unsure)}"] if unsure else []
    return [*waiting, "look through the first sheet of inputs.xlsx: is every column what it is taken for?", last]


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
