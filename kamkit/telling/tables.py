"""Tables for people: the same rows in a notebook, in the report and in the workbook.

A table keeps its raw values (the workbook calculates with them) beside the cells as they are read. Columns are given as
`name:kind …`; a kind is one of the formats of `Labels` (text, count, number, percent, change, money, money_short, money_rough,
date, word:<section>), and titles come from `column.<name>`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import pandas as pd

from kamkit.analysis.list_history import DRAWS
from kamkit.analysis.self_reports import rate_self_check, self_check_fields
from kamkit.analysis.stability import certainty
from kamkit.analysis.value import FEWEST_PEERS, QUANTILES
from kamkit.model.codes import Answer, Certainty, Evidence, Gate, Level
from kamkit.model.engagement import Engagement
from kamkit.model.questionnaire import questionnaires
from kamkit.model.results import AccountFacts, DecisionLog, Imported, KamTypes, KeyAccounts, Portfolio, StrategyOptions
from kamkit.telling.backtests import backtest_lines
from kamkit.telling.language import Labels
from kamkit.telling.portfolio_words import axis_name, model_name, written
from kamkit.telling.results import (
    actions_frame,
    beside_decisions,
    existence_sentence,
    finding_sentence,
    of_key_accounts,
    ranking,
    step_code,
    told,
    told_conditions,
)

NUMERIC = frozenset({"count", "number", "percent", "change", "money", "money_short", "money_rough"})
ABSENT = "–"
BADGES = frozenset({"option", "kam_type", "membership", "risk_level", "margin_class", "evidence_tag"})
"""Kinds of codes whose words are shown in a frame; the classes of the Pareto are too."""
NUMBERED = ("margin", "margin_after_terms", "margin_after_selling", "margin_after_service")
"""The levels of the contribution margin that are usually numbered."""
MOST_ROWS, MOST_COLUMNS, LONG_TEXT = 20, 30, 40


@dataclass(frozen=True)
class Column:
    """One column: its name in the results, its title for people, how its values are written."""

    name: str
    title: str
    kind: str

    @property
    def is_numeric(self) -> bool:
        return self.kind in NUMERIC

    @property
    def badge(self) -> str:
        """As what its words are framed: a kind of codes, `abc`, or nothing."""
        if self.name in {"abc_class", "abc_computed"}:
            return "abc"
        section = self.kind.removeprefix("word:")
        return section if section in BADGES else ""


@dataclass(frozen=True)
class DisplayTable:
    """A table to be shown: raw `rows`, the same as written `cells`, how many rows are `left` out, and the sentence that
    says so; `finding` heads it where it has a page of its own."""

    key: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    cells: tuple[tuple[str, ...], ...]
    more: str = ""
    left: int = 0
    finding: str = ""

    def records(self) -> list[dict[str, str]]:
        """The cells as written, by the names of their columns."""
        return [dict(zip((column.name for column in self.columns), row, strict=True)) for row in self.cells]

    def raw(self, row: int, name: str) -> Any:
        """The value behind a cell."""
        return self.rows[row][[column.name for column in self.columns].index(name)]

    def __len__(self) -> int:
        return len(self.rows)

    def without(self, *names: str) -> DisplayTable:
        """The table without some columns."""
        keep = [i for i, column in enumerate(self.columns) if column.name not in names]
        return replace(
            self,
            columns=tuple(self.columns[i] for i in keep),
            rows=tuple(tuple(row[i] for i in keep) for row in self.rows),
            cells=tuple(tuple(row[i] for i in keep) for row in self.cells),
        )

    def __repr__(self) -> str:
        titles = tuple(column.title for column in self.columns)
        widths = [max(map(len, values)) for values in zip(titles, *self.cells, strict=True)]
        lines = [_line(row, widths, self.columns) for row in (titles, *self.cells)]
        lines.insert(1, "─" * len(lines[0]))
        return "\n".join([self.caption, *(line.rstrip() for line in lines), *([self.more] if self.more else [])])

    def _repr_html_(self) -> str:
        styles = [_style(column, [row[i] for row in self.cells]) for i, column in enumerate(self.columns)]
        head = "".join(
            f'<th scope="col" style="{style};color:#616E7C">{escape(column.title)}</th>'
            for column, style in zip(self.columns, styles, strict=True)
        )
        body = "".join(
            "<tr>"
            + "".join(f'<td style="{style}">{escape(cell)}</td>' for style, cell in zip(styles, row, strict=True))
            + "</tr>"
            for row in self.cells
        )
        more = f'<div style="color:#616E7C">{escape(self.more)}</div>' if self.more else ""
        caption = "text-align:left;color:#0B4F8A;font-weight:bold"
        return (
            f'<table style="border-collapse:collapse"><caption style="{caption}">{escape(self.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"
        )


def _style(column: Column, cells: list[str]) -> str:
    align = "right;white-space:nowrap" if column.is_numeric else "left"
    room = ";min-width:17em" if max(map(len, cells), default=0) > LONG_TEXT and not column.is_numeric else ""
    return f"text-align:{align};vertical-align:top;padding:4px 10px{room}"


def _line(row: tuple[str, ...], widths: list[int], columns: tuple[Column, ...]) -> str:
    return "  ".join(
        cell.rjust(width) if column.is_numeric else cell.ljust(width)
        for cell, width, column in zip(row, widths, columns, strict=True)
    )


def display_table(
    frame: pd.DataFrame,
    key: str,
    columns: str,
    labels: Labels,
    most: int | None = MOST_ROWS,
    keep_empty: bool = False,
) -> DisplayTable:
    """A frame as a table for people; `key` names the caption (`table.<key>`), and rows beyond `most` are told as a count.
    Columns that the frame does not have, or that are empty all over, are left out unless `keep_empty`."""
    named = [(name, kind or "text") for name, _, kind in (word.partition(":") for word in columns.split())]
    if keep_empty:
        frame = frame.reindex(columns=[name for name, _ in named])
    shown = [
        Column(name, labels(f"column.{name}"), kind)
        for name, kind in named
        if name in frame and (keep_empty or frame.empty or frame[name].notna().any())
    ]
    head = frame if most is None else frame.head(most)
    rows = tuple(zip(*(head[column.name].tolist() for column in shown), strict=True)) if shown else ()
    left = len(frame) - len(head)
    return DisplayTable(
        key,
        labels(f"table.{key}"),
        tuple(shown),
        rows,
        tuple(tuple(_cell(v, c, labels) for v, c in zip(row, shown, strict=True)) for row in rows),
        labels("table.more", n=left) if left else "",
        left,
    )


def _cell(value: Any, column: Column, labels: Labels) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or ABSENT
    if labels.missing(value) or value == "":
        return ABSENT
    if isinstance(value, bool):
        return labels(f"answer.{'yes' if value else 'no'}")
    return labels.format_field(value, "" if column.kind == "text" else column.kind)


def files_table(imported: Imported, labels: Labels) -> DisplayTable:
    """The files that were read, and how."""
    return display_table(
        imported.files,
        "files",
        "table:word:table_name file sheet encoding delimiter header_row:count rows:count",
        labels,
    )


def columns_table(imported: Imported, labels: Labels) -> DisplayTable:
    """Which column of the client means what, and how its values are written."""
    columns = "table:word:table_name column source format decimal thousands n_empty:count ambiguous example origin:word:origin"
    return display_table(imported.columns, "columns", columns, labels, most=MOST_COLUMNS)


def rules_table(imported: Imported, labels: Labels) -> DisplayTable:
    """What each cleaning rule found, and what was done about it."""
    found = imported.rules[imported.rules["rows"] > 0]
    found = found.assign(examples=[examples[:3] for examples in found["examples"]])
    return display_table(
        found, "rules", "rule:word:rule treatment:word:treatment rows:count revenue:money examples", labels, most=None
    )


def reconciliation_table(imported: Imported, labels: Labels) -> DisplayTable:
    """Imported revenue against what the client says, by fiscal year."""
    columns = "fiscal_year stated:money imported:money difference:money difference_share:change within_tolerance"
    return display_table(imported.reconciliation, "reconciliation", columns, labels, most=None)


BRIDGE_STARTS = ("in_files", "credit_sign", "currency", "gross_amount")
BRIDGE_ENDS, MOST_YEARS = ("imported", "after_period", "stated", "difference", "unexplained"), 4


def bridge_table(imported: Imported, fiscal_year_start: int, labels: Labels) -> DisplayTable:
    """The way from all lines in the files to the imported revenue and the client's figure: a row per step, a column per
    fiscal year (the latest, then lines without a date), the number of lines before them."""
    if imported.bridge.empty:
        return DisplayTable("bridge", labels("table.bridge"), (), (), ())
    years = sorted(imported.bridge["fiscal_year"].dropna().unique())
    earlier, latest = years[:-MOST_YEARS], years[-MOST_YEARS:]
    bridge = imported.bridge[~imported.bridge["fiscal_year"].isin(earlier)]
    bridge = bridge.assign(year=bridge["fiscal_year"].astype("float64").fillna(0))
    rules = [rule for rule in imported.rules["rule"] if rule not in (*BRIDGE_STARTS, *BRIDGE_ENDS)]
    present = set(bridge["step"])
    steps = [step for step in (*BRIDGE_STARTS, *rules, *BRIDGE_ENDS) if step in present]
    by_step = bridge.pivot_table("revenue", "step", "year", "sum").reindex(steps)
    by_step.insert(0, "rows", bridge.groupby("step")["rows"].sum(min_count=1).reindex(steps))
    words = [labels(f"step.{step}") if f"step.{step}" in labels else labels(f"rule.{step}") for step in steps]
    unit = "unit.fiscal_year" if fiscal_year_start != 1 else "unit.year"
    columns = [Column("step", labels("column.step"), "text"), Column("rows", labels("column.rows"), "count")]
    columns += [Column(str(year), labels(unit, year=str(year)), "money") for year in latest]
    if 0 in by_step:
        by_step = by_step[[column for column in by_step if column != 0] + [0]]
        columns.append(Column("no_year", labels("step.no_year"), "money"))
    rows = tuple((word, *values) for word, values in zip(words, by_step.to_numpy(object).tolist(), strict=True))
    cells = tuple(tuple(_cell(v, c, labels) for v, c in zip(row, columns, strict=True)) for row in rows)
    more = labels("table.earlier_years", n=len(earlier)) if earlier else ""
    return DisplayTable("bridge", labels("table.bridge"), tuple(columns), rows, cells, more)


def kept_lines_table(imported: Imported, labels: Labels, most: int) -> DisplayTable:
    """The lines that are kept and that a person should look at, those with the most revenue first."""
    found = imported.rules[(imported.rules["rows"] > 0) & (imported.rules["treatment"] != "remove")]
    found = found.sort_values("revenue", key=abs, ascending=False, kind="stable")
    columns = "rule:word:rule treatment:word:treatment rows:count revenue:money"
    return display_table(found, "kept", columns, labels, most)


def findings_table(imported: Imported, labels: Labels) -> DisplayTable:
    """What the import noticed, warnings first."""
    found = sorted(imported.findings, key=lambda finding: finding.severity == "info")
    frame = pd.DataFrame(
        [
            {
                "severity": finding.severity,
                "table": finding.table,
                "finding": finding_sentence(finding, labels),
                "rows": finding.rows,
                "revenue": finding.revenue,
                "examples": ", ".join(finding.examples[:3]) or None,
            }
            for finding in found
        ],
        columns=["severity", "table", "finding", "rows", "revenue", "examples"],
    )
    columns = "severity:word:severity table:word:table_name finding rows:count revenue:money examples"
    return display_table(frame, "findings", columns, labels, most=None)


def key_accounts_table(key_accounts: KeyAccounts, labels: Labels, most: int | None = MOST_ROWS) -> DisplayTable:
    """The key accounts by rank, with how certain their place is."""
    table = ranking(key_accounts)
    columns = (
        "rank:count name revenue:money share:percent cumulative_share:percent margin:money abc_class "
        "membership:word:membership tier:word:tier " + DECIDED
    )
    table = beside_decisions(table[table["chosen"]], key_accounts, key_account="is_key_account", tier="proposed_tier")
    table = table.assign(membership=table["membership_probability"].map(certainty))
    return display_table(table, "key_accounts", columns, labels, most)


def margin_base_table(facts: AccountFacts, labels: Labels) -> DisplayTable:
    """The steps from list prices to the last level of the margin, with the client's own names, and which level is used;
    without rows where only revenue is known."""
    base = facts.margin_base
    if base.empty or base.loc[base["step"] != "net_revenue", "amount"].isna().all():
        return DisplayTable("margin_base", labels("table.margin_base"), (), (), (), labels("prose.margin_used.none"))
    own_names = bool(base.loc[base["step"] != "terms_kind", "client_name"].notna().any())
    words = [
        _step_words(step, None if labels.missing(name) else name, own_names, labels)
        for step, name in zip(base["step"], base["client_name"], strict=True)
    ]
    known = base["amount"].notna()
    called = dict(zip(base.loc[known, "step"], pd.Series(words, index=base.index)[known], strict=True))
    covered = dict(zip(base["step"], base["coverage"].astype(float), strict=True))
    used = next((step for step in ("margin_after_terms", "margin") if step in called), "none")
    more = [labels(f"prose.margin_used.{used}", **({} if used == "none" else {"level": called[used]}))]
    if "margin_after_selling" in called and covered["margin_after_selling"] < covered[used] - 0.005:
        more.append(labels("prose.margin_partial"))
    gaps = [labels.names(labels.lacking(columns)) for columns in base["missing"]]
    note = pd.Series([labels("prose.margin_missing", names=gap) if gap else None for gap in gaps], dtype="string")
    frame = base.assign(step=words, coverage=base["coverage"].where(known), note=note.to_numpy())
    columns = "step amount:money coverage:percent note"
    return replace(display_table(frame, "margin_base", columns, labels), more=" ".join(more))


def _step_words(step: str, own_name: str | None, own_names: bool, labels: Labels) -> str:
    """A step in the client's words, else in ours, with the usual number of the level where it has no names of its own."""
    if step == "terms_kind":
        return labels("margin_step.terms_kind", kind=own_name)
    if own_name or own_names or step not in NUMBERED:
        return own_name or labels(f"margin_step.{step}")
    return labels("margin_step.numbered", name=labels(f"margin_step.{step}"), level=labels(f"margin_level.{step}"))


