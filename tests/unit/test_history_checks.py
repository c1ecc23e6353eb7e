"""Traps that only history or structure shows, each on a small raw file: what is found, what is told, what is blocked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from kamkit.errors import EngagementError, InputError
from kamkit.intake.history_checks import CHECKS, Checks
from kamkit.intake.importing import check_engagement
from kamkit.model.codes import Severity
from kamkit.model.engagement import load_engagement
from kamkit.model.results import Finding, Imported

MONTHS = [f"{year}-{month:02d}" for year in (2023, 2024, 2025) for month in range(1, 13)]
LINE_COLUMNS = {
    "customer_id": "Kunde",
    "posting_date": "Datum",
    "net_revenue": "Umsatz",
    "sales_rep": "Vertreter",
    "category": "Gruppe",
    "product_id": "Artikel",
    "quantity": "Menge",
    "currency": "Waehrung",
}
MASTER_COLUMNS = {
    "customer_id": "Nr",
    "name": "Name",
    "vat_id": "USt",
    "group_id": "Konzern",
    "valid_from": "Von",
    "valid_to": "Bis",
    "key_label": "Key",
    "key_since": "Seit",
    "customer_class": "Klasse",
}

Line = dict[str, Any]


def line(customer: str, month: str, revenue: float = 10.0, **more: Any) -> Line:
    """One booked line on the first or, for the last month, on the last day."""
    return {"Kunde": customer, "Datum": f"{month}-28", "Umsatz": revenue} | more


def every_month(
    customers: Iterable[str], months: Iterable[str] = MONTHS, revenue: float = 10.0, **more: Any
) -> list[Line]:
    """A line of every customer in every month."""
    return [line(customer, month, revenue, **more) for month in months for customer in customers]


def imported_from(folder: Path, lines: list[Line], master: list[Line] | None = None, **settings: Any) -> Imported:
    """What an import of these lines, and of this customer master, finds out."""
    sources = {"transactions": _source(folder / "lines.csv", lines, LINE_COLUMNS)}
    if master is not None:
        sources["customers"] = _source(folder / "master.csv", master, MASTER_COLUMNS)
    content = {"client": "Test", "sources": sources} | settings
    (folder / "engagement.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return check_engagement(load_engagement(folder))


def _source(path: Path, rows: list[Line], columns: Mapping[str, str]) -> dict[str, Any]:
    """The rows as a semicolon file with the columns that they have."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = [";".join(names), *(";".join(str(row.get(name, "")) for name in names) for row in rows)]
    path.write_text("\n".join(text).replace(".", ",") + "\n", encoding="utf-8")
    return {"path": path.name, "columns": {key: name for key, name in columns.items() if name in names}}


def found(imported: Imported, code: str) -> Finding | None:
    return next((finding for finding in imported.findings if finding.code == code), None)


def the(imported: Imported, code: str) -> Finding:
    finding = found(imported, code)
    assert finding is not None, [f.code for f in imported.findings]
    return finding


CUSTOMERS = [f"K{n:02d}" for n in range(20)]


def test_steady_business_is_nothing_to_report(tmp_path: Path) -> None:
    imported = imported_from(tmp_path, every_month(CUSTOMERS), pareto={"level": "customer"})
    assert {finding.code for finding in imported.findings} & set(CHECKS) == {"terms_missing"}
    assert imported.blocked == {}


def test_a_customer_that_goes_on_under_another_number(tmp_path: Path) -> None:
    lines = every_month(["A"], MONTHS[:29]) + every_month(["B"], MONTHS[29:], 20.0) + every_month(["C", "D"])
    master = [
        {"Nr": "A", "Name": "Muster AG", "USt": "DE 123456789"},
        {"Nr": "B", "Name": "Muster Holding", "USt": "DE123456789"},
        {"Nr": "C", "Name": "Muster C", "USt": "DE111111111"},
        {"Nr": "D", "Name": "Muster D", "USt": "DE111111111"},
    ]
    finding = the(imported_from(tmp_path, lines, master), "customer_succession")
    # of 2025: A five months at 10, B seven at 20; C and D share a number but trade side by side
    assert (finding.rows, finding.revenue, finding.examples) == (1, 190.0, ("A → B",))
    assert finding.values == {"n": 1, "as_was": 140.0, "restated": 190.0}
    confirmed = [row | {"Konzern": "M" if row["Nr"] in "AB" else ""} for row in master]
    assert found(imported_from(tmp_path, lines, confirmed), "customer_succession") is None


