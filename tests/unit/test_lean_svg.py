from __future__ import annotations

import io
import re
from xml.etree import ElementTree as ET

import pytest
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from kamkit.telling.lean_svg import lean_svg

DRAWING = """<?xml version="1.0" encoding="utf-8"?>
<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="20pt" height="10pt" viewBox="0 0 20 10"
 xmlns="http://www.w3.org/2000/svg" version="1.1">
 <defs><style type="text/css">*{stroke-linejoin: round; stroke-linecap: butt}</style></defs>
 <g id="figure_1"><g id="patch_1">
  <path d="M 0 1.04
L 5.55 1.04
L 5.55 1.0401
L 5.55 3
L 4 2
z
" clip-path="url(#p1)" style="fill: #ffffff; stroke: #b84e00; stroke-linejoin: miter"/></g>
  <g id="patch_2"><path d="M 0 3 L 1 -4" clip-path="url(#p1)" style="fill: #ffffff; stroke: #b84e00; stroke-linejoin: miter"/></g>
  <g id="a"><g/></g>
  <g id="b"><defs><path id="m1" d="M 0.004 1.006 C 1 2 3 4 5 6 z"/></defs><use xlink:href="#m1" x="1.26" y="2"/></g>
  <g id="c"><text style="font-size: 9.5px; font-family: 'Lato', 'DejaVu Sans'; text-anchor: start" x="1" y="2"
   transform="rotate(-0 1 2)">A  &amp;  &lt;b&gt;</text></g>
  <g id="d"><text style="font-size: 9.5px; fill: #ff0000" x="1" y="2" transform="translate(1 2) rotate(-90)">B</text></g>
 </g>
 <defs><clipPath id="p1"><rect x="0" y="0" width="20" height="10"/></clipPath></defs>
</svg>"""

LEAN = (
    '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="Two &lt; three" width="20pt" height="10pt"'
    ' viewBox="0 0 20 10" font-family="Lato, \'DejaVu Sans\', sans-serif" stroke-linejoin="miter">'
    '<defs><clipPath id="p1"><rect x="0" y="0" width="20" height="10"/></clipPath>'
    '<path id="m1" d="M0 1.01C1 2 3 4 5 6z"/></defs>'
    '<g clip-path="url(#p1)" fill="#fff" stroke="#b84e00">'
    '<path d="M0 1H5.5V3L4 2z"/><path d="M0 3L1-4"/></g>'
    '<use href="#m1" x="1.3" y="2"/>'
    '<g font-size="9.5"><text x="1" y="2">A  &amp;  &lt;b&gt;</text>'
    '<text fill="#f00" x="1" y="2" transform="translate(1 2) rotate(-90)">B</text></g></svg>'
)


def test_a_drawing_says_the_same_with_fewer_signs() -> None:
    assert lean_svg(DRAWING, ["Lato", "DejaVu Sans"], "Two < three") == LEAN


@pytest.mark.parametrize(
    ("path", "lean"),
    [
        ("M 0 0 L 1 1 L 2 2.04 L 3 3", "M0 0L3 3"),
        ("M 0 0 L 1 1.08 L 2 2.2 L 3 3", "M0 0L2 2.2L3 3"),
        ("M 0 0 L 10 0 L 5 0", "M0 0H10H5"),
        ("M 0 0 L 4 0 L 4 3 L 0 3 L 0 0 z", "M0 0H4V3H0V0z"),
        ("M 1 1 L 1 1", "M1 1"),
        ("M 0 0 L 1 0 z M 5 5 L 6 5", "M0 0H1zM5 5H6"),
    ],
)
def test_points_on_the_way_are_left_out(path: str, lean: str) -> None:
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" viewBox="0 0 9 9"><path d="{path}"/></svg>'
    assert f'<path d="{lean}"/>' in lean_svg(drawing, ["Lato"], "")


def test_a_circle_is_two_arcs() -> None:
    figure = Figure(figsize=(1, 1))
    FigureCanvasAgg(figure)
    figure.add_axes((0, 0, 1, 1)).plot([1], [1], "o", markersize=8)
    out = io.StringIO()
    figure.savefig(out, format="svg")
    assert 'd="M0 4A4 4 0 1 1 0-4A4 4 0 1 1 0 4z"' in lean_svg(out.getvalue(), ["Lato"], "")


def test_what_would_change_on_a_group_stays_on_each() -> None:
    drawing = DRAWING.replace("stroke-linejoin: miter", "opacity: 0.5")
    assert lean_svg(drawing, ["Lato"], "").count('opacity="0.5"') == 2


@pytest.mark.parametrize("kind", ["lines", "bars", "points", "texts"])
def test_what_is_drawn_is_still_there(kind: str) -> None:
    figure = Figure(figsize=(3, 2))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    match kind:
        case "lines":
            axes.plot([0, 1, 2], [0, 3, 1], color="#0B4F8A")
        case "bars":
            axes.barh(range(4), range(1, 5), hatch="//")
        case "points":
            axes.scatter(range(5), range(5), s=[10, 20, 30, 40, 50])
        case "texts":
            for i in range(3):
                axes.text(0.1, 0.1 * i, f"<Müller & {i}>", rotation=30 * i)
    out = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "x"}):
        figure.savefig(out, format="svg")
    before, after = ET.fromstring(out.getvalue()), ET.fromstring(lean_svg(out.getvalue(), ["Lato"], "seen"))
    for tag in ("path", "use", "text", "rect", "pattern", "clipPath"):
        assert [e.text for e in after.iter(f"{{*}}{tag}") if e.text] == [
            e.text for e in before.iter(f"{{*}}{tag}") if (e.text or "").strip()
        ]
        assert sum(1 for _ in after.iter(f"{{*}}{tag}")) == sum(1 for _ in before.iter(f"{{*}}{tag}"))
    lean = ET.tostring(after, encoding="unicode")
    ids = {element.attrib["id"] for element in after.iter() if "id" in element.attrib}
    assert set(re.findall(r"url\(#([^)]*)\)", lean)) <= ids
    assert {element.attrib["href"][1:] for element in after.iter("{*}use")} <= ids
    assert len(lean) < 0.7 * len(out.getvalue())
