"""A deck as PowerPoint keeps it: slides with title, subtitle, foot and notes, and in between text, tables and charts.

Everything is placed in inches from the slide's upper left corner. Colours are those of the theme (see `drawing`), and
typefaces are never named, so that a corporate template's own take over.
"""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from pptx.oxml import parse_xml
from pptx.oxml.ns import qn
from pptx.parts.chart import ChartPart
from pptx.slide import Slide as PowerPointSlide

from kamkit.deliver.deck_template import AROUND, NOT_CLONED, TEXTS, TITLES, Theme, opened, placeholders, slide_layout
from kamkit.deliver.drawing import (
    EMU,
    MUTE,
    NAMESPACES,
    A,
    Box,
    Paragraph,
    dress_xml,
    fill_xml,
    language_tag,
    paragraph_xml,
    place_xml,
    printable,
    xml_text,
)
from kamkit.deliver.native_charts import NativeChart
from kamkit.deliver.slide_tables import Grid, Placed, SetTable, Words
from kamkit.deliver.typesetting import Type, high
from kamkit.model.brand import Look
from kamkit.telling.language import Labels

BODY_SIZES, TABLE_SIZES, NOTE_SIZE = (14.0, 13.0, 12.0), (12.0, 11.0, 10.0), 10.0
LARGEST_TITLE, SMALLEST_TITLE, SUBTITLE_SIZE = 28.0, 16.0, 14.0
INDENT = 0.31
"""Inches that the points of a list are moved in."""
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
_TABLE = "http://schemas.openxmlformats.org/drawingml/2006/table"
_CHART = "http://schemas.openxmlformats.org/drawingml/2006/chart"


class Deck:
    """The presentation being made, in the dress of a template or in kamkit's own."""

    def __init__(self, look: Look, labels: Labels) -> None:
        """Raises DeliverableError where the template is no presentation, has macros, or has no layout with a title."""
        self.labels, self.lang = labels, language_tag(labels)
        self.file = opened(look)
        self.layout = slide_layout(self.file)
        if not look.template:
            self._prompt()
        self.theme = Theme(self.file)
        self.slides: list[Slide] = []
        _in_language(self.file, self.lang)

    @cached_property
    def sides(self) -> tuple[float, float]:
        """Where the body begins and ends from left to right: as the title does, or the master's text where it is wider."""
        holders = [p for p in placeholders(self.layout) if p.placeholder_format.type in TITLES]
        holders += [p for p in placeholders(self.file.slide_master) if p.placeholder_format.type == PP_PLACEHOLDER.BODY]
        return min(p.left for p in holders) / EMU, max(p.left + p.width for p in holders) / EMU

    @property
    def height(self) -> float:
        return float(self.file.slide_height or 0) / EMU

    def _prompt(self) -> None:
        """What an empty place on a new slide asks for, in the language of the deck."""
        for holder in (self.file.slide_master, self.layout):
            for place in placeholders(holder):
                kind = place.placeholder_format.type
                if kind in TITLES or (kind in TEXTS and holder is self.layout):
                    place.text_frame.text = self.labels(
                        "deck.prompt_title" if kind in TITLES else "deck.prompt_subtitle"
                    )

    def size_of(self, kinds: Container[Any], style: str) -> float:
        """The size of a placeholder's words in points, as layout and master say."""
        holders = (self.layout, self.file.slide_master)
        found = (p for holder in holders for p in placeholders(holder) if p.placeholder_format.type in kinds)
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
        return self.size_of(TITLES, "p:titleStyle")

    @cached_property
    def footer_size(self) -> float:
        return self.size_of({PP_PLACEHOLDER.FOOTER}, "p:otherStyle")

    def slide(self, title: str, subtitle: str, below: Sequence[str], footer: Sequence[str], to_do: str = "") -> Slide:
        """A new slide with title, subtitle, the lines below its body (what to do in full colour, then notes and source), footer
        and number."""
        page = self.file.slides.add_slide(self.layout)
        slide = Slide(self, page)
        slide.fill_frame(title, subtitle, [to_do, *below], footer)
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


