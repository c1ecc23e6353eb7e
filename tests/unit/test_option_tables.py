"""Heat map and tables of step 4, on two key accounts with hand-made answers."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from kamkit.analysis.concentration import measure_concentration
from kamkit.analysis.pareto import rank_accounts
from kamkit.model.brand import Palette
from kamkit.model.codes import Basis, Option
from kamkit.model.engagement import Engagement, OptionSettings, Period
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import Finding, KeyAccounts, StrategyOptions
from kamkit.telling import option_tables
from kamkit.telling.canvas import PAPER
from kamkit.telling.chart_data import Frame
from kamkit.telling.heat_map import plot_heat_map
from kamkit.telling.language import Labels
from kamkit.telling.prose import close_calls_sentence

YEAR = Period(start=dt.date(2025, 1, 1), end=dt.date(2025, 12, 31))
LABELS = Labels("de", "de_DE", "EUR")
GATES = {
    "a": {"cross_selling": ("open", 0.2), "relationship": ("open", 0.9), "takeover": ("closed", 0.1)},
    "b": {"cross_selling": ("open", 0.8), "relationship": ("closed", 0.4), "takeover": ("open", 0.6)},
}


def key_accounts() -> KeyAccounts:
    accounts = pd.DataFrame({"account_id": ["a", "b"], "name": ["Ärzte AG", "Bau $x$ GmbH"], "revenue": [60.0, 40.0]})
    pareto = rank_accounts(accounts.assign(margin=1.0), 1.0, Basis.REVENUE)
    tiers = pd.DataFrame({"account_id": ["a", "b"], "tier": "key"})
    membership = pd.DataFrame({"account_id": ["a", "b"], "membership_probability": 1.0})
    return KeyAccounts(pareto, measure_concentration(pareto.table["value"]), membership, tiers)


def found(**parts: Any) -> StrategyOptions:
    rows = [
        {
            "account_id": account_id,
            "option": str(option),
            "gate": GATES[account_id].get(option, ("not_assessable", float("nan")))[0],
            "score": GATES[account_id].get(option, ("", float("nan")))[1],
            "coverage": 1.0,
            "evidence": "cross_all_bought",
            "counter": None if option is Option.ALLIANCE else "takeover_intent",
            "precondition": "alliance",
            "risk": "alliance",
            "values": {},
        }
        for account_id in "ab"
        for option in Option
    ]
    advice = pd.DataFrame({"account_id": ["a", "b"], "recommended_option": ["relationship", "cross_selling"]})
    empty = pd.DataFrame()
    return replace(StrategyOptions(pd.DataFrame(rows), empty, empty, empty, advice, empty, empty), **parts)


def texts(options: StrategyOptions) -> list[str]:
    chart = plot_heat_map(options, key_accounts(), LABELS, Frame(YEAR))
    return [text.get_text().replace("\u00a0", " ") for text in chart.figure.texts]


def boxes(options: StrategyOptions) -> list[Rectangle]:
    chart = plot_heat_map(options, key_accounts(), LABELS, Frame(YEAR))
    axes = next(axes for axes in chart.figure.axes if axes.get_label() == "fields")
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def test_gate_and_score_can_be_told_without_colour() -> None:
    said = texts(found())
    assert said[0] == "Bei 2 Key Accounts sind 4 von 12 Feldern offen, 6 nicht beurteilbar"
    assert {"20", "80", "90", "60", "(40)", "(10)", "Gefährdung", "Bau $x$ GmbH"} <= set(said)
    assert any(text.startswith("Jede Spalte hat ihre eigene Skala") for text in said)
    drawn = boxes(found())
    assert sum(box.get_hatch() is not None for box in drawn) == 6
    assert sum(to_hex(box.get_edgecolor()) == Palette().accent.lower() for box in drawn) == 2


def test_every_column_has_a_scale_of_its_own() -> None:
    """The lowest open score of cross-selling is pale and the highest dark; one open score alone is dark."""
    filled = [box for box in boxes(found()) if not box.get_hatch() and box.get_facecolor()[3] > 0]
    filled = [box for box in filled if to_hex(box.get_facecolor()) != PAPER.lower()]
    shades = [sum(box.get_facecolor()[:3]) for box in filled]
    pale, dark, alone, exposed = shades
    assert pale > 2.7
    assert dark == pytest.approx(alone)
    assert exposed != pytest.approx(dark)


def test_who_may_not_see_exposure_gets_no_such_column() -> None:
    options = found()
    shown = replace(options, options=options.options[options.options["option"] != "takeover"])
    assert "Gefährdung" not in texts(shown)


def test_for_and_against_of_what_is_recommended() -> None:
    table = option_tables.evidence_table(found(), key_accounts(), LABELS)
    assert [row["option"] for row in table.records()] == ["Beziehungsmanagement", "Cross-Selling"]
    assert table.records()[0]["counter"] == "Absichten der Eigentümer stehen in keinen Daten."


def spot(account_id: str, item: str, status: str, then: float | None = None) -> dict[str, Any]:
    told = {"category": item, "month": dt.date(2024, 5, 1), "then": then}
    row = {"account_id": account_id, "kind": "category", "item": item, "name": item, "status": status}
    return row | {"revenue_then": then, "evidence": "spot_lapsed" if then else None, "values": told}


WHITE = pd.DataFrame(
    [
        spot("a", "Folie", "bought"),
        spot("a", "=Kartons", "never"),
        spot("b", "Folie", "bought"),
        spot("b", "=Kartons", "lapsed", 900.0),
        spot("b", "Paletten", "partner"),
    ]
)


def test_lapsed_stands_apart_from_never_bought() -> None:
    table = option_tables.whitespace_matrix(found(whitespace=WHITE), key_accounts(), LABELS)
    assert [column.title for column in table.columns] == ["Kunde", "Folie", "=Kartons", "Paletten"]
    assert table.cells == (("Ärzte AG", "●", "○", "–"), ("Bau $x$ GmbH", "●", "↓", "◇"))
    assert table.more.startswith("● gekauft; ↓ nicht mehr gekauft; ○ nie gekauft; ◇ liierter Anbieter")
    lapsed = option_tables.lapsed_table(found(whitespace=WHITE), key_accounts(), LABELS)
    assert [row["category"] for row in lapsed.records()] == ["=Kartons"]
    assert option_tables.n_given_up(found(whitespace=WHITE), key_accounts()) == 1
    assert lapsed.records()[0]["evidence"].startswith("Kaufte „=Kartons“ zuletzt im Mai 2024")


SIGNS = pd.DataFrame(
    {
        "account_id": ["a", "a", "b"],
        "sign": ["complaints", "season", "season"],
        "side": ["for", "against", "against"],
        "values": [{"value": 4, "before": 1}, {}, {}],
    }
)


def test_an_alarm_stands_between_what_speaks_for_and_against_it() -> None:
    risk = pd.DataFrame({"account_id": ["a", "b"], "level": ["red", "green"], "revenue_at_risk": [9.0, 0.0]})
    options = found(risk_signs=SIGNS, account_risk=risk.assign(chance_stop=float("nan"), chance_fall=0.4))
    (row,) = option_tables.risk_signs_table(options, key_accounts(), LABELS).records()
    assert row["name"] == "Ärzte AG"
    assert row["speaks_for"].startswith("Mehr Reklamationen: 4 ")
    assert row["counter"] == "In denselben Monaten des Vorjahres wurde auch nichts bestellt."
    assert "chance_stop" not in row
    assert row["chance_fall"].replace("\u00a0", " ") == "40 %"


CURVE = pd.DataFrame(
    [
        ("risk_stop", 1, 40, 0.05, 0.10, 0.03, 0.26, True),
        ("risk_stop", 2, 40, 0.30, 0.25, 0.12, 0.44, True),
        ("risk_fall", 1, 80, 0.40, 0.90, 0.80, 0.95, False),
    ],
    columns=["task", "bin", "n", "predicted", "observed", "observed_low", "observed_high", "holds"],
)
HELD, NOT_HELD = (
    Finding(code, "transactions", values={"task": task, "cut_off": dt.date(2025, 9, 30), "n": 80, "n_bins": 2})
    for code, task in (("chance_holds", "risk_stop"), ("chance_unreliable", "risk_fall"))
)


def test_a_reliability_curve_is_shown_where_it_holds_with_what_was_tested() -> None:
    table = option_tables.reliability_table(found(reliability=CURVE, methods=(HELD, NOT_HELD)), LABELS)
    cells = [tuple(cell.replace("\u00a0", " ") for cell in row) for row in table.cells]
    assert cells == [
        ("Kauft nichts", "40", "5 %", "10 %", "3 %", "26 %"),
        ("Kauft nichts", "40", "30 %", "25 %", "12 %", "44 %"),
    ]
    assert table.more == (
        "Wahrscheinlichkeit für „Kauft nichts“: auf früheren Stichtagen gelernt und am Stand 30.09.2025 an 80 Key Accounts "
        "geprüft; in jeder von 2 Gruppen lag die Vorhersage im Zufallsband dessen, was eintrat. Keine Wahrscheinlichkeit "
        "für „Kauft höchstens die Hälfte des Üblichen“: Am Stand 30.09.2025 lag die Vorhersage nicht in jeder von 2 Gruppen "
        "im Zufallsband dessen, was eintrat. Der Risikowert bleibt eine Reihenfolge."
    )


def test_where_no_curve_holds_a_sentence_says_why_there_is_no_probability() -> None:
    few = Finding("chance_few_events", "transactions", values={"fewest": 20})
    table = option_tables.reliability_table(found(reliability=CURVE[2:], methods=(NOT_HELD, few)), LABELS)
    assert len(table) == 0
    assert table.more.startswith("Keine Wahrscheinlichkeit für „Kauft höchstens die Hälfte des Üblichen“")
    assert table.more.endswith("sonst bleibt der Risikowert eine Reihenfolge.")


@pytest.mark.parametrize(
    ("close", "said"),
    [
        (
            (True, True),
            "Von 2 Empfehlungen sind 2 knapp: Andere Gewichte oder eine nahe Schwelle führten zu anderen.",
        ),
        (
            (False, True),
            "Von 2 Empfehlungen ist eine knapp: Andere Gewichte oder eine nahe Schwelle führten zu einer anderen.",
        ),
        (
            (False, False),
            "Keine der 2 Empfehlungen ist knapp: Andere Gewichte oder eine nahe Schwelle änderten nichts.",
        ),
    ],
)
def test_close_calls_are_counted(close: tuple[bool, bool], said: str) -> None:
    options = found()
    options = replace(options, recommendations=options.recommendations.assign(close_call=close))
    assert close_calls_sentence(options, key_accounts(), LABELS) == said


def test_what_is_not_there_is_a_sentence() -> None:
    assert option_tables.whitespace_matrix(found(), key_accounts(), LABELS).more.startswith("Ohne Warengruppen")
    assert (
        option_tables.sites_matrix(found(), key_accounts(), LABELS).more
        == "Kein Key Account kauft an mehreren Standorten."
    )


def test_weights_show_what_the_project_has_set() -> None:
    class Settings:
        options = OptionSettings(weights={"cross_selling": {"penetration": 2.0}})

    settings: Engagement = Settings()  # type: ignore[assignment]
    table = option_tables.weights_table(settings, load_option_rules(), LABELS)
    own = [row for row in table.records() if row["own_weight"] == "ja"]
    assert [(row["indicator"], row["weight"], row["part"].replace("\u00a0", " ")) for row in own] == [
        ("Verbreitung bei vergleichbaren Kunden", "2,0", "50 %")
    ]


def test_anchors_and_ranks_stand_side_by_side() -> None:
    known = {"account_id": "a", "option": "cross_selling", "value": 1.0, "anchored": 0.2}
    indicators = pd.DataFrame(
        [
            known | {"indicator": "penetration", "percentile": 0.9, "weight": 1.0},
            known | {"indicator": "open_items", "percentile": 0.3, "weight": 3.0},
        ]
    )
    table = option_tables.scores_table(found(indicators=indicators), key_accounts(), LABELS)
    first = table.records()[0]
    assert (first["option"], table.raw(0, "score")) == ("Cross-Selling", 0.2)
    assert table.raw(0, "percentile") == pytest.approx((0.9 + 3 * 0.3) / 4)
