"""Presets: known exports come in without anybody typing a column, under technical, German and English headings."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from kamkit.errors import EngagementError, InputError
from kamkit.intake.columns import field_of
from kamkit.intake.importing import import_engagement
from kamkit.intake.presets import period_of, periods_in
from kamkit.model.codes import Grain
from kamkit.model.engagement import load_engagement
from kamkit.model.presets import known_headings, presets
from kamkit.model.results import Imported
from kamkit.model.tables import TABLES


def imported_from(folder: Path, sources: dict[str, Any], files: dict[str, str], **settings: Any) -> Imported:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    content = {"client": "Test", "sources": sources} | settings
    (folder / "engagement.yml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return import_engagement(load_engagement(folder), folder / "work")


def lines_of(folder: Path, *columns: str) -> list[tuple[Any, ...]]:
    frame = pd.read_parquet(folder / "work" / "tables" / "transactions.parquet")
    return [
        tuple(float(v) if "Decimal" in type(v).__name__ else v for v in row) for row in frame[list(columns)].to_numpy()
    ]


def customers_of(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "work" / "tables" / "customers.parquet")


VBRP = "VBELN;POSNR;MATNR;ARKTX;MATKL;FKIMG;NETWR;WAVWR\n90001;000010;M-1;Pumpe;PU;2,000;1.000,00;600,00\n90001;000020;M-2;Ventil;VE;1,000;250,50;100,00\n90002;000010;M-1;Pumpe;PU;1,000;500,00;300,00\n"
VBRK = "VBELN;FKART;VBTYP;FKDAT;KUNAG;WAERK;NETWR\n90001;F2;M;20250115;0000010023;EUR;1.250,50\n90002;F2;M;20250228;0000010024;EUR;500,00\n"
VBRP_GERMAN = "Faktura;Position;Material;Bezeichnung;Warengruppe;Fakturierte Menge;Nettowert;Verrechnungswert\n90001;10;M-1;Pumpe;PU;2;1.000,00;600,00\n"
VBRK_GERMAN = (
    "Faktura;Fakturaart;Fakturadatum;Auftraggeber;Belegwährung;Nettowert\n90001;F2;15.01.2025;10023;EUR;1.000,00\n"
)


def test_sap_billing_items_take_dates_and_customers_from_their_headers(tmp_path: Path) -> None:
    source = {"path": "vbrp.csv", "preset": "sap_vbrp", "join": [{"path": "vbrk.csv"}]}
    imported = imported_from(tmp_path, {"transactions": source}, {"vbrp.csv": VBRP, "vbrk.csv": VBRK})
    assert lines_of(tmp_path, "customer_id", "posting_date", "net_revenue", "cost", "line_id", "product_id") == [
        ("0000010023", dt.date(2025, 1, 15), 1000.0, 600.0, "000010", "M-1"),
        ("0000010023", dt.date(2025, 1, 15), 250.5, 100.0, "000020", "M-2"),
        ("0000010024", dt.date(2025, 2, 28), 500.0, 300.0, "000010", "M-1"),
    ]
    assert set(imported.columns["origin"]) == {"preset"}


def test_german_headings_of_an_alv_list_mean_the_same(tmp_path: Path) -> None:
    source = {"path": "items.csv", "preset": "sap_vbrp", "join": [{"path": "headers.csv"}]}
    imported_from(tmp_path, {"transactions": source}, {"items.csv": VBRP_GERMAN, "headers.csv": VBRK_GERMAN})
    found = lines_of(tmp_path, "customer_id", "posting_date", "net_revenue", "doc_type", "category", "quantity")
    assert found == [("10023", dt.date(2025, 1, 15), 1000.0, "F2", "PU", 2.0)]


def test_what_the_engagement_says_counts_before_the_preset(tmp_path: Path) -> None:
    source = {
        "path": "vbrp.csv",
        "preset": "sap_vbrp",
        "join": [{"path": "vbrk.csv"}],
        "columns": {"net_revenue": "= NETWR - WAVWR"},
        "exclude": [{"column": "MATNR", "values": ["M-2"]}],
    }
    imported = imported_from(tmp_path, {"transactions": source}, {"vbrp.csv": VBRP, "vbrk.csv": VBRK})
    assert lines_of(tmp_path, "product_id", "net_revenue") == [("M-1", 400.0), ("M-1", 200.0)]
    origins = imported.columns.set_index("column")["origin"]
    assert (origins["net_revenue"], origins["cost"]) == ("engagement", "preset")


def test_a_required_column_that_the_file_lacks_is_named(tmp_path: Path) -> None:
    source = {"path": "vbrp.csv", "preset": "sap_vbrp"}
    with pytest.raises(InputError) as error:
        imported_from(tmp_path, {"transactions": source}, {"vbrp.csv": VBRP})
    columns = "'VBELN', 'POSNR', 'MATNR', 'ARKTX', 'MATKL', 'FKIMG', 'NETWR', 'WAVWR'"
    assert error.value.problems == (
        f"vbrp.csv: customer_id ('KUNAG') is no column of this file; columns are {columns}",
        f"vbrp.csv: posting_date ('FKDAT') is no column of this file; columns are {columns}",
    )


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (
            {"path": "a.csv", "preset": "sap_vbpr"},
            "sources.transactions: unknown preset 'sap_vbpr'. Did you mean 'sap_vbrp'?",
        ),
        ({"path": "a.csv", "preset": "sap_kna1"}, "sources: transactions.preset: sap_kna1 is for customers"),
        (
            {"path": "a.csv", "columns": {"customer_id": "K"}, "join": [{"path": "b.csv"}]},
            "sources.transactions: join needs on, the column that both files have, such as on: VBELN",
        ),
    ],
)
def test_a_wrong_preset_is_told(tmp_path: Path, source: dict[str, Any], problem: str) -> None:
    with pytest.raises(EngagementError) as error:
        imported_from(tmp_path, {"transactions": source}, {})
    assert problem in error.value.problems


def test_sap_customers_with_sales_data_and_hierarchy(tmp_path: Path) -> None:
    kna1 = "KUNNR;NAME1;LAND1;PSTLZ;ORT01;STCEG;KONZS;BRSCH;KTOKD\n0000010023;Muster AG;DE;80331;München;DE123456789;K7;MASC;KUNA\n"
    knvv = "KUNNR;KDGRP;BZIRK;VKGRP;KLABC\n0000010023;02;SUED;101;A\n"
    sources = {
        "transactions": {"path": "vbrp.csv", "preset": "sap_vbrp", "join": [{"path": "vbrk.csv"}]},
        "customers": {"path": "kna1.csv", "preset": "sap_kna1", "join": [{"path": "knvv.csv"}]},
    }
    files = {"vbrp.csv": VBRP, "vbrk.csv": VBRK, "kna1.csv": kna1, "knvv.csv": knvv}
    imported_from(tmp_path, sources, files)
    (row,) = customers_of(tmp_path).to_dict("records")
    assert {
        k: row[k] for k in ("name", "group_id", "channel", "customer_class", "region", "industry_text", "account_group")
    } == {
        "name": "Muster AG",
        "group_id": "K7",
        "channel": "02",
        "customer_class": "A",
        "region": "SUED",
        "industry_text": "MASC",
        "account_group": "KUNA",
    }


def test_the_sap_hierarchy_keeps_its_validity(tmp_path: Path) -> None:
    knvh = "HITYP;KUNNR;HKUNNR;DATAB;DATBI\nA;0000010023;0000090000;20200101;99991231\n"
    sources = {
        "transactions": {"path": "vbrp.csv", "preset": "sap_vbrp", "join": [{"path": "vbrk.csv"}]},
        "customers": {"path": "knvh.csv", "preset": "sap_knvh"},
    }
    imported_from(tmp_path, sources, {"vbrp.csv": VBRP, "vbrk.csv": VBRK, "knvh.csv": knvh})
    (row,) = customers_of(tmp_path).to_dict("records")
    assert (row["parent_id"], row["valid_from"].date()) == ("0000090000", dt.date(2020, 1, 1))


DATEV = """"Umsatz (ohne Soll/Haben-Kz)";"Soll/Haben-Kennzeichen";"WKZ Umsatz";"Konto";"Gegenkonto (ohne BU-Schlüssel)";"BU-Schlüssel";"Belegdatum";"Belegfeld 1";"Buchungstext"
1190,00;"S";"EUR";10001;8400;"";1503;"RE-1";"Pumpe"
107,00;"S";"EUR";10002;8200;2;1603;"RE-2";"Bücher"
119,00;"H";"EUR";10001;8400;"";1703;"GS-1";"Gutschrift Pumpe"
1190,00;"H";"EUR";8400;10003;"";1803;"RE-3";"Erlöskonto zuerst"
500,00;"S";"EUR";10003;8125;"";1903;"RE-4";"EU-Lieferung"
119,00;"S";"EUR";10003;8400;40;2003;"RE-5";"Automatik aufgehoben"
1190,00;"S";"EUR";1200;10001;"";0104;"";"Zahlung"
"""


def test_datev_postings_become_net_revenue_of_debtors(tmp_path: Path) -> None:
    """1,190 at an automatic account of 19 % is 1,000; key 2 is 7 %; key 40 lifts the automatic; H on a debtor takes off."""
    source = {"path": "EXTF.csv", "preset": "datev_extf", "format": {"year": 2025}}
    imported = imported_from(tmp_path, {"transactions": source}, {"EXTF.csv": DATEV})
    assert lines_of(tmp_path, "customer_id", "posting_date", "net_revenue", "invoice_id") == [
        ("10001", dt.date(2025, 3, 15), 1000.0, "RE-1"),
        ("10002", dt.date(2025, 3, 16), 100.0, "RE-2"),
        ("10001", dt.date(2025, 3, 17), -100.0, "GS-1"),
        ("10003", dt.date(2025, 3, 18), 1000.0, "RE-3"),
        ("10003", dt.date(2025, 3, 19), 500.0, "RE-4"),
        ("10003", dt.date(2025, 3, 20), 119.0, "RE-5"),
    ]
    columns = imported.columns.set_index("column")["source"]
    assert (columns["net_revenue"], columns["invoice_id"]) == ("(preset datev_extf)", "Belegfeld 1")
    removed = imported.rules.set_index("rule")["rows"]
    assert removed["no_customer"] == 1, "the payment has no customer and no amount, and is told"
    assert "preset_datev_tax" in [finding.code for finding in imported.findings]


def test_datev_with_five_digits_of_general_ledger_accounts(tmp_path: Path) -> None:
    head = DATEV.splitlines()[0]
    text = f'{head}\n1190,00;"S";"EUR";100001;44000;"";1503;"RE-1";"Pumpe"\n50,00;"S";"EUR";100001;18000;"";1603;"";"Bank"\n'
    source = {"path": "EXTF.csv", "preset": "datev_extf", "format": {"year": 2025}}
    imported_from(tmp_path, {"transactions": source}, {"EXTF.csv": text})
    assert lines_of(tmp_path, "customer_id", "net_revenue") == [("100001", 1000.0)]


def test_navision_entries_take_the_net_amount_and_turn_signs(tmp_path: Path) -> None:
    entries = "Lfd. Nr.;Buchungsdatum;Postenart;Herkunftsnr.;Belegnr.;Artikelnr.;Fakturierte Menge;Verkaufsbetrag (tatsächl.);Einstandsbetrag (tatsächl.)\n1;31.01.25;Verkauf;D100;R1;A1;-2;200,00;-120,00\n2;31.01.25;Einkauf;K900;E1;A1;10;0,00;600,00\n"
    source = {"path": "posten.csv", "preset": "navision_entries"}
    imported_from(tmp_path, {"transactions": source}, {"posten.csv": entries})
    assert lines_of(tmp_path, "customer_id", "net_revenue", "quantity", "cost", "invoice_id") == [
        ("D100", 200.0, 2.0, 120.0, "R1")
    ]


def test_debtor_entries_are_read_net_beside_their_gross_amount(tmp_path: Path) -> None:
    entries = "Buchungsdatum;Belegart;Belegnr.;Debitorennr.;Betrag;Verkauf (MW);DB (MW)\n31.01.2025;Rechnung;R1;D100;119,00;100,00;40,00\n"
    imported_from(tmp_path, {"transactions": {"path": "p.csv", "preset": "german_erp"}}, {"p.csv": entries})
    assert lines_of(tmp_path, "customer_id", "net_revenue", "margin", "doc_type") == [("D100", 100.0, 40.0, "Rechnung")]


def test_any_german_invoice_list(tmp_path: Path) -> None:
    text = "Kunden-Nr.;Rechnungsdatum;Rechnungs-Nr.;Nettobetrag;Brutto\n007;31.01.2025;R1;100,00;119,00\n"
    imported_from(tmp_path, {"transactions": {"path": "p.csv", "preset": "german_erp"}}, {"p.csv": text})
    assert lines_of(tmp_path, "customer_id", "net_revenue", "invoice_id") == [("007", 100.0, "R1")]


def test_a_customer_list_has_its_periods_in_its_headings(tmp_path: Path) -> None:
    text = "Kunde;Ort;Umsatz 2023;Umsatz 2024;DB 2024\n007;Ulm;100,00;200,00;50,00\n008;Köln;300,00;;10,00\n"
    source = {"path": "liste.csv", "preset": "customer_revenue_list"}
    imported = imported_from(tmp_path, {"transactions": source}, {"liste.csv": text})
    assert imported.grain == Grain.YEAR
    assert sorted(lines_of(tmp_path, "posting_date", "customer_id", "net_revenue")) == [
        (dt.date(2023, 12, 31), "007", 100.0),
        (dt.date(2023, 12, 31), "008", 300.0),
        (dt.date(2024, 12, 31), "007", 200.0),
    ]


def test_a_customer_list_without_periods_is_refused(tmp_path: Path) -> None:
    source = {"path": "liste.csv", "preset": "customer_revenue_list"}
    with pytest.raises(InputError) as error:
        imported_from(tmp_path, {"transactions": source}, {"liste.csv": "Kunde;Umsatz\n007;100,00\n"})
    assert error.value.problems == (
        "liste.csv: no heading names a year or month of revenue: write periods, such as {'2025': Umsatz 2025}",
    )


@pytest.mark.parametrize(
    ("header", "periods"),
    [
        (["Kunde", "2023", "2024"], {"2023": "2023", "2024": "2024"}),
        (["Kunde", "Jan 24", "Feb 24", "Summe 2024"], {"2024-01": "Jan 24", "2024-02": "Feb 24"}),
        (["Kunde", "01/2025", "02/2025"], {"2025-01": "01/2025", "2025-02": "02/2025"}),
        (["Umsatz 2024", "Menge 2024", "Brutto-Umsatz 2024"], {"2024": "Umsatz 2024"}),
        (["Umsatz GJ 2023/24", "Umsatz GJ 2024/25"], {"2024": "Umsatz GJ 2023/24", "2025": "Umsatz GJ 2024/25"}),
        (["Netto 2024", "Umsatz 2024"], {}),
        (["Kunde seit 2019", "Umsatz"], {}),
        (["Umsatz 2023", "Umsatz 2024", "Umsatz Jan 2025"], {"2023": "Umsatz 2023", "2024": "Umsatz 2024"}),
    ],
)
def test_periods_are_read_from_headings(header: list[str], periods: dict[str, str]) -> None:
    assert periods_in(header) == periods


@pytest.mark.parametrize("heading", ["März 2025", "mrz. 25", "2025-03", "03.2025", "2025/03", "Umsatz_Mar_2025"])
def test_a_month_is_read_however_it_is_written(heading: str) -> None:
    found = period_of(heading)
    assert found is not None
    assert found[0] == "2025-03"


def test_every_preset_and_heading_names_columns_that_exist() -> None:
    for preset in presets().values():
        for column, candidates in preset.candidates().items():
            assert column in TABLES[preset.table].columns, (preset.name, column)
            for text in candidates:
                field_of(column, TABLES[preset.table].columns[column], text)
    for table in ("transactions", "customers"):
        assert set(known_headings()[table]) <= set(TABLES[table].columns)
