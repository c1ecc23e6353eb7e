"""Options held to what happened next: real sales data, cut-offs in the past, results of step 4 against the months after; and
what scoring and tests cost.

Data: UCI Online Retail (Chen et al. 2012), read from `../shared/data`. kamkit runs as a user would run it, on an engagement
whose period ends the day before the cut-off, so it cannot see further. What happened is added up from the raw file with plain
pandas. Population and targets as in the data's own notes: key accounts are the smallest set with 80 % of the revenue of the
twelve months before; a fall is revenue at least half below the 12-month mean; a stop is no purchase within the window.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.measure import Clock, Measurement, measure

CUT_OFFS = ("2011-08-01", "2011-09-01")
WINDOW = 3
LONGEST_LIST = 10
DATA = Path(__file__).parents[2] / "shared" / "data"
SERVICE_ARTICLES = [
    *("POST", "D", "DOT", "M", "m", "S", "AMAZONFEE", "CRUK", "C2", "PADS", "B", "ADJUST", "ADJUST2", "TEST001"),
    *("TEST002", "GIFT", "SP1002", "BANK CHARGES", *(f"gift_0001_{value}" for value in (10, 20, 30, 40, 50))),
]
SIZES = (1_250, 5_000, 20_000)
ACCOUNTS, PRODUCTS, MONTHS = 5_000, 4_000, 36
LINES_PER_ACCOUNT = 180
"""A purchase of one product on one day; five a month."""


def goods_sold(file: Path) -> pd.DataFrame:
    """customer, product, day, revenue: positive lines of goods, as the file has them."""
    text = {"CustomerID": "string", "StockCode": "string", "InvoiceNo": "string"}
    lines = pd.read_csv(file, dtype=text).dropna(subset=["CustomerID"])
    revenue = lines["Quantity"] * lines["UnitPrice"]
    sold = lines[(revenue > 0) & ~lines["StockCode"].isin(SERVICE_ARTICLES)]
    return pd.DataFrame(
        {
            "customer": sold["CustomerID"].str.removesuffix(".0").astype(str),
            "product": sold["StockCode"].astype(str),
            "day": pd.to_datetime(sold["InvoiceDate"]).dt.normalize(),
            "revenue": revenue[sold.index],
        }
    )


def results_before(cut_off: pd.Timestamp, file: Path, folder: Path) -> dict[str, pd.DataFrame]:
    """account_risk, cross_selling and backtests of an engagement that ends the day before the cut-off, and the facts."""
    end = (cut_off - pd.Timedelta(days=1)).date()
    columns = {
        "customer_id": "CustomerID",
        "posting_date": "InvoiceDate",
        "net_revenue": "= CASE WHEN Quantity * UnitPrice > 0 THEN Quantity * UnitPrice END",
        "invoice_id": "InvoiceNo",
        "product_id": "StockCode",
        "product_name": "Description",
        "quantity": "Quantity",
    }
    transactions = {
        "path": str(file),
        "columns": columns,
        "exclude": [{"column": "StockCode", "values": SERVICE_ARTICLES}],
    }
    project = _project(folder, "Online Retail", "GBP", ("2010-12-01", f"{end}"), transactions)
    options = project.options
    return {
        "account_risk": options.account_risk,
        "cross_selling": options.cross_selling,
        "backtests": options.backtests,
        "project": project,
    }


def _project(folder: Path, client: str, currency: str, period: tuple[str, str], transactions: dict[str, Any]) -> Any:
    """An opened engagement over one table of transactions."""
    import yaml

    from kamkit import open_project

    folder.mkdir()
    engagement = {
        "client": client,
        "language": "en",
        "currency": currency,
        "period": {"start": period[0], "end": period[1]},
        "allow_outside": True,
        "account_risk": {"window_months": WINDOW},
        "sources": {"transactions": transactions},
    }
    (folder / "engagement.yml").write_text(yaml.safe_dump(engagement), encoding="utf-8")
    return open_project(str(folder / "engagement.yml"))


def area(score: pd.Series, event: pd.Series) -> float:
    """The area under the ROC curve."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(event.to_numpy(bool), score.to_numpy(float)))


