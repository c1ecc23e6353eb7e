"""What the steps find out: frozen results, from the import to the plan. Money is in the engagement's currency,
shares are 0–1, ids are text, dates are days. A frame's columns are described where it is a field, once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from kamkit.model.codes import Answer, Basis, Grain, KamType, Level, Severity, Verdict
from kamkit.model.engagement import Period


@dataclass(frozen=True)
class Finding:
    """Something the import noticed and a person should know: a code of the catalogues (`finding.<code>`), the table it
    concerns, how many rows and how much revenue, examples, and the values its sentence is filled with."""

    code: str
    table: str
    severity: Severity = Severity.WARNING
    rows: int | None = None
    revenue: float | None = None
    examples: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)


def no_events(whom: str = "account_id") -> pd.DataFrame:
    """The table of events where there are none; `whom` is its first column."""
    kinds = {whom: "string", "start": "datetime64[us]", "end": "datetime64[us]", "reason": "string"}
    return pd.DataFrame({column: pd.Series(dtype=kind) for column, kind in kinds.items()})


@dataclass(frozen=True)
class Imported:
    """Step 1: what came in, what was kept, and what the data allow.

    `files`: table, file, sheet, encoding, delimiter, header_row, rows.
    `columns`: table, column, source, kind, format, decimal, thousands, n_empty, ambiguous, example.
    `rules`: rule, treatment (report | remove | off, or how the rule sets something right), rows, revenue, examples. The rows removed by the rules, taken in
    order, and the rows kept add up to the rows in, and so does revenue, to the cent.
    `reconciliation`: fiscal_year, stated, imported, difference, difference_share, within_tolerance, without_customer,
    months (with a line that counts), explained_by (code of `explanation`), explained_detail, explained (its revenue).
    `bridge`: fiscal_year (missing for lines without a date), step, rows, revenue: from all lines in the files over the
    rules to the imported and the stated revenue.
    `blocked`: what the data do not allow to test or compare (account_risk | cross_selling | year_on_year | statistics:
    nothing is tested, no probability given), with the code of the finding that says why.
    `as_was`, what was booked while a customer belonged to another account than at the period's end (figures are
    restated to the latter): customer_id, account_id, account_was, start, end, rows, revenue, revenue_period.
    `group_candidates`, customers that may be one company and that nobody has answered for, by the revenue of the
    proposed group: group_id, customer_id, name, evidence (vat_id | lei | duns | name), similarity, revenue (period).
    `events`, days in which purchases say little: customer_id (missing: all customers), start, end, reason.
    `people`: where sales people must not be named, their codes by a code of each form of their names; no name.
    """

    period: Period
    grain: Grain
    currency: str
    level: Level
    first_date: dt.date
    last_date: dt.date
    rows_in: int
    rows_kept: int
    revenue_in: float
    revenue_kept: float
    n_customers: int
    tables: tuple[str, ...]
    files: pd.DataFrame
    columns: pd.DataFrame
    rules: pd.DataFrame
    reconciliation: pd.DataFrame
    findings: tuple[Finding, ...]
    bridge: pd.DataFrame = field(default_factory=pd.DataFrame)
    blocked: Mapping[str, str] = field(default_factory=dict)
    as_was: pd.DataFrame = field(default_factory=pd.DataFrame)
    group_candidates: pd.DataFrame = field(default_factory=pd.DataFrame)
    events: pd.DataFrame = field(default_factory=lambda: no_events("customer_id"))
    people: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AccountFacts:
    """What the canonical tables say about each account: the frames that analysis works on, nothing older lost and
    nothing after the period's end inside.

    `accounts`, one row per account with at least one kept line up to the period's end: account_id, name, in_period
    (boolean: has a kept line in the period and is not the
    pool of collective accounts; only these are ranked and counted), n_customers (in the period), revenue and margin of the period (margin is missing where no line carries one), margin_coverage (share of the
    period's revenue that carries a margin), n_invoices (in the period), first_date, last_date (of lines with positive
    revenue in all history), revenue_prior (the equally long span before the period; missing where history does not
    reach back or lacks months), region, field_rep, kam_owner, industry_code, industry_version, industry_text, channel,
    customer_class, key_label (boolean, missing where unknown), wallet, wallet_source, country. Master data are those of the account's
    largest member in the period, but key_label holds if any member has it, kam_owner is the first one named, wallet the
    sum of the members' wallets, wallet_source who named these; region and field_rep come from the lines where the master names none.
    `months`: account_id, month (first day), revenue, margin, n_invoices.
    `orders`, one row per invoice with positive revenue (per account and day where there is no invoice number; empty
    unless dated by day): account_id, date, revenue.
    `purchases`: account_id, customer_id, item, date, revenue, margin, quantity: one row per account, member, item and
    day with positive revenue; item is the category, or the product where there are no categories. `product_purchases`
    holds the same by product where both exist, else it is empty.
    `items`: item, name, category, revenue (period).
    `prices`: account_id, month, sold and credited (both positive: lines above and below zero), gross and net_of_gross (at list
    price and as sold, of the sold lines with a list price or a discount; missing where there are none).
    `sites`, one row per delivery site and item, empty where no line names a site: account_id, customer_id, site, item
    (as in `purchases`), revenue (last 12 months, returns left out), last_bought.
    `members`: customer_id, account_id, name, revenue (period), group_source (confirmed | group_id | parent | none).
    `accounts` also carries contract_share and project_share: the share of the period's revenue on lines with a contract
    or project id, missing where the column is not given; and n_sites, the places delivered in the period, missing likewise.
    They carry the steps of the margin as well, each missing where it is not known: selling and service (budgets spent on
    the account), gross (list price per unit times quantity) and discount (of the lines that have them), terms (bonuses, allowances and cash discounts outside invoices),
    net_net (revenue less terms), cost, margin_before_terms. `margin`, here and in `months`, `purchases` and `customers`,
    is after terms where terms are given for every fiscal year of the period; terms then count as far as they fall on
    revenue with a margin, and outside the period it is missing in fiscal years without terms.
    `margin_base`, the steps of the whole client in the period: step (gross | discount | net_revenue | terms, below it
    terms_kind and terms_other | net_net | cost | margin | margin_after_terms | selling | margin_after_selling | service |
    margin_after_service), client_name (its own name for the step, and the kind of terms), amount, coverage (share of the
    absolute revenue for which it is known), missing (tuple of table.column, where there is no amount).
    `tables`: the further canonical tables given (privileges, budgets, …), with account_id added; `decisions` is always
    `tables`: the further canonical tables given (privileges, budgets, …), with account_id added; `decisions` is always
    there, merged from inputs.xlsx and the decision files, older ones included, and may be empty. `consultations` holds what
    field sales answered (opinion agree | disagree | abstain on a proposal yes | no, or missing: an account that they name).
    What people answered in inputs.xlsx is there
    where somebody answered something: organisation (question, answer: yes | partly | no, said_by, date), figures (figure,
    value, said_by, date; one row each) and self_check (statement, score 1–4, said_by, date); their codes stand in
    `templates/rules/questions.yml`.
    `blocked`: as in Imported.
    `customers`, one row per customer with a line in the period, whatever the level: account_id (its own number), name,
    revenue, margin, wallet, group_id (its account on group level), group_source.
    `events`, days in which purchases say little: account_id (missing: all accounts), start, end, reason. An account is
    concerned where one of its customers is.
    `spread`: `months` and `orders` once more, of those accounts only for which a year's contract is booked in one line; it
    stands in equal parts in the months of its term. For patterns over time only: all totals are as booked.
    """

    period: Period
    history_start: dt.date
    grain: Grain
    level: Level
    item_kind: str | None
    accounts: pd.DataFrame
    months: pd.DataFrame
    orders: pd.DataFrame
    purchases: pd.DataFrame
    product_purchases: pd.DataFrame
    items: pd.DataFrame
    members: pd.DataFrame
    tables: Mapping[str, pd.DataFrame]
    blocked: Mapping[str, str] = field(default_factory=dict)
    margin_base: pd.DataFrame = field(default_factory=pd.DataFrame)
    customers: pd.DataFrame = field(default_factory=pd.DataFrame)
    events: pd.DataFrame = field(default_factory=no_events)
    spread: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    sites: pd.DataFrame = field(default_factory=pd.DataFrame)
    prices: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class Pareto:
    """The ranking and the smallest set of accounts that reaches the threshold (source text: 80 %).

    `table`, the accounts with a line in the period, by rank, accounts with a basis ≤ 0 last and without rank, share and class: account_id, name, revenue,
    margin, value (the basis), share, cumulative_share, rank, is_key_account, abc_class, abc_computed.
    """

    table: pd.DataFrame
    basis: Basis
    threshold: float
    n_accounts: int
    n_positive: int
    n_key_accounts: int
    key_account_share: float
    total: float
    total_positive: float
    abc: Mapping[str, int]
    abc_computed: Mapping[str, int]


@dataclass(frozen=True)
class Concentration:
    """How unevenly the basis is spread over the accounts above zero (domain S3, S4); shares 0–1."""

    gini: float
    hhi: float
    n_effective: float
    cr1: float
    cr3: float
    cr5: float
    cr10: float
    top20_share: float
    lorenz: pd.DataFrame
    """account_share, cumulative_share: the Lorenz curve from the smallest account up, starting at 0, 0."""


@dataclass(frozen=True)
class Consolidation:
    """The set that reaches the threshold before and after customers of one group are put together (domain S2).

    `coverage`: the share of positive revenue whose group or parent is known. `changes`, largest first: account_id, name,
    change (entered: an account in the set of which no member was in it alone; merged: a customer of the set before
    that is now inside a group of the set; dropped: a customer whose account is no longer in the set), revenue,
    group_name (of the account, where it is not the customer itself).
    """

    n_before: int = 0
    n_after: int = 0
    coverage: float = float("nan")
    changes: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class ManagedCapacity:
    """How many key accounts the organisation can manage, and what that rests on.

    `accounts` is None where it is not known, `missing` then names the figures that would tell. Hours are those of a year,
    `net_hours` per full-time person, money is in the engagement's currency. `said`: of the figures of inputs.xlsx that were
    used, who said so and when: figure, value, said_by, date.
    """

    accounts: int | None = None
    fte: float | None = None
    net_hours: float | None = None
    hours_per_account: float | None = None
    cost_per_fte: float | None = None
    missing: tuple[str, ...] = ()
    said: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["figure", "value", "said_by", "date"]))


@dataclass(frozen=True)
class CustomerValue:
    """What each account is worth on three bases, side by side, and how the margin adds up (domain S3, S11).

    `table`, by account, in the order of the ranking: account_id, name, and for each basis its amount, rank, share of
    what is above zero and class (A | B | C): revenue, revenue_rank, revenue_share, revenue_class; margin, …,
    margin_class (also `loss` where it is not above zero); wallet (yearly, what the account spends in all), …, with
    wallet_low, wallet_high, wallet_source (customer | kam | stated | model; missing where it cannot be assessed) and
    share_of_wallet (missing where the wallet is below the account's own revenue, which cannot be).
    `whale`, accounts with a margin, largest margin first: place, account_id, name, margin, cumulated, cumulated_share
    (of the total; missing where that is not above zero). `peak` is the largest cumulated share, reached at place
    `n_at_peak`; `erosion` = peak − 1, both missing where the total is not above zero; `gained` and `lost` the same in
    money: the cumulated margin at the peak, and what the accounts below zero take off it again.
    `missing`: table.column without which a basis cannot be assessed.
    """

    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    whale: pd.DataFrame = field(default_factory=pd.DataFrame)
    margin_total: float = float("nan")
    peak: float = float("nan")
    erosion: float = float("nan")
    gained: float = float("nan")
    lost: float = float("nan")
    n_at_peak: int = 0
    n_loss_makers: int = 0
    n_without_margin: int = 0
    n_wallet_below_revenue: int = 0
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exposure:
    """What would be lost with the largest accounts (domain S4); shares 0–1.

    `losses`, one row for the largest account and one for the three largest, by revenue: n_lost, names (tuple),
    revenue_lost, revenue_lost_share, margin_lost, margin_left, cover_left (the share of the fixed costs that the margin
    left covers). `cover` is the share it covers today. `disclosed`, the accounts with at least 10 % of all revenue, groups
    as one customer (IFRS 8.34, norm): account_id, name, revenue, share. `missing`: table.column that margin or cover
    cannot be assessed without.
    """

    losses: pd.DataFrame = field(default_factory=pd.DataFrame)
    disclosed: pd.DataFrame = field(default_factory=pd.DataFrame)
    revenue: float = float("nan")
    margin: float = float("nan")
    fixed_costs: float = float("nan")
    cover: float = float("nan")
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class ListHistory:
    """The key accounts of the period beside those of the equally long span before it (domain S5).

    `reason`: why nothing is compared (code), else None. `overlap`: accounts in both sets as a share of those in either.
    `changes`: account_id, name, change (entered | left), before, now (the basis). `transitions`: class_before (A | B | C |
    none), and the number of accounts that are A, B, C, none now. `chance_low`, `chance_high`: where the overlap lies in
    nine of ten cases if nothing has changed, `within_chance` whether it does; missing where the data only describe.
    `n_fallen` of the key accounts before have at least 20 % less now; of as many, chance alone would leave `fallen_low` to
    `fallen_high`. `kept`, accounts of an earlier set that hysteresis over `n_years` would keep: account_id, name.
    """

    reason: str | None = None
    before: Period | None = None
    n_before: int = 0
    n_now: int = 0
    n_both: int = 0
    overlap: float = float("nan")
    chance_low: float = float("nan")
    chance_high: float = float("nan")
    within_chance: bool | None = None
    changes: pd.DataFrame = field(default_factory=pd.DataFrame)
    transitions: pd.DataFrame = field(default_factory=pd.DataFrame)
    kendall: float = float("nan")
    rank_biased_overlap: float = float("nan")
    n_fallen: int = 0
    fallen_low: int | None = None
    fallen_high: int | None = None
    n_years: int = 0
    kept: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class KeyAccounts:
    """Step 2: who the key accounts are, what they are worth, what hangs on them, and how firm their list is.

    `membership`: account_id, membership_probability (share of bootstrap draws in the set; missing where the data are
    not dated by month or finer, or too few for statistics). `tiers`: account_id, tier, proposed_tier (the one without
    decisions). `decided`, the latest decision of each account and subject: account_id, subject, decision, status
    (confirmed | unconfirmed | expired).
    """

    pareto: Pareto
    concentration: Concentration
    membership: pd.DataFrame
    tiers: pd.DataFrame
    consolidation: Consolidation = field(default_factory=Consolidation)
    capacity: ManagedCapacity = field(default_factory=ManagedCapacity)
    value: CustomerValue = field(default_factory=CustomerValue)
    exposure: Exposure = field(default_factory=Exposure)
    history: ListHistory = field(default_factory=ListHistory)
    decided: pd.DataFrame = field(default_factory=lambda: no_decisions("account_id", "subject", "decision", "status"))


def no_decisions(*columns: str) -> pd.DataFrame:
    """A frame of texts without rows."""
    return pd.DataFrame({column: pd.Series(dtype="string") for column in columns})


@dataclass(frozen=True)
class Said:
    """An answer of somebody at the client: question (code of `templates/rules/questions.yml`), answer (yes | partly | no), the
    role of who gave it, and when."""

    question: str
    answer: str
    said_by: str
    date: dt.date | None = None


@dataclass(frozen=True)
class ExistenceTest:
    """One condition of the source text, tested: its outcome, the figures behind it, what is missing for it.

    `said`: the answers on it. `self_reported`: the outcome rests on them, since no table speaks of it. `contradicted`: the
    tables decide, and the answers say something else. `incomplete`: questions on it answered without a role, `disputed`:
    questions answered differently by several people; neither counts.
    """

    test: str
    answer: Answer
    values: Mapping[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    said: tuple[Said, ...] = ()
    self_reported: bool = False
    contradicted: bool = False
    incomplete: tuple[str, ...] = ()
    disputed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Existence:
    """Whether the client's key account management is real (domain S6).

    `self_reported`: without people's answers there would be no verdict; `n_self_reported`: how many deciding conditions
    rest on them. `programme`: whether anybody is called a key account at all, as a test of its own.
    """

    verdict: Verdict
    tests: tuple[ExistenceTest, ...]
    self_reported: bool = False
    n_self_reported: int = 0
    programme: ExistenceTest | None = None


@dataclass(frozen=True)
class TypeAgreement:
    """Proposed KAM types against the labels of people: n accounts with a label, of which a comparison needs `fewest`.

    Where there are fewer, nothing else is given. `table`: label, kam_type (the proposal), n. `n_same` of n agree, that
    is `accuracy` with its 95 % interval; `baseline`, if all were given the most frequent label, `baseline_type`.
    """

    n: int = 0
    fewest: int = 0
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    n_same: int = 0
    accuracy: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    baseline: float | None = None
    baseline_type: str = ""


@dataclass(frozen=True)
class KamTypes:
    """Step 3: of which type the accounts are, and whether they are treated as they are called.

    `table`: account_id, kam_type, kam_type_margin, inherited (boolean), kam_status, status_reason (code of
    `kam_status_reason`), status_values (mapping for its sentence: privileges, budget, beside, in_circle).
    `intensity`: account_id, intensity (0–1), coverage, stage, missing (tuple of table.column), and the score of each
    dimension of `rules/intensity.yml` (0–1); intensity and stage are missing where less than half of the weight is known.
    `evidence`: account_id, block (supplier_industry | account_industry | product_category | pattern), kam_type,
    points, reason (code of the catalogues: `type_reason.<reason>` in a few words, `type_sentence.<reason>` filled with
    the row), detail (what was seen, as the client writes it), value (the share of revenue or the figure behind it,
    where there is one), division (NACE). Rows with 0 points say why something is no evidence.
    `source_label`: the three-way label of the source text, consumer | technical | pseudo | service | unclear.
    `table` also carries kam_type_coverage: the share of the four blocks that can speak about the account.
    `sources`: block, n_covered (accounts about which it can speak), n_speaking (accounts for which it gives points),
    missing (tuple of table.column). `programme_missing`: what would settle the programme's type where it is unclear.
    `agreement`: the types against those that sales management decided for.
    """

    programme_type: KamType
    source_label: str
    existence: Existence
    table: pd.DataFrame
    evidence: pd.DataFrame
    intensity: pd.DataFrame = field(default_factory=pd.DataFrame)
    sources: pd.DataFrame = field(default_factory=pd.DataFrame)
    programme_missing: tuple[str, ...] = ()
    agreement: TypeAgreement = field(default_factory=TypeAgreement)


@dataclass(frozen=True)
class Portfolio:
    """Where the key accounts stand on every matrix that can be assessed; matrices are never averaged.

    `main`: the one of the main part, empty where none can be assessed.
    `models`: model, assessable, n (key accounts with a place), x_unit and y_unit (percent | change | money | score),
    x_cut and y_cut, x_cut_kind and y_cut_kind (fixed | median), x_close and y_close (boolean: the key accounts hardly differ
    there), source, evidence, missing (tuple of table.column).
    `positions`: model, account_id, x, y, x_low, x_high, y_low, y_high (range over random weightings, missing where an axis has
    one figure), quadrant (high_high | high_low | low_high | low_low, x before y), quadrant_share (of the weightings that
    leave the account in its field).
    `profile`, every key account: account_id, price_level (as a share of the usual price, missing where it is not known),
    missing (tuple of table.column: what the account lacks for a place on the main matrix, or, where none can be assessed, on
    the one that comes nearest to it; empty where it has a place there).
    `raters`, who rated what an axis uses: item, rated_by_role, n.
    `notes`: codes of what is to be told about the figures (`portfolio_note.<code>`).
    """

    main: str = ""
    models: pd.DataFrame = field(default_factory=pd.DataFrame)
    positions: pd.DataFrame = field(default_factory=pd.DataFrame)
    profile: pd.DataFrame = field(default_factory=pd.DataFrame)
    raters: pd.DataFrame = field(default_factory=pd.DataFrame)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Allocation:
    """How the budget and the time for key accounts are spread today, and how they would be in proportion to margin.

    `table`: kind (budget: money a year | time: share of contacts), account_id, today, optimum (without the cap), proposed,
    change (proposed ÷ today − 1), limited (boolean: the cap holds it back).
    `totals`: kind, total, unallocated (what the cap leaves over of the total), n, n_without (key accounts left as they are,
    since their margin or today's share is not known or is zero), missing (tuple of table.column, where not assessable).
    `uses_growth`: whether the room for growth counts, because every account's demand is known.
    """

    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    totals: pd.DataFrame = field(default_factory=pd.DataFrame)
    uses_growth: bool = False


@dataclass(frozen=True)
class Investment:
    """What key account management costs and what it is about; money a year, revenue and margin never added up.

    `cost_today` and where it comes from (`cost_today_from`: budgets | people), `cost_planned` (people for the managed
    accounts, or the budget that is split; `cost_planned_from`: hours | budgets). At risk: revenue and margin of the key
    accounts at high risk, low is the part of the next months alone, high adds those at raised risk. Potential: expected
    revenue and margin of open white spots with the quartiles of what buyers spend. `margin_rate`: of all key accounts.
    `break_even_cost`, the cost to be earned back, and of what (`break_even_on`: additional | total | ""); the additional
    revenue that would pay it, and the share of the margin at risk that would have to be kept. None is not assessable or
    undefined; `missing` names what would tell (table.column, figures.code).
    """

    cost_today: float | None = None
    cost_today_from: str = ""
    cost_planned: float | None = None
    cost_planned_from: str = ""
    n_managed: int = 0
    n_at_risk: int = 0
    revenue_at_risk: float | None = None
    revenue_at_risk_low: float | None = None
    revenue_at_risk_high: float | None = None
    margin_at_risk: float | None = None
    margin_at_risk_low: float | None = None
    margin_at_risk_high: float | None = None
    n_potential: int = 0
    potential_revenue: float | None = None
    potential_revenue_low: float | None = None
    potential_revenue_high: float | None = None
    potential_margin: float | None = None
    potential_margin_low: float | None = None
    potential_margin_high: float | None = None
    margin_rate: float | None = None
    break_even_on: str = ""
    break_even_cost: float | None = None
    break_even_revenue: float | None = None
    break_even_share: float | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class BufferStudy:
    """Whether trust buffered what went wrong (domain §2.3): volume after a shock against accounts without one.

    `shocks`, by month: account_id, month (first day), kind (price_rise | complaint | late_delivery), size (of a price rise
    the share, else missing), volume_after (the six months after as a share of the same months of the year before, else of
    the six months before; at most 2), matched (the mean of that over accounts of the same size quarter without a shock
    around that month), n_matched, buffer (volume_after − matched; missing with too few matched), relationship (score
    0–1 known before the shock), group (high | low, at the median; missing without buffer).
    `measured_by`: quantity (at constant prices) | revenue. `reason`: why there is no study (code of `buffer`), with what
    is `missing` (table.column); None where there is one. `high`, `low`: mean buffer of either group (`n_high`, `n_low`);
    `difference` with its 95 % interval (bootstrap by account); the `placebo` values: the same at months without a shock;
    `excess`: difference − placebo. `holds`: the lower limits of difference and of excess lie above zero; None where
    there are too few shocks to say (less than 20, convention).
    """

    shocks: pd.DataFrame = field(default_factory=pd.DataFrame)
    measured_by: str = ""
    reason: str | None = None
    missing: tuple[str, ...] = ()
    n_high: int = 0
    n_low: int = 0
    high: float = float("nan")
    low: float = float("nan")
    difference: float = float("nan")
    difference_low: float = float("nan")
    difference_high: float = float("nan")
    n_placebo: int = 0
    placebo: float = float("nan")
    placebo_low: float = float("nan")
    placebo_high: float = float("nan")
    excess_low: float = float("nan")
    excess_high: float = float("nan")
    holds: bool | None = None


@dataclass(frozen=True)
class StrategyOptions:
    """Step 4: six options per account, the alarm beside them, one recommendation, and what to do on Monday.

    `options`, accounts × six: account_id, option, score, coverage, gate, rank, missing (tuple of table.column),
    evidence (code), values (mapping for the sentence), action, counter (what speaks against what was found; missing where
    nothing does), precondition (what to settle first) and risk (of the option itself): codes.
    `indicators`: account_id, option, indicator, value, anchored, percentile, weight.
    `account_risk`: account_id, risk_score, eligible, days_since_last, own_interval_days, revenue_change,
    revenue_at_risk, level (red | amber | green), evidence (code), values, p_alive and p_silent (BG/NBD; missing for
    accounts with one order, under contract, or where no model can be fitted).
    `cross_selling`, up to ten items never bought per account, by likelihood: account_id, category, rank, score,
    expected_revenue with expected_low and expected_high, expected_margin (of the next twelve months), gate, peers_buying,
    peers, penetration, confidence, usual_revenue (a year's usual spend of a buyer of that size), evidence and counter (codes:
    what speaks for and against it), values.
    `recommendations`, every account: account_id, recommended_option, supporting_option, avoid (code), reason (code),
    rule, options_assessed (0–6), close_call, first_step, question, role (codes), action (how the option is carried out),
    close_by (weights, or the condition whose threshold is near; missing where it is no close call), values.
    `actions`: at most ten lines, by € at stake, those without an amount last, by revenue: rank, account_id, option, trigger,
    first_step, question, role, stop_criterion (codes), due_date, at_stake, at_stake_low, at_stake_high, values, stake (what
    the amount is: revenue_at_risk | expected_revenue | negative_margin | open, where there is none).
    `backtests`: task, cut_off (missing: several put together), population, n, events, metric (or not_testable, with the
    code of the reason), value, ci_low, ci_high, baseline, baseline_value, p_value (against chance; on the tested row only),
    p_holm (over all tests of the run), claims (the task's test holds), beats_baselines (the value is above those of all),
    reason, months (of the window after the cut-off).
    `methods`: what was used and why, as codes of the catalogues with values.
    `portfolio`, `allocation`, `investment`: where key accounts stand, how means are spread over them, what it costs and brings.
    `buffer`: how volume held after price rises and severe complaints.
    `conditions`, what the gates of alliance and partnership hang on, every account: account_id, option, condition (code of
    `condition`), met (boolean, missing where not known), missing (tuple of table.column).
    `takeover`, confidential, every key account: account_id, our_dependence, their_dependence (raw shares), mutual, imbalance (of
    the scaled pair), direction (towards | against | unknown: what mutual dependence and imbalance speak for), industry,
    industry_level (class: 4 digits | group: 3 | division: 2; missing without an industry), n_competitors (other accounts of
    that industry), revenue_questioned (their revenue of the period, which a deal with this account would put in question),
    share_questioned (of all revenue). `takeover_sensitivity`: account_id, assumption (code of `takeover_assumption`), score
    (0–1), exposed (boolean).
    `pilots`, per recommended option with at least two key accounts: option, n_accounts, n_pilot, n_hold_out,
    n_compared (of the pilot, those not at high risk), measure
    (revenue_change | first_purchases), start (day), months, detectable (the smallest difference seen with 80 % power: a share
    of revenue, or first purchases per account; missing where history cannot say), enough (boolean). `pilot_accounts`: option,
    account_id, arm (pilot | hold_out), forced (boolean: at high risk, so never held out).
    `whitespace`, key accounts × items: account_id, kind (category | product), item, name, status (bought | lapsed | never |
    partner | not_relevant), revenue (last 12 months), last_bought, revenue_then (a lapsed item's last year), peers_buying,
    peers, penetration, expected_revenue, expected_margin, evidence (code), values; products only where they lapsed or most peers buy them.
    `sites`, key accounts with at least two buying sites (delivery sites, else companies), sites × what the account buys:
    account_id, customer_id, site, name, item, item_name, status (bought | lapsed | never), revenue (last 12 months),
    last_bought, buyer and buyer_revenue (the site that buys most of it), expected_revenue, expected_low, expected_high.
    `risk_signs`, what stands beside the score of account risk and never enters it: account_id, sign, side (for | against),
    value, before (missing where there is nothing to compare), values (for the sentence `risk_sign.<sign>`). `reliability`, the
    latest cut-off that can be tested: task, cut_off, bin, n, predicted, observed, observed_low, observed_high, holds. Only where
    it holds for a task does `account_risk` carry chance_stop or chance_fall (no order, or half of the 12-month mean at most,
    in the next window), for key accounts by revenue; else they are missing.
    """

    options: pd.DataFrame
    indicators: pd.DataFrame
    account_risk: pd.DataFrame
    cross_selling: pd.DataFrame
    recommendations: pd.DataFrame
    actions: pd.DataFrame
    backtests: pd.DataFrame
    methods: tuple[Finding, ...] = ()
    portfolio: Portfolio = field(default_factory=Portfolio)
    allocation: Allocation = field(default_factory=Allocation)
    investment: Investment = field(default_factory=Investment)
    buffer: BufferStudy = field(default_factory=BufferStudy)
    conditions: pd.DataFrame = field(default_factory=pd.DataFrame)
    takeover: pd.DataFrame = field(default_factory=pd.DataFrame)
    takeover_sensitivity: pd.DataFrame = field(default_factory=pd.DataFrame)
    pilots: pd.DataFrame = field(default_factory=pd.DataFrame)
    pilot_accounts: pd.DataFrame = field(default_factory=pd.DataFrame)
    whitespace: pd.DataFrame = field(default_factory=pd.DataFrame)
    sites: pd.DataFrame = field(default_factory=pd.DataFrame)
    risk_signs: pd.DataFrame = field(default_factory=pd.DataFrame)
    reliability: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class HitRate:
    """How often model and people were right about key accounts (domain S13): over `n` decisions, and where they differed.
    `testable`: from 20 decisions on; `p_value`: sign test where they differed, None where not testable."""

    n: int
    people_right: int
    model_right: int
    n_differ: int
    people_right_differ: int
    model_right_differ: int
    testable: bool
    p_value: float | None


@dataclass(frozen=True)
class DecisionLog:
    """Decisions beside proposals (domain S13).

    `table`, every decision that was the latest on its account and subject, and every candidate still open, by rank:
    account_id (missing for a wanted account), name, new_account, subject (key_account | tier | kam_type | option),
    revenue, share, rank, proposal, score, coverage (of the proposal, where there are), decision, status (confirmed |
    unconfirmed | expired | open), reason_code, reason, decided_by, consulted, opinion, date, valid_until, taken_on (the
    snapshot the decision was taken on), snapshot (of now), moved (missing where one of them is unknown), is_override
    (missing without a proposal, open or expired), direction (added | removed | raised | lowered | other), size (share of
    revenue that an override concerns).
    `overrides`: subject, n, n_overrides, rate, added, removed, raised, lowered, other, size, mean_size.
    `conflicts`: account_id, name, subject, decision, in_favour, against (names), reasons.
    `named`, accounts that field sales miss: account_id, new_account, name, revenue, reason, named_by, date.
    `consultation`: unit (region, else field rep), n_key, n_decided, n_consulted, share.
    `cases`: account_id, name, date, decision, model, truth (yes | no).
    """

    table: pd.DataFrame
    overrides: pd.DataFrame
    conflicts: pd.DataFrame
    named: pd.DataFrame
    consultation: pd.DataFrame
    cases: pd.DataFrame
    hits: HitRate
