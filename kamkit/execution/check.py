"""`kamkit check`: everything wrong with an engagement's settings, rules and data, without a kernel and without a trace."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kamkit.execution.chain import check_plan
from kamkit.execution.settings import engagement_with
from kamkit.intake.importing import check_engagement
from kamkit.model.results import Imported
from kamkit.telling.language import Labels
from kamkit.telling.prose import import_headline
from kamkit.telling.results import finding_sentence


@dataclass(frozen=True)
class CheckOutcome:
    """What the import would find; `lines` tell it in the engagement's language."""

    imported: Imported
    lines: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "state": "ok",
            "exit_code": 0,
            "rows_in": self.imported.rows_in,
            "rows_kept": self.imported.rows_kept,
            "findings": [{"code": f.code, "table": f.table, "rows": f.rows} for f in self.imported.findings],
            "lines": list(self.lines),
        }


def check(engagement: str | Path) -> CheckOutcome:
    """Read and check all of an engagement, and keep nothing of it.

    Raises EngagementError or InputError with every problem.
    """
    check_plan(engagement)
    opened = engagement_with(engagement, {})
    imported = check_engagement(opened)
    labels = Labels(opened.language, opened.report_locale, opened.currency)
    findings = [finding_sentence(finding, labels) for finding in imported.findings]
    return CheckOutcome(imported, (str(import_headline(imported, labels)), *findings, *opened.left_out()))
