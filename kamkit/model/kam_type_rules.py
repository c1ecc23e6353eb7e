"""The rules of the KAM types and of the existence check: `rules/kam_types.yml` and the NACE divisions, typed.

Every number carries its origin (norm, study, convention). The table that decides between the programme's type and an
account's own evidence is checked on loading: each combination is answered by exactly one row.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from kamkit.model.codes import Evidence, KamType
from kamkit.model.intensity_rules import IntensityRules, load_intensity_rules
from kamkit.model.kit import kit_folder
from kamkit.model.questionnaire import Asked, questionnaires
from kamkit.model.rules import Rule, Threshold, load_rules
from kamkit.model.words import WordIndex, plain, word_pattern

TYPES: tuple[KamType, ...] = (KamType.CONSUMER, KamType.TECHNICAL, KamType.SERVICE)
"""The types there can be evidence for, in the order of the source text."""


class Block(StrEnum):
    """The four kinds of evidence for a type (domain §3)."""

    SUPPLIER_INDUSTRY = "supplier_industry"
    ACCOUNT_INDUSTRY = "account_industry"
    PRODUCT_CATEGORY = "product_category"
    PATTERN = "pattern"


class OwnEvidence(StrEnum):
    """How an account's own evidence stands to the programme's type.

    none: no points for another type · weak: another type leads by less than the margin · divided: others lead by the
    margin, but none of them leads the others · strong: one type leads all by the margin.
    """

    NONE = "none"
    WEAK = "weak"
    DIVIDED = "divided"
    STRONG = "strong"


def _evident(kind: KamType) -> KamType:
    if kind not in TYPES:
        raise ValueError(f"{str(kind)!r} is no type that evidence can speak for: use consumer, technical or service")
    return kind


def _listed(words: Any) -> Any:
    return tuple(word.strip() for word in words.split(",") if word.strip()) if isinstance(words, str) else words


Words = Annotated[tuple[str, ...], BeforeValidator(_listed)]
"""Word patterns (`kamkit.model.words`), written as one text with commas."""

Kind = Annotated[KamType, AfterValidator(_evident)]
Code = Annotated[str, Field(pattern=r"^\d{2}(\.\d{1,2})?$")]


class Division(Rule):
    """One NACE Rev. 2 division: the type it speaks for as the client's industry and as an account's."""

    client: KamType | None
    account: KamType | None
    ambiguous: bool


class Points(Rule):
    """Points of the client's industry, and of an account's: of a division that decides, and of an ambiguous one."""

    supplier: int = Field(ge=1)
    clear: int = Field(ge=1)
    ambiguous: int = Field(ge=1)
    evidence: Evidence


class IndustryWords(Rule):
    """Words that name an industry: a NACE code, or a type where the words are wider than any division."""

    words: Words = Field(min_length=1)
    along_with: Words = ()
    code: Code | None = None
    type: Kind | None = None

    @model_validator(mode="after")
    def _one_meaning(self) -> Self:
        if (self.code is None) == (self.type is None):
            raise ValueError("give either code or type")
        return self


class CategoryWords(Rule):
    """Words of product categories that speak for a type."""

    type: Kind
    words: Words = Field(min_length=1)


class CategoryPoints(Rule):
    """The share of an account's revenue from which on categories of a type earn these points."""

    share: float = Field(gt=0, le=1)
    points: int = Field(ge=1)
    evidence: Evidence


class Pattern(Rule):
    """Points of one pattern for one type."""

    type: Kind
    points: int = Field(ge=1)
    evidence: Evidence


class SharePattern(Pattern):
    """A share of revenue under contract or in projects."""

    share: float


class RecurringPattern(Pattern):
    """Even monthly amounts: twelve times the smallest month ÷ total, and the months' coefficient of variation."""

    share: float
    variation_below: float
    most_orders_per_month: float


