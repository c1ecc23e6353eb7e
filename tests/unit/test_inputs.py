"""inputs.xlsx: read in either language, refreshed without losing what a person wrote."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from kamkit.errors import InputError
from kamkit.intake.input_sheets import HEADING_ROW
from kamkit.intake.input_writing import refresh_inputs
from kamkit.intake.inputs import read_decisions, read_inputs
from kamkit.intake.snapshots import Seen, read_snapshots
from kamkit.model.results import Finding


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    path = tmp_path / "inputs.xlsx"
    assert refresh_inputs(path, "de") == ()
    return path


def fill(path: Path, sheet: str, *rows: Mapping[str, Any]) -> None:
    """Type rows under the headings of a sheet, below what is there; unknown headings become new columns."""
    book = openpyxl.load_workbook(path)
    page = book[sheet]
    headings = {cell.value: cell.column for cell in page[HEADING_ROW] if cell.value}
    first = HEADING_ROW + 1
    while any(page.cell(first, column).value for column in headings.values()):
        first += 1
    for y, row in enumerate(rows, first):
        for name, value in row.items():
            if name not in headings:
                headings[name] = max(headings.values()) + 1
                page.cell(HEADING_ROW, headings[name], name)
            page.cell(y, headings[name], value).data_type = (
                "s" if isinstance(value, str) else ("d" if isinstance(value, dt.datetime) else "n")
            )
    book.save(path)


SAID_BY = "gesagt von (Rolle)"


def answer(path: Path, *answers: tuple[str, str, Mapping[str, Any]]) -> None:
    """Type into the rows of topics: sheet, topic, entries by heading."""
    book = openpyxl.load_workbook(path)
    for sheet, topic, entries in answers:
        page = book[sheet]
        headings = {cell.value: cell.column for cell in page[HEADING_ROW]}
        (row,) = (cell.row for cell in page["A"] if cell.value == topic)
        for heading, value in entries.items():
            page.cell(row, headings[heading], value)
    book.save(path)


def cells(path: Path, sheet: str) -> list[dict[str, Any]]:
    page = openpyxl.load_workbook(path)[sheet]
    headings = [cell.value for cell in page[HEADING_ROW]]
    rows = page.iter_rows(min_row=HEADING_ROW + 1, values_only=True)
    return [
        {h: v for h, v in zip(headings, row, strict=True) if v is not None}
        for row in rows
        if any(v is not None for v in row)
    ]


def test_a_new_workbook_is_ready_to_fill_in_both_languages(tmp_path: Path) -> None:
    sheets = {}
    for language in ("de", "en"):
        refresh_inputs(tmp_path / f"{language}.xlsx", language)
        book = openpyxl.load_workbook(tmp_path / f"{language}.xlsx")
        sheets[language] = [page.title for page in book if page.sheet_state == "visible"]
        decisions = book.worksheets[7]
        assert decisions.freeze_panes == f"C{HEADING_ROW + 1}"
        assert len(decisions.data_validations.dataValidation) == 4
        assert decisions.cell(HEADING_ROW + 1, 1).number_format == "@"
        assert decisions.cell(2, 1).value
    assert sheets == {
        "de": ["Spalten", "Konzerne", "Key Accounts heute", "Organisation", "Kennzahlen", "Selbsteinschätzung",
               "Auswahl Key Accounts", "Entscheidungen", "Maßnahmen", "Kommentare"],
        "en": ["Columns", "Groups", "Key accounts today", "Organisation", "Figures", "Self-check",
               "Key account selection", "Decisions", "Actions", "Comments"],
    }  # fmt: skip


def test_a_workbook_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    inputs = read_inputs(tmp_path / "inputs.xlsx")
    assert {name: len(frame) for name, frame in vars(inputs).items()} == dict.fromkeys(vars(inputs), 0)
    assert inputs.decisions.dtypes.to_dict()["date"] == "datetime64[us]"


def test_entries_become_codes_and_ids_stay_text(workbook: Path) -> None:
    fill(workbook, "Konzerne", {"Konzernnummer": "K1", "Kundennummer": "007", "bestätigt": "ja"})
    fill(workbook, "Konzerne", {"Konzernnummer": "K2", "Kundennummer": 8.0, "bestätigt": "No"})
    fill(
        workbook,
        "Key Accounts heute",
        {
            "Kundennummer": "007",
            "Key Account": "ja",
            "seit": "01.03.2024",
            "Vorteile und Prioritäten": "Skonto; Notdienst",
        },
        {"Kundennummer": "008", "Name": "nur vorgeschlagen"},
    )
    fill(
        workbook,
        "Entscheidungen",
        {
            "Kundennummer": "007",
            "Gegenstand": "Betreuung",
            "Entscheidung": "KAM-betreut",
            "Haltung des Außendiensts": "Abstains",
            "Datum": dt.datetime(2025, 5, 6),
        },
        {"Kundennummer": "008", "Gegenstand": "key_account", "Entscheidung": "nein", "Datum": "2025-05-07"},
        {"Kundennummer": "009", "Gegenstand": "Key Account"},
    )
    fill(workbook, "Kommentare", {"Kundennummer": "007", "Kommentar": "=HYPERLINK(1)", "Rolle": "Außendienst"})
    inputs = read_inputs(workbook)

    assert inputs.groups[["group_id", "customer_id", "confirmed"]].to_numpy().tolist() == [
        ["K1", "007", True],
        ["K2", "8", False],
    ]
    assert inputs.key_accounts[["customer_id", "key_label", "key_since"]].to_numpy().tolist() == [
        ["007", True, pd.Timestamp("2024-03-01")]
    ]
    assert inputs.privileges.to_numpy().tolist() == [["007", "Skonto"], ["007", "Notdienst"]]
    decided = inputs.decisions[["account_id", "subject", "decision", "date"]]
    assert decided.to_numpy().tolist() == [
        ["007", "tier", "managed", pd.Timestamp("2025-05-06")],
        ["008", "key_account", "no", pd.Timestamp("2025-05-07")],
    ]
    assert inputs.decisions["opinion"].tolist() == ["abstain", pd.NA]
    assert inputs.comments[["account_id", "text", "author_role"]].to_numpy().tolist() == [
        ["007", "=HYPERLINK(1)", "Außendienst"]
    ]


def test_every_mistyped_cell_is_told_with_sheet_row_and_value(workbook: Path) -> None:
    fill(
        workbook,
        "Entscheidungen",
        {"Kundennummer": "1", "Gegenstand": "Betreung", "Entscheidung": "KAM-betreut"},
        {"Kundennummer": "2", "Gegenstand": "Betreuung", "Entscheidung": "Cross-Selling", "Datum": "gestern"},
        {"Gegenstand": "Key Account", "Entscheidung": "ja"},
    )
    fill(workbook, "Konzerne", {"Kundennummer": "7", "Konzernnummer": "K1", "bestätigt": "ja"})
    fill(workbook, "Konzerne", {"Kundennummer": "7", "Konzernnummer": "K2", "bestätigt": "ja"})
    with pytest.raises(InputError) as error:
        read_inputs(workbook)
    assert str(error.value) == (
        "inputs.xlsx: 5 problems found\n"
        "- sheet 'Entscheidungen', row 5, Gegenstand: 'Betreung' is not known. Did you mean 'Betreuung'?\n"
        "- sheet 'Entscheidungen', row 6, Entscheidung: 'Cross-Selling' is not known. "
        "Use one of: Key Account, Key account, KAM-betreut, KAM managed, übrige, other\n"
        "- sheet 'Entscheidungen', row 6, Datum: 'gestern' is not a date: write it as 31.12.2025 or 2025-12-31\n"
        "- sheet 'Entscheidungen', row 7: Kundennummer is empty: fill it in\n"
        "- groups: customer 7 is confirmed in K1 and K2: keep one"
    )


def test_a_refresh_keeps_every_entry_row_column_and_sheet(workbook: Path) -> None:
    fill(
        workbook,
        "Konzerne",
        {"Konzernnummer": "K1", "Kundennummer": "007", "bestätigt": "ja", "Meine Spalte": "bleibt"},
    )
    fill(workbook, "Entscheidungen", {"Kundennummer": "1", "Gegenstand": "Was?", "Entscheidung": "vielleicht"})
    book = openpyxl.load_workbook(workbook)
    book.create_sheet("Notizen")["B2"] = "Anruf am Montag"
    book.save(workbook)
    assert refresh_inputs(workbook, "en") == ()
    assert cells(workbook, "Groups") == [
        {"Group number": "K1", "Customer number": "007", "confirmed": "yes", "Meine Spalte": "bleibt"}
    ]
    assert cells(workbook, "Decisions") == [{"Account number": "1", "Subject": "Was?", "Decision": "vielleicht"}]
    assert openpyxl.load_workbook(workbook)["Notizen"]["B2"].value == "Anruf am Montag"
    refresh_inputs(workbook, "de")
    assert cells(workbook, "Konzerne")[0]["Meine Spalte"] == "bleibt"


def test_a_sheet_that_is_only_called_like_one_of_ours_is_a_persons_own(tmp_path: Path) -> None:
    path = tmp_path / "inputs.xlsx"
    book = openpyxl.Workbook()
    book.active.title = "Organisation"
    book.active.append(["Wer", "sitzt", "wo"])
    book.active.append(["Frau Berger", "Vertrieb", "Ulm"])
    book.create_sheet("Decisions").append(["nur eine Überschrift"])
    book.save(path)
    for language in ("de", "en", "de"):
        refresh_inputs(path, language)
        kept = openpyxl.load_workbook(path)
        own = kept["Organisation (2)"]
        assert [[cell.value for cell in row] for row in own.iter_rows()] == [
            ["Wer", "sitzt", "wo"],
            ["Frau Berger", "Vertrieb", "Ulm"],
        ]
        name = "Decisions (2)" if "Decisions (2)" in kept.sheetnames else "Decisions"
        assert kept[name]["A1"].value == "nur eine Überschrift"


def test_a_formula_is_only_ever_text(workbook: Path) -> None:
    fill(workbook, "Konzerne", {"Konzernnummer": "K1", "Kundennummer": "=1+1", "Bemerkung": '=HYPERLINK("http://x")'})
    refresh_inputs(workbook, "de")
    assert cells(workbook, "Konzerne")[0]["Kundennummer"] == "=1+1"
    book = openpyxl.load_workbook(workbook)
    assert {cell.data_type for row in book["Konzerne"].iter_rows() for cell in row if cell.value} == {"s"}


def test_a_workbook_open_in_excel_is_a_finding(workbook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = workbook.read_bytes()

    def locked(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", locked)
    assert refresh_inputs(workbook, "de") == (Finding("inputs_locked", "inputs", values={"file": "inputs.xlsx"}),)
    assert workbook.read_bytes() == before
    assert [path.name for path in workbook.parent.iterdir()] == ["inputs.xlsx"]


def test_a_file_that_is_no_workbook_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "inputs.xlsx"
    path.write_text("not a workbook", encoding="utf-8")
    with pytest.raises(InputError, match=r"^inputs\.xlsx: 1 problem found\n- cannot be read as a workbook: "):
        refresh_inputs(path, "de")
    assert path.read_text(encoding="utf-8") == "not a workbook"


def test_the_questions_stand_there_and_nothing_is_answered(workbook: Path) -> None:
    rows = cells(workbook, "Organisation")
    assert rows[1] == {
        "Thema": "Vorteile",
        "Frage": "Haben die meisten Key Accounts Vorteile, die andere Kunden nicht haben, zum Beispiel eigene "
        "Konditionen, feste Ansprechpartner oder zugesagte Liefertermine?",
    }
    assert [len(cells(workbook, sheet)) for sheet in ("Organisation", "Kennzahlen", "Selbsteinschätzung")] == [
        10,
        5,
        12,
    ]
    inputs = read_inputs(workbook)
    assert [len(inputs.organisation), len(inputs.figures), len(inputs.self_check)] == [0, 0, 0]


def test_answers_are_read_in_either_language_and_stay_through_a_refresh(workbook: Path) -> None:
    answer(
        workbook,
        ("Organisation", "Vorteile", {"Antwort": "Nein", "Datum": "01.10.2025", SAID_BY: "Vertriebsleitung"}),
        ("Organisation", "Vorrang", {"Antwort": "teilweise"}),
        ("Kennzahlen", "Fixkosten", {"Wert": "1.250.000", SAID_BY: "Controlling"}),
        ("Kennzahlen", "Nettostunden", {"Wert": 1580}),
        ("Kennzahlen", "Key-Account-Manager", {"Wert": "2,5"}),
        ("Selbsteinschätzung", "Festes Team", {"Einschätzung": 3}),
        ("Selbsteinschätzung", "Nein sagen", {"Einschätzung": "1 – trifft nicht zu"}),
    )
    before = read_inputs(workbook)
    assert before.organisation.to_numpy().tolist() == [
        ["advantages", "no", "Vertriebsleitung", pd.Timestamp("2025-10-01")],
        ["priority", "partly", pd.NA, pd.NaT],
    ]
    assert before.figures[["figure", "value"]].to_numpy().tolist() == [
        ["fixed_costs", 1_250_000.0],
        ["kam_fte", 2.5],
        ["net_hours", 1580.0],
    ]
    assert before.self_check[["statement", "score"]].to_numpy().tolist() == [["team", 3.0], ["able_to_refuse", 1.0]]
    refresh_inputs(workbook, "en")
    after = read_inputs(workbook)
    for name in ("organisation", "figures", "self_check"):
        pd.testing.assert_frame_equal(getattr(after, name), getattr(before, name))
    assert cells(workbook, "Organisation")[1]["Answer"] == "no"
    assert cells(workbook, "Organisation")[1]["Question"].startswith("Do most key accounts have advantages")
    assert cells(workbook, "Figures")[2]["Value"] == 1580
    assert cells(workbook, "Self-check")[6]["Score"] == "1 – not true"


def test_two_people_may_answer_the_same_statement(workbook: Path) -> None:
    answer(workbook, ("Selbsteinschätzung", "Festes Team", {"Einschätzung": 4, SAID_BY: "Vertriebsleitung"}))
    fill(workbook, "Selbsteinschätzung", {"Thema": "Festes Team", "Einschätzung": 2, SAID_BY: "Außendienst"})
    refresh_inputs(workbook, "de")
    assert read_inputs(workbook).self_check[["statement", "score", "said_by"]].to_numpy().tolist() == [
        ["team", 4.0, "Vertriebsleitung"],
        ["team", 2.0, "Außendienst"],
    ]


def test_a_figure_that_cannot_be_meant_is_told(workbook: Path) -> None:
    answer(
        workbook,
        ("Kennzahlen", "Fixkosten", {"Wert": "250.000"}),
        ("Kennzahlen", "Stunden je Key Account", {"Wert": 0}),
        ("Kennzahlen", "Key-Account-Manager", {"Wert": 0}),
        ("Organisation", "Eigenes Budget", {"Antwort": "jein"}),
    )
    fill(
        workbook, "Kennzahlen", {"Kennzahl": "Kosten je Stelle", "Wert": 90000}, {"Kennzahl": "cost_per_fte", "Wert": 1}
    )
    with pytest.raises(InputError) as error:
        read_inputs(workbook)
    assert str(error.value) == (
        "inputs.xlsx: 4 problems found\n"
        "- sheet 'Organisation', row 8, Antwort: 'jein' is not known. Did you mean 'nein'?\n"
        "- sheet 'Kennzahlen', row 5, Wert: '250.000' is not clear as a number: write digits only, without units, as in "
        "250000\n"
        "- figures: hours_per_account is 0: leave it empty where nobody knows it\n"
        "- figures: cost_per_fte is given 2 times (90000, 1): keep one"
    )


def test_decisions_come_from_csv_files_too(tmp_path: Path) -> None:
    path = tmp_path / "nord.csv"
    path.write_text(
        "Kundennummer;Gegenstand;Entscheidung;abgestimmt mit;Datum\n007;Strategieoption;Cross-Selling;AD Nord;01.02.2025\n",
        encoding="utf-8-sig",
    )
    decisions = read_decisions(path)
    assert decisions[["account_id", "subject", "decision", "consulted", "date"]].to_numpy().tolist() == [
        ["007", "option", "cross_selling", "AD Nord", pd.Timestamp("2025-02-01")]
    ]
    with pytest.raises(InputError) as error:
        read_decisions(tmp_path / "sued.csv")
    assert str(error.value) == (
        "sued.csv: 1 problem found\n- the file with decisions does not exist: check the path under decisions"
    )


STEP = {
    "account_id": "0007",
    "name": "Alpha",
    "option": "Cross-Selling",
    "trigger": "Kauft keine Ventile.",
    "first_step": "Anrufen.",
    "proposed_due": dt.date(2026, 2, 2),
    "plan": dt.date(2025, 12, 31),
    "code": "cross_selling · call",
}


def test_a_step_that_somebody_takes_stays_as_agreed(workbook: Path) -> None:
    other = STEP | {"account_id": "0008", "name": "Beta"}
    refresh_inputs(workbook, "de", actions=[STEP, other])
    book = openpyxl.load_workbook(workbook)
    page = book["Maßnahmen"]
    at = {cell.value: cell.column for cell in page[HEADING_ROW]}
    page.cell(HEADING_ROW + 1, at["verantwortlich"], "Frau Weiß")
    page.cell(HEADING_ROW + 1, at["Stand"], "done")
    book.save(workbook)
    fill(workbook, "Maßnahmen", {"Kundennummer": "0009", "Erster Schritt": "Messe besuchen."})

    later = [s | {"proposed_due": dt.date(2026, 3, 2), "first_step": "Schreiben."} for s in (STEP, other)]
    refresh_inputs(workbook, "en", actions=later)
    rows = cells(workbook, "Actions")
    assert [(r["Account number"], r["First step"], r.get("Status")) for r in rows] == [
        ("0007", "Anrufen.", "done"),
        ("0008", "Schreiben.", None),
        ("0009", "Messe besuchen.", None),
    ]
    assert rows[0]["Due (proposal)"] == dt.datetime(2026, 2, 2)
    assert rows[1]["Due (proposal)"] == dt.datetime(2026, 3, 2)

    refresh_inputs(workbook, "de", actions=[])
    read = read_inputs(workbook).actions
    assert read[["account_id", "owner", "status"]].astype(object).where(read.notna(), None).to_numpy().tolist()[0] == [
        "0007",
        "Frau Weiß",
        "done",
    ]
    assert read["account_id"].tolist() == ["0007", "0009"]


def test_a_state_that_is_not_known_names_its_cell(workbook: Path) -> None:
    fill(workbook, "Maßnahmen", {"Kundennummer": "0009", "Erster Schritt": "X", "Stand": "erledigd"})
    with pytest.raises(InputError) as failed:
        read_inputs(workbook)
    assert str(failed.value) == (
        "inputs.xlsx: 1 problem found\n"
        "- sheet 'Maßnahmen', row 5, Stand: 'erledigd' is not known. Did you mean 'erledigt'?"
    )


def test_a_comment_keeps_the_figures_its_author_saw(workbook: Path) -> None:
    """Refreshed with figures a, commented, refreshed twice with b, then with a again."""
    name, first, later = "account 0007", dt.date(2026, 1, 5), dt.date(2026, 4, 7)
    refresh_inputs(workbook, "de", figures=({name: "a"}, first))
    fill(workbook, "Kommentare", {"Kundennummer": "0007", "Kommentar": "Neuer Einkauf."})
    assert read_inputs(workbook).comments["snapshot"].tolist() == ["a"]
    refresh_inputs(workbook, "de", figures=({name: "b"}, later))
    refresh_inputs(workbook, "en", figures=({name: "b"}, dt.date(2026, 5, 1)))
    comment = read_inputs(workbook).comments.iloc[0]
    assert (comment["snapshot"], comment["moved_on"]) == ("a", pd.Timestamp(later))
    assert read_snapshots(workbook) == {name: Seen("b", later)}
    refresh_inputs(workbook, "de", figures=({name: "a"}, dt.date(2026, 6, 1)))
    comment = read_inputs(workbook).comments.iloc[0]
    assert (comment["snapshot"], comment["moved_on"] is pd.NaT) == ("a", True)
    refresh_inputs(workbook, "de")
    assert read_snapshots(workbook) == {name: Seen("a", dt.date(2026, 6, 1))}
