"""Consultation sheets and the meeting's sheet: written, filled in, read, refreshed, and nothing of a person lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from kamkit.errors import InputError
from kamkit.execution.check import check
from kamkit.intake.consultation import (
    opinions_told,
    read_consultations,
    refresh_consultations,
    with_consultations,
)
from kamkit.intake.input_sheets import sheets_of
from kamkit.intake.input_writing import Meeting, refresh_inputs
from kamkit.intake.inputs import read_decisions, read_inputs
from kamkit.intake.snapshots import read_snapshots
from kamkit.model.results import Finding
from kamkit.model.snapshots import about_decision
from kamkit.model.tables import TABLES

ASKED = pd.DataFrame(
    {
        "account_id": ["001", "002", "003"],
        "name": ["Älpha", "=Beta", "Gamma"],
        "region": ["Süd", "Nord", "Nord"],
        "revenue": [500.0, 300.0, 20.0],
        "share": [0.5, 0.3, 0.02],
        "change": [0.1, float("nan"), -0.25],
        "certainty": ["clear", "borderline", "outside"],
        "proposal": ["yes", "yes", "no"],
        "tier": ["managed", "key", "other"],
        "addressee": ["Jörg Weiß", "Region Nord", "Region Nord"],
    }
)
HEADING_ROW = sheets_of("consultation")["consultation"].heading_row


def rows_of(page: Worksheet, top: int = HEADING_ROW) -> list[dict[str, Any]]:
    headings = [cell.value for cell in page[top]]
    rows = page.iter_rows(min_row=top + 1, values_only=True)
    found = [{h: v for h, v in zip(headings, row, strict=True) if v not in (None, "")} for row in rows]
    return [row for row in found if row]


def fill(path: Path, sheet: str, key: str, entries: Mapping[str, Mapping[str, Any]], top: int = HEADING_ROW) -> None:
    """Type into the row of each key; a key that is not there is typed below, as a new row."""
    book = openpyxl.load_workbook(path)
    page = book[sheet]
    headings = {cell.value: cell.column for cell in page[top] if cell.value}
    at = {page.cell(y, headings[key]).value: y for y in range(top + 1, page.max_row + 1)}
    free = next(
        y for y in range(top + 1, page.max_row + 2) if not any(page.cell(y, x).value for x in headings.values())
    )
    for name, entry in entries.items():
        y = at.get(name) or free
        free += name not in at
        for heading, value in ({key: name} | dict(entry)).items():
            page.cell(y, headings[heading], value)
    book.save(path)


def sign(path: Path, who: str, day: object) -> None:
    book = openpyxl.load_workbook(path)
    book["Abstimmung"]["B5"], book["Abstimmung"]["B6"] = who, day
    book.save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert refresh_consultations(tmp_path, "de", ASKED) == ()
    return tmp_path


def test_one_file_for_each_field_rep_or_region(folder: Path) -> None:
    files = sorted(path.name for path in (folder / "consultation").iterdir())
    assert files == ["Joerg-Weiss.xlsx", "Region-Nord.xlsx"]
    page = openpyxl.load_workbook(folder / "consultation" / files[1])["Abstimmung"]
    assert [page.cell(4, x).value for x in (1, 2)] == ["für", "Region Nord"]
    assert rows_of(page)[0] == {
        "Kundennummer": "002",
        "Name": "=Beta",
        "Region": "Nord",
        "Umsatz im Zeitraum": 300,
        "Anteil am Umsatz": 0.3,
        "Sicherheit": "Grenzfall",
        "Vorschlag: Key Account": "ja",
        "Vorschlag: Betreuung": "Key Account",
    }  # nothing else: no margin, no exposure, no verdict
    assert read_consultations(folder).empty


def test_what_field_sales_answer_is_read_and_stays(folder: Path) -> None:
    path = folder / "consultation" / "Region-Nord.xlsx"
    fill(path, "Abstimmung", "Kundennummer", {"002": {"Ihre Haltung": "stimmt nicht zu", "Begründung": "zieht weg"}})
    fill(path, "Abstimmung", "Kundennummer", {"003": {"Ihre Haltung": "stimmt zu"}})
    fill(path, "Fehlende Kunden", "Name", {"Delta AG": {"Warum?": "baut ein Werk"}}, top=4)
    fill(path, "Fehlende Kunden", "Kundennummer", {"0099": {}}, top=4)
    sign(path, "Kern", dt.datetime(2026, 1, 20))
    found = read_consultations(folder)
    expected = [
        ["002", None, "Region Nord", "disagree", "yes", "key", "zieht weg", "Kern"],
        ["003", None, "Region Nord", "agree", "no", "other", None, "Kern"],
        [None, "Delta AG", "Region Nord", "missing", None, None, "baut ein Werk", "Kern"],
        ["0099", None, "Region Nord", "missing", None, None, None, "Kern"],
    ]
    columns = list(TABLES["consultations"].columns)[:-1]
    assert found[columns].astype(object).where(found[columns].notna(), None).to_numpy().tolist() == expected
    assert found["date"].tolist() == [pd.Timestamp("2026-01-20")] * 4

    # the accounts change hands, and one is proposed no more: what was said stays, and what it was said about
    moved = ASKED.assign(addressee="Jörg Weiß", proposal="no", tier="other").iloc[:2]
    assert refresh_consultations(folder, "en", moved) == ()
    pd.testing.assert_frame_equal(read_consultations(folder), found)
    kept = openpyxl.load_workbook(path)["Consultation"]
    assert [(row["Account number"], row["Proposal: key account"]) for row in rows_of(kept)] == [
        ("002", "yes"),
        ("003", "no"),
    ]
    other = openpyxl.load_workbook(folder / "consultation" / "Joerg-Weiss.xlsx")["Consultation"]
    assert [(row["Account number"], row["Proposal: key account"]) for row in rows_of(other)] == [
        ("001", "no"),
        ("002", "no"),
    ]


def test_names_that_look_the_same_get_files_of_their_own(tmp_path: Path) -> None:
    whom = ["J. Weiß", "J Weiss", "con"]
    refresh_consultations(tmp_path, "de", ASKED.assign(addressee=whom))
    names = sorted(path.name for path in (tmp_path / "consultation").iterdir())
    assert names == ["J-Weiss-489927.xlsx", "J-Weiss.xlsx", "con-d41480.xlsx"]
    refresh_consultations(tmp_path, "de", ASKED.assign(addressee=whom))
    assert sorted(path.name for path in (tmp_path / "consultation").iterdir()) == names


def test_without_reps_and_regions_there_is_one_file(tmp_path: Path) -> None:
    refresh_consultations(tmp_path, "de", ASKED.assign(addressee=None))
    assert [path.name for path in (tmp_path / "consultation").iterdir()] == ["consultation.xlsx"]


def test_every_mistyped_answer_is_told_with_file_sheet_and_row(folder: Path) -> None:
    nord, weiss = (folder / "consultation" / f"{name}.xlsx" for name in ("Region-Nord", "Joerg-Weiss"))
    fill(nord, "Abstimmung", "Kundennummer", {"003": {"Ihre Haltung": "stimt zu"}})
    sign(nord, "Kern", "neulich")
    weiss.write_text("no workbook", encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_consultations(folder)
    first, *rest = str(error.value).splitlines()
    assert first == "consultation: 3 problems found"
    assert rest[0].startswith("- Joerg-Weiss.xlsx: cannot be read as a workbook")
    assert rest[1:] == [
        "- Region-Nord.xlsx, sheet 'Abstimmung', Datum: 'neulich' is not a date: write it as 31.12.2025 or 2025-12-31",
        "- Region-Nord.xlsx, sheet 'Abstimmung', row 10, Ihre Haltung: 'stimt zu' is not known. Did you mean 'stimmt zu'?",
    ]


def test_check_tells_what_is_wrong_in_all_files_at_once(folder: Path) -> None:
    (folder / "sales.csv").write_text("Kunde;Datum;Umsatz\n002;31.01.2025;100\n", encoding="utf-8")
    columns = {"customer_id": "Kunde", "posting_date": "Datum", "net_revenue": "Erlös"}
    source = {"transactions": {"path": "sales.csv", "columns": columns}}
    settings = {"client": "Test", "sources": source, "decisions": ["beirat.xlsx"]}
    (folder / "engagement.yml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    inputs, top = folder / "inputs.xlsx", sheets_of()["decisions"].heading_row
    refresh_inputs(inputs, "de")
    fill(inputs, "Maßnahmen", "Kundennummer", {"002": {"Stand": "erledgt", "Termin": "31.02.2026"}}, top)
    fill(inputs, "Auswahl Key Accounts", "Kundennummer", {"002": {"gewählt": "vielleicht"}}, TOP)
    fill(inputs, "Organisation", "Thema", {"Budget": {"Antwort": "ja"}}, top)
    (folder / "consultation" / "Joerg-Weiss.xlsx").write_text("no workbook", encoding="utf-8")
    fill(
        folder / "consultation" / "Region-Nord.xlsx",
        "Abstimmung",
        "Kundennummer",
        {"003": {"Ihre Haltung": "stimt zu"}},
    )
    with pytest.raises(InputError) as error:
        check(folder)
    zipped = (
        "cannot be read as a workbook: invalid Zip archive: Could not find EOCD. Move it away to have a new one made"
    )
    consulted = [
        f"- consultation: Joerg-Weiss.xlsx: {zipped}",
        "- consultation: Region-Nord.xlsx, sheet 'Abstimmung', row 10, Ihre Haltung: 'stimt zu' is not known. Did you mean "
        "'stimmt zu'?",
    ]
    assert str(error.value).splitlines() == [
        "data: 8 problems found",
        "- inputs.xlsx: sheet 'Organisation', row 15, Thema: 'Budget' is not known. Did you mean 'Höheres Budget'?",
        "- inputs.xlsx: sheet 'Auswahl Key Accounts', row 12, gewählt: 'vielleicht' is not known. Use one of: ja, yes, "
        "nein, no",
        "- inputs.xlsx: sheet 'Maßnahmen', row 5, Termin: '31.02.2026' is not a date: write it as 31.12.2025 or 2025-12-31",
        "- inputs.xlsx: sheet 'Maßnahmen', row 5, Stand: 'erledgt' is not known. Did you mean 'erledigt'?",
        *consulted,
        "- beirat.xlsx: the file with decisions does not exist: check the path under decisions",
        "- sources.transactions: sales.csv: net_revenue ('Erlös') is no column of this file; columns are 'Kunde', 'Datum', "
        "'Umsatz'",
    ]
    inputs.write_text("no workbook", encoding="utf-8")  # what its columns mean is not known then, so no export is read
    with pytest.raises(InputError) as error:
        check(folder)
    assert str(error.value).splitlines() == ["data: 3 problems found", f"- inputs.xlsx: {zipped}", *consulted]


def test_a_sheet_open_in_excel_is_a_finding(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    before = {path: path.read_bytes() for path in (folder / "consultation").iterdir()}
    monkeypatch.setattr(Path, "replace", locked)
    found = refresh_consultations(folder, "de", ASKED)
    files = [
        Finding("inputs_locked", "inputs", values={"file": name}) for name in ("Joerg-Weiss.xlsx", "Region-Nord.xlsx")
    ]
    assert list(found) == files
    assert {path: path.read_bytes() for path in (folder / "consultation").iterdir()} == before


def decisions_of(*rows: Mapping[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=list(TABLES["decisions"].columns)).astype("string")
    return frame.assign(date=pd.to_datetime(frame["date"]))


def answers_of(*rows: tuple[str, str, str, str, str]) -> pd.DataFrame:
    """account_id, proposal, tier, opinion, answered_by"""
    frame = pd.DataFrame(rows, columns=["account_id", "proposal", "tier", "opinion", "answered_by"])
    return frame.reindex(columns=list(TABLES["consultations"].columns)).assign(addressee="Region Nord").astype("string")


@pytest.mark.parametrize(
    ("subject", "decision", "opinion", "expected"),
    [
        ("key_account", "yes", "agree", "agree"),  # proposed yes, decided yes
        ("key_account", "no", "agree", "disagree"),  # agrees with the yes that was overridden
        ("key_account", "no", "disagree", "agree"),
        ("key_account", "yes", "abstain", "abstain"),
        ("tier", "managed", "agree", "agree"),
        ("tier", "key", "agree", "disagree"),
        ("tier", "key", "disagree", None),  # another tier is wanted, and nobody said which
    ],
)
def test_an_opinion_on_the_proposal_becomes_one_on_the_decision(
    subject: str, decision: str, opinion: str, expected: str | None
) -> None:
    taken = decisions_of({"account_id": "1", "subject": subject, "decision": decision})
    filled = with_consultations(taken, answers_of(("1", "yes", "managed", opinion, "Kern")))
    row = filled.astype(object).where(filled.notna(), None).iloc[0]
    assert (row["consulted"], row["opinion"]) == ("Kern (Region Nord)", expected)


def test_what_people_entered_is_not_overwritten_and_old_decisions_stay_as_they_were() -> None:
    taken = decisions_of(
        {"account_id": "1", "subject": "key_account", "decision": "yes", "date": "2024-01-01"},
        {"account_id": "1", "subject": "key_account", "decision": "yes", "date": "2025-01-01", "opinion": "abstain"},
        {"account_id": "1", "subject": "option", "decision": "alliance"},
    )
    filled = with_consultations(
        taken, answers_of(("1", "yes", "key", "agree", "Kern"), ("1", "yes", "key", "disagree", "Ott"))
    )
    assert filled["consulted"].fillna("").tolist() == ["", "Kern (Region Nord); Ott (Region Nord)", ""]
    assert filled["opinion"].fillna("").tolist() == ["", "abstain", ""]


@given(st.permutations(list(range(4))))
def test_the_order_of_answers_makes_no_difference_to_the_opinion(order: list[int]) -> None:
    rows = [
        ("1", "yes", "key", "agree", "A"),
        ("1", "yes", "key", "disagree", "B"),
        ("2", "no", "other", "agree", "C"),
        ("1", "no", "other", "abstain", "D"),
    ]
    taken = decisions_of(*[{"account_id": i, "subject": "key_account", "decision": "yes"} for i in "12"])
    filled = with_consultations(taken, answers_of(*[rows[i] for i in order]))
    assert filled["opinion"].tolist() == ["disagree", "disagree"]


def test_opinions_are_told_in_one_cell() -> None:
    said = answers_of(("1", "yes", "key", "agree", "Kern"), ("1", "yes", "key", "disagree", "Ott"))
    missed = pd.DataFrame([{"new_account": "Neu AG", "opinion": "missing", "addressee": "Kern"}])
    assert opinions_told(pd.concat([said, missed]), "de") == {
        "1": "Kern (Region Nord): stimmt zu; Ott (Region Nord): stimmt nicht zu",
        "Neu AG": "Kern: fehlt uns",
    }


TOP = sheets_of()["selection"].heading_row
CANDIDATES = ASKED.assign(in_set=ASKED["proposal"], opinions=None, decided=[None, None, "yes"], new_account=None)
SEEN, TODAY = {about_decision("key_account", i): f"state-{i}" for i in ("001", "002", "003")}, dt.date(2026, 1, 5)
MOVED = dict.fromkeys(SEEN, "moved")


def meeting_of(
    path: Path, seen: Mapping[str, str] = SEEN, capacity: int | None = 2, language: str = "de"
) -> dict[str, Any]:
    assert refresh_inputs(path, language, meeting=Meeting(CANDIDATES, capacity), figures=(seen, TODAY)) == ()
    page = openpyxl.load_workbook(path, data_only=True).worksheets[6]
    return {page.cell(y, 1).value: page.cell(y, 2).value for y in range(4, 10)}


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    path = tmp_path / "inputs.xlsx"
    # proposed: 001 and 002; decided so far: 003 as well
    assert meeting_of(path) == {
        "Key Accounts gewählt": 3,
        "davon Wunschkunden": 0,
        "Anteil am Umsatz": pytest.approx(0.82),
        "Plätze (Kapazität)": 2,
        "Plätze frei": 0,
        "über den Plätzen": 1,
    }
    return path


SITTING = {
    "002": {
        "gewählt": "nein",
        "Begründungscode": "Kapazität",
        "entschieden von": "VL",
        "Datum": dt.datetime(2026, 2, 1),
    },
    "003": {"gewählt": "ja", "Haltung des Außendiensts": "stimmt zu"},
}


def test_what_the_meeting_chose_is_read_as_decisions(workbook: Path) -> None:
    fill(workbook, "Auswahl Key Accounts", "Kundennummer", SITTING, TOP)
    fill(workbook, "Auswahl Key Accounts", "Wunschkunde", {"Delta AG": {"gewählt": "ja"}}, TOP)
    found = read_inputs(workbook).decisions
    columns = ["account_id", "new_account", "subject", "decision", "reason_code", "opinion", "snapshot", "place"]
    assert found[columns].astype(object).where(found[columns].notna(), None).to_numpy().tolist() == [
        [
            "002",
            None,
            "key_account",
            "no",
            "capacity",
            None,
            "state-002",
            "inputs.xlsx, sheet 'Auswahl Key Accounts', row 13",
        ],
        [
            "003",
            None,
            "key_account",
            "yes",
            None,
            "agree",
            "state-003",
            "inputs.xlsx, sheet 'Auswahl Key Accounts', row 14",
        ],
        [None, "Delta AG", "key_account", "yes", None, None, None, "inputs.xlsx, sheet 'Auswahl Key Accounts', row 15"],
    ]


def test_a_decision_keeps_the_state_it_was_taken_on(workbook: Path) -> None:
    fill(workbook, "Auswahl Key Accounts", "Kundennummer", SITTING, TOP)
    entered = read_inputs(workbook)
    assert meeting_of(workbook, MOVED, language="en")["Key accounts chosen"] == 2
    again = read_inputs(workbook)
    pd.testing.assert_frame_equal(again.decisions.drop(columns="place"), entered.decisions.drop(columns="place"))
    # taken anew: the other answer is on the state that was shown last
    fill(workbook, "Key account selection", "Account number", {"002": {"chosen": "yes"}}, TOP)
    assert read_inputs(workbook).decisions["snapshot"].tolist() == ["moved", "state-003"]


def test_the_decisions_sheet_shows_the_state_too(workbook: Path) -> None:
    entry = {"Gegenstand": "Key Account", "Entscheidung": "ja"}
    fill(workbook, "Entscheidungen", "Kundennummer", {"001": entry, "777": entry}, top=4)
    meeting_of(workbook, MOVED)
    rows = rows_of(openpyxl.load_workbook(workbook)["Entscheidungen"], 4)
    assert [(row["Kundennummer"], row.get("Datenstand")) for row in rows] == [("001", "state-001"), ("777", None)]


def test_a_decision_of_a_further_file_keeps_the_state_it_was_taken_on_too(workbook: Path) -> None:
    """001 is decided beside the state that was shown last, 002 names its own state in the file, 777 was never shown."""
    file = workbook.with_name("board.csv")
    file.write_text(
        "Kundennummer;Gegenstand;Entscheidung;Datenstand\n001;Key Account;ja;\n002;Key Account;nein;own\n"
        "777;Key Account;ja;\n",
        encoding="utf-8",
    )

    def states() -> list[str | None]:
        found = read_decisions(file, read_snapshots(workbook))["snapshot"]
        return found.astype(object).where(found.notna(), None).tolist()

    assert states() == ["state-001", "own", None]
    decided = [read_decisions(file, read_snapshots(workbook))]
    for seen in (MOVED, {**MOVED, about_decision("key_account", "777"): "late"}):
        refresh_inputs(workbook, "de", figures=(seen, TODAY), elsewhere=decided)
        assert states() == ["state-001", "own", None]
    refresh_inputs(workbook, "de", figures=(MOVED, TODAY))
    assert states() == ["moved", "own", "late"]  # forgotten with the decisions: entered anew, on what was seen last


def test_numbers_and_dates_look_as_the_language_writes_them(workbook: Path) -> None:
    def looks(title: str, *headings: str) -> list[str]:
        page = openpyxl.load_workbook(workbook)[title]
        columns = {cell.value: cell.column for cell in page[TOP]}
        return [page.cell(TOP + 1, columns[name]).number_format for name in headings]

    assert looks("Auswahl Key Accounts", "Anteil am Umsatz", "Datum") == ['0.0"\u00a0"%', "dd.mm.yyyy"]
    meeting_of(workbook, language="en")
    assert looks("Key account selection", "Share of revenue", "Date") == ["0.0%", "yyyy-mm-dd"]


def test_another_reason_has_to_be_told(workbook: Path) -> None:
    fill(
        workbook,
        "Auswahl Key Accounts",
        "Kundennummer",
        {"001": {"gewählt": "ja", "Begründungscode": "anderer Grund"}},
        TOP,
    )
    fill(workbook, "Auswahl Key Accounts", "Kundennummer", {"002": {"gewählt": "ja", "Begründungscode": "darum"}}, TOP)
    book = openpyxl.load_workbook(workbook)
    book["Auswahl Key Accounts"].cell(15, 11, "ja")
    book.save(workbook)
    with pytest.raises(InputError) as error:
        read_inputs(workbook)
    assert str(error.value) == (
        "inputs.xlsx: 3 problems found\n"
        "- sheet 'Auswahl Key Accounts', row 13, Begründungscode: 'darum' is not known. Use one of: strategische Bedeutung, "
        "strategic importance, Potenzial, potential, Referenzkunde, reference customer, Ertrag, margin, Risiko, risk, "
        "Kapazität, capacity, gewachsene Beziehung, long-standing relationship, Kundenkenntnis des Vertriebs, sales "
        "knowledge of the account, anderer Grund, other reason\n"
        "- sheet 'Auswahl Key Accounts', row 15: Kundennummer is empty: fill it in\n"
        "- sheet 'Auswahl Key Accounts', row 12: Begründung is empty: Begründungscode 'anderer Grund' or 'other reason' "
        "needs one"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "answers", [{}, SITTING, {"001": {"gewählt": "NO"}, "002": {"gewählt": "nein"}, "003": {"gewählt": "nein"}}]
)
def test_the_live_figures_are_those_of_a_spreadsheet(
    workbook: Path, answers: Mapping[str, Any], recalculated: Callable[[Path], openpyxl.Workbook]
) -> None:
    fill(workbook, "Auswahl Key Accounts", "Kundennummer", answers, TOP)
    page = recalculated(workbook)["Auswahl Key Accounts"]
    shown = {page.cell(y, 1).value: page.cell(y, 2).value for y in range(4, 10)}
    assert shown == pytest.approx(meeting_of(workbook))  # the values that Python writes beside the formulas
