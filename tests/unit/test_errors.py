from __future__ import annotations

import pytest

from kamkit.errors import DeliverableError, EngagementError, InputError, KamkitError, StepError, shorten


def test_problems_are_told_together() -> None:
    error = InputError("sales.csv", ["net_revenue is not a number in 3 rows", "customer_id is empty in row 90"])
    assert str(error) == (
        "sales.csv: 2 problems found\n- net_revenue is not a number in 3 rows\n- customer_id is empty in row 90"
    )


def test_one_problem_is_singular() -> None:
    assert str(EngagementError("engagement.yml", ["client is missing"])) == (
        "engagement.yml: 1 problem found\n- client is missing"
    )


def test_step_error_says_where() -> None:
    error = StepError("02_key_accounts", "KeyError", "'revenue'", cell=4, line="accounts['revenue']")
    assert str(error) == "02_key_accounts: KeyError in cell 4: 'revenue'"


@pytest.mark.parametrize(
    ("kind", "code"), [(KamkitError, 1), (EngagementError, 2), (InputError, 2), (StepError, 1), (DeliverableError, 1)]
)
def test_exit_codes(kind: type[KamkitError], code: int) -> None:
    assert issubclass(kind, KamkitError)
    assert kind.exit_code == code


@pytest.mark.parametrize(
    ("values", "text"),
    [([], ""), ([1], "'1'"), (["a", "b", "c"], "'a', 'b', 'c'"), (["a", "b", "c", "d"], "'a', 'b', 'c', … (4 in all)")],
)
def test_shorten(values: list[object], text: str) -> None:
    assert shorten(values) == text
