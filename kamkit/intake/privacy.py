"""Data that should not be there: personal data are found, told without being shown, and kept out of everything written.

E-mail addresses, phone numbers, IBANs (ISO 13616, check digits by ISO 7064; norm) and dates of birth are looked for in
every text column, by the engine: distinct values of texts, in columns of numbers only what holds an @. What is found is
replaced by `[…]`; a column that is mostly personal data goes as a whole, and where it is an id each value becomes a code.
Sales people are named where they act and get a code where they are measured.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import ibis
import pandas as pd

from kamkit.errors import InputError
from kamkit.intake.cleaning import LINE_KEY, CleaningRules
from kamkit.intake.number_formats import sql_text
from kamkit.intake.readers import TypedTable
from kamkit.model.codes import Level, Severity
from kamkit.model.engagement import Engagement, Period
from kamkit.model.results import Finding
from kamkit.model.tables import TABLES, TEXT
from kamkit.model.words import plain, word_pattern

GONE = "[…]"
MOSTLY = 0.5
"""From this share of its filled rows on, a column holds nothing but personal data (convention)."""

_IBAN_LENGTHS = {
    15: "NO",
    16: "BE",
    18: "DK FI FO GL NL",
    19: "MK SI",
    20: "AT BA EE KZ LT LU XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "PT",
    26: "IS TR",
    27: "FR GR IT MC SM",
    28: "AL AZ BY CY DO GT HU LB PL",
    29: "BR PS QA UA",
    31: "MT",
}
"""Length of an IBAN by country (ISO 13616 registry; norm)."""

_FIRST_LOOK = r"@|\+ ?\(?\d|[A-Za-z]{2}\d\d ?[A-Za-z0-9]{4}|(?i:tel|fon|mobil|handy|fax|phone|cell|geb|born|birth|dob)"
"""What a value must hold to be looked at closely; in the syntax of the engine."""

_DATE = r"(?:(?:0?[1-9]|[12]\d|3[01])[./-] ?(?:0?[1-9]|1[0-2])[./-] ?(?:19|20)?\d\d|(?:19|20)\d\d-[01]\d-[0-3]\d)(?!\d)"
_NUMBER = r"(?:\+ ?\(?\d|\(?0)[\d ()/.-]{4,18}\d"
_PATTERNS: Mapping[str, re.Pattern[str]] = {
    "email": re.compile(r"[\w.%+-]+@[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}"),
    "iban": re.compile(
        r"(?<![^\W_])(?:"
        + "|".join(
            rf"(?:{countries.replace(' ', '|')})\d\d(?: ?[A-Z0-9]){{{length - 4}}}"
            for length, countries in _IBAN_LENGTHS.items()
        )
        + r")(?![^\W_])",
        re.IGNORECASE,
    ),
    "phone": re.compile(
        r"(?<![\w+])(?:(?:tele)?fon|tel|(?:tele)?fax|(?:tele)?phone|mobil(?:e|telefon|funk)?|cell|handy)(?![^\W_])"
        rf"[ .:/-]*(?:nr|no|nummer|number)?[ .:]*({_NUMBER})"
        r"|(?<![\w+])(\+ ?\(?[1-9]\d{0,2}\)?(?:[ /()-]{0,2}\d){7,12})(?!\d)",
        re.IGNORECASE,
    ),
    "birth": re.compile(
        r"(?<!\w)(?:geb(?:oren)?(?: am)?|geburts(?:datum|tag)|born(?: on)?|birth ?(?:date|day)|date of birth|dob)[ .:]*"
        rf"({_DATE})",
        re.IGNORECASE,
    ),
}
_ALONE: Mapping[str, re.Pattern[str]] = {"phone": re.compile(_NUMBER), "birth": re.compile(_DATE)}
"""What a value is where its column's heading says so."""


