"""DrawingML that slides, tables and charts share: printable text, paragraphs, places, and the colours of the theme.

A colour is named as the theme names it (`accent1`, `tx1`, …), with `:<share>` thinned with white and `*<share>` darkened, so
that a corporate template's own colours take over. Accents 1 to 3 are the classes A, B and C, 4 is the line.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape

from kamkit.telling.language import Labels

INK, PAPER, RULE, TINT = "tx1", "bg1", "bg1*0.85", "bg1*0.95"
A, B, C, LINE = "accent1", "accent2", "accent3", "accent4"
MUTE = "tx1:0.65"
GREY = 0.35
"""How much of its saturation thinned ink keeps."""
EMU = 914_400
"""An inch."""
NAMESPACES = (
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)


TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Invisible signs that turn the direction of what follows, also beyond the name that they stand in."""


def printable(text: str) -> str:
    """A text that XML can hold: signs that cannot be printed become spaces or go.

    >>> printable("Müller\\x00 GmbH\\ud800")
    'Müller  GmbH '
    """
    if text.isprintable():
        return text
    kept = (" " if unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} else sign for sign in text)
    return "".join(sign for sign in kept if ord(sign) & 0xFFFE != 0xFFFE and sign not in TURNING)


def xml_text(text: str) -> str:
    """A text as it stands in XML, also inside an attribute."""
    return escape(printable(text), {'"': "&quot;"})


def language_tag(labels: Labels) -> str:
    """The language of all texts as office files name it: de-AT."""
    return f"{labels.locale.language}-{labels.locale.territory}"


def colour_parts(colour: str) -> tuple[str, float | None, float]:
    """A colour's name, how much is left of it when thinned with white (None: not thinned), and when darkened."""
    if ":" in colour:
        name, _, share = colour.partition(":")
        return name, float(share), 1.0
    name, _, share = colour.partition("*")
    return name, None, float(share or 1)


def colour_xml(colour: str) -> str:
    """A colour of the theme as DrawingML. Thinned ink turns grey; other colours let the paper shine through, so that they
    stay themselves on any theme."""
    name, thinned, darkened = colour_parts(colour)
    if thinned is None:
        change = "" if darkened == 1 else f'<a:lumMod val="{_share(darkened)}"/>'
    elif name == INK:
        change = f'<a:lumMod val="{_share(thinned)}"/><a:lumOff val="{_share(1 - thinned)}"/><a:satMod val="{_share(GREY)}"/>'
    else:
        change = f'<a:alpha val="{_share(thinned)}"/>'
    return f'<a:schemeClr val="{name}">{change}</a:schemeClr>'


def _share(value: float) -> int:
    return round(100_000 * value)


def fill_xml(colour: str) -> str:
    return f"<a:solidFill>{colour_xml(colour)}</a:solidFill>"


def hatch_xml(colour: str) -> str:
    """Thin lines on paper: what is no class, or cannot be assessed."""
    return (
        f'<a:pattFill prst="ltUpDiag"><a:fgClr>{colour_xml(colour)}</a:fgClr><a:bgClr>{colour_xml(PAPER)}</a:bgClr>'
        "</a:pattFill>"
    )


def line_xml(colour: str, points: float, dash: str = "", tag: str = "ln") -> str:
    """A line of so many points, or none."""
    if not points:
        return f"<a:{tag}><a:noFill/></a:{tag}>"
    dashed = f'<a:prstDash val="{dash}"/>' if dash else ""
    return f'<a:{tag} w="{round(12_700 * points)}">{fill_xml(colour)}{dashed}</a:{tag}>'


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


def place_xml(box: Box, prefix: str) -> str:
    """Where something stands, as DrawingML."""
    off = f'<a:off x="{round(box.left * EMU)}" y="{round(box.top * EMU)}"/>'
    size = f'<a:ext cx="{max(round(box.width * EMU), 1)}" cy="{max(round(box.height * EMU), 1)}"/>'
    return f"<{prefix}:xfrm>{off}{size}</{prefix}:xfrm>"


@dataclass(frozen=True)
class Paragraph:
    """One paragraph in one dress: `size` in points or as the place has it, `after` the room below in points, `number` in a
    list. Without a colour it has that of its place."""

    text: str
    bold: bool = False
    colour: str = INK
    size: float | None = None
    after: float = 0.0
    number: int = 0
    align: str = "l"


def dress_xml(lang: str, size: float | None = None, bold: bool = False, colour: str = "", tag: str = "rPr") -> str:
    """How a piece of text looks and in which language it is."""
    sized = "" if size is None else f' sz="{round(100 * size)}"'
    heavy = ' b="1"' if bold else ""
    return f'<a:{tag} lang="{lang}"{sized}{heavy} dirty="0">{fill_xml(colour) if colour else ""}</a:{tag}>'


def paragraph_xml(said: Paragraph, lang: str, namespaces: str = "") -> str:
    """A paragraph as DrawingML."""
    dress = dress_xml(lang, said.size, said.bold, said.colour)
    run = (
        f"<a:r>{dress}<a:t>{xml_text(said.text)}</a:t></a:r>"
        if said.text
        else dress_xml(lang, said.size, tag="endParaRPr")
    )
    after = f'<a:spcAft><a:spcPts val="{round(100 * said.after)}"/></a:spcAft>' if said.after else ""
    numbers = (
        f'<a:buFont typeface="+mj-lt"/><a:buAutoNum type="arabicPeriod" startAt="{said.number}"/>'
        if said.number
        else ""
    )
    indent = ' marL="285750" indent="-285750"' if said.number else ""
    plain = said.align == "l" and not after and not numbers
    own = "" if plain else f'<a:pPr{indent} algn="{said.align}">{after}{numbers}</a:pPr>'
    return f"<a:p {namespaces}>{own}{run}</a:p>"
