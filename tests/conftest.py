"""What all tests share: where the real data lie, and figures that do not pile up."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from hypothesis import settings

from kamkit.model.codes import Grain, Level
from kamkit.model.engagement import Period
from kamkit.model.results import AccountFacts

settings.register_profile("kamkit", settings.default, deadline=None, max_examples=50)
settings.register_profile("thorough", settings.default, deadline=None)
settings.load_profile("kamkit")
"""No time limits in properties: machines differ. `.ci/run` tries twice as many examples with the profile "thorough"."""

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
"""A shell starts what runs in its background deaf to Ctrl+C, and what that starts: tests that interrupt would wait forever."""

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of public data sets with reference answers, beside the repository."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data sets are not beside this checkout (../shared/data)")
    return folder


@pytest.fixture
def recalculated(tmp_path: Path) -> Callable[[Path], openpyxl.Workbook]:
    """A workbook with the values that LibreOffice computes for its formulas."""

    def computed(path: Path) -> openpyxl.Workbook:
        profile, out = f"-env:UserInstallation=file://{tmp_path}/profile", tmp_path / "computed"
        command = ["libreoffice", profile, "--headless", "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", out]
        subprocess.run([*command, path], check=True, capture_output=True, timeout=120)
        return openpyxl.load_workbook(out / path.name, data_only=True)

    return computed


@pytest.fixture(scope="session")
def facts_from() -> Callable[..., AccountFacts]:
    """Makes account facts from lines (account, date, revenue, item), and of a group also the member; a day is an order."""
    return _facts_from


def _facts_from(
    orders: Sequence[tuple[Any, ...]],
    end: str = "2025-12-31",
    start: str = "2023-01-01",
    industry: dict[str, str] | None = None,
    margin: dict[str, float] | None = None,
    item_kind: str = "category",
    **tables: pd.DataFrame,
) -> AccountFacts:
    complete = [(*row, row[0])[:5] if len(row) < 5 else row for row in orders]
    rows = pd.DataFrame(complete, columns=["account_id", "date", "revenue", "item", "customer_id"])
    rows = rows.assign(date=pd.to_datetime(rows["date"]), revenue=rows["revenue"].astype(float), margin=float("nan"))
    last = pd.Timestamp(end)
    rows = rows[rows["date"] <= last].assign(quantity=1.0)
    period = Period(start=(last + pd.Timedelta(days=1) - pd.DateOffset(years=1)).date(), end=last.date())
    months = rows.assign(month=rows["date"].dt.to_period("M").dt.to_timestamp())
    inside = rows[rows["date"] >= pd.Timestamp(period.start)]
    ids = pd.Index(sorted(rows["account_id"].unique()), name="account_id")
    empty = dict.fromkeys(("region", "field_rep", "kam_owner", "industry_version", "industry_text", "channel"), pd.NA)
    accounts = pd.DataFrame(
        {
            "account_id": ids,
            "name": [f"Kunde {i}" for i in ids],
            "in_period": ids.isin(inside["account_id"]),
            "revenue": inside.groupby("account_id")["revenue"].sum().reindex(ids).fillna(0.0).to_numpy(),
            "margin": [(margin or {}).get(i, float("nan")) for i in ids],
            "margin_coverage": [1.0 if i in (margin or {}) else 0.0 for i in ids],
            "industry_code": pd.Series([(industry or {}).get(i) for i in ids], dtype="string"),
            "wallet": float("nan"),
        }
    ).assign(**empty)
    columns = ["account_id", "customer_id", "item", "date", "revenue", "margin", "quantity"]
    purchases = rows.groupby(columns[:4], as_index=False)[["revenue", "margin", "quantity"]].sum(min_count=1)
    items = sorted(rows["item"].dropna().unique())
    members = rows[["customer_id", "account_id"]].drop_duplicates().assign(revenue=0.0, group_source="none")
    return AccountFacts(
        period=period,
        history_start=dt.date.fromisoformat(start),
        grain=Grain.DAY,
        level=Level.GROUP,
        item_kind=item_kind,
        accounts=accounts,
        months=months.groupby(["account_id", "month"], as_index=False)[["revenue"]].sum().assign(margin=float("nan")),
        orders=rows.groupby(["account_id", "date"], as_index=False)[["revenue"]].sum(),
        purchases=purchases[columns],
        product_purchases=purchases.head(0)[columns],
        items=pd.DataFrame({"item": items, "name": items, "category": items, "revenue": 0.0}),
        members=members.assign(name=[f"Werk {i}" for i in members["customer_id"]]),
        tables={
            "decisions": pd.DataFrame(columns=["account_id", "subject", "decision", "date", "valid_until"]),
            **tables,
        },
    )
