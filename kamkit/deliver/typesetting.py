"""Text measured before PowerPoint sets it: how wide it runs, where its lines break, where it must be cut."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from kamkit.deliver.drawing import printable
from kamkit.telling.canvas import advance

WIDTHS = {
    "Aptos": 1.02,
    "Arial": 1.04,
    "Calibri": 0.96,
    "Cambria": 1.0,
    "Candara": 1.0,
    "Carlito": 0.96,
    "Corbel": 1.0,
    "Garamond": 0.92,
    "Georgia": 1.09,
    "Helvetica": 1.04,
    "Lato": 1.0,
    "Open Sans": 1.09,
    "Roboto": 1.03,
    "Segoe UI": 1.05,
    "Tahoma": 1.05,
    "Times New Roman": 0.96,
    "Trebuchet MS": 1.04,
}
WIDE, WIDE_BOLD = 1.2, 1.3
"""How wide text runs in a typeface, as a share of Lato, which is measured; one that is not listed counts as wide."""

LEADING = 1.22
"""The height of a line as a share of the size of its type."""


def _advance(sign: str, bold: bool) -> float:
    """How far a sign moves the pen, as a share of the size of the type; East Asian signs are as wide as they are high."""
    if unicodedata.east_asian_width(sign) in {"W", "F"}:
        return 1.0
    return advance(sign if sign.isprintable() else " ", bold)


@dataclass(frozen=True)
class Type:
    """A typeface, measured: how wide it runs as a share of Lato, and in bold as a share of Lato Bold."""

    wide: float = 1.0
    wide_bold: float = 1.0

    @classmethod
    def named(cls, face: str) -> Type:
        """The typeface of a name, with what is known of it."""
        return cls(WIDTHS.get(face, WIDE), WIDTHS.get(face, WIDE_BOLD))

    def width(self, text: str, size: float, bold: bool = False) -> float:
        """How wide a text is, in inches."""
        return (self.wide_bold if bold else self.wide) * size / 72 * sum(_advance(sign, bold) for sign in text)

    def wrapped(self, text: str, room: float, size: float, bold: bool = False) -> list[str]:
        """The lines of a text in so many inches, broken at spaces; a word that is too long is broken anywhere."""
        lines, line, used, space = [], "", 0.0, self.width(" ", size, bold)
        for word in printable(text).split(" "):
            wide = self.width(word, size, bold)
            if line and used + space + wide <= room:
                line, used = f"{line} {word}", used + space + wide
                continue
            if line:
                lines.append(line)
            while wide > room and len(word) > 1:
                fits = next(
                    n for n in range(len(word) - 1, 0, -1) if n == 1 or self.width(word[:n], size, bold) <= room
                )
                lines.append(word[:fits])
                word = word[fits:]
                wide = self.width(word, size, bold)
            line, used = word, wide
        return [*lines, line]

    def fitted(self, text: str, room: float, size: float, bold: bool = False, lines: int = 1) -> str:
        """The text cut to so many lines, with … where it was cut."""
        found = self.wrapped(text, room, size, bold)
        if len(found) <= lines:
            return text
        last = found[lines - 1]
        while last and self.width(f"{last}…", size, bold) > room:
            last = last[:-1]
        return " ".join([*found[: lines - 1], f"{last.rstrip()}…"])

    def short_name(self, name: str, room: float, size: float, lines: int) -> str:
        """The first words of a name that fit a narrow column; the first that does not is cut with … and ends it."""
        words: list[str] = []
        for word in name.split():
            cut = self.fitted(word, room, size)
            if words and len(self.wrapped(" ".join([*words, cut]), room, size)) > lines:
                break
            words.append(cut)
            if cut != word:
                break
        while len(words) > 1 and not any(map(str.isalnum, words[-1])):
            words.pop()
        return " ".join(words)


def high(lines: int, size: float) -> float:
    """How high so many lines are, in inches."""
    return lines * size * LEADING / 72
