"""What an account is worth: revenue, margin and potential side by side, the whale curve, the share of wallet (S3, S11)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kamkit.analysis.pareto import rank_accounts
from kamkit.model.codes import Basis, WalletSource
from kamkit.model.engagement import Period
from kamkit.model.results import CustomerValue, Pareto
from kamkit.model.smallest_set import largest_first, whole_units

FEWEST_PEERS = 30
"""Fewer comparable accounts hold no quantile that means anything (convention)."""

QUANTILES = (0.8, 0.9)
"""What the best-served of comparable accounts buy is read between these (Perlich et al. 2007 use high quantiles)."""

AROUND = {WalletSource.CUSTOMER: 0.10, WalletSource.KAM: 0.25, WalletSource.STATED: 0.25}
"""How far off a wallet may be that somebody has named, as a share of it (convention)."""

SAID_BY = (
    (WalletSource.KAM, re.compile(r"(?i)\bkam\b|estimate|schätz|key.?account|außendienst|vertrieb|sales|field")),
    (WalletSource.CUSTOMER, re.compile(r"(?i)customer|kunde|client|statement|einkauf|gespräch")),
)
"""Words of `wallet_source` that say who named the wallet; where both are found it counts as an estimate of one's own."""


def value_accounts(accounts: pd.DataFrame, ranking: Pareto, period: Period) -> CustomerValue:
    """The accounts of the ranking on three bases, and the whale curve of their margins (after Cooper & Kaplan 1991: the
    margin cumulated, the most profitable accounts first).

    `accounts`: account_id, name, revenue, margin, and as far as known wallet, wallet_source, industry_code,
    industry_version. The wallet is what somebody has said, the customer before the key account manager; else, where at
    least 30 other accounts of the industry division have revenue, the middle of the 80 % and 90 % quantiles of theirs
    (quantile model: Perlich et al. 2007), never less than the account's own revenue. Where that is at or
    above the 90 % quantile the model knows nothing beyond it, and the wallet cannot be assessed: own revenue is no
    wallet. Wallets and the revenue beside them are per year.
    """
    rows = pd.Index(accounts["account_id"], dtype=object).get_indexer(
        pd.Index(ranking.table["account_id"], dtype=object)
    )
    accounts = accounts.iloc[rows].reset_index(drop=True)
    wallets = estimate_wallets(accounts, period.years)
    named = accounts[["account_id", "name", "revenue", "margin"]].assign(wallet=wallets["wallet"])
    bases = ((Basis.REVENUE, "revenue"), (Basis.MARGIN, "margin"), (Basis.POTENTIAL, "wallet"))
    parts = [_on_basis(named, basis, column, ranking) for basis, column in bases]
    below = wallets["wallet"] < wallets["yearly"]
    share = (wallets["yearly"] / wallets["wallet"].where(wallets["wallet"] > 0)).mask(below | (wallets["yearly"] < 0))
    parts.append(wallets[["wallet_low", "wallet_high", "wallet_source"]].assign(share_of_wallet=share))
    table = pd.concat([named[["account_id", "name"]], *parts], axis=1)
    needed = (("margin", "transactions.margin"), ("wallet", "customers.wallet"))
    missing = tuple(name for column, name in needed if table[column].isna().all())
    return CustomerValue(
        table=table,
        missing=missing,
        n_wallet_below_revenue=int(below.sum()),
        **_whale(named[["account_id", "name", "margin"]]),
    )


def _on_basis(named: pd.DataFrame, basis: Basis, column: str, ranking: Pareto) -> pd.DataFrame:
    """The amount, and its rank, share and class among the amounts above zero, in the order of `named`."""
    kinds = {f"{column}_rank": "Int64", f"{column}_share": "float64", f"{column}_class": "string"}
    known = named.assign(name=range(len(named)))[named[column].notna()]  # the name brings each row back to its place
    if known.empty:
        return named[[column]].reindex(columns=[column, *kinds]).astype(kinds)
    if basis is Basis.REVENUE is ranking.basis:
        ranked = ranking.table
    else:
        ranked = rank_accounts(known, ranking.threshold, basis).table.set_index("name")
    ranked = ranked[["rank", "share", "abc_class"]].set_axis(list(kinds), axis=1).reindex(named.index).astype(kinds)
    if basis is Basis.MARGIN:
        ranked["margin_class"] = ranked["margin_class"].mask(
            ranked["margin_class"].isna() & named[column].notna(), "loss"
        )
    return pd.concat([named[[column]], ranked], axis=1)


