"""The engagement file: one piece of consulting work for one client, validated at once (design §3).

Everything wrong with the file is told together in one EngagementError; unknown settings come with the nearest known
one. Paths are relative to the file and stay in its folder unless `allow_outside` is set.
"""

from __future__ import annotations

import datetime as dt
import difflib
import os
import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from kamkit.errors import EngagementError
from kamkit.model.brand import Look, Palette, colour_problems, file_problems, load_look
from kamkit.model.codes import Basis, Level
from kamkit.model.kit import bundled_cases, kit_folder
from kamkit.model.presets import preset_named, presets
from kamkit.model.tables import SOURCE_TABLES, TABLES
from kamkit.model.yaml_files import load_yaml

ENGAGEMENT_FILE = "engagement.yml"
LANGUAGES = ("de", "en")
LOCALES = {"de": "de_DE", "en": "en_GB"}
UNKNOWN = "?"
"""Stands for a column, or for the year of a wide list, that nobody has named yet: the import asks for it."""
Deliverable = Literal["html", "pdf", "pptx", "xlsx", "notebooks"]
"""What a run can write: the story in a format, or its own notebooks as pages to print or to send."""
AVAILABLE_DELIVERABLES: tuple[Deliverable, ...] = ("html", "pdf", "pptx", "xlsx")

MarginStep = Literal[
    "gross", "discount", "net_revenue", "terms", "net_net", "cost", "margin", "margin_after_terms",
    "selling", "margin_after_selling", "service", "margin_after_service",
]  # fmt: skip
MARGIN_STEPS: tuple[MarginStep, ...] = get_args(MarginStep)
"""From list prices to the margin after service; `margin_levels` gives them the client's own names."""

Text = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int | float) else value)]


def pdf_is_possible() -> bool:
    """Whether this machine has Typst, which sets the PDF."""
    return find_spec("typst") is not None


class _Setting(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Period(_Setting):
    """The dates a ranking is about, both inclusive."""

    start: dt.date
    end: dt.date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start > self.end:
            raise ValueError(f"start {self.start} is after end {self.end}")
        if self.start.year < 1900 or self.end.year > 2199:
            raise ValueError(f"{self.start} to {self.end} is no period of sales: give dates from 1900 to 2199")
        return self

    @property
    def whole_months(self) -> int:
        """How many whole months the period is; 0 where it begins or ends inside one."""
        after = self.end + dt.timedelta(days=1)
        n = (after.year - self.start.year) * 12 + after.month - self.start.month
        return n if self.start.day == after.day == 1 else 0

    @property
    def years(self) -> float:
        """How many years the period is."""
        return self.whole_months / 12 or ((self.end - self.start).days + 1) / 365.25


class FileFormat(_Setting):
    """How a file is written, where detection is to be overruled; everything left out is detected and reported."""

    delimiter: str | None = None
    decimal: Literal[",", "."] | None = None
    thousands: Literal[",", ".", " ", "'", "’"] | None = None
    encoding: str | None = None
    date: str | None = Field(None, description="strptime pattern, such as %d.%m.%Y")
    year: int | None = Field(None, description="for dates that are written without a year")
    header_row: int | None = Field(None, ge=1, description="the line of the column names, counted from 1")


class Exclusion(_Setting):
    """Rows that are left out of everything because a column holds one of some values (case counts not)."""

    column: str
    values: tuple[Text, ...] = Field(min_length=1)


class Join(_Setting):
    """A header table that is joined to an item table, such as SAP's VBRK to VBRP; a preset knows on what."""

    path: str
    on: str = ""
    sheet: str | None = None
    format: FileFormat = FileFormat()


class Source(_Setting):
    """One raw table: files or a database table, and which of its columns means what."""

    path: str | tuple[str, ...] | None = None
    sheet: str | None = None
    preset: str | None = None
    layout: Literal["long", "wide"] = "long"
    periods: Mapping[Text, str] = {}
    join: tuple[Join, ...] = ()
    columns: Mapping[str, Text] = {}
    exclude: tuple[Exclusion, ...] = ()
    numbers_in: tuple[str, ...] = Field(
        (), description="columns whose cells hold a customer's number and name together"
    )
    fill_down: tuple[str, ...] = Field(
        (), description="columns whose value stands in the first line of a block only and holds for the lines below"
    )
    format: FileFormat = FileFormat()
    connection: str | None = Field(None, repr=False)
    table: str | None = None

    @property
    def patterns(self) -> tuple[str, ...]:
        """The paths or globs as written."""
        if self.path is None:
            return ()
        return (self.path,) if isinstance(self.path, str) else self.path

    @model_validator(mode="before")
    @classmethod
    def _as_the_preset_says(cls, raw: Any) -> Any:
        if not isinstance(raw, dict) or not isinstance(raw.get("preset"), str):
            return raw
        preset = preset_named(raw["preset"])
        given = raw.get("format", {})
        filled = {**preset.format, **given} if isinstance(given, dict) else given
        return {"layout": preset.layout, **raw, "format": filled}

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.path is None) == (self.connection is None):
            raise ValueError("give either path (files) or connection and table (a database)")
        if (self.connection is None) != (self.table is None):
            raise ValueError("connection and table belong together")
        if self.preset is None and not all(join.on for join in self.join):
            raise ValueError("join needs on, the column that both files have, such as on: VBELN")
        if self.layout == "wide" and not self.periods and self.preset is None:
            raise ValueError("layout: wide needs periods, such as {'2025': Umsatz 2025}")
        if self.layout == "long" and self.periods:
            raise ValueError("periods belong to layout: wide")
        for key in self.periods:
            if not re.fullmatch(r"\d{4}(-(0[1-9]|1[0-2]))?", key) and key != UNKNOWN:
                raise ValueError(f"period {key!r} is neither a year (2025) nor a month (2025-03)")
        if len({len(key) for key in self.periods}) > 1:
            raise ValueError("periods mix years and months: use one of them")
        return self


