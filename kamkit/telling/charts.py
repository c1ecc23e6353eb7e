"""The charts: results in, a figure with its finding as title out. Nothing is computed here that a table does not hold."""

from __future__ import annotations

from collections.abc import Sequence

from kamkit.analysis.exposure import DISCLOSED_FROM
from kamkit.model.codes import BASIC_CARE, Basis, Option
from kamkit.model.results import KeyAccounts, StrategyOptions
from kamkit.telling.canvas import (
    INK,
    MUTE,
    SIZES,
    Chart,
    Page,
    clean_name,
    fitted,
    text_width,
)
from kamkit.telling.chart_data import Bar, BarsData, Frame, Tone, unit_for
from kamkit.telling.language import Labels
from kamkit.telling.pareto_chart import pareto_headline, plot_pareto

__all__ = ["pareto_headline", "plot_account_risk", "plot_concentration", "plot_pareto", "plot_recommendations"]

ROW = 0.30
MOST_AT_RISK = 10
RISK_TONES: dict[str, Tone] = {"red": "accent", "amber": "secondary", "green": "neutral"}


def plot_concentration(key_accounts: KeyAccounts, labels: Labels, frame: Frame) -> Chart:
    """How much hangs on few accounts: CR-n as bars beside the Lorenz curve with the Gini coefficient (appendix)."""
    found = key_accounts.concentration
    if not key_accounts.pareto.n_positive:
        return Chart.within(frame, labels, pareto_headline(key_accounts.pareto, labels))
    figures = [("cr1", found.cr1), ("cr3", found.cr3), ("cr5", found.cr5), ("cr10", found.cr10)]
    figures = figures[: 1 + sum(n <= key_accounts.pareto.n_positive for n in (3, 5, 10))]
    bars = [Bar(labels(f"figure.{name}"), value, labels.percent(value), "primary") for name, value in figures]
    bars.append(Bar(labels("concentration.top20"), found.top20_share, labels.percent(found.top20_share), "primary"))
    of, gini = labels(f"chart.of_{key_accounts.pareto.basis}"), labels.number(found.gini, 2)
    reached = key_accounts.pareto.basis is Basis.REVENUE and found.cr1 >= DISCLOSED_FROM

    def paint(page: Page) -> None:
        square = min(2.3, 0.3 * page.width)
        _draw_bars(page, bars, page.top + 0.35, page.right - square - 0.5, limit=1.0)
        axes = page.axes(page.right - square, page.right, page.top + 0.3, page.top + 0.3 + square, "lorenz")
        axes.plot([0, 1], [0, 1], color=page.palette.neutral, linewidth=1.0)
        axes.plot(
            found.lorenz["account_share"],
            found.lorenz["cumulative_share"],
            color=page.palette.accent,
            linewidth=1.8,
            label="lorenz",
        )
        axes.plot([0, 1, 1], [0, 0, 1], color=MUTE, linewidth=0.8)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        title = labels("concentration.gini", gini=gini)
        page.text(
            page.right - square, page.top + 0.14, title, "head", bold=True, color=page.palette.accent, va="center"
        )
        below = page.top + 0.36 + square
        page.text(page.right, below, labels("concentration.lorenz_axis"), "note", color=MUTE, ha="right", va="top")

    words = {"period": frame.period_words(labels), "total": key_accounts.pareto.n_positive}
    return Chart.within(
        frame,
        labels,
        labels("concentration.headline", share=found.cr1, of=of),
        labels("concentration.alt", gini=gini, listed=_listed(bars)),
        subtitle=labels("concentration.subtitle", of=of, **words),
        notes=(labels("concentration.note_norm", limit=DISCLOSED_FROM),) if reached else (),
        data=BarsData(tuple(bars)),
        body=2.9,
        paint=paint,
    )


