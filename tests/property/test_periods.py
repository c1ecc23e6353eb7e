"""Which dates a ranking is about, for data of any length and fiscal years that start in any month."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from kamkit.intake.periods import find_period, fiscal_year, month_end, months_before, span_before
from kamkit.model.codes import Grain
from kamkit.model.engagement import Period

DAYS = st.dates(dt.date(2019, 1, 1), dt.date(2022, 12, 31))
START_MONTHS = st.integers(1, 12)


def every_day(first: dt.date, last: dt.date) -> list[dt.date]:
    return [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]


def whole_years(first: dt.date, last: dt.date, start_month: int) -> list[Period]:
    """All fiscal years inside a range, by brute force."""
    starts = [dt.date(year, start_month, 1) for year in range(first.year - 1, last.year + 1)]
    years = [
        Period(start=start, end=dt.date(start.year + 1, start_month, 1) - dt.timedelta(days=1)) for start in starts
    ]
    return [year for year in years if first <= year.start and year.end <= last]


@given(first=DAYS, n_days=st.integers(0, 1500), start_month=START_MONTHS)
def test_the_last_whole_fiscal_year_else_twelve_closed_months_else_everything(
    first: dt.date, n_days: int, start_month: int
) -> None:
    last = first + dt.timedelta(days=n_days)
    period, findings = find_period(every_day(first, last), Grain.DAY, start_month)
    closed_start = first.replace(day=1) if first.day <= 2 else month_end(first) + dt.timedelta(days=1)
    closed_end = month_end(last) if (month_end(last) - last).days <= 1 else last.replace(day=1) - dt.timedelta(days=1)
    codes = [finding.code for finding in findings]
    if years := whole_years(closed_start, closed_end, start_month):
        assert (period, codes) == (years[-1], [])
    elif months_before(closed_end + dt.timedelta(days=1), 12) >= closed_start:
        twelve = Period(start=months_before(closed_end + dt.timedelta(days=1), 12), end=closed_end)
        assert (period, codes) == (twelve, ["period_closed_months"])
    else:
        assert (period, codes) == (Period(start=first, end=last), ["period_short"])


@given(day=DAYS, start_month=START_MONTHS)
def test_a_fiscal_year_holds_a_day_in_exactly_one_year(day: dt.date, start_month: int) -> None:
    year = fiscal_year(day, start_month)
    end = dt.date(year, start_month, 1) if start_month > 1 else dt.date(year + 1, 1, 1)
    assert months_before(end, 12) <= day < end


@given(day=DAYS, n_months=st.integers(1, 24))
def test_the_span_before_has_as_many_months_and_ends_the_day_before(day: dt.date, n_months: int) -> None:
    end = day.replace(day=1) - dt.timedelta(days=1)
    period = Period(start=months_before(day.replace(day=1), n_months), end=end)
    before = span_before(period)
    assert before.end == period.start - dt.timedelta(days=1)
    assert before.start == months_before(period.start, n_months)
