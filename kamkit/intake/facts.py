"""What the canonical tables say about each account: sums where the lines are, frames where analysis begins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
from ibis import _

from kamkit.intake.account_costs import account_costs
from kamkit.intake.cleaning import load_cleaning_rules
from kamkit.intake.importing import MEMBERS, TABLES_FOLDER, YEARLY
from kamkit.intake.inputs import read_inputs
from kamkit.intake.line_traps import POOLED, unlikely_margin
from kamkit.intake.margin_base import (
    PlacedTerms,
    customers_less_terms,
    less_terms,
    margin_base,
    months_less_terms,
    place_terms,
    purchases_less_terms,
)
from kamkit.intake.periods import data_start, months_before, span_before
from kamkit.intake.privacy import hide_entered, masked_frame
from kamkit.intake.pseudonyms import read_key
from kamkit.intake.yearly_traps import PLACES, spread_over_months
from kamkit.model.codes import Grain, Level
from kamkit.model.engagement import Engagement, Period
from kamkit.model.margin_rules import load_margin_rules
from kamkit.model.questionnaire import QUESTIONNAIRES
from kamkit.model.results import AccountFacts, Imported
from kamkit.model.tables import DATE, MONEY, NUMBER, TABLES, TEXT, pandas_dtype

_OF_LARGEST_MEMBER = (
    *(
        "region",
        "field_rep",
        "industry_code",
        "industry_version",
        "industry_text",
        "channel",
        "customer_class",
        "country",
    ),
)
_ACCOUNT_COLUMNS = (
    *("account_id", "name", "in_period", "n_customers", "revenue", "margin", "margin_coverage", "n_invoices"),
    *("first_date", "last_date", "revenue_prior", "region", "field_rep", "kam_owner", "industry_code"),
    *(
        "industry_version",
        "industry_text",
        "channel",
        "customer_class",
        "key_label",
        "wallet",
        "wallet_source",
        "country",
    ),
    *("contract_share", "project_share", "gross", "discount", "terms", "net_net", "cost", "margin_before_terms"),
    *("selling", "service", "n_sites"),
)


def account_facts(work: Path, engagement: Engagement, imported: Imported) -> AccountFacts:
    """The frames that analysis works on, from the tables that `import_engagement` wrote to `work/tables`.

    All money is summed exactly and then float; frames are in a fixed order, by account first. A line's margin is the
    margin column, else net revenue less cost; a margin of 0 or 100 % without a cost is missing, not 0 (domain §7). Where
    terms are given for every fiscal year of the period, every margin of the facts is the one after terms. Of an
    account's master data those of its largest member hold, but it is labelled if any member is, and its wallet is the
    sum of the members'; region and field sales come from the lines where the master names none.
    """
    rules = imported.rules
    margins_as_given = ((rules["rule"] == "unlikely_margin") & (rules["treatment"] == "off")).any()
    source = _Tables(work / TABLES_FOLDER, imported.level, bool(margins_as_given))
    compares_years = "year_on_year" not in imported.blocked
    lines = _Lines(source.lines, source.columns, imported.period, imported.grain, compares_years)
    members = _members(source, lines)
    item_kinds = [kind for kind, column in _ITEMS.items() if column in source.columns]
    item_kind = item_kinds[0] if item_kinds else None
    product = "product" if len(item_kinds) == 2 else None
    placed = _placed_terms(source, lines, engagement.fiscal_year_start)
    accounts = less_terms(_accounts(source, lines, members), placed)
    budgets = source.table("budgets") if "budgets" in source.further else None
    costs = account_costs(budgets, lines.period, engagement.fiscal_year_start, load_margin_rules(engagement.folder))
    with_costs = accounts.merge(costs.amounts, on="account_id", how="left")
    return AccountFacts(
        period=imported.period,
        history_start=lines.history_start,
        grain=imported.grain,
        level=imported.level,
        item_kind=item_kind,
        accounts=with_costs[list(_ACCOUNT_COLUMNS)],
        months=months_less_terms(lines.months(), placed),
        orders=lines.orders(),
        purchases=purchases_less_terms(lines.purchases(item_kind), placed),
        product_purchases=purchases_less_terms(lines.purchases(product), placed),
        items=lines.items(item_kinds),
        sites=lines.sites(item_kind),
        prices=lines.prices(),
        members=members.drop(columns=["revenue_ever", "usual_rep"]),
        tables={name: source.table(name) for name in source.further} | _answers(engagement, imported),
        blocked=imported.blocked,
        margin_base=margin_base(with_costs, engagement.margin_levels, placed.kinds if placed else None, costs.missing),
        customers=_customers(source, lines, placed),
        spread=_spread(source, lines, placed),
        events=imported.events.assign(account_id=source.account_of(imported.events["customer_id"]))[_EVENT_COLUMNS],
    )


def _answers(engagement: Engagement, imported: Imported) -> dict[str, pd.DataFrame]:
    """The sheets of inputs.xlsx on which somebody answered something. They are read here, not by the import: an answer
    changes no booked line."""
    inputs, rules = read_inputs(engagement.folder / engagement.inputs), load_cleaning_rules(engagement.folder)
    answered = {name: table for name in QUESTIONNAIRES if len(table := getattr(inputs, name))}
    found = {
        name: hide_entered(masked_frame(table, rules), imported.people, rules, engagement)
        for name, table in answered.items()
    }
    if found and engagement.pseudonymise:
        hide = read_key(engagement).hide_written
        found = {
            name: table.assign(said_by=table["said_by"].map(hide, na_action="ignore").astype("string"))
            for name, table in found.items()
        }
    return found


_EVENT_COLUMNS = ["account_id", "start", "end", "reason"]
_MEMBER_COLUMNS = ("customer_id", "account_id", "name", "revenue", "group_source", "revenue_ever", "usual_rep")
_ITEMS = {"category": "category", "product": "product_id"}
_SHARES = {"contract_share": "contract_id", "project_share": "project_id"}


class _Tables:
    """The canonical tables of one import, with the account of every customer."""

    def __init__(self, folder: Path, level: Level, margins_as_given: bool = False) -> None:
        self._folder = folder
        self.members = pd.read_parquet(folder / f"{MEMBERS}.parquet")
        self.groups = self.members[["customer_id", "account_id", "group_source"]]
        if level == Level.CUSTOMER:
            self.members = self.members.assign(account_id=self.members["customer_id"], group_source="none")
        self.accounts = self.members.set_index("customer_id")["account_id"]
        self.further = [name for name in TABLES if name != "transactions" and (folder / f"{name}.parquet").is_file()]
        mapping = ibis.memtable(self.members[["customer_id", "account_id"]].astype(object), schema=_MAPPING)
        backend = ibis.duckdb.connect()
        backend.raw_sql("SET enable_progress_bar = false")
        booked = backend.read_parquet(folder / "transactions.parquet")
        self.columns = frozenset(booked.columns)
        self.lines = backend.create_view("lines", _complete(booked, mapping, margins_as_given))
        self.yearly = None
        if (file := folder / f"{YEARLY}.parquet").is_file():
            self.yearly = _complete(backend.read_parquet(file), mapping, margins_as_given)

    def table(self, name: str) -> pd.DataFrame:
        """A further table with account_id."""
        frame = pd.read_parquet(self._folder / f"{name}.parquet")
        for column in ("account_id", "customer_id", "priority_customer_id"):
            if column in frame.columns:
                return frame.assign(account_id=self.account_of(frame[column]))
        return frame.assign(account_id=pd.Series(pd.NA, index=frame.index, dtype="string"))

    def account_of(self, customer_ids: pd.Series) -> pd.Series:
        """The account of each customer; one without an account of its own counts as one."""
        account: pd.Series = customer_ids.map(self.accounts).fillna(customer_ids).astype("string")
        return account

    def customers(self) -> pd.DataFrame:
        """The customer master with all its canonical columns, empty where it is not given."""
        columns = TABLES["customers"].columns
        given = self.table("customers") if "customers" in self.further else pd.DataFrame(columns=["account_id"])
        complete = given.reindex(columns=["account_id", *columns])
        return complete.astype({"account_id": "string", **{c: pandas_dtype(kind) for c, kind in columns.items()}})


_IBIS_TYPES = {TEXT: "string", DATE: "date", MONEY: "decimal(18, 6)", NUMBER: "float64"}
_MAPPING = {"customer_id": "string", "account_id": "string"}


def _complete(booked: Any, mapping: Any, margins_as_given: bool) -> Any:
    """Booked lines with all canonical columns, with gross, margin and cost as far as they are known, and the account."""
    kinds = TABLES["transactions"].columns
    absent = {c: ibis.null(_IBIS_TYPES[kind]) for c, kind in kinds.items() if c not in booked.columns}
    lines = booked.mutate(**absent)
    gross = (lines.list_price.cast("float64") * lines.quantity).cast("decimal(18, 4)")
    known = {"margin": _line_margin(lines, margins_as_given), "cost": _known_cost(lines, margins_as_given)}
    return lines.mutate(gross=gross, **known).inner_join(mapping, "customer_id")


def _line_margin(lines: Any, as_given: bool) -> Any:
    """The margin of each line, missing where it is not known; `as_given` takes 0 and 100 % at their word."""
    unlikely = ibis.literal(False) if as_given else unlikely_margin(lines.columns)
    return ibis.coalesce(ibis.cases((~unlikely, lines.margin)), lines.net_revenue - _known_cost(lines, as_given))


def _known_cost(lines: Any, as_given: bool) -> Any:
    """The cost of each line, missing where it is not known: a cost of 0 is none."""
    return lines.cost if as_given else lines.cost.nullif(0)


@dataclass(frozen=True)
class _Lines:
    """The kept lines with margin and account, and what is counted from them."""

    table: Any
    columns: frozenset[str]
    period: Period
    grain: Grain
    compares_years: bool

    @cached_property
    def dates(self) -> list[dt.date]:
        return sorted(self.table.select("posting_date").distinct().to_pyarrow()["posting_date"].to_pylist())

    @property
    def history_start(self) -> dt.date:
        """The first day that the lines stand for."""
        first = self.dates[0]
        match self.grain:
            case Grain.YEAR:
                return months_before((first + dt.timedelta(days=1)).replace(day=1), 12)
            case Grain.MONTH:
                return first.replace(day=1)
            case _:
                return first

    @property
    def prior(self) -> Period | None:
        """The equally long span before the period, where history reaches back so far and lacks no month of it."""
        if not self.compares_years:
            return None
        prior = span_before(self.period)
        return prior if data_start(self.dates, self.grain) <= prior.start else None

    def in_period(self) -> Any:
        return _.posting_date.between(self.period.start, self.period.end)

    def invoices(self) -> Any:
        """account_id, date, revenue of every invoice with positive revenue; of account and day without numbers."""
        day = ibis.literal("day ") + self.table.posting_date.cast("string")
        invoices = self.table.group_by("account_id", invoice=ibis.coalesce(self.table.invoice_id, day)).aggregate(
            date=_.posting_date.min(), exact=_.net_revenue.sum()
        )
        return invoices.filter(_.exact > 0)

    def totals(self) -> pd.DataFrame:
        """Per account: what is summed and counted from its lines."""
        inside, bought = self.in_period(), _.net_revenue > 0
        prior = self.prior
        before = _.posting_date.between(prior.start, prior.end) if prior else ibis.literal(False)
        size = _.net_revenue.abs()
        measures = {
            "in_period": (inside & (_.account_id != POOLED)).any(),
            "n_customers": _.customer_id.nunique(where=inside),
            "n_sites": _.site.nunique(where=inside & bought),
            "revenue": _float(_.net_revenue.sum(where=inside)),
            "size": _float(size.sum(where=inside)),
            "bought": _float(_.net_revenue.sum(where=inside & bought)),
            "first_date": _.posting_date.min(where=bought).cast("timestamp"),
            "last_date": _.posting_date.max(where=bought).cast("timestamp"),
            "revenue_prior": _float(_.net_revenue.sum(where=before)),
        }
        for step in ("gross", "discount", "cost", "margin"):
            measures |= {step: _float(_[step].sum(where=inside))}
            measures[f"size_{step}"] = _float(size.sum(where=inside & _[step].notnull()))
        for share, column in _SHARES.items():
            measures[share] = _float(_.net_revenue.sum(where=inside & bought & _[column].notnull()))
        totals = _frame(self.table.group_by("account_id").aggregate(**measures).order_by("account_id"))
        for share, column in _SHARES.items():
            of_bought = totals[share].fillna(0) / totals["bought"].where(totals["bought"] > 0)
            totals[share] = of_bought if column in self.columns else float("nan")
        totals["revenue"] = totals["revenue"].fillna(0.0)
        totals["margin_coverage"] = totals["size_margin"].fillna(0) / totals["size"].where(totals["size"] > 0)
        totals["revenue_prior"] = totals["revenue_prior"].fillna(0.0) if prior else float("nan")
        totals["n_sites"] = totals["n_sites"].astype("float64") if "site" in self.columns else float("nan")
        counted = self.invoices().filter(_.date.between(self.period.start, self.period.end))
        n_invoices = _frame(counted.group_by("account_id").aggregate(n_invoices=_.count()))
        return totals.merge(self._dated(n_invoices, ["account_id"], totals), on="account_id", how="left")

    def _dated(self, n_invoices: pd.DataFrame, key: list[str], rows: pd.DataFrame) -> pd.DataFrame:
        """Numbers of invoices for all rows: none is 0, but unknown where the lines have no day."""
        complete = rows[key].merge(n_invoices, on=key, how="left")
        known = complete["n_invoices"].astype("Int64")
        return complete.assign(n_invoices=known.fillna(0) if self.grain == Grain.DAY else known.mask(known.notna()))

    def months(self) -> pd.DataFrame:
        """account_id, month, revenue, margin, n_invoices."""
        month = {"month": _.posting_date.truncate("M").cast("timestamp")}
        sums = self.table.group_by("account_id", **month).aggregate(
            revenue=_float(_.net_revenue.sum()), margin=_float(_.margin.sum())
        )
        months = _frame(sums.order_by("account_id", "month"))
        invoices = self.invoices().group_by("account_id", month=_.date.truncate("M").cast("timestamp"))
        key = ["account_id", "month"]
        return months.merge(
            self._dated(_frame(invoices.aggregate(n_invoices=_.count())), key, months), on=key, how="left"
        )

    def orders(self) -> pd.DataFrame:
        """account_id, date, revenue."""
        if self.grain != Grain.DAY:
            return _none(account_id="string", date="timestamp", revenue="float64")
        invoices = self.invoices().order_by("account_id", "date", "invoice")
        return _frame(invoices.select("account_id", date=_.date.cast("timestamp"), revenue=_float(_.exact)))

    def purchases(self, item_kind: str | None) -> pd.DataFrame:
        """account_id, customer_id, item, date, revenue, margin, quantity; empty without items."""
        if item_kind is None or self.grain != Grain.DAY:
            sums = dict.fromkeys(("revenue", "margin", "quantity"), "float64")
            return _none(account_id="string", customer_id="string", item="string", date="timestamp", **sums)
        lines = self.table.mutate(item=self.table[_ITEMS[item_kind]]).filter(_.item.notnull())
        key = ("account_id", "customer_id", "item", "posting_date")
        daily = (
            lines.mutate(quantity=_.quantity.cast("decimal(28, 6)"))
            .group_by(*key)
            .aggregate(exact=_.net_revenue.sum(), margin=_float(_.margin.sum()), quantity=_float(_.quantity.sum()))
        )
        bought = (
            daily.filter(_.exact > 0)
            .order_by(*key)
            .mutate(date=_.posting_date.cast("timestamp"), revenue=_float(_.exact))
        )
        return _frame(bought.select(*key[:3], "date", "revenue", "margin", "quantity"))

    def prices(self) -> pd.DataFrame:
        """account_id, month, sold, credited, gross, net_of_gross."""
        net, sold = _.net_revenue, _.net_revenue > 0
        listed = ibis.coalesce(_.gross, (_.net_revenue + _.discount).cast("decimal(18, 4)"))
        month = {"month": _.posting_date.truncate("M").cast("timestamp")}
        sums = self.table.group_by("account_id", **month).aggregate(
            sold=_float(net.sum(where=sold).fill_null(0)),
            credited=_float(-net.sum(where=net < 0).fill_null(0)),
            gross=_float(listed.sum(where=sold)),
            net_of_gross=_float(net.sum(where=sold & listed.notnull())),
        )
        return _frame(sums.order_by("account_id", "month"))

    def sites(self, item_kind: str | None) -> pd.DataFrame:
        """account_id, customer_id, site, item, revenue (of the period's last 12 months), last_bought; empty where lines
        name no site or no item."""
        if item_kind is None or self.grain != Grain.DAY or "site" not in self.columns:
            kinds = {"revenue": "float64", "last_bought": "timestamp"}
            return _none(account_id="string", customer_id="string", site="string", item="string", **kinds)
        first = months_before(self.period.end + dt.timedelta(days=1), 12)
        lines = self.table.mutate(item=self.table[_ITEMS[item_kind]])
        bought = lines.filter(_.item.notnull() & _.site.notnull() & (_.net_revenue > 0))
        sums = bought.group_by("account_id", "customer_id", "site", "item").aggregate(
            revenue=_float(_.net_revenue.sum(where=_.posting_date >= first).fill_null(0)),
            last_bought=_.posting_date.max().cast("timestamp"),
        )
        return _frame(sums.order_by("account_id", "customer_id", "site", "item"))

    def items(self, item_kinds: Sequence[str]) -> pd.DataFrame:
        """item, name, category, revenue (period): the items of `purchases` and of `product_purchases`. A product's
        name and category are the last by the alphabet, so always the same."""
        if not item_kinds:
            return _none(item="string", name="string", category="string", revenue="float64")
        return pd.concat([_frame(self._items_of(kind)) for kind in item_kinds], ignore_index=True)

    def _items_of(self, kind: str) -> Any:
        lines = self.table.mutate(item=_[_ITEMS[kind]], label=_["category" if kind == "category" else "product_name"])
        revenue = _.net_revenue.sum(where=self.in_period()).fill_null(0)
        items = lines.filter(_.item.notnull()).group_by("item")
        return items.aggregate(name=_.label.max(), category=_.category.max(), revenue=_float(revenue)).order_by("item")


def _spread(source: _Tables, lines: _Lines, placed: PlacedTerms | None) -> dict[str, pd.DataFrame]:
    """months and orders of the accounts that have a year's contract in one booking, spread over its months."""
    if source.yearly is None:
        return {}
    service = {"service_start": "date", "service_end": "date"}
    yearly = _of_kinds(source.yearly, _SPREAD | service).to_pyarrow().to_pandas()
    parts = spread_over_months(yearly, lines.period.end)
    moved = ibis.memtable(pa.Table.from_pandas(parts, ibis.schema(_SPREAD).to_pyarrow(), preserve_index=False))
    theirs = lines.table.filter(_.account_id.isin(sorted(set(yearly["account_id"]))))
    pattern = _of_kinds(theirs, _SPREAD).union(moved)
    told = replace(lines, table=pattern)
    return {"months": months_less_terms(told.months(), placed), "orders": told.orders()}


_AMOUNT = f"decimal(28, {PLACES})"
_SPREAD = {
    **{"account_id": "string", "invoice_id": "string", "posting_date": "date"},
    **{"net_revenue": _AMOUNT, "margin": _AMOUNT},
}


def _of_kinds(table: Any, kinds: Mapping[str, str]) -> Any:
    return table.select(**{column: table[column].cast(kind) for column, kind in kinds.items()})


def _placed_terms(source: _Tables, lines: _Lines, fiscal_year_start: int) -> PlacedTerms | None:
    """The terms spread over the lines that earned them; None without terms."""
    if "terms" not in source.further:
        return None
    start = data_start(lines.dates, lines.grain)
    return place_terms(source.table("terms"), lines.table, source.members, lines.period, start, fiscal_year_start)


def _members(source: _Tables, lines: _Lines) -> pd.DataFrame:
    """customer_id, account_id, name, revenue (period), group_source, and for the accounts revenue_ever and usual_rep."""
    revenue = _.net_revenue.sum(where=lines.in_period())
    sums = lines.table.group_by("customer_id").aggregate(
        revenue=_float(revenue.fill_null(0)), revenue_ever=_float(_.net_revenue.sum())
    )
    names = source.customers()[["customer_id", "name"]]
    return (
        _frame(sums.order_by("customer_id"))
        .merge(source.members, on="customer_id")
        .merge(names, on="customer_id", how="left")
        .reindex(columns=list(_MEMBER_COLUMNS))
        .astype({"usual_rep": "string"})
    )


def _customers(source: _Tables, lines: _Lines, placed: PlacedTerms | None) -> pd.DataFrame:
    """The customers of the period, each for itself, with the account it has on group level."""
    sums = lines.table.filter(lines.in_period()).group_by("customer_id")
    booked = sums.aggregate(revenue=_float(_.net_revenue.sum()), margin=_float(_.margin.sum()))
    master = source.customers()[["customer_id", "name", "wallet"]]
    frame = _frame(booked.order_by("customer_id")).merge(source.groups, on="customer_id")
    frame = frame.rename(columns={"account_id": "group_id"}).merge(master, on="customer_id", how="left")
    frame["name"] = frame["name"].fillna(frame["customer_id"]).astype("string")
    frame = customers_less_terms(frame, placed)
    columns = ["customer_id", "name", "revenue", "margin", "wallet", "group_id", "group_source"]
    return frame[columns].rename(columns={"customer_id": "account_id"})


def _accounts(source: _Tables, lines: _Lines, members: pd.DataFrame) -> pd.DataFrame:
    """One row per account, by account_id."""
    customers = source.customers()
    by_size = members.sort_values(["revenue", "revenue_ever", "customer_id"], ascending=[False, False, True])
    largest = by_size.drop_duplicates("account_id").merge(
        customers[["customer_id", *_OF_LARGEST_MEMBER]], on="customer_id", how="left"
    )
    accounts = lines.totals().merge(largest[["account_id", "name", *_OF_LARGEST_MEMBER]], on="account_id", how="left")
    own_names = customers.set_index("customer_id")["name"]
    named = (
        accounts["account_id"].map(own_names).astype("string")
    )  # without a customer master an empty column of numbers
    accounts["name"] = named.fillna(accounts["name"]).fillna(accounts["account_id"])
    of_account = customers.merge(by_size[["customer_id", "revenue"]], on="customer_id", how="left")
    ranked = of_account.sort_values(["revenue", "customer_id"], ascending=[False, True]).groupby("account_id")
    any_member = pd.DataFrame(
        {
            "key_label": ranked["key_label"].max(),
            "wallet": ranked["wallet"].sum(min_count=1),
            "wallet_source": _sources(of_account),
            "kam_owner": ranked["kam_owner"].first(),
        }
    )
    accounts = accounts.merge(any_member.reset_index(), on="account_id", how="left")
    reps = by_size.dropna(subset=["usual_rep"]).drop_duplicates("account_id").set_index("account_id")["usual_rep"]
    for column, usual in (("region", _usual(lines, "region")), ("field_rep", reps)):
        accounts[column] = accounts[column].fillna(accounts["account_id"].map(usual).astype("string"))
    return accounts.astype({"key_label": "boolean", "wallet_source": "string"})


def _sources(members: pd.DataFrame) -> Any:
    """Who named the wallets that an account's wallet is the sum of, each once."""
    named = members[members["wallet"].notna() & members["wallet_source"].notna()].sort_values("customer_id")
    named = named.drop_duplicates(["account_id", "wallet_source"])
    return named.groupby("account_id")["wallet_source"].agg("; ".join).astype("string")


def _usual(lines: _Lines, column: str) -> Mapping[str, str]:
    """The value of a column that carries most of an account's revenue in the period."""
    inside = lines.table.filter(lines.in_period() & _[column].notnull())
    sums = inside.group_by("account_id", value=_[column]).aggregate(exact=_.net_revenue.sum())
    ordered = sums.order_by("account_id", _.exact.desc(), "value").select("account_id", "value")
    usual = _frame(ordered).drop_duplicates("account_id")
    return dict(zip(usual["account_id"], usual["value"], strict=True))


def _float(amount: Any) -> Any:
    return amount.cast("float64")


def _frame(table: Any) -> pd.DataFrame:
    return _typed(table.to_pyarrow(), table.schema())


def _none(**kinds: str) -> pd.DataFrame:
    """A frame without rows, as a query that finds nothing gives it."""
    return _typed(ibis.schema(kinds).to_pyarrow().empty_table(), ibis.schema(kinds))


def _typed(table: pa.Table, kinds: Mapping[str, Any]) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas()
    return frame.astype({c: "string" for c, kind in kinds.items() if kind.is_string()})
