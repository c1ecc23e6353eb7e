"""The exceptions of kamkit.

KamkitError
├── EngagementError    the engagement file, a setting or a parameter is wrong      (exit code 2)
├── InputError         the client's data cannot be read or used as they are        (exit code 2)
├── StepError          a notebook failed, its kernel died or it ran out of time    (exit code 1)
└── DeliverableError   a report file could not be made                             (exit code 1)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SECRETS = (
    (re.compile(r"(?<=://)[^\s/@'\"]*:[^\s'\"]*@"), "…@"),
    (
        re.compile(
            r"(\b(?:password|passwd|pwd|token|secret|api[-_]?key|access[-_]?key)(?:=|['\"]\s*:\s*['\"]))[^\s&;,'\"}]+",
            re.IGNORECASE,
        ),
        r"\1…",
    ),
)


class KamkitError(Exception):
    """Any problem that kamkit reports to a person; its text says where, what, how many, and what to do."""

    exit_code = 1


class _ProblemsError(KamkitError):
    """Several problems of one place, told together.

    >>> print(InputError("sales.csv", ["customer_id is empty in row 90"]))
    sales.csv: 1 problem found
    - customer_id is empty in row 90
    """

    exit_code = 2

    def __init__(self, where: str, problems: Iterable[str]) -> None:
        self.where = without_secrets(where)
        self.problems: tuple[str, ...] = tuple(map(without_secrets, problems))
        super().__init__(self.where, self.problems)

    def __str__(self) -> str:
        n = len(self.problems)
        return "\n".join(
            [f"{self.where}: {n} problem{'s' if n != 1 else ''} found", *(f"- {p}" for p in self.problems)]
        )


class EngagementError(_ProblemsError):
    """The engagement file, a setting or a notebook parameter is wrong."""


class InputError(_ProblemsError):
    """The client's data cannot be read or used as they are."""


class StepError(KamkitError):
    """A step of a run failed. `step`, `cell` and `line` say where; `error_type` is the exception's name."""

    def __init__(
        self,
        step: str,
        error_type: str,
        message: str,
        cell: int | None = None,
        line: str | None = None,
    ) -> None:
        self.step, self.error_type, self.cell, self.line = step, error_type, cell, line
        self.message = without_secrets(message)
        super().__init__(step, error_type, self.message, cell, line)

    def __str__(self) -> str:
        place = f" in cell {self.cell}" if self.cell is not None else ""
        return f"{self.step}: {self.error_type}{place}: {self.message}"


class DeliverableError(KamkitError):
    """A report file could not be made or written."""


def without_secrets(text: str) -> str:
    """A text without the passwords and tokens that connections carry.

    >>> without_secrets("postgres://me:s3cret@host/db?token=abc")
    'postgres://…@host/db?token=…'
    """
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def shorten(values: Sequence[object], most: int = 3) -> str:
    """The first few of some values, for a message.

    >>> shorten(["a", "b", "c", "d"])
    "'a', 'b', 'c', … (4 in all)"
    """
    shown = ", ".join(repr(str(value)) for value in values[:most])
    return shown if len(values) <= most else f"{shown}, … ({len(values)} in all)"
