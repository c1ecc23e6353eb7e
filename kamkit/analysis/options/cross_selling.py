"""White spots: what an account never bought and is likely to buy, what it is worth, and why (domain §2.2).

Items are ranked by EASE^R on recent purchases where a test on an earlier cut-off shows that this beats popularity, else
by what comparable accounts buy. Inside a group of companies a category that one member buys and another never did is
told apart (`sites`): the account as a whole does buy it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from kamkit.analysis.options.ease import (
    LAMBDAS,
    Baskets,
    Hits,
    Numbers,
    Scorer,
    fill_baskets,
    foreseen,
    item_weights,
    never_bought,
    score_by_popularity,
    score_by_weights,
)
from kamkit.analysis.options.history import History
from kamkit.model.codes import Gate, Severity
from kamkit.model.option_rules import CrossSellingRules, RiskLevel
from kamkit.model.results import Finding

YEAR = 12
WINDOWS = (12, 6, 3)
FEWEST_INVOICES = 3
FEWEST_TOGETHER = 5
SIZE_BANDS = 4
COLUMNS = [
    "account_id",
    "category",
    "rank",
    "score",
    "expected_revenue",
    "expected_margin",
    "gate",
    "peers_buying",
    "peers",
    "evidence",
    "values",
    "expected_low",
    "expected_high",
    "penetration",
    "confidence",
]


@dataclass(frozen=True)
class Tested:
    """How a ranking did on a past window: the day before it, its months, the accounts active before it, and
    `conversion`: first purchases per unit of peer penetration of what was never bought."""

    cut_off: pd.Timestamp
    months: int
    n_accounts: int
    n_items: int
    conversion: float
    hits: Hits
    popular: Hits
    peers: Hits


@dataclass(frozen=True)
class Method:
    """How items are ranked: `ease` with its regularisation, `peers` or `popularity`; and its test, where there is one."""

    name: str
    reason: str
    regularisation: float | None = None
    tested: Tested | None = None

    def chance(self, rank: pd.Series[Any], penetration: pd.Series[Any], rules: CrossSellingRules) -> pd.Series[Any]:
        """The chance of a first purchase within a year: by rank as seen in the test where items were ranked by item
        weights, else in proportion to the peers who buy, as often as the test saw it happen (untested: a convention)."""
        tested = self.tested
        if tested is None or tested.hits.firsts < rules.fewest_firsts.value:
            return penetration * rules.first_purchase.value
        if self.name != "ease":
            return (penetration * tested.conversion * YEAR / tested.months).clip(upper=1.0)
        hits = tested.hits.by_rank.sum(axis=0) / max(tested.n_accounts, 1)
        level = np.concatenate([np.full(len(step), step.mean()) for step in np.split(hits, [1, 3]) if len(step)])
        yearly = 1 - (1 - np.minimum.accumulate(level)) ** (YEAR / tested.months)
        return pd.Series(yearly[np.minimum(rank.to_numpy() - 1, len(yearly) - 1)], index=rank.index)


def rank_cross_selling(
    history: History,
    risk: pd.DataFrame,
    key_account_ids: pd.Index,
    items: pd.DataFrame,
    rules: CrossSellingRules,
    is_testable: bool = True,
) -> tuple[pd.DataFrame, Method, tuple[Finding, ...]]:
    """Up to ten items per account, by likelihood of a first purchase, for key accounts and for all with at least three
    invoices of positive amount; the method with its test; and what was done, for the report.

    `risk`: account_id, level. `items`: item, name. Expected revenue = chance of a first purchase within a year × the
    median share that buyers spend on the item × the account's yearly revenue; low and high take the quartiles. The
    gate is closed where risk is red or the account loses money, and not_assessable below the least numbers of accounts
    and items; gates order the report's list and never remove rows. Where items were re-organised (not `is_testable`)
    first purchases are none, so comparable accounts decide, untested.
    """
    if history.purchases.empty:
        return pd.DataFrame(columns=COLUMNS), Method("none", "no_items"), (_told("cross_none", 0),)
    baskets = _baskets(history, rules)
    method = choose_method(history, rules) if is_testable else Method("peers", "reorganised")
    invoices = history.orders["account_id"].value_counts()
    chosen = pd.Index(invoices.index[invoices >= FEWEST_INVOICES]).union(key_account_ids).sort_values()
    subset = baskets.rows(pd.Index(chosen.astype(object)))
    groups = peer_groups(history, subset.accounts.union(baskets.accounts), rules)
    score, weights = _scorer(method, baskets, groups)
    places, scores = never_bought(subset, score)
    account, rank = np.nonzero(places >= 0)
    item = places[account, rank]
    table = pd.DataFrame({"account_id": subset.accounts[account], "item": baskets.items[item], "rank": rank + 1})
    table["score"] = scores[account, rank].astype(float)
    table["peers_buying"], table["peers"] = _peers_buying(baskets, groups, table["account_id"], item)
    table["penetration"] = table["peers_buying"] / table["peers"].clip(lower=1)
    table = _expected(table, history, method, rules)
    table["gate"] = _gates(table["account_id"], history, risk, baskets, rules)
    because = _because(subset, baskets, places, weights)
    table = _explained(table, because, account, item, baskets, items)
    told = [_told(f"cross_{method.name}_{method.reason}", len(table), n=len(subset.accounts))]
    n_items = history.purchases["item"].nunique()
    if n_items > len(baskets.items):
        told.append(_told("cross_items_capped", n_items, n=len(baskets.items), total=n_items))
    return table.rename(columns={"item": "category"})[COLUMNS], method, tuple(told)


def choose_method(history: History, rules: CrossSellingRules) -> Method:
    """The ranking that did best on an earlier window, and its test on a later one; nothing of the test was chosen on.

    The window is the longest of 12, 6 and 3 months that fits three times into the data; where only two fit, the choice
    has no test of its own. Too few accounts, items, months or first purchases, or nothing that beats popularity:
    comparable accounts decide.
    """
    baskets = _baskets(history, rules)
    if len(baskets.accounts) < rules.fewest_accounts.value or len(baskets.items) < rules.fewest_items.value:
        return Method("peers", "few")
    fitting = next((months for months in WINDOWS if history.covers(3 * months)), None)
    months, back = (fitting, 2) if fitting else (WINDOWS[-1], 1)
    if not history.covers((back + 1) * months):
        return Method("peers", "short")
    earlier = _cut(history, back * months)
    past, later = _baskets(earlier, rules), _purchases_between(history, back * months, (back - 1) * months)
    groups = peer_groups(earlier, past.accounts, rules)
    candidates: list[tuple[str, float | None]] = [("popularity", None), ("peers", None)]
    if len(past.accounts) >= rules.fewest_accounts.value and len(past.items) >= rules.fewest_items.value:
        candidates += [("ease", strength) for strength in LAMBDAS]
    tried = {
        (name, strength): foreseen(past, _scorer(Method(name, "", strength), past, groups)[0], later)
        for name, strength in candidates
    }
    if tried["popularity", None].firsts < rules.fewest_firsts.value:
        return Method("peers", "few_firsts")
    name, strength = max(tried, key=lambda candidate: tried[candidate].average_precision)
    chosen = Method("peers", "no_better") if name == "popularity" else Method(name, "best", strength)
    return replace(chosen, tested=_test(history, months, chosen, rules)) if fitting else chosen


def _test(history: History, months: int, method: Method, rules: CrossSellingRules) -> Tested:
    """The method, popularity and comparable accounts on the last window."""
    before = _cut(history, months)
    past, later = _baskets(before, rules), _purchases_between(history, months, 0)
    groups = peer_groups(before, past.accounts, rules)
    score, _ = _scorer(method, past, groups)
    peers, _ = _scorer(Method("peers", ""), past, groups)
    popular = foreseen(past, score_by_popularity(past), later)
    names, counts, sizes = _group_counts(past, groups)
    share = counts / np.maximum(sizes, 1)[:, None]
    own = names.get_indexer(pd.Index(groups["group"].reindex(past.accounts).fillna("all")))
    bought = (
        sparse.csr_matrix((np.ones(len(own)), (own, np.arange(len(own)))), shape=(len(names), len(own))) @ past.ever
    )
    never = np.bincount(own, minlength=len(names))[:, None] - bought.toarray()
    of_never_bought = float((share * never).sum())
    return Tested(
        cut_off=before.cut_off,
        months=months,
        n_accounts=len(before.revenue(YEAR)),
        n_items=len(past.items),
        conversion=popular.firsts / of_never_bought if of_never_bought else 0.0,
        hits=foreseen(past, score, later),
        popular=popular,
        peers=foreseen(past, peers, later),
    )


def _cut(history: History, months: int) -> History:
    return history.until(history.first_day(months) - pd.Timedelta(days=1))


def _purchases_between(history: History, from_months: int, to_months: int) -> pd.DataFrame:
    bought = history.purchases
    return bought[(bought["date"] >= history.first_day(from_months)) & (bought["date"] < history.first_day(to_months))]


def _baskets(history: History, rules: CrossSellingRules) -> Baskets:
    return fill_baskets(history.purchases, history.cut_off, rules.half_life_days.value, int(rules.most_items.value))


LEVELS = ("all", "size", "industry")
"""What accounts can have in common, the closest last."""


def peer_groups(history: History, account_ids: pd.Index, rules: CrossSellingRules) -> pd.DataFrame:
    """Who is comparable, by account_id: what it has in common with others (all, size, industry: the quarter of size and
    the industry division) and `group`, the closest of these that has enough accounts with revenue in the last year.

    The peers of an account are all that share its group's label, also those that have a closer group of their own.
    """
    active = history.yearly_revenue
    active = active[active > 0]
    ids = pd.Index(account_ids.astype(object))
    codes = history.accounts.set_index("account_id")["industry_code"].reindex(ids).astype("string")
    groups = pd.DataFrame({"all": "all", "size": pd.NA, "industry": pd.NA, "group": "all"}, index=ids, dtype="string")
    groups["industry"] = "industry " + codes.str.extract(r"^(\d{2})")[0]
    if len(active) >= SIZE_BANDS:
        limits = active.quantile(np.linspace(0, 1, SIZE_BANDS + 1)[1:-1]).to_numpy()
        size = active.reindex(ids).fillna(0.0).to_numpy()
        groups["size"] = "size " + pd.Series(np.searchsorted(limits, size, side="left"), index=ids).astype("string")
    fewest = rules.fewest_peers.value + 1
    for level in LEVELS[1:]:
        count = groups.loc[groups.index.isin(active.index), level].value_counts()
        enough = groups[level].isin(count.index[count >= fewest])
        groups["group"] = groups["group"].mask(enough, groups[level])
    return groups


def penetration(history: History, account_ids: pd.Index, rules: CrossSellingRules) -> pd.DataFrame:
    """How many comparable accounts ever bought each item: account_id × item with peers_buying, peers (the account itself
    left out) and penetration, their ratio."""
    baskets = _baskets(history, rules)
    ids = pd.Index(account_ids.astype(object)).sort_values()
    groups = peer_groups(history, ids.union(baskets.accounts), rules)
    pairs = pd.MultiIndex.from_product([ids, baskets.items], names=["account_id", "item"]).to_frame(index=False)
    item = np.tile(np.arange(len(baskets.items)), len(ids))
    buying, peers = _peers_buying(baskets, groups, pairs["account_id"], item)
    itself = baskets.rows(ids).ever.toarray().ravel().astype(np.int64)
    return pairs.assign(peers_buying=buying - itself, peers=peers, penetration=(buying - itself) / np.maximum(peers, 1))


def _group_counts(baskets: Baskets, groups: pd.DataFrame) -> tuple[pd.Index, Numbers, Numbers]:
    """The labels, how many accounts of each bought each item, and how many accounts each has (those that ever bought)."""
    n = len(baskets.accounts)
    shared = groups[list(LEVELS)].reindex(baskets.accounts).assign(all="all").set_axis(range(n))
    label = pd.concat([shared[level].dropna() for level in LEVELS])
    names = pd.Index(sorted(set(label)))
    ones = np.ones(len(label), dtype=np.float32)
    belongs = sparse.csr_matrix((ones, (names.get_indexer(pd.Index(label)), label.index)), shape=(len(names), n))
    return names, (belongs @ baskets.ever).toarray(), np.asarray(belongs.sum(axis=1)).ravel()


def _scorer(method: Method, baskets: Baskets, groups: pd.DataFrame) -> tuple[Scorer, Numbers | None]:
    if method.name == "ease":
        weights = item_weights(baskets, float(method.regularisation or 0.0))
        return score_by_weights(weights), weights
    if method.name == "popularity":
        return score_by_popularity(baskets), None
    names, counts, sizes = _group_counts(baskets, groups)
    popular = baskets.popularity() / np.float32(max(len(baskets.accounts), 1))
    tie_break = np.float32(1e-3) * popular
    share = np.vstack([counts / np.maximum(sizes, 1)[:, None] + tie_break, popular]).astype(np.float32)

    def by_peers(some: Baskets) -> Numbers:
        found: Numbers = share[names.get_indexer(pd.Index(groups["group"].reindex(some.accounts).fillna("all")))]
        return found

    return by_peers, None


def _peers_buying(
    baskets: Baskets, groups: pd.DataFrame, account_ids: pd.Series[Any], item: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many comparable accounts ever bought the item, and how many there are, the account itself left out."""
    names, counts, sizes = _group_counts(baskets, groups)
    counts = np.vstack([counts, baskets.popularity()])
    sizes = np.append(sizes, len(baskets.accounts))
    place = names.get_indexer(pd.Index(groups["group"].reindex(account_ids).fillna("all")))
    itself = account_ids.isin(baskets.accounts).to_numpy()
    return counts[place, item].astype(np.int64), (sizes[place] - itself).astype(np.int64)


