"""Files that appear whole or not at all, and the hashes of their content."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

Remembered = dict[str, list[Any]]
"""What is known of files already read: path → [size, mtime_ns, hash]."""


def file_hash(path: Path, remembered: Remembered | None = None) -> str:
    """The hash of a file's content. `remembered` spares a second reading of an unchanged file."""
    stat = path.stat()
    known = (remembered or {}).get(str(path))
    if known and known[:2] == [stat.st_size, stat.st_mtime_ns]:
        return str(known[2])
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    if remembered is not None:
        remembered[str(path)] = [stat.st_size, stat.st_mtime_ns, found]
    return found


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all, with plain line ends."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@cache
def _umask() -> int:
    mask = os.umask(0o22)
    os.umask(mask)
    return mask


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON for machines, indented, keys in the order given."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def hash_files(paths: Iterable[Path], root: Path, remembered: Remembered | None = None) -> dict[str, str]:
    """The content hash of each file by its path relative to a folder (absolute where it lies outside)."""
    return {relative(path, root): file_hash(path, remembered) for path in sorted(set(paths))}


def relative(path: Path, root: Path) -> str:
    """A path as it is written for people and machines: relative to a folder where it lies inside."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
