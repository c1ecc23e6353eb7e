"""The pages of key accounts: one each, with figures that can be checked by hand and nothing that an audience may not see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from kamkit.analysis.pareto import rank_accounts
from kamkit.model.codes import Basis
from kamkit.telling.account_pages import AccountPage


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def tiles(page: AccountPage) -> list[tuple[str, str, str]]:
    return [(plain(tile.value), plain(tile.title), plain(tile.note)) for tile in page.section.tiles]


def test_every_key_account_has_a_page_by_rank(told: Any) -> None:
    story = told().story()
    chosen = story.part("recommendations").tables[0]
    assert [page.section.name for page in story.pages] == [record["name"] for record in chosen.records()]
    assert [page.rank for page in story.pages] == [1, 2, 3, 4, 5]
    assert {page.is_managed for page in story.pages} == {False}


def test_a_page_holds_figures_and_advice(told: Any) -> None:
    first = told().story().pages[0]
    assert tiles(first)[:3] == [
        ("900 €", "Umsatz 2025", ""),
        ("36 %", "Anteil am Umsatz aller Kunden", "Rang 1"),  # 900 of 2,475
        ("−40 €", "Deckungsbeitrag", "−4 % des Umsatzes"),
    ]
    assert dict(first.facts)["Kundennummer"] == "0001"
    assert plain(first.section.finding).startswith("Empfohlen: ")
    assert [points.title for points in first.section.lists][:2] == ["Warum", "Erster Schritt und Frage an den Kunden"]


def test_the_page_of_a_confirmed_and_managed_account_is_printed_too(told: Any) -> None:
    client = told()
    decided = pd.DataFrame(
        [("0002", "key_account", "yes", "confirmed")], columns=["account_id", "subject", "decision", "status"]
    )
    story = replace(client, key_accounts=replace(client.key_accounts, decided=decided)).story()
    assert [page.account_id for page in story.pages if page.is_managed] == ["0002"]


@pytest.mark.parametrize(("audience", "n_pages"), [("management", 5), ("field", 5), ("customer_meeting", 0)])
def test_who_may_not_see_margins_gets_pages_without(told: Any, audience: str, n_pages: int) -> None:
    pages = told().story(audience).pages
    assert len(pages) == n_pages
    said = " ".join(title for page in pages for _, title, _ in tiles(page))
    assert ("Deckungsbeitrag" in said) == (audience == "management")
    sentences = [point for page in pages for points in page.section.lists for point in points.points]
    assert audience == "management" or not any("Verlust" in sentence for sentence in sentences)


def test_a_key_account_without_advice_says_so(told: Any) -> None:
    client = told()
    bare = replace(client.options, recommendations=client.options.recommendations.head(0))
    pages = replace(client, options=bare).story().pages
    assert {page.section.finding for page in pages} == {
        "Nicht beurteilbar: Zu diesem Key Account liegt keine Empfehlung vor"
    }


@pytest.mark.parametrize(("audience", "hears"), [("management", True), ("field", False)])
def test_a_ranking_by_margin_tells_field_sales_no_margin_through_its_shares(
    told: Any, audience: str, hears: bool
) -> None:
    client = told()
    pareto = rank_accounts(client.facts.accounts, 0.8, Basis.MARGIN)
    story = replace(client, key_accounts=replace(client.key_accounts, pareto=pareto)).story(audience)
    assert ("pareto" in {section.key for section in story.main}) == hears
    accounts = next(section for section in story.appendix if section.key == "accounts").tables[0]
    assert ("share" in {column.name for column in accounts.columns}) == hears
    shares = {page.account_id: tiles(page)[1][0] for page in story.pages}
    assert shares["0002"] == "20 %"  # 500 of 2,475 revenue, while 150 of 442 margin would be 34 %
