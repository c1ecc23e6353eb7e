"""An opened engagement: its settings, its words, and the results of its steps, computed where they are missing or stale.

A notebook opens the project in its second cell and saves its own result in the last. Steps live in `work/steps`, the
canonical tables in `work/tables`, the result files so far in `work/results`; a file lock lets several notebooks share
one work folder.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, cast

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from kamkit.analysis.follow_up import compare_runs
from kamkit.analysis.investment import with_investment
from kamkit.analysis.kam_types import classify_accounts
from kamkit.analysis.key_accounts import find_key_accounts
from kamkit.analysis.options import assess_options
from kamkit.errors import EngagementError
from kamkit.execution.files import hash_files, relative, write_json, write_text
from kamkit.execution.settings import dotted_settings, engagement_with, input_files, today_from, work_of
from kamkit.execution.store import StepStore, key_of, kit_hash, plain, source_hash
from kamkit.intake.cleaning import load_cleaning_rules
from kamkit.intake.consultation import CONSULTATION_FOLDER, read_consultations
from kamkit.intake.facts import account_facts
from kamkit.intake.importing import import_engagement
from kamkit.intake.inputs import read_inputs
from kamkit.intake.previous_run import FILES, read_previous
from kamkit.intake.privacy import hide_entered, masked_frame
from kamkit.intake.pseudonyms import KEY_FILE, read_key
from kamkit.model.engagement import Engagement
from kamkit.model.follow_up import FollowUp
from kamkit.model.kam_type_rules import KamTypeRules, load_kam_type_rules
from kamkit.model.option_rules import OptionRules, load_option_rules
from kamkit.model.portfolio_rules import PortfolioRules, load_portfolio_rules
from kamkit.model.questionnaire import QUESTIONNAIRES
from kamkit.model.results import AccountFacts, Imported, KamTypes, KeyAccounts, StrategyOptions
from kamkit.telling.chart_data import Frame
from kamkit.telling.language import Labels
from kamkit.telling.results import render_result, result_files

Result = TypeVar("Result")

STEPS: Mapping[str, type] = {
    "import": Imported,
    "facts": AccountFacts,
    "key_accounts": KeyAccounts,
    "kam_types": KamTypes,
    "options": StrategyOptions,
}
"""The steps in their order, with what each finds out; each depends on all before it."""

SETTINGS_FILE = "settings.json"
"""In a work folder: settings that a run was told to use in place of the engagement's, and the day it counts as today."""

_TOLD_ONLY = {
    "language",
    "locale",
    "audience",
    "sections",
    "deliverables",
    "brand",
    "keep_runs",
    "previous",
    "split_by",
}
_LATER = {"pareto", "capacity", "account_risk", "options"}
_CHANGE_NO_FIGURE = {"comments", "actions"}
_KEPT_BY_KAMKIT = ["snapshot", "moved_on"]
"""Columns of the comments that a refresh fills in: they make no run out of date."""

_CHANGE_NO_TABLE = _CHANGE_NO_FIGURE | set(QUESTIONNAIRES)


@dataclass(frozen=True)
class Rules:
    """The rule tables in force: the engagement's own where it has them, else the kit's."""

    kam_types: KamTypeRules
    options: OptionRules
    portfolio: PortfolioRules


@dataclass(frozen=True)
class Saved:
    """The files that a notebook has written; told by name only, so that outputs are the same on every machine."""

    files: tuple[Path, ...]

    def __repr__(self) -> str:
        return "\n".join(path.name for path in self.files)

    def _repr_html_(self) -> str:
        return "<ul>" + "".join(f"<li><code>{escape(path.name)}</code></li>" for path in self.files) + "</ul>"


