"""Traps that stand in single booked lines (domain §7), each in a raw file small enough to check by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from kamkit.intake.importing import import_engagement
from kamkit.model.engagement import load_engagement
from kamkit.model.results import Imported

NAMES = {
    **{"Kunde": "customer_id", "Datum": "posting_date", "Netto": "net_revenue", "Beleg": "invoice_id"},
    **{"Art": "doc_type", "Typ": "doc_category", "Bezug": "reference_id", "Monat": "posting_period"},
    **{"Menge": "quantity", "Preis": "list_price", "Rabatt": "discount", "Kosten": "cost", "DB": "margin"},
    **{"Endkunde": "end_customer_id", "Artikel": "product_id", "Text": "product_name", "Gruppe": "category"},
    **{"Vertrag": "contract_id", "Projekt": "project_id"},
}
MASTER = {
    **{"Nr": "customer_id", "Name": "name", "Konzern": "group_id", "Mutter": "parent_id", "USt": "vat_id"},
    **{"Kontengruppe": "account_group", "CPD": "is_one_time", "Klasse": "customer_class"},
}
TOTALS = ("rows_in", "rows_kept", "revenue_in", "revenue_kept")


class Client:
    """An engagement in a folder: its raw files are lines as they stand in a semicolon CSV, the first one the headings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.imported: Imported

    def books(
        self, *lines: str, master: tuple[str, ...] = (), rules: dict[str, Any] | None = None, **settings: Any
    ) -> Imported:
        """Import lines and, where given, a customer master, under rules of the engagement's own."""
        sources = {"transactions": self._source("umsatz.csv", lines, NAMES)}
        if master:
            sources["customers"] = self._source("kunden.csv", master, MASTER)
        content = {"client": "Test", "sources": sources} | settings
        (self.folder / "engagement.yml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        (self.folder / "rules").mkdir(exist_ok=True)
        (self.folder / "rules" / "cleaning.yml").write_text(yaml.safe_dump(rules or {}), encoding="utf-8")
        self.imported = import_engagement(load_engagement(self.folder), self.folder / "work")
        removed = self.imported.rules[self.imported.rules["treatment"] == "remove"]
        assert self.imported.rows_in == self.imported.rows_kept + removed["rows"].sum()
        assert self.imported.revenue_in == pytest.approx(
            self.imported.revenue_kept + removed["revenue"].sum(), abs=5e-7
        )
        return self.imported

    def _source(self, file: str, lines: tuple[str, ...], names: dict[str, str]) -> dict[str, Any]:
        (self.folder / file).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return {"path": file, "columns": {names[heading]: heading for heading in lines[0].split(";")}}

    def rule(self, name: str) -> tuple[str, int, float]:
        """What the report says of a rule: treatment, rows, revenue."""
        row = self.imported.rules.set_index("rule").loc[name]
        return row["treatment"], int(row["rows"]), float(row["revenue"])

    def kept(self, *columns: str) -> list[tuple[Any, ...]]:
        """The written lines, in the order of the file; dates as dd.mm.yyyy, money as a number."""
        lines = pd.read_parquet(self.folder / "work" / "tables" / "transactions.parquet")[list(columns)]
        for column in lines.columns.intersection(["net_revenue", "cost", "margin"]):
            lines[column] = lines[column].astype(float)
        for column in lines.columns.intersection(["posting_date"]):
            lines[column] = pd.to_datetime(lines[column]).dt.strftime("%d.%m.%Y")
        return list(lines.itertuples(index=False, name=None))

    def found(self, code: str) -> list[tuple[int | None, float | None, dict[str, Any]]]:
        """The findings of a code: rows, revenue and what their sentence is filled with."""
        return [(f.rows, f.revenue, dict(f.values)) for f in self.imported.findings if f.code == code]


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(tmp_path)


def off(*rules: str) -> dict[str, Any]:
    return {"treatments": dict.fromkeys(rules, "off")}


TYPED = "Kunde;Datum;Netto;Beleg;Art"


def test_pro_forma_and_intercompany_documents_are_no_revenue(client: Client) -> None:
    imported = client.books(
        TYPED,
        "1;31.01.2025;100;1;F2",
        "2;28.02.2025;900;2;F5",
        "2;28.02.2025;800;3;f8 ",
        "3;01.03.2025;70;4;IV",
        "3;01.03.2025;-20;5;IG",
        "3;01.03.2025;50;6;Proforma-Rechnung",
    )
    assert [getattr(imported, total) for total in TOTALS] == [6, 1, 1900.0, 100.0]
    assert client.rule("pro_forma") == ("remove", 3, 1750.0)
    assert client.rule("intercompany") == ("remove", 2, 50.0)


def test_the_billing_category_counts_before_the_type(client: Client) -> None:
    client.books("Kunde;Datum;Netto;Art;Typ", "1;31.01.2025;100;ZF5X;M", "1;31.01.2025;50;F2;U", "2;01.02.2025;7;ZZ;")
    assert client.rule("pro_forma") == ("remove", 1, 50.0)
    assert client.rule("unknown_document") == ("report", 1, 7.0)
    assert client.found("document_unknown") == [(1, 7.0, {"type": "ZZ", "n": 1})]


def test_the_clients_own_companies_are_intercompany(client: Client) -> None:
    client.books(
        "Kunde;Datum;Netto",
        *("1;31.01.2025;100", "2;31.01.2025;20", "3;31.01.2025;30", "4;31.01.2025;40", "5;31.01.2025;50"),
        master=("Nr;Konzern;Mutter;USt", "1;;;DE1", "2;OWN;;", "3;;OWN;", "4;;;de 999"),
        rules={"own_companies": {"ids": ["OWN", "5"], "vat_ids": ["DE999"]}},
    )
    assert client.rule("intercompany") == ("remove", 4, 140.0)


def test_re_is_a_return_in_sap_and_an_invoice_elsewhere(client: Client) -> None:
    client.books(TYPED, "1;31.01.2025;100;1;F2", "1;28.02.2025;30;2;RE")
    assert client.kept("net_revenue") == [(100.0,), (-30.0,)]
    client.books(TYPED, "1;31.01.2025;100;1;RE", "1;28.02.2025;30;2;RE")
    assert client.kept("net_revenue") == [(100.0,), (30.0,)]


CREDITS = (
    "Kunde;Datum;Netto;Kosten;Menge;Typ",
    "1;31.01.2025;100;60;10;M",
    "1;28.02.2025;30;18;3;O",
    "2;28.02.2025;9;5;1;N",
    "2;01.03.2025;4;2;1;S",
)


def test_credit_notes_written_positive_throughout_are_turned(client: Client) -> None:
    imported = client.books(*CREDITS)
    assert client.kept("net_revenue", "cost", "quantity") == [(100, 60, 10), (-30, -18, -3), (-9, -5, -1), (4, 2, 1)]
    assert client.rule("credit_sign") == ("flip", 2, -39.0)
    assert imported.revenue_in == imported.revenue_kept == 65.0
    client.books(*CREDITS, rules={"treatments": {"credit_sign": "report"}})
    assert client.rule("credit_sign") == ("report", 2, 39.0)
    client.books(*CREDITS, rules=off("credit_sign"))
    assert client.rule("credit_sign") == ("off", 0, 0.0)
    assert client.imported.revenue_kept == 143.0


def test_credit_notes_of_both_signs_are_left_and_asked_about(client: Client) -> None:
    client.books(TYPED, "1;31.01.2025;100;1;Rechnung", "1;28.02.2025;-30;2;Gutschrift", "2;28.02.2025;9;3;Gutschrift")
    assert client.kept("net_revenue") == [(100.0,), (-30.0,), (9.0,)]
    assert client.rule("credit_sign") == ("flip", 0, 0.0)
    assert client.found("credit_signs_mixed") == [(1, 9.0, {"file": "umsatz.csv", "n": 1, "negative": 1})]


def test_a_cancellation_names_its_document_by_reference(client: Client) -> None:
    client.books(
        "Kunde;Datum;Netto;Beleg;Art;Bezug",
        *(
            "1;31.01.2025;100;90;F2;",
            "1;01.02.2025;-100;91;S1;90",
            "1;01.02.2025;-30;92;G2;",
            "1;02.02.2025;30;93;S2;92",
        ),
        *("1;03.02.2025;40;94;F2;", "1;04.02.2025;-40;95;S1;77"),
    )
    assert client.rule("cancelled_pair") == ("remove", 4, 0.0)
    assert client.rule("possible_cancellation") == ("report", 1, -40.0)


def test_special_periods_count_in_the_last_month_of_their_fiscal_year(client: Client) -> None:
    lines = (
        "Kunde;Datum;Netto;Monat",
        *("1;30.06.2024;100;012", "1;15.07.2024;10;013", "1;30.06.2024;20;016/2024", "1;30.11.2024;5;005"),
        *("2;31.12.2024;7;2024013", "2;01.01.2025;8;14"),
    )
    client.books(*lines, fiscal_year_start=7)
    assert client.kept("posting_date", "posting_period") == [
        *(("30.06.2024", "012"), ("30.06.2024", "013"), ("30.06.2024", "016/2024"), ("30.11.2024", "005")),
        *(("30.06.2024", "2024013"), ("30.06.2025", "14")),
    ]
    assert client.rule("special_period") == ("map", 4, 45.0)
    client.books(*lines, fiscal_year_start=7, rules={"treatments": {"special_period": "report"}})
    assert [date for date, _ in client.kept("posting_date", "net_revenue")][1] == "15.07.2024"


def test_the_analysis_stands_on_the_partner_that_is_chosen(client: Client) -> None:
    lines = ("Kunde;Datum;Netto;Endkunde", "1;31.01.2025;100;9", "1;31.01.2025;20;1", "2;28.02.2025;30;")
    client.books(*lines)
    assert client.kept("customer_id") == [("1",), ("1",), ("2",)]
    assert client.rule("other_end_customer") == ("report", 1, 100.0)
    client.books(*lines, rules={"partner_role": "end_customer"})
    assert client.kept("customer_id") == [("9",), ("1",), ("2",)]
    assert client.rule("other_end_customer") == ("report", 1, 100.0)


GROSS = (
    "Kunde;Datum;Netto;Menge;Preis;Rabatt",
    "1;31.01.2025;119,00;10;10,00;",
    "1;31.01.2025;100,00;10;10,00;0",
    "2;28.02.2025;-96,30;10;10,00;10,00",
    "2;28.02.2025;115,00;10;10,00;0",
)


def test_amounts_with_vat_are_told_and_taken_out_if_wanted(client: Client) -> None:
    client.books(*GROSS)
    assert client.rule("gross_amount") == ("report", 2, 22.7)
    client.books(*GROSS, rules={"treatments": {"gross_amount": "net"}})
    assert client.kept("net_revenue") == [(100.0,), (100.0,), (-90.0,), (115.0,)]
    assert client.rule("gross_amount") == ("net", 2, 10.0)
    client.books("Kunde;Datum;Netto;Kosten;DB", "1;31.01.2025;119;60;40", "2;31.01.2025;100;60;40")
    assert client.rule("gross_amount") == ("report", 1, 119.0)
