"""What is known about each account, in words: what account plans and the pages of key accounts are made from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from kamkit.analysis.stability import certainty
from kamkit.model.codes import Gate
from kamkit.model.results import AccountFacts, KamTypes, KeyAccounts, StrategyOptions
from kamkit.telling.comments import Comment
from kamkit.telling.language import Labels
from kamkit.telling.results import ranking, told
from kamkit.telling.tables import ABSENT

MOST_YEARS = 4


@dataclass(frozen=True)
class Dossier:
    """The results of an engagement, asked account by account. `period`: what the data are about, in words; `candid`: with
    margins, takeover and portfolio, for those who decide; `actions` and `comments` as people entered them."""

    facts: AccountFacts
    key_accounts: KeyAccounts
    kam_types: KamTypes
    options: StrategyOptions
    labels: Labels
    today: dt.date
    period: str
    actions: pd.DataFrame | None
    comments: tuple[Comment, ...]
    candid: bool

    @cached_property
    def ranked(self) -> pd.DataFrame:
        """The accounts by rank with master data and type; `share` is of revenue, whatever they are ranked by."""
        known = self.facts.accounts.reindex(
            columns=["account_id", "region", "field_rep", "kam_owner", "industry_text", "revenue_prior"]
        )
        table = ranking(self.key_accounts).merge(known, on="account_id", how="left")
        total = table["revenue"].clip(lower=0).sum()
        table["share"] = table["revenue"].clip(lower=0) / total if total > 0 else float("nan")
        types = self.kam_types.table.reindex(columns=["account_id", "kam_type", "kam_status"])
        return table.merge(types, on="account_id", how="left")

    def row(self, account_id: str) -> Mapping[Any, Any]:
        """The account in the ranking, with its master data and type."""
        return self._rows[account_id]

    @cached_property
    def _rows(self) -> dict[str, dict[Any, Any]]:
        return by_account(self.ranked)

    @cached_property
    def advice(self) -> dict[str, dict[Any, Any]]:
        """The recommendation of each key account in words."""
        return by_account(told(self._of_key_accounts(self.options.recommendations), self.labels))

    @cached_property
    def risk(self) -> dict[str, dict[Any, Any]]:
        """The risk of leaving of each key account in words."""
        return by_account(told(self._of_key_accounts(self.options.account_risk), self.labels))

    @cached_property
    def spots(self) -> dict[str, pd.DataFrame]:
        """The open white spots of each account that has some, those with most margin to expect first."""
        spots = self._of_key_accounts(self.options.cross_selling)
        spots = spots[(spots["gate"] == Gate.OPEN) & (spots["expected_revenue"] > 0)]
        spots = spots.sort_values(["expected_margin", "expected_revenue", "category"], ascending=[False, False, True])
        return {str(account_id): own for account_id, own in spots.groupby("account_id", sort=False)}

    def _of_key_accounts(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["account_id"].isin(self.ranked.loc[self.ranked["chosen"], "account_id"])]

    def rank(self, account_id: str) -> str:
        """The account's rank in words; one that earns nothing of what is ranked by has none."""
        rank = self.row(account_id)["rank"]
        return self.labels("account_page.no_rank") if pd.isna(rank) else self.labels("account_page.rank", rank=rank)

    def known(self, value: Any, kind: str = "", missing: str = "") -> str:
        """A value as written, or that it cannot be assessed and what is missing for it."""
        if not self.labels.missing(value):
            return self.labels.format_field(value, kind)
        if not missing:
            return ABSENT
        return self.labels("account_plan.not_assessable", what=self.labels.lacking([missing])[0])

    def text(self, value: Any) -> str:
        return "" if self.labels.missing(value) else str(value)

    def items(self, account_id: str) -> pd.DataFrame:
        """What the account bought in the period: category, revenue, the largest first."""
        bought = self.facts.purchases
        if bought.empty:
            return pd.DataFrame(columns=["category", "revenue"])
        inside = bought[
            (bought["account_id"] == account_id) & (bought["date"] >= pd.Timestamp(self.facts.period.start))
        ]
        names = dict(zip(self.facts.items["item"], self.facts.items["name"], strict=True))
        sums = pd.DataFrame(inside.groupby("item", as_index=False)["revenue"].sum())
        sums["category"] = sums["item"].map(names).fillna(sums["item"])
        return sums.sort_values(["revenue", "item"], ascending=[False, True])

    def years(self, account_id: str) -> pd.DataFrame:
        """The period and the equally long spans before it, as far as history reaches: span, revenue, margin."""
        rows = []
        for span, sums in self._spans:
            revenue, margin = sums.get(account_id, (0.0, None))
            rows.append({"span": span, "revenue": revenue, "margin": margin})
        return pd.DataFrame(rows, columns=["span", "revenue", "margin"])

    @cached_property
    def _spans(self) -> list[tuple[str, dict[str, tuple[float, float | None]]]]:
        """Each span in words, latest first, with revenue and margin per account; no margin where a month lacks it."""
        months, start, length = self.facts.months, self.facts.period.start, self.facts.period.whole_months
        found = []
        for back in range(MOST_YEARS if length and len(months) else 0):
            first = pd.Timestamp(start) - pd.DateOffset(months=back * length)
            last = first + pd.DateOffset(months=length) - pd.Timedelta(days=1)
            if first.date() < self.facts.history_start.replace(day=1):
                break
            inside = months[(months["month"] >= first) & (months["month"] <= last)]
            known = inside["margin"].notna().groupby(inside["account_id"]).all()
            sums = inside.groupby("account_id")[["revenue", "margin"]].sum()
            margins = sums["margin"].where(known & self.candid)
            pairs = zip(sums.index.astype(str), sums["revenue"].tolist(), margins.tolist(), strict=True)
            spread = {i: (revenue, None if margin != margin else margin) for i, revenue, margin in pairs}
            found.append((self.labels.period(first.date(), last.date()), spread))
        return found

    def risks(self, account_id: str) -> tuple[str, ...]:
        """What endangers the account, or that nothing in the figures does."""
        labels, row, risk = self.labels, self.row(account_id), self.risk.get(account_id, {})
        said = []
        if risk.get("level") in ("red", "amber"):
            said.append(
                labels("account_plan.risk_money", money=risk["revenue_at_risk"], evidence=self.text(risk["evidence"]))
            )
        if not labels.missing(row["share"]) and row["share"] >= 0.10:
            said.append(labels("account_plan.risk_share", share=row["share"]))
        if self.candid and not labels.missing(row.get("margin")) and row["margin"] < 0:
            said.append(labels("account_plan.risk_loss", margin=row["margin"]))
        if certainty(row["membership_probability"]) == "borderline":
            said.append(labels("account_plan.risk_borderline"))
        if not said:
            said.append(labels("account_plan.risk_none" if risk else "account_plan.risk_unknown"))
        return tuple(said)


def by_account(frame: pd.DataFrame) -> dict[str, dict[Any, Any]]:
    """The first row of each account."""
    return {str(row["account_id"]): row for row in frame.drop_duplicates("account_id").to_dict("records")}
