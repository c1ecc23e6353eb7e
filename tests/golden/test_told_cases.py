"""What the four synthetic cases are told: no two lines of a plan read the same, in either language."""

from __future__ import annotations

from pathlib import Path

import pytest

from kamkit import open_project
from kamkit.execution.explain import explain
from kamkit.model.kit import bundled_cases
from kamkit.telling.results import actions_frame
from kamkit.telling.trace import COMPARISONS, TRACES

FORECAST = {"expected", "low", "high"}
"""What a method foresees; only among sister companies it is a sum of rows."""
TEXTS = ["trigger", "first_step", "question"]


@pytest.mark.slow
@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("case", bundled_cases())
def test_no_two_lines_of_a_plan_read_the_same(case: str, language: str, tmp_path: Path) -> None:
    project = open_project(case, language, tmp_path)
    plan = actions_frame(project.options, project.key_accounts, project.labels)
    assert len(plan) == 10
    assert plan["first_step"].is_unique
    assert plan[TEXTS].agg(" ".join, axis=1).is_unique


@pytest.mark.slow
@pytest.mark.parametrize("case", bundled_cases())
def test_every_figure_of_a_key_account_follows_from_rows(case: str, tmp_path: Path) -> None:
    """Whatever the account's own lines can give is given by them, to the last digit, contracts booked by the year apart; and
    whatever was counted over other accounts, contacts and talks by their rows."""
    project = open_project(case, None, tmp_path)
    table = project.key_accounts.pareto.table
    spread = project.facts.spread
    yearly = set(spread["months"]["account_id"]) if spread else set()
    for account_id in table.loc[table["is_key_account"].astype(bool), "account_id"]:
        explained = explain(project, account_id)
        traced = [figure for figure in explained.figures if figure.name in TRACES]
        assert traced
        if account_id not in yearly:
            assert [figure.name for figure in traced if figure.term is None] == []
        counted = [figure for figure in explained.figures if figure.name in {*COMPARISONS} - FORECAST]
        assert counted
        assert [figure.name for figure in counted if figure.term is None] == []
