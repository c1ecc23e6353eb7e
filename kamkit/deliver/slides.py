"""A deck as PowerPoint writes it: a template with its master, text that fits its box, native tables and charts.

Everything is placed in inches from the slide's upper left corner. Colours are those of the theme (see `drawing`), and
typefaces are never named, so that a corporate template's own take over.
"""

from __future__ import annotations

import colorsys
import datetime as dt
import io
import re
import unicodedata
import zipfile
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

from PIL import ImageFont
from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.exc import PythonPptxError
from pptx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from pptx.opc.oxml import serialize_part_xml
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.oxml import parse_xml
from pptx.oxml.ns import qn
from pptx.parts.chart import ChartPart
from pptx.presentation import Presentation as PresentationType
from pptx.slide import Slide as PowerPointSlide
from pptx.slide import SlideLayout
from pptx.util import Inches

from kamkit.deliver.drawing import (
    EMU,
    GREY,
    INK,
    LINE,
    MUTE,
    PAPER,
    RULE,
    A,
    colour_parts,
    fill_xml,
    hatch_xml,
    language_tag,
    line_xml,
    printable,
    xml_text,
)
from kamkit.deliver.native_charts import NativeChart
from kamkit.errors import DeliverableError
from kamkit.model.brand import Look, Palette
from kamkit.telling import canvas
from kamkit.telling.language import Labels

GREEN = "#2E7D4F"
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

