"""Signs for and against an alarm: each planted once, with the figures of its sentence, and silent where nothing changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pandas as pd
import pytest

from kamkit.analysis.options.history import history_until
from kamkit.analysis.options.risk_signs import COLUMNS, risk_signs
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts, no_events
from kamkit.telling.language import Labels

Order = tuple[str, str, float, str]
RULES = load_option_rules().risk


def monthly(revenue: float = 100.0, item: str = "Pumpen", account: str = "X") -> Iterator[Order]:
    """An order on the 15th of every month of three years."""
    for month in pd.date_range("2023-01-15", "2025-12-15", freq=pd.DateOffset(months=1)):
        yield account, month.date().isoformat(), revenue, item


Signs = Callable[..., dict[tuple[str, str], tuple[float, float]]]


@pytest.fixture
def signs(facts_from: Callable[..., AccountFacts]) -> Signs:
    def found(
        orders: list[Order], changed: dict[str, pd.DataFrame] | None = None, **tables: pd.DataFrame
    ) -> dict[tuple[str, str], tuple[float, float]]:
        facts = replace(facts_from(orders, **tables), **(changed or {}))
        table, _ = risk_signs(history_until(facts), 3, RULES)
        assert list(table.columns) == COLUMNS
        for language, locale in (("de", "de_DE"), ("en", "en_GB")):
            labels = Labels(language, locale, "EUR")
            assert all(labels(f"risk_sign.{row.sign}", **row.values) for row in table.itertuples(index=False))
        return {(r.sign, r.side): (r.value, r.before) for r in table[table["account_id"] == "X"].itertuples()}

    return found


def days(name: str, *dates: str) -> dict[str, pd.DataFrame]:
    return {name: pd.DataFrame({"account_id": "X", "date": pd.to_datetime(list(dates))})}


def prices(**columns: list[float]) -> dict[str, pd.DataFrame]:
    """Three years of months, the last six other than those before."""
    months = pd.date_range("2023-01-01", "2025-12-01", freq="MS")
    usual = {"sold": [100.0], "credited": [0.0], "gross": [100.0], "net_of_gross": [100.0]}
    rows = {
        name: [first] * 30 + [last] * 6
        for name, (first, last) in {n: (v[0], v[-1]) for n, v in (usual | columns).items()}.items()
    }
    return {"prices": pd.DataFrame({"account_id": "X", "month": months, **rows})}


def test_an_account_as_ever_shows_nothing_for_an_alarm(signs: Signs) -> None:
    visits = [f"{year}-{month:02d}-05" for year in (2024, 2025) for month in (1, 4, 7, 10)]
    assert signs(list(monthly()), prices(), **days("interactions", *visits)) == {("growing", "against"): (600.0, 600.0)}


def test_fewer_and_smaller_orders_are_two_signs(signs: Signs) -> None:
    """Six orders of 100 in the half-year before; now two of 100, or six of 60."""
    rare = [order for order in monthly() if order[1] < "2025-07-01" or order[1][5:7] in ("09", "12")]
    found = signs(rare)
    assert found[("orders_fell", "for")] == (2.0, 6.0)
    assert found[("revenue_fell", "for")] == (200.0, 600.0)
    assert ("small_orders", "for") not in found
    small = signs([(a, d, 60.0 if d > "2025-06-30" else r, i) for a, d, r, i in monthly()])
    assert small[("small_orders", "for")] == (60.0, 100.0)
    assert ("orders_fell", "for") not in small


def test_a_silence_is_a_sign_and_a_longer_one_before_speaks_against_it(signs: Signs) -> None:
    silent = [order for order in monthly() if order[1] < "2025-08-01"]
    found = signs(silent)
    assert found[("pause", "for")] == (169.0, pytest.approx(31.0))
    assert ("usual_pause", "against") not in found
    paused = [order for order in silent if not "2024-01-01" < order[1] < "2024-07-01"]
    assert signs(paused)[("usual_pause", "against")] == (169.0, 213.0)


def test_a_season_a_project_and_an_event_speak_against_an_alarm(signs: Signs) -> None:
    summer = [order for order in monthly() if order[1][5:7] < "10"]
    assert signs(summer)[("season", "against")] == (0.0, 0.0)
    assert signs([*monthly(), ("X", "2025-03-03", 1800.0, "Anlagen")])[("one_off", "against")][0] == 0.6
    strike = pd.DataFrame(
        [
            {
                "account_id": "X",
                "start": pd.Timestamp("2025-10-01"),
                "end": pd.Timestamp("2025-11-30"),
                "reason": "Streik",
            }
        ]
    ).astype(no_events().dtypes)
    silent = [order for order in monthly() if order[1] < "2025-09-30"]
    assert signs(silent, {"events": strike})[("event", "against")] == (61.0, 107.0)


def test_categories_come_and_go(signs: Signs) -> None:
    orders = [
        *monthly(),
        *(o for o in monthly(50.0, "Filter") if o[1] < "2025-06-01"),
        ("X", "2025-11-03", 5.0, "Ventile"),
    ]
    found = signs(orders)
    assert found[("lost_items", "for")] == (1.0, 2.0)
    assert found[("new_items", "against")] == (1.0, 2.0)


def test_discounts_and_credit_notes_that_grow_are_signs(signs: Signs) -> None:
    """Discount 0 → 10 %; credited 6 · 8 ÷ 1200 = 4 % of the last year, nothing before."""
    found = signs(list(monthly()), prices(net_of_gross=[100.0, 90.0], credited=[0.0, 8.0]))
    assert found[("discount_creep", "for")] == (pytest.approx(0.1), pytest.approx(0.0))
    assert found[("credit_notes", "for")] == (pytest.approx(0.04), pytest.approx(0.0))
    assert not {sign for sign, _ in signs(list(monthly()), prices(net_of_gross=[92.0, 90.0], credited=[5.0, 8.0]))} & {
        "discount_creep",
        "credit_notes",
    }


def test_complaints_and_missing_contacts_are_signs(signs: Signs) -> None:
    found = signs(
        list(monthly()),
        **days("complaints", "2024-05-05", "2025-02-02", "2025-06-06", "2025-07-07"),
        **days("interactions", "2024-10-01", "2024-11-01", "2024-12-01", "2025-01-01"),
    )
    assert found[("complaints", "for")] == (3.0, 1.0)
    assert found[("contact_gap", "for")] == (364.0, 31.0)


def test_what_is_missing_is_named(facts_from: Callable[..., AccountFacts]) -> None:
    _, (method,) = risk_signs(history_until(facts_from(list(monthly()))), 3, RULES)
    assert method.code == "risk_signs_missing"
    assert method.values["missing"] == ("transactions.list_price", "complaints.date", "interactions.date")
    given = {**days("complaints", "2025-02-02"), **days("interactions", "2025-02-02")}
    complete = replace(facts_from(list(monthly()), **given), **prices())
    assert risk_signs(history_until(complete), 3, RULES)[1] == ()


def test_signs_end_at_the_cut_off(facts_from: Callable[..., AccountFacts]) -> None:
    known = [order for order in monthly() if order[1] <= "2025-03-31"]
    later = days("complaints", "2025-05-05", "2025-06-06")
    facts = replace(facts_from(list(monthly()), **later), **prices(credited=[0.0, 50.0]))
    then, _ = risk_signs(history_until(facts, pd.Timestamp("2025-03-31")), 3, RULES)
    alone, _ = risk_signs(history_until(facts_from(known, end="2025-03-31")), 3, RULES)
    pd.testing.assert_frame_equal(then, alone)
