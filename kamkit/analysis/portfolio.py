"""Where the key accounts stand: two axes, four fields, one function for every matrix (domain S10).

Matrices are never averaged. What an axis lacks makes its matrix not assessable and is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from kamkit.analysis.options.dependence import our_dependence, ratings
from kamkit.analysis.options.history import History, history_until
from kamkit.analysis.options.relationship import relationship_indicators
from kamkit.analysis.options.scoring import DRAWS, LEAST_COVERAGE, SEED, anchor, weighted_score
from kamkit.model.codes import Gate
from kamkit.model.portfolio_rules import PortfolioAxis, PortfolioModel, PortfolioRules
from kamkit.model.results import AccountFacts, Portfolio

COST_STEPS = {"selling": "service_unknown", "service": "selling_unknown"}
"""The steps of the cost to serve, and what is told where only this one is known."""
RATING = "rating_"
MIDDLE = [0.1, 0.9]
RANGE = (0.05, 0.95)
"""Quantiles of the weightings between which a score's range is drawn (convention)."""


def place_key_accounts(
    facts: AccountFacts, key_account_ids: pd.Index, cross_selling: pd.DataFrame, rules: PortfolioRules
) -> Portfolio:
    """Every matrix of the rules over the key accounts, and which one stands in the main part.

    `key_account_ids` in the order of rank; `cross_selling` as in StrategyOptions.
    """
    history = history_until(facts)
    figures, notes = portfolio_figures(facts, history, cross_selling, rules)
    figures = figures.reindex(key_account_ids)
    weight = figures["revenue"].clip(lower=0)
    rows, parts, has_place = [], [], {}
    for name, model in rules.portfolios.items():
        placed, cuts = place(figures, model)
        has_place[name] = placed["quadrant"].notna()
        known = has_place[name]
        covered = float(weight[known].sum()) >= rules.coverage.value * float(weight.sum())
        assessable = bool(known.sum() >= rules.fewest.value and covered)
        missing = () if assessable else _missing(figures, model)
        rows.append(
            {
                "model": name,
                "assessable": assessable,
                "n": int(known.sum()) if assessable else 0,
                **{f"{axis}_unit": getattr(model, axis).unit for axis in ("x", "y")},
                **{f"{axis}_cut": cuts[axis] if assessable else np.nan for axis in ("x", "y")},
                **{
                    f"{axis}_cut_kind": "median" if getattr(model, axis).cut is None else "fixed" for axis in ("x", "y")
                },
                **{
                    f"{axis}_close": assessable and _is_close(placed.loc[known, axis], getattr(model, axis))
                    for axis in ("x", "y")
                },
                "source": model.source,
                "evidence": str(model.evidence),
                "missing": missing,
            }
        )
        if assessable:
            parts.append(placed[known].rename_axis("account_id").reset_index().assign(model=name))
    models = pd.DataFrame(rows)
    can = set(models.loc[models["assessable"], "model"])
    positions = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["account_id", *PLACED, "model"])
    main = next((name for name in rules.main if name in can), "")
    nearest = main or max(rules.main, key=lambda name: int(has_place[name].sum()))
    lacks = [
        () if there else _needs(row, rules.portfolios[nearest])
        for there, (_, row) in zip(has_place[nearest], figures.iterrows(), strict=True)
    ]
    profile = pd.DataFrame({"price_level": figures["price_level"], "missing": pd.Series(lacks, figures.index, object)})
    return Portfolio(
        main=main,
        models=models,
        positions=positions[["model", "account_id", *PLACED]],
        profile=profile.rename_axis("account_id").reset_index(),
        raters=_raters(facts, figures, key_account_ids),
        notes=tuple(notes),
    )


def _is_close(values: pd.Series[Any], axis: PortfolioAxis) -> bool:
    """Whether the middle four fifths lie closer together than what makes a difference."""
    if axis.least_spread is None:
        return False
    low, high = values.quantile(MIDDLE)
    return bool(high - low < axis.least_spread.value)


PLACED = ["x", "y", "x_low", "x_high", "y_low", "y_high", "quadrant", "quadrant_share"]


