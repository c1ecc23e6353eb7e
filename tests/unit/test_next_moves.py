"""What a reader does with each section, and what it cannot say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from kamkit.deliver.html import render_html
from kamkit.model.codes import Verdict


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def told_of(story: Any, key: str) -> tuple[str, str]:
    section = story.part(key)
    return plain(section.to_do), plain(section.limits)


def test_every_section_of_the_main_part_ends_in_something_to_do(told: Any) -> None:
    story = told().story()
    without = [section.key for section in story.main if not section.to_do and section.key != "at_a_glance"]
    assert without == []  # the first page asks for its three decisions itself
    page = render_html(story)
    assert all(section.to_do in page for section in story.main if section.to_do)


def test_what_to_do_carries_the_figures_of_the_section(told: Any) -> None:
    story = told().story()
    assert told_of(story, "pareto") == (
        "Was zu tun ist: Die 5 Key Accounts bestätigen, die 2 Grenzfälle einzeln und nach Rücksprache mit dem Außendienst: "
        "Arbeitsmappe, Blatt „Entscheidungen“.",
        "Grenzen: Die Rangfolge gilt für den Zeitraum 2025; über den Bedarf der Kunden sagt sie nichts.",
    )
    assert (
        told_of(story, "margin")
        == (
            "Was zu tun ist: Preise, Rabatte und Leistungen durchgehen, zuerst bei Kunde 1.",  # the only one that loses money
            "Grenzen: Für 100 % des Umsatzes ist ein Deckungsbeitrag bekannt.",
        )
    )


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_leads_to_something(told: Any, verdict: Verdict) -> None:
    client = told()
    types = replace(client.kam_types, existence=replace(client.kam_types.existence, verdict=verdict))
    assert told_of(replace(client, kam_types=types).story(), "existence")[0].startswith("Was zu tun ist: ")


def test_a_list_without_borderline_cases_is_confirmed_as_it_is(told: Any) -> None:
    client = told()
    clear = client.key_accounts.membership.assign(membership_probability=1.0)
    story = replace(client, key_accounts=replace(client.key_accounts, membership=clear)).story()
    assert told_of(story, "pareto")[0] == (
        "Was zu tun ist: Die Key Accounts (5) nach Rücksprache mit dem Außendienst bestätigen: Arbeitsmappe, Blatt "
        "„Entscheidungen“."
    )


def test_nobody_is_told_to_decide_who_does_not(told: Any) -> None:
    field, meeting = told().story("field"), told().story("customer_meeting")
    assert {section.key for section in field.main if section.to_do} == {"recommendations"}
    assert {section.to_do + section.limits for section in meeting.main} == {""}


def test_half_known_margins_are_told(told: Any) -> None:
    client = told()
    covered = client.facts.accounts.assign(margin_coverage=pd.Series([1.0, 0.5] * 8))
    story = replace(client, facts=replace(client.facts, accounts=covered)).story()
    assert (
        told_of(story, "margin")[1] == "Grenzen: Für 81 % des Umsatzes ist ein Deckungsbeitrag bekannt."
    )  # 2,000 of 2,475
