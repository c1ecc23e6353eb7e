"""What the tables say about each account, on a client of four customers that can be added up by hand."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import yaml

from kamkit.intake.facts import account_facts
from kamkit.intake.importing import import_engagement
from kamkit.intake.input_sheets import HEADING_ROW
from kamkit.intake.input_writing import refresh_inputs
from kamkit.model.codes import Grain, Level
from kamkit.model.engagement import load_engagement
from kamkit.model.results import AccountFacts

LINES = """Beleg;Datum;Kunde;Artikel;Gruppe;Menge;Netto;Kosten;Vertrag;Vertreter
R1;10.03.2024;A1;P1;G1;1;100,00;60,00;;Anna
R2;05.01.2025;A1;P1;G1;2;200,00;120,00;V1;Anna
R2;05.01.2025;A1;P2;G1;1;50,10;0,00;;Bernd
R3;20.02.2025;A2;P3;G2;1;300,00;300,00;;Bernd
R4;21.02.2025;A2;P3;G2;-1;-100,00;;;Bernd
R5;01.06.2025;B;P1;G1;1;80,00;;;Anna
R6;31.12.2024;C;P1;G1;1;40,00;10,00;;Anna
R7;31.12.2025;B;P4;;1;20,00;;;Cara
R8;02.01.2026;B;P4;;1;999,00;;;Cara
"""
COLUMNS = {
    "invoice_id": "Beleg",
    "posting_date": "Datum",
    "customer_id": "Kunde",
    "product_id": "Artikel",
    "category": "Gruppe",
    "quantity": "Menge",
    "net_revenue": "Netto",
    "cost": "Kosten",
    "contract_id": "Vertrag",
    "sales_rep": "Vertreter",
}
MASTER = """Nr;Name;Mutter;Region;KA;Bedarf
A1;Alpha Nord;K;Nord;ja;1000
A2;Alpha Süd;K;;nein;500
K;Alpha Holding;;;;
B;Beta;;West;;
"""
CUSTOMER_COLUMNS = {
    "customer_id": "Nr",
    "name": "Name",
    "parent_id": "Mutter",
    "region": "Region",
    "key_label": "KA",
    "wallet": "Bedarf",
}
PRIVILEGES = "Kunde;Art\nA2;Skonto\nZ;Notdienst\n"


def facts_of(
    folder: Path, transactions: dict[str, Any], lines: str = LINES, further: bool = True, **settings: Any
) -> AccountFacts:
    files = {"sales.csv": lines, "master.csv": MASTER, "privileges.csv": PRIVILEGES}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    sources = {
        "transactions": {"path": "sales.csv"} | transactions,
        "customers": {"path": "master.csv", "columns": CUSTOMER_COLUMNS},
        "privileges": {"path": "privileges.csv", "columns": {"customer_id": "Kunde", "type": "Art"}},
    }
    if not further:
        sources = {"transactions": sources["transactions"]}
    content = {"client": "Test", "sources": sources} | settings
    (folder / "engagement.yml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    engagement = load_engagement(folder)
    return account_facts(folder, engagement, import_engagement(engagement, folder))


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> AccountFacts:
    year = {"start": "2025-01-01", "end": "2025-12-31"}
    return facts_of(tmp_path_factory.mktemp("facts"), {"columns": COLUMNS}, period=year)


def check(frame: pd.DataFrame, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
    expected = pd.DataFrame(rows, columns=columns)
    found = frame[columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        found.astype(object).where(found.notna(), None), expected.astype(object).where(expected.notna(), None)
    )


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text)


def test_money_and_counts_of_accounts(facts: AccountFacts) -> None:
    columns = ["account_id", "in_period", "n_customers", "revenue", "margin", "n_invoices", "first_date", "last_date"]
    check(
        facts.accounts,
        columns,
        [
            ("B", True, 1, 100.0, None, 2, day("2025-06-01"), day("2025-12-31")),
            ("C", False, 0, 0.0, None, 0, day("2024-12-31"), day("2024-12-31")),
            ("K", True, 2, 450.1, 80.0, 2, day("2024-03-10"), day("2025-02-20")),
        ],
    )


def test_a_margin_without_cost_is_missing_and_a_true_zero_is_not(facts: AccountFacts) -> None:
    coverage = facts.accounts.set_index("account_id")["margin_coverage"]
    assert coverage["K"] == pytest.approx((200 + 300) / (200 + 50.1 + 300 + 100))
    assert coverage["B"] == 0
    assert pd.isna(coverage["C"])


def test_history_that_does_not_reach_back_is_missing_not_zero(facts: AccountFacts) -> None:
    assert facts.history_start == dt.date(2024, 3, 10)
    assert facts.accounts["revenue_prior"].isna().all()


def test_history_that_reaches_back(tmp_path: Path) -> None:
    later = facts_of(tmp_path, {"columns": COLUMNS}, period={"start": "2024-12-01", "end": "2025-02-28"})
    check(later.accounts, ["account_id", "revenue_prior"], [("C", 0.0), ("K", 0.0)])
    longer = facts_of(tmp_path, {"columns": COLUMNS}, period={"start": "2024-09-08", "end": "2025-03-10"})
    check(longer.accounts, ["account_id", "revenue_prior"], [("C", 0.0), ("K", 100.0)])


def test_master_data_of_accounts(facts: AccountFacts) -> None:
    columns = ["account_id", "name", "region", "field_rep", "key_label", "wallet", "contract_share", "project_share"]
    check(
        facts.accounts,
        columns,
        [
            ("B", "Beta", "West", "Anna", None, None, 0.0, None),
            ("C", "C", None, None, None, None, None, None),
            ("K", "Alpha Holding", "Nord", "Bernd", True, 1500.0, 200 / 550.1, None),
        ],
    )


def test_months_orders_and_purchases(facts: AccountFacts) -> None:
    check(
        facts.months,
        ["account_id", "month", "revenue", "margin", "n_invoices"],
        [
            ("B", day("2025-06-01"), 80.0, None, 1),
            ("B", day("2025-12-01"), 20.0, None, 1),
            ("C", day("2024-12-01"), 40.0, 30.0, 1),
            ("K", day("2024-03-01"), 100.0, 40.0, 1),
            ("K", day("2025-01-01"), 250.1, 80.0, 1),
            ("K", day("2025-02-01"), 200.0, 0.0, 1),
        ],
    )
    check(
        facts.orders,
        ["account_id", "date", "revenue"],
        [
            ("B", day("2025-06-01"), 80.0),
            ("B", day("2025-12-31"), 20.0),
            ("C", day("2024-12-31"), 40.0),
            ("K", day("2024-03-10"), 100.0),
            ("K", day("2025-01-05"), 250.1),
            ("K", day("2025-02-20"), 300.0),
        ],
    )
    check(
        facts.purchases,
        ["account_id", "customer_id", "item", "date", "revenue", "margin", "quantity"],
        [
            ("B", "B", "G1", day("2025-06-01"), 80.0, None, 1.0),
            ("C", "C", "G1", day("2024-12-31"), 40.0, 30.0, 1.0),
            ("K", "A1", "G1", day("2024-03-10"), 100.0, 40.0, 1.0),
            ("K", "A1", "G1", day("2025-01-05"), 250.1, 80.0, 3.0),
            ("K", "A2", "G2", day("2025-02-20"), 300.0, 0.0, 1.0),
        ],
    )
    assert facts.product_purchases["item"].tolist() == ["P1", "P4", "P1", "P1", "P1", "P2", "P3"]


def test_delivery_sites_stand_beside_members_where_lines_name_them(tmp_path: Path, facts: AccountFacts) -> None:
    columns = {**{name: source for name, source in COLUMNS.items() if name != "sales_rep"}, "site": "Vertreter"}
    period = {"start": "2025-01-01", "end": "2025-12-31"}
    check(
        facts_of(tmp_path, {"columns": columns}, period=period).sites,
        ["account_id", "customer_id", "site", "item", "revenue", "last_bought"],
        [
            ("B", "B", "Anna", "G1", 80.0, day("2025-06-01")),
            ("C", "C", "Anna", "G1", 0.0, day("2024-12-31")),
            ("K", "A1", "Anna", "G1", 200.0, day("2025-01-05")),
            ("K", "A1", "Bernd", "G1", 50.1, day("2025-01-05")),
            ("K", "A2", "Bernd", "G2", 300.0, day("2025-02-20")),
        ],
    )
    assert facts.sites.empty


def test_items_members_and_tables(facts: AccountFacts) -> None:
    assert facts.item_kind == "category"
    check(
        facts.items,
        ["item", "name", "category", "revenue"],
        [
            ("G1", "G1", "G1", 330.1),
            ("G2", "G2", "G2", 200.0),
            ("P1", None, "G1", 280.0),
            ("P2", None, "G1", 50.1),
            ("P3", None, "G2", 200.0),
            ("P4", None, None, 20.0),
        ],
    )
    check(
        facts.members,
        ["customer_id", "account_id", "name", "revenue", "group_source"],
        [
            ("A1", "K", "Alpha Nord", 250.1, "parent"),
            ("A2", "K", "Alpha Süd", 200.0, "parent"),
            ("B", "B", "Beta", 100.0, "none"),
            ("C", "C", None, 0.0, "none"),
        ],
    )
    check(
        facts.tables["privileges"],
        ["customer_id", "type", "account_id"],
        [("A2", "Skonto", "K"), ("Z", "Notdienst", "Z")],
    )
    assert set(facts.tables) == {"customers", "privileges", "decisions"}


def test_on_customer_level_every_customer_is_an_account(tmp_path: Path) -> None:
    year = {"start": "2025-01-01", "end": "2025-12-31"}
    facts = facts_of(tmp_path, {"columns": COLUMNS}, period=year, pareto={"level": "customer"})
    assert facts.level == Level.CUSTOMER
    check(
        facts.accounts,
        ["account_id", "name", "revenue", "key_label"],
        [
            ("A1", "Alpha Nord", 250.1, True),
            ("A2", "Alpha Süd", 200.0, False),
            ("B", "Beta", 100.0, None),
            ("C", "C", 0.0, None),
        ],
    )
    assert set(facts.members["group_source"]) == {"none"}


def test_without_a_customer_master_the_number_is_the_name(tmp_path: Path) -> None:
    lines = "Kunde;Datum;Netto\n00012;31.12.2024;5,00\n12211;02.01.2025;7,00\n"
    columns = {"customer_id": "Kunde", "posting_date": "Datum", "net_revenue": "Netto"}
    facts = facts_of(tmp_path, {"columns": columns}, lines, further=False)
    check(facts.accounts, ["account_id", "name"], [("00012", "00012"), ("12211", "12211")])


def test_the_margin_column_holds_but_not_where_it_only_looks_like_one(tmp_path: Path) -> None:
    lines = "Datum;Kunde;Netto;DB\n01.02.2025;A;100;30\n02.02.2025;A;100;0\n03.02.2025;A;100;100\n04.02.2025;B;50;\n"
    columns = {"posting_date": "Datum", "customer_id": "Kunde", "net_revenue": "Netto", "margin": "DB"}
    facts = facts_of(tmp_path, {"columns": columns}, lines)
    check(facts.accounts, ["account_id", "margin", "margin_coverage"], [("A", 30.0, 1 / 3), ("B", None, 0.0)])
    assert facts.item_kind is None
    assert facts.purchases.empty
    assert facts.items.empty
    assert facts.orders["revenue"].tolist() == [100.0, 100.0, 100.0, 50.0]


def test_prices_are_what_was_sold_what_was_credited_and_the_list_price_where_it_is_known(tmp_path: Path) -> None:
    """A1: 90 of a list of 100 and 50 without one, 30 credited (its list price is no sale); A2: 80 after a discount of 20."""
    lines = """Datum;Kunde;Menge;Liste;Rabatt;Netto
