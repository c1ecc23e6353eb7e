"""Whatever is written in a country's style is read back as it was meant; no id, no row and no cent is lost."""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import tempfile
from decimal import Decimal
from pathlib import Path

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kamkit.errors import EngagementError
from kamkit.intake.columns import fields_of
from kamkit.intake.readers import read_table
from kamkit.model.engagement import Engagement

STYLES = {
    "german": (",", "."),
    "english": (".", ","),
    "swiss": (".", "'"),
    "french": (",", "\u202f"),
    "plain_comma": (",", ""),
    "plain_point": (".", ""),
}
DATES = [
    "%d.%m.%Y",
    "%Y-%m-%d",
    "%Y%m%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%y",
    "%d-%m-%Y",
    "%d.%m.%Y %H:%M",
    "%Y-%m-%dT%H:%M:%S",
]
COLUMNS = {"customer_id": "Kunde", "posting_date": "Datum", "net_revenue": "Umsatz"}

cents = st.decimals(-(10**9), 10**9, places=2, allow_nan=False, allow_infinity=False)
ids = (
    st.text("0123456789ABCxyz-_/ äß;,\"'", min_size=1, max_size=12)
    .map(str.strip)
    .filter(lambda text: text not in ("", "-") and not text.endswith(".0"))
)


def written(value: Decimal, style: str, trailing: bool) -> str:
    """An amount in a country's style, the minus before or behind."""
    decimal, thousands = STYLES[style]
    text = f"{abs(value):,.2f}".replace(",", "T").replace(".", decimal).replace("T", thousands)
    return text if value >= 0 else f"{text}-" if trailing else f"-{text}"


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(ids, st.dates(dt.date(1990, 1, 1), dt.date(2035, 12, 31)), cents), min_size=1, max_size=30),
    style=st.sampled_from(list(STYLES)),
    trailing=st.booleans(),
    date=st.sampled_from(DATES),
    delimiter=st.sampled_from([";", ",", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
)
def test_what_is_written_is_read_back(
    rows: list[tuple[str, dt.date, Decimal]], style: str, trailing: bool, date: str, delimiter: str, encoding: str
) -> None:
    if encoding == "cp1252" and style == "french":
        style = "german"
    unmistakable = dt.date(2025, 12, 31)
    rows = [*rows, ("letzter Kunde", unmistakable, Decimal("1.50"))]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "sales.csv")
        with file.open("w", encoding=encoding, newline="") as opened:
            writer = csv.writer(opened, delimiter=delimiter)
            writer.writerow(["Größe", *COLUMNS.values()])
            for customer, day, amount in rows:
                writer.writerow(["für Köln", customer, day.strftime(date), written(amount, style, trailing)])
        source = {"path": "sales.csv", "columns": COLUMNS}
        engagement = Engagement.model_validate({"client": "x", "sources": {"transactions": source}})
        engagement._file = Path(folder, "engagement.yml")
        typed = read_table(
            ibis.duckdb.connect(), "transactions", engagement.sources.transactions, engagement, Path(folder, "scratch")
        )
        table = typed.table.order_by("source_row").to_pyarrow()
    assert table["customer_id"].to_pylist() == [customer for customer, _, _ in rows]
    assert table["posting_date"].to_pylist() == [day for _, day, _ in rows]
    assert table["net_revenue"].to_pylist() == [amount for _, _, amount in rows]
    assert table["row_mark"].to_pylist() == ["data"] * len(rows)
    assert table["source_row"].to_pylist() == list(range(2, len(rows) + 2))


def fields_from(text: str) -> object:
    columns = COLUMNS | {"net_revenue": f"={text}"}
    sources = {"transactions": {"path": "x.csv", "columns": columns}}
    return fields_of(
        "transactions", Engagement.model_validate({"client": "x", "sources": sources}).sources.transactions
    )


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30))
def test_any_text_after_an_equals_sign_is_arithmetic_or_refused(text: str) -> None:
    with contextlib.suppress(EngagementError):
        assert fields_from(text)


@pytest.mark.parametrize(
    "text",
    ["x; DROP TABLE y", "x::VARCHAR", "x[1]", "x IS NULL", "x || y", "$1", "*", "x % 2", "x AS y", "x BETWEEN 1 AND 2"],
)
def test_sql_is_refused(text: str) -> None:
    with pytest.raises(EngagementError):
        fields_from(text)
