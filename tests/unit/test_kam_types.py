"""The type of key account management: hand-sized portfolios whose points can be added up by hand."""

from __future__ import annotations

import copy
import csv
import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kamkit.analysis.kam_evidence import text_reader
from kamkit.analysis.kam_types import classify_accounts
from kamkit.model.codes import Basis, Grain, KamType, Level, Verdict
from kamkit.model.engagement import Period, SupplierIndustry
from kamkit.model.industry_codes import Edition, edition_of, read_code
from kamkit.model.kam_type_rules import KamTypeRules, load_kam_type_rules
from kamkit.model.results import AccountFacts, Concentration, KamTypes, KeyAccounts, Pareto
from kamkit.telling.language import Labels, catalogue

PERIOD = Period(start=dt.date(2025, 1, 1), end=dt.date(2025, 12, 31))
MACHINERY = SupplierIndustry(code="28")
FOOD = SupplierIndustry(code="11.07")
FACILITIES = SupplierIndustry(code="81")
BRANCHES = Path(__file__).parent / "data" / "branch_descriptions.csv"
CATEGORIES = Path(__file__).parent / "data" / "product_categories.csv"
LABELLED = Path(__file__).parent / "data" / "labelled_branch_texts.csv"
HELD_OUT = LABELLED.with_name("held_out_branch_texts.csv")
TITLES = Path(__file__).parent / "data" / "branch_titles.csv"


@pytest.fixture(scope="module")
def rules() -> KamTypeRules:
    return load_kam_type_rules()


def accounts_of(*rows: dict[str, Any]) -> pd.DataFrame:
    """Accounts A, B, … of 1,000 each with what a test wants to say about them, everything else unknown."""
    text = [
        "region",
        "field_rep",
        "kam_owner",
        "industry_code",
        "industry_version",
        "industry_text",
        "channel",
        "customer_class",
        "country",
    ]
    unknown = dict.fromkeys([*text, "key_label", "wallet", "contract_share", "project_share", "revenue_prior"])
    frame = pd.DataFrame(
        [
            {"account_id": chr(65 + n), "name": f"Kunde {chr(65 + n)}", "revenue": 1000.0, "in_period": True}
            | {"first_date": pd.Timestamp("2023-01-02"), "last_date": pd.Timestamp("2025-12-30"), "n_invoices": 12}
            | unknown
            | row
            for n, row in enumerate(rows)
        ]
    )
    numbers = ["wallet", "contract_share", "project_share", "revenue_prior"]
    kinds = dict.fromkeys(["account_id", "name", *text], "string") | dict.fromkeys(numbers, "float64")
    return frame.astype(kinds | {"key_label": "boolean"})


def facts_of(
    accounts: pd.DataFrame,
    bought: dict[str, dict[str, float]] | None = None,
    months: dict[str, list[float]] | None = None,
    orders: list[tuple[str, str, float]] = (),
    invoices: int = 1,
    grain: Grain = Grain.DAY,
    history_start: dt.date = dt.date(2023, 1, 2),
    **tables: pd.DataFrame,
) -> AccountFacts:
    """Facts with purchases by category (account → category → revenue) and the twelve months of 2025."""
    purchases = [
        (account, account, item, pd.Timestamp("2025-06-02"), revenue, None, None)
        for account, items in (bought or {}).items()
        for item, revenue in items.items()
    ]
    names = sorted({row[2] for row in purchases})
    by_month = [
        (account, pd.Timestamp(2025, n + 1, 1), revenue, None, invoices if revenue else 0)
        for account, revenues in (months or {}).items()
        for n, revenue in enumerate(revenues)
    ]
    dated = pd.DataFrame(list(orders), columns=["account_id", "date", "revenue"])
    ids = accounts["account_id"]
    return AccountFacts(
        period=PERIOD,
        history_start=history_start,
        grain=grain,
        level=Level.GROUP,
        item_kind="category" if names else None,
        accounts=accounts,
        months=pd.DataFrame(by_month, columns=["account_id", "month", "revenue", "margin", "n_invoices"]).astype(
            {"month": "datetime64[us]", "revenue": "float64", "n_invoices": "int64"}
        ),
        orders=dated.assign(date=pd.to_datetime(dated["date"])),
        purchases=pd.DataFrame(
            purchases, columns=["account_id", "customer_id", "item", "date", "revenue", "margin", "quantity"]
        ).astype({"date": "datetime64[us]", "revenue": "float64"}),
        product_purchases=pd.DataFrame(),
        items=pd.DataFrame({"item": names, "name": names, "category": names, "revenue": 0.0}).astype(
            {"name": "string"}
        ),
        members=pd.DataFrame({"customer_id": ids, "account_id": ids, "name": accounts["name"], "revenue": 0.0}),
        tables={"decisions": pd.DataFrame(columns=["account_id", "subject", "decision"])} | tables,
    )


