"""A small table written in any dialect reads back as it was, or is refused; never anything else."""

from __future__ import annotations

import csv
import datetime as dt
import io
import tempfile
from decimal import Decimal
from pathlib import Path

import ibis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kamkit.errors import InputError
from kamkit.intake.readers import read_table
from kamkit.model.engagement import Engagement

COLUMNS = {"customer_id": "Kunde", "posting_date": "Datum", "net_revenue": "Umsatz"}
NAMES = ["Müller", "Größe & Söhne", "0012", "00012", "K-7", 'Rohr "12"', "Huber; Co", "A, B", "Société"]
MINUS = {
    "lead": lambda text: f"-{text}",
    "trail": lambda text: f"{text}-",
    "brackets": lambda text: f"({text})",
    "unicode": lambda text: f"−{text}",
}
Row = tuple[str, dt.date, Decimal]

rows = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.dates(dt.date(2000, 1, 1), dt.date(2029, 12, 31)),
        st.decimals(Decimal("-9999999.99"), Decimal("9999999.99"), places=2),
    ),
    min_size=1,
    max_size=6,
)
dialects = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from([";", ",", "\t", "|"]),
        "decimal": st.sampled_from([",", "."]),
        "thousands": st.sampled_from(["", "group", " ", "'", "\u00a0"]),
        "minus": st.sampled_from(sorted(MINUS)),
        "day": st.sampled_from(["%d.%m.%Y", "%Y-%m-%d", "%Y%m%d", "%d.%m.%y", "%d.%m.%Y 00:00:00"]),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        "above": st.sampled_from(["", "Umsatzliste 2025\n", "sep={delimiter}\n", "Firma: Muster GmbH\n\n"]),
        "below": st.sampled_from(["", "3 Datensätze\n", "\n\nStand: heute\n"]),
        "total": st.booleans(),
        "ending": st.sampled_from(["\n", "\r\n"]),
        "currency": st.sampled_from(["", " €", " EUR"]),
    }
)


def written_number(value: Decimal, dialect: dict[str, str]) -> str:
    whole, digits = f"{abs(value):.2f}".split(".")
    sign = {"group": "." if dialect["decimal"] == "," else ","}.get(dialect["thousands"], dialect["thousands"])
    grouped = f"{int(whole):,}".replace(",", sign)
    text = f"{grouped}{dialect['decimal']}{digits}"
    return (MINUS[dialect["minus"]](text) if value < 0 else text) + dialect["currency"]


def written(table: list[Row], dialect: dict[str, str]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=dialect["delimiter"], quoting=dialect["quoting"], lineterminator="\n")
    writer.writerow(["Kunde", "Datum", "Umsatz"])
    for name, day, amount in table:
        writer.writerow([name, day.strftime(dialect["day"]), written_number(amount, dialect)])
    if dialect["total"]:
        writer.writerow(["Summe", "", written_number(sum((a for *_, a in table), Decimal(0)), dialect)])
    text = dialect["above"].format(**dialect) + out.getvalue() + dialect["below"]
    if dialect["encoding"] == "cp1252":
        text = text.replace("−", "-")
    return text.replace("\n", dialect["ending"]).encode(dialect["encoding"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(rows, dialects)
def test_what_is_written_is_read_or_refused(table: list[Row], dialect: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "u.csv").write_bytes(written(table, dialect))
        sources = {"transactions": {"path": "u.csv", "columns": COLUMNS}}
        engagement = Engagement.model_validate({"client": "Test", "sources": sources})
        engagement._file = folder / "engagement.yml"
        try:
            typed = read_table(
                ibis.duckdb.connect(), "transactions", engagement.sources.transactions, engagement, folder / "s"
            )
        except InputError:
            return
        read = typed.table.filter(typed.table.row_mark == "data").order_by("source_row").to_pyarrow().to_pylist()
    assert [(row["customer_id"], row["posting_date"], row["net_revenue"]) for row in read] == table
