"""From what was found to one recommendation per account, by the rule table (domain §2.7). Scores of different options are
never compared: gates, alarms and the order of the rules decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from kamkit.model.codes import BASIC_CARE, Gate, KamType, Option
from kamkit.model.option_rules import OptionRules, Recommendation

STEADY = 0.15
"""A change of the half-year within fifteen percent counts as steady (convention)."""

COLUMNS = [
    "account_id",
    "recommended_option",
    "supporting_option",
    "avoid",
    "reason",
    "rule",
    "options_assessed",
    "close_call",
    "first_step",
    "question",
    "role",
    "action",
    "values",
]


def trend(change: pd.Series[Any]) -> pd.Series[Any]:
    """growing, steady, shrinking or unknown, from the change of six months against the same of last year."""
    words = np.select(
        [change > STEADY, change < -STEADY, change.notna()], ["growing", "shrinking", "steady"], "unknown"
    )
    return pd.Series(words, index=change.index)


def recommend_options(
    found: pd.DataFrame,
    gates: pd.DataFrame,
    kam_types: pd.Series[Any],
    values: Mapping[str, Mapping[str, Any]],
    rules: OptionRules,
) -> pd.DataFrame:
    """One recommended option per account, at most one supporting, what to avoid and why.

    `found` by account_id: a column per condition of the rule table, and `flipped` (the same condition's option with
    the gate that more than the tolerated share of weightings would give; missing where weights change nothing).
    `gates`: a column per option. Returns the columns of StrategyOptions.recommendations, with first_step, question and
    role as codes `<action>.<type>`, where action is what the rule says, else the option; and role.
    """
    conditions = [name for name in found.columns if name != "flipped"]
    answers_of = {
        str(i): {str(k): str(v) for k, v in row.items()} for i, row in found[conditions].to_dict("index").items()
    }
    gates_of = {str(i): row for i, row in gates.to_dict("index").items()}
    assessed = (gates != Gate.NOT_ASSESSABLE).sum(axis=1).tolist()
    decided: dict[tuple[str, ...], Recommendation] = {}
    rows = []
    for (account_id, answers), n_assessed, flipped in zip(
        answers_of.items(), assessed, found["flipped"].tolist(), strict=True
    ):
        key = tuple(answers.values())
        if key not in decided:
            decided[key] = rules.recommend(answers)
        row, own_gates = decided[key], gates_of[account_id]
        action = row.action or row.recommend
        kam_type = KamType(kam_types.get(account_id, KamType.UNCLEAR))
        rows.append(
            {
                "account_id": account_id,
                "recommended_option": row.recommend,
                "supporting_option": next((s for s in row.support if _stands(s, own_gates, answers)), None),
                "avoid": row.avoid,
                "reason": _told_by(row.reason, values[account_id]),
                "rule": row.rule,
                "options_assessed": n_assessed,
                "close_call": _is_close(answers, flipped, row, rules),
                "first_step": f"{action}.{kam_type}",
                "question": f"{action}.{kam_type}",
                "role": rules.roles[action][kam_type],
                "action": action,
                "values": dict(values[account_id]),
            }
        )
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype({"supporting_option": "str"}).assign(values=table["values"].astype(object))


def _told_by(reason: str, values: Mapping[str, Any]) -> str:
    """The reason as a code of the catalogues: alarms and white spots are told by what was seen."""
    seen = {"risk": values["risk_evidence"], "white_spot": values["growth_evidence"]}
    return str(seen.get(reason) or reason)


def _stands(option: str, gates: Mapping[Any, Any], answers: Mapping[str, str]) -> bool:
    """Whether an option may stand beside the recommendation: its gate is open, and cross-selling has something to sell."""
    if option == BASIC_CARE:
        return True
    return gates[option] == Gate.OPEN and (option != Option.CROSS_SELLING or answers["growth"] == "worthwhile")


def _is_close(answers: Mapping[str, str], flipped: Any, row: Recommendation, rules: OptionRules) -> bool:
    """Whether the gate that other weightings would give changes the recommendation."""
    if not isinstance(flipped, str):
        return False
    other = {**answers, flipped: Gate.CLOSED if answers[flipped] == Gate.OPEN else Gate.OPEN}
    return rules.recommend(other).recommend != row.recommend
