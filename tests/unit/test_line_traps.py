"""Traps that stand in single booked lines (domain §7), each in a raw file small enough to check by hand."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from kamkit.analysis.options.account_risk import assess_account_risk
from kamkit.analysis.options.history import history_until
from kamkit.analysis.patterns import spread_bookings
from kamkit.intake.facts import account_facts
from kamkit.intake.importing import import_engagement
from kamkit.intake.yearly_traps import service_terms
from kamkit.model.engagement import load_engagement
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts, Imported

NAMES = {
    **{"Kunde": "customer_id", "Datum": "posting_date", "Netto": "net_revenue", "Beleg": "invoice_id"},
    **{"Art": "doc_type", "Typ": "doc_category", "Bezug": "reference_id", "Monat": "posting_period"},
    **{"Menge": "quantity", "Preis": "list_price", "Rabatt": "discount", "Kosten": "cost", "DB": "margin"},
    **{"Endkunde": "end_customer_id", "Artikel": "product_id", "Text": "product_name", "Gruppe": "category"},
    **{"Vertrag": "contract_id", "Projekt": "project_id", "Währung": "currency"},
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
        self,
        *lines: str,
        master: tuple[str, ...] = (),
        rules: dict[str, Any] | None = None,
        path: str = "umsatz.csv",
        contracts: dict[str, Any] | None = None,
        **settings: Any,
    ) -> Imported:
        """Import lines and, where given, a customer master, under rules of the engagement's own."""
        sources = {"transactions": self._source("umsatz.csv", lines, NAMES) | {"path": path}}
        if master:
            sources["customers"] = self._source("kunden.csv", master, MASTER)
        if contracts:
            sources["contracts"] = contracts
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

    def facts(self) -> AccountFacts:
        """What is computed from the written tables."""
        return account_facts(self.folder / "work", load_engagement(self.folder), self.imported)

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


def test_files_with_vat_are_named(client: Client) -> None:
    (client.folder / "umsatz_2.csv").write_text("\n".join((GROSS[0], GROSS[1], GROSS[1])) + "\n", encoding="utf-8")
    client.books(*GROSS, path="umsatz*.csv")
    assert client.found("gross_amounts") == [(4, 260.7, {"n": 4})]
    (finding,) = (finding for finding in client.imported.findings if finding.code == "gross_amounts")
    assert finding.examples == ("umsatz.csv (2)", "umsatz_2.csv (2)")
    assert client.imported.rules.set_index("rule").loc["gross_amount", "examples"] == finding.examples
    client.books(*GROSS, rules={"treatments": {"gross_amount": "net"}})
    assert client.found("gross_amounts") == []


def test_credit_notes_count_in_the_month_of_their_invoice(client: Client) -> None:
    lines = (
        "Kunde;Datum;Netto;Beleg;Bezug",
        *("1;31.03.2024;100;90;", "1;15.01.2025;-30;91;90", "1;16.01.2025;-5;92;77", "2;16.01.2025;-6;93;90"),
    )
    client.books(*lines)
    assert client.rule("referenced_credit") == ("net", 1, -30.0)
    assert [date for (date,) in client.kept("posting_date")] == ["31.03.2024", "31.03.2024", "16.01.2025", "16.01.2025"]
    assert client.imported.reconciliation["imported"].tolist() == [100.0, -41.0]
    client.books(*lines, rules={"treatments": {"referenced_credit": "report"}})
    assert client.rule("referenced_credit") == ("report", 1, -30.0)
    assert client.kept("posting_date")[1] == ("15.01.2025",)


def test_many_returns_are_a_signal(client: Client) -> None:
    client.books("Kunde;Datum;Netto", "1;31.01.2025;100", "1;01.02.2025;-4")
    assert client.found("returns") == []
    client.books("Kunde;Datum;Netto", "1;31.01.2025;100", "1;01.02.2025;-5")
    assert client.found("returns") == [(1, -5.0, {"n": 1, "share": 0.05})]


