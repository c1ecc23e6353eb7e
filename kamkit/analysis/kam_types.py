"""Of which type key account management is: the programme's from the client's industry, inherited by its accounts
unless their own evidence is strong (source text: the kinds are kinds of the supplier's key account management)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from kamkit.analysis.existence import account_status, check_existence, measured_intensity
from kamkit.analysis.kam_evidence import account_industry, evidence_frame, product_category
from kamkit.analysis.order_patterns import pattern
from kamkit.analysis.type_agreement import type_agreement
from kamkit.analysis.type_sources import NEEDS, blocks_that_can_speak, type_sources
from kamkit.model.codes import KamType, Verdict
from kamkit.model.engagement import SupplierIndustry
from kamkit.model.industry_codes import read_code
from kamkit.model.kam_type_rules import TYPES, Block, KamTypeRules, OwnEvidence
from kamkit.model.results import AccountFacts, KamTypes, KeyAccounts

Programme = Literal["known", "unknown"]


def classify_accounts(
    facts: AccountFacts, key_accounts: KeyAccounts, supplier_industry: SupplierIndustry | None, rules: KamTypeRules
) -> KamTypes:
    """The type and the status of every account, the programme's type, and whether the programme exists.

    Points per block, thresholds and margin are conventions of `rules`; the types and the existence conditions follow
    the source text. `evidence` holds at least one row per account. Decisions of people change nothing here: they stand
    beside the proposal.
    """
    account_ids = facts.accounts["account_id"].astype("string")
    own = pd.concat(
        [account_industry(facts.accounts, rules), product_category(facts, rules), pattern(facts, rules)],
        ignore_index=True,
    )
    points = _points(own, account_ids)
    programme, said = _programme(supplier_industry, own, facts.accounts, rules)
    stated = int(said[0][2]) if said else 0
    table = _decide(points, programme, stated, rules)
    everywhere = _for_every_account(said, account_ids)
    evidence = _ordered(
        pd.concat([everywhere, own, _silent(everywhere, own, account_ids)], ignore_index=True), account_ids
    )
    can_speak = blocks_that_can_speak(facts, stated > 0)
    intensity = measured_intensity(facts, rules)
    existence = check_existence(facts, key_accounts, rules, intensity)
    status = account_status(facts, key_accounts, rules.existence).reset_index(drop=True)
    source_label = "pseudo" if existence.verdict == Verdict.PSEUDO else str(programme)
    return KamTypes(
        programme,
        source_label,
        existence,
        table.join(status).assign(kam_type_coverage=can_speak.mean(axis=1).to_numpy()),
        evidence,
        intensity,
        type_sources(can_speak, evidence),
        _programme_missing(can_speak, facts.accounts, rules) if programme == KamType.UNCLEAR else (),
        type_agreement(table, facts.tables.get("decisions"), rules),
    )


def _points(evidence: pd.DataFrame, account_ids: pd.Series[Any]) -> pd.DataFrame:
    """Own points per account (in the order given) and type."""
    said = evidence[evidence["points"] > 0]
    table = said.pivot_table(index="account_id", columns="kam_type", values="points", aggfunc="sum", fill_value=0)
    return table.reindex(index=pd.Index(account_ids), columns=[str(kind) for kind in TYPES], fill_value=0).astype(
        "int64"
    )


def _programme(
    supplier: SupplierIndustry | None, own: pd.DataFrame, accounts: pd.DataFrame, rules: KamTypeRules
) -> tuple[KamType, list[tuple[Any, ...]]]:
    """The programme's type and its evidence rows (without account): from the client's industry, else from what the
    accounts' own evidence says."""
    block = Block.SUPPLIER_INDUSTRY
    rows: list[tuple[Any, ...]] = []
    if supplier is not None:
        found = read_code(supplier.code, supplier.version, "client", rules)
        if found is None:
            rows.append((block, KamType.UNCLEAR, 0, "unreadable_code", supplier.code, None, None))
        else:
            reason = "supplier_industry" if found.points else f"supplier_{found.reason}"
            rows.append((block, found.kam_type, found.points, reason, supplier.code, None, found.division))
            if found.points:
                return found.kam_type, rows
    told = _told_by_accounts(own, accounts, rules)
    return (told[1], [*rows, told]) if told else (KamType.UNCLEAR, rows)


