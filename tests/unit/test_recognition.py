"""What kamkit takes the files and columns of an export for, on tables small enough to see why."""

from __future__ import annotations

from pathlib import Path

import pytest

from kamkit.execution.engagements import create_engagement
from kamkit.intake.column_meaning import recognition_rules
from kamkit.intake.importing import check_engagement
from kamkit.intake.recognition import Proposal, recognise
from kamkit.model.engagement import load_engagement

USE = recognition_rules().use.value

GERMAN = [
    "Kunden-Nr.;Kundenname;Re.-Datum;Umsatz netto;USt;Brutto;Artikelnr;Menge;Währung",
    "10001;Alpha GmbH;03.01.2025;100,00;19,00;119,00;A1;2;EUR",
    "10002;Beta AG;04.01.2025;250,50;47,60;298,10;A2;1;EUR",
    "10001;Alpha GmbH;05.02.2025;80,25;15,25;95,50;A1;3;EUR",
    "10003;Gamma KG;06.02.2025;40,10;7,62;47,72;A3;5;EUR",
    "10002;Beta AG;07.03.2025;99,99;19,00;118,99;A2;1;EUR",
    "10003;Gamma KG;08.03.2025;12,34;2,34;14,68;A3;4;EUR",
]


def looked_at(folder: Path, **files: list[str]) -> Proposal:
    for name, lines in files.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return recognise(sorted(f"{name}.csv" for name in files), folder)


def taken(proposal: Proposal, table: str = "transactions") -> dict[str, str]:
    return {c.column: c.source for c in proposal.columns if c.table == table}


def sure(proposal: Proposal, column: str, table: str = "transactions") -> float:
    return next(c.confidence for c in proposal.columns if (c.table, c.column) == (table, column))


def why(proposal: Proposal, column: str) -> str:
    return next(c.why for c in proposal.columns if (c.table, c.column) == ("transactions", column))


def roles(proposal: Proposal) -> dict[str, str]:
    return {file.name: file.role for file in proposal.files}


def without_headings(lines: list[str], *names: str) -> list[str]:
    return [";".join(names), *lines[1:]]


def test_a_german_export_is_known_by_its_headings(tmp_path: Path) -> None:
    proposal = looked_at(tmp_path, sales=GERMAN)
    assert taken(proposal) == {
        "customer_id": "Kunden-Nr.",
        "posting_date": "Re.-Datum",
        "net_revenue": "Umsatz netto",
        "product_id": "Artikelnr",
        "quantity": "Menge",
        "currency": "Währung",
    }
    assert all(sure(proposal, column) >= USE for column in taken(proposal))
    assert proposal.currency == "EUR"


def test_names_that_stand_in_every_line_make_a_customer_master(tmp_path: Path) -> None:
    proposal = looked_at(tmp_path, sales=GERMAN)
    assert proposal.sources["customers"] == {
        "path": "sales.csv",
        "columns": {"customer_id": "Kunden-Nr.", "name": "Kundenname"},
    }


def test_a_name_that_changes_within_a_customer_makes_none(tmp_path: Path) -> None:
    lines = [line.replace("05.02.2025", "05.02.2025").replace("Alpha GmbH;05", "Alpha Berlin;05") for line in GERMAN]
    assert "customers" not in looked_at(tmp_path, sales=lines).sources


def test_without_headings_content_alone_is_not_enough(tmp_path: Path) -> None:
    """The only dates are found, and the amount that a tax makes gross; both wait for a yes."""
    lines = without_headings(GERMAN, "a", "b", "c", "d", "e", "f", "g", "h", "i")
    proposal = looked_at(tmp_path, sales=lines)
    assert (taken(proposal)["posting_date"], taken(proposal)["net_revenue"]) == ("c", "d")
    assert why(proposal, "posting_date") == "content"
    assert sure(proposal, "posting_date") < USE
    assert sure(proposal, "net_revenue") < USE
    assert taken(proposal)["currency"] == "i"