class Sources(_Setting):
    """The raw tables of the engagement; only transactions are required."""

    transactions: Source
    customers: Source | None = None
    hierarchy: Source | None = None
    budgets: Source | None = None
    privileges: Source | None = None
    sales_organisation: Source | None = None
    interactions: Source | None = None
    contacts: Source | None = None
    complaints: Source | None = None
    contracts: Source | None = None
    projects: Source | None = None
    ratings: Source | None = None
    terms: Source | None = None

    def given(self) -> Iterator[tuple[str, Source]]:
        """Name and source of every table that the engagement has."""
        for name in SOURCE_TABLES:
            source = getattr(self, name)
            if source is not None:
                yield name, source

    @model_validator(mode="after")
    def _known_columns(self) -> Self:
        problems = []
        for name, source in self.given():
            spec = TABLES[name]
            for column in source.columns:
                if column not in spec.columns:
                    problems.append(f"{name}.columns: {unknown(column, spec.columns)}")
            needed = spec.required - ({"posting_date", "net_revenue"} if source.layout == "wide" else set())
            if source.preset and presets()[source.preset].table != name:
                problems.append(f"{name}.preset: {source.preset} is for {presets()[source.preset].table}")
            elif source.preset:
                needed -= set(presets()[source.preset].candidates())
            for column in sorted(needed - set(source.columns)) if source.columns or name == "transactions" else ():
                problems.append(f"{name}.columns: {column} is missing: name the client's column for it")
            if source.layout == "wide" and name != "transactions":
                problems.append(f"{name}: layout: wide is for transactions only")
        if problems:
            raise ValueError("\n".join(problems))
        return self


class SupplierIndustry(_Setting):
    """The client's own industry code."""

    code: Text
    version: Literal["nace2", "nace2.1"] = "nace2"


class ParetoSettings(_Setting):
    """What makes a key account: the smallest set of accounts reaching `threshold` of `basis`."""

    threshold: float = Field(0.80, gt=0, le=1)
    basis: Basis = Basis.REVENUE
    level: Level = Level.GROUP