class Project:
    """An engagement with the results of its steps, each loaded from `work` or computed on first use."""

    def __init__(self, engagement: Engagement, work: Path, today: dt.date) -> None:
        self.engagement, self.work, self.today = engagement, work, today
        self.labels = Labels(engagement.language, engagement.report_locale, engagement.currency)
        self._store = StepStore(work / "steps")
        self._results: dict[str, Any] = {}
        try:
            work.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(work / ".lock")
            with self._locked():
                pass
        except OSError as error:
            raise EngagementError(str(work), [f"the work folder cannot be written: {error.strerror}"]) from None

    def __repr__(self) -> str:
        return f"<Project {self.engagement.client}>"

    @property
    def imported(self) -> Imported:
        """Step 1: what came in, what was kept, and what the data allow."""
        return self._result("import", Imported)

    @property
    def facts(self) -> AccountFacts:
        """What the canonical tables say about each account."""
        return self._result("facts", AccountFacts)

    @property
    def frame(self) -> Frame:
        """What surrounds every chart: the period shown and how its fiscal year is named."""
        return Frame(self.facts.period, self.engagement.fiscal_year_start, palette=self.engagement.palette)

    @property
    def key_accounts(self) -> KeyAccounts:
        """Step 2: who the key accounts are."""
        return self._result("key_accounts", KeyAccounts)

    @property
    def kam_types(self) -> KamTypes:
        """Step 3: of which type the accounts are."""
        return self._result("kam_types", KamTypes)

    @property
    def options(self) -> StrategyOptions:
        """Step 4: the six options, one recommendation per account, and the 90-day plan."""
        return self._result("options", StrategyOptions)

    @property
    def comments(self) -> pd.DataFrame:
        """What people have written for the report, as in `Inputs`; new ones with the figures their author saw."""
        return self._as_told(read_inputs(self.engagement.folder / self.engagement.inputs).comments)

    @property
    def actions(self) -> pd.DataFrame:
        """Who takes which step and what became of it, as in `Inputs`."""
        return self._as_told(read_inputs(self.engagement.folder / self.engagement.inputs).actions)

    @property
    def follow_up(self) -> FollowUp | None:
        """What has changed since the earlier run that the engagement names; None where it names none. It is compared when it
        is told, from two finished results, and belongs to no step."""
        if (previous := read_previous(self.engagement)) is None:
            return None
        return compare_runs(
            previous,
            self.facts,
            self.key_accounts,
            self.kam_types.existence,
            self.actions,
            self.engagement.currency,
            self.engagement.account_risk.window_months,
            self.today,
        )

    def _as_told(self, written: pd.DataFrame) -> pd.DataFrame:
        """What people wrote without what must not be told."""
        rules = load_cleaning_rules(self.engagement.folder)
        written = hide_entered(masked_frame(written, rules), self.imported.people, rules, self.engagement)
        if not self.engagement.pseudonymise:
            return written
        key = read_key(self.engagement)
        return key.hide(key.hide_ids(written))

    @cached_property
    def rules(self) -> Rules:
        """The rule tables in force."""
        return rules_in_force(self.engagement)

    @cached_property
    def seed(self) -> int:
        """Where random draws start: the same for a client and a period on every machine."""
        return int(key_of(self.engagement.client, self.imported.period), 16) % 2**32

    def transactions(self, limit: int = 1000) -> pd.DataFrame:
        """The first booked lines as a pandas frame, for questions that nobody foresaw; all canonical columns given."""
        with self._locked():
            self._ensure_tables()
            file = pq.ParquetFile(self.work / "tables" / "transactions.parquet")
            batches = [batch.slice(0, limit) for batch in islice(file.iter_batches(batch_size=max(limit, 1)), 1)]
            table = pa.Table.from_batches(batches, file.schema_arrow)
        as_floats = [pa.field(f.name, pa.float64() if pa.types.is_decimal(f.type) else f.type) for f in table.schema]
        frame: pd.DataFrame = table.cast(pa.schema(as_floats)).to_pandas(date_as_object=False)
        return frame

    def known(self, kind: type[Result]) -> Result | None:
        """The result of a step if it is there already; nothing is computed."""
        step = next(name for name, of_kind in STEPS.items() if of_kind is kind)
        with self._locked():
            return cast(Result | None, self._results.get(step) or self._stored(step))

    def save(self, result: object) -> Saved:
        """Keep the result of a step and rewrite the result files that the steps so far allow.

        Raises TypeError for anything that is not the result of a step.
        """
        step = next((name for name, kind in STEPS.items() if isinstance(result, kind)), None)
        if step is None:
            raise TypeError(f"{type(result).__name__} is not the result of a step: {', '.join(STEPS)}")
        with self._locked():
            self._store.save(step, self._key(step), result)
            self._results[step] = result
            return Saved(tuple(self._write_results()))

    def _result(self, step: str, kind: type[Result]) -> Result:
        if step not in self._results:
            with self._locked():
                if step == "import":
                    self._ensure_tables()
                else:
                    self._results[step] = self._stored(step) or self._compute(step)
        return cast(Result, self._results[step])

    def _stored(self, step: str) -> Any:
        return self._store.load(step, self._key(step), STEPS[step])

    def _ensure_tables(self) -> None:
        """The tables on disk belong to the import of this project: another one may have replaced them meanwhile."""
        imported = self._stored("import")
        key_lost = self.engagement.pseudonymise and not (self.engagement.folder / KEY_FILE).exists()
        if (
            imported is None
            or key_lost
            or not all((self.work / "tables" / f"{t}.parquet").exists() for t in imported.tables)
        ):
            imported = self._compute("import")
        self._results["import"] = imported

    def _compute(self, step: str) -> Any:
        if step == "facts":
            self._ensure_tables()
        result = getattr(self, f"_compute_{step}")()
        self._store.save(step, self._key(step), result)
        return result

    def _compute_import(self) -> Imported:
        return import_engagement(self.engagement, self.work)

    def _compute_facts(self) -> AccountFacts:
        return account_facts(self.work, self.engagement, self.imported)

    def _compute_key_accounts(self) -> KeyAccounts:
        return find_key_accounts(self.facts, self.engagement.pareto, self.engagement.capacity, self.seed)

    def _compute_kam_types(self) -> KamTypes:
        return classify_accounts(self.facts, self.key_accounts, self.engagement.supplier_industry, self.rules.kam_types)

    def _compute_options(self) -> StrategyOptions:
        options = assess_options(
            self.facts,
            self.key_accounts,
            self.kam_types,
            self.engagement.options,
            self.engagement.account_risk,
            self.rules.options,
            self.today,
        )
        window = self.engagement.account_risk.window_months
        existence = self.rules.kam_types.existence
        return with_investment(options, self.facts, self.key_accounts, self.rules.portfolio, existence, window)

    def _key(self, step: str) -> str:
        return self._keys[step]

    @cached_property
    def _keys(self) -> Mapping[str, str]:
        """A step's key changes with everything the step depends on: each contains the keys of the steps before it."""
        told_only = _TOLD_ONLY - ({"language"} if self.engagement.pseudonymise else set())
        settings = self.engagement.model_dump(exclude=told_only | _LATER)
        told = (self._file, self._inputs, *self._compared)
        files = {k: v for k, v in self.input_hashes.items() if k not in told}
        code = source_hash("errors.py", "model", "intake")
        # whoever must not be named may be named in any table, and who that is stands in all that people entered
        no_matter = set() if self.engagement.sales_people == "none" else _CHANGE_NO_TABLE
        entered = {k: v for k, v in self._entries.items() if k not in no_matter}
        first = key_of(code, kit_hash("rules"), settings, self.engagement.pareto.level, files, entered)
        facts = key_of(first, {name: self._entries[name] for name in QUESTIONNAIRES})
        method = source_hash("analysis")
        ranked = key_of(facts, method, self.engagement.pareto, self.engagement.capacity)
        typed = key_of(ranked, self.engagement.supplier_industry)
        assessed = key_of(typed, self.engagement.options, self.engagement.account_risk, self.today)
        return dict(zip(STEPS, (first, facts, ranked, typed, assessed), strict=True))

    @cached_property
    def input_hashes(self) -> Mapping[str, str]:
        """The content hash of every file the engagement reads, by its path relative to the engagement's folder. Of
        inputs.xlsx and the consultation sheets only the entries count, since every run makes or refreshes the rest."""
        with self._locked():
            memory = self.work / "steps" / "hashes.json"
            remembered = _read_json(memory)
            known = json.dumps(remembered)
            read = [*input_files(self.engagement), *self._compared.values()]
            hashes = hash_files(read, self.engagement.folder, remembered)
            if json.dumps(remembered) != known:
                write_json(memory, remembered)
        answered = self._answered
        files = {f"{CONSULTATION_FOLDER}/{name}": key_of(plain(rows)) for name, rows in answered.groupby("file")}
        return hashes | {self._inputs: key_of(self._entries)} | files

    @cached_property
    def _entries(self) -> Mapping[str, Any]:
        """What people have confirmed, answered, decided and commented in inputs.xlsx."""
        entered = read_inputs(self.engagement.folder / self.engagement.inputs)
        comments = entered.comments.drop(columns=_KEPT_BY_KAMKIT)
        decisions = entered.decisions.drop(columns="place")
        return cast(Mapping[str, Any], plain(replace(entered, comments=comments, decisions=decisions)))

    @cached_property
    def _answered(self) -> pd.DataFrame:
        """What field sales have answered on the consultation sheets."""
        return read_consultations(self.engagement.folder)

    @property
    def _compared(self) -> Mapping[str, Path]:
        """The files of the earlier run, by their path relative to the engagement's folder."""
        folder = self.engagement.previous
        paths = [self.engagement.folder / folder / name for name in FILES] if folder else []
        return {relative(path, self.engagement.folder): path for path in paths if path.is_file()}

    @property
    def _inputs(self) -> str:
        return relative(self.engagement.folder / self.engagement.inputs, self.engagement.folder)

    @property
    def _file(self) -> str:
        return self.engagement.file.name

    def _write_results(self) -> Iterator[Path]:
        """Write the files of all steps that are fresh; those of stale ones go."""
        later = (self.known(KeyAccounts), self.known(KamTypes), self.known(StrategyOptions))
        changes = self.follow_up if all(result is not None for result in later) else None
        content = result_files(self.imported, self.facts, self.labels, *later, changes)
        folder = self.work / "results"
        for name, file in content.items():
            write_text(folder / name, render_result(file))
            yield folder / name
        for other in [*folder.glob("*.csv"), *folder.glob("*.json")]:
            if other.name not in content:
                other.unlink()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock:
            yield


