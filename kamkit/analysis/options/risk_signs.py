"""What else speaks for and against an alarm: signs beside the score, each now, before, and from where on it counts (domain §2.1).

None of them enters the score. They tell why an account may be leaving, and what would explain the same figures harmlessly.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from kamkit.analysis.options.events import days_in_events, windows
from kamkit.analysis.options.history import History
from kamkit.analysis.options.purchasing import HALF_YEAR, YEAR, compare_purchases, orders_between
from kamkit.model.codes import Severity
from kamkit.model.option_rules import RiskRules
from kamkit.model.results import Finding

FOR, AGAINST = "for", "against"
COLUMNS = ["account_id", "sign", "side", "value", "before", "values"]
Sign = tuple[str, str, pd.DataFrame]
"""Code, side, and by account_id value, before, holds (boolean) and what else its sentence says."""


def risk_signs(history: History, window_months: int, rules: RiskRules) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """The signs that hold, for accounts with revenue in the last 12 months, and which columns would have told more.

    For: revenue_fell, orders_fell (days with an order), small_orders (mean order), discount_creep, each of six months against
    the same months of last year; pause against the own interval; lost_items (categories of the year before that were not
    bought in six months); credit_notes (share of what was sold) and complaints, 12 months against the 12 before;
    contact_gap, longer than ever and against the usual one. Against: season (nothing in the same months of last year either), usual_pause, one_off,
    event, contract, growing, new_items. Thresholds: `risk` in `rules/options.yml` (conventions).
    Returns account_id, sign, side (for | against), value, before (missing where there is none), values (for the sentence
    `risk_sign.<sign>`), in the order of the accounts, what speaks for an alarm first.
    """
    bought = compare_purchases(history, window_months, rules)
    signs = [*_of_revenue(history, bought, rules), *_of_prices(history, rules), *_of_contacts(history, rules)]
    if history.dated_by_day:
        signs += [*_of_orders(history, bought, rules), *_of_items(history, bought, rules), *_of_events(history, bought)]
    frames = [
        _told(code, side, frame, place) for place, (code, side, frame) in enumerate(signs) if frame["holds"].any()
    ]
    table = pd.concat(frames) if frames else pd.DataFrame(columns=[*COLUMNS, "place"])
    table = table[table["account_id"].isin(bought.index)].assign(against=lambda rows: rows["side"] == AGAINST)
    table = table.sort_values(["account_id", "against", "place"], kind="stable")[COLUMNS].reset_index(drop=True)
    missing = tuple(_missing(history))
    method = Finding(
        "risk_signs_missing", "transactions", Severity.INFO, values={"missing": missing, "n": len(missing)}
    )
    return table, (method,) if missing else ()


def _told(code: str, side: str, frame: pd.DataFrame, place: int) -> pd.DataFrame:
    held = frame[frame["holds"].fillna(False).astype(bool)].drop(columns="holds")
    rows = held.reset_index(names="account_id")
    values = [{str(k): v for k, v in row.items()} for row in held.to_dict("records")]
    return rows[["account_id", "value", "before"]].assign(
        sign=code, side=side, values=pd.Series(values, dtype=object), place=place
    )


def _sign(code: str, side: str, holds: Any, value: Any, before: Any = float("nan"), **more: Any) -> Sign:
    return code, side, pd.DataFrame({"value": value, "before": before, "holds": holds, **more})


def _of_revenue(history: History, bought: pd.DataFrame, rules: RiskRules) -> Iterator[Sign]:
    now, before = bought["half"], bought["half_before"]
    compared, fall = before.gt(0), bought["fall"]
    yield _sign("revenue_fell", FOR, compared & fall.ge(rules.weaker.value), now, before, change=-fall)
    yield _sign("growing", AGAINST, compared & fall.le(0), now, before, change=-fall)
    share = bought["one_off"].astype(float)
    yield _sign("one_off", AGAINST, share.ge(rules.one_off.value), share)
    silent = bought["window"].le(0) & bought["window_before"].eq(0)
    yield _sign("season", AGAINST, silent, bought["window"], bought["window_before"])
    contract = history.accounts.set_index("account_id").get("contract_share", pd.Series(dtype=float)).astype(float)
    yield _sign("contract", AGAINST, contract.ge(rules.contract_share.value), contract)


def _of_orders(history: History, bought: pd.DataFrame, rules: RiskRules) -> Iterator[Sign]:
    pause, usual = bought["pause"], bought["own_interval"]
    rhythmic = bought["n_orders"].ge(rules.fewest_orders.value)
    yield _sign(
        "pause", FOR, rhythmic & pause.gt(rules.overdue.value * usual), pause, usual, ratio=pause / usual.clip(lower=1)
    )
    been_longer = rhythmic & pause.gt(rules.overdue.value * usual) & pause.le(bought["longest"])
    yield _sign("usual_pause", AGAINST, been_longer, pause, bought["longest"])
    if not history.covers(HALF_YEAR + YEAR):
        return
    now, before = (_orders(history, *span) for span in ((HALF_YEAR, 0), (HALF_YEAR + YEAR, YEAR)))
    both = before.add_suffix("_before").join(now).fillna(0.0)
    enough = both["days_before"].ge(rules.fewest_orders.value)
    fewer = both["days"].le((1 - rules.weaker.value) * both["days_before"])
    yield _sign("orders_fell", FOR, enough & fewer, both["days"], both["days_before"])
    smaller = both["size"].le((1 - rules.weaker.value) * both["size_before"])
    enough &= both["days"].ge(rules.fewest_orders.value)
    yield _sign("small_orders", FOR, enough & smaller, both["size"], both["size_before"])


def _orders(history: History, from_months: int, to_months: int) -> pd.DataFrame:
    """Days with an order, and the mean of a day's order."""
    by_day = orders_between(history, from_months, to_months).groupby(["account_id", "date"])["revenue"].sum()
    by_account = by_day.groupby("account_id")
    return pd.DataFrame({"days": by_account.size().astype(float), "size": by_account.mean()})