class Visits(_Setting):
    """What one managed account takes in a year, visit by visit, in hours."""

    per_year: float = Field(gt=0)
    preparation_hours: float = Field(ge=0)
    travel_hours: float = Field(ge=0)
    talk_hours: float = Field(gt=0)
    coordination_hours: float = Field(0, ge=0, description="beside the visits, in the whole year")

    @property
    def hours(self) -> float:
        """The hours of a year."""
        return self.per_year * (self.preparation_hours + self.travel_hours + self.talk_hours) + self.coordination_hours


class Capacity(_Setting):
    """How many key accounts can really be managed: said, or to be computed from people and hours (`net_hours`: those a
    full-time key account manager can spend on accounts in a year). What is left out may stand in inputs.xlsx."""

    accounts: int | None = Field(None, ge=1)
    fte: float | None = Field(None, gt=0)
    net_hours: float | None = Field(None, gt=0, le=8784)
    hours_per_account: float | None = Field(None, gt=0)
    visits: Visits | None = None
    cost_per_fte: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _one_way_to_the_hours(self) -> Self:
        if self.hours_per_account and self.visits:
            raise ValueError("give either hours_per_account or visits, which says how they come about")
        return self


class AccountRiskSettings(_Setting):
    """The window for which account risk is told."""

    window_months: int = Field(3, ge=1, le=24)


class OptionSettings(_Setting):
    """Weights per option and indicator (default: all equal) and categories that partners supply."""

    weights: Mapping[str, Mapping[str, float]] = {}
    partner_categories: tuple[str, ...] = ()


class ExchangeRates(_Setting):
    """A table of month, currency, rate: one unit of the currency in the engagement's currency."""

    path: str
    sheet: str | None = None
    format: FileFormat = FileFormat()


class Brand(_Setting):
    """How deliverables are dressed: a logo (PNG or SVG), colours by their place (primary, secondary, neutral, accent), a line
    at the foot, a PowerPoint template."""

    logo: str | None = None
    colours: Mapping[str, str] = {}
    footer: str | None = None
    template: str | None = None

    @field_validator("colours")
    @classmethod
    def _colours_can_be_read(cls, colours: Mapping[str, str]) -> Mapping[str, str]:
        if problems := list(colour_problems(colours)):
            raise ValueError("\n".join(problems))
        return colours


