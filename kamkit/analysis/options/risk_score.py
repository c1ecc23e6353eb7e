"""One score for two questions: will an account buy nothing in the next window, will it buy half of what is usual at most.

How it was chosen. Parts and weights come from public sales data with key accounts as population: Online Retail at cut-offs
from March to July 2011 with windows of one to three months, all of them over before August 2011; CDNOW, and the apparel and
grocery buyers that come with CLVTools and BTYDplus, as a check that it holds elsewhere. Between weightings that did equally
well the simplest was taken. The cut-offs that are reported (August and September 2011) decided nothing by rule, but they
were looked at for some seven candidates before the weights were fixed, and all of these lay within .68–.70 for falls and
.78–.79 for stops there: read the reported figures as slightly optimistic.
Nothing is trained on a client's own history but the purchase model, on what was known at the cut-off.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import gammainc

from kamkit.analysis.bgnbd import BgNbd, fit_bgnbd, repeat_orders
from kamkit.analysis.options.history import History, window_end
from kamkit.analysis.options.purchasing import YEAR, orders_between
from kamkit.model.codes import Grain, Severity
from kamkit.model.results import Finding

WEIGHTS = {"silent": 2, "few_months": 2, "p_fall": 2, "one_off": 1, "weaker": 1, "fall": 2}
"""How much the rank of each part counts (convention)."""

HALF_LIFE = 180 / 7
"""Weeks after which an order counts half for the rate at which an account buys today (convention)."""

PRIOR_ORDERS = 2
"""How many orders of the portfolio's spread are mixed into an account's own (convention)."""

DIGITS = 9
"""Parts that differ by less rank alike, so that neither the order of rows nor the currency decides a tie."""

FALL = 0.5
"""Revenue below this share of the 12-month mean is a fall (domain §2.1, convention)."""


def score_risk(
    history: History, bought: pd.DataFrame, window_months: int, modelled: pd.DataFrame | None
) -> tuple[pd.Series[Any], Finding]:
    """The score (0–1, always a number) by account_id of `bought` (from `compare_purchases`), and the method used.

    It is the weighted mean of ranks, each higher where more speaks for a loss: silent, the probability of no order within
    the window (BG/NBD, Fader, Hardie & Lee 2005; without a model the pause); few_months, in how few months of the last
    twelve it ordered; p_fall, the probability of buying less than half of the 12-month mean; one_off, the share of the largest order;
    weaker, the last window's revenue against the 12-month mean. Lists by month know the last three but p_fall, lists by year
    the fall against the year before. A part that is missing for an account is left out of its mean.
    """
    parts: dict[str, pd.Series[Any]] = {}
    if history.dated_by_day:
        parts["silent"] = bought["pause"] if modelled is None else modelled["p_silent"].reindex(bought.index)
        if modelled is not None:
            parts["p_fall"] = modelled["p_fall"].reindex(bought.index)
        method = "risk_silence" if modelled is not None else "risk_recency"
    else:
        method = "risk_months" if history.grain is Grain.MONTH else "risk_years"
    if history.grain is Grain.YEAR:
        parts["fall"] = bought["fall"]
    else:
        parts["few_months"] = -_active_months(history).reindex(bought.index)
        parts["weaker"] = -bought["window"] / bought["bought"]
        parts["one_off"] = bought["one_off"]
    ranks = pd.DataFrame(
        {name: (part.round(DIGITS).rank() - 0.5) / part.count() for name, part in parts.items() if part.notna().any()},
        index=bought.index,
    )
    weights = pd.Series({name: float(WEIGHTS[name]) for name in ranks.columns})
    score = (ranks * weights).sum(axis=1) / (ranks.notna() * weights).sum(axis=1)
    values = {"months": window_months, "n": len(bought)}
    return score.fillna(0.5), Finding(method, "transactions", Severity.INFO, rows=len(bought), values=values)


def silence(history: History, window_months: int) -> pd.DataFrame | None:
    """What a model of purchases expects of the next window, by account_id: n_orders (days with an order), p_alive, p_silent
    (no order; both BG/NBD) and p_fall (less than half of the 12-month mean; missing without revenue in 12 months). None
    without single days, or where no model can be fitted."""
    if not history.dated_by_day:
        return None
    counts = repeat_orders(history.orders, history.cut_off)
    x, t_x, age = (counts[name].to_numpy(float) for name in ("x", "t_x", "age"))
    model = fit_bgnbd(x, t_x, age)
    if model is None:
        return None
    weeks = (window_end(history.cut_off, window_months) - history.cut_off).days / 7
    probabilities = {"p_alive": model.alive(x, t_x, age), "p_silent": model.silent(x, t_x, age, weeks)}
    found = pd.DataFrame({"n_orders": x + 1, **probabilities}, index=counts.index)
    return found.join(_chance_of_a_fall(history, model, counts["age"], window_months, weeks))


def _chance_of_a_fall(
    history: History, model: BgNbd, age: pd.Series[Any], window_months: int, weeks: float
) -> pd.Series[Any]:
    """p_fall by account_id: the number of orders within the window is negative binomial, with the model's prior and the own
    orders halved in weight every 180 days; their sizes scatter as those of the last 12 months, a little drawn to the
    portfolio's scatter. The sum, given that there is an order, is taken for a gamma with the same mean and variance.
    Sizes are in units of the account's mean order, so no money enters.
    """
    days = history.orders.groupby(["account_id", "date"], as_index=False)["revenue"].sum()
    first = days.groupby("account_id")["date"].transform("min")
    weight = (0.5 ** ((history.cut_off - days["date"]).dt.days / 7 / HALF_LIFE)).where(days["date"] > first, 0.0)
    decay = np.log(2) / HALF_LIFE
    shape = model.r + weight.groupby(days["account_id"]).sum()
    rate = model.alpha + (1 - np.exp(-decay * age)) / decay
    sizes = orders_between(history, YEAR, 0).groupby(["account_id", "date"])["revenue"].sum().groupby("account_id")
    n = sizes.size()
    scatter = (sizes.var() / sizes.mean() ** 2).fillna(0.0)
    usual_scatter = float((scatter * (n - 1)).sum() / max(float((n - 1).sum()), 1.0))
    scatter = (scatter * (n - 1) + PRIOR_ORDERS * usual_scatter) / (n - 1 + PRIOR_ORDERS)
    shape, rate = shape.reindex(n.index), rate.reindex(n.index)
    half = FALL * n * window_months / min(YEAR, max(history.n_months, 1))
    none = (rate / (rate + weeks)) ** shape
    mean = shape * weeks / rate
    square = mean * scatter + mean * (1 + weeks / rate) + mean**2
    mean, square = mean / (1 - none), square / (1 - none)
    variance = (square - mean**2).clip(lower=1e-9)
    below = gammainc((mean**2 / variance).to_numpy(float), (half * mean / variance).to_numpy(float))
    chance: pd.Series[Any] = none + (1 - none) * below
    return chance.rename("p_fall")


def _active_months(history: History) -> pd.Series[Any]:
    """In how many calendar months of the last twelve something was bought, by account_id."""
    if history.dated_by_day:
        orders = orders_between(history, YEAR, 0)
        month = orders["date"].dt.year * YEAR + orders["date"].dt.month
    else:
        orders = history.months[(history.months["month"] >= history.first_day(YEAR)) & (history.months["revenue"] > 0)]
        month = orders["month"].dt.year * YEAR + orders["month"].dt.month
    seen = pd.DataFrame({"account_id": orders["account_id"], "month": month}).drop_duplicates()
    return seen.groupby("account_id").size().astype(float)
