"""Three years of an invented company, customer by customer: who they are, what they order, how it is booked.

All chance comes from uniform draws of seeded numpy generators, one per customer, so that a case is the same on every
platform and with every version of numpy, and one customer's luck does not move another's.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from statistics import NormalDist
from typing import TypeVar

import numpy as np
import pandas as pd

from kamkit.workshop.case_specs import CaseSpec, Category, Industry, Role

START, END = dt.date(2023, 1, 1), dt.date(2025, 12, 31)
FADES_FROM, SILENT_FROM = dt.date(2025, 8, 11), dt.date(2025, 10, 1)
CASH_CUSTOMER = "0099999"
HOLIDAYS = {(1, 1), (5, 1), (10, 3), (12, 24), (12, 25), (12, 26), (12, 31)}
ORDINARY = Role("ordinary", (1.0,))
T = TypeVar("T")

NAME_FIRST = [
    "Hollen",
    "Brink",
    "Wester",
    "Kalten",
    "Linden",
    "Oster",
    "Rauten",
    "Grün",
    "Möhl",
    "Bär",
    "Tüm",
    "Schön",
    "Röß",
    "Hage",
    "Döm",
    "Eller",
    "Fäß",
    "Görn",
    "Hüll",
    "Ilmen",
    "Jüch",
    "Krö",
    "Löw",
    "Mürr",
    "Nöth",
    "Pell",
    "Quell",
    "Rüm",
    "Süß",
    "Thül",
    "Uhlen",
    "Vör",
]
NAME_LAST = [
    "beck",
    "hofer",
    "brügge",
    "mann",
    "kötter",
    "stedt",
    "wörth",
    "büchl",
    "häuser",
    "roth",
    "thal",
    "scheid",
    "dorf",
    "eißer",
    "moser",
    "lage",
]
LEGAL_FORMS = ("GmbH", "GmbH", "GmbH", "GmbH & Co. KG", "AG", "KG", "GmbH & Co. KG", "OHG", "GmbH")
SOLE_TRADERS = ("01", "16", "25", "46", "47", "56")
"""Divisions in which a small firm may belong to one person."""
FIRST_NAMES = [
    "Anke",
    "Bernd",
    "Carla",
    "Dirk",
    "Elif",
    "Frank",
    "Greta",
    "Holger",
    "Ines",
    "Jörg",
    "Katrin",
    "Lars",
    "Murat",
    "Nadja",
    "Oliver",
    "Petra",
]
PLACES = (
    ("Nord", (("20457", "Hamburg"), ("28195", "Bremen"), ("30159", "Hannover"), ("24103", "Kiel"), ("26122", "Oldenburg"))),
    ("Ost", (("04109", "Leipzig"), ("01067", "Dresden"), ("99084", "Erfurt"), ("10115", "Berlin"), ("39104", "Magdeburg"))),
    ("Süd", (("80331", "München"), ("70173", "Stuttgart"), ("90402", "Nürnberg"), ("97070", "Würzburg"), ("89073", "Ulm"))),
    ("West", (("50667", "Köln"), ("44135", "Dortmund"), ("48143", "Münster"), ("33602", "Bielefeld"), ("57072", "Siegen"))),
)  # fmt: skip


class Chance:
    """Draws for one purpose: everything is made from uniform numbers, whose stream numpy does not change."""

    def __init__(self, *key: int) -> None:
        self._generator = np.random.default_rng(list(key))

    def share(self) -> float:
        """A number from 0 up to 1."""
        return float(self._generator.random())

    def between(self, low: float, high: float) -> float:
        """A number between two."""
        return low + (high - low) * self.share()

    def normal(self) -> float:
        """A standard normal number, within ±3."""
        return max(-3.0, min(3.0, NormalDist().inv_cdf(self.between(1e-6, 1 - 1e-6))))

    def pick(self, things: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """One of several things."""
        if weights is None:
            return things[int(self.share() * len(things))]
        target, reached = self.share() * sum(weights), 0.0
        for thing, weight in zip(things, weights, strict=True):
            reached += weight
            if target < reached:
                return thing
        return things[-1]

    def shuffled(self, things: Sequence[T]) -> list[T]:
        """All of several things in random order."""
        return [thing for _, thing in sorted(((self.share(), i), thing) for i, thing in enumerate(things))]


@dataclass(frozen=True)
class Customer:
    """One customer of the invented company: master data, and the habits behind its orders (hidden from the raw data)."""

    customer_id: str
    account_id: str
    name: str
    postcode: str
    city: str
    region: str
    field_rep: str
    industry: Industry | None
    vat_id: str
    group: str | None
    key_label: bool
    treated: bool
    kam_owner: str | None
    size: float
    role: Role
    basket: Mapping[str, float]
    growth: float = 0.0
    discount: float = 0.0
    starts: dt.date = START
    ends: dt.date = END
    first_of_group: bool = False


@dataclass
class _Line:
    category: Category
    product: int
    quantity: int
    discount_percent: int
    net: int
    cost: int
    project_id: str | None = None
    contract_id: str | None = None


@dataclass
class _Document:
    date: dt.date
    customer_id: str
    kind: int
    lines: list[_Line]
    order_date: dt.date | None = None
    reference: _Document | None = None
    number: str = ""


def crossing_size(spec: CaseSpec) -> float:
    """The yearly revenue of the account that crosses 80 % before facts are planted."""
    sizes = _sizes(spec)
    reached = np.cumsum(sizes) / sum(sizes)
    return sizes[int(np.searchsorted(reached, 0.8))]


def _sizes(spec: CaseSpec) -> list[float]:
    """Lognormal yearly revenues as evenly spread quantiles, largest first, adding up to the company's revenue."""
    normal = NormalDist()
    sizes = [math.exp(spec.sigma * normal.inv_cdf((i + 0.5) / spec.n_customers)) for i in range(spec.n_customers)]
    scale = spec.revenue / math.fsum(sizes)
    return sorted((size * scale for size in sizes), reverse=True)


