"""A run with pseudonyms: every byte of everything it leaves is searched for the real names and numbers of customers."""

from __future__ import annotations

import html
import io
import json
import re
import shutil
import subprocess
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
from kamkit.intake.privacy import person_code
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


def _fill_row(page: openpyxl.worksheet.worksheet.Worksheet, entry: dict[str, str], least: int = HEADING_ROW) -> str:
    """Fill in the first row below the headings, or the first empty one below `least`; what its first cell holds."""
    top = next(cell.row for cell in page["A"] if cell.value in ("Kundennummer", "Thema", "Abschnitt", "Kennzahl"))
    headings = {cell.value: cell.column for cell in page[top] if cell.value}
    row = top + 1 if least <= top else page.max_row + 1
    for heading, text in entry.items():
        page.cell(row, headings[heading], text)
    return str(page.cell(row, 1).value)


def _entered(path: Path) -> dict[str, list[str]]:
    """Every cell of a workbook that holds a text, by sheet."""
    book = openpyxl.load_workbook(path)
    return {page.title: sorted(str(v) for row in page.values for v in row if isinstance(v, str)) for page in book}


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
        case ".xlsx" | ".pptx":
            yield from _packed(path.read_bytes())
        case ".pdf" if shutil.which("pdftotext"):
            yield subprocess.run(["pdftotext", path, "-"], capture_output=True, check=True).stdout.decode()
        case ".ipynb" | ".json":
            text = path.read_text(encoding="utf-8")
            yield text
            yield html.unescape(json.dumps(json.loads(text), ensure_ascii=False).replace("\\n", "\n"))
        case _:
            yield html.unescape(path.read_bytes().decode("utf-8", "replace"))


