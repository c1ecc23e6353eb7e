"""Figures of an account, traced to its lines: hand-sized lines, formulas beside values, and the workbook."""

from __future__ import annotations

import datetime as dt
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pandas as pd
import pytest

from kamkit.deliver.explanation import render_explanation
from kamkit.errors import EngagementError
from kamkit.execution import explain
from kamkit.execution.explain import find_accounts, write_explanations
from kamkit.model.brand import Palette
from kamkit.telling.explanation import Explanation, Figure, Told
from kamkit.telling.language import Labels
from kamkit.telling.trace import COMPARISONS, TRACES, Compared, Lines, Rows, Term, account_lines

END = dt.date(2025, 12, 31)
LABELS = Labels("de", "de_DE", "EUR")
ROWS = pd.DataFrame(
    [
        ("R1", "2024-08-01", 100.0, "Kartons"),
        ("R2", "2024-09-10", 60.0, "Folie"),
        ("R3", "2025-02-01", 40.0, "=Etiketten"),
        ("R4", "2025-08-01", 30.0, "Kartons"),
        ("R4", "2025-08-01", 20.0, "Folie"),
        ("R5", "2025-08-11", -10.0, "Kartons"),
        ("R6", "2025-11-29", 10.0, "Folie"),
    ],
    columns=["invoice_id", "posting_date", "net_revenue", "category"],
).assign(customer_id="007", posting_date=lambda rows: pd.to_datetime(rows["posting_date"]).dt.date)
VALUES: dict[str, Any] = {
    "lost_item": "Kartons",
    "weakest_month": pd.Timestamp("2025-08-01"),
    "main_item": "Etiketten",
    "months": 3,
    "risk_evidence": "risk_weaker",
}


def lines(rows: pd.DataFrame = ROWS, **values: Any) -> Lines:
    names = {"Kartons": "Kartons", "Folie": "Folie", "=Etiketten": "Etiketten"}
    return Lines(account_lines(rows, "category", END, 3), END, names, VALUES | values, 50.0, 3.0, 0.5)


def test_lines_carry_their_windows_orders_and_purchases() -> None:
    frame = lines().frame
    assert frame["last_6_months"].tolist() == [False, False, False, True, True, True, True]
    assert frame["same_6_months_before"].tolist() == [True, True, *[False] * 5]
    assert frame["window"].tolist() == [*[False] * 6, True]
    assert frame["order_amount"].fillna(0).tolist() == [100, 60, 40, 50, 0, 0, 10]
    assert frame["order_gap"].fillna(0).tolist() == [0, 40, 144, 181, 0, 0, 120]
    assert frame["is_purchase"].tolist() == [True, True, True, True, True, False, True]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("days", 32),
        ("n_orders", 5),
        ("longest", 181),
        ("interval", (132 * 4 + 50 * 3) / 7),
        ("revenue", 90),
        ("change", 60 / (160 - 100) - 1),  # the order of 100 alone makes up more than half of the same months
        ("trend_change", 50 / 160 - 1),
        ("one_off", 0.5),
        ("returned", 0.1),
        ("active", 3 / 12),
        ("tenure", 517 / 365.25),
        ("lost_before", 100),
        ("lost_now", 30),
        ("weakest_lost", 70),
        ("main_revenue", 40),
    ],
)
def test_each_figure_by_hand(name: str, value: float) -> None:
    term = TRACES[name](lines())
    assert term is not None
    assert term.value == pytest.approx(value)


def test_names_cannot_become_criteria_of_another_kind() -> None:
    term = TRACES["main_revenue"](lines())
    assert term is not None
    assert term.formula == 'SUMIFS(line_amount,line_last_12_months,TRUE,line_item,"==Etiketten",line_is_purchase,TRUE)'


