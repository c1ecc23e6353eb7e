"""The report as PDF: text, structure and fonts are read back with poppler's tools."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from kamkit.deliver import pdf, write_deliverables
from kamkit.deliver.pdf import render_pdf
from kamkit.errors import DeliverableError
from kamkit.model.brand import Look, Palette
from kamkit.telling.sections import Section

NASTY = {
    "#panic()": "#panic()",
    "*fett* _schräg_ $y$ <z> @q": "*fett* _schräg_ $y$ <z> @q",
    "= Titel #include \"/etc/passwd\"": "= Titel #include \"/etc/passwd\"",
    "<img src=x onerror=alert(1)>": "<img src=x onerror=alert(1)>",
    '=cmd|"/c calc"!A1': '=cmd|"/c calc"!A1',
    "</text><script>": "</text><script>",
    "~ -- --- ... \\ // /* `x` 'y'": "~ -- --- ... \\ // /* `x` 'y'",
    "{name} {0} %s": "{name} {0} %s",
    "Bäckerei 🥨 & Söhne": "Bäckerei □ & Söhne",
    "\u202eevil\u202c": "□evil□",
    "a\x00\x07\u2028b\ue000\uffff": "a b□□",
    "株式会社 Übung": "□□□□ Übung",
    "x" * 300: "x" * 300,
    "Ελλάδα Россия": "Ελλάδα Россия",
    "שלום": "שלום",
    "u\u0308ber": "über",
}  # fmt: skip
"""Names, and how they are printed: a sign without a picture is a box, what is markup elsewhere stays as it is."""

poppler = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler's pdftotext is not installed")


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., str]:
    """What one of poppler's tools says of a PDF."""

    def read(content: bytes, *command: str) -> str:
        (tmp_path / "read.pdf").write_bytes(content)
        tool, *options = command
        out = ["-"] if tool == "pdftotext" else []
        done = subprocess.run([tool, *options, tmp_path / "read.pdf", *out], capture_output=True, check=True)
        return done.stdout.decode("utf-8", "replace")

    return read


def squeezed(text: str) -> str:
    """A text without spaces, hyphens and invisible signs: lines are broken and words divided differently in print."""
    return re.sub(r"[\s\u200b\u00ad\u2010-]", "", unicodedata.normalize("NFKC", text))


def printed(read: Callable[..., str], content: bytes) -> str:
    return squeezed(read(content, "pdftotext", "-raw"))


def sentences(section: Section) -> Iterator[str]:
    """All that a section says, but what stands in its tables and on its chart."""
    yield from filter(None, (section.name, section.finding, section.text, section.banner))
    yield from (part for tile in section.tiles for part in (tile.value, tile.title, tile.note))
    yield from (part for points in section.lists for part in (points.title, *points.points))
    yield from (part for light in section.lights for part in (light.word, light.text, light.note))
    yield from (table.more for table in section.tables)


@poppler
@pytest.mark.parametrize("language", ["de", "en"])
def test_every_section_is_told_in_full(told, read, language: str) -> None:  # type: ignore[no-untyped-def]
    story = told(language=language).story()
    text = printed(read, render_pdf(story))
    assert len(story.main) > 5
    assert len(story.appendix) > 5
    for section in (*story.main, *story.appendix):
        for sentence in sentences(section):
            assert squeezed(sentence) in text
        for table in section.tables:
            assert [cell for row in table.cells for cell in row if squeezed(cell) not in text] == []
        if section.chart:
            assert squeezed(section.chart.subtitle) in text


@poppler
def test_pages_are_numbered_and_listed(told, read) -> None:  # type: ignore[no-untyped-def]
    story = told().story()
    content = render_pdf(story)
    pages = read(content, "pdftotext", "-layout").split("\f")[:-1]
    n = len(pages)
    for number, page in enumerate(pages, start=1):
        assert page.split("\n")[0].split() == [*story.client.split(), "Vertraulich"]
        assert re.search(rf"Stand 15\.01\.2026 +Seite {number} von {n}$", page.rstrip())
    for section in (*story.main, *story.appendix):
        (listed,) = {int(found) for found in re.findall(rf"{re.escape(section.name)} +(\d+)\b", pages[0])}
        assert section.name in pages[listed - 1]
        assert squeezed(section.finding)[:30] in squeezed(pages[listed - 1])


@poppler
def test_the_document_is_tagged_and_says_what_it_is(told, read) -> None:  # type: ignore[no-untyped-def]
    content = render_pdf(told(language="en").story())
    assert b"/MarkInfo<</Marked true" in content
    assert b"/Lang(en-GB)" in content
    assert b"<pdfuaid:part>1</pdfuaid:part>" in content
    about = dict(line.split(":", 1) for line in read(content, "pdfinfo").splitlines())
    assert about["Title"].strip() == "Key account strategy – Müller & Söhne Großhandel GmbH"
    assert about["Author"].strip() == "Müller & Söhne Großhandel GmbH"
    assert about["CreationDate"].strip().startswith("Thu Jan 15 00:00:00 2026")
    structure = read(content, "pdfinfo", "-struct")
    for tag in ("H1", "H2", "Table", "TH", "TD", "Figure", "L", "Caption"):
        assert re.search(rf"^ *{tag}\b", structure, re.MULTILINE)


