"""Step 2: who the key accounts are, how surely, and which of them are managed."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from kamkit.analysis.capacity import capacity_in_force
from kamkit.analysis.concentration import measure_concentration
from kamkit.analysis.consolidation import compare_levels
from kamkit.analysis.decisions import latest_decisions, standing_decisions
from kamkit.analysis.exposure import measure_exposure
from kamkit.analysis.list_history import compare_years
from kamkit.analysis.pareto import BASIS_COLUMN, rank_accounts
from kamkit.analysis.patterns import spread_bookings
from kamkit.analysis.stability import membership_probability
from kamkit.analysis.value import value_accounts
from kamkit.errors import InputError, shorten
from kamkit.model.codes import Basis, Grain, Tier
from kamkit.model.engagement import Capacity, ParetoSettings
from kamkit.model.results import AccountFacts, KeyAccounts, Pareto

KEY_ACCOUNT_ANSWERS = {"yes": Tier.KEY, "true": Tier.KEY, "ja": Tier.KEY} | dict.fromkeys(
    ("no", "false", "nein"), Tier.OTHER
)
TIER_ANSWERS = {tier.value: tier for tier in Tier}


def find_key_accounts(facts: AccountFacts, pareto: ParetoSettings, capacity: Capacity, seed: int) -> KeyAccounts:
    """Rank the accounts of the period, and say who the key accounts are, how surely, which of them are managed, what they
    are worth on three bases, what would be lost with the largest, and how the list has changed.

    `seed` makes all random draws repeatable. Raises InputError when the basis is missing for every account, or
    when a decision uses an answer that is not known.
    """
    accounts = facts.accounts[facts.accounts["in_period"].astype(bool)].reset_index(drop=True)
    ranking = rank_accounts(accounts, pareto.threshold, pareto.basis)
    managed = capacity_in_force(capacity, facts.tables.get("figures"))
    in_force = capacity.model_copy(update={"accounts": managed.accounts})
    return KeyAccounts(
        pareto=ranking,
        concentration=measure_concentration(ranking.table["value"].head(ranking.n_positive)),
        membership=_membership(facts, ranking, seed),
        tiers=assign_tiers(ranking, in_force, facts.tables["decisions"], facts.period.end),
        consolidation=compare_levels(facts.customers, facts.accounts, pareto.threshold, pareto.basis),
        capacity=managed,
        value=value_accounts(accounts, ranking, facts.period),
        exposure=measure_exposure(facts),
        history=compare_years(facts, ranking, seed),
        decided=standing_decisions(facts)[["account_id", "subject", "decision", "status"]].dropna(
            subset=["account_id"]
        ),
    )


def assign_tiers(pareto: Pareto, capacity: Capacity, decisions: pd.DataFrame, on: dt.date) -> pd.DataFrame:
    """The tier of every ranked account: managed, key or other.

    Key accounts within the first `capacity.accounts` ranks are managed, the further ones key; without a capacity all
    are key. What sales management decided (subjects `key_account`: yes or no, `tier`: managed, key or other) overrides
    this, the latest decision first, those no longer valid `on` that day left out; a tier weighs more than a yes or no.
    Whether an account is in the set that reaches the threshold is a fact and stays as computed.

    Returns account_id, tier, proposed_tier (without decisions). Raises InputError for answers that are not known.
    """
    table = pareto.table
    managed = table["is_key_account"] & (table["rank"].fillna(0) <= capacity.accounts) if capacity.accounts else False
    tiers = np.where(managed, Tier.MANAGED.value, np.where(table["is_key_account"], Tier.KEY.value, Tier.OTHER.value))
    proposed = pd.Series(tiers, index=table["account_id"], dtype="str")
    result = proposed.copy()
    for account_id, decided in _decided(decisions, "key_account", KEY_ACCOUNT_ANSWERS, on).items():
        if account_id in result.index and (decided is Tier.OTHER or result[account_id] == Tier.OTHER):
            result[account_id] = decided.value
    for account_id, decided in _decided(decisions, "tier", TIER_ANSWERS, on).items():
        if account_id in result.index:
            result[account_id] = decided.value
    both = pd.DataFrame({"tier": result, "proposed_tier": proposed})
    return both.rename_axis("account_id").reset_index()


def _membership(facts: AccountFacts, ranking: Pareto, seed: int) -> pd.DataFrame:
    ids = ranking.table["account_id"]
    if facts.grain is Grain.YEAR or ranking.basis is Basis.POTENTIAL or "statistics" in facts.blocked:
        return pd.DataFrame({"account_id": ids.to_numpy(), "membership_probability": np.nan})
    column = BASIS_COLUMN[ranking.basis]
    result = membership_probability(spread_bookings(facts).months, column, ids, facts.period, ranking.threshold, seed)
    unknown = ranking.table["value"].isna().to_numpy()
    return result.assign(membership_probability=result["membership_probability"].mask(unknown))


def _decided(decisions: pd.DataFrame, subject: str, answers: dict[str, Tier], on: dt.date) -> dict[str, Tier]:
    """The latest valid decision on a subject by account."""
    latest = latest_decisions(decisions).dropna(subset=["account_id"])
    rows = latest[(latest["subject"] == subject) & ~(latest["valid_until"] < pd.Timestamp(on))]
    said = rows["decision"].astype(str).str.strip().str.casefold()
    if strange := rows["decision"][~said.isin(list(answers))].tolist():
        n = f"{len(strange)} answer{'s' if len(strange) != 1 else ''}"
        known = ", ".join(answers)
        raise InputError("decisions", [f"{subject}: {n} not known: {shorten(strange)}. Use one of: {known}"])
    return {str(i): answers[word] for i, word in zip(rows["account_id"], said, strict=True)}
