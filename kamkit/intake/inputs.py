"""inputs.xlsx: what people confirm, decide and comment, in a workbook and not in YAML.

The sheets stand in `templates/inputs.yml`. A workbook is written in one language and read in either; writing and
refreshing it stand in `input_writing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from kamkit.errors import InputError
from kamkit.intake.input_sheets import (
    Rows,
    canonical,
    code_of,
    entries,
    places_of,
    plain_text,
    read_rows,
    read_workbook,
    sheets_of,
    text_of,
    value_of,
    words_of,
)
from kamkit.intake.snapshots import Seen, read_snapshots, snapshots_of, with_snapshots, with_states
from kamkit.model.engagement import Engagement
from kamkit.model.questionnaire import questionnaires
from kamkit.model.tables import TABLES


@dataclass(frozen=True)
class Inputs:
    """What people have entered, in canonical columns, codes for words, text unless said otherwise.

    `mapping`: table, column, source, confirmed (boolean), remark. `groups`: group_id, customer_id, confirmed (boolean),
    remark. `key_accounts`: customer_id (or account id), key_label (boolean), key_since (date), kam_owner, remark.
    `privileges`: customer_id, type. `organisation`: question, answer (yes | partly | no), said_by, date. `figures`: figure,
    value, said_by, date, a row each. `self_check`: statement, score (1–4), said_by, date. What is asked there and the codes
    stand in `templates/rules/questions.yml`. `decisions`, from the meeting's sheet and from that of the decisions: the columns of
    the canonical table and place (file, sheet and row for a message); `snapshot` is the fingerprint of the figures that
    kamkit had written last when the decision was entered. `actions`: account_id,
    first_step, owner, due, status (open | done | dropped), done_on, result, and of kamkit's own rows proposed_due, plan (the
    last day of the data behind it) and code (option and first step). `comments`: section, account_id, text, author_role,
    date, snapshot (fingerprint of the figures it was written for), moved_on (since when they are others).
    """

    mapping: pd.DataFrame
    groups: pd.DataFrame
    key_accounts: pd.DataFrame
    privileges: pd.DataFrame
    organisation: pd.DataFrame
    figures: pd.DataFrame
    self_check: pd.DataFrame
    decisions: pd.DataFrame
    actions: pd.DataFrame
    comments: pd.DataFrame


@dataclass(frozen=True)
class MappingRow:
    """A row of the mapping sheet: what is proposed for a field, how sure that is (0–1, None where nobody said), and what a
    person answered. `place` is sheet and row for a message."""

    place: str
    table: str
    column: str
    source: str
    confidence: float | None
    confirmed: bool | None


def read_inputs(path: Path) -> Inputs:
    """What people have entered in a workbook; all frames are empty where the file does not exist.

    Raises InputError with sheet, row and value of everything that cannot be understood.
    """
    read, _ = read_workbook(path) if path.exists() else ({}, {})
    problems: list[str] = []
    frames = {code: entries(sheet, read.get(code), problems) for code, sheet in sheets_of().items()}
    problems += [*_twice_confirmed(frames["groups"]), *_impossible_figures(frames["figures"])]
    problems += [p for code in ("selection", "decisions") for p in _without_reason(code, read.get(code), frames[code])]
    if problems:
        raise InputError(path.name, problems)
    key_accounts = frames["key_accounts"]
    return Inputs(
        frames["mapping"],
        frames["groups"].drop(columns="revenue"),
        key_accounts.drop(columns="privileges"),
        _privileges(key_accounts),
        frames["organisation"].drop(columns=["text", "remark"]),
        frames["figures"].drop(columns=["text", "remark"]),
        frames["self_check"].drop(columns=["text", "remark"]),
        decided(path.name, read, frames),
        frames["actions"].drop(columns=["name", "option", "trigger"]),
        with_snapshots(frames["comments"], snapshots_of(read.get("snapshots"))),
    )


def read_mapping(path: Path) -> tuple[MappingRow, ...]:
    """Every row of the mapping sheet, answered or not; none where the file does not exist.

    Raises InputError when the workbook cannot be read or an answer is neither yes nor no.
    """
    read, _ = read_workbook(path) if path.exists() else ({}, {})
    sheet, rows, problems = sheets_of()["mapping"], read.get("mapping"), list[str]()
    found = []
    for number, row in rows.rows if rows else ():
        cells = canonical(sheet, row)
        place = f"sheet {rows.title!r}, row {number}" if rows else ""
        answer = value_of(sheet.columns["confirmed"], cells.get("confirmed"), cells, place, problems)
        table, column, source = (text_of(cells.get(name, "")) for name in ("table", "column", "source"))
        percent = text_of(cells.get("confidence", "")).rstrip(" %").replace(",", ".")
        sure = float(percent) / 100 if percent.replace(".", "", 1).isdigit() else None
        table = code_of(sheet.columns["table"], table) or table
        found.append(MappingRow(place, table, column, source, sure, {"yes": True, "no": False}.get(str(answer))))
    if problems:
        raise InputError(path.name, problems)
    return tuple(row for row in found if row.table and row.column)


def decisions_elsewhere(engagement: Engagement) -> list[pd.DataFrame]:
    """The decisions of each further file that an engagement names, as `read_decisions` gives them."""
    if not engagement.decisions:
        return []
    seen = read_snapshots(engagement.folder / engagement.inputs)
    return [read_decisions(engagement.folder / path, seen) for path in engagement.decisions]


def read_decisions(path: Path, seen: Mapping[str, Seen] | None = None) -> pd.DataFrame:
    """The decisions of a further file: a workbook with the decisions sheet, or a CSV file with its headings. `seen` are the
    figures that stood in inputs.xlsx, for decisions that do not name their snapshot.

    Raises InputError when the file is missing or cannot be understood.
    """
    if not path.is_file():
        raise InputError(path.name, ["the file with decisions does not exist: check the path under decisions"])
    sheet = sheets_of()["decisions"]
    rows = (
        read_rows(path, sheet) if path.suffix.lower() in {".csv", ".txt"} else read_workbook(path)[0].get("decisions")
    )
    if rows is None:
        names = " or ".join(repr(name) for name in sheet.names.values())
        raise InputError(path.name, [f"has no sheet {names}"])
    problems: list[str] = []
    frame = entries(sheet, rows, problems)
    problems += _without_reason("decisions", rows, frame)
    if problems:
        raise InputError(path.name, problems)
    frame = frame.drop(columns="name").assign(place=_named(path.name, places_of(sheet, rows)))
    return with_states(frame, seen or {})


def decided(file: str, read: Mapping[str, Rows], frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The decisions of a workbook from the sheets on which they are entered, in canonical columns, with their place."""
    known, parts = sheets_of(), []
    for code in ("decisions", "selection"):
        frame = frames[code].assign(place=_named(file, places_of(known[code], read.get(code))))
        if code == "selection":
            answer = frame["chosen"].map({True: "yes", False: "no"}).astype("string")
            subject = pd.Series("key_account", index=frame.index, dtype="string")
            frame = frame.assign(subject=subject, decision=answer)
        parts.append(frame.assign(snapshot=pd.Series(pd.NA, frame.index, "string")))
    columns = [*TABLES["decisions"].columns, "place"]
    decisions = pd.concat([part[columns] for part in parts], ignore_index=True)
    return with_states(decisions, snapshots_of(read.get("snapshots")))


