"""A drawing of matplotlib's as SVG, said with a third of the signs: it travels in every report, in each of its files.

Nothing is left out that can be seen. Coordinates are rounded to a tenth of a point (curves to a hundredth), styles become
attributes that neighbours share, groups and transformations that do nothing go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from xml.etree import ElementTree as ET

SVG = "http://www.w3.org/2000/svg"
GEOMETRY = frozenset({"d", "x", "y", "width", "height", "transform", "id", "href"})
"""What is each element's own; all else a group can say for its members."""
CARRIED_FAR = ("clip-path", "font-size")
"""What many neighbours have in common that differ otherwise."""
NOT_SHARED = frozenset({"opacity"})
"""What means something else on a group than on each of its members."""
DEFAULTS = {"text-anchor": "start", "stroke-dashoffset": "0", "stroke-linejoin": "round", "stroke-linecap": "butt"}

_NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")


def lean_svg(drawing: str, families: Iterable[str], alt_text: str) -> str:
    """The <svg> element of matplotlib's output with real text in `families`, named by its alternative text.

    `drawing`: SVG as `savefig` writes it, with or without prologue. Ids stay as they are, except those of groups, which
    nothing refers to: two drawings in one page must not share them.
    """
    root = ET.fromstring(drawing)
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{SVG}}}")
        element.tail = None
        if element.tag not in {"text", "tspan"}:
            element.text = None
        element.attrib = dict(_attributes(element))
    referred = ET.Element("defs")
    for element in reversed(list(root.iter())):
        for definitions in element.findall("defs"):
            referred[:] = [*(child for child in definitions if child.tag != "style"), *referred]
            element.remove(definitions)
        element[:] = _grouped(_grouped(_unwrapped(element)), CARRIED_FAR)
    if len(referred):
        root.insert(0, referred)
    size = {name: root.attrib[name] for name in ("width", "height", "viewBox")}
    fonts = ", ".join(f"'{name}'" if " " in name else name for name in (*families, "sans-serif"))
    base = {"font-family": fonts, **{name: DEFAULTS[name] for name in ("stroke-linejoin", "stroke-linecap")}}
    root.attrib = {"xmlns": SVG, "role": "img", "aria-label": alt_text, **size, **base}
    return ET.tostring(root, encoding="unicode").replace(" />", "/>")


def _attributes(element: ET.Element) -> Iterator[tuple[str, str]]:
    """The attributes of an element as they are written; those that say what holds anyway are left out."""
    for name, value in element.attrib.items():
        name = name.rpartition("}")[2]
        if name == "style":
            for part in value.split(";"):
                key, _, said = (text.strip() for text in part.partition(":"))
                if key and key != "font-family" and DEFAULTS.get(key) != said:
                    yield key, _short_colour(said.removesuffix("px") if key == "font-size" else said)
        elif name == "d":
            yield name, _path(value)
        elif name == "transform":
            if turned := re.sub(r"rotate\(-0 [^)]*\)", "", value).strip():
                yield name, _rounded(turned, 2)
        elif name in {"x", "y"}:
            yield name, _rounded(value, 1)
        elif name != "id" or element.tag != "g":
            yield name, value


def _short_colour(text: str) -> str:
    return re.sub(r"^#(.)\1(.)\2(.)\3$", r"#\1\2\3", text)


def _unwrapped(element: ET.Element) -> Iterator[ET.Element]:
    """The children of an element; groups that say nothing give way to what is in them."""
    for child in element:
        if child.tag == "g" and not child.attrib:
            yield from child
        else:
            yield child


def _grouped(children: Iterable[ET.Element], names: Iterable[str] = ()) -> Iterator[ET.Element]:
    """Neighbours that look the same in all, or in what is named, in one group that says how."""

    def look(element: ET.Element) -> dict[str, str]:
        said = {name: value for name, value in element.attrib.items() if name not in GEOMETRY}
        return {name: value for name, value in said.items() if name in names} if names else said

    for same, alike in groupby(children, look):
        members = list(alike)
        if len(members) == 1 or not same or NOT_SHARED & same.keys():
            yield from members
            continue
        group = ET.Element("g", same)
        for member in members:
            member.attrib = {name: value for name, value in member.attrib.items() if name not in same}
        group.extend(members)
        group[:] = _unwrapped(group)
        yield group


def _path(path: str) -> str:
    """A path of absolute moves, lines and curves with rounded coordinates; points where it does not move are left out."""
    digits, said, here = 2 if "C" in path else 1, [], ("", "")
    for command, places in re.findall(r"([MLCQz])([^MLCQz]*)", path):
        numbers = [_short(float(number), digits) for number in _NUMBER.findall(places)]
        if command in "ML" and len(numbers) == 2:
            x, y = numbers
            if command == "L" and (x, y) == here:
                continue
            if command == "L" and y == here[1]:
                said.append(f"H{x}")
            elif command == "L" and x == here[0]:
                said.append(f"V{y}")
            else:
                said.append(f"{command}{_joined(numbers)}")
        else:
            said.append(f"{command}{_joined(numbers)}")
        here = (numbers[-2], numbers[-1]) if numbers else ("", "")
    return "".join(said)


def _joined(numbers: Iterable[str]) -> str:
    return " ".join(numbers).replace(" -", "-")


def _rounded(text: str, digits: int) -> str:
    return _NUMBER.sub(lambda number: _short(float(number[0]), digits), text)


def _short(number: float, digits: int) -> str:
    """
    >>> _short(12.04, 1), _short(-0.04, 1), _short(0.25, 2)
    ('12', '0', '.25')
    """
    text = f"{round(number, digits):.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else re.sub(r"^(-?)0\.", r"\1.", text)
