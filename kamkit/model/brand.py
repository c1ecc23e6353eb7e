"""The client's or the firm's own dress: colours that can be read, a logo, a corporate template."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

LARGEST_LOGO = 100_000
"""Bytes: every deliverable carries the logo, and the report stays below 300 KB."""
TEXT_CONTRAST, SHAPE_CONTRAST = 4.5, 3.0
"""On white, for text and for shapes (WCAG 2.1, 1.4.3 and 1.4.11)."""

PRESENTATION = "ppt/presentation.xml"
"""The part that makes a package a presentation."""

LogoKind = Literal["png", "svg"]


@dataclass(frozen=True)
class Palette:
    """The four colours that deliverables are dressed in, as #RRGGBB: headings and class A, class B, class C, and what
    stands out (threshold, losses)."""

    primary: str = "#0B4F8A"
    secondary: str = "#3F93D2"
    neutral: str = "#84909C"
    accent: str = "#B84E00"

    @property
    def of_class(self) -> Mapping[str, str]:
        """The colour of each ABC class."""
        return {"A": self.primary, "B": self.secondary, "C": self.neutral}


NEEDED = {"primary": TEXT_CONTRAST, "secondary": SHAPE_CONTRAST, "neutral": SHAPE_CONTRAST, "accent": TEXT_CONTRAST}


@dataclass(frozen=True)
class Look:
    """How deliverables are dressed: colours, footer, logo (bytes, png or svg), and the bytes of a PowerPoint template."""

    palette: Palette = field(default_factory=Palette)
    footer: str = ""
    logo: bytes = b""
    logo_kind: LogoKind = "png"
    template: bytes = b""


def contrast(colour: str, ground: str = "#FFFFFF") -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.1).

    >>> round(contrast("#0B4F8A"), 1)
    8.4
    """
    light, dark = sorted((_luminance(colour), _luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def colour_problems(colours: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with the colours of an engagement: unknown places, no #RRGGBB, too pale for what they mark."""
    known = [place.name for place in fields(Palette)]
    for place, colour in colours.items():
        if place not in known:
            yield f"{place!r} is not known. Known are: {', '.join(known)}"
        elif not re.fullmatch(r"#[0-9A-Fa-f]{6}", colour):
            yield f"{place}: {colour!r} is no colour like #0B4F8A"
        elif (reached := contrast(colour)) < NEEDED[place]:
            yield (
                f"{place}: {colour} has a contrast of {reached:.1f} on white, and needs {NEEDED[place]:g} to be read: "
                f"take a darker one, such as {_darkened(colour, NEEDED[place])}"
            )


def _darkened(colour: str, needed: float) -> str:
    """The same hue, dark enough."""
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    for percent in range(99, -1, -1):
        darker = "#" + "".join(f"{part * percent // 100:02X}" for part in parts)
        if contrast(darker) >= needed:
            return darker
    raise AssertionError("black is dark enough")


def file_problems(folder: Path, logo: str | None, template: str | None) -> Iterator[str]:
    """What is wrong with the files of a brand, before a run has begun: missing, a folder, of a wrong kind, too large, or
    loading something from elsewhere."""
    for place, name, wanted in (("logo", logo, "a PNG or SVG file"), ("template", template, "a PowerPoint file")):
        if name is None:
            continue
        if (file := folder / name).is_file():
            yield from (
                f"{place}: {name} {problem}" for problem in (_of_logo if place == "logo" else _of_template)(file)
            )
        else:
            how = "is a folder" if file.is_dir() else "does not exist"
            yield f"{place}: {name} {how}: give {wanted} in the engagement's folder"


def _of_logo(file: Path) -> Iterator[str]:
    if (size := file.stat().st_size) > LARGEST_LOGO:
        yield (
            f"has {size / 1000:,.0f} KB, and every deliverable carries it: make it smaller than {LARGEST_LOGO // 1000} KB"
        )
    elif (kind := logo_kind(content := file.read_bytes())) is None:
        yield "is neither PNG nor SVG: save it as one of them"
    elif kind == "svg" and (link := _ELSEWHERE.search(content)):
        yield f"loads {link[1].decode(errors='replace')} from elsewhere: save it with all pictures inside"


_ELSEWHERE = re.compile(rb"""(?:href\s*=\s*["']|url\(\s*["']?)\s*((?!#|data:)[^"')\s]+)""")
"""In an SVG, what is neither a part of it nor written into it."""


def _of_template(file: Path) -> Iterator[str]:
    try:
        with zipfile.ZipFile(file) as package:
            is_presentation = PRESENTATION in package.namelist()
    except (zipfile.BadZipFile, OSError):
        is_presentation = False
    if not is_presentation:
        yield "is no PowerPoint file: save it as .pptx or .potx"


def logo_kind(content: bytes) -> LogoKind | None:
    """What a picture is by its first bytes."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    return "svg" if b"<svg" in content[:2000] and b"<!ENTITY" not in content else None


def load_look(folder: Path, logo: str | None, template: str | None, palette: Palette, footer: str | None) -> Look:
    """The dress of an engagement whose brand has been checked."""
    picture = (folder / logo).read_bytes() if logo else b""
    return Look(
        palette=palette,
        footer=footer or "",
        logo=picture,
        logo_kind=logo_kind(picture) or "png",
        template=(folder / template).read_bytes() if template else b"",
    )
