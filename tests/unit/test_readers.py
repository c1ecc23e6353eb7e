"""Raw files, however they come, as one typed table with the row numbers people count."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from kamkit.errors import InputError
from kamkit.intake.readers import TypedTable, read_table
from kamkit.model.engagement import Engagement
from kamkit.model.results import Finding
from kamkit.telling.language import Labels
from kamkit.telling.results import finding_sentence

DE, EN = ("de", "de_DE", "EUR"), ("en", "en_GB", "EUR")
COLUMNS = {"customer_id": "Kunde", "posting_date": "Datum", "net_revenue": "Umsatz"}


def read(
    folder: Path, name: str = "transactions", engagement: dict[str, Any] | None = None, **source: Any
) -> TypedTable:
    """Read one source of an engagement in a folder; transactions have the German columns unless told otherwise."""
    transactions = {"path": "unused.csv", "columns": COLUMNS}
    sources = {"transactions": transactions} | {name: ({"columns": COLUMNS} if name == "transactions" else {}) | source}
    validated = Engagement.model_validate({"client": "Test", "sources": sources} | (engagement or {}))
    validated._file = folder / "engagement.yml"
    return read_table(ibis.duckdb.connect(), name, getattr(validated.sources, name), validated, folder / "scratch")


def rows(typed: TypedTable, *columns: str) -> list[tuple[Any, ...]]:
    """The typed table by file and row: exact values, not floats."""
    table = typed.table.order_by(["source_file", "source_row"]).to_pyarrow()
    return list(zip(*(table[column].to_pylist() for column in columns), strict=True))


def problems_of(folder: Path, **source: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        read(folder, **source)
    return list(caught.value.problems)


def codes(typed: TypedTable) -> list[tuple[str, int | None]]:
    return [(finding.code, finding.rows) for finding in typed.findings]


def workbook(path: Path, *lines: list[Any], sheet: str = "Umsätze") -> None:
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("leer")
        day = book.add_format({"num_format": "dd.mm.yyyy"})
        page = book.add_worksheet(sheet)
        for i, line in enumerate(lines):
            for j, cell in enumerate(line):
                if isinstance(cell, dt.date):
                    page.write_datetime(i, j, cell, day)
                elif isinstance(cell, str):
                    page.write_string(i, j, cell)
                elif cell is not None:
                    page.write(i, j, cell)


def test_a_german_export(tmp_path: Path) -> None:
    text = "Kunde;Datum;Umsatz\n00012;31.12.2025;1.234,50\n00012;30.11.2025;0,5-\n;29.11.2025;\n"
    (tmp_path / "umsatz.csv").write_text(text)
    typed = read(tmp_path, path="umsatz.csv")
    assert rows(typed, *COLUMNS, "source_file", "source_row", "row_mark") == [
        ("00012", dt.date(2025, 12, 31), Decimal("1234.500000"), "umsatz.csv", 2, "data"),
        ("00012", dt.date(2025, 11, 30), Decimal("-0.500000"), "umsatz.csv", 3, "data"),
        (None, dt.date(2025, 11, 29), None, "umsatz.csv", 4, "data"),
    ]
    assert typed.files == (
        {
            "table": "transactions",
            "file": "umsatz.csv",
            "sheet": None,
            "encoding": "utf-8",
            "delimiter": ";",
            "header_row": 1,
            "rows": 3,
        },
    )
    assert typed.columns[2] == {
        "table": "transactions",
        "column": "net_revenue",
        "source": "Umsatz",
        "kind": "money",
        "format": None,
        "decimal": ",",
        "thousands": ".",
        "n_empty": 1,
        "ambiguous": False,
        "example": typed.columns[2]["example"],
        "origin": "engagement",
    }
    assert typed.columns[1]["format"] == "%d.%m.%Y"
    assert typed.findings == ()


def test_row_numbers_are_those_a_person_counts(tmp_path: Path) -> None:
    text = 'Bericht\n\nKunde;Datum;Umsatz\n\n"a\nb";31.12.2025;1\n\nc;31.12.2025;2\n'
    (tmp_path / "umsatz.csv").write_text(text)
    assert rows(read(tmp_path, path="umsatz.csv"), "customer_id", "source_row") == [("a\nb", 5), ("c", 8)]


@pytest.mark.slow
def test_the_order_of_a_large_file_is_kept(tmp_path: Path) -> None:
    lines = [f"{i};31.12.2025;{i},25;{'x' * (i % 50)}" for i in range(1, 300_001)]
    (tmp_path / "umsatz.csv").write_text("\n".join(["Kunde;Datum;Umsatz;Text", *lines]))
    typed = read(tmp_path, path="umsatz.csv", exclude=[{"column": "Text", "values": list("abcdefghijklmno")}])
    table = typed.table
    assert table.count().execute() == 300_000
    assert table.filter(table.customer_id.cast("int64") + 1 != table.source_row).count().execute() == 0


def test_several_files_may_differ_in_dialect(tmp_path: Path) -> None:
    (tmp_path / "u_2024.csv").write_bytes("Kunde;Datum;Umsatz\nMüller;31.12.2024;1,50\n".encode("cp1252"))
    (tmp_path / "u_2025.csv").write_text("umsatz,KUNDE ,Datum\n1234.25,Maier,2025-12-31\n")
    typed = read(tmp_path, path="u_*.csv")
    assert rows(typed, *COLUMNS, "source_file") == [
        ("Müller", dt.date(2024, 12, 31), Decimal("1.500000"), "u_2024.csv"),
        ("Maier", dt.date(2025, 12, 31), Decimal("1234.250000"), "u_2025.csv"),
    ]
    assert [(row["column"], row["format"], row["decimal"]) for row in typed.columns] == [
        ("customer_id", None, None),
        ("posting_date", "%d.%m.%Y %Y-%m-%d", None),
        ("net_revenue", None, ", ."),
    ]


def test_a_missing_column_names_the_file_and_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Kunde;Datum;Umsatz\n1;31.12.2025;1\n")
    (tmp_path / "b.csv").write_text("Kunde;Datum;Umsaetze\n1;31.12.2025;1\n")
    (tmp_path / "c.csv").write_text("Kunde;Datum;Umsatz;umsatz\n1;31.12.2025;1;2\n")
    (tmp_path / "d.csv").write_text("Kunde;Datum;UMSATZ; Umsatz \n1;31.12.2025;1;2\n")
    assert problems_of(tmp_path, path=["a.csv", "b.csv", "c.csv", "d.csv"]) == [
        "b.csv: net_revenue ('Umsatz') is no column of this file. Did you mean 'Umsaetze'?; columns are 'Kunde', 'Datum', "
        "'Umsaetze'",
        "d.csv: there are 2 columns 'Umsatz': rename one of them",
    ]


def test_text_with_unquoted_delimiters_is_put_together(tmp_path: Path) -> None:
    text = "Kunde,Straße,Datum,Umsatz\n1,Rua do Paço, 67,2025-12-31,1.5\n2,Weg 1,2025-12-31,2.5\n3,x,2025-12-31,3.5,,\n"
    (tmp_path / "umsatz.csv").write_text(text)
    typed = read(tmp_path, path="umsatz.csv")
    assert rows(typed, "customer_id", "net_revenue", "source_row") == [
        ("1", Decimal("1.500000"), 2),
        ("2", Decimal("2.500000"), 3),
        ("3", Decimal("3.500000"), 4),
    ]
    assert typed.findings == (
        Finding(
            "repaired_rows",
            "transactions",
            rows=1,
            examples=("umsatz.csv 2: 1,Rua do Paço, 67,2025-12-31,1.5",),
            values={"file": "umsatz.csv", "files": ["umsatz.csv"], "n": 1},
        ),
    )


def test_rows_that_cannot_be_repaired_are_told(tmp_path: Path) -> None:
    text = "Kunde;Datum;Umsatz;Text\n1;31.12.2025;1,50;a;b\n2;31.12.2025\n3;31.12.2025;3,50\nStand: heute\n4;31.12.2025;1;c\n"
    (tmp_path / "umsatz.csv").write_text(text)
    assert problems_of(tmp_path, path="umsatz.csv") == [
        "umsatz.csv: 1 row (row 2) has more cells than the 4 columns of the header: put text that contains ';' in quotes, "
        "or set format.delimiter",
        "umsatz.csv: 1 row (row 3) has fewer cells than the 4 columns of the header and would lose a needed column: "
        "correct them or set format.delimiter",
    ]
    (tmp_path / "umsatz.csv").write_text("\n".join(text.splitlines()[i] for i in (0, 3, 4, 5)))
    typed = read(tmp_path, path="umsatz.csv")
    assert rows(typed, "customer_id", "source_row") == [("3", 2), ("4", 4)]
    assert codes(typed) == [("short_rows", 1), ("notes_left_out", 1)]


def test_a_quotation_mark_that_is_never_closed_swallows_no_row(tmp_path: Path) -> None:
    text = 'Kunde;Text;Datum;Umsatz\n1;"12 Zoll;31.12.2025;1\n2;Rohr;31.12.2025;2\n3;Rohr;31.12.2025;3\n'
    (tmp_path / "umsatz.csv").write_text(text)
    assert rows(read(tmp_path, path="umsatz.csv"), "customer_id", "source_row") == [("1", 2), ("2", 3), ("3", 4)]


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_totals_and_repeated_headers_are_marked_and_never_raise(tmp_path: Path, ending: str) -> None:
    lines = [
        ["Umsatzliste 2025"],
        ["Kunde", "Name", "Datum", "Umsatz"],
        ["1", "Total Deutschland GmbH", "31.12.2025", "1,00"],
        ["", "Summenzähler", "31.12.2025", "2,00"],
        ["Total Energies", "x", "31.12.2025", "3,00"],
        ["Kunde", "Name", "Datum", "Umsatz"],
        ["", "", "", ""],
        ["", "Zwischensumme", "", "6,00 *"],
        ["Summe Kunde 1", "", "31.12.2025", "unlesbar"],
        ["**", "", "", "6,00"],
        ["Gesamt 2025", "", "", "6,00"],
        ["", "Total", "kein Datum", "6,00"],
    ]
    if ending == "xlsx":
        workbook(tmp_path / "umsatz.xlsx", *lines)
    else:
        (tmp_path / "umsatz.csv").write_text("\n".join(";".join(line) for line in lines))
    typed = read(tmp_path, path=f"umsatz.{ending}")
    assert rows(typed, "source_row", "customer_id", "row_mark") == [
        (3, "1", "data"),
        (4, None, "data"),
        (5, "Total Energies", "data"),
        (6, "Kunde", "repeated_header"),
        (8, None, "total_line"),
        (9, "Summe Kunde 1", "total_line"),
        (10, "**", "total_line"),
        (11, "Gesamt 2025", "total_line"),
        (12, None, "total_line"),
    ]
    assert typed.findings == ()
    assert typed.files[0]["header_row"] == 2


def test_a_workbook_keeps_what_is_typed(tmp_path: Path) -> None:
    workbook(
        tmp_path / "umsatz.xlsx",
        ["Titel"],
        [None, "Kunde", "Datum", "Umsatz", "Menge", "KA"],
        [None, "00123", dt.date(2025, 12, 31), 1234.5, 3, True],
        [None, 17850, dt.datetime(2025, 12, 30, 13, 5), 0.125, 2.5, "nein"],
        [],
        [None, "x", "29.12.2025", "1.234,50", "1", None],
    )
    typed = read(tmp_path, path="umsatz.xlsx", columns=COLUMNS | {"quantity": "Menge"})
    assert rows(typed, *COLUMNS, "quantity", "source_row") == [
        ("00123", dt.date(2025, 12, 31), Decimal("1234.500000"), 3.0, 3),
        ("17850", dt.date(2025, 12, 30), Decimal("0.125000"), 2.5, 4),
        ("x", dt.date(2025, 12, 29), Decimal("1234.500000"), 1.0, 6),
    ]
    assert (typed.files[0]["sheet"], typed.files[0]["header_row"]) == ("Umsätze", 2)
    assert problems_of(tmp_path, path="umsatz.xlsx", sheet="Umsaetze") == [
        "umsatz.xlsx: has no sheet 'Umsaetze'. Did you mean 'Umsätze'?; its sheets are 'leer', 'Umsätze'"
    ]
    assert problems_of(tmp_path, path="umsatz.xlsx", sheet="leer") == ["umsatz.xlsx: sheet 'leer' is empty"]


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "Kunde": ["001", None],
            "Datum": [dt.date(2025, 12, 31), dt.date(2025, 12, 30)],
            "Umsatz": [1.234, -1e-05],
            "Menge": [3, None],
        }
    )
    pq.write_table(table, tmp_path / "umsatz.parquet")
    typed = read(tmp_path, path="umsatz.parquet", columns=COLUMNS | {"quantity": "Menge"})
    assert rows(typed, *COLUMNS, "quantity", "source_row") == [
        ("001", dt.date(2025, 12, 31), Decimal("1.234000"), 3.0, 1),
        (None, dt.date(2025, 12, 30), Decimal("-0.000010"), None, 2),
    ]
    assert not any(row["ambiguous"] for row in typed.columns)


def test_a_header_table_is_joined_and_multiplies_nothing(tmp_path: Path) -> None:
    (tmp_path / "kopf.csv").write_text(
        "Beleg;Kunde;Datum\n1;A;31.12.2025\n1;A;31.12.2025\n2;B;30.12.2025\n2;C;30.12.2025\n3;D;29.12.2025\n"
    )
    (tmp_path / "pos.csv").write_text("Beleg;Umsatz\n1;1,50\n1;2,50\n2;3,50\n9;4,50\nSumme;12,00\n")
    typed = read(tmp_path, path="pos.csv", join=[{"path": "kopf.csv", "on": "Beleg"}])
    assert rows(typed, "customer_id", "net_revenue", "row_mark") == [
        ("A", Decimal("1.500000"), "data"),
        ("A", Decimal("2.500000"), "data"),
        ("B", Decimal("3.500000"), "data"),
        (None, Decimal("4.500000"), "data"),
        (None, Decimal("12.000000"), "total_line"),
    ]
    assert [(f.code, f.rows, f.examples, f.values["n"]) for f in typed.findings] == [
        ("headers_repeated", 1, ("1",), 1),
        ("headers_differ", 1, ("2",), 1),
        ("items_without_header", 1, ("9",), 1),
    ]
    assert [row["file"] for row in typed.files] == ["pos.csv", "kopf.csv"]


def test_a_header_table_may_be_found_from_another(tmp_path: Path) -> None:
    (tmp_path / "kopf.csv").write_text("Beleg;Kunde;Datum\n1;A;31.12.2025\n2;B;30.12.2025\n")
    (tmp_path / "artikel.csv").write_text("Artikel;Gruppe\nX;7\nY;8\n")
    (tmp_path / "gruppen.csv").write_text("Gruppe;Bezeichnung\n7;Lager\n9;Wellen\n")
    (tmp_path / "pos.csv").write_text("Beleg;Artikel;Umsatz\n1;X;1,50\n2;Y;2,50\n2;X;3,50\n")
    joins = [
        {"path": "kopf.csv", "on": "Beleg"},
        {"path": "artikel.csv", "on": "Artikel"},
        {"path": "gruppen.csv", "on": "Gruppe"},
    ]
    typed = read(tmp_path, path="pos.csv", join=joins, columns=COLUMNS | {"category": "Bezeichnung"})
    assert rows(typed, "customer_id", "net_revenue", "category") == [
        ("A", Decimal("1.500000"), "Lager"),
        ("B", Decimal("2.500000"), None),
        ("B", Decimal("3.500000"), "Lager"),
    ]
    assert [(f.code, f.rows, f.examples) for f in typed.findings] == [("items_without_header", 1, ("8",))]


def test_headers_that_no_item_finds_are_a_problem(tmp_path: Path) -> None:
    (tmp_path / "kopf.csv").write_text("Beleg;Kunde;Datum\n001;A;31.12.2025\n")
    (tmp_path / "pos.csv").write_text("Beleg;Umsatz\n1;1,50\n")
    assert problems_of(tmp_path, path="pos.csv", join=[{"path": "kopf.csv", "on": "Beleg"}]) == [
        "kopf.csv: no row of pos.csv finds its header by 'Beleg' (first: '1')"
    ]
    assert problems_of(tmp_path, path="pos.csv", join=[{"path": "kopf.csv", "on": "Belegnr"}]) == [
        "pos.csv: join ('Belegnr') is no column of this file. Did you mean 'Beleg'?; columns are 'Beleg', 'Umsatz'",
        "kopf.csv: join ('Belegnr') is no column of this file. Did you mean 'Beleg'?; columns are 'Beleg', 'Kunde', "
        "'Datum'",
    ]


def test_exclusions_mark_rows_by_columns_of_items_and_headers(tmp_path: Path) -> None:
    (tmp_path / "kopf.csv").write_text("Beleg;Kunde;Datum;Art\n1;A;31.12.2025;F2\n2;B;30.12.2025; s1\n")
    (tmp_path / "pos.csv").write_text("Beleg;Umsatz;Artikel\n1;1,50;a\n1;x; Fracht \n2;3,50;a\n")
    exclude = [{"column": "Artikel", "values": ["FRACHT"]}, {"column": "Art", "values": ["S1"]}]
    exclude.append({"column": "Artikel", "values": ["Porto"]})
    typed = read(tmp_path, path="pos.csv", join=[{"path": "kopf.csv", "on": "Beleg"}], exclude=exclude)
    assert rows(typed, "source_row", "row_mark", "net_revenue") == [
        (2, "data", Decimal("1.500000")),
        (3, "excluded", None),
        (4, "excluded", Decimal("3.500000")),
    ]
    assert [(f.code, f.values["values"]) for f in typed.findings] == [("exclusion_idle", ["Porto"])]


def test_columns_left_out_are_taken_by_their_canonical_names(tmp_path: Path) -> None:
    (tmp_path / "kunden.csv").write_text("CUSTOMER_ID;Name;Key_Label;Ort\n1;Maier;ja;Köln\n2;Müller;;Ulm\n")
    typed = read(tmp_path, "customers", path="kunden.csv")
    assert rows(typed, "customer_id", "name", "key_label") == [("1", "Maier", True), ("2", "Müller", None)]
    (tmp_path / "plan.csv").write_text("Jahr;plan\n2025;1\n")
    assert problems_of(tmp_path, name="budgets", path="plan.csv") == [
        "plan.csv: year ('year') is no column of this file; columns are 'Jahr', 'plan'",
        "plan.csv: one of account_id, segment is needed: name a column for it",
    ]


def test_a_wide_list_becomes_one_row_per_period(tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_text(
        "Kunde;Name;Umsatz 2024;Umsatz 2025\nA;x;1.234,50;\nB;y;0,00;5,00\nSumme;;1.234,50;5,00\n"
    )
    columns = {"customer_id": "Kunde"}
    periods = {"2024": "Umsatz 2024", "2025": "Umsatz 2025"}
    typed = read(
        tmp_path, path="wide.csv", layout="wide", columns=columns, periods=periods, engagement={"fiscal_year_start": 10}
    )
    assert sorted(rows(typed, "customer_id", "posting_date", "net_revenue", "source_row", "row_mark")) == [
        ("A", dt.date(2024, 9, 30), Decimal("1234.500000"), 2, "data"),
        ("B", dt.date(2024, 9, 30), Decimal("0.000000"), 3, "data"),
        ("B", dt.date(2025, 9, 30), Decimal("5.000000"), 3, "data"),
        ("Summe", dt.date(2024, 9, 30), Decimal("1234.500000"), 4, "total_line"),
        ("Summe", dt.date(2025, 9, 30), Decimal("5.000000"), 4, "total_line"),
    ]
    wrong = periods | {"2026": "Umsatz 2026"}
    assert problems_of(tmp_path, path="wide.csv", layout="wide", columns=columns, periods=wrong) == [
        "wide.csv: 2026 ('Umsatz 2026') is no column of this file. Did you mean 'Umsatz 2025'?; columns are 'Kunde', "
        "'Name', 'Umsatz 2024', 'Umsatz 2025'"
    ]
    months = {"2024-02": "Umsatz 2024"}
    typed = read(tmp_path, path="wide.csv", layout="wide", columns=columns, periods=months)
    assert {day for (day,) in rows(typed, "posting_date")} == {dt.date(2024, 2, 29)}


def test_names_that_are_formulas_or_markup_come_in_as_text(tmp_path: Path) -> None:
    text = 'Kunde;Datum;Umsatz\n"=HYPERLINK(""http://x"")";31.12.2025;1\n<script>alert(1)</script>;31.12.2025;2\n'
    (tmp_path / "umsatz.csv").write_text(text)
    assert rows(read(tmp_path, path="umsatz.csv"), "customer_id") == [
        ('=HYPERLINK("http://x")',),
        ("<script>alert(1)</script>",),
    ]


def test_findings_have_sentences_in_both_languages(tmp_path: Path) -> None:
    (tmp_path / "kopf.csv").write_text("Beleg;Kunde;Datum\n1;A;1/2/2025\n1;A;1/2/2025\n2;B;1/2/2025\n2;C;1/2/2025\n")
    text = "Beleg;Umsatz;Kosten;Frei;Art\n1;1.234;x;1;a\n2;1.500;2;1;a\n9;1.500;2;1\n"
    (tmp_path / "pos.csv").write_text(text)
    typed = read(
        tmp_path,
        path="pos.csv",
        join=[{"path": "kopf.csv", "on": "Beleg"}],
        columns=COLUMNS | {"cost": "Kosten"},
        exclude=[{"column": "Frei", "values": ["x", "y"]}],
    )
    german, english = ([finding_sentence(f, Labels(*two)) for f in typed.findings] for two in (DE, EN))
    assert german == [
        "In pos.csv hat 1 Zeile weniger Zellen als die Kopfzeile. Die fehlenden gelten als leer.",
        "Der Ausschluss von x und y in „Frei“ trifft keine Zeile. Bitte die Schreibweise prüfen.",
        "Kein Wert in „Umsatz“ verrät, ob Punkt oder Komma das Dezimalzeichen ist. Als Dezimalzeichen gilt „,“: Die Summe ist "
        "4.234,0, andersherum gelesen wäre sie 4,2. Bitte prüfen.",
        "In „Kosten“ ist 1 Wert keine lesbare Zahl. Er gilt als fehlend.",
        "Kein Datum in „Datum“ verrät, ob Tag oder Monat vorn steht. Gelesen wurde Tag vor Monat; bitte prüfen.",
        "In kopf.csv steht 1 Nummer aus „Beleg“ mehrfach mit gleichen Angaben. Sie zählt einmal.",
        "In kopf.csv steht 1 Nummer aus „Beleg“ mehrfach mit verschiedenen Angaben. Es gilt die erste; keine Position wird "
        "verdoppelt.",
        "1 Position findet über „Beleg“ keinen Kopf in kopf.csv. Die Angaben aus dem Kopf fehlen ihr.",
    ]
    assert english[3] == "In “Kosten”, 1 value is not a readable number. It counts as missing."
    assert (
        english[4]
        == "No date in “Datum” shows whether day or month comes first. It was read day before month; please check."
    )


# ---------------------------------------------------------------------------------------------------------- real files


def test_northwind_to_the_cent(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "northwind"
    typed = read(
        tmp_path,
        path=str(folder / "order-details.csv"),
        join=[{"path": str(folder / "orders.csv"), "on": "orderID"}],
        columns={
            "customer_id": "customerID",
            "posting_date": "orderDate",
            "net_revenue": "= unitPrice * quantity * (1 - discount)",
        },
    )
    assert typed.table.count().execute() == 2155
    assert typed.table.net_revenue.sum().to_pyarrow().as_py() == Decimal("1265793.039500")
    assert typed.table.customer_id.nunique().execute() == 89
    days = [day for (day,) in rows(typed, "posting_date")]
    assert (min(days), max(days)) == (dt.date(1996, 7, 4), dt.date(1998, 5, 6))
    assert codes(typed) == [("repaired_rows", 176)]


def test_northwind_employees_with_pictures_and_notes(real_data: Path, tmp_path: Path) -> None:
    columns = {"role": "title", "region": "region", "field_rep": "employeeID"}
    typed = read(tmp_path, "sales_organisation", path=str(real_data / "northwind" / "employees.csv"), columns=columns)
    assert rows(typed, "field_rep", "role", "region")[1::3] == [
        ("2", "Vice President, Sales", "WA"),
        ("5", "Sales Manager", None),
        ("8", "Inside Sales Coordinator", "WA"),
    ]


def test_online_retail_ids_lose_their_point_zero(real_data: Path, tmp_path: Path) -> None:
    columns = {
        "customer_id": "CustomerID",
        "posting_date": "InvoiceDate",
        "net_revenue": "= Quantity * UnitPrice",
        "quantity": "Quantity",
    }
    typed = read(tmp_path, path=str(real_data / "online_retail" / "online_retail.csv.gz"), columns=columns)
    table = typed.table
    assert table.count().execute() == 541_909
    assert rows(typed, "customer_id", "source_row")[0] == ("17850", 2)
    assert table.filter(table.quantity < 0).count().execute() == 10_624
    assert table.customer_id.isnull().sum().execute() == 135_080
    assert codes(typed) == [("ids_with_point_zero", 406_829)]


def test_sap_orders_with_decimal_comma_and_byte_order_mark(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "sap_sample" / "SAP_Sample_Content" / "CSV" / "Sales"
    columns = {"customer_id": "PARTNERID", "posting_date": "CREATEDAT", "net_revenue": "NETAMOUNT"}
    typed = read(tmp_path, path=str(folder / "SalesOrders.csv"), columns=columns)
    assert typed.table.count().execute() == 5166
    assert typed.table.net_revenue.sum().to_pyarrow().as_py() == Decimal("134427503.070000")
    assert (typed.files[0]["encoding"], typed.files[0]["delimiter"]) == ("utf-8-sig", ";")
    assert [(row["format"], row["decimal"]) for row in typed.columns[1:]] == [("%Y%m%d", None), (None, ",")]


def test_sap_items_are_not_multiplied_by_repeated_headers(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "sap_sample" / "SAP_Sample_Content" / "CSV" / "Sales"
    columns = {"customer_id": "PARTNERID", "posting_date": "CREATEDAT", "net_revenue": "= 1 * NETAMOUNT"}
    join = [{"path": str(folder / "SalesOrders.csv"), "on": "SALESORDERID"}]
    typed = read(tmp_path, path=str(folder / "SalesOrderItems.csv"), join=join, columns=columns)
    assert typed.table.count().execute() == 17_818
    repeated = {f.code: f.rows for f in typed.findings if f.code.startswith("headers")}
    assert sum(repeated.values()) == 1467


def test_a_messy_spreadsheet_with_notes_beside_the_table(real_data: Path, tmp_path: Path) -> None:
    columns = {"customer_id": "Region", "customer_class": "Channel", "wallet": "Fresh"}
    typed = read(tmp_path, "customers", path=str(real_data / "wholesale_customers" / "messy_copy.csv"), columns=columns)
    assert typed.table.count().execute() == 440
    assert typed.table.wallet.sum().to_pyarrow().as_py() == Decimal("5280131.000000")
    assert typed.files[0]["encoding"] == "utf-8 + cp1252"
    assert [finding.code for finding in typed.findings] == ["mixed_encodings"]
