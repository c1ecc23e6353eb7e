"""Which customers are one account, today and at the time."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from kamkit.errors import InputError
from kamkit.intake.facts import account_facts
from kamkit.intake.groups import Groups, assign_groups, group_links
from kamkit.intake.importing import check_engagement, import_engagement
from kamkit.model.codes import Level, Severity
from kamkit.model.engagement import Engagement, Period, load_engagement
from kamkit.model.results import Finding, Imported
from kamkit.telling.language import Labels
from kamkit.telling.tables import as_was_table


def master(**columns: list[str | None]) -> pd.DataFrame:
    return pd.DataFrame(columns).astype("string")


def accounts(
    ids: list[str], customers: pd.DataFrame | None = None, confirmed: dict[str, str] | None = None
) -> dict[str, tuple[str, str]]:
    answers = pd.DataFrame({"customer_id": list(confirmed or {}), "group_id": list((confirmed or {}).values())})
    members = assign_groups(pd.Series(ids, dtype="string"), customers, answers.astype("string")).members
    return {row.customer_id: (row.account_id, row.group_source) for row in members.itertuples()}


def test_without_a_master_every_customer_is_an_account() -> None:
    assert accounts(["007", "7"]) == {"007": ("007", "none"), "7": ("7", "none")}


def test_confirmed_group_before_group_id_before_parent() -> None:
    customers = master(
        customer_id=["A", "B", "C", "D", "E"],
        group_id=["K1", "K1", None, None, None],
        parent_id=[None, "E", "B", "E", None],
    )
    assert accounts(["A", "B", "C", "D", "E"], customers, {"A": "E"}) == {
        "A": ("E", "confirmed"),
        "B": ("K1", "group_id"),
        "C": ("K1", "parent"),
        "D": ("E", "parent"),
        "E": ("E", "none"),
    }


def test_a_chain_of_parents_ends_at_its_top() -> None:
    customers = master(customer_id=["A", "B", "C", "D"], parent_id=["B", "C", "C", ""])
    customers["parent_id"] = customers["parent_id"].replace("", pd.NA)
    assert accounts(["A"], customers) == {
        "A": ("C", "parent"),
        "B": ("C", "parent"),
        "C": ("C", "none"),
        "D": ("D", "none"),
    }


def test_a_missing_parent_still_holds_its_subsidiaries_together() -> None:
    customers = master(customer_id=["A", "B"], parent_id=["P", "P"])
    groups = assign_groups(pd.Series(["A", "B"], dtype="string"), customers)
    assert groups.members["account_id"].tolist() == ["P", "P"]
    assert groups.findings == (
        Finding("missing_parent", "customers", Severity.WARNING, rows=1, examples=("P",), values={"n": 1}),
    )


@pytest.mark.parametrize("order", [["A", "B", "C", "D"], ["D", "C", "B", "A"]])
def test_a_cycle_is_broken_at_its_smallest_id(order: list[str]) -> None:
    parents = {"A": None, "B": "C", "C": "B", "D": "C"}
    customers = master(customer_id=order, parent_id=[parents[customer] for customer in order])
    groups = assign_groups(pd.Series(order, dtype="string"), customers)
    assert dict(zip(groups.members["customer_id"], groups.members["account_id"], strict=True)) == {
        "A": "A",
        "B": "B",
        "C": "B",
        "D": "B",
    }
    assert [(f.code, f.examples) for f in groups.findings] == [("parent_cycle", ("B → C → B",))]


def test_a_group_with_the_number_of_a_strange_customer_gets_a_prefix() -> None:
    customers = master(customer_id=["10", "20", "30"], group_id=["30", "30", None])
    groups = assign_groups(pd.Series(["10", "20", "30"], dtype="string"), customers)
    assert groups.members["account_id"].tolist() == ["G:30", "G:30", "30"]
    assert [(f.code, f.rows, f.examples) for f in groups.findings] == [("group_id_clash", 1, ("30",))]


def test_a_group_with_the_number_of_its_own_member_is_no_conflict() -> None:
    customers = master(customer_id=["10", "30"], group_id=["30", "30"])
    groups = assign_groups(pd.Series(["10", "30"], dtype="string"), customers)
    assert groups.members["account_id"].tolist() == ["30", "30"]
    assert groups.findings == ()


YEAR = Period(start=dt.date(2025, 1, 1), end=dt.date(2025, 12, 31))
START = dt.date(2023, 1, 1)


def dated(*rows: tuple[str, str | None, str, str]) -> pd.DataFrame:
    """A hierarchy: customer, parent, first day and last day as ISO dates, empty where open."""
    frame = pd.DataFrame(rows, columns=["customer_id", "parent_id", "valid_from", "valid_to"])
    days = {column: pd.to_datetime(frame[column].replace("", None)) for column in ("valid_from", "valid_to")}
    return frame.assign(**days).astype({"customer_id": "string", "parent_id": "string"})


def groups_of(hierarchy: pd.DataFrame, revenue: dict[str, float] | None = None) -> Groups:
    ids = pd.Series(sorted(set(hierarchy["customer_id"])), dtype="string")
    booked = None if revenue is None else pd.Series(revenue)
    return assign_groups(ids, group_links(None, hierarchy), period=YEAR, since=START, revenue=booked, deepest=2)


def today(groups: Groups) -> dict[str, str]:
    return dict(zip(groups.members["customer_id"], groups.members["account_id"], strict=True))


def test_the_account_is_the_top_of_the_chain_at_the_periods_end_and_told_as_it_was() -> None:
    groups = groups_of(
        dated(
            ("A", "P", "2020-01-01", "2024-06-30"),
            ("A", "Q", "2024-07-01", "9999-12-31"),
            ("Q", "H", "2025-01-01", ""),
            ("B", "P", "", ""),
            ("P", None, "", ""),
        )
    )
    assert today(groups) == {"A": "H", "B": "P", "P": "P", "Q": "H"}
    assert groups.as_was.to_numpy().tolist() == [
        ["A", "H", "P", dt.date(2023, 1, 1), dt.date(2024, 6, 30)],
        ["A", "H", "Q", dt.date(2024, 7, 1), dt.date(2024, 12, 31)],
        ["Q", "H", "Q", dt.date(2023, 1, 1), dt.date(2024, 12, 31)],
    ]
    assert [(f.code, f.examples) for f in groups.findings] == [("missing_parent", ("H",))]


def test_what_begins_after_the_period_changes_nothing_in_it() -> None:
    groups = groups_of(dated(("A", "P", "2020-01-01", "2025-12-31"), ("A", "Q", "2026-01-01", "")))
    assert today(groups) == {"A": "P"}
    assert groups.as_was.empty


def test_a_gap_between_validities_and_the_time_after_the_last_are_told() -> None:
    groups = groups_of(
        dated(("A", "P", "2023-06-01", "2023-12-31"), ("A", "P", "2024-03-01", "2025-06-30"), ("P", None, "", ""))
    )
    assert today(groups)["A"] == "A"
    assert groups.gaps.to_numpy().tolist() == [
        ["A", dt.date(2024, 1, 1), dt.date(2024, 2, 29)],
        ["A", dt.date(2025, 7, 1), dt.date(2025, 12, 31)],
    ]


def test_what_is_wrong_with_links_is_told_with_the_revenue_concerned() -> None:
    groups = groups_of(
        dated(
            ("A", "P", "2024-01-01", ""),
            ("A", "Q", "2025-01-01", ""),
            ("B", "P", "2024-01-01", "2025-03-31"),
            ("B", "P", "2025-01-01", ""),
            ("C", "P", "2025-05-01", "2025-04-30"),
            ("D", "E", "", ""),
            ("E", "F", "", ""),
            ("F", "P", "", ""),
            ("P", None, "", ""),
            ("Q", None, "", ""),
        ),
        {"A": 10.0, "B": 20.0, "C": 30.0, "D": 40.0, "E": 50.0},
    )
    assert today(groups)["A"] == "Q"
    assert [(f.code, f.rows, f.revenue, f.examples) for f in groups.findings] == [
        ("several_parents", 1, 10.0, ("A",)),
        ("overlapping_validity", 1, 20.0, ("B",)),
        ("validity_reversed", 1, 30.0, ("C",)),
        ("deep_chain", 1, 40.0, ("D",)),
    ]


def test_the_hierarchy_goes_before_the_master_and_one_row_each_has_no_validity() -> None:
    customers = master(customer_id=["A", "B"], parent_id=["M", "M"], group_id=[None, None])
    customers["valid_to"] = pd.to_datetime(["2024-12-31", "2024-12-31"])
    links = group_links(customers, dated(("A", "H", "2025-01-01", "")))
    assert today(assign_groups(customers["customer_id"], links, period=YEAR)) == {"A": "H", "B": "M"}


LINES = """Kunde;Datum;Netto
A;15.03.2024;100,00
A;15.03.2025;200,00
A;15.10.2025;50,00
B;01.02.2024;10,00
B;01.02.2025;30,00
"""
COLUMNS = {"customer_id": "Kunde", "posting_date": "Datum", "net_revenue": "Netto"}
KNVH = {"customer_id": "KUNNR", "parent_id": "HKUNNR", "valid_from": "DATAB", "valid_to": "DATBI"}


def engagement_of(folder: Path, master_text: str, hierarchy: str | None = None, **columns: str) -> Engagement:
    (folder / "lines.csv").write_text(LINES, encoding="utf-8")
    (folder / "master.csv").write_text(master_text, encoding="utf-8")
    sources: dict[str, Any] = {
        "transactions": {"path": "lines.csv", "columns": COLUMNS},
        "customers": {"path": "master.csv", "columns": {"customer_id": "Nr", "name": "Name"} | columns},
    }
    if hierarchy is not None:
        (folder / "knvh.csv").write_text(hierarchy, encoding="utf-8")
        sources["hierarchy"] = {"path": "knvh.csv", "columns": KNVH}
    period = {"start": "2025-01-01", "end": "2025-12-31"}
    content = {"client": "Test", "period": period, "sources": sources}
    (folder / "engagement.yml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return load_engagement(folder)


def told(imported: Imported, code: str) -> Finding:
    (found,) = [finding for finding in imported.findings if finding.code == code]
    return found


def test_a_hierarchy_as_sap_writes_it_restates_history_and_discloses_it(tmp_path: Path) -> None:
    knvh = "KUNNR;HKUNNR;DATAB;DATBI\nA;P;20200101;20250630\nA;Q;20250701;99991231\nP;;20200101;99991231\n"
    engagement = engagement_of(tmp_path, "Nr;Name\nA;Alpha\nB;Beta\nP;Pi\nQ;Kappa\n", knvh)
    imported = import_engagement(engagement, tmp_path)
    facts = account_facts(tmp_path, engagement, imported)
    revenue = facts.accounts.set_index("account_id")["revenue"]
    assert revenue.to_dict() == {"B": 30.0, "Q": 250.0}
    assert imported.as_was.astype({"start": str, "end": str}).to_numpy().tolist() == [
        ["A", "Q", "P", "2024-02-01", "2025-06-30", 2, 300.0, 200.0]
    ]
    assert told(imported, "history_restated") == Finding(
        "history_restated",
        "customers",
        Severity.INFO,
        rows=2,
        revenue=300.0,
        examples=("A: P → Q",),
        values={"n": 1, "in_period": 200.0},
    )


def test_what_belonged_to_another_group_stands_in_a_table(tmp_path: Path) -> None:
    knvh = "KUNNR;HKUNNR;DATAB;DATBI\nA;P;20200101;20250630\nA;Q;20250701;99991231\nP;;20200101;99991231\n"
    engagement = engagement_of(tmp_path, "Nr;Name\nA;Alpha\nB;Beta\nQ;Kappa\n", knvh)
    imported = import_engagement(engagement, tmp_path)
    facts, labels = account_facts(tmp_path, engagement, imported), Labels("de", "de_DE", "EUR")
    table = as_was_table(imported, facts, labels)
    assert [column.title for column in table.columns] == [
        *("Kunde", "Damals bei", "Heute bei", "Von", "Bis", "Umsatz", "Davon im Zeitraum")
    ]
    assert [[cell.replace("\u00a0", " ") for cell in row] for row in table.cells] == [
        ["Alpha", "P", "Kappa", "01.02.2024", "30.06.2025", "300 €", "200 €"]
    ]
    for nothing in (replace(imported, as_was=imported.as_was.head(0)), replace(imported, level=Level.CUSTOMER)):
        assert len(as_was_table(nothing, facts, labels)) == 0


def test_lines_in_no_validity_are_told_with_their_revenue(tmp_path: Path) -> None:
    knvh = "KUNNR;HKUNNR;DATAB;DATBI\nA;P;01.01.2020;31.12.2024\nA;P;01.09.2025;31.12.2030\n"
    found = told(check_engagement(engagement_of(tmp_path, "Nr;Name\nA;Alpha\nP;Pi\n", knvh)), "validity_gap")
    assert (found.rows, found.revenue, found.examples) == (1, 200.0, ("A: 2025-01-01 – 2025-08-31",))


def test_a_master_with_several_rows_in_time_is_no_contradiction(tmp_path: Path) -> None:
    rows = "Nr;Name;Konzern;von;bis\nA;Alt;K1;01.01.2020;31.12.2024\nA;Neu;K2;01.01.2025;31.12.9999\nB;Beta;K1;;\n"
    validity = {"valid_from": "von", "valid_to": "bis", "group_id": "Konzern"}
    engagement = engagement_of(tmp_path, rows, **validity)
    imported = import_engagement(engagement, tmp_path)
    facts = account_facts(tmp_path, engagement, imported)
    assert facts.accounts[["account_id", "name", "revenue"]].to_numpy().tolist() == [
        ["K1", "Beta", 30],
        ["K2", "Neu", 250],
    ]
    assert imported.as_was[["customer_id", "account_was", "revenue"]].to_numpy().tolist() == [["A", "K1", 100.0]]


def test_rows_of_the_same_time_that_contradict_each_other_are_an_error(tmp_path: Path) -> None:
    rows = "Nr;Name;Konzern;von\nA;Alpha;K1;01.01.2020\nA;Alpha;K2;01.01.2020\n"
    with pytest.raises(InputError) as error:
        check_engagement(engagement_of(tmp_path, rows, group_id="Konzern", valid_from="von"))
    assert str(error.value) == (
        "customers: 1 problem found\n- 1 customer with several rows that contradict each other in group_id "
        "(customer_id 'A'): keep the row that holds"
    )
