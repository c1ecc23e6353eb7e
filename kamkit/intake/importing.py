"""Step 1: raw exports become checked canonical tables, and everything noticed on the way is told."""

from __future__ import annotations

import datetime as dt
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
from ibis import _

from kamkit.errors import InputError
from kamkit.intake.account_costs import cost_type_findings
from kamkit.intake.account_traps import account_findings, line_findings, lost_zeros, sums_by_customer
from kamkit.intake.cleaning import (
    LINE_KEY,
    RULES,
    CleaningRules,
    load_cleaning_rules,
    mark_all_lines,
    mark_certain_lines,
    rule_report,
)
from kamkit.intake.consultation import read_consultations, with_consultations
from kamkit.intake.currencies import convert_currencies, read_exchange_rates
from kamkit.intake.frames import checked_frame, one_row_per_customer
from kamkit.intake.group_candidates import group_candidates
from kamkit.intake.groups import (
    GroupRules,
    Groups,
    assign_groups,
    booked_in_spans,
    group_links,
    history_findings,
    load_group_rules,
)
from kamkit.intake.history_checks import check_history
from kamkit.intake.industry_checks import industry_findings
from kamkit.intake.inputs import Inputs, decisions_elsewhere, read_inputs
from kamkit.intake.line_traps import POOLED, event_table, in_counting_month
from kamkit.intake.list_prices import with_unit_prices
from kamkit.intake.mapping import with_confirmed_mapping
from kamkit.intake.margin_base import place_terms, terms_findings
from kamkit.intake.number_formats import sql_text
from kamkit.intake.periods import data_start, find_period, fiscal_year, grain_of
from kamkit.intake.privacy import (
    hide_people,
    masked_error,
    masked_frame,
    notes_on_people,
    people_known,
    personal_in,
    rep_codes,
    settled,
    with_usual_reps,
    with_values,
    without_examples,
    without_personal_data,
)
from kamkit.intake.pseudonyms import Pseudonyms, pseudonyms_of, write_key
from kamkit.intake.raw_tables import rows_of
from kamkit.intake.readers import TypedTable, read_table
from kamkit.intake.reconciliation import CURRENCY, Booked, Effect, Reconciled, reconcile
from kamkit.intake.set_right import set_right
from kamkit.intake.yearly_traps import lines_with_terms, with_yearly_traps, yearly_bookings
from kamkit.model.codes import Grain, Level, Severity
from kamkit.model.engagement import Engagement, Period
from kamkit.model.kam_type_rules import load_kam_type_rules
from kamkit.model.margin_rules import load_margin_rules
from kamkit.model.questionnaire import QUESTIONNAIRES
from kamkit.model.results import Finding, Imported
from kamkit.model.tables import TABLES, pandas_dtype

TABLES_FOLDER = "tables"
_KEEPING_ORDER = {"SEQ_SCAN", "TABLE_SCAN", "PROJECTION", "FILTER"}
"""Steps of a plan that hand rows on in the order in which they are stored; a join may not."""
MOST_WORDS = 10_000
"""Distinct values up to which a column is written as numbers of a dictionary: longer ones cost more than they save."""
MEMBERS = "members"
"""Beside the canonical tables: customer_id, account_id (on group level), group_source, usual_rep where lines name reps."""
YEARLY = "yearly_bookings"
"""Beside them where a year's contract is booked in one line and patterns spread it: these lines as in `transactions`, with
service_start and service_end."""


def import_engagement(engagement: Engagement, work: Path) -> Imported:
    """Read, check and clean every table of an engagement and write `work/tables/*.parquet`, all of them or none.

    `transactions` holds the lines that count up to the period's end, in the engagement's currency; further tables are
    as given, with what people entered in inputs.xlsx added; `decisions` is merged from inputs.xlsx and the decision
    files; `members` says which customers are one account.
    Raises InputError for data that cannot be used as they are, EngagementError for the engagement's own rules.
    """
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".import-", dir=work) as scratch, pseudonyms_of(engagement) as key:
        try:
            done = _Import(engagement, Path(scratch), key)
        except InputError as error:
            told = masked_error(error)
            raise key.hide_error(told) if key else told from None
        fresh = Path(scratch) / TABLES_FOLDER
        fresh.mkdir()
        done.write(fresh)
        if key:
            write_key(key, engagement)
        _replace(fresh, work / TABLES_FOLDER)
    return done.imported