def key_accounts_of(accounts: pd.DataFrame, *keys: str) -> KeyAccounts:
    ids = accounts["account_id"]
    table = pd.DataFrame({"account_id": ids, "is_key_account": ids.isin(keys)})
    pareto = Pareto(table, Basis.REVENUE, 0.8, len(ids), len(ids), len(keys), 0.8, 1.0, 1.0, {}, {})
    flat = Concentration(0, 0, 0, 0, 0, 0, 0, 0, pd.DataFrame())
    return KeyAccounts(pareto, flat, pd.DataFrame(), pd.DataFrame())


def classify(facts: AccountFacts, supplier: SupplierIndustry | None, rules: KamTypeRules) -> KamTypes:
    before = copy.deepcopy(facts)
    found = classify_accounts(facts, key_accounts_of(facts.accounts), supplier, rules)
    for name in ("accounts", "months", "orders", "purchases", "items", "members"):
        pd.testing.assert_frame_equal(getattr(facts, name), getattr(before, name))
    return found


def types(found: KamTypes) -> list[tuple[str, int, bool]]:
    table = found.table
    return list(zip(table["kam_type"], table["kam_type_margin"].tolist(), table["inherited"].tolist(), strict=True))


def said(found: KamTypes, account_id: str) -> list[tuple[str, str, int, str]]:
    rows = found.evidence[found.evidence["account_id"] == account_id]
    return list(zip(rows["block"], rows["kam_type"], rows["points"].tolist(), rows["reason"], strict=True))


def test_accounts_inherit_unless_their_own_evidence_is_strong(rules: KamTypeRules) -> None:
    accounts = accounts_of(
        {},  # nothing known: 2 technical from the client
        {"industry_code": "29.32"},  # 2 + 2 technical
        {"industry_code": "47.11"},  # 2 technical, 2 consumer: no lead, inherits at margin 0
        {"industry_code": "47.11"},  # + 3 consumer from what it buys: 5 against 2
        {"industry_text": "IT-Dienstleister", "contract_share": 0.7},  # 2 + 3 service: 5 against 2
    )
    facts = facts_of(accounts, bought={"D": {"Spielwaren": 900.0, "Sonstiges": 100.0}})
    found = classify(facts, MACHINERY, rules)
    expected = pd.DataFrame(
        {
            "account_id": pd.Series(list("ABCDE"), dtype="string"),
            "kam_type": pd.Series(["technical", "technical", "technical", "consumer", "service"], dtype="string"),
            "kam_type_margin": [2, 4, 0, 3, 3],
            "inherited": [True, True, True, False, False],
            "kam_status": pd.Series(["not_assessable"] * 5, dtype="string"),
            "kam_type_coverage": [0.25, 0.5, 0.5, 0.75, 0.75],  # of the four blocks, those that can speak
        }
    )
    pd.testing.assert_frame_equal(found.table.drop(columns=["status_reason", "status_values"]), expected)
    assert (found.programme_type, found.source_label) == (KamType.TECHNICAL, "technical")
    assert said(found, "D") == [
        ("supplier_industry", "technical", 2, "supplier_industry"),
        ("account_industry", "consumer", 2, "account_industry"),
        ("product_category", "consumer", 3, "product_category"),
    ]


def test_the_reasons_say_what_was_seen_as_the_client_wrote_it(rules: KamTypeRules) -> None:
    facts = facts_of(
        accounts_of({"industry_code": "G47.11"}), bought={"A": {"Ersatzteile": 700.0, "Wartung": 200.0, "?": 100.0}}
    )
    found = classify(facts, MACHINERY, rules)
    rows = found.evidence[["reason", "detail", "value", "division"]].astype(object).where(lambda f: f.notna(), None)
    assert rows.to_numpy().tolist() == [
        ["supplier_industry", "28", None, "28"],
        ["account_industry", "G47.11", None, "47"],
        ["product_category", "Ersatzteile", 0.9, None],
    ]


def test_divided_evidence_is_left_to_sales_management(rules: KamTypeRules) -> None:
    accounts = accounts_of({"industry_code": "47", "contract_share": 0.5})  # 2 consumer
    facts = facts_of(
        accounts, bought={"A": {"Getränke": 340.0, "Anlagen": 300.0, "?": 360.0}}
    )  # + 1 consumer, 3 service
    assert types(classify(facts, None, rules)) == [("unclear", 0, False)]
    assert types(classify(facts, MACHINERY, rules)) == [("unclear", 0, False)]  # 3 and 3 against 2
    assert types(classify(facts, FOOD, rules)) == [("consumer", 2, True)]  # 5 against 3