@dataclass
class _Column:
    """What was found in one column: rows by kind, and what becomes of its values."""

    name: str
    rows: dict[str, int] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)
    whole: int = 0

    def add(self, value: str, rows: int, said: str | None) -> None:
        """Take up a value with the number of its rows; one without personal data is left out."""
        alone = bool(said and said in _ALONE and _ALONE[said].fullmatch(value.strip()))
        places = [(str(said), 0, len(value))] if alone else list(_places(value))
        for kind, start, end in places:
            self.rows[kind] = self.rows.get(kind, 0) + rows
            self.examples.append(f"{value[start : min(start + 2, end)].strip()}…")
        if places:
            without = GONE if alone else masked(value)
            self.values[value] = _code(value) if _stays_apart(self.name) else without
            self.whole += 0 if _WORD.search(without) else rows


def without_personal_data(
    backend: Any, name: str, typed: TypedTable, rules: CleaningRules
) -> tuple[TypedTable, tuple[Finding, ...]]:
    """A typed table without personal data, and what was found in it; examples show what kind of thing, never the thing.

    With `personal_data: report` the table stays as it is, with `off` nothing is looked for.
    """
    if rules.personal_data == "off":
        return typed, ()
    headings = {str(kind): word_pattern(words) for kind, words in rules.personal_headings.items()}
    table, findings, found = typed.table, list(_unread(name, typed.unread, headings)), set()
    for column in _columns(backend, name, typed, headings):
        dropped = _is_dropped(name, column, table)
        treatment = "dropped" if dropped else "coded" if _stays_apart(column.name) else "masked"
        findings.append(_finding(name, column, treatment if rules.personal_data == "remove" else "reported"))
        found.add(column.name)
        if rules.personal_data == "remove":
            table = table.drop(column.name) if dropped else with_values(table, column.name, column.values)
    columns = tuple({**row, "example": _example(row, found)} for row in typed.columns)
    told = tuple(replace(f, examples=tuple(map(masked, f.examples))) for f in typed.findings)
    table = typed.table if table is typed.table else settled(backend, table)
    return replace(typed, table=table, columns=columns, findings=told), tuple(findings)


def masked(text: str) -> str:
    """A text without the personal data in it.

    >>> masked("Frau Weiß, Tel. 089/1234567, weiss@beispiel.de")
    'Frau Weiß, Tel. […], […]'
    """
    for _, start, end in reversed(list(_places(text))):
        text = text[:start] + GONE + text[end:]
    return text


def masked_frame(frame: pd.DataFrame, rules: CleaningRules) -> pd.DataFrame:
    """What people wrote, without personal data in its texts."""
    if rules.personal_data != "remove":
        return frame
    hide = {c: _code_of_personal if _stays_apart(c) else masked for c in _texts_of_people(frame)}
    return frame.assign(**{c: frame[c].map(how, na_action="ignore").astype("string") for c, how in hide.items()})


def _texts_of_people(frame: pd.DataFrame) -> list[str]:
    return [
        c
        for c in frame.columns
        if isinstance(frame[c].dtype, pd.StringDtype) and (c in ENTERED_PEOPLE or not _stays_apart(c))
    ]


def _code_of_personal(value: str) -> str:
    return value if masked(value) == value else _code(value)


def personal_in(name: str, frame: pd.DataFrame, rules: CleaningRules) -> Iterator[Finding]:
    """What `masked_frame` takes out of a table that people wrote, or leaves in it where the rule only reports."""
    for column in map(_Column, _texts_of_people(frame) if rules.personal_data != "off" else ()):
        for text, rows in frame[column.name].value_counts().sort_index().items():
            column.add(str(text), int(rows), None)
        if column.rows:
            treatment = "coded" if _stays_apart(column.name) else "masked"
            yield _finding(name, column, treatment if rules.personal_data == "remove" else "reported")


def masked_error(error: InputError) -> InputError:
    """An error with the data whose examples show no personal data."""
    return InputError(error.where, map(masked, error.problems))


