from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamkit.analysis.options.history import history_until
from kamkit.analysis.portfolio import place, place_key_accounts, portfolio_figures, price_level
from kamkit.errors import EngagementError
from kamkit.model.portfolio_rules import PortfolioModel, load_portfolio_rules
from kamkit.model.results import AccountFacts

RULES = load_portfolio_rules()
NO_SPOTS = pd.DataFrame(columns=["account_id", "gate", "expected_margin"])


def model(x: dict[str, object], y: dict[str, object]) -> PortfolioModel:
    return PortfolioModel.model_validate({"source": "", "evidence": "convention", "x": x, "y": y})


FIGURE = {"figure": "margin_rate", "unit": "percent"}
ANCHORED = {"low": 0, "high": 10, "evidence": "convention", "needs": ["ratings.x"]}
SCORE = {"indicators": {"a": ANCHORED, "b": ANCHORED}, "cut": {"value": 0.5, "evidence": "convention"}}


def test_an_account_stands_high_from_the_cut_on() -> None:
    figures = pd.DataFrame({"margin_rate": [0.1, 0.2, 0.3, np.nan], "a": [10.0, 5, 0, 9], "b": [10.0, 5, 4, 9]})
    placed, cuts = place(figures, model(FIGURE, SCORE))
    # median margin rate .2; scores: (1+1)/2, (.5+.5)/2, (0+.4)/2
    assert (cuts["x"], cuts["y"]) == (0.2, 0.5)
    assert placed["y"].tolist() == pytest.approx([1, 0.5, 0.2, 0.9])
    assert placed["quadrant"].tolist()[:3] == ["low_high", "high_high", "high_low"]
    assert placed["quadrant"].isna().tolist() == [False, False, False, True]
    # equal indicators leave no range; 0 and .4 give scores evenly between: 5 % and 95 % are .02 and .38
    assert placed.loc[0, ["y_low", "y_high"]].tolist() == pytest.approx([1, 1])
    assert placed.loc[2, ["y_low", "y_high"]].tolist() == pytest.approx([0.02, 0.38], abs=0.02)
    assert placed["x_low"].isna().all()
    assert placed["quadrant_share"].tolist()[:3] == [1, 1, 1]


def test_accounts_close_together_are_told_from_accounts_apart(facts_from) -> None:  # type: ignore[no-untyped-def]
    facts = facts_of(facts_from)
    ids = pd.Index(facts.accounts["account_id"], name="account_id")

    def is_close(rates: list[float]) -> bool:
        margin = facts.accounts["revenue"].to_numpy() * rates
        accounts = facts.accounts.assign(margin=margin, margin_coverage=1.0)
        models = place_key_accounts(replace(facts, accounts=accounts), ids, NO_SPOTS, RULES).models
        return bool(models.set_index("model").loc["revenue_margin", "y_close"])

    # the middle four fifths of five rates lie between the places .4 and 3.6
    assert is_close([0.20, 0.21, 0.22, 0.23, 0.24])  # .204 to .236: less than five points
    assert not is_close([0.20, 0.21, 0.22, 0.26, 0.30])  # .204 to .284


def test_weights_count_and_half_of_them_must_be_known() -> None:
    weighed = {**SCORE, "weights": {"a": 3}}
    figures = pd.DataFrame({"margin_rate": 0.1, "a": [10.0, 10, np.nan], "b": [0.0, np.nan, 10]})
    placed, _ = place(figures, model(FIGURE, weighed))
    assert placed["y"].tolist()[:2] == pytest.approx([0.75, 1])  # (3·1 + 0)/4; b unknown: only a
    assert np.isnan(placed["y"][2])  # b alone is a quarter of the weight


values = st.lists(st.tuples(*[st.one_of(st.none(), st.integers(0, 10))] * 3), min_size=5, max_size=15)


@given(rows=values)
def test_order_and_names_change_nothing(rows: list[tuple[int | None, ...]]) -> None:
    figures = pd.DataFrame(rows, columns=["margin_rate", "a", "b"], dtype="float64")
    figures.index = [f"K{i}" for i in range(len(rows))]
    matrix = model(FIGURE, SCORE)
    placed, cuts = place(figures, matrix)
    turned = figures.iloc[::-1].rename(index=lambda name: f"neu {name}")
    again, cuts_again = place(turned, matrix)
    assert cuts_again == pytest.approx(cuts, nan_ok=True)
    again.index = again.index.str.removeprefix("neu ")
    pd.testing.assert_frame_equal(again.loc[placed.index], placed)
    known = placed.dropna(subset=["y"])
    assert ((known["y_low"].isna()) | (known["y_low"] <= known["y_high"])).all()


