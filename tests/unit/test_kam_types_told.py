"""KAM types in words and tables: what a sales manager reads about programme, exceptions, sources and agreement."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from kamkit.model.codes import KamType, Verdict
from kamkit.model.results import Existence, KamTypes, KeyAccounts, TypeAgreement
from kamkit.telling.kam_types import (
    agreement_sentence,
    exceptions_table,
    silent_codes_table,
    type_agreement_table,
    type_evidence_table,
    type_sources_table,
    types_headline,
)
from kamkit.telling.language import Labels
from tests.unit.conftest import told_client

DE, EN = Labels("de", "de_DE", "EUR"), Labels("en", "en_GB", "EUR")
EVIDENCE = ["account_id", "block", "kam_type", "points", "reason", "detail", "value", "division"]


def found(kinds: list[str], programme: KamType = KamType.TECHNICAL, *evidence: list[Any], **more: Any) -> KamTypes:
    ids = [f"{n:04d}" for n in range(1, len(kinds) + 1)]
    table = pd.DataFrame({"account_id": ids, "kam_type": kinds, "kam_type_margin": 2, "kam_type_coverage": 0.75})
    rows = pd.DataFrame(list(evidence), columns=EVIDENCE)
    return KamTypes(programme, str(programme), Existence(Verdict.NOT_ASSESSABLE, ()), table, rows, **more)


@pytest.fixture
def ranked() -> KeyAccounts:
    return told_client().key_accounts


def plain(text: object) -> str:
    return str(text).replace("\u00a0", " ")


def test_a_programme_of_unclear_type_says_what_is_missing(ranked: KeyAccounts) -> None:
    missing = ("engagement.supplier_industry", "customers.industry_code")
    unclear = found(["unclear"] * 3, KamType.UNCLEAR, programme_missing=missing)
    assert str(types_headline(unclear, ranked, DE)) == (
        "Der Typ des Key Account Managements ist nicht zu bestimmen; die Vertriebsleitung entscheidet. Um ihn zu "
        "bestimmen, fehlen: ein Wirtschaftszweig des Auftraggebers mit klarem KAM-Typ und Branchen der Kunden (Code oder "
        "Text). Kein Key Account hat einen klaren eigenen Typ."
    )
    own = found(["unclear", "service", "service"], KamType.UNCLEAR)
    assert str(types_headline(own, ranked, EN)) == (
        "The type of key account management cannot be told; sales management decides. For 2 key accounts, evidence of "
        "their own speaks clearly for a type."
    )


def test_a_type_that_the_accounts_name_is_told_with_what_names_it(ranked: KeyAccounts) -> None:
    row = ["0001", "supplier_industry", "consumer", 0, "programme_from_product_category", "Beverages", 1.0, None]
    assert plain(types_headline(found(["consumer"] * 3, KamType.CONSUMER, row), ranked, DE)) == (
        "Das Key Account Management folgt dem Typ Konsumgüter. Die Branche des Auftraggebers ist nicht bekannt. Kunden mit "
        "100 % des Umsatzes sprechen mit den Waren, die sie kaufen (am meisten: Beverages), für: Konsumgüter. Kein Key "
        "Account weicht davon ab."
    )


def test_exceptions_give_their_two_strongest_reasons_in_words(ranked: KeyAccounts) -> None:
    kam_types = found(
        ["technical", "consumer", "unclear"],
        KamType.TECHNICAL,
        ["0001", "account_industry", "technical", 2, "account_industry", "28", None, "28"],
        ["0002", "account_industry", "consumer", 2, "account_industry", "47.11", None, "47"],
        ["0002", "product_category", "consumer", 3, "product_category", "Getränke", 0.9, None],
        ["0002", "pattern", "consumer", 1, "sites", None, 40.0, None],
        ["0002", "pattern", "service", 1, "recurring", None, 0.6, None],
        ["0003", "account_industry", "consumer", 2, "industry_text", "Handel", None, "47"],
        ["0003", "pattern", "service", 2, "service_level", "4 h", None, None],
    )
    table = exceptions_table(kam_types, ranked, DE)
    assert [plain(row["reason"]) for row in table.records()] == [
        "90 % des Umsatzes entfallen auf Waren wie „Getränke“ → Konsumgüter; Branche laut Kundenstamm: 47.11 (Einzelhandel) → Konsumgüter",
        "Branche laut Kundenstamm: Handel → Konsumgüter; "
        "Ein laufender Vertrag sichert ein Service-Level zu: 4 h → Service",
    ]
    every = type_evidence_table(kam_types, ranked, DE)
    assert [(row["name"], row["block"], row["points"]) for row in every.records()] == [
        ("Kunde 2", "Branche des Kunden", "2"),
        ("Kunde 2", "Gekaufte Waren", "3"),
        ("Kunde 2", "Verträge und Bestellmuster", "1"),
        ("Kunde 2", "Verträge und Bestellmuster", "1"),
        ("Kunde 3", "Branche des Kunden", "2"),
        ("Kunde 3", "Verträge und Bestellmuster", "2"),
    ]


def test_what_the_types_rest_on() -> None:
    sources = pd.DataFrame(
        [["supplier_industry", 0, 0, ("engagement.supplier_industry",)], ["pattern", 5, 2, ()]],
        columns=["block", "n_covered", "n_speaking", "missing"],
    )
    table = type_sources_table(found(["technical"], sources=sources), EN)
    assert [tuple(row.values()) for row in table.records()] == [
        ("Industry of the client", "0", "0", "an industry of the client with a clear KAM type"),
        ("Contracts and order patterns", "5", "2", "–"),
    ]


def test_the_confusion_matrix_and_its_sentence() -> None:
    counts = [["service", "service", 6], ["service", "technical", 4], ["technical", "technical", 18]]
    counts.append(["technical", "unclear", 2])
    agreement = TypeAgreement(
        30, 30, pd.DataFrame(counts, columns=["label", "kam_type", "n"]), 24, 0.8, 0.627, 0.906, 2 / 3, "technical"
    )
    kam_types = found(["technical"], agreement=agreement)
    assert [tuple(row.values()) for row in type_agreement_table(kam_types, DE).records()] == [
        ("Konsumgüter", "0", "0", "0", "0", "0"),
        ("Technisch", "0", "18", "0", "2", "20"),
        ("Service", "0", "4", "6", "0", "10"),
    ]
    assert plain(agreement_sentence(kam_types, DE)) == (
        "Bei 24 von 30 Kunden mit entschiedenem KAM-Typ traf der Vorschlag zu (mit 95 % Sicherheit 63 % bis 91 %). Gäbe man "
        "allen den häufigsten Typ (Technisch), wären es 67 %. Wer beim Entscheiden den Vorschlag vor sich hatte, stimmt ihm "
        "eher zu."
    )


@pytest.mark.parametrize(
    ("n", "said"),
    [
        (0, "No account's KAM type has been decided yet (sheet “Decisions” of the inputs workbook); a comparison with the "
            "proposals needs 30 accounts."),
        (1, "The KAM type of one account has been decided (sheet “Decisions” of the inputs workbook); a comparison with the "
            "proposals needs 30 accounts (still to go: 29)."),
        (29, "The KAM types of 29 accounts have been decided (sheet “Decisions” of the inputs workbook); a comparison with "
             "the proposals needs 30 accounts (still to go: 1)."),
    ],
)  # fmt: skip
def test_too_few_labels_say_how_many_are_missing(n: int, said: str) -> None:
    few = found(["technical"], agreement=TypeAgreement(n, 30))
    assert str(agreement_sentence(few, EN)) == said
    assert len(type_agreement_table(few, EN)) == 0


def test_codes_that_say_nothing_are_listed_with_how_many_carry_them() -> None:
    rows = [
        ["0001", "account_industry", "unclear", 0, "impossible_division", "44.1", None, "44"],
        ["0002", "account_industry", "unclear", 0, "impossible_division", "44.1", None, "44"],
        ["0003", "account_industry", "unclear", 0, "unknown_edition", "2834", None, "28"],
        ["0003", "pattern", "service", 1, "recurring", None, 0.6, None],
        ["0004", "account_industry", "unclear", 0, "no_evidence", None, None, None],
    ]
    table = silent_codes_table(replace(found(["technical"]), evidence=pd.DataFrame(rows, columns=EVIDENCE)), EN)
    assert [tuple(row.values()) for row in table.records()] == [
        ("44.1", "There is no such industry division", "2", "0001, 0002"),
        ("2834", "Industry code from another list", "1", "0003"),
    ]


def test_the_appendix_of_the_report_shows_whether_people_agree_and_customers_never_see_it() -> None:
    counts = pd.DataFrame(
        [["technical", "technical", 27], ["service", "technical", 3]], columns=["label", "kam_type", "n"]
    )
    agreement = TypeAgreement(30, 30, counts, 27, 0.9, 0.74, 0.97, 0.9, "technical")
    client = told_client()
    client = replace(client, kam_types=replace(client.kam_types, agreement=agreement))
    method = next(section for section in client.story().appendix if section.key == "method")
    (points,) = [part for part in method.lists if part.title == "Vorgeschlagene und entschiedene KAM-Typen"]
    assert [plain(text)[:67] for text in points.points] == [
        "Bei 27 von 30 Kunden mit entschiedenem KAM-Typ traf der Vorschlag z"
    ]
    assert "type_agreement" in [table.key for table in method.tables]
    meeting = client.story("customer_meeting")
    assert "type_agreement" not in [table.key for part in (*meeting.main, *meeting.appendix) for table in part.tables]
