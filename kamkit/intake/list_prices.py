"""Whether an export's list prices are for one unit or for the whole line: its own lines decide (convention)."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from kamkit.intake.cleaning import ListPriceLimits
from kamkit.model.codes import Severity
from kamkit.model.results import Finding


def with_unit_prices(lines: Any, limits: ListPriceLimits) -> tuple[Any, tuple[Finding, ...]]:
    """The lines with list_price for one unit, and what is to be told about it.

    Net revenue and discount come out of the list price times quantity, or out of the list price alone: the reading that
    deviates clearly less over all lines holds, the latter only if list prices are high enough for it. Lines of one unit
    say nothing; where no reading is clear, list prices count as given for one unit.
    """
    if not {"list_price", "quantity"} <= {*lines.columns}:
        return lines, ()
    discount = _.discount.cast("float64").abs().fill_null(0) if "discount" in lines.columns else ibis.literal(0.0)
    measured = lines.select(
        "row_mark",
        price=_.list_price.cast("float64").abs(),
        units=_.quantity.cast("float64").abs(),
        booked=_.net_revenue.cast("float64").abs() + discount,
    )
    telling = (_.row_mark == "data") & (_.price > 0) & (_.booked > 0) & (_.units > 0) & (_.units != 1)
    sums = measured.filter(telling).aggregate(
        n=_.count(),
        of_unit=(_.price * _.units - _.booked).abs().sum(),
        of_line=(_.price - _.booked).abs().sum(),
        listed=_.price.sum(),
        booked=_.booked.sum(),
    )
    (found,) = sums.to_pyarrow().to_pylist()
    n, of_unit, of_line = found["n"], found["of_unit"], found["of_line"]
    if not n or of_unit <= limits.clearly.value * of_line:
        return lines, ()
    if of_line <= limits.clearly.value * of_unit and found["listed"] >= limits.covers.value * found["booked"]:
        told = Finding("list_price_of_line", "transactions", Severity.INFO, rows=n, values={"n": n})
        return lines.mutate(list_price=_of_one_unit(lines)), (told,)
    return lines, (Finding("list_price_unclear", "transactions", rows=n, values={"n": n}),)


def _of_one_unit(lines: Any) -> Any:
    """The list price of the line by its quantity; returned goods have a negative quantity, and their price no sign."""
    price, units = lines.list_price.cast("float64"), lines.quantity.cast("float64").nullif(0)
    return ibis.ifelse(units < 0, price.abs() / units.abs(), price / units).cast(lines.list_price.type())
