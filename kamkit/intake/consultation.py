"""Consultation sheets: what field sales think of the proposals, one workbook per field rep or region.

They lie in `consultation/` beside the engagement file, are written after a run that has proposals, filled in by field
sales, and read by the next run. No entry, row, column or sheet of a person is lost; a proposal that was answered stays as
it was when it was answered. What stands on them is what field sales may see: no margin, no verdict, no exposure.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from kamkit.errors import InputError
from kamkit.intake.input_sheets import (
    Rows,
    date_of,
    entries,
    read_workbook,
    sheets_of,
    text_of,
    words_of,
)
from kamkit.intake.input_writing import refresh_workbook
from kamkit.model.codes import wish
from kamkit.model.results import Finding
from kamkit.model.tables import TABLES, pandas_dtype

CONSULTATION_FOLDER = "consultation"

SHOWN = ("account_id", "name", "region", "revenue", "share", "change", "certainty", "proposal", "tier")
"""What field sales see of an account."""

_LONGEST_NAME = 60
_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})


def consultation_files(folder: Path) -> list[Path]:
    """The consultation sheets of an engagement folder, by name; what Excel keeps beside an open file is none."""
    return sorted(p for p in (folder / CONSULTATION_FOLDER).glob("*.xlsx") if not p.name.startswith(("~$", ".")))


def read_consultations(folder: Path) -> pd.DataFrame:
    """What field sales answered on the consultation sheets of an engagement folder, in the columns of the canonical table
    and file; accounts that they miss have the opinion `missing`.

    Raises InputError with file, sheet, row and value of everything that cannot be understood.
    """
    parts, problems = [], list[str]()
    for path in consultation_files(folder):
        try:
            read, _ = read_workbook(path, "consultation")
        except InputError as error:
            problems += [f"{path.name}: {problem}" for problem in error.problems]
            continue
        told = list[str]()
        parts.append(_answers(read, told).assign(file=path.name))
        problems += [f"{path.name}, {problem}" for problem in told]
    if problems:
        raise InputError(CONSULTATION_FOLDER, problems)
    kinds = {**TABLES["consultations"].columns, "file": "text"}
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return frame.reindex(columns=list(kinds)).astype({column: pandas_dtype(kind) for column, kind in kinds.items()})


def _answers(read: Mapping[str, Rows], problems: list[str]) -> pd.DataFrame:
    known = sheets_of("consultation")
    lines = read["consultation"].lines if "consultation" in read else {}
    day = date_of(lines["date"]) if "date" in lines else None
    if "date" in lines and day is None:
        said, name = text_of(lines["date"]), known["consultation"].lines["date"].names["de"]
        place = f"sheet {read['consultation'].title!r}, {name}"
        problems.append(f"{place}: {said!r} is not a date: write it as 31.12.2025 or 2025-12-31")
    opinions = entries(known["consultation"], read.get("consultation"), problems)
    asked = opinions["proposal"].map({True: "yes", False: "no"})
    opinions = opinions[["account_id", "opinion", "tier", "reason"]].assign(proposal=asked)
    missing = entries(known["missing"], read.get("missing"), problems).assign(opinion="missing")
    frame = pd.concat([opinions.astype(object), missing.astype(object)], ignore_index=True)
    by = {name: text_of(lines[name]) if name in lines else None for name in ("addressee", "answered_by")}
    return frame.assign(date=day, **by)


def with_consultations(decisions: pd.DataFrame, consultations: pd.DataFrame) -> pd.DataFrame:
    """The decisions with `consulted` and `opinion` filled in from the consultation sheets, where nobody filled them in.

    Only the latest decision of an account on key account and tier is filled. An opinion on the proposal is turned into
    one on the decision; one disagreement among several counts. Whoever rejects a proposed tier may want any other one, so
    that the opinion on another tier stays unknown.
    """
    answers = consultations[consultations["account_id"].notna() & (consultations["opinion"] != "missing")]
    by_account = {str(account): rows.to_dict("records") for account, rows in answers.groupby("account_id")}
    asked = decisions["subject"].isin(["key_account", "tier"]) & decisions["account_id"].isin(by_account)
    dated = decisions[asked].sort_values("date", kind="stable", na_position="first")
    latest = dated.drop_duplicates(["account_id", "subject"], keep="last").index
    filled = decisions.copy()
    for i in latest:
        row, said = decisions.loc[i], by_account[str(decisions.at[i, "account_id"])]
        if pd.isna(row["consulted"]):
            filled.loc[i, "consulted"] = "; ".join(dict.fromkeys(filter(None, map(_who, said)))) or pd.NA
        if pd.isna(row["opinion"]):
            opinions = {_on_decision(row["subject"], row["decision"], answer) for answer in said}
            found = next((o for o in ("disagree", "agree", "abstain") if o in opinions), pd.NA)
            filled.loc[i, "opinion"] = found
    return filled


def _who(answer: Mapping[Any, Any]) -> str | None:
    """Who answered, and for whom where that is somebody else."""
    by, addressee = (None if pd.isna(answer[c]) else str(answer[c]) for c in ("answered_by", "addressee"))
    if by and addressee and by.casefold() not in addressee.casefold() and addressee.casefold() not in by.casefold():
        return f"{by} ({addressee})"
    return by or addressee


def _on_decision(subject: str, decision: str, answer: Mapping[Any, Any]) -> str | None:
    if answer["opinion"] == "abstain":
        return "abstain"
    if subject == "key_account":
        wanted = wish(answer["proposal"], answer["opinion"])
    else:
        wanted = None if answer["opinion"] == "disagree" or pd.isna(answer["tier"]) else answer["tier"]
    return None if wanted is None else "agree" if wanted == decision else "disagree"


def opinions_told(consultations: pd.DataFrame, language: str) -> dict[str, str]:
    """What field sales said about each account, or wanted one, in one cell: who agrees, who does not, who misses it."""
    words = {code: word[language] for name in ("opinion", "voice") for code, word in words_of(name).items()}
    said: dict[str, list[str]] = {}
    for row in consultations.to_dict("records"):
        account = row["new_account"] if pd.isna(row["account_id"]) else row["account_id"]
        said.setdefault(account, []).append(": ".join(filter(None, (_who(row), words[row["opinion"]]))))
    return {account: "; ".join(dict.fromkeys(texts)) for account, texts in said.items()}


def refresh_consultations(folder: Path, language: str, accounts: pd.DataFrame) -> tuple[Finding, ...]:
    """Write or refresh the consultation sheets beside the engagement file: one for each `addressee` of the accounts, in one
    file where it is missing.

    `accounts`: addressee and the columns of SHOWN. Gives a finding for every file that is open and cannot be replaced.
    Raises InputError when a present file cannot be read.
    """
    place = folder / CONSULTATION_FOLDER
    place.mkdir(exist_ok=True)
    found: dict[str, tuple[Path, tuple[dict[str, Rows], dict[str, list[list[Any]]]]]] = {}
    for path in consultation_files(folder):
        read = read_workbook(path, "consultation")
        lines = read[0]["consultation"].lines if "consultation" in read[0] else {}
        found.setdefault(text_of(lines.get("addressee", "")), (path, read))
    findings: list[Finding] = []
    taken = {path.name.casefold() for path in consultation_files(folder)}
    groups = accounts.assign(addressee=accounts["addressee"].fillna("")).groupby("addressee")
    asked = {str(whom): rows for whom, rows in groups}
    for whom in sorted({*asked, *found}):
        rows = asked.get(whom, accounts.head(0))
        path, before = found.get(whom) or (place / _file_name(whom, taken), ({}, {}))
        taken.add(path.name.casefold())
        proposals = {"consultation": rows[list(SHOWN)].to_dict("records")}
        lines = {"consultation": {"addressee": whom or None}}
        findings += refresh_workbook(path, language, "consultation", before, proposals, lines)  # type: ignore[arg-type]
    return tuple(findings)


def _file_name(whom: str, taken: set[str]) -> str:
    """An ASCII name for somebody's file; with a mark of the name where another one has it already."""
    spelled = unicodedata.normalize("NFKD", whom.translate(_SPELLED)).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9]+", "-", spelled).strip("-")[:_LONGEST_NAME] or CONSULTATION_FOLDER
    if plain.casefold() in _RESERVED or f"{plain}.xlsx".casefold() in taken:
        plain = f"{plain}-{hashlib.blake2b(whom.encode(), digest_size=3).hexdigest()}"
    return f"{plain}.xlsx"


_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})
"""Names that Windows keeps for itself."""
