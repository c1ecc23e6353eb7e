"""What the steps found out, kept on disk between notebooks: typed results under a key of everything they depend on.

A stored step is a folder `<steps>/<step>/<key>/` with `result.json` and one parquet file per frame; it appears whole or
not at all. A result whose key differs is stale and counts as absent. Nothing is pickled.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import numpy as np
import pandas as pd
from pydantic import BaseModel, TypeAdapter

import kamkit
from kamkit.execution.files import file_hash, hash_files
from kamkit.model.kit import kit_folder

Result = TypeVar("Result")

_TAG = "$"
_READERS: dict[str, Callable[[Any], Any]] = {
    "tuple": tuple,
    "set": frozenset,
    "pairs": dict,
    "date": dt.date.fromisoformat,
    "datetime": dt.datetime.fromisoformat,
    "timestamp": pd.Timestamp,
    "decimal": Decimal,
    "na": lambda name: pd.NaT if name == "NaT" else pd.NA,
}


class StepStore:
    """The steps of one work folder.

    >>> store = StepStore(Path("work/steps"))                              # doctest: +SKIP
    >>> store.save("key_accounts", "4f1c…", key_accounts)                  # doctest: +SKIP
    >>> store.load("key_accounts", "4f1c…", KeyAccounts) == key_accounts   # doctest: +SKIP
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self, step: str, key: str) -> bool:
        """Whether a step's result is there and fresh."""
        return (self.folder / step / key / "result.json").is_file()

    def load(self, step: str, key: str, kind: type[Result]) -> Result | None:
        """The stored result as its dataclass, or None where it is absent, stale or damaged."""
        folder = self.folder / step / key
        try:
            return read_result(folder, kind)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, step: str, key: str, result: object) -> None:
        """Keep a result under its key, in place of whatever the step had before."""
        place = self.folder / step
        place.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=place))
        try:
            write_result(fresh, result)
            target = place / key
            if target.exists():
                target.rename(fresh.with_name(f".old-{fresh.name}"))
            fresh.rename(target)
        finally:
            for other in place.iterdir():
                if other.name != key:
                    shutil.rmtree(other, ignore_errors=True)


def write_result(folder: Path, result: object) -> None:
    """Write a result dataclass: frames as parquet, everything else as JSON."""
    content = _write_fields(folder, result, "")
    (folder / "result.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def read_result(folder: Path, kind: type[Result]) -> Result:
    """Read a result dataclass back, every field checked against its type. Raises ValueError where it does not fit."""
    content = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return _read_fields(folder, content, kind)


def _write_fields(folder: Path, result: Any, prefix: str) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for field in dataclasses.fields(result):
        value, place = getattr(result, field.name), f"{prefix}{field.name}"
        if isinstance(value, pd.DataFrame):
            content[field.name] = _write_frame(folder, place, value)
        elif _holds_frames(value):
            content[field.name] = {key: _write_frame(folder, f"{place}.{key}", frame) for key, frame in value.items()}
        elif dataclasses.is_dataclass(value):
            content[field.name] = _write_fields(folder, value, f"{place}.")
        else:
            content[field.name] = plain(value)
    return content


def _read_fields(folder: Path, content: Mapping[str, Any], kind: type[Result]) -> Result:
    values: dict[str, Any] = {}
    for name, annotation in get_type_hints(kind).items():
        stored = content[name]
        if isinstance(stored, dict) and "parquet" in stored:
            values[name] = _read_frame(folder, stored)
        elif _is_frame_mapping(annotation):
            values[name] = {key: _read_frame(folder, frame) for key, frame in stored.items()}
        elif dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
            values[name] = _read_fields(folder, stored, annotation)
        else:
            values[name] = _adapter(annotation).validate_python(_unplain(stored))
    return kind(**values)


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation)


def _holds_frames(value: object) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(isinstance(v, pd.DataFrame) for v in value.values())


def _is_frame_mapping(annotation: Any) -> bool:
    return pd.DataFrame in getattr(annotation, "__args__", ())