def _cast(spec: CaseSpec, chance: Chance) -> list[tuple[float, Role, str | None]]:
    """Size, role and group of every customer: each planted role takes the place of the nearest size, some of the
    others form ordinary groups."""
    free, crossing = _sizes(spec), crossing_size(spec)
    cast: list[tuple[float, Role, str | None]] = []
    for number, role in enumerate(spec.roles):
        group = f"role{number}" if role.grouped and len(role.sizes) > 1 else None
        for size in role.sizes:
            free.remove(min(free, key=lambda other: abs(math.log(other / (size * crossing)))))
            cast.append((size * crossing, role, group))
    ordinary = chance.shuffled(free)
    for i, size in enumerate(ordinary):
        cast.append((size, ORDINARY, f"group{i // 3}" if i < 18 else None))
    return cast


def invent_customers(spec: CaseSpec, seed: int) -> tuple[Customer, ...]:
    """The customers of a case, by customer number."""
    chance = Chance(seed, spec.number, 0)
    cast = chance.shuffled(_cast(spec, chance))
    stems = chance.shuffled([first + last for first in NAME_FIRST for last in NAME_LAST])
    reps = [f"{first} {stems.pop().capitalize()}" for first in chance.shuffled(FIRST_NAMES)]
    crossing, number, customers = crossing_size(spec), 10_000, []
    shared_vat = f"DE{int(chance.between(2e8, 3e8))}"
    group_sizes = _group_sizes(cast)
    ids: dict[str, str] = {}
    group_stems: dict[str, str] = {}
    for index, (size, role, group) in enumerate(cast):
        number += 1 + int(chance.between(0, 40))
        customer_id = f"{number:07d}"
        first_of_group = group is not None and group not in ids
        if group is not None and first_of_group:
            ids[group] = customer_id if spec.group_column == "parent_id" else f"K{number - 9000:04d}"
            group_stems[group] = stems.pop()
        industry = _industry(spec, role, size > 2.5 * crossing, chance)
        labelled = group_sizes.get(group or "", size) >= 1.25 * crossing if role.key_label is None else role.key_label
        area = index % 4 if role.grouped else int(chance.share() * 4)
        region, places = PLACES[area]
        postcode, city = chance.pick(places)
        stem = group_stems[group] if group and role is ORDINARY else stems.pop()
        customer = Customer(
            customer_id=customer_id,
            account_id=ids[group] if group else customer_id,
            name=_name(stem, industry, city if group else "", first_of_group, size < crossing / 8, chance),
            postcode=f"{int(postcode) + int(chance.share() * 90):05d}",
            city=city,
            region=region,
            field_rep=reps[2 * area + int(chance.share() * 2)],
            industry=industry,
            vat_id=shared_vat if role.fact == "same_vat_id" else f"DE{int(chance.between(1e8, 2e8))}",
            group=ids[group] if group else None,
            key_label=labelled,
            treated=spec.organisation != "pseudo" and (labelled if role.treated is None else role.treated),
            kam_owner=chance.pick(reps[8:11]) if labelled and role.treated is not False else None,
            size=size,
            role=role,
            basket=_basket(spec, role, industry, size < crossing / 8, first_of_group, chance),
            first_of_group=first_of_group,
        )
        customers.append(_with_history(spec, customer, crossing, chance))
    return (*customers, _cash_customer())


