"""The rule table is total, never recommends a takeover, and says what is wrong with it."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from kamkit.errors import EngagementError
from kamkit.model.codes import BASIC_CARE, KamType, Option
from kamkit.model.kam_type_rules import TYPES
from kamkit.model.option_rules import ACTIONS, CONDITIONS, OptionRules, load_option_rules
from kamkit.model.rules import read_rules
from kamkit.telling.language import Labels

RULES = load_option_rules()
ALL = [dict(zip(CONDITIONS, answers, strict=True)) for answers in itertools.product(*CONDITIONS.values())]


def test_every_combination_has_one_answer_and_it_is_never_takeover() -> None:
    allowed = {*Option, BASIC_CARE} - {Option.TAKEOVER}
    for found in ALL:
        row = RULES.recommend(found)
        assert row.recommend in allowed
        assert row.recommend not in row.support
        assert Option.TAKEOVER not in row.support


def test_every_row_of_the_table_is_reached() -> None:
    assert {RULES.recommend(found).rule for found in ALL} == {row.rule for row in RULES.recommendations}


def test_the_order_is_secure_then_upgrade_then_grow_then_antenna_then_base() -> None:
    best = dict.fromkeys(("partnership", "alliance", "antenna", "relationship"), "open")
    calm = {"risk": "green", "margin": "positive", "growth": "worthwhile", "size": "exposed", "trend": "steady", **best}
    steps = [
        ({"risk": "red"}, "relationship", "secure"),
        ({"margin": "loss"}, "relationship", "repair"),
        ({}, "partnership", "partnership"),
        ({"partnership": "closed"}, "alliance", "alliance"),
        ({"partnership": "closed", "alliance": "closed", "risk": "amber"}, "relationship", "weaker"),
        ({"partnership": "closed", "alliance": "closed"}, "cross_selling", "grow"),
        ({"partnership": "closed", "alliance": "closed", "growth": "none"}, "early_warning", "antenna"),
        (
            {"partnership": "closed", "alliance": "closed", "growth": "none", "antenna": "closed"},
            "relationship",
            "exposed",
        ),
    ]
    for change, option, rule in steps:
        row = RULES.recommend({**calm, **change})
        assert (row.recommend, row.rule) == (option, rule)
    nothing = {name: answers[-1] for name, answers in CONDITIONS.items()} | {"risk": "green"}
    assert RULES.recommend(nothing).recommend == BASIC_CARE


def changed(**parts: Any) -> dict[str, Any]:
    return read_rules("options", None) | parts


LAST = {"rule": "last", "when": {}, "recommend": "basic_care", "reason": "base", "avoid": "routine"}


def problems_of(table: dict[str, Any], folder: Path) -> str:
    (folder / "rules").mkdir()
    (folder / "rules" / "options.yml").write_text(yaml.safe_dump(table), encoding="utf-8")
    with pytest.raises(EngagementError) as caught:
        load_option_rules(folder)
    return str(caught.value)


def test_a_table_without_a_last_row_for_all_is_refused(tmp_path: Path) -> None:
    rows = read_rules("options", None)["recommendations"][:-1]
    assert problems_of(changed(recommendations=rows), tmp_path) == (
        "rules/options.yml: 1 problem found\n"
        "- recommendations: the last row must have no condition, so that every account has an answer"
    )


def test_takeover_cannot_be_written_into_the_table(tmp_path: Path) -> None:
    rows = [{"rule": "buy", "when": {}, "recommend": "takeover", "reason": "leads", "avoid": "guessing"}, LAST]
    assert problems_of(changed(recommendations=rows), tmp_path) == (
        "rules/options.yml: 1 problem found\n- recommendations.0.recommend: 'takeover' cannot be recommended"
    )


def test_unknown_conditions_and_answers_are_named(tmp_path: Path) -> None:
    row = {
        "rule": "all",
        "when": {"risc": ["red"], "risk": ["rot"]},
        "recommend": "basic_care",
        "reason": "base",
        "avoid": "routine",
    }
    assert problems_of(changed(recommendations=[row, LAST]), tmp_path) == (
        "rules/options.yml: 2 problems found\n"
        "- recommendations.0: condition 'risc' is not known\n"
        "- recommendations.0: risk: 'rot' is none of red, amber, green"
    )


def test_anchors_are_in_order(tmp_path: Path) -> None:
    table = read_rules("options", None)
    table["options"]["takeover"]["indicators"]["our_dependence"]["points"] = [[0.4, 0.5]]
    assert problems_of(table, tmp_path) == (
        "rules/options.yml: 1 problem found\n"
        "- options.takeover.indicators.our_dependence: anchors must rise or fall: low, then the points, then high"
    )


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_code_of_the_table_has_its_words(language: str) -> None:
    labels = Labels(language, {"de": "de_DE", "en": "en_GB"}[language], "EUR")
    rules = RULES
    codes = [f"avoid.{row.avoid}" for row in rules.recommendations]
    codes += [f"reason.{row.reason}" for row in rules.recommendations if row.reason not in ("risk", "white_spot")]
    codes += [f"role.{role}" for by_type in rules.roles.values() for role in by_type.values()]
    codes += [
        f"{part}.{action}.{kam_type}"
        for part in ("first_step", "client_question")
        for action in ACTIONS
        for kam_type in KamType
    ]
    codes += [f"action.{action}" for action in (*ACTIONS, "takeover")]
    codes += [
        f"missing.{need}"
        for option in rules.options.values()
        for indicator in option.indicators.values()
        for need in indicator.needs
    ]
    assert [code for code in codes if code not in labels] == []


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_type_decides_what_is_done_what_is_asked_and_by_whom(language: str) -> None:
    labels = Labels(language, {"de": "de_DE", "en": "en_GB"}[language], "EUR")
    for part, action in itertools.product(("first_step", "client_question"), ACTIONS):
        said = [labels(f"{part}.{action}.{kam_type}", category="Pumpen") for kam_type in KamType]
        assert len(set(said)) == len(said), (part, action)
    for action, by_type in RULES.roles.items():
        assert len({labels(f"role.{by_type[kind]}") for kind in TYPES}) == len(TYPES), action


SUBJECTS = {
    "de": {
        KamType.CONSUMER: "jahresgespräch|jahresgeschäftsplan|listung|aktionskalender|konditionen|sortiment",
        KamType.TECHNICAL: "spezifikation|ausschreibung|werk|entwicklung|lastenheft",
        KamType.SERVICE: "sla|verlängerung|preisgleitung|servicevertrag|serviceverträge",
    },
    "en": {
        KamType.CONSUMER: "annual negotiation|joint business plan|listing|promotion|trade terms|range",
        KamType.TECHNICAL: "specification|tender|plant|development",
        KamType.SERVICE: "sla|renewal|price indexation|service contract",
    },
}


@pytest.mark.parametrize("language", ["de", "en"])
def test_each_first_step_speaks_of_its_types_business_and_of_no_others(language: str) -> None:
    """Consumer goods: annual talk, terms, listing, promotions; technical: specification, tender, plants, development;
    service: SLA, renewal, indexation. An unclear type commits to none of them."""
    labels = Labels(language, {"de": "de_DE", "en": "en_GB"}[language], "EUR")
    words = {kind: re.compile(rf"\b({subjects})") for kind, subjects in SUBJECTS[language].items()}
    for action, kind in itertools.product(ACTIONS, KamType):
        said = labels(f"first_step.{action}.{kind}", category="X").lower()
        spoken = {about for about, pattern in words.items() if pattern.search(said)}
        if kind != KamType.UNCLEAR:
            assert spoken == {kind}, said


def test_the_table_is_typed_as_it_is_read() -> None:
    assert OptionRules.model_validate(read_rules("options", None)) == RULES
