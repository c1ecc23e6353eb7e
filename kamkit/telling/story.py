"""The one story that every deliverable tells: sections in a fixed order, each a finding with its evidence.

Nothing is computed by a renderer; what an audience may not see is left out here, before any file exists. Field sales and
customers never see takeover exposure, margins of single accounts or the verdict on the client's key account management;
in a meeting with a customer other customers have no names.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import pandas as pd

from kamkit.analysis.decisions import decision_log
from kamkit.analysis.stability import certainty
from kamkit.errors import EngagementError
from kamkit.model.brand import Look
from kamkit.model.codes import REASON_CODES, Basis, DecisionStatus, Option, Verdict
from kamkit.model.engagement import LANGUAGES, LOCALES, Engagement
from kamkit.model.follow_up import FollowUp
from kamkit.model.option_rules import load_option_rules
from kamkit.model.portfolio_rules import load_portfolio_rules
from kamkit.model.results import (
    AccountFacts,
    Allocation,
    CustomerValue,
    DecisionLog,
    ExistenceTest,
    Imported,
    Investment,
    KamTypes,
    KeyAccounts,
    ListHistory,
    Portfolio,
    StrategyOptions,
)
from kamkit.telling import follow_up, option_studies, option_tables, portfolio_words, prose, tables, value
from kamkit.telling import kam_types as types_told
from kamkit.telling.account_pages import AccountPage, account_pages
from kamkit.telling.account_plans import Plans, account_plans
from kamkit.telling.backtests import backtest_sentences, holds_on_history
from kamkit.telling.chart_data import Frame
from kamkit.telling.charts import plot_pareto
from kamkit.telling.comments import (
    COMMENTED,
    Comment,
    account_figures,
    comments_on,
    comments_table,
    names_of_section,
    section_figures,
)
from kamkit.telling.data_request import DataRequest, next_request
from kamkit.telling.dossier import Dossier
from kamkit.telling.heat_map import plot_heat_map
from kamkit.telling.language import Labels
from kamkit.telling.live_pareto import LivePareto, live_pareto
from kamkit.telling.next_moves import NextMoves, next_moves
from kamkit.telling.portfolio_chart import plot_portfolio
from kamkit.telling.questions import client_questions, open_questions
from kamkit.telling.results import (
    accounts_frame,
    beside_decisions,
    existence_sentence,
    finding_sentence,
    of_key_accounts,
    ranking,
    told_conditions,
    tracked_steps,
)
from kamkit.telling.sections import Light, Points, Section, Tile
from kamkit.telling.sign_off import SignOff, sign_off
from kamkit.telling.tables import DisplayTable, display_table
from kamkit.telling.whale_chart import plot_whale

MAIN = [
    "at_a_glance",
    "changes",
    "pareto",
    "margin",
    "recommendations",
    "plan",
    "existence",
    "types",
    "portfolio",
    "investment",
]
APPENDIX = [
    "follow_up",
    "risk",
    "potential",
    "whitespace",
    "options",
    "pilot",
    "missing",
    "portfolios",
    "decisions",
    "accounts",
    "organisation",
    "method",
    "data",
    "glossary",
]
SECTIONS = (*MAIN, *APPENDIX)

SECRET_SECTIONS = (
    "margin",
    "existence",
    "organisation",
    "missing",
    "decisions",
    "portfolio",
    "portfolios",
    "investment",
    "options",
    "pilot",
)
HIDDEN = {
    "field": frozenset(SECRET_SECTIONS),
    "customer_meeting": frozenset(SECTIONS) - {"at_a_glance", "pareto", "glossary"},
}
"""Sections that an audience does not get; every other audience gets all."""

NAMED_IN_MAIN_PART, MOST_LISTED = 15, 400
MOST_BORDERLINE, MOST_DISCORDANT, MOST_EXCEPTIONS, MOST_MOVES, MOST_SHIFTS = 8, 8, 8, 4, 5
"""Rows of the tables that share a page of the main part with another section or a chart."""
MOST_WHITE_SPOTS, MOST_LAPSED, MOST_SITES = 20, 12, 12

GLOSSARY = [
    "key_account",
    "circle",
    "borderline",
    "abc",
    "kam_type",
    "programme",
    "option",
    "antenna",
    "risk",
    "white_spots",
    "takeover",
    "basic_care",
    "margin",
    "not_assessable",
    "backtest",
    "convention",
    "pseudo",
]
MARGIN_COLUMNS = (
    "margin",
    "margin_before_terms",
    "terms",
    "net_net",
    "gross",
    "discount",
    "cost",
    "selling",
    "service",
)
"""What the accounts say about margins, hidden from some audiences."""
STATUS_COLUMNS = ("kam_status", "kam_status_reason", "cooperation_stage")
"""What tells whether an account is treated as it is called, hidden from the same audiences."""
GLOSSARY_HIDDEN = frozenset({"takeover", "pseudo", "margin"})

ADVICE_COLUMNS = ("reason", "first_step", "question", "avoid", "close_by")
"""What a recommendation says in words, hidden from some audiences where an account loses money."""

MARGIN_STABLE = "margin_stable"
"""The condition of an alliance that speaks of an account's margin."""
LOSS_MAKING, WITH_MANAGEMENT = "loss_making", "with_management"
"""The reason of a recommendation that says an account loses money, and what an audience reads that must not know."""

DECISION_CHOICES = {
    "subject": ("key_account", "tier", "kam_type", "option"),
    "reason_code": REASON_CODES,
    "opinion": ("agree", "disagree", "abstain"),
}


_DECIDED = ("proposal", "decision", "decision_status")
"""What stands beside a proposal where something was decided."""


@dataclass(frozen=True)
class Places:
    """How many key accounts can be managed (None where nobody has said so), and the day on which a decision must be valid
    to count."""

    capacity: int | None
    day: dt.date


