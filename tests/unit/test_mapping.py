"""The mapping sheet of inputs.xlsx: what a person answers there counts before any file is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from kamkit.errors import InputError
from kamkit.execution.engagements import NewEngagement, create_engagement
from kamkit.intake.importing import check_engagement, import_engagement
from kamkit.intake.input_sheets import HEADING_ROW
from kamkit.intake.input_writing import refresh_inputs
from kamkit.intake.inputs import read_mapping
from kamkit.model.engagement import load_engagement
from kamkit.model.results import Imported

LINES = [
    "Kundennr;Datum;Umsatz;Menge;Notiz",
    "007;31.01.2025;100,50;1;a",
    "008;28.02.2025;200,00;2;b",
    "007;01.03.2025;1,00;3;c",
]
UNNAMED = ["Kundennr;Datum;Spalte 3;Menge", *(f"{n % 4};0{n}.01.2025;{n * 3},25;{n}" for n in range(1, 9))]


def made(folder: Path, lines: Sequence[str], language: str = "de") -> NewEngagement:
    (folder / "sales.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return create_engagement(folder / "acme", "Acme", folder / "sales.csv", language=language)


def answer(folder: Path, column: str, confirmed: str, **cells: str) -> int:
    """Answer a row of the mapping sheet, or add one; the row's number. Other cells by their code."""
    path = folder / "acme" / "inputs.xlsx"
    book = openpyxl.load_workbook(path)
    page = book.worksheets[0]
    place = {"table": 1, "column": 2, "source": 3, "confirmed": 7}
    first = HEADING_ROW + 1
    rows = range(first, first + 100)
    row = next((y for y in rows if page.cell(y, 2).value == column), None)
    row = row or next(y for y in rows if not page.cell(y, 2).value)
    for code, value in {"table": "transactions", "column": column, "confirmed": confirmed, **cells}.items():
        page.cell(row, place[code], value).data_type = "s"  # as Excel keeps what is typed into a text cell
    book.save(path)
    return row


def run(folder: Path) -> Imported:
    return import_engagement(load_engagement(folder / "acme"), folder / "acme" / "work")


def lines_of(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "acme" / "work" / "tables" / "transactions.parquet")


def test_proposals_stand_in_the_sheet_with_their_confidence(tmp_path: Path) -> None:
    made(tmp_path, LINES)
    rows = {row.column: row for row in read_mapping(tmp_path / "acme" / "inputs.xlsx")}
    assert (rows["net_revenue"].source, rows["net_revenue"].confidence, rows["net_revenue"].confirmed) == (
        "Umsatz",
        0.93,
        None,
    )
    page = openpyxl.load_workbook(tmp_path / "acme" / "inputs.xlsx").worksheets[0]
    headings = [cell.value for cell in page[HEADING_ROW]][:8]
    assert headings == [
        *(
            "Tabelle",
            "Feld",
            "Spalte im Export",
            "Beispiele",
            "Sicherheit in %",
            "erkannt an",
            "bestätigt",
            "Bemerkung",
        ),
    ]
    shown = [cell.value for cell in page[HEADING_ROW + 1]][:6]
    assert shown == ["Buchungszeilen", "customer_id", "Kundennr", "007 · 008", "92", "Überschrift und Inhalt"]


def test_a_confirmed_column_counts_before_the_engagement_file(tmp_path: Path) -> None:
    made(tmp_path, LINES)
    answer(tmp_path, "net_revenue", "ja", source="= Umsatz * Menge")
    imported = run(tmp_path)
    assert imported.revenue_kept == 503.5
    columns = imported.columns.set_index("column")
    assert (columns.loc["net_revenue", "source"], columns.loc["net_revenue", "origin"]) == (
        "= Umsatz * Menge",
        "confirmed",
    )
    assert columns.loc["customer_id", "origin"] == "engagement"


def test_a_no_takes_a_column_out_and_a_row_of_ones_own_adds_one(tmp_path: Path) -> None:
    made(tmp_path, LINES, language="en")
    answer(tmp_path, "quantity", "no")
    answer(tmp_path, "product_name", "yes", source="Notiz")
    run(tmp_path)
    assert list(lines_of(tmp_path).columns) == ["customer_id", "posting_date", "net_revenue", "product_name"]


