"""What people wrote about accounts and sections, each beside the figures it was written for: when those have changed since,
the text stays and says so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from kamkit.model.engagement import LANGUAGES
from kamkit.model.results import KeyAccounts, StrategyOptions
from kamkit.model.snapshots import DEFAULT_SECTION, about, about_account, about_section, fingerprint
from kamkit.telling.language import Labels, catalogue
from kamkit.telling.results import ranking
from kamkit.telling.tables import DisplayTable, display_table

COMMENTED = "recommendations"
"""The section that holds comments on accounts."""


@dataclass(frozen=True)
class Comment:
    """A comment: the account it is on (if any), its text, who wrote it when, and what is said where its figures have moved."""

    account_id: str | None
    account: str
    text: str
    by: str
    moved: str = ""

    @property
    def line(self) -> str:
        """The comment in one line."""
        said = f"{self.account + ': ' if self.account else ''}{self.text}{f' ({self.by})' if self.by else ''}"
        return f"{said} – {self.moved}" if self.moved else said


def account_figures(key_accounts: KeyAccounts, options: StrategyOptions) -> dict[str, str]:
    """A fingerprint per account of what a text on it may rest on: revenue, rank, in the set, tier, recommendation, risk."""
    table = ranking(key_accounts)[["account_id", "revenue", "rank", "is_key_account", "tier"]]
    table = table.merge(options.recommendations[["account_id", "recommended_option"]], on="account_id", how="left")
    table = table.merge(options.account_risk[["account_id", "level"]], on="account_id", how="left")
    table["revenue"] = table["revenue"].round()
    rows = table.astype(object).itertuples(index=False)
    return {about_account(row[0]): fingerprint(row[1:]) for row in rows}


def section_figures(tables: Sequence[DisplayTable], others: Sequence[Any] = ()) -> str:
    """A fingerprint of a section: the numbers and codes of its tables and what else it tells, whatever the language. Dates
    are left out, since those of a plan move with the day it is made, and so is what people entered about a step."""
    shown = [
        value
        for table in tables
        for row in table.rows
        for value, column in zip(row, table.columns, strict=True)
        if column.is_numeric or (column.kind.startswith("word:") and column.kind != "word:action_status")
    ]
    return fingerprint([*shown, *others])


def names_of_section(key: str) -> set[str]:
    """What people may call a section: its key, or its name in any language."""
    return {about_section(key), *(about_section(catalogue(language)[f"story.{key}"]) for language in LANGUAGES)}


def comments_on(
    key: str,
    comments: pd.DataFrame,
    figures: Mapping[str, str],
    names: Mapping[str, str],
    labels: Labels,
    today: dt.date,
) -> Iterator[Comment]:
    """The comments that belong to a section, those on accounts where these are recommended something. `figures` are the
    fingerprints of now by what they are about, `names` those of the accounts."""
    own = names_of_section(key)
    for said in comments.to_dict("records"):
        account = names.get(said["account_id"], "")
        unplaced = labels.missing(said["section"])
        if (key == (COMMENTED if account else DEFAULT_SECTION)) if unplaced else about_section(said["section"]) in own:
            date = None if pd.isna(said["date"]) else labels.date(said["date"])
            by = ", ".join(str(part) for part in (said["author_role"], date) if not labels.missing(part))
            moved = _moved(said, figures, labels, today)
            yield Comment(said["account_id"] if account else None, account, said["text"], by, moved)


def _moved(said: Mapping[Any, Any], figures: Mapping[str, str], labels: Labels, today: dt.date) -> str:
    seen, now = said.get("snapshot"), figures.get(about(said["section"], said["account_id"]))
    if labels.missing(seen) or now is None or seen == now:
        return ""
    since = said.get("moved_on")
    return labels("comment.moved", since=today if labels.missing(since) else since)


def comments_table(said: Sequence[tuple[str, Comment]], labels: Labels) -> DisplayTable:
    """All comments with their section, those whose figures have changed first."""
    frame = pd.DataFrame(
        [
            {
                "section": section,
                "name": comment.account or None,
                "comment": comment.text,
                "author": comment.by or None,
                "figures": comment.moved or labels("comment.unmoved"),
            }
            for section, comment in sorted(said, key=lambda pair: not pair[1].moved)
        ],
        columns=["section", "name", "comment", "author", "figures"],
    )
    return display_table(frame, "comments", "section name comment author figures", labels, most=None)
