"""The whale curve: how the margins of the accounts add up, the most profitable first."""

from __future__ import annotations

from kamkit.model.results import KeyAccounts
from kamkit.telling.canvas import INK, MUTE, SIZES, Chart, Page, clean_name, text_width
from kamkit.telling.chart_data import Frame, WhaleData
from kamkit.telling.language import Labels
from kamkit.telling.value import whale_headline

HEIGHT = 1.7
FEW = 40
"""Up to so many accounts each has a mark of its own."""
MOST_NAMED = 3


def plot_whale(key_accounts: KeyAccounts, labels: Labels, frame: Frame) -> Chart:
    """The margin cumulated over the accounts, largest margin first: it peaks where the first account brings nothing
    more, and ends at the total. In shares of the total; in money where the total is not above zero."""
    found, title = key_accounts.value, str(whale_headline(key_accounts, labels)).rstrip(".")
    whale = found.whale
    if whale.empty:
        return Chart.within(frame, labels, title)
    in_shares = not labels.missing(found.peak)
    heights = [0.0, *whale["cumulated_share" if in_shares else "cumulated"].tolist()]
    write = labels.percent if in_shares else labels.money_short
    n, top = len(whale), found.n_at_peak
    losers = whale[whale["margin"] < 0].iloc[::-1].head(MOST_NAMED)
    listed = [
        f"{clean_name(name, account_id)} ({labels.money_short(margin)})"
        for name, account_id, margin in zip(losers["name"], losers["account_id"], losers["margin"], strict=True)
    ]
    notes = [labels("value.whale_losses", n=found.n_loss_makers, listed=listed)] if listed else []
    if found.n_without_margin:
        notes.append(labels("value.whale_without", n=found.n_without_margin))
    end = labels("value.whale_end", share=write(heights[-1]))
    peak = labels("value.whale_peak", share=write(heights[top]), n=top)

    def paint(page: Page) -> None:
        room = text_width(end, SIZES["text"], bold=True) + 0.12
        upper, lower = page.top + 0.30, page.top + 0.30 + HEIGHT
        axes = page.axes(page.left, page.right - room, upper, lower, "whale")
        axes.set_xlim(0, n)
        low, high = min(0.0, *heights), max(heights)
        axes.set_ylim(low, high if high > low else low + 1)
        axes.fill_between(range(n + 1), heights, color=page.palette.primary, alpha=0.10, linewidth=0)
        axes.plot(
            range(top + 1), heights[: top + 1], color=page.palette.primary, linewidth=2.0, label="gained", clip_on=False
        )
        axes.plot(
            range(top, n + 1), heights[top:], color=page.palette.accent, linewidth=2.0, label="lost", clip_on=False
        )
        if n <= FEW:
            axes.plot(
                range(n + 1),
                heights,
                linestyle="none",
                marker="o",
                markersize=3.5,
                color=page.palette.primary,
                clip_on=False,
            )
        axes.axhline(0, color=MUTE, linewidth=0.8)
        if in_shares:
            axes.axhline(heights[-1], color=page.palette.neutral, linewidth=0.8, linestyle=(0, (4, 3)))

        def y_of(height: float) -> float:
            return float(lower - HEIGHT * (height - low) / ((high - low) or 1.0))

        right = page.right - room
        page.text(
            right + 0.10,
            y_of(heights[-1]),
            end,
            bold=True,
            color=page.palette.accent if top < n else INK,
            va="center_baseline",
        )
        if top < n:
            half = text_width(peak, SIZES["text"], bold=True) / 2
            x = min(max(page.left + (right - page.left) * top / n, page.left + half), right - half)
            page.text(
                x, y_of(heights[top]) - 0.09, peak, bold=True, color=page.palette.primary, ha="center", va="bottom"
            )
        page.text(page.left, lower + 0.08, labels("value.whale_axis"), "note", color=MUTE, va="top")
        page.text(right, lower + 0.08, labels("value.whale_accounts", n=n), "note", color=MUTE, ha="right", va="top")

    names = [clean_name(name, i) for name, i in zip(whale["name"], whale["account_id"], strict=True)]
    period = frame.period_words(labels)
    return Chart.within(
        frame,
        labels,
        title,
        labels("value.whale_alt", peak=peak, end=end, listed=listed or [labels("value.nobody")]),
        subtitle=labels("value.whale_shares" if in_shares else "value.whale_amounts", period=period, n=n),
        notes=tuple(notes),
        data=WhaleData(tuple(names), tuple(heights[1:]), in_shares, top),
        body=HEIGHT + 0.62,
        paint=paint,
    )