class LumpyPattern(Pattern):
    """Few large orders: months vary, and orders are a multiple of what the portfolio's median account orders."""

    variation_above: float
    fewest_orders: int
    most_orders: int
    order_size: float


class PromotionPattern(Pattern):
    """Orders in most weeks, with the strongest twentieth of the weeks standing out."""

    active_weeks: float
    share_from: float
    share_to: float


class ServiceLevelPattern(Pattern):
    """A service level agreed in a contract; `none` are the words by which a contract says that it has none."""

    none: Words = Field(min_length=1)


class SitesPattern(Pattern):
    """Many places that are delivered for each one that is billed: central purchasing."""

    sites_per_customer: float


class TermsPattern(Pattern):
    """Trade terms of the consumer goods business, such as advertising allowances."""

    words: Words = Field(min_length=1)


class Patterns(Rule):
    """All patterns of orders and contracts."""

    contract: SharePattern
    sla: ServiceLevelPattern
    specified: Pattern
    sites: SitesPattern
    instalments: RecurringPattern
    recurring: RecurringPattern
    project: SharePattern
    lumpy: LumpyPattern
    promotions: PromotionPattern
    trade_terms: TermsPattern

    def all(self) -> tuple[Pattern, ...]:
        return tuple(getattr(self, name) for name in type(self).model_fields)


class ProgrammeRules(Rule):
    """How much of the revenue must speak, and how strongly, for the accounts to name the programme's type."""

    coverage: Threshold
    pattern_points: Threshold
    pattern_coverage: Threshold


class Decision(Rule):
    """One row of the deciding table; the pairs of programme and own evidence it answers, and with what."""

    programme: tuple[Literal["known", "unknown"], ...] = Field(min_length=1)
    own: tuple[OwnEvidence, ...] = Field(min_length=1)
    take: Literal["programme", "own", "unclear"]


class Refinements(Rule):
    """NACE groups that speak for another type than their division, or make an ambiguous one clear."""

    client: Mapping[Code, Kind]
    account: Mapping[Code, Kind]


class ExistenceRules(Rule):
    """Thresholds and words of the check whether key account management exists (domain S6)."""

    privileged_share: Threshold
    field_share: Threshold
    other_priorities: Threshold
    consulted_share: Threshold
    confidence: Threshold
    fewest_accounts: Threshold
    draws: Threshold
    formal: Words = Field(min_length=1)
    substantive: Words = Field(min_length=1)
    key_segments: Words = Field(min_length=1)
    key_roles: Words = Field(min_length=1)
    field_roles: Words = Field(min_length=1)


