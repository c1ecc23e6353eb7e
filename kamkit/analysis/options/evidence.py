"""What was found about each account and option, as codes of the catalogues (`evidence.<code>`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.options.found import Found
from kamkit.model.codes import Gate, Option


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