BODY_SIZES, TABLE_SIZES, NOTE_SIZE, LARGEST_TITLE, SMALLEST_TITLE = (
    (14.0, 13.0, 12.0),
    (12.0, 11.0, 10.0),
    10.0,
    28.0,
    16.0,
)
LONGEST_WORD = 30
"""Signs of a word beyond which it may be broken."""
LEAST_SHARED = 0.25
"""How much of a table's width is left at least to its columns of long words."""
LEADING, INDENT = 1.22, 0.31
SIDE, LEAST_PAD, MOST_PAD, ROOMY_PAD, MOST_LINES = 0.06, 0.03, 0.07, 0.2, 6
"""Room beside and above the words of a cell, in inches; lines of a cell beyond which it is cut."""
LEGIBLE = 3.0
"""Contrast with the ground from which coloured words are readable when they are bold."""
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
_NOT_CLONED = {PP_PLACEHOLDER.FOOTER: "ftr", PP_PLACEHOLDER.SLIDE_NUMBER: "sldNum"}
_AROUND = {*_NOT_CLONED, PP_PLACEHOLDER.DATE}
_TITLES = {PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE}
_TEXTS = {PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.SUBTITLE}
_NAMESPACES = (
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
_TABLE = "http://schemas.openxmlformats.org/drawingml/2006/table"
_CHART = "http://schemas.openxmlformats.org/drawingml/2006/chart"
_NO_STYLE_NO_GRID = "{2D5ABB26-0587-4C30-8999-92F81FD0307C}"


@cache
def _advance(sign: str, bold: bool) -> float:
    """How far a sign moves the pen, as a share of the size of the type."""
    if unicodedata.east_asian_width(sign) in {"W", "F"}:
        return 1.0
    return _face(bold).getlength(sign if sign.isprintable() else " ") / 1000


@cache
def _face(bold: bool) -> ImageFont.FreeTypeFont:
    name = "Lato-Bold.ttf" if bold else "Lato-Regular.ttf"
    return ImageFont.truetype(
        str(files("font_lato").joinpath("files", name)), 1000, layout_engine=ImageFont.Layout.BASIC
    )


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


@dataclass(frozen=True)
class Run:
    """A piece of text in one dress."""

    text: str
    bold: bool = False
    colour: str = INK


@dataclass(frozen=True)
class Paragraph:
    """Runs in one paragraph; `size` in points or as the rest, `after` the room below in points, `number` in a list."""

    runs: tuple[Run, ...]
    size: float | None = None
    after: float = 0.0
    number: int = 0
    align: str = "l"

    @property
    def text(self) -> str:
        """Its words without their dress."""
        return "".join(run.text for run in self.runs)


def paragraph(text: str, bold: bool = False, colour: str = INK, **dress: Any) -> Paragraph:
    """A paragraph of one run."""
    return Paragraph((Run(text, bold, colour),), **dress)


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
class Box:
    """A place on the slide, in inches."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    def columns(self, *shares: float, gap: float = 0.4) -> list[Box]:
        """The box divided from left to right."""
        room, found, left = self.width - gap * (len(shares) - 1), [], self.left
        for share in shares:
            right = left + room * share / sum(shares)
            found.append(replace(self, left=left, right=right))
            left = right + gap
        return found

    def below(self, top: float) -> Box:
        return replace(self, top=top)

    def above(self, bottom: float) -> Box:
        return replace(self, bottom=bottom)


class Theme:
    """The colours and typefaces of a template."""

    def __init__(self, deck: PresentationType) -> None:
        master = deck.slide_master
        root: Any = parse_xml(master.part.part_related_by(RELATIONSHIP_TYPE.THEME).blob)
        scheme = root.find(f".//{qn('a:clrScheme')}")
        self.colours = {_tag(entry): _rgb(entry[0]) for entry in scheme}
        mapping = master._element.find(qn("p:clrMap"))
        self.mapped = {} if mapping is None else dict(mapping.attrib)
        face = root.find(f".//{qn('a:minorFont')}/{qn('a:latin')}")
        heading = root.find(f".//{qn('a:majorFont')}/{qn('a:latin')}")
        self.body = Type.named(face.get("typeface"))
        self.title = Type.named(heading.get("typeface"))

    def rgb(self, colour: str) -> tuple[float, float, float]:
        """A colour as it will be shown, its parts from 0 to 1."""
        name, thinned, darkened = colour_parts(colour)
        found = self.colours.get(self.mapped.get(name, name), (0.0, 0.0, 0.0))
        if thinned is not None and name != INK:
            red, green, blue = (
                thinned * part + (1 - thinned) * ground for part, ground in zip(found, self.rgb(PAPER), strict=True)
            )
            return red, green, blue
        hue, light, strong = colorsys.rgb_to_hls(*found)
        if thinned is None:
            return colorsys.hls_to_rgb(hue, light * darkened, strong)
        return colorsys.hls_to_rgb(hue, 1 - thinned + light * thinned, strong * GREY)

    def contrast(self, one: str, other: str) -> float:
        """The contrast of two colours, from 1 to 21 (WCAG)."""
        lights = sorted(_luminance(self.rgb(colour)) for colour in (one, other))
        return (lights[1] + 0.05) / (lights[0] + 0.05)

    def on(self, fill: str) -> str:
        """The colour of words on a filled ground."""
        return max((PAPER, INK), key=lambda colour: self.contrast(colour, fill))

    def legible(self, colour: str) -> str:
        """The colour where words in it can be read on the slide, else that of all words."""
        return colour if self.contrast(colour, PAPER) >= LEGIBLE else INK


def _tag(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _rgb(entry: Any) -> tuple[float, float, float]:
    value = entry.get("lastClr") or entry.get("val") or "000000"
    if len(value) != 6 or any(sign not in "0123456789abcdefABCDEF" for sign in value):
        value = "000000" if "Text" in value else "FFFFFF"
    red, green, blue = (int(value[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return red, green, blue


def _luminance(rgb: Iterable[float]) -> float:
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


class Deck:
    """The presentation being made, in the dress of a template or in kamkit's own."""

    def __init__(self, look: Look, labels: Labels) -> None:
        """Raises DeliverableError where the template is no presentation, has macros, or has no layout with a title."""
        self.labels, self.lang = labels, language_tag(labels)
        self.file = _opened(look.template) if look.template else Presentation(io.BytesIO(_own_master(look)))
        _emptied(self.file)
        self.layout = _layout(self.file)
        _dress_notes(self.file)
        if not look.template:
            self._prompt()
        self.theme = Theme(self.file)
        self.slides: list[Slide] = []
        _in_language(self.file, self.lang)

    @cached_property
    def sides(self) -> tuple[float, float]:
        """Where the body begins and ends from left to right: as the title does, or the master's text where it is wider."""
        holders = [p for p in _placeholders(self.layout) if p.placeholder_format.type in _TITLES]
        holders += [
            p for p in _placeholders(self.file.slide_master) if p.placeholder_format.type == PP_PLACEHOLDER.BODY
        ]
        return min(p.left for p in holders) / EMU, max(p.left + p.width for p in holders) / EMU

    @property
    def height(self) -> float:
        return float(self.file.slide_height or 0) / EMU

    def _prompt(self) -> None:
        """What an empty place on a new slide asks for, in the language of the deck."""
        for holder in (self.file.slide_master, self.layout):
            for place in _placeholders(holder):
                kind = place.placeholder_format.type
                if kind in _TITLES or (kind in _TEXTS and holder is self.layout):
                    place.text_frame.text = self.labels(
                        "deck.prompt_title" if kind in _TITLES else "deck.prompt_subtitle"
                    )

    def size_of(self, kinds: Container[Any], style: str) -> float:
        """The size of a placeholder's words in points, as layout and master say."""
        holders = (self.layout, self.file.slide_master)
        found = (p for holder in holders for p in _placeholders(holder) if p.placeholder_format.type in kinds)
        styles = self.file.slide_master._element.find(f"{qn('p:txStyles')}/{qn(style)}")
        for root in (*(p._element for p in found), styles):
            size = None if root is None else root.find(f".//{qn('a:lvl1pPr')}/{qn('a:defRPr')}[@sz]")
            if size is not None:
                return int(size.get("sz")) / 100
        return 18.0

    @cached_property
    def muted(self) -> str:
        """Words that step back: grey where it can be read, else as all words."""
        return self.theme.legible(MUTE)

    @cached_property
    def title_size(self) -> float:
        return self.size_of(_TITLES, "p:titleStyle")

    @cached_property
    def footer_size(self) -> float:
        return self.size_of({PP_PLACEHOLDER.FOOTER}, "p:otherStyle")

    def slide(self, title: str, subtitle: str, below: Sequence[str], footer: Sequence[str]) -> Slide:
        """A new slide with title, subtitle, the lines below its body (notes, source), footer and number."""
        page = self.file.slides.add_slide(self.layout)
        slide = Slide(self, page)
        slide.fill_frame(title, subtitle, below, footer)
        self.slides.append(slide)
        return slide

    def saved(self, title: str, subject: str, author: str, date: dt.date) -> bytes:
        """The file; the same content gives the same bytes."""
        for slide in self.slides:
            for element in slide.last:
                element.getparent().append(element)
        about, moment = self.file.core_properties, dt.datetime.combine(date, dt.time())
        about.title, about.subject, about.author, about.language = (
            printable(text)[:255] for text in (title, subject, author, self.lang)
        )
        about.created = about.modified = moment
        about.last_modified_by, about.revision = about.author, 1
        about.category = about.comments = about.content_status = about.identifier = about.keywords = about.version = ""
        out = io.BytesIO()
        self.file.save(out)
        return _undated(out.getvalue())


def _undated(file: bytes) -> bytes:
    """A zip file without the time of its making."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(file)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name, _FIRST_DAY), old.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _opened(template: bytes) -> PresentationType:
    """A presentation or template (.potx) as a presentation."""
    try:
        with zipfile.ZipFile(io.BytesIO(template)) as old:
            parts = {entry: old.read(entry) for entry in old.namelist()}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise _unusable("is no PowerPoint file") from error
    types = parts.get("[Content_Types].xml", b"")
    if b"macroEnabled" in types:
        raise _unusable("has macros")
    parts["[Content_Types].xml"] = types.replace(b"presentationml.template.main", b"presentationml.presentation.main")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as new:
        for entry, content in parts.items():
            new.writestr(entry, content)
    try:
        return Presentation(out)
    except (PythonPptxError, KeyError, ValueError, SyntaxError) as error:
        raise _unusable("is no PowerPoint file") from error


def _unusable(why: str) -> DeliverableError:
    return DeliverableError(
        f"deck.pptx cannot be written: brand.template {why}. Save a template from PowerPoint as .pptx or .potx"
    )


def _emptied(deck: PresentationType) -> None:
    """Take out the slides of a template and all that names them: sections, shows, the picture and the list of titles."""
    root, part = deck.part._element, deck.part
    for entry in list(root.findall(f"{qn('p:sldIdLst')}/{qn('p:sldId')}")):
        part.drop_rel(entry.get(qn("r:id")))
        entry.getparent().remove(entry)
    for tag in ("p:custShowLst", "p:extLst"):
        for element in root.findall(qn(tag)):
            root.remove(element)
    for rel_id, rel in [*part.rels.items()]:
        if rel.reltype.endswith("/commentAuthors") or rel.reltype.endswith("/authors"):
            part.rels.pop(rel_id)
    package = part.package
    for rel_id, rel in [*package._rels.items()]:
        if rel.reltype in {RELATIONSHIP_TYPE.THUMBNAIL, RELATIONSHIP_TYPE.EXTENDED_PROPERTIES}:
            package._rels.pop(rel_id)


def _layout(deck: PresentationType) -> SlideLayout:
    """The layout for slides: with a title, and nothing else to fill but at most a low text placeholder, which is preferred
    (it takes the subtitle). Told by its placeholders, since layouts have other names and places in every template."""
    found: list[tuple[Any, ...]] = []
    for layout in deck.slide_layouts:
        kinds = [p for p in _placeholders(layout) if p.placeholder_format.type not in _AROUND]
        titles = [p for p in kinds if p.placeholder_format.type in _TITLES]
        others = [p for p in kinds if p not in titles]
        if len(titles) != 1:
            continue
        title = titles[0]
        high = title.top is not None and title.top + title.height < (deck.slide_height or 0) * 0.4
        low = [
            p
            for p in others
            if p.placeholder_format.type in _TEXTS
            and p.height is not None
            and p.height < (deck.slide_height or 0) / 8
            and p.top >= title.top
            and p.top + p.height < (deck.slide_height or 0) * 0.4
        ]
        found.append((not high, len(others) - len(low), abs(len(low) - 1), len(found), layout))
    if not found:
        raise DeliverableError(
            "deck.pptx cannot be written: brand.template has no layout with a title. Add one under View, Slide Master"
        )
    best: SlideLayout = min(found, key=lambda entry: entry[:-1])[-1]
    return best


def _placeholders(holder: Any) -> list[Any]:
    return list(holder.placeholders)


def _dress_notes(deck: PresentationType) -> None:
    """Give notes pages the colours and typefaces of the slides where the template has none of its own."""
    if any(rel.reltype == RELATIONSHIP_TYPE.NOTES_MASTER for rel in deck.part.rels.values()):
        return
    source: Any = parse_xml(deck.slide_master.part.part_related_by(RELATIONSHIP_TYPE.THEME).blob)
    theme: Any = deck.notes_master.part.part_related_by(RELATIONSHIP_TYPE.THEME)
    for tag in ("a:clrScheme", "a:fontScheme"):
        old = theme._element.find(f".//{qn(tag)}")
        old.getparent().replace(old, source.find(f".//{qn(tag)}"))


def _in_language(deck: PresentationType, lang: str) -> None:
    """What has no language of its own takes that of the presentation."""
    for element in (deck.part._element, deck.slide_master._element):
        for style in element.iter(qn("a:defRPr")):
            style.set("lang", lang)


@cache
def _own_master(look: Look) -> bytes:
    """kamkit's own look: 16:9, one layout with title and subtitle, Calibri, the palette as theme, the logo above on the right."""
    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(13.333), Inches(7.5)
    for layout in list(deck.slide_layouts):
        if [p.placeholder_format.type for p in _placeholders(layout) if p.placeholder_format.type not in _AROUND] != [
            PP_PLACEHOLDER.TITLE
        ]:
            deck.slide_layouts.remove(layout)
    _dress_theme(deck, look.palette)
    master, layout = deck.slide_master, deck.slide_layouts[0]
    logo = _put_logo(deck, look) if look.logo else 0.0
    places = {
        PP_PLACEHOLDER.TITLE: (0.5, 0.3, 12.333 - logo, 0.86),
        PP_PLACEHOLDER.BODY: (0.5, 1.6, 12.333, 5.0),
        PP_PLACEHOLDER.FOOTER: (0.5, 7.06, 10.5, 0.28),
        PP_PLACEHOLDER.SLIDE_NUMBER: (12.033, 7.06, 0.8, 0.28),
    }
    for holder in (master, layout):
        for shape in _placeholders(holder):
            kind = shape.placeholder_format.type
            if kind not in places:
                shape._element.getparent().remove(shape._element)
                continue
            shape.left, shape.top, shape.width, shape.height = (Inches(part) for part in places[kind])
            body = shape._element.txBody.find(qn("a:bodyPr"))
            for name in list(body.attrib):
                del body.attrib[name]
            for child in list(body):
                body.remove(child)
            for name in ("lIns", "rIns", "tIns", "bIns"):
                body.set(name, "0")
            body.set("anchor", "b" if kind == PP_PLACEHOLDER.TITLE else "ctr" if kind in _NOT_CLONED else "t")
            if kind == PP_PLACEHOLDER.FOOTER:  # an empty one is shown in a face of its own by LibreOffice
                shape.text_frame.text = "–"
            if kind in _NOT_CLONED:
                _plain_levels(shape._element.txBody, "l" if kind == PP_PLACEHOLDER.FOOTER else "r")
    layout._element.cSld.set("name", "kamkit")
    del layout._element.attrib["type"]
    layout.shapes._spTree.append(parse_xml(_SUBTITLE))
    title = master._element.find(f"{qn('p:txStyles')}/{qn('p:titleStyle')}/{qn('a:lvl1pPr')}")
    title.set("algn", "l")
    title.find(qn("a:defRPr")).set("sz", "2400")
    title.find(qn("a:defRPr")).set("b", "1")
    for colour in title.iter(qn("a:schemeClr")):
        colour.set("val", "tx2")
    out = io.BytesIO()
    deck.save(out)
    return out.getvalue()


LOGO_ROOM = (1.6, 0.5)
"""Inches that a logo may take, above on the right."""
_EMPTY_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000b49444154789c6360000200000500017a5eab3f"
    "0000000049454e44ae426082"
)
"""A pixel without colour, for those who cannot draw an SVG logo."""


