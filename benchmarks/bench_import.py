"""Import of a generated German CSV: kamkit (detection, mapping, cleaning rules, parquet) beside pandas and bare DuckDB,
which are told the dialect and do the same work: read, type, drop lines without customer or date, account sums, parquet."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.measure import measure, table

ROWS = 1_000_000


def generate(file: Path, rows: int, seed: int = 20260101) -> None:
    """A semicolon CSV as a German ERP writes it: decimal comma, thousands dot, trailing minus, dd.mm.yyyy."""
    rng = np.random.default_rng(seed)
    customers = rng.zipf(1.3, rows) % 5_000
    days = rng.integers(0, 1_096, rows)
    dates = (np.datetime64("2023-01-01") + days).astype(object)
    cents = np.maximum(1, (rng.lognormal(5.5, 1.4, rows) * 100).astype(np.int64))
    minus = rng.random(rows) < 0.02
    products = rng.integers(1, 2_000, rows)
    with file.open("w", encoding="utf-8", newline="\r\n") as out:
        out.write("Belegnr;Kundennr;Buchungsdatum;Artikel;Menge;Nettoumsatz\n")
        for i in range(rows):
            amount = f"{cents[i] // 100:,}".replace(",", ".") + f",{cents[i] % 100:02d}" + ("-" if minus[i] else "")
            customer = "" if i % 997 == 0 else f"{customers[i] + 1:08d}"
            out.write(f"{i // 3};{customer};{dates[i]:%d.%m.%Y};A{products[i]:05d};{1 + i % 9};{amount}\n")


ENGAGEMENT = """
client: Bench GmbH
period: {start: 2025-01-01, end: 2025-12-31}
sources:
  transactions:
    path: umsatz.csv
    columns: {customer_id: Kundennr, posting_date: Buchungsdatum, net_revenue: Nettoumsatz, invoice_id: Belegnr,
              product_id: Artikel, quantity: Menge}
"""


def with_kamkit(folder: Path) -> None:
    from kamkit.intake.importing import import_engagement
    from kamkit.model.engagement import load_engagement

    (folder / "engagement.yml").write_text(ENGAGEMENT, encoding="utf-8")
    import_engagement(load_engagement(folder), folder / "work")


def with_pandas(folder: Path) -> None:
    import pandas as pd

    raw = pd.read_csv(folder / "umsatz.csv", sep=";", dtype="str", keep_default_na=False)
    amount = raw["Nettoumsatz"].str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    negative = amount.str.endswith("-")
    frame = pd.DataFrame(
        {
            "customer_id": raw["Kundennr"].replace("", None),
            "posting_date": pd.to_datetime(raw["Buchungsdatum"], format="%d.%m.%Y"),
            "net_revenue": pd.to_numeric(amount.str.rstrip("-")).where(
                ~negative, -pd.to_numeric(amount.str.rstrip("-"))
            ),
            "invoice_id": raw["Belegnr"],
            "product_id": raw["Artikel"],
            "quantity": pd.to_numeric(raw["Menge"]),
        }
    )
    frame.duplicated().sum()
    kept = frame.dropna(subset=["customer_id", "posting_date"])
    kept = kept[kept["posting_date"] <= "2025-12-31"]
    kept.groupby("customer_id")["net_revenue"].sum()
    kept.to_parquet(folder / "pandas.parquet")


def with_duckdb(folder: Path) -> None:
    import duckdb

    duckdb.execute("SET enable_progress_bar = false")

    duckdb.execute(
        f"""
        COPY (
          SELECT nullif(Kundennr, '') AS customer_id,
                 strptime(Buchungsdatum, '%d.%m.%Y')::date AS posting_date,
                 (CASE WHEN Nettoumsatz LIKE '%-' THEN '-' ELSE '' END
                  || replace(replace(rtrim(Nettoumsatz, '-'), '.', ''), ',', '.'))::decimal(18, 6) AS net_revenue,
                 Belegnr AS invoice_id, Artikel AS product_id, Menge::double AS quantity
          FROM read_csv('{folder / "umsatz.csv"}', delim = ';', header = true, all_varchar = true)
          WHERE nullif(Kundennr, '') IS NOT NULL AND strptime(Buchungsdatum, '%d.%m.%Y') <= '2025-12-31'
        ) TO '{folder / "duckdb.parquet"}' (FORMAT parquet)
        """
    )
    duckdb.execute(
        f"SELECT customer_id, sum(net_revenue) FROM '{folder / 'duckdb.parquet'}' GROUP BY customer_id"
    ).fetchall()


def main() -> str:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate(folder / "umsatz.csv", ROWS)
        measured = {
            "kamkit import (all detected)": measure(with_kamkit, folder),
            "pandas, dialect declared": measure(with_pandas, folder),
            "bare DuckDB, dialect declared": measure(with_duckdb, folder),
        }
    return table(f"import: {ROWS:,} rows of a German CSV", measured, "bare DuckDB, dialect declared")
