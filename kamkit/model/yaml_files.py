"""Safe YAML with bounds: what people type is small and flat, whatever a file says."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

MOST_CHARACTERS = 1_000_000
MOST_NODES = 100_000
"""Values after every alias is written out: a few lines of aliases of aliases can mean billions."""


def load_yaml(text: str, loader: type[yaml.SafeLoader] = yaml.SafeLoader) -> Any:
    """The one document of a YAML text. Raises yaml.YAMLError for everything that is wrong with it."""
    if len(text) > MOST_CHARACTERS:
        raise yaml.YAMLError(f"it is longer than {MOST_CHARACTERS:,} characters")
    try:
        parsed = loader(text)
        try:
            node = parsed.get_single_node()
            if node is None:
                return None
            if _size(node, {}) > MOST_NODES:
                raise yaml.YAMLError(f"it means more than {MOST_NODES:,} values once its aliases are written out")
            return parsed.construct_document(node)
        finally:
            parsed.dispose()
    except RecursionError:
        raise yaml.YAMLError("it is nested too deeply") from None
    except (ValueError, TypeError, OverflowError, KeyError, AttributeError) as error:
        raise yaml.YAMLError(f"it holds a value that cannot be read ({error})") from None


def kit_yaml(path: Path) -> Any:
    """The content of one of the kit's own files, which need no bounds: read once, by libyaml where it is there."""
    return deepcopy(_of_the_kit(path))


@cache
def _of_the_kit(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node means; one that contains itself means too many."""
    if id(node) not in known:
        known[id(node)] = MOST_NODES + 1
        children = node.value if isinstance(node, yaml.CollectionNode) else []
        flat = [one for child in children for one in (child if isinstance(child, tuple) else (child,))]
        known[id(node)] = 1 + sum(_size(child, known) for child in flat)
    return known[id(node)]