def test_a_migration_of_numbers_blocks_the_test_of_account_risk(tmp_path: Path) -> None:
    new = [f"1{customer}" for customer in CUSTOMERS[:12]]
    lines = every_month(CUSTOMERS[:12], MONTHS[:20]) + every_month(new, MONTHS[20:]) + every_month(CUSTOMERS[12:])
    imported = imported_from(tmp_path, lines)
    finding = the(imported, "customer_renumbering")
    assert finding.values == {"month": dt.date(2024, 9, 1), "ended": 12, "begun": 12}
    assert (finding.rows, finding.revenue) == (24, 12 * 12 * 10.0)
    assert imported.blocked == {"account_risk": "customer_renumbering"}


def test_usual_turnover_is_no_migration(tmp_path: Path) -> None:
    lines = [
        entry
        for n in range(30)
        for entry in every_month([f"K{n}"], MONTHS[n : n + 6])
    ]  # fmt: skip
    assert found(imported_from(tmp_path, lines), "customer_renumbering") is None


def test_history_restated_to_todays_group_can_be_switched_off(tmp_path: Path) -> None:
    master = [
        {"Nr": "A", "Konzern": "G", "Von": "2020-01-01", "Bis": "2024-12-31"},
        {"Nr": "A", "Konzern": "H", "Von": "2025-01-01", "Bis": ""},
    ]
    finding = the(imported_from(tmp_path, every_month("AB"), master), "history_restated")
    assert (finding.rows, finding.revenue) == (24, 240.0)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "cleaning.yml").write_text("checks: {history_restated: 'off'}", encoding="utf-8")
    assert found(imported_from(tmp_path, every_month("AB"), master), "history_restated") is None


def test_an_export_of_active_customers_blocks_the_test_of_account_risk(tmp_path: Path) -> None:
    many = [f"K{n:02d}" for n in range(50)]
    sparse = [month for month in MONTHS if month.endswith(("01", "06", "12"))]
    imported = imported_from(tmp_path, every_month(many, sparse) + every_month(["X"]))
    finding = the(imported, "survivorship")
    assert finding.values == {"n": 51, "since": dt.date(2025, 1, 1)}
    assert finding.revenue == 50 * 3 * 10.0 + 120.0
    assert imported.blocked == {"account_risk": "survivorship"}
    left = every_month(["GONE"], MONTHS[:20])
    assert found(imported_from(tmp_path, every_month(many, sparse) + left), "survivorship") is None


def test_labels_given_in_the_period_are_told(tmp_path: Path) -> None:
    master = [
        {"Nr": "K00", "Key": "ja", "Seit": "2025-03-01"},
        {"Nr": "K01", "Key": "ja", "Seit": "2019-01-01"},
        {"Nr": "K02", "Key": "nein", "Seit": "2025-03-01"},
    ]
    finding = the(imported_from(tmp_path, every_month(CUSTOMERS), master), "label_from_period")
    assert (finding.rows, finding.revenue, finding.examples) == (1, 120.0, ("K00",))
    assert finding.values == {"n": 1, "total": 2}


def test_classes_that_repeat_this_year_are_told(tmp_path: Path) -> None:
    sizes = {customer: 1000.0 if n < 4 else 100.0 if n < 8 else 5.0 for n, customer in enumerate(CUSTOMERS)}
    before = dict(zip(sizes, reversed(sizes.values()), strict=True))
    lines = [line(c, month, (sizes if month >= "2025" else before)[c]) for month in MONTHS for c in CUSTOMERS]
    master = [{"Nr": c, "Klasse": {1000.0: "A", 100.0: "B", 5.0: "C"}[size]} for c, size in sizes.items()]
    finding = the(imported_from(tmp_path, lines, master), "class_from_period")
    assert finding.rows == 20
    assert finding.values["share"] == 0.95  # the fourth of 100 is beyond 95 % already
    assert finding.values["before"] < 0.5
    of_last_year = [{"Nr": c, "Klasse": {1000.0: "A", 100.0: "B", 5.0: "C"}[size]} for c, size in before.items()]
    assert found(imported_from(tmp_path, lines, of_last_year), "class_from_period") is None


