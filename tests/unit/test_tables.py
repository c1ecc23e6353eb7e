from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pandas as pd
import pytest

from kamkit.analysis.stability import certainty
from kamkit.telling.language import Labels
from kamkit.telling.tables import borderline_table, display_table, key_accounts_table

DE, EN = Labels("de", "de_DE", "EUR"), Labels("en", "en_GB", "GBP")


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": ["Müller & Co", "<script>alert(1)</script>", None],
            "revenue": [1234567.5, -80.0, None],
            "share": [0.816, 0.002, None],
            "date": [dt.date(2025, 3, 1), pd.Timestamp("2025-12-31"), pd.NaT],
            "option": ["cross_selling", "basic_care", None],
            "region": [None, None, None],
        }
    )


COLUMNS = "name revenue:money share:percent date:date option:word:option region kam_owner"


def test_cells_are_written_as_the_country_does_and_gaps_stay_gaps() -> None:
    table = display_table(frame(), "accounts", COLUMNS, DE)
    assert [column.title for column in table.columns] == ["Kunde", "Umsatz", "Anteil", "Datum", "Option"]
    assert [[plain(cell) for cell in row] for row in table.cells] == [
        ["Müller & Co", "1.234.568 €", "82 %", "01.03.2025", "Cross-Selling"],
        ["<script>alert(1)</script>", "−80 €", "0,2 %", "31.12.2025", "Grundbetreuung"],
        ["–", "–", "–", "–", "–"],
    ]
    assert plain(display_table(frame(), "accounts", "revenue:money", EN).cells[0][0]) == "£1,234,568"


def test_a_table_in_plain_text_lines_up() -> None:
    table = display_table(frame().head(2), "accounts", "name revenue:money", DE, most=1)
    assert plain(repr(table)).splitlines() == [
        "Alle Kunden des Zeitraums",
        "Kunde             Umsatz",
        "────────────────────────",
        "Müller & Co  1.234.568 €",
        "… 1 weitere Zeile",
    ]


def test_a_name_is_never_markup() -> None:
    page = display_table(frame(), "accounts", COLUMNS, DE)._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert (
        '<td style="text-align:right;white-space:nowrap;vertical-align:top;padding:4px 10px">1.234.568\u00a0€</td>'
        in page
    )
    assert '<th scope="col"' in page


def test_rows_beyond_the_cap_are_told() -> None:
    table = display_table(pd.DataFrame({"name": [str(i) for i in range(30)]}), "accounts", "name", DE)
    assert (len(table), table.more) == (20, "… 10 weitere Zeilen")
    assert display_table(pd.DataFrame({"name": ["a"]}), "accounts", "name", DE).more == ""


def test_an_empty_table_keeps_its_heads() -> None:
    table = display_table(frame().head(0), "accounts", "name revenue:money", DE)
    assert repr(table) == "Alle Kunden des Zeitraums\nKunde  Umsatz\n─────────────"


def test_columns_can_be_left_out() -> None:
    table = display_table(frame(), "accounts", "name revenue:money share:percent", DE).without("revenue")
    assert [column.name for column in table.columns] == ["name", "share"]
    assert table.rows[0] == ("Müller & Co", 0.816)


@pytest.mark.parametrize(
    ("probability", "word"),
    [
        (1, "clear"),
        (0.95, "clear"),
        (0.9499, "borderline"),
        (0.05, "borderline"),
        (0.0499, "outside"),
        (float("nan"), None),
    ],
)
def test_certainty_has_its_limits(probability: float, word: str | None) -> None:
    assert certainty(probability) == word


def test_key_accounts_are_listed_by_rank_with_their_place(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    table = key_accounts_table(client.key_accounts, client.labels)
    assert [plain(cell) for cell in table.cells[4]] == [
        "5", "Kunde 5", "120 €", "5 %", "82 %", "36 €", "A", "Grenzfall", "Key Account", "–", "–", "–",
    ]  # fmt: skip
    assert [plain(cell) for cell in table.cells[1]][-4:] == ["KAM-betreut", "ja", "ja", "unbestätigt"]
    assert len(table) == 5


def test_the_borderline_accounts_nearest_to_the_cut_are_named(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    membership = client.key_accounts.membership.assign(membership_probability=0.5)
    table = borderline_table(replace(client.key_accounts, membership=membership), client.labels, most=4)
    assert [row[0] for row in table.rows] == [4, 5, 6, 7]
    assert table.more == "… 12 weitere Zeilen"
