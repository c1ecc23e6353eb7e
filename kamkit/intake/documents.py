"""What kind of document a booked line belongs to, and which sign its amount has from that (domain S0, §7).

Kinds are looked up once per document type of the export, not per line, in the table `documents` of the cleaning rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import ibis
import pandas as pd
from ibis import _

from kamkit.model.codes import Evidence
from kamkit.model.results import Finding
from kamkit.model.rules import Rule

DocumentKind = Literal[
    "invoice",
    "credit",
    "return",
    "debit",
    "cancellation",
    "credit_cancellation",
    "intercompany",
    "intercompany_credit",
    "pro_forma",
]
MOST_TYPES = 5
REDUCING = frozenset({"credit", "return", "cancellation", "intercompany_credit"})
"""Documents whose amount reduces revenue. What cancels a credit note adds to it again."""

_PAIR = ("doc_category", "doc_type")
_AMOUNTS = ("net_revenue", "cost", "margin", "discount", "quantity", "booked_revenue")


class DocumentWords(Rule):
    """What a kind of document is called: its SAP billing category or type, or words within the type's name.

    `beside`: the values mean this only where one of those types is used in the same column.
    """

    kind: DocumentKind
    by: Literal["category", "type", "word"]
    values: tuple[str, ...]
    beside: tuple[str, ...] = ()
    evidence: Evidence


@dataclass(frozen=True)
class Documents:
    """The types of an export with their kinds. `types`: source_file, doc_category, doc_type (missing where not given),
    rows, revenue, n_positive, n_negative, kind (missing where not known)."""

    types: pd.DataFrame
    turned: tuple[str, ...] = ()
    """Files whose reducing documents are all written with a positive amount."""

    def among(self, *kinds: str) -> Any:
        """Whether a line's document is of one of these kinds; None where no document of the export is."""
        return self._where(self.types["kind"].isin(kinds))

    def unknown(self) -> Any:
        """Whether a line names a type that no entry of the table fits; None where all are known."""
        return self._where(self.types["kind"].isna() & self.types[list(_PAIR)].notna().any(axis=1))

    def _where(self, chosen: pd.Series) -> Any:
        """Whether category and type of a line, as one text, are those of the chosen rows."""
        given = [c for c in _PAIR if self.types[c].notna().any()]
        if not given or not chosen.any():
            return None
        parts = [_[c].fill_null("").strip() for c in given]
        line = parts[0] if len(given) == 1 else parts[0].concat("|", parts[1])
        texts = self.types.loc[chosen, given].fillna("").map(str.strip).agg("|".join, axis=1)
        return line.isin(sorted(set(texts)))

    def turn_signs(self, lines: Any, flip: bool = True) -> Any:
        """The lines with `is_credit_sign` on reducing documents of the files that write them positive, and `flip` with
        their amounts made negative."""
        reducing = self.among(*REDUCING)
        if not self.turned or reducing is None:
            return lines
        lines = lines.mutate(is_credit_sign=(reducing & _.source_file.isin(self.turned)).fill_null(False))
        amounts = [c for c in _AMOUNTS if c in lines.columns] if flip else []
        opposite = {c: -_[c].abs() if c == "quantity" else -_[c] for c in amounts}
        return lines.mutate(
            **{c: ibis.ifelse(_.is_credit_sign, opposite[c], _[c]).cast(lines[c].type()) for c in amounts}
        )

    def findings(self) -> Iterator[Finding]:
        """Types that are not known, the largest first, and files that write credit notes with both signs."""
        unknown = self.types[self.types["kind"].isna() & self.types[list(_PAIR)].notna().any(axis=1)]
        by_type = (
            unknown.fillna(dict.fromkeys(_PAIR, "")).groupby(list(_PAIR), as_index=False)[["rows", "revenue"]].sum()
        )
        by_type = by_type.sort_values("revenue", key=abs, ascending=False, kind="stable")
        for row in by_type.head(MOST_TYPES).to_dict("records"):
            values = {"type": row["doc_type"] or row["doc_category"], "n": int(row["rows"])}
            yield Finding(
                "document_unknown", "transactions", rows=values["n"], revenue=float(row["revenue"]), values=values
            )
        notes = self.types[self.types["kind"].isin(["credit", "return"])]
        for file, found in notes.groupby("source_file"):
            positive, negative = int(found["n_positive"].sum()), int(found["n_negative"].sum())
            if positive and negative:
                values = {"file": file, "n": positive, "negative": negative}
                yield Finding(
                    "credit_signs_mixed",
                    "transactions",
                    rows=positive,
                    revenue=float(found["revenue_positive"].sum()),
                    values=values,
                )


def documents_of(lines: Any, words: Iterable[DocumentWords]) -> Documents | None:
    """The document types of booked lines, counted in one scan; None where the export names none.

    A file writes credit notes positive if no line of a reducing document in it is below zero and one is above.
    """
    given = [c for c in _PAIR if c in lines.columns]
    if not given:
        return None
    counted = lines.filter((_.row_mark == "data") & _.net_revenue.notnull() & (_.net_revenue != 0))
    sums = counted.group_by("source_file", *given).aggregate(
        rows=_.count(),
        revenue=_.net_revenue.sum().cast("float64"),
        revenue_positive=_.net_revenue.sum(where=_.net_revenue > 0).cast("float64"),
        n_positive=_.count(where=_.net_revenue > 0),
        n_negative=_.count(where=_.net_revenue < 0),
    )
    types = sums.order_by("source_file", *given).to_pyarrow().to_pandas()
    types = types.reindex(columns=[*types.columns, *(c for c in _PAIR if c not in given)])
    types["kind"] = _kinds(types, tuple(words))
    reducing = types[types["kind"].isin(REDUCING)].groupby("source_file")[["n_positive", "n_negative"]].sum()
    turned = reducing.index[(reducing["n_positive"] > 0) & (reducing["n_negative"] == 0)]
    return Documents(types, tuple(turned))


def _kinds(types: pd.DataFrame, words: tuple[DocumentWords, ...]) -> list[str | None]:
    used = {_plain(text) for text in types["doc_type"].dropna()}
    entries = [entry for entry in words if not entry.beside or used & {_plain(text) for text in entry.beside}]
    pairs = types[list(_PAIR)].astype(object).where(types[list(_PAIR)].notna(), None)
    return [_kind(entries, {"category": c, "type": t, "word": t}) for c, t in pairs.itertuples(index=False)]


def _kind(entries: Iterable[DocumentWords], named: Mapping[str, str | None]) -> str | None:
    """The kind of the first entry that fits."""
    for entry in entries:
        text = _plain(named[entry.by] or "")
        fits = (value in text if entry.by == "word" else value == text for value in map(_plain, entry.values))
        if text and any(fits):
            return entry.kind
    return None


def _plain(text: str) -> str:
    return " ".join(str(text).casefold().split())
