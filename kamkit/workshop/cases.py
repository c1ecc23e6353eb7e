"""Teaching cases: an invented company's raw export, its engagement file and the key to the facts planted in it.

`make_case` writes a variant for any seed, so that every workshop group can get its own; `make_bundled_cases` writes
the four of `data/` again. Everything is fictitious and says so.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
import yaml

from kamkit.errors import EngagementError
from kamkit.workshop.case_answers import answer_key
from kamkit.workshop.case_bookings import simulate
from kamkit.workshop.case_customers import Customer
from kamkit.workshop.case_organisation import organisation_tables
from kamkit.workshop.case_specs import CASES, CaseSpec, Dialect, RawFile

DEFAULT_SEED = 2026
FICTITIOUS = "Fiktives Unternehmen, erfundene Daten – fictitious company, invented data"
MONEY = {"net_revenue", "cost", "margin", "plan", "actual", "revenue_target"}
"""Columns that the simulation keeps in whole cents."""
NOT_CANONICAL = {"discount_percent", "reference"}


def make_case(name: str, folder: Path, seed: int = DEFAULT_SEED) -> Path:
    """Write the teaching case `name` into `folder`: engagement.yml, raw/, answer_key.json and README.md.

    The same seed gives the same case, another seed another company of the same kind with the same facts planted in
    other customers. Returns the engagement file; raises EngagementError for a name that is no case.
    """
    if name not in CASES:
        raise EngagementError(name, [f"is no teaching case: the cases are {', '.join(CASES)}"])
    spec = CASES[name]
    customers, lines = simulate(spec, seed)
    (folder / "raw").mkdir(parents=True, exist_ok=True)
    tables = {
        **dict.fromkeys(spec.transactions, lines),
        spec.customers: _customer_frame(customers),
        **organisation_tables(spec, seed, customers, lines),
    }
    for file, frame in tables.items():
        (folder / "raw" / file.name).write_bytes(_raw_bytes(file, frame))
    texts = {
        "engagement.yml": _engagement_text(spec, lines, list(tables)),
        "answer_key.json": json.dumps(answer_key(spec, seed, customers, lines), ensure_ascii=False, indent=1) + "\n",
        "README.md": f"# {spec.client}\n\nfiktiv / fictitious: {FICTITIOUS}. Made by `kamkit.workshop.cases`, "
        f"case `{name}`, seed {seed}.\n",
    }
    for file_name, text in texts.items():
        (folder / file_name).write_text(text, encoding="utf-8", newline="\n")
    return folder / "engagement.yml"


def make_bundled_cases(data_folder: Path) -> tuple[Path, ...]:
    """Write every case with the default seed into its folder below `data_folder`."""
    return tuple(make_case(name, data_folder / name) for name in CASES)


def _customer_frame(customers: Sequence[Customer]) -> pd.DataFrame:
    """The customer master as the client keeps it; a group's own number stands in group_id or parent_id."""
    return pd.DataFrame(
        [
            {
                "customer_id": c.customer_id,
                "name": c.name,
                "postcode": c.postcode,
                "city": c.city,
                "country": "DE",
                "vat_id": c.vat_id,
                "group_id": c.group,
                "parent_id": None if c.group == c.customer_id else c.group,
                "industry_code": c.industry.code if c.industry else None,
                "industry_text": c.industry.text if c.industry else None,
                "region": c.region,
                "field_rep": c.field_rep,
                "key_label": "ja" if c.key_label else "nein",
                "kam_owner": c.kam_owner,
            }
            for c in customers
        ]
    )


def _raw_bytes(file: RawFile, frame: pd.DataFrame) -> bytes:
    """A raw file as the client's system writes it."""
    if file.year is not None:
        frame = frame[[date.year == file.year for date in frame["posting_date"]]]
    return _workbook(file, frame) if file.sheet else _text_file(file, frame)


