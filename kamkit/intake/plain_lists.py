"""Text lists without a delimiter, and those that other programs have spoilt: rewritten once, line by line, so that line
numbers stay, with tabs between the cells."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from kamkit.model.codes import Severity

_FREE_LINE = re.compile(
    r"\s*(summe|gesamt|total|zwischensumme|endsumme|\*|[-=_+ ]*$|anzahl|stand|quelle|\d+ [^\W\d]+\s*$)", re.I
)
_TWICE_ENCODED = re.compile("[ÃÂ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â(?:‚¬|€[\u0080-\u00bf™œžŸ“”¦˜š])")


def _controls(error: UnicodeError) -> tuple[bytes, int]:
    """Control characters that cp1252 has no place for, as the bytes they were."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return error.object[error.start : error.end].encode("latin-1"), error.end


def _single_bytes(error: UnicodeError) -> tuple[str, int]:
    """Bytes that are no UTF-8, as cp1252 has them."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error("kamkit-controls", _controls)
codecs.register_error("kamkit-cp1252", _single_bytes)


@dataclass(frozen=True)
class Remark:
    """Something a person should know about how a file is written: the code of a finding with its rows and examples."""

    code: str
    rows: int
    examples: tuple[str, ...] = ()
    severity: Severity = Severity.WARNING
    values: tuple[tuple[str, str], ...] = ()


def rewritten(path: Path, target: Path, cells: Callable[[int, str], Sequence[str] | None]) -> Path:
    """Write `target` with one line per line of `path`: the cells of each line (counted from 1) with tabs between them, or
    an empty line."""
    with path.open(encoding="utf-8-sig", newline=None) as lines, target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter="\t", lineterminator="\n")
        for number, line in enumerate(lines, start=1):
            found = cells(number, line.rstrip("\n"))
            out.write("\n") if not found else writer.writerow(found)
    return target


def column_starts(path: Path, header_row: int) -> list[int]:
    """Where the columns of a list with fixed widths begin: behind positions that are blank in every line, as far as the
    header names what stands there. Lines of totals and notes do not count."""
    filled, named = 0, 0
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(islice(lines, header_row - 1, None)):
            line = line.rstrip().expandtabs()
            if number and _FREE_LINE.match(line):
                continue
            mask = int("".join("0" if sign.isspace() else "1" for sign in reversed(line)) or "0", 2)
            filled, named = (filled | mask, named) if number else (filled, mask)
    width, starts = (filled | named).bit_length(), list[int]()
    runs = [(m.start(), m.end()) for m in re.finditer("1+", bin(filled | named)[:1:-1])]
    for start, end in runs:
        span = ((1 << end) - 1) ^ ((1 << start) - 1)
        if not starts or (named & span and filled & span):
            starts.append(start)
    return starts if width else [0]


def cut(line: str, starts: Sequence[int]) -> list[str]:
    """The cells of a line with fixed widths."""
    line = line.expandtabs()
    ends = [*starts[1:], max(len(line), starts[-1])]
    return [line[0 if i == 0 else start : end].strip() for i, (start, end) in enumerate(zip(starts, ends, strict=True))]


def unquoted_line(line: str) -> str:
    """A line without the quotation marks that another program has put around all of it."""
    return line[1:-1].replace('""', '"') if len(line) > 1 and line[0] == line[-1] == '"' else line


def is_quoted_as_a_whole(lines: Iterable[str], delimiters: Sequence[str]) -> bool:
    """Whether every line is one quoted cell that holds the delimiters."""
    filled = [line.strip() for line in lines if line.strip()]
    return bool(filled) and all(
        re.fullmatch(r'"(?:[^"]|"")*"', line) and any(d in line for d in delimiters) for line in filled
    )


def seems_encoded_twice(text: str) -> bool:
    """Whether a text holds what UTF-8 looks like when it is read as a Western code page: MÃ¼ller for Müller."""
    return ("Ã" in text or "Â" in text or "â" in text) and _TWICE_ENCODED.search(text) is not None


def decoded_twice(line: str) -> str | None:
    """A line with the second encoding taken off; None where it cannot have been encoded twice throughout."""
    if line.isascii():
        return line
    try:
        return line.encode("cp1252", "kamkit-controls").decode("utf-8")
    except UnicodeError:
        return None


def repair_double_encoding(path: Path, target: Path) -> tuple[Path, Remark | None]:
    """The file read rightly where every special character in it shows that it was encoded twice; else the file as it is.
    Both are told with the lines."""
    broken, certain, examples = 0, True, list[str]()
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for number, line in enumerate(lines, start=1):
            if line.isascii():
                continue
            certain = certain and decoded_twice(line) is not None
            if seems_encoded_twice(line):
                broken += 1
                if len(examples) < 3:
                    examples.append(f"{number}: {line.strip()[:80]}")
    if not broken:
        return path, None
    if not certain:
        return path, Remark("double_encoding", broken, tuple(examples))
    with path.open(encoding="utf-8-sig", newline="") as lines, target.open("w", encoding="utf-8", newline="") as out:
        out.writelines(decoded_twice(line) or line for line in lines)
    return target, Remark("double_encoding_repaired", broken, tuple(examples), Severity.INFO)
