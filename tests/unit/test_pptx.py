"""The deck: what it says, that PowerPoint can open and edit it, and that nothing else is in it."""

from __future__ import annotations

import datetime as dt
import io
import re
import shutil
import subprocess
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.oxml import parse_xml
from pptx.util import Inches

from kamkit.deliver.deck_template import Theme
from kamkit.deliver.drawing import printable
from kamkit.deliver.native_charts import Draught, Plot, bubble_chart, pareto_chart, whale_chart
from kamkit.deliver.pptx import render_pptx
from kamkit.deliver.typesetting import Type
from kamkit.errors import DeliverableError
from kamkit.model.brand import Look, Palette
from kamkit.telling.chart_data import Axis, ParetoData, ParetoRow, PortfolioData, PortfolioPoint, WhaleData, unit_for
from kamkit.telling.language import Labels

NASTY = [
    '=cmd|"/c calc"!A1',
    "<a:t>x</a:t> & <b>",
    "x" * 300,
    "Bäckerei 🥨 & Söhne",
    "\u202eevil\u202c",
    "bell\x07 null\x00 \ufffe\uffff",
    "שלום بنك",
    "line\nbreak\ttab",
    "",
]
NAMES = {
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
    "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
    "p": "http://schemas.openxmlformats.org/presentationml/2006/main",
    "r": "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    "t": "http://schemas.openxmlformats.org/package/2006/content-types",
    "l": "http://schemas.openxmlformats.org/package/2006/relationships",
}
DE = Labels("de", "de_DE", "EUR")
DRAUGHT = Draught(DE, dt.date(2026, 1, 15))
PLOT = Plot(10.0, 4.0, 0.7, 0.3, 0.5, 0.6)


