"""Who buys from an invented company: names, places, industries, sizes, groups, and the habits behind their orders.

All chance comes from uniform draws of seeded numpy generators, whose stream is the same on every platform and with
every version of numpy.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TypeVar

import numpy as np

from kamkit.workshop.case_specs import CaseSpec, Industry, Role

START, END = dt.date(2023, 1, 1), dt.date(2025, 12, 31)
ORDINARY = Role("ordinary", (1.0,))
T = TypeVar("T")

NAME_FIRST = """
Hollen Brink Wester Kalten Linden Oster Rauten Grün Möhl Bär Tüm Schön Röß Hage Döm Eller Fäß Görn
Hüll Ilmen Jüch Krö Löw Mürr Nöth Pell Quell Rüm Süß Thül Uhlen Vör
""".split()  # noqa: SIM905
NAME_LAST = """
beck hofer brügge winkel kötter stedt wörth büchl häuser roth thal scheid dorf eißer moser lage
""".split()  # noqa: SIM905
LEGAL_FORMS = ("GmbH", "GmbH", "GmbH", "GmbH & Co. KG", "AG", "KG", "GmbH & Co. KG", "OHG", "GmbH")
SOLE_TRADERS = ("01", "16", "25", "46", "47", "56")
"""Divisions in which a small firm may belong to one person."""
FIRST_NAMES = """
Anke Bernd Carla Dirk Elif Frank Greta Holger Ines Jörg Katrin Lars Murat Nadja Oliver Petra
""".split()  # noqa: SIM905
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
    halves: dt.date = END
    first_of_group: bool = False


CASH_CUSTOMER = Customer(
    customer_id="0099999",
    account_id="0099999",
    name="Diverse Barverkauf",
    postcode="",
    city="",
    region="",
    field_rep="",
    industry=None,
    vat_id="",
    group=None,
    key_label=False,
    treated=False,
    kam_owner=None,
    size=0.0,
    role=replace(ORDINARY, fact="cash_customer"),
    basket={},
)


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
    names: set[str] = set()
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
        name = _name(stem, industry, city if group else "", first_of_group, size < crossing / 8, chance)
        customer = Customer(
            customer_id=customer_id,
            account_id=ids[group] if group else customer_id,
            name=name if name not in names else name.replace(" GmbH", f" Werk {len(names)} GmbH"),
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
        names.add(customer.name)
        customers.append(_with_history(spec, customer, crossing, chance))
    return (*customers, CASH_CUSTOMER)


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
    partner = " & Söhne" if chance.share() < 0.1 else f" & {chance.pick(NAME_FIRST)}sen" if chance.share() < 0.1 else ""
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
            basket = {role.sister_gap: 1.0, **basket}
    if role.lacks:
        basket = {**dict.fromkeys(industry.core, 0.6), **basket}
        del basket[role.lacks]
    return basket or {spec.categories[0].code: 1.0}


def _with_history(spec: CaseSpec, customer: Customer, crossing: float, chance: Chance) -> Customer:
    """How a customer grows, what discount it gets, when it came, when it left or took half its needs elsewhere; only
    small ones leave unplanned."""
    growth = spec.growth + 0.1 * chance.normal()
    discount = min(0.16, 0.04 + 0.02 * math.log1p(customer.size / crossing)) + chance.between(0, 0.04)
    luck, day = chance.share(), START + dt.timedelta(days=int(chance.between(60, 900)))
    if customer.role is not ORDINARY:
        planted = customer.role.discount
        return replace(customer, growth=spec.growth, discount=discount if planted is None else planted)
    starts = day if luck < 0.12 else START
    ends = day if luck > 0.92 and customer.size < crossing / 2 else END
    halves = dt.date(2025, 5, 1) + dt.timedelta(days=int(chance.between(0, 100))) if 0.12 <= luck < 0.18 else END
    return replace(customer, growth=growth, discount=discount, starts=starts, ends=ends, halves=halves)