def test_a_guessed_amount_stops_until_it_is_confirmed(tmp_path: Path) -> None:
    new = made(tmp_path, UNNAMED)
    problem = (
        "sheet 'Spalten', row 7: net_revenue is only 35% certain to be 'Spalte 3': answer yes, or name the right column "
        "and answer yes"
    )
    assert new.to_do[0] == problem
    with pytest.raises(InputError) as error:
        check_engagement(load_engagement(tmp_path / "acme"))
    assert (error.value.where, error.value.problems) == ("inputs.xlsx", (problem,))
    answer(tmp_path, "net_revenue", "ja")
    assert run(tmp_path).revenue_kept == 110.0


def test_what_nobody_recognised_is_asked_for_and_can_be_named(tmp_path: Path) -> None:
    made(
        tmp_path,
        [LINES[0].replace("Kundennr", "Spalte 1"), *(f"{n % 3}x{line[3:]}" for n, line in enumerate(LINES[1:]))],
    )
    with pytest.raises(InputError) as error:
        run(tmp_path)
    row = answer(tmp_path, "customer_id", "ja", source="Spalte 1")
    problem = f"sheet 'Spalten', row {row}: no column was recognised for customer_id: name it and answer yes"
    assert error.value.problems == (problem,)
    assert run(tmp_path).n_customers == 3


def test_the_year_of_a_list_is_written_into_the_sheet(tmp_path: Path) -> None:
    made(tmp_path, ["Kundennr;Frisch;Trocken", *(f"{n};{n * 11},50;{n * 7}" for n in range(1, 12))])
    with pytest.raises(InputError) as error:
        run(tmp_path)
    assert error.value.problems == (
        "sheet 'Spalten', row 6: no heading names the year of '= Frisch + Trocken': write it in place of '?', such as "
        "2024, and answer yes",
    )
    row = answer(tmp_path, "?", "ja")
    book = openpyxl.load_workbook(tmp_path / "acme" / "inputs.xlsx")
    book.worksheets[0].cell(row, 2, "2024")
    book.save(tmp_path / "acme" / "inputs.xlsx")
    imported = run(tmp_path)
    assert (imported.revenue_kept, str(imported.period.end)) == (1193.5, "2024-12-31")


@pytest.mark.parametrize(
    ("column", "confirmed", "cells", "problem"),
    [
        ("net_revenue", "nein", {}, "net_revenue is needed: name the right column in place of 'Umsatz' and answer yes"),
        (
            "produkt_id",
            "ja",
            {"source": "Notiz"},
            "'produkt_id' is no field of transactions. Did you mean 'product_id'?",
        ),
        ("region", "ja", {"source": "?"}, "region is confirmed without a column: name it"),
    ],
)
def test_an_answer_that_cannot_be_followed_is_told(
    tmp_path: Path, column: str, confirmed: str, cells: dict[str, str], problem: str
) -> None:
    made(tmp_path, LINES)
    row = answer(tmp_path, column, confirmed, **cells)
    with pytest.raises(InputError) as error:
        run(tmp_path)
    assert error.value.problems == (f"sheet 'Spalten', row {row}: {problem}",)


def test_a_refresh_keeps_answers_and_open_proposals(tmp_path: Path) -> None:
    made(tmp_path, LINES)
    path = tmp_path / "acme" / "inputs.xlsx"
    answer(tmp_path, "net_revenue", "ja", source="= Umsatz * Menge")
    answer(tmp_path, "quantity", "nein")
    refresh_inputs(path, "de", run(tmp_path))
    rows = {row.column: row for row in read_mapping(path)}
    assert (rows["net_revenue"].source, rows["net_revenue"].confirmed) == ("= Umsatz * Menge", True)
    assert rows["quantity"].confirmed is False
    assert rows["customer_id"].confidence == 0.92


def test_the_confidence_of_another_column_is_forgotten(tmp_path: Path) -> None:
    made(tmp_path, UNNAMED)
    file = tmp_path / "acme" / "engagement.yml"
    file.write_text(file.read_text(encoding="utf-8").replace('"Spalte 3"', '"= Menge * 2"'), encoding="utf-8")
    refresh_inputs(tmp_path / "acme" / "inputs.xlsx", "de", run(tmp_path))
    row = next(r for r in read_mapping(tmp_path / "acme" / "inputs.xlsx") if r.column == "net_revenue")
    assert (row.source, row.confidence) == ("= Menge * 2", None)
