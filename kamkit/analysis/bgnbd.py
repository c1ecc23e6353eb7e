"""How likely an account is silent for good or for a while: BG/NBD (Fader, Hardie & Lee 2005), fitted with SciPy.

`x` is the number of repeat orders, `t_x` the time of the last and `age` (the paper's T) the time up to today, both
since the first order, all in the same unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

Numbers: TypeAlias = NDArray[np.float64]

FEWEST_REPEATERS = 10
"""Fewer accounts that came back say nothing about rhythms (convention)."""

FLAT = 1e-4
"""Mean log-likelihood per unit of ln(parameter) below which a point counts as the top (convention)."""

_STARTS = ((0.3, 4.0, 0.8, 2.5), (1.0, 10.0, 1.0, 2.0))
"""Where the search begins; the second only where the first does not converge."""

_BOUNDS = ((-9.0, 9.0),) * 4


@dataclass(frozen=True)
class BgNbd:
    """The fitted model: order rates are Gamma(r, alpha), the chance to leave after an order is Beta(a, b)."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float

    def alive(self, x: Numbers, t_x: Numbers, age: Numbers) -> Numbers:
        """P(alive). It is 1 for accounts that ordered once: a property of the model, so never to be shown for them."""
        ratio = np.log(self.a) - np.log(self.b + np.maximum(x, 1) - 1)
        ratio = ratio + (self.r + x) * (np.log(self.alpha + age) - np.log(self.alpha + t_x))
        result: Numbers = np.where(x > 0, 1 / (1 + np.exp(np.minimum(ratio, 700))), 1.0)
        return result

    def silent(self, x: Numbers, t_x: Numbers, age: Numbers, window: float) -> Numbers:
        """P(no order within the next `window`): 1 − P(alive)·(1 − ((α+T)/(α+T+W))^(r+x))."""
        none_while_alive = np.exp((self.r + x) * (np.log(self.alpha + age) - np.log(self.alpha + age + window)))
        result: Numbers = 1 - self.alive(x, t_x, age) * (1 - none_while_alive)
        return result


def fit_bgnbd(x: Numbers, t_x: Numbers, age: Numbers) -> BgNbd | None:
    """The model of largest likelihood; None with fewer than ten accounts that came back, or where no fit is found."""
    x, t_x, age = (np.asarray(values, dtype=float) for values in (x, t_x, age))
    if (x > 0).sum() < FEWEST_REPEATERS:
        return None
    scale = 10 / max(float(age.max()), 1e-9)
    fits = (_fit_from(start, x, t_x * scale, age * scale) for start in _STARTS)
    best = next((fit for fit in fits if fit is not None), None)
    if best is None:
        return None
    model = BgNbd(best.r, best.alpha / scale, best.a, best.b, 0.0)
    return BgNbd(model.r, model.alpha, model.a, model.b, float(_log_likelihood(model, x, t_x, age)[0].sum()))


def repeat_orders(orders: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """x, t_x, age in weeks by account_id, from `orders` (account_id, date) up to a day; several orders of a day count
    as one."""
    days = orders.loc[orders["date"] <= until, ["account_id", "date"]].drop_duplicates()
    by_account = days.groupby("account_id")["date"].agg(["size", "min", "max"])
    return pd.DataFrame(
        {
            "x": (by_account["size"] - 1).astype(float),
            "t_x": (by_account["max"] - by_account["min"]).dt.days / 7,
            "age": (until - by_account["min"]).dt.days / 7,
        }
    )


def _fit_from(start: tuple[float, ...], x: Numbers, t_x: Numbers, age: Numbers) -> BgNbd | None:
    def loss(logs: Numbers) -> tuple[float, Numbers]:
        likelihood, gradient = _log_likelihood(_model(logs), x, t_x, age)
        value = -float(likelihood.mean())
        return (value, -gradient.mean(axis=1)) if np.isfinite(value) else (1e12, np.zeros(4))

    scaled = np.log(np.array(start) * np.array([1, 10 / 39, 1, 1]))
    options = {"maxiter": 500, "ftol": 1e-14, "gtol": 1e-8}
    found = minimize(loss, scaled, jac=True, method="L-BFGS-B", bounds=_BOUNDS, options=options)
    if found.fun >= 1e11 or not (found.success or _is_flat(found.x, found.jac)):
        return None
    model = _model(found.x)
    return BgNbd(model.r, model.alpha, model.a, model.b, -float(found.fun))


def _is_flat(logs: Numbers, gradient: Numbers) -> bool:
    """Whether the likelihood cannot rise any further inside the bounds: a line search that ends without a better point has
    arrived, too."""
    low, high = np.array(_BOUNDS).T
    inside = np.clip(logs - gradient, low, high) - logs
    return bool(np.abs(inside).max() < FLAT)


def _model(logs: Numbers) -> BgNbd:
    r, alpha, a, b = (float(value) for value in np.exp(logs))
    return BgNbd(r, alpha, a, b, 0.0)


def _log_likelihood(model: BgNbd, x: Numbers, t_x: Numbers, age: Numbers) -> tuple[Numbers, Numbers]:
    """The log-likelihood per account, and its derivatives by ln r, ln alpha, ln a, ln b (a row each)."""
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    came_back = x > 0
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + gammaln(a + b) + gammaln(b + x)
    common = common - gammaln(b) - gammaln(a + b + x)
    active = -(r + x) * np.log(alpha + age)
    before_last = b + np.maximum(x, 1) - 1
    gone = np.where(came_back, np.log(a) - np.log(before_last) - (r + x) * np.log(alpha + t_x), -np.inf)
    either = np.logaddexp(active, gone)
    is_gone = np.exp(gone - either)
    is_active = 1 - is_gone
    both = digamma(a + b) - digamma(a + b + x)
    gradient = np.stack(
        [
            r * (digamma(r + x) - digamma(r) + np.log(alpha))
            - r * (is_active * np.log(alpha + age) + is_gone * np.log(alpha + t_x)),
            r - alpha * (r + x) * (is_active / (alpha + age) + is_gone / (alpha + t_x)),
            a * both + is_gone,
            b * (both + digamma(b + x) - digamma(b) - is_gone / before_last),
        ]
    )
    return common + either, gradient
