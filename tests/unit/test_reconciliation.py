"""Imported against stated revenue, and what explains a difference."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from kamkit.errors import InputError
from kamkit.intake.cleaning import load_cleaning_rules
from kamkit.intake.reconciliation import Booked, Effect, Reconciled, reconcile
from kamkit.model.codes import Severity
from kamkit.model.results import Finding

LIMITS = load_cleaning_rules().reconciliation


def booked(month: str | None, revenue: str, reason: str | None = None, rows: int = 1, **changes: str) -> Booked:
    """The lines of a month, with what was set right on them."""
    date = None if month is None else dt.date.fromisoformat(f"{month}-01")
    return Booked(date, reason, rows, Decimal(revenue), {name: Decimal(change) for name, change in changes.items()})


def reconciled(lines: list[Booked], stated: dict[int, float], *more: Any, **settings: Any) -> Reconciled:
    return reconcile(lines, stated, LIMITS, *more, **settings)


def year_of(revenue: str, year: int = 2025) -> list[Booked]:
    """Twelve equal months."""
    return [booked(f"{year}-{month:02d}", str(Decimal(revenue) / 12)) for month in range(1, 13)]


LINES = [booked("2024-03", "990"), booked("2025-05", "1020.50")]


def test_within_one_percent_agrees() -> None:
    result = reconciled([*LINES, booked("2024-03", "4", "no_customer")], {2024: 1000.0})
    expected = pd.DataFrame(
        {
            "fiscal_year": [2024, 2025],
            "stated": [1000.0, None],
            "imported": [990.0, 1020.5],
            "difference": [-10.0, None],
            "difference_share": [-0.01, None],
            "within_tolerance": pd.array([True, None], dtype="boolean"),
            "without_customer": [4.0, 0.0],
            "months": [1, 1],
            "explained_by": [None, None],
            "explained_detail": [None, None],
            "explained": [None, None],
        }
    )
    pd.testing.assert_frame_equal(result.table, expected)
    assert result.findings == ()


def test_a_larger_difference_stops_the_import_for_every_year_at_once() -> None:
    with pytest.raises(InputError) as error:
        reconciled([*LINES, booked("2025-01", "25.5", "no_customer")], {2024: 1000.01, 2025: -5.0})
    assert str(error.value) == (
        "control_totals: 2 problems found\n"
        "- 2024: imported 990.00, stated 1,000.01: -10.01 (-1.0%), more than ±1%. "
        "Check the export, or give the reason as accept_difference\n"
        "- 2025: imported 1,020.50, stated -5.00: +1,025.50 (+20510.0%), more than ±1%; lines without a customer add up "
        "to 25.50. Check the export, or give the reason as accept_difference"
    )


def test_a_reason_lets_a_difference_pass_as_a_finding() -> None:
    result = reconciled(LINES, {2025: 2900.0}, accept_difference="Bonus wird erst im März gebucht")
    assert result.table["within_tolerance"].tolist() == [pd.NA, False]
    assert [(f.code, f.revenue, dict(f.values)) for f in result.findings] == [
        ("difference_accepted", -1879.5, {"year": "2025", "reason": "Bonus wird erst im März gebucht"})
    ]


def test_a_total_without_data_is_told_and_stops_nothing() -> None:
    result = reconciled(LINES, {2019: 5.0})
    assert result.table["fiscal_year"].tolist() == [2019, 2024, 2025]
    assert result.table.loc[0, ["imported", "difference"]].isna().all()
    unused = Finding("control_total_unused", "transactions", Severity.INFO, values={"years": ["2019"]})
    assert result.findings == (unused,)


@pytest.mark.parametrize(("imported", "within"), [("0", True), ("0.01", False)])
def test_a_stated_zero_must_be_met_exactly(imported: str, within: bool) -> None:
    table = reconciled([booked("2025-01", imported)], {2025: 0.0}, accept_difference="no revenue yet").table
    assert table["within_tolerance"].tolist() == [within]
    assert table["difference_share"].isna().all()


def test_the_bridge_goes_from_the_files_to_the_clients_figure() -> None:
    lines = [
        booked("2025-01", "5", "no_customer"),
        booked("2025-02", "-30", "intercompany", rows=2),
        booked("2025-01", "90", currency="-10"),
        booked("2026-01", "40", "after_period"),
        booked(None, "7", "no_date", rows=3),
    ]
    result = reconciled(lines, {2025: 90.5})
    steps = [tuple(None if pd.isna(value) else value for value in row) for row in result.bridge.to_numpy(object)]
    assert steps == [
        (2025, "in_files", 4, 75.0),
        (2025, "currency", None, -10.0),
        (2025, "no_customer", -1, -5.0),
        (2025, "intercompany", -2, 30.0),
        (2025, "imported", 1, 90.0),
        (2025, "stated", None, 90.5),
        (2025, "difference", None, -0.5),
        (2026, "in_files", 1, 40.0),
        (2026, "imported", 1, 40.0),
        (2026, "after_period", 1, 40.0),
        (None, "in_files", 3, 7.0),
        (None, "no_date", -3, -7.0),
        (None, "imported", 0, 0.0),
    ]


@pytest.mark.parametrize(
    ("lines", "stated", "more", "expected"),
    [
        ([*year_of("1200"), booked("2025-02", "90", "intercompany")], 1290, (), ("rule", "intercompany", 90.0)),
        (year_of("1200"), 1300, [Effect(2025, "reported", Decimal(100), "negative_line")], ("reported", "negative_line", 100.0)),
        ([*year_of("1200"), booked("2025-02", "-50", credit_sign="-100")], 1250, (), ("set_right", "credit_sign", 100.0)),
        (year_of("1200"), 1428, (), ("value_added_tax", "client", 228.0)),
        (year_of("1190"), 1000, (), ("value_added_tax", "export", -190.0)),
        (year_of("1200"), 1.2, (), ("thousands", "export", -1198.8)),
        (year_of("2400"), 1200, (), ("everything_twice", "export", -1200.0)),
        (year_of("1200")[:11], 1200, (), ("missing_months", "1", 100.0)),
        ([*year_of("1200", 2024)[6:], *year_of("2400")], 1800, (), ("fiscal_year_start", "7", -600.0)),
        (year_of("1200"), 1350, (), (None, None, None)),
        (year_of("1200"), 1215, [Effect(2025, "reported", Decimal(5), "one_off")], (None, None, None)),
    ],
    ids=["rule", "reported", "set_right", "tax", "gross", "thousands", "twice", "month", "fiscal_year", "unexplained", "too_little"],
)  # fmt: skip
def test_a_difference_is_explained_only_by_what_matches(
    lines: list[Booked], stated: float, more: Any, expected: tuple[Any, ...]
) -> None:
    table = reconciled(lines, {2025: stated}, accept_difference="x", more_effects=lambda: more).table
    found = table.set_index("fiscal_year").loc[2025, ["explained_by", "explained_detail", "explained"]]
    assert tuple(None if pd.isna(value) else value for value in found) == expected


def test_the_message_names_the_explanation() -> None:
    with pytest.raises(InputError) as error:
        reconciled([*year_of("1200"), booked("2025-02", "90", "intercompany")], {2025: 1290})
    assert str(error.value) == (
        "control_totals: 1 problem found\n"
        "- 2025: imported 1,200.00, stated 1,290.00: -90.00 (-7.0%), more than ±1%; would be explained by the lines "
        "removed as intercompany: +90.00. Check the export, or give the reason as accept_difference"
    )
    with pytest.raises(InputError, match=r"value added tax \(factor 1.19\): \+228.00"):
        reconciled(year_of("1200"), {2025: 1428})


def test_nothing_more_is_asked_where_all_years_agree() -> None:
    def never() -> list[Effect]:
        raise AssertionError

    assert reconciled(LINES, {2025: 1020.5}, more_effects=never).table["difference"].tolist()[1] == 0.0