def check_engagement(engagement: Engagement) -> Imported:
    """What `import_engagement` finds out, without writing anything; with the real names, since it is told to nobody
    but who has the raw data. Raises the same errors."""
    with tempfile.TemporaryDirectory(prefix="kamkit-") as scratch:
        return _Import(engagement, Path(scratch)).imported


@dataclass(frozen=True)
class _Lines:
    """The cleaned transactions: the lines kept, the same in the order of the files, and what the rules did."""

    kept: Any
    ordered: Any
    report: pd.DataFrame
    sums: Mapping[str, Decimal]
    period: Period
    dates: list[dt.date]
    booked: Sequence[Booked]
    reconciled: Reconciled
    customers: pd.DataFrame
    findings: tuple[Finding, ...]
    spread: Any | None


class _Import:
    """One import: everything is read and found out on construction, then the tables can be written."""

    def __init__(self, engagement: Engagement, scratch: Path, key: Pseudonyms | None = None) -> None:
        problems: list[InputError] = []
        with _noted(problems):
            engagement, confirmed = with_confirmed_mapping(engagement)
        is_mapped = not problems
        self._engagement, self._scratch, self._key = engagement, scratch, key
        self._backend = ibis.duckdb.connect(temp_directory=str(scratch / "spill"))
        self._backend.raw_sql("SET enable_progress_bar = false")
        rules = load_cleaning_rules(engagement.folder)
        self._group_rules = load_group_rules(engagement.folder)
        with _noted(problems):
            inputs = read_inputs(engagement.folder / engagement.inputs)
        with _noted(problems):
            asked = read_consultations(engagement.folder).drop(columns="file")
        with _noted(problems):
            elsewhere = decisions_elsewhere(engagement)
        if is_mapped:
            with _noted(problems):
                typed, frames, links, findings = self._read_all(rules)
        if problems:
            raise _together(problems)
        self._grain = grain_of(typed["transactions"].source)
        if len(asked):
            frames["consultations"] = masked_frame(asked, rules)
        written = [inputs.decisions, *elsewhere]
        decided = [masked_frame(table, rules) for table in written]
        people_wrote = {"decisions": pd.concat(written).drop(columns="place"), "inputs": inputs.comments}
        people_wrote |= {"consultations": asked} if len(asked) else {}
        findings += [found for name, table in people_wrote.items() for found in personal_in(name, table, rules)]
        if key:
            frames, inputs, decided = _with_codes(key, frames, inputs, decided)
            links = key.hide_ids(links)
            rules = rules.with_codes(lambda ids: key.codes("account", ids))
        reps = self._hide_in_lines(typed, key)
        rates = self._read_rates()
        lines = self._clean(typed["transactions"], frames.get("customers"), frames.get("contracts"), rates, rules)
        revenue = _revenue_by_customer(lines)
        groups, as_was, restated = self._assign_groups(lines, links, _confirmed(inputs), revenue)
        candidates = _candidates(frames.get("customers"), groups, revenue, inputs, self._group_rules)
        on_group_level = engagement.pareto.level == Level.GROUP
        of_group = groups.members if on_group_level else None
        decisions = merge_decisions(decided, of_group)
        if "consultations" in frames:
            frames["consultations"] = _on_accounts(frames["consultations"], of_group)
            decisions = with_consultations(decisions, frames["consultations"])
        noticed = check_history(
            lines.kept,
            lines.booked,
            lines.dates,
            frames.get("customers"),
            groups.members,
            lines.period,
            self._grain,
            engagement,
            rules.checks,
            rules.history,
        )
        level, threshold = engagement.pareto.level, engagement.pareto.threshold
        findings += [
            *lines.findings,
            *noticed.findings,
            *restated,
            *account_findings(lines.customers, frames.get("customers"), groups.members, level, threshold),
            *lost_zeros(lines.customers, frames.get("customers")),
            *industry_findings(lines.customers, frames.get("customers"), load_kam_type_rules(engagement.folder)),
            *_open_candidates(candidates),
            *self._about_terms(lines, frames.get("terms"), groups.members),
            *cost_type_findings(frames.get("budgets"), load_margin_rules(engagement.folder)),
        ]
        findings = [finding for finding in findings if rules.checks.told(finding.code)]
        members = with_usual_reps(groups.members, lines.kept, lines.period, engagement.pareto.level)
        tables = _with_inputs(frames, inputs) | {"decisions": decisions, MEMBERS: members}
        findings += notes_on_people(tables, reps, rules, engagement)
        people = people_known(tables | _with_people(inputs), reps, rules, engagement)
        self._ordered, self._spread = lines.ordered, lines.spread
        self._frames = hide_people(tables, reps, engagement, people, rules)
        imported = Imported(
            period=lines.period,
            grain=self._grain,
            currency=engagement.currency,
            level=engagement.pareto.level,
            first_date=lines.dates[0],
            last_date=lines.dates[-1],
            rows_in=int(lines.sums["rows_in"]),
            rows_kept=int(lines.sums["rows_kept"]),
            revenue_in=float(lines.sums["revenue_in"]),
            revenue_kept=float(lines.sums["revenue_kept"]),
            n_customers=int((lines.customers["customer_id"] != POOLED).sum()),
            tables=tuple(name for name in TABLES if name == "transactions" or name in self._frames),
            files=pd.DataFrame([row for table in typed.values() for row in table.files]),
            columns=without_examples(
                _with_origin([row for table in typed.values() for row in table.columns], confirmed), engagement
            ),
            rules=lines.report,
            reconciliation=lines.reconciled.table,
            findings=tuple(findings),
            bridge=lines.reconciled.bridge,
            blocked=noticed.blocked,
            as_was=as_was,
            group_candidates=candidates,
            events=event_table(rules.events if rules.looks_for("event_window") else ()),
            people=people,
        )
        self.imported = key.hide_imported(imported) if key else imported
        if key:
            self._frames = {name: key.hide(frame) for name, frame in self._frames.items()}

    def _assign_groups(
        self, lines: _Lines, links: pd.DataFrame, confirmed: pd.DataFrame, revenue: pd.Series
    ) -> tuple[Groups, pd.DataFrame, list[Finding]]:
        """The accounts at the period's end, what was booked on other accounts at the time, and what is wrong with the
        links."""
        deepest = self._group_rules.deepest_chain.value
        ids = pd.Series(revenue.index, dtype="string")
        groups = assign_groups(ids, links, confirmed, lines.period, lines.dates[0], revenue, deepest)
        as_was, gaps = (booked_in_spans(lines.kept, spans, lines.period) for spans in (groups.as_was, groups.gaps))
        on_group_level = self._engagement.pareto.level == Level.GROUP
        found = history_findings(as_was if on_group_level else as_was.head(0), gaps)
        return groups, as_was, [*groups.findings, *found]

    def _about_terms(self, lines: _Lines, terms: pd.DataFrame | None, members: pd.DataFrame) -> Iterator[Finding]:
        """What is wrong with the terms, if there are any."""
        if terms is None:
            return
        if self._engagement.pareto.level == Level.CUSTOMER:
            members = members.assign(account_id=members["customer_id"])
        start, year_start = data_start(lines.dates, self._grain), self._engagement.fiscal_year_start
        yield from terms_findings(place_terms(terms, lines.kept, members, lines.period, start, year_start))

    def write(self, folder: Path) -> None:
        """Write every table into an empty folder; the lines in the order of the files, so always the same."""
        self._ordered.to_parquet(folder / "transactions.parquet", dictionary_size_limit=MOST_WORDS)
        if self._spread is not None:
            self._spread.to_parquet(folder / f"{YEARLY}.parquet")
        for name, frame in self._frames.items():
            frame.to_parquet(folder / f"{name}.parquet", index=False)

    def _read_all(
        self, rules: CleaningRules
    ) -> tuple[dict[str, TypedTable], dict[str, pd.DataFrame], pd.DataFrame, list[Finding]]:
        """Every source as typed table, the small ones as frames too, and the links to groups and parents in all rows of
        the master; the problems of all of them together."""
        typed: dict[str, TypedTable] = {}
        frames: dict[str, pd.DataFrame] = {}
        findings: list[Finding] = []
        problems: list[InputError] = []
        master = None
        for name, source in self._engagement.sources.given():
            try:
                read = read_table(self._backend, name, source, self._engagement, self._scratch)
                typed[name], private = without_personal_data(self._backend, name, read, rules)
                findings += [*typed[name].findings, *private]
                if name != "transactions":
                    frames[name] = checked_frame(name, typed[name])
                if name == "customers":
                    master = frames[name]
                    frames[name], repeated = one_row_per_customer(master)
                    findings += repeated
            except InputError as error:
                problems.append(error)
        if problems:
            raise _together(problems)
        return typed, frames, group_links(master, frames.get("hierarchy")), findings

    def _hide_in_lines(self, typed: dict[str, TypedTable], key: Pseudonyms | None) -> Mapping[str, str]:
        """Put codes into the booked lines where people are measured or customers must not be known; the codes of reps."""
        booked = typed["transactions"].table
        reps = rep_codes(booked, self._engagement)
        hidden = with_values(booked, "sales_rep", {} if self._engagement.sales_people == "all" else reps)
        hidden = key.hide_lines(hidden) if key else hidden
        if hidden is not booked:
            typed["transactions"] = replace(typed["transactions"], table=settled(self._backend, hidden))
        return reps

    def _read_rates(self) -> pd.DataFrame | None:
        rates = self._engagement.exchange_rates
        return read_exchange_rates(self._backend, rates, self._engagement, self._scratch) if rates else None

    def _clean(
        self,
        typed: TypedTable,
        customers: pd.DataFrame | None,
        contracts: pd.DataFrame | None,
        rates: pd.DataFrame | None,
        rules: CleaningRules,
    ) -> _Lines:
        """Convert, mark, reconcile: the lines that count, and what became of the others."""
        engagement, grain = self._engagement, self._grain
        lines, converted = convert_currencies(typed.table, rates, engagement.currency, rules.plausible_years)
        lines, priced = with_unit_prices(lines, rules.list_price)
        lines, documents = set_right(lines, rules, engagement.fiscal_year_start)
        certain = self._backend.create_view("certain", mark_certain_lines(lines, customers, rules, documents))
        dates = _booking_dates(certain)
        period, dated = find_period(dates, grain, engagement.fiscal_year_start, engagement.period)
        by_day = grain == Grain.DAY
        marked, in_order = self._stored(mark_all_lines(certain, customers, rules, period.end, by_day, documents))
        report, sums = rule_report(marked, rules)
        booked = _booked(marked, rules)
        reconciled = reconcile(
            booked,
            engagement.control_totals,
            rules.reconciliation,
            engagement.fiscal_year_start,
            engagement.accept_difference,
            lambda: _effects(marked, rules, engagement.fiscal_year_start),
        )
        further = ("booked_currency", "booked_revenue")
        marked = in_counting_month(marked)
        kept = marked.filter(_.reason.isnull())
        canonical = [c for c in TABLES["transactions"].columns if c in marked.columns]
        ordered = (kept if in_order else kept.order_by(*LINE_KEY)).select(*canonical)
        spread = None
        if by_day:
            yearly = yearly_bookings(kept, float(sums["revenue_kept"]), rules)
            report = with_yearly_traps(report, kept, yearly, rules)
            if yearly is not None and len(yearly) and rules.treatment("yearly_booking") == "spread":
                spread = lines_with_terms(kept.select(*LINE_KEY[:2], *canonical), yearly, contracts)
        behind = line_findings(kept, report, float(sums["revenue_kept"]), rules)
        customers = sums_by_customer(kept, period)
        kept = kept.select(*canonical, *[c for c in further if c in marked.columns])
        about_types = documents.findings() if documents else ()
        findings = (*converted, *priced, *about_types, *dated, *reconciled.findings, *_noticed(kept, period), *behind)
        return _Lines(kept, ordered, report, sums, period, dates, booked, reconciled, customers, findings, spread)

    def _stored(self, lines: Any) -> tuple[Any, bool]:
        """Lines computed once, and whether they still are in the order of the files: DuckDB keeps it but in joins."""
        view = self._backend.create_view("all_lines", lines, overwrite=True).get_name()
        rows = f"SELECT * REPLACE (CAST(reason AS ENUM({', '.join(map(sql_text, RULES))})) AS reason) FROM {view}"
        ((_name, plan),) = rows_of(self._backend.con, f"EXPLAIN (FORMAT json) {rows}")
        rows_of(self._backend.con, f"CREATE OR REPLACE TABLE marked AS {rows}")
        return self._backend.table("marked"), set(re.findall(r'"name": "(\w+)"', plan)) <= _KEEPING_ORDER