def _put_logo(deck: PresentationType, look: Look) -> float:
    """Put the logo on the master; gives how much of the title's width it takes."""
    part = deck.slide_master.part
    if look.logo_kind == "svg":
        wide, high = _svg_size(look.logo)
        _, picture = part.get_or_add_image_part(io.BytesIO(_EMPTY_PNG))
        svg = Part(PackURI("/ppt/media/logo.svg"), "image/svg+xml", part.package, look.logo)
        own = (
            '<a:extLst><a:ext uri="{96DAC541-7B7A-43D3-8B79-37D633B846F1}"><asvg:svgBlip xmlns:asvg="http://schemas.'
            f'microsoft.com/office/drawing/2016/SVG/main" r:embed="{part.relate_to(svg, RELATIONSHIP_TYPE.IMAGE)}"/></a:ext>'
            "</a:extLst>"
        )
    else:
        image, picture = part.get_or_add_image_part(io.BytesIO(look.logo))
        (wide, high), own = image.image.size, ""
    scale = min(LOGO_ROOM[0] / wide, LOGO_ROOM[1] / high)
    box = Box(12.833 - wide * scale, 0.3, 12.833, 0.3 + high * scale)
    deck.slide_master.shapes._spTree.append(
        parse_xml(
            f'<p:pic {_NAMESPACES}><p:nvPicPr><p:cNvPr id="30" name="Logo" descr="Logo"/><p:cNvPicPr><a:picLocks '
            f'noChangeAspect="1"/></p:cNvPicPr><p:nvPr userDrawn="1"/></p:nvPicPr><p:blipFill><a:blip r:embed="{picture}">{own}'
            f"</a:blip><a:stretch><a:fillRect/></a:stretch></p:blipFill><p:spPr>{_place(box, 'a')}"
            '<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></p:spPr></p:pic>'
        )
    )
    return box.width + 0.3


