"""The buffer: price rises and complaints found, volume after them against those without one, and the placebo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kamkit.analysis.options.buffer import buffer_trials, last_shocks, study_buffer
from kamkit.analysis.options.history import History, history_until
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts, BufferStudy
from kamkit.telling.language import Labels
from kamkit.telling.option_studies import buffer_sentence

RULES = load_option_rules()
MONTHS = [str(month) for month in pd.period_range("2023-01", "2025-12", freq="M")]
Order = tuple[str, str, float, str]


def monthly(account: str, price: float = 100.0, months: Sequence[str] = MONTHS, day: int = 5) -> list[Order]:
    return [(account, f"{month}-{day:02d}", price, "Pumpe") for month in months]


def raised(account: str, bought_after: Sequence[str]) -> list[Order]:
    """Every month for 100 until December 2024, in January 2025 and then in the given months for 105."""
    return [
        *monthly(account, months=MONTHS[:24]),
        *monthly(account, 105.0, ["2025-01", *bought_after]),
    ]


def portfolio(n_raised: int = 5) -> list[Order]:
    """Accounts R0, R1 … take a price rise and then buy in three months of six, eight others go on as before."""
    after = ["2025-02", "2025-04", "2025-06", "2025-08", "2025-10"]
    calm = [order for i in range(8) for order in monthly(f"C{i}")]
    return calm + [order for i in range(n_raised) for order in raised(f"R{i}", after)]


@pytest.fixture
def client(facts_from: Callable[..., AccountFacts]) -> Callable[..., History]:
    def made(orders: list[Order], item_kind: str = "product", **tables: pd.DataFrame) -> History:
        return history_until(facts_from(orders, item_kind=item_kind, **tables))

    return made


def test_volume_after_a_price_rise_is_held_against_those_without(client: Callable[..., History]) -> None:
    study = study_buffer(client(portfolio()), RULES)
    assert study.reason is None
    assert study.measured_by == "quantity"
    assert study.missing == ("complaints.date", "complaints.severity")
    row = study.shocks.set_index("account_id").loc["R0"]
    assert len(study.shocks) == 5
    assert (row["month"], row["kind"], row["n_matched"]) == (pd.Timestamp("2025-01-01"), "price_rise", 8)
    assert row[["size", "volume_after", "matched", "buffer"]].tolist() == pytest.approx([0.05, 0.5, 1.0, -0.5])
    assert study.holds is None  # five shocks show something, twenty would prove it
    assert study.n_high + study.n_low == 5


def test_the_last_shock_of_an_account_is_told(client: Callable[..., History]) -> None:
    found = last_shocks(study_buffer(client(portfolio()), RULES), pd.Index(["R0", "C0"]))
    assert found.loc["R0"].tolist() == ["price_rise", pd.Timestamp("2025-01-01"), 0.5, 1.0, "quantity"]
    assert found.loc["C0"].isna().all()
    assert last_shocks(BufferStudy(), pd.Index(["R0"])).isna().all(axis=None)


def test_a_rise_that_does_not_last_is_none(client: Callable[..., History]) -> None:
    once = [order for i in range(8) for order in monthly(f"C{i}")]
    for i in range(5):
        once += [*monthly(f"R{i}", months=MONTHS[:24] + MONTHS[25:]), *monthly(f"R{i}", 105.0, ["2025-01"])]
    study = study_buffer(client(once), RULES)
    assert study.shocks.empty
    assert study.reason == "no_shocks"


def test_where_all_prices_rise_nobody_is_left_to_compare_with(client: Callable[..., History]) -> None:
    orders = [order for i in range(12) for order in raised(f"R{i:02d}", MONTHS[25:])]
    study = study_buffer(client(orders), RULES)
    assert (len(study.shocks), study.reason) == (12, "no_controls")
    assert study.shocks["matched"].isna().all()


def test_few_shocks_and_a_short_history_say_so(client: Callable[..., History]) -> None:
    study = study_buffer(client(portfolio(n_raised=4)), RULES)
    assert (study.reason, len(study.shocks)) == ("few_shocks", 4)
    short = study_buffer(client(portfolio()).until(pd.Timestamp("2023-11-30")), RULES)
    assert (short.reason, short.missing) == ("short_history", ("transactions.posting_date",))
    assert study_buffer(client(portfolio()), RULES, is_testable=False).reason == "small_sample"


def test_severe_complaints_and_late_deliveries_are_shocks_of_their_own(client: Callable[..., History]) -> None:
    rows = [(f"C{i}", "2024-06-12", "hoch", None) for i in range(3)]
    rows += [("C3", "2024-06-12", "gering", "Lieferverzug"), ("C4", "2024-06-12", "gering", "Farbe")]
    complaints = pd.DataFrame(rows, columns=["account_id", "date", "severity", "topic"])
    orders = [order for i in range(12) for order in monthly(f"C{i}")]
    study = study_buffer(client(orders, item_kind="category", complaints=complaints), RULES)
    assert study.shocks.set_index("account_id")["kind"].to_dict() == {
        **dict.fromkeys(("C0", "C1", "C2"), "complaint"),
        "C3": "late_delivery",
    }
    assert study.measured_by == "revenue"
    assert study.missing == ("transactions.product_id", "transactions.quantity")
    assert study.shocks["size"].isna().all()


def two_kinds(react: bool, decline: bool = False) -> list[Order]:
    """Forty firm accounts that buy evenly and forty loose ones that buy in bursts; each of them has a price rise in a month
    of its own, or none. `react`: the loose ones buy half as often after it; `decline`: they do so year by year anyway."""
    orders: list[Order] = []
    for i in range(80):
        firm, name = i % 2 == 0, f"{'F' if i % 2 == 0 else 'L'}{i:02d}"
        rise = 14 + i % 12 if i % 4 < 2 else len(MONTHS)
        for m, month in enumerate(MONTHS):
            price = 110.0 if m >= rise else 100.0
            days = [4, 11, 18, 25] if firm else [3, 4, 6, 7]
            halved = (react and rise < m <= rise + 6) or (decline and m >= 22)
            days = days[: len(days) // 2] if halved and not firm else days
            orders += [(name, f"{month}-{day:02d}", price, "Pumpe") for day in days]
    return orders


def test_a_buffer_is_an_effect_after_shocks_alone(client: Callable[..., History]) -> None:
    study = study_buffer(client(two_kinds(react=True)), RULES)
    assert study.holds is True
    assert (study.high, study.low, study.placebo) == pytest.approx((0.0, -0.5, 0.0), abs=0.06)
    assert 0 < study.difference_low <= study.difference <= study.difference_high


def test_without_a_reaction_there_is_no_buffer(client: Callable[..., History]) -> None:
    study = study_buffer(client(two_kinds(react=False)), RULES)
    assert study.holds is False
    assert study.difference == pytest.approx(0.0, abs=0.01)


def test_what_happens_in_calm_months_too_is_no_buffer(client: Callable[..., History]) -> None:
    study = study_buffer(client(two_kinds(react=False, decline=True)), RULES)
    assert study.difference > 0.05
    assert study.placebo > 0.05
    assert study.holds is False


def test_trials_know_nothing_of_what_came_later(client: Callable[..., History]) -> None:
    history = client(two_kinds(react=True))
    trials = buffer_trials(history, RULES)
    assert set(trials["task"]) == {"buffer", "buffer_placebo"}
    assert set(trials["population"]) == {"shocked_accounts", "calm_accounts"}
    after = trials[trials["task"] == "buffer"].set_index("account_id")
    assert after.loc["F00", ["cut_off", "event"]].tolist() == [pd.Timestamp("2024-02-29"), True]
    assert not after.loc[[i for i in after.index if i.startswith("L")], "event"].any()
    assert after.loc["F00", "baseline_account_size"] == 12 * 4 * 100.0
    assert after.loc["F00", ["amount", "baseline_recency"]].tolist() == [12 * 2 * 100.0, -1.0]
    earlier = buffer_trials(history.until(pd.Timestamp("2024-12-31")), RULES)
    earlier = earlier[earlier["task"] == "buffer"].set_index("account_id")
    assert len(earlier) > 0
    columns = ["cut_off", "score", "baseline_account_size", "baseline_recency"]
    pd.testing.assert_frame_equal(earlier[columns], after.loc[earlier.index, columns])


def test_a_yearly_list_has_no_trials(facts_from: Callable[..., AccountFacts]) -> None:
    trials = buffer_trials(history_until(facts_from(monthly("A", months=MONTHS[-3:]), start="2025-10-01")), RULES)
    assert trials.empty
    assert list(trials.columns[:7]) == ["task", "cut_off", "population", "account_id", "score", "event", "amount"]


SHOWN = {
    "shocks": pd.DataFrame({"volume_after": [0.8, np.nan, 0.9]}),
    "measured_by": "quantity",
    "n_high": 12,
    "n_low": 11,
    "high": -0.02,
    "low": -0.14,
    "difference": 0.12,
    "difference_low": 0.03,
    "difference_high": 0.2,
    "placebo": 0.01,
}


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        (
            {"holds": True},
            "Eine feste Beziehung federt Störungen ab: Nach 23 Preiserhöhungen, schweren Reklamationen und verspäteten "
            "Lieferungen lag die Menge bei fester Beziehung −2 % gegen vergleichbare Kunden, bei loser −14 % (Unterschied "
            "+12 %, Vertrauensbereich +3 % bis +20 %). In ruhigen Monaten beträgt der Unterschied nur +1 %.",
        ),
        (
            {"holds": False, "placebo": 0.11},
            "Ein Puffer ist nicht nachgewiesen: Nach 23 Preiserhöhungen, schweren Reklamationen und verspäteten Lieferungen "
            "hielten Kunden mit fester Beziehung zwar mehr (Unterschied +12 %), in ruhigen Monaten aber ebenfalls (+11 %). "
            "Sie kaufen also überhaupt beständiger.",
        ),
        (
            {"reason": "few_shocks"},
            "Ob die Beziehung Störungen abfedert, ist nicht beurteilbar: Preiserhöhungen, schwere Reklamationen und verspätete "
            "Lieferungen mit genügend Monaten davor und danach: 2.",
        ),
    ],
)
def test_the_study_is_told(figures: dict[str, Any], said: str) -> None:
    told = buffer_sentence(BufferStudy(**{**SHOWN, **figures}), Labels("de", "de_DE", "EUR"))
    assert told.replace("\u00a0", " ") == said


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_outcome_has_its_words(language: str) -> None:
    labels = Labels(language, {"de": "de_DE", "en": "en_GB"}[language], "EUR")
    reasons = ("short_history", "no_shocks", "few_shocks", "no_controls", "small_sample")
    studies = [BufferStudy(**{**SHOWN, "reason": reason}) for reason in reasons]
    studies += [BufferStudy(**{**SHOWN, "holds": holds, "difference_low": -0.1}) for holds in (None, True, False)]
    assert len({buffer_sentence(study, labels) for study in studies}) == 8
