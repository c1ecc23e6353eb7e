"""What the customers of an invented company order in three years, and how it is booked: invoices, credit notes,
cancellations, cash sales, and the untidiness of a real export.

Every customer has a generator of its own, so that one customer's luck does not move another's.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import pandas as pd

from kamkit.workshop.case_customers import (
    CASH_CUSTOMER,
    END,
    ORDINARY,
    START,
    Chance,
    Customer,
    crossing_size,
    invent_customers,
)
from kamkit.workshop.case_specs import CaseSpec, Category

FADES_FROM, SILENT_FROM = dt.date(2025, 8, 11), dt.date(2025, 10, 1)
HOLIDAYS = {(1, 1), (5, 1), (10, 3), (12, 24), (12, 25), (12, 26), (12, 31)}
LADDER = (0.12, 0.45, 1.5, 4.5)
"""The price steps inside a category, by variant."""


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
    swing = cycle(spec, seed, day, role.leads_by) * (0.5 if day >= customer.halves else 1.0)
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
        index = 1.03 ** (day.year - 2025)
        due = 100 * spec.contract_share * customer.size * index / len(customer.role.months or range(12))
        lines = []
        for i, (code, share) in enumerate(zip(codes, shares, strict=True)):
            if customer.role.fades and i == 0 and len(codes) > 1 and demand < 0.6:
                continue
            amount = due * share / sum(shares)
            cost = round(amount * (1 - by_code[code].margin) * chance.between(0.9, 1.1))
            net = round(amount * (1 - customer.discount) / 0.95)
            lines.append(_Line(by_code[code], 0, 1, 0, net, cost, contract_id=f"{prefix}-{i + 1}"))
        yield _Document(day, customer.customer_id, 0, lines, day)


def _project_invoice(spec: CaseSpec, customer: Customer) -> _Document:
    """The one large order of a project, never repeated."""
    category = next(c for c in spec.categories if c.code == customer.role.buys)
    net = round(100 * customer.role.project * crossing_size(spec))
    line = _Line(category, 3, 1, 0, net, round(net * (1 - category.margin)), project_id="P-25-017")
    return _Document(dt.date(2025, 5, 14), customer.customer_id, 0, [line], dt.date(2024, 11, 19))


def _corrections(documents: Sequence[_Document], ordinary: set[str], chance: Chance) -> Iterator[_Document]:
    """Credit notes for a part of about 3 % of the invoices, and whole cancellations of a few, in the same year."""
    for invoice in documents:
        luck, days = chance.share(), int(chance.between(3, 25))
        day = workday(invoice.date + dt.timedelta(days=days))
        if invoice.customer_id not in ordinary or day.year != invoice.date.year:
            continue
        if luck < 0.004:
            lines = [replace(line, quantity=-line.quantity, net=-line.net, cost=-line.cost) for line in invoice.lines]
            yield _Document(day, invoice.customer_id, 2, lines, reference=invoice)
        elif luck < 0.034:
            line, part = chance.pick(invoice.lines), chance.between(0.1, 1.0)
            pieces = max(1, round(line.quantity * part))
            net, cost = (round(amount * pieces / line.quantity) for amount in (line.net, line.cost))
            back = replace(line, quantity=-pieces, net=-net, cost=-cost)
            yield _Document(day, invoice.customer_id, 1, [back], reference=invoice)


def _cash_sales(spec: CaseSpec, chance: Chance) -> Iterator[_Document]:
    """Counter sales to passers-by, booked on one collective account."""
    cheap = min(spec.categories, key=lambda category: category.price)
    for _ in range(90):
        day = workday(START + dt.timedelta(days=int(chance.between(0, (END - START).days - 5))))
        line = _line(spec, CASH_CUSTOMER, cheap, day, chance.between(8, 80), chance)
        yield _Document(day, CASH_CUSTOMER.customer_id, 0, [line], day)


def simulate(spec: CaseSpec, seed: int) -> tuple[tuple[Customer, ...], pd.DataFrame]:
    """The customers of a case and its booked lines.

    The lines, by date and document: invoice_id, line_id, kind (0 invoice, 1 credit note, 2 cancellation), doc_type,
    posting_date, order_date, customer_id ("" on a few lines), product_id, product_name, category, quantity, discount_percent,
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
    documents += list(_corrections(documents, ordinary, chance))
    documents += _cash_sales(spec, chance)
    documents.sort(key=lambda document: (document.date, document.kind, document.customer_id))
    for i, document in enumerate(documents):
        document.number = str(9_100_000 + 10_000 * spec.number + i)
        if document.kind == 2 and document.reference and spec.cancelled_as is not None:
            document.number = spec.cancelled_as + document.reference.number
    _add_untidiness(
        documents, ordinary, {c.customer_id for c in customers if c.size < crossing_size(spec) / 20}, chance
    )
    return customers, _frame(spec, documents)


def _add_untidiness(documents: list[_Document], ordinary: set[str], small: set[str], chance: Chance) -> None:
    """Some lines booked twice on purpose (a second delivery) and a few small invoices without a customer number."""
    corrected = {id(document.reference) for document in documents}
    candidates = [d for d in documents if d.kind == 0 and d.customer_id in ordinary & small and id(d) not in corrected]
    nameless = [document for document in candidates if document.date.year == 2025]
    for document in chance.shuffled(candidates)[:6]:
        document.lines.append(document.lines[-1])
    for document in chance.shuffled(nameless)[:4]:
        document.customer_id = ""


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