def facts_of(facts_from, **tables: pd.DataFrame) -> AccountFacts:  # type: ignore[no-untyped-def]
    """Five accounts; A pays 12 for a bolt that costs B 8, C buys only what nobody else buys."""
    rows = [("A", 120.0, "bolt", 10.0), ("B", 80.0, "bolt", 10.0), ("A", 50.0, "nut", 50.0), ("B", 50.0, "nut", 50.0)]
    rows += [("C", 500.0, "own", 1.0), ("D", 200.0, "bolt", 20.0), ("E", 20.0, "nut", 20.0)]
    facts = facts_from([(a, "2025-03-01", r, p) for a, r, p, _ in rows], item_kind="product", **tables)
    units = {(a, p): q for a, _, p, q in rows}
    bought = facts.purchases
    bought = bought.assign(quantity=[units[a, p] for a, p in zip(bought["account_id"], bought["item"], strict=True)])
    return replace(facts, purchases=bought)  # type: ignore[no-any-return]


def test_prices_are_compared_among_accounts_for_the_same_products(facts_from) -> None:  # type: ignore[no-untyped-def]
    level, how = price_level(facts_of(facts_from), RULES)
    # a bolt costs (120+80+200)/40 = 10 on average, a nut 120/120 = 1. A paid 170 for what usually costs 100 + 50
    assert how == "price_compared"
    assert level.drop("C").to_dict() == pytest.approx({"A": 170 / 150, "B": 130 / 150, "D": 1, "E": 1})
    assert np.isnan(level["C"])


def test_list_prices_give_the_realised_level(facts_from) -> None:  # type: ignore[no-untyped-def]
    facts = facts_of(facts_from)
    base = pd.DataFrame({"step": ["gross"], "coverage": [1.0]})
    accounts = facts.accounts.assign(gross=[200.0, 130, 1000, 250, 0], net_net=[150.0, 130, 400, 200, 20])
    level, how = price_level(replace(facts, accounts=accounts, margin_base=base), RULES)
    assert how == "price_realised"
    assert level.tolist()[:4] == pytest.approx([0.75, 1, 0.4, 0.8])
    assert np.isnan(level["E"])
    net, how = price_level(replace(facts, accounts=accounts.drop(columns="net_net"), margin_base=base), RULES)
    assert (how, net["A"]) == ("price_before_terms", 170 / 200)
    partly = base.assign(coverage=0.5)
    assert price_level(replace(facts, accounts=accounts, margin_base=partly), RULES)[1] == "price_compared"


def test_what_an_account_costs_is_a_share_of_its_revenue(facts_from) -> None:  # type: ignore[no-untyped-def]
    facts = facts_of(facts_from)
    accounts = facts.accounts.assign(selling=[17.0, np.nan, 50, 20, 2], service=[np.nan, np.nan, 50, 20, np.nan])
    figures, notes = portfolio_figures(replace(facts, accounts=accounts), history_until(facts), NO_SPOTS, RULES)
    assert figures["cost_to_serve"].tolist() == pytest.approx([0.1, np.nan, 0.2, 0.2, 0.1], nan_ok=True)
    assert notes == ["price_compared"]
    alone = replace(facts, accounts=accounts.drop(columns="service"))
    assert portfolio_figures(alone, history_until(alone), NO_SPOTS, RULES)[1] == ["price_compared", "service_unknown"]


