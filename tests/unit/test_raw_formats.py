"""Every way a raw file may be written, on small files through the whole import."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import xlsxwriter

from kamkit.errors import InputError
from kamkit.intake.date_formats import date_format
from kamkit.intake.dialects import find_headings
from kamkit.intake.importing import import_engagement
from kamkit.model.engagement import Engagement
from kamkit.model.results import Imported

COLUMNS = {"customer_id": "Kunde", "posting_date": "Datum", "net_revenue": "Umsatz"}
HEAD = "Kunde;Datum;Umsatz\n"
Line = tuple[str, str, float]


def imported(folder: Path, name: str = "u.csv", more: dict[str, Any] | None = None, **source: Any) -> Imported:
    """The import of an engagement over one raw file that lies in the folder."""
    settings = {
        "client": "Test",
        "sources": {"transactions": {"path": name, "columns": COLUMNS} | source},
        **(more or {}),
    }
    engagement = Engagement.model_validate(settings)
    engagement._file = folder / "engagement.yml"
    return import_engagement(engagement, folder / "work")


def lines_of(folder: Path, text: str | bytes, name: str = "u.csv", **source: Any) -> list[Line]:
    """The lines kept: customer, day, revenue."""
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    imported(folder, name, **source)
    return kept(folder)


def kept(folder: Path) -> list[Line]:
    table = pq.read_table(folder / "work" / "tables" / "transactions.parquet").to_pylist()
    return [(row["customer_id"], row["posting_date"].isoformat(), float(row["net_revenue"])) for row in table]


def amounts(folder: Path, *cells: str) -> list[float]:
    text = HEAD + "".join(f"K{n};31.12.2025;{cell}\n" for n, cell in enumerate(cells))
    return [revenue for _, _, revenue in lines_of(folder, text)]


def days(folder: Path, *cells: str, **source: Any) -> list[str]:
    text = HEAD + "".join(f"K{n};{cell};1,50\n" for n, cell in enumerate(cells))
    return [day for _, day, _ in lines_of(folder, text, **source)]


def told(found: Imported) -> dict[str, int | None]:
    return {finding.code: finding.rows for finding in found.findings}


def rules(found: Imported) -> dict[str, int]:
    acted = found.rules[(found.rules["rows"] > 0) & (found.rules["treatment"] == "remove")]
    return dict(zip(acted["rule"], acted["rows"], strict=True))


ALV = """01.03.2026                 Dynamische Listenausgabe                 1
---------------------------------------------------
Fakturaliste

