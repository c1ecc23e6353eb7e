"""Real exports come in by what `kamkit new --from` proposes: the mapping a person would confirm, and the totals of others.

Left to a person, as always: the period, service articles to exclude (Online Retail), the year of amounts without one
(wholesale customers), and who the customers are where no column says so (the messy copy of the same).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from kamkit.execution.engagements import NewEngagement, create_engagement
from kamkit.intake.importing import import_engagement
from kamkit.intake.input_sheets import HEADING_ROW
from kamkit.model.engagement import load_engagement
from kamkit.model.results import Imported

SERVICE_ARTICLES = [
    *(
        "POST",
        "D",
        "DOT",
        "M",
        "S",
        "AMAZONFEE",
        "BANK CHARGES",
        "CRUK",
        "C2",
        "PADS",
        "B",
        "ADJUST",
        "ADJUST2",
        "GIFT",
    ),
    *("TEST001", "TEST002", "SP1002", *(f"gift_0001_{value}" for value in (10, 20, 30, 40, 50))),
]
"""What the data's own description leaves out as service."""


def proposed(new: NewEngagement, table: str = "transactions") -> dict[str, str]:
    """The columns that a new engagement uses."""
    source = getattr(load_engagement(new.folder).sources, table)
    return dict(source.columns) if source else {}


def joins(new: NewEngagement, table: str = "transactions") -> list[tuple[str, str]]:
    return [(join.path, join.on) for join in getattr(load_engagement(new.folder).sources, table).join]


def imported_from(new: NewEngagement, start: str, end: str, **settings: Any) -> Imported:
    overrides = {"period": {"start": start, "end": end}, **settings}
    return import_engagement(load_engagement(new.folder, overrides), new.folder / "work")


def reference(real_data: Path, *path: str) -> Any:
    found: Any = json.loads((real_data / "reference.json").read_text(encoding="utf-8"))
    for step in path:
        found = found[step]
    return found


def answer(new: NewEngagement, field: str, **cells: str) -> None:
    """Answer a row of the mapping sheet with yes, with other cells corrected."""
    book = openpyxl.load_workbook(new.folder / "inputs.xlsx")
    page = book.worksheets[0]
    row = next(y for y in range(HEADING_ROW + 1, 100) if page.cell(y, 2).value == field)
    for code, value in {"confirmed": "ja", **cells}.items():
        page.cell(row, {"column": 2, "source": 3, "confirmed": 7}[code], value).data_type = "s"
    book.save(new.folder / "inputs.xlsx")


@pytest.mark.slow
def test_northwind(real_data: Path, tmp_path: Path) -> None:
    new = create_engagement(tmp_path / "northwind", "Northwind", real_data / "northwind", language="en")
    assert proposed(new) == {
        "customer_id": "customerID",
        "posting_date": "orderDate",
        "net_revenue": "= unitPrice * quantity * (1 - discount)",
        "invoice_id": "orderID",
        "product_id": "productID",
        "product_name": "productName",
        "category": "categoryName",
        "quantity": "quantity",
        "sales_rep": "employeeID",
    }
    assert joins(new) == [
        ("raw/orders.csv", "orderID"),
        ("raw/products.csv", "productID"),
        ("raw/categories.csv", "categoryID"),
    ]
    assert proposed(new, "customers") == {
        "customer_id": "customerID",
        "name": "companyName",
        "country": "country",
        "postcode": "postalCode",
        "city": "city",
        "region": "region",
    }
    assert new.proposal is not None
    aside = {Path(file.name).stem for file in new.proposal.files if file.role == "aside"}
    assert aside == {"employee-territories", "employees", "regions", "shippers", "suppliers", "territories"}
    imported = imported_from(new, "1996-07-04", "1998-05-06")
    expected = reference(real_data, "northwind", "net")
    assert imported.revenue_kept == pytest.approx(expected["total_revenue_net_all"], abs=0.005)
    assert imported.n_customers == expected["n_customers_total"]