def _write_frame(folder: Path, name: str, frame: pd.DataFrame) -> dict[str, Any]:
    """Object columns hold what parquet cannot (tuples, mappings, mixed values): they are written as JSON text."""
    objects = [column for column in frame.columns if frame[column].dtype == object]
    texts = {
        column: frame[column].map(lambda value: json.dumps(plain(value), ensure_ascii=False)) for column in objects
    }
    frame.assign(**{column: text.astype("str") for column, text in texts.items()}).to_parquet(
        folder / f"{name}.parquet"
    )
    dtypes = {str(column): str(dtype) for column, dtype in frame.dtypes.items()}
    return {"parquet": f"{name}.parquet", "objects": objects, "dtypes": dtypes}


def _read_frame(folder: Path, stored: Mapping[str, Any]) -> pd.DataFrame:
    frame = pd.read_parquet(folder / stored["parquet"])
    for column in stored["objects"]:
        values = np.empty(len(frame), dtype=object)
        values[:] = [_unplain(json.loads(text)) for text in frame[column]]
        frame[column] = pd.Series(values, index=frame.index, dtype=object)
    changed = {c: d for c, d in stored["dtypes"].items() if c not in stored["objects"] and str(frame[c].dtype) != d}
    return frame.astype(changed) if changed else frame


def plain(value: Any) -> Any:
    """Any value of a result as JSON can hold it; what JSON has no word for is tagged, so that it comes back as it was."""
    match value:
        case None | bool() | int() | float() | str():
            return value.item() if isinstance(value, np.generic) else value
        case BaseModel():
            return plain(value.model_dump())
        case Mapping() if all(isinstance(key, str) and not key.startswith(_TAG) for key in value):
            return {str(key): plain(item) for key, item in value.items()}
        case Mapping():
            return {_TAG: "pairs", "value": [[plain(key), plain(item)] for key, item in value.items()]}
        case list():
            return [plain(item) for item in value]
        case tuple():
            return {_TAG: "tuple", "value": [plain(item) for item in value]}
        case set() | frozenset():
            return {_TAG: "set", "value": sorted((plain(item) for item in value), key=str)}
        case np.generic():
            return plain(value.item())
        case _ if value is pd.NaT or value is pd.NA:
            return {_TAG: "na", "value": "NaT" if value is pd.NaT else "NA"}
        case pd.Timestamp() | dt.datetime() | dt.date():
            kinds = {pd.Timestamp: "timestamp", dt.datetime: "datetime"}
            return {_TAG: kinds.get(type(value), "date"), "value": value.isoformat()}
        case Decimal():
            return {_TAG: "decimal", "value": str(value)}
        case pd.DataFrame():
            return {
                "columns": list(map(str, value.columns)),
                "rows": [plain(row) for row in value.to_numpy(object).tolist()],
            }
        case _ if dataclasses.is_dataclass(value):
            return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise TypeError(f"a {type(value).__name__} cannot be stored in a result: {value!r}")


def _unplain(value: Any) -> Any:
    match value:
        case {"$": str(tag), "value": list(items)}:
            return _READERS[tag]([_unplain(item) for item in items])
        case {"$": str(tag), "value": text}:
            return _READERS[tag](text)
        case dict():
            return {key: _unplain(item) for key, item in value.items()}
        case list():
            return [_unplain(item) for item in value]
    return value


def key_of(*parts: Any) -> str:
    """A short key that changes with anything in the parts."""
    text = json.dumps(plain(list(parts)), ensure_ascii=False, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


@cache
def source_hash(*parts: str) -> str:
    """The hash of kamkit's own source, or of some of its subpackages: a changed method makes stored results stale."""
    package = Path(kamkit.__file__).parent
    files = [path for part in parts or ("",) for path in sorted((package / part).rglob("*")) if _is_source(path)]
    return key_of(kamkit.__version__, [[path.relative_to(package).as_posix(), file_hash(path)] for path in files])


@cache
def kit_hash(folder: str) -> str:
    """The hash of a folder of the kit's templates, such as the rule tables."""
    root = kit_folder("templates") / folder
    return key_of(hash_files((path for path in root.rglob("*") if path.is_file()), root))


def _is_source(path: Path) -> bool:
    return path.suffix in {".py", ".toml"} and "kit" not in path.parts[-3:]