def merge_decisions(tables: Sequence[pd.DataFrame], members: pd.DataFrame | None = None) -> pd.DataFrame:
    """All decisions in the canonical columns, by account, subject and date, undated ones first; the later one holds.

    `tables`: the canonical columns and place (where it was entered). `members` turns a member's number into the
    account's. The order of the tables makes no difference. Raises InputError naming both places where an account was
    decided differently on the same date, or where nobody can tell which decision is the later one.
    """
    columns = [*TABLES["decisions"].columns, "place"]
    merged = pd.concat([table.reindex(columns=columns) for table in tables], ignore_index=True)
    kinds = {**TABLES["decisions"].columns, "place": "text"}
    merged = _on_accounts(merged.astype({c: pandas_dtype(kind) for c, kind in kinds.items()}), members)
    rows = merged.dropna(subset=["decision"]).sort_values(columns, kind="stable", na_position="first")
    if problems := list(_contradictions(rows)):
        raise InputError("decisions", problems)
    rows = rows.drop(columns="place").drop_duplicates()
    return rows.sort_values([*_DECIDED, "date"], kind="stable", na_position="first").reset_index(drop=True)


_DECIDED = ["account_id", "new_account", "subject"]


def _contradictions(rows: pd.DataFrame) -> Iterator[str]:
    """Decisions of which none is the later one, a line for each account and subject."""
    for _key, decided in rows.groupby(_DECIDED, dropna=False):
        last = (
            decided.iloc[-1]
            if decided["date"].isna().all()
            else decided.sort_values("date").dropna(subset="date").iloc[-1]
        )
        account = last["new_account"] if pd.isna(last["account_id"]) else last["account_id"]
        rivals = decided[(decided["date"] == last["date"]) | decided["date"].isna()]
        same_day = decided[decided.duplicated("date", keep=False) & decided["date"].notna()]
        earlier = [day for _, day in same_day.groupby("date") if day["decision"].nunique() > 1]
        rivals = earlier[0] if earlier else rivals
        if rivals["decision"].nunique() > 1:
            one = rivals.iloc[0]
            other = rivals[rivals["decision"] != one["decision"]].iloc[0]
            places = f"{one['decision']} in {one['place']}, {other['decision']} in {other['place']}"
            advice = "date both" if rivals["date"].isna().any() else "keep one, or date the later one"
            yield f"{account} ({last['subject']}) is decided twice: {places}: {advice}"


