"""A client in two years: run on the data of the first, then again with `previous`."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

import kamkit
from kamkit.intake.input_sheets import HEADING_ROW

pytestmark = pytest.mark.slow


def type_in(path: Path, sheet: str, row: int, **cells: object) -> None:
    """Fill cells of a sheet of inputs.xlsx, `row` counted from the first below the headings."""
    book = openpyxl.load_workbook(path)
    page = book[sheet]
    at = {str(cell.value): cell.column for cell in page[HEADING_ROW]}
    for heading, value in cells.items():
        page.cell(HEADING_ROW + row, at[heading], value)
    book.save(path)


def test_the_second_year_says_what_became_of_the_first(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "client"
    shutil.copytree(repository / "data" / "machinery", folder)
    file, sales = folder / "engagement.yml", folder / "raw" / "umsatz.csv"
    settings, lines = file.read_text(encoding="utf-8"), sales.read_bytes().splitlines(keepends=True)
    booked = lines[0].decode("cp1252").split(";").index("Buchungsdatum")
    sales.write_bytes(b"".join(line for line in lines if not line.decode("cp1252").split(";")[booked].endswith("2025")))
    earlier = settings.replace("start: 2025", "start: 2024").replace("end: 2025", "end: 2024")
    file.write_text(
        "".join(line for line in earlier.splitlines(True) if not line.startswith("  2025:")), encoding="utf-8"
    )
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1737000000")  # 16 January 2025
    first = kamkit.run(folder)
    assert first.state == "ok"

    inputs = folder / "inputs.xlsx"
    plan = pd.read_csv(first.out / "results" / "actions.csv", dtype=str)
    type_in(inputs, "Maßnahmen", 1, verantwortlich="Ines Rößwinkel", Stand="erledigt")
    type_in(inputs, "Maßnahmen", 2, verantwortlich="Jörg Görnroth")
    moved = {"Kundennummer": "0012204", "Kommentar": "Bestellt wie immer."}
    type_in(inputs, "Kommentare", 1, **moved)
    type_in(inputs, "Kommentare", 2, Abschnitt="Begriffe", Kommentar="Bitte um KAM-Glossar ergänzen.")

    sales.write_bytes(b"".join(lines))
    file.write_text(f"{settings}previous: runs/{first.out.name}\n", encoding="utf-8")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1768500000")  # 15 January 2026
    second = kamkit.run(folder)
    assert (second.state, second.warnings) == ("ok", ())
    found = json.loads((second.out / "results" / "follow_up.json").read_text(encoding="utf-8"))
    assert found["previous"] == first.out.name
    assert {change: len(ids) for change, ids in found["list"].items()} == {"entered": 8, "left": 4, "kept": 50}
    assert found["actions"] == {"done": 1, "overdue": 1, "untouched": len(plan) - 2}
    assert found["warnings"]["window"] == {"start": "2025-01-01", "end": "2025-03-31"}
    changes = pd.read_csv(second.out / "results" / "changes.csv", dtype={"account_id": str}).set_index("account_id")
    assert changes.loc["0012204", "revenue_change"] == pytest.approx(2026978.31 / 3189361.15 - 1)

    report = next((second.out / "deliverables").glob("*_report.html")).read_text(encoding="utf-8")
    assert "<section id=changes " in report
    assert (
        report.count("Stand vor der Änderung der Zahlen (bemerkt am 15.01.2026)") == 2
    )  # section, page of the account
    comments = {row["Kommentar"]: row for row in read(inputs, "Kommentare")}
    assert comments["Bestellt wie immer."]["Zahlen geändert am"] == dt.datetime(2026, 1, 15)
    assert "Zahlen geändert am" not in comments["Bitte um KAM-Glossar ergänzen."]
    again = kamkit.run(folder, out=second.out)
    assert {step.state for step in again.steps} == {"cached"}


def read(path: Path, sheet: str) -> list[dict[str, object]]:
    page = openpyxl.load_workbook(path)[sheet]
    names = [str(cell.value) for cell in page[HEADING_ROW]]
    rows = page.iter_rows(min_row=HEADING_ROW + 1, values_only=True)
    return [{n: v for n, v in zip(names, row, strict=True) if v is not None} for row in rows if any(row)]
