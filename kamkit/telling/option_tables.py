"""Tables of step 4 beyond recommendation and plan: what speaks for and against, whitespace, sites, indicators, weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from kamkit.model.codes import Gate
from kamkit.model.engagement import Engagement
from kamkit.model.option_rules import OptionRules
from kamkit.model.results import KeyAccounts, StrategyOptions
from kamkit.telling.language import Labels
from kamkit.telling.option_studies import takeover_sentence
from kamkit.telling.results import finding_sentence, of_key_accounts, told
from kamkit.telling.tables import ABSENT, MOST_ROWS, Column, DisplayTable, display_table

MARKS = {"bought": "●", "lapsed": "↓", "never": "○", "partner": "◇", "not_relevant": "×"}
"""How the state of an account and an item is marked in a matrix; the line below says it in words."""
MOST_ITEMS = 16
"""Columns of the whitespace matrix."""


def evidence_table(
    options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels, most: int | None = MOST_ROWS
) -> DisplayTable:
    """Per key account, for the option that is recommended (relationship management below basic care): what speaks for it
    and what against, what to settle first, and the risk of the option itself."""
    advice = options.recommendations[["account_id", "recommended_option"]]
    rows = options.options.merge(advice, on="account_id")
    chosen = rows[rows["option"] == rows["recommended_option"]]
    table = told(of_key_accounts(chosen, key_accounts), labels)
    return display_table(table, "evidence", "name option:word:option evidence counter precondition", labels, most)


def indicators_table(
    options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels, most: int | None = None
) -> DisplayTable:
    """Every indicator of every option: its value, on fixed anchors and as a rank among all accounts, side by side, and its
    weight."""
    if options.indicators.empty:
        return DisplayTable("indicators", labels("table.indicators"), (), (), ())
    table = of_key_accounts(options.indicators, key_accounts)
    columns = "account_id name option:word:option indicator:word:indicator value:number anchored:number percentile:number weight:number"
    return display_table(table, "indicators", columns, labels, most)


def scores_table(
    options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels, most: int | None = MOST_ROWS
) -> DisplayTable:
    """Per key account and option that can be assessed: the score on fixed anchors beside the mean rank of its indicators
    among all accounts, and how much of the weight is known."""
    known = options.indicators.dropna(subset=["percentile"])
    weighed = known.assign(part=known["percentile"] * known["weight"])
    sums = weighed.groupby(["account_id", "option"])[["part", "weight"]].sum()
    ranked = (sums["part"] / sums["weight"].where(sums["weight"] > 0)).rename("percentile").reset_index()
    table = of_key_accounts(options.options, key_accounts)
    table = table[table["gate"] != Gate.NOT_ASSESSABLE].merge(ranked, on=["account_id", "option"], how="left")
    columns = "name option:word:option gate:word:gate score:number percentile:number coverage:percent"
    return display_table(table, "scores", columns, labels, most)


def weights_table(engagement: Engagement, rules: OptionRules, labels: Labels) -> DisplayTable:
    """The weight of every indicator as it is used, its part of the option's whole, and whether the engagement set it."""
    rows = []
    for option, rule in rules.options.items():
        own = engagement.options.weights.get(option, {})
        weights = {name: float(own.get(name, indicator.weight)) for name, indicator in rule.indicators.items()}
        total = sum(weights.values()) or 1.0
        rows += [
            {"option": option, "indicator": name, "weight": weight, "part": weight / total, "own_weight": name in own}
            for name, weight in weights.items()
        ]
    columns = "option:word:option indicator:word:indicator weight:number part:percent own_weight"
    return display_table(pd.DataFrame(rows), "weights", columns, labels, most=None)


def whitespace_matrix(
    options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels, most: int | None = MOST_ROWS
) -> DisplayTable:
    """Key accounts × categories (products where there are none): bought, no longer bought, never bought, from partners. A
    mark per field, the items with most buyers first; the line below says what the marks mean."""
    found = options.whitespace
    if found.empty:
        return DisplayTable("whitespace", labels("table.whitespace"), (), (), (), labels("table.no_whitespace"))
    kind = "category" if (found["kind"] == "category").any() else "product"
    own = found[found["kind"] == kind].rename(columns={"name": "item_name"})
    bought = own[own["status"] == "bought"].groupby("item").size()
    items = own.drop_duplicates("item").set_index("item")["item_name"].astype(str)
    order = sorted(items.index, key=lambda item: (-int(bought.get(item, 0)), items[item]))[:MOST_ITEMS]
    marks = own.pivot(index="account_id", columns="item", values="status").map(MARKS.get, na_action="ignore")
    table = of_key_accounts(marks[order].reset_index(), key_accounts)
    shown = display_table(table, "whitespace", "name", labels, most)
    columns = tuple(Column(str(item), items[item], "text") for item in order)
    cells = tuple(tuple(row) for row in table[order].fillna(ABSENT).astype(str).to_numpy().tolist()[: len(shown.rows)])
    words = [f"{mark} {labels(f'whitespace_status.{status}')}" for status, mark in MARKS.items()]
    return replace(
        shown,
        columns=(*shown.columns, *columns),
        rows=tuple((*row, *more) for row, more in zip(shown.rows, cells, strict=True)),
        cells=tuple((*row, *more) for row, more in zip(shown.cells, cells, strict=True)),
        more="; ".join(filter(None, (*words, shown.more))),
    )


