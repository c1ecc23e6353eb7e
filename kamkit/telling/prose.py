"""Computed sentences: what each step found, in one line, and the findings that open the report."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

import pandas as pd

from kamkit.analysis.existence import DECIDING
from kamkit.analysis.exposure import DISCLOSED_FROM
from kamkit.analysis.people_and_model import FEWEST_DECISIONS
from kamkit.analysis.self_reports import rate_self_check, self_check_fields
from kamkit.analysis.stability import certainty
from kamkit.model.codes import BASIC_CARE, Certainty, DecisionStatus, Gate, KamType, Stage, Tier, Verdict
from kamkit.model.engagement import Period
from kamkit.model.questionnaire import questionnaires
from kamkit.model.results import (
    AccountFacts,
    DecisionLog,
    Imported,
    Investment,
    KamTypes,
    KeyAccounts,
    StrategyOptions,
)
from kamkit.telling import charts, portfolio_words
from kamkit.telling.language import Labels
from kamkit.telling.results import finding_sentence, of_key_accounts, ranking, said_by


class Sentence(str):
    """A computed sentence that a notebook shows as a heading of its result, whatever names it contains."""

    def _repr_html_(self) -> str:
        style = "font-size:1.25em;font-weight:bold;color:#0B4F8A;max-width:46em"
        return f'<p style="{style}">{escape(str(self))}</p>'

    def __repr__(self) -> str:
        return str(self)


class Sentences(tuple[str, ...]):
    """Computed sentences that a notebook shows as paragraphs, whatever names they contain."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return "".join(f'<p style="max-width:60em">{escape(sentence)}</p>' for sentence in self)

    def __repr__(self) -> str:
        return "\n".join(self)


@dataclass(frozen=True)
class Highlights:
    """The figures of the first page, over the key accounts; None where nothing could be assessed."""

    n_red: int
    at_risk: float | None
    n_white_spots: int
    n_accounts_with_white_spots: int
    potential: float | None
    n_borderline: int
    n_unclear: int


def highlights(key_accounts: KeyAccounts, kam_types: KamTypes, options: StrategyOptions) -> Highlights:
    """What is at stake with the key accounts: revenue at risk where the risk is red, and the expected revenue of white
    spots whose gate is open."""
    risk = of_key_accounts(options.account_risk, key_accounts)
    red = risk[risk["level"] == "red"]
    spots = of_key_accounts(options.cross_selling, key_accounts)
    spots = spots[(spots["gate"] == Gate.OPEN) & (spots["expected_revenue"] > 0)]
    types = of_key_accounts(kam_types.table, key_accounts)
    return Highlights(
        n_red=len(red),
        at_risk=math.fsum(red["revenue_at_risk"].dropna()) if risk["level"].notna().any() else None,
        n_white_spots=len(spots),
        n_accounts_with_white_spots=spots["account_id"].nunique(),
        potential=None if options.cross_selling.empty else math.fsum(spots["expected_revenue"]),
        n_borderline=n_borderline(key_accounts),
        n_unclear=int((types["kam_type"] == KamType.UNCLEAR).sum()),
    )


def import_headline(imported: Imported, labels: Labels) -> Sentence:
    """How much of the export is used, and whether it reconciles."""
    used = labels(
        "prose.import",
        n=imported.n_customers,
        rows=imported.rows_kept,
        rows_in=imported.rows_in,
        revenue=imported.revenue_kept,
        first=imported.first_date,
        last=imported.last_date,
    )
    return Sentence(f"{used} {reconciliation_sentence(imported, labels)}")


def sample_sentence(imported: Imported, labels: Labels) -> Sentence:
    """Whether the data are enough for statistics, or only describe."""
    return Sentence(small_sample(imported, labels) or labels("prose.sample_enough"))


def small_sample(imported: Imported, labels: Labels) -> str:
    """The banner over everything that is told from few data; nothing where they are enough."""
    few = [finding for finding in imported.findings if finding.code == "small_sample"]
    return finding_sentence(few[0], labels) if few else ""