def _svg_size(svg: bytes) -> tuple[float, float]:
    """Width and height of an SVG picture, whatever its unit; three to one where it does not say."""
    head = svg[svg.index(b"<svg") :][:2000].decode("utf-8", "replace")
    if view := re.search(r'viewBox\s*=\s*["\'][\s,]*[-\d.]+[\s,]+[-\d.]+[\s,]+([\d.]+)[\s,]+([\d.]+)', head):
        wide, high = float(view[1]), float(view[2])
    else:
        found = [re.search(rf'<svg[^>]*\s{name}\s*=\s*["\']([\d.]+)', head) for name in ("width", "height")]
        wide, high = (float(found[0][1]), float(found[1][1])) if found[0] and found[1] else (3.0, 1.0)
    return (wide, high) if wide > 0 and high > 0 else (3.0, 1.0)


_SUBTITLE = (
    f'<p:sp {_NAMESPACES}><p:nvSpPr><p:cNvPr id="20" name="Subtitle"/><p:cNvSpPr><a:spLocks noGrp="1"/></p:cNvSpPr>'
    '<p:nvPr><p:ph type="body" sz="quarter" idx="13"/></p:nvPr></p:nvSpPr><p:spPr><a:xfrm>'
    f'<a:off x="{round(0.5 * EMU)}" y="{round(1.18 * EMU)}"/><a:ext cx="{round(12.333 * EMU)}" cy="{round(0.32 * EMU)}"/>'
    '</a:xfrm></p:spPr><p:txBody><a:bodyPr lIns="0" tIns="0" rIns="0" bIns="0" anchor="t"/><a:lstStyle><a:lvl1pPr '
    'marL="0" indent="0"><a:spcBef><a:spcPts val="0"/></a:spcBef><a:buNone/><a:defRPr sz="1400"><a:solidFill>'
    '<a:schemeClr val="accent5"/></a:solidFill></a:defRPr></a:lvl1pPr></a:lstStyle><a:p><a:endParaRPr/></a:p>'
    "</p:txBody></p:sp>"
)


