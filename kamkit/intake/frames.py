"""Tables that are small enough to be frames: fetched and checked against their schema; the master by customer."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from ibis import _
from pandera.errors import SchemaErrors

from kamkit.errors import InputError, shorten
from kamkit.intake.readers import TypedTable
from kamkit.model.codes import Severity
from kamkit.model.results import Finding
from kamkit.model.tables import TABLES, frame_schema, pandas_dtype

_DECIDE_ACCOUNTS = ("group_id", "parent_id", "is_intercompany", "is_test")
"""Columns of the customer master in which two rows of one customer must not contradict each other."""

_VALIDITY = {"valid_to": pd.Timestamp("9999-12-31"), "valid_from": pd.Timestamp("0001-01-01")}
"""The columns of a row's validity, and what they mean where they are empty."""


def checked_frame(name: str, typed: TypedTable) -> pd.DataFrame:
    """A canonical table as a frame in the dtypes of its schema, without excluded rows, totals and repeated headers.

    Raises InputError with every required value that is missing, by rows of the file.
    """
    spec = TABLES[name]
    rows = typed.table.filter(_.row_mark == "data").order_by("source_file", "source_row").to_pyarrow().to_pandas()
    columns = [column for column in spec.columns if column in rows.columns]
    frame: pd.DataFrame = rows[columns].astype({column: pandas_dtype(spec.columns[column]) for column in columns})
    if problems := [*_missing(name, frame, rows["source_row"])]:
        raise InputError(name, problems)
    return frame


def _missing(name: str, frame: pd.DataFrame, numbers: pd.Series) -> Iterator[str]:
    spec = TABLES[name]
    for one_of in spec.one_of:
        given = [column for column in sorted(one_of) if column in frame.columns]
        empty = frame[given].isna().all(axis=1)
        if empty.any():
            yield f"{' or '.join(sorted(one_of))} is empty in {_rows(numbers[empty])}: fill in one of them"
    try:
        frame_schema(name).validate(frame, lazy=True)
    except SchemaErrors as error:
        for (column, check), cases in error.failure_cases.groupby(["column", "check"], dropna=False):
            if check == "not_nullable":
                yield f"{column} is empty in {_rows(numbers[cases['index'].astype(int)])}: fill it in or delete the row"
            else:
                yield f"{column if pd.notna(column) else name}: {check} fails for {shorten(cases['failure_case'].tolist())}"


def _rows(numbers: pd.Series) -> str:
    found = sorted(int(number) for number in numbers)
    shown = ", ".join(map(str, found[:5]))
    return f"row {shown}" if len(found) == 1 else f"{len(found)} rows ({shown}{', …' if len(found) > 5 else ''})"


def one_row_per_customer(customers: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """The master with one row per customer: of several the first given value of each column, the row that is valid last
    before the others, then ordered by all of them.

    Rows may name different groups and parents at different times. Raises InputError with every customer whose rows
    contradict each other otherwise in what decides on accounts; other contradictions are a finding.
    """
    twice = customers[customers["customer_id"].duplicated(keep=False)]
    if twice.empty:
        return customers, ()
    differing = twice.groupby("customer_id").nunique().gt(1)
    validity = [column for column in _VALIDITY if column in customers.columns]
    for column in {"group_id", "parent_id"} & set(twice.columns) if validity else ():
        at_once = twice.groupby(["customer_id", *validity], dropna=False)[column].nunique().gt(1)
        differing[column] = at_once.groupby("customer_id").any()
    decisive = [column for column in _DECIDE_ACCOUNTS if column in differing.columns]
    contradicted = differing.index[differing[decisive].any(axis=1)].tolist()
    if contradicted:
        columns = [column for column in decisive if differing[column].any()]
        raise InputError(
            "customers",
            [
                f"{len(contradicted)} customer{'s' if len(contradicted) != 1 else ''} with several rows that contradict "
                f"each other in {', '.join(columns)} (customer_id {shorten(contradicted)}): keep the row that holds"
            ],
        )
    until = {column: customers[column].fillna(end) for column, end in _VALIDITY.items() if column in customers.columns}
    by = [*(f"until_{column}" for column in until), *customers.columns]
    ordered = customers.assign(**{f"until_{column}": day for column, day in until.items()})
    ordered = ordered.sort_values(by, ascending=[n >= len(until) for n in range(len(by))], na_position="last")
    single = ordered.groupby("customer_id", as_index=False, sort=True).first()[list(customers.columns)]
    unlike = differing.index[differing.any(axis=1)].tolist()
    values = {"n": int(differing.shape[0]), "differing": len(unlike)}
    severity = Severity.WARNING if unlike else Severity.INFO
    finding = Finding(
        "customer_repeated", "customers", severity, rows=len(twice), examples=tuple(differing.index[:5]), values=values
    )
    return single.astype(customers.dtypes.to_dict()), (finding,)