def test_an_amount_is_told_net_by_the_tax_that_makes_it_gross(tmp_path: Path) -> None:
    """ "Wert" and "Betrag" are equally good headings; that Wert + USt = Betrag decides."""
    named = GERMAN[0].replace("Umsatz netto", "Wert").replace("Brutto", "Betrag")
    assert taken(looked_at(tmp_path, sales=[named, *GERMAN[1:]]))["net_revenue"] == "Wert"


def test_a_gross_amount_is_no_net_revenue(tmp_path: Path) -> None:
    lines = ["Kunde;Datum;Bruttoumsatz", "1;01.01.2025;10,50", "1;02.01.2025;11,50", "2;03.01.2025;12,50"]
    proposal = looked_at(tmp_path, sales=lines)
    assert sure(proposal, "net_revenue") < USE


def test_a_heading_that_the_values_contradict_is_not_believed(tmp_path: Path) -> None:
    lines = [
        "Kundennr;Datum;Buchung am;Umsatz",
        "1;offen;01.01.2025;1,50",
        "1;bezahlt;02.01.2025;2,50",
        "2;offen;03.01.2025;3,50",
    ]
    proposal = looked_at(tmp_path, sales=lines)
    assert taken(proposal)["posting_date"] == "Buchung am"
    assert sure(proposal, "posting_date") < USE


def test_a_misspelt_heading_convinces_less(tmp_path: Path) -> None:
    right = looked_at(tmp_path, sales=["Kundennummer;Datum;Umsatz", "1;01.01.2025;1,50", "1;02.01.2025;2,50"])
    wrong = looked_at(tmp_path, sales=["Kundennumer;Datum;Umsatz", "1;01.01.2025;1,50", "1;02.01.2025;2,50"])
    assert why(wrong, "customer_id") == "near_heading"
    assert sure(wrong, "customer_id") < sure(right, "customer_id")


def test_a_heading_that_a_narrow_list_cut_off_is_known(tmp_path: Path) -> None:
    lines = ["Auftraggeb;Fakturadat;Nettowert", "1;01.01.2025;1,50", "1;02.01.2025;2,50", "2;03.01.2025;2,50"]
    proposal = looked_at(tmp_path, sales=lines)
    assert taken(proposal) == {"customer_id": "Auftraggeb", "posting_date": "Fakturadat", "net_revenue": "Nettowert"}
    assert sure(proposal, "customer_id") >= recognition_rules().use.value
    begins_two = looked_at(tmp_path, sales=["Kunden;Rechnu;Nettowert", "1;01.01.2025;1,50", "2;02.01.2025;2,50"])
    assert why(begins_two, "posting_date") == "content"


def test_an_amount_that_price_times_quantity_gives_but_for_rounding_is_taken_before_arithmetic(tmp_path: Path) -> None:
    amounts = {1: 9.99, 2: 10.49, 3: 136.96, 4: 55.55, 5: 7.77, 6: 13.3, 7: 7.8, 8: 99.1, 9: 314.87}
    lines = [f"{q};0{q}.01.2025;{q};{a / q:.2f};{a:.2f}".replace(".", ",") for q, a in amounts.items()]
    lines = [line.replace(",01,2025", ".01.2025") for line in lines]
    proposal = looked_at(tmp_path, sales=["Kunde;Datum;Menge;Einzelpreis;Betrag", *lines])
    assert taken(proposal)["net_revenue"] == "Betrag"


@pytest.mark.parametrize(
    ("header", "values", "formula"),
    [
        ("Einzelpreis;Menge", "2,50;3", "= Einzelpreis * Menge"),
        ("Preis;Menge;Rabatt", "2,50;3;0,1", "= Preis * Menge * (1 - Rabatt)"),
        ("Preis;Menge;Rabatt %", "2,50;3;10", '= Preis * Menge * (1 - "Rabatt %" / 100)'),
    ],
)
def test_price_and_quantity_make_an_amount(tmp_path: Path, header: str, values: str, formula: str) -> None:
    lines = [f"Kunde;Datum;{header}", *(f"{n % 3};0{n}.01.2025;{values}" for n in range(1, 9))]
    proposal = looked_at(tmp_path, sales=lines)
    assert taken(proposal)["net_revenue"] == formula
    assert why(proposal, "net_revenue") == "arithmetic"