def test_a_new_cut_of_territories(tmp_path: Path) -> None:
    lines = every_month(CUSTOMERS[:8], MONTHS[:27], Vertreter="Alt") + every_month(
        CUSTOMERS[:8], MONTHS[27:], Vertreter="Neu"
    )
    lines += every_month(CUSTOMERS[8:], Vertreter="Alt")
    finding = the(imported_from(tmp_path, lines), "territory_recut")
    assert finding.values == {"n": 8, "at_once": 8, "month": dt.date(2025, 4, 1), "what": "field_rep"}
    assert (finding.rows, finding.revenue, finding.severity) == (8, 960.0, Severity.WARNING)
    assert "Neu" not in str(finding)  # names of sales people stay out


def test_a_single_handover_is_told_and_no_cut(tmp_path: Path) -> None:
    lines = every_month(CUSTOMERS[1:], Vertreter="Alt")
    lines += every_month(["K00"], MONTHS[:27], Vertreter="Alt") + every_month(["K00"], MONTHS[27:], Vertreter="Neu")
    imported = imported_from(tmp_path, lines)
    assert the(imported, "owner_changes").rows == 1
    assert found(imported, "territory_recut") is None


def test_a_reorganised_category_tree_blocks_the_test_of_cross_selling(tmp_path: Path) -> None:
    lines = [entry for n in range(6) for entry in every_month("AB", MONTHS[:30], Gruppe=f"alt {n}")]
    lines += [entry for n in range(6) for entry in every_month("AB", MONTHS[30:], Gruppe=f"neu {n}")]
    imported = imported_from(tmp_path, lines)
    finding = the(imported, "category_reorganisation")
    assert finding.values == {"month": dt.date(2025, 7, 1), "ended": 6, "begun": 6}
    assert (finding.revenue, finding.examples[0]) == (2 * 6 * 6 * 10.0, "neu 0")
    assert imported.blocked["cross_selling"] == "category_reorganisation"


def test_coverage_of_the_group_mapping(tmp_path: Path) -> None:
    master = [{"Nr": c, "Konzern": "G" if c in ("K00", "K01") else ""} for c in CUSTOMERS]
    finding = the(imported_from(tmp_path, every_month(CUSTOMERS), master), "group_coverage")
    assert (finding.rows, finding.revenue, finding.severity) == (18, 18 * 120.0, Severity.WARNING)
    assert finding.values == {"n": 18, "most": 20, "share": pytest.approx(0.1)}


def test_a_year_before_that_lacks_months_is_not_compared(tmp_path: Path) -> None:
    imported = imported_from(tmp_path, every_month(CUSTOMERS, MONTHS[19:]))
    finding = the(imported, "short_year")
    assert finding.values == {"n": 7, "before": 5, "start": dt.date(2024, 1, 1), "end": dt.date(2024, 12, 31)}
    assert imported.blocked == {"year_on_year": "short_year", "statistics": "small_sample"}


def test_months_that_are_not_covered_whole(tmp_path: Path) -> None:
    days = [dt.date(2023, 12, 15) + dt.timedelta(days=n) for n in range(760)]  # to 2026-01-12
    lines = [{"Kunde": "A", "Datum": day.isoformat(), "Umsatz": 1} for day in days]
    imported = imported_from(tmp_path, lines)
    first, last = the(imported, "partial_first_month"), the(imported, "partial_last_month")
    assert (first.rows, first.revenue, first.values) == (17, 17.0, {"day": dt.date(2023, 12, 15)})
    assert (last.rows, last.revenue, last.values) == (12, 12.0, {"day": dt.date(2026, 1, 12)})
    assert imported.period.end == dt.date(2025, 12, 31)