def _expected(table: pd.DataFrame, history: History, method: Method, rules: CrossSellingRules) -> pd.DataFrame:
    """expected_revenue with expected_low and expected_high, expected_margin (missing where no line carries a margin)."""
    spend = spending_shares(history)
    chance = method.chance(table["rank"], table["penetration"], rules)
    size = table["account_id"].map(history.yearly_revenue).astype(float).fillna(0.0) * chance
    for column, quantile in (("expected_low", 0.25), ("expected_revenue", 0.5), ("expected_high", 0.75)):
        table[column] = size * table["item"].map(spend[quantile]).astype(float).fillna(0.0)
    bought = history.purchases.dropna(subset=["margin"]).groupby("item")[["margin", "revenue"]].sum()
    table["expected_margin"] = table["expected_revenue"] * table["item"].map(
        bought["margin"] / bought["revenue"]
    ).astype(float)
    return table


def spending_shares(history: History) -> pd.DataFrame:
    """What share of its purchases an account that buys an item spends on it within a year: quartiles by item."""
    last = history.purchases[history.purchases["date"] >= history.first_day(YEAR)]
    by_item = last.groupby(["account_id", "item"])["revenue"].sum()
    share = by_item / by_item.groupby("account_id").transform("sum")
    return pd.DataFrame({quarter: share.groupby("item").quantile(quarter) for quarter in (0.25, 0.5, 0.75)})


