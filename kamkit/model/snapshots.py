"""What a text or a decision of a person is about: an account, a section of the report, a proposal. Fingerprints of the figures
that people saw are kept under these names, so that an entry can be told from the figures it was made for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import pandas as pd

DEFAULT_SECTION = "at_a_glance"
"""What a comment is about that names neither account nor section."""


def about_account(account_id: str) -> str:
    """The name under which the figures of an account are kept."""
    return f"account {account_id}"


def about_section(name: str) -> str:
    """The name under which the figures of a section are kept, by its key or by what it is called in a language."""
    return f"section {' '.join(name.casefold().split())}"


def about_decision(subject: str, account_id: str) -> str:
    """The name under which the figures of a proposal are kept."""
    return f"decision {subject} {account_id}"


def about(section: Any, account_id: Any) -> str:
    """What a comment is about: the account where it names one, else the section, else the first page."""
    if not _absent(account_id):
        return about_account(str(account_id).strip())
    return about_section(DEFAULT_SECTION if _absent(section) else str(section))


def fingerprint(figures: Iterable[Any]) -> str:
    """A short text that changes with any of the figures. Numbers count to six digits, so that the last bit of a sum does
    not; what is missing is a figure too.

    >>> fingerprint([1000.0, "red", None]) == fingerprint([1000.0 + 1e-9, "red", float("nan")])
    True
    """
    said = "|".join(map(_figure, figures))
    return hashlib.blake2b(said.encode(), digest_size=5).hexdigest()


def _figure(value: Any) -> str:
    if _absent(value):
        return ""
    return format(float(value), ".6g") if isinstance(value, int | float) else str(value)


def _absent(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or value != value or str(value).strip() == ""