def test_a_month_that_is_missing(tmp_path: Path) -> None:
    lines = [row for row in every_month(CUSTOMERS) if row["Datum"] != "2025-05-28" or row["Kunde"] == "K00"]
    finding = the(imported_from(tmp_path, lines), "missing_month")
    assert (finding.rows, finding.revenue, finding.examples) == (1, 200.0, ("2025-05",))
    assert finding.values == {"n": 1, "months": [dt.date(2025, 5, 1)], "usual": 200.0}


def test_a_season_is_told_and_its_low_months_are_not_missing(tmp_path: Path) -> None:
    lines = [line(c, month, 1000 if month[-2:] in ("10", "11", "12") else 100) for c in CUSTOMERS for month in MONTHS]
    summer = [line(c, month, 1 if month.endswith("08") else 100) for c in CUSTOMERS for month in MONTHS]
    imported = imported_from(tmp_path, lines)
    finding = the(imported, "seasonality")
    assert finding.values["share"] == pytest.approx(3000 / 3900)
    assert finding.revenue == 60_000.0
    assert finding.examples[0] == "2025-10: 25.6%"
    assert found(imported_from(tmp_path, summer), "missing_month") is None


def test_price_quantity_and_assortment_add_up_to_the_change(tmp_path: Path) -> None:
    months = [month for month in MONTHS if month >= "2024"]
    lines = []
    for month in months:
        now = month >= "2025"
        lines += [line("A", month, 12 * 11 if now else 10 * 10, Artikel="P", Menge=11 if now else 10)]
        lines += [line("A", month, 5, Artikel="N" if now else "O", Menge=1)]
    finding = the(imported_from(tmp_path, lines), "price_volume_mix")
    # a year: price (12 − 10) × 132 pieces, quantity 12 × 10 more, new and dropped items level
    assert finding.values == {"price": 264.0, "volume": 120.0, "mix": 0.0, "change": 384.0, "n": 1}
    assert finding.revenue == 384.0


@pytest.mark.parametrize(
    ("n", "months", "told"),
    [(2, 12, (2, 12)), (20, 23, (20, 23)), (19, 24, (19, 24)), (20, 24, None)],
)
def test_few_accounts_or_months_only_describe(
    tmp_path: Path, n: int, months: int, told: tuple[int, int] | None
) -> None:
    imported = imported_from(tmp_path, every_month(CUSTOMERS[:n], MONTHS[36 - months :]))
    finding = found(imported, "small_sample")
    values = {"few_accounts": 20, "few_months": 24}
    assert (finding and finding.values) == (told and {"accounts": told[0], "months": told[1], **values})
    assert imported.blocked.get("statistics") == (told and "small_sample")


def test_the_pool_of_collective_accounts_is_no_account_and_a_yearly_list_has_twelve_months_a_year(
    tmp_path: Path,
) -> None:
    periods = {str(year): f"U {year}" for year in (2024, 2025)}
    rows = [f"K{n};10;10" for n in range(19)] + ["CPD;10;10"]
    (tmp_path / "u.csv").write_text("\n".join(["Kunde;U 2024;U 2025", *rows]) + "\n", encoding="utf-8")
    (tmp_path / "k.csv").write_text("Nr;Gruppe\nCPD;CPD\n", encoding="utf-8")
    sources = {
        "transactions": {"path": "u.csv", "layout": "wide", "columns": {"customer_id": "Kunde"}, "periods": periods},
        "customers": {"path": "k.csv", "columns": {"customer_id": "Nr", "account_group": "Gruppe"}},
    }
    (tmp_path / "engagement.yml").write_text(yaml.safe_dump({"client": "T", "sources": sources}), encoding="utf-8")
    finding = the(check_engagement(load_engagement(tmp_path)), "small_sample")
    assert (finding.values["accounts"], finding.values["months"]) == (19, 24)


