"""Rule tables: data in `templates/rules/`, or in the engagement's own `rules/` folder where it has one."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from kamkit.errors import EngagementError
from kamkit.model.codes import Evidence
from kamkit.model.engagement import unknown
from kamkit.model.kit import kit_folder
from kamkit.model.yaml_files import kit_yaml, load_yaml


class Rule(BaseModel):
    """A part of a rule table: nothing unknown inside, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _off_is_a_word(cls, raw: Any) -> Any:
        """YAML reads a bare `off` as false: where off is a treatment, it is meant."""
        if not isinstance(raw, Mapping):
            return raw
        treated = {name for name, spec in cls.model_fields.items() if "off" in get_args(spec.annotation)}
        return {name: "off" if value is False and name in treated else value for name, value in raw.items()}


class Threshold(Rule):
    """A number that decides, and where it comes from."""

    value: float
    evidence: Evidence


Table = TypeVar("Table", bound=BaseModel)


def load_rules(model: type[Table], name: str, engagement_folder: Path | None = None, **beside: Any) -> Table:
    """The rule table `name`, checked against its model; `beside` are fields that stand in a file of their own.

    Raises EngagementError with every problem of the table, unknown words with the nearest known one.
    """
    try:
        return model.model_validate(read_rules(name, engagement_folder) | beside)
    except ValidationError as error:
        raise EngagementError(f"rules/{name}.yml", list(_problems(model, error))) from None


def read_rules(name: str, engagement_folder: Path | None = None) -> dict[str, Any]:
    """The raw rule table `name` ("cleaning", "kam_types", "options"): the engagement's own, else the kit's.

    Raises EngagementError when the engagement's own table is not valid YAML.
    """
    own = engagement_folder / "rules" / f"{name}.yml" if engagement_folder else None
    if own is None or not own.exists():
        return dict(kit_yaml(kit_folder("templates") / "rules" / f"{name}.yml"))
    try:
        table = load_yaml(own.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise EngagementError(f"rules/{name}.yml", [f"cannot be read: {error}"]) from None
    if not isinstance(table, dict):
        raise EngagementError(f"rules/{name}.yml", ["is not a table of rules"])
    return table


def _problems(model: type[BaseModel], error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        place = ".".join(str(part) for part in problem["loc"])
        match problem["type"]:
            case "extra_forbidden":
                *parent, word = problem["loc"]
                at = ".".join(map(str, parent))
                yield (f"{at}: " if at else "") + unknown(str(word), _settings_at(model, tuple(parent)))
            case "missing":
                yield f"{place} is missing"
            case "enum" | "literal_error":
                known = [word.strip("' ") for word in problem["ctx"]["expected"].replace(" or ", ",").split(",")]
                near = difflib.get_close_matches(str(problem["input"]), known, n=1)
                hint = f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(known)}"
                yield f"{place}: {str(problem['input'])!r} is not known. {hint}"
            case "value_error":
                yield from (f"{place}: {line}" if place else line for line in str(problem["ctx"]["error"]).splitlines())
            case _:
                yield f"{place}: {problem['msg'][0].lower()}{problem['msg'][1:]}, not {problem['input']!r}"


def _settings_at(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The settings known at a place of the table: through lists and mappings to the model that stands there."""
    here: Any = model
    for part in place:
        if isinstance(here, type) and issubclass(here, BaseModel) and part in here.model_fields:
            here = here.model_fields[str(part)].annotation
        while get_args(here) and not isinstance(here, type):
            here = next((a for a in reversed(get_args(here)) if a is not Ellipsis and a is not type(None)), None)
    return list(here.model_fields) if isinstance(here, type) and issubclass(here, BaseModel) else []
