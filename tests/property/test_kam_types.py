"""What always holds of KAM types and of the existence check, whatever a client sends."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from kamkit.analysis.existence import check_existence, measured_intensity
from kamkit.analysis.kam_evidence import text_reader
from kamkit.analysis.kam_types import _decide, classify_accounts
from kamkit.model.codes import Basis, Grain, KamStatus, KamType, Level, Verdict
from kamkit.model.engagement import Period, SupplierIndustry
from kamkit.model.industry_codes import read_code
from kamkit.model.kam_type_rules import TYPES, Block, load_kam_type_rules
from kamkit.model.results import AccountFacts, Concentration, Existence, KeyAccounts, Pareto
from kamkit.model.words import WordIndex, plain, word_pattern

RULES = load_kam_type_rules()
IDS = [f"K{n}" for n in range(8)]
CODES = [None, "47.11", "28", "81", "46", "70.1", "44", "Handel", "C28", "0", "999999999"]
TEXTS = [None, "", "Maschinenbau", "Einzelhandel", "IT-Dienstleister", "Ⅷ ∞ ½", "x"]
CATEGORIES = ["Ersatzteile", "Getränke", "Pumpen", "???"]
PRIVILEGES = ["Sonderpreis", "Newsletter", "Xyz"]

maybe = st.sampled_from
amounts = st.floats(-1e6, 1e7, allow_nan=False)


@st.composite
def portfolios(draw: Any) -> AccountFacts:
    n = draw(st.integers(0, len(IDS)))
    ids = IDS[:n]

    def column(values: st.SearchStrategy[Any], dtype: str = "string") -> pd.Series[Any]:
        return pd.Series(draw(st.lists(values, min_size=n, max_size=n)), dtype=dtype)

    share = st.none() | st.floats(0, 1)
    accounts = pd.DataFrame({"account_id": pd.Series(ids, dtype="string"), "name": pd.Series(ids, dtype="string")})
    accounts["revenue"] = column(amounts, "float64")
    accounts["first_date"] = pd.Timestamp("2024-01-02")
    for name, values in (
        ("industry_code", CODES),
        ("industry_text", TEXTS),
        ("channel", TEXTS),
        ("customer_class", TEXTS),
    ):
        accounts[name] = column(maybe(values))
    accounts["industry_version"] = column(maybe([None, "nace2", "nace2.1"]))
    accounts["region"], accounts["field_rep"] = column(maybe([None, "Nord", "Süd"])), column(maybe([None, "R1"]))
    accounts["key_label"] = column(maybe([None, True, False]), "boolean")
    accounts["contract_share"], accounts["project_share"] = column(share, "float64"), column(share, "float64")
    account = maybe(ids or ["-"])
    bought = draw(st.lists(st.tuples(account, maybe(CATEGORIES), st.floats(0.01, 1e6)), max_size=12 if n else 0))
    purchases = pd.DataFrame(
        [(a, a, item, pd.Timestamp("2025-06-02"), revenue, None, None) for a, item, revenue in bought],
        columns=["account_id", "customer_id", "item", "date", "revenue", "margin", "quantity"],
    )
    months = [
        (a, pd.Timestamp(2025, month, 1), revenue, None, 1)
        for a in ids
        for month, revenue in enumerate(draw(st.lists(amounts, min_size=12, max_size=12)), start=1)
    ]
    tables = {"decisions": pd.DataFrame(columns=["account_id", "subject", "decision"])}
    if draw(st.booleans()):
        rows = draw(st.lists(st.tuples(account, maybe(PRIVILEGES)), max_size=8))
        tables["privileges"] = pd.DataFrame(rows, columns=["account_id", "type"]).assign(customer_id="x")
    if draw(st.booleans()):
        segment = maybe([None, "Key Account", "Nord"])
        rows = draw(st.lists(st.tuples(st.none() | account, segment, st.none() | st.floats(0, 1e6)), max_size=8))
        budgets = pd.DataFrame(rows, columns=["account_id", "segment", "plan"]).assign(year=2025)
        tables["budgets"] = budgets.astype({"plan": "float64"})
    if draw(st.booleans()):
        field = st.tuples(maybe(["Außendienst", "KAM"]), maybe([None, "Nord"]), maybe([None, 1e6]), maybe([None, *IDS]))
        columns = ["role", "region", "revenue_target", "priority_customer_id"]
        tables["sales_organisation"] = pd.DataFrame(draw(st.lists(field, max_size=4)), columns=columns)
    if draw(st.booleans()):
        said = draw(st.dictionaries(maybe(list(RULES.questions)), maybe(["yes", "partly", "no"])))
        tables["organisation"] = pd.DataFrame(
            [(question, answer, draw(maybe(["Leitung", None])), pd.NaT) for question, answer in said.items()],
            columns=["question", "answer", "said_by", "date"],
        ).astype({"date": "datetime64[us]"})
    return AccountFacts(
        period=Period(start=dt.date(2025, 1, 1), end=dt.date(2025, 12, 31)),
        history_start=dt.date(2024, 1, 2),
        grain=draw(maybe(list(Grain))),
        level=Level.GROUP,
        item_kind="category",
        accounts=accounts,
        months=pd.DataFrame(months, columns=["account_id", "month", "revenue", "margin", "n_invoices"]),
        orders=pd.DataFrame({"account_id": ids, "date": pd.Timestamp("2025-03-03"), "revenue": 1.0}),
        purchases=purchases.astype({"date": "datetime64[us]", "revenue": "float64"}),
        product_purchases=pd.DataFrame(),
        items=pd.DataFrame({"item": CATEGORIES, "name": CATEGORIES, "category": CATEGORIES, "revenue": 0.0}),
        members=pd.DataFrame({"customer_id": ids, "account_id": ids}),
        tables=tables,
    )


suppliers = st.none() | st.sampled_from(["28", "10", "81", "47", "44", "x"]).map(
    lambda code: SupplierIndustry(code=code)
)


def key_accounts(facts: AccountFacts) -> KeyAccounts:
    ids = facts.accounts["account_id"]
    pareto = Pareto(
        pd.DataFrame({"account_id": ids, "is_key_account": ids.isin(IDS[:2])}),
        Basis.REVENUE,
        0.8,
        0,
        0,
        0,
        0,
        0,
        0,
        {},
        {},
    )
    return KeyAccounts(pareto, Concentration(0, 0, 0, 0, 0, 0, 0, 0, pd.DataFrame()), pd.DataFrame(), pd.DataFrame())


@given(portfolios(), suppliers)
@settings(max_examples=25, deadline=None)
def test_every_account_has_one_type_one_status_and_a_reason(
    facts: AccountFacts, supplier: SupplierIndustry | None
) -> None:
    found = classify_accounts(facts, key_accounts(facts), supplier, RULES)
    table, evidence = found.table, found.evidence
    assert table["account_id"].tolist() == facts.accounts["account_id"].tolist()
    assert set(table["kam_type"]) <= {str(kind) for kind in KamType}
    assert set(table["kam_status"]) <= {str(status) for status in KamStatus}
    assert (table["kam_type_margin"] >= 0).all()
    assert set(evidence["account_id"]) == set(table["account_id"])
    sums = evidence.groupby(["account_id", "block", "kam_type"])["points"].sum().reset_index()
    assert all(row.points <= RULES.most_points[Block(row.block)] for row in sums.itertuples())
    assert (table.loc[table["inherited"], "kam_type"] == str(found.programme_type)).all()
    assert (table.loc[table["kam_type"] == "unclear", "kam_type_margin"] == 0).all()


@given(portfolios(), suppliers, st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_the_order_of_rows_changes_nothing(facts: AccountFacts, supplier: SupplierIndustry | None, random: Any) -> None:
    def shuffled(frame: pd.DataFrame) -> pd.DataFrame:
        order = list(range(len(frame)))
        random.shuffle(order)
        return frame.iloc[order].reset_index(drop=True)

    frames = ("accounts", "months", "orders", "purchases", "items", "members")
    other = dataclasses.replace(
        facts,
        **{name: shuffled(getattr(facts, name)) for name in frames},
        tables={name: shuffled(table) for name, table in facts.tables.items()},
    )
    one, two = (classify_accounts(f, key_accounts(f), supplier, RULES) for f in (facts, other))
    assert (one.programme_type, one.source_label, one.existence.verdict) == (
        two.programme_type,
        two.source_label,
        two.existence.verdict,
    )
    key = ["account_id", "block", "kam_type", "points", "reason", "detail"]
    for left, right, by in ((one.table, two.table, ["account_id"]), (one.evidence, two.evidence, key)):
        sides = [frame.sort_values(by, na_position="last").reset_index(drop=True) for frame in (left, right)]
        pd.testing.assert_frame_equal(*sides, rtol=1e-9)


def existence_of(facts: AccountFacts) -> Existence:
    return check_existence(facts, key_accounts(facts), RULES, measured_intensity(facts, RULES))


@given(portfolios())
@settings(max_examples=25, deadline=None)
def test_leaving_out_a_table_or_an_answer_never_makes_another_verdict(facts: AccountFacts) -> None:
    """Whatever is left out; a table only where the answers that then count do not contradict it."""
    found = existence_of(facts)
    agreed = not any(test.contradicted for test in (*found.tests, found.programme) if test)
    tables = dict(facts.tables)
    answers = tables.get("organisation", pd.DataFrame())
    fewer = [tables | {"organisation": answers.drop(index=row)} for row in answers.index]
    fewer += [{n: t for n, t in tables.items() if n != name} for name in tables if agreed or name == "organisation"]
    for less in fewer:
        assert existence_of(dataclasses.replace(facts, tables=less)).verdict in (found.verdict, Verdict.NOT_ASSESSABLE)
    if found.self_reported:
        without = {name: table for name, table in tables.items() if name != "organisation"}
        assert existence_of(dataclasses.replace(facts, tables=without)).verdict == Verdict.NOT_ASSESSABLE


def test_the_classifier_is_total_over_points_and_programmes() -> None:
    """Every programme with every combination of own points gives exactly the type that the rule in words gives."""
    points = list(itertools.product(range(9), repeat=3))
    own = pd.DataFrame(points, columns=[str(kind) for kind in TYPES], index=[str(p) for p in points])
    for programme in KamType:
        for stated in (0, 1, 2) if programme in TYPES else (0,):
            table = _decide(own, programme, stated, RULES)
            assert table["kam_type"].tolist() == [_in_words(p, programme, stated) for p in points]
            margins = [
                _lead(np.add(p, [stated * (kind == programme) for kind in TYPES]), kind)
                for p, kind in zip(points, table["kam_type"], strict=True)
            ]
            assert table["kam_type_margin"].tolist() == margins


def _in_words(own: tuple[int, ...], programme: KamType, stated: int) -> str:
    """The programme's type, unless one other type has at least one point more than it and than every further one."""
    home = own[TYPES.index(programme)] + stated if programme in TYPES else 0
    others = {str(kind): n for kind, n in zip(TYPES, own, strict=True) if kind != programme}
    best = max(others.values())
    if best < home + 1:
        return str(programme)
    leaders = [kind for kind, n in others.items() if n == best]
    return leaders[0] if len(leaders) == 1 else "unclear"