def consolidation_table(key_accounts: KeyAccounts, labels: Labels, most: int | None = MOST_ROWS) -> DisplayTable:
    """Who is in the set only because groups are put together, who is inside a group now, and who is out."""
    columns = "change:word:consolidation name revenue:money group_name"
    empty = pd.DataFrame(columns=["change", "name", "revenue", "group_name"])
    changes = key_accounts.consolidation.changes
    return display_table(changes if len(changes) else empty, "consolidation", columns, labels, most)


def as_was_table(imported: Imported, facts: AccountFacts, labels: Labels, most: int | None = MOST_ROWS) -> DisplayTable:
    """What was booked while a customer belonged to another group than today; a sentence where there is nothing."""
    spans = imported.as_was
    if spans.empty or imported.level == Level.CUSTOMER:
        return DisplayTable("as_was", labels("table.as_was"), (), (), (), labels("prose.as_was_none"))
    members, accounts = facts.members.set_index("customer_id")["name"], facts.accounts.set_index("account_id")["name"]
    named = accounts.combine_first(members).dropna()
    was, now = (spans[column].map(named).fillna(spans[column]) for column in ("account_was", "account_id"))
    name = spans["customer_id"].map(members).fillna(spans["customer_id"])
    told = spans.assign(name=name, account_was=was, account_now=now, size=-spans["revenue"].abs())
    columns = "name account_was account_now start:date end:date revenue:money revenue_period:money"
    return display_table(told.sort_values(["size", "customer_id", "start"]), "as_was", columns, labels, most)


