"""What the four synthetic cases are told: no two lines of a plan read the same, in either language."""

from __future__ import annotations

from pathlib import Path

import pytest

from kamkit import open_project
from kamkit.model.kit import bundled_cases
from kamkit.telling.results import actions_frame

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
