"""The proposed KAM types held against those that sales management decided for (domain §3: calibrate on labels)."""

from __future__ import annotations

import pandas as pd

from kamkit.analysis.decisions import latest_decisions
from kamkit.analysis.ranking_quality import wilson
from kamkit.model.kam_type_rules import TYPES, KamTypeRules
from kamkit.model.results import TypeAgreement

CONFIDENCE = 0.95


def type_agreement(proposed: pd.DataFrame, decisions: pd.DataFrame | None, rules: KamTypeRules) -> TypeAgreement:
    """How often proposal and label are the same, where at least `rules.labelled` accounts have a label.

    A label is the latest decision on the subject `kam_type` for an account, whatever its status; *unclear* is none, and
    a customer class of the master is none either: it names a size or a list, not a way of buying.
    `proposed`: account_id, kam_type. The baseline gives every account the most frequent label. Wilson's 95 % interval
    (Wilson 1927); that labels were given with the proposal in sight speaks for agreement and is told with the figure.
    """
    fewest = int(rules.labelled.value)
    latest = latest_decisions(decisions)
    labelled = latest[(latest["subject"] == "kam_type") & latest["decision"].isin([str(kind) for kind in TYPES])]
    given = labelled.rename(columns={"decision": "label"})[["account_id", "label"]]
    both = proposed[["account_id", "kam_type"]].merge(given, on="account_id")
    if len(both) < fewest:
        return TypeAgreement(n=len(both), fewest=fewest)
    same = int((both["label"] == both["kam_type"]).sum())
    low, high = wilson(same, len(both), CONFIDENCE)
    counts = both.groupby(["label", "kam_type"], observed=True).size().rename("n").reset_index()
    most = both["label"].value_counts()
    return TypeAgreement(
        n=len(both),
        fewest=fewest,
        table=counts.astype({"label": "string", "kam_type": "string"}),
        n_same=same,
        accuracy=same / len(both),
        ci_low=low,
        ci_high=high,
        baseline=float(most.iloc[0]) / len(both),
        baseline_type=min(str(kind) for kind in most.index[most == most.iloc[0]]),
    )
