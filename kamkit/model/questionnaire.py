"""What people are asked in inputs.xlsx: `templates/rules/questions.yml`, typed. The texts are there in every language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Self

from pydantic import model_validator

from kamkit.model.engagement import LANGUAGES
from kamkit.model.kit import kit_folder
from kamkit.model.rules import Rule
from kamkit.model.yaml_files import kit_yaml

PROGRAMME = "KAM"
"""What a question is about that asks whether anybody is called a key account at all."""

QUESTIONNAIRES: Mapping[str, str] = {"organisation": "question", "figures": "figure", "self_check": "statement"}
"""The sheets of inputs.xlsx that ask something, each with the column that names what is asked."""


class Asked(Rule):
    """One question, figure or statement: `of` is the condition or field it belongs to; a yes may be `enough` for it, or
    only `informs`; `zero` may be an answer to a figure."""

    code: str
    of: str = ""
    enough: bool = False
    informs: bool = False
    zero: bool = False
    topic: Mapping[str, str]
    text: Mapping[str, str]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if any(set(text) != set(LANGUAGES) for text in (self.topic, self.text)):
            raise ValueError(f"{self.code}: a text is missing in a language")
        return self


@cache
def questionnaires() -> Mapping[str, Mapping[str, Asked]]:
    """Everything that is asked, by sheet and code, in its order."""
    content = kit_yaml(kit_folder("templates") / "rules" / "questions.yml")
    return {
        sheet: {code: Asked(code=code, **fields) for code, fields in asked.items()} for sheet, asked in content.items()
    }