def _on_accounts(rows: pd.DataFrame, members: pd.DataFrame | None) -> pd.DataFrame:
    """What was said about a member of a group as said about the account."""
    if members is None:
        return rows
    accounts = members.set_index("customer_id")["account_id"]
    return rows.assign(account_id=rows["account_id"].map(accounts).fillna(rows["account_id"]).astype("string"))


def _with_origin(rows: Sequence[Mapping[str, Any]], confirmed: frozenset[tuple[str, str]]) -> pd.DataFrame:
    """The columns with where their meaning comes from: what a person confirmed counts as theirs."""
    columns = pd.DataFrame(rows)
    theirs = [(row["table"], row["column"]) in confirmed for row in rows]
    return columns.assign(origin=columns["origin"].mask(pd.Series(theirs, dtype=bool), "confirmed"))


def _booking_dates(certain: Any) -> list[dt.date]:
    """The days of the lines that are not certainly out, ascending. Raises InputError where there is none."""
    days = certain.filter(_.reason.isnull()).select("posting_date").distinct().to_pyarrow()
    if not days.num_rows:
        raise InputError(
            "transactions",
            ["no line has a customer, a date and an amount, and counts: check the columns and what is excluded"],
        )
    return sorted(days["posting_date"].to_pylist())


def _booked(marked: Any, rules: CleaningRules) -> list[Booked]:
    """The exact sums of all lines by month and by the rule that removed them, rules in their order."""
    changes = _set_right(marked, rules)
    sums = marked.group_by(month=_.posting_date.truncate("M"), reason=_.reason).aggregate(
        rows=_.count(), revenue=_.net_revenue.sum(), **{f"by_{name}": change.sum() for name, change in changes.items()}
    )
    booked = [
        Booked(
            s["month"],
            s["reason"],
            s["rows"],
            s["revenue"] or Decimal(0),
            {name: s[f"by_{name}"] or Decimal(0) for name in changes},
        )
        for s in sums.order_by("month", "reason").to_pyarrow().to_pylist()
    ]
    return sorted(booked, key=lambda lines: RULES.index(lines.reason) if lines.reason else len(RULES))


