"""Decisions of sales management beside the proposals: how they stand, what they change, who was right (domain S13).

A decision overrides a proposal whatever its status (Dietvorst, Simmons & Massey 2018: people use an imperfect model
if they may change it); size and direction are logged, since large overrides helped more often than small ones and
downward ones more often than upward ones (Fildes, Goodwin, Lawrence & Nikolopoulos 2009).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.people_and_model import hit_rate, judged_decisions
from kamkit.analysis.stability import certainty
from kamkit.model.codes import Certainty, DecisionStatus, Tier, wish
from kamkit.model.results import AccountFacts, DecisionLog, KamTypes, KeyAccounts, StrategyOptions
from kamkit.model.snapshots import fingerprint
from kamkit.model.tables import TABLES, pandas_dtype
from kamkit.model.words import plain

SUBJECTS = ("key_account", "tier", "kam_type", "option")
_DIRECTIONS = ("added", "removed", "raised", "lowered", "other")
_LEVELS = {tier: level for level, tier in enumerate((Tier.OTHER, Tier.KEY, Tier.MANAGED))}
_OF_TYPES = {"kam_type": "proposal", "kam_type_margin": "score", "kam_type_coverage": "coverage"}
_TITLES = frozenset({"frau", "herr", "herrn", "mrs", "prof", "region", "the", "und", "and"})
_LEAST_LETTERS = 3


def latest_decisions(decisions: pd.DataFrame | None) -> pd.DataFrame:
    """The latest decision of each account (or wanted account) and subject in the canonical columns; undated ones count
    as the oldest, of equal dates the last row holds."""
    rows = _canonical(decisions, "decisions").dropna(subset=["decision"])
    rows = rows.sort_values("date", kind="stable", na_position="first")
    key = ["account_id", "new_account", "subject"]
    return rows.drop_duplicates(key, keep="last").sort_values(key).reset_index(drop=True)


def _canonical(table: pd.DataFrame | None, name: str) -> pd.DataFrame:
    """A canonical table with all its columns, empty where it is not given."""
    kinds = {column: pandas_dtype(kind) for column, kind in TABLES[name].columns.items()}
    given = pd.DataFrame() if table is None else table
    return given.reindex(columns=list(kinds)).astype(kinds)


def standing_decisions(facts: AccountFacts) -> pd.DataFrame:
    """The latest decision of each account and subject with its status at the period's end.

    expired: its last valid day has passed · confirmed: field sales were consulted; where the account's field rep is
    known this needs an opinion on record, and that the rep was asked (by a consultation sheet, or named under consulted)
    · unconfirmed: taken without that. Both of the latter override the proposal.

    Returns the canonical columns of the decisions and status.
    """
    rows = latest_decisions(facts.tables.get("decisions"))
    reps = (
        facts.accounts.set_index("account_id")["field_rep"] if "field_rep" in facts.accounts else pd.Series(dtype=str)
    )
    answered = set(_answers(facts)["account_id"].dropna())
    states = []
    for row in rows.to_dict("records"):
        rep = reps.get(row["account_id"])
        if row["valid_until"] < pd.Timestamp(facts.period.end):
            states.append(DecisionStatus.EXPIRED)
        elif pd.isna(row["consulted"]):
            states.append(DecisionStatus.UNCONFIRMED)
        elif rep is None or pd.isna(rep):
            states.append(DecisionStatus.CONFIRMED)
        else:
            asked = row["account_id"] in answered or _names(row["consulted"], rep)
            heard = asked and not pd.isna(row["opinion"])
            states.append(DecisionStatus.CONFIRMED if heard else DecisionStatus.UNCONFIRMED)
    return rows.assign(status=pd.Series([str(s) for s in states], index=rows.index, dtype="string"))


def _names(text: Any, person: Any) -> bool:
    """Whether a text names a person: by the whole name, or by one word of it that is no form of address."""
    said, name = plain(str(text)), plain(str(person))
    words = {word for word in name.split() if len(word) >= _LEAST_LETTERS} - _TITLES
    return name in said or bool(words & set(said.split()))


def _answers(facts: AccountFacts) -> pd.DataFrame:
    """What field sales answered on the consultation sheets, in canonical columns, without the accounts they named."""
    rows = _canonical(facts.tables.get("consultations"), "consultations")
    return rows[rows["opinion"].isin(["agree", "disagree", "abstain"])]


def candidates(facts: AccountFacts, key_accounts: KeyAccounts) -> pd.DataFrame:
    """The accounts that field sales are asked about and the meeting decides on, by rank: in the set, borderline (5–95 %
    of the draws), called key accounts today, chosen by decision, or named by field sales.

    Returns account_id, name, region, field_rep, revenue, share (of the revenue above zero), change (of revenue against the equally long span
    before, missing where that is not known or not above zero), is_key_account, membership_probability, proposed_tier,
    decided (yes | no: what holds now).
    """
    table = key_accounts.pareto.table.merge(key_accounts.membership, on="account_id", how="left")
    table = table.merge(key_accounts.tiers, on="account_id", how="left")
    known = facts.accounts.reindex(columns=["account_id", "region", "field_rep", "revenue_prior", "key_label"])
    table = table.merge(known, on="account_id", how="left")
    taken = standing_decisions(facts)
    taken = taken[(taken["subject"] == "key_account") & (taken["status"] != DecisionStatus.EXPIRED)]
    decided = table["account_id"].map(taken.dropna(subset=["account_id"]).set_index("account_id")["decision"])
    prior = table["revenue_prior"].astype(float)
    table = table.assign(
        decided=decided, share=_revenue_share(table), change=table["revenue"] / prior.where(prior > 0) - 1
    )
    borderline = table["membership_probability"].map(certainty) == Certainty.BORDERLINE
    led = table["key_label"].astype("boolean").fillna(False).astype(bool)
    named = table["account_id"].isin(named_accounts(facts)["account_id"].dropna())
    chosen = table["is_key_account"].astype(bool) | borderline | led | (decided == "yes") | named
    columns = "account_id name region field_rep revenue share change is_key_account membership_probability"
    return table.loc[chosen, [*columns.split(), "proposed_tier", "decided"]].reset_index(drop=True)


def _revenue_share(accounts: pd.DataFrame) -> pd.Series[Any]:
    """Each account's share of the revenue above zero, whatever the basis of the ranking is."""
    above = accounts["revenue"].astype(float).where(accounts["revenue"] > 0)
    return above / above.sum() if above.notna().any() else above


