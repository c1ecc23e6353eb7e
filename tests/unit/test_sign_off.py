"""The page on which client and consultant agree about the data."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kamkit.deliver import write_deliverables
from kamkit.deliver.html import render_sign_off
from kamkit.model.codes import Severity
from kamkit.model.results import Finding
from kamkit.telling.story import Story
from kamkit.telling.tables import bridge_table

BRIDGE = pd.DataFrame(
    [
        (2024, "in_files", 500, 1200.0),
        (2024, "imported", 500, 1200.0),
        (2025, "in_files", 501, 2475.0),
        (2025, "no_customer", -10, -40.0),
        (2025, "currency", None, 25.0),
        (2025, "imported", 491, 2460.0),
        (2025, "stated", None, 2700.0),
        (2025, "difference", None, -240.0),
        (2025, "unexplained", None, 10.0),
        (None, "in_files", 1, 7.0),
        (None, "no_date", -1, -7.0),
        (None, "imported", 0, 0.0),
    ],
    columns=["fiscal_year", "step", "rows", "revenue"],
).astype({"fiscal_year": "Int64", "rows": "Int64"})
RECONCILIATION = pd.DataFrame(
    [
        {
            "fiscal_year": 2025,
            "stated": 2700.0,
            "imported": 2460.0,
            "difference": -240.0,
            "difference_share": -240 / 2700,
            "within_tolerance": False,
            "explained_by": "rule",
            "explained_detail": "no_customer",
            "explained": 250.0,
        }
    ]
)
FINDINGS = (
    Finding("difference_accepted", "transactions", revenue=-240.0, values={"year": "2025", "reason": "Boni <später>"}),
    Finding("missing_month", "transactions", rows=1, revenue=205.0, values={"n": 1, "months": [], "usual": 205.0}),
    Finding("terms_missing", "terms", Severity.INFO, revenue=2460.0),
)


@pytest.fixture
def story(told: Callable[..., Any]) -> Callable[..., Story]:
    """The story of the small client, with an import that has something to sign for."""

    def build(language: str = "de", audience: str = "sales_management") -> Story:
        client = told(language=language)
        imported = replace(client.imported, bridge=BRIDGE, reconciliation=RECONCILIATION, findings=FINDINGS)
        return replace(client, imported=imported).story(audience)

    return build


def test_the_bridge_has_a_row_per_step_and_a_column_per_year(told: Callable[..., Any]) -> None:
    client = told()
    rules = pd.concat([client.imported.rules, client.imported.rules.assign(rule="no_date", rows=1, revenue=7.0)])
    table = bridge_table(replace(client.imported, bridge=BRIDGE, rules=rules), 1, client.labels)
    assert [column.title for column in table.columns] == ["Schritt", "Zeilen", "2024", "2025", "ohne Datum"]
    assert [tuple(cell.replace("\u00a0", " ") for cell in row) for row in table.cells] == [
        ("alle Zeilen der Dateien", "1.002", "1.200 €", "2.475 €", "7 €"),
        ("Umrechnung in die Projektwährung", "–", "–", "25 €", "–"),
        ("ohne Kunden", "−10", "–", "−40 €", "–"),
        ("ohne Datum", "−1", "–", "–", "−7 €"),
        ("importiert", "991", "1.200 €", "2.460 €", "0 €"),
        ("Angabe des Auftraggebers", "–", "–", "2.700 €", "–"),
        ("Abweichung", "–", "–", "−240 €", "–"),
        ("davon nicht erklärt", "–", "–", "10 €", "–"),
    ]


def test_of_many_years_the_latest_are_shown(told: Callable[..., Any]) -> None:
    client = told()
    years = [(year, "imported", 10, 100.0) for year in range(2019, 2026)]
    bridge = pd.DataFrame(years, columns=BRIDGE.columns).astype(dict(BRIDGE.dtypes))
    table = bridge_table(replace(client.imported, bridge=bridge), 7, client.labels)
    assert [column.title for column in table.columns[2:]] == ["GJ 2022", "GJ 2023", "GJ 2024", "GJ 2025"]
    assert (table.rows[0][1], table.more) == (40, "… und 3 frühere Jahre")


def test_an_old_result_without_a_bridge_has_an_empty_table(told: Callable[..., Any]) -> None:
    client = told()
    assert len(bridge_table(client.imported, 1, client.labels)) == 0


def test_the_page_says_what_is_signed(story: Callable[..., Story]) -> None:
    page = story().sign_off
    assert page is not None
    assert [text.replace("\u00a0", " ") for text in page.differences] == [
        "2025: Die Abweichung wäre erklärt durch ohne Kunden (von uns entfernt, vom Auftraggeber mitgezählt): 250 €. "
        "Offen bleiben 10 €.",
        "2025 weicht der importierte Umsatz um −240 € von der Angabe des Auftraggebers ab. Angegebener Grund: "
        "Boni <später>",
    ]
    assert [text.replace("\u00a0", " ") for text in page.points] == [
        "In 1 Monat fehlt fast der ganze übliche Umsatz von 205 €. Vermutlich fehlt er im Export."
    ]
    asked = [row[1] for row in page.questions.rows]
    assert "Fehlt im Export ein Monat ()?" in asked
    assert "Welche Boni, Werbekostenzuschüsse und Skonti wurden außerhalb der Rechnungen gewährt?" in asked
    assert [row[3] for row in page.questions.rows] == sorted((row[3] for row in page.questions.rows), reverse=True)


@pytest.mark.parametrize(
    ("language", "signature"), [("de", "Ort, Datum, Unterschrift"), ("en", "Place, date, signature")]
)
def test_it_can_be_signed_and_holds_nothing_from_outside(
    story: Callable[..., Story], language: str, signature: str
) -> None:
    page = render_sign_off(story(language))
    assert page.count(f"<span>{signature}</span>") == 2
    assert "Boni &lt;später&gt;" in page
    assert not re.search(r"<script|(?:src|href)=|url\((?!data:)", page)


def test_it_lies_beside_the_report_for_those_who_agree_on_the_data(story: Callable[..., Story], tmp_path: Path) -> None:
    written = write_deliverables(story(), tmp_path, ["html"])
    names = [path.name.rpartition("_2025_")[2] for path in written]
    assert names == ["report.html", "data_sign-off.html", "data-request_de.html", "data-request_en.html"]
    assert len(write_deliverables(story(), tmp_path / "book", ["xlsx"])) == 1
    for audience in ("field", "customer_meeting"):
        assert len(write_deliverables(story(audience=audience), tmp_path / audience, ["html"])) == 1