ITEMS = ["BelegNr;Artikel;Netto", "R1;A;10,00", "R1;B;20,00", "R2;A;5,50", "R3;C;7,25", "R3;A;2,00"]
HEADS = ["BelegNr;Kunde;Datum", "R1;K1;01.01.2025", "R2;K2;02.01.2025", "R3;K1;03.01.2025"]


def test_items_find_date_and_customer_in_their_headers(tmp_path: Path) -> None:
    proposal = looked_at(tmp_path, items=ITEMS, heads=HEADS)
    assert proposal.sources["transactions"]["join"] == [{"path": "heads.csv", "on": "BelegNr"}]
    assert taken(proposal)["customer_id"] == "Kunde"
    assert roles(proposal) == {"items.csv": "transactions", "heads.csv": "header"}


def test_items_that_add_up_to_their_headers_are_taken_for_their_products(tmp_path: Path) -> None:
    heads = [
        HEADS[0] + ";Nettobetrag",
        *(f"{h};{s}" for h, s in zip(HEADS[1:], ("30,00", "5,50", "9,25"), strict=True)),
    ]
    proposal = looked_at(tmp_path, items=ITEMS, heads=heads)
    assert proposal.sources["transactions"]["path"] == "items.csv"
    assert taken(proposal)["net_revenue"] == "Netto"


def test_amounts_of_items_and_headers_that_differ_are_not_mixed(tmp_path: Path) -> None:
    heads = [
        HEADS[0] + ";Nettobetrag",
        *(f"{h};{s}" for h, s in zip(HEADS[1:], ("99,00", "8,50", "1,25"), strict=True)),
    ]
    proposal = looked_at(tmp_path, items=ITEMS, heads=heads)
    assert proposal.sources["transactions"]["path"] == "heads.csv"
    assert "join" not in proposal.sources["transactions"]
    assert ("items.csv", "aside", "other_sums") in [(f.name, f.role, f.reason) for f in proposal.files]


def test_products_and_customers_are_found_by_their_numbers(tmp_path: Path) -> None:
    products = ["Artikel;Artikelbezeichnung;Warengruppe", "A;Pumpe;Hydraulik", "B;Ventil;Hydraulik", "C;Filter;Luft"]
    customers = [
        "Nummer;Firma;PLZ;Ort;USt-IdNr",
        "K1;Alpha GmbH;80331;München;DE123456789",
        "K2;Beta AG;10115;Berlin;DE987654321",
    ]
    other = ["Abteilung;Leiter", "1;Meier", "2;Schulz"]
    proposal = looked_at(tmp_path, items=ITEMS, heads=HEADS, products=products, customers=customers, other=other)
    assert [join["path"] for join in proposal.sources["transactions"]["join"]] == ["heads.csv", "products.csv"]
    assert (taken(proposal)["product_name"], taken(proposal)["category"]) == ("Artikelbezeichnung", "Warengruppe")
    assert taken(proposal, "customers") == {
        "customer_id": "Nummer",
        "name": "Firma",
        "vat_id": "USt-IdNr",
        "postcode": "PLZ",
        "city": "Ort",
    }
    assert roles(proposal)["other.csv"] == "aside"


def test_months_in_files_of_their_own_are_one_export(tmp_path: Path) -> None:
    proposal = looked_at(tmp_path, m1=GERMAN, m2=[GERMAN[0], *GERMAN[3:]])
    assert proposal.sources["transactions"]["path"] == ["m1.csv", "m2.csv"]


def test_a_list_with_years_side_by_side_is_wide(tmp_path: Path) -> None:
    lines = [
        "Kunde;Firma;Umsatz 2023;Umsatz 2024",
        "1;Alpha GmbH;10,50;20,00",
        "2;Beta AG;30,00;",
        "3;Gamma KG;5,00;6,00",
    ]
    proposal = looked_at(tmp_path, list=lines)
    assert proposal.sources["transactions"]["layout"] == "wide"
    assert proposal.sources["transactions"]["periods"] == {"2023": "Umsatz 2023", "2024": "Umsatz 2024"}
    assert proposal.sources["customers"]["columns"] == {"customer_id": "Kunde", "name": "Firma"}


