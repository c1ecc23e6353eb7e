"""No line and no cent is lost, whatever the lines are and in whatever order they come."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import cache
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kamkit.intake.cleaning import load_cleaning_rules, mark_all_lines, mark_certain_lines, rule_report
from kamkit.intake.documents import documents_of

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
    "row_mark": pa.string(),
    "source_file": pa.string(),
    "source_row": pa.int64(),
}
RULES = load_cleaning_rules()
DOC_TYPES = [None, "F2", "S1", "storno", "F8", "IV", "ZZ"]
DOCUMENTS = documents_of(
    ibis.memtable(
        [
            {"source_file": "f.csv", "row_mark": "data", "doc_type": word, "net_revenue": Decimal(1)}
            for word in DOC_TYPES
        ]
    ),
    RULES.documents,
)
LINE = st.tuples(
    st.sampled_from([None, "A", "A", "B", "OWN", "T", "X"]),
    st.sampled_from([None, dt.date(2022, 5, 1), dt.date(2025, 3, 1), dt.date(2025, 12, 31), dt.date(2026, 1, 1)]),
    st.one_of(st.none(), st.sampled_from(["10", "-10", "0.01"]), st.decimals(-9999, 9999, places=4).map(str)),
    st.sampled_from([None, "1", "1", "C1", "2", "ST-2"]),
    st.sampled_from(DOC_TYPES),
    st.sampled_from(["data"] * 6 + ["excluded", "total_line", "repeated_header"]),
)


@cache
def marked_view() -> Any:
    """The marked lines of whatever the backend knows as `lines`."""
    backend = ibis.duckdb.connect()
    backend.con.register("lines", pa.schema(TYPES).empty_table())
    certain = mark_certain_lines(backend.table("lines"), CUSTOMERS, RULES, DOCUMENTS)
    certain = backend.create_view("certain", certain)
    end = dt.date(2025, 12, 31)
    return backend.create_view("marked", mark_all_lines(certain, CUSTOMERS, RULES, end, documents=DOCUMENTS))


def outcome(lines: list[tuple[Any, ...]]) -> tuple[pd.DataFrame, Any, dict[int, Any]]:
    marked = marked_view()
    rows = [dict(zip(TYPES, (*line, "f.csv", number), strict=True)) for line, number in lines]
    for row in rows:
        row["net_revenue"] = None if row["net_revenue"] is None else Decimal(row["net_revenue"])
    marked.get_backend().con.register("lines", pa.Table.from_pylist(rows, schema=pa.schema(TYPES)))
    fetched = marked.select("source_row", "reason").to_pyarrow().to_pydict()
    return *rule_report(marked, RULES), dict(zip(fetched["source_row"], fetched["reason"], strict=True))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(LINE, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_rows_and_cents_add_up_in_any_order(lines: list[tuple[Any, ...]], random: Any) -> None:
    numbered = [(line, number) for number, line in enumerate(lines, 2)]
    report, sums, reasons = outcome(numbered)
    removed = report[report["treatment"] == "remove"]
    assert sums["rows_in"] == len(lines) == sums["rows_kept"] + removed["rows"].sum()
    total = sum((Decimal(line[2]) for line in lines if line[2] is not None), Decimal(0))
    assert sums["revenue_in"] == total
    assert abs(float(total - sums["revenue_kept"]) - removed["revenue"].sum()) < 1e-6
    kept = sum((Decimal(line[2]) for line, number in numbered if reasons[number] is None), Decimal(0))
    assert sums["revenue_kept"] == kept

    shuffled = numbered.copy()
    random.shuffle(shuffled)
    other_report, other_sums, other_reasons = outcome(shuffled)
    assert (other_sums, other_reasons) == (sums, reasons)
    pd.testing.assert_frame_equal(other_report, report)
