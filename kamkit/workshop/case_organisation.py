"""How an invented company treats its key accounts: privileges, budgets, sales organisation, visits and contacts.

One company means it ("real"), the other only says so ("pseudo"): the same tables, filled with the opposite facts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pandas as pd

from kamkit.workshop.case_customers import Chance, Customer, crossing_size
from kamkit.workshop.case_specs import CaseSpec, RawFile

PRIVILEGES = (
    "Fester Key Account Manager",
    "Rahmenvertrag mit Vorzugskonditionen",
    "Vorrang bei Lieferengpässen",
    "Gemeinsame Entwicklung",
    "Jahresgespräch mit der Geschäftsleitung",
)
EVERYBODY_GETS = ("Weihnachtspräsent", "Kundenzeitschrift", "Jahreskalender")

_FILES = {
    "privileges": {"Kundennr": "customer_id", "Vorrecht": "type", "Gültig ab": "valid_from"},
    "budgets": {
        "Kunde": "account_id",
        "Bereich": "segment",
        "Jahr": "year",
        "Kostenart": "cost_type",
        "Plan": "plan",
        "Ist": "actual",
    },
    "sales_organisation": {
        "Rolle": "role",
        "Gebiet": "region",
        "Mitarbeiter": "field_rep",
        "Umsatzziel": "revenue_target",
        "Stellen": "fte",
        "Schwerpunktkunde": "priority_customer_id",
    },
    "interactions": {
        "Kundennr": "customer_id",
        "Datum": "date",
        "Art": "type",
        "Unsere Rolle": "own_role",
        "Kontakt": "contact_id",
        "Ebene": "level",
    },
    "contacts": {
        "Kundennr": "customer_id",
        "Kontakt": "contact_id",
        "Funktion": "function",
        "Ebene": "level",
        "Haltung": "stance",
        "Einfluss": "power",
    },
}
_NAMES = {
    "privileges": "vorrechte.csv",
    "budgets": "budgets.csv",
    "sales_organisation": "vertriebsorganisation.csv",
    "interactions": "besuche.csv",
    "contacts": "ansprechpartner.csv",
}


def organisation_tables(
    spec: CaseSpec, seed: int, customers: Sequence[Customer], lines: pd.DataFrame
) -> dict[RawFile, pd.DataFrame]:
    """The organisation tables of a case as raw files; none where the company has none to give."""
    if spec.organisation is None:
        return {}
    chance, real = Chance(seed, spec.number, 4), spec.organisation == "real"
    named = [customer for customer in customers if customer.industry]
    revenue = lines[[date.year == 2025 for date in lines["posting_date"]]].groupby("customer_id")["net_revenue"].sum()
    frames = {
        "privileges": _privileges(named, real, chance),
        "budgets": _budgets(named, revenue, real),
        "sales_organisation": _sales_organisation(named, revenue, crossing_size(spec), real, chance),
    }
    if real:
        frames["contacts"], frames["interactions"] = _relations(named, crossing_size(spec), chance)
    return {
        RawFile(_NAMES[table], _FILES[table], spec.customers.dialect, table=table): pd.DataFrame(
            rows, columns=list(_FILES[table].values()), dtype=object
        )
        for table, rows in frames.items()
    }


def _privileges(customers: Sequence[Customer], real: bool, chance: Chance) -> list[dict[str, Any]]:
    """In earnest, key accounts have substantive advantages; in name only, everybody gets the same small things."""
    rows = []
    for i, customer in enumerate(customers):
        treated = real and customer.treated
        kinds = chance.shuffled(PRIVILEGES)[: 2 + int(chance.share() * 3)] if treated else []
        if i % 3 == 0:
            kinds = [*kinds, EVERYBODY_GETS[i % 9 // 3]]
        rows += [
            {"customer_id": customer.customer_id, "type": kind, "valid_from": dt.date(2024, 1, 1)} for kind in kinds
        ]
    return rows


def _budgets(customers: Sequence[Customer], revenue: pd.Series[int], real: bool) -> list[dict[str, Any]]:
    """In earnest, every treated account has a budget of its own; in name only, there are those of the field sales."""
    rows: list[dict[str, Any]] = []
    accounts = {c.account_id: 0 for c in customers if real and c.treated}
    for customer in customers:
        if customer.account_id in accounts:
            accounts[customer.account_id] += int(revenue.get(customer.customer_id, 0))
    for year, part in ((2024, 0.9), (2025, 1.0)):
        for account, cents in sorted(accounts.items()):
            plan = round(part * cents * 0.012 / 100_000) * 100_000 or 100_000
            rows.append({"account_id": account, "year": year, "cost_type": "Kundenbetreuung", "plan": plan,
                         "actual": round(plan * 0.96)})  # fmt: skip
        for region in sorted({c.region for c in customers}):
            rows.append({"segment": f"Außendienst {region}", "year": year, "cost_type": "Reise und Muster",
                         "plan": round(part * 6_000_000), "actual": round(part * 5_840_000)})  # fmt: skip
    return rows


def _sales_organisation(
    customers: Sequence[Customer], revenue: pd.Series[int], crossing: float, real: bool, chance: Chance
) -> list[dict[str, Any]]:
    """In earnest, key account managers beside a field sales force with regions, revenue targets and six mid-size
    priority customers each, one per row; in name only, field sales whose priorities are the key accounts."""
    rows: list[dict[str, Any]] = [
        {"role": "Key Account Manager", "field_rep": owner, "fte": 1}
        for owner in sorted({c.kam_owner for c in customers if c.kam_owner and real})
    ]
    for rep, region in sorted({(c.field_rep, c.region) for c in customers}):
        own = [c for c in customers if c.field_rep == rep and c.key_label is not real]
        target = (
            round(sum(int(revenue.get(c.customer_id, 0)) for c in customers if c.field_rep == rep) * 1.05 / 1_000_000)
            * 1_000_000
        )
        priorities = chance.shuffled([c for c in own if not real or crossing / 8 < c.size < crossing])[:6]
        for i, customer in enumerate(priorities or own[:1]):
            rows.append({"role": "Außendienst", "region": region, "field_rep": rep, "fte": 1 if i == 0 else None,
                         "revenue_target": target if i == 0 else None,
                         "priority_customer_id": customer.customer_id})  # fmt: skip
    return rows


def _relations(
    customers: Sequence[Customer], crossing: float, chance: Chance
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Contact persons, and the visits and calls of 2025: many roles and levels with treated accounts, few else."""
    contacts: list[dict[str, Any]] = []
    visits: list[dict[str, Any]] = []
    for customer in customers:
        if customer.size < crossing / 6 and not customer.treated:
            continue
        n = 4 + int(chance.share() * 5) if customer.treated else 1 + int(chance.share() * 2)
        people = [
            {
                "customer_id": customer.customer_id,
                "contact_id": f"AP{customer.customer_id[-5:]}{i + 1}",
                "function": chance.pick(("Einkauf", "Technik", "Produktion", "Qualität", "Geschäftsleitung")),
                "level": chance.pick(("operativ", "Leitung", "Geschäftsleitung"), (5, 3, 2)),
                "stance": chance.pick(("positiv", "neutral", "kritisch"), (5, 4, 1)),
                "power": chance.pick(("Entscheider", "Beeinflusser", "Anwender"), (2, 4, 4)),
            }
            for i in range(n)
        ]
        contacts += people
        roles = (
            ("Key Account Manager", "Technik", "Außendienst") if customer.treated else ("Außendienst", "Innendienst")
        )
        for _ in range(8 + int(chance.share() * 12) if customer.treated else 1 + int(chance.share() * 4)):
            person = chance.pick(people)
            visits.append(
                {
                    "customer_id": customer.customer_id,
                    "date": dt.date(2025, 1, 2) + dt.timedelta(days=int(chance.share() * 350)),
                    "type": chance.pick(("Besuch", "Telefonat", "Video")),
                    "own_role": chance.pick(roles),
                    "contact_id": person["contact_id"],
                    "level": person["level"],
                }
            )
    return contacts, sorted(visits, key=lambda visit: (visit["date"], visit["customer_id"]))
