"""What a story is made of: sections, each a finding with its evidence in the order it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from kamkit.telling.canvas import Chart
from kamkit.telling.comments import Comment
from kamkit.telling.prose import Sentence
from kamkit.telling.tables import DisplayTable


@dataclass(frozen=True)
class Tile:
    """A figure of the first page: its value as written, what it is, and a line that places it."""

    value: str
    title: str
    note: str = ""


@dataclass(frozen=True)
class Light:
    """One condition of the traffic light: its answer as code and in words, never by colour alone."""

    answer: str
    word: str
    text: str
    note: str = ""


@dataclass(frozen=True)
class Points:
    """A titled list of sentences."""

    title: str
    points: tuple[str, ...]

    def lines(self) -> tuple[str, ...]:
        """The sentences as plain text; a list has numbers, a single sentence has none."""
        if len(self.points) == 1:
            return self.points
        return tuple(f"{n}. {point}" for n, point in enumerate(self.points, start=1))


@dataclass(frozen=True)
class Section:
    """One section: its name, the finding that heads it, and the evidence in the order it is shown; a chart is drawn
    when a deliverable asks for it. The first one carries the banner: what all that follows is to be read with."""

    key: str
    name: str
    finding: str
    text: str = ""
    tiles: tuple[Tile, ...] = ()
    lists: tuple[Points, ...] = ()
    chart: Chart | None = None
    lights: tuple[Light, ...] = ()
    tables: tuple[DisplayTable, ...] = ()
    comments: tuple[Comment, ...] = ()
    banner: str = ""
    to_do: str = ""
    """What the reader does with it, below the finding."""
    limits: str = ""
    """What it cannot say, below the evidence."""
    figures: str = ""
    """A fingerprint of the numbers that the section tells, the same in every language."""

    def __repr__(self) -> str:
        lines = [
            *([self.banner] if self.banner else []),
            self.finding,
            *(f"{tile.value}  {tile.title}" for tile in self.tiles),
        ]
        for listed in self.lists:
            lines += ["", listed.title, *listed.lines()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        tiles = "".join(
            f'<td style="text-align:left;padding:4px 28px 4px 0"><b style="font-size:1.5em;color:#0B4F8A">'
            f"{escape(tile.value)}</b><br>{escape(tile.title)}</td>"
            for tile in self.tiles
        )
        lists = "".join(
            f"<b>{escape(listed.title)}</b>" + "".join(f"<p>{escape(line)}</p>" for line in listed.lines())
            for listed in self.lists
        )
        banner = f"<p><b>{escape(self.banner)}</b></p>" if self.banner else ""
        heading = banner + Sentence(self.finding)._repr_html_()
        return f"{heading}<table><tr>{tiles}</tr></table>{lists}" if tiles else heading + lists