class Engagement(_Setting):
    """A validated engagement. Only `client` and `sources.transactions` are required."""

    client: str = Field(min_length=1)
    language: Literal["de", "en"] = "de"
    locale: Literal["de_DE", "de_AT", "de_CH", "en_GB", "en_US"] | None = None
    currency: str = Field("EUR", pattern=r"^[A-Z]{3}$")
    exchange_rates: ExchangeRates | None = None
    fiscal_year_start: int = Field(1, ge=1, le=12)
    period: Period | None = None
    supplier_industry: SupplierIndustry | None = None
    sources: Sources
    control_totals: Mapping[int, float] = {}
    accept_difference: str | None = None
    pareto: ParetoSettings = ParetoSettings()
    capacity: Capacity = Capacity()
    account_risk: AccountRiskSettings = AccountRiskSettings()
    options: OptionSettings = OptionSettings()
    margin_levels: Mapping[MarginStep, Text] = {}
    inputs: str = "inputs.xlsx"
    decisions: tuple[str, ...] = ()
    previous: str | None = None
    split_by: Literal["region", "company_code", "sales_rep"] | None = None
    audience: Literal["management", "sales_management", "field", "customer_meeting"] = "sales_management"
    sections: tuple[str, ...] = ()
    deliverables: tuple[Deliverable, ...] = AVAILABLE_DELIVERABLES
    brand: Brand = Brand()
    pseudonymise: bool = False
    sales_people: Literal["acting", "all", "none"] = "acting"
    keep_runs: int = Field(5, ge=1)
    allow_outside: bool = False

    _file: Path = PrivateAttr(default=Path(ENGAGEMENT_FILE))

    @property
    def file(self) -> Path:
        """The engagement file, absolute."""
        return self._file

    @property
    def folder(self) -> Path:
        """The folder that all paths of the engagement are relative to."""
        return self._file.parent

    @property
    def report_locale(self) -> str:
        """The locale of numbers and dates: as given, else that of the language."""
        return self.locale or LOCALES[self.language]

    @property
    def palette(self) -> Palette:
        """The colours of charts and deliverables."""
        return Palette(**{place: colour.upper() for place, colour in self.brand.colours.items()})

    @property
    def look(self) -> Look:
        """The dress of the deliverables, read from the files that `brand` names."""
        brand = self.brand
        return load_look(self.folder, brand.logo, brand.template, self.palette, brand.footer)

    @model_validator(mode="after")
    def _locale_fits(self) -> Self:
        if self.locale and not self.locale.startswith(self.language):
            raise ValueError(f"locale {self.locale} does not belong to language {self.language}")
        return self

    def left_out(self) -> tuple[str, ...]:
        """What this engagement asks for and does not get, in sentences."""
        later = tuple(f"{name} is not acted on by this version" for name in self.not_yet_effective())
        if "pdf" not in self.deliverables or pdf_is_possible():
            return later
        missing = "deliverables: pdf is left out, since typst is not installed (there is none for Windows on ARM)"
        return (*later, f"{missing}: print the HTML report to a PDF instead")

    def not_yet_effective(self) -> tuple[str, ...]:
        """Settings of this engagement that this version accepts but does not act on, told rather than ignored."""
        return ("split_by",) if self.split_by else ()


def unknown(word: str, known: Mapping[str, object] | list[str]) -> str:
    """The sentence for a word that is none of the known ones, with the nearest of them.

    >>> unknown("treshold", ["threshold", "basis"])
    "unknown setting 'treshold'. Did you mean 'threshold'?"
    """
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"unknown setting {word!r}." + (f" Did you mean {near[0]!r}?" if near else f" Known are: {', '.join(known)}")


def find_engagement(reference: str | Path) -> Path:
    """The engagement file meant by a path to it, by a folder that holds it, or by the name of a bundled case.

    Raises EngagementError when there is none.
    """
    path = Path(reference)
    if path.is_dir():
        path = path / ENGAGEMENT_FILE
    elif not path.exists() and str(reference) in bundled_cases():
        path = kit_folder("data") / str(reference) / ENGAGEMENT_FILE
    if not path.is_file():
        raise EngagementError(
            str(reference),
            [
                f"there is no engagement file {path.name} here: give its path, its folder, or one of the bundled cases "
                f"{', '.join(bundled_cases())}"
            ],
        )
    return path.resolve()


def load_engagement(reference: str | Path, overrides: Mapping[str, Any] | None = None) -> Engagement:
    """Read and validate an engagement.

    `overrides` maps dotted settings to values ("pareto.threshold": 0.7) that replace those of the file; None values
    are left alone. Raises EngagementError with every problem of the file and of its paths together.
    """
    file = find_engagement(reference)
    raw = _read_yaml(file)
    for dotted, value in (overrides or {}).items():
        if value is not None:
            _set_dotted(raw, dotted, value, file)
    try:
        engagement = Engagement.model_validate(raw)
    except ValidationError as error:
        raise EngagementError(file.name, list(_problems_of(error))) from None
    engagement._file = file
    if problems := list(_path_problems(engagement)):
        raise EngagementError(file.name, problems)
    return engagement


class _UniqueKeyLoader(yaml.SafeLoader):
    """Safe YAML that tells when a key stands twice: PyYAML would silently keep the last one."""