def place(figures: pd.DataFrame, model: PortfolioModel) -> tuple[pd.DataFrame, Mapping[str, float]]:
    """The accounts on one matrix, and where each axis is cut.

    `figures`: by account, a column per figure, missing where not known. Returns by account x and y (the figure, or a score
    of 0–1), x_low … y_high (5 to 95 % of 1,000 random weightings of an axis with several known indicators, else missing),
    quadrant (high_high, high_low, low_high, low_low: x before y; exactly on the cut is high; missing where an axis is),
    quadrant_share (of the weightings that leave the account in its field, the cuts as they are; missing without ranges).
    """
    axes = {name: _axis(figures, axis, SEED + i) for i, (name, axis) in enumerate((("x", model.x), ("y", model.y)))}
    table, cuts, sides, stays = pd.DataFrame(index=figures.index), {}, {}, []
    for name, (values, drawn) in axes.items():
        rule: PortfolioAxis = getattr(model, name)
        cut = float(values.median()) if rule.cut is None else rule.cut.value
        table[name], table[f"{name}_low"], table[f"{name}_high"] = values, np.nan, np.nan
        if drawn.size:
            there = values.notna().to_numpy()
            table.loc[there, [f"{name}_low", f"{name}_high"]] = np.quantile(drawn[there], RANGE, axis=1).T
        is_high = (values >= cut - 1e-12).to_numpy()
        cuts[name], sides[name] = cut, np.where(is_high, "high", "low")
        if drawn.size:
            stays.append((drawn >= cut - 1e-12) == is_high[:, None])
    known = table["x"].notna() & table["y"].notna()
    quadrant = pd.Series([f"{x}_{y}" for x, y in zip(sides["x"], sides["y"], strict=True)], index=table.index)
    table["quadrant"] = quadrant.where(known)
    share = np.logical_and.reduce(stays).mean(axis=1) if stays else np.nan
    table["quadrant_share"] = pd.Series(share, index=table.index, dtype="float64").where(known)
    return table[PLACED], cuts


def _axis(figures: pd.DataFrame, axis: PortfolioAxis, seed: int) -> tuple[pd.Series[Any], np.ndarray]:
    """The position of each account, and its scores in random weightings (empty where weights do not matter)."""
    if axis.figure is not None:
        return figures[axis.figure].astype("float64"), np.empty((0, 0))
    names = list(axis.indicators)
    anchored = pd.DataFrame({name: anchor(figures[name].astype("float64"), axis.indicators[name]) for name in names})
    weight = np.array([axis.weights.get(name, 1.0) for name in names])
    known = anchored.notna().to_numpy()
    enough = (known * weight).sum(axis=1) >= LEAST_COVERAGE * weight.sum() - 1e-12
    score = pd.Series(weighted_score(anchored, "arithmetic", weight), index=figures.index).where(enough)
    if known.any(axis=0).sum() < 2:
        return score, np.empty((0, 0))
    draws = np.random.default_rng(seed).dirichlet(np.ones(len(names)), DRAWS).T
    with np.errstate(invalid="ignore"):
        drawn = anchored.fillna(0.0).to_numpy() @ draws / (known @ draws)
    return score, np.where(enough[:, None], drawn, score.to_numpy()[:, None])


def portfolio_figures(
    facts: AccountFacts, history: History, cross_selling: pd.DataFrame, rules: PortfolioRules
) -> tuple[pd.DataFrame, list[str]]:
    """What the axes may use, by account_id, missing where it is not known, and what is to be told about it.

    revenue, margin, margin_rate (of the revenue that carries a margin), growth (against the equally long span before),
    price_level (`price_level`), cost_to_serve (selling and service budgets spent on the account ÷ revenue), our_dependence,
    our_share (of the account's demand), tenure_years, contact_density, contact_authority, expected_margin (white spots
    whose gate is open), rating_<item> (mean of 1–5).
    """
    accounts = facts.accounts.set_index("account_id")
    revenue = accounts["revenue"].astype("float64")
    bought = revenue.where(revenue > 0)
    price, price_note = price_level(facts, rules)
    cost, cost_note = _cost_to_serve(accounts)
    prior = _column(accounts, "revenue_prior")
    wallet = _column(accounts, "wallet")
    spots = cross_selling[cross_selling["gate"] == Gate.OPEN] if len(cross_selling) else cross_selling
    figures = pd.DataFrame(
        {
            "revenue": revenue,
            "margin": accounts["margin"].astype("float64"),
            "margin_rate": margin_rate(facts.accounts),
            "growth": bought / prior.where(prior > 0) - 1,
            "price_level": price,
            "cost_to_serve": cost / bought,
            "our_dependence": our_dependence(history),
            "our_share": (bought / wallet.where(wallet > 0)).clip(upper=1.0),
            "expected_margin": spots.groupby("account_id")["expected_margin"].sum(min_count=1)
            if len(spots)
            else np.nan,
        }
    )
    relationship = relationship_indicators(history).reindex(
        index=figures.index, columns=["tenure_years", "contact_density", "contact_authority"]
    )
    rated = ratings(history.tables.get("ratings")).add_prefix(RATING)
    wanted = {
        name
        for model in rules.portfolios.values()
        for axis in (model.x, model.y)
        for name in ([axis.figure] if axis.figure else axis.indicators)
    }
    figures = figures.join(relationship).join(rated)
    columns = [*figures.columns, *sorted(wanted - set(figures.columns))]
    return figures.reindex(columns=columns), [note for note in (price_note, cost_note) if note]


