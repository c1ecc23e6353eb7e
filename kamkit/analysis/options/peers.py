"""Who is comparable to an account, and how many of them buy what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from kamkit.analysis.options.baskets import Baskets, Numbers
from kamkit.analysis.options.history import History
from kamkit.model.option_rules import CrossSellingRules

SIZE_BANDS = 4
LEVELS = ("all", "size", "industry", "both")
"""What accounts can have in common, the closest last."""


def peer_groups(history: History, account_ids: pd.Index, rules: CrossSellingRules) -> pd.DataFrame:
    """Who is comparable, by account_id: what it has in common with others (all, size, industry, both: the quarter of size
    and the industry division) and `group`, the closest of these that has enough accounts with revenue in the last year.

    The peers of an account are all that share its group's label, also those that have a closer group of their own.
    """
    active = history.yearly_revenue
    active = active[active > 0]
    ids = pd.Index(account_ids.astype(object))
    codes = history.accounts.set_index("account_id")["industry_code"].reindex(ids).astype("string")
    groups = pd.DataFrame("all", index=ids, columns=[*LEVELS, "group"], dtype="string")
    groups["size"] = pd.Series(pd.NA, index=ids, dtype="string")
    groups["industry"] = "industry " + codes.str.extract(r"^(\d{2})")[0]
    if len(active) >= SIZE_BANDS:
        limits = active.quantile(np.linspace(0, 1, SIZE_BANDS + 1)[1:-1]).to_numpy()
        size = active.reindex(ids).fillna(0.0).to_numpy()
        groups["size"] = "size " + pd.Series(np.searchsorted(limits, size, side="left"), index=ids).astype("string")
    groups["both"] = groups["industry"] + " " + groups["size"]
    fewest = rules.fewest_peers.value + 1
    for level in LEVELS[1:]:
        count = groups.loc[groups.index.isin(active.index), level].value_counts()
        enough = groups[level].isin(count.index[count >= fewest])
        groups["group"] = groups["group"].mask(enough, groups[level])
    return groups


@dataclass(frozen=True, eq=False)
class Peers:
    """How many comparable accounts ever bought which item: `groups` as of `peer_groups`, and by label the accounts that
    ever bought (`sizes`) and those that bought each item (`counts`, labels × items; everybody in the last row)."""

    groups: pd.DataFrame
    labels: pd.Index
    counts: Numbers
    sizes: Numbers
    accounts: pd.Index

    def buying(
        self, account_ids: pd.Series[Any], item: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """How many comparable accounts ever bought the item, and how many there are, the account itself left out of the
        latter (it has not bought the item)."""
        place = self._place(account_ids)
        itself = account_ids.isin(self.accounts).to_numpy()
        return self.counts[place, item].astype(np.int64), (self.sizes[place] - itself).astype(np.int64)

    def widely_bought(self, account_ids: pd.Index, items: pd.Index, share: float, fewest: float) -> pd.DataFrame:
        """The items that so large a share of at least so many comparable accounts ever bought: account_id, item."""
        wide = (self.counts >= share * np.maximum(self.sizes, 1)[:, None]) & (self.sizes > fewest)[:, None]
        account, item = np.nonzero(wide[self._place(account_ids)])
        return pd.DataFrame({"account_id": account_ids[account], "item": items[item]})

    def score(self, some: Baskets) -> Numbers:
        """The share of comparable accounts that ever bought each item; the share of all decides between equal ones."""
        share = self.counts / np.maximum(self.sizes, 1)[:, None]
        scores: Numbers = (share + np.float32(1e-3) * share[-1]).astype(np.float32)
        return scores[self._place(some.accounts)]

    def _place(self, account_ids: pd.Index | pd.Series[Any]) -> NDArray[np.int64]:
        found: NDArray[np.int64] = self.labels.get_indexer(
            pd.Index(self.groups["group"].reindex(account_ids).fillna(""))
        )
        return found


def find_peers(history: History, baskets: Baskets, account_ids: pd.Index, rules: CrossSellingRules) -> Peers:
    """The peers of some accounts, and what those of the baskets bought."""
    groups = peer_groups(history, account_ids.union(baskets.accounts), rules)
    n = len(baskets.accounts)
    shared = groups[list(LEVELS)].reindex(baskets.accounts).set_axis(range(n))
    label = pd.concat([shared[level].dropna() for level in LEVELS])
    labels = pd.Index(sorted(set(label)))
    ones = np.ones(len(label), dtype=np.float32)
    belongs = sparse.csr_matrix((ones, (labels.get_indexer(pd.Index(label)), label.index)), shape=(len(labels), n))
    counts = np.vstack([(belongs @ baskets.ever).toarray(), baskets.popularity()]).astype(np.float32)
    sizes = np.append(np.asarray(belongs.sum(axis=1)).ravel(), n).astype(np.float32)
    return Peers(groups, labels, counts, sizes, baskets.accounts)


def comparable(
    history: History, baskets: Baskets, account_ids: pd.Index, account_id: str, rules: CrossSellingRules
) -> tuple[NDArray[np.bool_], str]:
    """Which accounts of the baskets are the peers of one of `account_ids`, as `find_peers` counts them for these, and what
    they have in common with it (one of LEVELS)."""
    groups = peer_groups(history, account_ids.union(baskets.accounts), rules)
    label = str(groups.at[account_id, "group"])
    common = next(level for level in LEVELS if str(groups.at[account_id, level]) == label)
    alike = groups[list(LEVELS)].isin([label]).any(axis=1).reindex(baskets.accounts)
    found: NDArray[np.bool_] = alike.to_numpy(bool) & (baskets.accounts != account_id)
    return found, common


def penetration(peers: Peers, baskets: Baskets, pairs: pd.DataFrame) -> pd.DataFrame:
    """How many comparable accounts ever bought each item: the pairs (account_id, item) with peers_buying, peers (the account
    itself left out) and penetration, their ratio; missing for items that are not in the baskets."""
    item = baskets.items.get_indexer(pd.Index(pairs["item"]))
    account = baskets.accounts.get_indexer(pd.Index(pairs["account_id"]))
    own = (item >= 0) & (account >= 0)
    itself = np.zeros(len(pairs))
    itself[own] = np.asarray(baskets.ever[account[own], item[own]]).ravel()
    buying, n_peers = peers.buying(pairs["account_id"], np.maximum(item, 0))
    found = pairs.assign(peers_buying=buying - itself, peers=n_peers.astype(float))
    found.loc[item < 0, ["peers_buying", "peers"]] = np.nan
    return found.assign(penetration=found["peers_buying"] / found["peers"].clip(lower=1))
