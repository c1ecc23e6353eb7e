"""How the existence check, the status of accounts, cooperation intensity and self-check are told, and to whom."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from kamkit.model.codes import Answer, Verdict
from kamkit.model.results import Existence, ExistenceTest, KamTypes, Said
from kamkit.telling.language import Labels, catalogue
from kamkit.telling.prose import existence_headline, intensity_headline, self_check_sentence
from kamkit.telling.results import accounts_frame, existence_sentence, existence_summary, status_sentence
from kamkit.telling.tables import existence_figures_table, existence_table, intensity_table, self_check_table
from tests.unit.conftest import Told, told_client

DE = Labels("de", "de_DE", "EUR")
EN = Labels("en", "en_GB", "EUR")
DAY = dt.date(2025, 10, 1)
BUDGET = Said("own_budget", "no", "Vertriebsleitung", DAY)


def plain(text: object) -> str:
    return str(text).replace("\u00a0", " ").replace("\u202f", " ")


def self_reported() -> Existence:
    tests = (
        ExistenceTest("E1", Answer.NO, {"absent": True}, (), (Said("advantages", "no", "Außendienst"),), True),
        ExistenceTest("E2", Answer.NO, {"absent": True}, (), (BUDGET,), True),
        ExistenceTest("E3b", Answer.NOT_ASSESSABLE, {}, ("sales_organisation.role",), incomplete=("other_priorities",)),
    )
    programme = ExistenceTest("KAM", Answer.YES, {"n": 4, "absent": False})
    return Existence(Verdict.PSEUDO, tests, True, 2, programme)


def with_existence(client: Told, existence: Existence) -> Told:
    return replace(client, kam_types=replace(client.kam_types, existence=existence))


def test_a_verdict_on_peoples_word_says_whose_and_when() -> None:
    kam_types = with_existence(told_client(), self_reported()).kam_types
    assert existence_headline(kam_types, DE) == (
        "Nach eigenen Angaben (Außendienst, ohne Datum; Vertriebsleitung, 01.10.2025) werden Key Accounts geführt, aber nicht "
        "als solche betreut: Vorteile oder eigene Budgets fehlen. 2 Bedingungen beruhen allein auf dieser Auskunft."
    )
    assert existence_headline(kam_types, EN) == (
        "By the client’s own account (Außendienst, undated; Vertriebsleitung, 1 Oct 2025) key accounts are named but not "
        "treated as such: advantages or separate budgets are absent. 2 conditions rest on this statement alone."
    )


def test_a_condition_says_what_was_answered_and_what_does_not_count() -> None:
    _, budget, priorities = self_reported().tests
    assert (
        existence_sentence(budget, DE) == "Nach eigenen Angaben (Vertriebsleitung, 01.10.2025) – Eigenes Budget: nein."
    )
    assert existence_sentence(priorities, DE) == "Nicht gewertet, weil die Rolle fehlt: Andere Prioritäten."
    disputed = ExistenceTest("E2", Answer.NOT_ASSESSABLE, disputed=("own_budget",))
    assert existence_sentence(disputed, EN) == "Not counted, since the people asked disagree: Budget of their own."
    against = ExistenceTest("E2", Answer.YES, said=(BUDGET,), contradicted=True)
    assert existence_sentence(against, DE) == (
        "Für Key Accounts bestehen eigene Budgets. Dem widersprechen die eigenen Angaben (Vertriebsleitung, 01.10.2025) – "
        "Eigenes Budget: nein. Es gelten die Daten."
    )
    assert existence_sentence(ExistenceTest("E2", Answer.NOT_ASSESSABLE), DE) is None


def test_whether_anybody_is_called_so_is_a_row_only_where_somebody_answered() -> None:
    kam_types = told_client().kam_types
    found = self_reported()
    programme = replace(found.programme or found.tests[0], said=(Said("programme", "yes", "Vertriebsleitung", DAY),))
    asked = replace(kam_types, existence=replace(found, programme=programme))
    rows = {existence: [row["test"] for row in existence_summary(k, DE)["tests"]] for existence, k in
            (("not asked", replace(kam_types, existence=found)), ("asked", asked))}  # fmt: skip
    assert rows == {"not asked": ["E1", "E2", "E3b"], "asked": ["KAM", "E1", "E2", "E3b"]}
    assert "Als Key Accounts geführt werden 4 Kunden." in repr(existence_table(asked, DE))


@pytest.mark.parametrize("labels", [DE, EN], ids=["de", "en"])
def test_every_reason_has_a_sentence_that_takes_its_values(labels: Labels) -> None:
    reasons = {key.partition(".")[2] for key in catalogue("de") if key.startswith("kam_status_reason.")}
    reasons = {reason.removesuffix("_alone") for reason in reasons} - {"inside", "outside"}
    cases = itertools.product(sorted(reasons), (None, 10.0), (True, False))
    for reason, beside, inside in cases:
        if beside is None and reason == "pseudo_low_budget":
            continue  # nobody is below the mean of none
        values = {"privileges": ("Bonus",), "formal": ("Karte",), "budget": 5.0, "beside": beside, "in_circle": inside}
        said = status_sentence(reason, values, labels)
        assert re.fullmatch(r"[^{}]+\.", said)
        assert not re.search("None|nan", said)


def test_a_status_is_told_with_its_reason() -> None:
    client = told_client()
    frame = accounts_frame(client.facts, client.key_accounts, DE, client.kam_types).set_index("account_id")
    assert frame.loc["0001", "kam_status_reason"] == (
        "Als Key Account geführt, aber weder Vorteile noch ein eigenes Budget sind verzeichnet. Der Kunde gehört zum 80-%-Kreis."
    )
    assert frame.loc["0001", ["cooperation_intensity", "cooperation_stage"]].tolist() == [0.6, "interdependent"]
    assert {"status_reason", "status_values"}.isdisjoint(frame.columns)


def test_figures_stand_with_data_difference_and_interval() -> None:
    kam_types = told_client().kam_types
    values: dict[str, Any] = {
        "share_key": 0.75,
        "share_other": 1 / 6,
        "difference": 7 / 12,
        "ci_low": 0.02,
        "ci_high": 0.8,
    }
    budgets = {"mean_key": 40.0, "mean_other": 10.0, "p_value": 0.13, "plan_key": None, "plan_other": None}
    tests = (
        ExistenceTest("E1", Answer.YES, values),
        ExistenceTest("E2", Answer.YES, budgets),
        ExistenceTest("E3b", Answer.NO, {"absent": None}, self_reported=True),
    )
    table = existence_figures_table(replace(kam_types, existence=Existence(Verdict.PARTIAL, tests)), DE)
    assert [[plain(cell) for cell in row] for row in table.cells] == [
        ["E1", "Kundenstamm, Vorteile und Prioritäten", "Anteil mit echten Vorteilen", "75 %", "17 %", "58 Punkte", "2 … 80 Punkte", "–"],
        ["E2", "Kundenstamm, Budgets", "Budget je Kunde, der eines hat", "40 €", "10 €", "–", "–", "0,13"],
    ]  # fmt: skip


def test_intensity_is_told_for_key_accounts_with_what_is_missing() -> None:
    client = told_client()
    assert intensity_headline(client.kam_types, client.key_accounts, DE) == (
        "Beurteilbar ist die Zusammenarbeit bei 2 von 5 Key Accounts, am häufigsten auf der Stufe „Kooperation“ (1)."
    )
    first, _, third, *_ = intensity_table(client.kam_types, client.key_accounts, DE).records()
    assert (first["cooperation_index"], first["cooperation_stage"], first["missing"]) == (
        "60",
        "wechselseitige Bindung",
        "–",
    )
    assert (third["cooperation_index"], third["missing"]) == ("–", "Vorteile und Prioritäten")


def scored(client: Told, **scores: float) -> Told:
    table = pd.DataFrame({"statement": list(scores), "score": list(scores.values())})
    return replace(client, facts=replace(client.facts, tables={**client.facts.tables, "self_check": table}))


def test_the_self_check_names_fields_and_weakest_statements() -> None:
    client = scored(told_client(), responsible=1, team=3, sponsor=2, negotiation=4)
    assert self_check_sentence(client.facts, DE) == (
        "In der Selbsteinschätzung stehen Struktur und Kultur mit je 2,0 am tiefsten (von eins bis vier)."
    )
    table = self_check_table(client.facts, DE)
    assert table.cells[0][:3] == ("Struktur", "2,0", "2 von 4")
    assert table.cells[0][3] == "Für jeden Key Account ist eine Person verantwortlich, die dafür genug Zeit hat."
    assert table.cells[2][3] == "–"
    assert self_check_sentence(told_client().facts, DE) == "Eine Selbsteinschätzung liegt noch nicht vor."


def test_nothing_of_it_reaches_the_field_or_a_customer(told: Callable[..., Told]) -> None:
    client = with_existence(scored(told(), team=1), self_reported())
    open_story = client.story()
    keys = [section.key for section in (*open_story.main, *open_story.appendix)]
    assert {"existence", "organisation"} <= set(keys)
    assert [table.key for table in open_story.appendix[keys.index("organisation") - len(open_story.main)].tables] == [
        "intensity", "self_check",
    ]  # fmt: skip
    secret = ("eigenen Angaben", "Selbsteinschätzung", "weder Vorteile noch", "wechselseitige Bindung")
    for audience in ("field", "customer_meeting"):
        story = client.story(audience)
        assert not {"existence", "organisation"} & {section.key for section in (*story.main, *story.appendix)}
        text = repr((story.main, story.appendix)) + repr([sheet.table for sheet in story.sheets])
        assert [word for word in secret if word in text] == []


def test_where_nobody_knows_or_answered_anything_there_is_no_section(told: Callable[..., Told]) -> None:
    client = told()
    tests = tuple(ExistenceTest(test.test, Answer.NOT_ASSESSABLE) for test in client.kam_types.existence.tests)
    unknown = client.kam_types.intensity.assign(intensity=float("nan"), stage=pd.NA)
    kam_types: KamTypes = replace(
        client.kam_types, existence=Existence(Verdict.NOT_ASSESSABLE, tests), intensity=unknown
    )
    assert "organisation" not in {section.key for section in replace(client, kam_types=kam_types).story().appendix}
