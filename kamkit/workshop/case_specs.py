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
    """How a text file is written; `trailing_minus` as SAP lists do."""

    encoding: str = "cp1252"
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
    monthly contracts, `niche` the categories that nobody buys by chance, `doc_types` its words for invoice, credit note and cancellation."""

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
    group_column: str = "parent_id"
    niche: tuple[str, ...] = ()
    contract_share: float = 0.0
    organisation: str | None = None
    capacity: int = 15
    partner_categories: tuple[str, ...] = field(default=())


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


def _shared_roles(whitespace: str, sister_gap: str, industry: str) -> tuple[Role, ...]:
    """The facts that every case teaches; `whitespace` and `sister_gap` are category codes."""
    return (
        Role("hidden_group", HIDDEN_SIZES, sister_gap=sister_gap, key_label=False),
        Role("same_vat_id", (0.5, 0.3), grouped=False),
        Role("silent_churner", (4.0,), fades=True),
        Role("seasonal_false_alarm", (3.0,), months=SPRING_TO_SUMMER),
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
    cycle=0.12,
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
        SB-verpackte Handelsware | SB | 14 | 0.3
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
        *_shared_roles(whitespace="FU", sister_gap="HY", industry="28.22"),
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
    niche=("SB", "SM"),
    organisation="real",
    capacity=20,
)

CASES: Mapping[str, CaseSpec] = {case.name: case for case in (MACHINERY,)}