def _plain_levels(body: Any, align: str) -> None:
    """Small, muted words at one side, for footer and number."""
    old = body.find(qn("a:lstStyle"))
    new = parse_xml(
        f'<a:lstStyle {_NAMESPACES}><a:lvl1pPr algn="{align}"><a:defRPr sz="1000"><a:solidFill>'
        '<a:schemeClr val="accent5"/></a:solidFill></a:defRPr></a:lvl1pPr></a:lstStyle>'
    )
    body.replace(old, new)


def _dress_theme(deck: PresentationType, palette: Palette) -> None:
    colours = {
        "dk1": canvas.INK,
        "lt1": canvas.PAPER,
        "dk2": palette.primary,
        "lt2": canvas.TINT,
        "accent1": palette.primary,
        "accent2": palette.secondary,
        "accent3": palette.neutral,
        "accent4": palette.accent,
        "accent5": canvas.MUTE,
        "accent6": GREEN,
        "hlink": palette.primary,
        "folHlink": canvas.MUTE,
    }
    part = deck.slide_master.part.part_related_by(RELATIONSHIP_TYPE.THEME)
    root: Any = parse_xml(part.blob)
    root.set("name", "kamkit")
    scheme = root.find(f".//{qn('a:clrScheme')}")
    scheme.set("name", "kamkit")
    for entry in scheme:
        for child in list(entry):
            entry.remove(child)
        colour = colours[_tag(entry)]
        entry.append(parse_xml(f'<a:srgbClr {_NAMESPACES} val="{colour.removeprefix("#")}"/>'))
    part.blob = serialize_part_xml(root)


