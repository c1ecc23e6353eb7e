"""Which column of the client means what: names, or "= arithmetic" over columns, turned into exact SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import sqlglot
from sqlglot import exp

from kamkit.errors import EngagementError
from kamkit.intake.dialects import same_name
from kamkit.intake.number_formats import WIDEST, sql_text
from kamkit.intake.sources import nearest
from kamkit.model.engagement import Source
from kamkit.model.tables import DATE, FLAG, INTEGER, MONEY, NUMBER, TABLES, TEXT, YEAR

LONGEST_ARITHMETIC = 40_000
"""Characters of one expression; the tax rules of a DATEV file take about 17,000."""
DEEPEST_ARITHMETIC = 400
"""Steps from the result down to a column: a sum of so many columns; Python's stack and DuckDB's bear about twice that."""
_NUMERIC = (MONEY, NUMBER, INTEGER, YEAR)
_SIMPLE = (exp.Column, exp.Identifier, exp.Literal, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Paren, exp.Case)
_CONDITIONS = (exp.If, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.And, exp.Or, exp.In)
_SIGNS: Mapping[type[exp.Expr], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.And: "AND",
    exp.Or: "OR",
}


@dataclass(frozen=True, order=True)
class Base:
    """A client's column in one use: read as text, number, date or flag."""

    name: str
    role: str


@dataclass(frozen=True)
class Field:
    """A canonical column (or a period of a wide list): its kind and the client's column or expression it comes from."""

    column: str
    kind: str
    source: str
    node: exp.Expr | None

    @property
    def role(self) -> str:
        """What its columns are read as: arithmetic that makes a flag is a number, yes where it is not zero."""
        return NUMBER if self.kind in _NUMERIC or (self.kind == FLAG and self.node is not None) else self.kind

    @cached_property
    def bases(self) -> list[Base]:
        """The client's columns that are needed, in order of appearance."""
        if self.node is None:
            return [Base(self.source, self.role)]
        return list(dict.fromkeys(_bases(self.node, self.role)))


@dataclass(frozen=True)
class Number:
    """SQL of a number with its digits before and after the decimal sign; None for a DOUBLE."""

    sql: str
    whole: int | None
    digits: int = 0


def fields_of(name: str, source: Source, columns: Mapping[str, str] | None = None) -> tuple[Field, ...]:
    """The canonical columns of a source. Raises EngagementError with everything wrong with its expressions."""
    kinds = TABLES[name].columns
    fields, problems = [], []
    given = source.columns if columns is None else columns
    for column, text in given.items():
        if source.layout == "wide" and column in ("posting_date", "net_revenue"):
            problems.append(f"sources.{name}.columns: {column} comes from periods in layout: wide: leave it out")
        try:
            fields.append(field_of(column, kinds[column], text))
        except ValueError as error:
            problems.append(f"sources.{name}.columns: {column}: {error}")
    if problems:
        raise EngagementError("engagement.yml", problems)
    return tuple(fields)


def field_of(column: str, kind: str, text: str) -> Field:
    """A canonical column from the text of the engagement file: a column's name or "= arithmetic".

    Raises ValueError saying what is not allowed.
    """
    if not text.lstrip().startswith("="):
        return Field(column, kind, text, None)
    if kind == DATE:
        raise ValueError(f"{text!r} is arithmetic, which cannot make a date: name a column")
    node = _parsed(text)
    found = Field(column, kind, text, node)
    _tried(node, text, found.role)
    return found


def _parsed(text: str) -> exp.Expr:
    too_large = f"{text[:40]!r} … is too long or nested too deeply: add up fewer columns, or compute it in the export"
    if len(text) > LONGEST_ARITHMETIC:
        raise ValueError(too_large)
    try:
        node = sqlglot.parse_one(text.lstrip()[1:], dialect="duckdb")
    except RecursionError:
        raise ValueError(too_large) from None
    except (sqlglot.errors.ParseError, sqlglot.errors.TokenError):
        raise ValueError(
            f"{text!r} is not arithmetic: put column names with blanks or signs in double quotes"
        ) from None
    if _depth(node) > DEEPEST_ARITHMETIC:
        raise ValueError(too_large)
    for part in node.walk():
        if not isinstance(part, _SIMPLE + _CONDITIONS):
            raise ValueError(
                f"{text!r} holds {part.sql(dialect='duckdb')!r}: only columns, + - * / and CASE are allowed"
            )
        if isinstance(part, _CONDITIONS) and part.find_ancestor(exp.Case) is None:
            raise ValueError(f"{text!r} compares outside of CASE: write CASE WHEN … THEN … END")
        if isinstance(part, exp.In) and (
            part.args.get("query") or not all(isinstance(v, exp.Literal) for v in part.expressions)
        ):
            raise ValueError(f"{text!r}: IN takes a list of values")
        if isinstance(part, exp.Column) and part.table:
            raise ValueError(
                f"{text!r} holds {part.sql(dialect='duckdb')!r}: put column names with dots in double quotes"
            )
    if not any(node.find_all(exp.Column)):
        raise ValueError(f"{text!r} names no column")
    return node