def notes_on_people(
    frames: Mapping[str, pd.DataFrame], reps: Mapping[str, str], rules: CleaningRules, engagement: Engagement
) -> Iterator[Finding]:
    """What a person should know where names of people are in the data: sole traders, and sales people."""
    customers = frames.get("customers")
    if customers is not None and "name" in customers.columns:
        pattern = word_pattern(rules.sole_trader_words)
        n = int(customers["name"].dropna().map(lambda name: bool(pattern.search(plain(name)))).sum())
        if n:
            yield Finding("sole_traders", "customers", Severity.INFO, rows=n, values={"n": n})
    named = [table for table, column in _given(frames, _PEOPLE) if frames[table][column].notna().any()]
    here = named + ["transactions"] * bool(reps)
    if here:
        yield Finding(f"sales_people_{engagement.sales_people}", here[0], Severity.INFO)


def with_values(table: Any, column: str, values: Mapping[str, str]) -> Any:
    """An Ibis table in which the values of a text column named in a mapping are replaced by others."""
    if not values:
        return table
    frame = pd.DataFrame({"old_value": list(values), "new_value": list(values.values())}, dtype=object)
    known = ibis.memtable(frame, schema={"old_value": "string", "new_value": "string"})
    joined = table.left_join(known, table[column] == known.old_value)
    new = ibis.coalesce(joined.new_value, joined[column])
    return joined.mutate(**{column: new}).drop("old_value", "new_value")


def settled(backend: Any, table: Any) -> Any:
    """A typed table in the engine's memory, its rows in the order of the files, as joins do not keep it."""
    return backend.create_table(
        ibis.util.gen_name("settled"), table.order_by(*(c for c in LINE_KEY if c in table.columns))
    )


def distinct_values(table: Any, column: str) -> list[str]:
    """The values of a text column of an Ibis table, each once."""
    values = table.filter(table[column].notnull()).select(column).distinct().to_pyarrow()
    return [str(value) for value in values[column].to_pylist()]


def _columns(backend: Any, name: str, typed: TypedTable, headings: Mapping[str, re.Pattern[str]]) -> Iterator[_Column]:
    """The columns with personal data, and what to put in the place of every value that holds some."""
    kinds = {column: kind for column, kind in TABLES[name].columns.items() if column in typed.table.columns}
    said = {row["column"]: _said(row["source"], headings) for row in typed.columns}
    found = {column: _Column(column) for column in kinds}
    for column, value, rows in _looked_at(backend, typed.table, kinds, said):
        found[column].add(value, rows, said.get(column))
    for column, kind in kinds.items():
        if kind != TEXT and said.get(column) == "birth" and column not in TABLES[name].required:
            rows = int(typed.table[column].count().execute())
            found[column] = _Column(column, {"birth": rows}, whole=rows)
    yield from (column for column in found.values() if column.rows)


def _looked_at(
    backend: Any, table: Any, kinds: Mapping[str, str], said: Mapping[str, str | None]
) -> list[tuple[str, str, int]]:
    """column, value, rows: the values that a first look lets through. Long lists of numbers only for the sake of an @."""
    source, first = ibis.to_sql(table, dialect="duckdb"), sql_text(_FIRST_LOOK)
    queries = []
    for column in (c for c, kind in kinds.items() if kind == TEXT and c not in ("lei", "vat_id")):
        told, counted = (
            sql_text(column),
            f"SELECT {column} AS v, count(*) AS n FROM ({source}) WHERE {column} IS NOT NULL",
        )
        if said.get(column):
            queries.append(f"SELECT {told}, v, n FROM ({counted} GROUP BY 1)")
        elif column.endswith("_id"):
            queries.append(f"SELECT {told}, v, n FROM ({counted} AND contains({column}, '@') GROUP BY 1)")
        else:
            queries.append(f"SELECT {told}, v, n FROM ({counted} GROUP BY 1) WHERE regexp_matches(v, {first})")
    return backend.con.execute(" UNION ALL ".join(queries) + " ORDER BY 1, 2").fetchall() if queries else []


def _said(source: str, headings: Mapping[str, re.Pattern[str]]) -> str | None:
    """The kind of personal data that a heading speaks of."""
    return next((kind for kind, pattern in headings.items() if pattern.search(plain(source))), None)


