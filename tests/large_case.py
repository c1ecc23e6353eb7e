"""An engagement as large as a report has to stand: 300 customers, 50 of them key accounts, fifteen managed and confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

CATEGORIES = ("Antriebe", "Getriebe", "Kupplungen", "Sensorik", "Steuerungen", "Ersatzteile", "Wartung", "Schulung")
LEGAL_FORMS = ("GmbH", "GmbH & Co. KG", "AG", "SE", "KG", "e. K.")
STEMS = (
    "Nordhafen",
    "Süderau",
    "Wülfrath",
    "Königsforst",
    "Elbtal",
    "Großenbrode",
    "Öhringen",
    "Lindau",
    "Straßburger",
)
TRADES = (
    "Maschinenbau",
    "Anlagentechnik",
    "Fördertechnik",
    "Präzisionswerke",
    "Verpackungssysteme",
    "Handelsgesellschaft",
)

ENGAGEMENT = """
client: Großkunden & Söhne Maschinenfabrik AG
language: {language}
locale: {locale}
currency: {currency}
period: {{start: 2025-01-01, end: 2025-12-31}}
supplier_industry: {{code: "28", version: nace2}}
capacity: {{accounts: 15}}
audience: {audience}
sources:
  transactions:
    path: umsatz.csv
    columns: {{customer_id: Kundennr, posting_date: Datum, net_revenue: Netto, cost: Kosten, category: Warengruppe, invoice_id: Beleg}}
  customers:
    path: kunden.csv
    columns: {{customer_id: Kundennr, name: Name, region: Gebiet, industry_text: Branche}}
decisions: [entscheidungen.csv]
"""


def write_large_case(
    folder: Path,
    names: Sequence[str] = (),
    language: str = "de",
    locale: str = "de_DE",
    currency: str = "EUR",
    audience: str = "sales_management",
) -> Path:
    """Write raw files and engagement; `names` become the names of the largest customers, regions and categories stay
    plain. Gives the engagement file."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(20251231)
    n, n_key = 300, 50
    large = np.array([(i + 3) ** -0.8 for i in range(n_key)])
    small = np.linspace(1.0, 0.02, n - n_key)
    yearly = 60e6 * np.concatenate([0.803 * large / large.sum(), 0.197 * small / small.sum()])
    ids = [f"{10_000 + i}" for i in range(n)]
    called = [
        names[i]
        if i < len(names)
        else f"{STEMS[i % len(STEMS)]} {TRADES[i // 3 % len(TRADES)]} {i + 1} {LEGAL_FORMS[i % len(LEGAL_FORMS)]}"
        for i in range(n)
    ]
    rows = []
    for i, account in enumerate(ids):
        bought = rng.choice(len(CATEGORIES), size=rng.integers(2, 6), replace=False)
        rate = -0.05 if i % 37 == 5 else rng.uniform(0.18, 0.42)
        for month in pd.date_range("2023-01-05", "2025-12-05", freq="MS"):
            falling = 0.35 if i % 23 == 7 and month >= pd.Timestamp("2025-09-01") else 1.0
            for category in bought:
                if rng.random() < 0.8:
                    amount = yearly[i] / 12 / len(bought) / 0.8 * rng.lognormal(0, 0.25) * falling
                    row = (account, month, round(amount, 2), round(amount * (1 - rate), 2), CATEGORIES[category])
                    rows.append((*row, f"R{len(rows):06d}"))
    columns = ["Kundennr", "Datum", "Netto", "Kosten", "Warengruppe", "Beleg"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "umsatz.csv", index=False, date_format="%Y-%m-%d")
    customers = pd.DataFrame({"Kundennr": ids, "Name": called})
    customers["Gebiet"] = [("Nord", "Süd", "West", "Ost")[i % 4] for i in range(n)]
    customers["Branche"] = [TRADES[i // 3 % len(TRADES)] for i in range(n)]
    customers.to_csv(folder / "kunden.csv", index=False)
    decided = pd.DataFrame({"account_id": ids[:15], "subject": "key_account", "decision": "yes"})
    decided = decided.assign(decided_by="Vertriebsleitung", consulted="Außendienst", date="2026-01-10")
    decided.to_csv(folder / "entscheidungen.csv", index=False)
    file = folder / "engagement.yml"
    settings = {"language": language, "locale": locale, "currency": currency, "audience": audience}
    file.write_text(ENGAGEMENT.format(**settings), encoding="utf-8")
    return file


NASTY_NAMES = (
    "=cmd|' /C calc'!A0",
    "<img src=x onerror=alert(1)>",
    "#panic() *fett* _kursiv_ $y$ <z> @q `code` \\ // kein Kommentar",
    "{{ config }} {% raw %} ${HOME} %s %(name)s {0}",
    "]]> & <w:t>Müller</w:t> &amp; &#x0; <!-- -->",
    "\u202eGnirts Rechts-nach-links\u202c GmbH",
    "شركة الاختبار المحدودة",
    "Emoji 🚀👩‍🔬 & Söhne",
    "Sehr langer Name " + "Donaudampfschifffahrtsgesellschaftskapitän " * 6 + "x" * 20,
    "Unzertrennlich" + "W" * 280,
    "Steuer\x07zeichen\x1b[31m und\ttabulator",
    "'; DROP TABLE kunden; --",
    "+49 89 1234567",
    "-1",
    "@SUM(A1:A9)",
    "株式会社テスト",
    "Zeilen\numbruch GmbH",
    "null",
    '"Anführung" „und“ ‚mehr‘',
    "a" * 300,
)
"""What clients really type, and what attackers would: all of it is text."""
