"""Pilots: who starts, who waits, and what so few accounts can show."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from kamkit.analysis.options.history import History, history_until
from kamkit.analysis.options.pilot import _detectable, propose_pilots
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts
from kamkit.telling.language import Labels
from kamkit.telling.option_studies import pilot_sentences

RULES = load_option_rules().pilot
TODAY = dt.date(2026, 1, 14)
NOBODY = pd.Index([], dtype=object)
IDS = [f"K{i:02d}" for i in range(13)]
Proposed = tuple[pd.DataFrame, pd.DataFrame]


@pytest.fixture
def history(facts_from: Callable[..., AccountFacts]) -> History:
    """Thirteen accounts whose half-years rise and fall by turns, the first ones larger; K00 buys a new item in 2025."""
    months = pd.period_range("2023-01", "2025-12", freq="M")
    orders = [
        (account, f"{month}-05", (100.0 - i) * (2.0 if (month.year + i) % 2 else 1.0), "Pumpe")
        for i, account in enumerate(IDS)
        for month in months
    ]
    return history_until(facts_from([*orders, ("K00", "2025-03-03", 1.0, "Ventil")]))


def advice(option: str, ids: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"account_id": ids, "recommended_option": option})


def propose(history: History, recommendations: pd.DataFrame, at_high_risk: pd.Index = NOBODY) -> Proposed:
    return propose_pilots(recommendations, history, pd.Index(IDS), at_high_risk, RULES, TODAY)


def test_neighbours_in_size_are_paired_and_one_of_them_waits(history: History) -> None:
    pilots, arms = propose(history, advice("relationship", IDS))
    row = pilots.iloc[0]
    assert row[["option", "n_accounts", "n_pilot", "n_hold_out", "n_compared", "measure", "months"]].tolist() == [
        *("relationship", 13, 7, 6, 7, "revenue_change", 6)
    ]
    assert row["start"] == dt.date(2026, 2, 1)
    size = history.yearly_revenue
    by_size = arms.assign(size=arms["account_id"].map(size)).sort_values("size", ascending=False)["arm"].tolist()
    assert all({*by_size[i : i + 2]} == {"pilot", "hold_out"} for i in range(0, 12, 2))
    assert by_size[12] == "pilot"


def test_the_order_of_rows_decides_nothing(history: History) -> None:
    _, arms = propose(history, advice("relationship", IDS))
    _, again = propose(history, advice("relationship", IDS[::-1]))
    pd.testing.assert_frame_equal(arms, again)


def test_nobody_at_high_risk_waits(history: History) -> None:
    pilots, arms = propose(history, advice("relationship", IDS), pd.Index(["K00", "K01", "K02"]))
    forced = arms[arms["forced"]]
    assert forced["account_id"].tolist() == ["K00", "K01", "K02"]
    assert set(forced["arm"]) == {"pilot"}
    assert pilots.loc[0, ["n_pilot", "n_hold_out", "n_compared"]].tolist() == [8, 5, 5]


def test_the_difference_that_would_be_seen_follows_from_past_changes(history: History) -> None:
    """Every half-year is twice or half that of the year before: seven of thirteen the one, six the other, by turns."""
    up, down = np.log(2) * 12 / 13, np.log(2) * 14 / 13  # from the mean, ln 2 / 13
    spread = np.sqrt(4 * (7 * up**2 + 6 * down**2) / (4 * 13 - 4))
    pilots, _ = propose(history, advice("relationship", IDS))
    quantiles = 2.200985 + 0.875530  # Student's t with 11 degrees of freedom at 97.5 and 80 %
    expected = np.expm1(quantiles * spread * np.sqrt(1 / 7 + 1 / 6))
    assert pilots.loc[0, "detectable"] == pytest.approx(expected, rel=1e-4)
    assert not pilots.loc[0, "enough"]


def test_six_and_six_see_little() -> None:
    assert np.expm1(_detectable(6, 6, 0.18, 0.8)) == pytest.approx(0.381, abs=0.001)
    assert np.isnan(_detectable(1, 1, 0.18, 0.8))


def test_cross_selling_is_measured_by_first_purchases(history: History) -> None:
    pilots, _ = propose(history, advice("cross_selling", IDS))
    assert pilots.loc[0, "measure"] == "first_purchases"
    first = np.array([12 / 13, *[-1 / 13] * 12])  # one first purchase in one of four half-years
    spread = np.sqrt((first**2).sum() / (4 * 13 - 4))
    expected = (2.200985 + 0.875530) * spread * np.sqrt(1 / 7 + 1 / 6)
    assert pilots.loc[0, "detectable"] == pytest.approx(expected, rel=1e-4)
    assert pilots.loc[0, "enough"]


def test_one_account_is_no_pilot_and_basic_care_neither(history: History) -> None:
    mixed = pd.concat([advice("alliance", IDS[:1]), advice("basic_care", IDS[1:])])
    pilots, arms = propose(history, mixed)
    assert pilots.empty
    assert arms.empty


def test_a_pilot_is_told_with_what_it_cannot_show(history: History) -> None:
    labels = Labels("de", "de_DE", "EUR")
    pilots, arms = propose(history, advice("relationship", IDS), pd.Index(["K12"]))
    told = next(pilot_sentences(pilots.assign(detectable=0.381), arms, labels)).replace("\u00a0", " ")
    assert told == (
        "Beziehungsmanagement: 7 von 13 Kunden beginnen am 01.02.2026, die übrigen 6 Monate später. Gemessen wird die "
        "Veränderung des Umsatzes gegen dieselben Monate des Vorjahres. Mit 6 und 6 Kunden wäre erst ein Unterschied ab 38 % "
        "erkennbar; als Nachweis taugt das nicht, als Probe schon. Kunden mit hohem Abwanderungsrisiko beginnen in jedem "
        "Fall, denn sie warten zu lassen wäre nicht zu verantworten; im Vergleich zählen sie nicht mit."
    )
    everyone = next(pilot_sentences(*propose(history, advice("relationship", IDS[:3]), pd.Index(IDS)), labels))
    assert everyone.replace("\u00a0", " ").startswith(
        "Beziehungsmanagement: Alle 3 Kunden beginnen am 01.02.2026; einen Vergleich mit wartenden Kunden gibt es nicht."
    )