def _named(file: str, places: Sequence[str]) -> list[str]:
    return [f"{file}, {place}" for place in places]


def _without_reason(code: str, rows: Rows | None, frame: pd.DataFrame) -> Iterator[str]:
    """Decisions for another reason than those of the list that do not say which."""
    sheet = sheets_of()[code]
    names = {name: next(iter(sheet.columns[name].names.values())) for name in ("reason", "reason_code")}
    for heading in rows.headings if rows else ():
        names |= {name: heading for name in names if plain_text(heading) in sheet.columns[name].plain_names}
    silent = (frame["reason_code"] == "other").fillna(False) & frame["reason"].isna()
    for place, is_silent in zip(places_of(sheet, rows), silent, strict=True):
        if is_silent:
            other = " or ".join(repr(word) for word in (words_of("reason_code")["other"][x] for x in ("de", "en")))
            yield f"{place}: {names['reason']} is empty: {names['reason_code']} {other} needs one"


def _twice_confirmed(groups: pd.DataFrame) -> Iterator[str]:
    confirmed = groups[groups["confirmed"].fillna(False).astype(bool)].drop_duplicates(["customer_id", "group_id"])
    if (missing := int(confirmed["group_id"].isna().sum())) > 0:
        yield f"groups: {missing} confirmed row{'s' if missing != 1 else ''} without a group number: fill it in"
    for customer, rows in confirmed.groupby("customer_id"):
        if len(rows) > 1:
            yield f"groups: customer {customer} is confirmed in {' and '.join(sorted(rows['group_id'].dropna()))}: keep one"


def _impossible_figures(figures: pd.DataFrame) -> Iterator[str]:
    asked = questionnaires()["figures"]
    for figure, rows in figures.groupby("figure", sort=False):
        said = ", ".join(f"{value:g}" for value in rows["value"])
        if len(rows) > 1:
            yield f"figures: {figure} is given {len(rows)} times ({said}): keep one"
        elif (rows["value"] < 0).any() or (not asked[str(figure)].zero and (rows["value"] == 0).any()):
            yield f"figures: {figure} is {said}: leave it empty where nobody knows it"


def _privileges(key_accounts: pd.DataFrame) -> pd.DataFrame:
    """customer_id, type: one row per privilege of a cell that lists several."""
    listed = key_accounts[["customer_id", "privileges"]].dropna()
    types = listed.assign(type=listed["privileges"].str.split(r"[;\n]", regex=True)).explode("type")
    types["type"] = types["type"].astype("string").str.strip()
    return types.loc[types["type"].fillna("") != "", ["customer_id", "type"]].reset_index(drop=True)
