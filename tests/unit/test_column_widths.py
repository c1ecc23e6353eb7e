from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamkit.deliver.column_widths import column_widths
from kamkit.telling.language import Labels
from kamkit.telling.tables import DisplayTable, display_table

LABELS = Labels("de", "de_DE", "EUR")


def table_of(names: list[str], reasons: list[str]) -> DisplayTable:
    frame = pd.DataFrame({"name": names, "revenue": [1e6] * len(names), "reason": reasons})
    return display_table(frame, "accounts", "name revenue:money reason", LABELS, most=None)


def test_a_small_table_takes_no_more_than_it_needs() -> None:
    # Lato Bold, ems: "Abc" 0.702 + 0.591 + 0.483; "1.000.000 €" 7 x 0.58 + 2 x 0.287 + 0.193 + 0.58; "Warum" as a title of 0.92
    name, revenue, reason = column_widths(table_of(["Abc"], ["Ja."]), [False] * 3, room=63)
    assert (name, revenue) == (pytest.approx(1.3 + 2.36, abs=1), pytest.approx(1.3 + 5.4, abs=0.2))
    assert name + revenue + reason < 20


def test_figures_are_never_broken_and_long_texts_share_what_is_left() -> None:
    names, reasons = ["Mustermann Maschinenbau GmbH"] * 5, ["Weil der Kunde seit drei Jahren weniger kauft. " * 6] * 5
    name, revenue, reason = column_widths(table_of(names, reasons), [False] * 3, room=63)
    assert revenue == pytest.approx(1.3 + 5.4, abs=0.2)
    assert reason > 4 * name
    assert name >= 1.3 + 6.0  # "Maschinenbau" may be hyphenated, but not below six ems


def test_one_long_name_does_not_take_the_room_of_all() -> None:
    names = ["Bau AG"] * 19 + ["Donaudampfschifffahrtsgesellschaft " * 9]
    name, _, reason = column_widths(
        table_of(names, ["Kauft seit drei Jahren weniger als zuvor. " * 6] * 20), [False] * 3, 63
    )
    assert name < 10 < reason


@given(
    st.lists(st.tuples(st.text(max_size=400), st.text(max_size=400)), max_size=6),
    st.floats(min_value=5, max_value=70),
    st.lists(st.booleans(), min_size=3, max_size=3),
)
def test_the_columns_fit_the_page(rows: list[tuple[str, str]], room: float, framed: list[bool]) -> None:
    table = table_of([name for name, _ in rows], [reason for _, reason in rows])
    widths = column_widths(table, framed[: len(table.columns)], room)
    assert len(widths) == len(table.columns)
    assert sum(widths) <= room + 1e-9
    assert all(width > 0 for width in widths)
