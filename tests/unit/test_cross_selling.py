"""White spots: found where peers buy, ranked by recent purchases where that beats popularity, never deleted by a gate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from kamkit.analysis.options.baskets import (
    Baskets,
    fill_baskets,
    first_purchases,
    hits_of,
    never_bought,
    score_by_popularity,
)
from kamkit.analysis.options.cross_selling import rank_cross_selling
from kamkit.analysis.options.history import history_until
from kamkit.analysis.options.item_weights import ease_weights, knn_weights, score_by_weights
from kamkit.analysis.options.peers import peer_groups
from kamkit.analysis.options.ranking import choose_method
from kamkit.analysis.options.sites import sister_white_spots, site_matrix
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts

Order = tuple[str, str, float, str]
RULES = load_option_rules().cross_selling
CUT_OFF = pd.Timestamp("2025-12-31")
NO_RISK = pd.DataFrame({"account_id": pd.Series(dtype=str), "level": pd.Series(dtype=str)})


def bakers(n: int = 40, lacks: str = "Etiketten") -> list[Order]:
    """n accounts that buy four categories twice a year; the first never bought `lacks`; everyone a fifth at most."""
    orders = []
    for i in range(n):
        for k, item in enumerate(["Kartons", "Folie", "Etiketten", "Beutel"]):
            if i == 0 and item == lacks:
                continue
            for year in (2023, 2024, 2025):
                orders += [(f"A{i:02d}", f"{year}-{1 + k:02d}-1{i % 9}", 100.0 + 10 * k, item) for _ in range(1)]
        if i % 10 == 1:
            orders.append((f"A{i:02d}", "2025-06-01", 50.0, "Paletten"))
    return orders


def ranked(facts: AccountFacts, risk: pd.DataFrame = NO_RISK, keys: list[str] | None = None) -> pd.DataFrame:
    table, _, _ = rank_cross_selling(history_until(facts), risk, pd.Index(keys or []), facts.items, RULES)
    return table


def baskets(rows: pd.DataFrame, most_items: int = 10) -> Baskets:
    return fill_baskets(rows, CUT_OFF, [60.0], most_items, 20.0)


def purchases(*rows: tuple[str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=["account_id", "item", "date"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def test_the_white_spot_is_found_and_explained(facts_from: Callable[..., AccountFacts]) -> None:
    first = ranked(facts_from(bakers())).set_index("account_id").loc["A00"]
    spot = first[first["rank"] == 1].iloc[0] if isinstance(first, pd.DataFrame) else first
    assert (spot["category"], spot["peers_buying"], spot["peers"], spot["gate"]) == (
        "Etiketten",
        *(spot["peers"],) * 2,
        "open",
    )
    assert spot["peers"] >= 10
    assert spot["values"]["category"] == "Etiketten"
    # buyers spend 120 of 460 or of 510 a year on it; the account itself buys for 340
    assert spot["usual_revenue"] == pytest.approx(120 / 460 * 340, rel=1e-6)
    assert spot["expected_low"] <= spot["expected_revenue"] <= spot["expected_high"]
    assert pd.isna(spot["expected_margin"])


def test_no_row_names_what_was_ever_bought(facts_from: Callable[..., AccountFacts]) -> None:
    facts = facts_from([*bakers(), ("A00", "2023-01-05", 1.0, "Paletten")])
    table = ranked(facts)
    bought = set(zip(facts.purchases["account_id"], facts.purchases["item"], strict=True))
    assert bought.isdisjoint(zip(table["account_id"], table["category"], strict=True))
    assert ("A00", "Etiketten") in set(zip(table["account_id"], table["category"], strict=True))


def test_key_accounts_and_everyone_with_three_invoices_are_in(facts_from: Callable[..., AccountFacts]) -> None:
    few = [
        ("KEY", "2025-03-01", 9.0, "Folie"),
        ("TWO", "2025-03-01", 9.0, "Folie"),
        ("TWO", "2025-04-01", 9.0, "Folie"),
    ]
    table = ranked(facts_from([*bakers(), *few]), keys=["KEY"])
    assert {"KEY", "A00", "A39"} <= set(table["account_id"])
    assert "TWO" not in set(table["account_id"])


def test_gates_are_a_column_and_never_remove_rows(facts_from: Callable[..., AccountFacts]) -> None:
    plain = ranked(facts_from(bakers()))
    red = pd.DataFrame({"account_id": ["A00"], "level": ["red"]})
    gated = ranked(facts_from(bakers(), margin={"A02": -5.0}), red)
    assert len(gated) == len(plain)
    closed = gated[gated["gate"] == "closed"]["account_id"]
    assert set(closed) == {"A00", "A02"}
    few = ranked(facts_from(bakers(12)))
    assert set(few["gate"]) == {"not_assessable"}


def test_peers_are_of_the_same_industry_where_there_are_enough(facts_from: Callable[..., AccountFacts]) -> None:
    orders = bakers(40)
    industry = {f"A{i:02d}": "10.71" if i < 12 else "47.11" if i < 20 else "2" for i in range(40)}
    history = history_until(facts_from(orders, industry=industry))
    groups = peer_groups(history, pd.Index(sorted(industry)), RULES)["group"]
    assert set(groups[[f"A{i:02d}" for i in range(12)]]) == {"industry 10"}
    assert all(str(group).startswith(("size", "all")) for group in groups[[f"A{i:02d}" for i in range(12, 40)]])


def test_peers_of_a_size_include_those_with_an_industry_of_their_own(facts_from: Callable[..., AccountFacts]) -> None:
    orders = bakers(48)
    industry = {f"A{i:02d}": "10.71" if i % 12 else "2" for i in range(48)}  # four accounts stand alone with their code
    facts = facts_from(orders, industry=industry)
    groups = peer_groups(history_until(facts), pd.Index(sorted(industry)), RULES)
    alone = groups[groups["group"].str.startswith("size")]
    assert len(alone) == 4
    whitespace = ranked(facts).set_index("account_id")
    for account_id, group in alone["group"].items():
        of_that_size = int((groups["size"] == group).sum())
        assert of_that_size >= RULES.fewest_peers.value + 1
        assert set(whitespace.loc[[account_id], "peers"]) == {of_that_size - 1}


def test_too_little_to_choose_from_is_said(facts_from: Callable[..., AccountFacts]) -> None:
    assert choose_method(history_until(facts_from(bakers(12))), RULES).reason == "few"
    recent = [order for order in bakers() if order[1] >= "2025-06"] + [
        (f"A{i:02d}", "2025-07-01", 9.0, f"I{k}") for i in range(40) for k in range(6)
    ]
    assert choose_method(history_until(facts_from(recent, start="2025-11-01")), RULES).reason == "short"
    steady = [*bakers(), *((f"A{i:02d}", "2023-05-01", 9.0, "Paletten") for i in range(40))]
    assert choose_method(history_until(facts_from(steady)), RULES).reason == "few_firsts"


def test_item_weights_are_the_closed_form() -> None:
    rows = purchases(("a", "x", "2025-12-31"), ("a", "y", "2025-12-31"), ("b", "x", "2025-12-31"))
    weights = ease_weights(baskets(rows), regularisation=1.0)
    # Gram [[2, 1], [1, 1]] + 1: inverse of [[3, 1], [1, 2]] is [[.4, −.2], [−.2, .6]]; −P/diag: y→x .5, x→y 1/3
    assert weights == pytest.approx(np.array([[0.0, 1 / 3], [0.5, 0.0]]), abs=1e-6)


def test_likeness_of_items_is_a_cosine_shrunk_where_few_bought_both() -> None:
    rows = purchases(("a", "x", "2025-12-31"), ("a", "y", "2025-12-31"), ("b", "x", "2025-12-31"))
    # cosine 1/√(2·1), one account bought both: 1/(1 + 10)
    expected = 1 / np.sqrt(2) / 11
    weights = knn_weights(baskets(rows), shrinkage=10.0)
    assert weights == pytest.approx(np.array([[0.0, expected], [expected, 0.0]]), abs=1e-6)


def test_purchases_decay_with_the_half_lives() -> None:
    rows = purchases(("a", "x", "2025-12-31"), ("a", "y", "2025-11-01"), ("a", "x", "2024-01-01"))
    assert baskets(rows).recent.toarray() == pytest.approx(np.array([[1.0, 0.5]]))
    both = fill_baskets(rows, CUT_OFF, [60.0, 30.0], 10, 20.0)
    assert both.recent.toarray() == pytest.approx(np.array([[1.0, (0.5 + 0.25) / 2]]))


def test_an_item_is_as_fresh_as_its_buyers_purchases() -> None:
    rows = purchases(("a", "x", "2025-12-31"), ("b", "x", "2025-12-11"), ("a", "y", "2025-11-21"))
    # half-life of 20 days: x (1 + .5) / 2, y .25
    assert baskets(rows).freshness == pytest.approx([0.75, 0.25])
    weights = np.array([[0.0, 1.0], [1.0, 0.0]], dtype=np.float32)
    plain, fresh = score_by_weights(weights), score_by_weights(weights, baskets(rows).freshness)
    assert fresh(baskets(rows)) == pytest.approx(plain(baskets(rows)) * [0.75, 0.25])


def test_what_everybody_buys_decides_where_nothing_was_bought_of_late() -> None:
    rows = purchases(("a", "x", "2025-12-31"), ("b", "y", "2020-01-01"), ("c", "z", "2025-12-31"))
    nothing = np.zeros((3, 3), dtype=np.float32)
    prior = np.array([0.1, 0.2, 0.3], dtype=np.float32)
    places, _ = never_bought(baskets(rows), score_by_weights(nothing, None, prior))
    assert places.tolist() == [[2, 1, -1], [2, 0, -1], [1, 0, -1]]


def test_many_items_are_capped_by_how_many_buy_them() -> None:
    rows = purchases(
        *((f"a{i}", item, "2025-12-01") for item, n in (("rare", 1), ("usual", 3), ("other", 2)) for i in range(n))
    )
    assert list(baskets(rows, 2).items) == ["other", "usual"]


def test_hits_count_first_purchases_only() -> None:
    before = purchases(
        ("a", "x", "2025-01-01"),
        ("b", "x", "2025-01-01"),
        ("b", "y", "2025-01-01"),
        ("c", "y", "2025-01-01"),
        ("c", "z", "2025-01-01"),
    )
    later = pd.DataFrame({"account_id": ["a", "a", "b", "b", "new"], "item": ["x", "z", "y", "unknown", "x"]})
    known = baskets(before)
    firsts = first_purchases(known, later.assign(revenue=5.0))
    places, _ = never_bought(known, score_by_popularity(known))
    hits = hits_of(places, firsts, known.accounts)
    # only a's z counts; a never bought y (two buyers) and z (one), so z stands second
    assert (hits.firsts, firsts.sum(), list(hits.accounts)) == (1, 5.0, ["a"])
    assert hits.by_rank.tolist() == [[False, True, False]]
    assert (hits.hit_rate, hits.average_precision) == (1.0, 0.5)


def test_never_bought_gives_fewer_where_all_is_bought() -> None:
    some = baskets(purchases(("a", "x", "2025-12-01"), ("b", "x", "2025-12-01"), ("b", "y", "2025-12-01")))
    places, _ = never_bought(some, score_by_weights(ease_weights(some, 1.0)))
    assert places.tolist() == [[1, -1], [-1, -1]]


def test_a_pattern_in_purchases_beats_popularity(facts_from: Callable[..., AccountFacts]) -> None:
    rng = np.random.default_rng(7)
    orders: list[Order] = []
    for i in range(120):
        world = i % 6
        own = [f"W{world}I{k}" for k in range(6)]
        for k, item in enumerate(rng.permutation(own)):
            day = pd.Timestamp("2023-01-15") + pd.Timedelta(days=int(150 * k + rng.integers(0, 140)))
            orders += [
                (f"A{i:03d}", (day + pd.Timedelta(days=60 * r)).date().isoformat(), 50.0, str(item)) for r in range(6)
            ]
    method = choose_method(history_until(facts_from(orders)), RULES)
    assert (method.name, method.reason) == ("ease", "best")
    assert method.tested is not None
    assert method.tested.hits.average_precision > 2 * method.tested.popular.average_precision


def test_random_purchases_are_not_claimed_to_be_foreseen(facts_from: Callable[..., AccountFacts]) -> None:
    days = pd.date_range("2023-01-02", "2025-12-30")
    weights = np.arange(30, 0, -1) / sum(range(31))
    for seed in range(6):
        rng = np.random.default_rng(seed)
        orders = [
            (f"A{i:02d}", days[rng.integers(len(days))].date().isoformat(), 10.0, f"I{rng.choice(30, p=weights):02d}")
            for i in range(60)
            for _ in range(15)
        ]
        assert choose_method(history_until(facts_from(orders)), RULES).name == "peers"


def test_what_a_sister_company_buys_is_told_apart(facts_from: Callable[..., AccountFacts]) -> None:
    group = [
        ("G", "2025-02-01", 500.0, "Hydraulik", "W1"),
        ("G", "2025-03-01", 500.0, "Folie", "W1"),
        ("G", "2025-03-01", 800.0, "Folie", "W2"),
        ("G", "2025-03-01", 200.0, "Folie", "W3"),
        ("G", "2023-03-01", 10.0, "Hydraulik", "W3"),
    ]
    facts = facts_from([*bakers(), *group])
    spots = sister_white_spots(site_matrix(history_until(facts), facts.sites, facts.members, facts.items, RULES))
    # two of three members ever bought it; only the group buys it, for half of one member's purchases
    share = 500 / 2000
    expected = pd.DataFrame(
        {
            "account_id": ["G"],
            "item": ["Hydraulik"],
            "name": ["Hydraulik"],
            "buyer": ["Werk W1"],
            "lacking": [("Werk W2",)],
            "n_lacking": [1],
            "expected_revenue": [2 / 3 * RULES.first_purchase.value * share * 800],
        }
    )
    pd.testing.assert_frame_equal(spots[list(expected.columns)], expected, check_dtype=False)
    assert "Hydraulik" not in set(ranked(facts, keys=["G"]).query("account_id == 'G'")["category"])