def margin_rate(accounts: pd.DataFrame) -> pd.Series[Any]:
    """The margin by account_id as a share of the revenue that carries one; missing without."""
    table = accounts.set_index("account_id")
    with_margin = table["revenue"].astype("float64") * _column(table, "margin_coverage").fillna(0.0)
    rate: pd.Series[Any] = table["margin"].astype("float64") / with_margin.where(with_margin > 0)
    return rate


def price_level(facts: AccountFacts, rules: PortfolioRules) -> tuple[pd.Series[Any], str]:
    """How much of the usual price each account pays, by account_id, and which way that was found.

    `price_realised`: net-net revenue ÷ list prices (net revenue where terms outside invoices are not known:
    `price_before_terms`), if list prices cover enough of revenue. Else `price_compared`: what the account paid ÷ what the
    same quantities cost at the portfolio's mean price of each product, over products that at least two accounts bought,
    for accounts with enough revenue on them. Returned goods are left out. Missing where neither can be told.
    """
    accounts = facts.accounts.set_index("account_id")
    gross, revenue = _column(accounts, "gross"), accounts["revenue"].astype("float64")
    base = facts.margin_base
    listed = base.loc[base["step"] == "gross", "coverage"] if len(base) else pd.Series(dtype="float64")
    if gross.notna().any() and (listed >= rules.list_prices.value).any():
        net_net = _column(accounts, "net_net")
        level = net_net.fillna(revenue) / gross.where(gross > 0)
        return level, "price_realised" if net_net.notna().any() else "price_before_terms"
    bought = facts.purchases if facts.item_kind == "product" else facts.product_purchases
    if bought.empty:
        return pd.Series(np.nan, index=accounts.index), ""
    inside = bought["date"].between(pd.Timestamp(facts.period.start), pd.Timestamp(facts.period.end))
    rows = bought[inside & (bought["quantity"] > 0) & (bought["revenue"] > 0)]
    sums = rows.groupby(["account_id", "item"])[["revenue", "quantity"]].sum().reset_index()
    of_item = sums.groupby("item").agg(
        all_revenue=("revenue", "sum"), units=("quantity", "sum"), buyers=("item", "size")
    )
    sums = sums.join(of_item[of_item["buyers"] >= 2], on="item", how="inner")
    sums["usual"] = sums["quantity"] * sums["all_revenue"] / sums["units"]
    by_account = sums.groupby("account_id")[["revenue", "usual"]].sum()
    paid = rows.groupby("account_id")["revenue"].sum().reindex(by_account.index)
    level = (by_account["revenue"] / by_account["usual"]).where(
        by_account["revenue"] >= rules.same_products.value * paid
    )
    net_net = _column(accounts, "net_net").reindex(level.index)
    kept = (net_net / revenue.where(revenue > 0).reindex(level.index)).fillna(1.0)
    return (level * kept).reindex(accounts.index), "price_compared" if level.notna().any() else ""


def _cost_to_serve(accounts: pd.DataFrame) -> tuple[pd.Series[Any], str]:
    costs = pd.DataFrame({step: _column(accounts, step) for step in COST_STEPS})
    known = [step for step in COST_STEPS if costs[step].notna().any()]
    return costs.sum(axis=1, min_count=1), COST_STEPS[known[0]] if len(known) == 1 else ""


def _column(table: pd.DataFrame, name: str) -> pd.Series[Any]:
    """A column as numbers, missing all over where the table does not have it."""
    return table[name].astype("float64") if name in table else pd.Series(np.nan, index=table.index)


def _missing(figures: pd.DataFrame, model: PortfolioModel) -> tuple[str, ...]:
    """What would make a matrix assessable: the needs of the figures that fewer than half of the key accounts have."""
    return _needs(figures.notna().mean().fillna(1.0).where(lambda share: share >= 0.5), model)


def _needs(known: pd.Series[Any], model: PortfolioModel) -> tuple[str, ...]:
    """What a matrix asks for, for those of its figures that are missing in a series by figure."""
    needs: dict[str, None] = {}
    for axis in (model.x, model.y):
        wanted = {axis.figure: axis.needs} if axis.figure else {n: i.needs for n, i in axis.indicators.items()}
        needs |= dict.fromkeys(need for name, of in wanted.items() if pd.isna(known[name]) for need in of)
    return tuple(needs)


def _raters(facts: AccountFacts, figures: pd.DataFrame, key_account_ids: pd.Index) -> pd.DataFrame:
    """Who rated what, of the ratings that an axis uses: item, rated_by_role (missing where nobody is named), n."""
    given = facts.tables.get("ratings")
    if given is None or not figures.filter(like=RATING).notna().any(axis=None):
        return pd.DataFrame(columns=["item", "rated_by_role", "n"])
    rows = given[given["account_id"].isin(key_account_ids)].reindex(columns=["item", "rated_by_role"])
    counted = rows.groupby(["item", "rated_by_role"], dropna=False).size().rename("n").reset_index()
    return counted.sort_values(["item", "rated_by_role"], ignore_index=True)