def _set_right(marked: Any, rules: CleaningRules) -> dict[str, Any]:
    """What each correction has changed about a line's net revenue, in the order in which they were made."""
    converted, changes = "booked_revenue" in marked.columns, {}
    gross = marked.net_revenue
    if "vat" in marked.columns and rules.treatment("gross_amount") == "net":
        gross = (gross * marked.vat.fill_null(1).cast("decimal(9, 4)")).round(6)
    signed = marked.booked_revenue if converted else gross
    if "is_credit_sign" in marked.columns and rules.treatment("credit_sign") == "flip":
        changes["credit_sign"] = ibis.cases((marked.is_credit_sign, 2 * signed))
    if converted:
        changes[CURRENCY] = gross - signed
    if gross is not marked.net_revenue:
        changes["gross_amount"] = marked.net_revenue - gross
    return changes


def _effects(marked: Any, rules: CleaningRules, fiscal_year_start: int) -> Iterator[Effect]:
    """What would change a year's revenue if lines that are only reported did not count, or a file that repeats another."""
    reported = [rule for rule in RULES if rules.treatment(rule) == "report" and f"is_{rule}" in marked.columns]
    kept = marked.filter(_.reason.isnull() & _.posting_date.notnull())
    sums = kept.group_by("source_file", month=_.posting_date.truncate("M")).aggregate(
        rows=_.count(),
        revenue=_.net_revenue.sum(),
        **{rule: _.net_revenue.sum(where=_[f"is_{rule}"]) for rule in reported},
    )
    months = sums.order_by("source_file", "month").to_pyarrow().to_pylist()
    years: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for month in months:
        years.setdefault((fiscal_year(month["month"], fiscal_year_start), month["source_file"]), []).append(month)
    seen = set()
    for (year, file), parts in years.items():
        content = (year, *((part["month"], part["rows"], part["revenue"]) for part in parts))
        if content in seen:
            yield Effect(year, "file_twice", -sum((part["revenue"] for part in parts), Decimal(0)), file)
        seen.add(content)
    for year in sorted({year for year, _file in years}):
        parts = [part for (y, _file), files in years.items() if y == year for part in files]
        for rule in reported:
            yield Effect(year, "reported", -sum((part[rule] or Decimal(0) for part in parts), Decimal(0)), rule)