def _told_by_accounts(
    own: pd.DataFrame, accounts: pd.DataFrame, rules: KamTypeRules
) -> tuple[Any, KamType, int, str, Any, float, None] | None:
    """The type that the accounts' own evidence names, weighted by revenue, as an evidence row; None where they name none.

    Industries and goods must be known to speak for enough revenue. Weak patterns never count; strong ones may stand alone
    only where they cover nearly all of it, since how somebody orders is weaker than what he is or buys.
    """
    asked = rules.programme
    ids = accounts["account_id"].astype("string")
    weights = pd.Series(accounts["revenue"].astype("float64").fillna(0.0).clip(lower=0).to_numpy(), index=ids)
    is_pattern = own["block"] == Block.PATTERN
    counted = own[(own["points"] > 0) & (~is_pattern | (own["points"] >= asked.pattern_points.value))]
    points = _points(counted, ids)
    heard = float(weights[points.to_numpy().sum(axis=1) > 0].sum())
    known = float(
        weights[weights.index.isin(counted.loc[counted["block"] != Block.PATTERN, "account_id"].unique())].sum()
    )
    total = float(weights.sum())
    broad = known >= asked.coverage.value * total or heard >= asked.pattern_coverage.value * total
    if total <= 0 or not heard or not broad:
        return None
    mean = (points.to_numpy() * weights.to_numpy()[:, None]).sum(axis=0) / heard
    second, first = np.sort(mean)[-2:]
    if first - second < rules.margin.value - 1e-9:
        return None
    kind = TYPES[int(mean.argmax())]
    for_it = counted[counted["kam_type"] == str(kind)]
    for_it = for_it.assign(weight=for_it["points"] * for_it["account_id"].map(weights).astype("float64"))
    by_block = for_it.groupby("block")["weight"].sum()
    block = str(by_block.index[by_block == by_block.max()].min())
    shown = for_it[for_it["block"] == block]
    share = float(weights[weights.index.isin(shown["account_id"].unique())].sum()) / total
    details = shown.dropna(subset=["detail"]).groupby("detail")["weight"].sum()
    detail = str(details.index[details == details.max()].min()) if len(details) else None
    return Block.SUPPLIER_INDUSTRY, kind, 0, f"programme_from_{block}", detail, share, None


def _programme_missing(can_speak: pd.DataFrame, accounts: pd.DataFrame, rules: KamTypeRules) -> tuple[str, ...]:
    """What would settle the programme's type: the client's industry, and what is unknown of most of the revenue."""
    weights = accounts["revenue"].astype("float64").fillna(0.0).clip(lower=0).to_numpy()
    enough = rules.programme.coverage.value * weights.sum()
    blocks = (Block.SUPPLIER_INDUSTRY, Block.ACCOUNT_INDUSTRY, Block.PRODUCT_CATEGORY)
    lacking = [block for block in blocks if weights[can_speak[str(block)].to_numpy()].sum() <= enough]
    return tuple(need for block in lacking for need in NEEDS[block])


def _decide(points: pd.DataFrame, programme: KamType, stated: int, rules: KamTypeRules) -> pd.DataFrame:
    """account_id, kam_type, kam_type_margin, inherited: the deciding table applied to every account at once."""
    own = points.to_numpy()
    known: Programme = "known" if programme in TYPES else "unknown"
    home = TYPES.index(programme) if known == "known" else -1
    totals = own.copy()
    others = own.copy()
    if home >= 0:
        totals[:, home] += stated
        others[:, home] = -1
    at_home = totals[:, home] if home >= 0 else np.zeros(len(own), dtype="int64")
    ranked = np.sort(others, axis=1)
    challenger, rival = ranked[:, -1], np.maximum(ranked[:, -2], 0)
    margin = rules.margin.value
    states = [challenger <= 0, challenger - at_home < margin, challenger - rival < margin]
    state = np.select(states, [OwnEvidence.NONE, OwnEvidence.WEAK, OwnEvidence.DIVIDED], OwnEvidence.STRONG)
    take = pd.Series(state).map({own: rules.take(known, own) for own in OwnEvidence}).to_numpy(dtype=object)
    chosen = np.select([take == "programme", take == "own"], [home, others.argmax(axis=1)], -1)
    names = np.array([str(kind) for kind in (*TYPES, KamType.UNCLEAR)], dtype=object)
    return pd.DataFrame(
        {
            "account_id": pd.Series(points.index, dtype="string"),
            "kam_type": pd.Series(names[chosen], dtype="string"),
            "kam_type_margin": _margin(totals, chosen),
            "inherited": take == "programme",
        }
    )


def _margin(totals: Any, chosen: Any) -> Any:
    """Points of the type given minus the next best type, at least 0; 0 where no type is given."""
    rows = np.arange(len(totals))
    rest = totals.copy()
    rest[rows, chosen] = -1
    lead = np.maximum(totals[rows, chosen] - rest.max(axis=1, initial=0), 0)
    return np.where(chosen >= 0, lead, 0)


def _for_every_account(said: list[tuple[Any, ...]], account_ids: pd.Series[Any]) -> pd.DataFrame:
    return evidence_frame([(account_id, *row) for row in said for account_id in account_ids])


def _silent(everywhere: pd.DataFrame, own: pd.DataFrame, account_ids: pd.Series[Any]) -> pd.DataFrame:
    """A row for each account about which nothing at all is known, so that none goes without a reason."""
    heard = pd.concat([everywhere["account_id"], own["account_id"]])
    silent = account_ids[~account_ids.isin(heard.unique())]
    block = Block.ACCOUNT_INDUSTRY
    return evidence_frame(
        [(account_id, block, KamType.UNCLEAR, 0, "no_evidence", None, None, None) for account_id in silent]
    )


def _ordered(evidence: pd.DataFrame, account_ids: pd.Series[Any]) -> pd.DataFrame:
    """Evidence by account in the order of the accounts, by block in the order of the rules, strongest first."""
    place = pd.DataFrame(
        {
            "account": evidence["account_id"].map(pd.Series(range(len(account_ids)), index=pd.Index(account_ids))),
            "block": evidence["block"].map({str(block): n for n, block in enumerate(Block)}),
            "points": -evidence["points"],
            "kind": evidence["kam_type"],
        }
    )
    return evidence.loc[place.sort_values(["account", "block", "points", "kind"], kind="stable").index].reset_index(
        drop=True
    )
