"""Two meetings on a bundled case: consultation sheets filled in, key accounts chosen, both told by the next run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from kamkit.execution.chain import run
from kamkit.execution.engagements import copy_case
from kamkit.intake.consultation import consultation_files, read_consultations
from kamkit.intake.inputs import read_inputs

pytestmark = pytest.mark.slow


def answer(path: Path, sheet: str, account: str, entries: dict[str, Any]) -> None:
    """Type into the row of an account; an empty account means the first free row."""
    book = openpyxl.load_workbook(path)
    page = book[sheet]
    top = next(cell.row for cell in page["A"] if cell.value == "Kundennummer")
    headings = {cell.value: cell.column for cell in page[top] if cell.value}
    rows = range(top + 1, page.max_row + 1)
    free = (y for y in rows if not any(page.cell(y, x).value for x in headings.values()))
    row = next(y for y in rows if page.cell(y, 1).value == account) if account else next(free)
    for heading, value in entries.items():
        page.cell(row, headings[heading], value)
    book.save(path)


def test_what_field_sales_and_the_meeting_say_is_told_by_the_next_run(tmp_path: Path) -> None:
    folder = copy_case("machinery", tmp_path / "case")
    assert run(folder, tmp_path / "first").state == "ok"
    sheets = consultation_files(folder)
    assert len(sheets) == 8  # the case has eight field reps
    words = "\n".join(str(v) for p in sheets for s in openpyxl.load_workbook(p) for r in s.values for v in r if v)
    assert not [secret for secret in ("Deckungsbeitrag", "margin", "Übernahme", "Pseudo", "Verlust") if secret in words]

    page = openpyxl.load_workbook(sheets[0])["Abstimmung"]
    account, whom = page.cell(9, 1).value, page.cell(4, 2).value
    answer(sheets[0], "Abstimmung", account, {"Ihre Haltung": "stimmt zu", "Begründung": "kennt uns seit Jahren"})
    answer(sheets[0], "Fehlende Kunden", "", {"Name": "Delta Pumpen AG", "Warum?": "baut ein Werk"})
    chosen = {
        "gewählt": "nein",
        "Begründungscode": "Risiko",
        "entschieden von": "Vertriebsleitung",
        "Datum": "01.02.2026",
    }
    answer(folder / "inputs.xlsx", "Auswahl Key Accounts", account, chosen)
    answer(folder / "inputs.xlsx", "Auswahl Key Accounts", "", {"Wunschkunde": "Nordwind SE", "gewählt": "ja"})
    entered, heard = read_inputs(folder / "inputs.xlsx").decisions, read_consultations(folder)

    outcome = run(folder, tmp_path / "second")
    assert outcome.state == "ok"
    accounts = pd.read_csv(tmp_path / "second" / "results" / "accounts.csv", dtype={"account_id": "string"})
    row = accounts.set_index("account_id").loc[account]
    assert (row["is_key_account"], row["tier"]) == (True, "other")  # the fact and the decision, side by side
    assert (row["decision"], row["decision_status"]) == ("key_account: no", "key_account: confirmed")
    report = next((tmp_path / "second" / "deliverables").glob("*_report.html")).read_text(encoding="utf-8")
    for said in ("2 Entscheidungen liegen vor", "Nordwind SE", "Delta Pumpen AG", "kennt uns seit Jahren", whom):
        assert said in report, said
    existence = json.loads((tmp_path / "second" / "results" / "existence.json").read_text(encoding="utf-8"))
    consulted = next(test for test in existence["tests"] if test["test"] == "E4")
    assert consulted["values"]["n_consulted"] == 1

    # nothing entered is lost, and nothing that a run writes makes the next one compute again
    pd.testing.assert_frame_equal(
        read_inputs(folder / "inputs.xlsx").decisions.drop(columns="place"), entered.drop(columns="place")
    )
    pd.testing.assert_frame_equal(read_consultations(folder), heard)
    again = run(folder, tmp_path / "second")
    assert {step.state for step in again.steps} == {"cached"}
