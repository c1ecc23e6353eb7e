"""How never bought items are ranked, chosen on one past window of the client's own history and tested on a later one.

Candidates are popularity, comparable accounts, item-kNN and EASE^R. The latter two look at recency-decayed purchases, with
the mean of a short and a long half-life or the long one alone, EASE^R with two strengths of regularisation, and each of them
with and without favouring items that are still in demand; a small share of what everybody buys is added. Which of them ranks
is decided at each client anew, and what comes first in the grid stays unless another is surely better there.

The grid is a convention. It was laid on five cut-offs of public sales data (windows of one to three months) that end before
those its figures are printed for: there half-lives of 30 to 120 days and λ of 60 to 400 did equally well, EASE^R beat item-kNN,
favouring fresh items helped at every cut-off and window, and the mean of two half-lives did as well as the best single one
over three months, so the one with the longer memory was taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kamkit.analysis.options.baskets import (
    Baskets,
    Hits,
    Numbers,
    Scorer,
    at_places,
    fill_baskets,
    first_purchases,
    hits_of,
    never_bought,
    score_by_popularity,
)
from kamkit.analysis.options.history import History
from kamkit.analysis.options.item_weights import ease_weights, knn_weights, score_by_weights
from kamkit.analysis.options.peers import Peers, find_peers
from kamkit.analysis.options.potential import Conversion, expected_revenue, faded, measure_conversion
from kamkit.model.option_rules import CrossSellingRules

WINDOWS = (12, 6, 3, 1)
CANDIDATES = (("ease", 150.0), ("ease", 20.0), ("knn", 0.0))
"""Item weights that are tried, with the regularisation of EASE^R; what comes first stays unless another is surely better."""

FEWEST_INVOICES = 3
MOST_ACCOUNTS = 2000
"""So many accounts are enough to choose a method by."""

SURE = 2.0
"""Standard errors by which a ranking must beat another to take its place (convention)."""


@dataclass(frozen=True)
class Tested:
    """How rankings did on a past window: the day before it, its months, the accounts and items of that day, the hits of
    each ranking by name (popularity, peers, and the one that was chosen), and what its proposals were expected to bring
    within the window, measured on the window before, and brought."""

    cut_off: pd.Timestamp
    months: int
    n_accounts: int
    n_items: int
    chosen: str
    by_method: Mapping[str, Hits]
    expected: float
    brought: float

    @property
    def hits(self) -> Hits:
        """Those of the chosen ranking."""
        return self.by_method[self.chosen]

    @property
    def popular(self) -> Hits:
        """Those of what most accounts buy."""
        return self.by_method["popularity"]

    @property
    def peers(self) -> Hits:
        """Those of what comparable accounts buy."""
        return self.by_method["peers"]


@dataclass(frozen=True)
class Method:
    """How items are ranked: by `name` (ease | knn | peers), and why; what item weights need (regularisation, half-lives in
    days, whether items in demand are favoured); the first and last day of the window it was chosen on; what its proposals
    became (missing where history cannot say), how that faded, and its test, where there is one."""

    name: str
    reason: str
    regularisation: float = 0.0
    half_lives: tuple[float, ...] = ()
    is_fresh: bool = False
    chosen_on: tuple[pd.Timestamp, pd.Timestamp] | None = None
    conversion: Conversion | None = None
    fading: float = 1.0
    tested: Tested | None = None

    @property
    def is_by_weights(self) -> bool:
        """Whether items are ranked by item weights."""
        return bool(self.half_lives)

    def scorer(self, baskets: Baskets, peers: Peers, rules: CrossSellingRules) -> tuple[Scorer, Numbers | None]:
        """Its scores, and its item weights where it has some."""
        if not self.is_by_weights:
            return peers.score, None
        weights = _weights(self.name, self.regularisation, baskets, rules)
        return _by_weights(weights, self.is_fresh, baskets, rules), weights


def _weights(name: str, regularisation: float, baskets: Baskets, rules: CrossSellingRules) -> Numbers:
    return ease_weights(baskets, regularisation) if name == "ease" else knn_weights(baskets, rules.shrinkage.value)


def _by_weights(weights: Numbers, is_fresh: bool, baskets: Baskets, rules: CrossSellingRules) -> Scorer:
    """Scores from item weights and a small share of everybody's, which decides for accounts that bought little of late; an
    item's freshness counts by its root."""
    prior = np.float32(rules.popularity.value / max(len(baskets.accounts), 1)) * baskets.popularity()
    fresh = np.sqrt(baskets.freshness) if is_fresh else None
    return score_by_weights(weights, fresh, prior)


