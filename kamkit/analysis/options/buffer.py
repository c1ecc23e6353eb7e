"""Whether trust buffers what goes wrong (domain §2.3): how much accounts bought after price rises, severe complaints and
late deliveries, against accounts of the same size without one, by how firm the relationship was before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kamkit.analysis.options.history import History
from kamkit.analysis.options.prices import constant_price_volume, items_by_month, price_rises
from kamkit.analysis.options.relationship import is_severe, relationship_indicators
from kamkit.analysis.options.scoring import LEAST_COVERAGE, score_option
from kamkit.model.codes import Grain, Option
from kamkit.model.option_rules import OptionRules
from kamkit.model.results import BufferStudy
from kamkit.model.words import plain, word_pattern

PRICE_RISE, COMPLAINT, LATE = "price_rise", "complaint", "late_delivery"
LATE_WORDS = word_pattern(["*verspaet*", "*verzug*", "*verzoeger*", "*termin*", "late*", "delay*", "*overdue*"])
YEAR, QUARTERS = 12, 4
FEWEST_ACTIVE = 2
"""Months with purchases in each half-year that is compared; who buys less often has no volume to hold (convention)."""
MOST = 2.0
"""More than double the volume counts as double (convention)."""
CALM_PER_SHOCK = 3
DRAWS, SEED = 2000, 1996
FEWEST_CLUSTERS = 5
SHOCK_COLUMNS = ["account_id", "month", "kind", "size", "volume_after", "matched", "n_matched", "buffer"]
SHOCK_COLUMNS += ["relationship", "group"]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]


def study_buffer(history: History, rules: OptionRules, is_testable: bool = True) -> BufferStudy:
    """Volume after shocks, with and without a firm relationship before them, and the same at months without a shock.

    A claim (`holds`) needs an effect after shocks that is larger than the one in calm months: firm relationships also buy
    more steadily when nothing happens. The relationship score knows nothing after the month before the shock, and of
    the further tables only rows with a date. Without rows, `reason` and `missing` say why.
    """
    panel = _panel(history, rules)
    if panel is None:
        nothing = pd.DataFrame(columns=SHOCK_COLUMNS)
        return BufferStudy(shocks=nothing, reason="short_history", missing=("transactions.posting_date",))
    events = panel.events(history, rules)
    known = events[events["buffer"].notna() & ~events["placebo"]]
    shocks = events[~events["placebo"]].reset_index(drop=True).reindex(columns=SHOCK_COLUMNS)
    found = BufferStudy(shocks=shocks, measured_by=panel.measured_by, missing=panel.missing)
    if shocks.empty:
        return replace(found, reason="no_shocks")
    if len(known) < rules.buffer.fewest_shocks.value:
        few = len(shocks["volume_after"].dropna()) < rules.buffer.fewest_shocks.value
        return replace(found, reason="few_shocks" if few else "no_controls")
    if not is_testable:
        return replace(found, reason="small_sample")
    middle = known["relationship"].median()
    group = np.select(
        [shocks["buffer"].isna() | shocks["relationship"].isna(), shocks["relationship"] >= middle], ["", "high"], "low"
    )
    found = replace(found, shocks=shocks.assign(group=pd.Series(group, dtype=object).replace("", None)))
    return _compared(found, events[events["buffer"].notna() & events["relationship"].notna()], middle, rules)


def buffer_trials(history: History, rules: OptionRules) -> pd.DataFrame:
    """Whether accounts with a firmer relationship held their volume: a trial frame of the tasks `buffer` (after a shock) and
    `buffer_placebo` (the same at months without one), cut off at the end of the month before.

    Event: the volume of the six months after is at least 90 % of the one before (convention). `amount`: the revenue
    of the twelve months before, halved. Baselines: account_size (that revenue) and recency (minus the months since the last
    purchase). The claim needs a better score after shocks than in calm months.
    """
    columns = ["task", "cut_off", "population", "account_id", "score", "event", "amount"]
    columns += ["baseline_account_size", "baseline_recency"]
    panel = _panel(history, rules)
    events = panel.events(history, rules) if panel is not None else pd.DataFrame()
    if panel is None or events.empty:
        numbers = dict.fromkeys(("score", "amount", "baseline_account_size", "baseline_recency"), float)
        return pd.DataFrame(columns=columns).astype({**numbers, "event": bool, "cut_off": "datetime64[us]"})
    rows = events[events["volume_after"].notna() & events["relationship"].notna()]
    calm = rows["placebo"].to_numpy(bool)
    trials = pd.DataFrame(
        {
            "task": np.where(calm, "buffer_placebo", "buffer"),
            "cut_off": rows["month"] - pd.Timedelta(days=1),
            "population": np.where(calm, "calm_accounts", "shocked_accounts"),
            "account_id": rows["account_id"],
            "score": rows["relationship"].astype(float),
            "event": rows["volume_after"] >= rules.buffer.held.value,
            "amount": rows["revenue"] / 2,
            "baseline_account_size": rows["revenue"],
            "baseline_recency": [
                panel.recency(account, month) for account, month in zip(rows["account_id"], rows["month"], strict=True)
            ],
        },
        columns=columns,
    )
    return trials.sort_values(["task", "cut_off", "account_id"], kind="stable", ignore_index=True)


def last_shocks(study: BufferStudy, ids: pd.Index) -> pd.DataFrame:
    """By account, of its last shock that can be compared: shock (kind), shock_month, shock_kept and shock_matched (volume
    after as a share of before, own and of those like it), shock_volume (quantity | revenue); missing without one."""
    columns = ["shock", "shock_month", "shock_kept", "shock_matched", "shock_volume"]
    if study.shocks.empty:
        return pd.DataFrame(index=ids, columns=columns)
    known = study.shocks[study.shocks["matched"].notna() & study.shocks["volume_after"].notna()]
    last = known.sort_values("month").drop_duplicates("account_id", keep="last").set_index("account_id")
    names = {"kind": "shock", "month": "shock_month", "volume_after": "shock_kept", "matched": "shock_matched"}
    found = last[list(names)].rename(columns=names).assign(shock_volume=study.measured_by)
    return found.reindex(index=ids, columns=columns)


def shocked_rows(history: History, rules: OptionRules, account_id: str, month: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """What an account's last shock is told from. shock: the account and all without a shock around that month, with
    is_itself, is_matched (of its quarter of size), volume before and after, share (after ÷ before, at most 2). complaint:
    its complaints (columns as given), counts: in the month of the shock."""
    panel = _panel(history, rules)
    found = {} if panel is None else {"shock": panel.compared(account_id, month, int(rules.buffer.months.value))}
    complaints = history.tables.get("complaints")
    if complaints is None or complaints.empty:
        return found
    own = complaints[complaints["account_id"] == account_id].sort_values("date", ascending=False, kind="stable")
    in_month = pd.to_datetime(own["date"]).dt.to_period("M") == pd.Period(month, freq="M")
    return {**found, "complaint": own.assign(counts=in_month)}


@dataclass(frozen=True)
class _Panel:
    """Accounts × closed months: revenue, volume (in constant prices where quantities are known), whether prices are known
    not to have risen (true where they cannot be known at all), and size of the shock, with its kind (an index into
    `kinds`, −1 without)."""

    ids: pd.Index
    months: NDArray[np.int64]
    revenue: Floats
    volume: Floats
    steady: Booleans
    sizes: Floats
    kind: NDArray[np.int64]
    kinds: tuple[str, ...]
    measured_by: str
    missing: tuple[str, ...]

    def events(self, history: History, rules: OptionRules) -> pd.DataFrame:
        """account_id, month, kind, size, volume_after, matched, n_matched, buffer, relationship, revenue (of twelve months
        before), placebo: every shock, and for each up to three accounts without one around that month."""
        parts = list(self._by_month(history, rules))
        columns = ["account_id", "month", "kind", "size", "volume_after", "matched", "n_matched", "buffer"]
        columns += ["relationship", "revenue", "placebo"]
        if not parts:
            return pd.DataFrame(columns=columns).astype({"placebo": bool, "volume_after": float, "buffer": float})
        return pd.concat(parts, ignore_index=True)[columns]

    def recency(self, account_id: str, month: pd.Timestamp) -> float:
        """Minus the months since the last purchase before a month."""
        place = self._place(month)
        bought = np.flatnonzero(self.revenue[self.ids.get_loc(account_id), :place] > 0)
        return float(bought[-1] - place) if len(bought) else float(-place)

    def _place(self, month: pd.Timestamp) -> int:
        return int(month.year * 12 + month.month - 1 - self.months[0])

    def _by_month(self, history: History, rules: OptionRules) -> Iterator[pd.DataFrame]:
        around = self._around(int(rules.buffer.months.value))
        for place in np.flatnonzero((self.kind >= 0).any(axis=0)).tolist():
            shocked = np.flatnonzero(self.kind[:, place] >= 0)
            after, quarter = self._after(place, int(rules.buffer.months.value))
            calm = np.flatnonzero(np.isfinite(after) & ~around[:, place] & self.steady[:, place])
            rng = np.random.default_rng([SEED, int(self.months[place])])
            drawn = rng.permutation(calm)[: CALM_PER_SHOCK * len(shocked)]
            rows = np.concatenate([shocked, np.sort(drawn)])
            matched, n_matched = _matched(after, quarter, rows, calm, int(rules.buffer.fewest_matched.value))
            month = pd.Timestamp(year=int(self.months[place]) // 12, month=int(self.months[place]) % 12 + 1, day=1)
            is_calm = np.arange(len(rows)) >= len(shocked)
            kind = [
                None if calm else self.kinds[self.kind[row, place]] for row, calm in zip(rows, is_calm, strict=True)
            ]
            accounts = self.ids[rows]
            score = self._relationship(history, month, accounts[np.isfinite(after[rows])], rules)
            yield pd.DataFrame(
                {
                    "account_id": accounts,
                    "month": month,
                    "kind": pd.Series(kind, dtype=object),
                    "size": np.where(is_calm, np.nan, self.sizes[rows, place]),
                    "volume_after": after[rows],
                    "matched": matched,
                    "n_matched": n_matched,
                    "buffer": after[rows] - matched,
                    "relationship": score.reindex(accounts).to_numpy(float),
                    "revenue": self.revenue[rows, max(place - YEAR, 0) : place].sum(axis=1),
                    "placebo": is_calm,
                }
            )

    def _around(self, months: int) -> Booleans:
        """Whether an account has a shock within so many months before or after."""
        shock = (self.kind >= 0).astype(float)
        padded = np.pad(shock, ((0, 0), (months, months)))
        near: Any = sum(padded[:, i : i + shock.shape[1]] for i in range(2 * months + 1))
        return np.asarray(near > 0)

    def _after(self, place: int, months: int) -> tuple[Floats, NDArray[np.int64]]:
        """Volume of the months after as a share of the same months of the year before, else of the months before the shock,
        for accounts that bought in both; and the quarter of size of each account."""
        spans = self._spans(place, months)
        if spans is None:
            return np.full(len(self.ids), np.nan), np.full(len(self.ids), -1)
        before, after = (volume.sum(axis=1) for volume in spans)
        active = (spans[0] > 0).sum(axis=1) >= FEWEST_ACTIVE
        active &= (self.volume[:, place - months : place] > 0).sum(axis=1) >= FEWEST_ACTIVE
        share = np.minimum(after.clip(min=0) / np.where(before > 0, before, 1.0), MOST)
        revenue = self.revenue[:, max(place - YEAR, 0) : place].sum(axis=1)
        ranks = pd.Series(revenue).where(active).rank(pct=True)
        quarter = np.ceil(ranks.fillna(0).to_numpy() * QUARTERS).astype(np.int64)
        return np.where(active & (before > 0), share, np.nan), quarter

    def _spans(self, place: int, months: int) -> tuple[Floats, Floats] | None:
        """The volumes before and after a month that are compared, by account and month; None where the data do not reach."""
        start = place + 1 - YEAR if place + 1 >= YEAR else place - months
        if start < 0 or place + 1 + months > len(self.months):
            return None
        return self.volume[:, start : start + months], self.volume[:, place + 1 : place + 1 + months]

    def compared(self, account_id: str, month: pd.Timestamp, months: int) -> pd.DataFrame:
        """The account and those without a shock around that month, with what is compared (see shocked_rows)."""
        place, own = self._place(month), self.ids.get_loc(account_id)
        spans, (share, quarter) = self._spans(place, months), self._after(place, months)
        if spans is None:
            return pd.DataFrame()
        calm = np.isfinite(share) & ~self._around(months)[:, place] & self.steady[:, place]
        itself = np.arange(len(self.ids)) == own
        table = pd.DataFrame(
            {
                "account_id": self.ids,
                "is_itself": itself,
                "is_matched": calm & (quarter == quarter[own]) & ~itself,
                "before": spans[0].sum(axis=1),
                "after": spans[1].sum(axis=1),
                "share": share,
            }
        )
        order = ["is_itself", "is_matched", "account_id"]
        shown: pd.DataFrame = table[calm | itself].sort_values(order, ascending=[False, False, True])
        return shown

    def _relationship(
        self, history: History, month: pd.Timestamp, accounts: pd.Index, rules: OptionRules
    ) -> pd.Series[Any]:
        """The score of accounts at the end of the month before, of what was known by then."""
        if accounts.empty:
            return pd.Series(dtype=float)
        own = replace(
            history,
            accounts=history.accounts[history.accounts["account_id"].isin(accounts)],
            orders=history.orders[history.orders["account_id"].isin(accounts)],
            months=history.months[history.months["account_id"].isin(accounts)],
            purchases=history.purchases.head(0),
            product_purchases=history.product_purchases.head(0),
        )
        raw = relationship_indicators(own.until(month - pd.Timedelta(days=1))).reindex(accounts)
        scored = score_option(Option.RELATIONSHIP, raw, rules.options[Option.RELATIONSHIP], {}).table
        return scored["score"].where(scored["coverage"] >= LEAST_COVERAGE)


def _panel(history: History, rules: OptionRules) -> _Panel | None:
    """None where the months do not reach for half a year before and after a shock."""
    months = int(rules.buffer.months.value)
    if history.grain is Grain.YEAR or history.months.empty or not history.covers(2 * months + 1):
        return None
    booked = history.months.assign(number=history.months["month"].dt.year * 12 + history.months["month"].dt.month - 1)
    numbers = np.arange(int(booked["number"].min()), int(booked["number"].max()) + 1)
    ids = pd.Index(sorted(booked["account_id"].astype(str).unique()), dtype=object, name="account_id")
    revenue = np.zeros((len(ids), len(numbers)))
    np.add.at(
        revenue, (ids.get_indexer(pd.Index(booked["account_id"])), booked["number"] - numbers[0]), booked["revenue"]
    )
    items = items_by_month(history)
    missing = () if items is not None else ("transactions.product_id", "transactions.quantity")
    volume, rises, steady = revenue, np.full(revenue.shape, np.nan), np.ones(revenue.shape, dtype=bool)
    if items is not None:
        volume = constant_price_volume(items, ids, numbers)
        rises, steady = price_rises(items, ids, numbers, rules.buffer.price_rise.value)
    complaints = history.tables.get("complaints")
    if complaints is None or complaints.empty:
        missing = (*missing, "complaints.date", "complaints.severity")
    found = [(PRICE_RISE, rises), *_complaints(complaints, ids, numbers)]
    kind, sizes = _first_of_half_year(found, months)
    return _Panel(
        ids,
        numbers,
        revenue,
        volume,
        steady,
        sizes,
        kind,
        tuple(name for name, _ in found),
        "revenue" if items is None else "quantity",
        missing,
    )


def _complaints(
    complaints: pd.DataFrame | None, ids: pd.Index, months: NDArray[np.int64]
) -> Iterator[tuple[str, Floats]]:
    """Number of severe complaints and of late deliveries, by account and month; missing without one."""
    if complaints is None or complaints.empty:
        return
    day = pd.to_datetime(complaints["date"])
    place = (day.dt.year * 12 + day.dt.month - 1 - months[0]).fillna(-1).astype(int).to_numpy()
    row = ids.get_indexer(pd.Index(complaints["account_id"].astype(object)))
    for name, column, means in ((LATE, "topic", _is_late), (COMPLAINT, "severity", is_severe)):
        if column not in complaints:
            continue
        said = complaints[column].map(means, na_action="ignore").fillna(False).astype(bool).to_numpy()
        inside = said & (row >= 0) & (place >= 0) & (place < len(months))
        counted = np.zeros((len(ids), len(months)))
        np.add.at(counted, (row[inside], place[inside]), 1.0)
        yield name, np.where(counted > 0, counted, np.nan)


def _is_late(topic: object) -> bool:
    return bool(LATE_WORDS.search(plain(str(topic))))


def _first_of_half_year(found: list[tuple[str, Floats]], months: int) -> tuple[NDArray[np.int64], Floats]:
    """Kind and size of every shock that has none in the months before; what follows within them belongs to it. Only of a
    price rise the size is told."""
    shape = found[0][1].shape
    kind, sizes, free = np.full(shape, -1), np.full(shape, np.nan), np.zeros(shape[0], dtype=int)
    for place in range(shape[1]):
        for number, (name, values) in enumerate(found):
            hit = np.isfinite(values[:, place]) & (free <= place)
            kind[hit, place] = number
            sizes[hit, place] = values[hit, place] if name == PRICE_RISE else np.nan
            free[hit] = place + months + 1
    return kind, sizes


def _matched(
    after: Floats, quarter: NDArray[np.int64], rows: NDArray[np.int64], calm: NDArray[np.int64], fewest: int
) -> tuple[Floats, NDArray[np.int64]]:
    """The mean of the calm accounts of the same quarter of size, without the account itself, and their number."""
    sums = np.bincount(quarter[calm].clip(min=0), weights=after[calm], minlength=QUARTERS + 1)
    counts = np.bincount(quarter[calm].clip(min=0), minlength=QUARTERS + 1)
    own = np.isin(rows, calm)
    n = counts[quarter[rows]] - own
    total = sums[quarter[rows]] - np.where(own, np.nan_to_num(after[rows]), 0.0)
    enough = (n >= fewest) & np.isfinite(after[rows])
    return np.where(enough, total / np.where(n > 0, n, 1), np.nan), np.where(np.isfinite(after[rows]), n, 0)


def _compared(found: BufferStudy, events: pd.DataFrame, middle: float, rules: OptionRules) -> BufferStudy:
    """The study with the difference between firm and loose relationships, after shocks and in calm months."""
    high = (events["relationship"] >= middle).to_numpy(bool)
    calm, buffer = events["placebo"].to_numpy(bool), events["buffer"].to_numpy(float)
    cells = [~calm & high, ~calm & ~high, calm & high, calm & ~high]
    account = pd.factorize(events["account_id"])[0]
    n_accounts = int(account.max()) + 1
    sums, counts = (
        np.stack([np.bincount(account[c], weights=w[c], minlength=n_accounts) for c in cells], axis=1)
        for w in (buffer, np.ones(len(buffer)))
    )
    means = _means(sums.sum(axis=0), counts.sum(axis=0))
    n = [int(cell.sum()) for cell in cells]
    found = replace(
        found,
        n_high=n[0],
        n_low=n[1],
        high=float(means[0]),
        low=float(means[1]),
        difference=float(means[0] - means[1]),
        n_placebo=n[2] + n[3],
        placebo=float(means[2] - means[3]),
    )
    clusters = [len(np.unique(account[cell])) for cell in cells]
    if n[0] + n[1] < rules.buffer.fewest_for_claim.value or min(clusters) < FEWEST_CLUSTERS:
        return found
    rng = np.random.default_rng(SEED)
    weights = rng.multinomial(n_accounts, np.full(n_accounts, 1 / n_accounts), size=DRAWS)
    drawn = _means(np.asarray(weights @ sums, dtype=float), np.asarray(weights @ counts, dtype=float))
    after, placebo = drawn[:, 0] - drawn[:, 1], drawn[:, 2] - drawn[:, 3]
    limits = {
        name: np.nanquantile(values, [0.025, 0.975]).tolist()
        for name, values in (("difference", after), ("placebo", placebo), ("excess", after - placebo))
    }
    return replace(
        found,
        **{
            f"{name}_{side}": value
            for name, pair in limits.items()
            for side, value in zip(("low", "high"), pair, strict=True)
        },
        holds=bool(limits["difference"][0] > 0 and limits["excess"][0] > 0),
    )


def _means(sums: Floats, counts: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        means: Floats = np.where(counts > 0, sums / np.where(counts > 0, counts, 1.0), np.nan)
    return means
