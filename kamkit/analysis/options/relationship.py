"""How firm the relationship is: what orders show of it, and what contacts, visits, complaints and ratings add
(domain §2.3)."""

from __future__ import annotations

from typing import Any

import pandas as pd

from kamkit.analysis.options.dependence import ratings
from kamkit.analysis.options.history import History
from kamkit.model.codes import Grain
from kamkit.model.words import plain, word_pattern

YEAR, DAYS_OF_YEAR = 12, 365.25
FEWEST_ORDERS = 4
LONG_OPEN = 30
"""An unsettled complaint counts with its age from so many days on (convention); before that nobody knows yet."""
DECIDES = word_pattern(["entscheider*", "*entscheider*", "decision*", "decider*", "hoch", "high"])
SEVERE = word_pattern(["schwer*", "hoch*", "kritisch*", "gravierend*", "severe*", "high", "critical*", "major"])


def relationship_indicators(history: History) -> pd.DataFrame:
    """Per account_id: tenure_years (since the first order seen), regularity (1 − coefficient of variation of the
    intervals; of the months where days are not known), active_months (share of the last twelve), contact_density
    (contacts met within a year; without that knowledge, contacts on record), contact_authority (share of the contacts on
    record who decide), own_people (own roles in contact within a year), top_own_share (share of contacts that run through
    the most frequent of them: what would be lost with one person), recovery_days (median days until a complaint of the last
    two years was settled; of those open for at least 30 days their age), trust (rated 1–5). Palmatier 2008 for quality,
    density and authority. Missing where the data do not say.
    """
    found: dict[str, pd.Series[Any]] = {
        "tenure_years": tenure_years(history),
        "regularity": _regularity(history),
        "active_months": _active_months(history),
    }
    contacts = contact_facts(history)
    found |= {name: contacts[name] for name in ("contact_density", "contact_authority", "own_people", "top_own_share")}
    if (days := _recovery_days(history)) is not None:
        found["recovery_days"] = days
    rated = ratings(history.tables.get("ratings"))
    if "trust" in rated:
        found["trust"] = rated["trust"]
    return pd.DataFrame({name: values for name, values in found.items() if values.notna().any()})


def contact_facts(history: History) -> pd.DataFrame:
    """Per account_id, as of the last twelve months: contact_density, contact_authority, deciders (number among the active
    contacts), own_people, top_own_share, top_own_role (as written). Missing where the data do not say."""
    columns = ["contact_density", "contact_authority", "deciders", "own_people", "top_own_share"]
    found: dict[str, pd.Series[Any]] = {}
    visits, met = _last_visits(history), _active(history)
    if visits is not None and "own_role" in visits and visits["own_role"].notna().any():
        found |= _own_side(visits.dropna(subset=["own_role"]))
    said = _authority(history)
    if said is not None:
        found["contact_authority"] = said.groupby("account_id")["decides"].mean().astype(float)
        decider = said.groupby(["account_id", "contact_id"])["decides"].max().reset_index()
        if met is not None:
            active = met.merge(decider, on=["account_id", "contact_id"], how="inner")
            found["deciders"] = active.groupby("account_id")["decides"].sum().astype(float)
    if met is not None:
        found["contact_density"] = met.groupby("account_id").size().astype(float)
    table = pd.DataFrame(found).reindex(columns=[*columns, "top_own_role"])
    return table.astype({**dict.fromkeys(columns, float), "top_own_role": object})


