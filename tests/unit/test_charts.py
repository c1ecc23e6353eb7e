"""Charts: what stands in the axes, what is printed, that nothing global is touched, that colours can be told apart."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import subprocess
import sys
import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from kamkit.analysis.concentration import measure_concentration
from kamkit.analysis.pareto import rank_accounts
from kamkit.model.brand import Palette
from kamkit.model.codes import Basis
from kamkit.model.engagement import Period
from kamkit.model.results import KeyAccounts, StrategyOptions
from kamkit.telling import canvas
from kamkit.telling.canvas import Chart, clean_name, drawing, fitted, text_width, wrapped
from kamkit.telling.chart_data import REPORT_WIDTH, Frame, ParetoData
from kamkit.telling.charts import plot_account_risk, plot_concentration, plot_pareto, plot_recommendations
from kamkit.telling.language import Labels

YEAR = Period(start=dt.date(2025, 1, 1), end=dt.date(2025, 12, 31))
DE, EN = Labels("de", "de_DE", "EUR"), Labels("en", "en_GB", "GBP")
NBSP, PALETTE = "\u00a0", Palette()


def key_accounts_of(
    values: list[float],
    names: list[str] | None = None,
    margins: list[float] | None = None,
    membership: dict[str, float] | None = None,
    threshold: float = 0.8,
    basis: Basis = Basis.REVENUE,
) -> KeyAccounts:
    ids = [f"K{i:03d}" for i in range(1, len(values) + 1)]
    accounts = pd.DataFrame({"account_id": ids, "name": names or [f"Kunde {i}" for i in ids], "revenue": values})
    accounts["margin"] = margins or math.nan
    pareto = rank_accounts(accounts.astype({"revenue": float}), threshold, basis)
    ranked = pareto.table["account_id"]
    return KeyAccounts(
        pareto=pareto,
        concentration=measure_concentration(pareto.table["value"]),
        membership=pd.DataFrame(
            {"account_id": ranked, "membership_probability": ranked.map(membership or {}).astype(float)}
        ),
        tiers=pd.DataFrame({"account_id": ranked, "tier": "key"}),
    )


def many(n: int, sigma: float = 1.5) -> list[float]:
    """A realistic skew: lognormal amounts, largest first."""
    return sorted(np.round(np.random.default_rng(5).lognormal(11, sigma, n), 2).tolist(), reverse=True)


def texts(chart: Chart) -> list[str]:
    return [t.get_text().replace(NBSP, " ") for t in chart.figure.findobj(Text) if t.get_text()]


def axes(chart: Chart, label: str) -> Axes:
    return next(a for a in chart.figure.axes if a.get_label() == label)


def bars(chart: Chart) -> list[tuple[str, float, str]]:
    """Label, length and colour of every bar."""
    return [
        (
            str(container.get_label()),
            container.patches[0].get_width(),
            to_hex(container.patches[0].get_facecolor()).upper(),
        )
        for container in axes(chart, "bars").containers
    ]


def assert_nothing_overlaps_or_leaves(chart: Chart) -> None:
    with drawing():
        FigureCanvasAgg(chart.figure).draw()
        shown = [t for t in chart.figure.findobj(Text) if t.get_text()]
        boxes = [t.get_window_extent().padded(-1.5) for t in shown]
    page = chart.figure.bbox
    for text, box in zip(shown, boxes, strict=True):
        inside = page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1
        assert inside, f"{text.get_text()!r} leaves the page"
    for (one, a), (other, b) in itertools.combinations(zip(shown, boxes, strict=True), 2):
        assert Bbox.intersection(a, b) is None, f"{one.get_text()!r} lies on {other.get_text()!r}"


def test_the_pareto_chart_of_a_few_accounts() -> None:
    key_accounts = key_accounts_of(
        [500e3, 300e3, 120e3, 70e3, 10e3, 0, -4e3],
        names=["Müller & Söhne", "Ruhrtal Chemie", "Jäger AG", "Weiß KG", "Elbe", "Null", "Gutschrift"],
        margins=[100e3, -30e3, math.nan, 7e3, 1e3, 0, 0],
        membership={"K001": 1.0, "K002": 0.7, "K003": 0.3, "K004": 0.0, "K005": 0.049},
    )
    chart = plot_pareto(key_accounts, DE, Frame(YEAR))
    a, b, c = PALETTE.primary, PALETTE.secondary, PALETTE.neutral
    assert bars(chart) == [
        ("Müller & Söhne", 500e3, a),
        ("Ruhrtal Chemie", 300e3, a),
        ("Jäger AG", 120e3, b),
        ("Weiß KG", 70e3, b),
        ("Elbe", 10e3, c),
    ]
    line = next(line for line in axes(chart, "cumulative").lines if line.get_label() == "cumulative_share")
    assert line.get_xdata().tolist() == pytest.approx([0.5, 0.8, 0.92, 0.99, 1.0])
    assert line.get_ydata().tolist() == [0.5, 1.5, 2.5, 3.5, 4.5]
    shown = texts(chart)
    assert "2 von 7 Kunden bringen 80 % des Umsatzes" in shown
    assert "Umsatz je Kunde in Tsd. € und kumulierter Anteil · 2025 · n = 7" in shown
    assert "Umsatz in Tsd. €" in shown
    assert [t for t in shown if t in {"500", "300", "120", "70", "10"}] == ["500", "300", "120", "70", "10"]
    assert [t for t in shown if t in {"20 %", "−10 %", "–", "10 %"}] == ["20 %", "−10 %", "–", "10 %", "10 %"]
    assert [t for t in shown if t in {"50 %", "80 %", "100 %"}] == ["50 %", "80 %", "100 %"]
    assert [t for t in shown if t.endswith("% des Umsatzes")] == [
        "2 von 7 Kunden bringen 80 % des Umsatzes",
        "80 % des Umsatzes",
        "19 % des Umsatzes",
        "1 % des Umsatzes",
    ]
    assert "Fett: Key Accounts, der kleinste Kreis von Kunden, der 80 % des Umsatzes erreicht." in shown
    assert shown.count("◊") == 2
    assert "◊ Grenzfall: In einem etwas anderen Jahr stünde der Kunde auf der anderen Seite der Schwelle." in shown
    assert "Nicht in der Rangfolge: 2 Kunden ohne positiven Wert (Umsatz zusammen −4.000 €)." in shown
    assert "Quelle: Buchungsdaten des Auftraggebers; eigene Berechnung" in shown
    assert "Schwelle 80 %" in shown
    assert chart.alt_text.replace(NBSP, " ") == (
        "Balken je Kunde nach Umsatz, von 500 Tsd. € bis 10,0 Tsd. €. Am größten: Müller & Söhne 500 Tsd. €, "
        "Ruhrtal Chemie 300 Tsd. € und Jäger AG 120 Tsd. €. Der Schnitt liegt nach 2 von 5 Kunden bei 80 %."
    )


def test_key_accounts_are_bold_and_the_cut_lies_below_the_last() -> None:
    chart = plot_pareto(key_accounts_of([50, 30, 15, 5]), EN, Frame(YEAR))
    weights = {t.get_text(): t.get_fontweight() for t in chart.figure.findobj(Text) if t.get_text().startswith("Kunde")}
    assert weights == {"Kunde K001": "bold", "Kunde K002": "bold", "Kunde K003": "normal", "Kunde K004": "normal"}
    rows = axes(chart, "bars").get_position()
    assert axes(chart, "cut").get_position().y0 == pytest.approx(rows.y0 + rows.height * 2 / 4)


def test_fifty_key_accounts_of_three_hundred_are_drawn_in_blocks() -> None:
    values = [1000.0 - i for i in range(50)] + [47.0] * 250
    key_accounts = key_accounts_of(values)
    n_key = key_accounts.pareto.n_key_accounts
    chart = plot_pareto(key_accounts, DE, Frame(YEAR))
    assert [name for name, _, _ in bars(chart)] == [f"Kunde K{i:03d}" for i in range(1, 16)]
    shown = texts(chart)
    assert f"{n_key - 15} weitere Key Accounts" in shown
    assert f"Übrige ({300 - n_key})" in shown
    further, rest = axes(chart, "bars").patches[15:]
    assert to_hex(further.get_facecolor()).upper() == PALETTE.primary
    assert rest.get_hatch() == "/////"
    assert to_hex(rest.get_facecolor()).upper() == canvas.PAPER
    assert further.get_data().values.tolist() == values[15:n_key]
    assert sum(rest.get_data().values) / len(rest.get_data().values) == pytest.approx(np.mean(values[n_key:]), rel=0.02)
    line = next(line for line in axes(chart, "cumulative").lines if line.get_label() == "cumulative_share")
    assert line.get_xdata()[-1] == 1.0
    assert (np.diff(line.get_xdata()) > 0).all()
    assert (np.diff(line.get_ydata()) > 0).all()


def test_with_few_key_accounts_the_first_twenty_are_named() -> None:
    values = [1000.0] + [10.0] * 25
    chart = plot_pareto(key_accounts_of(values), EN, Frame(YEAR))
    assert len(bars(chart)) == 20
    assert "Others (6)" in texts(chart)
    assert not [t for t in texts(chart) if "further" in t]


def test_twenty_five_accounts_are_all_named() -> None:
    chart = plot_pareto(key_accounts_of(many(25)), EN, Frame(YEAR))
    assert len(bars(chart)) == 25
    assert not [t for t in texts(chart) if t.startswith("Others")]


def test_margins_are_left_out_for_those_who_may_not_see_them() -> None:
    key_accounts = key_accounts_of([50, 30], margins=[5.0, 4.0])
    assert "DB-Quote" in texts(plot_pareto(key_accounts, DE, Frame(YEAR)))
    assert not [t for t in texts(plot_pareto(key_accounts, DE, Frame(YEAR), show_margin=False)) if "DB-Quote" in t]
    assert "DB-Quote" not in texts(plot_pareto(key_accounts_of([50, 30]), DE, Frame(YEAR)))
    by_margin = key_accounts_of([50, 30], margins=[5.0, 4.0], basis=Basis.MARGIN)
    shown = texts(plot_pareto(by_margin, DE, Frame(YEAR)))
    assert "DB-Quote" not in shown
    assert "2 von 2 Kunden bringen 100 % des Deckungsbeitrags" in shown


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ([12345.0], "Ein einziger Kunde steht für 100 % des Umsatzes"),
        ([900.0, 60.0], "1 von 2 Kunden bringt 94 % des Umsatzes"),
        ([10.0] * 4, "4 von 4 Kunden bringen 100 % des Umsatzes"),
        ([0.0, -5.0], "Kein Kunde liegt im Zeitraum über null (Umsatz)"),
    ],
)
def test_titles_of_small_cases(values: list[float], title: str) -> None:
    chart = plot_pareto(key_accounts_of(values), DE, Frame(YEAR))
    assert title in texts(chart)
    assert_nothing_overlaps_or_leaves(chart)


@pytest.mark.parametrize(("labels", "width"), [(DE, canvas.PAGE_WIDTH), (DE, REPORT_WIDTH), (EN, REPORT_WIDTH)])
@pytest.mark.parametrize("n", [1, 2, 24, 26, 300])
@pytest.mark.parametrize("sigma", [0.05, 2.5])
def test_nothing_overlaps_and_nothing_leaves_the_page(n: int, sigma: float, width: float, labels: Labels) -> None:
    values = many(n, sigma)
    names = [
        ("Vereinigte Süddeutsche Bäckereitechnik und Ofenbau Beteiligungsgesellschaft mbH " * 4) if i % 3 else "AG"
        for i in range(n)
    ]
    key_accounts = key_accounts_of(values, names, [v * 0.3 for v in values], {f"K{n // 2:03d}": 0.5})
    assert_nothing_overlaps_or_leaves(plot_pareto(key_accounts, labels, Frame(YEAR, width=width)))


NASTY = [
    "<script>alert('x')</script> & Söhne",
    "$a_1$ 5 $ und $\\frac{",
    "A" * 300,
    "Rakete 🚀 株式会社",
    "Zeile\neins\x00\x0b\tzwei",
    "  ",
    "=1+1",
    "{n}",
]


def test_names_are_printed_as_they_are_written() -> None:
    chart = plot_pareto(key_accounts_of([90, 80, 70, 60, 50, 40, 30, 20], NASTY), DE, Frame(YEAR, width=REPORT_WIDTH))
    shown = texts(chart)
    assert "$a_1$ 5 $ und $\\frac{" in shown
    assert "Rakete 🚀 株式会社" in shown
    assert "Zeile eins zwei" in shown
    assert "K006" in shown  # no name: the id
    assert "=1+1" in shown
    assert "{n}" in shown
    cut = next(t for t in shown if t.startswith("AAAA"))
    assert cut.endswith("…")
    with drawing():
        assert text_width(cut, canvas.SIZES["text"], bold=True) <= 0.29 * REPORT_WIDTH
    root = ET.fromstring(chart.svg())
    written = ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert any(t.startswith("<script>alert(") for t in written)
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
    assert_nothing_overlaps_or_leaves(chart)


def test_the_svg_is_text_and_the_same_bytes_each_time() -> None:
    key_accounts = key_accounts_of(many(40))
    first, second = (plot_pareto(key_accounts, DE, Frame(YEAR)).svg() for _ in range(2))
    assert first == second
    root = ET.fromstring(first)
    assert root.get("role") == "img"
    assert root.get("aria-label") == plot_pareto(key_accounts, DE, Frame(YEAR)).alt_text
    assert "Lato" in first
    assert "<text" in first
    assert "<metadata" not in first
    assert len(first) < 20_000
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    assert not [i for i in ids if "_" in str(i)]


def test_the_chart_shows_itself_in_a_notebook() -> None:
    chart = plot_pareto(key_accounts_of([3, 2, 1]), DE, Frame(YEAR))
    data, metadata = chart._repr_png_()
    assert data.startswith(b"\x89PNG")
    assert metadata["alt"] == chart.alt_text
    assert metadata["width"] == 920
    assert repr(chart) == f"<Chart: {chart.alt_text}>"


def test_no_global_setting_is_left_behind() -> None:
    before = dict(matplotlib.rcParams)
    plot_pareto(key_accounts_of(many(30)), DE, Frame(YEAR)).png(dpi=40)
    assert dict(matplotlib.rcParams) == before
    lone = "import sys, kamkit.telling.charts; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", lone], check=True)


def test_plotting_leaves_its_results_alone() -> None:
    key_accounts = key_accounts_of(many(30), membership={"K003": 0.5})
    before = (key_accounts.pareto.table.copy(deep=True), key_accounts.membership.copy(deep=True))
    plot_pareto(key_accounts, DE, Frame(YEAR))
    plot_concentration(key_accounts, DE, Frame(YEAR))
    pd.testing.assert_frame_equal(key_accounts.pareto.table, before[0])
    pd.testing.assert_frame_equal(key_accounts.membership, before[1])


def test_concentration() -> None:
    chart = plot_concentration(key_accounts_of([60, 30, 10]), EN, Frame(YEAR))
    shown = texts(chart)
    assert "The largest account stands for 60% of revenue" in shown
    assert "Lorenz curve, Gini 0.33" in shown
    assert "From 10% of revenue on, listed companies report on the customer (IFRS 8.34)." in shown
    assert [(name, value) for name, value, _ in bars(chart)] == [
        ("Share of the largest account (CR-1)", pytest.approx(0.6)),
        ("Share of the three largest (CR-3)", pytest.approx(1.0)),
        ("Largest 20% of accounts", pytest.approx(0.6)),
    ]
    curve = next(line for line in axes(chart, "lorenz").lines if line.get_label() == "lorenz")
    assert curve.get_ydata().tolist() == pytest.approx([0, 0.1, 0.4, 1])
    assert_nothing_overlaps_or_leaves(chart)
    assert_nothing_overlaps_or_leaves(
        plot_concentration(key_accounts_of(many(60)), DE, Frame(YEAR, width=REPORT_WIDTH))
    )
    assert "No account is above zero in the period (Revenue)" in texts(
        plot_concentration(key_accounts_of([0]), EN, Frame(YEAR))
    )


def options_of(recommended: list[str], at_risk: list[float], levels: list[str]) -> StrategyOptions:
    ids, none = [f"K{i:03d}" for i in range(1, len(recommended) + 1)], pd.DataFrame()
    return StrategyOptions(
        options=none,
        indicators=none,
        account_risk=pd.DataFrame({"account_id": ids, "revenue_at_risk": at_risk, "level": levels}),
        cross_selling=none,
        recommendations=pd.DataFrame({"account_id": ids, "recommended_option": recommended}),
        actions=none,
        backtests=none,
    )


def test_recommendations_count_key_accounts_only_and_basic_care_last() -> None:
    key_accounts = key_accounts_of([20.0] * 5 + [0.1])
    recommended = ["basic_care", "relationship", "cross_selling", "basic_care", "cross_selling", "alliance"]
    chart = plot_recommendations(options_of(recommended, [0.0] * 6, ["green"] * 6), key_accounts, DE, Frame(YEAR))
    n_key = key_accounts.pareto.n_key_accounts
    assert n_key == 5
    assert bars(chart) == [
        ("Cross-Selling", 2, PALETTE.primary),
        ("Beziehungsmanagement", 1, PALETTE.primary),
        ("Grundbetreuung", 2, PALETTE.neutral),
    ]
    assert "Am häufigsten empfohlen: Cross-Selling (2 von 5)" in texts(chart)
    assert_nothing_overlaps_or_leaves(chart)


def test_revenue_at_risk_is_sorted_and_its_level_written() -> None:
    key_accounts = key_accounts_of([50.0, 49.0, 1.0])
    options = options_of(["basic_care"] * 3, [1000.0, 5000.0, 9000.0], ["green", "red", "amber"])
    chart = plot_account_risk(options, key_accounts, DE, Frame(YEAR))
    assert bars(chart) == [("Kunde K002", 5000.0, PALETTE.accent), ("Kunde K001", 1000.0, PALETTE.neutral)]
    shown = texts(chart)
    assert "Bei 2 Key Accounts stehen zusammen 6,0 Tsd. € Umsatz auf dem Spiel" in shown
    assert "5,0 · hoch" in shown
    assert "1,0 · unauffällig" in shown
    none = options_of(["basic_care"] * 3, [0.0, math.nan, 5.0], ["green"] * 3)
    assert "Bei keinem Key Account steht Umsatz auf dem Spiel" in texts(
        plot_account_risk(none, key_accounts, DE, Frame(YEAR))
    )


def test_texts_are_cut_and_broken_by_their_width() -> None:
    with drawing():
        assert fitted("Kurz", 2.0, 9.5) == "Kurz"
        assert fitted("W" * 50, 0.5, 9.5).endswith("…")
        assert text_width(fitted("W" * 50, 0.5, 9.5), 9.5) <= 0.5
        lines = wrapped("eins zwei drei vier fünf sechs", 0.8, 9.5)
        assert " ".join(lines) == "eins zwei drei vier fünf sechs"
        assert all(text_width(line, 9.5) <= 0.8 for line in lines)
        assert wrapped(f"12{NBSP}Mio.{NBSP}€", 0.1, 9.5) != ["12", "Mio.", "€"]
    assert clean_name(math.nan, "K1") == clean_name(None, "K1") == clean_name("\x00 \n", "K1") == "K1"


# --- colours ---------------------------------------------------------------------------------------------------------


def linear(colour: str) -> np.ndarray:
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def contrast_on_white(colour: str) -> float:
    """WCAG 2: (L1 + .05) / (L2 + .05)."""
    return float(1.05 / (linear(colour) @ [0.2126, 0.7152, 0.0722] + 0.05))


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    t = xyz / [0.95047, 1.0, 1.08883]
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


SIGHT = {  # Machado, Oliveira & Fernandes 2009, full severity, on linear RGB
    "normal": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def test_colours_stand_out_from_the_page() -> None:
    graphics = {
        colour: contrast_on_white(colour)
        for colour in (PALETTE.primary, PALETTE.secondary, PALETTE.neutral, PALETTE.accent)
    }
    written = {
        colour: contrast_on_white(colour) for colour in (canvas.INK, canvas.MUTE, PALETTE.accent, PALETTE.primary)
    }
    assert {c: round(x, 1) for c, x in graphics.items()} == {
        "#0B4F8A": 8.4,
        "#3F93D2": 3.3,
        "#84909C": 3.3,
        "#B84E00": 5.1,
    }
    assert min(graphics.values()) >= 3
    assert min(written.values()) >= 4.5


@pytest.mark.parametrize("sight", SIGHT)
def test_colours_can_be_told_apart(sight: str) -> None:
    seen = [
        lab(np.clip(SIGHT[sight] @ linear(c), 0, 1))
        for c in (PALETTE.primary, PALETTE.secondary, PALETTE.neutral, PALETTE.accent)
    ]
    distances = [float(np.linalg.norm(one - other)) for one, other in itertools.combinations(seen, 2)]
    assert min(distances) >= 20


def test_the_data_of_the_pareto_chart_are_what_is_drawn() -> None:
    key_accounts = key_accounts_of(
        [50.0, 30.0, 20.0, 0.0], names=["Eins", "Zwei", "", "Null"], margins=[5.0, -3.0, math.nan, 0.0]
    )
    data = plot_pareto(key_accounts, DE, Frame(YEAR)).data
    assert isinstance(data, ParetoData)
    assert [
        (r.name, r.value, r.share, r.cumulated, r.abc_class, r.is_key, r.n_accounts, r.margin_rate) for r in data.rows
    ] == [
        ("Eins", 50.0, 0.5, 0.5, "A", True, 1, 0.1),
        ("Zwei", 30.0, 0.3, 0.8, "A", True, 1, -0.1),
        ("K003", 20.0, 0.2, 1.0, "B", False, 1, None),
    ]
    assert (data.values, data.n_accounts, data.threshold) == ((50.0, 30.0, 20.0), 4, 0.8)
    hidden = plot_pareto(key_accounts, DE, Frame(YEAR), show_margin=False).data
    assert isinstance(hidden, ParetoData)
    assert {row.margin_rate for row in hidden.rows} == {None}


def test_blocks_of_the_pareto_chart_add_up() -> None:
    key_accounts = key_accounts_of(many(300))
    data = plot_pareto(key_accounts, EN, Frame(YEAR)).data
    assert isinstance(data, ParetoData)
    assert sum(row.n_accounts for row in data.rows) == 300
    assert sum(row.value for row in data.rows) == pytest.approx(sum(data.values))
    assert [row.is_key for row in data.rows] == [True] * (len(data.rows) - 1) + [False]
    assert data.rows[-1].abc_class is None  # B and C in one


def test_nothing_is_drawn_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(canvas, "Page", lambda chart: drawn.append(chart.title))
    chart = plot_pareto(key_accounts_of([3, 2, 1]), DE, Frame(YEAR))
    assert chart.title.replace(NBSP, " ") == "2 von 3 Kunden bringen 83 % des Umsatzes"
    assert drawn == []
