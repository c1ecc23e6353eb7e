"""The report as one HTML file: everything inside, no request leaves the page, complete without its script."""

from __future__ import annotations

import base64
import hashlib
import io
from functools import cache
from importlib.resources import files

from fontTools import subset  # type: ignore[import-untyped]
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from kamkit.model.kit import kit_folder
from kamkit.telling.data_request import DataRequest
from kamkit.telling.language import Labels
from kamkit.telling.story import Story

ALPHABET = "".join(map(chr, [*range(0x20, 0x7F), *range(0xA0, 0x180)])) + "–—‘’‚“”„«»•…€−→◊‹›"


def render_html(story: Story) -> str:
    """The story as a self-contained page, A4 when printed. The same story gives the same bytes."""
    script = _part("report.js")
    charts = {s.key: Markup(s.chart.svg()) for s in (*story.main, *story.appendix) if s.chart}
    return _page("report", story.labels, story=story, script=script, script_hash=_hash(script), charts=charts)


def render_sign_off(story: Story) -> str:
    """The page on the data to be signed, and the questions to the client, for A4. The same story gives the same bytes."""
    return _page("sign_off", story.labels, story=story, page=story.sign_off)


def render_plans(story: Story) -> str:
    """The account plans, each on pages of its own when printed; no script. The same story gives the same bytes."""
    return _page("account_plans", story.labels, story=story)


def render_request(request: DataRequest) -> str:
    """A data request as a page of its own, to be printed or sent; it needs no script."""
    return _page("data_request", request.labels, request=request)


def _page(name: str, labels: Labels, **parts: object) -> str:
    """A page from its template, dressed like the report and by its own style sheet."""
    templates = Environment(
        loader=FileSystemLoader(kit_folder("templates") / "report"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    fonts = {400: _font("Regular"), 700: _font("Bold")}
    styles = [_part(f"{style}.css") for style in dict.fromkeys(["report", name])]
    return templates.get_template(f"{name}.html").render(labels=labels, styles=styles, fonts=fonts, **parts)


def _part(name: str) -> Markup:
    return Markup((kit_folder("templates") / "report" / name).read_text(encoding="utf-8"))


def _hash(script: str) -> str:
    """The digest by which the page's policy knows its own script."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@cache
def _font(weight: str) -> str:
    """Lato with the letters of European languages, as base64 WOFF."""
    options = subset.Options(flavor="woff", hinting=False, layout_features=["kern", "liga", "lnum", "tnum"])
    options.recalc_timestamp = False
    font = subset.load_font(str(files("font_lato").joinpath("files", f"Lato-{weight}.ttf")), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=ALPHABET)
    subsetter.subset(font)
    out = io.BytesIO()
    subset.save_font(font, out, options)
    return base64.b64encode(out.getvalue()).decode()
