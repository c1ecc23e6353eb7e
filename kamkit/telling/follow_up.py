"""What has changed since an earlier run, in sentences and tables. Every before and after says in the same sentence that
large accounts fall back on average."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from kamkit.analysis.follow_up import FALL
from kamkit.model.follow_up import FollowUp
from kamkit.telling.language import Labels
from kamkit.telling.prose import Sentence
from kamkit.telling.tables import DisplayTable, display_table

MOST_NAMED = 4
_STATES = ("done", "open", "overdue", "dropped", "untouched")


def changes_headline(found: FollowUp, labels: Labels) -> Sentence:
    """Who came and who went; where lists cannot be compared, that they cannot."""
    if "list" in found.refused:
        return Sentence(labels("changes.no_list"))
    count = {str(change): int(n) for change, n in found.accounts["change"].value_counts().items()}
    if set(count) <= {"kept"}:
        return Sentence(labels("changes.same_list", n=count.get("kept", 0)))
    parts = [
        labels(f"changes.list_{change}", n=count[change]) for change in ("entered", "left", "kept") if change in count
    ]
    return Sentence(labels("changes.headline", parts=parts))


def changes_text(found: FollowUp, fiscal_year_start: int, labels: Labels) -> str:
    """Which run this one is compared with."""
    period = labels.period(found.before.start, found.before.end, fiscal_year_start)
    if found.made_on is None:
        return labels("changes.compared_undated", period=period)
    return labels("changes.compared", date=found.made_on, period=period)


def change_sentences(found: FollowUp, labels: Labels, candid: bool = True) -> tuple[str, ...]:
    """What became of the key accounts, the warnings, the decisions and the steps of then, one sentence each; `candid`: the
    verdict on the client's key account management too."""
    parts = [
        revenue_sentence(found, labels),
        warnings_sentence(found, labels),
        actions_sentence(found, labels),
        decisions_sentence(found, labels),
        *((existence_sentence(found, labels), self_check_sentence(found, labels)) if candid else ()),
        refused_sentence(found, labels),
    ]
    return tuple(part for part in parts if part)


def revenue_sentence(found: FollowUp, labels: Labels) -> str:
    """The revenue of the key accounts of then, before and after, and why this proves nothing."""
    then = found.accounts[found.accounts["change"] != "entered"]
    then = then[then["revenue_change"].notna()]
    if "revenue" in found.refused or then.empty:
        return ""
    before, now = (math.fsum(then[f"revenue_{when}"]) for when in ("before", "now"))
    fell = int((then["revenue_change"] <= -0.20).sum())
    fallen = labels("changes.fallen" if fell else "changes.none_fallen", n=fell)
    words = {"before": before, "now": now, "change": now / before - 1}
    return labels("changes.revenue", n=len(then), fallen=fallen, **words)


def warnings_sentence(found: FollowUp, labels: Labels) -> str:
    """How many warnings came true, beside how often the same happened to the other key accounts."""
    if found.window is None or found.warnings.empty:
        return ""
    warned, others = (found.warnings[found.warnings["warned"] == told] for told in (True, False))
    months = {"first": found.window[0], "last": found.window[1], "fall": FALL}
    hits, missed = int(warned["came_true"].sum()), int(others["came_true"].sum())
    if warned.empty:
        return labels("changes.no_warnings", n=missed, total=len(others), **months)
    if len(warned) == 1:
        said = labels("changes.warning_true" if hits else "changes.warning_false", **months)
    else:
        said = labels("changes.warnings" if hits else "changes.warnings_false", n=hits, total=len(warned), **months)
    rest = labels("changes.others", n=len(others), true=missed) if len(others) else ""
    few = labels("changes.few_events" if hits + missed else "changes.no_events", n=hits + missed)
    return " ".join(filter(None, (said, rest, "" if found.testable else few)))


def actions_sentence(found: FollowUp, labels: Labels) -> str:
    """How the steps of then stand."""
    if found.actions.empty:
        return ""
    count = found.actions["status"].value_counts()
    if int(count.get("untouched", 0)) == len(found.actions):
        return labels("changes.actions_unknown", n=len(found.actions))
    states = [labels(f"changes.actions_{s}", n=int(count[s])) for s in _STATES if s in count]
    return labels("changes.actions", n=len(found.actions), states=states)


def decisions_sentence(found: FollowUp, labels: Labels) -> str:
    """How many decisions of then still hold, and whom the others concern."""
    then = found.decisions[found.decisions["change"] != "new"]
    if then.empty:
        return ""
    gone = then[then["change"] != "kept"]
    kept = labels("changes.decisions", n=len(then), kept=len(then) - len(gone))
    return f"{kept} {labels('changes.decisions_gone', names=_named(gone['name'], labels))}" if len(gone) else kept


