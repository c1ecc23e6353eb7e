"""Personal data: what is taken for it and what is not, that it is told without being shown and in nothing written, and
where sales people are named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kamkit.errors import InputError
from kamkit.intake.cleaning import load_cleaning_rules
from kamkit.intake.facts import account_facts
from kamkit.intake.importing import import_engagement
from kamkit.intake.privacy import hide_entered, masked, people_known, person_code
from kamkit.model.engagement import Engagement, load_engagement
from kamkit.model.results import Finding, Imported
from kamkit.telling.language import Labels
from kamkit.telling.results import finding_sentence, import_summary, render_result

COLUMNS = {"customer_id": "Kunde", "posting_date": "Datum", "net_revenue": "Umsatz"}
LINES = "Kunde;Datum;Umsatz\n007;31.01.2025;100\n008;28.02.2025;200\n009;28.02.2025;50\n"


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("Frau Weiß, weiss.anna@beispiel-firma.de bitte", "Frau Weiß, […] bitte"),
        ("a@b.de;c_d@e.f.com", "[…];[…]"),
        ("Tel. 089/1234567", "Tel. […]"),
        ("Telefon: (0171) 12 34 567", "Telefon: […]"),
        ("Fax-Nr. 0711-123 45-67, sonst nichts", "Fax-Nr. […], sonst nichts"),
        ("erreichbar unter +49 89 1234567.", "erreichbar unter […]."),
        ("+49 (0)171 1234567", "[…]"),
        ("+43 1 5123456", "[…]"),
        ("IBAN DE89 3704 0044 0532 0130 00 eilt", "IBAN […] eilt"),
        ("de89370400440532013000", "[…]"),
        ("AT611904300234573201 Bank", "[…] Bank"),
        ("Herr Muster, geb. 01.02.1970", "Herr Muster, geb. […]"),
        ("geboren am 1.2.70 in Ulm", "geboren am […] in Ulm"),
        ("date of birth: 1970-02-01", "date of birth: […]"),
    ],
)
def test_personal_data_in_a_text_are_replaced(text: str, without: str) -> None:
    assert masked(text) == without


@pytest.mark.parametrize(
    "text",
    [
        "0815-4711-0099",  # article number
        "4006381333931",  # EAN
        "9110000",  # invoice
        "02.01.2023",
        "RE 2025/0123456",
        "Auftrag 0049 123456 vom 01.02.1970",
        "DE123456789",  # VAT id
        "ATU12345678",
        "529900T8BM49AURSDO55",  # LEI
        "DE89370400440532013001",  # wrong check digits
        "Mobil 1 5W-30 Motoröl",
        "Telefonanlage 4711",
        "Fax 300 Toner schwarz",
        "+5 000,00",
        "+1.234.567,89",
        "Schraube M8 +0,05",
        "2 x 100 m @ 3,50",
        "geb. Ausführung 12.5.10",
        "Gebinde 01.02.1970",
        "ISBN 978-3-16-148410-0",
    ],
)
def test_numbers_of_the_trade_are_no_personal_data(text: str) -> None:
    assert masked(text) == text


@given(st.text(alphabet="ab@.+0123456789 /-DEgeb", max_size=60))
def test_masking_ends_and_leaves_nothing_to_mask(text: str) -> None:
    assert masked(masked(text)) == masked(text)


def imported_from(folder: Path, files: dict[str, str], sources: dict[str, Any], **settings: Any) -> Imported:
    """The import of some files, the booked lines of LINES among them, into folder/work."""
    for name, text in {"sales.csv": LINES, **files}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    booked = {"transactions": {"path": "sales.csv", "columns": COLUMNS}}
    content = {"client": "Test", "sources": booked | sources} | settings
    (folder / "engagement.yml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return import_engagement(load_engagement(folder), folder / "work")


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(folder / "work" / "tables" / f"{name}.parquet")


def about(imported: Imported, start: str = "personal") -> list[Finding]:
    return [finding for finding in imported.findings if finding.code.startswith(start)]


def told(imported: Imported) -> str:
    """Everything that import.json says."""
    return render_result(import_summary(imported, Labels("de", "de_DE", "EUR")))


MASTER = (
    "Nr;Name;Mail;Geburtsdatum\n007;Alpha GmbH, Tel. 089/1234567;a@alpha.de;01.02.1970\n"
    "008;Beta AG;b@beta.de;02.03.1980\n009;Gamma;;\n"
)


def test_a_text_loses_what_is_personal_in_it(tmp_path: Path) -> None:
    source = {"path": "master.csv", "columns": {"customer_id": "Nr", "name": "Name"}}
    imported = imported_from(tmp_path, {"master.csv": MASTER}, {"customers": source})
    assert table(tmp_path, "customers")["name"].tolist() == ["Alpha GmbH, Tel. […]", "Beta AG", "Gamma"]
    unread, masked_name = sorted(about(imported), key=lambda f: f.code, reverse=True)
    assert (unread.code, unread.values["columns"]) == ("personal_unread", ["Mail", "Geburtsdatum"])
    assert (masked_name.code, masked_name.rows, masked_name.examples) == ("personal_masked", 1, ("08…",))
    labels = Labels("de", "de_DE", "EUR")
    assert finding_sentence(masked_name, labels) == (
        "In „name“ enthielt 1 Zeile Telefonnummern. Die Stelle ist überall durch „[…]“ ersetzt."
    )
    assert finding_sentence(unread, labels) == (
        "Die Dateien enthalten Spalten mit personenbezogenen Daten (Mail und Geburtsdatum). Sie werden nicht gelesen; in "
        "der nächsten Lieferung bitte weglassen."
    )
    assert "1234567" not in told(imported)


def test_a_column_of_personal_data_goes_as_a_whole(tmp_path: Path) -> None:
    columns = {"customer_id": "Nr", "channel": "Mail", "key_since": "Geburtsdatum"}
    source = {"path": "master.csv", "columns": columns}
    imported = imported_from(tmp_path, {"master.csv": MASTER}, {"customers": source})
    assert list(table(tmp_path, "customers").columns) == ["customer_id"]
    assert [(f.code, f.values["column"], f.rows) for f in about(imported)] == [
        ("personal_dropped", "channel", 2),
        ("personal_dropped", "key_since", 2),
    ]
    assert "alpha.de" not in told(imported)
    assert "1970" not in told(imported)


def test_ids_stay_apart_as_codes(tmp_path: Path) -> None:
    contacts = "Nr;Wer;Funktion\n007;Anna@alpha.de;Einkauf\n007;bernd@alpha.de;Technik\n008;C-1;Einkauf\n"
    visits = "Nr;Datum;Wer\n007;01.02.2025;anna@alpha.de\n"
    sources = {
        "contacts": {
            "path": "contacts.csv",
            "columns": {"customer_id": "Nr", "contact_id": "Wer", "function": "Funktion"},
        },
        "interactions": {
            "path": "visits.csv",
            "columns": {"customer_id": "Nr", "date": "Datum", "contact_id": "Wer"},
        },
    }
    imported = imported_from(tmp_path, {"contacts.csv": contacts, "visits.csv": visits}, sources)
    anna, bernd, other = table(tmp_path, "contacts")["contact_id"]
    assert (anna[:2], bernd[:2], other) == ("X-", "X-", "C-1")
    assert anna != bernd
    assert table(tmp_path, "interactions")["contact_id"].tolist() == [anna]
    assert [(f.code, f.table, f.rows) for f in about(imported)] == [
        ("personal_coded", "interactions", 1),
        ("personal_coded", "contacts", 2),
    ]
    assert "alpha.de" not in told(imported)


def test_booked_lines_are_cleaned_too(tmp_path: Path) -> None:
    lines = (
        "Kunde;Datum;Umsatz;Text\n007;31.01.2025;100;Ersatzteil an a@alpha.de\n008;28.02.2025;200;Rohr\n"
        "max@privat.de;28.02.2025;5;Rohr\n"
    )
    source = {"path": "sales.csv", "columns": {**COLUMNS, "product_name": "Text"}}
    imported = imported_from(tmp_path, {"sales.csv": lines}, {"transactions": source})
    booked = table(tmp_path, "transactions")
    assert booked["product_name"].tolist() == ["Ersatzteil an […]", "Rohr", "Rohr"]
    assert booked["customer_id"].tolist()[:2] == ["007", "008"]
    assert booked["customer_id"].str.startswith("X-").sum() == 1
    assert imported.revenue_kept == 305
    assert "privat" not in told(imported)


def test_what_people_write_is_looked_through_too(tmp_path: Path) -> None:
    decisions = "account_id;subject;decision;reason\n007;key_account;yes;Rückruf Tel. 089/1234567\n"
    imported = imported_from(tmp_path, {"decided.csv": decisions}, {}, decisions=["decided.csv"])
    assert table(tmp_path, "decisions")["reason"].tolist() == ["Rückruf Tel. […]"]
    (found,) = about(imported)
    assert (found.code, found.table, found.values["column"], found.rows) == (
        "personal_masked",
        "decisions",
        "reason",
        1,
    )


@pytest.mark.parametrize(("treatment", "codes"), [("report", ["personal_reported"]), ("off", [])])
def test_the_rule_can_be_switched(treatment: str, codes: list[str], tmp_path: Path) -> None:
    rules = {"rules/cleaning.yml": f"personal_data: {treatment}\n"}
    master = "Nr;Name\n007;Alpha a@alpha.de\n"
    source = {"path": "master.csv", "columns": {"customer_id": "Nr", "name": "Name"}}
    imported = imported_from(tmp_path, {"master.csv": master, **rules}, {"customers": source})
    assert table(tmp_path, "customers")["name"].tolist() == ["Alpha a@alpha.de"]
    assert [finding.code for finding in about(imported)] == codes


def test_an_error_shows_no_personal_data(tmp_path: Path) -> None:
    lines = "Kunde;Datum;Umsatz\na@alpha.de;31.01.2025;b@beta.de\n"
    with pytest.raises(InputError) as raised:
        imported_from(tmp_path, {"sales.csv": lines}, {})
    assert "[…]" in str(raised.value)
    assert "beta.de" not in str(raised.value)


def test_sole_traders_are_a_note_only(tmp_path: Path) -> None:
    master = "Nr;Name\n007;Elektro Weiß e. K.\n008;Malermeister Braun, Inh. Anna Braun\n009;Gamma GmbH\n"
    source = {"path": "master.csv", "columns": {"customer_id": "Nr", "name": "Name"}}
    imported = imported_from(tmp_path, {"master.csv": master}, {"customers": source})
    assert [(f.rows, f.severity) for f in about(imported, "sole_traders")] == [(2, "info")]
    assert table(tmp_path, "customers")["name"].tolist()[0] == "Elektro Weiß e. K."


REPS = "Kunde;Datum;Umsatz;ADM\n007;31.01.2025;100;Anna Weiß\n007;28.02.2025;200;Bernd Braun\n008;28.02.2025;50;\n"
VISITS = "Nr;Datum;Wer\n007;01.02.2025;Bernd Braun\n007;02.02.2025;Innendienst\n"
PEOPLE: dict[str, Any] = {
    "transactions": {"path": "sales.csv", "columns": {**COLUMNS, "sales_rep": "ADM"}},
    "interactions": {"path": "visits.csv", "columns": {"customer_id": "Nr", "date": "Datum", "own_role": "Wer"}},
    "customers": {"path": "master.csv", "columns": {"customer_id": "Nr", "kam_owner": "KAM"}},
}
PEOPLE_FILES = {"sales.csv": REPS, "visits.csv": VISITS, "master.csv": "Nr;KAM\n007;Ines Roth\n"}
CODE = {name: person_code(name, "Test") for name in ("Anna Weiß", "Bernd Braun", "Ines Roth")}


@pytest.mark.parametrize(
    ("setting", "on_lines", "on_visits", "owner", "manager"),
    [
        ("acting", [CODE["Anna Weiß"], CODE["Bernd Braun"]], CODE["Bernd Braun"], "Bernd Braun", "Ines Roth"),
        ("none", [CODE["Anna Weiß"], CODE["Bernd Braun"]], CODE["Bernd Braun"], CODE["Bernd Braun"], CODE["Ines Roth"]),
        ("all", ["Anna Weiß", "Bernd Braun"], "Bernd Braun", "Bernd Braun", "Ines Roth"),
    ],
)
def test_sales_people_are_named_where_they_act_and_coded_where_they_are_measured(
    setting: str, on_lines: list[str], on_visits: str, owner: str, manager: str, tmp_path: Path
) -> None:
    imported = imported_from(tmp_path, PEOPLE_FILES, PEOPLE, sales_people=setting)
    assert table(tmp_path, "transactions")["sales_rep"].dropna().tolist() == on_lines
    assert table(tmp_path, "interactions")["own_role"].tolist() == [on_visits, "Innendienst"]
    facts = account_facts(tmp_path / "work", load_engagement(tmp_path), imported)
    accounts = facts.accounts.set_index("account_id")
    assert (accounts.loc["007", "field_rep"], accounts.loc["007", "kam_owner"]) == (owner, manager)
    assert pd.isna(accounts.loc["008", "field_rep"])
    (note,) = about(imported, "sales_people")
    assert note.code == f"sales_people_{setting}"
    assert "BetrVG" in finding_sentence(note, Labels("de", "de_DE", "EUR"))


def test_the_code_of_a_person_is_the_same_for_a_client_and_another_for_the_next() -> None:
    assert person_code("Anna Weiß", "A") == person_code("anna  weiss", "A")
    assert person_code("Anna Weiß", "A") != person_code("Anna Weiß", "B")


ENTERED = {
    "owner": (
        ("Petra Neu", "R(Petra Neu)"),
        ("Vertriebsleitung", "Vertriebsleitung"),
        ("Leitung Innendienst Süd", "Leitung Innendienst Süd"),
        ("Vertriebsleitung (Petra Neu)", "Vertriebsleitung (R(Petra Neu))"),
        ("Petra Neu; Frau Weiß", "R(Petra Neu); Frau R(Anna Weiß)"),
        ("Anna Weiß und Petra Neu", "R(Anna Weiß) und R(Petra Neu)"),
        ("Region Nord", "Region Nord"),
        ("anna@firma.de", "R(anna@firma.de)"),
    ),
    "result": (
        ("Anna Weiß rief an, Weiß, Anna auch.", "R(Anna Weiß) rief an, R(Anna Weiß) auch."),
        ("Herr Braun weiß das, Hr. Roth nicht.", "Herr R(Bernd Braun) weiß das, Hr. R(Roth, Ines) nicht."),
        ("Die Leitung hat mit Neuer gesprochen.", "Die Leitung hat mit Neuer gesprochen."),
        ("Neu ist das nicht.", "R(Petra Neu) ist das nicht."),  # rather a word too many than a name
    ),
}


@pytest.mark.parametrize(("column", "text", "shown"), [(c, *pair) for c, pairs in ENTERED.items() for pair in pairs])
def test_who_must_not_be_named_is_named_in_no_cell_that_people_fill_in(column: str, text: str, shown: str) -> None:
    content = {"client": "Test", "sources": {"transactions": {"path": "sales.csv", "columns": COLUMNS}}}
    engagement = Engagement.model_validate(content | {"sales_people": "none"})
    rules = load_cleaning_rules()
    reps = {name: person_code(name, engagement.client) for name in ("Anna Weiß", "Bernd Braun")}
    master = pd.DataFrame({"kam_owner": ["Roth, Ines", "Innendienst"]}, dtype="string")
    entered = pd.DataFrame({column: [text, pd.NA]}, dtype="string")
    owners = pd.DataFrame({"owner": ["Petra Neu", "Vertriebsleitung"]}, dtype="string")
    people = people_known({"customers": master, "actions": owners}, reps, rules, engagement)
    hidden = hide_entered(entered, people, rules, engagement)[column]
    coded = re.sub(r"R\((.+?)\)", lambda found: person_code(found[1], engagement.client), shown)
    assert hidden.tolist() == [coded, pd.NA]
    named = Engagement.model_validate(content)
    assert people_known({"actions": owners}, reps, rules, named) == {}
    assert hide_entered(entered, {}, rules, named) is entered


def test_who_decided_may_be_told_but_not_by_an_address(tmp_path: Path) -> None:
    decisions = "account_id;subject;decision;decided_by;consulted\n007;key_account;yes;anna@alpha.de;Bernd Braun\n"
    imported = imported_from(tmp_path, {"decided.csv": decisions}, {}, decisions=["decided.csv"])
    written = table(tmp_path, "decisions")
    assert re.fullmatch(r"X-[0-9a-f]{10}", written["decided_by"][0])
    assert written["consulted"].tolist() == ["Bernd Braun"]
    (found,) = about(imported)
    assert (found.code, found.table, found.values["column"]) == ("personal_coded", "decisions", "decided_by")