def _noticed(kept: Any, period: Period) -> Iterator[Finding]:
    """What the kept lines of the period as a whole say. Raises InputError where there are none."""
    inside = kept.filter(_.posting_date.between(period.start, period.end))
    totals = inside.aggregate(
        rows=_.count(),
        customers=_.customer_id.nunique(),
        revenue=_.net_revenue.sum(),
        positive=_.count(where=_.net_revenue > 0),
    )
    (found,) = totals.to_pyarrow().to_pylist()
    if not found["rows"]:
        raise InputError(
            "transactions", [f"no line is booked in the period {period.start} to {period.end}: check period and dates"]
        )
    revenue = float(found["revenue"])
    if not found["positive"]:
        yield Finding("no_positive_revenue", "transactions", rows=found["rows"], revenue=revenue)
    if found["customers"] == 1:
        yield Finding("one_customer", "transactions", rows=found["rows"], revenue=revenue)


def _with_codes(
    key: Pseudonyms, frames: Mapping[str, pd.DataFrame], inputs: Inputs, decided: Sequence[pd.DataFrame]
) -> tuple[dict[str, pd.DataFrame], Inputs, list[pd.DataFrame]]:
    """Tables and entries with codes for account ids. Names stay until the rules and groups that need them are through.
    Of the decisions the first are those of inputs.xlsx; further files may be delivered workbooks, which hold codes already."""
    hidden = {name: key.hide_ids(frame) for name, frame in frames.items()}
    if "customers" in hidden:
        key.learn_names(hidden["customers"])
    entered, *elsewhere = decided
    revealed = [entered, *(key.reveal(table) for table in elsewhere)]
    return hidden, key.hide_entries(inputs), [key.hide_ids(table) for table in revealed]


