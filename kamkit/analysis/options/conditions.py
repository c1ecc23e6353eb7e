"""What the rule table asks about every account, and which answers hang by a thread: on a weighting or on a threshold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.options import scoring
from kamkit.analysis.options.events import without_events
from kamkit.analysis.options.found import UPGRADES, Found
from kamkit.analysis.options.purchasing import net_change
from kamkit.model.codes import Gate, Option
from kamkit.model.option_rules import RiskLevel

THREADS = ["account_id", "condition", "answer", "because", "figure", "threshold"]
WEIGHTS = "weights"


def trend(change: pd.Series[Any], steady: float) -> pd.Series[Any]:
    """growing, steady, shrinking or unknown, from the change of six months against the same of last year."""
    words = np.select(
        [change > steady, change < -steady, change.notna()], ["growing", "shrinking", "steady"], "unknown"
    )
    return pd.Series(words, index=change.index)


def calm_change(found: Found) -> pd.Series[Any]:
    """The change of six months against the same of last year without the days of events, by account_id."""
    change = net_change(without_events(found.pattern)).reindex(found.ids)
    known = found.risk.set_index("account_id")["revenue_change"].reindex(found.ids).notna()
    return change.where(known)


def conditions_of(found: Found) -> pd.DataFrame:
    """The answer to every condition of the rule table, by account_id, a column per condition."""
    accounts = found.history.accounts.set_index("account_id").reindex(found.ids)
    risk = found.risk.set_index("account_id").reindex(found.ids)
    margin = accounts["margin"].astype(float)
    exposed = found.pair["our_dependence"] >= found.rules.upgrade.exposure.value
    return pd.DataFrame(
        {
            "risk": risk["level"].astype("object").fillna(str(RiskLevel.GREEN)),
            "margin": np.select([margin < 0, margin.notna()], ["loss", "positive"], "unknown"),
            "partnership": found.gates[Option.PARTNERSHIP],
            "alliance": found.gates[Option.ALLIANCE],
            "growth": found.growth["growth"],
            "antenna": found.gates[Option.EARLY_WARNING],
            "relationship": found.gates[Option.RELATIONSHIP],
            "size": np.where(exposed, "exposed", "ordinary"),
            "trend": trend(calm_change(found), found.rules.decision.steady.value),
        },
        index=found.ids,
    ).astype(str)


def threads_of(found: Found, conditions: pd.DataFrame) -> pd.DataFrame:
    """Answers that could as well have been others: account_id, condition, answer (the other one), because (weights, or the
    condition whose threshold is near), figure, threshold.

    Weights decide the gates of alliance and partnership alone, where all their conditions are met: `figure` is the share of 1,000 random weightings that turn
    the gate, told from `decision.close_call` on. Every other answer hangs on a threshold, and is told when the figure lies
    within `decision.near` of it (conventions both). Statistical tests (the market antenna) and how much is known
    (coverage) hang on neither and are left as they are.
    """
    parts = [*_by_weights(found), _by_trend(found), _by_size(found), _by_growth(found), _by_risk(found)]
    table = pd.concat([part.reindex(columns=THREADS) for part in parts if len(part)] or [pd.DataFrame(columns=THREADS)])
    now = [conditions.at[row.account_id, row.condition] for row in table.itertuples()]
    return table[table["answer"] != pd.Series(now, index=table.index, dtype=object)].reset_index(drop=True)


def _thread(account_ids: pd.Index, condition: str, **columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"condition": condition, "because": condition, **columns}, index=account_ids)
    return frame.rename_axis("account_id").reset_index()


def _by_weights(found: Found) -> Iterator[pd.DataFrame]:
    rules = found.rules
    for option in UPGRADES:
        scored, gate = found.scored[option], found.gates[option]
        enough = scored.table["coverage"].ge(scoring.LEAST_COVERAGE) & found.met[option].eq(True).all(axis=1)
        near = found.ids[enough.to_numpy(bool)]
        if near.empty:
            continue
        mean = rules.options[option].mean
        share = scoring.share_of_weightings(scored.anchored.loc[near], mean, rules.upgrade.score.value)
        is_open = (gate[near] == Gate.OPEN).to_numpy(bool)
        turned = np.where(is_open, 1 - share, share)
        other = np.where(is_open, Gate.CLOSED.value, Gate.OPEN.value)
        table = _thread(near, str(option), answer=other, figure=turned, threshold=rules.decision.close_call.value)
        yield table[turned > rules.decision.close_call.value].assign(because=WEIGHTS)


def _both_sides(threshold: float, near: float) -> tuple[float, float]:
    """The threshold as it would be a little lower and a little higher."""
    return threshold * (1 - near), threshold * (1 + near)


def _by_trend(found: Found) -> pd.DataFrame:
    rules, change = found.rules.decision, calm_change(found)
    now = trend(change, rules.steady.value)
    for threshold in _both_sides(rules.steady.value, rules.near.value):
        other = trend(change, threshold)
        now = now.where(other == trend(change, rules.steady.value), other)
    return _thread(found.ids, "trend", answer=now, figure=change, threshold=rules.steady.value)


def _by_size(found: Found) -> pd.DataFrame:
    share, threshold = found.pair["our_dependence"].astype(float), found.rules.upgrade.exposure.value
    low, high = _both_sides(threshold, found.rules.decision.near.value)
    inside = found.ids[share.between(low, high).to_numpy(bool)]
    other = np.where(share.reindex(inside) >= threshold, "ordinary", "exposed")
    return _thread(inside, "size", answer=other, figure=share.reindex(inside), threshold=threshold)


def _by_growth(found: Found) -> pd.DataFrame:
    """The best white spot of an account: how many peers, and of those who buy the same, buy it."""
    threshold = found.rules.cross_selling.penetration.value
    cross = found.cross
    if cross.empty or not {"penetration", "confidence"} <= {*cross.columns}:
        return pd.DataFrame(columns=THREADS)
    sold = cross[(cross["gate"] == Gate.OPEN) & (cross["expected_revenue"] > 0)]
    best = sold[["penetration", "confidence"]].min(axis=1).groupby(sold["account_id"]).max().reindex(found.ids)
    low, high = _both_sides(threshold, found.rules.decision.near.value)
    claimed = found.growth["evidence"].isin(["cross_because", "cross_peers"]) & best.between(threshold, high)
    missed = found.growth["growth"].eq("small") & best.between(low, threshold, inclusive="left")
    inside = found.ids[(claimed | missed).to_numpy(bool)]
    other = np.where(claimed.reindex(inside), "small", "worthwhile")
    return _thread(inside, "growth", answer=other, figure=best.reindex(inside), threshold=threshold)


def _by_risk(found: Found) -> pd.DataFrame:
    """The fall of revenue against the thresholds of the alarm, in both directions where nothing else decides."""
    risk, rules = found.risk.set_index("account_id").reindex(found.ids), found.rules.risk
    told = pd.DataFrame([v if isinstance(v, dict) else {} for v in risk["values"]], index=found.ids)
    fall = -told.reindex(columns=["change"])["change"].astype(float)
    near = found.rules.decision.near.value
    parts = []
    for evidence, threshold, other in (
        ("risk_halved", rules.fall.value, RiskLevel.AMBER),
        ("risk_weaker", rules.weaker.value, RiskLevel.GREEN),
        ("risk_steady", rules.weaker.value, RiskLevel.AMBER),
    ):
        low, high = _both_sides(threshold, near)
        inside = found.ids[(risk["evidence"].eq(evidence) & fall.between(low, high)).to_numpy(bool)]
        parts.append(_thread(inside, "risk", answer=str(other), figure=-fall.reindex(inside), threshold=threshold))
    return pd.concat(parts)
