"""The four synthetic teaching companies as data: what they sell, to whom, how they book, and which facts are planted.

Everything here is invented. A planted fact is a `Role`: the size and the habits of the customers who carry it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Category:
    """A product group: what it is called, the middle of its price ladder and its usual margin rate."""

    name: str
    code: str
    price: float
    margin: float


@dataclass(frozen=True)
class Industry:
    """A kind of customer: WZ 2008 code and text, how frequent, words for firm names, categories it usually buys."""

    code: str
    text: str
    weight: float
    trades: tuple[str, ...]
    core: tuple[str, ...]


@dataclass(frozen=True)
class Role:
    """The habits of the customers who carry a planted fact.

    `sizes` are yearly revenues, one per customer, in multiples of the account that crosses 80 %. Several customers
    form one group unless they only share a VAT id.
    """

    fact: str
    sizes: tuple[float, ...]
    industry: str | None = None
    months: tuple[int, ...] = ()
    fades: bool = False
    leads_by: int = 0
    discount: float | None = None
    buys: str | None = None
    lacks: str | None = None
    sister_gap: str | None = None
    project: float = 0.0
    grouped: bool = True
    key_label: bool | None = None
    treated: bool | None = None


@dataclass(frozen=True)
class Dialect:
    """How a text file is written; `bom` puts a byte order mark first, `trailing_minus` is what SAP lists do."""

    encoding: str = "cp1252"
    bom: bool = False
    delimiter: str = ";"
    decimal: str = ","
    thousands: str = ""
    date: str = "%d.%m.%Y"
    trailing_minus: bool = False
    newline: str = "\r\n"


@dataclass(frozen=True, eq=False)
class RawFile:
    """One raw file: its name, the client's columns (client: canonical), and its dialect or, for a workbook, its sheet.

    `table` is the canonical table of an organisation file; `year` keeps the lines of one year only; `title` stands
    above the header, `total` closes with a sum.
    """

    name: str
    columns: Mapping[str, str]
    dialect: Dialect = Dialect()
    table: str | None = None
    sheet: str | None = None
    year: int | None = None
    title: tuple[str, ...] = ()
    total: bool = False


@dataclass(frozen=True)
class CaseSpec:
    """A teaching company. `season` has one factor per month, `cycle` is the swing of the common business cycle,
    `rhythm` the invoices a year of an account that just crosses 80 %, `contract_share` the share of revenue under
    monthly contracts, `niche` the categories that nobody buys by chance, `doc_types` its words for invoice, credit note
    and cancellation, `cancelled_as` what a cancellation writes before the number of the invoice it takes back (None: it
    has a number of its own and refers), `computed` the columns that the engagement computes from others."""

    name: str
    number: int
    client: str
    industry_code: str
    n_customers: int
    sigma: float
    revenue: float
    growth: float
    season: tuple[float, ...]
    cycle: float
    rhythm: float
    price_rise: tuple[str, float]
    categories: tuple[Category, ...]
    variants: tuple[str, ...]
    industries: tuple[Industry, ...]
    roles: tuple[Role, ...]
    transactions: tuple[RawFile, ...]
    customers: RawFile
    doc_types: tuple[str, str, str]
    computed: Mapping[str, str] = field(default_factory=dict)
    group_column: str = "parent_id"
    cancelled_as: str | None = None
    niche: tuple[str, ...] = ()
    contract_share: float = 0.0
    organisation: str | None = None
    capacity: int = 15


def _categories(text: str) -> tuple[Category, ...]:
    """Read `name | code | price | margin`, one category per line."""
    cells = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    return tuple(Category(name, code, float(price), float(margin)) for name, code, price, margin in cells)


def _industries(text: str) -> tuple[Industry, ...]:
    """Read `code | text | weight | firm words | codes of the usual categories`, one industry per line."""
    cells = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    return tuple(
        Industry(code, words, float(weight), tuple(trades.split(", ")), tuple(core.split()))
        for code, words, weight, trades, core in cells
    )


SPRING_TO_SUMMER = (3, 4, 5, 6, 7, 8)
HIDDEN_SIZES = (0.48, 0.45, 0.42, 0.4, 0.36)


def _shared_roles(whitespace: str, sister_gap: str, industry: str, seasonal: str) -> tuple[Role, ...]:
    """The facts that every case teaches; `whitespace` and `sister_gap` are categories, the others industries."""
    return (
        Role("hidden_group", HIDDEN_SIZES, sister_gap=sister_gap, key_label=False),
        Role("same_vat_id", (0.5, 0.3), grouped=False),
        Role("silent_churner", (4.0,), fades=True),
        Role("seasonal_false_alarm", (3.0,), industry=seasonal, months=SPRING_TO_SUMMER),
        Role("whitespace", (3.4,), industry=industry, lacks=whitespace),
        Role("loss_making_a_customer", (3.6,), discount=0.45),
    )


_CUSTOMER_COLUMNS = {
    "Kundennr": "customer_id",
    "Name": "name",
    "PLZ": "postcode",
    "Ort": "city",
    "Land": "country",
    "USt-IdNr": "vat_id",
    "Konzernmutter": "parent_id",
    "WZ-Code": "industry_code",
    "Branche": "industry_text",
    "Gebiet": "region",
    "Außendienst": "field_rep",
    "Key Account": "key_label",
    "KA-Betreuer": "kam_owner",
}
_GROUP_COLUMNS = {
    ("Konzern" if column == "Konzernmutter" else column): ("group_id" if name == "parent_id" else name)
    for column, name in _CUSTOMER_COLUMNS.items()
}

MACHINERY = CaseSpec(
    name="machinery",
    number=1,
    client="Nordhaller Antriebstechnik GmbH",
    industry_code="28",
    n_customers=320,
    sigma=1.75,
    revenue=48_000_000,
    growth=0.04,
    season=(0.92, 0.96, 1.06, 1.02, 1.0, 1.05, 0.97, 0.86, 1.04, 1.06, 1.08, 0.98),
    cycle=0.16,
    rhythm=17,
    price_rise=("2024-04-01", 0.045),
    categories=_categories("""
        Stirnradgetriebe | SG | 1450 | 0.34
        Schneckengetriebe | SN | 620 | 0.31
        Elektromotoren | EM | 880 | 0.24
        Frequenzumrichter | FU | 540 | 0.28
        Kupplungen | KU | 190 | 0.41
        Bremsen | BR | 310 | 0.38
        Hydraulikaggregate | HY | 2300 | 0.3
        Lagertechnik | LA | 95 | 0.36
        Lineartechnik | LT | 430 | 0.33
        Sensorik | SE | 160 | 0.45
        Ersatzteile | ET | 120 | 0.52
        Heimwerkersortiment SB-verpackt | SB | 14 | 0.3
        Sondermaschinen | SM | 52000 | 0.22
    """),
    variants=("Basis", "Standard", "verstärkt", "Sonderausführung"),
    industries=_industries("""
        28.22 | Herstellung von Hebezeugen und Fördermitteln | 5 | Fördertechnik, Hebezeuge, Krananlagen | SG EM FU BR KU ET
        28.93 | Herstellung von Nahrungsmittelmaschinen | 3 | Maschinenbau, Anlagenbau, Abfülltechnik | SG SN EM LA SE ET
        28.30 | Herstellung von Landmaschinen | 3 | Landtechnik, Erntetechnik | SG KU HY LA ET
        25.62 | Mechanik, Zerspanung | 3 | Präzisionstechnik, Metallbau, Zerspanung | LT LA KU SE
        29.32 | Herstellung von Teilen für Kraftwagen | 2 | Fahrzeugteile, Automotive | EM FU LT SE LA
        16.10 | Säge-, Hobel- und Holzimprägnierwerke | 2 | Sägewerk, Holzwerke | SG EM BR ET
        24.10 | Erzeugung von Roheisen und Stahl | 1 | Walzwerk, Stahlwerke | SG HY BR ET
        35.11 | Elektrizitätserzeugung | 1 | Energie, Wasserkraft | SG HY SE ET
        46.69 | Großhandel mit sonstigen Maschinen | 2 | Antriebshandel, Industriebedarf | EM KU LA ET FU
        47.52 | Einzelhandel mit Bau- und Heimwerkerbedarf | 0.1 | Baumarkt, Heimwerkermarkt | SB
    """),
    roles=(
        *_shared_roles(whitespace="FU", sister_gap="HY", industry="28.22", seasonal="28.30"),
        Role("lead_customer", (6.0,), industry="28.93", leads_by=3, key_label=True),
        Role("key_in_name_only", (0.3,), key_label=True, treated=False),
        Role("de_facto_key_account", (0.55,), key_label=False, treated=True),
        Role("gap_account", (2.2,), key_label=False, treated=False),
        Role("one_off_project", (0.25,), industry="35.11", project=3.0, buys="SM", key_label=False),
        Role("consumer_exception", (2.4,), industry="47.52", buys="SB"),
    ),
    transactions=(
        RawFile(
            "umsatz.csv",
            {
                "Belegnr": "invoice_id",
                "Pos": "line_id",
                "FkArt": "doc_type",
                "Buchungsdatum": "posting_date",
                "Auftragsdatum": "order_date",
                "Kundennr": "customer_id",
                "Material": "product_id",
                "Materialbezeichnung": "product_name",
                "Warengruppe": "category",
                "Menge": "quantity",
                "Rabatt %": "discount_percent",
                "Nettowert": "net_revenue",
                "Wareneinsatz": "cost",
                "Projekt": "project_id",
                "Bezug": "reference",
            },
            Dialect(thousands=".", trailing_minus=True),
        ),
    ),
    customers=RawFile("kunden.csv", _CUSTOMER_COLUMNS),
    doc_types=("F2", "G2", "S1"),
    computed={"invoice_id": "= CASE WHEN FkArt = 'S1' THEN Bezug ELSE Belegnr END"},
    niche=("SB", "SM"),
    organisation="real",
    capacity=20,
)

_TITLE = "Fiktive Daten zu Lehrzwecken / fictitious data"

CONSUMER_GOODS = CaseSpec(
    name="consumer-goods",
    number=2,
    client="Krümelkamp Feinkost GmbH & Co. KG",
    industry_code="10",
    n_customers=150,
    sigma=1.75,
    revenue=36_000_000,
    growth=0.03,
    season=(0.82, 0.84, 0.95, 1.0, 0.93, 0.9, 0.86, 0.88, 1.04, 1.16, 1.36, 1.26),
    cycle=0.15,
    rhythm=20,
    price_rise=("2025-02-01", 0.06),
    categories=_categories("""
        Konfitüre | KO | 38 | 0.36
        Honig | HO | 64 | 0.29
        Nussaufstriche | NA | 52 | 0.33
        Senf und Saucen | SS | 29 | 0.41
        Essig und Öl | EO | 58 | 0.32
        Backmischungen | BM | 33 | 0.38
        Kekse und Gebäck | KG | 41 | 0.35
        Müsliriegel | MR | 47 | 0.37
        Tee | TE | 55 | 0.44
        Bio-Linie | BI | 62 | 0.31
        Geschenksets | GS | 85 | 0.42
        Handelsmarke | HM | 24 | 0.18
    """),
    variants=("6 x 200 g", "12 x 250 g", "Display", "Palette"),
    industries=_industries("""
        47.11 | Einzelhandel mit Nahrungsmitteln | 5 | Supermärkte, Frischemärkte, Verbrauchermärkte | KO HO NA SS KG MR TE HM
        47.29 | Sonstiger Facheinzelhandel mit Nahrungsmitteln | 1.9 | Feinkosthaus, Delikatessen, Genussladen | KO HO SS EO TE GS
        47.75 | Einzelhandel mit kosmetischen Erzeugnissen | 1.5 | Drogeriemärkte, Drogerie | HO MR TE BI
        46.39 | Großhandel mit Nahrungsmitteln | 2.5 | Lebensmittelgroßhandel, Frischdienst | KO HO SS EO BM KG
        56.10 | Restaurants, Gaststätten und Cafés | 1.9 | Gastronomie, Strandcafés, Ausflugslokale | KO HO SS EO TE
        55.10 | Hotels | 1.5 | Hotels, Kurhotel | KO HO TE MR
        47.91 | Versand- und Internet-Einzelhandel | 1 | Genussversand, Präsentversand | GS TE BI KG
    """),
    roles=(
        *_shared_roles(whitespace="NA", sister_gap="EO", industry="47.11", seasonal="56.10"),
        Role("lead_customer", (5.0,), industry="47.91", leads_by=3),
    ),
    transactions=(
        RawFile(
            "Umsatzliste_2023-2025.xlsx",
            {
                "Rechnung": "invoice_id",
                "Belegart": "doc_type",
                "Datum": "posting_date",
                "Kunde": "customer_id",
                "Artikel": "product_id",
                "Artikelbezeichnung": "product_name",
                "Sortiment": "category",
                "Kartons": "quantity",
                "Nettoumsatz": "net_revenue",
                "Deckungsbeitrag": "margin",
            },
            sheet="Umsätze",
            title=("Krümelkamp Feinkost GmbH & Co. KG", "Umsatzliste 01.01.2023 bis 31.12.2025", _TITLE),
            total=True,
        ),
    ),
    customers=RawFile(
        "Kundenstamm.xlsx", _GROUP_COLUMNS, sheet="Kunden", title=("Kundenstamm, Stand 12.01.2026", _TITLE)
    ),
    doc_types=("Rechnung", "Gutschrift", "Storno"),
    cancelled_as="ST-",
    group_column="group_id",
    niche=("HM",),
    capacity=12,
)

_UTF8_COMMA = Dialect("utf-8", delimiter=",", decimal=".", date="%Y-%m-%d", newline="\n")

TECHNICAL_SERVICE = CaseSpec(
    name="technical-service",
    number=3,
    client="Süderau Wartungswerk GmbH",
    industry_code="33",
    n_customers=160,
    sigma=1.7,
    revenue=14_500_000,
    growth=0.05,
    season=(1.04, 1.0, 1.02, 0.98, 1.0, 1.03, 0.96, 0.92, 1.0, 1.03, 1.02, 1.0),
    cycle=0.03,
    rhythm=9,
    price_rise=("2024-01-01", 0.035),
    categories=_categories("""
        Wartung Aufzüge | WA | 240 | 0.34
        Wartung Klima und Lüftung | WK | 210 | 0.31
        Brandschutzprüfung | BP | 130 | 0.39
        Wartung Tore und Türen | WT | 110 | 0.37
        Elektroprüfung | EP | 90 | 0.42
        Energiemonitoring | EN | 150 | 0.48
        Sicherheitstechnik | SI | 180 | 0.33
        Störungsdienst | ST | 160 | 0.22
        Ersatzteile | ET | 85 | 0.4
        Umbau und Modernisierung | UM | 1900 | 0.2
    """),
    variants=("Grundleistung", "erweitert", "Komplett", "Sonderleistung"),
    industries=_industries("""
        68.20 | Vermietung von Grundstücken und Gebäuden | 5 | Wohnbau, Immobilien, Hausverwaltung | WA BP WT EP ST
        86.10 | Krankenhäuser | 2 | Klinik, Klinikum | WA WK BP EP EN ST
        55.10 | Hotels | 1.5 | Hotels, Tagungshotel | WA WK BP ST
        52.10 | Lagerei | 2 | Logistik, Lagerhaus | WT BP EP SI ST
        47.11 | Einzelhandel mit Waren verschiedener Art | 2 | Einkaufszentren, Frischemärkte | WA WK WT SI
        28.22 | Herstellung von Hebezeugen und Fördermitteln | 1.5 | Maschinenbau, Fördertechnik | EP WT ET ST
        93.11 | Betrieb von Sportanlagen | 1 | Freibäder, Sportparks | WK EP EN
        84.11 | Allgemeine öffentliche Verwaltung | 1 | Gebäudedienste, Stadtbetriebe | WA BP EP SI
    """),
    roles=_shared_roles(whitespace="BP", sister_gap="EN", industry="68.20", seasonal="93.11"),
    transactions=(
        RawFile(
            "rechnungspositionen.csv",
            {
                "rechnung": "invoice_id",
                "position": "line_id",
                "belegart": "doc_type",
                "buchungsdatum": "posting_date",
                "kundennummer": "customer_id",
                "vertrag": "contract_id",
                "leistung": "product_id",
                "leistungsart": "category",
                "menge": "quantity",
                "netto": "net_revenue",
                "kosten": "cost",
            },
            _UTF8_COMMA,
        ),
    ),
    customers=RawFile(
        "kunden.csv",
        {column: name for column, name in _CUSTOMER_COLUMNS.items() if name not in ("key_label", "kam_owner")},
        _UTF8_COMMA,
    ),
    doc_types=("RE", "GU", "ST"),
    cancelled_as="",
    contract_share=0.66,
    capacity=12,
)

_YEARLY_COLUMNS = {
    "Faktura": "invoice_id",
    "Position": "line_id",
    "Fakturaart": "doc_type",
    "Datum": "posting_date",
    "Kundennummer": "customer_id",
    "Artikelnummer": "product_id",
    "Artikel": "product_name",
    "Artikelgruppe": "category",
    "Menge": "quantity",
    "Nettobetrag": "net_revenue",
    "Einstand": "cost",
    "Projektnummer": "project_id",
}

PSEUDO_KAM = CaseSpec(
    name="pseudo-kam",
    number=4,
    client="Pappelheim Verpackungen GmbH",
    industry_code="17",
    n_customers=220,
    sigma=1.65,
    revenue=22_000_000,
    growth=0.02,
    season=(0.94, 0.95, 1.03, 0.99, 0.98, 1.0, 0.95, 0.92, 1.04, 1.1, 1.12, 0.98),
    cycle=0.04,
    rhythm=14,
    price_rise=("2023-10-01", 0.05),
    categories=_categories("""
        Kartonagen | FS | 420 | 0.27
        Wellpappkartons | WP | 260 | 0.22
        Thekenaufsteller | DI | 680 | 0.35
        Etiketten | ET | 120 | 0.4
        Versandtaschen | VT | 95 | 0.33
        Stretchfolie | SF | 140 | 0.18
        Klebeband | KB | 60 | 0.3
        Polstermaterial | PM | 110 | 0.28
        Mehrwegbehälter | MW | 540 | 0.31
        Werkzeuge und Klischees | WZ | 8200 | 0.15
    """),
    variants=("klein", "mittel", "groß", "Sonderformat"),
    industries=_industries("""
        10.71 | Herstellung von Backwaren | 4 | Backwaren, Großbäckerei | FS WP ET SF KB
        20.42 | Herstellung von Körperpflegemitteln | 2 | Kosmetik, Pflegeprodukte | FS DI ET WP
        21.20 | Herstellung von pharmazeutischen Spezialitäten | 1.5 | Arzneimittel, Pharma | FS ET WP
        25.99 | Herstellung von sonstigen Metallwaren | 2 | Metallwaren, Beschläge | WP PM KB SF
        27.51 | Herstellung von elektrischen Haushaltsgeräten | 1.5 | Haushaltsgeräte, Küchentechnik | WP PM DI FS
        01.13 | Anbau von Gemüse | 1 | Gemüsehof, Obstbau | WP MW ET
        32.40 | Herstellung von Spielwaren | 1 | Spielwaren, Spiele | FS DI WP
        52.29 | Sonstige Dienstleistungen für den Verkehr | 1.5 | Logistik, Spedition | VT SF KB WP
    """),
    roles=(
        *_shared_roles(whitespace="ET", sister_gap="DI", industry="10.71", seasonal="01.13"),
        Role("gap_account", (2.0,), key_label=False),
        Role("one_off_project", (0.25,), industry="32.40", project=2.6, buys="WZ", key_label=False),
    ),
    transactions=(
        RawFile("umsatz_2023.csv", _YEARLY_COLUMNS, Dialect("utf-8", bom=True), year=2023),
        RawFile("umsatz_2024.csv", _YEARLY_COLUMNS, Dialect("utf-16-le", bom=True, delimiter="\t"), year=2024),
        RawFile("umsatz_2025.csv", _YEARLY_COLUMNS, Dialect(thousands=".", trailing_minus=True), year=2025),
    ),
    customers=RawFile("kunden.csv", _CUSTOMER_COLUMNS),
    doc_types=("Rechnung", "Gutschrift", "Stornorechnung"),
    cancelled_as="S",
    niche=("WZ",),
    organisation="pseudo",
)

CASES: Mapping[str, CaseSpec] = {case.name: case for case in (CONSUMER_GOODS, MACHINERY, PSEUDO_KAM, TECHNICAL_SERVICE)}