def existence_sentence(found: FollowUp, labels: Labels) -> str:
    """The verdict on the client's key account management, then and now."""
    before, now = (labels(f"changes.is_{verdict}") for verdict in found.verdict)
    key = "changes.verdict_same" if found.verdict[0] == found.verdict[1] else "changes.verdict"
    conditions = [labels(f"existence_short.{test}") for test in found.tests["test"]]
    more = labels("changes.conditions", n=len(conditions), names=conditions) if conditions else ""
    return " ".join(filter(None, (labels(key, before=before, now=now), more)))


def self_check_sentence(found: FollowUp, labels: Labels) -> str:
    """How many statements of the self-check are rated higher or lower than then."""
    statements = found.self_check.dropna(subset=["statement"])
    if statements.empty:
        return ""
    change = statements["difference"]
    words = {"up": int((change > 0).sum()), "down": int((change < 0).sum())}
    return labels("changes.self_check", n=len(change), **words)


def refused_sentence(found: FollowUp, labels: Labels) -> str:
    """What cannot be compared, and why."""
    told = {what: reason for what, reason in found.refused.items() if what != "self_check"}
    by_reason: dict[str, list[str]] = {}
    for what, reason in told.items():
        by_reason.setdefault(reason, []).append(labels(f"changes.part_{what}"))
    return " ".join(
        labels("changes.refused", names=names, why=labels(f"changes.why_{reason}"))
        for reason, names in by_reason.items()
    )


def list_changes_table(found: FollowUp, labels: Labels, most: int | None = None) -> DisplayTable:
    """Who came and who went, with the reason and the revenue of then and now."""
    came, went = (found.accounts[found.accounts["change"] == change] for change in ("entered", "left"))
    if most is not None:
        shown = max(most - len(went), most // 2)
        came, rest = came.head(shown), came.iloc[shown:]
        went = pd.concat([went, rest])
    moved = pd.concat([came, went])
    columns = (
        "change:word:list_change name reason:word:change_reason into revenue_before:money revenue_now:money "
        "revenue_change:change"
    )
    return display_table(moved, "list_moves", columns, labels, most)


def revenue_changes_table(found: FollowUp, labels: Labels) -> DisplayTable:
    """The key accounts of then that still have a revenue of their own, by how much it changed."""
    then = found.accounts[(found.accounts["change"] != "entered") & found.accounts["revenue_change"].notna()]
    then = then.assign(moved=then["revenue_now"] - then["revenue_before"]).sort_values(["moved", "account_id"])
    columns = "name revenue_before:money revenue_now:money revenue_change:change"
    return display_table(then, "revenue_changes", columns, labels, most=None)


def warned_table(found: FollowUp, labels: Labels) -> DisplayTable:
    """The warnings of then, case by case."""
    warned = found.warnings[found.warnings["warned"].astype(bool)]
    warned = warned.rename(columns={"before": "same_months", "after": "these_months"})
    columns = "name level:word:risk_level came_true same_months:money these_months:money"
    return display_table(warned, "warned", columns, labels, most=None)


def steps_table(found: FollowUp, labels: Labels) -> DisplayTable:
    """The steps of then with owner, date and result."""
    columns = "name first_step owner due:date status:word:step_status done_on:date result"
    return display_table(found.actions, "steps_then", columns, labels, most=None)


def decisions_then_table(found: FollowUp, labels: Labels) -> DisplayTable:
    """The decisions that are others now."""
    changed = found.decisions[found.decisions["change"] != "kept"]
    rows = changed.rename(columns={"before": "decision_before", "now": "decision_now", "change": "decision_change"})
    columns = (
        "name subject:word:subject decision_before:word:decision_word decision_now:word:decision_word "
        "decision_change:word:decision_change"
    )
    return display_table(rows, "decisions_then", columns, labels, most=None)


def change_tables(found: FollowUp, labels: Labels) -> Iterator[DisplayTable]:
    """Everything that has changed, case by case; tables without rows are left out."""
    made = (
        list_changes_table(found, labels),
        warned_table(found, labels),
        steps_table(found, labels),
        decisions_then_table(found, labels),
        revenue_changes_table(found, labels),
    )
    yield from (table for table in made if len(table))


def _named(names: pd.Series[Any], labels: Labels) -> list[str]:
    """The first names, and how many more there are."""
    every = list(dict.fromkeys(map(str, names)))
    rest = len(every) - MOST_NAMED
    return every if rest <= 1 else [*every[:MOST_NAMED], labels("changes.further", n=rest)]
