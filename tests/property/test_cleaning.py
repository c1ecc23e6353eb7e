"""No line and no cent is lost, whatever the lines are and in whatever order they come."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kamkit.intake.cleaning import load_cleaning_rules, mark_all_lines, mark_certain_lines, rule_report
from kamkit.intake.set_right import set_right

CUSTOMERS = pd.DataFrame(
    {
        "customer_id": ["A", "B", "OWN", "T"],
        "is_intercompany": [None, None, True, None],
        "is_test": [None, None, None, True],
    }
).astype({"customer_id": "string", "is_intercompany": "boolean", "is_test": "boolean"})
TYPES = {
    "customer_id": pa.string(),
    "posting_date": pa.date32(),
    "net_revenue": pa.decimal128(18, 6),
    "invoice_id": pa.string(),
    "doc_type": pa.string(),
    "reference_id": pa.string(),
    "posting_period": pa.string(),
    "project_id": pa.string(),
    "margin": pa.decimal128(18, 6),
    "row_mark": pa.string(),
    "source_file": pa.string(),
    "source_row": pa.int64(),
}
RULES = load_cleaning_rules()
MONEY = st.one_of(st.none(), st.sampled_from(["10", "-10", "0.01"]), st.decimals(-9999, 9999, places=4).map(str))
LINE = st.tuples(
    st.sampled_from([None, "A", "A", "B", "OWN", "T", "X"]),
    st.sampled_from([None, dt.date(2022, 5, 1), dt.date(2025, 3, 1), dt.date(2025, 12, 31), dt.date(2026, 1, 1)]),
    MONEY,
    st.sampled_from([None, "1", "1", "C1", "2", "ST-2"]),
    st.sampled_from([None, "F2", "S1", "storno", "F8", "IV", "ZZ"]),
    st.sampled_from([None, "1", "2"]),
    st.sampled_from([None, "012", "013"]),
    st.sampled_from([None, "P"]),
    MONEY,
    st.sampled_from(["data"] * 6 + ["excluded", "total_line", "repeated_header"]),
)


def outcome(lines: list[tuple[Any, ...]]) -> tuple[pd.DataFrame, Any, dict[int, Any]]:
    rows = [dict(zip(TYPES, (*line, "f.csv", number), strict=True)) for line, number in lines]
    for row in rows:
        row |= {c: None if row[c] is None else Decimal(row[c]) for c in ("net_revenue", "margin")}
    backend = ibis.duckdb.connect()
    backend.con.register("lines", pa.Table.from_pylist(rows, schema=pa.schema(TYPES)))
    booked, documents = set_right(backend.table("lines"), RULES)
    certain = mark_certain_lines(booked, CUSTOMERS, RULES, documents)
    marked = mark_all_lines(certain, CUSTOMERS, RULES, dt.date(2025, 12, 31), documents=documents)
    fetched = marked.select("source_row", "reason", "net_revenue").to_pyarrow().to_pylist()
    return *rule_report(marked, RULES), {row["source_row"]: (row["reason"], row["net_revenue"]) for row in fetched}


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(LINE, min_size=12, max_size=40), st.randoms(use_true_random=False))
def test_rows_and_cents_add_up_in_any_order(lines: list[tuple[Any, ...]], random: Any) -> None:
    numbered = [(line, number) for number, line in enumerate(lines, 2)]
    report, sums, reasons = outcome(numbered)
    removed = report[report["treatment"] == "remove"]
    assert sums["rows_in"] == len(lines) == sums["rows_kept"] + removed["rows"].sum()
    amounts = {number: amount or Decimal(0) for number, (_reason, amount) in reasons.items()}
    assert all(abs(amounts[number]) == abs(Decimal(line[2] or 0)) for line, number in numbered)
    assert sums["revenue_in"] == sum(amounts.values(), Decimal(0))
    assert sums["revenue_kept"] == sum((amounts[n] for n, (reason, _) in reasons.items() if reason is None), Decimal(0))
    assert abs(float(sums["revenue_in"] - sums["revenue_kept"]) - removed["revenue"].sum()) < 1e-6

    shuffled = numbered.copy()
    random.shuffle(shuffled)
    other_report, other_sums, other_reasons = outcome(shuffled)
    assert (other_sums, other_reasons) == (sums, reasons)
    pd.testing.assert_frame_equal(other_report, report)