def _text_file(file: RawFile, frame: pd.DataFrame) -> bytes:
    dialect, text = file.dialect, io.StringIO()
    writer = csv.writer(text, delimiter=dialect.delimiter, lineterminator=dialect.newline)
    writer.writerow(file.columns)
    columns = [[_written(value, name, dialect) for value in frame[name]] for name in file.columns.values()]
    writer.writerows(zip(*columns, strict=True))
    return (("\ufeff" if dialect.bom else "") + text.getvalue()).encode(dialect.encoding)


def _written(value: Any, column: str, dialect: Dialect) -> str:
    """One value as the dialect writes it: 1.234,50- and 31.12.2025."""
    if value is None or value is pd.NaT or value != value:
        return ""
    if isinstance(value, dt.date):
        return value.strftime(dialect.date)
    if isinstance(value, str):
        return value
    number = f"{abs(value) / 100:,.2f}" if column in MONEY else f"{abs(value):,}"
    number = number.replace(",", "_").replace(".", dialect.decimal).replace("_", dialect.thousands)
    if value >= 0:
        return number
    return f"{number}-" if dialect.trailing_minus else f"-{number}"


def _workbook(file: RawFile, frame: pd.DataFrame) -> bytes:
    """A workbook with title rows above the header and, where asked for, a total row below the data."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        book.set_properties({"created": dt.datetime(2026, 1, 12, 8, 0), "comments": FICTITIOUS})
        date_format, money_format = (
            book.add_format({"num_format": "dd.mm.yyyy"}),
            book.add_format({"num_format": "#,##0.00"}),
        )
        sheet, row = book.add_worksheet(file.sheet), len(file.title)
        for i, line in enumerate(file.title):
            sheet.write_string(i, 0, line)
        row += 1 if file.title else 0
        sheet.write_row(row, 0, file.columns)
        for i, (name, values) in enumerate((name, frame[name]) for name in file.columns.values()):
            for j, value in enumerate(values, start=row + 1):
                if isinstance(value, dt.date):
                    sheet.write_datetime(j, i, value, date_format)
                elif isinstance(value, str):
                    sheet.write_string(j, i, value)
                elif value is not None and value == value:
                    sheet.write_number(
                        j, i, value / 100 if name in MONEY else value, money_format if name in MONEY else None
                    )
            if file.total and name in MONEY:
                sheet.write_number(row + 1 + len(frame), i, int(values.sum()) / 100, money_format)
        if file.total:
            sheet.write_string(row + 1 + len(frame), 0, "Summe")
    return target.getvalue()


def _engagement_text(spec: CaseSpec, lines: pd.DataFrame, files: Sequence[RawFile]) -> str:
    stated = lines[lines["customer_id"] != ""]
    years = [date.year for date in stated["posting_date"]]
    totals = stated["net_revenue"].groupby(years).sum().to_dict()
    engagement: dict[str, Any] = {
        "client": spec.client,
        "language": "de",
        "currency": "EUR",
        "period": {"start": dt.date(2025, 1, 1), "end": dt.date(2025, 12, 31)},
        "supplier_industry": {"code": spec.industry_code, "version": "nace2"},
        "sources": {
            "transactions": _source(spec.transactions, spec.computed),
            "customers": _source([spec.customers], {}),
            **{file.table: _source([file], {}) for file in files if file.table},
        },
        "control_totals": {year: int(cents) / 100 for year, cents in totals.items()},
        "capacity": {"accounts": spec.capacity},
    }
    return f"# {FICTITIOUS}\n" + yaml.safe_dump(engagement, allow_unicode=True, sort_keys=False, width=120)


def _source(files: Sequence[RawFile], computed: Mapping[str, str]) -> dict[str, Any]:
    """A source of the engagement file: columns that kamkit has no name for stay unmapped."""
    paths = [f"raw/{file.name}" for file in files]
    sheet = {"sheet": files[0].sheet} if files[0].sheet else {}
    columns = {name: client for client, name in files[0].columns.items() if name not in NOT_CANONICAL}
    return {"path": paths[0] if len(paths) == 1 else paths, **sheet, "columns": {**columns, **computed}}
