"""The ranking that the workbook computes again itself when somebody moves the threshold or changes an amount."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from kamkit.analysis.pareto import ABC_LIMITS
from kamkit.model.codes import Basis
from kamkit.model.results import KeyAccounts
from kamkit.telling.chart_data import Frame
from kamkit.telling.language import Labels
from kamkit.telling.pareto_chart import n_named, open_headlines, pareto_headline, plot_pareto
from kamkit.telling.tables import DisplayTable, display_table

TOLERANCE = 1e-9
"""An account belongs to a limit while the share reached before it is below the limit by more than this: floats add up
to 1 only nearly. The steps of kamkit compare exactly; the two differ only where an account misses a limit by less."""

LOWEST, HIGHEST = 0.01, 1.0
"""Between which shares the threshold may be moved."""


@dataclass(frozen=True)
class LivePareto:
    """What belongs to a table of ranked accounts that computes itself: rank, name, value, share, cumulative_share,
    abc_class, is_key_account, account_id, tie_order (the place of account_id as text, from 1).

    `limits`: where classes A and B end. `n_named` accounts have names in the chart; `has_rest`: the others are blocks.
    `finding`: the sentence for the `threshold`, with `key_share` and the counts in it. `sentences`, with their
    placeholders, by case: none | only | one | other (the finding, where no account is above zero, where there is a
    single one, where one and where several are key accounts), further (several more key accounts) and rest (names of the
    blocks), threshold.
    """

    threshold: float
    limits: tuple[float, ...]
    n_accounts: int
    n_positive: int
    n_key_accounts: int
    key_share: float
    total: float
    n_named: int
    has_rest: bool
    finding: str
    sentences: Mapping[str, str]
    notes: tuple[str, ...]
    alt_text: str


def live_pareto(key_accounts: KeyAccounts, labels: Labels, frame: Frame) -> tuple[DisplayTable, LivePareto]:
    """The ranked accounts, and what a sheet needs to rank them again."""
    pareto = key_accounts.pareto
    ids = pareto.table["account_id"].astype(str).tolist()
    place = {account: i for i, account in enumerate(sorted(ids), start=1)}
    ranked = pareto.table["is_key_account"].astype(object).where(pareto.table["rank"].notna(), None)
    rows = pareto.table.assign(tie_order=[place[account] for account in ids], is_key_account=ranked)
    columns = (
        "rank:count name value:money share:percent cumulative_share:percent abc_class is_key_account account_id "
        "tie_order:count"
    )
    table = display_table(rows, "live_pareto", columns, labels, most=None, keep_empty=True)
    titles = {"value": labels(f"basis.{pareto.basis}")}
    table = replace(table, columns=tuple(replace(c, title=titles.get(c.name, c.title)) for c in table.columns))
    limits = tuple(map(float, ABC_LIMITS))
    n, n_key = pareto.n_positive, pareto.n_key_accounts
    return table, LivePareto(
        threshold=pareto.threshold,
        limits=limits,
        n_accounts=pareto.n_accounts,
        n_positive=n,
        n_key_accounts=n_key,
        key_share=pareto.key_account_share if n else 0.0,
        total=pareto.total_positive,
        n_named=n_named(n, n_key),
        has_rest=n_named(n, n_key) < n,
        finding=pareto_headline(pareto, labels),
        sentences=_sentences(pareto.basis, labels),
        notes=(
            labels("live_pareto.note_crossing"),
            labels("live_pareto.note_classes", a=limits[0], b=limits[1]),
            labels("live_pareto.note_below"),
            labels("live_pareto.note_sort"),
            labels("live_pareto.note_elsewhere", threshold=pareto.threshold),
        ),
        alt_text=plot_pareto(key_accounts, labels, frame, show_margin=False).alt_text,
    )


def _sentences(basis: Basis, labels: Labels) -> dict[str, str]:
    keys = {
        "none": "pareto.headline_none",
        "only": "pareto.headline_only",
        "further": "chart.further_key_accounts.other",
        "rest": "chart.rest",
        "threshold": "chart.threshold",
    }
    known = {"{of}": labels(f"chart.of_{basis}"), "{measure}": labels(f"basis.{basis}")}
    sentences = {case: labels.sentence(key) for case, key in keys.items()}
    for field, word in known.items():
        sentences = {case: sentence.replace(field, word) for case, sentence in sentences.items()}
    one, other = open_headlines(basis, labels)
    return {**sentences, "one": one, "other": other}
