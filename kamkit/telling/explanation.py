"""Every sentence about one account, and how each of its figures follows from booked lines, or from the rows of comparable
accounts, contacts and talks (domain §2, common rule vi)."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from kamkit.analysis.options.support import Support
from kamkit.model.codes import BASIC_CARE
from kamkit.model.option_rules import OptionRules
from kamkit.model.results import AccountFacts, StrategyOptions
from kamkit.telling.language import Labels
from kamkit.telling.results import TOLD_COLUMNS
from kamkit.telling.trace import COMPARISONS, TRACES, Compared, Lines, Rows, Term, account_lines

FIGURES = frozenset({"count", "number", "percent", "change", "money", "money_short", "money_rough"})
BESIDE = {"complaint": "shock"}
"""A table in which nothing is counted by a formula, and the one that it is shown with."""
SAME = 1e-6
"""Up to which share a recomputed figure may differ from the one printed: binary fractions, no more."""


@dataclass(frozen=True)
class Told:
    """One sentence: what it is (code of `explained`), about which option (None: the account), and its text. `key` and
    `values` are what it was made of."""

    kind: str
    option: str | None
    text: str
    key: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """One number of a sentence (place in the list, from 1): its name, the value as printed and as computed, how it comes
    about in words, and the formula over the account's lines or the other tables; None where it is the result of a method or
    a setting, and then it stands among the comparisons."""

    sentence: int
    name: str
    kind: str
    printed: str
    value: float
    how: str
    term: Term | None


@dataclass(frozen=True)
class Explanation:
    """All that is told about one account, with its lines and the other tables that figures rest on, by name as in `Support`;
    `lines` is None where the lines stay in the client's database. `values`: what their heads name; `notes`: what to know about a table;
    `n_cancelled`: lines of all accounts that were left out because an invoice and its cancellation make up nothing."""

    account_id: str
    name: str
    told: tuple[Told, ...]
    figures: tuple[Figure, ...]
    lines: Lines | None
    tables: Mapping[str, Rows] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    n_cancelled: int = 0


def explain_account(
    account_id: str,
    facts: AccountFacts,
    options: StrategyOptions,
    rules: OptionRules,
    rows: pd.DataFrame | None,
    window_months: int,
    labels: Labels,
    support: Support,
    n_cancelled: int = 0,
    names_others: bool = True,
) -> Explanation:
    """The sentences of an account and where their figures come from. `rows`: its kept transaction lines, None where they
    are not on disk. Where customers listen (not `names_others`) other accounts are numbered."""
    told = tuple(_sentences(account_id, options, labels))
    advice = _rows(options.recommendations, account_id)[0]
    lines = None
    if rows is not None:
        end = facts.period.end
        until = rows[pd.to_datetime(rows["posting_date"]) <= pd.Timestamp(end)]
        lines = Lines(
            frame=account_lines(until, facts.item_kind, end, window_months),
            cut_off=end,
            names=dict(zip(facts.items["item"].astype(str), facts.items["name"].astype(str), strict=True)),
            values=advice["values"],
            usual_interval=usual_interval(facts.orders),
            shrinkage=rules.risk.shrinkage.value,
            one_off=rules.risk.one_off.value,
        )
    names = facts.accounts.set_index("account_id")["name"]
    tables = {
        name: Rows(name, frame if names_others else _numbered(frame, account_id, labels))
        for name, frame in support.tables.items()
    }
    revenue = TRACES["revenue"](lines) if lines else None
    if revenue is None or not _same(revenue.value, support.yearly):
        revenue = Term(repr(support.yearly), support.yearly)
    figures = tuple(_figures(told, lines, Compared(tables, advice["values"], revenue), labels))
    used = {name: rows for name, rows in tables.items() if _is_used(name, figures)}
    notes = {name: _note(name, advice["values"], support, labels) for name in used}
    return Explanation(
        account_id, str(names[account_id]), told, figures, lines, used, advice["values"], notes, n_cancelled
    )


def _is_used(table: str, figures: tuple[Figure, ...]) -> bool:
    """Whether a figure rests on a table; complaints are shown beside the shock that they are a part of."""
    begins = re.compile(rf"\b{BESIDE.get(table, table)}_")
    return any(figure.term is not None and begins.search(figure.term.formula) for figure in figures)


def _numbered(frame: pd.DataFrame, account_id: str, labels: Labels) -> pd.DataFrame:
    """A table without the numbers and names of other accounts."""
    if "account_id" not in frame:
        return frame
    others = frame["account_id"] != account_id
    numbers = [labels("explained.other_account", n=n) for n in range(1, int(others.sum()) + 1)]
    hidden = frame.assign(name=frame["name"].astype(object)).drop(columns="account_id")
    hidden.loc[others, "name"] = numbers
    return hidden


def _note(table: str, values: Mapping[str, Any], support: Support, labels: Labels) -> str:
    return labels(f"support_note.{table}", **values, common=support.common)


def usual_interval(orders: pd.DataFrame) -> float:
    """The median over all accounts of the median days between two order days."""
    if orders.empty:
        return math.nan
    days = orders[["account_id", "date"]].drop_duplicates().sort_values(["account_id", "date"])
    gaps = days["date"].diff().dt.days.where(days["account_id"] == days["account_id"].shift())
    return float(gaps.groupby(days["account_id"]).median().median())


def _rows(frame: pd.DataFrame, account_id: str) -> list[dict[str, Any]]:
    own = frame[frame["account_id"] == account_id]
    return [{str(name): value for name, value in row.items()} for row in own.to_dict("records")]


def _sentences(account_id: str, options: StrategyOptions, labels: Labels) -> Iterator[Told]:
    """The recommendation first, then risk, what speaks for and against every option, and the line of the plan."""
    for advice in _rows(options.recommendations, account_id):
        option = str(advice["recommended_option"])
        beside = None if option == BASIC_CARE else option
        for column in ("reason", "first_step", "question", "avoid", "close_by"):
            yield from _told(column, beside, advice, labels)
    for risk in _rows(options.account_risk, account_id):
        yield from _told("evidence", None, risk, labels, "risk")
    for row in _rows(options.options, account_id):
        for column in ("evidence", "counter", "precondition", "risk"):
            yield from _told(column, str(row["option"]), row, labels)
    for line in _rows(options.actions, account_id):
        for column in ("trigger", "stop_criterion"):
            yield from _told(column, str(line["option"]), line, labels)


def _told(
    column: str, option: str | None, row: Mapping[str, Any], labels: Labels, kind: str | None = None
) -> Iterator[Told]:
    code = row.get(column)
    if labels.missing(code):
        return
    key, values = f"{TOLD_COLUMNS[column]}.{code}", row["values"]
    yield Told(kind or column, option, labels(key, **values), labels.key_of(key, values), values)


def _figures(told: tuple[Told, ...], lines: Lines | None, compared: Compared, labels: Labels) -> Iterator[Figure]:
    for place, sentence in enumerate(told, start=1):
        for name, kind in _placeholders(labels.sentence(sentence.key)):
            raw = sentence.values.get(name)
            if raw is None or kind not in FIGURES:
                continue
            value = float(raw)
            term = _traced(name, value, lines, compared)
            how = labels(f"trace.{name}") if f"trace.{name}" in labels else labels("trace.method")
            if term is None and lines is not None and name in TRACES:
                how = f"{how} {labels('trace.adjusted')}"
            yield Figure(place, name, kind, labels.format_field(raw, kind), value, how, term)


def _traced(name: str, value: float, lines: Lines | None, compared: Compared) -> Term | None:
    """The formula of a figure, where the account's lines or the other tables alone give the value that was told."""
    term = None
    if name in TRACES:
        term = TRACES[name](lines) if lines is not None else None
    elif name in COMPARISONS:
        term = COMPARISONS[name](compared)
    return term if term is not None and _same(term.value, value) else None


def _same(found: float, told: float) -> bool:
    return math.isfinite(found) and abs(found - told) <= SAME * max(1.0, abs(told))


def _placeholders(sentence: str) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for _, name, spec, _ in string.Formatter().parse(sentence):
        if name and name not in seen:
            seen.add(name)
            yield name, (spec or "").partition(":")[0]