def borderline_table(key_accounts: KeyAccounts, labels: Labels, most: int = MOST_ROWS) -> DisplayTable:
    """The accounts whose place in or out of the set is not certain, those nearest to the cut, by rank."""
    table = ranking(key_accounts)
    borderline = table[table["membership_probability"].map(certainty) == Certainty.BORDERLINE]
    cut = key_accounts.pareto.n_key_accounts + 0.5
    nearest = (borderline["rank"].astype(float) - cut).abs().sort_values(kind="stable").index
    shown = borderline.loc[nearest[:most]].sort_values("rank")
    borderline = pd.concat([shown, borderline.drop(shown.index)])
    columns = "rank:count name revenue:money cumulative_share:percent is_key_account membership_probability:percent"
    return display_table(borderline, "borderline", columns, labels, most)


def concentration_table(key_accounts: KeyAccounts, labels: Labels) -> DisplayTable:
    """How unevenly the basis is spread."""
    found = key_accounts.concentration
    shares = ["top20_share", "cr1", "cr3", "cr5", "cr10"]
    figures = {name: labels.percent(getattr(found, name)) for name in shares}
    figures |= {"gini": labels.number(found.gini, 2), "hhi": labels.number(found.hhi, 3)}
    figures |= {"n_effective": labels.number(found.n_effective)}
    frame = pd.DataFrame(
        [
            {"figure": labels(f"figure.{name}"), "value": text, "meaning": labels(f"figure_meaning.{name}")}
            for name, text in figures.items()
        ]
    )
    return display_table(frame, "concentration", "figure value meaning", labels)


