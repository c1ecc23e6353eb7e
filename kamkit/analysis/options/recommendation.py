"""From what was found to one recommendation per account, by the rule table (domain §2.7). Scores of different options are
never compared: gates, alarms and the order of the rules decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from kamkit.model.codes import BASIC_CARE, Gate, KamType, Option
from kamkit.model.option_rules import OptionRules, Recommendation

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
    "close_by",
    "values",
]


def recommend_options(
    found: pd.DataFrame,
    gates: pd.DataFrame,
    kam_types: pd.Series[Any],
    values: Mapping[str, Mapping[str, Any]],
    rules: OptionRules,
    threads: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One recommended option per account, at most one supporting, what to avoid and why.

    `found` by account_id: a column per condition of the rule table. `gates`: a column per option. `threads` (account_id,
    condition, answer, because, figure, threshold): answers that could as well have been others; a recommendation that one
    of them would change is a close call, close_by says what it hangs on, and its values get close_option, close_figure and
    close_threshold. Returns the columns of StrategyOptions.recommendations, with first_step and question as codes
    `<action>.<type>`, where action is what the rule says, else the option, and where the account's own evidence is known
    `<action>_<evidence>.<type>`; and role.
    """
    answers_of = {str(i): {str(k): str(v) for k, v in row.items()} for i, row in found.to_dict("index").items()}
    gates_of = {str(i): row for i, row in gates.to_dict("index").items()}
    assessed = (gates != Gate.NOT_ASSESSABLE).sum(axis=1).tolist()
    decide = _Table(rules)
    others = _by_account(threads)
    rows = []
    for (account_id, answers), n_assessed in zip(answers_of.items(), assessed, strict=True):
        row, own_gates, own = decide(answers), gates_of[account_id], dict(values[account_id])
        action = row.action or row.recommend
        kam_type = KamType(kam_types.get(account_id, KamType.UNCLEAR))
        close = next((t for t in others.get(account_id, ()) if _turns(t, answers, row, decide)), None)
        if close:
            own |= {"close_option": decide({**answers, close["condition"]: close["answer"]}).recommend}
            own |= {f"close_{name}": float(close[name]) for name in ("figure", "threshold")}
        rows.append(
            {
                "account_id": account_id,
                "recommended_option": row.recommend,
                "supporting_option": next((s for s in row.support if _stands(s, own_gates, answers)), None),
                "avoid": row.avoid,
                "reason": _told_by(row.reason, own),
                "rule": row.rule,
                "options_assessed": n_assessed,
                "close_call": close is not None,
                "first_step": f"{_about(action, own)}.{kam_type}",
                "question": f"{_about(action, own, QUESTIONS_ABOUT)}.{kam_type}",
                "role": rules.roles[action][kam_type],
                "action": action,
                "close_by": None if close is None else close["because"],
                "values": own,
            }
        )
    table = pd.DataFrame(rows, columns=COLUMNS)
    kinds = {"supporting_option": "str", "close_by": "str"}
    return table.astype(kinds).assign(values=table["values"].astype(object))


class _Table:
    """The rule table, asked once for every set of answers."""

    def __init__(self, rules: OptionRules) -> None:
        self._rules, self._decided = rules, dict[tuple[str, ...], Recommendation]()

    def __call__(self, answers: Mapping[str, str]) -> Recommendation:
        key = tuple(answers.values())
        if key not in self._decided:
            self._decided[key] = self._rules.recommend(answers)
        return self._decided[key]


def _by_account(threads: pd.DataFrame | None) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for thread in [] if threads is None else threads.to_dict("records"):
        found.setdefault(str(thread["account_id"]), []).append({str(k): v for k, v in thread.items()})
    return found


def _turns(thread: Mapping[str, Any], answers: Mapping[str, str], row: Recommendation, decide: _Table) -> bool:
    """Whether the other answer of a thread changes the recommendation."""
    return decide({**answers, thread["condition"]: thread["answer"]}).recommend != row.recommend


STEPS_ABOUT: Mapping[str, tuple[tuple[str, str], ...]] = {
    "secure": (("site", "lost_site"), ("item", "lost_item"), ("main", "main_item")),
    "repair": (("item", "loss_item"),),
    "relationship": (("item", "main_item"),),
    "early_warning": (("item", "main_item"),),
    "alliance": (("item", "main_item"),),
    "partnership": (("item", "main_item"),),
    "cross_selling": (("sister", "buyer"), ("because", "because_revenue"), ("main", "main_item")),
}
"""What of an account a first step may be about, the most telling first: the ending of its code, and the value it needs."""
QUESTIONS_ABOUT: Mapping[str, tuple[tuple[str, str], ...]] = {
    "secure": (("month", "weakest_month"), ("item", "lost_item")),
    "cross_selling": (("sister", "buyer"), ("because", "because_revenue")),
    "repair": (("item", "loss_item"),),
    "relationship": (("item", "main_item"),),
}


def _about(
    action: str, values: Mapping[str, Any], endings: Mapping[str, tuple[tuple[str, str], ...]] = STEPS_ABOUT
) -> str:
    """The action, with what of the account it is about where that is known."""
    ending = next((ending for ending, value in endings.get(action, ()) if values.get(value) is not None), None)
    return f"{action}_{ending}" if ending else action


def _told_by(reason: str, values: Mapping[str, Any]) -> str:
    """The reason as a code of the catalogues: alarms and white spots are told by what was seen."""
    seen = {"risk": values["risk_evidence"], "white_spot": values["growth_evidence"]}
    if reason == "to_be_known" and not values.get("needs"):
        return "too_little_bought"
    return str(seen.get(reason) or reason)


def _stands(option: str, gates: Mapping[Any, Any], answers: Mapping[str, str]) -> bool:
    """Whether an option may stand beside the recommendation: its gate is open, and cross-selling has something to sell."""
    if option == BASIC_CARE:
        return True
    return gates[option] == Gate.OPEN and (option != Option.CROSS_SELLING or answers["growth"] == "worthwhile")