def _unread(name: str, unread: Sequence[str], headings: Mapping[str, re.Pattern[str]]) -> Iterator[Finding]:
    """Columns of the files that nothing reads and whose headings speak of personal data."""
    columns = [heading for heading in unread if _said(heading, headings)]
    if columns:
        yield Finding("personal_unread", name, Severity.INFO, values={"columns": columns, "n": len(columns)})


def _places(text: str) -> Iterator[tuple[str, int, int]]:
    """kind, start and end of everything personal in a text, in order; of what overlaps the first."""
    spans = [
        (kind, *found.span(found.lastindex or 0))
        for kind, pattern in _PATTERNS.items()
        for found in pattern.finditer(text)
        if kind != "iban" or _has_check_digits(found[0])
    ]
    at = 0
    for kind, start, end in sorted(spans, key=lambda span: (span[1], -span[2])):
        if start >= at:
            yield kind, start, end
            at = end


def _has_check_digits(iban: str) -> bool:
    """Whether the check digits are right: modulo 97 over the number with its first four signs moved to the end."""
    signs = iban.replace(" ", "").upper()
    return int("".join(str(int(sign, 36)) for sign in signs[4:] + signs[:4])) % 97 == 1


_WORD = re.compile(r"[^\W\d_]{2,}")


def _stays_apart(column: str) -> bool:
    """Columns by which rows find each other or a person is told from another: each of their values becomes a code."""
    people = {"sales_rep", "own_role", *(name for columns in _PEOPLE.values() for name in columns)}
    return (column.endswith("_id") and column != "vat_id") or column in people


def _code(value: str) -> str:
    return f"X-{hashlib.blake2b(value.strip().casefold().encode(), digest_size=5).hexdigest()}"


def _is_dropped(name: str, column: _Column, table: Any) -> bool:
    """Whether a column is mostly personal data and nothing needs it."""
    if _stays_apart(column.name) or column.name in TABLES[name].required:
        return False
    return column.whole >= MOSTLY * int(table[column.name].count().execute())


def _finding(name: str, column: _Column, treatment: str) -> Finding:
    kind, rows = max(column.rows.items(), key=lambda found: found[1])
    values = {"column": column.name, "kind": kind, "n": rows}
    return Finding(f"personal_{treatment}", name, Severity.WARNING, rows, None, tuple(column.examples[:3]), values)


def _example(row: Mapping[str, Any], found: Container[str]) -> Any:
    example = row.get("example")
    return GONE if row["column"] in found else masked(example) if isinstance(example, str) else example


# --- sales people -------------------------------------------------------------------------------------------------

_ROLES: Mapping[str, tuple[str, ...]] = {"interactions": ("own_role",)}
_OWNERS: Mapping[str, tuple[str, ...]] = {"customers": ("field_rep", "kam_owner"), "sales_organisation": ("field_rep",)}
_PEOPLE: Mapping[str, tuple[str, ...]] = {
    **_OWNERS,
    "decisions": ("decided_by", "consulted"),
    "consultations": ("addressee", "answered_by"),
}
"""Where people act: they own, decide, are consulted. Where they are measured: on booked lines and in contacts."""
ENTERED_PEOPLE = frozenset(
    {"decided_by", "consulted", "addressee", "answered_by", "owner", "said_by", "author_role", "rated_by_role"}
)
"""Columns in which people enter who somebody is: names or roles, several too."""
WRITTEN = frozenset({"reason", "text", "remark", "topic", "result", "first_step"})
"""Columns in which people write sentences."""
_NAMING = WRITTEN | {"own_role", "type"}
"""Columns in which the name of somebody known may stand."""
_LONGEST_PERSON = 4
_TOKEN = re.compile(r"[^\W_]+")
_LAST_FIRST = re.compile(r"[^\W_]+, [^\W_]+")
_TITLE = re.compile(r"\b(?:Herrn?|Frau|Hr|Fr|Mr|Mrs|Ms|Dr|Prof)\b\.? *", re.IGNORECASE)
_CODED_PERSON = re.compile(rf"(?:{_TITLE.pattern})*R-[0-9a-f]{{6}}", re.IGNORECASE)
_BETWEEN = re.compile(r"([;,/()&+\n]|(?<= )(?:und|and)(?= ))")