def existence_table(kam_types: KamTypes, labels: Labels) -> DisplayTable:
    """The conditions of the source text for real key account management, and what the data say about each."""
    frame = pd.DataFrame(
        [
            {
                "test": test.test,
                "condition": labels(f"existence.{test.test}"),
                "answer": test.answer,
                "seen": existence_sentence(test, labels),
                "missing": missing_words(test.missing, labels) if test.answer == Answer.NOT_ASSESSABLE else None,
            }
            for test in told_conditions(kam_types.existence)
        ]
    )
    return display_table(frame, "existence", "test condition answer:word:answer seen missing", labels)


FIGURES: Mapping[str, tuple[str, str, str, str | None]] = {
    "E1": ("percent", "share_key", "share_other", "difference"),
    "E2_account": ("money", "per_account_key", "per_account_other", None),
    "E2_given": ("money", "mean_key", "mean_other", None),
    "E2_plan": ("money", "plan_key", "plan_other", None),
    "E2_actual": ("money", "actual_key", "actual_other", None),
    "E2_revenue": ("share", "per_revenue_key", "per_revenue_other", None),
    "E3a": ("percent", "", "share", None),
    "E3b": ("number", "", "difference", None),
    "E4": ("percent", "share", "", None),
    "E5": ("number", "band_key", "band_other", "difference"),
}
"""The figures behind the conditions: their format, and the values of key accounts, of the others, and their difference."""
TABLES_OF = {
    "E1": ("customers", "privileges"),
    "E2": ("customers", "budgets"),
    "E3a": ("customers", "sales_organisation"),
    "E3b": ("customers", "sales_organisation"),
    "E4": ("customers", "decisions"),
    "E5": ("customers", "interactions", "privileges"),
}