def _depth(node: exp.Expr) -> int:
    """How many nodes stand one below the other, counted without recursion."""
    level, depth = [node], 0
    while level:
        level, depth = [child for parent in level for child in parent.iter_expressions()], depth + 1
    return depth


def _tried(node: exp.Expr, text: str, role: str) -> None:
    """Compile once without data, so that what makes no sense is told before a file is opened."""
    bases = set(_bases(node, role))
    compiler = _Compiler(
        {base: Number("0", 1) for base in bases if base.role == NUMBER},
        {base.name: "''" for base in bases if base.role == TEXT},
    )
    try:
        compiler.text(node) if role == TEXT else compiler.number(node)
    except (KeyError, TypeError):
        raise ValueError(
            f"{text!r} mixes numbers, texts and conditions: CASE WHEN … THEN … END gives one kind"
        ) from None


def _bases(node: exp.Expr, role: str) -> Iterator[Base]:
    """The columns below a node, each with the role its place gives it."""
    if isinstance(node, exp.Column):
        yield Base(node.name, role)
        return
    for child, child_role in _children(node, role):
        yield from _bases(child, child_role)


def _children(node: exp.Expr, role: str) -> list[tuple[exp.Expr, str]]:
    match node:
        case exp.Case():
            operand = node.this
            found = [(operand, _comparison_role([operand, *(i.this for i in node.args["ifs"])]))] if operand else []
            for branch in node.args["ifs"]:
                found.append((branch.this, found[0][1] if operand else "condition"))
                found.append((branch.args["true"], role))
            return found + ([(node.args["default"], role)] if node.args.get("default") else [])
        case exp.EQ() | exp.NEQ() | exp.GT() | exp.GTE() | exp.LT() | exp.LTE():
            kind = _comparison_role([node.left, node.right])
            return [(node.left, kind), (node.right, kind)]
        case exp.In():
            kind = _comparison_role([node.this, *node.expressions])
            return [(node.this, kind), *((value, kind) for value in node.expressions)]
        case _:
            return [(child, role) for child in node.iter_expressions()]


def _comparison_role(nodes: Sequence[exp.Expr]) -> str:
    return TEXT if any(isinstance(node, exp.Literal) and node.is_string for node in nodes) else NUMBER


def number_of(node: exp.Expr | None, source: str, numbers: Mapping[Base, Number], texts: Mapping[str, str]) -> Number:
    """An expression as SQL that computes exactly: DECIMALs of just sufficient width, DOUBLE beyond 38 digits or after
    a division. `numbers` and `texts` say where the columns' values are."""
    if node is None:
        return numbers[Base(source, NUMBER)]
    return _Compiler(numbers, texts).number(node)


def text_of(node: exp.Expr, numbers: Mapping[Base, Number], texts: Mapping[str, str]) -> str:
    """An expression as SQL that gives text."""
    return _Compiler(numbers, texts).text(node)