def early_warning(cut_off: pd.Timestamp, sold: pd.DataFrame, results: dict[str, Any]) -> pd.DataFrame:
    """One row per score: area for falls and for stops among the key accounts."""
    from benchmarks.boosting import boosted_scores
    from kamkit.analysis.options.history import history_until

    before, after = sold[sold["day"] < cut_off], sold[sold["day"] >= cut_off]
    year = before[before["day"] >= cut_off - pd.DateOffset(months=12)]
    yearly = year.groupby("customer")["revenue"].sum().sort_values(ascending=False, kind="stable")
    key = yearly.index[(yearly.cumsum() - yearly) < 0.8 * yearly.sum()]
    window = after[after["day"] < cut_off + pd.DateOffset(months=WINDOW)]
    later = window.groupby("customer")["revenue"].sum().reindex(key).fillna(0.0)
    months = min(12, (cut_off.to_period("M") - before["day"].min().to_period("M")).n)
    fall, stop = later < 0.5 * yearly[key] * WINDOW / months, later <= 0
    days = before.groupby("customer")["day"].agg(["min", "max", "nunique"]).reindex(key)
    recency = (cut_off - days["max"]).dt.days.astype(float)
    gap = (days["max"] - days["min"]).dt.days / (days["nunique"] - 1).where(days["nunique"] > 1)
    risk = results["account_risk"].set_index("account_id")["risk_score"]
    boosted = boosted_scores(history_until(results["project"].facts), cut_off - pd.Timedelta(days=1), WINDOW).set_index(
        "account_id"
    )
    scores = {
        "days since last order ÷ own mean gap": [(recency / gap).fillna(0.0)] * 2,
        "recency": [recency] * 2,
        "account size (small first)": [-yearly[key]] * 2,
        "gradient boosting": [boosted["risk_fall"].reindex(key), boosted["risk_stop"].reindex(key)],
        "kamkit": [risk.reindex(key)] * 2,
    }
    rows = {name: [area(f, fall), area(s, stop)] for name, (f, s) in scores.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["fall", "stop"])
    return table.assign(n=len(key), falls=int(fall.sum()), stops=int(stop.sum()))


def cross_selling(cut_off: pd.Timestamp, sold: pd.DataFrame, results: dict[str, Any]) -> pd.DataFrame:
    """One row per method: share of accounts with a hit among ten, and mean average precision at ten.

    Every account that kamkit ranks (at least three invoices, or key) and that bought something for the first time in the window
    counts; beside it popularity and item-kNN (cosine) over the same accounts.
    """
    from sklearn.metrics.pairwise import cosine_similarity

    before, after = sold[sold["day"] < cut_off], sold[sold["day"] >= cut_off]
    window = after[after["day"] < cut_off + pd.DateOffset(months=WINDOW)]
    products = pd.Index(sorted(before["product"].unique()))
    bought = before.drop_duplicates(["customer", "product"])
    ranked = results["cross_selling"].sort_values(["account_id", "rank"])
    firsts = window.drop_duplicates(["customer", "product"]).merge(
        bought[["customer", "product"]].assign(old=True), on=["customer", "product"], how="left"
    )
    firsts = firsts[firsts["old"].isna() & firsts["product"].isin(products)]
    new = firsts.groupby("customer")["product"].agg(set)
    accounts = new.index.intersection(pd.Index(ranked["account_id"].unique()))
    rows, columns = pd.factorize(bought["customer"], sort=True)
    from scipy import sparse

    matrix = sparse.csr_matrix(
        (np.ones(len(bought)), (rows, products.get_indexer(pd.Index(bought["product"])))), (len(columns), len(products))
    )
    own = matrix[pd.Index(columns).get_indexer(accounts)].toarray()
    near = cosine_similarity(matrix.T, dense_output=True)
    np.fill_diagonal(near, 0.0)
    scores = {"popularity": np.tile(matrix.sum(axis=0).A1, (len(own), 1)), "item-kNN, cosine": own @ near}
    lists = {
        name: [
            list(products[np.argsort(-np.where(mine > 0, -np.inf, row), kind="stable")[:LONGEST_LIST]])
            for row, mine in zip(score, own, strict=True)
        ]
        for name, score in scores.items()
    }
    by_account = ranked.groupby("account_id")["category"].agg(list)
    lists["kamkit"] = [by_account[account] for account in accounts]
    found = {}
    for name, proposed in lists.items():
        hits = [
            [item in new[account] for item in items[:LONGEST_LIST]]
            for account, items in zip(accounts, proposed, strict=True)
        ]
        precision = [_average_precision(row, len(new[account])) for row, account in zip(hits, accounts, strict=True)]
        found[name] = [float(np.mean([any(row) for row in hits])), float(np.mean(precision))]
    return pd.DataFrame.from_dict(found, orient="index", columns=["hit@10", "MAP@10"]).assign(n=len(accounts))