def test_without_the_clients_industry_the_accounts_say_the_programme(rules: KamTypeRules) -> None:
    accounts = accounts_of(
        {"industry_code": "28", "revenue": 800.0}, {"industry_code": "47", "revenue": 100.0}, {"revenue": 100.0}
    )
    found = classify(facts_of(accounts), None, rules)
    assert found.programme_type == KamType.TECHNICAL  # (2·800 − 2·100) ÷ 900 = 1.6 points ahead
    assert types(found) == [("technical", 2, True), ("consumer", 2, False), ("technical", 0, True)]
    assert said(found, "C") == [("supplier_industry", "technical", 0, "programme_from_account_industry")]
    row = found.evidence.set_index("account_id").loc["C"]
    assert (row["detail"], row["value"]) == ("28", 0.8)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([{"industry_code": "28"}, {"industry_code": "47"}], id="balanced"),
        pytest.param([{"industry_code": "28", "revenue": 100.0}, {"revenue": 900.0}], id="little_revenue_speaks"),
        pytest.param([{}, {}], id="nothing_known"),
        pytest.param([{"industry_code": "28", "revenue": 0.0}], id="all_zero"),
    ],
)
def test_a_programme_that_the_accounts_do_not_settle_is_unclear(
    rows: list[dict[str, Any]], rules: KamTypeRules
) -> None:
    found = classify(facts_of(accounts_of(*rows)), None, rules)
    assert (found.programme_type, found.source_label) == (KamType.UNCLEAR, "unclear")


def test_weak_patterns_never_name_the_programme(rules: KamTypeRules) -> None:
    """Weekly orders with peaks at every account (2 points), steady months (1 point): no industry, no goods, no type."""
    facts = facts_of(
        accounts_of({}, {}), months={"A": STEADY, "B": STEADY}, orders=[*weekly("A", 1.0, 5.0), *weekly("B", 1.0, 5.0)]
    )
    found = classify(facts, None, rules)
    assert {row[3] for row in said(found, "A")} == {"promotions", "recurring"}
    assert (found.programme_type, found.source_label) == (KamType.UNCLEAR, "unclear")
    assert found.programme_missing == (
        "engagement.supplier_industry",
        "customers.industry_code",
        "transactions.category",
    )


@pytest.mark.parametrize(("bound", "kind"), [(4, "service"), (3, "unclear")])
def test_strong_patterns_alone_name_it_only_where_they_cover_nearly_all_revenue(
    bound: int, kind: str, rules: KamTypeRules
) -> None:
    facts = facts_of(accounts_of(*({"contract_share": 0.9} for _ in range(bound)), *({} for _ in range(5 - bound))))
    found = classify(facts, None, rules)
    assert str(found.programme_type) == kind
    reasons = {row[3] for row in said(found, "E")}
    assert reasons == {"programme_from_pattern" if kind == "service" else "no_evidence"}


def test_goods_name_the_programme_and_the_reason_says_which(rules: KamTypeRules) -> None:
    """Half the revenue is enough where goods speak; the goods with the most revenue behind them are named."""
    accounts = accounts_of({"revenue": 300.0}, {"revenue": 200.0}, {"revenue": 500.0})
    bought = {"A": {"Beverages": 300.0}, "B": {"Condiments": 200.0}, "C": {"XYZ": 500.0}}
    found = classify(facts_of(accounts, bought=bought), None, rules)
    assert (found.programme_type, found.programme_missing) == (KamType.CONSUMER, ())
    labels = Labels("en", "en_GB", "EUR")
    (row,) = found.evidence[found.evidence["account_id"] == "C"].to_dict("records")
    assert labels(f"type_sentence.{row['reason']}", **row) == (
        "The client's industry is not known. Accounts with 50% of revenue speak by the goods they buy (most of all: "
        "Beverages) for: Consumer goods."
    )


def test_a_programme_of_unclear_type_names_only_what_is_not_known(rules: KamTypeRules) -> None:
    divided = facts_of(accounts_of({"industry_code": "28"}, {"industry_code": "47"}))
    assert classify(divided, None, rules).programme_missing == ("engagement.supplier_industry", "transactions.category")
    retailer = classify(divided, SupplierIndustry(code="47"), rules)  # given, but speaks for no type
    assert retailer.programme_missing == ("engagement.supplier_industry", "transactions.category")
    assert classify(divided, MACHINERY, rules).programme_missing == ()


