"""How well the future is foreseen on real sales data, cut-offs and population as `../shared/data/README.md` describes.

Everything that is chosen is chosen on earlier cut-offs. The bounds lie below what was measured (AUC .70 and .79, hit@10
.56, MAP@10 .066), far enough for another linear algebra library.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from kamkit.analysis.options.account_risk import assess_account_risk, risk_trials
from kamkit.analysis.options.cross_selling import rank_cross_selling
from kamkit.analysis.options.history import History, history_until
from kamkit.analysis.ranking_quality import auc
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts

pytestmark = pytest.mark.slow
SERVICE = (
    *("POST", "D", "DOT", "M", "S", "AMAZONFEE", "CRUK", "C2", "PADS", "B", "ADJUST", "ADJUST2", "TEST001", "TEST002"),
    *("GIFT", "SP1002", "BANK CHARGES"),
)
RULES = load_option_rules()
WINDOW = 3


@pytest.fixture(scope="module")
def history(real_data: Path, facts_from: Callable[..., AccountFacts]) -> History:
    text = {"CustomerID": "string", "StockCode": "string", "InvoiceNo": "string"}
    lines = pd.read_csv(real_data / "online_retail" / "online_retail.csv.gz", dtype=text).dropna(subset=["CustomerID"])
    code = lines["StockCode"].str.upper()
    lines = lines[~code.isin(SERVICE) & ~code.str.startswith("GIFT_")]
    lines = lines.assign(
        day=pd.to_datetime(lines["InvoiceDate"]).dt.normalize(), net=lines["Quantity"] * lines["UnitPrice"]
    )
    bought = lines[lines["net"] > 0]
    rows = bought[["CustomerID", "day", "net", "StockCode", "CustomerID"]].to_numpy(object).tolist()
    return history_until(facts_from(rows, end="2011-12-09", start="2010-12-01", item_kind="product"))


CUT_OFFS = [pd.Timestamp("2011-07-31"), pd.Timestamp("2011-08-31")]


def areas(trials: pd.DataFrame, column: str = "score") -> pd.Series:
    """The mean area under the curve of a column over the cut-offs, by task."""
    key = trials[trials["population"] == "key_accounts"].groupby(["task", "cut_off"])
    found = key[[column, "event"]].apply(lambda rows: auc(rows[column].to_numpy(float), rows["event"].to_numpy(bool)))
    return found.groupby("task").mean()


def test_falls_and_stops_of_key_accounts_are_foreseen(history: History) -> None:
    trials = risk_trials(history, CUT_OFFS, WINDOW, RULES.risk)
    by_cut_off = trials.groupby(["task", "population", "cut_off"])["event"].agg(["size", "sum"])
    assert by_cut_off.loc[("risk_stop", "key_accounts")].to_numpy().tolist() == [[907, 188], [924, 165]]
    assert by_cut_off.loc[("risk_fall", "key_accounts")].to_numpy().tolist() == [[907, 271], [924, 232]]
    found = areas(trials)
    assert found["risk_fall"] > 0.685
    assert found["risk_stop"] > 0.78
    for baseline in [column for column in trials if column.startswith("baseline_")]:
        assert (found > areas(trials, baseline) + 0.08).all(), baseline
    gap = areas(trials, "baseline_gap_ratio")
    assert gap.max() < 0.6  # the textbook warning, among the worst


def test_the_score_does_not_look_ahead(history: History) -> None:
    """Whatever is bought after the cut-off, by whomever, no score of that day changes."""
    day = CUT_OFFS[0]
    later = history.orders.assign(date=history.orders["date"] + pd.DateOffset(months=9), revenue=1e6)
    changed = replace(history, orders=pd.concat([history.orders, later[later["date"] > day]], ignore_index=True))
    known, after = (assess_account_risk(h.until(day), WINDOW, RULES.risk)[0] for h in (history, changed))
    pd.testing.assert_frame_equal(known, after)


def test_first_purchases_are_foreseen_far_better_than_by_popularity(history: History) -> None:
    none = pd.DataFrame({"account_id": pd.Series(dtype=str), "level": pd.Series(dtype=str)})
    items = pd.DataFrame({"item": pd.Series(dtype=str), "name": pd.Series(dtype=str)})
    table, method, _ = rank_cross_selling(
        history.until(pd.Timestamp("2011-11-30")), none, pd.Index([]), items, RULES.cross_selling
    )
    assert (method.name, method.reason) == ("ease", "best")
    tested = method.tested
    assert tested is not None
    assert tested.cut_off == pd.Timestamp("2011-08-31")
    assert len(tested.hits.accounts) == pytest.approx(1789, abs=10)
    assert tested.hits.hit_rate > 0.55
    assert tested.hits.average_precision > 0.063
    assert tested.hits.average_precision > 2.5 * tested.popular.average_precision
    assert tested.brought == pytest.approx(tested.expected, rel=0.5)
    assert table.groupby("account_id")["rank"].max().between(1, 10).all()