def test_one_time_accounts_are_one_account_that_is_not_ranked(client: Client) -> None:
    lines = ("Kunde;Datum;Netto", "1;31.01.2025;100", "2;31.01.2025;20", "3;31.01.2025;3", "4;31.01.2025;900")
    master = ("Nr;Name;Kontengruppe;CPD", "1;Alpha;0001;", "2;Beta;CPD;", "3;Gamma;0001;X", "4;CPD Inland;0001;")
    client.books(*lines, master=master)
    assert client.rule("one_time_account") == ("pool", 2, 23.0)
    assert client.rule("collective_account") == ("report", 1, 900.0)
    assert client.kept("customer_id") == [("1",), ("Diverse",), ("Diverse",), ("4",)]
    assert client.imported.n_customers == 2
    accounts = client.facts().accounts.set_index("account_id")["in_period"]
    assert accounts.to_dict() == {"1": True, "4": True, "Diverse": False}
    assert [f.examples for f in client.imported.findings if f.code == "collective_in_set"] == [("4 CPD Inland",)]
    client.books(*lines, master=master, rules={"treatments": {"collective_account": "pool", "one_time_account": "off"}})
    assert client.kept("customer_id") == [("1",), ("2",), ("3",), ("Diverse",)]
    assert client.found("collective_in_set") == []


def test_employees_and_own_shops_are_told(client: Client) -> None:
    client.books(
        *("Kunde;Datum;Netto", "1;31.01.2025;100", "2;31.01.2025;20", "3;31.01.2025;3", "4;31.01.2025;9"),
        master=(
            "Nr;Name;Kontengruppe;Klasse",
            "1;A;1;B2B",
            "2;B;Mitarbeiter;",
            "3;Werksverkauf Süd;1;",
            "4;C;1;employee",
        ),
        rules={"treatments": {"own_account": "remove"}},
    )
    assert client.rule("own_account") == ("remove", 3, 32.0)


MARGINS = ("Kunde;Datum;Netto;DB", "1;31.01.2025;100;40", "1;01.02.2025;50;0", "2;01.02.2025;30;30", "2;02.02.2025;7;")


def test_margins_of_nothing_or_everything_are_missing(client: Client) -> None:
    client.books(*MARGINS)
    assert client.rule("unlikely_margin") == ("report", 2, 80.0)
    assert client.facts().accounts["margin"].fillna(-1).tolist() == [40.0, -1.0]
    client.books(*MARGINS, rules=off("unlikely_margin"))
    assert client.facts().accounts["margin"].tolist() == [40.0, 30.0]
    client.books("Kunde;Datum;Netto;Kosten", "1;31.01.2025;100;0", "2;31.01.2025;100;60")
    assert client.rule("unlikely_margin") == ("report", 1, 100.0)


def test_charges_are_told_by_kind(client: Client) -> None:
    lines = (
        "Kunde;Datum;Netto;Artikel;Text;Gruppe",
        *("1;31.01.2025;100;A1;Welle;Wellen", "1;31.01.2025;5;F;Frachtkosten;", "1;31.01.2025;7;MTZ;Zuschlag Kupfer;"),
        *("2;31.01.2025;3;X;Kasten 12 x 1 l;Pfand", "2;31.01.2025;50;P1;Portofino Stuhl;Stühle"),
    )
    client.books(*lines)
    assert client.rule("extra_charge") == ("report", 3, 15.0)
    assert client.found("extra_charges") == [
        (1, 3.0, {"kind": "deposit", "n": 1}),
        (1, 5.0, {"kind": "freight", "n": 1}),
        (1, 7.0, {"kind": "metal", "n": 1}),
    ]
    client.books(*lines, rules={"treatments": {"extra_charge": "remove"}})
    assert client.rule("extra_charge") == ("remove", 3, 15.0)
    assert client.imported.revenue_kept == 150.0


def test_lines_in_a_window_of_events_are_told(client: Client) -> None:
    strike = {"start": "2025-02-01", "end": "2025-02-28", "reason": "Streik", "customer_ids": ["2"]}
    client.books(
        *("Kunde;Datum;Netto", "1;15.02.2025;100", "2;01.02.2025;20", "2;28.02.2025;3", "2;01.03.2025;9"),
        rules={"events": [strike]},
    )
    assert client.rule("event_window") == ("report", 2, 23.0)
    ((rows, revenue, values),) = client.found("event_window")
    assert (rows, revenue, values["reason"], values["n"]) == (2, 23.0, "Streik", 2)


