"""The whitespace matrix tells bought, lapsed, never bought, not relevant and partners apart; sites do so inside a group."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from kamkit.analysis.options.history import history_until
from kamkit.analysis.options.sites import sister_white_spots, site_matrix
from kamkit.analysis.options.whitespace import whitespace_matrix, without_partner_items
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts
from kamkit.telling.language import Labels

Order = tuple[str, str, float, str]
RULES = load_option_rules().cross_selling
NO_CROSS = pd.DataFrame(columns=["account_id", "category", "expected_revenue", "expected_margin"])


def smiths() -> list[Order]:
    """Twenty accounts that buy steel and oil each year; K never bought oil and gave up wire; one other buys gold."""
    orders = [
        (f"A{i:02d}", f"{y}-03-01", 100.0, item) for i in range(20) for y in (2024, 2025) for item in ("Stahl", "Öl")
    ]
    orders += [("A03", "2025-05-01", 10.0, "Gold")]
    orders += [
        ("K", "2025-04-01", 300.0, "Stahl"),
        ("K", "2024-02-10", 70.0, "Draht"),
        ("K", "2023-01-05", 50.0, "Draht"),
    ]
    return orders


def matrix(facts: AccountFacts, partners: tuple[str, ...] = (), cross: pd.DataFrame = NO_CROSS) -> pd.DataFrame:
    sold = without_partner_items(history_until(facts), facts.items, partners)
    return whitespace_matrix(sold, cross, pd.Index(["K"]), facts.items, partners, RULES)


def test_every_item_has_one_status(facts_from: Callable[..., AccountFacts]) -> None:
    cross = pd.DataFrame(
        {"account_id": ["K"], "category": ["Öl"], "expected_revenue": [12.0], "expected_margin": [3.0]}
    )
    table = matrix(facts_from(smiths()), ("Wartung",), cross)
    columns = ["item", "status", "revenue", "revenue_then", "peers_buying", "peers", "expected_revenue"]
    found = table[columns].astype(object).where(table[columns].notna(), None).to_numpy().tolist()
    assert found == [
        ["Stahl", "bought", 300.0, None, 20, 20, None],
        # the twelve months up to its last purchase hold only the one of 2024
        ["Draht", "lapsed", 0.0, 70.0, 0, 20, None],
        ["Öl", "never", 0.0, None, 20, 20, 12.0],
        ["Wartung", "partner", None, None, None, None, None],
        # one of twenty comparable accounts is fewer than one of ten
        ["Gold", "not_relevant", 0.0, None, 1, 20, None],
    ]
    assert table.loc[1, "last_bought"] == pd.Timestamp("2024-02-10")


def test_what_lapsed_and_what_partners_supply_is_told_apart(facts_from: Callable[..., AccountFacts]) -> None:
    table = matrix(facts_from(smiths()), ("Wartung",)).set_index("item")
    labels = Labels("de", "de_DE", "EUR")
    told = {
        item: labels(f"evidence.{row['evidence']}", **row["values"])
        for item, row in table.iterrows()
        if row["evidence"]
    }
    assert told == {
        "Draht": "Kaufte „Draht“ zuletzt im Februar 2024; damals 70\u00a0€ im Jahr.",
        "Öl": "Kaufte „Öl“ noch nie; von 20 vergleichbaren Kunden kaufen es 20.",
        "Wartung": "„Wartung“ liefert ein liierter Anbieter; ob der Kunde dafür in Frage kommt, beurteilt das "
        "Key-Account-Management. Gerechnet wird hier nichts.",
        "Gold": "Vergleichbare Kunden kaufen „Gold“ kaum: einer von 20.",
    }


def test_few_peers_make_nothing_irrelevant(facts_from: Callable[..., AccountFacts]) -> None:
    few = [order for order in smiths() if order[0] in {"A00", "A01", "A03", "K"}]
    assert matrix(facts_from(few)).set_index("item").loc["Gold", "status"] == "never"


def test_what_partners_supply_is_no_item_even_where_somebody_bought_it(
    facts_from: Callable[..., AccountFacts],
) -> None:
    facts = facts_from(smiths())
    assert matrix(facts, ("Öl",)).set_index("item").loc[["Öl"], "status"].tolist() == ["partner"]
    assert "Öl" not in set(without_partner_items(history_until(facts), facts.items, ("Öl",)).purchases["item"])


def test_products_stand_beside_categories_where_they_say_something(facts_from: Callable[..., AccountFacts]) -> None:
    facts = facts_from(smiths())
    products = facts.purchases.assign(item=facts.purchases["item"] + " 10")
    table = matrix(replace(facts, product_purchases=products))
    rows = table[table["kind"] == "product"]
    assert list(zip(rows["item"], rows["status"], strict=True)) == [("Draht 10", "lapsed"), ("Öl 10", "never")]


def test_without_items_partners_alone_are_listed(facts_from: Callable[..., AccountFacts]) -> None:
    facts = replace(facts_from(smiths()), item_kind=None)
    empty = replace(facts, purchases=facts.purchases.head(0))
    assert list(matrix(empty, ("Wartung",))["status"]) == ["partner"]
    assert matrix(empty).empty


GROUP = [
    ("G", "2025-02-01", 500.0, "Hydraulik", "W1"),
    ("G", "2025-03-01", 500.0, "Folie", "W1"),
    ("G", "2025-03-01", 800.0, "Folie", "W2"),
    ("G", "2025-03-01", 200.0, "Folie", "W3"),
    ("G", "2023-03-01", 10.0, "Hydraulik", "W3"),
    ("SOLE", "2025-03-01", 200.0, "Folie", "S1"),
]


def test_each_company_of_a_group_is_compared_with_its_sisters(facts_from: Callable[..., AccountFacts]) -> None:
    facts = facts_from(GROUP)
    table = site_matrix(history_until(facts), facts.sites, facts.members, facts.items, RULES)
    columns = ["name", "item", "status", "revenue", "buyer", "buyer_revenue"]
    found = table[columns].astype(object).where(table[columns].notna(), None).to_numpy().tolist()
    assert found == [
        ["Werk W1", "Hydraulik", "bought", 500.0, None, None],
        ["Werk W2", "Hydraulik", "never", 0.0, "Werk W1", 500.0],
        ["Werk W3", "Hydraulik", "lapsed", 0.0, "Werk W1", 500.0],
        ["Werk W2", "Folie", "bought", 800.0, None, None],
        ["Werk W1", "Folie", "bought", 500.0, None, None],
        ["Werk W3", "Folie", "bought", 200.0, None, None],
    ]
    assert set(table["account_id"]) == {"G"}
    spots = sister_white_spots(table)
    assert spots[["item", "buyer", "lacking", "n_lacking"]].to_numpy().tolist() == [
        ["Hydraulik", "Werk W1", ("Werk W2",), 1]
    ]


def test_delivery_sites_stand_for_companies_where_lines_name_them(facts_from: Callable[..., AccountFacts]) -> None:
    facts = facts_from(GROUP)
    sites = pd.DataFrame(
        [
            ["SOLE", "S1", "Nord", "Folie", 150.0, pd.Timestamp("2025-03-01")],
            ["SOLE", "S1", "Süd", "Folie", 50.0, pd.Timestamp("2025-03-01")],
            ["SOLE", "S1", "Nord", "Hydraulik", 9.0, pd.Timestamp("2025-01-01")],
        ],
        columns=["account_id", "customer_id", "site", "item", "revenue", "last_bought"],
    )
    table = site_matrix(history_until(facts), sites, facts.members, facts.items, RULES)
    lacking = table[table["status"] == "never"]
    assert lacking[["name", "item", "buyer"]].to_numpy().tolist() == [["Werk S1 · Süd", "Hydraulik", "Werk S1 · Nord"]]


def test_nothing_is_compared_where_no_account_has_two_sites(facts_from: Callable[..., AccountFacts]) -> None:
    facts = facts_from([order for order in GROUP if order[0] == "SOLE"])
    table = site_matrix(history_until(facts), facts.sites, facts.members, facts.items, RULES)
    assert table.empty
    assert sister_white_spots(table).empty


@pytest.mark.parametrize("months", [12, 24])
def test_what_lapsed_hangs_on_the_months_of_the_rule(facts_from: Callable[..., AccountFacts], months: int) -> None:
    rules = RULES.model_copy(update={"lapsed_months": RULES.lapsed_months.model_copy(update={"value": months})})
    facts = facts_from(smiths())
    table = whitespace_matrix(history_until(facts), NO_CROSS, pd.Index(["K"]), facts.items, (), rules)
    status = table.set_index("item").loc["Draht", "status"]
    assert status == {12: "lapsed", 24: "bought"}[months]
    assert dt.date(2025, 12, 31) == facts.period.end