def contact_rows(history: History, account_id: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What `contact_facts` counts for one account: its contacts (the columns given, counts: among the active ones, decides:
    missing where not said), and the talks and visits of the last 12 months (counts: with a role of our own), latest first."""
    contacts, visits, met = history.tables.get("contacts"), _last_visits(history), _active(history)
    nobody = pd.DataFrame(columns=["account_id", "contact_id"])
    own = [rows for frame in (contacts, met) if frame is not None and len(rows := _of(frame, account_id))]
    people = pd.concat(own or [nobody], ignore_index=True).drop_duplicates("contact_id")
    active = _of(nobody if met is None else met, account_id)["contact_id"]
    said = _authority(history)
    people = people.assign(counts=people["contact_id"].isin(active), decides=None)
    if said is not None:
        decider = _of(said, account_id).groupby("contact_id")["decides"].max()
        people["decides"] = people["contact_id"].map(decider).astype(object)
    talks = _of(nobody if visits is None else visits, account_id)
    if "own_role" in talks:
        talks = talks.assign(counts=talks["own_role"].notna()).sort_values("date", ascending=False, kind="stable")
    return people.sort_values(["counts", "contact_id"], ascending=[False, True]), talks


def _of(frame: pd.DataFrame, account_id: str) -> pd.DataFrame:
    return frame[frame["account_id"] == account_id]


def _last_visits(history: History) -> pd.DataFrame | None:
    visits = history.tables.get("interactions")
    if visits is None or visits.empty:
        return None
    return visits[pd.to_datetime(visits["date"]) >= history.first_day(YEAR)]


def _active(history: History) -> pd.DataFrame | None:
    """The contacts met within a year (account_id, contact_id); those on record where nobody knows who was met, None where
    there are none either."""
    visits, contacts = _last_visits(history), history.tables.get("contacts")
    if visits is not None and "contact_id" in visits and visits["contact_id"].notna().any():
        return visits.dropna(subset=["contact_id"])[["account_id", "contact_id"]].drop_duplicates()
    if contacts is None or contacts.empty:
        return None
    return contacts[["account_id", "contact_id"]].drop_duplicates()


def _authority(history: History) -> pd.DataFrame | None:
    """The contacts on record of which it is said how much they decide, with decides (boolean)."""
    contacts = history.tables.get("contacts")
    if contacts is None or "power" not in contacts or not contacts["power"].notna().any():
        return None
    said = contacts.dropna(subset=["power"])
    return said.assign(decides=said["power"].map(lambda text: bool(DECIDES.search(plain(str(text))))))


def _own_side(visits: pd.DataFrame) -> dict[str, pd.Series[Any]]:
    by_role = visits.groupby(["account_id", "own_role"]).size().rename("n").reset_index()
    ordered = by_role.sort_values(["account_id", "n", "own_role"], ascending=[True, False, True])
    top = ordered.drop_duplicates("account_id").set_index("account_id")
    by_account = by_role.groupby("account_id")["n"]
    return {
        "own_people": by_account.size().astype(float),
        "top_own_share": (top["n"] / by_account.sum()).astype(float),
        "top_own_role": top["own_role"].astype(object),
    }


def complaints_until(history: History) -> pd.DataFrame | None:
    """The complaints as they stood at the cut-off: account_id, date, severe (boolean, missing where not said),
    solved_on (missing where not settled by then). None without the table, or where nothing says when they were settled."""
    given = history.tables.get("complaints")
    if given is None or "solved_on" not in given:
        return None
    solved = pd.to_datetime(given["solved_on"])
    severity = given["severity"] if "severity" in given else pd.Series(pd.NA, index=given.index)
    return pd.DataFrame(
        {
            "account_id": given["account_id"],
            "date": pd.to_datetime(given["date"]),
            "severe": severity.map(is_severe, na_action="ignore").astype("boolean"),
            "solved_on": solved.where(solved <= history.cut_off),
        }
    )


def is_severe(severity: object) -> bool:
    """Whether a client's word for the severity of a complaint means a severe one.

    >>> is_severe("hoch"), is_severe("gering")
    (True, False)
    """
    return bool(SEVERE.search(plain(str(severity))))


def _recovery_days(history: History) -> pd.Series[Any] | None:
    complaints = complaints_until(history)
    if complaints is None or complaints.empty:
        return None
    recent = complaints[complaints["date"] >= history.first_day(2 * YEAR)]
    settled = (recent["solved_on"] - recent["date"]).dt.days.clip(lower=0)
    age = (history.cut_off - recent["date"]).dt.days
    days = settled.fillna(age.where(age >= LONG_OPEN))
    return days.groupby(recent["account_id"]).median().dropna().astype(float)


def tenure_years(history: History) -> pd.Series[Any]:
    """Years since the first order that the data hold, by account_id."""
    frame, column = (history.orders, "date") if history.dated_by_day else (history.months, "month")
    bought = frame[frame["revenue"] > 0]
    years: pd.Series[Any] = (history.cut_off - bought.groupby("account_id")[column].min()).dt.days / DAYS_OF_YEAR
    return years


def _regularity(history: History) -> pd.Series[Any]:
    if history.grain is Grain.YEAR:
        return pd.Series(dtype=float)
    if not history.dated_by_day:
        last = history.months[history.months["month"] >= history.first_day(YEAR)]
        by_account = last.pivot_table(
            index="account_id", columns="month", values="revenue", aggfunc="sum", fill_value=0.0
        )
        mean = by_account.mean(axis=1)
        even: pd.Series[Any] = (1 - by_account.std(axis=1, ddof=0) / mean.where(mean > 0)).clip(lower=0)
        return even
    days = history.orders[["account_id", "date"]].drop_duplicates().sort_values(["account_id", "date"])
    gaps = days["date"].diff().dt.days.where(days["account_id"] == days["account_id"].shift())
    by_rhythm = gaps.groupby(days["account_id"])
    variation = by_rhythm.std(ddof=0) / by_rhythm.mean()
    regular: pd.Series[Any] = (1 - variation.where(by_rhythm.count() >= FEWEST_ORDERS - 1)).clip(lower=0)
    return regular


def _active_months(history: History) -> pd.Series[Any]:
    if history.grain is Grain.YEAR:
        return pd.Series(dtype=float)
    frame, column = (history.orders, "date") if history.dated_by_day else (history.months, "month")
    last = frame[(frame[column] >= history.first_day(YEAR)) & (frame["revenue"] > 0)]
    n_months = min(YEAR, max(history.n_months, 1))
    months = last[column].dt.to_period("M").groupby(last["account_id"]).nunique()
    share: pd.Series[Any] = (months / n_months).clip(upper=1.0)
    return share