def test_a_strike_without_any_booking_silences_the_alarm_of_whom_it_concerns(client: Client) -> None:
    """K and L buy for 100 every month up to July 2025. K was on strike from August on, L just stopped; M goes on."""
    months = [f"{year}-{month:02d}" for year in (2023, 2024, 2025) for month in range(1, 13)]
    lines = [f"{c};05.{m[5:]}.{m[:4]};100" for m in months for c in "KLM" if c == "M" or m < "2025-08"]
    strike = {"start": "2025-08-01", "end": "2025-12-31", "reason": "Streik", "customer_ids": ["K"]}
    settings = {"period": {"start": "2025-01-01", "end": "2025-12-31"}}
    client.books("Kunde;Datum;Netto", *lines, rules={"events": [strike]}, **settings)
    assert [found[0] for found in client.found("event_window")] == [0]
    risk, methods = assess_account_risk(history_until(client.facts()), 3, load_option_rules().risk)
    assert risk.set_index("account_id")["evidence"].to_dict() == {
        **{"K": "risk_event", "L": "risk_silent", "M": "risk_growing"}
    }
    assert risk.set_index("account_id")["level"].to_dict() == {"K": "green", "L": "red", "M": "green"}
    assert [method.code for method in methods] == ["risk_recency", "risk_events"]
    client.books("Kunde;Datum;Netto", *lines, rules={"events": [strike], **off("event_window")}, **settings)
    assert client.facts().events.empty


def test_a_project_is_one_off_business_as_a_whole(client: Client) -> None:
    client.books(
        "Kunde;Datum;Netto;Projekt",
        *("1;31.01.2025;30;P1", "1;28.02.2025;40;P1", "1;01.03.2025;30;", "2;31.01.2025;40;P1", "2;01.02.2025;50;"),
        *("2;02.02.2025;45;",),
    )
    assert client.rule("one_off") == ("report", 2, 70.0)


def test_who_leaves_and_enters_without_one_offs_is_named(client: Client) -> None:
    client.books(
        *("Kunde;Datum;Netto", "1;31.01.2025;900", "1;28.02.2025;10", "2;31.01.2025;80", "2;01.02.2025;80"),
        *("3;31.01.2025;40", "3;01.02.2025;40", "4;31.01.2025;5", "4;01.02.2025;-9"),
        master=("Nr;Name", "1;Anlagenbau AG", "2;Beta", "3;Gamma", "4;Delta"),
    )
    values = {"n": 2, "without": 2, "left": ("1 Anlagenbau AG",), "entered": ("3 Gamma",)}
    assert client.found("without_one_offs_both") == [(None, 905.0, values)]
    (below,) = [f for f in client.imported.findings if f.code == "accounts_not_positive"]
    assert (below.rows, below.revenue, below.examples) == (2, -4.0, ("4 Delta",))


def test_contracts_booked_once_a_year_are_told(client: Client) -> None:
    lines = (
        "Kunde;Datum;Netto;Vertrag",
        *("1;15.01.2023;1200;V1", "1;10.01.2024;1250;V1", "1;20.12.2024;1300;V1", "1;20.06.2024;90;"),
        *("2;01.03.2023;500;", "2;01.03.2024;500;", "3;01.03.2023;70;", "3;01.04.2023;70;", "3;01.04.2024;71;"),
    )
    client.books(*lines)
    assert client.rule("yearly_booking") == ("spread", 5, 4750.0)
    assert client.found("yearly_spread") == [(5, 4750.0, {"n": 5})]
    for treatment, found in (("report", ("report", 5, 4750.0)), ("off", ("off", 0, 0.0))):
        client.books(*lines, rules={"treatments": {"yearly_booking": treatment}})
        assert client.rule("yearly_booking") == found
        assert client.found("yearly_spread") == []
        assert client.facts().spread == {}