def person_code(name: str, client: str) -> str:
    """The code of a person, the same in all tables of a client. It hides a name from sight, not from who knows all
    names and tries them."""
    secret = hashlib.blake2b(plain(name).encode(), key=client.encode()[:64], digest_size=3)
    return f"R-{secret.hexdigest()}"


def rep_codes(lines: Any, engagement: Engagement) -> dict[str, str]:
    """The code of every sales rep on the booked lines."""
    reps = distinct_values(lines, "sales_rep") if "sales_rep" in lines.columns else []
    return {name: person_code(name, engagement.client) for name in sorted(reps)}


def people_known(
    frames: Mapping[str, pd.DataFrame],
    reps: Mapping[str, str],
    rules: CleaningRules,
    engagement: Engagement,
) -> dict[str, str]:
    """With `sales_people: none`, the code of everybody whom the tables name, by a code of the name as it may stand in a
    text: whole, last name first, last name alone. So texts can be searched later without keeping names.
    """
    if engagement.sales_people != "none":
        return {}
    client, roles = engagement.client, word_pattern(rules.role_words)
    owned = {str(cell) for t, c in _given(frames, _OWNERS) for cell in frames[t][c].dropna().unique()}
    columns = [frame[c] for frame in frames.values() for c in frame.columns if c in ENTERED_PEOPLE]
    cells = {str(cell) for column in columns for cell in column.dropna().unique()}
    parts = {
        part.strip() for cell in cells for part in ([cell] if _LAST_FIRST.fullmatch(cell) else _BETWEEN.split(cell))
    }
    names = owned | {*reps} | {part for part in parts if not any(map(roles.fullmatch, plain(part).split()))}
    known: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (-len(name.split()), name)):
        words = plain(_TITLE.sub("", name)).split()
        if not words or len(words) > _LONGEST_PERSON or all(map(roles.fullmatch, words)):
            continue
        if _LAST_FIRST.fullmatch(name):
            words = [*words[1:], words[0]]
        for said in (" ".join(words), " ".join([words[-1], *words[:-1]]), words[-1]):
            known.setdefault(person_code(said, client), person_code(name, client))
    return known


def hide_people(
    frames: Mapping[str, pd.DataFrame],
    reps: Mapping[str, str],
    engagement: Engagement,
    people: Mapping[str, str],
    rules: CleaningRules,
) -> dict[str, pd.DataFrame]:
    """Tables with codes for sales people: where they are measured, with `sales_people: none` wherever they stand, with
    `all` nowhere.

    Booked lines hold the codes `reps` already, and so do the members' usual reps, who are named again where they may be.
    Of contacts and visits only the values that are a name of somebody known are people, the others are roles. `people` as
    `people_known` gives them.
    """
    tables, setting, client = dict(frames), engagement.sales_people, engagement.client
    if setting == "all":
        return tables
    owners = {name for table, column in _given(frames, _OWNERS) for name in frames[table][column].dropna()}
    known = {**reps, **{name: person_code(name, client) for name in owners}}
    for table, column in _given(frames, {**_ROLES, **(_OWNERS if setting == "none" else {})}):
        names = tables[table][column]
        coded = names.map(known if table in _ROLES else {name: person_code(name, client) for name in names.dropna()})
        tables[table] = tables[table].assign(**{column: coded.fillna(names).astype("string")})
    if setting == "acting" and "usual_rep" in frames["members"].columns:
        named = frames["members"]["usual_rep"].map({code: name for name, code in reps.items()}).astype("string")
        tables["members"] = frames["members"].assign(usual_rep=named)
    return {name: hide_entered(table, people, rules, engagement) for name, table in tables.items()}


