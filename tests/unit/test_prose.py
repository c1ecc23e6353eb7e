from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from kamkit.analysis.pareto import rank_accounts
from kamkit.model.codes import Basis, Verdict
from kamkit.model.results import ManagedCapacity
from kamkit.telling.kam_types import types_headline
from kamkit.telling.prose import (
    Sentence,
    glance_headline,
    highlights,
    import_headline,
    largest_account_sentence,
    options_headline,
    pareto_headline,
    plan_headline,
    stability_sentence,
    three_findings,
    tiers_headline,
)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "de",
            [
                "5 von 16 Kunden bringen 82 % des Umsatzes; betreuen lassen sich 3 davon (69 % des Umsatzes).",
                "Bei einem Key Account ist das Abwanderungsrisiko hoch; dort stehen 90 € Umsatz auf dem Spiel.",
                "Weiße Flecken bei einem Key Account lassen auch ohne unser Zutun 20 € zusätzlichen Umsatz erwarten.",
            ],
        ),
        (
            "en",
            [
                "5 of 16 accounts bring 82% of revenue; 3 of them can be managed (69% of revenue).",
                "One key account is at high risk of leaving; €90 of revenue is at stake there.",
                "Whitespace with one key account suggests €20 of additional revenue even without our doing.",
            ],
        ),
    ],
)
def test_three_findings_open_the_report(told, language: str, expected: list[str]) -> None:  # type: ignore[no-untyped-def]
    client = told(language=language)
    found = three_findings(client.key_accounts, client.kam_types, client.options, client.labels)
    assert [plain(sentence) for sentence in found] == expected


