"""What a deck is dressed in: kamkit's own master, or a corporate template with its layouts, colours and typefaces."""

from __future__ import annotations

import colorsys
import io
import re
import zipfile
from collections.abc import Iterable
from functools import cache
from typing import Any

from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.exc import PythonPptxError
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.opc.oxml import serialize_part_xml
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.oxml import parse_xml
from pptx.oxml.ns import qn
from pptx.presentation import Presentation as PresentationType
from pptx.slide import SlideLayout
from pptx.util import Inches

from kamkit.deliver.drawing import EMU, GREY, INK, NAMESPACES, PAPER, Box, colour_parts, place_xml
from kamkit.deliver.typesetting import Type
from kamkit.errors import DeliverableError
from kamkit.model.brand import Look, Palette
from kamkit.telling import canvas

GREEN = "#2E7D4F"
LEGIBLE = 3.0
"""Contrast with the ground from which coloured words are readable when they are bold."""
NOT_CLONED = {PP_PLACEHOLDER.FOOTER: "ftr", PP_PLACEHOLDER.SLIDE_NUMBER: "sldNum"}
"""Placeholders that a new slide does not get by itself."""
AROUND = {*NOT_CLONED, PP_PLACEHOLDER.DATE}
TITLES = {PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE}
TEXTS = {PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.SUBTITLE}

LOGO_ROOM = (1.6, 0.5)
"""Inches that a logo may take, above on the right."""
_EMPTY_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000b49444154789c6360000200000500017a5eab3f"
    "0000000049454e44ae426082"
)
"""A pixel without colour, for those who cannot draw an SVG logo."""


def opened(look: Look) -> PresentationType:
    """An empty presentation in the dress of a brand. Raises DeliverableError where its template is no presentation or has
    macros."""
    deck = _opened(look.template) if look.template else Presentation(io.BytesIO(_own_master(look)))
    _emptied(deck)
    _dress_notes(deck)
    return deck


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
        part.rels.pop(entry.get(qn("r:id")))
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


def slide_layout(deck: PresentationType) -> SlideLayout:
    """The layout for slides: with a title, and nothing else to fill but at most a low text placeholder, which is preferred
    (it takes the subtitle). Told by its placeholders, since layouts have other names and places in every template."""
    found: list[tuple[Any, ...]] = []
    for layout in deck.slide_layouts:
        kinds = [p for p in placeholders(layout) if p.placeholder_format.type not in AROUND]
        titles = [p for p in kinds if p.placeholder_format.type in TITLES]
        others = [p for p in kinds if p not in titles]
        if len(titles) != 1 or titles[0].top is None:
            continue
        title = titles[0]
        high = title.top + title.height < (deck.slide_height or 0) * 0.4
        low = [
            p
            for p in others
            if p.placeholder_format.type in TEXTS
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


def placeholders(holder: Any) -> list[Any]:
    """The placeholders of a master, layout or slide."""
    return list(holder.placeholders)


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


def _dress_notes(deck: PresentationType) -> None:
    """Give notes pages the colours and typefaces of the slides where the template has none of its own."""
    if any(rel.reltype == RELATIONSHIP_TYPE.NOTES_MASTER for rel in deck.part.rels.values()):
        return
    source: Any = parse_xml(deck.slide_master.part.part_related_by(RELATIONSHIP_TYPE.THEME).blob)
    theme: Any = deck.notes_master.part.part_related_by(RELATIONSHIP_TYPE.THEME)
    for tag in ("a:clrScheme", "a:fontScheme"):
        old = theme._element.find(f".//{qn(tag)}")
        old.getparent().replace(old, source.find(f".//{qn(tag)}"))


@cache
def _own_master(look: Look) -> bytes:
    """kamkit's own look: 16:9, one layout with title and subtitle, Calibri, the palette as theme, the logo above on the right."""
    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(13.333), Inches(7.5)
    for layout in list(deck.slide_layouts):
        if [p.placeholder_format.type for p in placeholders(layout) if p.placeholder_format.type not in AROUND] != [
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
        for shape in placeholders(holder):
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
            body.set("anchor", "b" if kind == PP_PLACEHOLDER.TITLE else "ctr" if kind in NOT_CLONED else "t")
            if kind == PP_PLACEHOLDER.FOOTER:  # an empty one is shown in a face of its own by LibreOffice
                shape.text_frame.text = "–"
            if kind in NOT_CLONED:
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
            f'<p:pic {NAMESPACES}><p:nvPicPr><p:cNvPr id="30" name="Logo" descr="Logo"/><p:cNvPicPr><a:picLocks '
            f'noChangeAspect="1"/></p:cNvPicPr><p:nvPr userDrawn="1"/></p:nvPicPr><p:blipFill><a:blip r:embed="{picture}">{own}'
            f"</a:blip><a:stretch><a:fillRect/></a:stretch></p:blipFill><p:spPr>{place_xml(box, 'a')}"
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
    f'<p:sp {NAMESPACES}><p:nvSpPr><p:cNvPr id="20" name="Subtitle"/><p:cNvSpPr><a:spLocks noGrp="1"/></p:cNvSpPr>'
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
        f'<a:lstStyle {NAMESPACES}><a:lvl1pPr algn="{align}"><a:defRPr sz="1000"><a:solidFill>'
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
        entry.append(parse_xml(f'<a:srgbClr {NAMESPACES} val="{colour.removeprefix("#")}"/>'))
    part.blob = serialize_part_xml(root)
