"""All four deliverables of all cases: the same sentences everywhere, one language at a time, no codes, and names that try to
be something else."""

from __future__ import annotations

import io
import re
import shutil
import string
import subprocess
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from lxml import etree, html

from kamkit.deliver import RENDERERS
from kamkit.execution.project import open_project
from kamkit.model.engagement import LANGUAGES
from kamkit.model.kit import bundled_cases
from kamkit.telling.language import catalogue
from kamkit.telling.story import Story, story_of
from tests.large_case import NASTY_NAMES, write_large_case

pytestmark = pytest.mark.slow

FILES = {"html": "report.html", "pdf": "report.pdf", "pptx": "deck.pptx", "xlsx": "workbook.xlsx"}
CASES = (*bundled_cases(), "large", "nasty")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Story]:
    folder = tmp_path_factory.mktemp("stories")

    @cache
    def told(case: str, language: str) -> Story:
        if case in bundled_cases():
            return story_of(open_project(case, language, work=folder / case))
        names = NASTY_NAMES if case == "nasty" else ()
        file = write_large_case(
            folder / f"{case}-{language}", names, language, {"de": "de_AT", "en": "en_US"}[language]
        )
        return story_of(open_project(str(file)))

    return told


@pytest.fixture(scope="module")
def made(story: Callable[[str, str], Story]) -> Callable[[str, str], Mapping[str, bytes]]:
    @cache
    def rendered(case: str, language: str) -> Mapping[str, bytes]:
        told = story(case, language)
        return {name: RENDERERS[name][kind](told) or b"" for name, kind in FILES.items()}

    return rendered


def plain(text: str) -> str:
    """A text with spaces of one kind."""
    return " ".join(text.split())


def pieces(name: str, content: bytes) -> Iterator[str]:
    """What can be read in a deliverable, piece by piece: cells, paragraphs, or the whole text of a page."""
    if name == "html":
        tree = html.fromstring(content.decode("utf-8"))
        for part in tree.xpath("//style|//script"):
            part.drop_tree()
        yield from tree.itertext()
    elif name == "pdf":
        if shutil.which("pdftotext") is None:
            pytest.skip("needs Debian's poppler-utils")
        read = subprocess.run(["pdftotext", "-raw", "-", "-"], input=content, capture_output=True, check=True)
        yield read.stdout.decode("utf-8")
    elif name == "pptx":
        yield from _of_slides(content)
    else:
        from openpyxl import load_workbook

        for sheet in load_workbook(io.BytesIO(content), data_only=True):
            yield from (str(cell) for row in sheet.iter_rows(values_only=True) for cell in row if cell is not None)


def _of_slides(content: bytes) -> Iterator[str]:
    from pptx import Presentation

    for slide in Presentation(io.BytesIO(content)).slides:
        for shape in slide.shapes:
            if shape.has_text_frame:
                yield from (paragraph.text for paragraph in shape.text_frame.paragraphs)
            elif shape.has_table:
                yield from (cell.text for row in shape.table.rows for cell in row.cells)
        if slide.has_notes_slide:
            yield slide.notes_slide.notes_text_frame.text


def squeezed(text: str) -> str:
    """A text without spaces and hyphens: lines of a PDF break anywhere."""
    return re.sub(r"[\s\u00ad\u200b\u2010\u2011\u202a-\u202e\u2066-\u2069-]", "", text)


RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\u202e]")


def text_of(name: str, content: bytes) -> str:
    return squeezed(" ".join(pieces(name, content)))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_every_format_says_the_same(
    story: Callable[[str, str], Story], made: Callable[[str, str], Mapping[str, bytes]], case: str, language: str
) -> None:
    told, files = story(case, language), made(case, language)
    texts = {name: text_of(name, content) for name, content in files.items()}

    def without(sentence: str, formats: Iterable[str]) -> list[str]:
        """The formats that lack a sentence; a PDF stores text from right to left as it is seen, not as it is said."""
        formats = [name for name in formats if not (name == "pdf" and RIGHT_TO_LEFT.search(sentence))]
        return [name for name in formats if squeezed(sentence.rstrip(".")) not in texts[name]]

    glance = told.main[0]
    for sentence in (glance.finding, *(point for points in glance.lists for point in points.points)):
        assert without(sentence, texts) == [], sentence
    for section in told.main:
        assert without(section.finding, ("html", "pdf", "pptx")) == [], section.finding
    for section in told.appendix:
        assert without(section.finding, ("html", "pdf")) == [], section.finding
    assert squeezed(told.part("pareto").chart.title) in texts["xlsx"]
    for record in told.part("recommendations").tables[0].records()[:5]:
        assert without(record["reason"], texts) == [], record["reason"]


