"""`kamkit run --explain`: workbooks of a whole run, held against the raw data and against what its result files print."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from typer.testing import CliRunner

from kamkit.cli import app
from kamkit.intake.pseudonyms import read_key
from kamkit.model.engagement import load_engagement
from kamkit.model.kit import kit_folder
from kamkit.telling.language import Labels

pytestmark = pytest.mark.slow

LABELS = Labels("de", "de_DE", "EUR")
FIRST = 4
"""The row of a sheet below its title and heads."""

LARGEST, SILENT, GROUP = "0013296", "0011481", "0010180"
BY_NAME = {SILENT: "möhlroth hausverwaltung GmbH & Co. KG"}
RENAMED = {"0012820": "=SUMME(A1) Immobilien", "0010027": "+49 Wohnbau", "0012086": "@Wohnbau"}
"""Accounts that are given names a spreadsheet could take for formulas."""

EXPLAINED = [LARGEST, GROUP, *BY_NAME, *RENAMED]


def call(*arguments: str) -> tuple[int, str]:
    """Exit code and what people are told."""
    done = CliRunner().invoke(app, ["run", *arguments])
    return done.exit_code, done.stderr


def case(folder: Path, settings: str = "") -> Path:
    """A copy of the service company, with the names of `RENAMED`."""
    shutil.copytree(kit_folder("data") / "technical-service", folder)
    master = folder / "raw" / "kunden.csv"
    rows = master.read_text(encoding="utf-8")
    for number, name in RENAMED.items():
        rows, n = re.subn(rf"(?m)^{number},[^,]*,", f"{number},{name},", rows)
        assert n == 1
    master.write_text(rows, encoding="utf-8")
    file = folder / "engagement.yml"
    file.write_text(settings + file.read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def master_of(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "raw" / "kunden.csv", dtype=str)


def group_of(folder: Path, account_id: str) -> pd.DataFrame:
    """The customers that make up an account."""
    master = master_of(folder)
    return master[(master["Kundennr"] == account_id) | (master["Konzernmutter"] == account_id)]


def explain(*accounts: str) -> list[str]:
    return [word for account in accounts for word in ("--explain", account)]


@pytest.fixture(scope="module")
def engagement(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The case after a run into `out`, some accounts asked for by id and some by name."""
    folder = case(tmp_path_factory.mktemp("explain") / "client")
    code, told = call(
        str(folder),
        "--out",
        str(folder / "out"),
        *explain(LARGEST, GROUP),
        *explain(*BY_NAME.values()),
        *explain(*RENAMED.values()),
    )
    assert (code, told.count("Explained: ")) == (0, len(EXPLAINED)), told
    return folder


def workbook(engagement: Path, account_id: str, values: bool = True) -> openpyxl.Workbook:
    return openpyxl.load_workbook(engagement / "out" / "explain" / f"{account_id}.xlsx", data_only=values)