def parts_of(file: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(file)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def find(xml: bytes, path: str) -> list[Any]:
    return list(
        parse_xml(xml).xpath(path) if b"presentationml" in xml[:600] else _plain(xml).xpath(path, namespaces=NAMES)
    )


def _plain(xml: bytes) -> Any:
    from lxml import etree

    return etree.fromstring(xml)


def slides_of(file: bytes) -> list[Any]:
    return list(Presentation(io.BytesIO(file)).slides)


def words_of(file: bytes) -> str:
    """All that a file holds in words: slides, notes, charts, workbooks, properties, names of parts."""
    told = []
    for name, content in parts_of(file).items():
        told.append(name)
        if name.endswith((".xml", ".rels")):
            told.append(content.decode("utf-8"))
        elif name.endswith(".xlsx"):
            told += [text.decode("utf-8", "ignore") for text in parts_of(content).values()]
    return "\n".join(told).replace("\u00a0", " ")


def caches(chart: bytes) -> list[tuple[str, list[Any]]]:
    """What a chart shows: the cells that each reference names, with the values kept for them."""
    found = []
    for reference in _plain(chart).xpath("//c:strRef|//c:numRef", namespaces=NAMES):
        n = int(reference.xpath("*/c:ptCount/@val", namespaces=NAMES)[0])
        values: list[Any] = [None] * n
        for point in reference.xpath("*/c:pt", namespaces=NAMES):
            text = point.xpath("string(c:v)", namespaces=NAMES)
            values[int(point.get("idx"))] = float(text) if reference.tag.endswith("numRef") else text
        found.append((reference.xpath("string(c:f)", namespaces=NAMES), values))
    return found


def assert_sound(file: bytes) -> None:
    """What PowerPoint repairs or refuses: dangling relationships, parts without type, doubled ids, broken axes."""
    parts = parts_of(file)
    types = _plain(parts["[Content_Types].xml"])
    named = set(types.xpath("//t:Override/@PartName", namespaces=NAMES))
    endings = set(types.xpath("//t:Default/@Extension", namespaces=NAMES))
    assert [
        n for n in parts if n != "[Content_Types].xml" and f"/{n}" not in named and n.rsplit(".")[-1] not in endings
    ] == []
    assert {n.lstrip("/") for n in named} <= set(parts)
    reached = set()
    for name, content in parts.items():
        if not name.endswith(".rels"):
            continue
        folder = Path(name).parent.parent
        for relation in _plain(content).xpath("//l:Relationship[not(@TargetMode='External')]", namespaces=NAMES):
            target = relation.get("Target")
            place = Path(target.lstrip("/")) if target.startswith("/") else folder / target
            reached.add(str(Path("/", place).resolve()).lstrip("/"))
        own = _plain(content).xpath("//l:Relationship/@Id", namespaces=NAMES)
        source = str(folder / Path(name).stem).lstrip("./")
        if source in parts:
            used = set(_plain(parts[source]).xpath("//@r:id|//@r:embed|//@r:link|//@r:pict", namespaces=NAMES))
            assert used <= set(own), (name, used - set(own))
    assert reached <= set(parts), reached - set(parts)
    orphans = {n for n in parts if not n.endswith(".rels") and n != "[Content_Types].xml"} - reached
    assert orphans == set()
    for name, content in parts.items():
        if name.startswith("ppt/charts/chart"):
            assert_axes(content)
        if re.match(r"ppt/(slides|notesSlides)/[^_]", name):
            root = _plain(content)
            ids = root.xpath("//p:cNvPr/@id", namespaces=NAMES)
            assert len(ids) == len(set(ids)), name
            assert root.xpath("//a:r[not(a:rPr/@lang)]", namespaces=NAMES) == [], name


def assert_axes(chart: bytes) -> None:
    """Every axis is named by a chart type and defined once, crosses one that exists, and has an unsigned number."""
    root = _plain(chart)
    own = root.xpath("//c:plotArea/c:catAx/c:axId/@val|//c:plotArea/c:valAx/c:axId/@val", namespaces=NAMES)
    used = root.xpath("//c:plotArea/*[c:ser]/c:axId/@val", namespaces=NAMES)
    crossed = root.xpath("//c:crossAx/@val", namespaces=NAMES)
    assert len(own) == len(set(own))
    assert set(own) == set(used) == set(crossed)
    assert all(number.isdigit() for number in own)
    assert max(Counter(root.xpath("//c:ser/c:idx/@val", namespaces=NAMES)).values()) == 1


@pytest.fixture
def deck(told) -> bytes:  # type: ignore[no-untyped-def]
    return render_pptx(told().story())


def test_pages_stand_in_the_order_a_partner_wants(told) -> None:  # type: ignore[no-untyped-def]
    story = told().story()
    titles = [slide.shapes.title.text for slide in slides_of(render_pptx(story))]
    parts = {s.key: s.finding.rstrip(".") for s in (*story.main, *story.appendix)}
    borderline = next(t for s in story.main for t in s.tables if t.key == "borderline")
    parts["borderline"] = borderline.finding.rstrip(".")
    wanted = ["at_a_glance", "pareto", "borderline", "margin", "recommendations", "plan", "existence", "missing"]
    order = [titles.index(parts[key]) for key in wanted]
    assert order == sorted(order)
    assert titles[0] == parts["at_a_glance"]
    main = [slide for slide in slides_of(render_pptx(story)) if "Anhang ·" not in subtitle_of(slide)]
    assert len(main) <= 12


def subtitle_of(slide: Any) -> str:
    return next(p.text_frame.text for p in slide.placeholders if p.placeholder_format.type == PP_PLACEHOLDER.BODY)


def test_every_slide_is_complete(told) -> None:  # type: ignore[no-untyped-def]
    story = told().story()
    for number, slide in enumerate(slides_of(render_pptx(story)), start=1):
        kinds = {p.placeholder_format.type: p for p in slide.placeholders}
        assert set(kinds) == {
            PP_PLACEHOLDER.TITLE,
            PP_PLACEHOLDER.BODY,
            PP_PLACEHOLDER.FOOTER,
            PP_PLACEHOLDER.SLIDE_NUMBER,
        }
        assert all(p.text_frame.text.strip() for p in kinds.values())
        assert kinds[PP_PLACEHOLDER.SLIDE_NUMBER].text_frame.text == str(number)
        assert "Quelle: Buchungsdaten des Auftraggebers" in "".join(
            s.text_frame.text for s in slide.shapes if s.has_text_frame
        )
        frames = [s for s in slide.shapes if s.has_chart or s.has_table]
        assert all(len(s._element.nvGraphicFramePr.cNvPr.get("descr")) > 20 for s in frames)
        assert "Quelle:" in slide.notes_slide.notes_text_frame.text
        read = [s.placeholder_format.type if s.is_placeholder else None for s in slide.shapes]
        assert read[:2] == [PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.BODY]
        assert {*read[-3:]} == {None, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER}
    charts = [s for slide in slides_of(render_pptx(story)) for s in slide.shapes if s.has_chart]
    assert len(charts) >= 3


def test_nothing_leaves_the_slide(deck: bytes) -> None:
    file = Presentation(io.BytesIO(deck))
    for slide in file.slides:
        for shape in slide.shapes:
            assert shape.left >= 0
            assert shape.top >= 0
            assert shape.left + shape.width <= file.slide_width, (slide.shapes.title.text, shape.name)
            assert shape.top + shape.height <= file.slide_height, (slide.shapes.title.text, shape.name)


def test_the_package_is_sound(deck: bytes) -> None:
    assert_sound(deck)


def test_the_schemas_of_office_find_no_fault(deck: bytes, tmp_path) -> None:  # type: ignore[no-untyped-def]
    audit = pytest.importorskip("openxml_audit")
    (tmp_path / "deck.pptx").write_bytes(deck)
    assert [str(problem) for problem in audit.validate_pptx(str(tmp_path / "deck.pptx")).errors] == []


def test_the_same_story_gives_the_same_bytes(told) -> None:  # type: ignore[no-untyped-def]
    story = told().story()
    first = render_pptx(story)
    assert first == render_pptx(story)
    about = Presentation(io.BytesIO(first)).core_properties
    assert (about.created, about.modified, about.language) == (
        dt.datetime(2026, 1, 15),
        dt.datetime(2026, 1, 15),
        "de-DE",
    )
    assert about.title == "Key-Account-Strategie – Müller & Söhne Großhandel GmbH"


def test_each_chart_shows_what_stands_in_its_workbook(deck: bytes) -> None:
    parts = parts_of(deck)
    charts = [name for name in parts if re.fullmatch(r"ppt/charts/chart\d+\.xml", name)]
    assert charts
    for name in charts:
        (relation,) = _plain(parts[f"ppt/charts/_rels/{Path(name).name}.rels"]).xpath(
            "//l:Relationship", namespaces=NAMES
        )
        book = parts[str(Path("/ppt/charts", relation.get("Target")).resolve()).lstrip("/")]
        sheet = openpyxl.load_workbook(io.BytesIO(book)).active
        assert sheet is not None
        for place, values in caches(parts[name]):
            assert place.split("!")[0] == "'Daten'"
            cells = sheet[place.split("!")[1].replace("$", "")]
            rows = cells if isinstance(cells, tuple) else ((cells,),)
            kept = [cell.value for row in rows for cell in row]
            assert [v if isinstance(v, str) or v is None else float(v) for v in kept] == values


def test_the_pareto_chart_holds_the_ranking(told) -> None:  # type: ignore[no-untyped-def]
    story = told().story()
    data = story.part("pareto").chart.data
    parts = parts_of(render_pptx(story))
    chart = next(
        c for n, c in parts.items() if n.startswith("ppt/charts/chart") and b"lineChart" in c and b"barChart" in c
    )
    shown = dict(caches(chart))
    columns = [values for place, values in shown.items() if re.search(r"\$[BCDE]\$2", place)]
    merged = [next((v for v in row if v is not None), None) for row in zip(*columns, strict=True)]
    named = data.rows[: len(merged) - 1]
    assert merged[: len(named)] == [row.value for row in named]
    assert sum(merged) == pytest.approx(sum(row.value for row in data.rows))
    (total,) = _plain(chart).xpath("//c:valAx[c:axPos/@val='l']/c:scaling/c:max/@val", namespaces=NAMES)
    assert float(total) == pytest.approx(sum(data.values))


def test_both_axes_of_the_pareto_chart_agree() -> None:
    """A column of 60 of 100 is as high as the line's first step: 0.6 of an axis that ends at 1."""
    rows = tuple(
        ParetoRow(name, value, value / 100, reached, abc, abc == "A", False, 1, None)
        for name, value, reached, abc in (("a", 60.0, 0.6, "A"), ("b", 30.0, 0.9, "A"), ("c", 10.0, 1.0, "C"))
    )
    data = ParetoData(rows, 0.8, "Umsatz", unit_for(60, 10, DE), (60.0, 30.0, 10.0), 3, "Umsatz in €", ("", ""))
    root = _plain(pareto_chart(data, ["a", "b", "c"], PLOT, DRAUGHT).xml)
    limits = {
        place: tuple(
            float(root.xpath(f"//c:valAx[c:axPos/@val='{place}']/c:scaling/c:{end}/@val", namespaces=NAMES)[0])
            for end in ("min", "max")
        )
        for place in ("l", "r")
    }
    assert limits == {"l": (0.0, 100.0), "r": (0.0, 1.0)}
    names = root.xpath("//c:ser/c:tx//c:v/text()", namespaces=NAMES)
    assert names == ["A-Kunden", "C-Kunden", "Kumulierter Anteil", "Schwelle 80\u00a0%"]
    assert root.xpath("//c:lineChart//c:invertIfNegative", namespaces=NAMES) == []
    assert len(root.xpath("//c:lineChart/c:ser", namespaces=NAMES)) == 2


def test_further_accounts_become_blocks() -> None:
    def row(name: str, value: float, *, key: bool, abc: str | None, n: int = 1, rate: float | None = 0.1) -> ParetoRow:
        return ParetoRow(name, value, value / 100, 0.0, abc, key, False, n, rate, value)

    rows = (
        row("a", 40, key=True, abc="A"),
        row("b", 30, key=True, abc="A", rate=0.2),
        row("c", 10, key=True, abc="A", rate=0.4),
        row("d", 12, key=False, abc="B", rate=None),
        row("e", 8, key=False, abc="C", n=7),
    )
    data = ParetoData(rows, 0.8, "Umsatz", unit_for(40, 8, DE), (), 11, "Umsatz in €", ("", ""))
    short = data.shortened(1, DE)
    assert [(r.name, r.value, r.abc_class, r.is_key, r.n_accounts, r.margin_rate) for r in short.rows] == [
        ("a", 40, "A", True, 1, 0.1),
        ("2 weitere Key Accounts", 40, "A", True, 2, pytest.approx(0.25)),
        ("Übrige (8)", 20, None, False, 8, None),
    ]
    assert data.shortened(4, DE).rows == rows


def test_the_whale_curve_falls_from_its_peak() -> None:
    data = WhaleData(("a", "b", "c"), (0.8, 1.2, 1.0), in_shares=True, n_at_peak=2)
    chart = whale_chart(data, "120 % nach zwei", "100 % am Ende", PLOT, DRAUGHT)
    series = {place: values for place, values in caches(chart.xml) if "$2" in place}
    assert list(series.values())[1:] == [[0.8, 1.2, 1.0], [0.8, 1.2, None], [None, 1.2, 1.0]]
    assert_axes(chart.xml)
    texts = _plain(chart.xml).xpath("//c:dLbl//a:t/text()", namespaces=NAMES)
    assert texts == ["120 % nach zwei", "100 % am Ende"]


def test_bubbles_have_names_in_their_sheet_and_ranks_on_them() -> None:
    points = (
        PortfolioPoint("Groß", 1, 1_000_000.0, 0.2, 900.0, True, True),
        PortfolioPoint("Mittel", 2, 200_000.0, 0.9, 300.0, True, True),
        PortfolioPoint("Klein", 3, 100_000.0, 0.3, 100.0, False, False),
    )
    data = PortfolioData(points, Axis("Umsatz", "money", 300_000.0, 4.8, 6.2), Axis("Quote", "percent", 0.25, 0.1, 0.4))
    chart = bubble_chart(data, PLOT, DRAUGHT)
    assert_axes(chart.xml)
    root = _plain(chart.xml)
    assert root.xpath("//c:dLbl//a:t/text()", namespaces=NAMES) == ["1", "2"]
    sheet = openpyxl.load_workbook(io.BytesIO(chart.workbook)).active
    assert sheet is not None
    assert [[cell.value for cell in row[:5]] for row in sheet.iter_rows(max_row=3)] == [
        ["Mit Nummer", "Rang", "Umsatz", "Quote", "Umsatz"],
        ["Groß", 1, 1_000_000, 0.2, 900],
        ["Mittel", 2, 200_000, 0.4, 300],
    ]
    assert [row[6].value for row in sheet.iter_rows(min_row=2, max_row=3)] == [0.2, 0.9]
    assert root.xpath("//c:crossesAt/@val", namespaces=NAMES) == ["0.25", "300000.0"]
    assert root.xpath("//c:scaling/c:min/@val", namespaces=NAMES) == ["50000.0", "0.1"]


@pytest.mark.parametrize(
    ("locale", "shown"),
    [("de_DE", '0"\u00a0"%'), ("de_AT", '0"\u00a0"%'), ("de_CH", "0%"), ("en_GB", "0%"), ("en_US", "0%")],
)
def test_every_run_has_the_country_of_the_report(told, locale: str, shown: str) -> None:  # type: ignore[no-untyped-def]
    client = told(language=locale[:2])
    labels = Labels(locale[:2], locale, "EUR")
    labels._sentences = {**client.labels._sentences, **labels._sentences}
    file = render_pptx(replace(client, labels=labels).story())
    wanted = locale.replace("_", "-")
    for name, content in parts_of(file).items():
        if re.match(r"ppt/(slides|notesSlides|charts)/[^_/]+\.xml", name):
            assert set(_plain(content).xpath("//a:r/a:rPr/@lang|//c:lang/@val", namespaces=NAMES)) <= {wanted}
    charts = [c.decode() for n, c in parts_of(file).items() if n.startswith("ppt/charts/chart")]
    assert any(
        f"<c:formatCode>{shown}</c:formatCode>".replace('"', "&quot;") in c or f"<c:formatCode>{shown}<" in c
        for c in charts
    )


@pytest.mark.parametrize("first", [0, 5])
def test_strange_names_come_through_and_break_nothing(told, first: int, tmp_path) -> None:  # type: ignore[no-untyped-def]
    names = [*NASTY[first:], *NASTY[:first]]
    client = told([*names, *[f"Kunde {i}" for i in range(len(NASTY), 16)]])
    file = render_pptx(client.story(client="<x> & =1+1 \x01"))
    assert_sound(file)
    texts = " ".join(
        "".join(_plain(content).xpath("//a:t/text()|//c:v/text()", namespaces=NAMES))
        for name, content in parts_of(file).items()
        if re.match(r"ppt/(slides|charts)/[^_/]+\.xml", name)
    )
    for name in names[:4]:
        if shown := " ".join(printable(name).split())[:20]:
            assert shown in texts
    assert "\u202e" not in texts
    for name, content in parts_of(file).items():
        if name.endswith(".xlsx"):
            cells = [c for row in openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows() for c in row]  # type: ignore[union-attr]
            assert {cell.data_type for cell in cells} <= {"s", "n"}


@pytest.mark.parametrize("audience", ["field", "customer_meeting"])
@pytest.mark.parametrize("language", ["de", "en"])
def test_restricted_audiences_find_nothing_hidden(told, audience: str, language: str) -> None:  # type: ignore[no-untyped-def]
    client = told([f"Geheim-{chr(65 + i)}" for i in range(16)], language=language)
    labels = client.labels
    hidden = {
        "takeover": labels("heat_map_option.takeover"),
        "verdict": labels("prose.verdict_partial").rstrip("."),
        "loss": labels("margin_class.loss"),
        "margin": labels("chart.margin_rate"),
        "whale": labels("value.whale_axis"),
    }
    if audience == "customer_meeting":
        hidden["names"] = "Geheim-"
    everything, text = (words_of(render_pptx(client.story(kind))) for kind in ("management", audience))
    plain = {key: word.replace("\u00a0", " ") for key, word in hidden.items()}
    assert [key for key, word in plain.items() if not re.search(rf"(?<!\w){re.escape(word)}", everything)] in (
        [],
        ["takeover"],
    )
    assert [key for key, word in plain.items() if re.search(rf"(?<!\w){re.escape(word)}", text)] == []


def test_a_section_that_is_not_told_has_no_page(told) -> None:  # type: ignore[no-untyped-def]
    story = told().story(sections=("at_a_glance", "pareto"))
    titles = [slide.shapes.title.text for slide in slides_of(render_pptx(story))]
    assert len(titles) == 3
    assert titles[0] == story.main[0].finding.rstrip(".")


def test_confirmed_and_managed_accounts_have_a_page_each(told) -> None:  # type: ignore[no-untyped-def]
    story = told().story()
    pages = tuple(replace(page, is_managed=n < 2) for n, page in enumerate(story.pages))
    titles = [slide.shapes.title.text for slide in slides_of(render_pptx(replace(story, pages=pages)))]
    assert [t.partition(":")[0] for t in titles if t.startswith("Kunde")] == ["Kunde 1", "Kunde 2"]


def test_what_a_page_cannot_hold_is_in_the_appendix(told) -> None:  # type: ignore[no-untyped-def]
    """Fourteen questions with long answers do not fit one page; all of them are in the deck, once."""
    story = told().story()
    section = story.part("missing")
    table = section.tables[0]
    n = 30
    long = "Ein Wort nach dem anderen " * 8
    cells = tuple((str(i), f"Frage {i:02d} {long}", long, "–") for i in range(n))
    many = replace(table, rows=cells, cells=cells)
    told_again = replace(section, tables=(many,))
    appendix = tuple(told_again if s.key == "missing" else s for s in story.appendix)
    slides = slides_of(render_pptx(replace(story, appendix=appendix)))
    found = [
        row.cells[1].text
        for slide in slides
        for shape in slide.shapes
        if shape.has_table
        for row in shape.table.rows
        if len(row.cells) == 4 and row.cells[1].text.startswith("Frage ")
    ]
    assert [text[6:8] for text in found] == [f"{i:02d}" for i in range(n)]
    shown = " ".join(s.text_frame.text for slide in slides for s in slide.shapes if s.has_text_frame)
    first = next(s for slide in slides for s in slide.shapes if s.has_table and "Frage 00" in s.table.cell(1, 1).text)
    left = n - (len(first.table.rows) - 1)
    assert f"… {left} weitere Zeilen im Anhang dieser Präsentation" in shown


# Templates


def corporate(*, potx: bool = False, title: bool = True) -> bytes:
    """A template as firms have them: 4:3, own typefaces and colours, German layout names, slides with notes of its own."""
    deck = Presentation()
    for layout, name in zip(
        deck.slide_layouts,
        ["Titelfolie", "Titel und Inhalt", "Abschnitt", "Zwei Inhalte", "Vergleich", "Nur Titel"],
        strict=False,
    ):
        layout._element.cSld.set("name", name)
    master = deck.slide_master
    theme = master.part.part_related_by("http://schemas.openxmlformats.org/officeDocument/2006/relationships/theme")
    text = theme.blob.decode("utf-8").replace('typeface="Calibri"', 'typeface="Georgia"')
    for accent, colour in (("accent1", "7A1FA2"), ("accent2", "00897B"), ("accent3", "9E9D24"), ("accent4", "D84315")):
        text = re.sub(rf'(<a:{accent}><a:srgbClr val=")[0-9A-F]{{6}}', rf"\g<1>{colour}", text)
    theme.blob = text.encode("utf-8")
    if not title:
        for layout in deck.slide_layouts:
            for shape in list(layout.placeholders):
                if shape.placeholder_format.type in (PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE):
                    shape._element.getparent().remove(shape._element)
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    slide.shapes.add_textbox(Inches(1), Inches(1), Inches(3), Inches(1)).text_frame.text = "Musterfolie der Firma"
    shown = deck.part._element.sldIdLst[0].rId
    deck.part._element.append(
        parse_xml(
            f'<p:custShowLst xmlns:p="{NAMES["p"]}" xmlns:r="{NAMES["r"]}"><p:custShow name="Kurzfassung" id="0"><p:sldLst>'
            f'<p:sld r:id="{shown}"/></p:sldLst></p:custShow></p:custShowLst>'
        )
    )
    slide.notes_slide.notes_text_frame.text = "Notiz der Firma"  # type: ignore[union-attr]
    deck.core_properties.author, deck.core_properties.keywords = "Frau Vorlage", "Altes Stichwort"
    out = io.BytesIO()
    deck.save(out)
    if not potx:
        return out.getvalue()
    again = io.BytesIO()
    with zipfile.ZipFile(again, "w") as new:
        for name, content in parts_of(out.getvalue()).items():
            new.writestr(name, content.replace(b"presentationml.presentation.main", b"presentationml.template.main"))
    return again.getvalue()


@pytest.mark.parametrize("potx", [False, True])
def test_a_corporate_template_dresses_the_deck(told, potx: bool) -> None:  # type: ignore[no-untyped-def]
    story = replace(told().story(), brand=Look(template=corporate(potx=potx)))
    file = render_pptx(story)
    assert_sound(file)
    deck = Presentation(io.BytesIO(file))
    assert (deck.slide_width, deck.slide_height) == (Inches(10), Inches(7.5))
    assert {slide.slide_layout.name for slide in deck.slides} == {"Nur Titel"}
    theme = Theme(deck)
    assert [round(255 * part) for part in theme.rgb("accent1")] == [0x7A, 0x1F, 0xA2]
    text = words_of(file)
    assert 'typeface="Georgia"' in text
    assert [
        word
        for word in ("Musterfolie", "Notiz der Firma", "Frau Vorlage", "Altes Stichwort", "Kurzfassung")
        if word in text
    ] == []
    faces = {n for n, part in parts_of(file).items() if b'"Calibri"' in part and not n.startswith("ppt/theme/theme2")}
    assert (faces, 'srgbClr val="0B4F8A"' in text) == (set(), False)
    for slide in deck.slides:
        assert all(p.has_text_frame and p.text_frame.text for p in slide.placeholders)
        for shape in slide.shapes:
            assert shape.left + shape.width <= deck.slide_width
            assert shape.top + shape.height <= deck.slide_height, (slide.shapes.title.text, shape.name)


def test_own_colours_become_the_theme(told) -> None:  # type: ignore[no-untyped-def]
    look = Look(palette=Palette(primary="#112233", accent="#990011"))
    theme = Theme(Presentation(io.BytesIO(render_pptx(replace(told().story(), brand=look)))))
    assert [round(255 * part) for part in theme.rgb("accent1")] == [0x11, 0x22, 0x33]
    assert [round(255 * part) for part in theme.rgb("accent4")] == [0x99, 0x00, 0x11]


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_logo_stands_on_the_master(told, kind: Literal["png", "svg"]) -> None:  # type: ignore[no-untyped-def]
    """Four to one: as wide as a logo may be, 1.6 inches, and the title ends before it."""
    picture = io.BytesIO()
    Image.new("RGB", (400, 100)).save(picture, "PNG")
    logo = {"png": picture.getvalue(), "svg": b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 100"/>'}[kind]
    file = render_pptx(replace(told().story(), brand=Look(logo=logo, logo_kind=kind)))
    assert_sound(file)
    assert logo in parts_of(file).values()
    deck = Presentation(io.BytesIO(file))
    (shape,) = [s for s in deck.slide_master.shapes if s.name == "Logo"]
    assert [round(part / 914_400, 2) for part in (shape.left, shape.top, shape.width, shape.height)] == [
        11.23,
        0.3,
        1.6,
        0.4,
    ]
    title = deck.slides[0].shapes.title
    assert title.left + title.width < shape.left


@pytest.mark.parametrize(
    ("template", "why"),
    [
        (b"PK no zip", "is no PowerPoint file. Save a template from PowerPoint as .pptx or .potx"),
        (corporate(title=False), "has no layout with a title. Add one under View, Slide Master"),
    ],
    ids=["no file", "no title"],
)
def test_a_template_that_cannot_be_used_is_refused(told, template: bytes, why: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DeliverableError) as problem:
        render_pptx(replace(told().story(), brand=Look(template=template)))
    assert str(problem.value) == f"deck.pptx cannot be written: brand.template {why}"


def test_a_template_with_macros_is_refused(told) -> None:  # type: ignore[no-untyped-def]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as new:
        for name, content in parts_of(corporate()).items():
            new.writestr(
                name,
                content.replace(
                    b"openxmlformats-officedocument.presentationml.presentation.main",
                    b"ms-powerpoint.presentation.macroEnabled.main",
                ),
            )
    with pytest.raises(DeliverableError) as problem:
        render_pptx(replace(told().story(), brand=Look(template=out.getvalue())))
    assert str(problem.value) == (
        "deck.pptx cannot be written: brand.template has macros. Save a template from PowerPoint as .pptx or .potx"
    )


# Text that fits

WORDS = st.text("abc ÄßmW…", max_size=60)


@given(WORDS, st.floats(0.2, 6.0), st.sampled_from([10.0, 12.0, 24.0]))
def test_lines_keep_every_sign_and_their_room(text: str, room: float, size: float) -> None:
    measure = Type()
    lines = measure.wrapped(text, room, size)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(measure.width(line, size) <= room + 1e-9 or len(line) <= 1 for line in lines)


@given(WORDS, st.floats(0.5, 6.0), st.integers(1, 4))
def test_what_is_cut_says_so(text: str, room: float, lines: int) -> None:
    measure = Type()
    cut = measure.fitted(text, room, 12, lines=lines)
    assert len(measure.wrapped(cut, room, 12)) <= lines
    assert cut == text or cut.endswith("…")


def test_short_names_keep_whole_words() -> None:
    measure = Type()
    assert measure.short_name("Rümscheid & Söhne Krananlagen GmbH", 0.75, 10, 3) == "Rümscheid & Söhne Krananlag…"
    assert measure.short_name("Donaudampfschifffahrt AG", 0.75, 10, 3) == "Donauda…"
    assert measure.short_name("", 0.75, 10, 3) == ""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("libreoffice") is None, reason="needs libreoffice to open the deck")
def test_another_office_shows_every_slide(deck: bytes, tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "deck.pptx").write_bytes(deck)
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = [
        "libreoffice",
        profile,
        "--headless",
        "--convert-to",
        "pdf",
        "--outdir",
        tmp_path,
        tmp_path / "deck.pptx",
    ]
    if "could not be loaded" in subprocess.run(command, capture_output=True, text=True, timeout=180).stderr:
        pytest.skip("needs libreoffice-impress to open the deck")
    pages = (tmp_path / "deck.pdf").read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", pages)) == len(slides_of(deck))
