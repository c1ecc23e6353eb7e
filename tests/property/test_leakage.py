"""Nothing that happens after a day changes what any option says as of that day: rows added later, what is entered into a
row later, and figures of the whole period."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kamkit.analysis.options.account_risk import assess_account_risk, risk_trials
from kamkit.analysis.options.alliance import alliance_indicators
from kamkit.analysis.options.buffer import buffer_trials
from kamkit.analysis.options.cross_selling import rank_cross_selling
from kamkit.analysis.options.dependence import dependence
from kamkit.analysis.options.early_warning import antenna_indicators, direction_trials
from kamkit.analysis.options.history import History, history_until
from kamkit.analysis.options.partnership import partnership_indicators
from kamkit.analysis.options.relationship import relationship_indicators
from kamkit.analysis.options.takeover import takeover_indicators
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts, no_events

RULES = load_option_rules()
QUICK = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
Row = tuple[Any, ...]
STEADY: list[Row] = [
    (who, month.date(), 100.0 + month.month, "I0")
    for who in ("K00", "K01")
    for month in pd.date_range("2022-01-05", "2025-12-05", freq=pd.DateOffset(months=1))
]
"""Two accounts that order every month, so that what needs years is looked at as well."""

account = st.integers(0, 11).map("K{:02d}".format)
day = st.dates(dt.date(2022, 1, 1), dt.date(2025, 12, 31))
order = st.tuples(
    account, day, st.integers(1, 50_000).map(lambda cents: cents / 4), st.integers(0, 6).map("I{}".format)
)
orders = st.lists(order, min_size=40, max_size=150)
happening = st.lists(st.tuples(account, day, st.integers(0, 2)), max_size=25)
cut = st.dates(dt.date(2024, 9, 1), dt.date(2025, 11, 30))


def tables_of(rows: list[Row], until: dt.date) -> dict[str, pd.DataFrame]:
    """Everything that an account can have done with us, of the rows up to a day; what is said at no day is said by then."""
    dated = pd.DataFrame([row for row in rows if row[1] <= until], columns=["account_id", "date", "n"])
    dated["date"] = pd.to_datetime(dated["date"])
    solved = dated["date"] + pd.to_timedelta(40 * dated["n"], unit="D")
    said = dated[["account_id"]]
    return {
        "interactions": dated.assign(own_role=dated["n"].map("role {}".format), topic="Markt"),
        "complaints": dated.assign(solved_on=solved.where(solved <= pd.Timestamp(until))),
        "contracts": said.assign(start=dated["date"], end=dated["date"] + pd.DateOffset(years=2)),
        "projects": said.assign(project_id=dated["n"].map("P{}".format), start=dated["date"], hours=len(dated) + 1.0),
        "contacts": said.assign(contact_id=dated["n"].map("C{}".format), function="Einkauf", power="Entscheider"),
        "ratings": said.assign(item="trust", value=1.0 + dated["n"]),
        "budgets": said.assign(year=dated["date"].dt.year, actual=float(len(dated))),
        "decisions": said.assign(subject="tier", decision="A", date=dated["date"], valid_until=pd.NaT),
    }


def known_by(facts_from: Callable[..., AccountFacts], sold: list[Row], done: list[Row], until: dt.date) -> AccountFacts:
    """The facts that an export of that day would have given, figures of the period from all that it holds."""
    lines = [(who, str(when), revenue, item) for who, when, revenue, item in sold if when <= until]
    facts = facts_from(lines, start="2022-01-01", **tables_of(done, until))
    accounts = facts.accounts.assign(
        margin=facts.accounts["revenue"] - len(lines),
        margin_coverage=1.0,
        wallet=10.0 * len(lines),
        contract_share=len(lines) / 1000,
        customer_class=str(len(lines)),
    )
    strike = {"account_id": pd.NA, "start": "2024-08-20", "end": min(until, dt.date(2025, 3, 1)), "reason": "Streik"}
    events = pd.DataFrame([strike]).astype(no_events().dtypes)
    return replace(facts, accounts=accounts, events=events)


def as_of(facts: AccountFacts, until: dt.date) -> History:
    return history_until(facts, until)


def assert_same(one: Any, other: Any) -> None:
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(
            one.drop(columns="values", errors="ignore").reset_index(drop=True),
            other.drop(columns="values", errors="ignore").reset_index(drop=True),
            check_dtype=False,
        )
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_same(one[name], other[name])
    else:
        assert one == other


@given(sold=orders, done=happening, until=cut)
@QUICK
def test_a_history_of_a_day_holds_nothing_of_later_days(
    facts_from: Callable[..., AccountFacts], sold: list[Row], done: list[Row], until: dt.date
) -> None:
    sold = [*STEADY, *sold]
    then, now = (as_of(known_by(facts_from, sold, done, last), until) for last in (until, dt.date(2025, 12, 31)))
    for field in fields(History):
        assert_same(getattr(then, field.name), getattr(now, field.name))


def options_of(history: History) -> dict[str, pd.DataFrame]:
    """All that the options say of a history."""
    ids = pd.Index(history.accounts["account_id"].astype(object))
    risk, _ = assess_account_risk(history, 3, RULES.risk)
    items = pd.DataFrame({"item": [], "name": []})
    white, _, _ = rank_cross_selling(history, risk, ids, items, RULES.cross_selling)
    pair = dependence(history, RULES)
    return {
        "account_risk": risk,
        "cross_selling": white,
        "relationship": relationship_indicators(history),
        "antenna": antenna_indicators(history, RULES.antenna, ids),
        "alliance": alliance_indicators(history, pair),
        "partnership": partnership_indicators(history, pair, RULES.upgrade),
        "takeover": takeover_indicators(history, pair),
    }


@given(sold=orders, done=happening, until=cut)
@QUICK
def test_no_option_says_anything_else_for_what_came_later(
    facts_from: Callable[..., AccountFacts], sold: list[Row], done: list[Row], until: dt.date
) -> None:
    sold = [*STEADY, *sold]
    then, now = (as_of(known_by(facts_from, sold, done, last), until) for last in (until, dt.date(2025, 12, 31)))
    assert_same(options_of(then), options_of(now))


@given(sold=orders, until=cut)
@QUICK
def test_no_score_of_a_trial_knows_its_outcome(
    facts_from: Callable[..., AccountFacts], sold: list[Row], until: dt.date
) -> None:
    """Orders after the cut-off are replaced by none at all but one at the very end, which keeps the window closed."""
    sold = [*STEADY, *sold]
    then = [row for row in sold if row[1] <= until]
    frames = [
        risk_trials(
            history_until(known_by(facts_from, rows, [], dt.date(2025, 12, 31))), [pd.Timestamp(until)], 1, RULES.risk
        )
        for rows in (then, sold)
    ]
    said = [frame.drop(columns=["event", "amount"]) for frame in frames]
    pd.testing.assert_frame_equal(*said)


def market(seed: int, lead: int = 3) -> list[Row]:
    """Six years of a market in which three of twelve accounts run three months ahead."""
    rng = np.random.default_rng(seed)
    months = pd.date_range("2020-01-10", "2025-12-10", freq=pd.DateOffset(months=1))
    course = np.cumsum(rng.normal(0, 0.12, len(months) + lead))
    rows: list[Row] = []
    for i in range(12):
        own = course[lead:] if i < 3 else course[: len(months)]
        amounts = 1000 * np.exp(own + rng.normal(0, 0.03, len(months)))
        rows += [(f"K{i:02d}", day.date(), float(v), "I0") for day, v in zip(months, amounts, strict=True)]
    return rows


def turned(sold: list[Row], after: dt.date) -> list[Row]:
    """The same until a day, and something else from then on."""
    return [
        (who, day, revenue if day <= after else 3000 - revenue / 2 + 40 * day.month, item)
        for who, day, revenue, item in sold
    ]


def test_no_forecast_of_a_direction_knows_its_outcome(facts_from: Callable[..., AccountFacts]) -> None:
    after, sold = dt.date(2024, 6, 30), market(seed=1)
    ids = pd.Index([f"K{i:02d}" for i in range(12)], dtype=object)
    said, other = (
        direction_trials(
            history_until(facts_from([(a, str(d), v, i) for a, d, v, i in rows], start="2020-01-01")), RULES, ids
        )
        for rows in (sold, turned(sold, after))
    )
    known = [frame[frame["cut_off"] <= pd.Timestamp(after)].drop(columns=["event"]) for frame in (said, other)]
    assert len(known[0])
    pd.testing.assert_frame_equal(*known)


def test_no_relationship_before_a_shock_knows_what_came_after(facts_from: Callable[..., AccountFacts]) -> None:
    after, sold = dt.date(2024, 6, 30), market(seed=2)
    complaints = pd.DataFrame(
        {"account_id": [f"K{i:02d}" for i in range(6)], "date": pd.Timestamp("2024-07-04"), "severity": "hoch"}
    )
    key = ["task", "cut_off", "account_id"]
    said, other = (
        buffer_trials(
            history_until(
                facts_from([(a, str(d), v, i) for a, d, v, i in rows], start="2020-01-01", complaints=complaints)
            ),
            RULES,
        ).set_index(key)
        for rows in (sold, turned(sold, after))
    )
    both = said.index.intersection(other.index)
    assert len(both) >= 6
    known = [frame.loc[both].drop(columns=["event", "population"]) for frame in (said, other)]
    pd.testing.assert_frame_equal(*known)


def test_the_leak_test_would_find_a_leak(facts_from: Callable[..., AccountFacts]) -> None:
    sold: list[Row] = [("K00", dt.date(2024, 1, 3) + dt.timedelta(days=9 * i), 10.0, "I0") for i in range(70)]
    now = history_until(known_by(facts_from, sold, [], dt.date(2025, 12, 31)))
    then = history_until(known_by(facts_from, sold, [], dt.date(2025, 3, 1)), dt.date(2025, 3, 1))
    with pytest.raises(AssertionError):
        assert_same(then.accounts, now.accounts)
    assert np.isnan(then.accounts["wallet"].astype(float)).all()
