"""Where raw data lie: paths and globs become plain files to read, connections become database tables."""

from __future__ import annotations

import contextlib
import difflib
import glob
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ibis
import ibis.expr.types as ir

from kamkit.errors import InputError, shorten
from kamkit.intake.archives import unpack
from kamkit.intake.dialects import CannotReadError
from kamkit.model.engagement import Source

TEXT_SUFFIXES = (".csv", ".txt", ".tsv")
WORKBOOK_SUFFIXES = (".xlsx", ".xls", ".xlsb", ".ods", ".xlsm")
PACKED_SUFFIXES = (".gz", ".zip")
PLAIN = (*TEXT_SUFFIXES, *WORKBOOK_SUFFIXES, ".parquet")
READABLE = (*PLAIN, *PACKED_SUFFIXES)
_ZIPPED_BOOK, _OLD_BOOK = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True)
class RawFile:
    """A raw file ready to be read: its name for people, a plain uncompressed file, text | workbook | parquet."""

    name: str
    path: Path
    kind: str


def find_files(
    patterns: Sequence[str], folder: Path, scratch: Path, outside: bool = True
) -> tuple[list[RawFile], list[str]]:
    """The raw files that paths and globs mean, unpacked into `scratch` where they are compressed, and every problem.

    A file named twice is read once; Excel's lock files (~$…) are left out of globs. Unless files may lie `outside`, a link
    that leads out of the folder is a problem.
    """
    files: dict[Path, RawFile] = {}
    problems: list[str] = []
    for pattern in patterns:
        for path in _matches(pattern, folder, problems):
            if path.resolve() in files:
                continue
            name = _shown(path, folder)
            try:
                _check(path, folder, outside)
                packed = path.suffix.lower() in PACKED_SUFFIXES
                place = scratch / "unpacked" / f"{len(_entries(scratch / 'unpacked'))}"
                for member, plain in unpack(path, place, PLAIN) if packed else [("", path)]:
                    files[path.resolve() / member] = RawFile(
                        f"{name}/{member}" if member else name, plain, _kind(plain)
                    )
            except CannotReadError as error:
                problems.append(f"{name}: {error}")
    return list(files.values()), problems


def open_database(source: Source) -> ir.Table:
    """The table of a database source. `${NAME}` is filled in here only; no message shows the connection.

    Raises InputError when the connection cannot be opened or has no such table.
    """
    where = f"table {source.table}"
    missing = [name for name in re.findall(r"\$\{(\w+)\}", source.connection or "") if name not in os.environ]
    if missing:
        raise InputError(where, [f"the environment variable {name} is not set" for name in missing])
    address = re.sub(r"\$\{(\w+)\}", lambda found: os.environ[found[1]], source.connection or "")
    try:
        database = ibis.connect(address)
    except Exception as error:  # every driver raises its own; the text may hold the password
        raise InputError(
            where, [f"the database cannot be opened ({type(error).__name__}): check the connection"]
        ) from None
    schema, _, table = (source.table or "").rpartition(".")
    try:
        return database.table(table, database=schema or None)
    except Exception:
        known: list[str] = []
        with contextlib.suppress(Exception):  # a suggestion is a courtesy; not every backend can list its tables
            known = database.list_tables(database=schema or None)
        raise InputError(where, [f"the database has no such table{nearest(table, known)}"]) from None


def nearest(word: str, known: Sequence[str]) -> str:
    """The end of a sentence that something is missing: the nearest known word, or nothing.

    >>> nearest("umsatz.csv", ["umsaetze.csv", "kunden.csv"])
    ". Did you mean 'umsaetze.csv'?"
    """
    lowered = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), list(lowered), n=1, cutoff=0.6)
    return f". Did you mean {lowered[near[0]]!r}?" if near else ""


def _matches(pattern: str, folder: Path, problems: list[str]) -> list[Path]:
    path = folder / pattern
    if os.path.lexists(path) or not glob.has_magic(pattern):
        if not os.path.lexists(path):
            problems.append(f"{_shown(path, folder)}: there is no such file{_nearest_file(path, folder)}")
            return []
        return [path]
    found = [folder / name for name in sorted(glob.glob(pattern, root_dir=folder, recursive=True))]  # noqa: PTH207
    found = [match for match in found if match.is_file() and not match.name.startswith("~$")]
    if not found:
        beside = sorted(entry.name for entry in _entries(path.parent) if entry.is_file())
        there = f"files there: {shorten(beside, 5)}" if beside else "there are no files in that folder"
        problems.append(f"{pattern if not Path(pattern).is_absolute() else path.name}: no file matches; {there}")
    return found


def _nearest_file(path: Path, folder: Path) -> str:
    here = _entries(path.parent) or _entries(folder)
    names = {entry.name: _shown(entry, folder) for entry in here if entry.is_file()}
    near = nearest(path.name, list(names))
    return re.sub(r"'(.+)'", lambda found: repr(names[found[1]]), near)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _shown(path: Path, folder: Path) -> str:
    """A path as people know it: relative to the engagement, the bare name of what lies outside."""
    path = Path(os.path.normpath(path))
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name


def _check(path: Path, folder: Path, outside: bool) -> None:
    """Raises CannotReadError for what is no file that can be read; nothing but a regular file is ever opened."""
    named_inside = Path(os.path.normpath(path)).is_relative_to(folder)
    if named_inside and not (outside or path.resolve().is_relative_to(folder.resolve())):
        raise CannotReadError(
            "is a link that leads out of the engagement's folder: move the file there or set allow_outside: true"
        )
    if path.is_dir():
        raise CannotReadError("is a folder: name a file in it, or all of them with /*")
    if path.suffix.lower() not in READABLE:
        known = " ".join(suffix[1:] for suffix in READABLE)
        raise CannotReadError(f"files of type {path.suffix or 'without ending'} cannot be read: known are {known}")
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CannotReadError("is a device or a pipe, no file: copy its content into a file")
        with path.open("rb") as opened:
            if not opened.read(1):
                raise CannotReadError("is empty (0 bytes): export it again")
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise CannotReadError(f"cannot be read ({reason}): check the file's permissions") from None


def _kind(path: Path) -> str:
    """What a file really is: systems write text and call it .xls, people rename workbooks to .csv."""
    if path.suffix.lower() == ".parquet":
        return "parquet"
    with path.open("rb") as opened:
        start = opened.read(4)
    if start in (_ZIPPED_BOOK, _OLD_BOOK) or path.suffix.lower() in (".xlsx", ".xlsb", ".ods", ".xlsm"):
        return "workbook"
    return "text"
