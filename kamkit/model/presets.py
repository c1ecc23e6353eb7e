"""Known exports as data: `templates/presets/*.yml` says which of their columns means what, so that nobody types it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from kamkit.model.kit import kit_folder
from kamkit.model.tables import TABLES
from kamkit.model.yaml_files import kit_yaml


class Preset(BaseModel):
    """A known export. `columns`: per canonical column the headings or "= arithmetic" that may stand for it, in order of
    preference; `define`: pieces of arithmetic, written {name}; `headings`: those of headings.yml come after its own.
    `join`: what the key of a header table may be called. `sign`: sets of headings, any of which, when all are there,
    tells such an export. `exclude` counts where the file has the column. `finding`: what the report says of data that came in so."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    table: str
    de: str
    en: str
    columns: Mapping[str, tuple[str, ...]]
    define: Mapping[str, str] = {}
    headings: bool = False
    sign: tuple[tuple[str, ...], ...] = ()
    join: tuple[str, ...] = ()
    layout: Literal["long", "wide"] = "long"
    format: Mapping[str, Any] = {}
    exclude: tuple[Mapping[str, Any], ...] = ()
    finding: str | None = None

    def candidates(self) -> dict[str, tuple[str, ...]]:
        """Per canonical column everything that may stand for it, arithmetic written out; empty where nothing may."""
        pieces: dict[str, str] = {}
        for name, text in self.define.items():
            pieces[name] = text.format(**pieces)
        own = {c: tuple(t.format(**pieces) if t[:1] == "=" else t for t in ts) for c, ts in self.columns.items()}
        if not self.headings:
            return own
        known = known_headings()[self.table]
        return {c: (*own.get(c, ()), *known.get(c, ())) for c in TABLES[self.table].columns if c in own or c in known}


MOST_SHOWN = 200
"""Signs of a preset's arithmetic that people are shown; of longer arithmetic they read the preset's name."""


def shown(preset: str, text: str) -> str:
    """A preset's column or arithmetic as people read it."""
    return text if len(text) <= MOST_SHOWN else f"(preset {preset})"


@cache
def known_headings() -> Mapping[str, Mapping[str, Any]]:
    """headings.yml: what clients call the columns of a table; beside the tables `parts` (by table) and `not`."""
    return dict(kit_yaml(kit_folder("templates") / "headings.yml"))


@cache
def presets() -> Mapping[str, Preset]:
    """All presets of the kit by name."""
    files = sorted((kit_folder("templates") / "presets").glob("*.yml"))
    return {file.stem: Preset(name=file.stem, **kit_yaml(file)) for file in files}


def preset_named(name: str) -> Preset:
    """A preset. Raises ValueError with the nearest name when there is none so called."""
    if name in presets():
        return presets()[name]
    near = difflib.get_close_matches(name, list(presets()), n=1, cutoff=0.6)
    hint = f" Did you mean {near[0]!r}?" if near else f" Known are: {', '.join(presets())}"
    raise ValueError(f"unknown preset {name!r}.{hint}")
