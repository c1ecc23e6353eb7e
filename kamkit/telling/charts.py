"""The charts: results in, a figure with its finding as title out. Nothing is computed here that a table does not hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kamkit.analysis.exposure import DISCLOSED_FROM
from kamkit.model.codes import BASIC_CARE, Basis, Option
from kamkit.model.engagement import Period
from kamkit.model.results import KeyAccounts, StrategyOptions
from kamkit.telling.canvas import (
    INK,
    LINE,
    MUTE,
    PAGE_WIDTH,
    SIZES,
    A,
    B,
    C,
    Chart,
    Page,
    clean_name,
    drawing,
    fitted,
    text_width,
)
from kamkit.telling.language import Labels
from kamkit.telling.pareto_chart import pareto_headline, plot_pareto, unit_for

__all__ = ["pareto_headline", "plot_account_risk", "plot_concentration", "plot_pareto", "plot_recommendations"]

ROW = 0.30
MOST_AT_RISK = 10
RISK_COLOURS = {"red": LINE, "amber": B, "green": C}


@dataclass(frozen=True)
class Bar:
    """One horizontal bar: name, length, what is written beside it, colour."""

    name: str
    value: float
    label: str
    colour: str = A


def plot_concentration(
    key_accounts: KeyAccounts,
    labels: Labels,
    period: Period,
    *,
    fiscal_year_start: int = 1,
    source: str | None = None,
    width: float = PAGE_WIDTH,
) -> Chart:
    """How much hangs on few accounts: CR-n as bars beside the Lorenz curve with the Gini coefficient (appendix)."""
    found = key_accounts.concentration
    if not key_accounts.pareto.n_positive:
        return _empty(pareto_headline(key_accounts.pareto, labels), labels, source, width)
    figures = [("cr1", found.cr1), ("cr3", found.cr3), ("cr5", found.cr5), ("cr10", found.cr10)]
    figures = figures[: 1 + sum(n <= key_accounts.pareto.n_positive for n in (3, 5, 10))]
    bars = [Bar(labels(f"figure.{name}"), value, labels.percent(value)) for name, value in figures]
    bars.append(Bar(labels("concentration.top20"), found.top20_share, labels.percent(found.top20_share)))
    words = _words(labels, period, fiscal_year_start, key_accounts.pareto.n_positive)
    of = labels(f"chart.of_{key_accounts.pareto.basis}")
    with drawing():
        title = labels("concentration.headline", share=found.cr1, of=of)
        reached = key_accounts.pareto.basis is Basis.REVENUE and found.cr1 >= DISCLOSED_FROM
        notes = [labels("concentration.note_norm", limit=DISCLOSED_FROM)] if reached else []
        page = Page(title, labels("concentration.subtitle", of=of, **words), notes, _source(labels, source), 2.9, width)
        square = min(2.3, 0.3 * width)
        _draw_bars(page, bars, page.top + 0.35, page.right - square - 0.5, limit=1.0)
        axes = page.axes(page.right - square, page.right, page.top + 0.3, page.top + 0.3 + square, "lorenz")
        axes.plot([0, 1], [0, 1], color=C, linewidth=1.0)
        axes.plot(
            found.lorenz["account_share"], found.lorenz["cumulative_share"], color=LINE, linewidth=1.8, label="lorenz"
        )
        axes.plot([0, 1, 1], [0, 0, 1], color=MUTE, linewidth=0.8)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        gini = labels("concentration.gini", gini=labels.number(found.gini, 2))
        page.text(page.right - square, page.top + 0.14, gini, "head", bold=True, color=LINE, va="center")
        below = page.top + 0.36 + square
        page.text(page.right, below, labels("concentration.lorenz_axis"), "note", color=MUTE, ha="right", va="top")
        return Chart(page.figure, labels("concentration.alt", gini=labels.number(found.gini, 2), listed=_listed(bars)))


def plot_recommendations(
    options: StrategyOptions,
    key_accounts: KeyAccounts,
    labels: Labels,
    period: Period,
    *,
    fiscal_year_start: int = 1,
    source: str | None = None,
    width: float = PAGE_WIDTH,
) -> Chart:
    """For how many key accounts each option is recommended; basic care, which is none of the options, stands last."""
    table = options.recommendations
    chosen = table.loc[table["account_id"].isin(_key_ids(key_accounts)), "recommended_option"]
    counts = chosen.value_counts()
    order = sorted((o for o in counts.index if o != BASIC_CARE), key=lambda o: (-counts[o], list(Option).index(o)))
    if not order and BASIC_CARE not in counts:
        return _empty(labels("chart.no_recommendations"), labels, source, width)
    bars = [Bar(labels(f"option.{o}"), int(counts[o]), labels.count(counts[o])) for o in order]
    if BASIC_CARE in counts:
        bars.append(Bar(labels(f"option.{BASIC_CARE}"), int(counts[BASIC_CARE]), labels.count(counts[BASIC_CARE]), C))
    title = labels("chart.recommendations_title", n=int(bars[0].value), option=bars[0].name, total=len(chosen))
    words = _words(labels, period, fiscal_year_start, len(chosen))
    subtitle = labels("chart.recommendations_subtitle", **words)
    return _bar_chart(
        title, subtitle, bars, labels("chart.recommendations_alt", listed=_listed(bars)), labels, source, width
    )


def plot_account_risk(
    options: StrategyOptions,
    key_accounts: KeyAccounts,
    labels: Labels,
    period: Period,
    *,
    fiscal_year_start: int = 1,
    source: str | None = None,
    width: float = PAGE_WIDTH,
) -> Chart:
    """The key accounts with most revenue at risk, largest first, each with its level in words."""
    names = key_accounts.pareto.table.set_index("account_id")["name"]
    risk = options.account_risk
    risk = risk[risk["account_id"].isin(_key_ids(key_accounts)) & (risk["revenue_at_risk"] > 0)]
    risk = risk.sort_values(["revenue_at_risk", "account_id"], ascending=[False, True])
    shown = risk.head(MOST_AT_RISK)
    if shown.empty:
        return _empty(labels("chart.no_risk"), labels, source, width)
    unit = unit_for(shown["revenue_at_risk"].max(), shown["revenue_at_risk"].min(), labels)
    bars = [
        Bar(
            clean_name(names.get(i), i),
            value,
            f"{unit.write(value)} · {labels(f'risk_level.{level}')}",
            RISK_COLOURS[level],
        )
        for i, value, level in zip(
            shown["account_id"].tolist(), shown["revenue_at_risk"].tolist(), shown["level"].tolist(), strict=True
        )
    ]
    total = float(risk["revenue_at_risk"].sum())
    title = labels("chart.risk_title", n=len(risk), money=total)
    words = _words(labels, period, fiscal_year_start, len(risk))
    subtitle = labels("chart.risk_subtitle", unit=unit.name, shown=len(shown), **words)
    return _bar_chart(title, subtitle, bars, labels("chart.risk_alt", listed=_listed(bars)), labels, source, width)


def _bar_chart(
    title: str, subtitle: str, bars: Sequence[Bar], alt: str, labels: Labels, source: str | None, width: float
) -> Chart:
    with drawing():
        page = Page(title, subtitle, [], _source(labels, source), ROW * len(bars) + 0.15, width)
        _draw_bars(page, bars, page.top + 0.05, page.right)
        return Chart(page.figure, alt)


def _draw_bars(page: Page, bars: Sequence[Bar], top: float, right: float, limit: float | None = None) -> None:
    """Horizontal bars with their names on the left and their labels beside them, from the left margin to `right`."""
    room = max(text_width(bar.name, SIZES["text"]) for bar in bars)
    left = page.left + min(room, 0.36 * page.width) + 0.10
    label_room = max(text_width(bar.label, SIZES["text"], bold=True) for bar in bars) + 0.15
    axes = page.axes(left, right - label_room, top, top + ROW * len(bars), "bars")
    axes.set_xlim(0, limit or max(bar.value for bar in bars))
    axes.set_ylim(len(bars), 0)
    for i, bar in enumerate(bars):
        y = top + ROW * (i + 0.5)
        axes.barh(i + 0.5, bar.value, height=0.66, color=bar.colour, label=bar.name)
        name = fitted(bar.name, left - page.left - 0.10, SIZES["text"])
        page.text(left - 0.10, y, name, ha="right", va="center_baseline")
        x = left + (right - label_room - left) * bar.value / axes.get_xlim()[1] + 0.07
        page.text(x, y, bar.label, bold=True, color=INK, va="center_baseline")
    axes.axvline(0, color=MUTE, linewidth=0.8)


def _empty(title: str, labels: Labels, source: str | None, width: float) -> Chart:
    with drawing():
        return Chart(Page(title, "", [], _source(labels, source), 0.1, width).figure, title)


def _key_ids(key_accounts: KeyAccounts) -> list[str]:
    table = key_accounts.pareto.table
    return [str(i) for i in table.loc[table["is_key_account"], "account_id"]]


def _words(labels: Labels, period: Period, fiscal_year_start: int, total: int) -> dict[str, object]:
    return {"period": labels.period(period.start, period.end, fiscal_year_start), "total": total}


def _source(labels: Labels, source: str | None) -> str:
    return labels("chart.source", source=source or labels("chart.default_source"))


def _listed(bars: Sequence[Bar]) -> list[str]:
    return [f"{bar.name} {bar.label}" for bar in bars[:3]]