def test_amounts_without_a_year_ask_which_year(tmp_path: Path) -> None:
    rows = [f"{n};{n * 11},50;{n * 7}" for n in range(1, 12)]
    proposal = looked_at(tmp_path, list=["Kundennr;Frisch;Kühl", *rows])
    assert proposal.sources["transactions"]["periods"] == {"?": '= Frisch + "Kühl"'}
    assert sure(proposal, "?") < USE


def test_a_known_export_is_named_by_its_preset(tmp_path: Path) -> None:
    items = ["VBELN;POSNR;MATNR;NETWR", "1;10;A;10,00", "1;20;B;20,00", "2;10;A;5,00"]
    heads = ["VBELN;FKART;FKDAT;KUNAG", "1;F2;20250101;K1", "2;F2;20250102;K2"]
    proposal = looked_at(tmp_path, items=items, heads=heads)
    assert proposal.sources["transactions"] == {
        "path": "items.csv",
        "preset": "sap_vbrp",
        "join": [{"path": "heads.csv", "on": "VBELN"}],
        "columns": {},
    }
    assert taken(proposal)["posting_date"] == "FKDAT"


def test_what_nobody_recognises_is_asked_for(tmp_path: Path) -> None:
    proposal = looked_at(tmp_path, sales=["x;Datum;y", "a;01.01.2025;b", "c;02.01.2025;d"])
    assert taken(proposal) == {"customer_id": "?", "posting_date": "Datum", "net_revenue": "?"}
    assert proposal.sources["transactions"]["columns"]["customer_id"] == "?"


def test_an_unreadable_file_is_left_aside_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04nothing")
    (tmp_path / "sales.csv").write_text("\n".join(GERMAN), encoding="utf-8")
    proposal = recognise(["broken.xlsx", "sales.csv"], tmp_path)
    (aside,) = [file for file in proposal.files if file.role == "aside"]
    assert (aside.name, aside.reason) == (
        "broken.xlsx",
        "is damaged or no workbook: open it in Excel and save it again",
    )


DEBTOR_ENTRIES = [
    "Buchungsdatum;Belegart;Belegnr.;Debitorennr.;Debitorenname;Betrag;Verkauf (MW);DB (MW);Verkäufercode",
    "31.01.2025;Rechnung;R1;D100;Alpha GmbH;119,00;100,00;40,00;MM",
    "28.02.2025;Rechnung;R2;D200;Beta AG;238,00;200,00;90,50;SK",
    "31.03.2025;Gutschrift;G1;D100;Alpha GmbH;-11,90;-10,00;-4,00;MM",
]
VALUE_ENTRIES = [
    "Lfd. Nr.;Buchungsdatum;Postenart;Herkunftsnr.;Belegnr.;Artikelnr.;Fakturierte Menge;Verkaufsbetrag (tatsächl.)",
    "1;31.01.25;Verkauf;D100;R1;A1;-2;200,00",
    "2;31.01.25;Einkauf;K900;E1;A1;10;0,00",
]
KNA1 = ["KUNNR;NAME1;LAND1;PSTLZ;KTOKD;KONZS", "K1;Alpha GmbH;DE;80331;KUNA;G1", "K2;Beta AG;DE;10115;KUNA;"]
DATEV = [
    "Umsatz (ohne Soll/Haben-Kz);Soll/Haben-Kennzeichen;WKZ Umsatz;Konto;Gegenkonto (ohne BU-Schlüssel);BU-Schlüssel;Belegdatum",
    "1190,00;S;EUR;10001;8400;;15032025",
    "107,00;S;EUR;10002;8200;2;16032025",
]
DEBTORS = ["Konto;Name (Adressattyp Unternehmen);Ort", "10001;Alpha GmbH;Ulm", "10002;Beta AG;Köln"]


