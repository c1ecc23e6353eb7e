"""Which dates a ranking is about."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from kamkit.intake.periods import covered_months, find_period, fiscal_year, grain_of, span_before
from kamkit.model.codes import Grain, Severity
from kamkit.model.engagement import Period, Source
from kamkit.model.results import Finding


def days(first: str, last: str, every: int = 1) -> list[dt.date]:
    """Booking days from the first to the last, which is always one of them."""
    start, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    found = {start + dt.timedelta(days=n) for n in range(0, (end - start).days + 1, every)}
    return sorted(found | {end})


def period(start: str, end: str) -> Period:
    return Period(start=dt.date.fromisoformat(start), end=dt.date.fromisoformat(end))


@pytest.mark.parametrize(
    ("dates", "start_month", "expected"),
    [
        (days("2023-01-02", "2025-12-30", 3), 1, period("2025-01-01", "2025-12-31")),
        (days("2023-01-02", "2025-11-28", 3), 1, period("2024-01-01", "2024-12-31")),
        (days("2023-07-01", "2025-06-30"), 7, period("2024-07-01", "2025-06-30")),
        (days("2023-01-02", "2025-12-30", 3), 10, period("2024-10-01", "2025-09-30")),
        (days("2024-01-01", "2025-12-31"), 3, period("2024-03-01", "2025-02-28")),
    ],
    ids=["last_year", "year_not_closed", "own_fiscal_year", "fiscal_year_before_last", "ends_in_february"],
)
def test_the_last_fiscal_year_covered_whole(dates: list[dt.date], start_month: int, expected: Period) -> None:
    assert find_period(dates, Grain.DAY, start_month) == (expected, ())


def test_twelve_closed_months_where_no_fiscal_year_is_whole() -> None:
    found, findings = find_period(days("2024-03-01", "2025-09-15"), Grain.DAY)
    assert found == period("2024-09-01", "2025-08-31")
    values = {"start": found.start, "end": found.end}
    assert findings == (Finding("period_closed_months", "transactions", Severity.INFO, values=values),)


def test_everything_where_less_than_twelve_months_are_covered() -> None:
    found, findings = find_period(days("2025-03-10", "2025-09-15"), Grain.DAY)
    assert found == period("2025-03-10", "2025-09-15")
    values = {"start": found.start, "end": found.end}
    assert findings == (Finding("period_short", "transactions", Severity.WARNING, values=values),)


def test_a_single_day_is_its_own_period() -> None:
    assert find_period([dt.date(2025, 3, 10)], Grain.DAY)[0] == period("2025-03-10", "2025-03-10")


def test_a_date_far_in_the_future_is_not_the_last_year() -> None:
    dates = [*days("2024-01-01", "2025-12-31", 2), dt.date(2205, 3, 31)]
    assert find_period(dates, Grain.DAY) == (period("2025-01-01", "2025-12-31"), ())


def test_a_given_period_is_never_trimmed() -> None:
    given = period("2020-02-03", "2030-04-05")
    assert find_period(days("2025-01-01", "2025-02-01"), Grain.DAY, 1, given) == (given, ())


def test_a_wide_list_by_year_gives_its_last_year() -> None:
    dates = [dt.date(2024, 6, 30), dt.date(2025, 6, 30)]
    assert find_period(dates, Grain.YEAR, 7) == (period("2024-07-01", "2025-06-30"), ())


def test_a_wide_list_by_month_gives_its_last_whole_year() -> None:
    dates = [dt.date(2024, m, 28) for m in range(1, 13)] + [dt.date(2025, 1, 31)]
    assert find_period(dates, Grain.MONTH) == (period("2024-01-01", "2024-12-31"), ())


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["2025-01-04", "2025-01-08", "2025-02-24"], ("2025-01-01", "2025-02-28")),
        (["2025-01-06", "2025-01-08", "2025-01-10"], ("2025-02-01", "2024-12-31")),
        (["2025-01-01", "2025-06-01"], ("2025-01-01", "2025-06-30")),
    ],
    ids=["within_the_usual_pause", "outside_it", "pause_capped_at_31_days"],
)
def test_covered_months(dates: list[str], expected: tuple[str, str]) -> None:
    start, end = covered_months([dt.date.fromisoformat(date) for date in dates])
    assert (start.isoformat(), end.isoformat()) == expected


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (("2024-01-01", "2024-12-31"), ("2023-01-01", "2023-12-31")),
        (("2024-03-01", "2024-04-30"), ("2024-01-01", "2024-02-29")),
        (("2024-03-05", "2024-03-14"), ("2024-02-24", "2024-03-04")),
    ],
    ids=["leap_year", "months", "days"],
)
def test_the_span_before(now: tuple[str, str], before: tuple[str, str]) -> None:
    assert span_before(period(*now)) == period(*before)


@pytest.mark.parametrize(
    ("source", "grain"),
    [
        ({"path": "a.csv"}, Grain.DAY),
        ({"path": "a.csv", "layout": "wide", "periods": {"2025": "U"}}, Grain.YEAR),
        ({"path": "a.csv", "layout": "wide", "periods": {"2025-01": "U"}}, Grain.MONTH),
    ],
)
def test_the_grain_of_a_source(source: dict[str, Any], grain: Grain) -> None:
    assert grain_of(Source(**source)) == grain


def test_a_fiscal_year_is_named_by_the_year_in_which_it_ends() -> None:
    assert [fiscal_year(dt.date(2025, month, 1), 10) for month in (1, 9, 10, 12)] == [2025, 2025, 2026, 2026]
