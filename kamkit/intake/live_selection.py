"""What the meeting's sheet says live: how many key accounts are chosen, their share of revenue, the places left.

Formulas of the oldest kind (SUMPRODUCT, IF, MAX), so that every Excel and LibreOffice computes them while people answer;
each carries its present value for programs that compute nothing. A row without an answer follows the decision so far,
else the proposal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xlsxwriter.utility import xl_col_to_name

from kamkit.intake.input_sheets import HEADING_ROW, code_of, sheets_of, text_of, words_of


@dataclass(frozen=True)
class Live:
    """A formula and the value it has when it is written."""

    formula: str
    value: float | str


def live_figures(
    columns: Sequence[str], rows: Sequence[Mapping[str, Any]], first: int, last: int, capacity: int | None
) -> dict[str, Live]:
    """The live lines of the sheet `selection` by code.

    `columns` are its codes from column A on, `rows` its cells by code, from row `first` (counted from 1) on; new ones may be
    added down to row `last`. `capacity` is the number of accounts that can be managed, None where nobody has said so.
    """
    cells = {code: f"${xl_col_to_name(x)}${first}:${xl_col_to_name(x)}${last}" for x, code in enumerate(columns)}
    yes = {code: _is_yes(cells[code]) for code in _IN_TURN}
    answer = f'({cells["chosen"]}="")*({yes["decided"]}+({cells["decided"]}="")*({yes["proposal"]}))'
    chosen = f"{yes['chosen']}+{answer}"
    taken = [row for row in rows if is_chosen(row)]
    n, share = len(taken), sum(float(row.get("share") or 0) for row in taken)
    wanted = sum(1 for row in taken if not row.get("account_id"))
    lines = list(sheets_of()["selection"].lines)
    at = {code: f"$B${HEADING_ROW + y}" for y, code in enumerate(lines)}
    left, over = ("", "") if capacity is None else (max(0, capacity - n), max(0, n - capacity))
    known = f"ISNUMBER({at['capacity']})"
    return {
        "n_chosen": Live(f"=SUMPRODUCT({chosen})", n),
        "n_wanted": Live(f'=SUMPRODUCT(({chosen})*({cells["account_id"]}="")*({cells["new_account"]}<>""))', wanted),
        "share_chosen": Live(f"=SUMPRODUCT({chosen},{cells['share']})", share),
        "n_free": Live(f'=IF({known},MAX(0,{at["capacity"]}-{at["n_chosen"]}),"")', left),
        "n_over": Live(f'=IF({known},MAX(0,{at["n_chosen"]}-{at["capacity"]}),"")', over),
    }


_IN_TURN = ("chosen", "decided", "proposal")


def is_chosen(row: Mapping[str, Any]) -> bool:
    """Whether a row of the sheet counts as chosen: by its answer, else by the decision so far, else by the proposal."""
    answer = sheets_of()["selection"].columns["chosen"]
    for code in _IN_TURN:
        cell = row.get(code)
        if cell not in (None, ""):
            return code_of(answer, text_of(cell)) == "yes"
    return False


def _is_yes(cells: str) -> str:
    """How often a yes stands in the cells, in either language, as an array of 0 and 1."""
    return "+".join(f'({cells}="{word}")' for word in dict.fromkeys(words_of("answer")["yes"].values()))
