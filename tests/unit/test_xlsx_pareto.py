"""The live Pareto sheet: what its cells hold, and that a spreadsheet finds what Python finds at any threshold."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from openpyxl.worksheet.worksheet import Worksheet

from kamkit.analysis.pareto import rank_accounts
from kamkit.deliver.live_text import count_term, percent_term, quoted, sentence_term
from kamkit.deliver.xlsx import render_xlsx
from kamkit.model.results import Pareto
from kamkit.telling.chart_data import Frame
from kamkit.telling.language import Labels
from kamkit.telling.live_pareto import live_pareto
from kamkit.telling.pareto_chart import pareto_headline
from kamkit.telling.story import Sheet, Story

TOP = 11
"""The row of the heads, counted from 1."""


def accounts_of(values: Sequence[float], ids: Sequence[str] | None = None) -> pd.DataFrame:
    named = list(ids or (f"{i:04d}" for i in range(1, len(values) + 1)))
    frame = pd.DataFrame({"account_id": named, "name": [f"Kunde {i}" for i in named], "revenue": values})
    return frame.assign(margin=float("nan"))


def story_of(client, pareto: Pareto) -> Story:  # type: ignore[no-untyped-def]
    """A story whose workbook has nothing but the sheet of this ranking."""
    nothing = pd.DataFrame({"account_id": pd.Series(dtype="string")})
    empty = {"membership": nothing.assign(membership_probability=float("nan")), "tiers": nothing.assign(tier="other")}
    key_accounts = replace(client.key_accounts, pareto=pareto, **empty)
    table, live = live_pareto(key_accounts, client.labels, Frame(client.facts.period))
    return replace(client.story(), main=(), sheets=(Sheet("pareto", "Pareto", table, pareto=live),))


def rows_of(sheet: Worksheet, n: int) -> list[tuple[object, ...]]:
    """rank, id, share, cumulated share, class, key account of the first n accounts."""
    found = []
    for row in sheet.iter_rows(min_row=TOP + 1, max_row=TOP + n, max_col=9, values_only=True):
        rank, _, _, share, cumulated, abc, key, account, _ = row
        found.append((rank or None, account, share or None, cumulated or None, abc or None, key or None))
    return found


def expected_of(pareto: Pareto, labels: Labels) -> list[tuple[object, ...]]:
    found = []
    for row in pareto.table.itertuples():
        if pd.isna(row.rank):
            found.append((None, row.account_id, None, None, None, None))
        else:
            key = labels("answer.yes" if row.is_key_account else "answer.no")
            shares = (pytest.approx(row.share, abs=1e-12), pytest.approx(row.cumulative_share, abs=1e-12))
            found.append((row.rank, row.account_id, *shares, row.abc_class, key))
    return found


VALUES = [900.0, 500, 300, 200, 120, 90, 80, 70, 60, 50, 40, 30, 20, 10, 5]
TIED = [*VALUES[:5], 90.0, 90, 90, *VALUES[6:], *(float(i) for i in range(4, 25)), 0.0, -15.5, float("nan")]
"""Forty-one accounts: three of one amount, and at the end one without revenue, a credit note and one without a figure."""
TIED_IDS = [f"K{(7 * i) % 41:03d}" for i in range(41)]


@pytest.fixture
def book(told) -> Callable[..., openpyxl.Workbook]:  # type: ignore[no-untyped-def]
    def made(pareto: Pareto, language: str = "de", values: bool = False) -> openpyxl.Workbook:
        content = render_xlsx(story_of(told(language=language), pareto))
        return openpyxl.load_workbook(io.BytesIO(content), data_only=values)

    return made


def test_the_ranking_is_formulas_with_the_values_that_python_found(told, book) -> None:  # type: ignore[no-untyped-def]
    pareto, labels = rank_accounts(accounts_of(TIED, TIED_IDS)), told().labels
    shown = book(pareto, values=True)["Pareto"]
    assert rows_of(shown, len(TIED)) == expected_of(pareto, labels)
    assert shown["A3"].value == pareto_headline(pareto, labels)
    assert [shown[f"C{y}"].value for y in range(5, 10)] == [
        0.8, pareto.n_key_accounts, 41, pytest.approx(pareto.key_account_share), pytest.approx(pareto.total_positive)
    ]  # fmt: skip
    live = book(pareto)["Pareto"]
    for row in live.iter_rows(min_row=TOP + 1, max_row=TOP + len(TIED)):
        assert [cell.data_type for cell in row[:9]] == ["f", "s", "n", "f", "f", "f", "f", "s", "n"]
    without = [
        c.coordinate
        for row in shown.iter_rows()
        for c in row
        if live[c.coordinate].data_type == "f" and c.value is None
    ]
    assert {coordinate[0] for coordinate in without} <= set("ADEFG"), without  # accounts without a rank
    assert {int(coordinate[1:]) for coordinate in without if len(coordinate) < 4} == {TOP + n for n in (39, 40, 41)}


def test_the_formulas_know_no_newer_functions_than_excel_2010(book) -> None:  # type: ignore[no-untyped-def]
    sheet = book(rank_accounts(accounts_of(TIED, TIED_IDS)))["Pareto"]
    formulas = "\n".join(c.value for row in sheet.iter_rows() for c in row if c.data_type == "f")
    used = set(re.findall(r"([A-Z][A-Z.]+)\(", re.sub(r'"[^"]*"', "", formulas)))
    assert used <= {
        "AND", "COUNTA", "COUNTIF", "IF", "IFERROR", "INDEX", "INT", "LEFT", "LEN", "MATCH", "MAX", "MOD", "N", "RANK",
        "ROUND", "SUMIF", "SUMPRODUCT", "TEXT",
    }  # fmt: skip
    assert "TEXT(MOD(" in formulas
    assert set(re.findall(r"TEXT\([^\"]*\"([^\"]*)\"", formulas)) == {"000"}  # the same in every country


def test_the_threshold_is_a_yellow_named_cell_that_takes_shares_only(book) -> None:  # type: ignore[no-untyped-def]
    for language, name in (("de", "Schwelle"), ("en", "Threshold")):
        made = book(rank_accounts(accounts_of(VALUES)), language)
        sheet = made["Pareto"]
        assert (
            made.defined_names[name].attr_text == "'Pareto'!$C$5" or made.defined_names[name].attr_text == "Pareto!$C$5"
        )
        assert sheet["C5"].fill.fgColor.rgb == "FFFFF8D6"
        (rule,) = sheet.data_validations.dataValidation
        assert (str(rule.sqref), rule.type, rule.formula1, rule.formula2) == ("C5", "decimal", "0.01", "1.0")


def test_the_chart_follows_the_finding_and_names_the_first(book) -> None:  # type: ignore[no-untyped-def]
    sheet = book(rank_accounts(accounts_of(TIED, TIED_IDS)), values=True)["Pareto"]
    first = next(cell for cell in sheet[TOP] if cell.value == "Rang" and cell.column > 9).column
    rows = [
        [sheet.cell(y, x).value for x in range(first, first + 9)]
        for y in range(TOP + 1, TOP + 30)
        if sheet.cell(y, first).value
    ]
    pareto = rank_accounts(accounts_of(TIED, TIED_IDS))
    names, n_key = [row[2] for row in rows], pareto.n_key_accounts
    assert n_key <= 20
    assert names[:21] == [f"Kunde {i}" for i in pareto.table["account_id"].head(21)]
    assert names[21:] == [f"Übrige ({pareto.n_positive - 21})"]
    shares = [sum(row[3:6]) for row in rows]
    assert sum(shares) == pytest.approx(1)
    assert [row[6] for row in rows] == pytest.approx(list(pd.Series(shares).cumsum()))
    assert [row[7] for row in rows if row[7]] == [pytest.approx(pareto.key_account_share)]
    (chart,) = sheet._charts
    assert chart.title.tx.strRef.f == "'Pareto'!$A$3"


@pytest.mark.slow
@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("threshold", [0.01, 0.6, 0.7, 0.8, 1.0])
def test_a_spreadsheet_finds_what_python_finds_at_any_threshold(
    told,
    book,
    recalculated,
    tmp_path: Path,
    threshold: float,
    language: str,  # type: ignore[no-untyped-def]
) -> None:
    accounts, labels = accounts_of(TIED, TIED_IDS), told(language=language).labels
    made = book(rank_accounts(accounts), language)
    made["Pareto"]["C5"] = threshold
    made.save(tmp_path / "moved.xlsx")
    sheet = recalculated(tmp_path / "moved.xlsx")["Pareto"]
    pareto = rank_accounts(accounts, threshold)
    assert rows_of(sheet, len(TIED)) == expected_of(pareto, labels)
    assert sheet["A3"].value == pareto_headline(pareto, labels)


@pytest.mark.slow
def test_changed_amounts_are_ranked_again_ties_by_number_as_text(told, book, recalculated, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """The largest account shrinks to a tie with three others, the credit note becomes the largest, one loses its figure."""
    accounts = accounts_of(TIED, TIED_IDS)
    made = book(rank_accounts(accounts))
    sheet = made["Pareto"]
    changed = {TIED_IDS[0]: 90.0, TIED_IDS[39]: 1234.5, TIED_IDS[1]: None}
    for y in range(TOP + 1, TOP + 1 + len(TIED)):
        if (account := sheet.cell(y, 8).value) in changed:
            sheet.cell(y, 3).value = changed[account]
    made.save(tmp_path / "changed.xlsx")
    found = recalculated(tmp_path / "changed.xlsx")["Pareto"]
    now = accounts.assign(revenue=[changed.get(i, v) for i, v in zip(TIED_IDS, TIED, strict=True)])
    pareto = rank_accounts(now.assign(revenue=now["revenue"].astype(float)))
    rows = sorted(rows_of(found, len(TIED)), key=lambda row: (row[0] is None, row[0] or 0))
    expected = expected_of(pareto, told().labels)
    assert rows[: pareto.n_positive] == expected[: pareto.n_positive]
    assert {row[1] for row in rows[pareto.n_positive :]} == {row[1] for row in expected[pareto.n_positive :]}
    assert found["A3"].value == pareto_headline(pareto, told().labels)


@pytest.mark.slow
@pytest.mark.parametrize("values", [[950.0, 50], [5.0], [0.0, -5.0], [700.0, 100, 100, 100]])
def test_the_finding_has_its_own_words_for_one_and_for_nobody(
    told, book, recalculated, tmp_path: Path, values: list[float]
) -> None:  # type: ignore[no-untyped-def]
    pareto = rank_accounts(accounts_of(values))
    made = book(pareto)
    assert made["Pareto"]["A3"].data_type == "f"
    made.save(tmp_path / "few.xlsx")
    sheet = recalculated(tmp_path / "few.xlsx")["Pareto"]
    assert sheet["A3"].value == pareto_headline(pareto, told().labels)
    assert rows_of(sheet, len(values)) == expected_of(pareto, told().labels)


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["de_DE", "de_CH", "en_GB"])
def test_numbers_in_formulas_are_written_as_labels_write_them(recalculated, tmp_path: Path, locale: str) -> None:  # type: ignore[no-untyped-def]
    labels = Labels(locale[:2], locale, "EUR")
    shares = [
        0.01,
        0.025,
        0.125,
        0.135,
        0.575,
        0.825,
        0.8249999,
        0.835,
        0.994,
        0.995,
        0.9965,
        0.9994,
        0.9995,
        0.99999,
        1.0,
    ]
    counts = [0, 1, 999, 1000, 1005, 40_000, 289_123]
    with xlsxwriter.Workbook(tmp_path / "numbers.xlsx") as made:
        page = made.add_worksheet()
        for y, number in enumerate([*shares, *counts]):
            page.write_number(y, 0, number)
            term = percent_term if y < len(shares) else count_term
            page.write_formula(y, 1, f"={term(f'A{y + 1}', labels)}", None, "")
    openpyxl.load_workbook(tmp_path / "numbers.xlsx").save(tmp_path / "again.xlsx")  # without values: to be computed
    found = [cell.value for cell in recalculated(tmp_path / "again.xlsx").worksheets[0]["B"]]
    assert found == [*map(labels.percent, shares), *map(labels.count, counts)]


def test_a_sentence_becomes_a_term_and_its_quotes_stay() -> None:
    assert sentence_term('{n:count} von "A" {of}', {"n": "$B$1", "of": "$B$2"}) == '$B$1&" von ""A"" "&$B$2'
    assert quoted("x" * 300) == f'"{"x" * 255}"&"{"x" * 45}"'
    with pytest.raises(KeyError, match="'total'"):
        sentence_term("{total:count}", {})