def _group_sizes(cast: Sequence[tuple[float, Role, str | None]]) -> dict[str, float]:
    sizes: dict[str, float] = {}
    for size, _, group in cast:
        if group:
            sizes[group] = sizes.get(group, 0.0) + size
    return sizes


def _industry(spec: CaseSpec, role: Role, large: bool, chance: Chance) -> Industry:
    """The industry that a role asks for, else a random one; large customers come from the main industries."""
    if role.industry:
        return next(industry for industry in spec.industries if industry.code == role.industry)
    weights = [industry.weight for industry in spec.industries]
    return chance.pick(spec.industries, [weight if weight >= 2 or not large else 0.0 for weight in weights])


def _name(stem: str, industry: Industry, city: str, first_of_group: bool, small: bool, chance: Chance) -> str:
    """A firm name: `Möhlbrügge & Sohn Landtechnik GmbH`; group members carry their town, small firms an owner."""
    trade = chance.pick(industry.trades)
    if first_of_group:
        return f"{stem} Beteiligungen AG"
    if city:
        return f"{stem} {trade} {city} GmbH"
    if small and industry.code[:2] in SOLE_TRADERS and chance.share() < 0.5:
        return f"{trade} {stem} e. K."
    partner = (
        " & Söhne" if chance.share() < 0.1 else f" & {chance.pick(NAME_FIRST)}mann" if chance.share() < 0.1 else ""
    )
    return f"{stem}{partner} {trade} {chance.pick(LEGAL_FORMS)}"


def _basket(
    spec: CaseSpec, role: Role, industry: Industry, small: bool, first_of_group: bool, chance: Chance
) -> dict[str, float]:
    """Which categories a customer buys at all, with their weights."""
    basket = {}
    for category in spec.categories:
        core = category.code in industry.core
        likely = (0.62 if small else 0.9) if core else (0.06 if small else 0.2)
        buys, weight = chance.share() < likely, chance.between(0.4, 1.0) if core else chance.between(0.1, 0.35)
        if buys and (core or category.code not in spec.niche):
            basket[category.code] = weight
    basket = basket or {industry.core[0]: 1.0}
    if role.buys and not role.project:
        return {role.buys: 1.0}
    if role.sister_gap:
        basket.pop(role.sister_gap, None)
        basket = basket or {industry.core[0]: 1.0}
        if first_of_group:
            basket[role.sister_gap] = 1.0
    if role.lacks:
        basket = {**dict.fromkeys(industry.core, 0.6), **basket}
        del basket[role.lacks]
    return basket or {spec.categories[0].code: 1.0}


def _with_history(spec: CaseSpec, customer: Customer, crossing: float, chance: Chance) -> Customer:
    """How a customer grows, what discount it gets, when it came and when it left; only small ones leave unplanned."""
    growth = spec.growth + 0.1 * chance.normal()
    discount = min(0.16, 0.04 + 0.02 * math.log1p(customer.size / crossing)) + chance.between(0, 0.04)
    luck, day = chance.share(), START + dt.timedelta(days=int(chance.between(60, 900)))
    if customer.role is not ORDINARY:
        planted = customer.role.discount
        return replace(customer, growth=spec.growth, discount=discount if planted is None else planted)
    starts = day if luck < 0.12 else START
    ends = day if luck > 0.92 and customer.size < crossing / 2 else END
    return replace(customer, growth=growth, discount=discount, starts=starts, ends=ends)


