"""What a sheet of decisions says live: how many key accounts are chosen, their share of revenue, the places left.

Formulas of the oldest kind (SUMPRODUCT, IF, MAX), so that every Excel and LibreOffice computes them while people answer;
each carries its present value for programs that compute nothing. A row without an answer follows what was decided before,
else the proposal.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from xlsxwriter.utility import xl_col_to_name

from kamkit.intake.input_sheets import HEADING_ROW, code_of, is_empty, sheets_of, text_of, words_of

ANSWERS = ("chosen", "decided", "decision", "proposal")
"""Columns that say whether an account is chosen, the first one that is filled deciding."""


@dataclass(frozen=True)
class Live:
    """A formula and the value it has when it is written."""

    formula: str
    value: float | str


def live_figures(
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    first: int,
    last: int,
    capacity: int | None,
    day: dt.date | None = None,
) -> dict[str, Live]:
    """The lines of the sheet `selection` by code, as they stand above its headings or those of another sheet of decisions.

    `columns` are its codes from column A on, `rows` its cells by code, from row `first` (counted from 1) on; new ones may be
    added down to row `last`. Where there are subjects only decisions on key accounts count, and those of column `decision`
    while they are valid on the `day`. `capacity` is the number of accounts that can be managed, None where nobody has said so.
    """
    cells = {code: f"${xl_col_to_name(x)}${first}:${xl_col_to_name(x)}${last}" for x, code in enumerate(columns)}
    chosen = "0"
    for code in reversed([code for code in ANSWERS if code in cells]):
        given = f'({cells[code]}<>"")'
        if code == "decision" and day:
            until = cells["valid_until"]
            given += f'*(({until}="")+({until}>=DATE({day.year},{day.month},{day.day})))'
        chosen = f"{given}*({_is_one_of(cells[code], 'answer', 'yes')})+(1-{given})*({chosen})"
    if "subject" in cells:
        chosen = f"({chosen})*({_is_one_of(cells['subject'], 'subject', 'key_account')})"
    taken = [row for row in rows if is_chosen(row, day)]
    shares = pd.Series([row.get("share") for row in taken], dtype=float)
    n, wanted = len(taken), sum(1 for row in taken if is_empty(row.get("account_id")))
    at = {code: f"$B${HEADING_ROW + y}" for y, code in enumerate(sheets_of()["selection"].lines)}
    left, over = ("", "") if capacity is None else (max(0, capacity - n), max(0, n - capacity))
    known = f"ISNUMBER({at['capacity']})"
    return {
        "n_chosen": Live(f"=SUMPRODUCT({chosen})", n),
        "n_wanted": Live(f'=SUMPRODUCT(({chosen})*({cells["account_id"]}="")*({cells["new_account"]}<>""))', wanted),
        "share_chosen": Live(f"=SUMPRODUCT({chosen},{cells['share']})", float(shares.sum())),
        "n_free": Live(f'=IF({known},MAX(0,{at["capacity"]}-{at["n_chosen"]}),"")', left),
        "n_over": Live(f'=IF({known},MAX(0,{at["n_chosen"]}-{at["capacity"]}),"")', over),
    }


def is_chosen(row: Mapping[str, Any], day: dt.date | None = None) -> bool:
    """Whether a row of a sheet counts as chosen: by its answer, else by the decision so far, else by the proposal."""
    if row.get("subject", "key_account") != "key_account":
        return False
    for code in ANSWERS:
        over = code == "decision" and day and not is_empty(row.get("valid_until")) and row["valid_until"].date() < day
        if not is_empty(row.get(code)) and not over:
            return code_of(sheets_of()["selection"].columns["chosen"], text_of(row[code])) == "yes"
    return False


def _is_one_of(cells: str, words: str, code: str) -> str:
    """How often a word stands in the cells, in either language, as an array of 0 and 1; a spreadsheet compares without case."""
    told = {word.casefold(): word for word in words_of(words)[code].values()}
    return "+".join(f'({cells}="{word}")' for word in told.values())
