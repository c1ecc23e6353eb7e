"""`kamkit run --explain ACCOUNT`: which accounts are meant, and a workbook for each in the run's folder."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from kamkit.analysis.options.assessment import key_account_ids
from kamkit.analysis.options.support import support_of
from kamkit.deliver import ascii_name
from kamkit.deliver.explanation import render_explanation
from kamkit.errors import EngagementError
from kamkit.execution.project import Project
from kamkit.telling.explanation import Explanation, explain_account
from kamkit.telling.story import for_audience, is_restricted

FOLDER = "explain"
MOST_PROPOSED = 3


def find_accounts(project: Project, wanted: Sequence[str]) -> tuple[str, ...]:
    """The ids of the accounts that are meant, by id or by name, each once.

    Raises EngagementError with every one that is unknown, or known by several, and the closest there are; of one left
    empty it names the largest key accounts.
    """
    accounts = project.facts.accounts
    accounts = accounts[accounts["in_period"].astype(bool)]
    ids = [str(i) for i in accounts["account_id"]]
    by_name: dict[str, list[str]] = {}
    for account_id, name in zip(ids, accounts["name"].astype(str), strict=True):
        by_name.setdefault(name.casefold(), []).append(account_id)
    found, problems = [], []
    for text in wanted:
        known = [text] if text in ids else by_name.get(text.casefold(), [])
        if not text.strip():
            problems.append(f"an account is needed, its id or name{_largest(project)}")
        elif len(known) == 1:
            found += known
        elif known:
            problems.append(f"{text!r} is the name of {len(known)} accounts: {', '.join(known)}. Give the id")
        else:
            inside = [name for name in by_name if text.casefold() in name]
            near = difflib.get_close_matches(text.casefold(), [*by_name, *ids], MOST_PROPOSED)
            close = [*dict.fromkeys([*inside, *near])][:MOST_PROPOSED]
            names = dict(zip((str(n).casefold() for n in accounts["name"]), accounts["name"].astype(str), strict=True))
            proposed = ", ".join(repr(names.get(match, match)) for match in close)
            hidden = "; accounts go by their pseudonyms here" if project.engagement.pseudonymise else ""
            problems.append(
                f"{text!r} is no account of this engagement{hidden}" + (f". Close: {proposed}" if close else "")
            )
    if problems:
        raise EngagementError("--explain", problems)
    return tuple(dict.fromkeys(found))


def _largest(project: Project) -> str:
    """The largest key accounts, as examples."""
    table = project.key_accounts.pareto.table
    names = table.loc[table["is_key_account"].astype(bool), "name"].astype(str).head(MOST_PROPOSED)
    return f"; the largest key accounts: {', '.join(repr(name) for name in names)}" if len(names) else ""


def write_explanations(project: Project, account_ids: Sequence[str]) -> Iterator[Path]:
    """The workbook of each account, in `explain/` of the work folder."""
    folder = project.work / FOLDER
    for account_id in account_ids:
        folder.mkdir(exist_ok=True)
        explained = explain(project, account_id)
        path = _free_place(folder / f"{ascii_name(account_id)}.xlsx")
        path.write_bytes(render_explanation(explained, project.today, project.labels, project.engagement.palette))
        yield path


def explain(project: Project, account_id: str) -> Explanation:
    """The sentences about an account as the engagement's audience may read them, and the rows behind their figures."""
    engagement, labels = project.engagement, project.labels
    _, facts, options = for_audience(engagement.audience, project.key_accounts, project.facts, project.options, labels)
    names_others = engagement.audience != "customer_meeting"
    rules = project.rules.options
    keys = key_account_ids(project.key_accounts)
    support = support_of(account_id, project.facts, project.options, keys, engagement.options, rules)
    lines = lines_of(project, account_id)
    if lines is not None and is_restricted(engagement.audience):
        lines = lines.drop(columns=[column for column in ("margin", "cost") if column in lines])
    cleaned = project.imported.rules
    cancelled = cleaned[(cleaned["rule"] == "cancelled_pair") & (cleaned["treatment"] == "remove")]
    return explain_account(
        account_id,
        facts,
        options,
        rules,
        lines,
        engagement.account_risk.window_months,
        labels,
        support,
        int(cancelled["rows"].sum()),
        names_others,
    )


def _free_place(path: Path) -> Path:
    """The path, or the next with a number: ids that differ in signs alone are spelled the same."""
    places = (path if n == 1 else path.with_stem(f"{path.stem}_{n}") for n in itertools.count(1))
    return next(place for place in places if not place.exists())


def lines_of(project: Project, account_id: str) -> pd.DataFrame | None:
    """The kept transaction lines of an account; None where they stay in the client's database."""
    path = project.work / "tables" / "transactions.parquet"
    if not path.exists():
        return None
    members = project.facts.members
    own = [str(i) for i in members.loc[members["account_id"] == account_id, "customer_id"]]
    table = ds.dataset(path).to_table(filter=ds.field("customer_id").isin(own))
    plain = [pa.field(f.name, pa.float64() if pa.types.is_decimal(f.type) else f.type) for f in table.schema]
    frame: pd.DataFrame = table.cast(pa.schema(plain)).to_pandas(date_as_object=False)
    return frame
