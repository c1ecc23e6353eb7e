"""Which dates a ranking is about: the last year that the data cover whole, unless the engagement says otherwise."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Sequence
from itertools import pairwise

from kamkit.model.codes import Grain, Severity
from kamkit.model.engagement import Period, Source
from kamkit.model.results import Finding

LONGEST_PAUSE = 31
"""Days without a booking that a month may begin or end with and still count as covered (convention)."""


def grain_of(source: Source) -> Grain:
    """How finely the transactions are dated: by day, or by the months or years of a wide list."""
    if source.layout == "long":
        return Grain.DAY
    return Grain.MONTH if any("-" in key for key in source.periods) else Grain.YEAR


def find_period(
    dates: Sequence[dt.date], grain: Grain, fiscal_year_start: int = 1, given: Period | None = None
) -> tuple[Period, tuple[Finding, ...]]:
    """The period of the ranking, with a finding where it is not a whole fiscal year.

    `dates` are the days with a booking, ascending, at least one. A period that is given is never trimmed. Default: the
    last fiscal year that the data cover whole; else the last 12 closed months; else all days, with a finding. A month
    is closed when the days from the last booking to its end are no more than the largest pause between bookings,
    at most 31; the first month is covered likewise (convention).
    """
    if given is not None:
        return given, ()
    if grain == Grain.YEAR:
        return Period(start=months_before(dates[-1] + dt.timedelta(days=1), 12), end=dates[-1]), ()
    start, end = covered_months(dates)
    if start > end:
        return _everything(dates)
    year_end = _fiscal_year_end(end, fiscal_year_start)
    year_start = months_before(year_end + dt.timedelta(days=1), 12)
    while year_start >= start:
        if any(year_start <= date <= year_end for date in dates):
            return Period(start=year_start, end=year_end), ()
        year_end = year_start - dt.timedelta(days=1)
        year_start = months_before(year_start, 12)
    twelve = months_before(end + dt.timedelta(days=1), 12)
    if twelve >= start:
        values = {"start": twelve, "end": end}
        return Period(start=twelve, end=end), (
            Finding("period_closed_months", "transactions", Severity.INFO, values=values),
        )
    return _everything(dates)


def covered_months(dates: Sequence[dt.date]) -> tuple[dt.date, dt.date]:
    """First day of the first month and last day of the last month that bookings cover whole; start after end where no
    month is. `dates` ascending, at least one."""
    pause = min(max((int((b - a).days) for a, b in pairwise(dates)), default=0), LONGEST_PAUSE)
    first, last = dates[0], dates[-1]
    start, end = first.replace(day=1), month_end(last)
    if (first - start).days > pause:
        start = month_end(first) + dt.timedelta(days=1)
    if (end - last).days > pause:
        end = last.replace(day=1) - dt.timedelta(days=1)
    return start, end


def data_start(dates: Sequence[dt.date], grain: Grain) -> dt.date:
    """The first day from which bookings cover the time whole, or at least exist. `dates` ascending, at least one."""
    first = dates[0]
    if grain == Grain.YEAR:
        return months_before((first + dt.timedelta(days=1)).replace(day=1), 12)
    return min(first.replace(day=1) if grain == Grain.MONTH else first, covered_months(dates)[0])


def span_before(period: Period) -> Period:
    """The equally long span before a period: as many whole months where it is whole months, else as many days."""
    day_before, day_after = period.start - dt.timedelta(days=1), period.end + dt.timedelta(days=1)
    if period.start.day == day_after.day == 1:
        n_months = (day_after.year - period.start.year) * 12 + day_after.month - period.start.month
        return Period(start=months_before(period.start, n_months), end=day_before)
    return Period(start=period.start - (day_after - period.start), end=day_before)


def fiscal_year(date: dt.date, fiscal_year_start: int) -> int:
    """The fiscal year of a day, named by the calendar year in which it ends.

    >>> fiscal_year(dt.date(2025, 7, 1), 7), fiscal_year(dt.date(2025, 6, 30), 7), fiscal_year(dt.date(2025, 6, 30), 1)
    (2026, 2025, 2025)
    """
    return date.year + (fiscal_year_start > 1 and date.month >= fiscal_year_start)


def month_end(date: dt.date) -> dt.date:
    """The last day of a day's month."""
    return date.replace(day=calendar.monthrange(date.year, date.month)[1])


def months_before(first_of_month: dt.date, n: int) -> dt.date:
    """The first of a month n months earlier."""
    months = first_of_month.year * 12 + first_of_month.month - 1 - n
    return dt.date(months // 12, months % 12 + 1, 1)


def _fiscal_year_end(date: dt.date, fiscal_year_start: int) -> dt.date:
    """The last end of a fiscal year on or before the last day of a month."""
    last_month = (fiscal_year_start - 2) % 12 + 1
    year = date.year if date.month >= last_month else date.year - 1
    return month_end(dt.date(year, last_month, 1))


def _everything(dates: Sequence[dt.date]) -> tuple[Period, tuple[Finding, ...]]:
    period = Period(start=dates[0], end=dates[-1])
    values = {"start": period.start, "end": period.end}
    return period, (Finding("period_short", "transactions", Severity.WARNING, values=values),)
