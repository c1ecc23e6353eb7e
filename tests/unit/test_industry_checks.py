"""Industry codes that do not exist: counted, with examples, in the data-quality report and among the questions."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from kamkit.intake.importing import import_engagement
from kamkit.intake.industry_checks import industry_findings
from kamkit.model.engagement import load_engagement
from kamkit.model.kam_type_rules import load_kam_type_rules
from kamkit.model.results import Finding
from kamkit.telling.language import Labels
from kamkit.telling.tables import findings_table

CODES = ["44.1", "4.5", "44.1", "47.11", "45.2", "45.2", "97", "28", None, "Handel"]
EDITIONS = [None, None, None, None, "WZ 2025", "WZ 2008", "nace2", "SIC", "SIC", None]


def findings(codes: list[str | None], editions: list[str | None]) -> dict[str, Finding]:
    ids = [str(n) for n in range(len(codes))]
    booked = pd.DataFrame({"customer_id": ids, "revenue": [10.0 * 2**n for n in range(len(ids))]})
    master = pd.DataFrame({"customer_id": ids, "industry_code": codes, "industry_version": editions}, dtype="string")
    return {found.code: found for found in industry_findings(booked, master, load_kam_type_rules())}


def test_codes_that_no_edition_has_are_counted_with_their_revenue_and_examples() -> None:
    """A lost leading zero, 45 under the edition that took it apart, households; a code of another system apart."""
    found = findings(CODES, EDITIONS)
    impossible, other = found["impossible_industries"], found["unknown_industry_edition"]
    assert impossible.examples == ("44.1 (2×)", "4.5 (1×)", "45.2 (1×)", "97 (1×)")
    assert (impossible.values["n"], impossible.revenue) == (5, 10.0 * (1 + 2 + 4 + 16 + 64))
    assert (other.examples, other.values["n"], other.revenue) == (("SIC (1×)",), 1, 10.0 * 128)


@pytest.mark.parametrize("division", "04 34 40 44 48 54 57 67 76 83 89".split())  # noqa: SIM905
def test_each_impossible_division_is_told(division: str) -> None:
    assert findings([f"{division}.10"], [None])["impossible_industries"].examples == (f"{division}.10 (1×)",)


def test_codes_that_exist_and_texts_are_no_finding() -> None:
    assert findings(["47", "45", "95.31", "Maschinenbau", None], [None] * 5) == {}


def test_without_a_master_or_its_column_nothing_is_said() -> None:
    booked = pd.DataFrame({"customer_id": ["1"], "revenue": [1.0]})
    for master in (None, pd.DataFrame({"customer_id": ["1"]})):
        assert list(industry_findings(booked, master, load_kam_type_rules())) == []


def test_the_report_on_the_data_says_how_many_and_which(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text("Kunde;Datum;Umsatz\n1;02.03.2025;80,00\n2;02.03.2025;20,00\n")
    (tmp_path / "master.csv").write_text("Nr;WZ\n1;44.1\n2;47.11\n")
    columns = {"customer_id": "Kunde", "posting_date": "Datum", "net_revenue": "Umsatz"}
    sources = {
        "transactions": {"path": "sales.csv", "columns": columns},
        "customers": {"path": "master.csv", "columns": {"customer_id": "Nr", "industry_code": "WZ"}},
    }
    (tmp_path / "engagement.yml").write_text(yaml.safe_dump({"client": "Test", "sources": sources}))
    imported = import_engagement(load_engagement(tmp_path), tmp_path / "work")
    told = findings_table(imported, Labels("de", "de_DE", "EUR"))
    assert any(
        "Bei 1 Kunden steht ein Wirtschaftszweig, den es für Firmenkunden nicht gibt (44.1 (1×))." in cell
        for row in told.cells
        for cell in row
    )