def existence_figures_table(kam_types: KamTypes, labels: Labels) -> DisplayTable:
    """The figures behind the conditions that tables speak of: the data used, the statistic on both sides, its interval
    and its p-value where there is one. The p-value is reported and decides nothing."""
    tests = {test.test: test for test in kam_types.existence.tests}
    rows = []
    for figure, (kind, key, other, difference) in FIGURES.items():
        name = figure.partition("_")[0]
        values = tests[name].values if name in tests else {}
        if any(values.get(side) is not None for side in (key, other)):
            limits = [values.get(limit) for limit in ("ci_low", "ci_high") if difference]
            rows.append(
                {
                    "test": name,
                    "data": ", ".join(labels(f"table_name.{table}") for table in TABLES_OF[name]),
                    "statistic": labels(f"existence_figure.{figure}"),
                    "key_value": _figure(values.get(key), kind, labels),
                    "other_value": _figure(values.get(other), kind, labels),
                    "figure_difference": _gap(kind, labels, values.get(difference)) if difference else None,
                    "interval": _gap(kind, labels, *limits),
                    "p_value": _figure(values.get("p_value"), "number", labels) if figure == "E2_given" else None,
                }
            )
    columns = "test data statistic key_value other_value figure_difference interval p_value"
    return display_table(pd.DataFrame(rows), "existence_figures", columns, labels, most=None)


def _gap(kind: str, labels: Labels, *values: Any) -> str | None:
    """A difference, or both ends of its interval: of shares in points, so that nobody takes it for a share."""
    if not values or any(labels.missing(value) for value in values):
        return None
    if kind == "percent":
        points = " … ".join(labels.count(100 * value) for value in values)
        return labels("existence_figure.points", points=points)
    return " … ".join(str(_figure(value, kind, labels)) for value in values)


def _figure(value: Any, kind: str, labels: Labels) -> str | None:
    if labels.missing(value):
        return None
    match kind:
        case "number":
            return labels.number(value, 2)
        case "share":
            return labels.percent(value, 1)
        case _:
            return labels.format_field(value, kind)


def intensity_table(
    kam_types: KamTypes, key_accounts: KeyAccounts, labels: Labels, most: int | None = MOST_ROWS
) -> DisplayTable:
    """How intensely the client works together with each key account: index, stage, how much is known, what is missing."""
    table = of_key_accounts(kam_types.intensity, key_accounts)
    shown = table.assign(
        cooperation_index=table["intensity"] * 100,
        cooperation_stage=table["stage"],
        missing=pd.Series(
            [missing_words(names, labels) for names in table["missing"]], index=table.index, dtype="string"
        ),
    )
    columns = "name account_revenue:money cooperation_index:count cooperation_stage:word:stage coverage:percent missing"
    return display_table(shown, "intensity", columns, labels, most)


def self_check_table(facts: AccountFacts, labels: Labels) -> DisplayTable:
    """The self-check by field, with its weakest statements by name; empty where nobody answered."""
    asked = questionnaires()["self_check"]
    fields = self_check_fields(rate_self_check(facts.tables.get("self_check"), asked), asked)
    shown = fields.assign(
        self_check_field=fields["field"],
        self_check_score=fields["score"],
        n_scored=[
            labels("table.scored_of", n=n, total=total) for n, total in fields[["n_scored", "n_statements"]].to_numpy()
        ],
        weakest=[" ".join(asked[code].text[labels.language] for code in weakest) for weakest in fields["weakest"]],
    )
    columns = "self_check_field:word:self_check_field self_check_score:number n_scored weakest"
    return display_table(shown, "self_check", columns, labels, most=None)


def missing_words(missing: tuple[str, ...], labels: Labels) -> str | None:
    """The tables that are missing, in words, each once."""
    names = dict.fromkeys(labels(f"table_name.{name.partition('.')[0]}") for name in missing)
    return ", ".join(names) or None


def recommendations_table(
    options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels, most: int | None = MOST_ROWS
) -> DisplayTable:
    """One line per key account: what to do, what beside it, why, what not to do, and what a close call hangs on."""
    table = told(of_key_accounts(options.recommendations, key_accounts), labels)
    columns = (
        "name recommended_option:word:option supporting_option:word:option reason first_step avoid "
        "options_assessed:count close_by"
    )
    table = beside_decisions(table, key_accounts, option="recommended_option")
    if table["decision"].notna().any():
        columns += " decision:word:decision_word decision_status:word:decision_status"
    return display_table(table, "recommendations", columns, labels, most, keep_empty=True)


def actions_table(
    options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels, tracked: pd.DataFrame | None = None
) -> DisplayTable:
    """The 90-day plan; where somebody has taken a line (`tracked_steps`), with owner, status and the due date agreed on."""
    table = actions_frame(options, key_accounts, labels)
    columns = (
        "rank:count name option:word:option trigger first_step question role due_date:date at_stake:money_rough "
        "at_stake_low:money_rough at_stake_high:money_rough stake:word:stake stop_criterion"
    )
    if tracked is not None and len(tracked):
        codes = [step_code(*row) for row in options.actions[["option", "first_step"]].itertuples(index=False)]
        table = table.assign(code=codes).merge(tracked, on=["account_id", "code"], how="left")
        table["due_date"] = table["due"].dt.date.where(table["due"].notna(), table["due_date"])
        columns += " owner status:word:action_status"
    return display_table(table.sort_values("rank"), "actions", columns, labels, keep_empty=True)


