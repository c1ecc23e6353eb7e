"""The deliverables of one engagement in one language: each format beside what a user would pick instead.

Everything runs in one process, warm: each row once on another case before the clock starts, then on a story built anew, so
that charts are drawn again and no page is found in a cache. What is computed before (the four steps) is outside; building the story is a row of its own. CPU seconds count
children, of which Chromium has several.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import Clock, Measurement, measure
from tests.large_case import write_large_case

CHROMIUM = shutil.which("chromium")
FORMATS = {"html": "report.html", "pdf": "report.pdf", "pptx": "deck.pptx", "xlsx": "workbook.xlsx"}
BESIDE = {
    "html": "nbconvert, executed 05_report",
    "pdf": "Chromium, print of the HTML",
    "pptx": "python-pptx, charts as pictures",
    "xlsx": "openpyxl, the same tables",
}


def deliver(case: str, work: str) -> Clock:
    """Render each format and what stands beside it; the CPU of each is a phase."""
    from kamkit.deliver import RENDERERS
    from kamkit.execution.project import open_project
    from kamkit.telling.story import story_of

    project = open_project(case, "de", work=Path(work))
    ours = {name: RENDERERS[name][kind] for name, kind in FORMATS.items()}
    rivals: dict[str, Callable[[Any], object]] = {"xlsx": _openpyxl, "pptx": _pictures, "html": _nbconvert(project)}
    if CHROMIUM:
        rivals["pdf"] = _chromium
    rows = {**ours, **{BESIDE[name]: rival for name, rival in rivals.items()}}
    other = story_of(open_project("pseudo-kam", "de", work=Path(work) / "other"))
    for render in rows.values():
        render(other)
    clock = Clock()
    with _with_children(clock, "story"):
        story = story_of(project)
    for name, render in ours.items():
        with _with_children(clock, name):
            render(story)
    for name, rival in rivals.items():
        with _with_children(clock, BESIDE[name]):
            rival(story_of(project) if name == "pptx" else story)
    return clock


@contextmanager
def _with_children(clock: Clock, name: str) -> Iterator[None]:
    """A phase whose CPU seconds count children that have finished."""
    before = os.times()
    yield
    after = os.times()
    clock.phases[name] = (after.elapsed - before.elapsed, sum(after[:4]) - sum(before[:4]))


def _nbconvert(project: Any) -> Callable[[Any], str]:
    """The report notebook, executed beforehand, as HTML with nbconvert's own template."""
    import nbformat
    from nbconvert import HTMLExporter

    from kamkit.model.kit import kit_folder

    notebook = nbformat.read(kit_folder("notebooks") / "05_report.ipynb", as_version=4)
    return lambda _: str(HTMLExporter(exclude_input=True).from_notebook_node(notebook)[0])


def _chromium(story: Any) -> None:
    from kamkit.deliver.html import render_html

    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        page.write_text(render_html(story), encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile"]
        command = [str(CHROMIUM), *options, f"--print-to-pdf={folder}/report.pdf", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True)


def _openpyxl(story: Any) -> None:
    import io

    from openpyxl import Workbook

    book = Workbook()
    for sheet in story.sheets:
        page = book.create_sheet(sheet.name[:31])
        page.append([column.title for column in sheet.table.columns])
        for row in sheet.table.cells:
            page.append([str(cell).replace("\x07", "") for cell in row])
    book.save(io.BytesIO())


def _pictures(story: Any) -> None:
    import io

    from pptx import Presentation
    from pptx.util import Inches

    deck = Presentation()
    for section in story.main:
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        slide.shapes.title.text = section.finding
        if section.chart:
            slide.shapes.add_picture(io.BytesIO(section.chart.png()), Inches(0.5), Inches(1.5), width=Inches(9))
    deck.save(io.BytesIO())


def main() -> str:
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        cases = {"machinery, 289 customers, 58 key accounts": "machinery"}
        cases["300 customers, 50 key accounts"] = str(write_large_case(Path(folder) / "large"))
        for title, case in cases.items():
            found = measure(deliver, case, f"{folder}/{Path(case).parent.name or case}", runs=3)
            yield f"deliverables of {title}, one language, warm (medians of 3)"
            yield from _rows(found)
            yield ""


def _rows(found: Measurement) -> Iterator[str]:
    cpu = {name: seconds for name, (_, seconds) in found.phases.items()}
    for name, beside in BESIDE.items():
        rival = f"{beside}: {cpu[beside]:.2f} s CPU, {cpu[name] / cpu[beside]:.2f} of it" if beside in cpu else ""
        yield f"{name:>8}{cpu[name]:8.2f} s CPU    {rival}"
    yield f"{'all four':>8}{sum(cpu[name] for name in FORMATS):8.2f} s CPU, and {cpu['story']:.2f} s for the story they tell"
