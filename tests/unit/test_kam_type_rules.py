"""The rules of the KAM types: complete, unambiguous, and every mistake in them told at once."""

from __future__ import annotations

import csv
import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from kamkit.errors import EngagementError
from kamkit.model.codes import KamType
from kamkit.model.kam_type_rules import TYPES, Block, KamTypeRules, OwnEvidence, load_kam_type_rules
from kamkit.model.rules import read_rules
from kamkit.model.words import plain, word_pattern


@pytest.fixture
def table() -> dict[str, Any]:
    return read_rules("kam_types")


def load(folder: Path, table: dict[str, Any]) -> KamTypeRules:
    (folder / "rules").mkdir()
    (folder / "rules" / "kam_types.yml").write_text(yaml.safe_dump(table, allow_unicode=True), encoding="utf-8")
    return load_kam_type_rules(folder)


def problems(folder: Path, table: dict[str, Any]) -> str:
    with pytest.raises(EngagementError) as caught:
        load(folder, table)
    return str(caught.value)


def test_the_kits_rules_and_an_engagements_own(tmp_path: Path, table: dict[str, Any]) -> None:
    assert load_kam_type_rules().margin.value == 1
    table["margin"]["value"] = 2
    assert load(tmp_path, table).margin.value == 2


def test_the_deciding_table_answers_every_combination_once() -> None:
    rules = load_kam_type_rules()
    for programme, own in itertools.product(("known", "unknown"), OwnEvidence):
        rows = [row for row in rules.decisions if programme in row.programme and own in row.own]
        assert len(rows) == 1, (programme, own)
    assert rules.take("known", OwnEvidence.WEAK) == "programme"
    assert rules.take("unknown", OwnEvidence.WEAK) == "unclear"
    assert rules.take("known", OwnEvidence.DIVIDED) == "unclear"
    assert rules.take("unknown", OwnEvidence.STRONG) == "own"


def test_the_divisions_are_those_of_nace_rev_2(repository: Path) -> None:
    rules = load_kam_type_rules()
    missing = {f"{n:02d}" for n in range(1, 100)} - set(rules.divisions)
    assert missing == set("04 34 40 44 48 54 57 67 76 83 89".split())  # noqa: SIM905
    assert len(rules.divisions) == 88
    shared = repository.parent / "shared" / "nace_kam_types.csv"
    if shared.is_file():
        shipped = repository / "templates" / "rules" / "nace_kam_types.csv"
        assert shipped.read_bytes() == shared.read_bytes()


def test_every_division_is_named_by_its_own_title(repository: Path) -> None:
    """The titles of the divisions, German and English, lead to the type of the division."""
    rules = load_kam_type_rules()
    wrong = []
    with (repository / "templates" / "rules" / "nace_kam_types.csv").open(encoding="utf-8") as file:
        for row, title in itertools.product(csv.DictReader(file, delimiter=";"), ("title_de", "title_en")):
            found = rules.industry_in(row[title])
            kind = (found.type or rules.divisions[found.code[:2]].account) if found else None
            if str(kind).lower() != row["type_if_account"]:
                wrong.append(row[title])
    assert wrong == []


def test_every_number_says_where_it_comes_from(table: dict[str, Any]) -> None:
    def bare(node: Any, place: str = "") -> list[str]:
        if isinstance(node, list):
            return [p for n, item in enumerate(node) for p in bare(item, f"{place}[{n}]")]
        if not isinstance(node, dict):
            return [place] if isinstance(node, int | float) else []
        if "evidence" in node:
            return []
        return [p for key, item in node.items() for p in bare(item, f"{place}.{key}")]

    assert bare({key: value for key, value in table.items() if key != "most_points"}) == []