def test_the_same_amount_for_another_product_is_no_yearly_contract(client: Client) -> None:
    lines = ["1;01.03.2024;500;A", "1;01.03.2025;500;B", "2;01.03.2024;500;A", "2;01.03.2025;500;A", "3;01.12.2025;9;C"]
    client.books("Kunde;Datum;Netto;Artikel", *lines)
    assert client.rule("yearly_booking") == ("spread", 2, 1000.0)


YEARLY = ("Kunde;Datum;Netto;Kosten;Beleg;Vertrag", "1;15.01.2024;1200;600;R1;V1", "1;15.01.2025;1300,01;650;R2;V1")


def test_a_yearly_booking_is_spread_for_patterns_and_stays_in_all_totals(client: Client) -> None:
    """100 a month in 2024, 108.33 in 2025; beside the contract's line R2 has one of 7, and 2 buys for 5 a month."""
    small = [f"2;28.{month:02d}.{year};5;1;S{year}{month};" for year in (2024, 2025) for month in range(1, 13)]
    client.books(*YEARLY, "1;15.01.2025;7;3;R2;", *small)
    facts = client.facts()
    assert facts.accounts.set_index("account_id")["revenue"].to_dict() == {"1": 1307.01, "2": 60.0}
    booked = facts.months[facts.months["account_id"] == "1"]
    assert booked["revenue"].tolist() == [1200.0, 1307.01]
    spread = facts.spread["months"]
    assert set(spread["account_id"]) == {"1"}
    assert spread["month"].dt.strftime("%Y-%m").tolist() == [f"{y}-{m:02d}" for y in (2024, 2025) for m in range(1, 13)]
    assert spread["revenue"].tolist() == pytest.approx([100.0] * 12 + [115.334167] + [108.334167] * 11, abs=2e-6)
    assert spread["margin"].tolist() == pytest.approx([50.0] * 12 + [58.1675] + [54.1675] * 11, abs=1e-5)
    for frame in (spread, facts.spread["orders"]):
        assert round(frame["revenue"].sum(), 6) == 2507.01
    orders = facts.spread["orders"]
    assert orders["date"].dt.strftime("%d.%m.%Y").tolist()[12:14] == ["15.01.2025", "15.01.2025"]
    assert sorted(orders["revenue"].tolist())[0] == 7.0  # what is left of the invoice
    patterns = spread_bookings(facts)
    assert len(patterns.months) == 48
    assert patterns.accounts is facts.accounts


def test_what_a_contract_brings_after_the_periods_end_is_not_there_yet(client: Client) -> None:
    client.books("Kunde;Datum;Netto;Vertrag", "1;01.07.2024;1200;V1", "1;01.07.2025;2400;V1", "2;31.12.2025;1;")
    spread = client.facts().spread["months"]
    assert spread["revenue"].tolist() == [100.0] * 12 + [200.0] * 6


def test_the_term_is_the_year_of_the_only_contract_that_runs() -> None:
    bookings = pd.DataFrame(
        {
            "customer_id": ["1", "1", "2", "3", "4"],
            "posting_date": [dt.date(2025, 2, 20), dt.date(2024, 2, 20), *[dt.date(2025, 3, 31)] * 3],
        }
    )
    contracts = pd.DataFrame(
        [
            ("1", "2023-01-01", "2025-06-30"),
            *[("2", "2025-01-01", "2025-12-31"), ("2", "2025-03-01", "2026-02-28")],
            ("3", "2025-04-01", "2026-03-31"),
        ],
        columns=["customer_id", "start", "end"],
    ).astype({"start": "datetime64[us]", "end": "datetime64[us]"})
    assert set(service_terms(bookings, contracts.drop(columns="end"))["service_end"]) == {
        *(dt.date(2026, 2, 19), dt.date(2025, 2, 19), dt.date(2026, 3, 30))
    }
    terms = service_terms(bookings, contracts).astype(str)
    assert [tuple(term) for term in terms.itertuples(index=False)] == [
        ("2025-01-01", "2025-06-30"),  # the third year of the contract ends with it
        ("2024-01-01", "2024-12-31"),
        *[("2025-03-31", "2026-03-30")] * 3,  # two contracts, one that begins later, none
    ]


