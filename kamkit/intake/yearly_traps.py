"""What returns with the year in the booked lines: contracts booked in one line, and standard costs set anew (domain §7).

Both are found after the other rules, among the lines that count, and change no line.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from ibis import _

from kamkit.intake.cleaning import CleaningRules
from kamkit.intake.line_traps import unlikely_margin

MOST_EXAMPLES = 5
MONTHS = 3
_YEAR = 12


def with_yearly_traps(report: pd.DataFrame, kept: Any, revenue: float, rules: CleaningRules) -> pd.DataFrame:
    """The report of the rules with rows, revenue and examples of `yearly_booking` and `cost_jump`.

    `kept`: the marked lines that count, dated by day; `revenue`: their sum.
    """
    found = {}
    if rules.looks_for("yearly_booking"):
        found["yearly_booking"] = _yearly_bookings(kept, revenue * rules.yearly_booking.share_of_revenue.value)
    if rules.looks_for("cost_jump") and {"product_id"} < {"product_id", "cost", "margin"} & {*kept.columns}:
        found["cost_jump"] = _cost_jumps(kept, rules.cost_jump.step.value)
    rows = report.to_dict("records")
    for row in rows:
        if (lines := found.get(row["rule"])) is not None:
            told = tuple(lines["told"].drop_duplicates().head(MOST_EXAMPLES))
            row |= {"rows": int(lines["rows"].sum()), "revenue": float(lines["revenue"].sum()), "examples": told}
    return pd.DataFrame(rows)


def _yearly_bookings(kept: Any, enough: float) -> pd.DataFrame:
    """rows, revenue, told of the lines of which a customer has one a year, of one contract or of the same amount."""
    ids = [c for c in ("contract_id",) if c in kept.columns]
    columns = ["source_file", "source_row", "customer_id", "posting_date", *ids]
    amount = _.net_revenue.cast("float64")
    large = kept.filter((_.net_revenue > 0) & (amount >= enough)).select(*columns, revenue=amount)
    lines: pd.DataFrame = large.order_by(*columns[:2]).to_pyarrow().to_pandas()
    date = pd.to_datetime(lines["posting_date"])
    lines["month"] = date.dt.year * _YEAR + date.dt.month
    lines["told"] = lines["source_file"] + ":" + lines["source_row"].astype(str) + " " + lines["customer_id"]
    yearly = pd.Series(False, index=lines.index)
    for key in [[*ids], ["revenue"]]:
        if key:
            named = lines.dropna(subset=key).sort_values("month", kind="stable")
            apart = named.groupby(["customer_id", *key])["month"].diff()
            each = apart.groupby([named["customer_id"], *(named[c] for c in key)])
            regular = (
                each.transform("count").ge(1)
                & each.transform("min").ge(_YEAR - 1)
                & each.transform("max").le(_YEAR + 1)
            )
            yearly |= regular.reindex(lines.index, fill_value=False)
    return lines[yearly].assign(rows=1)


def _cost_jumps(kept: Any, step: float) -> pd.DataFrame:
    """rows, revenue (of the three months from the new year on), told: products whose margin jumps with the year."""
    unlikely = unlikely_margin(kept.columns)
    margin = _.margin if "margin" in kept.columns else _.net_revenue - _.cost
    sold = kept.filter(_.product_id.notnull() & (_.net_revenue > 0) & ~unlikely.fill_null(False) & margin.notnull())
    near_new_year = sold.filter((_.posting_date.month() <= MONTHS) | (_.posting_date.month() > _YEAR - MONTHS))
    sums = near_new_year.group_by("product_id", month=_.posting_date.truncate("M")).aggregate(
        rows=_.count(), revenue=_.net_revenue.sum().cast("float64"), margin=margin.sum().cast("float64")
    )
    months: pd.DataFrame = sums.order_by("product_id", "month").to_pyarrow().to_pandas()
    month = pd.to_datetime(months["month"])
    months["after"] = month.dt.month <= MONTHS
    months["year"] = month.dt.year + (~months["after"]).astype(int)
    months["rate"] = months["margin"] / months["revenue"]
    sides = (
        months.groupby(["product_id", "year", "after"])["rate"].agg(["median", "min", "max", "count"]).unstack("after")
    )
    if sides.empty or not {True, False} <= {*sides.columns.get_level_values("after")}:
        return months.assign(told="").head(0)
    change = (sides["median"][True] - sides["median"][False]).abs()
    spread = pd.DataFrame(sides["max"] - sides["min"])
    steady = (spread <= step / 2).all(axis=1) & (pd.DataFrame(sides["count"]) == MONTHS).all(axis=1)
    jumped = change.index[(change >= step) & steady]
    after = months[months["after"]].set_index(["product_id", "year"])
    after = after[after.index.isin(jumped)]
    return after.assign(told=[f"{product} ({year})" for product, year in after.index])