def _of_items(history: History, bought: pd.DataFrame, rules: RiskRules) -> Iterator[Sign]:
    if history.item_kind != "category" or history.purchases.empty or not history.covers(HALF_YEAR + YEAR):
        return
    items, since = history.purchases, history.first_day(HALF_YEAR)
    year_before = items[(items["date"] < since) & (items["date"] >= history.first_day(HALF_YEAR + YEAR))]
    had = year_before.groupby("account_id")["item"].nunique().astype(float)
    lost = bought["lost_items"].reindex(had.index).fillna(0.0)
    yield _sign("lost_items", FOR, lost.ge(rules.lost_share.value * had) & lost.gt(0), lost, had)
    first = items.groupby(["account_id", "item"])["date"].min()
    new = (first >= since).groupby("account_id").sum().astype(float).reindex(had.index)
    yield _sign("new_items", AGAINST, new.gt(0), new, had, n=new)


def _of_events(history: History, bought: pd.DataFrame) -> Iterator[Sign]:
    last = history.cut_off - pd.to_timedelta(bought["pause"], unit="D")
    inside = days_in_events(history, last)
    for window in windows(history):
        touched = inside.gt(0) & window.concerns(last.index) & last.lt(window.end)
        yield _sign(
            *("event", AGAINST, touched, inside, bought["pause"]),
            event=window.reason,
            start=window.start.date(),
            end=window.end.date(),
        )


def _of_prices(history: History, rules: RiskRules) -> Iterator[Sign]:
    prices = history.prices
    if prices.empty:
        return
    if history.covers(HALF_YEAR + YEAR):
        now, before = (_discount(_span(history, prices, *span)) for span in ((HALF_YEAR, 0), (HALF_YEAR + YEAR, YEAR)))
        now = now.reindex(before.index)
        yield _sign("discount_creep", FOR, (now - before).ge(rules.discount_creep.value), now, before)
    if history.covers(2 * YEAR):
        now, before = (_credited(_span(history, prices, *span)) for span in ((YEAR, 0), (2 * YEAR, YEAR)))
        before = before.reindex(now.index).fillna(0.0)
        yield _sign("credit_notes", FOR, (now - before).ge(rules.credit_rise.value), now, before)


def _span(history: History, prices: pd.DataFrame, from_months: int, to_months: int) -> pd.DataFrame:
    month = prices["month"]
    inside = (month >= history.first_day(from_months)) & (month < history.first_day(to_months))
    amounts = prices.loc[inside, ["account_id", "sold", "credited", "gross", "net_of_gross"]]
    return amounts.groupby("account_id").sum(min_count=1)


def _discount(sums: pd.DataFrame) -> pd.Series[Any]:
    share: pd.Series[Any] = 1 - sums["net_of_gross"] / sums["gross"].where(sums["gross"] > 0)
    return share


def _credited(sums: pd.DataFrame) -> pd.Series[Any]:
    share: pd.Series[Any] = sums["credited"] / sums["sold"].where(sums["sold"] > 0)
    return share


def _of_contacts(history: History, rules: RiskRules) -> Iterator[Sign]:
    complaints, interactions = (_dated(history, name) for name in ("complaints", "interactions"))
    if len(complaints) and history.covers(2 * YEAR):
        recent = complaints["date"] >= history.first_day(YEAR)
        earlier = ~recent & (complaints["date"] >= history.first_day(2 * YEAR))
        now, before = (complaints[rows].groupby("account_id").size().astype(float) for rows in (recent, earlier))
        before = before.reindex(now.index).fillna(0.0)
        yield _sign("complaints", FOR, now.ge(rules.complaints.value) & now.ge(2 * before), now, before)
    if len(interactions):
        days = interactions.drop_duplicates().sort_values(["account_id", "date"])
        gaps = days.groupby("account_id")["date"].diff().dt.days.groupby(days["account_id"])
        usual = gaps.median()
        gap = (history.cut_off - days.groupby("account_id")["date"].max()).dt.days.astype(float)
        enough = gaps.count().ge(rules.fewest_orders.value - 1)
        unheard = gap.gt(rules.overdue.value * usual) & gap.gt(gaps.max())
        yield _sign("contact_gap", FOR, enough & unheard, gap, usual)


def _dated(history: History, table: str) -> pd.DataFrame:
    rows = history.tables.get(table, pd.DataFrame())
    if "date" not in rows or rows.empty:
        return pd.DataFrame({"account_id": pd.Series(dtype=object), "date": pd.Series(dtype="datetime64[ns]")})
    rows = rows.dropna(subset=["account_id", "date"])
    return pd.DataFrame({"account_id": rows["account_id"].astype(object), "date": pd.to_datetime(rows["date"])})


def _missing(history: History) -> Iterator[str]:
    """table.column of what would show further signs."""
    if not history.dated_by_day:
        yield "transactions.posting_date"
    if history.item_kind != "category":
        yield "transactions.category"
    if history.prices.empty or history.prices["gross"].isna().all():
        yield "transactions.list_price"
    for table in ("complaints", "interactions"):
        if table not in history.tables:
            yield f"{table}.date"
