"""Tests on history in a client's words: whole sentences, in counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.backtest import told_together
from kamkit.analysis.judging import judge, judge_lists, untestable
from kamkit.analysis.options import ranking
from kamkit.analysis.options.baskets import Hits
from kamkit.analysis.options.ranking import Method
from kamkit.telling.backtests import backtest_sentences, holds_on_history
from kamkit.telling.tables import backtests_table

DAY = pd.Timestamp("2025-06-30")


def warnings(hits: int, of_largest: int) -> list[dict[str, Any]]:
    """Eighty accounts, of which 24 stop: `hits` of them among the ten warnings, `of_largest` among the ten largest."""
    ids, rank = [f"A{i:03d}" for i in range(80)], np.arange(80)
    event = np.isin(rank, [*range(hits), *range(10, 34 - hits)])
    largest = np.isin(rank, [*range(of_largest), *range(40, 50 - of_largest)])
    frame = pd.DataFrame(
        {
            "account_id": ids,
            "score": -rank.astype(float),
            "event": event,
            "baseline_account_size": largest.astype(float),
        }
    )
    about = {"task": "risk_stop", "cut_off": DAY, "population": "active_26_weeks"}
    return [row | {"months": 3} for row in judge(frame.assign(**about), draws=50)]


def proposals(own: int, popular: int) -> list[dict[str, Any]]:
    """Forty accounts with a first purchase, so many of them hit by the method and by what is popular."""

    def hits(n: int) -> Hits:
        return Hits(np.array([[i < n] for i in range(40)]), np.ones(40, dtype=int), pd.Index(range(40)))

    by_method = {"popularity": hits(popular), "peers": hits(popular), "ease": hits(own)}
    found = ranking.Tested(DAY, 3, 40, 50, "ease", by_method, expected=10.0, brought=9.0)
    return judge_lists(Method("ease", "best", 20.0, tested=found), DAY)


def said(told: Callable[..., Any], rows: list[dict[str, Any]], language: str = "de") -> tuple[str, ...]:
    client = told(language=language)
    return backtest_sentences(replace(client.options, backtests=told_together(rows)), client.labels)


def test_warnings_are_counted_beside_chance_and_the_largest_accounts(told: Callable[..., Any]) -> None:
    (sentence,) = said(told, warnings(7, 2))
    about = "Kauft nichts, binnen 3 Monaten nach dem Stichtag (Kunden mit Bestellung in den letzten 26 Wochen): "
    assert sentence.startswith(about)
    assert sentence.endswith(
        "): 7 von 10 Warnungen trafen zu; durch Zufall wären es 3, mit den größten Kunden zuerst 2."
    )
    (sentence,) = said(told, warnings(7, 2), "en")
    assert sentence.endswith("7 of 10 warnings came true; by chance it would be 3, with the largest accounts first 2.")


def test_a_simple_rule_that_does_as_well_is_named(told: Callable[..., Any]) -> None:
    (sentence,) = said(told, warnings(6, 6))
    assert sentence.endswith(
        "mit den größten Kunden zuerst 6. Die einfache Regel „große Kunden zuerst“ hätte 6 getroffen."
    )


def test_what_chance_explains_is_not_claimed(told: Callable[..., Any]) -> None:
    rows = [row | {"p_value": 0.4} if row["metric"] == "auc" else row for row in warnings(4, 2)]
    (sentence,) = said(told, rows)
    assert sentence.endswith("zuerst 2. Das Verfahren war nicht nachweisbar besser als der Zufall.")


def test_proposals_are_counted_beside_what_sells_best(told: Callable[..., Any]) -> None:
    assert said(told, proposals(22, 13)) == (
        "Cross-Selling: Erstkäufe, binnen 3 Monaten nach dem Stichtag (Kunden, die in dieser Zeit erstmals etwas kauften): Von 40 Kunden mit einem Erstkauf kauften 22 etwas aus ihren "
        "zehn Vorschlägen; mit den meistverkauften Artikeln wären es 13.",
    )
    assert said(told, proposals(13, 13))[0].endswith(
        "wären es 13. Das Verfahren war nicht nachweisbar besser als die meistverkauften Artikel."
    )


def test_directions_are_counted_beside_last_year_and_the_last_course(told: Callable[..., Any]) -> None:
    about = {"task": "direction", "population": "antenna_candidates", "cut_off": pd.NaT, "n": 24, "events": 12}
    found = about | {"metric": "direction_hits", "value": 0.75, "p_value": 0.2}
    others = {"chance": 0.5, "seasonal": 0.25, "persistence": 0.625}
    rows = [found | {"baseline": name, "baseline_value": value} for name, value in others.items()]
    assert said(told, rows)[0].endswith(
        "18 von 24 Vorhersagen der Richtung trafen zu; durch Zufall wären es 12, mit „wie im Vorjahr“ 6, mit „weiter wie "
        "zuletzt“ 15. Die Marktantenne traf die Richtung nicht nachweisbar öfter als einfache Regeln."
    )


def test_a_buffer_is_told_with_its_placebo(told: Callable[..., Any]) -> None:
    warned = [row | {"population": "shocked_accounts", "task": "buffer"} for row in warnings(7, 2)]
    calm = [
        row | {"population": "calm_accounts", "task": "buffer_placebo", "p_value": np.nan} for row in warnings(3, 2)
    ]
    buffer, placebo = said(told, [*warned, *calm])
    held = "Von den 10 Kunden mit der festesten Beziehung hielten {} ihre Menge; durch Zufall wären es 3."
    assert buffer.endswith(held.format(7))
    assert placebo.endswith(held.format(3))


def test_people_are_told_beside_the_model_and_without_an_effect(told: Callable[..., Any]) -> None:
    decided = {
        "task": "key_account_decisions",
        "population": "decided_accounts",
        "cut_off": pd.NaT,
        "n": 24,
        "events": 18,
    }
    decided |= {"metric": "people_right", "value": 0.75, "baseline": "model", "baseline_value": 0.875, "p_value": 0.3}
    chosen = {"task": "option_decisions", "population": "chosen_accounts", "cut_off": pd.NaT, "n": 21, "events": 12}
    chosen |= {"metric": "revenue_change", "value": 0.3, "baseline": "other_accounts", "baseline_value": -0.1}
    people, followed = said(told, [decided, chosen])
    assert people.endswith(
        "18 von 24 Entscheidungen waren richtig; mit dem Vorschlag aus den Daten wären es 21. Ein Unterschied ist damit nicht "
        "nachgewiesen."
    )
    assert followed.endswith(
        "Nach 21 Entscheidungen änderte sich der Umsatz im Jahr danach im Median um +30\u00a0%, bei den übrigen Kunden um "
        "−10\u00a0%; das beschreibt und beweist keine Wirkung."
    )


def test_what_cannot_be_tested_says_why(told: Callable[..., Any]) -> None:
    rows = [
        untestable("risk_fall", "key_accounts", "few_events", DAY, 60, 7),
        untestable("cross_selling", "new_buyers", "short_history", DAY),
        untestable("takeover", "all", "one_client", None),
    ]
    few, short, takeover = said(told, rows)
    assert few.endswith("nicht statistisch prüfbar. Der Fall trat 7-mal ein, nötig sind 20 Fälle.")
    assert short.endswith("nicht statistisch prüfbar. Die Historie ist zu kurz; es fehlen ältere Buchungen.")
    assert takeover == (
        "Aufkauf durch den Kunden (alle Kunden): nicht an der Historie testbar. Ein Aufkauf geschieht bei einem "
        "Unternehmen höchstens einmal."
    )


def test_the_table_shows_all_cut_offs_together_against_chance_and_the_best_rule(told: Callable[..., Any]) -> None:
    client = told()
    rows = [*warnings(7, 2), untestable("takeover", "all", "one_client", None)]
    table = backtests_table(replace(client.options, backtests=told_together(rows)), client.labels)
    assert len(table.columns) <= 8
    precision = next(row for row in table.cells if row[4] == "Genauigkeit der Warnungen")
    assert precision[2:4] == ("80", "24")
    assert precision[5].startswith("70\u00a0% (")
    assert precision[6:] == ("30\u00a0%", "große Kunden zuerst: 20\u00a0%")
    assert table.cells[-1][4:] == ("nicht statistisch prüfbar", "–", "–", "–")


def test_a_test_holds_fails_or_was_not_possible() -> None:
    rows = pd.DataFrame(
        {
            "task": ["risk", "cross_selling", "cross_selling", "antenna"],
            "value": [0.8, 0.4, 0.4, None],
            "claims": [True, False, False, False],
        }
    )
    assert [holds_on_history(rows, task) for task in ("risk", "cross_selling", "antenna", "alliance")] == [
        True,
        False,
        None,
        None,
    ]
