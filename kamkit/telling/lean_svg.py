"""A drawing of matplotlib's as SVG, said with a third of the signs: it travels in every report, in each of its files.

Nothing is left out that can be seen. Coordinates are rounded to a tenth of a point (curves to a hundredth), styles become
attributes that neighbours share, groups and transformations that do nothing go.
"""

from __future__ import annotations

import math
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
DEFAULTS = {"text-anchor": "start", "stroke-dashoffset": "0", "stroke-linecap": "butt"}
"""What holds where nothing is said."""
JOIN, ROUND = "stroke-linejoin", "round"
"""How matplotlib joins lines where it does not say so."""

AS_ROUNDED = 0.05
"""How far rounding to a tenth moves a point."""

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
    join = _commonest_join(root)
    referred = ET.Element("defs")
    for element in reversed(list(root.iter())):
        for definitions in element.findall("defs"):
            referred[:] = [*(child for child in definitions if child.tag != "style"), *referred]
            element.remove(definitions)
        element[:] = _grouped(_grouped(_unwrapped(element)), CARRIED_FAR)
    if len(referred):
        root.insert(0, referred)
    _leave_to_markers(root)
    size = {name: root.attrib[name] for name in ("width", "height", "viewBox")}
    fonts = ", ".join(f"'{name}'" if " " in name else name for name in (*families, "sans-serif"))
    base = {"font-family": fonts, JOIN: join}
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


def _commonest_join(root: ET.Element) -> str:
    """How most strokes are joined: the whole drawing says so, and only the others for themselves."""
    strokes = [element for element in root.iter() if "stroke" in element.attrib or element.attrib.get(JOIN)]
    joins = [element.attrib.pop(JOIN, ROUND) for element in strokes]
    common = max(sorted({*joins, ROUND}), key=joins.count)
    for element, join in zip(strokes, joins, strict=True):
        if join != common:
            element.attrib[JOIN] = join
    return common


def _leave_to_markers(root: ET.Element) -> None:
    """A mark says nothing that its marker says itself, and what that says counts anyway."""
    markers = {element.attrib["id"]: element.attrib for element in root.iter("path") if "id" in element.attrib}
    for mark in root.iter("use"):
        marker = markers.get(mark.attrib["href"].removeprefix("#"), {})
        mark.attrib = {k: v for k, v in mark.attrib.items() if k in GEOMETRY or k not in marker}


def _circle(places: list[float]) -> str | None:
    """The curves around 0, 0 as two arcs, where they are what matplotlib draws for a circle."""
    corners = [math.hypot(*places[i : i + 2]) for i in range(0, len(places), 6)]
    radius = corners[0]
    if len(corners) != 9 or max(corners) - min(corners) > 0.001 * radius:
        return None
    r = _short(radius, 2)
    return f"M0 {r}A{r} {r} 0 1 1 0-{r}A{r} {r} 0 1 1 0 {r}z"


def _path(path: str) -> str:
    """A path of absolute moves, lines and curves with rounded coordinates, without points that change nothing."""
    numbers = [float(number) for number in _NUMBER.findall(path)]
    if path.count("C") == 8 and (arcs := _circle(numbers)):
        return arcs
    if "C" in path or "Q" in path:
        return "".join(
            command + _joined(_short(float(number), 2) for number in _NUMBER.findall(places))
            for command, places in re.findall(r"([MLCQz])([^MLCQz]*)", path)
        )
    said = []
    for line, closed in re.findall(r"M([^Mz]*)(z?)", path):
        places = [float(number) for number in _NUMBER.findall(line)]
        said.append(_line(list(zip(places[::2], places[1::2], strict=True))) + closed)
    return "".join(said)


def _line(points: list[tuple[float, float]]) -> str:
    """A line through points; where it goes straight, and where it stays, they are left out."""
    kept = [(_short(x, 1), _short(y, 1)) for x, y in _bends(points)]
    said, here = [f"M{_joined(kept[0])}"], kept[0]
    for x, y in kept[1:]:
        if (x, y) != here:
            said.append(f"H{x}" if y == here[1] else f"V{y}" if x == here[0] else f"L{_joined((x, y))}")
        here = (x, y)
    return "".join(said)


def _bends(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points without which a line would run further from one of them than rounding moves it anyway.

    Source: Douglas & Peucker (1973), Cartographica 10(2)."""
    kept, open_ends = {0, len(points) - 1}, [(0, len(points) - 1)]
    while open_ends:
        first, last = open_ends.pop()
        if last - first < 2:
            continue
        away = [_distance(point, points[first], points[last]) for point in points[first + 1 : last]]
        if max(away) > AS_ROUNDED:
            middle = first + 1 + away.index(max(away))
            kept.add(middle)
            open_ends += [(first, middle), (middle, last)]
    return [points[i] for i in sorted(kept)]


def _distance(point: tuple[float, float], start: tuple[float, float], end: tuple[float, float]) -> float:
    """How far a point is from the nearest one between two others."""
    along = (end[0] - start[0], end[1] - start[1])
    beside = (point[0] - start[0], point[1] - start[1])
    length = along[0] ** 2 + along[1] ** 2
    part = (along[0] * beside[0] + along[1] * beside[1]) / length if length else 0.0
    part = min(1.0, max(0.0, part))
    return math.hypot(beside[0] - part * along[0], beside[1] - part * along[1])


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