def baskets_of(history: History, rules: CrossSellingRules, half_lives: Sequence[float] = ()) -> Baskets:
    """The baskets of a day, with the rules' half-lives and most items."""
    decay = half_lives or (rules.half_life_days.value, rules.long_half_life_days.value)
    most_items, freshness_days = int(rules.most_items.value), rules.freshness_days.value
    return fill_baskets(history.purchases, history.cut_off, decay, most_items, freshness_days)


def chosen_accounts(history: History) -> pd.Index:
    """Accounts with at least three invoices."""
    invoices = history.orders["account_id"].value_counts()
    chosen: pd.Index = invoices.index[invoices >= FEWEST_INVOICES].astype(object).sort_values()
    return chosen


def as_proposals(
    places: NDArray[np.int64], baskets: Baskets, accounts: pd.Index, peers: Peers
) -> tuple[pd.DataFrame, NDArray[np.int64], NDArray[np.int64]]:
    """Lists as rows: account_id, item, rank, peers_buying, peers, penetration; and the places of account and item."""
    account, rank = np.nonzero(places >= 0)
    item = places[account, rank]
    table = pd.DataFrame({"account_id": accounts[account], "item": baskets.items[item], "rank": rank + 1})
    table["peers_buying"], table["peers"] = peers.buying(table["account_id"], item)
    return table.assign(penetration=table["peers_buying"] / table["peers"].clip(lower=1)), account, item


def choose_method(history: History, rules: CrossSellingRules) -> Method:
    """The ranking that foresaw first purchases best on an earlier window, and its test on a later one; nothing of the test
    was chosen on, but a ranking that fails it is not used.

    The window is the longest of 12, 6, 3 months and one month that fits three times into the data. Item weights rank where
    their average precision at ten (MAP@10, mean over accounts) lies two standard errors above popularity and comparable
    accounts; too few accounts, items, months or first purchases, or nothing that beats popularity: comparable accounts decide.
    """
    if not _enough(baskets_of(history, rules), rules):
        return Method("peers", "few")
    months = next((months for months in WINDOWS if history.covers(3 * months)), None)
    if months is None:
        return Method("peers", "short")
    earlier, later = _window(history, months, 2, rules), _window(history, months, 1, rules)
    if earlier.firsts.nnz < rules.fewest_firsts.value:
        return Method("peers", "few_firsts")
    method, tested = _tested(_best(earlier, rules), earlier, later, rules)
    simple = max(tested.popular.average_precision, tested.peers.average_precision)
    if method.is_by_weights and tested.hits.average_precision <= simple:
        method, _ = _tested(Method("peers", "no_better"), earlier, later, rules)
    return method


def _enough(baskets: Baskets, rules: CrossSellingRules) -> bool:
    return len(baskets.accounts) >= rules.fewest_accounts.value and len(baskets.items) >= rules.fewest_items.value


@dataclass(frozen=True, eq=False)
class _Window:
    """A past window of some months: what was known on the day before it, and the first purchases in it."""

    months: int
    days: tuple[pd.Timestamp, pd.Timestamp]
    before: History
    baskets: Baskets
    peers: Peers
    firsts: Any


def _window(history: History, months: int, back: int, rules: CrossSellingRules) -> _Window:
    """The window that begins `back` windows before the end of the data."""
    first, after = history.first_day(back * months), history.first_day((back - 1) * months)
    before = history.until(first - pd.Timedelta(days=1))
    bought = history.purchases
    baskets = baskets_of(before, rules)
    firsts = first_purchases(baskets, bought[(bought["date"] >= first) & (bought["date"] < after)])
    peers = find_peers(before, baskets, baskets.accounts, rules)
    return _Window(months, (first, after - pd.Timedelta(days=1)), before, baskets, peers, firsts)