@dataclass(frozen=True)
class Sheet:
    """One sheet of the workbook: a table, which columns a person fills in from which choices, what it counts live (`places`),
    and what it ranks again (`pareto`)."""

    key: str
    name: str
    table: DisplayTable
    choices: dict[str, tuple[str, ...]] | None = None
    places: Places | None = None
    pareto: LivePareto | None = None
    is_main: bool = False
    """Whether the sheet belongs to what is read first."""


@dataclass(frozen=True)
class Story:
    """What is told to one audience in one language; every deliverable is made from this and nothing else."""

    client: str
    title: str
    period: str
    period_code: str
    date: dt.date
    confidentiality: str
    brand: Look
    audience: str
    labels: Labels
    main: tuple[Section, ...]
    appendix: tuple[Section, ...]
    sheets: tuple[Sheet, ...]
    sign_off: SignOff | None = None
    requests: tuple[DataRequest, ...] = ()
    """The next data request in every language, since it goes to the client; none where nothing is missing."""
    plans: Plans = field(default_factory=Plans)
    pages: tuple[AccountPage, ...] = ()
    """One page per key account, by rank; none where customers listen."""

    @property
    def footer(self) -> str:
        """The line at the foot that the brand asks for."""
        return self.brand.footer

    def part(self, key: str) -> Section | prose.Sentence:
        """The section of this key, or a sentence that the report has none."""
        found = (part for part in (*self.main, *self.appendix) if part.key == key)
        return next(found, prose.Sentence(self.labels("story.no_section", name=self.labels(f"story.{key}"))))

    def contents(self) -> DisplayTable:
        """The sections and what each says."""
        frame = pd.DataFrame(
            [{"section": part.name, "finding": part.finding} for part in (*self.main, *self.appendix)],
            columns=["section", "finding"],
        )
        return display_table(frame, "contents", "section finding", self.labels, most=None)


class OpenedProject(Protocol):
    """What a story needs of an opened engagement."""

    engagement: Engagement
    labels: Labels
    today: dt.date

    @property
    def imported(self) -> Imported: ...
    @property
    def facts(self) -> AccountFacts: ...
    @property
    def key_accounts(self) -> KeyAccounts: ...
    @property
    def kam_types(self) -> KamTypes: ...
    @property
    def options(self) -> StrategyOptions: ...
    @property
    def comments(self) -> pd.DataFrame: ...
    @property
    def actions(self) -> pd.DataFrame: ...
    @property
    def follow_up(self) -> FollowUp | None: ...


def story_of(project: OpenedProject) -> Story:
    """The story of an opened engagement."""
    return build_story(
        project.engagement,
        project.imported,
        project.facts,
        project.key_accounts,
        project.kam_types,
        project.options,
        project.labels,
        project.today,
        project.comments,
        project.actions,
        project.follow_up,
    )


def figures_of(project: OpenedProject) -> dict[str, str]:
    """Fingerprints of all that people may comment on: every account, and every section under each of its names."""
    engagement = project.engagement.model_copy(update={"audience": "sales_management", "sections": ()})
    results = (project.imported, project.facts, project.key_accounts, project.kam_types, project.options)
    teller = _Teller(engagement, *results, project.labels, project.today, follow_up=project.follow_up)
    sections = {name: s.figures for s in teller.sections(list(SECTIONS)) for name in names_of_section(s.key)}
    return teller.account_figures | sections


def build_story(
    engagement: Engagement,
    imported: Imported,
    facts: AccountFacts,
    key_accounts: KeyAccounts,
    kam_types: KamTypes,
    options: StrategyOptions,
    labels: Labels,
    today: dt.date,
    comments: pd.DataFrame | None = None,
    actions: pd.DataFrame | None = None,
    follow_up: FollowUp | None = None,
) -> Story:
    """The story of an engagement for its audience, dated `today`.

    `comments` of inputs.xlsx (section, account_id, text, author_role, date, snapshot, moved_on) stand in the section they
    name, by its key or its name, those on an account beside its recommendation; only those who decide see them. `actions` of
    inputs.xlsx say who takes a line of the plan, and what became of it; `follow_up` what has changed since an earlier run.
    Raises EngagementError when `sections` names one that does not exist.
    """
    if strange := [name for name in engagement.sections if name not in SECTIONS]:
        known = ", ".join(SECTIONS)
        raise EngagementError(
            engagement.file.name, [f"sections: {s!r} is not known. Known are: {known}" for s in strange]
        )
    key_accounts, facts, options = for_audience(engagement.audience, key_accounts, facts, options, labels)
    said = None if is_restricted(engagement.audience) else comments
    results = (imported, facts, key_accounts, kam_types, options)
    teller = _Teller(engagement, *results, labels, today, said, actions, follow_up)
    period = prose.period_words(facts.period, engagement.fiscal_year_start, labels)
    kept = ["story.confidential", *(["story.pseudonyms"] if engagement.pseudonymise else [])]
    return Story(
        client=engagement.client,
        title=labels("story.title"),
        period=labels("story.period", period=period),
        period_code=_period_code(facts, engagement.fiscal_year_start),
        date=today,
        confidentiality=" · ".join(map(labels, kept)),
        brand=engagement.look,
        audience=engagement.audience,
        labels=labels,
        main=_under_banner(teller.main, prose.small_sample(imported, labels)),
        appendix=teller.appendix,
        sheets=tuple(teller.sheets()),
        sign_off=teller.sign_off(),
        requests=() if is_restricted(engagement.audience) else tuple(teller.requests(today)),
        plans=teller.plans,
        pages=tuple(teller.pages()),
    )


def _under_banner(sections: Iterable[Section], banner: str) -> tuple[Section, ...]:
    return tuple(replace(section, banner="" if i else banner) for i, section in enumerate(sections))


def _period_code(facts: AccountFacts, fiscal_year_start: int) -> str:
    """The period in a file name: a whole fiscal year by its number, else first and last month."""
    start, end = facts.period.start, facts.period.end
    next_day = end + dt.timedelta(days=1)
    whole = (start.month, start.day) == (next_day.month, next_day.day) == (fiscal_year_start, 1)
    return str(end.year) if whole and next_day.year - start.year == 1 else f"{start:%Y-%m}_{end:%Y-%m}"


