"""From list prices to the margin after terms, on tables of a few lines that can be added up by hand."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kamkit.analysis.consolidation import compare_levels
from kamkit.intake.facts import account_facts
from kamkit.intake.importing import check_engagement, import_engagement
from kamkit.intake.margin_base import spread_exactly
from kamkit.model.codes import Basis
from kamkit.model.engagement import load_engagement
from kamkit.model.results import AccountFacts, Finding
from kamkit.telling.language import Labels
from kamkit.telling.results import finding_sentence
from kamkit.telling.tables import margin_base_table

COLUMNS = {
    "posting_date": "Datum",
    "customer_id": "Kunde",
    "net_revenue": "Netto",
    "cost": "Kosten",
    "quantity": "Menge",
    "list_price": "Listenpreis",
    "discount": "Rabatt",
    "category": "Gruppe",
}
# the fiscal year 2025 is July 2024 to June 2025; A earns 100, 200 and 100 in it, a quarter of it in the month of June
LINES = """Datum;Kunde;Netto;Kosten
15.06.2024;B;50,00;20,00
05.07.2024;A;100,00;60,00
10.07.2024;B;50,00;20,00
10.03.2025;A;200,00;120,00
20.03.2025;A;-40,00;-24,00
30.06.2025;A;100,00;90,00
30.06.2025;B;50,00;
"""
TERMS = """Kunde;Jahr;Art;Betrag
A;2025;Bonus;30,00
A;2025;WKZ;10,01
B;2025;Bonus;10,00
Z;2025;Bonus;7,00
A;2020;Bonus;5,00
"""
JULY = {"fiscal_year_start": 7, "period": {"start": "2024-07-01", "end": "2025-06-30"}}


def run(
    folder: Path, lines: str, terms: str | None = None, budgets: str | None = None, **settings: Any
) -> tuple[AccountFacts, dict[str, Finding]]:
    """The facts, and the findings on terms and budgets by code."""
    (folder / "lines.csv").write_text(lines, encoding="utf-8")
    heads = lines.splitlines()[0].split(";")
    columns = {name: head for name, head in COLUMNS.items() if head in heads}
    sources: dict[str, Any] = {"transactions": {"path": "lines.csv", "columns": columns}}
    if terms is not None:
        (folder / "terms.csv").write_text(terms, encoding="utf-8")
        named = {"customer_id": "Kunde", "year": "Jahr", "kind": "Art", "amount": "Betrag"}
        sources["terms"] = {"path": "terms.csv", "columns": named}
    if budgets is not None:
        (folder / "budgets.csv").write_text(budgets, encoding="utf-8")
        named = {"account_id": "Kunde", "segment": "Bereich", "year": "Jahr", "cost_type": "Kostenart"}
        named |= {"plan": "Plan", "actual": "Ist"}
        heads = budgets.splitlines()[0].split(";")
        sources["budgets"] = {"path": "budgets.csv", "columns": {n: h for n, h in named.items() if h in heads}}
    content = {"client": "Test", "pareto": {"level": "customer"}, "sources": sources} | settings
    (folder / "engagement.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    engagement = load_engagement(folder)
    imported = import_engagement(engagement, folder)
    found = {finding.code: finding for finding in imported.findings if finding.table in {"terms", "budgets"}}
    return account_facts(folder, engagement, imported), found


def steps(facts: AccountFacts) -> dict[str, tuple[float, float]]:
    """Amount and coverage of the steps that have one, without the kinds of terms."""
    known = facts.margin_base.dropna(subset=["amount"])
    known = known[~known["step"].isin(["terms_kind", "terms_other"])]
    return {row.step: (round(row.amount, 2), round(row.coverage, 4)) for row in known.itertuples()}


def account(facts: AccountFacts, name: str) -> pd.Series:
    return facts.accounts.set_index("account_id").select_dtypes("float").loc[name].round(2)


def test_terms_of_a_fiscal_year_that_begins_in_july(tmp_path: Path) -> None:
    facts, found = run(tmp_path, LINES, TERMS, **JULY)
    a, b = account(facts, "A"), account(facts, "B")
    assert a[["revenue", "terms", "net_net", "margin_before_terms", "margin"]].tolist() == [
        *(360.0, 40.01, 319.99, 114.0, 73.99)
    ]
    # half of B's revenue has no cost: the margin of 30 is for the other half, which earned half of the bonus
    assert b[["revenue", "terms", "net_net", "margin_before_terms", "margin"]].tolist() == [
        100.0,
        10.0,
        90.0,
        30.0,
        25.0,
    ]
    months = facts.months.set_index(["account_id", "month"])["margin"].round(2)
    assert months["A"].tolist() == [30.0, 43.99, 0.0]  # 40, 64 and 10 less 10.00, 20.01 and 10.00
    assert math.isnan(months["B"].iloc[0])  # June 2024 is a fiscal year without terms
    assert months["B"].iloc[1] == 25.0
    assert steps(facts) == {
        "net_revenue": (460.0, 1.0),
        "terms": (50.01, 1.0),
        "net_net": (409.99, 1.0),
        "cost": (266.0, round(490 / 540, 4)),
        "margin": (144.0, round(490 / 540, 4)),
        "margin_after_terms": (98.99, round(490 / 540, 4)),
    }
    kinds = facts.margin_base[facts.margin_base["step"] == "terms_kind"]
    assert kinds[["client_name", "amount"]].round(2).to_numpy().tolist() == [["Bonus", 40.0], ["WKZ", 10.01]]
    missing = facts.margin_base.set_index("step")["missing"]
    assert missing["gross"] == ("transactions.list_price", "transactions.quantity")
    assert missing["discount"] == ("transactions.discount",)
    assert found["terms_no_revenue"].values == {"amount": 7.0, "n": 1}
    assert found["terms_no_revenue"].examples == ("Z",)
    assert found["terms_outside_data"].values == {"amount": 5.0, "n": 1}
    assert set(found) == {"terms_no_revenue", "terms_outside_data"}


def test_a_period_that_is_part_of_a_year_gets_its_part(tmp_path: Path) -> None:
    year = {"fiscal_year_start": 7, "period": {"start": "2025-01-01", "end": "2025-06-30"}}
    facts, _ = run(tmp_path, LINES, "Kunde;Jahr;Art;Betrag\nA;2025;Bonus;40,00\n", **year)
    assert account(facts, "A")[["terms", "margin_before_terms", "margin"]].tolist() == [30.0, 74.0, 44.0]
    assert account(facts, "B")["terms"] == 0.0


def test_of_a_year_that_has_not_ended_only_the_days_so_far_count(tmp_path: Path) -> None:
    lines = "Datum;Kunde;Netto;Kosten\n01.01.2023;A;10,00;5,00\n14.03.2023;A;30,00;10,00\n"
    period = {"start": "2023-01-01", "end": "2023-03-14"}  # 73 of 365 days
    facts, found = run(tmp_path, lines, "Kunde;Jahr;Art;Betrag\nA;2023;Bonus;10,00\n", period=period)
    assert account(facts, "A")[["terms", "margin"]].tolist() == [2.0, 23.0]
    assert found["terms_outside_data"].values == {"amount": 8.0, "n": 1}


def test_a_year_without_any_terms_leaves_margins_before_them(tmp_path: Path) -> None:
    facts, found = run(tmp_path, LINES, "Kunde;Jahr;Art;Betrag\nA;2024;Bonus;40,00\n", **JULY)
    a = account(facts, "A")
    assert (a["margin"], a["margin_before_terms"], math.isnan(a["terms"])) == (114.0, 114.0, True)
    assert found["terms_absent"].values == {"years": ("2025",)}
    assert facts.margin_base.set_index("step").loc["margin_after_terms", "missing"] == ("terms.amount",)
    assert "terms_kind" not in set(facts.margin_base["step"])


def test_terms_count_only_if_no_fiscal_year_of_the_period_lacks_them(tmp_path: Path) -> None:
    two_years = {"fiscal_year_start": 7, "period": {"start": "2024-06-01", "end": "2025-06-30"}}
    head, of_2024, of_2025 = "Kunde;Jahr;Art;Betrag\n", "B;2024;Bonus;12,00\n", "A;2025;Bonus;40,00\n"
    for terms, missing in ((of_2024, "2025"), (of_2025, "2024")):
        facts, found = run(tmp_path, LINES, head + terms, **two_years)
        assert found["terms_absent"].values == {"years": (missing,)}
        assert facts.accounts[["terms", "net_net"]].isna().all(axis=None)
        assert account(facts, "A")["margin"] == 114.0
        assert finding_sentence(found["terms_absent"], Labels("en", "en_GB", "EUR")) == (
            "Bonuses, advertising allowances and cash discounts outside the invoices are not given for every fiscal year "
            f"of the period; missing: {missing}. All contribution margins are therefore before them."
        )
    facts, found = run(tmp_path, LINES, head + of_2024 + of_2025, **two_years)
    assert "terms_absent" not in found
    # of the fiscal year 2024 the data hold 30 of 366 days, from 1 June on
    assert account(facts, "B")[["terms", "margin"]].tolist() == [0.98, 59.02]
    assert account(facts, "A")[["terms", "margin"]].tolist() == [40.0, 74.0]


def test_purchases_and_customers_have_the_margin_of_their_accounts(tmp_path: Path) -> None:
    lines = (
        "Datum;Kunde;Netto;Kosten;Gruppe\n"
        "31.12.2023;A;100,00;60,00;Rohre\n10.01.2025;A;60,00;30,00;Rohre\n11.01.2025;A;40,00;10,00;Pumpen\n"
        "31.12.2025;B;50,00;20,00;Rohre\n"
    )
    facts, _ = run(tmp_path, lines, "Kunde;Jahr;Art;Betrag\nA;2025;Bonus;10,00\n")
    bought = facts.purchases[["account_id", "item", "revenue", "margin"]].fillna(-1)
    assert bought.to_numpy().tolist() == [
        ["A", "Pumpen", 40.0, 26.0],
        ["A", "Rohre", 100.0, -1],  # no terms are given for 2023
        ["A", "Rohre", 60.0, 24.0],
        ["B", "Rohre", 50.0, 30.0],
    ]
    customers = facts.customers.set_index("account_id")["margin"]
    assert customers.to_dict() == facts.accounts.set_index("account_id")["margin"].to_dict() == {"A": 50.0, "B": 30.0}


def test_a_bonus_agreed_with_the_group_is_its_members(tmp_path: Path) -> None:
    master = "Nr;Mutter\nA;K\nB;K\nK;\n"
    (tmp_path / "master.csv").write_text(master, encoding="utf-8")
    terms = {"path": "terms.csv", "columns": {"customer_id": "Kunde", "year": "Jahr", "amount": "Betrag"}}
    columns = {name: COLUMNS[name] for name in ("posting_date", "customer_id", "net_revenue", "cost")}
    sources = {
        "transactions": {"path": "lines.csv", "columns": columns},
        "customers": {"path": "master.csv", "columns": {"customer_id": "Nr", "parent_id": "Mutter"}},
        "terms": terms,
    }
    facts, found = run(tmp_path, LINES, "Kunde;Jahr;Betrag\nK;2025;50,00\n", pareto={}, sources=sources, **JULY)
    assert account(facts, "K")[["revenue", "terms", "net_net"]].tolist() == [460.0, 50.0, 410.0]
    # 50.00 on 400 and 100 of revenue; half of B's has no margin
    assert facts.customers.set_index("account_id")["margin"].round(2).to_dict() == {"A": 74.0, "B": 25.0}
    assert account(facts, "K")["margin"] == 99.0
    assert compare_levels(facts.customers, facts.accounts, basis=Basis.MARGIN).n_before == 2
    assert "terms_no_revenue" not in found


def test_without_costs_and_terms_nothing_is_made_up(tmp_path: Path) -> None:
    facts, found = run(tmp_path, "Datum;Kunde;Netto\n01.01.2025;A;10,00\n31.12.2025;A;30,00\n")
    assert steps(facts) == {"net_revenue": (40.0, 1.0)}
    assert set(facts.margin_base.set_index("step")["missing"]["margin"]) == {"transactions.margin"}
    assert account(facts, "A")[["gross", "discount", "terms", "net_net", "cost", "margin"]].isna().all()
    assert len(margin_base_table(facts, Labels("en", "en_GB", "EUR"))) == 0
    assert set(found) == {"terms_missing"}


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        (
            "de",
            "Rangliste, Diagramme und Empfehlungen rechnen mit „DB II“, also vor Boni und Werbekostenzuschüssen "
            "außerhalb der Rechnungen.",
        ),
        (
            "en",
            "Ranking, charts and recommendations use “DB II”, which is before bonuses and allowances outside invoices.",
        ),
    ],
)
def test_list_prices_and_discounts_explain_what_was_booked(tmp_path: Path, language: str, sentence: str) -> None:
    lines = (
        "Datum;Kunde;Netto;Kosten;Menge;Listenpreis;Rabatt\n"
        "01.01.2025;A;90,00;50,00;4;25,00;10,00\n31.12.2025;A;30,00;10,00;;;\n"
    )
    facts, _ = run(tmp_path, lines, margin_levels={"margin": "DB II"})
    assert steps(facts) == {
        "gross": (100.0, 0.75),
        "discount": (10.0, 0.75),
        "net_revenue": (120.0, 1.0),
        "cost": (60.0, 1.0),
        "margin": (60.0, 1.0),
    }
    table = margin_base_table(facts, Labels(language, {"de": "de_DE", "en": "en_GB"}[language], "EUR"))
    assert table.records()[6]["step"] == "DB II"
    assert table.more == sentence


OF_2025 = """Datum;Kunde;Netto;Kosten
01.01.2025;A;100,00;60,00
02.02.2025;B;60,00;10,00
03.03.2025;B;40,00;
31.12.2025;C;50,00;20,00
"""
BONUS = "Kunde;Jahr;Art;Betrag\nA;2025;Jahresbonus;8,00\nA;2025;jahresbonus ;2,00\nA;2025;;1,00\nB;2025;Skonto;5,00\n"
BUDGETS = """Kunde;Bereich;Jahr;Kostenart;Plan;Ist
A;;2025;Reisekosten;9,00;5,00
A;;2025;Kundenbetreuung;4,00;3,00
B;;2025;KAM;9,00;10,00
C;;2025;Vertrieb;9,00;
A;;2025;Fracht;1,00;2,00
A;;2025;Sonderpreise;1,00;1,00
;Außendienst;2025;Reisekosten;99,00;99,00
"""


def test_levels_after_selling_and_service_are_as_far_known_as_budgets_are(tmp_path: Path) -> None:
    facts, found = run(tmp_path, OF_2025, BONUS, BUDGETS)
    kinds = facts.margin_base[facts.margin_base["step"].str.startswith("terms_")]
    assert kinds[["step", "client_name", "amount"]].round(2).fillna("").to_numpy().tolist() == [
        ["terms_kind", "Jahresbonus", 10.0],
        ["terms_kind", "Skonto", 5.0],
        ["terms_other", "", 1.0],
    ]
    found_steps = steps(facts)
    assert found_steps["margin"] == (120.0, 0.84)  # 40, 50 and 30; 40 of 250 have no cost
    assert found_steps["margin_after_terms"] == (106.0, 0.84)  # less 11, and 3 of B's 5
    assert found_steps["selling"] == (18.0, 0.8)  # of A and B; C's plan is no cost
    assert found_steps["margin_after_selling"] == (62.0, 0.64)  # 29 − 8, and 47 − 6 of B's 10
    assert found_steps["service"] == (2.0, 0.4)
    assert found_steps["margin_after_service"] == (19.0, 0.4)
    assert (found["cost_types_left"].rows, found["cost_types_left"].examples) == (1, ("Sonderpreise",))
    table = margin_base_table(facts, Labels("de", "de_DE", "EUR"))
    told = [row["step"] for row in table.records()]
    assert told[4:7] == ["– davon Jahresbonus", "– davon Skonto", "– davon Übriges"]
    assert [step for step in told if "(" in step and "DB" in step] == [
        "Deckungsbeitrag (DB\u00a0I)",
        "Deckungsbeitrag nach Boni und WKZ (DB\u00a0II)",
        "Deckungsbeitrag nach Vertriebskosten (DB\u00a0III)",
        "Deckungsbeitrag nach Logistik und Service (DB\u00a0IV)",
    ]
    assert table.more == (
        "Rangliste, Diagramme und Empfehlungen rechnen mit „Deckungsbeitrag nach Boni und WKZ (DB\u00a0II)“. Stufen mit "
        "kleinerer Abdeckung umfassen weniger Kunden; ihre Beträge lassen sich nicht mit denen darüber verrechnen."
    )


@pytest.mark.parametrize(
    ("terms", "budgets", "missing"),
    [
        (BONUS, None, ("budgets.account_id", "budgets.cost_type", "budgets.actual")),
        (None, BUDGETS, ("terms.amount",)),
        (BONUS, "Kunde;Jahr;Plan\nA;2025;9,00\n", ("budgets.cost_type", "budgets.actual")),
        (BONUS, "Kunde;Jahr;Kostenart;Ist\nA;2025;Fracht;9,00\n", ("budgets.cost_type",)),
        (BONUS, "Kunde;Jahr;Kostenart;Ist\nA;2024;KAM;9,00\n", ("budgets.actual",)),
        (BONUS, "Bereich;Jahr;Kostenart;Ist\nNord;2025;KAM;9,00\n", ("budgets.account_id",)),
    ],
)
def test_a_level_that_cannot_be_assessed_says_what_is_missing(
    tmp_path: Path, terms: str | None, budgets: str | None, missing: tuple[str, ...]
) -> None:
    facts, _ = run(tmp_path, OF_2025, terms, budgets)
    level = facts.margin_base.set_index("step").loc["margin_after_selling"]
    assert (math.isnan(level["amount"]), level["missing"]) == (True, missing)
    labels = Labels("en", "en_GB", "EUR")
    told = {row["step"]: row["note"] for row in margin_base_table(facts, labels).records()}
    names = labels.names([labels(f"missing.{column}") for column in missing])
    assert told["Contribution margin after selling cost (CM\u00a0III)"] == f"cannot be assessed without {names}"


PRICED = "Datum;Kunde;Netto;Menge;Listenpreis;Rabatt\n"
PER_UNIT = ("01.01.2025;A;90,00;4;25,00;10,00\n02.02.2025;A;-45,00;-2;25,00;-5,00\n31.12.2025;A;30,00;1;30,00;\n",)
PER_LINE = (
    "01.01.2025;A;90,00;4;100,00;10,00\n02.02.2025;A;-45,00;-2;-50,00;-5,00\n31.12.2025;A;30,00;1;30,00;\n",
    "01.01.2025;A;90,00;4;100,00;10,00\n02.02.2025;A;-45,00;-2;50,00;5,00\n31.12.2025;A;30,00;1;30,00;\n",
)


@pytest.mark.parametrize("lines", [*PER_UNIT, *PER_LINE])
def test_list_prices_of_a_unit_and_of_a_line_come_to_the_same(tmp_path: Path, lines: str) -> None:
    facts, _ = run(tmp_path, PRICED + lines)
    assert steps(facts)["gross"] == (80.0, 1.0)  # 100, 30, and 50 given back
    told = [f for f in check_engagement(load_engagement(tmp_path)).findings if f.code.startswith("list_price")]
    assert [(f.code, f.rows, f.values) for f in told] == (
        [("list_price_of_line", 2, {"n": 2})] if lines in PER_LINE else []
    )


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("01.01.2025;A;90,00;4;25,00;\n31.12.2025;A;90,00;4;100,00;\n", "list_price_unclear"),  # one line of each kind
        ("01.01.2025;A;12,00;2;10,00;\n31.12.2025;A;12,00;2;10,00;\n", "list_price_unclear"),  # 40 % off, or dearer
        ("01.01.2025;A;30,00;1;90,00;\n31.12.2025;A;30,00;1;90,00;\n", None),  # of one unit both are the same
    ],
)
def test_list_prices_that_may_be_either_are_told(tmp_path: Path, lines: str, told: str | None) -> None:
    run(tmp_path, PRICED.replace(";Rabatt", "") + lines.replace(";\n", "\n"))
    found = [f.code for f in check_engagement(load_engagement(tmp_path)).findings if f.code.startswith("list_price")]
    assert found == ([told] if told else [])


weights = st.lists(st.decimals("0.01", "99999", places=2), min_size=1, max_size=14)


@given(st.decimals("-99999", "99999", places=2), weights, st.randoms())
def test_no_cent_is_lost_and_the_order_does_not_matter(amount: Decimal, parts: list[Decimal], random: Any) -> None:
    weighted = dict(enumerate(parts))
    spread = spread_exactly(amount, weighted)
    assert sum(spread.values()) == amount
    assert all(abs(spread[k] - amount * parts[k] / sum(parts)) < Decimal("0.0101") for k in weighted)
    keys = list(weighted)
    random.shuffle(keys)
    assert spread_exactly(amount, {key: weighted[key] for key in keys}) == spread