def _best(window: _Window, rules: CrossSellingRules) -> Method:
    """The ranking that foresaw first purchases best, on so many of the accounts with one as are enough; each candidate must
    surely beat the best before it."""
    those = np.flatnonzero(np.diff(window.firsts.indptr))
    those = those[:: max(-(-len(those) // MOST_ACCOUNTS), 1)]
    firsts, accounts = window.firsts[those], window.baskets.accounts[those]

    def foreseen(score: Scorer, baskets: Baskets) -> Hits:
        return hits_of(never_bought(baskets.rows(accounts), score)[0], firsts, accounts)

    popular = foreseen(score_by_popularity(window.baskets), window.baskets)
    peers = foreseen(window.peers.score, window.baskets)
    simple = max(popular, peers, key=lambda hits: hits.average_precision)
    best, best_hits = Method("peers", "best" if simple is peers else "no_better"), simple
    if not _enough(window.baskets, rules):
        return best
    short, long = rules.half_life_days.value, rules.long_half_life_days.value
    for half_lives in ((short, long), (long,)):
        baskets = baskets_of(window.before, rules, half_lives)
        for name, strength in CANDIDATES:
            weights = _weights(name, strength, baskets, rules)
            for is_fresh in (True, False):
                hits = foreseen(_by_weights(weights, is_fresh, baskets, rules), baskets)
                if _surely_better(hits, best_hits):
                    best, best_hits = Method(name, "best", strength, half_lives, is_fresh), hits
    return best


def _surely_better(hits: Hits, other: Hits) -> bool:
    more = hits.precision - other.precision
    return len(more) > 1 and bool(more.mean() > SURE * more.std(ddof=1) / np.sqrt(len(more)))


@dataclass(frozen=True, eq=False)
class _Outcome:
    """What a ranking's proposals became in a window: its hits, the proposals to accounts with at least three invoices, the
    revenue that each brought, and their conversion."""

    hits: Hits
    proposals: pd.DataFrame
    brought: NDArray[np.float64]
    conversion: Conversion


def _outcome(method: Method, window: _Window, rules: CrossSellingRules) -> _Outcome:
    baskets = baskets_of(window.before, rules, method.half_lives)
    score, _ = method.scorer(baskets, window.peers, rules)
    places, _ = never_bought(baskets, score)
    keep = np.flatnonzero(baskets.accounts.isin(chosen_accounts(window.before)))
    proposals, _, _ = as_proposals(places[keep], baskets, baskets.accounts[keep], window.peers)
    brought = at_places(window.firsts[keep], places[keep])[places[keep] >= 0]
    conversion = measure_conversion(proposals, brought, window.before, window.months, method.is_by_weights)
    return _Outcome(hits_of(places, window.firsts, baskets.accounts), proposals, brought, conversion)


def _tested(method: Method, earlier: _Window, later: _Window, rules: CrossSellingRules) -> tuple[Method, Tested]:
    """The method with its test on the later window: hits beside popularity and comparable accounts, and what was expected
    after the earlier window and what came. Of today's proposals as much is expected as came in the later window, less what
    had faded."""
    measured = _outcome(method, earlier, rules).conversion
    outcome = _outcome(method, later, rules)
    simple = {"popularity": score_by_popularity(later.baskets), "peers": later.peers.score}
    by_method = {
        name: hits_of(never_bought(later.baskets, score)[0], later.firsts, later.baskets.accounts)
        for name, score in simple.items()
    }
    expected = expected_revenue(outcome.proposals, later.before, measured, 1.0, rules, later.months)
    total, brought = float(expected["expected_revenue"].sum()), float(outcome.brought.sum())
    tested = Tested(
        cut_off=later.before.cut_off,
        months=later.months,
        n_accounts=len(later.before.revenue(12)),
        n_items=len(later.baskets.items),
        chosen=method.name,
        by_method=by_method | {method.name: outcome.hits},
        expected=total,
        brought=brought,
    )
    fading = faded(total, brought, float(expected["chance"].sum()))
    found = replace(method, chosen_on=earlier.days, conversion=outcome.conversion, fading=fading, tested=tested)
    return found, tested