@dataclass
class Slide:
    """One slide: the room between subtitle and footer, and what is put there."""

    deck: Deck
    page: PowerPointSlide
    body: Box = field(default_factory=lambda: Box(0, 0, 0, 0))
    last: list[Any] = field(default_factory=list)
    """What is read after the body: source, footer, number."""

    @property
    def theme(self) -> Theme:
        return self.deck.theme

    @property
    def type(self) -> Type:
        return self.deck.theme.body

    def fill_frame(self, title: str, subtitle: str, below: Sequence[str], footer: Sequence[str]) -> None:
        """Title, subtitle, the lines at the foot, footer and number; what is left is the body."""
        holder: Any = self.page.shapes.title
        left, right = self.deck.sides
        self._fill(holder._element, [paragraph(title, colour="", size=self._title_size(title, holder))])
        subtitles = [p for p in self.page.placeholders if p.placeholder_format.type in _TEXTS]
        top = (holder.top + holder.height) / EMU
        if subtitles:
            text = self.type.fitted(subtitle, subtitles[0].width / EMU - 0.1, 14)
            self._fill(subtitles[0]._element, [paragraph(text, colour="")])
            top = max(top, (subtitles[0].top + subtitles[0].height) / EMU)
        for placeholder in list(self.page.placeholders):
            if placeholder.placeholder_format.type not in _TITLES and placeholder not in subtitles[:1]:
                placeholder._element.getparent().remove(placeholder._element)
        if not subtitles:
            text = self.type.fitted(subtitle, right - left, 14)
            self.text(Box(left, top + 0.02, right, top + 0.32), [paragraph(text, colour=self.muted, size=14)])
            top += 0.34
        begun = len(self.page.shapes._spTree)
        bottom = self._around(footer)
        lines = [
            cut for text in below if text for cut in [self.type.fitted(text, right - left - 0.05, NOTE_SIZE, lines=2)]
        ]
        high = sum(len(self.type.wrapped(text, right - left - 0.05, NOTE_SIZE)) for text in lines)
        foot = bottom - 0.06 - high * NOTE_SIZE * LEADING / 72
        if lines:
            self.text(
                Box(left, foot, right, bottom - 0.05),
                [paragraph(text, colour=self.muted, size=NOTE_SIZE) for text in lines],
            )
        self.body = Box(left, top + 0.12, right, foot - 0.12)
        self.last = list(self.page.shapes._spTree)[begun:]

    @property
    def muted(self) -> str:
        return self.deck.muted

    def _title_size(self, title: str, holder: Any) -> float | None:
        """None where the title fits at the size of the template, else the size at which it does."""
        room, high = holder.width / EMU - 0.2, holder.height / EMU
        size = min(self.deck.title_size, LARGEST_TITLE)
        while size > SMALLEST_TITLE:
            lines = len(self.theme.title.wrapped(title, room, size, bold=True))
            if lines * size * LEADING / 72 <= high + 0.02:
                break
            size -= 1
        return None if size == self.deck.title_size else size

    def _around(self, footer: Sequence[str]) -> float:
        """Footer and slide number where the layout has them; gives where the body must end."""
        bottom = self.deck.height - 0.35
        for shape in _placeholders(self.deck.layout):
            kind = shape.placeholder_format.type
            if kind in _AROUND and shape.top is not None and shape.top / EMU > self.deck.height * 0.75:
                bottom = min(bottom, shape.top / EMU)
            if kind in _NOT_CLONED:
                self._clone(shape, _NOT_CLONED[kind], footer)
        return bottom

    def _clone(self, shape: Any, kind: str, footer: Sequence[str]) -> None:
        if kind == "sldNum":
            inner = f'<a:fld id="{{B6F15528-21DE-4FAA-801E-634DDDAF4B2B}}" type="slidenum">{self._dress()}<a:t>{len(self.deck.file.slides)}</a:t></a:fld>'
        else:
            room = shape.width / EMU - 0.2
            size = self.deck.footer_size
            text = next((t for t in footer if self.type.width(t, size) <= room), footer[-1])
            inner = f"<a:r>{self._dress(size)}<a:t>{xml_text(self.type.fitted(text, room, size))}</a:t></a:r>"
        index = shape.placeholder_format.idx
        number = self._next_id()
        self.page.shapes._spTree.append(
            parse_xml(
                f'<p:sp {_NAMESPACES}><p:nvSpPr><p:cNvPr id="{number}" name="{kind} {number}"/><p:cNvSpPr><a:spLocks '
                f'noGrp="1"/></p:cNvSpPr><p:nvPr><p:ph type="{kind}" sz="quarter" idx="{index}"/></p:nvPr></p:nvSpPr>'
                f"<p:spPr/><p:txBody><a:bodyPr/><a:lstStyle/><a:p>{inner}</a:p></p:txBody></p:sp>"
            )
        )

    def _fill(self, element: Any, paragraphs: Sequence[Paragraph]) -> None:
        """Put text into a placeholder."""
        body = element.txBody
        for old in list(body.findall(qn("a:p"))):
            body.remove(old)
        for new in paragraphs:
            body.append(parse_xml(self._paragraph(new, _NAMESPACES)))

    def _next_id(self) -> int:
        return max((int(i) for i in self.page.shapes._spTree.xpath("//p:cNvPr/@id")), default=1) + 1

    def _dress(self, size: float | None = None, bold: bool = False, colour: str = "", tag: str = "rPr") -> str:
        sized = "" if size is None else f' sz="{round(100 * size)}"'
        return (
            f'<a:{tag} lang="{self.deck.lang}"{sized}{" b=" + chr(34) + "1" + chr(34) if bold else ""} dirty="0">'
            f"{fill_xml(colour) if colour else ''}</a:{tag}>"
        )

    def _paragraph(self, said: Paragraph, namespaces: str = "", size: float | None = None) -> str:
        size = said.size or size
        runs = "".join(
            f"<a:r>{self._dress(size, run.bold, run.colour)}<a:t>{xml_text(run.text)}</a:t></a:r>"
            for run in said.runs
            if run.text
        )
        after = f'<a:spcAft><a:spcPts val="{round(100 * said.after)}"/></a:spcAft>' if said.after else ""
        start = f' startAt="{said.number}"' if said.number > 1 else ""
        numbers = f'<a:buFont typeface="+mj-lt"/><a:buAutoNum type="arabicPeriod"{start}/>' if said.number else ""
        indent = ' marL="285750" indent="-285750"' if said.number else ""
        plain = said.align == "l" and not after and not numbers
        own = "" if plain else f'<a:pPr{indent} algn="{said.align}">{after}{numbers}</a:pPr>'
        return f"<a:p {namespaces}>{own}{runs}{'' if runs else self._dress(size, tag='endParaRPr')}</a:p>"

    def text(
        self,
        box: Box,
        paragraphs: Sequence[Paragraph],
        fill: str = "",
        inset: float = 0.0,
        middle: bool = False,
        low: bool = False,
    ) -> None:
        """A text box that keeps its size."""
        number, edge, anchor = self._next_id(), round(inset * EMU), "ctr" if middle else "b" if low else "t"
        self.page.shapes._spTree.append(
            parse_xml(
                f'<p:sp {_NAMESPACES}><p:nvSpPr><p:cNvPr id="{number}" name="Text {number}"/><p:cNvSpPr txBox="1"/><p:nvPr/>'
                f'</p:nvSpPr><p:spPr>{_place(box, "a")}<a:prstGeom prst="rect"><a:avLst/></a:prstGeom>'
                f'{fill_xml(fill) if fill else "<a:noFill/>"}</p:spPr><p:txBody><a:bodyPr wrap="square" lIns="{edge}" '
                f'tIns="{edge}" rIns="{edge}" bIns="{edge}" rtlCol="0" anchor="{anchor}"><a:noAutofit/>'
                f"</a:bodyPr><a:lstStyle/>{''.join(self._paragraph(said) for said in paragraphs)}</p:txBody></p:sp>"
            )
        )

    def chart(self, box: Box, chart: NativeChart, name: str, alt: str) -> None:
        """A native chart with its own workbook."""
        package = self.page.part.package
        part = ChartPart.load(
            package.next_partname(ChartPart.partname_template), CONTENT_TYPE.DML_CHART, package, chart.xml
        )
        part.chart_workbook.update_from_xlsx_blob(chart.workbook)
        rel_id, number = self.page.part.relate_to(part, RELATIONSHIP_TYPE.CHART), self._next_id()
        self._frame(
            box, number, name, alt, _CHART,
            f'<c:chart xmlns:c="{_CHART}" r:id="{rel_id}"/>',
        )  # fmt: skip

    def _frame(self, box: Box, number: int, name: str, alt: str, kind: str, inner: str, locks: str = "") -> None:
        self.page.shapes._spTree.append(
            parse_xml(
                f'<p:graphicFrame {_NAMESPACES}><p:nvGraphicFramePr><p:cNvPr id="{number}" name="{xml_text(name)} {number}" '
                f'descr="{xml_text(alt)}"/><p:cNvGraphicFramePr>{locks}</p:cNvGraphicFramePr><p:nvPr/></p:nvGraphicFramePr>'
                f'{_place(box, "p")}<a:graphic><a:graphicData uri="{kind}">{inner}</a:graphicData></a:graphic>'
                "</p:graphicFrame>"
            )
        )

    def notes(self, parts: Iterable[str]) -> None:
        """The speaker's notes, a paragraph each."""
        frame = self.page.notes_slide.notes_text_frame
        if frame is None:
            return
        body = frame._txBody
        for old in list(body.findall(qn("a:p"))):
            body.remove(old)
        for text in parts:
            body.append(parse_xml(self._paragraph(Paragraph((Run(text, colour=""),)), _NAMESPACES)))

    def paragraphs(self, box: Box, said: Sequence[Paragraph]) -> float:
        """Paragraphs from the top of a box, as many as it holds; gives where they end."""
        kept, top, high = [], box.top, self._high(box)
        for part in said:
            if top + high(part) > box.bottom + 0.02:
                break
            kept.append(part)
            top += high(part)
        if kept:
            self.text(box.above(top), kept)
        return top if kept else box.top

    def heading(self, box: Box, text: str, size: float = 12.0) -> Box:
        """A bold line, or two, at the top of a box; gives the rest of it."""
        text = self.type.fitted(text, box.width - 0.05, size, bold=True, lines=2)
        lines = self.type.wrapped(text, box.width - 0.05, size, bold=True)
        high = len(lines) * size * LEADING / 72 + 0.06
        self.text(box.above(box.top + high), [paragraph(text, bold=True, size=size)])
        return box.below(box.top + high)

    def points(
        self, box: Box, lists: Sequence[tuple[str, Sequence[str]]], sizes: Sequence[float], more: Callable[[int], str]
    ) -> float:
        """Titled lists in the largest size at which they fit the box; what does not fit at the smallest is counted at the
        end by `more`. A list of one has no number. Gives where they end."""
        for size in sizes:
            said = self._listed(lists, size)
            if sum(map(self._high(box), said)) <= box.height:
                break
        high, left, foot = self._high(box), 0, sizes[-1] * LEADING / 72
        while len(said) > 1 and sum(map(high, said)) > box.height - (foot if left else 0.0):
            left += not said.pop().runs[0].bold
        while len(said) > 1 and left and said[-1].runs[0].bold:
            said.pop()
        if left:
            said.append(paragraph(more(left), colour=self.muted, size=sizes[-1]))
        return self.paragraphs(box, said)

    def _high(self, box: Box) -> Callable[[Paragraph], float]:
        def high(said: Paragraph) -> float:
            size, indent = said.size or BODY_SIZES[-1], INDENT if said.number else 0.0
            lines = self.type.wrapped(said.text, box.width - indent - 0.05, size, said.runs[0].bold)
            return len(lines) * size * LEADING / 72 + said.after / 72

        return high

    def _listed(self, lists: Sequence[tuple[str, Sequence[str]]], size: float) -> list[Paragraph]:
        said = []
        for title, points in lists:
            said.append(paragraph(title, bold=True, colour=self.theme.legible(A), size=size, after=4))
            several = len(points) > 1
            said += [
                paragraph(point, size=size, after=5, number=n * several) for n, point in enumerate(points, start=1)
            ]
        return said

    def measured(self, box: Box, grid: Grid, sizes: Sequence[float] = TABLE_SIZES, roomy: bool = False) -> Placed:
        """How a table would stand in a box."""
        return self._set(box, grid, sizes, roomy).placed

    def table(
        self, box: Box, grid: Grid, name: str, alt: str, sizes: Sequence[float] = TABLE_SIZES, roomy: bool = False
    ) -> Placed:
        """A native table in the largest size at which all its rows fit the box, at the smallest as many rows as fit;
        `roomy` spreads the rows over the box."""
        made = self._set(box, grid, sizes, roomy)
        locks = '<a:graphicFrameLocks noGrp="1"/>'
        self._frame(box.above(made.placed.bottom), self._next_id(), name, alt, _TABLE, made.xml(), locks)
        return made.placed

    def _set(self, box: Box, grid: Grid, sizes: Sequence[float], roomy: bool) -> _Set:
        sets = (_Set(self, box, grid, size, roomy) for size in sizes)
        return next(made for made in sets if made.fits or made.size == sizes[-1])


