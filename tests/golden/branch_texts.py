"""How often the type told from a branch text alone is the one a person gave who had not seen the rules.

    python tests/golden/branch_texts.py labelled.csv

The file has the columns company, text, language, kind and label (consumer | technical | service); only `text` is read
by the rules. A text that no rule knows counts as wrong.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path

from kamkit.analysis.kam_evidence import text_reader
from kamkit.analysis.ranking_quality import wilson
from kamkit.model.codes import KamType
from kamkit.model.kam_type_rules import load_kam_type_rules


def labelled(path: Path) -> list[dict[str, str]]:
    """The rows of a labelled file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def told(rows: list[dict[str, str]]) -> list[str]:
    """The type that each text alone is told to be, `unclear` where no rule knows it."""
    read = text_reader(load_kam_type_rules(), "industry_text")
    found = (read(row["text"]) for row in rows)
    return [str(reading.kam_type if reading else KamType.UNCLEAR) for reading in found]


def accuracy(path: Path) -> float:
    """The share of rows whose type is told as it was labelled."""
    rows = labelled(path)
    return sum(kind == row["label"] for kind, row in zip(told(rows), rows, strict=True)) / len(rows)


def report(path: Path) -> str:
    """Accuracy with Wilson's 95 % interval, overall and by language and kind of text, and the confusion matrix."""
    rows = labelled(path)
    pairs = list(zip(rows, told(rows), strict=True))
    lines = []
    for column in ("", "language", "kind", "label"):
        for value in sorted({row[column] for row in rows}) if column else ("all",):
            hits = [kind == row["label"] for row, kind in pairs if not column or row[column] == value]
            low, high = wilson(sum(hits), len(hits), 0.95)
            lines.append(
                f"{column:9}{value:22}{sum(hits):4} of {len(hits):4} {sum(hits) / len(hits):.3f} ({low:.3f}-{high:.3f})"
            )
    lines.append("label → told")
    lines += [
        f"  {label:10} {kind:10} {n:4}"
        for (label, kind), n in sorted(Counter((r["label"], k) for r, k in pairs).items())
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(report(Path(sys.argv[1])) + "\n")
