"""What accounts are worth, what hangs on the largest, and how the list has changed: sentences and tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from html import escape

import pandas as pd

from kamkit.model.results import KeyAccounts
from kamkit.telling.language import Labels
from kamkit.telling.prose import Sentence
from kamkit.telling.results import of_key_accounts, ranking
from kamkit.telling.tables import MOST_ROWS, DisplayTable, display_table

MOST_NAMED = 6
WALLET = ("wallet", "wallet_low", "wallet_high", "wallet_source")


class Sentences(tuple[str, ...]):
    """Computed sentences that a notebook shows as a list."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in self) + "</ul>"

    def __repr__(self) -> str:
        return "\n".join(self)


def whale_headline(key_accounts: KeyAccounts, labels: Labels) -> Sentence:
    """How much margin the profitable accounts bring, and how much of it the others take away again."""
    found = key_accounts.value
    if found.whale.empty:
        return Sentence(labels("value.whale_unknown"))
    if labels.missing(found.peak):
        return Sentence(labels("value.whale_negative", margin=found.margin_total, gained=found.gained, lost=found.lost))
    if not found.n_loss_makers:
        return Sentence(labels("value.whale_no_loss", n=len(found.whale)))
    words = {"top": found.n_at_peak, "total": len(found.whale), "peak": found.peak, "lost": found.lost}
    return Sentence(labels("value.whale", n=found.n_loss_makers, **words))


def wallet_sentence(key_accounts: KeyAccounts, labels: Labels) -> Sentence:
    """For how many key accounts it is known what they spend in all, and how much of that the client has."""
    table = of_key_accounts(key_accounts.value.table, key_accounts) if len(key_accounts.value.table) else None
    if table is None or table["wallet"].isna().all():
        return Sentence(labels("value.wallet_unknown"))
    said = labels("value.wallet", n=int(table["wallet"].notna().sum()), total=len(table))
    below = int((table["wallet"].notna() & table["share_of_wallet"].isna()).sum())
    return Sentence(f"{said} {labels('value.wallet_below', n=below)}" if below else said)


def exposure_sentences(key_accounts: KeyAccounts, labels: Labels) -> Sentences:
    """What would be missing without the largest account and without the three largest."""
    found, said = key_accounts.exposure, []
    for row in found.losses.to_dict("records"):
        n, names = row["n_lost"], row["names"]
        words = {
            "name": names[0],
            "others": names[1:],
            "share": labels.percent(row["revenue_lost_share"], 1),
            "money": row["revenue_lost"],
        }
        parts = [labels(f"exposure.revenue_{n}", **words)]
        if not labels.missing(row["margin_lost"]):
            key = "exposure.margin" if row["margin_lost"] >= 0 else "exposure.margin_gained"
            parts.append(labels(key, lost=abs(row["margin_lost"]), left=row["margin_left"]))
        if not labels.missing(row["cover_left"]):
            parts.append(labels("exposure.cover", cover=found.cover, left=row["cover_left"]))
        said.append(" ".join(parts))
    if said and found.missing:
        missing = labels.names(labels.lacking(found.missing))
        said.append(labels("exposure.not_assessable", names=missing))
    return Sentences(said)


def concentration_sentences(key_accounts: KeyAccounts, labels: Labels) -> Sentences:
    """Which accounts reach the 10 % of revenue that IFRS 8.34 names, and that research on concentration is mixed: figures
    show exposure, no verdict."""
    found = key_accounts.exposure
    if found.losses.empty and found.disclosed.empty:
        return Sentences()
    shares = zip(found.disclosed["name"], found.disclosed["share"], strict=True)
    listed = [labels("exposure.share_of", name=name, share=labels.percent(share, 1)) for name, share in shares]
    line = labels("exposure.disclosed", n=len(listed), listed=listed) if listed else labels("exposure.none_disclosed")
    return Sentences((line, labels("exposure.evidence")))


def list_history_sentences(key_accounts: KeyAccounts, labels: Labels) -> Sentences:
    """What has changed since the span before, how much of it may be chance, and what a firmer rule would keep; or why
    nothing is compared."""
    found = key_accounts.history
    if found.before is None:
        return Sentences((labels(f"list_history.why.{found.reason}"),) if found.reason else ())
    left, entered = found.n_before - found.n_both, found.n_now - found.n_both
    words = {"both": found.n_both, "left": left, "entered": entered}
    said = [labels("list_history.change", n=found.n_before, **words)]
    if found.within_chance is None:
        said.append(labels("list_history.described", overlap=found.overlap))
    else:
        side = "inside" if found.within_chance else "below" if found.overlap < found.chance_low else "above"
        band = {"low": found.chance_low, "high": found.chance_high}
        said.append(labels(f"list_history.{side}", overlap=found.overlap, **band))
    said += [hysteresis_sentence(key_accounts, labels), *_fallen(key_accounts, labels), regression_to_the_mean(labels)]
    return Sentences(said)


def hysteresis_sentence(key_accounts: KeyAccounts, labels: Labels) -> str:
    """Whom the list would keep if an account had to be outside for two years before it leaves."""
    kept = key_accounts.history.kept
    rule = labels("list_history.rule")
    if kept.empty:
        return labels("list_history.kept_none", rule=rule)
    return labels("list_history.kept", rule=rule, listed=_listed(kept["name"], labels))


