"""The page on which client and consultant agree that the data are right, and the questions that are still open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from kamkit.model.codes import Severity
from kamkit.model.results import Imported
from kamkit.telling import prose, tables
from kamkit.telling.language import Labels
from kamkit.telling.results import finding_sentence
from kamkit.telling.tables import DisplayTable

MOST_POINTS, MOST_KEPT, MOST_QUESTIONS = 4, 4, 25
NO_OPEN_POINTS = frozenset({"difference_accepted", "control_total_unused"})
"""Findings that the reconciliation itself tells."""


@dataclass(frozen=True)
class SignOff:
    """What is signed: a headline, facts about the data (title, value), the bridge from the files to the client's figure,
    lines kept that a person should look at, open points, what explains or excuses a difference; then the questions."""

    finding: str
    facts: tuple[tuple[str, str], ...]
    bridge: DisplayTable
    kept: DisplayTable
    differences: tuple[str, ...]
    points: tuple[str, ...]
    more_points: str
    questions: DisplayTable


def sign_off(imported: Imported, questions: pd.DataFrame, fiscal_year_start: int, labels: Labels) -> SignOff:
    """The page for an import; `questions` as `client_questions` returns them."""
    points = tuple(_open_points(imported, labels))
    left = len(points) - MOST_POINTS
    asked = questions.assign(client_answer="")
    return SignOff(
        finding=prose.reconciliation_sentence(imported, labels),
        facts=tuple(_facts(imported, labels)),
        bridge=tables.bridge_table(imported, fiscal_year_start, labels),
        kept=tables.kept_lines_table(imported, labels, MOST_KEPT),
        differences=tuple(_differences(imported, labels)),
        points=points[:MOST_POINTS],
        more_points=labels("sign_off.more_points", n=left) if left > 0 else "",
        questions=tables.questions_table(asked, labels, MOST_QUESTIONS),
    )


def _facts(imported: Imported, labels: Labels) -> Iterator[tuple[str, str]]:
    files = imported.files[imported.files["table"] == "transactions"]
    yield labels("sign_off.range"), f"{labels.date(imported.first_date)} – {labels.date(imported.last_date)}"
    yield labels("sign_off.files"), labels.count(len(files))
    yield (
        labels("sign_off.lines"),
        labels("sign_off.lines_of", kept=imported.rows_kept, rows=imported.rows_in),
    )
    yield labels("sign_off.customers"), labels.count(imported.n_customers)


def _open_points(imported: Imported, labels: Labels) -> Iterator[str]:
    """Warnings of the import, those with the most revenue first."""
    warnings = [f for f in imported.findings if f.severity == Severity.WARNING and f.code not in NO_OPEN_POINTS]
    for finding in sorted(warnings, key=lambda finding: -abs(finding.revenue or 0)):
        yield finding_sentence(finding, labels)


def _differences(imported: Imported, labels: Labels) -> Iterator[str]:
    """Per year that is off: what explains the difference, and the reason given for it."""
    for year in imported.reconciliation.to_dict("records"):
        if not labels.missing(year.get("explained_by")):
            why = labels(f"explanation.{year['explained_by']}", detail=year["explained_detail"])
            values = {"explained": year["explained"], "left": year["difference"] + year["explained"]}
            yield labels("sign_off.explained", year=str(year["fiscal_year"]), why=why, **values)
    for finding in imported.findings:
        if finding.code == "difference_accepted":
            yield finding_sentence(finding, labels)
