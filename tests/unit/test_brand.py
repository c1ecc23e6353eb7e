"""The dress of deliverables: colours that can be read, files that exist, and charts that follow."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path

import pytest

from kamkit.errors import EngagementError
from kamkit.model.brand import Palette, contrast
from kamkit.model.engagement import Period, load_engagement
from kamkit.telling.canvas import Chart
from kamkit.telling.chart_data import Frame
from kamkit.telling.charts import plot_recommendations
from kamkit.telling.language import Labels
from tests.unit.test_charts import key_accounts_of, options_of

PNG = b"\x89PNG\r\n\x1a\n"
ENGAGEMENT = """
client: Muster
sources: {{transactions: {{path: umsatz.csv, columns: {{customer_id: Kunde, posting_date: Datum, net_revenue: Betrag}}}}}}
brand: {{{brand}}}
"""


def written(folder: Path, brand: str) -> Path:
    (folder / "engagement.yml").write_text(ENGAGEMENT.format(brand=brand), encoding="utf-8")
    return folder / "engagement.yml"


def test_contrast_runs_from_one_to_twenty_one() -> None:
    assert contrast("#FFFFFF") == 1
    assert contrast("#000000") == 21
    assert contrast("#FFFFFF", "#000000") == 21


def test_a_brand_dresses_the_story(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(PNG + b"...")
    with zipfile.ZipFile(tmp_path / "vorlage.potx", "w") as package:
        package.writestr("ppt/presentation.xml", "<presentation/>")
    template = (tmp_path / "vorlage.potx").read_bytes()
    look = load_engagement(
        written(
            tmp_path, "logo: logo.png, template: vorlage.potx, footer: Beratung & Söhne, colours: {primary: '#7a0019'}"
        )
    ).look
    assert (look.palette.primary, look.palette.accent) == ("#7A0019", Palette().accent)
    assert (look.logo, look.logo_kind, look.template, look.footer) == (
        PNG + b"...",
        "png",
        template,
        "Beratung & Söhne",
    )


def test_what_is_wrong_with_a_brand_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(EngagementError) as caught:
        load_engagement(written(tmp_path, "colours: {primary: '#FFCC00', secondary: blau, main: '#000000'}"))
    assert list(caught.value.problems) == [
        "brand.colours: primary: #FFCC00 has a contrast of 1.5 on white, and needs 4.5 to be read: take a darker one, such as "
        "#8E7200",
        "brand.colours: secondary: 'blau' is no colour like #0B4F8A",
        "brand.colours: 'main' is not known. Known are: primary, secondary, neutral, accent",
    ]


@pytest.mark.parametrize(
    ("brand", "content", "problem"),
    [
        (
            "logo: logo.png",
            None,
            "brand.logo: logo.png does not exist: give a PNG or SVG file in the engagement's folder",
        ),
        ("logo: logo.png", b"GIF89a", "brand.logo: logo.png is neither PNG nor SVG: save it as one of them"),
        (
            "logo: logo.png",
            PNG + b"0" * 150_000,
            "brand.logo: logo.png has 150 KB, and every deliverable carries it: make it smaller than 100 KB",
        ),
        (
            "logo: logo.png",
            b'<svg><image href="https://x.example/a.png"/></svg>',
            "brand.logo: logo.png loads https://x.example/a.png from elsewhere: save it with all pictures inside",
        ),
        (
            "template: logo.png",
            b"PK\x03\x04",
            "brand.template: logo.png is no PowerPoint file: save it as .pptx or .potx",
        ),
        (
            "template: .",
            None,
            "brand.template: . is a folder: give a PowerPoint file in the engagement's folder",
        ),
        ("template: logo.png", PNG, "brand.template: logo.png is no PowerPoint file: save it as .pptx or .potx"),
        (
            "logo: ../logo.png",
            None,
            "brand.logo: ../logo.png leaves the engagement's folder: move the file there or set allow_outside: true",
        ),
    ],
)
def test_files_of_a_brand_are_looked_at_before_a_run(
    tmp_path: Path, brand: str, content: bytes | None, problem: str
) -> None:
    if content is not None:
        (tmp_path / "logo.png").write_bytes(content)
    with pytest.raises(EngagementError) as caught:
        load_engagement(written(tmp_path, brand))
    assert list(caught.value.problems) == [problem]


def chart_in(palette: Palette) -> Chart:
    period = Period(start=dt.date(2025, 1, 1), end=dt.date(2025, 12, 31))
    options = options_of(["cross_selling", "basic_care"], [0.0] * 2, ["green"] * 2)
    labels = Labels("de", "de_DE", "EUR")
    return plot_recommendations(options, key_accounts_of([3.0, 2.0]), labels, Frame(period, palette=palette))


def test_a_chart_is_drawn_in_the_colours_of_its_frame() -> None:
    palette = Palette(primary="#7A0019", neutral="#505860")
    drawn, usual = chart_in(palette).svg().upper(), chart_in(Palette()).svg().upper()
    assert "#7A0019" in drawn
    assert "#505860" in drawn
    assert Palette().primary not in drawn
    assert Palette().primary in usual


def test_an_svg_may_point_into_itself(tmp_path: Path) -> None:
    drawn = '<svg><path id="a"/><use href="#a" fill="url(#b)"/><image href="data:image/png;base64,AA"/></svg>'
    (tmp_path / "logo.svg").write_text(drawn)
    assert load_engagement(written(tmp_path, "logo: logo.svg")).look.logo_kind == "svg"