def test_the_first_matrix_that_can_be_assessed_stands_in_front(facts_from) -> None:  # type: ignore[no-untyped-def]
    facts = facts_of(facts_from)
    keys = pd.Index(list("CDABE"), name="account_id")
    found = place_key_accounts(facts, keys, NO_SPOTS, RULES)
    models = found.models.set_index("model")
    assert (found.main, models["assessable"].any()) == ("", False)
    assert models.loc["price_cost", "missing"] == ("budgets.account_id", "budgets.cost_type", "budgets.actual")
    assert models.loc["revenue_margin", "missing"] == ("transactions.margin",)
    # nobody has a place on any matrix of the main part, so the first one is asked for; C has no price either
    lacks = found.profile.set_index("account_id")["missing"]
    assert lacks["A"] == models.loc["price_cost", "missing"]
    assert lacks["C"] == ("transactions.list_price", "transactions.product_id", "transactions.quantity", *lacks["A"])
    margins = facts.accounts.assign(margin=[10.0, 20, 30, 40, 50], margin_coverage=1.0)
    found = place_key_accounts(replace(facts, accounts=margins), keys, NO_SPOTS, RULES)
    assert found.main == "revenue_margin"
    # by revenue C 500, D 200, A 170, B 130, E 20: median 170; rates .06, .2, .059, .154, 2.5: median .154
    first = found.positions[found.positions["model"] == "revenue_margin"].set_index("account_id")["quadrant"]
    assert first.to_dict() == {"C": "high_low", "D": "high_high", "A": "high_low", "B": "low_high", "E": "low_high"}
    partly = place_key_accounts(
        replace(facts, accounts=margins.assign(margin=[10.0, 20, 30, 40, np.nan])), keys, NO_SPOTS, RULES
    )
    assert partly.main == ""  # five places are needed; E alone has none
    assert partly.profile["missing"].tolist() == [(), (), (), (), ("transactions.margin",)]
    assert found.profile["price_level"].tolist()[:4] == pytest.approx([np.nan, 1, 170 / 150, 130 / 150], nan_ok=True)
    costs = margins.assign(selling=[1.0, 2, 3, 4, 5])
    prices = place_key_accounts(replace(facts, accounts=costs), keys, NO_SPOTS, RULES)
    assert prices.main == "revenue_margin"  # only four accounts have a price
    fewer = RULES.model_copy(update={"fewest": RULES.fewest.model_copy(update={"value": 4})})
    assert place_key_accounts(replace(facts, accounts=costs), keys, NO_SPOTS, fewer).main == "price_cost"


def test_ratings_feed_an_axis_and_say_who_rated(facts_from) -> None:  # type: ignore[no-untyped-def]
    items = ["Strategische Bedeutung", "Schwierigkeit"]
    rows = [(a, item, 1 + i, "KAM") for i, a in enumerate("ABCDE") for item in items]
    rows.append(("A", items[0], 5, "Leitung"))
    rated = pd.DataFrame(rows, columns=["account_id", "item", "value", "rated_by_role"])
    found = place_key_accounts(facts_of(facts_from, ratings=rated), pd.Index(list("ABCDE")), NO_SPOTS, RULES)
    difficult = found.positions[found.positions["model"] == "importance_difficulty"].set_index("account_id")
    assert difficult["y"].to_dict() == pytest.approx({"A": 0, "B": 0.25, "C": 0.5, "D": 0.75, "E": 1})
    # importance counts twice, dependence on the account once: A is rated (1+5)/2 → .5, and has 170 of 1,020 of the revenue
    assert difficult["x"]["A"] == pytest.approx((2 * 0.5 + 0.5 + (170 / 1020 - 0.1) / 0.2 * 0.5) / 3)
    assert found.raters.to_dict("records") == [
        {"item": items[1], "rated_by_role": "KAM", "n": 5},
        {"item": items[0], "rated_by_role": "KAM", "n": 5},
        {"item": items[0], "rated_by_role": "Leitung", "n": 1},
    ]


def test_whatever_is_wrong_with_the_rules_is_told(tmp_path) -> None:  # type: ignore[no-untyped-def]
    kit = load_portfolio_rules().model_dump(mode="json")
    kit["portfolios"] = {
        "mine": {"source": "", "evidence": "convention", "x": {"unit": "percent"}, "y": FIGURE | SCORE}
    }
    (tmp_path / "rules").mkdir()
    import yaml

    (tmp_path / "rules" / "portfolio.yml").write_text(yaml.safe_dump(kit))
    with pytest.raises(EngagementError) as problem:
        load_portfolio_rules(tmp_path)
    assert str(problem.value) == (
        "rules/portfolio.yml: 2 problems found\n- portfolios.mine.x: give either figure or indicators\n"
        "- portfolios.mine.y: give either figure or indicators"
    )
    kit["portfolios"] = {
        "mine": {"source": "", "evidence": "convention", "x": FIGURE, "y": {**SCORE, "weights": {"c": 1}}}
    }
    (tmp_path / "rules" / "portfolio.yml").write_text(yaml.safe_dump(kit))
    with pytest.raises(EngagementError) as problem:
        load_portfolio_rules(tmp_path)
    assert str(problem.value) == (
        "rules/portfolio.yml: 1 problem found\n- portfolios.mine.y: weights: c is no indicator of this axis"
    )
