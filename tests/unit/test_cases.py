"""The teaching cases: the same seed gives the same files, every seed the same facts, and the data look like a business."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from python_calamine import CalamineWorkbook

from kamkit.errors import EngagementError
from kamkit.model.engagement import load_engagement
from kamkit.workshop.case_specs import CASES, CaseSpec, RawFile
from kamkit.workshop.cases import DEFAULT_SEED, make_bundled_cases, make_case

NAMES = tuple(CASES)
VARIANTS = [(name, seed) for name in NAMES for seed in (DEFAULT_SEED, 1)]


@dataclass(frozen=True)
class Raw:
    """A case as plain pandas reads it back from its raw files: the lines with customer and account, and the master."""

    spec: CaseSpec
    folder: Path
    lines: pd.DataFrame
    customers: pd.DataFrame
    key: dict[str, Any]

    def fact(self, name: str) -> dict[str, Any]:
        return next((fact for fact in self.key["facts"] if fact["fact"] == name), {})

    def revenue(self, by: str, year: int = 2025) -> pd.Series:
        lines = self.lines[(self.lines["posting_date"].dt.year == year) & (self.lines["customer_id"] != "")]
        revenue = lines.groupby(by)["net_revenue"].sum().sort_values(ascending=False)
        return revenue[revenue > 0]

    def key_accounts(self, by: str) -> set[str]:
        revenue = self.revenue(by)
        before = revenue.cumsum() - revenue
        return set(revenue.index[before < 0.8 * revenue.sum()])


def read_raw(file: RawFile, folder: Path) -> pd.DataFrame:
    """One raw file as text under the canonical names, without title and total rows."""
    if file.sheet:
        rows = CalamineWorkbook.from_path(folder / "raw" / file.name).get_sheet_by_name(file.sheet).to_python()
        start = rows.index(next(row for row in rows if row[0] == next(iter(file.columns))))
        frame = pd.DataFrame(rows[start + 1 : -1 if file.total else None], columns=list(file.columns))
    else:
        text = (folder / "raw" / file.name).read_bytes().decode(file.dialect.encoding).removeprefix("\ufeff")
        path = folder / f"{file.name}.txt"
        path.write_text(text, encoding="utf-8")
        frame = pd.read_csv(path, sep=file.dialect.delimiter, dtype=str, keep_default_na=False)
        path.unlink()
    assert list(frame.columns) == list(file.columns)
    return frame.rename(columns=file.columns)


def numbers(values: pd.Series, file: RawFile) -> pd.Series:
    if file.sheet:
        return values.astype(float)
    text = values.str.replace(file.dialect.thousands or "~", "", regex=False).str.replace(file.dialect.decimal, ".")
    return text.str.replace(r"^(.*)-$", r"-\1", regex=True).replace("", "nan").astype(float)


def read_case(name: str, folder: Path) -> Raw:
    spec = CASES[name]
    parts = []
    for file in spec.transactions:
        part = read_raw(file, folder)
        for column in {"net_revenue", "cost", "margin", "quantity"} & set(part):
            part[column] = numbers(part[column], file)
        part["posting_date"] = pd.to_datetime(part["posting_date"], format=None if file.sheet else file.dialect.date)
        parts.append(part)
    lines, customers = pd.concat(parts, ignore_index=True), read_raw(spec.customers, folder)
    if "margin" not in lines:
        lines["margin"] = lines["net_revenue"] - lines["cost"]
    group = customers["group_id"] if "group_id" in customers else customers["parent_id"]
    account = group.where(group != "", customers["customer_id"])
    lines["account_id"] = lines["customer_id"].map(dict(zip(customers["customer_id"], account, strict=True)))
    return Raw(spec, folder, lines, customers, json.loads((folder / "answer_key.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def case(name: str, seed: int) -> Raw:
        folder = tmp_path_factory.mktemp(name)
        make_case(name, folder, seed)
        return read_case(name, folder)

    return case


@pytest.fixture(params=VARIANTS, ids=lambda variant: f"{variant[0]}-{variant[1]}")
def raw(request: pytest.FixtureRequest, made: Any) -> Raw:
    case: Raw = made(*request.param)
    return case


def workbook_cells(path: Path) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_path(path)
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def test_the_default_seed_reproduces_the_bundled_data(repository: Path, tmp_path: Path) -> None:
    make_bundled_cases(tmp_path)
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    bundled = sorted(
        path.relative_to(repository / "data") for path in (repository / "data").rglob("*") if path.is_file()
    )
    assert made == bundled
    for path in made:
        new, committed = tmp_path / path, repository / "data" / path
        if path.suffix == ".xlsx":
            assert workbook_cells(new) == workbook_cells(committed), path
        else:
            assert new.read_bytes() == committed.read_bytes(), path


def test_bundled_raw_files_stay_small(repository: Path) -> None:
    assert sum(path.stat().st_size for path in (repository / "data").rglob("raw/*")) < 6_000_000


def test_a_name_that_is_no_case(tmp_path: Path) -> None:
    with pytest.raises(EngagementError) as caught:
        make_case("machine", tmp_path)
    assert str(caught.value) == (
        "machine: 1 problem found\n"
        "- is no teaching case: the cases are consumer-goods, machinery, pseudo-kam, technical-service"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_another_seed_plants_the_same_facts_in_other_customers(name: str, made: Any) -> None:
    first, second = made(name, DEFAULT_SEED).key, made(name, 1).key
    assert [fact["fact"] for fact in first["facts"]] == [fact["fact"] for fact in second["facts"]]
    assert all(a["customer_ids"] != b["customer_ids"] for a, b in zip(first["facts"], second["facts"], strict=True))


def test_every_case_says_that_it_is_invented(raw: Raw) -> None:
    assert "fictitious" in (raw.folder / "engagement.yml").read_text(encoding="utf-8").splitlines()[0]
    assert "fiktiv / fictitious" in (raw.folder / "README.md").read_text(encoding="utf-8")
    for file in (*raw.spec.transactions, raw.spec.customers):
        if file.title:
            cells = workbook_cells(raw.folder / "raw" / file.name)[file.sheet or ""]
            assert any("fictitious" in str(row[0]) for row in cells[: len(file.title)])


def test_control_totals_are_the_lines_with_a_customer_to_the_cent(raw: Raw) -> None:
    engagement = load_engagement(raw.folder)
    kept = raw.lines[raw.lines["customer_id"] != ""]
    totals = kept.groupby(kept["posting_date"].dt.year)["net_revenue"].sum().round(2)
    assert totals.to_dict() == dict(engagement.control_totals)
    lost = raw.lines[raw.lines["customer_id"] == ""]
    assert 1 <= len(lost) <= 20
    assert lost["net_revenue"].sum() < 0.001 * totals[2025]


def test_files_are_written_as_the_systems_write_them(raw: Raw) -> None:
    for path in sorted((raw.folder / "raw").glob("*.csv")):
        data = path.read_bytes()
        if raw.spec.name == "technical-service":
            assert b"\r" not in data
            data.decode("utf-8")
        elif path.name not in ("umsatz_2023.csv", "umsatz_2024.csv"):
            data.decode("cp1252")
            assert data.count(b"\r\n") == data.count(b"\n") > 0
    starts = {path.name: path.read_bytes()[:3] for path in (raw.folder / "raw").glob("umsatz_202?.csv")}
    if raw.spec.name == "pseudo-kam":
        assert starts == {
            "umsatz_2023.csv": b"\xef\xbb\xbf",
            "umsatz_2024.csv": b"\xff\xfeF",
            "umsatz_2025.csv": b"Fak",
        }


def test_the_machinery_export_has_the_traps_of_an_erp_list(made: Any) -> None:
    text = (made("machinery", DEFAULT_SEED).folder / "raw" / "umsatz.csv").read_bytes().decode("cp1252")
    assert ".200,20-;" not in text.splitlines()[0]
    assert any(cell.endswith("-") and "," in cell for line in text.splitlines() for cell in line.split(";"))
    assert any("." in cell and "," in cell for line in text.splitlines()[1:] for cell in line.split(";"))


def test_the_total_row_is_the_sum_of_the_lines(made: Any) -> None:
    case = made("consumer-goods", DEFAULT_SEED)
    file = case.spec.transactions[0]
    last = workbook_cells(case.folder / "raw" / file.name)[file.sheet][-1]
    assert last[0] == "Summe"
    assert last[list(file.columns).index("Nettoumsatz")] == pytest.approx(case.lines["net_revenue"].sum(), abs=0.005)


def test_it_looks_like_a_business(raw: Raw) -> None:
    lines, customers = raw.lines, raw.customers
    assert 120 <= len(customers) <= 400
    assert customers["customer_id"].str.fullmatch(r"00\d{5}").all()
    assert customers["customer_id"].is_unique
    assert customers["name"].is_unique
    assert all(customers["name"].str.contains(mark).any() for mark in "äöüß&")
    assert 8 <= lines["category"].nunique() <= 14
    assert (lines["posting_date"].dt.day_of_week < 5).all()
    assert (lines["posting_date"].min().year, lines["posting_date"].max().year) == (2023, 2025)
    assert lines.groupby(lines["posting_date"].dt.to_period("M")).size().shape == (36,)
    revenue = raw.revenue("account_id")
    assert 0.10 <= len(raw.key_accounts("account_id")) / len(revenue) <= 0.30
    assert 1.3 <= np.log(revenue).std() <= 2.2
    assert revenue.iloc[0] < 0.3 * revenue.sum()


def test_corrections_are_booked_with_their_reference(raw: Raw) -> None:
    invoice, credit, cancellation = raw.spec.doc_types
    by_kind = raw.lines.groupby("doc_type")["net_revenue"]
    assert set(by_kind.groups) == {invoice, credit, cancellation}
    assert by_kind.max()[credit] < 0
    assert by_kind.max()[cancellation] < 0
    assert 0.003 < -by_kind.sum()[credit] / by_kind.sum()[invoice] < 0.04
    lines = raw.lines.assign(is_cancelled=raw.lines["doc_type"] == cancellation)
    number = lines["invoice_id"].str.removeprefix(raw.spec.cancelled_as or "")
    lines["document"] = number if "reference" not in lines else number.where(~lines["is_cancelled"], lines["reference"])
    sums = lines.groupby(["document", "is_cancelled"])["net_revenue"].sum().round(2).unstack().dropna()
    assert len(sums) >= 4
    assert (sums[False] == -sums[True]).all()


def test_some_lines_are_booked_twice(raw: Raw) -> None:
    columns = [column for column in raw.lines.columns if column != "line_id"]
    assert 1 <= raw.lines.duplicated(columns).sum() <= 40


def test_only_consolidation_reveals_the_group(raw: Raw) -> None:
    fact = raw.fact("hidden_group")
    assert len(fact["customer_ids"]) == 5
    assert set(fact["account_ids"]) <= raw.key_accounts("account_id")
    assert not set(fact["customer_ids"]) & raw.key_accounts("customer_id")


def test_two_customers_share_a_vat_id_and_nothing_else_maps_them(raw: Raw) -> None:
    shared = raw.customers[(raw.customers["vat_id"] != "") & raw.customers["vat_id"].duplicated(keep=False)]
    fact = raw.fact("same_vat_id")
    assert list(shared["customer_id"]) == fact["customer_ids"]
    assert set(shared["vat_id"]) == {fact["values"]["vat_id"]}
    assert len(fact["account_ids"]) == 2


def test_the_silent_churner_is_a_key_account_that_stopped(raw: Raw) -> None:
    fact = raw.fact("silent_churner")
    orders = raw.lines[raw.lines["customer_id"].isin(fact["customer_ids"])]["posting_date"]
    assert orders.max().date().isoformat() == fact["values"]["last_order"] <= "2025-09-30"
    assert set(orders.dt.to_period("M").astype(str)) >= {
        f"{year}-{month:02d}" for year in (2023, 2024) for month in range(1, 13)
    }
    assert set(fact["account_ids"]) <= raw.key_accounts("account_id")


def test_the_false_alarm_buys_in_its_season_every_year(raw: Raw) -> None:
    fact = raw.fact("seasonal_false_alarm")
    orders = raw.lines[raw.lines["customer_id"].isin(fact["customer_ids"])]["posting_date"]
    assert set(orders.dt.month) <= set(fact["values"]["months"]) == {3, 4, 5, 6, 7, 8}
    assert orders.dt.year.value_counts().min() >= 6
    assert set(fact["account_ids"]) <= raw.key_accounts("account_id")


def test_peers_buy_what_the_whitespace_account_never_did(raw: Raw) -> None:
    fact = raw.fact("whitespace")
    (customer,), category = fact["customer_ids"], fact["values"]["category"]
    bought = raw.lines[raw.lines["net_revenue"] > 0].groupby("customer_id")["category"].agg(set)
    industry = raw.customers.set_index("customer_id")["industry_code"]
    peers = bought[[c for c in bought.index if industry.get(c) == industry[customer] and c != customer]]
    assert category not in bought[customer]
    assert len(peers) >= 10
    assert sum(category in items for items in peers) >= 0.5 * len(peers)


def test_one_site_buys_what_its_sisters_never_did(raw: Raw) -> None:
    fact = raw.fact("group_whitespace")
    lines = raw.lines[raw.lines["category"] == fact["values"]["category"]]
    buyers = lines[lines["customer_id"].isin(fact["customer_ids"])]["customer_id"]
    assert set(buyers) == {fact["values"]["buyer"]}
    assert len(buyers) >= 5


def test_the_loss_making_account_is_a_key_account(raw: Raw) -> None:
    fact = raw.fact("loss_making_a_customer")
    lines = raw.lines[(raw.lines["posting_date"].dt.year == 2025) & raw.lines["customer_id"].isin(fact["customer_ids"])]
    assert lines["margin"].sum() < -0.02 * lines["net_revenue"].sum()
    assert set(fact["account_ids"]) <= raw.key_accounts("account_id")


def test_the_lead_customer_runs_three_months_ahead(raw: Raw) -> None:
    if not (fact := raw.fact("lead_customer")):
        assert raw.spec.name in ("technical-service", "pseudo-kam")
        return
    months = raw.lines["posting_date"].dt.to_period("M")
    is_lead = raw.lines["customer_id"].isin(fact["customer_ids"])
    revenue = raw.lines.groupby([months, is_lead])["net_revenue"].sum().unstack()
    change = np.log(revenue).diff(12).dropna().to_numpy()
    correlation = {lag: np.corrcoef(change[:-lag, 1], change[lag:, 0])[0, 1] for lag in range(1, 7)}
    assert max(correlation, key=lambda lag: correlation[lag]) == fact["values"]["leads_by_months"] == 3
    assert correlation[3] > 0.6


def test_the_project_carries_its_account_once(raw: Raw) -> None:
    if not (fact := raw.fact("one_off_project")):
        assert raw.spec.name in ("consumer-goods", "technical-service")
        return
    own = raw.lines[raw.lines["customer_id"].isin(fact["customer_ids"])]
    project = own[own["project_id"] == fact["values"]["project_id"]]
    assert len(project) == 1
    assert project["net_revenue"].sum() > 0.5 * own["net_revenue"].sum()
    assert set(fact["account_ids"]) <= raw.key_accounts("account_id")


def test_labels_and_treatment_differ_as_planted(made: Any) -> None:
    case = made("machinery", DEFAULT_SEED)
    label = case.customers.set_index("customer_id")["key_label"]
    privileged = pd.read_csv(case.folder / "raw" / "vorrechte.csv", sep=";", encoding="cp1252", dtype=str)
    substantive = set(privileged[~privileged["Vorrecht"].str.contains("präsent|zeitschrift|kalender")]["Kundennr"])
    expected = {
        "key_in_name_only": ("ja", False),
        "de_facto_key_account": ("nein", True),
        "gap_account": ("nein", False),
    }
    for name, (labelled, treated) in expected.items():
        (customer,) = case.fact(name)["customer_ids"]
        assert (label[customer], customer in substantive) == (labelled, treated), name
    assert 10 < (label == "ja").sum() < 80


def test_the_pseudo_company_gives_its_key_accounts_nothing(made: Any) -> None:
    folder = made("pseudo-kam", DEFAULT_SEED).folder / "raw"
    privileged = pd.read_csv(folder / "vorrechte.csv", sep=";", encoding="cp1252", dtype=str)
    assert set(privileged["Vorrecht"]) == {"Weihnachtspräsent", "Kundenzeitschrift", "Jahreskalender"}
    budgets = pd.read_csv(folder / "budgets.csv", sep=";", encoding="cp1252", dtype=str)
    assert budgets["Kunde"].isna().all()
    assert budgets["Bereich"].str.startswith("Außendienst").all()


@pytest.mark.parametrize("name", NAMES)
def test_the_engagement_maps_only_columns_that_the_files_have(name: str, made: Any) -> None:
    case = made(name, DEFAULT_SEED)
    sources = yaml.safe_load((case.folder / "engagement.yml").read_text(encoding="utf-8"))["sources"]
    files = {"transactions": case.spec.transactions[0], "customers": case.spec.customers}
    for table, file in files.items():
        computed = case.spec.computed if table == "transactions" else {}
        mapped = {canonical: client for client, canonical in file.columns.items()}
        assert sources[table]["columns"].items() <= {**mapped, **computed}.items()
    assert ("privileges" in sources) == (name in ("machinery", "pseudo-kam"))