def _confirmed(inputs: Inputs) -> pd.DataFrame:
    return inputs.groups[inputs.groups["confirmed"].fillna(False).astype(bool)]


def _revenue_by_customer(lines: _Lines) -> pd.Series:
    """The revenue of the period by customer, for every customer with a kept line."""
    inside = _.posting_date.between(lines.period.start, lines.period.end)
    sums = lines.kept.group_by("customer_id").aggregate(exact=_.net_revenue.sum(where=inside).fill_null(0))
    frame = sums.order_by("customer_id").select("customer_id", revenue=_.exact.cast("float64")).to_pyarrow().to_pandas()
    revenue: pd.Series = frame.set_index("customer_id")["revenue"]
    return revenue


def _candidates(
    customers: pd.DataFrame | None, groups: Groups, revenue: pd.Series, inputs: Inputs, rules: GroupRules
) -> pd.DataFrame:
    """Customers that may belong together and that nobody has answered with no."""
    master = pd.DataFrame({"customer_id": pd.Series(dtype="string")}) if customers is None else customers
    refused = inputs.groups[~inputs.groups["confirmed"].fillna(True).astype(bool)]
    return group_candidates(master, groups.members, revenue, refused, rules.name_similarity.value)


def _open_candidates(candidates: pd.DataFrame) -> Iterator[Finding]:
    if len(candidates):
        examples = tuple(f"{row.customer_id} {row.name}" for row in candidates.itertuples(index=False))
        n, revenue = len(candidates), float(candidates["revenue"].sum())
        yield Finding("group_candidates", "customers", Severity.INFO, n, revenue, examples[:5], values={"n": n})


def _with_inputs(frames: Mapping[str, pd.DataFrame], inputs: Inputs) -> dict[str, pd.DataFrame]:
    """The tables with the key accounts of today and their privileges as people entered them."""
    tables = dict(frames)
    entered = inputs.key_accounts.set_index("customer_id")[["key_label", "key_since", "kam_owner"]]
    if len(entered):
        master = tables.get("customers", pd.DataFrame({"customer_id": pd.Series(dtype="string")}))
        present = master.set_index("customer_id")
        index = present.index.union(entered.index, sort=False)
        updated = present.reindex(index)
        for column in entered.columns:
            old = updated[column] if column in updated.columns else pd.Series(index=index, dtype=entered[column].dtype)
            updated[column] = entered[column].reindex(index).combine_first(old).astype(entered[column].dtype)
        tables["customers"] = updated.rename_axis("customer_id").reset_index()
    if len(inputs.privileges):
        given = tables.get("privileges", pd.DataFrame())
        tables["privileges"] = pd.concat([given, inputs.privileges], ignore_index=True).drop_duplicates()
    return tables


def _with_people(inputs: Inputs) -> dict[str, pd.DataFrame]:
    """What people entered that becomes no table and names people."""
    return {name: getattr(inputs, name) for name in ("actions", "comments", *QUESTIONNAIRES)}


@contextmanager
def _noted(problems: list[InputError]) -> Iterator[None]:
    """Go on after an error with the data, which is kept to be told with the others."""
    try:
        yield
    except InputError as error:
        problems.append(error)


def _together(errors: Sequence[InputError]) -> InputError:
    """The problems of several sources as one error, each once and with its place."""
    if len({(error.where, *error.problems) for error in errors}) == 1:
        return errors[0]
    told = [p if e.where == _SEVERAL else f"{e.where}: {p}" for e in errors for p in e.problems]
    return InputError(_SEVERAL, list(dict.fromkeys(told)))


_SEVERAL = "data"


def _replace(fresh: Path, target: Path) -> None:
    """Put a finished folder in the place of another."""
    outdated = fresh.with_name("outdated")
    if target.exists():
        target.replace(outdated)
    fresh.replace(target)