def test_debtor_entries_of_navision_are_read_net(tmp_path: Path) -> None:
    proposal = looked_at(tmp_path, entries=DEBTOR_ENTRIES)
    assert taken(proposal) == {
        "customer_id": "Debitorennr.",
        "posting_date": "Buchungsdatum",
        "net_revenue": "Verkauf (MW)",
        "invoice_id": "Belegnr.",
        "doc_type": "Belegart",
        "margin": "DB (MW)",
        "sales_rep": "Verkäufercode",
    }
    assert taken(proposal, "customers")["name"] == "Debitorenname"


def test_value_entries_of_navision_are_a_known_export(tmp_path: Path) -> None:
    proposal = looked_at(tmp_path, entries=VALUE_ENTRIES)
    assert proposal.sources["transactions"] == {"path": "entries.csv", "preset": "navision_entries", "columns": {}}
    assert taken(proposal)["quantity"] == '= -"Fakturierte Menge"'


def test_sap_items_headers_and_customers_together(tmp_path: Path) -> None:
    items = ["VBELN;POSNR;MATNR;NETWR", "1;10;A;10,00", "1;20;B;20,00", "2;10;A;5,00"]
    heads = ["VBELN;FKART;FKDAT;KUNAG", "1;F2;20250101;K1", "2;F2;20250102;K2"]
    proposal = looked_at(tmp_path, items=items, heads=heads, kna1=KNA1)
    assert proposal.sources["customers"]["preset"] == "sap_kna1"
    assert roles(proposal) == {"items.csv": "transactions", "heads.csv": "header", "kna1.csv": "customers"}


def test_datev_postings_and_debtors(tmp_path: Path) -> None:
    proposal = looked_at(tmp_path, postings=DATEV, debtors=DEBTORS)
    assert proposal.sources["transactions"] == {"path": "postings.csv", "preset": "datev_extf", "columns": {}}
    assert taken(proposal)["net_revenue"] == "(preset datev_extf)"
    assert proposal.sources["customers"] == {"path": "debtors.csv", "preset": "datev_debtors"}
    assert taken(proposal, "customers") == {
        "customer_id": "Konto",
        "name": "Name (Adressattyp Unternehmen)",
        "city": "Ort",
    }


def test_a_list_with_number_and_name_in_one_cell_gives_both(tmp_path: Path) -> None:
    rows = "".join(f"Muster {chr(65 + n)} AG ({10023 + n});{900 + n},50;{800 + n},25\n" for n in range(8))
    (tmp_path / "liste.csv").write_text("Kunde;Umsatz 2024;Umsatz 2025\n" + rows, encoding="utf-8")
    create_engagement(tmp_path / "neu", export=tmp_path / "liste.csv")
    sources = load_engagement(tmp_path / "neu").sources
    assert sources.transactions.numbers_in == ("Kunde",)
    assert sources.customers is not None
    assert sources.customers.numbers_in == ("Kunde",)
    assert sources.customers.columns == {"customer_id": "Kunde", "name": "Kunde"}
    found = check_engagement(load_engagement(tmp_path / "neu"))
    assert found.n_customers == 8
    assert not {"number_in_name", "no_number_in_name"} & {finding.code for finding in found.findings}


def rows_of(heading: str, cell: str = "{},50") -> list[str]:
    return [
        f"KdNr;Kunde;Datum;{heading}",
        *(f"{n % 3};Kunde {n % 3};0{n}.01.2025;{cell.format(n)}" for n in range(1, 9)),
    ]


@pytest.mark.parametrize("number", ["KdNr", "Debitor"])
def test_a_customer_is_a_name_where_a_number_stands_beside_it(tmp_path: Path, number: str) -> None:
    proposal = looked_at(tmp_path, sales=[line.replace("KdNr", number) for line in rows_of("Umsatz")])
    assert taken(proposal)["customer_id"] == number
    assert taken(proposal, "customers")["name"] == "Kunde"