@pytest.mark.slow
def test_online_retail(real_data: Path, tmp_path: Path) -> None:
    new = create_engagement(tmp_path / "retail", "Online Retail", real_data / "online_retail" / "online_retail.csv.gz")
    assert proposed(new) == {
        "customer_id": "CustomerID",
        "posting_date": "InvoiceDate",
        "net_revenue": "= UnitPrice * Quantity",
        "invoice_id": "InvoiceNo",
        "product_id": "StockCode",
        "product_name": "Description",
        "quantity": "Quantity",
    }
    left_out = [{"column": "StockCode", "values": SERVICE_ARTICLES}]
    imported = imported_from(new, "2010-12-01", "2011-12-09", **{"sources.transactions.exclude": left_out})
    expected = reference(real_data, "online_retail", "net")
    assert imported.revenue_kept == pytest.approx(expected["total_revenue_net_all"], abs=0.005)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "place", "address"),
    [
        ("SAP_Sample_Content", "raw/Sales/", {}),
        (
            "Sample_Bikes_Sales_content",
            "raw/",
            {"country": "COUNTRY", "postcode": "POSTALCODE", "city": "CITY"},
        ),
    ],
)
def test_sap_headers_are_not_mixed_with_items_that_do_not_add_up(
    real_data: Path, tmp_path: Path, folder: str, place: str, address: dict[str, str]
) -> None:
    new = create_engagement(tmp_path / "sap", "SAP", real_data / "sap_sample" / folder / "CSV")
    engagement = load_engagement(new.folder)
    assert engagement.sources.transactions.path == f"{place}SalesOrders.csv"
    assert joins(new) == []
    assert engagement.currency == "USD"
    assert proposed(new) == {
        "customer_id": "PARTNERID",
        "posting_date": "CREATEDAT",
        "net_revenue": "NETAMOUNT",
        "invoice_id": "SALESORDERID",
        "currency": "CURRENCY",
        "region": "SALESORG",
    }
    assert engagement.sources.customers is not None
    assert engagement.sources.customers.path == f"{place}BusinessPartners.csv"
    assert proposed(new, "customers") == {"customer_id": "PARTNERID", "name": "COMPANYNAME", **address}
    imported = imported_from(new, "2015-01-01", "2035-12-31")
    total = {"SAP_Sample_Content": reference(real_data, "sap_sample", "net", "total_revenue_net_all")}
    bikes_net_amounts = 17879642.375  # the sum of NETAMOUNT over SalesOrders.csv, by pandas
    assert imported.revenue_kept == pytest.approx(total.get(folder, bikes_net_amounts), abs=0.005)


def test_cdnow(real_data: Path, tmp_path: Path) -> None:
    export = real_data / "cdnow" / "CDNOW_master.txt.gz"
    new = create_engagement(tmp_path / "cdnow", "CDNOW", export, language="en")
    assert proposed(new) == {"customer_id": "customer_id", "posting_date": "date", "net_revenue": "dollar_value"}
    found = imported_from(new, "1997-01-01", "1998-06-30")
    assert found.rows_kept == reference(real_data, "cdnow", "rows_used")
    assert found.n_customers == reference(real_data, "cdnow", "net", "n_customers_total")
    assert found.revenue_kept == reference(real_data, "cdnow", "net", "total_revenue_net_all")


def test_wholesale_customers_ask_for_their_year(real_data: Path, tmp_path: Path) -> None:
    new = create_engagement(
        tmp_path / "wholesale",
        "Wholesale",
        real_data / "wholesale_customers" / "wholesale_customers.csv",
        language="de",
    )
    source = load_engagement(new.folder).sources.transactions
    spend = "= Fresh + Milk + Grocery + Frozen + Detergents_Paper + Delicassen"
    assert (source.layout, source.periods) == ("wide", {"?": spend})
    assert proposed(new) == {"customer_id": "CustomerId", "region": "Region"}
    assert proposed(new, "customers") == {"customer_id": "CustomerId", "channel": "Channel", "region": "Region"}
    assert "no heading names the year of" in new.to_do[0]
    answer(new, "?", column="2014")
    imported = import_engagement(load_engagement(new.folder), new.folder / "work")
    expected = reference(real_data, "wholesale_customers", "net")
    assert (imported.revenue_kept, imported.n_customers) == (
        expected["total_revenue_net_all"],
        expected["n_customers_total"],
    )


def test_a_messy_copy_asks_who_the_customers_are(real_data: Path, tmp_path: Path) -> None:
    new = create_engagement(tmp_path / "messy", "Messy", real_data / "wholesale_customers" / "messy_copy.csv")
    assert [problem.partition(": ")[2][:52] for problem in new.to_do[:2]] == [
        "no column was recognised for customer_id: name it an",
        "no heading names the year of '= Fresh + Milk + Groce",
    ]