def test_the_contracts_of_an_engagement_give_the_term(client: Client) -> None:
    (client.folder / "vertrag.csv").write_text("Kunde;Von;Bis\n1;01.01.2024;30.06.2025\n", encoding="utf-8")
    columns = {"customer_id": "Kunde", "start": "Von", "end": "Bis"}
    client.books(*YEARLY, "2;31.12.2025;1;;;", contracts={"path": "vertrag.csv", "columns": columns})
    months = client.facts().spread["months"]
    assert months["revenue"].tolist() == pytest.approx([100.0] * 12 + [216.668333] * 6, abs=2e-6)


def test_a_contract_booked_once_a_year_raises_no_alarm(client: Client) -> None:
    """V1 is booked on 1 July 2023 and 2024, then on 30 June 2025; small orders of every month end with August 2025."""
    small = [f"1;{day:%d.%m.%Y};10;" for day in pd.date_range("2023-01-10", "2025-08-31", freq="30D")]
    others = [f"{c};{day:%d.%m.%Y};90;" for c in "23" for day in pd.date_range("2023-01-02", "2025-12-31", freq="30D")]
    lines = ["Kunde;Datum;Netto;Vertrag", *(f"1;{day};1200;V1" for day in ("01.07.2023", "01.07.2024", "30.06.2025"))]

    def risk(treatment: str) -> pd.Series:
        client.books(*lines, *small, *others, rules={"treatments": {"yearly_booking": treatment}})
        history = history_until(spread_bookings(client.facts()))
        table, _ = assess_account_risk(history, 3, load_option_rules().risk)
        return table.set_index("account_id").loc["1"]

    assert (risk("report")["level"], risk("report")["evidence"]) == ("red", "risk_silent")
    assert risk("spread")["level"] == "green"
    assert risk("spread")["days_since_last"] == 1  # 30 December: the sixth month of the contract's year


def test_a_margin_that_jumps_with_the_year_is_told(client: Client) -> None:
    months = [f"01.{month}" for month in ("10.2023", "11.2023", "12.2023", "01.2024", "02.2024", "03.2024")]
    jump = [f"1;{day};100;{cost};A" for day, cost in zip(months, [60, 60, 61, 75, 76, 75], strict=True)]
    drift = [f"1;{day};100;{cost};B" for day, cost in zip(months, [60, 64, 68, 72, 76, 80], strict=True)]
    client.books("Kunde;Datum;Netto;Kosten;Artikel", *jump, *drift)
    assert client.rule("cost_jump") == ("report", 3, 300.0)
    assert client.imported.rules.set_index("rule").loc["cost_jump", "examples"] == ("A (2024)",)


@pytest.mark.parametrize("day", ["01.01.1900", "31.12.3000", ""])
def test_no_exchange_rate_is_asked_for_where_a_date_is_impossible(client: Client, day: str) -> None:
    (client.folder / "kurse.csv").write_text("month;currency;rate\n2025-01;USD;0,90\n", encoding="utf-8")
    lines = ("Kunde;Datum;Netto;Währung", "1;15.01.2025;50;EUR", "1;15.01.2025;100;USD", f"2;{day};70;USD")
    client.books(*lines, exchange_rates={"path": "kurse.csv"})
    assert client.kept("net_revenue") == [(50.0,), (90.0,)]
    assert client.rule("implausible_date" if day else "no_date") == ("remove", 1, 70.0)
    assert client.found("currency_without_month") == [(1, None, {"n": 1, "currencies": ["USD"]})]


def test_lines_without_a_possible_date_alone_need_no_rates_at_all(client: Client) -> None:
    client.books("Kunde;Datum;Netto;Währung", "1;15.01.2025;50;EUR", "2;01.01.1900;70;USD")
    assert client.imported.revenue_kept == 50.0
    assert client.found("currency_without_month") == [(1, None, {"n": 1, "currencies": ["USD"]})]