def account_risk_table(
    options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels, most: int | None = 10
) -> DisplayTable:
    """The key accounts with raised risk of leaving: the alarms first, then by the revenue at risk."""
    table = of_key_accounts(options.account_risk, key_accounts)
    table = table[table["level"].isin(["red", "amber"])].assign(alarm=table["level"] == "red")
    table = told(table.sort_values(["alarm", "revenue_at_risk", "account_id"], ascending=[False, False, True]), labels)
    columns = "name level:word:risk_level revenue_at_risk:money_short evidence"
    return display_table(table, "account_risk", columns, labels, most)


def cross_selling_table(
    options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels, most: int | None = 10
) -> DisplayTable:
    """The white spot of each key account with the most margin to expect (revenue where no margin is known), where the gate
    is open."""
    table = of_key_accounts(options.cross_selling, key_accounts)
    table = table[(table["gate"] == Gate.OPEN) & (table["expected_revenue"] > 0)]
    worth = ["expected_margin", "expected_revenue"]
    table = table.sort_values([*worth, "account_id", "category"], ascending=[False, False, True, True])
    columns = "name category expected_revenue:money_short expected_margin:money_short evidence"
    return display_table(told(table.drop_duplicates("account_id"), labels), "cross_selling", columns, labels, most)


def options_table(options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels) -> DisplayTable:
    """Per option: for how many key accounts it is open, closed or cannot be assessed."""
    table = of_key_accounts(options.options, key_accounts)
    counts = pd.crosstab(table["option"], table["gate"]).reindex(columns=[g.value for g in Gate], fill_value=0)
    counts = counts.reindex(table["option"].drop_duplicates()).reset_index()
    return display_table(counts, "options", "option:word:option open:count closed:count not_assessable:count", labels)


def backtests_table(options: StrategyOptions, labels: Labels) -> DisplayTable:
    """What the methods would have got right on the client's own history, against chance and the best simple rule."""
    columns = "task population n:count events:count metric found by_chance best_rule"
    return display_table(backtest_lines(options.backtests, labels), "backtests", columns, labels, most=None)


def questions_table(questions: pd.DataFrame, labels: Labels, most: int | None = 12) -> DisplayTable:
    """What to ask the client for next, by the revenue that hangs on the answer."""
    columns = "rank:count question why effect:money_short client_answer"
    return display_table(questions, "questions", columns, labels, most)


def class_matrix_table(margins: pd.DataFrame, labels: Labels) -> DisplayTable:
    """How many accounts stand in which class by revenue (rows) and by margin (columns)."""
    if "margin_class" not in margins or margins["margin_class"].isna().all():
        return DisplayTable("class_matrix", labels("table.class_matrix"), (), (), (), labels("value.whale_unknown"))
    ranked = margins[margins["revenue_class"].notna()]
    counts = pd.crosstab(ranked["revenue_class"], ranked["margin_class"]).reindex(
        index=["A", "B", "C"], columns=["A", "B", "C", "loss"], fill_value=0
    )
    counts.columns = [f"margin_{name}" for name in counts.columns]
    columns = "revenue_class margin_A:count margin_B:count margin_C:count margin_loss:count"
    return display_table(counts.reset_index(), "class_matrix", columns, labels)


def portfolio_models_table(portfolio: Portfolio, labels: Labels) -> DisplayTable:
    """Every matrix: its axes, where they are cut, how many key accounts have a place, what is missing, the source."""
    rows = [
        {
            "matrix": model_name(model["model"], labels),
            "axes": " × ".join(axis_name(model, axis, labels) for axis in ("x", "y")),
            "cuts": " · ".join(_cut(model, axis, labels) for axis in ("x", "y")) if model["assessable"] else None,
            "n_placed": model["n"] or None,
            "missing": labels.names(labels.lacking(model["missing"])) or None,
            "evidence_tag": model["evidence"],
            "literature": model["source"] or None,
        }
        for _, model in portfolio.models.iterrows()
    ]
    columns = "matrix axes cuts n_placed:count missing evidence_tag:word:evidence_tag literature"
    return display_table(pd.DataFrame(rows), "portfolio_models", columns, labels, most=None)


def _cut(model: pd.Series[Any], axis: str, labels: Labels) -> str:
    cut, unit = float(model[f"{axis}_cut"]), str(model[f"{axis}_unit"])
    return written(cut, unit, labels, (0.0, cut / 10))