def plot_recommendations(options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels, frame: Frame) -> Chart:
    """For how many key accounts each option is recommended; basic care, which is none of the options, stands last."""
    table = options.recommendations
    chosen = table.loc[table["account_id"].isin(_key_ids(key_accounts)), "recommended_option"]
    counts = chosen.value_counts()
    order = sorted((o for o in counts.index if o != BASIC_CARE), key=lambda o: (-counts[o], list(Option).index(o)))
    if not order and BASIC_CARE not in counts:
        return Chart.within(frame, labels, labels("chart.no_recommendations"))
    bars = [Bar(labels(f"option.{o}"), int(counts[o]), labels.count(counts[o]), "primary") for o in order]
    if BASIC_CARE in counts:
        bars.append(
            Bar(labels(f"option.{BASIC_CARE}"), int(counts[BASIC_CARE]), labels.count(counts[BASIC_CARE]), "neutral")
        )
    title = labels("chart.recommendations_title", n=int(bars[0].value), option=bars[0].name, total=len(chosen))
    subtitle = labels("chart.recommendations_subtitle", period=frame.period_words(labels), total=len(chosen))
    alt_text = labels("chart.recommendations_alt", listed=_listed(bars))
    return _bar_chart(frame, labels, title, subtitle, bars, alt_text)


def plot_account_risk(options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels, frame: Frame) -> Chart:
    """The key accounts with most revenue at risk, largest first, each with its level in words."""
    names = key_accounts.pareto.table.set_index("account_id")["name"]
    risk = options.account_risk
    risk = risk[risk["account_id"].isin(_key_ids(key_accounts)) & (risk["revenue_at_risk"] > 0)]
    risk = risk.sort_values(["revenue_at_risk", "account_id"], ascending=[False, True])
    shown = risk.head(MOST_AT_RISK)
    if shown.empty:
        return Chart.within(frame, labels, labels("chart.no_risk"))
    unit = unit_for(shown["revenue_at_risk"].max(), shown["revenue_at_risk"].min(), labels)
    bars = [
        Bar(
            clean_name(names.get(i), i),
            value,
            f"{unit.write(value)} · {labels(f'risk_level.{level}')}",
            RISK_TONES[level],
        )
        for i, value, level in zip(
            shown["account_id"].tolist(), shown["revenue_at_risk"].tolist(), shown["level"].tolist(), strict=True
        )
    ]
    title = labels("chart.risk_title", n=len(risk), money=float(risk["revenue_at_risk"].sum()))
    words = {"period": frame.period_words(labels), "total": len(risk)}
    subtitle = labels("chart.risk_subtitle", unit=unit.name, shown=len(shown), **words)
    return _bar_chart(frame, labels, title, subtitle, bars, labels("chart.risk_alt", listed=_listed(bars)))


def _bar_chart(frame: Frame, labels: Labels, title: str, subtitle: str, bars: Sequence[Bar], alt_text: str) -> Chart:
    return Chart.within(
        frame,
        labels,
        title,
        alt_text,
        subtitle=subtitle,
        data=BarsData(tuple(bars)),
        body=ROW * len(bars) + 0.15,
        paint=lambda page: _draw_bars(page, bars, page.top + 0.05, page.right),
    )


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
        axes.barh(i + 0.5, bar.value, height=0.66, color=getattr(page.palette, bar.tone), label=bar.name)
        name = fitted(bar.name, left - page.left - 0.10, SIZES["text"])
        page.text(left - 0.10, y, name, ha="right", va="center_baseline")
        x = left + (right - label_room - left) * bar.value / axes.get_xlim()[1] + 0.07
        page.text(x, y, bar.label, bold=True, color=INK, va="center_baseline")
    axes.axvline(0, color=MUTE, linewidth=0.8)


def _key_ids(key_accounts: KeyAccounts) -> list[str]:
    table = key_accounts.pareto.table
    return [str(i) for i in table.loc[table["is_key_account"], "account_id"]]


def _listed(bars: Sequence[Bar]) -> list[str]:
    return [f"{bar.name} {bar.label}" for bar in bars[:3]]