def is_restricted(audience: str) -> bool:
    """Whether an audience must not see takeover exposure, margins and verdicts."""
    return audience in HIDDEN


def for_audience(
    audience: str, key_accounts: KeyAccounts, facts: AccountFacts, options: StrategyOptions, labels: Labels
) -> tuple[KeyAccounts, AccountFacts, StrategyOptions]:
    """The results without what the audience may not see: margins of accounts, takeover exposure, loss-makers, and
    names where customers listen."""
    if not is_restricted(audience):
        return key_accounts, facts, options
    table = key_accounts.pareto.table.assign(margin=float("nan"))
    hidden = {column: float("nan") for column in MARGIN_COLUMNS if column in facts.accounts}
    accounts = facts.accounts.assign(**hidden)
    if audience == "customer_meeting":
        number = pd.Series(range(1, len(table) + 1), index=table.index)
        table = table.assign(name=[labels("story.customer_number", n=n) for n in number])
        names = dict(zip(table["account_id"], table["name"], strict=True))
        accounts = accounts.assign(name=accounts["account_id"].map(names))
    advice, actions, exposed = options.recommendations, options.actions, options.options["option"] == Option.TAKEOVER
    losing = advice.loc[advice["reason"] == LOSS_MAKING, "account_id"]
    shown = actions[~actions["account_id"].isin(losing)].sort_values("rank")
    return (
        replace(
            key_accounts,
            pareto=replace(key_accounts.pareto, table=table),
            value=CustomerValue(),
            exposure=replace(key_accounts.exposure, losses=pd.DataFrame()),
            history=key_accounts.history if key_accounts.pareto.basis is Basis.REVENUE else ListHistory(),
        ),
        replace(facts, accounts=accounts, margin_base=facts.margin_base.head(0)),
        replace(
            options,
            options=_without_margin_trend(options.options[~exposed]),
            recommendations=_without_loss_makers(advice),
            actions=shown.assign(rank=range(1, len(shown) + 1)),
            portfolio=Portfolio(),
            allocation=Allocation(),
            investment=Investment(),
            backtests=options.backtests[options.backtests["task"] != Option.TAKEOVER],
            conditions=options.conditions[options.conditions.get("condition", pd.Series(dtype=str)) != MARGIN_STABLE],
            takeover=options.takeover.head(0),
            takeover_sensitivity=options.takeover_sensitivity.head(0),
        ),
    )


def _without_loss_makers(advice: pd.DataFrame) -> pd.DataFrame:
    """The recommendations, those for accounts that lose money as something to settle with sales management."""
    losing = advice["reason"] == LOSS_MAKING
    masked = {column: advice[column].mask(losing) for column in ADVICE_COLUMNS if column in advice}
    settled = {name: masked[name].mask(losing, WITH_MANAGEMENT) for name in ("reason", "first_step") if name in masked}
    return advice.assign(**masked | settled)


def _without_margin_trend(options: pd.DataFrame) -> pd.DataFrame:
    """The options, without saying that an alliance fails for the margin."""
    if "values" not in options:
        return options
    hidden = [
        {**values, "alliance_unmet": "score"} if values.get("alliance_unmet") == MARGIN_STABLE else values
        for values in options["values"]
    ]
    return options.assign(values=pd.Series(hidden, index=options.index, dtype=object))


