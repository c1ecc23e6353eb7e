"""The market antenna: accounts in which the market shows earlier than elsewhere (domain §2.1, 1a). It is no churn
warning; that is account_risk."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom

from kamkit.analysis.options.history import History
from kamkit.model.codes import Gate, Grain
from kamkit.model.option_rules import AntennaRules
from kamkit.model.words import plain, word_pattern

YEAR, SMOOTHING, LONGEST_LEAD = 12, 3, 6
SURROGATES = 1999
SEED = 1986
FEWEST_ADOPTERS = 5
LEAST_SHARE = 0.75
"""An early adopter buys three of four new items before the median adopter (convention)."""
MARKET = word_pattern(["markt*", "wettbewerb*", "*trend*", "konkurren*", "market*", "competit*"])


def antenna_indicators(history: History, rules: AntennaRules, account_ids: pd.Index) -> pd.DataFrame:
    """Per account_id: lead (correlation of the account's yearly change with that of all others `months_ahead` later),
    months_ahead, lead_band (what 95 % of chance series stay below), leads (boolean: holds against chance over all
    accounts looked at, and more strongly than it lags), early_adoption (share of new items bought before the median
    adopter), n_new_items, adopts_early (boolean), market_talks, contact_functions. Missing where the data do not say.

    The lead needs 36 months, 24 of them active, and is looked for in `account_ids` only; chance = surrogate series of the same
    spectrum (Theiler et al. 1992), false discoveries held by Benjamini & Hochberg 1995.
    """
    lead = _leads(history, rules, account_ids)
    found = lead.join(_early_adoption(history, rules), how="outer")
    talks, contacts = history.tables.get("interactions"), history.tables.get("contacts")
    if talks is not None and "topic" in talks and talks["topic"].notna().any():
        last = talks[(pd.to_datetime(talks["date"]) >= history.first_day(YEAR)) & talks["topic"].notna()]
        told = last["topic"].map(lambda text: bool(MARKET.search(plain(str(text)))))
        found = found.join(told.groupby(last["account_id"]).sum().astype(float).rename("market_talks"), how="outer")
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


def _leads(history: History, rules: AntennaRules, account_ids: pd.Index) -> pd.DataFrame:
    empty = pd.DataFrame(columns=["lead", "months_ahead", "lead_band", "leads"], dtype=float)
    n_months = int(rules.history_months.value)
    if history.grain is Grain.YEAR or not history.covers(n_months):
        return empty
    end = (history.cut_off + pd.Timedelta(days=1)).to_period("M")
    months = pd.period_range(end - n_months, end - 1, freq="M")
    booked = history.months.assign(month=history.months["month"].dt.to_period("M"))
    booked = booked[booked["month"].isin(months)]
    series = booked.pivot_table(index="account_id", columns="month", values="revenue", aggfunc="sum", fill_value=0.0)
    series = series.reindex(columns=months, fill_value=0.0).clip(lower=0.0).sort_index()
    enough = (series > 0).sum(axis=1) >= rules.active_months.value
    own = series[enough & series.index.isin(account_ids)]
    if own.empty:
        return empty
    changes = _yearly_changes(own.to_numpy())
    rest = _yearly_changes(series.to_numpy().sum(axis=0) - own.to_numpy())
    usable: NDArray[np.bool_] = np.asarray(np.isfinite(changes).all(axis=1) & np.isfinite(rest).all(axis=1))
    if not usable.any():
        return empty
    return _test_leads(changes[usable], rest[usable], own.index[usable], rules.false_discovery.value)


def _yearly_changes(amounts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Change of the logarithm against the same three months of the year before."""
    width = amounts.shape[1] - SMOOTHING + 1
    rolling = sum(amounts[:, i : i + width] for i in range(SMOOTHING))
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(rolling)
        changes: NDArray[np.float64] = logs[:, YEAR:] - logs[:, :-YEAR]
    return changes


def _test_leads(
    changes: NDArray[np.float64], rest: NDArray[np.float64], account_ids: pd.Index, false_discovery: float
) -> pd.DataFrame:
    rng = np.random.default_rng(SEED)
    turns = rng.random((SURROGATES, changes.shape[1] // 2 + 1))
    rows = []
    for own, others in zip(changes, rest, strict=True):
        ahead = _ahead(own[None, :], others)[:, 0]
        behind = [_correlation(own[None, lag:], others[: len(others) - lag])[0] for lag in range(LONGEST_LEAD + 1)]
        chance = _ahead(_surrogates(own, turns), others).max(axis=0)
        best = ahead.max()
        p = (1 + (chance >= best).sum()) / (1 + SURROGATES)
        rows.append((best, ahead.argmax() + 1.0, np.quantile(chance, 0.95), p, best > max(behind)))
    table = pd.DataFrame(rows, columns=["lead", "months_ahead", "lead_band", "p", "more_ahead"], index=account_ids)
    holds = _not_by_chance(table["p"].to_numpy(float), false_discovery) & table["more_ahead"].to_numpy(bool)
    return table.assign(leads=holds).drop(columns=["p", "more_ahead"])


def _ahead(series: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation of each series with the others one to six months later: months × series."""
    months = range(1, LONGEST_LEAD + 1)
    return np.stack([_correlation(series[:, :-lag], others[lag:]) for lag in months])


def _correlation(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each row with one series."""
    a, b = left - left.mean(axis=1, keepdims=True), right - right.mean()
    spread = np.sqrt((a**2).sum(axis=1) * (b**2).sum())
    result: NDArray[np.float64] = (a @ b) / np.where(spread > 0, spread, np.inf)
    return result


def _surrogates(series: NDArray[np.float64], turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Series with the same spectrum and other phases, one per row of `turns` (0–1)."""
    spectrum = np.fft.rfft(series)
    phases = np.exp(2j * np.pi * turns)
    phases[:, 0] = 1.0
    if len(series) % 2 == 0:
        phases[:, -1] = 1.0
    result: NDArray[np.float64] = np.fft.irfft(spectrum * phases, n=len(series), axis=1)
    return result


def _not_by_chance(p: NDArray[np.float64], false_discovery: float) -> NDArray[np.bool_]:
    """Benjamini & Hochberg: those p values that hold at this rate of false discoveries."""
    order = np.argsort(p, kind="stable")
    limits = false_discovery * np.arange(1, len(p) + 1) / len(p)
    below = np.flatnonzero(p[order] <= limits)
    held = np.zeros(len(p), dtype=bool)
    if len(below):
        held[order[: below[-1] + 1]] = True
    return held


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
    held = _not_by_chance(p, rules.false_discovery.value)
    return pd.DataFrame(
        {
            "early_adoption": share,
            "n_new_items": table["size"].astype(float),
            "adopts_early": held & (share >= LEAST_SHARE),
        }
    )
