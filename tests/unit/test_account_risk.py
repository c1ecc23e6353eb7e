"""Who is at risk: the planted cases of a workshop, each with the answer a sales manager would give."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace

import pandas as pd
import pytest

from kamkit.analysis.options.account_risk import TRIAL_COLUMNS, assess_account_risk, risk_trials
from kamkit.analysis.options.events import days_in_events
from kamkit.analysis.options.history import history_until
from kamkit.analysis.options.purchasing import compare_purchases
from kamkit.model.codes import Grain
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts, no_events

Order = tuple[str, str, float, str]
RULES = load_option_rules().risk


def every(
    account: str, days: int, start: str = "2023-01-10", end: str = "2025-12-31", revenue: float = 100.0
) -> Iterator[Order]:
    for day in pd.date_range(start, end, freq=f"{days}D"):
        yield account, day.date().isoformat(), revenue, "Pumpen"


def portfolio() -> list[Order]:
    """Twelve ordinary accounts with rhythms from one to six weeks, so that there is something to compare with."""
    return [order for i in range(12) for order in every(f"P{i:02d}", 7 + 3 * i, f"2023-01-{3 + i:02d}")]


def event(start: str, end: str, *account_ids: str, reason: str = "Streik") -> pd.DataFrame:
    """A window of an event; without accounts it concerns all."""
    days = {"start": pd.Timestamp(start), "end": pd.Timestamp(end), "reason": reason}
    return pd.DataFrame([{"account_id": i, **days} for i in account_ids or (pd.NA,)]).astype(no_events().dtypes)


@pytest.fixture
def risk_of(facts_from: Callable[..., AccountFacts]) -> Callable[..., pd.Series]:
    def risk(orders: list[Order], account: str = "X", events: pd.DataFrame | None = None, **settings: str) -> pd.Series:
        facts = facts_from([*portfolio(), *orders], **settings)
        history = history_until(replace(facts, events=no_events() if events is None else events))
        table, _ = assess_account_risk(history, 3, RULES)
        return table.set_index("account_id").loc[account]

    return risk


def test_a_silent_churner_is_red(risk_of: Callable[..., pd.Series]) -> None:
    found = risk_of(list(every("X", 14, end="2025-09-20")))
    assert (found["level"], found["evidence"], found["eligible"]) == ("red", "risk_silent", True)
    assert found["days_since_last"] == 106
    assert found["revenue_at_risk"] == 1900.0  # nineteen orders of 100 since 1 January


def test_a_probability_is_shown_only_where_the_model_says_something(facts_from: Callable[..., AccountFacts]) -> None:
    facts = facts_from([*portfolio(), ("ONCE", "2025-11-03", 900.0, "Pumpen"), *every("X", 14, end="2025-09-20")])
    contract = facts.accounts["account_id"].eq("P03").map({True: 0.9, False: 0.0})
    facts = replace(facts, accounts=facts.accounts.assign(contract_share=contract))
    table = assess_account_risk(history_until(facts), 3, RULES)[0].set_index("account_id")
    # one order: the model takes it for alive whatever happens; nine tenths under contract: orders are not random
    assert (
        table.index[table["p_alive"].isna()].tolist()
        == ["ONCE", "P03"]
        == table.index[table["p_silent"].isna()].tolist()
    )
    shown = table.dropna(subset=["p_alive"])
    assert shown["p_alive"].between(0, 1).all()
    assert (shown["p_silent"] >= 1 - shown["p_alive"]).all()
    assert shown["p_alive"].idxmin() == "X"
    few = assess_account_risk(history_until(facts_from(list(every("X", 30)))), 3, RULES)[0]
    assert few[["p_alive", "p_silent"]].isna().all(axis=None)


def test_a_seasonal_buyer_raises_no_alarm(risk_of: Callable[..., pd.Series]) -> None:
    seasons = [order for year in (2023, 2024, 2025) for order in every("X", 14, f"{year}-03-01", f"{year}-08-31")]
    found = risk_of(seasons)
    assert (found["level"], found["evidence"]) == ("green", "risk_usual_pause")
    assert found["revenue_at_risk"] == 0.0


def test_the_end_of_a_project_is_no_churn(risk_of: Callable[..., pd.Series]) -> None:
    orders = [*every("X", 30), ("X", "2024-09-10", 50_000.0, "Anlagen")]
    found = risk_of(orders)
    assert found["level"] == "green"
    assert found["revenue_change"] < -0.9  # the plain comparison would have rung the bell


def test_a_large_order_of_the_year_is_named_not_alarmed(risk_of: Callable[..., pd.Series]) -> None:
    found = risk_of([*every("X", 30), ("X", "2025-05-10", 50_000.0, "Anlagen")])
    assert (found["level"], found["evidence"]) == ("green", "risk_one_off")
    assert found["risk_score"] > 0.5


def test_an_account_that_halves_is_red_and_one_that_slackens_is_amber(risk_of: Callable[..., pd.Series]) -> None:
    def slackening(factor: float) -> list[Order]:
        return [*every("X", 14, end="2025-06-30"), *every("X", 14, "2025-07-01", revenue=100 * factor)]

    halved, weaker, steady = (risk_of(slackening(factor)) for factor in (0.4, 0.65, 0.9))
    assert (halved["level"], halved["evidence"]) == ("red", "risk_halved")
    assert (weaker["level"], weaker["evidence"]) == ("amber", "risk_weaker")
    assert steady["level"] == "green"
    assert 0 < halved["revenue_at_risk"] < halved["values"]["revenue"]  # it still buys
    assert weaker["values"]["change"] == pytest.approx(-0.35, abs=0.06)
    assert weaker["revenue_at_risk"] == pytest.approx(weaker["values"]["revenue"] * -weaker["values"]["change"])


def test_without_the_same_months_of_last_year_nothing_is_red(risk_of: Callable[..., pd.Series]) -> None:
    found = risk_of(list(every("X", 14, "2025-01-10", "2025-08-20")), start="2025-01-01")
    assert (found["level"], found["evidence"], found["eligible"]) == ("amber", "risk_overdue", False)
    assert pd.isna(found["revenue_change"])


def test_few_orders_make_no_claim_but_a_score(risk_of: Callable[..., pd.Series]) -> None:
    found = risk_of([("X", "2025-02-03", 900.0, "Pumpen")])
    assert (found["level"], found["evidence"], found["eligible"]) == ("green", "risk_few_orders", False)
    assert 0 <= found["risk_score"] <= 1
    assert "alive" not in " ".join(found["values"])


def test_the_own_rhythm_is_shrunk_to_the_portfolio(facts_from: Callable[..., AccountFacts]) -> None:
    orders = [
        *every("A", 10, "2025-11-01"),
        ("B", "2025-01-01", 1.0, "x"),
        ("B", "2025-04-11", 1.0, "x"),
        ("C", "2025-06-01", 1.0, "x"),
    ]
    signs = compare_purchases(history_until(facts_from(orders)), 3, RULES)
    # medians 10 (A, six intervals) and 100 (B, one): the portfolio's is 55
    assert signs["own_interval"].to_dict() == pytest.approx(
        {"A": (10 * 6 + 3 * 55) / 9, "B": (100 * 1 + 3 * 55) / 4, "C": 55.0}
    )


def test_every_account_with_revenue_in_the_last_year_has_a_row(facts_from: Callable[..., AccountFacts]) -> None:
    orders = [*portfolio(), ("OLD", "2024-12-30", 5.0, "x"), ("NEW", "2025-12-31", 5.0, "x")]
    table, (method,) = assess_account_risk(history_until(facts_from(orders)), 3, RULES)
    assert set(table["account_id"]) == {f"P{i:02d}" for i in range(12)} | {"NEW"}
    assert table["risk_score"].notna().all()
    assert method.code == "risk_silence"


def test_too_few_rhythms_are_ranked_by_recency(facts_from: Callable[..., AccountFacts]) -> None:
    orders = [("A", "2025-03-01", 10.0, "x"), ("B", "2025-12-01", 10.0, "x")]
    table, (method,) = assess_account_risk(history_until(facts_from(orders)), 3, RULES)
    assert method.code == "risk_recency"
    assert table.set_index("account_id")["risk_score"].idxmax() == "A"


def test_a_silence_inside_an_events_window_raises_no_alarm(risk_of: Callable[..., pd.Series]) -> None:
    silent = list(every("X", 14, end="2025-09-20"))
    found = risk_of(silent, events=event("2025-09-21", "2025-12-31", "X"))
    assert (found["level"], found["evidence"], found["revenue_at_risk"]) == ("green", "risk_event", 0.0)
    assert found["days_since_last"] == 106  # figures stay as they are
    told = {name: found["values"][name] for name in ("event", "start", "end")}
    assert told == {"event": "Streik", "start": dt.date(2025, 9, 21), "end": dt.date(2025, 12, 31)}
    assert risk_of(silent, events=event("2025-09-21", "2025-12-31"))["level"] == "green"  # all customers concerned
    assert risk_of(silent, events=event("2025-09-21", "2025-12-31", "P00"))["level"] == "red"  # another one


def test_a_silence_that_outlasts_the_event_stays_an_alarm(risk_of: Callable[..., pd.Series]) -> None:
    """Last order on 16 September, strike to the end of October: 61 days of silence remain, where 14 are usual."""
    found = risk_of(list(every("X", 14, end="2025-09-20")), events=event("2025-09-20", "2025-10-31", "X"))
    assert (found["level"], found["evidence"]) == ("red", "risk_silent")


def test_a_fall_inside_an_events_window_raises_no_alarm(risk_of: Callable[..., pd.Series]) -> None:
    """100 every week, 10 from August to November: the strike explains it, unless it ends with August."""
    low = [*every("X", 7, end="2025-07-31"), *every("X", 7, "2025-08-05", "2025-11-30", 10.0)]
    orders = [*low, *every("X", 7, "2025-12-02")]
    assert risk_of(orders)["level"] == "red"
    found = risk_of(orders, events=event("2025-08-01", "2025-11-30", "X"))
    assert (found["level"], found["evidence"]) == ("green", "risk_event")
    assert risk_of(orders, events=event("2025-08-01", "2025-08-31", "X"))["evidence"] == "risk_halved"


def test_withheld_alarms_are_disclosed(facts_from: Callable[..., AccountFacts]) -> None:
    facts = facts_from([*portfolio(), *every("X", 14, end="2025-09-20")])
    history = history_until(replace(facts, events=event("2025-09-21", "2026-01-31", "X")))
    _, (_, withheld) = assess_account_risk(history, 3, RULES)
    assert (withheld.code, withheld.rows, withheld.values) == ("risk_events", 1, {"n": 1})


def test_days_in_windows_that_overlap_count_once(facts_from: Callable[..., AccountFacts]) -> None:
    windows = [("2025-03-01", "2025-03-10"), ("2025-03-05", "2025-03-20"), ("2025-05-01", "2025-05-02")]
    events = pd.concat([event(start, end) for start, end in windows], ignore_index=True)
    history = history_until(replace(facts_from(portfolio()), events=events))
    last = pd.Series(pd.to_datetime(["2025-02-01", "2025-03-04", "2025-05-01", "2025-06-01"]), index=list("ABCD"))
    assert days_in_events(history, last).to_dict() == {"A": 22, "B": 18, "C": 1, "D": 0}


@pytest.mark.parametrize("grain", [Grain.MONTH, Grain.YEAR])
def test_lists_without_days_are_judged_by_the_change_of_revenue(
    facts_from: Callable[..., AccountFacts], grain: Grain
) -> None:
    falling = [
        ("A", f"{year}-{month:02d}-15", 100.0 if year < 2025 else 30.0, "x")
        for year in (2024, 2025)
        for month in range(1, 13)
    ]
    rising = [("B", f"{year}-{month:02d}-15", 100.0, "x") for year in (2024, 2025) for month in range(1, 13)]
    facts = facts_from([*falling, *rising], start="2024-01-01")
    months = facts.months
    if grain is Grain.YEAR:
        months = months.assign(month=[pd.Timestamp(month.year, 12, 1) for month in months["month"]])
        months = months.groupby(["account_id", "month"], as_index=False)["revenue"].sum()
    facts = AccountFacts(
        **{
            **vars(facts),
            "grain": grain,
            "months": months,
            "orders": facts.orders.head(0),
            "purchases": facts.purchases.head(0),
        }
    )
    table, (method,) = assess_account_risk(history_until(facts), 3, RULES)
    table = table.set_index("account_id")
    assert method.code == {"month": "risk_months", "year": "risk_years"}[grain]
    assert table["level"].to_dict() == {"A": {"month": "red", "year": "amber"}[grain], "B": "green"}
    assert table["risk_score"].idxmax() == "A"
    assert table["days_since_last"].isna().all()
    assert not table["eligible"].any()
    struck = history_until(replace(facts, events=event("2025-06-01", "2025-12-31", "A")))
    assert assess_account_risk(struck, 3, RULES)[0]["evidence"].tolist()[0] == "risk_event"


@pytest.fixture
def trials_of(facts_from: Callable[..., AccountFacts]) -> Callable[..., pd.DataFrame]:
    def trials(orders: list[Order], *cut_offs: str) -> pd.DataFrame:
        history = history_until(facts_from([*portfolio(), *orders]))
        return risk_trials(history, [pd.Timestamp(day) for day in cut_offs], 3, RULES)

    return trials


def test_a_trial_knows_the_past_and_is_judged_by_the_window_after(trials_of: Callable[..., pd.DataFrame]) -> None:
    """X buys 100 a month and stops with June; Y halves from July on; Z bought once, nine months before the cut-off."""
    orders = [
        *(("X", f"{year}-{month:02d}-15", 100.0, "x") for year in (2024, 2025) for month in range(1, 13)),
        *(("Y", f"{year}-{month:02d}-15", 100.0, "x") for year in (2024, 2025) for month in range(1, 13)),
        ("Z", "2024-09-30", 5000.0, "x"),
    ]
    orders = [o for o in orders if not (o[0] == "X" and o[1] > "2025-06-30")]
    orders = [(a, d, 40.0 if a == "Y" and d > "2025-06-30" else v, i) for a, d, v, i in orders]
    found = trials_of(orders, "2025-06-30")
    assert list(found.columns) == TRIAL_COLUMNS
    assert set(found["cut_off"]) == {pd.Timestamp("2025-06-30")}
    active = found[found["population"] == "active_26_weeks"].set_index(["task", "account_id"])
    assert not active.loc["risk_stop"]["event"].drop("X").any()
    assert active.loc["risk_stop"]["event"]["X"]
    assert active.loc["risk_fall"].index[active.loc["risk_fall"]["event"]].tolist() == ["X", "Y"]
    assert active.loc[("risk_fall", "X"), "amount"] == pytest.approx(300.0)
    assert active.loc[("risk_fall", "Y"), "amount"] == pytest.approx(300.0 - 120.0)
    x = active.loc[("risk_stop", "X")]
    assert (x["baseline_account_size"], x["baseline_small_accounts"], x["baseline_recency"]) == (1200.0, -1200.0, 15.0)
    assert x["baseline_gap_ratio"] == 15 / 31
    assert x["baseline_previous_quarter"] == 0.0
    # a key account by its one order of nine months ago, though it has not ordered in 26 weeks
    keys = found[(found["population"] == "key_accounts") & (found["task"] == "risk_stop")].set_index("account_id")
    assert keys.loc["Z", "event"]
    assert "Z" not in active.loc["risk_stop"].index


def test_the_window_begins_on_the_day_after_the_cut_off(trials_of: Callable[..., pd.DataFrame]) -> None:
    """February ends on the 28th, the three months after it on 31 May: orders on both last days, one of them inside."""
    last_day = trials_of([("X", "2025-02-28", 90.0, "x")], "2025-02-28")
    in_window = trials_of([("X", "2025-02-27", 90.0, "x"), ("X", "2025-05-31", 90.0, "x")], "2025-02-28")
    stops = [t[(t["task"] == "risk_stop") & (t["account_id"] == "X")]["event"].all() for t in (last_day, in_window)]
    assert stops == [True, False]


def test_trials_are_numbers_whatever_the_past_of_an_account(trials_of: Callable[..., pd.DataFrame]) -> None:
    orders = [("ONCE", "2025-06-29", 50.0, "x"), ("NEW", "2025-05-01", 10.0, "x"), ("NEW", "2025-05-02", 10.0, "x")]
    found = trials_of(orders, "2025-03-31", "2025-06-30", "2025-10-31")
    assert found["cut_off"].drop_duplicates().tolist() == [pd.Timestamp("2025-03-31"), pd.Timestamp("2025-06-30")]
    numbers = found.drop(columns=["task", "cut_off", "population", "account_id", "event"])
    assert numbers.notna().all(axis=None)
    assert found["event"].dtype == bool
    assert not found.duplicated(["task", "cut_off", "population", "account_id"]).any()


def test_what_comes_after_the_window_changes_no_trial(trials_of: Callable[..., pd.DataFrame]) -> None:
    later = [*every("X", 3, "2025-10-01", revenue=9999.0), ("NEW", "2025-11-11", 1.0, "x")]
    before = list(every("X", 14, end="2025-07-10"))
    pd.testing.assert_frame_equal(trials_of(before, "2025-06-30"), trials_of([*before, *later], "2025-06-30"))


def test_there_are_no_trials_without_days_or_without_a_closed_window(
    facts_from: Callable[..., AccountFacts], trials_of: Callable[..., pd.DataFrame]
) -> None:
    assert trials_of([], "2025-10-01").empty
    facts = facts_from(portfolio())
    monthly = history_until(replace(facts, grain=Grain.MONTH, orders=facts.orders.head(0)))
    found = risk_trials(monthly, [pd.Timestamp("2025-06-30")], 3, RULES)
    assert (found.empty, list(found.columns)) == (True, TRIAL_COLUMNS)
