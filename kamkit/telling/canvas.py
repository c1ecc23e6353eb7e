"""What all charts share: the palette, the typeface, measured text, and a page with title, notes and source.

A chart is drawn in inches on a Figure of its own: no pyplot, no global settings, so it shows the same in a notebook, a
report and a test. Every text is printed as it is written; a customer's name is never mathematics or markup.
"""

from __future__ import annotations

import io
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

from matplotlib import font_manager, rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font, LoadFlags
from PIL import Image

from kamkit.model.brand import Palette
from kamkit.telling.chart_data import PAGE_WIDTH, ChartData, Frame
from kamkit.telling.language import Labels
from kamkit.telling.lean_svg import lean_svg

INK, MUTE, PAPER, TINT = "#1F2933", "#616E7C", "#FFFFFF", "#F2F4F6"
"""What no brand changes: text, lesser text, the ground and a pale one."""

MARGIN = 0.22
SIZES = {"title": 15.0, "subtitle": 10.5, "head": 10.0, "text": 9.5, "note": 8.5}
FAMILIES = ["Lato", "DejaVu Sans"]
EM = 64
"""The type size at which letters are measured, in points."""
STYLE: Any = {
    "font.family": FAMILIES,
    "text.parse_math": False,
    "text.usetex": False,
    "text.hinting": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "kamkit",
    "hatch.linewidth": 0.6,
    "path.simplify": False,
}


def register_lato() -> None:
    """Make the bundled typeface known to matplotlib, once."""
    if not any(entry.name == "Lato" for entry in font_manager.fontManager.ttflist):
        for weight in ("Regular", "Bold", "Italic", "BoldItalic"):
            font_manager.fontManager.addfont(str(files("font_lato").joinpath("files", f"Lato-{weight}.ttf")))


@contextmanager
def drawing() -> Iterator[None]:
    """The settings under which charts are drawn and written; nothing global is left behind."""
    register_lato()
    with rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .*missing from font")  # names in any script are allowed
        yield


def _nothing(page: Page) -> None:
    """What is painted where the title says it all."""


@dataclass(frozen=True)
class Chart:
    """A chart as it is told (its finding as title, measure and period, notes, source), as data, and as a picture that is
    drawn when first asked for. Shows itself as the last expression of a cell.

    `alt_text` says what is seen, `paint` fills a body of `body` inches between the texts of the page.
    """

    title: str
    alt_text: str
    source: str
    subtitle: str = ""
    notes: tuple[str, ...] = ()
    data: ChartData | None = None
    body: float = 0.1
    width: float = PAGE_WIDTH
    palette: Palette = field(default_factory=Palette)
    paint: Callable[[Page], None] = _nothing

    @classmethod
    def within(cls, frame: Frame, labels: Labels, title: str, alt_text: str = "", **parts: Any) -> Chart:
        """A chart in its frame; without `paint` its title says it all, and is what is seen."""
        source = labels("chart.source", source=frame.source or labels("chart.default_source"))
        return cls(title, alt_text or title, source, width=frame.width, palette=frame.palette, **parts)

    @cached_property
    def figure(self) -> Figure:
        with drawing():
            page = Page(self)
            self.paint(page)
            return page.figure

    def png(self, dpi: int = 200) -> bytes:
        """The figure as a picture of few colours, a fifth of the size of one with millions."""
        full, small = io.BytesIO(), io.BytesIO()
        with drawing():
            self.figure.savefig(full, format="png", dpi=dpi)
        picture = Image.open(full).convert("RGB").quantize(128, dither=Image.Dither.NONE)
        picture.save(small, format="png", optimize=True, dpi=(dpi, dpi))
        return small.getvalue()

    def svg(self) -> str:
        """The figure as an <svg> element with real text, to be put into a page that carries Lato; the same bytes always."""
        return self._svg

    @cached_property
    def _svg(self) -> str:
        out = io.StringIO()
        with drawing():
            unnamed = dict.fromkeys(("Date", "Creator", "Format", "Type"))
            self.figure.savefig(out, format="svg", metadata=unnamed)
        return lean_svg(out.getvalue(), FAMILIES, self.alt_text)

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        width, height = self.figure.get_size_inches()
        return self.png(), {"width": round(width * 100), "height": round(height * 100), "alt": self.alt_text}

    def __repr__(self) -> str:
        return f"<Chart: {self.alt_text}>"


