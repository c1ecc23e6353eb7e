"""Where raw data lie: paths and globs become plain files to read, connections become database tables."""

from __future__ import annotations

import contextlib
import difflib
import glob
import gzip
import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import ibis
import ibis.expr.types as ir

from kamkit.errors import InputError, shorten
from kamkit.model.engagement import Source

TEXT_SUFFIXES = (".csv", ".txt", ".tsv")
WORKBOOK_SUFFIXES = (".xlsx", ".xls", ".xlsb", ".ods", ".xlsm")
PACKED_SUFFIXES = (".gz", ".zip")
READABLE = (*TEXT_SUFFIXES, *WORKBOOK_SUFFIXES, ".parquet", *PACKED_SUFFIXES)
_ZIPPED_BOOK, _OLD_BOOK = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True)
class RawFile:
    """A raw file ready to be read: its name for people, a plain uncompressed file, text | workbook | parquet."""

    name: str
    path: Path
    kind: str


def find_files(patterns: Sequence[str], folder: Path, scratch: Path) -> tuple[list[RawFile], list[str]]:
    """The raw files that paths and globs mean, unpacked into `scratch` where they are compressed, and every problem.

    A file named twice is read once; Excel's lock files (~$…) are left out of globs.
    """
    files: dict[Path, RawFile] = {}
    problems: list[str] = []
    for pattern in patterns:
        for path in _matches(pattern, folder, problems):
            if path.resolve() not in files:
                name = _shown(path, folder)
                problem = _unreadable(path)
                if problem:
                    problems.append(f"{name}: {problem}")
                    continue
                try:
                    for member, plain in _unpacked(path, name, scratch):
                        files[path.resolve() / member] = RawFile(member or name, plain, _kind(plain))
                except (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error):
                    problems.append(f"{name}: is damaged and cannot be unpacked: ask for the file again")
                except _CannotUseError as error:
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


class _CannotUseError(Exception):
    """What keeps one file from being used, for the list of problems."""


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


def _unreadable(path: Path) -> str | None:
    if path.is_dir():
        return "is a folder: name a file in it, or all of them with /*"
    if path.suffix.lower() not in READABLE:
        known = " ".join(suffix[1:] for suffix in READABLE)
        return f"files of type {path.suffix or 'without ending'} cannot be read: known are {known}"
    try:
        with path.open("rb") as opened:
            return None if opened.read(1) else "is empty (0 bytes): export it again"
    except OSError as error:
        return f"cannot be read ({(error.strerror or 'unknown reason').lower()}): check the file's permissions"


def _unpacked(path: Path, name: str, scratch: Path) -> Iterator[tuple[str, Path]]:
    """Name for people and plain file of everything in a file; an empty name means the file's own."""
    suffix = path.suffix.lower()
    if suffix not in PACKED_SUFFIXES:
        yield "", path
        return
    place = scratch / "unpacked" / f"{len(_entries(scratch / 'unpacked'))}"
    place.mkdir(parents=True)
    if suffix == ".gz":
        target = place / path.stem
        with gzip.open(path) as packed, target.open("wb") as plain:
            shutil.copyfileobj(packed, plain, 1 << 20)
        yield "", target
        return
    with zipfile.ZipFile(path) as packed_files:
        members = [member for member in packed_files.infolist() if _is_data(member)]
        if not members:
            raise _CannotUseError("holds no csv, workbook or parquet file")
        if any(member.flag_bits & 1 for member in members):
            raise _CannotUseError("is password-protected: save it without a password")
        for number, member in enumerate(sorted(members, key=lambda m: m.filename)):
            target = place / f"{number}{PurePosixPath(member.filename).suffix.lower()}"
            with packed_files.open(member) as packed, target.open("wb") as plain:
                shutil.copyfileobj(packed, plain, 1 << 20)
            if target.stat().st_size == 0:
                raise _CannotUseError(f"{member.filename} in it is empty (0 bytes): export it again")
            yield f"{name}/{member.filename}", target


def _is_data(member: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(member.filename)
    readable = path.suffix.lower() in READABLE and path.suffix.lower() not in PACKED_SUFFIXES
    return readable and not member.is_dir() and not path.name.startswith(("~$", "._"))


def _kind(path: Path) -> str:
    """What a file really is: systems write text and call it .xls, people rename workbooks to .csv."""
    if path.suffix.lower() == ".parquet":
        return "parquet"
    with path.open("rb") as opened:
        start = opened.read(4)
    if start in (_ZIPPED_BOOK, _OLD_BOOK) or path.suffix.lower() in (".xlsx", ".xlsb", ".ods", ".xlsm"):
        return "workbook"
    return "text"
