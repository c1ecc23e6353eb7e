"""Portfolio, split and investment as people read them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from kamkit.deliver.html import render_html
from kamkit.model.portfolio_rules import load_portfolio_rules
from kamkit.model.results import Allocation, Investment, Portfolio
from kamkit.telling.chart_data import Frame
from kamkit.telling.language import Labels
from kamkit.telling.portfolio_chart import plot_portfolio
from kamkit.telling.portfolio_words import (
    allocation_sentences,
    break_even_points,
    flat_maximum,
    investment_headline,
    missing_sentence,
    portfolio_headline,
    talked_about_first,
    written,
)
from kamkit.telling.questions import open_questions
from kamkit.telling.results import portfolio_frame, result_files
from kamkit.telling.tables import allocation_table, portfolio_models_table, positions_table, raters_table

RULES = load_portfolio_rules().allocation
DE = Labels("de", "de_DE", "EUR")
COSTLY = {"break_even_on": "total", "break_even_cost": 90_000.0}


def plain(text: object) -> str:
    return str(text).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (Investment(**COSTLY, break_even_share=0.75, break_even_revenue=4e5), "Key Account Management kostet 90,0 Tsd. € im Jahr. Das trägt sich, wenn 75 % des gefährdeten Deckungsbeitrags gehalten werden."),
        (Investment(**COSTLY, break_even_share=1.5, break_even_revenue=4e5), "Key Account Management kostet 90,0 Tsd. € im Jahr. Der gefährdete Deckungsbeitrag allein trägt das nicht; mit 400 Tsd. € zusätzlichem Umsatz wäre es verdient."),
        (Investment(**COSTLY), "Key Account Management kostet 90,0 Tsd. € im Jahr. Ob sich das trägt, ist nicht beurteilbar."),
        (Investment(break_even_on="additional", break_even_cost=500.0, break_even_share=0.1, n_managed=1), "Einen Key Account zu betreuen, kostet 500 € im Jahr mehr als heute. Das trägt sich, wenn 10 % des gefährdeten Deckungsbeitrags gehalten werden."),
        (Investment(break_even_on="additional", break_even_cost=-500.0, n_managed=9), "9 Key Accounts zu betreuen, kostet 500 € im Jahr weniger als heute."),
        (Investment(break_even_on="additional", break_even_cost=0.0, n_managed=9), "9 Key Accounts zu betreuen, kostet so viel wie heute."),
        (Investment(margin_at_risk=7e3, revenue_at_risk=3e4), "Was Key Account Management kostet, ist noch nicht bekannt; zu sichern sind 7,0 Tsd. € Deckungsbeitrag."),
        (Investment(revenue_at_risk=3e4), "Was Key Account Management kostet, ist noch nicht bekannt; zu sichern sind 30,0 Tsd. € Umsatz."),
        (Investment(margin_at_risk=-4.0, revenue_at_risk=90.0), "Was Key Account Management kostet, ist noch nicht bekannt."),
    ],
    ids=["share", "more_than_at_risk", "unknown", "additional", "saving", "same", "no_cost", "no_margin", "loss_at_risk"],
)  # fmt: skip
def test_the_investment_in_one_sentence(found: Investment, sentence: str) -> None:
    assert plain(investment_headline(found, DE)) == sentence


def test_what_is_undefined_is_said_to_be() -> None:
    assert [plain(point) for point in break_even_points(Investment(**COSTLY), DE)] == [
        "Gerechnet mit den ganzen Kosten von 90,0 Tsd. €, da sich Budgets und Personalkosten nicht voneinander abziehen lassen.",
        "Der nötige zusätzliche Umsatz ist nicht beurteilbar: Die Deckungsbeitragsquote der Key Accounts fehlt oder ist nicht positiv.",
        "Ein Anteil des gefährdeten Deckungsbeitrags lässt sich nicht angeben: Er ist nicht bekannt oder nicht positiv.",
    ]  # fmt: skip
    assert list(break_even_points(Investment(), DE)) == ["Nicht beurteilbar, solange die Kosten nicht bekannt sind."]
    over = Investment(**COSTLY, break_even_share=1.5, break_even_revenue=4e5, margin_rate=0.225)
    assert [plain(point) for point in break_even_points(over, DE)][1:] == [
        "400 Tsd. € zusätzlicher Umsatz brächten das ein, bei der Deckungsbeitragsquote der Key Accounts von 22 %.",
        "Der gefährdete Deckungsbeitrag reicht dafür nicht: Nötig wären 150 % davon.",
    ]


def rows_of(**columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_the_split_is_told_with_its_limit_and_what_is_left() -> None:
    table = rows_of(
        kind=["budget"] * 2, account_id=["A", "B"], today=[100.0, 100], optimum=[190.0, 10], proposed=[120.0, 75],
        change=[0.2, -0.25], limited=[False, True],
    )  # fmt: skip
    totals = rows_of(
        kind=["budget", "time"], total=[260.0, np.nan], unallocated=[5.0, np.nan], n=[2, 0], n_without=[1, 3],
        missing=[(), ("interactions.date", "transactions.margin")],
    )  # fmt: skip
    assert [plain(s) for s in allocation_sentences(Allocation(table, totals), RULES, DE)] == [
        "Nach Deckungsbeitrag verteilt, würden von den Budgets der Key Accounts (260 €) 20 € umgeschichtet, je Kunde und Jahr "
        "höchstens 25 %; bei 1 von 2 greift diese Grenze.",
        "5 € bleiben dabei frei: Die Grenze lässt sie nirgends unterbringen.",
        "Ein Key Account bleibt außen vor, weil Budget oder Deckungsbeitrag fehlt; über ihn wird einzeln entschieden.",
        "Wie sich die Zeit besser verteilen ließe, ist nicht beurteilbar; es fehlen Kontakte mit Datum und Deckungsbeitrag oder "
        "Kosten je Zeile.",
    ]
    assert plain(flat_maximum(RULES, DE)).startswith(
        "Auf das Ganze kommt es weniger an als auf die Verteilung: Bis zu 25 % neben der besten Höhe kosten wenig, und im Mittel "
        "der Studien kommen 71 % des Gewinns aus der Verteilung."
    )


def test_a_value_on_an_axis_reads_as_what_it_is() -> None:
    told = [
        written(*args)
        for args in ((1234.0, "money", DE), (0.64, "score", DE), (0.12, "change", DE), (-0.1, "change", DE))
    ]
    assert [plain(t) for t in told] == ["1,2 Tsd. €", "6,4", "+12 %", "−10 %"]
    assert plain(written(0.0115, "percent", DE, (0.0, 0.005))) == "1,2 %"
    assert plain(written(0.3, "percent", DE, (0.25, 0.3))) == "30 %"
    assert plain(written(0.0115, "percent", DE, (0.0115, 0.0119))) == "1,15 %"
    ticks = (0.010, 0.011, 0.012)  # in floats 0.011 − 0.010 is below 0.001
    assert [plain(written(tick, "percent", DE, ticks)) for tick in ticks] == ["1,0 %", "1,1 %", "1,2 %"]


@pytest.fixture
def client(told, assessed):  # type: ignore[no-untyped-def]
    """The client with budgets of four key accounts, so that all three can be told."""
    rows = pd.DataFrame({"account_id": [f"000{i}" for i in range(1, 5)], "actual": [50.0, 30, 20, 10]})
    rows = rows.astype({"account_id": "string"}).assign(segment=pd.NA, year=2025, plan=np.nan, cost_type="Vertrieb")
    known = told()
    return replace(known, options=assessed(known, tables={"budgets": rows}))


def test_portfolio_and_investment_have_their_pages(client) -> None:  # type: ignore[no-untyped-def]
    story = client.story()
    assert [section.key for section in story.main][-2:] == ["portfolio", "investment"]
    keys = [section.key for section in story.appendix]
    assert keys[keys.index("missing") + 1] == "portfolios"
    portfolio, investment = story.main[-2:]
    assert plain(portfolio.finding) == "Zuerst zu besprechen: die Deckungsbeitragsquote bei Kunde 1."
    assert [plain(f"{tile.value} {tile.title} {tile.note}").strip() for tile in investment.tiles] == [
        "110 € Kosten heute, im Jahr aus den Budgets",
        "110 € Kosten künftig, im Jahr unverändert, anders verteilt",
        "−4 € Deckungsbeitrag mit hohem Abwanderungsrisiko Spanne −4 € bis 11 €",
        "6 € Erwartbarer zusätzlicher Deckungsbeitrag",
    ]
    assert [sheet.key for sheet in story.sheets] == [
        "pareto", "key_accounts", "recommendations", "plan", "decisions", "accounts", "types", "options", "portfolio",
        "value", "intensity", "weights", "method",
    ]  # fmt: skip
    assert plain(story.main[-1].lists[-1].points[0]) == (
        "Damit ließe sich mehr sagen: Stellen im Key Account Management, Stunden je Stelle und Jahr für Kunden, Stunden je Key "
        "Account und Jahr und Kosten je Stelle."
    )


@pytest.mark.parametrize("audience", ["field", "customer_meeting"])
def test_field_sales_and_customers_see_none_of_it(client, audience: str) -> None:  # type: ignore[no-untyped-def]
    story = client.story(audience)
    assert {"portfolio", "investment", "portfolios"} & {s.key for s in (*story.main, *story.appendix)} == set()
    assert "portfolio" not in {sheet.key for sheet in story.sheets}
    page = render_html(story)
    for word in ("Investition", "Nettopreis", "Deckungsbeitragsquote", "Albers", "110 €", "Stellen im Key"):
        assert plain(word) not in plain(page), word
    assert "Deckungsbeitragsquote" in plain(render_html(client.story()))


def test_the_chart_numbers_who_is_managed(client) -> None:  # type: ignore[no-untyped-def]
    chart = plot_portfolio(client.options.portfolio, client.key_accounts, DE, Frame(client.facts.period))
    texts = [plain(text.get_text()) for text in chart.figure.texts]
    title = "1 von 5 Key Accounts bringt viel Umsatz bei niedriger Deckungsbeitragsquote; er steht für 45 % des Umsatzes aller"
    assert " ".join(texts).startswith(title)
    assert [n for n in ("1", "2", "3", "4", "5") if texts.count(n) == 2] == [
        "1",
        "2",
        "3",
    ]  # on the chart and in the key
    assert {"Kunde 1", "Kunde 3"} <= set(texts)
    assert "Kunde 4" not in texts
    (axes,) = chart.figure.axes
    bubbles = {c.get_label(): 0 for c in axes.collections}
    for collection in axes.collections:
        bubbles[collection.get_label()] += len(collection.get_offsets())
    assert bubbles == {"numbered": 3, "others": 2}
    areas = sorted((c.get_sizes()[0] for c in axes.collections if c.get_label() == "numbered"), reverse=True)
    assert areas[0] / areas[1] == pytest.approx(900 / 500, rel=0.1)  # area in proportion to revenue
    assert plain(chart.alt_text).startswith("Blasen für 5 Key Accounts nach Umsatz und Deckungsbeitragsquote.")


def test_without_a_matrix_the_chart_says_why(client) -> None:  # type: ignore[no-untyped-def]
    chart = plot_portfolio(Portfolio(), client.key_accounts, DE, Frame(client.facts.period))
    assert chart.alt_text == portfolio_headline(Portfolio(), client.key_accounts, DE)
    assert chart.figure.axes == []


def test_tables_hold_every_matrix_with_what_it_lacks(client) -> None:  # type: ignore[no-untyped-def]
    found = client.options.portfolio
    models = {row["matrix"]: row for row in portfolio_models_table(found, DE).records()}
    assert plain(models["Umsatz und Deckungsbeitragsquote"]["cuts"]) == "300 € · 30 %"
    assert models["Nettopreis und Betreuungsaufwand"]["missing"].startswith("Listenpreise, Artikelnummern, Mengen,")
    positions = positions_table(found, client.key_accounts, DE)
    assert [column.title for column in positions.columns[:3]] == ["Rang", "Kunde", "Umsatz und Deckungsbeitragsquote"]
    assert [row[2] for row in positions.cells] == [
        "hoch / niedrig",
        "hoch / hoch",
        "hoch / hoch",
        "niedrig / hoch",
        "niedrig / hoch",
    ]
    split = allocation_table(client.options, client.key_accounts, DE)
    assert split.raw(0, "name") == "Kunde 1"
    rated = replace(found, raters=rows_of(item=["Vertrauen"], rated_by_role=["KAM"], n=[5]))
    assert raters_table(rated, DE).cells == (("Vertrauen", "KAM", "5"),)


def test_what_is_missing_is_asked_for(client) -> None:  # type: ignore[no-untyped-def]
    asked = {q.about for q in open_questions(client.imported, client.facts, DE, client.key_accounts, client.kam_types, client.options)}  # fmt: skip
    assert {"kam_cost", "budgets"} <= asked
    assert "capacity" not in asked  # three are known
    assert missing_sentence(Investment(), DE) == ""


def test_result_files_say_where_and_how_much(client) -> None:  # type: ignore[no-untyped-def]
    frame = portfolio_frame(client.options.portfolio)
    first = frame[frame["in_main_part"]].iloc[0]
    assert (first["model"], first["account_id"], first["quadrant"], first["x_unit"]) == (
        "revenue_margin",
        "0001",
        "high_low",
        "money",
    )
    files = result_files(
        client.imported, client.facts, client.labels, client.key_accounts, client.kam_types, client.options
    )
    assert files["investment.json"]["cost_today"] == 110
    assert list(files["allocation.csv"]["kind"].unique()) == ["budget"]


def test_accounts_that_hardly_differ_are_not_sorted_into_fields(client) -> None:  # type: ignore[no-untyped-def]
    portfolio = client.options.portfolio
    # 10 and 90 % of five places are .4 and 3.6: 20.04 and 20.36 %
    positions = portfolio.positions.copy()
    positions.loc[positions["model"] == portfolio.main, "y"] = [0.2, 0.201, 0.202, 0.203, 0.204]
    close = replace(portfolio, positions=positions, models=portfolio.models.assign(y_close=True))
    assert plain(portfolio_headline(close, client.key_accounts, DE)) == (
        "Vier von fünf Key Accounts liegen dicht beieinander: Deckungsbeitragsquote zwischen 20,0 % und 20,4 %."
    )
    assert plain(talked_about_first(close, client.key_accounts, DE)) == (
        "Die Key Accounts unterscheiden sich hier kaum; in welchem Feld sie stehen, sagt wenig."
    )