def positions_table(
    portfolio: Portfolio, key_accounts: KeyAccounts, labels: Labels, most: int | None = MOST_ROWS
) -> DisplayTable:
    """The field of each key account on every matrix that can be assessed, the matrices as columns."""
    placed = portfolio.positions
    table = of_key_accounts(placed.drop_duplicates("account_id")[["account_id"]], key_accounts)
    order = list(placed["model"].drop_duplicates())
    for model in order:
        own = placed[placed["model"] == model].set_index("account_id")
        words = [
            labels("portfolio.field", x=labels(f"portfolio.{x}"), y=labels(f"portfolio.{y}")) + ("" if sure else " ≈")
            for (x, y), sure in zip(own["quadrant"].str.split("_"), ~(own["quadrant_share"] < CERTAIN), strict=True)
        ]
        table[f"field_{model}"] = table["account_id"].map(dict(zip(own.index, words, strict=True)))
    table = table.rename(columns={"account_rank": "rank"})
    shown = display_table(table, "positions", "rank:count name", labels, most)
    fields = tuple(Column(f"field_{model}", model_name(model, labels), "text") for model in order)
    cells = table[[column.name for column in fields]].astype(object).where(table.notna(), None).to_numpy().tolist()
    return replace(
        shown,
        columns=(*shown.columns, *fields),
        rows=tuple((*row, *more) for row, more in zip(shown.rows, cells, strict=False)),
        cells=tuple((*row, *(c or ABSENT for c in more)) for row, more in zip(shown.cells, cells, strict=False)),
    )


CERTAIN = 0.7
"""Share of random weightings from which a field counts as the account's own (convention)."""


def raters_table(portfolio: Portfolio, labels: Labels) -> DisplayTable:
    """Who rated what an axis uses."""
    return display_table(portfolio.raters, "raters", "item rated_by_role n:count", labels, most=None)


def allocation_table(
    options: StrategyOptions,
    key_accounts: KeyAccounts,
    labels: Labels,
    kind: str = "budget",
    most: int | None = MOST_ROWS,
) -> DisplayTable:
    """Today's and the proposed budget (or share of contacts) of each key account, the largest shifts first."""
    table = of_key_accounts(options.allocation.table[options.allocation.table["kind"] == kind], key_accounts)
    table = table.assign(shift=(table["proposed"] - table["today"]).abs())
    table = table.sort_values(["shift", "account_id"], ascending=[False, True])
    amount = "money_short" if kind == "budget" else "percent"
    columns = f"name today:{amount} proposed:{amount} change:change"
    return display_table(table, f"allocation_{kind}", columns, labels, most)


METHODS = {
    "circle": Evidence.CONVENTION,
    "abc": Evidence.CONVENTION,
    "abc_computed": Evidence.STUDY,
    "disclosure": Evidence.NORM,
    "group": Evidence.NORM,
    "membership": Evidence.CONVENTION,
    "list_history": Evidence.CONVENTION,
    "potential": Evidence.STUDY,
    "kam_type": Evidence.CONVENTION,
    "existence": Evidence.CONVENTION,
    "intensity": Evidence.CONVENTION,
    "risk": Evidence.CONVENTION,
    "cross_selling": Evidence.STUDY,
    "takeover": Evidence.CONVENTION,
    "recommendation": Evidence.CONVENTION,
}
SECRET_METHODS = frozenset({"existence", "intensity", "takeover", "portfolio", "allocation", "investment"})


def methods_table(engagement: Engagement, labels: Labels, restricted: bool = False) -> DisplayTable:
    """Every method with its setting, and whether it rests on a norm, a study or a convention."""
    values = {"threshold": engagement.pareto.threshold, "months": engagement.account_risk.window_months, "draws": DRAWS}
    values |= {"peers": FEWEST_PEERS, "low": QUANTILES[0], "high": QUANTILES[1]}
    frame = pd.DataFrame(
        [
            {
                "method": labels(f"method.{name}"),
                "setting": labels(f"method_setting.{name}", **values),
                "evidence_tag": tag,
                "literature": labels(f"method_source.{name}"),
            }
            for name, tag in METHODS.items()
            if not (restricted and name in SECRET_METHODS)
        ]
    )
    return display_table(
        frame, "methods", "method setting evidence_tag:word:evidence_tag literature", labels, most=None
    )


def account_sheet_table(accounts: pd.DataFrame, labels: Labels) -> DisplayTable:
    """Every account with all that is known, for the workbook."""
    columns = (
        "rank:count account_id name revenue:money share:percent cumulative_share:percent is_key_account tier:word:tier "
        "abc_class abc_computed membership:word:membership margin:money kam_type:word:kam_type kam_status:word:kam_status "
        "cooperation_stage:word:stage recommended_option:word:option supporting_option:word:option "
        "options_assessed:count decision region field_rep kam_owner kam_status_reason reason"
    )
    if "decision" in accounts:
        accounts = accounts.assign(decision=accounts["decision"].map(lambda codes: _decided(codes, labels)))
    return display_table(accounts, "accounts", columns, labels, most=None)