@dataclass(frozen=True)
class _Compiler:
    numbers: Mapping[Base, Number]
    texts: Mapping[str, str]

    def number(self, node: exp.Expr) -> Number:
        match node:
            case exp.Column():
                return self.numbers[Base(node.name, NUMBER)]
            case exp.Literal():
                if node.is_string or not node.name.replace(".", "").isdigit():
                    raise TypeError(node.name)
                before, _, after = node.name.partition(".")
                kind = f"DECIMAL({len(before + after)}, {len(after)})"
                return Number(f"CAST({node.name} AS {kind})", len(before), len(after))
            case exp.Paren():
                return self.number(node.this)
            case exp.Neg():
                inner = self.number(node.this)
                return Number(f"(-{inner.sql})", inner.whole, inner.digits)
            case exp.Case():
                return self._case(node)
            case exp.Div():
                upper, lower = _double(self.number(node.this)), _double(self.number(node.expression))
                return Number(f"({upper} / nullif({lower}, 0))", None)
        if not isinstance(node, exp.Add | exp.Sub | exp.Mul):
            raise TypeError(node.key)
        left, right = self.number(node.this), self.number(node.expression)
        sign = _SIGNS[type(node)]
        if left.whole is not None and right.whole is not None:
            if sign == "*":
                whole, digits = left.whole + right.whole, left.digits + right.digits
            else:
                whole, digits = max(left.whole, right.whole) + 1, max(left.digits, right.digits)
            if whole + digits <= WIDEST:
                return Number(f"({left.sql} {sign} {right.sql})", whole, digits)
        return Number(f"({_double(left)} {sign} {_double(right)})", None)

    def _case(self, node: exp.Case) -> Number:
        values = [branch.args["true"] for branch in node.args["ifs"]]
        values += [node.args["default"]] if node.args.get("default") else []
        found = [self.number(value) for value in values]
        whole = None
        digits = max(number.digits for number in found)
        if all(number.whole is not None for number in found):
            whole = max(number.whole or 0 for number in found)
        if whole is None or whole + digits > WIDEST:
            return Number(self._case_sql(node, [_double(number) for number in found]), None)
        return Number(self._case_sql(node, [number.sql for number in found]), whole, digits)

    def _case_sql(self, node: exp.Case, values: Sequence[str]) -> str:
        words = ["CASE"]
        for i, branch in enumerate(node.args["ifs"]):
            test = exp.EQ(this=node.this, expression=branch.this) if node.this else branch.this
            words.append(f"WHEN {self.condition(test)} THEN {values[i]}")
        return " ".join([*words, *([f"ELSE {values[-1]}"] if node.args.get("default") else []), "END"])

    def text(self, node: exp.Expr) -> str:
        match node:
            case exp.Column():
                return self.texts[node.name]
            case exp.Literal():
                return sql_text(node.name)
            case exp.Paren():
                return self.text(node.this)
            case exp.Case():
                values = [self.text(branch.args["true"]) for branch in node.args["ifs"]]
                values += [self.text(node.args["default"])] if node.args.get("default") else []
                return self._case_sql(node, values)
        raise TypeError(node.key)

    def condition(self, node: exp.Expr) -> str:
        match node:
            case exp.Paren():
                return f"({self.condition(node.this)})"
            case exp.And() | exp.Or():
                return f"({self.condition(node.left)} {_SIGNS[type(node)]} {self.condition(node.right)})"
            case exp.In():
                side = self._side(_comparison_role([node.this, *node.expressions]))
                values = ", ".join(side(value) for value in node.expressions)
                return f"({side(node.this)} IN ({values}))"
        if type(node) not in _SIGNS or isinstance(node, exp.Add | exp.Sub | exp.Mul):
            raise TypeError(node.key)
        side = self._side(_comparison_role([node.this, node.expression]))
        return f"({side(node.this)} {_SIGNS[type(node)]} {side(node.expression)})"

    def _side(self, role: str) -> Callable[[exp.Expr], str]:
        return self.text if role == TEXT else lambda node: self.number(node).sql


def _double(number: Number) -> str:
    return number.sql if number.whole is None else f"CAST({number.sql} AS DOUBLE)"


def match_columns(wanted: Sequence[str], header: Sequence[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Where the wanted columns stand in a header, exactly or but for case and white space, and how often those do
    that stand there more than once."""
    positions: dict[str, int] = {}
    repeated: dict[str, int] = {}
    for name in wanted:
        exact = [i for i, column in enumerate(header) if column == name]
        found = exact or [i for i, column in enumerate(header) if same_name(column) == same_name(name)]
        if len(found) > 1:
            repeated[name] = len(found)
        elif found:
            positions[name] = found[0]
    return positions, repeated


def missing_column(column: str, name: str, header: Sequence[str]) -> str:
    """The sentence for a column that is not in the file, with the nearest name and all names."""
    named = [column.strip() for column in header if column.strip()]
    return f"{column} ({name!r}) is no column of this file{nearest(name, named)}; columns are {', '.join(map(repr, named))}"
