"""KAM types in words and tables: the programme's type, who differs and why, what it rests on, and whether people agree."""

from __future__ import annotations

import pandas as pd

from kamkit.analysis.type_agreement import CONFIDENCE
from kamkit.model.codes import KamType
from kamkit.model.kam_type_rules import TYPES, division_titles
from kamkit.model.results import KamTypes, KeyAccounts
from kamkit.telling.language import Labels
from kamkit.telling.prose import Sentence
from kamkit.telling.results import beside_decisions, of_key_accounts, status_told
from kamkit.telling.tables import MOST_ROWS, DisplayTable, display_table

MOST_REASONS, MOST_NAMES, LONGEST_SIGN = 2, 3, 4
CODES = ("supplier_industry", "account_industry")
"""The reasons that give an industry as a code."""
FROM_ACCOUNTS = "programme_from_"
"""What the reasons begin with by which the accounts, not the client's industry, name the programme's type."""


def types_headline(kam_types: KamTypes, key_accounts: KeyAccounts, labels: Labels) -> Sentence:
    """The programme's type, from what where the client's industry does not say it, and how many key accounts differ; where
    it is unclear, what would settle it and how many key accounts have a type of their own."""
    types = of_key_accounts(kam_types.table, key_accounts)["kam_type"]
    unclear = int((types == KamType.UNCLEAR).sum())
    told = [labels(f"prose.programme_{kam_types.programme_type}")]
    if kam_types.programme_type == KamType.UNCLEAR:
        if kam_types.programme_missing:
            told.append(labels("prose.programme_lacks", names=labels.lacking(kam_types.programme_missing)))
        own = len(types) - unclear
        told.append(labels("prose.own_types" if own else "prose.no_own_types", n=own))
    else:
        rows = kam_types.evidence[kam_types.evidence["reason"].str.startswith(FROM_ACCOUNTS)]
        told += _sentences(rows.head(1), labels)
        other = int((types != kam_types.programme_type).sum())
        told.append(labels("prose.exceptions" if other else "prose.no_exceptions", n=other))
        if unclear:
            told.append(labels("prose.unclear_types", n=unclear))
    return Sentence(" ".join(told))


def agreement_sentence(kam_types: KamTypes, labels: Labels) -> Sentence:
    """How often the proposed type is the one that sales management decided for, beside what one type for all would get;
    below the number of labels that this needs, how many are missing."""
    found = kam_types.agreement
    if found.accuracy is None:
        key = "prose.agreement_missing" if found.n else "prose.agreement_none"
        return Sentence(labels(key, n=found.n, fewest=found.fewest, missing=found.fewest - found.n))
    return Sentence(
        labels(
            "prose.agreement",
            n_same=found.n_same,
            n=found.n,
            low=found.ci_low,
            high=found.ci_high,
            confidence=CONFIDENCE,
            baseline=found.baseline,
            kam_type=found.baseline_type,
        )
    )


def types_table(
    kam_types: KamTypes, key_accounts: KeyAccounts, labels: Labels, most: int | None = MOST_ROWS
) -> DisplayTable:
    """The key accounts with type, margin of the decision, what it rests on, status, and why they have it."""
    table = of_key_accounts(status_told(kam_types.table, labels), key_accounts)
    table = beside_decisions(table, key_accounts, kam_type="kam_type")
    columns = (
        "name account_revenue:money kam_type:word:kam_type kam_type_margin:count kam_type_coverage:percent inherited "
        "kam_status:word:kam_status kam_status_reason decision:word:decision_word decision_status:word:decision_status"
    )
    return display_table(table, "types", columns, labels, most)


def exceptions_table(
    kam_types: KamTypes, key_accounts: KeyAccounts, labels: Labels, most: int | None = MOST_ROWS
) -> DisplayTable:
    """The key accounts whose type is their own and not the programme's, with their strongest reasons in words: those for
    the type, and where it is unclear, those for each."""
    own = of_key_accounts(_differing(kam_types), key_accounts)
    kinds = own.set_index("account_id")["kam_type"]
    rows = kam_types.evidence[kam_types.evidence["account_id"].isin(kinds.index) & (kam_types.evidence["points"] > 0)]
    of_account = rows["account_id"].map(kinds)
    rows = rows[(rows["kam_type"] == of_account) | (of_account == KamType.UNCLEAR)]
    rows = rows.sort_values("points", ascending=False, kind="stable").groupby("account_id").head(MOST_REASONS)
    reasons = rows.assign(said=_sentences(rows, labels)).groupby("account_id")["said"].agg("; ".join)
    table = own.assign(reason=own["account_id"].map(reasons))
    columns = "name account_revenue:money kam_type:word:kam_type kam_type_margin:count kam_type_coverage:percent reason"
    return display_table(table, "exceptions", columns, labels, most)