PEERS = pd.DataFrame(
    [
        ("01", "=Summe AG", True, True, True, 30.0, 0.3),
        ("02", "Maier", True, True, False, 10.0, 0.1),
        ("03", "Huber", True, False, True, 0.0, None),
        ("04", "Bauer", False, True, True, 20.0, 0.2),
    ],
    columns=["account_id", "name", "is_peer", "buys", "buys_because", "revenue", "usual_share"],
).astype({"is_peer": "boolean", "buys": "boolean", "buys_because": "boolean"})
TALKS = pd.DataFrame(
    {
        "date": pd.to_datetime(["2025-05-01", "2025-04-01", "2025-03-01"]),
        "own_role": ["Außendienst", "Innendienst", None],
        "counts": pd.array([True, True, False], dtype="boolean"),
    }
)
SHOCK = pd.DataFrame(
    {
        "name": ["Müller", "Maier", "Huber"],
        "is_itself": pd.array([True, False, False], dtype="boolean"),
        "is_matched": pd.array([False, True, True], dtype="boolean"),
        "before": [100.0, 80.0, 50.0],
        "after": [250.0, 60.0, 50.0],
        "share": [2.0, 0.75, 1.0],
    }
)
TABLES = {"peer": Rows("peer", PEERS), "visit": Rows("visit", TALKS), "shock": Rows("shock", SHOCK)}
COMPARED = Compared(TABLES, {"top_role": "Innendienst"}, Term("1000.0", 1000.0))
BY_HAND = {
    "n": 2,
    "peers": 3,
    "not_buying": 1,
    "both": 2,
    "lift": 2 * 4 / (3 * 3),
    "usual": 200,
    "top_share": 0.5,
    "shock_kept": 2,  # more than double counts as double
    "shock_matched": 0.875,
}


@pytest.mark.parametrize(("name", "value"), BY_HAND.items())
def test_figures_about_others_by_hand(name: str, value: float) -> None:
    term = COMPARISONS[name](COMPARED)
    assert term is not None
    assert term.value == pytest.approx(value)


@pytest.mark.parametrize("name", ["n", "expected", "contacts", "typical", "share"])
def test_without_its_table_nothing_is_traced(name: str) -> None:
    assert COMPARISONS[name](Compared({}, {}, Term("0", 0.0))) is None


def explanation(with_lines: bool = True) -> Explanation:
    traced = lines()
    told = (Told("reason", "relationship", "=SUMME(A1) sagt niemand.", "reason.base", {}),)
    names = ("days", "change", "interval", "returned", "active", "tenure", "weakest_lost", "main_revenue", "regularity")
    figures = []
    for name in names:
        term = TRACES[name](traced)
        assert term is not None
        figures.append(Figure(1, name, "number", "x", term.value, "so", term if with_lines else None))
    figures.append(Figure(1, "expected", "money", "9", 9.0, "gezählt", None))
    for name, value in BY_HAND.items():
        figures.append(Figure(1, name, "number", "x", value, "so", COMPARISONS[name](COMPARED)))
    notes = dict.fromkeys(TABLES, "Wer zählt.")
    named = {"category": "Folie", "because": "Kartons"}
    return Explanation("007", "Müller", told, tuple(figures), traced if with_lines else None, TABLES, named, notes, 12)


def sheets(explained: Explanation, values: bool = True) -> openpyxl.Workbook:
    made = render_explanation(explained, dt.date(2026, 1, 15), LABELS, Palette())
    return openpyxl.load_workbook(io.BytesIO(made), data_only=values)


LAST_FIGURE = 14 + len(BY_HAND)


def test_the_workbook_holds_sentences_figures_lines_comparison_and_what_else_they_rest_on() -> None:
    book, formulas = sheets(explanation()), sheets(explanation(), values=False)
    assert book.sheetnames == [
        *("Sätze", "Belege", "Zeilen", "Vergleich"),
        *("Vergleichskunden", "Kontakte", "Störung"),
    ]
    assert book["Sätze"]["D2"].value == (
        "In „Zeilen“ fehlt, was sich als Beleg und Storno auf den Cent aufhebt: über alle Kunden 12 Buchungszeilen, "
        "zusammen null."
    )
    peers = list(book["Vergleichskunden"].iter_rows(min_row=2, max_row=4, values_only=True))
    assert peers[0][0] == "Wer zählt."
    assert peers[1][3:5] == ("hat „Folie“ je gekauft", "hat „Kartons“ je gekauft")
    assert peers[2] == ("01", "=Summe AG", True, True, True, 30, 0.3)
    assert formulas["Vergleichskunden"]["B4"].data_type == "s"
    assert formulas["Belege"]["F14"].value == "=COUNTIFS(peer_is_peer,TRUE,peer_buys,TRUE)"
    assert book["Sätze"]["D4"].value == "=SUMME(A1) sagt niemand."
    assert formulas["Sätze"]["D4"].data_type == "s"
    figures = book["Belege"]
    exact = [figures.cell(row, 5).value for row in range(4, LAST_FIGURE)]
    live = [figures.cell(row, 6).value for row in range(4, LAST_FIGURE)]
    assert live == pytest.approx(exact)
    assert {figures.cell(row, 7).value for row in range(4, LAST_FIGURE)} == {"ja"}
    assert all(str(formulas["Belege"].cell(row, 6).value).startswith("=") for row in range(4, LAST_FIGURE))
    assert formulas["Belege"]["F13"].value == "='Vergleich'!D4"
    assert book["Vergleich"]["D4"].value == 9
    rows = book["Zeilen"]
    assert [cell.value for cell in rows[6]][5:9] == [None, 40, None, True]
    assert rows["E6"].value == "=Etiketten"
    assert formulas["Zeilen"]["E6"].data_type == "s"