@pytest.mark.parametrize(
    ("heading", "cell", "currency"),
    [
        ("Betrag CHF", "{},50", "CHF"),
        ("Amount (USD)", "{},50", "USD"),
        ("Umsatz netto", "{},50 €", "EUR"),
        ("Umsatz netto", "$ {},50", "USD"),
        ("Umsatz netto", "{},50", None),
        ("Umsatz ALL", "{},50", None),
    ],
)
def test_a_currency_is_taken_from_headings_and_cells(
    tmp_path: Path, heading: str, cell: str, currency: str | None
) -> None:
    assert looked_at(tmp_path, sales=rows_of(heading, cell)).currency == currency


@pytest.mark.parametrize(
    ("heading", "source"),
    [("Umsatz TEUR", '= "Umsatz TEUR" * 1000'), ("Umsatz in Mio. €", '= "Umsatz in Mio. €" * 1000000')],
)
def test_thousands_in_a_heading_are_multiplied(tmp_path: Path, heading: str, source: str) -> None:
    proposal = looked_at(tmp_path, sales=rows_of(heading))
    assert taken(proposal)["net_revenue"] == source
    assert proposal.currency == "EUR"


def test_thousands_in_a_title_count_for_every_period(tmp_path: Path) -> None:
    lines = [
        "Umsätze der Kunden, Angaben in T€",
        "",
        "Kundennr;2024;2025",
        *(f"{n};{n},5;{n + 1},5" for n in range(1, 9)),
    ]
    proposal = looked_at(tmp_path, sales=lines)
    assert proposal.sources["transactions"]["periods"] == {"2024": '= "2024" * 1000', "2025": '= "2025" * 1000'}


def test_a_number_of_millions_in_a_title_multiplies_nothing(tmp_path: Path) -> None:
    lines = ["Kunden ab 1 Mio. Umsatz", "", "Kundennr;2024;2025", *(f"{n};{n},5;{n + 1},5" for n in range(1, 9))]
    assert looked_at(tmp_path, sales=lines).sources["transactions"]["periods"] == {"2024": "2024", "2025": "2025"}


def test_a_currency_column_of_signs_gives_the_code(tmp_path: Path) -> None:
    sales = [f"{line};{'Währung' if n == 0 else '€'}" for n, line in enumerate(rows_of("Umsatz"))]
    proposal = looked_at(tmp_path, sales=sales)
    assert (taken(proposal)["currency"], proposal.currency) == ("Währung", "EUR")


def test_an_item_that_is_no_number_is_a_product(tmp_path: Path) -> None:
    lines = ["Customer;Date;Amount;Item", *(f"{n % 3};0{n}.01.2025;{n},50;IT-{n % 2}" for n in range(1, 9))]
    assert taken(looked_at(tmp_path, sales=lines))["product_id"] == "Item"


def test_the_key_of_dated_headers_is_the_document(tmp_path: Path) -> None:
    items, heads = ([line.replace("BelegNr", "Schlüssel") for line in lines] for lines in (ITEMS, HEADS))
    proposal = looked_at(tmp_path, items=items, heads=heads)
    assert taken(proposal)["invoice_id"] == "Schlüssel"
    assert why(proposal, "invoice_id") == "relation"


def test_a_list_in_blocks_is_filled_down(tmp_path: Path) -> None:
    blocks = [line for n in range(1, 7) for line in (f"{n};Kunde {n};A;{n},50", f";;B;{n}0,25", f";;C;{n}1,75")]
    proposal = looked_at(tmp_path, sales=["Kunde;Name;Artikel;Umsatz 2025", *blocks])
    assert proposal.sources["transactions"] == {
        "path": "sales.csv",
        "layout": "wide",
        "columns": {"customer_id": "Kunde"},
        "periods": {"2025": "Umsatz 2025"},
        "fill_down": ["Kunde"],
    }
    assert proposal.sources["customers"]["fill_down"] == ["Kunde", "Name"]


def test_lines_without_a_customer_are_not_filled_down(tmp_path: Path) -> None:
    sales = [f"{n % 3 if n % 2 else ''};0{n}.01.2025;{n},50" for n in range(1, 10)]
    assert "fill_down" not in looked_at(tmp_path, sales=["Kunde;Datum;Umsatz", *sales]).sources["transactions"]