def reconciliation_sentence(imported: Imported, labels: Labels) -> str:
    """Whether the imported revenue meets what the client says."""
    stated = imported.reconciliation.dropna(subset=["stated"])
    if stated.empty:
        return labels("prose.no_control_totals")
    if stated["within_tolerance"].astype(bool).all():
        return labels("prose.reconciled")
    worst = stated.iloc[int(stated["difference_share"].abs().to_numpy().argmax())]
    return labels("prose.not_reconciled", year=str(worst["fiscal_year"]), difference=float(worst["difference"]))


def pareto_headline(key_accounts: KeyAccounts, labels: Labels) -> Sentence:
    """How many accounts bring which share: the client's own pair, never a rule of thumb."""
    return Sentence(charts.pareto_headline(key_accounts.pareto, labels))


def tiers_headline(key_accounts: KeyAccounts, labels: Labels) -> Sentence:
    """How many accounts bring which share, and how many of them can be managed with which share; where the capacity is not
    known, that it is not."""
    opening, capacity = pareto_headline(key_accounts, labels), key_accounts.capacity.accounts
    table = ranking(key_accounts)
    managed = table[table["tier"] == Tier.MANAGED]
    if not key_accounts.pareto.n_positive:
        return Sentence(f"{opening}.")
    if capacity is None and managed.empty:
        return Sentence(f"{opening}; {labels('tiers.unknown', n=key_accounts.pareto.n_key_accounts)}")
    share = math.fsum(managed["value"].dropna()) / key_accounts.pareto.total_positive
    of = labels(f"chart.of_{key_accounts.pareto.basis}")
    outside = ~managed["is_key_account"].astype(bool)
    if len(managed) >= key_accounts.pareto.n_key_accounts and not outside.any():
        key = "all"
    elif capacity is not None and len(managed) > capacity:
        key = "over"
    else:
        key = "beside" if outside.any() else "some"
    words = {"n": len(managed), "share": share, "of": of, "capacity": capacity or 0}
    return Sentence(f"{opening}; {labels(f'tiers.{key}', **words)}")


def stability_sentence(key_accounts: KeyAccounts, labels: Labels) -> Sentence:
    """How certain the list is."""
    if key_accounts.membership["membership_probability"].isna().all():
        return Sentence(labels("prose.stability_unknown"))
    found = n_borderline(key_accounts)
    return Sentence(labels("prose.borderline" if found else "prose.no_borderline", n=found))


def n_borderline(key_accounts: KeyAccounts) -> int:
    """How many accounts are borderline."""
    return int((key_accounts.membership["membership_probability"].map(certainty) == Certainty.BORDERLINE).sum())


def consolidation_sentence(key_accounts: KeyAccounts, labels: Labels) -> Sentence:
    """What putting groups together does to the list; nothing where it was not compared."""
    found, changes = key_accounts.consolidation, key_accounts.consolidation.changes
    if not found.n_before:
        return Sentence("")
    if not found.coverage > 0:
        return Sentence(labels("prose.consolidation_unknown"))
    counts = {change: int((changes["change"] == change).sum()) for change in ("entered", "merged", "dropped")}
    values = {"before": found.n_before, "after": found.n_after, "coverage": found.coverage}
    key = "prose.consolidation" if len(changes) else "prose.consolidation_same"
    return Sentence(labels(key, threshold=key_accounts.pareto.threshold, **values, **counts))


def existence_headline(kam_types: KamTypes, labels: Labels) -> Sentence:
    """Whether the client's key account management is real, and how far that rests on what people said."""
    existence = kam_types.existence
    if not existence.self_reported:
        return Sentence(labels(f"prose.verdict_{existence.verdict}"))
    resting = [test for test in (existence.programme, *existence.tests) if test and test.self_reported]
    by = said_by((said for test in resting if test.test in DECIDING for said in test.said), labels)
    verdict = labels(f"prose.said_{existence.verdict}", by=by)
    return Sentence(f"{verdict} {labels('prose.said_conditions', n=existence.n_self_reported)}")


