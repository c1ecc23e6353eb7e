"""What the files of an export are: booked items, their headers, the customer master, what belongs to them, and what does
not; with the meaning of their columns, proposed for a person to confirm.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from kamkit.intake.column_meaning import (
    ColumnProposal,
    RecognitionRules,
    every_heading,
    is_called_customer,
    likely_fields,
    product_of,
    quoted,
    recognition_rules,
    sum_of,
)
from kamkit.intake.columns import field_of
from kamkit.intake.dialects import same_name
from kamkit.intake.money_words import SIGNS, currencies_in, multiple_in
from kamkit.intake.numbered_names import MOST_LOOKED_AT, are_numbered, number_in
from kamkit.intake.presets import periods_in, plain_name, settle
from kamkit.intake.profiles import Profile, RawSheet, look_at, with_blocks_filled
from kamkit.model.engagement import UNKNOWN, Source
from kamkit.model.presets import Preset, presets, shown
from kamkit.model.tables import MONEY, TABLES


@dataclass(frozen=True)
class FileRole:
    """What a file is taken for: transactions, header, lookup, customers, or aside with the reason in a word."""

    name: str
    role: str
    reason: str = ""


@dataclass(frozen=True)
class Proposal:
    """`sources` as they stand in an engagement file (paths as given), only with columns from the confidence `use` on or
    required ones; all columns with their confidence; what every file is; the currency if there is just one."""

    sources: Mapping[str, Mapping[str, Any]]
    columns: tuple[ColumnProposal, ...]
    files: tuple[FileRole, ...]
    currency: str | None


def recognise(paths: Sequence[str], folder: Path) -> Proposal:
    """Look through raw files below `folder` and say what they are. Nothing is raised for a file that cannot be read: it is
    left aside with the reason."""
    rules = recognition_rules()
    with tempfile.TemporaryDirectory(prefix="kamkit-") as scratch:
        most = int(rules.sample_rows.value)
        sheets, trouble = look_at(paths, folder, every_heading(), rules.shapes, most, Path(scratch))
    named = [[h for h in sheet.columns if is_called_customer(h, rules.headings)] for sheet in sheets]
    sheets = [with_blocks_filled(sheet, names, rules.shapes) for sheet, names in zip(sheets, named, strict=True)]
    return _Recognition(rules, sheets, trouble).proposal()


@dataclass(frozen=True)
class _Booked:
    """A way to read transactions: a file alone or with its header, and the fields found so."""

    base: RawSheet
    joins: tuple[tuple[RawSheet, str], ...]
    fields: Mapping[str, ColumnProposal]

    def sure(self, needed: Sequence[str]) -> float:
        """The confidence of the least certain field that is needed; 0 where one is missing."""
        return min((self.fields[c].confidence if c in self.fields else 0.0) for c in needed)


_NEEDED = ("customer_id", "posting_date", "net_revenue")


class _Recognition:
    """One look at a set of files."""

    def __init__(self, rules: RecognitionRules, sheets: Sequence[RawSheet], trouble: Mapping[str, str]) -> None:
        self.rules, self.sheets = rules, sheets
        self.roles = {name: FileRole(name, "aside", reason) for name, reason in trouble.items()}
        self.roles |= {sheet.name: FileRole(sheet.name, "aside", "unknown") for sheet in sheets}

    def proposal(self) -> Proposal:
        """Decide what the files are, the transactions first."""
        sources: dict[str, dict[str, Any]] = {}
        columns: list[ColumnProposal] = []
        booked = self._by_preset("transactions") or self._booked() or self._wide() or self._partly()
        if booked is None:
            return Proposal({}, (), tuple(self.roles.values()), None)
        source, fields, base = booked
        sources["transactions"], ids = source, fields.get("customer_id")
        missing = [] if "preset" in source else [c for c in _required(source) if c not in fields]
        source["columns"] = {**dict.fromkeys(missing, UNKNOWN), **source.get("columns", {})}
        columns += [ColumnProposal("transactions", column, UNKNOWN, (), 0.0, "unknown") for column in missing]
        columns += _in_order("transactions", fields)
        master = self._by_preset("customers") or (self._master(base, ids.source) if ids else None)
        if master:
            sources["customers"] = master[0]
            columns += _in_order("customers", master[1])
        for place, found in ((source, fields), *([master] if master else [])):
            key = found["customer_id"].source if "customer_id" in found else ""
            if any(key in sheet.columns and self._is_numbered(sheet.columns[key]) for sheet in self.sheets):
                place["numbers_in"] = [key]
            used = {found[column].source for column in place.get("columns", ()) if column in found}
            here = [sheet for sheet in self.sheets if sheet.paths[0] == place["path"]]
            if blocks := [heading for sheet in here for heading in sheet.blocks if heading in used]:
                place["fill_down"] = blocks
        return Proposal(sources, tuple(columns), tuple(self.roles.values()), self._currency(base, fields))

    def _take(self, sheet: RawSheet, role: str, reason: str = "") -> None:
        self.roles[sheet.name] = FileRole(sheet.name, role, reason)

    def _free(self) -> list[RawSheet]:
        return [sheet for sheet in self.sheets if self.roles[sheet.name].role == "aside"]

    # transactions

    def _booked(self) -> tuple[dict[str, Any], Mapping[str, ColumnProposal], RawSheet] | None:
        ways = [way for sheet in self.sheets for way in self._ways(sheet)]
        ways = [way for way in ways if way.sure(_NEEDED) > 0]
        if not ways:
            return None
        best = max(ways, key=lambda way: (way.sure(_NEEDED) >= self.rules.use.value, len(way.joins), way.base.rows))
        self._take(best.base, "transactions")
        for sheet, _ in best.joins:
            self._take(sheet, "header")
        best = self._with_products(best)
        sheets = [best.base, *(sheet for sheet, _ in best.joins)]
        best = replace(best, fields={c: _in_full(p, sheets) for c, p in best.fields.items()})
        return self._source(best), best.fields, best.base

    def _ways(self, sheet: RawSheet) -> Iterator[_Booked]:
        """The file alone, and with each file that may be its header. A header with an amount of its own counts alone where
        the items do not add up to it: amounts of items and of headers are never mixed."""
        alone = likely_fields("transactions", sheet.columns, self.rules)
        if (product := product_of(sheet.columns, self.rules)) and _sure(alone, "net_revenue") < product.confidence:
            alone = alone | {"net_revenue": product}
        yield _Booked(sheet, (), alone)
        for header, key in self._related(sheet, self.sheets):
            if header.rows < sheet.rows and "net_revenue" in alone:
                above = likely_fields("transactions", self._new_columns(header, [sheet]), self.rules)
                if not self._adds_up(sheet, alone["net_revenue"], header, key):
                    self._take(sheet, "aside", "other_sums")
                    continue
                fields = {c: p for c, p in above.items() if _sure(alone, c) < p.confidence and c != "net_revenue"}
                lacking = any(_sure(alone, c) < self.rules.use.value <= _sure(fields, c) for c in _NEEDED)
                if lacking or (
                    fields and "invoice_id" in alone and same_name(alone["invoice_id"].source) == same_name(key)
                ):
                    yield _Booked(
                        sheet, ((header, key),), {**alone, **fields, **self._document(sheet, key, alone, fields)}
                    )

    def _document(
        self, items: RawSheet, key: str, alone: Mapping[str, ColumnProposal], above: Mapping[str, ColumnProposal]
    ) -> dict[str, ColumnProposal]:
        """The key of headers that date their items is the number of the document, whatever it is called."""
        if "posting_date" not in above or _sure(alone, "invoice_id") >= self.rules.use.value:
            return {}
        heading = next(name for name in items.columns if same_name(name) == same_name(key))
        examples, sure = items.columns[heading].examples, self.rules.product.value
        return {"invoice_id": ColumnProposal("transactions", "invoice_id", heading, examples, sure, "relation")}

    def _adds_up(self, items: RawSheet, amount: ColumnProposal, header: RawSheet, key: str) -> bool:
        """Whether the items' amounts add up to the header's, where the header has an amount of its own that counts."""
        total = likely_fields("transactions", header.columns, self.rules).get("net_revenue")
        if total is None or total.confidence < self.rules.use.value or amount.source not in items.columns:
            return True
        sums = items.columns[amount.source].numbers.groupby(items.columns[key].texts).sum()
        heads = header.columns[total.source].numbers.groupby(header.columns[key].texts).first()
        both = pd.concat([sums, heads], axis=1, join="inner")
        return bool(((both.iloc[:, 0] - both.iloc[:, 1]).abs() <= 0.01 * both.iloc[:, 1].abs() + 0.01).mean() > 0.9)

    def _related(self, sheet: RawSheet, others: Sequence[RawSheet]) -> Iterator[tuple[RawSheet, str]]:
        """Files with a key of their own that this file's column of the same name points to."""
        for other in others:
            for heading in sheet.columns if other is not sheet else ():
                key = next((name for name in other.columns if same_name(name) == same_name(heading)), None)
                if key is None or not self._is_key(other.columns[key]) or sheet.columns[heading].traits["filled"] == 0:
                    continue
                values = sheet.columns[heading].known
                if len(values & other.columns[key].known) >= self.rules.contained.value * len(values):
                    yield other, key

    def _is_key(self, profile: Profile) -> bool:
        return profile.traits["filled"] > 0.9 and profile.traits["repeats"] <= 1 / self.rules.unique.value

    def _new_columns(self, sheet: RawSheet, before: Sequence[RawSheet]) -> dict[str, Profile]:
        """The columns of a joined file whose names no file before it has: of equal names the first counts."""
        seen = {same_name(name) for other in before for name in other.columns}
        return {name: profile for name, profile in sheet.columns.items() if same_name(name) not in seen}

    def _with_products(self, way: _Booked) -> _Booked:
        """Names and categories of products from the files that the product's or the category's number points to."""
        for field, wanted in (("product_id", ("product_name", "category")), ("category", ("category",))):
            if field not in way.fields or way.fields[field].source.startswith("="):
                continue
            parts = [way.base, *(sheet for sheet, _ in way.joins)]
            holder = next(part for part in parts if way.fields[field].source in part.columns)
            for lookup, key in self._related(holder, self._free()):
                found = likely_fields("transactions", self._new_columns(lookup, parts), self.rules)
                better = {c: found[c] for c in wanted if c in found and self._is_better(field, c, found[c], way)}
                if same_name(key) == same_name(way.fields[field].source) and better:
                    better = {c: replace(p, why="relation") for c, p in better.items()}
                    way = replace(way, joins=(*way.joins, (lookup, key)), fields={**way.fields, **better})
                    self._take(lookup, "lookup")
                    break
        return way

    def _is_better(self, field: str, column: str, found: ColumnProposal, way: _Booked) -> bool:
        return found.confidence >= self.rules.headings.part.value and (field == column or column not in way.fields)

    def _source(self, way: _Booked) -> dict[str, Any]:
        source = _place(way.base)
        if way.joins:
            source["join"] = [{**_place(sheet), "path": sheet.paths[0], "on": key} for sheet, key in way.joins]
        return source | {"columns": self._used("transactions", way.fields)}

    def _used(self, table: str, fields: Mapping[str, ColumnProposal]) -> dict[str, str]:
        needed = TABLES[table].required
        used = {c: p.source for c, p in fields.items() if p.confidence >= self.rules.use.value or c in needed}
        return {c: used[c] for c in TABLES[table].columns if c in used}

    def _wide(self) -> tuple[dict[str, Any], Mapping[str, ColumnProposal], RawSheet] | None:
        """A list of customers with amounts side by side: periods by their headings; where these name none, all amounts
        together belong to a period that a person must name."""
        for sheet in sorted(self.sheets, key=lambda sheet: -sheet.rows):
            unique = {**self.rules.fields["transactions"], "customer_id": self.rules.fields["customers"]["customer_id"]}
            rules = self.rules.model_copy(update={"fields": {**self.rules.fields, "transactions": unique}})
            fields = likely_fields("transactions", sheet.columns, self.rules if sheet.blocks else rules)
            periods, confidence, why = periods_in(list(sheet.columns)), 0.9, "period"
            periods = {k: h for k, h in periods.items() if sheet.columns[h].traits["numbers"] >= self.rules.fits.value}
            if not periods:
                amounts = [h for h, p in sheet.columns.items() if self._is_amount(sheet, p, fields)]
                periods = {UNKNOWN: sum_of(amounts)} if amounts else {}
                confidence, why = 0.3, "content"
            if not periods:
                continue
            dated = any(p.traits["dates"] >= self.rules.fits.value for s in self.sheets for p in s.columns.values())
            if UNKNOWN in periods and "customer_id" not in fields and dated:
                continue
            fields = {c: p for c, p in fields.items() if c in ("customer_id", "region", "sales_rep", "currency")}
            self._take(sheet, "transactions")
            told = {
                key: _in_full(
                    ColumnProposal("transactions", key, text, self._examples(sheet, text), confidence, why), [sheet]
                )
                for key, text in periods.items()
            }
            periods = {key: found.source for key, found in told.items()}
            source = {
                **_place(sheet),
                "layout": "wide",
                "columns": self._used("transactions", fields),
                "periods": periods,
            }
            return source, {**fields, **told}, sheet
        return None

    def _partly(self) -> tuple[dict[str, Any], Mapping[str, ColumnProposal], RawSheet] | None:
        """The file in which most of what transactions need was recognised; the rest is left to a person."""
        ways = [_Booked(sheet, (), likely_fields("transactions", sheet.columns, self.rules)) for sheet in self.sheets]
        if not ways:
            return None
        best = max(ways, key=lambda way: (sum(c in way.fields for c in _NEEDED), way.base.rows))
        self._take(best.base, "transactions")
        return self._source(best), best.fields, best.base

    def _is_amount(self, sheet: RawSheet, profile: Profile, fields: Mapping[str, ColumnProposal]) -> bool:
        other = {p.source for c, p in fields.items() if c != "net_revenue" and p.why != "content"}
        many = profile.traits["distinct"] > max(5, 0.3 * sheet.rows * profile.traits["filled"])
        a_number = profile.traits["numbers"] >= self.rules.fits.value and profile.traits["dates"] < 0.5
        return many and a_number and profile.heading not in other and not profile.traits["codes"]

    def _examples(self, sheet: RawSheet, text: str) -> tuple[str, ...]:
        return sheet.columns[text].examples if text in sheet.columns else ()

    # customers

    def _master(self, base: RawSheet, ids: str) -> tuple[dict[str, Any], Mapping[str, ColumnProposal]] | None:
        """The file with a row per customer: a key of it holds the numbers that the transactions have. Without one, the
        transactions themselves where they say the same of a customer in every line."""
        parts = [sheet for sheet in self.sheets if self.roles[sheet.name].role in ("transactions", "header")]
        booked = next((self._numbers(sheet.columns[ids]) for sheet in parts if ids in sheet.columns), set())
        found: list[tuple[float, RawSheet, ColumnProposal, dict[str, ColumnProposal]]] = []
        for sheet in self._free() if booked else ():
            for heading, profile in sheet.columns.items():
                share = len(booked & self._numbers(profile)) / len(booked) if self._is_key(profile) else 0.0
                if share >= self.rules.customers_contained.value:
                    fields = self._about_customers({h: p for h, p in sheet.columns.items() if h != heading})
                    worth = share * sum(field.confidence for field in fields.values())
                    found.append((worth, sheet, self._key_proposal(profile, share), fields))
        if found:
            _, sheet, key, fields = max(found, key=lambda one: one[0])
            self._take(sheet, "customers")
        elif ids in base.columns and base.columns[ids].traits["filled"] == 1:
            sheet, key = base, self._key_proposal(base.columns[ids], 1)
            fields = self._about_customers({h: p for h, p in base.columns.items() if self._says_same(base, ids, h)})
        else:
            return None
        if self._is_numbered(sheet.columns[key.source]):
            fields = {"name": replace(key, column="name", confidence=self.rules.use.value, why="content"), **fields}
        if sheet is base and "name" not in fields and base.columns[ids].traits["repeats"] > 1:
            return None
        joins: list[dict[str, Any]] = []
        for other, on in self._related(sheet, self._free()) if sheet is not base else ():
            more = likely_fields("customers", self._new_columns(other, [sheet]), self.rules)
            address: dict[str, ColumnProposal] = {
                c: more[c] for c in ("country", "postcode", "city") if c in more and c not in fields
            }
            if address and not joins and on != key.source:
                fields, joins = {**fields, **address}, [{**_place(other), "path": other.paths[0], "on": on}]
                self._take(other, "lookup")
        if not fields:
            return None
        fields = {"customer_id": key, **fields}
        source = _place(sheet) | ({"join": joins} if joins else {})
        return source | {"columns": self._used("customers", fields)}, fields

    def _is_numbered(self, profile: Profile) -> bool:
        """Whether the cells hold a customer's number and name together."""
        return are_numbered(sorted(profile.known)[:MOST_LOOKED_AT], self.rules.fits.value)

    def _numbers(self, profile: Profile) -> set[str]:
        """The distinct values, of cells with number and name the numbers."""
        return {number_in(cell) or cell for cell in profile.known} if self._is_numbered(profile) else profile.known

    def _about_customers(self, columns: Mapping[str, Profile]) -> dict[str, ColumnProposal]:
        return {c: p for c, p in likely_fields("customers", columns, self.rules).items() if c != "customer_id"}

    def _key_proposal(self, profile: Profile, share: float) -> ColumnProposal:
        sure = max(share, self.rules.use.value)
        return ColumnProposal("customers", "customer_id", profile.heading, profile.examples, sure, "relation")

    def _says_same(self, sheet: RawSheet, ids: str, heading: str) -> bool:
        """Whether a column has one value per customer."""
        if heading == ids or sheet.columns[heading].traits["filled"] == 0:
            return False
        said = sheet.columns[heading].texts.groupby(sheet.columns[ids].texts).nunique()
        return bool((said <= 1).mean() >= self.rules.unique.value)

    # presets

    def _by_preset(self, table: str) -> Any:
        """A file that carries all the headings by which a known export is told, with the file of its headers."""
        for preset in presets().values():
            for sheet in self._free() if preset.table == table and preset.sign else ():
                names = {same_name(name) for name in sheet.columns}
                if any(all(same_name(name) in names for name in sign) for sign in preset.sign):
                    found = self._preset_source(preset, sheet)
                    if found is not None:
                        return found
        return None

    def _preset_source(self, preset: Preset, sheet: RawSheet) -> Any:
        related = [
            (s, k) for s, k in self._related(sheet, self._free()) if plain_name(k) in map(plain_name, preset.join)
        ]
        source: dict[str, Any] = _place(sheet) | {"preset": preset.name}
        if related:
            source["join"] = [{**_place(related[0][0]), "path": related[0][0].paths[0], "on": related[0][1]}]
        headers = [list(sheet.columns), *(list(s.columns) for s, _ in related[:1])]
        settled = settle(preset.table, Source.model_validate(source), headers)
        if TABLES[preset.table].required - set(settled.columns):
            return None
        self._take(sheet, preset.table)
        for header, _ in related[:1]:
            self._take(header, "header")
        profiles = {**(related[0][0].columns if related else {}), **sheet.columns}
        fields = {
            c: ColumnProposal(
                preset.table, c, shown(preset.name, t), profiles[t].examples if t in profiles else (), 0.95, "preset"
            )
            for c, t in settled.columns.items()
        }
        return (source, fields, sheet) if preset.table == "transactions" else (source, fields)

    def _currency(self, base: RawSheet, fields: Mapping[str, ColumnProposal]) -> str | None:
        """The one currency that the currency's column holds, else the one that headings or cells of amounts name."""
        sheets = [*self.sheets, base]
        columns = {heading: profile for sheet in sheets for heading, profile in sheet.columns.items()}
        found = fields.get("currency")
        if found and found.confidence >= self.rules.use.value:
            known = columns[found.source].known if found.source in columns else set()
            codes = {SIGNS.get(code.strip().upper(), code.strip().upper()) for code in known}
        else:
            amounts = [name for p in fields.values() if _is_money(p) for name in _columns_of(p)]
            cells = [
                text
                for name in amounts
                if name in columns
                for text in columns[name].texts.drop_duplicates()[:MOST_LOOKED_AT]
            ]
            codes = {code for text in (*amounts, *map(str, cells)) for code in currencies_in(text)}
        return next(iter(codes)) if len(codes) == 1 else None


