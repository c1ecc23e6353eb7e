"""The report as one HTML file: everything inside, no request leaves the page, complete without its script."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from fontTools import subset  # type: ignore[import-untyped]
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from kamkit.model.brand import Look
from kamkit.model.kit import kit_folder
from kamkit.telling.chart_data import HeatMapData, ParetoData
from kamkit.telling.data_request import DataRequest
from kamkit.telling.language import Labels
from kamkit.telling.sections import Section
from kamkit.telling.story import NAMED_IN_MAIN_PART, Story, is_restricted

ALPHABET = "".join(map(chr, range(0x20, 0x7F))) + "\u00a0ÄÖÜäöüß§°·×–—‘’‚“”„«»•…€−→≈◊‹›"
"""What the typeface always holds, so that most pages share it; signs that a page needs beyond it are added."""
FONTS_GO_HERE, SCRIPT_GOES_HERE, NOTEBOOK_GOES_HERE = "/* fonts */", "/* script */", "<!-- notebook -->"

MOST_IN_APPENDIX = 10
IN_WORKBOOK = {
    "cross_selling": "whitespace",
    "lapsed": "lapsed",
    "sites": "sites",
    "takeover": "takeover",
    "evidence": "options",
    "positions": "portfolio",
    "value": "value",
    "intensity": "intensity",
    "weights": "weights",
    "methods": "method",
}
"""Tables of the appendix and the sheets of the workbook that have all their rows."""

TOLD_BY_SCRIPT = (
    "report.hits",
    "report.threshold_same",
    "report.threshold_more",
    "report.threshold_fewer",
    "chart.further_key_accounts",
    "chart.rest",
    "chart.together",
    "chart.cumulative",
    "chart.class",
    "chart.margin_rate",
    "chart.threshold",
)
"""The sentences that the page's script fills."""


def render_html(story: Story) -> str:
    """The story as a self-contained page, A4 when printed. The same story gives the same bytes."""
    story = replace(story, appendix=tuple(_trimmed(section, story) for section in story.appendix))
    script, live = re.sub(r"\n\s*(//[^\n]*)?", "\n", _part("report.js")), _live(story)
    drawn = [s for s in (*story.main, *story.appendix) if s.chart and not isinstance(s.chart.data, HeatMapData)]
    charts = {section.key: Markup(section.chart.svg()) for section in drawn if section.chart}
    locale = str(story.labels.locale).replace("_", "-")
    told = {"locale": locale, "signs": _signs(story.labels), "words": _words(story.labels), "pareto": live}
    managed = [page.account_id for page in story.pages if page.is_managed]
    whole = managed or [page.account_id for page in story.pages[:NAMED_IN_MAIN_PART]]
    parts = {"charts": charts, "told": told, "live": live is not None, "places": _places(story), "whole": whole}
    return dress_page("report", story.labels, story.brand, {SCRIPT_GOES_HERE: script}, story=story, **parts)


def _trimmed(section: Section, story: Story) -> Section:
    """A section of the appendix without rows that the workbook has in full, told with the sheet that has them; evidence
    that stands on the pages of key accounts is not told twice."""
    labels, names = story.labels, {sheet.key: sheet.name for sheet in story.sheets}
    shown, text = [], section.text
    for table in section.tables:
        sheet, left = names.get(IN_WORKBOOK.get(table.key, "")), table.left + len(table) - MOST_IN_APPENDIX
        if sheet and table.key == "evidence" and story.pages:
            pages = labels("account_page.title")
            text = f"{text} {labels('report.evidence_on_pages', section=pages, sheet=sheet)}".strip()
            continue
        if sheet and left > 0:
            more, kept = labels("report.more_in_workbook", n=left, sheet=sheet), slice(MOST_IN_APPENDIX)
            table = replace(table, rows=table.rows[kept], cells=table.cells[kept], more=more, left=left)
        shown.append(table)
    return replace(section, text=text, tables=tuple(shown))


def _words(labels: Labels) -> dict[str, str]:
    """The sentences for the script with their placeholders, by the last part of their key."""
    return {form.partition(".")[2]: text for key in TOLD_BY_SCRIPT for form, text in labels.forms(key)}


def _signs(labels: Labels) -> dict[str, str]:
    """How numbers are written, for the script: browsers know other editions of the countries' habits."""
    return {
        "group": labels.count(1111).replace("1", ""),
        "decimal": labels.number(1.1).replace("1", ""),
        "percent": labels.percent(0),
    }