def _gates(
    account_ids: pd.Series[Any], history: History, risk: pd.DataFrame, baskets: Baskets, rules: CrossSellingRules
) -> NDArray[np.object_]:
    few = len(baskets.accounts) < rules.fewest_accounts.value or len(baskets.items) < rules.fewest_items.value
    red = risk.loc[risk["level"] == RiskLevel.RED, "account_id"]
    loss = history.accounts.loc[history.accounts["margin"] < 0, "account_id"]
    closed = account_ids.isin(red) | account_ids.isin(loss)
    return np.where(closed, Gate.CLOSED.value, Gate.NOT_ASSESSABLE.value if few else Gate.OPEN.value).astype(object)


def _because(
    subset: Baskets, baskets: Baskets, places: NDArray[np.int64], weights: Numbers | None
) -> NDArray[np.int64]:
    """The bought item that speaks most for each proposed one (−1: none): the largest part of its score, or, without item
    weights, the item most often bought together beyond chance."""
    found = np.full(places.shape, -1, dtype=np.int64)
    popular = np.maximum(baskets.popularity(), 1)
    together = None if weights is not None else (baskets.ever.T @ baskets.ever).toarray()
    for i in range(len(places)):
        row = subset.recent.indices[subset.recent.indptr[i] : subset.recent.indptr[i + 1]]
        shown = places[i][places[i] >= 0]
        if not len(row) or not len(shown):
            continue
        if weights is not None:
            bought = subset.recent.data[subset.recent.indptr[i] : subset.recent.indptr[i + 1]]
            parts = bought[:, None] * weights[np.ix_(row, shown)]
        else:
            assert together is not None
            parts = together[np.ix_(row, shown)] / popular[row][:, None]
        found[i, : len(shown)] = row[parts.argmax(axis=0)]
    return found