def _cash_customer() -> Customer:
    return Customer(
        CASH_CUSTOMER, CASH_CUSTOMER, "Diverse Barverkauf", "", "", "", "", None, "", None, False, False, None,
        0.0, replace(ORDINARY, fact="cash_customer"), {},
    )  # fmt: skip


def workday(day: dt.date) -> dt.date:
    """The day itself, or the next one on which a German office books."""
    while day.weekday() >= 5 or (day.month, day.day) in HOLIDAYS:
        day += dt.timedelta(days=1)
    return day


@cache
def _phases(seed: int, case: int) -> tuple[float, float]:
    chance = Chance(seed, case, 1)
    return chance.share(), chance.share()


def cycle(spec: CaseSpec, seed: int, day: dt.date, months_ahead: int = 0) -> float:
    """The common business cycle on a day: two waves of 18 and 8 months, whose yearly changes do not cancel."""
    first, second = _phases(seed, spec.number)
    month = (day - START).days / 30.4375 + months_ahead
    waves = (0.5, 18.0, first), (0.5, 8.0, second)
    return 1 + spec.cycle * sum(
        height * math.sin(2 * math.pi * (month / length + phase)) for height, length, phase in waves
    )


def _demand(spec: CaseSpec, seed: int, customer: Customer, day: dt.date) -> float:
    """What a customer wants on a day, as a multiple of its yearly size."""
    role = customer.role
    if not customer.starts <= day <= customer.ends or (role.months and day.month not in role.months):
        return 0.0
    if role.fades and day >= FADES_FROM:
        return 0.5 if day < SILENT_FROM else 0.0
    years = (day - dt.date(2025, 7, 1)).days / 365.25
    season = 12 / len(role.months) if role.months else spec.season[day.month - 1]
    swing = cycle(spec, seed, day, role.leads_by)
    return float((1 + customer.growth) ** years * season * (swing**1.5 if role.leads_by else swing))


def _orders(spec: CaseSpec, seed: int, customer: Customer, chance: Chance) -> Iterator[tuple[dt.date, float]]:
    """Day and amount of every order: a steady rhythm with jitter, larger customers more often. What a frequent customer
    needs in a month is split over the month's orders."""
    rhythm = spec.rhythm * (customer.size / crossing_size(spec)) ** 0.45 * chance.between(0.8, 1.25)
    rhythm = 52.0 if customer.role.leads_by else max(1.5, min(52.0, rhythm))
    spread = 0.08 if customer.role.leads_by else 0.25
    days, at = [], 365 / rhythm * chance.share()
    while (day := workday(START + dt.timedelta(days=int(at)))) <= END:
        days.append(day)
        at += 365 / rhythm * chance.between(1 - spread * 1.5, 1 + spread * 1.5)
    in_month = Counter((day.year, day.month) for day in days)
    yearly = (1 - spec.contract_share) * customer.size
    for day in days:
        part = 1 / 12 / in_month[day.year, day.month] if rhythm >= 12 else 1 / rhythm
        amount = _demand(spec, seed, customer, day) * yearly * part * math.exp(spread * chance.normal() - spread**2 / 2)
        if amount > 0:
            yield day, amount


def _price_level(spec: CaseSpec, day: dt.date) -> float:
    since, rise = spec.price_rise
    return 1 + rise if day.isoformat() >= since else 1.0


LADDER = (0.12, 0.45, 1.5, 4.5)
"""The price steps inside a category, by variant."""


