"""What a client can be asked for: `templates/data_request.yml`, typed. The texts are there in every language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Literal, Self

from pydantic import Field, model_validator

from kamkit.model.engagement import LANGUAGES
from kamkit.model.kit import kit_folder
from kamkit.model.rules import Rule
from kamkit.model.tables import TABLES
from kamkit.model.yaml_files import kit_yaml

LEVELS = ("must", "should", "could")

Text = Mapping[str, str]


class RequestItem(Rule):
    """One thing to be sent: why it is asked for and where it is found stand in `templates/data_request.yml`."""

    name: str
    level: Literal["must", "should", "could"]
    table: str | None = None
    asks: tuple[str, ...] = ()
    title: Text
    what: Text
    columns: Mapping[str, Text]
    where: Mapping[Literal["sap", "datev", "navision", "elsewhere"], Text] = Field(min_length=1)
    needed: tuple[str, ...] = ()

    def answers(self, about: str) -> bool:
        """Whether it fills a table ("budgets"), a column ("customers.region"), or answers a question by its code."""
        table, _, column = about.partition(".")
        return about in self.asks or (table == self.table and (not column or column in self.columns))

    @model_validator(mode="after")
    def _complete(self) -> Self:
        texts = [self.title, self.what, *self.columns.values(), *self.where.values()]
        if any(set(text) != set(LANGUAGES) for text in texts):
            raise ValueError(f"{self.name}: a text is missing in a language")
        if strange := set(self.columns) - set(TABLES[self.table].columns if self.table else ()):
            raise ValueError(f"{self.name}: {', '.join(sorted(strange))} are no columns of {self.table}")
        return self


@cache
def request_items() -> tuple[RequestItem, ...]:
    """Everything that can be asked for, in the order in which it is worth asking."""
    content = kit_yaml(kit_folder("templates") / "data_request.yml")
    return tuple(RequestItem(name=name, **fields) for name, fields in content.items())


def item_for(about: str, items: Iterable[RequestItem]) -> RequestItem | None:
    """The thing that answers a need; None where nothing does."""
    return next((item for item in items if item.answers(about)), None)
