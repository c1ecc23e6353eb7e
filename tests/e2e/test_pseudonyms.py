"""A run with pseudonyms: every byte of everything it leaves is searched for the real names and numbers of customers."""

from __future__ import annotations

import html
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest

from kamkit.execution.chain import run
from kamkit.execution.project import open_project
from kamkit.intake.input_sheets import HEADING_ROW
from kamkit.intake.input_writing import refresh_inputs
from kamkit.intake.pseudonyms import KEY_FILE, read_key
from kamkit.model.engagement import load_engagement
from kamkit.model.kit import kit_folder

LEGAL_FORMS = r"(?: (?:GmbH|AG|KG|OHG|SE|e\. K\.|mbH|& Co\.|UG))+$"


@pytest.fixture(scope="module")
def engagement(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The machinery case with pseudonyms, a decision, a comment and a stated difference that name customers."""
    folder = tmp_path_factory.mktemp("pseudonyms") / "client"
    shutil.copytree(kit_folder("data") / "machinery", folder)
    file = folder / "engagement.yml"
    largest, second = _master(folder)["name"].iloc[:2]
    number = _master(folder)["id"].iloc[0]
    settings = file.read_text(encoding="utf-8").replace("2025: 44145040.08", "2025: 48000000")
    reason = f"accept_difference: 'Bonus an {_short(second)} ist noch nicht gebucht'\n"
    file.write_text("pseudonymise: true\n" + reason + settings, encoding="utf-8")
    refresh_inputs(folder / "inputs.xlsx", "de")
    book = openpyxl.load_workbook(folder / "inputs.xlsx")
    _fill(book["Kommentare"], {"Kommentar": f"{largest.upper()} ({number}) prüft einen Wechsel.", "Rolle": "Leitung"})
    _fill(
        book["Entscheidungen"],
        {
            "Kundennummer": number,
            "Gegenstand": "Key Account",
            "Entscheidung": "ja",
            "Begründung": f"Wie {_short(second)}, nur wichtiger",
        },
    )
    _fill(book["Organisation"], {"Antwort": "ja", "gesagt von (Rolle)": f"Betreuung {_short(second)}"})
    book.save(folder / "inputs.xlsx")
    return folder


def _fill(page: openpyxl.worksheet.worksheet.Worksheet, entry: dict[str, str]) -> None:
    headings = [cell.value for cell in page[HEADING_ROW]]
    for heading, text in entry.items():
        page.cell(HEADING_ROW + 1, headings.index(heading) + 1, text)


def _master(folder: Path) -> pd.DataFrame:
    raw = pd.read_csv(folder / "raw" / "kunden.csv", sep=";", encoding="cp1252", dtype=str)
    return raw.rename(columns={"Kundennr": "id", "Name": "name", "USt-IdNr": "vat_id"})


def _short(name: str) -> str:
    return str(pd.Series([name]).str.replace(LEGAL_FORMS, "", regex=True)[0])


def _texts(path: Path) -> Iterator[str]:
    """Everything readable in a file: as it is, unpacked, and with escapes undone."""
    match path.suffix:
        case ".parquet":
            table = pq.read_table(path)
            yield str(table.schema.metadata)
            yield table.to_pandas().to_csv()
        case ".xlsx":
            with zipfile.ZipFile(path) as packed:
                for member in packed.namelist():
                    yield member
                    yield html.unescape(packed.read(member).decode("utf-8", "replace"))
        case ".ipynb" | ".json":
            text = path.read_text(encoding="utf-8")
            yield text
            yield html.unescape(json.dumps(json.loads(text), ensure_ascii=False).replace("\\n", "\n"))
        case _:
            yield html.unescape(path.read_bytes().decode("utf-8", "replace"))


def _stands_alone(word: str, text: str) -> bool:
    """Whether a word is not only a stretch of digits within some figure."""
    return not word.isdigit() or re.search(rf"(?<![\d.]){word}(?!\d)", text) is not None


@pytest.mark.slow
def test_a_run_holds_no_name_and_no_number_of_a_customer(engagement: Path) -> None:
    outcome = run(engagement, out=engagement / "out")
    assert outcome.state == "ok"
    master = _master(engagement)
    assert len(master) > 300
    assert master["id"].str.len().min() >= 5
    told = {*master["id"], *master["name"], *map(_short, master["name"]), *master["vat_id"].dropna()}
    wanted = {text.casefold() for text in told if len(text) >= 4}
    files = [path for path in outcome.out.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".ipynb", ".parquet", ".xlsx", ".html", ".csv", ".json", ".log"}
    found = {
        f"{path.relative_to(outcome.out)}: {word}"
        for path in files
        for text in map(str.casefold, _texts(path))
        for word in wanted
        if (word in text and _stands_alone(word, text)) or word in path.name.casefold()
    }
    assert sorted(found) == []

    report = next(outcome.out.glob("deliverables/*_report.html")).read_text(encoding="utf-8")
    key = read_key(load_engagement(engagement))
    code = key.codes("account", [master["id"].iloc[0]])[master["id"].iloc[0]]
    assert f"{key.name(code)} ({code}) prüft einen Wechsel." in report
    assert re.search(r"Bonus an Kunde \d{4} ist noch nicht gebucht", report)
    decisions = pd.read_parquet(outcome.out / "tables" / "decisions.parquet")
    assert decisions["account_id"].tolist() == [code]
    assert decisions["reason"].str.fullmatch(r"Wie Kunde \d{4}, nur wichtiger").all()


@pytest.mark.slow
def test_the_figures_are_those_of_the_real_names(engagement: Path, tmp_path: Path) -> None:
    hidden = open_project(engagement, work=tmp_path / "hidden")
    ranked = hidden.key_accounts.pareto.table
    plain = tmp_path / "plain"
    shutil.copytree(engagement, plain, ignore=shutil.ignore_patterns("out", KEY_FILE))
    file = plain / "engagement.yml"
    file.write_text(file.read_text(encoding="utf-8").replace("pseudonymise: true", ""), encoding="utf-8")
    real = open_project(plain, work=tmp_path / "work").key_accounts.pareto.table
    shown = read_key(load_engagement(engagement)).reveal(ranked).set_index("account_id")
    columns = ["name", "revenue", "rank", "is_key_account", "abc_class"]
    pd.testing.assert_frame_equal(shown[columns].sort_index(), real.set_index("account_id")[columns].sort_index())


@pytest.mark.slow
def test_people_find_their_customers_in_inputs_under_their_names(engagement: Path) -> None:
    book = openpyxl.load_workbook(engagement / "inputs.xlsx")
    listed = {row[1] for row in book["Key Accounts heute"].iter_rows(min_row=HEADING_ROW + 1, values_only=True)} - {
        None
    }
    assert listed
    assert listed <= set(_master(engagement)["name"])
    assert not any("K-0" in str(cell.value) for page in book for row in page.iter_rows() for cell in row)
