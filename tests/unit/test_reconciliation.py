"""Imported against stated revenue."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest

from kamkit.errors import InputError
from kamkit.intake.reconciliation import reconcile
from kamkit.model.codes import Severity
from kamkit.model.results import Finding

REVENUE = {2024: Decimal("990"), 2025: Decimal("1020.50")}


def test_within_one_percent_agrees() -> None:
    table, findings = reconcile(REVENUE, {2024: Decimal(4)}, {2024: 1000.0})
    expected = pd.DataFrame(
        {
            "fiscal_year": [2024, 2025],
            "stated": [1000.0, None],
            "imported": [990.0, 1020.5],
            "difference": [-10.0, None],
            "difference_share": [-0.01, None],
            "within_tolerance": pd.array([True, None], dtype="boolean"),
            "without_customer": [4.0, 0.0],
        }
    )
    pd.testing.assert_frame_equal(table, expected)
    assert findings == ()


def test_a_larger_difference_stops_the_import_for_every_year_at_once() -> None:
    with pytest.raises(InputError) as error:
        reconcile(REVENUE, {2025: Decimal("25.5")}, {2024: 1000.01, 2025: -5.0})
    assert str(error.value) == (
        "control_totals: 2 problems found\n"
        "- 2024: imported 990.00, stated 1,000.01: -10.01 (-1.0%), more than ±1%. "
        "Check the export, or give the reason as accept_difference\n"
        "- 2025: imported 1,020.50, stated -5.00: +1,025.50 (+20510.0%), more than ±1%; lines without a customer add up "
        "to 25.50. Check the export, or give the reason as accept_difference"
    )


def test_a_reason_lets_a_difference_pass_as_a_finding() -> None:
    table, findings = reconcile(REVENUE, {}, {2025: 2000.0}, "Bonus wird erst im März gebucht")
    assert table["within_tolerance"].tolist() == [pd.NA, False]
    assert [(f.code, f.revenue, dict(f.values)) for f in findings] == [
        ("difference_accepted", -979.5, {"year": "2025", "reason": "Bonus wird erst im März gebucht"})
    ]


def test_a_total_without_data_is_told_and_stops_nothing() -> None:
    table, findings = reconcile(REVENUE, {}, {2019: 5.0})
    assert table["fiscal_year"].tolist() == [2019, 2024, 2025]
    assert table.loc[0, ["imported", "difference"]].isna().all()
    assert findings == (Finding("control_total_unused", "transactions", Severity.INFO, values={"years": ["2019"]}),)


@pytest.mark.parametrize(("imported", "within"), [("0", True), ("0.01", False)])
def test_a_stated_zero_must_be_met_exactly(imported: str, within: bool) -> None:
    table, _ = reconcile({2025: Decimal(imported)}, {}, {2025: 0.0}, "no revenue yet")
    assert table["within_tolerance"].tolist() == [within]
    assert table["difference_share"].isna().all()
