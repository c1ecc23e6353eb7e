"""Rule tables: data in `templates/rules/`, or in the engagement's own `rules/` folder where it has one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from kamkit.errors import EngagementError
from kamkit.model.kit import kit_folder


def read_rules(name: str, engagement_folder: Path | None = None) -> dict[str, Any]:
    """The raw rule table `name` ("cleaning", "kam_types", "options"): the engagement's own, else the kit's.

    Raises EngagementError when the engagement's own table is not valid YAML.
    """
    own = engagement_folder / "rules" / f"{name}.yml" if engagement_folder else None
    path = own if own and own.is_file() else kit_folder("templates") / "rules" / f"{name}.yml"
    try:
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise EngagementError(f"rules/{name}.yml", [f"cannot be read: {error}"]) from None
    if not isinstance(table, dict):
        raise EngagementError(f"rules/{name}.yml", ["is not a table of rules"])
    return table