def test_sources_say_what_could_speak_what_did_and_what_is_missing(rules: KamTypeRules) -> None:
    accounts = accounts_of({"industry_text": "?"}, {"industry_code": " "}, {"channel": "LEH"})
    found = classify(facts_of(accounts, months={"A": EVEN}, bought={"B": {"?": 1.0}}), MACHINERY, rules)
    assert found.sources.to_numpy().tolist() == [
        ["supplier_industry", 3, 3, ()],
        ["account_industry", 2, 1, ("customers.industry_code",)],
        ["product_category", 1, 0, ()],  # A and C just buy nothing
        ["pattern", 1, 1, ()],
    ]
    assert found.table["kam_type_coverage"].tolist() == [0.75, 0.5, 0.5]
    nothing = classify(facts_of(accounts_of({}), grain=Grain.YEAR), None, rules).sources
    assert nothing["n_covered"].tolist() == [0] * 4
    assert nothing["missing"].tolist() == [
        ("engagement.supplier_industry",),
        ("customers.industry_code",),
        ("transactions.category",),
        ("transactions.posting_date", "transactions.contract_id"),
    ]


def test_nobody_goes_without_a_reason(rules: KamTypeRules) -> None:
    found = classify(facts_of(accounts_of({})), None, rules)
    assert said(found, "A") == [("account_industry", "unclear", 0, "no_evidence")]


def test_from_a_name_alone_no_type_is_claimed(rules: KamTypeRules) -> None:
    """Names that a rule for words would take for an industry: neither they nor the programme get a type."""
    names = [
        "Supermarkt Müller Einzelhandel GmbH",
        "Maschinenbau Schulz AG",
        "Stadtwerke Köln",
        "Edeka",
        "IT-Service Nord",
    ]
    found = classify(facts_of(accounts_of(*({"name": name} for name in names))), None, rules)
    assert types(found) == [("unclear", 0, False)] * len(names)
    assert found.programme_type == KamType.UNCLEAR
    assert set(found.evidence["reason"]) == {"no_evidence"}


def test_no_accounts_at_all(rules: KamTypeRules) -> None:
    found = classify(facts_of(accounts_of({}).iloc[:0]), MACHINERY, rules)
    assert (len(found.table), len(found.evidence), found.programme_type) == (0, 0, KamType.TECHNICAL)


@pytest.mark.parametrize(
    ("code", "kind", "points"),
    [
        ("47", "consumer", 2),
        ("47.11", "consumer", 2),
        ("47110", "consumer", 2),
        ("47.11.0", "consumer", 2),
        ("G47", "consumer", 2),
        ("G 47.1", "consumer", 2),
        ("WZ 2008 47.11", "consumer", 2),
        ("WZ08-47.11", "consumer", 2),
        ("NACE Rev. 2 47.11", "consumer", 2),
        ("47.11 Einzelhandel mit Waren verschiedener Art", "consumer", 2),
        ("C28", "technical", 2),
        ("28.4", "technical", 2),
        ("28.0", "technical", 2),
        ("62.01", "service", 2),
        ("6201", "service", 2),
        ("01.11", "technical", 1),
        ("1.11", "technical", 1),
        ("A1", "technical", 1),
        ("46", "consumer", 1),
        ("46.39", "consumer", 2),
        ("46.69", "technical", 2),
        ("70.10", "service", 1),
        ("46,39", "consumer", 2),
        ("WZ 25.11", "technical", 1),  # a division, not the edition of 2025
        ("WZ08.11", "technical", 2),
        ("NACE 2 47.11", "consumer", 2),
    ],
)
def test_codes_in_any_writing(code: str, kind: str, points: int, rules: KamTypeRules) -> None:
    found = read_code(code, None, "account", rules)
    assert found is not None
    assert (str(found.kam_type), found.points) == (kind, points)


@pytest.mark.parametrize("code", ["Handel", "C", "", "3D-Druck", "25501010", "n/a"])
def test_what_is_no_code_is_none(code: str, rules: KamTypeRules) -> None:
    assert read_code(code, None, "account", rules) is None


@pytest.mark.parametrize(
    "division", ["00", "04", "34", "40", "44", "48", "54", "57", "67", "76", "83", "89", "97", "98"]
)
@pytest.mark.parametrize("version", [None, "nace2", "nace2.1"])
def test_divisions_that_do_not_exist_or_buy_nothing(division: str, version: str | None, rules: KamTypeRules) -> None:
    found = read_code(f"{division}.10", version, "account", rules)
    assert found is not None
    assert (found.kam_type, found.points, found.reason) == (KamType.UNCLEAR, 0, "impossible_division")