def _line(spec: CaseSpec, customer: Customer, category: Category, day: dt.date, amount: float, chance: Chance) -> _Line:
    """One line of about an amount: the largest or second largest variant it can pay, in whole pieces."""
    level = _price_level(spec, day)
    affordable = [i for i, step in enumerate(LADDER) if category.price * step * level <= amount] or [0]
    product = chance.pick(affordable[-2:])
    percent = round(100 * customer.discount)
    list_price = round(100 * category.price * LADDER[product] * level)
    quantity = max(1, round(100 * amount / (list_price * (1 - percent / 100))))
    cost = round(quantity * list_price * (1 - category.margin) * chance.between(0.97, 1.03))
    return _Line(category, product, quantity, percent, round(quantity * list_price * (100 - percent) / 100), cost)


def _invoices(spec: CaseSpec, seed: int, customer: Customer, chance: Chance) -> Iterator[_Document]:
    """The invoices of one customer's orders, each split over a few of the categories it buys."""
    by_code = {category.code: category for category in spec.categories}
    codes, weights = list(customer.basket), list(customer.basket.values())
    for day, amount in _orders(spec, seed, customer, chance):
        n = 1 + int(3.2 * chance.share() ** 2)
        shares = [chance.between(0.3, 1.0) for _ in range(n)]
        lines = [
            _line(spec, customer, by_code[chance.pick(codes, weights)], day, amount * share / sum(shares), chance)
            for share in shares
        ]
        ordered = workday(day - dt.timedelta(days=int(chance.between(4, 45))))
        yield _Document(day, customer.customer_id, 0, lines, min(ordered, day))


