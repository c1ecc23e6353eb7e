"""The printed report of the four synthetic cases: short enough to be read, and nothing runs out of its page."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from kamkit import open_project
from kamkit.deliver.pdf import render_pdf
from kamkit.model.engagement import LOCALES
from kamkit.model.kit import bundled_cases
from kamkit.telling.story import MAIN, Story, story_of
from tests.large_case import write_large_case

LONGEST_MAIN_PART = 8
MARGIN = 16 / 25.4 * 72
WORD = re.compile(r'<word xMin="(.+?)" yMin="(.+?)" xMax="(.+?)" yMax="(.+?)">(.*)</word>')

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler's pdftotext is not installed"),
]


def pages_of(story: Story, folder: Path, *options: str) -> list[str]:
    (folder / "report.pdf").write_bytes(render_pdf(story))
    command = ["pdftotext", *options, folder / "report.pdf", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\f")


@pytest.fixture(scope="module", params=["de", "en"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=[*bundled_cases(), "large"])
def story(request: pytest.FixtureRequest, language: str, tmp_path_factory: pytest.TempPathFactory) -> Story:
    work = tmp_path_factory.getbasetemp() / f"pdf-{request.param}"
    if request.param == "large":
        return story_of(open_project(str(write_large_case(work / language, (), language, LOCALES[language]))))
    return story_of(open_project(request.param, language, work))


def test_the_main_part_is_read_in_eight_pages(story: Story, tmp_path: Path) -> None:
    pages = pages_of(replace(story, pages=()), tmp_path, "-layout")
    appendix = story.labels("report.appendix")
    starts = [n for n, page in enumerate(pages) if re.search(rf"(?m)^{appendix}$", page)]
    assert 5 < starts[0] <= LONGEST_MAIN_PART
    first = {section.name: n for n in range(starts[0], 0, -1) for section in story.main if section.name in pages[n]}
    assert [first[story.labels(f"story.{key}")] for key in ("pareto", "margin", "recommendations", "plan")] == [
        1,
        2,
        3,
        4,
    ]
    assert MAIN[0] == "at_a_glance"
    assert story.main[0].name in pages[0]


def test_a_managed_account_has_one_page(story: Story, tmp_path: Path) -> None:
    alone = replace(story, appendix=(), main=story.main[:1])
    managed = tuple(replace(page, is_managed=True) for page in story.pages)
    assert len(managed) > 20
    pages = pages_of(replace(alone, pages=managed), tmp_path, "-layout")
    assert len(pages) - 1 == len(managed) + 1
    for page, told in zip(pages[1:], managed, strict=False):
        assert told.section.name in page
        assert told.section.finding.split()[0] in page


def test_nothing_leaves_its_page(story: Story, tmp_path: Path) -> None:
    width, height = 210 / 25.4 * 72, 297 / 25.4 * 72
    words = [word for page in pages_of(story, tmp_path, "-bbox") for word in WORD.findall(page)]
    assert len(words) > 3000
    outside = [
        word
        for left, top, right, bottom, word in words
        if float(left) < MARGIN - 1
        or float(right) > width - MARGIN + 1
        or float(top) < 20
        or float(bottom) > height - 20
    ]
    assert outside == []


def test_no_heading_is_left_at_the_foot_of_a_page(story: Story, tmp_path: Path) -> None:
    parts = (*story.main, *story.appendix)
    headings = {part.name for part in parts} | {points.title for part in parts for points in part.lists}
    headings |= {table.caption for part in parts for table in part.tables}
    headings |= {part.finding for part in parts}
    for number, page in enumerate(pages_of(story, tmp_path, "-layout")[1:], start=2):
        lines = [" ".join(line.split()) for line in page.splitlines() if line.strip()]
        assert lines[-2:-1] == [] or lines[-2] not in headings, number