@poppler
def test_only_the_bundled_fonts_are_used(told, read) -> None:  # type: ignore[no-untyped-def]
    lines = read(render_pdf(told().story()), "pdffonts").splitlines()[2:]
    assert {line.split()[0].partition("+")[2].partition("-")[0] for line in lines} <= {"Lato", "DejaVuSans"}
    assert all(re.search(r" yes yes yes ", line) for line in lines)  # embedded, subset, with the signs they stand for


def test_the_same_story_gives_the_same_bytes(told) -> None:  # type: ignore[no-untyped-def]
    assert render_pdf(told().story()) == render_pdf(told().story())


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The template in a folder of its own, to be changed."""
    shutil.copytree(pdf.kit_folder("templates") / "report", tmp_path / "templates" / "report")
    monkeypatch.setattr(pdf, "kit_folder", lambda name: tmp_path / name)
    return tmp_path / "templates" / "report" / "report.typ"


def test_a_font_that_is_missing_is_an_error(told, template: Path) -> None:  # type: ignore[no-untyped-def]
    template.write_text(template.read_text(encoding="utf-8").replace('"Lato"', '"Calibri"', 1), encoding="utf-8")
    with pytest.raises(DeliverableError) as problem:
        render_pdf(told().story())
    assert str(problem.value) == "report.pdf is not written, since Typst warns: unknown font family: calibri"


def test_what_typst_cannot_set_is_an_error(told, template: Path) -> None:  # type: ignore[no-untyped-def]
    template.write_text('#panic("nein")', encoding="utf-8")
    with pytest.raises(DeliverableError) as problem:
        render_pdf(told().story())
    assert str(problem.value) == "report.pdf cannot be set: panicked with: nein"


@poppler
@pytest.mark.parametrize("first", range(0, len(NASTY), 5))
def test_names_are_printed_as_they_are(told, read, first: int) -> None:  # type: ignore[no-untyped-def]
    """The first five accounts are key accounts: they stand in every section, chart and table."""
    names = [*NASTY][first:] + [*NASTY][:first]
    client = told([*names, *[f"Kunde {i}" for i in range(len(NASTY), 16)]])
    content = render_pdf(client.story(client="#emph[" + names[0] + "]"))
    text = printed(read, content)
    for name in names[:5]:
        expected = squeezed(NASTY[name])
        assert expected in text or expected[::-1] in text
    words = re.findall(r'<word xMin="(.+?)" .*? xMax="(.+?)" .*?>(.*)</word>', read(content, "pdftotext", "-bbox"))
    left, right = 16 / 25.4 * 72, (210 - 16) / 25.4 * 72
    assert [word for x, end, word in words if float(x) < left - 1 or float(end) > right + 1] == []


@pytest.mark.parametrize("audience", ["field", "customer_meeting"])
@poppler
def test_restricted_audiences_find_nothing_hidden(told, read, audience: str) -> None:  # type: ignore[no-untyped-def]
    client = told()
    labels = client.labels
    hidden = [labels("option.takeover"), labels("prose.verdict_partial"), labels("margin_class.loss"), "−40 €", "−4 %"]
    everything = printed(read, render_pdf(client.story()))
    text = printed(read, render_pdf(client.story(audience)))
    assert [word for word in hidden if squeezed(word) not in everything] == []
    assert [word for word in hidden if squeezed(word) in text] == []


def test_without_typst_the_other_files_are_written(told, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("kamkit.model.engagement.find_spec", lambda name: None)
    written = write_deliverables(told().story(), tmp_path, ["pdf", "xlsx"])
    assert [path.suffix for path in written] == [".xlsx"]
    assert written.notes == (
        "Der Bericht als PDF fehlt: Auf diesem Rechner ist Typst nicht installiert (für Windows auf ARM gibt es keine "
        "Fassung). Drucken Sie stattdessen den HTML-Bericht als PDF.",
    )


@poppler
@pytest.mark.parametrize("kind", ["png", "svg"])
def test_colours_and_logo_are_those_of_the_brand(told, tmp_path: Path, kind: str) -> None:  # type: ignore[no-untyped-def]
    picture = io.BytesIO()
    Image.new("RGB", (40, 20), "#00AA77").save(picture, "png")
    drawn = b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20" fill="#00AA77"/></svg>'
    look = Look(Palette(primary="#7A1FA2"), "Muster Beratung", {"png": picture.getvalue(), "svg": drawn}[kind], kind)
    content = render_pdf(replace(told().story(), brand=look))
    (tmp_path / "branded.pdf").write_bytes(content)
    subprocess.run(["pdftoppm", "-r", "50", "-l", "1", "-png", "branded.pdf", "page"], cwd=tmp_path, check=True)
    page = Image.open(next(tmp_path.glob("page*.png"))).convert("RGB")
    colours = {colour for _, colour in page.getcolors(1 << 20)}
    assert {(0x7A, 0x1F, 0xA2), (0x00, 0xAA, 0x77)} <= colours
    logo = [(x, y) for x in range(page.width) for y in range(page.height) if page.getpixel((x, y)) == (0, 0xAA, 0x77)]
    assert min(x for x, _ in logo) > 0.6 * page.width
    assert max(y for _, y in logo) < 0.2 * page.height