def _unique_mapping(loader: _UniqueKeyLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"{key!r} is given twice: keep one of them", key_node.start_mark
            )
        seen.add(key)
    return dict(loader.construct_pairs(node, deep=True))


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        raw = load_yaml(file.read_text(encoding="utf-8-sig"), _UniqueKeyLoader)
    except OSError as error:
        raise EngagementError(file.name, [f"cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise EngagementError(file.name, ["is not UTF-8 text: save it as UTF-8"]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}" if mark else ""
        raise EngagementError(
            file.name, [f"is not valid YAML{place}: {getattr(error, 'problem', None) or error}"]
        ) from None
    if not isinstance(raw, dict):
        raise EngagementError(file.name, ["is empty: give at least client and sources.transactions"])
    missing: list[str] = []
    filled: dict[str, Any] = _fill_in_environment(raw, missing)
    if missing:
        raise EngagementError(
            file.name, [f"the environment variable {name} is not set: set it or write the value" for name in missing]
        )
    return filled


def _fill_in_environment(value: Any, missing: list[str], key: str = "") -> Any:
    """Replace `${NAME}` in every text but `connection`, which is resolved where it is used so that it is never stored."""
    if isinstance(value, dict):
        return {k: _fill_in_environment(v, missing, str(k)) for k, v in value.items()}
    if isinstance(value, list):
        return [_fill_in_environment(v, missing, key) for v in value]
    if not isinstance(value, str) or key == "connection":
        return value
    missing += [name for name in re.findall(r"\$\{(\w+)\}", value) if name not in os.environ]
    return re.sub(r"\$\{(\w+)\}", lambda found: os.environ.get(found[1], ""), value)


def _set_dotted(raw: dict[str, Any], dotted: str, value: Any, file: Path) -> None:
    *parents, last = dotted.split(".")
    for parent in parents:
        branch = raw.setdefault(parent, {})
        if not isinstance(branch, dict):
            raise EngagementError(file.name, [f"{dotted}: {parent} holds no further settings"])
        raw = branch
    raw[last] = value


def _problems_of(error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        place = ".".join(str(part) for part in problem["loc"])
        match problem["type"]:
            case "extra_forbidden":
                parent, word = problem["loc"][:-1], str(problem["loc"][-1])
                yield (f"{'.'.join(map(str, parent))}: " if parent else "") + unknown(word, _fields_at(parent))
            case "missing":
                yield f"{place} is missing"
            case "value_error":
                yield from (f"{place}: {line}" if place else line for line in str(problem["ctx"]["error"]).splitlines())
            case _:
                yield f"{place}: {problem['msg'][0].lower()}{problem['msg'][1:]}, not {problem['input']!r}"


def _fields_at(location: tuple[int | str, ...]) -> list[str]:
    """The settings known at a place of the file, for a suggestion."""
    model: Any = Engagement
    for part in location:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        model = next(c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return list(model.model_fields)


def _path_problems(engagement: Engagement) -> Iterator[str]:
    named = [("inputs", engagement.inputs), *(("decisions", path) for path in engagement.decisions)]
    if engagement.exchange_rates:
        named.append(("exchange_rates", engagement.exchange_rates.path))
    if engagement.previous:
        named.append(("previous", engagement.previous))
    for name, source in engagement.sources.given():
        named += [(f"sources.{name}", pattern) for pattern in source.patterns]
        named += [(f"sources.{name}.join", join.path) for join in source.join]
    brand = engagement.brand
    named += [(f"brand.{name}", path) for name in ("logo", "template") if (path := getattr(brand, name))]
    leaving = (
        {}
        if engagement.allow_outside
        else {
            place: pattern
            for place, pattern in named
            if not (engagement.folder / pattern).resolve().is_relative_to(engagement.folder)
        }
    )
    for place, pattern in leaving.items():
        yield f"{place}: {pattern} leaves the engagement's folder: move the file there or set allow_outside: true"
    inside = {name: None if f"brand.{name}" in leaving else getattr(brand, name) for name in ("logo", "template")}
    yield from (f"brand.{problem}" for problem in file_problems(engagement.folder, **inside))
