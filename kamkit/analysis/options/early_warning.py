"""The market antenna: accounts in which the market shows earlier than elsewhere (domain §2.1, 1a). It is no churn
warning; that is account_risk."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom

from kamkit.analysis.options.history import History
from kamkit.analysis.options.lead_lag import LONGEST_LEAD, SMOOTHING, YEAR, find_leads, not_by_chance, yearly_changes
from kamkit.model.codes import Gate, Grain
from kamkit.model.option_rules import AntennaRules, OptionRules
from kamkit.model.smallest_set import key_set
from kamkit.model.words import plain, word_pattern

FEWEST_ADOPTERS = 5
LEAST_SHARE = 0.75
"""An early adopter buys three of four new items before the median adopter (convention)."""
MARKET = word_pattern(["markt*", "wettbewerb*", "*trend*", "konkurren*", "market*", "competit*"])
INNOVATION = word_pattern(
    ["*entwicklung*", "*innovation*", "*ausschreibung*", "pilot*", "*develop*", "*tender*", "rfp", "rfq"]
)
MOST_ORIGINS, ORIGIN_STEP = 8, 3
"""How often the antenna is tried on the past: at most so many month ends, three months apart (convention)."""
CIRCLE = 0.8


def antenna_indicators(history: History, rules: AntennaRules, account_ids: pd.Index) -> pd.DataFrame:
    """Per account_id: lead (correlation of the account's yearly change with that of all others `months_ahead` later),
    months_ahead, lead_band (what 95 % of chance series stay below), leads (boolean: holds against chance over all
    accounts looked at, and more strongly than it lags), early_adoption (share of new items bought before the median
    adopter), n_new_items, adopts_early (boolean), market_talks and innovation_projects (developments and tenders) of the last
    twelve months, contact_functions. Missing where the data do not say; 0 where a filled table names no such row.

    The lead needs 36 months, 24 of them active, and is looked for in `account_ids` only.
    """
    found = _leads(history, rules, account_ids).join(_early_adoption(history, rules), how="outer")
    year_ago, contacts = history.first_day(YEAR), history.tables.get("contacts")
    talks = _counted(history.tables.get("interactions"), "topic", MARKET, "date", year_ago)
    projects = _counted(history.tables.get("projects"), "kind", INNOVATION, "start", year_ago, history.cut_off)
    if projects is not None:
        projects = projects.reindex(pd.Index(history.accounts["account_id"])).fillna(0.0)
    for name, counted in (("market_talks", talks), ("innovation_projects", projects)):
        if counted is not None:
            found = found.join(counted.rename(name), how="outer")
    if contacts is not None and "function" in contacts and len(contacts):
        functions = contacts.groupby("account_id")["function"].nunique().astype(float)
        found = found.join(functions.rename("contact_functions"), how="outer")
    return found


def antenna_gate(raw: pd.DataFrame, coverage: pd.Series[Any], least_coverage: float) -> pd.Series[Any]:
    """Open where a lead or early adoption holds against chance; closed where enough was looked at without finding one."""
    holds = raw["leads"].eq(True) | raw["adopts_early"].eq(True)
    tested = (raw["lead"].notna() | raw["early_adoption"].notna()) & (coverage >= least_coverage)
    gates = np.where(holds, Gate.OPEN.value, np.where(tested, Gate.CLOSED.value, Gate.NOT_ASSESSABLE.value))
    return pd.Series(gates, index=raw.index)


def direction_trials(history: History, rules: OptionRules, account_ids: pd.Index) -> pd.DataFrame:
    """Whether antennas would have foretold where the others were going: a trial frame (task `direction`, population
    `antenna_candidates`), one row per antenna and past month end.

    Antennas and their months ahead are found at each month end among those of `account_ids` that made up 80 % of revenue
    by then. Event: the others sell more in the three months that end so many months later than in those that end then.
    `score`: the change that follows from last year's months and the antenna's own change, by the line that held until
    then; `baseline_persistence`: with the others' own change instead; `baseline_seasonal`: as from these months to those
    a year ago. All three are changes of the logarithm. amount is missing. Without rows where history is too short.
    """
    rows = [row for day in _origins(history, rules.antenna) for row in _directions(history, day, rules, account_ids)]
    columns = ["task", "cut_off", "population", "account_id", "score", "event", "amount"]
    table = pd.DataFrame(rows, columns=[*columns, "baseline_persistence", "baseline_seasonal"])
    numbers = dict.fromkeys(("score", "amount", "baseline_persistence", "baseline_seasonal"), float)
    return table.astype({**numbers, "event": bool, "cut_off": "datetime64[us]"})


def _origins(history: History, rules: AntennaRules) -> list[pd.Timestamp]:
    if history.grain is Grain.YEAR:
        return []
    day_after = history.cut_off + pd.Timedelta(days=1)
    steps = [LONGEST_LEAD + ORIGIN_STEP * i for i in range(MOST_ORIGINS)]
    days = [day_after.to_period("M").to_timestamp() - pd.DateOffset(months=n) - pd.Timedelta(days=1) for n in steps]
    return [day for day in reversed(days) if history.until(day).covers(int(rules.history_months.value))]


def _directions(history: History, day: pd.Timestamp, rules: OptionRules, account_ids: pd.Index) -> list[dict[str, Any]]:
    then = history.until(day)
    circle = pd.Index(key_set(then.yearly_revenue, CIRCLE)).intersection(account_ids)
    found = _leads(then, rules.antenna, circle)
    n_months = int(rules.antenna.history_months.value)
    series = _monthly(history, day + pd.DateOffset(months=LONGEST_LEAD), n_months + LONGEST_LEAD)
    rows = []
    antennas = found.loc[found["leads"].eq(True), "months_ahead"]
    for account_id, ahead in zip(antennas.index.astype(str), antennas.astype(int), strict=True):
        own = series.loc[account_id].to_numpy()
        rest = series.to_numpy().sum(axis=0) - own
        change, others = (yearly_changes(amounts[:n_months]) for amounts in (own, rest))
        slope, level = np.polyfit(change[:-ahead], others[ahead:], 1)
        now, later, last_year = (
            rest[end - SMOOTHING : end].sum() for end in (n_months, n_months + ahead, n_months + ahead - YEAR)
        )
        if min(now, last_year) <= 0:
            continue
        seasonal = float(np.log(last_year / now))
        rows.append(
            {
                "task": "direction",
                "cut_off": day,
                "population": "antenna_candidates",
                "account_id": account_id,
                "score": seasonal + float(level + slope * change[-1]),
                "event": bool(later > now),
                "amount": np.nan,
                "baseline_persistence": seasonal + float(others[-1]),
                "baseline_seasonal": seasonal,
            }
        )
    return rows


def _monthly(history: History, last_day: pd.Timestamp, n_months: int) -> pd.DataFrame:
    """Revenue by account and month, never below zero, of the months that end with a day."""
    end = (last_day + pd.Timedelta(days=1)).to_period("M")
    months = pd.period_range(end - n_months, end - 1, freq="M")
    booked = history.months.assign(month=history.months["month"].dt.to_period("M"))
    booked = booked[booked["month"].isin(months)]
    series = booked.pivot_table(index="account_id", columns="month", values="revenue", aggfunc="sum", fill_value=0.0)
    return series.reindex(columns=months, fill_value=0.0).clip(lower=0.0).sort_index()


def _leads(history: History, rules: AntennaRules, account_ids: pd.Index) -> pd.DataFrame:
    empty = pd.DataFrame(columns=["lead", "months_ahead", "lead_band", "leads"], dtype=float)
    n_months = int(rules.history_months.value)
    if history.grain is Grain.YEAR or not history.covers(n_months):
        return empty
    series = _monthly(history, history.cut_off, n_months)
    own = series[((series > 0).sum(axis=1) >= rules.active_months.value) & series.index.isin(account_ids)]
    if own.empty:
        return empty
    amounts = own.to_numpy()
    return find_leads(amounts, series.to_numpy().sum(axis=0) - amounts, own.index, rules)


def _counted(
    given: pd.DataFrame | None,
    column: str,
    words: Any,
    dated: str,
    since: pd.Timestamp,
    until: pd.Timestamp | None = None,
) -> pd.Series[Any] | None:
    """How many rows since a day speak of something, by account_id; None where the column or the day is not given."""
    if given is None or not {column, dated} <= {*given.columns} or not given[column].notna().any():
        return None
    days = pd.to_datetime(given[dated])
    if not days.notna().any():
        return None
    inside = given[(days >= since) & given[column].notna() & ((days <= until) if until is not None else True)]
    told = inside[column].map(lambda text: bool(words.search(plain(str(text)))))
    return told.astype(bool).groupby(inside["account_id"]).sum().astype(float)


def _early_adoption(history: History, rules: AntennaRules) -> pd.DataFrame:
    """How often an account bought a new item before its median adopter. New = nobody bought it in the first six months
    of the data; counted with at least five adopters."""
    bought = history.product_purchases if len(history.product_purchases) else history.purchases
    columns = ["early_adoption", "n_new_items", "adopts_early"]
    if bought.empty or not history.covers(int(rules.adoption_months.value)):
        return pd.DataFrame(columns=columns, dtype=float)
    first = bought.groupby(["item", "account_id"])["date"].min().reset_index()
    by_item = first.groupby("item")["date"]
    new = (by_item.transform("min") >= history.start + pd.DateOffset(months=LONGEST_LEAD)) & (
        by_item.transform("size") >= FEWEST_ADOPTERS
    )
    first = first[new]
    early = first["date"] < first.groupby("item")["date"].transform("median")
    table = early.groupby(first["account_id"]).agg(["sum", "size"])
    table = table[table["size"] >= rules.fewest_new_items.value]
    if table.empty:
        return pd.DataFrame(columns=columns, dtype=float)
    share = table["sum"] / table["size"]
    p = np.asarray(binom.sf(table["sum"].to_numpy() - 1, table["size"].to_numpy(), 0.5), dtype=float)
    held = not_by_chance(p, rules.false_discovery.value)
    return pd.DataFrame(
        {
            "early_adoption": share,
            "n_new_items": table["size"].astype(float),
            "adopts_early": held & (share >= LEAST_SHARE),
        }
    )