def test_where_lines_stay_in_a_database_the_workbook_says_so() -> None:
    book = sheets(explanation(with_lines=False))
    said = "Die Buchungszeilen liegen in der Datenbank des Auftraggebers und nicht im Laufordner; nachgerechnet werden kann nur dort."
    assert book["Sätze"]["A2"].value == said
    assert book["Zeilen"]["A2"].value == said
    assert book["Vergleich"]["D4"].value == 32


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("libreoffice") is None, reason="needs libreoffice to compute the formulas")
def test_a_spreadsheet_computes_the_same_figures(
    tmp_path: Path, recalculated: Callable[[Path], openpyxl.Workbook]
) -> None:
    path = tmp_path / "007.xlsx"
    path.write_bytes(render_explanation(explanation(), dt.date(2026, 1, 15), LABELS, Palette()))
    figures = recalculated(path)["Belege"]
    exact = [figures.cell(row, 5).value for row in range(4, LAST_FIGURE)]
    assert [figures.cell(row, 6).value for row in range(4, LAST_FIGURE)] == pytest.approx(exact)
    assert {figures.cell(row, 7).value for row in range(4, LAST_FIGURE)} == {"ja"}


def project(*accounts: tuple[str, str], pseudonymise: bool = False) -> Any:
    frame = pd.DataFrame(accounts, columns=["account_id", "name"]).assign(in_period=True)
    engagement = SimpleNamespace(pseudonymise=pseudonymise)
    return SimpleNamespace(facts=SimpleNamespace(accounts=frame), engagement=engagement)


def test_accounts_are_found_by_id_or_name_each_once() -> None:
    known = project(("007", "Müller GmbH"), ("008", "Maier AG"))
    assert find_accounts(known, ["müller gmbh", "008", "007"]) == ("007", "008")


def test_unknown_and_ambiguous_accounts_are_told_together() -> None:
    known = project(("007", "Müller GmbH"), ("008", "Maier AG"), ("009", "Maier AG"))
    with pytest.raises(EngagementError) as caught:
        find_accounts(known, ["Müler GmbH", "Maier AG", "xyz"])
    assert str(caught.value) == (
        "--explain: 3 problems found\n"
        "- 'Müler GmbH' is no account of this engagement. Close: 'Müller GmbH'\n"
        "- 'Maier AG' is the name of 2 accounts: 008, 009. Give the id\n"
        "- 'xyz' is no account of this engagement"
    )


def test_an_empty_account_is_answered_with_the_largest_key_accounts() -> None:
    known = project(("007", "Müller GmbH"), ("008", ""))
    ranked = pd.DataFrame({"name": ["Groß AG", "Müller GmbH", "Klein KG"], "is_key_account": [True, True, False]})
    known.key_accounts = SimpleNamespace(pareto=SimpleNamespace(table=ranked))
    with pytest.raises(EngagementError) as caught:
        find_accounts(known, ["", " "])
    needed = "- an account is needed, its id or name; the largest key accounts: 'Groß AG', 'Müller GmbH'"
    assert str(caught.value) == f"--explain: 2 problems found\n{needed}\n{needed}"


def test_with_pseudonyms_an_unknown_account_is_told_what_to_ask_for() -> None:
    with pytest.raises(EngagementError) as caught:
        find_accounts(project(("K-0007", "Kunde 0007"), pseudonymise=True), ["Müller GmbH"])
    assert str(caught.value) == (
        "--explain: 1 problem found\n"
        "- 'Müller GmbH' is no account of this engagement; accounts go by their pseudonyms here"
    )


def test_each_account_has_a_file_of_its_own_and_none_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explain, "explain", lambda _, account_id: account_id)
    monkeypatch.setattr(explain, "render_explanation", lambda account_id, *_: account_id.encode())
    dressed = SimpleNamespace(palette=Palette())
    known: Any = SimpleNamespace(work=tmp_path, labels=LABELS, today=END, engagement=dressed)
    assert list(write_explanations(known, [])) == []
    assert list(tmp_path.iterdir()) == []
    written = {path.name: path.read_text() for path in write_explanations(known, ["A/1", "A-1", "B"])}
    assert written == {"A-1.xlsx": "A/1", "A-1_2.xlsx": "A-1", "B.xlsx": "B"}