def text_width(text: str, size: float, bold: bool = False) -> float:
    """How wide a text is at most, in inches: its letters side by side, without the kerning that draws some closer."""
    return sum(advance(sign, bold) for sign in text) * size / 72


@cache
def advance(sign: str, bold: bool) -> float:
    """How far a letter moves the pen, as a share of the size of the type; from the first family that has it, else an empty box."""
    fonts = _fonts(bold)
    font = next((font for font in fonts if font.get_char_index(ord(sign))), fonts[0])
    glyph = font.load_glyph(font.get_char_index(ord(sign)), flags=LoadFlags.NO_HINTING)
    return float(glyph.linearHoriAdvance) / 65536 / EM


@cache
def _fonts(bold: bool) -> list[FT2Font]:
    register_lato()
    weight = "bold" if bold else "normal"
    found = [FT2Font(font_manager.findfont(FontProperties(family=family, weight=weight))) for family in FAMILIES]
    for font in found:
        font.set_size(EM, 72)
    return found


def clean_name(name: object, otherwise: str) -> str:
    """A name on one line, without signs that cannot be printed; where nothing is left, something else."""
    text = "" if name is None or name != name else str(name)
    unprintable = {"Cc", "Cs", "Zl", "Zp"}
    printable = "".join(
        " " if unicodedata.category(sign) in unprintable or sign in "\ufffe\uffff" else sign for sign in text
    )
    return " ".join(printable.split()) or otherwise


def fitted(text: str, width: float, size: float, bold: bool = False) -> str:
    """A text cut to a width in inches, with … where it was cut."""
    if text_width(text, size, bold) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (
            (middle, high) if text_width(text[:middle].rstrip() + "…", size, bold) <= width else (low, middle - 1)
        )
    return text[:low].rstrip() + "…"


def wrapped(text: str, width: float, size: float, bold: bool = False) -> list[str]:
    """A text in lines of at most a width in inches, broken at spaces only; non-breaking spaces hold."""
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, bold) <= width:
            lines[-1] = longer
        else:
            lines.append(fitted(word, width, size, bold))
    return lines


class Page:
    """A figure with title and subtitle above, notes and source below, and room in between, all in inches."""

    def __init__(self, chart: Chart) -> None:
        width, self.palette = chart.width, chart.palette
        inner = width - 2 * MARGIN
        above = [(line, "title", INK, True) for line in wrapped(chart.title, inner, SIZES["title"], bold=True)]
        above += [(line, "subtitle", MUTE, False) for line in wrapped(chart.subtitle, inner, SIZES["subtitle"])]
        below = [line for text in (*chart.notes, chart.source) for line in wrapped(text, inner, SIZES["note"])]
        top = MARGIN + sum(_leading(size) for _, size, _, _ in above) + 0.16
        bottom = MARGIN + len(below) * _leading("note") + 0.10
        self.width, self.height = width, top + chart.body + bottom
        self.left, self.right, self.top, self.bottom = MARGIN, width - MARGIN, top, top + chart.body
        self.figure = Figure(figsize=(self.width, self.height), facecolor=PAPER)
        FigureCanvasAgg(self.figure)
        y = MARGIN
        for line, size, colour, bold in above:
            self.text(MARGIN, y, line, size=size, color=colour, bold=bold, va="top")
            y += _leading(size)
        y = self.bottom + 0.10
        for line in below:
            self.text(MARGIN, y, line, size="note", color=MUTE, va="top")
            y += _leading("note")

    def text(self, x: float, y: float, text: str, size: str = "text", bold: bool = False, **style: Any) -> None:
        """Put a text at inches from the upper left corner."""
        style = {"color": INK, "fontweight": "bold" if bold else "normal", "fontsize": SIZES[size]} | style
        self.figure.text(x / self.width, 1 - y / self.height, text, parse_math=False, **style)

    def axes(self, left: float, right: float, top: float, bottom: float, label: str) -> Axes:
        """Bare axes between inches from the upper left corner; `label` names them for those who look for them."""
        box = (left / self.width, 1 - bottom / self.height, (right - left) / self.width, (bottom - top) / self.height)
        axes = self.figure.add_axes(box, label=label)
        axes.set_axis_off()
        return axes


def _leading(size: str) -> float:
    return SIZES[size] * 1.45 / 72