| Kunde | Datum      |     Umsatz | Währg |
|-------|------------|------------|-------|
| 10001 | 01.03.2025 |   1.234,56 | EUR   |
| 10001 | 02.03.2025 |     100,00-| EUR   |
|*      |            |   1.134,56 | EUR   |
| 10002 | 02.03.2025 |     200,00 | EUR   |
---------------------------------------------------
01.03.2026                 Dynamische Listenausgabe                 2
| Kunde | Datum      |     Umsatz | Währg |
|-------|------------|------------|-------|
| 10003 | 02.03.2025 |     300,00 | EUR   |
|**     |            |   1.634,56 | EUR   |
---------------------------------------------------
"""


def test_an_alv_list_with_page_breaks_and_subtotals(tmp_path: Path) -> None:
    (tmp_path / "u.txt").write_text(ALV, encoding="cp1252")
    found = imported(tmp_path, "u.txt")
    assert kept(tmp_path) == [
        ("10001", "2025-03-01", 1234.56),
        ("10001", "2025-03-02", -100.0),
        ("10002", "2025-03-02", 200.0),
        ("10003", "2025-03-02", 300.0),
    ]
    assert rules(found) == {"repeated_header": 1, "total_line": 2}
    assert told(found)["notes_left_out"] == 1


def test_an_unconverted_alv_list_with_a_blank_first_column(tmp_path: Path) -> None:
    text = (
        "01.03.2026\tListe\t\t1\n\n\tKunde\tDatum\t     Umsatz\tWährg\n\n\t10001\t01.03.2025\t   1.234,56 \tEUR\n"
        "\t10002\t01.03.2025\t   4,56-\tEUR\n*\t10001\t\t1.230,00\tEUR\n\t10002 *\t\t4,56-\tEUR\n**\t\t\t1.230,00\tEUR\n"
    )
    assert lines_of(tmp_path, text, "u.txt") == [("10001", "2025-03-01", 1234.56), ("10002", "2025-03-01", -4.56)]


@pytest.mark.parametrize("second", ["|        | datum     | umsatz   |", "| Nr.    | datum     | umsatz   |"])
def test_headings_over_two_lines(tmp_path: Path, second: str) -> None:
    text = (
        f"| Kunde  | Buchungs- | Netto-   |\n{second}\n|--------|-----------|----------|\n| 1 | 01.03.2025 | 5,00 |\n"
        f"| Kunde  | Buchungs- | Netto-   |\n{second}\n| 2 | 01.03.2025 | 7,00 |\n"
    )
    kunde = "Kunde Nr." if "Nr." in second else "Kunde"
    columns = {"customer_id": kunde, "posting_date": "Buchungsdatum", "net_revenue": "Nettoumsatz"}
    assert lines_of(tmp_path, text, columns=columns) == [("1", "2025-03-01", 5.0), ("2", "2025-03-01", 7.0)]


def test_a_first_line_that_says_what_a_heading_could_say_is_no_heading(tmp_path: Path) -> None:
    text = "Kunde;Datum;Art;Umsatz\n1;01.03.2025;Artikel;5,00\n2;02.03.2025;Artikel;7,00\n"
    columns = {"customer_id": "Kunde", "posting_date": "Datum", "net_revenue": "Umsatz", "product_id": "Art"}
    assert lines_of(tmp_path, text, columns=columns) == [("1", "2025-03-01", 5.0), ("2", "2025-03-02", 7.0)]
    header = find_headings([line.split(";") for line in text.splitlines()], ["Kunde", "Datum", "Umsatz", "Artikel"])
    assert header == (0, ("Kunde", "Datum", "Art", "Umsatz"))


def test_totals_counts_and_notes_below_the_table(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text(
        HEAD
        + "1;01.03.2025;5,00\nGesamtsumme;;5,00\n\n123 Datensätze\n;;Stand: 01.01.2026\nAlles netto;;\nQuelle: SAP\n"
    )
    found = imported(tmp_path)
    assert kept(tmp_path) == [("1", "2025-03-01", 5.0)]
    assert (rules(found), told(found)["notes_left_out"]) == ({"total_line": 1}, 4)


def test_an_amount_that_stands_alone_is_no_note(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text(HEAD + "1;01.03.2025;5,00\n;;7,00 EUR\n")
    found = imported(tmp_path)
    assert rules(found) == {"no_customer": 1}
    assert found.revenue_in == 12.0


def test_negatives_signs_and_currencies(tmp_path: Path) -> None:
    cells = (
        "(5,00)",
        "5,00-",
        "−7,00",
        "- 8,00",
        "-5,00 €",
        "€ 5,00",
        "5,00 EUR",
        "-€5,00",
        "(5,00 €)",
        "EUR 1'234,50",
        "9",
    )
    assert amounts(tmp_path, *cells) == [-5, -5, -7, -8, -5, 5, 5, -5, -5, 1234.5, 9]
    for currency, cell in (("USD", "($5,00)"), ("CHF", "-5,00 CHF"), ("GBP", "£ -5,00")):
        (tmp_path / "u.csv").write_text(f"{HEAD}K;31.12.2025;{cell}\n", encoding="utf-8")
        assert imported(tmp_path, more={"currency": currency}).revenue_kept == -5


def test_thousands(tmp_path: Path) -> None:
    cells = ("1 234,50", "1'234,50", "1\u00a0234,50", "1\u202f234,50", "1’234,50", "1.234,50")
    assert amounts(tmp_path, *cells) == [1234.5] * 6


def test_an_ambiguous_decimal_sign_is_told_with_both_sums(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text(HEAD + "1;31.12.2025;1.234\n2;31.12.2025;2.500\n")
    (finding,) = (f for f in imported(tmp_path).findings if f.code == "ambiguous_numbers")
    assert (finding.rows, finding.revenue, finding.values["otherwise"]) == (2, 3734.0, 3.734)
    (tmp_path / "u.csv").write_text(HEAD + "1;31.12.2025;1.234\n2;31.12.2025;2,5\n")
    assert "ambiguous_numbers" not in told(imported(tmp_path))
    assert [revenue for _, _, revenue in kept(tmp_path)] == [1234.0, 2.5]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("1.3.25", "01.04.24"), ["2025-03-01", "2024-04-01"]),
        (("20250301", "99991231", "00000000"), ["2025-03-01"]),
        (("01.03.2025", "31.12.9999", "00.00.0000"), ["2025-03-01"]),
        (("45717", "45718,5"), ["2025-03-01", "2025-03-02"]),
        (("03/13/2025", "04/01/2025"), ["2025-03-13", "2025-04-01"]),
        (("Jan 2025", "Feb. 2024"), ["2025-01-31", "2024-02-29"]),
        (("01.2025", "02.2025"), ["2025-01-31", "2025-02-28"]),
        (("2025-01", "2025-12"), ["2025-01-31", "2025-12-31"]),
        (("1. März 2025", "31-Dec-24", "Oct 3, 2025"), ["2025-03-01", "2024-12-31", "2025-10-03"]),
    ],
)
def test_days(tmp_path: Path, cells: tuple[str, ...], expected: list[str]) -> None:
    assert days(tmp_path, *cells) == expected


def test_days_without_a_year(tmp_path: Path) -> None:
    assert days(tmp_path, "0103", "3112", "101", format={"year": 2025}) == ["2025-03-01", "2025-12-31", "2025-01-01"]
    assert days(tmp_path, "29.02.", format={"year": 2024}) == ["2024-02-29"]


DATEV = (
    '"EXTF";700;21;"Buchungsstapel";13;20250131093000000;;"RE";"x";"";29098;55003;20240701;4;20240901;20250228;"WD"\n'
    '"Umsatz (ohne Soll/Haben-Kz)";"Soll/Haben-Kennzeichen";"WKZ Umsatz";"Konto";"Belegdatum";"Belegfeld 1"\n'
    '1234,56;"S";"EUR";10023;3112;"Müller"\n100,00;"H";"EUR";10023;0201;"RE2"\n7,00;"S";"EUR";10024;101;"RE3"\n'
)


def test_a_datev_file_has_its_year_in_its_first_line(tmp_path: Path) -> None:
    amount = '"Umsatz (ohne Soll/Haben-Kz)"'
    columns = {
        "customer_id": "Konto",
        "posting_date": "Belegdatum",
        "net_revenue": f"= CASE WHEN \"Soll/Haben-Kennzeichen\" = 'S' THEN {amount} ELSE -{amount} END",
    }
    assert lines_of(tmp_path, DATEV.encode("cp1252"), "EXTF_Buchungen.csv", columns=columns) == [
        ("10023", "2024-12-31", 1234.56),
        ("10023", "2025-01-02", -100.0),
        ("10024", "2025-01-01", 7.0),
    ]


def test_errors_of_a_spreadsheet_count_as_missing(tmp_path: Path) -> None:
    rows = [
        "1;31.12.2025;5,00",
        "2;31.12.2025;#WERT!",
        "3;#NV;6,00",
        "#BEZUG!;31.12.2025;7,00",
        "4;31.12.2025;########",
    ]
    (tmp_path / "u.csv").write_text(HEAD + "\n".join(rows) + "\n5;31.12.2025;#DIV/0!\n6;31.12.2025;8,00 €\n")
    found = imported(tmp_path)
    assert kept(tmp_path) == [("1", "2025-12-31", 5.0), ("6", "2025-12-31", 8.0)]
    assert rules(found) == {"no_customer": 1, "no_date": 1, "no_amount": 3}
    assert sorted(f.rows or 0 for f in found.findings if f.code == "cell_errors") == [1, 1, 3]


def test_numbers_beyond_any_range_are_told(tmp_path: Path) -> None:
    for cell in ("1e400", "9" * 400):
        with pytest.raises(InputError, match=r"net_revenue \('Umsatz'\) is not a number in 1 row \(first: row 3 "):
            amounts(tmp_path, "5,00", cell)


def test_umlauts_encoded_twice_are_restored_only_if_all_are(tmp_path: Path) -> None:
    assert [name for name, _, _ in lines_of(tmp_path, HEAD + "MÃ¼ller;31.12.2025;5,00\nGrÃ¶ÃŸe;31.12.2025;6,00\n")] == [
        "Müller",
        "Größe",
    ]
    (tmp_path / "u.csv").write_text(HEAD + "MÃ¼ller;31.12.2025;5,00\nMüller;31.12.2025;6,00\n")
    assert told(imported(tmp_path))["double_encoding"] == 1
    assert [name for name, _, _ in kept(tmp_path)] == ["MÃ¼ller", "Müller"]


def test_single_bytes_of_another_encoding_are_told_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_bytes((HEAD + "Müller;31.12.2025;5,00\n").encode() + b"M\xfcller;31.12.2025;6,00\n")
    (finding,) = (f for f in imported(tmp_path).findings if f.code == "mixed_encodings")
    assert (finding.rows, finding.examples) == (1, ("u.csv 3: Müller;31.12.2025;6,00",))
    assert [name for name, _, _ in kept(tmp_path)] == ["Müller", "Müller"]


def test_what_spreadsheets_leave_around_a_table(tmp_path: Path) -> None:
    text = "sep=;\nUmsatzliste;;;;\n;;;;\nKunde;Datum;Umsatz;;\n1;31.12.2025;5,00;;geprüft\n2;31.12.2025;6,00;;\n"
    assert lines_of(tmp_path, text) == [("1", "2025-12-31", 5.0), ("2", "2025-12-31", 6.0)]
    quoted = '"Kunde;Datum;Umsatz"\n"1;31.12.2025;5,00"\n"2;31.12.2025;6,00"\n'
    assert lines_of(tmp_path, quoted) == [("1", "2025-12-31", 5.0), ("2", "2025-12-31", 6.0)]


def test_columns_between_blanks(tmp_path: Path) -> None:
    text = "Liste vom 1.1.\n Kunde     Datum Anzahl Umsatz\n 00001 20250101  1  11.77\n 00002 20250112  5 112.00\n"
    assert lines_of(tmp_path, text, "u.txt") == [("00001", "2025-01-01", 11.77), ("00002", "2025-01-12", 112.0)]


def test_columns_with_fixed_widths(tmp_path: Path) -> None:
    text = (
        "Kunde    Name                Datum       Umsatz\n00001    Muster AG           01.01.2025   11,77\n"
        "00002    Huber und Sohn      02.01.2025  112,00\n00003                        02.01.2025  112,00-\n"
        "---------------------------------------------\nSumme aller Kunden und Jahre          11,77\n"
    )
    (tmp_path / "u.txt").write_text(text)
    found = imported(tmp_path, "u.txt")
    assert kept(tmp_path) == [
        ("00001", "2025-01-01", 11.77),
        ("00002", "2025-01-02", 112.0),
        ("00003", "2025-01-02", -112.0),
    ]
    assert found.files["delimiter"].tolist() == ["fixed width"]
    broken = text + "00004    Huber und Sohn, Werk  2 02.01.2025  112,00\n"
    with pytest.raises(InputError, match=r"u.txt: is a list with fixed widths whose columns run into each other"):
        lines_of(tmp_path, broken, "u.txt")


def test_cdnow_as_it_comes(real_data: Path, tmp_path: Path) -> None:
    columns = {"customer_id": "customer_id", "posting_date": "date", "net_revenue": "dollar_value"}
    found = imported(
        tmp_path, str(real_data / "cdnow" / "CDNOW_master.txt.gz"), {"allow_outside": True}, columns=columns
    )
    assert (found.rows_in, round(found.revenue_in, 2)) == (69_659, 2_500_315.63)


def book(path: Path, sheets: dict[str, list[list[Any]]], hidden: str = "") -> None:
    with xlsxwriter.Workbook(path) as made:
        for title, rows in sheets.items():
            page = made.add_worksheet(title)
            for n, row in enumerate(rows):
                page.write_row(n, 0, row)
            if title == hidden:
                page.hide()
            else:
                page.activate()


ROWS = [["Umsatzliste"], [], ["Kunde", "Datum", "Umsatz"], ["1", "31.12.2025", "5,00"], ["2", "31.12.2025", "6,00"]]


def test_the_sheet_is_chosen_whose_header_fits(tmp_path: Path) -> None:
    cover = [["Umsatzliste der Muster AG"], ["Kunde: intern"]]
    book(tmp_path / "u.xlsx", {"Deckblatt": cover, "Daten": ROWS, "Pivot": [["Kunde", "Summe"], ["1", "5"]]})
    found = imported(tmp_path, "u.xlsx")
    assert kept(tmp_path) == [("1", "2025-12-31", 5.0), ("2", "2025-12-31", 6.0)]
    assert found.files["sheet"].tolist() == ["Daten"]
    assert found.files["header_row"].tolist() == [3]
    assert told(found)["sheet_chosen"] == 1


def test_other_sheets_with_the_same_columns_are_told(tmp_path: Path) -> None:
    book(tmp_path / "u.xlsx", {"alt": ROWS, "Januar": ROWS, "Februar": ROWS}, hidden="alt")
    (finding,) = (f for f in imported(tmp_path, "u.xlsx").findings if f.code == "sheets_alike")
    assert (finding.values["sheet"], finding.examples) == ("Januar", ("u.xlsx alt", "u.xlsx Februar"))


def test_a_year_of_days_is_read_from_a_range_over_the_turn_of_the_year() -> None:
    found = date_format(["3006", "0107", "2902"], None, dt.date(2023, 7, 1), set(), "%d/%m/%Y")
    assert sorted(d for d in found.values.values() if d) == [
        dt.date(2023, 7, 1),
        dt.date(2024, 2, 29),
        dt.date(2024, 6, 30),
    ]


NUMBERED = HEAD + "Muster AG (10023);31.01.2025;100\n10024 Bau & Co;28.02.2025;20\n10025 - Ypsilon KG;31.12.2025;3\n"


def test_a_customer_number_is_taken_out_of_the_name(tmp_path: Path) -> None:
    text = NUMBERED + "Hotel 2000;31.12.2025;1\nMuster AG, Köln (10023);31.12.2025;5\nAB-7: Alt;31.12.2025;4\n"
    (tmp_path / "u.csv").write_text(text, encoding="utf-8")
    customers = {"path": "u.csv", "columns": {"customer_id": "Kunde", "name": "Kunde"}, "numbers_in": ["Kunde"]}
    transactions = {"path": "u.csv", "columns": COLUMNS, "numbers_in": ["Kunde"]}
    found = imported(tmp_path, more={"sources": {"transactions": transactions, "customers": customers}})
    assert kept(tmp_path) == [
        ("10023", "2025-01-31", 100.0),
        ("10024", "2025-02-28", 20.0),
        ("10025", "2025-12-31", 3.0),
        ("Hotel 2000", "2025-12-31", 1.0),
        ("10023", "2025-12-31", 5.0),
        ("AB-7", "2025-12-31", 4.0),
    ]
    names = pq.read_table(tmp_path / "work" / "tables" / "customers.parquet").to_pylist()
    assert [(row["customer_id"], row["name"]) for row in names if row["customer_id"] != "10023"] == [
        ("10024", "Bau & Co"),
        ("10025", "Ypsilon KG"),
        ("AB-7", "Alt"),
        ("Hotel 2000", "Hotel 2000"),
    ]
    unnumbered = [f for f in found.findings if f.code == "no_number_in_name"]
    assert [(f.table, f.rows, f.examples) for f in unnumbered] == [
        ("transactions", 1, ("Hotel 2000",)),
        ("customers", 1, ("Hotel 2000",)),
    ]


def test_a_customer_number_left_in_the_name_is_told(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text(NUMBERED)
    assert told(imported(tmp_path))["number_in_name"] == 3
    (tmp_path / "u.csv").write_text(HEAD + "10023;31.01.2025;100\nHotel 2000;31.12.2025;3\n")
    assert "number_in_name" not in told(imported(tmp_path))


def test_numbers_are_looked_for_in_columns_that_are_used(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text(NUMBERED)
    with pytest.raises(InputError) as error:
        imported(tmp_path, numbers_in=["Name"])
    assert error.value.problems == ("numbers_in: customer_id and name are not taken from 'Name': name it there",)


def test_dates_of_other_centuries_are_removed_and_told(tmp_path: Path) -> None:
    text = (
        HEAD
        + "".join(f"K;15.{m:02}.2025;10\n" for m in range(1, 13))
        + "K;31.01.1725;7\nL;31.01.3025;8,50\nK;1.2.2026;1\n"
    )
    (tmp_path / "u.csv").write_text(text)
    found = imported(tmp_path)
    assert (found.first_date, found.last_date) == (dt.date(2025, 1, 15), dt.date(2026, 2, 1))
    (rule,) = found.rules[found.rules["rule"] == "implausible_date"].to_dict("records")
    assert (rule["treatment"], rule["rows"], rule["revenue"]) == ("remove", 2, 15.5)
    assert [row[0] for row in kept(tmp_path)] == ["K"] * 12
    assert found.n_customers == 1


@pytest.mark.parametrize("day", ["01.01.1990", "31.12.2100"])
def test_the_plausible_years_are_inclusive(tmp_path: Path, day: str) -> None:
    (tmp_path / "u.csv").write_text(f"{HEAD}K;{day};10\n")
    assert rules(imported(tmp_path)) == {}


@pytest.mark.parametrize(
    ("booked", "master", "examples"),
    [
        (
            ["123", "45", "0000000007"],
            ["0000000123", "0000000045", "0000000007"],
            ("123 → 0000000123", "45 → 0000000045"),
        ),
        (["0123", "0045", "0007"], ["123", "45", "9999"], ("0123 → 123", "0045 → 45")),
        (["123", "45", "0000000007"], ["00123", "0045", "7"], ()),
        (["123", "A45", "0007"], ["0124", "0A45", "0007"], ()),
    ],
)
def test_leading_zeros_lost_on_one_side_are_told(
    tmp_path: Path, booked: list[str], master: list[str], examples: tuple[str, ...]
) -> None:
    lines = "".join(f"{customer};31.12.2025;{30 - n}\n" for n, customer in enumerate(booked))
    (tmp_path / "u.csv").write_text(HEAD + lines)
    (tmp_path / "k.csv").write_text("Nr;Name\n" + "".join(f"{customer};Firma {customer}\n" for customer in master))
    customers = {"path": "k.csv", "columns": {"customer_id": "Nr", "name": "Name"}}
    transactions = {"path": "u.csv", "columns": COLUMNS}
    found = imported(tmp_path, more={"sources": {"transactions": transactions, "customers": customers}})
    told_of = [(f.rows, f.revenue, f.examples) for f in found.findings if f.code == "lost_zeros"]
    assert told_of == ([(2, 59.0, examples)] if examples else [])
    assert kept(tmp_path)[0][0] == booked[0]


def test_amounts_in_another_currency_than_the_report_are_refused(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text(HEAD + "K1;31.12.2025;1,50 CHF\nK2;31.12.2025;2,50\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        imported(tmp_path)
    assert str(caught.value) == (
        "sources.transactions: 1 problem found\n- net_revenue ('Umsatz') is in CHF in 1 row (u.csv: 1,50 CHF), the engagement in EUR: "
        "set currency: CHF, or take 'Umsatz' for currency too and give exchange_rates"
    )
    assert imported(tmp_path, more={"currency": "CHF"}).revenue_kept == 4.0


def test_a_heading_in_another_currency_is_refused(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text("Kunde;Datum;Umsatz USD\nK1;31.12.2025;1,50\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"\('Umsatz USD'\) is in USD by its heading, the engagement in EUR"):
        imported(tmp_path, columns=COLUMNS | {"net_revenue": "Umsatz USD"})


def test_currencies_beside_the_amounts_are_converted(tmp_path: Path) -> None:
    lines = "K1;31.12.2025;10,00 CHF\nK2;31.12.2025;€ 2,50\nK3;31.12.2025;$4,00\nK4;31.12.2025;1,00\n"
    (tmp_path / "u.csv").write_text(HEAD + lines, encoding="utf-8")
    (tmp_path / "kurse.csv").write_text("Monat;Währung;Kurs\n2025-12;CHF;0,9\n2025-12;USD;0,5\n", encoding="utf-8")
    found = imported(tmp_path, more={"exchange_rates": {"path": "kurse.csv"}}, columns=COLUMNS | {"currency": "Umsatz"})
    assert found.revenue_kept == 9.0 + 2.5 + 2.0 + 1.0


def test_thousands_taken_as_they_stand_are_told(tmp_path: Path) -> None:
    text = "Umsatzliste, Angaben in TEUR\n\n" + HEAD + "K1;31.12.2025;1,50\n"
    (tmp_path / "u.csv").write_text(text, encoding="utf-8")
    (note,) = [finding for finding in imported(tmp_path).findings if finding.code == "amounts_in_multiples"]
    assert (note.examples, note.values["factor"]) == (("Umsatz",), 1000)
    in_full = imported(tmp_path, columns=COLUMNS | {"net_revenue": "= Umsatz * 1000"})
    assert in_full.revenue_kept == 1500.0
    assert "amounts_in_multiples" not in told(in_full)


BLOCKS = HEAD + "K1;31.01.2025;100\n;28.02.2025;20\nSumme K1;;120\nK2;31.12.2025;3\n ;31.12.2025;4\nGesamt;;127\n"


def test_a_customer_that_stands_on_top_of_its_block_is_filled_down(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text(BLOCKS, encoding="utf-8")
    found = imported(tmp_path, fill_down=["Kunde"])
    assert kept(tmp_path) == [
        ("K1", "2025-01-31", 100.0),
        ("K1", "2025-02-28", 20.0),
        ("K2", "2025-12-31", 3.0),
        ("K2", "2025-12-31", 4.0),
    ]
    assert told(found)["filled_down"] == 2
    assert found.rules.set_index("rule")["rows"]["total_line"] == 2


def test_nothing_is_filled_down_that_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text(BLOCKS, encoding="utf-8")
    with pytest.raises(InputError, match="fill_down: 'Ort' is no column that is used"):
        imported(tmp_path, fill_down=["Ort"])