def _whale(named: pd.DataFrame) -> dict[str, Any]:
    """The whale curve and what it says; without shares where the margins do not add up to more than zero."""
    known = named[named["margin"].notna()].reset_index(drop=True)
    without = {"n_without_margin": len(named) - len(known)}
    if known.empty:
        return without
    units, digits = whole_units(known["margin"])
    order = largest_first(units, known["account_id"].astype(str).tolist())
    units, scale = units[order], 10**digits
    reached = np.cumsum(units)
    total, n_at_peak = int(reached[-1]), int((units > 0).sum())
    top = int(reached[n_at_peak - 1]) if n_at_peak else 0
    whale = known.iloc[order].reset_index(drop=True)
    whale.insert(0, "place", np.arange(1, len(whale) + 1))
    whale["cumulated"] = (reached / scale).astype(float)
    whale["cumulated_share"] = (reached / total).astype(float) if total > 0 else np.nan
    shares = {"peak": top / total, "erosion": (top - total) / total} if total > 0 else {}
    return without | shares | {
        "whale": whale,
        "margin_total": total / scale,
        "gained": top / scale,
        "lost": (top - total) / scale,
        "n_at_peak": n_at_peak,
        "n_loss_makers": int((units < 0).sum()),
    }  # fmt: skip


def estimate_wallets(accounts: pd.DataFrame, years: float = 1.0) -> pd.DataFrame:
    """wallet, wallet_low, wallet_high, wallet_source, yearly (own revenue per year), in the order of `accounts`.

    A wallet that somebody named is taken as it is, with a range by who named it (convention).
    """
    blank = pd.Series(pd.NA, index=accounts.index, dtype="string")
    own = accounts["revenue"].astype(float) / years
    said = accounts.get("wallet", blank).astype("float64")
    said = said.where(said > 0)
    source = _by_text(accounts.get("wallet_source", blank), _who).where(said.notna())
    around = source.map({who.value: share for who, share in AROUND.items()}).astype(float)
    model = _from_peers(accounts, own).where(said.isna())
    modelled = model["low"].notna()
    return pd.DataFrame(
        {
            "wallet": said.fillna((model["low"] + model["high"]) / 2),
            "wallet_low": (said * (1 - around)).fillna(model["low"]),
            "wallet_high": (said * (1 + around)).fillna(model["high"]),
            "wallet_source": source.mask(modelled, WalletSource.MODEL.value),
            "yearly": own,
        }
    )


def _by_text(texts: pd.Series, meaning: Callable[[Any], str | None]) -> pd.Series:
    """What each text means, asked once for every different one."""
    code, different = pd.factorize(texts, use_na_sentinel=False)
    return pd.Series(pd.array([meaning(text) for text in different], dtype="string")[code], index=texts.index)


def _division(code: Any) -> str | None:
    found = None if pd.isna(code) else re.match(r"\s*[A-Za-z]?\s*(\d{2})", code)
    return found[1] if found else None


def _who(text: Any) -> str:
    """Who named a wallet, from what the client wrote."""
    if pd.isna(text):
        return WalletSource.STATED.value
    return next((who for who, words in SAID_BY if words.search(str(text))), WalletSource.STATED).value


def _from_peers(accounts: pd.DataFrame, own: pd.Series) -> pd.DataFrame:
    """low, high: the quantiles of the revenue of the others of the same industry division, at least the own revenue."""
    blank = pd.Series(pd.NA, index=accounts.index, dtype="string")
    code, version = (accounts.get(f"industry_{name}", blank).astype("string") for name in ("code", "version"))
    division = version.fillna("") + " " + _by_text(code, _division)
    group = pd.factorize(division.where(own > 0))[0]
    amounts, bounds = own.to_numpy(), np.full((len(accounts), 2), np.nan)
    order = np.argsort(group, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        if len(rows) > FEWEST_PEERS and group[rows[0]] >= 0:
            ours = amounts[rows]
            low, high = (np.maximum(ours, quantile_of_others(ours, q)) for q in QUANTILES)
            bounds[rows] = np.where((ours < high)[:, None], np.column_stack([low, high]), np.nan)
    return pd.DataFrame(bounds, columns=["low", "high"], index=accounts.index)


def quantile_of_others(values: NDArray[np.float64], q: float) -> NDArray[np.float64]:
    """For each value the quantile of all the others (linear between neighbours); at least two values."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    place = (len(values) - 2) * q
    below, part = int(place), place - int(place)
    position = np.empty(len(values), dtype=np.int64)
    position[order] = np.arange(len(values))
    first = ranked[below + (position <= below)]
    second = ranked[np.minimum(below + 1, len(values) - 2) + (position <= min(below + 1, len(values) - 2))]
    quantiles: NDArray[np.float64] = first + part * (second - first)
    return quantiles