@pytest.mark.parametrize(
    ("code", "version", "kind", "points", "reason"),
    [
        ("45.20", "nace2", "consumer", 1, "account_industry"),
        ("45.20", "WZ 2008", "consumer", 1, "account_industry"),
        ("45.20", "nace2.1", "unclear", 0, "impossible_division"),
        ("45.20", "WZ 2025", "unclear", 0, "impossible_division"),
        ("95.31", "nace2.1", "consumer", 1, "account_industry"),  # vehicle repair, formerly 45.2
        ("95.31", None, "consumer", 1, "account_industry"),
        ("95.31", "nace2", "service", 1, "account_industry"),
        ("46.71", "NACE Rev. 2.1", "consumer", 1, "account_industry"),  # vehicle wholesale, formerly 45
        ("46.83", "nace2.1", "technical", 2, "account_industry"),  # formerly 46.7
        ("47.81", "nace2.1", "consumer", 1, "account_industry"),  # vehicle retail, formerly 45
        ("K62.10", "nace2.1", "service", 2, "account_industry"),  # the letter moved, the division did not
        ("WZ 2025 45.20", None, "unclear", 0, "impossible_division"),  # the code itself names the edition
        ("NACE Rev. 2.1 95.31", "", "consumer", 1, "account_industry"),
        ("WZ25-46.83", None, "technical", 2, "account_industry"),
        ("WZ 2025 45.20", "WZ 2008", "consumer", 1, "account_industry"),  # the column holds before the cell
        ("46.83", None, "technical", 2, "account_industry"),  # a group that only NACE 2.1 has
        ("46.71", None, "technical", 2, "account_industry"),  # both have it: NACE 2 is read
        ("28.11", "WZ 2003", "unclear", 0, "unknown_edition"),  # there 28 was metal goods
        ("2834", "SIC", "unclear", 0, "unknown_edition"),
        ("28.11", "NACE", "technical", 2, "account_industry"),
    ],
)
def test_both_editions_of_nace_are_read_side_by_side(
    code: str, version: str | None, kind: str, points: int, reason: str, rules: KamTypeRules
) -> None:
    found = read_code(code, version, "account", rules)
    assert found is not None
    assert (str(found.kam_type), found.points, found.reason) == (kind, points, reason)


@pytest.mark.parametrize(
    ("said", "edition"),
    [
        *(
            (said, Edition.NACE_2)
            for said in ("nace2", "WZ 2008", "WZ08", "Rev. 2", "NACE_R2", "2", "2.0", "ÖNACE 2008")
        ),
        *((said, Edition.NACE_2_1) for said in ("nace2.1", "WZ 2025", "wz25", "Rev.2.1", "2,1", "NACE21", "NOGA 2025")),
        *((said, Edition.UNSAID) for said in ("", " ", "NACE", "WZ-Code")),
        *((said, Edition.UNKNOWN) for said in ("WZ 2003", "NACE 1.1", "WZ93", "ISIC 4", "NAICS 2022", "SIC")),
    ],
)
def test_editions_as_clients_name_them(said: str, edition: Edition) -> None:
    assert edition_of(said) == edition


def test_an_impossible_division_is_told_and_counts_for_nothing(rules: KamTypeRules) -> None:
    found = classify(facts_of(accounts_of({"industry_code": "44.1"}, {"industry_code": "12345678"})), MACHINERY, rules)
    assert types(found) == [("technical", 2, True)] * 2
    assert said(found, "A")[1:] == [("account_industry", "unclear", 0, "impossible_division")]
    assert said(found, "B")[1:] == [("account_industry", "unclear", 0, "unreadable_code")]


@pytest.mark.parametrize(
    ("code", "version", "kind", "points", "reason"),
    [
        ("28", "nace2", "technical", 2, "supplier_industry"),
        ("10.51", "nace2", "consumer", 2, "supplier_industry"),
        ("10.91", "nace2", "technical", 2, "supplier_industry"),
        ("20.42", "nace2", "consumer", 2, "supplier_industry"),
        ("46.34", "nace2", "consumer", 2, "supplier_industry"),
        ("81.1", "nace2", "service", 2, "supplier_industry"),
        ("47.11", "nace2", "unclear", 0, "supplier_division_without_type"),
        ("44", "nace2", "unclear", 0, "supplier_impossible_division"),
        ("45", "nace2.1", "unclear", 0, "supplier_impossible_division"),
        ("Maschinenbau", "nace2", "unclear", 0, "unreadable_code"),
    ],
)
def test_the_clients_industry_gives_the_programmes_type(
    code: str, version: Any, kind: str, points: int, reason: str, rules: KamTypeRules
) -> None:
    found = classify(facts_of(accounts_of({})), SupplierIndustry(code=code, version=version), rules)
    assert str(found.programme_type) == kind
    assert said(found, "A") == [("supplier_industry", kind, points, reason)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"industry_text": "Maschinenbau"}, ("technical", 2, "industry_text")),
        ({"industry_code": "Branche Lebensmitteleinzelhandel"}, ("consumer", 2, "industry_text")),
        ({"channel": "Horeca"}, ("consumer", 1, "channel")),
        ({"channel": "LEH"}, ("consumer", 2, "channel")),
        ({"customer_class": "OEM"}, ("technical", 2, "customer_class")),
        ({"industry_text": "GROẞHANDEL"}, ("consumer", 1, "industry_text")),
        ({"industry_text": "Grosshandel"}, ("consumer", 1, "industry_text")),
        ({"industry_text": "Mo\u0308belhaus"}, ("consumer", 2, "industry_text")),
    ],
)
def test_industry_in_words(row: dict[str, Any], expected: tuple[str, int, str], rules: KamTypeRules) -> None:
    found = classify(facts_of(accounts_of(row)), None, rules)
    assert [r[1:] for r in said(found, "A") if r[0] == "account_industry"] == [expected]