def intensity_headline(kam_types: KamTypes, key_accounts: KeyAccounts, labels: Labels) -> Sentence:
    """For how many key accounts cooperation can be assessed, and the most frequent stage; of equal ones the lowest."""
    stages = of_key_accounts(kam_types.intensity, key_accounts)["stage"]
    counts = stages.dropna().value_counts()
    if counts.empty:
        return Sentence(labels("prose.no_intensity"))
    stage = next(str(stage) for stage in Stage if counts.get(str(stage)) == counts.max())
    return Sentence(
        labels("prose.intensity", n=int(counts.sum()), total=len(stages), stage=stage, most=int(counts.max()))
    )


def self_check_sentence(facts: AccountFacts, labels: Labels) -> Sentence:
    """In which field or fields the client sees itself weakest, as written; no verdict follows from it."""
    asked = questionnaires()["self_check"]
    fields = self_check_fields(rate_self_check(facts.tables.get("self_check"), asked), asked)
    if fields.empty:
        return Sentence(labels("prose.no_self_check"))
    score = fields["score"].round(1)
    names = [labels(f"self_check_field.{field}") for field in fields.loc[score == score.min(), "field"]]
    return Sentence(labels("prose.self_check", n=len(names), fields=names, score=float(score.min())))


def options_headline(options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels) -> Sentence:
    """What is recommended most often, and for how many key accounts only basic care is left."""
    chosen = of_key_accounts(options.recommendations, key_accounts)["recommended_option"]
    counts = chosen[chosen != BASIC_CARE].value_counts()
    if counts.empty:
        return Sentence(labels("prose.only_basic_care", n=len(chosen)))
    words = {"option": counts.index[0], "most": int(counts.iloc[0])}
    if (rest := int((chosen == BASIC_CARE).sum())) > counts.iloc[0]:
        return Sentence(labels("prose.mostly_basic_care", rest=rest, total=len(chosen), **words))
    return Sentence(labels("prose.recommendations", n=len(chosen), **words))


def risk_sentence(found: Highlights, labels: Labels) -> Sentence:
    """How many key accounts are at high risk of leaving, and with how much revenue."""
    return Sentence(
        labels("prose.at_risk" if found.n_red else "prose.none_at_risk", n=found.n_red, money=found.at_risk)
    )


def potential_sentence(found: Highlights, labels: Labels) -> Sentence:
    """What could be sold in addition to key accounts."""
    key = "prose.potential" if found.n_white_spots else "prose.no_potential"
    n = found.n_accounts_with_white_spots
    return Sentence(labels(key, n=n, spots=found.n_white_spots, money=found.potential))


def largest_account_sentence(key_accounts: KeyAccounts, labels: Labels) -> Sentence:
    """Which share of revenue the largest account has, whatever accounts are ranked by, beside the only line that is a norm
    (IFRS 8.34: 10 % of revenue)."""
    table = key_accounts.pareto.table
    total = math.fsum(table["revenue"].clip(lower=0))
    if not total:
        return Sentence(f"{pareto_headline(key_accounts, labels)}.")
    largest = table.nlargest(1, "revenue").iloc[0]
    share = largest["revenue"] / total
    key = "prose.largest_above_norm" if share >= DISCLOSED_FROM else "prose.largest_below_norm"
    return Sentence(labels(key, name=largest["name"], share=share))


def investment_headline(found: Investment, labels: Labels) -> Sentence:
    """What key account management costs, and when that pays."""
    return Sentence(portfolio_words.investment_headline(found, labels))


def plan_headline(options: StrategyOptions, labels: Labels) -> Sentence:
    """How many steps the next 90 days hold, and how much is at stake: revenue to secure, with what sets it off, revenue to win
    and negative margin are different things and are never added up."""
    plan = options.actions
    if plan.empty:
        return Sentence(labels("prose.plan_empty"))
    parts = [
        f"{labels(f'prose.plan_{stake}', n=len(lines), money=math.fsum(lines['at_stake'].dropna()))}{_set_off(lines, labels)}"
        for stake, lines in plan.groupby("stake", sort=False)
    ]
    return Sentence(labels("prose.plan", n=len(plan), parts=parts))