def _packed(content: bytes) -> Iterator[str]:
    """What a packed file holds, workbooks within it included."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        for member in packed.namelist():
            yield member
            if member.endswith(".xlsx"):
                yield from _packed(packed.read(member))
            else:
                yield html.unescape(packed.read(member).decode("utf-8", "replace"))


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
    assert {path.suffix for path in files} >= {".ipynb", ".parquet", ".xlsx", ".pptx", ".html", ".csv", ".json", ".log"}
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


PEOPLE = {
    "owner": "Petra Sonnwald",
    "decided_by": "Karl Obermaier",
    "consulted": "Ute Zwirner",
    "said_by": "Gesine Abendroth",
    "author_role": "Volker Dankert",
    "answered_by": "Xaver Trautwein",
    "rival": "Yvonne Krahl",
}


@pytest.mark.slow
def test_nobody_is_named_where_sales_people_must_not_be_and_nothing_entered_is_lost(tmp_path: Path) -> None:
    folder = tmp_path / "client"
    shutil.copytree(kit_folder("data") / "machinery", folder)
    file = folder / "engagement.yml"
    settings = "pseudonymise: true\nsales_people: none\n" + file.read_text(encoding="utf-8")
    file.write_text(settings, encoding="utf-8")
    assert run(folder, out=tmp_path / "first").state == "ok"

    master, inputs = _master(folder), folder / "inputs.xlsx"
    largest, rep = master["name"].iloc[0], str(master["Außendienst"].iloc[0])
    wanted = "Delphin Pumpwerke AG"
    book = openpyxl.load_workbook(inputs)
    chosen = {"gewählt": "ja", "Haltung des Außendiensts": "stimmt zu", "Datum": "01.02.2026"}
    chosen |= {"entschieden von": PEOPLE["decided_by"], "abgestimmt mit": f"{PEOPLE['consulted']}; {rep}"}
    account = _fill_row(
        book["Auswahl Key Accounts"], chosen | {"Begründung": f"{rep.split()[-1]} rät zu {_short(largest)}"}
    )
    decided = {"Kundennummer": account, "Gegenstand": "Betreuung", "Entscheidung": "KAM-betreut", "Datum": "01.02.2026"}
    decided |= {"entschieden von": f"Vertriebsleitung ({PEOPLE['decided_by']})", "abgestimmt mit": rep}
    _fill_row(book["Entscheidungen"], decided | {"Begründung": f"{PEOPLE['rival']} wartet", "Wunschkunde": ""})
    _fill_row(book["Entscheidungen"], {"Wunschkunde": wanted, "Gegenstand": "Key Account", "Entscheidung": "ja"}, 99)
    taken = {"verantwortlich": PEOPLE["owner"], "Termin": "01.03.2026", "Ergebnis": f"Frau Sonnwald sprach mit {rep}"}
    _fill_row(book["Maßnahmen"], taken)
    own = {
        "Kundennummer": account,
        "Erster Schritt": f"{rep} besucht {_short(largest)}.",
        "verantwortlich": PEOPLE["rival"],
    }
    _fill_row(book["Maßnahmen"], own, 99)
    _fill_row(book["Kommentare"], {"Kommentar": f"Laut Krahl und {rep} stabil.", "Rolle": PEOPLE["author_role"]})
    _fill_row(book["Organisation"], {"Antwort": "ja", "gesagt von (Rolle)": PEOPLE["said_by"]})
    _fill_row(book["Kennzahlen"], {"Wert": "3", "gesagt von (Rolle)": f"Vertriebsleitung, {PEOPLE['said_by']}"})
    book.save(inputs)
    sheets = sorted((folder / "consultation").glob("*.xlsx"))
    assert all(path.name.startswith("Region-") for path in sheets)
    book = openpyxl.load_workbook(sheets[0])
    line = next(cell.row for cell in book["Abstimmung"]["A"] if cell.value == "ausgefüllt von")
    book["Abstimmung"].cell(line, 2, PEOPLE["answered_by"])
    _fill_row(book["Abstimmung"], {"Ihre Haltung": "stimmt nicht zu", "Begründung": f"Herr Trautwein fragt {rep}"})
    _fill_row(book["Fehlende Kunden"], {"Name": wanted, "Warum?": f"{rep} kennt {_short(largest)}"})
    book.save(sheets[0])
    before = {path: _entered(path) for path in (inputs, sheets[0])}

    outcome = run(folder, out=tmp_path / "second")
    assert outcome.state == "ok"
    people = {*PEOPLE.values(), *master["Außendienst"].dropna(), *master["KA-Betreuer"].dropna()}
    hidden = {name.casefold() for name in people} | {name.split()[-1].casefold() for name in PEOPLE.values()}
    hidden |= {wanted.casefold(), "delphin", *(_short(name).casefold() for name in master["name"])}
    assert len(people) > 10
    found = {
        f"{path.relative_to(outcome.out)}: {word}"
        for path in outcome.out.rglob("*")
        if path.is_file()
        for text in map(str.casefold, _texts(path))
        for word in hidden
        if word in text or word in path.name.casefold()
    }
    assert sorted(found) == []
    report = next(outcome.out.glob("deliverables/*_report.html")).read_text(encoding="utf-8")
    code = person_code(rep, "Nordhaller Antriebstechnik GmbH")
    assert re.search(rf"Laut R-\w{{6}} und {code} stabil\.", report)
    assert "Vertriebsleitung" in report
    decisions = pd.read_parquet(outcome.out / "tables" / "decisions.parquet").dropna(subset=["consulted"])
    said = {row["subject"]: (row["decided_by"], row["consulted"]) for row in decisions.to_dict("records")}
    assert re.fullmatch(r"Vertriebsleitung \(R-\w{6}\)", said["tier"][0])
    assert said["tier"][1] == code
    assert re.fullmatch(rf"R-\w{{6}}; {code}", said["key_account"][1])

    # beside the raw data everything stands as it was typed, and the next run has nothing to do
    for path, cells in before.items():
        now = _entered(path)
        lost = {sheet: [cell for cell in typed if cell not in now[sheet]] for sheet, typed in cells.items()}
        words = [*(name.split()[-1] for name in people), "Delphin", _short(largest)]
        typed = [text for texts in lost.values() for text in texts if any(word in text for word in words)]
        assert typed == [], path.name
    assert f"{PEOPLE['answered_by']} (Region" in str(_entered(inputs)["Auswahl Key Accounts"])
    assert not [text for sheet in _entered(inputs).values() for text in sheet if re.search(r"\bR-[0-9a-f]{6}\b", text)]
    assert {step.state for step in run(folder, out=tmp_path / "second").steps} == {"cached"}
