"""Which lines count: every rule on a table small enough to check by hand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from kamkit.errors import EngagementError
from kamkit.intake.cleaning import (
    RULES,
    CleaningRules,
    load_cleaning_rules,
    mark_all_lines,
    mark_certain_lines,
    rule_report,
)
from kamkit.intake.documents import documents_of
from kamkit.intake.line_traps import named

END = dt.date(2025, 12, 31)
TYPES = {
    "customer_id": pa.string(),
    "posting_date": pa.date32(),
    "net_revenue": pa.decimal128(18, 6),
    "invoice_id": pa.string(),
    "doc_type": pa.string(),
    "line_id": pa.string(),
    "source_file": pa.string(),
    "source_row": pa.int64(),
    "row_mark": pa.string(),
}


def lines_of(rows: list[dict[str, Any]], drop: tuple[str, ...] = ("line_id",)) -> Any:
    """Booked lines: each a customer C1, 1 June 2025 and 100 where nothing else is said; rows are numbered from 2."""
    usual = {"customer_id": "C1", "posting_date": dt.date(2025, 6, 1), "net_revenue": "100", "row_mark": "data"}
    complete = [
        dict.fromkeys(TYPES) | usual | {"source_file": "sales.csv", "source_row": i} | row
        for i, row in enumerate(rows, 2)
    ]
    for row in complete:
        row["net_revenue"] = None if row["net_revenue"] is None else Decimal(row["net_revenue"])
    backend = ibis.duckdb.connect()
    backend.con.register("lines", pa.Table.from_pylist(complete, schema=pa.schema(TYPES)).drop_columns(list(drop)))
    return backend.table("lines")


def master_of(**columns: list[Any]) -> pd.DataFrame:
    kinds = {"is_intercompany": "boolean", "is_test": "boolean"}
    return pd.DataFrame(columns).astype({name: kinds.get(name, "string") for name in columns})


def cleaned(lines: Any, customers: pd.DataFrame | None = None, rules: CleaningRules | None = None) -> Any:
    rules = rules or load_cleaning_rules()
    documents = documents_of(lines, rules.documents)
    certain = lines.get_backend().create_view("certain", mark_certain_lines(lines, customers, rules, documents))
    return lines.get_backend().create_view(
        "marked", mark_all_lines(certain, customers, rules, END, documents=documents)
    )


def reasons(marked: Any) -> list[str | None]:
    return marked.select("source_row", "reason").order_by("source_row").to_pyarrow()["reason"].to_pylist()


def hits(marked: Any, rule: str) -> list[int]:
    """The row numbers that a reporting rule concerns among the kept; a rule that cannot apply leaves no mark."""
    if f"is_{rule}" not in marked.columns:
        return []
    found = marked.filter(marked[f"is_{rule}"] & marked.reason.isnull())
    return sorted(found.to_pyarrow()["source_row"].to_pylist())


def test_every_certain_line_leaves_with_the_first_rule_that_takes_it() -> None:
    lines = lines_of(
        [
            {},
            {"row_mark": "excluded", "customer_id": None},
            {"row_mark": "repeated_header", "customer_id": "Kunde", "posting_date": None, "net_revenue": None},
            {"row_mark": "total_line", "customer_id": None, "net_revenue": "700"},
            {"customer_id": None, "posting_date": None, "net_revenue": "1.005"},
            {"posting_date": None},
            {"net_revenue": None},
            {"customer_id": "OWN"},
            {"customer_id": "TEST", "net_revenue": "3"},
            {"posting_date": dt.date(2026, 1, 1)},
            {"posting_date": END},
        ]
    )
    customers = master_of(
        customer_id=["C1", "OWN", "TEST"], is_intercompany=[False, True, None], is_test=[None, False, True]
    )
    assert reasons(cleaned(lines, customers)) == [
        None,
        "excluded",
        "repeated_header",
        "total_line",
        "no_customer",
        "no_date",
        "no_amount",
        "intercompany",
        "test_customer",
        "after_period",
        None,
    ]


def test_a_cancellation_with_the_number_of_its_invoice_takes_both_out() -> None:
    lines = lines_of(
        [
            {"invoice_id": "90", "doc_type": "F2", "net_revenue": "60"},
            {"invoice_id": "90", "doc_type": "F2", "net_revenue": "40"},
            {"invoice_id": "90", "doc_type": "S1", "net_revenue": "-60"},
            {"invoice_id": "90", "doc_type": "S1", "net_revenue": "-40"},
            {"invoice_id": "91", "doc_type": "F2"},
        ]
    )
    assert reasons(cleaned(lines)) == ["cancelled_pair"] * 4 + [None]


def test_a_cancellation_with_a_prefixed_number_takes_both_out() -> None:
    lines = lines_of([{"invoice_id": "536365"}, {"invoice_id": "C536365", "net_revenue": "-100"}])
    assert reasons(cleaned(lines, rules=load_cleaning_rules())) == ["cancelled_pair", "cancelled_pair"]


@pytest.mark.parametrize(
    "cancellation",
    [
        {"invoice_id": "C536379", "net_revenue": "-100"},
        {"invoice_id": "C536365", "net_revenue": "-99.99"},
        {"invoice_id": "C536365", "net_revenue": "-100", "customer_id": "C2"},
        {"invoice_id": "536365", "net_revenue": "-99", "doc_type": "Storno"},
    ],
    ids=["other_number", "other_amount", "other_customer", "part_of_it"],
)
def test_an_uncertain_cancellation_stays_and_is_reported(cancellation: dict[str, Any]) -> None:
    marked = cleaned(lines_of([{"invoice_id": "536365"}, cancellation]))
    assert reasons(marked) == [None, None]
    assert hits(marked, "possible_cancellation") == [3]
    assert hits(marked, "negative_line") == [3]


def test_a_cancellation_after_the_period_changes_nothing_before_it() -> None:
    later = {"invoice_id": "C1", "net_revenue": "-100", "posting_date": dt.date(2026, 1, 2)}
    marked = cleaned(lines_of([{"invoice_id": "1"}, later]))
    assert reasons(marked) == [None, "after_period"]


def test_repeated_lines_are_reported_where_lines_have_no_number() -> None:
    rows = [
        {"invoice_id": "1"},
        {"invoice_id": "1"},
        {"invoice_id": "1", "net_revenue": "5"},
        {"invoice_id": "2"},
        {},
        {},
    ]
    marked = cleaned(lines_of(rows))
    assert hits(marked, "repeated_line") == [3]
    assert reasons(marked) == [None] * 6
    numbered = cleaned(lines_of([{"invoice_id": "1", "line_id": "10"}, {"invoice_id": "1", "line_id": "10"}], drop=()))
    assert hits(numbered, "repeated_line") == []


def test_a_line_above_half_of_three_years_is_a_one_off() -> None:
    old = dt.date(2022, 12, 31)
    rows = [
        {"net_revenue": "51"},
        {"net_revenue": "49"},
        {"customer_id": "C2", "net_revenue": "50"},
        {"customer_id": "C2", "net_revenue": "50"},
        {"customer_id": "C3", "net_revenue": "90", "posting_date": old},
        {"customer_id": "C3", "net_revenue": "10"},
        {"customer_id": "SMALL", "net_revenue": "0.2"},
        {"customer_id": "SMALL", "net_revenue": "-0.2"},
    ]
    assert hits(cleaned(lines_of(rows)), "one_off") == [2, 7]


def test_collective_accounts_are_found_by_whole_words() -> None:
    customers = master_of(
        customer_id=["1", "2", "3", "4", "5", "6"],
        name=["CPD Inland", "diverse Kunden", "Diversey GmbH", "Testo SE", "One-Time Customer", None],
    )
    assert named(customers, load_cleaning_rules().collective_words, ("name",)).tolist() == ["1", "2", "5"]


def test_customers_missing_in_the_master_are_reported() -> None:
    marked = cleaned(lines_of([{}, {"customer_id": "X"}]), master_of(customer_id=["C1"]))
    assert hits(marked, "not_in_master") == [3]
    assert hits(cleaned(lines_of([{"customer_id": "X"}])), "not_in_master") == []


def test_the_report_counts_lines_and_money_exactly() -> None:
    lines = lines_of([{"net_revenue": "0.1"}, {"net_revenue": "0.2"}, {"net_revenue": "-0.3"}, {"customer_id": None}])
    rules = load_cleaning_rules()
    report, sums = rule_report(cleaned(lines), rules)
    expected = pd.DataFrame(
        {
            "rule": list(RULES),
            "treatment": [rules.treatment(rule) for rule in RULES],
            "rows": [{"no_customer": 1, "negative_line": 1, "one_off": 1}.get(rule, 0) for rule in RULES],
            "revenue": [{"no_customer": 100.0, "negative_line": -0.3, "one_off": 0.2}.get(rule, 0.0) for rule in RULES],
            "examples": [
                {
                    "no_customer": ("sales.csv:5",),
                    "negative_line": ("sales.csv:4 C1",),
                    "one_off": ("sales.csv:3 C1",),
                }.get(rule, ())
                for rule in RULES
            ],
        }
    )
    pd.testing.assert_frame_equal(report, expected)
    assert sums == {"rows_in": 4, "rows_kept": 3, "revenue_in": Decimal("100"), "revenue_kept": Decimal("0")}


def own_rules(folder: Path, text: str) -> CleaningRules:
    (folder / "rules").mkdir()
    (folder / "rules" / "cleaning.yml").write_text(text, encoding="utf-8")
    return load_cleaning_rules(folder)


def test_an_engagement_switches_single_treatments(tmp_path: Path) -> None:
    rules = own_rules(tmp_path, "treatments: {not_in_master: remove, intercompany: report}\n")
    customers = master_of(customer_id=["C1", "OWN"], is_intercompany=[False, True])
    marked = cleaned(lines_of([{}, {"customer_id": "X"}, {"customer_id": "OWN"}]), customers, rules)
    assert reasons(marked) == [None, "not_in_master", None]
    report, _ = rule_report(marked, rules)
    found = report[report["rows"] > 0].set_index("rule")["rows"].to_dict()
    assert found == {"intercompany": 1, "not_in_master": 1, "one_off": 2}
    assert rules.one_off == load_cleaning_rules().one_off


def test_every_problem_of_an_engagements_rules_is_told(tmp_path: Path) -> None:
    with pytest.raises(EngagementError) as error:
        own_rules(tmp_path, "treatments: {repeatd_line: remove, one_off: delete, no_date: report}\ncancelation: {}\n")
    assert str(error.value) == (
        "rules/cleaning.yml: 4 problems found\n"
        "- treatments.no_date: 'report' is not known. Known are: remove\n"
        "- treatments.one_off: 'delete' is not known. Known are: remove, report, off\n"
        "- treatments: unknown setting 'repeatd_line'. Did you mean 'repeated_line'?\n"
        "- unknown setting 'cancelation'. Did you mean 'cancellation'?"
    )
