"""What a column may mean, by its heading and by its contents, with how sure that is.

A heading convinces as far as it is known (headings.yml), a content as far as little else looks like it
(rules/recognition.yml, all limits conventions). Two independent reasons that agree convince more than one:
1 − (1 − heading) × (1 − content). A column whose contents contradict a field is not taken for it, whatever its heading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations

import numpy as np
import pandas as pd
from rapidfuzz import fuzz

from kamkit.intake.dialects import same_name
from kamkit.intake.presets import plain_name
from kamkit.intake.profiles import Profile
from kamkit.model.presets import known_headings, presets
from kamkit.model.rules import Rule, Threshold, load_rules
from kamkit.model.tables import TABLES

MOST_PROVED = 2000
"""Rows in which sums and products of columns are looked for."""

SHORTEST_CUT, MOST_CUT = 5, 0.3
"""Letters that are left of a heading that was cut off, and the share of it that may be gone."""


class HeadingRules(Rule):
    """How much a heading convinces, by how well it is known."""

    known: Threshold
    near: Threshold
    cut: Threshold
    part: Threshold
    similarity: Threshold


class FieldRules(Rule):
    """What a column must be like to hold a field, and how much that convinces by itself."""

    must: Mapping[str, tuple[float, float]]
    also: Mapping[str, tuple[float, float]] = {}
    tells: float
    alone: float = 0


class RecognitionRules(Rule):
    """rules/recognition.yml."""

    use: Threshold
    sample_rows: Threshold
    headings: HeadingRules
    contained: Threshold
    customers_contained: Threshold
    unique: Threshold
    fits: Threshold
    proved: Threshold
    tax: Threshold
    product: Threshold
    fields: Mapping[str, Mapping[str, FieldRules]]
    shapes: Mapping[str, str]


@dataclass(frozen=True)
class ColumnProposal:
    """A field, the column (or arithmetic) taken for it, how sure that is (0–1) and why: heading, part, near_heading
    (misspelt or cut off), content, heading_content, arithmetic, relation, preset, period."""

    table: str
    column: str
    source: str
    examples: tuple[str, ...]
    confidence: float
    why: str


@cache
def recognition_rules() -> RecognitionRules:
    """rules/recognition.yml of the kit."""
    return load_rules(RecognitionRules, "recognition")


def every_heading() -> list[str]:
    known = known_headings()
    own = [h for table in ("transactions", "customers") for headings in known[table].values() for h in headings]
    factors = [h for headings in known["factors"].values() for h in headings]
    of_presets = [t for p in presets().values() for ts in p.columns.values() for t in ts if not t.startswith("=")]
    every = [*own, *factors, *of_presets]
    return list(dict.fromkeys([*every, *map(plain_name, every)]))


def _heading(table: str, column: str, heading: str, rules: HeadingRules) -> tuple[float, str]:
    """How much a heading convinces of a field, and as what."""
    known, plain, words = known_headings(), plain_name(heading), _words(heading)
    names = _names(table, column)
    if plain in names:
        return rules.known.value - 0.002 * names.index(plain), "heading"
    if any(any(word.startswith(never) for word in words) for never in known["not"].get(column, ())):
        return 0.0, ""
    if _is_cut(table, column, plain):
        return rules.cut.value, "near_heading"
    if any(fuzz.ratio(plain, name) >= rules.similarity.value for name in names if min(len(name), len(plain)) > 4):
        return rules.near.value, "near_heading"
    parts = known["parts"].get(table, {}).get(column, ())
    return (rules.part.value, "part") if any(part in words for part in parts) else (0.0, "")


def is_called_customer(heading: str, rules: HeadingRules) -> bool:
    """Whether a heading is known for a customer's number or name."""
    fields = (("transactions", "customer_id"), ("customers", "name"))
    return any(_heading(table, column, heading, rules)[1] == "heading" for table, column in fields)


@cache
def _names(table: str, column: str) -> list[str]:
    """What a field may be called: the known headings, then those of the presets."""
    own = known_headings()[table].get(column, ())
    of_presets = [t for p in presets().values() if p.table == table for t in p.columns.get(column, ()) if t[:1] != "="]
    return list(dict.fromkeys(plain_name(name) for name in (*own, *of_presets)))


def _is_cut(table: str, column: str, plain: str) -> bool:
    """Whether a heading is the beginning of a known one, as lists on paper cut them off, and of no other field's."""
    begun = {c: [n for n in _names(table, c) if n.startswith(plain)] for c in TABLES[table].columns}
    left = any(len(plain) >= (1 - MOST_CUT) * len(name) for name in begun[column])
    return left and len(plain) >= SHORTEST_CUT and [c for c in begun if begun[c]] == [column]


def _words(heading: str) -> list[str]:
    """The words of a heading, those written together told apart by their capitals: "dollarValue" is two."""
    spaced = "".join(f" {c}" if c.isupper() and i and heading[i - 1].islower() else c for i, c in enumerate(heading))
    return same_name("".join(c if c.isalnum() else " " for c in spaced)).split()


