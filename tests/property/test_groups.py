"""Laws of group mapping: one account per customer on any day, whatever the order of the rows and the mess in them."""

from __future__ import annotations

import datetime as dt

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from kamkit.intake.groups import assign_groups, group_links
from kamkit.model.engagement import Period

IDS = list("ABCDE")
DAYS = [None, *pd.to_datetime(["2023-01-01", "2023-12-31", "2024-06-30", "2024-07-01", "2025-12-31", "9999-12-31"])]
START = dt.date(2023, 1, 1)

rows = st.tuples(
    st.sampled_from(IDS),
    st.sampled_from([None, *IDS, "X"]),
    st.sampled_from([None, None, None, "K", "A"]),
    st.sampled_from(DAYS),
    st.sampled_from(DAYS),
)
hierarchies = st.lists(rows, max_size=12)
period_ends = st.sampled_from([dt.date(2023, 12, 31), dt.date(2024, 6, 30), dt.date(2025, 12, 31)])


def links_of(found: list[tuple[object, ...]]) -> pd.DataFrame:
    columns = ["customer_id", "parent_id", "group_id", "valid_from", "valid_to"]
    frame = pd.DataFrame(found, columns=columns, dtype=object)
    kinds = dict.fromkeys(columns[:3], "string") | dict.fromkeys(columns[3:], "datetime64[us]")
    return group_links(None, frame.astype(kinds))


@settings(max_examples=25)
@given(hierarchies, period_ends, st.randoms())
def test_every_customer_ends_in_one_account_and_row_order_does_not_matter(
    found: list[tuple[object, ...]], end: dt.date, draw: object
) -> None:
    period = Period(start=START, end=end)
    ids = pd.Series(IDS, dtype="string")
    groups = assign_groups(ids, links_of(found), period=period, since=START)
    assert groups.members["customer_id"].tolist() == IDS
    assert groups.members["account_id"].notna().all()
    shuffled = list(found)
    draw.shuffle(shuffled)  # type: ignore[attr-defined]
    again = assign_groups(ids, links_of(shuffled), period=period, since=START)
    pd.testing.assert_frame_equal(again.members, groups.members)
    pd.testing.assert_frame_equal(again.as_was, groups.as_was)
    pd.testing.assert_frame_equal(again.gaps, groups.gaps)
    assert again.findings == groups.findings


@settings(max_examples=25)
@given(hierarchies, period_ends)
def test_the_spans_of_a_customer_do_not_overlap_and_say_what_held_on_each_day(
    found: list[tuple[object, ...]], end: dt.date
) -> None:
    links, ids = links_of(found), pd.Series(IDS, dtype="string")
    groups = assign_groups(ids, links, period=Period(start=START, end=end), since=START)
    for day in (START, dt.date(2024, 3, 1), dt.date(2024, 7, 1)):
        if day > end:
            continue
        then = assign_groups(ids, links, period=Period(start=START, end=day), since=START).members
        spans = groups.as_was[(groups.as_was["start"] <= day) & (groups.as_was["end"] >= day)]
        assert not spans["customer_id"].duplicated().any()
        was = dict(zip(spans["customer_id"], spans["account_was"], strict=True))
        now = dict(zip(groups.members["customer_id"], groups.members["account_id"], strict=True))
        for customer, account in zip(then["customer_id"], then["account_id"], strict=True):
            assert was.get(customer, now[customer]).removeprefix("G:") == account.removeprefix("G:")
