"""Two meetings on a bundled case: consultation sheets filled in, key accounts chosen, both told by the next run."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from kamkit.deliver.xlsx import render_xlsx
from kamkit.execution.chain import run
from kamkit.execution.engagements import copy_case
from kamkit.execution.project import open_project
from kamkit.intake.consultation import consultation_files, read_consultations
from kamkit.intake.inputs import read_inputs
from kamkit.telling.story import story_of

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


def test_three_confirmed_accounts_have_a_plan_with_owner_and_date(tmp_path: Path) -> None:
    folder = copy_case("machinery", tmp_path / "case")
    assert run(folder, tmp_path / "out").state == "ok"
    inputs = folder / "inputs.xlsx"
    none = "Kundenpläne gibt es noch nicht"
    report = next((tmp_path / "out" / "deliverables").glob("*_report.html")).read_text(encoding="utf-8")
    assert none in report
    assert not list((tmp_path / "out" / "deliverables").glob("*account-plans.html"))

    accounts = pd.read_csv(tmp_path / "out" / "results" / "accounts.csv", dtype={"account_id": "string"})
    planned = accounts[(accounts["tier"] == "managed") & accounts["is_key_account"]].head(3)
    sheets = {openpyxl.load_workbook(path)["Abstimmung"]["B4"].value: path for path in consultation_files(folder)}
    agreed = {"Ihre Haltung": "stimmt zu", "Begründung": "kennt uns"}
    for account, rep in planned[["account_id", "field_rep"]].itertuples(index=False):
        answer(sheets[rep], "Abstimmung", account, agreed)
        chosen = {"gewählt": "ja", "Haltung des Außendiensts": "stimmt zu", "Datum": "01.02.2026"}
        chosen |= {"entschieden von": "Vertriebsleitung", "abgestimmt mit": rep}
        answer(inputs, "Auswahl Key Accounts", account, chosen)
        step = {"Kundennummer": account, "Erster Schritt": f"Jahresgespräch mit {account} führen."}
        answer(inputs, "Maßnahmen", "", step | {"verantwortlich": f"Team {account}", "Termin": "15.04.2026"})
    # a fourth one is decided without field sales: not confirmed, so no plan
    alone = accounts.loc[(accounts["tier"] == "managed"), "account_id"].iloc[3]
    answer(inputs, "Auswahl Key Accounts", alone, {"gewählt": "ja", "entschieden von": "Vertriebsleitung"})

    assert run(folder, tmp_path / "out").state == "ok"
    (file,) = (tmp_path / "out" / "deliverables").glob("*_account-plans.html")
    plans = file.read_text(encoding="utf-8")
    sections = plans.split("<section class=account")[1:]
    assert len(sections) == 3
    for (account, name), section in zip(planned[["account_id", "name"]].itertuples(index=False), sections, strict=True):
        words = html.unescape(section)
        assert [
            said for said in (account, name, f"Team {account}", "15.04.2026", "Jahresgespräch") if said not in words
        ] == []
        assert "Feld im Portfolio" in words
    report = next((tmp_path / "out" / "deliverables").glob("*_report.html")).read_text(encoding="utf-8")
    assert none not in report
    assert "Für die 3 bestätigten und KAM-betreuten Key Accounts liegen Kundenpläne vor." in report


@pytest.mark.parametrize("pseudonymise", [False, True])
def test_a_delivered_workbook_brings_decisions_back(tmp_path: Path, pseudonymise: bool) -> None:
    """Filled in, saved and named under `decisions`, it counts; the next workbook shows it and, read as well, changes nothing."""
    folder = copy_case("machinery", tmp_path / "case")
    settings = (folder / "engagement.yml").read_text(encoding="utf-8")
    settings += f"\npseudonymise: {'true' if pseudonymise else 'false'}\n"
    (folder / "engagement.yml").write_text(settings, encoding="utf-8")
    first = story_of(open_project(folder))
    (folder / "first.xlsx").write_bytes(render_xlsx(first))
    page = openpyxl.load_workbook(folder / "first.xlsx")["Entscheidungen"]
    (top,) = (cell.row for cell in page["A"] if cell.value == "Kundennummer")
    account = page.cell(top + 1, 1).value
    assert account.startswith("K-") == pseudonymise
    said = {"Entscheidung": "nein", "Begründungscode": "Risiko", "Entschieden von": "Vertriebsleitung"}
    answer(folder / "first.xlsx", "Entscheidungen", account, said)
    answer(
        folder / "first.xlsx",
        "Entscheidungen",
        "",
        {"Gegenstand": "Key Account", "Entscheidung": "ja", "Wunschkunde": "Nordwind SE"},
    )

    (folder / "engagement.yml").write_text(f"{settings}decisions: [first.xlsx]\n", encoding="utf-8")
    project = open_project(folder)
    taken = project.key_accounts.decided.iloc[0]
    assert (taken["account_id"], taken["decision"]) == (account, "no")
    tier = project.key_accounts.tiers.set_index("account_id").loc[account]
    assert (tier["tier"], tier["proposed_tier"]) == ("other", "managed")
    told = story_of(project)
    assert "2 Entscheidungen liegen vor" in told.part("decisions").finding
    (folder / "second.xlsx").write_bytes(render_xlsx(told))
    page = openpyxl.load_workbook(folder / "second.xlsx")["Entscheidungen"]
    shown = {row[0]: row[5:9] for row in page.iter_rows(min_row=top + 1, values_only=True)}
    assert shown[account] == ("nein", "Risiko", None, "Vertriebsleitung")

    (folder / "engagement.yml").write_text(f"{settings}decisions: [first.xlsx, second.xlsx]\n", encoding="utf-8")
    again = story_of(open_project(folder))
    assert again.part("decisions").finding == told.part("decisions").finding
