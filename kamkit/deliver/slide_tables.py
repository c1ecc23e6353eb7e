"""Native tables: columns as wide as their words need, words cut to their cells, as many rows as a box holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kamkit.deliver.drawing import (
    EMU,
    INK,
    LINE,
    MUTE,
    PAPER,
    RULE,
    Box,
    Paragraph,
    fill_xml,
    hatch_xml,
    line_xml,
    paragraph_xml,
)
from kamkit.deliver.typesetting import Type, high

LONGEST_WORD = 30
"""Signs of a word beyond which it may be broken."""
LEAST_SHARED = 0.25
"""How much of a table's width is left at least to its columns of long words."""
SIDE, LEAST_PAD, MOST_PAD, ROOMY_PAD, MOST_LINES = 0.06, 0.03, 0.07, 0.2, 6
"""Room beside and above the words of a cell, in inches; lines of a cell beyond which it is cut."""
_NO_STYLE_NO_GRID = "{2D5ABB26-0587-4C30-8999-92F81FD0307C}"


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its text with a muted part below it, how it is dressed, what fills and frames it. One that
    spans several columns is followed by merged ones."""

    text: str
    bold: bool = False
    colour: str = INK
    below: str = ""
    fill: str = ""
    hatched: bool = False
    framed: bool = False
    align: str = "l"
    span: int = 1
    merged: bool = False


@dataclass(frozen=True)
class Grid:
    """A native table: heads, rows of cells, the share of the room that each column takes (None: as wide as its texts).
    Rows are lined; `boxed` sets filled fields apart instead, `middle` centres words between the lines; a cell has at most so
    many `lines`, and at least `pad` inches above and below its words; `even` rows are all as high as the highest."""

    heads: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    shares: tuple[float | None, ...]
    boxed: bool = False
    middle: bool = False
    lines: int = MOST_LINES
    pad: float = LEAST_PAD
    even: bool = False


@dataclass(frozen=True)
class Words:
    """How the words of a deck are set: typeface, the colour of those that step back, language."""

    type: Type
    muted: str
    lang: str


@dataclass(frozen=True)
class Placed:
    """A table on its slide: where it ends, how many of its rows it shows, the size of its type in points."""

    bottom: float
    shown: int
    size: float
    heights: tuple[float, ...]
    """Of its rows, the heads first, in inches."""


class SetTable:
    """A table set in one size: widths of columns, words cut to the cell, heights of rows. `roomy` spreads the rows over the
    box."""

    def __init__(self, box: Box, grid: Grid, size: float, words: Words, roomy: bool = False) -> None:
        self.box, self.grid, self.size, self.words = box, grid, size, words
        self.widths = self._widths()
        rows = [grid.heads, *grid.rows] if grid.heads else [*grid.rows]
        lines = [max(self._lines(cell, i) for i, cell in enumerate(row)) for row in rows]
        self.heights = [high(n, size) for n in lines]
        self.n_heads = 1 if grid.heads else 0
        if grid.even:
            self.heights[self.n_heads :] = [max(self.heights[self.n_heads :], default=0.0)] * len(grid.rows)
        total = sum(self.heights)
        self.fits = not self.narrow and total + 2 * grid.pad * len(rows) <= box.height
        spare = (box.height - total) / (2 * len(rows)) if rows else 0.0
        self.pad = min(max(spare, grid.pad), ROOMY_PAD if roomy else MOST_PAD)
        self.rows: list[Sequence[Cell]] = []
        used = 0.0
        for row, height in zip(rows, self.heights, strict=True):
            used += height + 2 * self.pad
            if used > box.height + 1e-6 and len(self.rows) > self.n_heads:
                break
            self.rows.append(row)

    @property
    def placed(self) -> Placed:
        heights = tuple(height + 2 * self.pad for height in self.heights[: len(self.rows)])
        return Placed(self.box.top + sum(heights), len(self.rows) - self.n_heads, self.size, heights)

    def _widths(self) -> list[float]:
        """A column without a share takes what its words need, its head on several lines if it must; the others share."""
        whole = self._needed(lambda head: [head])
        wide = whole if self._fixed(whole) <= (1 - LEAST_SHARED) * self.box.width else self._needed(str.split)
        shares = any(share is not None for share in self.grid.shares)
        fixed = self._fixed(wide)
        room, least = self.box.width - fixed, LEAST_SHARED * self.box.width if shares else 0.0
        self.narrow = bool(fixed) and room < least - 1e-9
        if self.narrow:
            wide = [need * (self.box.width - least) / fixed for need in wide]
            room = least
        own = [share for share in self.grid.shares if share is not None]
        given = iter(
            _divided(room, own, [self._longest(i) for i, share in enumerate(self.grid.shares) if share is not None])
        )
        return [need if share is None else next(given) for need, share in zip(wide, self.grid.shares, strict=True)]

    def _longest(self, column: int) -> float:
        """What the longest word of a column needs."""
        cells = [row[column] for row in ([self.grid.heads] if self.grid.heads else []) + [*self.grid.rows]]
        words = ((word, cell.bold) for cell in cells for word in f"{cell.text} {cell.below}".split())
        most = max(
            (self.words.type.width(word, self.size, bold) for word, bold in words if len(word) <= LONGEST_WORD),
            default=0.0,
        )
        return most + 2 * SIDE + 0.03

    def _fixed(self, wide: Sequence[float]) -> float:
        return sum(need for need, share in zip(wide, self.grid.shares, strict=True) if share is None)

    def _needed(self, parts: Callable[[str], list[str]]) -> list[float]:
        """What each column needs for its words on one line; of its head, each of its parts."""
        measure, size = self.words.type, self.size
        wide = []
        for i, share in enumerate(self.grid.shares):
            cells = [] if share is not None else [row[i] for row in self.grid.rows]
            texts = [measure.width(cell.text, size, cell.bold) for cell in cells]
            texts += [measure.width(cell.below, size) for cell in cells if cell.below]
            if self.grid.heads:
                texts += [measure.width(word, size, bold=True) for word in parts(self.grid.heads[i].text)]
            wide.append(max(texts, default=0.0) + 2 * SIDE + 0.03)
        return wide

    def _room(self, cell: Cell, column: int) -> float:
        return sum(self.widths[column : column + cell.span]) - 2 * SIDE

    def _lines(self, cell: Cell, column: int) -> int:
        room, measure = self._room(cell, column), self.words.type
        lines = min(len(measure.wrapped(cell.text, room, self.size, cell.bold)), self.grid.lines)
        return lines + (min(len(measure.wrapped(cell.below, room, self.size)), 2) if cell.below else 0)

    def xml(self) -> str:
        columns = "".join(f'<a:gridCol w="{round(wide * EMU)}"/>' for wide in self.widths)
        rows = "".join(self._row(i, row) for i, row in enumerate(self.rows))
        head = ' firstRow="1"' if self.n_heads else ""
        return (
            f"<a:tbl><a:tblPr{head}><a:tableStyleId>{_NO_STYLE_NO_GRID}</a:tableStyleId></a:tblPr>"
            f"<a:tblGrid>{columns}</a:tblGrid>{rows}</a:tbl>"
        )

    def _row(self, i: int, row: Sequence[Cell]) -> str:
        tall = round((self.heights[i] + 2 * self.pad) * EMU)
        return f'<a:tr h="{tall}">{"".join(self._cell(i, j, cell) for j, cell in enumerate(row))}</a:tr>'

    def _cell(self, i: int, j: int, cell: Cell) -> str:
        room, measure = self._room(cell, j), self.words.type
        text = measure.fitted(cell.text, room, self.size, cell.bold, self.grid.lines)
        said = [Paragraph(text, cell.bold, cell.colour, self.size, align=cell.align)]
        if cell.below:
            below = measure.fitted(cell.below, room, self.size, lines=2)
            said.append(Paragraph(below, False, self.words.muted, self.size, align=cell.align))
        words = "".join(paragraph_xml(part, self.words.lang) for part in said)
        fill = fill_xml(cell.fill) if cell.fill else hatch_xml(MUTE) if cell.hatched else "<a:noFill/>"
        side, pad = round(SIDE * EMU) if cell.text else 0, round(self.pad * EMU * 0.9)
        merge = ' hMerge="1"' if cell.merged else f' gridSpan="{cell.span}"' if cell.span > 1 else ""
        anchor = ' anchor="ctr"' if self.grid.middle else ' anchor="b"' if i < self.n_heads else ""
        return (
            f"<a:tc{merge}><a:txBody><a:bodyPr/><a:lstStyle/>{words}</a:txBody>"
            f'<a:tcPr marL="{side}" marR="{side}" marT="{pad}" marB="{pad}"{anchor}>{self._edges(i, j)}{fill}</a:tcPr></a:tc>'
        )

    def _edges(self, i: int, j: int) -> str:
        """The lines around a cell: a frame is drawn by the cell and by its neighbours, since they share them."""

        def framed(row: int, column: int) -> bool:
            inside = 0 <= row < len(self.rows) and 0 <= column < len(self.widths)
            return inside and self.rows[row][column].framed

        found = ""
        for tag, neighbour in (("lnL", (i, j - 1)), ("lnR", (i, j + 1)), ("lnT", (i - 1, j)), ("lnB", (i + 1, j))):
            if framed(i, j) or framed(*neighbour):
                found += line_xml(LINE, 2.25, tag=tag)
            elif self.grid.boxed and i >= self.n_heads and j:
                found += line_xml(PAPER, 1.5, tag=tag)
            elif not self.grid.boxed and (tag == "lnB" or (tag == "lnT" and i)):
                head = i < self.n_heads if tag == "lnB" else i - 1 < self.n_heads
                found += line_xml(INK if head else RULE, 1.0 if head else 0.5, tag=tag)
            else:
                found += line_xml("", 0, tag=tag)
        return found


def _divided(room: float, shares: Sequence[float], needed: Sequence[float]) -> list[float]:
    """Room divided by shares, none below what it needs as long as others can give."""
    found, held = [room * share / sum(shares) for share in shares], [False] * len(shares)
    for _ in shares:
        short = [i for i, wide in enumerate(found) if wide < needed[i] - 1e-9 and not held[i]]
        if not short:
            break
        for i in short:
            held[i], found[i] = True, needed[i]
        free = [i for i in range(len(shares)) if not held[i]]
        left = room - sum(found[i] for i in range(len(shares)) if held[i])
        if not free or left <= 0:
            return [room * share / sum(shares) for share in shares]
        for i in free:
            found[i] = left * shares[i] / sum(shares[j] for j in free)
    return found
