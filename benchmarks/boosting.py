"""What a trained model makes of the same histories: gradient boosting, learned on earlier cut-offs of the same client only."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kamkit.analysis.options.history import History, window_end
from kamkit.analysis.options.risk_score import FALL, silence

YEAR = 12
FEWEST_MONTHS, MOST_CUT_OFFS = 3, 12
SETTINGS = {
    "max_iter": 150,
    "learning_rate": 0.05,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 40,
    "l2_regularization": 1.0,
    "random_state": 0,
}
"""Small trees, slow learning: usual values, none of them tried out on the cut-offs that are reported."""


def boosted_scores(history: History, cut_off: pd.Timestamp, window_months: int) -> pd.DataFrame:
    """account_id, risk_stop, risk_fall of every account with revenue in the 12 months up to `cut_off` (the last day known).

    Trained on up to twelve earlier cut-offs, a month apart, whose windows had closed by `cut_off`, over all accounts that had
    revenue in the 12 months before them. Raises ValueError where history is too short for one.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    known = history.until(cut_off)
    days = []
    for step in range(MOST_CUT_OFFS):
        day = cut_off + pd.Timedelta(days=1) - pd.DateOffset(months=window_months + step) - pd.Timedelta(days=1)
        if known.until(day).n_months >= FEWEST_MONTHS:
            days.append(day)
    if not days:
        raise ValueError(
            f"no cut-off before {cut_off.date()} has {FEWEST_MONTHS} months before and a closed window after it"
        )
    learned = [
        (purchase_features(known.until(day), window_months), window_events(known, day, window_months)) for day in days
    ]
    x = pd.concat([features for features, _ in learned])
    now = purchase_features(known, window_months)
    scores = {}
    for task in ("risk_stop", "risk_fall"):
        y = np.concatenate([events[task].reindex(features.index).to_numpy(bool) for features, events in learned])
        model = HistGradientBoostingClassifier(**SETTINGS).fit(x.to_numpy(float), y)
        scores[task] = model.predict_proba(now.to_numpy(float))[:, 1]
    return pd.DataFrame(scores, index=now.index).rename_axis("account_id").reset_index()


def window_events(history: History, day: pd.Timestamp, window_months: int) -> pd.DataFrame:
    """risk_stop and risk_fall by account_id, as the trials of account risk define them."""
    then = history.until(day)
    yearly = then.yearly_revenue
    later = history.until(window_end(day, window_months)).revenue(window_months).reindex(yearly.index).fillna(0.0)
    usual = yearly * window_months / min(YEAR, max(then.n_months, 1))
    return pd.DataFrame({"risk_stop": later <= 0, "risk_fall": later < FALL * usual})


def purchase_features(history: History, window_months: int) -> pd.DataFrame:
    """28 features by account_id, all known at the history's cut-off; revenue as shares of 12 months, times in days."""
    yearly = history.yearly_revenue
    orders = history.orders.groupby(["account_id", "date"], as_index=False)["revenue"].sum()
    year = orders[orders["date"] >= history.first_day(YEAR)]
    sizes, dates = year.groupby("account_id")["revenue"], orders.groupby("account_id")["date"]
    gaps = dates.diff().dt.days.groupby(orders["account_id"])
    features = pd.DataFrame({"revenue": np.log1p(yearly)})
    for months in (1, 2, 3, 6):
        features[f"share_{months}"] = history.revenue(months) / yearly
        since = year[year["date"] >= history.first_day(months)]
        features[f"orders_{months}"] = since.groupby("account_id").size()
    features["share_window"] = history.revenue(window_months) / yearly
    features["share_window_before"] = history.revenue(window_months, window_months) / yearly
    features["orders_12"] = sizes.size()
    months_bought = year.assign(month=year["date"].dt.to_period("M")).drop_duplicates(["account_id", "month"])
    features["months_active"] = months_bought.groupby("account_id").size()
    features = features.fillna(0.0)
    features["one_off"] = sizes.max() / yearly
    features["concentration"] = (year["revenue"] ** 2).groupby(year["account_id"]).sum() / yearly**2
    features["order_mean"] = np.log1p(sizes.mean())
    features["order_scatter"] = sizes.std() / sizes.mean()
    features["last_order"] = sizes.last() / sizes.mean()
    features["pause"] = (history.cut_off - dates.max()).dt.days
    features["age"] = (history.cut_off - dates.min()).dt.days
    features["gap_mean"], features["gap_median"], features["gap_longest"] = gaps.mean(), gaps.median(), gaps.max()
    features["gap_scatter"] = gaps.std() / gaps.mean()
    features["gap_ratio"] = features["pause"] / features["gap_median"]
    bought = history.purchases[history.purchases["date"] >= history.first_day(YEAR)]
    lately = bought[bought["date"] >= history.first_day(window_months)]
    features["items"] = bought.groupby("account_id")["item"].nunique()
    features["items_lately"] = lately.groupby("account_id")["item"].nunique() / features["items"]
    modelled = silence(history, window_months)
    features["p_silent"] = np.nan if modelled is None else modelled["p_silent"]
    return features