def _average_precision(hits: list[bool], n_new: int) -> float:
    total = sum(sum(hits[: place + 1]) / (place + 1) for place, hit in enumerate(hits) if hit)
    return total / min(n_new, LONGEST_LIST)


def generate(n: int) -> Any:
    """The facts of n accounts that bought among 4,000 products over 36 months, each with tastes and a rhythm of its own."""
    import datetime as dt

    from kamkit.model.codes import Grain, Level
    from kamkit.model.engagement import Period
    from kamkit.model.results import AccountFacts

    rng = np.random.default_rng(20260101)
    first, days = pd.Timestamp("2023-01-01"), 1096
    ids = np.array([f"{i:06d}" for i in range(n)], dtype=object)
    account = rng.integers(0, n, n * LINES_PER_ACCOUNT)
    taste = rng.integers(0, 40, n)
    product = (taste[account] * 100 + rng.geometric(0.05, len(account)) * rng.integers(1, 4, len(account))) % PRODUCTS
    date = first + pd.to_timedelta(rng.integers(0, days, len(account)) // 6 * 6, unit="D")
    lines = pd.DataFrame({"account_id": ids[account], "item": product, "date": date})
    lines["item"] = lines["item"].map({i: f"P{i:04d}" for i in range(PRODUCTS)})
    lines["revenue"] = np.round(rng.lognormal(4, 1, len(lines)) * rng.lognormal(0, 1, n)[account], 2)
    lines["margin"] = np.round(lines["revenue"] * 0.3, 2)
    purchases = lines.groupby(["account_id", "item", "date"], as_index=False)[["revenue", "margin"]].sum()
    purchases = purchases.assign(customer_id=purchases["account_id"], quantity=1.0)
    orders = lines.groupby(["account_id", "date"], as_index=False)["revenue"].sum()
    month = orders["date"].dt.to_period("M").dt.to_timestamp()
    booked = orders.assign(month=month).groupby(["account_id", "month"])["revenue"].agg(["sum", "size"])
    months = booked.set_axis(["revenue", "n_invoices"], axis=1).reset_index()
    period = Period(start=dt.date(2025, 1, 1), end=dt.date(2025, 12, 31))
    inside = purchases[purchases["date"] >= pd.Timestamp(period.start)].groupby("account_id")
    sums = inside[["revenue", "margin"]].sum().reindex(ids).fillna(0.0)
    accounts = pd.DataFrame(
        {
            "account_id": pd.array(ids, dtype="string"),
            "name": pd.array(ids, dtype="string"),
            "in_period": True,
            "key_label": pd.array([pd.NA] * n, dtype="boolean"),
            "n_customers": 1,
            "n_invoices": 60,
            "first_date": first,
            "last_date": pd.Timestamp(period.end),
            "revenue_prior": np.nan,
            "revenue": sums["revenue"].to_numpy(),
            "margin": sums["margin"].to_numpy(),
            "margin_coverage": 1.0,
            "contract_share": np.nan,
            "project_share": np.nan,
            "wallet": np.nan,
            "industry_code": pd.array(rng.integers(10, 97, n).astype(str), dtype="string"),
        }
    )
    texts = ("region", "field_rep", "kam_owner", "industry_version", "industry_text", "channel", "customer_class")
    accounts = accounts.assign(**{name: pd.array([pd.NA] * n, dtype="string") for name in texts})
    items = pd.DataFrame({"item": sorted(lines["item"].unique())}).assign(name=lambda f: f["item"], category=None)
    members = accounts[["account_id", "name", "revenue"]].assign(
        customer_id=accounts["account_id"], group_source="none"
    )
    decisions = pd.DataFrame(
        columns=["account_id", "subject", "decision", "date", "valid_until", "decided_by", "consulted", "opinion"]
    )
    return AccountFacts(
        period=period,
        history_start=first.date(),
        grain=Grain.DAY,
        level=Level.GROUP,
        item_kind="product",
        accounts=accounts,
        months=months.assign(margin=np.nan),
        orders=orders,
        purchases=purchases,
        product_purchases=purchases.head(0),
        items=items,
        members=members,
        tables={"decisions": decisions},
        customers=pd.DataFrame(),
    )


def scoring_and_tests(n: int) -> Clock:
    """Everything of step 4 for n accounts, their data generated and the steps before done outside the clock."""
    import datetime as dt

    from kamkit.analysis.kam_types import classify_accounts
    from kamkit.analysis.key_accounts import find_key_accounts
    from kamkit.analysis.options import assess_options
    from kamkit.model.engagement import AccountRiskSettings, Capacity, OptionSettings, ParetoSettings
    from kamkit.model.kam_type_rules import load_kam_type_rules
    from kamkit.model.option_rules import load_option_rules

    facts = generate(n)
    keys = find_key_accounts(facts, ParetoSettings(), Capacity(), seed=1)
    types = classify_accounts(facts, keys, None, load_kam_type_rules())
    clock = Clock()
    with clock.phase("step 4"):
        assess_options(
            facts, keys, types, OptionSettings(), AccountRiskSettings(), load_option_rules(), dt.date(2026, 1, 5)
        )
    return clock


def main() -> str:
    os.environ["OPENBLAS_NUM_THREADS"] = "2"
    lines = [*_foreseen(), *_null_control(), "", *_cost()]
    return "\n".join(lines)


def _null_control() -> Iterator[str]:
    folder = DATA / "sap_sample" / "SAP_Sample_Content" / "CSV" / "Sales"
    if not folder.exists():
        yield "null control: left out, the SAP sample is not there"
        return
    yield "SAP sample, random orders: tests on history, and those that claim something after Holm's correction"
    for year in (2017, 2018, 2019):
        transactions = {
            "path": str(folder / "SalesOrderItems.csv"),
            "join": [{"path": str(folder / "SalesOrders.csv"), "on": "SALESORDERID"}],
            "columns": {
                "customer_id": "PARTNERID",
                "posting_date": "CREATEDAT",
                "net_revenue": "NETAMOUNT",
                "invoice_id": "SALESORDERID",
                "currency": "CURRENCY",
                "product_id": "PRODUCTID",
                "quantity": "QUANTITY",
            },
        }
        with tempfile.TemporaryDirectory() as name:
            tests = _project(
                Path(name) / "engagement", "SAP sample", "USD", (f"{year}-01-01", f"{year}-12-31"), transactions
            ).options.backtests
        tested = tests[tests["p_value"].notna()]
        smallest = tested["p_holm"].min()
        yield f"{year}: {len(tested):3} tests, {int(tests['claims'].sum())} claims, smallest corrected p {smallest:.2f}"


def _foreseen() -> Iterator[str]:
    file = DATA / "online_retail" / "online_retail.csv.gz"
    if not file.exists():
        yield f"options against what happened next: left out, {file.name} is not there"
        return
    sold = goods_sold(file)
    for text in CUT_OFFS:
        cut_off = pd.Timestamp(text)
        with tempfile.TemporaryDirectory() as name:
            results = results_before(cut_off, file, Path(name) / "engagement")
            warned, proposed = early_warning(cut_off, sold, results), cross_selling(cut_off, sold, results)
        first, n = warned.iloc[0], len(results["account_risk"])
        yield (
            f"Online Retail, {cut_off:%Y-%m-%d}, next {WINDOW} months: {first['n']:.0f} key accounts, "
            f"{first['falls']:.0f} fall, {first['stops']:.0f} stop ({n} accounts scored)"
        )
        yield f"{'area under the ROC curve':44}{'fall':>10}{'stop':>10}"
        yield from (f"{score:44}{row['fall']:10.3f}{row['stop']:10.3f}" for score, row in warned.iterrows())
        yield f"{'first purchases, ' + format(int(proposed['n'].iloc[0]), ',') + ' accounts':44}{'hit@10':>10}{'MAP@10':>10}"
        yield from (f"{method:44}{row['hit@10']:10.3f}{row['MAP@10']:10.3f}" for method, row in proposed.iterrows())
        yield ""


def _cost() -> Iterator[str]:
    yield f"step 4, scoring and tests: accounts × {PRODUCTS:,} products × {MONTHS} months (single runs)"
    measured: dict[int, Measurement] = {n: measure(scoring_and_tests, n, runs=1) for n in SIZES}
    for n, found in measured.items():
        seconds, cpu = found.phases["step 4"]
        yield f"{n:>8,} accounts{seconds:10.1f} s{cpu:10.1f} s CPU{found.peak_mib / 1024:10.2f} GiB peak"