def type_evidence_table(
    kam_types: KamTypes, key_accounts: KeyAccounts, labels: Labels, most: int | None = MOST_ROWS
) -> DisplayTable:
    """All evidence about the key accounts that differ from the programme, block by block, for and against."""
    own = of_key_accounts(_differing(kam_types), key_accounts)[["account_id", "name", "account_rank"]]
    table = own.merge(kam_types.evidence, on="account_id").sort_values("account_rank", kind="stable")
    table = table.assign(evidence=_sentences(table, labels))
    columns = "name block:word:type_block kam_type:word:evidence_type points:count evidence"
    return display_table(table, "type_evidence", columns, labels, most)


def type_sources_table(kam_types: KamTypes, labels: Labels) -> DisplayTable:
    """Each kind of evidence: about how many accounts it can speak, for how many it does, and what is missing."""
    frame = kam_types.sources
    frame = frame.assign(missing=[", ".join(labels.lacking(names)) for names in frame["missing"]])
    columns = "block:word:type_block n_covered:count n_speaking:count missing"
    return display_table(frame, "type_sources", columns, labels, None)


def type_agreement_table(kam_types: KamTypes, labels: Labels) -> DisplayTable:
    """The confusion matrix: a row for each type that people decided for, a column for each that was proposed."""
    counts = kam_types.agreement.table
    kinds = [str(kind) for kind in (*TYPES, KamType.UNCLEAR)]
    if counts.empty:
        return display_table(pd.DataFrame(columns=["label"]), "type_agreement", "label", labels)
    matrix = counts.pivot_table(index="label", columns="kam_type", values="n", aggfunc="sum", fill_value=0)
    matrix = matrix.reindex(index=kinds[:-1], columns=kinds, fill_value=0)
    matrix = matrix.rename(columns={kind: f"told_{kind}" for kind in kinds}).assign(n_labels=matrix.sum(axis=1))
    columns = " ".join(["label:word:kam_type", *(f"told_{kind}:count" for kind in kinds), "n_labels:count"])
    return display_table(matrix.rename_axis("label").reset_index(), "type_agreement", columns, labels, None)


def silent_codes_table(kam_types: KamTypes, labels: Labels, most: int | None = MOST_ROWS) -> DisplayTable:
    """Industry codes from which nothing could be taken: why, how many accounts carry them, and the first of these."""
    rows = kam_types.evidence
    rows = rows[(rows["points"] == 0) & (rows["block"] == "account_industry") & rows["detail"].notna()]
    found = rows.groupby(["reason", "detail"], sort=False)["account_id"].agg(list).reset_index(name="accounts")
    found["n_accounts"] = found["accounts"].map(len)
    found["accounts"] = [", ".join(sorted(accounts)[:MOST_NAMES]) for accounts in found["accounts"]]
    found = found.sort_values(["n_accounts", "detail"], ascending=[False, True], kind="stable")
    columns = "detail reason:word:type_reason n_accounts:count accounts"
    return display_table(found, "silent_codes", columns, labels, most)


def _differing(kam_types: KamTypes) -> pd.DataFrame:
    return kam_types.table[kam_types.table["kam_type"] != kam_types.programme_type]


def _sentences(evidence: pd.DataFrame, labels: Labels) -> list[str]:
    """Each row in words; an industry code with what its division is called."""
    titles = division_titles(labels.language)
    told = []
    for row in evidence.to_dict("records"):
        values = {str(name): value for name, value in row.items()}
        is_bare = not any(len(word) > LONGEST_SIGN and word.isalpha() for word in str(row["detail"]).split())
        if row["reason"] in CODES and row["division"] in titles and is_bare:
            values["detail"] = f"{row['detail']} ({titles[row['division']]})"
        told.append(labels(f"type_sentence.{row['reason']}", **values))
    return told