TYPED_BY_CLIENTS = {"Kunden", "Außendienst", "Vertriebsleitung"}
"""A sheet of the raw workbook of pseudo-kam; who decided and who was asked in the large case."""


def other_words(language: str) -> frozenset[str]:
    """Whole texts of the other language's catalogue that this one does not have: what a reader would stumble over."""
    own = {plain(text) for text in catalogue(language).values()}
    (other,) = set(LANGUAGES) - {language}
    fixed = {
        plain(text) for text in catalogue(other).values() if not [f for _, f, *_ in string.Formatter().parse(text) if f]
    }
    return frozenset(text for text in fixed - own if len(text) > 3)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_no_word_of_the_other_language_and_no_code(
    made: Callable[[str, str], Mapping[str, bytes]], case: str, language: str
) -> None:
    strange, codes = other_words(language), re.compile(r"\b[a-z]{2,}_[a-z_]{2,}\b")
    for name, content in made(case, language).items():
        if name == "pdf":  # its pieces are pages: whole cells cannot be told
            continue
        read = {plain(piece) for piece in pieces(name, content)}
        assert read & strange <= TYPED_BY_CLIENTS, name
        coded = {found for piece in read for found in codes.findall(piece)}
        assert coded == set(), name


def test_names_of_any_kind_stay_text(made: Callable[[str, str], Mapping[str, bytes]]) -> None:
    files = made("nasty", "de")
    tree = html.fromstring(files["html"].decode("utf-8"))
    assert tree.xpath("//img[@onerror]") == []
    for name in ("pptx", "xlsx"):
        with zipfile.ZipFile(io.BytesIO(files[name])) as book:
            assert book.testzip() is None
            for part in book.namelist():
                if part.endswith((".xml", ".rels")):
                    etree.fromstring(book.read(part))
    from openpyxl import load_workbook

    formulas = [
        str(cell.value)
        for sheet in load_workbook(io.BytesIO(files["xlsx"]))
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "f"
    ]
    assert not [f for f in formulas if "cmd" in f or "A1:A9" in f]
    for name, content in files.items():
        text = text_of(name, content)
        for literal in ("=cmd|' /C calc'!A0", "<img src=x onerror=alert(1)>", "'; DROP TABLE kunden; --"):
            assert squeezed(literal) in text, (name, literal)


@pytest.mark.parametrize("name", FILES)
def test_a_deliverable_is_the_same_when_made_again(
    story: Callable[[str, str], Story], made: Callable[[str, str], Mapping[str, bytes]], name: str
) -> None:
    again = RENDERERS[name][FILES[name]](story("pseudo-kam", "de"))
    assert again == made("pseudo-kam", "de")[name]


@pytest.mark.parametrize("audience", ["field", "customer_meeting"])
def test_what_an_audience_may_not_see_is_in_no_part_of_any_file(tmp_path: Path, audience: str) -> None:
    file = write_large_case(tmp_path, audience=audience)
    told = story_of(open_project(str(file)))
    for name, kind in FILES.items():
        content = RENDERERS[name][kind](told) or b""
        text = text_of(name, content)
        if name in ("pptx", "xlsx"):
            with zipfile.ZipFile(io.BytesIO(content)) as parts:
                for part in parts.namelist():
                    if part.endswith(".xml"):
                        text += squeezed(parts.read(part).decode("utf-8"))
                    elif part.endswith(".xlsx"):
                        with zipfile.ZipFile(io.BytesIO(parts.read(part))) as inner:
                            inside = [inner.read(p).decode("utf-8") for p in inner.namelist() if p.endswith(".xml")]
                            text += squeezed(" ".join(inside))
        for word in ("DB-Quote", "Deckungsbeitrag 2025", "Übernahme", "Pseudo", "verlustbringend"):
            assert squeezed(word) not in text, (name, word)
        if audience == "customer_meeting":
            assert squeezed("Maschinenbau 1 GmbH") not in text, name


def test_a_swiss_report_is_swiss_in_every_format(tmp_path: Path) -> None:
    file = write_large_case(tmp_path, language="de", locale="de_CH", currency="CHF")
    told = story_of(open_project(str(file)))
    by_client = {"Großkunden", "Großenbrode", "Straßburger", "Außendienst"}
    for name, kind in FILES.items():
        if name == "pdf":  # breaks words anywhere
            continue
        text = " ".join(pieces(name, RENDERERS[name][kind](told) or b""))
        assert set(re.findall(r"\w*ß\w*", text)) <= by_client, name
        assert not re.search(r"[„“€]|\d\s%", text), name
        assert re.search(r"CHF\s\d", text), name