def _live(story: Story) -> dict[str, Any] | None:
    """What the script draws the Pareto from; None where there is nothing to move, and for those who do not decide."""
    charts = (section.chart for section in story.main if section.key == "pareto")
    data = next((chart.data for chart in charts if chart), None)
    if not isinstance(data, ParetoData) or len(data.values) < 2 or is_restricted(story.audience):
        return None
    named = [row for row in data.rows if row.n_accounts == 1]
    return {
        "threshold": data.threshold,
        "total": data.n_accounts,
        "finding": data.finding,
        "head": data.head,
        "size": data.unit.size,
        "digits": data.unit.digits,
        "values": data.values,
        "names": [row.name for row in named],
        "borderline": [place for place, row in enumerate(named) if row.is_borderline],
        "margins": None if all(row.margin_rate is None for row in data.rows) else [row.margin_rate for row in named],
    }


def _places(story: Story) -> dict[object, str]:
    """Where the page of an account stands, by its name where only one has it, and by rank and name."""
    named = Counter(page.section.name for page in story.pages)
    places: dict[object, str] = {}
    for number, page in enumerate(story.pages, start=1):
        name, place = page.section.name, f"k{number}"
        places[page.rank, name] = place
        if named[name] == 1:
            places[name] = place
    return places


def render_sign_off(story: Story) -> str:
    """The page on the data to be signed, and the questions to the client, for A4. The same story gives the same bytes."""
    return dress_page("sign_off", story.labels, story.brand, story=story, page=story.sign_off)


def render_plans(story: Story) -> str:
    """The account plans, each on pages of its own when printed; no script. The same story gives the same bytes."""
    return dress_page("account_plans", story.labels, story.brand, story=story)


def render_request(request: DataRequest) -> str:
    """A data request as a page of its own, to be printed or sent; it needs no script."""
    return dress_page("data_request", request.labels, Look(), request=request)


def dress_page(
    name: str, labels: Labels, brand: Look, inserted: Mapping[str, str] | None = None, **parts: object
) -> str:
    """A page from its template, dressed like the report and by its own style sheet.

    `inserted` is put in place of its marks once all else is written, letter by letter; of scripts, it may run the one in it.
    """
    given = inserted or {}
    styles = [_part(f"{style}.css") for style in dict.fromkeys(["report", name])]
    dress = {"styles": styles, "palette": brand.palette, "logo": _logo(brand)}
    script_hash = _hash(given.get(SCRIPT_GOES_HERE, ""))
    template = _templates().get_template(f"{name}.html")
    page = _lean(template.render(labels=labels, script_hash=script_hash, **dress, **parts))
    alphabet = "".join(sorted({*ALPHABET, *page, *"".join(given.values())} & _drawn()))
    faces = "\n".join(
        f"@font-face{{font-family:Lato;font-weight:{weight};src:url(data:font/woff2;base64,{_font(style, alphabet)})}}"
        for weight, style in ((400, "Regular"), (700, "Bold"))
    )
    for mark, text in {FONTS_GO_HERE: faces, **given}.items():
        page = page.replace(mark, text, 1)
    return page


def _lean(page: str) -> str:
    """The page without what HTML can do without: end tags of rows, cells and list items, quotes around plain words, and
    space between lines. Text is escaped, so that all this stands in markup only."""
    page = re.sub(r"</(?:td|th|tr|thead|tbody|li|dt|dd)>", "", page)
    page = re.sub(r"<[a-z][^>]*>", lambda tag: re.sub(r'="([\w#.-]+)"(?=[ >])', r"=\1", tag[0]), page)
    return re.sub(r"\n[ \n]*", "\n", page)


def _logo(brand: Look) -> str:
    """The logo as an address that holds it; nothing where there is none."""
    kind = {"png": "image/png", "svg": "image/svg+xml"}[brand.logo_kind]
    return f"data:{kind};base64,{base64.b64encode(brand.logo).decode()}" if brand.logo else ""


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(kit_folder("templates") / "report"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
    return templates


def _part(name: str) -> Markup:
    return Markup((kit_folder("templates") / "report" / name).read_text(encoding="utf-8"))


def _hash(script: str) -> str:
    """The digest by which the page's policy knows its own script."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@cache
def _drawn() -> frozenset[str]:
    """The signs that Lato has."""
    with subset.load_font(_font_file("Regular"), subset.Options()) as font:
        return frozenset(map(chr, font.getBestCmap()))


def _font_file(style: str) -> str:
    return str(files("font_lato").joinpath("files", f"Lato-{style}.ttf"))


@cache
def _font(style: str, alphabet: str) -> str:
    """Lato with the signs of an alphabet, as base64 WOFF2."""
    options = subset.Options(flavor="woff2", hinting=False, layout_features=["kern", "liga", "lnum", "tnum"])
    options.recalc_timestamp = False
    out = io.BytesIO()
    with subset.load_font(_font_file(style), options) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(text=alphabet)
        subsetter.subset(font)
        subset.save_font(font, out, options)
    return base64.b64encode(out.getvalue()).decode()