def _explained(
    table: pd.DataFrame,
    because: NDArray[np.int64],
    account: NDArray[np.int64],
    item: NDArray[np.int64],
    baskets: Baskets,
    items: pd.DataFrame,
) -> pd.DataFrame:
    """evidence and values: how many comparable accounts buy the item, and what was bought together how often."""
    cause = because[account, table["rank"].to_numpy() - 1]
    ever = baskets.ever.tocsc()
    pairs = pd.DataFrame({"cause": np.maximum(cause, 0), "item": item})
    unique = pairs.drop_duplicates()
    both = ever[:, unique["cause"].to_numpy()].multiply(ever[:, unique["item"].to_numpy()]).sum(axis=0)
    counted = unique.assign(both=np.asarray(both).ravel())
    together = pairs.merge(counted, on=["cause", "item"], how="left")["both"].to_numpy()
    popular = np.maximum(baskets.popularity().astype(float), 1.0)
    lift = together * len(baskets.accounts) / (popular[pairs["cause"]] * popular[item])
    reasoned = (cause >= 0) & (together >= FEWEST_TOGETHER) & (lift > 1.05)
    names = items.drop_duplicates("item").set_index("item")["name"].astype("object").reindex(baskets.items)
    labels = names.fillna(pd.Series(baskets.items, index=baskets.items)).astype(str).to_list()
    values = [
        {
            "category": labels[i],
            "n": int(n),
            "peers": int(peers),
            "because": labels[c] if known else None,
            "lift": float(times),
            "both": int(cases),
            "expected": float(expected),
            "low": float(low),
            "high": float(high),
        }
        for i, n, peers, c, known, times, cases, expected, low, high in zip(
            item,
            table["peers_buying"],
            table["peers"],
            cause,
            reasoned,
            lift,
            together,
            table["expected_revenue"],
            table["expected_low"],
            table["expected_high"],
            strict=True,
        )
    ]
    return table.assign(
        evidence=np.where(reasoned, "cross_because", "cross_peers"),
        confidence=np.where(cause >= 0, together / popular[pairs["cause"]], 0.0) * (together >= FEWEST_TOGETHER),
        values=pd.Series(values, index=table.index, dtype=object),
    )


def _told(code: str, rows: int, **values: Any) -> Finding:
    return Finding(code, "transactions", Severity.INFO, rows=rows, values=values)