05.01.2025;A1;2;50,00;;90,00
06.01.2025;A1;1;;;50,00
07.01.2025;A1;-1;40,00;;-30,00
08.02.2025;A2;1;;20,00;80,00
31.12.2025;A2;1;;;10,00
"""
    columns = {"posting_date": "Datum", "customer_id": "Kunde", "quantity": "Menge", "list_price": "Liste"}
    columns |= {"discount": "Rabatt", "net_revenue": "Netto"}
    found = facts_of(tmp_path, {"columns": columns}, lines, further=False).prices
    figures = ["sold", "credited", "gross", "net_of_gross"]
    expected = {("A1", "2025-01"): [140.0, 30.0, 100.0, 90.0], ("A2", "2025-02"): [80.0, 0.0, 100.0, 80.0]}
    rows = found.set_index([found["account_id"], found["month"].dt.strftime("%Y-%m")])[figures]
    assert {key: rows.loc[key].tolist() for key in expected} == expected
    assert rows.loc[("A2", "2025-12"), figures[:2]].tolist() == [10.0, 0.0]
    assert rows.loc[("A2", "2025-12"), figures[2:]].isna().all()


def test_a_wide_list_by_year_gives_years_and_no_orders(tmp_path: Path) -> None:
    lines = "Kunde;Umsatz 2024;Umsatz 2025\nA;100,50;200\nB;50;\nC;-10;300\n"
    wide = {
        "layout": "wide",
        "columns": {"customer_id": "Kunde"},
        "periods": {"2024": "Umsatz 2024", "2025": "Umsatz 2025"},
    }
    facts = facts_of(tmp_path, wide, lines)
    assert (facts.grain, facts.history_start) == (Grain.YEAR, dt.date(2024, 1, 1))
    assert (facts.period.start, facts.period.end) == (dt.date(2025, 1, 1), dt.date(2025, 12, 31))
    check(
        facts.accounts,
        ["account_id", "in_period", "revenue", "revenue_prior", "n_invoices"],
        [("A", True, 200.0, 100.5, None), ("B", False, 0.0, 50.0, None), ("C", True, 300.0, -10.0, None)],
    )
    check(
        facts.months,
        ["account_id", "month", "revenue", "n_invoices"],
        [
            ("A", day("2024-12-01"), 100.5, None),
            ("A", day("2025-12-01"), 200.0, None),
            ("B", day("2024-12-01"), 50.0, None),
            ("C", day("2024-12-01"), -10.0, None),
            ("C", day("2025-12-01"), 300.0, None),
        ],
    )
    assert facts.orders.empty
    assert facts.purchases.empty


def test_the_sum_of_a_year_is_no_one_off(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("Kunde;U\nA;100\nB;50\n", encoding="utf-8")
    source = {"path": "list.csv", "layout": "wide", "columns": {"customer_id": "Kunde"}, "periods": {"2025": "U"}}
    content = {"client": "Test", "sources": {"transactions": source}}
    (tmp_path / "engagement.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    rules = import_engagement(load_engagement(tmp_path), tmp_path / "work").rules
    assert rules["rows"].sum() == 0


def test_a_wide_list_by_month_gives_months(tmp_path: Path) -> None:
    months = [f"2025-{month:02d}" for month in range(1, 13)]
    lines = ";".join(["Kunde", *months]) + "\n" + ";".join(["A", *map(str, range(1, 13))]) + "\n"
    wide = {"layout": "wide", "columns": {"customer_id": "Kunde"}, "periods": {month: month for month in months}}
    facts = facts_of(tmp_path, wide, lines)
    assert facts.grain == Grain.MONTH
    assert facts.months["month"].dt.strftime("%Y-%m").tolist() == months
    assert facts.months["revenue"].tolist() == [float(n) for n in range(1, 13)]
    assert facts.accounts["revenue"].tolist() == [78.0]


def test_proposals_in_inputs_follow_the_facts_and_entries_stay(facts: AccountFacts, tmp_path: Path) -> None:
    path = tmp_path / "inputs.xlsx"
    refresh_inputs(path, "de", None, facts)
    assert rows_of(path, "Key Accounts heute") == [("A1", "Alpha Nord", "ja")]
    customers = facts.tables["customers"]
    relabelled = customers.assign(key_label=(customers["customer_id"] == "B").astype("boolean"))
    changed = dataclasses.replace(facts, tables={**facts.tables, "customers": relabelled})
    book = openpyxl.load_workbook(path)
    book["Key Accounts heute"]["H5"] = "bleibt"
    book.save(path)
    refresh_inputs(path, "en", None, changed)
    assert rows_of(path, "Key accounts today") == [("A1", "Alpha Nord", "yes", "bleibt"), ("B", "Beta", "yes")]
    refresh_inputs(path, "de", None, facts)
    assert rows_of(path, "Key Accounts heute") == [("A1", "Alpha Nord", "ja", "bleibt")]


def test_group_candidates_stand_in_inputs_with_their_revenue_until_they_are_none(tmp_path: Path) -> None:
    year = {"start": "2025-01-01", "end": "2025-12-31"}
    facts_of(tmp_path, {"columns": COLUMNS}, period=year)
    twins = "Nr;Name;Steuer\nA1;Alpha;DE123456789\nB;Beta;DE123456789\n"
    (tmp_path / "master.csv").write_text(twins, encoding="utf-8")
    settings = yaml.safe_load((tmp_path / "engagement.yml").read_text(encoding="utf-8"))
    settings["sources"]["customers"]["columns"] = {"customer_id": "Nr", "name": "Name", "vat_id": "Steuer"}
    (tmp_path / "engagement.yml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    path = tmp_path / "inputs.xlsx"
    imported = import_engagement(load_engagement(tmp_path), tmp_path / "work")
    refresh_inputs(path, "en", imported)
    assert rows_of(path, "Groups") == [
        ("A1", "A1", "Alpha", "same VAT id", 1, 250.1),
        ("A1", "B", "Beta", "same VAT id", 1, 100),
    ]
    refresh_inputs(path, "de", dataclasses.replace(imported, group_candidates=imported.group_candidates.head(0)))
    assert rows_of(path, "Konzerne") == []


def rows_of(path: Path, sheet: str) -> list[tuple[Any, ...]]:
    """What stands below the headings, without empty cells."""
    rows = openpyxl.load_workbook(path)[sheet].iter_rows(min_row=HEADING_ROW + 1, values_only=True)
    return [filled for row in rows if (filled := tuple(cell for cell in row if cell is not None))]
