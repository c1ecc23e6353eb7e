"""What people say of their own organisation: answers to the questions on each condition, and what these allow to say.

An answer counts with who gave it; a blank may be anything. So a condition is what every completion of the blanks makes it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from kamkit.model.questionnaire import Asked
from kamkit.model.results import Said

DEGREES = {"yes": "yes", "partly": "in_part", "no": "absent"}
ALL_DEGREES = frozenset(DEGREES.values())


@dataclass(frozen=True)
class SelfReport:
    """What a condition may be by the answers (yes, in_part, absent), and the answers that speak of it. `incomplete`:
    questions answered without a role; `disputed`: questions that people answer differently. Neither counts."""

    degrees: frozenset[str] = ALL_DEGREES
    said: tuple[Said, ...] = ()
    incomplete: tuple[str, ...] = ()
    disputed: tuple[str, ...] = ()


def read_answers(table: pd.DataFrame | None, asked: Mapping[str, Asked]) -> dict[str, SelfReport]:
    """The answers of the sheet Organisation (question, answer, said_by, date) by condition; empty where nobody answered.

    Of one role the latest answer counts. Of several questions on a condition all must be answered with yes, unless a yes to
    one is enough; it is absent where all are answered with no.
    """
    if table is None or table.empty:
        return {}
    named = table.dropna(subset=["said_by"])
    latest = named.sort_values("date", kind="stable", na_position="first").drop_duplicates(
        ["question", "said_by"], keep="last"
    )
    n_answers = latest.groupby("question")["answer"].nunique()
    disputed = set(n_answers.index[n_answers > 1])
    settled = latest[~latest["question"].isin(disputed)].drop_duplicates("question", keep="last")
    said = {str(row.question): _said(row) for row in settled.itertuples(index=False)}
    unnamed = set(table["question"]) - set(named["question"])
    found = {}
    for condition in dict.fromkeys(question.of for question in asked.values()):
        of = [code for code, question in asked.items() if question.of == condition]
        found[condition] = SelfReport(
            _degrees(condition, said, asked),
            tuple(said[code] for code in of if code in said),
            tuple(code for code in of if code in unnamed),
            tuple(code for code in of if code in disputed),
        )
    return found


def _said(row: object) -> Said:
    question, answer, said_by, date = (getattr(row, name) for name in ("question", "answer", "said_by", "date"))
    return Said(question, answer, said_by, None if pd.isna(date) else date.date())


def _degrees(condition: str, said: Mapping[str, Said], asked: Mapping[str, Asked]) -> frozenset[str]:
    deciding = {code: q for code, q in asked.items() if q.of == condition and not q.informs}
    possible = [[said[code].answer] if code in said else list(DEGREES) for code in deciding]
    enough = [question.enough for question in deciding.values()]
    return frozenset(_degree(answers, enough) for answers in itertools.product(*possible))


def _degree(answers: tuple[str, ...], enough: list[bool]) -> str:
    if all(answer == "no" for answer in answers):
        return "absent"
    alone = any(answer == "yes" and one for answer, one in zip(answers, enough, strict=True))
    return "yes" if alone or all(answer == "yes" for answer in answers) else "in_part"


def rate_self_check(table: pd.DataFrame | None, asked: Mapping[str, Asked]) -> pd.DataFrame:
    """statement, field, score (mean over everybody who scored it, 1–4), n_people: the statements that somebody scored, in
    the order asked. A self-assessment: no verdict follows from it."""
    scored = pd.DataFrame(columns=["statement", "score"]) if table is None else table.dropna(subset=["score"])
    by_statement = scored.groupby("statement")["score"]
    mean, people = by_statement.mean(), by_statement.size()
    rows = [(code, q.of, float(mean[code]), int(people[code])) for code, q in asked.items() if code in mean.index]
    return pd.DataFrame(rows, columns=["statement", "field", "score", "n_people"])


def self_check_fields(rated: pd.DataFrame, asked: Mapping[str, Asked]) -> pd.DataFrame:
    """field, score (mean of its statements), n_scored, n_statements, weakest (tuple of the statements with the field's
    lowest score, where that is below the highest possible): the fields with a score, in the order asked."""
    rows = []
    for name in dict.fromkeys(q.of for q in asked.values()):
        own = rated[rated["field"] == name]
        if len(own):
            low = own["score"].min()
            weakest = tuple(own.loc[own["score"] == low, "statement"]) if low < HIGHEST_SCORE else ()
            n_statements = sum(q.of == name for q in asked.values())
            rows.append((name, float(own["score"].mean()), len(own), n_statements, weakest))
    return pd.DataFrame(rows, columns=["field", "score", "n_scored", "n_statements", "weakest"])


HIGHEST_SCORE = 4


def compare_self_checks(
    earlier: pd.DataFrame | None, now: pd.DataFrame | None, asked: Mapping[str, Asked]
) -> pd.DataFrame:
    """field, statement, earlier, now, difference: the sheets of two self-checks, statement by statement as far as both
    scored it, each field's mean over these first (without statement). The same people's view twice, not a measurement."""
    key = ["field", "statement"]
    before, after = (rate_self_check(table, asked).set_index(key)["score"] for table in (earlier, now))
    both = pd.DataFrame({"earlier": before, "now": after}).dropna().reset_index()
    fields = both.groupby("field", as_index=False)[["earlier", "now"]].mean()
    order = {name: place for place, name in enumerate([*dict.fromkeys(q.of for q in asked.values()), *asked])}
    found = pd.concat([fields, both], ignore_index=True).reindex(columns=[*key, "earlier", "now"])
    place = pd.DataFrame({"field": found["field"].map(order), "statement": found["statement"].map(order).fillna(-1)})
    found = found.loc[place.sort_values(["field", "statement"]).index].reset_index(drop=True)
    return found.astype({"field": "string", "statement": "string"}).assign(difference=found["now"] - found["earlier"])
