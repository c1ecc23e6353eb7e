"""The canonical tables: what a client's columns are called once they are inside (design §3, domain T1–T12).

Each table is described once, here. `kind` says what a column holds:
text (ids keep leading zeros) · date · money (engagement currency, six decimals) · number · integer · flag · year.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import pandera.pandas as pa

TEXT, DATE, MONEY, NUMBER, INTEGER, FLAG, YEAR = "text", "date", "money", "number", "integer", "flag", "year"


@dataclass(frozen=True)
class TableSpec:
    """One canonical table: its columns with their kinds, those that must be there, and the tag of the domain page."""

    name: str
    columns: Mapping[str, str]
    required: frozenset[str]
    one_of: tuple[frozenset[str], ...] = ()


def _table(name: str, columns: str, one_of: tuple[frozenset[str], ...] = ()) -> TableSpec:
    """Read `customer_id* posting_date*:date …`: a star marks a required column, text is the kind not written."""
    kinds, required = {}, set()
    for word in columns.split():
        column, _, kind = word.partition(":")
        if column.endswith("*"):
            column = column[:-1]
            required.add(column)
        kinds[column] = kind or TEXT
    return TableSpec(name, MappingProxyType(kinds), frozenset(required), one_of)


TABLES: Mapping[str, TableSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            _table(
                "transactions",
                "customer_id* posting_date*:date net_revenue*:money invoice_id line_id doc_type currency order_date:date "
                "product_id product_name category quantity:number list_price:money discount:money cost:money margin:money "
                "region sales_rep contract_id project_id company_code site doc_category reference_id posting_period "
                "end_customer_id",
            ),
            _table(
                "customers",
                "customer_id* name vat_id lei duns country postcode city parent_id group_id valid_from:date valid_to:date "
                "industry_code industry_version industry_text channel customer_class key_label:flag key_since:date region "
                "field_rep kam_owner wallet:money wallet_source is_intercompany:flag is_test:flag "
                "account_group is_one_time:flag",
            ),
            _table(
                "budgets",
                "account_id segment year*:year cost_type plan:money actual:money",
                (frozenset({"account_id", "segment"}),),
            ),
            _table("hierarchy", "customer_id* parent_id valid_from:date valid_to:date"),
            _table("privileges", "customer_id* type* valid_from:date valid_to:date"),
            _table("sales_organisation", "role* region field_rep revenue_target:money fte:number priority_customer_id"),
            _table("interactions", "customer_id* date*:date type own_role contact_id level topic"),
            _table("contacts", "customer_id* contact_id* function level stance power"),
            _table("complaints", "customer_id* date*:date severity topic solved_on:date"),
            _table("contracts", "customer_id* start*:date end:date sla recurring_value:money"),
            _table("projects", "customer_id* project_id* kind start:date hours:number spec_in:flag"),
            _table("ratings", "customer_id* item* value*:number rated_by_role"),
            _table("terms", "customer_id* year*:year kind amount*:money"),
            _table(
                "decisions",
                "account_id new_account subject* decision* reason_code reason decided_by consulted opinion date:date "
                "valid_until:date snapshot",
                (frozenset({"account_id", "new_account"}),),
            ),
            _table(
                "consultations",
                "account_id new_account addressee opinion* proposal tier reason answered_by date:date",
                (frozenset({"account_id", "new_account"}),),
            ),
            _table("exchange_rates", "month* currency* rate*:number"),
        )
    }
)

SOURCE_TABLES: tuple[str, ...] = tuple(
    name for name in TABLES if name not in {"decisions", "consultations", "exchange_rates"}
)
"""The tables an engagement file may name under `sources`."""

_PANDAS_DTYPES = {
    TEXT: "string",
    DATE: "datetime64[us]",
    MONEY: "float64",
    NUMBER: "float64",
    INTEGER: "Int64",
    FLAG: "boolean",
    YEAR: "Int64",
}


def pandas_dtype(kind: str) -> str:
    """The pandas dtype of a canonical kind, once a table is small enough to be a frame."""
    return _PANDAS_DTYPES[kind]


@cache
def frame_schema(name: str) -> pa.DataFrameSchema:
    """The pandera schema of a canonical table as a pandas frame: the columns present have these dtypes, the
    required ones are present and never empty, and no other column is there."""
    spec = TABLES[name]
    return pa.DataFrameSchema(
        {
            column: pa.Column(
                _PANDAS_DTYPES[kind], nullable=column not in spec.required, required=column in spec.required
            )
            for column, kind in spec.columns.items()
        },
        strict=True,
        name=name,
    )
