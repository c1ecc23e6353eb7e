"""Value, exposure and the history of the list in words: what a board reads, whole sentences in both languages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from kamkit.model.results import CustomerValue, Exposure, KeyAccounts, ListHistory
from kamkit.telling.chart_data import Frame
from kamkit.telling.value import (
    concentration_sentences,
    exposure_sentences,
    list_changes_table,
    list_figures_table,
    list_history_sentences,
    losses_table,
    transitions_table,
    value_table,
    wallet_sentence,
    whale_headline,
)
from kamkit.telling.whale_chart import plot_whale

NAN = float("nan")


def plain(text: object) -> str:
    return str(text).replace("\u00a0", " ")


def with_value(key_accounts: KeyAccounts, **changes: Any) -> KeyAccounts:
    return replace(key_accounts, value=replace(key_accounts.value, **changes))


def test_the_whale_in_one_sentence(told: Callable[..., Any]) -> None:
    # margins: 150 + 90 + 60 + 36 + 27 + 24 + 21 + 18 + 15 + 12 + 9 + 6 + 3 + 1 = 472, less 40 and 5: 427; 472/427 = 111 %
    client = told()
    assert plain(whale_headline(client.key_accounts, client.labels)) == (
        "Auf 14 von 16 Kunden entfallen 111 % des Deckungsbeitrags; 2 Kunden zehren 45 € davon wieder auf"
    )
    english = told(language="en")
    assert plain(whale_headline(english.key_accounts, english.labels)) == (
        "14 of 16 accounts bring 111% of margin; 2 accounts use up €45 of it again"
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"peak": NAN, "margin_total": -30.0, "gained": 20.0, "lost": 50.0},
            "Unter dem Strich bleiben −30 € Deckungsbeitrag: 20 € bringen die einen Kunden, 50 € kosten die anderen",
        ),
        ({"n_loss_makers": 0}, "Keiner der 16 Kunden bringt einen Verlust"),
        (
            {"whale": pd.DataFrame()},
            "Wie sich der Deckungsbeitrag auf die Kunden verteilt, ist nicht beurteilbar: Es fehlen Kosten oder "
            "Deckungsbeiträge zu den Rechnungszeilen.",
        ),
    ],
)
def test_the_whale_of_other_clients(told: Callable[..., Any], changes: dict[str, Any], expected: str) -> None:
    client = told()
    changed = with_value(client.key_accounts, **changes)
    assert plain(whale_headline(changed, client.labels)) == expected
    assert plot_whale(changed, client.labels, Frame(client.facts.period)).alt_text


def test_the_whale_is_drawn_as_it_is_computed(told: Callable[..., Any]) -> None:
    client = told()
    chart = plot_whale(client.key_accounts, client.labels, Frame(client.facts.period))
    lines = {line.get_label(): line.get_ydata() for line in chart.figure.axes[0].get_lines()}
    curve = client.key_accounts.value.whale["cumulated_share"].tolist()
    assert list(lines["gained"]) == [0.0, *curve[:14]]
    assert list(lines["lost"]) == curve[13:]
    assert curve[-1] == 1.0
    assert plain(chart.alt_text) == (
        "Linie des kumulierten Deckungsbeitrags, höchster Stand 111 % nach 14 Kunden, 100 % am Ende. Verlust bringen: "
        "Kunde 1 (−40 €) und Kunde 16 (−5 €)."
    )


def test_what_the_loss_of_the_largest_means(told: Callable[..., Any]) -> None:
    # 2,475 less 15 is 2,460 of revenue; the largest has 900 and loses 40: without it the margin is 467
    client = told()
    said = [plain(sentence) for sentence in exposure_sentences(client.key_accounts, client.labels)]
    assert said == [
        "Fällt der größte Kunde, „Kunde 1“, weg, fehlen 36,6 % des Umsatzes (900 €). Der Deckungsbeitrag stiege damit um 40 € "
        "auf 467 €.",
        "Fallen auch Kunde 2 und Kunde 3 weg, fehlen zusammen 69,1 % des Umsatzes (1,7 Tsd. €). Damit gehen 200 € "
        "Deckungsbeitrag verloren; 227 € bleiben.",
        "Wie weit der verbleibende Deckungsbeitrag die Fixkosten deckt, ist nicht beurteilbar; es fehlt noch: Fixkosten des "
        "Unternehmens (Blatt „Kennzahlen“ der Eingabemappe).",
    ]
    table = losses_table(client.key_accounts, client.labels)
    assert [plain(row["revenue_left"]) for row in table.records()] == ["2,5 Tsd. €", "1,6 Tsd. €", "760 €"]


def test_who_is_on_the_disclosure_line_and_what_research_says(told: Callable[..., Any]) -> None:
    client = told()
    line, evidence = map(plain, concentration_sentences(client.key_accounts, client.labels))
    assert line == (
        "Jeweils mindestens 10 % des Umsatzes haben „Kunde 1“ (36,6 %), „Kunde 2“ (20,3 %) und „Kunde 3“ (12,2 %); ab "
        "dieser Grenze berichten börsennotierte Unternehmen über einen Kunden (IFRS 8.34). Unternehmen eines Konzerns "
        "zählen als ein Kunde."
    )
    assert evidence.endswith("Die Zahlen zeigen, was auf dem Spiel steht; sie sind kein Urteil.")
    bare = replace(client.key_accounts, exposure=Exposure())
    assert (concentration_sentences(bare, client.labels), exposure_sentences(bare, client.labels)) == ((), ())


def test_what_has_changed_in_the_list(told: Callable[..., Any]) -> None:
    client = told()
    said = [plain(sentence) for sentence in list_history_sentences(client.key_accounts, client.labels)]
    assert said == [
        "Im Zeitraum davor standen 5 Kunden auf der Liste. Geblieben: 4, gegangen: 1, hinzugekommen: 1.",
        "Die beiden Listen stimmen zu 67 % überein. Hätte sich nichts geändert, läge dieser Wert durch bloßen Zufall in "
        "neun von zehn Fällen zwischen 50 % und 90 %: Mehr als Zufall ist an den Wechseln nicht zu erkennen.",
        "Nach der Regel „hinein ab der Schwelle, hinaus erst nach zwei Jahren in Folge mehr als fünf Prozentpunkte "
        "dahinter“ blieben zusätzlich auf der Liste: Kunde 6.",
        "Einer von 5 Kunden der früheren Liste hat mindestens 20 % verloren; bei bloßem Zufall wären es 0 bis 2.",
        "Wer nach einem besonders guten Jahr auf eine Liste kommt, fällt danach im Durchschnitt zurück, auch wenn sich "
        "beim Kunden nichts geändert hat (Regression zur Mitte). Ein Vergleich von vorher und nachher beweist deshalb "
        "keine Wirkung.",
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"overlap": 0.3, "within_chance": False}, "Die Liste hat sich stärker verändert, als Zufall es erklärt."),
        (
            {"overlap": 1.0, "within_chance": False},
            "Die Liste ist beständiger, als bei bloßem Zufall zu erwarten wäre.",
        ),
        (
            {"within_chance": None, "fallen_low": None},
            "Wie viel davon Zufall ist, ist bei so wenigen Kunden oder Monaten nicht beurteilbar.",
        ),
    ],
)
def test_where_the_overlap_lies(told: Callable[..., Any], changes: dict[str, Any], expected: str) -> None:
    client = told()
    changed = replace(client.key_accounts, history=replace(client.key_accounts.history, **changes))
    assert plain(list_history_sentences(changed, client.labels)[1]).endswith(expected)


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("reason", ["year_on_year", "basis", "not_whole_years", "short_history"])
def test_why_nothing_is_compared(told: Callable[..., Any], reason: str, language: str) -> None:
    client = told(language=language)
    changed = replace(client.key_accounts, history=ListHistory(reason=reason))
    assert len(list_history_sentences(changed, client.labels)) == 1
    for table in (list_changes_table, transitions_table, list_figures_table):
        assert len(table(changed, client.labels)) == 0


def test_three_bases_in_a_table(told: Callable[..., Any]) -> None:
    client = told()
    table = client.key_accounts.value.table
    known = table["account_id"] == "0002"
    table = table.assign(wallet=table["wallet"].mask(known, 1000.0), wallet_low=900.0, wallet_high=1100.0)
    table = table.assign(wallet_source="customer", share_of_wallet=table["share_of_wallet"].mask(known, 0.5))
    changed = with_value(client.key_accounts, table=table)
    rows = [{k: plain(v) for k, v in row.items()} for row in value_table(changed, client.labels).records()]
    assert rows[0] == {
        "rank": "1",
        "name": "Kunde 1",
        "revenue": "900 €",
        "revenue_class": "A",
        "margin": "−40 €",
        "margin_class": "Verlust",
        "potential": "nicht beurteilbar",
        "share_of_wallet": "–",
    }
    assert (rows[1]["potential"], rows[1]["share_of_wallet"]) == (
        "1,0 Tsd. € (900 € bis 1,1 Tsd. €), Angabe des Kunden",
        "50 %",
    )
    assert plain(wallet_sentence(changed, client.labels)) == (
        "Das Potenzial ist für einen von 5 Key Accounts bekannt oder geschätzt. Für die übrigen ist es nicht "
        "beurteilbar; ihr Umsatz steht nicht dafür."
    )


def test_without_a_wallet_the_potential_is_not_assessable(told: Callable[..., Any]) -> None:
    client = told()
    assert "nicht beurteilbar" in wallet_sentence(client.key_accounts, client.labels)
    assert "potential" not in value_table(client.key_accounts, client.labels).records()[0]
    nothing = replace(client.key_accounts, value=CustomerValue())
    assert "nicht beurteilbar" in wallet_sentence(nothing, client.labels)
    assert len(value_table(nothing, client.labels)) == 0
