"""The self-check: means by hand, the weakest statements by name, and two of them side by side."""

from __future__ import annotations

import pandas as pd

from kamkit.analysis.self_reports import compare_self_checks, rate_self_check, self_check_fields
from kamkit.model.questionnaire import PROGRAMME, questionnaires

ASKED = questionnaires()["self_check"]


def scored(*scores: tuple[str, float]) -> pd.DataFrame:
    return pd.DataFrame(scores, columns=["statement", "score"])


def test_every_condition_that_needs_a_question_has_one_and_every_field_four_statements() -> None:
    organisation = questionnaires()["organisation"].values()
    assert {q.of for q in organisation if not q.informs} == {PROGRAMME, "E1", "E2", "E3a", "E3b", "E4"}
    assert list(pd.Series([q.of for q in ASKED.values()]).value_counts()[["structure", "culture", "skills"]]) == [
        4,
        4,
        4,
    ]


def test_a_field_is_the_mean_of_its_statements_and_names_the_weakest() -> None:
    """Structure: (4 and 2 → 3), 1 and 1 → mean 5/3; culture: 4 only, nothing weak."""
    table = scored(("responsible", 4), ("responsible", 2), ("team", 1), ("authority", 1), ("sponsor", 4))
    rated = rate_self_check(table, ASKED)
    assert rated.to_numpy().tolist() == [
        ["responsible", "structure", 3.0, 2],
        ["team", "structure", 1.0, 1],
        ["authority", "structure", 1.0, 1],
        ["sponsor", "culture", 4.0, 1],
    ]
    assert self_check_fields(rated, ASKED).to_numpy().tolist() == [
        ["structure", 5 / 3, 3, 4, ("team", "authority")],
        ["culture", 4.0, 1, 4, ()],
    ]


def test_nobody_answered() -> None:
    assert rate_self_check(None, ASKED).empty
    assert self_check_fields(rate_self_check(None, ASKED), ASKED).empty
    assert compare_self_checks(None, scored(("team", 2)), ASKED).empty


def test_two_self_checks_are_compared_where_both_have_a_score() -> None:
    earlier = scored(("responsible", 2), ("team", 1), ("sponsor", 3), ("negotiation", 4))
    now = scored(("negotiation", 2), ("responsible", 3), ("team", 4), ("long_view", 1))
    found = compare_self_checks(earlier, now, ASKED)
    assert found.fillna("").to_numpy().tolist() == [
        ["structure", "", 1.5, 3.5, 2.0],
        ["structure", "responsible", 2.0, 3.0, 1.0],
        ["structure", "team", 1.0, 4.0, 3.0],
        ["skills", "", 4.0, 2.0, -2.0],
        ["skills", "negotiation", 4.0, 2.0, -2.0],
    ]
