"""DrawingML that slides and charts share: printable text, and the colours of the theme.

A colour is named as the theme names it (`accent1`, `tx1`, …), with `:<share>` thinned with white and `*<share>` darkened, so
that a corporate template's own colours take over. Accents 1 to 3 are the classes A, B and C, 4 is the line.
"""

from __future__ import annotations

import unicodedata
from xml.sax.saxutils import escape

from kamkit.telling.language import Labels

INK, PAPER, RULE, TINT = "tx1", "bg1", "bg1*0.85", "bg1*0.95"
A, B, C, LINE = "accent1", "accent2", "accent3", "accent4"
MUTE = "tx1:0.65"
GREY = 0.35
"""How much of its saturation thinned ink keeps."""
EMU = 914_400
"""An inch."""


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