def _within(profile: Profile, limits: Mapping[str, tuple[float, float]]) -> bool:
    return all(low <= profile.traits[trait] <= high for trait, (low, high) in limits.items())


def likely_fields(table: str, columns: Mapping[str, Profile], rules: RecognitionRules) -> dict[str, ColumnProposal]:
    """For every field of a table the column that convinces most; no column for two fields."""
    proved = _proved_amounts(columns, rules) if table == "transactions" else set()
    candidates = []
    for column in TABLES[table].columns:
        asked = rules.fields[table].get(column, FieldRules(must={}, tells=0))
        fitting = [p for p in columns.values() if p.traits["distinct"] > 0 and _within(p, asked.must)]
        for profile in fitting:
            heading, why = _heading(table, column, profile.heading, rules.headings)
            tells = asked.tells if _within(profile, asked.also) else 0.0
            content = max(tells, asked.alone if len(fitting) == 1 else 0.0)
            if column == "net_revenue" and profile.heading in proved:
                content = 1 - (1 - content) * (1 - rules.proved.value)
            told = "content" if not heading else "heading_content" if content >= 0.2 and why == "heading" else why
            confidence = 1 - (1 - heading) * (1 - content)
            if confidence >= 0.2 and (heading or (table, column) in _BY_CONTENT):
                found = ColumnProposal(table, column, profile.heading, profile.examples, confidence, told)
                candidates.append(found)
    candidates.sort(key=lambda c: -c.confidence)
    taken: dict[str, ColumnProposal] = {}
    for one in candidates:
        if one.column not in taken and all(one.source != other.source for other in taken.values()):
            taken[one.column] = one
    return taken


_BY_CONTENT = {
    *(("transactions", column) for column in ("customer_id", "posting_date", "net_revenue", "currency")),
    *(("customers", column) for column in ("customer_id", "name", "vat_id", "lei")),
}
"""Fields that are looked for even where no heading says anything."""


def _proved_amounts(columns: Mapping[str, Profile], rules: RecognitionRules) -> set[str]:
    """Amounts that are the product of two other columns, and net amounts that a tax of at most `tax` makes gross."""
    amounts = {
        h: p.numbers.head(MOST_PROVED)
        for h, p in columns.items()
        if p.traits["numbers"] >= rules.fits.value and p.traits["distinct"] > 5
    }
    frame = pd.DataFrame(amounts).dropna()
    rows = frame[(frame != 0).all(axis=1)]
    if not 3 <= len(amounts) <= 25 or len(rows) < 5:
        return set()
    values = {name: rows[name].to_numpy() for name in rows.columns}
    proved = set()
    for a, b, c in permutations(values, 3):
        slack = _rounding_of_price(values[a], values[b]) if a < b else 0.0
        if a < b and _same(values[a] * values[b], values[c], rules, slack):
            proved.add(c)
    for net, tax, gross in permutations(values, 3):
        small = abs(values[tax]).sum() <= rules.tax.value * abs(values[net]).sum()
        if small and _same(values[net] + values[tax], values[gross], rules):
            proved.add(net)
    return proved


def _rounding_of_price(*factors: np.ndarray) -> np.ndarray | float:
    """How far price times quantity may lie from an amount because the price is rounded to cents: by whole quantities."""
    whole = [np.abs(factor) for factor in factors if (factor % 1 == 0).all()]
    return 0.005 * whole[0] if len(whole) == 1 else 0.0


def _same(left: np.ndarray, right: np.ndarray, rules: RecognitionRules, slack: np.ndarray | float = 0.0) -> bool:
    within = 0.011 + slack + 1e-6 * np.abs(right)
    close = np.abs(left[:20] - right[:20]) <= within[:20]  # most candidates fail in the first rows already
    return bool(close.mean() >= rules.fits.value and (np.abs(left - right) <= within).mean() >= rules.fits.value)


def product_of(columns: Mapping[str, Profile], rules: RecognitionRules) -> ColumnProposal | None:
    """Price times quantity, less a discount rate where there is one, each known by its heading."""
    found: dict[str, Profile] = {}
    for factor, headings in known_headings()["factors"].items():
        plain = [plain_name(h) for h in headings]
        fits = [
            p for p in columns.values() if plain_name(p.heading) in plain and p.traits["numbers"] >= rules.fits.value
        ]
        if fits:
            found[factor] = min(fits, key=lambda p: plain.index(plain_name(p.heading)))
    if "price" not in found or "quantity" not in found:
        return None
    text = f"= {quoted(found['price'].heading)} * {quoted(found['quantity'].heading)}"
    value = found["price"].numbers * found["quantity"].numbers
    if "rate" in found and found["rate"].numbers.between(0, 100).all():
        share = found["rate"].numbers.max() <= 1
        text += f" * (1 - {quoted(found['rate'].heading)}{'' if share else ' / 100'})"
        value = value * (1 - found["rate"].numbers / (1 if share else 100))
    examples = tuple(f"{number:.2f}" for number in value.dropna().head(3))
    return ColumnProposal("transactions", "net_revenue", text, examples, rules.product.value, "arithmetic")


def sum_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"= {' + '.join(map(quoted, names))}"


def quoted(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else f'"{name}"'
