"""The rows behind what is said about an account: hand-sized clients, counted by formulas as the analysis counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from kamkit.analysis.options.buffer import last_shocks, study_buffer
from kamkit.analysis.options.cross_selling import rank_cross_selling
from kamkit.analysis.options.history import history_until
from kamkit.analysis.options.relationship import contact_facts
from kamkit.analysis.options.support import Support, support_of
from kamkit.model.engagement import OptionSettings
from kamkit.model.option_rules import load_option_rules
from kamkit.model.results import AccountFacts
from kamkit.telling.explanation import _numbered
from kamkit.telling.language import Labels
from kamkit.telling.trace import COMPARISONS, Compared, Rows, Term

RULES = load_option_rules()
LABELS = Labels("de", "de_DE", "EUR")
IDS = [f"{i:02d}" for i in range(1, 16)]
BUYERS = IDS[1:10]
"""Nine of fourteen comparable accounts bought film; account 01 never did."""

Facts = Callable[..., AccountFacts]


def client(facts_from: Facts, **tables: pd.DataFrame) -> AccountFacts:
    orders = [(i, f"2025-{month:02d}-10", 100.0 + int(i), "Kartons") for i in IDS for month in (2, 5, 8, 11)]
    orders += [(i, "2025-06-01", 10.0 * int(i), "Folie") for i in BUYERS[:8]] + [
        (BUYERS[8], "2023-06-01", 7.0, "Folie")
    ]
    orders += [(i, "2025-07-01", 5.0, item) for i in IDS[8:] for item in ("Band", "Etiketten", "Füllstoff")]
    return facts_from(orders, **tables)


def support(facts: AccountFacts, sites: pd.DataFrame | None = None, **values: Any) -> Support:
    told = pd.DataFrame({"account_id": ["01"], "values": [values]})
    options: Any = SimpleNamespace(recommendations=told, sites=pd.DataFrame() if sites is None else sites)
    return support_of("01", facts, options, pd.Index(["01"], dtype=object), OptionSettings(), RULES)


def figure(found: Support, name: str, values: Mapping[str, Any] | None = None) -> Term:
    tables = {table: Rows(table, frame) for table, frame in found.tables.items()}
    term = COMPARISONS[name](Compared(tables, values or {}, Term(repr(found.yearly), found.yearly)))
    assert term is not None
    return term


WHITE_SPOT = {"growth_evidence": "cross_because", "category": "Folie", "because": "Kartons"}


def test_peers_are_listed_with_what_they_bought(facts_from: Facts) -> None:
    peers = support(client(facts_from), **WHITE_SPOT).tables["peer"].set_index("account_id")
    assert list(peers.index[:2]) == ["09", "08"]
    assert peers.index[-1] == "01"
    assert peers.loc["09", ["name", "is_peer", "buys", "revenue", "revenue_ever"]].tolist() == [
        *("Kunde 09", True, True, 90.0, 90.0)
    ]
    assert peers.loc["10", ["buys", "revenue", "revenue_ever"]].tolist() == [True, 0.0, 7.0]
    assert peers.loc["11", ["is_peer", "buys", "revenue_ever"]].tolist() == [True, False, 0.0]
    assert peers.loc["02", "share"] == pytest.approx(20 / (20 + 4 * 102))
    assert not peers.loc["01", "is_peer"]


def test_counted_and_summed_they_give_the_figures_of_the_analysis(facts_from: Facts) -> None:
    facts = client(facts_from)
    history = history_until(facts)
    risk = pd.DataFrame({"account_id": IDS, "level": "green"})
    keys = pd.Index(["01"], dtype=object)
    cross = rank_cross_selling(history, risk, keys, facts.items, RULES.cross_selling)[0]
    row = cross[(cross["account_id"] == "01") & (cross["category"] == "Folie")].iloc[0]
    found = support(facts, **WHITE_SPOT)
    assert (row["peers_buying"], row["peers"]) == (9, 14)
    assert figure(found, "n").value == row["peers_buying"]
    assert figure(found, "peers").value == row["peers"]
    assert figure(found, "not_buying").value == 5
    assert figure(found, "usual").value == pytest.approx(row["usual_revenue"])
    assert figure(found, "both").value == row["values"]["both"] == 9
    assert figure(found, "lift").value == pytest.approx(row["values"]["lift"]) == pytest.approx(9 * 15 / (9 * 15))
    assert figure(found, "n").formula == "COUNTIFS(peer_is_peer,TRUE,peer_buys,TRUE)"


def test_the_share_of_business_is_over_all_accounts(facts_from: Facts) -> None:
    facts = client(facts_from)
    assert figure(support(facts), "share").value == pytest.approx(404 / facts.accounts["revenue"].sum())


def test_an_item_that_two_names_may_mean_is_not_traced(facts_from: Facts) -> None:
    facts = client(facts_from)
    facts.items["name"] = "Folie"
    assert "peer" not in support(facts, **WHITE_SPOT).tables


def test_a_width_of_range_is_counted_among_those_it_is_compared_with(facts_from: Facts) -> None:
    facts = client(facts_from)
    by_product = replace(facts, product_purchases=facts.purchases)
    found = support(by_product, growth_evidence="cross_deeper", category="Folie")
    assert (figure(found, "own").value, figure(found, "typical").value) == (1.0, 2.0)


def test_sister_companies_that_lack_an_item_are_counted(facts_from: Facts) -> None:
    sites = pd.DataFrame(
        [("Werk A", "bought", 50.0, None), ("Werk B", "never", 0.0, 8.0), ("Werk C", "never", 0.0, 4.5)],
        columns=["name", "status", "revenue", "expected_revenue"],
    ).assign(account_id="01", item_name="Folie", expected_low=1.0, expected_high=9.0)
    found = support(client(facts_from), sites, growth_evidence="cross_sister", category="Folie")
    assert [figure(found, name).value for name in ("n", "expected", "low", "high")] == [2, 12.5, 2, 18]
    assert "peer" not in found.tables


CONTACTS = pd.DataFrame(
    [("01", "K1", "Entscheider"), ("01", "K2", "Anwender"), ("01", "K3", "Entscheider"), ("02", "K4", None)],
    columns=["account_id", "contact_id", "power"],
)
VISITS = pd.DataFrame(
    [
        ("01", "2025-03-01", "K1", "Außendienst"),
        ("01", "2025-04-01", "K1", "Außendienst"),
        ("01", "2025-05-01", "K5", "Innendienst"),
        ("01", "2025-06-01", "K2", None),
        ("01", "2023-06-01", "K3", "Innendienst"),
    ],
    columns=["account_id", "date", "contact_id", "own_role"],
).assign(date=lambda rows: pd.to_datetime(rows["date"]).dt.date)


@pytest.mark.parametrize("given", ["contacts", "both"])
def test_contacts_and_talks_are_those_that_were_counted(facts_from: Facts, given: str) -> None:
    tables = {"contacts": CONTACTS} | ({"interactions": VISITS} if given == "both" else {})
    facts = client(facts_from, **tables)
    counted = contact_facts(history_until(facts)).loc["01"]
    found = support(facts)
    assert figure(found, "contacts").value == counted["contact_density"] == 3
    assert figure(found, "deciders").value == counted["deciders"] == {"contacts": 2, "both": 1}[given]
    if given == "contacts":
        assert "visit" not in found.tables
        return
    assert counted["top_own_role"] == "Außendienst"
    share = figure(found, "top_share", {"top_role": "Außendienst"})
    assert share.value == pytest.approx(counted["top_own_share"]) == pytest.approx(2 / 3)
    people = found.tables["contact"].set_index("contact_id")
    assert people["counts"].to_dict() == {"K1": True, "K2": True, "K5": True, "K3": False}
    assert pd.isna(people.loc["K5", "decides"])
    assert found.tables["visit"]["date"].tolist()[0] == pd.Timestamp("2025-06-01")
    assert found.tables["visit"]["counts"].tolist() == [False, True, True, True]


def test_a_shock_is_shown_with_what_it_is_compared_with_and_its_complaints(facts_from: Facts) -> None:
    months = pd.date_range("2023-01-05", "2025-12-05", freq="MS") + pd.Timedelta(days=4)
    ids = [f"{i:02d}" for i in range(1, 41)]
    orders = [
        (i, day.date().isoformat(), (50.0 if i == "01" and day >= pd.Timestamp("2025-03-01") else 100.0) + int(i), "x")
        for i in ids
        for day in months
    ]
    complaints = pd.DataFrame(
        [("01", "2025-03-20", "hoch"), ("01", "2024-01-20", "gering"), ("02", "2025-03-20", "gering")],
        columns=["account_id", "date", "severity"],
    ).assign(date=lambda rows: pd.to_datetime(rows["date"]).dt.date)
    facts = facts_from(orders, complaints=complaints)
    shock = last_shocks(study_buffer(history_until(facts), RULES), pd.Index(["01"])).loc["01"]
    assert shock["shock"] == "complaint"
    found = support(facts, shock_month=shock["shock_month"])
    assert figure(found, "shock_kept").value == pytest.approx(shock["shock_kept"])
    assert figure(found, "shock_matched").value == pytest.approx(shock["shock_matched"])
    assert found.tables["complaint"]["counts"].tolist() == [True, False]
    assert set(found.tables["complaint"]["date"].dt.year) == {2024, 2025}


def test_where_customers_listen_other_accounts_are_numbered() -> None:
    frame = pd.DataFrame({"account_id": ["02", "01"], "name": ["Müller", "Groß"], "buys": [True, False]})
    hidden = _numbered(frame, "01", LABELS)
    assert hidden.columns.tolist() == ["name", "buys"]
    assert hidden["name"].tolist() == ["Vergleichskunde 1", "Groß"]
    talks = pd.DataFrame({"date": [dt.date(2025, 1, 1)]})
    assert _numbered(talks, "01", LABELS) is talks