def test_goods_alone_are_those_of_a_maker(rules: KamTypeRules) -> None:
    """No word for an industry, but goods: their maker buys as an industry does. A channel says no such thing."""
    for goods in ("Bowls and mugs", "Doormats", "Vorrichtungen"):
        assert rules.industry_in(goods) is None
        found = text_reader(rules, "industry_text")(goods)
        assert found is not None
        assert found.kam_type == KamType.TECHNICAL
    assert text_reader(rules, "channel")("Doormats") is None


@pytest.mark.parametrize(
    "word", ["Gold", "Silber", "Platin-Kunde", "Außendienst", "Key Account", "A-Kunde", "Rahmenvertrag"]
)
def test_a_grade_or_a_way_of_selling_is_no_industry(word: str, rules: KamTypeRules) -> None:
    found = classify(facts_of(accounts_of({"channel": word, "customer_class": word})), None, rules)
    assert said(found, "A") == [("account_industry", "unclear", 0, "no_evidence")]


@pytest.mark.parametrize(("half", "least"), [("rules", 1.0), ("held_out", 0.95)])
def test_branch_descriptions_nobody_tuned_for(half: str, least: float, rules: KamTypeRules) -> None:
    """Both halves split by a hash of the text; the words were written with the rules half in sight only."""
    read = text_reader(rules, "industry_text")
    with BRANCHES.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter=";") if row["half"] == half]
    hits = [(found.kam_type if (found := read(row["text"])) else "") == row["kam_type"] for row in rows]
    assert sum(hits) / len(hits) >= least, [row for row, hit in zip(rows, hits, strict=True) if not hit]


def test_texts_that_somebody_labelled_who_had_not_seen_the_rules(rules: KamTypeRules) -> None:
    """150 companies; before the words were revised with these texts in sight .867 were right, so this holds what was
    learned from them and is no measure for others (`tests/golden/branch_texts.py` measures any labelled file)."""
    read = text_reader(rules, "industry_text")
    with LABELLED.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    wrong = [row["text"] for row in rows if getattr(read(row["text"]), "kam_type", None) != row["label"]]
    assert len(rows) == 150
    assert wrong == []


def test_companies_that_no_word_was_written_for(rules: KamTypeRules) -> None:
    """The other 150 companies of the same list, labelled by somebody who had not seen the rules, by the division of their
    main activity. Nobody who wrote words had seen them; measured once, after the last word: 138 of 150. Keep it so: whoever
    learns words from these rows must hold out others."""
    read = text_reader(rules, "industry_text")
    with HELD_OUT.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    right = sum(getattr(read(row["text"]), "kam_type", None) == row["label"] for row in rows)
    assert len(rows) == 150
    assert right >= 0.85 * len(rows)


def test_titles_of_classifications_and_pick_lists(rules: KamTypeRules) -> None:
    """WZ groups, GICS industries, CRM pick lists and trade jargon lead to the type of their division."""
    read = text_reader(rules, "industry_text")
    with TITLES.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    wrong = [
        row["text"]
        for row in rows
        if getattr(read(row["text"]), "kam_type", None) != read_code(row["code"], None, "account", rules).kam_type
    ]
    assert len(rows) > 300
    assert wrong == []


def test_category_points_follow_the_share_of_revenue(rules: KamTypeRules) -> None:
    bought = {"A": {"Getränke": 66.0}, "B": {"Getränke": 50.0}, "C": {"Getränke": 33.0}, "D": {"Getränke": 32.0}}
    facts = facts_of(
        accounts_of({}, {}, {}, {}), bought={a: g | {"XYZ 4711": 100 - sum(g.values())} for a, g in bought.items()}
    )
    rows = classify(facts, MACHINERY, rules).evidence.query("block == 'product_category'")
    assert list(zip(rows["account_id"], rows["kam_type"], rows["points"], strict=True)) == [
        ("A", "consumer", 3),
        ("B", "consumer", 2),
        ("C", "consumer", 1),
    ]