def sites_matrix(
    options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels, most: int | None = MOST_ROWS
) -> DisplayTable:
    """Sites inside a key account × what the account buys: where a sister buys what this one never bought."""
    if options.sites.empty:
        return DisplayTable("sites", labels("table.sites"), (), (), (), labels("table.no_sites"))
    white = options.sites[options.sites["status"] != "bought"]
    table = of_key_accounts(white.rename(columns={"name": "site_name"}), key_accounts)
    table = table.sort_values(["expected_revenue", "account_id"], ascending=[False, True], na_position="last")
    table = table.assign(category=table["item_name"], buying_site=table["buyer"])
    columns = "name site_name category status:word:whitespace_status buying_site expected_revenue:money_short"
    return display_table(table, "sites", columns, labels, most)


def lapsed_table(
    options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels, most: int | None = MOST_ROWS
) -> DisplayTable:
    """What key accounts no longer buy, the largest first, and what partners could supply."""
    found = options.whitespace
    if found.empty:
        return DisplayTable("lapsed", labels("table.lapsed"), (), (), ())
    own = _given_up(found).rename(columns={"name": "category"})
    table = told(of_key_accounts(own, key_accounts), labels)
    table = table.sort_values(["revenue_then", "account_id"], ascending=[False, True])
    return display_table(table, "lapsed", "name category revenue_then:money_short evidence", labels, most)


def n_given_up(options: StrategyOptions, key_accounts: KeyAccounts) -> int:
    """How many key accounts have rows in `lapsed_table`."""
    if options.whitespace.empty:
        return 0
    return int(of_key_accounts(_given_up(options.whitespace), key_accounts)["account_id"].nunique())


def _given_up(whitespace: pd.DataFrame) -> pd.DataFrame:
    """What is no longer bought: categories, products where there are none."""
    kind = "category" if (whitespace["kind"] == "category").any() else "product"
    return whitespace[(whitespace["status"] == "lapsed") & (whitespace["kind"] == kind)]


def takeover_table(
    options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels, most: int | None = 5
) -> DisplayTable:
    """What a takeover by a key account would put in question; confidential."""
    if options.takeover.empty:
        return DisplayTable("takeover", labels("table.takeover"), (), (), ())
    table = of_key_accounts(options.takeover, key_accounts)
    table = table.sort_values(["our_dependence", "account_id"], ascending=[False, True])
    said: list[Any] = [
        takeover_sentence({str(k): v for k, v in row.items()}, labels) for row in table.to_dict("records")
    ]
    return display_table(table.assign(evidence=said), "takeover", "name evidence", labels, most)


def pilot_table(options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels) -> DisplayTable:
    """Which key accounts begin with an option, and which wait."""
    if options.pilot_accounts.empty:
        return DisplayTable("pilots", labels("table.pilots"), (), (), ())
    table = of_key_accounts(options.pilot_accounts, key_accounts)
    return display_table(table, "pilots", "name option:word:option arm:word:arm", labels, most=None)


def risk_signs_table(
    options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels, most: int | None = MOST_ROWS
) -> DisplayTable:
    """What else speaks for and against leaving, for key accounts at raised risk, those with most revenue at risk first; the
    probability of a stop only where a later cut-off has borne it out."""
    signs = options.risk_signs
    risk = of_key_accounts(options.account_risk, key_accounts)
    risk = risk[risk["level"].isin(["red", "amber"])]
    if signs.empty or risk.empty:
        return DisplayTable("risk_signs", labels("table.risk_signs"), (), (), (), labels("table.no_risk_signs"))
    said = [labels(f"risk_sign.{sign}", **values) for sign, values in zip(signs["sign"], signs["values"], strict=True)]
    told_signs = signs[["account_id", "side"]].assign(said=said)
    by_side = told_signs.groupby(["account_id", "side"])["said"].agg(" ".join).unstack("side")
    by_side = by_side.reindex(columns=["for", "against"]).rename(columns={"for": "speaks_for", "against": "counter"})
    table = risk.merge(by_side.reset_index(), on="account_id", how="left")
    table = table.sort_values(["revenue_at_risk", "account_id"], ascending=[False, True])
    columns = "name level:word:risk_level speaks_for counter chance_stop:percent chance_fall:percent"
    return display_table(table, "risk_signs", columns, labels, most)


CHANCE = ("chance_holds", "chance_unreliable", "chance_few_events")
"""The notes of the method that say whether a score may be called a probability."""


def reliability_table(options: StrategyOptions, labels: Labels) -> DisplayTable:
    """What was predicted at the latest cut-off that can be tested and what happened, by groups of key accounts, for each task
    whose probabilities hold there; below it, per task, what was tested, or why there is no probability."""
    said = " ".join(finding_sentence(note, labels) for note in options.methods if note.code in CHANCE)
    curve = options.reliability
    if curve.empty or not curve["holds"].any():
        return DisplayTable("reliability", labels("table.reliability"), (), (), (), said)
    held = curve[curve["holds"].astype(bool)].rename(columns={"n": "in_group"})
    columns = (
        "task:word:task in_group:count predicted:percent observed:percent observed_low:percent observed_high:percent"
    )
    return replace(display_table(held, "reliability", columns, labels, most=None), more=said)