def test_unknown_and_missing_words_are_told_together(tmp_path: Path, table: dict[str, Any]) -> None:
    table["margn"] = table.pop("margin")
    table["patterns"]["lumpy"]["type"] = "technicl"
    table["patterns"]["recurring"].pop("variation_below")
    table["existence"]["field_share"]["evidence"] = "guess"
    table["industry_words"][0]["word"] = table["industry_words"][0].pop("words")
    assert problems(tmp_path, table) == (
        "rules/kam_types.yml: 7 problems found\n"
        "- margin is missing\n"
        "- patterns.recurring.variation_below is missing\n"
        "- patterns.lumpy.type: 'technicl' is not known. Did you mean 'technical'?\n"
        "- industry_words.0.words is missing\n"
        "- industry_words.0: unknown setting 'word'. Did you mean 'words'?\n"
        "- existence.field_share.evidence: 'guess' is not known. Known are: norm, study, convention\n"
        "- unknown setting 'margn'. Did you mean 'margin'?"
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        pytest.param(
            lambda t: t["decisions"].pop(0),
            "- decisions: programme known, own none has 0 rows: give it exactly one\n"
            "- decisions: programme known, own weak has 0 rows: give it exactly one",
            id="a_gap",
        ),
        pytest.param(
            lambda t: t["decisions"][3]["own"].append("weak"),
            "- decisions: programme known, own weak has 2 rows: give it exactly one\n"
            "- decisions: programme unknown, own weak has 2 rows: give it exactly one",
            id="an_overlap",
        ),
        pytest.param(
            lambda t: t["decisions"][1].update(take="programme"),
            "- decisions: programme unknown, own none cannot take the programme's type\n"
            "- decisions: programme unknown, own weak cannot take the programme's type",
            id="no_programme_to_take",
        ),
        pytest.param(
            lambda t: t["most_points"].update(pattern=1),
            "- pattern gives 3 points, more than most_points allows",
            id="too_many_points",
        ),
        pytest.param(lambda t: t["most_points"].pop("pattern"), "- most_points.pattern is missing", id="no_most"),
        pytest.param(
            lambda t: t["industry_words"][0].update(code="44"),
            "- industry_words: 44 is no NACE division",
            id="no_division",
        ),
        pytest.param(
            lambda t: t["industry_words"][0].update(type="service"),
            "- industry_words.0: give either code or type",
            id="two_meanings",
        ),
        pytest.param(
            lambda t: t["category_words"][0].update(type="unclear"),
            "- category_words.0.type: 'unclear' is no type that evidence can speak for: "
            "use consumer, technical or service",
            id="not_a_type",
        ),
    ],
)
def test_rules_that_contradict_themselves(change: Any, problem: str, tmp_path: Path, table: dict[str, Any]) -> None:
    change(table)
    n = problem.count("\n") + 1
    assert problems(tmp_path, table) == f"rules/kam_types.yml: {n} problem{'s' if n > 1 else ''} found\n{problem}"


def test_blocks_and_types_are_those_of_the_results() -> None:
    assert [str(block) for block in Block] == ["supplier_industry", "account_industry", "product_category", "pattern"]
    assert TYPES == (KamType.CONSUMER, KamType.TECHNICAL, KamType.SERVICE)


@pytest.mark.parametrize(
    ("words", "text", "found"),
    [
        (["*handel"], "Stahlhandel", True),
        (["*handel"], "Handelskammer", False),
        (["it"], "IT-Dienstleister", True),
        (["it"], "Italien", False),
        (["möbel*"], "Moebelhaus", True),
        (["möbel*"], "MÖBELHAUS", True),
        (["möbel*"], "Mo\u0308belhaus", True),
        (["straße*"], "Strassenbau", True),
        (["real estate"], "Real-Estate Fund", True),
        (["a", "b"], "c", False),
        ([], "anything", False),
    ],
)
def test_word_patterns(words: list[str], text: str, found: bool) -> None:
    assert bool(word_pattern(words).search(plain(text))) == found
    assert re.fullmatch("[a-z0-9 ]*", plain(text))