def named_accounts(facts: AccountFacts) -> pd.DataFrame:
    """The accounts that field sales miss: account_id (missing where it is no customer yet), new_account, name, revenue,
    reason, named_by, date; by name."""
    rows = _canonical(facts.tables.get("consultations"), "consultations")
    rows = rows[rows["opinion"] == "missing"]
    known = facts.accounts.set_index("account_id")
    name = rows["account_id"].map(known["name"]).fillna(rows["new_account"]).fillna(rows["account_id"])
    by = rows["answered_by"].fillna(rows["addressee"])
    frame = rows.assign(name=name, revenue=rows["account_id"].map(known["revenue"]), named_by=by)
    columns = ["account_id", "new_account", "name", "revenue", "reason", "named_by", "date"]
    return frame.sort_values(["name", "named_by"])[columns].reset_index(drop=True)


def snapshots(
    key_accounts: KeyAccounts, kam_types: KamTypes | None = None, options: StrategyOptions | None = None
) -> pd.DataFrame:
    """account_id, subject, proposal, score, coverage, snapshot: what is proposed for every ranked account, and the
    fingerprint of what is behind it: revenue, rank, in the set, tier, proposal.

    `score`: the probability of membership, the lead of the type, the score of the option, with its `coverage`.
    """
    table = key_accounts.pareto.table.merge(key_accounts.membership, on="account_id", how="left")
    table["tier"] = table["account_id"].map(key_accounts.tiers.set_index("account_id")["proposed_tier"])
    ids, inside = table["account_id"], table["is_key_account"].astype(bool)
    parts = [
        pd.DataFrame(
            {
                "account_id": ids,
                "subject": "key_account",
                "proposal": np.where(inside, "yes", "no"),
                "score": table["membership_probability"],
            }
        ),
        pd.DataFrame({"account_id": ids, "subject": "tier", "proposal": table["tier"]}),
    ]
    if kam_types is not None:
        types = kam_types.table.reindex(columns=["account_id", *_OF_TYPES]).rename(columns=_OF_TYPES)
        parts.append(types.assign(subject="kam_type"))
    if options is not None:
        advice = options.recommendations[["account_id", "recommended_option"]]
        advice = advice.rename(columns={"recommended_option": "proposal"}).assign(subject="option")
        scored = options.options.reindex(columns=["account_id", "option", "score", "coverage"])
        parts.append(
            advice.merge(scored.rename(columns={"option": "proposal"}), on=["account_id", "proposal"], how="left")
        )
    found = pd.concat(parts, ignore_index=True).reindex(
        columns=["account_id", "subject", "proposal", "score", "coverage"]
    )
    found = found[found["account_id"].isin(ids)]
    behind = table[["account_id", "revenue", "rank", "is_key_account", "tier"]].astype({"revenue": float})
    seen = {row[0]: row[1:] for row in behind.round({"revenue": 0}).astype(object).itertuples(index=False)}
    told = zip(found["account_id"], found["subject"], found["proposal"], strict=True)
    marks = [fingerprint((*seen[account], subject, proposal)) for account, subject, proposal in told]
    return found.assign(snapshot=pd.Series(marks, index=found.index, dtype="string")).reset_index(drop=True)