class KamTypeRules(Rule):
    """All rules of step 3."""

    margin: Threshold
    programme: ProgrammeRules
    labelled: Threshold
    most_points: Mapping[Block, int]
    industry_points: Points
    category_points: tuple[CategoryPoints, ...] = Field(min_length=1)
    patterns: Patterns
    decisions: tuple[Decision, ...]
    refinements: Refinements
    nace21: Mapping[Code, Code]
    only_in_nace21: tuple[Code, ...]
    no_industry: Words
    industry_words: tuple[IndustryWords, ...]
    category_words: tuple[CategoryWords, ...]
    existence: ExistenceRules
    intensity: IntensityRules
    questions: Mapping[str, Asked]
    divisions: Mapping[str, Division]

    def take(self, programme: Literal["known", "unknown"], own: OwnEvidence) -> str:
        """What the deciding table answers: programme, own or unclear."""
        return next(row.take for row in self.decisions if programme in row.programme and own in row.own)

    def industry_in(self, text: str) -> IndustryWords | None:
        """The first row of the industry words that finds its words, and where it asks for those beside them, in a text."""
        found = self._industries.lists_in(plain(text))
        rows = (
            n // 2
            for n in sorted(found)
            if n % 2 == 0 and (n + 1 in found or not self.industry_words[n // 2].along_with)
        )
        return next((self.industry_words[n] for n in rows), None)

    def is_no_industry(self, text: str) -> bool:
        """Whether a customer class or a channel names a grade or a way of selling."""
        return bool(self._no_industry.search(plain(text)))

    @cached_property
    def _no_industry(self) -> re.Pattern[str]:
        return word_pattern(self.no_industry)

    def goods_in(self, text: str) -> KamType | None:
        """The type for which goods of this category or name speak; the first row that finds its words decides."""
        found = self._goods.lists_in(plain(text))
        return self.category_words[min(found)].type if found else None

    @cached_property
    def _industries(self) -> WordIndex:
        return WordIndex(words for row in self.industry_words for words in (row.words, row.along_with))

    @cached_property
    def _goods(self) -> WordIndex:
        return WordIndex(row.words for row in self.category_words)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = [*self._undecided(), *self._too_many_points(), *self._unknown_divisions()]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _undecided(self) -> list[str]:
        problems = []
        for programme, own in itertools.product(("known", "unknown"), OwnEvidence):
            rows = [row for row in self.decisions if programme in row.programme and own in row.own]
            if len(rows) != 1:
                problems.append(
                    f"decisions: programme {programme}, own {own} has {len(rows)} rows: give it exactly one"
                )
            elif programme == "unknown" and rows[0].take == "programme":
                problems.append(f"decisions: programme unknown, own {own} cannot take the programme's type")
        return problems

    def _too_many_points(self) -> list[str]:
        problems = [f"most_points.{block} is missing" for block in Block if block not in self.most_points]
        given = {
            Block.SUPPLIER_INDUSTRY: self.industry_points.supplier,
            Block.ACCOUNT_INDUSTRY: self.industry_points.clear,
            Block.PRODUCT_CATEGORY: max(step.points for step in self.category_points),
            Block.PATTERN: max(pattern.points for pattern in self.patterns.all()),
        }
        for block, points in given.items():
            if points > self.most_points.get(block, points):
                problems.append(f"{block} gives {points} points, more than most_points allows")
        return problems

    def _unknown_divisions(self) -> list[str]:
        named = [("industry_words", rule.code) for rule in self.industry_words if rule.code]
        named += [("nace21", code) for code in self.nace21.values()]
        named += [("refinements.client", code) for code in self.refinements.client]
        named += [("refinements.account", code) for code in self.refinements.account]
        return [f"{place}: {code} is no NACE division" for place, code in named if code[:2] not in self.divisions]


def load_kam_type_rules(engagement_folder: Path | None = None) -> KamTypeRules:
    """The rules of the KAM types: the engagement's own `rules/kam_types.yml`, else the kit's, with the NACE divisions, the
    rules of cooperation intensity and the questions on the organisation.

    Raises EngagementError with every problem of a table.
    """
    beside = {"intensity": load_intensity_rules(engagement_folder), "questions": questionnaires()["organisation"]}
    return load_rules(KamTypeRules, "kam_types", engagement_folder, divisions=_divisions(), **beside)


@cache
def _divisions() -> Mapping[str, Division]:
    """The 88 divisions of NACE Rev. 2 = WZ 2008 (`nace_kam_types.csv`)."""
    with _division_file().open(encoding="utf-8", newline="") as file:
        return {
            row["division"]: Division(
                client=_type_or_none(row["type_if_client"]),
                account=_type_or_none(row["type_if_account"]),
                ambiguous=row["ambiguous"] == "1",
            )
            for row in csv.DictReader(file, delimiter=";")
        }


@cache
def division_titles(language: str) -> Mapping[str, str]:
    """What each division is called, in German or English."""
    with _division_file().open(encoding="utf-8", newline="") as file:
        return {row["division"]: row[f"title_{language}"] for row in csv.DictReader(file, delimiter=";")}


def _division_file() -> Path:
    return kit_folder("templates") / "rules" / "nace_kam_types.csv"


def _type_or_none(word: str) -> KamType | None:
    return None if word == "none" else KamType(word)