def _is_money(found: ColumnProposal) -> bool:
    return TABLES[found.table].columns.get(found.column, MONEY) == MONEY  # periods of a wide list are no columns


def _columns_of(found: ColumnProposal) -> list[str]:
    """The columns of a proposal; a preset may show its name only."""
    try:
        return [base.name for base in field_of("net_revenue", MONEY, found.source).bases]
    except ValueError:
        return []


def _in_full(found: ColumnProposal, sheets: Sequence[RawSheet]) -> ColumnProposal:
    """An amount as it is proposed: multiplied where its heading or what stands above it says thousands or millions."""
    above = [line for sheet in sheets if found.source in sheet.columns for line in sheet.above]
    factor = multiple_in([found.source, *above]) if _is_money(found) and not found.source.startswith("=") else 1
    return found if factor == 1 else replace(found, source=f"= {quoted(found.source)} * {factor}")


def _required(source: Mapping[str, Any]) -> list[str]:
    return ["customer_id"] if source.get("layout") == "wide" else list(_NEEDED)


def _in_order(table: str, fields: Mapping[str, ColumnProposal]) -> list[ColumnProposal]:
    """Proposals in the order of the canonical table, periods after them."""
    order = {column: place for place, column in enumerate(TABLES[table].columns)}
    return sorted(fields.values(), key=lambda one: order.get(one.column, len(order)))


def _sure(fields: Mapping[str, ColumnProposal], column: str) -> float:
    return fields[column].confidence if column in fields else 0.0


def _place(sheet: RawSheet) -> dict[str, Any]:
    path: str | list[str] = sheet.paths[0] if len(sheet.paths) == 1 else list(sheet.paths)
    return {"path": path} | ({"sheet": sheet.sheet} if sheet.sheet else {})