def decision_log(
    facts: AccountFacts,
    key_accounts: KeyAccounts,
    kam_types: KamTypes | None = None,
    options: StrategyOptions | None = None,
) -> DecisionLog:
    """Every decision beside its proposal, with status, direction and size, the conflicts with field sales by name, the
    accounts they miss, and how often model and people were right (Blattberg & Hoch 1990 compare the two this way)."""
    table = _log_table(facts, key_accounts, snapshots(key_accounts, kam_types, options))
    cases = judged_decisions(facts, key_accounts)
    return DecisionLog(
        table=table,
        overrides=_overrides(table),
        conflicts=_conflicts(facts, table),
        named=named_accounts(facts),
        consultation=_consultation(facts, key_accounts, table),
        cases=cases,
        hits=hit_rate(cases),
    )


def _log_table(facts: AccountFacts, key_accounts: KeyAccounts, proposals: pd.DataFrame) -> pd.DataFrame:
    taken = standing_decisions(facts).rename(columns={"snapshot": "taken_on"})
    asked = candidates(facts, key_accounts)["account_id"]
    decided = set(taken.loc[taken["subject"] == "key_account", "account_id"])
    waiting = pd.DataFrame({"account_id": [i for i in asked if i not in decided]}, dtype="string")
    waiting = waiting.assign(subject="key_account", status=str(DecisionStatus.OPEN)).reindex(columns=taken.columns)
    table = pd.concat([frame.astype(object) for frame in (taken, waiting)], ignore_index=True)
    table = table.merge(proposals.astype(object), on=["account_id", "subject"], how="left")
    known = key_accounts.pareto.table[["account_id", "rank", "revenue"]]
    known = known.assign(share=_revenue_share(known))
    table = table.merge(known, on="account_id", how="left")
    names = facts.accounts.set_index("account_id")["name"]
    table["name"] = table["account_id"].map(names).fillna(table["new_account"]).fillna(table["account_id"])
    answered = table["decision"].notna() & table["proposal"].notna() & (table["status"] != DecisionStatus.EXPIRED)
    table["is_override"] = (table["decision"] != table["proposal"]).where(answered).astype("boolean")
    changes = zip(
        table["subject"], table["proposal"], table["decision"], table["is_override"].fillna(False), strict=True
    )
    table["direction"] = pd.Series([_direction(*c) for c in changes], index=table.index, dtype="string")
    table["size"] = table["share"].astype(float).where(table["is_override"].fillna(False).astype(bool))
    both = table["taken_on"].notna() & table["snapshot"].notna()
    table["moved"] = (table["taken_on"] != table["snapshot"]).where(both).astype("boolean")
    for column in ("date", "valid_until"):
        table[column] = pd.to_datetime(table[column])
    kinds = dict.fromkeys(("score", "coverage", "share", "revenue", "size"), "float64")
    kinds |= {str(column): "string" for column in table if table[column].dtype == object and column not in kinds}
    table = table.astype({column: kind for column, kind in kinds.items() if column in table})
    order = table.assign(
        place=table["rank"].astype("float64").fillna(np.inf),
        on=table["subject"].map({s: i for i, s in enumerate(SUBJECTS)}),
    ).sort_values(["place", "name", "account_id", "on"], kind="stable")
    columns = (
        "account_id name new_account subject revenue share rank proposal score coverage decision status reason_code reason "
        "decided_by consulted opinion date valid_until taken_on snapshot moved is_override direction size"
    )
    return order[columns.split()].reset_index(drop=True)


def _direction(subject: str, proposal: Any, decision: Any, is_override: bool) -> str | None:
    if not is_override:
        return None
    if subject == "key_account":
        return "added" if decision == "yes" else "removed"
    if subject == "tier":
        return "raised" if _LEVELS[Tier(decision)] > _LEVELS[Tier(proposal)] else "lowered"
    return "other"


