"""The report as a tagged PDF for A4 (PDF/UA-1), set by Typst from the templates in `templates/report`.

All that is said goes in as one JSON text, so that nothing in a name is ever read as markup. A sign that no bundled font can
draw is printed as an empty box: where one would be missing, Typst refuses the whole document.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib.ft2font import FT2Font

from kamkit.errors import DeliverableError
from kamkit.model.codes import Certainty
from kamkit.model.kit import kit_folder
from kamkit.telling import canvas
from kamkit.telling.language import Labels
from kamkit.telling.sections import Section
from kamkit.telling.story import Story
from kamkit.telling.tables import ABSENT, DisplayTable

if TYPE_CHECKING:
    import typst

PALETTE = {name.lower(): getattr(canvas, name) for name in ("A", "B", "C", "LINE", "INK", "MUTE", "TINT")}
"""The colours of the template; whoever has colours of their own replaces them here."""
OWN_PAGE = ("pareto", "margin", "recommendations", "plan", "existence", "portfolio", "investment")
"""Sections of the main part that begin a page; the others stand below the one before."""
FACES = {"Lato": ("Lato-Regular", "Lato-Bold"), "DejaVu Sans": ("DejaVuSans", "DejaVuSans-Bold")}
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
            sys_inputs={"report": _json(_plain(_report(story))), "charts": _json(_charts(story))},
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


def _charts(story: Story) -> dict[str, str]:
    parts = (*story.main, *story.appendix)
    return {part.key: part.chart.svg().translate(_SIGNS) for part in parts if part.chart}


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
        "palette": PALETTE,
        "logo": None,
        "own_page": OWN_PAGE,
        "words": _words(story.labels),
        "main": [_section(section) for section in story.main],
        "appendix": [_section(section) for section in story.appendix],
    }


def _words(labels: Labels) -> dict[str, Any]:
    """The words of the template that stand in no section; those with a placeholder are filled there."""
    advice = ("name", "recommended_option", "reason", "first_step")
    return {
        **{name: labels(f"report.{name}") for name in ("contents", "appendix", "comments")},
        **{name: labels.sentence(name) for name in ("report.page", "plan.beside", "plan.assessed", "plan.close_mark")},
        "stop_criterion": labels("column.stop_criterion"),
        "advice": [labels(f"column.{name}") for name in advice],
        "plan": [
            labels("column.rank"),
            labels("column.name"),
            *(labels(f"plan.{name}") for name in ("step", "ask", "who", "stake")),
        ],
    }


def _section(section: Section) -> dict[str, Any]:
    names = ("key", "name", "finding", "text", "banner")
    return {
        **{name: getattr(section, name) for name in names},
        **{name: [asdict(p) for p in getattr(section, name)] for name in ("tiles", "lists", "lights", "comments")},
        "seen": section.chart.alt_text if section.chart else None,
        "tables": [_table(table) for table in section.tables],
    }


def _table(table: DisplayTable) -> dict[str, Any]:
    """A table by columns and rows; a cell that is shown in a frame is its word, its kind and its code."""
    kinds = [column.badge for column in table.columns]
    long = len(table) > MOST_FRAMED
    rows = [
        [
            [cell, kind, str(raw)] if kind and cell != ABSENT and not (long and raw != Certainty.BORDERLINE) else cell
            for cell, raw, kind in zip(*line, kinds, strict=True)
        ]
        for line in zip(table.cells, table.rows, strict=True)
    ]
    columns = [
        {
            "name": column.name,
            "title": column.title,
            "numeric": column.is_numeric,
            "badge": bool(kind),
            **_longest(i, table),
        }
        for i, (column, kind) in enumerate(zip(table.columns, kinds, strict=True))
    ]
    return {"key": table.key, "caption": table.caption, "more": table.more, "columns": columns, "rows": rows}


def _longest(i: int, table: DisplayTable) -> dict[str, str]:
    """The longest entry of a column and its longest word, by which the template divides the page among the columns."""
    entries = [row[i] for row in table.cells]
    words = [word for entry in [*entries, table.columns[i].title] for word in entry.split()]
    return {"longest": max(entries, key=len, default=""), "word": max(words, key=len, default="")}
