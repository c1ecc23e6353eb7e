"""Both catalogues say the same things, in words that clients may read."""

from __future__ import annotations

import re
import string
from typing import Any

import pytest

from kamkit.model.rules import read_rules
from kamkit.telling.language import Labels, catalogue
from kamkit.telling.questions import need_of

LANGUAGES = ("de", "en")
FORMATS = [
    "count",
    "number",
    "percent",
    "change",
    "money",
    "money_short",
    "money_rough",
    "date",
    "month",
    "months",
    "names",
    "needs",
    "word",
]
FIXED_TERMS = re.compile(
    r"80[\s-]?%(?:[\s-](?:Kreis|circle))?|95\s?%|20\s?%|10\s?%|5\s?%|90\s(?:Tage|days)|26 (?:Wochen|weeks)|CR-\d+|NACE 2|IFRS 8(?:\.\d+)?|ASC [\d-]+"
    r"|doi 10\.1007/[\w-]+|§ 87 (?:Abs\. 1 Nr\.|\(1\) no\.) 6 BetrVG|UTF-8|BAG, [\w. ]+, 1 AB[NR] \d+/\d\d|(?:19|20)\d\d|DB I+V?|\b[01]\b"
)
FORBIDDEN = {
    "de": (
        r"Mandant",
        r"Mandat\b",
        r"Lieferantenposition",
        r"Kundentyp",
        r"Rückvergleich",
        r"Weißfeld",
        r"\bP80\b",
        r"\bsicher(?:er|e|es)?\b(?=[\s.,]*(?:Kunde|Klasse))",
        r"Pseudo-Schlüsselkunde",
        r"Buyout|Buy-out",
        r"\bFY\b",
        r"T€",
        r"% Umsatz\b",
        r"backtestbar",
        r"Key Account-",
        r"80/20",
    ),
    "en": (r"\bP80\b", r"[Bb]uyout|[Bb]uy-out", r"80/20", r"\bmandant\b"),
}


def fields(sentence: str) -> set[tuple[str, str]]:
    return {(name, spec or "") for _, name, spec, _ in string.Formatter().parse(sentence) if name}


def test_both_languages_have_the_same_keys() -> None:
    de, en = (set(catalogue(language)) for language in LANGUAGES)
    assert de ^ en == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_placeholder_has_a_format_that_labels_know(language: str) -> None:
    wrong = {
        key: (name, spec)
        for key, sentence in catalogue(language).items()
        for name, spec in fields(sentence)
        if not name.isidentifier() or (spec and spec.split(":")[0] not in FORMATS)
    }
    assert wrong == {}


def test_both_languages_are_filled_with_the_same_values() -> None:
    de, en = (catalogue(language) for language in LANGUAGES)
    names = {key: [{name for name, _ in fields(text[key])} for text in (de, en)] for key in de}
    # the singular may leave its number out
    differing = {
        key: both for key, both in names.items() if (both[0] ^ both[1]) - ({"n"} if key.endswith(".one") else set())
    }
    assert differing == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_plurals_come_in_pairs(language: str) -> None:
    keys = set(catalogue(language))
    alone = {
        k
        for k in keys
        if k.endswith((".one", ".other")) and not {k.rsplit(".", 1)[0] + s for s in (".one", ".other")} <= keys
    }
    assert alone == {"tier.other", "decision_word.other", "reason_code.other"}  # codes, no plurals


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_forbidden_word(language: str) -> None:
    found = {
        (key, word)
        for key, sentence in catalogue(language).items()
        for word in FORBIDDEN[language]
        if re.search(word, sentence.replace("\u00a0", " ")) and not (word == r"\bFY\b" and language == "en")
    }
    assert found == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_number_is_typed_into_a_sentence(language: str) -> None:
    typed = {}
    for key, sentence in catalogue(language).items():
        literal = "".join(text for text, *_ in string.Formatter().parse(sentence)).replace("\u00a0", " ")
        if re.search(r"\d", FIXED_TERMS.sub("", literal)):
            typed[key] = literal
    assert typed == {}


def kit_needs() -> set[str]:
    """Every table.column that the kit's own rules may ask for."""
    found: set[str] = set()

    def collect(rule: Any) -> None:
        if isinstance(rule, dict):
            found.update(rule.get("needs", ()))
            rule = list(rule.values())
        if isinstance(rule, list):
            for part in rule:
                collect(part)

    for name in ("options", "portfolio", "intensity"):
        collect(read_rules(name))
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_rules_need_has_a_name_and_a_question(language: str) -> None:
    labels = Labels(language, {"de": "de_DE", "en": "en_GB"}[language], "EUR")
    needs = kit_needs()
    assert {"transactions.list_price", "ratings.trust", "budgets.actual"} <= needs
    assert {need for need in needs if f"missing.{need}" not in labels} == set()
    asked = {
        f"question.{need_of(need).replace('.', '_')}" for need in needs - {"transactions.net_revenue"}
    }  # always there
    assert {key for key in asked if key not in labels} == set()


PERCENT = {"de": r"\d(?!\u00a0%)\s*%", "en": r"\d\s+%"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_percent_is_written_in_one_way(language: str) -> None:
    assert {key for key, sentence in catalogue(language).items() if re.search(PERCENT[language], sentence)} == set()


def test_words_of_codes_are_complete() -> None:
    from kamkit.model import codes

    sections = {
        "option": codes.Option,
        "kam_type": codes.KamType,
        "kam_status": codes.KamStatus,
        "tier": codes.Tier,
        "gate": codes.Gate,
        "verdict": codes.Verdict,
        "answer": codes.Answer,
        "evidence_tag": codes.Evidence,
        "severity": codes.Severity,
        "basis": codes.Basis,
        "level": codes.Level,
    }
    labels = Labels("de", "de_DE", "EUR")
    missing = [f"{s}.{c}" for s, words in sections.items() for c in words if f"{s}.{c}" not in labels]
    assert missing == []
    assert f"option.{codes.BASIC_CARE}" in labels


QUOTED = {"de": r"„[^„“]*“", "en": r"“[^“”]*”"}
"""A quotation of the language, from its opening sign to its closing one."""
SETTING = r'\["\{source\}"\]'
"""What is to be typed into the engagement file."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_quotation_marks_are_those_of_the_language(language: str) -> None:
    odd = {
        key: rest
        for key, sentence in catalogue(language).items()
        if re.search(r"[\"„“”«»]", rest := re.sub(f"{QUOTED[language]}|{SETTING}", "", sentence))
    }
    assert odd == {}


def test_swiss_sentences_have_no_sharp_s_and_their_own_quotation_marks() -> None:
    labels = Labels("de", "de_CH", "CHF")
    odd = {key for key in catalogue("de") if re.search(r"[ß„“]|\u00a0%", labels.sentence(key))}
    assert odd == set()
    assert labels("to_do.pareto_clear", total=3).endswith("Blatt «Entscheidungen».")


@pytest.mark.parametrize(
    ("language", "one", "several"),
    [
        ("de", "1 von 4 Kunden bringt 80 % des Umsatzes", "2 von 4 Kunden bringen 80 % des Umsatzes"),
        ("en", "1 of 4 accounts brings 80% of revenue", "2 of 4 accounts bring 80% of revenue"),
    ],
)
def test_one_brings_and_several_bring(language: str, one: str, several: str) -> None:
    labels = Labels(language, {"de": "de_DE", "en": "en_GB"}[language], "EUR")
    of = labels("chart.of_revenue")
    said = [labels("pareto.headline", n=n, total=4, share=0.8, of=of).replace("\u00a0", " ") for n in (1, 2)]
    assert said == [one, several]