def _overrides(table: pd.DataFrame) -> pd.DataFrame:
    """subject, n (decisions in force with a proposal), n_overrides, rate, and how many of each direction, with the share
    of revenue that they concern."""
    rows = []
    for subject in SUBJECTS:
        comparable = table[(table["subject"] == subject) & table["is_override"].notna()]
        over = comparable[comparable["is_override"].astype(bool)]
        if len(comparable):
            ways = {way: int((over["direction"] == way).sum()) for way in _DIRECTIONS}
            rate = len(over) / len(comparable)
            rows.append(
                {"subject": subject, "n": len(comparable), "n_overrides": len(over), "rate": rate, **ways}
                | {"size": float(over["size"].sum()), "mean_size": float(over["size"].mean()) if len(over) else np.nan}
            )
    columns = ["subject", "n", "n_overrides", "rate", *_DIRECTIONS, "size", "mean_size"]
    return pd.DataFrame(rows, columns=columns)


def _conflicts(facts: AccountFacts, table: pd.DataFrame) -> pd.DataFrame:
    """account_id, name, subject, decision, in_favour and against (names), reasons: where field sales contradict the
    decision, or each other."""
    taken = table[table["decision"].notna() & (table["status"] != DecisionStatus.EXPIRED)]
    decided = taken[(taken["subject"] == "key_account") & taken["account_id"].notna()]
    voices: dict[str, list[tuple[str, str, Any]]] = {}
    for row in _answers(facts).to_dict("records"):
        wants = wish(row["proposal"], row["opinion"])
        if wants and not pd.isna(row["account_id"]):
            who = row["answered_by"] if pd.isna(row["addressee"]) else row["addressee"]
            voices.setdefault(row["account_id"], []).append((who, wants, row["reason"]))
    answered = frozenset(voices)
    for row in decided.to_dict("records"):
        wants = wish(row["decision"], row["opinion"])
        if wants and row["account_id"] not in answered:
            voices.setdefault(row["account_id"], []).append((row["consulted"], wants, None))
    held = dict(zip(decided["account_id"], decided["decision"], strict=True))
    names = facts.accounts.set_index("account_id")["name"]
    rows: list[dict[str, Any]] = []
    for account_id, said in voices.items():
        decision = held.get(account_id)
        wanted = {wants for _, wants, _ in said} | ({decision} if decision else set())
        if len(wanted) > 1:
            sides = {side: _joined(who for who, wants, _ in said if wants == side) for side in ("yes", "no")}
            rows.append(
                {"account_id": account_id, "name": names.get(account_id, account_id), "subject": "key_account"}
                | {"decision": decision, "in_favour": sides["yes"], "against": sides["no"]}
                | {"reasons": _joined(reason for *_, reason in said)}
            )
    others = taken[(taken["subject"] != "key_account") & (taken["opinion"] == "disagree")]
    for row in others.to_dict("records"):
        rows.append(
            {name: row[name] for name in ("account_id", "name", "subject", "decision")}
            | {"in_favour": None, "against": row["consulted"], "reasons": None}
        )
    columns = ["account_id", "name", "subject", "decision", "in_favour", "against", "reasons"]
    frame = pd.DataFrame(rows, columns=columns).astype("string")
    return frame.sort_values(["name", "account_id", "subject"], ignore_index=True)


def _joined(texts: Iterator[Any]) -> str | None:
    return "; ".join(dict.fromkeys(str(text) for text in texts if not pd.isna(text))) or None


def _consultation(facts: AccountFacts, key_accounts: KeyAccounts, table: pd.DataFrame) -> pd.DataFrame:
    """unit (region, where none is known field rep), n_key, n_decided, n_consulted, share: of the key accounts, how many
    have a decision in force, and how many one with field sales consulted."""
    ranked = key_accounts.pareto.table
    key = set(ranked.loc[ranked["is_key_account"].astype(bool), "account_id"])
    named = table[(table["subject"] == "key_account") & table["decision"].notna()]
    named = named[named["status"] != DecisionStatus.EXPIRED]
    wanted = key | set(named.loc[named["decision"] == "yes", "account_id"].dropna())
    accounts = facts.accounts[facts.accounts["account_id"].isin(wanted)]
    where = next((c for c in ("region", "field_rep") if c in accounts and accounts[c].notna().any()), None)
    columns = ["unit", "n_key", "n_decided", "n_consulted", "share"]
    if where is None or named.empty:
        return pd.DataFrame(columns=columns)
    consulted = named.loc[named["consulted"].notna() & named["decided_by"].notna(), "account_id"]
    rows = accounts.assign(
        unit=accounts[where],
        decided=accounts["account_id"].isin(named["account_id"]),
        heard=accounts["account_id"].isin(consulted),
    )
    counts = rows.groupby("unit", dropna=False).agg(
        n_key=("account_id", "size"), n_decided=("decided", "sum"), n_consulted=("heard", "sum")
    )
    counts = counts.reset_index()
    return counts.assign(share=counts["n_consulted"] / counts["n_key"])[columns]
