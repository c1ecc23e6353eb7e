"""What a client is asked for: everything before the first run, afterwards only what is still missing, by what it brings.

What cannot be said without a thing is told by those who need it: the options through their rules, the conditions of key
account management through their tests, a run through its open questions. Takeover is never named: the request goes to
the client's IT. No personal data is asked for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kamkit.analysis.existence import asked_for
from kamkit.model.kam_type_rules import KamTypeRules
from kamkit.model.option_rules import OptionRules
from kamkit.model.request_items import LEVELS, RequestItem, item_for, request_items
from kamkit.model.tables import TABLES
from kamkit.telling.language import Labels
from kamkit.telling.questions import UNTOLD, Question, need_of

HINTS = ("period", "format", "raw", "ids", "parts")
NOTES = ("safe", "privacy", "works_council")


@dataclass(frozen=True)
class Wanted:
    """One thing to be sent, in words: `columns` with whether they are indispensable, `where` with the system and the
    place, `effect` the revenue that hangs on it."""

    name: str
    title: str
    what: str
    columns: tuple[tuple[str, bool], ...]
    where: tuple[tuple[str, str], ...]
    gain: str
    effect: float | None = None


@dataclass(frozen=True)
class WantedGroup:
    """Things that are equally urgent."""

    title: str
    things: tuple[Wanted, ...]


@dataclass(frozen=True)
class DataRequest:
    """A data request in one language, ready to be laid out."""

    labels: Labels
    client: str
    title: str
    intro: str
    gain_title: str
    date: dt.date
    hints: tuple[tuple[str, str], ...]
    groups: tuple[WantedGroup, ...]
    notes: tuple[tuple[str, str], ...]


def first_request(
    client: str, options: OptionRules, kam_types: KamTypeRules, labels: Labels, today: dt.date
) -> DataRequest:
    """The request before the first run: must, should and could."""
    needs = list(_needs(options, kam_types))
    groups = tuple(
        WantedGroup(labels(f"request.{level}"), tuple(_first_wanted(item, needs, labels) for item in _of_level(level)))
        for level in LEVELS
    )
    return _request("first", client, groups, labels, today, options)


def next_request(
    client: str,
    tables: Sequence[str],
    questions: Iterable[Question],
    options: OptionRules,
    labels: Labels,
    today: dt.date,
) -> DataRequest | None:
    """What a run has missed, by the revenue that hangs on it; None where nothing is missing.

    `tables`: those that were imported; of these only the missing columns are asked for. `questions`: all open ones.
    """
    asked: dict[str, list[Question]] = {}
    for question in questions:
        item = item_for(question.about, request_items())
        if item or question.lacking:
            asked.setdefault(item.name if item else question.about, []).append(question)
    things = [_next_wanted(name, about, tables, labels) for name, about in asked.items()]
    order = [item.name for item in request_items()]
    weight = {name: len({thing for q in about for thing in q.unlocks}) for name, about in asked.items()}
    things.sort(key=lambda w: (-(w.effect or 0.0), -weight[w.name], order.index(w.name) if w.name in order else 99))
    if not things:
        return None
    return _request("next", client, (WantedGroup(labels("request.missing"), tuple(things)),), labels, today, options)


def _request(
    kind: str, client: str, groups: tuple[WantedGroup, ...], labels: Labels, today: dt.date, options: OptionRules
) -> DataRequest:
    months = options.antenna.history_months.value
    return DataRequest(
        labels=labels,
        client=client,
        title=labels(f"request.title_{kind}"),
        intro=labels(f"request.intro_{kind}"),
        gain_title=labels(f"request.gain_{kind}"),
        date=today,
        hints=tuple((labels(f"request.{h}"), labels(f"request.{h}_text", months=months)) for h in HINTS),
        groups=groups,
        notes=tuple((labels(f"request.{note}"), labels(f"request.{note}_text")) for note in NOTES),
    )


def _needs(options: OptionRules, kam_types: KamTypeRules) -> Iterator[tuple[str, str]]:
    """Each need (a table, or a column of the two main tables) with the key of what depends on it."""
    for option, rule in options.options.items():
        for indicator in rule.indicators.values():
            yield from ((need_of(need), f"option.{option}") for need in indicator.needs)
    for test, missing in asked_for(kam_types).items():
        yield from ((need_of(need), f"existence_short.{test}") for need in missing)


def _of_level(level: str) -> list[RequestItem]:
    return [item for item in request_items() if item.level == level]


def _first_wanted(item: RequestItem, needs: Iterable[tuple[str, str]], labels: Labels) -> Wanted:
    depends = [thing for need, thing in needs if item_for(need, request_items()) is item]
    return _wanted(item, item.columns, _names([*(f"analysis.{n}" for n in item.needed), *depends], labels), labels)


def _next_wanted(name: str, questions: Sequence[Question], tables: Sequence[str], labels: Labels) -> Wanted:
    unlocks = [thing for question in questions for thing in question.unlocks]
    why = [question.why for question in questions if not question.unlocks]
    if names := _names(unlocks, labels):
        why.append(labels("question_why.unlocks", names=names))
    effect = max((question.effect or 0.0 for question in questions), default=0.0) or None
    item = next((item for item in request_items() if item.name == name), None)
    lacking = {need.partition(".")[2] for question in questions for need in question.lacking}
    if item is None:
        return Wanted(
            name, questions[0].question, "", tuple((name, True) for name in sorted(lacking)), (), " ".join(why), effect
        )
    known = [column for column in item.columns if column in lacking]
    columns = known if known and item.table in tables else item.columns
    return _wanted(item, columns, (), labels, " ".join(dict.fromkeys(why)), effect)


def _wanted(
    item: RequestItem,
    columns: Iterable[str],
    names: Sequence[str],
    labels: Labels,
    gain: str = "",
    effect: float | None = None,
) -> Wanted:
    language = labels.language
    required = TABLES[item.table].required if item.table else ()
    return Wanted(
        name=item.name,
        title=item.title[language],
        what=item.what[language],
        columns=tuple((item.columns[column][language], column in required) for column in columns),
        where=tuple((labels(f"request.{system}"), text[language]) for system, text in item.where.items()),
        gain=gain or labels("request.without", names=names),
        effect=effect,
    )


def _names(things: Iterable[str], labels: Labels) -> list[str]:
    return [labels(thing) for thing in dict.fromkeys(things) if thing != UNTOLD]
