"""What was found about each account and option, what speaks against it, and what to settle first: codes of the catalogues
(`evidence.<code>`, `counter.<code>`, `precondition.<code>`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.options.found import Found
from kamkit.model.codes import Gate, KamType, Option
from kamkit.model.option_rules import RiskLevel


def evidence_of(found: Found, option: Option) -> pd.Series[Any]:
    """The code of the sentence that says what was seen, by account_id."""
    growth, antenna, gate = found.growth, found.antenna, found.gates[option]
    by_account = {
        Option.EARLY_WARNING: np.select(
            [
                antenna["leads"].eq(True),
                antenna["adopts_early"].eq(True),
                antenna["lead"].notna(),
            ],
            ["antenna_leads", "antenna_adopts", "antenna_no_lead"],
            "antenna_unknown",
        ),
        Option.CROSS_SELLING: np.select(
            [
                growth["growth"].eq("worthwhile"),
                growth["growth"].eq("small"),
                growth["growth"].eq("none"),
                growth["growth"].eq("closed"),
            ],
            [growth["evidence"].fillna("cross_small"), "cross_small", "cross_all_bought", "cross_closed"],
            "cross_unknown",
        ),
        Option.RELATIONSHIP: _relationship_evidence(found, gate),
        Option.TAKEOVER: np.select(
            [found.pair["their_dependence"].notna(), found.pair["our_dependence"].notna()],
            ["takeover_pair", "takeover_share"],
            "takeover_unknown",
        ),
    }
    default = np.select(
        [gate.eq(Gate.OPEN) & _in_full(found, option), gate.eq(Gate.OPEN), gate.eq(Gate.CLOSED)],
        [f"{option}_open_full", f"{option}_open", f"{option}_closed"],
        f"{option}_unknown",
    )
    return pd.Series(by_account.get(option, default), index=found.ids, dtype="object").astype(str)


def _relationship_evidence(found: Found, gate: pd.Series[Any]) -> Any:
    """What contacts say comes before what orders say; what happened after a shock is added where there was one."""
    contacts = found.contacts[["contact_density", "deciders", "top_own_share"]].notna().all(axis=1)
    orders = gate.eq(Gate.OPEN) & _known(found, "regularity") & _known(found, "active_months")
    shock = found.shocks["shock_kept"].notna()
    return np.select(
        [contacts & shock, contacts, orders & shock, orders, _known(found, "tenure_years")],
        [
            *("relationship_contacts_shock", "relationship_contacts", "relationship_orders_shock"),
            *("relationship_orders", "relationship_tenure"),
        ],
        "relationship_unknown",
    )


def _in_full(found: Found, option: Option) -> pd.Series[bool]:
    """Whether all that the longer sentence about an upgrade names is known."""
    names = {Option.ALLIANCE: found.projects["joint_hours"], Option.PARTNERSHIP: found.pair["their_dependence"]}
    return names[option].notna() if option in names else pd.Series(False, index=found.ids)


def _known(found: Found, indicator: str) -> pd.Series[Any]:
    return found.scored[Option.RELATIONSHIP].anchored[indicator].notna()


MOST_ON_ONE = 0.8
"""From this share of contacts on, a relationship hangs on one person of ours (convention)."""
FEW_PEERS, LONG_HISTORY, RETURNED, UNEQUAL, IRREGULAR, SOME = 20, 60, 0.10, 0.30, 0.30, 0.25
"""From how many peers, months, returns, imbalance, regularity and accounts without an item on it is said (conventions)."""


def counter_evidence_of(
    found: Found, option: Option, trend: pd.Series[Any], tested: pd.DataFrame, told: pd.DataFrame
) -> pd.Series[Any]:
    """The code of what speaks against what was found, by account_id; missing where the data say nothing against it.

    `trend`: growing | steady | shrinking | unknown; `tested`: the tests on history; `told`: the values of the sentences, a
    column each. The first that holds is told, the most serious first.
    """
    cases = list(_CASES[option](_Against(found, found.gates[option], trend, tested, told)))
    codes = [f"{option}_{code}" for code, _ in cases]
    held = [mask.reindex(found.ids).fillna(False).to_numpy(bool) for _, mask in cases]
    return pd.Series(np.select(held, codes, ""), index=found.ids, dtype=object).replace("", None)


@dataclass(frozen=True)
class _Against:
    """What counter-evidence is read from."""

    found: Found
    gate: pd.Series[Any]
    trend: pd.Series[Any]
    tested: pd.DataFrame
    told: pd.DataFrame

    @property
    def open(self) -> pd.Series[Any]:
        return self.gate.eq(Gate.OPEN)

    @property
    def closed(self) -> pd.Series[Any]:
        return self.gate.eq(Gate.CLOSED)

    @property
    def at_risk(self) -> pd.Series[Any]:
        return self.told["level"].isin([str(RiskLevel.RED), str(RiskLevel.AMBER)])

    @property
    def shrinking(self) -> pd.Series[Any]:
        return self.trend.eq("shrinking") & self.told["trend_change"].notna()

    def number(self, name: str) -> pd.Series[Any]:
        return pd.to_numeric(self.told[name]).astype(float)

    def test_holds(self, task: str) -> bool | None:
        """Whether the task's test on history held; None where it could not be tested."""
        rows = self.tested[self.tested["task"] == task]
        if rows.empty or rows["value"].isna().all():
            return None
        return bool(rows["claims"].eq(True).any())


