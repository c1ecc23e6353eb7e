"""Codes in place of customers: stable, complete, and readable back only with the key beside the raw data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kamkit.errors import EngagementError, InputError
from kamkit.execution.project import open_project
from kamkit.intake.importing import check_engagement, import_engagement
from kamkit.intake.pseudonyms import CODED, KEY_FILE, Pseudonyms, read_key, revealed, write_key
from kamkit.model.engagement import load_engagement
from kamkit.model.results import Finding
from kamkit.model.tables import TABLES

LINES = "Kunde;Datum;Umsatz;Projekt;Text\n{}"
ROWS = [
    "1001;31.01.2025;900;P-1001;Sonderpumpe Müller & Söhne GmbH",
    "1002;28.02.2025;500;;Ventil",
    "1003;28.03.2025;40;;Ventil",
    "7;28.03.2025;30;;Ventil",
]
MASTER = "Nr;Name;Mutter;USt\n1001;Müller & Söhne GmbH;;DE1\n1002;Pumpen AG;1001;DE2\n1003;Weiß KG;;\n7;Stein;;\n"
SOURCES: dict[str, Any] = {
    "transactions": {
        "path": "sales.csv",
        "columns": {
            "customer_id": "Kunde",
            "posting_date": "Datum",
            "net_revenue": "Umsatz",
            "project_id": "Projekt",
            "product_name": "Text",
        },
    },
    "customers": {
        "path": "master.csv",
        "columns": {"customer_id": "Nr", "name": "Name", "parent_id": "Mutter", "vat_id": "USt"},
    },
}


def engagement_in(folder: Path, rows: list[str] = ROWS, master: str = MASTER, **settings: Any) -> Any:
    (folder / "sales.csv").write_text(LINES.format("\n".join(rows) + "\n"), encoding="utf-8")
    (folder / "master.csv").write_text(master, encoding="utf-8")
    content = {"client": "Test", "pseudonymise": True, "sources": SOURCES} | settings
    (folder / "engagement.yml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return load_engagement(folder)


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(folder / "work" / "tables" / f"{name}.parquet")


def key_with(names: dict[str, str]) -> Pseudonyms:
    """A key of customers by number and name, the first with the code K-0001."""
    key = Pseudonyms({}, {}, "de")
    for number, name in names.items():
        (code,) = key.codes("account", [number]).values()
        key.learn_names(pd.DataFrame({"customer_id": [code], "name": [name]}))
    return key


def test_tables_hold_codes_that_the_key_leads_back_from(tmp_path: Path) -> None:
    engagement = engagement_in(tmp_path)
    import_engagement(engagement, tmp_path / "work")
    key = read_key(engagement)
    customers = table(tmp_path, "customers")
    assert customers["customer_id"].str.fullmatch(r"K-000[1-4]").all()
    assert (customers["name"] == "Kunde " + customers["customer_id"].str[2:]).all()
    assert key.reveal(customers).to_csv(index=False) == (
        "customer_id,name,vat_id,parent_id\n1001,Müller & Söhne GmbH,DE1,\n1002,Pumpen AG,DE2,1001\n1003,Weiß KG,,\n7,Stein,,\n"
    )
    booked = table(tmp_path, "transactions")
    assert key.reveal(booked)[["customer_id", "project_id"]].fillna("").to_numpy().tolist() == [
        ["1001", "P-1001"],
        ["1002", ""],
        ["1003", ""],
        ["7", ""],
    ]
    code = key.codes("account", ["1001"])["1001"]
    assert booked["product_name"].tolist()[:2] == [f"Sonderpumpe Kunde {code[2:]}", "Ventil"]
    assert set(table(tmp_path, "members")["account_id"]) == set(key.codes("account", ["1001", "1003", "7"]).values())


def test_codes_stay_when_data_grow_and_the_language_changes(tmp_path: Path) -> None:
    import_engagement(engagement_in(tmp_path), tmp_path / "work")
    before = {row[2]: row[0] for row in read_key(load_engagement(tmp_path)).rows()}
    more = MASTER + "1000;Anfang GmbH;;\n"
    import_engagement(engagement_in(tmp_path, [*ROWS, "1000;28.03.2025;5;;x"], more, language="en"), tmp_path / "work")
    after = {row[2]: row[0] for row in read_key(load_engagement(tmp_path)).rows()}
    assert after == {**before, "1000": "K-0005"}
    assert table(tmp_path, "customers")["name"].str.fullmatch(r"Account 000[1-5]").all()


def test_the_key_is_a_workbook_for_the_owner_only(tmp_path: Path) -> None:
    import_engagement(engagement_in(tmp_path), tmp_path / "work")
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o077 == 0
    rows = list(openpyxl.load_workbook(tmp_path / KEY_FILE).active.iter_rows(values_only=True))
    assert rows[0] == ("Code", "Art", "Original", "Name")
    assert ("account", "1003", "Weiß KG") in [row[1:] for row in rows]
    assert {row[1:3] for row in rows[1:]} == {
        *(("account", number) for number in ("1001", "1002", "1003", "7")),
        *(("vat_id", number) for number in ("DE1", "DE2")),
        ("project", "P-1001"),
    }


def test_a_damaged_key_is_an_error_and_no_new_one_is_made(tmp_path: Path) -> None:
    engagement = engagement_in(tmp_path)
    (tmp_path / KEY_FILE).write_text("broken", encoding="utf-8")
    with pytest.raises(InputError) as raised:
        import_engagement(engagement, tmp_path / "work")
    advice = "bring it back from a copy: without it every customer would get another code"
    assert str(raised.value) == (
        f"pseudonyms.xlsx: 1 problem found\n- cannot be read as the key of the pseudonyms: {advice}"
    )
    assert (tmp_path / KEY_FILE).read_text(encoding="utf-8") == "broken"

    key = key_with({"1001": "Alpha"})
    write_key(key, engagement)
    book = openpyxl.load_workbook(tmp_path / KEY_FILE)
    book.active.append(["K-0001", "account", "1002", "Beta"])
    book.save(tmp_path / KEY_FILE)
    with pytest.raises(InputError) as raised:
        read_key(engagement)
    assert str(raised.value) == (
        f"pseudonyms.xlsx: 1 problem found\n- row 3 is not a row of the key of the pseudonyms: {advice}"
    )


def test_a_check_writes_no_key_and_an_error_of_an_import_names_nobody(tmp_path: Path) -> None:
    master = MASTER + "1002;Pumpen AG;1003;\n"
    engagement = engagement_in(tmp_path, master=master)
    with pytest.raises(InputError, match=r"1002"):
        check_engagement(engagement)
    with pytest.raises(InputError) as raised:
        import_engagement(engagement, tmp_path / "work")
    assert str(raised.value) == (
        "customers: 1 problem found\n- 1 customer with several rows that contradict each other in parent_id "
        "(customer_id '…'): keep the row that holds (kamkit check shows the values)"
    )
    assert not (tmp_path / KEY_FILE).exists()


def test_every_id_is_either_coded_or_the_client_s_own() -> None:
    own = {"invoice_id", "line_id", "product_id", "reference_id"}
    ids = {c for table in TABLES.values() for c in table.columns if c.endswith("_id")}
    assert ids - set(CODED) == own


def test_a_bundled_case_has_no_place_for_a_key(tmp_path: Path) -> None:
    with pytest.raises(EngagementError) as raised:
        import_engagement(load_engagement("machinery", {"pseudonymise": True}), tmp_path / "work")
    assert str(raised.value) == (
        "engagement.yml: 1 problem found\n- pseudonymise: nothing is written beside a bundled case, so its key has no "
        "place: copy its folder first"
    )


def test_a_lost_key_makes_new_codes_and_new_tables(tmp_path: Path) -> None:
    engagement_in(tmp_path)
    assert open_project(tmp_path).imported.n_customers == 4
    (tmp_path / KEY_FILE).unlink()
    project = open_project(tmp_path)
    known = set(project.facts.members["customer_id"])
    assert known == {row[0] for row in read_key(project.engagement).rows() if row[1] == "account"}


NAMES = {"10023": "Müller & Söhne GmbH", "10024": "Pumpen AG", "10025": "Stadtwerke Ulm", "10026": "Stadtwerke Hof"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("MÜLLER & SÖHNE GMBH prüft", "Kunde 0001 prüft"),
        ("Mueller und Soehne", "Kunde 0001"),
        ("Mueller - Soehne GmbH", "Kunde 0001"),
        ("bei Müller & Söhne nachfragen", "bei Kunde 0001 nachfragen"),
        ("Müller zögert", "Kunde 0001 zögert"),
        ("Kunde 10023: warten", "Kunde K-0001: warten"),
        ("Pumpen AG und Stadtwerke Hof", "Kunde 0002 und Kunde 0004"),
        ("die Stadtwerke, irgendeine", "die Stadtwerke, irgendeine"),
        ("Umsatz 2025: 100235 EUR", "Umsatz 2025: 100235 EUR"),
        ("", ""),
    ],
)
def test_names_in_what_people_write_are_found_as_people_write_them(text: str, shown: str) -> None:
    assert key_with(NAMES).hide_written(text) == shown


def test_words_of_the_trade_stay_in_the_client_s_texts() -> None:
    key = key_with(NAMES)
    assert key.hide_names("Ersatzteile für Pumpen, Nr. 10024") == "Ersatzteile für Pumpen, Nr. 10024"
    assert key.hide_names("Sonderteil für Pumpen AG") == "Sonderteil für Kunde 0002"


def test_examples_and_values_of_findings_are_hidden(tmp_path: Path) -> None:
    plain = check_engagement(engagement_in(tmp_path, pseudonymise=False))
    key = key_with({"10023": "Müller GmbH"})
    finding = Finding("x", "customers", examples=("10023 Müller GmbH",), values={"names": ["Müller GmbH"], "n": 1})
    hidden = key.hide_imported(type(plain)(**{**vars(plain), "findings": (finding,)}))
    (found,) = hidden.findings
    assert (found.examples, found.values) == (("K-0001 Kunde 0001",), {"names": ["Kunde 0001"], "n": 1})


def test_what_lies_beside_the_raw_data_has_the_real_names(tmp_path: Path) -> None:
    engagement_in(tmp_path)
    project = open_project(tmp_path)
    imported, facts = revealed(project.engagement, project.imported, project.facts)
    assert facts.accounts["name"].tolist() == [
        *facts.accounts["account_id"].map({"1001": "Müller & Söhne GmbH", "1003": "Weiß KG", "7": "Stein"})
    ]
    examples = imported.columns.set_index(["table", "column"])["example"]
    assert (examples["transactions", "customer_id"], examples["customers", "name"]) == ("1001", "Müller & Söhne GmbH")
    hidden = project.imported.columns.set_index(["table", "column"])["example"]
    assert hidden["transactions", "customer_id"].startswith("K-000")


@given(st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=30), st.integers(1, 30))
def test_every_original_has_one_code_and_comes_back(originals: list[str], first: int) -> None:
    key = Pseudonyms({}, {}, "en")
    before = key.codes("account", originals[:first])
    after = key.codes("account", originals)
    assert {original: after[original] for original in before} == before
    assert len(set(after.values())) == len(originals)
    frame = pd.DataFrame({"customer_id": list(after.values())}, dtype="string")
    assert key.reveal(frame)["customer_id"].tolist() == originals