def test_growth_at_constant_rates(tmp_path: Path) -> None:
    months = [month for month in MONTHS if month >= "2024"]
    rates = [f"{month};USD;{'0,50' if month >= '2025' else '1,00'}" for month in months]
    (tmp_path / "kurse.csv").write_text("\n".join(["month;currency;rate", *rates]) + "\n", encoding="utf-8")
    lines = every_month("A", months, 10.0, Waehrung="EUR") + every_month("B", months, 10.0, Waehrung="USD")
    imported = imported_from(tmp_path, lines, exchange_rates={"path": "kurse.csv"})
    finding = the(imported, "constant_rates")
    assert finding.examples == ("USD 0.5000",)
    assert finding.values["source"] == "kurse.csv"
    assert finding.values["growth"] == pytest.approx(180 / 240 - 1)
    assert finding.values["constant"] == pytest.approx(0.0)
    steps = imported.bridge.set_index(["fiscal_year", "step"])["revenue"]
    assert steps.loc[2025].to_dict() == {"in_files": 240.0, "currency": -60.0, "imported": 180.0}


@pytest.mark.parametrize(("code", "severity"), [("10", Severity.WARNING), ("28", Severity.INFO)])
def test_bonuses_outside_invoices_are_asked_for(tmp_path: Path, code: str, severity: Severity) -> None:
    imported = imported_from(tmp_path, every_month("A"), supplier_industry={"code": code, "version": "nace2"})
    finding = the(imported, "terms_missing")
    assert (finding.severity, finding.revenue) == (severity, 120.0)


def test_every_check_can_be_switched_off(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    off = {"checks": dict.fromkeys(Checks.model_fields, "off")}
    (tmp_path / "rules" / "cleaning.yml").write_text(yaml.safe_dump(off), encoding="utf-8")
    lines = every_month("AB", MONTHS[:20]) + every_month("CD", MONTHS[20:])
    imported = imported_from(tmp_path, lines)
    assert imported.findings == ()
    assert imported.blocked == {}
    assert set(CHECKS) < set(Checks.model_fields)


def test_an_unknown_check_is_told_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "cleaning.yml").write_text(
        "checks: {survivorshp: off, seasonality: remove}", encoding="utf-8"
    )
    with pytest.raises(EngagementError) as error:
        imported_from(tmp_path, every_month("A"))
    assert "Did you mean 'survivorship'?" in str(error.value)
    assert "checks.seasonality: 'remove' is not known. Known are: report, off" in str(error.value)


def test_where_sales_people_take_turns_nobody_hands_over(tmp_path: Path) -> None:
    lines = [
        line(customer, month, Vertreter=f"V{(n + int(month[-2:])) % 9}")
        for n, customer in enumerate(CUSTOMERS)
        for month in MONTHS[::4]
    ]
    imported = imported_from(tmp_path, lines)
    assert found(imported, "owner_changes") is None
    assert found(imported, "territory_recut") is None


def test_a_file_that_is_there_twice_explains_the_difference(tmp_path: Path) -> None:
    for name in ("a", "b"):
        _source(tmp_path / f"lines_{name}.csv", every_month("AB", MONTHS[24:]), LINE_COLUMNS)
    source = _source(tmp_path / "unused.csv", every_month("A"), LINE_COLUMNS) | {"path": "lines_*.csv"}
    content = {"client": "Test", "sources": {"transactions": source}, "control_totals": {2025: 240}}
    (tmp_path / "engagement.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(InputError) as error:
        check_engagement(load_engagement(tmp_path))
    assert str(error.value) == (
        "control_totals: 1 problem found\n"
        "- 2025: imported 480.00, stated 240.00: +240.00 (+100.0%), more than ±1%; would be explained by lines_b.csv being "
        "a copy of another file: -240.00. Check the export, or give the reason as accept_difference"
    )


def test_credit_notes_that_the_client_does_not_count_explain_the_difference(tmp_path: Path) -> None:
    lines = [*every_month("AB", MONTHS[24:]), line("A", "2025-06", -30)]
    imported = imported_from(tmp_path, lines, control_totals={2025: 240}, accept_difference="before credit notes")
    year = imported.reconciliation.set_index("fiscal_year").loc[2025]
    assert (year["explained_by"], year["explained_detail"], year["explained"]) == ("reported", "negative_line", 30.0)
    steps = imported.bridge.set_index("step")["revenue"].to_dict()
    assert steps == {"in_files": 210, "imported": 210, "stated": 240, "difference": -30, "unexplained": 0}