def test_a_list_that_mostly_gets_basic_care_does_not_boast(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    advice = client.options.recommendations
    first = advice["account_id"] == advice["account_id"].iloc[0]
    basic = advice.assign(recommended_option=advice["recommended_option"].where(first, "basic_care"))
    found = options_headline(replace(client.options, recommendations=basic), client.key_accounts, client.labels)
    assert plain(found).startswith(
        "Für 4 von 5 Key Accounts bleibt vorerst die Grundbetreuung, weil Angaben fehlen; sonst "
    )


def test_the_norm_speaks_of_revenue_whatever_accounts_are_ranked_by(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    ranked = client.key_accounts.pareto.table
    by_margin = rank_accounts(ranked, basis=Basis.MARGIN)
    found = largest_account_sentence(replace(client.key_accounts, pareto=by_margin), client.labels)
    assert by_margin.table["name"].iloc[0] != ranked["name"].iloc[0]  # the most profitable account is another one
    assert found == largest_account_sentence(client.key_accounts, client.labels)


def test_findings_that_do_not_hold_make_room_for_others(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    risk = client.options.account_risk.assign(level="green")
    options = replace(client.options, account_risk=risk, cross_selling=client.options.cross_selling.head(0))
    assert [plain(s) for s in three_findings(client.key_accounts, client.kam_types, options, client.labels)][1:] == [
        "„Kunde 1“ allein steht für 36 % des Umsatzes und erreicht damit die 10 %, ab denen börsennotierte "
        "Unternehmen über einen Kunden berichten (IFRS 8.34).",
        "Für 3 von 5 Key Accounts bleibt vorerst die Grundbetreuung, weil Angaben fehlen; sonst wird am häufigsten "
        "Beziehungsmanagement empfohlen (1).",
    ]


def test_key_accounts_in_name_only_are_told_to_those_who_decide(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    existence = replace(client.kam_types.existence, verdict=Verdict.PSEUDO)
    results = (client.key_accounts, replace(client.kam_types, existence=existence), client.options, client.labels)
    said = (
        "Key Accounts werden geführt, aber nicht als solche betreut: Vorteile oder eigene Budgets fehlen nachweislich."
    )
    assert three_findings(*results)[1] == said
    assert said not in three_findings(*results, candid=False)


def test_what_cannot_be_assessed_is_not_zero(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    unknown = client.options.account_risk.assign(level=None)
    options = replace(client.options, account_risk=unknown, cross_selling=client.options.cross_selling.head(0))
    found = highlights(client.key_accounts, client.kam_types, options)
    assert (found.at_risk, found.potential) == (None, None)
    assert (
        plain(glance_headline(client.key_accounts, found, client.labels))
        == "5 von 16 Kunden bringen 82 % des Umsatzes."
    )


def test_a_white_spot_behind_a_closed_gate_is_no_potential(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    found = highlights(client.key_accounts, client.kam_types, client.options)
    assert (found.n_white_spots, found.potential, found.n_red, found.at_risk) == (1, 20.0, 1, 90.0)
    assert (found.n_borderline, found.n_unclear) == (2, 1)


def test_headlines_of_the_steps(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    labels = client.labels
    assert [
        plain(sentence)
        for sentence in (
            import_headline(client.imported, labels),
            pareto_headline(client.key_accounts, labels),
            stability_sentence(client.key_accounts, labels),
            types_headline(client.kam_types, client.key_accounts, labels),
            options_headline(client.options, client.key_accounts, labels),
            plan_headline(client.options, labels),
        )
    ] == [
        "990 von 1.000 Buchungszeilen gehen in die Analyse ein: 2,5 Tsd. € Umsatz vom 02.01.2023 bis 30.12.2025. "
        "Im Zeitraum kauften 18 Kunden. Der Umsatz stimmt mit den Angaben des Auftraggebers überein.",
        "5 von 16 Kunden bringen 82 % des Umsatzes",
        "2 Kunden sind Grenzfälle: Ein etwas anderes Jahr, und sie stünden auf der anderen Seite der Schwelle.",
        "Das Key Account Management folgt dem technischen Typ. 2 Key Accounts weichen davon ab. "
        "Bei einem bleibt der Typ unklar; dort entscheidet die Vertriebsleitung.",
        "Für 3 von 5 Key Accounts bleibt vorerst die Grundbetreuung, weil Angaben fehlen; sonst wird am häufigsten "
        "Beziehungsmanagement empfohlen (1).",
        "Ein Schritt für die nächsten 90 Tage: 90 € Umsatz sind zu sichern.",
    ]


def test_revenue_that_does_not_reconcile_is_said_with_the_worst_year(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    years = pd.DataFrame(
        {
            "fiscal_year": [2024, 2025],
            "stated": [100.0, 100.0],
            "imported": [101.5, 60.0],
            "difference": [1.5, -40.0],
            "difference_share": [0.015, -0.4],
            "within_tolerance": [False, False],
        }
    )
    imported = replace(client.imported, reconciliation=years)
    assert plain(import_headline(imported, client.labels)).endswith(
        "Der Umsatz weicht von den Angaben des Auftraggebers ab, am stärksten 2025 mit −40 €."
    )


def test_a_sentence_shows_itself_without_quotes_and_without_markup() -> None:
    sentence = Sentence("<b>A&B</b> bringt alles")
    assert repr(sentence) == "<b>A&B</b> bringt alles"
    assert "&lt;b&gt;A&amp;B&lt;/b&gt; bringt alles" in sentence._repr_html_()


@pytest.mark.parametrize(
    ("capacity", "tiers", "said"),
    [
        (None, {}, "wie viele davon sich betreuen lassen, ist noch nicht bekannt."),
        (9, dict.fromkeys(range(5), "managed"), "sie alle lassen sich betreuen."),
        (1, {0: "managed"}, "betreuen lässt sich einer davon (36 % des Umsatzes)."),  # 900 of 2475
        (2, dict.fromkeys((0, 1, 2), "managed"), "zur Betreuung vorgesehen sind 3 (69 % des Umsatzes), die Kapazität reicht für 2."),
        (3, dict.fromkeys((0, 1, 7), "managed"), "zur Betreuung vorgesehen sind 3 (59 % des Umsatzes)."),  # 1470 of 2475
    ],
    ids=["unknown", "all", "one", "more_than_capacity", "one_outside_by_decision"],
)  # fmt: skip
def test_the_headline_names_both_tiers(told, capacity, tiers, said) -> None:  # type: ignore[no-untyped-def]
    client = told()
    found = client.key_accounts
    rows = ["key" if i < 5 else "other" for i in range(16)]
    changed = found.tiers.assign(tier=[tiers.get(i, row) for i, row in enumerate(rows)])
    found = replace(found, tiers=changed, capacity=ManagedCapacity(accounts=capacity))
    assert plain(tiers_headline(found, client.labels)) == f"5 von 16 Kunden bringen 82 % des Umsatzes; {said}"
