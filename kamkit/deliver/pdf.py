"""The report as a tagged PDF for A4 (PDF/UA-1), set by Typst from the templates in `templates/report`.

All that is said goes in as one JSON text, so that nothing in a name is ever read as markup. A sign that no bundled font can
draw is printed as an empty box: where one would be missing, Typst refuses the whole document.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
import struct
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib.ft2font import FT2Font

from kamkit.deliver.column_widths import column_widths, title_fits
from kamkit.errors import DeliverableError
from kamkit.model.brand import Look
from kamkit.model.codes import Certainty
from kamkit.model.kit import kit_folder
from kamkit.telling import canvas
from kamkit.telling.account_pages import AccountPage
from kamkit.telling.language import Labels
from kamkit.telling.sections import Section
from kamkit.telling.story import Story
from kamkit.telling.tables import ABSENT, DisplayTable

if TYPE_CHECKING:
    import typst

OWN_PAGE = ("pareto", "margin", "recommendations", "plan", "existence")
"""Sections of the main part that begin a page and fill it; the others stand below the one before, as far as they fit."""
FACES = {"Lato": ("Lato-Regular", "Lato-Bold"), "DejaVu Sans": ("DejaVuSans", "DejaVuSans-Bold")}
PAGE_WIDTH = (210 - 2 * 16) / 25.4 * 72
TEXT_SIZE, SMALL_SIZE, MANY_COLUMNS = 8.0, 7.4, 8
"""In points: the room between the margins of the template, the text of a table, and of one with many columns."""
BOX, BREAK = "□", "\u200b"
LONGEST_WORD, PIECE = 30, 10
"""A word without a place to break it, beyond so many signs, may be broken after each so many."""
MOST_FRAMED = 60
"""Rows beyond which words are not framed: in a long list frames are noise, and slow; what is in doubt keeps its frame."""
UNWANTED = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Invisible signs: they turn the direction of what follows, also beyond the name that they stand in, or mean nothing there."""


def render_pdf(story: Story) -> bytes:
    """The story as a tagged PDF of A4 pages. The same story gives the same bytes.

    Raises DeliverableError when Typst cannot set it or warns of anything, as it does where a font is missing: it would be
    replaced silently.
    """
    import typst

    midnight = dt.datetime.combine(story.date, dt.time(), dt.UTC)
    try:
        pdf, warnings = typst.compile_with_warnings(
            str(kit_folder("templates") / "report" / "report.typ"),
            font_paths=_fonts(),
            sys_inputs={"report": _json(_plain(_report(story))), "pictures": _json(_pictures(story))},
            pdf_standards=["ua-1"],
            timestamp=int(midnight.timestamp()),
        )
    except typst.TypstError as error:
        raise DeliverableError(f"report.pdf cannot be set: {error}") from None
    if warnings:
        told = "; ".join(warning.message for warning in warnings)
        raise DeliverableError(f"report.pdf is not written, since Typst warns: {told}")
    return bytes(pdf)


@cache
def _fonts() -> typst.Fonts:
    """The bundled fonts and no others, so that a report looks the same on every machine."""
    import typst

    folders = [str(folder) for folder in _folders().values()]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders)


def _folders() -> dict[str, Path]:
    return {
        "Lato": Path(str(files("font_lato").joinpath("files"))),
        "DejaVu Sans": Path(matplotlib.get_data_path()) / "fonts" / "ttf",
    }


@cache
def _drawable() -> frozenset[str]:
    """The signs that one of the fonts can draw in all the weights that are used."""
    signs: set[str] = set()
    for family, folder in _folders().items():
        faces = [FT2Font(str(folder / f"{face}.ttf")).get_charmap() for face in FACES[family]]
        signs |= {chr(code) for code in set(faces[0]).intersection(*faces[1:])}
    return frozenset(signs - UNWANTED)