def regression_to_the_mean(labels: Labels) -> Sentence:
    """Why a comparison of before and after proves no effect; to be said beside every one."""
    return Sentence(labels("list_history.regression"))


def _fallen(key_accounts: KeyAccounts, labels: Labels) -> tuple[str, ...]:
    """How many of the former key accounts have fallen, beside what chance alone would do."""
    found = key_accounts.history
    if found.fallen_low is None or not found.n_before:
        return ()
    words = {"before": found.n_before, "low": found.fallen_low, "high": found.fallen_high}
    key = "list_history.fallen_as_chance" if found.fallen_low == found.fallen_high else "list_history.fallen"
    return (labels(key, n=found.n_fallen, **words),)


def _listed(names: Iterable[object], labels: Labels) -> list[str]:
    """The first names, and how many more there are."""
    every = [str(name) for name in names]
    rest = len(every) - MOST_NAMED
    return every if rest <= 1 else [*every[:MOST_NAMED], labels("value.further", n=rest)]


def value_table(key_accounts: KeyAccounts, labels: Labels, most: int | None = MOST_ROWS) -> DisplayTable:
    """The key accounts on three bases: revenue, contribution margin, potential with source and range."""
    value = key_accounts.value.table
    if value.empty:
        return display_table(pd.DataFrame(columns=["name"]), "value", "name", labels)
    table = ranking(key_accounts).query("chosen")[["account_id", "rank"]].merge(value, on="account_id")
    unknown = labels("answer.not_assessable") if table["wallet"].notna().any() else None
    table["potential"] = [
        unknown if labels.missing(wallet) else labels("value.potential", wallet=wallet, low=low, high=high, source=who)
        for wallet, low, high, who in table[list(WALLET)].itertuples(index=False)
    ]
    columns = (
        "rank:count name revenue:money_short revenue_class margin:money_short margin_class:word:margin_class potential "
        "share_of_wallet:percent"
    )
    return display_table(table, "value", columns, labels, most)


def losses_table(key_accounts: KeyAccounts, labels: Labels) -> DisplayTable:
    """What is left without the largest account and without the three largest."""
    found = key_accounts.exposure
    if found.losses.empty:
        return display_table(pd.DataFrame(columns=["lost"]), "losses", "lost", labels)
    today = {"margin_left": found.margin, "cover_left": found.cover, "revenue_left": found.revenue}
    losses = found.losses.assign(
        lost=[labels(f"exposure.lost_{n}") for n in found.losses["n_lost"]],
        revenue_left=found.revenue - found.losses["revenue_lost"],
    )
    frame = pd.concat([pd.DataFrame([{"lost": labels("exposure.lost_0"), **today}]), losses], ignore_index=True)
    columns = (
        "lost revenue_left:money_short revenue_lost_share:percent margin_lost:money_short margin_left:money_short "
        "cover_left:percent"
    )
    return display_table(frame, "losses", columns, labels)


def list_changes_table(key_accounts: KeyAccounts, labels: Labels, most: int | None = MOST_ROWS) -> DisplayTable:
    """Who came onto the list since the span before, and who left it."""
    columns = "change:word:list_change name before:money now:money"
    changes = key_accounts.history.changes
    empty = pd.DataFrame(columns=["change", "name", "before", "now"])
    return _or_why(
        display_table(changes if len(changes) else empty, "list_changes", columns, labels, most), key_accounts, labels
    )


def transitions_table(key_accounts: KeyAccounts, labels: Labels) -> DisplayTable:
    """How many accounts went from which class (rows) to which (columns)."""
    counts = key_accounts.history.transitions
    frame = counts if len(counts) else pd.DataFrame(columns=["class_before"])
    frame = frame.rename(columns={name: f"to_{name}" for name in ("A", "B", "C", "none")})
    columns = "class_before:word:class_before to_A:count to_B:count to_C:count to_none:count"
    return _or_why(display_table(frame, "transitions", columns, labels), key_accounts, labels)


def list_figures_table(key_accounts: KeyAccounts, labels: Labels) -> DisplayTable:
    """How alike the two lists and rankings are, as figures."""
    found = key_accounts.history
    unknown = labels("answer.not_assessable")
    figures = {
        "overlap": labels.percent(found.overlap),
        "kendall": unknown if labels.missing(found.kendall) else labels.number(found.kendall, 2),
        "rank_biased_overlap": (
            unknown if labels.missing(found.rank_biased_overlap) else labels.number(found.rank_biased_overlap, 2)
        ),
    }
    rows = [(labels(f"figure.{name}"), text, labels(f"figure_meaning.{name}")) for name, text in figures.items()]
    frame = pd.DataFrame(rows if found.before else [], columns=["figure", "value", "meaning"])
    return _or_why(display_table(frame, "list_figures", "figure value meaning", labels), key_accounts, labels)


def _or_why(table: DisplayTable, key_accounts: KeyAccounts, labels: Labels) -> DisplayTable:
    """The table, or the sentence why there is nothing to compare."""
    reason = key_accounts.history.reason
    return replace(table, columns=(), more=labels(f"list_history.why.{reason}")) if reason else table
