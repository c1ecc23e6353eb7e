"""What is packed is unpacked within limits: archives and workbooks may say anything about themselves, so bytes are counted
while they come out."""

from __future__ import annotations

import gzip
import lzma
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from kamkit.intake.dialects import CannotReadError

MOST_BYTES = 8 << 30
"""Unpacked bytes of one packed file: four times ten million invoice lines of 200 bytes."""
MOST_MEMBERS = 1_000
"""Files in one archive: fifteen years of monthly exports for five companies are 900."""
MOST_RATIO, RATIO_FROM = 300, 64 << 20
"""Unpacked to packed, from 64 MiB on: real exports shrink to a fifth or a fortieth, nothing but bombs to a three-hundredth."""
MOST_BOOK = 1 << 30
"""Unpacked bytes of one workbook: a sheet full to its last row with ten columns is half of it."""
MOST_CELLS = 50_000_000
"""Cells between the first and the last of a sheet, which the reader holds in memory whether filled or not."""
_CHUNK = 1 << 20
_CELL = re.compile(rb'<(?:\w+:)?c\b[^>]{0,200}?\br=["\']\$?([A-Za-z]{1,7})\$?(\d{1,10})')
_DAMAGED = (
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    ValueError,
    OverflowError,
)


def unpack(path: Path, place: Path, readable: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """Name and plain file of everything in a .gz or .zip that ends as one of `readable`, unpacked into `place`; an empty
    name means the file's own. No member is written under its own name. Raises CannotReadError."""
    place.mkdir(parents=True)
    try:
        if path.suffix.lower() == ".gz":
            target = place / path.stem
            with gzip.open(path) as packed:
                _copy(packed, target, _Budget(path.stat().st_size, MOST_BYTES))
            yield "", target
        else:
            yield from _members(path, place, readable)
    except _DAMAGED:
        raise CannotReadError("is damaged and cannot be unpacked: ask for the file again") from None
    except (NotImplementedError, RuntimeError):
        raise CannotReadError("is packed in a way that cannot be read: pack it as an ordinary zip file") from None
    except OSError as error:
        raise CannotReadError(f"cannot be unpacked ({(error.strerror or 'damaged').lower()})") from None


def _members(path: Path, place: Path, readable: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    with zipfile.ZipFile(path) as archive:
        every = archive.infolist()
        if len(every) > MOST_MEMBERS:
            raise CannotReadError(f"holds {len(every):,} files; at most {MOST_MEMBERS:,} are unpacked")
        if astray := [member.filename for member in every if _leads_out(member)]:
            raise CannotReadError(
                f"holds {len(astray)} member{'s' if len(astray) != 1 else ''} that would lie outside of it or is a link "
                f"(first: {astray[0][:80]!r}): ask where the file comes from, and for a clean one"
            )
        members = sorted((member for member in every if _is_data(member, readable)), key=lambda m: m.filename)
        if not members:
            raise CannotReadError("holds no csv, workbook or parquet file")
        if any(member.flag_bits & 1 for member in members):
            raise CannotReadError("is password-protected: save it without a password")
        budget = _Budget(path.stat().st_size, MOST_BYTES)
        budget.spend(sum(member.file_size for member in members))
        budget = _Budget(path.stat().st_size, MOST_BYTES)
        for number, member in enumerate(members):
            target = place / f"{number}{PurePosixPath(member.filename).suffix.lower()}"
            with archive.open(member) as packed:
                _copy(packed, target, budget)
            if target.stat().st_size == 0:
                raise CannotReadError(f"{member.filename} in it is empty (0 bytes): export it again")
            yield member.filename, target


def _leads_out(member: zipfile.ZipInfo) -> bool:
    name = member.orig_filename.replace("\\", "/")
    link = stat.S_ISLNK(member.external_attr >> 16)
    return link or name.startswith("/") or ".." in name.split("/") or bool(re.match("[A-Za-z]:", name)) or "\0" in name


def _is_data(member: zipfile.ZipInfo, readable: tuple[str, ...]) -> bool:
    path = PurePosixPath(member.filename)
    return path.suffix.lower() in readable and not member.is_dir() and not path.name.startswith(("~$", "._"))


class _Budget:
    """The bytes that may still come out of one packed file."""

    def __init__(self, packed: int, most: int) -> None:
        self._packed, self._most, self._spent = max(packed, 1), most, 0

    def spend(self, size: int) -> None:
        """Raises CannotReadError once more comes out than may."""
        self._spent += size
        if self._spent > self._most:
            raise CannotReadError(
                f"unpacks to more than {self._most >> 30} GiB: unpack it yourself and name single files"
            )
        if self._spent > RATIO_FROM and self._spent > MOST_RATIO * self._packed:
            raise CannotReadError(
                f"unpacks to more than {MOST_RATIO} times its size, as only a decompression bomb does: ask for another file"
            )


def _copy(packed: IO[bytes] | gzip.GzipFile, target: Path, budget: _Budget) -> None:
    with target.open("wb") as plain:
        while chunk := packed.read(_CHUNK):
            budget.spend(len(chunk))
            if shutil.disk_usage(target.parent).free < 2 * _CHUNK:
                raise CannotReadError("cannot be unpacked: there is no room left on the disk")
            plain.write(chunk)


def check_workbook(path: Path) -> None:
    """See that a workbook unpacks to no more than MOST_BOOK bytes and spans no more than MOST_CELLS cells a sheet, without
    trusting what it says of itself: the reader allocates what its cells span. Raises CannotReadError."""
    if not path.is_file():
        raise CannotReadError("is no file: move it away")
    with path.open("rb") as opened:
        if opened.read(2) != b"PK":
            return
        opened.seek(0)
        try:
            with zipfile.ZipFile(opened) as book:
                members = book.infolist()
                if len(members) > 10 * MOST_MEMBERS:
                    raise CannotReadError(f"holds {len(members):,} parts, as no workbook does: save it again in Excel")
                budget = _Budget(path.stat().st_size, MOST_BOOK)
                budget.spend(sum(member.file_size for member in members))
                budget = _Budget(path.stat().st_size, MOST_BOOK)
                for member in members:
                    _check_part(opened, member, budget)
        except (*_DAMAGED, NotImplementedError, RuntimeError):
            raise CannotReadError("is damaged or no workbook: open it in Excel and save it again") from None


def _check_part(opened: IO[bytes], member: zipfile.ZipInfo, budget: _Budget) -> None:
    columns, top, bottom, tail = set[bytes](), 1 << 62, 0, b""
    is_sheet = "sheets/" in member.filename.lower() and member.filename.lower().endswith(".xml")
    for chunk in _inflated(opened, member):
        budget.spend(len(chunk))
        if not is_sheet:
            continue
        text = tail + chunk
        found = _CELL.findall(text)
        if found:
            columns.update(column.upper() for column, _ in found)
            rows = [int(row) for _, row in (found[0], found[-1])] if len(found) > 1000 else [int(r) for _, r in found]
            top, bottom = min(top, *rows), max(bottom, *rows)
        tail = text[-300:]
    if columns:
        numbers = [_number(column) for column in columns]
        if (bottom - top + 1) * (max(numbers) - min(numbers) + 1) > MOST_CELLS:
            raise CannotReadError(
                f"has a sheet that spans {bottom - top + 1:,} rows and {max(numbers) - min(numbers) + 1:,} columns: delete "
                "what stands far outside of the table and save it again"
            )


def _number(column: bytes) -> int:
    number = 0
    for letter in column:
        number = number * 26 + letter - 64
    return number


def _inflated(opened: IO[bytes], member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of a member as the packed data yield them, whatever size its header claims."""
    if member.header_offset < 0:  # a table of contents that counts from before the file's beginning
        raise zipfile.BadZipFile
    opened.seek(member.header_offset)
    header = opened.read(30)
    if header[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile
    name, extra = struct.unpack("<HH", header[26:30])
    opened.seek(name + extra, 1)
    left = member.compress_size
    if member.compress_type == zipfile.ZIP_STORED:
        while left > 0 and (chunk := opened.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk
        return
    if member.compress_type != zipfile.ZIP_DEFLATED:
        raise NotImplementedError
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    while left > 0 and not inflater.eof and (packed := opened.read(min(_CHUNK, left))):
        left -= len(packed)
        while packed and not inflater.eof:
            yield inflater.decompress(packed, _CHUNK)
            packed = inflater.unconsumed_tail