class _Signs(dict[int, str]):
    """What is printed for a sign, found when it is first met."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        match unicodedata.category(sign):
            case "Cc" | "Zl" | "Zp":
                self[code] = " "
            case "Zs" if sign not in _drawable():
                self[code] = " "
            case kind:
                self[code] = sign if sign in _drawable() and kind not in {"Co", "Cs", "Cn"} else BOX
        return self[code]


_SIGNS = _Signs()


def _plain(part: Any) -> Any:
    """The same with every text printable: known signs only, and words that can be broken."""
    match part:
        case str():
            return re.sub(rf"\S{{{LONGEST_WORD},}}", _breakable, part.translate(_SIGNS))
        case Mapping():
            return {key: _plain(value) for key, value in part.items()}
        case list() | tuple():
            return [_plain(value) for value in part]
    return part


def _breakable(word: re.Match[str]) -> str:
    return BREAK.join(word[0][i : i + PIECE] for i in range(0, len(word[0]), PIECE))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _pictures(story: Story) -> dict[str, str]:
    """The charts by section and the logo, as SVG."""
    parts = (*story.main, *story.appendix)
    charts = {part.key: part.chart.svg().translate(_SIGNS) for part in parts if part.chart}
    return charts | ({"logo": _logo(story.brand)} if story.brand.logo else {})


def _report(story: Story) -> dict[str, Any]:
    created = story.labels("report.created", date=story.date)
    return {
        "title": story.title,
        "subtitle": " · ".join((story.client, story.period, created)),
        "client": story.client,
        "confidentiality": story.confidentiality,
        "footer": " · ".join(filter(None, (created, story.footer))),
        "language": story.labels.language,
        "region": story.labels.locale.territory,
        "palette": {**asdict(story.brand.palette), "ink": canvas.INK, "mute": canvas.MUTE, "tint": canvas.TINT},
        "own_page": OWN_PAGE,
        "words": _words(story.labels),
        "pages": [_page(page) for page in story.pages if page.is_managed],
        "main": [_section(section) for section in story.main],
        "appendix": [_section(section) for section in story.appendix],
    }


def _logo(brand: Look) -> str:
    """The logo as SVG, which can be handed over as text; a PNG is wrapped in one of its size."""
    if brand.logo_kind == "svg":
        return brand.logo.decode("utf-8", "replace")
    width, height = struct.unpack(">II", brand.logo[16:24])
    picture = base64.b64encode(brand.logo).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f'<image width="{width}" height="{height}" href="data:image/png;base64,{picture}"/></svg>'
    )


def _words(labels: Labels) -> dict[str, Any]:
    """The words of the template that stand in no section; those with a placeholder are filled there."""
    advice = ("name", "recommended_option", "reason", "first_step")
    return {
        **{name: labels(f"report.{name}") for name in ("contents", "appendix", "comments")},
        **{name: labels.sentence(name) for name in ("report.page", "plan.beside", "plan.assessed", "plan.close_mark")},
        "pages": labels("account_page.title"),
        "stop_criterion": labels("column.stop_criterion"),
        "advice": [labels(f"column.{name}") for name in advice],
        "plan": [
            labels("column.rank"),
            labels("column.name"),
            *(labels(f"plan.{name}") for name in ("step", "ask", "who", "stake")),
        ],
    }


def _page(page: AccountPage) -> dict[str, Any]:
    """The page of a key account: a section with facts and the revenue through the years, as bars of a share of the longest."""
    longest = max((bar.value for bar in page.history.bars), default=0)
    bars = [
        {"name": bar.name, "label": bar.label, "length": max(bar.value, 0) / longest if longest > 0 else 0}
        for bar in page.history.bars
    ]
    return {**_section(page.section), "facts": page.facts, "history": {"title": page.history_title, "bars": bars}}


def _section(section: Section) -> dict[str, Any]:
    names = ("key", "name", "finding", "text", "banner", "to_do", "limits")
    return {
        **{name: getattr(section, name) for name in names},
        **{name: [asdict(p) for p in getattr(section, name)] for name in ("tiles", "lists", "lights", "comments")},
        "seen": section.chart.alt_text if section.chart else None,
        "tables": [_table(table) for table in section.tables],
    }


def _table(table: DisplayTable) -> dict[str, Any]:
    """A table by columns and rows; a cell that is shown in a frame is its word, its kind and its code."""
    framed = [column.badge for column in table.columns]
    rows = [
        [
            [cell, kind, str(raw)]
            if kind and cell != ABSENT and (raw == Certainty.BORDERLINE or len(table) <= MOST_FRAMED)
            else cell
            for cell, raw, kind in zip(*line, framed, strict=True)
        ]
        for line in zip(table.cells, table.rows, strict=True)
    ]
    size = TEXT_SIZE if len(framed) < MANY_COLUMNS else SMALL_SIZE
    frames = [any(isinstance(row[i], list) for row in rows) for i in range(len(framed))]
    widths = column_widths(table, frames, PAGE_WIDTH / size)
    columns = [
        {
            "name": column.name,
            "title": column.title,
            "numeric": column.is_numeric,
            "divided": not title_fits(column.title, width),
        }
        for column, width in zip(table.columns, widths, strict=True)
    ]
    parts = {"columns": columns, "rows": rows, "size": size, "widths": widths}
    return {"key": table.key, "caption": table.caption, "more": table.more, **parts}
