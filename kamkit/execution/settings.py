"""Settings of an engagement as a notebook or a command gives them: short names, periods as text, the day that counts as
today, and where an engagement keeps what it makes."""

from __future__ import annotations

import datetime as dt
import difflib
import glob
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kamkit.errors import EngagementError
from kamkit.model.codes import Basis, Level
from kamkit.model.engagement import LANGUAGES, LOCALES, Engagement, load_engagement
from kamkit.model.kit import kit_folder

SHORT_NAMES = {"threshold": "pareto.threshold", "basis": "pareto.basis", "level": "pareto.level"}
"""Settings that an analyst plays with, as notebooks call them."""


def dotted_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """The short names that notebooks use, as settings of the engagement file; None is left out, other names stay.

    Raises EngagementError for words that are none of the known ones.
    """
    problems = []
    words = {"language": list(LANGUAGES), "basis": [str(b) for b in Basis], "level": [str(level) for level in Level]}
    for name, known in words.items():
        value = given.get(name)
        if value is not None and value not in known:
            near = difflib.get_close_matches(str(value), known, n=1)
            problems.append(
                f"{name}: {value!r} is none of {', '.join(known)}." + (f" Did you mean {near[0]!r}?" if near else "")
            )
    threshold = given.get("threshold")
    if threshold is not None and (isinstance(threshold, bool | str) or not 0 < threshold <= 1):
        problems.append(f"threshold: {threshold!r} is not a number above 0 and up to 1, such as 0.8")
    if problems:
        raise EngagementError("parameters", problems)
    return {SHORT_NAMES.get(name, name): value for name, value in given.items() if value is not None}


def engagement_with(reference: str | Path, settings: Mapping[str, Any]) -> Engagement:
    """The engagement with some settings replaced. A language that is not the file's brings its own locale.

    Raises EngagementError with everything that is wrong.
    """
    language, period = settings.get("language"), settings.get("period")
    others = {name: value for name, value in settings.items() if name not in ("language", "period")}
    as_written = load_engagement(reference, others)
    changed: dict[str, Any] = {}
    if language and language != as_written.language:
        changed |= {"language": language} | ({} if "locale" in others else {"locale": LOCALES.get(language)})
    if period is not None:
        changed |= {"period": period_of(period, as_written.fiscal_year_start)}
    return load_engagement(reference, others | changed) if changed else as_written


def period_of(text: Any, fiscal_year_start: int) -> Any:
    """The period meant by a fiscal year ("2025") or by two ISO dates with a slash; else as it is, to be validated.

    >>> period_of("2025", 4)
    {'start': datetime.date(2024, 4, 1), 'end': datetime.date(2025, 3, 31)}
    """
    if isinstance(text, int | str) and str(text).isdigit() and len(str(text)) == 4:
        start = dt.date(int(text) - (fiscal_year_start > 1), fiscal_year_start, 1)
        return {"start": start, "end": start.replace(year=start.year + 1) - dt.timedelta(days=1)}
    if isinstance(text, str):
        start_text, _, end_text = text.partition("/")
        return {"start": start_text.strip(), "end": end_text.strip()}
    return text


def work_of(file: Path) -> Path:
    """Where an engagement keeps its steps: beside its file, and for a bundled case in ./work/<case>."""
    return Path.cwd() / "work" / file.parent.name if is_bundled(file) else file.parent / "work"


def runs_of(file: Path) -> Path:
    """Where an engagement keeps its runs: beside its file, and for a bundled case with its steps."""
    return (work_of(file) if is_bundled(file) else file.parent) / "runs"


def is_bundled(file: Path) -> bool:
    """Whether an engagement file belongs to the kit: nothing is ever written beside it."""
    return file.is_relative_to(kit_folder("data").resolve())


def input_files(engagement: Engagement) -> list[Path]:
    """Every file the engagement reads, as far as it is there: raw files, inputs.xlsx, decisions, its own rules."""
    patterns = [engagement.inputs, *engagement.decisions]
    if engagement.exchange_rates:
        patterns.append(engagement.exchange_rates.path)
    for _, source in engagement.sources.given():
        patterns += [*source.patterns, *(join.path for join in source.join)]
    files = [engagement.file]
    for pattern in [*patterns, "rules/*"]:
        path = engagement.folder / pattern
        files += [path] if path.is_file() else [p for p in _matches(path) if p.is_file()]
    return files


def _matches(path: Path) -> Iterator[Path]:
    return map(Path, glob.iglob(str(path), recursive=True))  # noqa: PTH207 - patterns may be absolute


def today_from(text: str | None) -> dt.date:
    if text is None:
        epoch = os.environ.get("SOURCE_DATE_EPOCH")
        return dt.datetime.fromtimestamp(int(epoch), dt.UTC).date() if epoch else dt.date.today()
    try:
        return dt.date.fromisoformat(str(text))
    except ValueError:
        raise EngagementError("parameters", [f"today: {text!r} is not a date such as 2026-01-31"]) from None