_Cases = Iterator[tuple[str, "pd.Series[Any]"]]


def _against_antenna(seen: _Against) -> _Cases:
    leads, talks = seen.found.antenna["leads"].eq(True), seen.number("talks")
    yield "short", seen.open & leads & (seen.number("history_months") < LONG_HISTORY)
    yield "one", seen.open & leads
    yield "offered", seen.open
    yield "talks", seen.closed & talks.gt(0)
    yield "talks_unknown", seen.closed & talks.isna()


def _against_cross_selling(seen: _Against) -> _Cases:
    claimed = seen.open & seen.found.growth["growth"].eq("worthwhile")
    peers, others = seen.number("peers"), seen.number("not_buying")
    yield "risk", claimed & seen.at_risk
    yield "shrinking", claimed & seen.shrinking
    yield "returns", claimed & seen.number("returned").ge(RETURNED)
    yield "sister", claimed & seen.told["buyer"].notna()
    yield "few_peers", claimed & peers.lt(FEW_PEERS)
    yield "not_all", claimed & (others >= SOME * peers)
    holds = seen.test_holds("cross_selling")
    yield ("untested" if holds is None else "not_better"), claimed & (not holds)
    yield "not_all", claimed & others.gt(0)


def _against_relationship(seen: _Against) -> _Cases:
    contacts = seen.number("contacts")
    yield "risk", seen.open & seen.at_risk
    yield "one_person", seen.open & seen.number("top_share").ge(MOST_ON_ONE)
    yield "no_decider", seen.open & contacts.gt(0) & seen.number("deciders").eq(0)
    yield "shrinking", seen.open & seen.shrinking
    yield "contacts_unknown", seen.open & contacts.isna()
    yield "irregular", seen.open & seen.number("regularity").lt(IRREGULAR)


def _against_alliance(seen: _Against) -> _Cases:
    exposure = seen.found.rules.upgrade.exposure.value
    yield "lock_in", seen.open & seen.number("share").ge(exposure)
    yield "judged", seen.open
    yield "projects", seen.closed & seen.number("projects").gt(0)


def _against_partnership(seen: _Against) -> _Cases:
    yield "shrinking", seen.open & seen.shrinking
    yield "imbalance", seen.open & seen.number("imbalance").ge(UNEQUAL)
    yield "judged", seen.open
    yield "contract", seen.closed & seen.number("contract_years").gt(0)


def _against_takeover(seen: _Against) -> _Cases:
    known = seen.gate.ne(Gate.NOT_ASSESSABLE)
    yield "imbalance", known & seen.number("imbalance").ge(UNEQUAL)
    yield "one_side", seen.told["share"].notna() & seen.told["their_share"].isna()
    yield "intent", known


_CASES: Mapping[Option, Callable[[_Against], _Cases]] = {
    Option.EARLY_WARNING: _against_antenna,
    Option.CROSS_SELLING: _against_cross_selling,
    Option.RELATIONSHIP: _against_relationship,
    Option.ALLIANCE: _against_alliance,
    Option.TAKEOVER: _against_takeover,
    Option.PARTNERSHIP: _against_partnership,
}

BY_TYPE = frozenset({Option.CROSS_SELLING, Option.RELATIONSHIP})
"""Options whose precondition depends on the KAM type."""


def precondition_of(option: Option, kam_types: pd.Series[Any], ids: pd.Index) -> pd.Series[Any]:
    """The code of what has to be settled before an option is pursued, by account_id."""
    types = kam_types.reindex(ids).fillna(str(KamType.UNCLEAR)).astype(str)
    return f"{option}." + types if option in BY_TYPE else pd.Series(str(option), index=ids)