def _in_language(deck: Any, lang: str) -> None:
    """What has no language of its own takes that of the presentation."""
    for element in (deck.part._element, deck.slide_master._element):
        for style in element.iter(qn("a:defRPr")):
            style.set("lang", lang)


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
        """Title, subtitle, the lines at the foot (the first in full colour, where it says something), footer and number; what
        is left is the body."""
        holder: Any = self.page.shapes.title
        left, right = self.deck.sides
        self._fill(holder._element, [Paragraph(title, colour="", size=self._title_size(title, holder))])
        subtitles = [p for p in self.page.placeholders if p.placeholder_format.type in TEXTS]
        top = (holder.top + holder.height) / EMU
        if subtitles:
            text = self.type.fitted(subtitle, subtitles[0].width / EMU - 0.1, SUBTITLE_SIZE)
            self._fill(subtitles[0]._element, [Paragraph(text, colour="")])
            top = max(top, (subtitles[0].top + subtitles[0].height) / EMU)
        for placeholder in list(self.page.placeholders):
            if placeholder.placeholder_format.type not in TITLES and placeholder not in subtitles[:1]:
                placeholder._element.getparent().remove(placeholder._element)
        if not subtitles:
            text = self.type.fitted(subtitle, right - left, SUBTITLE_SIZE)
            self.text(
                Box(left, top + 0.02, right, top + 0.32), [Paragraph(text, colour=self.muted, size=SUBTITLE_SIZE)]
            )
            top += 0.34
        begun = len(self.page.shapes._spTree)
        bottom = self._around(footer)
        to_do, *rest = (self.type.fitted(text, right - left - 0.05, NOTE_SIZE, lines=2) for text in below)
        lines = [line for line in (to_do, *rest) if line]
        n = sum(len(self.type.wrapped(text, right - left - 0.05, NOTE_SIZE)) for text in lines)
        foot = bottom - 0.06 - high(n, NOTE_SIZE)
        if lines:
            self.text(
                Box(left, foot, right, bottom - 0.05),
                [Paragraph(text, colour="" if text is to_do else self.muted, size=NOTE_SIZE) for text in lines],
            )
        self.body = Box(left, top + 0.12, right, foot - 0.12)
        self.last = list(self.page.shapes._spTree)[begun:]

    @property
    def muted(self) -> str:
        return self.deck.muted

    def _title_size(self, title: str, holder: Any) -> float | None:
        """None where the title fits at the size of the template, else the size at which it does."""
        room, tall = holder.width / EMU - 0.2, holder.height / EMU
        size = min(self.deck.title_size, LARGEST_TITLE)
        while size > SMALLEST_TITLE:
            lines = len(self.theme.title.wrapped(title, room, size, bold=True))
            if high(lines, size) <= tall + 0.02:
                break
            size -= 1
        return None if size == self.deck.title_size else size

    def _around(self, footer: Sequence[str]) -> float:
        """Footer and slide number where the layout has them; gives where the body must end."""
        bottom = self.deck.height - 0.35
        for shape in placeholders(self.deck.layout):
            kind = shape.placeholder_format.type
            if kind in AROUND and shape.top is not None and shape.top / EMU > self.deck.height * 0.75:
                bottom = min(bottom, shape.top / EMU)
            if kind in NOT_CLONED:
                self._clone(shape, NOT_CLONED[kind], footer)
        return bottom

    def _clone(self, shape: Any, kind: str, footer: Sequence[str]) -> None:
        if kind == "sldNum":
            inner = f'<a:fld id="{{B6F15528-21DE-4FAA-801E-634DDDAF4B2B}}" type="slidenum">{dress_xml(self.deck.lang)}<a:t>{len(self.deck.file.slides)}</a:t></a:fld>'
        else:
            room = shape.width / EMU - 0.2
            size = self.deck.footer_size
            text = next((t for t in footer if self.type.width(t, size) <= room), footer[-1])
            inner = (
                f"<a:r>{dress_xml(self.deck.lang, size)}<a:t>{xml_text(self.type.fitted(text, room, size))}</a:t></a:r>"
            )
        index = shape.placeholder_format.idx
        number = self._next_id()
        self.page.shapes._spTree.append(
            parse_xml(
                f'<p:sp {NAMESPACES}><p:nvSpPr><p:cNvPr id="{number}" name="{kind} {number}"/><p:cNvSpPr><a:spLocks '
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
            body.append(parse_xml(paragraph_xml(new, self.deck.lang, NAMESPACES)))

    def _next_id(self) -> int:
        return max((int(i) for i in self.page.shapes._spTree.xpath("//p:cNvPr/@id")), default=1) + 1

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
                f'<p:sp {NAMESPACES}><p:nvSpPr><p:cNvPr id="{number}" name="Text {number}"/><p:cNvSpPr txBox="1"/><p:nvPr/>'
                f'</p:nvSpPr><p:spPr>{place_xml(box, "a")}<a:prstGeom prst="rect"><a:avLst/></a:prstGeom>'
                f'{fill_xml(fill) if fill else "<a:noFill/>"}</p:spPr><p:txBody><a:bodyPr wrap="square" lIns="{edge}" '
                f'tIns="{edge}" rIns="{edge}" bIns="{edge}" rtlCol="0" anchor="{anchor}"><a:noAutofit/>'
                f"</a:bodyPr><a:lstStyle/>{''.join(paragraph_xml(said, self.deck.lang) for said in paragraphs)}</p:txBody></p:sp>"
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
                f'<p:graphicFrame {NAMESPACES}><p:nvGraphicFramePr><p:cNvPr id="{number}" name="{xml_text(name)} {number}" '
                f'descr="{xml_text(alt)}"/><p:cNvGraphicFramePr>{locks}</p:cNvGraphicFramePr><p:nvPr/></p:nvGraphicFramePr>'
                f'{place_xml(box, "p")}<a:graphic><a:graphicData uri="{kind}">{inner}</a:graphicData></a:graphic>'
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
            body.append(parse_xml(paragraph_xml(Paragraph(text, colour=""), self.deck.lang, NAMESPACES)))

    def paragraphs(self, box: Box, said: Sequence[Paragraph]) -> float:
        """Paragraphs from the top of a box, as many as it holds; gives where they end."""
        kept, top = [], box.top
        for part in said:
            if top + self._high(part, box) > box.bottom + 0.02:
                break
            kept.append(part)
            top += self._high(part, box)
        if kept:
            self.text(box.above(top), kept)
        return top if kept else box.top

    def heading(self, box: Box, text: str, size: float = 12.0) -> Box:
        """A bold line, or two, at the top of a box; gives the rest of it."""
        text = self.type.fitted(text, box.width - 0.05, size, bold=True, lines=2)
        lines = self.type.wrapped(text, box.width - 0.05, size, bold=True)
        end = box.top + high(len(lines), size) + 0.06
        self.text(box.above(end), [Paragraph(text, bold=True, size=size)])
        return box.below(end)

    def points(
        self, box: Box, lists: Sequence[tuple[str, Sequence[str]]], sizes: Sequence[float], more: Callable[[int], str]
    ) -> float:
        """Titled lists in the largest size at which they fit the box; what does not fit at the smallest is counted at the
        end by `more`. A list of one has no number. Gives where they end."""

        def tall(said: Sequence[Paragraph]) -> float:
            return sum(self._high(part, box) for part in said)

        for size in sizes:
            said = self._listed(lists, size)
            if tall(said) <= box.height:
                break
        left, foot = 0, high(1, sizes[-1])
        while len(said) > 1 and tall(said) > box.height - (foot if left else 0.0):
            left += not said.pop().bold
        while len(said) > 1 and left and said[-1].bold:
            said.pop()
        if left:
            said.append(Paragraph(more(left), colour=self.muted, size=sizes[-1]))
        top, begun = box.top, [i for i, part in enumerate(said) if part.bold] or [0]
        for first, last in zip(begun, [*begun[1:], len(said)], strict=True):  # a box each, so that each counts from one
            top = self.paragraphs(box.below(top), said[first:last])
        return top

    def _high(self, said: Paragraph, box: Box) -> float:
        size, indent = said.size or BODY_SIZES[-1], INDENT if said.number else 0.0
        lines = self.type.wrapped(said.text, box.width - indent - 0.05, size, said.bold)
        return high(len(lines), size) + said.after / 72

    def _listed(self, lists: Sequence[tuple[str, Sequence[str]]], size: float) -> list[Paragraph]:
        said = []
        for title, points in lists:
            said.append(Paragraph(title, bold=True, colour=self.theme.legible(A), size=size, after=4))
            several = len(points) > 1
            said += [
                Paragraph(point, size=size, after=5, number=n * several) for n, point in enumerate(points, start=1)
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

    def _set(self, box: Box, grid: Grid, sizes: Sequence[float], roomy: bool) -> SetTable:
        words = Words(self.type, self.muted, self.deck.lang)
        sets = (SetTable(box, grid, size, words, roomy) for size in sizes)
        return next(made for made in sets if made.fits or made.size == sizes[-1])
