"""Who depends on whom: the pair of figures behind alliance, takeover and partnership (domain §2; Emerson 1962,
Casciaro & Piskorski 2005). Both are scaled before they are compared, since raw shares differ tenfold."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kamkit.analysis.options.history import History
from kamkit.analysis.options.scoring import anchor
from kamkit.model.codes import Option
from kamkit.model.option_rules import OptionRules
from kamkit.model.words import plain, word_pattern

LEAST_MARGIN_COVERAGE = 0.8
RATINGS = {
    "fit": word_pattern(["fit", "strategic fit", "passung", "strategische passung"]),
    "trust": word_pattern(["trust", "vertrauen*"]),
    "complementarity": word_pattern(["complementar*", "ergaenz*"]),
    "benefit": word_pattern(["benefit*", "customer benefit", "nutzen*", "kundennutzen"]),
    "criticality": word_pattern(["critical*", "kritisch*", "kritikal*", "bedeutung*"]),
    "substitutability": word_pattern(["substitut*", "ersetzbar*", "austauschbar*"]),
    "importance": word_pattern(["importance", "strategic importance", "strategische bedeutung", "wichtigkeit"]),
    "difficulty": word_pattern(["difficult*", "schwierig*", "betreuungsaufwand"]),
    "attractiveness": word_pattern(["attractiv*", "attraktiv*", "kundenattraktiv*"]),
    "position": word_pattern(["position", "own position", "eigene position", "eigene position beim kunden"]),
    "demand_growth": word_pattern(["demand growth", "growth of demand", "bedarfswachstum", "wachstum des bedarfs"]),
    "common_interests": word_pattern(["common interest*", "interessengleichheit", "gemeinsame interessen"]),
    "integration": word_pattern(["*integration*", "edi", "edi vmi", "vmi", "*anbindung*"]),
    "information": word_pattern(
        ["information*", "*informationsaustausch*", "*forecast*", "*prognose*", "*planungsdaten*"]
    ),
}
LOWEST, HIGHEST = 1.0, 5.0


def dependence(history: History, rules: OptionRules) -> pd.DataFrame:
    """Per account_id: our_dependence (share of the margin where 80 % of revenue carry one, else of the revenue of the
    last 12 months), their_dependence (own share of their demand × criticality × (1 − substitutability), as far as rated;
    missing without wallet), ours and theirs (both scaled 0–1 by the anchors of takeover), mutual (sum), imbalance
    (absolute difference), balanced (harmonic mean)."""
    accounts = history.accounts.set_index("account_id")
    indicators = rules.options[Option.TAKEOVER].indicators
    raw = pd.DataFrame({"our_dependence": our_dependence(history)})
    wallet = accounts["wallet"].astype(float).reindex(raw.index)
    theirs = (history.yearly_revenue.reindex(raw.index).fillna(0.0) / wallet.where(wallet > 0)).clip(upper=1.0)
    rated = ratings(history.tables.get("ratings")).reindex(raw.index)
    for item, low_counts in (("criticality", False), ("substitutability", True)):
        if item in rated:
            scaled = ((rated[item] - LOWEST) / (HIGHEST - LOWEST)).clip(0, 1)
            theirs = theirs * (1 - scaled if low_counts else scaled).fillna(1.0)
    raw["their_dependence"] = theirs
    ours, their = (anchor(raw[name], indicators[name]) for name in ("our_dependence", "their_dependence"))
    total = ours + their
    return raw.assign(
        ours=ours,
        theirs=their,
        mutual=total,
        imbalance=(ours - their).abs(),
        balanced=2 * ours * their / total.where(total > 0),
    )


def our_dependence(history: History) -> pd.Series[float]:
    """The account's share of the client's margin, or of its revenue where margins are not known well enough."""
    base = dependence_base(history)
    return base / base.sum() if base.sum() > 0 else base * np.nan


def dependence_base(history: History) -> pd.Series[float]:
    """What `our_dependence` is a share of, by account_id: margin, else revenue, never below zero."""
    revenue = history.yearly_revenue.reindex(history.accounts["account_id"]).fillna(0.0)
    accounts = history.accounts.set_index("account_id")
    weight = accounts["revenue"].clip(lower=0)
    known = float((accounts["margin_coverage"].fillna(0.0) * weight).sum() / max(float(weight.sum()), 1e-9))
    margin = accounts["margin"].astype(float).clip(lower=0)
    return margin if known >= LEAST_MARGIN_COVERAGE and margin.sum() > 0 else revenue


def ratings(given: pd.DataFrame | None) -> pd.DataFrame:
    """The mean rating (1–5) by account_id of the table `ratings`, a column per known item; empty without ratings."""
    if given is None or given.empty:
        return pd.DataFrame()
    words = given["item"].map(lambda text: plain(str(text)))
    named = words.map(lambda text: next((name for name, pattern in RATINGS.items() if pattern.fullmatch(text)), None))
    known = given.assign(named=named).dropna(subset=["named", "value"])
    return known.pivot_table(index="account_id", columns="named", values="value", aggfunc="mean").astype(float)
