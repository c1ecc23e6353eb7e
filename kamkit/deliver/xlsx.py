"""The workbook: the story's tables to filter, sort and fill in, and a ranking that moves with its threshold. Every text
stays text, whatever it begins with; nothing is hidden."""

from __future__ import annotations

import datetime as dt
import io
import math
from typing import Any

import xlsxwriter
from PIL import Image
from xlsxwriter.worksheet import Worksheet

from kamkit.deliver.xlsx_book import LONGEST_TEXT, PALE, Book
from kamkit.deliver.xlsx_decisions import write_decisions
from kamkit.deliver.xlsx_pareto import write_pareto
from kamkit.deliver.xlsx_tables import write_table
from kamkit.telling.canvas import MUTE
from kamkit.telling.sections import Section
from kamkit.telling.story import Sheet, Story

GLANCE_COLUMNS, GLANCE_WIDTH, LOGO_SIZE = 4, 30, (200, 48)
"""The first page: its columns, one per tile, their width in characters, the room for the logo in pixels."""


def render_xlsx(story: Story) -> bytes:
    """The story as an Excel workbook. The same story gives the same bytes."""
    out = io.BytesIO()
    settings = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, settings) as workbook:
        workbook.set_properties(
            {
                "title": f"{story.title} – {story.client}",
                "subject": story.period,
                "author": story.footer or "kamkit",
                "company": story.client,
                "comments": story.confidentiality,
                "created": dt.datetime.combine(story.date, dt.time()),
            }
        )
        book = Book(story, workbook)
        for section in story.main:
            if section.key == "at_a_glance":
                _write_glance(book, section)
        for sheet in story.sheets:
            _write_sheet(book, sheet)
    return out.getvalue()


def _write_sheet(book: Book, sheet: Sheet) -> Worksheet:
    if sheet.pareto:
        return write_pareto(book, sheet, sheet.pareto)
    return write_decisions(book, sheet) if sheet.choices else write_table(book, sheet)


def _write_glance(book: Book, section: Section) -> None:
    """The first page: title, the tiles in a row, the lists, and the sheets with what they show."""
    page, story, last = book.page(book.labels("workbook.glance"), book.palette.primary), book.story, GLANCE_COLUMNS - 1
    page.activate()
    page.fit_to_pages(1, 1)
    page.set_column(0, last, GLANCE_WIDTH)
    book.text(page, 0, 0, story.title, book.format(bold=True, font_size=18, font_color=book.palette.primary))
    page.set_row(0, 28)
    book.text(page, 1, 0, f"{story.client} · {story.period}", book.format(font_color=MUTE))
    _put_logo(book, page)
    if section.banner:
        _paragraph(book, page, 2, section.banner, bold=True)
    _paragraph(book, page, 3, section.finding, bold=True, font_size=13)
    _write_tiles(book, page, 5, section)
    heading, row = book.format(bold=True, font_color=book.palette.primary, font_size=12), 10
    for points in section.lists:
        book.text(page, row, 0, points.title, heading)
        for line in points.lines():
            row += 1
            _paragraph(book, page, row, line)
        row += 2
    if story.sheets:
        book.text(page, row, 0, book.labels("workbook.contents"), heading)
        link = book.format(font_color=book.palette.primary, underline=1, indent=1)
        for y, sheet in enumerate(story.sheets, start=row + 1):
            page.write_url(y, 0, f"internal:'{sheet.name}'!A1", link, sheet.name)
            book.text(page, y, 1, sheet.table.caption, book.format())


def _put_logo(book: Book, page: Worksheet) -> None:
    """The logo in the last column of the head; a workbook can hold pixels only."""
    brand = book.story.brand
    if brand.logo and brand.logo_kind == "png":
        picture = Image.open(io.BytesIO(brand.logo))
        dpi = picture.info.get("dpi", (96, 96))[1]
        scale = min(LOGO_SIZE[0] / picture.width, LOGO_SIZE[1] / picture.height) * dpi / 96
        page.insert_image(
            0,
            GLANCE_COLUMNS - 1,
            "logo.png",
            {"image_data": io.BytesIO(brand.logo), "x_scale": scale, "y_scale": scale, "decorative": True},
        )


def _write_tiles(book: Book, page: Worksheet, row: int, section: Section) -> None:
    looks: dict[str, dict[str, Any]] = {
        "value": {"bold": True, "font_size": 18, "font_color": book.palette.primary},
        "title": {"text_wrap": True},
        "note": {"font_color": MUTE, "text_wrap": True},
    }
    for i, tile in enumerate(section.tiles):
        for y, (part, look) in enumerate(looks.items(), start=row):
            book.text(page, y, i, getattr(tile, part), book.format(**look, bg_color=PALE, indent=1))
    for y, height in enumerate((27, 30, 30), start=row):
        page.set_row(y, height)


def _paragraph(book: Book, page: Worksheet, row: int, text: str, **look: float) -> None:
    """A text over the whole width, as high as it needs."""
    style = book.format(text_wrap=True, indent=1, **look)
    page.merge_range(row, 0, row, GLANCE_COLUMNS - 1, "", style)
    book.text(page, row, 0, text[:LONGEST_TEXT], style)
    page.set_row(row, 15 * math.ceil(len(text) / (0.95 * GLANCE_COLUMNS * GLANCE_WIDTH)))