def _lead(totals: Any, kind: str) -> int:
    if kind == "unclear":
        return 0
    at = [str(k) for k in TYPES].index(kind)
    return max(int(totals[at] - max(n for i, n in enumerate(totals) if i != at)), 0)


LETTERS = "abä -*"
LISTS = [words for rule in RULES.industry_words for words in (rule.words, rule.along_with)]
LISTS += [rule.words for rule in RULES.category_words]
ONE_BY_ONE = [word_pattern(words) for words in LISTS]
PIECES = sorted({piece for words in LISTS for word in words for piece in word.replace("*", " ").split()})
INDEX = WordIndex(LISTS)


def one_by_one(patterns: list[Any], text: str) -> set[int]:
    return {number for number, pattern in enumerate(patterns) if pattern.search(plain(text))}


@given(st.lists(st.lists(st.text(LETTERS, min_size=1, max_size=6), max_size=4), max_size=4), st.text(LETTERS))
@settings(max_examples=300, deadline=None)
def test_an_index_of_word_lists_finds_what_the_lists_find_one_by_one(lists: list[list[str]], text: str) -> None:
    assert WordIndex(lists).lists_in(plain(text)) == one_by_one([word_pattern(words) for words in lists], text)


@given(st.lists(st.sampled_from(PIECES) | st.text("abcdeilnrst", min_size=1, max_size=8), max_size=6), st.data())
@settings(max_examples=300, deadline=None)
def test_the_index_of_the_rules_finds_what_their_lists_find_one_by_one(words: list[str], data: Any) -> None:
    text = "".join(word + data.draw(st.sampled_from(["", " ", "-"])) for word in words)
    assert INDEX.lists_in(plain(text)) == one_by_one(ONE_BY_ONE, text)


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_read(text: str) -> None:
    found = text_reader(RULES, "industry_text")(text) or read_code(text, None, "account", RULES)
    assert found is None or found.points <= 2
