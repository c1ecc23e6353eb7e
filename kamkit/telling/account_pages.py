"""One page per key account: what it brings, what is recommended and why, what speaks against it, and the first step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from kamkit.analysis.stability import certainty
from kamkit.telling.account_plans import MOST_PLANS, planned_accounts
from kamkit.telling.chart_data import Bar, BarsData
from kamkit.telling.dossier import Dossier, by_account
from kamkit.telling.results import of_key_accounts, told
from kamkit.telling.sections import Points, Section, Tile
from kamkit.telling.tables import ABSENT, DisplayTable, display_table

MOST_SPOTS, MOST_COMMENTS = 3, 3


@dataclass(frozen=True)
class AccountPage:
    """The page of one key account: facts in pairs of title and value, its revenue through the years (`history`, oldest
    first, titled `history_title`), and a section like those of the report. `is_managed`: confirmed and managed, so that
    printed deliverables have it too."""

    account_id: str
    rank: int | None
    is_managed: bool
    facts: tuple[tuple[str, str], ...]
    history_title: str
    history: BarsData
    section: Section


def account_pages(book: Dossier) -> Iterator[AccountPage]:
    """A page for every key account, by rank."""
    labels = book.labels
    managed = set(planned_accounts(book.key_accounts)[0][:MOST_PLANS])
    advised = book.options.recommendations[["account_id", "recommended_option"]].rename(
        columns={"recommended_option": "option"}
    )
    reasons = by_account(told(of_key_accounts(book.options.options.merge(advised), book.key_accounts), labels))
    for row in book.ranked[book.ranked["chosen"]].to_dict("records"):
        account_id = str(row["account_id"])
        rank = None if pd.isna(row["rank"]) else int(row["rank"])
        yield AccountPage(
            account_id=account_id,
            rank=rank,
            is_managed=account_id in managed,
            facts=tuple(_facts(book, row)),
            history_title=labels("account_page.history"),
            history=_history(book, account_id),
            section=_section(book, row, reasons.get(account_id, {})),
        )


def _facts(book: Dossier, row: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """Only what is known: a page has no room for dashes."""
    labels, sure = book.labels, certainty(row["membership_probability"])
    for title, value, kind in (
        (labels("account_plan.number"), row["account_id"], ""),
        (labels("account_plan.class"), row["abc_class"], ""),
        (labels("account_plan.certainty"), None if sure is None else str(sure), "word:membership"),
        (labels("account_plan.type"), row["kam_type"], "word:kam_type"),
        (labels("account_plan.industry"), row["industry_text"], ""),
        *((labels(f"column.{name}"), row[name], "") for name in ("region", "field_rep", "kam_owner")),
    ):
        if (written := book.known(value, kind)) != ABSENT:
            yield title, written


def _history(book: Dossier, account_id: str) -> BarsData:
    spans = book.years(account_id).iloc[::-1].to_dict("records")
    return BarsData(
        tuple(Bar(row["span"], row["revenue"], book.labels.money_short(row["revenue"]), "primary") for row in spans)
    )


def _section(book: Dossier, row: Mapping[Any, Any], reasons: Mapping[Any, Any]) -> Section:
    labels, account_id = book.labels, str(row["account_id"])
    advice = book.advice.get(account_id, {})
    option, beside = advice.get("recommended_option"), advice.get("supporting_option")
    if labels.missing(option):
        finding = labels("account_page.no_advice")
    elif labels.missing(beside):
        finding = labels("account_page.advice", option=option)
    else:
        finding = labels("account_page.advice_beside", option=option, beside=beside)
    lists = [
        Points(labels("account_page.why"), _said(book, advice, "reason", "close_by")),
        Points(labels("account_page.step"), _said(book, advice, "first_step", "question")),
        Points(labels("account_page.for"), _said(book, reasons, "evidence")),
        Points(labels("account_page.against"), (*_said(book, reasons, "counter"), *_said(book, advice, "avoid"))),
        Points(labels("account_plan.risks"), book.risks(account_id)),
    ]
    return Section(
        key="account_page",
        name=str(row["name"]),
        finding=finding,
        tiles=tuple(_tiles(book, row)),
        lists=tuple(points for points in lists if points.points),
        tables=tuple(table for table in (_spots(book, account_id),) if len(table)),
        comments=tuple(comment for comment in book.comments if comment.account_id == account_id)[-MOST_COMMENTS:],
    )


def _said(book: Dossier, row: Mapping[Any, Any], *names: str) -> tuple[str, ...]:
    return tuple(text for name in names if (text := book.text(row.get(name))))


def _tiles(book: Dossier, row: Mapping[Any, Any]) -> Iterator[Tile]:
    labels, account_id = book.labels, str(row["account_id"])
    prior = row["revenue_prior"]
    known_before = not labels.missing(prior) and prior > 0
    change = labels("account_page.change", change=row["revenue"] / prior - 1) if known_before else ""
    yield Tile(labels.money_short(row["revenue"]), labels("account_page.revenue", period=book.period), change)
    if not labels.missing(row["share"]):
        yield Tile(labels.percent(row["share"]), labels("account_page.share"), book.rank(account_id))
    if book.candid and not labels.missing(row["margin"]):
        rate = labels("account_page.rate", rate=row["margin"] / row["revenue"]) if row["revenue"] > 0 else ""
        yield Tile(labels.money_short(row["margin"]), labels("account_plan.margin"), rate)
    risk = book.risk.get(account_id, {})
    if risk.get("level") in ("red", "amber"):
        level = labels("account_page.level", level=risk["level"])
        yield Tile(labels.money_short(risk["revenue_at_risk"]), labels("account_page.at_risk"), level)
    elif (spots := book.spots.get(account_id)) is not None:
        expected = math.fsum(spots["expected_revenue"])
        yield Tile(
            labels.money_rough(expected), labels("account_page.expected"), labels("account_page.spots", n=len(spots))
        )


def _spots(book: Dossier, account_id: str) -> DisplayTable:
    spots = book.spots.get(account_id, book.options.cross_selling.head(0))
    return display_table(
        spots,
        "plan_spots",
        "category peers_buying:count peers:count expected_revenue:money_rough",
        book.labels,
        MOST_SPOTS,
    )
