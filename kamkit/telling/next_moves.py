"""What a reader does with a section of the main part, and what it cannot say: one sentence each, from the results."""

from __future__ import annotations

from dataclasses import dataclass

from kamkit.model.codes import KamType
from kamkit.model.results import AccountFacts, KamTypes, KeyAccounts, StrategyOptions
from kamkit.telling.canvas import clean_name
from kamkit.telling.language import Labels
from kamkit.telling.prose import n_borderline
from kamkit.telling.results import of_key_accounts, ranking

MOST_NAMED = 3


@dataclass(frozen=True)
class NextMoves:
    """`to_do` and `limits` by the key of the section; sections without either are not in them."""

    to_do: dict[str, str]
    limits: dict[str, str]


def next_moves(
    facts: AccountFacts,
    key_accounts: KeyAccounts,
    kam_types: KamTypes,
    options: StrategyOptions,
    labels: Labels,
    period: str,
    candid: bool = True,
) -> NextMoves:
    """What follows from each section of the main part. `period`: what the data are about, in words; `candid`: for those who
    decide; others learn what they can do themselves."""
    limits = {"pareto": labels("limits.pareto", period=period), "recommendations": labels("limits.recommendations")}
    limits |= {"plan": labels("limits.plan"), "types": labels("limits.types")}
    if not candid:
        return NextMoves({"recommendations": labels("to_do.field")}, limits)
    covered = _margin_coverage(facts)
    if covered is not None:
        limits["margin"] = labels("limits.margin", share=covered)
    said = kam_types.existence.n_self_reported
    limits["existence"] = labels("limits.self_reported", n=said) if said else labels("limits.lists")
    to_do = {
        "pareto": _about_the_list(key_accounts, labels),
        "margin": _about_margins(key_accounts, labels),
        "recommendations": _about_advice(options, key_accounts, labels),
        "existence": labels(f"to_do.existence_{kam_types.existence.verdict}"),
        "types": _about_types(kam_types, key_accounts, labels),
        "portfolio": labels("to_do.portfolio"),
        "investment": labels(
            "to_do.investment" if options.investment.break_even_cost is None else "to_do.investment_known"
        ),
    }
    if len(options.actions):
        to_do["plan"] = labels("to_do.plan", date=min(options.actions["due_date"]))
    return NextMoves(to_do, limits)


def _margin_coverage(facts: AccountFacts) -> float | None:
    """The share of revenue for which a margin is known."""
    revenue = facts.accounts["revenue"].clip(lower=0)
    known = revenue * facts.accounts["margin_coverage"].fillna(0.0)
    return float(known.sum() / revenue.sum()) if revenue.sum() > 0 and known.sum() > 0 else None


def _about_the_list(key_accounts: KeyAccounts, labels: Labels) -> str:
    n, total = n_borderline(key_accounts), key_accounts.pareto.n_key_accounts
    return labels("to_do.pareto", n=n, total=total) if n else labels("to_do.pareto_clear", total=total)


def _about_margins(key_accounts: KeyAccounts, labels: Labels) -> str:
    """Whom to talk to about prices first: the key accounts that lose most money."""
    table = ranking(key_accounts)
    losing = table[table["chosen"] & (table["margin"] < 0)].sort_values("margin").head(MOST_NAMED)
    names = [clean_name(name, i) for name, i in zip(losing["name"], losing["account_id"], strict=True)]
    return labels("to_do.margin", names=names) if names else labels("to_do.margin_none")


def _about_advice(options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels) -> str:
    close = int(of_key_accounts(options.recommendations, key_accounts)["close_call"].astype(bool).sum())
    return labels("to_do.recommendations", n=close) if close else labels("to_do.recommendations_clear")


def _about_types(kam_types: KamTypes, key_accounts: KeyAccounts, labels: Labels) -> str:
    table = of_key_accounts(kam_types.table, key_accounts)
    unclear = int((table["kam_type"] == KamType.UNCLEAR).sum())
    if unclear:
        return labels("to_do.types_unclear", n=unclear)
    return labels("to_do.types")