def _decided(codes: Any, labels: Labels) -> str | None:
    """What was decided about an account, `subject: decision; …`, in words."""
    if labels.missing(codes):
        return None
    pairs = (part.split(": ", 1) for part in str(codes).split("; "))
    return "; ".join(f"{labels(f'subject.{subject}')}: {labels(f'decision_word.{word}')}" for subject, word in pairs)


def option_sheet_table(options: StrategyOptions, key_accounts: KeyAccounts, labels: Labels) -> DisplayTable:
    """Every option of every key account, for the workbook."""
    table = told(of_key_accounts(options.options, key_accounts), labels)
    if "missing" in table:
        table["missing"] = table["missing"].map(labels.needs)
    columns = "account_id name option:word:option gate:word:gate score:number coverage:percent rank:count evidence counter action precondition risk missing"
    return display_table(table, "options", columns, labels, most=None)


def decisions_table(
    log: DecisionLog, key_accounts: KeyAccounts, labels: Labels, restricted: bool = False
) -> DisplayTable:
    """The decisions taken so far, and a line to fill in for every candidate, under the headings of inputs.xlsx; without
    candidates, wanted accounts and how the decisions stand where these are not for the reader."""
    rows, table = log.table, ranking(key_accounts)
    if restricted:
        chosen = rows["account_id"].isin(table.loc[table["chosen"], "account_id"])
        rows = rows[rows["account_id"].notna() & (chosen | rows["decision"].notna())]
    frame = rows.assign(snapshot=rows["taken_on"].fillna(rows["snapshot"])).rename(
        columns={"reason": "decision_reason", "status": "decision_status"}
    )
    shown = display_table(frame, "decisions", DECISION_COLUMNS, labels, most=None, keep_empty=True)
    return shown.without("share", "new_account", "decision_status", "moved") if restricted else shown


DECIDED = "proposal:word:decision_word decision:word:decision_word decision_status:word:decision_status"
DECISION_COLUMNS = (
    "account_id name share:percent proposal:word:decision_word subject:word:subject decision:word:decision_word "
    "reason_code:word:reason_code decision_reason decided_by consulted opinion:word:opinion date:date valid_until:date "
    "new_account snapshot decision_status:word:decision_status moved"
)


def decision_log_table(log: DecisionLog, labels: Labels) -> DisplayTable:
    """Every decision beside its proposal, how it stands and why it was taken."""
    rows = log.table[log.table["decision"].notna()]
    codes = rows["reason_code"].map(lambda code: labels(f"reason_code.{code}"), na_action="ignore")
    both = [
        ": ".join(part for part in (code, text) if not labels.missing(part))
        for code, text in zip(codes, rows["reason"], strict=True)
    ]
    why = pd.Series([text or None for text in both], index=rows.index, dtype="string")
    frame = rows.assign(decision_reason=why).rename(columns={"status": "decision_status"})
    columns = (
        f"name subject:word:subject {DECIDED} decision_reason decided_by consulted opinion:word:opinion date:date "
        "valid_until:date moved"
    )
    return display_table(frame, "decision_log", columns, labels, most=None)


def overrides_table(log: DecisionLog, labels: Labels) -> DisplayTable:
    """How often decisions depart from proposals, and in which direction."""
    columns = (
        "subject:word:subject n_decisions:count n_overrides:count override_rate:percent added:count removed:count "
        "raised:count lowered:count override_size:percent"
    )
    frame = log.overrides.rename(columns={"n": "n_decisions", "rate": "override_rate", "size": "override_size"})
    used = [c for c in ("added", "removed", "raised", "lowered") if (frame[c] > 0).any()]
    hidden = [c for c in ("added", "removed", "raised", "lowered") if c not in used]
    return display_table(frame, "overrides", columns, labels).without(*hidden)


def conflicts_table(log: DecisionLog, labels: Labels) -> DisplayTable:
    """Where field sales contradict a decision, or each other."""
    columns = "name subject:word:subject decision:word:decision_word in_favour against reasons"
    return display_table(log.conflicts, "conflicts", columns, labels, most=None)


def named_table(log: DecisionLog, labels: Labels) -> DisplayTable:
    """The accounts that field sales miss."""
    columns = "name revenue:money decision_reason named_by date:date"
    return display_table(log.named.rename(columns={"reason": "decision_reason"}), "named", columns, labels, most=None)


def consultation_table(log: DecisionLog, labels: Labels) -> DisplayTable:
    """For how many key accounts a decision is taken, and field sales were consulted."""
    frame = log.consultation.rename(columns={"n_decided": "n_decisions", "share": "consulted_share"})
    columns = "unit n_key:count n_decisions:count n_consulted:count consulted_share:percent"
    return display_table(frame, "consultation", columns, labels, most=None)


def judged_table(log: DecisionLog, labels: Labels) -> DisplayTable:
    """Decisions on key accounts that a year has judged, with what the model said then."""
    columns = "name date:date decision:word:decision_word model:word:decision_word truth:word:decision_word"
    return display_table(log.cases, "judged", columns, labels, most=None)