@dataclass(frozen=True)
class _Teller:
    """Everything known, and one method per section; a section that has nothing to say is None."""

    engagement: Engagement
    imported: Imported
    facts: AccountFacts
    key_accounts: KeyAccounts
    kam_types: KamTypes
    options: StrategyOptions
    labels: Labels
    today: dt.date
    comments: pd.DataFrame | None = None
    actions: pd.DataFrame | None = None
    follow_up: FollowUp | None = None

    def sections(self, keys: list[str]) -> Iterator[Section]:
        for key in keys:
            if key in self.wanted:
                tell: Callable[[], Section | None] = getattr(self, f"_{key}")
                if section := tell():
                    yield replace(section, to_do=self._told("to_do", key), limits=self._told("limits", key))

    def _told(self, what: str, key: str) -> str:
        """What to do with a section of the main part, or its limits, in one line; nothing in a meeting with customers."""
        said = "" if self.engagement.audience == "customer_meeting" else getattr(self.moves, what).get(key, "")
        return self.labels(f"report.{what}", what=said) if said else ""

    @cached_property
    def moves(self) -> NextMoves:
        parts = (self.facts, self.key_accounts, self.kam_types, self.options, self.labels)
        return next_moves(*parts, self.frame.period_words(self.labels), candid=not self.restricted)

    @cached_property
    def main(self) -> tuple[Section, ...]:
        return tuple(self.sections(MAIN))

    @cached_property
    def appendix(self) -> tuple[Section, ...]:
        return tuple(self.sections(APPENDIX))

    def _section(self, key: str, finding: str, *others: Any, **parts: Any) -> Section:
        """A section with what people said about it; `others` are figures that it tells outside its tables."""
        text = self.labels(f"story.{key}_text") if f"story.{key}_text" in self.labels else ""
        figures = section_figures(parts.get("tables", ()), others)
        comments = tuple(self._comments(key, figures))
        return Section(key, self.labels(f"story.{key}"), finding, text, comments=comments, figures=figures, **parts)

    def _comments(self, key: str, figures: str) -> Iterator[Comment]:
        if self.comments is None:
            return
        yield from comments_on(key, *self._commented(key, figures))

    def _commented(self, key: str, figures: str) -> tuple[Any, ...]:
        now = self.account_figures | (dict.fromkeys(names_of_section(key), figures) if key else {})
        return self.comments, now, self.names, self.labels, self.today

    @cached_property
    def account_figures(self) -> dict[str, str]:
        return account_figures(self.key_accounts, self.options)

    @cached_property
    def names(self) -> dict[str, str]:
        return dict(zip(self.facts.accounts["account_id"], self.facts.accounts["name"], strict=True))

    @cached_property
    def wanted(self) -> frozenset[str]:
        """The sections that the engagement asks for and its audience may have."""
        hidden = HIDDEN.get(self.engagement.audience, frozenset()) | (
            {"pareto"} if self._shares_are_margins else frozenset()
        )
        return frozenset(self.engagement.sections or SECTIONS) - hidden

    @cached_property
    def restricted(self) -> bool:
        return is_restricted(self.engagement.audience)

    @cached_property
    def frame(self) -> Frame:
        return Frame(self.facts.period, self.engagement.fiscal_year_start, palette=self.engagement.palette)

    @cached_property
    def found(self) -> prose.Highlights:
        return prose.highlights(self.key_accounts, self.kam_types, self.options)

    @cached_property
    def questions(self) -> pd.DataFrame:
        parts = (self.key_accounts, self.kam_types, self.options)
        return client_questions(self.imported, self.facts, self.labels, *parts)

    @cached_property
    def margins(self) -> pd.DataFrame | None:
        """The ranked accounts with their classes by revenue and by margin, and whether they are key accounts; None without
        margins, or where nobody earns one."""
        valued = self.key_accounts.value.table
        if valued.empty or valued["margin"].notna().sum() < 2 or not (valued["margin"] > 0).any():
            return None
        return ranking(self.key_accounts)[["account_id", "chosen"]].merge(valued, on="account_id")

    def _at_a_glance(self) -> Section:
        labels, found = self.labels, self.found
        customer = self.engagement.audience == "customer_meeting"
        findings = prose.three_findings(
            self.key_accounts, self.kam_types, self.options, labels, candid=not self.restricted
        )
        lists = [] if customer else [Points(labels("story.findings"), findings)]
        if not customer:
            lists.append(Points(labels("story.decisions_asked"), tuple(self._decisions_asked())[:3]))
        pareto = self.key_accounts.pareto
        of_all = f"{labels.count(pareto.n_key_accounts)} / {labels.count(pareto.n_accounts)}"
        tiles = [Tile(of_all, labels("story.tile_key"))]
        if not labels.missing(pareto.key_account_share):
            tiles.append(Tile(labels.percent(pareto.key_account_share), labels(f"story.tile_share_{pareto.basis}")))
        if not customer:
            tiles += self._amounts("risk", found.at_risk, found.n_red)
            tiles += self._amounts("potential", found.potential, found.n_accounts_with_white_spots)
        finding = findings[0] if customer else prose.glance_headline(self.key_accounts, found, labels)
        figures = (*astuple(found), pareto.n_key_accounts, pareto.n_accounts, pareto.key_account_share)
        return self._section("at_a_glance", finding, *figures, tiles=tuple(tiles), lists=tuple(lists))

    def _changes(self) -> Section | None:
        """What has changed since the earlier run, for those who see the key accounts; short tables stand here, long ones
        in the appendix."""
        if (found := self.follow_up) is None:
            return None
        points = follow_up.change_sentences(found, self.labels, candid=not self.restricted)
        moves = follow_up.list_changes_table(found, self.labels, MOST_MOVES)
        more = self.labels("table.more_in_appendix", n=moves.left, section=self.labels("story.follow_up"))
        if moves.left and "follow_up" in self.wanted:
            moves = replace(moves, more=more)
        section = self._section(
            "changes",
            follow_up.changes_headline(found, self.labels),
            *found.verdict,
            *found.warnings["came_true"],
            *found.decisions["change"],
            lists=(Points(self.labels("changes.since"), points),) if points else (),
            tables=(moves,) if len(moves) else (),
        )
        return replace(section, text=follow_up.changes_text(found, self.engagement.fiscal_year_start, self.labels))

    def _follow_up(self) -> Section | None:
        shown = () if self.follow_up is None else tuple(follow_up.change_tables(self.follow_up, self.labels))
        if not shown:
            return None
        return self._section("follow_up", self.labels("story.follow_up_finding"), tables=shown)

    def _amounts(self, key: str, amount: float | None, n: int) -> Iterator[Tile]:
        """The tile of an amount with the number of key accounts behind it; no tile where there is nothing, since a zero
        reads like an all-clear."""
        labels = self.labels
        if amount is None:
            yield Tile(labels("answer.not_assessable"), labels(f"story.tile_{key}"))
        elif n and round(amount):
            yield Tile(labels.money_short(amount), labels(f"story.tile_{key}"), labels(f"story.tile_{key}_note", n=n))

    def _decisions_asked(self) -> Iterator[str]:
        """What sales management is asked to decide, the most pressing first."""
        labels, found, n = self.labels, self.found, self.key_accounts.pareto.n_key_accounts
        capacity = self.key_accounts.capacity.accounts
        key = "story.decide_list_borderline" if found.n_borderline else "story.decide_list"
        yield labels(key, n=n, borderline=found.n_borderline)
        verdict = None if self.restricted else self.kam_types.existence.verdict
        waiting = 0 if self.restricted else int((self.log.table["status"] == DecisionStatus.UNCONFIRMED).sum())
        if waiting:
            yield labels("story.decide_unconfirmed", n=waiting)
        if verdict == Verdict.PSEUDO:
            yield labels("story.decide_programme")
        if len(self.options.actions):
            yield labels("story.decide_plan", n=len(self.options.actions))
        if capacity and n > capacity:
            yield labels("story.decide_capacity", n=n, capacity=capacity)
        if found.n_unclear:
            yield labels("story.decide_types", n=found.n_unclear)
        if verdict in {Verdict.PARTIAL, Verdict.NO_KAM}:
            yield labels("story.decide_programme")
        yield labels("story.decide_data")

    def _pareto(self) -> Section:
        chart = plot_pareto(self.key_accounts, self.labels, self.frame, show_margin=not self.restricted)
        stable = prose.stability_sentence(self.key_accounts, self.labels)
        borderline = tables.borderline_table(self.key_accounts, self.labels, MOST_BORDERLINE)
        borderline = replace(borderline, finding=stable)
        consolidated = prose.consolidation_sentence(self.key_accounts, self.labels)
        customer = self.engagement.audience == "customer_meeting"
        section = self._section(
            "pareto",
            stable if customer else prose.tiers_headline(self.key_accounts, self.labels),
            *self.key_accounts.pareto.table["revenue"].round(),
            chart=chart,
            tables=(self._rest_in_appendix(borderline),) if len(borderline) else (),
        )
        told = [section.text, consolidated] if customer else [stable, section.text, consolidated]
        return replace(section, text=" ".join(filter(None, told)))

    def _margin(self) -> Section | None:
        if self.margins is None:
            return None
        table = self.margins[self.margins["chosen"]]
        differs = table[table["margin_class"].notna() & (table["margin_class"] != table["revenue_class"])]
        columns = "name revenue:money margin:money revenue_class margin_class:word:margin_class"
        whale = plot_whale(self.key_accounts, self.labels, self.frame)
        lists = (
            Points(self.labels("list_history.stakes"), value.exposure_sentences(self.key_accounts, self.labels)),
            Points(self.labels("method.potential"), (value.wallet_sentence(self.key_accounts, self.labels),)),
        )
        shown = (
            tables.class_matrix_table(self.margins, self.labels),
            self._rest_in_appendix(display_table(differs, "discordant", columns, self.labels, MOST_DISCORDANT)),
        )
        finding = self.labels("prose.discordant" if len(differs) else "prose.concordant", n=len(differs))
        return self._section(
            "margin",
            finding,
            lists=tuple(points for points in lists if points.points),
            chart=whale,
            tables=tuple(t for t in shown if len(t)),
        )

    def _recommendations(self) -> Section:
        shown = tables.recommendations_table(self.options, self.key_accounts, self.labels, NAMED_IN_MAIN_PART)
        shown = shown.without(*_DECIDED) if self.restricted else shown
        finding = prose.options_headline(self.options, self.key_accounts, self.labels)
        section = self._section("recommendations", finding, tables=(self._rest_in_appendix(shown),))
        close = int(of_key_accounts(self.options.recommendations, self.key_accounts)["close_call"].sum())
        note = self.labels("plan.close_calls", n=close) if close else ""
        doubt = self.labels("plan.order_not_better") if self._cross_selling_not_borne_out else ""
        return replace(section, text=" ".join(filter(None, (section.text, self.plans.note, note, doubt))))

    @property
    def _cross_selling_not_borne_out(self) -> bool:
        """Whether cross-selling is recommended although its order of white spots did not hold in the test on history."""
        advice = of_key_accounts(self.options.recommendations, self.key_accounts)["recommended_option"]
        return (
            bool(advice.eq(Option.CROSS_SELLING).any())
            and holds_on_history(self.options.backtests, "cross_selling") is False
        )

    def _plan(self) -> Section | None:
        if self.options.actions.empty:
            return None
        finding = prose.plan_headline(self.options, self.labels)
        shown = tables.actions_table(self.options, self.key_accounts, self.labels, self._tracked)
        return self._section("plan", finding, tables=(shown,))

    @cached_property
    def plans(self) -> Plans:
        """The account plans; customers get none, and field sales none with margins."""
        if self.engagement.audience == "customer_meeting":
            return Plans()
        return account_plans(self.dossier)

    def pages(self) -> Iterator[AccountPage]:
        """A page per key account for those who get the recommendations."""
        if "recommendations" in self.wanted:
            yield from account_pages(self.dossier)

    @cached_property
    def dossier(self) -> Dossier:
        period = prose.period_words(self.facts.period, self.engagement.fiscal_year_start, self.labels)
        said = [] if self.comments is None else comments_on(COMMENTED, *self._commented("", ""))
        parts = (self.facts, self.key_accounts, self.kam_types, self.options, self.labels, self.today, period)
        return Dossier(*parts, self.actions, tuple(said), candid=not self.restricted)

    @property
    def _tracked(self) -> pd.DataFrame | None:
        """What people entered about the steps of this plan; customers do not see it."""
        if self.actions is None or self.engagement.audience == "customer_meeting":
            return None
        return tracked_steps(self.actions, self.facts.period.end)

    def _existence(self) -> Section:
        labels = self.labels
        lights = tuple(
            Light(test.answer, labels(f"answer.{test.answer}"), labels(f"existence.{test.test}"), self._note(test))
            for test in told_conditions(self.kam_types.existence)
        )
        found = self.kam_types.existence
        answers = [found.verdict, *(test.answer for test in found.tests)]
        return self._section("existence", prose.existence_headline(self.kam_types, labels), *answers, lights=lights)

    def _note(self, test: ExistenceTest) -> str:
        seen = existence_sentence(test, self.labels)
        missing = tables.missing_words(test.missing, self.labels)
        lacking = self.labels("story.missing_for_it", names=missing) if missing else None
        return " ".join(part for part in (seen, lacking) if part)

    def _types(self) -> Section:
        exceptions = types_told.exceptions_table(self.kam_types, self.key_accounts, self.labels, MOST_EXCEPTIONS)
        finding = types_told.types_headline(self.kam_types, self.key_accounts, self.labels)
        shown = (self._rest_in_appendix(exceptions),) if len(exceptions) else ()
        return self._section("types", finding, tables=shown)

    def _portfolio(self) -> Section | None:
        found = self.options.portfolio
        if not found.main:
            return None
        finding = portfolio_words.talked_about_first(found, self.key_accounts, self.labels)
        chart = plot_portfolio(found, self.key_accounts, self.labels, self.frame)
        return self._section("portfolio", finding, chart=chart)

    def _investment(self) -> Section | None:
        found, labels = self.options.investment, self.labels
        if found == Investment():
            return None
        rules = load_portfolio_rules(self.engagement.folder).allocation
        split = [*portfolio_words.allocation_sentences(self.options.allocation, rules, labels)]
        if len(self.options.allocation.table):
            split.append(portfolio_words.flat_maximum(rules, labels))
        lists = [
            Points(labels("investment.even"), tuple(portfolio_words.break_even_points(found, labels))),
            Points(labels("investment.split"), tuple(split)),
        ]
        if missing := portfolio_words.missing_sentence(found, labels):
            lists.append(Points(labels("story.missing"), (missing,)))
        shifts = tables.allocation_table(self.options, self.key_accounts, labels, most=MOST_SHIFTS)
        return self._section(
            "investment",
            portfolio_words.investment_headline(found, labels),
            astuple(found),
            tiles=tuple(self._investment_tiles()),
            lists=tuple(points for points in lists if points.points),
            tables=(self._rest_in_appendix(shifts, "portfolios"),) if len(shifts) else (),
        )

    def _investment_tiles(self) -> Iterator[Tile]:
        found, labels = self.options.investment, self.labels
        planned = {"hours": "hours", "budgets": "split"}
        for name, amount, note in (
            ("today", found.cost_today, found.cost_today_from),
            ("planned", found.cost_planned, planned.get(found.cost_planned_from, "")),
        ):
            told = labels(f"investment.note_{note}", n=found.n_managed) if note else ""
            yield Tile(self._money(amount), labels(f"investment.tile_{name}"), told)
        for name, of in (("risk", "at_risk"), ("potential", "potential")):
            measures = {"margin": f"margin_{of}", "revenue": f"revenue_{of}"}
            if name == "potential":
                measures = {"margin": "potential_margin", "revenue": "potential_revenue"}
            measure = "margin" if getattr(found, measures["margin"]) is not None else "revenue"
            amount, low, high = (getattr(found, measures[measure] + end) for end in ("", "_low", "_high"))
            if amount == 0:  # a zero reads like an all-clear
                continue
            span = (
                "" if low is None or high is None or not amount else labels("investment.note_range", low=low, high=high)
            )
            yield Tile(self._money(amount), labels(f"investment.tile_{name}_{measure}"), span)

    def _money(self, amount: float | None) -> str:
        return self.labels("answer.not_assessable") if amount is None else self.labels.money_short(amount)

    def _portfolios(self) -> Section | None:
        found, labels = self.options.portfolio, self.labels
        if not len(found.models):
            return None
        shown = [tables.portfolio_models_table(found, labels)]
        if len(found.positions):
            shown.append(tables.positions_table(found, self.key_accounts, labels))
        if len(found.raters):
            shown.append(tables.raters_table(found, labels))
        budgets = tables.allocation_table(self.options, self.key_accounts, labels)
        shown += [budgets] if len(budgets) > MOST_SHIFTS else []
        months = self.engagement.account_risk.window_months
        how = tuple(portfolio_words.derivations(self.options.investment, months, labels))
        n = int(found.models["assessable"].sum())
        finding = labels("story.portfolios_finding" if n else "story.portfolios_finding_none", n=n)
        lists = (Points(labels("investment.how"), how),)
        return self._section("portfolios", finding, lists=lists, tables=tuple(shown))

    @cached_property
    def _risks(self) -> DisplayTable:
        """The key accounts with raised risk of leaving."""
        return tables.account_risk_table(self.options, self.key_accounts, self.labels, most=None)

    def _risk(self) -> Section | None:
        shown = self._risks
        if not len(shown):
            return None
        signs = option_tables.risk_signs_table(self.options, self.key_accounts, self.labels, NAMED_IN_MAIN_PART)
        curve = option_tables.reliability_table(self.options, self.labels)
        told = tuple(table for table in (shown, signs, curve) if len(table))
        section = self._section("risk", prose.risk_sentence(self.found, self.labels), tables=told)
        texts = (section.text, value.regression_to_the_mean(self.labels), "" if len(curve) else curve.more)
        return replace(section, text=" ".join(text for text in texts if text))

    def _potential(self) -> Section | None:
        shown = tables.cross_selling_table(self.options, self.key_accounts, self.labels, MOST_WHITE_SPOTS)
        if not len(shown):
            return None
        shown = shown.without("expected_margin") if self.restricted else shown
        return self._section("potential", prose.potential_sentence(self.found, self.labels), tables=(shown,))

    def _whitespace(self) -> Section | None:
        """What was given up, and what sister companies buy, for whoever sells."""
        labels, parts = self.labels, (self.options, self.key_accounts, self.labels)
        lapsed = option_tables.lapsed_table(*parts, MOST_LAPSED)
        shown = tuple(t for t in (lapsed, option_tables.sites_matrix(*parts, MOST_SITES)) if len(t))
        if not shown:
            return None
        n = option_tables.n_given_up(self.options, self.key_accounts)
        finding = labels("story.whitespace_finding", n=n) if n else labels("story.whitespace_none")
        return self._section("whitespace", finding, tables=shown)

    def _options(self) -> Section | None:
        """Gates and scores of all options, and what speaks for and against each recommendation."""
        if self.options.options.empty:
            return None
        parts = (self.options, self.key_accounts, self.labels)
        chart = plot_heat_map(*parts, self.frame)
        shown = option_tables.evidence_table(*parts, NAMED_IN_MAIN_PART)
        takeover = option_tables.takeover_table(*parts)
        found = tuple(table for table in (shown, takeover) if len(table))
        return self._section("options", prose.close_calls_sentence(*parts), chart=chart, tables=found)

    def _pilot(self) -> Section | None:
        """A pilot per option with enough accounts, and whether relationships buffer what goes wrong."""
        found, labels = self.options, self.labels
        pilots = tuple(option_studies.pilot_sentences(found.pilots, found.pilot_accounts, labels))
        studied = found.buffer.measured_by and found.buffer.reason is None
        buffered = (option_studies.buffer_sentence(found.buffer, labels),) if studied else ()
        lists = (Points(labels("story.pilot_list"), pilots), Points(labels("story.buffer_list"), buffered))
        if not pilots and not buffered:
            return None
        finding = labels("story.pilot_finding")
        return self._section("pilot", finding, *pilots, lists=tuple(points for points in lists if points.points))

    def _rest_in_appendix(self, table: DisplayTable, section: str = "accounts") -> DisplayTable:
        """A table of the main part; rows left out are told with the place where they stand."""
        if not table.left or section not in self.wanted:
            return table
        more = self.labels("table.more_in_appendix", n=table.left, section=self.labels(f"story.{section}"))
        return replace(table, more=more)

    def _missing(self) -> Section | None:
        if self.questions.empty:
            return None
        shown = tables.questions_table(self.questions, self.labels, most=None)
        return self._section("missing", self.labels("story.missing_finding", n=len(self.questions)), tables=(shown,))

    def requests(self, today: dt.date) -> Iterator[DataRequest]:
        """What is asked for after this run, in each language; the same gaps as in the section on what is missing."""
        own, rules = self.engagement, load_option_rules()
        for language in LANGUAGES:
            locale = own.report_locale if language == own.language else LOCALES[language]
            labels = Labels(language, locale, own.currency)
            parts = (self.key_accounts, self.kam_types, self.options)
            questions = open_questions(self.imported, self.facts, labels, *parts)
            if request := next_request(own.client, self.imported.tables, questions, rules, labels, today):
                yield request

    @cached_property
    def log(self) -> DecisionLog:
        """The decisions beside the proposals."""
        return decision_log(self.facts, self.key_accounts, self.kam_types, self.options)

    def _decisions(self) -> Section | None:
        labels, log = self.labels, self.log
        answered = self.facts.tables.get("consultations")
        n_answered = 0 if answered is None else answered["account_id"].nunique()
        if log.table["decision"].isna().all() and not n_answered and log.named.empty:
            return None
        waiting = log.table[log.table["status"] == DecisionStatus.UNCONFIRMED]
        names = tuple(f"{r['name']} ({labels('subject.' + r['subject'])})" for r in waiting.to_dict("records"))
        still = int((log.table["status"] == DecisionStatus.OPEN).sum())
        lists = [
            Points(labels("decisions.waiting"), (labels.names(names),) if names else ()),
            Points(labels("decisions.still_open"), (labels("decisions.open", n=still),) if still else ()),
            Points(labels("decisions.who_was_right"), prose.people_and_model(log, labels)),
        ]
        shown = [
            tables.decision_log_table(log, labels),
            tables.conflicts_table(log, labels),
            tables.named_table(log, labels),
            tables.overrides_table(log, labels),
            tables.consultation_table(log, labels),
            *([] if log.hits.testable else [tables.judged_table(log, labels)]),
        ]
        return self._section(
            "decisions",
            prose.decisions_headline(log, n_answered, labels),
            lists=tuple(points for points in lists if points.points),
            tables=tuple(table for table in shown if len(table)),
        )

    def _accounts(self) -> Section:
        columns = (
            "rank:count name revenue:money share:percent cumulative_share:percent abc_class membership:word:membership "
            "kam_type:word:kam_type recommended_option:word:option region "
            + ("" if self.restricted else tables.DECIDED)
        )
        proposed = {"key_account": "is_key_account", "tier": "proposed_tier"}
        rows = beside_decisions(self.account_rows, self.key_accounts, **proposed)
        rows = rows.assign(membership=rows["membership"].where(rows["membership"] != "outside"))
        shown = display_table(rows, "accounts", columns, self.labels, most=MOST_LISTED)
        shown = shown.without("share", "cumulative_share") if self._shares_are_margins else shown
        finding = self.labels("story.accounts_finding", n=len(self.account_rows))
        worth = value.value_table(self.key_accounts, self.labels, None)
        others = (worth, tables.consolidation_table(self.key_accounts, self.labels))
        return self._section("accounts", finding, tables=(shown, *(table for table in others if len(table))))

    @cached_property
    def _intensity(self) -> DisplayTable | None:
        """How intensely we work with each key account, where that can be said of somebody."""
        found = self.kam_types.intensity
        if found.empty or not found["intensity"].notna().any():
            return None
        return tables.intensity_table(self.kam_types, self.key_accounts, self.labels, MOST_LISTED)

    def _organisation(self) -> Section | None:
        """Figures of the existence check, cooperation intensity and self-check, as far as there is something to show."""
        labels, kam_types = self.labels, self.kam_types
        shown = [tables.existence_figures_table(kam_types, labels)]
        findings = []
        if self._intensity:
            findings.append(prose.intensity_headline(kam_types, self.key_accounts, labels))
            shown.append(self._intensity)
        if len(check := tables.self_check_table(self.facts, labels)):
            findings.append(prose.self_check_sentence(self.facts, labels))
            shown.append(check)
        found = tuple(table for table in shown if len(table))
        finding = " ".join(findings) or labels("story.organisation_finding")
        return self._section("organisation", finding, tables=found) if found else None

    @cached_property
    def account_rows(self) -> pd.DataFrame:
        frame = accounts_frame(self.facts, self.key_accounts, self.labels, self.kam_types, self.options)
        return frame.assign(membership=frame["membership_probability"].map(certainty))

    @property
    def _margin_base(self) -> tuple[DisplayTable, ...]:
        table = tables.margin_base_table(self.facts, self.labels)
        return (table,) if len(table) else ()

    @property
    def _worth(self) -> tuple[DisplayTable, ...]:
        """What is left without the largest accounts, and how the list has changed."""
        parts = (
            value.losses_table(self.key_accounts, self.labels),
            value.list_changes_table(self.key_accounts, self.labels),
            value.transitions_table(self.key_accounts, self.labels),
            value.list_figures_table(self.key_accounts, self.labels),
        )
        return tuple(table for table in parts if len(table))

    @property
    def _types_agreed(self) -> tuple[DisplayTable, ...]:
        """Proposed types against those that sales management decided for, where enough accounts are labelled."""
        table = types_told.type_agreement_table(self.kam_types, self.labels)
        return (table,) if len(table) and not self.restricted else ()

    def _method(self) -> Section:
        told = option_tables.CHANCE if len(self._risks) else ()  # beside the probabilities
        how = tuple(finding_sentence(note, self.labels) for note in self.options.methods if note.code not in told)
        tested = backtest_sentences(self.options, self.labels)
        changed = value.list_history_sentences(self.key_accounts, self.labels)
        concentrated = value.concentration_sentences(self.key_accounts, self.labels)
        agreed = () if self.restricted else (types_told.agreement_sentence(self.kam_types, self.labels),)
        lists = [
            Points(self.labels("list_history.title"), changed),
            Points(self.labels("table.concentration"), concentrated),
            Points(self.labels("story.methods_used"), how),
            Points(self.labels("table.backtests"), tested),
            Points(self.labels("table.type_agreement"), agreed),
        ]
        shown = (
            tables.concentration_table(self.key_accounts, self.labels),
            *self._worth,
            *self._margin_base,
            *self._types_agreed,
            tables.options_table(self.options, self.key_accounts, self.labels),
            tables.methods_table(self.engagement, self.labels, self.restricted),
            *(() if self.restricted else (self._weights,)),
        )
        said = tuple(points for points in lists if points.points)
        return self._section("method", self.labels("story.method_finding"), lists=said, tables=shown)

    @property
    def _weights(self) -> DisplayTable:
        return option_tables.weights_table(self.engagement, load_option_rules(self.engagement.folder), self.labels)

    def _data(self) -> Section:
        imported, labels = self.imported, self.labels
        if self.restricted:
            imported = replace(imported, findings=tuple(f for f in imported.findings if f.table != "terms"))
        shown = (
            tables.reconciliation_table(imported, labels),
            tables.rules_table(imported, labels),
            tables.findings_table(imported, labels),
            tables.files_table(imported, labels),
        )
        finding = prose.import_headline(imported, labels)
        return self._section("data", finding, tables=tuple(table for table in shown if len(table)))

    def _glossary(self) -> Section:
        hidden = GLOSSARY_HIDDEN if self.restricted else frozenset()
        terms = [term for term in GLOSSARY if term not in hidden]
        frame = pd.DataFrame(
            [{"term": self.labels(f"glossary.{t}"), "explanation": self.labels(f"glossary_text.{t}")} for t in terms]
        )
        shown = display_table(frame, "glossary", "term explanation", self.labels, most=None)
        return self._section("glossary", self.labels("story.glossary_finding"), tables=(shown,))

    def sheets(self) -> Iterator[Sheet]:
        """The tables of the workbook, what is read first before the rest; none but the first page where customers listen."""
        if self.engagement.audience == "customer_meeting":
            return
        yield from (replace(sheet, is_main=True) for sheet in self._main_sheets())
        for key, table in self._further_sheets():
            yield self._sheet(key, table)

    def _main_sheets(self) -> Iterator[Sheet]:
        labels, parts = self.labels, (self.options, self.key_accounts, self.labels)
        if not self._shares_are_margins:
            table, live = live_pareto(self.key_accounts, labels, self.frame)
            yield Sheet("pareto", labels("workbook.pareto"), table, pareto=live)
        yield self._sheet("key_accounts", tables.key_accounts_table(self.key_accounts, labels, None))
        yield self._sheet("recommendations", tables.recommendations_table(*parts, None))
        yield self._sheet("plan", tables.actions_table(*parts, self._tracked))
        yield self._decision_sheet()
        if said := [(part.name, comment) for part in (*self.main, *self.appendix) for comment in part.comments]:
            yield self._sheet("comments", comments_table(said, labels))

    def _further_sheets(self) -> Iterator[tuple[str, DisplayTable]]:
        """Accounts, types, white spots and sites for whoever sells; options, portfolio, indicators, weights, exposure and
        pilots for those who decide."""
        labels, parts = self.labels, (self.options, self.key_accounts, self.labels)
        yield "accounts", tables.account_sheet_table(self.account_rows, labels)
        yield "types", types_told.types_table(self.kam_types, self.key_accounts, labels, None)
        if not self.restricted:
            yield "options", tables.option_sheet_table(*parts)
        found = {
            "whitespace": option_tables.whitespace_matrix(*parts, None),
            "lapsed": option_tables.lapsed_table(*parts, None),
            "sites": option_tables.sites_matrix(*parts, None),
        }
        if not self.restricted:
            if len(self.options.portfolio.positions):
                positions = tables.positions_table(self.options.portfolio, self.key_accounts, labels, None)
                found = {"portfolio": positions, **found}
            found["value"] = value.value_table(self.key_accounts, labels, None)
            found |= {"intensity": self._intensity} if self._intensity else {}
            found |= {
                "takeover": option_tables.takeover_table(*parts, None),
                "pilots": option_tables.pilot_table(*parts),
                "indicators": option_tables.indicators_table(*parts),
                "weights": self._weights,
            }
        found["as_was"] = tables.as_was_table(self.imported, self.facts, labels, None)
        yield from ((key, table) for key, table in found.items() if len(table))
        yield "method", tables.methods_table(self.engagement, labels, self.restricted)

    def sign_off(self) -> SignOff | None:
        """The page on the data, for those who agree on them."""
        if self.restricted:
            return None
        return sign_off(self.imported, self.questions, self.engagement.fiscal_year_start, self.labels)

    def _sheet(self, key: str, table: DisplayTable) -> Sheet:
        shown = table.without(*STATUS_COLUMNS, *_DECIDED) if self.restricted else table
        shown = shown.without("share", "cumulative_share") if self._shares_are_margins else shown
        return Sheet(key, self.labels(f"workbook.{key}"), shown)

    @property
    def _shares_are_margins(self) -> bool:
        """Whether shares of accounts would tell margins to who must not see them."""
        return self.restricted and self.key_accounts.pareto.basis is Basis.MARGIN

    def _decision_sheet(self) -> Sheet:
        """Every candidate with its proposal and what was decided; who does not decide sees the key accounts only."""
        table = tables.decisions_table(self.log, self.key_accounts, self.labels, self.restricted)
        choices = {
            section: tuple(self.labels(f"{section}.{code}") for code in codes)
            for section, codes in DECISION_CHOICES.items()
        }
        places = None if self.restricted else Places(self.key_accounts.capacity.accounts, self.facts.period.end)
        return Sheet("decisions", self.labels("workbook.decisions"), table, choices, places)