def results(engagement: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(engagement / "out" / "results" / f"{name}.csv", dtype={"account_id": str})


def figures(engagement: Path, account_id: str, name: str) -> list[tuple[str, float]]:
    """Sentence and recomputed value of every figure of this name."""
    how = LABELS(f"trace.{name}")
    rows = workbook(engagement, account_id)["Belege"].iter_rows(min_row=FIRST, values_only=True)
    return [(str(row[1]), float(row[5])) for row in rows if row[2] == how]


def test_every_account_has_its_workbook(engagement: Path) -> None:
    places = (engagement / "out" / "explain").iterdir()
    assert sorted(path.name for path in places) == sorted(f"{account_id}.xlsx" for account_id in EXPLAINED)
    for account_id in EXPLAINED:
        names = workbook(engagement, account_id).sheetnames
        assert names[:4] == ["Sätze", "Belege", "Zeilen", "Vergleich"]
        assert "Anteil am Geschäft" in names


@pytest.mark.parametrize("account_id", EXPLAINED)
def test_every_figure_is_a_live_formula_with_the_value_it_was_told_with(engagement: Path, account_id: str) -> None:
    formulas, page = (
        workbook(engagement, account_id, values=False)["Belege"],
        workbook(engagement, account_id)["Belege"],
    )
    rows = range(FIRST, page.max_row + 1)
    assert len(rows) > 5
    assert all(formulas.cell(row, column).data_type == "f" for row in rows for column in (6, 7))
    assert any("line_" in str(formulas.cell(row, 6).value) for row in rows)
    assert [page.cell(row, 6).value for row in rows] == pytest.approx([page.cell(row, 5).value for row in rows])
    assert {page.cell(row, 7).value for row in rows} == {"ja"}
    for row in rows:
        assert str(page.cell(row, 4).value) in str(page.cell(row, 2).value)


@pytest.mark.skipif(shutil.which("libreoffice") is None, reason="needs libreoffice to compute the formulas")
@pytest.mark.parametrize("account_id", [SILENT, GROUP, LARGEST])
def test_a_spreadsheet_computes_the_same(
    engagement: Path, recalculated: Callable[[Path], openpyxl.Workbook], account_id: str
) -> None:
    page = recalculated(engagement / "out" / "explain" / f"{account_id}.xlsx")["Belege"]
    rows = range(FIRST, page.max_row + 1)
    assert [page.cell(row, 6).value for row in rows] == pytest.approx([page.cell(row, 5).value for row in rows])
    assert {page.cell(row, 7).value for row in rows} == {"ja"}


@pytest.mark.parametrize(
    ("name", "table", "column"),
    [
        ("revenue", "accounts", "revenue"),
        ("days", "account_risk", "days_since_last"),
        ("at_risk", "account_risk", "revenue_at_risk"),
    ],
)
def test_figures_are_those_of_the_result_files(engagement: Path, name: str, table: str, column: str) -> None:
    printed = results(engagement, table).set_index("account_id")[column]
    found = {account_id: {value for _, value in figures(engagement, account_id, name)} for account_id in EXPLAINED}
    told = {account_id: values for account_id, values in found.items() if values}
    assert told
    for account_id, values in told.items():
        assert sorted(values) == pytest.approx([printed[account_id]])


@pytest.mark.parametrize(
    ("name", "column"), [("expected", "expected_revenue"), ("usual", "usual_revenue"), ("peers", "peers")]
)
def test_figures_of_a_white_spot_are_those_of_its_row(engagement: Path, name: str, column: str) -> None:
    spots = results(engagement, "cross_selling")
    spots = spots[spots["account_id"] == LARGEST].set_index("category")[column]
    found = [(re.findall("„(.+?)“", sentence), value) for sentence, value in figures(engagement, LARGEST, name)]
    named = [(spots[categories[0]], value) for categories, value in found if categories]
    assert named
    assert [value for _, value in named] == pytest.approx([printed for printed, _ in named])


def test_comparable_accounts_are_those_of_the_raw_data(engagement: Path) -> None:
    """Who bought the white spot of the largest account ever, counted in the client's own files."""
    page = workbook(engagement, LARGEST)["Vergleichskunden"]
    heads = [str(cell.value) for cell in page[3]]
    category = re.findall("hat „(.+?)“ je gekauft", " ".join(heads))[0]
    peers = {row[0]: dict(zip(heads, row, strict=True)) for row in page.iter_rows(min_row=FIRST, values_only=True)}
    raw = pd.read_csv(engagement / "raw" / "rechnungspositionen.csv", dtype=str)
    master = master_of(engagement)
    group = master["Konzernmutter"].fillna(master["Kundennr"]).set_axis(master["Kundennr"])
    bought = raw[(raw["leistungsart"] == category) & (raw["netto"].astype(float) > 0)]
    buyers = {group.get(number, number) for number in bought["kundennummer"]}
    said = {number for number, row in peers.items() if row[f"hat „{category}“ je gekauft"]}
    assert said
    assert said <= buyers
    counted = sum(bool(row["vergleichbar"]) for number, row in peers.items() if number in said)
    assert {value for _, value in figures(engagement, LARGEST, "n")} == {counted}


@pytest.mark.parametrize("account_id", [SILENT, GROUP])
def test_the_lines_are_those_of_the_account_and_no_others(engagement: Path, account_id: str) -> None:
    raw = pd.read_csv(engagement / "raw" / "rechnungspositionen.csv", dtype=str)
    cancelled = raw.duplicated(["rechnung", "position"], keep=False)  # with the line that cancels it
    own = raw[raw["kundennummer"].isin(group_of(engagement, account_id)["Kundennr"]) & ~cancelled]
    wanted = sorted(
        zip(own["rechnung"], own["buchungsdatum"], own["kundennummer"], own["netto"].astype(float), strict=True)
    )
    rows = list(workbook(engagement, account_id)["Zeilen"].iter_rows(min_row=FIRST, values_only=True))
    shown = sorted((str(row[0]), f"{row[1]:%Y-%m-%d}", str(row[2]), round(float(str(row[6])), 2)) for row in rows)
    assert shown == wanted
    assert {row[2] for row in rows} == set(group_of(engagement, account_id)["Kundennr"])


@pytest.mark.parametrize("account_id", RENAMED)
def test_names_that_look_like_formulas_stay_text(engagement: Path, account_id: str) -> None:
    book = workbook(engagement, account_id, values=False)
    assert f"„{RENAMED[account_id]}“" in str(book["Sätze"]["A1"].value)
    texts = [page for page in book if page.title != "Belege"]
    assert not [cell.coordinate for page in texts for row in page.iter_rows() for cell in row if cell.data_type == "f"]


def test_unknown_accounts_are_told_with_the_closest_and_nothing_is_published(engagement: Path) -> None:
    before = sorted(engagement.iterdir())
    code, told = call(str(engagement), "--out", str(engagement / "other"), *explain(LARGEST, "Thülthal", "13296"))
    assert code == 2
    assert told.splitlines()[:2] == [
        "--explain: 2 problems found",
        "- 'Thülthal' is no account of this engagement. Close: 'Thülthal Immobilien AG'",
    ]
    assert re.match(r"- '13296' is no account of this engagement\. Close: '0013296'", told.splitlines()[2])
    assert sorted(engagement.iterdir()) == before


@pytest.mark.parametrize("step", ["1", "03_kam_types"])
def test_a_step_before_the_options_explains_nothing(engagement: Path, step: str) -> None:
    before = sorted(engagement.iterdir())
    code, told = call(str(engagement), "--out", str(engagement / "other"), "--step", step, *explain(LARGEST))
    assert code == 2
    assert told.startswith("--explain: 1 problem found\n- what is explained is found out in 04_strategy_options: 0")
    assert sorted(engagement.iterdir()) == before


def test_where_customers_listen_no_other_customer_is_named(tmp_path: Path) -> None:
    folder = case(tmp_path / "client", "audience: customer_meeting\n")
    code, told = call(str(folder), "--out", str(folder / "out"), "--step", "4", *explain(LARGEST))
    assert code == 0, told
    book = workbook(folder, LARGEST)
    assert "Vergleichskunde 1" in {cell.value for cell in book["Vergleichskunden"]["A"]}
    assert "Anteil am Geschäft" not in book.sheetnames
    master, own = master_of(folder), set(group_of(folder, LARGEST)["Kundennr"])
    others = master[~master["Kundennr"].isin(own)]
    hidden = [*others["Kundennr"], *others["Name"]]
    texts = list(cells(book))
    assert sorted({word for word in hidden for text in texts if word in text}) == []


def cells(book: openpyxl.Workbook) -> Iterator[str]:
    for page in book:
        yield page.title
        yield from (str(cell.value) for row in page.iter_rows() for cell in row if cell.value is not None)


def test_with_pseudonyms_neither_file_nor_cell_holds_a_name_or_a_number(tmp_path: Path) -> None:
    folder = case(tmp_path / "client", "pseudonymise: true\n")
    members, out = group_of(folder, GROUP), folder / "out"
    name = members.set_index("Kundennr")["Name"][GROUP]
    code, told = call(str(folder), "--out", str(out), *explain(name))
    assert (code, out.exists()) == (2, False)
    assert told.startswith(
        f"--explain: 1 problem found\n- '{name}' is no account of this engagement; accounts go by their pseudonyms here"
    )

    pseudonym = read_key(load_engagement(folder)).codes("account", [GROUP])[GROUP]
    code, told = call(str(folder), "--out", str(out), "--step", "4", *explain(pseudonym))
    assert code == 0, told
    assert [path.name for path in (out / "explain").iterdir()] == [f"{pseudonym}.xlsx"]
    book = openpyxl.load_workbook(out / "explain" / f"{pseudonym}.xlsx")
    texts = [*cells(book), *filter(None, (book.properties.title, book.properties.creator))]
    assert len({str(row[2]) for row in book["Zeilen"].iter_rows(min_row=FIRST, values_only=True)}) == len(members) == 3
    master = master_of(folder)
    hidden = [*master["Kundennr"], *master["Name"], *master["USt-IdNr"].dropna(), "Westerscheid"]
    assert sorted({word for word in hidden for text in texts if word in text}) == []