def _contract_invoices(spec: CaseSpec, seed: int, customer: Customer, chance: Chance) -> Iterator[_Document]:
    """Monthly invoices of equal amounts under one to three contracts, raised once a year; a customer that fades ends
    its contracts one after the other."""
    by_code = {category.code: category for category in spec.categories}
    codes = list(customer.basket)[: 1 + int(2.2 * chance.share())]
    shares = [chance.between(0.5, 1.0) for _ in codes]
    prefix = f"V{customer.customer_id[-5:]}"
    for month in range(36):
        day = workday(dt.date(2023 + month // 12, month % 12 + 1, 1))
        demand = _demand(spec, seed, customer, day)
        if demand == 0:
            continue
        yearly = (
            spec.contract_share
            * customer.size
            * (1.03 ** (day.year - 2025))
            * (12 / len(customer.role.months or range(12)))
        )
        lines = []
        for i, (code, share) in enumerate(zip(codes, shares, strict=True)):
            if customer.role.fades and i == 0 and len(codes) > 1 and demand < 0.6:
                continue
            net = round(100 * yearly / 12 * share / sum(shares) * (1 - customer.discount) / 0.95)
            cost = round(
                100 * yearly / 12 * share / sum(shares) * (1 - by_code[code].margin) * chance.between(0.9, 1.1)
            )
            lines.append(_Line(by_code[code], 0, 1, 0, net, cost, contract_id=f"{prefix}-{i + 1}"))
        yield _Document(day, customer.customer_id, 0, lines, day)


def _project_invoice(spec: CaseSpec, customer: Customer) -> _Document:
    """The one large order of a project, never repeated."""
    category = next(c for c in spec.categories if c.code == customer.role.buys)
    net = round(100 * customer.role.project * crossing_size(spec))
    line = _Line(category, 3, 1, 0, net, round(net * (1 - category.margin)), project_id="P-25-017")
    return _Document(dt.date(2025, 5, 14), customer.customer_id, 0, [line], dt.date(2024, 11, 19))


def _corrections(documents: Sequence[_Document], ordinary: set[str], chance: Chance) -> Iterator[_Document]:
    """Credit notes for a part of about 2 % of the invoices, and whole cancellations of a few, in the same year."""
    for invoice in documents:
        luck, days = chance.share(), int(chance.between(3, 25))
        day = workday(invoice.date + dt.timedelta(days=days))
        if invoice.customer_id not in ordinary or day.year != invoice.date.year:
            continue
        if luck < 0.004:
            lines = [replace(line, quantity=-line.quantity, net=-line.net, cost=-line.cost) for line in invoice.lines]
            yield _Document(day, invoice.customer_id, 2, lines, reference=invoice)
        elif luck < 0.024:
            line, part = chance.pick(invoice.lines), chance.between(0.1, 1.0)
            pieces = max(1, round(line.quantity * part))
            net, cost = (round(amount * pieces / line.quantity) for amount in (line.net, line.cost))
            back = replace(line, quantity=-pieces, net=-net, cost=-cost)
            yield _Document(day, invoice.customer_id, 1, [back], reference=invoice)


def _cash_sales(spec: CaseSpec, chance: Chance) -> Iterator[_Document]:
    """Counter sales to passers-by, booked on one collective account."""
    cheap = min(spec.categories, key=lambda category: category.price)
    customer = replace(_cash_customer(), size=0.0)
    for _ in range(90):
        day = workday(START + dt.timedelta(days=int(chance.between(0, (END - START).days - 5))))
        line = _line(spec, customer, cheap, day, chance.between(8, 80), chance)
        yield _Document(day, CASH_CUSTOMER, 0, [line], day)


def simulate(spec: CaseSpec, seed: int) -> tuple[tuple[Customer, ...], pd.DataFrame]:
    """The customers of a case and its booked lines.

    The lines, by date and document: invoice_id, line_id, kind (0 invoice, 1 credit note, 2 cancellation), doc_type, posting_date,
    order_date, customer_id ("" on a few lines), product_id, product_name, category, quantity, discount_percent,
    net_revenue, cost, margin, project_id, contract_id, reference. Money is in whole cents.
    """
    customers = invent_customers(spec, seed)
    documents: list[_Document] = []
    for index, customer in enumerate(customers[:-1]):
        chance = Chance(seed, spec.number, 2, index)
        documents += _invoices(spec, seed, customer, chance)
        if spec.contract_share:
            documents += [d for d in _contract_invoices(spec, seed, customer, chance) if d.lines]
        if customer.role.project:
            documents.append(_project_invoice(spec, customer))
    chance = Chance(seed, spec.number, 3)
    documents.sort(key=lambda document: (document.date, document.customer_id))
    ordinary = {customer.customer_id for customer in customers if customer.role is ORDINARY}
    documents += _corrections(documents, ordinary, chance)
    documents += _cash_sales(spec, chance)
    documents.sort(key=lambda document: (document.date, document.kind, document.customer_id))
    for i, document in enumerate(documents):
        document.number = str(9_100_000 + 10_000 * spec.number + i)
    _add_untidiness(
        documents, ordinary, {c.customer_id for c in customers if c.size < crossing_size(spec) / 20}, chance
    )
    return customers, _frame(spec, documents)


def _add_untidiness(documents: list[_Document], ordinary: set[str], small: set[str], chance: Chance) -> None:
    """Some lines booked twice on purpose (a second delivery) and a few small invoices without a customer number."""
    candidates = [d for d in documents if d.kind == 0 and d.customer_id in ordinary & small and d.date.year == 2025]
    referenced = {id(d.reference) for d in documents}
    for document in chance.shuffled([d for d in candidates if id(d) not in referenced])[:4]:
        document.customer_id = ""
    for document in chance.shuffled([d for d in documents if d.kind == 0 and d.customer_id in ordinary & small])[:6]:
        document.lines.append(document.lines[-1])


def _frame(spec: CaseSpec, documents: Sequence[_Document]) -> pd.DataFrame:
    rows = [
        {
            "invoice_id": document.number,
            "line_id": f"{10 * (i + 1):06d}",
            "kind": document.kind,
            "doc_type": spec.doc_types[document.kind],
            "posting_date": document.date,
            "order_date": document.order_date,
            "customer_id": document.customer_id,
            "product_id": f"{line.category.code}-{1000 + 10 * line.product}",
            "product_name": f"{line.category.name} {spec.variants[line.product]}",
            "category": line.category.name,
            "quantity": line.quantity,
            "discount_percent": line.discount_percent,
            "net_revenue": line.net,
            "cost": line.cost,
            "margin": line.net - line.cost,
            "project_id": line.project_id,
            "contract_id": line.contract_id,
            "reference": document.reference.number if document.reference else None,
        }
        for document in documents
        for i, line in enumerate(document.lines)
    ]
    return pd.DataFrame(rows)