def open_project(
    engagement: str | Path,
    language: str | None = None,
    work: str | Path | None = None,
    threshold: float | None = None,
    basis: str | None = None,
    level: str | None = None,
    period: str | None = None,
    today: str | None = None,
) -> Project:
    """Open an engagement for a notebook; settings that are None stay as the engagement has them.

    `engagement` is the file, its folder, or the name of a bundled case. `period` is a fiscal year ("2025") or two ISO
    dates ("2025-01-01/2025-12-31"), `today` an ISO date (default: SOURCE_DATE_EPOCH, else the clock). `work` is where
    steps are kept: by default beside the engagement file, for a bundled case in ./work/<case>.

    Raises EngagementError with everything that is wrong with the engagement or with these settings.
    """
    given = {"language": language, "threshold": threshold, "basis": basis, "level": level, "period": period}
    told = _read_json(Path(work) / SETTINGS_FILE) if work else {}
    day = today_from(today or told.get("today"))
    opened = engagement_with(engagement, {**told.get("settings", {}), **dotted_settings(given)})
    return Project(opened, Path(work).resolve() if work else work_of(opened.file), day)


def rules_in_force(engagement: Engagement) -> Rules:
    """The rule tables of an engagement. Raises EngagementError when its own are wrong, or when it weighs what they do not
    have."""
    folder = engagement.folder
    options = load_option_rules(folder)
    options.check_weights(engagement.options.weights)
    return Rules(load_kam_type_rules(folder), options, load_portfolio_rules(folder))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