def _place(box: Box, prefix: str) -> str:
    off = f'<a:off x="{round(box.left * EMU)}" y="{round(box.top * EMU)}"/>'
    size = f'<a:ext cx="{max(round(box.width * EMU), 1)}" cy="{max(round(box.height * EMU), 1)}"/>'
    return f"<{prefix}:xfrm>{off}{size}</{prefix}:xfrm>"


@dataclass(frozen=True)
class Placed:
    """A table on its slide: where it ends, how many of its rows it shows, the size of its type in points."""

    bottom: float
    shown: int
    size: float
    heights: tuple[float, ...]
    """Of its rows, the heads first, in inches."""


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


class _Set:
    """A table set in one size: widths of columns, words cut to the cell, heights of rows."""

    def __init__(self, slide: Slide, box: Box, grid: Grid, size: float, roomy: bool) -> None:
        self.slide, self.box, self.grid, self.size = slide, box, grid, size
        self.widths = self._widths()
        rows = [grid.heads, *grid.rows] if grid.heads else [*grid.rows]
        lines = [max(self._lines(cell, i) for i, cell in enumerate(row)) for row in rows]
        self.heights = [n * size * LEADING / 72 for n in lines]
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
            (self.slide.type.width(word, self.size, bold) for word, bold in words if len(word) <= LONGEST_WORD),
            default=0.0,
        )
        return most + 2 * SIDE + 0.03

    def _fixed(self, wide: Sequence[float]) -> float:
        return sum(need for need, share in zip(wide, self.grid.shares, strict=True) if share is None)

    def _needed(self, parts: Callable[[str], list[str]]) -> list[float]:
        """What each column needs for its words on one line; of its head, each of its parts."""
        measure, size = self.slide.type, self.size
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
        room, measure = self._room(cell, column), self.slide.type
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
        high = round((self.heights[i] + 2 * self.pad) * EMU)
        return f'<a:tr h="{high}">{"".join(self._cell(i, j, cell) for j, cell in enumerate(row))}</a:tr>'

    def _cell(self, i: int, j: int, cell: Cell) -> str:
        room, measure = self._room(cell, j), self.slide.type
        text = measure.fitted(cell.text, room, self.size, cell.bold, self.grid.lines)
        said = [Paragraph((Run(text, cell.bold, cell.colour),), self.size, align=cell.align)]
        if cell.below:
            below = measure.fitted(cell.below, room, self.size, lines=2)
            said.append(Paragraph((Run(below, colour=self.slide.muted),), self.size, align=cell.align))
        words = "".join(self.slide._paragraph(part) for part in said)
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