def _set_off(lines: pd.DataFrame, labels: Labels) -> str:
    """How much of the revenue to secure is at high risk, in brackets: the first page counts that alone. The rest is at raised
    risk, or shrinks without a warning."""
    if lines["stake"].iloc[0] != "revenue_at_risk":
        return ""
    high = [values.get("level") == "red" for values in lines["values"]]
    if all(high):
        return f" {labels('prose.plan_all_high')}"
    return f" {labels('prose.plan_high', money=math.fsum(lines.loc[high, 'at_stake'].dropna()))}" if any(high) else ""


def close_calls_sentence(options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels) -> Sentence:
    """For how many key accounts the recommendation would be another with other weights, or just beyond a threshold."""
    advice = of_key_accounts(options.recommendations, key_accounts)
    n = int(advice["close_call"].astype(bool).sum())
    return Sentence(labels("prose.close_calls" if n else "prose.no_close_calls", n=n, total=len(advice)))


def glance_headline(key_accounts: KeyAccounts, found: Highlights, labels: Labels) -> Sentence:
    """The first page in one sentence: what is to be secured and what to be won, as far as either can be told."""
    if found.at_risk and found.potential:
        return Sentence(labels("prose.glance", risk=found.at_risk, potential=found.potential))
    return Sentence(f"{pareto_headline(key_accounts, labels)}.")


def period_words(period: Period, fiscal_year_start: int, labels: Labels) -> str:
    """The period as people say it."""
    return labels.period(period.start, period.end, fiscal_year_start)


def three_findings(
    key_accounts: KeyAccounts, kam_types: KamTypes, options: StrategyOptions, labels: Labels, candid: bool = True
) -> tuple[str, ...]:
    """The three findings of the first page: who carries the revenue, what is at risk, what can be won. Key account
    management in name only goes before, for those who may be told (`candid`); where risk or potential cannot be told,
    the largest account and the recommendations take their place."""
    found = highlights(key_accounts, kam_types, options)
    candidates: list[tuple[bool, str]] = [
        (True, str(tiers_headline(key_accounts, labels) if candid else f"{pareto_headline(key_accounts, labels)}.")),
        (candid and kam_types.existence.verdict == Verdict.PSEUDO, existence_headline(kam_types, labels)),
        (bool(found.n_red), risk_sentence(found, labels)),
        (bool(found.n_white_spots), potential_sentence(found, labels)),
        (True, largest_account_sentence(key_accounts, labels)),
        (True, options_headline(options, key_accounts, labels)),
    ]
    return tuple(dict.fromkeys(sentence for holds, sentence in candidates if holds))[:3]


def decisions_headline(log: DecisionLog, n_answered: int, labels: Labels) -> Sentence:
    """How many decisions are taken, how many depart from the proposal, how many wait for field sales."""
    taken = log.table[log.table["decision"].notna() & (log.table["status"] != DecisionStatus.EXPIRED)]
    n = len(taken)
    if not n:
        return Sentence(labels("decisions.none", n=n_answered))
    overrides = int(taken["is_override"].fillna(False).sum())
    waiting = int((taken["status"] == DecisionStatus.UNCONFIRMED).sum())
    over = labels("decisions.overrides", n=overrides) if overrides else labels("decisions.as_proposed", n=n)
    wait = labels("decisions.unconfirmed", n=waiting) if waiting else labels("decisions.consulted", n=n)
    return Sentence(f"{labels('decisions.taken', n=n)}: {over}, {wait}.")


def people_and_model(log: DecisionLog, labels: Labels) -> tuple[str, ...]:
    """How often the people who decided and the model were right; that few cases prove nothing."""
    hits = log.hits
    if not hits.n:
        return ()
    said = [labels("decisions.hits", n=hits.n, people=hits.people_right, model=hits.model_right)]
    if hits.n_differ:
        sides = {"people": hits.people_right_differ, "model": hits.model_right_differ}
        said.append(labels("decisions.hits_differ", n=hits.n_differ, **sides))
    if not hits.testable:
        said.append(labels("decisions.not_testable", least=FEWEST_DECISIONS))
    elif hits.p_value is not None:
        said.append(labels("decisions.by_chance", p=hits.p_value))
    return tuple(said)
