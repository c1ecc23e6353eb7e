"""Account plans: for whom they are made, what is filled in, and what is not said to whom."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kamkit.deliver import write_deliverables
from kamkit.deliver.html import render_html, render_plans
from kamkit.model.results import Portfolio
from kamkit.telling.account_plans import account_plans, planned_accounts
from kamkit.telling.dossier import Dossier


def decided(client: Any, *rows: tuple[str, str, str, str], tiers: dict[str, str] | None = None) -> Any:
    """The client with these decisions (account, subject, decision, status)."""
    keys, columns = client.key_accounts, ["account_id", "subject", "decision", "status"]
    table = keys.tiers
    if tiers:
        table = table.assign(tier=[tiers.get(i, t) for i, t in zip(table["account_id"], table["tier"], strict=True)])
    return replace(client, key_accounts=replace(keys, decided=pd.DataFrame(rows, columns=columns), tiers=table))


CONFIRMED = ("0001", "key_account", "yes", "confirmed"), ("0002", "tier", "managed", "confirmed")


@pytest.mark.parametrize(
    ("rows", "planned"),
    [
        (CONFIRMED, ["0001", "0002"]),
        ((("0001", "key_account", "yes", "unconfirmed"),), []),
        ((("0001", "key_account", "no", "confirmed"),), []),
        ((("0001", "key_account", "yes", "expired"),), []),
        ((("0004", "key_account", "yes", "confirmed"),), []),  # in the set, not managed
        ((("0001", "option", "alliance", "confirmed"),), []),
    ],
)
def test_only_confirmed_and_managed_accounts_get_a_plan(told, rows: Any, planned: list[str]) -> None:  # type: ignore[no-untyped-def]
    assert planned_accounts(decided(told(), *rows).key_accounts)[0] == planned


def test_without_a_plan_the_report_says_why(told, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    client = told()
    none = "Kundenpläne gibt es noch nicht, weil kein Key Account von der Vertriebsleitung bestätigt ist."
    assert none in render_html(client.story())
    managed = decided(client, ("0004", "key_account", "yes", "confirmed")).story()
    assert "weil der eine bestätigte Key Account nicht als KAM-betreut gilt." in render_html(managed)
    files = write_deliverables(client.story(), tmp_path, ["html"])
    assert not any("account-plans" in file.name for file in files)


def test_a_plan_holds_what_is_known_and_fields_for_what_is_not(told, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    story = decided(told(), *CONFIRMED).story()
    assert [plan.account_id for plan in story.plans.plans] == ["0001", "0002"]
    first = story.plans.plans[0]
    facts = {title: value.replace("\u00a0", " ") for part in first.parts for title, value in part.facts}
    assert facts["Deckungsbeitrag"] == "−40 € (−4 % des Umsatzes)"  # 40 of 900
    assert facts["Lieferanteil"] == "nicht beurteilbar, es fehlt: gesamter Bedarf des Kunden"
    assert dict(first.cover)["überprüfen bis"] == "15.04.2026"  # 90 days after 15 January
    parts = {part.key: part for part in first.parts}
    assert parts["contacts"].sentences == ("nicht beurteilbar, es fehlt: Ansprechpartner je Kunde",)
    assert "comments" not in parts
    assert parts["customer"].blanks[0][0] == "Die drei wichtigsten Ziele des Kunden"
    assert not any("Übernahme" in sentence for sentence in parts["option"].sentences)
    page = render_plans(story)
    assert "script" not in page.split("<style>")[0].split("Content-Security-Policy")[1].split(">")[0]
    assert page == render_plans(decided(told(), *CONFIRMED).story())
    written = [file.name for file in write_deliverables(story, tmp_path, ["html"])]
    assert "Mueller-und-Soehne-Grosshandel-GmbH_2025_account-plans.html" in written


@pytest.mark.parametrize(
    ("found", "field", "price"),
    [
        (
            {"main": "revenue_margin", "notes": ("price_compared",)},
            "viel Umsatz, niedrige Quote (Portfolio Umsatz und Deckungsbeitragsquote)",
            "93 % des Durchschnittspreises derselben Artikel bei allen Kunden",
        ),
        (
            {"main": "revenue_margin", "notes": ("price_compared",), "is_close": True},
            "sagt wenig: Die Key Accounts unterscheiden sich hier kaum (Portfolio Umsatz und Deckungsbeitragsquote)",
            "93 % des Durchschnittspreises derselben Artikel bei allen Kunden",
        ),
        (
            {"notes": ("price_realised", "service_unknown"), "missing": ("transactions.margin",)},
            "nicht beurteilbar, es fehlt: Deckungsbeitrag oder Kosten je Zeile",
            "93 % des Listenpreises, nach Boni",
        ),
        (
            {"price_level": None},
            "nicht beurteilbar: Zu wenige Key Accounts haben einen Platz im Portfolio.",
            "nicht beurteilbar, es fehlt: Listenpreise, oder Artikelnummern mit Mengen",
        ),
        (
            {"price_level": None, "notes": ("price_compared",), "missing": ("transactions.quantity", "transactions.margin")},
            "nicht beurteilbar, es fehlt: Mengen und Deckungsbeitrag oder Kosten je Zeile",
            "nicht beurteilbar, es fehlt: Listenpreise (andere Kunden kaufen zu wenig von denselben Artikeln)",
        ),
    ],
    ids=["placed", "close", "no_place", "nothing_known", "others_buy_else"],
)  # fmt: skip
def test_the_position_names_the_field_and_the_price(told, found: dict[str, Any], field: str, price: str) -> None:  # type: ignore[no-untyped-def]
    profile = {"account_id": "0001", "price_level": 0.93, "missing": ()} | found
    positions = [
        {"model": model, "account_id": "0001", "quadrant": "high_low"} for model in ("revenue_margin", "other")
    ]
    portfolio = Portfolio(
        **{name: value for name, value in found.items() if name in ("main", "notes")},
        models=pd.DataFrame({"model": ["revenue_margin"], "x_close": False, "y_close": found.get("is_close", False)}),
        positions=pd.DataFrame(positions),
        profile=pd.DataFrame([{name: profile[name] for name in ("account_id", "price_level", "missing")}]),
    )
    client = decided(told(), CONFIRMED[0])
    results = (client.facts, client.key_accounts, client.kam_types, replace(client.options, portfolio=portfolio))
    day = dt.date(2026, 1, 15)
    made = {
        candid: account_plans(Dossier(*results, client.labels, day, "2025", None, (), candid))
        for candid in (True, False)
    }
    candid, not_candid = (
        {title: value.replace("\u00a0", " ") for part in plans.plans[0].parts for title, value in part.facts}
        for plans in made.values()
    )
    assert (candid["Feld im Portfolio"], candid["Preisniveau"]) == (field, price)
    assert not {"Feld im Portfolio", "Preisniveau"} & not_candid.keys()


def test_steps_and_comments_of_people_stand_in_the_plan(told) -> None:  # type: ignore[no-untyped-def]
    columns = [
        "account_id",
        "first_step",
        "proposed_due",
        "owner",
        "due",
        "status",
        "done_on",
        "result",
        "plan",
        "code",
    ]
    row = ["0001", "Messe besuchen.", pd.NaT, "Frau Weiß", pd.Timestamp("2026-03-01"), None, pd.NaT, None, pd.NaT, None]
    actions = pd.DataFrame([row], columns=columns)
    said = pd.DataFrame(
        [[None, "0001", "Neuer Einkaufsleiter.", "Außendienst", pd.NaT]],
        columns=["section", "account_id", "text", "author_role", "date"],
    )
    client = decided(told(), *CONFIRMED)
    story = client.story(comments=said, actions=actions)
    steps, comments = (next(p for p in story.plans.plans[0].parts if p.key == key) for key in ("steps", "comments"))
    assert steps.tables[0].cells[0] == ("Messe besuchen.", "Frau Weiß", "01.03.2026", "offen", "–")
    assert [comment.text for comment in comments.comments] == ["Neuer Einkaufsleiter."]


def test_customers_get_no_plan_and_field_sales_none_with_margins(told) -> None:  # type: ignore[no-untyped-def]
    client = decided(told(), *CONFIRMED)
    assert client.story("customer_meeting").plans.plans == ()
    assert "Kundenpläne" not in render_html(client.story("customer_meeting"))
    field = client.story("field")
    assert [plan.account_id for plan in field.plans.plans] == ["0001", "0002"]
    text = render_plans(field)
    assert all(word not in text for word in ("Deckungsbeitrag", "Verlust", "Übernahme", "−40"))
    assert "Deckungsbeitrag" in render_plans(client.story())


def test_at_most_fifteen_plans_the_largest_first(told) -> None:  # type: ignore[no-untyped-def]
    client = told()
    ids = client.key_accounts.pareto.table["account_id"].tolist()
    rows = [(i, "key_account", "yes", "confirmed") for i in ids]
    story = decided(client, *rows, tiers=dict.fromkeys(ids, "managed")).story()
    assert [plan.account_id for plan in story.plans.plans] == ids[:15]
    assert story.plans.note == (
        "Für die 15 größten der 16 bestätigten und KAM-betreuten Key Accounts liegen Kundenpläne vor."
    )