def hide_entered(
    frame: pd.DataFrame, people: Mapping[str, str], rules: CleaningRules, engagement: Engagement
) -> pd.DataFrame:
    """With `sales_people: none`, a table that people filled in with codes for everybody named in it: of cells that say who
    somebody is only roles stay, in sentences the names of those known (`people`) are replaced."""
    if engagement.sales_people != "none":
        return frame
    client, roles = engagement.client, word_pattern(rules.role_words)
    hidden = {}
    for column in (c for c in frame.columns if c in ENTERED_PEOPLE | _NAMING):
        if isinstance(frame[column].dtype, pd.StringDtype) or frame[column].dtype == object:
            values = [value for value in frame[column].dropna().unique() if isinstance(value, str)]
            coded = {value: _without_names(value, people, client) for value in values}
            if column in ENTERED_PEOPLE:
                coded = {value: _without_people(text, roles, client) for value, text in coded.items()}
            hidden[column] = frame[column].map(coded).fillna(frame[column]).astype(frame[column].dtype)
    return frame.assign(**hidden)


def without_examples(columns: pd.DataFrame, engagement: Engagement) -> pd.DataFrame:
    """The columns of the import; with `sales_people: none` without examples of those that name sales people."""
    if engagement.sales_people != "none":
        return columns
    naming = ENTERED_PEOPLE | {"sales_rep", *(c for names in (*_OWNERS.values(), *_ROLES.values()) for c in names)}
    return columns.assign(
        example=columns["example"].mask(columns["column"].isin(naming) & columns["example"].notna(), GONE)
    )


def _without_names(text: str, people: Mapping[str, str], client: str) -> str:
    """A text with codes in place of the names in it, the longest first; a last name alone only with a capital letter."""
    places, out, done, at = list(_TOKEN.finditer(text)), "", 0, 0
    words = [plain(place[0]) for place in places]
    while at < len(places):
        for n in range(min(_LONGEST_PERSON, len(places) - at), 0, -1):
            code = people.get(person_code(" ".join(words[at : at + n]), client))
            if code and (n > 1 or places[at][0][0].isupper()):
                out, done = out + text[done : places[at].start()] + code, places[at + n - 1].end()
                at += n
                break
        else:
            at += 1
    return out + text[done:]


def _without_people(text: str, roles: re.Pattern[str], client: str) -> str:
    """A cell that says who somebody is, with a code for each part of it that is neither a role nor a code."""
    if _is_role(text, roles):
        return text
    parts = (
        part if not part.strip() or _BETWEEN.fullmatch(part) or _is_role(part, roles) else _coded_part(part, client)
        for part in _BETWEEN.split(text)
    )
    return "".join(parts)


def _coded_part(part: str, client: str) -> str:
    return part.replace(part.strip(), person_code(part, client))


def _is_role(text: str, roles: re.Pattern[str]) -> bool:
    """Whether a text holds nothing but words for roles, codes and the name of a region behind that word."""
    words = plain(_CODED_PERSON.sub(" ", text)).split()
    if words[:1] == ["region"] and len(words) <= _LONGEST_PERSON:
        return True
    return all(roles.fullmatch(word) for word in words)


def _given(frames: Mapping[str, pd.DataFrame], columns: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Table and column of those that the frames have."""
    return [(t, c) for t, names in columns.items() if t in frames for c in names if c in frames[t].columns]


def with_usual_reps(members: pd.DataFrame, lines: Any, period: Period, level: Level) -> pd.DataFrame:
    """Members with usual_rep: the sales rep with most of the account's revenue in the period, equal ones by name. Since
    lines name no person later, the one who looks after an account is noted here."""
    if "sales_rep" not in lines.columns:
        return members
    account = "customer_id" if level == Level.CUSTOMER else "account_id"
    accounts = ibis.memtable(pd.DataFrame({"buyer": members["customer_id"], "account": members[account]}, dtype=object))
    inside = lines.filter(lines.sales_rep.notnull() & lines.posting_date.between(period.start, period.end))
    joined = inside.inner_join(accounts, inside.customer_id == accounts.buyer)
    sums = joined.group_by("account", usual_rep=joined.sales_rep).aggregate(exact=joined.net_revenue.sum())
    ordered = sums.order_by("account", ibis.desc("exact"), "usual_rep").select("account", "usual_rep").to_pyarrow()
    usual = ordered.to_pandas().drop_duplicates("account").set_index("account")["usual_rep"]
    return members.assign(usual_rep=members[account].map(usual).astype("string"))