def test_where_categories_are_codes_the_products_speak(rules: KamTypeRules) -> None:
    """Category 1 and product 1 are different things; the product's category is asked first, then its name."""
    goods = [("1", "Chai Tea", "1"), ("2", "Zahnrad", "1"), ("3", "Zahnrad", "Ersatzteile")]
    items = [("1", "1", "1"), ("Ersatzteile", "Ersatzteile", "Ersatzteile"), *goods]
    facts = facts_of(accounts_of({}), bought={"A": {"1": 60.0, "Ersatzteile": 40.0}})
    products = facts_of(accounts_of({}), bought={"A": {"1": 50.0, "2": 10.0, "3": 40.0}}).purchases
    facts = dataclasses.replace(
        facts,
        product_purchases=products,
        items=pd.DataFrame(items, columns=["item", "name", "category"]).assign(revenue=0.0),
    )
    rows = classify(facts, MACHINERY, rules).evidence.query("block == 'product_category'")
    assert rows[["kam_type", "points", "detail", "value"]].to_numpy().tolist() == [
        ["consumer", 2, "Chai Tea", 0.5],
        ["service", 1, "Ersatzteile", 0.4],
    ]


def test_what_categories_speak_for(rules: KamTypeRules) -> None:
    with CATEGORIES.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    accounts = (
        accounts_of(*({} for _ in rows))
        .assign(account_id=[row["text"] for row in rows])
        .astype({"account_id": "string"})
    )
    found = classify(facts_of(accounts, bought={row["text"]: {row["text"]: 100.0} for row in rows}), MACHINERY, rules)
    said_of = found.evidence.query("block == 'product_category'").set_index("account_id")["kam_type"]
    wrong = [row["text"] for row in rows if said_of.get(row["text"], "") != row["kam_type"]]
    assert wrong == []


EVEN = [100.0] * 11 + [110.0]
STEADY = [80.0, 120.0] * 6
LUMPS = [0.0, 9000.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 6000.0, 0.0, 0.0, 0.0]
GROWING = [100.0, 120.0, 90.0, 180.0, 60.0, 150.0, 200.0, 40.0, 90.0, 150.0, 260.0, 80.0]


def patterns_of(found: KamTypes) -> list[tuple[str, str, int, str]]:
    rows = found.evidence.query("block == 'pattern'")
    return list(zip(rows["account_id"], rows["kam_type"], rows["points"].tolist(), rows["reason"], strict=True))


def test_order_patterns(rules: KamTypeRules) -> None:
    accounts = accounts_of({}, {}, {}, {"project_share": 0.5}, {"contract_share": 0.49}, {"contract_share": 0.5}, {})
    facts = facts_of(accounts, months={"A": EVEN, "B": LUMPS, "C": GROWING, "G": STEADY})
    assert patterns_of(classify(facts, None, rules)) == [
        ("A", "service", 3, "instalments"),
        ("B", "technical", 1, "lumpy"),
        ("D", "technical", 3, "project_share"),
        ("F", "service", 3, "contract_share"),
        ("G", "service", 1, "recurring"),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"grain": Grain.YEAR}, id="dated_by_year"),
        pytest.param({"history_start": dt.date(2025, 2, 3)}, id="eleven_months"),
        pytest.param({"invoices": 5}, id="many_orders_a_month"),
    ],
)
def test_no_rhythm_without_twelve_months_of_instalments(changes: dict[str, Any], rules: KamTypeRules) -> None:
    facts = facts_of(accounts_of({}), months={"A": EVEN}, **changes)
    assert patterns_of(classify(facts, None, rules)) == []


def test_a_new_account_is_not_lumpy(rules: KamTypeRules) -> None:
    accounts = accounts_of({"first_date": pd.Timestamp("2025-02-03")}, {}, {})
    facts = facts_of(accounts, months={"A": LUMPS, "B": GROWING, "C": GROWING})
    assert patterns_of(classify(facts, None, rules)) == []


def weekly(account: str, usual: float, peak: float) -> list[tuple[str, str, float]]:
    days = pd.date_range("2025-01-06", "2025-12-29", freq="7D")
    return [(account, day.isoformat(), peak if n in (10, 25, 48) else usual) for n, day in enumerate(days)]


def test_weekly_orders_with_promotion_peaks_speak_for_consumer_goods(rules: KamTypeRules) -> None:
    orders = [*weekly("A", 100.0, 500.0), *weekly("B", 100.0, 100.0), *weekly("C", 1.0, 500.0)]
    facts = facts_of(accounts_of({}, {}, {}), months={"A": GROWING}, orders=orders)
    found = classify(facts, None, rules)
    assert patterns_of(found) == [("A", "consumer", 2, "promotions")]
    assert found.evidence.query("block == 'pattern'")["value"].tolist() == pytest.approx([1500 / 6400])


def test_contracts_and_trade_terms(rules: KamTypeRules) -> None:
    contracts = pd.DataFrame(
        {
            "account_id": ["A", "A", "B"],
            "start": pd.to_datetime(["2024-01-01", "2020-01-01", "2024-01-01"]),
            "end": pd.to_datetime([None, "2021-12-31", None]),
            "recurring_value": [600.0, 5000.0, 100.0],
        }
    )
    terms = pd.DataFrame(
        {"account_id": ["C", "B"], "year": [2025, 2025], "kind": ["WKZ", "skonto"], "amount": [1.0, 1.0]}
    )
    found = classify(facts_of(accounts_of({}, {}, {}), contracts=contracts, terms=terms), None, rules)
    assert patterns_of(found) == [("A", "service", 3, "recurring_contracts"), ("C", "consumer", 2, "trade_terms")]


