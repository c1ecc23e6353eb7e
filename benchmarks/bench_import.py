"""Import of a generated German CSV: kamkit, which finds out how it is written, beside pandas and bare DuckDB SQL, which
are told, and do the same work: read, type, mark lines by the default rules, sum per rule and year, write Parquet.

The three must agree on the lines and the revenue of every rule. Shown apart: loading the libraries, finding out how the
file and its columns are written (kamkit only), and everything else, which is the import.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Clock, Measurement, measure

SIZES = {1_000_000: 3, 10_000_000: 1}
"""Rows, and how often each import of so many is measured."""
ENCODINGS = {"utf-8": "utf-8", "cp1252": "latin-1"}
"""Encoding of the file, and what bare DuckDB calls it: it has no cp1252, and umlauts stand where latin-1 has them."""
HEADER = "Belegnr;Kundennr;Buchungsdatum;Artikel;Bezeichnung;Menge;Nettoumsatz"
PERIOD = ("2025-01-01", "2025-12-31")
_CHUNK = 500_000
_PREFIX = r"(?i)^(?:STORNO[- ]?|ST-?|S-?|C-?)(\d+)$"


def generate(file: Path, rows: int, encoding: str, seed: int = 20260101) -> None:
    """A semicolon CSV as a German ERP writes it: decimal comma, thousands dot, trailing minus, dd.mm.yyyy, umlauts; with
    cancelled documents, repeated lines, the header again in the middle and a total below."""
    import duckdb
    import pyarrow as pa

    rng, con = np.random.default_rng(seed), duckdb.connect()
    with file.open("wb") as out:
        for first in range(0, rows, _CHUNK):
            n = min(_CHUNK, rows - first)
            numbers = pa.table(
                {
                    "i": np.arange(first, first + n),
                    "customer": rng.zipf(1.3, n) % 5_000 + 1,
                    "day": rng.integers(0, 1_096, n),
                    "cents": np.maximum(1, (rng.lognormal(5.5, 1.4, n) * 100).astype(np.int64)),
                    "minus": rng.random(n) < 0.02,
                    "product": rng.integers(1, 2_000, n),
                }
            )
            con.register("numbers", numbers)
            lines = con.sql(_LINES).to_arrow_table()["line"].to_pylist()
            if first == 0 or first == rows // 2:
                lines.insert(0, HEADER)
            if first + n == rows:
                lines.append("Summe;;;;;;1.000.000,00")
            out.write(("\r\n".join(lines) + "\r\n").encode(encoding))


_LINES = """
    WITH cells AS (
      SELECT i, i // 3 AS document, if(i % 997 = 0, '', format('{:08d}', customer)) AS customer,
        strftime(DATE '2023-01-01' + CAST(day AS INTEGER), '%d.%m.%Y') AS day, format('A{:05d}', product) AS article,
        ['Kugelhähne', 'Fräser', 'Ölfilter', 'Dichtung', 'Gehäuse'][1 + product % 5] || ' ' || product % 64 AS name,
        1 + i % 9 AS quantity, replace(format('{:,}', cents // 100), ',', '.') || format(',{:02d}', cents % 100) AS amount,
        if(minus, '-', '') AS sign
      FROM numbers
    )
    SELECT concat_ws(';', document, customer, day, article, name, quantity, amount || sign) AS line, i, 0 AS nth FROM cells
    UNION ALL
    SELECT concat_ws(';', document, customer, day, article, name, quantity, amount || sign), i, 1 FROM cells
    WHERE i % 3001 = 5
    UNION ALL
    SELECT concat_ws(';', 'ST' || document, customer, day, article, name, quantity, amount || '-'), i, 2 FROM cells
    WHERE i % 4001 = 7 AND sign = ''
    ORDER BY i, nth
"""

ENGAGEMENT = """
client: Bench GmbH
period: {{start: {}, end: {}}}
sources:
  transactions:
    path: umsatz.csv
    columns: {{customer_id: Kundennr, posting_date: Buchungsdatum, net_revenue: Nettoumsatz, invoice_id: Belegnr,
              product_id: Artikel, product_name: Bezeichnung, quantity: Menge}}
"""


def with_kamkit(folder: Path, encoding: str) -> Clock:
    clock = Clock()
    with clock.phase("start"):
        import ibis

        ibis.duckdb  # noqa: B018 loads the backend
        from kamkit.intake import raw_tables, readers
        from kamkit.intake.importing import import_engagement
        from kamkit.model.engagement import load_engagement

    def timed(work: Any) -> Any:
        def in_phase(*arguments: Any) -> Any:
            with clock.phase("detection"):
                return work(*arguments)

        return in_phase

    raw_tables.read_dialect = timed(raw_tables.read_dialect)
    readers.read_values = timed(readers.read_values)
    (folder / "engagement.yml").write_text(ENGAGEMENT.format(*PERIOD), encoding="utf-8")
    with clock.phase("work"):
        imported = import_engagement(load_engagement(folder), folder / "work")
    rules = imported.rules.set_index("rule")
    found = {rule: (int(rules.rows[rule]), float(rules.revenue[rule])) for rule in _COMPARED}
    _tell(folder, "kamkit", {**found, "kept": (imported.rows_kept, imported.revenue_kept)})
    return clock


_COMPARED = (
    *("repeated_header", "total_line", "no_customer", "no_date", "no_amount", "after_period", "cancelled_pair"),
    *("possible_cancellation", "negative_line", "repeated_line", "one_off"),
)
_REMOVING = _COMPARED[: _COMPARED.index("possible_cancellation")]


def _tell(folder: Path, tool: str, found: dict[str, tuple[int, float]]) -> None:
    (folder / f"{tool}.json").write_text(json.dumps({rule: (n, round(sum_, 2)) for rule, (n, sum_) in found.items()}))


def with_pandas(folder: Path, encoding: str) -> Clock:
    clock = Clock()
    with clock.phase("start"):
        import pandas as pd
    with clock.phase("work"):
        raw = pd.read_csv(folder / "umsatz.csv", sep=";", dtype="str", keep_default_na=False, encoding=encoding)
        text = raw["Nettoumsatz"].str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
        amount = pd.to_numeric(text.str.rstrip("-"), errors="coerce")
        frame = pd.DataFrame(
            {
                "customer_id": raw["Kundennr"].replace("", None),
                "posting_date": pd.to_datetime(raw["Buchungsdatum"], format="%d.%m.%Y", errors="coerce"),
                "net_revenue": amount.where(~text.str.endswith("-"), -amount),
                "invoice_id": raw["Belegnr"].replace("", None),
                "product_id": raw["Artikel"].replace("", None),
                "product_name": raw["Bezeichnung"].replace("", None),
                "quantity": pd.to_numeric(raw["Menge"], errors="coerce"),
            }
        )
        total = r"(?i)^\s*(?:summe|gesamt|total|\*+)"
        named = pd.Series(False, index=raw.index)
        for column in raw.columns:
            named |= raw[column].str.match(total)
        removing = {
            "repeated_header": (raw["Kundennr"] == "Kundennr") & (raw["Buchungsdatum"] == "Buchungsdatum"),
            "total_line": named & ((raw["Kundennr"] == "") | raw["Kundennr"].str.match(total)),
            "no_customer": frame["customer_id"].isna(),
            "no_date": frame["posting_date"].isna(),
            "no_amount": frame["net_revenue"].isna(),
            "after_period": frame["posting_date"] > PERIOD[1],
        }
        del raw, text, amount, named
        open_ = pd.Series(True, index=frame.index)
        for rule, hit in removing.items():
            removing[rule] = open_ & hit
            open_ &= ~hit
        behind = frame["invoice_id"].str.extract(_PREFIX, expand=False)
        back = open_ & behind.notna() & (frame["net_revenue"] < 0)
        document = frame["invoice_id"].mask(back, behind)
        keyed = frame.loc[open_, ["customer_id", "net_revenue"]].assign(document=document, back=back)
        keyed["amount"] = keyed["net_revenue"].where(keyed["back"], 0)
        keyed["cents"] = (keyed["net_revenue"] * 100).round().astype("int64")
        groups = keyed.groupby(["customer_id", "document"])
        sums = groups.agg(n=("back", "size"), back=("back", "sum"), cents=("cents", "sum"), amount=("amount", "sum"))
        pairs = sums[(sums["back"] * 2 == sums["n"]) & (sums["cents"] == 0) & (sums["amount"] != 0)].index
        paired = pd.MultiIndex.from_arrays([frame["customer_id"], document]).isin(pairs)
        removing["cancelled_pair"] = open_ & paired
        open_ &= ~paired
        recent = frame.loc[open_ & (frame["net_revenue"] > 0) & (frame["posting_date"] > "2022-12-31")]
        bought = frame["customer_id"].map(recent.groupby("customer_id")["net_revenue"].sum())
        large = (frame["net_revenue"] > 0.5 * bought) & (
            frame["net_revenue"] >= 0.001 * frame.loc[open_, "net_revenue"].sum()
        )
        reporting = {
            "possible_cancellation": back & open_,
            "negative_line": open_ & (frame["net_revenue"] < 0),
            "repeated_line": open_
            & frame["invoice_id"].notna()
            & frame[open_].duplicated().reindex(frame.index, fill_value=False),
            "one_off": open_ & large,
        }
        found = {
            rule: (int(hit.sum()), float(frame.loc[hit, "net_revenue"].sum()))
            for rule, hit in {**removing, **reporting, "kept": open_}.items()
        }
        late = open_ | removing["after_period"]
        frame[late].groupby(frame["posting_date"].dt.year)["net_revenue"].sum()
        frame[open_].to_parquet(folder / "pandas.parquet")
    _tell(folder, "pandas", found)
    return clock


_SQL = """
CREATE TABLE typed AS
SELECT nullif(Kundennr, '') AS customer_id, CAST(try_strptime(Buchungsdatum, '%d.%m.%Y') AS DATE) AS posting_date,
       TRY_CAST(CASE WHEN Nettoumsatz LIKE '%-' THEN '-' ELSE '' END
         || replace(replace(rtrim(Nettoumsatz, '-'), '.', ''), ',', '.') AS DECIMAL(18, 6)) AS net_revenue,
       nullif(Belegnr, '') AS invoice_id, nullif(Artikel, '') AS product_id, nullif(Bezeichnung, '') AS product_name,
       TRY_CAST(Menge AS DOUBLE) AS quantity,
       CASE WHEN Kundennr = 'Kundennr' AND Buchungsdatum = 'Buchungsdatum' THEN 'repeated_header'
            WHEN coalesce(Kundennr, '') = '' AND regexp_matches(concat_ws(';', Belegnr, Buchungsdatum, Artikel, Bezeichnung, Menge,
              Nettoumsatz), '(?i)(^|;)\\s*(summe|gesamt|total|[*]+)')
              OR regexp_matches(Kundennr, '(?i)^\\s*(summe|gesamt|total|[*]+)') THEN 'total_line' END AS mark
FROM read_csv('{file}', delim = ';', header = true, all_varchar = true, encoding = '{encoding}');

CREATE TABLE certain AS
SELECT typed.*, rowid AS line, CASE WHEN mark IS NOT NULL THEN mark WHEN customer_id IS NULL THEN 'no_customer'
  WHEN posting_date IS NULL THEN 'no_date' WHEN net_revenue IS NULL THEN 'no_amount'
  WHEN posting_date > DATE '{end}' THEN 'after_period' END AS reason,
  CASE WHEN net_revenue < 0 THEN nullif(regexp_extract(invoice_id, '{prefix}', 1), '') END AS taken_back
FROM typed;

CREATE TABLE pairs AS
SELECT customer_id, coalesce(taken_back, invoice_id) AS document FROM certain
WHERE reason IS NULL AND invoice_id IS NOT NULL GROUP BY ALL
HAVING count(taken_back) * 2 = count(*) AND sum(net_revenue) = 0
   AND sum(net_revenue) FILTER (taken_back IS NOT NULL) <> 0;

CREATE TABLE marked AS
SELECT c.* REPLACE (CASE WHEN reason IS NULL AND p.document IS NOT NULL THEN 'cancelled_pair' ELSE reason END AS reason)
FROM certain c LEFT JOIN pairs p ON c.customer_id = p.customer_id AND coalesce(taken_back, invoice_id) = p.document;

CREATE TABLE repeats AS
SELECT count(*) - 1 AS again, net_revenue FROM marked WHERE reason IS NULL AND invoice_id IS NOT NULL
GROUP BY customer_id, posting_date, net_revenue, invoice_id, product_id, product_name, quantity HAVING count(*) > 1;

CREATE TABLE one_offs AS
WITH bought AS (
  SELECT customer_id, sum(net_revenue) AS bought FROM marked
  WHERE reason IS NULL AND net_revenue > 0 AND posting_date > DATE '{end}' - INTERVAL 3 YEAR GROUP BY 1)
SELECT line FROM marked JOIN bought USING (customer_id) WHERE reason IS NULL AND net_revenue > 0.5 * bought
   AND net_revenue >= 0.001 * (SELECT sum(net_revenue) FROM marked WHERE reason IS NULL);
"""
_REPORT = """
SELECT coalesce(reason, 'kept'), count(*), sum(net_revenue) FROM marked GROUP BY 1
UNION ALL SELECT 'possible_cancellation', count(*), sum(net_revenue) FROM marked WHERE reason IS NULL AND taken_back IS NOT NULL
UNION ALL SELECT 'negative_line', count(*), sum(net_revenue) FROM marked WHERE reason IS NULL AND net_revenue < 0
UNION ALL SELECT 'repeated_line', coalesce(sum(again), 0), sum(again * net_revenue) FROM repeats
UNION ALL SELECT 'one_off', count(*), sum(net_revenue) FROM marked WHERE line IN (FROM one_offs)
"""


def with_duckdb(folder: Path, encoding: str) -> Clock:
    clock = Clock()
    with clock.phase("start"):
        import duckdb
    with clock.phase("work"):
        con = duckdb.connect()
        con.execute("SET enable_progress_bar = false")
        file, name = folder / "umsatz.csv", ENCODINGS[encoding]
        for statement in _SQL.format(file=file, encoding=name, end=PERIOD[1], prefix=_PREFIX).split(";\n\n"):
            con.execute(statement)
        rows = {rule: (n, float(revenue or 0)) for rule, n, revenue in con.execute(_REPORT).fetchall()}
        con.execute(
            "SELECT year(posting_date), sum(net_revenue) FROM marked "
            "WHERE reason IS NULL OR reason = 'after_period' GROUP BY 1"
        ).fetchall()
        con.execute(
            "COPY (SELECT customer_id, posting_date, net_revenue, invoice_id, product_id, product_name, quantity "
            f"FROM marked WHERE reason IS NULL ORDER BY line) TO '{folder / 'duckdb.parquet'}' (FORMAT parquet)"
        )
    _tell(folder, "duckdb", {rule: rows.get(rule, (0, 0.0)) for rule in (*_COMPARED, "kept")})
    return clock


TOOLS = {"kamkit": with_kamkit, "pandas": with_pandas, "duckdb": with_duckdb}


def main() -> str:
    return "\n\n".join(_compared(rows, runs, encoding) for rows, runs in SIZES.items() for encoding in ENCODINGS)


def _compared(rows: int, runs: int, encoding: str) -> str:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate(folder / "umsatz.csv", rows, encoding)
        measured = {tool: measure(work, folder, encoding, runs=runs) for tool, work in TOOLS.items()}
        found = {tool: json.loads((folder / f"{tool}.json").read_text()) for tool in TOOLS}
    differing = {
        rule: [found[t][rule] for t in TOOLS]
        for rule in found["kamkit"]
        if len({str(f[rule]) for f in found.values()}) > 1
    }
    if differing:
        raise AssertionError(f"the three do not agree on {differing}")
    title = f"import: {rows:,} rows of a German CSV in {encoding}, medians of {runs}; wall seconds / CPU seconds"
    head = f"{'':10}{'start':>14}{'detection':>14}{'import':>16}{'whole':>16}{'peak MiB':>10}"
    lines = [title, head + f"{'import ÷ DuckDB':>22}{'import ÷ pandas':>22}"]
    return "\n".join([*lines, *(_row(tool, measured) for tool in measured)])


def _row(tool: str, measured: dict[str, Measurement]) -> str:
    found = {name: _import(one) for name, one in measured.items()}
    phases = measured[tool].phases
    cells = [phases["start"], phases.get("detection", (0.0, 0.0)), found[tool]]
    whole = tuple(sum(cell[i] for cell in cells) for i in (0, 1))
    told = "".join(f"{wall:8.2f} /{cpu:6.2f}" for wall, cpu in [*cells, whole])
    ratios = ((found[tool][i] / found[base][i] for i in (0, 1)) for base in ("duckdb", "pandas"))
    shown = "".join(f"{wall:13.2f} /{cpu:6.2f}" for wall, cpu in ratios)
    return f"{tool:10}{told}{measured[tool].peak_mib:10.0f}  {shown}"


def _import(measurement: Measurement) -> tuple[float, float]:
    """Wall and CPU seconds of the work without detection."""
    work, detection = measurement.phases["work"], measurement.phases.get("detection", (0.0, 0.0))
    return work[0] - detection[0], work[1] - detection[1]