def test_a_service_level_a_specification_and_many_sites(rules: KamTypeRules) -> None:
    contracts = pd.DataFrame(
        {
            "account_id": list("ABCD"),
            "start": pd.to_datetime(["2024-01-01"] * 3 + ["2026-01-01"]),
            "sla": ["Reaktion in 4 h", "kein SLA", None, "24/7"],
        }
    )
    projects = pd.DataFrame(
        {
            "account_id": ["B", "C", "D"],
            "project_id": ["P1", "P2", "P3"],
            "start": pd.to_datetime([None, "2026-02-01", "2025-02-01"]),
            "spec_in": pd.array([True, True, False], dtype="boolean"),
        }
    )
    accounts = accounts_of({}, {}, {}, {}).assign(n_customers=[1, 1, 2, 1], n_sites=[None, 19.0, 40.0, 20.0])
    found = classify(facts_of(accounts, contracts=contracts, projects=projects), None, rules)
    assert patterns_of(found) == [
        ("A", "service", 2, "service_level"),
        ("B", "technical", 2, "specified"),
        ("C", "consumer", 1, "sites"),
        ("D", "consumer", 1, "sites"),
    ]


def test_one_block_never_gives_more_than_its_most(rules: KamTypeRules) -> None:
    row = {"industry_code": "28", "industry_text": "Maschinenbau", "channel": "OEM", "customer_class": "Industrie"}
    facts = facts_of(accounts_of(row | {"project_share": 0.9}), months={"A": LUMPS}, bought={"A": {"Pumpen": 1.0}})
    sums = classify(facts, MACHINERY, rules).evidence.groupby(["block", "kam_type"])["points"].sum()
    assert sums.to_dict() == {
        ("supplier_industry", "technical"): 2,
        ("account_industry", "technical"): 2,
        ("product_category", "technical"): 3,
        ("pattern", "technical"): 3,
    }


def test_the_source_label_is_pseudo_where_the_verdict_is(rules: KamTypeRules) -> None:
    accounts = accounts_of({"key_label": True}, {"key_label": False}, {"key_label": False})
    privileges = pd.DataFrame({"account_id": ["B"], "customer_id": ["B"], "type": ["Sonderkonditionen"]})
    found = classify(facts_of(accounts, privileges=privileges), MACHINERY, rules)
    assert (found.existence.verdict, found.source_label) == (Verdict.PSEUDO, "pseudo")
    assert found.programme_type == KamType.TECHNICAL


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_reason_has_a_sentence_in_both_languages(language: str, rules: KamTypeRules) -> None:
    labels = Labels(language, {"de": "de_DE", "en": "en_GB"}[language], "EUR")
    accounts = accounts_of(
        {"industry_code": "47", "contract_share": 0.6},
        {"industry_code": "44"},
        {"industry_code": "??"},
        {"channel": "LEH"},
    )
    facts = facts_of(
        accounts, months={"A": EVEN, "B": LUMPS}, bought={"D": {"Pumpen": 5.0}}, orders=weekly("D", 1.0, 5.0)
    )
    for supplier in (MACHINERY, None, SupplierIndustry(code="44"), SupplierIndustry(code="47")):
        for row in classify(facts, supplier, rules).evidence.to_dict("records"):
            assert labels(f"type_reason.{row['reason']}")
            assert "{" not in labels(f"type_sentence.{row['reason']}", **row)


@pytest.mark.parametrize("language", ["de", "en"])
def test_reasons_in_few_words_and_as_sentences_are_the_same_codes(language: str) -> None:
    keys = [key.split(".") for key in catalogue(language)]
    short, full = (
        {code for section, *rest in keys if section == name for code in rest}
        for name in ("type_reason", "type_sentence")
    )
    assert short == full


def test_a_reason_as_a_sales_manager_reads_it(rules: KamTypeRules) -> None:
    labels = Labels("de", "de_DE", "EUR")
    facts = facts_of(
        accounts_of({"industry_text": "Lebensmitteleinzelhandel"}), bought={"A": {"Ersatzteile": 3.0, "?": 1.0}}
    )
    rows = classify(facts, None, rules).evidence.to_dict("records")
    assert [labels(f"type_sentence.{row['reason']}", **row) for row in rows[1:]] == [
        "Branche laut Kundenstamm: Lebensmitteleinzelhandel → Konsumgüter",
        "75\xa0% des Umsatzes entfallen auf Waren wie „Ersatzteile“ → Service",
    ]
